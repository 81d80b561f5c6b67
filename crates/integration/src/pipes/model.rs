//! What pipes keep.

pub(super) use crate::events::Http;
use base::tag::Tags;
use base::{AccountId, Region, Timestamp};
use feed::Progress;
use store::{Key, Read, StoreError, Table, Tx};

/// By account, region, name.
pub(super) const PIPES: Table<Pipe> = Table::new(0x1B01, "pipes/pipes");
/// By account, region, the pipe's id, the shard.
pub(super) static PROGRESS: Table<Progress> = Table::new(0x1B02, "pipes/progress");

store::record_enum! {
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub(super) enum Phase {
        1 => Creating,
        2 => Running,
        3 => Stopped,
        4 => Updating,
        5 => Deleting,
        6 => Starting,
        7 => Stopping,
        8 => CreateFailed,
        9 => UpdateFailed,
        10 => StartFailed,
    }
}

store::record! {
    #[derive(Clone, PartialEq, Debug)]
    pub(super) struct Pipe {
        1 => pub(super) account: AccountId,
        2 => pub(super) region: Region,
        3 => pub(super) name: String,
        /// Tells it apart from one of the same name that is gone.
        4 => pub(super) id: String,
        5 => pub(super) description: Option<String>,
        6 => pub(super) role: String,
        7 => pub(super) source: Source,
        8 => pub(super) enrichment: Option<Enrichment>,
        9 => pub(super) target: Target,
        10 => pub(super) tags: Tags,
        /// Whether it is to run.
        11 => pub(super) runs: bool,
        12 => pub(super) phase: Phase,
        13 => pub(super) reason: Option<String>,
        14 => pub(super) created: Timestamp,
        15 => pub(super) modified: Timestamp,
        /// Counts the changes of what it is told to be.
        16 => pub(super) revision: u64,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub(super) struct Source {
        1 => pub(super) arn: String,
        /// None where it was not told.
        2 => pub(super) batch: Option<u32>,
        3 => pub(super) window: Option<u32>,
        4 => pub(super) filters: Vec<String>,
        /// Where a stream is begun.
        5 => pub(super) start: Option<String>,
        6 => pub(super) bisects: bool,
        /// `None`: without end.
        7 => pub(super) retries: Option<u32>,
        /// In seconds; `None`: however old.
        8 => pub(super) age: Option<u32>,
        9 => pub(super) parallel: u32,
        10 => pub(super) dead_letters: Option<String>,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub(super) struct Enrichment {
        1 => pub(super) arn: String,
        2 => pub(super) template: Option<String>,
        3 => pub(super) http: Option<Http>,
    }

    /// Of an event bus.
    #[derive(Clone, PartialEq, Debug)]
    pub(super) struct ToBus {
        1 => pub(super) detail_type: Option<String>,
        2 => pub(super) source: Option<String>,
        3 => pub(super) resources: Vec<String>,
        4 => pub(super) time: Option<String>,
    }

    /// Of a log group.
    #[derive(Clone, PartialEq, Debug)]
    pub(super) struct ToLog {
        1 => pub(super) stream: Option<String>,
        2 => pub(super) time: Option<String>,
    }

    /// Of a queue.
    #[derive(Clone, PartialEq, Debug)]
    pub(super) struct ToQueue {
        1 => pub(super) group: Option<String>,
        2 => pub(super) deduplication: Option<String>,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub(super) struct Target {
        1 => pub(super) arn: String,
        2 => pub(super) template: Option<String>,
        /// How a function is invoked, where that was told.
        3 => pub(super) invocation: Option<String>,
        4 => pub(super) queue: Option<ToQueue>,
        5 => pub(super) http: Option<Http>,
        6 => pub(super) bus: Option<ToBus>,
        7 => pub(super) log: Option<ToLog>,
    }
}

/// A place of pipes: an account's, in one region.
pub(super) type Home = (AccountId, Region);

pub(super) fn pipe_arn((account, region): Home, name: &str) -> String {
    format!("arn:aws:pipes:{}:{account}:pipe/{name}", region.name())
}

impl Phase {
    pub(super) fn label(self) -> &'static str {
        match self {
            Phase::Creating => "CREATING",
            Phase::Running => "RUNNING",
            Phase::Stopped => "STOPPED",
            Phase::Updating => "UPDATING",
            Phase::Deleting => "DELETING",
            Phase::Starting => "STARTING",
            Phase::Stopping => "STOPPING",
            Phase::CreateFailed => "CREATE_FAILED",
            Phase::UpdateFailed => "UPDATE_FAILED",
            Phase::StartFailed => "START_FAILED",
        }
    }

    /// It is on its way to another one.
    pub(super) fn is_passing(self) -> bool {
        matches!(
            self,
            Phase::Creating | Phase::Updating | Phase::Deleting | Phase::Starting | Phase::Stopping
        )
    }
}

impl Pipe {
    pub(super) fn key((account, region): Home, name: &str) -> Key {
        Key::regional(account, region).str(name)
    }

    /// Where it is noted down how far it has come.
    pub(super) fn progress(&self) -> Key {
        Key::regional(self.account, self.region).str(&self.id)
    }

    pub(super) fn home(&self) -> Home {
        (self.account, self.region)
    }

    pub(super) fn arn(&self) -> String {
        pipe_arn(self.home(), &self.name)
    }

    pub(super) fn load(from: &dyn Read, home: Home, name: &str) -> Result<Option<Pipe>, StoreError> {
        PIPES.get(from, &Pipe::key(home, name))
    }

    pub(super) fn save(&self, tx: &mut Tx) {
        PIPES.put(tx, &Pipe::key(self.home(), &self.name), self);
    }

    /// What it is to be, seen from now on.
    pub(super) fn desired(&self) -> &'static str {
        match (self.phase, self.runs) {
            (Phase::Deleting, _) => "DELETED",
            (_, true) => "RUNNING",
            (_, false) => "STOPPED",
        }
    }
}
