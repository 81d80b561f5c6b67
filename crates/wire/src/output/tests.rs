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
