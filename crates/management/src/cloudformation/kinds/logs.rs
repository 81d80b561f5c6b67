//! CloudWatch Logs' groups.

use super::on::{Form, On, Tagger, map};
use super::{BASE, Done, Kind, Made};
use wire::Value;

const LOGS: &str = "logs";
const TAGGER: Tagger = Tagger {
    service: LOGS,
    tag: "TagResource",
    untag: "UntagResource",
    id: "resourceArn",
    tags: "tags",
    keys: "tagKeys",
    form: Form::Map,
};

pub(super) static KINDS: &[Kind] = &[Kind {
    name: "AWS::Logs::LogGroup",
    changes: &["RetentionInDays", "DeletionProtectionEnabled", "Tags"],
    fixed: &["LogGroupName", "LogGroupClass"],
    attributes: &["Arn"],
    named: Some("LogGroupName"),
    create,
    update: |on| {
        retention(on, on.physical())?;
        if on.changed("DeletionProtectionEnabled") {
            let protects = Value::Bool(on.flag("DeletionProtectionEnabled"));
            let input = map([("logGroupIdentifier", on.physical()), ("deletionProtectionEnabled", protects)]);
            on.call(LOGS, "PutLogGroupDeletionProtection", input)?;
        }
        let arn = on.attribute("Arn");
        on.retag(&TAGGER, Value::str(arn.trim_end_matches(":*")))?;
        Ok(on.same())
    },
    delete: |on| on.end(LOGS, "DeleteLogGroup", map([("logGroupName", on.physical())])),
    ..BASE
}];

fn create(on: &mut On<'_, '_>) -> Done<Made> {
    let name = on.name("LogGroupName", 512);
    let input = map([
        ("logGroupName", Value::str(&name)),
        ("logGroupClass", on.prop("LogGroupClass")),
        ("deletionProtectionEnabled", on.prop("DeletionProtectionEnabled")),
        ("tags", on.tags(Form::Map)),
    ]);
    on.call(LOGS, "CreateLogGroup", input)?;
    retention(on, Value::str(&name))?;
    let arn = on.arn(LOGS, &format!("log-group:{name}:*"));
    Ok(on.made(name, vec![("Arn", arn)]))
}

fn retention(on: &mut On<'_, '_>, name: Value) -> Done<()> {
    if !on.changed("RetentionInDays") {
        return Ok(());
    }
    match on.prop("RetentionInDays") {
        Value::Null => on.end(LOGS, "DeleteRetentionPolicy", map([("logGroupName", name)])),
        days => on
            .call(LOGS, "PutRetentionPolicy", map([("logGroupName", name), ("retentionInDays", days)]))
            .map(drop),
    }
}
