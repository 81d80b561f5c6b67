//! Tokens of OAuth: how one is asked for with a client's credentials, and what the answer gives. Pure.
//!
//! AWS does not say how its requests look. By RFC 6749 (4.4.2 and 2.3.1) a client tells its id and secret in the form that it
//! sends; who wants JSON says so with a header `Content-Type`. Of the grant nothing is added: connections bring it
//! (`grant_type`), as those made for AWS do.

use super::connection::{Connection, OAuth, Parameter, Secrets};
use super::invocation::{self, Invocation, encoded, failed};
use base::Timestamp;
use kernel::outbound::{Address, Answer};
use std::time::Duration;
use wire::{Fault, Value};

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";
/// A token that is over so soon is asked for anew.
const MARGIN: Duration = Duration::from_secs(60);

/// What goes with each call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Token {
    /// `Bearer eyJ...`
    pub(super) authorization: String,
    /// None: as long as the endpoint takes it.
    pub(super) until: Option<Timestamp>,
}

impl Token {
    pub(super) fn is_good(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now.plus(MARGIN) < until)
    }
}

fn pairs(all: Option<&Vec<Parameter>>) -> Vec<(String, String)> {
    invocation::given(all).map(|(name, value)| (name.to_owned(), value)).collect()
}

fn form(pairs: &[(String, String)]) -> String {
    let pairs: Vec<String> =
        pairs.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
    pairs.join("&")
}

/// What is asked.
///
/// # Errors
/// An endpoint that is none, or what cannot be sent.
pub(super) fn request(
    connection: &Connection,
    oauth: &OAuth,
    secrets: &Secrets,
) -> Result<Invocation, Fault> {
    let parameters = secrets.oauth.clone().unwrap_or_default();
    let mut headers = pairs(parameters.headers.as_ref());
    let mut query = pairs(parameters.query.as_ref());
    let mut body = pairs(parameters.body.as_ref());
    let credentials = [("client_id", connection.user.clone()), ("client_secret", secrets.secret.clone())];
    let own = credentials.map(|(name, value)| (name.to_owned(), value));
    if oauth.method == "GET" { &mut query } else { &mut body }.extend(own);
    let told = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    let is_json = told.is_some_and(|(_, value)| value.to_ascii_lowercase().starts_with(JSON));
    if told.is_none() {
        headers.push(("Content-Type".to_owned(), FORM.to_owned()));
    }
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("accept")) {
        headers.push(("Accept".to_owned(), JSON.to_owned()));
    }
    let text = match is_json {
        true => wire::json::text(&Value::Map(
            body.into_iter().map(|(name, value)| (name, Value::Str(value))).collect(),
        )),
        false => form(&body),
    };
    let mut url = oauth.endpoint.clone();
    if !query.is_empty() {
        url.push(if url.contains('?') { '&' } else { '?' });
        url.push_str(&form(&query));
    }
    let address = Address::read(&url)
        .ok_or_else(|| failed("INVALID_PARAMETER", false, "the authorization endpoint is no address"))?;
    Ok(Invocation { address, headers, body: text })
}

/// What an answer gives.
///
/// # Errors
/// A refusal, which stays one; or what may go better the next time.
pub(super) fn read(answer: &Answer, now: Timestamp) -> Result<Token, Fault> {
    let refused = |again: bool, why: String| Err(failed("NO_PERMISSIONS", again, why));
    if !(200..300).contains(&answer.status) {
        let again = answer.status == 429 || answer.status >= 500;
        return refused(
            again,
            format!("the authorization endpoint answered with the status {}", answer.status),
        );
    }
    let document = std::str::from_utf8(&answer.body).ok().and_then(wire::json::read);
    let text = |name: &str| document.as_ref()?.entry(name)?.as_str();
    let Some(token) = text("access_token") else {
        return refused(false, "the authorization endpoint gave no access token".to_owned());
    };
    let kind = match text("token_type") {
        Some(kind) if !kind.eq_ignore_ascii_case("bearer") => kind,
        _ => "Bearer",
    };
    let seconds = document.as_ref().and_then(|document| match document.entry("expires_in")? {
        Value::Int(seconds) => u64::try_from(*seconds).ok(),
        Value::Str(text) => text.parse().ok(),
        _ => None,
    });
    let until = seconds.map(|seconds| now.plus(Duration::from_secs(seconds)));
    Ok(Token { authorization: format!("{kind} {token}"), until })
}

#[cfg(test)]
mod tests {
    use super::super::connection::Parameters;
    use super::*;

    fn parameter(key: &str, value: &str) -> Parameter {
        Parameter { key: key.into(), value: Some(value.into()), is_secret: false }
    }

    fn asked(method: &str, parameters: Parameters) -> Invocation {
        let oauth =
            OAuth { endpoint: "https://127.0.0.1/t".into(), method: method.into(), ..OAuth::default() };
        let connection = Connection { user: "me & you".into(), ..Connection::default() };
        let secrets = Secrets { secret: "s".into(), oauth: Some(parameters), ..Secrets::default() };
        request(&connection, &oauth, &secrets).unwrap()
    }

    #[test]
    fn a_token_is_asked_for() {
        let grant = Some(vec![parameter("grant_type", "client_credentials")]);
        let made = asked("POST", Parameters { body: grant.clone(), ..Parameters::default() });
        assert_eq!(made.body, "grant_type=client_credentials&client_id=me%20%26%20you&client_secret=s");
        assert!(made.headers.contains(&("Content-Type".into(), FORM.into())));
        let json = Some(vec![parameter("content-type", "application/json")]);
        let made = asked("PUT", Parameters { headers: json, body: grant.clone(), query: None });
        assert_eq!(
            made.body,
            r#"{"grant_type":"client_credentials","client_id":"me & you","client_secret":"s"}"#
        );
        let made = asked("GET", Parameters { query: grant, ..Parameters::default() });
        assert_eq!(
            made.address.path,
            "/t?grant_type=client_credentials&client_id=me%20%26%20you&client_secret=s"
        );
        assert_eq!(made.body, "");
    }

    #[test]
    fn a_token_is_given() {
        let now = Timestamp::from_seconds(1_800_000_000);
        let of = |status, body: &str| {
            let mut answer = Answer::default();
            (answer.status, answer.body) = (status, body.as_bytes().to_vec());
            read(&answer, now)
        };
        let token = of(200, r#"{"access_token":"t","token_type":"bearer","expires_in":100}"#).unwrap();
        assert_eq!(token.authorization, "Bearer t");
        assert!(token.is_good(now) && !token.is_good(now.plus(Duration::from_secs(40))));
        assert_eq!(of(201, r#"{"access_token":"t","token_type":"MAC"}"#).unwrap().authorization, "MAC t");
        assert_eq!(of(200, r#"{"access_token":"t"}"#).unwrap().until, None);
        for (status, body, again) in [(401, "", false), (503, "", true), (429, "", true), (200, "{}", false)]
        {
            assert_eq!(of(status, body).unwrap_err().is_sender(), !again, "{status}");
        }
    }
}
