//! Requests that come whole, which is nearly all of them: a head that fits into one buffer, with the body right behind it.
//!
//! Such a request needs no machinery for bodies that still come, so it is read here and answered at once. Whatever is
//! out of the ordinary (a body that is long or in chunks, `Expect`, an upgrade, HTTP/1.0, a head that is not to be
//! understood) is left to hyper, with all bytes that were read, and so is the rest of that connection.

use bytes::{Buf, Bytes, BytesMut};
use http::header::{CONNECTION, CONTENT_LENGTH, EXPECT, TRANSFER_ENCODING, UPGRADE};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, Version};
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A head and its body, together.
pub(super) const BYTES_MAX: usize = 64 << 10;
/// What a read has room for.
pub(super) const READ_BYTES: usize = 8 << 10;
/// So often is it looked whether a request is whole: each look is one from the beginning.
pub(super) const READS_MAX: u32 = 16;
const HEADERS_MAX: usize = 64;

/// What the bytes that were read so far are.
#[derive(Debug)]
pub(super) enum Seen {
    /// Not yet a request, though perhaps a whole head.
    Part { head: bool },
    /// A request, taken out of the buffer.
    Whole(Box<Parts>, Bytes),
    /// Something that is not read here. The buffer is as it was.
    Other,
}

/// Looks for a request at the beginning of the buffer.
pub(super) fn take(buffer: &mut BytesMut) -> Seen {
    if buffer.is_empty() {
        return Seen::Part { head: false };
    }
    let mut headers = [const { MaybeUninit::uninit() }; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut []);
    let head = match request.parse_with_uninit_headers(buffer, &mut headers) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) if buffer.len() < BYTES_MAX => return Seen::Part { head: false },
        _ => return Seen::Other,
    };
    let (Some(method), Some(target), Some(1)) = (request.method, request.path, request.version) else {
        return Seen::Other;
    };
    if !target.starts_with('/') {
        return Seen::Other;
    }
    let Some(body) = body_length(request.headers) else { return Seen::Other };
    // A length may be as large as numbers are.
    let Some(whole) = head.checked_add(body).filter(|whole| *whole <= BYTES_MAX) else { return Seen::Other };
    if buffer.len() < whole {
        return Seen::Part { head: true };
    }
    // From here on all lies in one piece of memory that nobody changes: names of places in it, instead of copies.
    let at = buffer.as_ptr() as usize;
    let place = |part: &[u8]| part.as_ptr() as usize - at;
    let spans: Vec<_> = request
        .headers
        .iter()
        .map(|header| {
            (place(header.name.as_bytes()), header.name.len(), place(header.value), header.value.len())
        })
        .collect();
    let method = Method::from_bytes(method.as_bytes());
    let (target, target_length) = (place(target.as_bytes()), target.len());
    let Ok(method) = method else { return Seen::Other };
    let bytes = buffer.split_to(whole).freeze();
    match parts(&bytes, method, bytes.slice(target..target + target_length), &spans) {
        Some(parts) => Seen::Whole(Box::new(parts), bytes.slice(head..)),
        None => {
            let rest = std::mem::take(buffer);
            buffer.reserve(bytes.len() + rest.len());
            buffer.extend_from_slice(&bytes);
            buffer.extend_from_slice(&rest);
            Seen::Other
        }
    }
}

/// How long the body is; `None` where that is not said by one plain length, or something is asked that hyper answers.
fn body_length(headers: &[httparse::Header<'_>]) -> Option<usize> {
    let mut length = None;
    for header in headers {
        // By their lengths first: most are none of these.
        let is = |name: &HeaderName| header.name.eq_ignore_ascii_case(name.as_str());
        match header.name.len() {
            14 if is(&CONTENT_LENGTH) => {
                let digits = std::str::from_utf8(header.value).ok()?;
                let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
                if length.is_some() || !plain {
                    return None;
                }
                length = Some(digits.parse().ok()?);
            }
            17 if is(&TRANSFER_ENCODING) => return None,
            6 if is(&EXPECT) => return None,
            7 if is(&UPGRADE) => return None,
            10 if is(&CONNECTION) && !header.value.eq_ignore_ascii_case(b"keep-alive") => return None,
            _ => {}
        }
    }
    Some(length.unwrap_or(0))
}

/// Where a header's name begins and how long it is, and the same of its value.
type Span = (usize, usize, usize, usize);

fn parts(bytes: &Bytes, method: Method, target: Bytes, spans: &[Span]) -> Option<Parts> {
    let mut headers = HeaderMap::with_capacity(spans.len());
    for &(name, name_length, value, value_length) in spans {
        let name = HeaderName::from_bytes(&bytes[name..name + name_length]).ok()?;
        let value = HeaderValue::from_maybe_shared(bytes.slice(value..value + value_length)).ok()?;
        headers.append(name, value);
    }
    let mut request = Request::new(());
    *request.method_mut() = method;
    *request.uri_mut() = Uri::from_maybe_shared(target).ok()?;
    *request.version_mut() = Version::HTTP_11;
    *request.headers_mut() = headers;
    Some(request.into_parts().0)
}

/// A connection of which some bytes were read already.
#[derive(Debug)]
pub(super) struct Rewound<S> {
    read: BytesMut,
    stream: S,
}

impl<S> Rewound<S> {
    pub(super) fn new(read: BytesMut, stream: S) -> Rewound<S> {
        Rewound { read, stream }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Rewound<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.read.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, into);
        }
        let length = into.remaining().min(self.read.len());
        into.put_slice(&self.read[..length]);
        self.read.advance(length);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Rewound<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::{BYTES_MAX, Rewound, Seen, take};
    use bytes::BytesMut;
    use tokio::io::AsyncReadExt;

    fn buffer(bytes: &[u8]) -> BytesMut {
        BytesMut::from(bytes)
    }

    #[test]
    fn a_request_is_taken_as_soon_as_it_is_whole_and_what_follows_stays() {
        let all =
            b"POST /a?b=c HTTP/1.1\r\nHost: x\r\nX-Two: 1\r\nx-two: \t2 \r\ncontent-length: 3\r\n\r\nabcGET ";
        let whole = all.len() - "GET ".len();
        for end in 0..whole {
            let mut part = buffer(&all[..end]);
            let Seen::Part { head } = take(&mut part) else { panic!("{end}") };
            assert_eq!(head, end >= whole - 3, "{end}");
            assert_eq!(part, all[..end]);
        }
        let mut bytes = buffer(all);
        let Seen::Whole(parts, body) = take(&mut bytes) else { panic!("no request") };
        assert_eq!((parts.method.as_str(), parts.uri.to_string().as_str()), ("POST", "/a?b=c"));
        let two: Vec<_> =
            parts.headers.get_all("x-two").iter().map(|value| value.to_str().unwrap()).collect();
        assert_eq!((parts.headers["host"].to_str().unwrap(), two), ("x", vec!["1", "2"]));
        assert_eq!((&body[..], &bytes[..]), (&b"abc"[..], &b"GET "[..]));
    }

    #[test]
    fn what_is_out_of_the_ordinary_is_left_as_it_came() {
        let long = format!("content-length: {BYTES_MAX}");
        for line in [
            "transfer-encoding: chunked",
            "expect: 100-continue",
            "upgrade: h2c",
            "connection: close",
            "content-length: +1",
            "content-length:",
            "content-length: 0\r\ncontent-length: 0",
            "content-length: 99999999999999999999999",
            "content-length: 18446744073709551615",
            &long,
            "no colon",
        ] {
            let all = format!("GET / HTTP/1.1\r\nhost: a\r\n{line}\r\n\r\n");
            let mut bytes = buffer(all.as_bytes());
            assert!(matches!(take(&mut bytes), Seen::Other), "{line}");
            assert_eq!(bytes, all.as_bytes());
        }
        for all in [
            "GET / HTTP/1.0\r\n\r\n",
            "GET http://a/ HTTP/1.1\r\nhost: a\r\n\r\n",
            "OPTIONS * HTTP/1.1\r\nhost: a\r\n\r\n",
            "PRI * HTTP/2.0\r\n\r\n",
            "\u{16}\u{3}\u{1}",
        ] {
            let mut bytes = buffer(all.as_bytes());
            assert!(matches!(take(&mut bytes), Seen::Other), "{all}");
            assert_eq!(bytes, all.as_bytes());
        }
        let mut endless = buffer(&[b"GET / HTTP/1.1\r\nx: ".as_slice(), &[b'a'; BYTES_MAX]].concat());
        assert!(matches!(take(&mut endless), Seen::Other));
    }

    proptest::proptest! {
        /// Whatever a stranger sends: nothing is lost of it, and what is taken is what its head says.
        #[test]
        fn nothing_is_lost_of_what_anybody_sends(
            lines in proptest::collection::vec("[ -~\\t]{0,40}", 0..6),
            length in 0_usize..20,
            body in proptest::collection::vec(proptest::arbitrary::any::<u8>(), 0..40),
            spoiled in proptest::option::of((0_usize..200, proptest::arbitrary::any::<u8>())),
        ) {
            let head = format!("PUT /a HTTP/1.1\r\ncontent-length: {length}\r\n{}\r\n\r\n", lines.join("\r\n"));
            let mut all = [head.as_bytes(), &body].concat();
            if let Some((at, byte)) = spoiled {
                let at = at % all.len();
                all[at] = byte;
            }
            let mut bytes = buffer(&all);
            match take(&mut bytes) {
                Seen::Whole(parts, taken) => {
                    let said = parts.headers.get("content-length").map_or("0", |said| said.to_str().unwrap());
                    proptest::prop_assert_eq!(said.parse(), Ok(taken.len()));
                    let rest = [&taken[..], &bytes[..]].concat();
                    proptest::prop_assert!(all.ends_with(&rest) && all[..all.len() - rest.len()].ends_with(b"\n"));
                }
                Seen::Part { .. } | Seen::Other => proptest::prop_assert_eq!(&bytes[..], &all[..]),
            }
        }
    }

    #[tokio::test]
    async fn what_was_read_is_read_again_first() {
        let mut all = Vec::new();
        Rewound::new(buffer(b"ab"), &b"cd"[..]).read_to_end(&mut all).await.unwrap();
        assert_eq!(all, b"abcd");
    }
}
