//! Receiving bytes: hashed, encrypted and written while they come, never held as a whole.
//!
//! Small ones are kept for the store; larger ones go to [`blob`] in batches that threads for blocking work take in
//! turn, so that no thread waits for a slow sender.

use super::checksum::{self, Claims};
use crate::piece::Piece;
use crate::s3::errors::{Refusal, S3Error};
use crate::s3::model::object::Checksum;
use auth::md5::Md5;
use auth::sigv4::{Checksum as Summing, ChecksumKind};
use blob::cipher::{Root, seal_whole};
use blob::{ContentId, Finished, Writer, inline};
use bytes::Bytes;
use kernel::{Body, Dx};
use std::io;
use store::Tx;
use tokio::task::{JoinHandle, spawn_blocking};

/// What is handed to a thread at once, in bytes.
const BATCH: usize = 1 << 20;
/// AWS: the largest object in one PUT, the largest part, the largest source of one copy: 5 GiB.
pub(crate) const SIZE_MAX: u64 = 5 << 30;

/// Bytes that were received and that no record refers to yet.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) size: u64,
    pub(crate) md5: [u8; 16],
    /// The one that the request states, or else the one that was wanted.
    pub(crate) checksum: Checksum,
    /// The one that was wanted, where the request states another.
    pub(crate) also: Option<Checksum>,
    kept: Kept,
}

#[derive(Debug)]
enum Kept {
    Nothing,
    Inline { id: ContentId, sealed: Vec<u8> },
    File(Finished),
}

impl Received {
    /// The run of bytes as records refer to it; none of an empty object.
    pub(crate) fn piece(&self) -> Option<Piece> {
        let (content, inline) = match &self.kept {
            Kept::Nothing => return None,
            Kept::Inline { id, .. } => (*id, true),
            Kept::File(finished) => (finished.id, false),
        };
        Some(Piece { content, size: self.size, inline, ..Piece::default() })
    }

    /// Claims the bytes in the transaction that writes the record.
    pub(crate) fn claim(&self, tx: &mut Tx) {
        match &self.kept {
            Kept::Nothing => {}
            Kept::Inline { id, sealed } => inline::put(tx, *id, sealed),
            Kept::File(finished) => blob::refs::claim(tx, finished.id, finished.size),
        }
    }

    /// To be called when that transaction has been handed over; see [`Finished::keep`].
    pub(crate) fn keep(self) {
        if let Kept::File(finished) = self.kept {
            finished.keep();
        }
    }
}

/// Hashes that are computed while bytes pass.
#[derive(Debug)]
pub(crate) struct Hashes {
    md5: Md5,
    sum: Summing,
    also: Option<Summing>,
    size: u64,
}

/// Which checksums are computed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kinds {
    pub(crate) first: ChecksumKind,
    pub(crate) also: Option<ChecksumKind>,
}

impl From<ChecksumKind> for Kinds {
    fn from(first: ChecksumKind) -> Kinds {
        Kinds { first, also: None }
    }
}

impl Hashes {
    pub(crate) fn new(kinds: Kinds) -> Hashes {
        Hashes {
            md5: Md5::new(),
            sum: Summing::new(kinds.first),
            also: kinds.also.map(Summing::new),
            size: 0,
        }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.md5.update(bytes);
        self.sum.update(bytes);
        if let Some(also) = &mut self.also {
            also.update(bytes);
        }
        self.size += bytes.len() as u64;
    }

    fn received(self, kept: Kept) -> Received {
        let finished = |sum: Summing| Checksum {
            algorithm: sum.kind().name().to_owned(),
            value: sum.finish(),
            composite: false,
        };
        Received {
            size: self.size,
            md5: self.md5.finish(),
            checksum: finished(self.sum),
            also: self.also.map(finished),
            kept,
        }
    }
}

/// Bytes on their way into a file.
#[derive(Debug)]
pub(crate) struct Draft {
    writer: Writer,
    hashes: Hashes,
}

impl Draft {
    pub(crate) fn begin(dx: &Dx, root: &Root, kinds: Kinds) -> io::Result<Draft> {
        let contents = dx.cloud().contents();
        let writer = contents.write(contents.new_id(dx.cloud().rng()), root)?;
        Ok(Draft { writer, hashes: Hashes::new(kinds) })
    }

    pub(crate) fn absorb(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hashes.update(bytes);
        self.writer.write(bytes)
    }

    pub(crate) fn finish(self) -> io::Result<Received> {
        let finished = self.writer.finish()?;
        Ok(self.hashes.received(Kept::File(finished)))
    }
}

/// Receives all of `body`, and holds it against what the request claims of it.
///
/// # Errors
/// Those of [`Body::next`]; `MissingContentLength`, `NotImplemented`, `EntityTooLarge`, `BadDigest`; `InternalError`
/// where the disk fails.
pub(crate) async fn receive(
    dx: &Dx,
    mut body: Body,
    root: &Root,
    claims: &Claims,
) -> Result<Received, S3Error> {
    let length = match body.length() {
        None if body.is_in_chunks() => return Err(Refusal::NotImplemented("Transfer-Encoding").into()),
        // Only the end of a form tells where its file ends.
        None if !dx.request().form => return Err(Refusal::MissingContentLength.into()),
        Some(length) if length > SIZE_MAX => return Err(Refusal::EntityTooLarge(length).into()),
        length => length,
    };
    let stated = claims.checksum.as_ref().map(|(kind, _)| *kind).or(body.announced());
    let wanted = claims.wanted.unwrap_or(stated.unwrap_or(checksum::DEFAULT));
    let first = stated.unwrap_or(wanted);
    let kinds = Kinds { first, also: (wanted != first).then_some(wanted) };
    let mut begun = Vec::new();
    let mut small_so_far = length.is_none_or(|length| length <= inline::SIZE_MAX);
    while small_so_far && let Some(piece) = body.next().await? {
        let size: usize = begun.iter().map(Bytes::len).sum();
        small_so_far = size + piece.len() <= inline::SIZE_MAX as usize;
        begun.push(piece);
    }
    let received = match &begun[..] {
        [] if small_so_far => small(dx, root, kinds, &[]),
        [one] if small_so_far => small(dx, root, kinds, one),
        several if small_so_far => small(dx, root, kinds, &several.concat()),
        _ => large(dx, &mut body, begun, root, kinds).await?,
    };
    if length.is_some_and(|length| received.size != length) {
        return Err(Refusal::IncompleteBody.into());
    }
    check(&received, claims)?;
    Ok(received)
}

fn check(received: &Received, claims: &Claims) -> Result<(), S3Error> {
    if let Some(md5) = &claims.md5
        && *md5 != received.md5
    {
        return Err(checksum::bad_md5(md5, &received.md5, claims.of_part));
    }
    if let Some((kind, value)) = &claims.checksum
        && *value != received.checksum.value
    {
        return Err(Refusal::BadChecksum(kind.name().to_owned()).into());
    }
    Ok(())
}

/// Keeps bytes that are small enough for the store.
pub(crate) fn small(dx: &Dx, root: &Root, kinds: Kinds, bytes: &[u8]) -> Received {
    let mut hashes = Hashes::new(kinds);
    hashes.update(bytes);
    let kept = if bytes.is_empty() {
        Kept::Nothing
    } else {
        let id = dx.cloud().contents().new_id(dx.cloud().rng());
        Kept::Inline { id, sealed: seal_whole(&root.cipher(id), bytes) }
    };
    hashes.received(kept)
}

async fn large(
    dx: &Dx,
    body: &mut Body,
    begun: Vec<Bytes>,
    root: &Root,
    kinds: Kinds,
) -> Result<Received, S3Error> {
    let (own, own_root) = (dx.clone(), root.clone());
    let mut work = Work::Running(spawn_blocking(move || Draft::begin(&own, &own_root, kinds)));
    let (mut batch, mut size, mut total) = (begun, 0, 0);
    while let Some(piece) = body.next().await? {
        size += piece.len();
        total += piece.len() as u64;
        if total > SIZE_MAX {
            return Err(Refusal::EntityTooLarge(total).into());
        }
        batch.push(piece);
        if size >= BATCH {
            work = work.go_on(std::mem::take(&mut batch)).await?;
            size = 0;
        }
    }
    let draft = work.go_on(batch).await?.done().await?;
    spawn_blocking(move || draft.finish()).await.map_err(broken)?.map_err(disk)
}

/// A draft, which a thread has while it writes.
enum Work {
    Running(JoinHandle<io::Result<Draft>>),
}

impl Work {
    async fn done(self) -> Result<Draft, S3Error> {
        let Work::Running(handle) = self;
        handle.await.map_err(broken)?.map_err(disk)
    }

    /// Waits for the last batch and begins the next one.
    async fn go_on(self, batch: Vec<Bytes>) -> Result<Work, S3Error> {
        let mut draft = self.done().await?;
        Ok(Work::Running(spawn_blocking(move || {
            batch.iter().try_for_each(|piece| draft.absorb(piece))?;
            Ok(draft)
        })))
    }
}

pub(crate) fn broken(error: tokio::task::JoinError) -> S3Error {
    kernel::log::error("work on an object broke off", &[("problem", &error.to_string())]);
    Refusal::Internal.into()
}

pub(crate) fn disk(error: io::Error) -> S3Error {
    kernel::log::error("an object's bytes could not be written or read", &[("problem", &error.to_string())]);
    match error.kind() {
        io::ErrorKind::StorageFull => Refusal::SlowDown.into(),
        _ => Refusal::Internal.into(),
    }
}
