//! What callers call a table: its name, or its ARN, which may be another account's.

use crate::dynamodb::errors::{Error, constraint, validation};
use base::{AccountId, Arn, Region};
use kernel::Cx;
use wire::validate::{TABLE_NAME_MAX as NAME_MAX, TABLE_NAME_MIN as NAME_MIN, TABLE_NAME_PATTERN as PATTERN};

/// A table, whether it exists or not.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    pub account: AccountId,
    pub region: Region,
    pub name: String,
}

impl Place {
    /// Reads a `TableName` parameter.
    ///
    /// # Errors
    /// `ValidationException`.
    pub fn read(cx: &Cx<'_>, text: &str) -> Result<Place, Error> {
        if text.starts_with("arn:") {
            return Place::read_arn(cx, text);
        }
        check_name(text, "tableName")?;
        Ok(Place { account: cx.account, region: cx.region, name: text.to_owned() })
    }

    /// Reads a table's ARN.
    ///
    /// # Errors
    /// `ValidationException` for ARNs of other things, and of other regions.
    pub fn read_arn(cx: &Cx<'_>, text: &str) -> Result<Place, Error> {
        let invalid =
            || validation(format!("Invalid TableArn: Invalid ResourceArn provided as input {text}"));
        let arn = Arn::parse(text).ok_or_else(invalid)?;
        let name = arn.resource.strip_prefix("table/").ok_or_else(invalid)?;
        if arn.service != "dynamodb" || name.contains('/') || arn.region != cx.region.name() {
            return Err(invalid());
        }
        check_name(name, "tableName").map_err(|_| invalid())?;
        let account = AccountId::parse(&arn.account).ok_or_else(invalid)?;
        Ok(Place { account, region: cx.region, name: name.to_owned() })
    }

    pub fn arn(&self) -> String {
        super::table::arn(self.account, self.region, &self.name)
    }
}

/// # Errors
/// `ValidationException` in the model's words, which is where AWS had these limits before ARNs were accepted too.
pub fn check_name(name: &str, path: &str) -> Result<(), Error> {
    if name.len() < NAME_MIN {
        return Err(constraint(
            name,
            path,
            &format!("Member must have length greater than or equal to {NAME_MIN}"),
        ));
    }
    if name.len() > NAME_MAX {
        return Err(constraint(
            name,
            path,
            &format!("Member must have length less than or equal to {NAME_MAX}"),
        ));
    }
    let good = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
    if !name.bytes().all(good) {
        return Err(constraint(
            name,
            path,
            &format!("Member must satisfy regular expression pattern: {PATTERN}"),
        ));
    }
    Ok(())
}

/// The name that a `TableName` parameter means, for looking at a request before it is checked.
pub fn bare(text: &str) -> &str {
    if text.starts_with("arn:") { text.rsplit('/').next().unwrap_or(text) } else { text }
}
