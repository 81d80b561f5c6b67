//! What is refused while an action lasts: calls of roles, and machines in some zones. EC2 keeps to it ([`ec2::fault`]).

use super::{Doing, may};
use crate::fis::errors::invalid;
use crate::fis::model::Run;
use crate::fis::model::action::{
    DURATION, INTERNAL, NO_CAPACITY, NO_CAPACITY_FOR_GROUPS, OPERATIONS, PERCENTAGE, SERVICE, THROTTLE,
    UNAVAILABLE, ZONES,
};
use crate::fis::model::arn;
use ec2::fault::{self, Kind};
use kernel::{Cx, Target};
use wire::Fault;

pub(super) fn kind(action: &str) -> Option<Kind> {
    Some(match action {
        INTERNAL => Kind::Internal,
        THROTTLE => Kind::Throttled,
        UNAVAILABLE => Kind::Unavailable,
        NO_CAPACITY | NO_CAPACITY_FOR_GROUPS => Kind::Capacity,
        _ => return None,
    })
}

fn source(doing: &Doing<'_>) -> String {
    format!("{}/{}", doing.experiment, doing.name)
}

/// The names of zones that are told by name or id.
fn zones(cx: &Cx<'_>, doing: &Doing<'_>) -> Result<Vec<String>, Fault> {
    let find = |wanted: String| {
        let is_it = |name: &String| *name == wanted || cx.region.zone_id(name).as_ref() == Some(&wanted);
        let unknown = || invalid(format!("There is no Availability Zone {wanted} in {}.", cx.region.name()));
        cx.region.zones().find(is_it).ok_or_else(|| unknown().into())
    };
    doing.action.parts(ZONES).into_iter().map(find).collect()
}

/// The right that the role must have.
fn right(cx: &Cx<'_>, doing: &Doing<'_>, kind: Kind) -> (&'static str, Target) {
    let targets = doing.targets.to_vec();
    let action = match kind {
        Kind::Internal => "fis:InjectApiInternalError",
        Kind::Throttled => "fis:InjectApiThrottleError",
        Kind::Unavailable => "fis:InjectApiUnavailableError",
        Kind::Capacity => {
            let target = Target::any().key("ec2:Region", cx.region.name());
            let target = target.key("ec2:FisActionId", &doing.action.id);
            return ("ec2:InjectApiError", target.keys("ec2:FisTargetArns", targets));
        }
    };
    let said = |parameter: &str| doing.action.parameters.get(parameter).cloned().unwrap_or_default();
    let target = Target::on(arn(cx.account, cx.region, "experiment", doing.experiment));
    let target = target.keys("fis:Operations", doing.action.parts(OPERATIONS)).keys("fis:Targets", targets);
    (action, target.key("fis:Percentage", said(PERCENTAGE)).key("fis:Service", said(SERVICE)))
}

pub(super) fn begin(cx: &mut Cx<'_>, doing: &Doing<'_>, kind: Kind, run: &mut Run) -> Result<(), Fault> {
    let (action, target) = right(cx, doing, kind);
    may(cx, action, &target)?;
    let until = doing.action.after(DURATION, cx.now).unwrap_or(cx.now);
    let percentage = doing.action.parameters.get(PERCENTAGE).and_then(|text| text.parse().ok());
    let fault = fault::Fault {
        kind,
        targets: doing.targets.to_vec(),
        operations: doing.action.parts(OPERATIONS),
        zones: zones(cx, doing)?,
        percentage: percentage.unwrap_or(100),
        until,
    };
    fault::inject(cx.tx, (cx.account, cx.region), &source(doing), &fault);
    run.due = Some(until);
    Ok(())
}

/// Everything goes through again; nobody's rights are needed for that.
pub(super) fn end(cx: &mut Cx<'_>, doing: &Doing<'_>) {
    fault::lift(cx.tx, (cx.account, cx.region), &source(doing));
}
