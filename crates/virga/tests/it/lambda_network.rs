//! Functions in a VPC: the interfaces that they send by, and who may put them there.

use crate::harness::{Caller, Cloud, Reply};
use crate::lambda_functions::{ROLE, role, zipped};
use crate::vpc_groups::group;
use crate::vpc_networks::{ec2, filter, items, subnet, text, vpc};
use serde_json::{Value, json};

const ACCOUNT: &str = "123456789012";

struct Network {
    vpc: String,
    subnets: [String; 2],
    group: String,
}

fn network(root: &Caller<'_>) -> Network {
    let vpc = vpc(root);
    let subnets = ["10.0.1.0/24", "10.0.2.0/24"].map(|cidr| subnet(root, &vpc, cidr));
    let group = group(root, &vpc, "functions");
    Network { vpc, subnets, group }
}

fn let_it(root: &Caller<'_>, actions: &[&str]) {
    let may = json!({ "Version": "2012-10-17", "Statement": { "Effect": "Allow", "Action": actions, "Resource": "*" } });
    let policy = json!({ "RoleName": "runs", "PolicyName": "p", "PolicyDocument": may.to_string() });
    root.call("iam", "PutRolePolicy", policy).ok();
}

const INTERFACES: [&str; 3] =
    ["ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DeleteNetworkInterface"];

fn create(caller: &Caller<'_>, name: &str, config: &Value) -> Reply {
    let input = json!({
        "FunctionName": name, "Runtime": "python3.12", "Role": ROLE, "Handler": "app.handler", "VpcConfig": config,
        "Code": { "ZipFile": zipped("app.py", "def handler(event, context): return event") },
    });
    caller.call("lambda", "CreateFunction", input)
}

fn interfaces(root: &Caller<'_>) -> Vec<Value> {
    let told =
        ec2(root, "DescribeNetworkInterfaces", json!({ "Filters": filter("interface-type", "lambda") }));
    items(&told["networkInterfaceSet"])
}

#[test]
fn functions_of_a_subnet_and_groups_share_an_interface_until_the_last_is_gone() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    role(&root);
    let_it(&root, &INTERFACES);
    let Network { vpc, subnets, group } = network(&root);
    let config = json!({ "SubnetIds": subnets, "SecurityGroupIds": [group] });
    let made = create(&root, "one", &config).ok();
    let shown = json!({
        "SubnetIds": subnets, "SecurityGroupIds": [group], "VpcId": vpc, "Ipv6AllowedForDualStack": false,
    });
    assert_eq!(made["VpcConfig"], shown);
    let there = interfaces(&root);
    assert_eq!(there.len(), 2);
    for interface in &there {
        assert_eq!(
            (&interface["status"], &interface["requesterManaged"]),
            (&json!("in-use"), &json!("true"))
        );
        assert!(text(&interface["description"]).starts_with("AWS Lambda VPC ENI-one-"), "{interface}");
        let id = &interface["networkInterfaceId"];
        root.call("ec2", "DeleteNetworkInterface", json!({ "NetworkInterfaceId": id }))
            .refused(400, "InvalidParameterValue");
    }
    let alone = json!({ "SubnetIds": [subnets[0]], "SecurityGroupIds": [group] });
    create(&root, "two", &alone).ok();
    assert_eq!(interfaces(&root), there, "it is the same");
    cloud.reconcile();
    let reply = root.call("lambda", "Invoke", json!({ "FunctionName": "two", "Payload": "{\"a\":1}" }));
    assert_eq!((reply.status, &reply.body[..]), (200, &b"{\"a\":1}"[..]));
    // A subnet goes after what is in it.
    root.call("ec2", "DeleteSubnet", json!({ "SubnetId": subnets[0] })).refused(400, "DependencyViolation");
    root.call("lambda", "DeleteFunction", json!({ "FunctionName": "one" })).ok();
    cloud.reconcile();
    let left = interfaces(&root);
    assert_eq!(left.len(), 1);
    assert_eq!(text(&left[0]["subnetId"]), subnets[0]);
    let nowhere = json!({ "SubnetIds": [], "SecurityGroupIds": [] });
    let out = json!({ "FunctionName": "two", "VpcConfig": nowhere });
    let out = root.call("lambda", "UpdateFunctionConfiguration", out).ok();
    assert_eq!(out["VpcConfig"], Value::Null);
    // Its warm sandbox is taken away with the interface, as soon as that can be.
    for _ in 0..500 {
        cloud.reconcile();
        if interfaces(&root).is_empty() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    assert_eq!(interfaces(&root), Vec::<Value>::new());
    root.call("ec2", "DeleteSubnet", json!({ "SubnetId": subnets[0] })).ok();
}

#[test]
fn what_is_no_place_for_a_function() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    role(&root);
    let Network { subnets, group, .. } = network(&root);
    let other = vpc(&root);
    let stranger = crate::vpc_groups::group(&root, &other, "others");
    let invalid = "InvalidParameterValueException";
    let config = json!({ "SubnetIds": [subnets[0]], "SecurityGroupIds": [group] });
    let no_right = |operation| {
        format!("The provided execution role does not have permissions to call {operation} on EC2")
    };
    for (may, operation) in [
        (&["s3:*"][..], "CreateNetworkInterface"),
        (&INTERFACES[..1], "DescribeNetworkInterfaces"),
        (&INTERFACES[..2], "DeleteNetworkInterface"),
    ] {
        let_it(&root, may);
        create(&root, "f", &config).refused_with(400, invalid, &no_right(operation));
    }
    let_it(&root, &INTERFACES);
    let apart = "SubnetIds and SecurityIds must coexist or be both empty list.";
    for (changes, message) in [
        (json!({ "SubnetIds": [subnets[0]] }), apart.to_owned()),
        (json!({ "SecurityGroupIds": [group] }), apart.to_owned()),
        (
            json!({ "SubnetIds": ["subnet-0123456789abcdef0"], "SecurityGroupIds": [group] }),
            "Error occurred while DescribeSubnets. EC2 Error Code: InvalidSubnetID.NotFound. EC2 Error Message: The subnet ID 'subnet-0123456789abcdef0' does not exist".to_owned(),
        ),
        (
            json!({ "SubnetIds": [subnets[0]], "SecurityGroupIds": ["sg-0123456789abcdef0"] }),
            "Error occurred while DescribeSecurityGroups. EC2 Error Code: InvalidGroup.NotFound. EC2 Error Message: The security group 'sg-0123456789abcdef0' does not exist".to_owned(),
        ),
        (
            json!({ "SubnetIds": [subnets[0]], "SecurityGroupIds": [group, stranger] }),
            "The subnets and security groups of a function must all be in one VPC.".to_owned(),
        ),
    ] {
        create(&root, "f", &changes).refused_with(400, invalid, &message);
    }
    let ipv6 = json!({ "SubnetIds": subnets, "SecurityGroupIds": [group], "Ipv6AllowedForDualStack": true });
    create(&root, "f", &ipv6).refused_with(
        501,
        "NotImplemented",
        "IPv6 for a function in a VPC is not built in this version of Virga.",
    );
    assert_eq!(interfaces(&root), Vec::<Value>::new(), "what is tried leaves nothing");
}

#[test]
fn who_may_put_functions_where() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    role(&root);
    let_it(&root, &INTERFACES);
    let Network { vpc, subnets, group } = network(&root);
    let config = |subnet: &str| json!({ "SubnetIds": [subnet], "SecurityGroupIds": [group] });
    let allow = |key: &str, value: &str| {
        json!({ "Version": "2012-10-17", "Statement": [
            { "Effect": "Allow", "Action": ["iam:PassRole", "ec2:DescribeSubnets", "ec2:DescribeSecurityGroups"], "Resource": "*" },
            { "Effect": "Allow", "Action": "lambda:CreateFunction", "Resource": "*",
              "Condition": { "ForAllValues:StringEquals": { key: value }, "Null": { key: "false" } } },
        ] })
        .to_string()
    };
    for (name, key, value) in [
        ("a", "lambda:SubnetIds", subnets[0].as_str()),
        ("b", "lambda:VpcIds", &vpc),
        ("c", "lambda:SecurityGroupIds", &group),
    ] {
        let user = cloud.user(&root, name, &allow(key, value));
        create(&user, name, &config(&subnets[0])).ok();
        let other = create(&user, &format!("{name}2"), &config(&subnets[1]));
        if key == "lambda:SubnetIds" {
            other.refused(403, "AccessDeniedException");
        } else {
            other.ok();
        }
        create(&user, &format!("{name}3"), &json!({})).refused(403, "AccessDeniedException");
    }
    // Whoever cannot look at subnets cannot put functions there.
    let all = json!({ "Version": "2012-10-17", "Statement": { "Effect": "Allow", "Action": ["lambda:*", "iam:PassRole"], "Resource": "*" } });
    let blind = cloud.user(&root, "blind", &all.to_string());
    let message = create(&blind, "d", &config(&subnets[0])).refused(403, "AccessDeniedException");
    let words = format!(
        "Your access has been denied by EC2, please make sure your request credentials have permission to DescribeSubnets for {}. EC2 Error Code: UnauthorizedOperation. EC2 Error Message: You are not authorized to perform this operation. ",
        subnets[0]
    );
    assert!(message.starts_with(&words), "{message}");
}

#[test]
fn a_stack_with_a_function_in_its_network_goes_as_a_whole() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    role(&root);
    let_it(&root, &INTERFACES);
    let template = format!(
        "
Resources:
  V: {{ Type: 'AWS::EC2::VPC', Properties: {{ CidrBlock: 10.0.0.0/16 }} }}
  N: {{ Type: 'AWS::EC2::Subnet', Properties: {{ VpcId: !Ref V, CidrBlock: 10.0.0.0/24 }} }}
  G: {{ Type: 'AWS::EC2::SecurityGroup', Properties: {{ GroupDescription: g, VpcId: !Ref V }} }}
  F: {{ Type: 'AWS::Lambda::Function', Properties: {{ FunctionName: one, Role: '{ROLE}', Runtime: python3.12, Handler: index.handler, Code: {{ ZipFile: 'def handler(event, context): return 1' }}, VpcConfig: {{ SubnetIds: [!Ref N], SecurityGroupIds: [!GetAtt G.GroupId] }} }} }}
"
    );
    let stack = crate::cloudformation_stacks::created(&cloud, &root, "s", &template);
    assert_eq!(interfaces(&root).len(), 1);
    root.call("cloudformation", "DeleteStack", json!({ "StackName": "s" })).ok();
    let id = stack["StackId"].as_str().unwrap();
    let told = crate::cloudformation_stacks::settle(&cloud, &root, id);
    assert_eq!(told, "DELETE_COMPLETE", "{:#?}", crate::cloudformation_stacks::events(&root, id));
    assert!(interfaces(&root).is_empty());
}
