//! Restoring archived objects: how long it takes, and what is said of it.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/restoring-objects-retrieval-options.html>

use super::errors::{S3Error, argument};
use super::lifecycle::due::after_days;
use super::model::object::{ArchiveTier, Restore, StorageClass, Version};
use super::rows::Listed;
use crate::retrieval::{HOUR, Tier};
use base::Timestamp;
use std::time::Duration;

/// The archive that a version lies in, by its class or within it.
pub fn archive(class: StorageClass, tier: Option<ArchiveTier>) -> Option<ArchiveTier> {
    match class {
        StorageClass::Glacier => Some(ArchiveTier::Archive),
        StorageClass::DeepArchive => Some(ArchiveTier::Deep),
        StorageClass::IntelligentTiering => tier,
        _ => None,
    }
}

/// How long a retrieval takes.
///
/// # Errors
/// `InvalidArgument` for an expedited retrieval from deep archive, which has none.
pub fn duration(archive: ArchiveTier, tier: &str) -> Result<Duration, S3Error> {
    let seconds = match (archive, tier) {
        (ArchiveTier::Deep, "Expedited") => {
            let message = "Retrieval option is not supported by this storage class";
            return Err(argument(message, "Tier", tier));
        }
        (ArchiveTier::Deep, "Bulk") => 48 * HOUR,
        (ArchiveTier::Deep, _) => 12 * HOUR,
        _ => return Ok(Tier::parse(tier).unwrap_or_default().duration()),
    };
    Ok(Duration::from_secs(seconds))
}

/// A retrieval that begins now: of a copy for so many days, or for good.
///
/// # Errors
/// As [`duration`].
pub fn begin(
    archive: ArchiveTier,
    tier: &str,
    days: Option<u32>,
    now: Timestamp,
) -> Result<Restore, S3Error> {
    let ready = now.plus(duration(archive, tier)?);
    let expires = days.map_or(ready, |days| after_days(ready, i64::from(days)));
    Ok(Restore { ready, days: days.unwrap_or_default(), expires, tier: tier.to_owned() })
}

/// How an archived version stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// It can only be read once it is restored.
    Archived,
    /// It is on its way.
    Ongoing,
    /// A copy can be read until then.
    Restored(Timestamp),
}

/// How a version stands now; `None` where it is not archived.
pub fn state(version: &Version, now: Timestamp) -> Option<State> {
    state_of(&Listed::of(version), now)
}

/// As [`state`], of what listings read.
pub fn state_of(listed: &Listed, now: Timestamp) -> Option<State> {
    archive(listed.class, listed.archive)?;
    match &listed.restore {
        Some(restore) if now < restore.ready => Some(State::Ongoing),
        // What was archived within its class comes back for good.
        Some(_) if !listed.class.is_archive() => None,
        Some(restore) if now < restore.expires => Some(State::Restored(restore.expires)),
        _ => Some(State::Archived),
    }
}

/// Whether the bytes can be read now.
pub fn is_readable(version: &Version, now: Timestamp) -> bool {
    matches!(state(version, now), None | Some(State::Restored(_)))
}

/// `x-amz-restore`.
pub fn header(version: &Version, now: Timestamp) -> Option<String> {
    match state(version, now)? {
        State::Archived => None,
        State::Ongoing => Some("ongoing-request=\"true\"".to_owned()),
        State::Restored(until) => {
            Some(format!("ongoing-request=\"false\", expiry-date=\"{}\"", until.http_date()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_comes_and_goes() {
        let now = Timestamp::parse_iso8601("2026-01-15T12:00:00Z").unwrap();
        let mut version = Version { class: StorageClass::Glacier, ..Version::default() };
        assert_eq!(state(&version, now), Some(State::Archived));
        assert!(!is_readable(&version, now));
        version.restore = Some(begin(ArchiveTier::Archive, "Standard", Some(2), now).unwrap());
        assert_eq!(header(&version, now).unwrap(), "ongoing-request=\"true\"");
        let ready = now.plus(Duration::from_secs(5 * HOUR));
        assert!(is_readable(&version, ready));
        assert_eq!(
            header(&version, ready).unwrap(),
            "ongoing-request=\"false\", expiry-date=\"Sun, 18 Jan 2026 00:00:00 GMT\""
        );
        assert!(!is_readable(&version, Timestamp::parse_iso8601("2026-01-18T00:00:00Z").unwrap()));
    }

    #[test]
    fn classes_differ() {
        assert_eq!(duration(ArchiveTier::Archive, "Expedited").unwrap(), Duration::from_secs(300));
        assert_eq!(duration(ArchiveTier::Deep, "Bulk").unwrap(), Duration::from_secs(48 * HOUR));
        assert!(duration(ArchiveTier::Deep, "Expedited").is_err());
        assert!(is_readable(
            &Version { class: StorageClass::GlacierIr, ..Version::default() },
            Timestamp::from_seconds(0)
        ));
    }
}
