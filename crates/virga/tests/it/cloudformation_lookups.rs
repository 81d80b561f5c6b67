//! What a template takes from Parameter Store, and the rules that it holds its parameters to.

use crate::cloudformation_stacks::{ACCOUNT, create, created, describe, events, output, settle};
use crate::cloudformation_tags::unmarked;
use crate::harness::{Caller, Cloud};
use serde_json::json;

const CFN: &str = "cloudformation";

fn put(caller: &Caller<'_>, name: &str, kind: &str, value: &str) {
    let input = json!({ "Name": name, "Type": kind, "Value": value, "Overwrite": true });
    caller.call("ssm", "PutParameter", input).ok();
}

fn refused(caller: &Caller<'_>, template: &str, message: &str) {
    let input = json!({ "StackName": "x", "TemplateBody": template });
    let told = caller.call(CFN, "CreateStack", input).refused(400, "ValidationError");
    assert_eq!(told, message);
}

const STORED: &str = "
Parameters:
  Delay: { Type: 'AWS::SSM::Parameter::Value<String>', Default: /app/delay }
  Names: { Type: 'AWS::SSM::Parameter::Value<List<String>>', Default: names }
  Name: { Type: 'AWS::SSM::Parameter::Name', Default: /app/delay }
Rules:
  Short: { Assertions: [{ Assert: !Not [!Contains [['99'], !Ref Delay]], AssertDescription: too long }] }
Resources:
  Q: { Type: 'AWS::SQS::Queue', Properties: { QueueName: !Select [1, !Ref Names], DelaySeconds: !Ref Delay } }
Outputs:
  Name: { Value: !Ref Name }
  Delay: { Value: !Ref Delay }
";

#[test]
fn parameters_come_from_parameter_store() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    put(&root, "/app/delay", "String", "7");
    put(&root, "names", "StringList", "a,b");
    let stack = created(&cloud, &root, "s", STORED);
    assert_eq!((output(&stack, "Name"), output(&stack, "Delay")), ("/app/delay".into(), "7".into()));
    let shown =
        stack["Parameters"].as_array().unwrap().iter().find(|p| p["ParameterKey"] == "Delay").unwrap();
    assert_eq!((&shown["ParameterValue"], &shown["ResolvedValue"]), (&json!("/app/delay"), &json!("7")));
    // An update reads them anew.
    let again = json!({ "StackName": "s", "UsePreviousTemplate": true });
    let told = root.call(CFN, "UpdateStack", again.clone()).refused(400, "ValidationError");
    assert_eq!(told, "No updates are to be performed.");
    put(&root, "/app/delay", "String", "8");
    root.call(CFN, "UpdateStack", again.clone()).ok();
    assert_eq!(settle(&cloud, &root, "s"), "UPDATE_COMPLETE", "{:#?}", events(&root, "s"));
    assert_eq!(output(&describe(&root, "s"), "Delay"), "8");
    // A rule sees the value, and nothing is touched.
    put(&root, "/app/delay", "String", "99");
    assert_eq!(root.call(CFN, "UpdateStack", again).refused(400, "ValidationError"), "too long");
    assert_eq!(describe(&root, "s")["StackStatus"], "UPDATE_COMPLETE");
}

#[test]
fn parameters_that_are_not_there_or_are_secret() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    refused(
        &root,
        STORED,
        "Unable to fetch parameters [/app/delay,names] from parameter store for this account.",
    );
    put(&root, "names", "StringList", "a,b");
    put(&root, "/app/delay", "SecureString", "7");
    let types = "Parameters [/app/delay] referenced by template have types not supported by CloudFormation.";
    refused(&root, STORED, types);
    // Read with the caller's rights.
    put(&root, "names", "StringList", "a,b");
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["cloudformation:*","sqs:*"],"Resource":"*"}]}"#;
    let eva = cloud.user(&root, "eva", policy);
    let input = json!({ "StackName": "x", "TemplateBody": STORED });
    let told = eva.call(CFN, "CreateStack", input).refused(400, "ValidationError");
    assert!(told.contains("is not authorized to perform: ssm:GetParameters"), "{told}");
}

#[test]
fn dynamic_references() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    put(&root, "/q/name", "String", "orders");
    put(&root, "/q/name", "String", "bills");
    put(&root, "/pw", "SecureString", "Secret-Word-77!");
    let template = "
Parameters: { Part: { Type: String, Default: name } }
Resources:
  Q: { Type: 'AWS::SQS::Queue', Properties: { QueueName: !Sub '{{resolve:ssm:/q/${Part}:1}}-{{resolve:ssm:/q/name}}' } }
  Eva: { Type: 'AWS::IAM::User', Properties: { UserName: eva, LoginProfile: { Password: '{{resolve:ssm-secure:/pw:1}}' } } }
Outputs: { O: { Value: 'is {{resolve:ssm:/q/name:1}}' }, Name: { Value: !GetAtt Q.QueueName } }
";
    let stack = created(&cloud, &root, "s", template);
    assert_eq!((output(&stack, "Name"), output(&stack, "O")), ("orders-bills".into(), "is orders".into()));
    root.call("iam", "GetLoginProfile", json!({ "UserName": "eva" })).ok();
    // Nowhere is the secret told.
    let told = root.call(CFN, "DescribeStackEvents", json!({ "StackName": "s" })).ok();
    assert!(!told.to_string().contains("Secret-Word") && told.to_string().contains("ssm-secure:/pw:1"));
    let queue = |name: &str| {
        format!("Resources: {{ Q: {{ Type: 'AWS::SQS::Queue', Properties: {{ QueueName: '{name}' }} }} }}")
    };
    let rows = [
        ("{{resolve:ssm:/none:2}}", "Parameters: [ssm:/none:2] cannot be found."),
        (
            "{{resolve:ssm:/pw}}",
            "Parameters [/pw] referenced by template have types not supported by CloudFormation.",
        ),
        (
            "{{resolve:ssm-secure:/pw:1}}",
            "SSM Secure reference is not supported in: [AWS::SQS::Queue/Properties/QueueName]",
        ),
        (
            "{{resolve:ssm:/q/name:}}",
            "Incorrect format is used in the following SSM reference: [{{resolve:ssm:/q/name:}}]",
        ),
        (
            "{{resolve:secretsmanager:s}}",
            "Template error: Secrets Manager is not built in this version of Virga: {{resolve:secretsmanager:s}}",
        ),
    ];
    for (name, message) in rows {
        refused(&root, &queue(name), message);
    }
    // What follows from the stack's own resources is not known when it begins.
    let own = "
Resources:
  P: { Type: 'AWS::SSM::Parameter', Properties: { Name: /own, Type: String, Value: x } }
  Q: { Type: 'AWS::SQS::Queue', Properties: { QueueName: !Sub '{{resolve:ssm:${P}}}' } }
";
    create(&root, "own", own, json!({}));
    assert_eq!(settle(&cloud, &root, "own"), "ROLLBACK_COMPLETE");
    let failed = events(&root, "own").into_iter().find(|e| e.starts_with("Q CREATE_FAILED")).unwrap();
    assert!(failed.contains("follows from the stack's own resources is not built"), "{failed}");
}

const PRODUCER: &str = "
Parameters: { Word: { Type: String } }
Resources: { T: { Type: 'AWS::SNS::Topic', Properties: { TopicName: told } } }
Outputs: { Word: { Value: !Ref Word }, Topic: { Value: !Ref T } }
";

/// Who may make queues and stacks, and what more is said.
fn maker(more: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":["cloudformation:*Stack","cloudformation:DescribeStackEvents","sqs:*"],"Resource":"*"}}{more}]}}"#
    )
}

fn word(word: &str) -> serde_json::Value {
    json!({ "Parameters": [{ "ParameterKey": "Word", "ParameterValue": word }] })
}

#[test]
fn outputs_of_stacks_in_other_regions() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let there = root.in_region("eu-west-1");
    let producer = create(&there, "producer", PRODUCER, word("one"));
    assert_eq!(settle(&cloud, &there, "producer"), "CREATE_COMPLETE");
    let consumer = "
Parameters: { Where: { Type: String, Default: eu-west-1 } }
Conditions: { Never: !Equals [!Ref Where, x] }
Resources:
  Q:
    Type: AWS::SQS::Queue
    Properties:
      QueueName: { 'Fn::Join': ['-', [q, { 'Fn::GetStackOutput': { StackName: producer, OutputName: Word, Region: !Ref Where } }]] }
      RedrivePolicy: !If [Never, !GetStackOutput { StackName: nobody, OutputName: Nothing }, !Ref 'AWS::NoValue']
Outputs:
  Topic: { Value: !GetStackOutput { StackName: producer, OutputName: Topic, Region: eu-west-1 } }
";
    let stack = created(&cloud, &root, "consumer", consumer);
    assert_eq!(output(&stack, "Topic"), format!("arn:aws:sns:eu-west-1:{ACCOUNT}:told"));
    let queues = || root.call("sqs", "ListQueues", json!({})).ok()["QueueUrls"].to_string();
    assert!(queues().contains("/q-one"), "{}", queues());
    // It is a weak reference: the other stack changes and goes as it likes, and an update reads it anew.
    let again = json!({ "StackName": "consumer", "UsePreviousTemplate": true });
    let told = root.call(CFN, "UpdateStack", again.clone()).refused(400, "ValidationError");
    assert_eq!(told, "No updates are to be performed.");
    let mut other = word("two");
    (other["StackName"], other["UsePreviousTemplate"]) = (json!("producer"), json!(true));
    there.call(CFN, "UpdateStack", other).ok();
    assert_eq!(settle(&cloud, &there, "producer"), "UPDATE_COMPLETE");
    let review = json!({ "StackName": "consumer", "ChangeSetName": "c", "UsePreviousTemplate": true });
    root.call(CFN, "CreateChangeSet", review).ok();
    let named = json!({ "StackName": "consumer", "ChangeSetName": "c" });
    let told = root.call(CFN, "DescribeChangeSet", named).ok();
    assert_eq!(told["Changes"][0]["ResourceChange"]["Replacement"], json!("True"), "{told:#}");
    root.call(CFN, "UpdateStack", again.clone()).ok();
    assert_eq!(settle(&cloud, &root, "consumer"), "UPDATE_COMPLETE");
    assert!(queues().contains("/q-two") && !queues().contains("/q-one"), "{}", queues());
    there.call(CFN, "DeleteStack", json!({ "StackName": "producer" })).ok();
    assert_eq!(settle(&cloud, &there, &producer), "DELETE_COMPLETE");
    let told = root.call(CFN, "UpdateStack", again).refused(400, "ValidationError");
    assert_eq!(told, "Stack with id producer does not exist");
    assert!(queues().contains("/q-two"));
}

#[test]
fn outputs_that_are_not_to_be_had() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    create(&root, "producer", PRODUCER, word("one"));
    settle(&cloud, &root, "producer");
    let queue = |name: &str| {
        format!(
            "Resources: {{ P: {{ Type: 'AWS::SQS::Queue' }}, Q: {{ Type: 'AWS::SQS::Queue', Properties: {{ QueueName: {{ 'Fn::GetStackOutput': {name} }} }} }} }}"
        )
    };
    let rows = [
        ("{ StackName: nobody, OutputName: Word }", "Stack with id nobody does not exist"),
        (
            "{ StackName: producer, OutputName: Other }",
            "Template error: Fn::GetStackOutput: the stack producer has no output Other",
        ),
        (
            "{ StackName: producer, OutputName: Word, Region: here }",
            "Template error: Fn::GetStackOutput: here is not a region",
        ),
        (
            "{ StackName: !GetAtt P.QueueName, OutputName: Word }",
            "Template error: Fn::GetStackOutput that follows from what the stack itself makes is not built in this version of Virga",
        ),
    ];
    for (name, message) in rows {
        refused(&root, &queue(name), message);
    }
    // With the rights of who makes the stack.
    let eva = cloud.user(&root, "eva", &maker(""));
    let input =
        json!({ "StackName": "x", "TemplateBody": queue("{ StackName: producer, OutputName: Word }") });
    let told = eva.call(CFN, "CreateStack", input.clone()).refused(400, "ValidationError");
    assert!(told.contains("is not authorized to perform: cloudformation:DescribeStacks"), "{told}");
    let uma = cloud.user(
        &root,
        "uma",
        &maker(r#",{"Effect":"Allow","Action":"cloudformation:DescribeStacks","Resource":"*"}"#),
    );
    uma.call(CFN, "CreateStack", input).ok();
    assert_eq!(settle(&cloud, &root, "x"), "CREATE_COMPLETE");
}

#[test]
fn outputs_of_another_account_by_a_role_of_it() {
    let cloud = Cloud::new();
    let (root, other) = (cloud.root(ACCOUNT), cloud.root("222222222222"));
    create(&other, "producer", PRODUCER, word("far"));
    settle(&cloud, &other, "producer");
    let trust = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::{ACCOUNT}:role/maker"}},"Action":"sts:AssumeRole"}}]}}"#
    );
    let own = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"cloudformation.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
    root.call("iam", "CreateRole", json!({ "RoleName": "maker", "AssumeRolePolicyDocument": own })).ok();
    other.call("iam", "CreateRole", json!({ "RoleName": "teller", "AssumeRolePolicyDocument": trust })).ok();
    let teller = "arn:aws:iam::222222222222:role/teller";
    let consumer = format!(
        "Resources: {{ Q: {{ Type: 'AWS::SQS::Queue', Properties: {{ QueueName: !GetStackOutput {{ StackName: producer, OutputName: Word, RoleArn: '{teller}' }} }} }} }}"
    );
    let role = format!("arn:aws:iam::{ACCOUNT}:role/maker");
    let input = json!({ "StackName": "c", "TemplateBody": consumer, "RoleARN": role });
    let told = |why: &str| {
        let told = root.call(CFN, "CreateStack", input.clone()).refused(400, "ValidationError");
        assert!(told.contains(why), "{told}");
    };
    // The stack's role has to be let become the other.
    told("is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::222222222222:role/teller");
    let may = |on: &Caller<'_>, role: &str, action: &str| {
        let policy = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":["{action}","sqs:*"],"Resource":"*"}}]}}"#
        );
        let input = json!({ "RoleName": role, "PolicyName": "p", "PolicyDocument": policy });
        on.call("iam", "PutRolePolicy", input).ok();
    };
    may(&root, "maker", "sts:AssumeRole");
    // And the other to look.
    told("is not authorized to perform: cloudformation:DescribeStacks");
    may(&other, "teller", "cloudformation:DescribeStacks");
    root.call(CFN, "CreateStack", input.clone()).ok();
    assert_eq!(settle(&cloud, &root, "c"), "CREATE_COMPLETE", "{:#?}", events(&root, "c"));
    let queues = root.call("sqs", "ListQueues", json!({})).ok()["QueueUrls"].to_string();
    assert!(queues.contains(&format!("{ACCOUNT}/far")), "{queues}");
}

#[test]
fn repositories_of_images() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let rules = r#"{"rules":[{"rulePriority":1,"selection":{"tagStatus":"untagged","countType":"sinceImagePushed","countUnit":"days","countNumber":DAYS},"action":{"type":"expire"}}]}"#;
    let template = |days: &str, mutability: &str| {
        let rules = rules.replace("DAYS", days);
        format!(
            "
Resources:
  R:
    Type: AWS::ECR::Repository
    Properties:
      ImageTagMutability: {mutability}
      ImageScanningConfiguration: {{ ScanOnPush: false }}
      LifecyclePolicy: {{ LifecyclePolicyText: '{rules}' }}
      RepositoryPolicyText:
        Version: 2012-10-17
        Statement: {{ Effect: Allow, Principal: {{ Service: lambda.amazonaws.com }}, Action: 'ecr:BatchGetImage' }}
      Tags: [{{ Key: days, Value: '{days}' }}]
Outputs: {{ Name: {{ Value: !Ref R }}, Arn: {{ Value: !GetAtt R.Arn }}, Uri: {{ Value: !GetAtt R.RepositoryUri }} }}
"
        )
    };
    let stack = created(&cloud, &root, "Images", &template("9", "IMMUTABLE"));
    let name = output(&stack, "Name");
    assert!(name.starts_with("images-r-"), "{name}");
    let named = json!({ "repositoryName": name });
    let policy = root.call("ecr", "GetLifecyclePolicy", named.clone()).ok();
    assert!(policy["lifecyclePolicyText"].as_str().unwrap().contains("9"));
    root.call("ecr", "GetRepositoryPolicy", named.clone()).ok();
    let update = json!({ "StackName": "Images", "TemplateBody": template("12", "MUTABLE") });
    root.call(CFN, "UpdateStack", update).ok();
    assert_eq!(settle(&cloud, &root, "Images"), "UPDATE_COMPLETE", "{:#?}", events(&root, "Images"));
    let shown = root.call("ecr", "DescribeRepositories", json!({ "repositoryNames": [name] })).ok();
    let shown = &shown["repositories"][0];
    assert_eq!(shown["imageTagMutability"], "MUTABLE");
    assert_eq!(
        (&shown["repositoryArn"], &shown["repositoryUri"]),
        (&json!(output(&stack, "Arn")), &json!(output(&stack, "Uri")))
    );
    let tags = root.call("ecr", "ListTagsForResource", json!({ "resourceArn": output(&stack, "Arn") })).ok();
    assert_eq!(unmarked(&tags["tags"]), json!([{ "Key": "days", "Value": "12" }]));
    root.call(CFN, "DeleteStack", json!({ "StackName": "Images" })).ok();
    let id = stack["StackId"].as_str().unwrap();
    assert_eq!(settle(&cloud, &root, id), "DELETE_COMPLETE", "{:#?}", events(&root, id));
    root.call("ecr", "GetRepositoryPolicy", named).refused(400, "RepositoryNotFoundException");
}

/// What lies elsewhere is not fetched for who only looks; a template that a stack can be made of is none that is refused.
#[test]
fn templates_with_snippets_are_looked_at() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    root.call("s3", "CreateBucket", json!({ "Bucket": "snippets" })).ok();
    for (name, text) in [
        ("delays.yaml", "DelaySeconds: 7"),
        ("more.yaml", "Resources: { News: { Type: 'AWS::SNS::Topic' } }"),
        ("jobs.yaml", "Jobs: { Type: 'AWS::SQS::Queue' }"),
        ("kind.yaml", "Type: AWS::SQS::Queue"),
    ] {
        root.call("s3", "PutObject", json!({ "Bucket": "snippets", "Key": name, "Body": text })).ok();
    }
    let include = |name: &str| json!({ "Name": "AWS::Include", "Parameters": { "Location": format!("s3://snippets/{name}") } });
    let queue =
        json!({ "Type": "AWS::SQS::Queue", "Properties": { "Fn::Transform": include("delays.yaml") } });
    let refers = json!({ "Name": { "Value": { "Ref": "News" } } });
    let rows = [
        (json!({ "Resources": { "Q": queue } }), json!(["AWS::SQS::Queue"]), json!(["AWS::Include"])),
        (
            json!({ "Transform": include("more.yaml"), "Resources": { "Q": queue }, "Outputs": refers }),
            json!(["AWS::SQS::Queue"]),
            json!(["AWS::Include"]),
        ),
        (
            json!({
                "Transform": ["AWS::Serverless-2016-10-31", include("more.yaml")],
                "Resources": { "T": { "Type": "AWS::Serverless::SimpleTable" } },
            }),
            json!(["AWS::DynamoDB::Table"]),
            json!(["AWS::Serverless-2016-10-31", "AWS::Include"]),
        ),
        (
            json!({ "Resources": { "Fn::Transform": include("jobs.yaml") } }),
            // An empty list, in XML.
            json!(""),
            json!(["AWS::Include"]),
        ),
        (
            json!({ "Resources": { "K": { "Fn::Transform": include("kind.yaml"), "Properties": { "DelaySeconds": 1 } } } }),
            // An empty list, in XML.
            json!(""),
            json!(["AWS::Include"]),
        ),
    ];
    for (n, (template, kinds, transforms)) in rows.into_iter().enumerate() {
        let text = template.to_string();
        let valid = root.call("cloudformation", "ValidateTemplate", json!({ "TemplateBody": text })).ok();
        assert_eq!(valid["DeclaredTransforms"], transforms, "{text}");
        assert_eq!(valid["Capabilities"], json!(["CAPABILITY_AUTO_EXPAND"]), "{text}");
        let summary = root.call("cloudformation", "GetTemplateSummary", json!({ "TemplateBody": text })).ok();
        assert_eq!(
            (&summary["ResourceTypes"], &summary["DeclaredTransforms"]),
            (&kinds, &transforms),
            "{text}"
        );
        let name = format!("s{n}");
        create(&root, &name, &text, json!({ "Capabilities": ["CAPABILITY_AUTO_EXPAND"] }));
        assert_eq!(settle(&cloud, &root, &name), "CREATE_COMPLETE", "{:#?}", events(&root, &name));
        let summary = root.call("cloudformation", "GetTemplateSummary", json!({ "StackName": name })).ok();
        assert_eq!(summary["DeclaredTransforms"], transforms, "{text}");
    }
    // What is no snippet is refused as ever, and a macro that comes with parameters by its name.
    for (template, words) in [
        (json!({ "Resources": {} }), "Template format error: At least one Resources member must be defined."),
        (
            json!({ "Resources": { "Q": { "Fn::Transform": { "Name": "Mine" } } } }),
            "No transform named 123456789012::Mine found.",
        ),
        (
            json!({ "Transform": [{ "Name": "Mine" }], "Resources": { "Q": { "Type": "AWS::SQS::Queue" } } }),
            "No transform named 123456789012::Mine found.",
        ),
    ] {
        let asked = json!({ "StackName": "none", "TemplateBody": template.to_string() });
        root.call("cloudformation", "CreateStack", asked).refused_with(400, "ValidationError", words);
        let asked = json!({ "TemplateBody": template.to_string() });
        root.call("cloudformation", "ValidateTemplate", asked).refused_with(400, "ValidationError", words);
    }
}

#[test]
fn loops_make_what_their_collections_name() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let template = "
Transform: AWS::LanguageExtensions
Parameters:
  Names: { Type: CommaDelimitedList }
Resources:
  Fn::ForEach::Queues:
    - Name
    - !Ref Names
    - Queue${Name}: { Type: 'AWS::SQS::Queue', Properties: { QueueName: !Sub 'jobs-${Name}' } }
Outputs:
  Fn::ForEach::Arns:
    - Name
    - !Ref Names
    - Arn${Name}: { Value: !GetAtt [!Sub 'Queue${Name}', Arn] }
";
    let valid = root.call(CFN, "ValidateTemplate", json!({ "TemplateBody": template })).ok();
    assert_eq!(valid["DeclaredTransforms"], json!(["AWS::LanguageExtensions"]));
    let names = |value: &str| json!([{ "ParameterKey": "Names", "ParameterValue": value }]);
    let asked = json!({ "StackName": "s", "TemplateBody": template, "Parameters": names("a,b") });
    let message = root.call(CFN, "CreateStack", asked).refused(400, "InsufficientCapabilitiesException");
    assert_eq!(message, "Requires capabilities : [CAPABILITY_AUTO_EXPAND]");
    let may = json!(["CAPABILITY_AUTO_EXPAND"]);
    create(&root, "s", template, json!({ "Parameters": names("a,b"), "Capabilities": may }));
    assert_eq!(settle(&cloud, &root, "s"), "CREATE_COMPLETE", "{:#?}", events(&root, "s"));
    let queues = || root.call("sqs", "ListQueues", json!({})).ok()["QueueUrls"].as_array().unwrap().len();
    assert_eq!(queues(), 2);
    let arn = |queue: &str| format!("arn:aws:sqs:us-east-1:{ACCOUNT}:jobs-{queue}");
    let stack = describe(&root, "s");
    assert_eq!((output(&stack, "Arna"), output(&stack, "Arnb")), (arn("a"), arn("b")));
    let update = json!({ "StackName": "s", "UsePreviousTemplate": true, "Parameters": names("b,c,d"), "Capabilities": may });
    root.call(CFN, "UpdateStack", update).ok();
    assert_eq!(settle(&cloud, &root, "s"), "UPDATE_COMPLETE", "{:#?}", events(&root, "s"));
    assert_eq!(queues(), 3);
    // What was written is what is told; what it became may be asked for.
    let told = |stage: &str| {
        let asked = json!({ "StackName": "s", "TemplateStage": stage });
        root.call(CFN, "GetTemplate", asked).ok()["TemplateBody"].clone()
    };
    assert_eq!(told("Original"), template);
    assert!(told("Processed").as_str().unwrap().contains("\"Queued\""));
}

#[test]
fn a_summary_warns_of_kinds_that_nobody_knows() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let template = "
Resources:
  A: { Type: 'AWS::SQS::Queue' }
  B: { Type: 'Own::Kind::Here', Properties: { P: !GetAtt A.Arn } }
Outputs: { O: { Value: !GetAtt B.Anything } }
";
    let asked = json!({ "TemplateBody": template });
    root.call(CFN, "GetTemplateSummary", asked).refused(400, "ValidationError");
    let config = json!({ "TreatUnrecognizedResourceTypesAsWarnings": true });
    let asked = json!({ "TemplateBody": template, "TemplateSummaryConfig": config });
    let told = root.call(CFN, "GetTemplateSummary", asked).ok();
    assert_eq!(told["Warnings"]["UnrecognizedResourceTypes"], json!(["Own::Kind::Here"]));
    assert_eq!(told["ResourceTypes"], json!(["AWS::SQS::Queue", "Own::Kind::Here"]));
    let known = json!({ "TemplateBody": template.replace("Own::Kind::Here", "AWS::SQS::Queue"), "TemplateSummaryConfig": config });
    let message = root.call(CFN, "GetTemplateSummary", known).refused(400, "ValidationError");
    assert!(message.contains("does not support attribute type Anything"), "{message}");
}
