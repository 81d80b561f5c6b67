//! Managed policies: versions, lists, who has them, what may be deleted when.

use crate::harness::Cloud;
use serde_json::{Value, json};

const ACCOUNT: &str = "123456789012";
const DOC: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;

fn arn(name: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:policy/{name}")
}

fn names(page: &Value, list: &str, member: &str) -> Vec<String> {
    let items = page[list].as_array().cloned().unwrap_or_default();
    items.iter().map(|item| item[member].as_str().unwrap_or_default().to_owned()).collect()
}

#[test]
fn a_policy_is_made_shown_and_deleted() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let made = root
        .call(
            "iam",
            "CreatePolicy",
            json!({"PolicyName": "Read", "Path": "/team/", "PolicyDocument": DOC, "Description": "d", "Tags": [{"Key": "a", "Value": "b"}]}),
        )
        .ok();
    assert_eq!(made["Policy"]["Arn"], json!(arn("team/Read")));
    assert_eq!(made["Policy"]["DefaultVersionId"], json!("v1"));
    assert_eq!(made["Policy"]["AttachmentCount"], json!("0"));
    assert!(made["Policy"]["PolicyId"].as_str().unwrap().starts_with("ANPA"));
    let shown = root.call("iam", "GetPolicy", json!({"PolicyArn": arn("team/Read")})).ok();
    assert_eq!(shown["Policy"]["Description"], json!("d"));
    assert_eq!(shown["Policy"]["Tags"], json!([{"Key": "a", "Value": "b"}]));
    // Names are unique whatever the path and the case.
    root.call("iam", "CreatePolicy", json!({"PolicyName": "READ", "PolicyDocument": DOC})).refused_with(
        409,
        "EntityAlreadyExists",
        "A policy called READ already exists. Duplicate names are not allowed.",
    );
    root.call("iam", "GetPolicy", json!({"PolicyArn": arn("Read")})).refused_with(
        404,
        "NoSuchEntity",
        &format!("Policy {} was not found.", arn("Read")),
    );
    root.call("iam", "GetPolicy", json!({"PolicyArn": "arn:aws:iam::123456789012:role/Read"})).refused_with(
        400,
        "InvalidInput",
        "ARN arn:aws:iam::123456789012:role/Read is not valid.",
    );
    root.call("iam", "DeletePolicy", json!({"PolicyArn": arn("team/Read")})).ok();
    root.call("iam", "GetPolicy", json!({"PolicyArn": arn("team/Read")})).refused(404, "NoSuchEntity");
}

#[test]
fn documents_are_checked() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let create = |document: &str| {
        root.call("iam", "CreatePolicy", json!({"PolicyName": "p", "PolicyDocument": document}))
    };
    create("{}").refused_with(400, "MalformedPolicyDocument", "Syntax errors in policy.");
    create(&DOC.replace("s3:*", "s3")).refused_with(
        400,
        "MalformedPolicyDocument",
        "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
    );
    let long = DOC.replace("\"s3:*\"", &format!("\"s3:{}\"", "a".repeat(6144)));
    create(&long).refused_with(409, "LimitExceeded", "Cannot exceed quota for PolicySize: 6144");
}

#[test]
fn five_versions_and_one_in_force() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    root.call("iam", "CreatePolicy", json!({"PolicyName": "p", "PolicyDocument": DOC})).ok();
    let version = |default: bool| {
        root.call(
            "iam",
            "CreatePolicyVersion",
            json!({"PolicyArn": arn("p"), "PolicyDocument": DOC, "SetAsDefault": default}),
        )
    };
    assert_eq!(version(true).ok()["PolicyVersion"]["IsDefaultVersion"], json!("true"));
    for _ in 0..3 {
        version(false).ok();
    }
    version(false).refused_with(
        409,
        "LimitExceeded",
        "A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing version.",
    );
    let list = root.call("iam", "ListPolicyVersions", json!({"PolicyArn": arn("p"), "MaxItems": 3})).ok();
    assert_eq!(names(&list, "Versions", "VersionId"), ["v5", "v4", "v3"]);
    let marker = list["Marker"].clone();
    let list = root.call("iam", "ListPolicyVersions", json!({"PolicyArn": arn("p"), "Marker": marker})).ok();
    assert_eq!(names(&list, "Versions", "VersionId"), ["v2", "v1"]);
    let of = |id: &str| json!({"PolicyArn": arn("p"), "VersionId": id});
    root.call("iam", "DeletePolicyVersion", of("v2")).refused_with(
        409,
        "DeleteConflict",
        "Cannot delete the default version of a policy.",
    );
    root.call("iam", "SetDefaultPolicyVersion", of("v1")).ok();
    root.call("iam", "DeletePolicyVersion", of("v2")).ok();
    root.call("iam", "GetPolicyVersion", of("v2")).refused_with(
        404,
        "NoSuchEntity",
        &format!("Policy {} version v2 does not exist or is not attachable.", arn("p")),
    );
    let one = root.call("iam", "GetPolicyVersion", of("v1")).ok();
    assert!(
        one["PolicyVersion"]["Document"].as_str().unwrap().starts_with("%7B%22Version%22%3A%222012-10-17%22")
    );
    // Numbers are not used again.
    assert_eq!(version(false).ok()["PolicyVersion"]["VersionId"], json!("v6"));
    root.call("iam", "DeletePolicy", json!({"PolicyArn": arn("p")})).refused_with(
        409,
        "DeleteConflict",
        "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The \
         default version is deleted with the policy.",
    );
}

#[test]
fn the_policies_of_aws_are_there_and_closed() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let admin = "arn:aws:iam::aws:policy/AdministratorAccess";
    let shown = root.call("iam", "GetPolicy", json!({"PolicyArn": admin})).ok();
    assert_eq!(shown["Policy"]["PolicyName"], json!("AdministratorAccess"));
    let version = shown["Policy"]["DefaultVersionId"].clone();
    let one = root.call("iam", "GetPolicyVersion", json!({"PolicyArn": admin, "VersionId": version})).ok();
    assert!(one["PolicyVersion"]["Document"].as_str().unwrap().contains("%22Action%22%3A%20%22%2A%22"));
    root.call("iam", "DeletePolicy", json!({"PolicyArn": admin})).refused_with(
        403,
        "AccessDenied",
        "User: arn:aws:iam::123456789012:root is not authorized to perform: iam:DeletePolicy on resource: policy \
         arn:aws:iam::aws:policy/AdministratorAccess",
    );
    let page = root.call("iam", "ListPolicies", json!({"Scope": "AWS", "MaxItems": 1000})).ok();
    assert_eq!(page["IsTruncated"], json!("true"));
    assert_eq!(page["Policies"].as_array().unwrap().len(), 1000);
    let rest = root
        .call("iam", "ListPolicies", json!({"Scope": "AWS", "MaxItems": 1000, "Marker": page["Marker"]}))
        .ok();
    assert_eq!(rest["IsTruncated"], json!("false"));
    // A marker belongs to its list.
    root.call("iam", "ListPolicies", json!({"Scope": "All", "Marker": page["Marker"]})).refused_with(
        400,
        "ValidationError",
        "Invalid Marker.",
    );
}

#[test]
fn uses_are_counted_and_listed() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    for name in ["p", "q"] {
        root.call("iam", "CreatePolicy", json!({"PolicyName": name, "PolicyDocument": DOC})).ok();
    }
    root.call("iam", "CreateUser", json!({"UserName": "eva", "PermissionsBoundary": arn("q")})).ok();
    root.call("iam", "CreateGroup", json!({"GroupName": "g", "Path": "/x/"})).ok();
    let trust = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}}"#;
    root.call("iam", "CreateRole", json!({"RoleName": "r", "AssumeRolePolicyDocument": trust})).ok();
    root.call("iam", "AttachUserPolicy", json!({"UserName": "eva", "PolicyArn": arn("p")})).ok();
    root.call("iam", "AttachGroupPolicy", json!({"GroupName": "g", "PolicyArn": arn("p")})).ok();
    root.call("iam", "AttachRolePolicy", json!({"RoleName": "r", "PolicyArn": arn("p")})).ok();
    let of = |name: &str| root.call("iam", "GetPolicy", json!({"PolicyArn": arn(name)})).ok();
    assert_eq!(of("p")["Policy"]["AttachmentCount"], json!("3"));
    assert_eq!(of("q")["Policy"]["PermissionsBoundaryUsageCount"], json!("1"));
    for name in ["p", "q"] {
        root.call("iam", "DeletePolicy", json!({"PolicyArn": arn(name)})).refused_with(
            409,
            "DeleteConflict",
            "Cannot delete a policy attached to entities.",
        );
    }
    let listed = |more: Value| {
        let mut request = json!({"Scope": "Local"});
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        names(&root.call("iam", "ListPolicies", request).ok(), "Policies", "PolicyName")
    };
    assert_eq!(listed(json!({})), ["p", "q"]);
    assert_eq!(listed(json!({"PolicyUsageFilter": "PermissionsBoundary"})), ["q"]);
    assert_eq!(listed(json!({"OnlyAttached": true, "PolicyUsageFilter": "PermissionsPolicy"})), ["p"]);
    let entities = root.call("iam", "ListEntitiesForPolicy", json!({"PolicyArn": arn("p")})).ok();
    assert_eq!(names(&entities, "PolicyUsers", "UserName"), ["eva"]);
    assert_eq!(names(&entities, "PolicyGroups", "GroupName"), ["g"]);
    assert_eq!(names(&entities, "PolicyRoles", "RoleName"), ["r"]);
    let some =
        root.call("iam", "ListEntitiesForPolicy", json!({"PolicyArn": arn("p"), "PathPrefix": "/x/"})).ok();
    assert_eq!(names(&some, "PolicyGroups", "GroupName"), ["g"]);
    assert_eq!(names(&some, "PolicyUsers", "UserName"), [""; 0]);
    let first = root.call("iam", "ListEntitiesForPolicy", json!({"PolicyArn": arn("p"), "MaxItems": 2})).ok();
    assert_eq!(first["IsTruncated"], json!("true"));
    let last = root
        .call("iam", "ListEntitiesForPolicy", json!({"PolicyArn": arn("p"), "Marker": first["Marker"]}))
        .ok();
    assert_eq!(names(&last, "PolicyRoles", "RoleName"), ["r"]);
}

#[test]
fn permission_is_by_arn_and_tag() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    root.call(
        "iam",
        "CreatePolicy",
        json!({"PolicyName": "mine", "PolicyDocument": DOC, "Tags": [{"Key": "owner", "Value": "eva"}]}),
    )
    .ok();
    root.call("iam", "CreatePolicy", json!({"PolicyName": "other", "PolicyDocument": DOC})).ok();
    let allow = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:DeletePolicy","Resource":"*",
        "Condition":{"StringEquals":{"iam:ResourceTag/owner":"eva"}}}]}"#;
    let eva = cloud.user(&root, "eva", allow);
    let message =
        eva.call("iam", "DeletePolicy", json!({"PolicyArn": arn("other")})).refused(403, "AccessDenied");
    assert_eq!(
        message,
        "User: arn:aws:iam::123456789012:user/eva is not authorized to perform: iam:DeletePolicy on resource: policy \
         arn:aws:iam::123456789012:policy/other because no identity-based policy allows the iam:DeletePolicy action"
            .replace("resource: policy ", "resource: "),
    );
    eva.call("iam", "DeletePolicy", json!({"PolicyArn": arn("mine")})).ok();
    // Whether it exists is for those to know who may ask.
    eva.call("iam", "GetPolicy", json!({"PolicyArn": arn("none")})).refused(403, "AccessDenied");
}
