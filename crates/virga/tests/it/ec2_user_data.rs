//! User data at work in a machine.

use crate::ec2_metadata::{inside, until_running};
use crate::ec2_profiles::IMAGE;
use crate::vpc_networks::{ec2, subnet, text, vpc};
use crate::vpc_plane::{Folder, cloud, linux};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use std::io::Write;
use std::time::{Duration, Instant};

const DATA: &str = r#"MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="part"

--part
Content-Type: text/cloud-config

#cloud-config
hostname: web
bootcmd:
- echo booting >> /opt/boots
write_files:
- path: /opt/app/hello
  content: "hello\n"
  permissions: '0755'
users:
- default
- name: eva
  homedir: /srv/eva
  ssh_authorized_keys: [ssh-ed25519 AAAA eva]
packages: [sh, no-such-package]
runcmd:
- cat /opt/app/hello /opt/script > /opt/done
- [sh, -c, 'echo "$0" >> /opt/done', "a b"]
swap: {}
--part
Content-Type: text/x-shellscript

#!/bin/sh
echo script > /opt/script
--part--
"#;

#[test]
fn a_machine_does_what_its_user_data_says() {
    let Some(linux) = linux() else { return };
    let folder = Folder::new("user-data");
    let (cloud, plane) = cloud(linux, Some(folder.to_path_buf()));
    let root = cloud.root("123456789012");
    let network = vpc(&root);
    let there = subnet(&root, &network, "10.0.1.0/24");
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(DATA.as_bytes()).unwrap();
    let data = STANDARD.encode(packed.finish().unwrap());
    let asked = json!({ "ImageId": IMAGE, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1, "SubnetId": there, "UserData": data });
    let id = text(&ec2(&root, "RunInstances", asked)["instancesSet"][0]["instanceId"]);
    until_running(&cloud, &root, &id);
    let until = |script: &str, expected: &str| {
        let began = Instant::now();
        loop {
            let said = inside(&plane, &id, script);
            if said == expected {
                return;
            }
            assert!(began.elapsed() < Duration::from_secs(30), "{script}: {said}");
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    // The commands come after the scripts.
    until("cat /opt/done", "hello\nscript\na b\n");
    until("stat -c %a /opt/app/hello", "755\n");
    until("cat /etc/hostname; hostname", "web\nweb\n");
    until("cat /srv/eva/.ssh/authorized_keys; grep -c ^eva: /etc/passwd", "ssh-ed25519 AAAA eva\n1\n");
    until("cat /opt/boots", "booting\n");
    let console = ec2(&root, "GetConsoleOutput", json!({ "InstanceId": id }));
    let said = String::from_utf8(STANDARD.decode(text(&console["output"])).unwrap()).unwrap();
    for (line, times) in [
        ("cloud-config: swap is not understood\n", 1),
        (
            "cloud-config: packages: no-such-package is not installed: this cloud has no registry of packages\n",
            1,
        ),
        ("packages: sh is", 0),
    ] {
        assert_eq!(said.matches(line).count(), times, "{line} in {said}");
    }
    // At the next boot only what is for each.
    ec2(&root, "RebootInstances", json!({ "InstanceIds": [id] }));
    let began = Instant::now();
    while inside_or_nothing(&plane, &id, "cat /opt/boots") != "booting\nbooting\n" {
        assert!(began.elapsed() < Duration::from_secs(30));
        cloud.reconcile();
        std::thread::sleep(Duration::from_millis(50));
    }
    until("cat /opt/done", "hello\nscript\na b\n");
    until("hostname", "web\n");
    ec2(&root, "TerminateInstances", json!({ "InstanceIds": [id] }));
    cloud.reconcile();
}

/// What a machine says that may not run just now.
fn inside_or_nothing(plane: &host::Linux, machine: &str, script: &str) -> String {
    use host::{Driver, Spawn};
    use std::io::Read;
    let (mut reader, writer) = std::io::pipe().unwrap();
    let command = Spawn {
        program: "/bin/sh".into(),
        args: vec!["-c".into(), script.into()],
        env: vec![("PATH".into(), "/usr/local/bin:/usr/bin:/bin".into())],
        stdout: Some(writer.into()),
        booted: true,
        ..Spawn::default()
    };
    let Ok(process) = plane.spawn(machine, command) else { return String::new() };
    let mut said = String::new();
    reader.read_to_string(&mut said).unwrap();
    let _ = process.wait();
    said
}
