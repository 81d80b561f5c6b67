//! Log groups.

use super::{Look, gone, named, own, tags};
use crate::cloudformation::kinds::Done;
use crate::cloudformation::kinds::logs::LOGS;
use crate::cloudformation::kinds::look::Seen;
use crate::cloudformation::kinds::on::{On, map, text_at};
use wire::Value;

pub(in crate::cloudformation::kinds) static GROUP: Look = Look {
    sees: &[
        "DeletionProtectionEnabled",
        "KmsKeyId",
        "LogGroupClass",
        "LogGroupName",
        "RetentionInDays",
        "Tags",
    ],
    blind: &[],
    whole: &[],
    read: group,
    identifier: Some("LogGroupName"),
};

fn group(on: &mut On<'_, '_>) -> Done<Seen> {
    let input = vec![("logGroupNamePrefix", on.physical())];
    let groups = on.ask_all((LOGS, "DescribeLogGroups"), input, "logGroups", ("nextToken", "nextToken"))?;
    let found = groups.iter().find(|group| text_at(group, "logGroupName") == on.physical);
    let found = found.ok_or_else(|| gone(on.physical))?;
    let mut all = named(
        found,
        &[
            ("LogGroupName", "logGroupName"),
            ("LogGroupClass", "logGroupClass"),
            ("KmsKeyId", "kmsKeyId"),
            ("RetentionInDays", "retentionInDays"),
        ],
    );
    let protects = own(found, "deletionProtectionEnabled") == Value::Bool(true);
    all.push(("DeletionProtectionEnabled".into(), Value::Bool(protects)));
    let arn = on.arn(LOGS, &format!("log-group:{}", on.physical));
    let tagged = on.ask(LOGS, "ListTagsForResource", map([("resourceArn", arn)]))?;
    all.push(("Tags".into(), tags(&own(&tagged, "tags"))));
    Ok(Seen::of(all, vec![("Arn", on.arn(LOGS, &format!("log-group:{}:*", on.physical)))]))
}
