//! Request signatures from the outside: published examples, an independent signer's requests, and every refusal by
//! its exact words.

mod examples;
mod hostile;
mod presigned;
mod refusals;
mod vectors;

use auth::sigv4::{BodyHash, Dialect, Expect, KeyCache, RequestHead, Secret, SigError, Verified, read};
use base::Timestamp;
use http::{HeaderMap, HeaderName, HeaderValue};

/// A request and what is known of its endpoint.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn new(method: &str, target: &str, headers: &[(&str, &str)]) -> Request {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let name: HeaderName = name.to_ascii_lowercase().parse().unwrap();
            map.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        let (method, path, query) = (method.to_owned(), path.to_owned(), query.to_owned());
        Request { method, path, query, headers: map, body: Vec::new() }
    }

    pub(crate) fn head(&self) -> RequestHead<'_> {
        RequestHead { method: &self.method, path: &self.path, query: &self.query, headers: &self.headers }
    }

    /// As a server does: read, check, verify. An anonymous request is told as such.
    pub(crate) fn verify(
        &self,
        secret: &str,
        now: Timestamp,
        expect: &Expect<'_>,
        cache: Option<&KeyCache>,
    ) -> Result<Verified, SigError> {
        let head = self.head();
        let presented = read(&head).map_err(|cause| cause.tell(expect.dialect))?;
        let Some(presented) = presented else {
            return Err(auth::sigv4::Cause::Anonymous.tell(expect.dialect));
        };
        let chunked = presented.payload().is_some_and(auth::sigv4::Payload::is_chunked);
        let body = if chunked { BodyHash::Unread } else { BodyHash::of(&self.body) };
        presented.verify(&head, body, &Secret::new(secret), now, expect, cache)
    }
}

pub(crate) fn at(stamp: &str) -> Timestamp {
    Timestamp::parse_sigv4(stamp).unwrap()
}

pub(crate) fn expect(dialect: Dialect, service: &'static str) -> Expect<'static> {
    Expect { dialect, service, region: Some("us-east-1") }
}
