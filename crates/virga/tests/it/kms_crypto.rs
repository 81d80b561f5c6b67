//! What KMS computes, through bytes.

use crate::harness::{Caller, Cloud, Reply};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

const ACCOUNT: &str = "123456789012";

fn new_key(root: &Caller<'_>, parameters: Value) -> String {
    root.call("kms", "CreateKey", parameters).ok()["KeyMetadata"]["Arn"].as_str().unwrap().to_owned()
}

fn b64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

fn bytes(value: &Value) -> Vec<u8> {
    STANDARD.decode(value.as_str().unwrap()).unwrap()
}

#[test]
fn what_is_encrypted_is_decrypted_by_its_own_key_and_context_only() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let (key, other) = (new_key(&root, json!({})), new_key(&root, json!({})));
    let context = json!({ "a": "1", "b": "2" });
    let sealed = root.call(
        "kms",
        "Encrypt",
        json!({ "KeyId": key, "Plaintext": b64(b"secret"), "EncryptionContext": context }),
    );
    let sealed = sealed.ok();
    assert_eq!(
        (&sealed["KeyId"], &sealed["EncryptionAlgorithm"]),
        (&json!(key), &json!("SYMMETRIC_DEFAULT"))
    );
    let blob = &sealed["CiphertextBlob"];
    let opened = root.call(
        "kms",
        "Decrypt",
        json!({ "CiphertextBlob": blob, "EncryptionContext": { "b": "2", "a": "1" } }),
    );
    let opened = opened.ok();
    assert_eq!((bytes(&opened["Plaintext"]), &opened["KeyId"]), (b"secret".to_vec(), &json!(key)));
    assert_eq!(opened["KeyMaterialId"].as_str().map(str::len), Some(64));
    for context in
        [json!({}), json!({ "a": "1" }), json!({ "a": "1", "b": "3" }), json!({ "A": "1", "b": "2" })]
    {
        root.call("kms", "Decrypt", json!({ "CiphertextBlob": blob, "EncryptionContext": context }))
            .refused_with(400, "InvalidCiphertextException", "");
    }
    let wrong = json!({ "CiphertextBlob": blob, "EncryptionContext": context, "KeyId": other });
    root.call("kms", "Decrypt", wrong).refused_with(
        400,
        "IncorrectKeyException",
        "The key ID in the request does not identify a CMK that can perform this operation.",
    );
    root.call("kms", "Decrypt", json!({ "CiphertextBlob": b64(b"garbage") }))
        .refused(400, "InvalidCiphertextException");
    root.call("kms", "Decrypt", json!({ "CiphertextBlob": b64(b"garbage"), "KeyId": key }))
        .refused(400, "InvalidCiphertextException");
    root.call("kms", "Decrypt", json!({ "KeyId": key })).refused(400, "ValidationException");
}

#[test]
fn reencryption_changes_key_and_context() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let key = new_key(&root, json!({}));
    let rsa = new_key(&root, json!({ "KeySpec": "RSA_2048", "KeyUsage": "ENCRYPT_DECRYPT" }));
    let sealed = root
        .call(
            "kms",
            "Encrypt",
            json!({ "KeyId": key, "Plaintext": b64(b"x"), "EncryptionContext": { "a": "b" } }),
        )
        .ok();
    let moved = root.call(
        "kms",
        "ReEncrypt",
        json!({
            "CiphertextBlob": sealed["CiphertextBlob"], "SourceEncryptionContext": { "a": "b" },
            "DestinationKeyId": rsa, "DestinationEncryptionAlgorithm": "RSAES_OAEP_SHA_256",
        }),
    );
    let moved = moved.ok();
    assert_eq!((&moved["SourceKeyId"], &moved["KeyId"]), (&json!(key), &json!(rsa)));
    let opened = root.call("kms", "Decrypt", json!({
        "CiphertextBlob": moved["CiphertextBlob"], "KeyId": rsa, "EncryptionAlgorithm": "RSAES_OAEP_SHA_256",
    }));
    assert_eq!(bytes(&opened.ok()["Plaintext"]), b"x");
}

#[test]
fn rsa_keys_encrypt_what_fits() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let key = new_key(&root, json!({ "KeySpec": "RSA_2048", "KeyUsage": "ENCRYPT_DECRYPT" }));
    let encrypt = |parameters: Value| -> Reply {
        let mut all =
            json!({ "KeyId": key, "Plaintext": b64(b"x"), "EncryptionAlgorithm": "RSAES_OAEP_SHA_256" });
        all.as_object_mut().unwrap().extend(parameters.as_object().unwrap().clone());
        root.call("kms", "Encrypt", all)
    };
    assert_eq!(bytes(&encrypt(json!({})).ok()["CiphertextBlob"]).len(), 256);
    encrypt(json!({ "Plaintext": b64(&[0; 191]) })).refused_with(
        400,
        "ValidationException",
        "Algorithm RSAES_OAEP_SHA_256 and key spec RSA_2048 cannot encrypt data larger than 190 bytes.",
    );
    encrypt(json!({ "EncryptionAlgorithm": "SYMMETRIC_DEFAULT" })).refused_with(
        400,
        "InvalidKeyUsageException",
        "Algorithm SYMMETRIC_DEFAULT is incompatible with key spec RSA_2048.",
    );
    encrypt(json!({ "EncryptionContext": { "a": "b" } })).refused(400, "ValidationException");
    root.call("kms", "GenerateDataKey", json!({ "KeyId": key, "KeySpec": "AES_256" }))
        .refused(400, "InvalidKeyUsageException");
}

#[test]
fn data_keys_and_pairs_open_to_what_was_given() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let key = new_key(&root, json!({}));
    let open = |blob: &Value, context: Value| {
        bytes(
            &root
                .call("kms", "Decrypt", json!({ "CiphertextBlob": blob, "EncryptionContext": context }))
                .ok()["Plaintext"],
        )
    };
    let context = json!({ "a": "b" });
    for (asked, len) in [
        (json!({ "KeySpec": "AES_128" }), 16),
        (json!({ "KeySpec": "AES_256" }), 32),
        (json!({ "NumberOfBytes": 7 }), 7),
    ] {
        let mut parameters = json!({ "KeyId": key, "EncryptionContext": context });
        parameters.as_object_mut().unwrap().extend(asked.as_object().unwrap().clone());
        let given = root.call("kms", "GenerateDataKey", parameters.clone()).ok();
        assert_eq!(bytes(&given["Plaintext"]).len(), len);
        assert_eq!(open(&given["CiphertextBlob"], context.clone()), bytes(&given["Plaintext"]));
        let sealed = root.call("kms", "GenerateDataKeyWithoutPlaintext", parameters).ok();
        assert_eq!(
            (sealed.get("Plaintext"), open(&sealed["CiphertextBlob"], context.clone()).len()),
            (None, len)
        );
    }
    let neither = "Please specify either number of bytes or key spec.";
    root.call("kms", "GenerateDataKey", json!({ "KeyId": key })).refused_with(
        400,
        "ValidationException",
        neither,
    );
    root.call("kms", "GenerateDataKey", json!({ "KeyId": key, "KeySpec": "AES_256", "NumberOfBytes": 3 }))
        .refused_with(400, "ValidationException", neither);
    for spec in ["RSA_2048", "ECC_NIST_P256", "ECC_SECG_P256K1", "ECC_NIST_EDWARDS25519", "ML_KEM_512"] {
        let given =
            root.call("kms", "GenerateDataKeyPair", json!({ "KeyId": key, "KeyPairSpec": spec })).ok();
        assert_eq!(
            open(&given["PrivateKeyCiphertextBlob"], json!({})),
            bytes(&given["PrivateKeyPlaintext"]),
            "{spec}"
        );
        assert_eq!((&given["KeyPairSpec"], bytes(&given["PublicKey"])[0]), (&json!(spec), 0x30));
    }
    let sealed = json!({ "KeyId": key, "KeyPairSpec": "ECC_NIST_P384" });
    assert_eq!(
        root.call("kms", "GenerateDataKeyPairWithoutPlaintext", sealed).ok().get("PrivateKeyPlaintext"),
        None
    );
    root.call("kms", "GenerateDataKeyPair", json!({ "KeyId": key, "KeyPairSpec": "SM2" }))
        .refused(400, "UnsupportedOperationException");
}

#[test]
fn random_bytes() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let given = root.call("kms", "GenerateRandom", json!({ "NumberOfBytes": 44 })).ok();
    assert_eq!(bytes(&given["Plaintext"]).len(), 44);
    root.call("kms", "GenerateRandom", json!({})).refused_with(
        400,
        "ValidationException",
        "NumberOfBytes is required.",
    );
    root.call("kms", "GenerateRandom", json!({ "NumberOfBytes": 1, "CustomKeyStoreId": "cks-1" }))
        .refused(400, "CustomKeyStoreNotFoundException");
}

#[test]
fn enclaves_are_refused() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let key = new_key(&root, json!({}));
    let sealed = root.call("kms", "Encrypt", json!({ "KeyId": key, "Plaintext": "eA==" })).ok();
    let recipient = json!({ "KeyEncryptionAlgorithm": "RSAES_OAEP_SHA_256", "AttestationDocument": "eA==" });
    for (operation, parameters) in [
        ("Decrypt", json!({ "CiphertextBlob": sealed["CiphertextBlob"], "Recipient": recipient })),
        ("GenerateDataKey", json!({ "KeyId": key, "KeySpec": "AES_256", "Recipient": recipient })),
        (
            "GenerateDataKeyPair",
            json!({ "KeyId": key, "KeyPairSpec": "ECC_NIST_P256", "Recipient": recipient }),
        ),
        ("GenerateRandom", json!({ "NumberOfBytes": 1, "Recipient": recipient })),
    ] {
        root.call("kms", operation, parameters).refused_with(
            400,
            "UnsupportedOperationException",
            "Recipient (Nitro attestation) is not supported by this cloud.",
        );
    }
}

#[test]
fn macs_are_verified() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let key = new_key(&root, json!({ "KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC" }));
    let message = json!({ "KeyId": key, "Message": b64(b"m"), "MacAlgorithm": "HMAC_SHA_256" });
    let made = root.call("kms", "GenerateMac", message.clone()).ok();
    assert_eq!(bytes(&made["Mac"]).len(), 32);
    let verify = |change: Value| {
        let mut all = message.clone();
        all["Mac"] = made["Mac"].clone();
        all.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        root.call("kms", "VerifyMac", all)
    };
    assert_eq!(verify(json!({})).ok()["MacValid"], true);
    verify(json!({ "Message": b64(b"n") })).refused_with(400, "KMSInvalidMacException", "");
    verify(json!({ "MacAlgorithm": "HMAC_SHA_512" })).refused_with(
        400,
        "InvalidKeyUsageException",
        "Algorithm HMAC_SHA_512 is incompatible with key spec HMAC_256.",
    );
    root.call("kms", "Encrypt", json!({ "KeyId": key, "Plaintext": "eA==" })).refused_with(
        400,
        "InvalidKeyUsageException",
        &format!("{key} key usage is GENERATE_VERIFY_MAC which is not valid for Encrypt."),
    );
}

#[test]
fn signatures_are_verified() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let table = [
        ("RSA_2048", "RSASSA_PSS_SHA_256", "RAW", b64(b"m")),
        ("RSA_2048", "RSASSA_PKCS1_V1_5_SHA_512", "DIGEST", b64(&[7; 64])),
        ("ECC_NIST_P256", "ECDSA_SHA_256", "DIGEST", b64(&[7; 32])),
        ("ECC_NIST_P521", "ECDSA_SHA_512", "RAW", b64(b"m")),
        ("ECC_SECG_P256K1", "ECDSA_SHA_256", "RAW", b64(b"m")),
        ("ECC_NIST_EDWARDS25519", "ED25519_SHA_512", "RAW", b64(b"m")),
        ("ECC_NIST_EDWARDS25519", "ED25519_PH_SHA_512", "DIGEST", b64(&[7; 64])),
        ("ML_DSA_65", "ML_DSA_SHAKE_256", "RAW", b64(b"m")),
        ("ML_DSA_65", "ML_DSA_SHAKE_256", "EXTERNAL_MU", b64(&[7; 64])),
    ];
    for (spec, algorithm, kind, message) in table {
        let key = new_key(&root, json!({ "KeySpec": spec, "KeyUsage": "SIGN_VERIFY" }));
        let mut call =
            json!({ "KeyId": key, "Message": message, "MessageType": kind, "SigningAlgorithm": algorithm });
        let signed = root.call("kms", "Sign", call.clone()).ok();
        call["Signature"] = signed["Signature"].clone();
        assert_eq!(
            root.call("kms", "Verify", call.clone()).ok()["SignatureValid"],
            true,
            "{spec} {algorithm}"
        );
        let mut forged = bytes(&signed["Signature"]);
        *forged.last_mut().unwrap() ^= 1;
        call["Signature"] = json!(b64(&forged));
        root.call("kms", "Verify", call).refused_with(400, "KMSInvalidSignatureException", "");
        let public = root.call("kms", "GetPublicKey", json!({ "KeyId": key })).ok();
        assert_eq!((&public["KeySpec"], bytes(&public["PublicKey"])[0]), (&json!(spec), 0x30));
    }
    let key = new_key(&root, json!({ "KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY" }));
    let sign = |kind: &str, message: &[u8], algorithm: &str| {
        let call = json!({ "KeyId": key, "Message": b64(message), "MessageType": kind, "SigningAlgorithm": algorithm });
        root.call("kms", "Sign", call)
    };
    let length = "Digest is invalid length for algorithm ECDSA_SHA_256.";
    sign("DIGEST", b"short", "ECDSA_SHA_256").refused_with(400, "ValidationException", length);
    let other = "Algorithm ECDSA_SHA_384 is incompatible with key spec ECC_NIST_P256.";
    sign("RAW", b"m", "ECDSA_SHA_384").refused_with(400, "InvalidKeyUsageException", other);
    let symmetric = new_key(&root, json!({}));
    root.call("kms", "GetPublicKey", json!({ "KeyId": symmetric }))
        .refused(400, "UnsupportedOperationException");
}

#[test]
fn two_sides_derive_and_encapsulate_the_same_secret() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let pair = || new_key(&root, json!({ "KeySpec": "ECC_NIST_P256", "KeyUsage": "KEY_AGREEMENT" }));
    let (one, two) = (pair(), pair());
    let public =
        |key: &str| root.call("kms", "GetPublicKey", json!({ "KeyId": key })).ok()["PublicKey"].clone();
    let derive = |key: &str, peer: Value| {
        root.call(
            "kms",
            "DeriveSharedSecret",
            json!({ "KeyId": key, "KeyAgreementAlgorithm": "ECDH", "PublicKey": peer }),
        )
    };
    let (a, b) = (derive(&one, public(&two)).ok(), derive(&two, public(&one)).ok());
    assert_eq!((bytes(&a["SharedSecret"]).len(), &a["SharedSecret"]), (32, &b["SharedSecret"]));
    assert_eq!(a["KeyOrigin"], "AWS_KMS");
    derive(&one, json!(b64(b"no key"))).refused(400, "ValidationException");
    let kem = new_key(&root, json!({ "KeySpec": "ML_KEM_768", "KeyUsage": "ENCAPSULATE_DECAPSULATE" }));
    let given =
        root.call("kms", "Encapsulate", json!({ "KeyId": kem, "EncapsulationAlgorithm": "ML_KEM" })).ok();
    let opened = root.call("kms", "Decapsulate", json!({
        "KeyId": kem, "EncapsulationAlgorithm": "ML_KEM", "SharedSecretCiphertextBlob": given["SharedSecretCiphertextBlob"],
    }));
    assert_eq!(opened.ok()["SharedSecret"], given["SharedSecret"]);
    root.call(
        "kms",
        "Decapsulate",
        json!({
            "KeyId": kem, "EncapsulationAlgorithm": "ML_KEM", "SharedSecretCiphertextBlob": b64(b"short"),
        }),
    )
    .refused(400, "InvalidCiphertextException");
}

#[test]
fn a_dry_run_says_what_would_happen_and_does_nothing() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let key = new_key(&root, json!({}));
    let sealed = root.call("kms", "Encrypt", json!({ "KeyId": key, "Plaintext": "eA==" })).ok();
    let grantee = format!("arn:aws:iam::{ACCOUNT}:root");
    let would = "The request would have succeeded, but the DryRun option is set.";
    for (operation, parameters) in [
        ("Encrypt", json!({ "KeyId": key, "Plaintext": "eA==", "DryRun": true })),
        ("Decrypt", json!({ "CiphertextBlob": sealed["CiphertextBlob"], "DryRun": true })),
        ("Decrypt", json!({ "KeyId": key, "DryRun": true, "DryRunModifiers": ["IGNORE_CIPHERTEXT"] })),
        ("GenerateDataKey", json!({ "KeyId": key, "KeySpec": "AES_256", "DryRun": true })),
        (
            "CreateGrant",
            json!({ "KeyId": key, "GranteePrincipal": grantee, "Operations": ["Encrypt"], "DryRun": true }),
        ),
    ] {
        root.call("kms", operation, parameters).refused_with(400, "DryRunOperationException", would);
    }
    assert_eq!(root.call("kms", "ListGrants", json!({ "KeyId": key })).ok()["Grants"], json!([]));
    root.call("kms", "DisableKey", json!({ "KeyId": key })).ok();
    root.call("kms", "Encrypt", json!({ "KeyId": key, "Plaintext": "eA==", "DryRun": true }))
        .refused(400, "DisabledException");
    root.call("kms", "Decrypt", json!({ "KeyId": key, "DryRunModifiers": ["IGNORE_CIPHERTEXT"] }))
        .refused(400, "ValidationException");
}
