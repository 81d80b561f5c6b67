//! Who may speak at all: signatures, keys, addresses.

use crate::harness::Cloud;
use serde_json::json;

#[test]
fn the_shared_root_keys_are_the_roots_of_their_accounts() {
    let cloud = Cloud::new();
    let me = cloud.root("123456789012").call("sts", "GetCallerIdentity", json!({})).ok();
    assert_eq!(
        me,
        json!({"UserId": "123456789012", "Account": "123456789012", "Arn": "arn:aws:iam::123456789012:root"})
    );
    let test = cloud.caller("test", "test", None).call("sts", "GetCallerIdentity", json!({})).ok();
    assert_eq!(test["Account"], "000000000000");
}

#[test]
fn the_shared_root_keys_are_refused_beyond_loopback() {
    let cloud = Cloud::new();
    let outside = cloud.root("123456789012").from_address("192.0.2.7");
    let message = outside.call("sts", "GetCallerIdentity", json!({})).refused(403, "InvalidClientTokenId");
    assert_eq!(message, "The security token included in the request is invalid.");
}

#[test]
fn unsigned_and_unknown_callers_are_told_apart() {
    let cloud = Cloud::new();
    cloud.anonymous().call("sts", "GetCallerIdentity", json!({})).refused(403, "MissingAuthenticationToken");
    let stranger = cloud.caller("AKIAIOSFODNN7EXAMPLE", "secret", None);
    stranger.call("sts", "GetCallerIdentity", json!({})).refused(403, "InvalidClientTokenId");
}
