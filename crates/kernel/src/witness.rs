//! [`Witness`]: who is told of requests and of how they ended: access logs, metrics of requests.
//!
//! A witness is asked about every request before anything else is; one that is wanted carries a [`Trace`] with it, on
//! which its journey and its handler write down what only they know. The witness is told once the last byte of the
//! answer has left, or the client has gone. Of what nobody wants, nothing is kept.
//!
//! Not here: calls from within the cloud, which have no head, no answer's bytes and no other end.

use crate::audit::Decided;
use crate::body::{Cut, Incoming};
use crate::cloud::Cloud;
use crate::cx::Peer;
use crate::identity::Caller;
use crate::reply::{Content, Reply};
use base::Timestamp;
use base::tag::Tags;
use bytes::Bytes;
use http::HeaderMap;
use http::request::Parts;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// Sees requests.
pub trait Witness: Send + Sync + std::fmt::Debug {
    /// Whether it wants to know of this request. Asked of every one, so it answers from memory.
    fn wants(&self, cloud: &Cloud, parts: &Parts) -> bool;

    /// Told of a request that has ended. It is no place to wait.
    fn tell(&self, cloud: &Arc<Cloud>, seen: &Seen);
}

/// A request that has ended.
#[derive(Debug)]
pub struct Seen {
    pub parts: Parts,
    pub peer: Peer,
    /// The cloud's time when it came.
    pub began: Timestamp,
    pub status: u16,
    /// Of the answer.
    pub headers: HeaderMap,
    /// Bytes of the request's body that were read.
    pub received: u64,
    /// Bytes of the answer's body that were sent.
    pub sent: u64,
    /// From the last byte of the request to the first of the answer.
    pub turned: Duration,
    /// From the first byte of the request to the last of the answer.
    pub total: Duration,
    pub facts: Facts,
}

impl Seen {
    /// A header of the request, where it is text.
    pub fn asked(&self, name: &str) -> Option<&str> {
        self.parts.headers.get(name)?.to_str().ok()
    }

    /// A header of the answer, where it is text.
    pub fn answered(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// What the journey of a request tells of it.
#[derive(Clone, Default, Debug)]
pub struct Facts {
    pub id: String,
    /// The models' ids; `None` where the request led to none.
    pub service: Option<&'static str>,
    pub operation: Option<&'static str>,
    /// `None` where the caller was not known.
    pub caller: Option<Arc<Caller>>,
    /// The code of the refusal.
    pub error: Option<String>,
    pub decisions: Vec<Decided>,
    pub things: Vec<Thing>,
}

/// One of the things that a request was about, as its handler tells.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Thing {
    pub name: String,
    pub version: Option<String>,
    pub size: Option<u64>,
    /// Status and code of its refusal, where it has one of its own.
    pub refused: Option<(u16, String)>,
    /// Where it had some and is gone, so that nobody can look.
    pub tags: Option<Tags>,
}

/// What a wanted request carries.
#[derive(Clone, Default, Debug)]
pub struct Trace(Arc<Mutex<Facts>>);

impl Trace {
    /// The trace of a request that is wanted.
    pub fn of(parts: &Parts) -> Option<Trace> {
        parts.extensions.get().cloned()
    }

    /// Lets another request, which is made for its sake, write on it.
    pub fn pass(self, parts: &mut Parts) {
        parts.extensions.insert(self);
    }

    pub fn note(&self, write: impl FnOnce(&mut Facts)) {
        write(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn facts(&self) -> Facts {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// When the last byte of a request came, and how many came before it.
type Received = Arc<Mutex<(u64, Instant)>>;

impl Cloud {
    pub(crate) fn is_wanted(&self, parts: &Parts) -> bool {
        self.witnesses.iter().any(|witness| witness.wants(self, parts))
    }

    /// As [`Cloud::serve`], of a request that somebody wants to know of.
    pub(crate) async fn witnessed(self: &Arc<Cloud>, parts: &Parts, incoming: Incoming, peer: Peer) -> Reply {
        let (began, start) = (self.clock().now(), Instant::now());
        let mut parts = parts.clone();
        let trace = Trace::default();
        trace.clone().pass(&mut parts);
        let received: Received = Arc::new(Mutex::new((0, start)));
        let incoming = match incoming {
            Incoming::Whole(bytes) => {
                *received.lock().unwrap_or_else(PoisonError::into_inner) = (bytes.len() as u64, start);
                Incoming::Whole(bytes)
            }
            Incoming::Stream(body) => {
                let count = Arc::clone(&received);
                let each = move |bytes: u64| {
                    let mut count = count.lock().unwrap_or_else(PoisonError::into_inner);
                    *count = (count.0 + bytes, Instant::now());
                };
                Incoming::Stream(Counted { body, each }.boxed_unsync())
            }
        };
        let reply = self.answer(&parts, incoming, peer.clone()).await;
        let head = Instant::now();
        let is_head = parts.method == http::Method::HEAD;
        let mut telling = Telling {
            cloud: Arc::clone(self),
            witnesses: self.witnesses.iter().filter(|w| w.wants(self, &parts)).cloned().collect(),
            trace,
            received,
            start,
            head,
            // Once: what is told is taken out.
            seen: Some(Seen {
                parts,
                peer,
                began,
                status: reply.status,
                headers: reply.headers.clone(),
                received: 0,
                sent: 0,
                turned: Duration::ZERO,
                total: Duration::ZERO,
                facts: Facts::default(),
            }),
        };
        let Reply { status, headers, content } = reply;
        let content = match content {
            Content::Whole(bytes) => {
                telling.sent(if is_head { 0 } else { bytes.len() as u64 });
                Content::Whole(bytes)
            }
            // Told when it is dropped, be it at its end or because the client has gone.
            Content::Stream(body) => {
                let each = move |bytes: u64| telling.sent(if is_head { 0 } else { bytes });
                Content::Stream(Counted { body, each }.boxed_unsync())
            }
        };
        Reply { status, headers, content }
    }
}

/// What is told at the end.
struct Telling {
    cloud: Arc<Cloud>,
    witnesses: Vec<Arc<dyn Witness>>,
    trace: Trace,
    received: Received,
    start: Instant,
    head: Instant,
    seen: Option<Seen>,
}

impl Telling {
    fn sent(&mut self, bytes: u64) {
        if let Some(seen) = &mut self.seen {
            seen.sent += bytes;
        }
    }
}

impl Drop for Telling {
    fn drop(&mut self) {
        let Some(mut seen) = self.seen.take() else { return };
        let (received, last) = *self.received.lock().unwrap_or_else(PoisonError::into_inner);
        seen.received = received;
        seen.turned = self.head.saturating_duration_since(last);
        seen.total = self.start.elapsed();
        seen.facts = self.trace.facts();
        self.witnesses.iter().for_each(|witness| witness.tell(&self.cloud, &seen));
    }
}

/// A body whose pieces are counted.
struct Counted<F> {
    body: UnsyncBoxBody<Bytes, Cut>,
    each: F,
}

impl<F: FnMut(u64) + Unpin> Body for Counted<F> {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.body).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && let Some(data) = frame.data_ref()
        {
            (this.each)(data.len() as u64);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
