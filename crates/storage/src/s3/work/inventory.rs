//! Inventories at work: when one is due, everything that its bucket holds is listed, as of one moment, into files of
//! the destination, whose policy must let `s3.amazonaws.com` in.
//!
//! A list that is broken off by a crash is written again from its beginning, into files of the same names; what tells
//! of it comes last. What cannot be delivered is told in the log, and tried again when the next list is due.

use super::delivery::{self, Target};
use crate::s3::buckets;
use crate::s3::configs::{INVENTORY, LIFECYCLE};
use crate::s3::errors::{Refusal, S3Error};
use crate::s3::inventory::manifest::{self, File};
use crate::s3::inventory::row::Row;
use crate::s3::inventory::schedule;
use crate::s3::lifecycle::rules::LifecycleConfiguration;
use crate::s3::model::bucket::BucketRecord;
use crate::s3::model::object::{CURRENT, VERSIONS, Version};
use crate::s3::settings::InventoryConfiguration;
use auth::md5::Md5;
use base::Timestamp;
use flate2::Compression;
use flate2::write::GzEncoder;
use kernel::Cloud;
use kernel::reconcile::Reconciler;
use std::io::Write;
use std::sync::Arc;
use store::{CommitError, Direction, Key, Snapshot, Table};
use wire::{Fault, Value};

/// A file is closed when it has so many bytes, compressed.
const FILE_BYTES: usize = 8 << 20;

store::record! {
    /// When the next list of a configuration is due.
    #[derive(Clone, PartialEq, Debug)]
    pub struct NextList {
        1 => pub bucket: String,
        2 => pub at: Timestamp,
    }
}

/// Under the keys of [`INVENTORY`]; of configurations that are switched on.
pub const NEXT: Table<NextList> = Table::new(0x2035, "s3/next inventories");

#[derive(Debug)]
pub struct Inventories;

impl Reconciler for Inventories {
    fn name(&self) -> &'static str {
        "s3 inventories"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        vec![NEXT.stored_key(&Key::empty())]
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        let now = cloud.clock().now();
        let snapshot = cloud.store().snapshot();
        let mut soonest = None;
        for pair in NEXT.scan(&snapshot, &Key::empty(), Direction::Forward) {
            let (row, next) = pair.map_err(|problem| problem.to_string())?;
            let at = if next.at <= now { list(cloud, &row, &next)? } else { Some(next.at) };
            soonest = soonest.into_iter().chain(at).min();
        }
        Ok(soonest)
    }
}

/// Writes one list, and says when the next one is due.
fn list(cloud: &Arc<Cloud>, row: &Key, next: &NextList) -> Result<Option<Timestamp>, String> {
    let now = cloud.clock().now();
    let snapshot = cloud.store().snapshot();
    let configuration = INVENTORY.get(&snapshot, row).map_err(|problem| problem.to_string())?;
    let bucket = buckets::find(cloud, &snapshot, &next.bucket);
    let bucket = bucket.map_err(|error| Fault::from(error).to_string())?;
    let mut after = None;
    if let (Some(configuration), Some(bucket)) = (configuration, bucket) {
        let list = List { cloud, snapshot: &snapshot, bucket: &bucket.record, configuration: &configuration };
        if let Err(fault) = list.write(next.at, now) {
            let problem = fault.to_string();
            let told =
                [("bucket", next.bucket.as_str()), ("id", configuration.id.as_str()), ("problem", &problem)];
            kernel::log::warn("an inventory could not be delivered", &told);
        }
        after = Some(schedule::next(&configuration.schedule.frequency, now));
    }
    let mut tx = cloud.store().begin();
    // Unless it was put anew meanwhile.
    let same = NEXT.get(&tx, row).map_err(|problem| problem.to_string())?.as_ref() == Some(next);
    match after {
        _ if !same => return Ok(Some(now)),
        Some(at) => NEXT.put(&mut tx, row, &NextList { at, ..next.clone() }),
        None => NEXT.delete(&mut tx, row),
    }
    match tx.commit().wait() {
        Ok(_) => Ok(after),
        Err(CommitError::Conflict) => Ok(Some(now)),
        Err(problem) => Err(problem.to_string()),
    }
}

/// One list.
struct List<'a> {
    cloud: &'a Arc<Cloud>,
    snapshot: &'a Snapshot,
    bucket: &'a BucketRecord,
    configuration: &'a InventoryConfiguration,
}

impl List<'_> {
    /// `due` names the files, so that they have the same names again after a crash.
    fn write(&self, due: Timestamp, begun: Timestamp) -> Result<(), Fault> {
        let folder = manifest::folder(self.configuration, &self.bucket.name);
        let mut files = Files { list: self, folder: &folder, due, open: gzip(), rows: 0, closed: Vec::new() };
        self.rows(&mut files)?;
        let files = files.finish()?;
        let text = manifest::text(self.configuration, &self.bucket.name, begun, &files);
        let to = self.configuration.destination.bucket.name().unwrap_or_default();
        let links: Vec<String> = files.iter().map(|file| format!("s3://{to}/{}", file.key)).collect();
        self.put(&format!("{folder}/{}", manifest::symlinks(begun)), links.join("\n").into_bytes())?;
        let dated = manifest::dated(begun);
        let sum = md5(text.as_bytes());
        self.put(&format!("{folder}/{dated}/manifest.json"), text.into_bytes())?;
        self.put(&format!("{folder}/{dated}/manifest.checksum"), sum.into_bytes())
    }

    fn rows(&self, files: &mut Files<'_>) -> Result<(), Fault> {
        let scope = self.bucket.scope();
        let wanted = self.configuration.filter.as_ref().map_or("", |filter| filter.prefix.as_str());
        let wanted = scope.clone().str_prefix(wanted);
        let failed = |problem: store::StoreError| Fault::from(S3Error::from(problem));
        let rules = LIFECYCLE.get(self.snapshot, &scope).map_err(failed)?;
        let rules = rules.as_ref().map(|rules| &rules.configuration);
        for pair in CURRENT.scan(self.snapshot, &wanted, Direction::Forward) {
            let (row, version) = pair.map_err(failed)?;
            files.row(&self.row(&key_of(&scope, &row), &version, true, rules))?;
        }
        if !self.configuration.of_versions() {
            return Ok(());
        }
        let mut last = String::new();
        for pair in VERSIONS.scan(self.snapshot, &wanted, Direction::Forward) {
            let (row, version) = pair.map_err(failed)?;
            let key = key_of(&scope, &row);
            // Of a key without a current version, the newest one is a marker.
            let newest = key != last;
            let current = scope.clone().str(&key);
            let latest = newest && !CURRENT.contains(self.snapshot, &current).map_err(failed)?;
            files.row(&self.row(&key, &version, latest, rules))?;
            last = key;
        }
        Ok(())
    }

    fn row<'r>(
        &'r self,
        key: &'r str,
        version: &'r Version,
        latest: bool,
        rules: Option<&'r LifecycleConfiguration>,
    ) -> Row<'r> {
        Row { bucket: self.bucket, key, version, latest, rules, now: self.cloud.clock().now() }
    }

    fn put(&self, key: &str, bytes: Vec<u8>) -> Result<(), Fault> {
        let to = &self.configuration.destination.bucket;
        let encryption = match to.encryption.as_ref().map(|encryption| encryption.kms.as_ref()) {
            Some(Some(kms)) => vec![
                ("ServerSideEncryption", Value::str("aws:kms")),
                ("SSEKMSKeyId", Value::str(kms.key.as_str())),
            ],
            Some(None) => vec![("ServerSideEncryption", Value::str("AES256"))],
            None => Vec::new(),
        };
        let to = Target { bucket: to.name().unwrap_or_default(), account: to.account.as_deref() };
        delivery::put(self.cloud, self.bucket, to, key, bytes, encryption)
    }
}

/// The object's key, which follows the bucket's scope in a row's.
pub(super) fn key_of(scope: &Key, row: &Key) -> String {
    let rest = row.as_bytes().get(scope.as_bytes().len()..).unwrap_or_default();
    store::key::KeyReader::over(rest).str().unwrap_or_default()
}

fn gzip() -> GzEncoder<Vec<u8>> {
    GzEncoder::new(Vec::new(), Compression::default())
}

fn md5(bytes: &[u8]) -> String {
    let mut md5 = Md5::new();
    md5.update(bytes);
    md5.finish().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The files of a list, written row by row.
struct Files<'a> {
    list: &'a List<'a>,
    folder: &'a str,
    due: Timestamp,
    open: GzEncoder<Vec<u8>>,
    /// In the file that is open.
    rows: usize,
    closed: Vec<File>,
}

impl Files<'_> {
    fn row(&mut self, row: &Row<'_>) -> Result<(), Fault> {
        let line = row.csv(self.list.configuration);
        self.open.write_all(line.as_bytes()).map_err(unwritten)?;
        self.rows += 1;
        if self.open.get_ref().len() >= FILE_BYTES { self.close() } else { Ok(()) }
    }

    fn close(&mut self) -> Result<(), Fault> {
        let bytes = std::mem::replace(&mut self.open, gzip()).finish().map_err(unwritten)?;
        let list = self.list;
        let name = format!("{} {} {}", list.bucket.number, self.due.micros(), self.closed.len());
        let name = md5(name.as_bytes());
        let (a, b, c, d, e) = (&name[..8], &name[8..12], &name[12..16], &name[16..20], &name[20..]);
        let key = format!("{}/data/{a}-{b}-{c}-{d}-{e}.csv.gz", self.folder);
        let (size, md5) = (bytes.len() as u64, md5(&bytes));
        list.put(&key, bytes)?;
        self.closed.push(File { key, size, md5 });
        self.rows = 0;
        Ok(())
    }

    /// The last file is the only one of an empty bucket.
    fn finish(mut self) -> Result<Vec<File>, Fault> {
        if self.rows > 0 || self.closed.is_empty() {
            self.close()?;
        }
        Ok(self.closed)
    }
}

fn unwritten(_: std::io::Error) -> Fault {
    S3Error::from(Refusal::Internal).into()
}
