//! Receiving bytes: hashed, encrypted and written while they come, never held as a whole.
//!
//! What is small lies in the store, the rest in [`blob`]; threads for blocking work take batches in turn.

use super::errors::{GlacierError, Refusal, broken, disk, invalid};
use super::model::{LEAVES, PARTS, Part, part_key};
use super::tree::{self, Hash, Leaves};
use crate::piece::Piece;
use blob::cipher::{Root, seal_whole};
use blob::inline::Raw;
use blob::{ContentId, Finished, Writer, inline};
use bytes::Bytes;
use kernel::{Body, Cloud, Dx};
use std::io;
use std::sync::{Arc, OnceLock};
use store::{StoreError, Tx};
use tokio::task::{JoinHandle, spawn_blocking};

/// What is handed to a thread at once, in bytes.
const BATCH: usize = 1 << 20;

/// Under which archives lie.
#[derive(Default, Debug)]
struct OwnKey(OnceLock<Root>);

pub(super) fn root(cloud: &Cloud) -> Root {
    let own = cloud.memory::<OwnKey>();
    own.0.get_or_init(|| Root::new(&cloud.sealer().key_for("glacier archives"))).clone()
}

/// Bytes that were received and that no record refers to yet.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) size: u64,
    leaves: Vec<Hash>,
    kept: Kept,
}

#[derive(Debug)]
enum Kept {
    Inline { id: ContentId, sealed: Vec<u8> },
    File(Finished),
}

impl Received {
    /// The tree hash.
    pub(super) fn hash(&self) -> Hash {
        tree::root(&self.leaves)
    }

    /// Enters the bytes as a part of a series, in place of what was there.
    ///
    /// # Errors
    /// The store's.
    pub(super) fn enter(
        &self,
        tx: &mut Tx,
        cloud: &Cloud,
        (vault, series): (u64, u64),
        first: u64,
    ) -> Result<(), StoreError> {
        let key = part_key(vault, series, first);
        if let Some(old) = PARTS.get(tx, &key)? {
            release(tx, cloud, &old.piece)?;
        }
        let (content, is_inline) = match &self.kept {
            Kept::Inline { id, sealed } => {
                inline::put(tx, *id, sealed);
                (*id, true)
            }
            Kept::File(finished) => {
                blob::refs::claim(tx, finished.id, finished.size);
                (finished.id, false)
            }
        };
        let piece = Piece { content, size: self.size, inline: is_inline, ..Piece::default() };
        PARTS.put(tx, &key, &Part { first, piece, hash: self.hash().to_vec() });
        LEAVES.put(tx, &key, &Raw(tree::packed(&self.leaves)));
        Ok(())
    }

    /// To be called when that transaction has been handed over; see [`Finished::keep`].
    pub(super) fn keep(self) {
        if let Kept::File(finished) = self.kept {
            finished.keep();
        }
    }
}

/// Lets go of a run of bytes.
///
/// # Errors
/// The store's.
pub(super) fn release(tx: &mut Tx, cloud: &Cloud, piece: &Piece) -> Result<(), StoreError> {
    if piece.inline {
        inline::delete(tx, piece.content);
        return Ok(());
    }
    blob::refs::release(tx, piece.content, cloud.contents().wall_now())
}

/// Bytes on their way into a file.
struct Draft {
    writer: Writer,
    leaves: Leaves,
    size: u64,
}

impl Draft {
    fn begin(cloud: &Cloud) -> io::Result<Draft> {
        let contents = cloud.contents();
        let writer = contents.write(contents.new_id(cloud.rng()), &root(cloud))?;
        Ok(Draft { writer, leaves: Leaves::new(), size: 0 })
    }

    fn absorb(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.leaves.update(bytes);
        self.size += bytes.len() as u64;
        self.writer.write(bytes)
    }

    fn finish(self) -> io::Result<Received> {
        let kept = Kept::File(self.writer.finish()?);
        Ok(Received { size: self.size, leaves: self.leaves.finish(), kept })
    }
}

/// Receives all of `body`: at least one byte, and at most `most`.
///
/// # Errors
/// Those of [`Body::next`]; `MissingParameterValueException`, `InvalidParameterValueException`;
/// `ServiceUnavailableException` where the disk fails.
pub(super) async fn receive(dx: &Dx, mut body: Body, most: u64) -> Result<Received, GlacierError> {
    let length = body.length().ok_or(Refusal::Missing("Content-Length"))?;
    let wrong = |length: u64| invalid(format!("Invalid Content-Length: {length}"));
    if length == 0 || length > most {
        return Err(wrong(length));
    }
    let mut begun: Vec<Bytes> = Vec::new();
    let mut size = 0;
    while size <= inline::SIZE_MAX
        && let Some(piece) = body.next().await?
    {
        size += piece.len() as u64;
        begun.push(piece);
    }
    let received = if size <= inline::SIZE_MAX {
        small(dx, &begun.concat())
    } else {
        large(dx, &mut body, begun, size, most).await?
    };
    if received.size == length { Ok(received) } else { Err(wrong(received.size)) }
}

fn small(dx: &Dx, bytes: &[u8]) -> Received {
    let mut leaves = Leaves::new();
    leaves.update(bytes);
    let id = dx.cloud().contents().new_id(dx.cloud().rng());
    let sealed = seal_whole(&root(dx.cloud()).cipher(id), bytes);
    Received { size: bytes.len() as u64, leaves: leaves.finish(), kept: Kept::Inline { id, sealed } }
}

async fn large(
    dx: &Dx,
    body: &mut Body,
    begun: Vec<Bytes>,
    mut total: u64,
    most: u64,
) -> Result<Received, GlacierError> {
    let cloud = Arc::clone(dx.cloud());
    let mut work: Work = spawn_blocking(move || Draft::begin(&cloud));
    let (mut batch, mut size) = (begun, 0);
    while let Some(piece) = body.next().await? {
        size += piece.len();
        total += piece.len() as u64;
        if total > most {
            return Err(invalid(format!("Invalid Content-Length: {total}")));
        }
        batch.push(piece);
        if size >= BATCH {
            work = go_on(work, std::mem::take(&mut batch)).await?;
            size = 0;
        }
    }
    let draft = done(go_on(work, batch).await?).await?;
    spawn_blocking(move || draft.finish()).await.map_err(|e| broken(&e))?.map_err(|e| disk(&e))
}

/// A draft, which a thread has while it writes.
type Work = JoinHandle<io::Result<Draft>>;

async fn done(work: Work) -> Result<Draft, GlacierError> {
    work.await.map_err(|e| broken(&e))?.map_err(|e| disk(&e))
}

/// Waits for the last batch and begins the next one.
async fn go_on(work: Work, batch: Vec<Bytes>) -> Result<Work, GlacierError> {
    let mut draft = done(work).await?;
    Ok(spawn_blocking(move || {
        batch.iter().try_for_each(|piece| draft.absorb(piece))?;
        Ok(draft)
    }))
}
