//! The global condition keys, one by one: each holds for what a call of its kind is, and for nothing else.

use crate::fixture;
use crate::harness::{Caller, Cloud};
use crate::vpc_endpoints::{interface, private, through};
use crate::vpc_networks::vpc;
use serde_json::{Value, json};
use std::net::Ipv4Addr;

const ACCOUNT: &str = "123456789012";

/// A key and what it is like.
type Rows = &'static [(&'static str, &'static str)];

const USER: Rows = &[
    ("aws:CurrentTime", "2026-01-15T12:00:00*"),
    ("aws:EpochTime", "1768478400"),
    ("aws:PrincipalAccount", ACCOUNT),
    ("aws:PrincipalArn", "arn:aws:iam::123456789012:user/eva"),
    ("aws:PrincipalIsAWSService", "false"),
    ("aws:PrincipalOrgID", "o-*"),
    ("aws:PrincipalOrgPaths", "o-*/r-*/"),
    ("aws:PrincipalTag/team", "blue"),
    ("aws:PrincipalType", "User"),
    ("aws:RequestTag/color", "red"),
    ("aws:RequestedRegion", "us-east-1"),
    ("aws:ResourceAccount", ACCOUNT),
    ("aws:ResourceOrgID", "o-*"),
    ("aws:ResourceOrgPaths", "o-*/r-*/"),
    ("aws:ResourceTag/kind", "robot"),
    ("aws:SecureTransport", "false"),
    ("aws:SourceIp", "127.0.0.1"),
    ("aws:TagKeys", "color"),
    ("aws:UserAgent", "it/1"),
    ("aws:ViaAWSService", "false"),
    ("aws:referer", "https://example.com/*"),
    ("aws:userid", "AIDA*"),
    ("aws:username", "eva"),
];

const SESSION: Rows = &[
    ("aws:MultiFactorAuthPresent", "false"),
    ("aws:PrincipalArn", "arn:aws:iam::123456789012:role/worker"),
    ("aws:PrincipalTag/team", "green"),
    ("aws:PrincipalType", "AssumedRole"),
    ("aws:SourceIdentity", "eva"),
    ("aws:TokenIssueTime", "2026-01-15T12:00:00*"),
    ("aws:userid", "AROA*:it"),
];

const ENDPOINT: Rows = &[
    ("aws:SourceVpc", "vpc-*"),
    ("aws:SourceVpcArn", "arn:aws:ec2:us-east-1:123456789012:vpc/vpc-*"),
    ("aws:SourceVpce", "vpce-*"),
    ("aws:VpcSourceIp", "10.0.1.9"),
    ("aws:VpceAccount", ACCOUNT),
    ("aws:VpceOrgID", "o-*"),
    ("aws:VpceOrgPaths", "o-*/r-*/"),
];

const SERVICE: Rows = &[
    ("aws:PrincipalIsAWSService", "true"),
    ("aws:PrincipalServiceName", "sns.amazonaws.com"),
    ("aws:PrincipalServiceNamesList", "sns.amazonaws.com"),
    ("aws:PrincipalType", "Service"),
    ("aws:SourceAccount", ACCOUNT),
    ("aws:SourceArn", "arn:aws:sns:us-east-1:123456789012:news"),
    ("aws:SourceOrgID", "o-*"),
    ("aws:SourceOrgPaths", "o-*/r-*/"),
];

const VIA: Rows = &[
    ("aws:CalledVia", "ssm.amazonaws.com"),
    ("aws:CalledViaFirst", "ssm.amazonaws.com"),
    ("aws:CalledViaLast", "ssm.amazonaws.com"),
    ("aws:ViaAWSService", "true"),
];

/// What other tests show, and where.
const ELSEWHERE: Rows = &[
    ("aws:AssumedRoot", "organizations::the_management_reaches_the_root_users_of_members_for_their_tasks"),
    ("aws:Ec2InstanceSourcePrivateIPv4", "ec2_metadata::a_machine_reads_about_itself_and_acts_as_its_role"),
    ("aws:Ec2InstanceSourceVpc", "ec2_metadata::a_machine_reads_about_itself_and_acts_as_its_role"),
    ("aws:FederatedProvider", "sts_web_identity::a_token_of_a_trusted_issuer_becomes_a_session"),
    ("aws:MultiFactorAuthAge", "sts_sessions::mfa_opens_what_asks_for_it"),
    ("aws:SourceOwner", "sns_topics"),
];

/// What no call is, and why.
const NEVER: Rows = &[
    ("aws:CalledViaAWSMCP", "there are no MCP servers of AWS's here"),
    ("aws:ChatbotSourceArn", "there are no chat clients here"),
    ("aws:IsMcpServiceAction", "there are no MCP servers of AWS's here"),
    ("aws:PrincipalOrgMasterAccountId", "AWS's list of keys does not describe it any more"),
];

/// A document that allows `action` where the key is so.
fn document(action: &str, principal: Option<&Value>, key: &str, value: &str) -> String {
    let condition = json!({ "ForAnyValue:StringLike": { key: value } });
    let mut statement =
        json!({ "Effect": "Allow", "Action": action, "Resource": "*", "Condition": condition });
    if let Some(principal) = principal {
        statement["Principal"] = principal.clone();
    }
    json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string()
}

/// Under a policy that asks for the value the call passes, under one that asks for another it does not.
fn each(rows: Rows, passes: impl Fn(&str, &str) -> bool) {
    let wrong = |(key, value): &&(&str, &str)| !passes(key, value) || passes(key, "another");
    let wrong: Vec<_> = rows.iter().filter(wrong).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

fn organized(cloud: &Cloud) -> Caller<'_> {
    let root = cloud.root(ACCOUNT);
    root.call("organizations", "CreateOrganization", json!({})).ok();
    root
}

fn put_user_policy(root: &Caller<'_>, user: &str, policy: &str) {
    let put = json!({ "UserName": user, "PolicyName": "inline", "PolicyDocument": policy });
    root.call("iam", "PutUserPolicy", put).ok();
}

#[test]
fn of_a_users_call() {
    let cloud = Cloud::new();
    let root = organized(&cloud);
    let eva = cloud.user(&root, "eva", "");
    let tags = |key: &str, value: &str| json!([{ "Key": key, "Value": value }]);
    root.call("iam", "TagUser", json!({ "UserName": "eva", "Tags": tags("team", "blue") })).ok();
    root.call("iam", "CreateUser", json!({ "UserName": "robot", "Tags": tags("kind", "robot") })).ok();
    each(USER, |key, value| {
        put_user_policy(&root, "eva", &document("iam:TagUser", None, key, value));
        let parameters = json!({ "UserName": "robot", "Tags": tags("color", "red") });
        let mut request = eva.request("iam", "TagUser", &parameters);
        request.headers_mut().insert("referer", "https://example.com/page".parse().unwrap());
        cloud.send(request, Ipv4Addr::LOCALHOST.into()).status == 200
    });
}

#[test]
fn of_a_session_of_a_role() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let eva = cloud.user(&root, "eva", &document("sts:*", None, "aws:username", "eva"));
    let trust = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": { "AWS": ACCOUNT },
        "Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"],
    }] });
    let role = json!({ "RoleName": "worker", "AssumeRolePolicyDocument": trust.to_string() });
    root.call("iam", "CreateRole", role).ok();
    let begin = json!({
        "RoleArn": "arn:aws:iam::123456789012:role/worker", "RoleSessionName": "it", "SourceIdentity": "eva",
        "Tags": [{ "Key": "team", "Value": "green" }],
    });
    let session = cloud.session(&eva.call("sts", "AssumeRole", begin).ok()["Credentials"]);
    each(SESSION, |key, value| {
        let document = document("iam:ListUsers", None, key, value);
        let put = json!({ "RoleName": "worker", "PolicyName": "inline", "PolicyDocument": document });
        root.call("iam", "PutRolePolicy", put).ok();
        session.call("iam", "ListUsers", json!({})).status == 200
    });
}

#[test]
fn of_a_call_through_a_vpc_endpoint() {
    let cloud = Cloud::new();
    let root = organized(&cloud);
    let eva = cloud.user(&root, "eva", "");
    let id = vpc(&root);
    let open = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*" },
    ] });
    let gate = interface(&id, &private(&root, &id, "sqs", &open));
    each(ENDPOINT, |key, value| {
        put_user_policy(&root, "eva", &document("sqs:ListQueues", None, key, value));
        let call = || ("sqs", "ListQueues", json!({}));
        assert_eq!(eva.call("sqs", "ListQueues", json!({})).status, 403, "{key} of a call through none");
        through(&cloud, &gate, &eva, call()).status == 200
    });
}

#[test]
fn of_a_services_call() {
    let cloud = Cloud::new();
    let root = organized(&cloud);
    root.call("sqs", "CreateQueue", json!({ "QueueName": "inbox" })).ok();
    let topic = root.call("sns", "CreateTopic", json!({ "Name": "news" })).ok()["TopicArn"].take();
    let queue = format!("arn:aws:sqs:us-east-1:{ACCOUNT}:inbox");
    let asked = json!({ "TopicArn": topic, "Protocol": "sqs", "Endpoint": queue });
    root.call("sns", "Subscribe", asked).ok();
    let sns = json!({ "Service": "sns.amazonaws.com" });
    each(SERVICE, |key, value| {
        let policy = document("sqs:SendMessage", Some(&sns), key, value);
        let set = json!({ "QueueUrl": "inbox", "Attributes": { "Policy": policy } });
        root.call("sqs", "SetQueueAttributes", set).ok();
        root.call("sns", "Publish", json!({ "TopicArn": topic, "Message": key })).ok();
        cloud.reconcile();
        let got = root.call("sqs", "ReceiveMessage", json!({ "QueueUrl": "inbox" })).ok();
        let Some(message) = got.get("Messages").map(|messages| &messages[0]) else { return false };
        let delete = json!({ "QueueUrl": "inbox", "ReceiptHandle": message["ReceiptHandle"] });
        root.call("sqs", "DeleteMessage", delete).ok();
        true
    });
}

#[test]
fn of_what_a_service_calls_for_its_caller() {
    let cloud = fixture::cloud(fixture::parts());
    let root = cloud.root(ACCOUNT);
    let eva = cloud.user(&root, "eva", "");
    each(VIA, |key, value| {
        let inner = document("ssm:DeleteParameter", None, key, value);
        put_user_policy(&root, "eva", &inner.replace(
            "\"Statement\":[",
            "\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"ssm:DeleteParameters\",\"Resource\":\"*\"},",
        ));
        let put = json!({ "Name": "a", "Value": "one", "Overwrite": true });
        root.call("ssm", "PutParameter", put).ok();
        let done = eva.call("ssm", "DeleteParameters", json!({ "Names": ["a"] })).ok();
        done["DeletedParameters"] == json!(["a"])
    });
}

#[test]
fn no_key_is_forgotten() {
    let rows = [USER, SESSION, ENDPOINT, SERVICE, VIA, ELSEWHERE, NEVER].concat();
    let noun = |key: &str| key.split('/').next().unwrap().to_ascii_lowercase();
    let mut shown: Vec<String> = rows.iter().map(|(key, _)| noun(key)).collect();
    let mut all: Vec<String> = auth::global_keys::ALL.iter().map(|key| noun(key.name)).collect();
    shown.sort();
    shown.dedup();
    all.sort();
    assert_eq!(shown, all);
}
