//! What CloudFormation answers beside its API: the addresses to which providers of custom resources, and who signals a
//! wait condition, put what they have to say.

use super::asked::{ASKED, Address, HANDLES, RESPONSES, SIGNALS, Signal};
use super::model::RESOURCES;
use super::template::{get, text};
use bytes::Bytes;
use http::request::Parts;
use kernel::site::Site;
use kernel::{Body, Cloud, Incoming, Peer, Reply, Running};
use std::sync::Arc;
use store::CommitError;
use wire::Value;

/// AWS: of a response; of a signal it says nothing.
const BYTES_MAX: usize = 4096;
/// What is read of one that is too long, so that it is refused in words.
const READ_MAX: usize = 1 << 20;

#[derive(Debug)]
pub struct Responses;

impl Site for Responses {
    fn name(&self) -> &'static str {
        "cloudformation responses"
    }

    fn claims(&self, parts: &Parts) -> bool {
        let path = parts.uri.path();
        parts.method == "PUT" && (path.starts_with(RESPONSES) || path.starts_with(HANDLES))
    }

    fn answer<'a>(
        &'a self,
        cloud: &'a Arc<Cloud>,
        parts: &'a Parts,
        incoming: Incoming,
        _: Peer,
    ) -> Running<'a, Reply> {
        Box::pin(async move {
            let Some(address) = Address::read(cloud, parts.uri.query().unwrap_or_default()) else {
                return said(403);
            };
            let Ok(bytes) = Body::of(incoming, None).whole(READ_MAX).await else { return said(400) };
            let is_handle = parts.uri.path().starts_with(HANDLES);
            if is_handle && bytes.len() > BYTES_MAX {
                return said(400);
            }
            loop {
                let commit = {
                    let mut tx = cloud.store().begin();
                    let took = match is_handle {
                        true => signal(cloud, &mut tx, &address, &bytes),
                        false => response(cloud, &mut tx, &address, &bytes),
                    };
                    match took {
                        Ok(200) => tx.commit(),
                        Ok(status) => return said(status),
                        Err(error) => {
                            let _logged = kernel::Failure::from(error);
                            return said(500);
                        }
                    }
                };
                match commit.await {
                    Ok(_) => return said(200),
                    Err(CommitError::Conflict) => {}
                    Err(error) => {
                        let problem = error.to_string();
                        kernel::log::error("an answer to a stack was not kept", &[("problem", &problem)]);
                        return said(500);
                    }
                }
            }
        })
    }
}

/// As S3 answers a put: nobody reads more of it than the status.
fn said(status: u16) -> Reply {
    Reply { status, headers: Default::default(), content: Bytes::new().into() }
}

/// What a provider says of its request. The first answer counts.
fn response(
    cloud: &Cloud,
    tx: &mut store::Tx,
    address: &Address,
    bytes: &[u8],
) -> Result<u16, store::StoreError> {
    let key = address.home().str(&address.request);
    let Some(mut asked) = ASKED.get(tx, &key)? else { return Ok(403) };
    let answer = read(bytes);
    if asked.answer.is_empty() && is_of(&answer, address) {
        asked.take(cloud, &answer);
        ASKED.put(tx, &key, &asked);
    }
    Ok(200)
}

/// Whether the ids that a response names are those of its request. AWS asks for the same as in the request; what is for
/// another is no answer to this one.
fn is_of(answer: &Value, address: &Address) -> bool {
    let stack = get(answer, "StackId").and_then(text);
    let is_stack = |arn: &str| arn.rsplit('/').next() == Some(address.stack.as_str());
    let own = [("LogicalResourceId", &address.name), ("RequestId", &address.request)];
    stack.is_none_or(|arn| is_stack(&arn))
        && own.iter().all(|(member, id)| get(answer, member).and_then(text).is_none_or(|said| said == **id))
}

/// A response, or one that says what is wrong with it.
fn read(bytes: &[u8]) -> Value {
    let failed = |why: &str| {
        Value::Map(vec![("Status".into(), Value::str("FAILED")), ("Reason".into(), Value::str(why))])
    };
    if bytes.len() > BYTES_MAX {
        return failed("Response object is too long.");
    }
    let value = std::str::from_utf8(bytes).ok().and_then(wire::json::read);
    let Some(value @ Value::Map(_)) = value else {
        return failed("Invalid response object: Must be a JSON object.");
    };
    match get(&value, "Status").and_then(text).as_deref() {
        Some("SUCCESS" | "FAILED") => value,
        _ => failed("Invalid response object: Value of property Status must be SUCCESS or FAILED."),
    }
}

/// `{"Status": "SUCCESS", "Reason": "done", "UniqueId": "1", "Data": "what it has to say"}`
fn signal(
    cloud: &Cloud,
    tx: &mut store::Tx,
    address: &Address,
    bytes: &[u8],
) -> Result<u16, store::StoreError> {
    let value = std::str::from_utf8(bytes).ok().and_then(wire::json::read);
    let Some(value) = value else { return Ok(400) };
    let word = |name: &str| get(&value, name).and_then(text).unwrap_or_default();
    let (status, id) = (word("Status"), word("UniqueId"));
    if !matches!(status.as_str(), "SUCCESS" | "FAILURE") || id.is_empty() {
        return Ok(400);
    }
    let home = address.home();
    match RESOURCES.get(tx, &home)? {
        Some(handle) if handle.is_live() => {}
        _ => return Ok(403),
    }
    let data = cloud.sealer().seal(cloud.rng(), super::model::PURPOSE, word("Data").as_bytes());
    let signal =
        Signal { failed: status == "FAILURE", reason: word("Reason"), data, told: false, id: id.clone() };
    SIGNALS.put(tx, &home.str(&id), &signal);
    Ok(200)
}

#[cfg(test)]
mod tests {
    use super::read;
    use crate::cloudformation::template::get;

    #[test]
    fn responses_that_are_none_fail() {
        let long = format!("{{\"Status\":\"SUCCESS\",\"Reason\":\"{}\"}}", "x".repeat(4096));
        let rows = [
            (r#"{"Status":"SUCCESS","PhysicalResourceId":"p"}"#, None),
            (r#"{"Status":"FAILED","Reason":"told"}"#, Some("told")),
            (long.as_str(), Some("Response object is too long.")),
            ("no json", Some("Invalid response object: Must be a JSON object.")),
            ("[]", Some("Invalid response object: Must be a JSON object.")),
            (
                r#"{"Status":"DONE"}"#,
                Some("Invalid response object: Value of property Status must be SUCCESS or FAILED."),
            ),
        ];
        for (text, reason) in rows {
            let value = read(text.as_bytes());
            assert_eq!(get(&value, "Reason").and_then(|value| value.as_str()), reason, "{text:.40}");
        }
    }
}
