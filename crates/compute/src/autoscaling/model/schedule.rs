//! Scheduled actions, in the order of their times.

use super::cron::Cron;
use super::key;
use base::zone::Zone;
use base::{AccountId, Region, Timestamp};
use store::{Key, Table, Tx};

store::record! {
    /// Under its group and its name.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Action {
        1 => pub name: String,
        2 => pub id: String,
        3 => pub group: String,
        4 => pub start: Option<Timestamp>,
        5 => pub end: Option<Timestamp>,
        6 => pub recurrence: Option<String>,
        7 => pub zone: Option<String>,
        8 => pub min: Option<i64>,
        9 => pub max: Option<i64>,
        10 => pub desired: Option<i64>,
        /// When it comes; it goes where it comes no more.
        11 => pub next: Timestamp,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub struct Due {
        1 => pub account: AccountId,
        2 => pub region: Region,
        3 => pub group: String,
        4 => pub name: String,
    }
}

pub const ACTIONS: Table<Action> = Table::new(0x2704, "autoscaling/scheduled actions");
/// By when they are due, account, region, group, name.
pub const DUE: Table<Due> = Table::new(0x2705, "autoscaling/due actions");

/// AWS: scheduled actions of a group.
pub const ACTIONS_MAX: usize = 125;

type Home = (AccountId, Region);

impl Action {
    pub fn key((account, region): Home, group: &str, name: &str) -> Key {
        key(account, region, group).str(name)
    }

    fn due_key(&self, (account, region): Home) -> Key {
        let due = Key::global().time(self.next).str(account.as_str()).str(region.name());
        due.str(&self.group).str(&self.name)
    }

    pub fn arn(&self, (account, region): Home) -> String {
        let (id, group, name) = (&self.id, &self.group, &self.name);
        let resource = format!(
            "scheduledUpdateGroupAction:{id}:autoScalingGroupName/{group}:scheduledActionName/{name}"
        );
        base::Arn::new("autoscaling", region.name(), account.as_str(), &resource).to_string()
    }

    /// When it comes after a time: AWS: first at its start, then by its recurrence, up to its end.
    pub fn after(&self, after: Timestamp) -> Option<Timestamp> {
        if let Some(start) = self.start.filter(|start| *start > after) {
            return Some(start);
        }
        let cron = Cron::read(self.recurrence.as_deref()?)?;
        let zone = Zone::named(self.zone.as_deref().unwrap_or("UTC"))?;
        let next = Timestamp::from_seconds(cron.next(&zone, after.seconds())?);
        self.end.is_none_or(|end| next <= end).then_some(next)
    }

    /// Saves it with its place among those that are due.
    pub fn save(&self, tx: &mut Tx, home: Home) {
        let (account, region) = home;
        let due = Due { account, region, group: self.group.clone(), name: self.name.clone() };
        DUE.put(tx, &self.due_key(home), &due);
        ACTIONS.put(tx, &Action::key(home, &self.group, &self.name), self);
    }

    pub fn delete(&self, tx: &mut Tx, home: Home) {
        DUE.delete(tx, &self.due_key(home));
        ACTIONS.delete(tx, &Action::key(home, &self.group, &self.name));
    }
}
