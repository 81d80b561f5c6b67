//! The canonical request: one spelling for every way to write the same request.
//!
//! Source: IAM user guide, "Create a signed AWS API request". S3 encodes its path once and leaves `//` and `..` alone,
//! because they are part of an object's name; all other services sign the normalized path, encoded once more.

use super::encode::{decode, uri_encode_into};
use super::head::RequestHead;
use memchr::memchr;

/// How a service writes its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PathStyle {
    Once,
    NormalizedTwice,
}

/// Method, path, query, headers, names of the headers, hash of the payload.
pub(super) fn request(
    head: &RequestHead<'_>,
    style: PathStyle,
    signed_headers: &str,
    payload: &str,
    skip_signature: bool,
) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024);
    out.extend_from_slice(head.method.as_bytes());
    out.push(b'\n');
    path_into(&mut out, head.path, style);
    out.push(b'\n');
    query_into(&mut out, head.query, skip_signature);
    out.push(b'\n');
    headers_into(&mut out, head, signed_headers);
    out.push(b'\n');
    out.extend_from_slice(signed_headers.as_bytes());
    out.push(b'\n');
    out.extend_from_slice(payload.as_bytes());
    out
}

pub(super) fn path_into(out: &mut Vec<u8>, path: &str, style: PathStyle) {
    let path = if path.is_empty() { "/" } else { path };
    match style {
        PathStyle::Once => {
            // Segment by segment, so that a slash which came encoded stays so, as its signer wrote it.
            for (i, segment) in path.split('/').enumerate() {
                if i > 0 {
                    out.push(b'/');
                }
                uri_encode_into(out, decode(segment, false), false);
            }
        }
        PathStyle::NormalizedTwice if is_normal(path) => uri_encode_into(out, path.bytes(), true),
        PathStyle::NormalizedTwice => uri_encode_into(out, normalize(path).bytes(), true),
    }
}

fn is_normal(path: &str) -> bool {
    path.starts_with('/') && !path.contains("//") && !path.contains("/.")
}

/// RFC 3986 without its dot segments, and without empty ones.
fn normalize(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                kept.pop();
            }
            other => kept.push(other),
        }
    }
    let mut out = String::with_capacity(path.len() + 1);
    for segment in &kept {
        out.push('/');
        out.push_str(segment);
    }
    let is_folder = path.ends_with('/') || path.ends_with("/.") || path.ends_with("/..");
    if kept.is_empty() || is_folder {
        out.push('/');
    }
    out
}

/// Decoded, encoded alike, sorted by name and then by value.
fn query_into(out: &mut Vec<u8>, query: &str, skip_signature: bool) {
    if query.is_empty() {
        return;
    }
    let mut encoded = Vec::with_capacity(query.len() + 16);
    let mut pairs: Vec<(std::ops::Range<usize>, std::ops::Range<usize>)> = Vec::with_capacity(8);
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = match memchr(b'=', pair.as_bytes()) {
            Some(at) => (&pair[..at], &pair[at + 1..]),
            None => (pair, ""),
        };
        let start = encoded.len();
        uri_encode_into(&mut encoded, decode(name, true), false);
        if skip_signature && &encoded[start..] == b"X-Amz-Signature" {
            encoded.truncate(start);
            continue;
        }
        let middle = encoded.len();
        uri_encode_into(&mut encoded, decode(value, true), false);
        pairs.push((start..middle, middle..encoded.len()));
    }
    pairs.sort_by(|a, b| {
        (&encoded[a.0.clone()], &encoded[a.1.clone()]).cmp(&(&encoded[b.0.clone()], &encoded[b.1.clone()]))
    });
    for (i, (name, value)) in pairs.into_iter().enumerate() {
        if i > 0 {
            out.push(b'&');
        }
        out.extend_from_slice(&encoded[name]);
        out.push(b'=');
        out.extend_from_slice(&encoded[value]);
    }
}

/// `name:value` lines; several values are joined by commas, runs of blanks become one.
fn headers_into(out: &mut Vec<u8>, head: &RequestHead<'_>, signed_headers: &str) {
    for name in signed_headers.split(';').filter(|name| !name.is_empty()) {
        out.extend_from_slice(name.as_bytes());
        out.push(b':');
        // HTTP/2 clients may sign the pseudo-header; its value is the host.
        let looked_up = if name == ":authority" { "host" } else { name };
        for (i, value) in head.headers.get_all(looked_up).iter().enumerate() {
            if i > 0 {
                out.push(b',');
            }
            folded_into(out, value.as_bytes());
        }
        out.push(b'\n');
    }
}

fn folded_into(out: &mut Vec<u8>, value: &[u8]) {
    let value = value.trim_ascii();
    if !value.iter().any(u8::is_ascii_whitespace) {
        return out.extend_from_slice(value);
    }
    let mut was_blank = false;
    for &byte in value {
        let is_blank = byte.is_ascii_whitespace();
        if !is_blank {
            out.push(byte);
        } else if !was_blank {
            out.push(b' ');
        }
        was_blank = is_blank;
    }
}

#[cfg(test)]
mod tests {
    use super::{PathStyle, folded_into, path_into, query_into};

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn paths() {
        for (path, once, twice) in [
            ("", "/", "/"),
            ("/", "/", "/"),
            ("/a/../b", "/a/../b", "/b"),
            ("//a///b/", "//a///b/", "/a/b/"),
            ("/./", "/./", "/"),
            ("/a/b/..", "/a/b/..", "/a/"),
            ("/%20", "/%20", "/%2520"),
            ("/a b", "/a%20b", "/a%20b"),
            ("/%e1%88%b4", "/%E1%88%B4", "/%25e1%2588%25b4"),
            ("/(k)%2F+~", "/%28k%29%2F%2B~", "/%28k%29%252F%2B~"),
            ("/50%", "/50%25", "/50%25"),
        ] {
            assert_eq!(text(|o| path_into(o, path, PathStyle::Once)), once, "{path}");
            assert_eq!(text(|o| path_into(o, path, PathStyle::NormalizedTwice)), twice, "{path}");
        }
    }

    #[test]
    fn queries() {
        for (query, expected) in [
            ("", ""),
            ("b=2&a=1", "a=1&b=2"),
            ("a=b&a=a&a", "a=&a=a&a=b"),
            ("a-b=1&a=2", "a=2&a-b=1"),
            ("x=a+b&y=%2b", "x=a%20b&y=%2B"),
            ("%61=%zz", "a=%25zz"),
            ("&&a=1=2", "a=1%3D2"),
            ("X-Amz-Signature=f&X%2DAmz-Signature=g&z", "z="),
        ] {
            assert_eq!(text(|o| query_into(o, query, true)), expected, "{query}");
        }
        assert_eq!(text(|o| query_into(o, "X-Amz-Signature=f", false)), "X-Amz-Signature=f");
    }

    #[test]
    fn header_values() {
        assert_eq!(text(|o| folded_into(o, b"  a \t b   c ")), "a b c");
        assert_eq!(text(|o| folded_into(o, b"\"a  b\"")), "\"a b\"");
    }
}
