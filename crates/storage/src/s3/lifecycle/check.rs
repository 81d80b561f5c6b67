//! Which lifecycle configurations S3 refuses.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketLifecycleConfiguration.html> and the guide's page
//! on the elements of a configuration.

use super::rules::{Expiration, LifecycleConfiguration, LifecycleRule, NoncurrentTransition, Transition};
use crate::s3::errors::{self, Refusal, S3Error};
use base::Timestamp;

const RULES_MAX: usize = 1000;
const ID_CHARS_MAX: usize = 255;
const NEWER_MAX: i64 = 100;
/// The least age for the infrequent access classes.
const INFREQUENT_DAYS_MIN: i64 = 30;
const DAY_MICROS: i64 = 86_400 * 1_000_000;

/// The refusal of a member that has this value.
fn argument(message: impl Into<String>, name: &str, value: impl ToString) -> S3Error {
    errors::argument(message, name, value.to_string())
}

fn not_positive(member: &str, action: &str, value: i64) -> S3Error {
    argument(format!("'{member}' for {action} action must be a positive integer"), member, value)
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
                let id = rule.id.as_deref().unwrap_or_default();
                return Err(argument(
                    "Rule ID must be unique. Found same ID for more than one rule",
                    "ID",
                    id,
                ));
            }
        }
        if self.rules.iter().any(|rule| rule.prefix.is_some() && rule.filter.is_some()) {
            return Err(request(
                "Base level prefix cannot be used in V2, prefixes are only supported in the Filter.",
            ));
        }
        let old = self.rules.iter().any(|rule| rule.prefix.is_some());
        if old && self.rules.iter().any(|rule| rule.filter.is_some()) {
            return Err(request("Filter element can only be used in Lifecycle V2."));
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
        if let Some(id) = self.id.as_ref().filter(|id| id.chars().count() > ID_CHARS_MAX) {
            return Err(argument("ID length should not exceed allowed limit of 255", "ID", id));
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
        if let Some(expiration) = &self.noncurrent_expiration {
            let action = "NoncurrentVersionExpiration";
            let days = expiration.days.ok_or_else(malformed)?;
            if days < 1 {
                return Err(not_positive("NoncurrentDays", action, days));
            }
            self.check_newer(expiration.newer, action)?;
        }
        for transition in &self.noncurrent_transitions {
            let action = "NoncurrentVersionTransition";
            let days = transition.days.ok_or_else(malformed)?;
            if days < 0 {
                return Err(argument(
                    "'NoncurrentDays' in NoncurrentVersionTransition action must be nonnegative",
                    "NoncurrentDays",
                    days,
                ));
            }
            self.check_newer(transition.newer, action)?;
            let class = transition.class.as_deref().ok_or_else(malformed)?;
            target(class)?;
            least_age(days, class, "NoncurrentDays", action)?;
            let expires = self.noncurrent_expiration.as_ref().and_then(|e| e.days);
            if let Some(expires) = expires.filter(|expires| *expires <= days) {
                return Err(argument(
                    format!(
                        "'NoncurrentDays' in the NoncurrentVersionExpiration action for filter '{}' must be greater than 'NoncurrentDays' in the NoncurrentVersionTransition action",
                        self.filter_text()
                    ),
                    "NoncurrentDays",
                    expires,
                ));
            }
        }
        match self.abort.as_ref().map(|abort| abort.days.ok_or_else(malformed)).transpose()? {
            Some(days) if days < 1 => {
                Err(not_positive("DaysAfterInitiation", "AbortIncompleteMultipartUpload", days))
            }
            _ => Ok(()),
        }
    }

    fn check_newer(&self, newer: Option<i64>, action: &str) -> Result<(), S3Error> {
        match newer {
            None => Ok(()),
            Some(_) if self.filter.is_none() => {
                Err(request("NewerNoncurrentVersions element can only be used in Lifecycle V2."))
            }
            Some(count) if count < 1 => Err(not_positive("NewerNoncurrentVersions", action, count)),
            Some(count) if count > NEWER_MAX => Err(argument(
                format!("'NewerNoncurrentVersions' must be a positive integer of at most {NEWER_MAX}"),
                "NewerNoncurrentVersions",
                count,
            )),
            Some(_) => Ok(()),
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
            let before = &self.transitions[..at];
            before.iter().try_for_each(|other| self.follows(&Step::of(other), &Step::of(transition)))?;
            let (days, expires) = (transition.days, expiration.and_then(|e| e.days));
            if let Some((_, expires)) = days.zip(expires).filter(|(days, expires)| expires <= days) {
                return Err(argument(self.expires_too_early("Days"), "Days", expires));
            }
            let (date, expires) = (transition.date, expiration.and_then(|e| e.date));
            if let Some((_, expires)) = date.zip(expires).filter(|(date, expires)| expires <= date) {
                return Err(argument(self.expires_too_early("Date"), "Date", expires.iso8601()));
            }
        }
        for (at, transition) in self.noncurrent_transitions.iter().enumerate() {
            let before = &self.noncurrent_transitions[..at];
            let mut steps = before.iter().map(Step::of_noncurrent);
            steps.try_for_each(|step| self.follows(&step, &Step::of_noncurrent(transition)))?;
        }
        Ok(())
    }

    fn expires_too_early(&self, member: &str) -> String {
        format!(
            "'{member}' in the Expiration action for filter '{}' must be greater than '{member}' in the Transition action",
            self.filter_text()
        )
    }

    /// Whether the second of two steps goes with the first. Either may be the earlier one.
    fn follows(&self, first: &Step<'_>, second: &Step<'_>) -> Result<(), S3Error> {
        let (filter, action) = (self.filter_text(), second.action);
        if first.class == second.class {
            return Err(request(format!(
                "'StorageClass' must be different for '{action}' actions in same 'Rule' with filter '{filter}'"
            )));
        }
        let (warm, cold) =
            if rank(first.class) > rank(second.class) { (second, first) } else { (first, second) };
        let (days, member) = (cold.day - warm.day, second.member);
        let message = if days <= 0 {
            format!(
                "'{member}' in the '{action}' action for StorageClass '{}' for filter '{filter}' must be greater than '{member}' in the '{action}' action for StorageClass '{}' for filter '{filter}'",
                cold.class, warm.class
            )
        } else if days < least_stay(warm.class) {
            format!(
                "'{member}' in the '{action}' action for StorageClass '{}' for filter '{filter}' must be {} days more than 'filter '{filter}'' in the '{action}' action for StorageClass '{}'",
                cold.class,
                least_stay(warm.class),
                warm.class
            )
        } else {
            return Ok(());
        };
        Err(argument(message, member, &second.value))
    }

    fn filter_text(&self) -> String {
        let filter = self.filter.as_ref();
        let within =
            filter.and_then(|f| f.prefix.as_ref().or(f.and.as_ref().and_then(|a| a.prefix.as_ref())));
        self.prefix.as_ref().or(within).map_or_else(|| "()".to_owned(), |prefix| format!("(prefix={prefix})"))
    }
}

/// A transition of current or of noncurrent versions, by the day that it happens on.
struct Step<'a> {
    class: &'a str,
    day: i64,
    action: &'static str,
    member: &'static str,
    value: String,
}

impl Step<'_> {
    fn of(transition: &Transition) -> Step<'_> {
        let days = transition.days.unwrap_or_default();
        let (day, member, value) = match transition.date {
            Some(date) => (date.micros().div_euclid(DAY_MICROS), "Date", date.iso8601()),
            None => (days, "Days", days.to_string()),
        };
        let class = transition.class.as_deref().unwrap_or_default();
        Step { class, day, action: "Transition", member, value }
    }

    fn of_noncurrent(transition: &NoncurrentTransition) -> Step<'_> {
        let day = transition.days.unwrap_or_default();
        let class = transition.class.as_deref().unwrap_or_default();
        let action = "NoncurrentVersionTransition";
        Step { class, day, action, member: "NoncurrentDays", value: day.to_string() }
    }
}

/// Objects go from the warmer classes to the colder ones.
fn rank(class: &str) -> usize {
    let classes =
        ["STANDARD_IA", "INTELLIGENT_TIERING", "ONEZONE_IA", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE"];
    classes.iter().position(|other| *other == class).unwrap_or_default()
}

/// How many days objects stay in a class before the next.
fn least_stay(class: &str) -> i64 {
    match class {
        "STANDARD_IA" | "ONEZONE_IA" => 30,
        "GLACIER_IR" | "GLACIER" => 90,
        _ => 0,
    }
}

fn target(class: &str) -> Result<(), S3Error> {
    if matches!(class, "STANDARD" | "REDUCED_REDUNDANCY") {
        let message = "Invalid target Storage class for Transition action";
        return Err(argument(message, "StorageClass", class));
    }
    Ok(())
}

fn is_midnight(date: Timestamp) -> bool {
    date.micros().rem_euclid(DAY_MICROS) == 0
}

fn not_midnight(date: Timestamp) -> S3Error {
    errors::argument("'Date' must be at midnight GMT", "Date", date.iso8601())
}

fn least_age(days: i64, class: &str, member: &str, action: &str) -> Result<(), S3Error> {
    if days < INFREQUENT_DAYS_MIN && matches!(class, "STANDARD_IA" | "ONEZONE_IA") {
        return Err(argument(
            format!(
                "'{member}' in {action} action must be greater than or equal to {INFREQUENT_DAYS_MIN} for storageClass '{class}'"
            ),
            member,
            days,
        ));
    }
    Ok(())
}

impl Expiration {
    fn check(&self) -> Result<(), S3Error> {
        let set = [self.date.is_some(), self.days.is_some(), self.delete_marker.is_some()];
        if set.into_iter().filter(|is_set| *is_set).count() != 1 {
            return Err(malformed());
        }
        if let Some(days) = self.days.filter(|days| *days < 1) {
            return Err(not_positive("Days", "Expiration", days));
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
        target(class)?;
        match (self.days, self.date) {
            (Some(days), None) if days < 0 => {
                Err(argument("'Days' in Transition action must be nonnegative", "Days", days))
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
        let order = |first: &str, second: &str, gap: i64| {
            let both = [days(30, first), days(30 + gap, second)].concat();
            refused(vec![LifecycleRule { transitions: both, expiration: None, ..rule() }])
        };
        assert_eq!(
            order("STANDARD_IA", "GLACIER", 29),
            invalid(
                "'Days' in the 'Transition' action for StorageClass 'GLACIER' for filter '(prefix=)' must be 30 days more than 'filter '(prefix=)'' in the 'Transition' action for StorageClass 'STANDARD_IA'"
            )
        );
        assert_eq!(
            order("DEEP_ARCHIVE", "GLACIER", 1),
            invalid(
                "'Days' in the 'Transition' action for StorageClass 'DEEP_ARCHIVE' for filter '(prefix=)' must be greater than 'Days' in the 'Transition' action for StorageClass 'GLACIER' for filter '(prefix=)'"
            )
        );
        assert_eq!(
            refused(vec![LifecycleRule { transitions: days(1, "STANDARD"), ..rule() }]),
            invalid("Invalid target Storage class for Transition action")
        );
        let newer = NoncurrentExpiration { days: Some(1), newer: Some(1) };
        assert_eq!(
            refused(vec![LifecycleRule { noncurrent_expiration: Some(newer), ..rule() }]),
            wrong("NewerNoncurrentVersions element can only be used in Lifecycle V2.")
        );
        let noncurrent = NoncurrentExpiration { days: Some(0), newer: None };
        assert_eq!(
            refused(vec![LifecycleRule { noncurrent_expiration: Some(noncurrent), ..rule() }]),
            invalid("'NoncurrentDays' for NoncurrentVersionExpiration action must be a positive integer")
        );
    }
}
