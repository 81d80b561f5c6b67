//! Machines: how long it takes from nothing to a login on two of them, in a network of their own; and what a hundred take.
//!
//! A cloud of its own, as what the legs have left is not to be in its memory. Where this machine cannot run any, or there is
//! no SSH client, it is left out.

use crate::client::Client;
use crate::contestants::Contestant;
use crate::measure::started;
use crate::scenario::find_value;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

pub(crate) const MANY: usize = 100;
const IMAGE: &str = "ami-0a1f5c0de0b1a0001";
const PATIENCE: Duration = Duration::from_secs(120);
const LOOK: Duration = Duration::from_millis(20);
const REST: Duration = Duration::from_secs(3);
const ZONES: [&str; 2] = ["us-east-1a", "us-east-1b"];

pub(crate) struct Machines {
    /// From the first call (a VPC) to a command that was run by SSH on both.
    pub(crate) logins: Duration,
    /// Until so many machines run.
    pub(crate) many: Duration,
    /// What the cloud holds more for each of them, but for their own processes.
    pub(crate) bytes_each: u64,
}

struct Lab<'a> {
    client: &'a Client<'a>,
    program: &'a Path,
    key: PathBuf,
}

impl Lab<'_> {
    fn made(&self, action: &str, parameters: &[(&str, &str)], name: &str) -> Result<String, String> {
        let answer = self.client.ec2(action, parameters)?;
        find_value(&answer, name).ok_or_else(|| format!("{action}: no {name} in {answer}"))
    }

    /// Two subnets that are reached from outside, with a machine in each.
    fn two(&self) -> Result<[String; 2], String> {
        let vpc = self.made("CreateVpc", &[("CidrBlock", "10.9.0.0/16")], "vpcId")?;
        let gateway = self.made("CreateInternetGateway", &[], "internetGatewayId")?;
        self.client.ec2("AttachInternetGateway", &[("VpcId", &vpc), ("InternetGatewayId", &gateway)])?;
        let of_vpc = [("Filter.1.Name", "vpc-id"), ("Filter.1.Value.1", vpc.as_str())];
        let table = self.made("DescribeRouteTables", &of_vpc, "routeTableId")?;
        let out = ("DestinationCidrBlock", "0.0.0.0/0");
        self.client.ec2("CreateRoute", &[("RouteTableId", &table), out, ("GatewayId", &gateway)])?;
        let group = [("GroupName", "ssh"), ("GroupDescription", "ssh"), ("VpcId", vpc.as_str())];
        let group = self.made("CreateSecurityGroup", &group, "groupId")?;
        let anyone = [
            ("GroupId", group.as_str()),
            ("IpPermissions.1.IpProtocol", "tcp"),
            ("IpPermissions.1.FromPort", "22"),
            ("IpPermissions.1.ToPort", "22"),
            ("IpPermissions.1.IpRanges.1.CidrIp", "0.0.0.0/0"),
        ];
        self.client.ec2("AuthorizeSecurityGroupIngress", &anyone)?;
        let machine = |n: usize| {
            let block = format!("10.9.{n}.0/24");
            let subnet = [("VpcId", vpc.as_str()), ("CidrBlock", &block), ("AvailabilityZone", ZONES[n])];
            let subnet = self.made("CreateSubnet", &subnet, "subnetId")?;
            let launch = [
                ("ImageId", IMAGE),
                ("InstanceType", "t3.micro"),
                ("MinCount", "1"),
                ("MaxCount", "1"),
                ("KeyName", "bench"),
                ("NetworkInterface.1.DeviceIndex", "0"),
                ("NetworkInterface.1.SubnetId", &subnet),
                ("NetworkInterface.1.SecurityGroupId.1", &group),
                ("NetworkInterface.1.AssociatePublicIpAddress", "true"),
            ];
            self.made("RunInstances", &launch, "instanceId")
        };
        Ok([machine(0)?, machine(1)?])
    }

    /// Runs a command in a machine by SSH, through the network, as soon as that is possible.
    fn login(&self, instance: &str) -> Result<(), String> {
        let begun = Instant::now();
        loop {
            let mut command = Command::new(self.program);
            command.arg("--data").arg(self.client.server.folder.join("data")).args(["ssh", instance, "-i"]);
            command.arg(&self.key).args(["--", "true"]);
            let done = command.stdin(Stdio::null()).output().map_err(|why| why.to_string())?;
            if done.status.success() {
                return Ok(());
            }
            if begun.elapsed() > PATIENCE {
                return Err(format!("{instance}: {}", String::from_utf8_lossy(&done.stderr).trim()));
            }
            sleep(LOOK);
        }
    }

    fn running(&self) -> Result<usize, String> {
        let filter = [("Filter.1.Name", "instance-state-name"), ("Filter.1.Value.1", "running")];
        Ok(self.client.ec2("DescribeInstances", &filter)?.matches("<instanceId>").count())
    }

    fn many(&self) -> Result<(), String> {
        let count = MANY.to_string();
        let launch = [
            ("ImageId", IMAGE),
            ("InstanceType", "t3.nano"),
            ("MinCount", count.as_str()),
            ("MaxCount", count.as_str()),
        ];
        let (before, begun) = (self.running()?, Instant::now());
        self.client.ec2("RunInstances", &launch)?;
        while self.running()? < before + MANY {
            if begun.elapsed() > PATIENCE {
                return Err(format!("{} of {MANY} machines run", self.running()? - before));
            }
            sleep(LOOK);
        }
        Ok(())
    }
}

/// Why there can be no machines here.
fn lacks(program: &Path) -> Option<String> {
    let told = Command::new(program).args(["doctor", "--json"]).output().ok()?;
    let told: serde_json::Value = serde_json::from_slice(&told.stdout).ok()?;
    let of = |what: &&serde_json::Value| ["networks", "logins"].iter().any(|needed| what["what"] == *needed);
    let missing = told["findings"].as_array()?.iter().filter(of).find(|what| what["good"] != true)?;
    Some(missing["detail"].to_string())
}

/// `None` where this machine has none.
pub(crate) fn run(
    contestant: &Contestant,
    program: &Path,
    folder: &Path,
) -> Result<Option<Machines>, String> {
    let client = Command::new("ssh").arg("-V").stderr(Stdio::null()).status();
    if let Some(why) = lacks(program).or_else(|| client.err().map(|why| format!("ssh: {why}"))) {
        println!("  no machines here: {why}");
        return Ok(None);
    }
    let (server, _) = started(contestant, program, folder)?;
    let client = Client::of(&server);
    let lab = Lab { client: &client, program, key: folder.join("key") };
    let material =
        lab.made("CreateKeyPair", &[("KeyName", "bench"), ("KeyType", "ed25519")], "keyMaterial")?;
    let text = |why: std::io::Error| why.to_string();
    fs::write(&lab.key, material).map_err(text)?;
    fs::set_permissions(&lab.key, fs::Permissions::from_mode(0o600)).map_err(text)?;
    let begun = Instant::now();
    let two = lab.two()?;
    std::thread::scope(|scope| {
        let other = scope.spawn(|| lab.login(&two[1]));
        lab.login(&two[0]).and(other.join().map_err(|_| "a thread has ended".to_owned())?)
    })?;
    let logins = begun.elapsed();
    println!("  a VPC, two subnets and two machines, from nothing to a login on both: {logins:.1?}");
    sleep(REST);
    let (before, begun) = (server.own_memory(program), Instant::now());
    lab.many()?;
    let many = begun.elapsed();
    sleep(REST);
    let bytes_each = server.own_memory(program).saturating_sub(before) / MANY as u64;
    println!(
        "  {MANY} machines run after {many:.1?}; each is {:.2} MiB beside its own processes",
        mib(bytes_each)
    );
    server.end();
    Ok(Some(Machines { logins, many, bytes_each }))
}

pub(crate) fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
