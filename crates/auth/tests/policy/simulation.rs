//! What the policy simulator reports.

use crate::world::{ACCOUNT, OTHER, source, user};
use auth::policy::{
    Attached, Ceiling, Context, Layers, Level, Outcome, Policy, PolicyKind, Position, Request, simulate,
};

/// The document of the AWS CLI's own example, with the positions that it shows.
const EXAMPLE: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"dynamodb:*","Resource":"*","Condition":{"DateGreaterThan":{"aws:CurrentTime":"2018-08-16T12:00:00Z"}}}}"#;

fn ask<T>(context: &Context<'_>, account: &str, check: impl FnOnce(&Request<'_>) -> T) -> T {
    let principal = user();
    check(&Request {
        principal: &principal,
        action: "dynamodb:CreateBackup",
        resource: "*",
        resource_account: account,
        canonical_id: None,
        context,
    })
}

#[test]
fn positions_and_missing_keys() {
    let policy = Policy::parse(EXAMPLE, PolicyKind::Identity).unwrap();
    let input = source("PolicyInputList.1");
    let identity = [Attached { source: &input, policy: &policy }];
    let layers = Layers { identity: &identity, ..Layers::default() };
    let later = Context::new().with("aws:CurrentTime", "2019-04-25T11:00:00Z");
    let found = ask(&later, ACCOUNT, |request| simulate(request, &layers));
    assert_eq!(found.outcome.as_str(), "allowed");
    let statement = found.matched[0].statement;
    assert_eq!(found.matched[0].source.id, "PolicyInputList.1");
    assert_eq!(statement.start, Position { line: 1, column: 38 });
    assert_eq!(statement.end, Position { line: 1, column: 167 });
    assert!(found.missing.is_empty());
    let earlier = Context::new().with("AWS:currenttime", "2014-04-25T11:00:00Z");
    let found = ask(&earlier, ACCOUNT, |request| simulate(request, &layers));
    assert_eq!((found.outcome.as_str(), found.matched.len()), ("implicitDeny", 0));
    let found = ask(&Context::new(), ACCOUNT, |request| simulate(request, &layers));
    assert_eq!((found.outcome, found.missing), (Outcome::ImplicitDeny, vec!["aws:CurrentTime"]));
}

#[test]
fn lines_are_counted() {
    let text = "{\n \"Version\": \"2012-10-17\",\n \"Statement\": [\n  {\"Sid\": \"é\",\n   \"Effect\": \"Deny\", \"Principal\": \"*\", \"Action\": \"*\"\n  }\n ]\n}";
    let policy = Policy::parse(text, PolicyKind::Resource("ecr")).unwrap();
    let statement = &policy.statements()[0];
    assert_eq!(
        (statement.start, statement.end),
        (Position { line: 4, column: 4 }, Position { line: 6, column: 4 })
    );
}

#[test]
fn keys_of_a_document() {
    let text = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*",
        "Resource":"arn:aws:s3:::b/${aws:username}/${aws:PrincipalTag/t, 'x'}",
        "Condition":{"StringLike":{"s3:prefix":"${aws:userid}/*"},"Null":{"AWS:UserName":"false"}}}]}"#;
    let policy = Policy::parse(text, PolicyKind::Identity).unwrap();
    assert_eq!(policy.context_keys(), ["s3:prefix", "aws:userid", "AWS:UserName", "aws:PrincipalTag/t"]);
}

#[test]
fn details_by_layer() {
    let parse = |kind, effect: &str, action: &str, principal: &str| {
        let text = format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Effect":"{effect}",{principal}"Action":"{action}","Resource":"*"}}}}"#
        );
        Policy::parse(&text, kind).unwrap()
    };
    let allow = parse(PolicyKind::Identity, "Allow", "dynamodb:*", "");
    let boundary = parse(PolicyKind::Boundary, "Allow", "s3:*", "");
    let scp = parse(PolicyKind::Scp, "Deny", "dynamodb:*", "");
    let resource = parse(PolicyKind::Resource("dynamodb"), "Allow", "*", r#""Principal":"*","#);
    let names = ["identity", "boundary", "scp", "resource"].map(source);
    let identity = [Attached { source: &names[0], policy: &allow }];
    let scps = [Attached { source: &names[2], policy: &scp }];
    let levels = [Level { target: "r-1", policies: &scps }];
    let layers = Layers {
        identity: &identity,
        boundary: Some(Attached { source: &names[1], policy: &boundary }),
        scp: Ceiling::Levels(&levels),
        resource: Some(Attached { source: &names[3], policy: &resource }),
        mode: auth::policy::ResourceMode::Optional,
        ..Layers::default()
    };
    let found = ask(&Context::new(), OTHER, |request| simulate(request, &layers));
    assert_eq!(found.outcome, Outcome::ExplicitDeny);
    assert!(found.matched.is_empty(), "statements of control policies are not shown");
    assert_eq!(found.allowed_by_organizations, Some(false));
    assert_eq!(found.allowed_by_boundary, Some(false));
    assert_eq!((found.by_identity, found.by_resource), (Outcome::Allowed, Some(Outcome::Allowed)));
}
