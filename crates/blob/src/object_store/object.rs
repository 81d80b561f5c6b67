//! [`Object`]: a content that is being read.
//!
//! ```text
//! a read anywhere               one request for just that
//! one that goes on from there   a request for four times as much, then eight, up to 64 MiB, read by and by
//! ```
//!
//! So whoever reads all of a large content does it at the pace of the store, in a few requests, and whoever stops early has
//! asked for little that he did not need. What the connection holds is all that is ever ahead.

use super::client::{Client, Request};
use super::http::Stream;
use super::{Opened, delete};
use crate::ContentId;
use crate::blobs::Source;
use std::io::{self, ErrorKind};
use std::sync::{Arc, Mutex, PoisonError};

/// How much more than a read wants is asked for when it goes on from the one before, and how far that grows.
const READS_MIN: u64 = 4;
const AHEAD_BYTES_MAX: u64 = 64 << 20;

#[derive(Debug)]
pub(super) struct Object {
    id: ContentId,
    client: Arc<Client>,
    opened: Arc<Opened>,
    pub(super) size: u64,
    ahead: Mutex<Ahead>,
}

/// Where the last read ended, and what has been asked for from there on.
#[derive(Default, Debug)]
struct Ahead {
    next: u64,
    /// In reads.
    window: u64,
    stream: Option<Stream>,
}

impl Object {
    pub(super) fn new(id: ContentId, client: Arc<Client>, opened: Arc<Opened>) -> Object {
        Object { id, client, opened, size: 0, ahead: Mutex::default() }
    }

    fn alone(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let range = format!("bytes={offset}-{}", offset + out.len() as u64 - 1);
        let name = self.id.to_string();
        let headers = &[("range", range.as_str())];
        let answer =
            self.client.call(Request { method: "GET", name: Some(&name), query: "", headers, body: &[] })?;
        // A store that knows no ranges answers 200 with all of it.
        if answer.status != 206 || answer.body.len() != out.len() {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        out.copy_from_slice(&answer.body);
        Ok(())
    }

    /// Reads on where the last read ended, from what has been asked for; false where that cannot be.
    fn on(&self, ahead: &mut Ahead, offset: u64, out: &mut [u8]) -> bool {
        let wanted = out.len() as u64;
        let stream = match ahead.stream.take() {
            Some(stream) if stream.left() >= wanted => Some(stream),
            _ => {
                let reads = ahead.window.clamp(READS_MIN, (AHEAD_BYTES_MAX / wanted).max(READS_MIN));
                ahead.window = reads * 2;
                let end = self.size.min(offset.saturating_add(wanted * reads));
                let is_more = end > offset + wanted;
                let name = self.id.to_string();
                is_more.then(|| self.client.stream(&name, offset, end).ok()).flatten()
            }
        };
        let Some(mut stream) = stream else { return false };
        if stream.fill(out).is_err() {
            return false;
        }
        if stream.left() > 0 {
            ahead.stream = Some(stream);
        } else {
            self.client.finished(stream);
        }
        true
    }
}

impl Source for Object {
    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        if out.is_empty() {
            return Ok(());
        }
        let lock = || self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        // Whoever else reads meanwhile begins anew.
        let mut ahead = std::mem::take(&mut *lock());
        let goes_on = offset > 0 && offset == ahead.next;
        if !goes_on {
            ahead = Ahead::default();
        }
        if !(goes_on && self.on(&mut ahead, offset, out)) {
            self.alone(offset, out)?;
        }
        ahead.next = offset + out.len() as u64;
        *lock() = ahead;
        Ok(())
    }
}

impl Drop for Object {
    fn drop(&mut self) {
        let mut all = self.opened.lock();
        let Some(readers) = all.get_mut(&self.id) else { return };
        readers.count -= 1;
        if readers.count > 0 {
            return;
        }
        let doomed = readers.doomed;
        all.remove(&self.id);
        drop(all);
        if doomed {
            let (client, name) = (Arc::clone(&self.client), self.id.to_string());
            // It may be dropped where nobody may wait. What cannot be removed now is found when the cloud starts next.
            std::thread::spawn(move || delete(&client, &name));
        }
    }
}
