//! What the scheduler keeps: groups, schedules, when they are due, and what is being done.

use super::timing::{Bounds, Timing};
use base::tag::Tags;
use base::zone::Zone;
use base::{AccountId, Region, Timestamp};
use store::{Key, Read, StoreError, Table, Tx};

pub(super) const DEFAULT: &str = "default";

/// By account, region, name.
pub(super) const GROUPS: Table<Group> = Table::new(0x1A01, "scheduler/groups");
/// By account, region, group, name.
pub(super) const SCHEDULES: Table<Schedule> = Table::new(0x1A02, "scheduler/schedules");
/// By when they are due, account, region, group, name.
pub(super) const DUE: Table<Due> = Table::new(0x1A03, "scheduler/due");
/// By when they are to be tried, number.
pub(super) const RUNS: Table<Run> = Table::new(0x1A04, "scheduler/runs");

store::record! {
    #[derive(Clone, PartialEq, Debug)]
    pub(super) struct Group {
        1 => pub(super) account: AccountId,
        2 => pub(super) region: Region,
        3 => pub(super) name: String,
        4 => pub(super) tags: Tags,
        /// The default group has none: it was always there.
        5 => pub(super) created: Option<Timestamp>,
        6 => pub(super) modified: Option<Timestamp>,
        7 => pub(super) is_deleting: bool,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub(super) struct Schedule {
        1 => pub(super) account: AccountId,
        2 => pub(super) region: Region,
        3 => pub(super) group: String,
        4 => pub(super) name: String,
        5 => pub(super) expression: String,
        6 => pub(super) zone: String,
        7 => pub(super) description: Option<String>,
        8 => pub(super) start: Option<Timestamp>,
        9 => pub(super) end: Option<Timestamp>,
        10 => pub(super) enabled: bool,
        /// How long after its time it may come; none for none.
        11 => pub(super) window_minutes: Option<u32>,
        12 => pub(super) delete_after: bool,
        13 => pub(super) target: Target,
        14 => pub(super) created: Timestamp,
        15 => pub(super) modified: Timestamp,
        /// From here a rate without a start is counted.
        16 => pub(super) since: Timestamp,
        /// The time that it comes next, and when within its window it will.
        17 => pub(super) planned: Option<Timestamp>,
        18 => pub(super) due: Option<Timestamp>,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub(super) struct Target {
        1 => pub(super) arn: String,
        2 => pub(super) role: String,
        3 => pub(super) input: Option<String>,
        /// Of a FIFO queue.
        4 => pub(super) message_group: Option<String>,
        /// Of an event bus.
        5 => pub(super) detail_type: Option<String>,
        6 => pub(super) source: Option<String>,
        7 => pub(super) retries: u32,
        8 => pub(super) age_seconds: u32,
        9 => pub(super) dead_letters: Option<String>,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub(super) struct Due {
        1 => pub(super) account: AccountId,
        2 => pub(super) region: Region,
        3 => pub(super) group: String,
        4 => pub(super) name: String,
    }

    /// A schedule that came due and calls its target.
    #[derive(Clone, PartialEq, Debug)]
    pub(super) struct Run {
        1 => pub(super) account: AccountId,
        2 => pub(super) region: Region,
        3 => pub(super) group: String,
        4 => pub(super) name: String,
        5 => pub(super) target: Target,
        /// The time that the schedule names.
        6 => pub(super) planned: Timestamp,
        7 => pub(super) taken: Timestamp,
        8 => pub(super) attempts: u32,
        /// Tells those of the same instant apart.
        9 => pub(super) number: u64,
        /// The schedule, as it was changed then, goes with its end.
        10 => pub(super) ends: Option<Timestamp>,
    }
}

/// A place of schedules: an account's, in one region.
pub(super) type Home = (AccountId, Region);

pub(super) fn group_arn((account, region): Home, name: &str) -> String {
    format!("arn:aws:scheduler:{}:{account}:schedule-group/{name}", region.name())
}

pub(super) fn schedule_arn((account, region): Home, group: &str, name: &str) -> String {
    format!("arn:aws:scheduler:{}:{account}:schedule/{group}/{name}", region.name())
}

impl Group {
    pub(super) fn key((account, region): Home, name: &str) -> Key {
        Key::regional(account, region).str(name)
    }

    /// The default one is always there.
    pub(super) fn load(from: &dyn Read, home: Home, name: &str) -> Result<Option<Group>, StoreError> {
        let found = GROUPS.get(from, &Group::key(home, name))?;
        let fresh = || Group { account: home.0, region: home.1, name: DEFAULT.into(), ..Group::default() };
        Ok(found.or_else(|| (name == DEFAULT).then(fresh)))
    }

    pub(super) fn home(&self) -> Home {
        (self.account, self.region)
    }

    pub(super) fn arn(&self) -> String {
        group_arn(self.home(), &self.name)
    }

    pub(super) fn save(&self, tx: &mut Tx) {
        GROUPS.put(tx, &Group::key(self.home(), &self.name), self);
    }
}

impl Schedule {
    pub(super) fn key(home: Home, group: &str, name: &str) -> Key {
        Group::key(home, group).str(name)
    }

    pub(super) fn home(&self) -> Home {
        (self.account, self.region)
    }

    fn own_key(&self) -> Key {
        Schedule::key(self.home(), &self.group, &self.name)
    }

    pub(super) fn arn(&self) -> String {
        schedule_arn(self.home(), &self.group, &self.name)
    }

    pub(super) fn timing(&self) -> Option<Timing> {
        Timing::read(&self.expression, Zone::named(&self.zone)?)
    }

    /// When it comes after `after`, whatever its state.
    pub(super) fn next(&self, after: Timestamp) -> Option<Timestamp> {
        let seconds = |time: Option<Timestamp>| time.map(Timestamp::seconds);
        let bounds =
            Bounds { since: self.since.seconds(), start: seconds(self.start), end: seconds(self.end) };
        self.timing()?.next(bounds, after.seconds()).map(Timestamp::from_seconds)
    }

    fn due_key(&self, at: Timestamp) -> Key {
        let place = Key::global().time(at).str(self.account.as_str()).str(self.region.name());
        place.str(&self.group).str(&self.name)
    }

    fn leave(&self, tx: &mut Tx) {
        if let Some(before) = self.due {
            DUE.delete(tx, &self.due_key(before));
        }
    }

    /// Saves it, with its place among those that are due.
    pub(super) fn save(mut self, tx: &mut Tx, planned: Option<Timestamp>, due: Option<Timestamp>) {
        self.leave(tx);
        (self.planned, self.due) = (planned, due);
        if let Some(at) = due {
            let entry = Due {
                account: self.account,
                region: self.region,
                group: self.group.clone(),
                name: self.name.clone(),
            };
            DUE.put(tx, &self.due_key(at), &entry);
        }
        SCHEDULES.put(tx, &self.own_key(), &self);
    }

    pub(super) fn delete(&self, tx: &mut Tx) {
        self.leave(tx);
        SCHEDULES.delete(tx, &self.own_key());
    }
}

impl Run {
    pub(super) fn home(&self) -> Home {
        (self.account, self.region)
    }

    pub(super) fn schedule_arn(&self) -> String {
        schedule_arn(self.home(), &self.group, &self.name)
    }

    /// Puts it where it is tried next.
    pub(super) fn put(&self, tx: &mut Tx, at: Timestamp) {
        RUNS.put(tx, &Key::global().time(at).u64(self.number), self);
    }
}
