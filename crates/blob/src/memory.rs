//! [`Memory`]: contents in memory, for tests.

use crate::ContentId;
use crate::blobs::{Blobs, Sink, Source};
use std::collections::HashMap;
use std::io::{self, ErrorKind};
use std::sync::{Arc, Mutex, PoisonError};

type Shared = Arc<Mutex<HashMap<ContentId, Arc<Vec<u8>>>>>;

/// Contents that are gone with the process.
#[derive(Clone, Debug, Default)]
pub struct Memory(Shared);

#[derive(Debug)]
struct Draft {
    id: ContentId,
    bytes: Vec<u8>,
    into: Shared,
}

impl Blobs for Memory {
    fn create(&self, id: ContentId) -> io::Result<Box<dyn Sink>> {
        Ok(Box::new(Draft { id, bytes: Vec::new(), into: Arc::clone(&self.0) }))
    }

    fn open(&self, id: ContentId) -> io::Result<Arc<dyn Source>> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = all.get(&id).ok_or(ErrorKind::NotFound)?;
        Ok(Arc::new(Kept(Arc::clone(bytes))))
    }

    fn delete(&self, id: ContentId) -> io::Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        Ok(())
    }

    fn list(&self, each: &mut dyn FnMut(ContentId)) -> io::Result<()> {
        let ids: Vec<ContentId> =
            self.0.lock().unwrap_or_else(PoisonError::into_inner).keys().copied().collect();
        ids.into_iter().for_each(each);
        Ok(())
    }

    fn room(&self) -> Option<u64> {
        None
    }
}

impl Sink for Draft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn seal(self: Box<Self>) -> io::Result<()> {
        let Draft { id, bytes, into } = *self;
        into.lock().unwrap_or_else(PoisonError::into_inner).insert(id, Arc::new(bytes));
        Ok(())
    }
}

#[derive(Debug)]
struct Kept(Arc<Vec<u8>>);

impl Source for Kept {
    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let start = usize::try_from(offset).map_err(io::Error::other)?;
        let part = self.0.get(start..).and_then(|rest| rest.get(..out.len()));
        out.copy_from_slice(part.ok_or(ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}
