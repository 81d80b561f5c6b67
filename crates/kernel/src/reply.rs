//! [`Reply`]: an answer on its way out, whole or as a stream.

use crate::body::Cut;
use bytes::Bytes;
use http::HeaderMap;
use http_body::Body as _;
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use std::fmt;

/// The bytes of an answer.
pub enum Content {
    Whole(Bytes),
    /// Its size hint becomes `Content-Length` where it is exact. An error ends the connection: the head is out.
    Stream(UnsyncBoxBody<Bytes, Cut>),
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Content::Whole(bytes) => write!(f, "Whole({} bytes)", bytes.len()),
            Content::Stream(stream) => write!(f, "Stream({:?})", stream.size_hint()),
        }
    }
}

impl From<Bytes> for Content {
    fn from(bytes: Bytes) -> Content {
        Content::Whole(bytes)
    }
}

impl Content {
    /// Collects it, where it is small: for calls within the cloud and for tests.
    ///
    /// # Errors
    /// The stream's.
    pub async fn whole(self) -> Result<Bytes, Cut> {
        match self {
            Content::Whole(bytes) => Ok(bytes),
            Content::Stream(stream) => Ok(stream.collect().await?.to_bytes()),
        }
    }
}

/// A whole answer.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub content: Content,
}

impl From<wire::output::Reply> for Reply {
    fn from(reply: wire::output::Reply) -> Reply {
        Reply { status: reply.status, headers: reply.headers, content: reply.body.into() }
    }
}
