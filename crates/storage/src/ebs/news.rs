//! What the event bus is told of volumes and snapshots.
//!
//! AWS: <https://docs.aws.amazon.com/ebs/latest/userguide/ebs-cloud-watch-events.html>

use super::fast::Restore;
use super::model::Snapshot;
use base::{AccountId, Region, Timestamp};
use ec2::kind::{SNAPSHOT, VOLUME};
use ec2::register;
use kernel::Cloud;
use kernel::bus::News;
use store::Tx;
use wire::{Struct, Value};

const SOURCE: &str = "aws.ec2";

/// Whose news it is, and of when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Here {
    pub(super) account: AccountId,
    pub(super) region: Region,
    pub(super) now: Timestamp,
}

impl Here {
    fn emit(
        self,
        cloud: &Cloud,
        tx: &mut Tx,
        detail_type: &'static str,
        resources: Vec<String>,
        detail: Struct,
    ) {
        let news = News {
            account: self.account,
            region: self.region.name(),
            source: SOURCE,
            detail_type,
            resources,
            detail: &Value::Struct(detail),
        };
        cloud.emit(tx, self.now, news);
    }

    fn snapshot(self, id: &str) -> String {
        register::arn(self.account, self.region, SNAPSHOT.noun, id)
    }
}

/// The beginning of every detail: all went well.
fn detail(event: &'static str, result: &'static str, request: &str) -> Struct {
    let members = [
        ("event", Value::str(event)),
        ("result", Value::str(result)),
        ("cause", Value::str("")),
        ("request-id", Value::str(request)),
    ];
    members.into_iter().collect()
}

/// A volume is there, changed or gone, by a request.
pub(super) fn volume(
    cloud: &Cloud,
    tx: &mut Tx,
    here: Here,
    id: &str,
    (event, result): (&'static str, &'static str),
    request: &str,
) {
    let resources = vec![register::arn(here.account, here.region, VOLUME.noun, id)];
    here.emit(cloud, tx, "EBS Volume Notification", resources, detail(event, result, request));
}

/// AWS has no account in the names of volumes that snapshots are of.
fn of_volume(region: Region, snapshot: &Snapshot) -> String {
    base::Arn::new("ec2", region.name(), "", &format!("volume/{}", snapshot.volume)).to_string()
}

fn notification(
    cloud: &Cloud,
    tx: &mut Tx,
    here: Here,
    snapshot: &Snapshot,
    event: &'static str,
    more: impl IntoIterator<Item = (&'static str, Value)>,
) {
    let arn = here.snapshot(&snapshot.id);
    let mut detail = detail(event, "succeeded", "");
    detail.push("snapshot_id", Value::str(&arn));
    for (name, value) in more {
        detail.push(name, value);
    }
    here.emit(cloud, tx, "EBS Snapshot Notification", vec![arn], detail);
}

fn times(start: Timestamp, end: Timestamp) -> [(&'static str, Value); 2] {
    [("startTime", Value::Str(start.iso8601())), ("endTime", Value::Str(end.iso8601()))]
}

/// A snapshot is complete: taken of a volume, or a copy of another.
pub(super) fn completed(cloud: &Cloud, tx: &mut Tx, here: Here, snapshot: &Snapshot) {
    let [start, end] = times(snapshot.started, here.now);
    match &snapshot.copied {
        Some(copied) => {
            let incremental = Value::str(if copied.shares { "true" } else { "false" });
            let more = [("source", Value::str(&copied.from)), start, end, ("Incremental", incremental)];
            notification(cloud, tx, here, snapshot, "copySnapshot", more);
        }
        None => {
            let more = [("source", Value::Str(of_volume(here.region, snapshot))), start, end];
            notification(cloud, tx, here, snapshot, "createSnapshot", more);
        }
    }
}

/// All snapshots that were taken of an instance at once are complete.
pub(super) fn all_completed(cloud: &Cloud, tx: &mut Tx, here: Here, snapshots: &[&Snapshot]) {
    let Some(first) = snapshots.first() else { return };
    let mut detail = detail("createSnapshots", "succeeded", "");
    for (name, value) in times(first.started, here.now) {
        detail.push(name, value);
    }
    let one = |snapshot: &&Snapshot| {
        let members = [
            ("snapshot_id", Value::Str(here.snapshot(&snapshot.id))),
            ("source", Value::Str(of_volume(here.region, snapshot))),
            ("status", Value::str("completed")),
        ];
        Value::Struct(members.into_iter().collect())
    };
    detail.push("snapshots", Value::List(snapshots.iter().map(one).collect()));
    let resources = snapshots.iter().map(|snapshot| here.snapshot(&snapshot.id)).collect();
    here.emit(cloud, tx, "EBS Multi-Volume Snapshots Completion Status", resources, detail);
}

/// A snapshot is restored fast in a zone, or is on its way there or back.
pub(super) fn restore(cloud: &Cloud, tx: &mut Tx, here: Here, restore: &Restore, why: &'static str) {
    let arn = here.snapshot(&restore.snapshot);
    let members = [
        ("snapshot_id", Value::str(&arn)),
        ("state", Value::str(&restore.told)),
        ("zone", Value::str(&restore.zone)),
        ("message", Value::str(why)),
    ];
    let detail = members.into_iter().collect();
    here.emit(cloud, tx, "EBS Fast Snapshot Restore State-change Notification", vec![arn], detail);
}

/// An account is told that another shares a snapshot with it.
pub(super) fn shared(cloud: &Cloud, tx: &mut Tx, here: Here, snapshot: &Snapshot, with: AccountId) {
    let [start, end] = times(here.now, here.now);
    let more = [("source", Value::str(here.account.as_str())), start, end];
    notification(cloud, tx, Here { account: with, ..here }, snapshot, "shareSnapshot", more);
}
