//! What is kept of stack sets: the sets, their instances, operations and what these have come to.

use crate::cloudformation::model::{open, seal};
use base::{AccountId, Arn, Region, Timestamp};
use kernel::Cloud;
use store::{Direction, Key, Read, StoreError, Table, Tx};
use wire::Value;

store::record! {
    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct StackSet {
        1 => pub(crate) name: String,
        2 => pub(crate) id: String,
        3 => pub(crate) account: AccountId,
        4 => pub(crate) region: Region,
        5 => pub(crate) description: Option<String>,
        6 => pub(crate) text: String,
        7 => pub(crate) sealed_parameters: Vec<u8>,
        /// Parameters that are not echoed.
        8 => pub(crate) hidden: Vec<String>,
        9 => pub(crate) capabilities: Vec<String>,
        10 => pub(crate) tags: Vec<(String, String)>,
        /// The ARN of the administration role.
        11 => pub(crate) administrator: String,
        /// The name of the execution role.
        12 => pub(crate) executor: String,
        13 => pub(crate) created: Timestamp,
        14 => pub(crate) deleted: bool,
        /// Of the request that made it.
        15 => pub(crate) token: Option<String>,
        /// Of a set with service-managed permissions.
        16 => pub(crate) auto: Option<AutoDeployment>,
        /// Where accounts that join get it, and those that leave lose it.
        17 => pub(crate) aims: Vec<Aim>,
        /// What was found when somebody last looked.
        18 => pub(crate) drift: Option<SetDrift>,
    }

    /// How many stacks of a set are as their template wants them.
    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct SetDrift {
        /// `DRIFTED`, `IN_SYNC` or `NOT_CHECKED`.
        1 => pub(crate) status: String,
        /// How far the look has come: `COMPLETED`, `PARTIAL_SUCCESS`, `FAILED` or `STOPPED`.
        2 => pub(crate) detection: String,
        3 => pub(crate) checked: Timestamp,
        4 => pub(crate) total: u32,
        5 => pub(crate) drifted: u32,
        6 => pub(crate) in_sync: u32,
        7 => pub(crate) failed: u32,
    }

    /// Whether it follows the organization.
    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct AutoDeployment {
        1 => pub(crate) enabled: bool,
        /// The stacks of an account that leaves stay.
        2 => pub(crate) retains: bool,
    }

    /// A root or a unit of the organization, and regions.
    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Aim {
        1 => pub(crate) unit: String,
        2 => pub(crate) regions: Vec<String>,
        /// Those below it, when it was last looked at.
        3 => pub(crate) accounts: Vec<String>,
    }

    /// A stack of a set, or the want of one.
    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Instance {
        1 => pub(crate) account: String,
        2 => pub(crate) region: String,
        /// Its ARN, where there is one.
        3 => pub(crate) stack: Option<String>,
        4 => pub(crate) sealed_overrides: Vec<u8>,
        /// `CURRENT`, `OUTDATED` or `INOPERABLE`.
        5 => pub(crate) status: String,
        6 => pub(crate) detailed: String,
        7 => pub(crate) reason: Option<String>,
        /// The last operation that had to do with it.
        8 => pub(crate) operation: Option<String>,
        /// The root or unit by which its account was meant.
        9 => pub(crate) unit: Option<String>,
        /// `DRIFTED` or `IN_SYNC`, once somebody has looked.
        10 => pub(crate) drift: Option<String>,
        11 => pub(crate) drift_checked: Option<Timestamp>,
    }

    /// As they were given.
    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Preferences {
        1 => pub(crate) regions: Option<String>,
        2 => pub(crate) order: Vec<String>,
        3 => pub(crate) tolerance: Option<u32>,
        4 => pub(crate) tolerance_percent: Option<u32>,
        5 => pub(crate) most: Option<u32>,
        6 => pub(crate) most_percent: Option<u32>,
        7 => pub(crate) mode: Option<String>,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Operation {
        1 => pub(crate) id: String,
        /// `CREATE`, `UPDATE`, `DELETE` or `DETECT_DRIFT`.
        2 => pub(crate) action: String,
        3 => pub(crate) status: String,
        4 => pub(crate) preferences: Option<Preferences>,
        5 => pub(crate) retain: Option<bool>,
        6 => pub(crate) administrator: String,
        7 => pub(crate) executor: String,
        8 => pub(crate) created: Timestamp,
        9 => pub(crate) ended: Option<Timestamp>,
        /// What the instances' own parameters become; they stay where it says nothing.
        10 => pub(crate) overrides: Option<Overrides>,
        /// The roots and units that were named.
        11 => pub(crate) units: Vec<String>,
        12 => pub(crate) drift: Option<SetDrift>,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Overrides {
        1 => pub(crate) sealed: Vec<u8>,
        /// Those of which each instance keeps what it has.
        2 => pub(crate) kept: Vec<String>,
    }

    /// What an operation has come to in one account and region.
    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Outcome {
        1 => pub(crate) account: String,
        2 => pub(crate) region: String,
        3 => pub(crate) status: String,
        4 => pub(crate) reason: Option<String>,
        /// The stack that is at work, and since when.
        5 => pub(crate) stack: Option<String>,
        6 => pub(crate) started: Option<Timestamp>,
        7 => pub(crate) unit: Option<String>,
        /// The id of the look at a stack's drift.
        8 => pub(crate) detection: Option<String>,
    }

    /// The operation on a set that is under way.
    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct SetJob {
        1 => pub(crate) account: AccountId,
        2 => pub(crate) region: Region,
        3 => pub(crate) set: String,
        4 => pub(crate) operation: String,
    }
}

pub(crate) const SETS: Table<StackSet> = Table::new(0x1712, "cloudformation/stack sets");
/// By name, of sets that are not deleted.
pub(crate) const SET_NAMES: Table<SetJob> = Table::new(0x1713, "cloudformation/stack set names");
/// Of a set, by account and region.
pub(crate) const INSTANCES: Table<Instance> = Table::new(0x1714, "cloudformation/stack instances");
/// Of a set, by id.
pub(crate) const OPERATIONS: Table<Operation> = Table::new(0x1715, "cloudformation/stack set operations");
/// Of an operation, in the order in which it gets there.
pub(crate) const OUTCOMES: Table<Outcome> = Table::new(0x1716, "cloudformation/stack set results");
/// By set.
pub(crate) const SET_JOBS: Table<SetJob> = Table::new(0x1717, "cloudformation/stack set jobs");

pub(crate) const DETECT_DRIFT: &str = "DETECT_DRIFT";

pub(crate) type Texts = Vec<(String, String)>;

pub(crate) fn seal_texts(cloud: &Cloud, texts: &[(String, String)]) -> Vec<u8> {
    let entries = texts.iter().map(|(name, value)| (name.clone(), Value::str(value)));
    seal(cloud, &Value::Map(entries.collect()))
}

pub(crate) fn open_texts(cloud: &Cloud, sealed: &[u8]) -> Texts {
    match open(cloud, sealed) {
        Value::Map(entries) => {
            let pair = |(name, value): (String, Value)| Some((name, value.as_str()?.to_owned()));
            entries.into_iter().filter_map(pair).collect()
        }
        _ => Vec::new(),
    }
}

impl Operation {
    /// Whether it only looks at the stacks.
    pub(crate) fn looks(&self) -> bool {
        self.action == DETECT_DRIFT
    }
}

impl StackSet {
    /// Whether its permissions are the organization's.
    pub(crate) fn is_managed(&self) -> bool {
        self.auto.is_some()
    }

    pub(crate) fn arn(&self) -> String {
        let resource = format!("stackset/{}:{}", self.name, self.id);
        Arn::new("cloudformation", self.region.name(), self.account.as_str(), &resource).to_string()
    }

    pub(crate) fn status(&self) -> &'static str {
        if self.deleted { "DELETED" } else { "ACTIVE" }
    }

    /// `name:id`, as AWS calls it.
    pub(crate) fn full_id(&self) -> String {
        format!("{}:{}", self.name, self.id)
    }

    pub(crate) fn key(&self) -> Key {
        Key::regional(self.account, self.region).str(&self.id)
    }

    pub(crate) fn instance_key(&self, account: &str, region: &str) -> Key {
        self.key().str(account).str(region)
    }

    pub(crate) fn operation_key(&self, operation: &str) -> Key {
        self.key().str(operation)
    }

    pub(crate) fn save(&self, tx: &mut Tx) {
        SETS.put(tx, &self.key(), self);
    }

    pub(crate) fn instances(&self, from: &dyn Read) -> Result<Vec<Instance>, StoreError> {
        INSTANCES.scan(from, &self.key(), Direction::Forward).map(|entry| entry.map(|(_, own)| own)).collect()
    }

    pub(crate) fn instance(
        &self,
        from: &dyn Read,
        account: &str,
        region: &str,
    ) -> Result<Option<Instance>, StoreError> {
        INSTANCES.get(from, &self.instance_key(account, region))
    }

    pub(crate) fn put(&self, tx: &mut Tx, instance: &Instance) {
        INSTANCES.put(tx, &self.instance_key(&instance.account, &instance.region), instance);
    }

    /// What an operation has come to, in its order, with the place of each.
    pub(crate) fn outcomes(&self, from: &dyn Read, operation: &str) -> Result<Vec<Outcome>, StoreError> {
        let all = OUTCOMES.scan(from, &self.operation_key(operation), Direction::Forward);
        all.map(|entry| entry.map(|(_, outcome)| outcome)).collect()
    }

    pub(crate) fn put_outcome(&self, tx: &mut Tx, operation: &str, place: usize, outcome: &Outcome) {
        let key = self.operation_key(operation).u64(u64::try_from(place).unwrap_or(u64::MAX));
        OUTCOMES.put(tx, &key, outcome);
    }
}
