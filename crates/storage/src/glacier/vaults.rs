//! Which vault a request is about.

use super::errors::{GlacierError, Refusal, invalid};
use super::model::{VAULTS, Vault, VaultDue, arn};
use base::AccountId;
use kernel::Cx;
use store::{Read, StoreError};

/// The account that a request names: its own, where that is a hyphen.
///
/// # Errors
/// `InvalidParameterValueException`
pub(super) fn owner(cx: &Cx<'_>, text: &str) -> Result<AccountId, GlacierError> {
    if text == "-" {
        return Ok(cx.account);
    }
    AccountId::parse(text).ok_or_else(|| invalid(format!("Invalid account ID: {text}")))
}

/// AWS: what names are made of.
pub(super) fn is_name(text: &str) -> bool {
    (1..=255).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
}

/// # Errors
/// `ResourceNotFoundException`
pub(super) fn find(cx: &Cx<'_>, account: &str, name: &str) -> Result<Vault, GlacierError> {
    let account = owner(cx, account)?;
    let found = VAULTS.get(cx.tx, &Vault::key_of(account, cx.region, name))?;
    found.ok_or_else(|| Refusal::NoVault(arn(account, cx.region, name)).into())
}

/// The same vault as before, as it is now.
///
/// # Errors
/// `ResourceNotFoundException`
pub(super) fn again(cx: &Cx<'_>, before: &Vault) -> Result<Vault, GlacierError> {
    let found = known(cx.tx, &before.due())?;
    found.ok_or_else(|| Refusal::NoVault(before.arn()).into())
}

/// The vault, if it is there still.
///
/// # Errors
/// The store's.
pub(super) fn known(from: &dyn Read, due: &VaultDue) -> Result<Option<Vault>, StoreError> {
    Ok(VAULTS.get(from, &due.key())?.filter(|vault| vault.number == due.number))
}

/// Letters that AWS makes ids of.
const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/// Ids begin with none that a command line could take for an option.
const FIRST: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// An id of so many letters.
pub(super) fn id(cx: &Cx<'_>, len: usize) -> String {
    let rng = cx.rng();
    rng.text(FIRST, 1) + &rng.text(LETTERS, len - 1)
}

#[cfg(test)]
mod tests {
    use super::is_name;

    #[test]
    fn names() {
        for (name, is_good) in [
            ("a", true),
            ("A-b_c.9", true),
            ("", false),
            ("a/b", false),
            ("a:b", false),
            ("ä", false),
            ("a b", false),
        ] {
            assert_eq!(is_name(name), is_good, "{name}");
        }
        assert!(is_name(&"a".repeat(255)) && !is_name(&"a".repeat(256)));
    }
}
