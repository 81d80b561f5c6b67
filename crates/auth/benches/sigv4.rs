//! `cargo bench -p auth`: what verifying costs, in nanoseconds per request.
//!
//! A plain program: the numbers wanted are few and the machine is shared, so the best of several rounds is printed.

use auth::sigv4::sign::{Signer, presign, sign_headers};
use auth::sigv4::{Algorithm, BodyHash, Dialect, Expect, KeyCache, Payload, RequestHead, Secret, read};
use base::Timestamp;
use http::HeaderMap;
use std::hint::black_box;
use std::time::Instant;

const ROUNDS: u32 = 10;

fn measure(name: &str, calls: u32, mut call: impl FnMut()) {
    let mut best = f64::MAX;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        for _ in 0..calls {
            call();
        }
        best = best.min(start.elapsed().as_nanos() as f64 / f64::from(calls));
    }
    #[allow(clippy::print_stdout)]
    {
        println!("{name:<44} {best:>10.0} ns");
    }
}

fn main() {
    let now = Timestamp::from_seconds(1_779_016_953);
    let secret = Secret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
    let body = b"Action=GetCallerIdentity&Version=2011-06-15";
    let BodyHash::Of(hash) = BodyHash::of(body) else { return };
    let expect = Expect { dialect: Dialect::Query, service: "sts", region: Some("us-east-1") };
    let cache = KeyCache::default();
    for algorithm in [Algorithm::Hmac, Algorithm::Ecdsa] {
        let signer = Signer {
            access_key: "AKIAIOSFODNN7EXAMPLE",
            secret: &secret,
            session_token: None,
            region: "us-east-1",
            service: "sts",
            dialect: Dialect::Query,
            algorithm,
        };
        let mut headers = HeaderMap::new();
        headers.insert("host", http::HeaderValue::from_static("sts.us-east-1.amazonaws.com"));
        headers.insert(
            "content-type",
            http::HeaderValue::from_static("application/x-www-form-urlencoded; charset=utf-8"),
        );
        let bare = headers.clone();
        if sign_headers(&signer, "POST", "/", "", &mut headers, Payload::Hash(hash), now).is_err() {
            return;
        }
        let head = RequestHead { method: "POST", path: "/", query: "", headers: &headers };
        let verify = |head: &RequestHead<'_>, body: BodyHash, cache: Option<&KeyCache>| {
            let presented = read(head).ok().flatten();
            let verified = presented.and_then(|p| p.verify(head, body, &secret, now, &expect, cache).ok());
            assert!(verified.is_some());
            black_box(verified);
        };
        let calls = if algorithm == Algorithm::Hmac { 20_000 } else { 500 };
        let name = algorithm.text();
        measure(&format!("{name} read only"), 20_000, || {
            black_box(read(&head).ok());
        });
        measure(&format!("{name} header, key cached"), calls, || {
            verify(&head, BodyHash::of(body), Some(&cache));
        });
        measure(&format!("{name} header, key derived"), calls, || verify(&head, BodyHash::of(body), None));
        let Ok(query) = presign(&signer, "GET", "/", "Action=GetCallerIdentity", &bare, 60, now) else {
            return;
        };
        let url = RequestHead { method: "GET", path: "/", query: &query, headers: &bare };
        measure(&format!("{name} presigned, key cached"), calls, || {
            verify(&url, BodyHash::of(b""), Some(&cache));
        });
    }
}
