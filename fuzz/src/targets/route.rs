//! Hosts, paths and query strings, separated by line feeds.

use super::{call, signed};

pub(crate) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut lines = text.split(char::from(10));
    let mut next = || lines.next().unwrap_or("");
    let (host, path, query, target) = (next(), next(), next(), next());
    for method in ["GET", "PUT", "POST"] {
        call(method, path, query, &[("host", host)], b"");
        for service in ["s3", "apigateway", "lambda"] {
            call(method, path, query, &[("host", host), ("authorization", &signed(service))], b"");
        }
        call(method, path, query, &[("host", host), ("x-amz-target", target)], b"");
    }
}
