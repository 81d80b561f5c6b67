//! Feeds: what brings a function or a pipe what comes into a queue or a stream.
//!
//! A feed has a poller, which reads with the permissions of a role, through the services' own operations. A queue's waits
//! in a long poll; a stream's is woken by the changes of its table. What was not handled comes again: messages when
//! they become visible, changes from the place that was last noted down ([`Progress`]), so a crash loses nothing and may
//! repeat something, as documented. Who is fed is a [`Consumer`]: it takes batches and says what it could not take.
//!
//! Not here: what a function or a pipe is, and where the records go.

pub mod filter;
mod post;
mod queue;
pub mod record;
mod stream;
pub mod verdict;

pub use post::{Actor, act};

use base::{AccountId, Region, Timestamp};
use kernel::Running;
use kernel::{Cloud, Cx};
use post::Post;
use record::Record;
use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};
use store::{Direction, Key, Read, StoreError, Table, Tx};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use verdict::Verdict;
use wire::{Fault, Value};

store::record! {
    /// How far a feed has come in a shard.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Progress {
        /// The sequence number of the last record that is done with.
        1 => pub after: Option<String>,
        /// The shard is closed, and all of it is done with.
        2 => pub ended: bool,
    }
}

/// What is read, and how.
#[derive(Clone, Debug)]
pub struct Feed {
    pub account: AccountId,
    pub region: Region,
    /// The ARN of the queue or the stream.
    pub source: String,
    pub batch: u32,
    /// How long records are gathered, in seconds.
    pub window: u32,
    pub filters: Vec<String>,
    /// How many batches of a queue are handled at once.
    pub concurrency: u32,
    /// Where a stream is begun, and when that was said.
    pub start: Option<String>,
    pub created: Timestamp,
    pub bisects: bool,
    /// `None`: without end.
    pub retries: Option<u32>,
    /// In seconds; `None`: however old.
    pub age: Option<u32>,
    pub parallel: u32,
    pub on_failure: Option<String>,
    /// Where it is noted down how far it has come: below this key.
    pub progress: &'static Table<Progress>,
    pub place: Key,
}

/// What became of a batch.
#[derive(Clone, Debug)]
pub struct Handed {
    pub verdict: Verdict,
    /// How it went, in the consumer's words.
    pub note: String,
    pub request_id: String,
    /// What is told of it where the batch is given up.
    pub response: Option<Value>,
}

/// Records that are given up.
#[derive(Debug)]
pub struct Lost<'a> {
    pub condition: &'static str,
    pub retries: u32,
    /// `None`: nobody was given them at last.
    pub handed: Option<&'a Handed>,
    pub batch_info: Value,
    pub records: &'a [Record],
}

/// What is kept in a bucket of records that are given up.
#[derive(Clone, Debug)]
pub struct Remains {
    pub bucket: String,
    pub key: String,
    pub bytes: Vec<u8>,
}

/// Who is fed.
pub trait Consumer: Debug + Send + Sync + 'static {
    /// The service that reads, as roles trust it.
    fn service(&self) -> &'static str;

    /// The resource that is fed.
    fn arn(&self) -> String;

    /// For whose sake the role is assumed, where its trust policy may ask.
    fn source_arn(&self) -> Option<String>;

    /// By which role sources are read.
    ///
    /// # Errors
    /// There is none any more.
    fn role(&self, from: &dyn Read) -> Result<String, Fault>;

    /// Takes a batch.
    ///
    /// # Errors
    /// It could not be tried: that counts for no try.
    fn take<'a>(&'a self, cloud: &'a Arc<Cloud>, records: &'a [Record])
    -> Running<'a, Result<Handed, Fault>>;

    /// Notes down how it goes; it is called where that is new.
    ///
    /// # Errors
    /// The store's.
    fn note(&self, tx: &mut Tx, result: &str) -> Result<(), StoreError>;

    /// Tells of records that are given up, as the role that `cx` is.
    ///
    /// # Errors
    /// What it is told to answers.
    fn tell(&self, cx: &mut Cx<'_>, to: &str, lost: &Lost<'_>) -> Result<(), Fault>;

    /// What to put in the place of being told, where `to` is a bucket.
    fn remains(&self, cloud: &Cloud, to: &str, lost: &Lost<'_>) -> Option<Remains>;
}

impl Feed {
    pub fn is_queue(&self) -> bool {
        is_queue(&self.source)
    }

    /// Forgets how far it has come.
    ///
    /// # Errors
    /// The store's.
    pub fn forget(tx: &mut Tx, progress: &Table<Progress>, place: &Key) -> Result<(), StoreError> {
        let shards: Result<Vec<Key>, _> =
            progress.scan(tx, place, Direction::Forward).map(|pair| pair.map(|(shard, _)| shard)).collect();
        shards?.iter().for_each(|shard| progress.delete(tx, shard));
        Ok(())
    }
}

/// Whether an ARN is a queue's.
pub fn is_queue(source: &str) -> bool {
    base::Arn::parse(source).is_some_and(|arn| arn.service == "sqs")
}

/// What polls now, by ids that are told apart whoever is fed. Kept by [`Cloud::memory`].
#[derive(Debug, Default)]
pub struct Pollers(Mutex<HashMap<String, Poller>>);

#[derive(Debug)]
struct Poller {
    /// Of what it was made for.
    revision: u64,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Polls {
    No,
    /// As it is to be.
    Right,
    /// As it was to be.
    Old,
}

impl Pollers {
    fn with<T>(&self, work: impl FnOnce(&mut HashMap<String, Poller>) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn look(&self, id: &str, revision: u64) -> Polls {
        self.with(|all| match all.get(id) {
            // It has stopped, or it panicked: then another begins where that one was.
            Some(poller) if poller.task.is_finished() => {
                all.remove(id);
                Polls::No
            }
            Some(poller) if poller.revision == revision && !*poller.stop.borrow() => Polls::Right,
            Some(_) => Polls::Old,
            None => Polls::No,
        })
    }

    /// # Errors
    /// Filters that are none, or no runtime to poll in.
    pub fn start(
        &self,
        cloud: &Arc<Cloud>,
        (id, revision): (&str, u64),
        feed: Feed,
        consumer: Box<dyn Consumer>,
    ) -> Result<(), String> {
        let runtime = Handle::try_current().map_err(|e| e.to_string())?;
        let (stop, stopped) = watch::channel(false);
        let post = Arc::new(Post::new(cloud, feed, consumer)?);
        let task = match post.feed.is_queue() {
            true => runtime.spawn(queue::run(post, stopped)),
            false => runtime.spawn(stream::run(post, stopped)),
        };
        self.with(|all| all.insert(id.to_owned(), Poller { revision, stop, task }));
        Ok(())
    }

    pub fn stop(&self, id: &str) {
        self.with(|all| all.get(id).map(|poller| poller.stop.send_replace(true)));
    }
}
