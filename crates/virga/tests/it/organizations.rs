//! Organizations: the tree, its accounts, and policies that limit what their accounts may do.

use crate::harness::{Caller, Cloud};
use crate::sts_assume_role::{ONE, TWO, policy, put_role, put_user, trust, with};
use serde_json::{Value, json};
use std::time::Duration;

/// An organization of [`ONE`], its root's id, and one more account, by number.
struct Setting<'c> {
    management: Caller<'c>,
    root: String,
    account: String,
}

fn organization(cloud: &Cloud) -> Setting<'_> {
    let management = cloud.root(ONE);
    management.call("organizations", "CreateOrganization", json!({})).ok();
    let roots = management.call("organizations", "ListRoots", json!({})).ok();
    let root = roots["Roots"][0]["Id"].as_str().unwrap().to_owned();
    let account = create_account(cloud, &management, "first");
    Setting { management, root, account }
}

fn create_account(cloud: &Cloud, management: &Caller<'_>, name: &str) -> String {
    let request = json!({"Email": format!("{name}@example.com"), "AccountName": name});
    let status =
        management.call("organizations", "CreateAccount", request).ok()["CreateAccountStatus"].take();
    assert_eq!((&status["State"], status.get("AccountId")), (&json!("IN_PROGRESS"), None));
    cloud.reconcile();
    let id = json!({"CreateAccountRequestId": status["Id"]});
    let status =
        management.call("organizations", "DescribeCreateAccountStatus", id).ok()["CreateAccountStatus"]
            .take();
    assert_eq!(status["State"], "SUCCEEDED", "{status}");
    status["AccountId"].as_str().unwrap().to_owned()
}

impl Setting<'_> {
    fn call(&self, operation: &str, request: Value) -> crate::harness::Reply {
        self.management.call("organizations", operation, request)
    }

    fn unit(&self, parent: &str, name: &str) -> String {
        let unit = self.call("CreateOrganizationalUnit", json!({"ParentId": parent, "Name": name})).ok();
        unit["OrganizationalUnit"]["Id"].as_str().unwrap().to_owned()
    }

    fn policy(&self, name: &str, kind: &str, content: &str) -> String {
        let request = json!({"Name": name, "Description": "", "Type": kind, "Content": content});
        let policy = self.call("CreatePolicy", request).ok();
        policy["Policy"]["PolicySummary"]["Id"].as_str().unwrap().to_owned()
    }

    fn attach(&self, policy: &str, target: &str) {
        self.call("AttachPolicy", json!({"PolicyId": policy, "TargetId": target})).ok();
    }

    fn detach(&self, policy: &str, target: &str) -> crate::harness::Reply {
        self.call("DetachPolicy", json!({"PolicyId": policy, "TargetId": target}))
    }
}

const SCP: &str = "SERVICE_CONTROL_POLICY";
const RCP: &str = "RESOURCE_CONTROL_POLICY";

#[test]
fn an_organization_begins_with_its_root_and_full_access() {
    let cloud = Cloud::new();
    let it = organization(&cloud);
    let shown = it.call("DescribeOrganization", json!({})).ok()["Organization"].take();
    let id = shown["Id"].as_str().unwrap();
    assert_eq!(shown["Arn"], format!("arn:aws:organizations::{ONE}:organization/{id}"));
    assert_eq!(shown["MasterAccountArn"], format!("arn:aws:organizations::{ONE}:account/{id}/{ONE}"));
    assert_eq!((&shown["FeatureSet"], id.len()), (&json!("ALL"), 12));
    let roots = it.call("ListRoots", json!({})).ok()["Roots"].take();
    let arn = format!("arn:aws:organizations::{ONE}:root/{id}/{}", it.root);
    let types = json!([{"Type": SCP, "Status": "ENABLED"}]);
    assert_eq!(roots, json!([{"Id": it.root, "Arn": arn, "Name": "Root", "PolicyTypes": types}]));
    for target in [it.root.as_str(), ONE, &it.account] {
        let found = it.call("ListPoliciesForTarget", json!({"TargetId": target, "Filter": SCP})).ok();
        let full = json!([{
            "Id": "p-FullAWSAccess",
            "Arn": "arn:aws:organizations::aws:policy/service_control_policy/p-FullAWSAccess",
            "Name": "FullAWSAccess",
            "Description": "Allows access to every operation",
            "Type": SCP,
            "AwsManaged": true,
        }]);
        assert_eq!(found["Policies"], full, "{target}");
    }
    it.call("CreateOrganization", json!({})).refused(400, "AlreadyInOrganizationException");
    it.call("DeleteOrganization", json!({})).refused(400, "OrganizationNotEmptyException");
    it.call("RemoveAccountFromOrganization", json!({"AccountId": it.account})).ok();
    it.call("DeleteOrganization", json!({})).ok();
    it.call("DescribeOrganization", json!({})).refused_with(
        400,
        "AWSOrganizationsNotInUseException",
        "Your account is not a member of an organization.",
    );
}

#[test]
fn a_new_account_is_entered_through_its_access_role() {
    let cloud = Cloud::new();
    let it = organization(&cloud);
    let admin = put_user(&cloud, ONE, "admin", &policy("Allow", "sts:AssumeRole"));
    let arn = format!("arn:aws:iam::{}:role/OrganizationAccountAccessRole", it.account);
    let out = admin.call("sts", "AssumeRole", json!({"RoleArn": arn, "RoleSessionName": "it"})).ok();
    let inside = cloud.session(&out["Credentials"]);
    assert_eq!(inside.call("sts", "GetCallerIdentity", json!({})).ok()["Account"], it.account.as_str());
    inside.call("iam", "CreateUser", json!({"UserName": "eva"})).ok();
    let shown = it.call("DescribeAccount", json!({"AccountId": it.account})).ok()["Account"].take();
    let fields =
        ["Name", "Email", "Status", "JoinedMethod"].map(|name| shown[name].as_str().unwrap().to_owned());
    assert_eq!(fields, ["first", "first@example.com", "ACTIVE", "CREATED"]);
}

#[test]
fn an_account_that_cannot_be_made_says_why() {
    let cloud = Cloud::new();
    let it = organization(&cloud);
    let again = json!({"Email": "FIRST@example.com", "AccountName": "again"});
    let id = it.call("CreateAccount", again).ok()["CreateAccountStatus"]["Id"].take();
    cloud.reconcile();
    let failed =
        it.call("ListCreateAccountStatus", json!({"States": ["FAILED"]})).ok()["CreateAccountStatuses"]
            .take();
    assert_eq!(failed.as_array().map(Vec::len), Some(1));
    assert_eq!((&failed[0]["Id"], &failed[0]["FailureReason"]), (&id, &json!("EMAIL_ALREADY_EXISTS")));
    assert_eq!(it.call("ListAccounts", json!({})).ok()["Accounts"].as_array().map(Vec::len), Some(2));
}

#[test]
fn a_service_control_policy_denies_at_every_level_but_not_in_the_management_account() {
    let cloud = Cloud::new();
    let it = organization(&cloud);
    let unit = it.unit(&it.root, "unit");
    let moved = json!({"AccountId": it.account, "SourceParentId": it.root, "DestinationParentId": unit});
    it.call("MoveAccount", moved).ok();
    let deny = it.policy("no-users", SCP, &policy("Deny", "iam:CreateUser"));
    let admin = put_user(&cloud, &it.account, "admin", &policy("Allow", "*"));
    let create =
        |caller: &Caller<'_>, name: &str| caller.call("iam", "CreateUser", json!({"UserName": name}));
    create(&admin, "before").ok();
    for (n, target) in [it.root.as_str(), &unit, &it.account].into_iter().enumerate() {
        it.attach(&deny, target);
        let arn = format!("arn:aws:iam::{}:user", it.account);
        let name = format!("u{n}");
        create(&admin, &name).refused_with(
            403,
            "AccessDenied",
            &format!(
                "User: {arn}/admin is not authorized to perform: iam:CreateUser on resource: {arn}/{name} with an \
                 explicit deny in a service control policy"
            ),
        );
        create(&cloud.root(&it.account), &name).refused(403, "AccessDenied");
        create(&it.management, &name).ok();
        it.detach(&deny, target).ok();
        create(&admin, &name).ok();
    }
}

#[test]
fn what_a_level_does_not_allow_is_denied() {
    let cloud = Cloud::new();
    let it = organization(&cloud);
    let only_sts = it.policy("only-sts", SCP, &policy("Allow", "sts:*"));
    it.attach(&only_sts, &it.account);
    it.detach("p-FullAWSAccess", &it.account).ok();
    let root = cloud.root(&it.account);
    let message = root.call("iam", "CreateUser", json!({"UserName": "eva"})).refused(403, "AccessDenied");
    assert!(
        message.ends_with("because no service control policy allows the iam:CreateUser action"),
        "{message}"
    );
    it.detach(&only_sts, &it.account).refused_with(
        400,
        "ConstraintViolationException",
        "You cannot remove the last policy attached to the specified target. You must have at least one attached at \
         all times.",
    );
    // Turning the type off lifts all limits, and forgets what was attached.
    let kind = json!({"RootId": it.root, "PolicyType": SCP});
    it.call("DisablePolicyType", kind.clone()).ok();
    root.call("iam", "CreateUser", json!({"UserName": "eva"})).ok();
    it.call("EnablePolicyType", kind.clone()).ok();
    it.call("EnablePolicyType", kind).refused(400, "PolicyTypeAlreadyEnabledException");
    let found = it.call("ListPoliciesForTarget", json!({"TargetId": it.account, "Filter": SCP})).ok();
    assert_eq!(found["Policies"][0]["Id"], "p-FullAWSAccess");
}

#[test]
fn a_resource_control_policy_guards_roles_against_strangers() {
    let cloud = Cloud::new();
    let it = organization(&cloud);
    it.call("EnablePolicyType", json!({"RootId": it.root, "PolicyType": RCP})).ok();
    let everyone = trust(&json!({"AWS": "*"}), &json!("sts:AssumeRole"), &json!({}));
    let arn = put_role(&cloud, &it.account, "open", &everyone, "");
    let stranger = put_user(&cloud, TWO, "eva", &policy("Allow", "sts:*"));
    let member = put_user(&cloud, ONE, "eva", &policy("Allow", "sts:*"));
    let assume = json!({"RoleArn": arn, "RoleSessionName": "it"});
    stranger.call("sts", "AssumeRole", assume.clone()).ok();
    let id = it.call("DescribeOrganization", json!({})).ok()["Organization"]["Id"].take();
    let perimeter = json!({"Version": "2012-10-17", "Statement": {
        "Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole", "Resource": "*",
        "Condition": {"StringNotEqualsIfExists": {"aws:PrincipalOrgID": id}},
    }});
    it.attach(&it.policy("perimeter", RCP, &perimeter.to_string()), &it.root);
    let message = stranger.call("sts", "AssumeRole", assume.clone()).refused(403, "AccessDenied");
    assert!(message.ends_with(" with an explicit deny in a resource control policy"), "{message}");
    member.call("sts", "AssumeRole", assume).ok();
    let full = it.detach("p-RCPFullAWSAccess", &it.root).refused(400, "InvalidInputException");
    assert_eq!(full, "You can't detach the RCPFullAWSAccess policy.");
}

#[test]
fn nobody_may_do_anything_in_a_closed_account() {
    let cloud = Cloud::new();
    let it = organization(&cloud);
    let root = cloud.root(&it.account);
    root.call("iam", "CreateUser", json!({"UserName": "eva"})).ok();
    it.call("CloseAccount", json!({"AccountId": it.account})).ok();
    root.call("iam", "CreateUser", json!({"UserName": "bob"})).refused(403, "AccessDenied");
    it.call("CloseAccount", json!({"AccountId": it.account})).refused(400, "AccountAlreadyClosedException");
    it.call("CloseAccount", json!({"AccountId": ONE})).refused(400, "ConstraintViolationException");
    let shown = it.call("DescribeAccount", json!({"AccountId": it.account})).ok();
    assert_eq!(shown["Account"]["Status"], "SUSPENDED");
}

#[test]
fn the_tree_has_its_rules() {
    let cloud = Cloud::new();
    let it = organization(&cloud);
    let mut parent = it.root.clone();
    for level in 1..=5 {
        parent = it.unit(&parent, &format!("level{level}"));
    }
    let deep = it.call("CreateOrganizationalUnit", json!({"ParentId": parent, "Name": "level6"}));
    assert_eq!(deep.value["Reason"], "OU_DEPTH_LIMIT_EXCEEDED");
    deep.refused(400, "ConstraintViolationException");
    let twice = json!({"ParentId": it.root, "Name": "level1"});
    it.call("CreateOrganizationalUnit", twice).refused(400, "DuplicateOrganizationalUnitException");
    let units = it.call("ListOrganizationalUnitsForParent", json!({"ParentId": it.root})).ok();
    let first = &units["OrganizationalUnits"][0];
    let (unit, family) = (first["Id"].as_str().unwrap(), it.root.trim_start_matches("r-"));
    assert!(unit.starts_with(&format!("ou-{family}-")), "{unit}");
    let id = json!({"OrganizationalUnitId": unit});
    it.call("DeleteOrganizationalUnit", id).refused(400, "OrganizationalUnitNotEmptyException");
    it.call("DeleteOrganizationalUnit", json!({"OrganizationalUnitId": parent})).ok();
    it.call("DescribeOrganizationalUnit", json!({"OrganizationalUnitId": parent}))
        .refused(400, "OrganizationalUnitNotFoundException");
    let renamed = json!({"OrganizationalUnitId": unit, "Name": "other"});
    assert_eq!(it.call("UpdateOrganizationalUnit", renamed).ok()["OrganizationalUnit"]["Name"], "other");
    let move_to = |from: &str, to: &str| json!({"AccountId": it.account, "SourceParentId": from, "DestinationParentId": to});
    it.call("MoveAccount", move_to(unit, &it.root)).refused(400, "DuplicateAccountException");
    it.call("MoveAccount", move_to(&it.root, "ou-zzzz-12345678"))
        .refused(400, "DestinationParentNotFoundException");
    it.call("MoveAccount", move_to(&it.root, unit)).ok();
    let parents = it.call("ListParents", json!({"ChildId": it.account})).ok();
    assert_eq!(parents["Parents"], json!([{"Id": unit, "Type": "ORGANIZATIONAL_UNIT"}]));
    let children = it.call("ListChildren", json!({"ParentId": unit, "ChildType": "ACCOUNT"})).ok();
    assert_eq!(children["Children"], json!([{"Id": it.account, "Type": "ACCOUNT"}]));
}

#[test]
fn policies_have_their_rules() {
    let cloud = Cloud::new();
    let it = organization(&cloud);
    let id = it.policy("p", SCP, &policy("Deny", "s3:*"));
    let again = json!({"Name": "p", "Description": "", "Type": SCP, "Content": policy("Deny", "s3:*")});
    it.call("CreatePolicy", again.clone()).refused(400, "DuplicatePolicyException");
    it.call("CreatePolicy", with(again.clone(), json!({"Name": "q", "Content": "{}"})))
        .refused(400, "MalformedPolicyDocumentException");
    let other = with(again, json!({"Name": "q", "Type": "TAG_POLICY"}));
    it.call("CreatePolicy", other).refused_with(
        501,
        "NotImplemented",
        "Policies of the type TAG_POLICY are not built in this version of Virga.",
    );
    it.attach(&id, &it.account);
    let attachment = json!({"PolicyId": id, "TargetId": it.account});
    it.call("AttachPolicy", attachment).refused(400, "DuplicatePolicyAttachmentException");
    it.detach(&id, &it.root).refused(400, "PolicyNotAttachedException");
    it.call("DeletePolicy", json!({"PolicyId": id})).refused(400, "PolicyInUseException");
    let targets = it.call("ListTargetsForPolicy", json!({"PolicyId": id})).ok();
    assert_eq!(
        (&targets["Targets"][0]["TargetId"], &targets["Targets"][0]["Type"]),
        (&json!(it.account), &json!("ACCOUNT"))
    );
    it.detach(&id, &it.account).ok();
    it.call("DeletePolicy", json!({"PolicyId": id})).ok();
    it.call("DescribePolicy", json!({"PolicyId": id})).refused(400, "PolicyNotFoundException");
    let full = json!({"PolicyId": "p-FullAWSAccess"});
    it.call("DescribePolicy", full.clone()).ok();
    let immutable = it.call("DeletePolicy", full);
    assert_eq!(immutable.value["Reason"], "IMMUTABLE_POLICY");
    immutable.refused(400, "InvalidInputException");
    let rcp = it.policy("r", RCP, r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*"}}"#);
    it.call("AttachPolicy", json!({"PolicyId": rcp, "TargetId": it.root}))
        .refused(400, "PolicyTypeNotEnabledException");
}

#[test]
fn members_manage_nothing_and_may_leave() {
    let cloud = Cloud::new();
    let it = organization(&cloud);
    let member = cloud.root(&it.account);
    member.call("organizations", "DescribeOrganization", json!({})).ok();
    member.call("organizations", "ListAccounts", json!({})).refused_with(
        400,
        "AccessDeniedException",
        "You don't have permissions to access this resource.",
    );
    it.call("LeaveOrganization", json!({})).refused(400, "MasterCannotLeaveOrganizationException");
    member.call("organizations", "LeaveOrganization", json!({})).ok();
    member
        .call("organizations", "DescribeOrganization", json!({}))
        .refused(400, "AWSOrganizationsNotInUseException");
}

#[test]
fn listings_have_pages_and_resources_have_tags() {
    let cloud = Cloud::new();
    let it = organization(&cloud);
    for n in 0..25 {
        it.unit(&it.root, &format!("u{n}"));
    }
    let page = |token: Value| {
        let request = json!({"ParentId": it.root, "NextToken": token});
        it.call("ListOrganizationalUnitsForParent", request).ok()
    };
    let first = page(Value::Null);
    let second = page(first["NextToken"].clone());
    let count = |page: &Value| page["OrganizationalUnits"].as_array().map(Vec::len);
    assert_eq!((count(&first), count(&second), second.get("NextToken")), (Some(20), Some(5), None));
    let bad = it.call("ListAccounts", json!({"NextToken": "nonsense"}));
    assert_eq!(bad.value["Reason"], "INVALID_NEXT_TOKEN");
    bad.refused(400, "InvalidInputException");
    for id in [it.root.as_str(), &it.account, ONE] {
        it.call(
            "TagResource",
            json!({"ResourceId": id, "Tags": [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}]}),
        )
        .ok();
        it.call("UntagResource", json!({"ResourceId": id, "TagKeys": ["b"]})).ok();
        let tags = it.call("ListTagsForResource", json!({"ResourceId": id})).ok();
        assert_eq!(tags["Tags"], json!([{"Key": "a", "Value": "1"}]), "{id}");
    }
}

#[test]
fn an_invited_account_joins_when_it_accepts() {
    let cloud = Cloud::new();
    let it = organization(&cloud);
    let invite = json!({"Target": {"Id": TWO, "Type": "ACCOUNT"}, "Notes": "welcome"});
    let handshake = it.call("InviteAccountToOrganization", invite.clone()).ok()["Handshake"].take();
    assert_eq!((&handshake["State"], &handshake["Action"]), (&json!("OPEN"), &json!("INVITE")));
    it.call("InviteAccountToOrganization", invite.clone()).refused(400, "DuplicateHandshakeException");
    let id = json!({"HandshakeId": handshake["Id"]});
    it.call("AcceptHandshake", id.clone()).refused(400, "AccessDeniedException");
    let two = cloud.root(TWO);
    let listed = two.call("organizations", "ListHandshakesForAccount", json!({})).ok();
    assert_eq!(listed["Handshakes"][0]["Id"], handshake["Id"]);
    cloud
        .root("333333333333")
        .call("organizations", "DescribeHandshake", id.clone())
        .refused(400, "HandshakeNotFoundException");
    let accepted = two.call("organizations", "AcceptHandshake", id.clone()).ok();
    assert_eq!(accepted["Handshake"]["State"], "ACCEPTED");
    two.call("organizations", "AcceptHandshake", id.clone()).refused(400, "HandshakeAlreadyInStateException");
    it.call("CancelHandshake", id).refused(400, "InvalidHandshakeTransitionException");
    let shown = it.call("DescribeAccount", json!({"AccountId": TWO})).ok();
    assert_eq!(shown["Account"]["JoinedMethod"], "INVITED");
    it.attach(&it.policy("no-users", SCP, &policy("Deny", "iam:*")), TWO);
    two.call("iam", "ListUsers", json!({})).refused(403, "AccessDenied");
    let again = it.call("InviteAccountToOrganization", invite);
    assert_eq!(again.value["Reason"], "ALREADY_IN_AN_ORGANIZATION");
    again.refused(400, "HandshakeConstraintViolationException");
}

#[test]
fn invitations_end_unanswered_declined_or_canceled() {
    let cloud = Cloud::new();
    let it = organization(&cloud);
    let two = cloud.root(TWO);
    let invite = || {
        let request = json!({"Target": {"Id": TWO, "Type": "ACCOUNT"}});
        let id = it.call("InviteAccountToOrganization", request).ok()["Handshake"]["Id"].take();
        json!({ "HandshakeId": id })
    };
    two.call("organizations", "DeclineHandshake", invite()).ok();
    it.call("CancelHandshake", invite()).ok();
    let id = invite();
    cloud.advance(std::time::Duration::from_secs(15 * 86_400));
    assert_eq!(it.call("DescribeHandshake", id.clone()).ok()["Handshake"]["State"], "EXPIRED");
    two.call("organizations", "AcceptHandshake", id).refused(400, "InvalidHandshakeTransitionException");
    let by_address = json!({"Target": {"Id": "eva@example.com", "Type": "EMAIL"}});
    it.call("InviteAccountToOrganization", by_address).refused(400, "InvalidInputException");
}

#[test]
fn nobody_acts_for_the_organization_beside_its_management() {
    let cloud = Cloud::new();
    let setting = organization(&cloud);
    let services = setting.call("ListAWSServiceAccessForOrganization", json!({})).ok();
    assert_eq!(services["EnabledServicePrincipals"], json!([]));
    let administrators = setting.call("ListDelegatedAdministrators", json!({})).ok();
    assert_eq!(administrators["DelegatedAdministrators"], json!([]));
    // No service of this cloud but IAM asks for trusted access.
    let enable = json!({"ServicePrincipal": "ram.amazonaws.com"});
    setting.call("EnableAWSServiceAccess", enable).refused(400, "InvalidInputException");
    for operation in ["ListAWSServiceAccessForOrganization", "ListDelegatedAdministrators"] {
        setting.call(operation, json!({"NextToken": "x"})).refused(400, "InvalidInputException");
        let member = cloud.root(&setting.account);
        member.call("organizations", operation, json!({})).refused(400, "AccessDeniedException");
        let outsider = cloud.root(TWO);
        outsider
            .call("organizations", operation, json!({}))
            .refused(400, "AWSOrganizationsNotInUseException");
    }
}

const IAM: &str = "iam.amazonaws.com";

#[test]
fn an_account_may_administer_a_service_that_is_trusted() {
    let cloud = Cloud::new();
    let setting = organization(&cloud);
    let delegate = json!({"AccountId": setting.account, "ServicePrincipal": IAM});
    let service = json!({"ServicePrincipal": IAM});
    let reason = |reply: crate::harness::Reply| reply.value["Reason"].clone();
    assert_eq!(
        reason(setting.call("RegisterDelegatedAdministrator", delegate.clone())),
        "SERVICE_ACCESS_NOT_ENABLED"
    );
    setting.call("EnableAWSServiceAccess", service.clone()).ok();
    setting.call("EnableAWSServiceAccess", service.clone()).ok();
    let services = setting.call("ListAWSServiceAccessForOrganization", json!({})).ok();
    assert_eq!(
        services["EnabledServicePrincipals"],
        json!([{"ServicePrincipal": IAM, "DateEnabled": 1_768_478_400}])
    );
    let own = json!({"AccountId": ONE, "ServicePrincipal": IAM});
    assert_eq!(
        reason(setting.call("RegisterDelegatedAdministrator", own)),
        "CANNOT_REGISTER_MASTER_AS_DELEGATED_ADMINISTRATOR"
    );
    let stranger = json!({"AccountId": TWO, "ServicePrincipal": IAM});
    setting.call("RegisterDelegatedAdministrator", stranger).refused(400, "AccountNotFoundException");
    setting
        .call("DeregisterDelegatedAdministrator", delegate.clone())
        .refused(400, "AccountNotRegisteredException");
    setting.call("RegisterDelegatedAdministrator", delegate.clone()).ok();
    setting
        .call("RegisterDelegatedAdministrator", delegate.clone())
        .refused(400, "AccountAlreadyRegisteredException");
    let found = setting.call("ListDelegatedAdministrators", service.clone()).ok();
    let found = &found["DelegatedAdministrators"][0];
    assert_eq!((&found["Id"], &found["JoinedMethod"]), (&json!(setting.account), &json!("CREATED")));
    let account = json!({"AccountId": setting.account});
    let delegated = setting.call("ListDelegatedServicesForAccount", account.clone()).ok();
    assert_eq!(delegated["DelegatedServices"][0]["ServicePrincipal"], IAM);
    // It stays while it administers.
    assert_eq!(
        reason(setting.call("RemoveAccountFromOrganization", account.clone())),
        "CANNOT_REMOVE_DELEGATED_ADMINISTRATOR_FROM_ORG"
    );
    setting.call("DeregisterDelegatedAdministrator", delegate).ok();
    setting
        .call("ListDelegatedServicesForAccount", account.clone())
        .refused(400, "AccountNotRegisteredException");
    setting.call("RemoveAccountFromOrganization", account).ok();
    setting.call("DisableAWSServiceAccess", service).ok();
    let services = setting.call("ListAWSServiceAccessForOrganization", json!({})).ok();
    assert_eq!(services["EnabledServicePrincipals"], json!([]));
}

const TASKS: &str = "arn:aws:iam::aws:policy/root-task/";

fn assume_root(caller: &Caller<'_>, target: &str, task: &str) -> crate::harness::Reply {
    let task = json!({"arn": format!("{TASKS}{task}")});
    caller.call("sts", "AssumeRoot", json!({"TargetPrincipal": target, "TaskPolicyArn": task}))
}

#[test]
fn the_management_reaches_the_root_users_of_members_for_their_tasks() {
    let cloud = Cloud::new();
    let setting = organization(&cloud);
    let (ann, member) = (put_user(&cloud, ONE, "ann", &policy("Allow", "sts:AssumeRoot")), &setting.account);
    let audit = "IAMAuditRootUserCredentials";
    // One step after the other.
    setting
        .management
        .call("iam", "EnableOrganizationsRootSessions", json!({}))
        .refused(400, "ServiceAccessNotEnabledException");
    assume_root(&ann, member, audit).refused(403, "AccessDenied");
    setting.call("EnableAWSServiceAccess", json!({"ServicePrincipal": IAM})).ok();
    let features = setting.management.call("iam", "EnableOrganizationsRootSessions", json!({})).ok();
    assert_eq!(features["EnabledFeatures"], json!(["RootSessions"]));
    assume_root(&ann, member, audit).refused_with(
        403,
        "AccessDenied",
        "Centralized root access for this task is not enabled in your organization.",
    );
    setting.management.call("iam", "EnableOrganizationsRootCredentialsManagement", json!({})).ok();
    let features = setting.management.call("iam", "ListOrganizationsFeatures", json!({})).ok();
    assert_eq!(features["EnabledFeatures"], json!(["RootCredentialsManagement", "RootSessions"]));
    // The member's root user has a key. It is seen, and deleted, and nothing else is done.
    let root = cloud.root(member);
    let key = root.call("iam", "CreateAccessKey", json!({})).ok()["AccessKey"]["AccessKeyId"].clone();
    let out = assume_root(&ann, member, audit).ok();
    let session = cloud.session(&out["Credentials"]);
    let me = session.call("sts", "GetCallerIdentity", json!({})).ok();
    assert_eq!(me["Arn"], format!("arn:aws:iam::{member}:root"));
    let keys = session.call("iam", "ListAccessKeys", json!({})).ok();
    assert_eq!(keys["AccessKeyMetadata"][0]["AccessKeyId"], key);
    session.call("iam", "DeleteAccessKey", json!({"AccessKeyId": key})).refused(403, "AccessDenied");
    session.call("iam", "CreateUser", json!({"UserName": "x"})).refused(403, "AccessDenied");
    session.call("kms", "ListKeys", json!({})).refused(400, "AccessDeniedException");
    let arn = format!("arn:aws:iam::{member}:root");
    let out = assume_root(&ann, &arn, "IAMDeleteRootUserCredentials").ok();
    let session = cloud.session(&out["Credentials"]);
    session.call("iam", "DeleteAccessKey", json!({"AccessKeyId": key})).ok();
    // Nor is its MFA device safe.
    let device = json!({"SerialNumber": crate::s3_mfa::Device::of(&cloud, &root).serial});
    root.call("iam", "DeactivateMFADevice", device.clone()).refused(400, "ValidationError");
    session.call("iam", "DeactivateMFADevice", device.clone()).ok();
    session.call("iam", "DeactivateMFADevice", device).refused(404, "NoSuchEntity");
    cloud.advance(Duration::from_secs(900));
    session.call("iam", "ListAccessKeys", json!({})).refused(403, "ExpiredToken");
    // Policies know such a session from the root user itself.
    let out = assume_root(&ann, member, audit).ok();
    let session = cloud.session(&out["Credentials"]);
    let barred = json!({"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "iam:List*", "Resource": "*",
        "Condition": {"StringEquals": {"aws:AssumedRoot": "true"}}}});
    session.call("iam", "ListAccessKeys", json!({})).ok();
    setting.attach(&setting.policy("barred", SCP, &barred.to_string()), member);
    session.call("iam", "ListAccessKeys", json!({})).refused(403, "AccessDenied");
    root.call("iam", "ListAccessKeys", json!({})).ok();
    // Withdrawn trust ends it.
    setting.call("DisableAWSServiceAccess", json!({"ServicePrincipal": IAM})).ok();
    assume_root(&ann, member, audit).refused(403, "AccessDenied");
}

#[test]
fn nobody_else_reaches_a_root_user() {
    let cloud = Cloud::new();
    let setting = organization(&cloud);
    setting.call("EnableAWSServiceAccess", json!({"ServicePrincipal": IAM})).ok();
    setting.management.call("iam", "EnableOrganizationsRootSessions", json!({})).ok();
    let (member, unlock) = (&setting.account, "S3UnlockBucketPolicy");
    let ann = put_user(&cloud, ONE, "ann", &policy("Allow", "sts:AssumeRoot"));
    assume_root(&ann, member, unlock).ok();
    let bob = put_user(&cloud, ONE, "bob", &policy("Allow", "iam:*"));
    assume_root(&bob, member, unlock).refused(403, "AccessDenied");
    let narrow = with(
        serde_json::from_str(&policy("Allow", "sts:AssumeRoot")).unwrap(),
        json!({"Statement": {"Effect": "Allow", "Action": "sts:AssumeRoot", "Resource": format!("arn:aws:iam::{member}:root"),
            "Condition": {"StringEquals": {"sts:TaskPolicyArn": format!("{TASKS}SQSUnlockQueuePolicy")}}}}),
    );
    let eve = put_user(&cloud, ONE, "eve", &narrow.to_string());
    assume_root(&eve, member, unlock).refused(403, "AccessDenied");
    assume_root(&eve, member, "SQSUnlockQueuePolicy").ok();
    assume_root(&setting.management, member, unlock).refused_with(
        403,
        "AccessDenied",
        "Root users may not assume root sessions.",
    );
    let not_a_member = "The target is not a member account of your organization.";
    assume_root(&ann, TWO, unlock).refused_with(403, "AccessDenied", not_a_member);
    assume_root(&ann, ONE, unlock).refused_with(403, "AccessDenied", not_a_member);
    assume_root(&ann, member, "None").refused(400, "ValidationError");
    assume_root(&ann, "not-an-account", unlock).refused(400, "ValidationError");
    // A member reaches nobody, unless it administers; what it may not do is switch features on.
    let other = create_account(&cloud, &setting.management, "second");
    let there = cloud.user(&cloud.root(member), "there", &policy("Allow", "*"));
    assume_root(&there, &other, unlock).refused(403, "AccessDenied");
    let list = |caller: &Caller<'_>| caller.call("iam", "ListOrganizationsFeatures", json!({}));
    list(&there).refused(400, "AccountNotManagementOrDelegatedAdministratorException");
    list(&cloud.root(TWO)).refused(400, "OrganizationNotFoundException");
    let delegate = json!({"AccountId": member, "ServicePrincipal": IAM});
    setting.call("RegisterDelegatedAdministrator", delegate).ok();
    assume_root(&there, &other, unlock).ok();
    assert_eq!(list(&there).ok()["EnabledFeatures"], json!(["RootSessions"]));
    there
        .call("iam", "EnableOrganizationsRootCredentialsManagement", json!({}))
        .refused(400, "CallerIsNotManagementAccountException");
    there.call("iam", "DisableOrganizationsRootSessions", json!({})).ok();
    assume_root(&there, &other, unlock).refused(403, "AccessDenied");
}
