//! What is refused with the template, with the parameters, or with the properties of a resource, before anything is made.

use crate::cloudformation_stacks::{ACCOUNT, create, created, describe, events, settle};
use crate::harness::Cloud;
use serde_json::json;

fn queue(name: &str) -> String {
    format!("Resources: {{ Q: {{ Type: 'AWS::SQS::Queue', Properties: {{ QueueName: {name} }} }} }}\n")
}

#[test]
fn functions_of_a_wrong_form_are_refused_with_the_template() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let maps = "Mappings: { M: { a: { b: c } } }\nParameters: { P: { Type: String, Default: x } }\n";
    for (expression, words) in [
        (
            "{ 'Fn::Nope': x }",
            "Template Error: Encountered unsupported function: Fn::Nope Supported functions are: [Fn::Base64, Fn::GetAtt, Fn::GetAZs, Fn::ImportValue, Fn::Join, Fn::Split, Fn::FindInMap, Fn::Select, Ref, Fn::Equals, Fn::If, Fn::Not, Condition, Fn::And, Fn::Or, Fn::Contains, Fn::EachMemberEquals, Fn::EachMemberIn, Fn::ValueOf, Fn::ValueOfAll, Fn::RefAll, Fn::Sub, Fn::Cidr]",
        ),
        ("!Select [2, [a, b]]", "Template error: Fn::Select cannot select nonexistent value at index 2"),
        (
            "!Select [-1, !GetAZs '']",
            "Template error: Fn::Select cannot select nonexistent value at index -1",
        ),
        (
            "!Select [a]",
            "Template error: every Fn::Select object requires two non-null parameters, the index and the list of objects.",
        ),
        (
            "!Join [!Ref P, [a]]",
            "Template error: every Fn::Join object requires two parameters, (1) a string delimiter and (2) a list of strings to be joined or a function that returns a list of strings (such as Fn::GetAZs) to be joined.",
        ),
        (
            "!Join ['', [[a]]]",
            "Template error: every Fn::Join object requires two parameters, (1) a string delimiter and (2) a list of strings to be joined or a function that returns a list of strings (such as Fn::GetAZs) to be joined.",
        ),
        (
            "!Select [0, !Split ['', a]]",
            "Template error: every Fn::Split object requires two parameters, (1) a string delimiter and (2) a string to be split or a function that returns a string to be split.",
        ),
        (
            "!FindInMap [M, a]",
            "Template error: every Fn::FindInMap object requires three parameters, the map name, map key and the attribute for return value",
        ),
        ("!FindInMap [M, a, z]", "Template error: Unable to get mapping for M::a::z"),
        (
            "!Select [0, !GetAZs [a]]",
            "Template error: every Fn::GetAZs object must have a String-typed value.",
        ),
        ("{ 'Fn::Base64': [a] }", "Template error: every Fn::Base64 object must have a String-typed value."),
        (
            "!Sub [a]",
            "Template error: One or more Fn::Sub intrinsic functions don't specify expected arguments. Specify a string as first argument, and an optional second argument to specify a mapping of values to replace in the string",
        ),
        (
            "!ImportValue { Ref: Other }",
            "Template error: the attribute in Fn::ImportValue must not depend on any resources, imported values, or Fn::GetAZs",
        ),
    ] {
        let other =
            "Resources: { Other: { Type: 'AWS::SNS::Topic' }, Q: { Type: 'AWS::SQS::Queue', Properties:";
        let template = format!("{maps}{other} {{ QueueName: {expression} }} }} }}\n");
        for operation in ["ValidateTemplate", "CreateStack"] {
            let mut asked = json!({ "TemplateBody": template });
            if operation == "CreateStack" {
                asked["StackName"] = json!("s");
            }
            root.call("cloudformation", operation, asked).refused_with(400, "ValidationError", words);
        }
        let set = json!({ "StackName": "s", "ChangeSetName": "c", "ChangeSetType": "CREATE", "TemplateBody": template });
        root.call("cloudformation", "CreateChangeSet", set).refused_with(400, "ValidationError", words);
    }
}

#[test]
fn declarations_and_exports_are_judged_at_once() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let plain = queue("q");
    for (template, words) in [
        (
            format!("Parameters: {{ P: {{ Type: String, DefaultValue: x }} }}\n{plain}"),
            "Invalid template parameter property 'DefaultValue'",
        ),
        (
            format!(
                "{plain}Outputs: {{ A: {{ Value: a, Export: {{ Name: n }} }}, B: {{ Value: b, Export: {{ Name: n }} }} }}"
            ),
            "Template format error: The Outputs section contains duplicate Export names: [n]. Specify a unique name for each export.",
        ),
        (
            format!("Conditions: {{ C: !Not [a, b] }}\n{plain}"),
            "Template format error: Conditions can only be boolean operations on parameters and other conditions",
        ),
    ] {
        let told = root.call("cloudformation", "ValidateTemplate", json!({ "TemplateBody": template }));
        let message = told.refused(400, "ValidationError");
        let not = "Template error: every Fn::Not object requires one boolean parameter.";
        assert!(message == words || message == not, "{message}");
    }
    // Names that follow from parameters meet when they are published.
    let late = format!(
        "Parameters: {{ P: {{ Type: String, Default: n }} }}\n{plain}Outputs: {{ A: {{ Value: a, Export: {{ Name: !Ref P }} }}, B: {{ Value: b, Export: {{ Name: n }} }} }}"
    );
    create(&root, "late", &late, json!({}));
    assert_eq!(settle(&cloud, &root, "late"), "ROLLBACK_COMPLETE");
    let told = format!("{:?}", events(&root, "late"));
    assert!(told.contains("duplicate Export names: [n]"), "{told}");
}

#[test]
fn parameters_that_name_what_is_not_there_turn_the_stack_back() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    root.call("ec2", "CreateKeyPair", json!({ "KeyName": "mine" })).ok();
    let vpc = root.call("ec2", "CreateVpc", json!({ "CidrBlock": "10.0.0.0/16" })).ok();
    let vpc = vpc["vpc"]["vpcId"].as_str().unwrap().to_owned();
    let with = |kind: &str, value: &str| {
        format!("Parameters: {{ Given: {{ Type: '{kind}', Default: '{value}' }} }}\n{}", queue("q"))
    };
    let strangers = [
        ("AWS::EC2::KeyPair::KeyName", "other", "other"),
        ("AWS::EC2::KeyPair::KeyName", "", ""),
        ("AWS::EC2::VPC::Id", "vpc-0123456789abcdef0", "vpc-0123456789abcdef0"),
        ("AWS::EC2::Subnet::Id", "nonsense", "nonsense"),
        ("List<AWS::EC2::VPC::Id>", &format!("{vpc},vpc-0123456789abcdef0"), "vpc-0123456789abcdef0"),
        ("AWS::EC2::SecurityGroup::Id", "sg-0123456789abcdef0", "sg-0123456789abcdef0"),
        ("AWS::EC2::Image::Id", "ami-0123456789abcdef0", "ami-0123456789abcdef0"),
        ("AWS::EC2::Volume::Id", "vol-0123456789abcdef0", "vol-0123456789abcdef0"),
        ("AWS::EC2::Instance::Id", "i-0123456789abcdef0", "i-0123456789abcdef0"),
        ("AWS::EC2::AvailabilityZone::Name", "moon-1a", "moon-1a"),
    ];
    for (number, (kind, value, shown)) in strangers.into_iter().enumerate() {
        let stack = format!("s{number}");
        create(&root, &stack, &with(kind, value), json!({}));
        assert_eq!(settle(&cloud, &root, &stack), "ROLLBACK_COMPLETE", "{kind}");
        let words = format!(
            "{stack} ROLLBACK_IN_PROGRESS Parameter validation failed: parameter value {shown} for parameter name Given does not exist. Rollback requested by user."
        );
        let told = events(&root, &stack);
        assert!(told.contains(&words), "{kind}: {told:#?}");
        assert!(!told.iter().any(|event| event.starts_with("Q ")), "{told:#?}");
    }
    for (stack, kind, value) in [
        ("key", "AWS::EC2::KeyPair::KeyName", "mine"),
        ("net", "List<AWS::EC2::VPC::Id>", vpc.as_str()),
        ("zone", "AWS::EC2::AvailabilityZone::Name", "us-east-1a"),
    ] {
        created(
            &cloud,
            &root,
            stack,
            &with(kind, value).replace("QueueName: q", &format!("QueueName: {stack}")),
        );
    }
}

#[test]
fn a_role_that_nobody_may_become_is_refused_at_once() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let arn = "arn:aws:iam::123456789012:role/missing";
    let input = json!({ "StackName": "s", "TemplateBody": queue("q"), "RoleARN": arn });
    let words = format!("Role {arn} is invalid or cannot be assumed");
    root.call("cloudformation", "CreateStack", input).refused_with(400, "ValidationError", &words);
    let input =
        json!({ "StackName": "s", "TemplateBody": queue("q"), "RoleARN": "the-deploying-role-of-mine" });
    let words = "the-deploying-role-of-mine is not a valid RoleARN";
    root.call("cloudformation", "CreateStack", input).refused_with(400, "ValidationError", words);
    created(&cloud, &root, "s", &queue("q"));
    let input = json!({ "StackName": "s", "RoleARN": arn });
    let words = format!("Role {arn} is invalid or cannot be assumed");
    root.call("cloudformation", "DeleteStack", input).refused_with(400, "ValidationError", &words);
    assert_eq!(describe(&root, "s")["StackStatus"], "CREATE_COMPLETE");
}

#[test]
fn properties_of_another_form_fail_their_resource() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    for (stack, kind, properties, words) in [
        (
            "user",
            "AWS::IAM::User",
            "LoginProfile: { Password: Correct-Horse-7, Mood: good }",
            "#/LoginProfile: extraneous key [Mood] is not permitted",
        ),
        ("tags", "AWS::SQS::Queue", "Tags: foo", "#/Tags: expected type: JSONArray, found: String"),
        (
            "late",
            "AWS::SQS::Queue",
            "DelaySeconds: soon",
            "#/DelaySeconds: expected type: Integer, found: String",
        ),
        ("none", "AWS::SNS::Subscription", "Protocol: sqs", "#: required key [TopicArn] not found"),
    ] {
        let template = format!("Resources: {{ One: {{ Type: '{kind}', Properties: {{ {properties} }} }} }}");
        create(&root, stack, &template, json!({ "Capabilities": ["CAPABILITY_IAM"] }));
        assert_eq!(settle(&cloud, &root, stack), "ROLLBACK_COMPLETE", "{stack}");
        let words =
            format!("One CREATE_FAILED Properties validation failed for resource One with message:\n{words}");
        let told = events(&root, stack);
        assert!(told.contains(&words), "{told:#?}");
    }
}

#[test]
fn what_is_cut_out_of_what_is_hidden_is_hidden() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let template = "
Parameters: { Pair: { Type: CommaDelimitedList, NoEcho: true, Default: 'left,right' } }
Resources: { T: { Type: 'AWS::SNS::Topic', Properties: { TopicName: open, DisplayName: !Select [1, !Ref Pair] } } }
";
    created(&cloud, &root, "s", template);
    let arn = format!("arn:aws:sns:us-east-1:{ACCOUNT}:open");
    let told = root.call("sns", "GetTopicAttributes", json!({ "TopicArn": arn })).ok();
    assert!(told.to_string().contains("right"), "{told}");
    let told = root.call("cloudformation", "DescribeStackEvents", json!({ "StackName": "s" })).ok();
    let shown = told.to_string();
    assert!(!shown.contains("right") && shown.contains("****") && shown.contains("open"), "{shown}");
}

#[test]
fn functions_tell_what_is_kept() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let template = "
Transform: AWS::LanguageExtensions
Parameters: { Stage: { Type: String } }
Conditions: { IsProd: !Equals [!Ref Stage, Prod] }
Resources:
  Q:
    Type: AWS::SQS::Queue
    DeletionPolicy: !If [IsProd, Retain, Delete]
    UpdateReplacePolicy: !If [IsProd, Retain, Delete]
    Properties: { QueueName: !Sub 'q-${Stage}' }
";
    root.call("cloudformation", "ValidateTemplate", json!({ "TemplateBody": template })).ok();
    for stage in ["Prod", "Test"] {
        let given = json!([{ "ParameterKey": "Stage", "ParameterValue": stage }]);
        let more = json!({ "Parameters": given, "Capabilities": ["CAPABILITY_AUTO_EXPAND"] });
        let id = create(&root, stage, template, more);
        assert_eq!(settle(&cloud, &root, &id), "CREATE_COMPLETE");
        root.call("cloudformation", "DeleteStack", json!({ "StackName": stage })).ok();
        assert_eq!(settle(&cloud, &root, &id), "DELETE_COMPLETE");
    }
    let left = root.call("sqs", "ListQueues", json!({})).ok();
    let left: Vec<&str> =
        left["QueueUrls"].as_array().unwrap().iter().filter_map(|url| url.as_str()).collect();
    assert!(left.len() == 1 && left[0].ends_with("/q-Prod"), "{left:?}");
    let template = template.replace("[IsProd, Retain, Delete]", "[IsProd, Retain, Forget]");
    let input = json!({
        "StackName": "s", "TemplateBody": template, "Capabilities": ["CAPABILITY_AUTO_EXPAND"],
        "Parameters": [{ "ParameterKey": "Stage", "ParameterValue": "Test" }],
    });
    let words = "Template format error: Unrecognized DeletionPolicy Forget for resource Q";
    root.call("cloudformation", "CreateStack", input).refused_with(400, "ValidationError", words);
}

#[test]
fn rules_ask_about_the_account() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let vpc = |cidr: &str, department: &str| {
        let made = root.call("ec2", "CreateVpc", json!({ "CidrBlock": cidr })).ok();
        let id = made["vpc"]["vpcId"].as_str().unwrap().to_owned();
        let tags = json!([{ "Key": "Department", "Value": department }]);
        root.call("ec2", "CreateTags", json!({ "Resources": [id], "Tags": tags })).ok();
        id
    };
    let (it, other) = (vpc("10.0.0.0/16", "IT"), vpc("10.1.0.0/16", "Sales"));
    let subnet = |vpc: &str, cidr: &str| {
        let asked = json!({ "VpcId": vpc, "CidrBlock": cidr, "AvailabilityZone": "us-east-1a" });
        root.call("ec2", "CreateSubnet", asked).ok()["subnet"]["subnetId"].as_str().unwrap().to_owned()
    };
    let (one, two, far) =
        (subnet(&it, "10.0.0.0/24"), subnet(&it, "10.0.1.0/24"), subnet(&other, "10.1.0.0/24"));
    let template = |assert: &str| {
        format!(
            "
Parameters:
  Vpc: {{ Type: 'AWS::EC2::VPC::Id' }}
  Nets: {{ Type: 'List<AWS::EC2::Subnet::Id>' }}
Rules:
  R: {{ Assertions: [{{ Assert: {assert}, AssertDescription: it does not hold }}] }}
Resources:
  T: {{ Type: 'AWS::SNS::Topic' }}
"
        )
    };
    let tried = |stack: &str, assert: &str, vpc: &str, nets: &str| {
        let given = [("Vpc", vpc), ("Nets", nets)];
        let given = given.map(|(key, value)| json!({ "ParameterKey": key, "ParameterValue": value }));
        let input = json!({ "StackName": stack, "TemplateBody": template(assert), "Parameters": given });
        root.call("cloudformation", "CreateStack", input)
    };
    let (near, away) = (format!("{one},{two}"), format!("{one},{far}"));
    for (turn, (assert, vpc, nets)) in [
        ("!EachMemberEquals [!ValueOf [Nets, VpcId], !Ref Vpc]", &it, &near),
        ("!Contains [!RefAll 'AWS::EC2::VPC::Id', !Ref Vpc]", &other, &near),
        ("!Equals [!ValueOf [Vpc, Tags.Department], IT]", &it, &near),
        ("!EachMemberIn [!ValueOf [Vpc, Tags.Department], !ValueOfAll ['AWS::EC2::VPC::Id', Tags.Department]]", &other, &near),
        ("!EachMemberIn [!ValueOf [Nets, AvailabilityZone], [us-east-1a]]", &it, &away),
        ("!Not [!Equals [!ValueOf [Vpc, DefaultSecurityGroup], '']]", &it, &near),
        ("!EachMemberIn [!ValueOf [Vpc, DefaultNetworkAcl], !ValueOfAll ['AWS::EC2::VPC::Id', DefaultNetworkAcl]]", &it, &near),
    ]
    .into_iter()
    .enumerate()
    {
        tried(&format!("s{turn}"), assert, vpc, nets).ok();
    }
    for (assert, words) in [
        ("!EachMemberEquals [!ValueOf [Nets, VpcId], !Ref Vpc]", "it does not hold"),
        ("!Equals [!ValueOf [Vpc, Tags.Department], Sales]", "it does not hold"),
        (
            "!Contains [!RefAll 'AWS::SQS::Queue', x]",
            "Template validation error: AWS::SQS::Queue is no type that rules may ask about",
        ),
        (
            "!Equals [!ValueOf [Vpc, Mood], x]",
            "Template validation error: Mood is no attribute of AWS::EC2::VPC::Id that rules may ask for",
        ),
    ] {
        tried("bad", assert, &it, &away).refused_with(400, "ValidationError", words);
    }
    // With the rights of whoever asks.
    let policy = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["cloudformation:*","sns:*"],"Resource":"*"}}"#;
    let eva = cloud.user(&root, "eva", policy);
    let given = [("Vpc", it.as_str()), ("Nets", near.as_str())];
    let given = given.map(|(key, value)| json!({ "ParameterKey": key, "ParameterValue": value }));
    let assert = "!Contains [!RefAll 'AWS::EC2::VPC::Id', !Ref Vpc]";
    let input = json!({ "StackName": "hers", "TemplateBody": template(assert), "Parameters": given });
    let told = eva.call("cloudformation", "CreateStack", input).refused(400, "ValidationError");
    assert!(told.contains("is not authorized to perform: ec2:DescribeVpcs"), "{told}");
}
