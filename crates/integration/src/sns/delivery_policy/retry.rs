//! When a delivery is tried again.
//!
//! Retries come in four phases: at once; after the shortest delay; backing off from the shortest delay to the longest;
//! after the longest. AWS publishes no formulas for its four functions, only that the first retry of the phase waits for
//! the shortest delay, the last for the longest, and a drawing of the curves between. Here `linear` goes in equal
//! steps, `arithmetic` in steps that grow by the same amount, `geometric` by the same factor, and `exponential` in steps
//! that double; none of them ever falls. AWS adds chance to its delays; here they are exact.

use super::{number, object, said, text, unexpected};
use std::time::Duration;
use wire::Value;

/// Of one delay, and of all delays of a policy together.
const SECONDS_MAX: u32 = 3_600;
const RETRIES_MAX: u32 = 100;

store::record_enum! {
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub enum Backoff {
        1 => Linear,
        2 => Arithmetic,
        3 => Geometric,
        4 => Exponential,
    }
}

const BACKOFFS: [(&str, Backoff); 4] = [
    ("linear", Backoff::Linear),
    ("arithmetic", Backoff::Arithmetic),
    ("geometric", Backoff::Geometric),
    ("exponential", Backoff::Exponential),
];

store::record! {
    /// When a delivery is tried again. Delays are in seconds.
    #[derive(Clone, PartialEq, Eq, Debug)]
    pub struct Retry {
        1 => pub shortest: u32,
        2 => pub longest: u32,
        /// All retries.
        3 => pub retries: u32,
        4 => pub at_once: u32,
        5 => pub at_shortest: u32,
        6 => pub at_longest: u32,
        7 => pub backoff: Backoff,
    }
}

impl Retry {
    /// AWS's default.
    pub(super) fn usual() -> Retry {
        Retry { shortest: 20, longest: 20, retries: 3, ..Retry::default() }
    }

    pub(super) fn read(value: &Value, within: &str) -> Result<Retry, String> {
        let mut retry = Retry::usual();
        for (name, value) in said(object(value)?) {
            let path = format!("{within}.{name}");
            let count = |most: u32| number(value, &path, (0, most));
            match name {
                "minDelayTarget" => retry.shortest = number(value, &path, (1, SECONDS_MAX))?,
                "maxDelayTarget" => retry.longest = number(value, &path, (1, SECONDS_MAX))?,
                "numRetries" => retry.retries = count(RETRIES_MAX)?,
                // More than all retries is found below.
                "numNoDelayRetries" => retry.at_once = count(u32::MAX)?,
                "numMinDelayRetries" => retry.at_shortest = count(u32::MAX)?,
                "numMaxDelayRetries" => retry.at_longest = count(u32::MAX)?,
                "backoffFunction" => {
                    let given = text(value, &path)?;
                    let found = BACKOFFS.iter().find(|(name, _)| *name == given);
                    let wrong = || format!("{path}: the value [{given}] is not a valid backoff function");
                    retry.backoff = found.ok_or_else(wrong)?.1;
                }
                other => return unexpected(other),
            }
        }
        retry.check(within)?;
        Ok(retry)
    }

    fn check(&self, within: &str) -> Result<(), String> {
        if self.longest < self.shortest {
            return Err(format!("{within}.maxDelayTarget must be greater than or equal to minDelayTarget"));
        }
        let phases = [self.at_once, self.at_shortest, self.at_longest];
        if phases.into_iter().map(u64::from).sum::<u64>() > self.retries.into() {
            return Err(format!(
                "{within}.numRetries must be greater than or equal to total of numMinDelayRetries, numNoDelayRetries and numMaxDelayRetries"
            ));
        }
        let total: u64 = (0..self.retries).map(|retry| u64::from(self.seconds(retry))).sum();
        if total > SECONDS_MAX.into() {
            return Err(format!(
                "{within}: the delays of all retries must total less than or equal to {SECONDS_MAX} seconds"
            ));
        }
        Ok(())
    }

    /// How long to wait before a retry, the first of which is number 0; `None` when there is no such retry.
    pub(crate) fn delay(&self, retry: u32) -> Option<Duration> {
        (retry < self.retries).then(|| Duration::from_secs(self.seconds(retry).into()))
    }

    fn seconds(&self, retry: u32) -> u32 {
        let backs_off = self.at_once + self.at_shortest;
        let backed_off = self.retries.saturating_sub(self.at_longest);
        if retry < self.at_once {
            0
        } else if retry < backs_off {
            self.shortest
        } else if retry < backed_off {
            self.backed_off(retry - backs_off, backed_off - backs_off - 1)
        } else {
            self.longest
        }
    }

    /// The delay of a retry of the backoff phase, whose last one is number `last`.
    fn backed_off(&self, retry: u32, last: u32) -> u32 {
        if last == 0 {
            return self.shortest;
        }
        let (at, last) = (f64::from(retry), f64::from(last));
        let (shortest, longest) = (f64::from(self.shortest), f64::from(self.longest));
        let between = |part: f64| shortest + (longest - shortest) * part;
        let seconds = match self.backoff {
            Backoff::Linear => between(at / last),
            Backoff::Arithmetic => between(at * (at + 1.0) / (last * (last + 1.0))),
            Backoff::Geometric => shortest * (longest / shortest).powf(at / last),
            Backoff::Exponential => between((at.exp2() - 1.0) / (last.exp2() - 1.0)),
        };
        (seconds.round() as u32).clamp(self.shortest, self.longest)
    }

    pub(super) fn shown(&self) -> Value {
        let int = |number: u32| Value::Int(number.into());
        let backoff = BACKOFFS.iter().find(|(_, backoff)| *backoff == self.backoff);
        Value::map([
            ("minDelayTarget", int(self.shortest)),
            ("maxDelayTarget", int(self.longest)),
            ("numRetries", int(self.retries)),
            ("numMaxDelayRetries", int(self.at_longest)),
            ("numNoDelayRetries", int(self.at_once)),
            ("numMinDelayRetries", int(self.at_shortest)),
            ("backoffFunction", Value::str(backoff.map_or("linear", |(name, _)| *name))),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::super::{check_subscription, effective};
    use super::*;

    fn delays(retry: &str) -> Vec<u64> {
        let own = format!(r#"{{"healthyRetryPolicy":{retry}}}"#);
        check_subscription(&own, false).unwrap();
        let retry = effective(None, Some(&own)).retry;
        (0..=RETRIES_MAX).map_while(|n| retry.delay(n)).map(|delay| delay.as_secs()).collect()
    }

    #[test]
    fn the_phases_come_in_their_order() {
        assert_eq!(delays("{}"), [20, 20, 20]);
        assert_eq!(delays(r#"{"numRetries":0}"#), [0_u64; 0]);
        let all = delays(
            r#"{"minDelayTarget":1,"maxDelayTarget":60,"numRetries":50,"numNoDelayRetries":3,"numMinDelayRetries":2,"numMaxDelayRetries":35,"backoffFunction":"exponential"}"#,
        );
        assert_eq!(all.len(), 50);
        assert_eq!(all[..6], [0, 0, 0, 1, 1, 1]);
        assert_eq!(all[14..], [60; 36]);
        // The one retry of a phase begins it.
        assert_eq!(delays(r#"{"minDelayTarget":5,"maxDelayTarget":9,"numRetries":1}"#), [5]);
        let no_backoff = r#"{"minDelayTarget":5,"maxDelayTarget":9,"numRetries":3,"numNoDelayRetries":1,"numMinDelayRetries":1,"numMaxDelayRetries":1}"#;
        assert_eq!(delays(no_backoff), [0, 5, 9]);
    }

    #[test]
    fn every_function_climbs_from_the_shortest_delay_to_the_longest() {
        // AWS's drawing is of these numbers.
        let of = |name: &str| {
            delays(&format!(
                r#"{{"minDelayTarget":5,"maxDelayTarget":260,"numRetries":10,"backoffFunction":"{name}"}}"#
            ))
        };
        let curves = ["linear", "arithmetic", "geometric", "exponential"].map(of);
        for curve in &curves {
            assert_eq!((curve[0], curve[9]), (5, 260), "{curve:?}");
            assert!(curve.is_sorted(), "{curve:?}");
        }
        // Each lies below the one before.
        assert!((1..9).all(|n| curves.windows(2).all(|pair| pair[0][n] > pair[1][n])), "{curves:?}");
        assert_eq!(curves[0][..3], [5, 33, 62]);
    }
}
