//! Intelligent-Tiering: which access tier an object lies in, and when it moves to an archive.
//!
//! ```text
//! read ── 30 days ──▶ infrequent ── 90 days ──▶ archive instant      by the clock alone
//!      ── as configured, 90 at least ──▶ archive ── 180 at least ──▶ deep archive     moved at midnight, restored by request
//! ```
//!
//! The first tiers only cost differently, so they are told by the clock ([`tier`]); what is archived cannot be read at
//! once, so it is written down ([`ArchiveTier`]), moved by [`super::work::Tiers`], and brought back by a restore.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/intelligent-tiering-overview.html>

use super::buckets::Bucket;
use super::errors::S3Error;
use super::filter::Conditions;
use super::lifecycle::due::after_days;
use super::model::object::{ArchiveTier, StorageClass, Version};
use super::restore::{State, state_of};
use super::rows::Listed;
use super::settings::TieringConfiguration;
use super::versions;
use base::Timestamp;
use kernel::Cx;

/// Smaller objects are not watched, and stay in the first tier.
const WATCHED_BYTES_MIN: u64 = 128 << 10;
const INFREQUENT_DAYS: i64 = 30;
const INSTANT_DAYS: i64 = 90;
const DAY: i64 = 86_400;

/// As S3 names them in inventories.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AccessTier {
    Frequent,
    Infrequent,
    ArchiveInstant,
    Archive,
    DeepArchive,
}

impl AccessTier {
    pub fn name(self) -> &'static str {
        match self {
            AccessTier::Frequent => "FREQUENT",
            AccessTier::Infrequent => "INFREQUENT",
            AccessTier::ArchiveInstant => "ARCHIVE_INSTANT_ACCESS",
            AccessTier::Archive => "ARCHIVE",
            AccessTier::DeepArchive => "DEEP_ARCHIVE",
        }
    }
}

impl ArchiveTier {
    fn parse(name: &str) -> Option<ArchiveTier> {
        [ArchiveTier::Archive, ArchiveTier::Deep].into_iter().find(|tier| tier.name() == name)
    }

    /// As configurations, events and headers name it.
    pub fn name(self) -> &'static str {
        match self {
            ArchiveTier::Archive => "ARCHIVE_ACCESS",
            ArchiveTier::Deep => "DEEP_ARCHIVE_ACCESS",
        }
    }
}

/// When an object was read last, came into the class or came back from an archive.
fn touched(listed: &Listed) -> Timestamp {
    let back = listed.restore.as_ref().map(|restore| restore.ready);
    [listed.accessed, back].into_iter().flatten().fold(listed.modified, Timestamp::max)
}

fn is_watched(class: StorageClass, size: u64) -> bool {
    class == StorageClass::IntelligentTiering && size >= WATCHED_BYTES_MIN
}

/// The access tier; `None` of other classes.
pub fn tier(listed: &Listed, now: Timestamp) -> Option<AccessTier> {
    if listed.class != StorageClass::IntelligentTiering {
        return None;
    }
    let archived = state_of(listed, now).and(listed.archive);
    let idle = |days| after_days(touched(listed), days) <= now;
    Some(match archived {
        Some(ArchiveTier::Archive) => AccessTier::Archive,
        Some(ArchiveTier::Deep) => AccessTier::DeepArchive,
        None if !is_watched(listed.class, listed.size) => AccessTier::Frequent,
        None if idle(INSTANT_DAYS) => AccessTier::ArchiveInstant,
        None if idle(INFREQUENT_DAYS) => AccessTier::Infrequent,
        None => AccessTier::Frequent,
    })
}

/// The archive that configurations want an object to be moved to by now, where it is not there, or deeper, already.
pub fn due(
    configurations: &[TieringConfiguration],
    key: &str,
    version: &Version,
    now: Timestamp,
) -> Option<ArchiveTier> {
    let listed = Listed::of(version);
    if !is_watched(version.class, version.size) || state_of(&listed, now) == Some(State::Ongoing) {
        return None;
    }
    let fits = |found: &&TieringConfiguration| {
        found.status == "Enabled" && conditions(found).hold(key, version.size, &version.tags)
    };
    let tierings = configurations.iter().filter(fits).flat_map(|found| &found.tierings);
    let reached = tierings.filter(|tiering| after_days(touched(&listed), tiering.days) <= now);
    let deepest = reached.filter_map(|tiering| ArchiveTier::parse(&tiering.tier)).max()?;
    let there = state_of(&listed, now).and(version.archive);
    (there < Some(deepest)).then_some(deepest)
}

fn conditions(configuration: &TieringConfiguration) -> Conditions<'_> {
    configuration.filter.as_ref().map(|filter| filter.conditions()).unwrap_or_default()
}

/// Whether a read is to be written down: where the tier goes by it, and once a day, as ages are counted in days.
pub fn is_news(version: &Version, now: Timestamp) -> bool {
    let day = |time: Timestamp| time.seconds().div_euclid(DAY);
    is_watched(version.class, version.size) && day(touched(&Listed::of(version))) < day(now)
}

/// Writes down that a version was read.
///
/// # Errors
/// The store's.
pub(crate) fn note(cx: &mut Cx<'_>, bucket: &Bucket, key: &str, version: &Version) -> Result<(), S3Error> {
    if !is_news(version, cx.now) {
        return Ok(());
    }
    let found = versions::by_id(cx.tx, bucket, key, &version.id())?;
    if let Some(mut found) = found.filter(|found| found.version.order == version.order) {
        found.version.accessed = Some(cx.now);
        versions::update(cx, bucket, key, &found);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::settings::Tiering;
    use super::*;
    use crate::s3::model::object::Restore;

    fn day(days: i64) -> Timestamp {
        Timestamp::from_seconds(days * DAY + 3600)
    }

    fn version() -> Version {
        let class = StorageClass::IntelligentTiering;
        Version { class, size: WATCHED_BYTES_MIN, modified: day(0), ..Version::default() }
    }

    fn named(version: &Version, days: i64) -> &'static str {
        tier(&Listed::of(version), day(days)).unwrap().name()
    }

    fn configured(tiers: &[(&str, i64)]) -> Vec<TieringConfiguration> {
        let tierings = tiers.iter().map(|(tier, days)| Tiering { days: *days, tier: (*tier).to_owned() });
        let tierings = tierings.collect();
        vec![TieringConfiguration { status: "Enabled".into(), tierings, ..TieringConfiguration::default() }]
    }

    #[test]
    fn idle_objects_sink_and_reads_bring_them_up() {
        let mut object = version();
        let told = [30, 31, 90, 91].map(|days| named(&object, days));
        assert_eq!(told, ["FREQUENT", "INFREQUENT", "INFREQUENT", "ARCHIVE_INSTANT_ACCESS"]);
        object.accessed = Some(day(60));
        assert_eq!(named(&object, 90), "FREQUENT");
        object.size -= 1;
        assert_eq!(named(&object, 900), "FREQUENT", "small objects are not watched");
        object.class = StorageClass::Standard;
        assert_eq!(tier(&Listed::of(&object), day(900)), None);
    }

    #[test]
    fn archives_are_chosen_by_configurations() {
        let both = configured(&[("ARCHIVE_ACCESS", 90), ("DEEP_ARCHIVE_ACCESS", 180)]);
        let mut object = version();
        assert_eq!(due(&both, "k", &object, day(90)), None);
        assert_eq!(due(&both, "k", &object, day(91)), Some(ArchiveTier::Archive));
        object.archive = Some(ArchiveTier::Archive);
        assert_eq!(due(&both, "k", &object, day(100)), None, "it is there");
        assert_eq!(named(&object, 100), "ARCHIVE");
        assert_eq!(due(&both, "k", &object, day(181)), Some(ArchiveTier::Deep));
        object.archive = Some(ArchiveTier::Deep);
        assert_eq!(
            due(&configured(&[("ARCHIVE_ACCESS", 90)]), "k", &object, day(400)),
            None,
            "nothing comes up"
        );
        let mut off = both.clone();
        off[0].status = "Disabled".into();
        assert_eq!(due(&off, "k", &version(), day(400)), None);
        let small = Version { size: 1, ..version() };
        assert_eq!(due(&both, "k", &small, day(400)), None);
    }

    #[test]
    fn what_was_restored_is_back_for_good() {
        let both = configured(&[("ARCHIVE_ACCESS", 90)]);
        let restore = Restore { ready: day(101), expires: day(101), ..Restore::default() };
        let archive = Some(ArchiveTier::Archive);
        let object = Version { archive, restore: Some(restore), ..version() };
        assert_eq!(due(&both, "k", &object, day(100)), None, "it is on its way");
        assert_eq!(named(&object, 100), "ARCHIVE");
        assert_eq!(named(&object, 101), "FREQUENT");
        assert_eq!(due(&both, "k", &object, day(150)), None);
        assert_eq!(due(&both, "k", &object, day(192)), Some(ArchiveTier::Archive));
    }
}
