//! Where messages go that nobody can deal with, and who may send them: `RedrivePolicy` and `RedriveAllowPolicy`.
//!
//! AWS: <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html>

use crate::sqs::errors::SqsError;
use base::{AccountId, Arn, Region};
use wire::Value;

const RECEIVES_MAX: i64 = 1000;
const SOURCES_MAX: usize = 10;

/// A queue's dead-letter queue.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct DeadLetters {
    pub(crate) arn: String,
    pub(crate) account: AccountId,
    pub(crate) region: Region,
    pub(crate) name: String,
    pub(crate) receives_max: u32,
}

/// Which queues may use this one for their dead letters.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Allowed {
    All,
    None,
    These(Vec<String>),
}

fn member<'v>(map: &'v [(String, Value)], name: &str) -> Option<&'v Value> {
    map.iter().find(|(key, _)| key == name).map(|(_, value)| value)
}

/// Reads a `RedrivePolicy`.
///
/// # Errors
/// `InvalidParameterValue`, with AWS's reason.
pub(crate) fn read_policy(text: &str) -> Result<DeadLetters, SqsError> {
    let because = |reason: String| {
        SqsError::Invalid(format!("Value {text} for parameter RedrivePolicy is invalid. Reason: {reason}"))
    };
    let Some(Value::Map(map)) = wire::json::read(text) else {
        return Err(SqsError::Invalid(
            "Invalid value for the parameter RedrivePolicy. Reason: Redrive policy is not a valid JSON map."
                .into(),
        ));
    };
    let mandatory = |name: &str| {
        member(&map, name)
            .ok_or_else(|| because(format!("Redrive policy does not contain mandatory attribute: {name}.")))
    };
    let (count, target) = (mandatory("maxReceiveCount")?, mandatory("deadLetterTargetArn")?);
    let shown = count.as_str().map_or_else(|| wire::json::text(count), str::to_owned);
    let count = count.as_int().or_else(|| count.as_str()?.trim().parse().ok());
    let count = count.filter(|count| (1..=RECEIVES_MAX).contains(count)).ok_or_else(|| {
        because(format!(
            "Invalid value for maxReceiveCount: {shown}, valid values are from 1 to {RECEIVES_MAX} both inclusive."
        ))
    })?;
    let target = target.as_str().unwrap_or_default();
    let place = queue_of(target).ok_or_else(|| because("Invalid value for deadLetterTargetArn.".into()))?;
    if map.len() > 2 {
        return Err(because(
            "Only following attributes are supported: [deadLetterTargetArn, maxReceiveCount].".into(),
        ));
    }
    let (account, region, name) = place;
    let receives_max = u32::try_from(count).unwrap_or(u32::MAX);
    Ok(DeadLetters { arn: target.to_owned(), account, region, name, receives_max })
}

/// As `GetQueueAttributes` tells a `RedrivePolicy`, however it was written.
pub(crate) fn policy_as_told(text: &str) -> String {
    let Ok(DeadLetters { arn, receives_max, .. }) = read_policy(text) else { return text.to_owned() };
    let arn = wire::json::text(&Value::str(arn));
    format!(r#"{{"deadLetterTargetArn":{arn},"maxReceiveCount":{receives_max}}}"#)
}

/// The queue that an ARN names.
pub(crate) fn queue_of(text: &str) -> Option<(AccountId, Region, String)> {
    let arn = Arn::parse(text).filter(|arn| arn.service == "sqs" && !arn.resource.is_empty())?;
    Some((AccountId::parse(&arn.account)?, Region::parse(&arn.region)?, arn.resource.clone()))
}

/// Reads a `RedriveAllowPolicy`.
///
/// # Errors
/// `InvalidParameterValue`, with AWS's reason.
pub(crate) fn read_allowed(text: &str) -> Result<Allowed, SqsError> {
    let unsupported = || {
        SqsError::Invalid(
            "Invalid value for the parameter RedriveAllowPolicy. Reason: Amazon SQS can't create the redrive allow \
             policy, as it\u{2019}s in an unsupported format."
                .into(),
        )
    };
    let because = |reason: &str| {
        SqsError::Invalid(format!(
            "Value {text} for parameter RedriveAllowPolicy is invalid. Reason: Amazon SQS can't create the redrive \
             allow policy. {reason}"
        ))
    };
    let Some(Value::Map(map)) = wire::json::read(text) else { return Err(unsupported()) };
    if map.iter().any(|(name, _)| !matches!(name.as_str(), "redrivePermission" | "sourceQueueArns")) {
        return Err(unsupported());
    }
    let permission = member(&map, "redrivePermission").and_then(Value::as_str);
    let sources = match member(&map, "sourceQueueArns") {
        None => None,
        Some(Value::List(items)) => {
            let texts: Option<Vec<String>> = items.iter().map(|v| v.as_str().map(str::to_owned)).collect();
            Some(texts.ok_or_else(unsupported)?)
        }
        Some(_) => return Err(unsupported()),
    };
    match (permission, sources) {
        (Some("allowAll"), None) => Ok(Allowed::All),
        (Some("denyAll"), None) => Ok(Allowed::None),
        (Some("allowAll" | "denyAll"), Some(_)) => Err(because(
            "To specify one or more source queue ARNs, you must set redrivePermission to byQueue.",
        )),
        (Some("byQueue"), Some(sources)) if sources.len() > SOURCES_MAX => {
            Err(because("The maximum number of source queue ARNs you can specify is 10."))
        }
        (Some("byQueue"), Some(sources)) if !sources.is_empty() => Ok(Allowed::These(sources)),
        (Some("byQueue"), _) => Err(because(
            "When you specify the byQueue permission type, you must also specify one or more sourceQueueArns values.",
        )),
        _ => Err(unsupported()),
    }
}

impl Allowed {
    pub(crate) fn allows(&self, source_arn: &str) -> bool {
        match self {
            Allowed::All => true,
            Allowed::None => false,
            Allowed::These(sources) => sources.iter().any(|source| source == source_arn),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Allowed, read_allowed, read_policy};
    use wire::Fault;

    const DLQ: &str = "arn:aws:sqs:us-east-1:123456789012:dead";

    fn refusal<T: std::fmt::Debug>(outcome: Result<T, crate::sqs::SqsError>) -> String {
        Fault::from(outcome.unwrap_err()).message
    }

    #[test]
    fn policies() {
        let text = format!(r#"{{"deadLetterTargetArn":"{DLQ}","maxReceiveCount":"5"}}"#);
        let read = read_policy(&text).unwrap();
        assert_eq!((read.name.as_str(), read.receives_max), ("dead", 5));
        let cases = [
            (
                " ",
                "Invalid value for the parameter RedrivePolicy. Reason: Redrive policy is not a valid JSON map.",
            ),
            (
                "{}",
                "Value {} for parameter RedrivePolicy is invalid. Reason: Redrive policy does not contain mandatory attribute: maxReceiveCount.",
            ),
            (
                r#"{"deadLetterTargetArn": "dummy", "maxReceiveCount": 42}"#,
                r#"Value {"deadLetterTargetArn": "dummy", "maxReceiveCount": 42} for parameter RedrivePolicy is invalid. Reason: Invalid value for deadLetterTargetArn."#,
            ),
            (
                r#"{"deadLetterTargetArn":"a","maxReceiveCount":4023}"#,
                r#"Value {"deadLetterTargetArn":"a","maxReceiveCount":4023} for parameter RedrivePolicy is invalid. Reason: Invalid value for maxReceiveCount: 4023, valid values are from 1 to 1000 both inclusive."#,
            ),
        ];
        for (text, words) in cases {
            assert_eq!(refusal(read_policy(text)), words);
        }
    }

    #[test]
    fn who_may_send_dead_letters() {
        let by = read_allowed(r#"{"redrivePermission":"byQueue","sourceQueueArns":["a"]}"#).unwrap();
        assert!(by.allows("a") && !by.allows("b"));
        assert_eq!(read_allowed(r#"{"redrivePermission":"denyAll"}"#), Ok(Allowed::None));
        assert!(
            refusal(read_allowed(r#"{"redrivePermission":"byQueue"}"#))
                .ends_with("one or more sourceQueueArns values.")
        );
        assert!(
            refusal(read_allowed(r#"{"redrivePermission":"allowAll","sourceQueueArns":["a"]}"#))
                .contains("you must set")
        );
        assert!(refusal(read_allowed("[]")).contains("unsupported format"));
    }
}
