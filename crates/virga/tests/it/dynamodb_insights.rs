//! Contributor Insights of tables: on and off, and who uses most, as CloudWatch reports it.

use crate::dynamodb_tables::{ONE, indexed, make, table};
use crate::harness::{Caller, Cloud};
use serde_json::{Value, json};
use std::time::Duration;

/// The burst of one unit a second.
const BURST: usize = 300;
const MILLIS: &str = "1768478400000";

fn ask(root: &Caller<'_>, operation: &str, request: Value) -> Value {
    root.call("dynamodb", &format!("{operation}ContributorInsights"), request).ok()
}

fn put(root: &Caller<'_>, pk: &str, sk: i64, g: &str) -> crate::harness::Reply {
    let item = json!({"pk": {"S": pk}, "sk": {"N": sk.to_string()}, "g": {"S": g}});
    root.call("dynamodb", "PutItem", json!({"TableName": "shop", "Item": item}))
}

fn rule(kind: &str, resource: &str) -> String {
    format!("DynamoDBContributorInsights-{kind}-{resource}-{MILLIS}")
}

fn report(root: &Caller<'_>, rule: &str, more: Value) -> crate::harness::Reply {
    let mut asked = json!({
        "RuleName": rule, "StartTime": "2026-01-15T12:00:00Z", "EndTime": "2026-01-15T13:00:00Z", "Period": 3600,
    });
    asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    root.call("cloudwatch", "GetInsightRuleReport", asked)
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| value.as_str().unwrap().parse().unwrap())
}

/// Keys and values of a rule's contributors.
fn contributors(root: &Caller<'_>, rule: &str) -> Vec<(String, f64)> {
    let seen = report(root, rule, json!({})).ok();
    let all = seen["Contributors"].as_array().cloned().unwrap_or_default();
    let keys = |one: &Value| {
        let keys = one["Keys"].as_array().unwrap();
        keys.iter().map(|key| key.as_str().unwrap()).collect::<Vec<_>>().join("/")
    };
    all.iter().map(|one| (keys(one), number(&one["ApproximateAggregateValue"]))).collect()
}

fn seen(expected: &[(&str, f64)]) -> Vec<(String, f64)> {
    expected.iter().map(|(keys, value)| ((*keys).to_owned(), *value)).collect()
}

#[test]
fn insights_come_and_go() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    make(&cloud, &root, indexed("shop", true));
    let (own, of_index) = (json!({"TableName": "shop"}), json!({"TableName": "shop", "IndexName": "by-g"}));
    assert_eq!(
        ask(&root, "Describe", own.clone()),
        json!({"TableName": "shop", "ContributorInsightsStatus": "DISABLED"})
    );
    let mut enable = own.clone();
    enable["ContributorInsightsAction"] = json!("ENABLE");
    let mode = "ACCESSED_AND_THROTTLED_KEYS";
    assert_eq!(
        ask(&root, "Update", enable.clone()),
        json!({"TableName": "shop", "ContributorInsightsStatus": "ENABLING", "ContributorInsightsMode": mode})
    );
    cloud.reconcile();
    let described = ask(&root, "Describe", own.clone());
    let rules: Vec<String> = ["PKC", "PKT", "SKC", "SKT"].map(|kind| rule(kind, "shop")).into();
    assert_eq!(described["ContributorInsightsRuleList"], json!(rules));
    assert_eq!(described["ContributorInsightsStatus"], "ENABLED");
    assert_eq!(number(&described["LastUpdateDateTime"]), 1_768_478_400.0);
    let mut throttled = of_index.clone();
    throttled["ContributorInsightsAction"] = json!("ENABLE");
    throttled["ContributorInsightsMode"] = json!("THROTTLED_KEYS");
    ask(&root, "Update", throttled);
    cloud.reconcile();
    let described = ask(&root, "Describe", of_index);
    assert_eq!(described["ContributorInsightsRuleList"], json!([rule("PKT", "shop-by-g")]));
    // What is as it is asked to be stays so.
    cloud.advance(Duration::from_secs(60));
    assert_eq!(ask(&root, "Update", enable.clone())["ContributorInsightsStatus"], "ENABLED");
    assert_eq!(number(&ask(&root, "Describe", own.clone())["LastUpdateDateTime"]), 1_768_478_400.0);
    // A page at a time.
    let first = ask(&root, "List", json!({"MaxResults": 1}));
    let summary = json!([{"TableName": "shop", "ContributorInsightsStatus": "ENABLED", "ContributorInsightsMode": mode}]);
    assert_eq!(first["ContributorInsightsSummaries"], summary);
    let next = json!({"TableName": null, "NextToken": first["NextToken"]});
    let second = ask(&root, "List", json!({"NextToken": next["NextToken"]}));
    assert_eq!(second["ContributorInsightsSummaries"][0]["IndexName"], "by-g");
    assert_eq!(second["ContributorInsightsSummaries"][0]["ContributorInsightsMode"], "THROTTLED_KEYS");
    assert!(second.get("NextToken").is_none());
    root.call("dynamodb", "ListContributorInsights", json!({"NextToken": "x"}))
        .refused(400, "ValidationException");
    // CloudWatch knows the rules.
    let all = || {
        let all = root.call("cloudwatch", "DescribeInsightRules", json!({})).ok();
        all["InsightRules"].as_array().cloned().unwrap_or_default()
    };
    assert_eq!(all().len(), 5);
    assert_eq!(all()[0]["Name"], rules[0]);
    assert_eq!(all()[0]["Schema"], r#"{"Name": "ServiceLogRule", "Version": 1}"#);
    assert_eq!(all()[0]["State"], "ENABLED");
    // Another mode has other rules; off has none.
    enable["ContributorInsightsMode"] = json!("THROTTLED_KEYS");
    ask(&root, "Update", enable);
    cloud.reconcile();
    assert_eq!(all().len(), 3);
    let disable = json!({"TableName": "shop", "ContributorInsightsAction": "DISABLE"});
    assert_eq!(ask(&root, "Update", disable.clone())["ContributorInsightsStatus"], "DISABLING");
    cloud.reconcile();
    assert_eq!(ask(&root, "Update", disable)["ContributorInsightsStatus"], "DISABLED");
    // What is off tells its mode, and is not listed.
    let off = ask(&root, "Describe", own.clone());
    assert!(off.get("ContributorInsightsRuleList").is_none());
    assert_eq!(off["ContributorInsightsMode"], "THROTTLED_KEYS");
    let listed = ask(&root, "List", own);
    assert_eq!(listed["ContributorInsightsSummaries"].as_array().unwrap().len(), 1);
    assert_eq!(all().len(), 1);
    root.call("dynamodb", "DescribeContributorInsights", json!({"TableName": "none"}))
        .refused(400, "ResourceNotFoundException");
    root.call("dynamodb", "DescribeContributorInsights", json!({"TableName": "shop", "IndexName": "none"}))
        .refused_with(
            400,
            "ResourceNotFoundException",
            "Requested resource not found: Index: none not found for table: shop",
        );
    // With the table its indexes' rules go.
    root.call("dynamodb", "DeleteTable", json!({"TableName": "shop"})).ok();
    cloud.reconcile();
    assert_eq!(all(), Vec::<Value>::new());
}

#[test]
fn whoever_uses_most_is_told() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    make(&cloud, &root, indexed("shop", true));
    put(&root, "before", 1, "x").ok();
    for index in [None, Some("by-g")] {
        let mut enable = json!({"TableName": "shop", "ContributorInsightsAction": "ENABLE"});
        if let Some(index) = index {
            enable["IndexName"] = json!(index);
        }
        ask(&root, "Update", enable);
    }
    cloud.reconcile();
    put(&root, "a", 1, "x").ok();
    put(&root, "a", 2, "x").ok();
    put(&root, "b", 1, "y").ok();
    let get =
        json!({"TableName": "shop", "Key": {"pk": {"S": "b"}, "sk": {"N": "1"}}, "ConsistentRead": true});
    root.call("dynamodb", "GetItem", get).ok();
    cloud.reconcile();
    cloud.advance(Duration::from_secs(60));
    // A transaction costs twice; what is cancelled costs nobody.
    let write = |pk: &str, condition: Option<&str>| {
        let mut write = json!({"TableName": "shop", "Item": {"pk": {"S": pk}, "sk": {"N": "9"}}});
        if let Some(condition) = condition {
            write["ConditionExpression"] = json!(condition);
        }
        json!({ "Put": write })
    };
    root.call("dynamodb", "TransactWriteItems", json!({"TransactItems": [write("a", None)]})).ok();
    let fails = json!({"TransactItems": [write("a", None), write("b", Some("attribute_exists(pk)"))]});
    root.call("dynamodb", "TransactWriteItems", fails).refused(400, "TransactionCanceledException");
    let batch = json!({"RequestItems": {"shop": {"Keys": [{"pk": {"S": "c"}, "sk": {"N": "1"}}]}}});
    root.call("dynamodb", "BatchGetItem", batch).ok();
    let query = json!({
        "TableName": "shop", "IndexName": "by-g", "KeyConditionExpression": "g = :g",
        "ExpressionAttributeValues": {":g": {"S": "y"}},
    });
    root.call("dynamodb", "Query", query).ok();
    cloud.reconcile();
    let own = contributors(&root, &rule("PKC", "shop"));
    assert_eq!(own, seen(&[("a", 4.0), ("b", 2.0), ("c", 0.5)]));
    let sorted = contributors(&root, &rule("SKC", "shop"));
    assert_eq!(sorted, seen(&[("a/9", 2.0), ("b/1", 2.0), ("a/1", 1.0), ("a/2", 1.0), ("c/1", 0.5)]));
    let of_index = contributors(&root, &rule("PKC", "shop-by-g"));
    assert_eq!(of_index, seen(&[("x", 2.0), ("y", 1.5)]));
    assert_eq!(contributors(&root, &rule("PKT", "shop")), []);
    let metrics =
        ["UniqueContributors", "MaxContributorValue", "SampleCount", "Sum", "Minimum", "Maximum", "Average"];
    let whole =
        report(&root, &rule("PKC", "shop"), json!({"Metrics": metrics, "MaxContributorCount": 1})).ok();
    assert_eq!((&whole["KeyLabels"], &whole["AggregationStatistic"]), (&json!(["pk"]), &json!("Sum")));
    assert_eq!(number(&whole["AggregateValue"]), 6.5);
    assert_eq!(number(&whole["ApproximateUniqueCount"]), 3.0);
    assert_eq!(whole["Contributors"].as_array().unwrap().len(), 1);
    let point = &whole["MetricDatapoints"][0];
    let shown = metrics.map(|metric| number(&point[metric]));
    assert_eq!(shown, [3.0, 4.0, 6.0, 6.5, 0.5, 2.0, 6.5 / 6.0]);
    // By the minute.
    let minutes = report(&root, &rule("PKC", "shop"), json!({"Period": 60})).ok();
    let points = minutes["Contributors"][0]["Datapoints"].as_array().unwrap().clone();
    assert_eq!(points.iter().map(|point| number(&point["ApproximateValue"])).collect::<Vec<_>>(), [2.0, 2.0]);
    let by_most = report(&root, &rule("PKC", "shop"), json!({"OrderBy": "Maximum"})).ok();
    assert_eq!(number(&by_most["Contributors"][0]["ApproximateAggregateValue"]), 2.0);
    report(&root, "none", json!({})).refused(404, "ResourceNotFoundException");
    for wrong in [
        json!({"EndTime": "2026-01-15T11:00:00Z"}),
        json!({"EndTime": "2026-01-17T11:00:00Z"}),
        json!({"Period": 61}),
        json!({"MaxContributorCount": 101}),
        json!({"Metrics": ["Median"]}),
        json!({"OrderBy": "Median"}),
    ] {
        report(&root, &rule("PKC", "shop"), wrong).refused(400, "InvalidParameterValueException");
    }
    // Nobody else's, and only who may.
    report(&cloud.root("222222222222"), &rule("PKC", "shop"), json!({}))
        .refused(404, "ResourceNotFoundException");
    let eva = cloud.user(&root, "eva", "");
    report(&eva, &rule("PKC", "shop"), json!({})).refused(400, "AccessDeniedException");
    // A restored table begins without.
    let restore = json!({"TableName": "shop", "BackupName": "one"});
    let backup = root.call("dynamodb", "CreateBackup", restore).ok();
    let arn = &backup["BackupDetails"]["BackupArn"];
    let restore = json!({"TargetTableName": "copy", "BackupArn": arn});
    root.call("dynamodb", "RestoreTableFromBackup", restore).ok();
    cloud.reconcile();
    assert_eq!(ask(&root, "Describe", json!({"TableName": "copy"}))["ContributorInsightsStatus"], "DISABLED");
}

#[test]
fn whoever_is_throttled_is_told() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    let mut request = table("shop", true);
    request["BillingMode"] = json!("PROVISIONED");
    request["ProvisionedThroughput"] = json!({"ReadCapacityUnits": 1, "WriteCapacityUnits": 1});
    make(&cloud, &root, request);
    let enable = json!({
        "TableName": "shop", "ContributorInsightsAction": "ENABLE", "ContributorInsightsMode": "THROTTLED_KEYS",
    });
    ask(&root, "Update", enable);
    cloud.reconcile();
    for _ in 0..BURST {
        put(&root, "a", 1, "x").ok();
    }
    for _ in 0..3 {
        put(&root, "a", 1, "x").refused(400, "ProvisionedThroughputExceededException");
    }
    put(&root, "b", 2, "x").refused(400, "ProvisionedThroughputExceededException");
    cloud.cloud.reconcilers().iter().try_for_each(|work| work.last(&cloud.cloud)).unwrap();
    assert_eq!(contributors(&root, &rule("PKT", "shop")), seen(&[("a", 3.0), ("b", 1.0)]));
    assert_eq!(contributors(&root, &rule("SKT", "shop")), seen(&[("a/1", 3.0), ("b/2", 1.0)]));
    report(&root, &rule("PKC", "shop"), json!({})).refused(404, "ResourceNotFoundException");
    // Minutes are kept for a day.
    cloud.advance(Duration::from_secs(2 * 86_400));
    for _ in 0..BURST + 1 {
        put(&root, "c", 1, "x");
    }
    cloud.reconcile();
    assert_eq!(contributors(&root, &rule("PKT", "shop")), []);
}
