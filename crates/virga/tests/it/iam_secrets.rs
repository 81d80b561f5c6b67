//! What nobody may read from the cloud's files, the audit trail included.

use crate::harness::Cloud;
use crate::iam_pems::{LEAF, LEAF_KEY};
use serde_json::json;
use store::{Direction, KeyRange, Read};

#[test]
fn no_secret_lies_in_the_store_in_the_clear() {
    let cloud = Cloud::new();
    let root = cloud.root("123456789012");
    let eva = cloud.user(&root, "eva", "");
    let call = |operation: &str, parameters| root.call("iam", operation, parameters).ok();
    call("CreateLoginProfile", json!({"UserName": "eva", "Password": "Correct-horse1"}));
    call("UpdateLoginProfile", json!({"UserName": "eva", "Password": "Battery-staple2"}));
    let device =
        call("CreateVirtualMFADevice", json!({"VirtualMFADeviceName": "eva"}))["VirtualMFADevice"].clone();
    let service = json!({"UserName": "eva", "ServiceName": "codecommit.amazonaws.com"});
    let service = call("CreateServiceSpecificCredential", service)["ServiceSpecificCredential"].clone();
    call(
        "UploadServerCertificate",
        json!({
        "ServerCertificateName": "site", "CertificateBody": LEAF, "PrivateKey": LEAF_KEY}),
    );
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let secrets = [
        eva.secret.clone(),
        "Correct-horse1".into(),
        "Battery-staple2".into(),
        text(&device["Base32StringSeed"]),
        text(&device["QRCodePNG"])[..60].to_owned(),
        text(&service["ServicePassword"]),
        LEAF_KEY.lines().nth(1).unwrap().to_owned(),
    ];
    let stored: Vec<u8> = {
        let snapshot = cloud.cloud.store().snapshot();
        let pairs = snapshot.scan(KeyRange::all(), Direction::Forward).map(Result::unwrap);
        pairs.flat_map(|(key, value)| [key.to_vec(), value.to_vec()].concat()).collect()
    };
    let holds = |needle: &str| stored.windows(needle.len()).any(|window| window == needle.as_bytes());
    assert!(holds("CreateLoginProfile") && holds(&eva.access_key) && holds("MIIBFjCBvaADAgECAgECMAoG"));
    for secret in secrets {
        assert!(!holds(&secret), "{secret}");
    }
}
