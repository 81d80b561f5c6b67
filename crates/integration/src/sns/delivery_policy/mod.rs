//! Delivery policies: how often and after how long an HTTP endpoint is tried again, how much it gets in a second, and
//! as what. Pure.
//!
//! A topic's policy is the default of its subscriptions, whose own take its place part by part (retries, throttle,
//! request), unless the topic forbids that. What neither says is AWS's default.
//!
//! AWS: <https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html#creating-delivery-policy>

mod retry;

pub(crate) use retry::Retry;

use wire::Value;

const CONTENT_TYPE: &str = "text/plain; charset=UTF-8";
/// For notifications as JSON documents.
const DOCUMENT_TYPES: &[&str] = &["application/json", "text/plain"];
/// For messages as they are.
const RAW_TYPES: &[&str] = &[
    "application/atom+xml",
    "application/json",
    "application/octet-stream",
    "application/soap+xml",
    "application/x-www-form-urlencoded",
    "application/xhtml+xml",
    "application/xml",
    "text/css",
    "text/csv",
    "text/html",
    "text/plain",
    "text/xml",
];

store::record! {
    /// By what a delivery is made.
    #[derive(Clone, PartialEq, Eq, Debug)]
    pub struct Policy {
        1 => pub retry: Retry,
        /// None where it is the default one.
        2 => pub content_type: Option<String>,
        /// None where nothing is throttled.
        3 => pub per_second: Option<u32>,
    }
}

/// What one document says.
#[derive(Clone, Default, PartialEq, Debug)]
struct Said {
    retry: Option<Retry>,
    content_type: Option<String>,
    per_second: Option<u32>,
    /// Subscriptions may not say otherwise.
    is_last_word: bool,
}

/// The names of a document's parts.
struct Names {
    /// What stands before them in sentences.
    within: &'static str,
    retry: &'static str,
    throttle: &'static str,
    request: &'static str,
    /// Undocumented members that AWS shows and takes back, if they are empty.
    empty: &'static [&'static str],
}

const OF_TOPIC: Names = Names {
    within: "http.",
    retry: "defaultHealthyRetryPolicy",
    throttle: "defaultThrottlePolicy",
    request: "defaultRequestPolicy",
    empty: &["defaultSicklyRetryPolicy"],
};
const OF_SUBSCRIPTION: Names = Names {
    within: "",
    retry: "healthyRetryPolicy",
    throttle: "throttlePolicy",
    request: "requestPolicy",
    empty: &["sicklyRetryPolicy", "guaranteed"],
};
const NO_OVERRIDES: &str = "disableSubscriptionOverrides";

type Members<'v> = &'v [(String, Value)];

fn object(value: &Value) -> Result<Members<'_>, String> {
    match value {
        Value::Map(members) => Ok(members),
        _ => Err("failed to parse JSON.".to_owned()),
    }
}

fn unexpected<T>(name: &str) -> Result<T, String> {
    Err(format!("Unexpected JSON member: {name}"))
}

/// The members that say something.
fn said(members: Members<'_>) -> impl Iterator<Item = (&str, &Value)> {
    members.iter().filter(|(_, value)| *value != Value::Null).map(|(name, value)| (name.as_str(), value))
}

fn number(value: &Value, name: &str, (least, most): (u32, u32)) -> Result<u32, String> {
    let number = value.as_int().ok_or_else(|| format!("{name} must be an integer"))?;
    if number < i64::from(least) {
        return Err(format!("{name} must be greater than or equal to {least}"));
    }
    if number > i64::from(most) {
        return Err(format!("{name} must be less than or equal to {most}"));
    }
    u32::try_from(number).map_err(|_| format!("{name} must be an integer"))
}

fn text<'v>(value: &'v Value, name: &str) -> Result<&'v str, String> {
    value.as_str().ok_or_else(|| format!("{name} must be a string"))
}

impl Said {
    /// What a topic's document says.
    fn of_topic(document: &str) -> Result<Said, String> {
        let document = wire::json::read(document).unwrap_or(Value::Null);
        let mut all = Said::default();
        for (name, value) in said(object(&document)?) {
            match name {
                "http" => all = Said::read(object(value)?, &OF_TOPIC)?,
                other => return unexpected(other),
            }
        }
        Ok(all)
    }

    /// What a subscription's document says.
    fn of_subscription(document: &str) -> Result<Said, String> {
        let document = wire::json::read(document).unwrap_or(Value::Null);
        Said::read(object(&document)?, &OF_SUBSCRIPTION)
    }

    fn read(members: Members<'_>, names: &Names) -> Result<Said, String> {
        let mut all = Said::default();
        for (name, value) in said(members) {
            let path = format!("{}{name}", names.within);
            if name == names.retry {
                all.retry = Some(Retry::read(value, &path)?);
            } else if name == names.throttle {
                all.per_second = throttle(object(value)?, &path)?;
            } else if name == names.request {
                all.content_type = request(object(value)?, &path)?;
            } else if name == NO_OVERRIDES && !names.within.is_empty() {
                let wrong = || format!("{path} must be a boolean");
                all.is_last_word = value.as_bool().ok_or_else(wrong)?;
            } else if !names.empty.contains(&name) || *value != Value::Bool(false) {
                return unexpected(name);
            }
        }
        Ok(all)
    }
}

fn throttle(members: Members<'_>, within: &str) -> Result<Option<u32>, String> {
    let mut found = None;
    for (name, value) in said(members) {
        match name {
            "maxReceivesPerSecond" => {
                let path = format!("{within}.{name}");
                if value.as_int().is_some_and(|number| number < 1) {
                    return Err(format!("{path} must be >= 1"));
                }
                found = Some(number(value, &path, (1, i32::MAX.unsigned_abs()))?);
            }
            other => return unexpected(other),
        }
    }
    Ok(found)
}

fn request(members: Members<'_>, within: &str) -> Result<Option<String>, String> {
    let mut found = None;
    for (name, value) in said(members) {
        match name {
            "headerContentType" => {
                let path = format!("{within}.{name}");
                found = Some(text(value, &path)?.to_owned());
            }
            other => return unexpected(other),
        }
    }
    Ok(found)
}

/// Whether one of these may be sent. AWS shows its default with its charset, so it may be said, too.
fn check_type(given: &str, known: &[&str], within: &str) -> Result<(), String> {
    let (kind, charset) = given
        .split_once(';')
        .map_or((given, None), |(kind, rest)| (kind, Some(rest.trim_start_matches(' '))));
    let plain = charset.is_none_or(|charset| charset.eq_ignore_ascii_case("charset=UTF-8"));
    if plain && known.contains(&kind) {
        return Ok(());
    }
    let known = known.join(", ");
    Err(format!(
        "{within}.headerContentType: the value [{given}] is not a valid content type. Must be one of {known}."
    ))
}

/// Whether a topic can have this policy.
///
/// # Errors
/// A sentence that says what is wrong with it.
pub(crate) fn check_topic(document: &str) -> Result<(), String> {
    let said = Said::of_topic(document)?;
    match &said.content_type {
        Some(given) => check_type(given, DOCUMENT_TYPES, "http.defaultRequestPolicy"),
        None => Ok(()),
    }
}

/// Whether a subscription that gets its messages raw, or not, can have this policy.
///
/// # Errors
/// A sentence that says what is wrong with it.
pub(crate) fn check_subscription(document: &str, raw: bool) -> Result<(), String> {
    let said = Said::of_subscription(document)?;
    match &said.content_type {
        Some(given) => check_type(given, if raw { RAW_TYPES } else { DOCUMENT_TYPES }, "requestPolicy"),
        None => Ok(()),
    }
}

/// The policy that holds for a subscription, of its topic's and its own. What is no policy says nothing: earlier
/// versions kept whatever they were given.
pub(crate) fn effective(topic: Option<&str>, own: Option<&str>) -> Policy {
    let topic = topic.and_then(|document| Said::of_topic(document).ok()).unwrap_or_default();
    let own = own.filter(|_| !topic.is_last_word).and_then(|document| Said::of_subscription(document).ok());
    let own = own.unwrap_or_default();
    Policy {
        retry: own.retry.or(topic.retry).unwrap_or_else(Retry::usual),
        content_type: own.content_type.or(topic.content_type),
        per_second: own.per_second.or(topic.per_second),
    }
}

fn throttled(per_second: u32) -> Value {
    Value::map([("maxReceivesPerSecond", Value::Int(per_second.into()))])
}

/// A topic's effective policy, as it is shown.
pub(crate) fn topic_text(topic: Option<&str>) -> String {
    let is_last_word =
        topic.and_then(|document| Said::of_topic(document).ok()).is_some_and(|said| said.is_last_word);
    let policy = effective(topic, None);
    let mut http = vec![(OF_TOPIC.retry, policy.retry.shown()), (NO_OVERRIDES, Value::Bool(is_last_word))];
    http.extend(policy.per_second.map(|per_second| (OF_TOPIC.throttle, throttled(per_second))));
    http.push((OF_TOPIC.request, policy.requested()));
    wire::json::text(&Value::map([("http", Value::map(http))]))
}

impl Policy {
    /// What the endpoint is told that a notification is.
    pub(crate) fn content_type(&self) -> &str {
        self.content_type.as_deref().unwrap_or(CONTENT_TYPE)
    }

    fn requested(&self) -> Value {
        Value::map([("headerContentType", Value::str(self.content_type()))])
    }

    /// A subscription's effective policy, as it is shown.
    pub(crate) fn text(&self) -> String {
        wire::json::text(&Value::map([
            (OF_SUBSCRIPTION.retry, self.retry.shown()),
            ("sicklyRetryPolicy", Value::Null),
            (OF_SUBSCRIPTION.throttle, self.per_second.map_or(Value::Null, throttled)),
            (OF_SUBSCRIPTION.request, self.requested()),
            ("guaranteed", Value::Bool(false)),
        ]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_policy_may_not_say() {
        for (own, why) in [
            ("x", "failed to parse JSON."),
            ("[]", "failed to parse JSON."),
            (r#"{"http":{}}"#, "Unexpected JSON member: http"),
            (r#"{"guaranteed":true}"#, "Unexpected JSON member: guaranteed"),
            (r#"{"sicklyRetryPolicy":{}}"#, "Unexpected JSON member: sicklyRetryPolicy"),
            (r#"{"healthyRetryPolicy":{"x":1}}"#, "Unexpected JSON member: x"),
            (
                r#"{"healthyRetryPolicy":{"minDelayTarget":0}}"#,
                "healthyRetryPolicy.minDelayTarget must be greater than or equal to 1",
            ),
            (
                r#"{"healthyRetryPolicy":{"maxDelayTarget":3601}}"#,
                "healthyRetryPolicy.maxDelayTarget must be less than or equal to 3600",
            ),
            (
                r#"{"healthyRetryPolicy":{"numRetries":101}}"#,
                "healthyRetryPolicy.numRetries must be less than or equal to 100",
            ),
            (
                r#"{"healthyRetryPolicy":{"numRetries":"3"}}"#,
                "healthyRetryPolicy.numRetries must be an integer",
            ),
            (
                r#"{"healthyRetryPolicy":{"numNoDelayRetries":-1}}"#,
                "healthyRetryPolicy.numNoDelayRetries must be greater than or equal to 0",
            ),
            (
                r#"{"healthyRetryPolicy":{"minDelayTarget":5,"maxDelayTarget":4}}"#,
                "healthyRetryPolicy.maxDelayTarget must be greater than or equal to minDelayTarget",
            ),
            (
                r#"{"healthyRetryPolicy":{"numMinDelayRetries":2,"numMaxDelayRetries":2}}"#,
                "healthyRetryPolicy.numRetries must be greater than or equal to total of numMinDelayRetries, numNoDelayRetries and numMaxDelayRetries",
            ),
            (
                r#"{"healthyRetryPolicy":{"backoffFunction":"square"}}"#,
                "healthyRetryPolicy.backoffFunction: the value [square] is not a valid backoff function",
            ),
            (
                r#"{"healthyRetryPolicy":{"minDelayTarget":37,"maxDelayTarget":37,"numRetries":98}}"#,
                "healthyRetryPolicy: the delays of all retries must total less than or equal to 3600 seconds",
            ),
            (
                r#"{"throttlePolicy":{"maxReceivesPerSecond":0}}"#,
                "throttlePolicy.maxReceivesPerSecond must be >= 1",
            ),
        ] {
            assert_eq!(check_subscription(own, false), Err(why.to_owned()), "{own}");
        }
        let http = r#"{"http":{"defaultHealthyRetryPolicy":{"numRetries":101}}}"#;
        let why = "http.defaultHealthyRetryPolicy.numRetries must be less than or equal to 100";
        assert_eq!(check_topic(http), Err(why.to_owned()));
        assert_eq!(
            check_topic(r#"{"throttlePolicy":{}}"#),
            Err("Unexpected JSON member: throttlePolicy".to_owned())
        );
    }

    #[test]
    fn content_types_depend_on_what_is_sent() {
        let own = |kind: &str| format!(r#"{{"requestPolicy":{{"headerContentType":"{kind}"}}}}"#);
        for (kind, document, raw) in [
            ("application/json", true, true),
            ("text/plain; charset=UTF-8", true, true),
            ("text/csv", false, true),
            ("application/xml", false, true),
            ("image/png", false, false),
            ("text/plain; charset=latin1", false, false),
            ("text/plain; charset=UTF-8\\r\\nX: y", false, false),
            ("text/plain; charset=UTF-8\\r\\n", false, false),
        ] {
            assert_eq!(check_subscription(&own(kind), false).is_ok(), document, "{kind}");
            assert_eq!(check_subscription(&own(kind), true).is_ok(), raw, "{kind}");
            let topic = format!(r#"{{"http":{{"defaultRequestPolicy":{{"headerContentType":"{kind}"}}}}}}"#);
            assert_eq!(check_topic(&topic).is_ok(), document, "{kind}");
        }
    }

    #[test]
    fn a_subscriptions_parts_take_the_place_of_its_topics() {
        let topic = r#"{"http":{"defaultHealthyRetryPolicy":{"numRetries":7},"defaultThrottlePolicy":{"maxReceivesPerSecond":9}}}"#;
        let own = r#"{"throttlePolicy":{"maxReceivesPerSecond":2},"requestPolicy":{"headerContentType":"application/json"},"sicklyRetryPolicy":null,"guaranteed":false}"#;
        check_topic(topic).unwrap();
        check_subscription(own, false).unwrap();
        let policy = effective(Some(topic), Some(own));
        assert_eq!((policy.retry.retries, policy.per_second), (7, Some(2)));
        assert_eq!(
            policy.text(),
            r#"{"healthyRetryPolicy":{"minDelayTarget":20,"maxDelayTarget":20,"numRetries":7,"numMaxDelayRetries":0,"numNoDelayRetries":0,"numMinDelayRetries":0,"backoffFunction":"linear"},"sicklyRetryPolicy":null,"throttlePolicy":{"maxReceivesPerSecond":2},"requestPolicy":{"headerContentType":"application/json"},"guaranteed":false}"#
        );
        // What is shown can be said.
        check_subscription(&policy.text(), false).unwrap();
        assert_eq!(effective(None, Some(&policy.text())), policy);
        let last = topic.replace(r#"{"http":{"#, r#"{"http":{"disableSubscriptionOverrides":true,"#);
        check_topic(&last).unwrap();
        let policy = effective(Some(&last), Some(own));
        assert_eq!((policy.content_type(), policy.per_second), (CONTENT_TYPE, Some(9)));
        check_topic(&topic_text(Some(&last))).unwrap();
        assert!(topic_text(Some(&last)).contains(r#""disableSubscriptionOverrides":true"#));
    }

    #[test]
    fn what_was_kept_unread_says_nothing() {
        assert_eq!(effective(Some("[]"), Some(r#"{"x":1}"#)), effective(None, None));
    }
}
