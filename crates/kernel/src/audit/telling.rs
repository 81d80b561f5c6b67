//! API calls on the event bus, for accounts in which somebody listens: as CloudTrail records them.
//!
//! A call that changes something is told of in its own transaction; one that was refused in a small one of its own, so
//! that a crash may lose it, as it may lose its record. Reads are not told of, nor is what services do in their own name.
//!
//! AWS: <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html>. There a trail is
//! needed; here the event history is enough.

use super::entry::{Entry, Note};
use crate::bus::{self, Event};
use crate::cloud::Cloud;
use base::Region;
use store::Tx;
use store::field::{Field, Input};

const DETAIL_TYPE: &str = "AWS API Call via CloudTrail";
const DOMAIN: &str = ".amazonaws.com";

/// A call in CloudTrail's words.
#[derive(Clone, Debug)]
pub struct Record {
    /// `iam.amazonaws.com`
    pub source: String,
    /// JSON.
    pub text: String,
}

/// Who writes records.
pub trait Recorder: Send + Sync + std::fmt::Debug {
    /// None of what no rule is told of: reads, and data events.
    fn record(&self, entry: &Entry) -> Option<Record>;
}

impl Cloud {
    fn has_listeners(&self, note: &Note<'_>) -> bool {
        let Some(region) = Region::parse(note.region) else { return false };
        self.subscribers().iter().any(|subscriber| subscriber.wants_calls(self, (note.account, region)))
    }

    /// Puts the event of a call on its way, if anybody listens.
    pub(crate) fn tell_of_call(&self, tx: &mut Tx, note: &Note<'_>) {
        if !self.has_listeners(note) {
            return;
        }
        let Some(entry) = Entry::read(Input::new(&note.encode(0))).ok() else { return };
        let Some(record) = self.recorder.and_then(|recorder| recorder.record(&entry)) else { return };
        let service = record.source.strip_suffix(DOMAIN).unwrap_or(&record.source);
        let event = Event {
            id: base::id::uuid(self.rng()),
            time: note.time,
            account: note.account,
            region: note.region.to_owned(),
            source: format!("aws.{service}"),
            detail_type: DETAIL_TYPE.to_owned(),
            resources: Vec::new(),
            detail: record.text,
            taken: Vec::new(),
        };
        bus::post(tx, &event);
    }

    /// As [`Cloud::tell_of_call`], of a call that has no transaction.
    pub(crate) async fn tell_apart(&self, note: &Note<'_>) {
        let mut tx = self.store().begin();
        self.tell_of_call(&mut tx, note);
        if !tx.is_read_only()
            && let Err(error) = tx.commit().await
        {
            crate::log::error("a call could not be told of", &[("problem", &error.to_string())]);
        }
    }
}
