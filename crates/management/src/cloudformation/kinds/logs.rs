//! CloudWatch Logs' groups, streams, filters, saved queries and resource policies.

use super::on::{Form, On, Tagger, map, only, text_at};
use super::{BASE, Done, Kind, Made, Refusal, look};
use wire::Value;

pub(super) const LOGS: &str = "logs";
const TAGGER: Tagger = Tagger::by_arn(LOGS);

pub(super) static KINDS: &[Kind] =
    &[GROUP, METRIC_FILTER, SUBSCRIPTION_FILTER, STREAM, QUERY, RESOURCE_POLICY, ACCOUNT_POLICY];

const ACCOUNT_POLICY: Kind = Kind {
    name: "AWS::Logs::AccountPolicy",
    changes: &["PolicyDocument", "Scope", "SelectionCriteria"],
    fixed: &["PolicyName", "PolicyType"],
    attributes: &["AccountId"],
    create: |on| {
        put_account_policy(on)?;
        let account = on.account().to_owned();
        let text = |name| on.text(name).unwrap_or_default();
        let physical = format!("{account}|{}|{}", text("PolicyType"), text("PolicyName"));
        Ok(on.made(physical, vec![("AccountId", Value::Str(account))]))
    },
    update: |on| {
        put_account_policy(on)?;
        Ok(on.same())
    },
    delete: |on| {
        let input = map([("policyName", on.was("PolicyName")), ("policyType", on.was("PolicyType"))]);
        on.end(LOGS, "DeleteAccountPolicy", input)
    },
    look: Some(&look::logs::ACCOUNT_POLICY),
    taken: Some(look::logs::is_kept),
    ..BASE
};

fn put_account_policy(on: &mut On<'_, '_>) -> Done<()> {
    let input = map([
        ("policyDocument", on.prop("PolicyDocument")),
        ("policyName", on.prop("PolicyName")),
        ("policyType", on.prop("PolicyType")),
        ("scope", on.prop("Scope")),
        ("selectionCriteria", on.prop("SelectionCriteria")),
    ]);
    on.call(LOGS, "PutAccountPolicy", input).map(drop)
}

const GROUP: Kind = Kind {
    name: "AWS::Logs::LogGroup",
    changes: &["RetentionInDays", "DeletionProtectionEnabled", "KmsKeyId", "LogGroupClass", "Tags"],
    fixed: &["LogGroupName"],
    attributes: &["Arn"],
    named: Some("LogGroupName"),
    create,
    update: |on| {
        if on.changed("LogGroupClass") {
            return Err(Refusal::of("The class of a log group cannot be changed."));
        }
        retention(on, on.physical())?;
        if on.changed("DeletionProtectionEnabled") {
            let protects = Value::Bool(on.flag("DeletionProtectionEnabled"));
            let input = map([("logGroupIdentifier", on.physical()), ("deletionProtectionEnabled", protects)]);
            on.call(LOGS, "PutLogGroupDeletionProtection", input)?;
        }
        if on.changed("KmsKeyId") {
            let name = ("logGroupName", on.physical());
            match on.prop("KmsKeyId") {
                Value::Null => on.call(LOGS, "DisassociateKmsKey", map([name]))?,
                key => on.call(LOGS, "AssociateKmsKey", map([name, ("kmsKeyId", key)]))?,
            };
        }
        on.retag(&TAGGER, group(on))?;
        Ok(on.same())
    },
    delete: |on| on.end(LOGS, "DeleteLogGroup", map([("logGroupName", on.physical())])),
    mark: Some(|on| on.mark(&TAGGER, group(on))),
    look: Some(&look::logs::GROUP),
    ..BASE
};

/// The ARN by which a group has tags.
fn group(on: &On<'_, '_>) -> Value {
    Value::str(on.attribute("Arn").trim_end_matches(":*"))
}

const METRIC_FILTER: Kind = Kind {
    name: "AWS::Logs::MetricFilter",
    changes: &["FilterPattern", "MetricTransformations"],
    fixed: &["FilterName", "LogGroupName"],
    named: Some("FilterName"),
    create: |on| {
        let name = on.name("FilterName", 512);
        filter(on, &name)?;
        Ok(on.made(name, Vec::new()))
    },
    update: |on| {
        filter(on, on.physical)?;
        Ok(on.same())
    },
    delete: |on| {
        let input = map([("logGroupName", on.was("LogGroupName")), ("filterName", on.physical())]);
        on.end(LOGS, "DeleteMetricFilter", input)
    },
    look: Some(&look::logs::METRIC_FILTER),
    taken: Some(|on| look::logs::METRIC_FILTER.taken(on)),
    ..BASE
};

const SUBSCRIPTION_FILTER: Kind = Kind {
    name: "AWS::Logs::SubscriptionFilter",
    changes: &["DestinationArn", "Distribution", "FilterPattern", "RoleArn"],
    fixed: &["FilterName", "LogGroupName"],
    named: Some("FilterName"),
    create: |on| {
        let name = on.name("FilterName", 512);
        subscription(on, &name)?;
        Ok(on.made(name, Vec::new()))
    },
    update: |on| {
        subscription(on, on.physical)?;
        Ok(on.same())
    },
    delete: |on| {
        let input = map([("logGroupName", on.was("LogGroupName")), ("filterName", on.physical())]);
        on.end(LOGS, "DeleteSubscriptionFilter", input)
    },
    look: Some(&look::logs::SUBSCRIPTION_FILTER),
    taken: Some(|on| look::logs::SUBSCRIPTION_FILTER.taken(on)),
    ..BASE
};

const STREAM: Kind = Kind {
    name: "AWS::Logs::LogStream",
    fixed: &["LogGroupName", "LogStreamName"],
    named: Some("LogStreamName"),
    create: |on| {
        let name = on.name("LogStreamName", 512);
        let input = map([("logGroupName", on.prop("LogGroupName")), ("logStreamName", Value::str(&name))]);
        on.call(LOGS, "CreateLogStream", input)?;
        Ok(on.made(name, Vec::new()))
    },
    delete: |on| {
        let input = map([("logGroupName", on.was("LogGroupName")), ("logStreamName", on.physical())]);
        on.end(LOGS, "DeleteLogStream", input)
    },
    look: Some(&look::logs::STREAM),
    ..BASE
};

const QUERY: Kind = Kind {
    name: "AWS::Logs::QueryDefinition",
    changes: &["LogGroupNames", "Name", "QueryLanguage", "QueryString"],
    attributes: &["QueryDefinitionId"],
    create: |on| {
        let id = query(on, Value::Null)?;
        Ok(on.made(id.clone(), vec![("QueryDefinitionId", Value::Str(id))]))
    },
    update: |on| {
        query(on, on.physical())?;
        Ok(on.same())
    },
    delete: |on| on.end(LOGS, "DeleteQueryDefinition", map([("queryDefinitionId", on.physical())])),
    look: Some(&look::logs::QUERY),
    ..BASE
};

const RESOURCE_POLICY: Kind = Kind {
    name: "AWS::Logs::ResourcePolicy",
    changes: &["PolicyDocument"],
    fixed: &["PolicyName"],
    create: |on| {
        put_policy(on)?;
        Ok(on.made(on.text("PolicyName").unwrap_or_default(), Vec::new()))
    },
    update: |on| {
        put_policy(on)?;
        Ok(on.same())
    },
    delete: |on| on.end(LOGS, "DeleteResourcePolicy", map([("policyName", on.physical())])),
    look: Some(&look::logs::RESOURCE_POLICY),
    taken: Some(|on| look::logs::RESOURCE_POLICY.taken(on)),
    ..BASE
};

fn query(on: &mut On<'_, '_>, id: Value) -> Done<String> {
    let input = map([
        ("name", on.prop("Name")),
        ("queryString", on.prop("QueryString")),
        ("queryLanguage", on.prop("QueryLanguage")),
        ("logGroupNames", on.prop("LogGroupNames")),
        ("queryDefinitionId", id),
    ]);
    Ok(text_at(&on.call(LOGS, "PutQueryDefinition", input)?, "queryDefinitionId"))
}

fn put_policy(on: &mut On<'_, '_>) -> Done<()> {
    let policy = on.document("PolicyDocument");
    let input = map([("policyName", on.prop("PolicyName")), ("policyDocument", policy)]);
    on.call(LOGS, "PutResourcePolicy", input).map(drop)
}

fn subscription(on: &mut On<'_, '_>, name: &str) -> Done<()> {
    let input = map([
        ("logGroupName", on.prop("LogGroupName")),
        ("filterName", Value::str(name)),
        ("filterPattern", Value::Str(on.text("FilterPattern").unwrap_or_default())),
        ("destinationArn", on.prop("DestinationArn")),
        ("roleArn", on.prop("RoleArn")),
        ("distribution", on.prop("Distribution")),
    ]);
    on.call(LOGS, "PutSubscriptionFilter", input).map(drop)
}

fn filter(on: &mut On<'_, '_>, name: &str) -> Done<()> {
    let Value::List(items) = on.prop("MetricTransformations") else {
        return Err(Refusal::of("MetricTransformations must be a list."));
    };
    let transformations = items.iter().map(transformation).collect::<Done<_>>()?;
    let input = map([
        ("logGroupName", on.prop("LogGroupName")),
        ("filterName", Value::str(name)),
        ("filterPattern", Value::Str(on.text("FilterPattern").unwrap_or_default())),
        ("metricTransformations", Value::List(transformations)),
    ]);
    on.call(LOGS, "PutMetricFilter", input).map(drop)
}

/// The template's names with the operation's; its dimensions are a list there and a map here.
fn transformation(item: &Value) -> Done<Value> {
    let Value::Map(entries) = item else {
        return Err(Refusal::of("A metric transformation must be an object."));
    };
    let member = |(name, value): &(String, Value)| {
        Ok(match name.as_str() {
            "MetricName" => ("metricName".to_owned(), value.clone()),
            "MetricNamespace" => ("metricNamespace".to_owned(), value.clone()),
            "MetricValue" => ("metricValue".to_owned(), value.clone()),
            "DefaultValue" => ("defaultValue".to_owned(), value.clone()),
            "Unit" => ("unit".to_owned(), value.clone()),
            "Dimensions" => {
                let Value::List(pairs) = value else { return Err(Refusal::of("Dimensions must be a list.")) };
                let pair = |pair: &Value| {
                    only(pair, &["Key", "Value"])?;
                    Ok((text_at(pair, "Key"), Value::Str(text_at(pair, "Value"))))
                };
                ("dimensions".to_owned(), Value::Map(pairs.iter().map(pair).collect::<Done<_>>()?))
            }
            other => return Err(Refusal::of(format!("Encountered unsupported property {other}"))),
        })
    };
    entries.iter().map(member).collect::<Done<_>>().map(Value::Map)
}

fn create(on: &mut On<'_, '_>) -> Done<Made> {
    let name = on.name("LogGroupName", 512);
    let input = map([
        ("logGroupName", Value::str(&name)),
        ("logGroupClass", on.prop("LogGroupClass")),
        ("kmsKeyId", on.prop("KmsKeyId")),
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
