//! Hosts, paths and query strings, separated by line feeds.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut lines = text.split(char::from(10));
    let mut next = || lines.next().unwrap_or("");
    let (host, path, query, target) = (next(), next(), next(), next());
    for method in ["GET", "PUT", "POST"] {
        fuzz::run(method, path, query, &[("host", host)], b"");
        for service in ["s3", "apigateway", "lambda"] {
            fuzz::run(method, path, query, &[("host", host), ("authorization", &fuzz::signed(service))], b"");
        }
        fuzz::run(method, path, query, &[("host", host), ("x-amz-target", target)], b"");
    }
});
