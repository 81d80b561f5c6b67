//! [`Site`]: what the cloud answers beside AWS's interfaces, by host name or by form: websites, function URLs, browser
//! uploads, preflight requests.
//!
//! Such requests are no API calls: a site authenticates and authorizes as its service documents it. Sites are asked in
//! their order, before a request is routed as an API call.

use crate::body::Incoming;
use crate::cloud::Cloud;
use crate::cx::Peer;
use crate::data::Running;
use crate::reply::Reply;
use http::header::HOST;
use http::request::Parts;
use std::sync::Arc;

/// Where a request was sent, empty where it does not say: of HTTP/2 the authority is in the URI.
pub fn host_of(parts: &Parts) -> &str {
    let header = parts.headers.get(HOST).and_then(|value| value.to_str().ok());
    header.or(parts.uri.authority().map(http::uri::Authority::as_str)).unwrap_or_default()
}

/// One kind of page.
pub trait Site: Send + Sync + std::fmt::Debug {
    fn name(&self) -> &'static str;

    /// Whether the request is for this site. Asked of every request, so it looks at the head and nothing else.
    fn claims(&self, parts: &Parts) -> bool;

    /// Answers a request that it has claimed. `incoming` is a stream whose size nobody has bounded yet. To let it go
    /// on as an API call there is [`Cloud::serve_api`].
    fn answer<'a>(
        &'a self,
        cloud: &'a Arc<Cloud>,
        parts: &'a Parts,
        incoming: Incoming,
        peer: Peer,
    ) -> Running<'a, Reply>;
}
