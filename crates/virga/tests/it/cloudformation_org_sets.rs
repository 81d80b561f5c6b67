//! Stack sets of an organization: its units are where they go, and accounts that come and go change where they are.

use crate::harness::{Caller, Cloud, Reply};
use serde_json::{Value, json};
use std::time::Duration;

const CFN: &str = "cloudformation";
const ORG: &str = "organizations";
const MANAGEMENT: &str = "111122223333";
const SERVICE: &str = "member.org.stacksets.cloudformation.amazonaws.com";
const ADMINISTRATOR: &str = "AWSServiceRoleForCloudFormationStackSetsOrgAdmin";
const TEMPLATE: &str = "Resources: { Queue: { Type: 'AWS::SQS::Queue', Properties: { QueueName: own } } }";

/// An organization of a unit with a unit in it, and an account in each of these and in the root.
struct Setting<'a> {
    cloud: &'a Cloud,
    management: Caller<'a>,
    root: String,
    outer: String,
    inner: String,
    accounts: [String; 3],
}

fn setting(cloud: &Cloud) -> Setting<'_> {
    let management = cloud.root(MANAGEMENT);
    management.call(ORG, "CreateOrganization", json!({})).ok();
    let root = management.call(ORG, "ListRoots", json!({})).ok()["Roots"][0]["Id"].clone();
    let unit = |parent: &Value, name: &str| {
        let asked = json!({ "ParentId": parent, "Name": name });
        management.call(ORG, "CreateOrganizationalUnit", asked).ok()["OrganizationalUnit"]["Id"].clone()
    };
    let outer = unit(&root, "outer");
    let inner = unit(&outer, "inner");
    let accounts = [&root, &outer, &inner].map(|parent| account(cloud, &management, &root, parent));
    let text = |id: Value| id.as_str().unwrap().to_owned();
    Setting { cloud, root: text(root), outer: text(outer), inner: text(inner), accounts, management }
}

/// A new account below `parent`.
fn account(cloud: &Cloud, management: &Caller<'_>, root: &Value, parent: &Value) -> String {
    let name = format!("of-{}", parent.as_str().unwrap());
    let asked = json!({ "Email": format!("{name}@example.com"), "AccountName": name });
    let id = management.call(ORG, "CreateAccount", asked).ok()["CreateAccountStatus"]["Id"].clone();
    cloud.reconcile();
    let asked = json!({ "CreateAccountRequestId": id });
    let made = management.call(ORG, "DescribeCreateAccountStatus", asked).ok();
    let id = made["CreateAccountStatus"]["AccountId"].as_str().unwrap().to_owned();
    if parent != root {
        let asked = json!({ "AccountId": id, "SourceParentId": root, "DestinationParentId": parent });
        management.call(ORG, "MoveAccount", asked).ok();
    }
    id
}

impl Setting<'_> {
    fn call(&self, operation: &str, mut asked: Value) -> Reply {
        if !operation.ends_with("Access") {
            asked["StackSetName"] = json!("set");
        }
        self.management.call(CFN, operation, asked)
    }

    fn make(&self, more: &Value) -> Reply {
        let mut asked = json!({ "TemplateBody": TEMPLATE, "PermissionModel": "SERVICE_MANAGED" });
        asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.call("CreateStackSet", asked)
    }

    /// A set that follows the organization.
    fn following(&self, retains: bool) {
        self.call("ActivateOrganizationsAccess", json!({})).ok();
        let auto = json!({ "Enabled": true, "RetainStacksOnAccountRemoval": retains });
        self.make(&json!({ "AutoDeployment": auto })).ok();
    }

    fn spread(&self, operation: &str, targets: Value) -> String {
        let asked = json!({ "DeploymentTargets": targets, "Regions": ["us-east-1"] });
        let asked = match operation {
            "DeleteStackInstances" => {
                let mut asked = asked;
                asked["RetainStacks"] = json!(false);
                asked
            }
            _ => asked,
        };
        let id = self.call(operation, asked).ok()["OperationId"].as_str().unwrap().to_owned();
        self.settle();
        id
    }

    /// Lets the cloud work until nothing is under way.
    fn settle(&self) {
        for _ in 0..300 {
            self.cloud.reconcile();
            let all = self.call("ListStackSetOperations", json!({})).ok();
            let is_over = |own: &Value| !matches!(own["Status"].as_str().unwrap(), "RUNNING" | "STOPPING");
            if all["Summaries"].as_array().unwrap().iter().all(is_over) {
                return;
            }
            std::thread::sleep(Duration::from_millis(2));
            self.cloud.advance(Duration::from_secs(5));
        }
        panic!("the operations do not end");
    }

    /// Action and status, the first operation first.
    fn operations(&self) -> Vec<String> {
        let all = self.call("ListStackSetOperations", json!({})).ok();
        let mut all = all["Summaries"].as_array().unwrap().clone();
        all.reverse();
        all.iter().map(|own| format!("{} {}", own["Action"], own["Status"]).replace('"', "")).collect()
    }

    /// `account unit` of each stack of the set.
    fn instances(&self) -> Vec<(String, String)> {
        let all = self.call("ListStackInstances", json!({})).ok();
        let text = |own: &Value, member: &str| own[member].as_str().unwrap_or_default().to_owned();
        let pair = |own: &Value| (text(own, "Account"), text(own, "OrganizationalUnitId"));
        let mut all: Vec<(String, String)> =
            all["Summaries"].as_array().map(|all| all.iter().map(pair).collect()).unwrap_or_default();
        all.sort();
        all
    }

    fn queues(&self, account: &str) -> usize {
        let all = self.cloud.root(account).call("sqs", "ListQueues", json!({})).ok();
        all["QueueUrls"].as_array().map_or(0, Vec::len)
    }

    fn move_account(&self, account: &str, from: &str, to: &str) {
        let asked = json!({ "AccountId": account, "SourceParentId": from, "DestinationParentId": to });
        self.management.call(ORG, "MoveAccount", asked).ok();
        self.settle();
    }
}

fn sorted(mut all: Vec<(String, String)>) -> Vec<(String, String)> {
    all.sort();
    all
}

#[test]
fn access_is_given_and_taken_by_the_management_account() {
    let cloud = Cloud::new();
    let alone = cloud.root(MANAGEMENT);
    let asked =
        json!({ "StackSetName": "set", "TemplateBody": TEMPLATE, "PermissionModel": "SERVICE_MANAGED" });
    alone.call(CFN, "CreateStackSet", asked.clone()).refused_with(
        400,
        "ValidationError",
        "You must be the management account or delegated admin account of an organization before operating a SERVICE_MANAGED stack set",
    );
    alone.call(CFN, "ActivateOrganizationsAccess", json!({})).refused(400, "InvalidOperationException");
    let it = setting(&cloud);
    let status = || it.call("DescribeOrganizationsAccess", json!({})).ok()["Status"].clone();
    assert_eq!(status(), "DISABLED");
    let off = "You must enable organizations access to operate a service managed stack set";
    it.make(&json!({})).refused_with(400, "ValidationError", off);
    // Access that was given in Organizations alone is not enough.
    it.management.call(ORG, "EnableAWSServiceAccess", json!({ "ServicePrincipal": SERVICE })).ok();
    assert_eq!(status(), "DISABLED");
    it.call("ActivateOrganizationsAccess", json!({})).ok();
    assert_eq!(status(), "ENABLED");
    it.management.call("iam", "GetRole", json!({ "RoleName": ADMINISTRATOR })).ok();
    it.make(&json!({})).ok();
    let member = cloud.root(&it.accounts[0]);
    member.call(CFN, "ActivateOrganizationsAccess", json!({})).refused(400, "InvalidOperationException");
    assert_eq!(member.call(CFN, "DescribeOrganizationsAccess", json!({})).ok()["Status"], "DISABLED");
    member.call(CFN, "CreateStackSet", asked).refused(400, "ValidationError");
    // Who may not give access in Organizations may not by CloudFormation, either.
    let only = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"cloudformation:*","Resource":"*"}}"#;
    let eva = cloud.user(&it.management, "eva", only);
    eva.call(CFN, "DeactivateOrganizationsAccess", json!({})).refused(400, "InvalidOperationException");
    assert_eq!(status(), "ENABLED");
    it.call("DeactivateOrganizationsAccess", json!({})).ok();
    assert_eq!(status(), "DISABLED");
    let targets = json!({ "OrganizationalUnitIds": [it.root] });
    let asked = json!({ "DeploymentTargets": targets, "Regions": ["us-east-1"] });
    it.call("CreateStackInstances", asked).refused_with(400, "ValidationError", off);
}

#[test]
fn units_are_where_its_stacks_go() {
    let cloud = Cloud::new();
    let it = setting(&cloud);
    it.call("ActivateOrganizationsAccess", json!({})).ok();
    it.make(&json!({})).ok();
    let set = it.call("DescribeStackSet", json!({})).ok()["StackSet"].clone();
    assert_eq!(
        (&set["PermissionModel"], &set["AutoDeployment"]),
        (&json!("SERVICE_MANAGED"), &json!({ "Enabled": "false" }))
    );
    assert_eq!(set.get("AdministrationRoleARN"), None);
    let [first, second, third] = it.accounts.clone();
    let id = it.spread("CreateStackInstances", json!({ "OrganizationalUnitIds": [it.outer] }));
    assert_eq!(it.operations(), ["CREATE SUCCEEDED"]);
    let of = |account: &String| (account.clone(), it.outer.clone());
    assert_eq!(it.instances(), sorted(vec![of(&second), of(&third)]));
    assert_eq!([&first, &second, &third].map(|account| it.queues(account)), [0, 1, 1]);
    let told = it.call("DescribeStackSetOperation", json!({ "OperationId": id })).ok();
    assert_eq!(
        told["StackSetOperation"]["DeploymentTargets"],
        json!({ "OrganizationalUnitIds": [it.outer] })
    );
    let told = it.call("ListStackSetOperationResults", json!({ "OperationId": id })).ok();
    assert_eq!(told["Summaries"][0]["OrganizationalUnitId"], json!(it.outer));
    let set = it.call("DescribeStackSet", json!({})).ok()["StackSet"].clone();
    assert_eq!(set["OrganizationalUnitIds"], json!([it.outer]));
    // The roles that took it there are real ones.
    let roles = cloud.root(&second).call("iam", "ListRoles", json!({})).ok();
    let names: Vec<&str> =
        roles["Roles"].as_array().unwrap().iter().filter_map(|r| r["RoleName"].as_str()).collect();
    assert!(names.iter().any(|name| name.starts_with("stacksets-exec-")), "{names:?}");
    assert!(names.contains(&"AWSServiceRoleForCloudFormationStackSetsOrgMember"), "{names:?}");
    let caller = cloud.root(&second);
    let stack = caller.call(CFN, "DescribeStacks", json!({})).ok()["Stacks"][0]["StackName"].clone();
    assert!(stack.as_str().unwrap().starts_with("StackSet-set-"), "{stack}");

    // Nobody follows a set that does not deploy by itself.
    it.move_account(&first, &it.root, &it.outer);
    assert_eq!(it.operations().len(), 1);
    // All of a unit but one.
    let but =
        json!({ "OrganizationalUnitIds": [it.root], "Accounts": [third], "AccountFilterType": "DIFFERENCE" });
    it.spread("DeleteStackInstances", but);
    assert_eq!(it.instances(), vec![of(&third)]);
    assert_eq!([&first, &second, &third].map(|account| it.queues(account)), [0, 0, 1]);
    let one = json!({ "OrganizationalUnitIds": [it.outer], "Accounts": [first], "AccountFilterType": "INTERSECTION" });
    it.spread("CreateStackInstances", one);
    assert_eq!(it.instances(), sorted(vec![of(&first), of(&third)]));
    it.spread("DeleteStackInstances", json!({ "OrganizationalUnitIds": [it.root] }));
    assert_eq!(it.instances(), vec![]);
    it.call("DeleteStackSet", json!({})).ok();
}

#[test]
fn accounts_that_join_and_leave_are_followed() {
    let cloud = Cloud::new();
    let it = setting(&cloud);
    it.following(false);
    let [first, second, third] = it.accounts.clone();
    it.spread("CreateStackInstances", json!({ "OrganizationalUnitIds": [it.inner] }));
    let aims = it.call("ListStackSetAutoDeploymentTargets", json!({})).ok()["Summaries"].clone();
    assert_eq!(aims, json!([{ "OrganizationalUnitId": it.inner, "Regions": ["us-east-1"] }]));
    assert_eq!([&first, &second, &third].map(|account| it.queues(account)), [0, 0, 1]);
    it.move_account(&first, &it.root, &it.inner);
    assert_eq!(it.operations(), ["CREATE SUCCEEDED", "CREATE SUCCEEDED"]);
    assert_eq!([&first, &second, &third].map(|account| it.queues(account)), [1, 0, 1]);
    it.move_account(&third, &it.inner, &it.outer);
    assert_eq!(it.operations(), ["CREATE SUCCEEDED", "CREATE SUCCEEDED", "DELETE SUCCEEDED"]);
    assert_eq!([&first, &second, &third].map(|account| it.queues(account)), [1, 0, 0]);
    // What was taken away by hand stays away.
    let one = json!({ "OrganizationalUnitIds": [it.inner], "Accounts": [first], "AccountFilterType": "INTERSECTION" });
    it.spread("DeleteStackInstances", one);
    it.settle();
    assert_eq!((it.operations().len(), it.queues(&first)), (4, 0));
    it.move_account(&second, &it.outer, &it.inner);
    assert_eq!(it.queues(&second), 1);

    // From now on stacks stay where they are.
    let auto = json!({ "Enabled": true, "RetainStacksOnAccountRemoval": true });
    it.call("UpdateStackSet", json!({ "UsePreviousTemplate": true, "AutoDeployment": auto })).ok();
    it.settle();
    it.move_account(&second, &it.inner, &it.root);
    assert_eq!((it.instances(), it.queues(&second)), (vec![], 1));
}

#[test]
fn what_does_not_fit_is_refused() {
    let cloud = Cloud::new();
    let it = setting(&cloud);
    it.call("ActivateOrganizationsAccess", json!({})).ok();
    let refused = |more: Value| it.make(&more).refused(400, "ValidationError");
    refused(json!({ "AutoDeployment": { "Enabled": false, "RetainStacksOnAccountRemoval": true } }));
    refused(json!({ "ExecutionRoleName": "mine" }));
    refused(json!({ "PermissionModel": "SELF_MANAGED", "AutoDeployment": { "Enabled": true } }));
    it.make(&json!({ "CallAs": "DELEGATED_ADMIN" })).refused(501, "NotImplemented");
    it.make(&json!({ "AutoDeployment": { "Enabled": true, "DependsOn": ["arn"] } }))
        .refused(501, "NotImplemented");
    it.make(&json!({})).ok();
    let targets = |targets: Value| {
        let asked = json!({ "DeploymentTargets": targets, "Regions": ["us-east-1"] });
        it.call("CreateStackInstances", asked).refused(400, "ValidationError")
    };
    let account = &it.accounts[0];
    assert_eq!(targets(json!({ "Accounts": [account] })), "OrganizationalUnitIds are required");
    targets(json!({ "OrganizationalUnitIds": [it.root], "Accounts": [account] }));
    targets(json!({ "OrganizationalUnitIds": [it.root], "AccountFilterType": "DIFFERENCE" }));
    targets(json!({ "OrganizationalUnitIds": ["ou-nope-12345678"] }));
    let asked = json!({ "Accounts": [account], "Regions": ["us-east-1"] });
    let told = it.call("CreateStackInstances", asked).refused(400, "ValidationError");
    assert_eq!(
        told,
        "StackSets with SERVICE_MANAGED permission model can only have OrganizationalUnit as target"
    );
    let asked = json!({ "UsePreviousTemplate": true, "AutoDeployment": { "Enabled": true }, "Regions": ["us-east-1"] });
    it.call("UpdateStackSet", asked).refused(400, "ValidationError");
    let asked = json!({ "UsePreviousTemplate": true, "PermissionModel": "SELF_MANAGED" });
    it.call("UpdateStackSet", asked).refused(501, "NotImplemented");
}

#[test]
fn macros_are_for_sets_with_permissions_of_their_own() {
    let cloud = Cloud::new();
    let it = setting(&cloud);
    it.call("ActivateOrganizationsAccess", json!({})).ok();
    let template = "
Transform: AWS::Serverless-2016-10-31
Resources: { Queue: { Type: 'AWS::SQS::Queue', Properties: { QueueName: own } } }
";
    it.make(&json!({ "TemplateBody": template, "Capabilities": ["CAPABILITY_AUTO_EXPAND"] })).ok();
    let id = it.spread("CreateStackInstances", json!({ "OrganizationalUnitIds": [it.inner] }));
    assert_eq!(it.operations(), ["CREATE FAILED"]);
    let told = it.call("ListStackSetOperationResults", json!({ "OperationId": id })).ok();
    assert_eq!(
        told["Summaries"][0]["StatusReason"],
        "Stack sets with service-managed permissions do not support macros in templates."
    );
    assert_eq!(it.queues(&it.accounts[2]), 0);
}
