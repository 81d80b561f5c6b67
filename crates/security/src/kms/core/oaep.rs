//! Encrypting and decrypting with RSA keys: RSAES-OAEP with SHA-1 or SHA-256 (and MGF1 of the same), no label.
//!
//! The ciphertext is the bare RSA block: it names neither key nor algorithm, so the caller must know both (AWS:
//! `Encrypt`). Encryption contexts do not exist here; the service refuses them.

use super::material::{KeyMaterial, MaterialError};
use super::spec::{EncryptionAlgorithm, Incompatible, KeySpec};
use super::symmetric::InvalidCiphertext;
use aws_lc_rs::rsa::{
    OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepAlgorithm, OaepPrivateDecryptingKey,
    OaepPublicEncryptingKey, PrivateDecryptingKey,
};
use std::fmt;
use zeroize::Zeroizing;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RsaError {
    /// `InvalidKeyUsageException`.
    Incompatible(Incompatible),
    /// `ValidationException`: the plaintext is longer than `max` bytes.
    TooLong { algorithm: EncryptionAlgorithm, spec: KeySpec, max: usize },
    /// `InvalidCiphertextException`.
    Invalid(InvalidCiphertext),
    /// aws-lc could not encrypt: `KMSInternalException`.
    Failed,
}

impl fmt::Display for RsaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RsaError::Incompatible(refused) => refused.fmt(f),
            RsaError::TooLong { algorithm, spec, max } => {
                write!(
                    f,
                    "Algorithm {algorithm} and key spec {spec} cannot encrypt data larger than {max} bytes."
                )
            }
            RsaError::Invalid(invalid) => invalid.fmt(f),
            RsaError::Failed => f.write_str("the cryptographic library failed"),
        }
    }
}

impl std::error::Error for RsaError {}

/// An RSA encryption key, parsed. Make it once and keep it.
pub struct RsaKey {
    spec: KeySpec,
    public: OaepPublicEncryptingKey,
    private: OaepPrivateDecryptingKey,
}

impl fmt::Debug for RsaKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RsaKey({})", self.spec)
    }
}

impl RsaKey {
    /// # Errors
    /// [`MaterialError::Malformed`] unless the material is a sound RSA key.
    pub fn new(material: &KeyMaterial) -> Result<RsaKey, MaterialError> {
        let spec = material.spec();
        let malformed = MaterialError::Malformed(spec);
        if !matches!(spec, KeySpec::Rsa2048 | KeySpec::Rsa3072 | KeySpec::Rsa4096) {
            return Err(malformed);
        }
        let private = PrivateDecryptingKey::from_pkcs8(material.secret()).map_err(|_| malformed)?;
        let public = OaepPublicEncryptingKey::new(private.public_key()).map_err(|_| malformed)?;
        let private = OaepPrivateDecryptingKey::new(private).map_err(|_| malformed)?;
        Ok(RsaKey { spec, public, private })
    }

    /// The longest plaintext, in bytes: 190 (RSA_2048 with SHA-256) to 470 (RSA_4096 with SHA-1).
    ///
    /// # Errors
    /// [`RsaError::Incompatible`].
    pub fn plaintext_len_max(&self, algorithm: EncryptionAlgorithm) -> Result<usize, RsaError> {
        Ok(self.public.max_plaintext_size(self.oaep(algorithm)?))
    }

    /// # Errors
    /// [`RsaError::Incompatible`], [`RsaError::TooLong`], [`RsaError::Failed`].
    pub fn encrypt(&self, algorithm: EncryptionAlgorithm, plaintext: &[u8]) -> Result<Vec<u8>, RsaError> {
        let max = self.plaintext_len_max(algorithm)?;
        if plaintext.len() > max {
            return Err(RsaError::TooLong { algorithm, spec: self.spec, max });
        }
        let mut out = vec![0; self.public.ciphertext_size()];
        let len = self
            .public
            .encrypt(self.oaep(algorithm)?, plaintext, &mut out, None)
            .map_err(|_| RsaError::Failed)?
            .len();
        out.truncate(len);
        Ok(out)
    }

    /// # Errors
    /// [`RsaError::Incompatible`], [`RsaError::Invalid`].
    pub fn decrypt(
        &self,
        algorithm: EncryptionAlgorithm,
        ciphertext: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, RsaError> {
        self.decrypt_oaep(self.oaep(algorithm)?, ciphertext).map_err(RsaError::Invalid)
    }

    pub(super) fn decrypt_oaep(
        &self,
        algorithm: &'static OaepAlgorithm,
        ciphertext: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, InvalidCiphertext> {
        if ciphertext.len() != self.modulus_len() {
            return Err(InvalidCiphertext);
        }
        let mut out = Zeroizing::new(vec![0; self.private.min_output_size()]);
        let len =
            self.private.decrypt(algorithm, ciphertext, &mut out, None).map_err(|_| InvalidCiphertext)?.len();
        out.truncate(len);
        Ok(out)
    }

    pub(super) fn modulus_len(&self) -> usize {
        self.private.key_size_bytes()
    }

    fn oaep(&self, algorithm: EncryptionAlgorithm) -> Result<&'static OaepAlgorithm, RsaError> {
        match algorithm {
            EncryptionAlgorithm::OaepSha1 => Ok(&OAEP_SHA1_MGF1SHA1),
            EncryptionAlgorithm::OaepSha256 => Ok(&OAEP_SHA256_MGF1SHA256),
            EncryptionAlgorithm::Symmetric | EncryptionAlgorithm::Sm2Pke => {
                Err(RsaError::Incompatible(Incompatible { algorithm: algorithm.as_str(), spec: self.spec }))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kms::core::testkeys::material;
    use EncryptionAlgorithm::{OaepSha1, OaepSha256};

    /// AWS: `Encrypt`, the table of maximum sizes.
    #[test]
    fn the_documented_limits_hold_exactly() {
        let limits = [
            (KeySpec::Rsa2048, OaepSha1, 214),
            (KeySpec::Rsa2048, OaepSha256, 190),
            (KeySpec::Rsa3072, OaepSha1, 342),
            (KeySpec::Rsa3072, OaepSha256, 318),
            (KeySpec::Rsa4096, OaepSha1, 470),
            (KeySpec::Rsa4096, OaepSha256, 446),
        ];
        for (spec, algorithm, max) in limits {
            let key = RsaKey::new(&material(spec)).unwrap();
            assert_eq!(key.plaintext_len_max(algorithm), Ok(max));
            let blob = key.encrypt(algorithm, &vec![7; max]).unwrap();
            assert_eq!(key.decrypt(algorithm, &blob).unwrap().as_slice(), vec![7; max]);
            let refused = key.encrypt(algorithm, &vec![7; max + 1]).unwrap_err();
            assert_eq!(refused, RsaError::TooLong { algorithm, spec, max });
            assert_eq!(
                refused.to_string(),
                format!(
                    "Algorithm {algorithm} and key spec {spec} cannot encrypt data larger than {max} bytes."
                )
            );
        }
    }

    #[test]
    fn wrong_ciphertexts_are_invalid() {
        let key = RsaKey::new(&material(KeySpec::Rsa2048)).unwrap();
        let blob = key.encrypt(OaepSha256, b"secret").unwrap();
        let invalid = Err(RsaError::Invalid(InvalidCiphertext));
        assert_eq!(key.decrypt(OaepSha1, &blob), invalid);
        for bad in [&blob[1..], &[&[0], &blob[..]].concat(), &[], &[0; 256], &[0xff; 256]] {
            assert_eq!(key.decrypt(OaepSha256, bad), invalid);
        }
        let mut changed = blob;
        changed[100] ^= 1;
        assert_eq!(key.decrypt(OaepSha256, &changed), invalid);
    }

    #[test]
    fn other_algorithms_and_keys_are_refused() {
        let key = RsaKey::new(&material(KeySpec::Rsa2048)).unwrap();
        let refused = key.encrypt(EncryptionAlgorithm::Symmetric, b"x").unwrap_err();
        assert_eq!(
            refused.to_string(),
            "Algorithm SYMMETRIC_DEFAULT is incompatible with key spec RSA_2048."
        );
        let refused = RsaKey::new(&material(KeySpec::P256)).map(|_| ());
        assert_eq!(refused, Err(MaterialError::Malformed(KeySpec::P256)));
    }
}
