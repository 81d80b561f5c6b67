//! What an environment says: its standard output and error, line by line with the time.

use super::telemetry::Telemetry;
use base::Timestamp;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::unix::pipe::Receiver;

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
}

#[derive(Debug, Default)]
struct Said {
    lines: Vec<Line>,
    bytes: usize,
    /// How many of the lines extensions were told of.
    told: usize,
    /// What has no end yet.
    rest: Vec<u8>,
}

impl Output {
    /// # Errors
    /// When the pipe cannot be waited for.
    pub(crate) fn new(
        pipe: OwnedFd,
        cloud: &Arc<kernel::Cloud>,
        telemetry: &Arc<Telemetry>,
    ) -> io::Result<Output> {
        let pipe = Receiver::from_owned_fd(pipe)?;
        let telemetry = Arc::clone(telemetry);
        Ok(Output { pipe, said: Mutex::default(), cloud: Arc::downgrade(cloud), telemetry })
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
                    return false;
                }
                Err(_) => return true,
            }
        }
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
        if !line.is_empty() && self.bytes < BYTES_MAX {
            self.bytes += line.len();
            self.lines.push((now, line));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{BYTES_MAX, LINE_MAX, Said};
    use base::Timestamp;

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
