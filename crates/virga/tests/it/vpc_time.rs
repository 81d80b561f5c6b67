//! The time that machines are told.

use crate::ec2_metadata::{inside, until_running};
use crate::ec2_profiles::IMAGE;
use crate::harness::START;
use crate::vpc_networks::{ec2, subnet, text, vpc};
use crate::vpc_plane::{Folder, cloud, linux};
use serde_json::json;
use std::time::Duration;

#[test]
fn machines_are_told_the_clouds_time() {
    let Some(linux) = linux() else { return };
    let folder = Folder::new("time");
    let (cloud, plane) = cloud(linux, Some(folder.to_path_buf()));
    let root = cloud.root("123456789012");
    let network = vpc(&root);
    let there = subnet(&root, &network, "10.0.1.0/24");
    let asked = json!({ "ImageId": IMAGE, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1, "SubnetId": there });
    let id = text(&ec2(&root, "RunInstances", asked)["instancesSet"][0]["instanceId"]);
    until_running(&cloud, &root, &id);
    let ask = "python3 -c \"
import socket, struct
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(5)
s.sendto(bytes([0x23]) + bytes(39) + b'question', ('169.254.169.123', 123))
told = s.recv(100)
print(told[24:32].decode(), struct.unpack('!I', told[40:44])[0] - 2208988800)\"";
    assert_eq!(inside(&plane, &id, ask), format!("question {}\n", START.seconds()));
    cloud.advance(Duration::from_secs(86_400));
    assert_eq!(inside(&plane, &id, ask), format!("question {}\n", START.seconds() + 86_400));
    ec2(&root, "TerminateInstances", json!({ "InstanceIds": [id] }));
    cloud.reconcile();
}
