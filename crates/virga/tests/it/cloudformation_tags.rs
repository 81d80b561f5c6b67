//! The tags by which resources tell of their stack.

use crate::cloudformation_kinds::update;
use crate::cloudformation_stacks::{ACCOUNT, create, created, describe, events, output, settle};
use crate::harness::{Caller, Cloud};
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn tags(caller: &Caller<'_>, id: &str) -> BTreeMap<String, String> {
    let filter = json!([{ "Name": "resource-id", "Values": [id] }]);
    let told = caller.call("ec2", "DescribeTags", json!({ "Filters": filter })).ok();
    let text = |tag: &Value, member: &str| tag[member].as_str().unwrap().to_owned();
    let all = told["tagSet"].as_array().cloned().unwrap_or_default();
    all.iter().map(|tag| (text(tag, "key"), text(tag, "value"))).collect()
}

/// Tags, in either form, without those that tell of the stack.
pub(crate) fn unmarked(tags: &Value) -> Value {
    let is_own = |key: &str| !key.starts_with("aws:cloudformation:");
    match tags {
        Value::Array(all) => all.iter().filter(|tag| is_own(tag["Key"].as_str().unwrap())).cloned().collect(),
        Value::Object(map) => map.clone().into_iter().filter(|(key, _)| is_own(key)).collect(),
        other => other.clone(),
    }
}

/// Every kind of EC2's that has tags, as far as a stack without machines has them.
const NETWORK: &str = r#"
Resources:
  Vpc: { Type: 'AWS::EC2::VPC', Properties: { CidrBlock: 10.0.0.0/16, Tags: [{ Key: own, Value: '1' }] } }
  Subnet: { Type: 'AWS::EC2::Subnet', Properties: { VpcId: !Ref Vpc, CidrBlock: 10.0.0.0/24 } }
  Igw: { Type: 'AWS::EC2::InternetGateway' }
  Attached: { Type: 'AWS::EC2::VPCGatewayAttachment', Properties: { VpcId: !Ref Vpc, InternetGatewayId: !Ref Igw } }
  Table: { Type: 'AWS::EC2::RouteTable', Properties: { VpcId: !Ref Vpc } }
  Group: { Type: 'AWS::EC2::SecurityGroup', Properties: { GroupDescription: g, VpcId: !Ref Vpc } }
  Address: { Type: 'AWS::EC2::EIP', DependsOn: Attached }
  Nat: { Type: 'AWS::EC2::NatGateway', Properties: { SubnetId: !Ref Subnet, AllocationId: !GetAtt Address.AllocationId } }
  Endpoint: { Type: 'AWS::EC2::VPCEndpoint', Properties: { VpcId: !Ref Vpc, ServiceName: !Sub 'com.amazonaws.${AWS::Region}.s3', RouteTableIds: [!Ref Table] } }
  Volume: { Type: 'AWS::EC2::Volume', Properties: { AvailabilityZone: !Select [0, !GetAZs ''], Size: 1 } }
  Key: { Type: 'AWS::EC2::KeyPair', Properties: { KeyName: k, PublicKeyMaterial: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl a' } }
  Out: { Type: 'AWS::EC2::EgressOnlyInternetGateway', Properties: { VpcId: !Ref Vpc } }
Outputs:
  Vpc: { Value: !Ref Vpc }
  Subnet: { Value: !Ref Subnet }
  Igw: { Value: !Ref Igw }
  Table: { Value: !Ref Table }
  Group: { Value: !GetAtt Group.GroupId }
  Address: { Value: !GetAtt Address.AllocationId }
  Nat: { Value: !Ref Nat }
  Endpoint: { Value: !Ref Endpoint }
  Volume: { Value: !Ref Volume }
  Key: { Value: !GetAtt Key.KeyPairId }
  Out: { Value: !Ref Out }
"#;

#[test]
fn resources_of_ec2_tell_of_their_stack() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    // In whose stead the stack is made needs no right to tags.
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},
        {"Effect":"Deny","Action":["ec2:CreateTags","ec2:DeleteTags"],"Resource":"*","Condition":{"Null":{"aws:RequestTag/aws:cloudformation:stack-name":"false"}}}]}"#;
    let eva = cloud.user(&root, "eva", policy);
    let stack = created(&cloud, &eva, "net", NETWORK);
    for name in ["Vpc", "Subnet", "Igw", "Table", "Group", "Address", "Nat", "Endpoint", "Volume", "Out"] {
        let found = tags(&root, &output(&stack, name));
        assert_eq!(found.get("aws:cloudformation:stack-name").map(String::as_str), Some("net"), "{name}");
        assert_eq!(found.get("aws:cloudformation:logical-id").map(String::as_str), Some(name));
        let id = found.get("aws:cloudformation:stack-id").unwrap();
        assert_eq!(stack["StackId"], id.as_str(), "{name}");
    }
    let vpc = output(&stack, "Vpc");
    assert_eq!(tags(&root, &vpc).len(), 4);
    // AWS's schema of key pairs says that these tags do not come to them.
    assert_eq!(tags(&root, &output(&stack, "Key")).len(), 0);
    // They are found by, and by nothing of the template's.
    let filter = json!([{ "Name": "tag:aws:cloudformation:logical-id", "Values": ["Subnet"] }]);
    let told = root.call("ec2", "DescribeSubnets", json!({ "Filters": filter })).ok();
    assert_eq!(told["subnetSet"][0]["subnetId"], output(&stack, "Subnet"));
    update(&cloud, &eva, "net", &NETWORK.replace("Key: own", "Key: other"));
    let found = tags(&root, &vpc);
    assert_eq!((found.len(), found.contains_key("other")), (4, true));
    let asked = json!({ "StackName": "net", "LogicalResourceId": "Group" });
    let drift = root.call("cloudformation", "DetectStackResourceDrift", asked).ok();
    assert_eq!(drift["StackResourceDrift"]["StackResourceDriftStatus"], "IN_SYNC");
}

#[test]
fn nobody_else_sets_them_and_nobody_takes_them_away() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let template = "Resources: { V: { Type: 'AWS::EC2::VPC', Properties: { CidrBlock: 10.0.0.0/16 } } }\nOutputs: { V: { Value: !Ref V } }";
    let stack = created(&cloud, &root, "s", template);
    let vpc = output(&stack, "V");
    let before = tags(&root, &vpc);
    assert_eq!(before.len(), 3);
    let reserved = "aws:cloudformation:stack-name";
    let words = format!(
        "Value ( {reserved} ) for parameter key is invalid. Tag keys starting with 'aws:' are reserved for internal use"
    );
    let own = |value: &str| json!({ "Resources": [vpc], "Tags": [{ "Key": reserved, "Value": value }] });
    root.call("ec2", "CreateTags", own("mine")).refused_with(400, "InvalidParameterValue", &words);
    root.call("ec2", "DeleteTags", own("s")).refused_with(400, "InvalidParameterValue", &words);
    // Without tags all go but these; and they do not count.
    let many: Vec<Value> = (0..50).map(|n| json!({ "Key": format!("k{n}"), "Value": "" })).collect();
    root.call("ec2", "CreateTags", json!({ "Resources": [vpc], "Tags": many })).ok();
    let more = json!({ "Resources": [vpc], "Tags": [{ "Key": "more", "Value": "" }] });
    root.call("ec2", "CreateTags", more).refused(400, "TagLimitExceeded");
    root.call("ec2", "DeleteTags", json!({ "Resources": [vpc] })).ok();
    assert_eq!(tags(&root, &vpc), before);
    // Nor does a template, in CloudFormation's words to the caller.
    let bad =
        template.replace("CidrBlock:", &format!("Tags: [{{ Key: '{reserved}', Value: mine }}], CidrBlock:"));
    create(&root, "bad", &bad, json!({}));
    assert_eq!(settle(&cloud, &root, "bad"), "ROLLBACK_COMPLETE");
    let told = events(&root, "bad");
    let failed = told.iter().find(|event| event.starts_with("V CREATE_FAILED")).unwrap();
    let words = "\"Tag keys starting with 'aws:' are reserved for internal use (Service: Ec2";
    assert!(failed.contains(words), "{failed}");
    let tagged = json!({ "StackName": "worse", "TemplateBody": template, "Tags": [{ "Key": reserved, "Value": "x" }] });
    root.call("cloudformation", "CreateStack", tagged).refused(400, "ValidationError");
    assert_eq!(describe(&root, "s")["StackStatus"], "CREATE_COMPLETE");
}

#[test]
fn what_is_imported_tells_of_its_stack_too() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let made = root.call("ec2", "CreateSecurityGroup", json!({ "GroupName": "g", "Description": "d" })).ok();
    let id = made["groupId"].as_str().unwrap();
    let template = "Resources: { G: { Type: 'AWS::EC2::SecurityGroup', DeletionPolicy: Retain, Properties: { GroupName: g, GroupDescription: d } } }";
    let import = json!([{ "LogicalResourceId": "G", "ResourceType": "AWS::EC2::SecurityGroup", "ResourceIdentifier": { "Id": id } }]);
    let input = json!({ "StackName": "s", "ChangeSetName": "in", "ChangeSetType": "IMPORT", "TemplateBody": template, "ResourcesToImport": import });
    root.call("cloudformation", "CreateChangeSet", input).ok();
    root.call("cloudformation", "ExecuteChangeSet", json!({ "StackName": "s", "ChangeSetName": "in" })).ok();
    assert_eq!(settle(&cloud, &root, "s"), "IMPORT_COMPLETE", "{:#?}", events(&root, "s"));
    assert_eq!(tags(&root, id).get("aws:cloudformation:logical-id").map(String::as_str), Some("G"));
}

/// The other services' kinds to which they come, and some to which they do not.
const SERVICES: &str = r#"
Resources:
  Topic: { Type: 'AWS::SNS::Topic', Properties: { TopicName: t, Tags: [{ Key: own, Value: '1' }] } }
  Parameter: { Type: 'AWS::SSM::Parameter', Properties: { Name: p, Type: String, Value: v } }
  Logs: { Type: 'AWS::Logs::LogGroup', Properties: { LogGroupName: g } }
  Bus: { Type: 'AWS::Events::EventBus', Properties: { Name: b, Policy: { Version: 2012-10-17, Statement: [{ Sid: s, Effect: Allow, Principal: { AWS: !Ref 'AWS::AccountId' }, Action: 'events:PutEvents', Resource: '*' }] } } }
  Rule: { Type: 'AWS::Events::Rule', Properties: { Name: r, ScheduleExpression: rate(1 hour) } }
  Schedules: { Type: 'AWS::Scheduler::ScheduleGroup', Properties: { Name: s } }
  Alarm: { Type: 'AWS::CloudWatch::Alarm', Properties: { AlarmName: a, Namespace: N, MetricName: M, Statistic: Sum, Period: 60, EvaluationPeriods: 1, Threshold: 1, ComparisonOperator: GreaterThanThreshold } }
  Composite: { Type: 'AWS::CloudWatch::CompositeAlarm', DependsOn: Alarm, Properties: { AlarmName: c, AlarmRule: ALARM(a) } }
  Repository: { Type: 'AWS::ECR::Repository', Properties: { RepositoryName: images } }
  Bucket: { Type: 'AWS::S3::Bucket', Properties: { BucketName: marked-bucket, Tags: [{ Key: own, Value: '1' }] } }
  Role: { Type: 'AWS::IAM::Role', Properties: { RoleName: role, AssumeRolePolicyDocument: { Version: 2012-10-17, Statement: [{ Effect: Allow, Principal: { Service: [lambda.amazonaws.com, pipes.amazonaws.com] }, Action: 'sts:AssumeRole' }] }, Policies: [{ PolicyName: all, PolicyDocument: { Version: 2012-10-17, Statement: [{ Effect: Allow, Action: '*', Resource: '*' }] } }] } }
  Queue: { Type: 'AWS::SQS::Queue', Properties: { QueueName: q } }
  Other: { Type: 'AWS::SQS::Queue' }
  Pipe: { Type: 'AWS::Pipes::Pipe', Properties: { Name: p, Source: !GetAtt Queue.Arn, Target: !GetAtt Other.Arn, RoleArn: !GetAtt Role.Arn, DesiredState: STOPPED } }
  Function: { Type: 'AWS::Lambda::Function', Properties: { FunctionName: f, Runtime: python3.12, Handler: index.h, Role: !GetAtt Role.Arn, Code: { ZipFile: 'def h(event, context): pass' } } }
  Mapping: { Type: 'AWS::Lambda::EventSourceMapping', Properties: { FunctionName: !Ref Function, EventSourceArn: !GetAtt Queue.Arn, Enabled: false } }
Outputs:
  Mapping: { Value: !GetAtt Mapping.EventSourceMappingArn }
"#;

/// How each is listed and tagged: the service, the listing, its parameters, where the tags stand.
fn listings(mapping: &str) -> Vec<(&'static str, &'static str, &'static str, Value, &'static str)> {
    let arn = |service: &str, resource: &str| {
        let place = if service == "ecr" { "repository/" } else { "" };
        format!("arn:aws:{service}:us-east-1:{ACCOUNT}:{place}{resource}")
    };
    let listing = "ListTagsForResource";
    vec![
        ("Topic", "sns", listing, json!({ "ResourceArn": arn("sns", "t") }), "Tags"),
        ("Parameter", "ssm", listing, json!({ "ResourceType": "Parameter", "ResourceId": "p" }), "TagList"),
        ("Logs", "logs", listing, json!({ "resourceArn": arn("logs", "log-group:g") }), "tags"),
        ("Bus", "events", listing, json!({ "ResourceARN": arn("events", "event-bus/b") }), "Tags"),
        ("Rule", "events", listing, json!({ "ResourceARN": arn("events", "rule/r") }), "Tags"),
        (
            "Schedules",
            "scheduler",
            listing,
            json!({ "ResourceArn": arn("scheduler", "schedule-group/s") }),
            "Tags",
        ),
        ("Alarm", "cloudwatch", listing, json!({ "ResourceARN": arn("cloudwatch", "alarm:a") }), "Tags"),
        ("Composite", "cloudwatch", listing, json!({ "ResourceARN": arn("cloudwatch", "alarm:c") }), "Tags"),
        ("Repository", "ecr", listing, json!({ "resourceArn": arn("ecr", "images") }), "tags"),
        ("Bucket", "s3", "GetBucketTagging", json!({ "Bucket": "marked-bucket" }), "TagSet"),
        ("Pipe", "pipes", listing, json!({ "resourceArn": arn("pipes", "pipe/p") }), "tags"),
        ("Function", "lambda", "ListTags", json!({ "Resource": arn("lambda", "function:f") }), "Tags"),
        ("Mapping", "lambda", "ListTags", json!({ "Resource": mapping }), "Tags"),
    ]
}

/// Tags in whichever of the forms a service has.
fn pairs(told: &Value) -> BTreeMap<String, String> {
    if let Some(map) = told.as_object() {
        return map.iter().map(|(key, value)| (key.clone(), value.as_str().unwrap().to_owned())).collect();
    }
    let text = |tag: &Value, names: [&str; 2]| {
        names.iter().find_map(|name| tag[*name].as_str()).unwrap_or_default().to_owned()
    };
    let all = told.as_array().cloned().unwrap_or_default();
    all.iter().map(|tag| (text(tag, ["Key", "key"]), text(tag, ["Value", "value"]))).collect()
}

fn marks(caller: &Caller<'_>, name: &str, mapping: &str) -> BTreeMap<String, String> {
    let all = listings(mapping);
    let (_, service, operation, asked, member) = all.iter().find(|row| row.0 == name).unwrap();
    pairs(&caller.call(service, operation, asked.clone()).ok()[*member])
}

#[test]
fn the_other_services_list_them_where_their_schemas_say_so() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let stack = created(&cloud, &root, "all", SERVICES);
    let mapping = output(&stack, "Mapping");
    for (name, service, operation, asked, member) in listings(&mapping) {
        let found = pairs(&root.call(service, operation, asked).ok()[member]);
        let of = |key: &str| found.get(&format!("aws:cloudformation:{key}")).map(String::as_str);
        assert_eq!((of("stack-name"), of("logical-id")), (Some("all"), Some(name)), "{name}");
        assert_eq!(of("stack-id"), stack["StackId"].as_str(), "{name}");
        let own = usize::from(matches!(name, "Topic" | "Bucket"));
        assert_eq!(found.len(), 3 + own, "{name}");
    }
    let told = root.call("sqs", "ListQueueTags", json!({ "QueueUrl": "q" })).ok();
    assert!(pairs(&told["Tags"]).is_empty());
    assert!(pairs(&root.call("iam", "ListRoleTags", json!({ "RoleName": "role" })).ok()["Tags"]).is_empty());
    // An update of the template's own leaves them.
    update(&cloud, &root, "all", &SERVICES.replace("Key: own", "Key: other"));
    for name in ["Topic", "Bucket"] {
        let found = marks(&root, name, &mapping);
        assert_eq!((found.len(), found.contains_key("other")), (4, true), "{name}");
    }
    update(&cloud, &root, "all", &SERVICES.replace(", Tags: [{ Key: own, Value: '1' }]", ""));
    for name in ["Topic", "Bucket"] {
        assert_eq!(marks(&root, name, &mapping).len(), 3, "{name}");
    }
    // Nor has anything drifted by them.
    let begun = root.call("cloudformation", "DetectStackDrift", json!({ "StackName": "all" })).ok();
    cloud.reconcile();
    let id = json!({ "StackDriftDetectionId": begun["StackDriftDetectionId"] });
    let told = root.call("cloudformation", "DescribeStackDriftDetectionStatus", id).ok();
    assert_eq!(
        (&told["DetectionStatus"], &told["StackDriftStatus"]),
        (&json!("DETECTION_COMPLETE"), &json!("IN_SYNC"))
    );
}

#[test]
fn nobody_changes_or_removes_them_in_the_other_services() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let stack = created(&cloud, &root, "all", &SERVICES.replace(", Tags: [{ Key: own, Value: '1' }]", ""));
    let mapping = output(&stack, "Mapping");
    let key = "aws:cloudformation:stack-name";
    let refusals = [
        ("Topic", 400, "InvalidParameter"),
        ("Parameter", 400, "ValidationException"),
        ("Logs", 400, "InvalidParameterException"),
        ("Bus", 400, "ValidationException"),
        ("Rule", 400, "ValidationException"),
        ("Schedules", 400, "ValidationException"),
        ("Alarm", 400, "InvalidParameterValueException"),
        ("Composite", 400, "InvalidParameterValueException"),
        ("Repository", 400, "InvalidTagParameterException"),
        ("Pipe", 400, "ValidationException"),
        ("Function", 400, "InvalidParameterValueException"),
        ("Mapping", 400, "InvalidParameterValueException"),
    ];
    for (name, status, code) in refusals {
        let all = listings(&mapping);
        let (_, service, _, asked, member) = all.iter().find(|row| row.0 == name).unwrap();
        let (tag, untag) = match *service {
            "ssm" => ("AddTagsToResource", "RemoveTagsFromResource"),
            _ => ("TagResource", "UntagResource"),
        };
        let is_map = matches!(*service, "logs" | "pipes" | "lambda");
        let tags = |count: usize, key: &str| {
            let keys: Vec<String> =
                (0..count).map(|n| if count == 1 { key.into() } else { format!("{key}{n}") }).collect();
            match (is_map, *service) {
                (true, _) => Value::Object(keys.into_iter().map(|key| (key, json!("v"))).collect()),
                (_, _) => {
                    json!(keys.iter().map(|key| json!({ "Key": key, "Value": "v" })).collect::<Vec<_>>())
                }
            }
        };
        let named = if member.starts_with('t') { "tags" } else { "Tags" };
        let keys = if *service == "logs" || *service == "pipes" || *service == "ecr" {
            "tagKeys"
        } else {
            "TagKeys"
        };
        let with = |member: &str, value: Value| {
            let mut asked = asked.clone();
            asked[member] = value;
            asked
        };
        root.call(service, tag, with(named, tags(1, key))).refused(status, code);
        root.call(service, untag, with(keys, json!([key]))).refused(status, code);
        // Fifty of one's own go beside them, and no more.
        root.call(service, tag, with(named, tags(50, "k"))).ok();
        assert_eq!(marks(&root, name, &mapping).iter().filter(|(key, _)| key.starts_with("aws:")).count(), 3);
        assert!(root.call(service, tag, with(named, tags(1, "more"))).status >= 400, "{name}");
    }
    let put = |tags: Value| {
        root.call(
            "s3",
            "PutBucketTagging",
            json!({ "Bucket": "marked-bucket", "Tagging": { "TagSet": tags } }),
        )
    };
    put(json!([{ "Key": "a", "Value": "b" }])).refused_with(
        400,
        "InvalidTag",
        "System Tags cannot be removed by requester",
    );
    root.call("s3", "DeleteBucketTagging", json!({ "Bucket": "marked-bucket" })).ok();
    let mut all: Vec<Value> = marks(&root, "Bucket", &mapping)
        .into_iter()
        .map(|(key, value)| json!({ "Key": key, "Value": value }))
        .collect();
    assert_eq!(all.len(), 3);
    all.push(json!({ "Key": "a", "Value": "b" }));
    put(json!(all)).ok();
    all[0]["Value"] = json!("mine");
    put(json!(all)).refused_with(400, "InvalidTag", "System tags cannot be added/updated by requester");
    // A topic that is made again is still the same.
    root.call("sns", "CreateTopic", json!({ "Name": "t", "Tags": [{ "Key": "k1", "Value": "" }] }))
        .refused(400, "InvalidParameter");
}

#[test]
fn policies_ask_about_them() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let template = "
Resources:
  Parameter: { Type: 'AWS::SSM::Parameter', Properties: { Name: p, Type: String, Value: v } }
  Topic: { Type: 'AWS::SNS::Topic', Properties: { TopicName: t } }
";
    created(&cloud, &root, "mine", template);
    created(&cloud, &root, "other", &template.replace("Name: p", "Name: o").replace("Name: t", "Name: u"));
    let policy = json!({ "Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Action": ["ssm:GetParameter", "sns:Publish"], "Resource": "*",
        "Condition": { "StringEquals": { "aws:ResourceTag/aws:cloudformation:stack-name": "mine" } },
    } });
    let eva = cloud.user(&root, "eva", &policy.to_string());
    eva.call("ssm", "GetParameter", json!({ "Name": "p" })).ok();
    eva.call("ssm", "GetParameter", json!({ "Name": "o" })).refused(400, "AccessDeniedException");
    let publish = |name: &str| {
        let arn = format!("arn:aws:sns:us-east-1:{ACCOUNT}:{name}");
        eva.call("sns", "Publish", json!({ "TopicArn": arn, "Message": "m" }))
    };
    publish("t").ok();
    publish("u").refused(403, "AuthorizationError");
}
