//! Whom a bucket's policy names: somebody who is there, and nobody else who is called so later.

use crate::harness::{Caller, Cloud};
use serde_json::json;

const OWNER: &str = "111122223333";
const OTHER: &str = "444455556666";
const READS: &str =
    r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}"#;

fn put(owner: &Caller<'_>, principal: &str) -> crate::harness::Reply {
    let policy = json!({ "Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Principal": { "AWS": principal }, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::named/*",
    } });
    owner.call("s3", "PutBucketPolicy", json!({ "Bucket": "named", "Policy": policy.to_string() }))
}

fn shown(owner: &Caller<'_>) -> String {
    owner.call("s3", "GetBucketPolicy", json!({ "Bucket": "named" })).ok()["Policy"].to_string()
}

#[test]
fn trust_ends_with_whoever_was_trusted() {
    let cloud = Cloud::new();
    let (owner, other) = (cloud.root(OWNER), cloud.root(OTHER));
    owner.call("s3", "CreateBucket", json!({ "Bucket": "named" })).ok();
    owner.call("s3", "PutObject", json!({ "Bucket": "named", "Key": "k" })).ok();
    let arn = format!("arn:aws:iam::{OTHER}:user/eva");
    let nobody = put(&owner, &arn).refused(400, "MalformedPolicy");
    assert_eq!(nobody, "Invalid principal in policy");
    put(&owner, &format!("arn:aws:iam::{OTHER}:role/none")).refused(400, "MalformedPolicy");
    for everybody in [OTHER.to_owned(), format!("arn:aws:iam::{OTHER}:root")] {
        put(&owner, &everybody).ok();
        assert!(shown(&owner).contains(&format!("arn:aws:iam::{OTHER}:root")), "{}", shown(&owner));
    }

    let eva = cloud.user(&other, "eva", READS);
    put(&owner, &arn).ok();
    assert!(shown(&owner).contains(&arn), "{}", shown(&owner));
    let get = json!({ "Bucket": "named", "Key": "k" });
    eva.call("s3", "GetObject", get.clone()).ok();
    // Under another name she is the same.
    other.call("iam", "UpdateUser", json!({ "UserName": "eva", "NewUserName": "eve" })).ok();
    eva.call("s3", "GetObject", get.clone()).ok();
    assert!(shown(&owner).contains("user/eve"), "{}", shown(&owner));
    // Somebody else of the first name is not.
    let second = cloud.user(&other, "eva", READS);
    second.call("s3", "GetObject", get).refused(403, "AccessDenied");
    let id = other.call("iam", "GetUser", json!({ "UserName": "eve" })).ok()["User"]["UserId"].clone();
    let keys = other.call("iam", "ListAccessKeys", json!({ "UserName": "eve" })).ok();
    let key = keys["AccessKeyMetadata"][0]["AccessKeyId"].clone();
    other.call("iam", "DeleteAccessKey", json!({ "UserName": "eve", "AccessKeyId": key })).ok();
    let policies = other.call("iam", "ListUserPolicies", json!({ "UserName": "eve" })).ok();
    for name in policies["PolicyNames"].as_array().unwrap() {
        other.call("iam", "DeleteUserPolicy", json!({ "UserName": "eve", "PolicyName": name })).ok();
    }
    other.call("iam", "DeleteUser", json!({ "UserName": "eve" })).ok();
    assert!(shown(&owner).contains(id.as_str().unwrap()), "{}", shown(&owner));
}
