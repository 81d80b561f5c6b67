//! Which alarms and namespaces each operation touches.
//!
//! AWS: <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatch.html>

use super::errors::WatchError;
use super::model::alarm::{ALARMS, Alarm, alarm_arn};
use super::model::dashboard::{DASHBOARDS, Dashboard, dashboard_arn};
use base::Arn;
use kernel::{Cx, Target};
use wire::{Fault, Struct, Value};

type Targets = Result<Vec<Target>, Fault>;

/// Metrics have no ARNs; a condition may name the namespace.
///
/// # Errors
/// Never.
pub(super) fn namespace(_: &mut Cx<'_>, request: &Struct) -> Targets {
    Ok(vec![Target::any().key("cloudwatch:namespace", request.str("Namespace").unwrap_or_default())])
}

fn target(cx: &Cx<'_>, name: &str) -> Result<Target, WatchError> {
    let target = Target::on(alarm_arn(cx.account, cx.region.name(), name));
    Ok(match ALARMS.get(cx.tx, &Alarm::key(cx.account, cx.region, name))? {
        Some(alarm) => target.tagged(alarm.tags),
        None => target,
    })
}

/// One alarm.
///
/// # Errors
/// The store's.
pub(super) fn alarm(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    Ok(vec![target(cx, request.str("AlarmName").unwrap_or_default())?])
}

/// An alarm that is put, with its actions as a condition.
///
/// # Errors
/// The store's.
pub(super) fn new_alarm(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let target = target(cx, request.str("AlarmName").unwrap_or_default())?;
    let actions = ["AlarmActions", "OKActions", "InsufficientDataActions"].into_iter();
    let listed = actions.filter_map(|member| request.get(member).and_then(Value::as_list)).flatten();
    let actions: Vec<String> = listed.filter_map(Value::as_str).map(str::to_owned).collect();
    Ok(vec![if actions.is_empty() { target } else { target.keys("cloudwatch:AlarmActions", actions) }])
}

/// Several alarms by their names.
///
/// # Errors
/// The store's.
pub(super) fn alarms(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let names = request.get("AlarmNames").and_then(Value::as_list).unwrap_or_default();
    let names: Vec<&str> = names.iter().filter_map(Value::as_str).collect();
    names.into_iter().map(|name| Ok(target(cx, name)?)).collect()
}

/// All alarms of the account.
///
/// # Errors
/// Never.
pub(super) fn every_alarm(cx: &mut Cx<'_>, _: &Struct) -> Targets {
    Ok(vec![Target::on(alarm_arn(cx.account, cx.region.name(), "*"))])
}

/// One dashboard.
///
/// # Errors
/// Never.
pub(super) fn dashboard(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    Ok(vec![dashboard_target(cx, request.str("DashboardName").unwrap_or_default())?])
}

/// With the tags that it has.
fn dashboard_target(cx: &Cx<'_>, name: &str) -> Result<Target, WatchError> {
    let target = Target::on(dashboard_arn(cx.account, name));
    Ok(match DASHBOARDS.get(cx.tx, &Dashboard::key(cx.account, name))? {
        Some(dashboard) => target.tagged(dashboard.tags),
        None => target,
    })
}

/// Several dashboards by their names.
///
/// # Errors
/// Never.
pub(super) fn dashboards(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let names = request.get("DashboardNames").and_then(Value::as_list).unwrap_or_default();
    let names: Vec<&str> = names.iter().filter_map(Value::as_str).collect();
    names.into_iter().map(|name| Ok(dashboard_target(cx, name)?)).collect()
}

/// One rule of Contributor Insights.
///
/// # Errors
/// Never.
pub(super) fn insight_rule(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let name = request.str("RuleName").unwrap_or_default();
    Ok(vec![Target::on(cx.arn("cloudwatch", &format!("insight-rule/{name}")).to_string())])
}

/// What tags are about.
///
/// # Errors
/// The store's.
pub(super) fn tagged(cx: &mut Cx<'_>, request: &Struct) -> Targets {
    let arn = request.str("ResourceARN").unwrap_or_default();
    let named = Arn::parse(arn).map(|arn| arn.resource).unwrap_or_default();
    Ok(vec![match (named.strip_prefix("alarm:"), named.strip_prefix("dashboard/")) {
        (Some(name), _) => target(cx, name)?,
        (_, Some(name)) => dashboard_target(cx, name)?,
        _ => Target::on(arn),
    }])
}
