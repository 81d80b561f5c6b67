//! A shard's reader: it reads on from where it was, waits for changes, and notes down how far it has come.

use super::batch::{self, Lane};
use crate::Progress;
use crate::post::{Post, broken, pause, until};
use crate::record::{self, Record};
use base::Timestamp;
use kernel::Wakes;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;
use store::Watch;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use wire::{Fault, Value};

/// AWS: `GetRecords`.
const AT_ONCE: usize = 1_000;
/// A change that nobody was woken by is found then.
const LOOK: Duration = Duration::from_secs(60);

pub(super) struct Reader {
    post: Arc<Post>,
    shard: String,
    ordered_by: String,
    iterator: Option<String>,
    /// The sequence number of the last record that was read.
    last: Option<String>,
    /// What there was before it is gone: it goes on with the oldest that is left.
    trimmed: bool,
    pending: Vec<Record>,
    /// The shard is closed, and all of it was read.
    ended: bool,
}

impl Reader {
    pub(super) fn new(post: &Arc<Post>, shard: &str, ordered_by: &str, after: Option<String>) -> Reader {
        Reader {
            post: Arc::clone(post),
            shard: shard.to_owned(),
            ordered_by: ordered_by.to_owned(),
            iterator: None,
            last: after,
            trimmed: false,
            pending: Vec::new(),
            ended: false,
        }
    }

    pub(super) async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let mut tries = 0;
        while !*stop.borrow() {
            let watch = self.watch();
            // Read before the look: what changes after it wakes the next one.
            let seen = watch.as_ref().map_or(0, Watch::generation);
            let read = match self.fetch().await {
                Ok(read) => read,
                Err(fault) => {
                    tries += 1;
                    self.post.trouble(&fault).await;
                    pause(tries, &mut stop).await;
                    continue;
                }
            };
            tries = 0;
            if self.pending.is_empty() && !self.ended {
                if read == 0 {
                    wait(watch.as_ref(), seen, LOOK, &mut stop).await;
                }
                continue;
            }
            self.fill(&mut stop).await;
            let saved = self.deliver(&stop).await && self.save().await;
            if self.ended || !saved {
                return;
            }
        }
    }

    fn watch(&self) -> Option<Watch> {
        let cloud = &self.post.cloud;
        let prefix = cloud.memory::<Wakes>().of(&self.post.feed.source)?;
        Some(cloud.store().watch(&prefix))
    }

    /// As many as are handed over before the next note.
    fn most(&self) -> usize {
        (self.post.feed.batch * self.post.feed.parallel.max(1)) as usize
    }

    async fn begin(&self) -> Result<String, Fault> {
        let feed = &self.post.feed;
        let mut members = vec![("StreamArn", Value::str(&feed.source)), ("ShardId", Value::str(&self.shard))];
        let kind = match (&self.last, feed.start.as_deref()) {
            (Some(last), _) if !self.trimmed => {
                members.push(("SequenceNumber", Value::str(last)));
                "AFTER_SEQUENCE_NUMBER"
            }
            // What came between the feed's making and its first look belongs to it.
            (None, Some("LATEST")) if !self.trimmed => {
                members.push(("Timestamp", Value::Time(feed.created)));
                "AT_TIMESTAMP"
            }
            _ => "TRIM_HORIZON",
        };
        members.push(("ShardIteratorType", Value::str(kind)));
        let answer = self.post.call("dynamodbstreams", "GetShardIterator", members).await?;
        let iterator = answer.member("ShardIterator").and_then(Value::as_str).map(str::to_owned);
        iterator.ok_or_else(|| broken("The iterator is missing."))
    }

    /// Reads what is there next; how many records that were.
    async fn fetch(&mut self) -> Result<usize, Fault> {
        if self.ended {
            return Ok(0);
        }
        let limit = (self.most() - self.pending.len()).clamp(1, AT_ONCE);
        let answer = async {
            let iterator = match self.iterator.take() {
                Some(iterator) => iterator,
                None => self.begin().await?,
            };
            let members = vec![("ShardIterator", Value::Str(iterator)), ("Limit", Value::Int(limit as i64))];
            self.post.call("dynamodbstreams", "GetRecords", members).await
        };
        let answer = match answer.await {
            Ok(answer) => answer,
            Err(fault) if is_expired(&fault) => return Ok(1),
            Err(fault) if is_trimmed(&fault) && !self.trimmed => {
                self.trimmed = true;
                return Ok(1);
            }
            Err(fault) => return Err(fault),
        };
        let records = answer.member("Records").and_then(Value::as_list).unwrap_or_default();
        for said in records {
            let read = self.read(said);
            self.last = Some(read.id.clone());
            self.trimmed = false;
            let json = record::change(said, &self.post.feed.source);
            if self.post.filters.want(&json) {
                self.pending.push(Record { json: wire::json::text(&json), ..read });
            }
        }
        self.iterator = answer.member("NextShardIterator").and_then(Value::as_str).map(str::to_owned);
        self.ended = self.iterator.is_none();
        Ok(records.len())
    }

    fn read(&self, said: &Value) -> Record {
        let text = |path: &[&str]| said.at(path).and_then(Value::as_str).unwrap_or_default().to_owned();
        let arrived = match said.at(&["dynamodb", "ApproximateCreationDateTime"]) {
            Some(Value::Time(time)) => *time,
            _ => Timestamp::default(),
        };
        let key = match said.at(&["dynamodb", "Keys"]) {
            Some(Value::Map(keys)) => keys.iter().find(|(name, _)| *name == self.ordered_by),
            _ => None,
        };
        let handle = key.map(|(_, value)| wire::json::text(value)).unwrap_or_default();
        Record {
            id: text(&["dynamodb", "SequenceNumber"]),
            handle,
            arrived,
            chain: None,
            json: String::new(),
        }
    }

    /// Gathers more, until there is a batch, the window is over, or it is to stop.
    async fn fill(&mut self, stop: &mut watch::Receiver<bool>) {
        let end = Instant::now() + Duration::from_secs(self.post.feed.window.into());
        while self.pending.len() < self.most() && !self.ended && !*stop.borrow() {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            let watch = self.watch();
            let seen = watch.as_ref().map_or(0, Watch::generation);
            match self.fetch().await {
                Err(_) => return,
                Ok(0) => wait(watch.as_ref(), seen, left, stop).await,
                Ok(_) => {}
            }
        }
    }

    /// Hands over what was gathered, in the order of each key; whether all of it is done with.
    async fn deliver(&mut self, stop: &watch::Receiver<bool>) -> bool {
        let count = self.post.feed.parallel.max(1) as usize;
        let mut lanes: Vec<Vec<Record>> = vec![Vec::new(); count];
        for record in self.pending.drain(..) {
            let mut hasher = DefaultHasher::new();
            record.handle.hash(&mut hasher);
            lanes[hasher.finish() as usize % count].push(record);
        }
        let mut all = JoinSet::new();
        for records in lanes.into_iter().filter(|records| !records.is_empty()) {
            let lane = Lane { post: Arc::clone(&self.post), shard: self.shard.clone() };
            all.spawn(batch::run(lane, records, stop.clone()));
        }
        let mut done = true;
        while let Some(ended) = all.join_next().await {
            done &= ended.unwrap_or(false);
        }
        done
    }

    async fn save(&self) -> bool {
        let (key, table) = (self.post.feed.place.clone().str(&self.shard), self.post.feed.progress);
        let progress = Progress { after: self.last.clone(), ended: self.ended };
        let saved = self.post.keep(|tx| {
            table.put(tx, &key, &progress);
            Ok(())
        });
        match saved.await {
            Ok(()) => true,
            Err(fault) => {
                self.post.trouble(&fault).await;
                false
            }
        }
    }
}

/// What there was before is gone.
fn is_trimmed(fault: &Fault) -> bool {
    fault.code == "TrimmedDataAccessException"
}

/// The iterator was kept for too long.
fn is_expired(fault: &Fault) -> bool {
    fault.code == "ExpiredIteratorException"
}

/// Waits for a change, for so long at most.
async fn wait(watch: Option<&Watch>, seen: u64, most: Duration, stop: &mut watch::Receiver<bool>) {
    let changed = async {
        match watch {
            Some(watch) => drop(watch.changed(seen).await),
            None => std::future::pending().await,
        }
    };
    until(tokio::time::timeout(most, changed), stop).await;
}
