//! ModifyVolume and what it has done.
//!
//! AWS: <https://docs.aws.amazon.com/ebs/latest/userguide/modify-volume-requirements.html>: a volume is changed four times
//! in any 24 hours. A change takes effect at once, so that it has been completed when it is first shown.

use super::volume::{condition_keys, tell};
use super::{maybe, one};
use crate::ebs::model::{AVAILABLE, MODIFICATIONS, Modification, VOLUMES};
use crate::ebs::plug::Plugged;
use crate::ebs::shape::{self, Wanted};
use base::Timestamp;
use ec2::access::{Access, list};
use ec2::describe::{self, Ask, Item};
use ec2::filter::{Filter, Known};
use ec2::kind::VOLUME;
use ec2::shapes::Operator;
use ec2::tags::Tag;
use ec2::{Ec2Error, Plain, register};
use kernel::Cx;
use std::time::Duration;

kernel::ops! {
    /// Changes of volumes.
    pub(crate) static OPS:
        ModifyVolume: modify, "ec2:ModifyVolume", |cx, r| Access::of(cx, r).one(&VOLUME, "VolumeId").done();
        DescribeVolumesModifications: describe_modifications, "ec2:DescribeVolumesModifications", list;
}

const DAY: Duration = Duration::from_secs(24 * 3600);
/// Changes in a day.
const CHANGES_MAX: usize = 4;

wire::shape! {
    #[derive(Debug)]
    struct Modify {
        id: String = "VolumeId",
        size: Option<i64> = "Size",
        kind: Option<String> = "VolumeType",
        iops: Option<i64> = "Iops",
        throughput: Option<i64> = "Throughput",
        multi: Option<bool> = "MultiAttachEnabled",
    }

    #[derive(Debug)]
    struct One { modification: View = "VolumeModification" }

    #[derive(Debug)]
    struct View {
        id: String = "VolumeId",
        state: String = "ModificationState",
        size: i64 = "TargetSize",
        iops: Option<i64> = "TargetIops",
        kind: String = "TargetVolumeType",
        throughput: Option<i64> = "TargetThroughput",
        multi: bool = "TargetMultiAttachEnabled",
        old_size: i64 = "OriginalSize",
        old_iops: Option<i64> = "OriginalIops",
        old_kind: String = "OriginalVolumeType",
        old_throughput: Option<i64> = "OriginalThroughput",
        old_multi: bool = "OriginalMultiAttachEnabled",
        progress: i64 = "Progress",
        start: Timestamp = "StartTime",
        end: Option<Timestamp> = "EndTime",
        /// Lists tell it, and not what makes the change.
        operator: Option<Operator> = "Operator",
    }

    #[derive(Debug)]
    struct Describe {
        ids: Vec<String> = "VolumeIds",
        filters: Vec<Filter> = "Filters",
        next: Option<String> = "NextToken",
        max: Option<i64> = "MaxResults",
    }

    #[derive(Debug)]
    struct Modifications {
        next: Option<String> = "NextToken",
        modifications: Vec<View> = "VolumesModifications",
    }
}

impl Item for View {
    fn id(&self) -> &str {
        &self.id
    }

    fn tags(&self) -> &[Tag] {
        &[]
    }
}

fn view(done: &Modification, is_over: bool) -> View {
    View {
        id: done.volume.clone(),
        state: if is_over { "completed" } else { "modifying" }.into(),
        size: done.to.size,
        iops: done.to.iops,
        kind: done.to.kind.clone(),
        throughput: done.to.throughput,
        multi: false,
        old_size: done.from.size,
        old_iops: done.from.iops,
        old_kind: done.from.kind.clone(),
        old_throughput: done.from.throughput,
        old_multi: false,
        progress: if is_over { 100 } else { 0 },
        start: done.at.whole_seconds(),
        end: is_over.then_some(done.at.whole_seconds()),
        operator: is_over.then_some(Operator::SHOWN),
    }
}

fn modify(cx: &mut Cx<'_>, req: Modify) -> Result<One, Ec2Error> {
    let mut volume = describe::get(cx, &VOLUMES, &VOLUME, &req.id)?;
    let key = register::key(cx.account, cx.region, &req.id);
    if volume.state != AVAILABLE {
        let what = format!("Volume {} is in state {} and cannot be modified.", volume.id, volume.state);
        return Err(Plain::IncorrectState(what).into());
    }
    if req.multi == Some(true) {
        let what =
            "Volumes that are attached to several instances at once are not built in this version of Virga.";
        return Err(Plain::Unsupported(what.into()).into());
    }
    let last = MODIFICATIONS.get(cx.tx, &key)?;
    let mut earlier = last.map(|last| [last.earlier, vec![last.at]].concat()).unwrap_or_default();
    earlier.retain(|at| cx.now < at.plus(DAY));
    if let Some(first) = earlier.first().filter(|_| earlier.len() >= CHANGES_MAX) {
        return Err(Plain::VolumeModificationRate(first.plus(DAY).iso8601_millis()).into());
    }
    let from = volume.shape();
    let size = req.size.unwrap_or(from.size);
    if size < from.size {
        let what = "New size cannot be smaller than existing size";
        return Err(Plain::InvalidParameterValue(what.into()).into());
    }
    if size > from.size {
        cx.memory::<Plugged>().may_grow(&volume.id)?;
    }
    let kind = req.kind.as_deref().unwrap_or(&from.kind);
    // What a type lets choose is kept where the type is.
    let kept = |value: Option<i64>| value.filter(|_| kind == from.kind && kind != "gp2");
    let iops = req.iops.or(kept(from.iops));
    let throughput = req.throughput.or(kept(from.throughput));
    let to = shape::of(&Wanted { kind: Some(kind), size, iops, throughput })?;
    (volume.kind, volume.size) = (to.kind.clone(), to.size);
    (volume.iops, volume.throughput) = (to.iops, to.throughput);
    let done = Modification { volume: req.id.clone(), from, to, at: cx.now, earlier };
    MODIFICATIONS.put(cx.tx, &key, &done);
    VOLUMES.put(cx.tx, &key, &volume);
    for (name, value) in condition_keys(cx, &volume) {
        register::set_key(cx, &volume.id, name, Some(value))?;
    }
    for (name, gone) in [("ec2:VolumeIops", volume.iops), ("ec2:VolumeThroughput", volume.throughput)] {
        if gone.is_none() {
            register::set_key(cx, &volume.id, name, None)?;
        }
    }
    // AWS: this is what it tells when the change has begun to act.
    tell(cx, &volume.id, ("modifyVolume", "optimizing"));
    Ok(One { modification: view(&done, false) })
}

static FILTERS: &Known<View> = &[
    ("modification-state", |v| one(&v.state)),
    ("original-iops", |v| maybe(&v.old_iops.map(|n| n.to_string()))),
    ("original-size", |v| one(v.old_size)),
    ("original-volume-type", |v| one(&v.old_kind)),
    ("original-multi-attach-enabled", |v| one(v.old_multi)),
    ("start-time", |v| one(v.start.iso8601_millis())),
    ("target-iops", |v| maybe(&v.iops.map(|n| n.to_string()))),
    ("target-size", |v| one(v.size)),
    ("target-volume-type", |v| one(&v.kind)),
    ("target-multi-attach-enabled", |v| one(v.multi)),
    ("volume-id", |v| one(&v.id)),
];

/// AWS: of sizes and tokens of pages it says what other lists say in other words.
fn describe_modifications(cx: &mut Cx<'_>, req: Describe) -> Result<Modifications, Ec2Error> {
    let wrong = |value: &str, name: &str, why: &str| {
        let what = format!("Value ( {value} ) for parameter {name} is invalid. {why}");
        Ec2Error::from(Plain::InvalidParameterValue(what))
    };
    if let Some(max) = req.max.filter(|max| *max < 5) {
        return Err(wrong(&max.to_string(), "MaxResults", "Expecting a value greater than 5."));
    }
    let mut views = Vec::new();
    for volume in describe::some(cx, &VOLUMES, &VOLUME, &req.ids)? {
        let key = register::key(cx.account, cx.region, &volume.id);
        views.extend(MODIFICATIONS.get(cx.tx, &key)?.map(|done| view(&done, true)));
    }
    let ask = Ask::new(&req.filters, req.max, req.next.as_ref());
    let invalid = || wrong(req.next.as_deref().unwrap_or_default(), "NextToken", "The token is Invalid.");
    let (modifications, next) = describe::page(cx, views, ask, FILTERS)
        .map_err(|error| if error.is_of_token() { invalid() } else { error })?;
    Ok(Modifications { next, modifications })
}
