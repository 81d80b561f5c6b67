//! Attributes of topics.

use crate::sns::access;
use crate::sns::archive;
use crate::sns::delivery_policy;
use crate::sns::errors::{SnsError, invalid};
use crate::sns::model::{self, SUBSCRIPTIONS, TOPICS, Topic};
use crate::sns::policy;
use kernel::{Cx, Empty};
use store::Direction;
use wire::Pairs;

kernel::ops! { pub(crate) static OPS:
    GetTopicAttributes: get, "sns:GetTopicAttributes", access::topic;
    SetTopicAttributes: set_one, "sns:SetTopicAttributes", access::topic;
}

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct GetTopicAttributes { arn: String = "TopicArn" }

    #[derive(Debug)]
    pub(crate) struct SetTopicAttributes {
        arn: String = "TopicArn",
        name: String = "AttributeName",
        value: Option<String> = "AttributeValue",
    }

    #[derive(Debug)]
    pub(crate) struct Attributes { attributes: Pairs<String> = "Attributes" }
}

fn flag(name: &str, text: &str) -> Result<bool, SnsError> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(invalid(format!("{name}: Invalid value [{text}]. Must be true or false."))),
    }
}

/// Sets one attribute.
///
/// # Errors
/// `InvalidParameter`; `NotImplemented` for what would not be acted upon.
pub(super) fn set(topic: &mut Topic, name: &str, text: &str) -> Result<(), SnsError> {
    let some = Some(text).filter(|text| !text.is_empty()).map(str::to_owned);
    let fifo_only = matches!(name, "FifoTopic" | "ContentBasedDeduplication" | "FifoThroughputScope");
    if fifo_only && !topic.is_fifo() && !(name == "FifoTopic" && text == "false") {
        return Err(invalid("AttributeName"));
    }
    match name {
        "DisplayName" => topic.display_name = text.to_owned(),
        "Policy" => {
            if some.is_some() {
                policy::check(text)?;
            }
            topic.policy = some;
        }
        "DeliveryPolicy" => {
            if some.is_some() {
                delivery_policy::check_topic(text)
                    .map_err(|why| invalid(format!("DeliveryPolicy: {why}")))?;
            }
            topic.delivery_policy = some;
        }
        "SignatureVersion" => {
            topic.signature_version = match text {
                "1" => 1,
                "2" => 2,
                _ => {
                    return Err(invalid(format!(
                        "SignatureVersion: Invalid value [{text}]. Must be 1 or 2."
                    )));
                }
            };
        }
        "FifoTopic" => {
            if topic.is_fifo() != flag(name, text)? {
                return Err(invalid("FifoTopic"));
            }
        }
        "ContentBasedDeduplication" => topic.content_deduplication = flag(name, text)?,
        "FifoThroughputScope" => match text {
            "Topic" => topic.deduplicates_by_group = false,
            "MessageGroup" => topic.deduplicates_by_group = true,
            _ => return Err(invalid("FifoThroughputScope")),
        },
        "TracingConfig" => match text {
            "PassThrough" => topic.tracing = some,
            "Active" => return Err(SnsError::NotBuilt("Active tracing".into())),
            _ => return Err(invalid("TracingConfig")),
        },
        "KmsMasterKeyId" => topic.kms_key = some,
        "ArchivePolicy" => archive::set(topic, text)?,
        name if name.ends_with("FeedbackRoleArn") || name.ends_with("FeedbackSampleRate") => {
            return Err(SnsError::NotBuilt("Delivery status logging".into()));
        }
        _ => return Err(invalid("AttributeName")),
    }
    Ok(())
}

/// What a topic has under a name, as it is shown.
pub(super) fn value(topic: &Topic, name: &str) -> Option<String> {
    let pairs = own(topic);
    pairs.into_iter().find(|(n, _)| *n == name).map(|(_, value)| value)
}

fn own(topic: &Topic) -> Vec<(&'static str, String)> {
    let mut out = vec![
        ("TopicArn", topic.arn()),
        ("Owner", topic.account.to_string()),
        ("DisplayName", topic.display_name.clone()),
        ("Policy", kernel::told::policy(&policy::text(topic))),
        ("EffectiveDeliveryPolicy", delivery_policy::topic_text(topic.delivery_policy.as_deref())),
    ];
    out.extend(topic.delivery_policy.clone().map(|text| ("DeliveryPolicy", text)));
    out.extend(topic.archive.clone().map(|text| ("ArchivePolicy", text)));
    out.extend(topic.kms_key.clone().map(|key| ("KmsMasterKeyId", key)));
    out.extend(topic.tracing.clone().map(|text| ("TracingConfig", text)));
    if topic.signature_version != 0 {
        out.push(("SignatureVersion", topic.signature_version.to_string()));
    }
    if topic.is_fifo() {
        out.push(("FifoTopic", "true".to_owned()));
        out.push(("ContentBasedDeduplication", topic.content_deduplication.to_string()));
        let scope = if topic.deduplicates_by_group { "MessageGroup" } else { "Topic" };
        out.push(("FifoThroughputScope", scope.to_owned()));
    }
    out
}

fn get(cx: &mut Cx<'_>, req: GetTopicAttributes) -> Result<Attributes, SnsError> {
    let topic = model::topic(cx, &req.arn)?;
    let (mut confirmed, mut pending) = (0, 0);
    for entry in SUBSCRIPTIONS.scan(cx.tx, &topic.key(), Direction::Forward) {
        if entry?.1.confirmed { confirmed += 1 } else { pending += 1 }
    }
    let mut all = own(&topic);
    let begins = archive::beginning(&topic, cx.now);
    all.extend(begins.map(|time| ("BeginningArchiveTime", time.iso8601_millis())));
    all.push(("SubscriptionsConfirmed", confirmed.to_string()));
    all.push(("SubscriptionsPending", pending.to_string()));
    all.push(("SubscriptionsDeleted", topic.ended.to_string()));
    Ok(Attributes { attributes: Pairs(all.into_iter().map(|(name, v)| (name.to_owned(), v)).collect()) })
}

fn set_one(cx: &mut Cx<'_>, req: SetTopicAttributes) -> Result<Empty, SnsError> {
    let mut topic = model::topic(cx, &req.arn)?;
    if req.name == "FifoTopic" {
        return Err(invalid("AttributeName"));
    }
    let days = topic.archive_days;
    set(&mut topic, &req.name, req.value.as_deref().unwrap_or_default())?;
    if req.name == "Policy" {
        policy::check_principals(cx, &topic)?;
    }
    archive::settle(cx.tx, days, &mut topic, cx.now);
    TOPICS.put(cx.tx, &topic.key(), &topic);
    Ok(Empty)
}
