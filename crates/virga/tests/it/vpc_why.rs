//! `virga why --from --to`: the way of a packet in words, in the accounts of whoever owns its ends.

use crate::ec2_profiles::IMAGE;
use crate::harness::{Caller, Cloud};
use crate::vpc_networks::{ec2, subnet, text, vpc};
use crate::vpc_plane::cloud;
use host::{Driver, Place, Simulator};
use network::vpc::why::{Protocol, Question, Told, why};
use serde_json::json;
use std::time::Duration;

fn launch(caller: &Caller<'_>, subnet: &str) -> (String, String, String) {
    let asked = json!({ "ImageId": IMAGE, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1, "SubnetId": subnet });
    let made = ec2(caller, "RunInstances", asked)["instancesSet"][0].clone();
    let nic = &made["networkInterfaceSet"][0];
    (text(&made["instanceId"]), text(&made["privateIpAddress"]), text(&nic["networkInterfaceId"]))
}

fn ask(cloud: &Cloud, from: &str, to: &str, protocol: Protocol) -> Result<Told, String> {
    why(&cloud.cloud, &Question { from: from.into(), to: to.into(), protocol }).unwrap()
}

#[test]
fn a_way_is_told_hop_by_hop_with_what_was_counted() {
    let (cloud, plane) = cloud(Simulator::new(), None);
    let root = cloud.root("123456789012");
    let network = vpc(&root);
    let inside = subnet(&root, &network, "10.0.1.0/24");
    let (a, ..) = launch(&root, &inside);
    let (b, address, nic) = launch(&root, &inside);
    cloud.reconcile();
    cloud.reconcile();
    // The default group lets its members talk to each other.
    let told = ask(&cloud, &a, &b, Protocol::Tcp(80)).unwrap();
    assert!(told.works && told.astray.is_none(), "{}", told.walk);
    let hop = told
        .walk
        .forward
        .hops
        .iter()
        .find(|hop| hop.counter().is_some_and(|rule| rule.starts_with("sgr-")))
        .unwrap();
    let rule = hop.counter().unwrap();
    assert_eq!(told.count(hop.vpc.as_ref(), &rule).unwrap_or_default().packets, 0);
    let to = format!("{address}:80").parse().unwrap();
    let _listener = plane.listen(&Place::Machine(b.clone()), to).unwrap();
    plane.connect(&Place::Machine(a.clone()), to, Duration::from_secs(2)).unwrap();
    let told = ask(&cloud, &a, &b, Protocol::Tcp(80)).unwrap();
    assert_eq!(told.count(hop.vpc.as_ref(), &rule).unwrap().packets, 1);
    for (to, protocol) in [
        (nic.as_str(), Protocol::Udp(53)),
        (address.as_str(), Protocol::Echo),
        ("169.254.169.254", Protocol::Tcp(80)),
    ] {
        assert!(ask(&cloud, &a, to, protocol).unwrap().works, "{to}");
    }
    // Another VPC, of another account: there is no way.
    let other = cloud.root("210987654321");
    let network = vpc(&other);
    let outside = subnet(&other, &network, "10.0.2.0/24");
    let (c, ..) = launch(&other, &outside);
    let told = ask(&cloud, &a, &c, Protocol::Tcp(80)).unwrap();
    assert!(!told.works);
    // The same blocks: its address is nobody's here.
    assert!(told.walk.to_string().contains("STOP"), "{}", told.walk);
    let told = ask(&cloud, &a, "192.0.2.1", Protocol::Tcp(443)).unwrap();
    assert!(!told.works && told.walk.to_string().contains("NO_ROUTE_TO_DESTINATION"), "{}", told.walk);
    for (from, to, says) in [
        (a.as_str(), "web", "\"web\" is no instance (i-…), network interface (eni-…) or address"),
        (
            "i-00000000000000000",
            b.as_str(),
            "there is no instance i-00000000000000000 that is plugged into a network",
        ),
        ("eni-00000000000000000", b.as_str(), "there is no network interface eni-00000000000000000"),
        ("192.0.2.1", "192.0.2.2", "one end must be an instance or a network interface"),
    ] {
        assert_eq!(ask(&cloud, from, to, Protocol::Tcp(1)).map(|_| ()), Err(says.to_owned()));
    }
    let told = ask(&cloud, "192.0.2.1", &b, Protocol::Tcp(80)).map(|_| ());
    assert_eq!(told, Err(format!("{b} has no public address: nobody on the internet can send to it")));
}

#[test]
fn the_internet_reaches_what_has_a_public_address_as_its_groups_say() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root("123456789012");
    let asked = json!({ "ImageId": IMAGE, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1 });
    let made = ec2(&root, "RunInstances", asked)["instancesSet"][0].clone();
    let (id, group) = (text(&made["instanceId"]), text(&made["groupSet"][0]["groupId"]));
    let told = ask(&cloud, "192.0.2.1", &id, Protocol::Tcp(443)).unwrap();
    assert!(!told.works && told.walk.to_string().contains("ENI_SG_RULES_MISMATCH"), "{}", told.walk);
    let open = json!([{ "IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{ "CidrIp": "0.0.0.0/0" }] }]);
    ec2(&root, "AuthorizeSecurityGroupIngress", json!({ "GroupId": group, "IpPermissions": open }));
    assert!(ask(&cloud, "192.0.2.1", &id, Protocol::Tcp(443)).unwrap().works);
    assert!(!ask(&cloud, "192.0.2.1", &id, Protocol::Tcp(80)).unwrap().works);
    assert!(ask(&cloud, &id, "192.0.2.1", Protocol::Tcp(80)).unwrap().works);
}
