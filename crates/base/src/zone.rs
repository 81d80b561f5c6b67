//! [`Zone`]: the clock of a place. Pure; the rules are compiled in, so that a cloud without a time zone database of its machine
//! says the same.

use jiff::Timestamp;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone, TimeZoneDatabase};
use std::sync::OnceLock;

#[derive(Clone, Debug)]
pub struct Zone(TimeZone);

/// When a place's clock shows a time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Moment {
    /// The first time, where it shows it twice.
    At(i64),
    /// Never: it skips this time. Where it would have been without the skip.
    Skipped(i64),
}

impl Zone {
    /// The zone with this name of the IANA database, in any case.
    pub fn named(name: &str) -> Option<Zone> {
        static ZONES: OnceLock<TimeZoneDatabase> = OnceLock::new();
        ZONES.get_or_init(TimeZoneDatabase::bundled).get(name).ok().map(Zone)
    }

    /// What the clock shows, as seconds since the beginning of 1970 on that clock.
    pub fn shows(&self, at: i64) -> Option<i64> {
        let offset = self.0.to_offset(Timestamp::from_second(at).ok()?);
        at.checked_add(offset.seconds().into())
    }

    pub fn when(&self, shown: i64) -> Option<Moment> {
        let civil = Offset::UTC.to_datetime(Timestamp::from_second(shown).ok()?);
        let less = |offset: Offset| shown - i64::from(offset.seconds());
        Some(match self.0.to_ambiguous_timestamp(civil).offset() {
            AmbiguousOffset::Unambiguous { offset } => Moment::At(less(offset)),
            AmbiguousOffset::Fold { before, .. } => Moment::At(less(before)),
            AmbiguousOffset::Gap { before, .. } => Moment::Skipped(less(before)),
        })
    }
}
