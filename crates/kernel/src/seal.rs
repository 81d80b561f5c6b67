//! Sealing: how secrets lie at rest and travel in tokens.
//!
//! One master key seals everything that the cloud must keep and nobody may read from its files: access-key
//! secrets, KMS key material, session tokens, import and grant tokens. Each sealed text is bound to a *purpose*, so
//! that bytes sealed as one thing can never be opened as another (a stolen grant token is no session).
//!
//! Every text gets its own AES-256-GCM key: HKDF-SHA256 over the master with the purpose and a random 128-bit
//! salt gives key and nonce together. So there is no count of messages after which random nonces become unsafe, and
//! nothing to cache or to lock. The purpose is authenticated a second time as additional data.
//!
//! ```text
//! sealed  = version (1 byte, 1) | salt (16) | ciphertext | tag (16)
//! compact = base64url without padding of the same
//! ```
//!
//! Not here: where the master key comes from, how long a token lives (the sealed text carries its own expiry), and
//! replay, which a seal cannot prevent.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};
use base::Rng;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::fmt;
use zeroize::{Zeroize, Zeroizing};

const VERSION: u8 = 1;
const SALT_LEN: usize = 16;
const TAG_LEN: usize = 16;
const KEY_LEN: usize = 32;

/// What sealing adds to the length of its plaintext, in bytes.
pub const OVERHEAD: usize = 1 + SALT_LEN + TAG_LEN;

/// The longest text that [`Sealer::open_compact`] looks at, in bytes. Tokens arrive in request headers, from anyone.
pub const COMPACT_LEN_MAX: usize = 16 * 1024;

/// The one answer to a sealed text that does not open. It does not say why: wrong purpose, wrong master, changed and
/// truncated bytes look alike to whoever offers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadSeal;

impl fmt::Display for BadSeal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the sealed text does not open: another key, another purpose, or changed bytes")
    }
}

impl std::error::Error for BadSeal {}

/// Seals and opens under one master key. Cheap to share by reference between threads.
pub struct Sealer {
    prk: Prk,
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer(..)")
    }
}

/// HKDF output: a key and its nonce.
#[derive(Debug)]
struct KeyAndNonce;

impl KeyType for KeyAndNonce {
    fn len(&self) -> usize {
        KEY_LEN + NONCE_LEN
    }
}

impl Sealer {
    pub fn new(master: &[u8; 32]) -> Sealer {
        Sealer { prk: Salt::new(HKDF_SHA256, b"virga seal v1").extract(master) }
    }

    /// Seals `plaintext` for `purpose`: [`OVERHEAD`] bytes longer, never the same twice.
    pub fn seal(&self, rng: &Rng, purpose: &str, plaintext: &[u8]) -> Vec<u8> {
        let salt = rng.bytes::<SALT_LEN>();
        let (key, nonce) = self.derive(purpose, &salt);
        let mut out = Vec::with_capacity(plaintext.len() + OVERHEAD);
        out.push(VERSION);
        out.extend_from_slice(&salt);
        out.extend_from_slice(plaintext);
        let tag = key
            .seal_in_place_separate_tag(nonce, aad(purpose), &mut out[1 + SALT_LEN..])
            .expect("AES-GCM seals anything below 64 GiB");
        out.extend_from_slice(tag.as_ref());
        out
    }

    /// The plaintext, wiped when dropped.
    ///
    /// # Errors
    /// [`BadSeal`] unless `sealed` came from [`Sealer::seal`] with the same master and purpose, unchanged.
    pub fn open(&self, purpose: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, BadSeal> {
        let (&version, rest) = sealed.split_first().ok_or(BadSeal)?;
        let (salt, body) = rest.split_first_chunk::<SALT_LEN>().ok_or(BadSeal)?;
        if version != VERSION || body.len() < TAG_LEN {
            return Err(BadSeal);
        }
        let (key, nonce) = self.derive(purpose, salt);
        let mut text = Zeroizing::new(body.to_vec());
        let len = key.open_in_place(nonce, aad(purpose), &mut text).map_err(|_| BadSeal)?.len();
        text.truncate(len);
        Ok(text)
    }

    /// [`Sealer::seal`] as base64url text without padding: fits a header, a query string and JSON.
    pub fn seal_compact(&self, rng: &Rng, purpose: &str, plaintext: &[u8]) -> String {
        URL_SAFE_NO_PAD.encode(self.seal(rng, purpose, plaintext))
    }

    /// The counterpart of [`Sealer::seal_compact`].
    ///
    /// # Errors
    /// [`BadSeal`], also for text longer than [`COMPACT_LEN_MAX`] and for text that is not canonical base64url.
    pub fn open_compact(&self, purpose: &str, text: &str) -> Result<Zeroizing<Vec<u8>>, BadSeal> {
        if text.len() > COMPACT_LEN_MAX {
            return Err(BadSeal);
        }
        let sealed = URL_SAFE_NO_PAD.decode(text).map_err(|_| BadSeal)?;
        self.open(purpose, &sealed)
    }

    /// The salt stands last and has a fixed length, so no two (purpose, salt) pairs give the same input.
    /// A key of its own for a purpose that is not sealing: page tokens, signatures within the cloud.
    pub fn key_for(&self, purpose: &str) -> [u8; KEY_LEN] {
        let mut key = [0; KEY_LEN];
        self.prk
            .expand(&[b"key", purpose.as_bytes()], aws_lc_rs::hkdf::HKDF_SHA256)
            .and_then(|okm| okm.fill(&mut key))
            .expect("HKDF gives 32 bytes");
        key
    }

    fn derive(&self, purpose: &str, salt: &[u8; SALT_LEN]) -> (LessSafeKey, Nonce) {
        let mut okm = [0; KEY_LEN + NONCE_LEN];
        self.prk
            .expand(&[purpose.as_bytes(), salt], KeyAndNonce)
            .and_then(|out| out.fill(&mut okm))
            .expect("HKDF-SHA256 gives up to 8160 bytes");
        let (key, nonce) = okm.split_at(KEY_LEN);
        let key = UnboundKey::new(&AES_256_GCM, key).expect("any 32 bytes are an AES-256 key");
        let nonce = Nonce::try_assume_unique_for_key(nonce).expect("the derived nonce has 12 bytes");
        okm.zeroize();
        (LessSafeKey::new(key), nonce)
    }
}

fn aad(purpose: &str) -> Aad<&[u8]> {
    Aad::from(purpose.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, prop_assert_eq, proptest};

    fn sealer() -> Sealer {
        Sealer::new(&[7; 32])
    }

    #[test]
    fn what_is_sealed_opens_with_the_same_master_and_purpose_only() {
        let rng = Rng::seeded(1);
        for text in [&b""[..], b"x", &[9; 5000]] {
            let sealed = sealer().seal(&rng, "access key", text);
            assert_eq!(sealed.len(), text.len() + OVERHEAD);
            assert_eq!(**sealer().open("access key", &sealed).unwrap(), *text);
            assert_eq!(sealer().open("access kez", &sealed), Err(BadSeal));
            assert_eq!(sealer().open("", &sealed), Err(BadSeal));
            assert_eq!(Sealer::new(&[8; 32]).open("access key", &sealed), Err(BadSeal));
        }
    }

    #[test]
    fn the_same_plaintext_is_never_sealed_alike() {
        let rng = Rng::seeded(1);
        assert_ne!(sealer().seal(&rng, "p", b"secret"), sealer().seal(&rng, "p", b"secret"));
    }

    #[test]
    fn the_plaintext_does_not_shine_through() {
        let sealed = sealer().seal(&Rng::seeded(3), "p", b"wJalrXUtnFEMI/K7MDENG");
        assert!(!sealed.windows(6).any(|w| b"wJalrXUtnFEMI/K7MDENG".windows(6).any(|p| p == w)));
    }

    #[test]
    fn any_changed_or_missing_byte_is_refused() {
        let sealed = sealer().seal(&Rng::seeded(1), "p", b"secret");
        for at in 0..sealed.len() {
            let mut bad = sealed.clone();
            bad[at] ^= 1;
            assert_eq!(sealer().open("p", &bad), Err(BadSeal), "byte {at}");
            assert_eq!(sealer().open("p", &sealed[..at]), Err(BadSeal), "cut at {at}");
        }
    }

    /// The format is a promise to data directories already written: these bytes must open for ever.
    #[test]
    fn the_first_version_still_opens() {
        let sealed = sealer().seal_compact(&Rng::seeded(42), "p", b"kept");
        assert_eq!(sealed, "AXhItdcRvJiDmWMXo_nJAmkRzGnYfFjnq1c9UROCwZcWAGXqNQ");
        assert_eq!(**sealer().open_compact("p", &sealed).unwrap(), *b"kept");
    }

    #[test]
    fn compact_text_is_canonical_and_bounded() {
        let text = sealer().seal_compact(&Rng::seeded(1), "session", b"role");
        assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
        for bad in
            [format!("{text}="), format!(" {text}"), text[1..].to_string(), "A".repeat(COMPACT_LEN_MAX + 1)]
        {
            assert_eq!(sealer().open_compact("session", &bad), Err(BadSeal));
        }
    }

    proptest! {
        #[test]
        fn hostile_bytes_are_refused_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(sealer().open("p", &bytes), Err(BadSeal));
        }

        #[test]
        fn hostile_text_is_refused_without_panic(text in "\\PC{0,80}") {
            prop_assert_eq!(sealer().open_compact("p", &text), Err(BadSeal));
        }
    }
}
