//! HTTP/1.1 to one server, by blocking connections that are used again.

use httparse::Status;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

const CONNECT: Duration = Duration::from_secs(5);
/// For any single read or write.
const WAIT: Duration = Duration::from_secs(30);
const HEAD_BYTES_MAX: usize = 32 << 10;
const HEADERS_MAX: usize = 64;
/// The longest answer there is: a page of a listing.
const BODY_BYTES_MAX: usize = 8 << 20;
/// Connections that are kept, and for how long: servers close theirs after a minute or so.
const IDLE_MAX: usize = 32;
const IDLE: Duration = Duration::from_secs(15);

/// Who is asked.
pub(super) struct Server {
    name: String,
    port: u16,
    tls: Option<Arc<ClientConfig>>,
    idle: Mutex<Vec<(Instant, Line)>>,
}

/// An answer, read to its end.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) etag: Option<String>,
    pub(super) length: Option<u64>,
    pub(super) body: Vec<u8>,
}

enum Line {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Server({}:{})", self.name, self.port)
    }
}

impl Server {
    pub(super) fn new((name, port): (&str, u16), tls: Option<Arc<ClientConfig>>) -> Server {
        Server { name: name.to_owned(), port, tls, idle: Mutex::default() }
    }

    /// Sends a request, whose head ends with an empty line, and reads what answers it. A connection that was used
    /// before may have been closed meanwhile; then a new one is tried.
    pub(super) fn exchange(&self, head: &[u8], body: &[u8], is_head: bool) -> io::Result<Answer> {
        if let Some(line) = self.take()
            && let Ok(answer) = self.over(line, head, body, is_head)
        {
            return Ok(answer);
        }
        self.over(self.connect()?, head, body, is_head)
    }

    fn over(&self, mut line: Line, head: &[u8], body: &[u8], is_head: bool) -> io::Result<Answer> {
        line.write_all(head)?;
        line.write_all(body)?;
        line.flush()?;
        let (answer, stays) = Incoming { line: &mut line, bytes: Vec::new() }.answer(is_head)?;
        if stays {
            self.keep(line);
        }
        Ok(answer)
    }

    /// Sends a request without a body, and leaves that of its answer to be read by and by. One try on a connection that was
    /// used before, and one on a new one.
    pub(super) fn stream(&self, head: &[u8]) -> io::Result<Stream> {
        if let Some(line) = self.take()
            && let Ok(stream) = Stream::over(line, head)
        {
            return Ok(stream);
        }
        Stream::over(self.connect()?, head)
    }

    /// The connection of a body that has been read to its end is used again.
    pub(super) fn finished(&self, stream: Stream) {
        if stream.stays && stream.left == 0 && stream.incoming.bytes.is_empty() {
            self.keep(stream.incoming.line);
        }
    }

    fn keep(&self, line: Line) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_MAX {
            idle.push((Instant::now(), line));
        }
    }

    fn take(&self) -> Option<Line> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|(since, _)| since.elapsed() < IDLE);
        idle.pop().map(|(_, line)| line)
    }

    fn connect(&self) -> io::Result<Line> {
        let mut last = io::Error::from(ErrorKind::HostUnreachable);
        for address in (self.name.as_str(), self.port).to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, CONNECT) {
                Ok(stream) => return self.dressed(stream),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn dressed(&self, stream: TcpStream) -> io::Result<Line> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(WAIT))?;
        stream.set_write_timeout(Some(WAIT))?;
        let Some(config) = &self.tls else { return Ok(Line::Plain(stream)) };
        let name = ServerName::try_from(self.name.clone()).map_err(io::Error::other)?;
        let session = ClientConnection::new(Arc::clone(config), name).map_err(io::Error::other)?;
        Ok(Line::Tls(Box::new(StreamOwned::new(session, stream))))
    }
}

impl Read for Line {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self {
            Line::Plain(stream) => stream.read(out),
            Line::Tls(stream) => stream.read(out),
        }
    }
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Line::Plain(stream) => stream.write(bytes),
            Line::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Line::Plain(stream) => stream.flush(),
            Line::Tls(stream) => stream.flush(),
        }
    }
}

/// The part of an object that an answer (206) brings, read as it is wanted. What the other side sends meanwhile waits in
/// the connection, so there is never more of it than that holds.
pub(super) struct Stream {
    incoming: Incoming<Line>,
    left: u64,
    stays: bool,
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Stream({} left)", self.left)
    }
}

impl Stream {
    fn over(mut line: Line, head: &[u8]) -> io::Result<Stream> {
        line.write_all(head)?;
        line.flush()?;
        let mut incoming = Incoming { line, bytes: Vec::new() };
        let head = incoming.last_head()?;
        match (head.status, head.length) {
            (206, Length::Bytes(left)) => Ok(Stream { incoming, left, stays: head.stays }),
            _ => Err(garbled()),
        }
    }

    /// Bytes that are still to come.
    pub(super) fn left(&self) -> u64 {
        self.left
    }

    /// Fills `out`, of which there must be as much.
    pub(super) fn fill(&mut self, out: &mut [u8]) -> io::Result<()> {
        let left = self.left.checked_sub(out.len() as u64).ok_or(ErrorKind::UnexpectedEof)?;
        let (first, rest) = out.split_at_mut(self.incoming.bytes.len().min(out.len()));
        first.copy_from_slice(&self.incoming.bytes[..first.len()]);
        self.incoming.bytes.drain(..first.len());
        self.incoming.line.read_exact(rest)?;
        self.left = left;
        Ok(())
    }
}

/// An answer on its way.
struct Incoming<R> {
    line: R,
    /// What has come and was not looked at.
    bytes: Vec<u8>,
}

/// How long a body is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Length {
    Bytes(u64),
    Chunked,
    /// As long as the connection.
    Open,
}

struct Head {
    status: u16,
    etag: Option<String>,
    /// As it was said, which for an answer to HEAD is not what comes.
    said: Option<u64>,
    length: Length,
    stays: bool,
}

fn garbled() -> io::Error {
    io::Error::new(ErrorKind::InvalidData, "an answer that is not HTTP")
}

impl<R: Read> Incoming<R> {
    /// The answer, and whether the connection can be used again.
    fn answer(&mut self, is_head: bool) -> io::Result<(Answer, bool)> {
        let head = self.last_head()?;
        let length = if is_head || matches!(head.status, 204 | 304) { Length::Bytes(0) } else { head.length };
        let body = match length {
            Length::Bytes(length) => {
                let length =
                    usize::try_from(length).ok().filter(|n| *n <= BODY_BYTES_MAX).ok_or_else(garbled)?;
                self.exactly(length)?
            }
            Length::Chunked => self.chunks()?,
            Length::Open => {
                while self.more()? > 0 {}
                std::mem::take(&mut self.bytes)
            }
        };
        let stays = head.stays && length != Length::Open && self.bytes.is_empty();
        Ok((Answer { status: head.status, etag: head.etag, length: head.said, body }, stays))
    }

    fn last_head(&mut self) -> io::Result<Head> {
        loop {
            let head = self.head()?;
            // Those below 200 announce another one.
            if head.status >= 200 {
                return Ok(head);
            }
        }
    }

    fn head(&mut self) -> io::Result<Head> {
        loop {
            if let Some((head, length)) = read_head(&self.bytes)? {
                self.bytes.drain(..length);
                return Ok(head);
            }
            if self.bytes.len() > HEAD_BYTES_MAX {
                return Err(garbled());
            }
            if self.more()? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
    }

    fn more(&mut self) -> io::Result<usize> {
        let before = self.bytes.len();
        if before > BODY_BYTES_MAX + HEAD_BYTES_MAX {
            return Err(garbled());
        }
        self.bytes.resize(before + (64 << 10), 0);
        let read = self.line.read(&mut self.bytes[before..]);
        self.bytes.truncate(before + *read.as_ref().unwrap_or(&0));
        read
    }

    fn exactly(&mut self, length: usize) -> io::Result<Vec<u8>> {
        while self.bytes.len() < length {
            if self.more()? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
        let rest = self.bytes.split_off(length);
        Ok(std::mem::replace(&mut self.bytes, rest))
    }

    fn line(&mut self) -> io::Result<Vec<u8>> {
        loop {
            if let Some(end) = self.bytes.iter().position(|b| *b == b'\n') {
                return self.exactly(end + 1);
            }
            if self.bytes.len() > HEAD_BYTES_MAX || self.more()? == 0 {
                return Err(garbled());
            }
        }
    }

    fn chunks(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let line = self.line()?;
            let Ok(Status::Complete((_, size))) = httparse::parse_chunk_size(&line) else {
                return Err(garbled());
            };
            let size = usize::try_from(size)
                .ok()
                .filter(|n| n + body.len() <= BODY_BYTES_MAX)
                .ok_or_else(garbled)?;
            if size == 0 {
                // Trailers say nothing that is wanted here.
                while self.line()?.iter().any(|b| !b.is_ascii_whitespace()) {}
                return Ok(body);
            }
            body.extend(self.exactly(size)?);
            self.line()?;
        }
    }
}

/// A head and its length, once it is there.
fn read_head(bytes: &[u8]) -> io::Result<Option<(Head, usize)>> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut response = httparse::Response::new(&mut headers);
    let Status::Complete(length) = response.parse(bytes).map_err(|_| garbled())? else { return Ok(None) };
    let find = |name: &str| {
        let found = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
        found.and_then(|header| std::str::from_utf8(header.value).ok())
    };
    let said = match find("content-length") {
        Some(text) => Some(text.trim().parse::<u64>().map_err(|_| garbled())?),
        None => None,
    };
    let is_chunked = find("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked"));
    let is_new = response.version == Some(1);
    let head = Head {
        status: response.code.ok_or_else(garbled)?,
        etag: find("etag").map(str::to_owned),
        said,
        length: match said {
            _ if is_chunked => Length::Chunked,
            Some(bytes) => Length::Bytes(bytes),
            None => Length::Open,
        },
        stays: is_new && !find("connection").is_some_and(|said| said.eq_ignore_ascii_case("close")),
    };
    Ok(Some((head, length)))
}

#[cfg(test)]
mod tests {
    use super::{Answer, Incoming};
    use std::io;

    /// Gives out a byte at a time.
    struct Slowly<'b>(&'b [u8]);

    impl io::Read for Slowly<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let (Some((first, rest)), Some(out)) = (self.0.split_first(), out.first_mut()) else {
                return Ok(0);
            };
            (*out, self.0) = (*first, rest);
            Ok(1)
        }
    }

    fn read(bytes: &[u8], is_head: bool) -> io::Result<(Answer, bool)> {
        Incoming { line: Slowly(bytes), bytes: Vec::new() }.answer(is_head)
    }

    #[test]
    fn each_form_of_body() {
        for (text, body, stays) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello", true),
            ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", "", true),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nhel\r\n2\r\nlo\r\n0\r\nt: v\r\n\r\n",
                "hello",
                true,
            ),
            ("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi", "hi", false),
            ("HTTP/1.0 200 OK\r\n\r\nuntil the end", "until the end", false),
            ("HTTP/1.1 204 No Content\r\n\r\n", "", true),
        ] {
            let (answer, again) = read(text.as_bytes(), false).unwrap();
            assert_eq!((String::from_utf8(answer.body).unwrap().as_str(), again), (body, stays), "{text}");
        }
        let (answer, _) = read(b"HTTP/1.1 200 OK\r\nETag: \"x\"\r\nContent-Length: 5\r\n\r\n", true).unwrap();
        assert_eq!((answer.length, answer.etag.as_deref(), answer.body.len()), (Some(5), Some("\"x\""), 0));
    }

    #[test]
    fn what_is_cut_off_or_none_is_refused() {
        for text in [
            "",
            "hello, who is there?\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
            "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n",
        ] {
            assert!(read(text.as_bytes(), false).is_err(), "{text}");
        }
    }
}
