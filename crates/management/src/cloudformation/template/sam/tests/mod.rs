//! What comes out of templates: which resources, by which names.

mod published;
mod wrong;

use super::{applies, transform};
use crate::cloudformation::template::{Template, get, yaml};
use std::collections::BTreeMap;
use wire::Value;

fn out(text: &str) -> Result<Value, String> {
    let root = yaml::read(text).unwrap();
    assert!(applies(&root));
    transform(&root, &BTreeMap::new()).map_err(|wrong| wrong.0)
}

fn at<'v>(root: &'v Value, path: &str) -> &'v Value {
    let step = |value: &'v Value, part: &str| match (value, part.parse::<usize>()) {
        (Value::List(items), Ok(place)) => &items[place],
        _ => get(value, part).unwrap_or_else(|| panic!("no {part} of {path}: {value:?}")),
    };
    path.split('/').fold(root, step)
}

fn json(value: &Value) -> String {
    wire::json::text(value)
}

const SHOP: &str = "
Transform: AWS::Serverless-2016-10-31
Globals:
  Function:
    Runtime: python3.12
    Timeout: 9
    Environment: { Variables: { STAGE: dev, LEVEL: info } }
Parameters: { Live: { Type: String, Default: live } }
Resources:
  Orders:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: s3://code/orders.zip
      Handler: app.handler
      AutoPublishAlias: !Ref Live
      ProvisionedConcurrencyConfig: { ProvisionedConcurrentExecutions: 2 }
      Environment: { Variables: { LEVEL: debug } }
      Policies:
        - AmazonS3ReadOnlyAccess
        - DynamoDBCrudPolicy: { TableName: !Ref Table }
        - Statement: [{ Effect: Allow, Action: 'sqs:ListQueues', Resource: '*' }]
      Events:
        Queue: { Type: SQS, Properties: { Queue: !GetAtt Jobs.Arn, BatchSize: 5 } }
        Nightly: { Type: Schedule, Properties: { Schedule: rate(1 day), Enabled: false } }
        Uploads: { Type: S3, Properties: { Bucket: !Ref Files, Events: 's3:ObjectCreated:*' } }
        News: { Type: SNS, Properties: { Topic: !Ref Topic } }
        Own: { Type: EventBridgeRule, Properties: { Pattern: { source: [shop] } } }
  Plain:
    Type: AWS::Serverless::Function
    Condition: Wanted
    Properties: { InlineCode: 'x', Handler: index.handler, Role: arn:aws:iam::1:role/x }
  Boxed:
    Type: AWS::Serverless::Function
    IgnoreGlobals: [Runtime]
    Properties: { PackageType: Image, ImageUri: 'host/app:v1', Role: 'arn:aws:iam::1:role/x' }
  Table: { Type: AWS::Serverless::SimpleTable }
  Jobs: { Type: AWS::SQS::Queue }
  Files: { Type: AWS::S3::Bucket, DependsOn: Jobs }
  Topic: { Type: AWS::SNS::Topic }
Conditions: { Wanted: !Equals [a, a] }
";

#[test]
fn a_template_becomes_what_it_stands_for() {
    let root = out(SHOP).unwrap();
    let Value::Map(resources) = at(&root, "Resources") else { panic!("no resources") };
    let kind = |body: &Value| get(body, "Type").and_then(Value::as_str).unwrap().to_owned();
    let mut found: Vec<String> =
        resources.iter().map(|(name, body)| format!("{name} {}", kind(body))).collect();
    found.sort();
    let wanted = [
        "Boxed AWS::Lambda::Function",
        "Files AWS::S3::Bucket",
        "Jobs AWS::SQS::Queue",
        "Orders AWS::Lambda::Function",
        "OrdersAliaslive AWS::Lambda::Alias",
        "OrdersNews AWS::SNS::Subscription",
        "OrdersNewsPermission AWS::Lambda::Permission",
        "OrdersNightly AWS::Events::Rule",
        "OrdersNightlyPermission AWS::Lambda::Permission",
        "OrdersOwn AWS::Events::Rule",
        "OrdersOwnPermission AWS::Lambda::Permission",
        "OrdersQueue AWS::Lambda::EventSourceMapping",
        "OrdersRole AWS::IAM::Role",
        "OrdersUploadsPermission AWS::Lambda::Permission",
        // Of `{"S3Bucket":"code","S3Key":"orders.zip","Variables":{"LEVEL":"debug","STAGE":"dev"}}`.
        "OrdersVersion1450848bbc AWS::Lambda::Version",
        "Plain AWS::Lambda::Function",
        "Table AWS::DynamoDB::Table",
        "Topic AWS::SNS::Topic",
    ];
    assert_eq!(found, wanted);
    let of = |path: &str| json(at(&root, &format!("Resources/{path}")));
    assert_eq!(of("Orders/Properties/Environment/Variables"), r#"{"STAGE":"dev","LEVEL":"debug"}"#);
    assert_eq!(of("Orders/Properties/Code"), r#"{"S3Bucket":"code","S3Key":"orders.zip"}"#);
    assert_eq!(of("Orders/Properties/Role"), r#"{"Fn::GetAtt":["OrdersRole","Arn"]}"#);
    assert_eq!(of("Orders/Properties/Tags"), r#"[{"Key":"lambda:createdBy","Value":"SAM"}]"#);
    let managed = r#"["arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole","arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess","arn:aws:iam::aws:policy/service-role/AWSLambdaSQSQueueExecutionRole"]"#;
    assert_eq!(of("OrdersRole/Properties/ManagedPolicyArns"), managed);
    assert_eq!(of("OrdersRole/Properties/Policies/0/PolicyName"), r#""OrdersRolePolicy1""#);
    assert_eq!(of("OrdersRole/Properties/Policies/1/PolicyName"), r#""OrdersRolePolicy2""#);
    let resource = r#"{"Fn::Sub":["arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/${tableName}/index/*",{"tableName":{"Ref":"Table"}}]}"#;
    assert_eq!(of("OrdersRole/Properties/Policies/0/PolicyDocument/Statement/0/Resource/1"), resource);
    assert_eq!(of("OrdersQueue/Properties/FunctionName"), r#"{"Ref":"OrdersAliaslive"}"#);
    assert_eq!(of("OrdersNightly/Properties/State"), r#""DISABLED""#);
    assert_eq!(of("OrdersNightly/Properties/Targets/0/Id"), r#""OrdersNightlyLambdaTarget""#);
    assert_eq!(of("Files/DependsOn"), r#"["Jobs","OrdersUploadsPermission"]"#);
    assert_eq!(of("OrdersUploadsPermission/Properties/SourceAccount"), r#"{"Ref":"AWS::AccountId"}"#);
    assert_eq!(of("Table/Properties/BillingMode"), r#""PAY_PER_REQUEST""#);
    assert_eq!(of("Plain/Condition"), r#""Wanted""#);
    assert_eq!(of("Plain/Properties/Code"), r#"{"ZipFile":"x"}"#);
    assert_eq!(of("Boxed/Properties/Code"), r#"{"ImageUri":"host/app:v1"}"#);
    let provisioned = of("OrdersAliaslive/Properties/ProvisionedConcurrencyConfig");
    assert_eq!(provisioned, r#"{"ProvisionedConcurrentExecutions":2}"#);
    assert!(get(&root, "Transform").is_none() && get(&root, "Globals").is_none());
    // It is a template.
    Template::read(&json(&root)).unwrap();
}

const WORDS: &str = "
Transform: AWS::Serverless-2016-10-31
Globals: { Function: { CodeUri: 's3://b/k.zip', Handler: a.h, Runtime: python3.12, Tags: { own: tag } } }
Parameters: { License: { Type: String, Default: MIT } }
Resources:
  Words:
    Type: AWS::Serverless::LayerVersion
    Properties: { ContentUri: 's3://b/l.zip', LicenseInfo: !Ref License, CompatibleRuntimes: [python3.11] }
  Own:
    Type: AWS::Serverless::LayerVersion
    DependsOn: Words
    Properties: { ContentUri: { Bucket: b, Key: k }, LayerName: own, RetentionPolicy: delete }
  Fifo: { Type: AWS::SNS::Topic, Properties: { FifoTopic: true } }
  One:
    Type: AWS::Serverless::Function
    DeletionPolicy: Retain
    Properties:
      AutoPublishAlias: live
      Layers: [!Ref Words]
      FunctionUrlConfig: { AuthType: NONE }
      EventInvokeConfig: { DestinationConfig: { OnSuccess: { Type: SQS }, OnFailure: { Type: SNS } } }
      Events:
        V: { Type: ScheduleV2, Properties: { ScheduleExpression: rate(1 hour), DeadLetterConfig: { Type: SQS } } }
        R: { Type: EventBridgeRule, Properties: { Pattern: {}, DeadLetterConfig: { Type: SQS, QueueLogicalId: L } } }
        T: { Type: SNS, Properties: { Topic: !Ref Fifo, SqsSubscription: true } }
  Two:
    Type: AWS::Serverless::Function
    DependsOn: [Words, One]
    Properties:
      FunctionUrlConfig: { AuthType: AWS_IAM }
      Environment: { Variables: { A: !Ref One.Alias, S: !Sub '${One.Version} ${Words} ${!Words} ${AWS::Region}' } }
Outputs:
  V: { Value: !GetAtt One.Version.Version }
  Q: { Value: !Ref One.DestinationQueue }
  L: { Value: !GetAtt Own.LayerVersionArn }
";

#[test]
fn layers_addresses_and_queues_that_nobody_wrote() {
    let root = out(WORDS).unwrap();
    let Value::Map(resources) = at(&root, "Resources") else { panic!("no resources") };
    let mut found: Vec<&str> = resources.iter().map(|(name, _)| name.as_str()).collect();
    found.sort_unstable();
    // The names are those that the published transform gives, hashes and all.
    let wanted = [
        "Fifo",
        "L",
        "One",
        "OneAliaslive",
        "OneEventInvokeConfig",
        "OneEventInvokeConfigOnFailureTopic",
        "OneEventInvokeConfigOnSuccessQueue",
        "OneR",
        "OneRPermission",
        "OneRQueuePolicy",
        "OneRole",
        "OneT",
        "OneTEventSourceMapping",
        "OneTQueue",
        "OneTQueuePolicy",
        "OneURLInvokeAllowPublicAccess",
        "OneUrl",
        "OneUrlPublicPermissions",
        "OneV",
        "OneVQueue",
        "OneVRole",
        "OneVersion694d741b46",
        "OwnHASH",
        "Two",
        "TwoRole",
        "TwoUrl",
        "Words210ac6d108",
    ];
    let own = found.iter().find(|name| name.starts_with("Own")).copied().unwrap();
    assert_eq!(found, wanted.map(|name| if name == "OwnHASH" { own } else { name }));
    let of = |path: &str| json(at(&root, path));
    let of_own = |path: &str| json(at(&root, &format!("Resources/{own}/{path}")));
    assert_eq!(of("Resources/Words210ac6d108/DeletionPolicy"), r#""Retain""#);
    assert_eq!(of("Resources/Words210ac6d108/Properties/LayerName"), r#""Words""#);
    assert_eq!(of_own("DeletionPolicy"), r#""Delete""#);
    assert_eq!(of_own("DependsOn"), r#""Words210ac6d108""#);
    assert_eq!(of_own("Properties/Content"), r#"{"S3Bucket":"b","S3Key":"k"}"#);
    assert_eq!(of("Resources/One/Properties/Layers"), r#"[{"Ref":"Words210ac6d108"}]"#);
    assert_eq!(of("Resources/Two/DependsOn"), r#"["Words210ac6d108","One"]"#);
    let said = r#"{"A":{"Ref":"OneAliaslive"},"S":{"Fn::Sub":"${OneVersion694d741b46} ${Words210ac6d108} ${!Words} ${AWS::Region}"}}"#;
    assert_eq!(of("Resources/Two/Properties/Environment/Variables"), said);
    assert_eq!(of("Outputs/V/Value"), r#"{"Fn::GetAtt":["OneVersion694d741b46","Version"]}"#);
    assert_eq!(of("Outputs/Q/Value"), r#"{"Ref":"OneEventInvokeConfigOnSuccessQueue"}"#);
    assert_eq!(of("Outputs/L/Value"), format!(r#"{{"Fn::GetAtt":["{own}","LayerVersionArn"]}}"#));
    assert_eq!(of("Resources/OneTQueue/Properties"), r#"{"FifoQueue":true}"#);
    assert_eq!(of("Resources/OneV/Properties/Target/DeadLetterConfig/Arn/Fn::GetAtt/0"), r#""OneVQueue""#);
    assert_eq!(of("Resources/OneR/Properties/Targets/0/DeadLetterConfig/Arn/Fn::GetAtt/0"), r#""L""#);
    assert_eq!(of("Resources/OneRQueuePolicy/Properties/Queues"), r#"[{"Ref":"L"}]"#);
    assert_eq!(of("Resources/OneUrl/Properties/TargetFunctionArn"), r#"{"Ref":"OneAliaslive"}"#);
    assert_eq!(of("Resources/OneRole/DeletionPolicy"), r#""Retain""#);
    let names = of("Resources/OneRole/Properties/Policies");
    for name in ["OneEventInvokeConfigOnSuccessSQSPolicy", "OneEventInvokeConfigOnFailureSNSPolicy"] {
        assert!(names.contains(name), "{names}");
    }
    Template::read(&json(&root)).unwrap();
}
