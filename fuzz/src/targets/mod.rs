//! The fuzz targets, by name. `cargo xtask fuzz` throws bytes at them; the workspace's own tests run each once, so that
//! a target that no longer compiles is seen there.

mod cbor;
mod dynamodb;
mod eventstream;
mod json;
mod jwt;
#[cfg(fuzzing)]
mod keys;
mod policy;
mod query;
mod route;
mod saml;
mod signature;
mod xml;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use wire::{Head, input, validate};

pub(crate) type Target = fn(&[u8]);

pub(crate) const TARGETS: &[(&str, Target)] = &[
    ("json", json::run),
    ("query", query::run),
    ("xml", xml::run),
    ("cbor", cbor::run),
    ("eventstream", eventstream::run),
    ("route", route::run),
    ("signature", signature::run),
    ("policy", policy::run),
    ("saml", saml::run),
    ("jwt", jwt::run),
    #[cfg(fuzzing)]
    ("keys", keys::run),
    ("dynamodb", dynamodb::run),
];

/// A request of these bytes, routed, parsed, and its violations worded.
fn call(method: &str, path: &str, query: &str, headers: &[(&'static str, &str)], body: &[u8]) {
    let pair = |(name, value): &(&'static str, &str)| {
        Some((HeaderName::from_static(name), HeaderValue::from_str(value).ok()?))
    };
    let headers: HeaderMap = headers.iter().filter_map(pair).collect();
    let head = Head { method, path, query, headers: &headers };
    let Ok(route) = wire::route::route(&head, body) else { return };
    let Ok(parsed) = input::parse(&route, &head, Bytes::copy_from_slice(body)) else { return };
    if !parsed.violations.is_empty() {
        let fault = validate::violations_fault(route.service, &parsed.violations, &parsed.value);
        assert_eq!(fault.status, 400);
    }
}

/// The header that signs for `service`.
fn signed(service: &str) -> String {
    format!("AWS4-HMAC-SHA256 Credential=A/20260101/us-east-1/{service}/aws4_request, x")
}
