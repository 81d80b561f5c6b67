//! SendMessage and SendMessageBatch.

use super::batch::{self, Failed};
use crate::sqs::access;
use crate::sqs::content::{AttributeValue, Draft};
use crate::sqs::errors::SqsError;
use crate::sqs::model::known::{self, Known};
use crate::sqs::model::queue::MESSAGE_BYTES_MAX;
use crate::sqs::sending::{self, Sent};
use kernel::Cx;
use wire::Pairs;

kernel::ops! { pub(crate) static OPS:
    SendMessage: [event] send_message, "sqs:SendMessage", access::queue;
    SendMessageBatch: [event] send_batch, "sqs:SendMessage", access::queue;
}

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct SendMessage {
        url: String = "QueueUrl",
        body: String = "MessageBody",
        delay: Option<i64> = "DelaySeconds",
        attributes: Pairs<AttributeValue> = "MessageAttributes",
        system: Pairs<AttributeValue> = "MessageSystemAttributes",
        deduplication: Option<String> = "MessageDeduplicationId",
        group: Option<String> = "MessageGroupId",
    }

    #[derive(Debug)]
    pub(crate) struct SendBatch {
        url: String = "QueueUrl",
        entries: Vec<Entry> = "Entries",
    }

    #[derive(Debug)]
    pub(crate) struct Entry {
        id: String = "Id",
        body: String = "MessageBody",
        delay: Option<i64> = "DelaySeconds",
        attributes: Pairs<AttributeValue> = "MessageAttributes",
        system: Pairs<AttributeValue> = "MessageSystemAttributes",
        deduplication: Option<String> = "MessageDeduplicationId",
        group: Option<String> = "MessageGroupId",
    }

    #[derive(Debug)]
    pub(crate) struct SentMessage {
        body_digest: String = "MD5OfMessageBody",
        attributes_digest: Option<String> = "MD5OfMessageAttributes",
        system_digest: Option<String> = "MD5OfMessageSystemAttributes",
        id: String = "MessageId",
        number: Option<String> = "SequenceNumber",
    }

    #[derive(Debug)]
    pub(crate) struct SentEntry {
        entry: String = "Id",
        id: String = "MessageId",
        body_digest: String = "MD5OfMessageBody",
        attributes_digest: Option<String> = "MD5OfMessageAttributes",
        system_digest: Option<String> = "MD5OfMessageSystemAttributes",
        number: Option<String> = "SequenceNumber",
    }

    #[derive(Debug)]
    pub(crate) struct SentBatch {
        successful: Vec<SentEntry> = "Successful",
        failed: Vec<Failed> = "Failed",
    }
}

fn send_message(cx: &mut Cx<'_>, req: SendMessage) -> Result<SentMessage, SqsError> {
    let known = known::by_url(cx, &req.url)?;
    let SendMessage { body, delay, attributes, system, deduplication, group, .. } = req;
    let parcel = Draft { body, attributes, system, delay, group, deduplication }.check()?;
    let Sent { id, body_digest, attributes_digest, system_digest, number } =
        sending::send(cx, &known, parcel)?;
    Ok(SentMessage { body_digest, attributes_digest, system_digest, id, number })
}

fn send_batch(cx: &mut Cx<'_>, req: SendBatch) -> Result<SentBatch, SqsError> {
    let known = known::by_url(cx, &req.url)?;
    batch::check(req.entries.iter().map(|entry| entry.id.as_str()), "SendMessageBatchRequestEntry")?;
    check_as_a_whole(&known, &req.entries)?;
    let (mut successful, mut failed) = (Vec::new(), Vec::new());
    for Entry { id: entry, body, delay, attributes, system, deduplication, group } in req.entries {
        let draft = Draft { body, attributes, system, delay, group, deduplication };
        match draft.check().and_then(|parcel| sending::send(cx, &known, parcel)) {
            Ok(Sent { id, body_digest, attributes_digest, system_digest, number }) => {
                successful.push(SentEntry {
                    entry,
                    id,
                    body_digest,
                    attributes_digest,
                    system_digest,
                    number,
                });
            }
            Err(error) if sending::is_of_all(&error) => return Err(error),
            Err(error) => failed.push(Failed::of(entry, error)),
        }
    }
    Ok(SentBatch { successful, failed })
}

/// What makes AWS refuse a whole batch: its size, and a FIFO queue's entries that name no group.
fn check_as_a_whole(known: &Known, entries: &[Entry]) -> Result<(), SqsError> {
    let max = u64::from(MESSAGE_BYTES_MAX);
    let bytes: u64 = entries.iter().map(size).sum();
    if bytes > max {
        return Err(SqsError::LongBatch(max, bytes));
    }
    if !known.is_fifo() {
        return Ok(());
    }
    if entries.iter().any(|entry| entry.group.is_none()) {
        return Err(SqsError::Invalid("The request must contain the parameter MessageGroupId.".into()));
    }
    if !known.content_deduplication && entries.iter().any(|entry| entry.deduplication.is_none()) {
        return Err(sending::no_deduplication());
    }
    Ok(())
}

fn size(entry: &Entry) -> u64 {
    let attribute = |(name, value): &(String, AttributeValue)| {
        let text = value.text.as_ref().map_or(0, String::len);
        let binary = value.binary.as_ref().map_or(0, bytes::Bytes::len);
        name.len() + value.data_type.as_ref().map_or(0, String::len) + text + binary
    };
    (entry.body.len() + entry.attributes.0.iter().map(attribute).sum::<usize>()) as u64
}
