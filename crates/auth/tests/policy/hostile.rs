//! Input made to hurt: nothing panics, nothing takes long.

use crate::world::{OBJECT, allows, document, parse};
use auth::policy::{Context, Policy, PolicyKind};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use std::time::{Duration, Instant};

/// Far above what any of these takes, even unoptimized on a busy machine; far below what an exponent would.
const PATIENCE: Duration = Duration::from_secs(20);

const KINDS: [PolicyKind; 7] = [
    PolicyKind::Identity,
    PolicyKind::Session,
    PolicyKind::Resource("s3"),
    PolicyKind::Resource("kms"),
    PolicyKind::Trust,
    PolicyKind::Scp,
    PolicyKind::Rcp,
];

fn in_time<T>(name: &str, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = work();
    assert!(start.elapsed() < PATIENCE, "{name} took {:?}", start.elapsed());
    result
}

#[test]
fn deep_nesting_is_refused() {
    for open in ["[", "{\"a\":", "[{\"Statement\":"] {
        let text = open.repeat(100_000);
        for kind in KINDS {
            in_time(open, || Policy::parse(&text, kind)).expect_err("nested");
        }
    }
}

#[test]
fn a_document_beyond_all_quotas_is_refused() {
    let text =
        document(&[&format!(r#""Effect":"Allow","Action":"{}","Resource":"*""#, "a".repeat(2_000_000))]);
    assert_eq!(Policy::parse(&text, PolicyKind::Identity).unwrap_err().message, "Syntax errors in policy.");
}

#[test]
fn wildcards_do_not_explode() {
    let stars = "*a".repeat(3_000);
    let long = format!("arn:aws:s3:::{}", "a".repeat(5_000));
    for (element, variables) in
        [(format!("arn:aws:s3:::{stars}b"), false), (format!("arn:aws:s3:::{stars}${{aws:username}}"), true)]
    {
        let statement = format!(r#""Effect":"Allow","Action":"*","Resource":"{element}""#);
        let policy = parse(PolicyKind::Identity, &[&statement]);
        let context = Context::new().with("aws:username", "b");
        assert!(!in_time("resource", || allows(&policy, "s3:GetObject", &long, &context)), "{variables}");
    }
    let statement = format!(r#""Effect":"Allow","Action":"s3:{stars}b","Resource":"*""#);
    let policy = parse(PolicyKind::Identity, &[&statement]);
    let action = format!("s3:{}", "a".repeat(5_000));
    assert!(!in_time("action", || allows(&policy, &action, OBJECT, &Context::new())));
}

#[test]
fn huge_conditions_are_only_long() {
    let values: Vec<String> = (0..5_000).map(|n| format!("\"value-{n}-*\"")).collect();
    let statement = format!(
        r#""Effect":"Allow","Action":"*","Resource":"*","Condition":{{"ForAllValues:StringLike":{{"k":[{}]}}}}"#,
        values.join(",")
    );
    let policy = parse(PolicyKind::Identity, &[&statement]);
    let given: Vec<String> = (0..200).map(|n| format!("value-{n}-x")).collect();
    let context = Context::new().with("k", given);
    assert!(in_time("condition", || allows(&policy, "s3:GetObject", OBJECT, &context)));
}

#[test]
fn many_keys_are_only_long() {
    let keys: Vec<String> = (0..30_000).map(|n| format!("\"k{n}\":\"v\"")).collect();
    let statement = format!(
        r#""Effect":"Allow","Action":"*","Resource":"*","Condition":{{"StringEquals":{{{}}}}}"#,
        keys.join(",")
    );
    let policy = in_time("reading", || parse(PolicyKind::Identity, &[&statement]));
    assert!(!in_time("asking", || allows(&policy, "s3:GetObject", OBJECT, &Context::new())));
}

#[test]
fn many_statements_are_only_long() {
    let statements: Vec<String> = (0..5_000)
        .map(|n| {
            format!(r#""Sid":"S{n}","Effect":"Allow","Action":"s3:Get{n}","Resource":"arn:aws:s3:::b{n}/*""#)
        })
        .collect();
    let statements: Vec<&str> = statements.iter().map(String::as_str).collect();
    let policy = in_time("reading", || parse(PolicyKind::Identity, &statements));
    assert!(in_time("asking", || allows(&policy, "s3:Get77", "arn:aws:s3:::b77/x", &Context::new())));
}

/// Whatever is read is also asked.
fn exercise(text: &str) {
    for kind in KINDS {
        let Ok(policy) = Policy::parse(text, kind) else { continue };
        let context = Context::new().with("aws:username", "bob").with("k", vec!["", "é*", "10"]);
        for resource in ["*", "", "arn:aws:s3:::b", "arn:::::", "é"] {
            allows(&policy, "s3:GetObject", resource, &context);
            allows(&policy, "", resource, &context);
        }
        policy.is_public();
        policy.context_keys();
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 500,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(7),
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,200}") {
        exercise(&text);
    }

    #[test]
    fn any_elements_are_read_or_refused(
        action in "([a-z*?:${}', \u{e9}-]|s3:){0,20}",
        resource in "(arn:|[a-z*?:${}', \u{e9}/-]|\\$\\{){0,40}",
        operator in "(ForAllValues:|ForAnyValue:)?(String|Numeric|Date|Arn|Ip|Bool|Null|Binary)(Not)?(Equals|Like|LessThan|Address)?(IfExists)?",
        value in "[0-9tTzZ:.*?${}', +\u{e9}/-]{0,30}",
        principal in "[a-z0-9:*/.-]{0,30}",
    ) {
        let statement = serde_json::json!({
            "Effect": "Allow", "Action": action, "Resource": resource,
            "Condition": {operator: {"k": [value, true, 7]}},
        });
        let mut with_principal = statement.clone();
        with_principal["Principal"] = serde_json::json!({ "AWS": principal, "Service": principal });
        for statement in [statement, with_principal] {
            exercise(&serde_json::json!({"Version": "2012-10-17", "Statement": [statement]}).to_string());
        }
    }

    #[test]
    fn a_cut_document_is_refused_or_read(at in 0..400_usize, letter in any::<char>()) {
        let text = r#"{"Version":"2012-10-17","Id":"x","Statement":[{"Sid":"a","Effect":"Allow","Principal":{"AWS":["111122223333","*"]},"Action":["s3:Get*"],"Resource":"arn:aws:s3:::b/${aws:username, 'é'}/*","Condition":{"StringLike":{"k":["é*","\u00e9"]},"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}}]}"#;
        let mut cut: Vec<char> = text.chars().collect();
        let at = at % cut.len();
        cut[at] = letter;
        exercise(&cut.iter().collect::<String>());
        cut.truncate(at);
        exercise(&cut.into_iter().collect::<String>());
    }
}
