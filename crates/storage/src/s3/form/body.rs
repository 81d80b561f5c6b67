//! The file of a form as the body of a request.

use super::multipart::File;
use crate::s3::errors::{FormRefusal, S3Error};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use kernel::Incoming;
use kernel::body::Cut;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

/// The form as it comes.
pub(super) enum Source {
    Whole(Option<Bytes>),
    Stream(UnsyncBoxBody<Bytes, Cut>),
}

impl From<Incoming> for Source {
    fn from(incoming: Incoming) -> Source {
        match incoming {
            Incoming::Whole(bytes) => Source::Whole(Some(bytes)),
            Incoming::Stream(stream) => Source::Stream(stream),
        }
    }
}

impl Source {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Cut>> {
        match self {
            Source::Whole(bytes) => Poll::Ready(Ok(bytes.take())),
            Source::Stream(stream) => loop {
                let Some(frame) = ready!(Pin::new(&mut *stream).poll_frame(cx)) else {
                    return Poll::Ready(Ok(None));
                };
                if let Ok(data) = frame?.into_data() {
                    return Poll::Ready(Ok(Some(data)));
                }
            },
        }
    }

    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Cut> {
        poll_fn(|cx| self.poll(cx)).await
    }
}

/// What was found wrong with the file, for whoever gets to hear only that it broke off.
#[derive(Clone, Debug, Default)]
pub(super) struct Verdict(Arc<Mutex<Option<S3Error>>>);

impl Verdict {
    pub(super) fn take(&self) -> Option<S3Error> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn set(&self, error: impl Into<S3Error>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.into());
    }
}

/// The bytes of the file, within the sizes that the policy allows.
pub(super) struct FileBody {
    source: Source,
    file: File,
    /// What came with the last field.
    first: bool,
    size: u64,
    sizes: Option<(u64, u64)>,
    expected: Option<u64>,
    verdict: Verdict,
}

impl FileBody {
    pub(super) fn new(
        source: Source,
        file: File,
        sizes: Option<(u64, u64)>,
        expected: Option<u64>,
    ) -> (FileBody, Verdict) {
        let verdict = Verdict::default();
        let body = FileBody { source, file, first: true, size: 0, sizes, expected, verdict: verdict.clone() };
        (body, verdict)
    }

    pub(super) fn boxed(self) -> Incoming {
        Incoming::Stream(UnsyncBoxBody::new(self))
    }

    fn end(&mut self) -> Option<Result<Frame<Bytes>, Cut>> {
        match self.sizes {
            Some((least, _)) if self.size < least => {
                self.verdict.set(FormRefusal::TooSmall(self.size, least));
                Some(Err(Cut::Broken))
            }
            _ => None,
        }
    }
}

impl Body for FileBody {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        let this = self.get_mut();
        loop {
            if this.file.is_done() {
                return Poll::Ready(this.end());
            }
            let piece = if std::mem::take(&mut this.first) {
                Bytes::new()
            } else {
                match ready!(this.source.poll(cx))? {
                    Some(piece) => piece,
                    None => {
                        this.verdict.set(FormRefusal::Malformed);
                        return Poll::Ready(Some(Err(Cut::Broken)));
                    }
                }
            };
            let bytes = this.file.push(&piece);
            this.size += bytes.len() as u64;
            if let Some((_, most)) = this.sizes
                && this.size > most
            {
                this.verdict.set(FormRefusal::TooLarge(this.expected.unwrap_or(this.size), most));
                return Poll::Ready(Some(Err(Cut::Broken)));
            }
            if !bytes.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}
