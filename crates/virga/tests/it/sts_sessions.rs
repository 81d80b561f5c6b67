//! GetSessionToken, GetFederationToken, GetAccessKeyInfo: sessions without a role, and what they reach.

use crate::harness::{Caller, Cloud};
use crate::sts_assume_role::{ONE, policy, put_role, put_user, trust, with};
use serde_json::{Value, json};
use std::time::Duration;

const INVALID: &str = "The security token included in the request is invalid.";

fn session_of<'c>(
    cloud: &'c Cloud,
    caller: &Caller<'c>,
    operation: &str,
    request: Value,
) -> (Caller<'c>, Value) {
    let out = caller.call("sts", operation, request).ok();
    (cloud.session(&out["Credentials"]), out)
}

#[test]
fn a_session_of_a_user_is_the_user_within_limits() {
    let cloud = Cloud::new();
    let eva = put_user(&cloud, ONE, "eva", &policy("Allow", "*"));
    let (session, out) = session_of(&cloud, &eva, "GetSessionToken", json!({}));
    assert_eq!(out["Credentials"]["Expiration"], "2026-01-16T00:00:00Z");
    let me = session.call("sts", "GetCallerIdentity", json!({})).ok();
    assert_eq!(me, eva.call("sts", "GetCallerIdentity", json!({})).ok());
    session.call("iam", "ListUsers", json!({})).refused_with(403, "InvalidClientTokenId", INVALID);
    session.call("sts", "GetSessionToken", json!({})).refused_with(
        403,
        "AccessDenied",
        "Cannot call GetSessionToken with session credentials",
    );
    session.call("sts", "GetFederationToken", json!({"Name": "bob"})).refused_with(
        403,
        "AccessDenied",
        "Cannot call GetFederationToken with session credentials",
    );
    let arn =
        put_role(&cloud, ONE, "r", &trust(&json!({"AWS": ONE}), &json!("sts:AssumeRole"), &json!({})), "");
    session.call("sts", "AssumeRole", json!({"RoleArn": arn, "RoleSessionName": "it"})).ok();
    session.call("kms", "ListKeys", json!({})).ok();
    cloud.advance(Duration::from_secs(43_200));
    session.call("sts", "GetCallerIdentity", json!({})).refused(403, "ExpiredToken");
}

#[test]
fn root_has_an_hour_and_its_session_ends_with_nobody() {
    let cloud = Cloud::new();
    let (session, out) =
        session_of(&cloud, &cloud.root(ONE), "GetSessionToken", json!({"DurationSeconds": 129_600}));
    assert_eq!(out["Credentials"]["Expiration"], "2026-01-15T13:00:00Z");
    let me = session.call("sts", "GetCallerIdentity", json!({})).ok();
    assert_eq!(me["Arn"], format!("arn:aws:iam::{ONE}:root"));
    let arn =
        put_role(&cloud, ONE, "r", &trust(&json!({"AWS": ONE}), &json!("sts:AssumeRole"), &json!({})), "");
    let assume = json!({"RoleArn": arn, "RoleSessionName": "it"});
    session.call("sts", "AssumeRole", assume).refused_with(
        403,
        "AccessDenied",
        "Roles may not be assumed by root accounts.",
    );
}

#[test]
fn half_an_mfa_proof_is_none() {
    let cloud = Cloud::new();
    let eva = put_user(&cloud, ONE, "eva", "");
    let serial = format!("arn:aws:iam::{ONE}:mfa/eva");
    eva.call("sts", "GetSessionToken", json!({"SerialNumber": serial})).refused_with(
        403,
        "AccessDenied",
        "MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code.",
    );
    let message = eva.call("sts", "GetSessionToken", json!({"SerialNumber": serial, "TokenCode": "123456"}));
    let message = message.refused(403, "AccessDenied");
    assert!(
        message.starts_with("MultiFactorAuthentication failed, unable to validate MFA code."),
        "{message}"
    );
}

#[test]
fn mfa_opens_what_asks_for_it() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    let eva = cloud.user(&root, "eva", &policy("Allow", "*"));
    let device = root.call("iam", "CreateVirtualMFADevice", json!({"VirtualMFADeviceName": "eva"})).ok();
    let device = &device["VirtualMFADevice"];
    let serial = device["SerialNumber"].as_str().unwrap();
    let seed = base64::Engine::decode(
        &base64::engine::general_purpose::STANDARD,
        device["Base32StringSeed"].as_str().unwrap(),
    );
    let seed = String::from_utf8(seed.unwrap()).unwrap();
    let code = || {
        let step = u64::try_from(cloud.cloud.clock().now().seconds()).unwrap() / 30;
        totp(&seed, step)
    };
    let first = code();
    cloud.advance(Duration::from_secs(30));
    let enable = json!({
        "UserName": "eva", "SerialNumber": serial, "AuthenticationCode1": first, "AuthenticationCode2": code(),
    });
    root.call("iam", "EnableMFADevice", enable).ok();
    cloud.advance(Duration::from_secs(60));
    let proof = json!({"SerialNumber": serial, "TokenCode": code()});
    let wrong =
        with(proof.clone(), json!({"TokenCode": if code() == "000000" { "000001" } else { "000000" }}));
    eva.call("sts", "GetSessionToken", wrong).refused(403, "AccessDenied");
    let (session, _) = session_of(&cloud, &eva, "GetSessionToken", proof.clone());
    session.call("iam", "ListUsers", json!({})).ok();
    // No code is good twice.
    eva.call("sts", "GetSessionToken", proof).refused(403, "AccessDenied");
    let present = json!({
        "Bool": {"aws:MultiFactorAuthPresent": "true"}, "NumericLessThan": {"aws:MultiFactorAuthAge": "60"},
    });
    let arn =
        put_role(&cloud, ONE, "r", &trust(&json!({"AWS": ONE}), &json!("sts:AssumeRole"), &present), "");
    let assume = json!({"RoleArn": arn, "RoleSessionName": "it"});
    eva.call("sts", "AssumeRole", assume.clone()).refused(403, "AccessDenied");
    session.call("sts", "AssumeRole", assume.clone()).ok();
    cloud.advance(Duration::from_secs(60));
    session.call("sts", "AssumeRole", assume.clone()).refused(403, "AccessDenied");
    eva.call("sts", "AssumeRole", with(assume, json!({"SerialNumber": serial, "TokenCode": code()}))).ok();
}

/// RFC 6238 over a seed in base 32, written anew so that IAM's own is held against something.
fn totp(seed: &str, step: u64) -> String {
    use aws_lc_rs::hmac;
    let digit = |c: u8| {
        u64::try_from(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".iter().position(|d| *d == c).unwrap()).unwrap()
    };
    let (mut bits, mut count, mut key) = (0_u64, 0, Vec::new());
    for c in seed.bytes().filter(|c| *c != b'=') {
        bits = (bits << 5 | digit(c)) & 0xFFFF;
        count += 5;
        if count >= 8 {
            count -= 8;
            key.push((bits >> count & 0xFF) as u8);
        }
    }
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &key), &step.to_be_bytes());
    let tag = tag.as_ref();
    let at = usize::from(tag[19] & 15);
    let number = u32::from_be_bytes(tag[at..at + 4].try_into().unwrap()) & 0x7FFF_FFFF;
    format!("{:06}", number % 1_000_000)
}

#[test]
fn a_federated_user_has_what_both_policies_allow() {
    let cloud = Cloud::new();
    let eva = put_user(&cloud, ONE, "eva", &policy("Allow", "*"));
    let request = json!({"Name": "bob", "Policy": policy("Allow", "kms:*")});
    let (bob, out) = session_of(&cloud, &eva, "GetFederationToken", request);
    let arn = format!("arn:aws:sts::{ONE}:federated-user/bob");
    assert_eq!(out["FederatedUser"], json!({"FederatedUserId": format!("{ONE}:bob"), "Arn": arn}));
    assert_eq!(bob.call("sts", "GetCallerIdentity", json!({})).ok()["Arn"], arn.as_str());
    bob.call("kms", "ListKeys", json!({})).ok();
    bob.call("iam", "ListUsers", json!({})).refused_with(403, "InvalidClientTokenId", INVALID);
    bob.call("sts", "GetSessionToken", json!({})).refused_with(403, "InvalidClientTokenId", INVALID);
    let (empty, out) = session_of(&cloud, &eva, "GetFederationToken", json!({"Name": "nil"}));
    assert_eq!(out["PackedPolicySize"], "0");
    empty.call("kms", "ListKeys", json!({})).refused(400, "AccessDeniedException");
    // Of root, within an hour.
    let request = json!({"Name": "ann", "Policy": policy("Allow", "kms:*")});
    let (ann, out) = session_of(&cloud, &cloud.root(ONE), "GetFederationToken", request);
    assert_eq!(out["Credentials"]["Expiration"], "2026-01-15T13:00:00Z");
    ann.call("kms", "ListKeys", json!({})).ok();
    let nobody = put_user(&cloud, ONE, "nobody", "");
    nobody.call("sts", "GetFederationToken", json!({"Name": "bob"})).refused_with(
        403,
        "AccessDenied",
        &format!(
            "User: arn:aws:iam::{ONE}:user/nobody is not authorized to perform: sts:GetFederationToken on resource: {arn} \
             because no identity-based policy allows the sts:GetFederationToken action"
        ),
    );
}

#[test]
fn a_key_tells_its_account() {
    let cloud = Cloud::new();
    let eva = put_user(&cloud, ONE, "eva", "");
    let root = cloud.root("333333333333");
    let of = |id: &str| root.call("sts", "GetAccessKeyInfo", json!({"AccessKeyId": id}));
    assert_eq!(of(&eva.access_key).ok()["Account"], ONE);
    let (session, _) = session_of(&cloud, &eva, "GetSessionToken", json!({}));
    assert_eq!(of(&session.access_key).ok()["Account"], ONE);
    of("AKIAIOSFODNN7EXAMPLE").refused(400, "ValidationError");
    eva.call("sts", "GetAccessKeyInfo", json!({"AccessKeyId": eva.access_key})).refused(403, "AccessDenied");
}

#[test]
fn only_what_this_cloud_encoded_is_decoded() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    root.call("sts", "DecodeAuthorizationMessage", json!({"EncodedMessage": "nonsense"})).refused_with(
        400,
        "InvalidAuthorizationMessageException",
        "Message is not valid",
    );
}

#[test]
fn a_service_becomes_a_role_that_trusts_it() {
    let cloud = Cloud::new();
    let trusts = trust(&json!({"Service": "lambda.amazonaws.com"}), &json!("sts:AssumeRole"), &json!({}));
    let arn = put_role(&cloud, ONE, "r", &trusts, &policy("Allow", "kms:ListKeys"));
    let account = base::AccountId::parse(ONE).unwrap();
    let assume = |service: &'static str| {
        let members =
            [("RoleArn", wire::Value::str(&arn)), ("RoleSessionName", wire::Value::str("function"))];
        let value = wire::Value::Struct(members.into_iter().collect());
        let call = kernel::Call { service: "sts", operation: "AssumeRole", value };
        let mut tx = cloud.cloud.store().begin();
        cloud.cloud.call(&mut tx, service, account, base::Region::US_EAST_1, call)
    };
    let out = assume("lambda.amazonaws.com").unwrap();
    let text = |name: &str| out.at(&["Credentials", name]).and_then(wire::Value::as_str).unwrap().to_owned();
    let session = cloud.caller(&text("AccessKeyId"), &text("SecretAccessKey"), Some(&text("SessionToken")));
    session.call("kms", "ListKeys", json!({})).ok();
    session.call("kms", "ListAliases", json!({})).refused(400, "AccessDeniedException");
    assert_eq!(assume("ec2.amazonaws.com").unwrap_err().code, "AccessDeniedException");
}

#[test]
fn a_token_may_be_asked_to_be_long() {
    let cloud = Cloud::new();
    let eva = put_user(&cloud, ONE, "eva", &policy("Allow", "*"));
    let trusts = trust(&json!({"AWS": ONE}), &json!("sts:AssumeRole"), &json!({}));
    let role = put_role(&cloud, ONE, "r", &trusts, &policy("Allow", "*"));
    for (operation, request) in [
        ("GetSessionToken", json!({})),
        ("GetFederationToken", json!({"Name": "bob", "Policy": policy("Allow", "kms:*")})),
        ("AssumeRole", json!({"RoleArn": role, "RoleSessionName": "it"})),
    ] {
        let (_, plain) = session_of(&cloud, &eva, operation, request.clone());
        let usual = plain["Credentials"]["SessionToken"].as_str().unwrap().len();
        assert_eq!(plain["SessionTokenSize"], usual.to_string());
        for wanted in [0, usual, usual + 1, 2000, 4096] {
            let asked = with(request.clone(), json!({"MinimumSessionTokenSize": wanted}));
            let (session, out) = session_of(&cloud, &eva, operation, asked);
            let size = out["Credentials"]["SessionToken"].as_str().unwrap().len();
            assert!(
                size >= wanted.max(usual) && size <= wanted.max(usual) + 8,
                "{operation} {wanted}: {size}"
            );
            assert_eq!(out["SessionTokenSize"], size.to_string());
            let utilization = out["SessionTokenUtilization"].as_str().unwrap();
            assert_eq!(utilization, (size * 100).div_ceil(4096).min(100).to_string());
            session.call("kms", "ListKeys", json!({})).ok();
        }
    }
}
