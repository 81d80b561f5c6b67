//! What a target gets: the schedule's input with its context attributes, or the default notification.
//!
//! AWS: <https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html>

use super::model::Run;
use wire::Value;

/// The input, for this attempt.
pub(super) fn of(run: &Run, execution: &str) -> String {
    let arn = run.schedule_arn();
    let time = run.planned.whole_seconds().iso8601();
    let Some(input) = &run.target.input else { return notification(run, &arn, execution, time) };
    if !input.contains("<aws.scheduler.") {
        return input.clone();
    }
    let values = [
        ("<aws.scheduler.schedule-arn>", arn),
        ("<aws.scheduler.scheduled-time>", time),
        ("<aws.scheduler.execution-id>", execution.to_owned()),
        ("<aws.scheduler.attempt-number>", (run.attempts + 1).to_string()),
    ];
    values.into_iter().fold(input.clone(), |text, (keyword, value)| text.replace(keyword, &value))
}

fn notification(run: &Run, arn: &str, execution: &str, time: String) -> String {
    let members = [
        ("version", Value::str("0")),
        ("id", Value::str(execution)),
        ("detail-type", Value::str("Scheduled Event")),
        ("source", Value::str("aws.scheduler")),
        ("account", Value::str(run.account.as_str())),
        ("time", Value::Str(time)),
        ("region", Value::str(run.region.name())),
        ("resources", Value::List(vec![Value::str(arn)])),
        ("detail", Value::str("{}")),
    ];
    wire::json::text(&Value::map(members))
}
