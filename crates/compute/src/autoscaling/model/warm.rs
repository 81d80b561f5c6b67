//! Warm pools: instances beside a group that are ready before they are needed. Pure: how many, and which comes first.
//!
//! ```text
//!  Warmed:Pending ──► Warmed:Pending:Wait ──► Warmed:Pending:Proceed ──► Warmed:Stopped   or Warmed:Running
//!  Warmed:Terminating:Wait ──► Warmed:Terminating
//! ```
//! AWS: <https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-warm-pools.html>

use super::{Group, Member};
use std::collections::BTreeSet;

store::record! {
    #[derive(Clone, PartialEq, Debug)]
    pub struct WarmPool {
        /// Its instances run; else they are stopped.
        1 => pub running: bool,
        2 => pub min: i64,
        /// Of the pool and the group together, where that is not the group's largest size.
        3 => pub most: Option<i64>,
        /// What the group has too much of comes back.
        4 => pub reuses: bool,
        /// It goes as soon as its instances have gone.
        5 => pub deleting: bool,
    }
}

pub const PENDING: &str = "Warmed:Pending";
pub const PENDING_WAIT: &str = "Warmed:Pending:Wait";
pub const PROCEED: &str = "Warmed:Pending:Proceed";
pub const STOPPED: &str = "Warmed:Stopped";
pub const RUNNING: &str = "Warmed:Running";
pub const TERMINATING: &str = "Warmed:Terminating";
pub const TERMINATING_WAIT: &str = "Warmed:Terminating:Wait";

/// Where instances come from and go to, in AWS's words.
pub const EC2: &str = "EC2";
pub const POOL: &str = "WarmPool";
pub const GROUP: &str = "AutoScalingGroup";

/// It is on its way out of the pool for good.
pub fn is_going(member: &Member) -> bool {
    member.state.starts_with(TERMINATING)
}

/// It could be drawn.
pub fn is_ready(member: &Member) -> bool {
    matches!(member.state.as_str(), STOPPED | RUNNING)
}

impl Group {
    /// How many instances the pool is to have.
    pub fn warm_wanted(&self) -> i64 {
        let Some(pool) = self.pool.as_ref().filter(|pool| !pool.deleting && !self.deleting) else { return 0 };
        (pool.most.unwrap_or(self.max) - self.desired).max(pool.min).max(0)
    }

    /// Those of the pool that are not on their way out.
    pub fn warm_live(&self) -> impl Iterator<Item = &Member> {
        self.warmed.iter().filter(|member| !is_going(member))
    }

    pub fn warm_size(&self) -> i64 {
        i64::try_from(self.warm_live().count()).unwrap_or(i64::MAX)
    }

    /// The instance of the pool that comes next, where there is one: of the zone with fewest in the group.
    pub fn next_warm(&self, available: &BTreeSet<String>) -> Option<&Member> {
        let ready = |member: &&Member| member.flaw.is_none() && !member.stale && is_ready(member);
        let zones: Vec<&String> = self.places(available).into_iter().map(|(zone, _)| zone).collect();
        zones.iter().find_map(|zone| self.warmed.iter().filter(ready).find(|member| member.zone == **zone))
    }

    /// Whether what the group has too much of goes back into its pool.
    pub fn takes_back(&self) -> bool {
        self.pool.as_ref().is_some_and(|pool| pool.reuses && !pool.deleting) && !self.deleting
    }
}

#[cfg(test)]
mod tests {
    use super::{Group, Member, RUNNING, STOPPED, WarmPool};
    use std::collections::BTreeSet;

    #[test]
    fn a_pool_is_what_the_group_lacks_to_its_largest_size() {
        for (min, most, desired, expected) in
            [(0, None, 4, 6), (8, None, 4, 8), (0, Some(6), 4, 2), (0, Some(3), 4, 0), (1, Some(3), 4, 1)]
        {
            let pool = Some(WarmPool { min, most, ..WarmPool::default() });
            let mut group = Group { pool, max: 10, desired, ..Group::default() };
            assert_eq!(group.warm_wanted(), expected, "{min} {most:?} {desired}");
            group.deleting = true;
            assert_eq!(group.warm_wanted(), 0);
        }
        assert_eq!(Group { max: 10, ..Group::default() }.warm_wanted(), 0);
    }

    #[test]
    fn what_is_ready_comes_from_the_zone_with_fewest() {
        let member = |id: &str, zone: &str, state: &str| Member {
            id: id.into(),
            zone: zone.into(),
            state: state.into(),
            ..Member::default()
        };
        let subnets = ["a", "b"].map(|zone| (zone.to_owned(), zone.to_owned())).to_vec();
        let members = vec![member("i-0", "a", "InService")];
        let warmed = vec![
            member("i-1", "a", STOPPED),
            member("i-2", "b", RUNNING),
            member("i-3", "b", "Warmed:Pending"),
        ];
        let mut group = Group { subnets, members, warmed, ..Group::default() };
        let all: BTreeSet<String> = ["a", "b"].map(str::to_owned).into();
        assert_eq!(group.next_warm(&all).unwrap().id, "i-2");
        group.warmed[1].flaw = Some("impaired".into());
        assert_eq!(group.next_warm(&all).unwrap().id, "i-1");
        assert!(group.next_warm(&["b".to_owned()].into()).is_none());
        group.warmed[0].stale = true;
        assert!(group.next_warm(&all).is_none());
    }
}
