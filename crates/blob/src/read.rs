//! [`Reader`]: a content that is read in large pieces, from anywhere.

use crate::blobs::Source;
use crate::cipher::{BLOCK, Cipher, TAG, last_block};
use crate::hot::{Hot, Name};
use crate::pool::{Pool, SIZE};
use bytes::Bytes;
use std::cell::RefCell;
use std::io;
use std::sync::Arc;

/// Blocks that are read at once.
const BLOCKS: u64 = (SIZE / BLOCK) as u64;

thread_local! {
    /// Where ciphertext is read to: small enough to stay in the processor's cache.
    static SEALED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// A content that can be read.
#[derive(Debug)]
pub struct Reader {
    source: Arc<dyn Source>,
    cipher: Cipher,
    size: u64,
    name: Name,
    pool: Arc<Pool>,
    hot: Arc<Hot>,
}

/// A piece that is open already.
pub(crate) fn hot(hot: &Hot, name: Name, from: u64, to: u64) -> Option<Bytes> {
    let first = from / BLOCK as u64;
    let start = first * BLOCK as u64;
    let bytes = hot.get((name, first))?;
    let upto = bytes.len().min(usize::try_from(to.checked_sub(start)?).unwrap_or(usize::MAX));
    let skip = (from - start) as usize;
    (skip < upto).then(|| bytes.slice(skip..upto))
}

impl Reader {
    pub(crate) fn new(
        source: Arc<dyn Source>,
        cipher: Cipher,
        size: u64,
        name: Name,
        pool: Arc<Pool>,
        hot: Arc<Hot>,
    ) -> Reader {
        Reader { source, cipher, size, name, pool, hot }
    }

    pub fn size(&self) -> u64 {
        self.size
    }

    /// The next bytes from `from` on: at least one, at most 256 KiB, none behind `to`. Blocks.
    ///
    /// # Errors
    /// `InvalidData` where the bytes are damaged, `UnexpectedEof` behind the end; else the place's own.
    pub fn piece(&self, from: u64, to: u64) -> io::Result<Bytes> {
        let to = to.min(self.size);
        if from >= to {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if let Some(bytes) = hot(&self.hot, self.name, from, to) {
            return Ok(bytes);
        }
        let first = from / BLOCK as u64;
        let end = (to.div_ceil(BLOCK as u64)).min(first + BLOCKS);
        let start = first * BLOCK as u64;
        // Below SIZE, as there are at most BLOCKS of them.
        let len = ((end * BLOCK as u64).min(self.size) - start) as usize;
        let mut buffer = self.pool.take();
        SEALED.with_borrow_mut(|sealed| {
            sealed.resize(len + (end - first) as usize * TAG, 0);
            self.source.read_at(first * (BLOCK + TAG) as u64, sealed)?;
            let last = last_block(self.size);
            let blocks = sealed.chunks(BLOCK + TAG).zip(buffer.as_mut()[..len].chunks_mut(BLOCK));
            for (index, (block, out)) in (first..).zip(blocks) {
                self.cipher
                    .open(index, index == last, block, out)
                    .map_err(|damaged| io::Error::new(io::ErrorKind::InvalidData, damaged))?;
            }
            io::Result::Ok(())
        })?;
        let skip = (from - start) as usize;
        let upto = len.min((to - start) as usize);
        let bytes = buffer.freeze(len);
        // A part of what could be read at once would stand in for all of it.
        if len == SIZE || start + len as u64 == self.size {
            self.hot.opened((self.name, first), &bytes);
        }
        Ok(bytes.slice(skip..upto))
    }
}
