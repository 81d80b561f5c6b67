//! Fast snapshot restore: that volumes of a snapshot are whole from their beginning in a zone, so many an hour.
//!
//! Volumes of this cloud always are: what is told here is what AWS would. What is enabled is optimized for an hour by TiB,
//! and its credits say which volumes are restored fast. Pure; by the cloud's clock.
//!
//! AWS: <https://docs.aws.amazon.com/ebs/latest/userguide/ebs-fast-snapshot-restore.html>

use base::Timestamp;
use std::time::Duration;
use store::Table;

store::record! {
    /// Under the account that enabled it, its region, the snapshot and the zone.
    #[derive(Clone, PartialEq, Debug)]
    pub(super) struct Restore {
        1 => pub(super) snapshot: String,
        2 => pub(super) zone: String,
        /// The snapshot's, in GiB.
        3 => pub(super) size: i64,
        4 => pub(super) enabling: Timestamp,
        5 => pub(super) disabling: Option<Timestamp>,
        /// The state that the bus was told last.
        6 => pub(super) told: String,
        /// Of credits, when [`Restore::spent`]; a millionth each.
        7 => pub(super) credits: u64,
        /// When one was last spent; before, all are there.
        8 => pub(super) spent: Option<Timestamp>,
    }
}

pub(super) const RESTORES: Table<Restore> = Table::new(0x230B, "ebs/fast-restores");

pub(super) const ENABLING: &str = "enabling";
pub(super) const OPTIMIZING: &str = "optimizing";
pub(super) const ENABLED: &str = "enabled";
pub(super) const DISABLING: &str = "disabling";
pub(super) const DISABLED: &str = "disabled";

/// Why a state was entered.
pub(super) const BY_REQUEST: &str = "Client.UserInitiated";
pub(super) const BY_ITSELF: &str = "Client.UserInitiated - Lifecycle state transition";

/// From a request to the work on it.
const SOON: Duration = Duration::from_secs(10);
/// AWS: 60 minutes for each TiB.
const OPTIMIZING_GIB: Duration = Duration::from_millis(3_600_000 / 1024);
const CREDIT: u64 = 1_000_000;
/// AWS: at most so many at once, and in an hour.
const CREDITS_MAX: u64 = 10;
const HOUR_MICROS: u128 = 3_600_000_000;

impl Restore {
    /// Each state that it has come to, or will if nobody disables it, and when.
    pub(super) fn course(&self) -> Vec<(&'static str, Timestamp)> {
        let optimizing = self.enabling.plus(SOON);
        let gib = u32::try_from(self.size).unwrap_or(u32::MAX);
        let enabled = optimizing.plus(OPTIMIZING_GIB.saturating_mul(gib));
        let mut course = vec![(ENABLING, self.enabling), (OPTIMIZING, optimizing), (ENABLED, enabled)];
        if let Some(disabling) = self.disabling {
            course.retain(|(_, at)| *at <= disabling);
            course.extend([(DISABLING, disabling), (DISABLED, disabling.plus(SOON))]);
        }
        course
    }

    pub(super) fn state(&self, now: Timestamp) -> &'static str {
        self.course().into_iter().rfind(|(_, at)| *at <= now).map_or(ENABLING, |(state, _)| state)
    }

    /// Whether it is on or on its way to be: its snapshot may not go then.
    pub(super) fn is_on(&self) -> bool {
        self.disabling.is_none()
    }

    /// AWS: by the snapshot's size, how many volumes may be made at once, and in an hour.
    fn bucket(&self) -> (u64, u64) {
        let size = u64::try_from(self.size).unwrap_or(1).max(1);
        let rate = (1024 * CREDIT / size).min(CREDITS_MAX * CREDIT);
        ((rate / CREDIT).max(1) * CREDIT, rate)
    }

    fn credits_at(&self, now: Timestamp) -> u64 {
        let (most, rate) = self.bucket();
        let Some(spent) = self.spent else { return most };
        let more = now.since(spent).as_micros() * u128::from(rate) / HOUR_MICROS;
        self.credits.saturating_add(u64::try_from(more).unwrap_or(u64::MAX)).min(most)
    }

    /// Takes a credit for a new volume; whether there was one.
    pub(super) fn spend(&mut self, now: Timestamp) -> bool {
        let there = self.credits_at(now);
        if self.state(now) != ENABLED || there < CREDIT {
            return false;
        }
        (self.credits, self.spent) = (there - CREDIT, Some(now));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn restore(size: i64) -> Restore {
        Restore { size, enabling: Timestamp::from_seconds(1_000), ..Restore::default() }
    }

    #[test]
    fn a_tebibyte_takes_an_hour() {
        let mut one = restore(1024);
        let states = |one: &Restore, seconds: &[i64]| -> Vec<&str> {
            seconds.iter().map(|at| one.state(Timestamp::from_seconds(1_000 + at))).collect()
        };
        assert_eq!(states(&one, &[0, 9, 10, 3_500]), [ENABLING, ENABLING, OPTIMIZING, OPTIMIZING]);
        assert_eq!(states(&one, &[3_610, 9_999]), [ENABLED, ENABLED]);
        assert!(one.is_on());
        one.disabling = Some(Timestamp::from_seconds(1_100));
        assert!(!one.is_on());
        assert_eq!(states(&one, &[10, 100, 110]), [OPTIMIZING, DISABLING, DISABLED]);
        assert_eq!(one.course().len(), 4, "it was never enabled: {:?}", one.course());
    }

    #[test]
    fn credits_are_by_the_size() {
        // AWS's example: 100 GiB have ten at once, and ten an hour.
        let mut small = restore(100);
        let enabled = small.enabling.plus(HOUR);
        let spent = (0..20).filter(|_| small.spend(enabled)).count();
        assert_eq!(spent, 10);
        assert!(!small.spend(enabled.plus(HOUR / 12)), "a twelfth of ten is less than one");
        assert!(small.spend(enabled.plus(HOUR / 8)));
        let mut large = restore(4096);
        assert!(!large.spend(enabled), "it is not enabled yet");
        let enabled = large.enabling.plus(HOUR * 5);
        assert!(large.spend(enabled) && !large.spend(enabled.plus(HOUR * 3)));
        assert!(large.spend(enabled.plus(HOUR * 4)), "a quarter an hour");
    }
}
