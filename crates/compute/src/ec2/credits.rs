//! CPU credits of T types: what they earn while they rest, and spend while they work. Pure.
//!
//! A credit is a minute of one processor. They are reckoned in millionths.
//!
//! AWS: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/burstable-performance-instances-standard-mode-concepts.html>,
//! <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/burstable-performance-instances-unlimited-mode-concepts.html>
//!
//! Not here: AWS lets a machine whose credits are spent slow down over fifteen minutes; here it is from the next minute on.

use super::kinds::{InstanceType, find};
use super::model::Instance;
use base::Timestamp;
use std::time::Duration;
use store::Table;

pub(crate) const CREDIT: i64 = 1_000_000;
/// Of earned ones no more are kept than so many hours bring.
const HOURS_KEPT: i64 = 24;
/// What a T2 machine is launched with, by processor.
const LAUNCH: i64 = 30 * CREDIT;
/// How long those of a machine that is stopped are kept, T2 machines' aside.
pub(crate) const KEPT: Duration = Duration::from_secs(7 * 86_400);

store::record! {
    /// Of an instance, under its id.
    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Credits {
        /// Earned.
        1 => pub(crate) balance: i64,
        /// What is left of those that it was launched with; spent first, and not earned again.
        2 => pub(crate) launch: i64,
        /// Spent beyond what it had, to be earned back.
        3 => pub(crate) surplus: i64,
        /// There was nothing left, and it has not earned a minute of all processors since: a standard one has its baseline.
        4 => pub(crate) spent: bool,
        /// When it was stopped.
        5 => pub(crate) stopped: Option<Timestamp>,
    }
}

pub(crate) const CREDITS: Table<Credits> = Table::new(0x2240, "compute/cpu-credits");

store::record! {
    /// What machines of a family are launched with in a region, where an account has said; under the family.
    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Family { 1 => pub(crate) unlimited: bool }
}

pub(crate) const FAMILIES: Table<Family> = Table::new(0x2241, "compute/cpu-credit-defaults");

/// What a time has done to them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reckoned {
    pub(crate) used: i64,
    /// Of the surplus, what will not be earned back: it costs.
    pub(crate) charged: i64,
}

/// AWS: T2 machines are standard, others unlimited, if nobody says.
pub(crate) fn is_t2(kind: &str) -> bool {
    kind.split('.').next() == Some("t2")
}

/// Whether a machine may spend more than it has.
pub(crate) fn is_unlimited(instance: &Instance) -> bool {
    instance.unlimited.unwrap_or_else(|| !is_t2(&instance.kind))
}

/// Whether a machine boots with its baseline of processors, with what it has or begins with.
pub(crate) fn begins_spent(found: Option<Credits>, instance: &Instance) -> bool {
    let Some(kind) = find(&instance.kind).filter(|kind| kind.is_burstable()) else { return false };
    let unlimited = is_unlimited(instance);
    !unlimited && found.unwrap_or_else(|| Credits::new(kind, unlimited)).spent
}

impl Credits {
    /// What a machine begins with.
    pub(crate) fn new(kind: &InstanceType, unlimited: bool) -> Credits {
        let launch = if is_t2(kind.name) && !unlimited { LAUNCH * kind.cpus } else { 0 };
        Credits { launch, spent: launch == 0, ..Credits::default() }
    }

    pub(crate) fn all(&self) -> i64 {
        self.balance + self.launch
    }

    /// A time of running has passed, and so much of processors was used.
    pub(crate) fn pass(
        &mut self,
        kind: &InstanceType,
        unlimited: bool,
        time: Duration,
        processor: Duration,
    ) -> Reckoned {
        let Some(hourly) = kind.credits().map(|thousandths| thousandths * (CREDIT / 1_000)) else {
            return Reckoned::default();
        };
        let micros = |time: Duration| i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
        let most = hourly * HOURS_KEPT;
        let used = micros(processor) / 60;
        let mut charged = 0;
        // A clock that was moved far brings no more than can be kept.
        let earned =
            i64::try_from(i128::from(hourly) * i128::from(micros(time)) / 3_600_000_000).unwrap_or(most);
        let mut due = used - earned;
        if due > 0 {
            for from in [&mut self.launch, &mut self.balance] {
                let taken = due.min(*from);
                *from -= taken;
                due -= taken;
            }
            if unlimited {
                self.surplus += due;
            }
        } else {
            let repaid = self.surplus.min(-due);
            self.surplus -= repaid;
            self.balance = most.min(self.balance + (-due - repaid));
        }
        let owed = if unlimited { most } else { 0 };
        if self.surplus > owed {
            charged = self.surplus - owed;
            self.surplus = owed;
        }
        // With one that is earned at the baseline it would be at full speed and back in turn.
        let enough = if self.spent { kind.cpus * CREDIT } else { 1 };
        self.spent = self.all() < enough;
        Reckoned { used, charged }
    }

    /// The machine is off. Whether they are kept.
    pub(crate) fn rest(&mut self, kind: &str, since: Timestamp) -> bool {
        self.stopped = Some(since);
        !is_t2(kind)
    }

    /// It is on again. Whether it has been off for too long to have kept them.
    pub(crate) fn is_lost(&self, now: Timestamp) -> bool {
        self.stopped.is_some_and(|since| since.plus(KEPT) <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn of(kind: &str, unlimited: bool) -> (&'static InstanceType, Credits) {
        let kind = find(kind).unwrap();
        (kind, Credits::new(kind, unlimited))
    }

    #[test]
    fn what_a_machine_begins_with() {
        assert_eq!(of("t2.medium", false).1.all(), 60 * CREDIT);
        assert_eq!(of("t2.medium", true).1.all(), 0);
        let (_, t3) = of("t3.micro", false);
        assert!(t3.spent && t3.all() == 0);
        let instance = |unlimited| Instance { kind: "t3.micro".into(), unlimited, ..Instance::default() };
        assert!(begins_spent(None, &instance(Some(false))) && !begins_spent(None, &instance(None)));
    }

    #[test]
    fn a_resting_machine_earns_for_a_day_and_no_more() {
        let (kind, mut credits) = of("t3.micro", false);
        assert_eq!(credits.pass(kind, false, HOUR, Duration::ZERO), Reckoned::default());
        assert_eq!((credits.balance, credits.spent), (12 * CREDIT, false));
        credits.pass(kind, false, HOUR * 100, Duration::ZERO);
        assert_eq!(credits.balance, 288 * CREDIT);
        credits.pass(kind, false, Duration::MAX, Duration::ZERO);
        assert_eq!(credits.balance, 288 * CREDIT);
    }

    #[test]
    fn who_has_spent_all_has_the_baseline_until_it_has_earned_a_minute() {
        let (kind, mut credits) = of("t2.micro", false);
        // Launch credits first, and none of them come back.
        let used = credits.pass(kind, false, HOUR, Duration::from_secs(1200)).used;
        assert_eq!((used, credits.launch, credits.balance), (20 * CREDIT, 16 * CREDIT, 0));
        credits.pass(kind, false, HOUR, HOUR);
        assert_eq!((credits.all(), credits.spent), (0, true));
        let minute = Duration::from_secs(60);
        for _ in 0..9 {
            credits.pass(kind, false, minute, Duration::ZERO);
            assert!(credits.spent);
        }
        credits.pass(kind, false, minute, Duration::ZERO);
        assert_eq!((credits.balance, credits.spent), (CREDIT, false));
    }

    #[test]
    fn who_is_unlimited_owes_what_it_can_earn_in_a_day_and_pays_the_rest() {
        let (kind, mut credits) = of("t3.nano", true);
        let reckoned = credits.pass(kind, true, HOUR, HOUR * 2);
        assert_eq!((reckoned.charged, credits.surplus), (0, 114 * CREDIT));
        let reckoned = credits.pass(kind, true, HOUR, HOUR * 2);
        assert_eq!((reckoned.charged, credits.surplus), (84 * CREDIT, 144 * CREDIT));
        credits.pass(kind, true, HOUR, Duration::ZERO);
        assert_eq!((credits.balance, credits.surplus), (0, 138 * CREDIT));
        // Made a standard one, it pays at once.
        let reckoned = credits.pass(kind, false, Duration::ZERO, Duration::ZERO);
        assert_eq!((reckoned.charged, credits.surplus, credits.spent), (138 * CREDIT, 0, true));
    }

    #[test]
    fn what_is_kept_of_a_machine_that_is_off() {
        let (_, mut credits) = of("t3.nano", true);
        let at = Timestamp::from_seconds(1_000);
        assert!(credits.rest("t3.nano", at));
        assert!(!credits.is_lost(at.plus(HOUR)) && credits.is_lost(at.plus(KEPT)));
        assert!(!credits.rest("t2.nano", at));
    }
}
