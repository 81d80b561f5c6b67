//! A function as a consumer of what its mapping reads.

use crate::lambda::access::SERVICE;
use crate::lambda::destination::{self, News};
use crate::lambda::invocation::{self, Asked};
use crate::lambda::lineage::Chain;
use crate::lambda::metering;
use crate::lambda::model::{self, MAPPINGS, Mapping};
use base::{Arn, Rng};
use feed::record::Record;
use feed::verdict::{self, Verdict};
use feed::{Consumer, Handed, Lost, Remains};
use kernel::{Cloud, Cx, Running};
use std::sync::Arc;
use store::{Read, StoreError, Tx};
use wire::{Fault, Value};

const FAILED: &str = "PROBLEM: Function call failed";

#[derive(Debug)]
pub(super) struct Fed(pub(super) Mapping);

/// The event of a batch.
fn event(records: &[Record]) -> String {
    let all: Vec<&str> = records.iter().map(|record| record.json.as_str()).collect();
    format!("{{\"Records\":[{}]}}", all.join(","))
}

/// What a destination is told of the last answer: a function that has answered has no error (`null`, as recorded),
/// whatever has failed of the batch.
fn response(version: &str, failed: bool) -> Value {
    Value::map(vec![
        ("statusCode", Value::Int(200)),
        ("executedVersion", Value::str(version)),
        ("functionError", if failed { Value::str("Unhandled") } else { Value::Null }),
    ])
}

/// The last request that was made with the records, or a new name where there was none.
fn request_id(lost: &Lost<'_>, rng: &Rng) -> String {
    lost.handed.map_or_else(|| base::id::uuid(rng), |handed| handed.request_id.clone())
}

/// Where what remains of a shard's records is put: `aws/lambda/<mapping>/<shard>/2026/11/30/2026-11-30T16.05.58-<unique>`.
fn key(mapping: &str, shard: &str, now: &str, unique: &str) -> String {
    let (day, time) = (now[..10].replace('-', "/"), now[..19].replace(':', "."));
    format!("aws/lambda/{mapping}/{shard}/{day}/{time}-{unique}")
}

impl Fed {
    /// The chain in which the function has run most often: one batch may be of several.
    fn chain(&self, records: &[Record]) -> Option<String> {
        let arn = self.0.named().arn();
        let chains = records.iter().filter_map(|record| record.chain.as_deref());
        chains.max_by_key(|chain| Chain::read(Some(chain)).runs(&arn)).map(str::to_owned)
    }

    async fn run(&self, cloud: &Arc<Cloud>, records: &[Record]) -> Result<Handed, Fault> {
        let request_id = base::id::uuid(cloud.rng());
        let asked = Asked {
            named: self.0.named(),
            request_id: request_id.clone(),
            client_context: None,
            payload: event(records).into(),
            chain: self.chain(records),
            tail: false,
        };
        if let Some(last) = records.last().filter(|_| !self.0.is_queue()) {
            metering::behind(cloud, &self.0.named(), cloud.clock().now().since(last.arrived));
        }
        let outcome = invocation::run(cloud, asked).await?;
        let verdict = match (outcome.failed, self.0.reports) {
            (true, _) => Verdict::All,
            (false, false) => Verdict::None,
            (false, true) => {
                let ids: Vec<&str> = records.iter().map(|record| record.id.as_str()).collect();
                verdict::read(&outcome.payload, &ids)
            }
        };
        // A stream's batch has failed from where the first of its records has.
        let is_well = verdict == Verdict::None || (self.0.is_queue() && verdict != Verdict::All);
        Ok(Handed {
            verdict,
            note: if is_well { "OK" } else { FAILED }.to_owned(),
            request_id,
            response: Some(response(&outcome.version, outcome.failed)),
        })
    }

    fn obituary(&self, now: &str, request_id: String, lost: &Lost<'_>) -> Vec<(&'static str, Value)> {
        let context = Value::map(vec![
            ("requestId", Value::Str(request_id)),
            ("functionArn", Value::Str(self.0.named().qualified_arn())),
            ("condition", Value::str(lost.condition)),
            ("approximateInvokeCount", Value::Int(i64::from(lost.retries) + 1)),
        ]);
        let mut members = vec![("requestContext", context)];
        let response = lost.handed.and_then(|handed| handed.response.clone());
        members.extend(response.map(|said| ("responseContext", said)));
        members.push(("version", Value::str("1.0")));
        members.push(("timestamp", Value::str(now)));
        members.push(("DDBStreamBatchInfo", lost.batch_info.clone()));
        members
    }
}

impl Consumer for Fed {
    fn service(&self) -> &'static str {
        SERVICE
    }

    fn arn(&self) -> String {
        self.0.named().qualified_arn()
    }

    fn source_arn(&self) -> Option<String> {
        None
    }

    fn role(&self, from: &dyn Read) -> Result<String, Fault> {
        Ok(model::resolve(from, &self.0.named(), 0)?.role)
    }

    fn take<'a>(
        &'a self,
        cloud: &'a Arc<Cloud>,
        records: &'a [Record],
    ) -> Running<'a, Result<Handed, Fault>> {
        Box::pin(self.run(cloud, records))
    }

    fn note(&self, tx: &mut Tx, result: &str) -> Result<(), StoreError> {
        let key = self.0.key();
        if let Some(mut mapping) = MAPPINGS.get(tx, &key)? {
            mapping.result = Some(result.to_owned());
            MAPPINGS.put(tx, &key, &mapping);
        }
        Ok(())
    }

    fn tell(&self, cx: &mut Cx<'_>, to: &str, lost: &Lost<'_>) -> Result<(), Fault> {
        let arn = self.arn();
        let request_id = request_id(lost, cx.rng());
        let said = self.obituary(&cx.now.iso8601_millis(), request_id, lost);
        let text = wire::json::text(&Value::map(said));
        let news = News { detail_type: "Lambda Function Invocation Result - Failure", about: &arn };
        destination::send(cx, to, &text, news)
    }

    /// AWS: <https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html>: beside what others are told the
    /// whole event, as text.
    fn remains(&self, cloud: &Cloud, to: &str, lost: &Lost<'_>) -> Option<Remains> {
        let bucket = Arn::parse(to).filter(|arn| arn.service == "s3")?.resource;
        let now = cloud.clock().now();
        let mut said = self.obituary(&now.iso8601_millis(), request_id(lost, cloud.rng()), lost);
        said.push(("payload", Value::Str(event(lost.records))));
        let shard = lost.batch_info.entry("shardId").and_then(Value::as_str).unwrap_or_default();
        let key = key(&self.0.id, shard, &now.iso8601(), &base::id::uuid(cloud.rng()));
        Some(Remains { bucket, key, bytes: wire::json::text(&Value::map(said)).into_bytes() })
    }
}

#[cfg(test)]
mod tests {
    use super::{event, key, response};
    use base::Timestamp;
    use feed::record::Record;

    #[test]
    fn an_event_has_all_records() {
        let record = |json: &str| Record {
            id: String::new(),
            handle: String::new(),
            arrived: Timestamp::default(),
            chain: None,
            json: json.to_owned(),
        };
        assert_eq!(event(&[record("1"), record("11")]), r#"{"Records":[1,11]}"#);
    }

    #[test]
    fn what_remains_has_its_place() {
        let told = key("m", "shardId-1", "2026-11-30T16:05:58Z", "u");
        assert_eq!(told, "aws/lambda/m/shardId-1/2026/11/30/2026-11-30T16.05.58-u");
    }

    #[test]
    fn a_destination_is_told_of_an_error_and_of_none() {
        let told = |failed| wire::json::text(&response("$LATEST", failed));
        let with = |error: &str| {
            format!(r#"{{"statusCode":200,"executedVersion":"$LATEST","functionError":{error}}}"#)
        };
        assert_eq!((told(true), told(false)), (with("\"Unhandled\""), with("null")));
    }
}
