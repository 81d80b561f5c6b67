//! What is kept of vaults, archives, uploads and jobs.
//!
//! ```text
//! VAULTS     account · region · name     all others begin with the number of a vault: one that is made again under the
//!                                        same name is another
//! ARCHIVES   vault · archive             which series of parts it is, and in which inventories it stands
//! PARTS      vault · series · first byte
//! LEAVES     vault · series · first byte what ranges' tree hashes are made of
//! ```
//!
//! An inventory is no copy: an archive tells from which inventory on it is listed, and from which on no more. One that was
//! deleted keeps its row until no inventory lists it and no job needs its bytes.

use crate::piece::Piece;
use base::tag::Tags;
use base::{AccountId, Region, Timestamp};
use blob::inline::Raw;
use std::ops::Range;
use std::time::Duration;
use store::{Key, Table};

pub(super) const VAULTS: Table<Vault> = Table::new(0x2401, "glacier/vaults");
pub(super) const ARCHIVES: Table<Archive> = Table::new(0x2402, "glacier/archives");
pub(super) const PARTS: Table<Part> = Table::new(0x2403, "glacier/parts");
pub(super) const LEAVES: Table<Raw> = Table::new(0x2404, "glacier/leaves");
/// By upload.
pub(super) const UPLOADS: Table<Upload> = Table::new(0x2405, "glacier/uploads");
/// By job.
pub(super) const JOBS: Table<Job> = Table::new(0x2406, "glacier/jobs");
/// By archive and job: the job needs the archive's bytes.
pub(super) const NEEDS: Table<Need> = Table::new(0x2407, "glacier/archives in use");
/// The vault was written to since its last inventory.
pub(super) const CHANGED: Table<Changed> = Table::new(0x2408, "glacier/changed vaults");
/// By time, as the next two.
pub(super) const INVENTORIES_DUE: Table<VaultDue> = Table::new(0x2409, "glacier/inventories due");
pub(super) const JOBS_DUE: Table<JobDue> = Table::new(0x240A, "glacier/jobs due");
pub(super) const UPLOADS_DUE: Table<UploadDue> = Table::new(0x240B, "glacier/uploads due");
/// By account and region.
pub(super) const RETRIEVAL_POLICIES: Table<RetrievalPolicy> =
    Table::new(0x240C, "glacier/data retrieval policies");
/// By account, region and job: what standard retrievals count against the policy.
pub(super) const RETRIEVED: Table<Retrieved> = Table::new(0x240D, "glacier/retrievals");
/// By account, region and id.
pub(super) const CAPACITY: Table<Capacity> = Table::new(0x240E, "glacier/provisioned capacity");

/// AWS: a lock that is not completed within this time is gone.
pub(super) const LOCKING: Duration = Duration::from_secs(24 * 3600);
/// AWS: the index and metadata of each archive count, too.
pub(super) const OVERHEAD: u64 = 32 << 10;

store::record! {
    #[derive(Clone, PartialEq, Debug)]
    pub(super) struct Vault {
        1 => pub(super) account: AccountId,
        2 => pub(super) region: Region,
        3 => pub(super) name: String,
        4 => pub(super) number: u64,
        5 => pub(super) created: Timestamp,
        6 => pub(super) tags: Tags,
        7 => pub(super) access: Option<String>,
        8 => pub(super) lock: Option<Lock>,
        9 => pub(super) notify: Option<Notify>,
        10 => pub(super) inventory: Option<Inventory>,
        /// The number of the inventory that is being counted.
        11 => pub(super) counting: Option<u64>,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub(super) struct Lock {
        1 => pub(super) id: String,
        2 => pub(super) policy: String,
        3 => pub(super) begun: Timestamp,
        /// For ever.
        4 => pub(super) locked: bool,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub(super) struct Notify {
        1 => pub(super) topic: String,
        2 => pub(super) events: Vec<String>,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub(super) struct Inventory {
        /// From 1 on.
        1 => pub(super) number: u64,
        2 => pub(super) at: Timestamp,
        3 => pub(super) archives: u64,
        4 => pub(super) bytes: u64,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub(super) struct Archive {
        1 => pub(super) id: String,
        2 => pub(super) description: Option<String>,
        3 => pub(super) created: Timestamp,
        4 => pub(super) size: u64,
        5 => pub(super) hash: Vec<u8>,
        6 => pub(super) series: u64,
        /// The first inventory that lists it.
        7 => pub(super) since: u64,
        /// It was deleted: the first inventory that no longer lists it.
        8 => pub(super) gone: Option<u64>,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub(super) struct Part {
        1 => pub(super) first: u64,
        2 => pub(super) piece: Piece,
        3 => pub(super) hash: Vec<u8>,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub(super) struct Upload {
        1 => pub(super) id: String,
        2 => pub(super) description: Option<String>,
        3 => pub(super) part_size: u64,
        4 => pub(super) created: Timestamp,
        5 => pub(super) touched: Timestamp,
        6 => pub(super) series: u64,
        7 => pub(super) state: UploadState,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub(super) struct Job {
        1 => pub(super) id: String,
        2 => pub(super) description: Option<String>,
        3 => pub(super) created: Timestamp,
        4 => pub(super) topic: Option<String>,
        5 => pub(super) tier: Option<String>,
        /// Of what it retrieves; of an archive if there is one.
        6 => pub(super) archive: Option<Retrieval>,
        7 => pub(super) inventory: Listing,
        8 => pub(super) done: Option<Done>,
    }

    /// What a job retrieves of an archive.
    #[derive(Clone, PartialEq, Debug)]
    pub(super) struct Retrieval {
        1 => pub(super) id: String,
        2 => pub(super) first: u64,
        3 => pub(super) end: u64,
        /// Of the whole archive.
        4 => pub(super) size: u64,
        5 => pub(super) hash: Vec<u8>,
        /// Of the range, where it has one.
        6 => pub(super) range_hash: Option<Vec<u8>>,
        7 => pub(super) description: Option<String>,
        8 => pub(super) series: u64,
    }

    /// What a job wants of an inventory, as it was asked.
    #[derive(Clone, PartialEq, Debug)]
    pub(super) struct Listing {
        /// `JSON` or `CSV`.
        1 => pub(super) format: String,
        2 => pub(super) start: Option<String>,
        3 => pub(super) end: Option<String>,
        4 => pub(super) limit: Option<u64>,
        5 => pub(super) marker: Option<String>,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub(super) struct Done {
        1 => pub(super) at: Timestamp,
        /// An inventory's document.
        2 => pub(super) output: Option<Piece>,
        /// Where the next page of the inventory begins.
        3 => pub(super) marker: Option<String>,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub(super) struct Need {}

    #[derive(Clone, PartialEq, Debug)]
    pub(super) struct Changed {}

    #[derive(Clone, PartialEq, Debug)]
    pub(super) struct VaultDue {
        1 => pub(super) account: AccountId,
        2 => pub(super) region: Region,
        3 => pub(super) name: String,
        4 => pub(super) number: u64,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub(super) struct JobDue {
        1 => pub(super) vault: VaultDue,
        2 => pub(super) job: String,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub(super) struct UploadDue {
        1 => pub(super) vault: u64,
        2 => pub(super) upload: String,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub(super) struct RetrievalPolicy {
        /// `BytesPerHour`, `FreeTier` or `None`.
        1 => pub(super) strategy: String,
        2 => pub(super) bytes_per_hour: Option<u64>,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub(super) struct Retrieved {
        1 => pub(super) bytes: u64,
        2 => pub(super) from: Timestamp,
        3 => pub(super) until: Timestamp,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub(super) struct Capacity {
        1 => pub(super) id: String,
        2 => pub(super) from: Timestamp,
        3 => pub(super) until: Timestamp,
    }
}

store::record_enum! {
    #[derive(Clone, PartialEq, Debug)]
    pub(super) enum UploadState {
        1 => Open,
        /// The archive that it has become.
        2 => Completed(String),
        3 => Aborted,
    }
}

impl Vault {
    pub(super) fn key_of(account: AccountId, region: Region, name: &str) -> Key {
        Key::regional(account, region).str(name)
    }

    pub(super) fn key(&self) -> Key {
        Vault::key_of(self.account, self.region, &self.name)
    }

    /// What the keys of all that it holds begin with.
    pub(super) fn scope(&self) -> Key {
        scope(self.number)
    }

    pub(super) fn arn(&self) -> String {
        arn(self.account, self.region, &self.name)
    }

    /// `/123456789012/vaults/name`
    pub(super) fn path(&self) -> String {
        format!("/{}/vaults/{}", self.account, self.name)
    }

    pub(super) fn due(&self) -> VaultDue {
        VaultDue { account: self.account, region: self.region, name: self.name.clone(), number: self.number }
    }

    /// The lock, unless its time is over.
    pub(super) fn lock(&self, now: Timestamp) -> Option<&Lock> {
        self.lock.as_ref().filter(|lock| lock.locked || now < lock.begun.plus(LOCKING))
    }

    /// The number of the inventory that a change of now will stand in.
    pub(super) fn next_inventory(&self) -> u64 {
        self.counting.unwrap_or_else(|| self.inventory.as_ref().map_or(0, |last| last.number)) + 1
    }
}

impl VaultDue {
    pub(super) fn key(&self) -> Key {
        Vault::key_of(self.account, self.region, &self.name)
    }
}

impl Archive {
    pub(super) fn is_listed(&self, inventory: u64) -> bool {
        self.since <= inventory && self.gone.is_none_or(|gone| gone > inventory)
    }
}

impl Retrieval {
    pub(super) fn range(&self) -> Range<u64> {
        self.first..self.end
    }
}

pub(super) fn scope(vault: u64) -> Key {
    Key::global().u64(vault)
}

pub(super) fn part_key(vault: u64, series: u64, first: u64) -> Key {
    scope(vault).u64(series).u64(first)
}

/// `arn:aws:glacier:us-east-1:123456789012:vaults/name`
pub(super) fn arn(account: AccountId, region: Region, name: &str) -> String {
    format!("arn:aws:glacier:{}:{account}:vaults/{name}", region.name())
}
