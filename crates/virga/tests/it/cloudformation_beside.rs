//! Kinds that stand beside the rest: stack sets within stacks, Spot Fleets, virtual MFA devices.

use crate::cloudformation_drift::{detect, differences, drifts};
use crate::cloudformation_imports::{carry_out, make, one};
use crate::cloudformation_kinds::{delete, update};
use crate::cloudformation_sets::roles;
use crate::cloudformation_stacks::{ACCOUNT, create, created, events, physical, settle};
use crate::harness::{Caller, Cloud};
use crate::vpc_plane::cloud;
use host::Simulator;
use serde_json::{Value, json};

const OTHER: &str = "222233334444";

fn set(word: &str, groups: &str) -> String {
    format!(
        "
Resources:
  Set:
    Type: AWS::CloudFormation::StackSet
    Properties:
      StackSetName: set
      PermissionModel: SELF_MANAGED
      Description: {word}
      Parameters: [{{ ParameterKey: Word, ParameterValue: {word} }}]
      Tags: [{{ Key: team, Value: blue }}]
      TemplateBody: |
        Parameters: {{ Word: {{ Type: String }} }}
        Resources: {{ Topic: {{ Type: 'AWS::SNS::Topic', Properties: {{ TopicName: !Sub 'own-${{Word}}' }} }} }}
      StackInstancesGroup: [{groups}]
Outputs:
  Id: {{ Value: !GetAtt Set.StackSetId }}
"
    )
}

fn topics(cloud: &Cloud, account: &str, region: &str) -> Vec<String> {
    let told = cloud.root(account).in_region(region).call("sns", "ListTopics", json!({})).ok();
    let name = |one: &Value| one["TopicArn"].as_str().unwrap().rsplit(':').next().unwrap().to_owned();
    told["Topics"].as_array().map(|all| all.iter().map(name).collect()).unwrap_or_default()
}

#[test]
fn a_stack_set_within_a_stack_has_its_stacks_where_the_template_says() {
    let cloud = Cloud::new();
    roles(&cloud, &[ACCOUNT, OTHER]);
    let root = cloud.root(ACCOUNT);
    let here =
        format!("{{ DeploymentTargets: {{ Accounts: ['{ACCOUNT}', '{OTHER}'] }}, Regions: [us-east-1] }}");
    let stack = created(&cloud, &root, "s", &set("one", &here));
    let id = physical(&root, "s", "Set");
    assert!(id.starts_with("set:"), "{id}");
    assert_eq!(stack["Outputs"][0]["OutputValue"], id);
    assert_eq!(topics(&cloud, ACCOUNT, "us-east-1"), ["own-one"]);
    assert_eq!(topics(&cloud, OTHER, "us-east-1"), ["own-one"]);
    let told = detect(&cloud, &root, json!({ "StackName": "s" }));
    assert_eq!(told["StackDriftStatus"], "IN_SYNC", "{:#?}", drifts(&root, "s"));
    // The set changes, one place goes, one comes, with a word of its own.
    let there = format!(
        "{{ DeploymentTargets: {{ Accounts: ['{OTHER}'] }}, Regions: [us-east-1] }}, {{ DeploymentTargets: {{ Accounts: ['{OTHER}'] }}, Regions: [eu-west-1], ParameterOverrides: [{{ ParameterKey: Word, ParameterValue: west }}] }}"
    );
    update(&cloud, &root, "s", &set("two", &there));
    assert_eq!(physical(&root, "s", "Set"), id);
    assert!(topics(&cloud, ACCOUNT, "us-east-1").is_empty());
    assert_eq!(topics(&cloud, OTHER, "us-east-1"), ["own-two"]);
    assert_eq!(topics(&cloud, OTHER, "eu-west-1"), ["own-west"]);
    // What is overridden changes where it is.
    update(&cloud, &root, "s", &set("two", &there.replace("west }", "east }")));
    assert_eq!(topics(&cloud, OTHER, "eu-west-1"), ["own-east"]);
    let change = json!({ "StackSetName": "set", "UsePreviousTemplate": true, "Description": "three",
        "Parameters": [{ "ParameterKey": "Word", "UsePreviousValue": true }], "Tags": [{ "Key": "team", "Value": "blue" }] });
    root.call("cloudformation", "UpdateStackSet", change).ok();
    detect(&cloud, &root, json!({ "StackName": "s" }));
    assert_eq!(differences(&root, "s", "Set"), ["NOT_EQUAL /Description two three"]);
    delete(&cloud, &root, "s");
    assert!(topics(&cloud, OTHER, "us-east-1").is_empty() && topics(&cloud, OTHER, "eu-west-1").is_empty());
    let sets = root.call("cloudformation", "ListStackSets", json!({ "Status": "ACTIVE" })).ok();
    assert!(sets["Summaries"].as_array().is_none_or(Vec::is_empty), "{sets}");
}

#[test]
fn a_set_whose_stacks_fail_turns_its_stack_back() {
    let cloud = Cloud::new();
    // Nobody may be in the other account.
    roles(&cloud, &[ACCOUNT]);
    let root = cloud.root(ACCOUNT);
    let both =
        format!("{{ DeploymentTargets: {{ Accounts: ['{ACCOUNT}', '{OTHER}'] }}, Regions: [us-east-1] }}");
    create(&root, "s", &set("one", &both), json!({}));
    assert_eq!(settle(&cloud, &root, "s"), "ROLLBACK_COMPLETE", "{:#?}", events(&root, "s"));
    let told = events(&root, "s");
    let failed = told.iter().find(|event| event.starts_with("Set CREATE_FAILED")).unwrap();
    assert!(failed.contains("was unexpectedly stopped or failed"), "{failed}");
    assert!(topics(&cloud, ACCOUNT, "us-east-1").is_empty());
    let sets = root.call("cloudformation", "ListStackSets", json!({ "Status": "ACTIVE" })).ok();
    assert!(sets["Summaries"].as_array().is_none_or(Vec::is_empty), "{sets}");
}

fn fleet(capacity: u32, kind: &str) -> String {
    format!(
        "
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument: {{ Version: '2012-10-17', Statement: {{ Effect: Allow, Action: 'sts:AssumeRole', Principal: {{ Service: spotfleet.amazonaws.com }} }} }}
      Policies: [{{ PolicyName: p, PolicyDocument: {{ Version: '2012-10-17', Statement: {{ Effect: Allow, Action: ['ec2:*', 'iam:PassRole'], Resource: '*' }} }} }}]
  Plan: {{ Type: 'AWS::EC2::LaunchTemplate', Properties: {{ LaunchTemplateData: {{ ImageId: ami-0a1f5c0de0b1a0001, InstanceType: t3.micro }} }} }}
  Fleet:
    Type: AWS::EC2::SpotFleet
    Properties:
      SpotFleetRequestConfigData:
        IamFleetRole: !GetAtt Role.Arn
        Type: {kind}
        TargetCapacity: {capacity}
        AllocationStrategy: lowestPrice
        LaunchTemplateConfigs: [{{ LaunchTemplateSpecification: {{ LaunchTemplateId: !Ref Plan, Version: '1' }} }}]
Outputs:
  Id: {{ Value: !GetAtt Fleet.Id }}
"
    )
}

fn machines(root: &Caller<'_>, id: &str) -> usize {
    let told = root.call("ec2", "DescribeSpotFleetInstances", json!({ "SpotFleetRequestId": id })).ok();
    told["activeInstanceSet"].as_array().map_or(0, Vec::len)
}

#[test]
fn a_spot_fleet_grows_and_goes() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    created(&cloud, &root, "f", &fleet(1, "maintain"));
    let id = physical(&root, "f", "Fleet");
    assert!(id.starts_with("sfr-"), "{id}");
    cloud.reconcile();
    assert_eq!(machines(&root, &id), 1);
    let told = detect(&cloud, &root, json!({ "StackName": "f" }));
    assert_eq!(told["StackDriftStatus"], "IN_SYNC", "{:#?}", drifts(&root, "f"));
    update(&cloud, &root, "f", &fleet(2, "maintain"));
    assert_eq!((physical(&root, "f", "Fleet"), machines(&root, &id)), (id.clone(), 2));
    root.call("ec2", "ModifySpotFleetRequest", json!({ "SpotFleetRequestId": id, "TargetCapacity": 1 })).ok();
    detect(&cloud, &root, json!({ "StackName": "f" }));
    assert_eq!(
        differences(&root, "f", "Fleet"),
        ["NOT_EQUAL /SpotFleetRequestConfigData/TargetCapacity 2 1"]
    );
    let input =
        json!({ "StackName": "f", "TemplateBody": fleet(2, "request"), "Capabilities": ["CAPABILITY_IAM"] });
    root.call("cloudformation", "UpdateStack", input).ok();
    assert_eq!(settle(&cloud, &root, "f"), "UPDATE_ROLLBACK_COMPLETE");
    let told = format!("{:?}", events(&root, "f"));
    assert!(told.contains("Fleet UPDATE_FAILED Updates of a Spot Fleet beyond its capacity"), "{told}");
    delete(&cloud, &root, "f");
    let shown = root.call("ec2", "DescribeSpotFleetRequests", json!({ "SpotFleetRequestIds": [id] })).ok();
    let state = shown["spotFleetRequestConfigSet"][0]["spotFleetRequestState"].as_str().unwrap().to_owned();
    assert!(state.starts_with("cancelled"), "{state}");
}

#[test]
fn a_virtual_mfa_device() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let template = |tag: &str| {
        format!(
            "
Resources:
  Eva: {{ Type: 'AWS::IAM::User' }}
  Device: {{ Type: 'AWS::IAM::VirtualMFADevice', DeletionPolicy: Retain, Properties: {{ VirtualMfaDeviceName: phone, Path: /own/, Users: [!Ref Eva], Tags: [{{ Key: a, Value: {tag} }}] }} }}
Outputs:
  Serial: {{ Value: !GetAtt Device.SerialNumber }}
"
        )
    };
    let stack = created(&cloud, &root, "m", &template("b"));
    let serial = format!("arn:aws:iam::{ACCOUNT}:mfa/own/phone");
    assert_eq!(
        (stack["Outputs"][0]["OutputValue"].as_str(), physical(&root, "m", "Device")),
        (Some(serial.as_str()), serial.clone())
    );
    let tags =
        || root.call("iam", "ListMFADeviceTags", json!({ "SerialNumber": serial })).ok()["Tags"].clone();
    assert_eq!(tags(), json!([{ "Key": "a", "Value": "b" }]));
    update(&cloud, &root, "m", &template("c"));
    assert_eq!(tags(), json!([{ "Key": "a", "Value": "c" }]));
    let told = detect(&cloud, &root, json!({ "StackName": "m" }));
    assert_eq!(told["StackDriftStatus"], "IN_SYNC", "{:#?}", drifts(&root, "m"));
    delete(&cloud, &root, "m");
    let kept = "Resources: { Device: { Type: 'AWS::IAM::VirtualMFADevice', DeletionPolicy: Delete, Properties: { VirtualMfaDeviceName: phone, Path: /own/, Users: [] } } }";
    let asked = json!([one("Device", "AWS::IAM::VirtualMFADevice", json!({ "SerialNumber": serial }))]);
    make(&root, "new", kept, asked, json!({})).ok();
    assert_eq!(carry_out(&cloud, &root, "new"), "IMPORT_COMPLETE", "{:#?}", events(&root, "new"));
    delete(&cloud, &root, "new");
    root.call("iam", "ListMFADeviceTags", json!({ "SerialNumber": serial })).refused(404, "NoSuchEntity");
    // Without the users that the schema wants.
    let bare = "Resources: { Device: { Type: 'AWS::IAM::VirtualMFADevice' } }";
    create(&root, "bare", bare, json!({ "Capabilities": ["CAPABILITY_IAM"] }));
    assert_eq!(settle(&cloud, &root, "bare"), "ROLLBACK_COMPLETE");
    assert!(format!("{:?}", events(&root, "bare")).contains("required key [Users] not found"));
}
