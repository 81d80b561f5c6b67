//! Machines and what is around them, as templates have said it since there were VPCs, and before.

use crate::cloudformation_stacks::{ACCOUNT, create, created, describe, events, output, physical, settle};
use crate::harness::Cloud;
use serde_json::{Value, json};

const CFN: &str = "cloudformation";

const NAMED: &str = "
Resources:
  Group:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupDescription: d
      SecurityGroupIngress: [{ IpProtocol: tcp, FromPort: '22', ToPort: '22', CidrIp: 10.0.0.0/8 }]
  Rule:
    Type: AWS::EC2::SecurityGroupIngress
    Properties: { GroupName: !Ref Group, SourceSecurityGroupName: !Ref Group, IpProtocol: tcp, FromPort: 80, ToPort: 80, Description: one }
  Old:
    Type: AWS::EC2::Instance
    Properties: { ImageId: ami-0a1f5c0de0b1a0001, InstanceType: t3.micro, SecurityGroups: [!Ref Group], EbsOptimized: true }
  New:
    Type: AWS::EC2::Instance
    Properties: { ImageId: ami-0a1f5c0de0b1a0001, InstanceType: t3.micro, SecurityGroupIds: [!Ref Group, !GetAtt Inner.GroupId] }
  Inner:
    Type: AWS::EC2::SecurityGroup
    Properties: { GroupDescription: d, VpcId: !GetAtt Group.VpcId }
Outputs:
  Ref: { Value: !Ref Group }
  Id: { Value: !GetAtt Group.GroupId }
  Other: { Value: !Ref Inner }
  Vpc: { Value: !GetAtt Group.VpcId }
";

#[test]
fn groups_of_the_default_vpc_are_known_by_their_names() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let ec2 = |operation: &str, input: Value| root.call("ec2", operation, input).ok();
    let stack = created(&cloud, &root, "s", NAMED);
    let (name, id, other) = (output(&stack, "Ref"), output(&stack, "Id"), output(&stack, "Other"));
    assert!(name.starts_with("s-Group-"), "{name}");
    assert_eq!(physical(&root, "s", "Group"), name);
    assert!(id.starts_with("sg-") && other.starts_with("sg-"), "{id} {other}");
    let told = ec2("DescribeSecurityGroups", json!({ "GroupIds": [id] }));
    let told = &told["securityGroupInfo"][0];
    assert_eq!((&told["groupName"], &told["vpcId"]), (&json!(name), &json!(output(&stack, "Vpc"))));
    let rules = told["ipPermissions"].to_string();
    assert!(rules.contains(&format!(r#""groupId":"{id}""#)), "{rules}");
    let of = |machine: &str| {
        let told = ec2("DescribeInstances", json!({ "InstanceIds": [physical(&root, "s", machine)] }));
        told["reservationSet"][0]["instancesSet"][0].clone()
    };
    let groups = |machine: &str| of(machine)["groupSet"].to_string();
    assert!(groups("Old").contains(&id) && groups("New").contains(&id) && groups("New").contains(&other));
    assert_eq!(of("Old")["ebsOptimized"], json!("true"));
    // In place: a tag, a rule, the words of another, and what a machine has to stop for.
    let machine = physical(&root, "s", "Old");
    let again = NAMED
        .replace("EbsOptimized: true", "EbsOptimized: false")
        .replace("CidrIp: 10.0.0.0/8", "CidrIp: 10.1.0.0/16")
        .replace("Description: one", "Description: two")
        .replace(
            "      GroupDescription: d\n",
            "      GroupDescription: d\n      Tags: [{ Key: a, Value: b }]\n",
        );
    root.call(CFN, "UpdateStack", json!({ "StackName": "s", "TemplateBody": again })).ok();
    assert_eq!(settle(&cloud, &root, "s"), "UPDATE_COMPLETE", "{:#?}", events(&root, "s"));
    assert_eq!((physical(&root, "s", "Old"), &of("Old")["ebsOptimized"]), (machine, &json!("false")));
    let told = ec2("DescribeSecurityGroups", json!({ "GroupIds": [id] }))["securityGroupInfo"][0].to_string();
    assert!(told.contains("10.1.0.0/16") && told.contains("two") && told.contains(r#""key":"a""#), "{told}");
    // What is there is what was asked for.
    root.call(CFN, "DetectStackDrift", json!({ "StackName": "s" })).ok();
    settle(&cloud, &root, "s");
    cloud.reconcile();
    let drifts = root.call(CFN, "DescribeStackResourceDrifts", json!({ "StackName": "s" })).ok();
    let drifted: Vec<&Value> = drifts["StackResourceDrifts"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|drift| {
            drift["StackResourceDriftStatus"] != "IN_SYNC"
                && drift["StackResourceDriftStatus"] != "NOT_CHECKED"
        })
        .collect();
    assert!(drifted.is_empty(), "{drifted:#?}");
    let id = describe(&root, "s")["StackId"].as_str().unwrap().to_owned();
    root.call(CFN, "DeleteStack", json!({ "StackName": "s" })).ok();
    assert_eq!(settle(&cloud, &root, &id), "DELETE_COMPLETE", "{:#?}", events(&root, &id));
}

const SIX: &str = "
Resources:
  Vpc: { Type: 'AWS::EC2::VPC', Properties: { CidrBlock: 10.0.0.0/16 } }
  Six: { Type: 'AWS::EC2::VPCCidrBlock', Properties: { VpcId: !Ref Vpc, AmazonProvidedIpv6CidrBlock: true } }
  Net:
    Type: AWS::EC2::Subnet
    DependsOn: Six
    Properties:
      VpcId: !Ref Vpc
      CidrBlock: 10.0.1.0/24
      Ipv6CidrBlock: !Select [0, !Cidr [!Select [0, !GetAtt Vpc.Ipv6CidrBlocks], 2, 64]]
      AssignIpv6AddressOnCreation: true
  Machine:
    Type: AWS::EC2::Instance
    Properties: { ImageId: ami-0a1f5c0de0b1a0001, InstanceType: t3.micro, SubnetId: !Ref Net, Ipv6AddressCount: 2 }
Outputs:
  Block: { Value: !Select [0, !GetAtt Net.Ipv6CidrBlocks] }
";

#[test]
fn subnets_have_blocks_of_version_six() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let ec2 = |operation: &str, input: Value| root.call("ec2", operation, input).ok();
    let stack = created(&cloud, &root, "s", SIX);
    let net = physical(&root, "s", "Net");
    let told = || ec2("DescribeSubnets", json!({ "SubnetIds": [net] }))["subnetSet"][0].clone();
    let block = output(&stack, "Block");
    assert!(block.ends_with("/64") && told().to_string().contains(&block), "{block}");
    assert_eq!(told()["assignIpv6AddressOnCreation"], json!("true"));
    let machine = ec2("DescribeInstances", json!({ "InstanceIds": [physical(&root, "s", "Machine")] }));
    let cards = &machine["reservationSet"][0]["instancesSet"][0]["networkInterfaceSet"];
    assert_eq!(cards[0]["ipv6AddressesSet"].as_array().map(Vec::len), Some(2), "{cards}");
    // Nobody may be in a block that goes.
    let alone = SIX.split("  Machine:").next().unwrap().to_owned()
        + "Outputs: { Block: { Value: !Select [0, !GetAtt Net.Ipv6CidrBlocks] } }\n";
    let update = |template: String| {
        root.call(CFN, "UpdateStack", json!({ "StackName": "s", "TemplateBody": template })).ok();
        assert_eq!(settle(&cloud, &root, "s"), "UPDATE_COMPLETE", "{:#?}", events(&root, "s"));
    };
    update(alone.clone());
    update(
        alone
            .replace("!Select [0, !Cidr", "!Select [1, !Cidr")
            .replace("OnCreation: true", "OnCreation: false"),
    );
    assert_eq!(physical(&root, "s", "Net"), net);
    let other = output(&describe(&root, "s"), "Block");
    assert_ne!(other, block);
    assert_eq!(told()["assignIpv6AddressOnCreation"], json!("false"));
    let id = describe(&root, "s")["StackId"].as_str().unwrap().to_owned();
    root.call(CFN, "DeleteStack", json!({ "StackName": "s" })).ok();
    assert_eq!(settle(&cloud, &root, &id), "DELETE_COMPLETE", "{:#?}", events(&root, &id));
}

#[test]
fn functions_that_are_not_traced_and_have_no_snapshots() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let template = |more: &str| {
        format!(
            "
Resources:
  R: {{ Type: 'AWS::IAM::Role', Properties: {{ AssumeRolePolicyDocument: {{ Version: 2012-10-17, Statement: {{ Effect: Allow, Principal: {{ Service: lambda.amazonaws.com }}, Action: 'sts:AssumeRole' }} }} }} }}
  F: {{ Type: 'AWS::Lambda::Function', Properties: {{ Role: !GetAtt R.Arn, Runtime: python3.11, Handler: index.h, Code: {{ ZipFile: 'def h(e, c): return 1' }}, {more} }} }}
  P: {{ Type: 'AWS::Lambda::Permission', Properties: {{ FunctionName: !Ref F, Action: 'lambda:InvokeFunction', Principal: alexa-appkit.amazon.com, EventSourceToken: skill-1 }} }}
"
        )
    };
    created(
        &cloud,
        &root,
        "s",
        &template("TracingConfig: { Mode: PassThrough }, SnapStart: { ApplyOn: None }"),
    );
    let function = physical(&root, "s", "F");
    let policy = root.call("lambda", "GetPolicy", json!({ "FunctionName": function })).ok();
    assert!(policy.to_string().contains("lambda:EventSourceToken"), "{policy}");
    for (more, why) in [
        ("TracingConfig: { Mode: Active }", "Tracing by X-Ray (TracingConfig)"),
        ("SnapStart: { ApplyOn: PublishedVersions }", "SnapStart"),
    ] {
        create(&root, "no", &template(more), json!({ "Capabilities": ["CAPABILITY_IAM"] }));
        assert_eq!(settle(&cloud, &root, "no"), "ROLLBACK_COMPLETE");
        let failed =
            events(&root, "no").into_iter().find(|event| event.starts_with("F CREATE_FAILED")).unwrap();
        assert!(failed.contains(why), "{failed}");
        let id = describe(&root, "no")["StackId"].as_str().unwrap().to_owned();
        root.call(CFN, "DeleteStack", json!({ "StackName": "no" })).ok();
        settle(&cloud, &root, &id);
    }
}
