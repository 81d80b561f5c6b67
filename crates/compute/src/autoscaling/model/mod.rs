//! Records of groups, their instances and what was done to them; and which instance is where to be, or to go. Pure.

pub mod cron;
pub mod mixed;
pub mod policy;
pub mod refresh;
pub mod schedule;
pub mod warm;

use base::{AccountId, Region, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use store::{Key, Table};

store::record! {
    /// Under its name.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Group {
        1 => pub name: String,
        /// The part of its ARN that another group of the name would not have.
        2 => pub id: String,
        3 => pub template: Template,
        4 => pub min: i64,
        5 => pub max: i64,
        6 => pub desired: i64,
        7 => pub cooldown: i64,
        /// Seconds from service on in which failed status checks do not count.
        8 => pub grace: i64,
        /// Where instances may be: subnets by their zones.
        9 => pub subnets: Vec<(String, String)>,
        /// What the caller gave for it.
        10 => pub identifier: Option<String>,
        11 => pub protects_new: bool,
        /// Values, and whether instances get them.
        12 => pub tags: BTreeMap<String, (String, bool)>,
        13 => pub created: Timestamp,
        /// Processes that are suspended, and why.
        14 => pub suspended: BTreeMap<String, String>,
        15 => pub members: Vec<Member>,
        /// It goes as soon as its instances have gone.
        16 => pub deleting: bool,
        /// The last change of the wanted size, in the words of an activity.
        17 => pub cause: String,
        /// Before then nothing is launched: the last launches have failed.
        18 => pub retry: Timestamp,
        19 => pub failures: u32,
        /// When the wanted size last changed.
        20 => pub scaled: Timestamp,
        /// Seconds until a new instance counts, where a policy says nothing of it.
        21 => pub warmup: Option<i64>,
        /// Seconds of rest after that change, where the policy that made it has some of its own.
        22 => pub rest: Option<i64>,
        /// Those of its metrics that are collected.
        23 => pub metrics: BTreeSet<String>,
        24 => pub hooks: Vec<Hook>,
        /// What topics want to hear of.
        25 => pub topics: BTreeMap<String, BTreeSet<String>>,
        /// Whom to end first, AWS's words in their order; its default where there is none.
        26 => pub termination: Vec<String>,
        /// Its instances are being refreshed.
        27 => pub refreshes: bool,
        /// What new instances are launched by as long as they are, where that is another template.
        28 => pub launches: Option<Template>,
        /// Its types and markets, where there are several.
        29 => pub mixed: Option<mixed::Mixed>,
        /// A spot instance that will be interrupted is replaced before it is.
        30 => pub rebalances: bool,
        31 => pub pool: Option<warm::WarmPool>,
        /// The instances of the pool.
        32 => pub warmed: Vec<Member>,
        /// AWS's name of what its size is counted in, where it was said.
        33 => pub unit: Option<String>,
        /// The types and markets of new instances as long as they are refreshed, where those are others.
        34 => pub launches_mixed: Option<mixed::Mixed>,
        /// The name of the placement group of new instances.
        35 => pub placement: Option<String>,
        /// New instances are of one type as long as they are refreshed, though the group has several.
        36 => pub launches_one: bool,
        /// The ARN of the service-linked role by which it acts.
        37 => pub role: Option<String>,
    }

    /// What instances are launched by.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Template {
        1 => pub id: String,
        2 => pub name: String,
        /// As it was given; the default version where it was not.
        3 => pub version: Option<String>,
    }

    /// An instance of a group.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Member {
        1 => pub id: String,
        2 => pub kind: String,
        4 => pub zone: String,
        /// AWS's word: [`PENDING`], [`IN_SERVICE`], [`STANDBY`], [`TERMINATING`].
        5 => pub state: String,
        6 => pub since: Timestamp,
        /// Why it is not healthy, in the words of an activity.
        7 => pub flaw: Option<String>,
        8 => pub protected: bool,
        9 => pub version: String,
        /// The activity that is about it.
        10 => pub activity: String,
        11 => pub launched: Timestamp,
        /// What it waits for, in [`PENDING_WAIT`] and [`TERMINATING_WAIT`].
        12 => pub waits: Vec<Wait>,
        /// When the activity that is about it began.
        13 => pub acted: Option<Timestamp>,
        /// The id of the template that its version is of.
        14 => pub template: String,
        /// The units that it counts; 0 where nothing is said of that, which is 1.
        15 => pub weight: i64,
        16 => pub spot: bool,
        /// It will be interrupted, and counts no longer.
        17 => pub leaves: bool,
        /// It came from the warm pool.
        18 => pub drawn: bool,
        /// In the warm pool: it comes back from the group.
        19 => pub returns: bool,
        /// In the warm pool: a refresh is to replace it.
        20 => pub stale: bool,
        /// Where it is within its zone.
        21 => pub subnet: String,
    }

    /// Lets instances wait on their way in or out.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Hook {
        1 => pub name: String,
        2 => pub launches: bool,
        /// Seconds.
        3 => pub timeout: i64,
        /// Who has heard nothing in that time goes on; else it is given up.
        4 => pub goes_on: bool,
        5 => pub metadata: Option<String>,
        /// The ARN of the queue or topic that is told of each who waits for it.
        6 => pub target: Option<String>,
        /// In whose name it is told.
        7 => pub role: Option<String>,
    }

    /// One instance waits for one hook.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Wait {
        1 => pub hook: String,
        2 => pub token: String,
        3 => pub until: Timestamp,
        /// No heartbeat makes it longer.
        4 => pub most: Timestamp,
        5 => pub timeout: i64,
        /// AWS's word, once somebody has said it.
        6 => pub result: Option<String>,
        7 => pub goes_on: bool,
    }

    /// Under its group, its start and its id.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Activity {
        1 => pub id: String,
        2 => pub group: String,
        3 => pub description: String,
        4 => pub cause: String,
        5 => pub start: Timestamp,
        6 => pub end: Option<Timestamp>,
        /// AWS's word.
        7 => pub status: String,
        8 => pub message: Option<String>,
        /// JSON, as AWS shows it.
        9 => pub details: String,
        10 => pub arn: String,
        /// Where the instance comes from and goes to, where that is not between EC2 and the group.
        11 => pub way: Option<(String, String)>,
    }
}

pub const GROUPS: Table<Group> = Table::new(0x2701, "autoscaling/groups");
pub const ACTIVITIES: Table<Activity> = Table::new(0x2702, "autoscaling/activities");

/// How long activities are told: six weeks.
const TOLD: Duration = Duration::from_secs(42 * 24 * 3600);

impl Activity {
    /// It is told no longer.
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.start.plus(TOLD) <= now
    }
}

pub const PENDING: &str = "Pending";
pub const IN_SERVICE: &str = "InService";
pub const TERMINATING: &str = "Terminating";
pub const PENDING_WAIT: &str = "Pending:Wait";
pub const TERMINATING_WAIT: &str = "Terminating:Wait";
pub const STANDBY: &str = "Standby";

pub const LAUNCHING: &str = "autoscaling:EC2_INSTANCE_LAUNCHING";
pub const TERMINATING_HOOK: &str = "autoscaling:EC2_INSTANCE_TERMINATING";

/// Whom to end first. Nothing is launched by a configuration or by weights, so that those choose nobody.
pub const POLICIES_OF_TERMINATION: [&str; 7] = [
    "AllocationStrategy",
    "ClosestToNextInstanceHour",
    "Default",
    "NewestInstance",
    "OldestInstance",
    "OldestLaunchConfiguration",
    "OldestLaunchTemplate",
];

pub const TEST: &str = "autoscaling:TEST_NOTIFICATION";

/// What topics may hear of.
pub const NOTIFICATIONS: [&str; 5] = [
    "autoscaling:EC2_INSTANCE_LAUNCH",
    "autoscaling:EC2_INSTANCE_LAUNCH_ERROR",
    "autoscaling:EC2_INSTANCE_TERMINATE",
    "autoscaling:EC2_INSTANCE_TERMINATE_ERROR",
    TEST,
];

/// AWS: of one group.
pub const HOOKS_MAX: usize = 50;
/// AWS: nobody waits longer than two days, nor than a hundred heartbeats.
const WAIT_MAX: i64 = 172_800;
const HEARTBEATS_MAX: i64 = 100;

impl Hook {
    /// Seconds after which nobody waits any longer, whatever heart beats.
    pub fn most(&self) -> i64 {
        WAIT_MAX.min(self.timeout * HEARTBEATS_MAX)
    }

    pub fn transition(&self) -> &'static str {
        if self.launches { LAUNCHING } else { TERMINATING_HOOK }
    }
}

pub fn key(account: AccountId, region: Region, name: &str) -> Key {
    Key::regional(account, region).str(name)
}

/// So many seconds later.
pub fn after(from: Timestamp, seconds: i64) -> Timestamp {
    from.plus(Duration::from_secs(u64::try_from(seconds).unwrap_or_default()))
}

impl Member {
    /// When the activity that is about it began: its end's or its launch's.
    pub fn told(&self) -> Timestamp {
        let by_state = if self.is_going() { self.since } else { self.launched };
        self.acted.unwrap_or(by_state)
    }

    /// Its zone and subnet.
    pub fn place(&self) -> (&str, &str) {
        (&self.zone, &self.subnet)
    }

    /// It is on its way out.
    pub fn is_going(&self) -> bool {
        self.state.starts_with(TERMINATING)
    }

    pub fn is_coming(&self) -> bool {
        self.state.starts_with(PENDING)
    }
}

impl Group {
    pub fn arn(&self, account: AccountId, region: Region) -> String {
        let (id, name) = (&self.id, &self.name);
        let resource = format!("autoScalingGroup:{id}:autoScalingGroupName/{name}");
        base::Arn::new("autoscaling", region.name(), account.as_str(), &resource).to_string()
    }

    pub fn is_suspended(&self, process: &str) -> bool {
        self.suspended.contains_key(process)
    }

    /// Those that count: neither on their way out nor on standby.
    pub fn live(&self) -> impl Iterator<Item = &Member> {
        self.present().filter(|member| !member.leaves)
    }

    /// The same with those that will be interrupted.
    pub fn present(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(|member| !member.is_going() && member.state != STANDBY)
    }

    /// What the next instance is launched by.
    pub fn launches_by(&self) -> &Template {
        self.launches.as_ref().unwrap_or(&self.template)
    }

    /// The types and markets of new instances.
    pub fn mixed_by(&self) -> Option<&mixed::Mixed> {
        let own = self.mixed.as_ref().filter(|_| !self.launches_one);
        self.launches_mixed.as_ref().or(own)
    }

    /// New instances are again what the group's are, whatever a refresh wanted.
    pub fn launch_as_ever(&mut self) {
        (self.launches, self.launches_mixed, self.launches_one) = (None, None, false);
    }

    /// Those that have been in service for so many seconds.
    pub fn warm(&self, seconds: i64, now: Timestamp) -> i64 {
        let warm = |member: &&Member| member.state == IN_SERVICE && after(member.since, seconds) <= now;
        self.live().filter(warm).map(Member::units).sum()
    }

    /// Until when the wanted size is left alone by those who honour that: some seconds from when the last change of it
    /// was made real. None while that is being done.
    pub fn rests_until(&self) -> Option<Timestamp> {
        let done = self.size() >= self.desired && self.live().all(|member| member.state == IN_SERVICE);
        let newest = self.live().filter(|member| member.launched >= self.scaled).map(|member| member.since);
        let from = newest.max().unwrap_or(self.scaled).max(self.scaled);
        done.then(|| after(from, self.rest.unwrap_or(self.cooldown)))
    }

    /// Takes another size, within the bounds; whether it is another.
    pub fn resize(&mut self, desired: i64, rest: Option<i64>, now: Timestamp) -> bool {
        let desired = desired.clamp(self.min, self.max);
        let changes = desired != self.desired;
        if changes {
            (self.desired, self.scaled, self.rest) = (desired, now, rest);
        }
        changes
    }

    pub fn size(&self) -> i64 {
        self.live().map(Member::units).sum()
    }

    pub fn zones(&self) -> BTreeSet<&String> {
        self.subnets.iter().map(|(zone, _)| zone).collect()
    }

    /// How many instances each zone that is there has.
    fn counts<'a>(&'a self, available: &BTreeSet<String>) -> BTreeMap<&'a String, usize> {
        let there = self.zones().into_iter().filter(|zone| available.contains(*zone));
        there.map(|zone| (zone, self.live().filter(|member| member.zone == *zone).count())).collect()
    }

    /// The zone and subnet of the next instance: where there are fewest.
    pub fn place(&self, available: &BTreeSet<String>) -> Option<&(String, String)> {
        self.places(available).into_iter().next()
    }

    /// The zones for the next instance, each with a subnet, in their order.
    pub fn places(&self, available: &BTreeSet<String>) -> Vec<&(String, String)> {
        let mut counts: Vec<_> = self.counts(available).into_iter().collect();
        counts.sort_by_key(|(_, count)| *count);
        counts.iter().filter_map(|(zone, _)| self.subnets.iter().find(|(of, _)| of == *zone)).collect()
    }

    /// Whether an instance more in one zone and one less in another would make them more equal.
    pub fn is_out_of_balance(&self, available: &BTreeSet<String>) -> bool {
        let counts = self.counts(available);
        let (least, most) = (counts.values().min(), counts.values().max());
        least.zip(most).is_some_and(|(least, most)| most - least > 1)
    }

    pub fn policies(&self) -> Vec<String> {
        if self.termination.is_empty() { vec!["Default".into()] } else { self.termination.clone() }
    }

    /// Who is to go: of the market that has too much, and of the zone with most instances, the one that the policies
    /// choose, unless it is protected or counts more than there is too much.
    /// AWS: <https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-termination-policies.html>
    pub fn victim(&self, now: Timestamp) -> Option<&Member> {
        let of_zone = |member: &Member| self.live().filter(|other| other.zone == member.zone).count();
        let over = self.size() - self.desired;
        // Where the size is right, one more is there to come in its stead.
        let fits = |member: &&Member| self.mixed.is_none() || member.units() <= over.max(1);
        let mut open: Vec<&Member> = self.live().filter(|member| !member.protected).filter(fits).collect();
        if let Some(spot) = self.market_of_victim()
            && open.iter().any(|member| member.spot == spot)
        {
            open.retain(|member| member.spot == spot);
        }
        let most = open.iter().map(|member| of_zone(member)).max()?;
        open.retain(|member| of_zone(member) == most);
        let age = |member: &Member| now.seconds() - member.launched.seconds();
        // One of another template than the group's is older than any version of that.
        let version = |member: &Member| {
            let is_current = member.template.is_empty() || member.template == self.template.id;
            (is_current, member.version.parse().unwrap_or(i64::MAX))
        };
        // The least of each is chosen; who is alike is left to the next.
        for policy in self.policies() {
            let rank = |member: &Member| match policy.as_str() {
                "OldestInstance" => (true, -age(member)),
                "NewestInstance" => (true, age(member)),
                "ClosestToNextInstanceHour" => (true, -age(member).rem_euclid(3_600)),
                "OldestLaunchTemplate" | "Default" => version(member),
                _ => (true, 0),
            };
            let least = open.iter().map(|member| rank(member)).min()?;
            open.retain(|member| rank(member) == least);
        }
        open.into_iter().min_by_key(|member| (member.launched, &member.id))
    }
}

#[cfg(test)]
mod tests {
    use super::{Group, IN_SERVICE, Member};
    use base::Timestamp;
    use std::collections::BTreeSet;

    const NOW: Timestamp = Timestamp::from_seconds(4_000);

    fn group(members: &[(&str, &str)]) -> Group {
        let subnets = ["a", "b", "c"].map(|zone| (zone.to_owned(), format!("subnet-{zone}"))).to_vec();
        let member = |at: usize, (id, zone): &(&str, &str)| Member {
            id: (*id).into(),
            zone: (*zone).into(),
            state: IN_SERVICE.into(),
            launched: Timestamp::from_seconds(i64::try_from(at).unwrap()),
            ..Member::default()
        };
        let members = members.iter().enumerate().map(|(at, one)| member(at, one)).collect();
        Group { subnets, members, ..Group::default() }
    }

    fn zones(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn instances_go_where_there_are_fewest() {
        let all = zones(&["a", "b", "c"]);
        assert_eq!(group(&[("i-1", "a")]).place(&all).unwrap().0, "b");
        assert_eq!(group(&[("i-1", "a"), ("i-2", "b")]).place(&all).unwrap().1, "subnet-c");
        assert_eq!(group(&[("i-1", "a")]).place(&zones(&["a"])).unwrap().0, "a");
        assert!(group(&[]).place(&zones(&[])).is_none());
    }

    #[test]
    fn balance_is_a_difference_of_one() {
        let all = zones(&["a", "b", "c"]);
        assert!(!group(&[("i-1", "a"), ("i-2", "b")]).is_out_of_balance(&all));
        assert!(group(&[("i-1", "a"), ("i-2", "a")]).is_out_of_balance(&all));
        assert!(!group(&[("i-1", "a"), ("i-2", "a")]).is_out_of_balance(&zones(&["a"])));
    }

    #[test]
    fn the_oldest_of_the_fullest_zone_goes_unless_it_is_protected() {
        let mut group = group(&[("i-1", "a"), ("i-2", "b"), ("i-3", "b")]);
        assert_eq!(group.victim(NOW).unwrap().id, "i-2");
        group.members[1].protected = true;
        assert_eq!(group.victim(NOW).unwrap().id, "i-3");
        group.members.iter_mut().for_each(|member| member.protected = true);
        assert!(group.victim(NOW).is_none());
    }

    #[test]
    fn policies_choose_in_their_order() {
        let mut group = group(&[("i-1", "a"), ("i-2", "a"), ("i-3", "a")]);
        group.members[0].launched = Timestamp::from_seconds(3_000);
        group.members[1].launched = Timestamp::from_seconds(500);
        group.members[2].launched = Timestamp::from_seconds(100);
        group
            .members
            .iter_mut()
            .zip(["2", "1", "2"])
            .for_each(|(member, version)| member.version = version.into());
        for (policies, chosen) in [
            (["OldestInstance"].as_slice(), "i-3"),
            (&["NewestInstance"], "i-1"),
            // They are 1,000, 3,500 and 300 seconds into an hour of theirs.
            (&["ClosestToNextInstanceHour"], "i-2"),
            (&["OldestLaunchTemplate"], "i-2"),
            (&["Default"], "i-2"),
            (&["AllocationStrategy", "NewestInstance"], "i-1"),
        ] {
            group.termination = policies.iter().map(|name| (*name).to_owned()).collect();
            assert_eq!(group.victim(NOW).unwrap().id, chosen, "{policies:?}");
        }
        group.template.id = "lt-2".into();
        group.members[0].template = "lt-1".into();
        group.termination = vec!["OldestLaunchTemplate".into()];
        assert_eq!(group.victim(NOW).unwrap().id, "i-1");
    }
}
