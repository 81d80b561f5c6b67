//! Temporary delegation: a provider asks, a customer decides, SNS tells, and the credentials at the end are limited.

use crate::harness::{Caller, Cloud, Reply};
use base::AccountId;
use security::iam::delegation::partner::{self, Kind};
use serde_json::{Value, json};
use std::time::Duration;

pub(crate) const PROVIDER: &str = "444455556666";
pub(crate) const CUSTOMER: &str = "123456789012";
pub(crate) const STRANGER: &str = "210987654321";
pub(crate) const TEMPLATE: &str = r#"{"Version":"2012-10-17","Statement":[
    {"Effect":"Allow","Action":["sqs:CreateQueue","sqs:GetQueueAttributes"],"Resource":"arn:aws:sqs:*:@{accountId}:@{prefix}*"},
    {"@Enabled":"MAKES_ROLES","Effect":"Allow","Action":["iam:CreateRole","iam:GetRole"],"Resource":"*",
     "Condition":{"StringEqualsIfExists":{"iam:PermissionsBoundary":"arn:aws:iam::partner:policy/permissions-boundary/example.com/Limit_2026_01_15"}}}]}"#;
pub(crate) const BOUNDARY: &str =
    r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sqs:*","Resource":"*"}}"#;

const STATES: [&str; 6] = ["ASSIGNED", "PENDING_APPROVAL", "ACCEPTED", "FINALIZED", "REJECTED", "EXPIRED"];

/// A provider with a template, and a topic whose messages come into a queue.
pub(crate) struct Shop<'c> {
    pub(crate) cloud: &'c Cloud,
    pub(crate) provider: Caller<'c>,
    pub(crate) customer: Caller<'c>,
    pub(crate) template: String,
}

pub(crate) const TOPIC: &str = "arn:aws:sns:eu-west-1:444455556666:requests";

pub(crate) fn shop(cloud: &Cloud) -> Shop<'_> {
    let account = AccountId::parse(PROVIDER).unwrap();
    partner::register(&cloud.cloud, account, "Example", "example.com").unwrap();
    let template = partner::add(&cloud.cloud, account, Kind::Template, "deploy", TEMPLATE).unwrap();
    let provider = cloud.root(PROVIDER);
    let here = provider.in_region("eu-west-1");
    let may_publish = json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "SNS:Publish",
        "Principal": {"Service": "iam.amazonaws.com"}, "Resource": TOPIC}});
    let topic = json!({"Name": "requests", "Attributes": {"Policy": may_publish.to_string()}});
    here.call("sns", "CreateTopic", topic).ok();
    let may_send = json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "sqs:SendMessage",
        "Principal": {"Service": "sns.amazonaws.com"}, "Resource": "*"}});
    let queue = json!({"QueueName": "told", "Attributes": {"Policy": may_send.to_string()}});
    here.call("sqs", "CreateQueue", queue).ok();
    let subscription = json!({"TopicArn": TOPIC, "Protocol": "sqs", "Endpoint": format!("arn:aws:sqs:eu-west-1:{PROVIDER}:told"),
        "Attributes": {"RawMessageDelivery": "true"}});
    here.call("sns", "Subscribe", subscription).ok();
    Shop { cloud, provider, customer: cloud.root(CUSTOMER), template }
}

impl Shop<'_> {
    pub(crate) fn request(&self, workflow: &str, more: Value) -> Value {
        let value = |name: &str, value: &str| json!({"Name": name, "Values": [value], "Type": "string"});
        let parameters =
            [value("accountId", CUSTOMER), value("prefix", "shop-"), value("MAKES_ROLES", "True")];
        let mut request = json!({
            "Description": "sets up a queue", "RequestorWorkflowId": workflow, "NotificationChannel": TOPIC,
            "SessionDuration": 3600,
            "Permissions": {"PolicyTemplateArn": self.template, "Parameters": parameters},
        });
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        request
    }

    pub(crate) fn ask(&self, workflow: &str, more: Value) -> Value {
        let made = self.provider.call("iam", "CreateDelegationRequest", self.request(workflow, more)).ok();
        json!({"DelegationRequestId": made["DelegationRequestId"]})
    }

    /// What the provider has been told since it last looked.
    pub(crate) fn told(&self) -> Vec<Value> {
        let here = self.provider.in_region("eu-west-1");
        let mut all: Vec<Value> = Vec::new();
        loop {
            self.cloud.reconcile();
            let got = here
                .call("sqs", "ReceiveMessage", json!({"QueueUrl": "told", "MaxNumberOfMessages": 10}))
                .ok();
            let Some(messages) = got["Messages"].as_array().filter(|all| !all.is_empty()) else { break };
            for message in messages {
                all.push(serde_json::from_str(message["Body"].as_str().unwrap()).unwrap());
                let handle = &message["ReceiptHandle"];
                here.call("sqs", "DeleteMessage", json!({"QueueUrl": "told", "ReceiptHandle": handle})).ok();
            }
        }
        // Topics and queues that are not FIFO keep no order.
        all.sort_by_key(|one| {
            let state = one["State"].as_str();
            (STATES.iter().position(|known| Some(*known) == state), one["Type"] == "ExchangeToken")
        });
        all
    }

    fn states(&self) -> Vec<String> {
        let told = self.told().into_iter();
        told.map(|one| format!("{} {}", one["Type"].as_str().unwrap(), one["State"].as_str().unwrap()))
            .collect()
    }

    fn exchange(&self, token: &str) -> Reply {
        self.provider.call("sts", "GetDelegatedAccessToken", json!({"TradeInToken": token}))
    }

    /// The token of a request that is brought to its end by one approver.
    pub(crate) fn release(&self, approver: &Caller<'_>, id: &Value) -> String {
        for operation in ["AssociateDelegationRequest", "AcceptDelegationRequest", "SendDelegationToken"] {
            approver.call("iam", operation, id.clone()).ok();
        }
        let told = self.told();
        let token = told.iter().find(|one| one["Type"] == "ExchangeToken").unwrap();
        token["ExchangeToken"].as_str().unwrap().to_owned()
    }
}

pub(crate) fn policy(actions: &Value) -> String {
    json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": actions, "Resource": "*"}})
        .to_string()
}

pub(crate) fn state(caller: &Caller<'_>, id: &Value) -> Value {
    caller.call("iam", "GetDelegationRequest", id.clone()).ok()["DelegationRequest"]["State"].clone()
}

/// The whole way: who owns it has no permission but what comes with that, an administrator approves, and what the provider
/// gets is what both the administrator may do and the request has asked for.
#[test]
fn from_a_request_to_credentials() {
    let cloud = Cloud::new();
    let shop = shop(&cloud);
    let eva = cloud.user(&shop.customer, "eva", "");
    let admin =
        cloud.user(&shop.customer, "admin", &policy(&json!(["sqs:*", "iam:AcceptDelegationRequest"])));
    let id = shop.ask("flow-1", json!({"OnlySendByOwner": true, "RequestMessage": "for eva"}));
    assert_eq!(state(&eva, &id), "UNASSIGNED");
    eva.call("iam", "AssociateDelegationRequest", id.clone()).ok();
    let noted = json!({"DelegationRequestId": id["DelegationRequestId"], "Notes": "please"});
    eva.call("iam", "UpdateDelegationRequest", noted).ok();
    eva.call("iam", "AcceptDelegationRequest", id.clone()).refused(403, "AccessDenied");
    admin.call("iam", "AcceptDelegationRequest", id.clone()).ok();
    let shown = eva.call("iam", "GetDelegationRequest", id.clone()).ok()["DelegationRequest"].clone();
    let eva_arn = format!("arn:aws:iam::{CUSTOMER}:user/eva");
    let admin_arn = format!("arn:aws:iam::{CUSTOMER}:user/admin");
    for (member, value) in [
        ("State", json!("ACCEPTED")),
        ("OwnerId", json!(eva_arn)),
        ("OwnerAccountId", json!(CUSTOMER)),
        ("ApproverId", json!(admin_arn)),
        ("RequestorId", json!(PROVIDER)),
        ("RequestorName", json!("Example")),
        ("Notes", json!("please")),
        ("RequestMessage", json!("for eva")),
        ("SessionDuration", json!("3600")),
        ("OnlySendByOwner", json!("true")),
        ("CreateDate", json!("2026-01-15T12:00:00Z")),
        ("ExpirationTime", json!("2026-01-22T12:00:00Z")),
    ] {
        assert_eq!(shown[member], value, "{member}");
    }
    let rendered: Value = serde_json::from_str(shown["PermissionPolicy"].as_str().unwrap()).unwrap();
    assert_eq!(rendered["Statement"][0]["Resource"], format!("arn:aws:sqs:*:{CUSTOMER}:shop-*"));
    let boundary = "arn:aws:iam::partner:policy/permissions-boundary/example.com/Limit_2026_01_15";
    assert!(shown["RolePermissionRestrictionArns"].to_string().contains(boundary), "{shown}");
    // The approver is not the owner.
    let words = "Only the owner of this delegation request can send its token.";
    shop.customer.call("iam", "SendDelegationToken", id.clone()).refused_with(403, "AccessDenied", words);
    eva.call("iam", "SendDelegationToken", id.clone()).ok();
    let told = shop.told();
    let kinds: Vec<_> =
        told.iter().map(|one| (one["Type"].as_str().unwrap(), one["State"].as_str().unwrap())).collect();
    assert_eq!(
        kinds,
        [
            ("StateChange", "ASSIGNED"),
            ("StateChange", "PENDING_APPROVAL"),
            ("StateChange", "ACCEPTED"),
            ("StateChange", "FINALIZED"),
            ("ExchangeToken", "FINALIZED"),
        ]
    );
    let last = told.last().unwrap();
    assert_eq!(
        (&last["RequestorWorkflowId"], &last["OwnerAccountId"], &last["RequestId"]),
        (&json!("flow-1"), &json!(CUSTOMER), &id["DelegationRequestId"])
    );
    assert_eq!(last["ExpiresAt"], "2026-01-15T13:00:00.000Z");

    let token = last["ExchangeToken"].as_str().unwrap();
    cloud.advance(Duration::from_secs(1200));
    let got = shop.exchange(token).ok();
    assert_eq!(got["AssumedPrincipal"], admin_arn.as_str());
    // From the release on, not from the exchange.
    assert_eq!(got["Credentials"]["Expiration"], "2026-01-15T13:00:00Z");
    let session = cloud.session(&got["Credentials"]);
    let me = session.call("sts", "GetCallerIdentity", json!({})).ok();
    assert_eq!((&me["Arn"], &me["Account"]), (&json!(admin_arn), &json!(CUSTOMER)));
    session.call("sqs", "CreateQueue", json!({"QueueName": "shop-1"})).ok();
    // The administrator may, and it was not asked for.
    let refused = session
        .call("sqs", "CreateQueue", json!({"QueueName": "other"}))
        .refused(403, "AccessDeniedException");
    assert!(refused.ends_with("because no session policy allows the sqs:CreateQueue action"), "{refused}");
    // It was asked for, and the administrator may not.
    let refused = session.call("iam", "GetRole", json!({"RoleName": "r"})).refused(403, "AccessDenied");
    assert!(refused.ends_with("because no identity-based policy allows the iam:GetRole action"), "{refused}");
    // The trail tells on whose behalf.
    let seen = shop
        .customer
        .call(
            "cloudtrail",
            "LookupEvents",
            json!({"LookupAttributes":
        [{"AttributeKey": "EventName", "AttributeValue": "CreateQueue"}]}),
        )
        .ok();
    let event: Value = serde_json::from_str(seen["Events"][0]["CloudTrailEvent"].as_str().unwrap()).unwrap();
    assert_eq!(event["userIdentity"]["invokedByDelegate"], json!({"accountId": PROVIDER}));
    // Once more gives others, that end at the same time.
    cloud.advance(Duration::from_secs(1200));
    let again = shop.exchange(token).ok();
    assert_eq!(again["Credentials"]["Expiration"], "2026-01-15T13:00:00Z");
    assert_ne!(again["Credentials"]["AccessKeyId"], got["Credentials"]["AccessKeyId"]);
    cloud.advance(Duration::from_secs(1200));
    shop.exchange(token).refused_with(
        400,
        "ExpiredTradeInTokenException",
        "The trade-in token provided in the request has expired and can no longer be exchanged for credentials. Request a \
         new token and retry the operation.",
    );
    session.call("sts", "GetCallerIdentity", json!({})).refused(403, "ExpiredToken");
}

/// A role that a provider makes has the boundary that the provider has registered, and is limited by it for good.
#[test]
fn roles_that_stay_are_bounded() {
    let cloud = Cloud::new();
    let shop = shop(&cloud);
    let account = AccountId::parse(PROVIDER).unwrap();
    let boundary = partner::add(&cloud.cloud, account, Kind::Boundary, "Limit_2026_01_15", BOUNDARY).unwrap();
    let admin = cloud.user(&shop.customer, "admin", &policy(&json!("*")));
    let id = shop.ask("flow-1", json!({}));
    let token = shop.release(&admin, &id);
    let session = cloud.session(&shop.exchange(&token).ok()["Credentials"]);
    let trust = json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "sts:AssumeRole",
        "Principal": {"AWS": CUSTOMER}}});
    let role = |boundary: &str| json!({"RoleName": "shop", "AssumeRolePolicyDocument": trust.to_string(), "PermissionsBoundary": boundary});
    session
        .call("iam", "CreateRole", role("arn:aws:iam::aws:policy/AdministratorAccess"))
        .refused(403, "AccessDenied");
    let made = session.call("iam", "CreateRole", role(&boundary)).ok();
    let arn = made["Role"]["Arn"].as_str().unwrap();
    assert_eq!(made["Role"]["PermissionsBoundary"]["PermissionsBoundaryArn"], boundary.as_str());
    let all = json!({"RoleName": "shop", "PolicyName": "all", "PolicyDocument": policy(&json!("*"))});
    shop.customer.call("iam", "PutRolePolicy", all).ok();
    let assumed = admin.call("sts", "AssumeRole", json!({"RoleArn": arn, "RoleSessionName": "it"})).ok();
    let role = cloud.session(&assumed["Credentials"]);
    role.call("sqs", "ListQueues", json!({})).ok();
    let refused = role.call("iam", "ListUsers", json!({})).refused(403, "AccessDenied");
    assert!(
        refused.ends_with("because no permissions boundary allows the iam:ListUsers action"),
        "{refused}"
    );
    // Every customer may read what limits the role, and none may change it.
    let policy =
        shop.customer.call("iam", "GetPolicy", json!({"PolicyArn": boundary})).ok()["Policy"].clone();
    assert_eq!(
        (&policy["PolicyName"], &policy["Path"], &policy["PermissionsBoundaryUsageCount"]),
        (&json!("Limit_2026_01_15"), &json!("/permissions-boundary/example.com/"), &json!("1"))
    );
    let version = json!({"PolicyArn": boundary, "VersionId": policy["DefaultVersionId"]});
    let read =
        shop.customer.call("iam", "GetPolicyVersion", version).ok()["PolicyVersion"]["Document"].clone();
    assert!(read.as_str().unwrap().contains("sqs%3A%2A"), "{read}");
    let other = json!({"PolicyArn": boundary, "PolicyDocument": BOUNDARY, "SetAsDefault": true});
    shop.customer.call("iam", "CreatePolicyVersion", other).refused(403, "AccessDenied");
    shop.customer.call("iam", "DeletePolicy", json!({"PolicyArn": boundary})).refused(403, "AccessDenied");
    // A boundary is no policy that could be attached.
    let attached = json!({"RoleName": "shop", "PolicyArn": boundary});
    shop.customer.call("iam", "AttachRolePolicy", attached).refused(400, "InvalidInput");
    // One that is not registered is none.
    let other = "arn:aws:iam::partner:policy/permissions-boundary/example.com/Other_2026_01_15";
    shop.customer
        .call("iam", "PutRolePermissionsBoundary", json!({"RoleName": "shop", "PermissionsBoundary": other}))
        .refused(400, "InvalidInput");
}

/// Sessions of roles approve as what they are, and what they have delegated ends with the role.
#[test]
fn a_role_approves_and_goes() {
    let cloud = Cloud::new();
    let shop = shop(&cloud);
    let trust = json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "sts:AssumeRole",
        "Principal": {"AWS": CUSTOMER}}});
    let role = json!({"RoleName": "Admin", "AssumeRolePolicyDocument": trust.to_string()});
    let role_arn = shop.customer.call("iam", "CreateRole", role).ok()["Role"]["Arn"].clone();
    let all = json!({"RoleName": "Admin", "PolicyName": "all", "PolicyDocument": policy(&json!("*"))});
    shop.customer.call("iam", "PutRolePolicy", all).ok();
    let eva = cloud.user(&shop.customer, "eva", &policy(&json!("sts:AssumeRole")));
    let assume = |more: Value| {
        let mut asked = json!({"RoleArn": role_arn, "RoleSessionName": "eva"});
        asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        cloud.session(&eva.call("sts", "AssumeRole", asked).ok()["Credentials"])
    };
    let id = shop.ask("flow-1", json!({}));
    let limited = assume(json!({"Policy": policy(&json!("iam:*"))}));
    limited.call("iam", "AssociateDelegationRequest", id.clone()).ok();
    limited.call("iam", "AcceptDelegationRequest", id.clone()).refused_with(
        403,
        "AccessDenied",
        "Sessions with a session policy cannot approve delegation requests.",
    );
    let admin = assume(json!({}));
    admin.call("iam", "AcceptDelegationRequest", id.clone()).ok();
    admin.call("iam", "SendDelegationToken", id.clone()).ok();
    let told = shop.told();
    let token = told.last().unwrap()["ExchangeToken"].as_str().unwrap();
    let got = shop.exchange(token).ok();
    assert_eq!(got["AssumedPrincipal"], role_arn);
    let session = cloud.session(&got["Credentials"]);
    let me = session.call("sts", "GetCallerIdentity", json!({})).ok();
    assert_eq!(me["Arn"], format!("arn:aws:sts::{CUSTOMER}:assumed-role/Admin/eva"));
    session.call("sqs", "CreateQueue", json!({"QueueName": "shop-1"})).ok();
    for (operation, asked) in [
        ("DeleteRolePolicy", json!({"RoleName": "Admin", "PolicyName": "all"})),
        ("DeleteRole", json!({"RoleName": "Admin"})),
    ] {
        shop.customer.call("iam", operation, asked).ok();
    }
    session
        .call("sqs", "CreateQueue", json!({"QueueName": "shop-2"}))
        .refused(400, "UnrecognizedClientException");
    shop.exchange(token).refused_with(400, "ValidationError", "Invalid trade-in token");
}

#[test]
fn tokens_are_for_their_provider() {
    let cloud = Cloud::new();
    let shop = shop(&cloud);
    let id = shop.ask("flow-1", json!({}));
    let token = shop.release(&shop.customer, &id);
    let words = "Invalid trade-in token";
    for account in [CUSTOMER, STRANGER] {
        cloud
            .root(account)
            .call("sts", "GetDelegatedAccessToken", json!({"TradeInToken": token}))
            .refused_with(400, "ValidationError", words);
    }
    shop.exchange("nothing").refused_with(400, "ValidationError", words);
    shop.exchange(&token[1..]).refused_with(400, "ValidationError", words);
    let nobody = cloud.user(&shop.provider, "nobody", "");
    nobody
        .call("sts", "GetDelegatedAccessToken", json!({"TradeInToken": token}))
        .refused(403, "AccessDenied");
    let got = shop.exchange(&token).ok();
    assert_eq!(got["AssumedPrincipal"], format!("arn:aws:iam::{CUSTOMER}:root"));
    // What root has delegated is limited, too.
    let session = cloud.session(&got["Credentials"]);
    session.call("sqs", "CreateQueue", json!({"QueueName": "shop-1"})).ok();
    session.call("sqs", "ListQueues", json!({})).refused(403, "AccessDeniedException");
}

#[test]
fn states_lead_on_and_end_by_themselves() {
    let cloud = Cloud::new();
    let shop = shop(&cloud);
    let root = &shop.customer;
    let id = shop.ask("flow-1", json!({}));
    let key = id["DelegationRequestId"].as_str().unwrap().to_owned();
    let stuck = |operation: &str, state: &str, what: &str| {
        let words = format!("The delegation request {key} is in the state {state} and cannot be {what}.");
        root.call("iam", operation, id.clone()).refused_with(400, "InvalidInput", &words);
    };
    stuck("AcceptDelegationRequest", "UNASSIGNED", "accepted");
    stuck("UpdateDelegationRequest", "UNASSIGNED", "updated");
    stuck("SendDelegationToken", "UNASSIGNED", "finalized");
    stuck("RejectDelegationRequest", "UNASSIGNED", "rejected");
    root.call("iam", "AssociateDelegationRequest", id.clone()).ok();
    stuck("AssociateDelegationRequest", "ASSIGNED", "associated");
    stuck("SendDelegationToken", "ASSIGNED", "finalized");
    root.call("iam", "AcceptDelegationRequest", id.clone()).ok();
    // Approval can be taken back until the token is out.
    root.call("iam", "RejectDelegationRequest", id.clone()).ok();
    stuck("AcceptDelegationRequest", "REJECTED", "accepted");
    stuck("SendDelegationToken", "REJECTED", "finalized");
    assert_eq!(shop.states(), ["StateChange ASSIGNED", "StateChange ACCEPTED", "StateChange REJECTED"]);

    // A day for somebody to come, a week for each step, a week to be looked at; then there is nothing.
    let waits = shop.ask("flow-2", json!({}));
    let taken = shop.ask("flow-3", json!({}));
    cloud.advance(Duration::from_secs(86_399));
    root.call("iam", "AssociateDelegationRequest", taken.clone()).ok();
    cloud.advance(Duration::from_secs(1));
    assert_eq!((state(root, &waits), state(root, &taken)), (json!("EXPIRED"), json!("ASSIGNED")));
    assert_eq!(shop.states(), ["StateChange ASSIGNED", "StateChange EXPIRED"]);
    let words = format!(
        "The delegation request {} is in the state EXPIRED and cannot be associated.",
        waits["DelegationRequestId"].as_str().unwrap()
    );
    root.call("iam", "AssociateDelegationRequest", waits.clone()).refused_with(400, "InvalidInput", &words);
    // The workflow's id is free once the request is gone.
    let again = shop.request("flow-2", json!({}));
    shop.provider.call("iam", "CreateDelegationRequest", again.clone()).refused(409, "EntityAlreadyExists");
    cloud.advance(Duration::from_secs(7 * 86_400));
    assert_eq!(state(root, &taken), "EXPIRED");
    cloud.reconcile();
    root.call("iam", "GetDelegationRequest", waits).refused(404, "NoSuchEntity");
    shop.provider.call("iam", "CreateDelegationRequest", again).ok();
}

#[test]
fn root_approves_four_hours_at_most() {
    let cloud = Cloud::new();
    let shop = shop(&cloud);
    let id = shop.ask("flow-1", json!({"SessionDuration": 14_401}));
    shop.customer.call("iam", "AssociateDelegationRequest", id.clone()).ok();
    let words = "The root user cannot approve delegation requests with a duration of more than 4 hours.";
    shop.customer.call("iam", "AcceptDelegationRequest", id.clone()).refused_with(403, "AccessDenied", words);
    let admin = cloud.user(&shop.customer, "admin", &policy(&json!("*")));
    admin.call("iam", "AcceptDelegationRequest", id).ok();
    let four = shop.ask("flow-2", json!({"SessionDuration": 14_400}));
    shop.release(&shop.customer, &four);
}

/// A topic that does not let IAM publish is told nothing, and the customer's steps go on.
#[test]
fn a_topic_that_is_closed_gets_nothing() {
    let cloud = Cloud::new();
    let shop = shop(&cloud);
    let here = shop.provider.in_region("eu-west-1");
    here.call("sns", "CreateTopic", json!({"Name": "closed"})).ok();
    let closed = format!("arn:aws:sns:eu-west-1:{PROVIDER}:closed");
    let endpoint = format!("arn:aws:sqs:eu-west-1:{PROVIDER}:told");
    let subscription = json!({"TopicArn": closed, "Protocol": "sqs", "Endpoint": endpoint});
    here.call("sns", "Subscribe", subscription).ok();
    for (workflow, topic) in
        [("flow-1", closed), ("flow-2", format!("arn:aws:sns:eu-west-1:{PROVIDER}:none"))]
    {
        let id = shop.ask(workflow, json!({"NotificationChannel": topic}));
        for operation in ["AssociateDelegationRequest", "AcceptDelegationRequest", "SendDelegationToken"] {
            shop.customer.call("iam", operation, id.clone()).ok();
        }
        assert_eq!(state(&shop.customer, &id), "FINALIZED");
    }
    assert_eq!(shop.told(), Vec::<Value>::new());
}
