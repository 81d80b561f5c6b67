//! A key ready for use: parsed once, then kept by the service for as long as it likes.
//!
//! Parsing an RSA key costs more than using it, so the service should keep one `Prepared` per key material, keyed by
//! [`super::material::MaterialId`], and drop it when the key is deleted or its material expires. All of it is
//! `Send + Sync` and used by shared reference.

use super::agree::AgreementKey;
use super::kem::KemKey;
use super::mac::MacKey;
use super::material::{KeyMaterial, MaterialError};
use super::oaep::RsaKey;
use super::sign::SigningKey;
use super::spec::{KeySpec, KeyUsage};
use super::symmetric::SymmetricKey;
use base::AccountId;

/// By what the key is for: its `KeyUsage`, and for `ENCRYPT_DECRYPT` its kind.
#[derive(Debug)]
pub enum Prepared {
    Symmetric(SymmetricKey),
    Rsa(RsaKey),
    Signing(SigningKey),
    Mac(MacKey),
    Agreement(AgreementKey),
    Kem(KemKey),
}

impl Prepared {
    /// `account` and `key_id` are those of the KMS key; symmetric keys write them into their ciphertexts.
    ///
    /// # Errors
    /// [`MaterialError::Unsupported`] when the spec does not allow the usage; [`MaterialError::Malformed`] when the
    /// material is damaged.
    pub fn new(
        material: &KeyMaterial,
        usage: KeyUsage,
        account: AccountId,
        key_id: &str,
    ) -> Result<Prepared, MaterialError> {
        let spec = material.spec();
        if !spec.allows(usage) {
            return Err(MaterialError::Unsupported(spec));
        }
        Ok(match (usage, spec) {
            (KeyUsage::EncryptDecrypt, KeySpec::Symmetric) => {
                Prepared::Symmetric(SymmetricKey::new(material, account, key_id)?)
            }
            (KeyUsage::EncryptDecrypt, _) => Prepared::Rsa(RsaKey::new(material)?),
            (KeyUsage::SignVerify, _) => Prepared::Signing(SigningKey::new(material)?),
            (KeyUsage::GenerateVerifyMac, _) => Prepared::Mac(MacKey::new(material)?),
            (KeyUsage::KeyAgreement, _) => Prepared::Agreement(AgreementKey::new(material)?),
            (KeyUsage::EncapsulateDecapsulate, _) => Prepared::Kem(KemKey::new(material)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kms::core::testkeys::material;

    #[test]
    fn every_spec_is_prepared_for_its_usages_and_no_other() {
        fn shared<T: Send + Sync>(_: &T) {}
        for &spec in KeySpec::ALL.iter().filter(|spec| **spec != KeySpec::Sm2) {
            for &usage in KeyUsage::ALL {
                match Prepared::new(&material(spec), usage, AccountId::DEFAULT, "id") {
                    Ok(key) => {
                        assert!(spec.allows(usage), "{spec} {usage}");
                        shared(&key);
                    }
                    Err(e) => {
                        assert!(!spec.allows(usage), "{spec} {usage}");
                        assert_eq!(e, MaterialError::Unsupported(spec));
                    }
                }
            }
        }
    }

    #[test]
    fn damaged_material_is_not_prepared() {
        for &spec in KeySpec::ALL.iter().filter(|spec| **spec != KeySpec::Sm2) {
            let damaged = KeyMaterial::from_bytes(&[1, spec.code(), 9]).unwrap();
            for &usage in spec.usages().iter().filter(|usage| **usage != KeyUsage::GenerateVerifyMac) {
                let refused = Prepared::new(&damaged, usage, AccountId::DEFAULT, "id").map(|_| ());
                assert_eq!(refused, Err(MaterialError::Malformed(spec)), "{spec} {usage}");
            }
        }
    }
}
