//! [`Pool`]: buffers that are used again. A fresh one costs the operating system more than filling it does.

use bytes::Bytes;
use std::sync::{Arc, Mutex, PoisonError};

/// The length of a buffer.
pub const SIZE: usize = 256 << 10;
/// So many are kept; more are made when they are needed, and then let go.
const KEPT: usize = 24;

/// Buffers of [`SIZE`] bytes.
#[derive(Debug, Default)]
pub struct Pool(Mutex<Vec<Box<[u8]>>>);

/// A buffer on loan.
#[derive(Debug)]
pub struct Buffer {
    bytes: Option<Box<[u8]>>,
    pool: Arc<Pool>,
}

impl Pool {
    /// A buffer with arbitrary contents.
    pub fn take(self: &Arc<Pool>) -> Buffer {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let bytes = kept.unwrap_or_else(|| vec![0; SIZE].into_boxed_slice());
        Buffer { bytes: Some(bytes), pool: Arc::clone(self) }
    }
}

impl Buffer {
    /// The first `len` bytes as shared bytes; the buffer comes back when the last clone of them is gone.
    pub fn freeze(self, len: usize) -> Bytes {
        Bytes::from_owner(self).slice(..len)
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        self.bytes.as_deref().unwrap_or_default()
    }
}

impl AsMut<[u8]> for Buffer {
    fn as_mut(&mut self) -> &mut [u8] {
        self.bytes.as_deref_mut().unwrap_or_default()
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let mut kept = self.pool.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < KEPT {
            kept.extend(self.bytes.take());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Pool;
    use std::sync::Arc;

    #[test]
    fn a_buffer_comes_back_when_nobody_looks_at_it() {
        let pool = Arc::new(Pool::default());
        let mut buffer = pool.take();
        buffer.as_mut()[0] = 7;
        let bytes = buffer.freeze(3);
        let part = bytes.slice(..1);
        drop(bytes);
        assert!(pool.0.lock().unwrap().is_empty());
        assert_eq!(part[..], [7]);
        drop(part);
        assert_eq!(pool.0.lock().unwrap().len(), 1);
    }
}
