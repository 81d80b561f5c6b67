//! Logs Insights: queries over the events of groups.

use crate::harness::{Caller, Cloud};
use serde_json::{Value, json};
use std::time::Duration;

const ACCOUNT: &str = "123456789012";
/// The beginning of the tests' clock.
const NOW: i64 = 1_768_478_400;

fn prepare(root: &Caller<'_>) {
    for (group, stream, base) in [("app", "one", 0), ("app", "two", 5), ("other", "one", 0)] {
        root.call("logs", "CreateLogGroup", json!({ "logGroupName": group }));
        root.call("logs", "CreateLogStream", json!({ "logGroupName": group, "logStreamName": stream })).ok();
        let event = |n: i64| {
            let message =
                json!({ "n": n + base, "level": if n % 2 == 0 { "ERROR" } else { "INFO" } }).to_string();
            json!({ "timestamp": (NOW - 60 + n) * 1_000, "message": message })
        };
        let events: Vec<Value> = (0..5).map(event).collect();
        let put = json!({ "logGroupName": group, "logStreamName": stream, "logEvents": events });
        root.call("logs", "PutLogEvents", put).ok();
    }
}

fn start(root: &Caller<'_>, text: &str, more: Value) -> crate::harness::Reply {
    let mut all = json!({ "startTime": NOW - 3_600, "endTime": NOW, "queryString": text });
    all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    root.call("logs", "StartQuery", all)
}

fn results(cloud: &Cloud, root: &Caller<'_>, text: &str, more: Value) -> (Vec<String>, Value) {
    let id = start(root, text, more).ok()["queryId"].clone();
    cloud.reconcile();
    let told = root.call("logs", "GetQueryResults", json!({ "queryId": id })).ok();
    assert_eq!(told["status"], "Complete");
    let cell =
        |cell: &Value| format!("{}={}", cell["field"].as_str().unwrap(), cell["value"].as_str().unwrap());
    let row = |row: &Value| row.as_array().unwrap().iter().map(cell).collect::<Vec<_>>().join(" ");
    (told["results"].as_array().unwrap().iter().map(row).collect(), told)
}

#[test]
fn a_query_goes_over_all_streams_of_its_groups() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    prepare(&root);
    let app = || json!({ "logGroupName": "app" });
    let text =
        "filter level = 'ERROR' | stats count(*) as errors, max(n) as most by @logStream | sort @logStream";
    let (rows, told) = results(&cloud, &root, text, app());
    assert_eq!(rows, ["@logStream=one errors=3 most=4", "@logStream=two errors=3 most=9"]);
    let statistics = &told["statistics"];
    assert_eq!(
        (statistics["recordsScanned"].as_f64(), statistics["recordsMatched"].as_f64()),
        (Some(10.0), Some(6.0))
    );

    let both =
        json!({ "logGroupIdentifiers": ["app", "arn:aws:logs:us-east-1:123456789012:log-group:other"] });
    let (rows, _) = results(&cloud, &root, "stats count(*) by @log | sort @log", both);
    assert_eq!(rows, ["@log=123456789012:app count(*)=10", "@log=123456789012:other count(*)=5"]);

    let (rows, told) =
        results(&cloud, &root, "fields @timestamp, n | filter @logStream = 'one' | limit 1", app());
    assert!(rows[0].starts_with("@timestamp=2026-01-15 11:59:04.000 n=4 @ptr="), "{rows:?}");
    let pointer = told["results"][0][2]["value"].clone();
    let record = root.call("logs", "GetLogRecord", json!({ "logRecordPointer": pointer })).ok();
    assert_eq!(record["logRecord"]["@logStream"], "one");
}

#[test]
fn results_come_in_pages_and_are_forgotten_after_a_week() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    prepare(&root);
    let text = "fields n | sort n | display n";
    let id = start(&root, text, json!({ "logGroupNames": ["app"], "limit": 7 })).ok()["queryId"].clone();
    let waits = root.call("logs", "GetQueryResults", json!({ "queryId": id })).ok();
    assert_eq!((&waits["status"], &waits["results"]), (&json!("Scheduled"), &json!([])));
    cloud.reconcile();
    let (mut seen, mut token) = (Vec::new(), Value::Null);
    loop {
        let mut ask = json!({ "queryId": id, "maxItems": 3 });
        if token.is_string() {
            ask["nextToken"] = token;
        }
        let page = root.call("logs", "GetQueryResults", ask).ok();
        seen.extend(
            page["results"]
                .as_array()
                .unwrap()
                .iter()
                .map(|row| row[0]["value"].as_str().unwrap().to_owned()),
        );
        token = page["nextToken"].clone();
        if token.is_null() {
            break;
        }
    }
    assert_eq!(seen, ["0", "1", "2", "3", "4", "5", "6"]);
    let listed = root.call("logs", "DescribeQueries", json!({ "status": "Complete" })).ok();
    assert_eq!((&listed["queries"][0]["queryId"], &listed["queries"][0]["queryString"]), (&id, &json!(text)));
    cloud.advance(Duration::from_secs(7 * 86_400));
    cloud.reconcile();
    root.call("logs", "GetQueryResults", json!({ "queryId": id })).refused_with(
        400,
        "ResourceNotFoundException",
        "The specified query does not exist.",
    );
}

#[test]
fn what_is_no_query_is_refused() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    prepare(&root);
    let app = || json!({ "logGroupName": "app" });
    start(&root, "fields a b", app()).refused_with(
        400,
        "MalformedQueryException",
        "expected '|' at position 9, found 'b'",
    );
    start(&root, "fields a", json!({})).refused(400, "InvalidParameterException");
    start(&root, "fields a", json!({ "logGroupName": "none" })).refused(400, "ResourceNotFoundException");
    let sql = json!({ "logGroupName": "app", "queryLanguage": "SQL" });
    start(&root, "select 1", sql).refused_with(
        501,
        "NotImplemented",
        "Queries in SQL are not built in this version of Virga.",
    );
    let id = start(&root, "fields a", app()).ok()["queryId"].clone();
    let stopped = root.call("logs", "StopQuery", json!({ "queryId": id })).ok();
    assert_eq!(stopped["success"], true);
    cloud.reconcile();
    let told = root.call("logs", "GetQueryResults", json!({ "queryId": id })).ok();
    assert_eq!(told["status"], "Cancelled");
    root.call("logs", "StopQuery", json!({ "queryId": id })).refused(400, "InvalidParameterException");
    let policy = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"logs:StartQuery","Resource":"arn:aws:logs:*:*:log-group:app:*"}}"#;
    let user = cloud.user(&root, "u", policy);
    start(&user, "fields a", app()).ok();
    let both = json!({ "logGroupNames": ["app", "other"] });
    start(&user, "fields a", both).refused(400, "AccessDeniedException");
}

#[test]
fn definitions_are_kept_by_name() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let put = json!({ "name": "errors/all", "queryString": "filter a = 1", "logGroupNames": ["app"] });
    let id = root.call("logs", "PutQueryDefinition", put).ok()["queryDefinitionId"].clone();
    let again = json!({ "name": "errors/some", "queryString": "filter a = 2", "queryDefinitionId": id });
    assert_eq!(root.call("logs", "PutQueryDefinition", again).ok()["queryDefinitionId"], id);
    let ask = json!({ "queryDefinitionNamePrefix": "errors/" });
    let told = root.call("logs", "DescribeQueryDefinitions", ask).ok();
    let [one] = &told["queryDefinitions"].as_array().unwrap()[..] else { panic!("{told}") };
    assert_eq!((&one["name"], &one["queryString"]), (&json!("errors/some"), &json!("filter a = 2")));
    let gone = json!({ "queryDefinitionId": id });
    assert_eq!(root.call("logs", "DeleteQueryDefinition", gone.clone()).ok()["success"], true);
    root.call("logs", "DeleteQueryDefinition", gone).refused(400, "ResourceNotFoundException");
}
