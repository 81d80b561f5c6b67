//! The little of X.509 that IAM looks at: when a certificate is valid, who signed whom, and whether a private key is
//! a certificate's.
//!
//! Not here: signatures of certificates, extensions, names as text. A chain is checked by its names only.

use crate::kms::core::der::{take, whole};
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1_SIGNING,
    EcdsaKeyPair, KeyPair,
};
use base::Timestamp;

const SEQUENCE: u8 = 0x30;
const BIT_STRING: u8 = 0x03;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// What was read of a certificate.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Certificate {
    /// Names in their DER form.
    pub(crate) issuer: Vec<u8>,
    pub(crate) subject: Vec<u8>,
    pub(crate) not_before: Timestamp,
    pub(crate) not_after: Timestamp,
    /// The bits of the public key: of RSA its PKCS#1 form, of a curve its point.
    pub(crate) public_key: Vec<u8>,
}

/// RFC 5280, section 4.1; none where the bytes have another form.
pub(crate) fn certificate(der: &[u8]) -> Option<Certificate> {
    let (tag, tbs, signature) = take(whole(SEQUENCE, der)?)?;
    let (algorithm, _, bits) = take(signature)?;
    whole(BIT_STRING, bits)?;
    if tag != SEQUENCE || algorithm != SEQUENCE {
        return None;
    }
    let (tag, _, after_version) = take(tbs)?;
    // The serial number comes first in version 1, behind the version in later ones.
    let rest = if tag == VERSION { take(after_version)?.2 } else { after_version };
    let (_, _, rest) = take(rest)?;
    let (_, issuer, rest) = take(rest)?;
    let (_, validity, rest) = take(rest)?;
    let (_, subject, rest) = take(rest)?;
    let (tag, key, _) = take(rest)?;
    let (start_tag, start, validity) = take(validity)?;
    let (end_tag, end, _) = take(validity)?;
    let (_, _, key) = take(key)?;
    let (&unused, public_key) = whole(BIT_STRING, key)?.split_first()?;
    if tag != SEQUENCE || unused != 0 {
        return None;
    }
    Some(Certificate {
        issuer: issuer.to_vec(),
        subject: subject.to_vec(),
        not_before: time(start_tag, start)?,
        not_after: time(end_tag, end)?,
        public_key: public_key.to_vec(),
    })
}

/// `YYMMDDHHMMSSZ` (1950 to 2049) or `YYYYMMDDHHMMSSZ`.
fn time(tag: u8, text: &[u8]) -> Option<Timestamp> {
    let text = std::str::from_utf8(text).ok()?;
    let full = match tag {
        UTC_TIME => {
            let year: u32 = text.get(..2)?.parse().ok()?;
            format!("{}{text}", if year < 50 { "20" } else { "19" })
        }
        GENERALIZED_TIME => text.to_owned(),
        _ => return None,
    };
    let (date, clock) = full.split_at_checked(8)?;
    Timestamp::parse_sigv4(&format!("{date}T{clock}"))
}

/// The public half of a private key, in the form of [`Certificate::public_key`]; `label` is the PEM's.
pub(crate) fn public_of(label: &str, der: &[u8]) -> Option<Vec<u8>> {
    let of_rsa = match label {
        "RSA PRIVATE KEY" => rsa::KeyPair::from_der(der).ok(),
        "PRIVATE KEY" => rsa::KeyPair::from_pkcs8(der).ok(),
        "EC PRIVATE KEY" => None,
        _ => return None,
    };
    if let Some(pair) = of_rsa {
        return Some(pair.public_key().as_ref().to_vec());
    }
    let curves =
        [&ECDSA_P256_SHA256_ASN1_SIGNING, &ECDSA_P384_SHA384_ASN1_SIGNING, &ECDSA_P521_SHA512_ASN1_SIGNING];
    let pair = curves.into_iter().find_map(|curve| EcdsaKeyPair::from_private_key_der(curve, der).ok())?;
    Some(pair.public_key().as_ref().to_vec())
}

#[cfg(test)]
mod tests {
    use super::{GENERALIZED_TIME, UTC_TIME, certificate, time};
    use proptest::prelude::{any, proptest};

    #[test]
    fn times() {
        let cases = [
            (UTC_TIME, "260115120000Z", Some("2026-01-15T12:00:00Z")),
            (UTC_TIME, "700101000000Z", Some("1970-01-01T00:00:00Z")),
            (GENERALIZED_TIME, "20500101000000Z", Some("2050-01-01T00:00:00Z")),
            (GENERALIZED_TIME, "260115120000Z", None),
            (UTC_TIME, "2601151200Z", None),
            (UTC_TIME, "é", None),
            (0x04, "260115120000Z", None),
        ];
        for (tag, text, expected) in cases {
            let got = time(tag, text.as_bytes()).map(base::Timestamp::iso8601);
            assert_eq!(got.as_deref(), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn hostile_bytes_do_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = certificate(&bytes);
        }
    }
}
