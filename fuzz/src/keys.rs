//! What users upload as PEM, as SSH public keys and as DER: certificates, chains, private keys, imported key material.
#![no_main]

use libfuzzer_sys::fuzz_target;
use security::fuzzing;

fuzz_target!(|data: &[u8]| {
    fuzzing::der(data);
    if let Ok(text) = std::str::from_utf8(data) {
        fuzzing::text(text);
    }
});
