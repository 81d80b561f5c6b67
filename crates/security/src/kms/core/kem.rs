//! ML-KEM keys: `Encapsulate` and `Decapsulate` (FIPS 203).
//!
//! Decapsulation of a changed ciphertext of the right length succeeds with an unrelated secret: that is ML-KEM's
//! implicit rejection, and KMS documents it so.

use super::material::{KeyMaterial, MaterialError};
use super::spec::{KeySpec, KeyUsage};
use super::symmetric::InvalidCiphertext;
use aws_lc_rs::kem::{self, Ciphertext, DecapsulationKey, EncapsulationKey};
use std::fmt;
use zeroize::Zeroizing;

/// The fresh secret, 32 bytes, and its encapsulated form: 768, 1088 or 1568 bytes.
pub type Encapsulated = (Zeroizing<Vec<u8>>, Vec<u8>);

/// An ML-KEM key, expanded from its seed.
pub struct KemKey {
    spec: KeySpec,
    private: DecapsulationKey,
    public: EncapsulationKey,
    ciphertext_len: usize,
}

impl fmt::Debug for KemKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KemKey({})", self.spec)
    }
}

impl KemKey {
    /// # Errors
    /// [`MaterialError::Unsupported`] for other specs; [`MaterialError::Malformed`] when damaged.
    pub fn new(material: &KeyMaterial) -> Result<KemKey, MaterialError> {
        let spec = material.spec();
        if !spec.allows(KeyUsage::EncapsulateDecapsulate) {
            return Err(MaterialError::Unsupported(spec));
        }
        // FIPS 203, table 3.
        let (algorithm, ciphertext_len) = match spec {
            KeySpec::MlKem512 => (&kem::ML_KEM_512, 768),
            KeySpec::MlKem768 => (&kem::ML_KEM_768, 1088),
            _ => (&kem::ML_KEM_1024, 1568),
        };
        let malformed = |_| MaterialError::Malformed(spec);
        let (private, public) = material.ml_kem()?;
        let private = DecapsulationKey::new(algorithm, &private).map_err(malformed)?;
        let public = EncapsulationKey::new(algorithm, &public).map_err(malformed)?;
        Ok(KemKey { spec, private, public, ciphertext_len })
    }

    /// The chance in it comes from aws-lc.
    ///
    /// # Errors
    /// [`MaterialError::Failed`]: `KMSInternalException`.
    pub fn encapsulate(&self) -> Result<Encapsulated, MaterialError> {
        let (ciphertext, secret) = self.public.encapsulate().map_err(|_| MaterialError::Failed)?;
        Ok((Zeroizing::new(secret.as_ref().to_vec()), ciphertext.as_ref().to_vec()))
    }

    /// # Errors
    /// [`InvalidCiphertext`]: the length is not that of the spec.
    pub fn decapsulate(&self, ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>, InvalidCiphertext> {
        if ciphertext.len() != self.ciphertext_len {
            return Err(InvalidCiphertext);
        }
        let secret = self.private.decapsulate(Ciphertext::from(ciphertext)).map_err(|_| InvalidCiphertext)?;
        Ok(Zeroizing::new(secret.as_ref().to_vec()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kms::core::testkeys::material;

    #[test]
    fn the_secret_comes_back_and_changes_are_rejected_implicitly() {
        for (spec, len) in [(KeySpec::MlKem512, 768), (KeySpec::MlKem768, 1088), (KeySpec::MlKem1024, 1568)] {
            let key = KemKey::new(&material(spec)).unwrap();
            let (secret, mut ciphertext) = key.encapsulate().unwrap();
            assert_eq!((secret.len(), ciphertext.len()), (32, len));
            assert_eq!(key.decapsulate(&ciphertext).as_ref(), Ok(&secret));
            for bad in [0, 1, len - 1, len + 1] {
                assert_eq!(key.decapsulate(&vec![0; bad]), Err(InvalidCiphertext));
            }
            ciphertext[0] ^= 1;
            let other = key.decapsulate(&ciphertext).unwrap();
            assert_eq!(other.len(), 32);
            assert_ne!(other, secret);
        }
    }

    #[test]
    fn other_keys_do_not_encapsulate() {
        let refused = KemKey::new(&material(KeySpec::MlDsa44)).map(|_| ());
        assert_eq!(refused, Err(MaterialError::Unsupported(KeySpec::MlDsa44)));
    }
}
