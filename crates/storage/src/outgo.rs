//! Sending bytes: decrypted in large pieces by threads for blocking work, one piece ahead of the connection. What is read
//! often lies open, and is sent at once.

use crate::piece::Piece;
use blob::cipher::{Root, open_whole};
use blob::contents::Pin;
use blob::{ContentId, Name, Reader, inline};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use kernel::body::Cut;
use kernel::{Cloud, Cx, Failure};
use std::collections::VecDeque;
use std::io;
use std::ops::Range;
use std::pin::Pin as Pinned;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::task::{JoinHandle, spawn_blocking};

/// What is still to be read of an object or an archive: spans of contents, in order.
#[derive(Debug)]
pub(crate) struct Plan {
    cloud: Arc<Cloud>,
    root: Root,
    spans: VecDeque<Span>,
    left: u64,
    reader: Option<Box<(ContentId, Reader)>>,
}

#[derive(Debug)]
struct Span {
    content: ContentId,
    /// What it is found by where it lies open; a content in the store never does.
    name: Option<Name>,
    /// Of the whole content.
    size: u64,
    range: Range<u64>,
    /// Where it lies in the store: read with the record.
    within: Option<Within>,
    _pin: Option<Pin>,
}

/// A content in the store.
#[derive(Debug)]
enum Within {
    Sealed(Bytes),
    /// It is read often.
    Open(Bytes),
}

impl Within {
    /// # Errors
    /// The store's, and where its bytes are missing.
    fn of(cx: &Cx<'_>, content: ContentId, root: &Root) -> Result<Within, Failure> {
        if let Some(bytes) = cx.cloud().contents().open(content, root) {
            return Ok(Within::Open(bytes));
        }
        let sealed = inline::get(cx.tx, content)?.ok_or_else(|| missing(content))?;
        Ok(Within::Sealed(Bytes::copy_from_slice(&sealed)))
    }
}

impl Plan {
    /// Plans to read `range` of these pieces together. In the same snapshot as their record, so that what lies in the
    /// store is there.
    ///
    /// # Errors
    /// The store's, and where bytes are missing.
    pub(crate) fn new(cx: &Cx<'_>, pieces: &[Piece], root: Root, range: Range<u64>) -> Result<Plan, Failure> {
        let contents = cx.cloud().contents();
        let mut spans = VecDeque::new();
        let mut start = 0;
        for piece in pieces {
            let end = start + piece.size;
            let (from, to) = (range.start.max(start), range.end.min(end));
            if from < to {
                let within = match piece.inline {
                    true => Some(Within::of(cx, piece.content, &root)?),
                    false => None,
                };
                spans.push_back(Span {
                    content: piece.content,
                    name: within.is_none().then(|| contents.name(piece.content, &root)),
                    size: piece.size,
                    range: from - start..to - start,
                    _pin: within.is_none().then(|| contents.pin(piece.content)),
                    within,
                });
            }
            start = end;
        }
        let left = range.end - range.start;
        Ok(Plan { cloud: Arc::clone(cx.cloud()), root, spans, left, reader: None })
    }

    pub(crate) fn left(&self) -> u64 {
        self.left
    }

    /// All of it, where it lies in the store as one content: then there is nothing to wait for.
    ///
    /// # Errors
    /// `InvalidData` where the bytes are damaged.
    pub(crate) fn whole(&self) -> Option<io::Result<Bytes>> {
        match (self.spans.front(), self.spans.len()) {
            (None, _) => Some(Ok(Bytes::new())),
            (Some(span), 1) => span.within.as_ref().map(|within| self.opened(span, within)),
            _ => None,
        }
    }

    fn opened(&self, span: &Span, within: &Within) -> io::Result<Bytes> {
        let bytes = match within {
            Within::Open(bytes) => bytes.clone(),
            Within::Sealed(sealed) => {
                let opened = open_whole(&self.root.cipher(span.content), sealed, span.size);
                let bytes = Bytes::from(opened.map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))?);
                self.cloud.contents().opened(span.content, &self.root, &bytes);
                bytes
            }
        };
        Ok(bytes.slice(span.range.start as usize..span.range.end as usize))
    }

    /// The next piece; `None` at the end. Blocks.
    ///
    /// # Errors
    /// The disk's, and `InvalidData` for damaged bytes.
    pub(crate) fn next(&mut self) -> io::Result<Option<Bytes>> {
        let Some(span) = self.spans.front() else { return Ok(None) };
        let bytes = match &span.within {
            Some(within) => self.opened(span, within)?,
            None => {
                let reader = match self.reader.take() {
                    Some(reader) if reader.0 == span.content => reader,
                    _ => {
                        let reader = self.cloud.contents().read(span.content, &self.root, span.size)?;
                        Box::new((span.content, reader))
                    }
                };
                let bytes = reader.1.piece(span.range.start, span.range.end)?;
                self.reader = Some(reader);
                bytes
            }
        };
        self.advance(bytes.len() as u64);
        Ok(Some(bytes))
    }

    /// The next piece, if it lies open.
    fn hot(&mut self) -> Option<Bytes> {
        let span = self.spans.front()?;
        let bytes = self.cloud.contents().hot(span.name?, span.range.start, span.range.end)?;
        self.advance(bytes.len() as u64);
        Some(bytes)
    }

    fn advance(&mut self, count: u64) {
        self.left -= count;
        if let Some(span) = self.spans.front_mut() {
            span.range.start += count;
            if span.range.is_empty() || span.within.is_some() {
                self.spans.pop_front();
            }
        }
    }

    /// As the payload of an answer.
    pub(crate) fn stream(self) -> Outgoing {
        self.stream_after(None)
    }

    /// The same behind a piece that has been read already.
    pub(crate) fn stream_after(self, first: Option<Bytes>) -> Outgoing {
        let left = self.left + first.as_ref().map_or(0, |first| first.len() as u64);
        Outgoing { left, first, rest: Rest::begin(self) }
    }
}

fn missing(content: ContentId) -> Failure {
    kernel::log::error("bytes are missing", &[("content", &content.to_string())]);
    Failure
}

/// What comes behind the piece that is sent.
#[derive(Debug)]
enum Rest {
    Open(Box<Plan>, Bytes),
    /// It is being read.
    Ahead(JoinHandle<io::Result<(Plan, Option<Bytes>)>>),
    End,
}

impl Rest {
    fn begin(mut plan: Plan) -> Rest {
        if plan.left == 0 {
            return Rest::End;
        }
        match plan.hot() {
            Some(piece) => Rest::Open(Box::new(plan), piece),
            None => Rest::Ahead(spawn_blocking(move || {
                let piece = plan.next()?;
                Ok((plan, piece))
            })),
        }
    }
}

/// Bytes on their way out.
#[derive(Debug)]
pub(crate) struct Outgoing {
    left: u64,
    first: Option<Bytes>,
    rest: Rest,
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(self: Pinned<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        let this = self.get_mut();
        if let Some(first) = this.first.take() {
            this.left -= first.len() as u64;
            return Poll::Ready(Some(Ok(Frame::data(first))));
        }
        let done = match &mut this.rest {
            Rest::Ahead(handle) => Some(ready!(Pinned::new(handle).poll(cx))),
            _ => None,
        };
        let (plan, piece) = match (std::mem::replace(&mut this.rest, Rest::End), done) {
            (Rest::Open(plan, piece), _) => (*plan, piece),
            (Rest::Ahead(_), Some(Ok(Ok((plan, Some(piece)))))) => (plan, piece),
            (Rest::Ahead(_), Some(Ok(Ok((_, None))))) | (Rest::End, _) => return Poll::Ready(None),
            (Rest::Ahead(_), Some(Ok(Err(error)))) => {
                kernel::log::error("bytes could not be read", &[("problem", &error.to_string())]);
                return Poll::Ready(Some(Err(Cut::Broken)));
            }
            (Rest::Ahead(_), _) => return Poll::Ready(Some(Err(Cut::Broken))),
        };
        this.left -= piece.len() as u64;
        this.rest = Rest::begin(plan);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_none() && matches!(self.rest, Rest::End)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
