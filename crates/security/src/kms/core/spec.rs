//! The names: key specs, key usages, algorithms, message types, and which of them go together.
//!
//! Every list stands in the order in which KMS prints it. The tables are the whole truth about compatibility: the
//! engines ask them and the service prints them (`DescribeKey`, `GetPublicKey`, `CreateKey`'s refusals).
//!
//! Not here: SM2 and everything that belongs to it (SM2DSA, SM2PKE, the SM2 wrapping key). AWS offers it in its
//! China regions only; [`KeySpec::Sm2`] is named so that the refusal can be precise.

use std::fmt;

/// An enumeration of wire names: `ALL`, `as_str`, `parse`, `Display`.
macro_rules! names {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($variant,)+ }

        impl $name {
            /// In the order of AWS's model.
            pub const ALL: &[$name] = &[$($name::$variant,)+];

            pub const fn as_str(self) -> &'static str {
                match self { $($name::$variant => $text,)+ }
            }

            /// `None` for any text that is not exactly one of the names.
            pub fn parse(text: &str) -> Option<$name> {
                match text { $($text => Some($name::$variant),)+ _ => None }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

names! {
    /// What kind of key material a KMS key holds (`KeySpec`; a subset is also `DataKeyPairSpec`).
    KeySpec {
        Rsa2048 = "RSA_2048",
        Rsa3072 = "RSA_3072",
        Rsa4096 = "RSA_4096",
        P256 = "ECC_NIST_P256",
        P384 = "ECC_NIST_P384",
        P521 = "ECC_NIST_P521",
        P256k1 = "ECC_SECG_P256K1",
        Symmetric = "SYMMETRIC_DEFAULT",
        Hmac224 = "HMAC_224",
        Hmac256 = "HMAC_256",
        Hmac384 = "HMAC_384",
        Hmac512 = "HMAC_512",
        Sm2 = "SM2",
        MlDsa44 = "ML_DSA_44",
        MlDsa65 = "ML_DSA_65",
        MlDsa87 = "ML_DSA_87",
        Ed25519 = "ECC_NIST_EDWARDS25519",
        MlKem512 = "ML_KEM_512",
        MlKem768 = "ML_KEM_768",
        MlKem1024 = "ML_KEM_1024",
    }
}

names! {
    /// What a KMS key may be used for. Every key has exactly one.
    KeyUsage {
        SignVerify = "SIGN_VERIFY",
        EncryptDecrypt = "ENCRYPT_DECRYPT",
        GenerateVerifyMac = "GENERATE_VERIFY_MAC",
        KeyAgreement = "KEY_AGREEMENT",
        EncapsulateDecapsulate = "ENCAPSULATE_DECAPSULATE",
    }
}

names! {
    /// `EncryptionAlgorithmSpec`.
    EncryptionAlgorithm {
        Symmetric = "SYMMETRIC_DEFAULT",
        OaepSha1 = "RSAES_OAEP_SHA_1",
        OaepSha256 = "RSAES_OAEP_SHA_256",
        Sm2Pke = "SM2PKE",
    }
}

names! {
    /// `SigningAlgorithmSpec`.
    SigningAlgorithm {
        PssSha256 = "RSASSA_PSS_SHA_256",
        PssSha384 = "RSASSA_PSS_SHA_384",
        PssSha512 = "RSASSA_PSS_SHA_512",
        Pkcs1Sha256 = "RSASSA_PKCS1_V1_5_SHA_256",
        Pkcs1Sha384 = "RSASSA_PKCS1_V1_5_SHA_384",
        Pkcs1Sha512 = "RSASSA_PKCS1_V1_5_SHA_512",
        EcdsaSha256 = "ECDSA_SHA_256",
        EcdsaSha384 = "ECDSA_SHA_384",
        EcdsaSha512 = "ECDSA_SHA_512",
        Sm2Dsa = "SM2DSA",
        MlDsaShake256 = "ML_DSA_SHAKE_256",
        Ed25519Sha512 = "ED25519_SHA_512",
        Ed25519PhSha512 = "ED25519_PH_SHA_512",
    }
}

names! {
    /// `MacAlgorithmSpec`.
    MacAlgorithm {
        HmacSha224 = "HMAC_SHA_224",
        HmacSha256 = "HMAC_SHA_256",
        HmacSha384 = "HMAC_SHA_384",
        HmacSha512 = "HMAC_SHA_512",
    }
}

names! {
    /// How `Sign` and `Verify` read their message.
    MessageType {
        Raw = "RAW",
        Digest = "DIGEST",
        ExternalMu = "EXTERNAL_MU",
    }
}

names! {
    /// `WrappingKeySpec`: the key pair under which key material travels into KMS.
    WrappingKeySpec {
        Rsa2048 = "RSA_2048",
        Rsa3072 = "RSA_3072",
        Rsa4096 = "RSA_4096",
        Sm2 = "SM2",
    }
}

names! {
    /// `AlgorithmSpec`: how key material is wrapped on its way into KMS.
    WrappingAlgorithm {
        Pkcs1V15 = "RSAES_PKCS1_V1_5",
        OaepSha1 = "RSAES_OAEP_SHA_1",
        OaepSha256 = "RSAES_OAEP_SHA_256",
        AesKeyWrapSha1 = "RSA_AES_KEY_WRAP_SHA_1",
        AesKeyWrapSha256 = "RSA_AES_KEY_WRAP_SHA_256",
        Sm2Pke = "SM2PKE",
    }
}

/// The only `KeyAgreementAlgorithmSpec`.
pub const ECDH: &str = "ECDH";
/// The only `EncapsulationAlgorithmSpec`.
pub const ML_KEM: &str = "ML_KEM";

impl KeySpec {
    /// The usages with which a key of this spec can be created. Empty for SM2, which is not offered.
    ///
    /// AWS: `CreateKey`, parameter `KeyUsage`.
    pub const fn usages(self) -> &'static [KeyUsage] {
        use KeyUsage::*;
        match self {
            KeySpec::Symmetric => &[EncryptDecrypt],
            KeySpec::Rsa2048 | KeySpec::Rsa3072 | KeySpec::Rsa4096 => &[EncryptDecrypt, SignVerify],
            KeySpec::P256 | KeySpec::P384 | KeySpec::P521 => &[SignVerify, KeyAgreement],
            KeySpec::P256k1 | KeySpec::Ed25519 => &[SignVerify],
            KeySpec::MlDsa44 | KeySpec::MlDsa65 | KeySpec::MlDsa87 => &[SignVerify],
            KeySpec::Hmac224 | KeySpec::Hmac256 | KeySpec::Hmac384 | KeySpec::Hmac512 => &[GenerateVerifyMac],
            KeySpec::MlKem512 | KeySpec::MlKem768 | KeySpec::MlKem1024 => &[EncapsulateDecapsulate],
            KeySpec::Sm2 => &[],
        }
    }

    pub fn allows(self, usage: KeyUsage) -> bool {
        self.usages().contains(&usage)
    }

    /// The `EncryptionAlgorithms` of an `ENCRYPT_DECRYPT` key.
    pub const fn encryption_algorithms(self) -> &'static [EncryptionAlgorithm] {
        use EncryptionAlgorithm::*;
        match self {
            KeySpec::Symmetric => &[Symmetric],
            KeySpec::Rsa2048 | KeySpec::Rsa3072 | KeySpec::Rsa4096 => &[OaepSha1, OaepSha256],
            _ => &[],
        }
    }

    /// The `SigningAlgorithms` of a `SIGN_VERIFY` key.
    pub const fn signing_algorithms(self) -> &'static [SigningAlgorithm] {
        use SigningAlgorithm::*;
        match self {
            KeySpec::Rsa2048 | KeySpec::Rsa3072 | KeySpec::Rsa4096 => {
                &[Pkcs1Sha256, Pkcs1Sha384, Pkcs1Sha512, PssSha256, PssSha384, PssSha512]
            }
            KeySpec::P256 | KeySpec::P256k1 => &[EcdsaSha256],
            KeySpec::P384 => &[EcdsaSha384],
            KeySpec::P521 => &[EcdsaSha512],
            KeySpec::Ed25519 => &[Ed25519Sha512, Ed25519PhSha512],
            KeySpec::MlDsa44 | KeySpec::MlDsa65 | KeySpec::MlDsa87 => &[MlDsaShake256],
            _ => &[],
        }
    }

    /// The `MacAlgorithms` of a `GENERATE_VERIFY_MAC` key.
    pub const fn mac_algorithms(self) -> &'static [MacAlgorithm] {
        use MacAlgorithm::*;
        match self {
            KeySpec::Hmac224 => &[HmacSha224],
            KeySpec::Hmac256 => &[HmacSha256],
            KeySpec::Hmac384 => &[HmacSha384],
            KeySpec::Hmac512 => &[HmacSha512],
            _ => &[],
        }
    }

    /// Whether the key has a public half, which `GetPublicKey` gives out.
    pub const fn is_asymmetric(self) -> bool {
        !matches!(
            self,
            KeySpec::Symmetric | KeySpec::Hmac224 | KeySpec::Hmac256 | KeySpec::Hmac384 | KeySpec::Hmac512
        )
    }

    /// Whether `GenerateDataKeyPair` makes such pairs. SM2 is in AWS's list and not offered here.
    pub const fn is_data_key_pair(self) -> bool {
        use KeySpec::*;
        matches!(
            self,
            Rsa2048
                | Rsa3072
                | Rsa4096
                | P256
                | P384
                | P521
                | P256k1
                | Ed25519
                | MlKem512
                | MlKem768
                | MlKem1024
        )
    }

    /// Whether making such a key takes long enough (tens of milliseconds to seconds) that the caller should do it
    /// away from the threads that serve requests.
    pub const fn is_slow_to_generate(self) -> bool {
        matches!(self, KeySpec::Rsa2048 | KeySpec::Rsa3072 | KeySpec::Rsa4096)
    }

    /// The spec's byte in stored key material. Never renumbered.
    pub(super) const fn code(self) -> u8 {
        match self {
            KeySpec::Symmetric => 1,
            KeySpec::Rsa2048 => 2,
            KeySpec::Rsa3072 => 3,
            KeySpec::Rsa4096 => 4,
            KeySpec::P256 => 5,
            KeySpec::P384 => 6,
            KeySpec::P521 => 7,
            KeySpec::P256k1 => 8,
            KeySpec::Hmac224 => 9,
            KeySpec::Hmac256 => 10,
            KeySpec::Hmac384 => 11,
            KeySpec::Hmac512 => 12,
            KeySpec::Sm2 => 13,
            KeySpec::MlDsa44 => 14,
            KeySpec::MlDsa65 => 15,
            KeySpec::MlDsa87 => 16,
            KeySpec::Ed25519 => 17,
            KeySpec::MlKem512 => 18,
            KeySpec::MlKem768 => 19,
            KeySpec::MlKem1024 => 20,
        }
    }

    pub(super) fn from_code(code: u8) -> Option<KeySpec> {
        KeySpec::ALL.iter().copied().find(|spec| spec.code() == code)
    }
}

/// An algorithm that the key's spec does not know. KMS answers
/// `InvalidKeyUsageException: Algorithm {algorithm} is incompatible with key spec {spec}.`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Incompatible {
    pub algorithm: &'static str,
    pub spec: KeySpec,
}

impl fmt::Display for Incompatible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Algorithm {} is incompatible with key spec {}.", self.algorithm, self.spec)
    }
}

impl std::error::Error for Incompatible {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_and_nothing_else_does() {
        for spec in KeySpec::ALL {
            assert_eq!(KeySpec::parse(spec.as_str()), Some(*spec));
            assert_eq!(KeySpec::from_code(spec.code()), Some(*spec));
        }
        for bad in ["", "rsa_2048", "RSA_2048 ", "RSA_1024", "ECC_NIST_P224"] {
            assert_eq!(KeySpec::parse(bad), None, "{bad:?}");
        }
        assert_eq!(KeySpec::from_code(0), None);
        assert_eq!(KeySpec::from_code(21), None);
    }

    /// Each usage has algorithms exactly where the spec allows the usage.
    #[test]
    fn usages_and_algorithms_agree() {
        for &spec in KeySpec::ALL {
            let is = |usage| spec.allows(usage);
            assert_eq!(is(KeyUsage::EncryptDecrypt), !spec.encryption_algorithms().is_empty(), "{spec}");
            assert_eq!(is(KeyUsage::SignVerify), !spec.signing_algorithms().is_empty(), "{spec}");
            assert_eq!(is(KeyUsage::GenerateVerifyMac), !spec.mac_algorithms().is_empty(), "{spec}");
        }
    }

    #[test]
    fn a_refused_algorithm_prints_the_words_of_kms() {
        let refused = Incompatible { algorithm: "ECDSA_SHA_256", spec: KeySpec::Rsa2048 };
        assert_eq!(refused.to_string(), "Algorithm ECDSA_SHA_256 is incompatible with key spec RSA_2048.");
    }
}
