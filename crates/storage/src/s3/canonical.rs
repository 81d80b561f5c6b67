//! Canonical user ids: the 64 hexadecimal digits by which ACLs know an account.
//!
//! AWS makes them of chance and remembers them. Here an account exists as soon as somebody names its twelve digits,
//! so the id is a permutation of them that can be read backwards: a Feistel network over SHA-256. It hides nothing and
//! need not: the id is public.

use aws_lc_rs::digest::{SHA256, digest};
use base::AccountId;
use std::cell::RefCell;

const ROUNDS: [u8; 4] = [1, 2, 3, 4];
const HALF: usize = 16;
/// Of the account number, at the end of the plain block; the rest is zero.
const NUMBER_AT: usize = 24;
/// Who writes server access logs; also the owner that AWS shows for them.
pub const LOG_DELIVERY: &str = "c4c1ede66af53448b93c283ce9448c4ba468c9432aa01d700d3878632f77d2d0";

/// Whoever calls without credentials.
///
/// AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/finding-canonical-user-id.html>
pub const ANONYMOUS: &str = "65a011a29cdf8ec533ec3d1ccaae921c";

type Half = [u8; HALF];

thread_local! {
    /// Every request for an object asks for its caller's, and callers are mostly the same.
    static LAST: RefCell<(AccountId, String)> = const { RefCell::new((AccountId::DEFAULT, String::new())) };
}

/// The canonical user id of an account.
pub fn id(account: AccountId) -> String {
    LAST.with_borrow_mut(|(of, last)| {
        if *of != account || last.is_empty() {
            (*of, *last) = (account, made(account));
        }
        last.clone()
    })
}

/// The customer id of an account: by this the messages about events know whose a bucket is.
pub fn customer(account: AccountId) -> String {
    const DIGITS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let digest = digest(&SHA256, account.as_str().as_bytes());
    let digits = digest.as_ref().iter().take(13).map(|byte| char::from(DIGITS[usize::from(byte % 32)]));
    std::iter::once('A').chain(digits).collect()
}

fn made(account: AccountId) -> String {
    if account == AccountId::ANONYMOUS {
        return ANONYMOUS.to_owned();
    }
    let mut plain = [0_u8; 2 * HALF];
    plain[NUMBER_AT..].copy_from_slice(&account.number().to_be_bytes());
    let (mut left, mut right) = halves(&plain);
    for round in ROUNDS {
        (left, right) = (right, mixed(left, right, round));
    }
    left.iter().chain(&right).flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

fn digit(value: u8) -> char {
    char::from_digit(value.into(), 16).unwrap_or('0')
}

/// Whether somebody may have this id: an account, or one of those that S3 has of its own.
pub fn exists(id: &str) -> bool {
    let is_of_cloudfront = id.len() == 96 && id.bytes().all(|b| b.is_ascii_hexdigit());
    is_of_cloudfront
        || id == LOG_DELIVERY
        || account(id).is_some_and(|account| account != AccountId::ANONYMOUS)
}

/// The account whose canonical user id this is.
pub fn account(id: &str) -> Option<AccountId> {
    if id == ANONYMOUS {
        return Some(AccountId::ANONYMOUS);
    }
    let digits = id.as_bytes();
    if digits.len() != 4 * HALF || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let mut block = [0_u8; 2 * HALF];
    for (byte, pair) in block.iter_mut().zip(id.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    let (mut left, mut right) = halves(&block);
    for round in ROUNDS.into_iter().rev() {
        (left, right) = (mixed(right, left, round), left);
    }
    if left != [0; HALF] || right[..8] != [0; 8] {
        return None;
    }
    let number = u64::from_be_bytes(right[8..].try_into().ok()?);
    (number < 1_000_000_000_000).then(|| AccountId::from_number(number))
}

fn halves(block: &[u8; 2 * HALF]) -> (Half, Half) {
    let (mut left, mut right) = ([0; HALF], [0; HALF]);
    left.copy_from_slice(&block[..HALF]);
    right.copy_from_slice(&block[HALF..]);
    (left, right)
}

/// `half` with the round's function of `other` laid over it.
fn mixed(half: Half, other: Half, round: u8) -> Half {
    let mut input = [0_u8; HALF + 1];
    input[..HALF].copy_from_slice(&other);
    input[HALF] = round;
    let mut out = half;
    for (byte, mask) in out.iter_mut().zip(digest(&SHA256, &input).as_ref()) {
        *byte ^= mask;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{account, id};
    use base::AccountId;

    #[test]
    fn an_id_is_of_one_account() {
        let ids: Vec<String> = ["000000000000", "000000000001", "999999999999"]
            .iter()
            .map(|a| id(AccountId::parse(a).unwrap()))
            .collect();
        for (id, text) in ids.iter().zip(["000000000000", "000000000001", "999999999999"]) {
            assert_eq!(id.len(), 64);
            assert_eq!(account(id), AccountId::parse(text));
        }
        assert_ne!(ids[0], ids[1]);
        assert_eq!(account(&"0".repeat(64)), None);
        assert_eq!(account("abc"), None);
        assert_eq!(id(AccountId::ANONYMOUS), super::ANONYMOUS);
        assert_eq!(account(super::ANONYMOUS), Some(AccountId::ANONYMOUS));
        assert!(!super::exists(super::ANONYMOUS), "no policy names it");
        assert_eq!(account(&"z".repeat(64)), None);
    }
}
