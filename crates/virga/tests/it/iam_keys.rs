//! Certificates, SSH keys and service-specific credentials.

use crate::harness::{Caller, Cloud};
use crate::iam_pems::{
    CA, CA_KEY, EXPIRED, FINGERPRINT, LEAF, LEAF_KEY, LEAF_KEY_SEC1, RSA, RSA_KEY, SSH, SSH_PEM,
};
use serde_json::{Value, json};

const ACCOUNT: &str = "123456789012";

fn iam(caller: &Caller<'_>, operation: &str, parameters: Value) -> Value {
    caller.call("iam", operation, parameters).ok()
}

fn upload(name: &str, body: &str, key: &str) -> Value {
    json!({"ServerCertificateName": name, "CertificateBody": body, "PrivateKey": key})
}

/// What was uploaded with something cut out, doubled or changed is taken or refused, and never a failure of ours.
#[test]
fn mangled_certificates_and_keys_are_answered_in_order() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    iam(&root, "CreateUser", json!({"UserName": "eva"}));
    let rng = base::Rng::seeded(11);
    let mangled = |text: &str| {
        let mut bytes = text.as_bytes().to_vec();
        for _ in 0..=rng.below(3) {
            let at = rng.below(bytes.len() as u64) as usize;
            let end = (at + rng.below(40) as usize).min(bytes.len());
            match rng.below(3) {
                0 => bytes[at] = b" -/+=AZaz09\n"[rng.below(12) as usize],
                1 if end - at < bytes.len() => drop(bytes.drain(at..end)),
                _ => bytes = [&bytes[..end], &bytes[at..]].concat(),
            }
        }
        String::from_utf8(bytes).unwrap()
    };
    for n in 0..200 {
        let name = format!("c{n}");
        let (body, key) = if n % 2 == 0 { (LEAF, LEAF_KEY) } else { (RSA, RSA_KEY) };
        let ssh = if n % 2 == 0 { SSH } else { SSH_PEM };
        for (operation, asked) in [
            ("UploadServerCertificate", upload(&name, &mangled(body), key)),
            ("UploadServerCertificate", upload(&name, body, &mangled(key))),
            ("UploadSigningCertificate", json!({"UserName": "eva", "CertificateBody": mangled(body)})),
            ("UploadSSHPublicKey", json!({"UserName": "eva", "SSHPublicKeyBody": mangled(ssh)})),
        ] {
            let reply = root.call("iam", operation, asked.clone());
            assert!(reply.status < 500, "{operation} answered {} to {asked}", reply.status);
        }
        root.call("iam", "DeleteServerCertificate", json!({"ServerCertificateName": name}));
    }
}

#[test]
fn a_server_certificate_lives() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let mut asked = upload("Site", LEAF, LEAF_KEY);
    asked["Path"] = json!("/cloudfront/");
    asked["CertificateChain"] = json!(CA);
    asked["Tags"] = json!([{"Key": "a", "Value": "1"}]);
    let made = iam(&root, "UploadServerCertificate", asked);
    let metadata = made["ServerCertificateMetadata"].clone();
    let id = metadata["ServerCertificateId"].as_str().unwrap();
    assert!(id.starts_with("ASCA") && id.len() == 21, "{id}");
    assert_eq!(
        metadata,
        json!({
        "Path": "/cloudfront/", "ServerCertificateName": "Site", "ServerCertificateId": id,
        "Arn": "arn:aws:iam::123456789012:server-certificate/cloudfront/Site",
        "UploadDate": "2026-01-15T12:00:00Z", "Expiration": "2056-01-01T00:00:00Z"})
    );
    let got =
        iam(&root, "GetServerCertificate", json!({"ServerCertificateName": "site"}))["ServerCertificate"]
            .clone();
    assert_eq!((&got["CertificateBody"], &got["CertificateChain"]), (&json!(LEAF), &json!(CA)));
    assert_eq!((&got["ServerCertificateMetadata"], &got["Tags"]), (&metadata, &made["Tags"]));
    root.call("iam", "UploadServerCertificate", upload("SITE", LEAF, LEAF_KEY)).refused_with(
        409,
        "EntityAlreadyExists",
        "The Server Certificate with name SITE already exists.",
    );
    iam(
        &root,
        "UpdateServerCertificate",
        json!({
        "ServerCertificateName": "site", "NewServerCertificateName": "site2", "NewPath": "/"}),
    );
    let listed = iam(&root, "ListServerCertificates", json!({}))["ServerCertificateMetadataList"].clone();
    assert_eq!(listed[0]["Arn"], "arn:aws:iam::123456789012:server-certificate/site2");
    let below = iam(&root, "ListServerCertificates", json!({"PathPrefix": "/cloudfront/"}));
    assert_eq!(below["ServerCertificateMetadataList"], "");
    iam(
        &root,
        "TagServerCertificate",
        json!({
        "ServerCertificateName": "site2", "Tags": [{"Key": "b", "Value": "2"}]}),
    );
    iam(&root, "UntagServerCertificate", json!({"ServerCertificateName": "site2", "TagKeys": ["a"]}));
    let tags = iam(&root, "ListServerCertificateTags", json!({"ServerCertificateName": "site2"}));
    assert_eq!(tags["Tags"], json!([{"Key": "b", "Value": "2"}]));
    let named = json!({"ServerCertificateName": "site2"});
    iam(&root, "DeleteServerCertificate", named.clone());
    for operation in ["GetServerCertificate", "DeleteServerCertificate", "ListServerCertificateTags"] {
        root.call("iam", operation, named.clone()).refused_with(
            404,
            "NoSuchEntity",
            "The Server Certificate with name site2 cannot be found.",
        );
    }
}

#[test]
fn certificate_and_key_must_fit() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    iam(&root, "UploadServerCertificate", upload("sec1", LEAF, LEAF_KEY_SEC1));
    iam(&root, "UploadServerCertificate", upload("rsa", RSA, RSA_KEY));
    let unreadable = "Unable to parse certificate. Please ensure the certificate is in PEM format.";
    let cases = [
        (upload("x", "hello", LEAF_KEY), "MalformedCertificate", unreadable),
        (upload("x", LEAF_KEY, LEAF_KEY), "MalformedCertificate", unreadable),
        (upload("x", LEAF, "hello"), "MalformedCertificate", "Invalid Private Key."),
        (upload("x", LEAF, LEAF), "MalformedCertificate", "Invalid Private Key."),
        (
            upload("x", EXPIRED, LEAF_KEY),
            "MalformedCertificate",
            "The certificate is not valid at this time.",
        ),
        (upload("x", LEAF, CA_KEY), "KeyPairMismatch", "The private key is not that of the certificate."),
        (upload("x", RSA, LEAF_KEY), "KeyPairMismatch", "The private key is not that of the certificate."),
    ];
    for (asked, code, message) in cases {
        root.call("iam", "UploadServerCertificate", asked).refused_with(400, code, message);
    }
    let mut asked = upload("x", LEAF, LEAF_KEY);
    asked["CertificateChain"] = json!(format!("{CA}\n{RSA}"));
    root.call("iam", "UploadServerCertificate", asked).refused_with(
        400,
        "MalformedCertificate",
        "Unable to validate certificate chain. The certificate chain must start with the immediate signing \
         certificate, followed by any intermediaries in order. The index within the chain of the invalid certificate \
         is: 1",
    );
}

#[test]
fn signing_certificates() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    iam(&root, "CreateUser", json!({"UserName": "eva"}));
    let put = |body: &str| {
        root.call("iam", "UploadSigningCertificate", json!({"UserName": "eva", "CertificateBody": body}))
    };
    let made = put(LEAF).ok()["Certificate"].clone();
    let id = made["CertificateId"].as_str().unwrap();
    assert_eq!((id.len(), &made["Status"], &made["CertificateBody"]), (32, &json!("Active"), &json!(LEAF)));
    put(LEAF).refused(409, "DuplicateCertificate");
    put("hello").refused(400, "MalformedCertificate");
    put(EXPIRED).refused(400, "InvalidCertificate");
    put(CA).ok();
    put(RSA).refused_with(409, "LimitExceeded", "Cannot exceed quota for CertificatesPerUser: 2");
    let off = json!({"UserName": "eva", "CertificateId": id, "Status": "Inactive"});
    iam(&root, "UpdateSigningCertificate", off);
    let listed = iam(&root, "ListSigningCertificates", json!({"UserName": "eva"}))["Certificates"].clone();
    let states: Vec<&str> =
        listed.as_array().unwrap().iter().map(|c| c["Status"].as_str().unwrap()).collect();
    assert!(states.contains(&"Active") && states.contains(&"Inactive"), "{states:?}");
    root.call("iam", "DeleteUser", json!({"UserName": "eva"})).refused_with(
        409,
        "DeleteConflict",
        "Cannot delete entity, must delete certificates first.",
    );
    let gone = json!({"UserName": "eva", "CertificateId": id});
    iam(&root, "DeleteSigningCertificate", gone.clone());
    root.call("iam", "DeleteSigningCertificate", gone).refused_with(
        404,
        "NoSuchEntity",
        &format!("The Certificate with id {id} cannot be found."),
    );
}

#[test]
fn ssh_keys() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    iam(&root, "CreateUser", json!({"UserName": "eva"}));
    let put = |body: &str| {
        root.call("iam", "UploadSSHPublicKey", json!({"UserName": "eva", "SSHPublicKeyBody": body}))
    };
    let made = put(SSH).ok()["SSHPublicKey"].clone();
    let id = made["SSHPublicKeyId"].as_str().unwrap();
    assert_eq!((&made["Fingerprint"], &made["SSHPublicKeyBody"]), (&json!(FINGERPRINT), &json!(SSH)));
    put(SSH_PEM).refused(400, "DuplicateSSHPublicKey");
    put("ssh-ed25519 AAAA").refused(400, "InvalidPublicKey");
    for (encoding, body) in [("SSH", SSH), ("PEM", SSH_PEM)] {
        let asked = json!({"UserName": "eva", "SSHPublicKeyId": id, "Encoding": encoding});
        let got = iam(&root, "GetSSHPublicKey", asked)["SSHPublicKey"].clone();
        assert_eq!(got["SSHPublicKeyBody"].as_str().unwrap().trim(), body);
    }
    iam(&root, "UpdateSSHPublicKey", json!({"UserName": "eva", "SSHPublicKeyId": id, "Status": "Inactive"}));
    let listed = iam(&root, "ListSSHPublicKeys", json!({"UserName": "eva"}))["SSHPublicKeys"].clone();
    assert_eq!(
        listed,
        json!([{"UserName": "eva", "SSHPublicKeyId": id, "Status": "Inactive",
        "UploadDate": "2026-01-15T12:00:00Z"}])
    );
    root.call("iam", "DeleteUser", json!({"UserName": "eva"})).refused_with(
        409,
        "DeleteConflict",
        "Cannot delete entity, must remove referenced objects first.",
    );
    let gone = json!({"UserName": "eva", "SSHPublicKeyId": id});
    iam(&root, "DeleteSSHPublicKey", gone.clone());
    root.call("iam", "DeleteSSHPublicKey", gone).refused_with(
        404,
        "NoSuchEntity",
        &format!("The SSH Public Key with id {id} cannot be found."),
    );
    iam(&root, "DeleteUser", json!({"UserName": "eva"}));
}

#[test]
fn service_specific_credentials() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    iam(&root, "CreateUser", json!({"UserName": "eva"}));
    iam(&root, "CreateUser", json!({"UserName": "bob"}));
    let create = |user: &str, service: &str| {
        let asked = json!({"UserName": user, "ServiceName": format!("{service}.amazonaws.com")});
        root.call("iam", "CreateServiceSpecificCredential", asked)
    };
    let first = create("eva", "codecommit").ok()["ServiceSpecificCredential"].clone();
    assert_eq!(
        (&first["ServiceUserName"], &first["Status"]),
        (&json!("eva-at-123456789012"), &json!("Active"))
    );
    let second = create("eva", "codecommit").ok()["ServiceSpecificCredential"].clone();
    assert_eq!(second["ServiceUserName"], "eva+1-at-123456789012");
    create("eva", "codecommit").refused_with(
        409,
        "LimitExceeded",
        "Cannot exceed quota for ServiceSpecificCredentialsPerUser: 2",
    );
    create("eva", "bedrock").refused(404, "NotSupportedService");
    create("bob", "cassandra").ok();
    let count = |asked: Value| {
        let list = iam(&root, "ListServiceSpecificCredentials", asked);
        list["ServiceSpecificCredentials"].as_array().map_or(0, Vec::len)
    };
    assert_eq!(count(json!({"UserName": "eva"})), 2);
    assert_eq!(count(json!({"AllUsers": true})), 3);
    assert_eq!(count(json!({"AllUsers": true, "ServiceName": "cassandra.amazonaws.com"})), 1);
    let named =
        json!({"UserName": "eva", "ServiceSpecificCredentialId": first["ServiceSpecificCredentialId"]});
    let again =
        iam(&root, "ResetServiceSpecificCredential", named.clone())["ServiceSpecificCredential"].clone();
    assert_eq!(again["ServiceUserName"], first["ServiceUserName"]);
    assert_ne!(again["ServicePassword"], first["ServicePassword"]);
    let mut off = named.clone();
    off["Status"] = json!("Inactive");
    iam(&root, "UpdateServiceSpecificCredential", off);
    iam(&root, "DeleteServiceSpecificCredential", named.clone());
    root.call("iam", "DeleteServiceSpecificCredential", named).refused(404, "NoSuchEntity");
    assert_eq!(count(json!({"UserName": "eva"})), 1);
}
