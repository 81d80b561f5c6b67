//! Importing key material: `GetParametersForImport` and `ImportKeyMaterial`.
//!
//! The wrapping key pair travels inside the import token, sealed, so nothing has to be kept between the two calls
//! and a token outlives a restart. The token is bound to the ARN of the KMS key, the wrapping algorithm, the
//! wrapping key and its expiry (24 hours; AWS: `GetParametersForImport`).
//!
//! Making an RSA wrapping pair is slow: [`WrappingPair::generate`] is apart so that the caller can run it elsewhere
//! or keep a few ready. Using a pair for several tokens is safe; each token still opens for its own key only.
//!
//! Not here: BER (only DER is read; AWS also takes BER), SM2, the deprecated RSAES_PKCS1_V1_5, and the rules about
//! which material may follow which (`ImportType`, reimport): compare [`KeyMaterial::id`] for those.

use super::fields;
use super::material::{KeyMaterial, MaterialError, generate_rsa, x509};
use super::oaep::RsaKey;
use super::spec::{KeySpec, WrappingAlgorithm, WrappingKeySpec};
use aws_lc_rs::key_wrap::{AES_256, AesKek, KeyWrapPadded};
use aws_lc_rs::rsa::{self, OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepAlgorithm};
use aws_lc_rs::signature::KeyPair;
use base::{Rng, Timestamp};
use kernel::seal::Sealer;
use std::fmt;
use std::time::Duration;
use zeroize::Zeroizing;

const PURPOSE: &str = "kms import token";
const VERSION: u8 = 1;
/// AES-256, the one key length that the developer guide names for the RSA_AES algorithms.
const KEK_LEN: usize = 32;

/// How long a wrapping key and its import token are valid.
pub const VALIDITY: Duration = Duration::from_secs(24 * 60 * 60);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportError {
    /// `UnsupportedOperationException`: this wrapping cannot carry this kind of key material.
    Wrapping { spec: KeySpec, key: WrappingKeySpec, algorithm: WrappingAlgorithm },
    /// `InvalidImportTokenException`: forged, damaged, or of another KMS key.
    InvalidToken,
    /// `ExpiredImportTokenException`.
    ExpiredToken,
    /// `InvalidCiphertextException`: the wrapped material does not unwrap.
    Undecryptable,
    /// `IncorrectKeyMaterialException`: what was unwrapped is no key of this spec.
    IncorrectMaterial(KeySpec),
    /// aws-lc failed: `KMSInternalException`.
    Failed,
}

impl fmt::Display for ImportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ImportError::Wrapping { spec, key, algorithm } => write!(
                f,
                "key material of spec {spec} cannot be imported with wrapping algorithm {algorithm} and wrapping \
                 key spec {key}"
            ),
            ImportError::InvalidToken => {
                f.write_str("the import token is invalid or belongs to another KMS key")
            }
            ImportError::ExpiredToken => f.write_str("the import token has expired"),
            ImportError::Undecryptable => f.write_str("the encrypted key material does not decrypt"),
            ImportError::IncorrectMaterial(spec) => write!(f, "the key material is no key of spec {spec}"),
            ImportError::Failed => f.write_str("the cryptographic library failed"),
        }
    }
}

impl std::error::Error for ImportError {}

/// Whether `GetParametersForImport` may be answered at all.
///
/// AWS: `GetParametersForImport`, parameters `WrappingAlgorithm` and `WrappingKeySpec`: RSA private keys need an
/// RSA_AES algorithm, which elliptic keys may use; everything else is wrapped directly, except P-521 keys under
/// RSA_2048, which has no room for them. ML-DSA keys cannot be imported; for ML-KEM no format is documented.
///
/// # Errors
/// [`ImportError::Wrapping`].
pub fn check_wrapping(
    spec: KeySpec,
    key: WrappingKeySpec,
    algorithm: WrappingAlgorithm,
) -> Result<(), ImportError> {
    let direct = match algorithm {
        WrappingAlgorithm::OaepSha1 | WrappingAlgorithm::OaepSha256 => Some(true),
        WrappingAlgorithm::AesKeyWrapSha1 | WrappingAlgorithm::AesKeyWrapSha256 => Some(false),
        WrappingAlgorithm::Pkcs1V15 | WrappingAlgorithm::Sm2Pke => None,
    };
    let allowed = match (spec, direct) {
        (_, None) => false,
        _ if key == WrappingKeySpec::Sm2 => false,
        (KeySpec::Symmetric, Some(direct)) => direct,
        (KeySpec::Hmac224 | KeySpec::Hmac256 | KeySpec::Hmac384 | KeySpec::Hmac512, Some(direct)) => direct,
        (KeySpec::Rsa2048 | KeySpec::Rsa3072 | KeySpec::Rsa4096, Some(direct)) => !direct,
        (KeySpec::P521, Some(direct)) => !direct || key != WrappingKeySpec::Rsa2048,
        (KeySpec::P256 | KeySpec::P384 | KeySpec::P256k1 | KeySpec::Ed25519, Some(_)) => true,
        _ => false,
    };
    if allowed { Ok(()) } else { Err(ImportError::Wrapping { spec, key, algorithm }) }
}

/// A key pair under which key material travels.
pub struct WrappingPair {
    spec: WrappingKeySpec,
    private: KeyMaterial,
    public: Vec<u8>,
}

impl fmt::Debug for WrappingPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WrappingPair({})", self.spec)
    }
}

impl WrappingPair {
    /// Slow, from tens of milliseconds to seconds; needs nothing but a thread.
    ///
    /// # Errors
    /// [`MaterialError::Unsupported`] for SM2; [`MaterialError::Failed`].
    pub fn generate(spec: WrappingKeySpec) -> Result<WrappingPair, MaterialError> {
        let (size, key_spec) = match spec {
            WrappingKeySpec::Rsa2048 => (rsa::KeySize::Rsa2048, KeySpec::Rsa2048),
            WrappingKeySpec::Rsa3072 => (rsa::KeySize::Rsa3072, KeySpec::Rsa3072),
            WrappingKeySpec::Rsa4096 => (rsa::KeySize::Rsa4096, KeySpec::Rsa4096),
            WrappingKeySpec::Sm2 => return Err(MaterialError::Unsupported(KeySpec::Sm2)),
        };
        let pair = generate_rsa(size)?;
        let private = KeyMaterial::from_rsa(key_spec, &pair)?;
        Ok(WrappingPair { spec, private, public: x509(pair.public_key())? })
    }

    pub fn spec(&self) -> WrappingKeySpec {
        self.spec
    }

    /// `PublicKey` of `GetParametersForImport`: DER SubjectPublicKeyInfo.
    pub fn public_key(&self) -> &[u8] {
        &self.public
    }

    /// An import token for the KMS key with this ARN and spec.
    ///
    /// # Errors
    /// [`ImportError::Wrapping`] when the rules of [`check_wrapping`] forbid it.
    pub fn token(
        &self,
        sealer: &Sealer,
        rng: &Rng,
        (key_arn, spec): (&str, KeySpec),
        algorithm: WrappingAlgorithm,
        valid_to: Timestamp,
    ) -> Result<Vec<u8>, ImportError> {
        check_wrapping(spec, self.spec, algorithm)?;
        let mut body = Zeroizing::new(vec![VERSION]);
        body.extend_from_slice(&valid_to.micros().to_be_bytes());
        let fits = fields::put(&mut body, key_arn.as_bytes())
            && fields::put(&mut body, algorithm.as_str().as_bytes())
            && fields::put(&mut body, &self.private.to_bytes());
        if !fits {
            return Err(ImportError::Failed);
        }
        Ok(sealer.seal(rng, PURPOSE, &body))
    }
}

/// An opened import token: the right to import into one KMS key.
pub struct ImportToken {
    algorithm: WrappingAlgorithm,
    key: RsaKey,
}

impl fmt::Debug for ImportToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ImportToken({})", self.algorithm)
    }
}

impl ImportToken {
    /// # Errors
    /// [`ImportError::InvalidToken`] unless the token was made for `key_arn`; [`ImportError::ExpiredToken`] from
    /// its last instant on.
    pub fn open(
        sealer: &Sealer,
        token: &[u8],
        key_arn: &str,
        now: Timestamp,
    ) -> Result<ImportToken, ImportError> {
        let body = sealer.open(PURPOSE, token).map_err(|_| ImportError::InvalidToken)?;
        let (bound_to, valid_to, token) = ImportToken::read(&body).ok_or(ImportError::InvalidToken)?;
        if bound_to != key_arn {
            return Err(ImportError::InvalidToken);
        }
        if now >= valid_to {
            return Err(ImportError::ExpiredToken);
        }
        Ok(token)
    }

    #[cfg(test)]
    pub(super) fn for_test(algorithm: WrappingAlgorithm, private: &KeyMaterial) -> ImportToken {
        ImportToken { algorithm, key: RsaKey::new(private).unwrap() }
    }

    fn read(body: &[u8]) -> Option<(&str, Timestamp, ImportToken)> {
        let (micros, mut rest) = body.strip_prefix(&[VERSION])?.split_first_chunk::<8>()?;
        let key_arn = fields::take_text(&mut rest)?;
        let algorithm = WrappingAlgorithm::parse(fields::take_text(&mut rest)?)?;
        let private = KeyMaterial::from_bytes(fields::take(&mut rest)?).ok()?;
        let key = RsaKey::new(&private).ok()?;
        let valid_to = Timestamp::from_micros(i64::from_be_bytes(*micros));
        rest.is_empty().then_some((key_arn, valid_to, ImportToken { algorithm, key }))
    }

    /// The imported key material.
    ///
    /// # Errors
    /// [`ImportError::Undecryptable`], [`ImportError::IncorrectMaterial`].
    pub fn unwrap(&self, spec: KeySpec, encrypted: &[u8]) -> Result<KeyMaterial, ImportError> {
        let undecryptable = |_| ImportError::Undecryptable;
        let plain = match self.algorithm {
            WrappingAlgorithm::OaepSha1 => self.key.decrypt_oaep(&OAEP_SHA1_MGF1SHA1, encrypted),
            WrappingAlgorithm::OaepSha256 => self.key.decrypt_oaep(&OAEP_SHA256_MGF1SHA256, encrypted),
            WrappingAlgorithm::AesKeyWrapSha1 => {
                return self.unwrap_twice(spec, &OAEP_SHA1_MGF1SHA1, encrypted);
            }
            WrappingAlgorithm::AesKeyWrapSha256 => {
                return self.unwrap_twice(spec, &OAEP_SHA256_MGF1SHA256, encrypted);
            }
            WrappingAlgorithm::Pkcs1V15 | WrappingAlgorithm::Sm2Pke => return Err(ImportError::InvalidToken),
        };
        material(spec, &plain.map_err(undecryptable)?)
    }

    /// CKM_RSA_AES_KEY_WRAP: an AES key under RSA-OAEP, then the material under that AES key (RFC 5649).
    fn unwrap_twice(
        &self,
        spec: KeySpec,
        oaep: &'static OaepAlgorithm,
        encrypted: &[u8],
    ) -> Result<KeyMaterial, ImportError> {
        let (block, wrapped) =
            encrypted.split_at_checked(self.key.modulus_len()).ok_or(ImportError::Undecryptable)?;
        let kek = self.key.decrypt_oaep(oaep, block).map_err(|_| ImportError::Undecryptable)?;
        if kek.len() != KEK_LEN {
            return Err(ImportError::Undecryptable);
        }
        let kek = AesKek::new(&AES_256, &kek).map_err(|_| ImportError::Failed)?;
        let mut out = Zeroizing::new(vec![0; wrapped.len()]);
        let plain = kek.unwrap_with_padding(wrapped, &mut out).map_err(|_| ImportError::Undecryptable)?;
        material(spec, plain)
    }
}

fn material(spec: KeySpec, plain: &[u8]) -> Result<KeyMaterial, ImportError> {
    KeyMaterial::import(spec, plain).map_err(|e| match e {
        MaterialError::Failed => ImportError::Failed,
        MaterialError::Unsupported(_) | MaterialError::Malformed(_) | MaterialError::UnknownFormat => {
            ImportError::IncorrectMaterial(spec)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kms::core::testkeys::material as made;
    use aws_lc_rs::rsa::{OaepPublicEncryptingKey, PublicEncryptingKey};
    use proptest::prelude::{any, proptest};

    const ARN: &str = "arn:aws:kms:us-east-1:000000000000:key/1234abcd-12ab-34cd-56ef-1234567890ab";

    fn pair() -> WrappingPair {
        let private = made(KeySpec::Rsa2048);
        let public = private.public_key().unwrap().unwrap();
        WrappingPair { spec: WrappingKeySpec::Rsa2048, private, public }
    }

    fn token(spec: KeySpec, algorithm: WrappingAlgorithm) -> ImportToken {
        let sealer = Sealer::new(&[1; 32]);
        let valid_to = Timestamp::from_seconds(100);
        let token = pair().token(&sealer, &Rng::seeded(1), (ARN, spec), algorithm, valid_to).unwrap();
        ImportToken::open(&sealer, &token, ARN, Timestamp::from_seconds(99)).unwrap()
    }

    fn oaep(algorithm: &'static OaepAlgorithm, text: &[u8]) -> Vec<u8> {
        let public = PublicEncryptingKey::from_der(pair().public_key()).unwrap();
        let mut out = vec![0; 256];
        OaepPublicEncryptingKey::new(public).unwrap().encrypt(algorithm, text, &mut out, None).unwrap();
        out
    }

    fn wrap(algorithm: WrappingAlgorithm, text: &[u8]) -> Vec<u8> {
        let twice = |algorithm| {
            let mut out = vec![0; text.len() + 16];
            let kek = AesKek::new(&AES_256, &[9; 32]).unwrap();
            [&oaep(algorithm, &[9; 32]), &*kek.wrap_with_padding(text, &mut out).unwrap()].concat()
        };
        match algorithm {
            WrappingAlgorithm::OaepSha1 => oaep(&OAEP_SHA1_MGF1SHA1, text),
            WrappingAlgorithm::OaepSha256 => oaep(&OAEP_SHA256_MGF1SHA256, text),
            WrappingAlgorithm::AesKeyWrapSha1 => twice(&OAEP_SHA1_MGF1SHA1),
            _ => twice(&OAEP_SHA256_MGF1SHA256),
        }
    }

    #[test]
    fn material_comes_in_by_every_allowed_way() {
        let mut ways = 0;
        for &spec in KeySpec::ALL {
            for &algorithm in WrappingAlgorithm::ALL {
                if check_wrapping(spec, WrappingKeySpec::Rsa2048, algorithm).is_err() {
                    continue;
                }
                ways += 1;
                let key = made(spec);
                let plain =
                    key.private_key().unwrap_or_else(|_| Zeroizing::new(key.to_bytes()[2..].to_vec()));
                let got = token(spec, algorithm).unwrap(spec, &wrap(algorithm, &plain));
                assert_eq!(got, Ok(key), "{spec} {algorithm}");
            }
        }
        assert_eq!(ways, 5 * 2 + 3 * 2 + 4 * 4 + 2);
    }

    #[test]
    fn the_documented_table_of_wrappings() {
        use WrappingAlgorithm::*;
        use WrappingKeySpec::*;
        let cases = [
            (KeySpec::Symmetric, Rsa4096, OaepSha256, true),
            (KeySpec::Symmetric, Rsa4096, AesKeyWrapSha256, false),
            (KeySpec::Hmac512, Rsa2048, OaepSha1, true),
            (KeySpec::Rsa2048, Rsa4096, OaepSha256, false),
            (KeySpec::Rsa4096, Rsa2048, AesKeyWrapSha1, true),
            (KeySpec::P521, Rsa2048, OaepSha256, false),
            (KeySpec::P521, Rsa3072, OaepSha256, true),
            (KeySpec::P521, Rsa2048, AesKeyWrapSha256, true),
            (KeySpec::P256, Rsa2048, OaepSha1, true),
            (KeySpec::Symmetric, Rsa2048, Pkcs1V15, false),
            (KeySpec::Symmetric, Sm2, OaepSha256, false),
            (KeySpec::Sm2, Sm2, Sm2Pke, false),
            (KeySpec::MlDsa44, Rsa4096, AesKeyWrapSha256, false),
            (KeySpec::MlKem768, Rsa4096, OaepSha256, false),
        ];
        for (spec, key, algorithm, allowed) in cases {
            let refused = ImportError::Wrapping { spec, key, algorithm };
            let expected = if allowed { Ok(()) } else { Err(refused) };
            assert_eq!(check_wrapping(spec, key, algorithm), expected);
        }
        let refused = pair().token(
            &Sealer::new(&[1; 32]),
            &Rng::seeded(1),
            (ARN, KeySpec::Rsa2048),
            OaepSha256,
            Timestamp::from_seconds(1),
        );
        let expected = ImportError::Wrapping { spec: KeySpec::Rsa2048, key: Rsa2048, algorithm: OaepSha256 };
        assert_eq!(refused, Err(expected));
    }

    #[test]
    fn tokens_are_bound_to_key_and_time() {
        let (sealer, rng) = (Sealer::new(&[1; 32]), Rng::seeded(1));
        let valid_to = Timestamp::from_seconds(100);
        let target = (ARN, KeySpec::Symmetric);
        let token = pair().token(&sealer, &rng, target, WrappingAlgorithm::OaepSha256, valid_to).unwrap();
        assert!(token.len() <= 6144, "longer than CiphertextType");
        let open = |sealer: &Sealer, token: &[u8], arn, seconds| {
            ImportToken::open(sealer, token, arn, Timestamp::from_seconds(seconds)).map(|_| ())
        };
        assert_eq!(open(&sealer, &token, ARN, 99), Ok(()));
        assert_eq!(open(&sealer, &token, ARN, 100), Err(ImportError::ExpiredToken));
        assert_eq!(open(&sealer, &token, "arn:other", 99), Err(ImportError::InvalidToken));
        assert_eq!(open(&sealer, &token[1..], ARN, 99), Err(ImportError::InvalidToken));
        assert_eq!(open(&Sealer::new(&[2; 32]), &token, ARN, 99), Err(ImportError::InvalidToken));
    }

    #[test]
    fn bad_material_is_told_from_bad_wrapping() {
        let direct = token(KeySpec::Symmetric, WrappingAlgorithm::OaepSha256);
        let short = wrap(WrappingAlgorithm::OaepSha256, &[1; 16]);
        assert_eq!(
            direct.unwrap(KeySpec::Symmetric, &short),
            Err(ImportError::IncorrectMaterial(KeySpec::Symmetric))
        );
        let other_hash = wrap(WrappingAlgorithm::OaepSha1, &[1; 32]);
        let twice = token(KeySpec::P256, WrappingAlgorithm::AesKeyWrapSha256);
        let good = wrap(WrappingAlgorithm::AesKeyWrapSha256, &made(KeySpec::P256).private_key().unwrap());
        let mut changed = good.clone();
        changed[300] ^= 1;
        let short_kek = [&oaep(&OAEP_SHA256_MGF1SHA256, &[9; 16])[..], &good[256..]].concat();
        for (token, spec, bad) in [
            (&direct, KeySpec::Symmetric, &other_hash[..]),
            (&direct, KeySpec::Symmetric, &[]),
            (&direct, KeySpec::Symmetric, &[1; 256]),
            (&twice, KeySpec::P256, &changed),
            (&twice, KeySpec::P256, &good[..256]),
            (&twice, KeySpec::P256, &good[..good.len() - 8]),
            (&twice, KeySpec::P256, &good[..100]),
            (&twice, KeySpec::P256, &short_kek),
        ] {
            assert_eq!(token.unwrap(spec, bad), Err(ImportError::Undecryptable));
        }
        assert_eq!(twice.unwrap(KeySpec::P384, &good), Err(ImportError::IncorrectMaterial(KeySpec::P384)));
    }

    #[test]
    fn wrapping_pairs_are_made_of_rsa_only() {
        let made = WrappingPair::generate(WrappingKeySpec::Rsa2048).unwrap();
        assert_eq!(made.spec(), WrappingKeySpec::Rsa2048);
        assert_eq!(made.public_key().len(), 294);
        let refused = WrappingPair::generate(WrappingKeySpec::Sm2).map(|_| ());
        assert_eq!(refused, Err(MaterialError::Unsupported(KeySpec::Sm2)));
    }

    proptest! {
        #[test]
        fn hostile_tokens_and_wrappings_do_not_panic(
            bytes in proptest::collection::vec(any::<u8>(), 0..300),
        ) {
            let now = Timestamp::from_seconds(1);
            let opened = ImportToken::open(&Sealer::new(&[1; 32]), &bytes, ARN, now).map(|_| ());
            proptest::prop_assert_eq!(opened, Err(ImportError::InvalidToken));
            let _ = ImportToken::read(&bytes);
            let kek = oaep(&OAEP_SHA256_MGF1SHA256, &[9; 32]);
            let refused = token(KeySpec::P256, WrappingAlgorithm::AesKeyWrapSha256)
                .unwrap(KeySpec::P256, &[&kek[..], &bytes].concat());
            proptest::prop_assert_eq!(refused, Err(ImportError::Undecryptable));
        }
    }
}
