//! Who may speak at all: signatures, keys, addresses.

use crate::harness::{Caller, Cloud, Reply};
use auth::sigv4::{Algorithm, Secret};
use bytes::Bytes;
use http::Request;
use kernel::{RootKey, Settings};
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
fn a_key_that_was_chosen_for_root_is_verified_and_taken_from_everywhere() {
    let chosen = |access_key: &str| {
        let root_key = RootKey { access_key: access_key.into(), secret: Secret::new("chosen") };
        Cloud::with(Settings { root_key: Some(root_key), ..Settings::default() })
    };
    let cloud = chosen("container-root");
    let root = cloud.caller("container-root", "chosen", None).from_address("192.0.2.7");
    let me = root.call("sts", "GetCallerIdentity", json!({})).ok();
    assert_eq!(me["Arn"], "arn:aws:iam::000000000000:root");
    root.call("iam", "CreateUser", json!({"UserName": "eva"})).ok();
    let other = cloud.caller("container-root", "guessed", None).from_address("192.0.2.7");
    other.call("sts", "GetCallerIdentity", json!({})).refused(403, "SignatureDoesNotMatch");
    let token = cloud.caller("container-root", "chosen", Some("made up"));
    token.call("sts", "GetCallerIdentity", json!({})).refused(403, "InvalidClientTokenId");
    // The shared ones stay what they are.
    let shared = cloud.caller("test", "test", None);
    shared.call("sts", "GetCallerIdentity", json!({})).ok();
    let shared = shared.from_address("192.0.2.7");
    shared.call("sts", "GetCallerIdentity", json!({})).refused(403, "InvalidClientTokenId");

    // Unless one of them is the chosen one: then it has a secret, on this machine as well.
    let cloud = chosen("123456789012");
    let root = cloud.caller("123456789012", "chosen", None);
    assert_eq!(root.call("sts", "GetCallerIdentity", json!({})).ok()["Account"], "123456789012");
    let other = cloud.caller("123456789012", "test", None);
    other.call("sts", "GetCallerIdentity", json!({})).refused(403, "SignatureDoesNotMatch");
}

#[test]
fn unsigned_and_unknown_callers_are_told_apart() {
    let cloud = Cloud::new();
    cloud.anonymous().call("sts", "GetCallerIdentity", json!({})).refused(403, "MissingAuthenticationToken");
    let stranger = cloud.caller("AKIAIOSFODNN7EXAMPLE", "secret", None);
    stranger.call("sts", "GetCallerIdentity", json!({})).refused(403, "InvalidClientTokenId");
}

/// `kms:ListKeys`, signed by SigV4A.
fn list_keys(cloud: &Cloud, caller: &Caller<'_>, regions: &str, region: &str) -> Reply {
    let request = Request::post("/")
        .header("host", format!("kms.{region}.amazonaws.com"))
        .header("content-type", "application/x-amz-json-1.1")
        .header("x-amz-target", "TrentService.ListKeys");
    let mut request = request.body(Bytes::from_static(b"{}")).unwrap();
    caller.sign_by(&mut request, "kms", Algorithm::Ecdsa, regions);
    cloud.send(request, caller.address)
}

#[test]
fn asymmetric_signatures_hold_in_each_of_their_regions() {
    let cloud = Cloud::new();
    let everything =
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"kms:*","Resource":"*"}}"#;
    let eva = cloud.user(&cloud.root("123456789012"), "eva", everything);
    let made = eva.in_region("eu-west-1").call("kms", "CreateKey", json!({})).ok();
    for regions in ["eu-west-1", "us-east-1,eu-*", "*"] {
        let listed = list_keys(&cloud, &eva, regions, "eu-west-1").ok();
        assert_eq!(listed["Keys"][0]["KeyId"], made["KeyMetadata"]["KeyId"], "{regions}");
    }
    assert_eq!(list_keys(&cloud, &eva, "us-east-1,eu-*", "us-east-1").ok()["Keys"], json!([]));
    list_keys(&cloud, &eva, "us-east-1,eu-*", "ap-south-1").refused(400, "InvalidSignatureException");
    let liar = cloud.caller(&eva.access_key, "another", None);
    list_keys(&cloud, &liar, "*", "eu-west-1").refused(400, "InvalidSignatureException");
    let nobody = cloud.user(&cloud.root("123456789012"), "nobody", "");
    list_keys(&cloud, &nobody, "*", "eu-west-1").refused(400, "AccessDeniedException");
}
