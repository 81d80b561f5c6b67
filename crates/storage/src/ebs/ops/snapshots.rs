//! DescribeSnapshots, and how snapshots are found.

use super::one;
use crate::ebs::model::{HOMES, SNAPSHOTS, Snapshot, home};
use base::{AccountId, Timestamp};
use ec2::access::list;
use ec2::describe::{self, Ask, Item};
use ec2::filter::{Filter, Known};
use ec2::kind::SNAPSHOT;
use ec2::tags::{self, Tag};
use ec2::{Ec2Error, Plain, register};
use kernel::Cx;
use store::{Direction, Key};

kernel::ops! {
    /// Snapshots, shown.
    pub(crate) static OPS:
        DescribeSnapshots: describe_snapshots, "ec2:DescribeSnapshots", list;
}

wire::shape! {
    #[derive(Debug)]
    struct Describe {
        max: Option<i64> = "MaxResults",
        next: Option<String> = "NextToken",
        owners: Vec<String> = "OwnerIds",
        restorable: Vec<String> = "RestorableByUserIds",
        ids: Vec<String> = "SnapshotIds",
        filters: Vec<Filter> = "Filters",
    }

    #[derive(Debug)]
    struct Snapshots {
        next: Option<String> = "NextToken",
        snapshots: Vec<View> = "Snapshots",
    }

    #[derive(Debug)]
    pub(crate) struct View {
        tags: Vec<Tag> = "Tags",
        tier: String = "StorageTier",
        completed: Option<Timestamp> = "CompletionTime",
        id: String = "SnapshotId",
        volume: String = "VolumeId",
        state: String = "State",
        why: Option<String> = "StateMessage",
        started: Timestamp = "StartTime",
        progress: String = "Progress",
        owner: String = "OwnerId",
        description: String = "Description",
        size: i64 = "VolumeSize",
        encrypted: bool = "Encrypted",
        key: Option<String> = "KmsKeyId",
    }
}

impl Item for View {
    fn id(&self) -> &str {
        &self.id
    }

    fn tags(&self) -> &[Tag] {
        &self.tags
    }
}

fn check(id: &str) -> Result<(), Ec2Error> {
    if SNAPSHOT.fits(id) {
        return Ok(());
    }
    Err(Ec2Error::value(id, "snapshotId", "Expected: 'snap-...'."))
}

/// A snapshot that the caller's account may use, and whose it is.
///
/// # Errors
/// `InvalidParameterValue`, `InvalidSnapshot.NotFound`.
pub(crate) fn find(cx: &Cx<'_>, id: &str) -> Result<(AccountId, Snapshot), Ec2Error> {
    check(id)?;
    let home = HOMES.get(cx.tx, &home(cx.region, id))?;
    let not_found = || Ec2Error::not_found(&SNAPSHOT, id);
    let owner = home.ok_or_else(not_found)?.account;
    let found = SNAPSHOTS.get(cx.tx, &register::key(owner, cx.region, id))?;
    let found = found.filter(|snapshot| snapshot.is_for(owner, cx.account)).ok_or_else(not_found)?;
    Ok((owner, found))
}

/// A snapshot of an account, of whose image the caller may make machines.
///
/// # Errors
/// `InvalidSnapshot.NotFound`.
pub(crate) fn of(cx: &Cx<'_>, owner: AccountId, id: &str) -> Result<Snapshot, Ec2Error> {
    let found = SNAPSHOTS.get(cx.tx, &register::key(owner, cx.region, id))?;
    found.ok_or_else(|| Ec2Error::not_found(&SNAPSHOT, id))
}

/// A snapshot of the caller's account.
///
/// # Errors
/// As [`find`]; `AuthFailure` for one that is only shared with it.
pub(crate) fn own(cx: &Cx<'_>, id: &str) -> Result<Snapshot, Ec2Error> {
    let (owner, snapshot) = find(cx, id)?;
    if owner == cx.account {
        return Ok(snapshot);
    }
    Err(Plain::AuthFailure(format!("Not authorized for snapshot {id}.")).into())
}

/// As an account sees it: tags are the owner's alone.
pub(crate) fn view(cx: &Cx<'_>, owner: AccountId, snapshot: &Snapshot) -> Result<View, Ec2Error> {
    let tags = if owner == cx.account { register::tags(cx, &snapshot.id)? } else { tags::checked(&[])? };
    Ok(View {
        tags: tags::view(&tags),
        tier: "standard".into(),
        completed: snapshot.completed,
        id: snapshot.id.clone(),
        volume: snapshot.volume.clone(),
        state: snapshot.state.clone(),
        why: Some(snapshot.why.clone()).filter(|why| !why.is_empty()),
        started: snapshot.started,
        progress: if snapshot.state == "pending" && snapshot.progress == 0 {
            String::new()
        } else {
            format!("{}%", snapshot.progress)
        },
        owner: owner.to_string(),
        description: snapshot.description.clone(),
        size: snapshot.size,
        encrypted: snapshot.key.is_some(),
        key: snapshot.key.clone(),
    })
}

/// All that the caller's account may use.
fn visible(cx: &Cx<'_>) -> Result<Vec<(AccountId, Snapshot)>, Ec2Error> {
    let mut out = Vec::new();
    let prefix = Key::global().str(cx.region.name());
    for pair in HOMES.scan(cx.tx, &prefix, Direction::Forward) {
        let (at, home) = pair?;
        let mut reader = at.reader();
        let id = reader.scope().and_then(|_| reader.str()).and_then(|_| reader.str());
        let Some(id) = id else { continue };
        let found = SNAPSHOTS.get(cx.tx, &register::key(home.account, cx.region, &id))?;
        out.extend(found.filter(|s| s.is_for(home.account, cx.account)).map(|s| (home.account, s)));
    }
    Ok(out)
}

/// Whether a snapshot is of one of these owners, or for one of these accounts.
fn is_wanted(cx: &Cx<'_>, req: &Describe, owner: AccountId, snapshot: &Snapshot) -> bool {
    let by = |name: &String| match name.as_str() {
        "self" => owner == cx.account,
        other => other == owner.as_str(),
    };
    let restorable = |name: &String| match name.as_str() {
        "all" => snapshot.public,
        "self" => snapshot.is_for(owner, cx.account),
        other => other == owner.as_str() || snapshot.shared.contains(other),
    };
    (req.owners.is_empty() || req.owners.iter().any(by))
        && (req.restorable.is_empty() || req.restorable.iter().any(restorable))
}

static FILTERS: &Known<View> = &[
    ("description", |v| one(&v.description)),
    ("encrypted", |v| one(v.encrypted)),
    ("owner-alias", |_| Vec::new()),
    ("owner-id", |v| one(&v.owner)),
    ("progress", |v| one(&v.progress)),
    ("snapshot-id", |v| one(&v.id)),
    ("start-time", |v| one(v.started.iso8601_millis())),
    ("status", |v| one(&v.state)),
    ("storage-tier", |v| one(&v.tier)),
    ("transfer-type", |_| Vec::new()),
    ("volume-id", |v| one(&v.volume)),
    ("volume-size", |v| one(v.size)),
];

fn describe_snapshots(cx: &mut Cx<'_>, req: Describe) -> Result<Snapshots, Ec2Error> {
    describe::ids_or_pages(&req.ids, "snapshotIds", req.max)?;
    let mut found = if req.ids.is_empty() {
        visible(cx)?
    } else {
        req.ids.iter().try_for_each(|id| check(id))?;
        req.ids.iter().map(|id| find(cx, id)).collect::<Result<_, _>>()?
    };
    found.retain(|(owner, snapshot)| is_wanted(cx, &req, *owner, snapshot));
    let views = found.iter().map(|(owner, s)| view(cx, *owner, s)).collect::<Result<_, _>>()?;
    let ask = Ask::new(&req.filters, req.max, req.next.as_ref());
    let (snapshots, next) = describe::page(cx, views, ask, FILTERS)?;
    Ok(Snapshots { next, snapshots })
}
