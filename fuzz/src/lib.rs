//! What the fuzz targets share: a request of given bytes, routed, parsed and its violations printed.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use wire::{Head, input, route, validate};

pub fn run(method: &str, path: &str, query: &str, headers: &[(&'static str, &str)], body: &[u8]) {
    let pair = |(name, value): &(&'static str, &str)| {
        Some((HeaderName::from_static(name), HeaderValue::from_str(value).ok()?))
    };
    let headers: HeaderMap = headers.iter().filter_map(pair).collect();
    let head = Head { method, path, query, headers: &headers };
    let Ok(route) = route::route(&head, body) else { return };
    let Ok(parsed) = input::parse(&route, &head, Bytes::copy_from_slice(body)) else { return };
    if !parsed.violations.is_empty() {
        let fault = validate::violations_fault(route.service, &parsed.violations, &parsed.value);
        assert_eq!(fault.status, 400);
    }
}

/// The header that signs for `service`.
pub fn signed(service: &str) -> String {
    format!("AWS4-HMAC-SHA256 Credential=A/20260101/us-east-1/{service}/aws4_request, x")
}
