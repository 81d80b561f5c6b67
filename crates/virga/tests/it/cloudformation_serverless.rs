//! Serverless templates in stacks: what the transform makes of them is there and does what they say.

use crate::cloudformation_stacks::{ACCOUNT, create, events, physical, settle};
use crate::harness::{Caller, Cloud};
use serde_json::{Value, json};

const POLICY_TEMPLATES: &str =
    include_str!("../../../management/src/cloudformation/template/sam/policy_templates.txt");

/// A template with one function, which has this beside its code.
fn function(more: &str, others: &str) -> String {
    format!(
        "
Transform: AWS::Serverless-2016-10-31
Parameters: {{ Wanted: {{ Type: String, Default: 'yes' }} }}
Conditions: {{ Wanted: !Equals [!Ref Wanted, 'yes'] }}
Resources:
  F:
    Type: AWS::Serverless::Function
    {more}
{others}
"
    )
}

/// The stack at rest as it should be.
fn expanded(cloud: &Cloud, root: &Caller<'_>, stack: &str, template: &str, more: Value) {
    let mut input = json!({ "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"] });
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    create(root, stack, template, input);
    assert_eq!(settle(cloud, root, stack), "CREATE_COMPLETE", "{:#?}", events(root, stack));
}

const CODE: &str = "InlineCode: 'def h(event, context): return 1', Handler: index.h, Runtime: python3.12";

fn policies(root: &Caller<'_>, role: &str) -> Value {
    let names = root.call("iam", "ListRolePolicies", json!({ "RoleName": role })).ok();
    names["PolicyNames"].clone()
}

#[test]
fn records_that_fail_are_sent_by_the_functions_own_role() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let template = function(
        &format!(
            "Properties: {{ {CODE}, Tracing: Disabled, PropagateTags: true, Tags: {{ team: own }}, Events: {{ E: {{ Type: DynamoDB, Properties: {{ Stream: !GetAtt T.StreamArn, StartingPosition: LATEST, DestinationConfig: {{ OnFailure: {{ Type: SQS, Destination: !GetAtt Q.Arn }} }} }} }} }} }}"
        ),
        "
  Q: { Type: AWS::SQS::Queue }
  T:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions: [{ AttributeName: id, AttributeType: S }]
      KeySchema: [{ AttributeName: id, KeyType: HASH }]
      BillingMode: PAY_PER_REQUEST
      StreamSpecification: { StreamViewType: NEW_IMAGE }
",
    );
    expanded(&cloud, &root, "own", &template, json!({}));
    let mapping = json!({ "UUID": physical(&root, "own", "FE") });
    let mapping = root.call("lambda", "GetEventSourceMapping", mapping).ok();
    let place = mapping["DestinationConfig"]["OnFailure"]["Destination"].as_str().unwrap();
    let queue = physical(&root, "own", "Q");
    assert_eq!(place.rsplit(':').next(), queue.rsplit('/').next());
    let role = physical(&root, "own", "FRole");
    assert_eq!(policies(&root, &role), json!(["FESQSPolicy"]));
    let asked = json!({
        "PolicySourceArn": format!("arn:aws:iam::{ACCOUNT}:role/{role}"),
        "ActionNames": ["sqs:SendMessage", "sqs:PurgeQueue"],
        "ResourceArns": [place],
    });
    let told = root.call("iam", "SimulatePrincipalPolicy", asked).ok();
    let decisions: Vec<&Value> =
        told["EvaluationResults"].as_array().unwrap().iter().map(|result| &result["EvalDecision"]).collect();
    assert_eq!(decisions, ["allowed", "implicitDeny"]);
    let shown = root.call("iam", "GetRole", json!({ "RoleName": role })).ok();
    assert!(shown["Role"]["Tags"].to_string().contains(r#""team""#), "{shown}");
}

/// Policies, the role and what a bucket tells follow the conditions of the template.
#[test]
fn what_hangs_on_a_condition() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let template = function(
        &format!(
            "Condition: Wanted
    Properties: {{ {CODE}, Policies: [!If [Wanted, {{ S3ReadPolicy: {{ BucketName: b }} }}, !Ref 'AWS::NoValue'], !If [Wanted, !Ref 'AWS::NoValue', {{ SNSCrudPolicy: {{ TopicName: t }} }}]], Events: {{ E: {{ Type: S3, Properties: {{ Bucket: !Ref B, Events: 's3:ObjectCreated:*' }} }} }} }}"
        ),
        "  B: { Type: AWS::S3::Bucket, DependsOn: Q }\n  Q: { Type: AWS::SQS::Queue }",
    );
    expanded(&cloud, &root, "own", &template, json!({}));
    assert_eq!(policies(&root, &physical(&root, "own", "FRole")), json!(["FRolePolicy0"]));
    let told = |stack: &str| {
        let bucket = json!({ "Bucket": physical(&root, stack, "B") });
        root.call("s3", "GetBucketNotificationConfiguration", bucket).ok().to_string()
    };
    assert!(told("own").contains(&physical(&root, "own", "F")), "{}", told("own"));

    let off = json!({ "Parameters": [{ "ParameterKey": "Wanted", "ParameterValue": "no" }] });
    expanded(&cloud, &root, "off", &template, off);
    assert!(!told("off").contains("lambda"), "{}", told("off"));
    let resources = root.call("cloudformation", "DescribeStackResources", json!({ "StackName": "off" })).ok();
    assert_eq!(resources["StackResources"].as_array().unwrap().len(), 2, "{resources}");
}

/// IAM takes what each policy template says, also of services that are elsewhere.
#[test]
fn every_policy_template_is_a_policy() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let heads: Vec<&str> = POLICY_TEMPLATES.lines().filter(|line| !line.starts_with(' ')).collect();
    // As many as one role has room for.
    let functions = heads.chunks(8).enumerate().map(|(n, heads)| {
        let policy = |head: &&str| {
            let mut words = head.split(' ');
            let name = words.next().unwrap_or_default();
            let value =
                |own: &str| if own.ends_with("Arn") { "arn:aws:acm:us-east-1:1:certificate/v" } else { "v" };
            let given: Vec<String> = words.map(|own| format!("{own}: '{}'", value(own))).collect();
            format!("{{ {name}: {{ {} }} }}", given.join(", "))
        };
        let policies: Vec<String> = heads.iter().map(policy).collect();
        format!(
            "  F{n}: {{ Type: 'AWS::Serverless::Function', Properties: {{ {CODE}, Policies: [{}] }} }}",
            policies.join(", ")
        )
    });
    let functions: Vec<String> = functions.collect();
    let template = format!("Transform: AWS::Serverless-2016-10-31\nResources:\n{}\n", functions.join("\n"));
    expanded(&cloud, &root, "own", &template, json!({}));
    let count = |n: usize| {
        policies(&root, &physical(&root, "own", &format!("F{n}Role"))).as_array().map_or(0, Vec::len)
    };
    assert_eq!((0..functions.len()).map(count).sum::<usize>(), heads.len());
    let asked = json!({ "RoleName": physical(&root, "own", "F0Role"), "PolicyName": "F0RolePolicy2" });
    let shown = root.call("iam", "GetRolePolicy", asked).ok().to_string();
    assert!(shown.contains("secretsmanager"), "{shown}");
}

#[test]
fn nothing_is_made_of_what_is_not_built() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let connectors = "Connectors: { C: { Properties: { Destination: { Id: T }, Permissions: [Read] } } }";
    let rows = [
        (
            function(
                &format!("{connectors}\n    Properties: {{ {CODE} }}"),
                "  T: { Type: AWS::Serverless::SimpleTable }",
            ),
            "Resource with id [F] is invalid. A connector is not built in this version of Virga.",
        ),
        (
            function(&format!("Properties: {{ {CODE}, Nope: 1 }}"), ""),
            "Resource with id [F] is invalid. property Nope not defined for resource of type AWS::Serverless::Function",
        ),
    ];
    for (template, why) in rows {
        let asked = json!({
            "StackName": "own", "ChangeSetName": "c", "ChangeSetType": "CREATE", "TemplateBody": template,
            "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        });
        let made = root.call("cloudformation", "CreateChangeSet", asked).ok();
        settle(&cloud, &root, "own");
        let set = json!({ "ChangeSetName": made["Id"] });
        let shown = root.call("cloudformation", "DescribeChangeSet", set.clone()).ok();
        assert_eq!(shown["Status"], "FAILED", "{shown}");
        assert_eq!(
            shown["StatusReason"],
            format!(
                "Transform AWS::Serverless-2016-10-31 failed with: Invalid Serverless Application Specification document. Number of errors found: 1. {why}"
            )
        );
        root.call("cloudformation", "DeleteChangeSet", set).ok();
    }
    let unknown =
        "Transform: AWS::Serverless-2016-10-31\nResources: { X: { Type: 'AWS::Serverless::Nope' } }";
    let asked =
        json!({ "StackName": "none", "TemplateBody": unknown, "Capabilities": ["CAPABILITY_AUTO_EXPAND"] });
    root.call("cloudformation", "CreateStack", asked).refused_with(
        400,
        "ValidationError",
        "Template format error: Unrecognized resource types: [AWS::Serverless::Nope]",
    );
}
