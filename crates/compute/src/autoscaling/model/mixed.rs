//! Groups of several types, on demand and on capacity that is to spare. Pure: which market the next instance is of,
//! and what an instance counts.
//!
//! AWS: <https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-mixed-instances-groups.html>

use super::{Group, Member, STANDBY, Template};
use crate::pools::Strategy;

store::record! {
    /// What a group has beside its template.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Mixed {
        1 => pub overrides: Vec<Override>,
        /// AWS's names of strategies.
        2 => pub on_demand: String,
        3 => pub spot: String,
        /// Units on demand before there are others.
        4 => pub base: i64,
        /// Of the units beyond these, in hundredths.
        5 => pub above: i64,
        6 => pub pools: Option<i64>,
        /// For a unit's hour, as it was given.
        7 => pub max: Option<String>,
    }

    /// One type; the first of them is the one that is preferred.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Override {
        1 => pub kind: Option<String>,
        2 => pub weight: Option<i64>,
        3 => pub template: Option<Template>,
        4 => pub image: Option<String>,
        /// In JSON, instead of a type: all that have these attributes.
        5 => pub requirements: Option<String>,
    }
}

/// AWS's defaults.
pub const ON_DEMAND: &str = "prioritized";
pub const SPOT: &str = "lowest-price";
pub const POOLS: i64 = 2;
/// Where types are chosen by attributes.
pub const ON_DEMAND_BY_ATTRIBUTES: &str = "lowest-price";

impl Mixed {
    /// How many units of so many are on demand: what is no whole number is rounded up.
    pub fn on_demand_of(&self, units: i64) -> i64 {
        let above = (units - self.base).max(0);
        self.base.min(units) + (above * self.above + 99).div_euclid(100)
    }

    pub(crate) fn strategy(&self, is_spot: bool) -> Strategy {
        // On demand the cheapest is the cheapest: it is not spread.
        let pools = self.pools.unwrap_or(POOLS);
        let pools = usize::try_from(if is_spot { pools } else { 1 }).unwrap_or(1);
        let name = if is_spot { &self.spot } else { &self.on_demand };
        Strategy::named(name, pools).unwrap_or(Strategy::Prioritized)
    }

    pub fn goes_by_attributes(&self) -> bool {
        self.overrides.iter().any(|over| over.requirements.is_some())
    }

    pub fn has_weights(&self) -> bool {
        self.overrides.iter().any(|over| over.weight.is_some())
    }
}

impl Member {
    /// The units that it counts.
    pub fn units(&self) -> i64 {
        self.weight.max(1)
    }
}

impl Group {
    /// What some of its instances count.
    pub fn units_of(&self, ids: &[String]) -> i64 {
        self.members.iter().filter(|member| ids.contains(&member.id)).map(Member::units).sum()
    }

    fn on_demand(&self) -> i64 {
        self.live().filter(|member| !member.spot).map(Member::units).sum()
    }

    /// Whether the next instance is a spot instance.
    pub fn next_is_spot(&self) -> bool {
        let Some(mixed) = self.mixed_by() else { return false };
        self.on_demand() >= mixed.on_demand_of(self.desired.max(self.size() + 1))
    }

    /// The market that has too much, where one goes of which there is too much: true is spot.
    pub(super) fn market_of_victim(&self) -> Option<bool> {
        let mixed = self.mixed_by()?;
        Some(self.on_demand() <= mixed.on_demand_of(self.desired))
    }

    /// One of the zone with most: what comes to balance the zones comes in its stead.
    pub fn crowded(&self) -> Option<&Member> {
        let of_zone = |member: &Member| self.live().filter(|other| other.zone == member.zone).count();
        self.live().filter(|member| !member.protected).max_by_key(|member| of_zone(member))
    }

    /// One that will be interrupted, once those that came in its stead are there.
    pub fn leaver(&self) -> Option<&Member> {
        let is_full =
            self.size() >= self.desired && self.live().all(|member| member.state == super::IN_SERVICE);
        let open = |member: &&Member| member.leaves && !member.is_going() && member.state != STANDBY;
        self.members.iter().find(open).filter(|_| is_full)
    }
}

#[cfg(test)]
mod tests {
    use super::{Group, Member, Mixed};
    use crate::autoscaling::model::IN_SERVICE;

    fn group(base: i64, above: i64, desired: i64, spots: &[bool]) -> Group {
        let mixed = Mixed { base, above, ..Mixed::default() };
        let member = |spot: &bool| Member { spot: *spot, state: IN_SERVICE.into(), ..Member::default() };
        let members = spots.iter().map(member).collect();
        Group { mixed: Some(mixed), desired, members, ..Group::default() }
    }

    #[test]
    fn a_part_of_the_capacity_is_on_demand() {
        for (base, above, units, expected) in [
            (0, 100, 5, 5),
            (0, 0, 5, 0),
            (2, 0, 5, 2),
            (2, 50, 5, 4),
            (2, 50, 6, 4),
            (4, 50, 3, 3),
            (0, 25, 10, 3),
        ] {
            let mixed = Mixed { base, above, ..Mixed::default() };
            assert_eq!(mixed.on_demand_of(units), expected, "{base} {above} {units}");
        }
    }

    #[test]
    fn the_base_comes_first_and_what_is_too_much_goes() {
        assert!(!group(1, 0, 3, &[]).next_is_spot());
        assert!(group(1, 0, 3, &[false]).next_is_spot());
        assert!(!group(0, 100, 3, &[false, false, false]).next_is_spot());
        assert_eq!(group(1, 0, 2, &[false, true, true]).market_of_victim(), Some(true));
        assert_eq!(group(1, 0, 2, &[false, false, true]).market_of_victim(), Some(false));
        assert_eq!(Group::default().market_of_victim(), None);
    }

    #[test]
    fn one_that_will_be_interrupted_goes_when_others_are_there() {
        let mut group = group(0, 0, 1, &[true, true]);
        group.members[0].leaves = true;
        assert!(group.leaver().is_some() && group.size() == 1);
        group.members.pop();
        assert!(group.leaver().is_none());
    }
}
