//! The little DER that aws-lc does not do for us: looking at a key's algorithm before parsing it, and writing the
//! two structures of ML-KEM keys.
//!
//! Only definite lengths below 64 KiB and single-byte tags are read. Keys are far smaller; BER's indefinite lengths
//! are not read at all.

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const OID: u8 = 0x06;
const OCTET_STRING: u8 = 0x04;
const BIT_STRING: u8 = 0x03;

/// DER contents of the object identifiers that KMS keys carry.
pub(super) mod oid {
    /// id-ecPublicKey, 1.2.840.10045.2.1
    pub(crate) const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
    /// prime256v1, 1.2.840.10045.3.1.7
    pub(crate) const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
    /// secp384r1, 1.3.132.0.34
    pub(crate) const P384: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x22];
    /// secp521r1, 1.3.132.0.35
    pub(crate) const P521: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x23];
    /// secp256k1, 1.3.132.0.10
    pub(crate) const P256K1: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x0a];
    /// id-alg-ml-kem-512, 2.16.840.1.101.3.4.4.1
    pub(crate) const ML_KEM_512: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x04, 0x01];
    /// id-alg-ml-kem-768, 2.16.840.1.101.3.4.4.2
    pub(crate) const ML_KEM_768: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x04, 0x02];
    /// id-alg-ml-kem-1024, 2.16.840.1.101.3.4.4.3
    pub(crate) const ML_KEM_1024: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x04, 0x03];
}

/// An AlgorithmIdentifier: the OID's contents and the raw parameters that follow it (empty when absent).
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Algorithm<'a> {
    pub(super) oid: &'a [u8],
    pub(super) parameters: &'a [u8],
}

impl<'a> Algorithm<'a> {
    fn read(body: &'a [u8]) -> Option<Algorithm<'a>> {
        let (tag, oid, parameters) = take(body)?;
        (tag == OID).then_some(Algorithm { oid, parameters })
    }

    /// The contents of the parameters, where they are exactly one OID (a named curve).
    pub(super) fn named(&self) -> Option<&'a [u8]> {
        match take(self.parameters)? {
            (OID, contents, []) => Some(contents),
            _ => None,
        }
    }
}

/// The algorithm of a SubjectPublicKeyInfo (RFC 5280 section 4.1), when the whole input has its form:
/// `SEQUENCE { AlgorithmIdentifier, BIT STRING }` and nothing behind it.
pub(super) fn public_key_algorithm(der: &[u8]) -> Option<Algorithm<'_>> {
    let body = whole(SEQUENCE, der)?;
    let (tag, algorithm, rest) = take(body)?;
    whole(BIT_STRING, rest)?;
    (tag == SEQUENCE).then(|| Algorithm::read(algorithm))?
}

/// The algorithm of a PKCS#8 PrivateKeyInfo (RFC 5208), when the whole input is one:
/// `SEQUENCE { INTEGER, AlgorithmIdentifier, OCTET STRING, ... }`.
pub(super) fn private_key_algorithm(der: &[u8]) -> Option<Algorithm<'_>> {
    let body = whole(SEQUENCE, der)?;
    let (version, _, rest) = take(body)?;
    let (tag, algorithm, rest) = take(rest)?;
    let (key, _, _) = take(rest)?;
    (version == INTEGER && tag == SEQUENCE && key == OCTET_STRING).then(|| Algorithm::read(algorithm))?
}

/// SubjectPublicKeyInfo around a raw public key whose algorithm has no parameters.
pub(super) fn write_public_key(oid: &[u8], key: &[u8]) -> Vec<u8> {
    let mut bits = vec![0];
    bits.extend_from_slice(key);
    let algorithm = element(SEQUENCE, &[&element(OID, &[oid])]);
    element(SEQUENCE, &[&algorithm, &element(BIT_STRING, &[&bits])])
}

/// PKCS#8 around an ML-KEM seed: the `seed [0]` choice of RFC 9935.
pub(super) fn write_seed_private_key(oid: &[u8], seed: &[u8]) -> Vec<u8> {
    const SEED: u8 = 0x80;
    let algorithm = element(SEQUENCE, &[&element(OID, &[oid])]);
    let key = element(OCTET_STRING, &[&element(SEED, &[seed])]);
    element(SEQUENCE, &[&element(INTEGER, &[&[0]]), &algorithm, &key])
}

/// The contents of the one element that `der` consists of.
pub(crate) fn whole(expected: u8, der: &[u8]) -> Option<&[u8]> {
    match take(der)? {
        (tag, body, []) if tag == expected => Some(body),
        _ => None,
    }
}

/// The first element: its tag, its contents, and what follows it.
pub(crate) fn take(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (len, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81 => {
            let (&len, rest) = rest.split_first()?;
            (usize::from(len), rest)
        }
        0x82 => {
            let (len, rest) = rest.split_first_chunk::<2>()?;
            (usize::from(u16::from_be_bytes(*len)), rest)
        }
        _ => return None,
    };
    let (body, rest) = rest.split_at_checked(len)?;
    (tag & 0x1f != 0x1f).then_some((tag, body, rest))
}

/// Keys stay below 64 KiB, the largest length written here.
pub(crate) fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let len = parts.iter().map(|part| part.len()).sum::<usize>();
    let mut out = vec![tag];
    match len {
        0..=0x7f => out.push(len as u8),
        0x80..=0xff => out.extend_from_slice(&[0x81, len as u8]),
        _ => {
            out.push(0x82);
            out.extend_from_slice(&(len as u16).to_be_bytes());
        }
    }
    for part in parts {
        out.extend_from_slice(part);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, proptest};

    #[test]
    fn what_is_written_reads_back() {
        for len in [1, 100, 127, 128, 200, 255, 256, 1568] {
            let der = write_public_key(oid::ML_KEM_768, &vec![7; len]);
            let algorithm = public_key_algorithm(&der).unwrap();
            assert_eq!(algorithm, Algorithm { oid: oid::ML_KEM_768, parameters: &[] });
            assert_eq!(algorithm.named(), None);
            assert_eq!(public_key_algorithm(&der[..der.len() - 1]), None);
            assert_eq!(public_key_algorithm(&[&der[..], &[0]].concat()), None);
        }
        let der = write_seed_private_key(oid::ML_KEM_512, &[1; 64]);
        assert_eq!(der.len(), 86);
        assert_eq!(private_key_algorithm(&der).unwrap().oid, oid::ML_KEM_512);
    }

    proptest! {
        #[test]
        fn hostile_bytes_do_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = public_key_algorithm(&bytes).and_then(|a| a.named().map(<[u8]>::len));
            let _ = private_key_algorithm(&bytes).and_then(|a| a.named().map(<[u8]>::len));
        }

        #[test]
        fn broken_keys_do_not_panic(at in 0usize..86, value: u8) {
            let mut der = write_seed_private_key(oid::ML_KEM_512, &[1; 64]);
            der[at] = value;
            let _ = private_key_algorithm(&der);
        }
    }
}
