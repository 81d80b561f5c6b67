//! DynamoDB's tables.
//!
//! A table changes one thing at a time: what is left to do is done step by step, whenever the table is active again.

use super::on::{KEYS, On, Tagger, at, items, map, only, text_at};
use super::{Attributes, BASE, Done, Kind, Made, Refusal, look, table_change as change};
use crate::cloudformation::template::{alike, get, text};
use wire::Value;

pub(super) const DYNAMODB: &str = "dynamodb";
const TAGGER: Tagger = Tagger {
    service: DYNAMODB,
    tag: "TagResource",
    untag: "UntagResource",
    id: "ResourceArn",
    tags: "Tags",
    keys: "TagKeys",
    form: KEYS,
};

const INSIGHTS: &str = "ContributorInsightsSpecification";

pub(super) static KINDS: &[Kind] = &[Kind {
    name: "AWS::DynamoDB::Table",
    changes: &[
        "AttributeDefinitions",
        "BillingMode",
        "ContributorInsightsSpecification",
        "DeletionProtectionEnabled",
        "GlobalSecondaryIndexes",
        "OnDemandThroughput",
        "PointInTimeRecoverySpecification",
        "ProvisionedThroughput",
        "ResourcePolicy",
        "SSESpecification",
        "StreamSpecification",
        "TableClass",
        "Tags",
        "TimeToLiveSpecification",
    ],
    fixed: &["TableName", "KeySchema", "LocalSecondaryIndexes"],
    attributes: &["Arn", "StreamArn"],
    named: Some("TableName"),
    create,
    update,
    delete,
    ready,
    gone,
    look: Some(&look::table::TABLE),
    ..BASE
}];

/// What is told to its operation member by member, so that others would be passed over. Streams have no policies of
/// their own here.
const MEMBERS: &[(&str, &[&str])] = &[
    ("PointInTimeRecoverySpecification", &["PointInTimeRecoveryEnabled", "RecoveryPeriodInDays"]),
    ("ResourcePolicy", &["PolicyDocument"]),
    ("SSESpecification", &["KMSMasterKeyId", "SSEEnabled", "SSEType"]),
    ("StreamSpecification", &["StreamViewType"]),
    ("TimeToLiveSpecification", &["AttributeName", "Enabled"]),
];

/// What stands under other names in the template than in the operation.
fn encryption(on: &On<'_, '_>) -> Value {
    let wanted = on.prop("SSESpecification");
    let own = |member: &str| get(&wanted, member).cloned().unwrap_or(Value::Null);
    match &wanted {
        Value::Map(_) => {
            let (kind, key) = (own("SSEType"), own("KMSMasterKeyId"));
            // The operation wants both of them.
            let kind = if kind == Value::Null && key != Value::Null { Value::str("KMS") } else { kind };
            map([("Enabled", own("SSEEnabled")), ("SSEType", kind), ("KMSMasterKeyId", key)])
        }
        other => other.clone(),
    }
}

/// Asks for the key that the table is to have, unless it has it already.
fn encrypt(on: &mut On<'_, '_>) -> Done<()> {
    let answer = on.call(DYNAMODB, "DescribeTable", map([("TableName", on.physical())]))?;
    let off = map([("Enabled", Value::Bool(false))]);
    let wanted = match encryption(on) {
        Value::Null => off,
        wanted => wanted,
    };
    let sealed = text_at(&wanted, "Enabled").eq_ignore_ascii_case("true");
    let is = at(&answer, "Table.SSEDescription");
    let is_sealed = is.is_some_and(|is| matches!(text_at(is, "Status").as_str(), "ENABLED" | "UPDATING"));
    let key = text_at(&wanted, "KMSMasterKeyId");
    if sealed == is_sealed && (!sealed || is.is_some_and(|is| text_at(is, "KMSMasterKeyArn") == key)) {
        return Ok(());
    }
    let input = map([("TableName", on.physical()), ("SSESpecification", wanted)]);
    on.call(DYNAMODB, "UpdateTable", input).map(drop)
}

pub(super) fn stream(on: &On<'_, '_>) -> Value {
    match on.prop("StreamSpecification") {
        Value::Null => Value::Null,
        wanted => map([
            ("StreamEnabled", Value::Bool(true)),
            ("StreamViewType", Value::Str(text_at(&wanted, "StreamViewType"))),
        ]),
    }
}

fn policy(on: &On<'_, '_>) -> Value {
    match on.prop("ResourcePolicy") {
        Value::Null => Value::Null,
        wanted => super::on::document(get(&wanted, "PolicyDocument").unwrap_or(&Value::Null)),
    }
}

/// An index as the operations take it: what it tells of its contributors is an operation of its own.
fn index(wanted: &Value) -> Value {
    let mut own = wanted.clone();
    if let Value::Map(entries) = &mut own {
        entries.retain(|(name, _)| name != INSIGHTS);
    }
    own
}

fn indexes(on: &On<'_, '_>) -> Value {
    match on.prop("GlobalSecondaryIndexes") {
        Value::List(items) => Value::List(items.iter().map(index).collect()),
        other => other,
    }
}

pub(super) fn delete(on: &mut On<'_, '_>) -> Done<()> {
    on.end(DYNAMODB, "DeleteTable", map([("TableName", on.physical())]))
}

pub(super) fn gone(on: &mut On<'_, '_>) -> Done<bool> {
    match on.call(DYNAMODB, "DescribeTable", map([("TableName", on.physical())])) {
        Err(refusal) if refusal.gone => Ok(true),
        other => other.map(|_| false),
    }
}

/// The class of tables that name none.
const STANDARD: &str = "STANDARD";

pub(super) fn create(on: &mut On<'_, '_>) -> Done<Made> {
    on.only(MEMBERS)?;
    let name = on.name("TableName", 255);
    let input = map([
        ("TableName", Value::str(&name)),
        ("AttributeDefinitions", on.prop("AttributeDefinitions")),
        ("KeySchema", on.prop("KeySchema")),
        ("LocalSecondaryIndexes", on.prop("LocalSecondaryIndexes")),
        ("GlobalSecondaryIndexes", indexes(on)),
        ("BillingMode", on.prop("BillingMode")),
        ("ProvisionedThroughput", on.prop("ProvisionedThroughput")),
        ("OnDemandThroughput", on.prop("OnDemandThroughput")),
        ("StreamSpecification", stream(on)),
        ("SSESpecification", encryption(on)),
        ("TableClass", on.prop("TableClass")),
        ("DeletionProtectionEnabled", on.prop("DeletionProtectionEnabled")),
        ("ResourcePolicy", policy(on)),
        ("Tags", on.tags(KEYS)),
    ]);
    let answer = on.call(DYNAMODB, "CreateTable", input)?;
    let arn = Value::Str(text_at(&answer, "TableDescription.TableArn"));
    Ok(on.made(name, vec![("Arn", arn)]))
}

/// The key of the table, and what is no change of the table itself; the rest is for [`ready`].
pub(super) fn update(on: &mut On<'_, '_>) -> Done<Made> {
    on.only(MEMBERS)?;
    check_indexes(&items(on.prop("GlobalSecondaryIndexes")), &items(on.was("GlobalSecondaryIndexes")))?;
    if on.changed("SSESpecification") {
        encrypt(on)?;
    }
    let arn = Value::Str(on.attribute("Arn"));
    if on.changed("ResourcePolicy") {
        match policy(on) {
            Value::Null => on.end(DYNAMODB, "DeleteResourcePolicy", map([("ResourceArn", arn.clone())]))?,
            wanted => {
                let input = map([("ResourceArn", arn.clone()), ("Policy", wanted)]);
                on.call(DYNAMODB, "PutResourcePolicy", input).map(drop)?;
            }
        }
    }
    on.retag(&TAGGER, arn)?;
    Ok(on.same())
}

/// AWS: an update makes or ends one global index, and changes nothing of those that stay but their throughput and
/// whether they tell of their contributors.
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-dynamodb-table.html>
fn check_indexes(wanted: &[Value], was: &[Value]) -> Done<()> {
    let name = |index: &Value| text_at(index, "IndexName");
    let missing = |these: &[Value], those: &[Value]| {
        these.iter().filter(|index| !those.iter().any(|other| name(other) == name(index))).count()
    };
    for index in wanted {
        let Some(old) = was.iter().find(|old| name(old) == name(index)) else { continue };
        if ["KeySchema", "Projection"].iter().any(|member| !alike(get(old, member), get(index, member))) {
            return Err(Refusal::of(
                "Cannot update GSI's properties other than Provisioned Throughput and Contributor Insights Specification. You can create a new GSI with a different name.",
            ));
        }
    }
    if missing(wanted, was) + missing(was, wanted) > 1 {
        return Err(Refusal::of("Cannot perform more than one GSI creation or deletion in a single update"));
    }
    Ok(())
}

/// The limits of a table or of an index; those that the template no longer has are none (`-1`). Without requests on
/// demand there is nothing to limit.
pub(super) fn limits(on: &On<'_, '_>, wanted: &Value, was: &Value) -> Done<Value> {
    const LIMITS: [&str; 2] = ["MaxReadRequestUnits", "MaxWriteRequestUnits"];
    only(get(wanted, "OnDemandThroughput").unwrap_or(&Value::Null), &LIMITS)?;
    let own = |of: &Value, member: &str| at(of, &format!("OnDemandThroughput.{member}")).cloned();
    let on_demand = on.text("BillingMode").as_deref() == Some("PAY_PER_REQUEST");
    let value = |member| match (own(wanted, member), own(was, member)) {
        (None, Some(_)) if on_demand => Value::Int(-1),
        (wanted, _) => wanted.unwrap_or(Value::Null),
    };
    Ok(match map(LIMITS.map(|member| (member, value(member)))) {
        Value::Map(entries) if entries.is_empty() => Value::Null,
        limits => limits,
    })
}

fn index_names(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::List(items)) => items.iter().map(|item| text_at(item, "IndexName")).collect(),
        _ => Vec::new(),
    }
}

pub(super) fn ready(on: &mut On<'_, '_>) -> Done<Option<Attributes>> {
    let answer = on.call(DYNAMODB, "DescribeTable", map([("TableName", on.physical())]))?;
    let indexes = at(&answer, "Table.GlobalSecondaryIndexes");
    let active = match indexes {
        Some(Value::List(items)) => items.iter().all(|item| text_at(item, "IndexStatus") == "ACTIVE"),
        _ => true,
    };
    if text_at(&answer, "Table.TableStatus") != "ACTIVE" || !active {
        return Ok(None);
    }
    let class = text_at(&answer, "Table.TableClassSummary.TableClass");
    let table = at(&answer, "Table").cloned().unwrap_or(Value::Null);
    if change::next(on, &table)?
        || next_class(on, &class)?
        || next_index(on, &index_names(indexes))?
        || time_to_live(on)?
        || recovery(on)?
        || insights(on)?
    {
        return Ok(None);
    }
    let mut attributes = vec![("Arn", Value::Str(text_at(&answer, "Table.TableArn")))];
    if let Some(Value::Str(stream)) = at(&answer, "Table.LatestStreamArn") {
        attributes.push(("StreamArn", Value::str(stream)));
    }
    Ok(Some(attributes))
}

/// The class of a table is changed by a call that changes nothing else; whether there was anything to change.
fn next_class(on: &mut On<'_, '_>, is: &str) -> Done<bool> {
    let wanted = on.text("TableClass").unwrap_or_else(|| STANDARD.into());
    let is = if is.is_empty() { STANDARD } else { is };
    if !on.changed("TableClass") || wanted == is {
        return Ok(false);
    }
    let input = map([("TableName", on.physical()), ("TableClass", Value::Str(wanted))]);
    on.call(DYNAMODB, "UpdateTable", input)?;
    Ok(true)
}

/// One index goes or comes; whether there was one to go or come.
fn next_index(on: &mut On<'_, '_>, there: &[String]) -> Done<bool> {
    let wanted = items(on.prop("GlobalSecondaryIndexes"));
    let named = |name: &String| wanted.iter().any(|index| text_at(index, "IndexName") == *name);
    let change = match there.iter().find(|name| !named(name)) {
        Some(old) => map([("Delete", map([("IndexName", Value::str(old))]))]),
        None => match wanted.iter().find(|index| !there.contains(&text_at(index, "IndexName"))) {
            Some(fresh) => map([("Create", index(fresh))]),
            None => return Ok(false),
        },
    };
    let input = map([
        ("TableName", on.physical()),
        ("AttributeDefinitions", on.prop("AttributeDefinitions")),
        ("GlobalSecondaryIndexUpdates", Value::List(vec![change])),
    ]);
    on.call(DYNAMODB, "UpdateTable", input)?;
    Ok(true)
}

fn time_to_live(on: &mut On<'_, '_>) -> Done<bool> {
    if !on.changed("TimeToLiveSpecification") {
        return Ok(false);
    }
    let (wanted, was) = (on.prop("TimeToLiveSpecification"), on.was("TimeToLiveSpecification"));
    let answer = on.call(DYNAMODB, "DescribeTimeToLive", map([("TableName", on.physical())]))?;
    let status = text_at(&answer, "TimeToLiveDescription.TimeToLiveStatus");
    let own =
        |member: &str| get(&wanted, member).or_else(|| get(&was, member)).cloned().unwrap_or(Value::Null);
    let enables = text_at(&wanted, "Enabled").eq_ignore_ascii_case("true");
    match (status.as_str(), enables) {
        ("ENABLING" | "DISABLING", _) => return Ok(true),
        ("ENABLED", true)
            if text_at(&answer, "TimeToLiveDescription.AttributeName")
                == text_at(&wanted, "AttributeName") =>
        {
            return Ok(false);
        }
        ("DISABLED" | "", false) => return Ok(false),
        _ => {}
    }
    let specification = map([("Enabled", Value::Bool(enables)), ("AttributeName", own("AttributeName"))]);
    let input = map([("TableName", on.physical()), ("TimeToLiveSpecification", specification)]);
    on.call(DYNAMODB, "UpdateTimeToLive", input)?;
    Ok(true)
}

fn recovery(on: &mut On<'_, '_>) -> Done<bool> {
    if !on.changed("PointInTimeRecoverySpecification") {
        return Ok(false);
    }
    let wanted = on.prop("PointInTimeRecoverySpecification");
    let answer = on.call(DYNAMODB, "DescribeContinuousBackups", map([("TableName", on.physical())]))?;
    let path = "ContinuousBackupsDescription.PointInTimeRecoveryDescription";
    let enables = text_at(&wanted, "PointInTimeRecoveryEnabled").eq_ignore_ascii_case("true");
    let days = get(&wanted, "RecoveryPeriodInDays").cloned();
    // A period without recovery is for the table to refuse.
    let stays = |days: &Value| {
        let reaches = text_at(&answer, &format!("{path}.RecoveryPeriodInDays"));
        !enables || text(days).is_some_and(|days| days == reaches)
    };
    // AWS: as far back as that where nothing else is said.
    let days = days.unwrap_or(if enables { Value::Int(35) } else { Value::Null });
    let status = text_at(&answer, &format!("{path}.PointInTimeRecoveryStatus"));
    if (status == "ENABLED") == enables && stays(&days) {
        return Ok(false);
    }
    let specification =
        map([("PointInTimeRecoveryEnabled", Value::Bool(enables)), ("RecoveryPeriodInDays", days)]);
    let input = map([("TableName", on.physical()), ("PointInTimeRecoverySpecification", specification)]);
    on.call(DYNAMODB, "UpdateContinuousBackups", input)?;
    Ok(true)
}

/// The table and its indexes tell of their contributors, or no longer do; whether that is still on its way.
fn insights(on: &mut On<'_, '_>) -> Done<bool> {
    let (wanted, was) = (items(on.prop("GlobalSecondaryIndexes")), items(on.was("GlobalSecondaryIndexes")));
    let mut all = vec![(Value::Null, on.prop(INSIGHTS), on.was(INSIGHTS))];
    let own = |index: Option<&Value>| index.and_then(|i| get(i, INSIGHTS)).cloned().unwrap_or(Value::Null);
    for index in &wanted {
        let name = text_at(index, "IndexName");
        let old = was.iter().find(|old| text_at(old, "IndexName") == name);
        all.push((Value::Str(name), own(Some(index)), own(old)));
    }
    let mut waits = false;
    for (index, wanted, was) in all {
        if !alike(Some(&wanted), Some(&was)) {
            waits |= insight(on, index, &wanted)?;
        }
    }
    Ok(waits)
}

fn insight(on: &mut On<'_, '_>, index: Value, wanted: &Value) -> Done<bool> {
    only(wanted, &["Enabled", "Mode"])?;
    if matches!(wanted, Value::Map(_)) && get(wanted, "Enabled").is_none() {
        return Err(Refusal::of(format!("#/{INSIGHTS}: required key [Enabled] not found")));
    }
    let of = [("TableName", on.physical()), ("IndexName", index)];
    let answer = on.call(DYNAMODB, "DescribeContributorInsights", map(of.clone()))?;
    let enables = text_at(wanted, "Enabled").eq_ignore_ascii_case("true");
    // AWS: both kinds of keys, where nothing else is said.
    let mode = match text_at(wanted, "Mode") {
        mode if mode.is_empty() => "ACCESSED_AND_THROTTLED_KEYS".to_owned(),
        mode => mode,
    };
    match (text_at(&answer, "ContributorInsightsStatus").as_str(), enables) {
        ("ENABLING" | "DISABLING", _) => return Ok(true),
        ("ENABLED", true) if text_at(&answer, "ContributorInsightsMode") == mode => return Ok(false),
        ("DISABLED", false) => return Ok(false),
        _ => {}
    }
    let (action, mode) = if enables { ("ENABLE", Value::Str(mode)) } else { ("DISABLE", Value::Null) };
    let [table, index] = of;
    let action = ("ContributorInsightsAction", Value::str(action));
    let input = map([table, index, action, ("ContributorInsightsMode", mode)]);
    on.call(DYNAMODB, "UpdateContributorInsights", input)?;
    Ok(true)
}
