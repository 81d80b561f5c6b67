//! The topics of stacks hear of their events, in their order.

use super::step::commit;
use crate::cloudformation::model::{NOTES, Note, SERVICE, open_text};
use base::Timestamp;
use kernel::reconcile::Reconciler;
use kernel::{As, Cloud, Whom};
use std::sync::Arc;
use store::{Direction, Key, Tx};
use wire::{Fault, Value};

/// AWS: of every one.
const SUBJECT: &str = "AWS CloudFormation Notification";

#[derive(Debug)]
pub struct Notify;

impl Reconciler for Notify {
    fn name(&self) -> &'static str {
        "cloudformation notifications"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        vec![NOTES.stored_key(&Key::empty())]
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        let snapshot = cloud.store().snapshot();
        for entry in NOTES.scan(&snapshot, &Key::empty(), Direction::Forward) {
            let (key, note) = entry.map_err(|e| e.to_string())?;
            loop {
                let mut tx = cloud.store().begin();
                if let Err(fault) = publish(cloud, &mut tx, &note) {
                    // A topic that does not take it misses it, as at AWS.
                    let said = [("topic", note.topic.as_str()), ("problem", fault.message.as_str())];
                    kernel::log::warn("a topic does not hear of a stack", &said);
                }
                NOTES.delete(&mut tx, &key);
                if commit(tx)? {
                    break;
                }
            }
        }
        Ok(None)
    }
}

fn publish(cloud: &Arc<Cloud>, tx: &mut Tx, note: &Note) -> Result<(), Fault> {
    let token = note.sealed_token.as_ref().and_then(|sealed| open_text(cloud, sealed));
    let (whom, who) = match &note.role {
        Some(arn) => (Whom::Role { arn, account: note.account, source: None }, As::Caller),
        None => {
            let token = token.as_deref();
            (Whom::Caller { access_key: &note.access_key, token }, As::CallerVia(SERVICE))
        }
    };
    let members = [
        ("TopicArn", Value::str(&note.topic)),
        ("Subject", Value::str(SUBJECT)),
        ("Message", Value::str(&note.message)),
    ];
    let input = Value::Struct(members.into_iter().collect());
    let done =
        cloud.act_for(tx, SERVICE, whom, note.region, None, |cx| cx.call("sns", "Publish", input, who));
    done?.map(drop)
}
