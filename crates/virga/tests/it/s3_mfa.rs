//! MFA delete, with the codes that root's device would show.

use crate::harness::{Caller, Cloud};
use crate::iam_credentials::counted;
use security::iam::{root_device, totp};
use serde_json::{Value, json};
use std::time::Duration;

const ACCOUNT: &str = "123456789012";
const SERIAL: &str = "arn:aws:iam::123456789012:mfa/root-account-mfa-device";
const MISSING: &str = "Mfa Authentication must be used for this request";

/// Root's device: what it shows, which is good once.
pub(crate) struct Device<'c> {
    cloud: &'c Cloud,
    pub(crate) serial: String,
    seed: Vec<u8>,
}

impl<'c> Device<'c> {
    /// Made by root, and given to it.
    pub(crate) fn of(cloud: &'c Cloud, root: &Caller<'_>) -> Device<'c> {
        let name = json!({"VirtualMFADeviceName": "root-account-mfa-device"});
        let made = root.call("iam", "CreateVirtualMFADevice", name).ok()["VirtualMFADevice"].clone();
        let text = base64::Engine::decode(
            &base64::engine::general_purpose::STANDARD,
            made["Base32StringSeed"].as_str().unwrap(),
        );
        let seed = base32(std::str::from_utf8(&text.unwrap()).unwrap());
        let serial = made["SerialNumber"].as_str().unwrap().to_owned();
        let now = totp::step(cloud.cloud.clock().now());
        let codes = [totp::code(&seed, now), totp::code(&seed, now + 1)];
        root_device::enable(&cloud.cloud, &serial, (&codes[0], &codes[1])).unwrap();
        Device { cloud, serial, seed }
    }

    /// The header, a minute later.
    fn shows(&self) -> String {
        self.cloud.advance(Duration::from_secs(60));
        format!("{} {}", self.serial, totp::code(&self.seed, totp::step(self.cloud.cloud.clock().now())))
    }
}

fn base32(text: &str) -> Vec<u8> {
    let (mut out, mut have, mut count) = (Vec::new(), 0u32, 0);
    for digit in text.chars().filter_map(|c| "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".find(c)) {
        have = (have << 5 | digit as u32) & 0xffff;
        count += 5;
        if count >= 8 {
            count -= 8;
            out.push((have >> count) as u8);
        }
    }
    out
}

fn versioning(state: Value, code: Option<&str>) -> Value {
    let mut input = json!({ "Bucket": "kept", "VersioningConfiguration": state });
    if let Some(code) = code {
        input["MFA"] = json!(code);
    }
    input
}

#[test]
fn roots_device_is_given_and_taken() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let device = Device::of(&cloud, &root);
    let again = root_device::enable(&cloud.cloud, SERIAL, ("1", "2")).unwrap_err();
    assert_eq!(again, format!("{SERIAL} is already in use"));
    assert_eq!(root_device::all(&cloud.cloud).unwrap(), [SERIAL]);
    let shown = root.call("iam", "ListVirtualMFADevices", json!({"AssignmentStatus": "Assigned"})).ok();
    assert_eq!(shown["VirtualMFADevices"][0]["User"]["Arn"], format!("arn:aws:iam::{ACCOUNT}:root"));
    assert_eq!(root.call("iam", "ListMFADevices", json!({})).ok()["MFADevices"][0]["SerialNumber"], SERIAL);
    let summary = root.call("iam", "GetAccountSummary", json!({})).ok();
    assert_eq!(counted(&summary["SummaryMap"], "AccountMFAEnabled"), "1");
    let delete = root.call("iam", "DeleteVirtualMFADevice", json!({"SerialNumber": SERIAL}));
    delete.refused(409, "DeleteConflict");
    // Root's own key does not take it away; a session of root has the proof that it was there.
    let own = root.call("iam", "DeactivateMFADevice", json!({"SerialNumber": SERIAL}));
    own.refused(400, "ValidationError");
    let (serial, code) = device.shows().split_once(' ').map(|(s, c)| (s.to_owned(), c.to_owned())).unwrap();
    root.call("sts", "GetSessionToken", json!({"SerialNumber": serial, "TokenCode": code})).ok();
    root_device::deactivate(&cloud.cloud, SERIAL).unwrap();
    assert!(root_device::all(&cloud.cloud).unwrap().is_empty());
    let twice = root_device::deactivate(&cloud.cloud, SERIAL).unwrap_err();
    assert_eq!(twice, format!("{SERIAL} is not a device of root"));
    root.call("iam", "DeleteVirtualMFADevice", json!({"SerialNumber": SERIAL})).ok();
}

#[test]
fn who_may_ask_for_it() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    root.call("s3", "CreateBucket", json!({ "Bucket": "kept" })).ok();
    let on = json!({ "Status": "Enabled", "MFADelete": "Enabled" });
    let put = |code: Option<&str>| root.call("s3", "PutBucketVersioning", versioning(on.clone(), code));
    put(None).refused_with(403, "AccessDenied", MISSING);
    put(Some("123456")).refused_with(
        400,
        "InvalidArgument",
        "Mfa header is invalid -- the header should be formatted as {serialNumber}(space){tokenCode}",
    );
    put(Some("SERIAL 123456")).refused_with(
        400,
        "NotDeviceOwnerError",
        "The device with serial number SERIAL that generated token 123456 is not owned by the authenticated user",
    );
    let device = Device::of(&cloud, &root);
    let everything = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
    let user = cloud.user(&root, "eva", everything);
    let owner = "This operation may only be performed by the bucket owner";
    let code = device.shows();
    let by_user = user.call("s3", "PutBucketVersioning", versioning(on.clone(), Some(&code)));
    by_user.refused_with(403, "AccessDenied", owner);
    put(Some(&format!("{SERIAL} 12345"))).refused(403, "AccessDenied");
    let rules =
        json!({ "Rules": [{ "ID": "r", "Filter": {}, "Status": "Enabled", "Expiration": { "Days": 9 } }] });
    let rules = json!({ "Bucket": "kept", "LifecycleConfiguration": rules });
    root.call("s3", "PutBucketLifecycleConfiguration", rules.clone()).ok();
    put(Some(&code)).refused_with(
        409,
        "InvalidBucketState",
        "Mfa Authentication is not supported on a bucket with lifecycle configuration. Delete lifecycle \
         configuration before enabling Mfa Authentication.",
    );
    root.call("s3", "DeleteBucketLifecycle", json!({ "Bucket": "kept" })).ok();
    // A code that was part of a refused request is still good.
    put(Some(&code)).ok();
    assert_eq!(root.call("s3", "GetBucketVersioning", json!({ "Bucket": "kept" })).ok(), on);
    root.call("s3", "PutBucketLifecycleConfiguration", rules).refused(409, "InvalidBucketState");
    // Who has it asked for by nobody says so without a code.
    let suspended = json!({ "Status": "Suspended" });
    let suspend =
        |code: Option<&str>| root.call("s3", "PutBucketVersioning", versioning(suspended.clone(), code));
    suspend(None).refused_with(403, "AccessDenied", MISSING);
    suspend(Some(&code)).refused(403, "AccessDenied");
    suspend(Some(&device.shows())).ok();
    let off = json!({ "Status": "Enabled", "MFADelete": "Disabled" });
    root.call("s3", "PutBucketVersioning", versioning(off.clone(), Some(&device.shows()))).ok();
    root.call("s3", "PutBucketVersioning", versioning(off.clone(), None)).ok();
    assert_eq!(root.call("s3", "GetBucketVersioning", json!({ "Bucket": "kept" })).ok(), off);
}

#[test]
fn versions_go_with_a_code_only() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let device = Device::of(&cloud, &root);
    root.call("s3", "CreateBucket", json!({ "Bucket": "kept" })).ok();
    let on = json!({ "Status": "Enabled", "MFADelete": "Enabled" });
    root.call("s3", "PutBucketVersioning", versioning(on, Some(&device.shows()))).ok();
    let put = |key: &str| {
        let put = root.call("s3", "PutObject", json!({ "Bucket": "kept", "Key": key, "Body": "x" })).ok();
        put["VersionId"].as_str().unwrap().to_owned()
    };
    let (first, second, third) = (put("k"), put("k"), put("l"));
    // A marker takes nothing away.
    let marker = root.call("s3", "DeleteObject", json!({ "Bucket": "kept", "Key": "k" })).ok();
    assert_eq!(marker["DeleteMarker"], true);
    let delete = |mut input: Value, code: Option<&str>| {
        input["Bucket"] = json!("kept");
        if let Some(code) = code {
            input["MFA"] = json!(code);
        }
        let operation = if input["Key"].is_null() { "DeleteObjects" } else { "DeleteObject" };
        root.call("s3", operation, input)
    };
    let one = json!({ "Key": "k", "VersionId": first });
    delete(one.clone(), None).refused_with(403, "AccessDenied", MISSING);
    let user = cloud.user(
        &root,
        "eva",
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#,
    );
    let by_user = json!({ "Bucket": "kept", "Key": "k", "VersionId": first, "MFA": device.shows() });
    user.call("s3", "DeleteObject", by_user).refused(403, "AccessDenied");
    let code = device.shows();
    delete(one, Some(&code)).ok();
    // One of many decides about all of them.
    let many = json!({ "Delete": { "Objects": [
        { "Key": "k", "VersionId": second }, { "Key": "l", "VersionId": third }, { "Key": "m" },
    ] } });
    delete(many.clone(), None).refused_with(403, "AccessDenied", MISSING);
    delete(many.clone(), Some(&code)).refused(403, "AccessDenied");
    let gone = delete(many, Some(&device.shows())).ok();
    assert_eq!(gone["Deleted"].as_array().unwrap().len(), 3);
    let unversioned = json!({ "Delete": { "Objects": [{ "Key": "m" }] } });
    delete(unversioned.clone(), Some("x y")).refused(400, "NotDeviceOwnerError");
    delete(unversioned, None).ok();
}
