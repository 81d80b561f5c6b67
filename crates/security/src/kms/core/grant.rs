//! Grant tokens: what `CreateGrant` hands out so that a grant can be used at once.
//!
//! In AWS the token bridges the minutes until a grant is known everywhere. Here grants are known at once, so the
//! token's only work is to name its grant and to be unforgeable: the service then looks the grant up and finds out
//! whether it still stands.

use super::fields;
use base::Rng;
use kernel::seal::Sealer;
use std::fmt;

const PURPOSE: &str = "kms grant token";
const VERSION: u8 = 1;

/// `InvalidGrantTokenException`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadGrantToken;

impl fmt::Display for BadGrantToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the grant token is not valid")
    }
}

impl std::error::Error for BadGrantToken {}

/// What a grant token stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantToken {
    /// The ARN of the KMS key.
    pub key_arn: String,
    pub grant_id: String,
}

impl GrantToken {
    /// Text for the wire, base64url, never the same twice.
    ///
    /// # Errors
    /// [`BadGrantToken`] when a name is longer than 65,535 bytes, which no ARN is.
    pub fn seal(&self, sealer: &Sealer, rng: &Rng) -> Result<String, BadGrantToken> {
        let mut body = vec![VERSION];
        let fits = fields::put(&mut body, self.key_arn.as_bytes())
            && fields::put(&mut body, self.grant_id.as_bytes());
        if !fits {
            return Err(BadGrantToken);
        }
        Ok(sealer.seal_compact(rng, PURPOSE, &body))
    }

    /// # Errors
    /// [`BadGrantToken`] unless the text came from [`GrantToken::seal`] under the same master.
    pub fn open(sealer: &Sealer, text: &str) -> Result<GrantToken, BadGrantToken> {
        let body = sealer.open_compact(PURPOSE, text).map_err(|_| BadGrantToken)?;
        GrantToken::read(&body).ok_or(BadGrantToken)
    }

    fn read(body: &[u8]) -> Option<GrantToken> {
        let mut rest = body.strip_prefix(&[VERSION])?;
        let key_arn = fields::take_text(&mut rest)?.to_owned();
        let grant_id = fields::take_text(&mut rest)?.to_owned();
        rest.is_empty().then_some(GrantToken { key_arn, grant_id })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, prop_assert_eq, proptest};

    fn token() -> GrantToken {
        let key_arn =
            "arn:aws:kms:us-east-1:000000000000:key/1234abcd-12ab-34cd-56ef-1234567890ab".to_owned();
        GrantToken { key_arn, grant_id: "f".repeat(64) }
    }

    #[test]
    fn a_token_names_its_grant() {
        let (sealer, rng) = (Sealer::new(&[1; 32]), Rng::seeded(1));
        let text = token().seal(&sealer, &rng).unwrap();
        assert!(text.len() <= 8192, "longer than GrantTokenType");
        assert_eq!(GrantToken::open(&sealer, &text), Ok(token()));
        assert_eq!(GrantToken::open(&Sealer::new(&[2; 32]), &text), Err(BadGrantToken));
        let session = sealer.seal_compact(&rng, "session", b"\x01\0\0\0\0");
        assert_eq!(GrantToken::open(&sealer, &session), Err(BadGrantToken));
        let too_long = GrantToken { key_arn: "a".repeat(70_000), grant_id: String::new() };
        assert_eq!(too_long.seal(&sealer, &rng), Err(BadGrantToken));
    }

    proptest! {
        #[test]
        fn hostile_tokens_are_refused_without_panic(
            text in "\\PC{0,80}",
            body in proptest::collection::vec(any::<u8>(), 0..40),
        ) {
            prop_assert_eq!(GrantToken::open(&Sealer::new(&[1; 32]), &text), Err(BadGrantToken));
            let _ = GrantToken::read(&body);
        }
    }
}
