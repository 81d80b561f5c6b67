//! RSA public keys as SSH writes them (`ssh-rsa AAAA...`, RFC 4253) and as PEM (`BEGIN PUBLIC KEY`, RFC 5280).

use super::pem;
use crate::kms::core::der::{element, take, whole};
use crate::kms::core::lc::md5;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
/// AlgorithmIdentifier of rsaEncryption, 1.2.840.113549.1.1.1 with NULL.
const RSA: &[u8] =
    &[0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];
const KIND: &str = "ssh-rsa";
/// AWS: "the minimum bit-length of the public key is 2048 bits".
const BITS_MIN: usize = 2048;
const BITS_MAX: usize = 16_384;

/// Modulus and exponent, big-endian with the leading zero that makes them positive.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct RsaKey {
    exponent: Vec<u8>,
    modulus: Vec<u8>,
}

/// Reads either form; none where it is neither, or a key of another kind or too short.
pub(crate) fn read(text: &str) -> Option<RsaKey> {
    let text = text.trim();
    let key = if text.starts_with("-----") { from_pem(text) } else { from_line(text) }?;
    let bits = key.modulus.iter().skip_while(|byte| **byte == 0).count() * 8;
    (BITS_MIN..=BITS_MAX).contains(&bits).then_some(key)
}

/// `ssh-rsa`, the blob, and perhaps a comment.
fn from_line(text: &str) -> Option<RsaKey> {
    let mut words = text.split_ascii_whitespace();
    if words.next()? != KIND || text.lines().count() != 1 {
        return None;
    }
    from_blob(&STANDARD.decode(words.next()?).ok()?)
}

pub(crate) fn from_blob(blob: &[u8]) -> Option<RsaKey> {
    let (kind, rest) = string(blob)?;
    let (exponent, rest) = string(rest)?;
    let (modulus, rest) = string(rest)?;
    let plausible = kind == KIND.as_bytes() && rest.is_empty() && !exponent.is_empty() && !modulus.is_empty();
    plausible.then(|| RsaKey { exponent: exponent.to_vec(), modulus: modulus.to_vec() })
}

fn string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*len)).ok()?)
}

fn from_pem(text: &str) -> Option<RsaKey> {
    let der = pem::one(text, "PUBLIC KEY")?;
    let bits = whole(SEQUENCE, &der)?.strip_prefix(RSA)?;
    let (&unused, key) = whole(BIT_STRING, bits)?.split_first()?;
    let (tag, modulus, rest) = take(whole(SEQUENCE, key)?)?;
    let exponent = whole(INTEGER, rest)?;
    let plausible = unused == 0 && tag == INTEGER && !exponent.is_empty() && !modulus.is_empty();
    plausible.then(|| RsaKey { exponent: exponent.to_vec(), modulus: modulus.to_vec() })
}

impl RsaKey {
    /// SSH's wire form.
    pub(crate) fn blob(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for part in [KIND.as_bytes(), &self.exponent, &self.modulus] {
            out.extend(u32::try_from(part.len()).unwrap_or(0).to_be_bytes());
            out.extend(part);
        }
        out
    }

    /// `ssh-rsa AAAA...`
    pub(crate) fn line(&self) -> String {
        format!("{KIND} {}", STANDARD.encode(self.blob()))
    }

    pub(crate) fn pem(&self) -> String {
        let key =
            element(SEQUENCE, &[&element(INTEGER, &[&self.modulus]), &element(INTEGER, &[&self.exponent])]);
        pem::write("PUBLIC KEY", &element(SEQUENCE, &[RSA, &element(BIT_STRING, &[&[0], &key])]))
    }

    /// MD5 of the wire form: `e4:78:...`.
    pub(crate) fn fingerprint(&self) -> String {
        let digits: Vec<String> = md5(&self.blob()).iter().map(|byte| format!("{byte:02x}")).collect();
        digits.join(":")
    }
}

#[cfg(test)]
mod tests {
    use super::{RsaKey, read};
    use crate::kms::core::lc::md5;
    use proptest::prelude::{any, proptest};

    fn key(bytes: usize) -> RsaKey {
        let mut modulus = vec![0xc5; bytes];
        modulus.insert(0, 0);
        RsaKey { exponent: vec![1, 0, 1], modulus }
    }

    #[test]
    fn both_forms_read_back() {
        let key = key(256);
        assert_eq!(read(&format!("{} eva@home\n", key.line())), Some(key.clone()));
        assert_eq!(read(&key.pem()), Some(key.clone()));
        assert!(key.line().starts_with("ssh-rsa AAAAB3NzaC1yc2EAAAADAQAB"), "{}", key.line());
        assert_eq!(key.fingerprint().len(), 47);
    }

    #[test]
    fn others_are_refused() {
        assert_eq!(read(&key(128).line()), None);
        assert_eq!(read(&key(128).pem()), None);
        for bad in ["", "ssh-rsa", "ssh-rsa !", "ssh-ed25519 AAAA", "-----BEGIN PUBLIC KEY-----"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    /// RFC 1321, appendix A.5.
    #[test]
    fn md5_is_md5() {
        assert_eq!(md5(b"abc")[..4], [0x90, 0x01, 0x50, 0x98]);
    }

    proptest! {
        #[test]
        fn hostile_blobs_do_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = super::from_blob(&bytes);
        }
    }
}
