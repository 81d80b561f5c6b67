//! DynamoDB and Lambda bodies.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let headers =
        [("x-amz-target", "DynamoDB_20120810.PutItem"), ("content-type", "application/x-amz-json-1.0")];
    fuzz::run("POST", "/", "", &headers, data);
    fuzz::run("POST", "/2015-03-31/functions", "", &[("authorization", &fuzz::signed("lambda"))], data);
});
