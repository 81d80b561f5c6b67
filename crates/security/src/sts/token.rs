//! Temporary credentials: a key id and a secret, and a session token that is a sealed record of the whole session.
//!
//! Nothing is stored: whoever shows the token shows everything that the cloud needs to know, and nobody can read or
//! change it. What must be looked up anew on every use (does the role still exist, what may it do) is in
//! [`super::caller`]. The record is small: without policies and tags a token has some 300 bytes.

use super::key_id;
use base::{AccountId, Rng, Timestamp};
use kernel::seal::{BadSeal, Sealer};
use std::collections::BTreeMap;
use store::record::Record;

/// What the seal of a session token is bound to.
const PURPOSE: &str = "sts/session-token";

store::record_enum! {
    /// Who has been given the session.
    #[derive(Clone, PartialEq, Debug)]
    pub enum Holder {
        1 => Root,
        /// The name and the unique id of a user.
        2 => User((String, String)),
        /// The name and the unique id of a role; the session's name is the token's.
        3 => Role((String, String)),
        /// Of the root user, under the token's name.
        4 => FederatedByRoot,
        /// Of this user, under the token's name.
        5 => FederatedByUser((String, String)),
        /// Of the root user, for the one task that the session's policy leaves.
        6 => RootTask,
    }
}

store::record! {
    /// What a session token says.
    #[derive(Clone, PartialEq)]
    pub struct Token {
        1 => pub access_key: String,
        2 => pub secret: String,
        3 => pub account: AccountId,
        4 => pub holder: Holder,
        /// Of a role session or a federated user.
        5 => pub name: String,
        6 => pub issued: Timestamp,
        7 => pub expires: Timestamp,
        8 => pub mfa: Option<Timestamp>,
        9 => pub source_identity: Option<String>,
        /// Session tags, the inherited ones included.
        10 => pub tags: BTreeMap<String, String>,
        11 => pub transitive: Vec<String>,
        /// The inline session policy.
        12 => pub policy: Option<String>,
        13 => pub policy_arns: Vec<String>,
        /// Condition keys that hold for the whole session.
        14 => pub keys: Vec<(String, String)>,
        /// Says nothing: makes the token as long as somebody asked for.
        15 => pub padding: Vec<u8>,
        /// The product provider who uses what the holder has delegated.
        16 => pub delegate: Option<AccountId>,
    }
}

impl std::fmt::Debug for Token {
    /// Without the secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Token")
            .field("access_key", &self.access_key)
            .field("holder", &self.holder)
            .finish_non_exhaustive()
    }
}

impl Token {
    /// New credentials, whose session is yet to be described.
    pub fn new(
        rng: &Rng,
        account: AccountId,
        holder: Holder,
        issued: Timestamp,
        expires: Timestamp,
    ) -> Token {
        Token {
            access_key: key_id::temporary(rng, account),
            secret: base::id::secret_access_key(rng),
            account,
            holder,
            issued,
            expires,
            ..Token::default()
        }
    }

    pub fn seal(&self, sealer: &Sealer, rng: &Rng) -> String {
        sealer.seal_compact(rng, PURPOSE, &self.to_bytes())
    }

    /// # Errors
    /// [`BadSeal`] unless this cloud gave the token.
    pub fn open(sealer: &Sealer, text: &str) -> Result<Token, BadSeal> {
        let bytes = sealer.open_compact(PURPOSE, text)?;
        Token::from_bytes(&bytes).map_err(|_| BadSeal)
    }
}

#[cfg(test)]
mod tests {
    use super::{Holder, Token};
    use base::{AccountId, Rng, Timestamp};
    use kernel::seal::Sealer;

    fn token(rng: &Rng) -> Token {
        let account = AccountId::parse("123456789012").unwrap();
        let role = Holder::Role(("deployer".into(), "AROAAAAAAAAAAAAAAAAAA".into()));
        let (from, to) = (Timestamp::from_seconds(1_768_478_400), Timestamp::from_seconds(1_768_482_000));
        Token { name: "session".into(), ..Token::new(rng, account, role, from, to) }
    }

    #[test]
    fn a_token_comes_back_whole_and_is_small() {
        let (rng, sealer) = (Rng::seeded(1), Sealer::new(&[1; 32]));
        let token = token(&rng);
        let text = token.seal(&sealer, &rng);
        assert!(text.len() < 350, "{}", text.len());
        assert_eq!(Token::open(&sealer, &text), Ok(token));
    }

    #[test]
    fn what_another_cloud_sealed_or_for_another_purpose_does_not_open() {
        let (rng, sealer) = (Rng::seeded(1), Sealer::new(&[1; 32]));
        let foreign = token(&rng).seal(&Sealer::new(&[2; 32]), &rng);
        assert!(Token::open(&sealer, &foreign).is_err());
        let other = sealer.seal_compact(&rng, "kms/grant-token", b"anything");
        assert!(Token::open(&sealer, &other).is_err());
    }
}
