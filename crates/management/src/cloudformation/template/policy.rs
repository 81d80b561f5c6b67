//! `CreationPolicy`: a resource is there once enough signals say so. `UpdatePolicy`: how a group of Auto Scaling's takes up what
//! is new.
//!
//! AWS: <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-creationpolicy.html>,
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-updatepolicy.html>
//!
//! Not here: aliases that CodeDeploy moves, and what is for services that are not built.

use super::{Wrong, get, wrong};
use std::time::Duration;
use wire::Value;

const KINDS: &[&str] =
    &["AWS::AutoScaling::AutoScalingGroup", "AWS::CloudFormation::WaitCondition", "AWS::EC2::Instance"];
const TIMEOUT: Duration = Duration::from_secs(5 * 60);
/// AWS: 12 hours.
const TIMEOUT_MAX: Duration = Duration::from_secs(12 * 60 * 60);

/// How many signals, and how long they are waited for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Signals {
    pub(crate) count: u32,
    pub(crate) timeout: Duration,
    /// So many of a hundred must be of success; all, where nothing is said.
    pub(crate) percent: Option<u32>,
}

/// The policy of a resource, not yet evaluated.
pub(super) fn creation(policy: Option<&Value>, kind: &str, name: &str) -> Result<Option<Value>, Wrong> {
    let Some(policy) = policy else { return Ok(None) };
    let Value::Map(members) = policy else {
        return wrong(format!("Template format error: CreationPolicy of {name} must be an object."));
    };
    if !KINDS.contains(&kind) {
        return wrong(format!("CreationPolicy is not supported for resource type {kind}"));
    }
    const OF_GROUPS: &str = "AutoScalingCreationPolicy";
    if kind != GROUP && get(policy, OF_GROUPS).is_some() {
        return wrong(format!("{OF_GROUPS} is not supported for resource type {kind}"));
    }
    let is_known = |member: &str| member == "ResourceSignal" || member == OF_GROUPS;
    if let Some((other, _)) = members.iter().find(|(member, _)| !is_known(member)) {
        return wrong(format!(
            "Template format error: {other} in CreationPolicy of resource {name} is not built in this version of Virga."
        ));
    }
    Ok(get(policy, "ResourceSignal").map(|_| policy.clone()))
}

/// What an evaluated `CreationPolicy` with signals says.
///
/// # Errors
/// A count or a time that is none.
pub(crate) fn signals(evaluated: &Value, name: &str) -> Result<Signals, Wrong> {
    let signal = get(evaluated, "ResourceSignal");
    let word = |member| signal.and_then(|signal| get(signal, member)).and_then(super::text);
    let count = match word("Count") {
        None => 1,
        Some(text) => text.parse().map_err(|_| {
            Wrong(format!("CreationPolicy of resource {name}: Count must be a number and not {text}"))
        })?,
    };
    let timeout = match word("Timeout") {
        None => TIMEOUT,
        Some(text) => duration(&text).filter(|time| *time <= TIMEOUT_MAX).ok_or_else(|| {
            Wrong(format!(
                "CreationPolicy of resource {name}: Timeout must be an ISO 8601 duration of at most 12 hours and not {text}"
            ))
        })?,
    };
    let group = get(evaluated, "AutoScalingCreationPolicy");
    let percent = match group.and_then(|group| get(group, "MinSuccessfulInstancesPercent")) {
        None => None,
        Some(value) => {
            let told = super::text(value).unwrap_or_default();
            Some(told.parse().ok().filter(|percent| *percent <= 100).ok_or_else(|| {
                Wrong(format!(
                    "CreationPolicy of resource {name}: MinSuccessfulInstancesPercent must be from 0 to 100 and not {told}"
                ))
            })?)
        }
    };
    Ok(Signals { count, timeout, percent })
}

const GROUP: &str = "AWS::AutoScaling::AutoScalingGroup";
/// AWS: one hour.
const PAUSE_MAX: Duration = Duration::from_secs(60 * 60);

/// How a group takes up what is new.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(crate) struct Update {
    /// Another group comes in its stead.
    pub(crate) replaces: bool,
    /// Sizes that the template has not changed are left as they are.
    pub(crate) keeps_sizes: bool,
    /// Its instances are replaced, batch by batch.
    pub(crate) rolling: Option<Rolling>,
}

/// AWS: `AutoScalingRollingUpdate`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Rolling {
    pub(crate) batch: u32,
    /// How many are kept in service.
    pub(crate) least: u32,
    /// Of how many it is to have, so many of a hundred must be in service.
    pub(crate) active: u32,
    /// Of new instances that must signal success.
    pub(crate) percent: u32,
    /// Between two batches; for that long signals are waited for, where they are.
    pub(crate) pause: Duration,
    pub(crate) signals: bool,
    pub(crate) suspends: Vec<String>,
}

/// The policy of a resource, not yet evaluated.
pub(super) fn update(policy: Option<&Value>, kind: &str, name: &str) -> Result<Option<Value>, Wrong> {
    const KNOWN: &[&str] =
        &["AutoScalingReplacingUpdate", "AutoScalingRollingUpdate", "AutoScalingScheduledAction"];
    let Some(policy) = policy else { return Ok(None) };
    let Value::Map(members) = policy else {
        return wrong(format!("Template format error: UpdatePolicy of {name} must be an object."));
    };
    if let Some((other, _)) = members.iter().find(|(member, _)| !KNOWN.contains(&member.as_str())) {
        return wrong(format!(
            "Template format error: {other} in UpdatePolicy of resource {name} is not built in this version of Virga."
        ));
    }
    if kind != GROUP {
        return wrong(format!("UpdatePolicy is not supported for resource type {kind}"));
    }
    Ok(Some(policy.clone()))
}

/// What an evaluated `UpdatePolicy` says.
///
/// # Errors
/// What it does not have, and values that are none.
pub(crate) fn updates(evaluated: &Value, name: &str) -> Result<Update, Wrong> {
    let flag = |part: &str, member: &str| {
        let value = get(evaluated, part).and_then(|part| get(part, member)).and_then(super::text);
        value.is_some_and(|value| value.eq_ignore_ascii_case("true"))
    };
    Ok(Update {
        replaces: flag("AutoScalingReplacingUpdate", "WillReplace"),
        keeps_sizes: flag("AutoScalingScheduledAction", "IgnoreUnmodifiedGroupSizeProperties"),
        rolling: get(evaluated, "AutoScalingRollingUpdate").map(|said| rolling(said, name)).transpose()?,
    })
}

fn rolling(said: &Value, name: &str) -> Result<Rolling, Wrong> {
    const KNOWN: &[&str] = &[
        "MaxBatchSize",
        "MinActiveInstancesPercent",
        "MinInstancesInService",
        "MinSuccessfulInstancesPercent",
        "PauseTime",
        "SuspendProcesses",
        "WaitOnResourceSignals",
    ];
    let of = |what: String| Wrong(format!("UpdatePolicy of resource {name}: {what}"));
    let Value::Map(members) = said else {
        return Err(of("AutoScalingRollingUpdate must be an object".into()));
    };
    if let Some((other, _)) = members.iter().find(|(member, _)| !KNOWN.contains(&member.as_str())) {
        return Err(of(format!("AutoScalingRollingUpdate has no {other}")));
    }
    let word = |member: &str| get(said, member).and_then(super::text);
    let number = |member: &str, default: u32, range: std::ops::RangeInclusive<u32>| match word(member) {
        None => Ok(default),
        Some(text) => text.parse().ok().filter(|number| range.contains(number)).ok_or_else(|| {
            of(format!("{member} must be from {} to {} and not {text}", range.start(), range.end()))
        }),
    };
    let signals = word("WaitOnResourceSignals").is_some_and(|text| text.eq_ignore_ascii_case("true"));
    let pause = match word("PauseTime") {
        None if signals => TIMEOUT,
        None => Duration::ZERO,
        Some(text) => duration(&text).filter(|time| *time <= PAUSE_MAX).ok_or_else(|| {
            of(format!("PauseTime must be an ISO 8601 duration of at most one hour and not {text}"))
        })?,
    };
    let suspends = match get(said, "SuspendProcesses") {
        Some(Value::List(items)) => items.iter().filter_map(super::text).collect(),
        _ => Vec::new(),
    };
    Ok(Rolling {
        batch: number("MaxBatchSize", 1, 1..=100)?,
        active: number("MinActiveInstancesPercent", 100, 0..=100)?,
        least: number("MinInstancesInService", 0, 0..=10_000)?,
        percent: number("MinSuccessfulInstancesPercent", 100, 0..=100)?,
        pause,
        signals,
        suspends,
    })
}

/// `PT1H30M5S`
fn duration(text: &str) -> Option<Duration> {
    let mut rest = text.strip_prefix("PT").filter(|rest| !rest.is_empty())?;
    let mut seconds = 0u64;
    let mut last = u64::MAX;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit())?;
        let unit = match rest.as_bytes()[end] {
            b'H' => 3600,
            b'M' => 60,
            b'S' => 1,
            _ => return None,
        };
        if unit >= last {
            return None;
        }
        last = unit;
        seconds = seconds.checked_add(rest[..end].parse::<u64>().ok()?.checked_mul(unit)?)?;
        rest = &rest[end + 1..];
    }
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::{Rolling, Update, duration, updates};
    use crate::cloudformation::template::yaml;
    use std::time::Duration;

    fn read(text: &str) -> Result<Update, String> {
        updates(&yaml::read(text).unwrap(), "It").map_err(|wrong| wrong.0)
    }

    #[test]
    fn what_groups_do_with_what_is_new() {
        assert_eq!(read("{}"), Ok(Update::default()));
        let said = read("{AutoScalingReplacingUpdate: {WillReplace: true}}").unwrap();
        assert!(said.replaces && !said.keeps_sizes && said.rolling.is_none());
        let said =
            read("{AutoScalingScheduledAction: {IgnoreUnmodifiedGroupSizeProperties: 'true'}}").unwrap();
        assert!(said.keeps_sizes);
        let plain = Rolling {
            batch: 1,
            least: 0,
            active: 100,
            percent: 100,
            pause: Duration::ZERO,
            signals: false,
            suspends: Vec::new(),
        };
        assert_eq!(read("{AutoScalingRollingUpdate: {}}").unwrap().rolling, Some(plain.clone()));
        let waits = read("{AutoScalingRollingUpdate: {WaitOnResourceSignals: true, MaxBatchSize: '3'}}");
        let expected = Rolling { batch: 3, signals: true, pause: Duration::from_secs(300), ..plain };
        assert_eq!(waits.unwrap().rolling, Some(expected));
        for (text, why) in [
            ("{MaxBatchSize: 0}", "MaxBatchSize must be from 1 to 100 and not 0"),
            (
                "{MinSuccessfulInstancesPercent: 101}",
                "MinSuccessfulInstancesPercent must be from 0 to 100 and not 101",
            ),
            ("{PauseTime: PT2H}", "PauseTime must be an ISO 8601 duration of at most one hour and not PT2H"),
            ("{Pause: PT2H}", "AutoScalingRollingUpdate has no Pause"),
        ] {
            let said = read(&format!("{{AutoScalingRollingUpdate: {text}}}"));
            assert_eq!(said, Err(format!("UpdatePolicy of resource It: {why}")));
        }
    }

    #[test]
    fn durations() {
        let rows = [
            ("PT15M", Some(900)),
            ("PT1H30M5S", Some(5405)),
            ("PT0S", Some(0)),
            ("PT", None),
            ("P1D", None),
            ("PT5", None),
            ("PT5S3M", None),
            ("15", None),
        ];
        for (text, seconds) in rows {
            assert_eq!(duration(text).map(|time| time.as_secs()), seconds, "{text}");
        }
    }
}
