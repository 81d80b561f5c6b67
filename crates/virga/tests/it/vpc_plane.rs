//! What the records of networks say, a data plane is told.

use crate::endpoint;
use crate::harness::{Cloud, MASTER, START};
use crate::services_metrics;
use crate::vpc_networks::{ec2, items, subnet, text, vpc};
use crate::vpc_routes::{gateway, main_table};
use base::{Clock, Rng};
use ec2::plane::DataPlane;
use host::{Driver, HostError, Linux, Place, Simulator};
use kernel::Settings;
use serde_json::json;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use store::Store;
use virga::wiring::{self, Ground};

pub(crate) fn cloud<D: Driver + 'static>(driver: D, machines: Option<PathBuf>) -> (Cloud, Arc<D>) {
    let driver = Arc::new(driver);
    let same = Arc::clone(&driver);
    let plane = DataPlane::new(Box::new(move || Ok(Arc::clone(&same) as Arc<dyn Driver>)));
    let front = Arc::default();
    let authority = compute::ec2::work::Trust::nobody();
    (
        on(Ground {
            networks: plane,
            machines,
            functions: None,
            hot: None,
            front,
            authority,
            door: Arc::default(),
            client: endpoint::nobody(),
        }),
        driver,
    )
}

pub(crate) fn on(ground: Ground) -> Cloud {
    let wired = wiring::cloud_on(
        ground,
        Store::memory(),
        Arc::new(blob::Memory::default()),
        Clock::frozen(START),
        Rng::seeded(7),
        &MASTER,
        Settings { strict: true, seed: Some(7), ..Settings::default() },
    );
    Cloud::around(wired.unwrap())
}

#[test]
fn a_nat_gateway_brings_its_vpc_to_life_and_takes_it_along() {
    let (cloud, plane) = cloud(Simulator::new(), None);
    let root = cloud.root("123456789012");
    let id = vpc(&root);
    let inside = subnet(&root, &id, "10.0.1.0/24");
    let internet = gateway(&root, &id);
    cloud.reconcile();
    // Nothing is plugged in: nothing runs.
    assert!(plane.program(&id).is_none());
    let table = text(&main_table(&root, &id)["routeTableId"]);
    let out = json!({ "RouteTableId": table, "DestinationCidrBlock": "0.0.0.0/0", "GatewayId": internet });
    ec2(&root, "CreateRoute", out);
    let elastic = ec2(&root, "AllocateAddress", json!({ "Domain": "vpc" }));
    let nat = json!({ "SubnetId": inside, "AllocationId": elastic["allocationId"] });
    let nat = text(&ec2(&root, "CreateNatGateway", nat)["natGateway"]["natGatewayId"]);
    cloud.reconcile();
    cloud.reconcile();
    let program = plane.program(&id).expect("a program");
    assert!(program.nat_gateways.contains(&nat), "{program}");
    assert!(program.public.contains(&text(&elastic["publicIp"]).parse().unwrap()), "{program}");
    assert_eq!(plane.inventory().unwrap().machines, std::slice::from_ref(&nat));
    // CloudWatch is told by the minute what the gateway's rules have counted.
    let names = net::program::NatCounters::of(&nat);
    for _ in 0..2 {
        for (name, packets) in [(&names.sent, 3), (&names.answers, 2), (&names.connections, 1)] {
            plane.count(&id, name, host::Count { packets, bytes: packets * 100 });
        }
        cloud.advance(std::time::Duration::from_secs(60));
        cloud.reconcile();
        cloud.reconcile();
    }
    for (name, expected) in [
        ("BytesInFromSource", 600.0),
        ("BytesOutToDestination", 600.0),
        ("PacketsInFromDestination", 4.0),
        ("PacketsOutToSource", 4.0),
        ("ConnectionAttemptCount", 2.0),
    ] {
        let of = [("NatGatewayId", nat.as_str())];
        assert_eq!(
            services_metrics::told(&root, "AWS/NATGateway", name, &of, "Sum"),
            Some(expected),
            "{name}"
        );
    }
    ec2(&root, "DeleteNatGateway", json!({ "NatGatewayId": nat }));
    cloud.reconcile();
    cloud.reconcile();
    assert!(plane.program(&id).is_none());
    assert_eq!(plane.inventory().unwrap(), host::Inventory::default());
}

/// What machines write on: made before the cloud, so that it is taken away after it.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Folder {
        let folder = std::env::temp_dir().join(format!("virga-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Folder(folder)
    }
}

impl Deref for Folder {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let removed = host::image::remove(&self.0);
        if !std::thread::panicking() {
            removed.unwrap();
        }
    }
}

/// The data plane itself; `None` where this machine cannot, which `virga doctor` explains.
pub(crate) fn linux() -> Option<Linux> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_virga"));
    command.arg("host");
    match Linux::start(command) {
        Ok(linux) => Some(linux),
        Err(HostError::Unable(_)) => None,
        Err(why) => panic!("{why}"),
    }
}

#[test]
fn packets_pass_between_the_interfaces_of_an_endpoint_as_its_groups_say() {
    let Some(linux) = linux() else { return };
    let (cloud, plane) = cloud(linux, None);
    let root = cloud.root("123456789012");
    let id = vpc(&root);
    let subnets = [("10.0.1.0/24", "us-east-1a"), ("10.0.2.0/24", "us-east-1b")].map(|(cidr, zone)| {
        let made = json!({ "VpcId": id, "CidrBlock": cidr, "AvailabilityZone": zone });
        text(&ec2(&root, "CreateSubnet", made)["subnet"]["subnetId"])
    });
    let group = json!({ "VpcId": id, "GroupName": "door", "Description": "a door" });
    let group = text(&ec2(&root, "CreateSecurityGroup", group)["groupId"]);
    let rule = json!({ "GroupId": group, "IpPermissions": [
        { "IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{ "CidrIp": "10.0.0.0/16" }] },
    ] });
    ec2(&root, "AuthorizeSecurityGroupIngress", rule.clone());
    let endpoint = json!({
        "VpcId": id, "VpcEndpointType": "Interface", "ServiceName": "com.amazonaws.us-east-1.kms",
        "SubnetIds": subnets, "SecurityGroupIds": [group], "PrivateDnsEnabled": false,
    });
    let endpoint = ec2(&root, "CreateVpcEndpoint", endpoint);
    assert_eq!(items(&endpoint["vpcEndpoint"]["networkInterfaceIdSet"]).len(), 2, "{endpoint}");
    cloud.reconcile();
    cloud.reconcile();
    let interfaces = items(&ec2(&root, "DescribeNetworkInterfaces", json!({}))["networkInterfaceSet"]);
    let at = |n: usize| Place::Machine(text(&interfaces[n]["networkInterfaceId"]));
    assert_eq!(plane.inventory().unwrap().machines.len(), 2);
    let to = format!("{}:443", text(&interfaces[1]["privateIpAddress"])).parse().unwrap();
    let listener = plane.listen(&at(1), to).unwrap();
    let connect = || plane.connect(&at(0), to, Duration::from_millis(700));
    connect().unwrap();
    listener.accept().unwrap();
    ec2(&root, "RevokeSecurityGroupIngress", rule);
    cloud.reconcile();
    assert!(matches!(connect(), Err(HostError::Unreachable(_))));
}
