//! Virtual MFA devices, with the codes that a real one would show.

use crate::harness::{Caller, Cloud, START};
use security::iam::totp;
use serde_json::{Value, json};
use std::time::Duration;

const ACCOUNT: &str = "123456789012";
const SERIAL: &str = "arn:aws:iam::123456789012:mfa/phones/eva";

fn iam(caller: &Caller<'_>, operation: &str, parameters: Value) -> Value {
    caller.call("iam", operation, parameters).ok()
}

/// The seed of a new device, as its owner's telephone reads it: base 32 in base 64.
fn device(root: &Caller<'_>) -> Vec<u8> {
    let asked = json!({"VirtualMFADeviceName": "eva", "Path": "/phones/"});
    let made = iam(root, "CreateVirtualMFADevice", asked)["VirtualMFADevice"].clone();
    assert_eq!(made["SerialNumber"], SERIAL);
    assert!(made["QRCodePNG"].as_str().unwrap().starts_with("iVBORw0KGgo"));
    let text = digits(made["Base32StringSeed"].as_str().unwrap(), 6);
    assert_eq!(text.len(), 64);
    digits(std::str::from_utf8(&text).unwrap(), 5)
}

/// Base 64 (six bits a digit) or base 32 (five).
fn digits(text: &str, bits: usize) -> Vec<u8> {
    const BASE64: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const BASE32: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let alphabet = if bits == 6 { BASE64 } else { BASE32 };
    let (mut out, mut have, mut count) = (Vec::new(), 0u32, 0);
    for digit in text.chars().filter_map(|c| alphabet.find(c)) {
        have = (have << bits | digit as u32) & 0xffff;
        count += bits;
        if count >= 8 {
            count -= 8;
            out.push((have >> count) as u8);
        }
    }
    out
}

fn two(seed: &[u8], step: u64) -> Value {
    json!({"UserName": "eva", "SerialNumber": SERIAL,
        "AuthenticationCode1": totp::code(seed, step), "AuthenticationCode2": totp::code(seed, step + 1)})
}

#[test]
fn a_device_goes_from_hand_to_hand() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    iam(&root, "CreateUser", json!({"UserName": "eva"}));
    let seed = device(&root);
    let now = totp::step(START);
    root.call("iam", "EnableMFADevice", two(&[0; 40], now)).refused_with(
        403,
        "InvalidAuthenticationCode",
        "Authentication code for device is not valid.",
    );
    let late = root.call("iam", "EnableMFADevice", two(&seed, now - 30));
    late.refused(403, "InvalidAuthenticationCode");
    iam(&root, "EnableMFADevice", two(&seed, now));
    let enabled = json!([{"UserName": "eva", "SerialNumber": SERIAL, "EnableDate": "2026-01-15T12:00:00Z"}]);
    assert_eq!(iam(&root, "ListMFADevices", json!({"UserName": "eva"}))["MFADevices"], enabled);
    assert_eq!(iam(&root, "GetMFADevice", json!({"SerialNumber": SERIAL})), enabled[0]);
    let serials = |status: &str| {
        let list = iam(&root, "ListVirtualMFADevices", json!({"AssignmentStatus": status}));
        list["VirtualMFADevices"].as_array().map_or(0, Vec::len)
    };
    assert_eq!((serials("Any"), serials("Assigned"), serials("Unassigned")), (1, 1, 0));
    let used = "MFA VirtualDevice in use. Must deactivate first.";
    let serial = json!({"SerialNumber": SERIAL});
    root.call("iam", "DeleteVirtualMFADevice", serial.clone()).refused_with(409, "DeleteConflict", used);
    root.call("iam", "DeleteUser", json!({"UserName": "eva"})).refused_with(
        409,
        "DeleteConflict",
        "Cannot delete entity, must delete MFA device first.",
    );
    let again = root.call("iam", "EnableMFADevice", two(&seed, now));
    again.refused(409, "EntityAlreadyExists");
    cloud.advance(Duration::from_secs(3000));
    iam(&root, "ResyncMFADevice", two(&seed, now + 50));
    root.call("iam", "ResyncMFADevice", two(&seed, now + 50)).refused(403, "InvalidAuthenticationCode");
    let of_eva = json!({"UserName": "eva", "SerialNumber": SERIAL});
    iam(&root, "DeactivateMFADevice", of_eva.clone());
    root.call("iam", "DeactivateMFADevice", of_eva).refused_with(
        404,
        "NoSuchEntity",
        "MFA Device invalid for user.",
    );
    assert_eq!((serials("Any"), serials("Assigned"), serials("Unassigned")), (1, 0, 1));
    iam(&root, "DeleteVirtualMFADevice", serial.clone());
    root.call("iam", "DeleteVirtualMFADevice", serial).refused_with(
        404,
        "NoSuchEntity",
        &format!("VirtualMFADevice with serial number {SERIAL} doesn't exist."),
    );
}

#[test]
fn devices_have_names_and_tags() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    device(&root);
    let same = json!({"VirtualMFADeviceName": "eva", "Path": "/phones/"});
    root.call("iam", "CreateVirtualMFADevice", same).refused_with(
        409,
        "EntityAlreadyExists",
        "MFADevice entity at the same path and name already exists.",
    );
    let tags = json!([{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]);
    iam(&root, "TagMFADevice", json!({"SerialNumber": SERIAL, "Tags": tags}));
    assert_eq!(iam(&root, "ListMFADeviceTags", json!({"SerialNumber": SERIAL}))["Tags"], tags);
    iam(&root, "UntagMFADevice", json!({"SerialNumber": SERIAL, "TagKeys": ["a"]}));
    let left = json!([{"Key": "b", "Value": "2"}]);
    assert_eq!(iam(&root, "ListMFADeviceTags", json!({"SerialNumber": SERIAL}))["Tags"], left);
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:UntagMFADevice",
        "Resource":"arn:aws:iam::123456789012:mfa/phones/*","Condition":{"StringEquals":{"aws:ResourceTag/b":"2"}}}]}"#;
    let bob = cloud.user(&root, "bob", policy);
    let untag = json!({"SerialNumber": SERIAL, "TagKeys": ["b"]});
    iam(&bob, "UntagMFADevice", untag.clone());
    bob.call("iam", "UntagMFADevice", untag).refused(403, "AccessDenied");
}
