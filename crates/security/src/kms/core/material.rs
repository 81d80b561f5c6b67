//! Key material: what a KMS key really is. Made here, stored by the caller (sealed), given out as public key or, for
//! data key pairs, as private key.
//!
//! Chance: symmetric, HMAC, Ed25519, ML-DSA and ML-KEM keys are drawn from [`Rng`]. RSA and NIST/SECG elliptic keys
//! come from aws-lc's own generators, which take no source of chance from outside and seed themselves from the
//! operating system: a run with a seeded `Rng` is reproducible except for those keys.
//!
//! Not here: SM2 (see [`super::spec`]), and keys in custom key stores, whose material lies elsewhere.

use super::der::{self, oid};
use super::lc::{self, ML_KEM_SEED_LEN};
use super::spec::KeySpec;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::encoding::{
    AsBigEndian, AsDer, Curve25519SeedBin, EcPrivateKeyBin, Pkcs8V1Der, PublicKeyX509Der,
};
use aws_lc_rs::hmac;
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{self as sig, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair};
use aws_lc_rs::signature::{PqdsaKeyPair, PqdsaSigningAlgorithm};
use base::{AccountId, Rng};
use std::fmt;
use zeroize::Zeroizing;

const VERSION: u8 = 1;
pub(super) const SYMMETRIC_LEN: usize = 32;
pub(super) const SEED_LEN: usize = 32;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaterialError {
    /// `UnsupportedOperationException`: no key of this spec can be made here (SM2).
    Unsupported(KeySpec),
    /// The bytes are no key of their spec: stored material was damaged, or imported material is wrong.
    Malformed(KeySpec),
    /// The bytes do not begin like stored key material.
    UnknownFormat,
    /// aws-lc could not make or encode a key: `KMSInternalException`.
    Failed,
}

impl fmt::Display for MaterialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MaterialError::Unsupported(spec) => write!(f, "KeySpec {spec} is not supported here"),
            MaterialError::Malformed(spec) => write!(f, "the bytes are not a private key of spec {spec}"),
            MaterialError::UnknownFormat => f.write_str("the bytes are not stored key material"),
            MaterialError::Failed => f.write_str("the cryptographic library failed"),
        }
    }
}

impl std::error::Error for MaterialError {}

/// Which key material, among all that a key has had: KMS's `KeyMaterialId`, 64 lower-case hexadecimal digits.
///
/// It is a keyed hash of the material and the key's name, so that material imported again has the same id, and the
/// id tells nothing about the material.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MaterialId(pub [u8; 32]);

impl MaterialId {
    /// `None` unless `text` is exactly 64 lower-case hexadecimal digits.
    pub fn parse(text: &str) -> Option<MaterialId> {
        let digits: &[u8; 64] = text.as_bytes().try_into().ok()?;
        let mut out = [0; 32];
        for (byte, pair) in out.iter_mut().zip(digits.chunks_exact(2)) {
            let digit = |d: u8| match d {
                b'0'..=b'9' => Some(d - b'0'),
                b'a'..=b'f' => Some(d - b'a' + 10),
                _ => None,
            };
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Some(MaterialId(out))
    }
}

impl fmt::Display for MaterialId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble & 15)]);
        let mut text = String::with_capacity(2 * self.0.len());
        self.0.iter().for_each(|byte| text.extend([digit(byte >> 4), digit(*byte)]));
        f.write_str(&text)
    }
}

impl fmt::Debug for MaterialId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Private key material in the clear. Wiped when dropped; `Debug` shows the spec only.
///
/// The secret's form by spec: raw bytes (symmetric, HMAC), a 32-byte seed (Ed25519, ML-DSA), a 64-byte seed
/// (ML-KEM), PKCS#8 v1 as aws-lc writes it (RSA, EC) - one form per key, so equal keys have equal bytes.
#[derive(Clone)]
pub struct KeyMaterial {
    spec: KeySpec,
    secret: Zeroizing<Vec<u8>>,
}

/// The same key. Takes the same time wherever the first difference lies.
impl PartialEq for KeyMaterial {
    fn eq(&self, other: &KeyMaterial) -> bool {
        self.spec == other.spec && verify_slices_are_equal(&self.secret, &other.secret).is_ok()
    }
}

impl Eq for KeyMaterial {}

impl fmt::Debug for KeyMaterial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyMaterial({})", self.spec)
    }
}

impl KeyMaterial {
    /// New material. Slow for RSA: see [`KeySpec::is_slow_to_generate`]; it needs no lock and no context, so that
    /// the caller may run it on any thread.
    ///
    /// # Errors
    /// [`MaterialError::Unsupported`] for SM2; [`MaterialError::Failed`] when aws-lc fails.
    pub fn generate(spec: KeySpec, rng: &Rng) -> Result<KeyMaterial, MaterialError> {
        let random = |len: usize| {
            let mut secret = Zeroizing::new(vec![0; len]);
            rng.fill(&mut secret);
            secret
        };
        let secret = match spec {
            KeySpec::Symmetric => random(SYMMETRIC_LEN),
            KeySpec::Hmac224 => random(28),
            KeySpec::Hmac256 => random(32),
            KeySpec::Hmac384 => random(48),
            KeySpec::Hmac512 => random(64),
            KeySpec::Ed25519 | KeySpec::MlDsa44 | KeySpec::MlDsa65 | KeySpec::MlDsa87 => random(SEED_LEN),
            KeySpec::MlKem512 | KeySpec::MlKem768 | KeySpec::MlKem1024 => random(ML_KEM_SEED_LEN),
            KeySpec::Rsa2048 => rsa_pkcs8(&generate_rsa(rsa::KeySize::Rsa2048)?)?,
            KeySpec::Rsa3072 => rsa_pkcs8(&generate_rsa(rsa::KeySize::Rsa3072)?)?,
            KeySpec::Rsa4096 => rsa_pkcs8(&generate_rsa(rsa::KeySize::Rsa4096)?)?,
            KeySpec::P256 | KeySpec::P384 | KeySpec::P521 | KeySpec::P256k1 => {
                let algorithm = ecdsa(spec).ok_or(MaterialError::Failed)?;
                ec_pkcs8(&EcdsaKeyPair::generate(algorithm).map_err(failed)?)?
            }
            KeySpec::Sm2 => return Err(MaterialError::Unsupported(spec)),
        };
        Ok(KeyMaterial { spec, secret })
    }

    /// Takes private key bytes from outside: raw for symmetric and HMAC keys, PKCS#8 DER for RSA and elliptic ones.
    ///
    /// AWS: developer guide, "Requirements for imported key material": symmetric keys have 256 bits, HMAC keys from
    /// the spec's length up to 1024 bits; elliptic keys name their curve.
    ///
    /// # Errors
    /// [`MaterialError::Malformed`] when the bytes are not such a key; [`MaterialError::Unsupported`] for specs
    /// without import: ML-DSA (documented), ML-KEM (no import format is documented), SM2.
    pub fn import(spec: KeySpec, bytes: &[u8]) -> Result<KeyMaterial, MaterialError> {
        let malformed = MaterialError::Malformed(spec);
        let raw = |min: usize, max: usize| match bytes.len() {
            len if (min..=max).contains(&len) => Ok(Zeroizing::new(bytes.to_vec())),
            _ => Err(malformed),
        };
        let secret = match spec {
            KeySpec::Symmetric => raw(SYMMETRIC_LEN, SYMMETRIC_LEN)?,
            KeySpec::Hmac224 => raw(28, HMAC_LEN_MAX)?,
            KeySpec::Hmac256 => raw(32, HMAC_LEN_MAX)?,
            KeySpec::Hmac384 => raw(48, HMAC_LEN_MAX)?,
            KeySpec::Hmac512 => raw(64, HMAC_LEN_MAX)?,
            KeySpec::Rsa2048 | KeySpec::Rsa3072 | KeySpec::Rsa4096 => {
                let key = rsa::KeyPair::from_pkcs8(bytes).map_err(|_| malformed)?;
                if Some(key.public_modulus_len()) != rsa_modulus_len(spec) {
                    return Err(malformed);
                }
                rsa_pkcs8(&key)?
            }
            KeySpec::P256 | KeySpec::P384 | KeySpec::P521 | KeySpec::P256k1 => {
                let algorithm = ecdsa(spec).ok_or(MaterialError::Failed)?;
                // aws-lc would also take explicit curve parameters, which KMS refuses.
                let named = der::private_key_algorithm(bytes).and_then(|found| found.named());
                if named.is_none() || named != curve_oid(spec) {
                    return Err(malformed);
                }
                let key = EcdsaKeyPair::from_pkcs8(algorithm, bytes).map_err(|_| malformed)?;
                // aws-lc keeps the point's form; the key is rebuilt so that equal keys have equal bytes.
                let scalar: EcPrivateKeyBin = key.private_key().as_be_bytes().map_err(failed)?;
                let public = key.public_key().as_ref();
                ec_pkcs8(
                    &EcdsaKeyPair::from_private_key_and_public_key(algorithm, scalar.as_ref(), public)
                        .map_err(|_| malformed)?,
                )?
            }
            KeySpec::Ed25519 => {
                let key = Ed25519KeyPair::from_pkcs8(bytes).map_err(|_| malformed)?;
                Zeroizing::new(key.seed().and_then(|seed| seed_bytes(&seed)).map_err(failed)?)
            }
            KeySpec::MlDsa44
            | KeySpec::MlDsa65
            | KeySpec::MlDsa87
            | KeySpec::MlKem512
            | KeySpec::MlKem768
            | KeySpec::MlKem1024
            | KeySpec::Sm2 => return Err(MaterialError::Unsupported(spec)),
        };
        Ok(KeyMaterial { spec, secret })
    }

    pub(super) fn from_rsa(spec: KeySpec, key: &rsa::KeyPair) -> Result<KeyMaterial, MaterialError> {
        Ok(KeyMaterial { spec, secret: rsa_pkcs8(key)? })
    }

    pub fn spec(&self) -> KeySpec {
        self.spec
    }

    pub(super) fn secret(&self) -> &[u8] {
        &self.secret
    }

    /// For storage; the caller seals it. `version (1) | spec (1) | secret`.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut out = Zeroizing::new(Vec::with_capacity(2 + self.secret.len()));
        out.extend_from_slice(&[VERSION, self.spec.code()]);
        out.extend_from_slice(&self.secret);
        out
    }

    /// The counterpart of [`KeyMaterial::to_bytes`]. A private key's structure is looked at when it is prepared for
    /// use, not here.
    ///
    /// # Errors
    /// [`MaterialError::UnknownFormat`].
    pub fn from_bytes(bytes: &[u8]) -> Result<KeyMaterial, MaterialError> {
        let [VERSION, code, secret @ ..] = bytes else { return Err(MaterialError::UnknownFormat) };
        let spec = KeySpec::from_code(*code).ok_or(MaterialError::UnknownFormat)?;
        Ok(KeyMaterial { spec, secret: Zeroizing::new(secret.to_vec()) })
    }

    /// The same for the same material in the same key, for ever; different between keys.
    pub fn id(&self, account: AccountId, key_id: &str) -> MaterialId {
        let mut mac = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, &self.secret));
        for part in ["virga kms material id v1", self.spec.as_str(), account.as_str(), key_id] {
            mac.update(part.as_bytes());
            mac.update(&[0]);
        }
        let mut id = [0; 32];
        id.copy_from_slice(mac.sign().as_ref());
        MaterialId(id)
    }

    /// The public half as DER SubjectPublicKeyInfo, as `GetPublicKey` and `GenerateDataKeyPair` give it. `None` for
    /// symmetric and HMAC keys, which have none.
    ///
    /// # Errors
    /// [`MaterialError::Malformed`] when the material is damaged.
    pub fn public_key(&self) -> Result<Option<Vec<u8>>, MaterialError> {
        let malformed = MaterialError::Malformed(self.spec);
        let der = match self.spec {
            KeySpec::Symmetric
            | KeySpec::Hmac224
            | KeySpec::Hmac256
            | KeySpec::Hmac384
            | KeySpec::Hmac512 => return Ok(None),
            KeySpec::Rsa2048 | KeySpec::Rsa3072 | KeySpec::Rsa4096 => x509(self.rsa()?.public_key())?,
            KeySpec::P256 | KeySpec::P384 | KeySpec::P521 | KeySpec::P256k1 => x509(self.ec()?.public_key())?,
            KeySpec::Ed25519 => x509(self.ed25519()?.public_key())?,
            KeySpec::MlDsa44 | KeySpec::MlDsa65 | KeySpec::MlDsa87 => x509(self.ml_dsa()?.public_key())?,
            KeySpec::MlKem512 | KeySpec::MlKem768 | KeySpec::MlKem1024 => {
                let (_, public) = self.ml_kem()?;
                der::write_public_key(ml_kem_oid(self.spec).ok_or(malformed)?, &public)
            }
            KeySpec::Sm2 => return Err(MaterialError::Unsupported(self.spec)),
        };
        Ok(Some(der))
    }

    /// The private key as DER PKCS#8, as `GenerateDataKeyPair` gives it. ML-KEM keys are in seed form (AWS:
    /// `GenerateDataKeyPair`).
    ///
    /// # Errors
    /// [`MaterialError::Unsupported`] for specs that are no data key pair; [`MaterialError::Malformed`] when the
    /// material is damaged.
    pub fn private_key(&self) -> Result<Zeroizing<Vec<u8>>, MaterialError> {
        match self.spec {
            KeySpec::Rsa2048 | KeySpec::Rsa3072 | KeySpec::Rsa4096 => rsa_pkcs8(&self.rsa()?),
            KeySpec::P256 | KeySpec::P384 | KeySpec::P521 | KeySpec::P256k1 => ec_pkcs8(&self.ec()?),
            KeySpec::Ed25519 => {
                let der = self.ed25519()?.to_pkcs8v1().map_err(failed)?;
                Ok(Zeroizing::new(der.as_ref().to_vec()))
            }
            KeySpec::MlKem512 | KeySpec::MlKem768 | KeySpec::MlKem1024 => {
                let seed = self.seed::<ML_KEM_SEED_LEN>()?;
                let oid = ml_kem_oid(self.spec).ok_or(MaterialError::Failed)?;
                Ok(Zeroizing::new(der::write_seed_private_key(oid, seed)))
            }
            _ => Err(MaterialError::Unsupported(self.spec)),
        }
    }

    pub(super) fn rsa(&self) -> Result<rsa::KeyPair, MaterialError> {
        rsa::KeyPair::from_pkcs8(&self.secret).map_err(|_| MaterialError::Malformed(self.spec))
    }

    pub(super) fn ec(&self) -> Result<EcdsaKeyPair, MaterialError> {
        let malformed = MaterialError::Malformed(self.spec);
        EcdsaKeyPair::from_pkcs8(ecdsa(self.spec).ok_or(malformed)?, &self.secret).map_err(|_| malformed)
    }

    pub(super) fn ed25519(&self) -> Result<Ed25519KeyPair, MaterialError> {
        let seed = self.seed::<SEED_LEN>()?;
        Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| MaterialError::Malformed(self.spec))
    }

    pub(super) fn ml_dsa(&self) -> Result<PqdsaKeyPair, MaterialError> {
        let malformed = MaterialError::Malformed(self.spec);
        PqdsaKeyPair::from_seed(ml_dsa(self.spec).ok_or(malformed)?, &self.secret).map_err(|_| malformed)
    }

    /// The expanded decapsulation key and the encapsulation key, both raw.
    pub(super) fn ml_kem(&self) -> Result<(Zeroizing<Vec<u8>>, Vec<u8>), MaterialError> {
        lc::ml_kem_expand(&self.private_key()?).ok_or(MaterialError::Malformed(self.spec))
    }

    pub(super) fn seed<const N: usize>(&self) -> Result<&[u8; N], MaterialError> {
        self.secret.as_slice().try_into().map_err(|_| MaterialError::Malformed(self.spec))
    }
}

/// 1024 bits: AWS's longest HMAC key.
const HMAC_LEN_MAX: usize = 128;

fn failed(_: aws_lc_rs::error::Unspecified) -> MaterialError {
    MaterialError::Failed
}

pub(super) fn generate_rsa(size: rsa::KeySize) -> Result<rsa::KeyPair, MaterialError> {
    rsa::KeyPair::generate(size).map_err(failed)
}

fn rsa_pkcs8(key: &rsa::KeyPair) -> Result<Zeroizing<Vec<u8>>, MaterialError> {
    let der: Pkcs8V1Der = key.as_der().map_err(failed)?;
    Ok(Zeroizing::new(der.as_ref().to_vec()))
}

fn ec_pkcs8(key: &EcdsaKeyPair) -> Result<Zeroizing<Vec<u8>>, MaterialError> {
    let der = key.to_pkcs8v1().map_err(failed)?;
    Ok(Zeroizing::new(der.as_ref().to_vec()))
}

fn seed_bytes(
    seed: &aws_lc_rs::signature::Ed25519Seed<'_>,
) -> Result<Vec<u8>, aws_lc_rs::error::Unspecified> {
    let raw: Curve25519SeedBin = seed.as_be_bytes()?;
    Ok(raw.as_ref().to_vec())
}

pub(super) fn x509(key: &dyn AsDer<PublicKeyX509Der<'static>>) -> Result<Vec<u8>, MaterialError> {
    Ok(key.as_der().map_err(failed)?.as_ref().to_vec())
}

fn rsa_modulus_len(spec: KeySpec) -> Option<usize> {
    match spec {
        KeySpec::Rsa2048 => Some(256),
        KeySpec::Rsa3072 => Some(384),
        KeySpec::Rsa4096 => Some(512),
        _ => None,
    }
}

/// KMS pairs each curve with one digest.
fn ecdsa(spec: KeySpec) -> Option<&'static EcdsaSigningAlgorithm> {
    match spec {
        KeySpec::P256 => Some(&sig::ECDSA_P256_SHA256_ASN1_SIGNING),
        KeySpec::P384 => Some(&sig::ECDSA_P384_SHA384_ASN1_SIGNING),
        KeySpec::P521 => Some(&sig::ECDSA_P521_SHA512_ASN1_SIGNING),
        KeySpec::P256k1 => Some(&sig::ECDSA_P256K1_SHA256_ASN1_SIGNING),
        _ => None,
    }
}

fn ml_dsa(spec: KeySpec) -> Option<&'static PqdsaSigningAlgorithm> {
    match spec {
        KeySpec::MlDsa44 => Some(&sig::ML_DSA_44_SIGNING),
        KeySpec::MlDsa65 => Some(&sig::ML_DSA_65_SIGNING),
        KeySpec::MlDsa87 => Some(&sig::ML_DSA_87_SIGNING),
        _ => None,
    }
}

pub(super) fn curve_oid(spec: KeySpec) -> Option<&'static [u8]> {
    match spec {
        KeySpec::P256 => Some(oid::P256),
        KeySpec::P384 => Some(oid::P384),
        KeySpec::P521 => Some(oid::P521),
        KeySpec::P256k1 => Some(oid::P256K1),
        _ => None,
    }
}

fn ml_kem_oid(spec: KeySpec) -> Option<&'static [u8]> {
    match spec {
        KeySpec::MlKem512 => Some(oid::ML_KEM_512),
        KeySpec::MlKem768 => Some(oid::ML_KEM_768),
        KeySpec::MlKem1024 => Some(oid::ML_KEM_1024),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kms::core::testkeys::material;

    /// One of each kind. RSA is made once per size in [`material`], because debug builds are slow at it.
    #[test]
    fn every_spec_is_made_stored_and_read_back() {
        for &spec in KeySpec::ALL {
            if spec == KeySpec::Sm2 {
                continue;
            }
            let made = material(spec);
            assert_eq!(made.spec(), spec);
            assert_eq!(KeyMaterial::from_bytes(&made.to_bytes()).as_ref(), Ok(&made));
            let public = made.public_key().unwrap();
            assert_eq!(public.is_some(), spec.is_asymmetric(), "{spec}");
            if let Some(der) = public {
                assert!(der::public_key_algorithm(&der).is_some(), "{spec}");
                assert!(der.len() <= 8192, "{spec} is longer than PublicKeyType");
            }
            match made.private_key() {
                Ok(der) => {
                    assert!(spec.is_data_key_pair(), "{spec}");
                    assert!(der::private_key_algorithm(&der).is_some(), "{spec}");
                    assert!(der.len() <= 4096, "{spec} is longer than PlaintextType");
                }
                Err(e) => {
                    assert_eq!(e, MaterialError::Unsupported(spec));
                    assert!(!spec.is_data_key_pair(), "{spec}");
                }
            }
        }
        assert_eq!(
            KeyMaterial::generate(KeySpec::Sm2, &Rng::seeded(1)),
            Err(MaterialError::Unsupported(KeySpec::Sm2))
        );
    }

    #[test]
    fn exported_private_keys_import_as_the_same_key() {
        for &spec in KeySpec::ALL.iter().filter(|spec| spec.is_data_key_pair()) {
            let made = material(spec);
            let imported = KeyMaterial::import(spec, &made.private_key().unwrap());
            match spec {
                KeySpec::MlKem512 | KeySpec::MlKem768 | KeySpec::MlKem1024 => {
                    assert_eq!(imported, Err(MaterialError::Unsupported(spec)));
                }
                _ => assert_eq!(imported.as_ref(), Ok(&made), "{spec}"),
            }
        }
    }

    #[test]
    fn imports_are_held_to_their_spec() {
        let cases = [
            (KeySpec::Symmetric, 31, false),
            (KeySpec::Symmetric, 32, true),
            (KeySpec::Symmetric, 33, false),
            (KeySpec::Hmac224, 27, false),
            (KeySpec::Hmac224, 28, true),
            (KeySpec::Hmac256, 31, false),
            (KeySpec::Hmac256, 128, true),
            (KeySpec::Hmac384, 47, false),
            (KeySpec::Hmac512, 63, false),
            (KeySpec::Hmac512, 129, false),
        ];
        for (spec, len, good) in cases {
            let got = KeyMaterial::import(spec, &vec![5; len]);
            assert_eq!(got.is_ok(), good, "{spec} {len}");
            assert!(good || got == Err(MaterialError::Malformed(spec)));
        }
        let wrong = [
            (KeySpec::Rsa3072, KeySpec::Rsa2048),
            (KeySpec::P256, KeySpec::P384),
            (KeySpec::P256, KeySpec::P256k1),
            (KeySpec::Rsa2048, KeySpec::P256),
            (KeySpec::Ed25519, KeySpec::P256),
            (KeySpec::P521, KeySpec::Ed25519),
        ];
        for (spec, other) in wrong {
            let pkcs8 = material(other).private_key().unwrap();
            assert_eq!(
                KeyMaterial::import(spec, &pkcs8),
                Err(MaterialError::Malformed(spec)),
                "{spec} {other}"
            );
        }
        for spec in [KeySpec::MlDsa44, KeySpec::MlDsa65, KeySpec::MlDsa87, KeySpec::MlKem512, KeySpec::Sm2] {
            assert_eq!(KeyMaterial::import(spec, &[0; 32]), Err(MaterialError::Unsupported(spec)));
        }
    }

    #[test]
    fn the_id_names_material_and_key() {
        let key = |byte: u8| KeyMaterial::import(KeySpec::Symmetric, &[byte; 32]).unwrap();
        let account = AccountId::DEFAULT;
        let id = key(1).id(account, "k");
        assert_eq!(id, key(1).id(account, "k"));
        assert_ne!(id, key(2).id(account, "k"));
        assert_ne!(id, key(1).id(account, "l"));
        assert_ne!(id, key(1).id(AccountId::from_number(1), "k"));
        assert_eq!(MaterialId::parse(&id.to_string()), Some(id));
        for bad in ["", "00", &id.to_string()[1..], &id.to_string().to_uppercase(), &"g".repeat(64)] {
            assert_eq!(MaterialId::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn stored_bytes_of_another_kind_are_refused() {
        for bad in [&[][..], &[1], &[0, 1, 2], &[2, 1, 2], &[1, 0, 2], &[1, 99, 2]] {
            assert_eq!(KeyMaterial::from_bytes(bad), Err(MaterialError::UnknownFormat), "{bad:?}");
        }
        for &spec in KeySpec::ALL.iter().filter(|spec| spec.is_asymmetric() && **spec != KeySpec::Sm2) {
            let damaged = KeyMaterial::from_bytes(&[VERSION, spec.code(), 1, 2, 3]).unwrap();
            assert_eq!(damaged.public_key(), Err(MaterialError::Malformed(spec)), "{spec}");
        }
    }

    proptest::proptest! {
        #[test]
        fn hostile_key_material_is_refused_without_panic(
            bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..150),
            at in 0usize..138,
            value: u8,
        ) {
            for &spec in KeySpec::ALL {
                let _ = KeyMaterial::import(spec, &bytes);
            }
            let mut pkcs8 = material(KeySpec::P256).private_key().unwrap();
            if let Some(byte) = pkcs8.get_mut(at) {
                *byte = value;
            }
            let _ = KeyMaterial::import(KeySpec::P256, &pkcs8);
        }
    }
}
