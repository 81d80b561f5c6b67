//! Role trust policies, and the reasons that a decision carries.

use crate::world::{ACCOUNT, parse, service, source, user, web};
use auth::policy::Cause::{self, Allowed, ImplicitDeny};
use auth::policy::Layer::{Identity, Trust};
use auth::policy::{
    Attached, Context, Finding, Layers, Policy, PolicyKind, Principal, Request, ResourceMode, evaluate,
};

const ASSUME: &str = "sts:AssumeRole";
const WEB: &str = "sts:AssumeRoleWithWebIdentity";
const TO_USER: &str = r#""Principal":{"AWS":"arn:aws:iam::111122223333:user/bob"},"Action":"sts:AssumeRole""#;
const TO_USER_WITH_ID: &str = r#""Principal":{"AWS":"arn:aws:iam::111122223333:user/bob"},"Action":"sts:AssumeRole",
    "Condition":{"StringEquals":{"sts:ExternalId":"x2"}}"#;
const TO_ACCOUNT: &str = r#""Principal":{"AWS":"111122223333"},"Action":"sts:AssumeRole""#;
const TO_OTHER: &str = r#""Principal":{"AWS":"444455556666"},"Action":"sts:AssumeRole""#;
const TO_SERVICE: &str = r#""Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole""#;
const TO_PROVIDER: &str = r#""Principal":{"Federated":"arn:aws:iam::111122223333:oidc-provider/idp.example.com"},
    "Action":"sts:AssumeRoleWithWebIdentity""#;
const TO_PROVIDER_FOR_ELSE: &str = r#""Principal":{"Federated":"arn:aws:iam::111122223333:oidc-provider/idp.example.com"},"Action":"sts:TagSession""#;

/// Name of the rule, who, inside of the trusting statement, action, whether an identity policy allows, outcome.
type Row = (&'static str, fn() -> Principal, &'static str, &'static str, bool, Cause);

const ROWS: &[Row] = &[
    ("trusting the user suffices", user, TO_USER, ASSUME, false, Allowed(Trust)),
    (
        "trusting the account asks for an identity policy",
        user,
        TO_ACCOUNT,
        ASSUME,
        false,
        ImplicitDeny(Identity),
    ),
    ("trusting the account, with one", user, TO_ACCOUNT, ASSUME, true, Allowed(Identity)),
    ("an identity policy without trust", user, TO_OTHER, ASSUME, true, ImplicitDeny(Trust)),
    ("a wrong external id", user, TO_USER_WITH_ID, ASSUME, true, ImplicitDeny(Trust)),
    ("a trusted service", service, TO_SERVICE, ASSUME, false, Allowed(Trust)),
    ("a service that is not trusted", service, TO_USER, ASSUME, false, ImplicitDeny(Trust)),
    ("a trusted provider", web, TO_PROVIDER, WEB, false, Allowed(Trust)),
    ("another action of STS is not trusted", web, TO_PROVIDER_FOR_ELSE, WEB, false, ImplicitDeny(Trust)),
];

#[test]
fn assuming_a_role() {
    let (role, own, context) = (source("trust"), source("own"), Context::new().with("sts:ExternalId", "x1"));
    let resource = "arn:aws:iam::111122223333:role/app";
    let policy =
        parse(PolicyKind::Identity, &[r#""Effect":"Allow","Action":"sts:AssumeRole","Resource":"*""#]);
    let identity = [Attached { source: &own, policy: &policy }];
    for (name, who, inside, action, by_identity, cause) in ROWS {
        let trust = parse(PolicyKind::Trust, &[&format!(r#""Effect":"Allow",{inside}"#)]);
        let layers = Layers {
            identity: if *by_identity { &identity } else { &[] },
            resource: Some(Attached { source: &role, policy: &trust }),
            mode: ResourceMode::Required,
            ..Layers::default()
        };
        let principal = who();
        let request = Request {
            principal: &principal,
            action,
            resource,
            resource_account: ACCOUNT,
            canonical_id: None,
            context: &context,
        };
        let decision = evaluate(&request, &layers);
        assert_eq!(decision.cause, *cause, "{name}");
        let reason = match cause {
            // STS does not tell whether the role is there at all.
            ImplicitDeny(Trust) => String::new(),
            ImplicitDeny(_) => format!(" because no identity-based policy allows the {action} action"),
            _ => String::new(),
        };
        assert_eq!(decision.denial_reason(action), reason, "{name}");
    }
}

#[test]
fn a_decision_carries_its_reasons() {
    let text = r#"{"Version":"2012-10-17","Statement":[
        {"Sid":"Reads","Effect":"Allow","Action":"s3:Get*","Resource":"*"},
        {"Sid":"Writes","Effect":"Allow","Action":"s3:Put*","Resource":"*"},
        {"Sid":"Secret","Effect":"Deny","Action":"*","Resource":"arn:aws:s3:::bucket/secret*"}]}"#;
    let policy = Policy::parse(text, PolicyKind::Identity).unwrap();
    let source = source("inline");
    let identity = [Attached { source: &source, policy: &policy }];
    let layers = Layers { identity: &identity, ..Layers::default() };
    let (principal, context) = (user(), Context::new());
    let reasons = |resource: &str| {
        let request = Request {
            principal: &principal,
            action: "s3:GetObject",
            resource,
            resource_account: ACCOUNT,
            canonical_id: None,
            context: &context,
        };
        let decision = evaluate(&request, &layers);
        let sids = decision.reasons.iter().map(|reason| match reason.finding {
            Finding::Statement { statement, .. } => statement.sid.clone().unwrap_or_default(),
            Finding::Grant { id } => id.to_owned(),
            Finding::Silence { .. } => "silence".to_owned(),
        });
        (
            sids.collect::<Vec<_>>(),
            decision.decisive().count(),
            decision.denying_policy().map(|s| s.id.clone()),
        )
    };
    assert_eq!(reasons("arn:aws:s3:::bucket/open"), (vec!["Reads".into()], 1, None));
    let denied = (vec!["Reads".into(), "Secret".into()], 1, Some("inline".to_owned()));
    assert_eq!(reasons("arn:aws:s3:::bucket/secret/x"), denied);
}
