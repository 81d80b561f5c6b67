//! Access logs on their way: from memory into the store ([`WriteLogs`]), and from there into the buckets that
//! configurations name ([`DeliverLogs`]).
//!
//! A file is put on record with its key before it is delivered, and goes from the record once it is: after a crash it
//! is delivered again under the same key. S3 acts as `logging.s3.amazonaws.com`, whom the target's policy or ACL must
//! let in; what it may not deliver it tries again for a day.

use crate::s3::buckets;
use crate::s3::configs::LoggingRecord;
use crate::s3::errors::{Refusal, S3Error};
use crate::s3::logging::keep::{self, BLOCKS, Block};
use crate::s3::logging::{KeyFormat, SERVICE, key};
use crate::s3::model::acl::{Grant, Grantee, Permission};
use crate::s3::model::bucket::{Ownership, arn};
use crate::s3::versions;
use base::{AccountId, Region, Timestamp};
use bytes::Bytes;
use kernel::reconcile::Reconciler;
use kernel::{Body, Call, Cloud, due};
use std::sync::Arc;
use std::time::Duration;
use store::{CommitError, Direction, Key, Table, Tx};
use wire::{Fault, Struct, Value};

/// AWS delivers "within a few hours" of a request; so long here, by the cloud's clock, lines of a bucket are gathered.
const GATHER: Duration = Duration::from_secs(60);
/// As long as the target may refuse a file.
const TRIED: Duration = Duration::from_secs(86_400);
const WRITE_AFTER: Duration = Duration::from_secs(1);
/// A file is closed when it reaches this size.
const FILE_BYTES: usize = 4 << 20;
/// So much becomes files in one transaction, which has room for four times that.
const ROUND_BYTES: usize = 16 << 20;

store::record! {
    /// A file that is to be delivered.
    #[derive(Clone, PartialEq, Debug)]
    pub struct LogFile {
        1 => pub bucket: String,
        2 => pub owner: AccountId,
        3 => pub region: Region,
        4 => pub to: LoggingRecord,
        5 => pub key: String,
        6 => pub lines: String,
        7 => pub since: Timestamp,
        8 => pub attempts: u32,
    }
}

/// By the time of the next attempt, and a number.
pub const FILES: Table<LogFile> = Table::new(0x2034, "s3/access log files");

/// Lines into the store, once a second.
#[derive(Debug)]
pub struct WriteLogs;

impl Reconciler for WriteLogs {
    fn name(&self) -> &'static str {
        "s3 access logs"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        Vec::new()
    }

    fn nap(&self) -> Duration {
        WRITE_AFTER
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        keep::write(cloud).map(|()| None)
    }

    fn last(&self, cloud: &Arc<Cloud>) -> Result<(), String> {
        keep::write(cloud)
    }
}

/// Files into their buckets.
#[derive(Debug)]
pub struct DeliverLogs;

impl Reconciler for DeliverLogs {
    fn name(&self) -> &'static str {
        "s3 access log delivery"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        vec![BLOCKS.stored_key(&Key::empty()), FILES.stored_key(&Key::empty())]
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        let gathered = gather(cloud)?;
        let waiting = deliver(cloud)?;
        Ok(gathered.into_iter().chain(waiting).min())
    }
}

/// Makes files of what waits, once the first block has waited long enough; answers when that is. Only this deletes
/// blocks, so they are read outside of the transaction, which would else lose to every line that comes.
fn gather(cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
    let now = cloud.clock().now();
    let snapshot = cloud.store().snapshot();
    let (mut ripe, mut bytes, mut next) = (Vec::new(), 0, None);
    for pair in BLOCKS.scan(&snapshot, &Key::empty(), Direction::Forward) {
        let (row, block) = pair.map_err(|problem| problem.to_string())?;
        let due = block.first.plus(GATHER);
        if ripe.is_empty() && due > now {
            return Ok(Some(due));
        }
        if bytes >= ROUND_BYTES {
            next = Some(now);
            break;
        }
        bytes += block.lines.len();
        ripe.push((row, block));
    }
    if ripe.is_empty() {
        return Ok(None);
    }
    let mut tx = cloud.store().begin();
    let mut files: Vec<(Block, i64)> = Vec::new();
    for (row, block) in ripe {
        BLOCKS.delete(&mut tx, &row);
        let by_event = block.to.format.as_ref().is_some_and(KeyFormat::by_event);
        let day = if by_event { block.first.seconds().div_euclid(86_400) } else { 0 };
        let fits = |(file, of): &&mut (Block, i64)| {
            file.bucket == block.bucket && file.to == block.to && *of == day && file.lines.len() < FILE_BYTES
        };
        match files.iter_mut().rev().find(fits) {
            Some((file, _)) => file.lines.push_str(&block.lines),
            None => files.push((block, day)),
        }
    }
    for (block, _) in files {
        put_file(cloud, &mut tx, block, now);
    }
    match tx.commit().wait() {
        Ok(_) => Ok(next),
        Err(CommitError::Conflict) => Ok(Some(now)),
        Err(problem) => Err(problem.to_string()),
    }
}

fn put_file(cloud: &Cloud, tx: &mut Tx, block: Block, now: Timestamp) {
    let Block { bucket, owner, region, to, first, lines } = block;
    let unique = format!("{:016X}", cloud.rng().u64());
    let source = key::Source { owner, region, bucket: &bucket };
    let key = key::of(&to.prefix, to.format.as_ref(), source, (first, now), &unique);
    let file = LogFile { bucket, owner, region, to, key, lines, since: now, attempts: 0 };
    FILES.put(tx, &Key::global().time(now).u64(cloud.rng().u64()), &file);
}

/// Delivers what is due; answers when the next file is.
fn deliver(cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
    loop {
        let now = cloud.clock().now();
        let snapshot = cloud.store().snapshot();
        let first = FILES.scan(&snapshot, &Key::empty(), Direction::Forward).next().transpose();
        let Some((row, file)) = first.map_err(|problem| problem.to_string())? else { return Ok(None) };
        let mut reader = row.reader();
        let at = reader.scope().and_then(|_| reader.time()).unwrap_or(now);
        if at > now {
            return Ok(Some(at));
        }
        let outcome = put(cloud, &file);
        let mut tx = cloud.store().begin();
        FILES.delete(&mut tx, &row);
        if let Err(fault) = outcome {
            let LogFile { bucket, to, since, attempts, .. } = &file;
            let told = [
                ("bucket", bucket.as_str()),
                ("target", to.bucket.as_str()),
                ("problem", &fault.to_string()),
            ];
            if now.since(*since) < TRIED {
                kernel::log::warn("an access log could not be delivered; it is tried again", &told);
                let again = LogFile { attempts: attempts + 1, ..file.clone() };
                let at = now.plus(due::pause(again.attempts));
                FILES.put(&mut tx, &Key::global().time(at).u64(cloud.rng().u64()), &again);
            } else {
                kernel::log::warn("an access log could not be delivered for a day and is dropped", &told);
            }
        }
        match tx.commit().wait() {
            Ok(_) | Err(CommitError::Conflict) => {}
            Err(problem) => return Err(problem.to_string()),
        }
    }
}

fn put(cloud: &Arc<Cloud>, file: &LogFile) -> Result<(), Fault> {
    let members = [
        ("Bucket", Value::str(file.to.bucket.as_str())),
        ("Key", Value::str(file.key.as_str())),
        ("ContentType", Value::str("text/plain")),
        ("ExpectedBucketOwner", Value::str(file.owner.as_str())),
    ];
    let value = Value::Struct(members.into_iter().collect::<Struct>());
    let call = Call { service: "s3", operation: "PutObject", value };
    let body = Body::of(Bytes::from(file.lines.clone()), None);
    let source = arn(&file.bucket);
    cloud.wait(cloud.stream_call(SERVICE, file.owner, file.region, Some(&source), call, body))?;
    if file.to.grants.is_empty() { Ok(()) } else { grant(cloud, file).map_err(Fault::from) }
}

/// Gives those whom the configuration names what it gives them, beside the owner.
fn grant(cloud: &Arc<Cloud>, file: &LogFile) -> Result<(), S3Error> {
    loop {
        let mut tx = cloud.store().begin();
        let Some(bucket) = buckets::find(cloud, &tx, &file.to.bucket)? else { return Ok(()) };
        if bucket.record.ownership == Ownership::BucketOwnerEnforced {
            return Ok(());
        }
        let Some(version) = versions::current(&tx, &bucket, &file.key)? else { return Ok(()) };
        let mut found = versions::Found { version, current: true };
        let full =
            Grant { grantee: Grantee::Account(bucket.record.owner), permission: Permission::FullControl };
        found.version.grants = std::iter::once(full).chain(file.to.grants.iter().cloned()).collect();
        cloud.act(&mut tx, SERVICE, file.owner, file.region, |cx| {
            versions::update(cx, &bucket, &file.key, &found);
        });
        match tx.commit().wait() {
            Ok(_) => return Ok(()),
            Err(CommitError::Conflict) => {}
            Err(_) => return Err(Refusal::Internal.into()),
        }
    }
}
