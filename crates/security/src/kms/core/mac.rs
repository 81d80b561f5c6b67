//! HMAC keys: `GenerateMac` and `VerifyMac`. The MAC is the bare RFC 2104 value, whole; comparison takes the same
//! time wherever the first difference lies.

use super::material::{KeyMaterial, MaterialError};
use super::spec::{Incompatible, KeySpec, MacAlgorithm};
use aws_lc_rs::hmac;
use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MacError {
    /// `InvalidKeyUsageException`.
    Incompatible(Incompatible),
    /// `KMSInvalidMacException`.
    InvalidMac,
}

impl fmt::Display for MacError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MacError::Incompatible(refused) => refused.fmt(f),
            MacError::InvalidMac => f.write_str("the MAC is not that of the message"),
        }
    }
}

impl std::error::Error for MacError {}

/// An HMAC key, prepared.
pub struct MacKey {
    spec: KeySpec,
    key: hmac::Key,
}

impl fmt::Debug for MacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MacKey({})", self.spec)
    }
}

impl MacKey {
    /// # Errors
    /// [`MaterialError::Malformed`] when the material is not an HMAC key.
    pub fn new(material: &KeyMaterial) -> Result<MacKey, MaterialError> {
        let spec = material.spec();
        let algorithm = match spec {
            KeySpec::Hmac224 => hmac::HMAC_SHA224,
            KeySpec::Hmac256 => hmac::HMAC_SHA256,
            KeySpec::Hmac384 => hmac::HMAC_SHA384,
            KeySpec::Hmac512 => hmac::HMAC_SHA512,
            _ => return Err(MaterialError::Malformed(spec)),
        };
        Ok(MacKey { spec, key: hmac::Key::new(algorithm, material.secret()) })
    }

    /// # Errors
    /// [`MacError::Incompatible`].
    pub fn generate(&self, algorithm: MacAlgorithm, message: &[u8]) -> Result<Vec<u8>, MacError> {
        self.check(algorithm)?;
        Ok(hmac::sign(&self.key, message).as_ref().to_vec())
    }

    /// # Errors
    /// [`MacError::Incompatible`], [`MacError::InvalidMac`].
    pub fn verify(&self, algorithm: MacAlgorithm, message: &[u8], mac: &[u8]) -> Result<(), MacError> {
        self.check(algorithm)?;
        hmac::verify(&self.key, message, mac).map_err(|_| MacError::InvalidMac)
    }

    fn check(&self, algorithm: MacAlgorithm) -> Result<(), MacError> {
        if self.spec.mac_algorithms().contains(&algorithm) {
            return Ok(());
        }
        Err(MacError::Incompatible(Incompatible { algorithm: algorithm.as_str(), spec: self.spec }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kms::core::testkeys::{hex, material};

    /// RFC 4231, test cases 6 and 7 (a 131-byte key) hash the key first; KMS keys end at 128 bytes. Test case 4 has
    /// a 25-byte key, below every spec. Test case 1's key is 20 bytes. So: its message under keys that KMS can hold,
    /// computed with an independent implementation.
    #[test]
    fn known_answers() {
        let cases = [
            (KeySpec::Hmac224, 28, MAC_224),
            (KeySpec::Hmac256, 32, MAC_256),
            (KeySpec::Hmac384, 48, MAC_384),
            (KeySpec::Hmac512, 64, MAC_512),
            (KeySpec::Hmac256, 128, MAC_256_LONG),
        ];
        for (spec, len, mac) in cases {
            let key = MacKey::new(&KeyMaterial::import(spec, &vec![0x0b; len]).unwrap()).unwrap();
            let algorithm = spec.mac_algorithms()[0];
            assert_eq!(key.generate(algorithm, b"Hi There"), Ok(hex(mac)), "{spec} {len}");
            assert_eq!(key.verify(algorithm, b"Hi There", &hex(mac)), Ok(()));
        }
    }

    const MAC_224: &str = "1abbc7c42cf4ca9f9d7b624564cb72d7b0945ea0a615095904a0fd34";
    const MAC_256: &str = "198a607eb44bfbc69903a0f1cf2bbdc5ba0aa3f3d9ae3c1c7a3b1696a0b68cf7";
    const MAC_384: &str = "b6a8d5636f5c6a7224f9977dcf7ee6c7fb6d0c48cbdee973\
        7a959796489bddbc4c5df61d5b3297b4fb68dab9f1b582c2";
    const MAC_512: &str = "637edc6e01dce7e6742a99451aae82df23da3e92439e590e43e761b33e910fb8\
        ac2878ebd5803f6f0b61dbce5e251ff8789a4722c1be65aea45fd464e89f8f5b";
    const MAC_256_LONG: &str = "727580fd7995ba62c30f72f2b8aac5a29655834e1e1d90250a9210a1b0b37e44";

    #[test]
    fn anything_but_the_whole_mac_is_invalid() {
        let key = MacKey::new(&material(KeySpec::Hmac256)).unwrap();
        let mac = key.generate(MacAlgorithm::HmacSha256, b"message").unwrap();
        let mut changed = mac.clone();
        changed[31] ^= 1;
        for bad in [&mac[..31], &changed, &[], &[&mac[..], &[0]].concat()] {
            assert_eq!(key.verify(MacAlgorithm::HmacSha256, b"message", bad), Err(MacError::InvalidMac));
        }
        assert_eq!(key.verify(MacAlgorithm::HmacSha256, b"massage", &mac), Err(MacError::InvalidMac));
    }

    #[test]
    fn each_spec_has_one_algorithm() {
        let key = MacKey::new(&material(KeySpec::Hmac384)).unwrap();
        let refused = key.generate(MacAlgorithm::HmacSha512, b"x").unwrap_err();
        assert_eq!(refused.to_string(), "Algorithm HMAC_SHA_512 is incompatible with key spec HMAC_384.");
        assert_eq!(key.verify(MacAlgorithm::HmacSha512, b"x", b"y"), Err(refused));
        let refused = MacKey::new(&material(KeySpec::Symmetric)).map(|_| ());
        assert_eq!(refused, Err(MaterialError::Malformed(KeySpec::Symmetric)));
    }
}
