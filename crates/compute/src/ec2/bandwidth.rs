//! How fast machines are on the network: their type's baseline, and more than that while they have network credits.
//! What is said here networks hold them to ([`ec2::bandwidth`]).
//!
//! Credits are bits: what a machine could have carried at its baseline and did not, each way by itself. It is launched
//! with as many as it can have, which is what five minutes at full speed take: the least that AWS says of any size, and it
//! does not say which size has more. Looked at by the minute, so a machine may owe what it carried in the last one.
//!
//! AWS: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-instance-network-bandwidth.html>
//!
//! Not here: the bounds of a single flow and of what goes through an internet gateway, and of packets a second.

use super::kinds::{InstanceType, find};
use super::model::{Instance, state};
use ec2::bandwidth::{BANDWIDTHS, Bandwidth};
use host::Usage;
use std::time::Duration;
use store::{Key, StoreError, Table, Tx};

const BITS: i64 = 8;
const MEGA: i64 = 1_000_000;
/// How long a rested machine can be faster than its baseline.
const BURST_SECONDS: i64 = 300;

store::record! {
    /// Of an instance, under its id; below zero where it owes some.
    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct NetworkCredits {
        /// Whose they are: with another type it begins anew.
        1 => pub(crate) kind: String,
        2 => pub(crate) receives: i64,
        3 => pub(crate) sends: i64,
    }
}

pub(crate) const NETWORK_CREDITS: Table<NetworkCredits> = Table::new(0x2242, "compute/network-credits");

fn most(kind: &InstanceType) -> i64 {
    (kind.megabits_peak - kind.megabits) * MEGA * BURST_SECONDS
}

/// One way: what is left after a time in which so many bytes were carried.
fn pass(kind: &InstanceType, left: i64, time: Duration, bytes: u64) -> i64 {
    let micros = i128::try_from(time.as_micros()).unwrap_or(i128::MAX >> 32);
    let carries = |megabits: i64| i128::from(megabits) * micros;
    // What its interfaces have counted and the router dropped was not carried.
    let carried = (i128::from(bytes) * i128::from(BITS)).min(carries(kind.megabits_peak));
    let left = i128::from(left) + carries(kind.megabits) - carried;
    let most = most(kind);
    i64::try_from(left.min(i128::from(most))).unwrap_or(-most)
}

impl NetworkCredits {
    fn new(kind: &InstanceType) -> NetworkCredits {
        NetworkCredits { kind: kind.name.into(), receives: most(kind), sends: most(kind) }
    }

    fn pass(&mut self, kind: &InstanceType, time: Duration, used: &Usage) {
        self.receives = pass(kind, self.receives, time, used.received.bytes);
        self.sends = pass(kind, self.sends, time, used.sent.bytes);
    }

    fn speed(&self, kind: &InstanceType) -> Bandwidth {
        let now = |left: i64| if left > 0 { kind.megabits_peak } else { kind.megabits };
        let bits = |megabits: i64| u64::try_from(megabits * MEGA).unwrap_or(0);
        Bandwidth { receives: bits(now(self.receives)), sends: bits(now(self.sends)) }
    }
}

/// What a machine carries just now is what its type and its credits say. `passed` is a time of running, and what it has
/// used then; one that is off earns nothing.
pub(crate) fn keep(
    tx: &mut Tx,
    key: &Key,
    instance: &Instance,
    passed: Option<(Duration, &Usage)>,
) -> Result<(), StoreError> {
    let kind = find(&instance.kind).filter(|_| instance.state != state::TERMINATED);
    let (found, said) = (NETWORK_CREDITS.get(tx, key)?, BANDWIDTHS.get(tx, key)?);
    let Some(kind) = kind else {
        if found.is_some() || said.is_some() {
            NETWORK_CREDITS.delete(tx, key);
            BANDWIDTHS.delete(tx, key);
        }
        return Ok(());
    };
    let mut credits =
        found.clone().filter(|had| had.kind == kind.name).unwrap_or_else(|| NetworkCredits::new(kind));
    if let Some((time, used)) = passed {
        credits.pass(kind, time, used);
    }
    let speed = credits.speed(kind);
    if said.as_ref() != Some(&speed) {
        BANDWIDTHS.put(tx, key, &speed);
    }
    if found.as_ref() != Some(&credits) {
        NETWORK_CREDITS.put(tx, key, &credits);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use host::Count;

    const MINUTE: Duration = Duration::from_secs(60);

    fn used(received: u64, sent: u64) -> Usage {
        let count = |bytes| Count { packets: 1, bytes };
        Usage { received: count(received), sent: count(sent), ..Usage::default() }
    }

    #[test]
    fn full_speed_is_for_five_minutes_each_way_by_itself() {
        let kind = find("t2.nano").unwrap();
        let mut credits = NetworkCredits::new(kind);
        let fast = Bandwidth { receives: 512_000_000, sends: 512_000_000 };
        assert_eq!(credits.speed(kind), fast);
        let at_peak = 512_000_000 / 8 * 60;
        for _ in 0..4 {
            credits.pass(kind, MINUTE, &used(0, at_peak));
            assert_eq!(credits.speed(kind), fast);
        }
        credits.pass(kind, MINUTE, &used(0, at_peak));
        assert_eq!(credits.speed(kind), Bandwidth { sends: 32_000_000, ..fast });
        // At its baseline it earns nothing, below it does.
        credits.pass(kind, MINUTE, &used(0, 32_000_000 / 8 * 60));
        assert_eq!(credits.sends, 0);
        credits.pass(kind, MINUTE, &used(0, 0));
        assert_eq!((credits.sends, credits.speed(kind)), (32_000_000 * 60, fast));
    }

    #[test]
    fn what_was_not_carried_costs_nothing_and_what_was_is_owed() {
        let kind = find("t2.nano").unwrap();
        let mut credits = NetworkCredits { receives: 1, sends: 1, ..NetworkCredits::new(kind) };
        credits.pass(kind, MINUTE, &used(u64::MAX, 0));
        assert_eq!(credits.receives, 1 - 480_000_000 * 60);
        // Fifteen minutes of rest for one of full speed.
        credits.pass(kind, MINUTE * 15, &used(0, 0));
        assert_eq!(credits.receives, 1);
        credits.pass(kind, Duration::MAX, &used(0, 0));
        assert_eq!((credits.receives, credits.sends), (most(kind), most(kind)));
    }
}
