//! Website hosting: the configuration of a bucket, and what it makes of a request ([`route`]).
//!
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/WebsiteHosting.html>

pub mod route;

use super::errors::{Refusal, S3Error, argument};
use super::stored::stored;

stored! {
    pub struct WebsiteConfiguration {
        1 => redirect_all: Option<RedirectAll> = "RedirectAllRequestsTo",
        2 => index: Option<IndexDocument> = "IndexDocument",
        3 => error: Option<ErrorDocument> = "ErrorDocument",
        4 => rules: Option<Vec<RoutingRule>> = "RoutingRules",
    }

    pub struct RedirectAll {
        1 => host: String = "HostName",
        2 => protocol: Option<String> = "Protocol",
    }

    pub struct IndexDocument {
        1 => suffix: String = "Suffix",
    }

    pub struct ErrorDocument {
        1 => key: String = "Key",
    }

    pub struct RoutingRule {
        1 => condition: Option<Condition> = "Condition",
        2 => redirect: Redirect = "Redirect",
    }

    pub struct Condition {
        1 => error: Option<String> = "HttpErrorCodeReturnedEquals",
        2 => prefix: Option<String> = "KeyPrefixEquals",
    }

    pub struct Redirect {
        1 => host: Option<String> = "HostName",
        2 => code: Option<String> = "HttpRedirectCode",
        3 => protocol: Option<String> = "Protocol",
        4 => replace_prefix: Option<String> = "ReplaceKeyPrefixWith",
        5 => replace_key: Option<String> = "ReplaceKeyWith",
    }
}

/// AWS: "Quotas": 50 routing rules.
const RULES_MAX: usize = 50;

impl WebsiteConfiguration {
    /// Checks what the schema does not.
    ///
    /// # Errors
    /// `InvalidArgument`, `InvalidRequest`.
    pub fn check(&self) -> Result<(), S3Error> {
        if let Some(all) = &self.redirect_all {
            if self.index.is_some() || self.error.is_some() || self.rules.is_some() {
                let message =
                    "RedirectAllRequestsTo cannot be provided in conjunction with other Routing Rules.";
                return Err(argument(message, "RedirectAllRequestsTo", "not null"));
            }
            return protocol(all.protocol.as_deref());
        }
        let Some(index) = &self.index else {
            let message =
                "A value for IndexDocument Suffix must be provided if RedirectAllRequestsTo is empty";
            return Err(argument(message, "IndexDocument", "null"));
        };
        if index.suffix.is_empty() || index.suffix.contains('/') {
            return Err(argument(
                "The IndexDocument Suffix is not well formed",
                "IndexDocument",
                index.suffix.clone(),
            ));
        }
        if self.error.as_ref().is_some_and(|error| error.key.is_empty()) {
            return Err(argument("The ErrorDocument Key is not well formed", "ErrorDocument", ""));
        }
        let rules = self.rules.as_deref().unwrap_or_default();
        if self.rules.as_ref().is_some_and(Vec::is_empty) {
            return Err(Refusal::MalformedXml.into());
        }
        if rules.len() > RULES_MAX {
            return Err(request(format!(
                "{} routing rules provided, the number of routing rules in a website configuration is limited to {RULES_MAX}.",
                rules.len()
            )));
        }
        rules.iter().try_for_each(RoutingRule::check)
    }
}

fn request(message: impl Into<String>) -> S3Error {
    Refusal::InvalidRequest(message.into()).into()
}

fn protocol(name: Option<&str>) -> Result<(), S3Error> {
    match name {
        None | Some("http" | "https") => Ok(()),
        Some(_) => Err(request(
            "Invalid protocol, protocol can be http or https. If not defined the protocol will be selected automatically.",
        )),
    }
}

impl RoutingRule {
    fn check(&self) -> Result<(), S3Error> {
        if let Some(condition) = &self.condition {
            if condition.error.is_none() && condition.prefix.is_none() {
                return Err(request(
                    "Condition cannot be empty. To redirect all requests without a condition, the condition element shouldn't be present.",
                ));
            }
            if let Some(code) =
                condition.error.as_deref().map(number).transpose()?.filter(|code| !is_error(*code))
            {
                return Err(request(format!(
                    "The provided HTTP error code ({code}) is not valid. Valid codes are 4XX or 5XX."
                )));
            }
        }
        let redirect = &self.redirect;
        protocol(redirect.protocol.as_deref())?;
        if redirect.replace_prefix.is_some() && redirect.replace_key.is_some() {
            return Err(request("You can only define ReplaceKeyPrefix or ReplaceKey but not both."));
        }
        if let Some(code) =
            redirect.code.as_deref().map(number).transpose()?.filter(|code| !REDIRECTS.contains(code))
        {
            return Err(request(format!(
                "The provided HTTP redirect code ({code}) is not valid. Valid codes are 3XX except 300."
            )));
        }
        let says = redirect.host.is_some()
            || redirect.code.is_some()
            || redirect.protocol.is_some()
            || redirect.replace_prefix.is_some()
            || redirect.replace_key.is_some();
        if says { Ok(()) } else { Err(Refusal::MalformedXml.into()) }
    }
}

fn number(code: &str) -> Result<u32, S3Error> {
    code.parse().map_err(|_| Refusal::MalformedXml.into())
}

/// Those that HTTP knows, whatever the words of the refusal say.
const REDIRECTS: [u32; 7] = [301, 302, 303, 304, 305, 307, 308];

fn is_error(code: u32) -> bool {
    matches!(code, 400..=417 | 421..=431 | 451 | 500..=505 | 507..=511)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_rule(condition: Option<Condition>, redirect: Redirect) -> WebsiteConfiguration {
        WebsiteConfiguration {
            index: Some(IndexDocument { suffix: "index.html".into() }),
            rules: Some(vec![RoutingRule { condition, redirect }]),
            ..WebsiteConfiguration::default()
        }
    }

    #[test]
    fn what_is_refused() {
        let said =
            |configuration: &WebsiteConfiguration| configuration.check().unwrap_err().message().to_owned();
        assert_eq!(
            said(&WebsiteConfiguration::default()),
            "A value for IndexDocument Suffix must be provided if RedirectAllRequestsTo is empty"
        );
        let to = Redirect { host: Some("h".into()), ..Redirect::default() };
        assert!(with_rule(None, to.clone()).check().is_ok());
        assert_eq!(
            said(&with_rule(Some(Condition::default()), to.clone())),
            "Condition cannot be empty. To redirect all requests without a condition, the condition element shouldn't be present."
        );
        let bad = Condition { error: Some("200".into()), prefix: None };
        assert_eq!(
            said(&with_rule(Some(bad), to)),
            "The provided HTTP error code (200) is not valid. Valid codes are 4XX or 5XX."
        );
        for code in ["300", "306", "309", "399", "200"] {
            let to = Redirect { code: Some(code.into()), ..Redirect::default() };
            assert_eq!(
                said(&with_rule(None, to)),
                format!(
                    "The provided HTTP redirect code ({code}) is not valid. Valid codes are 3XX except 300."
                )
            );
        }
        for code in ["399", "418", "499", "506"] {
            let bad = Condition { error: Some(code.into()), prefix: None };
            let to = Redirect { host: Some("h".into()), ..Redirect::default() };
            assert_eq!(
                said(&with_rule(Some(bad), to)),
                format!("The provided HTTP error code ({code}) is not valid. Valid codes are 4XX or 5XX.")
            );
        }
        let words = Redirect { code: Some("3xx".into()), ..Redirect::default() };
        assert_eq!(with_rule(None, words).check().unwrap_err().code(), "MalformedXML");
        let both = Redirect {
            replace_key: Some("a".into()),
            replace_prefix: Some("b".into()),
            ..Redirect::default()
        };
        assert_eq!(
            said(&with_rule(None, both)),
            "You can only define ReplaceKeyPrefix or ReplaceKey but not both."
        );
    }
}
