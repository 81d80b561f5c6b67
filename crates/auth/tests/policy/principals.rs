//! `Principal` and `NotPrincipal` in the policy of a resource of another account's, where naming is all that counts.

use crate::world::{
    ACCOUNT, OBJECT, OTHER, federated, linked, parse, root, saml, service, session, source, user, web,
};
use auth::policy::{
    Attached, Cause, Context, Layer, Layers, PolicyKind, Principal, Request, ResourceMode, evaluate,
};

/// Name of the rule, effect, element, principal, whether the statement applies.
type Row = (&'static str, &'static str, &'static str, fn() -> Principal, bool);

fn anonymous() -> Principal {
    Principal::Anonymous
}

const ROWS: &[Row] = &[
    ("star is everyone", "Allow", r#""Principal":"*""#, user, true),
    ("star is anonymous callers too", "Allow", r#""Principal":"*""#, anonymous, true),
    ("star in the AWS list is the same", "Allow", r#""Principal":{"AWS":"*"}"#, anonymous, true),
    ("star is services too", "Allow", r#""Principal":"*""#, service, true),
    ("an account by its number: a user", "Allow", r#""Principal":{"AWS":"111122223333"}"#, user, true),
    ("an account by its number: a session", "Allow", r#""Principal":{"AWS":"111122223333"}"#, session, true),
    (
        "an account by its root ARN: a user",
        "Allow",
        r#""Principal":{"AWS":"arn:aws:iam::111122223333:root"}"#,
        user,
        true,
    ),
    (
        "an account by its root ARN: its root",
        "Allow",
        r#""Principal":{"AWS":"arn:aws:iam::111122223333:root"}"#,
        root,
        true,
    ),
    ("another account", "Allow", r#""Principal":{"AWS":"444455556666"}"#, user, false),
    (
        "an account is not anonymous callers",
        "Allow",
        r#""Principal":{"AWS":"111122223333"}"#,
        anonymous,
        false,
    ),
    ("an account is not services", "Allow", r#""Principal":{"AWS":"111122223333"}"#, service, false),
    (
        "a list of principals is an OR",
        "Allow",
        r#""Principal":{"AWS":["444455556666","111122223333"]}"#,
        user,
        true,
    ),
    ("a user by ARN", "Allow", r#""Principal":{"AWS":"arn:aws:iam::111122223333:user/bob"}"#, user, true),
    (
        "user names are case sensitive",
        "Allow",
        r#""Principal":{"AWS":"arn:aws:iam::111122223333:user/Bob"}"#,
        user,
        false,
    ),
    ("a user by unique id", "Allow", r#""Principal":{"AWS":"AIDAUSERBOB1234567890"}"#, user, true),
    (
        "a user is not its root",
        "Allow",
        r#""Principal":{"AWS":"arn:aws:iam::111122223333:user/bob"}"#,
        root,
        false,
    ),
    (
        "a user is the federated session that it made",
        "Allow",
        r#""Principal":{"AWS":"arn:aws:iam::111122223333:user/bob"}"#,
        federated,
        true,
    ),
    (
        "a federated session by ARN",
        "Allow",
        r#""Principal":{"AWS":"arn:aws:sts::111122223333:federated-user/fed"}"#,
        federated,
        true,
    ),
    (
        "a federated session is not its user",
        "Allow",
        r#""Principal":{"AWS":"arn:aws:sts::111122223333:federated-user/fed"}"#,
        user,
        false,
    ),
    (
        "a role is its sessions",
        "Allow",
        r#""Principal":{"AWS":"arn:aws:iam::111122223333:role/path/app"}"#,
        session,
        true,
    ),
    (
        "a role's path counts",
        "Allow",
        r#""Principal":{"AWS":"arn:aws:iam::111122223333:role/app"}"#,
        session,
        false,
    ),
    ("a role by unique id", "Allow", r#""Principal":{"AWS":"AROAROLEAPP1234567890"}"#, session, true),
    (
        "a session by ARN",
        "Allow",
        r#""Principal":{"AWS":"arn:aws:sts::111122223333:assumed-role/app/one"}"#,
        session,
        true,
    ),
    (
        "another session of the role",
        "Allow",
        r#""Principal":{"AWS":"arn:aws:sts::111122223333:assumed-role/app/two"}"#,
        session,
        false,
    ),
    ("a service", "Allow", r#""Principal":{"Service":"lambda.amazonaws.com"}"#, service, true),
    ("another service", "Allow", r#""Principal":{"Service":"ec2.amazonaws.com"}"#, service, false),
    (
        "one service of a list",
        "Allow",
        r#""Principal":{"Service":["ec2.amazonaws.com","lambda.amazonaws.com"]}"#,
        service,
        true,
    ),
    ("a service is not users", "Allow", r#""Principal":{"Service":"lambda.amazonaws.com"}"#, user, false),
    (
        "several types are an OR",
        "Allow",
        r#""Principal":{"Service":"lambda.amazonaws.com","AWS":"111122223333"}"#,
        user,
        true,
    ),
    (
        "an OIDC provider",
        "Allow",
        r#""Principal":{"Federated":"arn:aws:iam::111122223333:oidc-provider/idp.example.com"}"#,
        web,
        true,
    ),
    ("another provider", "Allow", r#""Principal":{"Federated":"accounts.google.com"}"#, web, false),
    (
        "a SAML provider",
        "Allow",
        r#""Principal":{"Federated":"arn:aws:iam::111122223333:saml-provider/adfs"}"#,
        saml,
        true,
    ),
    (
        "a provider is not users",
        "Allow",
        r#""Principal":{"Federated":"arn:aws:iam::111122223333:saml-provider/adfs"}"#,
        user,
        false,
    ),
    (
        "a canonical user id names its account",
        "Allow",
        r#""Principal":{"CanonicalUser":"79a59df900b949e5"}"#,
        user,
        true,
    ),
    ("another canonical user id", "Allow", r#""Principal":{"CanonicalUser":"00000000000000"}"#, user, false),
    (
        "NotPrincipal with Allow: everyone else",
        "Allow",
        r#""NotPrincipal":{"AWS":"444455556666"}"#,
        user,
        true,
    ),
    (
        "NotPrincipal with Allow: anonymous callers too",
        "Allow",
        r#""NotPrincipal":{"AWS":"444455556666"}"#,
        anonymous,
        true,
    ),
    (
        "NotPrincipal with Allow: not the one named",
        "Allow",
        r#""NotPrincipal":{"AWS":"arn:aws:iam::111122223333:user/bob"}"#,
        user,
        false,
    ),
    (
        "NotPrincipal with Allow: not the account named",
        "Allow",
        r#""NotPrincipal":{"AWS":"111122223333"}"#,
        user,
        false,
    ),
    (
        "NotPrincipal with Allow: not the role named",
        "Allow",
        r#""NotPrincipal":{"AWS":"arn:aws:iam::111122223333:role/path/app"}"#,
        session,
        false,
    ),
    ("Deny of everyone", "Deny", r#""Principal":"*""#, user, true),
    ("Deny of an account is of its users", "Deny", r#""Principal":{"AWS":"111122223333"}"#, user, true),
    (
        "Deny of a role is of its sessions",
        "Deny",
        r#""Principal":{"AWS":"arn:aws:iam::111122223333:role/path/app"}"#,
        session,
        true,
    ),
    ("Deny of star is of service-linked roles", "Deny", r#""Principal":"*""#, linked, true),
    ("NotPrincipal with Deny: everyone else", "Deny", r#""NotPrincipal":{"AWS":"444455556666"}"#, user, true),
    (
        "NotPrincipal with Deny: anonymous callers",
        "Deny",
        r#""NotPrincipal":{"AWS":"111122223333"}"#,
        anonymous,
        true,
    ),
    (
        "NotPrincipal with Deny: user and account spare the user",
        "Deny",
        r#""NotPrincipal":{"AWS":["arn:aws:iam::111122223333:user/bob","arn:aws:iam::111122223333:root"]}"#,
        user,
        false,
    ),
    (
        "NotPrincipal with Deny: the user without its account does not",
        "Deny",
        r#""NotPrincipal":{"AWS":"arn:aws:iam::111122223333:user/bob"}"#,
        user,
        true,
    ),
    (
        "NotPrincipal with Deny: the account without the user does not",
        "Deny",
        r#""NotPrincipal":{"AWS":"111122223333"}"#,
        user,
        true,
    ),
    (
        "NotPrincipal with Deny: the account spares its root",
        "Deny",
        r#""NotPrincipal":{"AWS":"111122223333"}"#,
        root,
        false,
    ),
    (
        "NotPrincipal with Deny: session, role and account spare the session",
        "Deny",
        r#""NotPrincipal":{"AWS":["arn:aws:sts::111122223333:assumed-role/app/one","arn:aws:iam::111122223333:role/path/app","111122223333"]}"#,
        session,
        false,
    ),
    (
        "NotPrincipal with Deny: role and account without the session do not",
        "Deny",
        r#""NotPrincipal":{"AWS":["arn:aws:iam::111122223333:role/path/app","111122223333"]}"#,
        session,
        true,
    ),
    (
        "NotPrincipal with Deny: a service",
        "Deny",
        r#""NotPrincipal":{"Service":"lambda.amazonaws.com"}"#,
        service,
        false,
    ),
    (
        "NotPrincipal with Deny: another service",
        "Deny",
        r#""NotPrincipal":{"Service":"ec2.amazonaws.com"}"#,
        service,
        true,
    ),
];

#[test]
fn who_is_meant() {
    let everything = parse(PolicyKind::Identity, &[r#""Effect":"Allow","Action":"*","Resource":"*""#]);
    let (own, theirs) = (source("own"), source("theirs"));
    let identity = [Attached { source: &own, policy: &everything }];
    let context = Context::new();
    for (name, effect, element, principal, expected) in ROWS {
        let statement = format!(r#""Effect":"{effect}",{element},"Action":"s3:*","Resource":"*""#);
        let policy = parse(PolicyKind::Resource("s3"), &[&statement]);
        let principal = principal();
        let request = Request {
            principal: &principal,
            action: "s3:GetObject",
            resource: OBJECT,
            resource_account: OTHER,
            canonical_id: Some("79a59df900b949e5"),
            context: &context,
        };
        let layers = Layers {
            identity: &identity,
            session: Some(&identity),
            resource: Some(Attached { source: &theirs, policy: &policy }),
            mode: ResourceMode::Optional,
            ..Layers::default()
        };
        let cause = evaluate(&request, &layers).cause;
        let applies = match *effect {
            "Deny" => cause == Cause::ExplicitDeny(Layer::Resource),
            _ => cause == Cause::Allowed(Layer::Resource),
        };
        assert_eq!(applies, *expected, "{name}: {cause:?}");
        if !applies {
            assert_eq!(cause, Cause::ImplicitDeny(Layer::Resource), "{name}");
        }
    }
}

#[test]
fn what_principals_know_of_themselves() {
    for (principal, arn, account) in [
        (root(), "arn:aws:iam::111122223333:root", Some(ACCOUNT)),
        (user(), "arn:aws:iam::111122223333:user/bob", Some(ACCOUNT)),
        (session(), "arn:aws:sts::111122223333:assumed-role/app/one", Some(ACCOUNT)),
        (federated(), "arn:aws:sts::111122223333:federated-user/fed", Some(ACCOUNT)),
        (service(), "lambda.amazonaws.com", None),
        (anonymous(), "anonymous", None),
    ] {
        assert_eq!(principal.arn(), arn);
        assert_eq!(principal.account().map(|a| a.to_string()).as_deref(), account);
        assert_eq!(principal.is_root(), arn.ends_with(":root"));
    }
}

#[test]
fn the_keys_that_a_principal_brings() {
    let keys =
        ["aws:PrincipalArn", "aws:PrincipalAccount", "aws:PrincipalType", "aws:userid", "aws:username"];
    let service_keys = ["aws:PrincipalIsAWSService", "aws:PrincipalServiceName"];
    let own = Some(ACCOUNT);
    for (principal, expected, of_services) in [
        (
            root(),
            [Some("arn:aws:iam::111122223333:root"), own, Some("Account"), Some(ACCOUNT), None],
            [Some("false"), None],
        ),
        (
            user(),
            [
                Some("arn:aws:iam::111122223333:user/bob"),
                own,
                Some("User"),
                Some("AIDAUSERBOB1234567890"),
                Some("bob"),
            ],
            [Some("false"), None],
        ),
        (
            session(),
            [
                Some("arn:aws:iam::111122223333:role/path/app"),
                own,
                Some("AssumedRole"),
                Some("AROAROLEAPP1234567890:one"),
                None,
            ],
            [Some("false"), None],
        ),
        (
            federated(),
            [
                Some("arn:aws:sts::111122223333:federated-user/fed"),
                own,
                Some("FederatedUser"),
                Some("111122223333:fed"),
                None,
            ],
            [Some("false"), None],
        ),
        (service(), [None; 5], [Some("true"), Some("lambda.amazonaws.com")]),
        (anonymous(), [None, None, Some("Anonymous"), Some("anonymous"), None], [None; 2]),
        (web(), [None; 5], [None; 2]),
    ] {
        let mut context = Context::new();
        principal.set_keys(&mut context);
        let value = |key: &&str| context.get(key).map(|found| found.as_slice()[0].to_string());
        assert_eq!(keys.each_ref().map(value), expected.map(|v| v.map(str::to_owned)), "{principal:?}");
        assert_eq!(
            service_keys.each_ref().map(value),
            of_services.map(|v| v.map(str::to_owned)),
            "{principal:?}"
        );
    }
}
