//! Console passwords: what a password must be, and how it is kept.
//!
//! PBKDF2-HMAC-SHA256 with a salt for each user. All of a user's remembered passwords share that salt, so that a new
//! one is compared with twenty-four earlier ones at the price of one derivation.
//!
//! AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_passwords_account-policy.html>

use super::IamError;
use super::model::{LoginProfile, PasswordPolicy};
use aws_lc_rs::pbkdf2;
use base::{AccountId, Rng, Timestamp};
use std::num::NonZeroU32;

/// OWASP's recommendation for PBKDF2-HMAC-SHA256.
const ITERATIONS: NonZeroU32 = NonZeroU32::new(600_000).unwrap();
/// The most that a policy can ask to remember.
const EARLIER_MAX: usize = 24;
const LENGTH_DEFAULT: u32 = 8;
const SYMBOLS: &str = "!@#$%^&*()_+-=[]{}|'";

/// Holds a new password against the account's policy, or against AWS's own where the account has none.
///
/// # Errors
/// `PasswordPolicyViolation`.
pub(crate) fn check(text: &str, policy: Option<&PasswordPolicy>, account: AccountId) -> Result<(), IamError> {
    let has = |class: fn(char) -> bool| text.chars().any(class);
    let upper = has(|c| c.is_ascii_uppercase());
    let lower = has(|c| c.is_ascii_lowercase());
    let number = has(|c| c.is_ascii_digit());
    let symbol = has(|c| SYMBOLS.contains(c));
    let length_min = policy.map_or(LENGTH_DEFAULT, |policy| policy.length_min);
    let problem = if text.chars().count() < length_min as usize {
        Some(format!("Password should have a minimum length of {length_min}"))
    } else if let Some(policy) = policy {
        let missing = [
            (policy.needs_uppercase && !upper, "Password should have at least one uppercase letter"),
            (policy.needs_lowercase && !lower, "Password should have at least one lowercase letter"),
            (policy.needs_number && !number, "Password should have at least one number"),
            (policy.needs_symbol && !symbol, "Password should have at least one symbol"),
        ];
        missing.iter().find(|(is_missing, _)| *is_missing).map(|(_, words)| (*words).to_owned())
    } else if [upper, lower, number, symbol].iter().filter(|has| **has).count() < 3 {
        Some(
            "Password should have at least three of: uppercase letters, lowercase letters, numbers, symbols"
                .into(),
        )
    } else if text == account.as_str() {
        Some("Password should not be the account's name".into())
    } else {
        None
    };
    problem.map_or(Ok(()), |words| Err(IamError::PasswordPolicyViolation(words)))
}

/// A profile with its first password.
pub(crate) fn profile(rng: &Rng, text: &str, reset_required: bool, now: Timestamp) -> LoginProfile {
    let salt = rng.bytes::<16>().to_vec();
    let hash = derive(text, &salt, ITERATIONS);
    let iterations = ITERATIONS.get();
    LoginProfile { created: now, changed: now, salt, iterations, hash, reset_required, earlier: Vec::new() }
}

/// Gives a profile another password.
///
/// # Errors
/// `PasswordPolicyViolation` for one of as many earlier ones as the policy remembers.
pub(crate) fn change(
    profile: &mut LoginProfile,
    text: &str,
    policy: Option<&PasswordPolicy>,
    now: Timestamp,
) -> Result<(), IamError> {
    let hash = derive(text, &profile.salt, iterations(profile));
    let remembered = policy.and_then(|policy| policy.reuse_prevention).unwrap_or(0) as usize;
    let used = std::iter::once(&profile.hash).chain(&profile.earlier).take(remembered);
    if used.into_iter().any(|earlier| same(earlier, &hash)) {
        return Err(IamError::PasswordPolicyViolation("Password has been used before".into()));
    }
    let earlier = std::mem::replace(&mut profile.hash, hash);
    profile.earlier.insert(0, earlier);
    profile.earlier.truncate(EARLIER_MAX);
    profile.changed = now;
    Ok(())
}

/// Whether this is the profile's password, in constant time.
pub fn matches(profile: &LoginProfile, text: &str) -> bool {
    same(&profile.hash, &derive(text, &profile.salt, iterations(profile)))
}

fn iterations(profile: &LoginProfile) -> NonZeroU32 {
    NonZeroU32::new(profile.iterations).unwrap_or(ITERATIONS)
}

fn derive(text: &str, salt: &[u8], iterations: NonZeroU32) -> Vec<u8> {
    let mut hash = vec![0; 32];
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, iterations, salt, text.as_bytes(), &mut hash);
    hash
}

fn same(a: &[u8], b: &[u8]) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(a, b).is_ok()
}

#[cfg(test)]
mod tests {
    use super::{change, check, matches, profile};
    use crate::iam::IamError;
    use crate::iam::model::PasswordPolicy;
    use base::{AccountId, Rng, Timestamp};

    fn violation(text: &str, policy: Option<&PasswordPolicy>) -> Option<String> {
        match check(text, policy, AccountId::DEFAULT) {
            Ok(()) => None,
            Err(IamError::PasswordPolicyViolation(words)) => Some(words),
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn without_a_policy_three_of_four_kinds() {
        assert_eq!(violation("Abcdefg1", None), None);
        assert_eq!(violation("Abcdef1", None).unwrap(), "Password should have a minimum length of 8");
        let kinds =
            "Password should have at least three of: uppercase letters, lowercase letters, numbers, symbols";
        assert_eq!(violation("abcdefg1", None).unwrap(), kinds);
    }

    #[test]
    fn each_rule_of_a_policy_has_its_words() {
        let mut policy = PasswordPolicy { length_min: 6, ..PasswordPolicy::default() };
        assert_eq!(violation("aaaaaa", Some(&policy)), None);
        assert_eq!(violation("aaaaa", Some(&policy)).unwrap(), "Password should have a minimum length of 6");
        type Set = fn(&mut PasswordPolicy);
        let rules: [(Set, &str); 4] = [
            (|p| p.needs_uppercase = true, "uppercase letter"),
            (|p| p.needs_lowercase = true, "lowercase letter"),
            (|p| p.needs_number = true, "number"),
            (|p| p.needs_symbol = true, "symbol"),
        ];
        for ((set, what), text) in rules.into_iter().zip(["bbbbb1", "BBBBB1", "bBbBbB", "bBbBb1"]) {
            set(&mut policy);
            let words = format!("Password should have at least one {what}");
            assert_eq!(violation(text, Some(&policy)), Some(words));
        }
        assert_eq!(violation("bBbBb1!", Some(&policy)), None);
    }

    #[test]
    fn earlier_passwords_are_remembered_as_far_as_the_policy_says() {
        let now = Timestamp::from_seconds(1);
        let mut kept = profile(&Rng::seeded(1), "first", false, now);
        assert!(matches(&kept, "first") && !matches(&kept, "First"));
        let policy = PasswordPolicy { reuse_prevention: Some(2), ..PasswordPolicy::default() };
        change(&mut kept, "second", Some(&policy), now).unwrap();
        let again = change(&mut kept, "first", Some(&policy), now);
        assert_eq!(again, Err(IamError::PasswordPolicyViolation("Password has been used before".into())));
        change(&mut kept, "third", Some(&policy), now).unwrap();
        change(&mut kept, "first", Some(&policy), now).unwrap();
        assert!(matches(&kept, "first"));
    }
}
