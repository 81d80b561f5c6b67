//! The body of a request as the connection gives it, with a bound on the wait for each piece.

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use kernel::body::Cut;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Sleep, sleep};

/// Whether a client that asked first (`Expect: 100-continue`) has been told to send its body.
pub(crate) type Invited = Arc<AtomicBool>;

/// What the kernel reads: nothing is boxed for a request without a body.
pub(crate) fn incoming(body: Incoming, idle: Duration, invited: Option<Invited>) -> kernel::Incoming {
    if body.is_end_stream() {
        return kernel::Incoming::Whole(Bytes::new());
    }
    kernel::Incoming::Stream(Timed { body, idle, sleep: None, invited }.boxed_unsync())
}

/// A body whose every piece comes within `idle`.
struct Timed {
    body: Incoming,
    idle: Duration,
    /// Set while a piece is waited for.
    sleep: Option<Pin<Box<Sleep>>>,
    invited: Option<Invited>,
}

impl Body for Timed {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        let this = self.get_mut();
        if let Some(invited) = this.invited.take() {
            invited.store(true, Ordering::Relaxed);
        }
        if let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(cx) {
            this.sleep = None;
            return Poll::Ready(frame.map(|frame| frame.map_err(|_| Cut::Broken)));
        }
        let sleep = this.sleep.get_or_insert_with(|| Box::pin(sleep(this.idle)));
        match sleep.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Some(Err(Cut::TooSlow))),
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
