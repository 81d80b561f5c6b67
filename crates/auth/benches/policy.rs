//! What a decision costs, against the number and the size of policies: `cargo bench -p auth --bench policy`. It fails when
//! what is common costs more than is promised, or what does not concern a request more than a look.

#![allow(clippy::print_stdout, reason = "a benchmark prints its table")]

use auth::policy::{
    Attached, Context, Layers, Policy, PolicyForm, PolicyKind, PolicySource, Principal, Request,
    ResourceMode, evaluate,
};
use base::AccountId;
use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;

/// A decision under common policies, in nanoseconds.
const COMMON_MAX: f64 = 1_000.0;
/// How many times as much a decision may cost when thousands of statements are about other services.
const OTHERS_MAX: f64 = 3.0;

const ADMIN: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;

const THREE: &str = r#"{"Version":"2012-10-17","Statement":[
    {"Sid":"List","Effect":"Allow","Action":["s3:ListBucket","s3:GetBucketLocation"],"Resource":"arn:aws:s3:::home"},
    {"Sid":"Own","Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":"arn:aws:s3:::home/*"},
    {"Sid":"Mfa","Effect":"Deny","Action":"iam:*","Resource":"*","Condition":{"BoolIfExists":{"aws:MultiFactorAuthPresent":"false"}}}]}"#;

const VARIABLES: &str = r#"{"Version":"2012-10-17","Statement":[
    {"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::home","Condition":{"StringLike":{"s3:prefix":["","home/","home/${aws:username}/*"]}}},
    {"Effect":"Allow","Action":"s3:*","Resource":["arn:aws:s3:::home/${aws:username}","arn:aws:s3:::home/${aws:username}/*"],
     "Condition":{"IpAddress":{"aws:SourceIp":["10.0.0.0/8","203.0.113.0/24"]},"DateLessThan":{"aws:CurrentTime":"2030-01-01T00:00:00Z"}}}]}"#;

const BUCKET: &str = r#"{"Version":"2012-10-17","Statement":[
    {"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:user/bob"},"Action":"s3:*","Resource":"arn:aws:s3:::home/*"},
    {"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}"#;

fn main() -> ExitCode {
    println!("{:<58}{:>12}{:>10}", "identity policies", "ns/decision", "allowed");
    let read = |text: &str| Policy::parse(text, PolicyKind::Identity).unwrap_or_else(|e| panic!("{e}"));
    row("none", &[], None);
    let common =
        [row("AdministratorAccess", &[read(ADMIN)], None), row("three statements", &[read(THREE)], None)];
    row("variables, addresses and dates", &[read(VARIABLES)], None);
    let bucket = Policy::parse(BUCKET, PolicyKind::Resource("s3")).unwrap_or_else(|e| panic!("{e}"));
    row("three statements, and a bucket policy", &[read(THREE)], Some(&bucket));
    for policies in [1, 2, 5, 10, 20] {
        let list: Vec<Policy> = (0..policies).map(|_| read(THREE)).collect();
        row(&format!("{policies} policies of three statements"), &list, None);
    }
    let others = [1, 10, 100, 1_000, 5_000].map(|statements| {
        let policies = [read(&other_services(statements))];
        row(&format!("{statements} statements on other services"), &policies, None)
    });
    for statements in [1, 10, 100, 1_000] {
        row(&format!("{statements} statements on other actions"), &[read(&other_actions(statements))], None);
    }
    for statements in [1, 10, 100, 1_000] {
        row(
            &format!("{statements} statements on other resources"),
            &[read(&other_resources(statements))],
            None,
        );
    }
    reading();
    let dear = common.iter().any(|nanos| *nanos > COMMON_MAX);
    if dear || others[4] > others[0] * OTHERS_MAX {
        println!(
            "\nMISSED: {common:.0?} ns at most {COMMON_MAX}; {others:.0?} ns at most {OTHERS_MAX} times the first"
        );
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn document(count: usize, one: impl Fn(usize) -> String) -> String {
    let own = r#"{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::home/*"}"#.to_owned();
    let list: Vec<String> = (0..count).map(one).chain([own]).collect();
    format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, list.join(","))
}

fn other_services(count: usize) -> String {
    document(count, |n| format!(r#"{{"Effect":"Allow","Action":"svc{n}:*","Resource":"*"}}"#))
}

fn other_actions(count: usize) -> String {
    document(count, |n| format!(r#"{{"Effect":"Allow","Action":["s3:Get{n}","s3:Put{n}"],"Resource":"*"}}"#))
}

fn other_resources(count: usize) -> String {
    document(count, |n| {
        format!(r#"{{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::home{n}/*"}}"#)
    })
}

fn row(name: &str, policies: &[Policy], resource: Option<&Policy>) -> f64 {
    let source = PolicySource { id: "bench".into(), attached_to: "bob".into(), form: PolicyForm::Inline };
    let identity: Vec<Attached<'_>> =
        policies.iter().map(|policy| Attached { source: &source, policy }).collect();
    let layers = Layers {
        identity: &identity,
        resource: resource.map(|policy| Attached { source: &source, policy }),
        mode: ResourceMode::Optional,
        ..Layers::default()
    };
    let account = AccountId::from_number(111_122_223_333);
    let principal = Principal::User {
        account,
        arn: "arn:aws:iam::111122223333:user/bob".into(),
        id: "AIDAUSERBOB1234567890".into(),
    };
    let mut context = Context::with_capacity(8);
    context.set("aws:PrincipalArn", "arn:aws:iam::111122223333:user/bob");
    context.set("aws:userid", "AIDAUSERBOB1234567890");
    context.set("aws:username", "bob");
    context.set("aws:SourceIp", "203.0.113.9");
    context.set("aws:CurrentTime", "2026-01-01T00:00:00Z");
    context.set("aws:SecureTransport", true);
    let request = Request {
        principal: &principal,
        action: "s3:GetObject",
        resource: "arn:aws:s3:::home/bob/notes.txt",
        resource_account: "111122223333",
        canonical_id: None,
        context: &context,
    };
    let mut allowed = false;
    let nanos = measure(|| allowed = black_box(evaluate(black_box(&request), black_box(&layers))).allowed);
    println!("{name:<58}{nanos:>12.0}{allowed:>10}");
    nanos
}

/// Nanoseconds a call: the best of five rounds, each long enough to be timed.
fn measure(mut work: impl FnMut()) -> f64 {
    let mut best = f64::INFINITY;
    for _ in 0..5 {
        let (start, mut calls) = (Instant::now(), 0_u32);
        while start.elapsed().as_millis() < 30 {
            for _ in 0..100 {
                work();
            }
            calls += 100;
        }
        best = best.min(start.elapsed().as_nanos() as f64 / f64::from(calls));
    }
    best
}

fn reading() {
    println!("\n{:<58}{:>12}", "reading a document", "ns/document");
    let thousand = other_actions(1_000);
    for (name, text) in
        [("AdministratorAccess", ADMIN), ("three statements", THREE), ("1,000 statements", &thousand)]
    {
        let nanos = measure(|| {
            black_box(Policy::parse(black_box(text), PolicyKind::Identity)).ok();
        });
        println!("{name:<58}{nanos:>12.0}");
    }
}
