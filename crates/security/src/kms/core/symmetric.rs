//! Symmetric encryption: the key that encrypts, and the ciphertext blob that finds its key again.
//!
//! The blob is our own format; AWS documents none and clients must treat it as opaque. All of it is authenticated,
//! the header as well as the encryption context:
//!
//! ```text
//! magic and version (3) 0x01 'V' 0x01
//! account (12 digits)
//! length of the key id (1), key id (1..=64 bytes)
//! key material id (32): which generation of the key
//! salt (16), nonce (12)
//! ciphertext, tag (16)
//! ```
//!
//! Each message has its own AES-256-GCM key, HMAC-SHA256 of the salt under the key material, so that one KMS key may
//! encrypt without a count after which random nonces become unsafe. The material id is itself a keyed hash of the
//! material, so a blob names the one key that can open it.
//!
//! [`SymmetricKey`] is the prepared form: it holds the HMAC state and the header, and costs no key schedule per call
//! beyond that of the message key. Make it once per generation and keep it.
//!
//! Not here: the limits on plaintext and ciphertext (4096 and 6144 bytes; the service's shapes), and whether a key
//! is enabled.

use super::context;
use super::material::{KeyMaterial, MaterialError, MaterialId, SYMMETRIC_LEN};
use super::spec::KeySpec;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hmac;
use base::{AccountId, Rng};
use std::fmt;
use zeroize::Zeroizing;

const MAGIC: [u8; 3] = [0x01, b'V', 0x01];
const ACCOUNT_LEN: usize = 12;
const MATERIAL_ID_LEN: usize = 32;
const SALT_LEN: usize = 16;
const NONCE_LEN: usize = 12;
const TAG_LEN: usize = 16;

/// The longest key id that a blob carries. UUIDs have 36 bytes, `mrk-` ids have 36.
pub const KEY_ID_LEN_MAX: usize = 64;

/// `InvalidCiphertextException`: not a blob of ours, changed, cut, of another key, or with another encryption
/// context. Which of these, KMS does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidCiphertext;

impl fmt::Display for InvalidCiphertext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the ciphertext or its encryption context is corrupted, missing or otherwise invalid")
    }
}

impl std::error::Error for InvalidCiphertext {}

/// What a ciphertext blob says about its key. Not yet authenticated: only decryption proves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blob<'a> {
    pub account: AccountId,
    pub key_id: &'a str,
    pub material: MaterialId,
    header: &'a [u8],
    salt: &'a [u8; SALT_LEN],
    nonce: &'a [u8; NONCE_LEN],
    /// Ciphertext and tag.
    body: &'a [u8],
}

impl<'a> Blob<'a> {
    /// # Errors
    /// [`InvalidCiphertext`] unless the bytes have the form of a blob.
    pub fn parse(blob: &'a [u8]) -> Result<Blob<'a>, InvalidCiphertext> {
        Blob::read(blob).ok_or(InvalidCiphertext)
    }

    fn read(blob: &'a [u8]) -> Option<Blob<'a>> {
        let rest = blob.strip_prefix(&MAGIC)?;
        let (account, rest) = rest.split_at_checked(ACCOUNT_LEN)?;
        let account = AccountId::parse(std::str::from_utf8(account).ok()?)?;
        let (&len, rest) = rest.split_first()?;
        let (key_id, rest) = rest.split_at_checked(usize::from(len))?;
        if key_id.is_empty() || key_id.len() > KEY_ID_LEN_MAX {
            return None;
        }
        let key_id = std::str::from_utf8(key_id).ok()?;
        let (material, rest) = rest.split_first_chunk::<MATERIAL_ID_LEN>()?;
        let header = &blob[..blob.len() - rest.len()];
        let (salt, rest) = rest.split_first_chunk()?;
        let (nonce, body) = rest.split_first_chunk()?;
        let material = MaterialId(*material);
        (body.len() >= TAG_LEN).then_some(Blob { account, key_id, material, header, salt, nonce, body })
    }
}

/// One generation of a symmetric encryption key, prepared for use.
pub struct SymmetricKey {
    kdf: hmac::Key,
    /// Everything of a blob up to the salt.
    header: Vec<u8>,
    id: MaterialId,
}

impl fmt::Debug for SymmetricKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SymmetricKey({})", self.id)
    }
}

impl SymmetricKey {
    /// # Errors
    /// [`MaterialError::Malformed`] when the material is not a symmetric key, or the key id is empty or longer than
    /// [`KEY_ID_LEN_MAX`].
    pub fn new(
        material: &KeyMaterial,
        account: AccountId,
        key_id: &str,
    ) -> Result<SymmetricKey, MaterialError> {
        let fits = material.spec() == KeySpec::Symmetric && material.secret().len() == SYMMETRIC_LEN;
        let id_len = u8::try_from(key_id.len()).ok().filter(|len| (1..=KEY_ID_LEN_MAX as u8).contains(len));
        let (true, Some(id_len)) = (fits, id_len) else {
            return Err(MaterialError::Malformed(material.spec()));
        };
        let id = material.id(account, key_id);
        let mut header = Vec::with_capacity(MAGIC.len() + ACCOUNT_LEN + 1 + key_id.len() + MATERIAL_ID_LEN);
        header.extend_from_slice(&MAGIC);
        header.extend_from_slice(account.as_str().as_bytes());
        header.push(id_len);
        header.extend_from_slice(key_id.as_bytes());
        header.extend_from_slice(&id.0);
        Ok(SymmetricKey { kdf: hmac::Key::new(hmac::HMAC_SHA256, material.secret()), header, id })
    }

    pub fn material_id(&self) -> MaterialId {
        self.id
    }

    /// The ciphertext blob: never the same twice.
    pub fn encrypt(&self, rng: &Rng, context: &[(&str, &str)], plaintext: &[u8]) -> Vec<u8> {
        let random = rng.bytes::<{ SALT_LEN + NONCE_LEN }>();
        let (salt, nonce) = random.split_at(SALT_LEN);
        let mut out = Vec::with_capacity(self.header.len() + random.len() + plaintext.len() + TAG_LEN);
        out.extend_from_slice(&self.header);
        out.extend_from_slice(&random);
        let start = out.len();
        out.extend_from_slice(plaintext);
        let nonce = Nonce::try_assume_unique_for_key(nonce).expect("12 bytes are a nonce");
        let tag = self
            .message_key(salt)
            .seal_in_place_separate_tag(nonce, self.aad(context), &mut out[start..])
            .expect("AES-GCM seals anything below 64 GiB");
        out.extend_from_slice(tag.as_ref());
        out
    }

    /// # Errors
    /// [`InvalidCiphertext`]: the blob is of another key or generation, was changed, or has another context.
    pub fn decrypt(
        &self,
        blob: &Blob<'_>,
        context: &[(&str, &str)],
    ) -> Result<Zeroizing<Vec<u8>>, InvalidCiphertext> {
        if blob.header != self.header {
            return Err(InvalidCiphertext);
        }
        let nonce = Nonce::assume_unique_for_key(*blob.nonce);
        let mut text = Zeroizing::new(blob.body.to_vec());
        let len = self
            .message_key(blob.salt)
            .open_in_place(nonce, self.aad(context), &mut text)
            .map_err(|_| InvalidCiphertext)?
            .len();
        text.truncate(len);
        Ok(text)
    }

    fn message_key(&self, salt: &[u8]) -> LessSafeKey {
        let mut kdf = hmac::Context::with_key(&self.kdf);
        kdf.update(b"virga kms message key v1\0");
        kdf.update(salt);
        let key = Zeroizing::new(<[u8; 32]>::try_from(kdf.sign().as_ref()).expect("SHA-256 gives 32 bytes"));
        LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &*key).expect("any 32 bytes are an AES-256 key"))
    }

    /// The header has a length that its own bytes tell, so header and context cannot be shifted against each other.
    fn aad(&self, context: &[(&str, &str)]) -> Aad<Vec<u8>> {
        let mut aad = self.header.clone();
        context::append(&mut aad, context);
        Aad::from(aad)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, prop_assert_eq, proptest};

    const ID: &str = "1234abcd-12ab-34cd-56ef-1234567890ab";

    fn key(byte: u8) -> SymmetricKey {
        let material = KeyMaterial::import(KeySpec::Symmetric, &[byte; 32]).unwrap();
        SymmetricKey::new(&material, AccountId::DEFAULT, ID).unwrap()
    }

    fn decrypt(
        key: &SymmetricKey,
        blob: &[u8],
        context: &[(&str, &str)],
    ) -> Result<Vec<u8>, InvalidCiphertext> {
        key.decrypt(&Blob::parse(blob)?, context).map(|text| text.to_vec())
    }

    #[test]
    fn what_is_encrypted_decrypts() {
        let rng = Rng::seeded(1);
        for len in [0, 1, 16, 1024, 4096] {
            let text = vec![0xa5; len];
            let blob = key(1).encrypt(&rng, &[], &text);
            assert!(blob.len() <= 6144, "longer than CiphertextType");
            assert_eq!(decrypt(&key(1), &blob, &[]), Ok(text));
        }
        assert_ne!(key(1).encrypt(&rng, &[], b"x"), key(1).encrypt(&rng, &[], b"x"));
    }

    #[test]
    fn the_blob_names_its_key() {
        let blob = key(1).encrypt(&Rng::seeded(1), &[], b"a secret of the house");
        let parsed = Blob::parse(&blob).unwrap();
        assert_eq!((parsed.account, parsed.key_id), (AccountId::DEFAULT, ID));
        assert_eq!(parsed.material, key(1).material_id());
        assert!(!blob.windows(6).any(|w| b"a secret of the house".windows(6).any(|p| p == w)));
    }

    #[test]
    fn contexts_are_maps_and_must_be_equal() {
        let rng = Rng::seeded(1);
        let blob = key(1).encrypt(&rng, &[("tenant", "a"), ("app", "b")], b"x");
        assert_eq!(decrypt(&key(1), &blob, &[("app", "b"), ("tenant", "a")]), Ok(b"x".to_vec()));
        let wrong: [&[(&str, &str)]; 6] = [
            &[],
            &[("tenant", "a")],
            &[("tenant", "A"), ("app", "b")],
            &[("Tenant", "a"), ("app", "b")],
            &[("tenant", "b"), ("app", "a")],
            &[("tenant", "a"), ("app", "b"), ("", "")],
        ];
        for context in wrong {
            assert_eq!(decrypt(&key(1), &blob, context), Err(InvalidCiphertext), "{context:?}");
        }
    }

    #[test]
    fn old_generations_decrypt_and_others_do_not() {
        let rng = Rng::seeded(1);
        let generations = [key(1), key(2)];
        let blobs = generations.each_ref().map(|key| key.encrypt(&rng, &[], b"x"));
        for (made_by, blob) in blobs.iter().enumerate() {
            let parsed = Blob::parse(blob).unwrap();
            let found = generations.iter().position(|key| key.material_id() == parsed.material);
            assert_eq!(found, Some(made_by));
            for (at, key) in generations.iter().enumerate() {
                assert_eq!(decrypt(key, blob, &[]).is_ok(), at == made_by);
            }
        }
    }

    #[test]
    fn any_changed_or_missing_byte_is_refused() {
        let blob = key(1).encrypt(&Rng::seeded(1), &[("k", "v")], b"secret");
        for at in 0..blob.len() {
            let mut bad = blob.clone();
            bad[at] ^= 0x20;
            assert_eq!(decrypt(&key(1), &bad, &[("k", "v")]), Err(InvalidCiphertext), "byte {at}");
            assert_eq!(decrypt(&key(1), &blob[..at], &[("k", "v")]), Err(InvalidCiphertext), "cut at {at}");
        }
        assert_eq!(decrypt(&key(1), &[&blob[..], &[0]].concat(), &[("k", "v")]), Err(InvalidCiphertext));
    }

    #[test]
    fn only_symmetric_material_and_sane_ids_are_prepared() {
        let hmac = KeyMaterial::import(KeySpec::Hmac256, &[1; 32]).unwrap();
        let refused = SymmetricKey::new(&hmac, AccountId::DEFAULT, ID).map(|_| ());
        assert_eq!(refused, Err(MaterialError::Malformed(KeySpec::Hmac256)));
        let good = KeyMaterial::import(KeySpec::Symmetric, &[1; 32]).unwrap();
        for id in ["", &"x".repeat(65), &"x".repeat(300)] {
            let refused = SymmetricKey::new(&good, AccountId::DEFAULT, id).map(|_| ());
            assert_eq!(refused, Err(MaterialError::Malformed(KeySpec::Symmetric)));
        }
    }

    /// Blobs already handed out must decrypt for ever.
    #[test]
    fn the_first_version_still_decrypts() {
        use base64::Engine;
        let blob = base64::engine::general_purpose::STANDARD.decode(PINNED).unwrap();
        assert_eq!(key(7).encrypt(&Rng::seeded(42), &[("k", "v")], b"kept"), blob);
        assert_eq!(decrypt(&key(7), &blob, &[("k", "v")]), Ok(b"kept".to_vec()));
    }

    const PINNED: &str = "AVYBMDAwMDAwMDAwMDAwJDEyMzRhYmNkLTEyYWItMzRjZC01NmVmLTEyMzQ1Njc4OTBhYitZWsTpXsBLwmFK/naeO8\
        ZiGdgFuavIzd2sObAJdvXgeEi11xG8mIOZYxej+ckCadVncQBdVAoZGEk5yUe7repfx0UHkt9J3E7khTA++SpI";

    proptest! {
        #[test]
        fn hostile_blobs_are_refused_without_panic(
            tail in proptest::collection::vec(any::<u8>(), 0..200),
            keep in 0usize..120,
        ) {
            prop_assert_eq!(decrypt(&key(1), &tail, &[]), Err(InvalidCiphertext));
            let mut blob = key(1).encrypt(&Rng::seeded(1), &[], b"x");
            blob.truncate(keep);
            blob.extend_from_slice(&tail);
            prop_assert_eq!(decrypt(&key(1), &blob, &[]), Err(InvalidCiphertext));
        }
    }
}
