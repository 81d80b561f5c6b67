//! Records of fleets, what they have launched, and what they have to tell. Pure.
//!
//! ```text
//!  submitted ──► active ◄──► modifying        maintained fleets alone are modified
//!                  │
//!                  ├──► deleted_running ──────► deleted ──► forgotten two days later
//!                  └──► deleted_terminating ──► deleted
//! ```
//! AWS: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/EC2-fleet-states.html>

use crate::pools::{Strategy, UNIT};
use crate::requirements::Unit;
use base::Timestamp;
use ec2::kind::{FLEET, SPOT_FLEET};
use std::collections::BTreeSet;
use store::Table;

store::record! {
    /// Under its id.
    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Fleet {
        1 => pub(crate) id: String,
        /// [`INSTANT`], [`REQUEST`] or [`MAINTAIN`].
        2 => pub(crate) kind: String,
        3 => pub(crate) created: Timestamp,
        4 => pub(crate) state: String,
        /// AWS's word for its progress.
        5 => pub(crate) activity: String,
        6 => pub(crate) configs: Vec<Config>,
        7 => pub(crate) target: Target,
        8 => pub(crate) spot: Options,
        9 => pub(crate) on_demand: Options,
        /// What is too much stays.
        10 => pub(crate) keeps_excess: bool,
        /// Its machines end with its time.
        11 => pub(crate) ends: bool,
        /// Machines that are not healthy are replaced.
        12 => pub(crate) replaces: bool,
        13 => pub(crate) from: Option<Timestamp>,
        14 => pub(crate) until: Option<Timestamp>,
        15 => pub(crate) token: Option<String>,
        16 => pub(crate) members: Vec<Member>,
        /// What an instant fleet could not launch, and why.
        17 => pub(crate) flaws: Vec<Flaw>,
        /// The units that a request fleet has placed, whatever became of them: on demand and to spare.
        18 => pub(crate) placed: (i64, i64),
        /// Before then nothing is launched: the last launches have failed.
        19 => pub(crate) retry: Option<Timestamp>,
        20 => pub(crate) failures: u32,
        /// Its last machine is gone.
        21 => pub(crate) ended: Option<Timestamp>,
        22 => pub(crate) expired: bool,
        /// The pools that are too dear just now, by type and zone.
        23 => pub(crate) unusable: BTreeSet<String>,
        /// Tags of an instant fleet's machines, in JSON as RunInstances takes them.
        24 => pub(crate) tags: Option<String>,
        /// Of a Spot Fleet: the role by which it acts.
        25 => pub(crate) role: Option<String>,
    }

    /// A launch template and what is said beside it.
    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Config {
        1 => pub(crate) id: String,
        2 => pub(crate) name: String,
        /// As it was given.
        3 => pub(crate) version: String,
        4 => pub(crate) overrides: Vec<Override>,
        /// Of a Spot Fleet without a template: what is launched, in JSON.
        5 => pub(crate) launch: Option<String>,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Override {
        1 => pub(crate) kind: Option<String>,
        2 => pub(crate) max: Option<String>,
        3 => pub(crate) subnet: Option<String>,
        4 => pub(crate) zone: Option<String>,
        5 => pub(crate) weight: Option<f64>,
        6 => pub(crate) priority: Option<f64>,
        7 => pub(crate) image: Option<String>,
        /// In JSON, instead of a type.
        8 => pub(crate) requirements: Option<String>,
    }

    /// How many units are wanted, as it was said.
    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Target {
        1 => pub(crate) total: i64,
        2 => pub(crate) on_demand: Option<i64>,
        3 => pub(crate) spot: Option<i64>,
        /// What the rest is of.
        4 => pub(crate) rest_is_spot: bool,
        /// AWS's name of what is counted, where it was said.
        5 => pub(crate) unit: Option<String>,
    }

    /// How one market is used.
    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Options {
        /// AWS's name.
        1 => pub(crate) strategy: String,
        2 => pub(crate) pools: Option<i64>,
        /// In millionths of a dollar an hour for all of them.
        3 => pub(crate) total_price: Option<i64>,
        4 => pub(crate) one_type: bool,
        5 => pub(crate) one_zone: bool,
        /// Fewer units than that are none.
        6 => pub(crate) least: Option<i64>,
        /// A machine that will be interrupted is replaced at once; seconds until it is ended, where it is not left.
        7 => pub(crate) rebalances: bool,
        8 => pub(crate) delay: Option<i64>,
        /// An interruption stops a machine, and does not terminate it.
        9 => pub(crate) stops: bool,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Member {
        1 => pub(crate) id: String,
        2 => pub(crate) kind: String,
        3 => pub(crate) zone: String,
        4 => pub(crate) subnet: String,
        /// Thousandths of a unit.
        5 => pub(crate) weight: i64,
        /// Its spot request.
        6 => pub(crate) request: Option<String>,
        7 => pub(crate) config: u32,
        8 => pub(crate) over: Option<u32>,
        /// It counts no longer: it is being ended, or will be interrupted.
        9 => pub(crate) leaves: bool,
        /// In millionths of a dollar an hour, when it was launched.
        10 => pub(crate) price: i64,
        /// It is stopped, and may come back.
        11 => pub(crate) rests: bool,
    }

    /// A launch that was refused.
    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Flaw {
        1 => pub(crate) config: u32,
        2 => pub(crate) over: Option<u32>,
        3 => pub(crate) spot: bool,
        4 => pub(crate) code: String,
        5 => pub(crate) message: String,
    }

    /// Under its fleet, its time and a number that is its own.
    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Event {
        1 => pub(crate) at: Timestamp,
        /// `fleet-change`, `instance-change` or `service-error`.
        2 => pub(crate) kind: String,
        3 => pub(crate) sub: String,
        4 => pub(crate) description: Option<String>,
        5 => pub(crate) instance: Option<String>,
    }
}

pub(crate) const FLEETS: Table<Fleet> = Table::new(0x2250, "compute/fleets");
pub(crate) const EVENTS: Table<Event> = Table::new(0x2251, "compute/fleet-events");

pub(crate) const INSTANT: &str = "instant";
pub(crate) const REQUEST: &str = "request";
pub(crate) const MAINTAIN: &str = "maintain";

pub(crate) const SUBMITTED: &str = "submitted";
pub(crate) const ACTIVE: &str = "active";
pub(crate) const MODIFYING: &str = "modifying";
pub(crate) const DELETED: &str = "deleted";
pub(crate) const DELETED_RUNNING: &str = "deleted_running";
pub(crate) const DELETED_TERMINATING: &str = "deleted_terminating";

pub(crate) const FULFILLED: &str = "fulfilled";
pub(crate) const PENDING: &str = "pending_fulfillment";
pub(crate) const ENDING: &str = "pending_termination";
pub(crate) const ERROR: &str = "error";

/// On demand, or on capacity that is to spare.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Market {
    OnDemand,
    Spot,
}

impl Market {
    pub(crate) fn word(self) -> &'static str {
        if self == Market::Spot { "spot" } else { "on-demand" }
    }
}

impl Member {
    pub(crate) fn market(&self) -> Market {
        if self.request.is_some() { Market::Spot } else { Market::OnDemand }
    }
}

impl Target {
    /// The units of each market, where they fit together.
    pub(crate) fn split(&self) -> Option<(i64, i64)> {
        let (on_demand, spot) = (self.on_demand.unwrap_or(0), self.spot.unwrap_or(0));
        let rest = self.total - on_demand - spot;
        if on_demand < 0 || spot < 0 || rest < 0 {
            return None;
        }
        Some(if self.rest_is_spot { (on_demand, spot + rest) } else { (on_demand + rest, spot) })
    }

    pub(crate) fn unit(&self) -> Unit {
        self.unit.as_deref().and_then(Unit::named).unwrap_or(Unit::Machines)
    }

    /// In thousandths.
    pub(crate) fn of(&self, market: Market) -> i64 {
        let (on_demand, spot) = self.split().unwrap_or_default();
        UNIT * if market == Market::Spot { spot } else { on_demand }
    }
}

impl Options {
    pub(crate) fn strategy(&self) -> Strategy {
        let pools = self.pools.and_then(|count| usize::try_from(count).ok()).unwrap_or(1);
        Strategy::named(&self.strategy, pools).unwrap_or(Strategy::LowestPrice(1))
    }
}

impl Fleet {
    pub(crate) fn options(&self, market: Market) -> &Options {
        if market == Market::Spot { &self.spot } else { &self.on_demand }
    }

    /// The members of a market that count.
    pub(crate) fn of(&self, market: Market) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(move |member| !member.leaves && member.market() == market)
    }

    /// The units that it has of a market, in thousandths.
    pub(crate) fn held(&self, market: Market) -> i64 {
        self.of(market).map(|member| member.weight).sum()
    }

    /// What is still to be launched. What a request fleet has placed once it does not place again.
    pub(crate) fn missing(&self, market: Market) -> i64 {
        let placed = if market == Market::Spot { self.placed.1 } else { self.placed.0 };
        let has = if self.kind == MAINTAIN { self.held(market) } else { placed };
        self.target.of(market) - has
    }

    pub(crate) fn placed(&mut self, market: Market, units: i64) {
        let (on_demand, spot) = &mut self.placed;
        *(if market == Market::Spot { spot } else { on_demand }) += units;
    }

    /// AWS says of Spot Fleets that they are cancelled.
    pub(crate) fn word(&self, state: &str) -> String {
        if self.role.is_some() { state.replace(DELETED, "cancelled") } else { state.to_owned() }
    }

    pub(crate) fn noun(&self) -> &'static str {
        if self.role.is_some() { SPOT_FLEET.noun } else { FLEET.noun }
    }

    pub(crate) fn is_deleted(&self) -> bool {
        self.state.starts_with(DELETED)
    }
}

#[cfg(test)]
mod tests {
    use super::{Fleet, MAINTAIN, Market, Member, REQUEST, Target};

    #[test]
    fn the_rest_of_a_target_is_of_its_default() {
        let target = |total, on_demand, spot, rest_is_spot| Target {
            total,
            on_demand,
            spot,
            rest_is_spot,
            ..Target::default()
        };
        for (target, expected) in [
            (target(10, None, None, true), Some((0, 10))),
            (target(10, Some(4), None, true), Some((4, 6))),
            (target(10, Some(4), Some(3), false), Some((7, 3))),
            (target(10, Some(6), Some(6), true), None),
            (target(10, Some(-1), None, true), None),
        ] {
            assert_eq!(target.split(), expected, "{target:?}");
        }
    }

    #[test]
    fn what_a_request_fleet_has_placed_is_not_placed_again() {
        let target = Target { total: 3, on_demand: Some(1), rest_is_spot: true, ..Target::default() };
        let member = Member { weight: 1000, request: Some("sir-1".into()), ..Member::default() };
        let mut fleet = Fleet { kind: REQUEST.into(), target, members: vec![member], ..Fleet::default() };
        fleet.placed(Market::Spot, 2000);
        assert_eq!((fleet.missing(Market::Spot), fleet.missing(Market::OnDemand)), (0, 1000));
        fleet.kind = MAINTAIN.into();
        assert_eq!(fleet.missing(Market::Spot), 1000);
        fleet.members[0].leaves = true;
        assert_eq!(fleet.missing(Market::Spot), 2000);
    }
}
