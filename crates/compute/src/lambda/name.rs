//! What a request may call a function: its name, a part of its ARN, or all of it, with or without a qualifier.

use super::errors::{LambdaError, invalid};
use base::{AccountId, Arn, Region};
use kernel::Cx;
use store::Key;

/// The version that changes.
pub(crate) const LATEST: &str = "$LATEST";

/// A function and the version or alias of it that is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) account: AccountId,
    pub(crate) region: Region,
    pub(crate) name: String,
    pub(crate) qualifier: Option<String>,
}

impl Named {
    /// Reads what a request says.
    ///
    /// # Errors
    /// `InvalidParameterValueException`, `ResourceNotFoundException` for a function of another region.
    pub(crate) fn read(cx: &Cx<'_>, text: &str, qualifier: Option<&str>) -> Result<Named, LambdaError> {
        let named = Named::parse(text, cx.account, cx.region)?;
        if named.region != cx.region {
            let (there, here) = (named.region.name(), cx.region.name());
            return Err(LambdaError::NotFound(format!(
                "Functions from '{there}' are not reachable in this region ('{here}')"
            )));
        }
        named.qualified(qualifier)
    }

    /// As [`Named::read`], where the function as a whole is meant.
    ///
    /// # Errors
    /// Those of [`Named::read`]; `InvalidParameterValueException` for a version or an alias.
    pub(crate) fn whole(cx: &Cx<'_>, text: &str) -> Result<Named, LambdaError> {
        let named = Named::read(cx, text, None)?;
        match named.qualifier.as_deref() {
            None | Some(LATEST) => Ok(Named { qualifier: None, ..named }),
            Some(_) => Err(invalid(
                "This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. Please specify either a function name or an unqualified function ARN.",
            )),
        }
    }

    /// With the qualifier that stands beside the name.
    fn qualified(mut self, beside: Option<&str>) -> Result<Named, LambdaError> {
        match (&self.qualifier, beside) {
            (Some(own), Some(beside)) if own != beside => Err(invalid(
                "The derived qualifier from the function name does not match the specified qualifier.",
            )),
            (None, Some(beside)) => {
                self.qualifier = Some(beside.to_owned());
                Ok(self)
            }
            _ => Ok(self),
        }
    }

    /// `name`, `account:function:name`, `arn:aws:lambda:region:account:function:name`, each with `:qualifier` or not.
    fn parse(text: &str, account: AccountId, region: Region) -> Result<Named, LambdaError> {
        let bad = || invalid(format!("Invalid function name: {text}"));
        let (account, region, rest) = if text.starts_with("arn:") {
            in_arn(text, "function:").ok_or_else(bad)?
        } else {
            match text.split_once(":function:") {
                Some((owner, rest)) => (AccountId::parse(owner).ok_or_else(bad)?, region, rest.to_owned()),
                None => (account, region, text.strip_prefix("function:").unwrap_or(text).to_owned()),
            }
        };
        let (name, qualifier) = match rest.split_once(':') {
            Some((name, qualifier)) => (name.to_owned(), Some(qualifier.to_owned())),
            None => (rest, None),
        };
        if name.is_empty() || name.len() > 64 || qualifier.as_deref().is_some_and(|q| q.contains(':')) {
            return Err(bad());
        }
        Ok(Named { account, region, name, qualifier })
    }

    pub(crate) fn key(&self) -> Key {
        Key::regional(self.account, self.region).str(&self.name)
    }

    pub(crate) fn arn(&self) -> String {
        function_arn(self.account, self.region, &self.name)
    }

    /// The ARN with the qualifier, where there is one.
    pub(crate) fn qualified_arn(&self) -> String {
        match &self.qualifier {
            Some(qualifier) => format!("{}:{qualifier}", self.arn()),
            None => self.arn(),
        }
    }

    pub(crate) fn not_found(&self) -> LambdaError {
        LambdaError::NotFound(format!("Function not found: {}", self.qualified_arn()))
    }
}

/// Whose a resource of Lambda's is, where, and what follows the word for its kind.
pub(crate) fn in_arn(text: &str, kind: &str) -> Option<(AccountId, Region, String)> {
    let arn = Arn::parse(text).filter(|arn| arn.service == "lambda")?;
    let rest = arn.resource.strip_prefix(kind)?.to_owned();
    Some((AccountId::parse(&arn.account)?, Region::parse(&arn.region)?, rest))
}

pub(crate) fn function_arn(account: AccountId, region: Region, name: &str) -> String {
    Arn::new("lambda", region.name(), account.as_str(), &format!("function:{name}")).to_string()
}

#[cfg(test)]
mod tests {
    use super::Named;
    use base::{AccountId, Region};

    #[test]
    fn names() {
        let own = AccountId::parse("111111111111").unwrap();
        let read =
            |text: &str| Named::parse(text, own, Region::US_EAST_1).map(|n| (n.qualified_arn(), n.name));
        for (text, arn) in [
            ("f", "arn:aws:lambda:us-east-1:111111111111:function:f"),
            ("f:live", "arn:aws:lambda:us-east-1:111111111111:function:f:live"),
            ("222222222222:function:f", "arn:aws:lambda:us-east-1:222222222222:function:f"),
            (
                "arn:aws:lambda:eu-west-1:222222222222:function:f:$LATEST",
                "arn:aws:lambda:eu-west-1:222222222222:function:f:$LATEST",
            ),
        ] {
            assert_eq!(read(text), Ok((arn.to_owned(), "f".to_owned())), "{text}");
        }
        for bad in
            ["", "arn:aws:sqs:us-east-1:111111111111:q", "arn:aws:lambda:us-east-1:111111111111:layer:x"]
        {
            assert!(read(bad).is_err(), "{bad}");
        }
        let named = Named::parse("f:1", own, Region::US_EAST_1).unwrap();
        assert!(named.clone().qualified(Some("1")).is_ok() && named.qualified(Some("2")).is_err());
    }
}
