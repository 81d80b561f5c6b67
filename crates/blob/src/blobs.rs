//! [`Blobs`]: where contents lie. Small on purpose, so that files, memory and an object store all fit it.
//!
//! Everything here blocks; callers choose the thread.

use crate::ContentId;
use std::io;
use std::sync::Arc;

/// A place for contents.
pub trait Blobs: Send + Sync + std::fmt::Debug {
    /// Begins a content. Nobody sees it before its [`Sink::seal`].
    ///
    /// # Errors
    /// The place's own.
    fn create(&self, id: ContentId) -> io::Result<Box<dyn Sink>>;

    /// # Errors
    /// `NotFound` where there is none; else the place's own.
    fn open(&self, id: ContentId) -> io::Result<Arc<dyn Source>>;

    /// Deletes a content. No error where there is none.
    ///
    /// # Errors
    /// The place's own.
    fn delete(&self, id: ContentId) -> io::Result<()>;

    /// Shows every content there is, in no order, those that were begun and never sealed included.
    ///
    /// # Errors
    /// The place's own.
    fn list(&self, each: &mut dyn FnMut(ContentId)) -> io::Result<()>;

    /// How many bytes there is room for; `None` where nobody can say.
    fn room(&self) -> Option<u64>;
}

/// A content that is being written, front to back. Dropped without [`Sink::seal`], it goes away.
pub trait Sink: Send + std::fmt::Debug {
    /// # Errors
    /// The place's own; the content is then of no use.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Ends the content. It is durable when this returns.
    ///
    /// # Errors
    /// The place's own; the content is then gone.
    fn seal(self: Box<Self>) -> io::Result<()>;
}

/// A content that can be read. It stays readable while this lives, even if it is deleted meanwhile.
pub trait Source: Send + Sync + std::fmt::Debug {
    /// Fills `out` with the bytes from `offset` on.
    ///
    /// # Errors
    /// `UnexpectedEof` beyond the end; else the place's own.
    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()>;
}
