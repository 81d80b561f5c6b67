//! What SNS answers beside its API: the certificate of its signatures, and the links in its messages that confirm and
//! end subscriptions.

use super::confirming::{self, Handshake};
use super::errors::{SnsError, invalid};
use super::model::{Place, SUBSCRIPTIONS, Subscription};
use super::signing;
use http::request::Parts;
use kernel::site::Site;
use kernel::{Cloud, Incoming, Peer, Reply, Running};
use std::sync::Arc;
use store::CommitError;
use wire::input::percent;
use wire::model::Protocol;
use wire::{Fault, Struct, Value};

const CERTIFICATE: &str = "/SimpleNotificationService-";

#[derive(Debug)]
pub struct Links;

/// A parameter of the query string.
fn parameter(parts: &Parts, name: &str) -> Option<String> {
    let query = parts.uri.query().unwrap_or_default();
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| *key == name).and_then(|(_, value)| Some(percent::form(value)?.into_owned()))
}

fn is_link(parts: &Parts) -> bool {
    // Asked of each request: what is cheap comes first.
    if parts.uri.path() != "/" || parts.uri.query().is_none() {
        return false;
    }
    let action = parameter(parts, "Action");
    let known = matches!(action.as_deref(), Some("ConfirmSubscription" | "Unsubscribe"));
    // What is signed is a call like any other.
    let signed =
        || parts.headers.contains_key("authorization") || parameter(parts, "X-Amz-Signature").is_some();
    known && !signed()
}

impl Site for Links {
    fn name(&self) -> &'static str {
        "sns links"
    }

    fn claims(&self, parts: &Parts) -> bool {
        parts.method == "GET" && (parts.uri.path().starts_with(CERTIFICATE) || is_link(parts))
    }

    fn answer<'a>(
        &'a self,
        cloud: &'a Arc<Cloud>,
        parts: &'a Parts,
        _: Incoming,
        peer: Peer,
    ) -> Running<'a, Reply> {
        Box::pin(async move {
            if parts.uri.path().starts_with(CERTIFICATE) {
                return certificate(cloud, parts.uri.path());
            }
            let (operation, outcome) = match parameter(parts, "Action").as_deref() {
                Some("Unsubscribe") => ("Unsubscribe", unsubscribe(cloud, parts, &peer).await),
                _ => ("ConfirmSubscription", confirm(cloud, parts).await),
            };
            answered(cloud, operation, outcome)
        })
    }
}

/// What links begin with that lead where this one led.
fn origin(parts: &Parts, peer: &Peer) -> String {
    let scheme = if peer.tls.is_some() { "https" } else { "http" };
    let host = parts.headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    format!("{scheme}://{host}")
}

fn certificate(cloud: &Arc<Cloud>, path: &str) -> Reply {
    let (status, text) = match signing::pem(cloud, path) {
        Ok(Some(pem)) => (200, pem),
        Ok(None) => (404, String::new()),
        Err(_) => (500, String::new()),
    };
    Reply { status, headers: Default::default(), content: bytes::Bytes::from(text).into() }
}

fn answered(cloud: &Arc<Cloud>, operation: &str, outcome: Result<Value, SnsError>) -> Reply {
    let id = base::id::uuid(cloud.rng());
    let service = wire::catalog::service("sns");
    let modelled = service.and_then(|service| service.operation(operation));
    match (service, modelled, outcome) {
        (Some(service), Some(operation), Ok(value)) => {
            wire::output::success(service, operation, Protocol::Query, &value, &id).into()
        }
        (_, _, outcome) => {
            let fault = outcome.err().map_or_else(|| Fault::from(SnsError::Internal), Fault::from);
            wire::output::fault(service, modelled, Protocol::Query, &fault, &id).into()
        }
    }
}

/// Runs `work` until it meets no other change.
async fn change<T>(
    cloud: &Arc<Cloud>,
    work: impl Fn(&mut store::Tx) -> Result<T, SnsError>,
) -> Result<T, SnsError> {
    loop {
        let (done, commit) = {
            let mut tx = cloud.store().begin();
            (work(&mut tx)?, tx.commit())
        };
        match commit.await {
            Ok(_) => return Ok(done),
            Err(CommitError::Conflict) => {}
            Err(_) => return Err(SnsError::Internal),
        }
    }
}

async fn confirm(cloud: &Arc<Cloud>, parts: &Parts) -> Result<Value, SnsError> {
    let topic = parameter(parts, "TopicArn").unwrap_or_default();
    let token = parameter(parts, "Token").unwrap_or_default();
    let place = Place::read(&topic, "TopicArn")?;
    let now = cloud.clock().now();
    let subscription = change(cloud, |tx| confirming::confirm(tx, &place, &token, now, false)).await?;
    let mut members = Struct::new();
    members.push("SubscriptionArn", Value::Str(subscription.arn()));
    Ok(Value::Struct(members))
}

/// AWS: who has the link may end the subscription, unless it was confirmed otherwise.
async fn unsubscribe(cloud: &Arc<Cloud>, parts: &Parts, peer: &Peer) -> Result<Value, SnsError> {
    let arn = parameter(parts, "SubscriptionArn").unwrap_or_default();
    let place = Place::read(&arn, "SubscriptionArn")?;
    let Some(id) = &place.subscription else { return Err(invalid("SubscriptionArn")) };
    let key = place.key().str(id);
    change(cloud, |tx| {
        let found: Option<Subscription> = SUBSCRIPTIONS.get(tx, &key)?;
        match found {
            Some(found) if found.ends_authenticated => Err(SnsError::NotConfirmed),
            Some(found) => {
                let handshake = Handshake::new(cloud.rng(), cloud.clock().now(), origin(parts, peer));
                confirming::end(tx, &found, handshake)
            }
            None => Ok(()),
        }
    })
    .await?;
    Ok(Value::Struct(Struct::new()))
}
