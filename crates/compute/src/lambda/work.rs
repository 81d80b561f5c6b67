//! Events that nobody waits for are handled here, and what is idle goes.
//!
//! An event is a row until its function has handled it or it is given up: after an error it is tried twice more, a
//! minute and two later; where it cannot be tried it waits, up to six hours; unless it was told otherwise
//! ([`super::model::HANDLING`]). A crash loses none; one that was being handled is handled again.
//!
//! AWS: <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html>

use super::access::SERVICE;
use super::destination::{self, News};
use super::errors::{is_gone, is_recursive};
use super::invocation::{self, Asked, Outcome};
use super::metering;
use super::model::{self, EVENTS, Event, HANDLING, Handling};
use super::name::{LATEST, Named};
use super::sandbox::{LAID, code_folder};
use super::workshop::{Ground, Workshop};
use base::{Arn, Timestamp};
use blob::ContentId;
use blob::refs::CONTENTS;
use kernel::reconcile::Reconciler;
use kernel::{As, Cloud, Cx};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use store::{CommitError, Direction, Key, Tx};
use tokio::runtime::Handle;
use wire::{Fault, Struct, Value};

const RETRIES: u32 = 2;
const AGE_MAX: Duration = Duration::from_secs(6 * 3600);
const MINUTE: Duration = Duration::from_secs(60);
/// The longest wait of an event that cannot be tried.
const WAIT_MAX: Duration = Duration::from_secs(300);
/// Events that are handled at once.
const AT_ONCE: usize = 64;
const CONFLICTS_MAX: u32 = 64;
/// While as many are handled as may.
const SOON: Duration = Duration::from_millis(200);
/// Between two looks at what is idle.
const LOOK: Duration = Duration::from_secs(5);

/// Which events are being handled.
#[derive(Debug, Default)]
struct UnderWay(Mutex<BTreeSet<Key>>);

impl UnderWay {
    fn with<T>(&self, work: impl FnOnce(&mut BTreeSet<Key>) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// An event that is being handled: no longer, however its handling ends.
struct Handled {
    under_way: Arc<UnderWay>,
    key: Key,
}

impl Drop for Handled {
    fn drop(&mut self) {
        self.under_way.with(|all| all.remove(&self.key));
    }
}

/// Handles events, and keeps the ground known.
#[derive(Debug)]
pub struct Events(pub Ground);

impl Reconciler for Events {
    fn name(&self) -> &'static str {
        "lambda events"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        vec![EVENTS.stored_key(&Key::empty())]
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        cloud.memory::<Workshop>().set(&self.0);
        let under_way = cloud.memory::<UnderWay>();
        let now = cloud.clock().now();
        let mut next: Option<Timestamp> = None;
        let snapshot = cloud.store().snapshot();
        for pair in EVENTS.scan(&snapshot, &Key::empty(), Direction::Forward) {
            let (key, event) = pair.map_err(|e| e.to_string())?;
            if event.not_before > now {
                next = Some(next.map_or(event.not_before, |next| next.min(event.not_before)));
                continue;
            }
            // Whoever ends wakes this again, by the change that it makes.
            let (full, begins) = under_way.with(|all| {
                let full = all.len() >= AT_ONCE;
                (full, !full && all.insert(key.clone()))
            });
            if full {
                let soon = now.plus(SOON);
                next = Some(next.map_or(soon, |next| next.min(soon)));
            }
            if begins {
                let handled = Handled { under_way: Arc::clone(&under_way), key: key.clone() };
                // Since the scan's snapshot somebody else may have handled it to its end, or to another try.
                if !is_still(cloud, &key, &event)? {
                    continue;
                }
                let cloud = Arc::clone(cloud);
                let handle = async move {
                    let age = cloud.clock().now().since(event.accepted);
                    metering::aged(&cloud, &asked(&event).named, age);
                    let outcome = invocation::run(&cloud, asked(&event)).await;
                    let settled =
                        tokio::task::spawn_blocking(move || settle(&cloud, &key, &event, &outcome)).await;
                    if let Err(why) = settled {
                        kernel::log::error("an event could not be settled", &[("problem", &why.to_string())]);
                    }
                    drop(handled);
                };
                let runtime = Handle::try_current().map_err(|e| e.to_string())?;
                runtime.spawn(handle);
            }
        }
        Ok(next)
    }
}

/// Whether an event is as it was, now that nobody else handles it: who did has written what became of it before.
fn is_still(cloud: &Cloud, key: &Key, event: &Event) -> Result<bool, String> {
    let found = EVENTS.get(&cloud.store().snapshot(), key).map_err(|e| e.to_string())?;
    Ok(found.is_some_and(|found| (found.attempts, found.throttled) == (event.attempts, event.throttled)))
}

fn asked(event: &Event) -> Asked {
    let Event { account, region, name, qualifier, .. } = event.clone();
    Asked {
        named: Named { account, region, name, qualifier },
        request_id: event.request_id.clone(),
        client_context: event.client_context.clone(),
        payload: event.payload.clone().into(),
        chain: event.chain.clone(),
        tail: false,
    }
}

/// What is to become of an event that was tried.
#[derive(Debug, PartialEq)]
enum Next {
    Done,
    Again(Event),
    /// It is given up, for this reason.
    Lost(&'static str),
}

/// Decides about an event: `handled` says whether the function was run, and whether it did well.
fn next(event: &Event, rules: &Handling, handled: Option<bool>, now: Timestamp) -> Next {
    let age_max = rules.age.map_or(AGE_MAX, |seconds| Duration::from_secs(seconds.into()));
    let old = now.since(event.accepted) >= age_max;
    match handled {
        Some(true) => Next::Done,
        Some(false) if event.attempts >= rules.retries.unwrap_or(RETRIES) => Next::Lost("RetriesExhausted"),
        _ if old => Next::Lost("EventAgeExceeded"),
        Some(false) => {
            let attempts = event.attempts + 1;
            Next::Again(Event { attempts, not_before: now.plus(MINUTE * attempts), ..event.clone() })
        }
        None => {
            let wait = Duration::from_secs(1 << event.throttled.min(9)).min(WAIT_MAX);
            Next::Again(Event { throttled: event.throttled + 1, not_before: now.plus(wait), ..event.clone() })
        }
    }
}

/// Writes what became of an event. Blocks.
fn settle(cloud: &Arc<Cloud>, key: &Key, event: &Event, outcome: &Result<Outcome, Fault>) {
    let (handled, error, is_there) = match outcome {
        Ok(outcome) => (Some(!outcome.failed), String::from_utf8_lossy(&outcome.payload).into_owned(), true),
        // Its function is gone, and it with that.
        Err(fault) if is_gone(fault) => (Some(true), String::new(), false),
        Err(fault) => (None, fault.message.clone(), true),
    };
    for _ in 0..CONFLICTS_MAX {
        let mut tx = cloud.store().begin();
        let named = asked(event).named;
        let label = named.qualifier.as_deref().unwrap_or(LATEST);
        let rules = HANDLING.get(&tx, &named.key().str(label)).ok().flatten().unwrap_or_default();
        let is_off = || model::function(&tx, &named).is_ok_and(|function| function.reserved == Some(0));
        let next = match outcome {
            Err(fault) if is_recursive(fault) => Next::Lost("RetriesExhausted"),
            // AWS: what may never run is not tried again.
            Err(_) if handled.is_none() && is_off() => Next::Lost("ZeroReservedConcurrency"),
            _ => next(event, &rules, handled, cloud.clock().now()),
        };
        let is_lost = matches!(next, Next::Lost(_));
        match next {
            Next::Again(event) => EVENTS.put(&mut tx, key, &event),
            Next::Done => {
                EVENTS.delete(&mut tx, key);
                if let (Some(target), true) = (&rules.on_success, is_there) {
                    tell(cloud, &mut tx, event, target, &end(cloud, event, "Success", outcome));
                }
            }
            Next::Lost(why) => {
                EVENTS.delete(&mut tx, key);
                if let Some(target) = &rules.on_failure {
                    tell(cloud, &mut tx, event, target, &end(cloud, event, why, outcome));
                }
                bury(cloud, &mut tx, event, why, (&error, rules.on_failure.is_some()));
            }
        }
        match tx.commit().wait() {
            Ok(_) if is_lost => return metering::given_up(cloud, &named),
            Ok(_) => return,
            Err(CommitError::Conflict) => {}
            Err(why) => {
                return kernel::log::error("an event could not be settled", &[("problem", &why.to_string())]);
            }
        }
    }
}

/// The record of an event's end, and whether it was a good one.
/// AWS: <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html>
fn end(
    cloud: &Cloud,
    event: &Event,
    condition: &str,
    outcome: &Result<Outcome, Fault>,
) -> (String, &'static str) {
    let read = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes).into_owned();
        wire::json::read(&text).unwrap_or(Value::Str(text))
    };
    let named = asked(event).named;
    let label = named.qualifier.as_deref().unwrap_or(LATEST);
    let tries = event.attempts + u32::from(outcome.is_ok());
    let mut members = vec![
        ("version", Value::str("1.0")),
        ("timestamp", Value::Str(cloud.clock().now().iso8601_millis())),
        (
            "requestContext",
            Value::map(vec![
                ("requestId", Value::str(&event.request_id)),
                ("functionArn", Value::Str(format!("{}:{label}", named.arn()))),
                ("condition", Value::str(condition)),
                ("approximateInvokeCount", Value::Int(tries.into())),
            ]),
        ),
        ("requestPayload", read(&event.payload)),
    ];
    let mut well = false;
    if let Ok(outcome) = outcome {
        well = !outcome.failed;
        let mut said =
            vec![("statusCode", Value::Int(200)), ("executedVersion", Value::str(&outcome.version))];
        if outcome.failed {
            said.push(("functionError", Value::str("Unhandled")));
        }
        members.push(("responseContext", Value::map(said)));
        members.push(("responsePayload", read(&outcome.payload)));
    }
    let detail_type = match well {
        true => "Lambda Function Invocation Result - Success",
        false => "Lambda Function Invocation Result - Failure",
    };
    (wire::json::text(&Value::map(members)), detail_type)
}

/// Tells a destination, as the function's role.
fn tell(
    cloud: &Arc<Cloud>,
    tx: &mut Tx,
    event: &Event,
    target: &str,
    (record, detail_type): &(String, &'static str),
) {
    let named = asked(event).named;
    let label = named.qualifier.as_deref().unwrap_or(LATEST);
    let about = format!("{}:{label}", named.arn());
    let home = (event.account, event.region);
    let sent = match model::resolve(tx, &named, 0) {
        Ok(version) => cloud.act_as_role(tx, SERVICE, &version.role, home, |cx| {
            destination::send(cx, target, record, News { detail_type, about: &about })
        }),
        Err(gone) => Err(gone.into()),
    };
    if let Err(fault) = sent.and_then(|sent| sent) {
        metering::untold(cloud, &named);
        let problem = fault.to_string();
        let fields = [("function", about.as_str()), ("destination", target), ("problem", &problem)];
        kernel::log::warn("a destination could not be told", &fields);
    }
}

/// To the dead-letter queue or topic of the version, where it has one.
fn bury(cloud: &Arc<Cloud>, tx: &mut Tx, event: &Event, why: &str, (error, told): (&str, bool)) {
    let named = asked(event).named;
    let arn = named.qualified_arn();
    let lost = |problem: &str| {
        kernel::log::warn(
            "an event was given up",
            &[("function", &arn), ("reason", why), ("problem", problem)],
        );
    };
    let Ok(version) = model::resolve(tx, &named, 0) else { return lost("the function is gone") };
    let Some(target) = version.dead_letters else {
        if !told {
            lost("it has no dead-letter queue");
        }
        return;
    };
    let home = (event.account, event.region);
    let sent = cloud.act_as_role(tx, SERVICE, &version.role, home, |cx| send(cx, event, &target, error));
    if let Err(fault) = sent.and_then(|sent| sent) {
        metering::unburied(cloud, &named);
        lost(&fault.to_string());
    }
}

fn attribute(kind: &str, text: &str) -> Value {
    let members = [("DataType", Value::str(kind)), ("StringValue", Value::str(text))];
    Value::Struct(members.into_iter().collect())
}

fn send(cx: &mut Cx<'_>, event: &Event, target: &str, error: &str) -> Result<(), Fault> {
    let body = Value::Str(String::from_utf8_lossy(&event.payload).into_owned());
    let message: String = error.chars().take(1024).collect();
    let attributes = Value::Map(vec![
        ("RequestID".to_owned(), attribute("String", &event.request_id)),
        ("ErrorCode".to_owned(), attribute("Number", "200")),
        ("ErrorMessage".to_owned(), attribute("String", if message.is_empty() { "-" } else { &message })),
    ]);
    let arn = Arn::parse(target).filter(|arn| arn.service == "sqs");
    let (service, operation, members) = match arn {
        Some(arn) => {
            let url = format!("https://sqs.{}.amazonaws.com/{}/{}", arn.region, arn.account, arn.resource);
            let members = vec![("QueueUrl", Value::Str(url)), ("MessageBody", body)];
            ("sqs", "SendMessage", members)
        }
        None => ("sns", "Publish", vec![("TopicArn", Value::str(target)), ("Message", body)]),
    };
    let members: Struct = members.into_iter().chain([("MessageAttributes", attributes)]).collect();
    cx.call(service, operation, Value::Struct(members), As::CallerVia(SERVICE)).map(drop)
}

/// Takes away what is idle: environments, and unpacked code that no version has any more.
#[derive(Debug)]
pub struct Idle(pub Ground);

impl Reconciler for Idle {
    fn name(&self) -> &'static str {
        "idle functions"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        Vec::new()
    }

    fn nap(&self) -> Duration {
        LOOK
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        let workshop = cloud.memory::<Workshop>();
        workshop.set(&self.0);
        workshop.environments.trim(cloud.clock().now());
        let Some(folder) = self.0.folder.as_deref().map(code_folder).filter(|folder| folder.exists()) else {
            return Ok(None);
        };
        let snapshot = cloud.store().snapshot();
        for entry in std::fs::read_dir(folder).map_err(|e| e.to_string())? {
            let entry = entry.map_err(|e| e.to_string())?;
            // Of one content, or of several layers.
            let name = entry.file_name();
            let mut kept = true;
            for part in name.to_str().unwrap_or_default().split(LAID) {
                kept &= match ContentId::parse(part) {
                    Some(content) => {
                        CONTENTS.contains(&snapshot, &content.key()).map_err(|e| e.to_string())?
                    }
                    None => false,
                };
            }
            if !kept {
                host::image::remove(&entry.path()).map_err(|e| e.to_string())?;
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::{AGE_MAX, Event, Handling, Next};
    use base::Timestamp;
    use std::time::Duration;

    fn next(event: &Event, handled: Option<bool>, now: Timestamp) -> Next {
        super::next(event, &Handling::default(), handled, now)
    }

    #[test]
    fn rules_of_its_own() {
        let start = Timestamp::from_seconds(1_000);
        let event = Event { accepted: start, not_before: start, ..Event::default() };
        let rules = Handling { retries: Some(0), age: Some(60), ..Handling::default() };
        assert_eq!(super::next(&event, &rules, Some(false), start), Next::Lost("RetriesExhausted"));
        let later = start.plus(Duration::from_secs(60));
        assert_eq!(super::next(&event, &rules, None, later), Next::Lost("EventAgeExceeded"));
    }

    #[test]
    fn what_becomes_of_events() {
        let start = Timestamp::from_seconds(1_000);
        let event = Event { accepted: start, not_before: start, ..Event::default() };
        assert_eq!(next(&event, Some(true), start), Next::Done);
        let Next::Again(second) = next(&event, Some(false), start) else { panic!("it is tried again") };
        assert_eq!((second.attempts, second.not_before), (1, start.plus(Duration::from_secs(60))));
        let Next::Again(third) = next(&second, Some(false), start) else { panic!("it is tried again") };
        assert_eq!((third.attempts, third.not_before), (2, start.plus(Duration::from_secs(120))));
        assert_eq!(next(&third, Some(false), start), Next::Lost("RetriesExhausted"));
        let Next::Again(waits) = next(&event, None, start) else { panic!("it waits") };
        assert_eq!((waits.attempts, waits.not_before), (0, start.plus(Duration::from_secs(1))));
        assert_eq!(next(&waits, None, start.plus(AGE_MAX)), Next::Lost("EventAgeExceeded"));
    }
}
