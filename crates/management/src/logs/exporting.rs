//! Exports run by themselves: a group's events are written into a bucket, by the stream, as the bucket's policy lets this
//! service.
//!
//! A crash repeats what had been begun: the same events go into the same files.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/S3Export.html>

use super::errors::{LogsError, is_denied};
use super::model::event::{Place, millis};
use super::model::export::{EXPORTS, Export};
use super::model::group::Group;
use super::model::stream::{STREAMS, Stream, prefix};
use super::sealing;
use super::walk::{self, Span};
use base::{Region, Timestamp};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use kernel::reconcile::Reconciler;
use kernel::{Body, Call, Cloud};
use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};
use store::{CommitError, Direction, Key};
use wire::{Fault, Struct, Value};

/// What one file has, before it is packed.
const FILE_BYTES: usize = 16 << 20;
const NAME: &str = "logs.amazonaws.com";

/// Runs exports.
#[derive(Debug)]
pub struct Run;

impl Reconciler for Run {
    fn name(&self) -> &'static str {
        "logs exports"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        vec![EXPORTS.stored_key(&Key::empty())]
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        let snapshot = cloud.store().snapshot();
        for pair in EXPORTS.scan(&snapshot, &Key::empty(), Direction::Forward) {
            let (_, export) = pair.map_err(|error| error.to_string())?;
            if !export.is_active() {
                continue;
            }
            if !turn(cloud, &export, "RUNNING", None)? {
                turn(cloud, &export, "CANCELLED", None)?;
                continue;
            }
            match write(cloud, &export) {
                Ok(true) => turn(cloud, &export, "COMPLETED", Some("Completed successfully"))?,
                Ok(false) => turn(cloud, &export, "CANCELLED", None)?,
                Err(fault) => turn(cloud, &export, "FAILED", Some(&fault.message))?,
            };
        }
        Ok(None)
    }
}

/// Notes down what a task has come to; false where it runs and is to be cancelled.
fn turn(cloud: &Cloud, seen: &Export, code: &str, message: Option<&str>) -> Result<bool, String> {
    loop {
        let mut tx = cloud.store().begin();
        let key = Export::key(seen.account, seen.region, &seen.id);
        let Some(mut export) = EXPORTS.get(&tx, &key).map_err(|error| error.to_string())? else {
            return Ok(true);
        };
        if code == "RUNNING" {
            match export.code.as_str() {
                "PENDING_CANCEL" => return Ok(false),
                "RUNNING" => return Ok(true),
                _ => {}
            }
        } else {
            export.ended = Some(cloud.clock().now());
        }
        code.clone_into(&mut export.code);
        export.message = message.map(str::to_owned);
        export.save(&mut tx);
        match tx.commit().wait() {
            Ok(_) => return Ok(true),
            Err(CommitError::Conflict) => {}
            Err(error) => return Err(error.to_string()),
        }
    }
}

/// Writes all files; false where it was cancelled meanwhile.
fn write(cloud: &Arc<Cloud>, export: &Export) -> Result<bool, Fault> {
    let say = |error: store::StoreError| Fault::from(LogsError::from(error));
    let snapshot = cloud.store().snapshot();
    let group = Group::load(&snapshot, export.account, export.region, &export.group).map_err(say)?;
    let Some(group) = group else { return Err(LogsError::NoGroup.into()) };
    let since =
        group.keeps_since(cloud.clock().now()).map_or(export.since, |kept| export.since.max(millis(kept)));
    let until = Place { time: export.until.saturating_add(1), number: 0 };
    let span = Span { since: Place { time: since, number: 0 }, until };
    let ring = sealing::ring_of(cloud, &group)?;
    let named = prefix(group.id).str_prefix(export.streams.as_deref().unwrap_or_default());
    for pair in STREAMS.scan(&snapshot, &named, Direction::Forward) {
        let (_, stream): (_, Stream) = pair.map_err(say)?;
        let (mut text, mut number) = (String::new(), 0);
        for found in walk::stream(&snapshot, stream.id, span, Direction::Forward) {
            let (place, event) = found.map_err(say)?;
            let event = ring.open(event)?;
            let at = Timestamp::from_micros(place.time.saturating_mul(1_000));
            text.push_str(&at.iso8601_millis());
            text.push(' ');
            text.push_str(event.message.trim_end_matches('\n'));
            text.push('\n');
            if text.len() >= FILE_BYTES {
                put(cloud, export, &export.file(&stream.name, number), &text)?;
                text.clear();
                number += 1;
            }
        }
        if !text.is_empty() {
            put(cloud, export, &export.file(&stream.name, number), &text)?;
        }
        if is_cancelled(cloud, export).map_err(say)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn is_cancelled(cloud: &Cloud, export: &Export) -> Result<bool, store::StoreError> {
    let key = Export::key(export.account, export.region, &export.id);
    let now = EXPORTS.get(&cloud.store().snapshot(), &key)?;
    Ok(now.is_none_or(|now| now.code == "PENDING_CANCEL"))
}

fn put(cloud: &Arc<Cloud>, export: &Export, key: &str, text: &str) -> Result<(), Fault> {
    let broken = |_| Fault::from(LogsError::Unreadable);
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).map_err(broken)?;
    let packed = Bytes::from(encoder.finish().map_err(broken)?);
    cloud.wait(as_service(cloud, export, "PutObject", object(export, key), packed))
}

/// The members of an object.
pub(super) fn object(export: &Export, key: &str) -> Value {
    let members = [
        ("Bucket", Value::str(&export.bucket)),
        ("Key", Value::str(key)),
        ("ACL", Value::str("bucket-owner-full-control")),
    ];
    Value::Struct(members.into_iter().collect::<Struct>())
}

/// Calls S3 in the service's own name, for the sake of the group. Policies may name it by its region, or without.
///
/// # Errors
/// What S3 answers.
pub(super) async fn as_service(
    cloud: &Arc<Cloud>,
    export: &Export,
    operation: &str,
    value: Value,
    bytes: Bytes,
) -> Result<(), Fault> {
    let source = export.source();
    let (account, region) = (export.account, export.region);
    let call = || Call { service: "s3", operation, value: value.clone() };
    let body = || Body::of(bytes.clone(), None);
    let first = cloud.stream_call(regional(region), account, region, Some(&source), call(), body()).await;
    match first {
        Err(fault) if is_denied(&fault) => {
            cloud.stream_call(NAME, account, region, Some(&source), call(), body()).await.map(drop)
        }
        other => other.map(drop),
    }
}

/// `logs.us-east-1.amazonaws.com`
pub(super) fn regional(region: Region) -> &'static str {
    static NAMES: Mutex<BTreeMap<&'static str, &'static str>> = Mutex::new(BTreeMap::new());
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    names.entry(region.name()).or_insert_with(|| format!("logs.{}.amazonaws.com", region.name()).leak())
}

/// Whether a bucket's policy lets the service look at its list of grants, as it must.
///
/// # Errors
/// What S3 answers.
pub(super) fn look(cx: &mut kernel::Cx<'_>, export: &Export) -> Result<(), Fault> {
    let value = || Value::Struct([("Bucket", Value::str(&export.bucket))].into_iter().collect::<Struct>());
    let call = || Call { service: "s3", operation: "GetBucketAcl", value: value() };
    let source = export.source();
    match cx.call_for(&source, call(), regional(export.region), export.account) {
        Err(fault) if is_denied(&fault) => cx.call_for(&source, call(), NAME, export.account).map(drop),
        other => other.map(drop),
    }
}
