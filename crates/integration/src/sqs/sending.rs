//! How a message gets into a queue.

use super::content::Parcel;
use super::desk;
use super::digest;
use super::dispatch::Seq;
use super::errors::SqsError;
use super::metering::Happened;
use super::model::known::Known;
use super::model::message::{Attribute, Content, FORGET, Forget, Message, USED, Used, used_key};
use super::sealing;
use aws_lc_rs::digest::{SHA256, digest as sha};
use base::Timestamp;
use kernel::Cx;
use std::sync::Arc;
use std::time::Duration;
use store::{Key, Tx};

/// AWS: the developer guide, "Using the message deduplication ID": for so long an id is known.
pub(crate) const DEDUPLICATION_LIFE: Duration = Duration::from_secs(300);
/// AWS's sequence numbers have twenty digits.
const NUMBER_BASE: u128 = 18_800_000_000_000_000_000;
const DELAY_MAX: i64 = 900;

/// What a sender is told.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) id: String,
    pub(crate) body_digest: String,
    pub(crate) attributes_digest: Option<String>,
    pub(crate) system_digest: Option<String>,
    pub(crate) number: Option<String>,
}

/// Errors that are about the queue or its key, and so about every entry of a batch.
pub(crate) fn is_of_all(error: &SqsError) -> bool {
    matches!(
        error,
        SqsError::KmsDenied(_)
            | SqsError::KmsDisabled(_)
            | SqsError::KmsNotFound(_)
            | SqsError::KmsState(_)
            | SqsError::KmsUsage(_)
            | SqsError::Internal
    )
}

pub(crate) fn no_deduplication() -> SqsError {
    SqsError::Invalid(
        "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly"
            .into(),
    )
}

pub(crate) fn number_text(number: u64) -> String {
    (NUMBER_BASE + u128::from(number)).to_string()
}

/// Puts a message into its queue.
///
/// # Errors
/// `InvalidParameterValue`, `MissingParameter`, those of KMS.
pub(crate) fn send(cx: &mut Cx<'_>, known: &Known, parcel: Parcel) -> Result<Sent, SqsError> {
    let visible_at = check(cx, known, &parcel)?;
    let mut sent = Sent {
        id: base::id::uuid(cx.rng()),
        body_digest: digest::of_body(&parcel.body),
        attributes_digest: digest::of_attributes(parcel.attributes.iter()),
        system_digest: system_digest(parcel.trace.as_ref()),
        number: None,
    };
    let deduplication = if known.is_fifo() { Some(deduplication(known, &parcel)?) } else { None };
    if let Some((group, id)) = &deduplication
        && let Some(used) = USED.get(cx.tx, &used_key(known.uid, group, id))?
        && used.at.plus(DEDUPLICATION_LIFE) > cx.now
    {
        (sent.id, sent.number) = (used.message_id, Some(number_text(used.number)));
        desk::of(cx.cloud(), known)?.note(Happened::Deduplicated, cx.now);
        return Ok(sent);
    }
    let Parcel { body, attributes, trace, group, size, .. } = parcel;
    let (content, sealing) = sealing::seal(cx, known, &Content { body, attributes })?;
    let deduplication_id = deduplication.as_ref().map(|(_, id)| id.clone());
    let envelope = Message {
        id: sent.id.clone(),
        sent: cx.now,
        visible_at,
        content,
        sealing,
        body_digest: sent.body_digest.clone(),
        sender: cx.caller.user_id.clone(),
        group,
        deduplication: deduplication_id,
        // AWS: what a message says itself goes before what came with the request.
        trace: trace.and_then(|attribute| attribute.text).or_else(|| cx.request.chain.clone()),
        dead_letter_source: None,
        size,
        number: None,
    };
    let cloud = Arc::clone(cx.cloud());
    let seq = enter(cx.tx, &cloud, known, envelope, cx.now)?;
    desk::of(&cloud, known)?.note_after(cx.tx, Happened::Sent { bytes: size }, cx.now);
    if let Some((group, id)) = deduplication {
        note_use(cx.tx, known.uid, (&group, &id), &sent.id, seq, cx.now);
        sent.number = Some(number_text(seq));
    }
    Ok(sent)
}

/// Gives a message its place in a queue, and writes it.
///
/// # Errors
/// The store's.
pub(crate) fn enter(
    tx: &mut Tx,
    cloud: &kernel::Cloud,
    known: &Known,
    envelope: Message,
    now: Timestamp,
) -> Result<Seq, SqsError> {
    let desk = desk::of(cloud, known)?;
    let group = envelope.group.clone();
    let numbered = known.is_fifo();
    Ok(desk.send(tx, now, group.as_deref(), |seq| Message { number: numbered.then_some(seq), ..envelope }))
}

fn note_use(tx: &mut Tx, queue: u64, (group, id): (&str, &str), message_id: &str, seq: Seq, now: Timestamp) {
    let used = Used { at: now, message_id: message_id.to_owned(), number: seq };
    USED.put(tx, &used_key(queue, group, id), &used);
    let forget = Forget { queue, group: group.to_owned(), id: id.to_owned(), at: now };
    FORGET.put(tx, &Key::global().time(now.plus(DEDUPLICATION_LIFE)).u64(queue).u64(seq), &forget);
}

/// Checks what a message says against its queue; returns when it becomes visible.
fn check(cx: &Cx<'_>, known: &Known, parcel: &Parcel) -> Result<Timestamp, SqsError> {
    if parcel.size > known.bytes_max.into() {
        let max = known.bytes_max;
        return Err(SqsError::Invalid(format!(
            "One or more parameters are invalid. Reason: Message must be shorter than {max} bytes."
        )));
    }
    if known.is_fifo() {
        // AWS takes the zero that some clients always say.
        if let Some(delay) = parcel.delay.filter(|delay| *delay != 0) {
            let reason = "The request include parameter that is not valid for this queue type.";
            return Err(SqsError::value(delay, "DelaySeconds", reason));
        }
        if parcel.group.is_none() {
            return Err(SqsError::Missing("MessageGroupId"));
        }
    } else if parcel.deduplication.is_some() {
        return Err(SqsError::Invalid(
            "The request include parameter MessageDeduplicationId which is not valid for this queue type"
                .into(),
        ));
    }
    let delay = parcel.delay.unwrap_or(known.delay.into());
    if !(0..=DELAY_MAX).contains(&delay) {
        return Err(SqsError::value(delay, "DelaySeconds", "DelaySeconds must be >= 0 and <= 900."));
    }
    Ok(cx.now.plus(Duration::from_secs(delay.unsigned_abs())))
}

/// Group and id by which a message to a FIFO queue is told from another; the group is empty where ids are of the
/// whole queue.
fn deduplication(known: &Known, parcel: &Parcel) -> Result<(String, String), SqsError> {
    let id = match &parcel.deduplication {
        Some(id) => id.clone(),
        None if known.content_deduplication => hex(sha(&SHA256, parcel.body.as_bytes()).as_ref()),
        None => return Err(no_deduplication()),
    };
    let group = parcel.group.as_ref().filter(|_| known.deduplicates_by_group);
    Ok((group.cloned().unwrap_or_default(), id))
}

fn hex(bytes: &[u8]) -> String {
    let nibbles = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    nibbles.filter_map(|nibble| char::from_digit(nibble.into(), 16)).collect()
}

fn system_digest(trace: Option<&Attribute>) -> Option<String> {
    let name = "AWSTraceHeader".to_owned();
    digest::of_attributes(trace.map(|attribute| (&name, attribute)).into_iter())
}
