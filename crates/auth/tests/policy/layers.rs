//! How the layers work together: the documented evaluation logic, and AWS's words for what it denies.

use crate::world::{
    ACCOUNT, OBJECT, OTHER, federated, federated_root, linked, parse, root, saml, service, session, source,
    user, web,
};
use auth::policy::Cause::{self, Allowed, ExplicitDeny, ImplicitDeny};
use auth::policy::Layer::{Boundary, Endpoint, Grant as ByGrant, Identity, Rcp, Resource, Scp, Session};
use auth::policy::{
    Attached, Ceiling, Context, Grant, Layers, Level, Policy, PolicyKind, Principal, Request, ResourceMode,
    evaluate,
};

const YES: Option<&str> = Some(r#""Effect":"Allow","Action":"s3:GetObject","Resource":"*""#);
const NO: Option<&str> = Some(r#""Effect":"Allow","Action":"s3:PutObject","Resource":"*""#);
const DENY: Option<&str> = Some(r#""Effect":"Deny","Action":"s3:Get*","Resource":"*""#);
const TO_ALL: Option<&str> = Some(r#""Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*""#);
const TO_ACCOUNT: Option<&str> =
    Some(r#""Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"s3:*","Resource":"*""#);
const TO_USER: Option<&str> = Some(
    r#""Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:user/bob"},"Action":"s3:*","Resource":"*""#,
);
const TO_ROLE: Option<&str> = Some(
    r#""Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/path/app"},"Action":"s3:*","Resource":"*""#,
);
const TO_SESSION: Option<&str> = Some(
    r#""Effect":"Allow","Principal":{"AWS":"arn:aws:sts::111122223333:assumed-role/app/one"},"Action":"s3:*","Resource":"*""#,
);
const TO_FEDERATED: Option<&str> = Some(
    r#""Effect":"Allow","Principal":{"AWS":"arn:aws:sts::111122223333:federated-user/fed"},"Action":"s3:*","Resource":"*""#,
);
const TO_SERVICE: Option<&str> =
    Some(r#""Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"s3:*","Resource":"*""#);
const TO_OTHER: Option<&str> =
    Some(r#""Effect":"Allow","Principal":{"AWS":"444455556666"},"Action":"s3:*","Resource":"*""#);
const DENY_ALL: Option<&str> = Some(r#""Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*""#);
const RCP_FULL: Option<&str> = Some(r#""Effect":"Allow","Principal":"*","Action":"*","Resource":"*""#);
const FULL: &str = r#""Effect":"Allow","Action":"*","Resource":"*""#;
const PUT_ONLY: &str = r#""Effect":"Allow","Action":"s3:PutObject","Resource":"*""#;
const DENY_GET: &str = r#""Effect":"Deny","Action":"s3:GetObject","Resource":"*""#;

/// One case: who asks, in which account the resource is, and one statement for each layer.
struct Case {
    who: fn() -> Principal,
    account: &'static str,
    identity: Option<&'static str>,
    boundary: Option<&'static str>,
    session: Option<&'static str>,
    /// One statement for each level.
    scp: &'static [&'static str],
    rcp: Option<&'static str>,
    endpoint: Option<&'static str>,
    resource: Option<&'static str>,
    mode: ResourceMode,
    grantee: Option<&'static str>,
}

const BASE: Case = Case {
    who: user,
    account: ACCOUNT,
    identity: None,
    boundary: None,
    session: None,
    scp: &[],
    rcp: None,
    endpoint: None,
    resource: None,
    mode: ResourceMode::Optional,
    grantee: None,
};

/// The resource is another account's.
const FAR: Case = Case { account: OTHER, ..BASE };

/// Name of the rule, case, outcome.
type Row = (&'static str, Case, Cause);

fn run(case: &Case) -> (Cause, String) {
    let sources = ["identity", "boundary", "session", "scp", "rcp", "endpoint", "resource"].map(source);
    let one = |kind, text: Option<&str>| text.map(|text| parse(kind, &[text]));
    let identity = one(PolicyKind::Identity, case.identity);
    let boundary = one(PolicyKind::Boundary, case.boundary);
    let session = one(PolicyKind::Session, case.session);
    let scps: Vec<Policy> = case.scp.iter().map(|text| parse(PolicyKind::Scp, &[text])).collect();
    let rcp = case.rcp.map(|text| {
        let deny = text.contains("Deny");
        if deny {
            parse(PolicyKind::Rcp, &[RCP_FULL.unwrap(), text])
        } else {
            parse(PolicyKind::Rcp, &[text])
        }
    });
    let endpoint = one(PolicyKind::Resource("ec2"), case.endpoint);
    let resource = one(PolicyKind::Resource("s3"), case.resource);
    let attach = |at: usize, policy| Attached { source: &sources[at], policy };
    let identity: Vec<Attached<'_>> = identity.iter().map(|p| attach(0, p)).collect();
    let session: Vec<Attached<'_>> = session.iter().map(|p| attach(2, p)).collect();
    let scp_levels: Vec<[Attached<'_>; 1]> = scps.iter().map(|p| [attach(3, p)]).collect();
    let scp_levels: Vec<Level<'_>> =
        scp_levels.iter().map(|p| Level { target: "ou-1", policies: p }).collect();
    let rcp_policies: Vec<Attached<'_>> = rcp.iter().map(|p| attach(4, p)).collect();
    let rcp_levels = [Level { target: "r-1", policies: &rcp_policies }];
    let grant = case.grantee.map(|grantee| Grant { id: "grant-1".into(), grantee: grantee.into() });
    let layers = Layers {
        identity: &identity,
        boundary: boundary.as_ref().map(|p| attach(1, p)),
        session: case.session.map(|_| session.as_slice()),
        scp: if case.scp.is_empty() { Ceiling::None } else { Ceiling::Levels(&scp_levels) },
        rcp: if rcp.is_some() { Ceiling::Levels(&rcp_levels) } else { Ceiling::None },
        endpoint: endpoint.as_ref().map(|p| attach(5, p)),
        resource: resource.as_ref().map(|p| attach(6, p)),
        mode: case.mode,
        grant: grant.as_ref(),
    };
    let (principal, context) = ((case.who)(), Context::new());
    let request = Request {
        principal: &principal,
        action: "s3:GetObject",
        resource: OBJECT,
        resource_account: case.account,
        canonical_id: None,
        context: &context,
    };
    let decision = evaluate(&request, &layers);
    assert_eq!(decision.allowed, matches!(decision.cause, Allowed(_) | Cause::Root));
    if decision.cause != Cause::Root {
        assert!(
            decision.decisive().next().is_some() || federated_without_policy(case),
            "{:?}",
            decision.cause
        );
    }
    (decision.cause, decision.denial_message(&request))
}

/// A federated root session without identity policies is allowed by its session policy's silence about nothing.
fn federated_without_policy(case: &Case) -> bool {
    (case.who)() == federated_root()
}

fn check(rows: &[Row]) {
    for (name, case, expected) in rows {
        assert_eq!(run(case).0, *expected, "{name}");
    }
}

const WITHIN_AN_ACCOUNT: &[Row] = &[
    ("by default everything is denied", BASE, ImplicitDeny(Identity)),
    ("an identity policy allows", Case { identity: YES, ..BASE }, Allowed(Identity)),
    (
        "an identity policy about something else does not",
        Case { identity: NO, ..BASE },
        ImplicitDeny(Identity),
    ),
    ("an explicit deny in an identity policy", Case { identity: DENY, ..BASE }, ExplicitDeny(Identity)),
    (
        "an explicit deny overrides the resource's allow",
        Case { identity: DENY, resource: TO_USER, ..BASE },
        ExplicitDeny(Identity),
    ),
    ("the resource's policy alone suffices", Case { resource: TO_USER, ..BASE }, Allowed(Resource)),
    ("either suffices", Case { identity: YES, resource: TO_OTHER, ..BASE }, Allowed(Identity)),
    (
        "the resource's explicit deny",
        Case { identity: YES, resource: DENY_ALL, ..BASE },
        ExplicitDeny(Resource),
    ),
    ("naming the account only delegates", Case { resource: TO_ACCOUNT, ..BASE }, ImplicitDeny(Identity)),
    (
        "naming the account, and an identity policy",
        Case { identity: YES, resource: TO_ACCOUNT, ..BASE },
        Allowed(Identity),
    ),
    ("naming everyone grants directly", Case { resource: TO_ALL, ..BASE }, Allowed(Resource)),
    (
        "a service without resource policies does not look at one",
        Case { resource: TO_USER, mode: ResourceMode::None, ..BASE },
        ImplicitDeny(Identity),
    ),
    (
        "boundary and identity policy intersect",
        Case { identity: YES, boundary: YES, ..BASE },
        Allowed(Identity),
    ),
    ("a boundary alone grants nothing", Case { boundary: YES, ..BASE }, ImplicitDeny(Identity)),
    ("a boundary's silence denies", Case { identity: YES, boundary: NO, ..BASE }, ImplicitDeny(Boundary)),
    ("a boundary's explicit deny", Case { identity: YES, boundary: DENY, ..BASE }, ExplicitDeny(Boundary)),
    (
        "a boundary's explicit deny beats the user's naming",
        Case { boundary: DENY, resource: TO_USER, ..BASE },
        ExplicitDeny(Boundary),
    ),
    (
        "naming the user passes the boundary's silence",
        Case { boundary: NO, resource: TO_USER, ..BASE },
        Allowed(Resource),
    ),
    (
        "naming everyone passes the boundary's silence",
        Case { boundary: NO, resource: TO_ALL, ..BASE },
        Allowed(Resource),
    ),
    (
        "naming the account does not",
        Case { identity: YES, boundary: NO, resource: TO_ACCOUNT, ..BASE },
        ImplicitDeny(Boundary),
    ),
    ("a role session by identity policy", Case { who: session, identity: YES, ..BASE }, Allowed(Identity)),
    (
        "a role session's policy intersects",
        Case { who: session, identity: YES, session: YES, ..BASE },
        Allowed(Identity),
    ),
    (
        "a role session's policy grants nothing",
        Case { who: session, session: YES, ..BASE },
        ImplicitDeny(Identity),
    ),
    (
        "a session policy's silence denies",
        Case { who: session, identity: YES, session: NO, ..BASE },
        ImplicitDeny(Session),
    ),
    (
        "a session policy's explicit deny",
        Case { who: session, identity: YES, session: DENY, ..BASE },
        ExplicitDeny(Session),
    ),
    (
        "naming the role needs no identity policy",
        Case { who: session, resource: TO_ROLE, ..BASE },
        Allowed(Resource),
    ),
    (
        "naming the role does not pass the boundary",
        Case { who: session, boundary: NO, resource: TO_ROLE, ..BASE },
        ImplicitDeny(Boundary),
    ),
    (
        "naming the role does not pass the session policy",
        Case { who: session, session: NO, resource: TO_ROLE, ..BASE },
        ImplicitDeny(Session),
    ),
    (
        "naming the role with both allowing",
        Case { who: session, boundary: YES, session: YES, resource: TO_ROLE, ..BASE },
        Allowed(Resource),
    ),
    (
        "naming the session passes boundary and session policy",
        Case { who: session, boundary: NO, session: NO, resource: TO_SESSION, ..BASE },
        Allowed(Resource),
    ),
    (
        "a federated user needs identity and session policy",
        Case { who: federated, identity: YES, session: YES, ..BASE },
        Allowed(Identity),
    ),
    (
        "a federated user without session policy",
        Case { who: federated, identity: YES, ..BASE },
        ImplicitDeny(Session),
    ),
    (
        "a federated user whose user may not",
        Case { who: federated, session: YES, ..BASE },
        ImplicitDeny(Identity),
    ),
    (
        "naming the federated session",
        Case { who: federated, session: NO, boundary: NO, resource: TO_FEDERATED, ..BASE },
        Allowed(Resource),
    ),
    (
        "naming the federating user does not pass the session policy",
        Case { who: federated, session: NO, resource: TO_USER, ..BASE },
        ImplicitDeny(Session),
    ),
    (
        "naming the federating user with a session policy",
        Case { who: federated, session: YES, resource: TO_USER, ..BASE },
        Allowed(Resource),
    ),
    (
        "a session that the root user made has its session policy",
        Case { who: federated_root, session: YES, ..BASE },
        Allowed(Identity),
    ),
    ("and no more", Case { who: federated_root, session: NO, ..BASE }, ImplicitDeny(Session)),
    ("the root user may do everything", Case { who: root, ..BASE }, Cause::Root),
    (
        "where there are no resource policies too",
        Case { who: root, mode: ResourceMode::None, ..BASE },
        Cause::Root,
    ),
    ("but what the resource denies", Case { who: root, resource: DENY_ALL, ..BASE }, ExplicitDeny(Resource)),
    (
        "required: an identity policy alone does not suffice",
        Case { identity: YES, mode: ResourceMode::Required, ..BASE },
        ImplicitDeny(Resource),
    ),
    (
        "required: the resource names the user",
        Case { resource: TO_USER, mode: ResourceMode::Required, ..BASE },
        Allowed(Resource),
    ),
    (
        "required: the resource names the account",
        Case { identity: YES, resource: TO_ACCOUNT, mode: ResourceMode::Required, ..BASE },
        Allowed(Identity),
    ),
    (
        "required: the account's policies must then allow",
        Case { resource: TO_ACCOUNT, mode: ResourceMode::Required, ..BASE },
        ImplicitDeny(Identity),
    ),
    (
        "required: the root user is not excepted",
        Case { who: root, mode: ResourceMode::Required, ..BASE },
        ImplicitDeny(Resource),
    ),
    (
        "required: the root user by its account",
        Case { who: root, resource: TO_ACCOUNT, mode: ResourceMode::Required, ..BASE },
        Allowed(Resource),
    ),
    (
        "a grant counts as the resource's allow",
        Case { mode: ResourceMode::Required, grantee: Some("arn:aws:iam::111122223333:user/bob"), ..BASE },
        Allowed(ByGrant),
    ),
    (
        "a grant to somebody else",
        Case { mode: ResourceMode::Required, grantee: Some("arn:aws:iam::111122223333:user/eve"), ..BASE },
        ImplicitDeny(Resource),
    ),
    (
        "a grant to the role does not pass the session policy",
        Case {
            who: session,
            session: NO,
            mode: ResourceMode::Required,
            grantee: Some("arn:aws:iam::111122223333:role/path/app"),
            ..BASE
        },
        ImplicitDeny(Session),
    ),
    (
        "a grant does not beat a deny",
        Case {
            resource: DENY_ALL,
            mode: ResourceMode::Required,
            grantee: Some("arn:aws:iam::111122223333:user/bob"),
            ..BASE
        },
        ExplicitDeny(Resource),
    ),
    (
        "a grant to a service",
        Case { who: service, mode: ResourceMode::Required, grantee: Some("lambda.amazonaws.com"), ..BASE },
        Allowed(ByGrant),
    ),
];

#[test]
fn within_an_account() {
    check(WITHIN_AN_ACCOUNT);
}

const ACROSS_ACCOUNTS: &[Row] = &[
    ("neither side", FAR, ImplicitDeny(Resource)),
    ("the identity's side alone", Case { identity: YES, ..FAR }, ImplicitDeny(Resource)),
    ("the resource's side alone", Case { resource: TO_USER, ..FAR }, ImplicitDeny(Identity)),
    ("both sides, by user", Case { identity: YES, resource: TO_USER, ..FAR }, Allowed(Resource)),
    ("both sides, by account", Case { identity: YES, resource: TO_ACCOUNT, ..FAR }, Allowed(Resource)),
    ("both sides, by everyone", Case { identity: YES, resource: TO_ALL, ..FAR }, Allowed(Resource)),
    ("everyone does not spare the identity's side", Case { resource: TO_ALL, ..FAR }, ImplicitDeny(Identity)),
    (
        "the boundary counts on the identity's side",
        Case { identity: YES, boundary: NO, resource: TO_USER, ..FAR },
        ImplicitDeny(Boundary),
    ),
    (
        "the session policy counts on the identity's side",
        Case { who: session, identity: YES, session: NO, resource: TO_SESSION, ..FAR },
        ImplicitDeny(Session),
    ),
    ("the resource's deny", Case { identity: YES, resource: DENY_ALL, ..FAR }, ExplicitDeny(Resource)),
    (
        "a service without resource policies",
        Case { identity: YES, resource: TO_USER, mode: ResourceMode::None, ..FAR },
        ImplicitDeny(Resource),
    ),
    ("the root user has no power there", Case { who: root, ..FAR }, ImplicitDeny(Resource)),
    ("the root user by its account", Case { who: root, resource: TO_ACCOUNT, ..FAR }, Allowed(Resource)),
    (
        "the principal's control policies count",
        Case { identity: YES, resource: TO_USER, scp: &[PUT_ONLY], ..FAR },
        ImplicitDeny(Scp),
    ),
    (
        "the resource's control policies count",
        Case { identity: YES, resource: TO_USER, rcp: DENY_ALL, ..FAR },
        ExplicitDeny(Rcp),
    ),
    (
        "a grant across accounts needs the identity's side",
        Case { mode: ResourceMode::Required, grantee: Some("arn:aws:iam::111122223333:user/bob"), ..FAR },
        ImplicitDeny(Identity),
    ),
];

#[test]
fn across_accounts() {
    check(ACROSS_ACCOUNTS);
}

const WITHOUT_AN_ACCOUNT: &[Row] = &[
    ("an anonymous caller", Case { who: || Principal::Anonymous, ..BASE }, ImplicitDeny(Resource)),
    (
        "an anonymous caller where everyone may",
        Case { who: || Principal::Anonymous, resource: TO_ALL, ..BASE },
        Allowed(Resource),
    ),
    (
        "identity policies are not for anonymous callers",
        Case { who: || Principal::Anonymous, identity: YES, ..BASE },
        ImplicitDeny(Resource),
    ),
    ("a service", Case { who: service, ..BASE }, ImplicitDeny(Resource)),
    ("a service that is named", Case { who: service, resource: TO_SERVICE, ..BASE }, Allowed(Resource)),
    (
        "service control policies are not for services",
        Case { who: service, resource: TO_SERVICE, scp: &[DENY_GET], ..BASE },
        Allowed(Resource),
    ),
    (
        "resource control policies are",
        Case { who: service, resource: TO_SERVICE, rcp: DENY_ALL, ..BASE },
        ExplicitDeny(Rcp),
    ),
    ("a token bearer", Case { who: web, resource: TO_ACCOUNT, ..BASE }, ImplicitDeny(Resource)),
    ("an assertion's bearer", Case { who: saml, resource: TO_SERVICE, ..BASE }, ImplicitDeny(Resource)),
];

#[test]
fn without_an_account() {
    check(WITHOUT_AN_ACCOUNT);
}

const UNDER_AN_ORGANIZATION: &[Row] = &[
    ("a control policy grants nothing", Case { scp: &[FULL], ..BASE }, ImplicitDeny(Identity)),
    (
        "control and identity policy intersect",
        Case { identity: YES, scp: &[FULL], ..BASE },
        Allowed(Identity),
    ),
    ("a control policy's silence", Case { identity: YES, scp: &[PUT_ONLY], ..BASE }, ImplicitDeny(Scp)),
    ("a control policy's deny", Case { identity: YES, scp: &[DENY_GET], ..BASE }, ExplicitDeny(Scp)),
    (
        "every level must allow",
        Case { identity: YES, scp: &[FULL, PUT_ONLY, FULL], ..BASE },
        ImplicitDeny(Scp),
    ),
    ("every level allows", Case { identity: YES, scp: &[FULL, FULL, FULL], ..BASE }, Allowed(Identity)),
    ("control policies bind the root user", Case { who: root, scp: &[DENY_GET], ..BASE }, ExplicitDeny(Scp)),
    ("by their silence too", Case { who: root, scp: &[PUT_ONLY], ..BASE }, ImplicitDeny(Scp)),
    (
        "control policies do not bind service-linked roles",
        Case { who: linked, identity: YES, scp: &[DENY_GET], ..BASE },
        Allowed(Identity),
    ),
    (
        "control policies beat the user's naming",
        Case { resource: TO_USER, scp: &[PUT_ONLY], ..BASE },
        ImplicitDeny(Scp),
    ),
    ("a resource control policy's deny", Case { identity: YES, rcp: DENY_ALL, ..BASE }, ExplicitDeny(Rcp)),
    (
        "a resource control policy that does not deny",
        Case { identity: YES, rcp: RCP_FULL, ..BASE },
        Allowed(Identity),
    ),
    (
        "resource control policies bind the root user",
        Case { who: root, rcp: DENY_ALL, ..BASE },
        ExplicitDeny(Rcp),
    ),
    (
        "they do not bind service-linked roles",
        Case { who: linked, identity: YES, rcp: DENY_ALL, ..BASE },
        Allowed(Identity),
    ),
    ("an endpoint's policy allows", Case { identity: YES, endpoint: TO_ALL, ..BASE }, Allowed(Identity)),
    ("an endpoint's silence", Case { identity: YES, endpoint: TO_OTHER, ..BASE }, ImplicitDeny(Endpoint)),
    ("an endpoint's deny", Case { identity: YES, endpoint: DENY_ALL, ..BASE }, ExplicitDeny(Endpoint)),
    ("an endpoint's policy grants nothing", Case { endpoint: TO_ALL, ..BASE }, ImplicitDeny(Identity)),
];

#[test]
fn under_an_organization() {
    check(UNDER_AN_ORGANIZATION);
}

#[test]
fn denials_in_the_words_of_aws() {
    let start = "User: arn:aws:iam::111122223333:user/bob is not authorized to perform: s3:GetObject on resource: arn:aws:s3:::bucket/key";
    for (case, end) in [
        (BASE, " because no identity-based policy allows the s3:GetObject action"),
        (Case { identity: DENY, ..BASE }, " with an explicit deny in an identity-based policy"),
        (Case { account: OTHER, ..BASE }, " because no resource-based policy allows the s3:GetObject action"),
        (Case { resource: DENY_ALL, ..BASE }, " with an explicit deny in a resource-based policy"),
        (
            Case { identity: YES, boundary: NO, ..BASE },
            " because no permissions boundary allows the s3:GetObject action",
        ),
        (Case { boundary: DENY, ..BASE }, " with an explicit deny in a permissions boundary"),
        (
            Case { identity: YES, session: NO, ..BASE },
            " because no session policy allows the s3:GetObject action",
        ),
        (Case { session: DENY, ..BASE }, " with an explicit deny in a session policy"),
        (
            Case { scp: &[PUT_ONLY], ..BASE },
            " because no service control policy allows the s3:GetObject action",
        ),
        (Case { scp: &[DENY_GET], ..BASE }, " with an explicit deny in a service control policy"),
        (Case { rcp: DENY_ALL, ..BASE }, " with an explicit deny in a resource control policy"),
        (
            Case { endpoint: TO_OTHER, ..BASE },
            " because no VPC endpoint policy allows the s3:GetObject action",
        ),
        (Case { endpoint: DENY_ALL, ..BASE }, " with an explicit deny in a VPC endpoint policy"),
    ] {
        assert_eq!(run(&case).1, format!("{start}{end}"));
    }
}
