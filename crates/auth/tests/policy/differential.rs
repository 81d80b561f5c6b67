//! Both implementations must agree on random questions, which are drawn so that they often match.

use crate::naive::{World, decide};
use crate::world::{
    ACCOUNT, OTHER, federated, federated_root, linked, root, saml, service, session, source, user, web,
};
use auth::policy::{
    Attached, Ceiling, Context, Layers, Level, Policy, PolicyKind, PolicySource, Principal, Request,
    ResourceMode, Values, evaluate,
};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::test_runner::RngSeed;
use serde_json::{Map, Value, json};
use std::borrow::Cow;
use std::collections::BTreeMap;

const ACTIONS: [&str; 4] = ["s3:GetObject", "s3:PutObject", "S3:getobject", "sqs:SendMessage"];
const ACTION_PATTERNS: [&str; 10] = [
    "*",
    "s3:*",
    "s3:Get*",
    "s3:getobject",
    "s3:PutObject",
    "s3:?etObject",
    "sqs:*",
    "*:*Object",
    "iam:*",
    "s3:*e*t",
];
const RESOURCES: [&str; 5] = [
    "arn:aws:s3:::b/bob/x",
    "arn:aws:s3:::b",
    "arn:aws:sqs:us-east-1:111122223333:q:x",
    "*",
    "arn:aws:s3:::b/*",
];
const RESOURCE_PATTERNS: [&str; 14] = [
    "*",
    "arn:aws:s3:::b",
    "arn:aws:s3:::b/*",
    "arn:aws:s3:::*",
    "arn:aws:s3:::b/${aws:username}/?",
    "arn:aws:s3:::b/${aws:username, 'bob'}/*",
    "arn:aws:s3:::b/${absent}*",
    "arn:aws:s3:::b/${*}",
    "arn:aws:sqs:*:*:q*",
    "arn:aws:sqs:*:q:x",
    "arn:aws:sqs",
    "arn:*:s3:*:*:b/b*b/x",
    "arn:aws:sqs:us-*-1:1111????3333:*x",
    "arn:aws:sqs:us-east-1:${acct}:q:x",
];
const KEYS: [&str; 6] = ["k:text", "K:Text", "aws:username", "k:number", "k:set", "k:absent"];
const VALUES: [&str; 20] = [
    "a",
    "A",
    "bob",
    "b*",
    "?o?",
    "",
    "10",
    "9.5",
    "-3",
    "true",
    "False",
    "2020-01-01T00:00:00Z",
    "1577836800",
    "10.1.2.3",
    "10.0.0.0/8",
    "2001:db8::1",
    "arn:aws:s3:::b",
    "arn:aws:s3:::*",
    "${aws:username}",
    "${absent}",
];
const OPERATORS: [&str; 27] = [
    "StringEquals",
    "StringNotEquals",
    "StringEqualsIgnoreCase",
    "StringNotEqualsIgnoreCase",
    "StringLike",
    "StringNotLike",
    "NumericEquals",
    "NumericNotEquals",
    "NumericLessThan",
    "NumericLessThanEquals",
    "NumericGreaterThan",
    "NumericGreaterThanEquals",
    "DateEquals",
    "DateNotEquals",
    "DateLessThan",
    "DateLessThanEquals",
    "DateGreaterThan",
    "DateGreaterThanEquals",
    "Bool",
    "IpAddress",
    "NotIpAddress",
    "ArnEquals",
    "ArnLike",
    "ArnNotEquals",
    "ArnNotLike",
    "Null",
    "StringLike",
];
const AWS_PRINCIPALS: [&str; 9] = [
    "*",
    "111122223333",
    "444455556666",
    "arn:aws:iam::111122223333:root",
    "arn:aws:iam::111122223333:user/bob",
    "arn:aws:iam::111122223333:role/path/app",
    "arn:aws:sts::111122223333:assumed-role/app/one",
    "arn:aws:sts::111122223333:federated-user/fed",
    "AROAROLEAPP1234567890",
];

fn some(list: &'static [&'static str], most: usize) -> impl Strategy<Value = Value> {
    subsequence(list, 1..=most).prop_map(|list| if list.len() == 1 { json!(list[0]) } else { json!(list) })
}

fn condition() -> impl Strategy<Value = (String, String, Value)> {
    let set = select(vec!["", "", "", "ForAllValues:", "ForAnyValue:"]);
    let values = prop_oneof![4 => some(&VALUES, 3), 1 => Just(json!([]))];
    (set, select(&OPERATORS[..]), any::<bool>(), select(&KEYS[..]), values).prop_map(
        |(set, operator, exists, key, values)| {
            let suffix = if exists && operator != "Null" { "IfExists" } else { "" };
            let values =
                if operator == "Null" { json!(if exists { "true" } else { "false" }) } else { values };
            (format!("{set}{operator}{suffix}"), key.to_owned(), values)
        },
    )
}

fn principal_element() -> impl Strategy<Value = (&'static str, Value)> {
    let who = prop_oneof![
        1 => Just(json!("*")),
        5 => some(&AWS_PRINCIPALS, 4).prop_map(|list| json!({ "AWS": list })),
        1 => Just(json!({"Service": ["lambda.amazonaws.com", "ec2.amazonaws.com"]})),
        1 => Just(json!({"Federated": "arn:aws:iam::111122223333:saml-provider/adfs", "AWS": "111122223333"})),
    ];
    (select(vec!["Principal", "Principal", "Principal", "NotPrincipal"]), who)
}

fn statement(with_principal: bool) -> impl Strategy<Value = Value> {
    (
        select(vec!["Allow", "Allow", "Allow", "Deny"]),
        select(vec!["Action", "Action", "Action", "NotAction"]),
        some(&ACTION_PATTERNS, 3),
        select(vec!["Resource", "Resource", "Resource", "NotResource"]),
        some(&RESOURCE_PATTERNS, 3),
        principal_element(),
        prop::collection::vec(condition(), 0..=2),
    )
        .prop_map(move |(effect, action, actions, resource, resources, (principal, who), conditions)| {
            let mut members = Map::new();
            members.insert("Effect".into(), json!(effect));
            members.insert(action.into(), actions);
            members.insert(resource.into(), resources);
            if with_principal {
                members.insert(principal.into(), who);
            }
            let mut blocks = Map::new();
            for (operator, key, values) in conditions {
                let keys = blocks.entry(operator).or_insert_with(|| json!({}));
                keys.as_object_mut().unwrap().insert(key, values);
            }
            members.insert("Condition".into(), Value::Object(blocks));
            Value::Object(members)
        })
}

/// With more than a few statements the first implementation takes its index.
fn policy(with_principal: bool, versions: &'static [&'static str]) -> impl Strategy<Value = Value> {
    (select(versions), prop::collection::vec(statement(with_principal), 1..=7))
        .prop_map(|(version, statements)| json!({"Version": version, "Statement": statements}))
}

const NEW: &[&str] = &["2012-10-17"];
const BOTH: &[&str] = &["2012-10-17", "2012-10-17", "2008-10-17"];

fn control(with_principal: bool) -> impl Strategy<Value = Option<Vec<Vec<Value>>>> {
    let full = move || {
        if with_principal {
            json!({"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"})
        } else {
            json!({"Effect":"Allow","Action":"*","Resource":"*"})
        }
    };
    let whole = prop_oneof![
        3 => Just(json!({"Version":"2012-10-17","Statement":[full()]})),
        1 => statement(with_principal).prop_map(|mut s| {
            // Levels that deny much hide everything else.
            s["Effect"] = json!("Deny");
            s
        }).prop_map(move |s| json!({"Version":"2012-10-17","Statement":[s, full()]})),
        1 => policy(with_principal, NEW),
    ];
    let level = prop::collection::vec(whole, 1..=2);
    prop_oneof![3 => Just(None), 1 => prop::collection::vec(level, 1..=2).prop_map(Some)]
}

fn principal() -> impl Strategy<Value = Principal> {
    let all: Vec<fn() -> Principal> = vec![
        root,
        user,
        user,
        user,
        session,
        session,
        session,
        linked,
        federated,
        federated,
        federated_root,
        service,
        web,
        saml,
        || Principal::Anonymous,
    ];
    select(all).prop_map(|make| make())
}

fn context() -> impl Strategy<Value = BTreeMap<String, Vec<String>>> {
    let value = || select(VALUES.iter().copied().filter(|v| !v.contains('$')).collect::<Vec<_>>());
    let one = move || prop::option::of(value().prop_map(|v| vec![v.to_owned()]));
    let set = prop::option::of(prop::collection::vec(value().prop_map(str::to_owned), 0..=3));
    (one(), prop::option::of(Just(vec!["bob".to_owned()])), one(), set).prop_map(
        |(text, name, number, set)| {
            let keys = [("k:text", text), ("aws:username", name), ("k:number", number), ("k:set", set)];
            keys.into_iter().filter_map(|(key, values)| Some((key.to_owned(), values?))).collect()
        },
    )
}

fn world() -> impl Strategy<Value = World> {
    let question = (
        principal(),
        select(&ACTIONS[..]),
        select(&RESOURCES[..]),
        select(vec![ACCOUNT, ACCOUNT, OTHER]),
        context(),
    );
    let own = (
        prop::collection::vec(policy(false, NEW), 0..=2),
        prop::option::weighted(0.3, policy(false, NEW)),
        prop::option::weighted(0.3, prop::collection::vec(policy(false, NEW), 0..=2)),
    );
    let around = (
        control(false),
        control(true),
        prop::option::weighted(0.7, policy(true, BOTH)),
        select(vec!["None", "Optional", "Optional", "Required"]),
    );
    (question, own, around).prop_map(
        |(
            (principal, action, resource, account, context),
            (identity, boundary, session),
            (scp, rcp, resource_policy, mode),
        )| World {
            principal,
            action: action.to_owned(),
            resource: resource.to_owned(),
            resource_account: account.to_owned(),
            context,
            identity,
            boundary,
            session,
            scp,
            rcp,
            resource_policy,
            mode: mode.to_owned(),
        },
    )
}

fn read(value: &Value, kind: PolicyKind) -> Policy {
    let text = value.to_string();
    Policy::parse(&text, kind).unwrap_or_else(|e| panic!("{e}: {text}"))
}

fn attach<'a>(source: &'a PolicySource, list: &'a [Policy]) -> Vec<Attached<'a>> {
    list.iter().map(|policy| Attached { source, policy }).collect()
}

fn fast(world: &World) -> String {
    let resource_kind = PolicyKind::Resource("sqs");
    let read_all = |list: &[Value], kind| list.iter().map(|v| read(v, kind)).collect::<Vec<_>>();
    // Values that IAM refuses to store are part of the game, so that identity policies are read as control policies,
    // which have the same elements and fewer checks.
    let identity = read_all(&world.identity, PolicyKind::Scp);
    let boundary = world.boundary.as_ref().map(|v| read(v, PolicyKind::Scp));
    let session = world.session.as_ref().map(|list| read_all(list, PolicyKind::Scp));
    let levels = |levels: &Option<Vec<Vec<Value>>>, kind| {
        levels.iter().flatten().map(|list| read_all(list, kind)).collect::<Vec<_>>()
    };
    // Random resource control policies allow and name principals freely, which only a resource's policy may.
    let (scp, rcp) = (levels(&world.scp, PolicyKind::Scp), levels(&world.rcp, resource_kind));
    let resource = world.resource_policy.as_ref().map(|v| read(v, resource_kind));
    let origin = source("random");
    let one = |policy| Attached { source: &origin, policy };
    let identity = attach(&origin, &identity);
    let session = session.as_deref().map(|list| attach(&origin, list));
    let (scp, rcp): (Vec<_>, Vec<_>) =
        (scp.iter().map(|l| attach(&origin, l)).collect(), rcp.iter().map(|l| attach(&origin, l)).collect());
    let scp: Vec<Level<'_>> = scp.iter().map(|policies| Level { target: "level", policies }).collect();
    let rcp: Vec<Level<'_>> = rcp.iter().map(|policies| Level { target: "level", policies }).collect();
    let layers = Layers {
        identity: &identity,
        boundary: boundary.as_ref().map(one),
        session: session.as_deref(),
        scp: if world.scp.is_some() { Ceiling::Levels(&scp) } else { Ceiling::None },
        rcp: if world.rcp.is_some() { Ceiling::Levels(&rcp) } else { Ceiling::None },
        endpoint: None,
        resource: resource.as_ref().map(one),
        mode: match world.mode.as_str() {
            "None" => ResourceMode::None,
            "Optional" => ResourceMode::Optional,
            _ => ResourceMode::Required,
        },
        grant: None,
    };
    let mut context = Context::new();
    for (key, values) in &world.context {
        context.set(key.as_str(), Values::Many(values.iter().map(|v| Cow::Borrowed(v.as_str())).collect()));
    }
    let request = Request {
        principal: &world.principal,
        action: &world.action,
        resource: &world.resource,
        resource_account: &world.resource_account,
        canonical_id: None,
        context: &context,
    };
    let decision = evaluate(&request, &layers);
    let cause = format!("{:?}", decision.cause);
    assert_eq!(decision.allowed, cause.starts_with("Allowed") || cause == "Root");
    cause
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]

    #[test]
    fn both_implementations_agree(world in world()) {
        prop_assert_eq!(fast(&world), decide(&world));
    }

    #[test]
    fn another_deny_never_allows(world in world(), extra in statement(false), to in 0..3_u8) {
        let before = fast(&world);
        let mut more = world.clone();
        let mut deny = extra;
        deny["Effect"] = json!("Deny");
        let whole = json!({"Version": "2012-10-17", "Statement": [deny]});
        match to {
            0 => more.identity.push(whole),
            1 => more.session.get_or_insert_default().push(whole),
            _ => {
                if let Some(policy) = &mut more.resource_policy {
                    let mut deny = whole["Statement"][0].clone();
                    deny["Principal"] = json!("*");
                    policy["Statement"].as_array_mut().unwrap().push(deny);
                }
            }
        }
        // A session policy where there was none takes away; for a federated user it may also give.
        prop_assume!(to != 1 || world.session.is_some());
        let after = fast(&more);
        if !before.starts_with("Allowed") && before != "Root" {
            prop_assert!(!after.starts_with("Allowed") && after != "Root", "{} became {}", before, after);
        }
    }

    #[test]
    fn another_allow_never_denies(world in world(), extra in statement(false)) {
        let before = fast(&world);
        let mut more = world;
        let mut allow = extra;
        allow["Effect"] = json!("Allow");
        more.identity.push(json!({"Version": "2012-10-17", "Statement": [allow]}));
        if before.starts_with("Allowed") || before == "Root" {
            let after = fast(&more);
            prop_assert!(after.starts_with("Allowed") || after == "Root", "{} became {}", before, after);
        }
    }

    #[test]
    fn the_order_of_statements_and_policies_does_not_matter(world in world()) {
        let mut turned = world.clone();
        turned.identity.reverse();
        for policy in turned.identity.iter_mut().chain(&mut turned.resource_policy).chain(&mut turned.boundary) {
            policy["Statement"].as_array_mut().unwrap().reverse();
        }
        prop_assert_eq!(fast(&world), fast(&turned));
    }

    #[test]
    fn the_case_of_actions_and_keys_does_not_matter(world in world()) {
        let mut other = world.clone();
        other.action = world.action.to_ascii_uppercase();
        other.context = world.context.iter().map(|(key, values)| (key.to_ascii_uppercase(), values.clone())).collect();
        prop_assert_eq!(fast(&world), fast(&other));
    }
}

/// The generator must reach every outcome, or agreement means little.
#[test]
fn questions_reach_every_cause() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
    let mut runner =
        TestRunner::new_with_rng(Config::default(), TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for _ in 0..4_000 {
        let world = world().new_tree(&mut runner).unwrap().current();
        *seen.entry(decide(&world)).or_default() += 1;
    }
    for layer in ["Rcp", "Scp", "Resource", "Identity", "Boundary", "Session"] {
        for cause in ["ExplicitDeny", "ImplicitDeny"] {
            let cause = format!("{cause}({layer})");
            assert!(seen.get(&cause).is_some_and(|n| *n >= 10), "{cause}: {seen:?}");
        }
    }
    for cause in ["Allowed(Identity)", "Allowed(Resource)", "Root"] {
        assert!(seen.get(cause).is_some_and(|n| *n >= 20), "{cause}: {seen:?}");
    }
}
