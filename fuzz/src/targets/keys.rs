//! What users upload as PEM, as SSH public keys and as DER: certificates, chains, private keys, imported key material.

use security::fuzzing;

pub(crate) fn run(data: &[u8]) {
    fuzzing::der(data);
    if let Ok(text) = std::str::from_utf8(data) {
        fuzzing::text(text);
    }
}
