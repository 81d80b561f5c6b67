//! What a fleet tells: its history, and the event bus. Instant fleets tell nothing, as their callers know at once.
//!
//! AWS: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-fleet-event-types.html>

use super::model::{EVENTS, Event, Fleet, INSTANT, Member};
use ec2::register;
use kernel::Cx;
use std::time::Duration;
use store::Direction;
use wire::Value;

/// AWS: events are told for two days.
const TOLD: Duration = Duration::from_secs(48 * 3600);

/// The fleet itself has changed: `active`, `expired`, `deleted_running`.
pub(crate) fn changed(cx: &mut Cx<'_>, fleet: &Fleet, sub: &'static str) {
    let sub = fleet.word(sub);
    emit(cx, fleet, [CHANGE, "EC2 Spot Fleet State Change"], vec![("sub-type", Value::str(&sub))]);
    keep(cx, fleet, "fleet-change", &sub, None, None);
}

/// It has launched or lost a machine.
pub(crate) fn instance(cx: &mut Cx<'_>, fleet: &Fleet, member: &Member, image: &str, sub: &'static str) {
    let pairs = [
        ("instanceType", member.kind.as_str()),
        ("image", image),
        ("productDescription", crate::ec2::spot::price::PRODUCT),
        ("availabilityZone", &member.zone),
    ];
    let pairs = pairs.into_iter().filter(|(_, value)| !value.is_empty());
    let said = wire::json::text(&Value::map(pairs.map(|(name, value)| (name, Value::str(value)))));
    let detail = vec![
        ("instance-id", Value::str(&member.id)),
        ("description", Value::str(&said)),
        ("sub-type", Value::str(sub)),
    ];
    emit(cx, fleet, ["EC2 Fleet Instance Change", "EC2 Spot Fleet Instance Change"], detail);
    keep(cx, fleet, "instance-change", sub, Some(said), Some(member.id.clone()));
}

/// Something that may pass.
pub(crate) fn information(cx: &mut Cx<'_>, fleet: &Fleet, sub: &'static str, said: &str) {
    let detail = vec![("description", Value::str(said)), ("sub-type", Value::str(sub))];
    emit(cx, fleet, ["EC2 Fleet Information", "EC2 Spot Fleet Information"], detail);
    // What is told of EC2 Fleets has no such kind.
    if fleet.role.is_some() {
        keep(cx, fleet, "information", sub, Some(said.to_owned()), None);
    }
}

/// Nothing can be launched.
pub(crate) fn error(cx: &mut Cx<'_>, fleet: &Fleet, sub: &'static str, said: &str) {
    let detail = vec![("description", Value::str(said)), ("sub-type", Value::str(sub))];
    emit(cx, fleet, ["EC2 Fleet Error", "EC2 Spot Fleet Error"], detail);
    keep(cx, fleet, "service-error", sub, Some(said.to_owned()), None);
}

const CHANGE: &str = "EC2 Fleet State Change";

/// AWS: EC2 Fleets and Spot Fleets have words of their own.
fn emit(cx: &mut Cx<'_>, fleet: &Fleet, kinds: [&'static str; 2], detail: Vec<(&'static str, Value)>) {
    if fleet.kind == INSTANT {
        return;
    }
    let resources = vec![register::arn(cx.account, cx.region, fleet.noun(), &fleet.id)];
    let [own, spots] = kinds;
    let (source, kind) =
        if fleet.role.is_some() { ("aws.ec2spotfleet", spots) } else { ("aws.ec2fleet", own) };
    cx.emit(source, kind, resources, &Value::map(detail));
}

fn keep(
    cx: &mut Cx<'_>,
    fleet: &Fleet,
    kind: &str,
    sub: &str,
    description: Option<String>,
    instance: Option<String>,
) {
    if fleet.kind == INSTANT {
        return;
    }
    let place = register::key(cx.account, cx.region, &fleet.id);
    let old = EVENTS.scan(cx.tx, &place, Direction::Forward).map_while(Result::ok);
    let (mut over, mut last) = (Vec::new(), 0_usize);
    for (key, event) in old {
        last += usize::from(event.at == cx.now);
        if event.at.plus(TOLD) <= cx.now {
            over.push(key);
        }
    }
    over.iter().for_each(|key| EVENTS.delete(cx.tx, key));
    let event = Event { at: cx.now, kind: kind.into(), sub: sub.into(), description, instance };
    // What happens at one moment stays in its order.
    let key = place.time(cx.now).str(&format!("{last:08}"));
    EVENTS.put(cx.tx, &key, &event);
}
