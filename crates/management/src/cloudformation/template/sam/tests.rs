//! What comes out of templates: which resources, by which names.

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
    // The hash is that of `{"S3Bucket":"code","S3Key":"orders.zip"}`.
    let version = found.iter().find(|line| line.starts_with("OrdersVersion")).unwrap().clone();
    assert_eq!(version.len(), "OrdersVersion0123456789 AWS::Lambda::Version".len(), "{version}");
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
        &version,
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
    let managed = r#"["arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole","arn:aws:iam::aws:policy/service-role/AWSLambdaSQSQueueExecutionRole","arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"]"#;
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

#[test]
fn what_is_not_built_is_refused_by_name() {
    let function = |more: &str| {
        format!(
            "Transform: AWS::Serverless-2016-10-31\nResources: {{ F: {{ Type: 'AWS::Serverless::Function', Properties: {{ {more} }} }} }}"
        )
    };
    let rows = [
        (function("Handler: x"), "Missing required property 'CodeUri'."),
        (function("PackageType: Image"), "'ImageUri' must be set."),
        (
            function("CodeUri: 's3://b/k', ProvisionedConcurrencyConfig: {}"),
            "To set ProvisionedConcurrencyConfig AutoPublishALias must be defined on the function",
        ),
        (function("CodeUri: ./src"), "'CodeUri' is not a valid S3 Uri of the form"),
        (function("CodeUri: 's3://b/k', Events: { A: { Type: Api } }"), "An event of type Api is not built"),
        (
            function("CodeUri: 's3://b/k', DeploymentPreference: { Type: AllAtOnce }"),
            "The property DeploymentPreference of AWS::Serverless::Function is not built",
        ),
        (
            function("CodeUri: 's3://b/k', Policies: [{ NoSuchPolicy: {} }]"),
            "The policy template NoSuchPolicy is not built",
        ),
        (
            function("CodeUri: 's3://b/k', Policies: [{ SQSPollerPolicy: {} }]"),
            "Must specify valid parameter values for policy template 'SQSPollerPolicy'",
        ),
        (
            function(
                "CodeUri: 's3://b/k', Events: { A: { Type: S3, Properties: { Bucket: x, Events: y } } }",
            ),
            "S3 events must reference an S3 bucket in the same template.",
        ),
        (
            "Transform: AWS::Serverless-2016-10-31\nResources: { A: { Type: 'AWS::Serverless::Api' } }"
                .to_owned(),
            "AWS::Serverless::Api is not built",
        ),
    ];
    for (text, words) in rows {
        let told = out(&text).unwrap_err();
        assert!(told.contains(words), "{text}: {told}");
    }
}
