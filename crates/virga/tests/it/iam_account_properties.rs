//! Properties of an account: role manager, on and off.

use crate::harness::Cloud;
use serde_json::{Value, json};

const ACCOUNT: &str = "123456789012";
const ROLE: &str = "arn:aws:iam::123456789012:role/aws-service-role/role-manager.iam.amazonaws.com/AWSServiceRoleForIAMRoleManager";

fn enabled(on: &str) -> Value {
    json!({"Properties": {"RoleManager/Enabled": on}})
}

#[test]
fn role_manager_is_off_until_it_is_put_on_and_its_role_stays() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let shown = || root.call("iam", "GetAccountProperties", json!({})).ok()["Properties"].clone();
    assert_eq!(shown(), json!([{"key": "RoleManager/Enabled", "value": "false"}]));
    let name = json!({"RoleName": "AWSServiceRoleForIAMRoleManager"});
    root.call("iam", "GetRole", name.clone()).refused(404, "NoSuchEntity");
    root.call("iam", "PutAccountProperties", enabled("true")).ok();
    assert_eq!(shown(), json!([{"key": "RoleManager/Enabled", "value": "true"}]));
    let role = root.call("iam", "GetRole", name.clone()).ok()["Role"].clone();
    assert_eq!(role["Arn"], ROLE);
    let attached = root.call("iam", "ListAttachedRolePolicies", name.clone()).ok();
    assert_eq!(attached["AttachedPolicies"][0]["PolicyName"], "AWSIAMRoleManagerServiceRolePolicy");
    // Once more is no fault, and the role is the one that it was.
    root.call("iam", "PutAccountProperties", enabled("true")).ok();
    root.call("iam", "PutAccountProperties", enabled("false")).ok();
    assert_eq!(shown(), json!([{"key": "RoleManager/Enabled", "value": "false"}]));
    assert_eq!(root.call("iam", "GetRole", name).ok()["Role"]["RoleId"], role["RoleId"]);
}

#[test]
fn refusals_leave_everything_as_it_was() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    for (properties, words) in [
        (
            json!({"RoleManager": "true"}),
            "Property key must be in format Namespace/PropertyName: RoleManager",
        ),
        (json!({"Other/Enabled": "true"}), "Unsupported namespace: Other"),
        (json!({"RoleManager/Enabled": "yes"}), "Enabled must be 'true' or 'false'"),
    ] {
        root.call("iam", "PutAccountProperties", json!({ "Properties": properties })).refused_with(
            400,
            "InvalidInput",
            words,
        );
    }
    // A role of that name which is no service's is not taken for it.
    let trust = json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"AWS": ACCOUNT},
        "Action": "sts:AssumeRole"}});
    let own =
        json!({"RoleName": "AWSServiceRoleForIAMRoleManager", "AssumeRolePolicyDocument": trust.to_string()});
    root.call("iam", "CreateRole", own).ok();
    root.call("iam", "PutAccountProperties", enabled("true")).refused_with(
        400,
        "InvalidInput",
        "Service role name AWSServiceRoleForIAMRoleManager has been taken in this account, please try a different suffix.",
    );
    let shown = root.call("iam", "GetAccountProperties", json!({})).ok();
    assert_eq!(shown["Properties"][0]["value"], "false");
}

/// Who enables it makes a role, so needs that permission, too; policies may name the namespace.
#[test]
fn permissions() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let statement = json!({"Effect": "Allow", "Action": "iam:*AccountProperties", "Resource": "*",
        "Condition": {"ForAllValues:StringEquals": {"iam:AccountPropertyNamespaces": "RoleManager"}}});
    let policy = json!({"Version": "2012-10-17", "Statement": statement}).to_string();
    let eva = cloud.user(&root, "eva", &policy);
    eva.call("iam", "GetAccountProperties", json!({})).ok();
    eva.call("iam", "PutAccountProperties", enabled("false")).ok();
    eva.call("iam", "PutAccountProperties", enabled("true")).refused_with(
        403,
        "AccessDenied",
        &format!(
            "User: arn:aws:iam::{ACCOUNT}:user/eva is not authorized to perform: iam:CreateServiceLinkedRole on resource: \
             {ROLE} because no identity-based policy allows the iam:CreateServiceLinkedRole action"
        ),
    );
    eva.call("iam", "PutAccountProperties", json!({"Properties": {"Other/Enabled": "true"}}))
        .refused(403, "AccessDenied");
    assert_eq!(root.call("iam", "GetAccountProperties", json!({})).ok()["Properties"][0]["value"], "false");
}
