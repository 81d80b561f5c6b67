//! Access key ids, which carry the number of their account as AWS's do.
//!
//! After the prefix come sixteen characters of base 32, that is eighty bits: a one, forty bits of account number,
//! thirty-nine of chance. AWS does not document this layout; `GetAccessKeyInfo` answers by it, and so do the public
//! tools that read an account out of a key id.

use base::{AccountId, Rng};

const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const PREFIX_LEN: usize = 4;
const DIGITS: usize = 16;
const CHANCE_BITS: u32 = 39;
const ACCOUNT_BITS: u32 = 40;

/// The id of temporary credentials: `ASIA...`
pub fn temporary(rng: &Rng, account: AccountId) -> String {
    encode("ASIA", account, rng.u64())
}

fn encode(prefix: &str, account: AccountId, chance: u64) -> String {
    let chance = u128::from(chance & ((1 << CHANCE_BITS) - 1));
    let bits = 1 << (ACCOUNT_BITS + CHANCE_BITS) | u128::from(account.number()) << CHANCE_BITS | chance;
    let digit = |at: usize| char::from(ALPHABET[(bits >> (5 * (DIGITS - 1 - at)) & 31) as usize]);
    prefix.chars().chain((0..DIGITS).map(digit)).collect()
}

/// The account within a key id; `None` where there is none.
pub fn account(id: &str) -> Option<AccountId> {
    let digits = id.as_bytes().get(PREFIX_LEN..).filter(|digits| digits.len() == DIGITS)?;
    let mut bits: u128 = 0;
    for digit in digits {
        bits = bits << 5 | ALPHABET.iter().position(|known| known == digit)? as u128;
    }
    let number = (bits >> CHANCE_BITS) as u64;
    // The leading one tells such ids from those that are all chance.
    (number >> ACCOUNT_BITS == 1)
        .then_some(number & ((1 << ACCOUNT_BITS) - 1))
        .filter(|n| *n < 1_000_000_000_000)
        .map(AccountId::from_number)
}

#[cfg(test)]
mod tests {
    use super::{account, temporary};
    use base::{AccountId, Rng};

    #[test]
    fn the_account_comes_back() {
        for number in ["123456789012", "000000000000", "999999999999"] {
            let own = AccountId::parse(number).unwrap();
            let id = temporary(&Rng::seeded(5), own);
            assert_eq!((id.len(), &id[..4], account(&id)), (20, "ASIA", Some(own)));
        }
    }

    /// A published example of such an id and its account.
    #[test]
    fn the_layout_is_the_public_one() {
        assert_eq!(account("ASIAQNZGKIQY56JQ7WML").map(|a| a.to_string()), Some("029608264753".into()));
    }

    #[test]
    fn other_ids_have_none() {
        for id in ["", "AKIA", "AKIAIOSFODNN7EXAMPLE", "ASIAQNZGKIQY56JQ7WM!", "é", "ASIAQNZGKIQY56JQ7WMLA"]
        {
            assert_eq!(account(id), None, "{id}");
        }
    }
}
