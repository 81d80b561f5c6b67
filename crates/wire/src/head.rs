//! [`Head`]: what is known of a request before its body: its first line and its headers.

use crate::input::percent;
use http::header::{AsHeaderName, CONTENT_TYPE, HeaderMap};

/// Headers of AWS's own that every request is asked for.
pub mod names {
    use http::HeaderName;

    pub const AMZ_CONTENT_SHA256: HeaderName = HeaderName::from_static("x-amz-content-sha256");
    pub const AMZ_DATE: HeaderName = HeaderName::from_static("x-amz-date");
    pub const AMZ_TARGET: HeaderName = HeaderName::from_static("x-amz-target");
    pub const AMZN_TRACE_ID: HeaderName = HeaderName::from_static("x-amzn-trace-id");
    pub(crate) const SMITHY_PROTOCOL: HeaderName = HeaderName::from_static("smithy-protocol");
}

/// The head of one HTTP request, as it came over the wire.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// In capitals: `GET`.
    pub method: &'a str,
    /// Undecoded, from the first slash: `/my-bucket/a%20b`.
    pub path: &'a str,
    /// Undecoded, without the question mark; empty where there is none.
    pub query: &'a str,
    /// A `host` header stands for HTTP/2's authority too.
    pub headers: &'a HeaderMap,
}

impl<'a> Head<'a> {
    /// The first value of a header; `None` also where it is not visible ASCII. What every request is asked for is asked
    /// for by a constant of [`names`]: text is read as a name first, each time.
    pub fn header(&self, name: impl AsHeaderName) -> Option<&'a str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The media type without its parameters; empty where there is none.
    pub fn media_type(&self) -> &'a str {
        let full = self.header(CONTENT_TYPE).unwrap_or("");
        full.split(';').next().unwrap_or("").trim()
    }

    /// The undecoded pairs of the query string; a name without `=` has an empty value.
    pub fn query_pairs(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        pairs(self.query)
    }

    /// The undecoded value of the first query parameter `name`.
    pub fn query_value(&self, name: &str) -> Option<&'a str> {
        self.query_pairs().find(|(n, _)| *n == name).map(|(_, v)| v)
    }
}

/// Splits `a=b&c` into `(a, b)`, `(c, "")`.
pub(crate) fn pairs(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.split('&').filter(|p| !p.is_empty()).map(|p| p.split_once('=').unwrap_or((p, "")))
}

/// The decoded pairs of a form or a query string: `a=1&b=x%20y`. What is not UTF-8 stays as it came.
pub fn form_pairs(text: &str) -> Vec<(String, String)> {
    let decoded = |text: &str| percent::form(text).map_or_else(|| text.to_owned(), |text| text.into_owned());
    pairs(text).map(|(name, value)| (decoded(name), decoded(value))).collect()
}

/// Whether every percent sign begins an escape.
pub fn is_escaped(text: &str) -> bool {
    text.split('%').skip(1).all(|rest| rest.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2)
}

/// A path without its escapes; `None` where that is not UTF-8.
pub fn percent_decoded(path: &str) -> Option<String> {
    percent::path(path).map(std::borrow::Cow::into_owned)
}
