//! Exchange tokens: what a product provider is sent when a customer has released an approved delegation request, and gives
//! in for credentials, as often as it likes until they end.
//!
//! A token is a sealed record, as session tokens are: only the cloud that made it can read it, and it is good for the
//! account that created the request and nobody else.
//!
//! AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/temporary-delegation-building-integration.html#temporary-delegation-exchange-tokens>

use super::token::{Holder, Token};
use auth::policy::Principal;
use base::{AccountId, Rng, Timestamp};
use kernel::identity::Caller;
use kernel::seal::{BadSeal, Sealer};
use store::record::Record;

const PURPOSE: &str = "sts/trade-in-token";

store::record! {
    #[derive(Clone, PartialEq, Debug)]
    pub struct TradeIn {
        1 => pub request: String,
        /// Who may give it in.
        2 => pub provider: AccountId,
        /// When it, and all that it was exchanged for, ends.
        3 => pub expires: Timestamp,
    }
}

impl TradeIn {
    pub fn seal(&self, sealer: &Sealer, rng: &Rng) -> String {
        sealer.seal_compact(rng, PURPOSE, &self.to_bytes())
    }

    /// # Errors
    /// [`BadSeal`] unless this cloud made the token.
    pub fn open(sealer: &Sealer, text: &str) -> Result<TradeIn, BadSeal> {
        let bytes = sealer.open_compact(PURPOSE, text)?;
        TradeIn::from_bytes(&bytes).map_err(|_| BadSeal)
    }
}

/// A caller as it is now, in the form of a session that has no keys yet. `None` for those who are nobody that a session
/// could be of, and for sessions with a policy of their own: what they may not do would be forgotten.
pub fn approver(sealer: &Sealer, caller: &Caller) -> Option<Token> {
    if let Some(session) = &caller.session {
        let token = Token::open(sealer, &session.token.0).ok()?;
        let is_whole =
            token.policy.is_none() && token.policy_arns.is_empty() && token.holder != Holder::RootTask;
        let is_own = matches!(token.holder, Holder::Root | Holder::User(_) | Holder::Role(_));
        let bare = Token { access_key: String::new(), secret: String::new(), padding: Vec::new(), ..token };
        return (is_whole && is_own).then_some(bare);
    }
    let holder = match &caller.principal {
        Principal::Root { .. } => Holder::Root,
        Principal::User { arn, id, .. } => Holder::User((crate::iam::last_part(arn).to_owned(), id.clone())),
        _ => return None,
    };
    Some(Token { account: caller.account, holder, ..Token::default() })
}

#[cfg(test)]
mod tests {
    use super::TradeIn;
    use crate::sts::token::Token;
    use base::{AccountId, Rng, Timestamp};
    use kernel::seal::Sealer;

    #[test]
    fn a_token_comes_back_and_is_nothing_else() {
        let (rng, sealer) = (Rng::seeded(1), Sealer::new(&[1; 32]));
        let token = TradeIn {
            request: "r".into(),
            provider: AccountId::parse("123456789012").unwrap(),
            expires: Timestamp::from_seconds(1_768_478_400),
        };
        let text = token.seal(&sealer, &rng);
        assert_eq!(TradeIn::open(&sealer, &text), Ok(token));
        assert!(TradeIn::open(&Sealer::new(&[2; 32]), &text).is_err());
        assert!(Token::open(&sealer, &text).is_err());
    }
}
