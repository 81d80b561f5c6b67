//! Calls from inside: through the same door, and undone alone when they are refused.

use crate::fixture::{all, cloud, parts};
use crate::harness::{Caller, Cloud};
use serde_json::{Value, json};

const ACCOUNT: &str = "123456789012";

fn put(root: &Caller<'_>, names: &[(&str, &str)]) {
    for (name, value) in names {
        root.call("ssm", "PutParameter", json!({ "Name": name, "Value": value })).ok();
    }
}

fn delete(caller: &Caller<'_>, names: &[&str]) -> Value {
    caller.call("ssm", "DeleteParameters", json!({ "Names": names })).ok()
}

fn user<'c>(cloud: &'c Cloud, statements: &Value) -> Caller<'c> {
    let policy = json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
    cloud.user(&cloud.root(ACCOUNT), "eva", &policy)
}

#[test]
fn what_a_refused_call_wrote_does_not_stay() {
    let cloud = cloud(parts());
    let root = cloud.root(ACCOUNT);
    put(&root, &[("a", "one"), ("b", "kept"), ("c", "three")]);
    let done = delete(&root, &["a", "b", "c"]);
    assert_eq!(done["DeletedParameters"], json!(["a", "c"]));
    assert_eq!(done["InvalidParameters"], json!(["b ParameterNotFound "]));
    assert_eq!(all(&cloud.cloud), ["kept"], "the delete that was refused is undone, the others are not");
}

#[test]
fn the_caller_needs_the_inner_permission_too() {
    let cloud = cloud(parts());
    put(&cloud.root(ACCOUNT), &[("a", "one"), ("b", "two")]);
    let eva = user(
        &cloud,
        &json!([
            { "Effect": "Allow", "Action": "ssm:DeleteParameters", "Resource": "*" },
            {
                "Effect": "Allow", "Action": "ssm:DeleteParameter",
                "Resource": "arn:aws:ssm:us-east-1:123456789012:parameter/a",
                "Condition": { "ForAnyValue:StringEquals": { "aws:CalledVia": "ssm.amazonaws.com" } },
            },
        ]),
    );
    let done = delete(&eva, &["a", "b"]);
    assert_eq!(done["DeletedParameters"], json!(["a"]));
    let words = "b AccessDeniedException User: arn:aws:iam::123456789012:user/eva is not authorized to perform: \
                 ssm:DeleteParameter on resource: arn:aws:ssm:us-east-1:123456789012:parameter/b because no \
                 identity-based policy allows the ssm:DeleteParameter action";
    assert_eq!(done["InvalidParameters"], json!([words]));
    // The permission holds through the service only.
    put(&cloud.root(ACCOUNT), &[("a", "again")]);
    eva.call("ssm", "DeleteParameter", json!({ "Name": "a" })).refused(400, "AccessDeniedException");
}

#[test]
fn values_are_checked_as_a_clients_are() {
    let cloud = cloud(parts());
    let root = cloud.root(ACCOUNT);
    put(&root, &[("a", "one")]);
    let done = delete(&root, &["wrong:a", "ignored:a"]);
    let invalid: Vec<&str> =
        done["InvalidParameters"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert_eq!(
        invalid,
        [
            "wrong:a ValidationException 1 validation error detected: Value '' at 'name' failed to satisfy \
             constraint: Member must have length greater than or equal to 1",
            "ignored:a NotImplemented GetParameter does not act on WithDecryption.",
        ]
    );
    assert_eq!(all(&cloud.cloud), ["one"]);
}
