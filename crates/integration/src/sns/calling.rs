//! Calls to HTTP endpoints.

use super::delivery_policy::Policy;
use super::envelope;
use super::model::Delivery;
use super::signing::Signer;
use kernel::outbound::{Address, Agent, Client, Request};
use std::time::Duration;

/// AWS: an endpoint has so long to answer.
const TIMEOUT: Duration = Duration::from_secs(15);

/// Delivers; the endpoint's status, or why there is none.
///
/// # Errors
/// A sentence for the log.
pub(crate) fn call(client: &Client, delivery: &Delivery, signer: &Signer) -> Result<u16, String> {
    let address = Address::read(&delivery.endpoint).ok_or("the endpoint is no address")?;
    let body = if delivery.raw { delivery.message.clone() } else { envelope::document(delivery, signer) };
    // What a policy says is about notifications.
    let policy = if delivery.token.is_some() { Policy::default() } else { delivery.policy() };
    let mut headers = vec![
        ("x-amz-sns-message-type", envelope::kind(delivery).to_owned()),
        ("x-amz-sns-message-id", delivery.message_id.clone()),
        ("x-amz-sns-topic-arn", delivery.topic_arn()),
        ("Content-Type", policy.content_type().to_owned()),
    ];
    if delivery.token.is_none() || delivery.ends {
        headers.push(("x-amz-sns-subscription-arn", delivery.subscription_arn()));
    }
    if delivery.raw {
        headers.push(("x-amz-sns-rawdelivery", "true".to_owned()));
    }
    let headers = headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let body = body.as_bytes();
    let agent = Agent::Topics;
    let request = Request { agent, method: "POST", address: &address, headers, body, within: TIMEOUT };
    client.call(&request, false).map(|answer| answer.status)
}
