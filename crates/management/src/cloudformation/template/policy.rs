//! `CreationPolicy`: a resource is there once enough signals say so.
//!
//! AWS: <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-creationpolicy.html>

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
    if let Some((other, _)) = members.iter().find(|(member, _)| member != "ResourceSignal") {
        return wrong(format!(
            "Template format error: {other} in CreationPolicy of resource {name} is not built in this version of Virga."
        ));
    }
    Ok(get(policy, "ResourceSignal").cloned())
}

/// What an evaluated `ResourceSignal` says.
///
/// # Errors
/// A count or a time that is none.
pub(crate) fn signals(evaluated: &Value, name: &str) -> Result<Signals, Wrong> {
    let word = |member| get(evaluated, member).and_then(super::text);
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
    Ok(Signals { count, timeout })
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
    use super::duration;

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
