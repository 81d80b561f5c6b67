//! What an environment says: its standard output and error, line by line with the time.

use super::end::{EXTENSION, RUNTIME};
use super::telemetry::Telemetry;
use base::Timestamp;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::unix::pipe::Receiver;
use tokio::sync::watch;

/// What is kept of one invocation; a function that says more is cut short.
const BYTES_MAX: usize = 4 << 20;
/// AWS: the longest log event.
const LINE_MAX: usize = 256 << 10;

/// A line and when it was said.
pub(crate) type Line = (Timestamp, String);

#[derive(Debug)]
pub(crate) struct Output {
    pipe: Receiver,
    said: Mutex<Said>,
    cloud: std::sync::Weak<kernel::Cloud>,
    telemetry: Arc<Telemetry>,
    /// The exit code of what stands beside extensions, once there is one.
    ended: Arc<watch::Sender<Option<i32>>>,
}

#[derive(Debug, Default)]
struct Said {
    lines: Vec<Line>,
    bytes: usize,
    /// How many of the lines extensions were told of.
    told: usize,
    /// What has no end yet.
    rest: Vec<u8>,
    /// What lines tell of ends, where there are extensions.
    ends: Option<Ends>,
}

#[derive(Debug, Default)]
struct Ends {
    runtime: Option<i32>,
    /// Their names and exit codes.
    extensions: Vec<(String, i32)>,
}

impl Output {
    /// # Errors
    /// When the pipe cannot be waited for.
    pub(crate) fn new(
        pipe: OwnedFd,
        cloud: &Arc<kernel::Cloud>,
        telemetry: &Arc<Telemetry>,
        ended: &Arc<watch::Sender<Option<i32>>>,
        has_extensions: bool,
    ) -> io::Result<Output> {
        let (telemetry, ended) = (Arc::clone(telemetry), Arc::clone(ended));
        let said = Said { ends: has_extensions.then(Ends::default), ..Said::default() };
        Ok(Output {
            pipe: Receiver::from_owned_fd(pipe)?,
            said: Mutex::new(said),
            cloud: Arc::downgrade(cloud),
            telemetry,
            ended,
        })
    }

    /// Reads along until the environment is gone, so that it never waits for a reader.
    pub(crate) async fn follow(self: Arc<Output>) {
        while self.pipe.readable().await.is_ok() {
            if self.read() {
                return;
            }
        }
    }

    /// Reads what is there; whether that was the end.
    fn read(&self) -> bool {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(cloud) = self.cloud.upgrade() else { return true };
        let now = cloud.clock().now();
        let mut buffer = [0; 16 << 10];
        loop {
            match self.pipe.try_read(&mut buffer) {
                Ok(0) => return true,
                Ok(length) => said.add(&buffer[..length], now),
                Err(why) if why.kind() == io::ErrorKind::WouldBlock => {
                    said.tell(&self.telemetry);
                    if let Some(code) = said.ends.as_mut().and_then(|ends| ends.runtime.take()) {
                        self.ended.send_if_modified(|ended| ended.is_none() && ended.replace(code).is_none());
                    }
                    return false;
                }
                Err(_) => return true,
            }
        }
    }

    /// Takes note of what was said until now.
    pub(super) fn look(&self) {
        self.read();
    }

    /// Whether these extensions have ended.
    pub(super) fn have_ended(&self, names: &[String]) -> bool {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let ended = |wanted: &String| {
            said.ends.as_ref().is_some_and(|ends| ends.extensions.iter().any(|(name, _)| name == wanted))
        };
        names.iter().all(ended)
    }

    /// The exit code of the first extension that has ended.
    pub(super) fn crashed(&self) -> Option<i32> {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        Some(said.ends.as_ref()?.extensions.first()?.1)
    }

    /// All that was said until now.
    pub(crate) fn take(&self) -> Vec<Line> {
        self.read();
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cloud) = self.cloud.upgrade() {
            said.end(cloud.clock().now());
        }
        said.tell(&self.telemetry);
        (said.bytes, said.told) = (0, 0);
        std::mem::take(&mut said.lines)
    }
}

impl Said {
    fn tell(&mut self, telemetry: &Telemetry) {
        for (time, line) in &self.lines[self.told..] {
            telemetry.function(*time, line);
        }
        self.told = self.lines.len();
    }

    fn add(&mut self, bytes: &[u8], now: Timestamp) {
        for byte in bytes {
            if *byte == b'\n' || self.rest.len() >= LINE_MAX {
                self.end(now);
            }
            if *byte != b'\n' {
                self.rest.push(*byte);
            }
        }
    }

    fn end(&mut self, now: Timestamp) {
        let line = String::from_utf8_lossy(&self.rest).into_owned();
        self.rest.clear();
        if self.ends.as_mut().is_some_and(|ends| ends.note(&line)) {
            return;
        }
        if !line.is_empty() && self.bytes < BYTES_MAX {
            self.bytes += line.len();
            self.lines.push((now, line));
        }
    }
}

impl Ends {
    /// Whether a line tells of an end.
    fn note(&mut self, line: &str) -> bool {
        let code = |text: &str| text.parse().unwrap_or(-1);
        if let Some(text) = line.strip_prefix(RUNTIME) {
            self.runtime = Some(code(text));
        } else if let Some((name, text)) = line.strip_prefix(EXTENSION).and_then(|told| told.rsplit_once(' '))
        {
            self.extensions.push((name.to_owned(), code(text)));
        } else {
            return false;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::{BYTES_MAX, Ends, LINE_MAX, Said};
    use base::Timestamp;

    #[test]
    fn ends_are_told_by_lines() {
        let now = Timestamp::from_seconds(1);
        let said = b"one\n\x01extension my own 3\n\x01runtime 137\ntwo\n";
        let mut with = Said { ends: Some(Ends::default()), ..Said::default() };
        with.add(said, now);
        assert_eq!(with.lines, [(now, "one".to_owned()), (now, "two".to_owned())]);
        let Ends { runtime, extensions } = with.ends.unwrap();
        assert_eq!((runtime, extensions), (Some(137), vec![("my own".to_owned(), 3)]));
        let mut without = Said::default();
        without.add(said, now);
        assert_eq!(without.lines.len(), 4, "a function without extensions may say what it likes");
    }

    #[test]
    fn lines_and_their_limits() {
        let now = Timestamp::from_seconds(1);
        let mut said = Said::default();
        said.add(b"one\n\ntw", now);
        said.add(b"o\n", now);
        assert_eq!(said.lines, [(now, "one".to_owned()), (now, "two".to_owned())]);
        said.add(&vec![b'x'; LINE_MAX + 1], now);
        assert_eq!(said.lines[2].1.len(), LINE_MAX);
        for _ in 0..2 * BYTES_MAX / 1000 {
            said.add(&[&[b'x'; 1000][..], b"\n"].concat(), now);
        }
        assert!(said.bytes < BYTES_MAX + LINE_MAX);
    }
}
