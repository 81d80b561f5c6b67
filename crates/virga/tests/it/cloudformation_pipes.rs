//! Pipes in templates.

use crate::cloudformation_kinds::{delete, update};
use crate::cloudformation_stacks::{ACCOUNT, created, output, physical};
use crate::harness::Cloud;
use serde_json::json;

fn piped(state: &str, template: &str) -> String {
    format!(
        "
Resources:
  In: {{ Type: 'AWS::SQS::Queue' }}
  Out: {{ Type: 'AWS::SQS::Queue' }}
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: '2012-10-17'
        Statement: [{{ Effect: Allow, Action: 'sts:AssumeRole', Principal: {{ Service: pipes.amazonaws.com }} }}]
      Policies: [{{ PolicyName: p, PolicyDocument: {{ Version: '2012-10-17', Statement: [{{ Effect: Allow, Action: 'sqs:*', Resource: '*' }}] }} }}]
  Pipe:
    Type: AWS::Pipes::Pipe
    Properties:
      Source: !GetAtt In.Arn
      SourceParameters: {{ SqsQueueParameters: {{ BatchSize: '2' }} }}
      Target: !GetAtt Out.Arn
      TargetParameters: {{ InputTemplate: '{template}' }}
      RoleArn: !GetAtt Role.Arn
      DesiredState: {state}
      Tags: {{ team: {template} }}
Outputs:
  Arn: {{ Value: !GetAtt Pipe.Arn }}
  State: {{ Value: !GetAtt Pipe.CurrentState }}
"
    )
}

#[test]
fn a_pipe() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let stack = created(&cloud, &root, "p", &piped("STOPPED", "one"));
    let name = physical(&root, "p", "Pipe");
    assert_eq!(output(&stack, "Arn"), format!("arn:aws:pipes:us-east-1:{ACCOUNT}:pipe/{name}"));
    assert_eq!(output(&stack, "State"), "STOPPED");
    update(&cloud, &root, "p", &piped("RUNNING", "two"));
    let shown = root.call("pipes", "DescribePipe", json!({ "Name": name })).ok();
    assert_eq!(
        (&shown["CurrentState"], &shown["TargetParameters"]["InputTemplate"], &shown["Tags"]["team"]),
        (&json!("RUNNING"), &json!("two"), &json!("two"))
    );
    assert_eq!(shown["SourceParameters"]["SqsQueueParameters"]["BatchSize"], 2);
    delete(&cloud, &root, "p");
    assert_eq!(root.call("pipes", "ListPipes", json!({})).ok()["Pipes"], json!([]));
}
