//! What S3 answers beside its API: websites under their host names, and browsers that ask before they cross origins.

mod cors;
mod page;
mod website;

pub use cors::Cors;
pub use website::Website;

use super::buckets::{self, Bucket};
use super::errors::S3Error;
use bytes::Bytes;
use http::request::Parts;
use kernel::{Cloud, Reply};
use std::sync::Arc;
use wire::Fault;
use wire::head::Head;
use wire::model::Protocol;

fn head(parts: &Parts) -> Head<'_> {
    Head {
        method: parts.method.as_str(),
        path: parts.uri.path(),
        query: parts.uri.query().unwrap_or_default(),
        headers: &parts.headers,
    }
}

/// The bucket of this name, as the store has it now.
fn find(cloud: &Cloud, name: &str) -> Result<Option<Arc<Bucket>>, S3Error> {
    buckets::find(cloud, &cloud.store().snapshot(), name)
}

/// A refusal in S3's own document.
fn refusal(cloud: &Cloud, error: S3Error) -> Reply {
    let id = base::id::uuid(cloud.rng());
    let fault = Fault::from(error);
    wire::output::fault(wire::catalog::service("s3"), None, Protocol::RestXml, &fault, &id).into()
}

fn empty(status: u16) -> Reply {
    let mut reply = Reply { status, headers: Default::default(), content: Bytes::new().into() };
    set(&mut reply, "server", "AmazonS3");
    reply
}

fn set(reply: &mut Reply, name: &'static str, value: &str) {
    if let Ok(value) = http::HeaderValue::from_str(value) {
        reply.headers.insert(http::HeaderName::from_static(name), value);
    }
}
