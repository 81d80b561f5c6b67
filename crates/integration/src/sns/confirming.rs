//! The handshake: who subscribes an endpoint that is not the cloud's own must show that it is theirs.
//!
//! A token goes to the endpoint (by HTTP, or into the mailbox) and comes back by ConfirmSubscription.

use super::errors::{SnsError, invalid};
use super::model::{Place, SUBSCRIPTIONS, Subscription, TOPICS, Topic};
use super::publishing;
use base::Timestamp;
use kernel::Cx;
use std::time::Duration;
use store::{Direction, Tx};

/// AWS: `Subscribe`: a token is valid for two days.
const TOKEN_LIFE: Duration = Duration::from_secs(2 * 86_400);
const TOKEN_CHARS: usize = 256;

/// Stores a subscription that is to be confirmed, and sends its token.
pub(crate) fn ask(cx: &mut Cx<'_>, topic: &Topic, mut subscription: Subscription) {
    let token = cx.rng().text(b"0123456789abcdef", TOKEN_CHARS);
    subscription.token = Some(token.clone());
    subscription.token_ends = cx.now.plus(TOKEN_LIFE);
    SUBSCRIPTIONS.put(cx.tx, &subscription.key(), &subscription);
    let mut delivery = publishing::address(cx, topic, &subscription);
    delivery.message_id = base::id::uuid(cx.rng());
    delivery.token = Some(token);
    delivery.raw = false;
    delivery.dead_letters = None;
    let order = cx.now.micros().unsigned_abs();
    publishing::enqueue(cx, &delivery, order);
}

/// Confirms the subscription that a token belongs to.
///
/// # Errors
/// `InvalidParameter` for a token that is none, or no longer.
pub(crate) fn confirm(
    tx: &mut Tx,
    place: &Place,
    token: &str,
    now: Timestamp,
    authenticate: bool,
) -> Result<Subscription, SnsError> {
    if TOPICS.get(tx, &place.key())?.is_none() {
        return Err(invalid("Token"));
    }
    if token.len() != TOKEN_CHARS {
        return Err(SnsError::Token);
    }
    let all: Result<Vec<Subscription>, _> =
        SUBSCRIPTIONS.scan(tx, &place.key(), Direction::Forward).map(|entry| entry.map(|(_, s)| s)).collect();
    let found = all?.into_iter().find(|s| s.token.as_deref() == Some(token));
    let mut subscription = found.ok_or_else(|| invalid("Token"))?;
    if !subscription.confirmed {
        if subscription.token_ends <= now {
            return Err(invalid("Token"));
        }
        subscription.confirmed = true;
        subscription.ends_authenticated = authenticate;
        subscription.authenticated = authenticate;
        SUBSCRIPTIONS.put(tx, &subscription.key(), &subscription);
    }
    Ok(subscription)
}

/// Ends a subscription.
///
/// # Errors
/// The store's.
pub(crate) fn end(tx: &mut Tx, subscription: &Subscription) -> Result<(), SnsError> {
    SUBSCRIPTIONS.delete(tx, &subscription.key());
    let key = super::model::topic_key(subscription.account, subscription.region, &subscription.topic);
    if let Some(mut topic) = TOPICS.get(tx, &key)? {
        topic.ended += 1;
        TOPICS.put(tx, &key, &topic);
    }
    Ok(())
}
