//! `DeriveSharedSecret`: ECDH between a KMS key and somebody's public key, on P-256, P-384 and P-521.
//!
//! The answer is the bare x coordinate (SEC 1 section 3.3.1; the cofactor of these curves is 1), of the curve's
//! length: 32, 48 or 66 bytes.
//!
//! The peer's key must be a DER SubjectPublicKeyInfo that names the curve of the KMS key and whose point lies on it.
//! aws-lc alone would also take bare points and explicit curve parameters; both are refused here, as KMS does.
//!
//! Not here: secp256k1, which AWS allows for signing only, and SM2.

use super::der::{self, oid};
use super::material::{KeyMaterial, MaterialError, curve_oid};
use super::spec::{KeySpec, KeyUsage};
use aws_lc_rs::agreement::{self, PrivateKey, UnparsedPublicKey};
use std::fmt;
use zeroize::Zeroizing;

/// Why a peer's public key was refused: `ValidationException`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadPublicKey {
    /// Not a DER SubjectPublicKeyInfo of an elliptic key with a named curve.
    Malformed,
    /// A key on another curve than the KMS key's.
    OtherCurve,
    /// The point is not on the curve, or is the point at infinity.
    NotOnCurve,
}

impl fmt::Display for BadPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BadPublicKey::Malformed => {
                "the public key is not a DER SubjectPublicKeyInfo of an elliptic key with a named curve"
            }
            BadPublicKey::OtherCurve => "the public key is not on the curve of the KMS key",
            BadPublicKey::NotOnCurve => "the public key is not a point of its curve",
        })
    }
}

impl std::error::Error for BadPublicKey {}

/// A key-agreement key, parsed.
pub struct AgreementKey {
    spec: KeySpec,
    key: PrivateKey,
}

impl fmt::Debug for AgreementKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AgreementKey({})", self.spec)
    }
}

impl AgreementKey {
    /// # Errors
    /// [`MaterialError::Unsupported`] for specs without key agreement; [`MaterialError::Malformed`] when damaged.
    pub fn new(material: &KeyMaterial) -> Result<AgreementKey, MaterialError> {
        let spec = material.spec();
        if !spec.allows(KeyUsage::KeyAgreement) {
            return Err(MaterialError::Unsupported(spec));
        }
        let algorithm = algorithm(spec).ok_or(MaterialError::Unsupported(spec))?;
        let key = PrivateKey::from_private_key_der(algorithm, material.secret())
            .map_err(|_| MaterialError::Malformed(spec))?;
        Ok(AgreementKey { spec, key })
    }

    /// # Errors
    /// [`BadPublicKey`].
    pub fn derive(&self, peer: &[u8]) -> Result<Zeroizing<Vec<u8>>, BadPublicKey> {
        let found = der::public_key_algorithm(peer).ok_or(BadPublicKey::Malformed)?;
        let curve =
            found.named().filter(|_| found.oid == oid::EC_PUBLIC_KEY).ok_or(BadPublicKey::Malformed)?;
        if Some(curve) != curve_oid(self.spec) {
            return Err(BadPublicKey::OtherCurve);
        }
        let peer = UnparsedPublicKey::new(self.key.algorithm(), peer);
        agreement::agree(&self.key, peer, BadPublicKey::NotOnCurve, |secret| {
            Ok(Zeroizing::new(secret.to_vec()))
        })
    }
}

fn algorithm(spec: KeySpec) -> Option<&'static agreement::Algorithm> {
    match spec {
        KeySpec::P256 => Some(&agreement::ECDH_P256),
        KeySpec::P384 => Some(&agreement::ECDH_P384),
        KeySpec::P521 => Some(&agreement::ECDH_P521),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kms::core::testkeys::material;
    use base::Rng;
    use proptest::prelude::{any, proptest};

    #[test]
    fn both_sides_derive_the_same_secret() {
        for (spec, len) in [(KeySpec::P256, 32), (KeySpec::P384, 48), (KeySpec::P521, 66)] {
            let (ours, theirs) = (material(spec), KeyMaterial::generate(spec, &Rng::seeded(9)).unwrap());
            let derive = |private: &KeyMaterial, public: &KeyMaterial| {
                let public = public.public_key().unwrap().unwrap();
                AgreementKey::new(private).unwrap().derive(&public).unwrap()
            };
            let secret = derive(&ours, &theirs);
            assert_eq!(secret.len(), len);
            assert_eq!(secret, derive(&theirs, &ours));
            assert_ne!(secret, derive(&ours, &ours));
        }
    }

    #[test]
    fn foreign_public_keys_are_refused_by_name() {
        let key = AgreementKey::new(&material(KeySpec::P256)).unwrap();
        let public = |spec| material(spec).public_key().unwrap().unwrap();
        assert_eq!(key.derive(&public(KeySpec::P384)), Err(BadPublicKey::OtherCurve));
        assert_eq!(key.derive(&public(KeySpec::P256k1)), Err(BadPublicKey::OtherCurve));
        assert_eq!(key.derive(&public(KeySpec::Rsa2048)), Err(BadPublicKey::Malformed));
        assert_eq!(key.derive(&public(KeySpec::Ed25519)), Err(BadPublicKey::Malformed));
        let good = public(KeySpec::P256);
        let point = &good[good.len() - 65..];
        assert_eq!(key.derive(point), Err(BadPublicKey::Malformed));
        assert_eq!(key.derive(&[&good[..], &[0]].concat()), Err(BadPublicKey::Malformed));
        let mut off = good.clone();
        off[good.len() - 1] ^= 1;
        assert_eq!(key.derive(&off), Err(BadPublicKey::NotOnCurve));
    }

    #[test]
    fn only_nist_curves_agree() {
        for spec in [KeySpec::P256k1, KeySpec::Ed25519, KeySpec::Rsa2048, KeySpec::Symmetric] {
            let refused = AgreementKey::new(&material(spec)).map(|_| ());
            assert_eq!(refused, Err(MaterialError::Unsupported(spec)));
        }
    }

    proptest! {
        #[test]
        fn hostile_public_keys_do_not_panic(
            bytes in proptest::collection::vec(any::<u8>(), 0..100),
            at in 0usize..91,
            value: u8,
        ) {
            let key = AgreementKey::new(&material(KeySpec::P256)).unwrap();
            let _ = key.derive(&bytes);
            let mut der = material(KeySpec::P256).public_key().unwrap().unwrap();
            der[at] = value;
            let _ = key.derive(&der);
        }
    }
}
