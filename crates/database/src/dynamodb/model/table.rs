//! A table's record, and the states that tables and global indexes go through.
//!
//! ```text
//! table:  CREATING ──> ACTIVE <──> UPDATING       index:  CREATING ──(allocation, backfill)──> ACTIVE
//!                        │                                                  UPDATING <──>   │
//!                        └──> DELETING ──(rows purged)──> gone                                └──> DELETING ──> gone
//! ```
//!
//! Requests write the transient states; [`crate::dynamodb::work`] ends them. While an index that is added to a table is
//! filled, the table is active already.

use super::backup::{Recovery, Restoring};
use super::insights::Insights;
use super::replica::Replica;
use base::{AccountId, Arn, Region, Timestamp};
use std::collections::BTreeMap;
use store::{Key, Table};

store::record! {
    #[derive(Clone, PartialEq, Debug)]
    pub struct TableRecord {
        1 => pub name: String,
        /// The UUID that callers see.
        2 => pub id: String,
        /// Under which the rows lie: never used again, so a new table of the same name never sees old rows.
        3 => pub number: u64,
        4 => pub status: Status,
        5 => pub created: Timestamp,
        6 => pub attributes: Vec<Attribute>,
        7 => pub hash: String,
        8 => pub range: Option<String>,
        9 => pub on_demand: bool,
        10 => pub throughput: Throughput,
        11 => pub indexes: Vec<IndexRecord>,
        12 => pub deletion_protection: bool,
        13 => pub class: Option<String>,
        14 => pub class_updated: Option<Timestamp>,
        15 => pub tags: BTreeMap<String, String>,
        16 => pub ttl: Ttl,
        17 => pub policy: Option<String>,
        18 => pub policy_revision: u64,
        19 => pub on_demand_since: Option<Timestamp>,
        /// The number that the next index gets.
        20 => pub next_index: u32,
        21 => pub account: AccountId,
        22 => pub region: Region,
        40 => pub stream: Option<StreamRef>,
        /// The label of the stream that is or was the last.
        41 => pub latest_stream: Option<String>,
        42 => pub recovery: Option<Recovery>,
        /// The latest backup, into which rows are saved before they are written.
        43 => pub backup: Option<u32>,
        44 => pub next_backup: u32,
        /// What it is being made of.
        45 => pub restore: Option<Box<Restoring>>,
        /// In other regions.
        46 => pub replicas: Vec<Replica>,
        /// When another replica was last made of it.
        47 => pub replica_source: Option<Timestamp>,
        /// The import that fills it.
        48 => pub import: Option<String>,
        60 => pub on_demand_limits: OnDemandLimits,
        61 => pub warm: Warm,
        /// With a KMS key; absent where the rows lie as they are.
        62 => pub encryption: Option<Encryption>,
        /// The key that is asked for; the rows are still to be written anew.
        63 => pub next_encryption: Option<NextEncryption>,
        64 => pub insights: Option<Insights>,
        /// The class to which it is on its way.
        65 => pub next_class: Option<String>,
        /// When its class was changed within the last thirty days.
        66 => pub class_changes: Vec<Timestamp>,
        /// When its key was changed within the day that began with the first of them.
        67 => pub key_changes: Vec<Timestamp>,
        /// When its protection against deletion was last switched.
        68 => pub protection_changed: Option<Timestamp>,
        /// Its stream was switched off by the change that is under way.
        69 => pub stream_closing: bool,
    }

    /// Most request units a second of an on-demand table or index; absent where there is no limit.
    #[derive(Clone, Copy, PartialEq, Debug)]
    pub struct OnDemandLimits {
        1 => pub read: Option<i64>,
        2 => pub write: Option<i64>,
    }

    /// What was asked for beyond what every table is ready for.
    #[derive(Clone, Copy, PartialEq, Debug)]
    pub struct Warm {
        1 => pub read: Option<i64>,
        2 => pub write: Option<i64>,
        /// It was asked for by the change that is under way.
        3 => pub changing: bool,
        /// What it is until then.
        4 => pub read_before: Option<i64>,
        5 => pub write_before: Option<i64>,
    }

    /// The key under which a table's rows lie.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Encryption {
        /// The KMS key's ARN.
        1 => pub key_arn: String,
        /// The table's own key, sealed by the KMS key.
        2 => pub sealed: Vec<u8>,
        /// Tells in a row which of a table's keys it was sealed with.
        3 => pub id: u64,
        /// Since when the KMS key cannot be used.
        4 => pub inaccessible: Option<Timestamp>,
    }

    /// The encryption to which a table is on its way.
    #[derive(Clone, PartialEq, Debug)]
    pub struct NextEncryption {
        /// Absent where the table goes back to no KMS key.
        1 => pub to: Option<Encryption>,
        2 => pub asked: Option<Timestamp>,
    }

    /// The stream that is switched on.
    #[derive(Clone, PartialEq, Debug)]
    pub struct StreamRef {
        1 => pub label: String,
        2 => pub view: String,
        /// It was switched on by the change of the table that is under way.
        3 => pub changing: bool,
    }

    /// An attribute definition.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Attribute {
        1 => pub name: String,
        /// `S`, `N` or `B`.
        2 => pub kind: String,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub struct Throughput {
        1 => pub read: i64,
        2 => pub write: i64,
        3 => pub increased: Option<Timestamp>,
        4 => pub decreased: Option<Timestamp>,
        /// On the day of `decreased`.
        5 => pub decreases: i64,
        /// How it was before the change that is under way.
        6 => pub before: Option<Box<Throughput>>,
    }

    /// A secondary index.
    #[derive(Clone, PartialEq, Debug)]
    pub struct IndexRecord {
        1 => pub name: String,
        /// Under which its entries lie, within the table's number.
        2 => pub number: u32,
        3 => pub global: bool,
        4 => pub status: Status,
        5 => pub hash: String,
        6 => pub range: Option<String>,
        /// `ALL`, `KEYS_ONLY` or `INCLUDE`.
        7 => pub projection: String,
        8 => pub include: Vec<String>,
        9 => pub throughput: Throughput,
        /// Made on a table with data, which is being entered.
        10 => pub backfilling: bool,
        20 => pub on_demand_limits: OnDemandLimits,
        21 => pub warm: Warm,
        /// What the partition key consists of besides `hash`: global indexes only.
        22 => pub more_hash: Vec<String>,
        /// What the sort key consists of besides `range`, in order.
        23 => pub more_range: Vec<String>,
        24 => pub insights: Option<Insights>,
        /// What it needs is still being made ready; the items that are there are entered later.
        25 => pub allocating: bool,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub struct Ttl {
        1 => pub attribute: Option<String>,
        2 => pub changed: Option<Timestamp>,
        /// Switched on; the items that were there before are still being entered.
        3 => pub enabling: bool,
    }
}

store::record_enum! {
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub enum Status {
        1 => Creating,
        2 => Active,
        3 => Updating,
        4 => Deleting,
    }
}

impl Warm {
    /// It is as it was asked for.
    pub(crate) fn settle(&mut self) {
        *self = Warm { read: self.read, write: self.write, ..Warm::default() };
    }
}

impl Status {
    pub fn name(self) -> &'static str {
        match self {
            Status::Creating => "CREATING",
            Status::Active => "ACTIVE",
            Status::Updating => "UPDATING",
            Status::Deleting => "DELETING",
        }
    }
}

/// By account, region, name.
pub const TABLES: Table<TableRecord> = Table::new(0x1001, "dynamodb/tables");

impl TableRecord {
    pub fn key(account: AccountId, region: Region, name: &str) -> Key {
        Key::regional(account, region).str(name)
    }

    pub fn own_key(&self) -> Key {
        TableRecord::key(self.account, self.region, &self.name)
    }

    pub fn arn(&self) -> String {
        arn(self.account, self.region, &self.name)
    }

    pub fn index(&self, name: &str) -> Option<&IndexRecord> {
        self.indexes.iter().find(|index| index.name == name)
    }

    pub fn locals(&self) -> impl Iterator<Item = &IndexRecord> {
        self.indexes.iter().filter(|index| !index.global)
    }

    pub fn globals(&self) -> impl Iterator<Item = &IndexRecord> {
        self.indexes.iter().filter(|index| index.global)
    }

    /// Whether the table itself is being changed, apart from new indexes.
    pub fn is_changing(&self) -> bool {
        self.throughput.before.is_some()
            || self.next_class.is_some()
            || self.stream_closing
            || self.stream.as_ref().is_some_and(|stream| stream.changing)
            || self.indexes.iter().any(|index| index.status == Status::Deleting)
    }

    /// It is what is made of another table or its backup: nothing of that one's past is its own.
    pub fn forget_changes(&mut self) {
        self.next_class = None;
        self.class_changes.clear();
        self.key_changes.clear();
        self.protection_changed = None;
        self.stream_closing = false;
    }

    pub fn kind(&self, attribute: &str) -> Option<&str> {
        self.attributes.iter().find(|a| a.name == attribute).map(|a| a.kind.as_str())
    }
}

impl IndexRecord {
    /// The attributes of its partition key.
    pub fn hashes(&self) -> impl Iterator<Item = &String> {
        std::iter::once(&self.hash).chain(&self.more_hash)
    }

    /// The attributes of its sort key, in order.
    pub fn ranges(&self) -> impl Iterator<Item = &String> {
        self.range.iter().chain(&self.more_range)
    }

    pub fn has_key(&self, attribute: &str) -> bool {
        self.hashes().chain(self.ranges()).any(|name| name == attribute)
    }
}

/// A table's ARN.
pub fn arn(account: AccountId, region: Region, name: &str) -> String {
    Arn::new("dynamodb", region.name(), account.as_str(), &format!("table/{name}")).to_string()
}

impl Throughput {
    pub fn of(read: i64, write: i64) -> Throughput {
        Throughput { read, write, ..Throughput::default() }
    }

    /// Sets new values and remembers which way they went, and how it was until the change is done.
    pub fn change(&mut self, read: i64, write: i64, now: Timestamp) {
        self.before = Some(Box::new(Throughput { before: None, ..self.clone() }));
        if read > self.read || write > self.write {
            self.increased = Some(now);
        }
        if read < self.read || write < self.write {
            let same_day = self.decreased.is_some_and(|at| day(at) == day(now));
            self.decreases = if same_day { self.decreases + 1 } else { 1 };
            self.decreased = Some(now);
        }
        (self.read, self.write) = (read, write);
    }

    /// Sets what another billing mode brings or takes away, which is neither an increase nor a decrease, though AWS tells
    /// of a decrease until it is done.
    pub fn switch(&mut self, read: i64, write: i64, now: Timestamp) {
        self.before = Some(Box::new(Throughput { before: None, ..self.clone() }));
        if read < self.read {
            self.decreased = Some(now);
        }
        (self.read, self.write) = (read, write);
    }

    /// Ends what it was on its way to.
    pub fn settle(&mut self) {
        if self.is_switched() {
            self.decreased = self.before.as_ref().and_then(|before| before.decreased);
        }
        self.before = None;
    }

    /// Whether it is on its way to or from none at all, which another billing mode has.
    pub fn is_switched(&self) -> bool {
        self.before.as_ref().is_some_and(|before| (before.read == 0) != (self.read == 0))
    }

    pub fn decreases_today(&self, now: Timestamp) -> i64 {
        if self.decreased.is_some_and(|at| day(at) == day(now)) { self.decreases } else { 0 }
    }
}

fn day(time: Timestamp) -> i64 {
    time.seconds().div_euclid(86_400)
}
