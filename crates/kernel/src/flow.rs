//! A body that is written while it is read.

use crate::body::Cut;
use crate::reply::Content;
use bytes::Bytes;
use http_body::Frame;
use http_body_util::BodyExt;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::mpsc;

/// What somebody sends, until nobody does.
#[derive(Debug)]
pub struct Flow(mpsc::Receiver<Result<Bytes, Cut>>);

pub type Source = mpsc::Sender<Result<Bytes, Cut>>;

impl Flow {
    pub fn new() -> (Source, Flow) {
        let (source, flow) = mpsc::channel(1);
        (source, Flow(flow))
    }

    pub fn content(self) -> Content {
        Content::Stream(self.boxed_unsync())
    }
}

impl http_body::Body for Flow {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        self.0.poll_recv(cx).map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }
}
