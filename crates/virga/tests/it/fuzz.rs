//! The fuzz targets are no part of the workspace (libFuzzer is C++): here they are compiled with it, and each is run on a
//! few inputs of every form.

#![allow(unexpected_cfgs, reason = "cargo xtask fuzz sets fuzzing")]

#[path = "../../../../fuzz/src/targets/mod.rs"]
mod targets;

const SEEDS: [&[u8]; 7] = [
    b"",
    br#"{"TableName": 1, "Item": {"a": {"S": "x"}}}"#,
    b"UserName=%00&Path=x",
    b"<Delete><Object><Key>k</Key></Object></Delete>",
    b"bucket.s3.localhost\n/key\nuploads\nDynamoDB_20120810.GetItem",
    br#"{"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "*", "Resource": "*"}}"#,
    b"attribute_exists(a) AND b.c = :v",
];

#[test]
fn every_target_stands_every_form() {
    for (_, target) in targets::TARGETS {
        SEEDS.iter().for_each(|seed| target(seed));
    }
}
