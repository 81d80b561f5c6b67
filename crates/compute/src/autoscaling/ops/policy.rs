//! Policies of scaling, and the alarms of those that track a metric.

use super::{call, find, list, of_group, page, size, structure, text};
use crate::autoscaling::access::{any, group as named, policy as of_policy};
use crate::autoscaling::errors::{AutoScalingError, invalid};
use crate::autoscaling::model::policy::{
    ADJUSTMENTS, Metric, POLICIES, POLICIES_MAX, Policy, SIMPLE, STEP, Side, Step, TRACKING, Tracking,
    check_steps,
};
use kernel::{Cx, Empty, Nothing};
use wire::Value;

kernel::ops! {
    /// Policies.
    pub static OPS:
        PutScalingPolicy: put, "autoscaling:PutScalingPolicy", named;
        DescribePolicies: describe, "autoscaling:DescribePolicies", any;
        DeletePolicy: delete, "autoscaling:DeletePolicy", of_policy;
        DescribeAdjustmentTypes: adjustment_types, "autoscaling:DescribeAdjustmentTypes", any;
}

wire::shape! {
    #[derive(Debug)]
    struct StepAdjustment {
        lower: Option<f64> = "MetricIntervalLowerBound",
        upper: Option<f64> = "MetricIntervalUpperBound",
        by: i64 = "ScalingAdjustment",
    }

    #[derive(Debug)]
    struct Dimension {
        name: String = "Name",
        value: String = "Value",
    }

    #[derive(Debug)]
    struct Customized {
        name: Option<String> = "MetricName",
        namespace: Option<String> = "Namespace",
        dimensions: Vec<Dimension> = "Dimensions",
        statistic: Option<String> = "Statistic",
        unit: Option<String> = "Unit",
        period: Option<i64> = "Period",
    }

    #[derive(Debug)]
    struct Predefined { kind: String = "PredefinedMetricType" }

    #[derive(Debug)]
    struct Configuration {
        predefined: Option<Predefined> = "PredefinedMetricSpecification",
        customized: Option<Customized> = "CustomizedMetricSpecification",
        target: f64 = "TargetValue",
        only_out: Option<bool> = "DisableScaleIn",
    }

    #[derive(Debug)]
    struct Put {
        group: String = "AutoScalingGroupName",
        name: String = "PolicyName",
        kind: Option<String> = "PolicyType",
        adjustment: Option<String> = "AdjustmentType",
        magnitude: Option<i64> = "MinAdjustmentMagnitude",
        by: Option<i64> = "ScalingAdjustment",
        cooldown: Option<i64> = "Cooldown",
        steps: Vec<StepAdjustment> = "StepAdjustments",
        warmup: Option<i64> = "EstimatedInstanceWarmup",
        tracks: Option<Configuration> = "TargetTrackingConfiguration",
        enabled: Option<bool> = "Enabled",
    }

    #[derive(Debug)]
    struct AlarmView {
        name: String = "AlarmName",
        arn: String = "AlarmARN",
    }

    #[derive(Debug)]
    struct WasPut {
        arn: String = "PolicyARN",
        alarms: Vec<AlarmView> = "Alarms",
    }

    #[derive(Debug)]
    struct Describe {
        group: Option<String> = "AutoScalingGroupName",
        names: Vec<String> = "PolicyNames",
        kinds: Vec<String> = "PolicyTypes",
        next: Option<String> = "NextToken",
        max: Option<i64> = "MaxRecords",
    }

    #[derive(Debug)]
    struct Described {
        policies: Vec<View> = "ScalingPolicies",
        next: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    struct View {
        group: String = "AutoScalingGroupName",
        name: String = "PolicyName",
        arn: String = "PolicyARN",
        kind: String = "PolicyType",
        adjustment: Option<String> = "AdjustmentType",
        magnitude: Option<i64> = "MinAdjustmentMagnitude",
        by: Option<i64> = "ScalingAdjustment",
        cooldown: Option<i64> = "Cooldown",
        steps: Vec<StepAdjustment> = "StepAdjustments",
        warmup: Option<i64> = "EstimatedInstanceWarmup",
        alarms: Vec<AlarmView> = "Alarms",
        tracks: Option<Configuration> = "TargetTrackingConfiguration",
        enabled: bool = "Enabled",
    }

    #[derive(Debug)]
    struct Delete {
        group: Option<String> = "AutoScalingGroupName",
        name: String = "PolicyName",
    }

    #[derive(Debug)]
    struct AdjustmentType { name: String = "AdjustmentType" }

    #[derive(Debug)]
    struct AdjustmentTypes { all: Vec<AdjustmentType> = "AdjustmentTypes" }
}

fn put(cx: &mut Cx<'_>, req: Put) -> Result<WasPut, AutoScalingError> {
    let group = find(cx, &req.group)?;
    let known = of_group(cx, &POLICIES, Some(&group.name))?;
    let old = known.iter().find(|policy| policy.name == req.name);
    if old.is_none() && known.len() >= POLICIES_MAX {
        return Err(AutoScalingError::Limit(
            "The maximum number of scaling policies has been reached.".into(),
        ));
    }
    let kind = req.kind.clone().unwrap_or_else(|| SIMPLE.to_owned());
    foreign(&req, &kind)?;
    let id = old.map_or_else(|| base::id::uuid(cx.rng()), |old| old.id.clone());
    let was_tracking = old.is_some_and(|old| old.tracks.is_some());
    let steps: Vec<Step> =
        req.steps.iter().map(|s| Step { lower: s.lower, upper: s.upper, by: s.by }).collect();
    let tracks = req.tracks.map(|asked| tracking(asked, &group.name)).transpose()?;
    let policy = Policy {
        id,
        group: group.name,
        name: req.name,
        kind,
        adjustment: req.adjustment,
        magnitude: req.magnitude,
        by: req.by,
        cooldown: req.cooldown,
        steps,
        warmup: req.warmup,
        tracks,
        disabled: req.enabled == Some(false),
    };
    check(&policy)?;
    let metric = policy.tracks.as_ref().map(|tracks| &tracks.metric);
    let is_like = |other: &Policy| {
        other.name != policy.name && metric.is_some() && other.tracks.as_ref().map(|t| &t.metric) == metric
    };
    if known.iter().any(is_like) {
        let what = "Only one TargetTrackingScaling policy for a given metric specification is allowed.";
        return Err(invalid(what));
    }
    if was_tracking && policy.tracks.as_ref().is_none_or(|tracks| tracks.only_out) {
        delete_alarms(cx, &policy)?;
    }
    POLICIES.put(cx.tx, &Policy::key(cx.account, cx.region, &policy.group, &policy.name), &policy);
    let mut alarms = Vec::new();
    if let Some(tracks) = &policy.tracks {
        let low = (!tracks.only_out).then_some(Side::Low);
        for side in [Some(Side::High), low].into_iter().flatten() {
            alarms.push(watch(cx, &policy, tracks, side)?);
        }
    }
    Ok(WasPut { arn: policy.arn(cx.account, cx.region), alarms })
}

/// AWS: what another kind of policy has is refused.
fn foreign(req: &Put, kind: &str) -> Result<(), AutoScalingError> {
    let has = [
        ("AdjustmentType", req.adjustment.is_some(), [SIMPLE, STEP].as_slice()),
        ("MinAdjustmentMagnitude", req.magnitude.is_some(), &[SIMPLE, STEP]),
        ("ScalingAdjustment", req.by.is_some(), &[SIMPLE]),
        ("Cooldown", req.cooldown.is_some(), &[SIMPLE]),
        ("StepAdjustments", !req.steps.is_empty(), &[STEP]),
        ("EstimatedInstanceWarmup", req.warmup.is_some(), &[STEP, TRACKING]),
        ("TargetTrackingConfiguration", req.tracks.is_some(), &[TRACKING]),
    ];
    match has.into_iter().find(|(_, is, kinds)| *is && !kinds.contains(&kind)) {
        Some((member, ..)) => Err(invalid(format!("{member} is not supported for policy type {kind}"))),
        None => Ok(()),
    }
}

fn check(policy: &Policy) -> Result<(), AutoScalingError> {
    if [policy.cooldown, policy.warmup].into_iter().flatten().any(|seconds| seconds < 0) {
        return Err(invalid("Cooldown and warm-up may not be negative."));
    }
    match (policy.kind.as_str(), &policy.tracks) {
        (SIMPLE, _) if policy.by.is_none() => {
            return Err(invalid("Scaling increment must be specified for a SimpleScaling policy"));
        }
        (STEP, _) => check_steps(&policy.steps).map_err(invalid)?,
        (SIMPLE, _) | (TRACKING, Some(_)) => {}
        (TRACKING, None) => {
            return Err(invalid(
                "TargetTrackingConfiguration must be specified for policy type TargetTrackingScaling",
            ));
        }
        (other, _) => {
            return Err(invalid(format!(
                "Policies of the type {other} are not known in this version of Virga."
            )));
        }
    }
    let adjustment = policy.adjustment.as_deref().unwrap_or_default();
    if policy.kind != TRACKING && !ADJUSTMENTS.contains(&adjustment) {
        return Err(invalid(format!("AdjustmentType must be one of {}", ADJUSTMENTS.join(", "))));
    }
    if policy.magnitude.is_some_and(|least| least < 1 || adjustment != "PercentChangeInCapacity") {
        return Err(invalid(
            "MinAdjustmentMagnitude is a number of instances, for PercentChangeInCapacity only.",
        ));
    }
    let sizes = policy.by.iter().chain(policy.steps.iter().map(|step| &step.by));
    if adjustment == "ExactCapacity" && sizes.into_iter().any(|size| *size < 0) {
        return Err(invalid("ScalingAdjustment must not be negative for ExactCapacity"));
    }
    Ok(())
}

/// What groups have by themselves, as CloudWatch calls it.
///
/// AWS: <https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_PredefinedMetricSpecification.html>
const PREDEFINED: [(&str, &str); 3] = [
    ("ASGAverageCPUUtilization", "CPUUtilization"),
    ("ASGAverageNetworkIn", "NetworkIn"),
    ("ASGAverageNetworkOut", "NetworkOut"),
];

fn predefined(kind: &str, group: &str) -> Result<Metric, AutoScalingError> {
    let Some((_, name)) = PREDEFINED.iter().find(|(known, _)| *known == kind) else {
        let what = format!(
            "The metric {kind} is not published by this version of Virga; use CustomizedMetricSpecification."
        );
        return Err(invalid(what));
    };
    Ok(Metric {
        namespace: "AWS/EC2".to_owned(),
        name: (*name).to_owned(),
        dimensions: vec![("AutoScalingGroupName".to_owned(), group.to_owned())],
        statistic: "Average".to_owned(),
        unit: None,
        period: None,
    })
}

fn tracking(asked: Configuration, group: &str) -> Result<Tracking, AutoScalingError> {
    if asked.target <= 0.0 || !asked.target.is_finite() {
        return Err(invalid("TargetValue must be greater than 0."));
    }
    let metric = match (asked.predefined, asked.customized) {
        (None, Some(metric)) => metric,
        (Some(known), None) => {
            let metric = predefined(&known.kind, group)?;
            let only_out = asked.only_out.unwrap_or(false);
            return Ok(Tracking { target: asked.target, only_out, metric, predefined: Some(known.kind) });
        }
        _ => {
            return Err(invalid(
                "Specify either PredefinedMetricSpecification or CustomizedMetricSpecification.",
            ));
        }
    };
    let missing = |name: &str| invalid(format!("CustomizedMetricSpecification must have {name}."));
    if metric.period.is_some_and(|period| ![10, 30, 60].contains(&period)) {
        return Err(invalid("Period must be 10, 30 or 60."));
    }
    let metric = Metric {
        namespace: metric.namespace.ok_or_else(|| missing("Namespace"))?,
        name: metric.name.ok_or_else(|| missing("MetricName"))?,
        dimensions: metric.dimensions.into_iter().map(|own| (own.name, own.value)).collect(),
        statistic: metric.statistic.ok_or_else(|| missing("Statistic"))?,
        unit: metric.unit,
        period: metric.period,
    };
    Ok(Tracking { target: asked.target, only_out: asked.only_out.unwrap_or(false), metric, predefined: None })
}

/// `TargetTracking-web-AlarmHigh-…`, the same for as long as the policy is there.
fn alarm_name(policy: &Policy, side: Side) -> String {
    format!("TargetTracking-{}-Alarm{side:?}-{}", policy.group, policy.id)
}

/// Puts the alarm by which a policy learns of its metric.
fn watch(
    cx: &mut Cx<'_>,
    policy: &Policy,
    tracks: &Tracking,
    side: Side,
) -> Result<AlarmView, AutoScalingError> {
    let arn = policy.arn(cx.account, cx.region);
    let name = alarm_name(policy, side);
    let dimension = |(name, value): &(String, String)| {
        structure([("Name", Value::str(name)), ("Value", Value::str(value))])
    };
    let metric = &tracks.metric;
    let period = metric.period.unwrap_or(60);
    let mut members = vec![
        ("AlarmName", Value::str(&name)),
        (
            "AlarmDescription",
            Value::Str(format!("DO NOT EDIT OR DELETE. For TargetTrackingScaling policy {arn}.")),
        ),
        ("AlarmActions", Value::List(vec![Value::Str(arn)])),
        ("MetricName", Value::str(&metric.name)),
        ("Namespace", Value::str(&metric.namespace)),
        ("Statistic", Value::str(&metric.statistic)),
        ("Dimensions", Value::List(metric.dimensions.iter().map(dimension).collect())),
        ("Period", Value::Int(period)),
        ("EvaluationPeriods", Value::Int(side.periods() * 60 / period)),
        ("Threshold", Value::Float(side.threshold(tracks.target))),
        ("ComparisonOperator", Value::str(side.comparison())),
    ];
    members.extend(metric.unit.as_ref().map(|unit| ("Unit", Value::str(unit))));
    call(cx, "cloudwatch", "PutMetricAlarm", members).map_err(|fault| invalid(fault.message))?;
    let arn = cx.arn("cloudwatch", &format!("alarm:{name}")).to_string();
    Ok(AlarmView { name, arn })
}

/// Whether the group may be smaller for the sake of a policy that tracks: its lower alarm says so.
pub(super) fn is_low(cx: &mut Cx<'_>, policy: &Policy) -> Result<bool, AutoScalingError> {
    let names = Value::List(vec![Value::Str(alarm_name(policy, Side::Low))]);
    let found = call(cx, "cloudwatch", "DescribeAlarms", [("AlarmNames", names)])
        .map_err(|fault| invalid(fault.message))?;
    Ok(list(&found, "MetricAlarms").iter().any(|alarm| text(alarm, "StateValue") == "ALARM"))
}

/// AWS: the alarms of a policy that tracks go with it; those of others stay, without it among their actions.
fn delete_alarms(cx: &mut Cx<'_>, policy: &Policy) -> Result<(), AutoScalingError> {
    let names = [Side::High, Side::Low].map(|side| Value::Str(alarm_name(policy, side))).to_vec();
    let gone = call(cx, "cloudwatch", "DeleteAlarms", [("AlarmNames", Value::List(names))]);
    gone.map(drop).map_err(|fault| invalid(fault.message))
}

/// What an alarm is put with again.
const ALARM: [&str; 19] = [
    "AlarmName",
    "AlarmDescription",
    "ActionsEnabled",
    "OKActions",
    "AlarmActions",
    "InsufficientDataActions",
    "MetricName",
    "Namespace",
    "Statistic",
    "ExtendedStatistic",
    "Dimensions",
    "Period",
    "Unit",
    "EvaluationPeriods",
    "DatapointsToAlarm",
    "Threshold",
    "ComparisonOperator",
    "TreatMissingData",
    "EvaluateLowSampleCountPercentile",
];

/// The most that CloudWatch tells of at once.
const ALARMS_AT_ONCE: i64 = 100;

fn alarms(cx: &mut Cx<'_>, policy: &Policy) -> Result<Vec<Value>, AutoScalingError> {
    let arn = policy.arn(cx.account, cx.region);
    let (mut all, mut next) = (Vec::new(), None);
    loop {
        let mut asked = vec![("ActionPrefix", Value::str(&arn)), ("MaxRecords", Value::Int(ALARMS_AT_ONCE))];
        asked.extend(next.map(|token| ("NextToken", token)));
        let found =
            call(cx, "cloudwatch", "DescribeAlarms", asked).map_err(|fault| invalid(fault.message))?;
        all.extend_from_slice(list(&found, "MetricAlarms"));
        next = found.member("NextToken").cloned();
        if next.is_none() {
            return Ok(all);
        }
    }
}

/// Takes a policy away, with what alarms have of it.
pub(crate) fn remove(cx: &mut Cx<'_>, policy: &Policy) -> Result<(), AutoScalingError> {
    let arn = policy.arn(cx.account, cx.region);
    if policy.tracks.is_some() {
        delete_alarms(cx, policy)?;
    } else {
        for alarm in alarms(cx, policy)? {
            let member = |name: &'static str| match alarm.member(name)?.clone() {
                Value::List(mut items) if name.ends_with("Actions") => {
                    items.retain(|item| item.as_str() != Some(arn.as_str()));
                    Some((name, Value::List(items)))
                }
                other => Some((name, other)),
            };
            let members: Vec<_> = ALARM.into_iter().filter_map(member).collect();
            call(cx, "cloudwatch", "PutMetricAlarm", members).map_err(|fault| invalid(fault.message))?;
        }
    }
    POLICIES.delete(cx.tx, &Policy::key(cx.account, cx.region, &policy.group, &policy.name));
    Ok(())
}

/// # Errors
/// `ValidationError`.
pub(super) fn find_policy(
    cx: &Cx<'_>,
    group: Option<&String>,
    name: &str,
) -> Result<Policy, AutoScalingError> {
    let (group, own) = match (Policy::named(name), group) {
        (Some((group, own)), _) => (group, own),
        (None, Some(group)) => (group.as_str(), name),
        (None, None) => {
            return Err(invalid(
                "AutoScalingGroupName is required where the policy is named without its ARN.",
            ));
        }
    };
    find(cx, group)?;
    let found = POLICIES.get(cx.tx, &Policy::key(cx.account, cx.region, group, own))?;
    let is_meant = |policy: &Policy| own == name || policy.arn(cx.account, cx.region) == name;
    found.filter(is_meant).ok_or_else(|| AutoScalingError::NoPolicy(name.to_owned()))
}

fn delete(cx: &mut Cx<'_>, req: Delete) -> Result<Empty, AutoScalingError> {
    let policy = find_policy(cx, req.group.as_ref(), &req.name)?;
    remove(cx, &policy)?;
    Ok(Empty)
}

fn describe(cx: &mut Cx<'_>, req: Describe) -> Result<Described, AutoScalingError> {
    let mut found = of_group(cx, &POLICIES, req.group.as_deref())?;
    let (account, region) = (cx.account, cx.region);
    let named = |policy: &Policy| {
        req.names.is_empty()
            || req.names.contains(&policy.name)
            || req.names.contains(&policy.arn(account, region))
    };
    found.retain(|policy| named(policy) && (req.kinds.is_empty() || req.kinds.contains(&policy.kind)));
    let (found, next) = page(cx, found, size(req.max, 50, 100)?, req.next.as_ref())?;
    let policies = found.into_iter().map(|policy| view(cx, policy)).collect::<Result<_, _>>()?;
    Ok(Described { policies, next })
}

fn view(cx: &mut Cx<'_>, policy: Policy) -> Result<View, AutoScalingError> {
    let alarm = |alarm: &Value| AlarmView { name: text(alarm, "AlarmName"), arn: text(alarm, "AlarmArn") };
    let alarms = alarms(cx, &policy)?.iter().map(alarm).collect();
    let step = |step: &Step| StepAdjustment { lower: step.lower, upper: step.upper, by: step.by };
    let tracks = |tracks: Tracking| {
        let (target, only_out) = (tracks.target, Some(tracks.only_out));
        if let Some(kind) = tracks.predefined {
            let predefined = Some(Predefined { kind });
            return Configuration { predefined, customized: None, target, only_out };
        }
        let metric = tracks.metric;
        let dimensions =
            metric.dimensions.into_iter().map(|(name, value)| Dimension { name, value }).collect();
        let customized = Customized {
            name: Some(metric.name),
            namespace: Some(metric.namespace),
            dimensions,
            statistic: Some(metric.statistic),
            unit: metric.unit,
            period: metric.period,
        };
        Configuration { predefined: None, customized: Some(customized), target, only_out }
    };
    Ok(View {
        arn: policy.arn(cx.account, cx.region),
        steps: policy.steps.iter().map(step).collect(),
        group: policy.group,
        name: policy.name,
        kind: policy.kind,
        adjustment: policy.adjustment,
        magnitude: policy.magnitude,
        by: policy.by,
        cooldown: policy.cooldown,
        warmup: policy.warmup,
        alarms,
        tracks: policy.tracks.map(tracks),
        enabled: !policy.disabled,
    })
}

fn adjustment_types(_: &mut Cx<'_>, _: Nothing) -> Result<AdjustmentTypes, AutoScalingError> {
    let all = ADJUSTMENTS.iter().map(|name| AdjustmentType { name: (*name).to_owned() }).collect();
    Ok(AdjustmentTypes { all })
}
