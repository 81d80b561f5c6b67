//! EnableFastSnapshotRestores, DisableFastSnapshotRestores, DescribeFastSnapshotRestores.
//!
//! Not here: DLM's rules.

use super::{one, snapshots};
use crate::ebs::fast::{
    BY_ITSELF, BY_REQUEST, DISABLED, DISABLING, ENABLED, ENABLING, OPTIMIZING, RESTORES, Restore,
};
use crate::ebs::model::{COMPLETED, Snapshot};
use crate::ebs::news::{self, Here};
use base::Timestamp;
use ec2::access::{Access, list};
use ec2::describe::{self, Ask};
use ec2::filter::{self, Filter, Known};
use ec2::kind::SNAPSHOT;
use ec2::{Ec2Error, Plain};
use kernel::Cx;
use std::collections::BTreeSet;
use std::sync::Arc;
use store::{Direction, Key};

kernel::ops! {
    /// Fast snapshot restores.
    pub(crate) static OPS:
        EnableFastSnapshotRestores: enable, "ec2:EnableFastSnapshotRestores", |cx, r| Access::of(cx, r).many(&SNAPSHOT, "SourceSnapshotIds").done();
        DisableFastSnapshotRestores: disable, "ec2:DisableFastSnapshotRestores", |cx, r| Access::of(cx, r).many(&SNAPSHOT, "SourceSnapshotIds").done();
        DescribeFastSnapshotRestores: describe_all, "ec2:DescribeFastSnapshotRestores", list;
}

/// AWS: in one request.
const ASKED_MAX: usize = 10;
/// AWS: of an account in a region.
const SNAPSHOTS_MAX: usize = 5;

wire::shape! {
    #[derive(Debug)]
    struct Asked {
        zones: Vec<String> = "AvailabilityZones",
        zone_ids: Vec<String> = "AvailabilityZoneIds",
        snapshots: Vec<String> = "SourceSnapshotIds",
    }

    #[derive(Debug)]
    struct Done {
        done: Vec<View> = "Successful",
        failed: Vec<Failed> = "Unsuccessful",
    }

    #[derive(Debug)]
    struct View {
        snapshot: String = "SnapshotId",
        zone: String = "AvailabilityZone",
        zone_id: Option<String> = "AvailabilityZoneId",
        state: String = "State",
        why: String = "StateTransitionReason",
        owner: String = "OwnerId",
        enabling: Option<Timestamp> = "EnablingTime",
        optimizing: Option<Timestamp> = "OptimizingTime",
        enabled: Option<Timestamp> = "EnabledTime",
        disabling: Option<Timestamp> = "DisablingTime",
        disabled: Option<Timestamp> = "DisabledTime",
    }

    #[derive(Debug)]
    struct Failed {
        snapshot: String = "SnapshotId",
        errors: Vec<FailedZone> = "FastSnapshotRestoreStateErrors",
    }

    #[derive(Debug)]
    struct FailedZone {
        zone: String = "AvailabilityZone",
        zone_id: Option<String> = "AvailabilityZoneId",
        error: Flaw = "Error",
    }

    #[derive(Debug)]
    struct Flaw {
        code: String = "Code",
        message: String = "Message",
    }

    #[derive(Debug)]
    struct Describe {
        filters: Vec<Filter> = "Filters",
        max: Option<i64> = "MaxResults",
        next: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    struct Described {
        restores: Vec<View> = "FastSnapshotRestores",
        next: Option<String> = "NextToken",
    }
}

fn key(cx: &Cx<'_>, snapshot: &str, zone: &str) -> Key {
    Key::regional(cx.account, cx.region).str(snapshot).str(zone)
}

/// All of the account, where it is.
fn all(cx: &Cx<'_>) -> Result<Vec<Restore>, Ec2Error> {
    let prefix = Key::regional(cx.account, cx.region);
    let pairs = RESTORES.scan(cx.tx, &prefix, Direction::Forward);
    pairs.map(|pair| Ok(pair?.1)).collect()
}

fn view(cx: &Cx<'_>, restore: &Restore) -> View {
    let course = restore.course();
    let at = |state: &str| {
        let found = course.iter().find(|(of, at)| *of == state && *at <= cx.now);
        found.map(|(_, at)| *at)
    };
    let state = restore.state(cx.now);
    let why = if matches!(state, ENABLING | DISABLING) { BY_REQUEST } else { BY_ITSELF };
    View {
        snapshot: restore.snapshot.clone(),
        zone: restore.zone.clone(),
        zone_id: cx.region.zone_id(&restore.zone),
        state: state.to_owned(),
        why: why.to_owned(),
        owner: cx.account.to_string(),
        enabling: at(ENABLING),
        optimizing: at(OPTIMIZING),
        enabled: at(ENABLED),
        disabling: at(DISABLING),
        disabled: at(DISABLED),
    }
}

/// The zones that a request means.
fn zones(cx: &Cx<'_>, asked: &Asked) -> Result<Vec<String>, Ec2Error> {
    let named = match (asked.zones.as_slice(), asked.zone_ids.as_slice()) {
        ([], []) => return Err(Plain::MissingParameter("AvailabilityZone".into()).into()),
        (names, []) => names.iter().map(|name| (name, cx.region.zones().find(|zone| zone == name))).collect(),
        ([], ids) => ids.iter().map(|id| (id, cx.region.zone_named_by_id(id))).collect::<Vec<_>>(),
        _ => {
            let what = "AvailabilityZones and AvailabilityZoneIds may not be specified on the same request";
            return Err(Plain::InvalidParameterCombination(what.into()).into());
        }
    };
    let found = named.into_iter().map(|(name, zone)| zone.ok_or_else(|| Plain::InvalidZone(name.clone())));
    Ok(found.collect::<Result<BTreeSet<_>, _>>()?.into_iter().collect())
}

/// Does the same for each snapshot in each zone; what fails is told beside what does not.
fn each(
    cx: &mut Cx<'_>,
    asked: &Asked,
    act: fn(&mut Cx<'_>, &Snapshot, &str) -> Result<Restore, Ec2Error>,
) -> Result<Done, Ec2Error> {
    if asked.snapshots.len() > ASKED_MAX {
        let what = format!(
            "Number of values of parameter SourceSnapshotIds must be less than or equal to {ASKED_MAX}."
        );
        return Err(Plain::InvalidRequest(what).into());
    }
    let zones = zones(cx, asked)?;
    let mut out = Done { done: Vec::new(), failed: Vec::new() };
    for id in &asked.snapshots {
        let found = snapshots::find(cx, id).map(|(_, snapshot)| snapshot);
        let mut errors = Vec::new();
        for zone in &zones {
            match found.clone().and_then(|found| act(cx, &found, zone)) {
                Ok(restore) => {
                    RESTORES.put(cx.tx, &key(cx, id, zone), &restore);
                    let here = Here { account: cx.account, region: cx.region, now: cx.now };
                    let cloud = Arc::clone(cx.cloud());
                    news::restore(&cloud, cx.tx, here, &restore, BY_REQUEST);
                    out.done.push(view(cx, &restore));
                }
                Err(error) => errors.push(FailedZone {
                    zone: zone.clone(),
                    zone_id: cx.region.zone_id(zone),
                    error: Flaw { code: error.code().to_owned(), message: error.message().to_owned() },
                }),
            }
        }
        if !errors.is_empty() {
            out.failed.push(Failed { snapshot: id.clone(), errors });
        }
    }
    Ok(out)
}

fn enable(cx: &mut Cx<'_>, asked: Asked) -> Result<Done, Ec2Error> {
    each(cx, &asked, |cx, snapshot, zone| {
        if snapshot.state != COMPLETED {
            let what = format!("Snapshot is in invalid state - {}", snapshot.state);
            return Err(Plain::IncorrectState(what).into());
        }
        let all = all(cx)?;
        let there = all.iter().find(|one| one.snapshot == snapshot.id && one.zone == zone);
        if there.is_some_and(Restore::is_on) {
            let what = format!("Fast snapshot restores are enabled for {} in {zone} already.", snapshot.id);
            return Err(Plain::IncorrectState(what).into());
        }
        let mut others: BTreeSet<&String> =
            all.iter().filter(|one| one.is_on()).map(|one| &one.snapshot).collect();
        others.remove(&snapshot.id);
        if others.len() >= SNAPSHOTS_MAX {
            return Err(Plain::FastRestoreLimit(SNAPSHOTS_MAX).into());
        }
        Ok(Restore {
            snapshot: snapshot.id.clone(),
            zone: zone.to_owned(),
            size: snapshot.size,
            enabling: cx.now,
            told: ENABLING.to_owned(),
            ..Restore::default()
        })
    })
}

fn disable(cx: &mut Cx<'_>, asked: Asked) -> Result<Done, Ec2Error> {
    each(cx, &asked, |cx, snapshot, zone| {
        let there = RESTORES.get(cx.tx, &key(cx, &snapshot.id, zone))?;
        match there.filter(Restore::is_on) {
            Some(on) => Ok(Restore { disabling: Some(cx.now), told: DISABLING.to_owned(), ..on }),
            None => {
                let what = format!("Fast snapshot restores are not enabled for {} in {zone}.", snapshot.id);
                Err(Plain::IncorrectState(what).into())
            }
        }
    })
}

static FILTERS: &Known<View> = &[
    ("availability-zone", |r| one(&r.zone)),
    ("availability-zone-id", |r| super::maybe(&r.zone_id)),
    ("owner-id", |r| one(&r.owner)),
    ("snapshot-id", |r| one(&r.snapshot)),
    ("state", |r| one(&r.state)),
];

fn describe_all(cx: &mut Cx<'_>, req: Describe) -> Result<Described, Ec2Error> {
    filter::check(&req.filters, FILTERS)?;
    let mut items: Vec<View> = all(cx)?.iter().map(|restore| view(cx, restore)).collect();
    items.retain(|item| filter::passes(item, &[], &req.filters, FILTERS));
    let ask = Ask::new(&[], req.max, req.next.as_ref());
    let (restores, next) = describe::cut(cx, items, ask, |item| format!("{}/{}", item.snapshot, item.zone))?;
    Ok(Described { restores, next })
}

/// Whether a new volume of a snapshot is restored fast; a credit is spent then.
///
/// # Errors
/// When the store cannot be read.
pub(crate) fn spend(cx: &mut Cx<'_>, snapshot: &str, zone: &str) -> Result<bool, Ec2Error> {
    let at = key(cx, snapshot, zone);
    let Some(mut restore) = RESTORES.get(cx.tx, &at)? else { return Ok(false) };
    let fast = restore.spend(cx.now);
    if fast {
        RESTORES.put(cx.tx, &at, &restore);
    }
    Ok(fast)
}

/// A snapshot goes, and what was enabled once with it; with whom it was shared has nothing to restore any more.
///
/// # Errors
/// `InvalidSnapshot.InUse` where its owner has it enabled still.
pub(crate) fn let_go(cx: &mut Cx<'_>, snapshot: &str) -> Result<(), Ec2Error> {
    if let Some(on) = all(cx)?.iter().find(|restore| restore.snapshot == snapshot && restore.is_on()) {
        let what = format!(
            "The snapshot {snapshot} is currently enabled for fast restores in {}. Fast snapshot restores must be disabled within all Availability Zones before the snapshot may be deleted.",
            on.zone
        );
        return Err(Plain::InvalidSnapshotInUse(what).into());
    }
    let everybody = RESTORES.scan(cx.tx, &Key::empty(), Direction::Forward).collect::<Result<Vec<_>, _>>()?;
    for (at, _) in everybody.into_iter().filter(|(_, restore)| restore.snapshot == snapshot) {
        RESTORES.delete(cx.tx, &at);
    }
    Ok(())
}
