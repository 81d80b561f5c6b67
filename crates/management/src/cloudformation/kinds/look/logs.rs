//! Log groups.

use super::machine::put;
use super::{Look, PLAIN, gone, list, named, own, tags};
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
    read: group,
    identifiers: &["LogGroupName"],
    ..PLAIN
};

pub(in crate::cloudformation::kinds) static METRIC_FILTER: Look = Look {
    sees: &["FilterName", "FilterPattern", "LogGroupName", "MetricTransformations"],
    read: |on| {
        let found = filter(on, "DescribeMetricFilters", "metricFilters")?;
        let mut all = lowered(&METRIC_FILTER, &found);
        let transformed = list(&found, "metricTransformations").iter().map(transformation).collect();
        put(&mut all, "MetricTransformations", Value::List(transformed));
        Ok(Seen::of(all, Vec::new()))
    },
    identifiers: &["LogGroupName", "FilterName"],
    called: |values| values[1].clone(),
    ..PLAIN
};

pub(in crate::cloudformation::kinds) static SUBSCRIPTION_FILTER: Look = Look {
    sees: &["DestinationArn", "Distribution", "FilterName", "FilterPattern", "LogGroupName", "RoleArn"],
    read: |on| {
        let found = filter(on, "DescribeSubscriptionFilters", "subscriptionFilters")?;
        Ok(Seen::of(lowered(&SUBSCRIPTION_FILTER, &found), Vec::new()))
    },
    identifiers: &["FilterName", "LogGroupName"],
    called: |values| values[0].clone(),
    ..PLAIN
};

pub(in crate::cloudformation::kinds) static STREAM: Look = Look {
    sees: &["LogGroupName", "LogStreamName"],
    read: |on| {
        let group = Value::Str(on.identity("LogGroupName"));
        let input = vec![("logGroupName", group.clone()), ("logStreamNamePrefix", on.physical())];
        one(on, "DescribeLogStreams", input, ("logStreams", "logStreamName"))?;
        let all = vec![("LogGroupName".to_owned(), group), ("LogStreamName".to_owned(), on.physical())];
        Ok(Seen::of(all, Vec::new()))
    },
    identifiers: &["LogGroupName", "LogStreamName"],
    called: |values| values[1].clone(),
    ..PLAIN
};

pub(in crate::cloudformation::kinds) static QUERY: Look = Look {
    sees: &["LogGroupNames", "Name", "QueryLanguage", "QueryString"],
    read: |on| {
        let found =
            one(on, "DescribeQueryDefinitions", Vec::new(), ("queryDefinitions", "queryDefinitionId"))?;
        Ok(Seen::of(lowered(&QUERY, &found), vec![("QueryDefinitionId", on.physical())]))
    },
    identifiers: &["QueryDefinitionId"],
    ..PLAIN
};

pub(in crate::cloudformation::kinds) static RESOURCE_POLICY: Look = Look {
    sees: &["PolicyDocument", "PolicyName"],
    whole: &["PolicyDocument"],
    read: |on| {
        let found = one(on, "DescribeResourcePolicies", Vec::new(), ("resourcePolicies", "policyName"))?;
        Ok(Seen::of(lowered(&RESOURCE_POLICY, &found), Vec::new()))
    },
    identifiers: &["PolicyName"],
    ..PLAIN
};

pub(in crate::cloudformation::kinds) static ACCOUNT_POLICY: Look = Look {
    sees: &["PolicyDocument", "PolicyName", "PolicyType", "Scope", "SelectionCriteria"],
    whole: &["PolicyDocument"],
    read: |on| {
        let (kind, name) = (on.identity("PolicyType"), on.identity("PolicyName"));
        let input = map([("policyType", Value::Str(kind)), ("policyName", Value::str(&name))]);
        let told = on.ask(LOGS, "DescribeAccountPolicies", input)?;
        let found = list(&told, "accountPolicies").into_iter().find(|one| text_at(one, "policyName") == name);
        let found = found.ok_or_else(|| gone(on.physical))?;
        Ok(Seen::of(lowered(&ACCOUNT_POLICY, &found), vec![("AccountId", own(&found, "accountId"))]))
    },
    identifiers: &["AccountId", "PolicyType", "PolicyName"],
    ..PLAIN
};

/// The policy of this name that the account has already.
pub(in crate::cloudformation::kinds) fn is_kept(on: &mut On<'_, '_>) -> Done<Option<String>> {
    let values = [on.account().to_owned(), on.identity("PolicyType"), on.identity("PolicyName")];
    ACCOUNT_POLICY.is_there(on, &values)
}

/// What is seen, by names that the service begins with small letters.
fn lowered(look: &Look, told: &Value) -> Vec<(String, Value)> {
    let path = |name: &str| format!("{}{}", name[..1].to_lowercase(), &name[1..]);
    look.sees.iter().map(|name| ((*name).to_owned(), own(told, &path(name)))).collect()
}

/// The one in a list that goes by the physical id.
fn one(
    on: &mut On<'_, '_>,
    operation: &str,
    input: Vec<(&str, Value)>,
    (path, name): (&str, &str),
) -> Done<Value> {
    let all = on.ask_all((LOGS, operation), input, path, ("nextToken", "nextToken"))?;
    let found = all.into_iter().find(|one| text_at(one, name) == on.physical);
    found.ok_or_else(|| gone(on.physical))
}

fn filter(on: &mut On<'_, '_>, operation: &str, path: &str) -> Done<Value> {
    let group = ("logGroupName", Value::Str(on.identity("LogGroupName")));
    one(on, operation, vec![group, ("filterNamePrefix", on.physical())], (path, "filterName"))
}

/// The operation's names with the template's.
fn transformation(told: &Value) -> Value {
    let dimension =
        |(key, value): &(String, Value)| map([("Key", Value::str(key)), ("Value", value.clone())]);
    let dimensions = match own(told, "dimensions") {
        Value::Map(all) => Value::List(all.iter().map(dimension).collect()),
        _ => Value::Null,
    };
    map([
        ("MetricName", own(told, "metricName")),
        ("MetricNamespace", own(told, "metricNamespace")),
        ("MetricValue", own(told, "metricValue")),
        ("DefaultValue", own(told, "defaultValue")),
        ("Unit", own(told, "unit")),
        ("Dimensions", dimensions),
    ])
}

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
