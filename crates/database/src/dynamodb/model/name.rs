//! What callers call a table: its name, or its ARN, which may be another account's.

use crate::dynamodb::errors::{Error, constraints, parameter, validation};
use base::{AccountId, Arn, Region};
use kernel::Cx;
use wire::validate::table_name_rules as name_rules;

const PARTITION: &str = "aws";
/// What is not done for other accounts.
pub(crate) const OWN_ACCOUNT: &str =
    "This action is only supported by accounts that match the resource owner’s account.";

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
            let invalid =
                |what: &str| validation(format!("1 validation error detected: Invalid {what} in '{text}'"));
            if let Some(arn) = Arn::parse(text).filter(|arn| arn.service == "dynamodb") {
                if arn.partition != PARTITION {
                    return Err(invalid("AWS partition"));
                }
                if arn.region != cx.region.name() {
                    return Err(invalid("AWS region"));
                }
                if !arn.resource.starts_with("table/") {
                    return Err(invalid("resource type"));
                }
            }
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

    /// Reads the ARN of a table that has tags or a policy.
    ///
    /// # Errors
    /// `ValidationException` for ARNs of other things, and of other regions.
    pub fn read_resource(cx: &Cx<'_>, text: &str) -> Result<Place, Error> {
        if !text.starts_with("arn:") {
            return Err(parameter(format_args!("ARNs must start with 'arn:': {text}")));
        }
        if let Some(arn) = Arn::parse(text) {
            let parts = arn.resource.split('/').collect::<Vec<_>>();
            if arn.service != "dynamodb" {
                return Err(parameter(format_args!("Provided Arn is not a DynamoDB resource arn: {text}")));
            }
            if matches!(parts[..], ["table", _, "backup", _]) {
                return Err(parameter(format_args!("Provided Arn is not a DynamoDB resource arn: {text}")));
            }
            if !matches!(parts[..], ["table", _] | ["table", _, "stream", _]) {
                return Err(parameter(format_args!(
                    "Invalid resource arn provided, only table or stream is accepted. Provided resource arn: {text}"
                )));
            }
            let of_policies = cx.request.operation.ends_with("ResourcePolicy");
            let elsewhere = arn.partition != PARTITION || arn.region != cx.region.name();
            if elsewhere && of_policies {
                return Err(parameter(format_args!("Invalid resource Arn: {text}")));
            }
            if of_policies && arn.account != cx.account.as_str() {
                return Err(validation(OWN_ACCOUNT));
            }
        }
        Place::read_arn(cx, text)
    }

    pub fn arn(&self) -> String {
        super::table::arn(self.account, self.region, &self.name)
    }
}

/// # Errors
/// `ValidationException` in the model's words, which is where AWS had these limits before ARNs were accepted too.
pub fn check_name(name: &str, path: &str) -> Result<(), Error> {
    match name_rules(name) {
        rules if rules.is_empty() => Ok(()),
        rules => Err(constraints(name, path, &rules)),
    }
}

/// The name that a `TableName` parameter means, for looking at a request before it is checked.
pub fn bare(text: &str) -> &str {
    if text.starts_with("arn:") { text.rsplit('/').next().unwrap_or(text) } else { text }
}
