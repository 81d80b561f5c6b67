//! S3 and Route 53 bodies.

use super::{call, signed};

pub(crate) fn run(data: &[u8]) {
    let s3 = signed("s3");
    for query in ["delete", "lifecycle", "acl"] {
        let method = if query == "delete" { "POST" } else { "PUT" };
        call(method, "/bucket", query, &[("authorization", &s3)], data);
    }
    let route53 = signed("route53");
    call("POST", "/2013-04-01/hostedzone/Z/rrset", "", &[("authorization", &route53)], data);
}
