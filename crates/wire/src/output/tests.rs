//! Exact bytes: one case per trait that changes what is written.

mod build;
mod errors;
mod events;
mod heads;
mod json;
mod xml;

use super::{Reply, success};
use crate::model::{Protocol, Service};
use crate::value::{Struct, Value};

const ID: &str = "req-1";

/// A struct value from pairs.
fn st(members: &[(&'static str, Value)]) -> Value {
    Value::Struct(members.iter().cloned().collect::<Struct>())
}

fn strings(items: &[&str]) -> Value {
    Value::List(items.iter().map(|s| Value::str(*s)).collect())
}

fn map(items: &[(&str, &str)]) -> Value {
    Value::Map(items.iter().map(|(k, v)| ((*k).to_owned(), Value::str(*v))).collect())
}

fn reply(service: &Service, protocol: Protocol, value: &Value) -> Reply {
    success(service, &service.operations[0], protocol, value, ID)
}

fn body(service: &Service, protocol: Protocol, value: &Value) -> String {
    text(&reply(service, protocol, value))
}

fn text(reply: &Reply) -> String {
    String::from_utf8(reply.body.to_vec()).unwrap()
}

/// `name: value` of each header, in the alphabet's order.
fn headers(reply: &Reply) -> Vec<String> {
    let mut lines: Vec<String> =
        reply.headers.iter().map(|(n, v)| format!("{n}: {}", v.to_str().unwrap_or("?"))).collect();
    lines.sort();
    lines
}

/// A handler's mistake: values of kinds that the model does not have there. They are written somehow, never a panic.
#[test]
fn values_of_the_wrong_kind_do_no_harm() {
    let odd = [
        Value::Int(-1),
        Value::Float(f64::NAN),
        Value::Blob("b".into()),
        Value::List(vec![Value::Null, Value::Int(1), map(&[("<k>", "v")])]),
        map(&[("a b", "\n"), ("", "")]),
        Value::Struct(Struct::new()),
    ];
    let mut replies = 0;
    for entry in crate::catalog::services() {
        let service = crate::catalog::service(entry.id).unwrap();
        for (op, protocol) in
            service.operations.iter().flat_map(|o| service.protocols.iter().map(move |p| (o, *p)))
        {
            let Some(output) = op.output.and_then(|id| service.structure(id)) else { continue };
            for value in &odd {
                let members = output.members.iter().map(|m| (m.name, value.clone()));
                let answer = success(service, op, protocol, &Value::Struct(members.collect()), ID);
                assert!((100..1000).contains(&answer.status));
                replies += 1;
            }
        }
    }
    assert!(replies > 10_000, "only {replies}");
}
