//! S3 and Route 53 bodies.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let s3 = fuzz::signed("s3");
    for query in ["delete", "lifecycle", "acl"] {
        let method = if query == "delete" { "POST" } else { "PUT" };
        fuzz::run(method, "/bucket", query, &[("authorization", &s3)], data);
    }
    let route53 = fuzz::signed("route53");
    fuzz::run("POST", "/2013-04-01/hostedzone/Z/rrset", "", &[("authorization", &route53)], data);
});
