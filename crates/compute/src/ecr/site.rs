//! The registry protocol, as docker, skopeo, podman and the like speak it: under `<account>.dkr.ecr.<region>.localhost`,
//! and, for programs that do not resolve that, under the cloud's own address: there the password says whose registry it
//! is.
//!
//! Each request is made one or more of the API's operations, in the stead of whoever logged in with the password of
//! `GetAuthorizationToken`. Layers themselves come from links that `GetDownloadUrlForLayer` gives, as in AWS.
//!
//! Not here: deleting by this protocol (AWS has none either), mounting layers from other repositories (they are uploaded
//! instead, as the protocol allows), the states of uploads.
//!
//! Specification: <https://github.com/opencontainers/distribution-spec/blob/main/spec.md>

mod place;
mod serve;

use super::layers;
use super::login::{self, LINK_PATH, Login};
use super::pull;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{HeaderName, HeaderValue};
use http_body_util::BodyExt;
use kernel::reply::Content;
use kernel::site::{Site, host_of};
use kernel::{Cloud, Incoming, Peer, Reply, Running};
pub(crate) use place::Registry;
use std::sync::Arc;
use wire::{Fault, Value};

/// Registries and links to layers.
#[derive(Debug)]
pub struct Registries;

/// Whether this is the registry protocol, whatever the host: no bucket has so short a name, and AWS's own interfaces with
/// such paths are signed.
fn is_registry(parts: &Parts) -> bool {
    let path = parts.uri.path();
    let signed = |value: &HeaderValue| value.as_bytes().starts_with(b"AWS4-");
    (path == "/v2" || path.starts_with("/v2/"))
        && !parts.headers.get(AUTHORIZATION).is_some_and(signed)
        && !parts.uri.query().is_some_and(|query| query.contains("X-Amz-Signature="))
}

impl Site for Registries {
    fn name(&self) -> &'static str {
        "ecr registries"
    }

    fn claims(&self, parts: &Parts) -> bool {
        parts.uri.path().starts_with(LINK_PATH)
            || is_registry(parts)
            || Registry::of(host_of(parts)).is_some()
    }

    fn answer<'a>(
        &'a self,
        cloud: &'a Arc<Cloud>,
        parts: &'a Parts,
        incoming: Incoming,
        peer: Peer,
    ) -> Running<'a, Reply> {
        Box::pin(async move {
            let secure = peer.tls.is_some();
            if parts.uri.path().starts_with(LINK_PATH) {
                return layer(cloud, parts.uri.path());
            }
            let Some(login) = login_of(cloud, parts) else {
                let scheme = if secure { "https" } else { "http" };
                let realm =
                    format!("Basic realm=\"{scheme}://{}/\",service=\"ecr.amazonaws.com\"", host_of(parts));
                return refused(401, "UNAUTHORIZED", "Not Authorized").with(WWW_AUTHENTICATE, &realm);
            };
            let own = Registry { account: login.account, region: login.region };
            let registry = Registry::of(host_of(parts)).unwrap_or(own);
            serve::serve(cloud, parts, incoming, &registry, &login, secure).await
        })
    }
}

/// Who the request says that it is; the user is always `AWS`.
fn login_of(cloud: &Cloud, parts: &Parts) -> Option<Login> {
    let text = parts.headers.get(AUTHORIZATION)?.to_str().ok()?;
    let text = String::from_utf8(STANDARD.decode(text.strip_prefix("Basic ")?.trim()).ok()?).ok()?;
    login::known(cloud, text.strip_prefix("AWS:")?)
}

/// A layer behind its link.
fn layer(cloud: &Arc<Cloud>, path: &str) -> Reply {
    let Some(found) = pull::behind(cloud, path) else {
        return refused(403, "DENIED", "The link is not valid, or is over.");
    };
    match found {
        Ok(Some(layer)) => {
            let content = Content::Stream(layers::stream(cloud, &layer).boxed_unsync());
            let reply = Reply { status: 200, headers: Default::default(), content };
            reply.with(http::header::CONTENT_TYPE, "application/octet-stream")
        }
        Ok(None) => refused(404, "BLOB_UNKNOWN", "The layer is gone."),
        Err(_) => refused(500, "UNKNOWN", "The layer cannot be read."),
    }
}

trait With {
    fn with(self, name: HeaderName, value: &str) -> Self;
}

impl With for Reply {
    fn with(mut self, name: HeaderName, value: &str) -> Reply {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }
}

/// An answer with these bytes; all of the registry's say which protocol it is.
fn answered(status: u16, content: impl Into<Bytes>) -> Reply {
    let reply = Reply { status, headers: Default::default(), content: content.into().into() };
    reply.with(HeaderName::from_static("docker-distribution-api-version"), "registry/2.0")
}

fn refused(status: u16, code: &str, message: &str) -> Reply {
    let text = |text: &str| Value::str(text);
    let error = Value::Map(vec![("code".into(), text(code)), ("message".into(), text(message))]);
    let body = Value::Map(vec![("errors".into(), Value::List(vec![error]))]);
    let reply = answered(status, wire::json::text(&body));
    reply.with(http::header::CONTENT_TYPE, "application/json; charset=utf-8")
}

/// What the API refuses, as the registry does.
fn refusal(fault: &Fault) -> Reply {
    let (status, code) = super::errors::in_registry(&fault.code);
    refused(status, code, &fault.message)
}
