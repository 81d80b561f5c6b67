//! Functions in templates: their code, layers, addresses, and what calls them.

use crate::cloudformation_kinds::{delete, update};
use crate::cloudformation_stacks::{ACCOUNT, created, events, output, physical, settle};
use crate::cloudformation_tags::unmarked;
use crate::harness::Cloud;
use serde_json::json;

fn called(source: &str, more: &str) -> String {
    format!(
        "
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument: {{ Version: 2012-10-17, Statement: {{ Effect: Allow, Action: 'sts:AssumeRole', Principal: {{ Service: lambda.amazonaws.com }} }} }}
  Function:
    Type: AWS::Lambda::Function
    Properties: {{ Runtime: python3.12, Handler: index.handler, Role: !GetAtt Role.Arn, Code: {{ ZipFile: '{source}' }}, {more} }}
  Topic: {{ Type: 'AWS::SNS::Topic', Properties: {{ Subscription: [{{ Protocol: lambda, Endpoint: !GetAtt Function.Arn }}] }} }}
  May:
    Type: AWS::Lambda::Permission
    Properties: {{ FunctionName: !Ref Function, Action: 'lambda:InvokeFunction', Principal: sns.amazonaws.com, SourceArn: !Ref Topic }}
Outputs:
  Arn: {{ Value: !GetAtt Function.Arn }}
"
    )
}

#[test]
fn a_function_that_a_topic_calls() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let first = called("def handler(event, context): return 1", "Timeout: 9, Tags: [{ Key: a, Value: b }]");
    let stack = created(&cloud, &root, "fn", &first);
    let name = physical(&root, "fn", "Function");
    assert!(output(&stack, "Arn").ends_with(&format!(":function:{name}")));
    let get = || root.call("lambda", "GetFunction", json!({ "FunctionName": name })).ok();
    let before = get();
    assert_eq!(before["Configuration"]["Timeout"], 9);
    assert_eq!(unmarked(&before["Tags"]), json!({ "a": "b" }));
    let policy = root.call("lambda", "GetPolicy", json!({ "FunctionName": name })).ok();
    let policy = policy["Policy"].as_str().unwrap().to_owned();
    assert!(policy.contains("sns.amazonaws.com") && policy.contains(":fn-Topic-"), "{policy}");

    let second =
        called("def handler(event, context): return 2", "ReservedConcurrentExecutions: 2, MemorySize: 256");
    update(&cloud, &root, "fn", &second);
    let after = get();
    let shown = &after["Configuration"];
    assert_ne!(shown["CodeSha256"], before["Configuration"]["CodeSha256"]);
    assert_eq!((&shown["Timeout"], &shown["MemorySize"]), (&json!(3), &json!(256)));
    assert_eq!(after["Concurrency"]["ReservedConcurrentExecutions"], 2);
    assert_eq!(unmarked(&after["Tags"]), json!({}), "{after}");
    delete(&cloud, &root, "fn");
    root.call("lambda", "GetFunction", json!({ "FunctionName": name }))
        .refused(404, "ResourceNotFoundException");
}

#[test]
fn a_function_with_a_layer() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    root.call("s3", "CreateBucket", json!({ "Bucket": "code" })).ok();
    crate::lambda_code::put(&cloud, &root, ("code", "l.zip"), ("python/own.py", "x"));
    let template = |more: &str| {
        called("def handler(event, context): return 1", more).replace(
            "Outputs:",
            "
  Layer:
    Type: AWS::Lambda::LayerVersion
    Properties: { LayerName: l, Description: d, CompatibleRuntimes: [python3.12], Content: { S3Bucket: code, S3Key: l.zip } }
  Everybody:
    Type: AWS::Lambda::LayerVersionPermission
    Properties: { LayerVersionArn: !Ref Layer, Action: 'lambda:GetLayerVersion', Principal: '*' }
Outputs:",
        )
    };
    created(&cloud, &root, "fn", &template("Layers: [!Ref Layer]"));
    let arn = physical(&root, "fn", "Layer");
    assert_eq!(arn, format!("arn:aws:lambda:us-east-1:{ACCOUNT}:layer:l:1"));
    let function = json!({ "FunctionName": physical(&root, "fn", "Function") });
    let layers = || root.call("lambda", "GetFunctionConfiguration", function.clone()).ok()["Layers"].clone();
    assert_eq!(layers()[0]["Arn"], arn);
    let one = json!({ "LayerName": "l", "VersionNumber": 1 });
    let policy = root.call("lambda", "GetLayerVersionPolicy", one.clone()).ok();
    assert!(policy["Policy"].as_str().unwrap().contains("lambda:GetLayerVersion"), "{policy}");
    update(&cloud, &root, "fn", &template("Timeout: 9"));
    assert!(layers().is_null());
    delete(&cloud, &root, "fn");
    root.call("lambda", "GetLayerVersion", one).refused(404, "ResourceNotFoundException");
}

#[test]
fn a_function_with_a_url() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let template = |url: &str| {
        called("def handler(event, context): return 1", "Timeout: 9").replace(
            "Outputs:",
            &format!(
                "
  Url: {{ Type: 'AWS::Lambda::Url', Properties: {{ TargetFunctionArn: !GetAtt Function.Arn, {url} }} }}
  Anybody:
    Type: AWS::Lambda::Permission
    Properties: {{ FunctionName: !Ref Function, Action: 'lambda:InvokeFunctionUrl', Principal: '*', FunctionUrlAuthType: NONE }}
  Invokes:
    Type: AWS::Lambda::Permission
    Properties: {{ FunctionName: !Ref Function, Action: 'lambda:InvokeFunction', Principal: '*', InvokedViaFunctionUrl: true }}
Outputs:
  Url: {{ Value: !GetAtt Url.FunctionUrl }}"
            ),
        )
    };
    let stack = created(&cloud, &root, "fn", &template("AuthType: NONE, Cors: { AllowOrigins: ['*'] }"));
    let function = json!({ "FunctionName": physical(&root, "fn", "Function") });
    let get = || root.call("lambda", "GetFunctionUrlConfig", function.clone()).ok();
    let made = get();
    assert!(output(&stack, "Url").contains(".lambda-url.us-east-1."));
    assert_eq!((&made["AuthType"], &made["Cors"]["AllowOrigins"]), (&json!("NONE"), &json!(["*"])));
    let policy = root.call("lambda", "GetPolicy", function.clone()).ok()["Policy"].to_string();
    for key in ["lambda:FunctionUrlAuthType", "lambda:InvokedViaFunctionUrl"] {
        assert!(policy.contains(key), "{policy}");
    }
    update(&cloud, &root, "fn", &template("AuthType: AWS_IAM, InvokeMode: RESPONSE_STREAM"));
    let changed = get();
    assert_eq!(
        (&changed["AuthType"], &changed["InvokeMode"]),
        (&json!("AWS_IAM"), &json!("RESPONSE_STREAM"))
    );
    assert!(changed.get("Cors").is_none() && changed["FunctionUrl"] == made["FunctionUrl"], "{changed}");
    delete(&cloud, &root, "fn");
}

#[test]
fn a_function_whose_code_lies_in_a_bucket() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    root.call("s3", "CreateBucket", json!({ "Bucket": "assets" })).ok();
    for key in ["one.zip", "two.zip"] {
        crate::lambda_code::put(&cloud, &root, ("assets", key), ("index.py", key));
    }
    let template =
        |key: &str| called("", "").replace("ZipFile: ''", &format!("S3Bucket: assets, S3Key: {key}"));
    created(&cloud, &root, "fn", &template("one.zip"));
    let name = physical(&root, "fn", "Function");
    let hash = || {
        let got = root.call("lambda", "GetFunction", json!({ "FunctionName": name })).ok();
        got["Configuration"]["CodeSha256"].clone()
    };
    let before = hash();
    update(&cloud, &root, "fn", &template("two.zip"));
    assert_ne!(hash(), before);
    delete(&cloud, &root, "fn");
}

#[test]
fn a_function_that_a_queue_drives() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let template = |more: &str| {
        called("", "").replace("ZipFile: ''", "ZipFile: 'x'").replace("Outputs:", &format!(
            "  Queue: {{ Type: 'AWS::SQS::Queue' }}
  Reads:
    Type: AWS::IAM::Policy
    Properties:
      PolicyName: reads
      Roles: [!Ref Role]
      PolicyDocument: {{ Version: 2012-10-17, Statement: {{ Effect: Allow, Action: 'sqs:*', Resource: '*' }} }}
  Handling:
    Type: AWS::Lambda::EventInvokeConfig
    Properties: {{ FunctionName: !Ref Function, Qualifier: $LATEST, MaximumRetryAttempts: 1 }}
  Mapping:
    Type: AWS::Lambda::EventSourceMapping
    DependsOn: Reads
    Properties: {{ EventSourceArn: !GetAtt Queue.Arn, FunctionName: !Ref Function, {more} }}
Outputs:"
        ))
    };
    created(&cloud, &root, "fn", &template("BatchSize: 5"));
    let id = physical(&root, "fn", "Mapping");
    let get = || root.call("lambda", "GetEventSourceMapping", json!({ "UUID": id }));
    let made = get().ok();
    assert_eq!((&made["BatchSize"], &made["State"]), (&json!(5), &json!("Enabled")));
    let function = json!({ "FunctionName": physical(&root, "fn", "Function") });
    let handling = root.call("lambda", "GetFunctionEventInvokeConfig", function).ok();
    assert_eq!(handling["MaximumRetryAttempts"], 1);
    update(&cloud, &root, "fn", &template("BatchSize: 6, Enabled: false"));
    let changed = get().ok();
    assert_eq!((&changed["BatchSize"], &changed["State"]), (&json!(6), &json!("Disabled")));
    delete(&cloud, &root, "fn");
    get().refused(404, "ResourceNotFoundException");
}

#[test]
fn code_in_a_template_is_for_runtimes_that_have_a_name_for_it() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let template = called("x", "Timeout: 3").replace("python3.12", "provided.al2023");
    let input = json!({ "StackName": "s", "TemplateBody": template, "Capabilities": ["CAPABILITY_IAM"] });
    root.call("cloudformation", "CreateStack", input).ok();
    assert_eq!(settle(&cloud, &root, "s"), "ROLLBACK_COMPLETE");
    let told = format!("{:?}", events(&root, "s"));
    assert!(told.contains("ZipFile can only be used with Node.js and Python runtimes."), "{told}");
}
