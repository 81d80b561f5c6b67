//! The attributes of subscriptions, and what they mean for deliveries.

use super::delivery_policy::{self, Policy};
use super::errors::{SnsError, invalid};
use super::model::{FIFO, Subscription, Topic};
use base::Arn;
use kernel::pattern::Pattern;
use wire::Value;

/// AWS: the filter policy constraints of the developer guide.
const KEYS_MAX: usize = 5;
const COMBINATIONS_MAX: u64 = 150;

/// Whether a protocol is that of HTTP endpoints, which are called.
pub(crate) fn is_called(protocol: &str) -> bool {
    matches!(protocol, "http" | "https")
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
pub(crate) fn set(subscription: &mut Subscription, name: &str, text: &str) -> Result<(), SnsError> {
    let some = Some(text).filter(|text| !text.is_empty()).map(str::to_owned);
    match name {
        "RawMessageDelivery" => {
            subscription.raw = flag(name, text)?;
            if subscription.raw && subscription.protocol == "lambda" {
                return Err(invalid("Delivery protocol [lambda] does not support raw message delivery."));
            }
        }
        "FilterPolicy" => {
            subscription.filter = some.filter(|text| text != "{}");
        }
        "FilterPolicyScope" => match text {
            "MessageBody" => subscription.filters_body = true,
            "MessageAttributes" => subscription.filters_body = false,
            _ => {
                return Err(invalid(format!(
                    "FilterPolicyScope: Invalid value [{text}]. Please use either MessageBody or MessageAttributes"
                )));
            }
        },
        "RedrivePolicy" => {
            if some.is_some() {
                check_redrive(subscription, text)?;
            }
            subscription.redrive = some;
        }
        // AWS: it is kept for other protocols than HTTP too, whose deliveries have policies that nobody changes.
        "DeliveryPolicy" => subscription.delivery_policy = some,
        "SubscriptionRoleArn" => return Err(SnsError::NotBuilt("Delivery to Firehose".into())),
        _ => return Err(invalid("AttributeName")),
    }
    Ok(())
}

/// Checks the filter against its scope, when both are known.
///
/// # Errors
/// `InvalidParameter`.
pub(crate) fn check_filter(subscription: &Subscription) -> Result<(), SnsError> {
    let Some(text) = &subscription.filter else { return Ok(()) };
    let pattern =
        Pattern::read(text).map_err(|malformed| invalid(format!("FilterPolicy: {}", malformed.0)))?;
    if !subscription.filters_body && pattern.is_nested() {
        return Err(invalid("Filter policy scope MessageAttributes does not support nested filter policy"));
    }
    if pattern.keys() > KEYS_MAX {
        return Err(invalid(format!("FilterPolicy: Filter policy can not have more than {KEYS_MAX} keys")));
    }
    if pattern.combinations() > COMBINATIONS_MAX {
        return Err(invalid("FilterPolicy: Filter policy is too complex"));
    }
    Ok(())
}

fn check_redrive(subscription: &Subscription, text: &str) -> Result<(), SnsError> {
    let Some(Value::Map(_)) = wire::json::read(text) else {
        return Err(invalid("RedrivePolicy: failed to parse JSON."));
    };
    let Some(target) = dead_letter_target(text) else {
        return Err(invalid("RedrivePolicy: deadLetterTargetArn is an invalid arn"));
    };
    let fifo_target = target.ends_with(FIFO);
    if subscription.topic.ends_with(FIFO) && subscription.endpoint.ends_with(FIFO) && !fifo_target {
        return Err(invalid(
            "RedrivePolicy: must use a FIFO queue as DLQ for a FIFO Subscription to a FIFO Topic.",
        ));
    }
    Ok(())
}

/// The queue that a redrive policy names.
pub(crate) fn dead_letter_target(text: &str) -> Option<String> {
    let policy = wire::json::read(text)?;
    let target = policy.entry("deadLetterTargetArn")?.as_str()?;
    Arn::parse(target).filter(|arn| arn.service == "sqs").map(|_| target.to_owned())
}

/// Checks the delivery policy, when it is known whether messages go as they are.
///
/// # Errors
/// `InvalidParameter`.
pub(crate) fn check_delivery(subscription: &Subscription) -> Result<(), SnsError> {
    let Some(text) = &subscription.delivery_policy else { return Ok(()) };
    delivery_policy::check_subscription(text, subscription.raw)
        .map_err(|why| invalid(format!("DeliveryPolicy: {why}")))
}

/// By what an HTTP endpoint is delivered to.
pub(crate) fn policy(topic: &Topic, subscription: &Subscription) -> Option<Policy> {
    let (of_topic, own) = (topic.delivery_policy.as_deref(), subscription.delivery_policy.as_deref());
    is_called(&subscription.protocol).then(|| delivery_policy::effective(of_topic, own))
}
