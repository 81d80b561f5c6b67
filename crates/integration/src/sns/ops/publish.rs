//! Publish and PublishBatch.

use crate::sns::access;
use crate::sns::errors::{SnsError, invalid};
use crate::sns::mailbox;
use crate::sns::model::{self, Letter};
use crate::sns::publishing::{self, AttributeValue, BYTES_MAX, Draft, Published};
use crate::sns::push;
use crate::sns::text;
use kernel::Cx;
use std::collections::HashSet;
use wire::{Fault, Pairs};

kernel::ops! { pub(crate) static OPS:
    Publish: [event] publish, "sns:Publish", access::publish;
    PublishBatch: [event] publish_batch, "sns:Publish", access::topic;
}

const ENTRIES_MAX: usize = 10;
const ID_CHARS_MAX: usize = 80;

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct Publish {
        topic: Option<String> = "TopicArn",
        target: Option<String> = "TargetArn",
        phone: Option<String> = "PhoneNumber",
        message: String = "Message",
        subject: Option<String> = "Subject",
        structure: Option<String> = "MessageStructure",
        attributes: Pairs<AttributeValue> = "MessageAttributes",
        deduplication: Option<String> = "MessageDeduplicationId",
        group: Option<String> = "MessageGroupId",
    }

    #[derive(Debug)]
    pub(crate) struct PublishBatch {
        topic: String = "TopicArn",
        entries: Vec<Entry> = "PublishBatchRequestEntries",
    }

    #[derive(Debug)]
    pub(crate) struct Entry {
        id: String = "Id",
        message: String = "Message",
        subject: Option<String> = "Subject",
        structure: Option<String> = "MessageStructure",
        attributes: Pairs<AttributeValue> = "MessageAttributes",
        deduplication: Option<String> = "MessageDeduplicationId",
        group: Option<String> = "MessageGroupId",
    }

    #[derive(Debug)]
    pub(crate) struct PublishedMessage {
        message_id: String = "MessageId",
        number: Option<String> = "SequenceNumber",
    }

    #[derive(Debug)]
    pub(crate) struct PublishedEntry {
        id: String = "Id",
        message_id: String = "MessageId",
        number: Option<String> = "SequenceNumber",
    }

    #[derive(Debug)]
    pub(crate) struct FailedEntry {
        id: String = "Id",
        code: String = "Code",
        message: Option<String> = "Message",
        sender_fault: bool = "SenderFault",
    }

    #[derive(Debug)]
    pub(crate) struct PublishedBatch {
        successful: Vec<PublishedEntry> = "Successful",
        failed: Vec<FailedEntry> = "Failed",
    }
}

fn publish(cx: &mut Cx<'_>, req: Publish) -> Result<PublishedMessage, SnsError> {
    let Publish { topic, target, phone, message, subject, structure, attributes, deduplication, group } = req;
    let draft = Draft { message, subject, structure, attributes, group, deduplication };
    let arn = match (topic.or(target), phone) {
        (Some(arn), None) => arn,
        (None, Some(phone)) => return by_telephone(cx, phone, draft),
        _ => return Err(invalid("TopicArn or TargetArn Reason: no value for required parameter")),
    };
    if arn.contains(":endpoint/") {
        return to_endpoint(cx, &arn, draft);
    }
    let topic = model::topic(cx, &arn)?;
    let parcel = draft.check()?;
    let Published { message_id, number } = publishing::publish(cx, &topic, &parcel)?;
    Ok(PublishedMessage { message_id, number })
}

/// A letter of who calls.
fn letter(cx: &Cx<'_>, protocol: &str, to: String, body: &str) -> Letter {
    Letter {
        account: cx.account,
        region: cx.region,
        protocol: protocol.to_owned(),
        to,
        body: body.to_owned(),
        time: cx.now,
        message_id: base::id::uuid(cx.rng()),
        ..Letter::default()
    }
}

/// A text message stays in the mailbox: nothing leaves the cloud.
fn by_telephone(cx: &mut Cx<'_>, phone: String, draft: Draft) -> Result<PublishedMessage, SnsError> {
    if text::number(&phone).is_err() {
        return Err(invalid(format!("PhoneNumber Reason: {phone} is not valid to publish to")));
    }
    let parcel = draft.check()?;
    let letter = letter(cx, "sms", phone, parcel.body("sms"));
    let message_id = letter.message_id.clone();
    text::deliver(cx.tx, letter, &parcel.attributes, "")?;
    Ok(PublishedMessage { message_id, number: None })
}

/// And so does what goes to a mobile device.
fn to_endpoint(cx: &mut Cx<'_>, arn: &str, draft: Draft) -> Result<PublishedMessage, SnsError> {
    let (place, id) = push::Place::of_endpoint(arn, "TargetArn")?;
    push::open(cx.tx, &place, &id)?;
    let parcel = draft.check_for(&place.platform)?;
    let letter = Letter {
        account: place.account,
        region: place.region,
        subject: parcel.subject.clone(),
        ..letter(cx, "application", arn.to_owned(), parcel.body(&place.platform))
    };
    mailbox::put(cx.tx, &letter, "");
    Ok(PublishedMessage { message_id: letter.message_id, number: None })
}

fn check_ids(entries: &[Entry]) -> Result<(), SnsError> {
    if entries.is_empty() {
        return Err(SnsError::EmptyBatch);
    }
    if entries.len() > ENTRIES_MAX {
        return Err(SnsError::TooManyEntries);
    }
    let good = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    let mut seen = HashSet::new();
    for entry in entries {
        if entry.id.is_empty() || entry.id.len() > ID_CHARS_MAX || !entry.id.bytes().all(good) {
            return Err(SnsError::BatchId);
        }
        if !seen.insert(entry.id.as_str()) {
            return Err(SnsError::BatchIdTwice);
        }
    }
    Ok(())
}

fn publish_batch(cx: &mut Cx<'_>, req: PublishBatch) -> Result<PublishedBatch, SnsError> {
    let topic = model::topic(cx, &req.topic)?;
    check_ids(&req.entries)?;
    let mut parcels = Vec::with_capacity(req.entries.len());
    for Entry { id, message, subject, structure, attributes, deduplication, group } in req.entries {
        let no_id = deduplication.is_none() && !topic.content_deduplication;
        if topic.is_fifo() && group.is_none() {
            return Err(invalid("The MessageGroupId parameter is required for FIFO topics"));
        }
        if topic.is_fifo() && no_id {
            return Err(publishing::no_deduplication());
        }
        let draft = Draft { message, subject, structure, attributes, group, deduplication };
        // As recorded: an entry that is no message refuses the whole batch.
        parcels.push((id, draft.check()?));
    }
    if parcels.iter().map(|(_, parcel)| parcel.size).sum::<usize>() > BYTES_MAX {
        return Err(SnsError::LongBatch);
    }
    let (mut successful, mut failed) = (Vec::new(), Vec::new());
    for (id, parcel) in parcels {
        match publishing::publish(cx, &topic, &parcel) {
            Ok(Published { message_id, number }) => {
                successful.push(PublishedEntry { id, message_id, number });
            }
            Err(error) => {
                let fault = Fault::from(error);
                let sender_fault = fault.is_sender();
                failed.push(FailedEntry { id, code: fault.code, message: Some(fault.message), sender_fault });
            }
        }
    }
    Ok(PublishedBatch { successful, failed })
}
