//! The bytes of layers: how they are kept, checked and read back.

use super::errors::EcrError;
use super::manifest::written;
use super::model::{LAYERS, Layer, Part, Repository};
use aws_lc_rs::digest::{Context, SHA256};
use blob::cipher::Root;
use blob::contents::Pin;
use blob::{Reader, refs};
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use kernel::body::Cut;
use kernel::{Cloud, Cx};
use std::collections::VecDeque;
use std::io;
use std::pin::Pin as Pinned;
use std::sync::Arc;
use std::task::{Context as Waker, Poll, ready};
use store::Tx;
use tokio::task::{JoinHandle, spawn_blocking};

fn root(cloud: &Cloud) -> Root {
    Root::new(&cloud.sealer().key_for("ecr layers"))
}

/// Keeps some bytes: they are on the disk when this returns, and are claimed by the transaction.
///
/// # Errors
/// `ServerException` for what the disk says.
pub(super) fn keep(cx: &mut Cx<'_>, bytes: &[u8]) -> Result<Part, EcrError> {
    let contents = cx.cloud().contents();
    let id = contents.new_id(cx.rng());
    let finished = kernel::slow(|| {
        let mut writer = contents.write(id, &root(cx.cloud()))?;
        writer.write(bytes)?;
        writer.finish()
    })?;
    let size = finished.size;
    refs::claim(cx.tx, id, size);
    // A transaction that never happens leaves nothing: then it is dropped.
    cx.tx.on_end(move |commit| {
        if commit.is_some() {
            finished.keep();
        }
    });
    Ok(Part { content: id, size })
}

/// The bytes of these parts are needed no more.
///
/// # Errors
/// The store's.
pub(super) fn release(tx: &mut Tx, cloud: &Cloud, parts: &[Part]) -> Result<(), EcrError> {
    let now = cloud.contents().wall_now();
    parts.iter().try_for_each(|part| Ok(refs::release(tx, part.content, now)?))
}

/// One image less needs this layer; the last one takes it along.
///
/// # Errors
/// The store's.
pub(super) fn unuse(
    tx: &mut Tx,
    cloud: &Cloud,
    repository: &Repository,
    digest: &str,
) -> Result<(), EcrError> {
    let Some(mut layer) = repository.layer(tx, digest)? else { return Ok(()) };
    let key = repository.key().str(digest);
    layer.users = layer.users.saturating_sub(1);
    if layer.users > 0 {
        LAYERS.put(tx, &key, &layer);
        return Ok(());
    }
    LAYERS.delete(tx, &key);
    release(tx, cloud, &layer.parts)
}

/// The digest of what these parts are together. Blocks for as long as it takes to read them.
///
/// # Errors
/// `ServerException` for what the disk says.
pub(super) fn digest(cloud: &Arc<Cloud>, parts: &[Part]) -> Result<String, EcrError> {
    let mut plan = Plan::new(cloud, parts);
    let mut hash = Context::new(&SHA256);
    while let Some(piece) = plan.next()? {
        hash.update(&piece);
    }
    Ok(written(&hash.finish()))
}

/// A layer on its way out.
pub(super) fn stream(cloud: &Arc<Cloud>, layer: &Layer) -> Outgoing {
    Outgoing { left: layer.size, ahead: Some(ahead(Plan::new(cloud, &layer.parts))) }
}

/// A layer for who is within this cloud. Blocks.
pub(crate) struct Pulled {
    plan: Plan,
    piece: Bytes,
}

impl Pulled {
    pub(super) fn new(cloud: &Arc<Cloud>, layer: &Layer) -> Pulled {
        Pulled { plan: Plan::new(cloud, &layer.parts), piece: Bytes::new() }
    }
}

impl io::Read for Pulled {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.plan.next()? {
                Some(piece) => self.piece = piece,
                None => return Ok(0),
            }
        }
        let piece = self.piece.split_to(self.piece.len().min(buffer.len()));
        buffer[..piece.len()].copy_from_slice(&piece);
        Ok(piece.len())
    }
}

/// What is still to be read.
struct Plan {
    cloud: Arc<Cloud>,
    parts: VecDeque<(Part, Pin)>,
    /// The part that is being read, and how far.
    open: Option<(Reader, u64)>,
}

impl Plan {
    fn new(cloud: &Arc<Cloud>, parts: &[Part]) -> Plan {
        let pinned = |part: &Part| (part.clone(), cloud.contents().pin(part.content));
        Plan { cloud: Arc::clone(cloud), parts: parts.iter().map(pinned).collect(), open: None }
    }

    /// The next bytes; `None` at the end. Blocks.
    fn next(&mut self) -> io::Result<Option<Bytes>> {
        let Some((part, _)) = self.parts.front() else { return Ok(None) };
        let (reader, at) = match self.open.take() {
            Some(open) => open,
            None => (self.cloud.contents().read(part.content, &root(&self.cloud), part.size)?, 0),
        };
        let piece = reader.piece(at, part.size)?;
        let at = at + piece.len() as u64;
        if at < part.size {
            self.open = Some((reader, at));
        } else {
            self.parts.pop_front();
        }
        Ok(Some(piece))
    }
}

type Ahead = JoinHandle<io::Result<(Plan, Option<Bytes>)>>;

fn ahead(mut plan: Plan) -> Ahead {
    spawn_blocking(move || {
        let piece = plan.next()?;
        Ok((plan, piece))
    })
}

/// The payload of an answer, read one piece ahead of the connection.
pub(super) struct Outgoing {
    left: u64,
    ahead: Option<Ahead>,
}

impl http_body::Body for Outgoing {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(self: Pinned<&mut Self>, cx: &mut Waker<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        let this = self.get_mut();
        let Some(handle) = &mut this.ahead else { return Poll::Ready(None) };
        let done = ready!(Pinned::new(handle).poll(cx));
        this.ahead = None;
        let Ok(Ok((plan, piece))) = done else { return Poll::Ready(Some(Err(Cut::Broken))) };
        let Some(piece) = piece else { return Poll::Ready(None) };
        this.left -= piece.len() as u64;
        if this.left > 0 {
            this.ahead = Some(ahead(plan));
        }
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.ahead.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
