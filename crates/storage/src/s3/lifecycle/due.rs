//! What the rules do to one object, and when.
//!
//! An age counts in days, and is reached at the midnight (UTC) after it: something of 10:30 with three days is due at
//! 00:00 of the fourth day after.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html#intro-lifecycle-rules-number-of-days>

use super::rules::{LifecycleConfiguration, LifecycleRule};
use base::Timestamp;
use base::tag::Tags;
use std::time::Duration;

const DAY: i64 = 86_400;
/// Smaller objects stay in their class, unless a rule's filter speaks of sizes.
const TRANSITION_BYTES_MIN: u64 = 128 << 10;

/// Which classes small objects stay out of, where a rule does not speak of sizes.
///
/// AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html>
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Smallest {
    /// `all_storage_classes_128K`
    OfAll,
    /// `varies_by_storage_class`: all but Glacier's two archives.
    Varies,
}

/// What rules look at.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    pub key: &'a str,
    pub size: u64,
    pub tags: &'a Tags,
    /// When it was made.
    pub modified: Timestamp,
    /// The name of its storage class.
    pub class: &'a str,
}

/// A change that a rule wants, and the time from which on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Due<'r> {
    pub at: Timestamp,
    pub rule: &'r str,
    pub change: Change<'r>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change<'r> {
    Expire,
    Move(&'r str),
}

/// The midnight that ends the day in which `days` are over.
pub fn after_days(start: Timestamp, days: i64) -> Timestamp {
    let over = start.seconds().saturating_add(days.saturating_mul(DAY));
    Timestamp::from_seconds((over.div_euclid(DAY) + 1).saturating_mul(DAY))
}

/// From cold to colder: rules never warm anything up.
fn depth(class: &str) -> u8 {
    match class {
        "STANDARD" | "REDUCED_REDUNDANCY" => 0,
        "STANDARD_IA" => 1,
        "INTELLIGENT_TIERING" => 2,
        "ONEZONE_IA" => 3,
        "GLACIER_IR" => 4,
        "GLACIER" => 5,
        _ => 6,
    }
}

impl LifecycleConfiguration {
    fn enabled(&self) -> impl Iterator<Item = &LifecycleRule> {
        self.rules.iter().filter(|rule| rule.is_enabled())
    }

    fn fitting<'a>(&'a self, subject: &'a Subject<'_>) -> impl Iterator<Item = &'a LifecycleRule> {
        self.enabled().filter(|rule| rule.conditions().hold(subject.key, subject.size, subject.tags))
    }

    /// The first expiry that rules give a current version.
    pub fn expiry<'a>(&'a self, subject: &'a Subject<'_>) -> Option<Due<'a>> {
        let due = self.fitting(subject).filter_map(|rule| {
            let expiration = rule.expiration.as_ref()?;
            let at = match (expiration.days, expiration.date) {
                (Some(days), _) => after_days(subject.modified, days),
                (None, date) => date?,
            };
            Some(Due { at, rule: rule.id.as_deref().unwrap_or_default(), change: Change::Expire })
        });
        due.min_by_key(|due| due.at)
    }

    /// The changes of a current version, first things first. An expiry ends the list.
    pub fn current<'a>(&'a self, subject: &'a Subject<'_>, smallest: Smallest) -> Vec<Due<'a>> {
        let mut all: Vec<Due<'_>> = self.expiry(subject).into_iter().collect();
        for rule in self.fitting(subject) {
            for transition in &rule.transitions {
                let Some(class) = transition.class.as_deref() else { continue };
                if !moves(rule, subject.size, class, smallest) {
                    continue;
                }
                let at = transition.days.map(|days| reached(subject.modified, days)).or(transition.date);
                let Some(at) = at.filter(|_| depth(class) > depth(subject.class)) else { continue };
                all.push(Due {
                    at,
                    rule: rule.id.as_deref().unwrap_or_default(),
                    change: Change::Move(class),
                });
            }
        }
        in_order(all)
    }

    /// The changes of a version that stopped being the current one at `since`, with `newer` noncurrent versions of its
    /// key behind it.
    pub fn noncurrent<'a>(
        &'a self,
        subject: &'a Subject<'_>,
        since: Timestamp,
        newer: usize,
        smallest: Smallest,
    ) -> Vec<Due<'a>> {
        let kept =
            |count: Option<i64>| count.and_then(|n| usize::try_from(n).ok()).is_some_and(|n| newer < n);
        let mut all = Vec::new();
        for rule in self.fitting(subject) {
            let id = rule.id.as_deref().unwrap_or_default();
            if let Some(expiration) = rule.noncurrent_expiration.as_ref().filter(|e| !kept(e.newer)) {
                let at = after_days(since, expiration.days.unwrap_or_default());
                all.push(Due { at, rule: id, change: Change::Expire });
            }
            for transition in rule.noncurrent_transitions.iter().filter(|t| !kept(t.newer)) {
                let Some(class) = transition.class.as_deref() else { continue };
                if depth(class) > depth(subject.class) && moves(rule, subject.size, class, smallest) {
                    let at = reached(since, transition.days.unwrap_or_default());
                    all.push(Due { at, rule: id, change: Change::Move(class) });
                }
            }
        }
        in_order(all)
    }

    /// When a delete marker that is the only version left is to go: at once, or with the age of its rule.
    pub fn lone_marker<'a>(&'a self, key: &str, made: Timestamp) -> Option<Due<'a>> {
        let due = self.enabled().filter_map(|rule| {
            let expiration = rule.expiration.as_ref()?;
            let conditions = rule.conditions();
            // Markers have neither tags nor a size to look at.
            let fits = key.starts_with(conditions.prefix)
                && conditions.tags.is_empty()
                && conditions.above.is_none()
                && conditions.below.is_none();
            let at = match (expiration.delete_marker, expiration.days, expiration.date) {
                (Some(true), _, _) => made,
                (_, Some(days), _) => after_days(made, days),
                (_, None, date) => date?,
            };
            fits.then(|| Due { at, rule: rule.id.as_deref().unwrap_or_default(), change: Change::Expire })
        });
        due.min_by_key(|due| due.at)
    }

    /// When an upload that was begun then is to be aborted, and by which rule.
    pub fn abort<'a>(&'a self, key: &str, begun: Timestamp) -> Option<Due<'a>> {
        let due =
            self.enabled().filter(|rule| key.starts_with(rule.conditions().prefix)).filter_map(|rule| {
                let days = rule.abort.as_ref()?.days?;
                let at = after_days(begun, days);
                Some(Due { at, rule: rule.id.as_deref().unwrap_or_default(), change: Change::Expire })
            });
        due.min_by_key(|due| due.at)
    }
}

/// A transition of zero days happens at the next midnight too, as AWS runs its rules.
fn reached(start: Timestamp, days: i64) -> Timestamp {
    after_days(start, days)
}

fn moves(rule: &LifecycleRule, size: u64, class: &str, smallest: Smallest) -> bool {
    let conditions = rule.conditions();
    let small_may = smallest == Smallest::Varies && matches!(class, "GLACIER" | "DEEP_ARCHIVE");
    small_may || conditions.above.is_some() || conditions.below.is_some() || size >= TRANSITION_BYTES_MIN
}

fn in_order(mut all: Vec<Due<'_>>) -> Vec<Due<'_>> {
    // At one time: expiry before moves, and the colder class before the warmer, as AWS resolves conflicts.
    let rank = |change: &Change<'_>| match change {
        Change::Expire => 0,
        Change::Move(class) => 10 - depth(class),
    };
    all.sort_by_key(|due| (due.at, rank(&due.change)));
    if let Some(end) = all.iter().position(|due| due.change == Change::Expire) {
        all.truncate(end + 1);
    }
    all
}

/// `x-amz-expiration`, and its like for uploads' `x-amz-abort-date` in HTTP's form.
pub fn expiration_header(due: &Due<'_>) -> String {
    format!(
        "expiry-date=\"{}\", rule-id=\"{}\"",
        due.at.http_date(),
        super::super::listing::url_encoded(due.rule)
    )
}

/// How long until a moment; none left where it is over.
pub fn left(at: Timestamp, now: Timestamp) -> Duration {
    at.since(now)
}

#[cfg(test)]
mod tests {
    use super::super::rules::{
        AbortUploads, Expiration, NoncurrentExpiration, NoncurrentTransition, Transition,
    };
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse_iso8601(text).unwrap()
    }

    fn rules(rule: LifecycleRule) -> LifecycleConfiguration {
        let rule = LifecycleRule {
            id: Some("r 1".into()),
            prefix: Some("log/".into()),
            status: "Enabled".into(),
            ..rule
        };
        LifecycleConfiguration { rules: vec![rule] }
    }

    fn subject(tags: &Tags) -> Subject<'_> {
        let modified = at("2014-01-15T10:30:00Z");
        Subject { key: "log/a", size: 1 << 20, tags, modified, class: "STANDARD" }
    }

    /// The example of AWS's guide.
    #[test]
    fn days_end_at_midnight() {
        assert_eq!(after_days(at("2014-01-15T10:30:00Z"), 3), at("2014-01-19T00:00:00Z"));
    }

    #[test]
    fn a_current_version_moves_and_then_expires() {
        let configuration = rules(LifecycleRule {
            expiration: Some(Expiration { days: Some(90), ..Expiration::default() }),
            transitions: vec![
                Transition { days: Some(60), class: Some("GLACIER".into()), date: None },
                Transition { days: Some(30), class: Some("STANDARD_IA".into()), date: None },
            ],
            ..LifecycleRule::default()
        });
        let tags = Tags::new();
        let whole = subject(&tags);
        let changes: Vec<Change<'_>> =
            configuration.current(&whole, Smallest::OfAll).into_iter().map(|d| d.change).collect();
        assert_eq!(changes, [Change::Move("STANDARD_IA"), Change::Move("GLACIER"), Change::Expire]);
        let small = Subject { size: 10, ..whole };
        let of_small = |smallest| configuration.current(&small, smallest).len();
        assert_eq!(of_small(Smallest::OfAll), 1, "small objects stay where they are");
        assert_eq!(of_small(Smallest::Varies), 2, "or go to Glacier");
        let cold = Subject { class: "GLACIER", ..whole };
        assert_eq!(configuration.current(&cold, Smallest::OfAll).len(), 1, "nothing warms up");
        let other = Subject { key: "other", ..whole };
        assert!(configuration.current(&other, Smallest::OfAll).is_empty());
        let expiry = configuration.expiry(&whole).unwrap();
        assert_eq!(
            expiration_header(&expiry),
            "expiry-date=\"Wed, 16 Apr 2014 00:00:00 GMT\", rule-id=\"r%201\""
        );
    }

    #[test]
    fn noncurrent_versions_and_their_newer_siblings() {
        let configuration = rules(LifecycleRule {
            noncurrent_expiration: Some(NoncurrentExpiration { days: Some(5), newer: Some(2) }),
            noncurrent_transitions: vec![NoncurrentTransition {
                days: Some(1),
                class: Some("GLACIER".into()),
                newer: None,
            }],
            ..LifecycleRule::default()
        });
        let tags = Tags::new();
        let (subject, since) = (subject(&tags), at("2014-02-01T12:00:00Z"));
        let due = configuration.noncurrent(&subject, since, 2, Smallest::OfAll);
        assert_eq!(
            due.iter().map(|d| d.at).collect::<Vec<_>>(),
            [at("2014-02-03T00:00:00Z"), at("2014-02-07T00:00:00Z")]
        );
        assert_eq!(
            configuration.noncurrent(&subject, since, 1, Smallest::OfAll).len(),
            1,
            "two newer ones are kept"
        );
    }

    #[test]
    fn markers_and_uploads() {
        let markers = Expiration { delete_marker: Some(true), ..Expiration::default() };
        let configuration = rules(LifecycleRule {
            expiration: Some(markers),
            abort: Some(AbortUploads { days: Some(7) }),
            ..LifecycleRule::default()
        });
        let made = at("2014-01-15T10:30:00Z");
        assert_eq!(configuration.lone_marker("log/a", made).unwrap().at, made);
        assert_eq!(configuration.lone_marker("b", made), None);
        assert_eq!(configuration.abort("log/a", made).unwrap().at, at("2014-01-23T00:00:00Z"));
    }
}
