//! A pipe as a consumer of what its source brings: by way of its enrichment, to its target.

use super::enrichment::{self, resolved};
use super::errors::is_passing;
use super::metering::{Execution, Went};
use super::model::{Http, PIPES, Pipe};
use super::target::{self, Sent, members, queue_url};
use super::template::Item;
use crate::events::outcall::{self, Asked};
use base::{Arn, Region, Timestamp};
use feed::record::Record;
use feed::verdict::{self, Verdict};
use feed::{Actor, Consumer, Handed, Lost, Remains};
use kernel::outbound::Client;
use kernel::{As, Body, Call, Cloud, Cx, Running, Whom};
use std::collections::BTreeSet;
use std::sync::Arc;
use store::{Read, StoreError, Tx};
use wire::{Fault, Value};

/// The service that pipes' roles trust.
pub(super) const NAME: &str = "pipes.amazonaws.com";
/// AWS: why a pipe is in its state, where nothing else was the reason.
pub(super) const INITIATED: &str = "USER_INITIATED";
pub(super) const REASON_MAX: usize = 512;
const OK: &str = "OK";

/// A pipe as it was when it began to be fed.
#[derive(Debug)]
pub(super) struct Fed {
    pub(super) pipe: Pipe,
    pub(super) client: Arc<Client>,
}

/// What a target that says which events failed calls them by.
fn id(event: &Value) -> Option<&str> {
    event.entry("messageId").or_else(|| event.entry("eventID"))?.as_str()
}

/// Which records have failed, by the places of the events.
fn failed(records: &[Value], events: &[Item], places: &BTreeSet<usize>) -> Verdict {
    let of = |place: &usize| {
        let id = id(&events.get(*place)?.plain)?;
        records.iter().position(|record| self::id(record) == Some(id))
    };
    match places.iter().map(of).collect::<Option<BTreeSet<usize>>>() {
        Some(failed) if !failed.is_empty() => Verdict::These(failed),
        _ => Verdict::All,
    }
}

fn went(verdict: &Verdict) -> Went {
    match verdict {
        Verdict::None => Went::Well,
        Verdict::These(_) => Went::Partly,
        Verdict::All => Went::Wrong,
    }
}

impl Fed {
    async fn run(&self, cloud: &Arc<Cloud>, records: &[Record]) -> Result<Handed, Fault> {
        let mut execution = Execution::begin(cloud.clock().now(), records);
        let records: Vec<Value> =
            records.iter().filter_map(|record| wire::json::read(&record.json)).collect();
        let passed = self.pass(cloud, &records, &mut execution).await;
        execution.end(cloud, &self.pipe, passed.as_ref().map_or(Went::Wrong, |(verdict, _)| went(verdict)));
        let (verdict, note) = match passed {
            Ok(done) => done,
            Err(fault) if is_passing(&fault) => return Err(fault),
            Err(fault) => (Verdict::All, format!("{}: {}", fault.code, fault.message)),
        };
        Ok(Handed { verdict, note, request_id: base::id::uuid(cloud.rng()), response: None })
    }

    async fn pass(
        &self,
        cloud: &Arc<Cloud>,
        records: &[Value],
        execution: &mut Execution,
    ) -> Result<(Verdict, String), Fault> {
        let mut items: Vec<Item> = records.iter().cloned().map(Item::new).collect();
        if let Some(by) = &self.pipe.enrichment {
            let began = cloud.clock().now();
            let enriched = enrichment::enrich(self, cloud, by, items, began).await;
            execution.enriched(began, cloud.clock().now(), enriched.is_err());
            items = enriched?;
        }
        if items.is_empty() {
            execution.skipped();
            return Ok((Verdict::None, OK.to_owned()));
        }
        let began = cloud.clock().now();
        let sent = self.send(cloud, records, &items, began).await;
        let how = sent.as_ref().map_or(Went::Wrong, |(verdict, _)| went(verdict));
        execution.sent(began, cloud.clock().now(), how);
        sent
    }

    async fn send(
        &self,
        cloud: &Arc<Cloud>,
        records: &[Value],
        items: &[Item],
        now: Timestamp,
    ) -> Result<(Verdict, String), Fault> {
        Ok(match target::send(self, cloud, items, now).await? {
            Sent::Well => (Verdict::None, OK.to_owned()),
            Sent::Without(places, why) => (failed(records, items, &places), why),
            Sent::Said(answer) => {
                let ids: Vec<&str> = records.iter().map(|record| id(record).unwrap_or_default()).collect();
                // What is no JSON says nothing of failures: an endpoint may answer as it likes.
                let is_json = std::str::from_utf8(&answer).is_ok_and(|text| wire::json::read(text).is_some());
                match if is_json { verdict::read(&answer, &ids) } else { Verdict::None } {
                    Verdict::None => (Verdict::None, OK.to_owned()),
                    some => (some, "The target has reported failures of items.".to_owned()),
                }
            }
        })
    }

    /// Calls an operation of the control plane's shape as the pipe's role, where the resource is.
    ///
    /// # Errors
    /// What it answers.
    pub(super) async fn call(
        &self,
        cloud: &Arc<Cloud>,
        arn: &Arn,
        service: &str,
        operation: &str,
        value: Value,
    ) -> Result<Value, Fault> {
        let (pipe, source) = (&self.pipe, self.pipe.arn());
        let region = Region::parse(&arn.region).unwrap_or(pipe.region);
        let role = || Ok(pipe.role.clone());
        let who = Actor { service: NAME, role: &role, source: Some(&source) };
        let call = |cx: &mut Cx<'_>| cx.call(service, operation, value.clone(), As::Caller);
        feed::act(cloud, &who, (pipe.account, region), call).await
    }

    /// Invokes a function; what it answers, and whether it failed.
    ///
    /// # Errors
    /// What Lambda answers.
    pub(super) async fn invoke(
        &self,
        cloud: &Arc<Cloud>,
        function: &str,
        how: &str,
        payload: String,
    ) -> Result<(Vec<u8>, bool), Fault> {
        let value = members([
            ("FunctionName", Value::str(function)),
            ("InvocationType", Value::str(how)),
            ("Payload", Value::Blob(payload.into())),
        ]);
        let call = Call { service: "lambda", operation: "Invoke", value };
        let source = self.pipe.arn();
        let whom = Whom::Role { arn: &self.pipe.role, account: self.pipe.account, source: Some(&source) };
        let answer = cloud.stream_call_for(NAME, whom, self.pipe.region, call, Body::empty()).await?.value;
        let payload = match answer.member("Payload") {
            Some(Value::Blob(bytes)) => bytes.to_vec(),
            _ => Vec::new(),
        };
        Ok((payload, answer.member("FunctionError").is_some_and(|error| error.as_str().is_some())))
    }

    /// Calls an API destination with what an event gives; its answer's body.
    ///
    /// # Errors
    /// What failed.
    pub(super) async fn call_out(
        &self,
        cloud: &Arc<Cloud>,
        arn: &str,
        http: &Http,
        item: &Item,
        input: &str,
    ) -> Result<Vec<u8>, Fault> {
        let (cloud, client, pipe) = (Arc::clone(cloud), Arc::clone(&self.client), self.pipe.clone());
        let (arn, input) = (arn.to_owned(), input.to_owned());
        let (http, event) = (resolved(http, item), item.opened().clone());
        let call = move || {
            let source = pipe.arn();
            let asked = Asked {
                service: NAME,
                role: &pipe.role,
                source: Some(&source),
                http: &http,
                event: &event,
                input: &input,
            };
            outcall::call_in_turn(&cloud, &client, (pipe.account, &arn), &asked)
        };
        let broke = |_| Fault::new(500, "INTERNAL_ERROR", "the call broke");
        Ok(tokio::task::spawn_blocking(call).await.map_err(broke)??.body)
    }

    fn obituary(&self, now: String, lost: &Lost<'_>) -> Value {
        let context =
            [("partnerResourceArn", Value::Str(self.pipe.arn())), ("condition", Value::str(lost.condition))];
        Value::map([
            ("context", Value::map(context)),
            ("version", Value::str("1.0")),
            ("timestamp", Value::Str(now)),
            ("DDBStreamBatchInfo", lost.batch_info.clone()),
        ])
    }
}

impl Consumer for Fed {
    fn service(&self) -> &'static str {
        NAME
    }

    fn arn(&self) -> String {
        self.pipe.arn()
    }

    fn source_arn(&self) -> Option<String> {
        Some(self.pipe.arn())
    }

    fn role(&self, _: &dyn Read) -> Result<String, Fault> {
        Ok(self.pipe.role.clone())
    }

    fn take<'a>(
        &'a self,
        cloud: &'a Arc<Cloud>,
        records: &'a [Record],
    ) -> Running<'a, Result<Handed, Fault>> {
        Box::pin(self.run(cloud, records))
    }

    fn note(&self, tx: &mut Tx, result: &str) -> Result<(), StoreError> {
        let key = Pipe::key(self.pipe.home(), &self.pipe.name);
        let found = PIPES.get(tx, &key)?;
        if let Some(mut pipe) =
            found.filter(|pipe| pipe.revision == self.pipe.revision && pipe.id == self.pipe.id)
        {
            let reason = if result == OK { INITIATED } else { result };
            pipe.reason = Some(reason.chars().take(REASON_MAX).collect());
            PIPES.put(tx, &key, &pipe);
        }
        Ok(())
    }

    fn tell(&self, cx: &mut Cx<'_>, to: &str, lost: &Lost<'_>) -> Result<(), Fault> {
        let text = Value::Str(wire::json::text(&self.obituary(cx.now.iso8601_millis(), lost)));
        let Some(arn) = Arn::parse(to) else { return Ok(()) };
        let call = match arn.service.as_str() {
            "sns" => ("sns", "Publish", members([("TopicArn", Value::str(to)), ("Message", text)])),
            _ => ("sqs", "SendMessage", members([queue_url(&arn), ("MessageBody", text)])),
        };
        cx.call(call.0, call.1, call.2, As::Caller).map(drop)
    }

    /// Buckets are no targets of what a pipe gives up.
    fn remains(&self, _: &Cloud, _: &str, _: &Lost<'_>) -> Option<Remains> {
        None
    }
}
