//! The one clock of the cloud. Everything that waits, expires, bills or signs asks it, so `virga clock +45d`
//! moves all of it together.

use crate::Timestamp;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

/// The system's time plus an offset, or a frozen instant. Shared by reference; all methods take `&self`.
#[derive(Debug, Default)]
pub struct Clock {
    offset_micros: AtomicI64,
    frozen: AtomicBool,
    frozen_at_micros: AtomicI64,
}

impl Clock {
    /// A clock that follows the system's.
    pub fn system() -> Clock {
        Clock::default()
    }

    /// A clock that stands at `at` until it is advanced: for tests.
    pub fn frozen(at: Timestamp) -> Clock {
        let clock = Clock::default();
        clock.freeze_at(at);
        clock
    }

    pub fn now(&self) -> Timestamp {
        if self.frozen.load(Ordering::Acquire) {
            return Timestamp::from_micros(self.frozen_at_micros.load(Ordering::Acquire));
        }
        Timestamp::from_micros(system_micros().saturating_add(self.offset_micros.load(Ordering::Acquire)))
    }

    /// Moves the clock forward. The clock never goes back: certificates, leases and audit order depend on it.
    pub fn advance(&self, by: Duration) {
        let micros = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        let target = if self.is_frozen() { &self.frozen_at_micros } else { &self.offset_micros };
        let _ =
            target.fetch_update(Ordering::AcqRel, Ordering::Acquire, |old| Some(old.saturating_add(micros)));
    }

    /// Stops the clock at its present reading.
    pub fn freeze(&self) {
        self.freeze_at(self.now());
    }

    fn freeze_at(&self, at: Timestamp) {
        self.frozen_at_micros.store(at.micros(), Ordering::Release);
        self.frozen.store(true, Ordering::Release);
    }

    /// Lets a frozen clock run on from where it stands.
    pub fn thaw(&self) {
        if self.is_frozen() {
            let at = self.frozen_at_micros.load(Ordering::Acquire);
            self.offset_micros.store(at - system_micros(), Ordering::Release);
            self.frozen.store(false, Ordering::Release);
        }
    }

    pub fn is_frozen(&self) -> bool {
        self.frozen.load(Ordering::Acquire)
    }

    /// How far the clock is ahead of the system's, in microseconds: what is saved so that a restart keeps it.
    pub fn offset_micros(&self) -> i64 {
        if self.is_frozen() {
            self.frozen_at_micros.load(Ordering::Acquire) - system_micros()
        } else {
            self.offset_micros.load(Ordering::Acquire)
        }
    }

    /// Restores what [`Clock::offset_micros`] gave.
    pub fn restore(&self, offset_micros: i64, frozen_at: Option<Timestamp>) {
        self.offset_micros.store(offset_micros, Ordering::Release);
        match frozen_at {
            Some(at) => self.freeze_at(at),
            None => self.frozen.store(false, Ordering::Release),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the system's time")]
fn system_micros() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::Clock;
    use crate::Timestamp;
    use std::time::Duration;

    #[test]
    fn frozen_clock_moves_only_when_told() {
        let clock = Clock::frozen(Timestamp::from_seconds(1_000));
        assert_eq!(clock.now(), clock.now());
        clock.advance(Duration::from_secs(45));
        assert_eq!(clock.now(), Timestamp::from_seconds(1_045));
    }

    #[test]
    fn thaw_runs_on_from_where_it_stood() {
        let clock = Clock::frozen(Timestamp::from_seconds(5_000_000_000));
        clock.thaw();
        let ahead = clock.now().micros() - Timestamp::from_seconds(5_000_000_000).micros();
        assert!((0..60_000_000).contains(&ahead), "{ahead}");
    }

    #[test]
    fn restore_keeps_a_moved_clock() {
        let moved = Clock::system();
        moved.advance(Duration::from_secs(45 * 86_400));
        let again = Clock::system();
        again.restore(moved.offset_micros(), None);
        assert!((again.now().micros() - moved.now().micros()).abs() < 1_000_000);
    }
}
