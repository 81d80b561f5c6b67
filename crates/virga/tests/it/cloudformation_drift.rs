//! Drift: what is there held against what a stack's template wants.

use crate::cloudformation_stacks::{ACCOUNT, created, describe, physical, settle};
use crate::harness::{Caller, Cloud};
use serde_json::{Value, json};

/// Looks at the whole stack; what is said when that is done.
pub(crate) fn detect(cloud: &Cloud, caller: &Caller<'_>, more: Value) -> Value {
    let begun = caller.call("cloudformation", "DetectStackDrift", more).ok();
    let id = json!({ "StackDriftDetectionId": begun["StackDriftDetectionId"] });
    let told = caller.call("cloudformation", "DescribeStackDriftDetectionStatus", id.clone()).ok();
    assert_eq!(told["DetectionStatus"], "DETECTION_IN_PROGRESS");
    assert!(told["DriftedStackResourceCount"].is_null() && told["DetectionStatusReason"] == "User Initiated");
    cloud.reconcile();
    caller.call("cloudformation", "DescribeStackDriftDetectionStatus", id).ok()
}

pub(crate) fn drifts(caller: &Caller<'_>, stack: &str) -> Vec<Value> {
    let told =
        caller.call("cloudformation", "DescribeStackResourceDrifts", json!({ "StackName": stack })).ok();
    told["StackResourceDrifts"].as_array().cloned().unwrap_or_default()
}

/// `kind path expected actual` of each difference of a resource.
pub(crate) fn differences(caller: &Caller<'_>, stack: &str, name: &str) -> Vec<String> {
    let all = drifts(caller, stack);
    let drift = all.iter().find(|drift| drift["LogicalResourceId"] == name).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let one = |d: &Value| {
        ["DifferenceType", "PropertyPath", "ExpectedValue", "ActualValue"]
            .map(|member| text(&d[member]))
            .join(" ")
    };
    drift["PropertyDifferences"].as_array().map(|all| all.iter().map(one).collect()).unwrap_or_default()
}

fn one(caller: &Caller<'_>, stack: &str, name: &str) -> Value {
    let asked = json!({ "StackName": stack, "LogicalResourceId": name });
    caller.call("cloudformation", "DetectStackResourceDrift", asked).ok()["StackResourceDrift"].clone()
}

/// One of every kind that is looked at, with every property that is seen, as far as it goes.
const EVERYTHING: &str = r#"
Parameters:
  Secret: { Type: String, NoEcho: true, Default: hush }
Resources:
  Dead: { Type: 'AWS::SQS::Queue' }
  Queue:
    Type: AWS::SQS::Queue
    Properties:
      QueueName: q
      DelaySeconds: 20
      VisibilityTimeout: '60'
      SqsManagedSseEnabled: true
      RedrivePolicy: { deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 10 }
      Tags: [{ Key: a, Value: '1' }]
  Topic:
    Type: AWS::SNS::Topic
    Properties:
      DisplayName: !Ref Secret
      Subscription: [{ Protocol: sqs, Endpoint: !GetAtt Dead.Arn }]
      Tags: [{ Key: a, Value: '1' }]
  Ear:
    Type: AWS::SNS::Subscription
    Properties:
      TopicArn: !Ref Topic
      Protocol: sqs
      Endpoint: !GetAtt Queue.Arn
      RawMessageDelivery: true
      FilterPolicy: { store: [x] }
  Key:
    Type: AWS::KMS::Key
    Properties:
      Description: mine
      Enabled: true
      EnableKeyRotation: true
      KeySpec: SYMMETRIC_DEFAULT
      KeyPolicy:
        Version: 2012-10-17
        Statement: [{ Effect: Allow, Principal: { AWS: !Sub 'arn:aws:iam::${AWS::AccountId}:root' }, Action: 'kms:*', Resource: '*' }]
      Tags: [{ Key: a, Value: '1' }]
  Alias: { Type: 'AWS::KMS::Alias', Properties: { AliasName: alias/mine, TargetKeyId: !GetAtt Key.Arn } }
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions: [{ AttributeName: id, AttributeType: S }, { AttributeName: at, AttributeType: N }]
      KeySchema: [{ AttributeName: id, KeyType: HASH }]
      BillingMode: PROVISIONED
      ProvisionedThroughput: { ReadCapacityUnits: 5, WriteCapacityUnits: 1 }
      GlobalSecondaryIndexes:
        - IndexName: by-at
          KeySchema: [{ AttributeName: at, KeyType: HASH }]
          Projection: { ProjectionType: KEYS_ONLY }
          ProvisionedThroughput: { ReadCapacityUnits: 2, WriteCapacityUnits: 2 }
      StreamSpecification: { StreamViewType: NEW_IMAGE }
      TableClass: STANDARD
      DeletionProtectionEnabled: false
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true }
      TimeToLiveSpecification: { AttributeName: gone, Enabled: true }
      ContributorInsightsSpecification: { Enabled: true }
      Tags: [{ Key: a, Value: '1' }]
  Sealed:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions: [{ AttributeName: id, AttributeType: S }]
      KeySchema: [{ AttributeName: id, KeyType: HASH }]
      BillingMode: PAY_PER_REQUEST
      OnDemandThroughput: { MaxReadRequestUnits: 10 }
      SSESpecification: { SSEEnabled: true, SSEType: KMS, KMSMasterKeyId: !GetAtt Key.Arn }
      ResourcePolicy: { PolicyDocument: { Version: 2012-10-17, Statement: [{ Effect: Allow, Principal: { AWS: !Sub 'arn:aws:iam::${AWS::AccountId}:root' }, Action: 'dynamodb:GetItem', Resource: !Sub 'arn:aws:dynamodb:${AWS::Region}:${AWS::AccountId}:table/sealed' }] } }
      TableName: sealed
  Bucket:
    Type: AWS::S3::Bucket
    Properties:
      BucketName: drift-of-everything
      VersioningConfiguration: { Status: Enabled }
      BucketEncryption:
        ServerSideEncryptionConfiguration:
          - ServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms', KMSMasterKeyID: !Ref Key }
            BucketKeyEnabled: true
      PublicAccessBlockConfiguration: { BlockPublicAcls: true, BlockPublicPolicy: true, IgnorePublicAcls: true, RestrictPublicBuckets: true }
      OwnershipControls: { Rules: [{ ObjectOwnership: BucketOwnerEnforced }] }
      CorsConfiguration: { CorsRules: [{ AllowedMethods: [GET], AllowedOrigins: ['*'], MaxAge: 3 }] }
      WebsiteConfiguration: { IndexDocument: i.html, ErrorDocument: e.html }
      NotificationConfiguration: { EventBridgeConfiguration: { EventBridgeEnabled: true } }
      LifecycleConfiguration: { Rules: [{ Id: a, Status: Enabled, ExpirationInDays: 3 }] }
      Tags: [{ Key: a, Value: '1' }]
  BucketPolicy:
    Type: AWS::S3::BucketPolicy
    Properties:
      Bucket: !Ref Bucket
      PolicyDocument:
        Version: 2012-10-17
        Statement: [{ Effect: Deny, Principal: '*', Action: 's3:GetObject', Resource: !Sub '${Bucket.Arn}/*', Condition: { Bool: { 'aws:SecureTransport': 'false' } } }]
  Role:
    Type: AWS::IAM::Role
    Properties:
      RoleName: worker
      Path: /a/
      Description: works
      MaxSessionDuration: 7200
      AssumeRolePolicyDocument:
        Version: 2012-10-17
        Statement: { Effect: Allow, Action: 'sts:AssumeRole', Principal: { Service: lambda.amazonaws.com } }
      ManagedPolicyArns: ['arn:aws:iam::aws:policy/ReadOnlyAccess']
      Policies:
        - PolicyName: own
          PolicyDocument: { Version: 2012-10-17, Statement: [{ Effect: Allow, Action: 'sqs:*', Resource: '*' }] }
      Tags: [{ Key: a, Value: '1' }]
  More:
    Type: AWS::IAM::Policy
    Properties:
      PolicyName: more
      Roles: [!Ref Role]
      PolicyDocument: { Version: 2012-10-17, Statement: [{ Effect: Allow, Action: 'sns:*', Resource: '*' }] }
  Managed:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      ManagedPolicyName: managed
      Roles: [!Ref Role]
      PolicyDocument: { Version: 2012-10-17, Statement: [{ Effect: Allow, Action: 'kms:List*', Resource: '*' }] }
  Profile: { Type: 'AWS::IAM::InstanceProfile', Properties: { InstanceProfileName: profile, Path: /p/, Roles: [!Ref Role] } }
  Images:
    Type: AWS::ECR::Repository
    Properties:
      RepositoryName: images
      ImageTagMutability: IMMUTABLE
      ImageScanningConfiguration: { ScanOnPush: false }
      RepositoryPolicyText:
        Version: 2012-10-17
        Statement: [{ Effect: Allow, Principal: { AWS: !Sub 'arn:aws:iam::${AWS::AccountId}:root' }, Action: 'ecr:BatchGetImage' }]
      LifecyclePolicy: { LifecyclePolicyText: '{"rules":[{"rulePriority":1,"selection":{"tagStatus":"untagged","countType":"imageCountMoreThan","countNumber":3},"action":{"type":"expire"}}]}' }
      Tags: [{ Key: a, Value: '1' }]
  Timer:
    Type: AWS::Scheduler::Schedule
    Properties:
      Name: timer
      ScheduleExpression: rate(1 day)
      ScheduleExpressionTimezone: Europe/Berlin
      FlexibleTimeWindow: { Mode: 'OFF' }
      State: ENABLED
      Target: { Arn: !GetAtt Queue.Arn, RoleArn: !GetAtt Ticks.Arn, Input: '{}' }
  Ticks:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: 2012-10-17
        Statement: { Effect: Allow, Action: 'sts:AssumeRole', Principal: { Service: scheduler.amazonaws.com } }
  Team: { Type: 'AWS::IAM::Group', Properties: { GroupName: team, ManagedPolicyArns: [!Ref Managed] } }
  Eva: { Type: 'AWS::IAM::User', Properties: { UserName: eva, Groups: [!Ref Team], LoginProfile: { Password: 'Hush!Hush!1234' } } }
  Function:
    Type: AWS::Lambda::Function
    Properties:
      FunctionName: f
      Description: d
      Handler: index.f
      Runtime: python3.12
      Role: !GetAtt Role.Arn
      Code: { ZipFile: 'def f(event, context): pass' }
      MemorySize: 256
      Timeout: 5
      ReservedConcurrentExecutions: 3
      Environment: { Variables: { ONE: '1', SECRET: !Ref Secret } }
      Tags: [{ Key: a, Value: '1' }]
  Vpc: { Type: 'AWS::EC2::VPC', Properties: { CidrBlock: 10.0.0.0/16, EnableDnsHostnames: true, InstanceTenancy: default, Tags: [{ Key: a, Value: '1' }] } }
  Subnet: { Type: 'AWS::EC2::Subnet', Properties: { VpcId: !Ref Vpc, CidrBlock: 10.0.0.0/24, AvailabilityZone: !Select [0, !GetAZs ''], MapPublicIpOnLaunch: true } }
  Gateway: { Type: 'AWS::EC2::InternetGateway', Properties: { Tags: [{ Key: a, Value: '1' }] } }
  Routes: { Type: 'AWS::EC2::RouteTable', Properties: { VpcId: !Ref Vpc } }
  Web:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupDescription: web
      VpcId: !Ref Vpc
      SecurityGroupIngress:
        - { IpProtocol: tcp, FromPort: 80, ToPort: 80, CidrIp: 0.0.0.0/0, Description: all }
        - { IpProtocol: tcp, FromPort: 443, ToPort: '443', CidrIp: 10.0.0.0/8 }
      SecurityGroupEgress: [{ IpProtocol: '-1', CidrIp: 0.0.0.0/0 }]
      Tags: [{ Key: a, Value: '1' }]
  Inner:
    Type: AWS::EC2::SecurityGroupIngress
    Properties: { GroupId: !Ref Web, IpProtocol: tcp, FromPort: 22, ToPort: 22, SourceSecurityGroupId: !Ref Web }
  Logs: { Type: 'AWS::Logs::LogGroup', Properties: { LogGroupName: /drift, RetentionInDays: 7, Tags: [{ Key: a, Value: '1' }] } }
  Stage: { Type: 'AWS::SSM::Parameter', Properties: { Name: /drift/stage, Type: String, Value: dev, Description: d, Tier: Standard, Tags: { a: '1' } } }
  Rule:
    Type: AWS::Events::Rule
    Properties:
      Name: r
      Description: d
      State: ENABLED
      EventPattern: { source: [mine] }
      Targets: [{ Id: q, Arn: !GetAtt Queue.Arn, InputTransformer: { InputPathsMap: { a: $.detail }, InputTemplate: '<a>' } }]
  Alarm:
    Type: AWS::CloudWatch::Alarm
    Properties:
      AlarmName: al
      Namespace: N
      MetricName: M
      Statistic: Sum
      Period: 60
      EvaluationPeriods: 1
      Threshold: 5
      ComparisonOperator: GreaterThanThreshold
      Dimensions: [{ Name: n, Value: v }]
      Tags: [{ Key: a, Value: '1' }]
  Both:
    Type: AWS::CloudWatch::CompositeAlarm
    Properties: { AlarmName: both, AlarmRule: !Sub 'ALARM("${Alarm}")' }
"#;

/// Kinds that nobody can look at.
const UNSEEN: &[&str] = &["More"];

fn everything(cloud: &Cloud, root: &Caller<'_>) {
    created(cloud, root, "s", EVERYTHING);
}

#[test]
fn what_a_template_has_made_is_in_sync() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    everything(&cloud, &root);
    assert_eq!(describe(&root, "s")["DriftInformation"], json!({ "StackDriftStatus": "NOT_CHECKED" }));
    let told = detect(&cloud, &root, json!({ "StackName": "s" }));
    let all = drifts(&root, "s");
    let wrong: Vec<_> = all.iter().filter(|drift| drift["StackResourceDriftStatus"] != "IN_SYNC").collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(
        (&told["DetectionStatus"], &told["StackDriftStatus"]),
        (&json!("DETECTION_COMPLETE"), &json!("IN_SYNC"))
    );
    assert_eq!(
        (&told["DriftedStackResourceCount"], &told["DetectionStatusReason"]),
        (&json!("0"), &Value::Null)
    );
    let information = describe(&root, "s")["DriftInformation"].clone();
    assert_eq!(information["StackDriftStatus"], "IN_SYNC");
    assert!(information["LastCheckTimestamp"].is_string() || information["LastCheckTimestamp"].is_number());
    let listed = root.call("cloudformation", "ListStackResources", json!({ "StackName": "s" })).ok();
    for resource in listed["StackResourceSummaries"].as_array().unwrap() {
        let unseen = UNSEEN.contains(&resource["LogicalResourceId"].as_str().unwrap());
        let status = &resource["DriftInformation"]["StackResourceDriftStatus"];
        assert_eq!(status, if unseen { "NOT_CHECKED" } else { "IN_SYNC" }, "{resource}");
        assert_eq!(resource["DriftInformation"]["LastCheckTimestamp"].is_null(), unseen);
    }
    // What is not echoed is nowhere shown; what is not seen is not said to be as it should be.
    let text = serde_json::to_string(&all).unwrap();
    assert!(!text.contains("hush") && !text.contains("Hush") && text.contains("****"), "{text}");
    let of = |name: &str| all.iter().find(|drift| drift["LogicalResourceId"] == name).unwrap().clone();
    let expected = of("Bucket")["ExpectedProperties"].as_str().unwrap().to_owned();
    assert!(!expected.contains("Lifecycle") && !expected.contains("KMSMasterKeyID"), "{expected}");
    assert!(!of("Function")["ExpectedProperties"].as_str().unwrap().contains("Code"));
}

#[test]
fn what_was_changed_beside_the_stack_is_told_place_by_place() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    everything(&cloud, &root);
    let at = |name: &str| physical(&root, "s", name);
    let run = |service: &str, operation: &str, input: Value| drop(root.call(service, operation, input).ok());
    let dead = root
        .call("sqs", "GetQueueAttributes", json!({ "QueueUrl": at("Dead"), "AttributeNames": ["QueueArn"] }))
        .ok()["Attributes"]["QueueArn"]
        .as_str()
        .unwrap()
        .to_owned();
    let redrive = json!({ "deadLetterTargetArn": dead, "maxReceiveCount": 12 }).to_string();
    let attributes = json!({ "DelaySeconds": "120", "RedrivePolicy": redrive });
    run("sqs", "SetQueueAttributes", json!({ "QueueUrl": at("Queue"), "Attributes": attributes }));
    run("sqs", "TagQueue", json!({ "QueueUrl": at("Queue"), "Tags": { "b": "2" } }));
    let secret = json!({ "TopicArn": at("Topic"), "AttributeName": "DisplayName", "AttributeValue": "told" });
    run("sns", "SetTopicAttributes", secret);
    let wider = json!({ "SubscriptionArn": at("Ear"), "AttributeName": "FilterPolicy", "AttributeValue": r#"{"store":["x","y"]}"# });
    run("sns", "SetSubscriptionAttributes", wider);
    run("kms", "DisableKey", json!({ "KeyId": at("Key") }));
    run("kms", "DeleteAlias", json!({ "AliasName": "alias/mine" }));
    let units = json!({ "ReadCapacityUnits": 6, "WriteCapacityUnits": 1 });
    run("dynamodb", "UpdateTable", json!({ "TableName": at("Table"), "ProvisionedThroughput": units }));
    let suspended =
        json!({ "Bucket": "drift-of-everything", "VersioningConfiguration": { "Status": "Suspended" } });
    run("s3", "PutBucketVersioning", suspended);
    run("s3", "DeleteBucketEncryption", json!({ "Bucket": "drift-of-everything" }));
    run("s3", "DeletePublicAccessBlock", json!({ "Bucket": "drift-of-everything" }));
    run("s3", "DeleteBucketPolicy", json!({ "Bucket": "drift-of-everything" }));
    run("iam", "UntagRole", json!({ "RoleName": "worker", "TagKeys": ["a"] }));
    let anyone = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}}"#;
    run("iam", "UpdateAssumeRolePolicy", json!({ "RoleName": "worker", "PolicyDocument": anyone }));
    run(
        "iam",
        "PutRolePolicy",
        json!({ "RoleName": "worker", "PolicyName": "extra", "PolicyDocument": r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"# }),
    );
    run(
        "iam",
        "AttachRolePolicy",
        json!({ "RoleName": "worker", "PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess" }),
    );
    run(
        "iam",
        "RemoveRoleFromInstanceProfile",
        json!({ "InstanceProfileName": "profile", "RoleName": "worker" }),
    );
    run(
        "ecr",
        "PutImageTagMutability",
        json!({ "repositoryName": "images", "imageTagMutability": "MUTABLE" }),
    );
    run("ecr", "DeleteRepositoryPolicy", json!({ "repositoryName": "images" }));
    run("scheduler", "DeleteSchedule", json!({ "Name": "timer" }));
    let variables = json!({ "Variables": { "ONE": "2", "SECRET": "other", "NEW": "3" } });
    run(
        "lambda",
        "UpdateFunctionConfiguration",
        json!({ "FunctionName": "f", "Environment": variables, "Timeout": 6 }),
    );
    let ssh = json!([{ "IpProtocol": "tcp", "FromPort": 3389, "ToPort": 3389, "IpRanges": [{ "CidrIp": "0.0.0.0/0" }] }]);
    run("ec2", "AuthorizeSecurityGroupIngress", json!({ "GroupId": at("Web"), "IpPermissions": ssh }));
    let public = json!({ "SubnetId": at("Subnet"), "MapPublicIpOnLaunch": { "Value": false } });
    run("ec2", "ModifySubnetAttribute", public);
    let names = json!({ "VpcId": at("Vpc"), "EnableDnsHostnames": { "Value": false } });
    run("ec2", "ModifyVpcAttribute", names);
    run("ec2", "DeleteInternetGateway", json!({ "InternetGatewayId": at("Gateway") }));
    run("logs", "DeleteRetentionPolicy", json!({ "logGroupName": "/drift" }));
    run(
        "ssm",
        "PutParameter",
        json!({ "Name": "/drift/stage", "Value": "prod", "Description": "d", "Overwrite": true }),
    );
    run("events", "DisableRule", json!({ "Name": "r" }));
    run("cloudwatch", "DisableAlarmActions", json!({ "AlarmNames": ["both"] }));
    run(
        "cloudwatch",
        "TagResource",
        json!({ "ResourceARN": format!("arn:aws:cloudwatch:us-east-1:{ACCOUNT}:alarm:al"), "Tags": [{ "Key": "a", "Value": "2" }] }),
    );
    cloud.reconcile();

    let told = detect(&cloud, &root, json!({ "StackName": "s" }));
    assert_eq!(
        (&told["DetectionStatus"], &told["StackDriftStatus"]),
        (&json!("DETECTION_COMPLETE"), &json!("DRIFTED"))
    );
    let extra = r#"{"PolicyName":"extra","PolicyDocument":{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}}"#;
    let block = r#"{"BlockPublicAcls":true,"BlockPublicPolicy":true,"IgnorePublicAcls":true,"RestrictPublicBuckets":true}"#;
    let pulls = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::{ACCOUNT}:root"}},"Action":"ecr:BatchGetImage"}}]}}"#
    );
    let rows: &[(&str, &[&str])] = &[
        (
            "Queue",
            &[
                "NOT_EQUAL /DelaySeconds 20 120",
                "NOT_EQUAL /RedrivePolicy/maxReceiveCount 10 12",
                r#"ADD /Tags/1 null {"Key":"b","Value":"2"}"#,
            ],
        ),
        ("Topic", &["NOT_EQUAL /DisplayName **** ****"]),
        ("Ear", &["ADD /FilterPolicy/store/1 null y"]),
        ("Key", &["NOT_EQUAL /Enabled true false"]),
        ("Table", &["NOT_EQUAL /ProvisionedThroughput/ReadCapacityUnits 5 6"]),
        (
            "Bucket",
            &[
                "NOT_EQUAL /VersioningConfiguration/Status Enabled Suspended",
                &format!("REMOVE /PublicAccessBlockConfiguration {block} null"),
            ],
        ),
        (
            "Role",
            &[
                "NOT_EQUAL /AssumeRolePolicyDocument/Statement/Principal/Service lambda.amazonaws.com ec2.amazonaws.com",
                "ADD /ManagedPolicyArns/1 null arn:aws:iam::aws:policy/AdministratorAccess",
                &format!("ADD /Policies/0 null {extra}"),
                r#"REMOVE /Tags/0 {"Key":"a","Value":"1"} null"#,
            ],
        ),
        (
            "Function",
            &[
                "NOT_EQUAL /Timeout 5 6",
                "NOT_EQUAL /Environment/Variables/ONE 1 2",
                "NOT_EQUAL /Environment/Variables/SECRET **** ****",
                "ADD /Environment/Variables/NEW null 3",
            ],
        ),
        (
            "Web",
            &[
                r#"ADD /SecurityGroupIngress/2 null {"IpProtocol":"tcp","FromPort":3389,"ToPort":3389,"CidrIp":"0.0.0.0/0"}"#,
            ],
        ),
        ("Subnet", &["NOT_EQUAL /MapPublicIpOnLaunch true false"]),
        ("Vpc", &["NOT_EQUAL /EnableDnsHostnames true false"]),
        ("Logs", &["REMOVE /RetentionInDays 7 null"]),
        ("Stage", &["NOT_EQUAL /Value dev prod"]),
        ("Rule", &["NOT_EQUAL /State ENABLED DISABLED"]),
        ("Profile", &["REMOVE /Roles/0 worker null"]),
        (
            "Images",
            &[
                "NOT_EQUAL /ImageTagMutability IMMUTABLE MUTABLE",
                &format!("REMOVE /RepositoryPolicyText {pulls} null"),
            ],
        ),
        ("Alarm", &["NOT_EQUAL /Tags/0/Value 1 2"]),
    ];
    for (name, expected) in rows {
        let mut found = differences(&root, "s", name);
        let mut expected: Vec<String> = expected.iter().map(|text| (*text).to_owned()).collect();
        found.sort();
        expected.sort();
        // What S3 does by itself where nothing is set stands in its place.
        found.retain(|line| !(*name == "Bucket" && line.contains("/BucketEncryption/")));
        assert_eq!(found, expected, "{name}");
    }
    let all = drifts(&root, "s");
    let status = |name: &str| all.iter().find(|drift| drift["LogicalResourceId"] == name).unwrap().clone();
    for name in ["Alias", "BucketPolicy", "Gateway", "Timer"] {
        let drift = status(name);
        assert_eq!(drift["StackResourceDriftStatus"], "DELETED");
        assert!(drift["ExpectedProperties"].is_null() && drift["ActualProperties"].is_null());
    }
    // Nothing of it was set, so nothing of it counts.
    assert_eq!(status("Both")["StackResourceDriftStatus"], "IN_SYNC");
    let drifted = all.iter().filter(|d| d["StackResourceDriftStatus"] != "IN_SYNC").count();
    assert_eq!(told["DriftedStackResourceCount"], drifted.to_string());
    let text = serde_json::to_string(&all).unwrap();
    assert!(!text.contains("hush") && !text.contains("told") && !text.contains("other"), "{text}");
    let asked = json!({ "StackName": "s", "StackResourceDriftStatusFilters": ["DELETED"] });
    let told = root.call("cloudformation", "DescribeStackResourceDrifts", asked).ok();
    assert_eq!(told["StackResourceDrifts"].as_array().unwrap().len(), 4);
}

const QUEUES: &str = "Resources: { A: { Type: 'AWS::SQS::Queue', Properties: { QueueName: a, DelaySeconds: 1 } }, B: { Type: 'AWS::SQS::Queue', Properties: { QueueName: b } }, V: { Type: 'AWS::CloudFormation::WaitConditionHandle' } }";

#[test]
fn one_resource_is_looked_at_at_once() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    created(&cloud, &root, "s", QUEUES);
    let drift = one(&root, "s", "A");
    assert_eq!(drift["StackResourceDriftStatus"], "IN_SYNC");
    assert_eq!(
        (&drift["ExpectedProperties"], &drift["ActualProperties"]),
        (&json!(r#"{"QueueName":"a","DelaySeconds":1}"#), &json!(r#"{"QueueName":"a","DelaySeconds":"1"}"#))
    );
    // Of the stack as a whole nothing is known yet.
    assert_eq!(describe(&root, "s")["DriftInformation"]["StackDriftStatus"], "NOT_CHECKED");
    root.call("sqs", "DeleteQueue", json!({ "QueueUrl": physical(&root, "s", "A") })).ok();
    assert_eq!(one(&root, "s", "A")["StackResourceDriftStatus"], "DELETED");
    assert_eq!(describe(&root, "s")["DriftInformation"]["StackDriftStatus"], "DRIFTED");
    let asked = json!({ "StackName": "s", "LogicalResourceId": "A" });
    let detail = root.call("cloudformation", "DescribeStackResource", asked).ok();
    let information = &detail["StackResourceDetail"]["DriftInformation"];
    assert_eq!(information["StackResourceDriftStatus"], "DELETED");
    let told = root.call("cloudformation", "DescribeStackResources", json!({ "StackName": "s" })).ok();
    let statuses: Vec<&Value> = told["StackResources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|resource| &resource["DriftInformation"]["StackResourceDriftStatus"])
        .collect();
    assert_eq!(statuses, ["DELETED", "NOT_CHECKED", "NOT_CHECKED"]);
    // Another queue under the name is not the one that was looked at.
    let second = QUEUES.replace("QueueName: a", "QueueName: c");
    crate::cloudformation_kinds::update(&cloud, &root, "s", &second);
    assert!(drifts(&root, "s").is_empty());
}

#[test]
fn some_of_a_stack_is_looked_at_and_told_of_in_pages() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    created(&cloud, &root, "s", QUEUES);
    let told = detect(&cloud, &root, json!({ "StackName": "s", "LogicalResourceIds": ["B"] }));
    assert_eq!(told["StackDriftStatus"], "IN_SYNC");
    assert_eq!(drifts(&root, "s").len(), 1);
    detect(&cloud, &root, json!({ "StackName": "s" }));
    let page = |more: Value| {
        let mut asked = json!({ "StackName": "s", "MaxResults": 1 });
        asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let told = root.call("cloudformation", "DescribeStackResourceDrifts", asked).ok();
        (told["StackResourceDrifts"][0]["LogicalResourceId"].clone(), told["NextToken"].clone())
    };
    let (first, token) = page(json!({}));
    let (second, end) = page(json!({ "NextToken": token }));
    assert_eq!((first, second, end), (json!("A"), json!("B"), Value::Null));
}

#[test]
fn what_cannot_be_looked_at_is_refused() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    created(&cloud, &root, "s", QUEUES);
    let refuse = |operation: &str, input: Value, words: &str| {
        root.call("cloudformation", operation, input).refused_with(400, "ValidationError", words);
    };
    let id = describe(&root, "s")["StackId"].as_str().unwrap().to_owned();
    refuse("DetectStackDrift", json!({ "StackName": "none" }), "Stack [none] does not exist");
    let other = json!({ "StackName": "s", "LogicalResourceIds": ["X"] });
    refuse("DetectStackDrift", other, "Resource X does not exist for stack s");
    let other = json!({ "StackName": "s", "LogicalResourceId": "X" });
    refuse("DetectStackResourceDrift", other, "Resource X does not exist for stack s");
    let unseen = json!({ "StackName": "s", "LogicalResourceId": "V" });
    refuse(
        "DetectStackResourceDrift",
        unseen,
        "Drift detection is not supported for the specified ResourceType",
    );
    let none = json!({ "StackDriftDetectionId": "none" });
    refuse("DescribeStackDriftDetectionStatus", none, "Drift detection with id none does not exist");
    root.call("cloudformation", "DetectStackDrift", json!({ "StackName": "s" })).ok();
    let twice = format!("Drift detection is already in progress for stack [{id}]");
    refuse("DetectStackDrift", json!({ "StackName": "s" }), &twice);
    cloud.reconcile();
    root.call("cloudformation", "DeleteStack", json!({ "StackName": "s" })).ok();
    let busy = format!(
        "Drift detection cannot be performed on the stack [{id}] while it is in the DELETE_IN_PROGRESS state."
    );
    refuse("DetectStackDrift", json!({ "StackName": "s" }), &busy);
    assert_eq!(settle(&cloud, &root, &id), "DELETE_COMPLETE");
}

#[test]
fn who_may_not_read_learns_nothing() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    created(&cloud, &root, "s", QUEUES);
    let policy = |actions: &str| {
        format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":{actions},"Resource":"*"}},{{"Effect":"Allow","Action":"sqs:*","Resource":"arn:aws:sqs:*:*:b"}}]}}"#
        )
    };
    let one_right = cloud.user(&root, "ann", &policy(r#"["cloudformation:DetectStackDrift"]"#));
    one_right
        .call("cloudformation", "DetectStackDrift", json!({ "StackName": "s" }))
        .refused(403, "AccessDenied");
    let eva = cloud.user(&root, "eva", &policy(r#"["cloudformation:*"]"#));
    let told = detect(&cloud, &eva, json!({ "StackName": "s" }));
    assert_eq!(
        (&told["DetectionStatus"], &told["StackDriftStatus"]),
        (&json!("DETECTION_FAILED"), &json!("UNKNOWN"))
    );
    assert!(told["DriftedStackResourceCount"].is_null());
    let reason: Value = serde_json::from_str(told["DetectionStatusReason"].as_str().unwrap()).unwrap();
    assert_eq!(reason["Summary"], "Failed to detect drift on resources [A]");
    let why = reason["Failures"][0]["FailureReason"].as_str().unwrap().to_owned();
    assert!(why.contains("is not authorized to perform: sqs:GetQueueAttributes"), "{why}");
    let all = drifts(&eva, "s");
    let statuses: Vec<&Value> = all.iter().map(|drift| &drift["StackResourceDriftStatus"]).collect();
    assert_eq!(statuses, ["UNKNOWN", "IN_SYNC"]);
    assert_eq!(all[0]["DriftStatusReason"], json!(why));
    assert_eq!(one(&eva, "s", "A")["StackResourceDriftStatus"], "UNKNOWN");
    // With the rights of whoever asks, and of nobody else.
    let told = detect(&cloud, &root, json!({ "StackName": "s" }));
    assert_eq!(told["StackDriftStatus"], "IN_SYNC");
}

#[test]
fn what_a_rollback_passes_over_is_not_known() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    created(
        &cloud,
        &root,
        "s",
        "Resources: { A: { Type: 'AWS::SQS::Queue', Properties: { VisibilityTimeout: 10 } } }",
    );
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["cloudformation:*","sqs:*","iam:*"],"Resource":"*"}]}"#;
    let eva = cloud.user(&root, "eva", policy);
    // What it changes on the way there deletes the right to change it back.
    let template = "
Resources:
  A: { Type: 'AWS::SQS::Queue', Properties: { VisibilityTimeout: 20 } }
  R: { Type: 'AWS::IAM::Policy', DependsOn: A, Properties: { PolicyName: nay, Users: [eva], PolicyDocument: { Version: 2012-10-17, Statement: { Effect: Deny, Action: ['sqs:SetQueueAttributes', 'iam:DeleteUserPolicy'], Resource: '*' } } } }
  B: { Type: 'AWS::SQS::Queue', DependsOn: R, Properties: { DelaySeconds: 9999 } }
";
    let input =
        json!({ "StackName": "s", "TemplateBody": template, "Capabilities": ["CAPABILITY_NAMED_IAM"] });
    eva.call("cloudformation", "UpdateStack", input).ok();
    assert_eq!(settle(&cloud, &root, "s"), "UPDATE_ROLLBACK_FAILED");
    detect(&cloud, &root, json!({ "StackName": "s" }));
    assert_eq!(drifts(&root, "s")[0]["StackResourceDriftStatus"], "IN_SYNC");
    let skip = json!({ "StackName": "s", "ResourcesToSkip": ["A"] });
    root.call("cloudformation", "ContinueUpdateRollback", skip).ok();
    assert_eq!(settle(&cloud, &root, "s"), "UPDATE_ROLLBACK_COMPLETE");
    assert!(drifts(&root, "s").is_empty());
    assert_eq!(one(&root, "s", "A")["StackResourceDriftStatus"], "MODIFIED");
    assert_eq!(differences(&root, "s", "A"), ["NOT_EQUAL /VisibilityTimeout 10 20"]);
}
