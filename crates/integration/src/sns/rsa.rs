//! RSA signatures with SHA-1 and SHA-256. SHA-1 is what version 1 of SNS's signatures has, and what the safe library
//! does not sign with; hence the one below it.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{self, KeyPair as _};
use aws_lc_sys as sys;

/// Of a 2048-bit key.
const SIGNATURE_BYTES: usize = 256;
const SHA1_BYTES: usize = 20;

pub(crate) struct Key {
    pair: KeyPair,
    bytes: Vec<u8>,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(..)")
    }
}

impl Key {
    pub(crate) fn generate() -> Option<Key> {
        let pair = KeyPair::generate(KeySize::Rsa2048).ok()?;
        let der: Pkcs8V1Der<'_> = pair.as_der().ok()?;
        let bytes = der.as_ref().to_vec();
        Some(Key { pair, bytes })
    }

    /// From PKCS #8.
    pub(crate) fn read(bytes: &[u8]) -> Option<Key> {
        Some(Key { pair: KeyPair::from_pkcs8(bytes).ok()?, bytes: bytes.to_vec() })
    }

    /// As PKCS #8.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.bytes.clone()
    }

    /// The public key as X.509 has it.
    pub(crate) fn public_key_info(&self) -> Option<Vec<u8>> {
        let der: PublicKeyX509Der<'_> = self.pair.public_key().as_der().ok()?;
        Some(der.as_ref().to_vec())
    }

    pub(crate) fn sign_sha256(&self, text: &[u8]) -> Vec<u8> {
        let mut out = vec![0; self.pair.public_modulus_len()];
        let chance = aws_lc_rs::rand::SystemRandom::new();
        self.pair
            .sign(&signature::RSA_PKCS1_SHA256, &chance, text, &mut out)
            .expect("a key of 2048 bits signs any text");
        out
    }

    pub(crate) fn sign_sha1(&self, text: &[u8]) -> Vec<u8> {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, text);
        let mut out = vec![0u8; SIGNATURE_BYTES];
        let mut length = 0;
        // SAFETY: the reader sees the bytes for as long as it is used; what it makes is freed below; the digest has
        // the length that is told, and the output the length of a signature by a key of 2048 bits.
        let ok = unsafe {
            let mut reader = std::mem::zeroed();
            sys::CBS_init(&mut reader, self.bytes.as_ptr(), self.bytes.len());
            let key = sys::EVP_parse_private_key(&mut reader);
            let rsa = sys::EVP_PKEY_get0_RSA(key);
            let ok = sys::RSA_sign(
                sys::NID_sha1,
                digest.as_ref().as_ptr(),
                SHA1_BYTES as _,
                out.as_mut_ptr(),
                &mut length,
                rsa,
            );
            sys::EVP_PKEY_free(key);
            ok
        };
        assert!(ok == 1 && length as usize == SIGNATURE_BYTES, "a key of 2048 bits signs any digest");
        out
    }
}

#[cfg(test)]
mod tests {
    use super::Key;
    use aws_lc_rs::signature::{
        RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey,
    };

    #[test]
    fn both_signatures_verify_after_a_round_trip() {
        let key = Key::read(&Key::generate().unwrap().bytes()).unwrap();
        let public = key.public_key_info().unwrap();
        let sha256 = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &public);
        sha256.verify(b"text", &key.sign_sha256(b"text")).unwrap();
        let sha1 = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, &public);
        sha1.verify(b"text", &key.sign_sha1(b"text")).unwrap();
        sha1.verify(b"text", &key.sign_sha256(b"text")).unwrap_err();
    }
}
