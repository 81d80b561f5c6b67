//! Storage class analyses: how much lies in each class by age, and how much of it is read, told day by day in a file of
//! another bucket. What a configuration may say ([`AnalyticsConfiguration::check`]), what is counted ([`activity`]), and
//! the file ([`csv`]); [`crate::s3::work::Analyses`] writes it.
//!
//! Not here: the ages that AWS recommends for a transition, since it does not tell how it finds them; those columns stay
//! empty. What is uploaded by browsers' forms is not counted.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/analytics-storage-class.html>

pub(crate) mod activity;
pub(crate) mod csv;

use super::errors::{Denial, S3Error};
use super::filter::{Conditions, TAG_KEY_MAX, TAG_VALUE_MAX, TagFilter};
use super::model::bucket;
use super::settings::{self, AnalysisBucket, AnalyticsConfiguration, IdFault};
use base::Timestamp;

const TAGS_MAX: usize = 10;
const DAY_SECONDS: i64 = 86_400;
/// AWS: smaller objects count in the rows of all ages alone.
const AGED_BYTES_MIN: u64 = 128 << 10;
/// The first days of the groups by age.
const FIRST_DAYS: [i64; 12] = [0, 15, 30, 45, 60, 75, 90, 120, 150, 180, 365, 730];
/// Of no group.
pub(crate) const ALL: u32 = 12;

impl AnalysisBucket {
    /// The name of the bucket that the file goes to.
    pub fn name(&self) -> Option<&str> {
        bucket::of_arn(&self.bucket)
    }
}

impl AnalyticsConfiguration {
    /// # Errors
    /// `InvalidConfigId`, `InvalidDestination`, `MalformedXML`; `InvalidAnd`, `InvalidPrefix` and `InvalidTag` for the
    /// filter.
    pub fn check(&self) -> Result<(), S3Error> {
        let id = match settings::id_fault(&self.id) {
            None => None,
            Some(IdFault::Empty) => Some("Config Id is null or empty"),
            Some(IdFault::Long) => {
                Some("Config Id should not be more than 1 char and less than 64 chars in length")
            }
            Some(IdFault::Characters) => Some(settings::ID_CHARACTERS),
        };
        if let Some(message) = id {
            return Err(Denial::ConfigurationId(message.into()).into());
        }
        self.filter.as_ref().map_or(Ok(()), check_filter)?;
        let Some(to) = self.exported() else { return Ok(()) };
        if to.name().is_none() {
            return Err(Denial::AnalysisTarget("Invalid bucket ARN.".into()).into());
        }
        if to.prefix.as_deref() == Some("") {
            let message =
                "S3BucketDestination Prefix should be set with a valid non-empty value or not set at all.";
            return Err(Denial::AnalysisTarget(message.into()).into());
        }
        Ok(())
    }

    /// Where the file goes. Without one an analysis is seen in AWS's console alone.
    pub fn exported(&self) -> Option<&AnalysisBucket> {
        self.analysis.export.as_ref().map(|export| &export.destination.bucket)
    }

    pub(crate) fn conditions(&self) -> Conditions<'_> {
        self.filter.as_ref().map(TagFilter::conditions).unwrap_or_default()
    }
}

/// The same key may be asked for twice: then no object is in the analysis.
fn check_filter(filter: &TagFilter) -> Result<(), S3Error> {
    if filter.and.as_ref().is_some_and(|and| !(1..=TAGS_MAX).contains(&and.tags.len())) {
        let message = "Number of tags should not be less than 1 and more than 10 within And. And cannot contain less than 2 elements.";
        return Err(Denial::FilterAnd(message.into()).into());
    }
    filter.check_strictly()?;
    let wrong = |message: &str| Err(Denial::FilterTag(message.to_owned()).into());
    for tag in filter.tags() {
        if !(1..=TAG_KEY_MAX).contains(&tag.key.chars().count()) {
            return wrong("Tag Key cannot be empty or longer than 128 chars.");
        }
        if !(1..=TAG_VALUE_MAX).contains(&tag.value.chars().count()) {
            return wrong("Tag Value cannot be empty or longer than 256 chars.");
        }
    }
    Ok(())
}

/// The day of a time, counted from 1970 on.
pub(crate) fn day(time: Timestamp) -> i64 {
    time.seconds().div_euclid(DAY_SECONDS)
}

/// The group of an object by its age in days; [`ALL`] of one that is too small for a group.
pub(crate) fn group(made: Timestamp, at: Timestamp, size: u64) -> u32 {
    if size < AGED_BYTES_MIN {
        return ALL;
    }
    let age = at.seconds().saturating_sub(made.seconds()).div_euclid(DAY_SECONDS);
    let younger = FIRST_DAYS.iter().filter(|first| **first <= age).count();
    u32::try_from(younger.max(1) - 1).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn groups_by_age() {
        let made = Timestamp::from_seconds(1_768_478_400);
        let of = |days: u64, size| group(made, made.plus(Duration::from_secs(days * 86_400)), size);
        for (days, wanted) in
            [(0, 0), (14, 0), (15, 1), (29, 1), (30, 2), (364, 9), (365, 10), (729, 10), (5000, 11)]
        {
            assert_eq!(of(days, AGED_BYTES_MIN), wanted, "{days}");
        }
        assert_eq!(of(0, AGED_BYTES_MIN - 1), ALL);
    }
}
