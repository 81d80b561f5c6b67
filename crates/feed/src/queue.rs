//! A queue's poller: it gathers messages, hands them over, and deletes those that were handled.
//!
//! What failed stays in the queue, and is visible again when its time there has come; so a queue's order within a group
//! is the consumer's.
//!
//! AWS: <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html>

use crate::post::{Post, broken, pause, until};
use crate::record::{self, BYTES_MAX, Record};
use crate::verdict::Verdict;
use base::Arn;
use kernel::Body;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::Instant;
use wire::{Fault, Value};

/// AWS: what SQS gives and takes at once.
const AT_ONCE: usize = 10;
/// AWS: the longest poll.
const POLL: u64 = 20;
/// Near a window's end, between two looks.
const LOOK: Duration = Duration::from_millis(100);

pub(crate) async fn run(post: Arc<Post>, mut stop: watch::Receiver<bool>) {
    let most = post.feed.concurrency;
    let slots = Arc::new(Semaphore::new(most as usize));
    // How often in a row nothing could be handed over, or the queue not be read.
    let vain = Arc::new(AtomicU32::new(0));
    loop {
        let tries = vain.load(Ordering::Relaxed);
        if tries > 0 && !pause(tries, &mut stop).await {
            break;
        }
        let Some(Ok(slot)) = until(Arc::clone(&slots).acquire_owned(), &mut stop).await else { break };
        match gather(&post, &mut stop).await {
            Err(fault) => {
                vain.fetch_add(1, Ordering::Relaxed);
                post.trouble(&fault).await;
            }
            Ok(batch) if batch.is_empty() && *stop.borrow() => break,
            Ok(batch) if batch.is_empty() => vain.store(0, Ordering::Relaxed),
            Ok(batch) => {
                tokio::spawn(handle(Arc::clone(&post), batch, Arc::clone(&vain), slot));
            }
        }
    }
    // What was begun is finished.
    let _ = slots.acquire_many(most).await;
}

fn url(source: &str) -> Option<Value> {
    let arn = Arn::parse(source)?;
    Some(Value::Str(format!("https://sqs.{}.amazonaws.com/{}/{}", arn.region, arn.account, arn.resource)))
}

async fn receive(post: &Post, most: usize, wait: u64) -> Result<Vec<Record>, Fault> {
    let all = || Value::List(vec![Value::str("All")]);
    let members = vec![
        ("QueueUrl", url(&post.feed.source).ok_or_else(|| broken("The queue is missing."))?),
        ("MaxNumberOfMessages", Value::Int(most.clamp(1, AT_ONCE) as i64)),
        ("WaitTimeSeconds", Value::Int(wait.min(POLL) as i64)),
        ("MessageSystemAttributeNames", all()),
        ("MessageAttributeNames", all()),
    ];
    let answer = post.stream("sqs", "ReceiveMessage", members, Body::empty()).await?;
    let messages = answer.member("Messages").and_then(Value::as_list).unwrap_or_default();
    let region = post.feed.region.name();
    let now = post.cloud.clock().now();
    let read = |said: &Value| {
        let text = |name: &str| said.member(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let json = wire::json::text(&record::message(said, &post.feed.source, region));
        let chain = match said.member("Attributes") {
            Some(Value::Map(all)) => all.iter().find(|(name, _)| name == "AWSTraceHeader"),
            _ => None,
        };
        let chain = chain.and_then(|(_, value)| value.as_str()).map(str::to_owned);
        Record { id: text("MessageId"), handle: text("ReceiptHandle"), arrived: now, chain, json }
    };
    Ok(messages.iter().map(read).collect())
}

/// Gathers a batch: until it is full, its window is over, or it is to stop.
async fn gather(post: &Post, stop: &mut watch::Receiver<bool>) -> Result<Vec<Record>, Fault> {
    let most = post.feed.batch as usize;
    let Some(first) = until(receive(post, most, POLL), stop).await else { return Ok(Vec::new()) };
    let mut batch = first?;
    if batch.is_empty() {
        return Ok(batch);
    }
    let window = Duration::from_secs(post.feed.window.into());
    let end = Instant::now() + window;
    while batch.len() < most && !*stop.borrow() {
        let left = end.saturating_duration_since(Instant::now());
        let bytes: usize = batch.iter().map(|record| record.json.len()).sum();
        if left.is_zero() || bytes >= BYTES_MAX {
            break;
        }
        let wait = left.as_secs();
        match receive(post, most - batch.len(), wait).await {
            // What there is comes first.
            Err(_) => break,
            Ok(more) if more.is_empty() && wait == 0 => tokio::time::sleep(left.min(LOOK)).await,
            Ok(more) => batch.extend(more),
        }
    }
    Ok(batch)
}

async fn handle(post: Arc<Post>, batch: Vec<Record>, vain: Arc<AtomicU32>, slot: OwnedSemaphorePermit) {
    let wants =
        |record: &Record| wire::json::read(&record.json).is_some_and(|json| post.filters.want_message(&json));
    let (mut wanted, unwanted): (Vec<_>, Vec<_>) = batch.into_iter().partition(wants);
    delete(&post, &unwanted).await;
    while !wanted.is_empty() {
        let rest = wanted.split_off(record::fit(wanted.iter(), wanted.len()));
        let done = std::mem::replace(&mut wanted, rest);
        hand_over(&post, done, &vain).await;
    }
    drop(slot);
}

async fn hand_over(post: &Post, records: Vec<Record>, vain: &AtomicU32) {
    let handed = match post.hand_over(&records).await {
        Ok(handed) => handed,
        Err(fault) => {
            vain.fetch_add(1, Ordering::Relaxed);
            return post.trouble(&fault).await;
        }
    };
    vain.store(0, Ordering::Relaxed);
    post.note(&handed.note).await;
    let handled: Vec<Record> = match handed.verdict {
        Verdict::All => return,
        Verdict::None => records,
        Verdict::These(failed) => {
            let all = records.into_iter().enumerate();
            all.filter(|(place, _)| !failed.contains(place)).map(|(_, record)| record).collect()
        }
    };
    delete(post, &handled).await;
}

async fn delete(post: &Post, records: &[Record]) {
    for some in records.chunks(AT_ONCE) {
        let Some(url) = url(&post.feed.source) else { return };
        let entry = |(place, record): (usize, &Record)| {
            let members =
                [("Id", Value::Str(place.to_string())), ("ReceiptHandle", Value::str(&record.handle))];
            Value::Struct(members.into_iter().collect())
        };
        let entries = Value::List(some.iter().enumerate().map(entry).collect());
        let members = vec![("QueueUrl", url), ("Entries", entries)];
        // What is not deleted comes again.
        if let Err(fault) = post.call("sqs", "DeleteMessageBatch", members).await {
            post.trouble(&fault).await;
        }
    }
}
