//! Asks the macros of templates that come in calls from within, in the stead of whoever makes these.

use super::step::commit;
use crate::cloudformation::macros::{INQUIRIES, Inquiry};
use crate::cloudformation::model::{SERVICE, open_text};
use base::Timestamp;
use kernel::reconcile::Reconciler;
use kernel::{Body, Cloud, Whom};
use std::sync::Arc;
use std::time::Duration;
use store::{Direction, Key};
use wire::Value;

/// What nobody has come for by then is asked no more: whoever comes later hears of that time.
const KEPT: Duration = Duration::from_secs(60 * 60);

#[derive(Debug)]
pub struct Inquire;

impl Reconciler for Inquire {
    fn name(&self) -> &'static str {
        "cloudformation macros"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        vec![INQUIRIES.stored_key(&Key::empty())]
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        let (snapshot, mut next) = (cloud.store().snapshot(), None);
        for entry in INQUIRIES.scan(&snapshot, &Key::empty(), Direction::Forward) {
            let (key, inquiry) = entry.map_err(|e| e.to_string())?;
            let ends = inquiry.at.plus(KEPT);
            if ends <= cloud.clock().now() {
                let mut tx = cloud.store().begin();
                INQUIRIES.delete(&mut tx, &key);
                commit(tx)?;
                continue;
            }
            next = Some(next.map_or(ends, |earlier: Timestamp| earlier.min(ends)));
            if inquiry.said().is_none() {
                answer(cloud, &key, &inquiry)?;
            }
        }
        Ok(next)
    }
}

/// Asks, and writes down what was said, as long as somebody wants to know.
fn answer(cloud: &Arc<Cloud>, key: &Key, inquiry: &Inquiry) -> Result<(), String> {
    let said = cloud.wait(ask(cloud, inquiry));
    loop {
        let mut tx = cloud.store().begin();
        let Some(mut now) = INQUIRIES.get(&tx, key).map_err(|e| e.to_string())? else { return Ok(()) };
        match &said {
            Ok(fragment) => now.answer = Some(wire::json::text(fragment)),
            Err(why) => now.why = Some(why.clone()),
        }
        INQUIRIES.put(&mut tx, key, &now);
        if commit(tx)? {
            return Ok(());
        }
    }
}

async fn ask(cloud: &Arc<Cloud>, inquiry: &Inquiry) -> Result<Value, String> {
    let question = inquiry.question();
    let id = base::id::uuid(cloud.rng());
    let token = inquiry.sealed_token.as_ref().and_then(|sealed| open_text(cloud, sealed));
    let whom = match &inquiry.role {
        Some(arn) => Whom::Role { arn, account: inquiry.account, source: None },
        None => Whom::Caller { access_key: &inquiry.access_key, token: token.as_deref() },
    };
    let call = question.call(inquiry.account, inquiry.region, &id);
    let answer = cloud.stream_call_for(SERVICE, whom, inquiry.region, call, Body::empty()).await;
    question.answered(answer.map(|answer| answer.value), &id)
}
