//! How much may go to one place in a second.
//!
//! The places of the last second are kept in memory, by the cloud's clock: a second that a restart falls into may see
//! as much once more.

use base::Timestamp;
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
/// Beyond so many, those that have rested for a second are forgotten.
const IDLE_MAX: usize = 1_000;

/// When things went in the last second, by where they went.
#[derive(Default, Debug)]
pub(crate) struct Rates(Mutex<HashMap<String, VecDeque<Timestamp>>>);

fn forget(times: &mut VecDeque<Timestamp>, now: Timestamp) {
    // A clock that was set back has seen nothing yet.
    times.retain(|at| *at <= now && now < at.plus(SECOND));
}

impl Rates {
    /// Takes one of a second's places, of which there are so many.
    ///
    /// # Errors
    /// When there is one again.
    pub(crate) fn take(&self, of: &str, per_second: u32, now: Timestamp) -> Result<(), Timestamp> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() > IDLE_MAX {
            all.retain(|_, times| {
                forget(times, now);
                !times.is_empty()
            });
        }
        let times = all.entry(of.to_owned()).or_default();
        forget(times, now);
        match times.front() {
            Some(first) if times.len() >= per_second as usize => Err(first.plus(SECOND)),
            _ => {
                times.push_back(now);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_second_sees_more() {
        let (rates, start) = (Rates::default(), Timestamp::from_seconds(1_800_000_000));
        let at = |millis: u64| start.plus(Duration::from_millis(millis));
        assert_eq!(rates.take("a", 2, at(0)), Ok(()));
        assert_eq!(rates.take("a", 2, at(900)), Ok(()));
        assert_eq!(rates.take("a", 2, at(999)), Err(at(1_000)));
        assert_eq!(rates.take("b", 2, at(999)), Ok(()));
        assert_eq!(rates.take("a", 2, at(1_000)), Ok(()));
        assert_eq!(rates.take("a", 2, at(1_001)), Err(at(1_900)));
        // After the clock was set back.
        assert_eq!(rates.take("a", 2, at(10)), Ok(()));
    }

    #[test]
    fn who_rests_is_forgotten() {
        let (rates, start) = (Rates::default(), Timestamp::from_seconds(1_800_000_000));
        for n in 0..=IDLE_MAX {
            rates.take(&n.to_string(), 1, start).unwrap();
        }
        rates.take("last", 1, start.plus(SECOND)).unwrap();
        assert_eq!(rates.0.lock().unwrap().len(), 1);
    }
}
