//! JSON Web Tokens and key sets. A token is read as it is, and as a header and a payload around which its form is right.
//! Under keys that did not sign it nothing is ever believed.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use security::sts::jwt::{Keys, Unverified};

/// RFC 7515, appendix A.3.
const KEYS: &str = r#"{"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}"#;

fn tried(token: &str, keys: &[Keys]) {
    let Ok(token) = Unverified::read(token) else { return };
    let _ = token.claims.check_time(base::Timestamp::from_seconds(0));
    let _ = token.claims.check_size();
    for keys in keys {
        assert!(token.verify(keys).is_err());
    }
}

pub(crate) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (header, rest) = text.split_once('\n').unwrap_or((text, ""));
    let (payload, keys) = rest.split_once('\n').unwrap_or((rest, ""));
    let keys: Vec<Keys> = [KEYS, keys].into_iter().filter_map(Keys::read).collect();
    tried(text, &keys);
    // Of 64 bytes, the length of a signature of ES256.
    let signature = B64.encode([7; 64]);
    tried(&format!("{}.{}.{signature}", B64.encode(header), B64.encode(payload)), &keys);
}
