//! The order in which stacks go, where their templates do not tell all of it.

use crate::cloudformation_stacks::{ACCOUNT, created, events, physical, settle};
use crate::harness::Cloud;
use serde_json::json;

const CFN: &str = "cloudformation";

/// Nothing says that the gateway's address needs the attachment.
const NETWORK: &str = "
Resources:
  Gateway: { Type: 'AWS::EC2::InternetGateway' }
  Attached: { Type: 'AWS::EC2::VPCGatewayAttachment', Properties: { VpcId: !Ref Vpc, InternetGatewayId: !Ref Gateway } }
  Group: { Type: 'AWS::EC2::SecurityGroup', Properties: { VpcId: !Ref Vpc, GroupDescription: g } }
  Address: { Type: 'AWS::EC2::EIP' }
  Out: { Type: 'AWS::EC2::NatGateway', Properties: { SubnetId: !Ref Subnet, AllocationId: !GetAtt Address.AllocationId } }
  Later: { Type: 'AWS::EC2::Route', Properties: { RouteTableId: !Ref Table, DestinationCidrBlock: 0.0.0.0/0, GatewayId: !Ref Gateway } }
  Table: { Type: 'AWS::EC2::RouteTable', Properties: { VpcId: !Ref Vpc } }
  Subnet: { Type: 'AWS::EC2::Subnet', Properties: { VpcId: !Ref Vpc, CidrBlock: 10.0.1.0/24 } }
  Vpc: { Type: 'AWS::EC2::VPC', Properties: { CidrBlock: 10.0.0.0/16 } }
";

#[test]
fn what_others_of_the_stack_have_need_of_goes_after_them() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let stack = created(&cloud, &root, "net", NETWORK);
    root.call(CFN, "DeleteStack", json!({ "StackName": "net" })).ok();
    let id = stack["StackId"].as_str().unwrap();
    assert_eq!(settle(&cloud, &root, id), "DELETE_COMPLETE", "{:#?}", events(&root, id));
    let told = events(&root, id);
    let place = |event: &str| told.iter().position(|e| e == event).unwrap();
    assert!(place("Out DELETE_IN_PROGRESS") < place("Attached DELETE_COMPLETE"), "{told:#?}");
    let begun = told.iter().filter(|event| *event == "Attached DELETE_IN_PROGRESS");
    assert_eq!(begun.count(), 1, "{told:#?}");
}

#[test]
fn what_others_outside_have_need_of_fails_once_nothing_else_goes() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    created(&cloud, &root, "net", NETWORK);
    let [group, subnet] = ["Group", "Subnet"].map(|name| physical(&root, "net", name));
    let card = json!({ "SubnetId": subnet, "Groups": [group] });
    let card = root.call("ec2", "CreateNetworkInterface", card).ok();
    let card = card["networkInterface"]["networkInterfaceId"].as_str().unwrap().to_owned();
    root.call(CFN, "DeleteStack", json!({ "StackName": "net" })).ok();
    assert_eq!(settle(&cloud, &root, "net"), "DELETE_FAILED");
    let told = events(&root, "net");
    let failed = told.iter().position(|e| e.starts_with("Group DELETE_FAILED")).unwrap();
    assert!(told[failed].contains("has a dependent object"), "{}", told[failed]);
    let last = told.iter().rposition(|e| e.ends_with("DELETE_COMPLETE")).unwrap();
    assert!(last < failed, "{told:#?}");
    // Once that is gone, another attempt ends the rest.
    root.call("ec2", "DeleteNetworkInterface", json!({ "NetworkInterfaceId": card })).ok();
    let id = crate::cloudformation_stacks::describe(&root, "net")["StackId"].as_str().unwrap().to_owned();
    root.call(CFN, "DeleteStack", json!({ "StackName": "net" })).ok();
    assert_eq!(settle(&cloud, &root, &id), "DELETE_COMPLETE", "{:#?}", events(&root, &id));
}
