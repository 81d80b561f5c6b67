//! A stream's poller: a reader for each shard, parents before their children.
//!
//! AWS: <https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-eventsourcemapping.html>

mod batch;
mod reader;

use crate::Progress;
use crate::post::{Post, broken, pause, until};
use reader::Reader;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;
use store::Direction;
use tokio::sync::watch;
use tokio::task::JoinSet;
use wire::{Fault, Value};

/// Until the shards are looked at again though none has ended.
const LOOK: Duration = Duration::from_secs(300);

/// A stream's shards with their parents, and which attribute its records are kept in order by.
#[derive(Debug, Default)]
struct Shards {
    parents: BTreeMap<String, Option<String>>,
    ordered_by: String,
}

pub(crate) async fn run(post: Arc<Post>, mut stop: watch::Receiver<bool>) {
    let mut readers = JoinSet::new();
    // Which shards are being read. A reader that ends says which it was.
    let mut reading: HashMap<tokio::task::Id, String> = HashMap::new();
    let mut tries = 0;
    while !*stop.borrow() {
        let found = match describe(&post).await {
            Ok(shards) => progress(&post, &shards).await.map(|known| (shards, known)),
            Err(fault) => Err(fault),
        };
        let (shards, known) = match found {
            Ok(found) => found,
            Err(fault) => {
                tries += 1;
                post.trouble(&fault).await;
                pause(tries, &mut stop).await;
                continue;
            }
        };
        tries = 0;
        let ended = |shard: &String| known.get(shard).is_some_and(|progress| progress.ended);
        for (shard, parent) in &shards.parents {
            let waits = parent.as_ref().is_some_and(|p| shards.parents.contains_key(p) && !ended(p));
            if ended(shard) || waits || reading.values().any(|read| read == shard) {
                continue;
            }
            let after = known.get(shard).and_then(|progress| progress.after.clone());
            let reader = Reader::new(&post, shard, &shards.ordered_by, after);
            let id = readers.spawn(reader.run(stop.clone())).id();
            reading.insert(id, shard.clone());
        }
        let next = async {
            tokio::select! {
                Some(ended) = readers.join_next_with_id() => Some(ended),
                () = tokio::time::sleep(LOOK) => None,
            }
        };
        match until(next, &mut stop).await.flatten() {
            Some(Ok((id, ()))) => drop(reading.remove(&id)),
            Some(Err(panic)) => drop(reading.remove(&panic.id())),
            None => {}
        }
    }
    while readers.join_next().await.is_some() {}
}

async fn describe(post: &Post) -> Result<Shards, Fault> {
    let mut shards = Shards::default();
    let mut after: Option<String> = None;
    loop {
        let mut members = vec![("StreamArn", Value::str(&post.feed.source))];
        members.extend(after.take().map(|after| ("ExclusiveStartShardId", Value::Str(after))));
        let answer = post.call("dynamodbstreams", "DescribeStream", members).await?;
        let text = |from: &Value, name: &str| from.member(name).and_then(Value::as_str).map(str::to_owned);
        let list =
            |name: &str| answer.at(&["StreamDescription", name]).and_then(Value::as_list).unwrap_or_default();
        for shard in list("Shards") {
            let id = text(shard, "ShardId").unwrap_or_default();
            shards.parents.insert(id, text(shard, "ParentShardId"));
        }
        let hash = list("KeySchema").iter().find(|key| text(key, "KeyType").as_deref() == Some("HASH"));
        shards.ordered_by = hash.and_then(|key| text(key, "AttributeName")).unwrap_or_default();
        let last = answer.at(&["StreamDescription", "LastEvaluatedShardId"]).and_then(Value::as_str);
        match last {
            Some(last) => after = Some(last.to_owned()),
            None => return Ok(shards),
        }
    }
}

/// What was noted down of each shard; of those that are gone nothing is kept.
async fn progress(post: &Post, shards: &Shards) -> Result<HashMap<String, Progress>, Fault> {
    let (prefix, table) = (&post.feed.place, post.feed.progress);
    let mut known = HashMap::new();
    let mut gone = Vec::new();
    let snapshot = post.cloud.store().snapshot();
    for pair in table.scan(&snapshot, prefix, Direction::Forward) {
        let (key, progress) = pair.map_err(broken)?;
        let mut reader = key.reader();
        // Account and region, whose feed it is, the shard.
        let shard = reader.regional().and_then(|_| reader.str()).and_then(|_| reader.str());
        let shard = shard.unwrap_or_default();
        if shards.parents.contains_key(&shard) {
            known.insert(shard, progress);
        } else {
            gone.push(key);
        }
    }
    if !gone.is_empty() {
        let forget = post.keep(|tx| {
            gone.iter().for_each(|key| table.delete(tx, key));
            Ok(())
        });
        forget.await?;
    }
    Ok(known)
}
