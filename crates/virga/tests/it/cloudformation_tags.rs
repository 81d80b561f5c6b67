//! The tags by which resources tell of their stack.

use crate::cloudformation_kinds::update;
use crate::cloudformation_stacks::{ACCOUNT, create, created, describe, events, output, settle};
use crate::harness::{Caller, Cloud};
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn tags(caller: &Caller<'_>, id: &str) -> BTreeMap<String, String> {
    let filter = json!([{ "Name": "resource-id", "Values": [id] }]);
    let told = caller.call("ec2", "DescribeTags", json!({ "Filters": filter })).ok();
    let text = |tag: &Value, member: &str| tag[member].as_str().unwrap().to_owned();
    let all = told["tagSet"].as_array().cloned().unwrap_or_default();
    all.iter().map(|tag| (text(tag, "key"), text(tag, "value"))).collect()
}

/// Every kind of EC2's that has tags, as far as a stack without machines has them.
const NETWORK: &str = r#"
Resources:
  Vpc: { Type: 'AWS::EC2::VPC', Properties: { CidrBlock: 10.0.0.0/16, Tags: [{ Key: own, Value: '1' }] } }
  Subnet: { Type: 'AWS::EC2::Subnet', Properties: { VpcId: !Ref Vpc, CidrBlock: 10.0.0.0/24 } }
  Igw: { Type: 'AWS::EC2::InternetGateway' }
  Attached: { Type: 'AWS::EC2::VPCGatewayAttachment', Properties: { VpcId: !Ref Vpc, InternetGatewayId: !Ref Igw } }
  Table: { Type: 'AWS::EC2::RouteTable', Properties: { VpcId: !Ref Vpc } }
  Group: { Type: 'AWS::EC2::SecurityGroup', Properties: { GroupDescription: g, VpcId: !Ref Vpc } }
  Address: { Type: 'AWS::EC2::EIP', DependsOn: Attached }
  Nat: { Type: 'AWS::EC2::NatGateway', Properties: { SubnetId: !Ref Subnet, AllocationId: !GetAtt Address.AllocationId } }
  Endpoint: { Type: 'AWS::EC2::VPCEndpoint', Properties: { VpcId: !Ref Vpc, ServiceName: !Sub 'com.amazonaws.${AWS::Region}.s3', RouteTableIds: [!Ref Table] } }
  Volume: { Type: 'AWS::EC2::Volume', Properties: { AvailabilityZone: !Select [0, !GetAZs ''], Size: 1 } }
  Key: { Type: 'AWS::EC2::KeyPair', Properties: { KeyName: k, PublicKeyMaterial: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl a' } }
  Out: { Type: 'AWS::EC2::EgressOnlyInternetGateway', Properties: { VpcId: !Ref Vpc } }
Outputs:
  Vpc: { Value: !Ref Vpc }
  Subnet: { Value: !Ref Subnet }
  Igw: { Value: !Ref Igw }
  Table: { Value: !Ref Table }
  Group: { Value: !GetAtt Group.GroupId }
  Address: { Value: !GetAtt Address.AllocationId }
  Nat: { Value: !Ref Nat }
  Endpoint: { Value: !Ref Endpoint }
  Volume: { Value: !Ref Volume }
  Key: { Value: !GetAtt Key.KeyPairId }
  Out: { Value: !Ref Out }
"#;

#[test]
fn resources_of_ec2_tell_of_their_stack() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    // In whose stead the stack is made needs no right to tags.
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},
        {"Effect":"Deny","Action":["ec2:CreateTags","ec2:DeleteTags"],"Resource":"*","Condition":{"Null":{"aws:RequestTag/aws:cloudformation:stack-name":"false"}}}]}"#;
    let eva = cloud.user(&root, "eva", policy);
    let stack = created(&cloud, &eva, "net", NETWORK);
    for name in
        ["Vpc", "Subnet", "Igw", "Table", "Group", "Address", "Nat", "Endpoint", "Volume", "Key", "Out"]
    {
        let found = tags(&root, &output(&stack, name));
        assert_eq!(found.get("aws:cloudformation:stack-name").map(String::as_str), Some("net"), "{name}");
        assert_eq!(found.get("aws:cloudformation:logical-id").map(String::as_str), Some(name));
        let id = found.get("aws:cloudformation:stack-id").unwrap();
        assert_eq!(stack["StackId"], id.as_str(), "{name}");
    }
    let vpc = output(&stack, "Vpc");
    assert_eq!(tags(&root, &vpc).len(), 4);
    // They are found by, and by nothing of the template's.
    let filter = json!([{ "Name": "tag:aws:cloudformation:logical-id", "Values": ["Subnet"] }]);
    let told = root.call("ec2", "DescribeSubnets", json!({ "Filters": filter })).ok();
    assert_eq!(told["subnetSet"][0]["subnetId"], output(&stack, "Subnet"));
    update(&cloud, &eva, "net", &NETWORK.replace("Key: own", "Key: other"));
    let found = tags(&root, &vpc);
    assert_eq!((found.len(), found.contains_key("other")), (4, true));
    let asked = json!({ "StackName": "net", "LogicalResourceId": "Group" });
    let drift = root.call("cloudformation", "DetectStackResourceDrift", asked).ok();
    assert_eq!(drift["StackResourceDrift"]["StackResourceDriftStatus"], "IN_SYNC");
}

#[test]
fn nobody_else_sets_them_and_nobody_takes_them_away() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let template = "Resources: { V: { Type: 'AWS::EC2::VPC', Properties: { CidrBlock: 10.0.0.0/16 } } }\nOutputs: { V: { Value: !Ref V } }";
    let stack = created(&cloud, &root, "s", template);
    let vpc = output(&stack, "V");
    let before = tags(&root, &vpc);
    assert_eq!(before.len(), 3);
    let reserved = "aws:cloudformation:stack-name";
    let words = format!("Tag keys starting with 'aws:' are reserved for internal use: {reserved}");
    let own = |value: &str| json!({ "Resources": [vpc], "Tags": [{ "Key": reserved, "Value": value }] });
    root.call("ec2", "CreateTags", own("mine")).refused_with(400, "InvalidTagKey.Malformed", &words);
    root.call("ec2", "DeleteTags", own("s")).refused_with(400, "InvalidTagKey.Malformed", &words);
    // Without tags all go but these; and they do not count.
    let many: Vec<Value> = (0..50).map(|n| json!({ "Key": format!("k{n}"), "Value": "" })).collect();
    root.call("ec2", "CreateTags", json!({ "Resources": [vpc], "Tags": many })).ok();
    let more = json!({ "Resources": [vpc], "Tags": [{ "Key": "more", "Value": "" }] });
    root.call("ec2", "CreateTags", more).refused(400, "TagLimitExceeded");
    root.call("ec2", "DeleteTags", json!({ "Resources": [vpc] })).ok();
    assert_eq!(tags(&root, &vpc), before);
    // Nor does a template, in CloudFormation's words to the caller.
    let bad =
        template.replace("CidrBlock:", &format!("Tags: [{{ Key: '{reserved}', Value: mine }}], CidrBlock:"));
    create(&root, "bad", &bad, json!({}));
    assert_eq!(settle(&cloud, &root, "bad"), "ROLLBACK_COMPLETE");
    let told = events(&root, "bad");
    let failed = told.iter().find(|event| event.starts_with("V CREATE_FAILED")).unwrap();
    assert!(failed.contains(&words), "{failed}");
    let tagged = json!({ "StackName": "worse", "TemplateBody": template, "Tags": [{ "Key": reserved, "Value": "x" }] });
    root.call("cloudformation", "CreateStack", tagged).refused(400, "ValidationError");
    assert_eq!(describe(&root, "s")["StackStatus"], "CREATE_COMPLETE");
}

#[test]
fn what_is_imported_tells_of_its_stack_too() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let made = root.call("ec2", "CreateSecurityGroup", json!({ "GroupName": "g", "Description": "d" })).ok();
    let id = made["groupId"].as_str().unwrap();
    let template = "Resources: { G: { Type: 'AWS::EC2::SecurityGroup', DeletionPolicy: Retain, Properties: { GroupName: g, GroupDescription: d } } }";
    let import = json!([{ "LogicalResourceId": "G", "ResourceType": "AWS::EC2::SecurityGroup", "ResourceIdentifier": { "Id": id } }]);
    let input = json!({ "StackName": "s", "ChangeSetName": "in", "ChangeSetType": "IMPORT", "TemplateBody": template, "ResourcesToImport": import });
    root.call("cloudformation", "CreateChangeSet", input).ok();
    root.call("cloudformation", "ExecuteChangeSet", json!({ "StackName": "s", "ChangeSetName": "in" })).ok();
    assert_eq!(settle(&cloud, &root, "s"), "IMPORT_COMPLETE", "{:#?}", events(&root, "s"));
    assert_eq!(tags(&root, id).get("aws:cloudformation:logical-id").map(String::as_str), Some("G"));
}
