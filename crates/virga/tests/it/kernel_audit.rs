//! What the trail keeps of calls.

use crate::harness::Cloud;
use serde_json::json;

#[test]
fn why_names_the_call_and_its_caller() {
    let cloud = Cloud::new();
    let reply = cloud.root("123456789012").call("sts", "GetCallerIdentity", json!({}));
    let id = reply.headers["x-amzn-requestid"].to_str().unwrap().to_owned();
    let why = cloud.cloud.why(&id).unwrap().unwrap();
    assert_eq!(why["operation"], "sts:GetCallerIdentity");
    assert_eq!(why["caller"], "arn:aws:iam::123456789012:root");
    assert_eq!(why["error"], json!(null));
    assert_eq!(cloud.cloud.why("no-such-id").unwrap(), None);
}

#[test]
fn what_is_not_built_says_so() {
    let cloud = Cloud::new();
    let root = cloud.root("123456789012");
    let message = root.call("iam", "AcquireRole", json!({}));
    message.refused_with(501, "NotImplemented", "iam:AcquireRole is not built in this version of Virga.");
}

#[test]
fn why_knows_a_call_that_was_refused_before_its_caller_was_known() {
    let cloud = Cloud::new();
    let stranger = cloud.caller("AKIAIOSFODNN7EXAMPLE", "wrong", None);
    let reply = stranger.call("iam", "ListUsers", json!({}));
    let id = reply.headers["x-amzn-requestid"].to_str().unwrap().to_owned();
    reply.refused(403, "InvalidClientTokenId");
    let why = cloud.cloud.why(&id).unwrap().unwrap();
    assert_eq!(why["operation"], "iam:ListUsers");
    assert_eq!(why["caller"], json!(null));
    assert_eq!(why["error"], "InvalidClientTokenId");
    assert_eq!(why["message"], "The security token included in the request is invalid.");
}
