//! The corpus: templates of the shapes that people write, in `tests/templates`. Each is deployed, found to be as it was
//! written, and torn down, and
//! then, for each of its resources, once with a property that there is not, and once with a failure as they come: its service
//! refuses the stack's role, its name is taken, what comes after it is never told of or is refused: what is left in the end is what was there before.

use crate::cloudformation_custom::Provider;
use crate::cloudformation_drift::{detect, drifts};
use crate::cloudformation_stacks::{ACCOUNT, create, describe, events, settle};
use crate::harness::{Caller, Cloud};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;
use store::{Direction, KeyRange, Read};

/// Name and text of each.
fn templates() -> Vec<(String, String)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/templates");
    let mut all: Vec<(String, String)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_string_lossy().replace('_', "-");
            (name, std::fs::read_to_string(path).unwrap())
        })
        .collect();
    all.sort();
    all
}

/// Tables that keep what has ended, as AWS does, by their numbers: the kernel's audit and events, keys that wait for
/// their deletion, streams and backups of tables that are no more, names of queues that are not free for a minute, the key that topics sign with, the
/// metrics of functions, the history of alarms, CloudFormation's own deleted stacks, when buckets are measured next,
/// events on their way to a function.
const KEEPERS: [&[u8]; 13] = [
    &[0x00],
    &[0x03],
    &[0x10, 0x09],
    &[0x10, 0x0A],
    &[0x10, 0x0B],
    &[0x12, 0x02],
    &[0x13, 0x08],
    &[0x16, 0x01],
    &[0x16, 0x02],
    &[0x16, 0x04],
    &[0x17],
    &[0x20, 0x36],
    &[0x25, 0x05],
];

/// What there is, but for what keeps its history.
fn rows(cloud: &Cloud) -> Rows {
    let snapshot = cloud.cloud.store().snapshot();
    let all = snapshot.scan(KeyRange::all(), Direction::Forward).map(Result::unwrap);
    let all = all.filter(|(key, _)| KEEPERS.iter().all(|own| !key.starts_with(own)));
    all.map(|(key, value)| (key.to_vec(), value.to_vec())).collect()
}

type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

/// What is there that was not, or is other than it was.
fn strange(now: &Rows, before: &Rows) -> Vec<String> {
    let other = now.iter().filter(|(key, value)| before.get(*key) != Some(value));
    let lost = before.iter().filter(|(key, _)| !now.contains_key(*key));
    other.chain(lost).map(|(key, _)| key.escape_ascii().to_string()).collect()
}

/// The names of a template's resources, with the lines of each.
fn resources(text: &str) -> Vec<(String, std::ops::Range<usize>)> {
    let lines: Vec<&str> = text.lines().collect();
    let start = lines.iter().position(|line| *line == "Resources:").unwrap() + 1;
    let end =
        lines[start..].iter().position(|line| !line.starts_with(' ')).map_or(lines.len(), |n| start + n);
    let heads: Vec<usize> = (start..end).filter(|at| !lines[*at].starts_with("   ")).collect();
    let ends = heads.iter().skip(1).copied().chain([end]);
    let name = |at: usize| lines[at].trim().split(':').next().unwrap().to_owned();
    heads.iter().zip(ends).map(|(at, end)| (name(*at), *at..end)).collect()
}

/// What the template says of a resource, with one property more.
fn with_property(own: &str, property: &str) -> String {
    if own.contains("Properties: {") {
        own.replacen("Properties: {", &format!("Properties: {{ {property},"), 1)
    } else if own.contains("    Properties:\n") {
        own.replacen("    Properties:\n", &format!("    Properties:\n      {property}\n"), 1)
    } else {
        let end = own.rfind('}').unwrap();
        format!("{}, Properties: {{ {property} }} {}", &own[..end], &own[end..])
    }
}

/// The template with something else in the place of one resource.
fn replaced(text: &str, range: &std::ops::Range<usize>, other: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    [&lines[..range.start].join("\n"), other, &lines[range.end..].join("\n")].map(str::to_owned).join("\n")
}

/// The template with a property that no kind has, in one resource.
fn failing(text: &str, range: &std::ops::Range<usize>) -> String {
    replaced(text, range, &with_property(&own(text, range), "NoSuchProperty: x"))
}

fn own(text: &str, range: &std::ops::Range<usize>) -> String {
    text.lines().skip(range.start).take(range.len()).collect::<Vec<_>>().join("\n")
}

/// By which action the first thing of a kind is made, for those that many templates have.
const MADE_BY: [(&str, &str); 31] = [
    ("AWS::SQS::Queue", "sqs:CreateQueue"),
    ("AWS::SQS::QueuePolicy", "sqs:SetQueueAttributes"),
    ("AWS::SNS::Topic", "sns:CreateTopic"),
    ("AWS::SNS::Subscription", "sns:Subscribe"),
    ("AWS::S3::Bucket", "s3:CreateBucket"),
    ("AWS::S3::BucketPolicy", "s3:PutBucketPolicy"),
    ("AWS::DynamoDB::Table", "dynamodb:CreateTable"),
    ("AWS::KMS::Key", "kms:CreateKey"),
    ("AWS::KMS::Alias", "kms:CreateAlias"),
    ("AWS::IAM::Role", "iam:CreateRole"),
    ("AWS::IAM::User", "iam:CreateUser"),
    ("AWS::IAM::Group", "iam:CreateGroup"),
    ("AWS::IAM::ManagedPolicy", "iam:CreatePolicy"),
    ("AWS::Lambda::Function", "lambda:CreateFunction"),
    ("AWS::Lambda::Permission", "lambda:AddPermission"),
    ("AWS::Lambda::EventSourceMapping", "lambda:CreateEventSourceMapping"),
    ("AWS::Events::Rule", "events:PutRule"),
    ("AWS::Logs::LogGroup", "logs:CreateLogGroup"),
    ("AWS::CloudWatch::Alarm", "cloudwatch:PutMetricAlarm"),
    ("AWS::SSM::Parameter", "ssm:PutParameter"),
    ("AWS::EC2::VPC", "ec2:CreateVpc"),
    ("AWS::EC2::Subnet", "ec2:CreateSubnet"),
    ("AWS::EC2::RouteTable", "ec2:CreateRouteTable"),
    ("AWS::EC2::Route", "ec2:CreateRoute"),
    ("AWS::EC2::InternetGateway", "ec2:CreateInternetGateway"),
    ("AWS::EC2::VPCGatewayAttachment", "ec2:AttachInternetGateway"),
    ("AWS::EC2::SecurityGroup", "ec2:CreateSecurityGroup"),
    ("AWS::EC2::NatGateway", "ec2:CreateNatGateway"),
    ("AWS::EC2::VPCEndpoint", "ec2:CreateVpcEndpoint"),
    ("AWS::ECR::Repository", "ecr:CreateRepository"),
    ("AWS::Scheduler::Schedule", "scheduler:CreateSchedule"),
];

/// Kinds whose things have names, by which there is one.
const NAMED: [(&str, &str); 16] = [
    ("AWS::SQS::Queue", "QueueName"),
    ("AWS::SNS::Topic", "TopicName"),
    ("AWS::S3::Bucket", "BucketName"),
    ("AWS::DynamoDB::Table", "TableName"),
    ("AWS::IAM::Role", "RoleName"),
    ("AWS::IAM::User", "UserName"),
    ("AWS::IAM::Group", "GroupName"),
    ("AWS::IAM::ManagedPolicy", "ManagedPolicyName"),
    ("AWS::Lambda::Function", "FunctionName"),
    ("AWS::Events::Rule", "Name"),
    ("AWS::Events::EventBus", "Name"),
    ("AWS::Logs::LogGroup", "LogGroupName"),
    ("AWS::CloudWatch::Alarm", "AlarmName"),
    ("AWS::SSM::Parameter", "Name"),
    ("AWS::EC2::SecurityGroup", "GroupName"),
    ("AWS::ECR::Repository", "RepositoryName"),
];

/// A failure as they come, and whose words of it are expected.
struct Trouble {
    text: String,
    /// What the role of the stack may not do.
    denied: Option<&'static str>,
    words: [String; 2],
}

/// What `made` of a resource is followed by: nobody answers, or the answer is no.
fn followed(text: &str, name: &str, more: &str, words: [&str; 2]) -> Trouble {
    let end = resources(text).last().unwrap().1.end;
    let added = more.replace("RESOURCE", name);
    let text = replaced(text, &(end..end), &added);
    Trouble { text, denied: None, words: words.map(str::to_owned) }
}

/// The trouble number `turn` at a resource; another where its kind does not know that one.
fn trouble(
    text: &str,
    (name, range): &(String, std::ops::Range<usize>),
    topic: &str,
    turn: usize,
) -> Trouble {
    let own = own(text, range);
    let kind = own.split("Type:").nth(1).unwrap().split([',', '}', '\n']).next().unwrap();
    let kind = kind.trim().trim_matches(['\'', '"']);
    let of = |table: &[(&'static str, &'static str)]| table.iter().find(|row| row.0 == kind).map(|row| row.1);
    if let (0, Some(action)) = (turn % 4, of(&MADE_BY)) {
        let words = ["CREATE_FAILED Resource handler returned message", "HandlerErrorCode: AccessDenied"];
        return Trouble { text: text.to_owned(), denied: Some(action), words: words.map(str::to_owned) };
    }
    if let (1, Some(property)) = (turn % 4, of(&NAMED)) {
        let suffix = if own.contains("Fifo") { ".fifo" } else { "" };
        let named = match own.contains(&format!(" {property}:")) {
            true => own,
            false => with_property(&own, &format!("{property}: twin-of-a-name{suffix}")),
        };
        let twin = named.replacen(&format!("  {name}:"), "  Twin:", 1);
        let twin = match twin.contains("DependsOn") {
            true => twin,
            false if twin.starts_with("  Twin: {") => {
                twin.replacen("  Twin: {", &format!("  Twin: {{ DependsOn: {name},"), 1)
            }
            false => twin.replacen("  Twin:\n", &format!("  Twin:\n    DependsOn: {name}\n"), 1),
        };
        let text = replaced(text, range, &format!("{named}\n{twin}"));
        let words = ["CREATE_FAILED Resource handler returned message", "HandlerErrorCode: AlreadyExists"];
        return Trouble { text, denied: None, words: words.map(str::to_owned) };
    }
    if turn.is_multiple_of(2) {
        let silent = "  Handle: { Type: AWS::CloudFormation::WaitConditionHandle }\n  Waits: { Type: AWS::CloudFormation::WaitCondition, DependsOn: RESOURCE, Properties: { Handle: !Ref Handle, Timeout: '10' } }";
        return followed(
            text,
            name,
            silent,
            ["Waits CREATE_FAILED", "WaitCondition timed out. Received 0 conditions when expecting 1"],
        );
    }
    let fails = format!(
        "  Fails: {{ Type: Custom::Fails, DependsOn: RESOURCE, Properties: {{ ServiceToken: '{topic}' }} }}"
    );
    let words = ["Fails CREATE_FAILED", "The provider makes nothing."];
    followed(text, name, &fails, words)
}

const ROLE: &str = "deploys";

/// What the stack's role may do: all but this.
fn allow(root: &Caller<'_>, denied: Option<&str>) {
    let mut statements = vec![json!({ "Effect": "Allow", "Action": "*", "Resource": "*" })];
    statements.extend(denied.map(|action| json!({ "Effect": "Deny", "Action": action, "Resource": "*" })));
    let policy = json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
    root.call(
        "iam",
        "PutRolePolicy",
        json!({ "RoleName": ROLE, "PolicyName": "all", "PolicyDocument": policy }),
    )
    .ok();
}

/// Lets a stack fail as things fail, and come to rest.
fn fail(
    cloud: &Cloud,
    provider: &Provider<'_>,
    root: &Caller<'_>,
    stack: &str,
    trouble: &Trouble,
) -> (String, String) {
    allow(root, trouble.denied);
    let role = format!("arn:aws:iam::{ACCOUNT}:role/{ROLE}");
    let id = create(root, stack, &trouble.text, json!({ "Capabilities": CAPABILITIES, "RoleARN": role }));
    for _ in 0..400 {
        cloud.reconcile();
        provider.makes_nothing();
        let status = describe(root, stack)["StackStatus"].as_str().unwrap().to_owned();
        if !status.ends_with("_IN_PROGRESS") {
            allow(root, None);
            return (status, id);
        }
        std::thread::sleep(Duration::from_millis(2));
        cloud.advance(Duration::from_secs(5));
    }
    panic!("{stack} does not come to rest");
}

const CAPABILITIES: [&str; 2] = ["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"];

fn deploy(cloud: &Cloud, root: &Caller<'_>, stack: &str, text: &str) -> (String, String) {
    let id = create(root, stack, text, json!({ "Capabilities": CAPABILITIES }));
    (settle(cloud, root, stack), id)
}

fn end(cloud: &Cloud, root: &Caller<'_>, id: &str) {
    root.call("cloudformation", "DeleteStack", json!({ "StackName": id })).ok();
    assert_eq!(settle(cloud, root, id), "DELETE_COMPLETE", "{:#?}", events(root, id));
}

/// Longer than anything that has ended is shown.
const SHOWN: Duration = Duration::from_secs(3 * 3600);

/// Says what is left of a stack that has ended.
fn look(cloud: &Cloud, before: &Rows, what: &str, problems: &mut Vec<String>) {
    let mut left = strange(&rows(cloud), before);
    if !left.is_empty() {
        // Gateways, machines and peerings are shown for a while after their end.
        cloud.advance(SHOWN);
        cloud.reconcile();
        left = strange(&rows(cloud), before);
    }
    if !left.is_empty() {
        problems.push(format!("{what} leaves {left:#?}"));
    }
}

/// Kinds that AWS's schemas have no read handler for, and those whose provider alone knows them.
const UNREAD: [&str; 11] = [
    "AWS::CDK::Metadata",
    "AWS::CloudFormation::Macro",
    "AWS::CloudFormation::Stack",
    "AWS::CloudFormation::WaitCondition",
    "AWS::CloudFormation::WaitConditionHandle",
    "AWS::EC2::NetworkAclEntry",
    "AWS::IAM::AccessKey",
    "AWS::IAM::Policy",
    "AWS::IAM::UserToGroupAddition",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy",
];

/// What of a stack that nobody has touched is not as its template says, or was not looked at.
fn astray(cloud: &Cloud, root: &Caller<'_>, stack: &str) -> Vec<String> {
    let listed = root.call("cloudformation", "ListStackResources", json!({ "StackName": stack })).ok();
    let kinds = listed["StackResourceSummaries"].as_array().unwrap();
    let is_read = |resource: &&serde_json::Value| {
        let kind = resource["ResourceType"].as_str().unwrap();
        !UNREAD.contains(&kind) && !kind.starts_with("Custom::")
    };
    let expected: BTreeSet<&str> =
        kinds.iter().filter(is_read).map(|r| r["LogicalResourceId"].as_str().unwrap()).collect();
    let mut problems = Vec::new();
    if !expected.is_empty() {
        let told = detect(cloud, root, json!({ "StackName": stack }));
        if told["StackDriftStatus"] != "IN_SYNC" {
            problems.push(format!("{stack} drifts: {told:#}"));
        }
    }
    let found = drifts(root, stack);
    let seen: BTreeSet<&str> = found.iter().map(|d| d["LogicalResourceId"].as_str().unwrap()).collect();
    if seen != expected {
        problems.push(format!("{stack}: {expected:?} are to be looked at, {seen:?} were"));
    }
    problems.extend(
        found
            .iter()
            .filter(|d| d["StackResourceDriftStatus"] != "IN_SYNC")
            .map(|d| format!("{stack}: {d:#}")),
    );
    problems
}

fn tried(name: &str, text: &str, problems: &mut Vec<String>) {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    // What an account has from its first use on is there before.
    cloud.reconcile();
    root.call("ec2", "DescribeVpcs", json!({})).ok();
    root.call("events", "ListRules", json!({})).ok();
    // AWS: the first group of an account makes the role by which all act, and it stays.
    root.call("iam", "CreateServiceLinkedRole", json!({ "AWSServiceName": "autoscaling.amazonaws.com" }))
        .ok();
    let trusted = json!({ "Version": "2012-10-17", "Statement": { "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": { "Service": "cloudformation.amazonaws.com" } } });
    root.call(
        "iam",
        "CreateRole",
        json!({ "RoleName": ROLE, "AssumeRolePolicyDocument": trusted.to_string() }),
    )
    .ok();
    allow(&root, None);
    let provider = Provider::new(&cloud);
    cloud.reconcile();
    let before = rows(&cloud);
    let (status, id) = deploy(&cloud, &root, name, text);
    if status != "CREATE_COMPLETE" {
        return problems.push(format!("{name}: {status} {:#?}", events(&root, name)));
    }
    let listed = root.call("cloudformation", "ListStackResources", json!({ "StackName": name })).ok();
    let made: Vec<String> = listed["StackResourceSummaries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["LogicalResourceId"].as_str().unwrap().to_owned())
        .collect();
    problems.extend(astray(&cloud, &root, name));
    end(&cloud, &root, &id);
    look(&cloud, &before, name, problems);
    let is_plain = |range: &std::ops::Range<usize>| {
        text.lines().skip(range.start).take(range.len()).all(|line| !line.contains("AWS::Serverless::"))
    };
    for (turn, (resource, range)) in resources(text).into_iter().enumerate() {
        if !made.contains(&resource) || !is_plain(&range) {
            continue;
        }
        let own = trouble(text, &(resource.clone(), range.clone()), &provider.topic, turn + name.len());
        let stack = format!("real-{turn}");
        let (status, id) = fail(&cloud, &provider, &root, &stack, &own);
        let told = events(&root, &stack);
        let is_told = told.iter().any(|event| own.words.iter().all(|words| event.contains(words)));
        if status != "ROLLBACK_COMPLETE" || !is_told {
            problems.push(format!("{name} {resource}: {status} {:?} {told:#?}\n{}", own.words, own.text));
            continue;
        }
        look(&cloud, &before, &format!("{name}: {resource} in trouble"), problems);
        end(&cloud, &root, &id);
        let stack = format!("{name}-{}", resource.to_lowercase());
        let (status, id) = deploy(&cloud, &root, &stack, &failing(text, &range));
        let told = events(&root, &stack);
        if status != "ROLLBACK_COMPLETE" {
            problems.push(format!("{name} {resource}: {status} {told:#?}"));
            continue;
        }
        let words = format!("{resource} CREATE_FAILED Encountered unsupported property NoSuchProperty");
        assert!(told.contains(&words), "{name} {resource}: {told:#?}");
        look(&cloud, &before, &stack, problems);
        end(&cloud, &root, &id);
        assert_eq!(describe(&root, &id)["StackStatus"], "DELETE_COMPLETE");
    }
}

/// Every fourth template, so that they run side by side.
fn share(number: usize) {
    let all = templates();
    assert!(all.len() >= 60, "{}", all.len());
    let mut problems = Vec::new();
    for (name, text) in all.iter().skip(number).step_by(4) {
        tried(name, text, &mut problems);
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn the_first_share_is_deployed_fails_and_leaves_nothing() {
    share(0);
}

#[test]
fn the_second_share_is_deployed_fails_and_leaves_nothing() {
    share(1);
}

#[test]
fn the_third_share_is_deployed_fails_and_leaves_nothing() {
    share(2);
}

#[test]
fn the_fourth_share_is_deployed_fails_and_leaves_nothing() {
    share(3);
}

/// What an account has once a limit of it is reached.
#[test]
fn a_limit_turns_the_stack_back() {
    for (kind, properties, words) in [
        ("AWS::EC2::EIP", "{ Domain: vpc }", "The maximum number of addresses has been reached."),
        ("AWS::EC2::VPC", "{ CidrBlock: 10.0.0.0/16 }", "The maximum number of VPCs has been reached."),
    ] {
        let cloud = Cloud::new();
        let root = cloud.root(ACCOUNT);
        root.call("ec2", "DescribeVpcs", json!({})).ok();
        cloud.reconcile();
        let before = rows(&cloud);
        let mut after = String::new();
        let mut text = "Resources:\n".to_owned();
        for number in 0..6 {
            text.push_str(&format!("  R{number}: {{ Type: {kind}{after}, Properties: {properties} }}\n"));
            after = format!(", DependsOn: R{number}");
        }
        let (status, id) = deploy(&cloud, &root, "many", &text);
        assert_eq!(status, "ROLLBACK_COMPLETE");
        let told = events(&root, "many");
        let failed = told.iter().find(|event| event.contains("CREATE_FAILED")).unwrap();
        assert!(
            failed.contains(words) && failed.contains("HandlerErrorCode: ServiceLimitExceeded"),
            "{failed}"
        );
        let mut problems = Vec::new();
        look(&cloud, &before, kind, &mut problems);
        assert!(problems.is_empty(), "{}", problems.join("\n"));
        end(&cloud, &root, &id);
    }
}

/// What is there already stays what it is, whoever else would have it.
#[test]
fn what_is_taken_stays_its_owners() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    root.call("events", "ListRules", json!({})).ok();
    let own = |service: &str, operation: &str, input: serde_json::Value| {
        drop(root.call(service, operation, input).ok());
    };
    own("sqs", "CreateQueue", json!({ "QueueName": "taken" }));
    own("sns", "CreateTopic", json!({ "Name": "taken" }));
    own("s3", "CreateBucket", json!({ "Bucket": "taken-bucket" }));
    own("logs", "CreateLogGroup", json!({ "logGroupName": "taken" }));
    let transformed = json!([{ "metricName": "m", "metricNamespace": "n", "metricValue": "1" }]);
    own(
        "logs",
        "PutMetricFilter",
        json!({ "logGroupName": "taken", "filterName": "f", "filterPattern": "", "metricTransformations": transformed }),
    );
    let alarm = json!({ "AlarmName": "taken", "Namespace": "N", "MetricName": "M", "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 1, "Threshold": 5, "ComparisonOperator": "GreaterThanThreshold" });
    own("cloudwatch", "PutMetricAlarm", alarm);
    own(
        "cloudwatch",
        "PutDashboard",
        json!({ "DashboardName": "taken", "DashboardBody": "{\"widgets\":[]}" }),
    );
    own("events", "PutRule", json!({ "Name": "taken", "ScheduleExpression": "rate(1 day)" }));
    own("iam", "CreateUser", json!({ "UserName": "taken" }));
    let policy = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sqs:*","Resource":"*"}}"#;
    own("iam", "PutUserPolicy", json!({ "UserName": "taken", "PolicyName": "p", "PolicyDocument": policy }));
    let opens = json!({ "EventBusName": "default", "Action": "events:PutEvents", "Principal": "210987654321", "StatementId": "taken" });
    own("events", "PutPermission", opens);
    cloud.reconcile();
    let before = rows(&cloud);
    let document =
        "{ Version: '2012-10-17', Statement: [{ Effect: Allow, Action: 'sns:*', Resource: '*' }] }";
    let metric = "Namespace: N, MetricName: M, Statistic: Sum, Period: 60, EvaluationPeriods: 1, Threshold: 5, ComparisonOperator: GreaterThanThreshold";
    for (turn, (kind, properties)) in [
        ("AWS::SQS::Queue", "QueueName: taken".to_owned()),
        ("AWS::SNS::Topic", "TopicName: taken".to_owned()),
        ("AWS::S3::Bucket", "BucketName: taken-bucket".to_owned()),
        ("AWS::Logs::LogGroup", "LogGroupName: taken".to_owned()),
        ("AWS::Logs::MetricFilter", "FilterName: f, LogGroupName: taken, FilterPattern: x, MetricTransformations: [{ MetricName: m, MetricNamespace: n, MetricValue: '1' }]".to_owned()),
        ("AWS::CloudWatch::Alarm", format!("AlarmName: taken, {metric}")),
        ("AWS::CloudWatch::Dashboard", "DashboardName: taken, DashboardBody: '{}'".to_owned()),
        ("AWS::Events::Rule", "Name: taken, ScheduleExpression: rate(2 days)".to_owned()),
        ("AWS::IAM::UserPolicy", format!("UserName: taken, PolicyName: p, PolicyDocument: {document}")),
        ("AWS::Events::EventBusPolicy", "StatementId: taken, Action: 'events:PutEvents', Principal: '111111111111'".to_owned()),
    ]
    .into_iter()
    .enumerate()
    {
        let stack = format!("t{turn}");
        let text = format!("Resources:\n  R: {{ Type: {kind}, Properties: {{ {properties} }} }}\n");
        let (status, id) = deploy(&cloud, &root, &stack, &text);
        let told = events(&root, &stack);
        assert_eq!(status, "ROLLBACK_COMPLETE", "{kind}: {told:#?}");
        let is_told = told.iter().any(|e| e.starts_with("R CREATE_FAILED") && e.contains("HandlerErrorCode: AlreadyExists"));
        assert!(is_told, "{kind}: {told:#?}");
        end(&cloud, &root, &id);
        let mut problems = Vec::new();
        look(&cloud, &before, kind, &mut problems);
        assert!(problems.is_empty(), "{}", problems.join("\n"));
    }
}
