//! SAML responses. Without a key nothing is ever believed.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use security::sts::saml;

pub(crate) fn run(data: &[u8]) {
    if let Ok(response) = saml::document(&STANDARD.encode(data)) {
        assert!(response.verify("", &[], base::Timestamp::from_seconds(0)).is_err());
    }
}
