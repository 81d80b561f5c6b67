//! What an instance may read about itself, as a tree of paths: pure.
//!
//! AWS: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-instance-metadata.html>
//!
//! Each of AWS's dated versions of the tree has all of it, also what came later.
//!
//! Not here: signatures of the identity document, event categories.

use crate::ec2::model::Notice;
use base::Timestamp;
use base::tag::Tags;
use std::collections::BTreeMap;
use wire::{Value, json};

/// What is known about an instance.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    pub(super) account: String,
    pub(super) region: String,
    pub(super) zone: String,
    pub(super) zone_id: String,
    /// The name of its placement group, and its partition; empty where there is none.
    pub(super) group: String,
    pub(super) partition: String,
    pub(super) instance: String,
    pub(super) image: String,
    pub(super) index: i64,
    pub(super) kind: String,
    pub(super) architecture: String,
    pub(super) reservation: String,
    pub(super) launched: Timestamp,
    pub(super) address: String,
    pub(super) host_name: String,
    /// Name and text of the public key.
    pub(super) key: Option<(String, String)>,
    pub(super) user_data: Vec<u8>,
    pub(super) is_spot: bool,
    /// Of its interruption.
    pub(super) notice: Option<Notice>,
    /// By device, the primary one first.
    pub(super) interfaces: Vec<Nic>,
    /// Devices of its volumes, without the root's.
    pub(super) disks: Vec<String>,
    pub(super) profile: Option<Profile>,
    /// Where its group of Auto Scaling takes it.
    pub(super) scales_to: Option<String>,
    /// None where the instance may not read them.
    pub(super) tags: Option<Tags>,
}

/// A network interface.
#[derive(Clone, Debug, Default)]
pub(super) struct Nic {
    pub(super) id: String,
    pub(super) mac: String,
    pub(super) device: i64,
    pub(super) owner: String,
    pub(super) host_name: String,
    pub(super) addresses: Vec<String>,
    /// Public addresses, each with the private one that it stands for.
    pub(super) public: Vec<(String, String)>,
    pub(super) public_name: String,
    /// Id and name.
    pub(super) groups: Vec<(String, String)>,
    pub(super) subnet: String,
    pub(super) subnet_block: String,
    pub(super) vpc: String,
    pub(super) vpc_blocks: Vec<String>,
    pub(super) ipv6: Vec<String>,
    pub(super) subnet_blocks_v6: Vec<String>,
    pub(super) vpc_blocks_v6: Vec<String>,
}

/// The instance profile.
#[derive(Clone, Debug, Default)]
pub(super) struct Profile {
    pub(super) arn: String,
    pub(super) id: String,
    pub(super) since: Timestamp,
    /// Whether IAM still has it.
    pub(super) is_there: bool,
    pub(super) role: Option<Role>,
}

/// The role that a profile holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Role {
    pub(super) name: String,
    pub(super) id: String,
    pub(super) arn: String,
}

/// What stands at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Leaf {
    Text(Vec<u8>),
    /// The credentials of a role, which are made when they are asked for.
    Credentials(Role),
}

/// A tree below `/latest/`.
#[derive(Debug, Default)]
pub(super) struct Tree {
    leaves: BTreeMap<String, Leaf>,
    /// The entry of the one key in the list of keys: `0=name`.
    key: Option<String>,
}

const ROOT: &str = "latest";
/// The versions of the tree, by the day on which they came.
const DATED: [&str; 27] = [
    "1.0",
    "2007-01-19",
    "2007-03-01",
    "2007-08-29",
    "2007-10-10",
    "2007-12-15",
    "2008-02-01",
    "2008-09-01",
    "2009-04-04",
    "2011-01-01",
    "2011-05-01",
    "2012-01-12",
    "2014-02-25",
    "2014-11-05",
    "2015-10-20",
    "2016-04-19",
    "2016-06-30",
    "2016-09-02",
    "2018-03-28",
    "2018-08-17",
    "2018-09-24",
    "2019-10-01",
    "2020-10-27",
    "2021-01-03",
    "2021-03-23",
    "2021-07-15",
    "2022-09-24",
];
const KEYS: &str = "meta-data/public-keys/";

impl Tree {
    pub(super) fn of(facts: &Facts) -> Tree {
        let mut tree = Tree::default();
        tree.general(facts);
        facts.interfaces.iter().for_each(|nic| tree.interface(nic));
        for name in ["ami", "root"] {
            tree.put(format!("meta-data/block-device-mapping/{name}"), ec2::disk::ROOT);
        }
        for (number, device) in (1..).zip(&facts.disks) {
            let device = device.trim_start_matches("/dev/");
            tree.put(format!("meta-data/block-device-mapping/ebs{number}"), device);
        }
        if let Some(first) = facts.interfaces.first() {
            tree.primary(first);
        }
        if let Some((name, text)) = &facts.key {
            tree.put(format!("{KEYS}0/openssh-key"), text);
            tree.key = Some(format!("0={name}"));
        }
        if let Some(profile) = &facts.profile {
            tree.profile(profile);
        }
        if let Some(notice) = &facts.notice {
            tree.notice(notice);
        }
        if let Some(state) = &facts.scales_to {
            tree.put("meta-data/autoscaling/target-lifecycle-state", state);
        }
        for (key, value) in facts.tags.iter().flatten().filter(|(key, _)| is_readable(key)) {
            tree.put(format!("meta-data/tags/instance/{key}"), value);
        }
        if !facts.user_data.is_empty() {
            tree.leaves.insert("user-data".into(), Leaf::Text(facts.user_data.clone()));
        }
        tree.put("dynamic/instance-identity/document", json::text(&identity(facts)));
        tree
    }

    fn put(&mut self, path: impl Into<String>, text: impl Into<String>) {
        self.leaves.insert(path.into(), Leaf::Text(text.into().into_bytes()));
    }

    fn general(&mut self, facts: &Facts) {
        for (path, text) in [
            ("ami-id", facts.image.as_str()),
            ("ami-launch-index", &facts.index.to_string()),
            ("hostname", &facts.host_name),
            ("instance-id", &facts.instance),
            ("instance-life-cycle", if facts.is_spot { "spot" } else { "on-demand" }),
            ("instance-type", &facts.kind),
            ("local-hostname", &facts.host_name),
            ("local-ipv4", &facts.address),
            ("placement/availability-zone", &facts.zone),
            ("placement/availability-zone-id", &facts.zone_id),
            ("placement/group-name", &facts.group),
            ("placement/partition-number", &facts.partition),
            ("placement/region", &facts.region),
            ("reservation-id", &facts.reservation),
            ("services/domain", "amazonaws.com"),
            ("services/partition", "aws"),
        ] {
            if !text.is_empty() {
                self.put(format!("meta-data/{path}"), text);
            }
        }
    }

    /// AWS: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instance-termination-notices.html>
    fn notice(&mut self, notice: &Notice) {
        let (action, time) =
            (if notice.stops { "stop" } else { "terminate" }, notice.at.whole_seconds().iso8601());
        self.put("meta-data/spot/instance-action", format!(r#"{{"action": "{action}", "time": "{time}"}}"#));
        if !notice.stops {
            self.put("meta-data/spot/termination-time", time);
        }
    }

    /// What of the first interface stands at the top.
    fn primary(&mut self, first: &Nic) {
        self.put("meta-data/mac", &first.mac);
        if let Some(ipv6) = first.ipv6.first() {
            self.put("meta-data/ipv6", ipv6);
        }
        let names: Vec<&str> = first.groups.iter().map(|(_, name)| name.as_str()).collect();
        self.put("meta-data/security-groups", names.join("\n"));
        if let Some((public, _)) = first.public.iter().find(|(_, own)| first.addresses.first() == Some(own)) {
            self.put("meta-data/public-ipv4", public);
            self.put("meta-data/public-hostname", &first.public_name);
        }
    }

    fn interface(&mut self, nic: &Nic) {
        let below = format!("meta-data/network/interfaces/macs/{}", nic.mac);
        let side = |pick: fn(&(String, String)) -> &String| {
            nic.groups.iter().map(|group| pick(group).as_str()).collect::<Vec<_>>().join("\n")
        };
        for (path, text) in [
            ("device-number", nic.device.to_string()),
            ("interface-id", nic.id.clone()),
            ("local-hostname", nic.host_name.clone()),
            ("local-ipv4s", nic.addresses.join("\n")),
            ("mac", nic.mac.clone()),
            ("owner-id", nic.owner.clone()),
            ("security-group-ids", side(|(id, _)| id)),
            ("security-groups", side(|(_, name)| name)),
            ("subnet-id", nic.subnet.clone()),
            ("subnet-ipv4-cidr-block", nic.subnet_block.clone()),
            ("vpc-id", nic.vpc.clone()),
            ("vpc-ipv4-cidr-block", nic.vpc_blocks.first().cloned().unwrap_or_default()),
            ("vpc-ipv4-cidr-blocks", nic.vpc_blocks.join("\n")),
            ("ipv6s", nic.ipv6.join("\n")),
            ("subnet-ipv6-cidr-blocks", nic.subnet_blocks_v6.join("\n")),
            ("vpc-ipv6-cidr-blocks", nic.vpc_blocks_v6.join("\n")),
        ] {
            let is_of_a_family = path.contains("ipv");
            if !is_of_a_family || !text.is_empty() {
                self.put(format!("{below}/{path}"), text);
            }
        }
        for (public, own) in &nic.public {
            self.put(format!("{below}/ipv4-associations/{public}"), own);
        }
        if !nic.public.is_empty() {
            let all: Vec<&str> = nic.public.iter().map(|(public, _)| public.as_str()).collect();
            self.put(format!("{below}/public-ipv4s"), all.join("\n"));
            self.put(format!("{below}/public-hostname"), &nic.public_name);
        }
    }

    /// AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_iam-ec2.html>
    fn profile(&mut self, profile: &Profile) {
        let code = if profile.is_there { "Success" } else { "InstanceProfileNotFound" };
        let info = [
            ("Code", Value::str(code)),
            ("LastUpdated", Value::Str(profile.since.whole_seconds().iso8601())),
            ("InstanceProfileArn", Value::str(&profile.arn)),
            ("InstanceProfileId", Value::str(&profile.id)),
        ];
        self.put("meta-data/iam/info", json::text(&Value::Struct(info.into_iter().collect())));
        if let Some(role) = &profile.role {
            let path = format!("meta-data/iam/security-credentials/{}", role.name);
            self.leaves.insert(path, Leaf::Credentials(role.clone()));
        }
    }

    /// What is at a path, or the list of what is below it.
    pub(super) fn get(&self, path: &str) -> Option<Leaf> {
        let path = path.strip_prefix('/').unwrap_or(path);
        if path.is_empty() {
            return Some(Leaf::Text([&DATED[..], &[ROOT]].concat().join("\n").into_bytes()));
        }
        let version = path.split('/').next().filter(|name| *name == ROOT || DATED.contains(name))?;
        let below = path.strip_prefix(version)?;
        if let Some(leaf) = below.strip_prefix('/').and_then(|path| self.leaves.get(path)) {
            return Some(leaf.clone());
        }
        let folder = match below {
            "" | "/" => String::new(),
            _ => format!("{}/", below.strip_prefix('/')?.trim_end_matches('/')),
        };
        let list = self.list(&folder);
        (!list.is_empty()).then(|| Leaf::Text(list.join("\n").into_bytes()))
    }

    fn list(&self, folder: &str) -> Vec<String> {
        if let (KEYS, Some(key)) = (folder, &self.key) {
            return vec![key.clone()];
        }
        let mut out: Vec<String> = Vec::new();
        let paths = self.leaves.range(folder.to_owned()..).map(|(path, _)| path);
        for rest in paths.map_while(|path| path.strip_prefix(folder)) {
            // At the top there are no slashes, as AWS has it.
            let entry = match rest.split_once('/') {
                Some((name, _)) if folder.is_empty() => name.to_owned(),
                Some((name, _)) => format!("{name}/"),
                None => rest.to_owned(),
            };
            if out.last() != Some(&entry) {
                out.push(entry);
            }
        }
        out
    }
}

/// Whether a tag's key can be part of a path. AWS refuses others when tags are made readable.
pub(crate) fn is_readable(key: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_+=,.@:".contains(c);
    key.chars().all(fits) && !matches!(key, "" | "." | ".." | "_index")
}

/// AWS: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-identity-documents.html>
fn identity(facts: &Facts) -> Value {
    let members = [
        ("accountId", Value::str(&facts.account)),
        ("architecture", Value::str(&facts.architecture)),
        ("availabilityZone", Value::str(&facts.zone)),
        ("billingProducts", Value::Null),
        ("devpayProductCodes", Value::Null),
        ("marketplaceProductCodes", Value::Null),
        ("imageId", Value::str(&facts.image)),
        ("instanceId", Value::str(&facts.instance)),
        ("instanceType", Value::str(&facts.kind)),
        ("kernelId", Value::Null),
        ("pendingTime", Value::Str(facts.launched.whole_seconds().iso8601())),
        ("privateIp", Value::str(&facts.address)),
        ("ramdiskId", Value::Null),
        ("region", Value::str(&facts.region)),
        ("version", Value::str("2017-09-30")),
    ];
    Value::Struct(members.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::{Facts, Leaf, Nic, Notice, Profile, Role, Tree};
    use base::Timestamp;

    fn facts() -> Facts {
        let text = str::to_owned;
        let role = Role { name: text("app"), id: text("AROA1"), ..Role::default() };
        Facts {
            account: text("123456789012"),
            region: text("us-east-1"),
            zone: text("us-east-1a"),
            instance: text("i-1"),
            address: text("10.0.1.10"),
            launched: Timestamp::from_seconds(0),
            key: Some((text("mine"), text("ssh-ed25519 AAAA mine"))),
            interfaces: vec![Nic {
                mac: text("02:00:00:00:00:01"),
                addresses: vec![text("10.0.1.10"), text("10.0.1.11")],
                public: vec![(text("198.18.0.1"), text("10.0.1.10"))],
                groups: vec![(text("sg-1"), text("web")), (text("sg-2"), text("ssh"))],
                vpc_blocks: vec![text("10.0.0.0/16"), text("10.1.0.0/16")],
                ..Nic::default()
            }],
            disks: vec![text("/dev/sdf"), text("/dev/xvdg")],
            profile: Some(Profile { is_there: true, role: Some(role), ..Profile::default() }),
            tags: Some(
                [("Name", "web"), ("a b", "x"), ("team/a", "y")].map(|(k, v)| (text(k), text(v))).into(),
            ),
            ..Facts::default()
        }
    }

    fn text(tree: &Tree, path: &str) -> Option<String> {
        match tree.get(path)? {
            Leaf::Text(bytes) => Some(String::from_utf8(bytes).unwrap()),
            Leaf::Credentials(role) => Some(format!("credentials of {}", role.id)),
        }
    }

    #[test]
    fn leaves_and_lists() {
        let tree = Tree::of(&facts());
        let mac = "/latest/meta-data/network/interfaces/macs/02:00:00:00:00:01";
        for (path, expected) in [
            ("/latest", Some("dynamic\nmeta-data")),
            ("/latest/", Some("dynamic\nmeta-data")),
            ("/latest/meta-data/instance-id", Some("i-1")),
            ("/latest/meta-data/block-device-mapping/", Some("ami\nebs1\nebs2\nroot")),
            ("/latest/meta-data/block-device-mapping/root", Some("/dev/xvda")),
            ("/latest/meta-data/block-device-mapping/ebs2", Some("xvdg")),
            ("/latest/meta-data/public-ipv4", Some("198.18.0.1")),
            ("/latest/meta-data/security-groups", Some("web\nssh")),
            ("/latest/meta-data/placement/", Some("availability-zone\nregion")),
            ("/latest/meta-data/placement", Some("availability-zone\nregion")),
            ("/latest/meta-data/network/", Some("interfaces/")),
            ("/latest/meta-data/network/interfaces/macs/", Some("02:00:00:00:00:01/")),
            (&format!("{mac}/local-ipv4s"), Some("10.0.1.10\n10.0.1.11")),
            (&format!("{mac}/ipv4-associations/198.18.0.1"), Some("10.0.1.10")),
            (&format!("{mac}/vpc-ipv4-cidr-block"), Some("10.0.0.0/16")),
            ("/latest/meta-data/public-keys/", Some("0=mine")),
            ("/latest/meta-data/public-keys/0/", Some("openssh-key")),
            ("/latest/meta-data/public-keys/0/openssh-key", Some("ssh-ed25519 AAAA mine")),
            ("/latest/meta-data/iam/", Some("info\nsecurity-credentials/")),
            ("/latest/meta-data/iam/security-credentials/", Some("app")),
            ("/latest/meta-data/iam/security-credentials/app", Some("credentials of AROA1")),
            ("/latest/meta-data/tags/instance/", Some("Name")),
            ("/latest/meta-data/instance-id/", None),
            ("/latest/meta-data/nothing", None),
            ("/latest/user-data", None),
            ("/later", None),
            ("/latestmeta-data", None),
        ] {
            assert_eq!(text(&tree, path).as_deref(), expected, "{path}");
        }
        let top = text(&tree, "/latest/meta-data/").unwrap();
        assert!(
            top.starts_with("ami-launch-index\nblock-device-mapping/\niam/\ninstance-id\n")
                && top.contains("\ntags/"),
            "{top}"
        );
        let document = text(&tree, "/latest/dynamic/instance-identity/document").unwrap();
        assert!(
            document.contains(r#""pendingTime":"1970-01-01T00:00:00Z","privateIp":"10.0.1.10""#),
            "{document}"
        );
    }

    #[test]
    fn an_interruption_is_told_before_it_comes() {
        let notice = Notice { at: Timestamp::from_seconds(120), stops: false, by_price: true };
        let spot = Facts { is_spot: true, notice: Some(notice.clone()), ..facts() };
        let tree = Tree::of(&spot);
        let said = |tree: &Tree, path: &str| text(tree, &format!("/latest/meta-data/{path}"));
        assert_eq!(said(&tree, "instance-life-cycle").as_deref(), Some("spot"));
        let action = r#"{"action": "terminate", "time": "1970-01-01T00:02:00Z"}"#;
        assert_eq!(said(&tree, "spot/instance-action").as_deref(), Some(action));
        assert_eq!(said(&tree, "spot/termination-time").as_deref(), Some("1970-01-01T00:02:00Z"));
        let tree = Tree::of(&Facts { notice: Some(Notice { stops: true, ..notice }), ..spot });
        assert!(said(&tree, "spot/instance-action").unwrap().contains(r#""stop""#));
        assert_eq!(said(&tree, "spot/termination-time"), None);
        assert_eq!(said(&Tree::of(&facts()), "spot/instance-action"), None);
    }

    #[test]
    fn who_is_in_a_group_knows_where_it_goes() {
        let tree = Tree::of(&Facts { scales_to: Some("Terminated".into()), ..facts() });
        assert_eq!(text(&tree, "/latest/meta-data/autoscaling/").as_deref(), Some("target-lifecycle-state"));
        let state = "/latest/meta-data/autoscaling/target-lifecycle-state";
        assert_eq!(text(&tree, state).as_deref(), Some("Terminated"));
        assert_eq!(text(&Tree::of(&facts()), state), None);
    }

    #[test]
    fn what_an_instance_does_not_have_is_not_there() {
        let bare = Facts { key: None, profile: None, tags: None, user_data: b"#!".to_vec(), ..facts() };
        let tree = Tree::of(&bare);
        for path in ["public-keys/", "iam/", "iam/info", "tags/", "tags/instance/Name"] {
            assert_eq!(text(&tree, &format!("/latest/meta-data/{path}")), None, "{path}");
        }
        assert_eq!(text(&tree, "/latest/user-data").as_deref(), Some("#!"));
        assert_eq!(text(&tree, "/latest").as_deref(), Some("dynamic\nmeta-data\nuser-data"));
        for dated in ["/1.0", "/2009-04-04", "/2021-03-23"] {
            assert_eq!(text(&tree, &format!("{dated}/user-data")).as_deref(), Some("#!"), "{dated}");
        }
        assert_eq!(text(&tree, "/2009-04-05/user-data"), None);
        let versions = text(&tree, "/").unwrap();
        assert!(versions.starts_with("1.0\n2007-01-19\n") && versions.ends_with("\nlatest"));
        let gone = Profile { role: None, ..Profile::default() };
        let tree = Tree::of(&Facts { profile: Some(gone), ..facts() });
        assert!(text(&tree, "/latest/meta-data/iam/info").unwrap().contains("InstanceProfileNotFound"));
        assert_eq!(text(&tree, "/latest/meta-data/iam/security-credentials/"), None);
    }
}
