//! Rollback triggers: alarms that turn an operation back while it is under way, and for a while after everything is there.
//!
//! AWS: <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-rollback-triggers.html>

use super::errors::{CfnError, invalid};
use super::kinds::{Done, On, at, map};
use super::model::{Stack, Trigger, Watches};
use super::template::text;
use base::Arn;
use wire::Value;

/// AWS: a stack has five at most.
const TRIGGERS_MAX: usize = 5;
const KINDS: &[&str] = &["AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"];

wire::shape! {
    /// As a request says it.
    #[derive(Clone, Debug)]
    pub(crate) struct Rollback {
        triggers: Option<Vec<Named>> = "RollbackTriggers",
        minutes: Option<i64> = "MonitoringTimeInMinutes",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Named {
        arn: String = "Arn",
        kind: String = "Type",
    }
}

/// What a request makes of what was said before: those that it names stand for all.
pub(crate) fn said(asked: Option<&Rollback>, before: Option<Watches>) -> Result<Option<Watches>, CfnError> {
    let Some(asked) = asked else { return Ok(before) };
    let before = before.unwrap_or_default();
    let triggers = match &asked.triggers {
        None => before.triggers,
        Some(named) => {
            if named.len() > TRIGGERS_MAX {
                return Err(invalid(format!("A stack has at most {TRIGGERS_MAX} RollbackTriggers.")));
            }
            named.iter().map(trigger).collect::<Result<_, _>>()?
        }
    };
    let minutes = asked.minutes.map_or(before.minutes, |minutes| u32::try_from(minutes).unwrap_or(0));
    Ok(Some(Watches { triggers, minutes }))
}

fn trigger(named: &Named) -> Result<Trigger, CfnError> {
    if !KINDS.contains(&named.kind.as_str()) {
        return Err(invalid(format!("Invalid rollback trigger type {}", named.kind)));
    }
    if alarm(&named.arn).is_none() {
        return Err(invalid(format!("Invalid rollback trigger ARN {}", named.arn)));
    }
    Ok(Trigger { arn: named.arn.clone(), kind: named.kind.clone() })
}

/// The name of the alarm that an ARN names.
fn alarm(arn: &str) -> Option<String> {
    let arn = Arn::parse(arn).filter(|arn| arn.service == "cloudwatch")?;
    arn.resource.strip_prefix("alarm:").map(str::to_owned)
}

/// As they are shown.
pub(crate) fn view(watches: Option<Watches>) -> Rollback {
    let Watches { triggers, minutes } = watches.unwrap_or_default();
    let named = |own: Trigger| Named { arn: own.arn, kind: own.kind };
    let is_said = !triggers.is_empty() || minutes > 0;
    Rollback {
        triggers: is_said.then(|| triggers.into_iter().map(named).collect()),
        minutes: is_said.then_some(i64::from(minutes)),
    }
}

/// Whether alarms of the stack are to be looked at.
pub(crate) fn has_alarms(stack: &Stack) -> bool {
    stack.watches.as_ref().is_some_and(|watches| !watches.triggers.is_empty())
}

/// Why the operation is to be turned back, if it is. AWS: also where an alarm is not there.
pub(crate) fn breach(on: &mut On<'_, '_>) -> Done<Option<String>> {
    let triggers = on.whole.watches.as_ref().map(|watches| watches.triggers.clone()).unwrap_or_default();
    let (mut missing, mut alarmed) = (Vec::new(), Vec::new());
    for Trigger { arn, kind } in triggers {
        let name = alarm(&arn).unwrap_or_default();
        let (word, list) = match kind.as_str() {
            "AWS::CloudWatch::CompositeAlarm" => ("CompositeAlarm", "CompositeAlarms"),
            _ => ("MetricAlarm", "MetricAlarms"),
        };
        let one = |text: &str| Value::List(vec![Value::str(text)]);
        let told = on.call(
            "cloudwatch",
            "DescribeAlarms",
            map([("AlarmNames", one(&name)), ("AlarmTypes", one(word))]),
        )?;
        let own = |member: &str| at(&told, &format!("{list}.0.{member}")).and_then(text);
        match own("AlarmArn") {
            Some(found) if found == arn => {
                if own("StateValue").as_deref() == Some("ALARM") {
                    alarmed.push(arn);
                }
            }
            _ => missing.push(arn),
        }
    }
    let list = |arns: &[String]| arns.join(", ");
    Ok(match (missing.is_empty(), alarmed.is_empty()) {
        (false, _) => Some(format!("The following rollback trigger(s) do not exist: [{}].", list(&missing))),
        (_, false) => {
            Some(format!("The following rollback trigger(s) are in ALARM state: [{}].", list(&alarmed)))
        }
        _ => None,
    })
}
