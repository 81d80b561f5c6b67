//! Each kind of resource: made, changed, ended by its service's own operations.

use crate::cloudformation_stacks::{ACCOUNT, created, describe, events, output, physical, settle};
use crate::cloudformation_tags::unmarked;
use crate::ec2_profiles::IMAGE;
use crate::harness::{Caller, Cloud};
use serde_json::{Value, json};

pub(crate) fn update(cloud: &Cloud, caller: &Caller<'_>, stack: &str, template: &str) {
    let input =
        json!({ "StackName": stack, "TemplateBody": template, "Capabilities": ["CAPABILITY_NAMED_IAM"] });
    caller.call("cloudformation", "UpdateStack", input).ok();
    assert_eq!(settle(cloud, caller, stack), "UPDATE_COMPLETE", "{:#?}", events(caller, stack));
}

pub(crate) fn delete(cloud: &Cloud, caller: &Caller<'_>, stack: &str) {
    let id = describe(caller, stack)["StackId"].as_str().unwrap().to_owned();
    caller.call("cloudformation", "DeleteStack", json!({ "StackName": stack })).ok();
    assert_eq!(settle(cloud, caller, &id), "DELETE_COMPLETE", "{:#?}", events(caller, &id));
}

const POLICY: &str =
    "{ Version: 2012-10-17, Statement: { Effect: Allow, Action: 's3:GetObject', Resource: '*' } }";

fn identities(path: &str, action: &str) -> String {
    format!(
        "
Resources:
  Group: {{ Type: 'AWS::IAM::Group', Properties: {{ Path: {path}, Policies: [{{ PolicyName: in, PolicyDocument: {POLICY} }}] }} }}
  User:
    Type: AWS::IAM::User
    Properties: {{ UserName: eva, Path: {path}, Groups: [!Ref Group], ManagedPolicyArns: [!Ref Managed], Tags: [{{ Key: a, Value: {action} }}] }}
  Key: {{ Type: 'AWS::IAM::AccessKey', Properties: {{ UserName: !Ref User }} }}
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument: {{ Version: 2012-10-17, Statement: {{ Effect: Allow, Action: 'sts:AssumeRole', Principal: {{ Service: ec2.amazonaws.com }} }} }}
      Policies: [{{ PolicyName: own, PolicyDocument: {POLICY} }}]
      MaxSessionDuration: 7200
  Extra: {{ Type: 'AWS::IAM::Policy', Properties: {{ PolicyName: extra, Roles: [!Ref Role], PolicyDocument: {POLICY} }} }}
  Managed:
    Type: AWS::IAM::ManagedPolicy
    Properties: {{ PolicyDocument: {{ Version: 2012-10-17, Statement: {{ Effect: Allow, Action: '{action}', Resource: '*' }} }}, Roles: [!Ref Role] }}
  Profile: {{ Type: 'AWS::IAM::InstanceProfile', Properties: {{ Roles: [!Ref Role] }} }}
Outputs:
  Role: {{ Value: !GetAtt Role.Arn }}
  Secret: {{ Value: !GetAtt Key.SecretAccessKey }}
  Key: {{ Value: !Ref Key }}
"
    )
}

#[test]
fn identities_and_policies() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let stack = created(&cloud, &root, "ids", &identities("/x/", "sqs:ListQueues"));
    assert!(output(&stack, "Role").starts_with("arn:aws:iam::123456789012:role/ids-Role-"));
    // The key is a real one, with the rights of its user.
    let eva = cloud.caller(&output(&stack, "Key"), &output(&stack, "Secret"), None);
    eva.call("sqs", "ListQueues", json!({})).ok();
    let role = physical(&root, "ids", "Role");
    let names = root.call("iam", "ListRolePolicies", json!({ "RoleName": role })).ok();
    assert_eq!(names["PolicyNames"], json!(["extra", "own"]));
    update(&cloud, &root, "ids", &identities("/y/", "sns:ListTopics"));
    eva.call("sqs", "ListQueues", json!({})).refused(403, "AccessDeniedException");
    eva.call("sns", "ListTopics", json!({})).ok();
    let user = root.call("iam", "GetUser", json!({ "UserName": "eva" })).ok();
    assert_eq!(user["User"]["Path"], "/y/");
    delete(&cloud, &root, "ids");
    root.call("iam", "GetUser", json!({ "UserName": "eva" })).refused(404, "NoSuchEntity");
    root.call("iam", "GetRole", json!({ "RoleName": role })).refused(404, "NoSuchEntity");
}

fn data(mode: &str, index: &str, days: u32) -> String {
    format!(
        "
Resources:
  Key: {{ Type: 'AWS::KMS::Key', Properties: {{ Description: d{days}, EnableKeyRotation: true, PendingWindowInDays: 7 }} }}
  Alias: {{ Type: 'AWS::KMS::Alias', Properties: {{ AliasName: alias/mine, TargetKeyId: !Ref Key }} }}
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions: [{{ AttributeName: k, AttributeType: S }}, {{ AttributeName: g, AttributeType: S }}]
      KeySchema: [{{ AttributeName: k, KeyType: HASH }}]
      {mode}
      GlobalSecondaryIndexes: [{{ IndexName: {index}, KeySchema: [{{ AttributeName: g, KeyType: HASH }}], Projection: {{ ProjectionType: ALL }} }}]
      StreamSpecification: {{ StreamViewType: NEW_IMAGE }}
      TimeToLiveSpecification: {{ AttributeName: t, Enabled: true }}
      PointInTimeRecoverySpecification: {{ PointInTimeRecoveryEnabled: true }}
  Bucket:
    Type: AWS::S3::Bucket
    Properties:
      VersioningConfiguration: {{ Status: Enabled }}
      BucketEncryption: {{ ServerSideEncryptionConfiguration: [{{ ServerSideEncryptionByDefault: {{ SSEAlgorithm: 'aws:kms', KMSMasterKeyID: !GetAtt Key.Arn }} }}] }}
      LifecycleConfiguration: {{ Rules: [{{ Id: old, Status: Enabled, ExpirationInDays: {days} }}] }}
      Tags: [{{ Key: days, Value: {days} }}]
  Access:
    Type: AWS::S3::BucketPolicy
    Properties:
      Bucket: !Ref Bucket
      PolicyDocument: {{ Version: 2012-10-17, Statement: {{ Effect: Deny, Principal: '*', Action: 's3:DeleteObject', Resource: !Sub '${{Bucket.Arn}}/*' }} }}
  Logs: {{ Type: 'AWS::Logs::LogGroup', Properties: {{ LogGroupName: /app, RetentionInDays: {days} }} }}
  Alarm:
    Type: AWS::CloudWatch::Alarm
    Properties: {{ MetricName: m, Namespace: n, Statistic: Sum, Period: 60, EvaluationPeriods: 1, Threshold: {days}, ComparisonOperator: GreaterThanThreshold }}
Outputs:
  Stream: {{ Value: !GetAtt Table.StreamArn }}
  Logs: {{ Value: !GetAtt Logs.Arn }}
  Alarm: {{ Value: !GetAtt Alarm.Arn }}
"
    )
}

#[test]
fn keys_tables_buckets_logs_and_alarms() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let stack = created(&cloud, &root, "data", &data("BillingMode: PAY_PER_REQUEST", "one", 3));
    let table = physical(&root, "data", "Table");
    assert!(output(&stack, "Stream").contains(&format!("table/{table}/stream/")));
    assert_eq!(output(&stack, "Logs"), "arn:aws:logs:us-east-1:123456789012:log-group:/app:*");
    let ttl = root.call("dynamodb", "DescribeTimeToLive", json!({ "TableName": table })).ok();
    assert_eq!(ttl["TimeToLiveDescription"]["AttributeName"], "t");
    let backups = root.call("dynamodb", "DescribeContinuousBackups", json!({ "TableName": table })).ok();
    let status = &backups["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"];
    assert_eq!(status, "ENABLED");
    let bucket = physical(&root, "data", "Bucket");
    let versioning = root.call("s3", "GetBucketVersioning", json!({ "Bucket": bucket })).ok();
    assert_eq!(versioning["Status"], "Enabled");
    let key = root.call("kms", "DescribeKey", json!({ "KeyId": "alias/mine" })).ok();
    assert_eq!(key["KeyMetadata"]["KeyId"], physical(&root, "data", "Key"));

    let provisioned = "ProvisionedThroughput: { ReadCapacityUnits: 2, WriteCapacityUnits: 2 }";
    let both = |index: &str, days: u32| {
        let of_index = format!("Projection: {{ ProjectionType: ALL }}, {provisioned}");
        data(provisioned, index, days).replace("Projection: { ProjectionType: ALL }", &of_index)
    };
    update(&cloud, &root, "data", &both("one", 5));
    // An update makes or ends one index.
    let lines = both("one", 5);
    let none: Vec<&str> = lines.lines().filter(|line| !line.contains("GlobalSecondaryIndexes")).collect();
    update(&cloud, &root, "data", &none.join("\n"));
    update(&cloud, &root, "data", &both("two", 5));
    let shown = root.call("dynamodb", "DescribeTable", json!({ "TableName": table })).ok();
    let indexes = shown["Table"]["GlobalSecondaryIndexes"].as_array().unwrap();
    assert_eq!((indexes.len(), &indexes[0]["IndexName"]), (1, &json!("two")));
    assert_eq!(shown["Table"]["ProvisionedThroughput"]["ReadCapacityUnits"], 2);
    let groups = root.call("logs", "DescribeLogGroups", json!({})).ok();
    assert_eq!(groups["logGroups"][0]["retentionInDays"], 5);
    let tags = root.call("s3", "GetBucketTagging", json!({ "Bucket": bucket })).ok();
    assert_eq!(unmarked(&tags["TagSet"])[0]["Value"], "5");

    delete(&cloud, &root, "data");
    root.call("dynamodb", "DescribeTable", json!({ "TableName": table }))
        .refused(400, "ResourceNotFoundException");
    let left = root.call("kms", "DescribeKey", json!({ "KeyId": key["KeyMetadata"]["KeyId"] })).ok();
    assert_eq!(left["KeyMetadata"]["KeyState"], "PendingDeletion");
}

fn network(port: u32, public: bool) -> String {
    let table = if public { "In" } else { "Out" };
    format!(
        "
Resources:
  Vpc: {{ Type: 'AWS::EC2::VPC', Properties: {{ CidrBlock: 10.0.0.0/16, EnableDnsHostnames: true, Tags: [{{ Key: Name, Value: net }}] }} }}
  Front:
    Type: AWS::EC2::Subnet
    Properties: {{ VpcId: !Ref Vpc, CidrBlock: !Select [0, !Cidr [!GetAtt Vpc.CidrBlock, 2, 8]], AvailabilityZone: !Select [0, !GetAZs ''], MapPublicIpOnLaunch: {public} }}
  Back:
    Type: AWS::EC2::Subnet
    Properties: {{ VpcId: !Ref Vpc, CidrBlock: !Select [1, !Cidr [!GetAtt Vpc.CidrBlock, 2, 8]], AvailabilityZone: !Select [1, !GetAZs ''] }}
  Igw: {{ Type: 'AWS::EC2::InternetGateway' }}
  Attachment: {{ Type: 'AWS::EC2::VPCGatewayAttachment', Properties: {{ VpcId: !Ref Vpc, InternetGatewayId: !Ref Igw }} }}
  Out: {{ Type: 'AWS::EC2::RouteTable', Properties: {{ VpcId: !Ref Vpc }} }}
  OutRoute: {{ Type: 'AWS::EC2::Route', DependsOn: Attachment, Properties: {{ RouteTableId: !Ref Out, DestinationCidrBlock: 0.0.0.0/0, GatewayId: !Ref Igw }} }}
  FrontOut: {{ Type: 'AWS::EC2::SubnetRouteTableAssociation', Properties: {{ SubnetId: !Ref Front, RouteTableId: !Ref Out }} }}
  Address: {{ Type: 'AWS::EC2::EIP', DependsOn: Attachment, Properties: {{ Domain: vpc }} }}
  Nat: {{ Type: 'AWS::EC2::NatGateway', Properties: {{ AllocationId: !GetAtt Address.AllocationId, SubnetId: !Ref Front }} }}
  In: {{ Type: 'AWS::EC2::RouteTable', Properties: {{ VpcId: !Ref Vpc }} }}
  InRoute: {{ Type: 'AWS::EC2::Route', Properties: {{ RouteTableId: !Ref In, DestinationCidrBlock: 0.0.0.0/0, NatGatewayId: !Ref Nat }} }}
  BackIn: {{ Type: 'AWS::EC2::SubnetRouteTableAssociation', Properties: {{ SubnetId: !Ref Back, RouteTableId: !Ref In }} }}
  ToS3:
    Type: AWS::EC2::VPCEndpoint
    Properties: {{ VpcId: !Ref Vpc, ServiceName: !Sub 'com.amazonaws.${{AWS::Region}}.s3', RouteTableIds: [!Ref {table}] }}
  Note: {{ Type: 'AWS::CDK::Metadata', Properties: {{ Analytics: v2:deflate64:abc }} }}
  Web:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupDescription: web
      VpcId: !Ref Vpc
      SecurityGroupIngress: [{{ IpProtocol: tcp, FromPort: {port}, ToPort: {port}, CidrIp: 0.0.0.0/0 }}]
  Db: {{ Type: 'AWS::EC2::SecurityGroup', Properties: {{ GroupDescription: db, VpcId: !Ref Vpc }} }}
  DbFromWeb:
    Type: AWS::EC2::SecurityGroupIngress
    Properties: {{ GroupId: !GetAtt Db.GroupId, IpProtocol: tcp, FromPort: 5432, ToPort: 5432, SourceSecurityGroupId: !GetAtt Web.GroupId }}
Outputs:
  ToS3: {{ Value: !Ref ToS3 }}
  Default: {{ Value: !GetAtt Vpc.DefaultSecurityGroup }}
  Public: {{ Value: !Ref Address }}
"
    )
}

#[test]
fn a_network_of_two_tiers() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let stack = created(&cloud, &root, "net", &network(80, true));
    assert!(output(&stack, "Default").starts_with("sg-"));
    let group = |name: &str| {
        let ids = json!({ "GroupIds": [physical(&root, "net", name)] });
        root.call("ec2", "DescribeSecurityGroups", ids).ok().to_string()
    };
    assert!(group("Web").contains("\"80\"") && group("Db").contains(&physical(&root, "net", "Web")));
    let subnets = || {
        let ids = json!({ "SubnetIds": [physical(&root, "net", "Front")] });
        root.call("ec2", "DescribeSubnets", ids).ok().to_string()
    };
    assert!(
        subnets().contains("10.0.0.0/24") && subnets().contains("\"mapPublicIpOnLaunch\":\"true\""),
        "{}",
        subnets()
    );
    update(&cloud, &root, "net", &network(443, false));
    assert!(group("Web").contains("\"443\"") && !group("Web").contains("\"80\""));
    assert!(subnets().contains("\"mapPublicIpOnLaunch\":\"false\""));
    let ids = json!({ "VpcEndpointIds": [physical(&root, "net", "ToS3")] });
    let endpoint = root.call("ec2", "DescribeVpcEndpoints", ids).ok().to_string();
    let tables = (physical(&root, "net", "Out"), physical(&root, "net", "In"));
    assert!(endpoint.contains(&tables.0) && !endpoint.contains(&tables.1), "{endpoint}");
    delete(&cloud, &root, "net");
    let left = root.call("ec2", "DescribeVpcs", json!({})).ok().to_string();
    assert!(!left.contains("10.0.0.0/16"), "{left}");
}

fn machines(key: &str, size: &str) -> String {
    let (watched, credits) = if size == "t3.micro" { (true, "standard") } else { (false, "unlimited") };
    format!(
        "
Resources:
  Vpc: {{ Type: 'AWS::EC2::VPC', Properties: {{ CidrBlock: 10.0.0.0/16 }} }}
  Net: {{ Type: 'AWS::EC2::Subnet', Properties: {{ VpcId: !Ref Vpc, CidrBlock: 10.0.0.0/24 }} }}
  Igw: {{ Type: 'AWS::EC2::InternetGateway' }}
  Attached: {{ Type: 'AWS::EC2::VPCGatewayAttachment', Properties: {{ VpcId: !Ref Vpc, InternetGatewayId: !Ref Igw }} }}
  Out6: {{ Type: 'AWS::EC2::EgressOnlyInternetGateway', Properties: {{ VpcId: !Ref Vpc }} }}
  Watcher: {{ Type: 'AWS::IAM::Role', Properties: {{ AssumeRolePolicyDocument: {{ Version: 2012-10-17, Statement: {{ Effect: Allow, Principal: {{ Service: vpc-flow-logs.amazonaws.com }}, Action: sts:AssumeRole }} }} }} }}
  Watched:
    Type: AWS::EC2::FlowLog
    Properties:
      ResourceId: !Ref Vpc
      ResourceType: VPC
      TrafficType: REJECT
      LogGroupName: flows
      DeliverLogsPermissionArn: !GetAtt Watcher.Arn
      MaxAggregationInterval: 60
      Tags: [{{ Key: size, Value: {size} }}]
  Group:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupDescription: g
      VpcId: !Ref Vpc
      SecurityGroupEgress: [{{ IpProtocol: tcp, FromPort: 443, ToPort: 443, CidrIp: 0.0.0.0/0, Description: out }}]
  More: {{ Type: 'AWS::EC2::SecurityGroupEgress', Properties: {{ GroupId: !Ref Group, IpProtocol: udp, FromPort: 53, ToPort: 53, CidrIp: 0.0.0.0/0 }} }}
  Key: {{ Type: 'AWS::EC2::KeyPair', Properties: {{ KeyName: mine, PublicKeyMaterial: '{key}' }} }}
  Machine:
    Type: AWS::EC2::Instance
    Properties:
      ImageId: ami-0a1f5c0de0b1a0001
      InstanceType: {size}
      Monitoring: {watched}
      CreditSpecification: {{ CPUCredits: {credits} }}
      KeyName: !Ref Key
      SubnetId: !Ref Net
      SecurityGroupIds: [!GetAtt Group.GroupId]
      UserData: {{ Fn::Base64: !Sub 'echo ${{AWS::StackName}}' }}
      Tags: [{{ Key: size, Value: {size} }}]
  Address: {{ Type: 'AWS::EC2::EIP', DependsOn: Attached, Properties: {{ InstanceId: !Ref Machine }} }}
  Heard: {{ Type: 'AWS::SNS::Topic' }}
  Open: {{ Type: 'AWS::SNS::TopicPolicy', Properties: {{ Topics: [!Ref Heard], PolicyDocument: {{ Version: 2012-10-17, Statement: {{ Effect: Allow, Principal: '*', Action: sns:Publish, Resource: !Ref Heard }} }} }} }}
Outputs:
  Inside: {{ Value: !GetAtt Machine.PrivateIp }}
  Outside: {{ Value: !Ref Address }}
  Log: {{ Value: !GetAtt Watched.Id }}
"
    )
}

#[test]
fn a_machine_with_an_address() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    root.call("ec2", "CreateKeyPair", json!({ "KeyName": "other", "KeyType": "ed25519" })).ok();
    let keys = root.call("ec2", "DescribeKeyPairs", json!({ "IncludePublicKey": true })).ok();
    let key = keys["keySet"][0]["publicKey"].as_str().unwrap().trim();
    let stack = created(&cloud, &root, "m", &machines(key, "t3.micro"));
    assert!(output(&stack, "Inside").starts_with("10.0.0."), "{stack}");
    let id = physical(&root, "m", "Machine");
    let shown = || root.call("ec2", "DescribeInstances", json!({ "InstanceIds": [id] })).ok().to_string();
    assert!(shown().contains(&output(&stack, "Outside")), "{}", shown());
    let log = || root.call("ec2", "DescribeFlowLogs", json!({})).ok()["flowLogSet"][0].clone();
    assert_eq!(log()["flowLogId"], output(&stack, "Log"));
    assert_eq!((&log()["trafficType"], &log()["maxAggregationInterval"]), (&json!("REJECT"), &json!("60")));
    let credits = || {
        let asked = json!({ "InstanceIds": [id] });
        root.call("ec2", "DescribeInstanceCreditSpecifications", asked).ok().to_string()
    };
    assert!(credits().contains("standard") && shown().contains(r#"{"state":"enabled"}"#), "{}", shown());
    update(&cloud, &root, "m", &machines(key, "t3.small"));
    assert!(credits().contains("unlimited") && shown().contains(r#"{"state":"disabled"}"#), "{}", shown());
    assert_eq!(log()["tagSet"].to_string().matches("t3.small").count(), 1, "{}", log());
    assert_eq!(
        (physical(&root, "m", "Watched"), physical(&root, "m", "Machine")),
        (output(&stack, "Log"), id.clone())
    );
    assert!(shown().contains("t3.small") && !shown().contains("t3.micro"), "{}", shown());
    let policy =
        root.call("sns", "GetTopicAttributes", json!({ "TopicArn": physical(&root, "m", "Heard") })).ok();
    assert!(policy.to_string().contains("sns:Publish"));
    delete(&cloud, &root, "m");
    assert!(shown().contains("terminated"), "{}", shown());
    assert_eq!(log(), Value::Null);
}

fn watchers(minutes: u32, value: &str, level: &str, dimension: &str) -> String {
    format!(
        "
Resources:
  Bus: {{ Type: 'AWS::Events::EventBus', Properties: {{ Name: app, Description: d{minutes}, Tags: [{{ Key: a, Value: '{minutes}' }}] }} }}
  OnBus:
    Type: AWS::Events::Rule
    Properties:
      EventBusName: !Ref Bus
      EventPattern: {{ source: [app{minutes}] }}
      Targets: [{{ Id: q{minutes}, Arn: !GetAtt Queue.Arn, InputPath: $.detail }}]
  Tick: {{ Type: 'AWS::Events::Rule', Properties: {{ ScheduleExpression: rate({minutes} minutes), Targets: [{{ Id: q, Arn: !GetAtt Queue.Arn }}] }} }}
  Queue: {{ Type: 'AWS::SQS::Queue' }}
  Parameter: {{ Type: 'AWS::SSM::Parameter', Properties: {{ Name: /app/x, Type: String, Value: '{value}', Tags: {{ team: '{value}' }} }} }}
  Group: {{ Type: 'AWS::Logs::LogGroup' }}
  Filter:
    Type: AWS::Logs::MetricFilter
    Properties:
      LogGroupName: !Ref Group
      FilterPattern: '{{ $.level = \"{level}\" }}'
      MetricTransformations: [{{ MetricName: m, MetricNamespace: App, MetricValue: '1', Dimensions: [{{ Key: {dimension}, Value: $.level }}] }}]
  Low: {{ Type: 'AWS::CloudWatch::Alarm', Properties: {{ MetricName: m, Namespace: App, Statistic: Sum, Period: 60, EvaluationPeriods: 1, Threshold: 1, ComparisonOperator: GreaterThanThreshold }} }}
  Rate:
    Type: AWS::CloudWatch::Alarm
    Properties:
      AlarmName: rate
      EvaluationPeriods: 1
      Threshold: {minutes}
      ComparisonOperator: GreaterThanThreshold
      Metrics:
        - {{ Id: rate, Expression: 100 * errors / calls }}
        - {{ Id: errors, ReturnData: false, MetricStat: {{ Metric: {{ Namespace: App, MetricName: Errors }}, Period: 60, Stat: Sum }} }}
        - {{ Id: calls, ReturnData: false, MetricStat: {{ Metric: {{ Namespace: App, MetricName: Calls }}, Period: 60, Stat: Sum }} }}
  Both: {{ Type: 'AWS::CloudWatch::CompositeAlarm', Properties: {{ AlarmRule: !Sub 'ALARM(${{Low}}) OR FALSE', AlarmDescription: d{minutes} }} }}
  Board: {{ Type: 'AWS::CloudWatch::Dashboard', Properties: {{ DashboardName: board, DashboardBody: '{{\"widgets\": [], \"n\": {minutes}}}' }} }}
Outputs:
  Value: {{ Value: !GetAtt Parameter.Value }}
  Rule: {{ Value: !GetAtt OnBus.Arn }}
"
    )
}

#[test]
fn buses_rules_parameters_filters_and_alarms_of_alarms() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let stack = created(&cloud, &root, "w", &watchers(5, "one", "error", "Level"));
    assert_eq!(output(&stack, "Value"), "one");
    assert!(output(&stack, "Rule").starts_with("arn:aws:events:us-east-1:123456789012:rule/app/w-OnBus-"));
    assert!(physical(&root, "w", "OnBus").starts_with("app|w-OnBus-"));
    update(&cloud, &root, "w", &watchers(7, "two", "fatal", "Grade"));
    let rate = root.call("cloudwatch", "DescribeAlarms", json!({ "AlarmNames": ["rate"] })).ok();
    let rate = &rate["MetricAlarms"][0];
    assert_eq!(rate["Threshold"], 7.0);
    assert_eq!(rate["Metrics"][0]["Expression"], "100 * errors / calls");
    assert_eq!(rate["Metrics"][2]["MetricStat"]["Metric"]["MetricName"], "Calls");
    let parameter = root.call("ssm", "GetParameter", json!({ "Name": "/app/x" })).ok();
    assert_eq!(
        (&parameter["Parameter"]["Value"], &parameter["Parameter"]["Version"]),
        (&json!("two"), &json!(2))
    );
    let tags = json!({ "ResourceType": "Parameter", "ResourceId": "/app/x" });
    let tags = root.call("ssm", "ListTagsForResource", tags).ok();
    assert_eq!(unmarked(&tags["TagList"]), json!([{ "Key": "team", "Value": "two" }]));
    let rules = root.call("events", "ListRules", json!({ "EventBusName": "app" })).ok();
    assert_eq!(rules["Rules"][0]["EventPattern"], r#"{"source":["app7"]}"#);
    let rule = json!({ "Rule": rules["Rules"][0]["Name"], "EventBusName": "app" });
    let targets = root.call("events", "ListTargetsByRule", rule).ok();
    assert_eq!(targets["Targets"].as_array().unwrap().len(), 1);
    assert_eq!(targets["Targets"][0]["Id"], "q7");
    let tick = json!({ "Name": physical(&root, "w", "Tick") });
    assert_eq!(root.call("events", "DescribeRule", tick).ok()["ScheduleExpression"], "rate(7 minutes)");
    let filters = root.call("logs", "DescribeMetricFilters", json!({})).ok();
    assert_eq!(filters["metricFilters"][0]["filterPattern"], r#"{ $.level = "fatal" }"#);
    assert_eq!(
        filters["metricFilters"][0]["metricTransformations"][0]["dimensions"],
        json!({ "Grade": "$.level" })
    );
    let alarms = root.call("cloudwatch", "DescribeAlarms", json!({ "AlarmTypes": ["CompositeAlarm"] })).ok();
    assert_eq!(alarms["CompositeAlarms"][0]["AlarmDescription"], "d7");
    let board = root.call("cloudwatch", "GetDashboard", json!({ "DashboardName": "board" })).ok();
    assert_eq!(board["DashboardBody"], r#"{"widgets": [], "n": 7}"#);

    delete(&cloud, &root, "w");
    root.call("ssm", "GetParameter", json!({ "Name": "/app/x" })).refused(400, "ParameterNotFound");
    let left = root.call("events", "ListEventBuses", json!({})).ok();
    assert_eq!(left["EventBuses"].as_array().unwrap().len(), 1);
    assert_eq!(root.call("events", "ListRules", json!({})).ok()["Rules"], json!([]));
    assert_eq!(root.call("logs", "DescribeMetricFilters", json!({})).ok()["metricFilters"], json!([]));
}

#[test]
fn a_template_is_no_place_for_a_secret() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let template =
        "Resources: { P: { Type: 'AWS::SSM::Parameter', Properties: { Type: SecureString, Value: x } } }";
    root.call("cloudformation", "CreateStack", json!({ "StackName": "s", "TemplateBody": template })).ok();
    assert_eq!(settle(&cloud, &root, "s"), "ROLLBACK_COMPLETE");
    let told = format!("{:?}", events(&root, "s"));
    assert!(told.contains("does not create parameters of the type SecureString"), "{told}");
}

#[test]
fn a_stacks_tags_reach_parameters_whose_tags_are_a_map() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let template = "
Resources:
  Own: { Type: 'AWS::SSM::Parameter', Properties: { Name: own, Type: String, Value: x, Tags: { a: own } } }
  None: { Type: 'AWS::SSM::Parameter', Properties: { Name: none, Type: String, Value: x } }
";
    let tags = json!([{ "Key": "a", "Value": "stack" }, { "Key": "b", "Value": "stack" }]);
    let stack = json!({ "StackName": "tagged", "TemplateBody": template, "Tags": tags });
    root.call("cloudformation", "CreateStack", stack).ok();
    assert_eq!(settle(&cloud, &root, "tagged"), "CREATE_COMPLETE", "{:#?}", events(&root, "tagged"));
    let tags = |name: &str| {
        let asked = json!({ "ResourceType": "Parameter", "ResourceId": name });
        unmarked(&root.call("ssm", "ListTagsForResource", asked).ok()["TagList"])
    };
    let pair = |key: &str, value: &str| json!({ "Key": key, "Value": value });
    assert_eq!(tags("own"), json!([pair("a", "own"), pair("b", "stack")]));
    assert_eq!(tags("none"), json!([pair("a", "stack"), pair("b", "stack")]));
    let without = json!({ "StackName": "tagged", "TemplateBody": template, "Tags": [] });
    root.call("cloudformation", "UpdateStack", without).ok();
    assert_eq!(settle(&cloud, &root, "tagged"), "UPDATE_COMPLETE", "{:#?}", events(&root, "tagged"));
    assert_eq!(tags("own"), json!([pair("a", "own")]));
    assert_eq!(tags("none"), json!([]));
}

#[test]
fn a_group_that_goes_while_it_is_waited_for() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let template = format!(
        "
Resources:
  Template: {{ Type: 'AWS::EC2::LaunchTemplate', Properties: {{ LaunchTemplateData: {{ ImageId: {IMAGE}, InstanceType: t3.micro }} }} }}
  Group:
    Type: AWS::AutoScaling::AutoScalingGroup
    Properties:
      AutoScalingGroupName: web
      MinSize: 1
      MaxSize: 1
      AvailabilityZones: [us-east-1a]
      LaunchTemplate: {{ LaunchTemplateId: !Ref Template, Version: '1' }}
"
    );
    root.call("cloudformation", "CreateStack", json!({ "StackName": "own", "TemplateBody": template })).ok();
    let initiated = "Group CREATE_IN_PROGRESS Resource creation Initiated".to_owned();
    // No further: its instance would come into service.
    for _ in 0..20 {
        if !events(&root, "own").contains(&initiated) {
            cloud.reconcile();
        }
    }
    assert!(events(&root, "own").contains(&initiated), "{:#?}", events(&root, "own"));
    let away = json!({ "AutoScalingGroupName": "web", "ForceDelete": true });
    root.call("autoscaling", "DeleteAutoScalingGroup", away).ok();
    assert_eq!(settle(&cloud, &root, "own"), "ROLLBACK_COMPLETE", "{:#?}", events(&root, "own"));
    let words = "Group CREATE_FAILED The group web does not exist any more.".to_owned();
    assert!(events(&root, "own").contains(&words), "{:#?}", events(&root, "own"));
}

#[test]
fn what_scales_a_group() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let template = |by: i64| {
        format!(
            "
Resources:
  Template: {{ Type: 'AWS::EC2::LaunchTemplate', Properties: {{ LaunchTemplateData: {{ ImageId: {IMAGE}, InstanceType: t3.micro }} }} }}
  Group:
    Type: AWS::AutoScaling::AutoScalingGroup
    Properties:
      AutoScalingGroupName: web
      MinSize: 0
      MaxSize: 4
      AvailabilityZones: [us-east-1a]
      TerminationPolicies: [NewestInstance]
      Tags: [{{ Key: k{by}, Value: v, PropagateAtLaunch: true }}, {{ Key: own, Value: '{by}', PropagateAtLaunch: false }}]
      LaunchTemplate: {{ LaunchTemplateId: !Ref Template, Version: '1' }}
  Out:
    Type: AWS::AutoScaling::ScalingPolicy
    Properties: {{ AutoScalingGroupName: !Ref Group, AdjustmentType: ChangeInCapacity, Cooldown: '60', ScalingAdjustment: {by} }}
  Daily:
    Type: AWS::AutoScaling::ScheduledAction
    Properties: {{ AutoScalingGroupName: !Ref Group, Recurrence: '0 9 * * *', MaxSize: {by} }}
  Waits:
    Type: AWS::AutoScaling::LifecycleHook
    Properties: {{ AutoScalingGroupName: !Ref Group, LifecycleTransition: 'autoscaling:EC2_INSTANCE_LAUNCHING', HeartbeatTimeout: 30{by} }}
  Busy:
    Type: AWS::CloudWatch::Alarm
    Properties:
      AlarmActions: [!Ref Out]
      MetricName: m
      Namespace: App
      Statistic: Sum
      Period: 60
      EvaluationPeriods: 1
      Threshold: 1
      ComparisonOperator: GreaterThanThreshold
Outputs: {{ Name: {{ Value: !GetAtt Out.PolicyName }} }}
"
        )
    };
    let asked = |by| json!({ "StackName": "scales", "TemplateBody": template(by) });
    root.call("cloudformation", "CreateStack", asked(1)).ok();
    assert_eq!(settle(&cloud, &root, "scales"), "CREATE_COMPLETE", "{:#?}", events(&root, "scales"));
    let policies = || root.call("autoscaling", "DescribePolicies", json!({})).ok()["ScalingPolicies"].clone();
    let made = policies()[0].clone();
    assert!(made["PolicyName"].as_str().unwrap().starts_with("scales-Out-"), "{made}");
    assert!(made["Alarms"][0]["AlarmName"].as_str().unwrap().starts_with("scales-Busy-"), "{made}");
    root.call("cloudformation", "UpdateStack", asked(2)).ok();
    assert_eq!(settle(&cloud, &root, "scales"), "UPDATE_COMPLETE", "{:#?}", events(&root, "scales"));
    let changed = policies()[0].clone();
    assert_eq!((&changed["ScalingAdjustment"], &changed["PolicyARN"]), (&json!("2"), &made["PolicyARN"]));
    let actions = || {
        let told = root.call("autoscaling", "DescribeScheduledActions", json!({})).ok();
        told["ScheduledUpdateGroupActions"].clone()
    };
    assert_eq!(actions()[0]["MaxSize"], "2");
    let told = root.call("autoscaling", "DescribeTags", json!({})).ok()["Tags"].clone();
    let told = unmarked(&told);
    let tags: Vec<_> = told.as_array().unwrap().iter().map(|tag| (&tag["Key"], &tag["Value"])).collect();
    assert_eq!(tags, [(&json!("k2"), &json!("v")), (&json!("own"), &json!("2"))]);
    let hooks =
        root.call("autoscaling", "DescribeLifecycleHooks", json!({ "AutoScalingGroupName": "web" })).ok();
    assert_eq!(hooks["LifecycleHooks"][0]["HeartbeatTimeout"], "302");
    root.call("cloudformation", "DeleteStack", json!({ "StackName": "scales" })).ok();
    cloud.reconcile();
    for _ in 0..20 {
        cloud.reconcile();
    }
    assert!(!policies().is_array() && !actions().is_array(), "{} {}", policies(), actions());
}

fn hooks(user: &str, method: &str, rate: &str) -> String {
    format!(
        "
Resources:
  Login:
    Type: AWS::Events::Connection
    Properties:
      Description: d{user}
      AuthorizationType: BASIC
      AuthParameters:
        BasicAuthParameters: {{ Username: {user}, Password: p }}
        InvocationHttpParameters: {{ HeaderParameters: [{{ Key: X-A, Value: {user}, IsValueSecret: false }}] }}
  Hook:
    Type: AWS::Events::ApiDestination
    Properties: {{ ConnectionArn: !GetAtt Login.Arn, HttpMethod: {method}, InvocationEndpoint: 'https://127.0.0.1/'{rate} }}
Outputs:
  Hook: {{ Value: !GetAtt Hook.Arn }}
  Named: {{ Value: !GetAtt Hook.ArnForPolicy }}
"
    )
}

#[test]
fn connections_and_api_destinations() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let stack = created(&cloud, &root, "h", &hooks("eva", "POST", ", InvocationRateLimitPerSecond: 7"));
    let name = physical(&root, "h", "Hook");
    assert_eq!(output(&stack, "Named"), format!("arn:aws:events:us-east-1:{ACCOUNT}:api-destination/{name}"));
    let describe = || root.call("events", "DescribeApiDestination", json!({ "Name": name })).ok();
    assert_eq!(describe()["ApiDestinationArn"], output(&stack, "Hook"));
    let shown = || (describe()["HttpMethod"].clone(), describe()["InvocationRateLimitPerSecond"].clone());
    assert_eq!(shown(), (json!("POST"), json!(7)));
    update(&cloud, &root, "h", &hooks("max", "PUT", ""));
    assert_eq!(shown(), (json!("PUT"), json!(300)));
    assert_eq!(describe()["ApiDestinationArn"], output(&stack, "Hook"));
    let login = physical(&root, "h", "Login");
    let login = root.call("events", "DescribeConnection", json!({ "Name": login })).ok();
    assert_eq!(
        (&login["Description"], &login["AuthParameters"]),
        (
            &json!("dmax"),
            &json!({
                "BasicAuthParameters": { "Username": "max" },
                "InvocationHttpParameters": { "HeaderParameters": [{ "Key": "X-A", "Value": "max", "IsValueSecret": false }] },
            })
        )
    );
    delete(&cloud, &root, "h");
    assert_eq!(root.call("events", "ListConnections", json!({})).ok()["Connections"], json!([]));
}

#[test]
fn the_private_key_of_a_new_pair_is_kept_for_its_owner() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let template = "
Resources: { Key: { Type: 'AWS::EC2::KeyPair', Properties: { KeyName: mine, KeyType: ed25519 } } }
Outputs: { Id: { Value: !GetAtt Key.KeyPairId } }
";
    let stack = created(&cloud, &root, "k", template);
    let name = format!("/ec2/keypair/{}", output(&stack, "Id"));
    let kept = || root.call("ssm", "GetParameter", json!({ "Name": name, "WithDecryption": true }));
    let parameter = kept().ok()["Parameter"].clone();
    assert_eq!(parameter["Type"], "SecureString");
    let material = parameter["Value"].as_str().unwrap();
    assert!(material.starts_with("-----BEGIN OPENSSH PRIVATE KEY-----"), "{material}");
    let pairs = root.call("ec2", "DescribeKeyPairs", json!({ "KeyNames": ["mine"] })).ok();
    assert_eq!(pairs["keySet"][0]["keyType"], "ed25519");
    root.call("cloudformation", "DeleteStack", json!({ "StackName": "k" })).ok();
    assert_eq!(settle(&cloud, &root, stack["StackId"].as_str().unwrap()), "DELETE_COMPLETE");
    kept().refused(400, "ParameterNotFound");
    root.call("ec2", "DescribeKeyPairs", json!({ "KeyNames": ["mine"] }))
        .refused(400, "InvalidKeyPair.NotFound");
}

#[test]
fn attributes_that_are_known_once_it_is_there() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let template = |actions: &str| {
        format!(
            "
Resources:
  V: {{ Type: 'AWS::EC2::VPC', Properties: {{ CidrBlock: 10.0.0.0/16 }} }}
  N: {{ Type: 'AWS::EC2::Subnet', Properties: {{ VpcId: !Ref V, CidrBlock: 10.0.0.0/24, AvailabilityZone: us-east-1b }} }}
  T: {{ Type: 'AWS::EC2::RouteTable', Properties: {{ VpcId: !Ref V }} }}
  E: {{ Type: 'AWS::EC2::VPCEndpoint', Properties: {{ VpcId: !Ref V, ServiceName: com.amazonaws.us-east-1.s3, RouteTableIds: [!Ref T] }} }}
  R: {{ Type: 'AWS::IAM::Role', Properties: {{ AssumeRolePolicyDocument: {{ Version: 2012-10-17, Statement: {{ Effect: Allow, Principal: {{ Service: ec2.amazonaws.com }}, Action: sts:AssumeRole }} }} }} }}
  P: {{ Type: 'AWS::IAM::ManagedPolicy', Properties: {{ Roles: [!Ref R], PolicyDocument: {{ Version: 2012-10-17, Statement: {{ Effect: Allow, Action: '{actions}', Resource: '*' }} }} }} }}
  G: {{ Type: 'AWS::Scheduler::ScheduleGroup' }}
Outputs:
  Blocks: {{ Value: !Select [0, !GetAtt V.CidrBlockAssociations] }}
  Sixes: {{ Value: !Join [' ', !GetAtt V.Ipv6CidrBlocks] }}
  Acl: {{ Value: !GetAtt N.NetworkAclAssociationId }}
  Zone: {{ Value: !GetAtt N.AvailabilityZoneId }}
  Since: {{ Value: !GetAtt E.CreationTimestamp }}
  Policy: {{ Value: !Join [' ', [!GetAtt P.DefaultVersionId, !GetAtt P.AttachmentCount, !GetAtt P.PermissionsBoundaryUsageCount]] }}
  Dates: {{ Value: !Join [' ', [!GetAtt P.UpdateDate, !GetAtt G.CreationDate, !GetAtt G.LastModificationDate]] }}
"
        )
    };
    let stack = created(&cloud, &root, "a", &template("s3:GetObject"));
    let told = |name: &str| output(&describe(&root, "a"), name);
    let vpc = json!({ "VpcIds": [physical(&root, "a", "V")] });
    let vpcs = root.call("ec2", "DescribeVpcs", vpc).ok();
    assert_eq!(vpcs["vpcSet"][0]["cidrBlockAssociationSet"][0]["associationId"], told("Blocks"));
    assert_eq!(told("Sixes"), "");
    let acls = root.call("ec2", "DescribeNetworkAcls", json!({})).ok().to_string();
    assert!(told("Acl").starts_with("aclassoc-") && acls.contains(&told("Acl")), "{acls}");
    assert_eq!(told("Zone"), "use1-az2");
    let now = cloud.cloud.clock().now().iso8601_millis();
    assert_eq!(told("Since")[..10], now[..10]);
    assert_eq!(told("Policy"), "v1 1 0", "{stack}");
    assert!(told("Dates").split(' ').all(|date| date[..10] == now[..10]), "{stack}");
    update(&cloud, &root, "a", &template("s3:PutObject"));
    assert_eq!(told("Policy"), "v2 1 0");
}

#[test]
fn a_machine_gets_other_user_data_and_stays() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let template = |said: &str, kind: &str| {
        format!(
            "
Resources:
  V: {{ Type: 'AWS::EC2::VPC', Properties: {{ CidrBlock: 10.0.0.0/16 }} }}
  N: {{ Type: 'AWS::EC2::Subnet', Properties: {{ VpcId: !Ref V, CidrBlock: 10.0.0.0/24 }} }}
  M: {{ Type: 'AWS::EC2::Instance', Properties: {{ ImageId: ami-0a1f5c0de0b1a0001, InstanceType: {kind}, SubnetId: !Ref N, UserData: !Base64 '{said}' }} }}
"
        )
    };
    created(&cloud, &root, "m", &template("one", "t3.micro"));
    let id = physical(&root, "m", "M");
    let data = || {
        let asked = json!({ "InstanceId": id, "Attribute": "userData" });
        root.call("ec2", "DescribeInstanceAttribute", asked).ok()["userData"]["value"].clone()
    };
    assert_eq!(data(), "b25l");
    // While it runs it keeps them.
    let change = json!({ "InstanceId": id, "UserData": { "Value": "dHdv" } });
    root.call("ec2", "ModifyInstanceAttribute", change).refused(400, "IncorrectInstanceState");
    for (said, kind, told) in [("two", "t3.micro", "dHdv"), ("three", "t3.small", "dGhyZWU=")] {
        update(&cloud, &root, "m", &template(said, kind));
        assert_eq!((physical(&root, "m", "M"), data()), (id.clone(), json!(told)));
        let shown = root.call("ec2", "DescribeInstances", json!({ "InstanceIds": [id] })).ok().to_string();
        assert!(shown.contains(r#""name":"running""#) && shown.contains(kind), "{shown}");
    }
}
