//! The event bus: what services tell each other of what has happened.
//!
//! An event is written in the transaction that it tells of (an outbox), and leaves the outbox once every
//! [`Subscriber`] has taken it: at least once, after a crash perhaps twice, never lost, never invented.

use crate::cloud::Cloud;
use crate::reconcile::Reconciler;
use base::{AccountId, Region, Timestamp};
use std::sync::Arc;
use store::{Key, Table, Tx};
use wire::Value;

store::record! {
    /// In the documented envelope of EventBridge.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Event {
        1 => pub id: String,
        2 => pub time: Timestamp,
        3 => pub account: AccountId,
        4 => pub region: String,
        /// `aws.kms`
        5 => pub source: String,
        /// `KMS CMK Rotation`
        6 => pub detail_type: String,
        7 => pub resources: Vec<String>,
        /// A JSON object.
        8 => pub detail: String,
        /// Names of the subscribers that have it, while another has refused it.
        9 => pub taken: Vec<String>,
    }
}

const OUTBOX: Table<Event> = Table::new(0x0002, "kernel/outbox");

/// How many events one run takes out, so that a transaction stays small.
const BATCH: usize = 256;

/// Takes every event of the cloud, and keeps what is for it.
pub trait Subscriber: Send + Sync + std::fmt::Debug {
    fn name(&self) -> &'static str;

    /// Takes one event, durably if it matters: once this returns, the event is gone.
    ///
    /// # Errors
    /// A sentence for the log; the event is offered again.
    fn take(&self, cloud: &Arc<Cloud>, event: &Event) -> Result<(), String>;

    /// Whether it wants to be told of API calls of an account in a region. Asked on every change.
    fn wants_calls(&self, _: &Cloud, _: (AccountId, Region)) -> bool {
        false
    }
}

/// Of what an event tells, and where it happened.
#[derive(Clone, Debug)]
pub struct News<'a> {
    pub account: AccountId,
    pub region: &'a str,
    /// `aws.kms`
    pub source: &'static str,
    /// `KMS CMK Rotation`
    pub detail_type: &'static str,
    pub resources: Vec<String>,
    pub detail: &'a Value,
}

impl Cloud {
    /// Puts an event on its way in a transaction of a reconciler; handlers use [`crate::Cx::emit`].
    pub fn emit(&self, tx: &mut Tx, at: Timestamp, news: News<'_>) {
        let event = Event {
            id: base::id::uuid(self.rng()),
            time: at,
            account: news.account,
            region: news.region.to_owned(),
            source: news.source.to_owned(),
            detail_type: news.detail_type.to_owned(),
            resources: news.resources,
            detail: wire::json::text(news.detail),
            taken: Vec::new(),
        };
        post(tx, &event);
    }
}

pub(crate) fn post(tx: &mut Tx, event: &Event) {
    OUTBOX.put(tx, &Key::global().time(event.time).str(&event.id), event);
}

/// Empties the outbox into the subscribers.
#[derive(Debug)]
pub(crate) struct Delivery;

impl Reconciler for Delivery {
    fn name(&self) -> &'static str {
        "event delivery"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        vec![OUTBOX.stored_key(&Key::empty())]
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        let mut after = None;
        let mut problem = None;
        loop {
            let page = OUTBOX.page(&cloud.store().snapshot(), &Key::empty(), after.as_ref(), BATCH);
            let page = page.map_err(|e| e.to_string())?;
            // Only deletes and own records, so that it cannot lose to those who put events in meanwhile.
            let mut tx = cloud.store().begin();
            for (key, mut event) in page.items {
                let before = event.taken.len();
                match deliver(cloud, &mut event) {
                    Ok(()) => OUTBOX.delete(&mut tx, &key),
                    Err(why) => {
                        if event.taken.len() > before {
                            OUTBOX.put(&mut tx, &key, &event);
                        }
                        problem.get_or_insert(why);
                    }
                }
            }
            tx.commit().wait().map_err(|e| e.to_string())?;
            after = page.next;
            if after.is_none() {
                return problem.map_or(Ok(None), Err);
            }
        }
    }
}

/// Offers an event to every subscriber that has not taken it; one that refuses does not hold up the others.
fn deliver(cloud: &Arc<Cloud>, event: &mut Event) -> Result<(), String> {
    let mut outcome = Ok(());
    for subscriber in cloud.subscribers() {
        let name = subscriber.name();
        if event.taken.iter().any(|taken| taken == name) {
            continue;
        }
        match subscriber.take(cloud, event) {
            Ok(()) => event.taken.push(name.to_owned()),
            Err(why) => outcome = Err(format!("{name}: {why}")),
        }
    }
    outcome
}
