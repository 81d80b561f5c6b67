//! Records of volumes and snapshots. Their bytes are in [`super::blocks`].

use base::{AccountId, Region, Timestamp};
use std::collections::BTreeSet;
use store::{Key, Table};

store::record! {
    /// Under its id. What it is attached to stands in [`ec2::disk`].
    #[derive(Clone, PartialEq, Debug)]
    pub struct Volume {
        1 => pub id: String,
        2 => pub zone: String,
        /// In GiB.
        3 => pub size: i64,
        4 => pub kind: String,
        5 => pub iops: Option<i64>,
        6 => pub throughput: Option<i64>,
        7 => pub snapshot: Option<String>,
        /// `creating`, `available`, `error`; whether it is in use follows from its attachment.
        8 => pub state: String,
        9 => pub created: Timestamp,
        /// The map that it writes to.
        10 => pub map: u64,
        /// The ARN of its KMS key.
        11 => pub key: Option<String>,
        12 => pub auto_io: bool,
        /// The request that made it.
        13 => pub request: String,
        /// Its snapshot was enabled for that ([`super::fast`]).
        14 => pub fast: bool,
    }

    /// Under its id.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Snapshot {
        1 => pub id: String,
        /// The volume that it was taken of; AWS's `vol-ffffffff` where there was none.
        2 => pub volume: String,
        3 => pub size: i64,
        4 => pub description: String,
        /// `pending`, `completed`, `error`
        5 => pub state: String,
        6 => pub started: Timestamp,
        7 => pub completed: Option<Timestamp>,
        8 => pub map: u64,
        9 => pub key: Option<String>,
        /// Snapshots with the same text can be compared.
        10 => pub lineage: String,
        /// Accounts that may make volumes of it.
        11 => pub shared: BTreeSet<String>,
        12 => pub public: bool,
        /// It is written block by block, and who writes says when it is complete.
        13 => pub direct: Option<Direct>,
        14 => pub progress: i64,
        15 => pub why: String,
        /// It is a copy.
        16 => pub copied: Option<Copied>,
        /// The request that took it together with those of an instance's other volumes.
        17 => pub set: Option<String>,
        /// Its bytes are still to come: those of an image ([`super::backing`]).
        18 => pub filling: bool,
        /// While they are: their data key, as [`super::key::keep`] has it.
        19 => pub kept: Vec<u8>,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub struct Copied {
        /// The ARN of what it is a copy of.
        1 => pub from: String,
        /// It has the other's bytes, and not bytes of its own.
        2 => pub shares: bool,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub struct Direct {
        1 => pub parent: Option<String>,
        /// Minutes without a change after which it fails.
        2 => pub timeout: i64,
        3 => pub touched: Timestamp,
    }

    /// Whose a snapshot is, under its region and id: accounts with whom it is shared know no more than that.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Home {
        1 => pub account: AccountId,
    }

    /// What an account has set for a region.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Defaults {
        1 => pub encrypt: bool,
        2 => pub key: Option<String>,
        /// `block-all-sharing`, `block-new-sharing`; empty where nothing is blocked.
        3 => pub block: String,
    }

    /// The last change of a volume, under its id.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Modification {
        1 => pub volume: String,
        2 => pub from: Shape,
        3 => pub to: Shape,
        4 => pub at: Timestamp,
        /// When it was changed before, in the day that this one ended.
        5 => pub earlier: Vec<Timestamp>,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub struct Shape {
        1 => pub kind: String,
        2 => pub size: i64,
        3 => pub iops: Option<i64>,
        4 => pub throughput: Option<i64>,
    }
}

pub(super) const VOLUMES: Table<Volume> = Table::new(0x2301, "ebs/volumes");
pub(super) const SNAPSHOTS: Table<Snapshot> = Table::new(0x2302, "ebs/snapshots");
pub(super) const HOMES: Table<Home> = Table::new(0x2305, "ebs/snapshot-homes");
pub(super) const DEFAULTS: Table<Defaults> = Table::new(0x2306, "ebs/defaults");
pub(super) const MODIFICATIONS: Table<Modification> = Table::new(0x2307, "ebs/modifications");

pub(super) const CREATING: &str = "creating";
pub(super) const AVAILABLE: &str = "available";
pub(super) const PENDING: &str = "pending";
pub(super) const COMPLETED: &str = "completed";
pub(super) const ERROR: &str = "error";

/// AWS's name for the volume of a snapshot that was not taken of one.
pub(super) const NO_VOLUME: &str = "vol-ffffffff";

pub(super) fn home(region: Region, snapshot: &str) -> Key {
    Key::global().str(region.name()).str(snapshot)
}

impl Volume {
    pub(super) fn shape(&self) -> Shape {
        Shape { kind: self.kind.clone(), size: self.size, iops: self.iops, throughput: self.throughput }
    }
}

impl Snapshot {
    /// Whether an account may make volumes of it.
    pub(super) fn is_for(&self, owner: AccountId, account: AccountId) -> bool {
        owner == account || self.public || self.shared.contains(account.as_str())
    }
}
