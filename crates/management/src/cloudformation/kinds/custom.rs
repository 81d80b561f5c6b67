//! Resources of the template author's own: a function or whoever hears a topic is asked to make, change and end them,
//! and puts its answer to the address that it was given.
//!
//! AWS: <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudformation-customresource.html>

use super::on::{On, map};
use super::{BASE, Done, Kind, Refusal};
use crate::cloudformation::asked::{ASKED, Address, Asked, INSIDE, asked, of_resource};
use crate::cloudformation::model::RESOURCES;
use crate::cloudformation::template::{get, text};
use std::time::Duration;
use wire::Value;

const TIMEOUT_SECONDS: u64 = 3600;
const PHYSICAL_BYTES_MAX: usize = 1024;

pub(super) static KINDS: &[Kind] = &[CUSTOM];

/// Also of every `Custom::Name`.
pub(super) static CUSTOM: Kind = Kind {
    name: "AWS::CloudFormation::CustomResource",
    any: true,
    // Whoever says nothing does not hold up the end.
    waits: true,
    create: |on| {
        // It is called so until its provider says what it is called.
        let physical = on.generated(100);
        ask(on, "Create", None)?;
        Ok(on.made(physical, Vec::new()))
    },
    update: |on| {
        if on.changed("ServiceToken") {
            return Err(Refusal::of("Modifying service token is not allowed."));
        }
        ask(on, "Update", Some(on.physical))?;
        Ok(on.same())
    },
    delete: |on| ask(on, "Delete", Some(on.physical)),
    ready: |on| {
        let Some(mut found) = find(on, |asked| asked.verb != "Delete")? else { return Ok(Some(Vec::new())) };
        let Some(answer) = outcome(on, &mut found)? else { return Ok(None) };
        let physical = called(&answer);
        let fits = !physical.is_empty() && physical.len() <= PHYSICAL_BYTES_MAX;
        if !fits {
            return Err(Refusal::of("Invalid PhysicalResourceId"));
        }
        on.told = Some(physical);
        settled(on, &found);
        let data = match get(&answer, "Data") {
            Some(data @ Value::Map(_)) => data.clone(),
            None | Some(Value::Null) => Value::Map(Vec::new()),
            Some(_) => return Err(Refusal::of("Invalid response object: Data must be a JSON object.")),
        };
        let hides = get(&answer, "NoEcho").and_then(text).is_some_and(|hides| hides == "true");
        let request = Value::str(&found.id);
        Ok(Some(vec![("Data", data), ("NoEcho", Value::Bool(hides)), ("Request", request)]))
    },
    gone: |on| {
        let physical = on.physical.to_owned();
        let is_this = |asked: &Asked| asked.verb == "Delete" && asked.physical == physical;
        if let Some(mut found) = find(on, is_this)? {
            if outcome(on, &mut found)?.is_none() {
                return Ok(false);
            }
            settled(on, &found);
        }
        gone_late(on)
    },
    ..BASE
};

/// What nobody waited for has come into being all the same: it is to end, too. Whether nothing of it is left.
fn gone_late(on: &mut On<'_, '_>) -> Done<bool> {
    let Some(made) = find(on, |asked| asked.verb == "Create")? else { return Ok(true) };
    let Some(answer) = made.answer(on.cx.cloud()) else { return Ok(true) };
    let physical = called(&answer);
    let is_there = get(&answer, "Status").and_then(text).as_deref() == Some("SUCCESS");
    if !is_there || physical.is_empty() || physical == on.physical {
        return Ok(true);
    }
    let is_its = |asked: &Asked| asked.verb == "Delete" && asked.physical == physical;
    let Some(mut found) = find(on, is_its)? else {
        ask(on, "Delete", Some(&physical))?;
        return Ok(false);
    };
    if outcome(on, &mut found)?.is_none() {
        return Ok(false);
    }
    settled(on, &found);
    settled(on, &made);
    Ok(true)
}

fn called(answer: &Value) -> String {
    get(answer, "PhysicalResourceId").and_then(text).unwrap_or_default()
}

fn find(on: &On<'_, '_>, fits: impl Fn(&Asked) -> bool) -> Done<Option<Asked>> {
    let all = asked(on.cx.tx, &of_resource(on.whole, on.logical))?;
    Ok(all.into_iter().find(fits))
}

/// The answer, once there is one; none ever comes where the time is over.
fn outcome(on: &mut On<'_, '_>, found: &mut Asked) -> Done<Option<Value>> {
    let Some(answer) = found.answer(on.cx.cloud()) else {
        if found.until > on.cx.now {
            return Ok(None);
        }
        return Err(Refusal::of(format!(
            "CloudFormation did not receive a response from your Custom Resource. Please check your logs for requestId [{}]. If you are using the Python cfn-response module, you may need to update your Lambda function code so that CloudFormation can attach the updated version.",
            found.id
        )));
    };
    if get(&answer, "Status").and_then(text).as_deref() == Some("SUCCESS") {
        return Ok(Some(answer));
    }
    // What failed to come into being may yet be something that has to be ended.
    if found.verb == "Create" {
        on.told = Some(called(&answer)).filter(|physical| !physical.is_empty());
    }
    let reason = get(&answer, "Reason").and_then(text).unwrap_or_default();
    let id = &found.id;
    Err(Refusal::of(format!(
        "Received response status [FAILED] from custom resource. Message returned: {reason} (RequestId: {id})"
    )))
}

fn settled(on: &mut On<'_, '_>, found: &Asked) {
    ASKED.delete(on.cx.tx, &of_resource(on.whole, on.logical).str(&found.id));
}

/// Providers see every scalar as a text.
fn as_texts(value: &Value) -> Value {
    match value {
        Value::List(items) => Value::List(items.iter().map(as_texts).collect()),
        Value::Map(entries) => {
            Value::Map(entries.iter().map(|(key, item)| (key.clone(), as_texts(item))).collect())
        }
        other => text(other).map_or_else(|| other.clone(), Value::Str),
    }
}

/// Sends a request.
fn ask(on: &mut On<'_, '_>, verb: &str, physical: Option<&str>) -> Done<()> {
    // Of what is to go, what it was is what there is to tell.
    let properties = if verb == "Delete" { on.before } else { on.wanted };
    let token = get(properties, "ServiceToken").and_then(text).unwrap_or_default();
    let home = of_resource(on.whole, on.logical);
    for old in asked(on.cx.tx, &home)? {
        let is_over = (old.verb == "Delete") == (verb == "Delete");
        if is_over && (verb != "Delete" || Some(old.physical.as_str()) == physical) {
            ASKED.delete(on.cx.tx, &home.clone().str(&old.id));
        }
    }
    let id = base::id::uuid(on.cx.rng());
    let timeout = get(properties, "ServiceTimeout").and_then(text);
    let timeout = match timeout.map(|text| text.parse::<u64>()) {
        None => TIMEOUT_SECONDS,
        Some(Ok(seconds)) if (1..=TIMEOUT_SECONDS).contains(&seconds) => seconds,
        Some(_) => return Err(Refusal::of("ServiceTimeout must be a number from 1 to 3600.")),
    };
    let asked = Asked {
        id: id.clone(),
        verb: verb.to_owned(),
        physical: physical.unwrap_or_default().to_owned(),
        until: on.cx.now.plus(Duration::from_secs(timeout)),
        answer: Vec::new(),
    };
    ASKED.put(on.cx.tx, &home.clone().str(&id), &asked);
    let resource = RESOURCES.get(on.cx.tx, &home)?;
    let is_function = token.starts_with("arn:aws:lambda:");
    let origin = match on.cx.request.host {
        Some(_) if !is_function => on.cx.request.origin(),
        _ => format!("http://{INSIDE}"),
    };
    let address = Address::of(on.whole, on.logical, &id);
    let old = if verb == "Update" { as_texts(on.before) } else { Value::Null };
    let request = map([
        ("RequestType", Value::str(verb)),
        ("ServiceToken", Value::str(&token)),
        ("ResponseURL", Value::Str(address.response_url(on.cx.cloud(), &origin, on.whole))),
        ("StackId", Value::Str(on.whole.arn())),
        ("RequestId", Value::str(&id)),
        ("LogicalResourceId", Value::str(on.logical)),
        ("PhysicalResourceId", physical.map_or(Value::Null, Value::str)),
        ("ResourceType", resource.map_or(Value::Null, |resource| Value::Str(resource.kind))),
        ("ResourceProperties", as_texts(properties)),
        ("OldResourceProperties", old),
    ]);
    send(on, &token, wire::json::text(&request))
}

fn send(on: &mut On<'_, '_>, token: &str, text: String) -> Done<()> {
    if token.starts_with("arn:aws:lambda:") {
        let input = map([
            ("FunctionName", Value::str(token)),
            ("InvocationType", Value::str("Event")),
            ("Payload", Value::Str(text)),
        ]);
        return on.call("lambda", "Invoke", input).map(drop);
    }
    if token.starts_with("arn:aws:sns:") {
        let input = map([
            ("TopicArn", Value::str(token)),
            ("Subject", Value::str("AWS CloudFormation custom resource request")),
            ("Message", Value::Str(text)),
        ]);
        return on.call("sns", "Publish", input).map(drop);
    }
    Err(Refusal::of("Invalid ServiceToken: it must be the ARN of a Lambda function or of an SNS topic."))
}

/// What `Fn::GetAtt` says of one; nobody but those that need it sees what its provider hides.
pub(crate) fn data(attributes: &Value, name: &str, shows: bool) -> Option<Value> {
    let value = get(get(attributes, "Data")?, name)?.clone();
    Some(if is_hidden(attributes) && !shows { Value::str("****") } else { value })
}

/// Whether its provider hides what it says.
pub(crate) fn is_hidden(attributes: &Value) -> bool {
    get(attributes, "NoEcho") == Some(&Value::Bool(true))
}
