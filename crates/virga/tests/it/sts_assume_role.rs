//! AssumeRole: who may, what the session is, when it ends.

use crate::harness::{Caller, Cloud};
use base::AccountId;
use security::iam::model::{self, ACCESS_KEYS, AccessKey, ROLES, Role, USERS, User};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use store::Key;

pub(crate) const ONE: &str = "111111111111";
pub(crate) const TWO: &str = "222222222222";

fn account(id: &str) -> AccountId {
    AccountId::parse(id).unwrap()
}

/// A policy of one statement: `effect`, `action` on everything.
pub(crate) fn policy(effect: &str, action: &str) -> String {
    json!({"Version": "2012-10-17", "Statement": {"Effect": effect, "Action": action, "Resource": "*"}})
        .to_string()
}

/// A trust policy: whom, for what, and under which condition.
pub(crate) fn trust(principal: &Value, action: &Value, condition: &Value) -> String {
    let statement =
        json!({"Effect": "Allow", "Principal": principal, "Action": action, "Condition": condition});
    json!({"Version": "2012-10-17", "Statement": statement}).to_string()
}

fn inline(policy: &str) -> BTreeMap<String, String> {
    if policy.is_empty() { BTreeMap::new() } else { BTreeMap::from([("inline".into(), policy.into())]) }
}

/// Puts a role into the store as IAM would.
pub(crate) fn put_role(cloud: &Cloud, owner: &str, name: &str, trust: &str, policy: &str) -> String {
    put_role_with(
        cloud,
        owner,
        Role { name: name.into(), trust: trust.into(), inline: inline(policy), ..Role::default() },
    )
}

pub(crate) fn put_role_with(cloud: &Cloud, owner: &str, role: Role) -> String {
    let id = base::id::iam_unique_id(cloud.cloud.rng(), "AROA");
    let role = Role { path: "/".into(), id, session_seconds_max: role.session_seconds_max.max(3600), ..role };
    let mut tx = cloud.cloud.store().begin();
    ROLES.put(&mut tx, &model::named(account(owner), &role.name), &role);
    tx.commit().wait().unwrap();
    role.arn(account(owner))
}

/// Puts a user with a key into the store as IAM would.
pub(crate) fn put_user<'c>(cloud: &'c Cloud, owner: &str, name: &str, policy: &str) -> Caller<'c> {
    let rng = cloud.cloud.rng();
    let (id, key) = (base::id::iam_unique_id(rng, "AIDA"), base::id::iam_unique_id(rng, "AKIA"));
    let user = User { name: name.into(), path: "/".into(), id, inline: inline(policy), ..User::default() };
    let sealed_secret = cloud.cloud.sealer().seal(rng, "iam/access-key", b"secret");
    let access_key = AccessKey {
        id: key.clone(),
        account: account(owner),
        user: Some(name.into()),
        sealed_secret,
        active: true,
        ..AccessKey::default()
    };
    let mut tx = cloud.cloud.store().begin();
    USERS.put(&mut tx, &model::named(account(owner), name), &user);
    ACCESS_KEYS.put(&mut tx, &Key::global().str(&key), &access_key);
    tx.commit().wait().unwrap();
    cloud.caller(&key, "secret", None)
}

fn assume(arn: &str) -> Value {
    json!({"RoleArn": arn, "RoleSessionName": "it"})
}

/// `base` with further members.
pub(crate) fn with(mut base: Value, more: Value) -> Value {
    let Value::Object(more) = more else { panic!("an object") };
    base.as_object_mut().unwrap().extend(more);
    base
}

#[test]
fn a_session_is_its_role() {
    let cloud = Cloud::new();
    let user = put_user(&cloud, ONE, "eva", &policy("Allow", "sts:AssumeRole"));
    let arn =
        put_role(&cloud, ONE, "r", &trust(&json!({"AWS": ONE}), &json!("sts:AssumeRole"), &json!({})), "");
    let out = user.call("sts", "AssumeRole", assume(&arn)).ok();
    let session_arn = format!("arn:aws:sts::{ONE}:assumed-role/r/it");
    assert_eq!(out["AssumedRoleUser"]["Arn"], session_arn.as_str());
    assert!(out["Credentials"]["AccessKeyId"].as_str().unwrap().starts_with("ASIA"));
    assert_eq!(out["Credentials"]["Expiration"], "2026-01-15T13:00:00Z");
    assert_eq!(out.get("PackedPolicySize"), None);
    let me = cloud.session(&out["Credentials"]).call("sts", "GetCallerIdentity", json!({})).ok();
    assert_eq!(me["Arn"], session_arn.as_str());
    assert_eq!(me["UserId"], out["AssumedRoleUser"]["AssumedRoleId"]);
}

#[test]
fn a_session_ends_with_its_time_and_with_its_role() {
    let cloud = Cloud::new();
    let user = put_user(&cloud, ONE, "eva", &policy("Allow", "sts:AssumeRole"));
    let trusts = trust(&json!({"AWS": ONE}), &json!("sts:AssumeRole"), &json!({}));
    let arn = put_role(&cloud, ONE, "r", &trusts, "");
    let out = user.call("sts", "AssumeRole", with(assume(&arn), json!({"DurationSeconds": 900}))).ok();
    let session = cloud.session(&out["Credentials"]);
    session.call("sts", "GetCallerIdentity", json!({})).ok();
    cloud.advance(Duration::from_secs(899));
    session.call("sts", "GetCallerIdentity", json!({})).ok();
    cloud.advance(Duration::from_secs(1));
    session.call("sts", "GetCallerIdentity", json!({})).refused_with(
        403,
        "ExpiredToken",
        "The security token included in the request is expired",
    );
    let out = user.call("sts", "AssumeRole", assume(&arn)).ok();
    let session = cloud.session(&out["Credentials"]);
    session.call("sts", "GetCallerIdentity", json!({})).ok();
    // Another role of the same name is another role.
    put_role(&cloud, ONE, "r", &trusts, "");
    session.call("sts", "GetCallerIdentity", json!({})).refused_with(
        403,
        "InvalidClientTokenId",
        "The security token included in the request is invalid.",
    );
}

#[test]
fn a_token_belongs_to_its_key() {
    let cloud = Cloud::new();
    let user = put_user(&cloud, ONE, "eva", &policy("Allow", "sts:AssumeRole"));
    let trusts = trust(&json!({"AWS": ONE}), &json!("sts:AssumeRole"), &json!({}));
    let arn = put_role(&cloud, ONE, "r", &trusts, "");
    let (a, b) = (
        user.call("sts", "AssumeRole", assume(&arn)).ok(),
        user.call("sts", "AssumeRole", assume(&arn)).ok(),
    );
    let mixed = with(a["Credentials"].clone(), json!({"SessionToken": b["Credentials"]["SessionToken"]}));
    cloud.session(&mixed).call("sts", "GetCallerIdentity", json!({})).refused(403, "InvalidClientTokenId");
    let wrong = with(a["Credentials"].clone(), json!({"SecretAccessKey": "guess"}));
    cloud.session(&wrong).call("sts", "GetCallerIdentity", json!({})).refused(403, "SignatureDoesNotMatch");
}

/// Whom the trust policy names, what the user's own policy says, what the request carries, and what comes of it.
#[test]
fn conditions() {
    let user_arn = format!("arn:aws:iam::{ONE}:user/eva");
    let (by_name, by_account) = (json!({"AWS": user_arn}), json!({"AWS": ONE}));
    let other = json!({"AWS": TWO});
    let assume_only = json!("sts:AssumeRole");
    let both = json!(["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]);
    let tags = json!({"Tags": [{"Key": "team", "Value": "blue"}]});
    let no = json!({});
    let allow = policy("Allow", "sts:*");
    let deny = |action: &str, why: &str| {
        format!(
            "User: {user_arn} is not authorized to perform: {action} on resource: arn:aws:iam::{ONE}:role/r{why}"
        )
    };
    // AWS does not tell whether it is the trust policy.
    let trust_silent = |action: &str| deny(action, "");
    let identity_silent =
        deny("sts:AssumeRole", " because no identity-based policy allows the sts:AssumeRole action");
    let explicit = deny("sts:AssumeRole", " with an explicit deny in an identity-based policy");
    let silent = trust_silent("sts:AssumeRole");
    let equals = |key: &str, value: &str| json!({"StringEquals": {key: value}});
    let (none, deny_all) = (String::new(), policy("Deny", "sts:*"));
    let cases: Vec<(&str, &Value, &Value, Value, &str, Value, Option<String>)> = vec![
        ("named", &by_name, &assume_only, no.clone(), &none, no.clone(), None),
        ("account alone", &by_account, &assume_only, no.clone(), &none, no.clone(), Some(identity_silent)),
        ("account and identity", &by_account, &assume_only, no.clone(), &allow, no.clone(), None),
        ("denied", &by_name, &assume_only, no.clone(), &deny_all, no.clone(), Some(explicit)),
        ("other", &other, &assume_only, no.clone(), &allow, no.clone(), Some(silent.clone())),
        (
            "external id",
            &by_name,
            &assume_only,
            equals("sts:ExternalId", "x1"),
            &none,
            json!({"ExternalId": "x1"}),
            None,
        ),
        (
            "wrong id",
            &by_name,
            &assume_only,
            equals("sts:ExternalId", "x1"),
            &none,
            json!({"ExternalId": "x2"}),
            Some(silent.clone()),
        ),
        (
            "no id",
            &by_name,
            &assume_only,
            equals("sts:ExternalId", "x1"),
            &none,
            no.clone(),
            Some(silent.clone()),
        ),
        (
            "session name",
            &by_name,
            &assume_only,
            equals("sts:RoleSessionName", "it"),
            &none,
            no.clone(),
            None,
        ),
        (
            "session name of user",
            &by_name,
            &assume_only,
            equals("sts:RoleSessionName", "${aws:username}"),
            &none,
            no.clone(),
            Some(silent),
        ),
        (
            "tags untrusted",
            &by_name,
            &assume_only,
            no.clone(),
            &none,
            tags.clone(),
            Some(trust_silent("sts:TagSession")),
        ),
        ("tags", &by_name, &both, no.clone(), &none, tags.clone(), None),
        ("right tag", &by_name, &both, equals("aws:RequestTag/team", "blue"), &none, tags, None),
        (
            "source untrusted",
            &by_name,
            &assume_only,
            no.clone(),
            &none,
            json!({"SourceIdentity": "eva"}),
            Some(trust_silent("sts:SetSourceIdentity")),
        ),
        ("source", &by_name, &both, no.clone(), &none, json!({"SourceIdentity": "eva"}), None),
        (
            "mfa",
            &by_name,
            &assume_only,
            json!({"Bool": {"aws:MultiFactorAuthPresent": "true"}}),
            &none,
            no,
            Some(trust_silent("sts:AssumeRole")),
        ),
    ];
    for (name, principal, action, condition, own, request, refusal) in cases {
        let cloud = Cloud::new();
        let user = put_user(&cloud, ONE, "eva", own);
        let arn = put_role(&cloud, ONE, "r", &trust(principal, action, &condition), "");
        let reply = user.call("sts", "AssumeRole", with(assume(&arn), request));
        match refusal {
            None => assert_eq!(reply.status, 200, "{name}: {}", reply.value),
            Some(message) => assert_eq!((name, reply.refused(403, "AccessDenied")), (name, message)),
        }
    }
}

#[test]
fn across_accounts_both_sides_must_allow() {
    let cloud = Cloud::new();
    let free = put_user(&cloud, ONE, "free", &policy("Allow", "sts:AssumeRole"));
    let bound = put_user(&cloud, ONE, "bound", "");
    let open =
        put_role(&cloud, TWO, "open", &trust(&json!({"AWS": ONE}), &json!("sts:AssumeRole"), &json!({})), "");
    let shut =
        put_role(&cloud, TWO, "shut", &trust(&json!({"AWS": TWO}), &json!("sts:AssumeRole"), &json!({})), "");
    let out = free.call("sts", "AssumeRole", assume(&open)).ok();
    let me = cloud.session(&out["Credentials"]).call("sts", "GetCallerIdentity", json!({})).ok();
    assert_eq!(me["Account"], TWO);
    bound.call("sts", "AssumeRole", assume(&open)).refused(403, "AccessDenied");
    let shut_message = free.call("sts", "AssumeRole", assume(&shut)).refused(403, "AccessDenied");
    let missing = format!("arn:aws:iam::{TWO}:role/miss");
    let missing_message = free.call("sts", "AssumeRole", assume(&missing)).refused(403, "AccessDenied");
    assert_eq!(
        shut_message.replace("shut", "miss"),
        missing_message,
        "a missing role is like one that does not trust"
    );
}

#[test]
fn refusals() {
    let cloud = Cloud::new();
    let user = put_user(&cloud, ONE, "eva", &policy("Allow", "sts:*"));
    let trusts = trust(&json!({"AWS": ONE}), &json!(["sts:AssumeRole", "sts:TagSession"]), &json!({}));
    let arn = put_role(&cloud, ONE, "r", &trusts, "");
    let call = |more: Value| user.call("sts", "AssumeRole", with(assume(&arn), more));
    cloud.root(ONE).call("sts", "AssumeRole", assume(&arn)).refused_with(
        403,
        "AccessDenied",
        "Roles may not be assumed by root accounts.",
    );
    call(json!({"DurationSeconds": 3601})).refused_with(
        400,
        "ValidationError",
        "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
    );
    call(json!({"DurationSeconds": 899})).refused(400, "ValidationError");
    call(json!({"RoleSessionName": "a b"})).refused(400, "ValidationError");
    call(json!({"RoleArn": "arn:aws:iam::111111111111:user/eva"})).refused_with(
        400,
        "ValidationError",
        "arn:aws:iam::111111111111:user/eva is invalid",
    );
    call(json!({"Policy": "{}"})).refused_with(400, "MalformedPolicyDocument", "Syntax errors in policy.");
    let tag = |key: &str, value: &str| json!({"Key": key, "Value": value});
    call(json!({"Tags": [tag("a", "1"), tag("A", "2")]})).refused_with(
        400,
        "InvalidParameterValue",
        "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
    );
    let many: Vec<Value> = (0..9).map(|n| tag(&format!("T{n}"), &"a".repeat(250))).collect();
    call(json!({ "Tags": many })).refused_with(
        400,
        "PackedPolicyTooLarge",
        "Packed size of session tags consumes 498% of allotted space.",
    );
}

#[test]
fn a_session_policy_narrows_and_never_widens() {
    let cloud = Cloud::new();
    let user = put_user(&cloud, ONE, "eva", &policy("Allow", "sts:*"));
    let trusts = trust(&json!({"AWS": ONE}), &json!("sts:*"), &json!({}));
    let arn = put_role(&cloud, ONE, "r", &trusts, &policy("Allow", "sts:AssumeRole"));
    put_role(&cloud, ONE, "next", &trusts, "");
    let next = format!("arn:aws:iam::{ONE}:role/next");
    let session = |more: Value| {
        let out = user.call("sts", "AssumeRole", with(assume(&arn), more)).ok();
        (cloud.session(&out["Credentials"]), out)
    };
    session(json!({})).0.call("sts", "AssumeRole", assume(&next)).ok();
    let (narrow, out) = session(json!({"Policy": policy("Allow", "s3:*")}));
    assert_eq!(out["PackedPolicySize"], "5");
    narrow.call("sts", "AssumeRole", assume(&next)).refused_with(
        403,
        "AccessDenied",
        &format!(
            "User: arn:aws:sts::{ONE}:assumed-role/r/it is not authorized to perform: sts:AssumeRole on resource: {next} \
             because no session policy allows the sts:AssumeRole action"
        ),
    );
    let managed = json!({"PolicyArns": [{"arn": "arn:aws:iam::aws:policy/AdministratorAccess"}]});
    session(managed).0.call("sts", "AssumeRole", assume(&next)).ok();
    let managed = json!({"PolicyArns": [{"arn": "arn:aws:iam::aws:policy/AmazonS3FullAccess"}]});
    session(managed).0.call("sts", "AssumeRole", assume(&next)).refused(403, "AccessDenied");
}

#[test]
fn chains_are_short_and_carry_what_is_transitive() {
    let cloud = Cloud::new();
    let user = put_user(&cloud, ONE, "eva", &policy("Allow", "sts:*"));
    let trusts = trust(&json!({"AWS": ONE}), &json!("sts:*"), &json!({}));
    let role = |name: &str, trust: &str| {
        let own = BTreeMap::from([("inline".to_owned(), policy("Allow", "sts:*"))]);
        let role = Role {
            name: name.into(),
            trust: trust.into(),
            inline: own,
            session_seconds_max: 43_200,
            ..Role::default()
        };
        put_role_with(&cloud, ONE, role)
    };
    let first = role("first", &trusts);
    let heart = json!({"StringEquals": {"aws:PrincipalTag/Heart": "1", "aws:SourceIdentity": "eva"}});
    let second = role("second", &trust(&json!({"AWS": ONE}), &json!("sts:*"), &heart));
    let request = json!({
        "Tags": [{"Key": "Heart", "Value": "1"}, {"Key": "Star", "Value": "2"}],
        "TransitiveTagKeys": ["Heart"],
        "SourceIdentity": "eva",
        "DurationSeconds": 43_200,
    });
    let out = user.call("sts", "AssumeRole", with(assume(&first), request)).ok();
    assert_eq!(out["SourceIdentity"], "eva");
    let one = cloud.session(&out["Credentials"]);
    one.call("sts", "AssumeRole", with(assume(&second), json!({"DurationSeconds": 3601}))).refused_with(
        400,
        "ValidationError",
        "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
    );
    let clash = json!({"Tags": [{"Key": "heart", "Value": "3"}]});
    one.call("sts", "AssumeRole", with(assume(&second), clash)).refused(400, "InvalidParameterValue");
    one.call("sts", "AssumeRole", with(assume(&second), json!({"SourceIdentity": "bob"})))
        .refused(403, "AccessDenied");
    let out = one.call("sts", "AssumeRole", assume(&second)).ok();
    assert_eq!(out["SourceIdentity"], "eva");
    // The third role sees the transitive tag, not the other one.
    let third = role("third", &trust(&json!({"AWS": ONE}), &json!("sts:*"), &heart));
    let star = json!({"StringEquals": {"aws:PrincipalTag/Star": "2"}});
    let fourth = role("fourth", &trust(&json!({"AWS": ONE}), &json!("sts:*"), &star));
    let two = cloud.session(&out["Credentials"]);
    two.call("sts", "AssumeRole", assume(&third)).ok();
    two.call("sts", "AssumeRole", assume(&fourth)).refused(403, "AccessDenied");
}

/// This cloud has no IAM Identity Center: nothing that a context asserts can be believed, and only who may set contexts
/// learns so.
#[test]
fn contexts_of_people_need_a_provider() {
    let cloud = Cloud::new();
    let user = put_user(&cloud, ONE, "eva", &policy("Allow", "sts:AssumeRole"));
    let only_identity_center = json!({
        "StringEquals": {"sts:RequestContextProviders": "arn:aws:iam::aws:contextProvider/IdentityCenter"}
    });
    let assumes = json!({"Effect": "Allow", "Principal": {"AWS": ONE}, "Action": "sts:AssumeRole"});
    let sets = json!({"Effect": "Allow", "Principal": {"AWS": user_arn()}, "Action": "sts:SetContext",
        "Condition": only_identity_center});
    let both = json!({"Version": "2012-10-17", "Statement": [assumes, sets]}).to_string();
    let (open, narrow) = (
        put_role(&cloud, ONE, "open", &both, ""),
        put_role(
            &cloud,
            ONE,
            "narrow",
            &trust(&json!({"AWS": ONE}), &json!("sts:AssumeRole"), &json!({})),
            "",
        ),
    );
    let asked = |arn: &str, provider: &str| {
        let context = json!([{"ProviderArn": provider, "ContextAssertion": "eyJhbGciOiJub25lIn0"}]);
        user.call("sts", "AssumeRole", with(assume(arn), json!({"ProvidedContexts": context})))
    };
    let identity_center = "arn:aws:iam::aws:contextProvider/IdentityCenter";
    asked(&narrow, identity_center).refused_with(
        403,
        "AccessDenied",
        &format!("User: {} is not authorized to perform: sts:SetContext on resource: {narrow}", user_arn()),
    );
    asked(&open, "arn:aws:iam::aws:contextProvider/Other").refused_with(
        403,
        "AccessDenied",
        &format!("User: {} is not authorized to perform: sts:SetContext on resource: {open}", user_arn()),
    );
    asked(&open, identity_center).refused_with(
        400,
        "ValidationError",
        "The context assertion is invalid: no IAM Identity Center of this cloud has issued it.",
    );
    let nameless = json!({"ProvidedContexts": [{"ContextAssertion": "eyJhbGciOiJub25lIn0"}]});
    user.call("sts", "AssumeRole", with(assume(&open), nameless)).refused(403, "AccessDenied");
    user.call("sts", "AssumeRole", assume(&open)).ok();
}

fn user_arn() -> String {
    format!("arn:aws:iam::{ONE}:user/eva")
}
