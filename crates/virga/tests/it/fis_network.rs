//! Connectivity that experiments disrupt: by network ACLs in whose place the old ones come back, whatever happened.

use crate::ec2_profiles::IMAGE;
use crate::ec2_zones::until;
use crate::fis::{ACCOUNT, MINUTE, experiment, fis, is, make, plan, refused, start};
use crate::harness::{Caller, Cloud};
use crate::vpc_networks::{ec2, filter, items, text};
use crate::vpc_plane::cloud;
use compute::fis::work::experiment_of;
use host::{Driver, Place, Simulator};
use network::vpc::why::{Protocol, Question, why};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// A role with AWS's own policy for such experiments.
fn role(root: &Caller<'_>) -> String {
    let trust = json!({ "Version": "2012-10-17", "Statement": { "Effect": "Allow",
        "Principal": { "Service": "fis.amazonaws.com" }, "Action": "sts:AssumeRole" } });
    let asked = json!({ "RoleName": "chaos", "AssumeRolePolicyDocument": trust.to_string() });
    let made = root.call("iam", "CreateRole", asked).ok();
    let policy = "arn:aws:iam::aws:policy/service-role/AWSFaultInjectionSimulatorNetworkAccess";
    root.call("iam", "AttachRolePolicy", json!({ "RoleName": "chaos", "PolicyArn": policy })).ok();
    text(&made["Role"]["Arn"])
}

/// Two machines of the default VPC, each in its zone, and whether the first reaches the second.
struct Pair {
    cloud: Cloud,
    plane: Arc<Simulator>,
    from: String,
    to: String,
    address: String,
    /// The subnet of the second, and its VPC.
    subnet: String,
    vpc: String,
}

impl Pair {
    fn new(near: &str, far: &str) -> Pair {
        let (cloud, plane) = cloud(Simulator::new(), None);
        let root = cloud.root(ACCOUNT);
        let launch = |zone: &str| {
            let asked = json!({ "ImageId": IMAGE, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1,
                "Placement": { "AvailabilityZone": zone } });
            ec2(&root, "RunInstances", asked)["instancesSet"][0].clone()
        };
        let (from, to) = (launch(near), launch(far));
        let (from, to_id) = (text(&from["instanceId"]), text(&to["instanceId"]));
        let all = [from.clone(), to_id.clone()];
        until(&cloud, || all.iter().all(|id| plane.inventory().unwrap().machines.contains(id)));
        let (address, subnet, vpc) =
            (text(&to["privateIpAddress"]), text(&to["subnetId"]), text(&to["vpcId"]));
        Pair { plane, from, to: to_id, address, subnet, vpc, cloud }
    }

    fn works(&self) -> bool {
        self.cloud.reconcile();
        let to = format!("{}:80", self.address).parse().unwrap();
        let _listener = self.plane.listen(&Place::Machine(self.to.clone()), to).unwrap();
        self.plane.connect(&Place::Machine(self.from.clone()), to, Duration::from_millis(300)).is_ok()
    }

    fn acl(&self) -> Value {
        let asked = json!({ "Filters": filter("association.subnet-id", &self.subnet) });
        ec2(&self.cloud.root(ACCOUNT), "DescribeNetworkAcls", asked)["networkAclSet"][0].clone()
    }

    fn begin(&self, role: &str, parameters: Value) -> String {
        let root = self.cloud.root(ACCOUNT);
        let actions = json!({ "cut": { "actionId": "aws:network:disrupt-connectivity",
            "parameters": parameters, "targets": { "Subnets": "mine" } } });
        let arn = format!("arn:aws:ec2:us-east-1:{ACCOUNT}:subnet/{}", self.subnet);
        let target =
            json!({ "resourceType": "aws:ec2:subnet", "resourceArns": [arn], "selectionMode": "ALL" });
        start(&root, &make(&root, plan(role, actions, json!({ "mine": target }))))
    }
}

fn entries(acl: &Value) -> Vec<(bool, String, String)> {
    let shown = |entry: &Value| {
        let egress = entry["egress"].as_str() == Some("true");
        (egress, text(&entry["cidrBlock"]), text(&entry["ruleAction"]))
    };
    items(&acl["entrySet"]).iter().map(shown).collect()
}

#[test]
fn a_subnet_is_cut_off_for_a_time_and_what_was_there_comes_back() {
    let pair = Pair::new("us-east-1a", "us-east-1b");
    let root = pair.cloud.root(ACCOUNT);
    let before = pair.acl();
    assert!(pair.works());
    let id = pair.begin(&role(&root), json!({ "scope": "all", "duration": "PT2M" }));
    until(&pair.cloud, || experiment(&root, &id)["actions"]["cut"]["state"]["status"] != "pending");
    assert_eq!(
        experiment(&root, &id)["actions"]["cut"]["state"]["status"],
        "running",
        "{}",
        experiment(&root, &id)
    );
    assert!(!pair.works());
    let cut = pair.acl();
    assert_eq!(cut["tagSet"], json!([{ "key": "managedByFIS", "value": "true" }]));
    assert_ne!(cut["networkAclId"], before["networkAclId"]);
    // Who looks for the reason finds the experiment.
    let question = Question { from: pair.from.clone(), to: pair.to.clone(), protocol: Protocol::Tcp(80) };
    let told = why(&pair.cloud.cloud, &question).unwrap().unwrap();
    let stop = told.walk.obstacles().next().unwrap();
    assert_eq!(stop.code.as_str(), "SUBNET_ACL_RESTRICTION");
    let held = experiment_of(&pair.cloud.cloud.store().begin(), stop.component.id()).unwrap();
    assert_eq!(held.as_ref(), Some(&id));
    pair.cloud.advance(MINUTE * 2);
    until(&pair.cloud, || is(&root, &id, "completed"));
    assert!(pair.works());
    assert_eq!(pair.acl()["networkAclId"], before["networkAclId"]);
    let all = ec2(&root, "DescribeNetworkAcls", json!({ "Filters": filter("vpc-id", &pair.vpc) }));
    assert_eq!(items(&all["networkAclSet"]).len(), 1);
}

#[test]
fn other_zones_or_the_world_outside_are_cut_off_and_nothing_else() {
    let pair = Pair::new("us-east-1a", "us-east-1b");
    let root = pair.cloud.root(ACCOUNT);
    let role = role(&root);
    let id = pair.begin(&role, json!({ "scope": "availability-zone", "duration": "PT1H" }));
    until(&pair.cloud, || experiment(&root, &id)["actions"]["cut"]["state"]["status"] == "running");
    assert!(!pair.works());
    let denied: Vec<_> = entries(&pair.acl()).into_iter().filter(|(.., action)| action == "deny").collect();
    // Five other zones both ways, and what ends each list.
    assert_eq!(denied.len(), 12, "{denied:?}");
    // A subnet that is cut off already is not cut off again.
    let again = pair.begin(&role, json!({ "scope": "vpc", "duration": "PT2M" }));
    until(&pair.cloud, || is(&root, &again, "failed"));
    let why = text(&experiment(&root, &again)["actions"]["cut"]["state"]["reason"]);
    assert!(why.contains("is disrupted already"), "{why}");
    // Who stops it gets everything back.
    fis(&root, "StopExperiment", json!({ "id": id }));
    until(&pair.cloud, || is(&root, &id, "stopped"));
    assert!(pair.works());

    let id = pair.begin(&role, json!({ "scope": "vpc", "duration": "PT1M" }));
    until(&pair.cloud, || experiment(&root, &id)["actions"]["cut"]["state"]["status"] == "running");
    assert!(pair.works());
    let allowed: Vec<_> = entries(&pair.acl()).into_iter().filter(|(.., action)| action == "allow").collect();
    let inside = |egress: bool| (egress, "172.31.0.0/16".to_owned(), "allow".to_owned());
    assert_eq!(allowed, [inside(true), inside(false)]);
    pair.cloud.advance(MINUTE);
    until(&pair.cloud, || is(&root, &id, "completed"));
}

#[test]
fn services_and_lists_of_ones_own_are_denied_by_their_addresses() {
    let pair = Pair::new("us-east-1a", "us-east-1b");
    let root = pair.cloud.root(ACCOUNT);
    let role = role(&root);
    let asked = json!({ "PrefixListName": "partners", "MaxEntries": 11, "AddressFamily": "IPv4",
        "Entries": [{ "Cidr": format!("{}/32", ec2(&root, "DescribeInstances", json!({ "InstanceIds": [pair.from] }))["reservationSet"][0]["instancesSet"][0]["privateIpAddress"].as_str().unwrap()) }] });
    let list = text(&ec2(&root, "CreateManagedPrefixList", asked)["prefixList"]["prefixListId"]);
    for (name, works) in [("partners", false), (list.as_str(), false)] {
        let id = pair.begin(
            &role,
            json!({ "scope": "prefix-list", "prefixListIdentifier": name, "duration": "PT1M" }),
        );
        until(&pair.cloud, || experiment(&root, &id)["actions"]["cut"]["state"]["status"] == "running");
        assert_eq!(pair.works(), works);
        pair.cloud.advance(MINUTE);
        until(&pair.cloud, || is(&root, &id, "completed"));
        assert!(pair.works());
    }
    for scope in ["s3", "dynamodb"] {
        let id = pair.begin(&role, json!({ "scope": scope, "duration": "PT1M" }));
        until(&pair.cloud, || experiment(&root, &id)["actions"]["cut"]["state"]["status"] == "running");
        let name = format!("com.amazonaws.us-east-1.{scope}");
        let found =
            ec2(&root, "DescribeManagedPrefixLists", json!({ "Filters": filter("prefix-list-name", &name) }));
        let list = text(&found["prefixListSet"][0]["prefixListId"]);
        let blocks = ec2(&root, "GetManagedPrefixListEntries", json!({ "PrefixListId": list }));
        let block = text(&blocks["entrySet"][0]["cidr"]);
        assert!(entries(&pair.acl()).contains(&(true, block, "deny".into())), "{}", pair.acl());
        assert!(pair.works());
        pair.cloud.advance(MINUTE);
        until(&pair.cloud, || is(&root, &id, "completed"));
    }
    let id = pair.begin(
        &role,
        json!({ "scope": "prefix-list", "prefixListIdentifier": "nobody", "duration": "PT1M" }),
    );
    until(&pair.cloud, || is(&root, &id, "failed"));
    assert_eq!(experiment(&root, &id)["actions"]["cut"]["state"]["reason"], "nobody was not found.");
}

#[test]
fn who_moves_a_subnet_meanwhile_keeps_what_they_chose() {
    let pair = Pair::new("us-east-1a", "us-east-1b");
    let root = pair.cloud.root(ACCOUNT);
    let id = pair.begin(&role(&root), json!({ "scope": "all", "duration": "PT1M" }));
    until(&pair.cloud, || experiment(&root, &id)["actions"]["cut"]["state"]["status"] == "running");
    let own =
        ec2(&root, "CreateNetworkAcl", json!({ "VpcId": pair.vpc }))["networkAcl"]["networkAclId"].clone();
    let held = items(&pair.acl()["associationSet"])[0]["networkAclAssociationId"].clone();
    ec2(&root, "ReplaceNetworkAclAssociation", json!({ "AssociationId": held, "NetworkAclId": own }));
    pair.cloud.advance(MINUTE);
    until(&pair.cloud, || is(&root, &id, "completed"));
    assert_eq!(pair.acl()["networkAclId"], own);
}

#[test]
fn disruptions_are_told_and_refused_by_their_words() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let role = role(&root);
    let kind = fis(&root, "GetTargetResourceType", json!({ "resourceType": "aws:ec2:subnet" }));
    assert_eq!(kind["targetResourceType"]["parameters"]["vpc"]["required"], false);
    let cut = |parameters: Value| json!({ "cut": { "actionId": "aws:network:disrupt-connectivity", "parameters": parameters, "targets": { "Subnets": "mine" } } });
    let subnets = |more: Value| {
        let mut target = json!({ "resourceType": "aws:ec2:subnet", "selectionMode": "ALL" });
        target.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "mine": target })
    };
    let whole = || json!({ "scope": "all", "duration": "PT1M" });
    let here = || json!({ "parameters": { "vpc": "vpc-1", "availabilityZoneIdentifier": "us-east-1a" } });
    let arn = format!("arn:aws:ec2:us-east-1:{ACCOUNT}:instance/i-1");
    for (actions, targets, says) in [
        (
            cut(json!({ "scope": "some", "duration": "PT1M" })),
            subnets(here()),
            "The value some of the parameter scope",
        ),
        (cut(json!({ "scope": "prefix-list", "duration": "PT1M" })), subnets(here()), "prefixListIdentifier"),
        (cut(json!({ "scope": "all" })), subnets(here()), "must have the parameter duration"),
        (cut(whole()), subnets(json!({})), "must have resource ARNs, resource tags or filters"),
        (cut(whole()), subnets(json!({ "parameters": { "zone": "a" } })), "has no parameter zone"),
        (cut(whole()), subnets(json!({ "resourceArns": [arn] })), "is not of its resource type"),
        (
            cut(whole()),
            json!({ "mine": { "resourceType": "aws:ec2:instance", "resourceTags": { "a": "b" }, "selectionMode": "ALL" } }),
            "is not of the type aws:ec2:subnet",
        ),
    ] {
        let (code, message) = refused(&root, "CreateExperimentTemplate", plan(&role, actions, targets));
        assert!(code == "ValidationException" && message.contains(says), "{message}");
    }
    let made = fis(&root, "CreateExperimentTemplate", plan(&role, cut(whole()), subnets(here())));
    assert_eq!(made["experimentTemplate"]["targets"]["mine"]["parameters"]["vpc"], "vpc-1");
}
