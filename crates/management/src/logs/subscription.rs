//! What subscription filters make of the events that come in: they go to functions, compressed, in the transaction's wake.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html>

use super::errors::{LogsError, invalid};
use super::metering;
use super::model::account_policy::{ACCOUNT_POLICIES, AccountPolicy, of_account};
use super::model::group::{Group, group_arn};
use super::model::subscription::{DELIVERIES, Delivery, Events, SUBSCRIPTIONS, Sent, Subscription, of_group};
use super::pattern::Pattern;
use super::sealing;
use base::{AccountId, Region, Timestamp};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use kernel::reconcile::Reconciler;
use kernel::{Call, Cloud, Cx, due};
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;
use store::{Key, StoreError, Tx};
use wire::{Fault, Value};

pub(super) const NAME: &str = "logs.amazonaws.com";
/// Of the messages of one call.
const BYTES_MAX: usize = 128 << 10;
/// AWS: for so long a delivery is tried again.
const TRIED: Duration = Duration::from_secs(24 * 3_600);
/// AWS: for so long nothing is sent after the destination has refused something for good.
const OFF: Duration = Duration::from_secs(600);

/// Puts events on their way to those who want them: by the filters of their group and by the account's.
///
/// # Errors
/// The store's.
pub(super) fn send(
    cx: &mut Cx<'_>,
    group: &Group,
    stream: &str,
    events: impl FnOnce() -> Vec<Sent>,
) -> Result<(), LogsError> {
    let own = if group.subscriptions > 0 { of_group(cx.tx, group.id)? } else { Vec::new() };
    let mut all: Vec<(Subscription, bool)> = own.into_iter().map(|filter| (filter, false)).collect();
    let policies = of_account(cx.tx, cx.account, cx.region)?;
    let policies = policies.into_iter().filter(|policy| !policy.without.contains(&group.name));
    all.extend(policies.map(|policy| (policy.subscription(), true)));
    all.retain(|(filter, _)| filter.off_until.is_none_or(|until| until <= cx.now));
    if !all.is_empty() {
        put(cx, group, stream, &all, &events());
    }
    Ok(())
}

fn put(cx: &mut Cx<'_>, group: &Group, stream: &str, filters: &[(Subscription, bool)], events: &[Sent]) {
    for (filter, of_account) in filters {
        // It was read when it was put.
        let Ok(pattern) = Pattern::parse(&filter.pattern) else { continue };
        let wanted = events.iter().filter(|event| pattern.matches(&event.message));
        for events in portions(wanted) {
            let (events, hidden) = match group.kms_key {
                Some(_) => (Vec::new(), sealing::hide(cx.cloud(), &Events { all: events })),
                None => (events, Vec::new()),
            };
            let delivery = Delivery {
                account: cx.account,
                region: cx.region,
                group: group.name.clone(),
                group_id: group.id,
                stream: stream.to_owned(),
                filter: filter.name.clone(),
                destination: filter.destination.clone(),
                events,
                taken: cx.now,
                attempts: 0,
                number: cx.rng().u64(),
                hidden,
                of_account: *of_account,
            };
            delivery.put(cx.tx, cx.now);
        }
    }
}

fn portions<'e>(events: impl Iterator<Item = &'e Sent>) -> Vec<Vec<Sent>> {
    let (mut all, mut bytes) = (Vec::<Vec<Sent>>::new(), 0);
    for event in events {
        bytes += event.message.len();
        match all.last_mut().filter(|_| bytes <= BYTES_MAX) {
            Some(last) => last.push(event.clone()),
            None => {
                bytes = event.message.len();
                all.push(vec![event.clone()]);
            }
        }
    }
    all
}

/// What a function gets: the document, compressed, as text.
fn payload(document: &Value) -> Option<String> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(wire::json::text(document).as_bytes()).ok()?;
    let data = STANDARD.encode(encoder.finish().ok()?);
    Some(wire::json::text(&Value::map([("awslogs", Value::map([("data", Value::Str(data))]))])))
}

fn data(delivery: &Delivery, events: &[Sent]) -> Value {
    let event = |event: &Sent| {
        Value::map([
            ("id", Value::str(&event.id)),
            ("timestamp", Value::Int(event.time)),
            ("message", Value::str(&event.message)),
        ])
    };
    let mut members = vec![
        ("messageType", Value::str("DATA_MESSAGE")),
        ("owner", Value::str(delivery.account.as_str())),
        ("logGroup", Value::str(&delivery.group)),
        ("logStream", Value::str(&delivery.stream)),
        ("subscriptionFilters", Value::List(vec![Value::str(&delivery.filter)])),
        ("logEvents", Value::List(events.iter().map(event).collect())),
    ];
    if delivery.of_account {
        members.push(("policyLevel", Value::str("ACCOUNT_LEVEL_POLICY")));
    }
    Value::map(members)
}

fn invoke(function: &str, payload: String) -> Call<'static> {
    let members = [
        ("FunctionName", Value::str(function)),
        ("InvocationType", Value::str("Event")),
        ("Payload", Value::Blob(payload.into())),
    ];
    Call { service: "lambda", operation: "Invoke", value: Value::Struct(members.into_iter().collect()) }
}

/// For whose sake a function is called, as its policy may ask.
fn source(account: AccountId, region: &str, group: &str) -> String {
    format!("{}:*", group_arn(account, region, group))
}

/// Asks a function whether it can be called: it gets a control message.
///
/// # Errors
/// `InvalidParameterException` where it cannot.
pub(super) fn test(cx: &mut Cx<'_>, group: &str, function: &str) -> Result<(), LogsError> {
    let event = Value::map([
        ("id", Value::str("")),
        ("timestamp", Value::Int(super::model::event::millis(cx.now))),
        ("message", Value::str("CWL CONTROL MESSAGE: Checking health of destination Lambda.")),
    ]);
    let document = Value::map([
        ("messageType", Value::str("CONTROL_MESSAGE")),
        ("owner", Value::str("CloudwatchLogs")),
        ("logGroup", Value::str("")),
        ("logStream", Value::str("")),
        ("subscriptionFilters", Value::List(Vec::new())),
        ("logEvents", Value::List(vec![event])),
    ]);
    let payload = payload(&document).ok_or(LogsError::Unreadable)?;
    let source = source(cx.account, cx.region.name(), group);
    let account = cx.account;
    cx.call_for(&source, invoke(function, payload), NAME, account).map(drop).map_err(|_| {
        invalid("Could not execute the lambda function. Make sure you have given CloudWatch Logs permission to execute your function.")
    })
}

/// Calls the functions.
#[derive(Debug)]
pub struct Deliver;

impl Reconciler for Deliver {
    fn name(&self) -> &'static str {
        "logs subscriptions"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        vec![DELIVERIES.stored_key(&Key::empty())]
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        due::work_off(cloud, &DELIVERIES, |tx, delivery, now| {
            deliver(cloud, tx, delivery, now).map_err(|error| error.to_string())
        })
    }
}

/// Gives how many events went, and how many bytes.
fn reach(cloud: &Arc<Cloud>, tx: &mut Tx, delivery: &Delivery) -> Result<(usize, usize), Fault> {
    let hidden = match delivery.hidden.is_empty() {
        true => Events::default(),
        false => sealing::show(cloud, &delivery.hidden)?,
    };
    let events = if hidden.all.is_empty() { &delivery.events } else { &hidden.all };
    let Some(payload) = payload(&data(delivery, events)) else { return Ok((0, 0)) };
    let sent = (events.len(), payload.len());
    let Delivery { account, region, .. } = *delivery;
    let source = source(account, region.name(), &delivery.group);
    let place = (account, destination_region(&delivery.destination).unwrap_or(region));
    let call = invoke(&delivery.destination, payload);
    cloud.call_for(tx, NAME, place, Some(&source), call).map(|_| sent)
}

fn destination_region(arn: &str) -> Option<Region> {
    base::Arn::parse(arn).and_then(|arn| Region::parse(&arn.region))
}

/// Tries once; again later where that may help, for a day. AWS: what is refused for good is lost, and turns the filter off for a
/// while.
fn deliver(cloud: &Arc<Cloud>, tx: &mut Tx, delivery: &Delivery, now: Timestamp) -> Result<(), StoreError> {
    let savepoint = tx.savepoint();
    let fault = match reach(cloud, tx, delivery) {
        Ok(sent) => {
            metering::forwarded(cloud, tx, delivery, now, Some(sent));
            return Ok(());
        }
        Err(fault) => fault,
    };
    tx.rollback_to(savepoint);
    metering::forwarded(cloud, tx, delivery, now, None);
    let may_help = !fault.is_sender() || fault.status == 429;
    if may_help && now.since(delivery.taken) < TRIED {
        let attempts = delivery.attempts + 1;
        Delivery { attempts, ..delivery.clone() }.put(tx, now.plus(due::pause(attempts)));
        return Ok(());
    }
    let problem = fault.to_string();
    let fields = [("group", delivery.group.as_str()), ("filter", &delivery.filter), ("problem", &problem)];
    kernel::log::warn("log events were not delivered", &fields);
    if delivery.of_account {
        let key = AccountPolicy::key(delivery.account, delivery.region, &delivery.filter);
        let found = ACCOUNT_POLICIES.get(tx, &key)?;
        if let Some(policy) = found.filter(|policy| policy.destination == delivery.destination) {
            AccountPolicy { off_until: Some(now.plus(OFF)), ..policy }.save(tx);
        }
        return Ok(());
    }
    let found = SUBSCRIPTIONS.get(tx, &Subscription::key(delivery.group_id, &delivery.filter))?;
    if let Some(filter) = found.filter(|filter| filter.destination == delivery.destination) {
        Subscription { off_until: Some(now.plus(OFF)), ..filter }.save(tx, delivery.group_id);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{BYTES_MAX, portions};
    use crate::logs::model::subscription::Sent;

    #[test]
    fn a_call_holds_so_many_bytes() {
        let event = |bytes: usize| Sent { message: "x".repeat(bytes), ..Sent::default() };
        let sizes = |events: &[Sent]| portions(events.iter()).iter().map(Vec::len).collect::<Vec<_>>();
        assert!(sizes(&[]).is_empty());
        let half = BYTES_MAX / 2;
        assert_eq!(sizes(&[event(half), event(half), event(1), event(BYTES_MAX), event(1)]), [2, 1, 1, 1]);
        assert_eq!(sizes(&[event(2 * BYTES_MAX), event(1)]), [1, 1]);
    }
}
