//! Records on their way: to log groups with the rights of the flow log's role, to buckets as their policies let the
//! delivery service in.
//!
//! Records to a group go with the transaction that puts them there, so each comes once. A file has a name that it keeps
//! over attempts, so each is there once.
//!
//! AWS: <https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-cwl.html>,
//! <https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-s3-path.html>

use super::errors::{is_missing, is_there, trouble};
use super::format::Format;
use crate::vpc::model::{FLOW_LOGS, FlowLog, Line, RECORDS, Records, Traffic, records_key};
use base::Timestamp;
use bytes::Bytes;
use ec2::Plain;
use flate2::Compression;
use flate2::write::GzEncoder;
use kernel::reconcile::Reconciler;
use kernel::{As, Body, Call, Cloud, Cx, due};
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;
use store::{CommitError, Direction, Key, StoreError, Tx};
use wire::{Fault, Struct, Value};

/// Who delivers to log groups, by a role.
pub(crate) const NAME: &str = "vpc-flow-logs.amazonaws.com";
/// Who delivers to buckets.
pub(crate) const BUCKETS: &str = "delivery.logs.amazonaws.com";
/// As long as the destination may refuse records.
const TRIED: Duration = Duration::from_secs(86_400);

/// Brings records to where they go.
#[derive(Debug)]
pub struct DeliverFlows;

impl Reconciler for DeliverFlows {
    fn name(&self) -> &'static str {
        "flow log delivery"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        vec![RECORDS.stored_key(&Key::empty())]
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        loop {
            let now = cloud.clock().now();
            let Some((at, all)) = first(cloud).map_err(|error| error.to_string())? else { return Ok(None) };
            if at > now {
                return Ok(Some(at));
            }
            deliver(cloud, &all, now)?;
        }
    }
}

type Waiting = (Timestamp, Vec<(Key, Records)>);

/// What is to be delivered next, together.
fn first(cloud: &Cloud) -> Result<Option<Waiting>, StoreError> {
    let snapshot = cloud.store().snapshot();
    let Some((key, head)) = RECORDS.scan(&snapshot, &Key::empty(), Direction::Forward).next().transpose()?
    else {
        return Ok(None);
    };
    let mut reader = key.reader();
    let at = reader.scope().and_then(|_| reader.time()).unwrap_or(head.since);
    let together = records_key(at, head.account, head.region, &head.log);
    let all = RECORDS.scan(&snapshot, &together, Direction::Forward).collect::<Result<_, _>>()?;
    Ok(Some((at, all)))
}

fn deliver(cloud: &Arc<Cloud>, all: &[(Key, Records)], now: Timestamp) -> Result<(), String> {
    let Some((_, head)) = all.first() else { return Ok(()) };
    let place = ec2::register::key(head.account, head.region, &head.log);
    let log = FLOW_LOGS.get(&cloud.store().snapshot(), &place).map_err(|error| error.to_string())?;
    let in_files = log.as_ref().filter(|log| log.is_to_bucket());
    let filed = in_files.map(|log| file(cloud, log, all));
    let mut tx = cloud.store().begin();
    let done = match (&log, filed) {
        (Some(_), Some(filed)) => filed,
        (Some(log), None) => all.iter().try_for_each(|(_, records)| group(cloud, &mut tx, log, records)),
        // It is deleted, and nobody waits for them.
        (None, _) => Ok(()),
    };
    if done.is_err() {
        // Nothing of what was done until then.
        tx = cloud.store().begin();
    }
    let trouble = done.as_ref().err().map(trouble).unwrap_or_default();
    for (key, records) in all {
        RECORDS.delete(&mut tx, key);
        if done.is_err() && now.since(records.since) < TRIED {
            again(cloud, &mut tx, records, now);
        }
    }
    if let Err(fault) = &done {
        let told = [("flow log", head.log.as_str()), ("problem", &fault.to_string())];
        kernel::log::warn("records of a flow log could not be delivered", &told);
    }
    if log.is_some_and(|log| log.trouble != trouble)
        && let Some(mut log) = FLOW_LOGS.get(&tx, &place).map_err(|error| error.to_string())?
    {
        trouble.clone_into(&mut log.trouble);
        FLOW_LOGS.put(&mut tx, &place, &log);
    }
    match tx.commit().wait() {
        // After a conflict all of them stand there still.
        Ok(_) | Err(CommitError::Conflict) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}

/// Keeps records for a later attempt, together with what they were with.
fn again(cloud: &Cloud, tx: &mut Tx, records: &Records, now: Timestamp) {
    let records = Records { attempts: records.attempts + 1, ..records.clone() };
    let at = now.plus(due::pause(records.attempts));
    let key = records_key(at, records.account, records.region, &records.log).u64(cloud.rng().u64());
    RECORDS.put(tx, &key, &records);
}

fn group(cloud: &Arc<Cloud>, tx: &mut Tx, log: &FlowLog, records: &Records) -> Result<(), Fault> {
    let home = (records.account, records.region);
    let source = ec2::register::arn(home.0, home.1, ec2::kind::FLOW_LOG.noun, &log.id);
    let kind = match log.traffic {
        Traffic::All => "all",
        Traffic::Accept => "accept",
        Traffic::Reject => "reject",
    };
    let stream = format!("{}-{kind}", records.interface);
    cloud.act_as_role_for(tx, NAME, &log.role, home, Some(&source), |cx| {
        match put(cx, log, &stream, &records.lines) {
            Err(fault) if is_missing(&fault) => {
                let names = [("logGroupName", log.group.as_str()), ("logStreamName", &stream)];
                // Who has a group for it need not let the role make one.
                match make(cx, "CreateLogStream", &names) {
                    Err(fault) if is_missing(&fault) => {
                        make(cx, "CreateLogGroup", &names[..1])?;
                        make(cx, "CreateLogStream", &names)?;
                    }
                    made => made?,
                }
                put(cx, log, &stream, &records.lines)
            }
            done => done,
        }
    })?
}

/// Makes something that may be there already.
fn make(cx: &mut Cx<'_>, operation: &str, names: &[(&'static str, &str)]) -> Result<(), Fault> {
    let input: Struct = names.iter().map(|(name, value)| (*name, Value::str(*value))).collect();
    match cx.call("logs", operation, Value::Struct(input), As::CallerVia(NAME)) {
        Err(fault) if !is_there(&fault) => Err(fault),
        _ => Ok(()),
    }
}

fn put(cx: &mut Cx<'_>, log: &FlowLog, stream: &str, lines: &[Line]) -> Result<(), Fault> {
    let event = |line: &Line| {
        let members = [("timestamp", Value::Int(line.start * 1000)), ("message", Value::str(&*line.text))];
        Value::Struct(members.into_iter().collect())
    };
    let members = [
        ("logGroupName", Value::str(&*log.group)),
        ("logStreamName", Value::str(stream)),
        ("logEvents", Value::List(lines.iter().map(event).collect())),
    ];
    let input = Value::Struct(members.into_iter().collect());
    cx.call("logs", "PutLogEvents", input, As::CallerVia(NAME)).map(drop)
}

fn file(cloud: &Arc<Cloud>, log: &FlowLog, all: &[(Key, Records)]) -> Result<(), Fault> {
    let Some((_, head)) = all.first() else { return Ok(()) };
    let members = [
        ("Bucket", Value::str(log.bucket().0)),
        ("Key", Value::Str(key(log, head, digest(all)))),
        ("ACL", Value::str("bucket-owner-full-control")),
        ("ContentType", Value::str("application/octet-stream")),
    ];
    let value = Value::Struct(members.into_iter().collect::<Struct>());
    let call = Call { service: "s3", operation: "PutObject", value };
    let body = Body::of(Bytes::from(packed(log, all)?), None);
    let source = source(head);
    let put = cloud.stream_call(BUCKETS, head.account, head.region, Some(&source), call, body);
    cloud.wait(put).map(drop)
}

/// In whose name files come: the logs of an account and region.
fn source(head: &Records) -> String {
    format!("arn:aws:logs:{}:{}:*", head.region.name(), head.account)
}

fn packed(log: &FlowLog, all: &[(Key, Records)]) -> Result<Vec<u8>, Fault> {
    let failed = |_| Fault::from(Plain::InternalError);
    let head = Format::parse(&log.format).map(|format| format.head()).unwrap_or_default();
    let mut out = GzEncoder::new(Vec::new(), Compression::default());
    writeln!(out, "{head}").map_err(failed)?;
    for line in all.iter().flat_map(|(_, records)| &records.lines) {
        writeln!(out, "{}", line.text).map_err(failed)?;
    }
    out.finish().map_err(failed)
}

/// Of what is in a file, whenever it is delivered (FNV-1a).
fn digest(all: &[(Key, Records)]) -> u32 {
    let mut lines: Vec<&str> =
        all.iter().flat_map(|(_, records)| &records.lines).map(|line| line.text.as_str()).collect();
    lines.sort_unstable();
    let bytes = lines.into_iter().flat_map(str::bytes);
    bytes.fold(0x811c_9dc5, |hash: u32, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

/// `folder/AWSLogs/123456789012/vpcflowlogs/us-east-1/2026/01/31/…`
fn key(log: &FlowLog, head: &Records, digest: u32) -> String {
    let (account, region, (_, folder)) = (head.account, head.region.name(), log.bucket());
    let time = head.slot.iso8601();
    let (year, month, day, hour) = (&time[..4], &time[5..7], &time[8..10], &time[11..13]);
    let path = match log.hive {
        true => format!(
            "aws-account-id={account}/aws-service=vpcflowlogs/aws-region={region}/year={year}/month={month}/day={day}"
        ),
        false => format!("{account}/vpcflowlogs/{region}/{year}/{month}/{day}"),
    };
    let hour_of = match (log.by_hour, log.hive) {
        (false, _) => String::new(),
        (true, false) => format!("/{hour}"),
        (true, true) => format!("/hour={hour}"),
    };
    let stamp = format!("{year}{month}{day}T{hour}{}Z", &time[14..16]);
    let name = format!("{account}_vpcflowlogs_{region}_{}_{stamp}_{digest:08x}.log.gz", log.id);
    format!("{folder}AWSLogs/{path}{hour_of}/{name}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::{AccountId, Region};

    #[test]
    fn keys_by_their_options() {
        let head = Records {
            account: AccountId::parse("123456789012").unwrap(),
            region: Region::parse("us-east-1").unwrap(),
            slot: Timestamp::parse_iso8601("2018-06-20T16:20:00Z").unwrap(),
            ..Records::default()
        };
        let destination = "arn:aws:s3:::my-bucket/my-logs/".to_owned();
        let plain = FlowLog { id: "fl-1234abcd".into(), destination, ..FlowLog::default() };
        let name = "123456789012_vpcflowlogs_us-east-1_fl-1234abcd_20180620T1620Z_0000fe12.log.gz";
        let at = |log: &FlowLog| key(log, &head, 0xfe12);
        assert_eq!(
            at(&plain),
            format!("my-logs/AWSLogs/123456789012/vpcflowlogs/us-east-1/2018/06/20/{name}")
        );
        let hourly = FlowLog { by_hour: true, destination: "arn:aws:s3:::my-bucket".into(), ..plain };
        assert_eq!(at(&hourly), format!("AWSLogs/123456789012/vpcflowlogs/us-east-1/2018/06/20/16/{name}"));
        let hive = FlowLog { hive: true, ..hourly };
        assert_eq!(
            at(&hive),
            format!(
                "AWSLogs/aws-account-id=123456789012/aws-service=vpcflowlogs/aws-region=us-east-1/year=2018/month=06/day=20/hour=16/{name}"
            )
        );
        assert_eq!(hive.bucket(), ("my-bucket", String::new()));
    }
}
