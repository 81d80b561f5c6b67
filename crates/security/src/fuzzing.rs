//! The readers of what users upload, for the fuzz target `keys`. They are the crate's own affair otherwise.

use crate::iam::{pem, ssh, x509};
use crate::kms::core::material::KeyMaterial;
use crate::kms::core::spec::KeySpec;

/// A key that was read is written in each form and read again, and is the same.
pub fn text(text: &str) {
    for block in pem::blocks(text).unwrap_or_default() {
        der(&block.der);
        let _ = x509::public_of(&block.label, &block.der);
    }
    if let Some(key) = ssh::read(text) {
        assert_eq!(ssh::read(&key.line()), Some(key.clone()));
        assert_eq!(ssh::read(&key.pem()), Some(key));
    }
}

/// What is no PEM yet: certificates, private keys, key material for KMS, and the blob of an SSH key.
pub fn der(bytes: &[u8]) {
    let _ = x509::certificate(bytes);
    if let Some(key) = ssh::from_blob(bytes) {
        assert_eq!(ssh::from_blob(&key.blob()), Some(key));
    }
    for label in ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"] {
        let _ = x509::public_of(label, bytes);
    }
    for spec in [KeySpec::Rsa2048, KeySpec::P256, KeySpec::P384, KeySpec::Ed25519] {
        if let Ok(material) = KeyMaterial::import(spec, bytes) {
            assert!(matches!(material.public_key(), Ok(Some(_))));
        }
    }
}
