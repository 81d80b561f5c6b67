//! Instance refreshes: how a group's instances are replaced by others, so many at a time, and what is next. Pure.
//!
//! ```text
//!  Pending ─► InProgress ─► (Baking) ─► Successful
//!                │  │ └► Failed
//!                │  └► Cancelling ─► Cancelled
//!                └► RollbackInProgress ─► RollbackSuccessful │ RollbackFailed
//! ```
//! AWS: <https://docs.aws.amazon.com/autoscaling/ec2/userguide/instance-refresh-overview.html>

use super::mixed::Mixed;
use super::{Group, IN_SERVICE, Member, STANDBY, Template, after, warm};
use base::Timestamp;
use std::collections::BTreeSet;
use store::Table;

store::record! {
    /// Under its group, its start and its id.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Refresh {
        1 => pub id: String,
        2 => pub group: String,
        /// AWS's word.
        3 => pub status: String,
        4 => pub reason: Option<String>,
        5 => pub start: Timestamp,
        6 => pub end: Option<Timestamp>,
        7 => pub preferences: Preferences,
        /// What the group shall be launched by; as it is where there is none.
        8 => pub wanted: Option<Template>,
        /// The instances that are to go.
        9 => pub old: BTreeSet<String>,
        /// Those that are left alone: they match already, or nobody may touch them.
        10 => pub spared: BTreeSet<String>,
        /// Of how many instances it tells its percentage.
        11 => pub total: i64,
        12 => pub percent: i64,
        13 => pub left: i64,
        /// When it last came on.
        14 => pub moved: Timestamp,
        /// The highest checkpoint that was reached.
        15 => pub reached: i64,
        /// It rests until then: at a checkpoint, or while it bakes.
        16 => pub rests: Option<Timestamp>,
        17 => pub rollback: Option<Rollback>,
        /// A cancellation waits for instances that come and go.
        18 => pub waits: bool,
        /// Beside the template: the types and markets that the group shall have.
        19 => pub wanted_mixed: Option<Mixed>,
        /// The group shall have one type, and no policy of several any more.
        20 => pub wants_one: bool,
        /// Of how many instances of the warm pool it tells, and how many of them are new.
        21 => pub pool: Option<Pool>,
        /// When it went on from waiting.
        22 => pub begun: Option<Timestamp>,
        /// The units that it has ended and the group has not launched again; below zero where it launched first.
        23 => pub owed: i64,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub struct Pool {
        1 => pub total: i64,
        2 => pub ready: i64,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub struct Preferences {
        1 => pub min: i64,
        /// AWS: to say 100 is another thing than to say nothing.
        2 => pub max: Option<i64>,
        3 => pub warmup: i64,
        4 => pub checkpoints: Vec<i64>,
        5 => pub delay: i64,
        6 => pub skips: bool,
        7 => pub rolls_back: bool,
        /// AWS's words.
        8 => pub protected: String,
        9 => pub standby: String,
        10 => pub bake: i64,
        /// AWS's names of those that were said: the others are not told.
        11 => pub said: BTreeSet<String>,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub struct Rollback {
        1 => pub reason: String,
        2 => pub start: Timestamp,
        3 => pub percent: i64,
        4 => pub left: i64,
    }
}

pub const REFRESHES: Table<Refresh> = Table::new(0x2707, "autoscaling/refreshes");

pub const WAITING: &str = "Pending";
pub const IN_PROGRESS: &str = "InProgress";
pub const BAKING: &str = "Baking";
pub const SUCCESSFUL: &str = "Successful";
pub const FAILED: &str = "Failed";
pub const CANCELLING: &str = "Cancelling";
pub const CANCELLED: &str = "Cancelled";
pub const ROLLING_BACK: &str = "RollbackInProgress";
pub const ROLLED_BACK: &str = "RollbackSuccessful";
pub const ROLLBACK_FAILED: &str = "RollbackFailed";

/// AWS waits one hour for those whom it may not touch; here for whatever else keeps a refresh from coming on, too.
const PATIENCE: i64 = 3600;

/// What a refresh does next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Move {
    /// Ends an instance, which is then replaced.
    End(String),
    /// Likewise one of the warm pool.
    EndWarm(String),
    /// Launches one more than the group should have.
    Launch,
    /// So many percent are replaced, and it rests for a while.
    Checkpoint(i64),
    Wait(Option<Timestamp>),
    Done,
    /// Why it cannot come on.
    Fail(&'static str),
}

/// What some instances count: a refresh goes by units, as the size of its group does.
fn units<'m>(members: impl Iterator<Item = &'m Member>) -> i64 {
    members.map(Member::units).sum()
}

/// Whether a group has what it should, and nothing that it could do without.
fn is_sized(group: &Group) -> bool {
    let over = group.size() - group.desired;
    over >= 0 && !group.live().any(|member| member.units() <= over)
}

impl Refresh {
    pub fn is_over(&self) -> bool {
        matches!(self.status.as_str(), SUCCESSFUL | FAILED | CANCELLED | ROLLED_BACK | ROLLBACK_FAILED)
    }

    /// When it began; nothing while it waits.
    pub fn started(&self) -> Option<Timestamp> {
        (self.status != WAITING).then(|| self.begun.unwrap_or(self.start))
    }

    pub fn is_rolling_back(&self) -> bool {
        self.status == ROLLING_BACK
    }

    /// Replaces instances just now.
    pub fn is_active(&self) -> bool {
        matches!(self.status.as_str(), IN_PROGRESS | ROLLING_BACK)
    }

    fn is_old(&self, member: &Member) -> bool {
        self.old.contains(&member.id)
    }

    fn is_fresh(&self, member: &Member) -> bool {
        !self.is_old(member) && !self.spared.contains(&member.id)
    }

    fn is_ready(&self, member: &Member, now: Timestamp) -> bool {
        let is_warm = !self.is_fresh(member) || after(member.since, self.preferences.warmup) <= now;
        member.state == IN_SERVICE && member.flaw.is_none() && is_warm
    }

    /// Instances that are to be replaced, and still there; the ones on standby among them.
    fn remaining<'g>(&self, group: &'g Group) -> Vec<&'g Member> {
        group.members.iter().filter(|member| !member.is_going() && self.is_old(member)).collect()
    }

    /// Whether it may touch one of those that are to go.
    fn may_touch(&self, member: &Member) -> bool {
        let preferences = &self.preferences;
        (!member.protected || preferences.protected == "Refresh")
            && (member.state != STANDBY || preferences.standby == "Terminate")
    }

    /// Takes in how far it has come.
    pub fn observe(&mut self, group: &Group, now: Timestamp) {
        // Who went by itself, or by a shrinking group, need not be replaced.
        self.old.retain(|id| group.members.iter().any(|member| member.id == *id));
        let ignored = |member: &&Member| {
            let of_standby = member.state == STANDBY && self.preferences.standby == "Ignore";
            of_standby || (member.protected && self.preferences.protected == "Ignore")
        };
        let ignored: Vec<String> =
            group.members.iter().filter(ignored).map(|member| member.id.clone()).collect();
        for id in ignored {
            if self.old.remove(&id) {
                self.spared.insert(id);
            }
        }
        let spared = units(group.live().filter(|member| self.spared.contains(&member.id)));
        let ready = units(group.live().filter(|member| self.is_fresh(member) && self.is_ready(member, now)));
        self.total = (group.desired - spared).max(0);
        let ready = ready.min(self.total);
        let percent = if self.total == 0 { 100 } else { ready * 100 / self.total };
        let (percent, left) = match &self.rollback {
            // AWS: back to nothing, from where it was.
            Some(rollback) => (rollback.percent * (100 - percent) / 100, rollback.left + ready),
            None => (percent, self.total - ready),
        };
        let pool = group.pool.as_ref().map(|_| self.pool_of(group));
        if (percent, left, &pool) != (self.percent, self.left, &self.pool) {
            self.moved = now;
        }
        (self.percent, self.left, self.pool) = (percent, left, pool);
    }

    /// How far the warm pool has come: as far as it is to have instances.
    fn pool_of(&self, group: &Group) -> Pool {
        let spared = group.warm_live().filter(|member| !member.stale && self.spared.contains(&member.id));
        let spared = i64::try_from(spared.count()).unwrap_or(0);
        let total = (group.warm_wanted() - spared).max(0);
        let new = group
            .warm_live()
            .filter(|member| warm::is_ready(member) && !member.stale && !self.spared.contains(&member.id));
        Pool { total, ready: i64::try_from(new.count()).unwrap_or(0).min(total) }
    }

    /// What is next in the warm pool, once the group itself has its new instances: one after another is replaced.
    pub fn next_warm(&self, group: &Group, now: Timestamp) -> Option<Move> {
        let old = group.warm_live().find(|member| member.stale);
        let settled = |member: &Member| warm::is_ready(member) && member.flaw.is_none();
        let is_whole = group.warm_size() == group.warm_wanted() && group.warmed.iter().all(settled);
        match old {
            None if is_whole => None,
            Some(old) if is_whole => Some(Move::EndWarm(old.id.clone())),
            _ if self.patience() > now => Some(Move::Wait(Some(self.patience()))),
            _ => Some(Move::Fail("the replacements in the warm pool did not become ready within an hour")),
        }
    }

    /// All instances, those of the warm pool included: how far it has come, and how many are left.
    pub fn progress(&self) -> (i64, i64) {
        let Some(pool) = &self.pool else { return (self.percent, self.left) };
        let (total, left) = (self.total + pool.total, self.left + pool.total - pool.ready);
        (if total == 0 { 100 } else { (total - left) * 100 / total }, left)
    }

    /// How many instances of the group may have been replaced before it rests or ends.
    fn bound(&self) -> i64 {
        let checkpoints = &self.preferences.checkpoints;
        let next = checkpoints.iter().find(|percent| **percent > self.reached).or(checkpoints.last());
        let percent = next.copied().unwrap_or(100);
        (self.total * percent + 99) / 100
    }

    /// What is next, while it is active. The group's own way launches whatever it lacks.
    pub fn next(&self, group: &Group, now: Timestamp) -> Move {
        if let Some(until) = self.rests.filter(|until| *until > now) {
            return Move::Wait(Some(until));
        }
        let remaining = self.remaining(group);
        let idle = remaining.iter().find(|member| member.state == STANDBY && self.may_touch(member));
        if let Some(idle) = idle {
            return Move::End(idle.id.clone());
        }
        let serving = remaining.iter().copied().filter(|member| member.state != STANDBY);
        let replaced = self.total - units(serving);
        let whole = self.rollback.is_some() || self.preferences.checkpoints.is_empty();
        let bound = if whole { self.total } else { self.bound() };
        let leaving = group.members.iter().any(|member| member.is_going() && self.is_old(member));
        let ready = group.live().all(|member| self.is_ready(member, now));
        let settled = is_sized(group) && ready && !leaving;
        if remaining.is_empty() && settled {
            return self.ends();
        }
        if !whole && replaced >= bound && settled {
            return self.ends();
        }
        // Who has tried in vain for so long gives up, whatever could be tried.
        if replaced < bound
            && self.patience() > now
            && let Some(step) = self.replaces(group, &remaining, bound - replaced, now)
        {
            return step;
        }
        self.waits(group, &remaining, now)
    }

    /// A part of it is done: what a checkpoint is for, or all.
    fn ends(&self) -> Move {
        let checkpoints = &self.preferences.checkpoints;
        if self.rollback.is_some() || checkpoints.is_empty() {
            return Move::Done;
        }
        // AWS: one that is behind a higher one which is reached as well is skipped.
        let reached = checkpoints.iter().rfind(|percent| **percent <= self.percent || self.total == 0);
        match reached.filter(|percent| **percent > self.reached) {
            Some(percent) => Move::Checkpoint(*percent),
            None => Move::Done,
        }
    }

    /// The next replacement, if the healthy are enough for one.
    fn replaces(&self, group: &Group, remaining: &[&Member], more: i64, now: Timestamp) -> Option<Move> {
        let (desired, preferences) = (group.desired, &self.preferences);
        let floor = (desired * preferences.min + 99) / 100;
        let healthy = units(group.live().filter(|member| self.is_ready(member, now)));
        let is_open = |member: &&&Member| self.may_touch(member) && member.state != STANDBY;
        let mut open: Vec<&&Member> = remaining.iter().filter(is_open).collect();
        let of_zone = |member: &Member| group.live().filter(|other| other.zone == member.zone).count();
        // Whoever does not serve goes first: the rest lose nothing by it.
        open.sort_by_key(|member| {
            let serves = self.is_ready(member, now);
            (serves, usize::MAX - of_zone(member), member.launched, &member.id)
        });
        let first = open.first()?;
        let serves = self.is_ready(first, now);
        let most = preferences.max.map_or(desired, |max| desired * max / 100);
        // Where both bounds leave nothing to move, one is launched first, or, without an upper one, ended first.
        let stuck = floor >= desired && most <= desired;
        let most = if stuck && preferences.max.is_some() { desired + 1 } else { most };
        let in_flight = group.live().filter(|member| !self.is_ready(member, now)).count();
        let one = stuck && preferences.max.is_none() && in_flight == 0 && group.size() >= desired;
        if !serves || healthy > floor || one {
            return Some(Move::End(first.id.clone()));
        }
        let surplus = group.size() - desired;
        (group.size() < most && surplus < more).then_some(Move::Launch)
    }

    /// Until when it may stand still.
    fn patience(&self) -> Timestamp {
        after(self.moved, PATIENCE + self.preferences.warmup)
    }

    /// Nothing can be done just now: until somebody is ready, or for an hour.
    fn waits(&self, group: &Group, remaining: &[&Member], now: Timestamp) -> Move {
        let fresh = group.live().filter(|member| self.is_fresh(member) && member.state == IN_SERVICE);
        let warm = fresh.map(|member| after(member.since, self.preferences.warmup)).filter(|at| *at > now);
        let warm = warm.min();
        let hooked = group.live().any(|member| !member.waits.is_empty());
        let patience = self.patience();
        if patience > now || warm.is_some() || hooked {
            let until = [warm, Some(patience).filter(|at| *at > now)].into_iter().flatten().min();
            return Move::Wait(until);
        }
        let touchable = remaining.iter().any(|member| self.may_touch(member));
        let standby = remaining.iter().any(|member| member.state == STANDBY);
        Move::Fail(match (remaining.is_empty() || touchable, standby) {
            (true, _) => "the replacements of instances did not become healthy within an hour",
            (false, true) => "instances on standby did not return to service within an hour",
            (false, false) => "instances that are protected from scale in kept their protection for an hour",
        })
    }

    /// Turns round: what has been replaced is to go.
    pub fn roll_back(&mut self, group: &mut Group, reason: &str, now: Timestamp) {
        let was_old = std::mem::take(&mut self.old);
        let there = group.members.iter().filter(|member| !member.is_going());
        let fresh = |member: &&Member| !was_old.contains(&member.id) && !self.spared.contains(&member.id);
        self.old = there.filter(fresh).map(|member| member.id.clone()).collect();
        self.spared.extend(was_old);
        self.spared.extend(group.warmed.iter().filter(|member| member.stale).map(|member| member.id.clone()));
        for member in &mut group.warmed {
            member.stale = !self.spared.contains(&member.id);
        }
        let (percent, left) = (self.percent, self.left);
        self.rollback = Some(Rollback { reason: reason.to_owned(), start: now, percent, left });
        (self.status, self.rests, self.moved) = (ROLLING_BACK.into(), None, now);
    }
}

#[cfg(test)]
mod tests {
    use super::{IN_PROGRESS, Move, Preferences, Refresh};
    use crate::autoscaling::model::warm::{STOPPED, WarmPool};
    use crate::autoscaling::model::{Group, IN_SERVICE, Member, PENDING, STANDBY};
    use base::Timestamp;

    const NOW: Timestamp = Timestamp::from_seconds(10_000);

    fn group(ids: &[&str]) -> Group {
        let member = |id: &&str| Member {
            id: (*id).into(),
            zone: "a".into(),
            state: IN_SERVICE.into(),
            ..Member::default()
        };
        let desired = i64::try_from(ids.len()).unwrap();
        Group { members: ids.iter().map(member).collect(), desired, ..Group::default() }
    }

    fn refresh(group: &Group, min: i64, max: Option<i64>) -> Refresh {
        let mut refresh = Refresh {
            status: IN_PROGRESS.into(),
            preferences: Preferences {
                min,
                max,
                protected: "Wait".into(),
                standby: "Wait".into(),
                ..Preferences::default()
            },
            old: group.members.iter().map(|member| member.id.clone()).collect(),
            moved: NOW,
            ..Refresh::default()
        };
        refresh.observe(group, NOW);
        refresh
    }

    fn replace(group: &mut Group, old: &str, new: &str, state: &str) {
        let member = group.members.iter_mut().find(|member| member.id == old).unwrap();
        (member.id, member.state, member.since) = (new.into(), state.into(), NOW);
    }

    #[test]
    fn so_many_go_at_a_time_as_the_healthy_leave() {
        for (min, max, first) in [
            (50, None, Move::End("i-1".into())),
            (75, None, Move::End("i-1".into())),
            // One at a time: it goes first where nothing is said of more than there should be.
            (100, None, Move::End("i-1".into())),
            (100, Some(100), Move::Launch),
            (100, Some(150), Move::Launch),
        ] {
            let group = group(&["i-1", "i-2", "i-3", "i-4"]);
            assert_eq!(refresh(&group, min, max).next(&group, NOW), first, "{min} {max:?}");
        }
        // Half of four may be missing, and no more.
        let mut group = group(&["i-1", "i-2", "i-3", "i-4"]);
        let mut refresh = refresh(&group, 50, None);
        replace(&mut group, "i-1", "i-5", PENDING);
        refresh.observe(&group, NOW);
        assert_eq!(refresh.next(&group, NOW), Move::End("i-2".into()));
        replace(&mut group, "i-2", "i-6", PENDING);
        refresh.observe(&group, NOW);
        assert!(matches!(refresh.next(&group, NOW), Move::Wait(Some(_))));
        for id in ["i-5", "i-6"] {
            replace(&mut group, id, id, IN_SERVICE);
        }
        refresh.observe(&group, NOW);
        assert_eq!((refresh.percent, refresh.left), (50, 2));
        assert_eq!(refresh.next(&group, NOW), Move::End("i-3".into()));
    }

    #[test]
    fn who_is_new_counts_once_it_is_warm() {
        let mut group = group(&["i-1"]);
        let mut refresh = refresh(&group, 0, None);
        refresh.preferences.warmup = 60;
        replace(&mut group, "i-1", "i-2", IN_SERVICE);
        refresh.observe(&group, NOW);
        let warm = Timestamp::from_seconds(10_060);
        assert_eq!((refresh.percent, refresh.next(&group, NOW)), (0, Move::Wait(Some(warm))));
        refresh.observe(&group, warm);
        assert_eq!((refresh.percent, refresh.next(&group, warm)), (100, Move::Done));
    }

    #[test]
    fn a_checkpoint_is_reached_and_rested_at() {
        let mut group = group(&["i-1", "i-2"]);
        let mut refresh = refresh(&group, 0, None);
        refresh.preferences.checkpoints = vec![10, 40, 100];
        assert_eq!(refresh.next(&group, NOW), Move::End("i-1".into()));
        replace(&mut group, "i-1", "i-3", IN_SERVICE);
        refresh.observe(&group, NOW);
        // Half is more than both: the lower is skipped.
        assert_eq!(refresh.next(&group, NOW), Move::Checkpoint(40));
        (refresh.reached, refresh.rests) = (40, Some(Timestamp::from_seconds(10_100)));
        assert_eq!(refresh.next(&group, NOW), Move::Wait(refresh.rests));
        let later = Timestamp::from_seconds(10_100);
        assert_eq!(refresh.next(&group, later), Move::End("i-2".into()));
        replace(&mut group, "i-2", "i-4", IN_SERVICE);
        refresh.observe(&group, later);
        assert_eq!(refresh.next(&group, later), Move::Checkpoint(100));
        refresh.reached = 100;
        assert_eq!(refresh.next(&group, later), Move::Done);
    }

    #[test]
    fn a_last_checkpoint_below_a_hundred_is_the_end() {
        let mut group = group(&["i-1", "i-2", "i-3", "i-4"]);
        let mut refresh = refresh(&group, 0, None);
        refresh.preferences.checkpoints = vec![25];
        assert_eq!(refresh.next(&group, NOW), Move::End("i-1".into()));
        replace(&mut group, "i-1", "i-5", IN_SERVICE);
        refresh.observe(&group, NOW);
        assert_eq!(refresh.next(&group, NOW), Move::Checkpoint(25));
        refresh.reached = 25;
        assert_eq!((refresh.next(&group, NOW), refresh.left), (Move::Done, 3));
    }

    #[test]
    fn whoever_may_not_be_touched_is_waited_for_an_hour() {
        let mut group = group(&["i-1"]);
        group.members[0].protected = true;
        let mut refresh = refresh(&group, 0, None);
        let hour = Timestamp::from_seconds(13_600);
        assert_eq!(refresh.next(&group, NOW), Move::Wait(Some(hour)));
        assert!(matches!(refresh.next(&group, hour), Move::Fail(_)));
        refresh.preferences.protected = "Refresh".into();
        assert_eq!(refresh.next(&group, NOW), Move::End("i-1".into()));
        (group.members[0].protected, group.members[0].state, group.desired) = (false, STANDBY.into(), 0);
        refresh.observe(&group, NOW);
        assert_eq!(refresh.next(&group, NOW), Move::Wait(Some(hour)));
        refresh.preferences.standby = "Terminate".into();
        assert_eq!(refresh.next(&group, NOW), Move::End("i-1".into()));
        refresh.preferences.standby = "Ignore".into();
        refresh.observe(&group, NOW);
        assert_eq!(refresh.next(&group, NOW), Move::Done);
    }

    #[test]
    fn who_launches_in_vain_gives_up() {
        let group = group(&["i-1"]);
        let refresh = refresh(&group, 100, Some(200));
        let nearly = Timestamp::from_seconds(13_599);
        assert_eq!(refresh.next(&group, nearly), Move::Launch);
        assert!(matches!(refresh.next(&group, Timestamp::from_seconds(13_600)), Move::Fail(_)));
    }

    #[test]
    fn what_was_replaced_goes_when_it_is_rolled_back() {
        let mut group = group(&["i-1", "i-2"]);
        let mut refresh = refresh(&group, 0, None);
        replace(&mut group, "i-1", "i-3", IN_SERVICE);
        refresh.observe(&group, NOW);
        assert_eq!(refresh.percent, 50);
        refresh.roll_back(&mut group, "why", NOW);
        refresh.observe(&group, NOW);
        assert_eq!((refresh.percent, refresh.left), (50, 1));
        assert_eq!(refresh.next(&group, NOW), Move::End("i-3".into()));
        replace(&mut group, "i-3", "i-4", IN_SERVICE);
        refresh.observe(&group, NOW);
        assert_eq!((refresh.percent, refresh.left, refresh.next(&group, NOW)), (0, 2, Move::Done));
    }

    #[test]
    fn the_warm_pool_comes_after_the_group() {
        let mut group = group(&["i-1"]);
        (group.pool, group.max) = (Some(WarmPool::default()), 3);
        let warmed = |id: &str, stale: bool, state: &str| Member {
            id: id.into(),
            state: state.into(),
            stale,
            ..Member::default()
        };
        group.warmed = vec![warmed("i-2", true, STOPPED), warmed("i-3", true, STOPPED)];
        let mut refresh = refresh(&group, 0, None);
        assert_eq!(refresh.progress(), (0, 3));
        replace(&mut group, "i-1", "i-4", IN_SERVICE);
        refresh.observe(&group, NOW);
        assert_eq!((refresh.next(&group, NOW), refresh.progress()), (Move::Done, (33, 2)));
        assert_eq!(refresh.next_warm(&group, NOW), Some(Move::EndWarm("i-2".into())));
        group.warmed[0] = warmed("i-5", false, "Warmed:Pending");
        assert!(matches!(refresh.next_warm(&group, NOW), Some(Move::Wait(_))));
        group.warmed[0].state = STOPPED.into();
        refresh.observe(&group, NOW);
        assert_eq!(refresh.next_warm(&group, NOW), Some(Move::EndWarm("i-3".into())));
        // Turned round, what is new is to go, and what was old stays.
        refresh.roll_back(&mut group, "why", NOW);
        assert_eq!(group.warmed.iter().map(|one| one.stale).collect::<Vec<_>>(), [true, false]);
        group.warmed = vec![warmed("i-6", false, STOPPED), warmed("i-7", false, STOPPED)];
        refresh.observe(&group, NOW);
        assert_eq!(refresh.next_warm(&group, NOW), None);
    }
}
