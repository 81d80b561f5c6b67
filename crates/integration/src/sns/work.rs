//! Delivery: what was published goes to each subscriber, or to its dead-letter queue.
//!
//! What goes to a queue is one transaction with the end of its delivery, so that a crash neither loses nor doubles it.
//! Deliveries of one subscription to a FIFO topic go in their order. HTTP endpoints are called apart from the others,
//! and again until they take it or their retries are over.

use super::archive;
use super::calling;
use super::confirming;
use super::envelope;
use super::errors::SnsError;
use super::mailbox;
use super::metering::{self, Ended};
use super::model::{ARCHIVING, Attribute, CALLS, DELIVERIES, Delivery, Letter, topic_arn};
use super::publishing;
use super::push;
use super::sealing;
use super::signing::{self, Signer};
use super::text;
use crate::rates::Rates;
use base::{AccountId, Arn, Timestamp};
use kernel::outbound::Client;
use kernel::reconcile::Reconciler;
use kernel::{Call, Cloud};
use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use store::{CommitError, Key, Tx};
use wire::{Fault, Struct, Value};

const NAME: &str = "sns.amazonaws.com";
/// Deliveries of one transaction.
const BATCH: usize = 50;
/// HTTP endpoints that are called at a time.
const CALLS_AT_ONCE: usize = 8;
/// What is wrong with the cloud itself is tried again after this.
const RETRY: Duration = Duration::from_secs(1);

/// Into queues and the mailbox.
#[derive(Debug)]
pub struct Deliver;

impl Reconciler for Deliver {
    fn name(&self) -> &'static str {
        "sns delivery"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        vec![DELIVERIES.stored_key(&Key::empty())]
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        deliver_all(cloud).map_err(|error| Fault::from(error).to_string())
    }
}

fn deliver_all(cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, SnsError> {
    let (mut after, mut next, mut held) = (None, None, HashSet::new());
    loop {
        let page = DELIVERIES.page(&cloud.store().snapshot(), &Key::empty(), after.as_ref(), BATCH)?;
        if page.items.is_empty() {
            return Ok(next);
        }
        let signer = signing::signer(cloud)?;
        let now = cloud.clock().now();
        let mut tx = cloud.store().begin();
        for (key, delivery) in &page.items {
            // Nothing of a FIFO topic's subscription passes what is waiting.
            let stays = delivery.not_before > now
                || delivery.number.is_some() && held.contains(&delivery.subscription);
            if stays {
                held.insert(delivery.subscription.clone());
                next = [next, Some(delivery.not_before.max(now))].into_iter().flatten().min();
                continue;
            }
            let again = match sealing::opened(cloud, delivery) {
                Ok(open) => deliver(cloud, &mut tx, (key, delivery), &open, &signer, now),
                Err(again) => Some(again),
            };
            if let Some(at) = again {
                held.insert(delivery.subscription.clone());
                next = [next, Some(at)].into_iter().flatten().min();
            }
        }
        match tx.commit().wait() {
            Ok(_) => after = page.next,
            Err(CommitError::Conflict) => continue,
            Err(error) => {
                kernel::log::error("deliveries could not be saved", &[("problem", &error.to_string())]);
                return Err(SnsError::Internal);
            }
        }
        if after.is_none() {
            return Ok(next);
        }
    }
}

/// Delivers once what is `kept` under a key; returns when to try again, if that is needed.
fn deliver(
    cloud: &Arc<Cloud>,
    tx: &mut Tx,
    (key, kept): (&Key, &Delivery),
    delivery: &Delivery,
    signer: &Signer,
    now: Timestamp,
) -> Option<Timestamp> {
    if delivery.protocol == "sqs" || delivery.protocol == "lambda" {
        let outcome = match delivery.protocol.as_str() {
            "lambda" => invoke(cloud, tx, delivery, signer),
            _ => send(cloud, tx, delivery, &delivery.endpoint, signer),
        };
        match outcome {
            Ok(()) => metering::ended(cloud, tx, delivery, Ended::Delivered),
            Err(fault) if fault.is_sender() => bury(cloud, tx, delivery, signer, &fault.to_string()),
            Err(_) => {
                let not_before = now.plus(RETRY);
                let attempts = delivery.attempts + 1;
                DELIVERIES.put(tx, key, &Delivery { not_before, attempts, ..kept.clone() });
                return Some(not_before);
            }
        }
    } else {
        let (subject, body) = match (&delivery.token, delivery.protocol.as_str()) {
            (Some(token), _) => (
                Some("AWS Notification - Subscription Confirmation".to_owned()),
                envelope::confirm_url(delivery, token),
            ),
            (None, "email-json") => (delivery.subject.clone(), envelope::document(delivery, signer)),
            (None, _) => (delivery.subject.clone(), delivery.message.clone()),
        };
        let letter = Letter {
            account: delivery.account,
            region: delivery.region,
            protocol: delivery.protocol.clone(),
            to: delivery.endpoint.clone(),
            subject,
            body,
            time: delivery.time,
            topic_arn: Some(delivery.topic_arn()),
            message_id: delivery.message_id.clone(),
            ..Letter::default()
        };
        match into_mailbox(tx, delivery, letter) {
            Ok(()) => metering::ended(cloud, tx, delivery, Ended::Delivered),
            Err(error) => bury(cloud, tx, delivery, signer, &Fault::from(error).to_string()),
        }
    }
    DELIVERIES.delete(tx, key);
    None
}

/// What would leave the cloud, unless its recipient takes none.
fn into_mailbox(tx: &mut Tx, delivery: &Delivery, letter: Letter) -> Result<(), SnsError> {
    match delivery.protocol.as_str() {
        "sms" => return text::deliver(tx, letter, &delivery.attributes, &delivery.subscription),
        "application" => {
            let (place, id) = push::Place::of_endpoint(&delivery.endpoint, "Endpoint")?;
            push::open(tx, &place, &id)?;
        }
        _ => {}
    }
    mailbox::put(tx, &letter, &delivery.subscription);
    Ok(())
}

/// To the dead-letter queue, where there is one; else it ends here, as in AWS.
fn bury(cloud: &Arc<Cloud>, tx: &mut Tx, delivery: &Delivery, signer: &Signer, why: &str) {
    let Some(target) = &delivery.dead_letters else {
        let arn = delivery.subscription_arn();
        kernel::log::warn("a message was not delivered", &[("subscription", &arn), ("problem", why)]);
        return metering::ended(cloud, tx, delivery, Ended::Failed);
    };
    let how = match send(cloud, tx, delivery, target, signer) {
        Ok(()) => Ended::Redriven,
        Err(fault) => {
            let problem = fault.to_string();
            kernel::log::warn("a dead letter was not delivered", &[("queue", target), ("problem", &problem)]);
            Ended::NotRedriven
        }
    };
    metering::ended(cloud, tx, delivery, how);
}

fn attribute(value: &Attribute) -> Value {
    let mut members = Struct::new();
    members.push("DataType", Value::str(&value.data_type));
    if let Some(text) = &value.text {
        members.push("StringValue", Value::str(text));
    }
    if let Some(binary) = &value.binary {
        members.push("BinaryValue", Value::Blob(binary.clone().into()));
    }
    Value::Struct(members)
}

/// What tells a message out of the archive, where there is no envelope that could.
fn replayed() -> (String, Value) {
    let (data_type, text) = ("String".to_owned(), Some("true".to_owned()));
    ("Replayed".to_owned(), attribute(&Attribute { data_type, text, binary: None }))
}

/// Hands the notification to a function, on behalf of the topic; the function takes it from there.
fn invoke(cloud: &Arc<Cloud>, tx: &mut Tx, delivery: &Delivery, signer: &Signer) -> Result<(), Fault> {
    let function = Arn::parse(&delivery.endpoint).ok_or_else(|| Fault::from(SnsError::NoResource))?;
    let region = base::Region::parse(&function.region).unwrap_or(delivery.region);
    let mut members = Struct::new();
    members.push("FunctionName", Value::str(&delivery.endpoint));
    members.push("InvocationType", Value::str("Event"));
    members.push("Payload", Value::Blob(envelope::event(delivery, signer).into()));
    let source = topic_arn(delivery.account, delivery.region, &delivery.topic);
    let call = Call { service: "lambda", operation: "Invoke", value: Value::Struct(members) };
    let along = (Some(source.as_str()), delivery.chain.as_deref());
    cloud.call_along(tx, NAME, (delivery.account, region), along, call).map(drop)
}

/// Sends to a queue as SNS does: on behalf of the topic.
fn send(
    cloud: &Arc<Cloud>,
    tx: &mut Tx,
    delivery: &Delivery,
    queue_arn: &str,
    signer: &Signer,
) -> Result<(), Fault> {
    let queue = Arn::parse(queue_arn).ok_or_else(|| Fault::from(SnsError::NoResource))?;
    let owner = AccountId::parse(&queue.account).unwrap_or(delivery.account);
    let region = base::Region::parse(&queue.region).unwrap_or(delivery.region);
    let body = if delivery.raw { delivery.message.clone() } else { envelope::document(delivery, signer) };
    let mut members = Struct::new();
    members.push("QueueUrl", Value::Str(format!("/{owner}/{}", queue.resource)));
    members.push("MessageBody", Value::Str(body));
    if delivery.raw {
        let own = delivery.attributes.iter().map(|(name, value)| (name.clone(), attribute(value)));
        let all: Vec<(String, Value)> = own.chain(delivery.replayed.then(replayed)).collect();
        if !all.is_empty() {
            members.push("MessageAttributes", Value::Map(all));
        }
    }
    if let Some(group) = &delivery.group {
        members.push("MessageGroupId", Value::str(group));
    }
    if queue.resource.ends_with(super::model::FIFO)
        && let Some(id) = &delivery.deduplication
    {
        members.push("MessageDeduplicationId", Value::str(id));
    }
    let source = topic_arn(delivery.account, delivery.region, &delivery.topic);
    let call = Call { service: "sqs", operation: "SendMessage", value: Value::Struct(members) };
    let along = (Some(source.as_str()), delivery.chain.as_deref());
    cloud.call_along(tx, NAME, (delivery.account, region), along, call).map(drop)
}

/// Forgets the deduplication ids of FIFO topics, the subscriptions that nothing restores any more, and what archives no
/// longer keep.
#[derive(Debug)]
pub struct ForgetIds;

impl Reconciler for ForgetIds {
    fn name(&self) -> &'static str {
        "sns deduplication"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        vec![ARCHIVING.stored_key(&Key::empty())]
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        let forgotten = publishing::forget_used(cloud).and_then(|()| confirming::forget_ended(cloud));
        let forgotten = forgotten.and_then(|()| archive::forget(cloud));
        forgotten.map_err(|error| Fault::from(error).to_string())?;
        Ok(None)
    }
}

/// To HTTP endpoints.
#[derive(Debug)]
pub struct CallOut(pub Arc<Client>);

impl Reconciler for CallOut {
    fn name(&self) -> &'static str {
        "sns calls"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        vec![CALLS.stored_key(&Key::empty())]
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        call_all(cloud, &self.0).map_err(|error| Fault::from(error).to_string())
    }
}

/// A call that is due.
struct Due<'d> {
    key: &'d Key,
    kept: &'d Delivery,
    open: Cow<'d, Delivery>,
}

fn call_all(cloud: &Arc<Cloud>, client: &Client) -> Result<Option<Timestamp>, SnsError> {
    let (mut after, mut next, rates) = (None, None, cloud.memory::<Rates>());
    loop {
        let page = CALLS.page(&cloud.store().snapshot(), &Key::empty(), after.as_ref(), CALLS_AT_ONCE)?;
        let now = cloud.clock().now();
        let mut due = Vec::new();
        for (key, delivery) in &page.items {
            let open = may_go(&rates, delivery, now).and_then(|()| sealing::opened(cloud, delivery));
            match open {
                Ok(open) => due.push(Due { key, kept: delivery, open }),
                Err(at) => next = [next, Some(at)].into_iter().flatten().min(),
            }
        }
        if !due.is_empty() {
            let signer = signing::signer(cloud)?;
            let key_holder: &Signer = &signer;
            let outcomes: Vec<Result<u16, String>> = std::thread::scope(|scope| {
                let calls: Vec<_> = due
                    .iter()
                    .map(|due| scope.spawn(move || calling::call(client, &due.open, key_holder)))
                    .collect();
                let failed = |_| Err("the call broke".to_owned());
                calls.into_iter().map(|call| call.join().unwrap_or_else(failed)).collect()
            });
            next = note(cloud, &due, &outcomes, &signer)?.into_iter().chain(next).min();
        }
        after = page.next;
        if after.is_none() {
            return Ok(next);
        }
    }
}

/// Notes how calls went, until that meets no other change; returns when to try the first of them again.
fn note(
    cloud: &Arc<Cloud>,
    due: &[Due<'_>],
    outcomes: &[Result<u16, String>],
    signer: &Signer,
) -> Result<Option<Timestamp>, SnsError> {
    loop {
        let mut tx = cloud.store().begin();
        let pairs = due.iter().zip(outcomes);
        let again = pairs.filter_map(|(due, outcome)| settle(cloud, &mut tx, due, outcome, signer));
        let first = again.min();
        match tx.commit().wait() {
            Ok(_) => return Ok(first),
            Err(CommitError::Conflict) => {}
            Err(error) => {
                kernel::log::error("calls could not be saved", &[("problem", &error.to_string())]);
                return Err(SnsError::Internal);
            }
        }
    }
}

/// Whether a call may be made now.
///
/// # Errors
/// When it may.
fn may_go(rates: &Rates, delivery: &Delivery, now: Timestamp) -> Result<(), Timestamp> {
    if delivery.not_before > now {
        return Err(delivery.not_before);
    }
    match delivery.policy().per_second {
        Some(per_second) => rates.take(&delivery.subscription_arn(), per_second, now),
        None => Ok(()),
    }
}

/// Notes how a call went; returns when to try again.
fn settle(
    cloud: &Arc<Cloud>,
    tx: &mut Tx,
    due: &Due<'_>,
    outcome: &Result<u16, String>,
    signer: &Signer,
) -> Option<Timestamp> {
    let (key, delivery) = (due.key, &*due.open);
    // AWS: what the endpoint answers itself is final, but for 429 and what begins with 5.
    let (problem, is_final) = match outcome {
        Ok(200..=299) => {
            CALLS.delete(tx, key);
            metering::ended(cloud, tx, delivery, Ended::Delivered);
            return None;
        }
        Ok(status) => (format!("the endpoint answered {status}"), !matches!(status, 429 | 500..=599)),
        Err(problem) => (problem.clone(), false),
    };
    let wait = delivery.policy().retry.delay(delivery.attempts).filter(|_| !is_final);
    let Some(wait) = wait else {
        bury(cloud, tx, delivery, signer, &problem);
        CALLS.delete(tx, key);
        return None;
    };
    let not_before = cloud.clock().now().plus(wait);
    CALLS.put(tx, key, &Delivery { not_before, attempts: delivery.attempts + 1, ..due.kept.clone() });
    Some(not_before)
}
