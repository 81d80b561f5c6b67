//! Keys, archives, logs and loops of resources that templates tell of.

use crate::cloudformation_drift::{detect, drifts};
use crate::cloudformation_kinds::{delete, update};
use crate::cloudformation_stacks::{ACCOUNT, created, physical};
use crate::harness::{Caller, Cloud};
use serde_json::{Value, json};

const BASE: &str = "
  Key:
    Type: AWS::KMS::Key
    Properties:
      KeyPolicy:
        Version: '2012-10-17'
        Statement:
          - { Effect: Allow, Principal: { AWS: !Sub 'arn:aws:iam::${AWS::AccountId}:root' }, Action: 'kms:*', Resource: '*' }
          - { Effect: Allow, Principal: { Service: [logs.us-east-1.amazonaws.com, events.amazonaws.com] }, Action: ['kms:GenerateDataKey*', 'kms:Decrypt*'], Resource: '*' }
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: '2012-10-17'
        Statement: [{ Effect: Allow, Principal: { Service: lambda.amazonaws.com }, Action: 'sts:AssumeRole' }]
";

fn template([function, logs, topic, fifo, bus]: [&str; 5]) -> String {
    format!(
        "
Resources:{BASE}
  Function:
    Type: AWS::Lambda::Function
    Properties:
      Runtime: python3.12
      Handler: index.handler
      Role: !GetAtt Role.Arn
      Code: {{ ZipFile: 'def handler(event, context): return event' }}
      Environment: {{ Variables: {{ NAME: b }} }}
{function}
  Logs:
    Type: AWS::Logs::LogGroup
    Properties:
      RetentionInDays: 1
{logs}
  Topic:
    Type: AWS::SNS::Topic
    Properties:
      DisplayName: d
{topic}
  Fifo:
    Type: AWS::SNS::Topic
    Properties:
      FifoTopic: true
{fifo}
  Bus:
    Type: AWS::Events::EventBus
    Properties:
      Name: b
{bus}
"
    )
}

fn function(root: &Caller<'_>) -> Value {
    let name = physical(root, "keys", "Function");
    let mut shown = root.call("lambda", "GetFunctionConfiguration", json!({ "FunctionName": name })).ok();
    let loops = root.call("lambda", "GetFunctionRecursionConfig", json!({ "FunctionName": name })).ok();
    shown["Loops"] = loops["RecursiveLoop"].clone();
    shown
}

fn group(root: &Caller<'_>) -> Value {
    let asked = json!({ "logGroupNamePrefix": physical(root, "keys", "Logs") });
    root.call("logs", "DescribeLogGroups", asked).ok()["logGroups"][0].clone()
}

fn topic(root: &Caller<'_>, name: &str) -> String {
    let asked = json!({ "TopicArn": physical(root, "keys", name) });
    String::from_utf8_lossy(&root.call("sns", "GetTopicAttributes", asked).body).into_owned()
}

#[test]
fn keys_come_change_and_go() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let all = template([
        "      KmsKeyArn: !GetAtt Key.Arn\n      RecursiveLoop: Allow\n      LoggingConfig: { LogGroup: apps }",
        "      KmsKeyId: !GetAtt Key.Arn",
        "      KmsMasterKeyId: !Ref Key",
        "      ArchivePolicy: { MessageRetentionPeriod: 3 }",
        "      KmsKeyIdentifier: !Ref Key\n      DeadLetterConfig: { Arn: 'arn:aws:sqs:us-east-1:123456789012:lost' }",
    ]);
    created(&cloud, &root, "keys", &all);
    let key = physical(&root, "keys", "Key");
    let arn = format!("arn:aws:kms:us-east-1:{ACCOUNT}:key/{key}");
    let shown = function(&root);
    assert_eq!((&shown["KMSKeyArn"], &shown["Loops"]), (&json!(arn), &json!("Allow")));
    assert_eq!(shown["LoggingConfig"], json!({ "LogFormat": "Text", "LogGroup": "apps" }));
    assert_eq!(group(&root)["kmsKeyId"], json!(arn));
    assert!(topic(&root, "Topic").contains(&key), "{}", topic(&root, "Topic"));
    assert!(topic(&root, "Fifo").contains("MessageRetentionPeriod"));
    let bus = || root.call("events", "DescribeEventBus", json!({ "Name": "b" })).ok();
    assert_eq!(bus()["KmsKeyIdentifier"], json!(key));
    assert_eq!(bus()["DeadLetterConfig"]["Arn"], "arn:aws:sqs:us-east-1:123456789012:lost");
    detect(&cloud, &root, json!({ "StackName": "keys" }));
    for name in ["Function", "Logs", "Topic", "Fifo"] {
        let found = drifts(&root, "keys");
        let one = found.iter().find(|drift| drift["LogicalResourceId"] == name).unwrap();
        assert_eq!(one["StackResourceDriftStatus"], "IN_SYNC", "{one}");
    }
    update(&cloud, &root, "keys", &template([""; 5]));
    let shown = function(&root);
    assert_eq!((&shown["KMSKeyArn"], &shown["Loops"]), (&Value::Null, &json!("Terminate")));
    assert_eq!(shown["Environment"]["Variables"], json!({ "NAME": "b" }));
    assert!(shown["LoggingConfig"]["LogGroup"].as_str().unwrap().starts_with("/aws/lambda/"));
    assert_eq!(group(&root)["kmsKeyId"], Value::Null);
    assert!(!topic(&root, "Topic").contains("KmsMasterKeyId"));
    assert!(!topic(&root, "Fifo").contains("ArchivePolicy"));
    assert_eq!((&bus()["KmsKeyIdentifier"], &bus()["DeadLetterConfig"]), (&Value::Null, &Value::Null));
    delete(&cloud, &root, "keys");
}
