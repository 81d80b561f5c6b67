//! Who may, tags, and dry runs.

use crate::harness::Cloud;
use crate::vpc_networks::{ec2, filter, items, subnet, text, vpc};
use serde_json::{Value, json};

const ACCOUNT: &str = "123456789012";

fn policy(statements: Value) -> String {
    json!({ "Version": "2012-10-17", "Statement": statements }).to_string()
}

fn tagged(noun: &str, key: &str, value: &str) -> Value {
    json!([{ "ResourceType": noun, "Tags": [{ "Key": key, "Value": value }] }])
}

#[test]
fn a_dry_run_answers_and_does_nothing() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let nobody = cloud.user(&root, "nobody", "");
    let create = json!({ "CidrBlock": "10.0.0.0/16", "DryRun": true });
    root.call("ec2", "CreateVpc", create.clone()).refused_with(
        412,
        "DryRunOperation",
        "Request would have succeeded, but DryRun flag is set.",
    );
    let message = nobody.call("ec2", "CreateVpc", create).refused(403, "UnauthorizedOperation");
    assert!(message.starts_with("You are not authorized to perform this operation. User: arn:aws:iam::123456789012:user/nobody is not authorized to perform: ec2:CreateVpc on resource: arn:aws:ec2:us-east-1:123456789012:vpc/* because no identity-based policy allows the ec2:CreateVpc action"), "{message}");
    let encoded = message.split_once("Encoded authorization failure message: ").unwrap().1;
    let decoded = root.call("sts", "DecodeAuthorizationMessage", json!({ "EncodedMessage": encoded })).ok();
    assert!(text(&decoded["DecodedMessage"]).contains("ec2:CreateVpc"));
    assert_eq!(items(&ec2(&root, "DescribeVpcs", json!({}))["vpcSet"]).len(), 1);
}

#[test]
fn tags_on_creation_need_their_own_permission() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let eva = cloud.user(&root, "eva", &policy(json!([
        { "Effect": "Allow", "Action": "ec2:CreateVpc", "Resource": "*", "Condition": { "StringEquals": { "aws:RequestTag/team": "blue" } } },
    ])));
    let create = |value: &str| {
        eva.call(
            "ec2",
            "CreateVpc",
            json!({ "CidrBlock": "10.0.0.0/16", "TagSpecifications": tagged("vpc", "team", value) }),
        )
    };
    assert!(create("red").refused(403, "UnauthorizedOperation").contains("ec2:CreateVpc"));
    assert!(create("blue").refused(403, "UnauthorizedOperation").contains("ec2:CreateTags"));
    let put = json!({ "UserName": "eva", "PolicyName": "tags", "PolicyDocument": policy(json!([
        { "Effect": "Allow", "Action": "ec2:CreateTags", "Resource": "arn:aws:ec2:*:*:vpc/*", "Condition": {
            "StringEquals": { "ec2:CreateAction": "CreateVpc" }, "ForAllValues:StringEquals": { "aws:TagKeys": ["team"] } } },
    ])) });
    root.call("iam", "PutUserPolicy", put).ok();
    let made = create("blue").ok();
    // The permission is for creating only.
    let later = json!({ "Resources": [made["vpc"]["vpcId"]], "Tags": [{ "Key": "team", "Value": "green" }] });
    eva.call("ec2", "CreateTags", later).refused(403, "UnauthorizedOperation");
}

#[test]
fn conditions_look_at_the_resource() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let blue = ec2(
        &root,
        "CreateVpc",
        json!({ "CidrBlock": "10.0.0.0/16", "TagSpecifications": tagged("vpc", "team", "blue") }),
    );
    let blue = text(&blue["vpc"]["vpcId"]);
    let other = vpc(&root);
    let arn = |noun: &str, id: &str| format!("arn:aws:ec2:us-east-1:{ACCOUNT}:{noun}/{id}");
    let eva = cloud.user(&root, "eva", &policy(json!([
        { "Effect": "Allow", "Action": "ec2:CreateSubnet", "Resource": "arn:aws:ec2:*:*:subnet/*" },
        { "Effect": "Allow", "Action": "ec2:CreateSubnet", "Resource": "arn:aws:ec2:*:*:vpc/*", "Condition": { "StringEquals": { "ec2:ResourceTag/team": "blue" } } },
        { "Effect": "Allow", "Action": "ec2:DeleteSubnet", "Resource": "*", "Condition": { "ArnEquals": { "ec2:Vpc": arn("vpc", &blue) }, "StringEquals": { "ec2:Region": "us-east-1" } } },
        { "Effect": "Allow", "Action": "ec2:DeleteVpc", "Resource": "*", "Condition": { "StringEquals": { "aws:ResourceTag/team": "blue", "ec2:VpcID": blue } } },
    ])));
    let create =
        |vpc: &str| eva.call("ec2", "CreateSubnet", json!({ "VpcId": vpc, "CidrBlock": "10.0.1.0/24" }));
    assert!(create(&other).refused(403, "UnauthorizedOperation").contains(&arn("vpc", &other)));
    let own = text(&create(&blue).ok()["subnet"]["subnetId"]);
    let foreign = subnet(&root, &other, "10.0.1.0/24");
    let delete = |id: &str| eva.call("ec2", "DeleteSubnet", json!({ "SubnetId": id }));
    delete(&foreign).refused(403, "UnauthorizedOperation");
    delete(&own).ok();
    eva.call("ec2", "DeleteVpc", json!({ "VpcId": other })).refused(403, "UnauthorizedOperation");
    eva.call("ec2", "DeleteVpc", json!({ "VpcId": blue })).ok();
}

#[test]
fn tags_of_everything() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let id = vpc(&root);
    let inside = subnet(&root, &id, "10.0.1.0/24");
    let tags = json!([{ "Key": "Name", "Value": "x" }, { "Key": "team", "Value": "blue" }]);
    ec2(&root, "CreateTags", json!({ "Resources": [id, inside], "Tags": tags }));
    let found = ec2(
        &root,
        "DescribeTags",
        json!({ "Filters": [{ "Name": "resource-type", "Values": ["subnet"] }, { "Name": "key", "Values": ["team"] }] }),
    );
    assert_eq!(
        found["tagSet"],
        json!([{ "key": "team", "resourceId": inside, "resourceType": "subnet", "value": "blue" }])
    );
    let by_tag = ec2(&root, "DescribeSubnets", json!({ "Filters": filter("tag:team", "bl*") }));
    assert_eq!(by_tag["subnetSet"][0]["subnetId"], json!(inside));
    assert_eq!(
        items(&ec2(&root, "DescribeVpcs", json!({ "Filters": filter("tag-key", "Name") }))["vpcSet"]).len(),
        1
    );
    // Only where the value is the same.
    ec2(
        &root,
        "DeleteTags",
        json!({ "Resources": [inside], "Tags": [{ "Key": "team", "Value": "red" }, { "Key": "Name" }] }),
    );
    let left = ec2(&root, "DescribeTags", json!({ "Filters": filter("resource-id", &inside) }));
    assert_eq!(items(&left["tagSet"]).len(), 1);
    ec2(&root, "DeleteTags", json!({ "Resources": [inside] }));
    assert!(
        items(&ec2(&root, "DescribeTags", json!({ "Filters": filter("resource-id", &inside) }))["tagSet"])
            .is_empty()
    );
    let create = |id: &str, key: &str| {
        root.call("ec2", "CreateTags", json!({ "Resources": [id], "Tags": [{ "Key": key, "Value": "" }] }))
    };
    create(&id, "aws:x").refused(400, "InvalidParameterValue");
    create("vpc-0123456789abcdef0", "a").refused(400, "InvalidVpcID.NotFound");
    create("vpc-x", "a").refused(400, "InvalidVpcId.Malformed");
    create("thing-1", "a").refused_with(400, "InvalidID", "The ID 'thing-1' is not valid");
    let many: Vec<Value> = (0..49).map(|n| json!({ "Key": format!("k{n}"), "Value": "" })).collect();
    root.call("ec2", "CreateTags", json!({ "Resources": [id], "Tags": many }))
        .refused(400, "TagLimitExceeded");
}

#[test]
fn conditions_look_at_what_is_modified() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let id = vpc(&root);
    let inside = subnet(&root, &id, "10.0.1.0/24");
    let condition = json!({ "StringEquals": { "ec2:Attribute/MapPublicIpOnLaunch": "false" } });
    let eva = cloud.user(
        &root,
        "eva",
        &policy(json!([{ "Effect": "Allow", "Action": "ec2:ModifySubnetAttribute", "Resource": "*", "Condition": condition }])),
    );
    let modify = |value: bool| {
        let change = json!({ "SubnetId": inside, "MapPublicIpOnLaunch": { "Value": value } });
        eva.call("ec2", "ModifySubnetAttribute", change)
    };
    modify(true).refused(403, "UnauthorizedOperation");
    modify(false).ok();
}
