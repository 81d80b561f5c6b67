//! What a product provider is told by its topic, as `iam.amazonaws.com`: each state that a request comes into, and the
//! exchange token.
//!
//! AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/temporary-delegation-building-integration.html>. A topic that does
//! not let IAM publish gets nothing, and nobody else is told: the provider's topic is the provider's affair.

use crate::iam::model::DelegationRequest;
use base::{Arn, Region, Timestamp};
use kernel::{Call, Cloud};
use std::sync::Arc;
use store::Tx;
use wire::{Struct, Value};

const SERVICE: &str = "iam.amazonaws.com";

/// The token that a provider exchanges for credentials, and when those end.
#[derive(Clone, Copy, Debug)]
pub struct Exchange<'a> {
    pub token: &'a str,
    pub expires: Timestamp,
}

/// Tells of the state that a request has come into.
pub fn state(cloud: &Arc<Cloud>, tx: &mut Tx, request: &DelegationRequest) {
    publish(cloud, tx, request, &message(request, None));
}

/// Sends the exchange token.
pub fn exchange(cloud: &Arc<Cloud>, tx: &mut Tx, request: &DelegationRequest, exchange: Exchange<'_>) {
    publish(cloud, tx, request, &message(request, Some(exchange)));
}

fn message(request: &DelegationRequest, exchange: Option<Exchange<'_>>) -> String {
    let kind = if exchange.is_some() { "ExchangeToken" } else { "StateChange" };
    let mut members: Struct = [
        ("RequestId", Value::str(&request.id)),
        ("RequestorWorkflowId", Value::str(&request.workflow_id)),
        ("Type", Value::str(kind)),
        ("State", Value::str(request.state.name())),
        ("UpdatedAt", Value::str(request.updated.iso8601_millis())),
    ]
    .into_iter()
    .collect();
    if let Some(account) = request.owner_account {
        members.push("OwnerAccountId", Value::str(account.as_str()));
    }
    if let Some(exchange) = exchange {
        members.push("ExchangeToken", Value::str(exchange.token));
        members.push("ExpiresAt", Value::str(exchange.expires.iso8601_millis()));
    }
    wire::json::text(&Value::Struct(members))
}

fn publish(cloud: &Arc<Cloud>, tx: &mut Tx, request: &DelegationRequest, message: &str) {
    let region = Arn::parse(&request.channel).and_then(|arn| Region::parse(&arn.region));
    let Some(region) = region else { return };
    let members = [("TopicArn", Value::str(&request.channel)), ("Message", Value::str(message))];
    let value = Value::Struct(members.into_iter().collect());
    let call = Call { service: "sns", operation: "Publish", value };
    let savepoint = tx.savepoint();
    if let Err(fault) = cloud.call(tx, SERVICE, request.requestor, region, call) {
        tx.rollback_to(savepoint);
        let fields = [("topic", request.channel.as_str()), ("problem", &fault.to_string())];
        kernel::log::warn("a notification of a delegation request was not taken", &fields);
    }
}

#[cfg(test)]
mod tests {
    use super::{Exchange, message};
    use crate::iam::model::{DelegationRequest, DelegationState};
    use base::{AccountId, Timestamp};

    #[test]
    fn messages() {
        let at = Timestamp::from_seconds(1_768_478_400);
        let mut request = DelegationRequest {
            id: "r".into(),
            workflow_id: "w".into(),
            owner_account: AccountId::parse("123456789012"),
            ..DelegationRequest::default()
        };
        request.enter(DelegationState::PendingApproval, at);
        assert_eq!(
            message(&request, None),
            r#"{"RequestId":"r","RequestorWorkflowId":"w","Type":"StateChange","State":"PENDING_APPROVAL","UpdatedAt":"2026-01-15T12:00:00.000Z","OwnerAccountId":"123456789012"}"#
        );
        request.enter(DelegationState::Finalized, at);
        assert_eq!(
            message(&request, Some(Exchange { token: "t", expires: at })),
            r#"{"RequestId":"r","RequestorWorkflowId":"w","Type":"ExchangeToken","State":"FINALIZED","UpdatedAt":"2026-01-15T12:00:00.000Z","OwnerAccountId":"123456789012","ExchangeToken":"t","ExpiresAt":"2026-01-15T12:00:00.000Z"}"#
        );
    }
}
