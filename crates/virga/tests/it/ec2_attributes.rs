//! What is said of instances, by what they are found, and which of it can be changed.

use crate::ec2_instances::until;
use crate::ec2_profiles::IMAGE;
use crate::harness::Caller;
use crate::vpc_networks::{ec2, filter, items, text};
use crate::vpc_plane::cloud;
use host::Simulator;
use serde_json::{Value, json};

const ACCOUNT: &str = "123456789012";

fn asked(more: Value) -> Value {
    let mut asked = json!({ "ImageId": IMAGE, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1 });
    asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    asked
}

fn launch(root: &Caller<'_>, more: Value) -> Value {
    ec2(root, "RunInstances", asked(more))["instancesSet"][0].clone()
}

fn shown(root: &Caller<'_>, id: &str) -> Value {
    ec2(root, "DescribeInstances", json!({ "InstanceIds": [id] }))["reservationSet"][0].clone()
}

#[test]
fn an_instance_tells_all_about_itself_and_is_found_by_each_of_it() {
    let (cloud, _) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let tagged =
        json!([{ "ResourceType": "network-interface", "Tags": [{ "Key": "of", "Value": "the card" }] }]);
    let id = text(&launch(&root, json!({ "TagSpecifications": tagged, "EbsOptimized": true }))["instanceId"]);
    launch(&root, json!({ "InstanceType": "t2.micro" }));
    until(&cloud, &root, &id, "running");
    let reservation = shown(&root, &id);
    let one = &reservation["instancesSet"][0];
    let card = &one["networkInterfaceSet"][0];
    for (member, expected) in [
        ("sourceDestCheck", "true"),
        ("ebsOptimized", "true"),
        ("enaSupport", "true"),
        ("currentInstanceBootMode", "legacy-bios"),
        ("platformDetails", "Linux/UNIX"),
        ("usageOperation", "RunInstances"),
    ] {
        assert_eq!(one[member], expected, "{member}");
    }
    assert_eq!(one["usageOperationUpdateTime"], one["launchTime"]);
    assert!(text(&one["placement"]["availabilityZoneId"]).starts_with("use1-az"));
    assert_eq!(one["enclaveOptions"]["enabled"], "false");
    assert_eq!(one["privateDnsNameOptions"]["hostnameType"], "ip-name");
    let private = &card["privateIpAddressesSet"][0];
    assert_eq!(
        (&private["primary"], &private["privateIpAddress"]),
        (&json!("true"), &one["privateIpAddress"])
    );
    assert_eq!(private["association"]["publicIp"], one["ipAddress"]);
    assert_eq!(
        (&card["interfaceType"], &card["privateDnsName"]),
        (&json!("interface"), &one["privateDnsName"])
    );
    assert_eq!(card["attachment"]["networkCardIndex"], "0");
    let launched = text(&one["launchTime"]);
    let day = format!("{}*", &launched[..10]);

    for (name, value) in [
        ("reservation-id", text(&reservation["reservationId"])),
        ("ebs-optimized", "true".into()),
        ("network-interface.tag-value", "the card".into()),
        ("network-interface.mac-address", text(&card["macAddress"])),
        ("network-interface.private-dns-name", text(&card["privateDnsName"])),
        ("network-interface.addresses.private-ip-address", text(&private["privateIpAddress"])),
        ("network-interface.addresses.association.public-ip", text(&one["ipAddress"])),
        ("network-interface.association.public-ip", text(&one["ipAddress"])),
        ("network-interface.attachment.attachment-id", text(&card["attachment"]["attachmentId"])),
        ("network-interface.attachment.instance-id", id.clone()),
    ] {
        let found = ec2(&root, "DescribeInstances", json!({ "Filters": filter(name, &value) }));
        let reservations = items(&found["reservationSet"]);
        assert_eq!(reservations.len(), 1, "{name}");
        assert_eq!(reservations[0]["instancesSet"][0]["instanceId"], id.as_str(), "{name}");
    }
    for (name, value, count) in [
        ("launch-time", day.as_str(), 2),
        ("owner-id", ACCOUNT, 2),
        ("network-interface.owner-id", ACCOUNT, 2),
        ("network-interface.source-dest-check", "true", 2),
        ("network-interface.attachment.device-index", "1", 0),
        ("network-interface.requester-managed", "false", 2),
        ("hibernation-options.configured", "false", 2),
        ("metadata-options.http-protocol-ipv6", "disabled", 2),
        ("availability-zone-id", "use1-az?", 2),
        ("platform", "windows", 0),
        ("host-id", "*", 0),
        ("tpm-support", "v2.0", 0),
        ("operator.managed", "false", 2),
    ] {
        let found = ec2(&root, "DescribeInstances", json!({ "Filters": filter(name, value) }));
        assert_eq!(items(&found["reservationSet"]).len(), count, "{name}");
    }
    root.call("ec2", "DescribeInstances", json!({ "Filters": filter("no-such", "x") })).refused_with(
        400,
        "InvalidParameterValue",
        "The filter 'no-such' is invalid",
    );
}

#[test]
fn groups_are_named_in_the_default_vpc() {
    let (cloud, _) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let made = ec2(&root, "CreateSecurityGroup", json!({ "GroupName": "web", "GroupDescription": "web" }));
    assert_eq!((&made["tagSet"], made["securityGroupArn"].is_string()), (&Value::Null, true));
    let group = text(&made["groupId"]);
    let one = launch(&root, json!({ "SecurityGroups": ["web"] }));
    assert_eq!(one["groupSet"], json!([{ "groupId": group, "groupName": "web" }]));
    let subnet = text(&one["subnetId"]);
    root.call("ec2", "RunInstances", asked(json!({ "SecurityGroups": ["web"], "SubnetId": subnet })))
        .refused_with(
            400,
            "InvalidParameterCombination",
            "The parameter groupName cannot be used with the parameter subnet",
        );
    root.call("ec2", "RunInstances", asked(json!({ "SecurityGroups": ["nobody"] })))
        .refused(400, "InvalidGroup.NotFound");
    // What the request says goes before what the template says, in whichever words.
    let data = json!({ "SecurityGroups": ["default"], "EbsOptimized": true });
    ec2(&root, "CreateLaunchTemplate", json!({ "LaunchTemplateName": "web", "LaunchTemplateData": data }));
    let by = json!({ "LaunchTemplateName": "web" });
    let plain = launch(&root, json!({ "LaunchTemplate": by }));
    assert_eq!(
        (&plain["groupSet"][0]["groupName"], &plain["ebsOptimized"]),
        (&json!("default"), &json!("true"))
    );
    let other = launch(&root, json!({ "LaunchTemplate": by, "SecurityGroupIds": [group] }));
    assert_eq!(other["groupSet"], json!([{ "groupId": group, "groupName": "web" }]));
    // Policies are asked about the group that is meant.
    let not_with = format!("arn:aws:ec2:*:*:security-group/{group}");
    let policy = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": "ec2:*", "Resource": "*" },
        { "Effect": "Deny", "Action": "ec2:RunInstances", "Resource": not_with },
    ] });
    let user = cloud.user(&root, "u", &policy.to_string());
    user.call("ec2", "RunInstances", asked(json!({ "SecurityGroups": ["web"] })))
        .refused(403, "UnauthorizedOperation");
    launch(&user, json!({ "SecurityGroups": ["default"] }));
    // And about what else a launch asks for.
    let slow = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": "ec2:*", "Resource": "*" },
        { "Effect": "Deny", "Action": "ec2:RunInstances", "Resource": "arn:aws:ec2:*:*:instance/*",
            "Condition": { "Bool": { "ec2:EbsOptimized": "false" } } },
    ] });
    let user = cloud.user(&root, "v", &slow.to_string());
    user.call("ec2", "RunInstances", asked(json!({}))).refused(403, "UnauthorizedOperation");
    launch(&user, json!({ "EbsOptimized": true }));
}

#[test]
fn a_launch_asks_for_ipv6() {
    let (cloud, _) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let asked_vpc = json!({ "CidrBlock": "10.0.0.0/16", "AmazonProvidedIpv6CidrBlock": true });
    let vpc = text(&ec2(&root, "CreateVpc", asked_vpc)["vpc"]["vpcId"]);
    let vpcs = ec2(&root, "DescribeVpcs", json!({ "VpcIds": [vpc] }));
    let block = text(&vpcs["vpcSet"][0]["ipv6CidrBlockAssociationSet"][0]["ipv6CidrBlock"]);
    let within = block.replace("/56", "/64");
    let made = json!({ "VpcId": vpc, "CidrBlock": "10.0.1.0/24", "Ipv6CidrBlock": within });
    let subnet = text(&ec2(&root, "CreateSubnet", made)["subnet"]["subnetId"]);
    let counted = launch(&root, json!({ "SubnetId": subnet, "Ipv6AddressCount": 1 }));
    let id = text(&counted["instanceId"]);
    let one = shown(&root, &id)["instancesSet"][0].clone();
    let own = text(&one["ipv6Address"]);
    assert!(own.starts_with(within.trim_end_matches("::/64")), "{own} in {within}");
    assert_eq!(one["networkInterfaceSet"][0]["ipv6AddressesSet"][0]["ipv6Address"], own.as_str());
    let found = ec2(&root, "DescribeInstances", json!({ "Filters": filter("ipv6-address", &own) }));
    assert_eq!(items(&found["reservationSet"]).len(), 1);
    let wanted = within.replace("::/64", "::10");
    let card =
        json!([{ "DeviceIndex": 0, "SubnetId": subnet, "Ipv6Addresses": [{ "Ipv6Address": wanted }] }]);
    let named = launch(&root, json!({ "NetworkInterfaces": card }));
    assert_eq!(shown(&root, &text(&named["instanceId"]))["instancesSet"][0]["ipv6Address"], wanted.as_str());
    root.call("ec2", "RunInstances", asked(json!({ "NetworkInterfaces": card, "Ipv6AddressCount": 1 })))
        .refused(400, "InvalidParameterCombination");
}

#[test]
fn machines_are_called_as_their_launch_or_their_subnet_says() {
    let (cloud, _) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let names = |one: &Value| {
        let options = &one["privateDnsNameOptions"];
        let flags = ["enableResourceNameDnsARecord", "enableResourceNameDnsAAAARecord"];
        (text(&options["hostnameType"]), flags.map(|flag| text(&options[flag]) == "true"))
    };
    let first = launch(&root, json!({}));
    let subnet = text(&first["subnetId"]);
    assert_eq!(names(&first), ("ip-name".into(), [false, false]));
    assert!(text(&first["privateDnsName"]).starts_with("ip-172-31-"));
    for change in [
        json!({ "PrivateDnsHostnameTypeOnLaunch": "resource-name" }),
        json!({ "EnableResourceNameDnsARecordOnLaunch": { "Value": true } }),
    ] {
        let mut asked = json!({ "SubnetId": subnet });
        asked.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        ec2(&root, "ModifySubnetAttribute", asked);
    }
    let by_subnet = launch(&root, json!({ "SubnetId": subnet }));
    assert_eq!(names(&by_subnet), ("resource-name".into(), [true, false]));
    assert_eq!(by_subnet["privateDnsName"], format!("{}.ec2.internal", text(&by_subnet["instanceId"])));
    // What was launched before keeps its name, and a launch may say otherwise, in part.
    let id = text(&first["instanceId"]);
    assert_eq!(names(&shown(&root, &id)["instancesSet"][0]), ("ip-name".into(), [false, false]));
    let options = json!({ "HostnameType": "ip-name", "EnableResourceNameDnsAAAARecord": true });
    let said = launch(&root, json!({ "SubnetId": subnet, "PrivateDnsNameOptions": options }));
    assert_eq!(names(&said), ("ip-name".into(), [true, true]));
    let kind = filter("private-dns-name-options.hostname-type", "resource-name");
    let found = ec2(&root, "DescribeInstances", json!({ "Filters": kind }));
    let found = items(&found["reservationSet"]);
    assert_eq!((found.len(), &found[0]["instancesSet"][0]["instanceId"]), (1, &by_subnet["instanceId"]));
    let options = json!({ "HostnameType": "resource-name" });
    let data = json!({ "ImageId": IMAGE, "InstanceType": "t3.micro", "PrivateDnsNameOptions": options });
    ec2(&root, "CreateLaunchTemplate", json!({ "LaunchTemplateName": "named", "LaunchTemplateData": data }));
    let template = json!({ "LaunchTemplateName": "named" });
    let asked = json!({ "LaunchTemplate": template, "MinCount": 1, "MaxCount": 1 });
    let by_template = ec2(&root, "RunInstances", asked)["instancesSet"][0].clone();
    assert_eq!(names(&by_template).0, "resource-name");
    let wrong = json!({ "PrivateDnsNameOptions": { "HostnameType": "a-name" } });
    root.call("ec2", "RunInstances", self::asked(wrong)).refused(400, "InvalidParameterValue");
}

#[test]
fn what_a_machine_is_called_is_changed_while_it_is_stopped() {
    let (cloud, _) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let id = text(&launch(&root, json!({}))["instanceId"]);
    until(&cloud, &root, &id, "running");
    let change = |more: Value| {
        let mut asked = json!({ "InstanceId": id });
        asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        root.call("ec2", "ModifyPrivateDnsNameOptions", asked)
    };
    let by_id = json!({ "PrivateDnsHostnameType": "resource-name" });
    let not_stopped = format!("The instance '{id}' is not in the 'stopped' state.");
    assert_eq!(change(by_id.clone()).error(), ("IncorrectInstanceState".into(), not_stopped));
    // What it is called stays, so only the resolver has something to learn.
    let answers = json!({ "PrivateDnsHostnameType": "ip-name", "EnableResourceNameDnsARecord": true });
    assert_eq!(change(answers).ok()["return"], "true");
    let options = || {
        let one = shown(&root, &id)["instancesSet"][0].clone();
        let options = &one["privateDnsNameOptions"];
        let members = ["hostnameType", "enableResourceNameDnsARecord", "enableResourceNameDnsAAAARecord"];
        (members.map(|member| text(&options[member])), text(&one["privateDnsName"]))
    };
    assert_eq!(options().0, ["ip-name", "true", "false"]);
    ec2(&root, "StopInstances", json!({ "InstanceIds": [id] }));
    until(&cloud, &root, &id, "stopped");
    change(by_id.clone()).ok();
    let (changed, name) = options();
    assert_eq!(
        (changed, name),
        (["resource-name", "true", "false"].map(String::from), format!("{id}.ec2.internal"))
    );

    change(json!({})).refused(400, "InvalidParameterCombination");
    change(json!({ "PrivateDnsHostnameType": "a-name" })).refused(400, "InvalidParameterValue");
    change(json!({ "DryRun": true, "EnableResourceNameDnsARecord": false })).refused(412, "DryRunOperation");
    assert_eq!(options().0[1], "true");
    let unknown = json!({ "InstanceId": "i-00000000000000000", "EnableResourceNameDnsARecord": true });
    root.call("ec2", "ModifyPrivateDnsNameOptions", unknown).refused(400, "InvalidInstanceID.NotFound");
    let malformed = json!({ "InstanceId": "web", "EnableResourceNameDnsARecord": true });
    root.call("ec2", "ModifyPrivateDnsNameOptions", malformed).refused(400, "InvalidInstanceID.Malformed");
    root.call("ec2", "ModifyPrivateDnsNameOptions", json!({})).refused(400, "MissingParameter");
    ec2(&root, "TerminateInstances", json!({ "InstanceIds": [id] }));
    change(by_id).refused(400, "IncorrectInstanceState");
}

#[test]
fn policies_know_which_option_of_a_name_is_changed() {
    let (cloud, _) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let id = text(&launch(&root, json!({}))["instanceId"]);
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ec2:*","Resource":"*"},
        {"Effect":"Deny","Action":"ec2:ModifyPrivateDnsNameOptions","Resource":"arn:aws:ec2:*:*:instance/*","Condition":{"StringEquals":{"ec2:Attribute/EnableResourceNameDnsARecord":"true"}}}]}"#;
    let user = cloud.user(&root, "ann", policy);
    let of_ipv4 = json!({ "InstanceId": id, "EnableResourceNameDnsARecord": true });
    user.call("ec2", "ModifyPrivateDnsNameOptions", of_ipv4).refused(403, "UnauthorizedOperation");
    ec2(
        &user,
        "ModifyPrivateDnsNameOptions",
        json!({ "InstanceId": id, "EnableResourceNameDnsAAAARecord": true }),
    );
}

#[test]
fn attributes_of_the_one_interface_are_those_of_its_instance() {
    let (cloud, _) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let one = launch(&root, json!({}));
    let (id, subnet) = (text(&one["instanceId"]), text(&one["subnetId"]));
    until(&cloud, &root, &id, "running");
    let told = |attribute: &str| {
        ec2(&root, "DescribeInstanceAttribute", json!({ "InstanceId": id, "Attribute": attribute }))
    };
    let change = |what: Value| {
        let mut asked = json!({ "InstanceId": id });
        asked.as_object_mut().unwrap().extend(what.as_object().unwrap().clone());
        root.call("ec2", "ModifyInstanceAttribute", asked)
    };
    assert_eq!(told("sourceDestCheck")["sourceDestCheck"]["value"], "true");
    change(json!({ "SourceDestCheck": { "Value": false } })).ok();
    assert_eq!(told("sourceDestCheck")["sourceDestCheck"]["value"], "false");
    assert_eq!(shown(&root, &id)["instancesSet"][0]["sourceDestCheck"], "false");
    ec2(&root, "ResetInstanceAttribute", json!({ "InstanceId": id, "Attribute": "sourceDestCheck" }));
    assert_eq!(told("sourceDestCheck")["sourceDestCheck"]["value"], "true");
    root.call("ec2", "ResetInstanceAttribute", json!({ "InstanceId": id, "Attribute": "kernel" }))
        .refused(400, "InvalidParameterValue");
    let vpc = text(&one["vpcId"]);
    let made = json!({ "GroupName": "other", "GroupDescription": "other", "VpcId": vpc });
    let group = text(&ec2(&root, "CreateSecurityGroup", made)["groupId"]);
    change(json!({ "Groups": [group] })).ok();
    assert_eq!(
        shown(&root, &id)["instancesSet"][0]["groupSet"],
        json!([{ "groupId": group, "groupName": "other" }])
    );
    change(json!({ "EbsOptimized": { "Value": true } })).refused_with(
        400,
        "IncorrectInstanceState",
        &format!("The instance '{id}' is not in the 'stopped' state."),
    );
    for (attribute, member) in [("kernel", "kernel"), ("productCodes", "productCodes")] {
        assert!(told(attribute)[member].get("value").is_none(), "{attribute}");
    }
    // With a second one it has to be said which is meant.
    let second = ec2(&root, "CreateNetworkInterface", json!({ "SubnetId": subnet }));
    let second = text(&second["networkInterface"]["networkInterfaceId"]);
    let attach = json!({ "NetworkInterfaceId": second, "InstanceId": id, "DeviceIndex": 1 });
    ec2(&root, "AttachNetworkInterface", attach);
    change(json!({ "SourceDestCheck": { "Value": false } })).refused_with(
        400,
        "InvalidInstanceID",
        &format!(
            "There are multiple interfaces attached to instance '{id}'. Please specify an interface ID for the operation instead."
        ),
    );
    // Older types have no way of their own to their volumes.
    let unsupported = "The requested configuration is currently not supported. Please check the documentation for supported configurations.";
    root.call("ec2", "RunInstances", asked(json!({ "InstanceType": "t2.micro", "EbsOptimized": true })))
        .refused_with(400, "Unsupported", unsupported);
}

#[test]
fn status_types_and_images_are_found_by_what_is_said_of_them() {
    let (cloud, _) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let here = json!({ "Placement": { "AvailabilityZone": "us-east-1a" } });
    let id = text(&launch(&root, here)["instanceId"]);
    let there = json!({ "Placement": { "AvailabilityZone": "us-east-1b" } });
    let other = text(&launch(&root, there)["instanceId"]);
    until(&cloud, &root, &id, "running");
    until(&cloud, &root, &other, "running");
    let zone =
        ec2(&root, "DescribeInstances", json!({ "InstanceIds": [id] }))["reservationSet"][0]["instancesSet"]
            [0]["placement"]["availabilityZoneId"]
            .clone();
    let statuses = |name: &str, value: &str| {
        let found = ec2(&root, "DescribeInstanceStatus", json!({ "Filters": filter(name, value) }));
        let mut ids: Vec<_> =
            items(&found["instanceStatusSet"]).iter().map(|one| text(&one["instanceId"])).collect();
        ids.sort();
        ids
    };
    let mut both = vec![id.clone(), other];
    both.sort();
    for (name, value, found) in [
        ("availability-zone", "us-east-1a", vec![id.clone()]),
        ("availability-zone-id", zone.as_str().unwrap(), vec![id]),
        ("instance-state-code", "16", both.clone()),
        ("instance-state-name", "stopped", vec![]),
        ("instance-status.reachability", "passed", both.clone()),
        ("instance-status.status", "impaired", vec![]),
        ("system-status.reachability", "passed", both.clone()),
        ("system-status.status", "ok", both),
        ("event.code", "instance-retirement", vec![]),
    ] {
        assert_eq!(statuses(name, value), found, "{name} = {value}");
    }
    let types = |name: &str, value: &str| {
        let asked = json!({ "InstanceTypes": ["t3.micro", "m5.large"], "Filters": filter(name, value) });
        let found = ec2(&root, "DescribeInstanceTypes", asked);
        let mut names: Vec<_> =
            items(&found["instanceTypeSet"]).iter().map(|one| text(&one["instanceType"])).collect();
        names.sort();
        names
    };
    for (name, value, found) in [
        ("burstable-performance-supported", "true", vec!["t3.micro"]),
        ("memory-info.size-in-mib", "8192", vec!["m5.large"]),
        ("vcpu-info.default-vcpus", "2", vec!["m5.large", "t3.micro"]),
        ("ebs-info.ebs-optimized-support", "unsupported", vec![]),
        ("network-info.maximum-network-interfaces", "2", vec!["t3.micro"]),
        ("supported-root-device-type", "ebs", vec!["m5.large", "t3.micro"]),
        ("bare-metal", "true", vec![]),
    ] {
        assert_eq!(types(name, value), found, "{name} = {value}");
    }
    let images = |name: &str, value: &str| {
        let found =
            ec2(&root, "DescribeImages", json!({ "ImageIds": [IMAGE], "Filters": filter(name, value) }));
        items(&found["imagesSet"]).len()
    };
    for (name, value, found) in [
        ("block-device-mapping.device-name", "/dev/xvda", 1),
        ("block-device-mapping.delete-on-termination", "false", 0),
        ("block-device-mapping.encrypted", "false", 1),
        ("block-device-mapping.volume-size", "8", 1),
        ("block-device-mapping.volume-type", "io2", 0),
        ("image-type", "machine", 1),
        ("root-device-type", "ebs", 1),
        ("kernel-id", "aki-1", 0),
        ("owner-alias", "amazon", 1),
    ] {
        assert_eq!(images(name, value), found, "{name} = {value}");
    }
    for operation in ["DescribeInstanceStatus", "DescribeInstanceTypes", "DescribeImages"] {
        let (code, message) =
            root.call("ec2", operation, json!({ "Filters": filter("made-up", "x") })).error();
        assert_eq!(
            (code.as_str(), message.as_str()),
            ("InvalidParameterValue", "The filter 'made-up' is invalid")
        );
    }
}

#[test]
fn policies_may_ask_for_the_kind_of_a_root() {
    let (cloud, _) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let of = |kind: &str| {
        json!({ "Version": "2012-10-17", "Statement": [
            { "Effect": "Allow", "Action": "ec2:*", "NotResource": "arn:aws:ec2:*:*:instance/*" },
            { "Effect": "Allow", "Action": "ec2:*", "Resource": "arn:aws:ec2:*:*:instance/*",
              "Condition": { "StringEquals": { "ec2:RootDeviceType": kind } } },
        ] })
    };
    let (may, may_not) = (
        cloud.user(&root, "ebs", &of("ebs").to_string()),
        cloud.user(&root, "store", &of("instance-store").to_string()),
    );
    may_not.call("ec2", "RunInstances", asked(json!({}))).refused(403, "UnauthorizedOperation");
    let id = text(&ec2(&may, "RunInstances", asked(json!({})))["instancesSet"][0]["instanceId"]);
    let named = json!({ "InstanceIds": [id] });
    may_not.call("ec2", "TerminateInstances", named.clone()).refused(403, "UnauthorizedOperation");
    ec2(&may, "TerminateInstances", named);
}
