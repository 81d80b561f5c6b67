//! The attributes of a queue: their names, ranges and defaults, and how they change a record.
//!
//! AWS: <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html>

use super::queue::{self, Queue};
use super::redrive;
use crate::sqs::dispatch::Counts;
use crate::sqs::errors::SqsError;
use auth::policy::{Policy, PolicyKind};
use kernel::told;
use std::ops::RangeInclusive;

/// AWS: the policy quotas of the developer guide.
const STATEMENTS_MAX: usize = 20;

/// How a number of a queue is read: its name, where it is kept, and what it may be.
struct Number {
    name: &'static str,
    range: RangeInclusive<u32>,
    get: fn(&Queue) -> u32,
    set: fn(&mut Queue, u32),
}

const NUMBERS: &[Number] = &[
    Number {
        name: "VisibilityTimeout",
        range: 0..=43_200,
        get: |q| q.visibility,
        set: |q, n| q.visibility = n,
    },
    Number {
        name: "MaximumMessageSize",
        range: 1024..=queue::MESSAGE_BYTES_MAX,
        get: |q| q.bytes_max,
        set: |q, n| q.bytes_max = n,
    },
    Number {
        name: "MessageRetentionPeriod",
        range: 60..=1_209_600,
        get: |q| q.retention,
        set: |q, n| q.retention = n,
    },
    Number { name: "DelaySeconds", range: 0..=900, get: |q| q.delay, set: |q, n| q.delay = n },
    Number { name: "ReceiveMessageWaitTimeSeconds", range: 0..=20, get: |q| q.wait, set: |q, n| q.wait = n },
    Number {
        name: "KmsDataKeyReusePeriodSeconds",
        range: 60..=86_400,
        get: |q| q.kms_reuse,
        set: |q, n| q.kms_reuse = n,
    },
];

/// What a queue has that is made without attributes.
pub(crate) fn defaults(queue: &mut Queue) {
    queue.visibility = queue::VISIBILITY_DEFAULT;
    queue.bytes_max = queue::MESSAGE_BYTES_MAX;
    queue.retention = queue::RETENTION_DEFAULT;
    queue.kms_reuse = queue::KMS_REUSE_DEFAULT;
    queue.managed_encryption = true;
}

fn invalid(name: &str) -> SqsError {
    SqsError::Invalid(format!("Invalid value for the parameter {name}."))
}

fn boolean(name: &str, text: &str) -> Result<bool, SqsError> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(invalid(name)),
    }
}

fn some(text: &str) -> Option<String> {
    Some(text).filter(|text| !text.is_empty()).map(str::to_owned)
}

fn one_of<'a>(name: &str, text: &'a str, all: &[&str]) -> Result<&'a str, SqsError> {
    if all.contains(&text) { Ok(text) } else { Err(invalid(name)) }
}

/// # Errors
/// `InvalidAttributeValue` for what is no policy of a queue, `OverLimit` for one of too many statements.
pub(crate) fn check_policy(text: &str) -> Result<(), SqsError> {
    let policy = Policy::parse(text, PolicyKind::Resource("sqs"))
        .map_err(|_| SqsError::AttributeValue("Invalid value for the parameter Policy.".into()))?;
    let count = policy.statements().len();
    if count > STATEMENTS_MAX {
        return Err(SqsError::OverLimit(format!(
            "{count} statements were found in the submitted policy, max allowed is {STATEMENTS_MAX}"
        )));
    }
    Ok(())
}

/// Sets one attribute.
///
/// # Errors
/// `InvalidAttributeName`, `InvalidAttributeValue`, `InvalidParameterValue`.
fn set(queue: &mut Queue, name: &str, text: &str, new: bool) -> Result<(), SqsError> {
    if let Some(number) = NUMBERS.iter().find(|number| number.name == name) {
        let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let value = plain.then(|| text.parse().ok()).flatten();
        (number.set)(queue, value.filter(|n| number.range.contains(n)).ok_or_else(|| invalid(name))?);
        return Ok(());
    }
    let fifo_only = ["ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit"];
    if fifo_only.contains(&name) && !queue.is_fifo() {
        return Err(SqsError::UnknownAttribute(name.to_owned()));
    }
    match name {
        "Policy" => {
            if !text.is_empty() {
                check_policy(text)?;
            }
            queue.policy = some(text);
        }
        "RedrivePolicy" => {
            if !text.is_empty() {
                redrive::read_policy(text)?;
            }
            queue.redrive = some(text);
        }
        "RedriveAllowPolicy" => {
            if !text.is_empty() {
                redrive::read_allowed(text)?;
            }
            queue.redrive_allow = some(text);
        }
        "FifoQueue" => set_type(queue, text, new)?,
        "ContentBasedDeduplication" => queue.content_deduplication = boolean(name, text)?,
        "DeduplicationScope" => {
            queue.deduplicates_by_group = one_of(name, text, &["messageGroup", "queue"])? == "messageGroup";
        }
        "FifoThroughputLimit" => {
            queue.limited_by_group =
                one_of(name, text, &["perMessageGroupId", "perQueue"])? == "perMessageGroupId";
        }
        "KmsMasterKeyId" => queue.kms_key = some(text),
        "SqsManagedSseEnabled" => queue.managed_encryption = boolean(name, text)?,
        _ => return Err(SqsError::UnknownAttribute(name.to_owned())),
    }
    Ok(())
}

/// A queue is a FIFO queue by its name, and stays what it is.
fn set_type(queue: &Queue, text: &str, new: bool) -> Result<(), SqsError> {
    match (new, queue.is_fifo(), text) {
        (true, true, "true") | (false, true, "true") => Ok(()),
        (true, true, _) => Err(SqsError::Invalid(
            "The name of a non-FIFO queue can only include alphanumeric characters, hyphens, or underscores, 1 to 80 in length."
                .into(),
        )),
        (true, false, "true") => Err(SqsError::Invalid(
            "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end with .fifo suffix and be 1 to 80 in length."
                .into(),
        )),
        (_, false, _) => Err(SqsError::UnknownAttribute("FifoQueue".into())),
        (false, true, _) => Err(SqsError::AttributeValue(
            "Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not supported.".into(),
        )),
    }
}

/// Sets attributes; all or none of them.
///
/// # Errors
/// As [`set`], and where they contradict each other.
pub(crate) fn apply(queue: &mut Queue, attributes: &[(String, String)], new: bool) -> Result<(), SqsError> {
    for (name, text) in attributes {
        set(queue, name, text, new)?;
    }
    let value = |name: &str| attributes.iter().find(|(n, _)| n == name).map(|(_, text)| text.as_str());
    let key = value("KmsMasterKeyId").filter(|key| !key.is_empty());
    match (key, value("SqsManagedSseEnabled")) {
        (Some(_), Some("true")) => {
            return Err(SqsError::AttributeName(
                "You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or SQS SSE."
                    .into(),
            ));
        }
        (Some(_), _) => queue.managed_encryption = false,
        (None, Some("true")) if queue.kms_key.is_some() => {
            return Err(SqsError::AttributeName(
                "You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or SQS SSE."
                    .into(),
            ));
        }
        _ => {}
    }
    if queue.limited_by_group && !queue.deduplicates_by_group {
        return Err(SqsError::Invalid(
            "Value perMessageGroupId for parameter FifoThroughputLimit is invalid. Reason: DeduplicationScope must be messageGroup."
                .into(),
        ));
    }
    Ok(())
}

/// Every attribute by name, in the order in which AWS lists them; `counts` is asked for only if one of its numbers is
/// wanted.
pub(crate) fn all(queue: &Queue, counts: impl FnOnce() -> Counts) -> Vec<(&'static str, String)> {
    let counts = counts();
    let mut out = vec![
        ("QueueArn", queue.arn()),
        ("ApproximateNumberOfMessages", counts.visible.to_string()),
        ("ApproximateNumberOfMessagesNotVisible", counts.in_flight.to_string()),
        ("ApproximateNumberOfMessagesDelayed", counts.delayed.to_string()),
        ("CreatedTimestamp", queue.created.seconds().to_string()),
        ("LastModifiedTimestamp", queue.modified.seconds().to_string()),
    ];
    let numbers = NUMBERS.iter().filter(|number| number.name != "KmsDataKeyReusePeriodSeconds");
    out.extend(numbers.map(|number| (number.name, (number.get)(queue).to_string())));
    // AWS: a redrive policy too is told in an order of its own, and with a number.
    let texts = [
        ("Policy", queue.policy.as_deref().map(told::policy)),
        ("RedrivePolicy", queue.redrive.as_deref().map(redrive::policy_as_told)),
        ("RedriveAllowPolicy", queue.redrive_allow.clone()),
        ("KmsMasterKeyId", queue.kms_key.clone()),
    ];
    out.extend(texts.into_iter().filter_map(|(name, text)| Some((name, text?))));
    if queue.kms_key.is_some() {
        out.push(("KmsDataKeyReusePeriodSeconds", queue.kms_reuse.to_string()));
    }
    out.push(("SqsManagedSseEnabled", queue.managed_encryption.to_string()));
    if queue.is_fifo() {
        let pick = |first: bool, a: &str, b: &str| if first { a } else { b }.to_owned();
        out.extend([
            ("FifoQueue", "true".to_owned()),
            ("ContentBasedDeduplication", queue.content_deduplication.to_string()),
            ("DeduplicationScope", pick(queue.deduplicates_by_group, "messageGroup", "queue")),
            ("FifoThroughputLimit", pick(queue.limited_by_group, "perMessageGroupId", "perQueue")),
        ]);
    }
    out
}

/// What GetQueueAttributes may be asked for.
pub(crate) const NAMES: &[&str] = &[
    "All",
    "Policy",
    "VisibilityTimeout",
    "MaximumMessageSize",
    "MessageRetentionPeriod",
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "CreatedTimestamp",
    "LastModifiedTimestamp",
    "QueueArn",
    "ApproximateNumberOfMessagesDelayed",
    "DelaySeconds",
    "ReceiveMessageWaitTimeSeconds",
    "RedrivePolicy",
    "FifoQueue",
    "ContentBasedDeduplication",
    "KmsMasterKeyId",
    "KmsDataKeyReusePeriodSeconds",
    "DeduplicationScope",
    "FifoThroughputLimit",
    "RedriveAllowPolicy",
    "SqsManagedSseEnabled",
];

/// The first attribute of a request that an existing queue has otherwise.
pub(crate) fn first_difference(queue: &Queue, attributes: &[(String, String)]) -> Option<String> {
    let own = all(queue, Counts::default);
    let has = |name: &str| own.iter().find(|(n, _)| *n == name).map_or("", |(_, text)| text.as_str());
    let same = |name: &str, text: &str| match name {
        // Documents are compared as such.
        "RedrivePolicy" => has(name) == redrive::policy_as_told(text),
        "Policy" | "RedriveAllowPolicy" => {
            has(name) == text
                || wire::json::read(has(name)).is_some_and(|own| Some(own) == wire::json::read(text))
        }
        "KmsDataKeyReusePeriodSeconds" => queue.kms_reuse.to_string() == text,
        _ => has(name) == text,
    };
    attributes.iter().find(|(name, text)| !same(name, text)).map(|(name, _)| name.clone())
}
