//! How many of each an account may have. What is there already is laid into the tables: one more fits, and then none.
//!
//! AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>

use crate::harness::{Caller, Cloud};
use crate::iam_pems::{LEAF, LEAF_KEY};
use base::AccountId;
use security::iam::model::{
    INSTANCE_PROFILES, InstanceProfile, MANAGED_POLICIES, ManagedPolicy, OIDC_PROVIDERS, OidcProvider, ROLES,
    Role, SERVER_CERTIFICATES, ServerCertificate, USERS, User, named,
};
use serde_json::{Value, json};
use store::{Record, Table};

const ACCOUNT: &str = "123456789012";
const POLICY: &str =
    r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:ListBucket","Resource":"*"}}"#;
const TRUST: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":"ec2.amazonaws.com"}}}"#;

fn fill<R: Record>(cloud: &Cloud, table: &Table<R>, one: &R, count: usize) {
    let account = AccountId::parse(ACCOUNT).unwrap();
    let mut tx = cloud.cloud.store().begin();
    for n in 0..count {
        table.put(&mut tx, &named(account, &format!("n{n}")), one);
    }
    tx.commit().wait().unwrap();
}

/// The last place is taken, and the next is refused by the quota's name.
#[track_caller]
fn full(root: &Caller<'_>, operation: &str, quota: &str, max: usize, ask: impl Fn(&str) -> Value) {
    root.call("iam", operation, ask("last")).ok();
    let message = format!("Cannot exceed quota for {quota}: {max}");
    root.call("iam", operation, ask("beyond")).refused_with(409, "LimitExceeded", &message);
}

#[test]
fn accounts_have_room_for_so_many() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    fill(&cloud, &USERS, &User::default(), 4999);
    full(&root, "CreateUser", "UsersPerAccount", 5000, |name| json!({ "UserName": name }));
    fill(&cloud, &ROLES, &Role::default(), 999);
    full(
        &root,
        "CreateRole",
        "RolesPerAccount",
        1000,
        |name| json!({ "RoleName": name, "AssumeRolePolicyDocument": TRUST }),
    );
    fill(&cloud, &MANAGED_POLICIES, &ManagedPolicy::default(), 1499);
    full(
        &root,
        "CreatePolicy",
        "PoliciesPerAccount",
        1500,
        |name| json!({ "PolicyName": name, "PolicyDocument": POLICY }),
    );
    fill(&cloud, &INSTANCE_PROFILES, &InstanceProfile::default(), 999);
    full(
        &root,
        "CreateInstanceProfile",
        "InstanceProfilesPerAccount",
        1000,
        |name| json!({ "InstanceProfileName": name }),
    );
    fill(&cloud, &OIDC_PROVIDERS, &OidcProvider::default(), 99);
    full(
        &root,
        "CreateOpenIDConnectProvider",
        "OpenIdConnectProvidersPerAccount",
        100,
        |name| json!({ "Url": format!("https://{name}.example.com") }),
    );
    fill(&cloud, &SERVER_CERTIFICATES, &ServerCertificate::default(), 19);
    let certificate = |name: &str| json!({ "ServerCertificateName": name, "CertificateBody": LEAF, "PrivateKey": LEAF_KEY });
    full(&root, "UploadServerCertificate", "ServerCertificatesPerAccount", 20, certificate);
    // Another account has places of its own.
    cloud.root("210987654321").call("iam", "CreateUser", json!({ "UserName": "last" })).ok();
}
