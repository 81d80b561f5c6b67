//! HTTP/1.1 for one request: it is written, its answer is read, and the connection is over.

use super::{OWN, Request};
use std::io::{Error, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Instant;

const HEAD_BYTES_MAX: usize = 16 << 10;
const BODY_BYTES_MAX: usize = 64 << 10;
/// What says that more is to come, before the answer.
const INTERIM_MAX: usize = 4;

/// What an endpoint answers.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    #[cfg(test)]
    pub(crate) fn of(status: u16, body: &str) -> Answer {
        Answer { status, headers: Vec::new(), body: body.as_bytes().to_vec() }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

/// Whether a text can be the value of a header.
pub(crate) fn is_field(text: &str) -> bool {
    text.chars().all(|c| c == '\t' || !c.is_control())
}

/// A connection that is over at a time, however slowly the other end speaks.
pub(super) struct Timed {
    pub(super) stream: TcpStream,
    pub(super) until: Instant,
}

impl Timed {
    fn left(&self) -> std::io::Result<Option<std::time::Duration>> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(Error::new(ErrorKind::TimedOut, "it took too long")) } else { Ok(Some(left)) }
    }
}

/// What a socket says when its time is over.
fn late(error: Error) -> Error {
    match error.kind() {
        ErrorKind::WouldBlock => Error::new(ErrorKind::TimedOut, "it took too long"),
        _ => error,
    }
}

impl Read for Timed {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.stream.set_read_timeout(self.left()?)?;
        self.stream.read(buffer).map_err(late)
    }
}

impl Write for Timed {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.stream.set_write_timeout(self.left()?)?;
        self.stream.write(bytes).map_err(late)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.stream.flush()
    }
}

pub(super) trait Both: Read + Write {}

impl<S: Read + Write> Both for S {}

/// # Errors
/// A sentence about what went wrong.
pub(super) fn exchange(stream: &mut dyn Both, request: &Request<'_>, wanted: bool) -> Result<Answer, String> {
    let say = |error: Error| error.to_string();
    let mut head = format!("{} {} HTTP/1.1\r\n", request.method, request.address.path);
    let length = request.body.len().to_string();
    let own = [
        ("Host", request.address.host()),
        ("Content-Length", length),
        ("Connection", "close".into()),
        ("User-Agent", request.agent.name().into()),
    ];
    let given = request.headers.iter().map(|(name, value)| (name.as_str(), value.clone()));
    let given = given.filter(|(name, _)| !OWN.iter().any(|own| own.eq_ignore_ascii_case(name)));
    for (name, value) in own.into_iter().chain(given) {
        if !is_field(name) || !is_field(&value) {
            return Err(format!("the header {name:?} cannot be sent"));
        }
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes()).map_err(say)?;
    stream.write_all(request.body).and_then(|()| stream.flush()).map_err(say)?;
    let mut incoming = Incoming { stream, read: Vec::new() };
    for _ in 0..=INTERIM_MAX {
        let mut answer = incoming.head()?;
        if !(100..200).contains(&answer.status) {
            if wanted {
                answer.body = incoming.body(&answer)?;
            }
            return Ok(answer);
        }
    }
    Err("what came is no answer".to_owned())
}

/// What comes in, of which some may have been read too early.
struct Incoming<'s> {
    stream: &'s mut dyn Both,
    read: Vec<u8>,
}

impl Incoming<'_> {
    /// Reads on; false at the end.
    fn more(&mut self) -> Result<bool, String> {
        let mut piece = [0; 4096];
        let count = self.stream.read(&mut piece).map_err(|error| error.to_string())?;
        self.read.extend_from_slice(&piece[..count]);
        Ok(count > 0)
    }

    /// A line, without its end.
    fn line(&mut self) -> Result<String, String> {
        let no_answer = || "what came is no answer".to_owned();
        let end = loop {
            if let Some(end) = self.read.iter().position(|byte| *byte == b'\n') {
                break end;
            }
            if self.read.len() > HEAD_BYTES_MAX || !self.more()? {
                return Err(no_answer());
            }
        };
        let line: Vec<u8> = self.read.drain(..=end).collect();
        let text = String::from_utf8(line).map_err(|_| no_answer())?;
        Ok(text.trim_end_matches(['\r', '\n']).to_owned())
    }

    fn head(&mut self) -> Result<Answer, String> {
        let first = self.line()?;
        let mut words = first.split(' ');
        let version = words.next().filter(|version| version.starts_with("HTTP/1."));
        let status = version.and_then(|_| words.next()).and_then(|status| status.parse().ok());
        let mut answer = Answer { status: status.ok_or("what came is no answer")?, ..Answer::default() };
        let mut bytes = 0;
        loop {
            let line = self.line()?;
            bytes += line.len();
            if line.is_empty() {
                return Ok(answer);
            }
            if bytes > HEAD_BYTES_MAX {
                return Err("the answer's head is too long".to_owned());
            }
            if let Some((name, value)) = line.split_once(':') {
                answer.headers.push((name.to_owned(), value.trim().to_owned()));
            }
        }
    }

    fn exactly(&mut self, count: usize) -> Result<Vec<u8>, String> {
        if count > BODY_BYTES_MAX {
            return Err("the answer is too long".to_owned());
        }
        while self.read.len() < count {
            if !self.more()? {
                return Err("the answer has no end".to_owned());
            }
        }
        Ok(self.read.drain(..count).collect())
    }

    fn body(&mut self, answer: &Answer) -> Result<Vec<u8>, String> {
        if answer.header("Transfer-Encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked")) {
            let mut all = Vec::new();
            loop {
                let line = self.line()?;
                let digits = line.split(';').next().unwrap_or_default().trim();
                let size = usize::from_str_radix(digits, 16).map_err(|_| "the answer has no end")?;
                if size == 0 {
                    return Ok(all);
                }
                all.extend(self.exactly(size)?);
                self.line()?;
                if all.len() > BODY_BYTES_MAX {
                    return Err("the answer is too long".to_owned());
                }
            }
        }
        if let Some(length) = answer.header("Content-Length") {
            let length = length.parse().map_err(|_| "the answer has no end")?;
            return self.exactly(length);
        }
        while self.more()? {
            if self.read.len() > BODY_BYTES_MAX {
                return Err("the answer is too long".to_owned());
            }
        }
        Ok(std::mem::take(&mut self.read))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Address, Agent, Request};
    use super::*;
    use std::io::Cursor;
    use std::time::Duration;

    /// Both ends of a connection: what is read from it, and what was written.
    struct Script(Cursor<Vec<u8>>, Vec<u8>);

    impl Read for Script {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            // As slowly as can be.
            let one = buffer.len().min(1);
            self.0.read(&mut buffer[..one])
        }
    }

    impl Write for Script {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.1.write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn asked(answer: &str, headers: &[(&str, &str)]) -> (Result<(u16, String), String>, String) {
        let address = Address::read("http://127.0.0.1:8080/a?b").unwrap();
        let headers = headers.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        let within = Duration::from_secs(1);
        let agent = Agent::Topics;
        let request = Request { agent, method: "PUT", address: &address, headers, body: b"hi", within };
        let mut script = Script(Cursor::new(answer.as_bytes().to_vec()), Vec::new());
        let answer = exchange(&mut script, &request, true);
        let answer = answer.map(|answer| (answer.status, String::from_utf8(answer.body).unwrap()));
        (answer, String::from_utf8(script.1).unwrap())
    }

    #[test]
    fn a_request_and_the_forms_of_its_answer() {
        let (_, sent) = asked("HTTP/1.1 204 X\r\n\r\n", &[("X-A", "1"), ("user-agent", "me"), ("HOST", "h")]);
        assert_eq!(
            sent,
            "PUT /a?b HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nContent-Length: 2\r\nConnection: close\r\nUser-Agent: Amazon Simple Notification Service Agent\r\nX-A: 1\r\n\r\nhi"
        );
        let good = |status, body: &str| Ok((status, body.to_owned()));
        for (answer, expected) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabc", good(200, "ab")),
            ("HTTP/1.0 200 OK\r\n\r\nabc", good(200, "abc")),
            (
                "HTTP/1.1 500 X\r\ntransfer-encoding: Chunked\r\n\r\n3;x\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n",
                good(500, "abc0123456789"),
            ),
            ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 X\r\nContent-Length: 0\r\n\r\n", good(201, "")),
            ("", Err("what came is no answer".to_owned())),
            ("SSH-2.0\r\n", Err("what came is no answer".to_owned())),
            ("HTTP/1.1 x\r\n\r\n", Err("what came is no answer".to_owned())),
            ("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab", Err("the answer has no end".to_owned())),
            ("HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\nab", Err("the answer is too long".to_owned())),
        ] {
            assert_eq!(asked(answer, &[]).0, expected, "{answer}");
        }
    }

    #[test]
    fn no_header_brings_another() {
        for (name, value) in [("X", "a\r\nY: b"), ("X: a\nY", "b")] {
            let (answer, sent) = asked("HTTP/1.1 204 X\r\n\r\n", &[(name, value)]);
            assert!(answer.is_err() && sent.is_empty(), "{sent}");
        }
    }
}
