//! Whether a composite alarm's actions wait for another alarm, its suppressor. Pure.
//!
//! ```text
//!            suppressor in ALARM                    suppressor leaves ALARM
//!  nothing ─────────────────────────────▶ Alarm ───────────────────────────▶ ExtensionPeriod
//!     │                                     ▲                                      │
//!     └── comes to ALARM ──▶ WaitPeriod ────┘                                      │
//!                                 └────────── its time is over: acts ◀─────────────┘
//! ```
//! What it comes to stand like meanwhile is told by its history and its event. When nothing suppresses it any more, it
//! acts if it stands otherwise than when it last acted.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Create_Composite_Alarm.html> ("alarm suppression")

use super::model::alarm::{Alarm, State, Suppressed, Suppressor};
use base::Timestamp;
use std::time::Duration;

/// Why actions are suppressed.
pub(super) fn reason(by: Suppressed) -> Option<&'static str> {
    Some(match by {
        Suppressed::Not => return None,
        Suppressed::Alarm => "Actions suppressed by Alarm",
        Suppressed::Wait => "Actions suppressed by WaitPeriod",
        Suppressed::Extension => "Actions suppressed by ExtensionPeriod",
    })
}

/// By what the alarm is suppressed once it stands like `state`, and until when. `holds`: its suppressor is in ALARM.
pub(super) fn next(
    alarm: &Alarm,
    suppressor: &Suppressor,
    state: State,
    holds: bool,
    now: Timestamp,
) -> (Suppressed, Timestamp) {
    let after = |seconds: u32| now.plus(Duration::from_secs(seconds.into()));
    let runs = now < suppressor.until;
    let not = (Suppressed::Not, Timestamp::default());
    let (by, until) = match suppressor.by {
        _ if holds => (Suppressed::Alarm, Timestamp::default()),
        Suppressed::Alarm => (Suppressed::Extension, after(suppressor.extension)),
        Suppressed::Extension if runs => (Suppressed::Extension, suppressor.until),
        // Back where it was, it waits for nothing.
        Suppressed::Wait if runs && state != suppressor.acted => (Suppressed::Wait, suppressor.until),
        Suppressed::Not if state == State::Alarm && state != alarm.state => {
            (Suppressed::Wait, after(suppressor.wait))
        }
        _ => not,
    };
    if by != Suppressed::Alarm && until <= now { not } else { (by, until) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes an alarm through a story: when, how it stands, whether its suppressor holds; by what it is suppressed then.
    fn story(steps: &[(i64, State, bool, Suppressed)]) {
        let mut alarm = Alarm { state: State::Ok, ..Alarm::default() };
        let mut suppressor =
            Suppressor { wait: 120, extension: 180, acted: State::Ok, ..Suppressor::default() };
        for (at, state, holds, expected) in steps {
            let now = Timestamp::from_seconds(*at);
            let (by, until) = next(&alarm, &suppressor, *state, *holds, now);
            assert_eq!(by, *expected, "at {at}");
            (suppressor.by, suppressor.until, alarm.state) = (by, until, *state);
            if by == Suppressed::Not {
                suppressor.acted = *state;
            }
        }
    }

    #[test]
    fn it_waits_for_its_suppressor_and_acts_when_that_does_not_come() {
        use Suppressed::{Not, Wait};
        story(&[
            (0, State::Ok, false, Not),
            (10, State::Alarm, false, Wait),
            (129, State::Alarm, false, Wait),
            (130, State::Alarm, false, Not),
            (140, State::Alarm, false, Not),
            (150, State::Ok, false, Not),
        ]);
    }

    #[test]
    fn a_suppressor_that_comes_in_time_is_waited_for_and_then_a_while_longer() {
        use Suppressed::{Alarm, Extension, Not, Wait};
        story(&[
            (10, State::Alarm, false, Wait),
            (100, State::Alarm, true, Alarm),
            (1_000, State::Alarm, true, Alarm),
            (1_100, State::Alarm, false, Extension),
            (1_279, State::Alarm, false, Extension),
            (1_280, State::Alarm, false, Not),
        ]);
    }

    #[test]
    fn what_is_over_in_time_was_nothing() {
        use Suppressed::{Alarm, Extension, Not, Wait};
        story(&[(10, State::Alarm, false, Wait), (20, State::Ok, false, Not), (200, State::Ok, false, Not)]);
        story(&[
            (10, State::Ok, true, Alarm),
            (20, State::Alarm, true, Alarm),
            (30, State::Alarm, false, Extension),
            (40, State::Ok, false, Extension),
            (50, State::Ok, true, Alarm),
            (60, State::Ok, false, Extension),
            (240, State::Ok, false, Not),
        ]);
    }
}
