//! [`Writer`]: a content on its way to its place, encrypted block by block.

use crate::ContentId;
use crate::blobs::{Blobs, Sink};
use crate::cipher::{BLOCK, Cipher, TAG};
use std::io;
use std::sync::Arc;

/// Writes one content, front to back. Dropped, it leaves nothing.
#[derive(Debug)]
pub struct Writer {
    id: ContentId,
    sink: Box<dyn Sink>,
    cipher: Cipher,
    blobs: Arc<dyn Blobs>,
    /// The plaintext of the block that is not complete, with room for its tag.
    block: Vec<u8>,
    index: u64,
    size: u64,
}

/// A content that is on the disk and that nobody refers to yet. Dropped without [`Finished::keep`], it is removed.
#[derive(Debug)]
pub struct Finished {
    pub id: ContentId,
    /// In bytes, unencrypted.
    pub size: u64,
    blobs: Option<Arc<dyn Blobs>>,
}

impl Writer {
    pub(crate) fn new(id: ContentId, sink: Box<dyn Sink>, cipher: Cipher, blobs: Arc<dyn Blobs>) -> Writer {
        Writer { id, sink, cipher, blobs, block: Vec::with_capacity(BLOCK + TAG), index: 0, size: 0 }
    }

    /// # Errors
    /// The place's own; nothing can be written after one.
    pub fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        self.size += bytes.len() as u64;
        while !bytes.is_empty() {
            // A full block is sealed when more comes: only then it is known not to be the last one.
            if self.block.len() == BLOCK {
                self.flush(false)?;
            }
            let (now, later) = bytes.split_at(bytes.len().min(BLOCK - self.block.len()));
            self.block.extend_from_slice(now);
            bytes = later;
        }
        Ok(())
    }

    fn flush(&mut self, last: bool) -> io::Result<()> {
        self.cipher.seal(self.index, last, &mut self.block);
        self.sink.write(&self.block)?;
        self.block.clear();
        self.index += 1;
        Ok(())
    }

    /// Ends the content; it is durable when this returns.
    ///
    /// # Errors
    /// The place's own; the content is then gone.
    pub fn finish(mut self) -> io::Result<Finished> {
        if self.size > 0 {
            self.flush(true)?;
        }
        self.sink.seal()?;
        Ok(Finished { id: self.id, size: self.size, blobs: Some(self.blobs) })
    }
}

impl Finished {
    /// To be called once the transaction that claims it has been handed over, whatever became of it: what a commit of
    /// unknown outcome refers to must stay. What is then unclaimed is swept at the next start.
    pub fn keep(mut self) {
        self.blobs = None;
    }
}

impl Drop for Finished {
    fn drop(&mut self) {
        if let Some(blobs) = self.blobs.take() {
            // What cannot be removed now is found when the cloud starts next.
            let _ = blobs.delete(self.id);
        }
    }
}
