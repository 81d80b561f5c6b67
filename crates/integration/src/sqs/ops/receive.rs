//! ReceiveMessage.

use super::visibility::VISIBILITY_MAX;
use crate::sqs::access;
use crate::sqs::content::{AttributeView, check_id};
use crate::sqs::desk::{self, Desk, Desks};
use crate::sqs::digest;
use crate::sqs::dispatch::{Asked, Lease, Seq};
use crate::sqs::errors::SqsError;
use crate::sqs::handle::Handle;
use crate::sqs::metering::Happened;
use crate::sqs::model::known::{self, Known};
use crate::sqs::model::message::{Attribute, Message};
use crate::sqs::receiving::{self, Given};
use crate::sqs::sending::number_text;
use kernel::{Answer, Body, Dx};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use wire::{Fault, Pairs};

kernel::ops! { pub(crate) static OPS:
    ReceiveMessage: [data] receive, "sqs:ReceiveMessage", access::queue;
}

const MESSAGES_MAX: i64 = 10;
const WAIT_MAX: i64 = 20;
/// AWS: the queue quotas of the developer guide, for standard queues as for FIFO queues.
const IN_FLIGHT_MAX: usize = 120_000;

const SYSTEM_NAMES: [&str; 10] = [
    "All",
    "SenderId",
    "SentTimestamp",
    "ApproximateReceiveCount",
    "ApproximateFirstReceiveTimestamp",
    "SequenceNumber",
    "MessageDeduplicationId",
    "MessageGroupId",
    "AWSTraceHeader",
    "DeadLetterQueueSourceArn",
];

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct ReceiveMessage {
        url: String = "QueueUrl",
        old_names: Vec<String> = "AttributeNames",
        system_names: Vec<String> = "MessageSystemAttributeNames",
        names: Vec<String> = "MessageAttributeNames",
        max: Option<i64> = "MaxNumberOfMessages",
        visibility: Option<i64> = "VisibilityTimeout",
        wait: Option<i64> = "WaitTimeSeconds",
        attempt: Option<String> = "ReceiveRequestAttemptId",
    }

    #[derive(Debug)]
    pub(crate) struct Received { messages: Option<Vec<MessageView>> = "Messages" }

    #[derive(Debug)]
    pub(crate) struct MessageView {
        id: String = "MessageId",
        handle: String = "ReceiptHandle",
        body_digest: String = "MD5OfBody",
        body: String = "Body",
        system: Option<Pairs<String>> = "Attributes",
        attributes_digest: Option<String> = "MD5OfMessageAttributes",
        attributes: Option<Pairs<AttributeView>> = "MessageAttributes",
    }
}

impl ReceiveMessage {
    fn check(&self) -> Result<(), SqsError> {
        let within = |value: Option<i64>, min: i64, max: i64, name: &str, reason: &str| match value {
            Some(value) if !(min..=max).contains(&value) => Err(SqsError::value(value, name, reason)),
            _ => Ok(()),
        };
        within(self.max, 1, MESSAGES_MAX, "MaxNumberOfMessages", "Must be between 1 and 10, if provided.")?;
        let reason = "Must be >= 0 and <= 43200, if provided.";
        within(self.visibility, 0, VISIBILITY_MAX, "VisibilityTimeout", reason)?;
        let reason = "Must be >= 0 and <= 20, if provided.";
        within(self.wait, 0, WAIT_MAX, "WaitTimeSeconds", reason)?;
        let mut all = self.old_names.iter().chain(&self.system_names);
        match all.find(|name| !SYSTEM_NAMES.contains(&name.as_str())) {
            Some(unknown) => Err(SqsError::UnknownAttribute(unknown.clone())),
            None => Ok(()),
        }
    }

    fn wants_system(&self, name: &str) -> bool {
        self.old_names.iter().chain(&self.system_names).any(|n| n == "All" || n == name)
    }

    /// `All` and `.*` mean every attribute, `Foo.*` and the like those that begin so.
    fn wants(&self, name: &str) -> bool {
        self.names.iter().any(|wanted| {
            wanted == "All"
                || wanted == name
                || wanted
                    .strip_suffix('*')
                    .is_some_and(|prefix| name.starts_with(prefix.trim_end_matches('.')))
        })
    }
}

async fn receive(dx: Dx, req: ReceiveMessage, _: Body) -> Result<Answer<Received>, Fault> {
    req.check()?;
    let known = dx.read(|cx| known::by_url(cx, &req.url))?;
    if let Some(attempt) = &req.attempt {
        if !known.is_fifo() {
            return Err(SqsError::Invalid(
                "The request include parameter ReceiveRequestAttemptId which is not valid for this queue type"
                    .into(),
            )
            .into());
        }
        check_id("ReceiveRequestAttemptId", Some(attempt))?;
    }
    let wait = req.wait.unwrap_or(known.wait.into()).unsigned_abs();
    let deadline = Instant::now() + Duration::from_secs(wait);
    let given = wait_for(&dx, &req, deadline).await?;
    // The queue may have gone meanwhile.
    if let Some(desk) = dx.cloud().memory::<Desks>().find(known.uid) {
        desk.note(Happened::Received(given.len()), dx.cloud().clock().now());
    }
    let messages: Vec<MessageView> = given.into_iter().map(|given| view(&req, given)).collect();
    Ok(Received { messages: Some(messages).filter(|messages| !messages.is_empty()) }.into())
}

/// Takes messages as soon as there are any; none when the deadline has passed.
async fn wait_for(dx: &Dx, req: &ReceiveMessage, deadline: Instant) -> Result<Vec<Given>, Fault> {
    let mut clock_moves = dx.cloud().clock_moves();
    loop {
        // Read anew each time: while we waited, the queue may have changed or gone.
        let known = dx.read(|cx| known::by_url(cx, &req.url))?;
        let desk = desk::of(dx.cloud(), &known)?;
        // Registered before the look: what arrives after it wakes us.
        let mut arrived = pin!(desk.arrivals.notified());
        arrived.as_mut().enable();
        clock_moves.mark_unchanged();
        let Some(given) = take(dx, req, &known, &desk).await? else { continue };
        if !given.is_empty() || Instant::now() >= deadline {
            return Ok(given);
        }
        let nap = async {
            match desk.with(|dispatcher| dispatcher.next_due()) {
                Some(at) => tokio::time::sleep(at.since(dx.cloud().clock().now())).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = arrived => {}
            () = nap => {}
            moved = clock_moves.changed() => {
                if moved.is_err() {
                    return Ok(Vec::new());
                }
            }
            () = tokio::time::sleep_until(deadline) => {}
        }
    }
}

/// One look into the queue; none where it has to be repeated.
async fn take(
    dx: &Dx,
    req: &ReceiveMessage,
    known: &Known,
    desk: &Arc<Desk>,
) -> Result<Option<Vec<Given>>, Fault> {
    let now = dx.cloud().clock().now();
    let seconds = req.visibility.unwrap_or(known.visibility.into()).unsigned_abs();
    let visibility = Duration::from_secs(seconds);
    if let Some(attempt) = &req.attempt
        && let Some(given) = desk.repeat(attempt, now.plus(visibility), now)
    {
        return receiving::give(dx, known, desk, given, Vec::new()).await;
    }
    let dead_letters = dx.read(|cx| receiving::dead_letter_queue(cx, known))?;
    let asked = Asked {
        max: usize::try_from(req.max.unwrap_or(1)).unwrap_or(1),
        now,
        visibility,
        receives_max: dead_letters.as_ref().map(|(_, receives_max)| *receives_max),
        in_flight_max: IN_FLIGHT_MAX,
    };
    desk.expire(now.minus(known.retention()));
    let taken = desk.with(|dispatcher| dispatcher.take(&asked, || dx.cloud().rng().u64()));
    if taken.over_limit && !known.is_fifo() {
        return Err(SqsError::OverLimit("Too many messages in flight.".into()).into());
    }
    if taken.given.is_empty() && taken.dead.is_empty() {
        return Ok(Some(Vec::new()));
    }
    let leases: Vec<(Seq, Lease)> = taken.given.clone();
    let dead = dead_letters
        .into_iter()
        .flat_map(|(queue, _)| taken.dead.iter().map(move |(seq, lease)| (Arc::clone(&queue), *seq, *lease)));
    let Some(given) = receiving::give(dx, known, desk, taken.given, dead.collect()).await? else {
        return Ok(None);
    };
    // All that was taken went to the dead-letter queue, or was deleted meanwhile: there may be more behind it.
    if given.is_empty() {
        return Ok(None);
    }
    if let Some(attempt) = &req.attempt {
        desk.remember(attempt, now, leases);
    }
    Ok(Some(given))
}

fn view(req: &ReceiveMessage, given: Given) -> MessageView {
    let Given { queue, seq, lease, message, content } = given;
    let chosen = || content.attributes.iter().filter(|(name, _)| req.wants(name));
    let attributes: Vec<(String, AttributeView)> =
        chosen().map(|(name, attribute): (&String, &Attribute)| (name.clone(), attribute.view())).collect();
    let system = system_attributes(req, &message, &lease);
    MessageView {
        handle: Handle { queue, seq, nonce: lease.nonce }.text(),
        attributes_digest: digest::of_attributes(chosen()),
        attributes: Some(Pairs(attributes)).filter(|pairs| !pairs.0.is_empty()),
        system: Some(Pairs(system)).filter(|pairs| !pairs.0.is_empty()),
        id: message.id,
        body_digest: message.body_digest,
        body: content.body,
    }
}

fn system_attributes(req: &ReceiveMessage, message: &Message, lease: &Lease) -> Vec<(String, String)> {
    let millis = |time: base::Timestamp| (time.micros() / 1000).to_string();
    let all = [
        ("SenderId", Some(message.sender.clone())),
        ("ApproximateFirstReceiveTimestamp", Some(millis(lease.first))),
        ("ApproximateReceiveCount", Some(lease.count.to_string())),
        ("SentTimestamp", Some(millis(message.sent))),
        ("SequenceNumber", message.number.map(number_text)),
        ("MessageDeduplicationId", message.deduplication.clone()),
        ("MessageGroupId", message.group.clone()),
        ("AWSTraceHeader", message.trace.clone()),
        ("DeadLetterQueueSourceArn", message.dead_letter_source.clone()),
    ];
    let wanted = all.into_iter().filter(|(name, _)| req.wants_system(name));
    wanted.filter_map(|(name, text)| Some((name.to_owned(), text?))).collect()
}
