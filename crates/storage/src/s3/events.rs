//! Events: what happens to objects, told to queues, topics and functions by a bucket's notification configuration,
//! and to the event bus where EventBridge is switched on.
//!
//! A note is written in the transaction of the change that it tells of. [`Tell`] hands it over afterwards: at least
//! once, in the order of the changes. What a destination refuses for good (it has been deleted) is dropped, as AWS
//! does; the log tells of it.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html>,
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html>

use super::SERVICE;
use super::buckets::Bucket;
use super::canonical;
use super::configs::NOTIFICATION;
use super::errors::{Refusal, S3Error};
use super::model::object::Version;
use super::notification::{Destination, Kind};
use base::{AccountId, Region, Timestamp};
use kernel::reconcile::Reconciler;
use kernel::{Call, Cloud, Cx};
use std::sync::Arc;
use store::{Direction, Key, Table};
use wire::{Fault, Struct, Value};

const BATCH: usize = 64;

store::record! {
    /// A message on its way to one destination.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Note {
        1 => pub arn: String,
        2 => pub account: AccountId,
        3 => pub region: Region,
        /// A JSON object.
        4 => pub text: String,
        /// The bucket's ARN.
        5 => pub source: String,
        /// The chain of requests that it belongs to.
        6 => pub chain: Option<String>,
    }
}

pub const NOTES: Table<Note> = Table::new(0x2030, "s3/notes");

/// What has happened to an object.
#[derive(Clone, Copy, Debug)]
pub struct Happened<'a> {
    /// `ObjectCreated:Put`
    pub event: &'static str,
    /// EventBridge's name for it: `Object Created`.
    pub detail_type: &'static str,
    /// `PutObject`, `Lifecycle Expiration`: EventBridge's `reason`. Empty where it gives none.
    pub reason: &'static str,
    pub key: &'a str,
    pub version: Option<&'a Version>,
    /// The id of the version or marker, where the bucket keeps versions.
    pub version_id: Option<&'a str>,
    /// Only a delete marker was made.
    pub marker: bool,
}

/// Who did it, and when.
#[derive(Clone, Copy, Debug)]
pub struct Actor<'a> {
    pub now: Timestamp,
    /// `AWS:AIDA...`
    pub principal: &'a str,
    /// The account, or the service.
    pub requester: &'a str,
    pub address: &'a str,
    pub request_id: &'a str,
    /// The chain of requests that it belongs to.
    pub chain: Option<&'a str>,
}

/// Notes an event of an operation, for whomever it concerns.
///
/// # Errors
/// The store's.
pub fn happened(cx: &mut Cx<'_>, bucket: &Bucket, what: &Happened<'_>) -> Result<(), S3Error> {
    let Some(configuration) = NOTIFICATION.get(cx.tx, &bucket.scope)? else { return Ok(()) };
    let address =
        cx.request.peer.as_ref().map(|peer| peer.address.to_canonical().to_string()).unwrap_or_default();
    let principal = match cx.caller.principal.account().filter(|_| cx.caller.principal.is_root()) {
        Some(account) => canonical::customer(account),
        None => ["AWS:", &cx.caller.user_id].concat(),
    };
    let requester = cx.account.as_str().to_owned();
    let id = cx.request.id.clone();
    let actor = Actor {
        now: cx.now,
        principal: &principal,
        requester: &requester,
        address: &address,
        request_id: &id,
        chain: cx.request.chain.as_deref(),
    };
    let cloud = Arc::clone(cx.cloud());
    note(&cloud, cx.tx, bucket, &configuration, what, &actor);
    Ok(())
}

/// As [`happened`], of what S3 does by itself in an account.
///
/// # Errors
/// The store's.
pub fn by_itself(cx: &mut Cx<'_>, bucket: &Bucket, what: &Happened<'_>) -> Result<(), S3Error> {
    let Some(configuration) = NOTIFICATION.get(cx.tx, &bucket.scope)? else { return Ok(()) };
    let id = cx.request.id.clone();
    // AWS: lifecycles are S3's own doing, restores were recorded in the name of the bucket's owner.
    let customer = ["AmazonCustomer:", &canonical::customer(bucket.record.owner)].concat();
    let is_restore = what.event.starts_with("ObjectRestore:");
    let (principal, address) = if is_restore { (customer.as_str(), "127.0.0.1") } else { (SERVICE, SERVICE) };
    let actor = Actor { now: cx.now, principal, requester: SERVICE, address, request_id: &id, chain: None };
    let cloud = Arc::clone(cx.cloud());
    note(&cloud, cx.tx, bucket, &configuration, what, &actor);
    Ok(())
}

/// As [`happened`], of work in the background.
pub fn note(
    cloud: &Cloud,
    tx: &mut store::Tx,
    bucket: &Bucket,
    configuration: &super::notification::NotificationConfiguration,
    what: &Happened<'_>,
    actor: &Actor<'_>,
) {
    write_down(cloud, tx, bucket, configuration, what, actor, None);
    let record = &bucket.record;
    if configuration.event_bridge.is_some() {
        let news = kernel::bus::News {
            account: record.owner,
            region: record.region.name(),
            source: "aws.s3",
            detail_type: what.detail_type,
            resources: vec![record.arn()],
            detail: &detail(bucket, what, actor),
        };
        cloud.emit(tx, actor.now, news);
    }
}

/// A note to each destination that wants to hear of it, but not to the event bus. `replication`: how a version comes to
/// another bucket.
pub(crate) fn write_down(
    cloud: &Cloud,
    tx: &mut store::Tx,
    bucket: &Bucket,
    configuration: &super::notification::NotificationConfiguration,
    what: &Happened<'_>,
    actor: &Actor<'_>,
    replication: Option<&Value>,
) {
    let record = &bucket.record;
    let name = ["s3:", what.event].concat();
    for (at, destination) in configuration.told(&name, what.key).enumerate() {
        let message = message(bucket, what, actor, destination.id.unwrap_or_default(), replication);
        let note = Note {
            arn: destination.arn.to_owned(),
            account: record.owner,
            region: record.region,
            text: wire::json::text(&message),
            source: record.arn(),
            chain: actor.chain.map(str::to_owned),
        };
        let key =
            Key::global().time(actor.now).u64(cloud.rng().u64()).u32(u32::try_from(at).unwrap_or_default());
        NOTES.put(tx, &key, &note);
    }
}

fn structure(members: Vec<(&'static str, Value)>) -> Value {
    Value::Struct(members.into_iter().collect::<Struct>())
}

/// The families of the message's version 2.3. Replication's is 2.2; the others are of 2.1.
const YOUNGER: [&str; 6] = [
    "LifecycleExpiration",
    "LifecycleTransition",
    "ObjectAcl",
    "ObjectRestore:Delete",
    "ObjectTagging",
    "IntelligentTiering",
];

/// An object has come to an archive within its class.
pub const TIERED: &str = "IntelligentTiering";

/// What only touches a version: AWS was seen to tell its tag, and neither size nor order.
fn touches(what: &Happened<'_>) -> bool {
    ["ObjectAcl:", "ObjectTagging:"].iter().any(|family| what.event.starts_with(family))
}

/// Whether an object comes or goes: of other things the event bus is told no order.
fn comes_or_goes(what: &Happened<'_>) -> bool {
    ["ObjectCreated:", "ObjectRemoved:", "LifecycleExpiration:"]
        .iter()
        .any(|family| what.event.starts_with(family))
}

/// Sixteen digits that grow with the versions of a key.
fn sequencer(what: &Happened<'_>, actor: &Actor<'_>) -> Option<String> {
    if touches(what) || what.event == TIERED {
        return None;
    }
    let order = what.version.map_or(0, |version| version.order);
    Some(format!("{:016X}", order.max(u64::try_from(actor.now.micros()).unwrap_or_default())))
}

/// What a message tells of some families beside the object.
fn of_family(what: &Happened<'_>) -> Option<(&'static str, Value)> {
    let version = what.version?;
    let class = || Value::str(version.class.name());
    match (what.event, &version.restore, version.archive) {
        (TIERED, _, Some(tier)) => {
            let data = structure(vec![("destinationAccessTier", Value::str(tier.name()))]);
            Some(("intelligentTieringEventData", data))
        }
        ("LifecycleTransition", ..) => {
            let data = structure(vec![("destinationStorageClass", class())]);
            Some(("lifecycleEventData", structure(vec![("transitionEventData", data)])))
        }
        ("ObjectRestore:Completed", Some(restore), _) => {
            let data = structure(vec![
                ("lifecycleRestorationExpiryTime", Value::Str(restore.expires.iso8601_millis())),
                ("lifecycleRestoreStorageClass", class()),
            ]);
            Some(("glacierEventData", structure(vec![("restoreEventData", data)])))
        }
        _ => None,
    }
}

/// The message that queues, topics and functions get.
fn message(
    bucket: &Bucket,
    what: &Happened<'_>,
    actor: &Actor<'_>,
    configuration_id: &str,
    replication: Option<&Value>,
) -> Value {
    let record = &bucket.record;
    let owner = structure(vec![("principalId", Value::Str(canonical::customer(record.owner)))]);
    let mut object = vec![("key", Value::Str(super::listing::form_encoded(what.key)))];
    if let Some(version) = what.version.filter(|_| !what.marker) {
        if !touches(what) {
            object.push(("size", Value::Int(i64::try_from(version.size).unwrap_or(i64::MAX))));
        }
        object.push(("eTag", Value::str(version.etag.as_str())));
    }
    if let Some(id) = what.version_id {
        object.push(("versionId", Value::str(id)));
    }
    object.extend(sequencer(what, actor).map(|number| ("sequencer", Value::Str(number))));
    let s3 = structure(vec![
        ("s3SchemaVersion", Value::str("1.0")),
        ("configurationId", Value::str(configuration_id)),
        (
            "bucket",
            structure(vec![
                ("name", Value::str(record.name.as_str())),
                ("ownerIdentity", owner),
                ("arn", Value::Str(record.arn())),
            ]),
        ),
        ("object", structure(object)),
    ]);
    let edition = match replication {
        Some(_) => "2.2",
        None if YOUNGER.iter().any(|family| what.event.starts_with(family)) => "2.3",
        None => "2.1",
    };
    let mut entry = vec![
        ("eventVersion", Value::str(edition)),
        ("eventSource", Value::str("aws:s3")),
        ("awsRegion", Value::str(record.region.name())),
        ("eventTime", Value::Str(actor.now.iso8601_millis())),
        ("eventName", Value::str(what.event)),
        ("userIdentity", structure(vec![("principalId", Value::str(actor.principal))])),
        ("requestParameters", structure(vec![("sourceIPAddress", Value::str(actor.address))])),
        (
            "responseElements",
            structure(vec![
                ("x-amz-request-id", Value::str(actor.request_id)),
                ("x-amz-id-2", Value::str(actor.request_id)),
            ]),
        ),
        ("s3", s3),
    ];
    entry.extend(of_family(what));
    entry.extend(replication.map(|data| ("replicationEventData", data.clone())));
    structure(vec![("Records", Value::List(vec![structure(entry)]))])
}

/// What EventBridge is told of a version's class, and of its copy.
fn of_class(event: &str, version: &Version) -> Vec<(&'static str, Value)> {
    let class = Value::str(version.class.name());
    match (event, &version.restore, version.archive) {
        ("ObjectRestore:Post", ..) => vec![("source-storage-class", class)],
        ("ObjectRestore:Completed", Some(restore), _) => {
            vec![
                ("restore-expiry-time", Value::Str(restore.expires.iso8601())),
                ("source-storage-class", class),
            ]
        }
        ("ObjectRestore:Completed", None, _) => vec![("source-storage-class", class)],
        ("LifecycleTransition", ..) => vec![("destination-storage-class", class)],
        (TIERED, _, Some(tier)) => vec![("destination-access-tier", Value::str(tier.name()))],
        _ => Vec::new(),
    }
}

/// EventBridge's `detail`.
fn detail(bucket: &Bucket, what: &Happened<'_>, actor: &Actor<'_>) -> Value {
    let mut object = vec![("key", Value::str(what.key))];
    if let Some(version) = what.version.filter(|_| !what.marker) {
        if !touches(what) {
            object.push(("size", Value::Int(i64::try_from(version.size).unwrap_or(i64::MAX))));
        }
        object.push(("etag", Value::str(version.etag.as_str())));
    }
    if let Some(id) = what.version_id {
        object.push(("version-id", Value::str(id)));
    }
    let number = sequencer(what, actor).filter(|_| comes_or_goes(what));
    object.extend(number.map(|number| ("sequencer", Value::Str(number))));
    let mut members = vec![
        ("version", Value::str("0")),
        ("bucket", structure(vec![("name", Value::str(bucket.record.name.as_str()))])),
        ("object", structure(object)),
        ("request-id", Value::str(actor.request_id)),
        ("requester", Value::str(actor.requester)),
    ];
    // There is none of what S3 does by itself.
    if actor.requester != SERVICE {
        members.push(("source-ip-address", Value::str(actor.address)));
    }
    members.extend(what.version.into_iter().flat_map(|version| of_class(what.event, version)));
    if !what.reason.is_empty() {
        members.push(("reason", Value::str(what.reason)));
    }
    if what.event.starts_with("ObjectRemoved") || what.event.starts_with("LifecycleExpiration") {
        let kind = if what.marker { "Delete Marker Created" } else { "Permanently Deleted" };
        members.push(("deletion-type", Value::str(kind)));
    }
    structure(members)
}

/// A destination that is not there, or does not let S3 in.
pub(crate) struct Unreachable {
    name: String,
    why: String,
}

/// Sends the test event to a destination that a configuration names for the first time.
///
/// # Errors
/// [`Unreachable`].
pub(crate) fn greet(
    cx: &mut Cx<'_>,
    bucket: &Bucket,
    destination: &Destination<'_>,
) -> Result<(), Unreachable> {
    let text = structure(vec![
        ("Service", Value::str("Amazon S3")),
        ("Event", Value::str("s3:TestEvent")),
        ("Time", Value::Str(cx.now.iso8601_millis())),
        ("Bucket", Value::str(bucket.record.name.as_str())),
        ("RequestId", Value::str(cx.request.id.as_str())),
        ("HostId", Value::str(cx.request.id.as_str())),
    ]);
    let (arn, owner) = (bucket.record.arn(), bucket.record.owner);
    let sent = match delivery(destination.arn, &wire::json::text(&text)) {
        // Functions are not called to see whether they are there.
        Some((Kind::Function, _)) => {
            let members =
                [("FunctionName", Value::str(destination.arn)), ("InvocationType", Value::str("DryRun"))];
            let value = Value::Struct(Struct::from_iter(members));
            let call = Call { service: "lambda", operation: "Invoke", value };
            cx.call_for(&arn, call, SERVICE, owner)
        }
        Some((_, call)) => cx.call_for(&arn, call, SERVICE, owner),
        None => Err(Fault::new(400, "", "")),
    };
    sent.map(drop).map_err(|fault| unreachable(destination, crate::s3::errors::is_denied(&fault)))
}

/// AWS: recorded answers. A function is not told from one that does not let S3 in, and its name has a second half.
fn unreachable(destination: &Destination<'_>, denied: bool) -> Unreachable {
    let arn = destination.arn;
    let kind = match destination.kind {
        Kind::Function => {
            let why = format!("Not authorized to invoke function [{arn}]");
            return Unreachable { name: format!("{arn}, null"), why };
        }
        Kind::Topic => "topic",
        Kind::Queue => "queue",
    };
    let why = if denied {
        format!(
            "Permissions on the destination {kind} do not allow S3 to publish notifications from this bucket"
        )
    } else {
        format!("The destination {kind} does not exist")
    };
    Unreachable { name: arn.to_owned(), why }
}

/// The names of what an error tells of several arguments.
const COUNTED: [(&str, &str); 8] = [
    ("ArgumentName1", "ArgumentValue1"),
    ("ArgumentName2", "ArgumentValue2"),
    ("ArgumentName3", "ArgumentValue3"),
    ("ArgumentName4", "ArgumentValue4"),
    ("ArgumentName5", "ArgumentValue5"),
    ("ArgumentName6", "ArgumentValue6"),
    ("ArgumentName7", "ArgumentValue7"),
    ("ArgumentName8", "ArgumentValue8"),
];

/// The destinations of a configuration that cannot be reached, the first few of them by name.
pub(crate) fn refusal(all: &[Unreachable]) -> S3Error {
    let refusal =
        Refusal::InvalidArgument("Unable to validate the following destination configurations".into());
    let mut fault = Fault::from(S3Error::from(refusal));
    for (one, (name, value)) in all.iter().zip(COUNTED) {
        fault.members.push(name, Value::str(one.name.as_str()));
        fault.members.push(value, Value::str(one.why.as_str()));
    }
    fault.into()
}

/// The call that hands a message over.
fn delivery(arn: &str, text: &str) -> Option<(Kind, Call<'static>)> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let [_, _, service, region, account, resource] = parts[..] else { return None };
    let call = |service, operation, members: Vec<(&'static str, Value)>| Call {
        service,
        operation,
        value: structure(members),
    };
    Some(match service {
        "sqs" => {
            let url = format!("https://sqs.{region}.amazonaws.com/{account}/{resource}");
            let members = vec![("QueueUrl", Value::Str(url)), ("MessageBody", Value::str(text))];
            (Kind::Queue, call("sqs", "SendMessage", members))
        }
        "sns" => {
            let members = vec![
                ("TopicArn", Value::str(arn)),
                ("Message", Value::str(text)),
                ("Subject", Value::str("Amazon S3 Notification")),
            ];
            (Kind::Topic, call("sns", "Publish", members))
        }
        "lambda" => {
            let payload = Value::Blob(bytes::Bytes::copy_from_slice(text.as_bytes()));
            let members = vec![
                ("FunctionName", Value::str(arn)),
                ("InvocationType", Value::str("Event")),
                ("Payload", payload),
            ];
            (Kind::Function, call("lambda", "Invoke", members))
        }
        _ => return None,
    })
}

/// Hands notes over.
#[derive(Debug)]
pub struct Tell;

impl Reconciler for Tell {
    fn name(&self) -> &'static str {
        "s3 notifications"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        vec![NOTES.stored_key(&Key::empty())]
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        loop {
            let mut tx = cloud.store().begin();
            let some = NOTES
                .scan(&cloud.store().snapshot(), &Key::empty(), Direction::Forward)
                .take(BATCH)
                .collect();
            let some: Result<Vec<(Key, Note)>, _> = some;
            let notes = some.map_err(|e| e.to_string())?;
            if notes.is_empty() {
                return Ok(None);
            }
            for (key, note) in notes {
                hand_over(cloud, &mut tx, &note);
                NOTES.delete(&mut tx, &key);
            }
            match tx.commit().wait() {
                Ok(_) | Err(store::CommitError::Conflict) => {}
                Err(error) => return Err(error.to_string()),
            }
        }
    }
}

fn hand_over(cloud: &Arc<Cloud>, tx: &mut store::Tx, note: &Note) {
    let Some((_, call)) = delivery(&note.arn, &note.text) else { return };
    let savepoint = tx.savepoint();
    let along = (Some(note.source.as_str()), note.chain.as_deref());
    if let Err(fault) = cloud.call_along(tx, SERVICE, (note.account, note.region), along, call) {
        tx.rollback_to(savepoint);
        let fields = [("destination", note.arn.as_str()), ("problem", &fault.to_string())];
        kernel::log::warn("a notification of S3 was not taken", &fields);
    }
}
