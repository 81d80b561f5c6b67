//! SAML responses. Without a key nothing is ever believed.
#![no_main]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use libfuzzer_sys::fuzz_target;
use security::sts::saml;

fuzz_target!(|data: &[u8]| {
    if let Ok(response) = saml::document(&STANDARD.encode(data)) {
        assert!(response.verify("", &[], base::Timestamp::from_seconds(0)).is_err());
    }
});
