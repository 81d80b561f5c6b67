//! Bad input: what is missing, of another type, or beyond a constraint, member by member.

use super::callers::error;
use super::{Cloud, Row, World, each_row, is_json, json};
use serde_json::{Value, json};
use wire::model::{Kind, Location, MemberModel, Structure};
use wire::validate::{Constraint, check, violations_fault};

/// Longer values than this are not sent: a constraint of megabytes is the gateway's affair.
const LENGTH_MAX: u64 = 300_000;

fn input(row: &Row) -> Option<&'static Structure> {
    row.service.structure(row.operation.input?)
}

/// Sends the row's input with one member put in place of its own (or left out), as the account's root.
fn send(world: &World<'_>, row: &Row, member: &str, value: Option<Value>) -> (u16, String, String) {
    let mut parameters = row.parameters();
    let members = parameters.as_object_mut().unwrap();
    match value {
        Some(value) => members.insert(member.to_owned(), value),
        None => members.remove(member),
    };
    let reply = world.root.call(row.service.id, row.operation.name, parameters);
    let (code, message) = error(&reply);
    (reply.status, code, message)
}

fn lower_first(name: &str) -> String {
    let (first, rest) = name.split_at(1);
    first.to_ascii_lowercase() + rest
}

/// AWS: ECR names one broken constraint, in quotes.
fn in_ecrs_words(member: &str, constraint: &str) -> String {
    format!("Invalid parameter at '{member}' failed to satisfy constraint: '{constraint}'")
}

const NO_TABLE: &str = "The parameter 'TableName' is required but was not present in the request";

#[test]
fn what_is_missing_is_named() {
    let cloud = Cloud::new();
    each_row(&cloud, |world, row| {
        for member in input(row).into_iter().flat_map(|s| &s.members) {
            // A path without its label leads elsewhere.
            if !member.required || member.idempotency_token || member.location == Location::Uri {
                continue;
            }
            let own_words = row.codes().own_words;
            // A query string without its parameter is another operation's.
            if !own_words.is_empty() && member.location == Location::QueryString {
                continue;
            }
            // And a copy without its source is a put.
            if row.service.id == "s3" && member.name == "CopySource" {
                continue;
            }
            // A block without bytes is a short one, which is found out when it has been read.
            if row.service.id == "ebs" && member.name == "BlockData" {
                continue;
            }
            // Arguments that are the whole body are read when the function is there.
            if row.service.id == "lambda" && member.name == "InvokeArgs" {
                continue;
            }
            let (status, code, message) = send(world, row, member.name, None);
            if row.service.id == "ec2" {
                let words = format!("The request must contain the parameter {}", member.name);
                match (status, code.as_str()) {
                    (400, "MissingParameter") if message == words => continue,
                    _ => return Err(format!("without {}: {status} {code}: {message}", member.name)),
                }
            }
            if row.service.id == "ecr" {
                let words = in_ecrs_words(member.name, "must not be null");
                match (status, code.as_str()) {
                    (400, "InvalidParameterException") if message == words => continue,
                    _ => return Err(format!("without {}: {status} {code}: {message}", member.name)),
                }
            }
            if status == 400 && own_words.contains(&code.as_str()) {
                continue;
            }
            let value = if row.service.id == "iam" { "Value" } else { "Value null" };
            let name = lower_first(member.name);
            let words = format!(
                "1 validation error detected: {value} at '{name}' failed to satisfy constraint: Member must not be null"
            );
            let iam_words = words.replace("Value at", "Value null at");
            // DynamoDB's operations about tables and about tags have a sentence of their own.
            if row.service.id == "dynamodb" && (message == NO_TABLE || message == "Invalid TableArn") {
                continue;
            }
            let own = format!("The request must contain the parameter {}.", member.name);
            if row.codes().missing.is_some_and(|of_service| (code.as_str(), &message) == (of_service, &own)) {
                continue;
            }
            if (status, code.as_str()) != (400, row.codes().invalid)
                || message != words && message != iam_words
            {
                return Err(format!("without {}: {status} {code}: {message}", member.name));
            }
        }
        Ok(())
    });
}

/// Something that the member's type cannot hold; none where its protocol can write anything into it.
fn of_another_type(row: &Row, member: &MemberModel) -> Option<Value> {
    let kind = &row.service.shape(member.target.shape).kind;
    let in_body = member.location == Location::Body;
    let input = row.operation.input.and_then(|shape| row.service.structure(shape));
    let whole = input.and_then(|s| Some(s.members[s.payload?].name));
    // A condition with a date that cannot be read is none (RFC 9110, section 13.1.3).
    if row.service.id == "s3" && ["IfModifiedSince", "IfUnmodifiedSince"].contains(&member.name) {
        return None;
    }
    // Bytes that are the whole body may be any.
    if matches!(kind, Kind::Blob { .. }) && whole == Some(member.name) {
        return None;
    }
    if is_json(row.service) && in_body {
        return Some(match kind {
            Kind::Structure(_) | Kind::List { .. } | Kind::Map { .. } => json!(17),
            Kind::String { .. } | Kind::Blob { .. } => json!([17]),
            Kind::Integer { .. } | Kind::Float { .. } | Kind::Boolean | Kind::Timestamp { .. } => json!("x"),
        });
    }
    let scalar =
        matches!(kind, Kind::Integer { .. } | Kind::Float { .. } | Kind::Boolean | Kind::Timestamp { .. });
    scalar.then(|| json!("x"))
}

#[test]
fn what_is_of_another_type_is_refused() {
    let cloud = Cloud::new();
    each_row(&cloud, |world, row| {
        for member in input(row).into_iter().flat_map(|s| &s.members) {
            let Some(value) = of_another_type(row, member) else { continue };
            let (status, code, message) = send(world, row, member.name, Some(value.clone()));
            let malformed = match (row.operation.name, member.name) {
                // S3 has words of its own for this header.
                ("CompleteMultipartUpload", "MpuObjectSize") => "InvalidRequest",
                _ => row.codes().malformed,
            };
            if (status, code.as_str()) != (400, malformed) {
                return Err(format!("{} = {value}: {status} {code}: {message}", member.name));
            }
        }
        Ok(())
    });
}

/// Values that may break a constraint of the member.
fn suspects(row: &Row, member: &MemberModel) -> Vec<wire::Value> {
    let text = wire::Value::str;
    let shape = |at| &row.service.shape(at).kind;
    match shape(member.target.shape) {
        Kind::String { allowed, max, .. } => {
            let mut out = vec![text("not one of them"), text("\u{1}"), text("%"), text("a b:c/d")];
            // Of EC2's enumerations an empty text is none.
            if allowed.is_empty() || row.service.id != "ec2" {
                out.insert(0, text(""));
            }
            if let Some(max) = max.filter(|max| *max < LENGTH_MAX) {
                out.push(wire::Value::Str("m".repeat(max as usize + 1)));
            }
            out
        }
        Kind::Integer { min, max, .. } => {
            let below = min.and_then(|n| n.checked_sub(1)).filter(|n| i32::try_from(*n).is_ok());
            let above = max.and_then(|n| n.checked_add(1)).filter(|n| i32::try_from(*n).is_ok());
            below.into_iter().chain(above).map(wire::Value::Int).collect()
        }
        Kind::List { element, max, .. } => {
            let known = row.input.get(member.name).and_then(|v| v.as_list()?.first().cloned());
            let simple = matches!(shape(element.shape), Kind::String { .. });
            let item = known.or_else(|| simple.then(|| text("matrix")));
            let count = max.filter(|max| *max < 10_000).map(|max| max as usize + 1);
            let long = item.zip(count).map(|(item, count)| vec![item; count]);
            let odd = simple.then(|| vec![text("\u{1}")]);
            long.into_iter().chain(odd).map(wire::Value::List).collect()
        }
        Kind::Blob { max, .. } => {
            let long = max.filter(|max| *max < LENGTH_MAX).map(|max| vec![0; max as usize + 1]);
            long.into_iter().map(|bytes| wire::Value::Blob(bytes.into())).collect()
        }
        _ => Vec::new(),
    }
}

/// What tells constraints of one member apart.
fn kind(constraint: &Constraint) -> std::mem::Discriminant<Constraint> {
    std::mem::discriminant(constraint)
}

#[test]
fn what_breaks_a_constraint_is_named() {
    let cloud = Cloud::new();
    each_row(&cloud, |world, row| {
        let Some(shape) = row.operation.input else { return Ok(()) };
        for member in input(row).into_iter().flat_map(|s| &s.members) {
            let mut seen = Vec::new();
            for value in suspects(row, member) {
                let mut whole = row.input.clone();
                whole.set(member.name, value.clone());
                let whole = wire::Value::Struct(whole);
                let broken = check(row.service, shape, &whole);
                if broken.is_empty() || broken.iter().all(|v| seen.contains(&kind(&v.constraint))) {
                    continue;
                }
                seen.extend(broken.iter().map(|v| kind(&v.constraint)));
                // A path without its label leads elsewhere.
                if member.location == Location::Uri && value.as_str() == Some("") {
                    continue;
                }
                let (status, code, message) = send(world, row, member.name, Some(json(&value, row.service)));
                if row.service.id == "ec2" {
                    match (status, code.as_str()) {
                        (400, "InvalidParameterValue")
                            if message.contains(member.name)
                                || message.contains(&lower_first(member.name)) =>
                        {
                            continue;
                        }
                        // AWS: of new volumes alone.
                        (400, "UnknownVolumeType") if member.name == "VolumeType" => continue,
                        _ => return Err(format!("{}: {status} {code}: {message}", member.name)),
                    }
                }
                if status == 400 && row.codes().own_words.contains(&code.as_str()) {
                    continue;
                }
                let constraint = broken[0].constraint.to_string();
                let words = match row.service.id {
                    "ecr" => in_ecrs_words(member.name, constraint.trim_start_matches("Member ")),
                    _ => format!(
                        "at '{}' failed to satisfy constraint: {constraint}",
                        lower_first(member.name)
                    ),
                };
                // DynamoDB orders and words some of them otherwise than its model.
                let own = row.service.id == "dynamodb"
                    && message == violations_fault(row.service, &broken, &whole).message;
                let named = message.contains(&words) || own;
                if (status, code.as_str()) != (400, row.codes().invalid) || !named {
                    return Err(format!("{} beyond {words:?}: {status} {code}: {message}", member.name));
                }
            }
        }
        Ok(())
    });
}

/// Whether any of the tests here has something to send for the row, or its operation takes nothing that could be bad.
pub(super) fn is_tried(row: &Row) -> bool {
    if input(row).is_none_or(|structure| structure.members.is_empty()) {
        return true;
    }
    let Some(shape) = row.operation.input else { return false };
    let breaks = |member: &MemberModel, value: &wire::Value| {
        let mut whole = row.input.clone();
        whole.set(member.name, value.clone());
        !check(row.service, shape, &wire::Value::Struct(whole)).is_empty()
    };
    input(row).into_iter().flat_map(|s| &s.members).any(|member| {
        let missing = member.required && !member.idempotency_token;
        missing
            || of_another_type(row, member).is_some()
            || suspects(row, member).iter().any(|value| breaks(member, value))
    })
}
