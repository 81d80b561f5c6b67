//! Which buses and rules each operation touches.
//!
//! AWS: <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoneventbridge.html>

use super::archive::{archive_arn, replay_arn};
use super::errors::{EventsError, invalid};
use super::model::{Bus, Home, RULES, Rule, bus_arn, named, rule_arn};
use super::policy;
use auth::policy::ResourceMode;
use base::Arn;
use kernel::{Cx, Target};
use wire::{Fault, Struct, Value};

pub(super) use kernel::access::any;

type Targets = Result<Vec<Target>, Fault>;

/// A bus, whether it exists or not.
///
/// # Errors
/// The store's.
pub(super) fn bus_target(cx: &Cx<'_>, home: Home, name: &str) -> Result<Target, EventsError> {
    let target = Target::on(bus_arn(home, name)).owned_by(home.0);
    let Some(bus) = Bus::load(cx.tx, home, name)? else { return Ok(target) };
    let policy = policy::attached(cx, &bus)?;
    let target = target.tagged(bus.tags);
    Ok(match policy {
        Some(policy) => target.guarded(policy, ResourceMode::Optional),
        None => target,
    })
}

/// The bus that `Name` or `EventBusName` tells.
///
/// # Errors
/// The store's.
pub(super) fn bus(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let (home, name) = named(cx, request.str("EventBusName").or(request.str("Name")));
    Ok(vec![bus_target(cx, home, &name)?])
}

/// A bus that is to be made; its tags want their own right.
///
/// # Errors
/// The store's.
pub(super) fn new_bus(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let mut targets = bus(cx, request)?;
    if request.get("Tags").is_some() {
        targets.extend(bus(cx, request)?.into_iter().map(|target| target.doing("events:TagResource")));
    }
    Ok(targets)
}

fn rule_target(cx: &Cx<'_>, request: &Struct, member: &str) -> Result<Target, EventsError> {
    let (home, bus) = named(cx, request.str("EventBusName"));
    let name = request.str(member).unwrap_or_default();
    let target = Target::on(rule_arn(home, &bus, name)).owned_by(home.0);
    Ok(match RULES.get(cx.tx, &Rule::key(home, &bus, name))? {
        Some(rule) => target.tagged(rule.tags),
        None => target,
    })
}

/// The event source that `Name` or `EventSourceName` tells.
///
/// # Errors
/// Never.
pub(super) fn source(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let name = request.str("EventSourceName").or(request.str("Name")).unwrap_or_default();
    Ok(vec![Target::on(super::partner::arn(cx.region, name)).owned_by(cx.account)])
}

/// The archive that `ArchiveName` tells.
///
/// # Errors
/// Never.
pub(super) fn archive(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let name = request.str("ArchiveName").unwrap_or_default();
    Ok(vec![Target::on(archive_arn((cx.account, cx.region), name)).owned_by(cx.account)])
}

/// An archive that is to be made, and its bus.
///
/// # Errors
/// The store's.
pub(super) fn new_archive(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let mut targets = archive(cx, request)?;
    let (home, name) = named(cx, request.str("EventSourceArn"));
    targets.push(bus_target(cx, home, &name)?);
    Ok(targets)
}

fn named_target(cx: &Cx<'_>, request: &Struct, kind: &str) -> Targets {
    let (region, account) = (cx.region.name(), cx.account);
    let name = request.str("Name").unwrap_or_default();
    Ok(vec![Target::on(format!("arn:aws:events:{region}:{account}:{kind}/{name}")).owned_by(account)])
}

/// The connection that `Name` tells.
///
/// # Errors
/// Never.
pub(super) fn connection(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    named_target(cx, request, "connection")
}

/// The API destination that `Name` tells.
///
/// # Errors
/// Never.
pub(super) fn destination(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    named_target(cx, request, "api-destination")
}

/// The replay that `ReplayName` tells.
///
/// # Errors
/// Never.
pub(super) fn replay(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let name = request.str("ReplayName").unwrap_or_default();
    Ok(vec![Target::on(replay_arn((cx.account, cx.region), name)).owned_by(cx.account)])
}

/// A replay that is to be made, and its archive.
///
/// # Errors
/// Never.
pub(super) fn new_replay(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let mut targets = replay(cx, request)?;
    targets.push(Target::on(request.str("EventSourceArn").unwrap_or_default()).owned_by(cx.account));
    Ok(targets)
}

/// The rule that `Name` tells.
///
/// # Errors
/// The store's.
pub(super) fn rule(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    Ok(vec![rule_target(cx, request, "Name")?])
}

/// The rule whose targets are meant.
///
/// # Errors
/// The store's.
pub(super) fn of_rule(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    Ok(vec![rule_target(cx, request, "Rule")?])
}

/// All rules of the account that a listing may show.
///
/// # Errors
/// Never.
pub(super) fn rules(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let (home, bus) = named(cx, request.str("EventBusName"));
    Ok(vec![Target::on(rule_arn(home, &bus, "*")).owned_by(home.0)])
}

fn passed(role: &str) -> Target {
    Target::on(role).doing("iam:PassRole").key("iam:PassedToService", "events.amazonaws.com")
}

/// A rule that is put, with its tags and its role.
///
/// # Errors
/// The store's.
pub(super) fn put_rule(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let pattern = request.str("EventPattern").and_then(wire::json::read);
    // AWS: <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-conditions.html>
    let named = |field: &str| match pattern.as_ref().and_then(|pattern| pattern.entry(field)) {
        Some(Value::List(all)) => all.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    let target = rule_target(cx, request, "Name")?;
    let known = ["source", "detail-type"].map(|field| (field, named(field)));
    let with = |target: Target, (field, all): (&str, Vec<String>)| match all.is_empty() {
        true => target,
        false => target.keys(format!("events:{field}"), all),
    };
    let mut targets = vec![known.into_iter().fold(target, with)];
    if request.get("Tags").is_some() {
        targets.push(rule_target(cx, request, "Name")?.doing("events:TagResource"));
    }
    targets.extend(request.str("RoleArn").map(passed));
    Ok(targets)
}

/// Targets that are put, with the roles that they are given.
///
/// # Errors
/// The store's.
pub(super) fn put_targets(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let given = request.get("Targets").and_then(Value::as_list).unwrap_or_default();
    let texts = |member: &str| {
        given
            .iter()
            .filter_map(|target| target.member(member)?.as_str())
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let mut targets = vec![rule_target(cx, request, "Rule")?.keys("events:TargetArn", texts("Arn"))];
    targets.extend(texts("RoleArn").iter().map(|role| passed(role)));
    Ok(targets)
}

/// The buses that entries go to, each with what its event says of itself.
///
/// # Errors
/// The store's.
pub(super) fn entries(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let entries = request.get("Entries").and_then(Value::as_list).unwrap_or_default();
    let one = |entry: &Value| {
        let text = |member: &str| entry.member(member).and_then(Value::as_str);
        let (home, name) = named(cx, text("EventBusName"));
        let target = bus_target(cx, home, &name)?.key("events:source", text("Source").unwrap_or_default());
        Ok(target.key("events:detail-type", text("DetailType").unwrap_or_default()))
    };
    entries.iter().map(one).collect()
}

/// What tags are about: a bus or a rule.
///
/// # Errors
/// `ValidationException` for what is no ARN of either.
pub(super) fn tagged(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let text = request.str("ResourceARN").unwrap_or_default();
    let wrong = || invalid(format!("Parameter ResourceARN is not valid: {text}"));
    let arn = Arn::parse(text).filter(|arn| arn.service == "events").ok_or_else(wrong)?;
    let owner = base::AccountId::parse(&arn.account).ok_or_else(wrong)?;
    let target = Target::on(text).owned_by(owner);
    Ok(vec![match super::ops::tag::find(cx, text) {
        Ok(found) => target.tagged(found.tags()),
        Err(_) => target,
    }])
}
