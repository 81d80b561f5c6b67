//! Kinds of resources that stand beside the first ones: parts of networks, providers, statements of policies.

use crate::cloudformation_drift::{detect, differences, drifts};
use crate::cloudformation_imports::{carry_out, make, one};
use crate::cloudformation_kinds::{delete, update};
use crate::cloudformation_stacks::{ACCOUNT, create, created, events, output, physical, settle};
use crate::harness::{Caller, Cloud};
use crate::iam_pems::{LEAF, LEAF_KEY};
use serde_json::{Value, json};

fn interfaces(text: &str, checks: bool, more: &str) -> String {
    format!(
        "
Resources:
  Vpc: {{ Type: 'AWS::EC2::VPC', Properties: {{ CidrBlock: 10.0.0.0/16 }} }}
  Net: {{ Type: 'AWS::EC2::Subnet', Properties: {{ VpcId: !Ref Vpc, CidrBlock: 10.0.0.0/24, AvailabilityZone: us-east-1a }} }}
  Igw: {{ Type: 'AWS::EC2::InternetGateway' }}
  Attached: {{ Type: 'AWS::EC2::VPCGatewayAttachment', Properties: {{ VpcId: !Ref Vpc, InternetGatewayId: !Ref Igw }} }}
  Group: {{ Type: 'AWS::EC2::SecurityGroup', Properties: {{ GroupDescription: g, VpcId: !Ref Vpc }} }}
  Card:
    Type: AWS::EC2::NetworkInterface
    Properties:
      SubnetId: !Ref Net
      Description: {text}
      GroupSet: [!Ref Group]
      PrivateIpAddress: 10.0.0.20
      SecondaryPrivateIpAddressCount: 1
      SourceDestCheck: {checks}
      Tags: [{{ Key: text, Value: {text} }}]
  Machine: {{ Type: 'AWS::EC2::Instance', Properties: {{ ImageId: ami-0a1f5c0de0b1a0001, InstanceType: t3.micro, SubnetId: !Ref Net }} }}
  Plugged: {{ Type: 'AWS::EC2::NetworkInterfaceAttachment', Properties: {{ InstanceId: !Ref Machine, NetworkInterfaceId: !Ref Card, DeviceIndex: 1, DeleteOnTermination: false }} }}
  Address: {{ Type: 'AWS::EC2::EIP', DependsOn: Attached }}
  Led: {{ Type: 'AWS::EC2::EIPAssociation', Properties: {{ AllocationId: !GetAtt Address.AllocationId, NetworkInterfaceId: !Ref Card, PrivateIpAddress: !GetAtt Card.PrimaryPrivateIpAddress }} }}
{more}
Outputs:
  Own: {{ Value: !GetAtt Card.PrimaryPrivateIpAddress }}
  Others: {{ Value: !Join [',', !GetAtt Card.SecondaryPrivateIpAddresses] }}
  Vpc: {{ Value: !GetAtt Card.VpcId }}
"
    )
}

#[test]
fn an_interface_is_plugged_in_and_has_an_address() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let stack = created(&cloud, &root, "eni", &interfaces("one", false, ""));
    let card = physical(&root, "eni", "Card");
    assert_eq!(
        (output(&stack, "Own").as_str(), output(&stack, "Vpc")),
        ("10.0.0.20", physical(&root, "eni", "Vpc"))
    );
    assert!(output(&stack, "Others").starts_with("10.0.0."));
    let shown = || {
        let asked = json!({ "NetworkInterfaceIds": [card] });
        root.call("ec2", "DescribeNetworkInterfaces", asked).ok()["networkInterfaceSet"][0].clone()
    };
    let told = shown();
    assert_eq!(told["attachment"]["instanceId"], physical(&root, "eni", "Machine").as_str());
    assert_eq!(
        (&told["attachment"]["deleteOnTermination"], &told["sourceDestCheck"]),
        (&json!("false"), &json!("false"))
    );
    assert_eq!(told["association"]["associationId"], physical(&root, "eni", "Led").as_str());
    assert!(told["tagSet"].to_string().contains("aws:cloudformation:stack-id"));
    update(&cloud, &root, "eni", &interfaces("two", true, ""));
    let told = shown();
    assert_eq!((&told["description"], &told["sourceDestCheck"]), (&json!("two"), &json!("true")));
    delete(&cloud, &root, "eni");
    root.call("ec2", "DescribeNetworkInterfaces", json!({ "NetworkInterfaceIds": [card] }))
        .refused(400, "InvalidNetworkInterfaceID.NotFound");
}

const LOOKED_AT: [&str; 6] = ["Nat", "Acl", "Peers", "List", "Options", "Card"];

/// With what of a network can be looked at and imported.
const BESIDE: &str = "
Resources:
  Vpc: { Type: 'AWS::EC2::VPC', Properties: { CidrBlock: 10.0.0.0/16 } }
  Other: { Type: 'AWS::EC2::VPC', Properties: { CidrBlock: 10.1.0.0/16 } }
  Net: { Type: 'AWS::EC2::Subnet', Properties: { VpcId: !Ref Vpc, CidrBlock: 10.0.0.0/24 } }
  Group: { Type: 'AWS::EC2::SecurityGroup', Properties: { GroupDescription: g, VpcId: !Ref Vpc } }
";
const KEPT: &str = "
  Nat: { Type: 'AWS::EC2::NatGateway', DeletionPolicy: Retain, Properties: { SubnetId: SUBNET, ConnectivityType: private, Tags: [{ Key: a, Value: b }] } }
  Acl: { Type: 'AWS::EC2::NetworkAcl', DeletionPolicy: Retain, Properties: { VpcId: VPC, Tags: [{ Key: a, Value: b }] } }
  Peers: { Type: 'AWS::EC2::VPCPeeringConnection', DeletionPolicy: Retain, Properties: { VpcId: VPC, PeerVpcId: OTHER, Tags: [{ Key: a, Value: b }] } }
  List: { Type: 'AWS::EC2::PrefixList', DeletionPolicy: Retain, Properties: { PrefixListName: offices, AddressFamily: IPv4, MaxEntries: 3, Entries: [{ Cidr: 203.0.113.0/24 }, { Cidr: 192.0.2.0/24, Description: home }] } }
  Options: { Type: 'AWS::EC2::DHCPOptions', DeletionPolicy: Retain, Properties: { DomainName: one.example, DomainNameServers: [AmazonProvidedDNS], NtpServers: [169.254.169.123], NetbiosNodeType: 2 } }
  Card: { Type: 'AWS::EC2::NetworkInterface', DeletionPolicy: Retain, Properties: { SubnetId: SUBNET, Description: second, GroupSet: [GROUP], SourceDestCheck: false, PrivateIpAddress: 10.0.0.20 } }
Outputs:
  All: { Value: !Join [' ', [!GetAtt Nat.NatGatewayId, !GetAtt Nat.EniId, !GetAtt Acl.Id, !GetAtt Peers.Id, !GetAtt List.Arn, !GetAtt List.Version, !GetAtt Options.DhcpOptionsId, !GetAtt Card.PrimaryPrivateIpAddress, !GetAtt Card.VpcId]] }
";
const PARTS: [(&str, &str); 4] = [("SUBNET", "Net"), ("VPC", "Vpc"), ("OTHER", "Other"), ("GROUP", "Group")];

#[test]
fn what_networks_have_beside_their_parts_is_looked_at_and_imported() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    created(&cloud, &root, "base", BESIDE);
    let kept = PARTS.iter().fold(KEPT.to_owned(), |text, (word, name)| {
        text.replace(&format!(": {word}"), &format!(": {}", physical(&root, "base", name)))
            .replace(&format!("[{word}]"), &format!("[{}]", physical(&root, "base", name)))
    });
    let template = format!("Resources:{kept}");
    let first = created(&cloud, &root, "s", &template);
    let before = output(&first, "All");
    let told = detect(&cloud, &root, json!({ "StackName": "s" }));
    assert_eq!(told["StackDriftStatus"], "IN_SYNC", "{:#?}", drifts(&root, "s"));
    assert_eq!(drifts(&root, "s").len(), LOOKED_AT.len());

    // What a stack has left behind makes another one.
    let ids = LOOKED_AT.map(|name| (name, physical(&root, "s", name)));
    delete(&cloud, &root, "s");
    let imports = ids.iter().map(|(name, id)| {
        let (kind, by) = match *name {
            "Nat" => ("AWS::EC2::NatGateway", "NatGatewayId"),
            "Acl" => ("AWS::EC2::NetworkAcl", "Id"),
            "Peers" => ("AWS::EC2::VPCPeeringConnection", "Id"),
            "List" => ("AWS::EC2::PrefixList", "PrefixListId"),
            "Options" => ("AWS::EC2::DHCPOptions", "DhcpOptionsId"),
            _ => ("AWS::EC2::NetworkInterface", "Id"),
        };
        one(name, kind, json!({ by: id }))
    });
    let (resources, outputs) = template.split_once("Outputs:").unwrap();
    make(&root, "new", resources, imports.collect(), json!({})).ok();
    assert_eq!(carry_out(&cloud, &root, "new"), "IMPORT_COMPLETE", "{:#?}", events(&root, "new"));
    update(&cloud, &root, "new", &format!("{resources}Outputs:{outputs}"));
    let stack = root.call("cloudformation", "DescribeStacks", json!({ "StackName": "new" })).ok();
    assert_eq!(output(&stack["Stacks"][0], "All"), before);

    // What somebody has changed beside the stack is told place by place.
    let id = |name: &str| physical(&root, "new", name);
    let run = |operation: &str, input: Value| drop(root.call("ec2", operation, input).ok());
    for name in ["Nat", "Acl"] {
        run("CreateTags", json!({ "Resources": [id(name)], "Tags": [{ "Key": "a", "Value": "c" }] }));
    }
    run("DeleteVpcPeeringConnection", json!({ "VpcPeeringConnectionId": id("Peers") }));
    let entries = json!({ "PrefixListId": id("List"), "CurrentVersion": 1, "RemoveEntries": [{ "Cidr": "192.0.2.0/24" }] });
    run("ModifyManagedPrefixList", entries);
    run("DeleteDhcpOptions", json!({ "DhcpOptionsId": id("Options") }));
    let text = json!({ "NetworkInterfaceId": id("Card"), "Description": { "Value": "other" } });
    run("ModifyNetworkInterfaceAttribute", text);
    detect(&cloud, &root, json!({ "StackName": "new" }));
    for (name, expected) in [
        ("Nat", "NOT_EQUAL /Tags/0/Value b c"),
        ("Acl", "NOT_EQUAL /Tags/0/Value b c"),
        ("Card", "NOT_EQUAL /Description second other"),
    ] {
        assert_eq!(differences(&root, "new", name), [expected]);
    }
    assert!(differences(&root, "new", "List").iter().any(|line| line.contains("/Entries")));
    for name in ["Peers", "Options"] {
        let all = drifts(&root, "new");
        let drift = all.iter().find(|drift| drift["LogicalResourceId"] == name).unwrap();
        assert_eq!(drift["StackResourceDriftStatus"], "DELETED");
    }
}

/// Says why the update of a resource failed, once the stack is what it was.
fn not_updated(cloud: &Cloud, caller: &Caller<'_>, stack: &str, resource: &str, template: &str) -> String {
    caller
        .call("cloudformation", "UpdateStack", json!({ "StackName": stack, "TemplateBody": template }))
        .ok();
    assert_eq!(settle(cloud, caller, stack), "UPDATE_ROLLBACK_COMPLETE", "{:#?}", events(caller, stack));
    let start = format!("{resource} UPDATE_FAILED");
    events(caller, stack).into_iter().rev().find(|event| event.starts_with(&start)).unwrap()
}

fn network(port: u32, entries: &str, max: u32, domain: &str) -> String {
    format!(
        "
Resources:
  Vpc: {{ Type: 'AWS::EC2::VPC', Properties: {{ CidrBlock: 10.0.0.0/16 }} }}
  Other: {{ Type: 'AWS::EC2::VPC', Properties: {{ CidrBlock: 10.1.0.0/16 }} }}
  Six: {{ Type: 'AWS::EC2::VPCCidrBlock', Properties: {{ VpcId: !Ref Vpc, AmazonProvidedIpv6CidrBlock: true }} }}
  Wider: {{ Type: 'AWS::EC2::VPCCidrBlock', Properties: {{ VpcId: !Ref Vpc, CidrBlock: 10.2.0.0/16 }} }}
  Net: {{ Type: 'AWS::EC2::Subnet', DependsOn: Wider, Properties: {{ VpcId: !Ref Vpc, CidrBlock: 10.2.0.0/24 }} }}
  Acl: {{ Type: 'AWS::EC2::NetworkAcl', Properties: {{ VpcId: !Ref Vpc, Tags: [{{ Key: a, Value: b }}] }} }}
  In:
    Type: AWS::EC2::NetworkAclEntry
    Properties: {{ NetworkAclId: !Ref Acl, RuleNumber: 100, Protocol: 6, RuleAction: allow, CidrBlock: 0.0.0.0/0, PortRange: {{ From: {port}, To: {port} }} }}
  Out:
    Type: AWS::EC2::NetworkAclEntry
    Properties: {{ NetworkAclId: !Ref Acl, RuleNumber: 100, Protocol: 1, Egress: true, RuleAction: deny, CidrBlock: 0.0.0.0/0, Icmp: {{ Type: 8, Code: -1 }} }}
  Watch: {{ Type: 'AWS::EC2::SubnetNetworkAclAssociation', Properties: {{ SubnetId: !Ref Net, NetworkAclId: !Ref Acl }} }}
  Peers: {{ Type: 'AWS::EC2::VPCPeeringConnection', Properties: {{ VpcId: !Ref Vpc, PeerVpcId: !Ref Other, PeerOwnerId: !Ref 'AWS::AccountId' }} }}
  List:
    Type: AWS::EC2::PrefixList
    Properties: {{ PrefixListName: offices, AddressFamily: IPv4, MaxEntries: {max}, Entries: [{entries}] }}
  Options: {{ Type: 'AWS::EC2::DHCPOptions', Properties: {{ DomainName: {domain}, DomainNameServers: [AmazonProvidedDNS], NtpServers: [169.254.169.123] }} }}
  Given: {{ Type: 'AWS::EC2::VPCDHCPOptionsAssociation', Properties: {{ VpcId: !Ref Vpc, DhcpOptionsId: !Ref Options }} }}
Outputs:
  Version: {{ Value: !GetAtt List.Version }}
  Arn: {{ Value: !GetAtt List.Arn }}
"
    )
}

#[test]
fn acls_peerings_lists_and_options_of_networks() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let first = network(80, "{ Cidr: 192.0.2.0/24 }", 2, "one.example");
    let stack = created(&cloud, &root, "net", &first);
    let id = |name: &str| physical(&root, "net", name);
    let list = id("List");
    assert_eq!(output(&stack, "Version"), "1");
    assert_eq!(output(&stack, "Arn"), format!("arn:aws:ec2:us-east-1:{ACCOUNT}:prefix-list/{list}"));
    let of =
        |operation: &str, member: &str, id: String| root.call("ec2", operation, json!({ member: [id] })).ok();
    let acl = || of("DescribeNetworkAcls", "NetworkAclIds", id("Acl"))["networkAclSet"][0].clone();
    assert_eq!(acl()["associationSet"][0]["networkAclAssociationId"], id("Watch").as_str());
    assert!(acl()["entrySet"].to_string().contains("\"to\":\"80\""), "{}", acl());
    let peering = of("DescribeVpcPeeringConnections", "VpcPeeringConnectionIds", id("Peers"));
    assert_eq!(peering["vpcPeeringConnectionSet"][0]["status"]["code"], "active");
    let vpc = || of("DescribeVpcs", "VpcIds", id("Vpc"))["vpcSet"][0].clone();
    assert_eq!(vpc()["dhcpOptionsId"], id("Options").as_str());
    assert!(vpc()["cidrBlockAssociationSet"].to_string().contains("10.2.0.0/16"));
    assert!(vpc()["ipv6CidrBlockAssociationSet"].to_string().contains(&id("Six")));

    let more =
        "{ Cidr: 192.0.2.0/24, Description: home }, { Cidr: 198.51.100.0/24 }, { Cidr: 203.0.113.0/24 }";
    update(&cloud, &root, "net", &network(443, more, 3, "two.example"));
    assert!(acl()["entrySet"].to_string().contains("\"to\":\"443\""), "{}", acl());
    assert_eq!(vpc()["dhcpOptionsId"], id("Options").as_str());
    let entries = || {
        root.call("ec2", "GetManagedPrefixListEntries", json!({ "PrefixListId": list })).ok()["entrySet"]
            .clone()
    };
    assert_eq!(entries().as_array().unwrap().len(), 3);
    assert_eq!(entries()[0]["description"], "home");
    // Smaller again: first the entries, then the size.
    update(&cloud, &root, "net", &network(443, "{ Cidr: 203.0.113.0/24 }", 1, "two.example"));
    assert_eq!(entries(), json!([{ "cidr": "203.0.113.0/24" }]));
    let stack = root.call("cloudformation", "DescribeStacks", json!({ "StackName": "net" })).ok();
    assert_eq!(output(&stack["Stacks"][0], "Version"), "3");
    delete(&cloud, &root, "net");
    root.call("ec2", "GetManagedPrefixListEntries", json!({ "PrefixListId": list }))
        .refused(400, "InvalidPrefixListID.NotFound");
    let acls = root.call("ec2", "DescribeNetworkAcls", json!({})).ok();
    assert!(!acls.to_string().contains("\"a\""));
}

#[test]
fn a_peer_of_another_account_is_accepted_by_a_role_there() {
    const PEER: &str = "210987654321";
    let cloud = Cloud::new();
    let (root, peer) = (cloud.root(ACCOUNT), cloud.root(PEER));
    let all = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
    let eva = cloud.user(&root, "eva", all);
    let there = peer.call("ec2", "CreateVpc", json!({ "CidrBlock": "10.9.0.0/16" })).ok();
    let there = there["vpc"]["vpcId"].as_str().unwrap();
    let trust = json!({ "Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Principal": { "AWS": format!("arn:aws:iam::{ACCOUNT}:root") }, "Action": "sts:AssumeRole",
    } });
    let role = json!({ "RoleName": "accepts", "AssumeRolePolicyDocument": trust.to_string() });
    peer.call("iam", "CreateRole", role).ok();
    let template = |role: &str| {
        format!(
            "
Resources:
  Vpc: {{ Type: 'AWS::EC2::VPC', Properties: {{ CidrBlock: 10.0.0.0/16 }} }}
  Peers: {{ Type: 'AWS::EC2::VPCPeeringConnection', Properties: {{ VpcId: !Ref Vpc, PeerVpcId: {there}, PeerOwnerId: '{PEER}'{role} }} }}
"
        )
    };
    let refused = |stack: &str, role: &str, words: &str| {
        create(&eva, stack, &template(role), json!({}));
        assert_eq!(settle(&cloud, &root, stack), "ROLLBACK_COMPLETE");
        let told = format!("{:?}", events(&root, stack));
        assert!(told.contains(words), "{told}");
    };
    refused("none", "", "Peers CREATE_FAILED PeerRoleArn is required to peer with a VPC of another account.");
    let with = format!(", PeerRoleArn: 'arn:aws:iam::{PEER}:role/accepts'");
    refused("weak", &with, "is not authorized to perform: ec2:AcceptVpcPeeringConnection");
    let allow = json!({ "Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Action": "ec2:AcceptVpcPeeringConnection", "Resource": "*",
    } });
    let put = json!({ "RoleName": "accepts", "PolicyName": "p", "PolicyDocument": allow.to_string() });
    peer.call("iam", "PutRolePolicy", put).ok();
    refused("stranger", &with.replace("accepts", "other"), "is not authorized to perform: sts:AssumeRole");
    created(&cloud, &eva, "net", &template(&with));
    let id = physical(&root, "net", "Peers");
    let asked = json!({ "VpcPeeringConnectionIds": [id] });
    let told = peer.call("ec2", "DescribeVpcPeeringConnections", asked).ok();
    let one = &told["vpcPeeringConnectionSet"][0];
    assert_eq!((&one["status"]["code"], &one["accepterVpcInfo"]["vpcId"]), (&json!("active"), &json!(there)));
    delete(&cloud, &root, "net");
}

const ALLOW: &str = "{ Version: 2012-10-17, Statement: { Effect: Allow, Action: 'ACTION', Resource: '*' } }";

fn identities(action: &str, members: &str, client: &str, path: &str) -> String {
    let indented = |text: &str| text.trim().replace('\n', "\n        ");
    format!(
        "
Resources:
  Ann: {{ Type: 'AWS::IAM::User' }}
  Bob: {{ Type: 'AWS::IAM::User' }}
  Team: {{ Type: 'AWS::IAM::Group' }}
  Role: {{ Type: 'AWS::IAM::Role', Properties: {{ AssumeRolePolicyDocument: {{ Version: 2012-10-17, Statement: {{ Effect: Allow, Action: 'sts:AssumeRole', Principal: {{ Service: ec2.amazonaws.com }} }} }} }} }}
  OfTeam: {{ Type: 'AWS::IAM::GroupPolicy', Properties: {{ GroupName: !Ref Team, PolicyName: p, PolicyDocument: {policy} }} }}
  OfRole: {{ Type: 'AWS::IAM::RolePolicy', Properties: {{ RoleName: !Ref Role, PolicyName: p, PolicyDocument: {policy} }} }}
  OfAnn: {{ Type: 'AWS::IAM::UserPolicy', Properties: {{ UserName: !Ref Ann, PolicyName: p, PolicyDocument: {policy} }} }}
  Members: {{ Type: 'AWS::IAM::UserToGroupAddition', Properties: {{ GroupName: !Ref Team, Users: [{members}] }} }}
  Tokens:
    Type: AWS::IAM::OIDCProvider
    Properties: {{ Url: 'https://token.example.com', ClientIdList: [{client}], ThumbprintList: ['{print}'], Tags: [{{ Key: client, Value: {client} }}] }}
  Linked: {{ Type: 'AWS::IAM::ServiceLinkedRole', Properties: {{ AWSServiceName: autoscaling.amazonaws.com, CustomSuffix: x, Description: {client} }} }}
  Cert:
    Type: AWS::IAM::ServerCertificate
    Properties:
      ServerCertificateName: site
      Path: {path}
      CertificateBody: |
        {certificate}
      PrivateKey: |
        {key}
Outputs:
  Tokens: {{ Value: !GetAtt Tokens.Arn }}
  Cert: {{ Value: !GetAtt Cert.Arn }}
",
        policy = ALLOW.replace("ACTION", action),
        print = "0123456789abcdef0123456789abcdef01234567",
        certificate = indented(LEAF),
        key = indented(LEAF_KEY),
    )
}

#[test]
fn inline_policies_members_providers_and_certificates() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let stack = created(&cloud, &root, "ids", &identities("sqs:ListQueues", "!Ref Ann", "one", "/"));
    let arn = output(&stack, "Tokens");
    assert_eq!(arn, format!("arn:aws:iam::{ACCOUNT}:oidc-provider/token.example.com"));
    assert_eq!(output(&stack, "Cert"), format!("arn:aws:iam::{ACCOUNT}:server-certificate/site"));
    let (team, role, ann) =
        (physical(&root, "ids", "Team"), physical(&root, "ids", "Role"), physical(&root, "ids", "Ann"));
    let policies = || {
        [("Group", "GroupName", &team), ("Role", "RoleName", &role), ("User", "UserName", &ann)].map(
            |(noun, member, name)| {
                let asked = json!({ member: name, "PolicyName": "p" });
                root.call("iam", &format!("Get{noun}Policy"), asked).ok()["PolicyDocument"].to_string()
            },
        )
    };
    let members = || {
        let users = root.call("iam", "GetGroup", json!({ "GroupName": team })).ok()["Users"].clone();
        users
            .as_array()
            .unwrap()
            .iter()
            .map(|user| user["UserName"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert!(policies().iter().all(|policy| policy.contains("ListQueues")), "{:?}", policies());
    assert_eq!(members(), std::slice::from_ref(&ann));
    update(&cloud, &root, "ids", &identities("sns:ListTopics", "!Ref Bob", "two", "/web/"));
    assert!(policies().iter().all(|policy| policy.contains("ListTopics")), "{:?}", policies());
    assert_eq!(members(), [physical(&root, "ids", "Bob")]);
    let provider =
        root.call("iam", "GetOpenIDConnectProvider", json!({ "OpenIDConnectProviderArn": arn })).ok();
    assert_eq!(provider["ClientIDList"], json!(["two"]));
    let stack = root.call("cloudformation", "DescribeStacks", json!({ "StackName": "ids" })).ok();
    assert_eq!(
        output(&stack["Stacks"][0], "Cert"),
        format!("arn:aws:iam::{ACCOUNT}:server-certificate/web/site")
    );
    let linked = physical(&root, "ids", "Linked");
    let told = root.call("iam", "GetRole", json!({ "RoleName": linked })).ok();
    assert_eq!(told["Role"]["Description"], "two");
    delete(&cloud, &root, "ids");
    for (operation, input) in [
        ("GetOpenIDConnectProvider", json!({ "OpenIDConnectProviderArn": arn })),
        ("GetServerCertificate", json!({ "ServerCertificateName": "site" })),
        ("GetRole", json!({ "RoleName": linked })),
    ] {
        root.call("iam", operation, input).refused(404, "NoSuchEntity");
    }
}

fn statements(who: &str, query: &str) -> String {
    format!(
        "
Resources:
  Queue: {{ Type: 'AWS::SQS::Queue' }}
  Open: {{ Type: 'AWS::SQS::QueueInlinePolicy', Properties: {{ Queue: !Ref Queue, PolicyDocument: {{ Version: 2012-10-17, Statement: {{ Effect: Allow, Principal: {{ AWS: '{who}' }}, Action: 'sqs:SendMessage', Resource: '*' }} }} }} }}
  Topic: {{ Type: 'AWS::SNS::Topic' }}
  Heard: {{ Type: 'AWS::SNS::TopicInlinePolicy', Properties: {{ TopicArn: !Ref Topic, PolicyDocument: {{ Version: 2012-10-17, Statement: {{ Effect: Allow, Principal: {{ AWS: '{who}' }}, Action: 'sns:Publish', Resource: !Ref Topic }} }} }} }}
  Bus: {{ Type: 'AWS::Events::EventBus', Properties: {{ Name: company }} }}
  Guests: {{ Type: 'AWS::Events::EventBusPolicy', Properties: {{ EventBusName: !Ref Bus, StatementId: guests, Action: 'events:PutEvents', Principal: '{who}' }} }}
  Rules:
    Type: AWS::Events::EventBusPolicy
    DependsOn: Guests
    Properties:
      EventBusName: !Ref Bus
      StatementId: rules
      Statement: {{ Effect: Allow, Principal: {{ AWS: '{who}' }}, Action: 'events:PutRule', Resource: !Sub '${{Bus.Arn}}' }}
  Logs: {{ Type: 'AWS::Logs::LogGroup' }}
  Stream: {{ Type: 'AWS::Logs::LogStream', Properties: {{ LogGroupName: !Ref Logs, LogStreamName: s }} }}
  Saved: {{ Type: 'AWS::Logs::QueryDefinition', Properties: {{ Name: mine, LogGroupNames: [!Ref Logs], QueryString: '{query}' }} }}
  Write: {{ Type: 'AWS::Logs::ResourcePolicy', Properties: {{ PolicyName: write, PolicyDocument: '{{\"Version\":\"2012-10-17\",\"Statement\":[{{\"Effect\":\"Allow\",\"Principal\":{{\"AWS\":\"{who}\"}},\"Action\":\"logs:PutLogEvents\",\"Resource\":\"*\"}}]}}' }} }}
"
    )
}

#[test]
fn statements_streams_and_saved_queries() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let texts = || {
        let bus = root.call("events", "DescribeEventBus", json!({ "Name": "company" })).ok();
        let url = physical(&root, "s", "Queue");
        let asked = json!({ "QueueUrl": url, "AttributeNames": ["Policy"] });
        let queue = root.call("sqs", "GetQueueAttributes", asked).ok()["Attributes"]["Policy"].clone();
        let arn = physical(&root, "s", "Topic");
        let topic = root.call("sns", "GetTopicAttributes", json!({ "TopicArn": arn })).ok();
        let logs = root.call("logs", "DescribeResourcePolicies", json!({})).ok();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        [
            text(&bus["Policy"]),
            text(&queue),
            topic["Attributes"].to_string(),
            text(&logs["resourcePolicies"][0]["policyDocument"]),
        ]
    };
    created(&cloud, &root, "s", &statements("210987654321", "fields @message"));
    assert!(texts().iter().all(|text| text.contains("210987654321")), "{:?}", texts());
    assert!(texts()[0].contains("guests") && texts()[0].contains("rules"), "{:?}", texts());
    let query = physical(&root, "s", "Saved");
    update(&cloud, &root, "s", &statements("310987654321", "fields @timestamp"));
    assert!(
        texts().iter().all(|t| t.contains("310987654321") && !t.contains("210987654321")),
        "{:?}",
        texts()
    );
    let saved = root.call("logs", "DescribeQueryDefinitions", json!({})).ok()["queryDefinitions"].clone();
    assert_eq!(
        (&saved[0]["queryDefinitionId"], &saved[0]["queryString"]),
        (&json!(query), &json!("fields @timestamp"))
    );
    let group = physical(&root, "s", "Logs");
    let streams = root.call("logs", "DescribeLogStreams", json!({ "logGroupName": group })).ok();
    assert_eq!(streams["logStreams"][0]["logStreamName"], "s");
    // Without its policy a queue has none; a topic has its first one again.
    let rest = statements("310987654321", "fields @timestamp");
    let without = |name: &str| {
        name.starts_with("  Open:") || name.starts_with("  Heard:") || name.starts_with("  Guests:")
    };
    let rest: Vec<&str> =
        rest.lines().filter(|line| !without(line) && !line.contains("DependsOn: Guests")).collect();
    update(&cloud, &root, "s", &rest.join("\n"));
    let [bus, queue, topic, _] = texts();
    assert!(!bus.contains("guests") && bus.contains("rules") && queue.is_empty(), "{bus} {queue}");
    assert!(topic.contains("__default_statement_ID"), "{topic}");
    delete(&cloud, &root, "s");
    assert_eq!(root.call("logs", "DescribeQueryDefinitions", json!({})).ok()["queryDefinitions"], json!([]));
}

fn company(unit: &str, action: &str) -> String {
    format!(
        "
Resources:
  Company: {{ Type: 'AWS::Organizations::Organization', Properties: {{ FeatureSet: ALL }} }}
  Unit: {{ Type: 'AWS::Organizations::OrganizationalUnit', Properties: {{ Name: {unit}, ParentId: !GetAtt Company.RootId, Tags: [{{ Key: unit, Value: {unit} }}] }} }}
  Member: {{ Type: 'AWS::Organizations::Account', Properties: {{ AccountName: dev, Email: dev@example.com, ParentIds: [!Ref Unit] }} }}
Outputs:
  Member: {{ Value: !GetAtt Member.AccountId }}
  Arn: {{ Value: !GetAtt Member.Arn }}
  Manager: {{ Value: !GetAtt Company.ManagementAccountId }}
  Action: {{ Value: '{action}' }}
"
    )
}

#[test]
fn an_organization_with_a_unit_a_member_and_a_policy() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let stack = created(&cloud, &root, "org", &company("dev", "first"));
    let member = output(&stack, "Member");
    assert_eq!(
        (output(&stack, "Manager").as_str(), physical(&root, "org", "Member")),
        (ACCOUNT, member.clone())
    );
    let parents = root.call("organizations", "ListParents", json!({ "ChildId": member })).ok();
    assert_eq!(parents["Parents"][0]["Id"], physical(&root, "org", "Unit").as_str());
    update(&cloud, &root, "org", &company("test", "second"));
    for (name, id) in [("Unit", physical(&root, "org", "Unit")), ("Member", member.to_string())] {
        let tags = root.call("organizations", "ListTagsForResource", json!({ "ResourceId": id })).ok();
        let mark = json!({ "Key": "aws:cloudformation:logical-id", "Value": name });
        assert!(tags["Tags"].as_array().unwrap().contains(&mark), "{tags}");
    }
    let unit = json!({ "OrganizationalUnitId": physical(&root, "org", "Unit") });
    let told = root.call("organizations", "DescribeOrganizationalUnit", unit).ok();
    assert_eq!(told["OrganizationalUnit"]["Name"], "test");
    // What an account was made with stays.
    let renamed = company("test", "second").replace("AccountName: dev", "AccountName: prod");
    let told = not_updated(&cloud, &root, "org", "Member", &renamed);
    assert!(told.contains("AccountName, Email and RoleName of an account cannot be changed."), "{told}");

    let policy = |action: &str| {
        format!(
            "
Resources:
  Never:
    Type: AWS::Organizations::Policy
    Properties: {{ Name: never, Type: SERVICE_CONTROL_POLICY, TargetIds: ['{member}'], Content: {{ Version: 2012-10-17, Statement: [{{ Effect: Deny, Action: '{action}', Resource: '*' }}] }} }}
"
        )
    };
    created(&cloud, &root, "scp", &policy("sqs:*"));
    let other = cloud.root(&member);
    other.call("sqs", "ListQueues", json!({})).refused(403, "AccessDeniedException");
    update(&cloud, &root, "scp", &policy("sns:*"));
    other.call("sqs", "ListQueues", json!({})).ok();
    other.call("sns", "ListTopics", json!({})).refused(403, "AuthorizationError");
    delete(&cloud, &root, "scp");
    other.call("sns", "ListTopics", json!({})).ok();
    // AWS: deleting the resource closes the account.
    let less: Vec<String> = company("test", "second")
        .lines()
        .filter(|line| !line.contains("Member"))
        .map(str::to_owned)
        .collect();
    let less: Vec<String> = less.into_iter().filter(|line| !line.contains("Arn:")).collect();
    update(&cloud, &root, "org", &less.join("\n"));
    let told = root.call("organizations", "DescribeAccount", json!({ "AccountId": member })).ok();
    assert_eq!(told["Account"]["Status"], "SUSPENDED");
}

#[test]
fn what_a_key_a_group_of_logs_and_a_gateway_are_made_with() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let template = |usage: &str, class: &str, igw: &str, text: &str| {
        format!(
            "
Resources:
  Key: {{ Type: 'AWS::KMS::Key', Properties: {{ {usage} }} }}
  Logs: {{ Type: 'AWS::Logs::LogGroup', Properties: {{ LogGroupClass: {class} }} }}
  Vpc: {{ Type: 'AWS::EC2::VPC', Properties: {{ CidrBlock: 10.0.0.0/16 }} }}
  A: {{ Type: 'AWS::EC2::InternetGateway' }}
  B: {{ Type: 'AWS::EC2::InternetGateway' }}
  On: {{ Type: 'AWS::EC2::VPCGatewayAttachment', Properties: {{ VpcId: !Ref Vpc, InternetGatewayId: !Ref {igw} }} }}
  Group: {{ Type: 'AWS::EC2::SecurityGroup', Properties: {{ GroupDescription: g, VpcId: !Ref Vpc }} }}
  Rule: {{ Type: 'AWS::EC2::SecurityGroupIngress', Properties: {{ GroupId: !Ref Group, IpProtocol: tcp, FromPort: 80, ToPort: 80, CidrIp: 0.0.0.0/0, Description: {text} }} }}
"
        )
    };
    created(&cloud, &root, "s", &template("", "STANDARD", "A", "one"));
    let (key, logs, rule) =
        (physical(&root, "s", "Key"), physical(&root, "s", "Logs"), physical(&root, "s", "Rule"));
    // A key or a group of logs is not replaced, as what is under it would be lost.
    let told = not_updated(
        &cloud,
        &root,
        "s",
        "Key",
        &template("KeySpec: RSA_2048, KeyUsage: SIGN_VERIFY", "STANDARD", "A", "one"),
    );
    assert!(told.ends_with("KeySpec of a KMS key cannot be changed."), "{told}");
    let told = not_updated(&cloud, &root, "s", "Logs", &template("", "INFREQUENT_ACCESS", "A", "one"));
    assert!(told.ends_with("The class of a log group cannot be changed."), "{told}");
    assert_eq!((physical(&root, "s", "Key"), physical(&root, "s", "Logs")), (key, logs));
    // The gateway of a network and the words of a rule change in place.
    update(&cloud, &root, "s", &template("", "STANDARD", "B", "two"));
    let asked = json!({ "InternetGatewayIds": [physical(&root, "s", "B")] });
    let gateway = root.call("ec2", "DescribeInternetGateways", asked).ok();
    assert_eq!(
        gateway["internetGatewaySet"][0]["attachmentSet"][0]["vpcId"],
        physical(&root, "s", "Vpc").as_str()
    );
    assert_eq!(physical(&root, "s", "Rule"), rule);
    let rules =
        root.call("ec2", "DescribeSecurityGroupRules", json!({ "SecurityGroupRuleIds": [rule] })).ok();
    assert_eq!(rules["securityGroupRuleSet"][0]["description"], "two");
    delete(&cloud, &root, "s");
}

/// Stack refactors, generated templates, hooks and the registry.
const NOT_BUILT: &[(&str, &str)] = &[
    ("CreateStackRefactor", r#"{"StackDefinitions":[{"StackName":"s"}]}"#),
    ("DescribeStackRefactor", r#"{"StackRefactorId":"11111111-1111-4111-8111-111111111111"}"#),
    ("ExecuteStackRefactor", r#"{"StackRefactorId":"11111111-1111-4111-8111-111111111111"}"#),
    ("ListStackRefactors", "{}"),
    ("CreateGeneratedTemplate", r#"{"GeneratedTemplateName":"g"}"#),
    ("ListGeneratedTemplates", "{}"),
    ("StartResourceScan", "{}"),
    ("ListResourceScans", "{}"),
    ("ActivateType", r#"{"Type":"RESOURCE","TypeName":"A::B::C"}"#),
    ("RegisterType", r#"{"TypeName":"A::B::C","SchemaHandlerPackage":"s3://bucket/x.zip"}"#),
    ("DescribeType", r#"{"Type":"HOOK","TypeName":"A::B::C"}"#),
    ("ListTypes", "{}"),
    ("SetTypeConfiguration", r#"{"Configuration":"{}","TypeName":"A::B::C","Type":"HOOK"}"#),
    ("ListHookResults", r#"{"TargetType":"STACK","TargetId":"s"}"#),
];

#[test]
fn what_is_not_built_is_refused_in_the_words_of_the_protocol() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    for (operation, input) in NOT_BUILT {
        let input = serde_json::from_str(input).unwrap();
        root.call("cloudformation", operation, input).refused(501, "NotImplemented");
    }
    // What the registry would know is no kind of resource either, and nothing of such a stack is made.
    for kind in ["AWS::CloudFormation::LambdaHook", "AWS::CloudFormation::TypeActivation", "My::Own::Type"] {
        let template = format!("Resources: {{ A: {{ Type: '{kind}' }}, Q: {{ Type: 'AWS::SQS::Queue' }} }}");
        let words = format!("Template format error: Unrecognized resource types: [{kind}]");
        root.call("cloudformation", "CreateStack", json!({ "StackName": "s", "TemplateBody": template }))
            .refused_with(400, "ValidationError", &words);
    }
}

#[test]
fn a_replica_of_a_key_in_another_region() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let made = root.call("kms", "CreateKey", json!({ "MultiRegion": true })).ok();
    let (primary, id) = (made["KeyMetadata"]["Arn"].clone(), made["KeyMetadata"]["KeyId"].clone());
    let there = root.in_region("eu-west-1");
    let template = |more: &str| {
        format!(
            "
Resources:
  Replica:
    Type: AWS::KMS::ReplicaKey
    Properties:
      PrimaryKeyArn: {}
      Description: mine
      PendingWindowInDays: 7
      KeyPolicy: {{ Version: 2012-10-17, Statement: [{{ Effect: Allow, Principal: {{ AWS: !Ref 'AWS::AccountId' }}, Action: 'kms:*', Resource: '*' }}] }}
      Tags: [{{ Key: a, Value: b }}]
      {more}
Outputs:
  Arn: {{ Value: !GetAtt Replica.Arn }}
",
            primary.as_str().unwrap()
        )
    };
    let stack = created(&cloud, &there, "replica", &template(""));
    assert_eq!(output(&stack, "Arn"), primary.as_str().unwrap().replace("us-east-1", "eu-west-1"));
    assert_eq!(physical(&there, "replica", "Replica"), id.as_str().unwrap());
    let told = there.call("kms", "DescribeKey", json!({ "KeyId": id })).ok()["KeyMetadata"].clone();
    assert_eq!((&told["Description"], &told["Enabled"]), (&json!("mine"), &json!(true)));
    assert_eq!(told["MultiRegionConfiguration"]["MultiRegionKeyType"], "REPLICA");
    // What one encrypts the other opens.
    let sealed = there.call("kms", "Encrypt", json!({ "KeyId": id, "Plaintext": "aGk=" })).ok();
    let opened = root.call("kms", "Decrypt", json!({ "CiphertextBlob": sealed["CiphertextBlob"] })).ok();
    assert_eq!(opened["Plaintext"], "aGk=");
    update(&cloud, &there, "replica", &template("Enabled: false"));
    let told = there.call("kms", "DescribeKey", json!({ "KeyId": id })).ok()["KeyMetadata"].clone();
    assert_eq!(told["Enabled"], false);
    assert_eq!(root.call("kms", "DescribeKey", json!({ "KeyId": id })).ok()["KeyMetadata"]["Enabled"], true);
    delete(&cloud, &there, "replica");
    let told = there.call("kms", "DescribeKey", json!({ "KeyId": id })).ok()["KeyMetadata"].clone();
    assert_eq!(told["KeyState"], "PendingDeletion");
    // The rights are the caller's in the primary's region too, and a primary there has to be.
    let policy = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": "*", "Resource": "*" },
        { "Effect": "Deny", "Action": "kms:ReplicateKey", "Resource": "*" },
    ] });
    let eva = cloud.user(&root, "eva", &policy.to_string());
    let there = eva.in_region("us-west-2");
    create(&there, "denied", &template(""), json!({}));
    assert_eq!(settle(&cloud, &there, "denied"), "ROLLBACK_COMPLETE");
    let told = events(&there, "denied");
    assert!(told.iter().any(|event| event.contains("kms:ReplicateKey")), "{told:#?}");
}
