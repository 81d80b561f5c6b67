//! The resolver of a VPC, asked by the programs of its machines.

use crate::ec2_instances::until;
use crate::ec2_metadata::{inside, until_running};
use crate::ec2_profiles::IMAGE;
use crate::vpc_networks::{ec2, subnet, text, vpc};
use crate::vpc_plane::{Folder, cloud, linux};
use serde_json::{Value, json};

#[test]
fn machines_find_each_other_by_name() {
    let Some(linux) = linux() else { return };
    let folder = Folder::new("names");
    let (cloud, plane) = cloud(linux, Some(folder.to_path_buf()));
    let root = cloud.root("123456789012");
    let network = vpc(&root);
    let there = subnet(&root, &network, "10.0.1.0/24");
    ec2(&root, "AssociateVpcCidrBlock", json!({ "VpcId": network, "AmazonProvidedIpv6CidrBlock": true }));
    let shown = ec2(&root, "DescribeVpcs", json!({ "VpcIds": [network] }));
    let block = text(&shown["vpcSet"][0]["ipv6CidrBlockAssociationSet"][0]["ipv6CidrBlock"]);
    let block = block.replace("/56", "/64");
    ec2(&root, "AssociateSubnetCidrBlock", json!({ "SubnetId": there, "Ipv6CidrBlock": block }));
    let v6 = block.replace("::/64", "::10");
    let nic = json!([{ "DeviceIndex": 0, "SubnetId": there, "AssociatePublicIpAddress": true, "PrivateIpAddress": "10.0.1.10", "Ipv6Addresses": [{ "Ipv6Address": v6 }] }]);
    let by_id = json!({
        "HostnameType": "resource-name", "EnableResourceNameDnsARecord": true, "EnableResourceNameDnsAAAARecord": true,
    });
    let asked = json!({
        "ImageId": IMAGE, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1, "NetworkInterfaces": nic,
        "PrivateDnsNameOptions": by_id,
    });
    let id = text(&ec2(&root, "RunInstances", asked)["instancesSet"][0]["instanceId"]);
    until_running(&cloud, &root, &id);
    let seen = ec2(&root, "DescribeInstances", json!({ "InstanceIds": [id] }));
    let public = text(&seen["reservationSet"][0]["instancesSet"][0]["ipAddress"]);
    let public = format!("ec2-{}.compute-1.amazonaws.com", public.replace('.', "-"));
    // Address and name of what is asked for, or that there is nothing.
    let find = |server: &str, what: &str| {
        let script = format!(
            "echo 'nameserver {server}\noptions timeout:1 attempts:1' > /etc/resolv.conf; getent hosts {what} || echo nothing"
        );
        inside(&plane, &id, &script).split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let own = "10.0.1.10 ip-10-0-1-10.ec2.internal";
    for server in ["169.254.169.253", "10.0.0.2"] {
        for (what, found) in [
            ("ip-10-0-1-10.ec2.internal", own),
            ("10.0.1.10", own),
            // What is asked for first is IPv6.
            (&format!("{id}.ec2.internal"), &format!("{v6} {id}.ec2.internal")),
            ("i-0123456789abcdef0.ec2.internal", "nothing"),
            ("instance-data.ec2.internal", "169.254.169.254 instance-data.ec2.internal"),
            ("ip-10-0-1-11.ec2.internal", "nothing"),
            ("10.0.1.11", "nothing"),
            ("example.com", "nothing"),
            (&public, "nothing"),
        ] {
            assert_eq!(find(server, what), found, "{what} by {server}");
        }
    }
    let v4 = inside(&plane, &id, &format!("getent ahostsv4 {id}.ec2.internal"));
    assert!(v4.starts_with("10.0.1.10 "), "{v4}");
    let hostname = inside(&plane, &id, "cat /etc/hostname");
    assert_eq!(hostname.trim(), id, "it is called as its name says");
    // Its id is unknown by IPv4 at once, and what it is called is another from its next start on.
    let rename = |name: &str, value: Value| {
        ec2(&root, "ModifyPrivateDnsNameOptions", json!({ "InstanceId": id, name: value }));
    };
    rename("EnableResourceNameDnsARecord", json!(false));
    let nothing = inside(&plane, &id, &format!("getent ahostsv4 {id}.ec2.internal || echo nothing"));
    assert_eq!(nothing.trim(), "nothing");
    ec2(&root, "StopInstances", json!({ "InstanceIds": [id] }));
    until(&cloud, &root, &id, "stopped");
    rename("PrivateDnsHostnameType", json!("ip-name"));
    ec2(&root, "StartInstances", json!({ "InstanceIds": [id] }));
    until_running(&cloud, &root, &id);
    assert_eq!(inside(&plane, &id, "hostname").trim(), "ip-10-0-1-10");
    let seen = ec2(&root, "DescribeInstances", json!({ "InstanceIds": [id] }));
    let public = text(&seen["reservationSet"][0]["instancesSet"][0]["ipAddress"]);
    let public = format!("ec2-{}.compute-1.amazonaws.com", public.replace('.', "-"));
    let set = |what: &str, on: bool| {
        ec2(&root, "ModifyVpcAttribute", json!({ "VpcId": network, what: { "Value": on } }))
    };
    set("EnableDnsHostnames", true);
    assert_eq!(find("10.0.0.2", &public), format!("10.0.1.10 {public}"));
    set("EnableDnsSupport", false);
    assert_eq!(find("10.0.0.2", "ip-10-0-1-10.ec2.internal"), "nothing");
    ec2(&root, "TerminateInstances", json!({ "InstanceIds": [id] }));
    cloud.reconcile();
}
