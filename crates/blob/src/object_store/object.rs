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

#[cfg(test)]
mod tests {
    use super::super::client::{Client, Credentials};
    use super::super::place::Place;
    use super::*;
    use auth::sigv4::Secret;
    use std::io::{BufRead, BufReader, Write};
    use std::net::{TcpListener, TcpStream};
    use std::sync::Mutex;

    const SIZE: usize = 1_000_000;
    const READ: usize = 10_000;

    /// First bytes and ends of what was asked for.
    type Asked = Mutex<Vec<(usize, usize)>>;

    fn content() -> Vec<u8> {
        (0..SIZE as u32).map(|n| (n * 31 / 7) as u8).collect()
    }

    /// A store of one object. It notes which ranges it is asked for, and breaks off answers that are longer than `cut`.
    fn store(cut: usize) -> (String, Arc<Asked>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Asked::default());
        let notes = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, notes) = (stream.unwrap(), Arc::clone(&notes));
                std::thread::spawn(move || serve(stream, cut, &notes));
            }
        });
        (endpoint, asked)
    }

    fn serve(mut stream: TcpStream, cut: usize, notes: &Asked) {
        let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
        let content = content();
        loop {
            let head: Vec<String> =
                lines.by_ref().map_while(Result::ok).take_while(|l| !l.is_empty()).collect();
            let range = head.iter().find_map(|line| line.strip_prefix("range: bytes="));
            let Some((first, last)) = range.and_then(|range| range.split_once('-')) else { return };
            let (first, end) = (first.parse::<usize>().unwrap(), last.parse::<usize>().unwrap() + 1);
            notes.lock().unwrap().push((first, end));
            let length = end - first;
            let head = format!("HTTP/1.1 206 Partial Content\r\nContent-Length: {length}\r\n\r\n");
            let _ = stream.write_all(head.as_bytes());
            let sent = length.min(cut);
            if stream.write_all(&content[first..first + sent]).is_err() || sent < length {
                return;
            }
        }
    }

    fn object(endpoint: &str) -> Object {
        let place = Place::read("s3://contents", Some(endpoint), "us-east-1").unwrap();
        let secret = Secret::new("secret");
        let credentials = Credentials { access_key: "key".to_owned(), secret, session_token: None };
        let client = Arc::new(Client::new(place, credentials, None));
        let id = ContentId::parse(&"0".repeat(32)).unwrap();
        let opened: Arc<Opened> = Arc::default();
        opened.lock().entry(id).or_default().count += 1;
        let mut object = Object::new(id, client, opened);
        object.size = SIZE as u64;
        object
    }

    fn read_all(object: &Object) -> Vec<u8> {
        let mut out = vec![0; SIZE];
        for (at, piece) in out.chunks_mut(READ).enumerate() {
            object.read_at((at * READ) as u64, piece).unwrap();
        }
        out
    }

    #[test]
    fn reading_on_takes_few_requests_that_grow() {
        let (endpoint, asked) = store(usize::MAX);
        assert!(read_all(&object(&endpoint)) == content());
        let asked = asked.lock().unwrap().clone();
        let reads: Vec<usize> = asked.iter().map(|(first, end)| (end - first) / READ).collect();
        assert_eq!(reads, [1, 4, 8, 16, 32, 39]);
        assert!(asked.windows(2).all(|pair| pair[0].1 == pair[1].0), "{asked:?}");
    }

    #[test]
    fn reading_here_and_there_asks_for_no_more() {
        let (endpoint, asked) = store(usize::MAX);
        let (object, content) = (object(&endpoint), content());
        for at in [500_000, 0, 700_000, 20_000] {
            let mut out = [0; READ];
            object.read_at(at, &mut out).unwrap();
            assert!(out[..] == content[at as usize..at as usize + READ]);
        }
        assert!(asked.lock().unwrap().iter().all(|(first, end)| end - first == READ));
    }

    #[test]
    fn an_answer_that_breaks_off_is_asked_for_again() {
        let (endpoint, asked) = store(25_000);
        assert!(read_all(&object(&endpoint)) == content());
        assert!(asked.lock().unwrap().len() > 10);
    }
}
