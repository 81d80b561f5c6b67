//! The handshake: who subscribes an endpoint that is not the cloud's own must show that it is theirs.
//!
//! A token goes to the endpoint (by HTTP, or into the mailbox) and comes back by ConfirmSubscription. Another goes to an
//! HTTP endpoint whose subscription was ended: it brings that back.

use super::errors::{SnsError, invalid};
use super::model::{Delivery, ENDED, Place, SUBSCRIPTIONS, Subscription, TOPICS, Topic};
use super::{publishing, subscribing};
use base::{Rng, Timestamp};
use kernel::{Cloud, Cx};
use std::time::Duration;
use store::{Direction, Key, Read, Table, Tx};

/// AWS: `Subscribe`: a token is valid for two days.
const TOKEN_LIFE: Duration = Duration::from_secs(2 * 86_400);
const TOKEN_CHARS: usize = 256;

/// A token, and what it is sent with.
#[derive(Debug)]
pub(crate) struct Handshake {
    now: Timestamp,
    /// What its links begin with.
    origin: String,
    message_id: String,
    token: String,
}

impl Handshake {
    pub(crate) fn new(rng: &Rng, now: Timestamp, origin: String) -> Handshake {
        let (message_id, token) = (base::id::uuid(rng), rng.text(b"0123456789abcdef", TOKEN_CHARS));
        Handshake { now, origin, message_id, token }
    }

    fn send(self, tx: &mut Tx, topic: &Topic, subscription: &Subscription, ends: bool) {
        let delivery = Delivery {
            message_id: self.message_id,
            token: Some(self.token),
            raw: false,
            dead_letters: None,
            ends,
            ..publishing::address(topic, subscription, self.now, self.origin)
        };
        publishing::enqueue(tx, &delivery, self.now.micros().unsigned_abs());
    }
}

/// Stores a subscription that is to be confirmed, and sends its token.
pub(crate) fn ask(cx: &mut Cx<'_>, topic: &Topic, mut subscription: Subscription) {
    let handshake = Handshake::new(cx.rng(), cx.now, cx.request.origin());
    subscription.token = Some(handshake.token.clone());
    subscription.token_ends = cx.now.plus(TOKEN_LIFE);
    SUBSCRIPTIONS.put(cx.tx, &subscription.key(), &subscription);
    handshake.send(cx.tx, topic, &subscription, false);
}

/// The subscription of a topic that a token belongs to.
fn of_token(
    from: &dyn Read,
    table: &Table<Subscription>,
    topic: &Key,
    token: &str,
) -> Result<Option<Subscription>, SnsError> {
    for entry in table.scan(from, topic, Direction::Forward) {
        let (_, subscription) = entry?;
        if subscription.token.as_deref() == Some(token) {
            return Ok(Some(subscription));
        }
    }
    Ok(None)
}

/// Confirms the subscription that a token belongs to, or restores it.
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
    let mut subscription = match of_token(tx, &SUBSCRIPTIONS, &place.key(), token)? {
        Some(found) => found,
        None => restorable(tx, place, token)?.ok_or_else(|| invalid("Token"))?,
    };
    if !subscription.confirmed {
        if subscription.token_ends <= now {
            return Err(invalid("Token"));
        }
        if ENDED.contains(tx, &subscription.key())? {
            ENDED.delete(tx, &subscription.key());
            count(tx, &subscription, |ended| ended.saturating_sub(1))?;
        }
        subscription.confirmed = true;
        subscription.ends_authenticated = authenticate;
        subscription.authenticated = authenticate;
        SUBSCRIPTIONS.put(tx, &subscription.key(), &subscription);
    }
    Ok(subscription)
}

/// The ended subscription that a token belongs to, unless its endpoint has a new one.
fn restorable(from: &dyn Read, place: &Place, token: &str) -> Result<Option<Subscription>, SnsError> {
    let Some(ended) = of_token(from, &ENDED, &place.key(), token)? else { return Ok(None) };
    for entry in SUBSCRIPTIONS.scan(from, &place.key(), Direction::Forward) {
        let (_, other) = entry?;
        if (&other.protocol, &other.endpoint) == (&ended.protocol, &ended.endpoint) {
            return Ok(None);
        }
    }
    Ok(Some(ended))
}

/// Counts the subscriptions of a topic that were ended.
fn count(
    tx: &mut Tx,
    subscription: &Subscription,
    change: impl Fn(u32) -> u32,
) -> Result<Option<Topic>, SnsError> {
    let key = super::model::topic_key(subscription.account, subscription.region, &subscription.topic);
    let Some(mut topic) = TOPICS.get(tx, &key)? else { return Ok(None) };
    topic.ended = change(topic.ended);
    TOPICS.put(tx, &key, &topic);
    Ok(Some(topic))
}

/// Ends a subscription. An HTTP endpoint is told, and may restore it.
///
/// AWS: <https://docs.aws.amazon.com/sns/latest/dg/http-unsubscribe-confirmation-json.html>
///
/// # Errors
/// The store's.
pub(crate) fn end(tx: &mut Tx, subscription: &Subscription, handshake: Handshake) -> Result<(), SnsError> {
    SUBSCRIPTIONS.delete(tx, &subscription.key());
    let Some(topic) = count(tx, subscription, |ended| ended + 1)? else { return Ok(()) };
    if subscription.confirmed && subscribing::is_called(&subscription.protocol) {
        let token = Some(handshake.token.clone());
        let token_ends = handshake.now.plus(TOKEN_LIFE);
        let ended = Subscription { confirmed: false, token, token_ends, ..subscription.clone() };
        ENDED.put(tx, &ended.key(), &ended);
        handshake.send(tx, &topic, &ended, true);
    }
    Ok(())
}

/// Forgets what no token restores any more.
///
/// # Errors
/// The store's.
pub(crate) fn forget_ended(cloud: &Cloud) -> Result<(), SnsError> {
    let now = cloud.clock().now();
    let mut tx = cloud.store().begin();
    for entry in ENDED.scan(&cloud.store().snapshot(), &Key::empty(), Direction::Forward) {
        let (key, ended) = entry?;
        if ended.token_ends <= now {
            ENDED.delete(&mut tx, &key);
        }
    }
    tx.commit().wait().map(drop).map_err(|_| SnsError::Internal)
}
