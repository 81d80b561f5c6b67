//! Object lock: what retention and legal holds forbid, and which changes of them are allowed.
//!
//! Nobody passes a legal hold or a compliance retention, root included. A governance retention lets those pass who
//! may and say so (`s3:BypassGovernanceRetention` and its header).
//!
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html>

use super::errors::{Denial, Refusal, S3Error};
use super::model::bucket::{BucketRecord, LockRule};
use super::model::object::{Retention, Version};
use base::Timestamp;
use base::zone::Zone;
use std::time::Duration;

const DAY_SECONDS: u64 = 86_400;
const DAYS_A_YEAR: u64 = 365;
/// AWS: a hundred years.
const DAYS_MAX: i64 = 36_500;
const YEARS_MAX: i64 = 100;

/// Whether the version may not be deleted for good now. `bypass`: the caller passes governance retentions.
pub fn is_protected(version: &Version, now: Timestamp, bypass: bool) -> bool {
    version.legal_hold
        || version.retention.as_ref().is_some_and(|r| r.until > now && (r.compliance || !bypass))
}

/// The refusal to delete a version that is protected.
///
/// # Errors
/// `AccessDenied`.
pub fn check_delete(version: &Version, now: Timestamp, bypass: bool) -> Result<(), S3Error> {
    if is_protected(version, now, bypass) { Err(Denial::Locked.into()) } else { Ok(()) }
}

/// What a new object of the bucket is retained by, unless its request says otherwise.
pub fn default_retention(bucket: &BucketRecord, now: Timestamp) -> Option<Retention> {
    let rule = bucket.lock_rule.as_ref().filter(|_| bucket.object_lock)?;
    Some(Retention { compliance: rule.compliance, until: now.plus(duration(rule)) })
}

fn duration(rule: &LockRule) -> Duration {
    let days = u64::from(rule.days) + u64::from(rule.years) * DAYS_A_YEAR;
    Duration::from_secs(days * DAY_SECONDS)
}

/// Reads a default retention: a mode, and days or years.
///
/// # Errors
/// `MalformedXML`, `InvalidArgument`.
pub fn rule(mode: Option<&str>, days: Option<i64>, years: Option<i64>) -> Result<LockRule, S3Error> {
    let compliance = is_compliance(mode.ok_or(Refusal::MalformedXml)?)?;
    let positive = |n: i64, max: i64, what: &str| match n {
        ..=0 => Err(Denial::RetentionPeriod(
            "Default retention period must be a positive integer value.".to_owned(),
        )),
        n if n > max => Err(Denial::RetentionPeriod(format!(
            "Default retention period too large. Maximum: {max} {what}."
        ))),
        n => Ok(u32::try_from(n).unwrap_or(u32::MAX)),
    };
    match (days, years) {
        (Some(days), None) => Ok(LockRule { compliance, days: positive(days, DAYS_MAX, "days")?, years: 0 }),
        (None, Some(years)) => {
            Ok(LockRule { compliance, days: 0, years: positive(years, YEARS_MAX, "years")? })
        }
        _ => Err(Refusal::MalformedXml.into()),
    }
}

pub fn is_compliance(mode: &str) -> Result<bool, S3Error> {
    match mode {
        "COMPLIANCE" => Ok(true),
        "GOVERNANCE" => Ok(false),
        _ => Err(Refusal::MalformedXml.into()),
    }
}

/// A version's legal hold, once there was one; `OFF` is told as well.
pub fn hold_name(version: &Version) -> Option<&'static str> {
    match (version.legal_hold, version.hold_was_put) {
        (true, _) => Some("ON"),
        (false, true) => Some("OFF"),
        (false, false) => None,
    }
}

pub fn mode_name(compliance: bool) -> &'static str {
    if compliance { "COMPLIANCE" } else { "GOVERNANCE" }
}

/// Reads a retention: both members, or neither, which takes a retention away.
///
/// # Errors
/// `MalformedXML`, `InvalidArgument` for a date that is over.
pub fn retention(
    mode: Option<&str>,
    until: Option<Timestamp>,
    now: Timestamp,
) -> Result<Option<Retention>, S3Error> {
    match (mode, until) {
        (None, None) => Ok(None),
        (Some(mode), Some(until)) => {
            let compliance = is_compliance(mode)?;
            if until <= now {
                let refusal = S3Error::from(Denial::RetainPast).with("ArgumentName", "RetainUntilDate");
                return Err(refusal.with("ArgumentValue", in_pacific_time(until)));
            }
            Ok(Some(Retention { compliance, until }))
        }
        _ => Err(Refusal::MalformedXml.into()),
    }
}

/// AWS: a recorded answer repeats the date as a clock on the Pacific coast shows it.
fn in_pacific_time(at: Timestamp) -> String {
    let shown = Zone::named("America/Los_Angeles").and_then(|zone| zone.shows(at.seconds()));
    let shown = shown.unwrap_or(at.seconds());
    let zone = if shown - at.seconds() == -7 * 3_600 { "PDT" } else { "PST" };
    let text = Timestamp::from_seconds(shown).http_date();
    match text.split([' ', ',']).filter(|part| !part.is_empty()).collect::<Vec<_>>()[..] {
        [weekday, day, month, year, time, _] => format!("{weekday} {month} {day} {time} {zone} {year}"),
        _ => text,
    }
}

/// Whether a version's retention may become `new`.
///
/// # Errors
/// `AccessDenied`.
pub fn check_change(
    version: &Version,
    new: Option<&Retention>,
    now: Timestamp,
    bypass: bool,
) -> Result<(), S3Error> {
    let Some(old) = version.retention.as_ref().filter(|old| old.until > now) else { return Ok(()) };
    let extends = new.is_some_and(|new| new.compliance == old.compliance && new.until >= old.until);
    let hardens = new.is_some_and(|new| new.compliance && !old.compliance && new.until >= old.until);
    if extends || (!old.compliance && bypass) || (hardens && bypass) {
        return Ok(());
    }
    Err(Denial::Locked.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_768_478_400);

    fn later(days: u64) -> Timestamp {
        NOW.plus(Duration::from_secs(days * DAY_SECONDS))
    }

    fn held(compliance: bool, days: u64) -> Version {
        Version { retention: Some(Retention { compliance, until: later(days) }), ..Version::default() }
    }

    #[test]
    fn what_may_be_deleted() {
        assert!(!is_protected(&Version::default(), NOW, false));
        assert!(is_protected(&held(false, 1), NOW, false));
        assert!(!is_protected(&held(false, 1), NOW, true), "governance lets pass");
        assert!(is_protected(&held(true, 1), NOW, true), "compliance does not");
        assert!(!is_protected(&held(true, 1), later(2), false), "it ends");
        assert!(is_protected(&Version { legal_hold: true, ..Version::default() }, NOW, true));
    }

    #[test]
    fn what_may_be_changed() {
        let to = |compliance, days| Some(Retention { compliance, until: later(days) });
        let may = |version: &Version, new: Option<Retention>, bypass| {
            check_change(version, new.as_ref(), NOW, bypass).is_ok()
        };
        assert!(may(&held(true, 5), to(true, 6), false), "longer");
        assert!(!may(&held(true, 5), to(true, 4), true), "never shorter");
        assert!(!may(&held(true, 5), to(false, 9), true), "never softer");
        assert!(!may(&held(true, 5), None, true));
        assert!(may(&held(false, 5), to(false, 6), false));
        assert!(!may(&held(false, 5), to(false, 4), false));
        assert!(may(&held(false, 5), to(false, 4), true));
        assert!(!may(&held(false, 5), to(true, 6), false));
        assert!(may(&held(false, 5), to(true, 6), true));
        assert!(may(&held(false, 5), None, true));
        assert!(may(&Version::default(), to(true, 1), false));
    }

    #[test]
    fn default_rules_are_read() {
        assert_eq!(
            rule(Some("GOVERNANCE"), Some(1), None).unwrap(),
            LockRule { compliance: false, days: 1, years: 0 }
        );
        assert_eq!(rule(Some("GOVERNANCE"), Some(1), Some(1)).unwrap_err().code(), "MalformedXML");
        assert_eq!(rule(None, Some(1), None).unwrap_err().code(), "MalformedXML");
        assert_eq!(rule(Some("COMPLIANCE"), Some(0), None).unwrap_err().code(), "InvalidRetentionPeriod");
        let bucket = BucketRecord {
            object_lock: true,
            lock_rule: Some(LockRule { compliance: true, days: 0, years: 1 }),
            ..BucketRecord::default()
        };
        assert_eq!(default_retention(&bucket, NOW).unwrap().until, later(365));
    }

    #[test]
    fn retentions_are_read() {
        assert_eq!(retention(None, None, NOW).unwrap(), None);
        assert_eq!(retention(Some("GOVERNANCE"), None, NOW).unwrap_err().code(), "MalformedXML");
        let past = retention(Some("GOVERNANCE"), Some(NOW), NOW).unwrap_err();
        assert_eq!(past.message(), "The retain until date must be in the future!");
        let shown = |text: &str| in_pacific_time(Timestamp::parse_iso8601(text).unwrap());
        assert_eq!(shown("2020-01-01T00:00:00Z"), "Tue Dec 31 16:00:00 PST 2019");
        assert_eq!(shown("2020-07-04T08:09:10Z"), "Sat Jul 04 01:09:10 PDT 2020");
    }
}
