//! CloudWatch: alarms on alarms, and dashboards.

use crate::cloudformation_stacks::{created, settle};
use crate::harness::{Caller, Cloud};
use serde_json::{Value, json};

const ACCOUNT: &str = "123456789012";
const ARN: &str = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:";

fn metric_alarm(root: &Caller<'_>, name: &str) {
    let alarm = json!({
        "AlarmName": name, "Namespace": "App", "MetricName": name, "Statistic": "Sum", "Period": 60,
        "EvaluationPeriods": 1, "Threshold": 1.0, "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "ignore",
    });
    root.call("cloudwatch", "PutMetricAlarm", alarm).ok();
}

fn composite(root: &Caller<'_>, name: &str, rule: &str, topic: &str) -> crate::harness::Reply {
    let alarm = json!({ "AlarmName": name, "AlarmRule": rule, "AlarmActions": [topic] });
    root.call("cloudwatch", "PutCompositeAlarm", alarm)
}

fn set(cloud: &Cloud, root: &Caller<'_>, name: &str, state: &str) {
    let state = json!({ "AlarmName": name, "StateValue": state, "StateReason": "test" });
    root.call("cloudwatch", "SetAlarmState", state).ok();
    cloud.reconcile();
}

fn described(root: &Caller<'_>) -> Vec<Value> {
    let found = root.call("cloudwatch", "DescribeAlarms", json!({ "AlarmTypes": ["CompositeAlarm"] })).ok();
    found["CompositeAlarms"].as_array().unwrap().clone()
}

fn states(root: &Caller<'_>) -> Vec<(String, String)> {
    let text = |alarm: &Value, member: &str| alarm[member].as_str().unwrap().to_owned();
    described(root).iter().map(|alarm| (text(alarm, "AlarmName"), text(alarm, "StateValue"))).collect()
}

/// A topic with a queue that hears it.
fn topic(root: &Caller<'_>) -> (String, String) {
    let topic = root.call("sns", "CreateTopic", json!({ "Name": "t" })).ok();
    let topic = topic["TopicArn"].as_str().unwrap().to_owned();
    let policy = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"Service":"sns.amazonaws.com"}},
            "Action":"sqs:SendMessage","Resource":"*","Condition":{{"ArnEquals":{{"aws:SourceArn":"{topic}"}}}}}}]}}"#
    );
    let queue = json!({ "QueueName": "q", "Attributes": { "Policy": policy } });
    let url = root.call("sqs", "CreateQueue", queue).ok()["QueueUrl"].as_str().unwrap().to_owned();
    let endpoint = format!("arn:aws:sqs:us-east-1:{ACCOUNT}:q");
    root.call("sns", "Subscribe", json!({ "TopicArn": topic, "Protocol": "sqs", "Endpoint": endpoint })).ok();
    let open = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"Service":"cloudwatch.amazonaws.com"}},
            "Action":"sns:Publish","Resource":"{topic}"}}]}}"#
    );
    let attribute = json!({ "TopicArn": topic, "AttributeName": "Policy", "AttributeValue": open });
    root.call("sns", "SetTopicAttributes", attribute).ok();
    (topic, url)
}

fn heard(root: &Caller<'_>, queue: &str) -> Vec<Value> {
    let received = json!({ "QueueUrl": queue, "MaxNumberOfMessages": 10 });
    let received = root.call("sqs", "ReceiveMessage", received).ok();
    let body = |message: &Value| serde_json::from_str(message["Body"].as_str().unwrap()).unwrap();
    received["Messages"].as_array().map(|all| all.iter().map(body).collect()).unwrap_or_default()
}

#[test]
fn a_rule_may_ask_for_so_many_alarms() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let (topic, _) = topic(&root);
    ["a", "b", "c"].iter().for_each(|name| metric_alarm(&root, name));
    composite(&root, "two", "AT_LEAST(2, ALARM, (a, \"b\", c))", &topic).ok();
    cloud.reconcile();
    set(&cloud, &root, "a", "ALARM");
    assert_eq!(states(&root), [("two".to_owned(), "OK".to_owned())]);
    set(&cloud, &root, "c", "ALARM");
    assert_eq!(states(&root), [("two".to_owned(), "ALARM".to_owned())]);
    composite(&root, "more", "AT_LEAST(4, ALARM, (a, b, c))", &topic).refused(400, "ValidationException");
}

#[test]
fn what_an_alarm_tells_has_all_that_aws_says() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let (topic, queue) = topic(&root);
    let policy = json!({ "Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*",
    } });
    let bus = json!({ "QueueName": "bus", "Attributes": { "Policy": policy.to_string() } });
    let bus = root.call("sqs", "CreateQueue", bus).ok()["QueueUrl"].as_str().unwrap().to_owned();
    let pattern = r#"{"detail-type":["CloudWatch Alarm Configuration Change"]}"#;
    root.call("events", "PutRule", json!({ "Name": "r", "EventPattern": pattern })).ok();
    let target = json!([{ "Id": "q", "Arn": format!("arn:aws:sqs:us-east-1:{ACCOUNT}:bus") }]);
    root.call("events", "PutTargets", json!({ "Rule": "r", "Targets": target })).ok();
    let alarm = |threshold: f64| {
        let alarm = json!({
            "AlarmName": "cpu", "Namespace": "App", "MetricName": "m", "ExtendedStatistic": "p99", "Period": 60,
            "EvaluationPeriods": 2, "DatapointsToAlarm": 1, "Threshold": threshold,
            "ComparisonOperator": "GreaterThanThreshold", "AlarmActions": [topic],
        });
        root.call("cloudwatch", "PutMetricAlarm", alarm).ok();
        cloud.reconcile();
    };
    alarm(1.0);
    alarm(2.0);
    set(&cloud, &root, "cpu", "ALARM");
    let [envelope] = &heard(&root, &queue)[..] else { panic!("not one message") };
    assert_eq!(envelope["Subject"], "ALARM: \"cpu\" in US East (N. Virginia)");
    let message: Value = serde_json::from_str(envelope["Message"].as_str().unwrap()).unwrap();
    let expected = json!({
        "AlarmName": "cpu", "AlarmDescription": null, "AWSAccountId": ACCOUNT,
        "AlarmConfigurationUpdatedTimestamp": "2026-01-15T12:00:00.000+0000", "NewStateValue": "ALARM",
        "NewStateReason": "test", "StateChangeTime": "2026-01-15T12:00:00.000+0000",
        "Region": "US East (N. Virginia)", "AlarmArn": format!("{ARN}cpu"), "OldStateValue": "INSUFFICIENT_DATA",
        "OKActions": [], "AlarmActions": [topic], "InsufficientDataActions": [],
        "Trigger": {
            "MetricName": "m", "Namespace": "App", "StatisticType": "ExtendedStatistic", "ExtendedStatistic": "p99",
            "Unit": null, "Dimensions": [], "Period": 60, "EvaluationPeriods": 2, "DatapointsToAlarm": 1,
            "ComparisonOperator": "GreaterThanThreshold", "Threshold": 2.0, "TreatMissingData": "missing",
            "EvaluateLowSampleCountPercentile": "",
        },
    });
    assert_eq!(message, expected);

    root.call("cloudwatch", "DeleteAlarms", json!({ "AlarmNames": ["cpu"] })).ok();
    // What is told in one run is delivered in the next.
    (0..3).for_each(|_| cloud.reconcile());
    let told = heard(&root, &bus);
    let of = |operation: &str| told.iter().find(|event| event["detail"]["operation"] == operation).unwrap();
    assert_eq!(told.len(), 3, "{told:?}");
    assert_eq!(of("create")["resources"], json!([format!("{ARN}cpu")]));
    assert_eq!(of("create")["detail"]["configuration"]["threshold"], 1.0);
    let update = &of("update")["detail"];
    assert_eq!(update["previousConfiguration"]["threshold"], 1.0);
    assert_eq!(update["configuration"]["threshold"], 2.0);
    assert_eq!(update["configuration"]["metrics"][0]["metricStat"]["stat"], "p99");
    assert_eq!(of("delete")["detail"]["state"]["value"], "ALARM");
}

#[test]
fn composite_alarms_stand_by_their_rules_and_act() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let (topic, queue) = topic(&root);
    ["cpu", "disk"].iter().for_each(|name| metric_alarm(&root, name));
    composite(&root, "both", "ALARM(cpu) AND ALARM(\"disk\")", &topic).ok();
    composite(&root, "above", &format!("ALARM(\"{ARN}both\") OR FALSE"), &topic).ok();
    cloud.reconcile();
    let of = |both: &str, above: &str| vec![("above".into(), above.into()), ("both".into(), both.into())];
    assert_eq!(states(&root), of("OK", "OK"));
    set(&cloud, &root, "cpu", "ALARM");
    assert_eq!(states(&root), of("OK", "OK"));
    set(&cloud, &root, "disk", "ALARM");
    assert_eq!(states(&root), of("ALARM", "ALARM"));
    let both = &described(&root)[1];
    assert_eq!(both["AlarmRule"], "ALARM(cpu) AND ALARM(\"disk\")");
    let data: Value = serde_json::from_str(both["StateReasonData"].as_str().unwrap()).unwrap();
    assert_eq!(data["triggeringAlarms"][0]["arn"], format!("{ARN}cpu"));
    assert_eq!(data["triggeringAlarms"][0]["state"]["value"], "ALARM");

    let received = json!({ "QueueUrl": queue, "MaxNumberOfMessages": 10 });
    let received = root.call("sqs", "ReceiveMessage", received).ok();
    let told: Vec<Value> = received["Messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|message| serde_json::from_str::<Value>(message["Body"].as_str().unwrap()).unwrap())
        .map(|envelope| serde_json::from_str(envelope["Message"].as_str().unwrap()).unwrap())
        .collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told.iter().all(|alarm| alarm["NewStateValue"] == "ALARM" && alarm.get("Trigger").is_none()));

    set(&cloud, &root, "cpu", "OK");
    assert_eq!(states(&root), of("OK", "OK"));
    let history =
        json!({ "AlarmName": "both", "AlarmTypes": ["CompositeAlarm"], "HistoryItemType": "StateUpdate" });
    let history = root.call("cloudwatch", "DescribeAlarmHistory", history).ok();
    let kinds = history["AlarmHistoryItems"].as_array().unwrap();
    assert_eq!(kinds.len(), 3);
    assert!(kinds.iter().all(|item| item["AlarmType"] == "CompositeAlarm"));
    // Who names no types gets metric alarms only.
    let plain = root.call("cloudwatch", "DescribeAlarms", json!({})).ok();
    assert_eq!(plain["MetricAlarms"].as_array().unwrap().len(), 2);
    assert!(plain.get("CompositeAlarms").is_none_or(|list| list == &json!([])));
}

#[test]
fn what_is_no_composite_alarm_is_refused() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let topic = "arn:aws:sns:us-east-1:123456789012:t";
    metric_alarm(&root, "cpu");
    composite(&root, "c", "ALARM(cpu)", topic).ok();
    for (name, rule, action) in [
        ("x", "ALARM(cpu", topic),
        ("x", "ALARM(missing)", topic),
        ("x", "ALARM(cpu)", "topic"),
        ("c", "ALARM(c)", topic),
        ("cpu", "TRUE", topic),
    ] {
        composite(&root, name, rule, action).refused(400, "ValidationException");
    }
    composite(&root, "d", "ALARM(c)", topic).ok();
    let said = composite(&root, "c", "ALARM(cpu) OR ALARM(d)", topic).refused(400, "ValidationException");
    assert!(said.contains("leads back"), "{said}");
    root.call("cloudwatch", "DeleteAlarms", json!({ "AlarmNames": ["d"] })).ok();
    for more in [
        json!({ "ActionsSuppressor": "cpu" }),
        json!({ "ActionsSuppressor": "cpu", "ActionsSuppressorWaitPeriod": 60 }),
        json!({ "ActionsSuppressorWaitPeriod": 60 }),
        json!({ "ActionsSuppressor": "none", "ActionsSuppressorWaitPeriod": 60, "ActionsSuppressorExtensionPeriod": 60 }),
        json!({ "ActionsSuppressor": "s", "ActionsSuppressorWaitPeriod": 60, "ActionsSuppressorExtensionPeriod": 60 }),
    ] {
        let mut suppressed = json!({ "AlarmName": "s", "AlarmRule": "TRUE" });
        suppressed.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        root.call("cloudwatch", "PutCompositeAlarm", suppressed).refused(400, "ValidationException");
    }
    let metric = json!({
        "AlarmName": "c", "Namespace": "App", "MetricName": "m", "Statistic": "Sum", "Period": 60,
        "EvaluationPeriods": 1, "Threshold": 1.0, "ComparisonOperator": "GreaterThanThreshold",
    });
    root.call("cloudwatch", "PutMetricAlarm", metric).refused(400, "ValidationException");
}

#[test]
fn alarms_that_others_stand_on_are_found_and_not_deleted() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let topic = "arn:aws:sns:us-east-1:123456789012:t";
    ["cpu", "disk", "net"].iter().for_each(|name| metric_alarm(&root, name));
    composite(&root, "low", &format!("ALARM(cpu) OR ALARM(\"{ARN}disk\")"), topic).ok();
    composite(&root, "high", "ALARM(low) OR ALARM(net)", topic).ok();
    let describe = |asked: Value| root.call("cloudwatch", "DescribeAlarms", asked);
    let names = |told: &Value, kind: &str| -> Vec<String> {
        told[kind].as_array().unwrap().iter().map(|a| a["AlarmName"].as_str().unwrap().to_owned()).collect()
    };
    let children = describe(json!({ "ChildrenOfAlarmName": "high" })).ok();
    assert_eq!(names(&children, "MetricAlarms"), ["net"]);
    assert_eq!(names(&children, "CompositeAlarms"), ["low"]);
    let net = &children["MetricAlarms"][0];
    assert_eq!(net["AlarmArn"], format!("{ARN}net"));
    assert_eq!(net["StateValue"], "INSUFFICIENT_DATA");
    assert!(net.get("Threshold").is_none() && net.get("EvaluationPeriods").is_none(), "{net}");
    let parents = describe(json!({ "ParentsOfAlarmName": "cpu" })).ok();
    assert_eq!(
        (names(&parents, "MetricAlarms").len(), names(&parents, "CompositeAlarms")),
        (0, vec!["low".to_owned()])
    );
    assert!(parents["CompositeAlarms"][0].get("StateValue").is_none(), "{parents}");
    let page = describe(json!({ "ChildrenOfAlarmName": "low", "MaxRecords": 1 })).ok();
    assert_eq!(names(&page, "MetricAlarms"), ["cpu"]);
    let next = json!({ "ChildrenOfAlarmName": "low", "MaxRecords": 1, "NextToken": page["NextToken"] });
    assert_eq!(names(&describe(next).ok(), "MetricAlarms"), ["disk"]);
    for more in [
        json!({ "ChildrenOfAlarmName": "low", "ParentsOfAlarmName": "low" }),
        json!({ "ChildrenOfAlarmName": "low", "StateValue": "OK" }),
        json!({ "ParentsOfAlarmName": "low", "AlarmTypes": ["CompositeAlarm"] }),
    ] {
        describe(more).refused(400, "ValidationException");
    }

    let delete = |names: Value| root.call("cloudwatch", "DeleteAlarms", json!({ "AlarmNames": names }));
    let kept = |names: Value, list: &str, them: &str| {
        let said = format!("Cannot delete {list} as there are composite alarm(s) depending on {them}.");
        delete(names).refused_with(400, "ValidationException", &said);
    };
    kept(json!(["cpu"]), "cpu", "it");
    kept(json!(["cpu", "disk"]), "cpu,disk", "them");
    kept(json!(["low", "disk"]), "low", "it");
    delete(json!(["low", "high"])).refused(400, "ValidationException");
    // One composite alarm goes together with those that it stands on.
    delete(json!(["high", "net", "gone"])).ok();
    delete(json!(["low", "cpu", "disk"])).ok();
    let left = describe(json!({ "AlarmTypes": ["MetricAlarm", "CompositeAlarm"] })).ok();
    assert_eq!(names(&left, "MetricAlarms").len() + names(&left, "CompositeAlarms").len(), 0);
}

#[test]
fn dashboards_have_tags() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let body = r#"{"widgets": []}"#;
    let put = |value: &str| {
        let tags = json!([{ "Key": "team", "Value": value }]);
        let asked = json!({ "DashboardName": "web", "DashboardBody": body, "Tags": tags });
        root.call("cloudwatch", "PutDashboard", asked).ok();
    };
    let arn = "arn:aws:cloudwatch::123456789012:dashboard/web";
    let told = || {
        let told = root.call("cloudwatch", "ListTagsForResource", json!({ "ResourceARN": arn })).ok();
        told["Tags"].as_array().cloned().unwrap_or_default()
    };
    put("blue");
    // Of one that is there they are changed by their own operations.
    put("red");
    assert_eq!(told(), [json!({ "Key": "team", "Value": "blue" })]);
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"cloudwatch:*","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/team":"red"}}}]}"#;
    let eva = cloud.user(&root, "eva", policy);
    let get = || eva.call("cloudwatch", "GetDashboard", json!({ "DashboardName": "web" }));
    get().refused(400, "AccessDeniedException");
    let tag = json!({ "ResourceARN": arn, "Tags": [{ "Key": "team", "Value": "red" }] });
    root.call("cloudwatch", "TagResource", tag).ok();
    get().ok();
    root.call("cloudwatch", "UntagResource", json!({ "ResourceARN": arn, "TagKeys": ["team"] })).ok();
    assert!(told().is_empty());
    let other = json!({ "ResourceARN": arn.replace("web", "none") });
    root.call("cloudwatch", "ListTagsForResource", other).refused(404, "ResourceNotFoundException");
    // A template's come with its stack's, and change with them.
    let template = |value: &str| {
        format!(
            "Resources: {{ D: {{ Type: 'AWS::CloudWatch::Dashboard', Properties: {{ DashboardName: web2, DashboardBody: '{body}', Tags: [{{ Key: k, Value: {value} }}] }} }} }}"
        )
    };
    let tagged = || {
        let asked = json!({ "ResourceARN": arn.replace("web", "web2") });
        let told = root.call("cloudwatch", "ListTagsForResource", asked).ok();
        let all = told["Tags"].as_array().unwrap().clone();
        let own = all.iter().find(|tag| tag["Key"] == "k").unwrap()["Value"].clone();
        (all.len(), own)
    };
    created(&cloud, &root, "s", &template("a"));
    assert_eq!(tagged(), (4, json!("a")));
    let asked = json!({ "StackName": "s", "TemplateBody": template("b") });
    root.call("cloudformation", "UpdateStack", asked).ok();
    assert_eq!(settle(&cloud, &root, "s"), "UPDATE_COMPLETE");
    assert_eq!(tagged(), (4, json!("b")));
    let asked = json!({ "StackName": "s", "LogicalResourceId": "D" });
    let drift = root.call("cloudformation", "DetectStackResourceDrift", asked).ok();
    assert_eq!(drift["StackResourceDrift"]["StackResourceDriftStatus"], "IN_SYNC", "{drift}");
}

#[test]
fn dashboards_are_kept_as_they_are_written() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let body = r#"{"widgets": [{"type": "text", "x": 0, "y": 0, "width": 6, "height": 3, "properties": {"markdown": "hi"}}]}"#;
    let put = |name: &str, body: &str| {
        root.call("cloudwatch", "PutDashboard", json!({ "DashboardName": name, "DashboardBody": body }))
    };
    put("web", body).ok();
    put("app", body).ok();
    let got = root.call("cloudwatch", "GetDashboard", json!({ "DashboardName": "web" })).ok();
    assert_eq!(got["DashboardBody"], body);
    assert_eq!(got["DashboardArn"], "arn:aws:cloudwatch::123456789012:dashboard/web");
    let listed = root.call("cloudwatch", "ListDashboards", json!({ "DashboardNamePrefix": "w" })).ok();
    assert_eq!(listed["DashboardEntries"][0]["Size"], body.len());
    // A dashboard is of all regions.
    root.in_region("eu-west-1").call("cloudwatch", "GetDashboard", json!({ "DashboardName": "web" })).ok();
    for bad in [
        "{",
        "{}",
        r#"{"widgets": [3]}"#,
        r#"{"widgets": [{"type": "pie", "properties": {}}]}"#,
        r#"{"widgets": [{"type": "text"}]}"#,
        r#"{"widgets": [{"type": "text", "properties": {}, "x": 24}]}"#,
    ] {
        put("bad", bad).refused(400, "DashboardInvalidInputError");
    }
    put("a b", body).refused(400, "DashboardInvalidInputError");
    let some = json!({ "DashboardNames": ["web", "missing"] });
    root.call("cloudwatch", "DeleteDashboards", some).refused(404, "ResourceNotFound");
    root.call("cloudwatch", "GetDashboard", json!({ "DashboardName": "web" })).ok();
    root.call("cloudwatch", "DeleteDashboards", json!({ "DashboardNames": ["web"] })).ok();
    root.call("cloudwatch", "GetDashboard", json!({ "DashboardName": "web" }))
        .refused(404, "DashboardNotFoundError");
}

/// How often the topic was told since the queue was last asked, and of what.
fn told(root: &Caller<'_>, queue: &str) -> Vec<String> {
    let asked = json!({ "QueueUrl": queue, "MaxNumberOfMessages": 10 });
    let got = root.call("sqs", "ReceiveMessage", asked).ok();
    let all = got.get("Messages").and_then(Value::as_array).cloned().unwrap_or_default();
    for message in &all {
        let gone = json!({ "QueueUrl": queue, "ReceiptHandle": message["ReceiptHandle"] });
        root.call("sqs", "DeleteMessage", gone).ok();
    }
    let read = |text: &Value| serde_json::from_str::<Value>(text.as_str().unwrap()).unwrap();
    all.iter()
        .map(|m| read(&read(&m["Body"])["Message"])["NewStateValue"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn actions_wait_for_a_suppressor() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let (topic, queue) = topic(&root);
    ["cpu", "deploys"].iter().for_each(|name| metric_alarm(&root, name));
    let alarm = json!({
        "AlarmName": "c", "AlarmRule": "ALARM(cpu)", "AlarmActions": [topic], "OKActions": [topic],
        "ActionsSuppressor": format!("{ARN}deploys"), "ActionsSuppressorWaitPeriod": 120,
        "ActionsSuppressorExtensionPeriod": 180,
    });
    root.call("cloudwatch", "PutCompositeAlarm", alarm).ok();
    cloud.reconcile();
    let later = |seconds: u64| {
        cloud.advance(std::time::Duration::from_secs(seconds));
        cloud.reconcile();
        // What was told is delivered by the next run.
        cloud.reconcile();
        told(&root, &queue)
    };
    let by = || described(&root)[0].get("ActionsSuppressedBy").cloned().unwrap_or_default();
    assert_eq!((later(1), by()), (vec!["OK".to_owned()], Value::Null));
    // Nobody suppresses it in time.
    set(&cloud, &root, "cpu", "ALARM");
    assert_eq!((later(60), by()), (vec![], json!("WaitPeriod")));
    assert_eq!(described(&root)[0]["ActionsSuppressedReason"], "Actions suppressed by WaitPeriod");
    assert_eq!((later(61), by()), (vec!["ALARM".to_owned()], Value::Null));
    set(&cloud, &root, "cpu", "OK");
    assert_eq!((later(1), by()), (vec!["OK".to_owned()], Value::Null));
    // The suppressor comes, and the alarm outlives it.
    set(&cloud, &root, "cpu", "ALARM");
    set(&cloud, &root, "deploys", "ALARM");
    assert_eq!((later(1_000), by()), (vec![], json!("Alarm")));
    set(&cloud, &root, "deploys", "OK");
    assert_eq!((later(100), by()), (vec![], json!("ExtensionPeriod")));
    assert_eq!((later(81), by()), (vec!["ALARM".to_owned()], Value::Null));
    // What comes and goes while it is suppressed is told nobody.
    set(&cloud, &root, "deploys", "ALARM");
    set(&cloud, &root, "cpu", "OK");
    set(&cloud, &root, "cpu", "ALARM");
    set(&cloud, &root, "deploys", "OK");
    assert_eq!((later(181), by()), (vec![], Value::Null));
    let shown = &described(&root)[0];
    assert_eq!(shown["ActionsSuppressor"], format!("{ARN}deploys"));
    assert_eq!(shown["ActionsSuppressorWaitPeriod"], json!(120));
}
