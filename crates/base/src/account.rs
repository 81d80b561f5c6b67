//! AWS account ids: twelve decimal digits.

use std::fmt;

/// Twelve ASCII digits. `Copy`, ordered as text, so that it can begin every storage key.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountId([u8; 12]);

impl AccountId {
    /// The account of the `test`/`test` credentials that LocalStack users have in their scripts.
    pub const DEFAULT: AccountId = AccountId(*b"000000000000");

    /// Nobody's: whose in S3 is what callers without credentials have uploaded. No text is parsed into it.
    pub const ANONYMOUS: AccountId = AccountId(*b"anonymous___");
    /// What numbers begin with that are no account's; it stands for [`AccountId::ANONYMOUS`].
    const BEYOND: u64 = 1_000_000_000_000;

    /// `None` unless `text` is exactly twelve ASCII digits.
    pub fn parse(text: &str) -> Option<AccountId> {
        let bytes: [u8; 12] = text.as_bytes().try_into().ok()?;
        bytes.iter().all(u8::is_ascii_digit).then_some(AccountId(bytes))
    }

    /// The account with this number; digits beyond twelve are cut, but for the number of [`AccountId::ANONYMOUS`].
    pub fn from_number(number: u64) -> AccountId {
        if number == AccountId::BEYOND {
            return AccountId::ANONYMOUS;
        }
        let mut digits = [b'0'; 12];
        let mut rest = number;
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        AccountId(digits)
    }

    pub fn number(self) -> u64 {
        if self == AccountId::ANONYMOUS {
            return AccountId::BEYOND;
        }
        self.0.iter().fold(0, |n, d| n * 10 + u64::from(d - b'0'))
    }

    pub fn as_str(&self) -> &str {
        // The constructors admit ASCII only.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::AccountId;

    #[test]
    fn twelve_digits_or_nothing() {
        assert_eq!(AccountId::parse("123456789012").unwrap().as_str(), "123456789012");
        for bad in ["", "12345678901", "1234567890123", "12345678901a", "１23456789012"] {
            assert_eq!(AccountId::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn number_and_text_agree() {
        let account = AccountId::parse("000000000042").unwrap();
        assert_eq!(account.number(), 42);
        assert_eq!(AccountId::from_number(42), account);
        let nobody = AccountId::ANONYMOUS;
        assert_eq!(AccountId::from_number(nobody.number()), nobody);
        assert_eq!(AccountId::parse(nobody.as_str()), None);
    }
}
