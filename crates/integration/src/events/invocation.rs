//! What a call to an API destination looks like, and what its answer means. Pure.
//!
//! What the target brings and what the connection brings go together; where both name the same, the connection's counts.
//! A target's value that is a path (`$.detail.id`, nothing else) stands for what the event has there.
//!
//! AWS: <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-api-destinations.html>,
//! <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_HttpParameters.html>

use super::connection::{Connection, Kind, Parameter, Secrets};
use super::destination::Destination;
use super::model::Http;
use super::transform::Path;
use base::Timestamp;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kernel::outbound::{Address, is_field};
use std::time::Duration;
use wire::{Fault, Value};

/// AWS: headers that go with each call, and that nothing changes.
const FIXED: &[(&str, &str)] = &[("Range", "bytes=0-1048575"), ("Accept-Encoding", "gzip,deflate")];
const CONTENT_TYPE: (&str, &str) = ("Content-Type", "application/json; charset=utf-8");

/// A call that is to be made.
#[derive(Debug)]
pub(super) struct Invocation {
    pub(super) address: Address,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
}

/// Codes of dead letters, by AWS's list. What is worth another attempt has the status of a server's error.
/// <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html>
pub(super) fn failed(code: &str, again: bool, why: impl Into<String>) -> Fault {
    Fault::new(if again { 500 } else { 400 }, code, why)
}

fn unfit(why: impl Into<String>) -> Fault {
    failed("INVALID_PARAMETER", false, why)
}

/// Every byte but those that mean themselves everywhere in a URL.
pub(super) fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// What a target's value stands for.
fn resolved(value: &str, event: &Value) -> Result<String, Fault> {
    let Some(path) = Path::read(value) else { return Ok(value.to_owned()) };
    match path.find(event) {
        Some(Value::Str(text)) => Ok(text.clone()),
        Some(Value::Null) | None => Err(unfit(format!("the event has nothing at {value}"))),
        Some(other) => Ok(wire::json::text(other)),
    }
}

/// Sets a value under a name, in place of another one.
fn set(all: &mut Vec<(String, String)>, name: &str, value: String, is_same: impl Fn(&str, &str) -> bool) {
    all.retain(|(own, _)| !is_same(own, name));
    all.push((name.to_owned(), value));
}

pub(super) fn given(all: Option<&Vec<Parameter>>) -> impl Iterator<Item = (&str, String)> {
    let all = all.map(Vec::as_slice).unwrap_or_default();
    all.iter().map(|one| (one.key.as_str(), one.value.clone().unwrap_or_default()))
}

/// The endpoint with a value for each of its asterisks, and with its query.
fn address(endpoint: &str, values: &[String], query: &[(String, String)]) -> Result<Address, Fault> {
    let start = endpoint.find("://").map_or(0, |at| at + 3);
    let path = endpoint[start..].find('/').map_or(endpoint.len(), |at| start + at);
    let (mut url, mut values) = (endpoint[..path].to_owned(), values.iter());
    for (number, part) in endpoint[path..].split('*').enumerate() {
        if number > 0 {
            let value = values.next().ok_or_else(|| unfit("a value of the path is missing"))?;
            url.push_str(&encoded(value));
        }
        url.push_str(part);
    }
    for (name, value) in query {
        url.push(if url.contains('?') { '&' } else { '?' });
        url.push_str(&format!("{}={}", encoded(name), encoded(value)));
    }
    Address::read(&url).ok_or_else(|| unfit("the endpoint is no address"))
}

/// The body with the members that the connection adds.
fn body(input: &str, added: Option<&Vec<Parameter>>) -> Result<String, Fault> {
    let mut added = given(added).peekable();
    if added.peek().is_none() {
        return Ok(input.to_owned());
    }
    let Some(Value::Map(mut members)) = wire::json::read(input) else {
        let why = "the body is no JSON object that parameters could be added to";
        return Err(failed("INVALID_JSON", false, why));
    };
    for (name, value) in added {
        members.retain(|(own, _)| own != name);
        members.push((name.to_owned(), Value::Str(value)));
    }
    Ok(wire::json::text(&Value::Map(members)))
}

/// # Errors
/// Why it cannot be called.
pub(super) fn build(
    destination: &Destination,
    (connection, secrets, token): (&Connection, &Secrets, Option<&str>),
    target: &Http,
    event: &Value,
    input: &str,
) -> Result<Invocation, Fault> {
    let same_header = |a: &str, b: &str| a.eq_ignore_ascii_case(b);
    let (mut headers, mut query) = (Vec::new(), Vec::new());
    set(&mut headers, CONTENT_TYPE.0, CONTENT_TYPE.1.to_owned(), same_header);
    for (name, value) in &target.headers {
        set(&mut headers, name, resolved(value, event)?, same_header);
    }
    for (name, value) in &target.query {
        set(&mut query, name, resolved(value, event)?, |a, b| a == b);
    }
    for (name, value) in given(secrets.parameters.headers.as_ref()) {
        set(&mut headers, name, value, same_header);
    }
    for (name, value) in given(secrets.parameters.query.as_ref()) {
        set(&mut query, name, value, |a, b| a == b);
    }
    let (name, value) = match connection.kind {
        Kind::Basic => {
            let pair = STANDARD.encode(format!("{}:{}", connection.user, secrets.secret));
            ("Authorization", format!("Basic {pair}"))
        }
        Kind::ApiKey => (connection.user.as_str(), secrets.secret.clone()),
        Kind::OAuth => ("Authorization", token.unwrap_or_default().to_owned()),
    };
    set(&mut headers, name, value, same_header);
    for (name, value) in FIXED {
        set(&mut headers, name, (*value).to_owned(), same_header);
    }
    if let Some((name, _)) = headers.iter().find(|(name, value)| !is_field(name) || !is_field(value)) {
        return Err(unfit(format!("the value of {name} is none of a header")));
    }
    let values: Vec<String> =
        target.path.iter().map(|value| resolved(value, event)).collect::<Result<_, _>>()?;
    Ok(Invocation {
        address: address(&destination.endpoint, &values, &query)?,
        headers,
        body: body(input, secrets.parameters.body.as_ref())?,
    })
}

/// How long the endpoint wants to be left alone; `Err` for ever.
fn patience(retry_after: &str, wall_now: Timestamp) -> Result<Duration, ()> {
    if let Ok(seconds) = retry_after.trim().parse::<i64>() {
        return u64::try_from(seconds).map(Duration::from_secs).map_err(drop);
    }
    Ok(Timestamp::parse_http_date(retry_after).map(|at| at.since(wall_now)).unwrap_or_default())
}

/// What an answer means: nothing, or what failed and how long to wait at least.
///
/// # Errors
/// That.
pub(super) fn judge(
    status: u16,
    retry_after: Option<&str>,
    wall_now: Timestamp,
) -> Result<(), (Fault, Duration)> {
    if (200..300).contains(&status) {
        return Ok(());
    }
    let again = matches!(status, 401 | 407 | 409 | 429 | 500..=599);
    let wait = retry_after.map_or(Ok(Duration::ZERO), |text| patience(text, wall_now));
    let fault = failed(
        "ERROR_FROM_TARGET",
        again && wait.is_ok(),
        format!("the endpoint answered with the status {status}"),
    );
    Err((fault, wait.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::super::connection::Parameters;
    use super::*;

    fn parameter(key: &str, value: &str) -> Parameter {
        Parameter { key: key.into(), value: Some(value.into()), is_secret: false }
    }

    fn built(endpoint: &str, target: &Http, secrets: &Secrets, kind: Kind) -> Result<Invocation, Fault> {
        let destination = Destination { endpoint: endpoint.into(), ..Destination::default() };
        let connection = Connection { kind, user: "user".into(), ..Connection::default() };
        let event = wire::json::read(r#"{"detail":{"id":"a/b","n":7,"evil":"x\r\nY: z"}}"#).unwrap();
        build(&destination, (&connection, secrets, Some("Bearer t")), target, &event, r#"{"b":1}"#)
    }

    fn pairs(all: &[(&str, &str)]) -> std::collections::BTreeMap<String, String> {
        all.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn target_and_connection_go_together_and_the_connection_counts() {
        let target = Http {
            path: vec!["$.detail.id".into(), "$.detail.n".into()],
            headers: pairs(&[("X-Own", "$.detail.n"), ("x-both", "target"), ("range", "all")]),
            query: pairs(&[("q", "a b"), ("both", "target")]),
        };
        let parameters = Parameters {
            headers: Some(vec![parameter("X-Both", "connection"), parameter("content-type", "text/x")]),
            query: Some(vec![parameter("both", "ä")]),
            body: Some(vec![parameter("b", "2"), parameter("c", "3")]),
        };
        let secrets = Secrets { secret: "pass".into(), parameters, ..Secrets::default() };
        let made = built("https://127.0.0.1/v/*/x*?z=1", &target, &secrets, Kind::Basic).unwrap();
        assert_eq!(made.address.path, "/v/a%2Fb/x7?z=1&q=a%20b&both=%C3%A4");
        assert_eq!(made.body, r#"{"b":"2","c":"3"}"#);
        let mut headers: Vec<String> =
            made.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        headers.sort();
        assert_eq!(
            headers,
            [
                "Accept-Encoding: gzip,deflate",
                "Authorization: Basic dXNlcjpwYXNz",
                "Range: bytes=0-1048575",
                "X-Both: connection",
                "X-Own: 7",
                "content-type: text/x",
            ]
        );
    }

    #[test]
    fn a_key_is_a_header_of_its_name() {
        let secrets = Secrets { secret: "k".into(), ..Secrets::default() };
        let made = built("https://127.0.0.1", &Http::default(), &secrets, Kind::ApiKey).unwrap();
        assert!(made.headers.contains(&("user".into(), "k".into())), "{made:?}");
        assert_eq!((made.address.path.as_str(), made.body.as_str()), ("/", r#"{"b":1}"#));
    }

    #[test]
    fn a_token_is_a_header() {
        let made = built("https://127.0.0.1", &Http::default(), &Secrets::default(), Kind::OAuth).unwrap();
        assert!(made.headers.contains(&("Authorization".into(), "Bearer t".into())), "{made:?}");
    }

    #[test]
    fn what_cannot_be_called() {
        let code = |endpoint: &str, target: &Http, secrets: &Secrets| {
            built(endpoint, target, secrets, Kind::ApiKey).unwrap_err().code
        };
        let (none, plain) = (Http::default(), Secrets::default());
        assert_eq!(code("https://127.0.0.1/*", &none, &plain), "INVALID_PARAMETER");
        let missing = Http { path: vec!["$.detail.none".into()], ..Http::default() };
        assert_eq!(code("https://127.0.0.1/*", &missing, &plain), "INVALID_PARAMETER");
        let evil = Http { headers: pairs(&[("X", "$.detail.evil")]), ..Http::default() };
        assert_eq!(code("https://127.0.0.1/", &evil, &plain), "INVALID_PARAMETER");
        // An asterisk in the host is none of a path.
        assert!(
            built("https://*/", &Http { path: vec!["x".into()], ..none }, &plain, Kind::ApiKey)
                .unwrap()
                .address
                .host()
                .contains('*')
        );
        let added = Parameters { body: Some(vec![parameter("a", "b")]), ..Parameters::default() };
        assert_eq!(body("[1]", added.body.as_ref()).unwrap_err().code, "INVALID_JSON");
    }

    #[test]
    fn answers() {
        let now = Timestamp::from_seconds(1_800_000_000);
        let of = |status, after: Option<&str>| {
            let verdict = judge(status, after, now);
            verdict.map_err(|(fault, wait)| (!fault.is_sender(), wait.as_secs()))
        };
        for status in [200, 204, 299] {
            assert_eq!(of(status, Some("5")), Ok(()));
        }
        for status in [401, 407, 409, 429, 500, 503, 599] {
            assert_eq!(of(status, None), Err((true, 0)), "{status}");
        }
        for status in [100, 301, 400, 403, 404] {
            assert_eq!(of(status, None), Err((false, 0)), "{status}");
        }
        assert_eq!(of(503, Some("120")), Err((true, 120)));
        assert_eq!(of(503, Some("-1")), Err((false, 0)));
        assert_eq!(of(503, Some("soon")), Err((true, 0)));
        let date = now.plus(Duration::from_secs(60)).http_date();
        assert_eq!(of(429, Some(&date)), Err((true, 60)));
        assert_eq!(of(429, Some("Thu, 01 Jan 1970 00:00:00 GMT")), Err((true, 0)));
    }
}
