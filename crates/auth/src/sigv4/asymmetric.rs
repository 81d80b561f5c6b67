//! Signature Version 4A: an ECDSA P-256 key derived from the access key, good in a set of regions.
//!
//! The derivation is NIST SP 800-108's KDF in counter mode over HMAC-SHA256 with the label
//! `AWS4-ECDSA-P256-SHA256`, the access key and a counter as the context; the first output not above the curve's
//! order minus two, plus one, is the private key. Source: the IAM user guide on SigV4a and the open `aws-c-auth`.

use super::key::Secret;
use aws_lc_rs::agreement;
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, ParsedPublicKey, UnparsedPublicKey,
};
use std::fmt;

pub(super) const ALGORITHM: &str = "AWS4-ECDSA-P256-SHA256";

/// The order of P-256 minus two, big-endian.
const ORDER_MINUS_TWO: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc,
    0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x4f,
];

/// A derived key pair; `None` inside when no counter gives one (chance 2^-8000).
pub(super) struct AsymmetricKey {
    keys: Option<(ParsedPublicKey, EcdsaKeyPair)>,
}

impl fmt::Debug for AsymmetricKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AsymmetricKey(..)")
    }
}

impl AsymmetricKey {
    /// Whether `signature` (ASN.1 DER) is this key's over `message`.
    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.keys.as_ref().is_some_and(|(public, _)| public.verify_sig(message, signature).is_ok())
    }

    /// An ASN.1 DER signature. ECDSA draws its nonce from the library's own generator.
    pub(super) fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        let (_, pair) = self.keys.as_ref()?;
        Some(pair.sign(&SystemRandom::new(), message).ok()?.as_ref().to_vec())
    }
}

pub(super) fn derive(access_key: &str, secret: &Secret) -> AsymmetricKey {
    AsymmetricKey { keys: private_key(access_key, secret).and_then(|d| pair(&d)) }
}

fn pair(private: &[u8; 32]) -> Option<(ParsedPublicKey, EcdsaKeyPair)> {
    let scalar = agreement::PrivateKey::from_private_key(&agreement::ECDH_P256, private).ok()?;
    let public = scalar.compute_public_key().ok()?;
    let parsed = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, public.as_ref()).parse().ok()?;
    let pair = EcdsaKeyPair::from_private_key_and_public_key(
        &ECDSA_P256_SHA256_ASN1_SIGNING,
        private,
        public.as_ref(),
    );
    Some((parsed, pair.ok()?))
}

fn private_key(access_key: &str, secret: &Secret) -> Option<[u8; 32]> {
    let mut seed = b"AWS4A".to_vec();
    seed.extend_from_slice(secret.text().as_bytes());
    let key = hmac::Key::new(hmac::HMAC_SHA256, &seed);
    for counter in 1..=254u8 {
        let mut input = vec![0, 0, 0, 1];
        input.extend_from_slice(ALGORITHM.as_bytes());
        input.push(0);
        input.extend_from_slice(access_key.as_bytes());
        input.push(counter);
        input.extend_from_slice(&256u32.to_be_bytes());
        let mut candidate: [u8; 32] = hmac::sign(&key, &input).as_ref().try_into().ok()?;
        if candidate <= ORDER_MINUS_TWO {
            for byte in candidate.iter_mut().rev() {
                let (sum, carried) = byte.overflowing_add(1);
                *byte = sum;
                if !carried {
                    break;
                }
            }
            return Some(candidate);
        }
    }
    None
}

/// Whether the set (`us-east-1,eu-*`) covers a region. `*` stands for any characters.
pub fn covers(region_set: &str, region: &str) -> bool {
    region_set.split(',').map(str::trim).any(|pattern| glob(pattern.as_bytes(), region.as_bytes()))
}

/// Greedy with one point to return to, so linear in memory and at worst quadratic in time.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while t < text.len() {
        if pattern.get(p) == Some(&b'*') {
            retry = Some((p + 1, t));
            p += 1;
        } else if pattern.get(p) == text.get(t) {
            p += 1;
            t += 1;
        } else if let Some((after, from)) = retry {
            p = after;
            t = from + 1;
            retry = Some((after, from + 1));
        } else {
            return false;
        }
    }
    pattern.get(p..).unwrap_or_default().iter().all(|c| *c == b'*')
}

#[cfg(test)]
mod tests {
    use super::{covers, private_key};
    use crate::sigv4::encode::hex;
    use crate::sigv4::key::Secret;

    #[test]
    fn the_published_key() {
        // The key pair that aws-c-auth's test suite publishes for its example credentials.
        let key =
            private_key("AKISORANDOMAASORANDOM", &Secret::new("q+jcrXGc+0zWN6uzclKVhvMmUsIfRPa4rlRandom"));
        assert_eq!(
            key.map(|k| hex(&k)).as_deref(),
            Some("7fd3bd010c0d9c292141c2b77bfbde1042c92e6836fff749d1269ec890fca1bd")
        );
    }

    #[test]
    fn region_sets() {
        for (set, region, expected) in [
            ("*", "eu-west-1", true),
            ("us-east-1", "us-east-1", true),
            ("us-east-1", "us-east-2", false),
            ("us-east-1, eu-*", "eu-central-1", true),
            ("us-*-1", "us-west-1", true),
            ("us-*-1", "us-west-2", false),
            ("", "us-west-2", false),
            ("us", "us-west-2", false),
        ] {
            assert_eq!(covers(set, region), expected, "{set} {region}");
        }
    }
}
