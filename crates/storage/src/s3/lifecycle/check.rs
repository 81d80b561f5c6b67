//! Which lifecycle configurations S3 refuses.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketLifecycleConfiguration.html> and the guide's page
//! on the elements of a configuration.

use super::rules::{Expiration, LifecycleConfiguration, LifecycleRule, Transition};
use crate::s3::errors::{self, Refusal, S3Error};
use base::Timestamp;

const RULES_MAX: usize = 1000;
const ID_CHARS_MAX: usize = 255;
const NEWER_MAX: i64 = 100;
/// The least age for the infrequent access classes.
const INFREQUENT_DAYS_MIN: i64 = 30;
const DAY_MICROS: i64 = 86_400 * 1_000_000;

fn argument(message: impl Into<String>) -> S3Error {
    Refusal::InvalidArgument(message.into()).into()
}

fn request(message: impl Into<String>) -> S3Error {
    Refusal::InvalidRequest(message.into()).into()
}

fn malformed() -> S3Error {
    Refusal::MalformedXml.into()
}

impl LifecycleConfiguration {
    /// Checks what the schema does not.
    ///
    /// # Errors
    /// `MalformedXML`, `InvalidArgument`, `InvalidRequest`.
    pub fn check(&self) -> Result<(), S3Error> {
        if self.rules.is_empty() || self.rules.len() > RULES_MAX {
            return Err(malformed());
        }
        for (at, rule) in self.rules.iter().enumerate() {
            rule.check()?;
            let same = |other: &LifecycleRule| other.id.is_some() && other.id == rule.id;
            if self.rules[..at].iter().any(same) {
                return Err(argument("Rule ID must be unique. Found same ID for more than one rule"));
            }
        }
        let old = self.rules.iter().any(|rule| rule.prefix.is_some());
        if old && self.rules.iter().any(|rule| rule.filter.is_some()) {
            return Err(request(
                "Base level prefix cannot be used in V2, prefixes are only supported in the Filter.",
            ));
        }
        Ok(())
    }

    /// Gives the rules without an id one. `new` makes it of chance.
    pub fn name_rules(&mut self, mut new: impl FnMut() -> String) {
        for rule in self.rules.iter_mut().filter(|rule| rule.id.as_deref().unwrap_or_default().is_empty()) {
            rule.id = Some(new());
        }
    }
}

impl LifecycleRule {
    fn check(&self) -> Result<(), S3Error> {
        if self.id.as_ref().is_some_and(|id| id.chars().count() > ID_CHARS_MAX) {
            return Err(argument("ID length should not exceed allowed limit of 255"));
        }
        match (&self.filter, &self.prefix) {
            (None, None) => return Err(malformed()),
            (Some(filter), _) => filter.check()?,
            (None, Some(_)) => {}
        }
        let acts = self.expiration.is_some()
            || !self.transitions.is_empty()
            || self.noncurrent_expiration.is_some()
            || !self.noncurrent_transitions.is_empty()
            || self.abort.is_some();
        if !acts {
            return Err(request("At least one action needs to be specified in a rule"));
        }
        self.expiration.as_ref().map_or(Ok(()), Expiration::check)?;
        self.transitions.iter().try_for_each(Transition::check)?;
        self.check_noncurrent()?;
        self.check_scope()?;
        self.check_order()
    }

    fn check_noncurrent(&self) -> Result<(), S3Error> {
        let newer = self.noncurrent_expiration.iter().filter_map(|e| e.newer);
        let newer = newer.chain(self.noncurrent_transitions.iter().filter_map(|t| t.newer));
        for count in newer {
            if !(1..=NEWER_MAX).contains(&count) {
                return Err(argument(format!(
                    "'NewerNoncurrentVersions' must be a positive integer of at most {NEWER_MAX}"
                )));
            }
        }
        if let Some(expiration) = &self.noncurrent_expiration {
            let days = expiration.days.ok_or_else(malformed)?;
            if days < 1 {
                return Err(argument(
                    "'NoncurrentDays' for NoncurrentVersionExpiration action must be a positive integer",
                ));
            }
        }
        for transition in &self.noncurrent_transitions {
            let days = transition.days.ok_or_else(malformed)?;
            if days < 0 {
                return Err(argument(
                    "'NoncurrentDays' in NoncurrentVersionTransition action must be nonnegative",
                ));
            }
            let class = transition.class.as_deref().ok_or_else(malformed)?;
            least_age(days, class, "NoncurrentDays", "NoncurrentVersionTransition")?;
            if self.noncurrent_expiration.as_ref().and_then(|e| e.days).is_some_and(|expires| expires <= days)
            {
                return Err(argument(format!(
                    "'NoncurrentDays' in the NoncurrentVersionExpiration action for filter '{}' must be greater than 'NoncurrentDays' in the NoncurrentVersionTransition action",
                    self.filter_text()
                )));
            }
        }
        match &self.abort {
            Some(abort) if abort.days.ok_or_else(malformed)? < 1 => Err(argument(
                "'DaysAfterInitiation' for AbortIncompleteMultipartUpload action must be a positive integer",
            )),
            _ => Ok(()),
        }
    }

    /// Actions that do not go with tags and sizes.
    fn check_scope(&self) -> Result<(), S3Error> {
        let conditions = self.conditions();
        let sizes = conditions.above.is_some() || conditions.below.is_some();
        if let (Some(above), Some(below)) = (conditions.above, conditions.below)
            && above >= below
        {
            return Err(request(
                "'ObjectSizeLessThan' has to be a value greater than 'ObjectSizeGreaterThan'.",
            ));
        }
        if self.abort.is_some() {
            if !conditions.tags.is_empty() {
                return Err(request("AbortIncompleteMultipartUpload cannot be specified with Tags."));
            }
            if sizes {
                return Err(request("AbortIncompleteMultipartUpload cannot be specified with Object Size."));
            }
        }
        let markers = self.expiration.as_ref().is_some_and(|e| e.delete_marker == Some(true));
        if markers && !conditions.tags.is_empty() {
            return Err(request("ExpiredObjectDeleteMarker cannot be specified with Tags."));
        }
        if markers && sizes {
            return Err(request("ExpiredObjectDeleteMarker cannot be specified with Object Size."));
        }
        Ok(())
    }

    /// Dates and days are not mixed, each class is entered once, and nothing moves after it has expired.
    fn check_order(&self) -> Result<(), S3Error> {
        let expiration = self.expiration.as_ref();
        let dated = |t: &Transition| t.date.is_some();
        let expires_dated = expiration.is_some_and(|e| e.date.is_some());
        let expires_aged = expiration.is_some_and(|e| e.days.is_some());
        let mixed_here = self.transitions.iter().any(dated) && !self.transitions.iter().all(dated);
        let mixed =
            self.transitions.iter().any(|t| if t.date.is_some() { expires_aged } else { expires_dated });
        if mixed || mixed_here {
            return Err(request(format!(
                "Found mixed 'Date' and 'Days' based Expiration and Transition actions in lifecycle rule for filter '{}'",
                self.filter_text()
            )));
        }
        for (at, transition) in self.transitions.iter().enumerate() {
            if self.transitions[..at].iter().any(|other| other.class == transition.class) {
                return Err(request(format!(
                    "'StorageClass' must be different for 'Transition' actions in same 'Rule' with filter '{}'",
                    self.filter_text()
                )));
            }
            let (days, expires) = (transition.days, expiration.and_then(|e| e.days));
            if days.zip(expires).is_some_and(|(days, expires)| expires <= days) {
                return Err(argument(format!(
                    "'Days' in the Expiration action for filter '{}' must be greater than 'Days' in the Transition action",
                    self.filter_text()
                )));
            }
            let (date, expires) = (transition.date, expiration.and_then(|e| e.date));
            if date.zip(expires).is_some_and(|(date, expires)| expires <= date) {
                return Err(argument(format!(
                    "'Date' in the Expiration action for filter '{}' must be later than 'Date' in the Transition action",
                    self.filter_text()
                )));
            }
        }
        Ok(())
    }

    fn filter_text(&self) -> String {
        format!("(prefix={})", self.conditions().prefix)
    }
}

fn is_midnight(date: Timestamp) -> bool {
    date.micros().rem_euclid(DAY_MICROS) == 0
}

fn not_midnight(date: Timestamp) -> S3Error {
    errors::argument("'Date' must be at midnight GMT", "Date", date.iso8601())
}

fn least_age(days: i64, class: &str, member: &str, action: &str) -> Result<(), S3Error> {
    if days < INFREQUENT_DAYS_MIN && matches!(class, "STANDARD_IA" | "ONEZONE_IA") {
        return Err(argument(format!(
            "'{member}' in {action} action must be greater than or equal to {INFREQUENT_DAYS_MIN} for storageClass '{class}'"
        )));
    }
    Ok(())
}

impl Expiration {
    fn check(&self) -> Result<(), S3Error> {
        let set = [self.date.is_some(), self.days.is_some(), self.delete_marker.is_some()];
        if set.into_iter().filter(|is_set| *is_set).count() != 1 {
            return Err(malformed());
        }
        if self.days.is_some_and(|days| days < 1) {
            return Err(argument("'Days' for Expiration action must be a positive integer"));
        }
        if let Some(date) = self.date.filter(|date| !is_midnight(*date)) {
            return Err(not_midnight(date));
        }
        Ok(())
    }
}

impl Transition {
    fn check(&self) -> Result<(), S3Error> {
        let class = self.class.as_deref().ok_or_else(malformed)?;
        match (self.days, self.date) {
            (Some(days), None) if days < 0 => {
                Err(argument("'Days' in Transition action must be nonnegative"))
            }
            (Some(days), None) => least_age(days, class, "Days", "Transition"),
            (None, Some(date)) if !is_midnight(date) => Err(not_midnight(date)),
            (None, Some(_)) => Ok(()),
            _ => Err(malformed()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::rules::{AbortUploads, NoncurrentExpiration};
    use super::*;
    use crate::s3::filter::{RuleFilter, RuleTag};

    fn rule() -> LifecycleRule {
        LifecycleRule {
            id: Some("one".into()),
            prefix: Some(String::new()),
            status: "Enabled".into(),
            expiration: Some(Expiration { days: Some(40), ..Expiration::default() }),
            ..LifecycleRule::default()
        }
    }

    fn refused(rules: Vec<LifecycleRule>) -> (String, String) {
        let error = LifecycleConfiguration { rules }.check().unwrap_err();
        (error.code().to_owned(), error.message().to_owned())
    }

    fn days(days: i64, class: &str) -> Vec<Transition> {
        vec![Transition { days: Some(days), class: Some(class.into()), date: None }]
    }

    #[test]
    fn good_rules_pass() {
        let moved = LifecycleRule { transitions: days(30, "STANDARD_IA"), ..rule() };
        let other = LifecycleRule { id: None, ..rule() };
        assert!(LifecycleConfiguration { rules: vec![moved, other.clone(), other] }.check().is_ok());
    }

    #[test]
    fn each_rule_has_its_refusal() {
        let expiring = |expiration| LifecycleRule { expiration: Some(expiration), ..rule() };
        let day = Timestamp::from_seconds(1_768_435_200);
        let noon = Timestamp::from_seconds(1_768_478_400);
        let invalid = |message: &str| ("InvalidArgument".to_owned(), message.to_owned());
        let wrong = |message: &str| ("InvalidRequest".to_owned(), message.to_owned());
        assert_eq!(refused(vec![rule(), rule()]).0, "InvalidArgument");
        assert_eq!(refused(vec![]).0, "MalformedXML");
        assert_eq!(
            refused(vec![expiring(Expiration { days: Some(0), ..Expiration::default() })]),
            invalid("'Days' for Expiration action must be a positive integer")
        );
        assert_eq!(
            refused(vec![expiring(Expiration { date: Some(noon), ..Expiration::default() })]),
            invalid("'Date' must be at midnight GMT")
        );
        assert_eq!(refused(vec![expiring(Expiration::default())]).0, "MalformedXML");
        assert_eq!(
            refused(vec![LifecycleRule { expiration: None, ..rule() }]),
            wrong("At least one action needs to be specified in a rule")
        );
        assert_eq!(
            refused(vec![LifecycleRule { transitions: days(10, "STANDARD_IA"), ..rule() }]),
            invalid(
                "'Days' in Transition action must be greater than or equal to 30 for storageClass 'STANDARD_IA'"
            )
        );
        assert_eq!(
            refused(vec![LifecycleRule { transitions: days(60, "GLACIER"), ..rule() }]),
            invalid(
                "'Days' in the Expiration action for filter '(prefix=)' must be greater than 'Days' in the Transition action"
            )
        );
        let dated = vec![Transition { date: Some(day), class: Some("GLACIER".into()), days: None }];
        assert_eq!(refused(vec![LifecycleRule { transitions: dated, ..rule() }]).0, "InvalidRequest");
        let tagged =
            RuleFilter { tag: Some(RuleTag { key: "k".into(), value: "v".into() }), ..RuleFilter::default() };
        let aborting = LifecycleRule {
            prefix: None,
            filter: Some(tagged),
            abort: Some(AbortUploads { days: Some(1) }),
            ..rule()
        };
        assert_eq!(
            refused(vec![aborting]),
            wrong("AbortIncompleteMultipartUpload cannot be specified with Tags.")
        );
        let noncurrent = NoncurrentExpiration { days: Some(0), newer: None };
        assert_eq!(
            refused(vec![LifecycleRule { noncurrent_expiration: Some(noncurrent), ..rule() }]),
            invalid("'NoncurrentDays' for NoncurrentVersionExpiration action must be a positive integer")
        );
    }
}
