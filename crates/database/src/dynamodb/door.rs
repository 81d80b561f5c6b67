//! What DynamoDB answers beside its API: whether it is well, and to browsers that ask before they call.
//!
//! AWS: recorded answers. A preflight names no service; where the host does not either, it is about the endpoint that
//! calls of the JSON protocol are posted to, which allows any origin.

use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use kernel::coding::EXPOSED;
use kernel::site::{Site, host_of};
use kernel::{Cloud, Incoming, Peer, Reply, Running};
use std::sync::Arc;
use wire::route::host::read;

/// How long a browser may keep the answer, in seconds: two days.
const MAX_AGE: &str = "172800";

#[derive(Debug)]
pub struct Door;

impl Site for Door {
    fn name(&self) -> &'static str {
        "dynamodb's health and preflights"
    }

    fn claims(&self, parts: &Parts) -> bool {
        if parts.uri.path() != "/" || !matches!(parts.method, Method::OPTIONS | Method::GET) {
            return false;
        }
        let name = read(host_of(parts));
        let is_own = matches!(name.endpoint_prefix, Some("dynamodb" | "streams.dynamodb"));
        match parts.method {
            // What names no service is S3's, but for its preflights, which have a bucket.
            Method::OPTIONS if parts.headers.contains_key("origin") => {
                is_own || name.endpoint_prefix.is_none() && name.bucket.is_none() && !name.website
            }
            Method::GET => {
                is_own && !parts.headers.contains_key("authorization") && parts.uri.query().is_none()
            }
            _ => false,
        }
    }

    fn answer<'a>(&'a self, _: &'a Arc<Cloud>, parts: &'a Parts, _: Incoming, _: Peer) -> Running<'a, Reply> {
        Box::pin(async move { if parts.method == Method::GET { health(parts) } else { preflight(parts) } })
    }
}

/// `healthy: dynamodb.us-east-1.amazonaws.com`
fn health(parts: &Parts) -> Reply {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("text/plain"));
    if parts.headers.contains_key("origin") {
        headers.insert("access-control-allow-origin", HeaderValue::from_static("*"));
        headers.insert("access-control-expose-headers", HeaderValue::from_static(EXPOSED));
    }
    let text = format!("healthy: {} \n", host_of(parts));
    Reply { status: 200, headers, content: bytes::Bytes::from(text).into() }
}

fn preflight(parts: &Parts) -> Reply {
    let mut headers = HeaderMap::new();
    let mut set = |name: &'static str, value: &HeaderValue| {
        headers.insert(HeaderName::from_static(name), value.clone());
    };
    set("access-control-allow-origin", &HeaderValue::from_static("*"));
    set("access-control-expose-headers", &HeaderValue::from_static(EXPOSED));
    set("access-control-max-age", &HeaderValue::from_static(MAX_AGE));
    for (asked, allowed) in [
        ("access-control-request-method", "access-control-allow-methods"),
        ("access-control-request-headers", "access-control-allow-headers"),
    ] {
        if let Some(value) = parts.headers.get(asked) {
            set(allowed, value);
        }
    }
    Reply { status: 200, headers, content: bytes::Bytes::new().into() }
}
