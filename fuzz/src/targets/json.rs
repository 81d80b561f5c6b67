//! DynamoDB and Lambda bodies.

use super::{call, signed};

pub(crate) fn run(data: &[u8]) {
    let headers =
        [("x-amz-target", "DynamoDB_20120810.PutItem"), ("content-type", "application/x-amz-json-1.0")];
    call("POST", "/", "", &headers, data);
    call("POST", "/2015-03-31/functions", "", &[("authorization", &signed("lambda"))], data);
}
