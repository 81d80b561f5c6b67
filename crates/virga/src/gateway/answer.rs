//! Answers as bytes of HTTP/1.1 (RFC 9112), for requests that were read [whole](super::brief).

use super::Answered;
use base::Timestamp;
use bytes::{Buf, Bytes};
use http::header::{CONNECTION, CONTENT_LENGTH, DATE, TRANSFER_ENCODING};
use http::{HeaderMap, Response, StatusCode};
use http_body::Body;
use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::task::Poll;
use tokio::io::{AsyncWrite, AsyncWriteExt};

/// Smaller answers are written in one piece.
const PIECE_BYTES_MAX: usize = 16 << 10;

/// How the end of a body is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    /// There is none: to HEAD, and where the status says so.
    None,
    Length,
    Chunks,
}

/// Writes an answer. Whether the connection can be used again.
///
/// # Errors
/// The connection's; and where a body breaks off, because the head has promised more.
pub(super) async fn write(
    stream: &mut (impl AsyncWrite + Unpin),
    response: Response<Answered>,
    to_head: bool,
    last: bool,
    now: Timestamp,
    out: &mut Vec<u8>,
) -> io::Result<bool> {
    let (parts, mut body) = response.into_parts();
    let closes = last || parts.headers.get(CONNECTION).is_some_and(|value| value.as_bytes() == b"close");
    let exact = body.size_hint().exact();
    let bodiless = matches!(parts.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    let framing = match exact.is_some() || parts.headers.contains_key(CONTENT_LENGTH) {
        _ if bodiless || to_head => Framing::None,
        true => Framing::Length,
        false => Framing::Chunks,
    };
    out.clear();
    head(out, parts.status, &parts.headers, exact.filter(|_| !bodiless), framing, closes);
    if !parts.headers.contains_key(DATE) {
        date(out, now);
    }
    out.extend_from_slice(b"\r\n");
    if framing != Framing::None {
        content(stream, &mut body, framing == Framing::Chunks, out).await?;
    }
    send(stream, out, Bytes::new(), b"").await?;
    stream.flush().await?;
    Ok(!closes)
}

/// Writes a body behind what waits; its end waits then.
async fn content(
    stream: &mut (impl AsyncWrite + Unpin),
    body: &mut Answered,
    in_chunks: bool,
    out: &mut Vec<u8>,
) -> io::Result<()> {
    // What is there already goes out with the head; what is not must not hold it up.
    let mut first = true;
    loop {
        let next = std::future::poll_fn(|cx| match Pin::new(&mut *body).poll_frame(cx) {
            Poll::Pending if first => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
            Poll::Ready(frame) => Poll::Ready(Some(frame)),
        });
        let data = match next.await {
            None => Bytes::new(),
            Some(None) => break,
            Some(Some(Ok(frame))) => frame.into_data().unwrap_or_default(),
            Some(Some(Err(_))) => return Err(io::ErrorKind::UnexpectedEof.into()),
        };
        first = false;
        // An empty chunk would be the last one.
        let is_chunk = in_chunks && !data.is_empty();
        if is_chunk {
            out.extend_from_slice(format!("{:x}\r\n", data.len()).as_bytes());
        }
        send(stream, out, data, if is_chunk { b"\r\n" } else { b"" }).await?;
    }
    if in_chunks {
        out.extend_from_slice(b"0\r\n\r\n");
    }
    Ok(())
}

/// Writes what waits, the data and what ends it.
async fn send(
    stream: &mut (impl AsyncWrite + Unpin),
    out: &mut Vec<u8>,
    data: Bytes,
    end: &[u8],
) -> io::Result<()> {
    if out.len() + data.len() + end.len() <= PIECE_BYTES_MAX {
        out.extend_from_slice(&data);
        out.extend_from_slice(end);
        if !out.is_empty() {
            stream.write_all(out).await?;
        }
    } else {
        stream.write_all_buf(&mut (&out[..]).chain(data).chain(end)).await?;
    }
    out.clear();
    Ok(())
}

fn head(
    out: &mut Vec<u8>,
    status: StatusCode,
    headers: &HeaderMap,
    length: Option<u64>,
    framing: Framing,
    closes: bool,
) {
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(status.as_str().as_bytes());
    out.push(b' ');
    out.extend_from_slice(status.canonical_reason().unwrap_or("Unknown").as_bytes());
    out.extend_from_slice(b"\r\n");
    let mut line = |name: &[u8], value: &[u8]| {
        out.extend_from_slice(name);
        out.extend_from_slice(b": ");
        out.extend_from_slice(value);
        out.extend_from_slice(b"\r\n");
    };
    for (name, value) in headers {
        line(name.as_str().as_bytes(), value.as_bytes());
    }
    if framing == Framing::Chunks {
        line(TRANSFER_ENCODING.as_str().as_bytes(), b"chunked");
    }
    if closes && !headers.contains_key(CONNECTION) {
        line(CONNECTION.as_str().as_bytes(), b"close");
    }
    if let Some(length) = length.filter(|_| !headers.contains_key(CONTENT_LENGTH)) {
        line(CONTENT_LENGTH.as_str().as_bytes(), length.to_string().as_bytes());
    }
}

/// The line of the date, spelled once a second.
fn date(out: &mut Vec<u8>, now: Timestamp) {
    thread_local! {
        static LINE: RefCell<(i64, String)> = const { RefCell::new((0, String::new())) };
    }
    LINE.with_borrow_mut(|(of, line)| {
        if line.is_empty() || *of != now.seconds() {
            (*of, *line) = (now.seconds(), format!("{DATE}: {}\r\n", now.http_date()));
        }
        out.extend_from_slice(line.as_bytes());
    });
}

#[cfg(test)]
mod tests {
    use super::{PIECE_BYTES_MAX, write};
    use crate::gateway::response;
    use base::Timestamp;
    use bytes::Bytes;
    use http::{HeaderMap, HeaderName, HeaderValue};
    use http_body_util::BodyExt;
    use hyper::body::{Body, Frame};
    use kernel::Content;
    use kernel::body::Cut;
    use std::collections::VecDeque;
    use std::io;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    const NOW: Timestamp = Timestamp::from_seconds(1_307_235_723);

    /// A body of pieces whose length nobody knows; it is not there at once, and may break off.
    struct Pieces {
        left: VecDeque<Result<&'static str, Cut>>,
        ready: bool,
    }

    impl Body for Pieces {
        type Data = Bytes;
        type Error = Cut;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
            self.ready = !self.ready;
            if self.ready {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Poll::Ready(self.left.pop_front().map(|piece| piece.map(|text| Frame::data(text.into()))))
        }
    }

    fn pieces(all: &[Result<&'static str, Cut>]) -> Content {
        Content::Stream(Pieces { left: all.iter().cloned().collect(), ready: false }.boxed_unsync())
    }

    async fn written(
        status: u16,
        headers: &[(&'static str, &'static str)],
        content: Content,
        to_head: bool,
    ) -> io::Result<(String, bool)> {
        // A date is always there, so that the bytes are the same at any time.
        let headers: HeaderMap = headers
            .iter()
            .chain(&[("date", "now")])
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        let (mut stream, mut out) = (Vec::new(), b"of the last answer".to_vec());
        let keeps =
            write(&mut stream, response(status, headers, content), to_head, false, NOW, &mut out).await?;
        Ok((String::from_utf8(stream).unwrap(), keeps))
    }

    #[tokio::test]
    async fn answers_are_framed_as_their_bodies_ask() {
        let whole = |text: &'static str| Content::Whole(text.into());
        for (status, headers, content, to_head, expected) in [
            (200, &[][..], whole("abc"), false, "200 OK\r\ndate: now\r\ncontent-length: 3\r\n\r\nabc"),
            (200, &[], whole(""), false, "200 OK\r\ndate: now\r\ncontent-length: 0\r\n\r\n"),
            (200, &[], whole("abc"), true, "200 OK\r\ndate: now\r\ncontent-length: 3\r\n\r\n"),
            (
                404,
                &[("content-length", "7")],
                whole(""),
                true,
                "404 Not Found\r\ncontent-length: 7\r\ndate: now\r\n\r\n",
            ),
            (204, &[], whole(""), false, "204 No Content\r\ndate: now\r\n\r\n"),
            (304, &[], whole(""), false, "304 Not Modified\r\ndate: now\r\n\r\n"),
            (
                200,
                &[],
                pieces(&[Ok("ab"), Ok(""), Ok("cdefghijklmnopq")]),
                false,
                "200 OK\r\ndate: now\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\nf\r\ncdefghijklmnopq\r\n0\r\n\r\n",
            ),
            (
                200,
                &[("content-length", "4")],
                pieces(&[Ok("ab"), Ok("cd")]),
                false,
                "200 OK\r\ncontent-length: 4\r\ndate: now\r\n\r\nabcd",
            ),
        ] {
            let (text, keeps) = written(status, headers, content, to_head).await.unwrap();
            assert_eq!(text, format!("HTTP/1.1 {expected}"));
            assert!(keeps);
        }
    }

    #[tokio::test]
    async fn a_large_answer_comes_whole() {
        let large = "x".repeat(3 * PIECE_BYTES_MAX);
        let (text, _) = written(200, &[], Content::Whole(large.clone().into()), false).await.unwrap();
        assert!(text.ends_with(&format!("\r\n\r\n{large}")));
    }

    #[tokio::test]
    async fn what_ends_a_connection_ends_it() {
        let (_, keeps) =
            written(403, &[("connection", "close")], Content::Whole(Bytes::new()), false).await.unwrap();
        assert!(!keeps);
        let broken = written(200, &[], pieces(&[Ok("ab"), Err(Cut::Broken)]), false).await;
        assert_eq!(broken.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        let (mut stream, mut out) = (Vec::new(), Vec::new());
        let answer = response(200, HeaderMap::new(), Content::Whole(Bytes::new()));
        assert!(!write(&mut stream, answer, false, true, NOW, &mut out).await.unwrap());
        let text = String::from_utf8(stream).unwrap();
        assert!(
            text.contains("\r\nconnection: close\r\n")
                && text.ends_with("\r\ndate: Sun, 05 Jun 2011 01:02:03 GMT\r\n\r\n"),
            "{text}"
        );
    }
}
