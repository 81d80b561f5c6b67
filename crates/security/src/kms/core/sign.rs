//! Signing and verifying with RSA, ECDSA, Ed25519 and ML-DSA keys.
//!
//! What `Sign` is given depends on the message type: `RAW` is hashed here, `DIGEST` is taken as already hashed,
//! `EXTERNAL_MU` is the 64-byte representative of ML-DSA. Which type goes with which key (AWS: `Sign`):
//!
//! | algorithms | RAW | DIGEST | EXTERNAL_MU |
//! |---|---|---|---|
//! | RSA, ECDSA | yes | yes, of the hash's length | no |
//! | ED25519_SHA_512 | yes | no | no |
//! | ED25519_PH_SHA_512 | no | yes, 64 bytes; KMS hashes them once more | no |
//! | ML_DSA_SHAKE_256 | yes | no | yes, 64 bytes |
//!
//! ECDSA signatures are DER, RSA ones have the modulus' length, PSS salts the digest's length. Signatures other than
//! RSA PKCS#1 and Ed25519 differ each time; the chance comes from aws-lc.
//!
//! Not here: message length limits (the service's shapes) and SM2DSA.

use super::lc::{self, MU_LEN};
use super::material::{KeyMaterial, MaterialError, SEED_LEN};
use super::spec::{Incompatible, KeySpec, KeyUsage, MessageType, SigningAlgorithm};
use aws_lc_rs::digest::{self, Digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{self as sig, EcdsaKeyPair, Ed25519KeyPair, KeyPair, PqdsaKeyPair};
use aws_lc_rs::signature::{RsaEncoding, UnparsedPublicKey, VerificationAlgorithm};
use std::fmt;
use zeroize::Zeroizing;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignError {
    /// `InvalidKeyUsageException`.
    Incompatible(Incompatible),
    /// `ValidationException`: this key takes no such message type.
    TypeForSpec { message_type: MessageType, spec: KeySpec },
    /// `ValidationException`: this Ed25519 algorithm takes the other message type.
    TypeForAlgorithm { message_type: MessageType, algorithm: SigningAlgorithm },
    /// `ValidationException`: a digest of another length than the algorithm's hash.
    DigestLength(SigningAlgorithm),
    /// `ValidationException`: a mu that is not 64 bytes long.
    MuLength(SigningAlgorithm),
    /// `KMSInvalidSignatureException`.
    InvalidSignature,
    /// aws-lc could not sign: `KMSInternalException`.
    Failed,
}

impl fmt::Display for SignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SignError::Incompatible(refused) => refused.fmt(f),
            SignError::TypeForSpec { message_type, spec } => {
                write!(f, "Message type {message_type} is incompatible with key spec {spec}.")
            }
            SignError::TypeForAlgorithm { message_type, algorithm } => {
                write!(f, "Message type {message_type} is incompatible with algorithm {algorithm}.")
            }
            SignError::DigestLength(algorithm) => {
                write!(f, "Digest is invalid length for algorithm {algorithm}.")
            }
            SignError::MuLength(algorithm) => {
                write!(f, "External Mu is invalid length for algorithm {algorithm}.")
            }
            SignError::InvalidSignature => f.write_str("the signature is not valid"),
            SignError::Failed => f.write_str("the cryptographic library failed"),
        }
    }
}

impl std::error::Error for SignError {}

enum Pair {
    Rsa(rsa::KeyPair),
    Ec(EcdsaKeyPair),
    Ed25519 { pair: Ed25519KeyPair, seed: Zeroizing<[u8; SEED_LEN]> },
    MlDsa { pair: Box<PqdsaKeyPair>, seed: Zeroizing<[u8; SEED_LEN]> },
}

/// A signing key, parsed. Make it once and keep it: parsing costs more than most signatures.
pub struct SigningKey {
    spec: KeySpec,
    pair: Pair,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.spec)
    }
}

/// What is to be signed, after the message type was checked.
enum Input<'a> {
    Message(&'a [u8]),
    Digest(Digest),
    /// Ed25519ph: a message that the algorithm hashes.
    PreHash(&'a [u8]),
    Mu(&'a [u8; MU_LEN]),
}

impl SigningKey {
    /// # Errors
    /// [`MaterialError::Unsupported`] when the spec does not sign; [`MaterialError::Malformed`] when it is damaged.
    pub fn new(material: &KeyMaterial) -> Result<SigningKey, MaterialError> {
        let spec = material.spec();
        if !spec.allows(KeyUsage::SignVerify) {
            return Err(MaterialError::Unsupported(spec));
        }
        let pair = match spec {
            KeySpec::Rsa2048 | KeySpec::Rsa3072 | KeySpec::Rsa4096 => Pair::Rsa(material.rsa()?),
            KeySpec::Ed25519 => {
                Pair::Ed25519 { pair: material.ed25519()?, seed: Zeroizing::new(*material.seed()?) }
            }
            KeySpec::MlDsa44 | KeySpec::MlDsa65 | KeySpec::MlDsa87 => {
                Pair::MlDsa { pair: Box::new(material.ml_dsa()?), seed: Zeroizing::new(*material.seed()?) }
            }
            _ => Pair::Ec(material.ec()?),
        };
        Ok(SigningKey { spec, pair })
    }

    /// # Errors
    /// Every [`SignError`] but `InvalidSignature`.
    pub fn sign(
        &self,
        algorithm: SigningAlgorithm,
        message_type: MessageType,
        message: &[u8],
    ) -> Result<Vec<u8>, SignError> {
        let failed = |_| SignError::Failed;
        match (&self.pair, self.input(algorithm, message_type, message)?) {
            (Pair::Rsa(pair), input) => {
                let encoding = rsa_encoding(algorithm).ok_or(SignError::Failed)?;
                let mut out = vec![0; pair.public_modulus_len()];
                match input {
                    Input::Message(text) => pair.sign(encoding, &SystemRandom::new(), text, &mut out),
                    Input::Digest(digest) => pair.sign_digest(encoding, &digest, &mut out),
                    _ => return Err(SignError::Failed),
                }
                .map_err(failed)?;
                Ok(out)
            }
            (Pair::Ec(pair), Input::Message(text)) => {
                Ok(pair.sign(&SystemRandom::new(), text).map_err(failed)?.as_ref().to_vec())
            }
            (Pair::Ec(pair), Input::Digest(digest)) => {
                Ok(pair.sign_digest(&digest).map_err(failed)?.as_ref().to_vec())
            }
            (Pair::Ed25519 { pair, .. }, Input::Message(text)) => {
                Ok(pair.try_sign(text).map_err(failed)?.as_ref().to_vec())
            }
            (Pair::Ed25519 { seed, .. }, Input::PreHash(text)) => {
                Ok(lc::ed25519ph_sign(seed, text).ok_or(SignError::Failed)?.to_vec())
            }
            (Pair::MlDsa { pair, .. }, Input::Message(text)) => {
                let mut out = vec![0; pair.algorithm().signature_len()];
                let len = pair.sign(text, &mut out).map_err(failed)?;
                out.truncate(len);
                Ok(out)
            }
            (Pair::MlDsa { seed, .. }, Input::Mu(mu)) => {
                lc::ml_dsa_sign_mu(self.spec, seed, mu).ok_or(SignError::Failed)
            }
            _ => Err(SignError::Failed),
        }
    }

    /// # Errors
    /// [`SignError::InvalidSignature`] when the signature is not of this key, message and algorithm; otherwise as
    /// [`SigningKey::sign`].
    pub fn verify(
        &self,
        algorithm: SigningAlgorithm,
        message_type: MessageType,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), SignError> {
        let input = self.input(algorithm, message_type, message)?;
        let valid = match (&self.pair, input) {
            (Pair::Ed25519 { pair, .. }, Input::PreHash(text)) => {
                let public = pair.public_key().as_ref().try_into().map_err(|_| SignError::Failed)?;
                lc::ed25519ph_verify(public, text, signature)
            }
            (Pair::MlDsa { pair, .. }, Input::Mu(mu)) => {
                lc::ml_dsa_verify_mu(self.spec, pair.public_key().as_ref(), mu, signature)
            }
            (_, input) => {
                let algorithm = self.verification(algorithm).ok_or(SignError::Failed)?;
                let public = UnparsedPublicKey::new(algorithm, self.public_bytes());
                match input {
                    Input::Message(text) => public.verify(text, signature),
                    Input::Digest(digest) => public.verify_digest(&digest, signature),
                    _ => return Err(SignError::Failed),
                }
                .is_ok()
            }
        };
        if valid { Ok(()) } else { Err(SignError::InvalidSignature) }
    }

    /// The rules of the module's table.
    fn input<'a>(
        &self,
        algorithm: SigningAlgorithm,
        message_type: MessageType,
        message: &'a [u8],
    ) -> Result<Input<'a>, SignError> {
        if !self.spec.signing_algorithms().contains(&algorithm) {
            let refused = Incompatible { algorithm: algorithm.as_str(), spec: self.spec };
            return Err(SignError::Incompatible(refused));
        }
        let mismatch = Err(SignError::TypeForAlgorithm { message_type, algorithm });
        match (algorithm, message_type) {
            (SigningAlgorithm::MlDsaShake256, MessageType::ExternalMu) => {
                message.try_into().map(Input::Mu).map_err(|_| SignError::MuLength(algorithm))
            }
            (SigningAlgorithm::MlDsaShake256, MessageType::Digest) | (_, MessageType::ExternalMu) => {
                Err(SignError::TypeForSpec { message_type, spec: self.spec })
            }
            (SigningAlgorithm::Ed25519Sha512, MessageType::Digest) => mismatch,
            (SigningAlgorithm::Ed25519PhSha512, MessageType::Raw) => mismatch,
            (SigningAlgorithm::Ed25519PhSha512, MessageType::Digest) => {
                let fits = message.len() == digest::SHA512_OUTPUT_LEN;
                fits.then_some(Input::PreHash(message)).ok_or(SignError::DigestLength(algorithm))
            }
            (_, MessageType::Raw) => Ok(Input::Message(message)),
            (_, MessageType::Digest) => {
                let hash = hash(algorithm).ok_or(SignError::Failed)?;
                Digest::import_less_safe(message, hash)
                    .map(Input::Digest)
                    .map_err(|_| SignError::DigestLength(algorithm))
            }
        }
    }

    fn public_bytes(&self) -> &[u8] {
        match &self.pair {
            Pair::Rsa(pair) => pair.public_key().as_ref(),
            Pair::Ec(pair) => pair.public_key().as_ref(),
            Pair::Ed25519 { pair, .. } => pair.public_key().as_ref(),
            Pair::MlDsa { pair, .. } => pair.public_key().as_ref(),
        }
    }

    fn verification(&self, algorithm: SigningAlgorithm) -> Option<&'static dyn VerificationAlgorithm> {
        use SigningAlgorithm::*;
        Some(match (algorithm, self.spec) {
            (PssSha256, _) => &sig::RSA_PSS_2048_8192_SHA256,
            (PssSha384, _) => &sig::RSA_PSS_2048_8192_SHA384,
            (PssSha512, _) => &sig::RSA_PSS_2048_8192_SHA512,
            (Pkcs1Sha256, _) => &sig::RSA_PKCS1_2048_8192_SHA256,
            (Pkcs1Sha384, _) => &sig::RSA_PKCS1_2048_8192_SHA384,
            (Pkcs1Sha512, _) => &sig::RSA_PKCS1_2048_8192_SHA512,
            (EcdsaSha256, KeySpec::P256k1) => &sig::ECDSA_P256K1_SHA256_ASN1,
            (EcdsaSha256, _) => &sig::ECDSA_P256_SHA256_ASN1,
            (EcdsaSha384, _) => &sig::ECDSA_P384_SHA384_ASN1,
            (EcdsaSha512, _) => &sig::ECDSA_P521_SHA512_ASN1,
            (Ed25519Sha512, _) => &sig::ED25519,
            (MlDsaShake256, KeySpec::MlDsa44) => &sig::ML_DSA_44,
            (MlDsaShake256, KeySpec::MlDsa65) => &sig::ML_DSA_65,
            (MlDsaShake256, KeySpec::MlDsa87) => &sig::ML_DSA_87,
            _ => return None,
        })
    }
}

fn rsa_encoding(algorithm: SigningAlgorithm) -> Option<&'static dyn RsaEncoding> {
    use SigningAlgorithm::*;
    Some(match algorithm {
        PssSha256 => &sig::RSA_PSS_SHA256,
        PssSha384 => &sig::RSA_PSS_SHA384,
        PssSha512 => &sig::RSA_PSS_SHA512,
        Pkcs1Sha256 => &sig::RSA_PKCS1_SHA256,
        Pkcs1Sha384 => &sig::RSA_PKCS1_SHA384,
        Pkcs1Sha512 => &sig::RSA_PKCS1_SHA512,
        _ => return None,
    })
}

fn hash(algorithm: SigningAlgorithm) -> Option<&'static digest::Algorithm> {
    use SigningAlgorithm::*;
    match algorithm {
        PssSha256 | Pkcs1Sha256 | EcdsaSha256 => Some(&digest::SHA256),
        PssSha384 | Pkcs1Sha384 | EcdsaSha384 => Some(&digest::SHA384),
        PssSha512 | Pkcs1Sha512 | EcdsaSha512 => Some(&digest::SHA512),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kms::core::testkeys::material;
    use proptest::prelude::{any, prop_assert_eq, proptest};

    fn signers() -> impl Iterator<Item = KeySpec> {
        KeySpec::ALL.iter().copied().filter(|spec| spec.allows(KeyUsage::SignVerify))
    }

    fn mode(algorithm: SigningAlgorithm) -> MessageType {
        match algorithm {
            SigningAlgorithm::Ed25519PhSha512 => MessageType::Digest,
            _ => MessageType::Raw,
        }
    }

    #[test]
    fn every_key_signs_with_each_of_its_algorithms() {
        for spec in signers() {
            let key = SigningKey::new(&material(spec)).unwrap();
            for &algorithm in spec.signing_algorithms() {
                let (mode, text) = (mode(algorithm), [7; 64]);
                let signature = key.sign(algorithm, mode, &text).unwrap();
                assert!(signature.len() <= 6144);
                assert_eq!(key.verify(algorithm, mode, &text, &signature), Ok(()), "{spec} {algorithm}");
                let invalid = Err(SignError::InvalidSignature);
                assert_eq!(key.verify(algorithm, mode, &[8; 64], &signature), invalid, "{spec} {algorithm}");
                for bad in [&signature[1..], &signature[..signature.len() - 1], &[], &[0; 600]] {
                    assert_eq!(key.verify(algorithm, mode, &text, bad), invalid, "{spec} {algorithm}");
                }
            }
        }
    }

    /// AWS: a message and its digest count as the same message.
    #[test]
    fn a_message_and_its_digest_have_the_same_signature() {
        for spec in signers() {
            let key = SigningKey::new(&material(spec)).unwrap();
            for &algorithm in spec.signing_algorithms() {
                let Some(hash) = hash(algorithm) else { continue };
                let digest = digest::digest(hash, b"message");
                let of_text = key.sign(algorithm, MessageType::Raw, b"message").unwrap();
                let of_digest = key.sign(algorithm, MessageType::Digest, digest.as_ref()).unwrap();
                for signature in [of_text, of_digest] {
                    assert_eq!(key.verify(algorithm, MessageType::Raw, b"message", &signature), Ok(()));
                    assert_eq!(
                        key.verify(algorithm, MessageType::Digest, digest.as_ref(), &signature),
                        Ok(())
                    );
                }
                for len in [0, 20, digest.as_ref().len() - 1, digest.as_ref().len() + 1] {
                    let refused = key.sign(algorithm, MessageType::Digest, &vec![0; len]);
                    assert_eq!(refused, Err(SignError::DigestLength(algorithm)));
                }
            }
        }
    }

    /// FIPS 204: mu = SHAKE256(SHAKE256(pk) || 0 || 0 || message); no SHAKE here, so a mu signature must verify as
    /// mu only, and a message's signature not as any mu.
    #[test]
    fn an_external_mu_is_signed_as_it_is() {
        let algorithm = SigningAlgorithm::MlDsaShake256;
        for spec in [KeySpec::MlDsa44, KeySpec::MlDsa65, KeySpec::MlDsa87] {
            let key = SigningKey::new(&material(spec)).unwrap();
            let signature = key.sign(algorithm, MessageType::ExternalMu, &[3; 64]).unwrap();
            assert_eq!(key.verify(algorithm, MessageType::ExternalMu, &[3; 64], &signature), Ok(()));
            let invalid = Err(SignError::InvalidSignature);
            assert_eq!(key.verify(algorithm, MessageType::ExternalMu, &[4; 64], &signature), invalid);
            assert_eq!(key.verify(algorithm, MessageType::Raw, &[3; 64], &signature), invalid);
            for len in [0, 63, 65] {
                let refused = key.sign(algorithm, MessageType::ExternalMu, &vec![0; len]);
                assert_eq!(refused, Err(SignError::MuLength(algorithm)));
            }
        }
    }

    #[test]
    fn refusals_use_the_words_of_kms() {
        use MessageType::*;
        use SigningAlgorithm::*;
        let cases = [
            (
                KeySpec::Rsa2048,
                EcdsaSha256,
                Raw,
                "Algorithm ECDSA_SHA_256 is incompatible with key spec RSA_2048.",
            ),
            (
                KeySpec::P384,
                EcdsaSha256,
                Raw,
                "Algorithm ECDSA_SHA_256 is incompatible with key spec ECC_NIST_P384.",
            ),
            (KeySpec::P256, Sm2Dsa, Raw, "Algorithm SM2DSA is incompatible with key spec ECC_NIST_P256."),
            (
                KeySpec::Rsa2048,
                PssSha256,
                ExternalMu,
                "Message type EXTERNAL_MU is incompatible with key spec RSA_2048.",
            ),
            (
                KeySpec::MlDsa44,
                MlDsaShake256,
                Digest,
                "Message type DIGEST is incompatible with key spec ML_DSA_44.",
            ),
            (
                KeySpec::MlDsa44,
                MlDsaShake256,
                ExternalMu,
                "External Mu is invalid length for algorithm ML_DSA_SHAKE_256.",
            ),
            (
                KeySpec::Ed25519,
                Ed25519Sha512,
                Digest,
                "Message type DIGEST is incompatible with algorithm ED25519_SHA_512.",
            ),
            (
                KeySpec::Ed25519,
                Ed25519PhSha512,
                Raw,
                "Message type RAW is incompatible with algorithm ED25519_PH_SHA_512.",
            ),
            (
                KeySpec::Ed25519,
                Ed25519PhSha512,
                Digest,
                "Digest is invalid length for algorithm ED25519_PH_SHA_512.",
            ),
            (KeySpec::P256, EcdsaSha256, Digest, "Digest is invalid length for algorithm ECDSA_SHA_256."),
        ];
        for (spec, algorithm, message_type, words) in cases {
            let key = SigningKey::new(&material(spec)).unwrap();
            let refused = key.sign(algorithm, message_type, b"short").unwrap_err();
            assert_eq!(refused.to_string(), words);
            assert_eq!(key.verify(algorithm, message_type, b"short", b"any"), Err(refused));
        }
    }

    #[test]
    fn keys_that_do_not_sign_are_not_prepared() {
        for spec in [KeySpec::Symmetric, KeySpec::Hmac256, KeySpec::MlKem512] {
            let refused = SigningKey::new(&material(spec)).map(|_| ());
            assert_eq!(refused, Err(MaterialError::Unsupported(spec)));
        }
    }

    proptest! {
        #[test]
        fn hostile_signatures_are_invalid_without_panic(
            bytes in proptest::collection::vec(any::<u8>(), 0..300),
            at in 0usize..70,
            value: u8,
        ) {
            let invalid = Err(SignError::InvalidSignature);
            for spec in [KeySpec::Rsa2048, KeySpec::P256, KeySpec::P521, KeySpec::Ed25519, KeySpec::MlDsa44] {
                let key = SigningKey::new(&material(spec)).unwrap();
                for &algorithm in spec.signing_algorithms() {
                    prop_assert_eq!(key.verify(algorithm, mode(algorithm), &[7; 64], &bytes), invalid);
                }
            }
            let key = SigningKey::new(&material(KeySpec::P256)).unwrap();
            let mut der = key.sign(SigningAlgorithm::EcdsaSha256, MessageType::Raw, b"m").unwrap();
            let changed = der.get(at).is_some_and(|old| *old != value);
            if changed {
                der[at] = value;
                let got = key.verify(SigningAlgorithm::EcdsaSha256, MessageType::Raw, b"m", &der);
                prop_assert_eq!(got, invalid);
            }
        }
    }
}
