//! How many of each an account may have. What is there already is laid into the tables: one more fits, and then none.
//!
//! AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>

use crate::harness::{Caller, Cloud, START};
use crate::iam_pems::{CA, LEAF, LEAF_KEY, RSA, SSH};
use crate::iam_providers::metadata;
use base::AccountId;
use security::iam::model::{
    INSTANCE_PROFILES, InstanceProfile, MANAGED_POLICIES, MFA_DEVICES, ManagedPolicy, MfaDevice,
    OIDC_PROVIDERS, OidcProvider, ROLES, Role, SAML_PROVIDERS, SERVER_CERTIFICATES, SIGNING_CERTIFICATES,
    SSH_PUBLIC_KEYS, SamlProvider, ServerCertificate, SigningCertificate, SshPublicKey, USERS, User, mfa_key,
    named, of_user,
};
use security::iam::totp;
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
    fill(&cloud, &SAML_PROVIDERS, &SamlProvider::default(), 99);
    let document = metadata("https://idp.example", "");
    full(
        &root,
        "CreateSAMLProvider",
        "SAMLProvidersPerAccount",
        100,
        |name| json!({ "Name": name, "SAMLMetadataDocument": document }),
    );
    fill(&cloud, &SERVER_CERTIFICATES, &ServerCertificate::default(), 19);
    let certificate = |name: &str| json!({ "ServerCertificateName": name, "CertificateBody": LEAF, "PrivateKey": LEAF_KEY });
    full(&root, "UploadServerCertificate", "ServerCertificatesPerAccount", 20, certificate);
    // Another account has places of its own.
    cloud.root("210987654321").call("iam", "CreateUser", json!({ "UserName": "last" })).ok();
}

/// A user has room for so many credentials of each kind, whatever another has.
#[test]
fn users_have_room_for_so_many() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let account = AccountId::parse(ACCOUNT).unwrap();
    let user = |name: &str| {
        let made = root.call("iam", "CreateUser", json!({ "UserName": name })).ok();
        of_user(account, made["User"]["UserId"].as_str().unwrap())
    };
    let (eva, _bob) = (user("eva"), user("bob"));
    let mut tx = cloud.cloud.store().begin();
    for n in 0..4 {
        SSH_PUBLIC_KEYS.put(&mut tx, &eva.clone().str(&format!("n{n}")), &SshPublicKey::default());
    }
    let one = SigningCertificate { body: LEAF.into(), ..SigningCertificate::default() };
    SIGNING_CERTIFICATES.put(&mut tx, &eva.clone().str("n0"), &one);
    tx.commit().wait().unwrap();
    // The same but for one byte of the modulus.
    let other = &SSH.replacen("M12pXO", "M13pXO", 1);
    let ssh = |name: &str, body: &str| {
        let asked = json!({ "UserName": name, "SSHPublicKeyBody": body });
        root.call("iam", "UploadSSHPublicKey", asked)
    };
    ssh("eva", SSH).ok();
    ssh("eva", other).refused_with(409, "LimitExceeded", "Cannot exceed quota for SSHPublicKeysPerUser: 5");
    ssh("bob", other).ok();
    let signing = |name: &str, body: &str| {
        let asked = json!({ "UserName": name, "CertificateBody": body });
        root.call("iam", "UploadSigningCertificate", asked)
    };
    signing("eva", CA).ok();
    signing("eva", RSA).refused_with(409, "LimitExceeded", "Cannot exceed quota for CertificatesPerUser: 2");
    signing("bob", RSA).ok();
}

#[test]
fn a_user_has_eight_devices() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let account = AccountId::parse(ACCOUNT).unwrap();
    root.call("iam", "CreateUser", json!({ "UserName": "eva" })).ok();
    let seed = b"12345678901234567890";
    let serial = |n: usize| format!("arn:aws:iam::{ACCOUNT}:mfa/d{n}");
    let mut tx = cloud.cloud.store().begin();
    for n in 0..9 {
        let sealed_seed = cloud.cloud.sealer().seal(cloud.cloud.rng(), "iam/mfa-seed", seed);
        let device = MfaDevice { serial: serial(n), sealed_seed, ..MfaDevice::default() };
        MFA_DEVICES.put(&mut tx, &mfa_key(account, &serial(n)), &device);
    }
    tx.commit().wait().unwrap();
    let now = totp::step(START);
    let enable = |n: usize| {
        let asked = json!({
            "UserName": "eva", "SerialNumber": serial(n),
            "AuthenticationCode1": totp::code(seed, now), "AuthenticationCode2": totp::code(seed, now + 1),
        });
        root.call("iam", "EnableMFADevice", asked)
    };
    (0..8).for_each(|n| drop(enable(n).ok()));
    enable(8).refused_with(409, "LimitExceeded", "Cannot exceed quota for MFADevicesPerUser: 8");
    root.call("iam", "DeactivateMFADevice", json!({ "UserName": "eva", "SerialNumber": serial(0) })).ok();
    enable(8).ok();
}
