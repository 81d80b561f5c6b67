//! `Authorization` headers, presigned queries, and bodies in signed chunks; parts are separated by line feeds.

use auth::sigv4::chunked::Decoder;
use auth::sigv4::{BodyHash, Dialect, Expect, RequestHead, Secret, read};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue};

const DIALECTS: [Dialect; 5] = [Dialect::Query, Dialect::Json, Dialect::RestJson, Dialect::S3, Dialect::Ec2];

pub(crate) fn run(data: &[u8]) {
    let mut parts = data.splitn(5, |byte| *byte == b'\n');
    let mut next = || parts.next().unwrap_or_default();
    let (authorization, date, hash, query, body) = (next(), next(), next(), next(), next());
    let mut headers = HeaderMap::new();
    for (name, value) in
        [("authorization", authorization), ("x-amz-date", date), ("x-amz-content-sha256", hash)]
    {
        if let Ok(value) = HeaderValue::from_bytes(value) {
            headers.insert(name, value);
        }
    }
    let query = String::from_utf8_lossy(query);
    let head = RequestHead { method: "GET", path: "/a%2fb//c", query: &query, headers: &headers };
    if let Ok(Some(presented)) = read(&head) {
        for dialect in DIALECTS {
            let expect = Expect { dialect, service: "s3", region: None };
            let now = presented.timestamp();
            // Nobody guesses a signature.
            assert!(
                presented.verify(&head, BodyHash::Unread, &Secret::new("s"), now, &expect, None).is_err()
            );
        }
    }
    chunks(body, body.len());
    chunks(body, 1);
}

/// However the bytes come in, no more comes out than was announced.
fn chunks(body: &[u8], size: usize) {
    let length = "5";
    let Ok(mut decoder) = Decoder::unsigned(Some(length), Some("x-amz-checksum-crc32")) else { return };
    let mut out = 0;
    for piece in body.chunks(size.max(1)) {
        let mut piece = Bytes::copy_from_slice(piece);
        while !piece.is_empty() {
            match decoder.push(&mut piece) {
                Ok(Some(data)) => out += data.len(),
                Ok(None) => {}
                Err(_) => return,
            }
        }
    }
    assert!(out <= 5);
    if let Ok(finished) = decoder.finish() {
        assert_eq!(finished.length, 5);
    }
}
