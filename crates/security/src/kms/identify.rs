//! What a `KeyId` names: a key's id or ARN, an alias's name or ARN.
//!
//! AWS: <https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html#key-id>

use super::KmsError;
use super::model::{ALIASES, KmsKey, Needs, alias_arn, alias_key, key_arn};
use base::{AccountId, Arn, Region};
use kernel::Cx;

/// Whether an operation takes aliases for keys.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Accepts {
    Keys,
    KeysAndAliases,
}

/// Where a name leads, whether or not there is anything.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Place {
    Key {
        account: AccountId,
        id: String,
        alias: Option<String>,
    },
    /// An alias that does not exist.
    NoAlias {
        account: AccountId,
        arn: String,
    },
}

/// A key that was found by one of its names.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Found {
    pub(crate) key: KmsKey,
    /// The alias by which it was called, with `alias/`.
    pub(crate) alias: Option<String>,
}

/// # Errors
/// `NotFoundException` or `InvalidArnException` for texts that cannot name a key.
pub(crate) fn place(cx: &Cx<'_>, text: &str, accepts: Accepts) -> Result<Place, KmsError> {
    let (account, name) = match text.starts_with("arn:") {
        true => from_arn(text, cx.region)?,
        false => (cx.account, text.to_owned()),
    };
    if name.starts_with("alias/") && accepts == Accepts::KeysAndAliases {
        let found = ALIASES.get(cx.tx, &alias_key(account, cx.region, &name))?;
        return Ok(match found {
            Some(alias) => Place::Key { account, id: alias.key_id, alias: Some(name) },
            None => Place::NoAlias { account, arn: alias_arn(account, cx.region, &name) },
        });
    }
    if !is_key_id(&name) {
        return Err(KmsError::NotFound(format!("Invalid keyId '{text}'")));
    }
    Ok(Place::Key { account, id: name, alias: None })
}

/// The account, and the key's id or the alias's name.
fn from_arn(text: &str, region: Region) -> Result<(AccountId, String), KmsError> {
    let invalid = || KmsError::InvalidArn(format!("Invalid arn {text}"));
    let arn = Arn::parse(text).filter(|arn| arn.service == "kms").ok_or_else(invalid)?;
    let account = AccountId::parse(&arn.account).ok_or_else(invalid)?;
    if arn.region != region.name() {
        return Err(KmsError::NotFound(format!("Invalid arn {}", arn.region)));
    }
    match arn.resource.strip_prefix("key/") {
        Some(id) => Ok((account, id.to_owned())),
        None if arn.resource.starts_with("alias/") => Ok((account, arn.resource)),
        None => Err(invalid()),
    }
}

/// A UUID, or `mrk-` and 32 hexadecimal digits.
fn is_key_id(text: &str) -> bool {
    let is_hex = |part: &str, len: usize| part.len() == len && part.bytes().all(|b| b.is_ascii_hexdigit());
    match text.strip_prefix("mrk-") {
        Some(rest) => is_hex(rest, 32),
        None => {
            let parts: Vec<_> = text.split('-').collect();
            parts.len() == 5 && parts.iter().zip([8, 4, 4, 4, 12]).all(|(part, len)| is_hex(part, len))
        }
    }
}

impl Place {
    /// # Errors
    /// `NotFoundException` in AWS's words.
    pub(crate) fn key(self, cx: &Cx<'_>) -> Result<Found, KmsError> {
        let (account, id, alias) = match self {
            Place::Key { account, id, alias } => (account, id, alias),
            Place::NoAlias { arn, .. } => {
                return Err(KmsError::NotFound(format!("Alias {arn} is not found.")));
            }
        };
        let found = KmsKey::load(cx.tx, account, cx.region, &id)?.filter(|key| !key.is_gone(cx.now));
        match found {
            Some(key) => Ok(Found { key, alias }),
            None => Err(missing(&key_arn(account, cx.region, &id))),
        }
    }
}

pub(crate) fn missing(arn: &str) -> KmsError {
    KmsError::NotFound(format!("Key '{arn}' does not exist"))
}

/// The key that a request of an operation without aliases names.
///
/// # Errors
/// [`place`]'s and [`Place::key`]'s.
pub(crate) fn key(cx: &Cx<'_>, text: &str) -> Result<KmsKey, KmsError> {
    Ok(place(cx, text, Accepts::Keys)?.key(cx)?.key)
}

/// The same in the state that the operation needs.
///
/// # Errors
/// As [`key`], and those of the key's state.
pub(crate) fn key_that(cx: &Cx<'_>, text: &str, needs: Needs) -> Result<KmsKey, KmsError> {
    let found = key(cx, text)?;
    found.check(needs, cx.now)?;
    Ok(found)
}

/// The key of a cryptographic operation, by any of its names.
///
/// # Errors
/// As [`key_that`].
pub(crate) fn enabled(cx: &Cx<'_>, text: &str) -> Result<KmsKey, KmsError> {
    let found = place(cx, text, Accepts::KeysAndAliases)?.key(cx)?.key;
    found.check(Needs::Enabled, cx.now)?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::{from_arn, is_key_id};
    use base::Region;
    use wire::Fault;

    #[test]
    fn ids_have_one_of_two_forms() {
        for good in ["1234abcd-12ab-34cd-56ef-1234567890ab", "mrk-d3b95762d3b95762d3b95762d3b95762"] {
            assert!(is_key_id(good), "{good}");
        }
        for bad in ["", "fake-key-id", "134f2428cec14b25a1ae9048164dba47", "mrk-fake-key-id", "alias/x"] {
            assert!(!is_key_id(bad), "{bad}");
        }
    }

    #[test]
    fn arns_of_elsewhere_and_of_other_things() {
        let said = |text: &str| Fault::from(from_arn(text, Region::US_EAST_1).unwrap_err()).to_string();
        let elsewhere = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";
        assert_eq!(said(elsewhere), "NotFoundException (400): Invalid arn eu-west-1");
        let other = "arn:aws:s3:us-east-1:123456789012:key/x";
        assert_eq!(said(other), format!("InvalidArnException (400): Invalid arn {other}"));
    }
}
