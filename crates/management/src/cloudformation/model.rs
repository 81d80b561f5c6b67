//! What CloudFormation keeps: stacks, their templates, resources and events, exports, and the work that is under way.

use base::{AccountId, Arn, Region, Timestamp};
use kernel::Cloud;
use store::{Direction, Key, Read, StoreError, Table, Tx};
use wire::Value;

pub(crate) const SERVICE: &str = "cloudformation.amazonaws.com";
/// The kind of a stack itself, in its events.
pub(crate) const STACK: &str = "AWS::CloudFormation::Stack";
/// What is sealed: parameters that are not echoed, properties made of them, attributes that are secrets, tokens.
pub(crate) const PURPOSE: &str = "cloudformation/values";

store::record! {
    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Stack {
        1 => pub(crate) name: String,
        2 => pub(crate) id: String,
        3 => pub(crate) account: AccountId,
        4 => pub(crate) region: Region,
        5 => pub(crate) status: String,
        6 => pub(crate) reason: Option<String>,
        7 => pub(crate) created: Timestamp,
        8 => pub(crate) updated: Option<Timestamp>,
        9 => pub(crate) deleted: Option<Timestamp>,
        10 => pub(crate) description: Option<String>,
        11 => pub(crate) capabilities: Vec<String>,
        12 => pub(crate) tags: Vec<(String, String)>,
        13 => pub(crate) role: Option<String>,
        14 => pub(crate) disable_rollback: bool,
        /// `DO_NOTHING`, `ROLLBACK` or `DELETE`.
        15 => pub(crate) on_failure: Option<String>,
        16 => pub(crate) timeout_minutes: Option<u32>,
        17 => pub(crate) protected: bool,
        18 => pub(crate) outputs: Vec<Shown>,
        19 => pub(crate) change_set: Option<String>,
        /// As they are shown: what is not echoed is masked.
        20 => pub(crate) parameters: Vec<(String, String)>,
        /// How many events it has had.
        21 => pub(crate) events: u64,
        /// Counts the operations on it: what belongs to the present one has its number.
        22 => pub(crate) round: u32,
        /// Of the request under way.
        23 => pub(crate) token: Option<String>,
        /// Of the request that made it.
        24 => pub(crate) creation_token: Option<String>,
        /// The values of those parameters that are kept in Parameter Store.
        25 => pub(crate) resolved: Vec<(String, String)>,
        /// The ARN of the stack that it is a resource of, and of the one around all.
        26 => pub(crate) parent: Option<String>,
        27 => pub(crate) root: Option<String>,
        /// What it told of itself before the update that the tree around it may still take back.
        28 => pub(crate) former: Vec<Shown>,
        /// The topics that hear of its events.
        29 => pub(crate) notifies: Vec<String>,
        30 => pub(crate) policy: Option<String>,
        /// Its drift when it was last looked at as a whole, and when it or a resource of it was last looked at.
        31 => pub(crate) drift: Option<String>,
        32 => pub(crate) drift_checked: Option<Timestamp>,
        /// The alarms that turn its operations back.
        33 => pub(crate) watches: Option<Watches>,
        /// The operations on it, the latest first; of those before the last two nothing is told.
        34 => pub(crate) operations: Vec<Operation>,
        /// What was said of the operation under way: what it makes goes when it is taken back; how a deletion is meant.
        35 => pub(crate) excepts: Option<bool>,
        36 => pub(crate) deletion: Option<String>,
        /// The round in which it was last whole, where updates have failed since and were kept: its template of then is under
        /// `stable`.
        37 => pub(crate) stable: Option<u32>,
        /// It has never been whole.
        38 => pub(crate) unproven: bool,
    }

    /// `RollbackConfiguration`.
    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Watches {
        1 => pub(crate) triggers: Vec<Trigger>,
        /// How long they are watched once everything is there.
        2 => pub(crate) minutes: u32,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Trigger {
        1 => pub(crate) arn: String,
        2 => pub(crate) kind: String,
    }

    /// One operation on a stack.
    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Operation {
        1 => pub(crate) id: String,
        /// `CREATE_STACK`, `ROLLBACK`, ….
        2 => pub(crate) kind: String,
        /// The stack's id.
        3 => pub(crate) stack: String,
        4 => pub(crate) started: Timestamp,
        5 => pub(crate) ended: Option<Timestamp>,
        /// `IN_PROGRESS`, `SUCCEEDED`, `FAILED`.
        6 => pub(crate) status: String,
    }

    /// An output with its value.
    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Shown {
        1 => pub(crate) name: String,
        2 => pub(crate) value: String,
        3 => pub(crate) description: Option<String>,
        4 => pub(crate) export: Option<String>,
    }

    /// A template, and the parameters that go with it.
    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Body {
        1 => pub(crate) text: String,
        2 => pub(crate) sealed_parameters: Vec<u8>,
        3 => pub(crate) tags: Vec<(String, String)>,
        /// What Parameter Store said of parameters that are kept there.
        4 => pub(crate) resolved: Vec<(String, String)>,
        /// The values of dynamic references, and of other stacks' outputs.
        5 => pub(crate) references: Vec<(String, String)>,
        /// What its transforms have made of it.
        6 => pub(crate) processed: Option<String>,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Resource {
        1 => pub(crate) name: String,
        2 => pub(crate) kind: String,
        /// Empty before it is there.
        3 => pub(crate) physical: String,
        4 => pub(crate) status: String,
        5 => pub(crate) reason: Option<String>,
        6 => pub(crate) time: Timestamp,
        7 => pub(crate) round: u32,
        /// The round that made it.
        8 => pub(crate) made_in: u32,
        9 => pub(crate) needs: Vec<String>,
        /// `DeletionPolicy`, by its number.
        10 => pub(crate) keep: u32,
        11 => pub(crate) properties: Vec<u8>,
        12 => pub(crate) attributes: Vec<u8>,
        13 => pub(crate) metadata: Option<String>,
        /// What it was before the present round changed it.
        14 => pub(crate) old: Option<Past>,
        /// What is to be deleted when the round ends.
        15 => pub(crate) doomed: Vec<Past>,
        /// The part of its end that is done: its service was told.
        16 => pub(crate) ending: bool,
        /// The present round made another in its place.
        17 => pub(crate) replaced: bool,
        /// It is on its way back to what it was.
        18 => pub(crate) reverting: bool,
        /// It was begun, and its service is still at it.
        19 => pub(crate) settling: bool,
        /// `UpdateReplacePolicy`, by its number.
        20 => pub(crate) replacement: u32,
        /// What `CreationPolicy` waits for: how many signals, and until when.
        21 => pub(crate) signals: u32,
        22 => pub(crate) signals_until: Option<Timestamp>,
        /// `UpdatePolicy`, evaluated, as JSON.
        23 => pub(crate) policy: Option<String>,
        /// Its instances are being replaced.
        24 => pub(crate) roll: Option<Roll>,
        /// Of the signals that are waited for, how many of a hundred must be of success; all, where nothing is said.
        25 => pub(crate) percent: Option<u32>,
    }

    /// A rolling update that is under way.
    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Roll {
        /// The sizes before.
        1 => pub(crate) desired: i64,
        2 => pub(crate) min: i64,
        /// Processes that it has suspended.
        3 => pub(crate) suspends: Vec<String>,
        /// How many instances were obsolete.
        4 => pub(crate) total: u32,
        /// By how many the group was enlarged.
        5 => pub(crate) raised: u32,
        /// How many have been replaced, how many are new, and until when those are waited for.
        6 => pub(crate) ended: u32,
        7 => pub(crate) fresh: u32,
        8 => pub(crate) until: Option<Timestamp>,
        /// The batch that is being terminated.
        9 => pub(crate) ending: Vec<String>,
    }

    /// A resource as it was.
    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Past {
        1 => pub(crate) physical: String,
        2 => pub(crate) properties: Vec<u8>,
        3 => pub(crate) attributes: Vec<u8>,
        4 => pub(crate) keep: u32,
        5 => pub(crate) needs: Vec<String>,
        6 => pub(crate) ending: bool,
        7 => pub(crate) settling: bool,
        /// `UpdatePolicy`, as it was then.
        8 => pub(crate) policy: Option<String>,
        9 => pub(crate) metadata: Option<String>,
        10 => pub(crate) replacement: u32,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Event {
        1 => pub(crate) id: String,
        2 => pub(crate) name: String,
        3 => pub(crate) kind: String,
        4 => pub(crate) physical: String,
        5 => pub(crate) status: String,
        6 => pub(crate) reason: Option<String>,
        7 => pub(crate) time: Timestamp,
        8 => pub(crate) properties: Option<String>,
        9 => pub(crate) token: Option<String>,
        /// The id of the operation that it belongs to.
        10 => pub(crate) operation: Option<String>,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Export {
        1 => pub(crate) name: String,
        2 => pub(crate) value: String,
        3 => pub(crate) stack: String,
    }

    /// Which stack a name stands for, or which one uses an export.
    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Link {
        1 => pub(crate) stack: String,
        2 => pub(crate) name: String,
    }

    /// An operation on a stack that is under way, and in whose stead.
    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Job {
        1 => pub(crate) account: AccountId,
        2 => pub(crate) region: Region,
        3 => pub(crate) stack: String,
        4 => pub(crate) phase: Phase,
        5 => pub(crate) access_key: String,
        6 => pub(crate) sealed_token: Option<Vec<u8>>,
        7 => pub(crate) role: Option<String>,
        /// The name by which the caller found the cloud.
        8 => pub(crate) host: Option<String>,
        9 => pub(crate) started: Timestamp,
        /// `CancelUpdateStack` was called.
        10 => pub(crate) cancelled: bool,
        /// Resources that are left alone.
        11 => pub(crate) skip: Vec<String>,
        12 => pub(crate) disable_rollback: bool,
        /// It is a part of the work on the stack around it.
        13 => pub(crate) within: bool,
        /// The stack policy of this update alone.
        14 => pub(crate) policy: Option<String>,
        /// The caller's unique id.
        15 => pub(crate) principal: String,
        /// What becomes part of the stack as it is.
        16 => pub(crate) imports: Vec<Import>,
        /// What the operation has made goes when it is taken back, also where it would be retained.
        17 => pub(crate) excepts: bool,
        /// The cloud was found there over TLS.
        18 => pub(crate) secure: Option<bool>,
        /// Everything is there, and the stack is watched until then.
        19 => pub(crate) watched_until: Option<Timestamp>,
    }

    /// A resource that is there and becomes one of a stack.
    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Import {
        1 => pub(crate) name: String,
        2 => pub(crate) kind: String,
        3 => pub(crate) physical: String,
        /// By which names and values that was said.
        4 => pub(crate) identifiers: Vec<(String, String)>,
    }

    /// An event that a topic is to hear of.
    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Note {
        1 => pub(crate) topic: String,
        2 => pub(crate) message: String,
        3 => pub(crate) account: AccountId,
        4 => pub(crate) region: Region,
        5 => pub(crate) access_key: String,
        6 => pub(crate) sealed_token: Option<Vec<u8>>,
        7 => pub(crate) role: Option<String>,
    }
}

store::record_enum! {
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub(crate) enum Phase {
        1 => Create,
        2 => Update,
        3 => Cleanup,
        4 => UpdateRollback,
        5 => RollbackCleanup,
        6 => Rollback,
        7 => Delete,
        /// Updated, as a part of a tree that is not done yet.
        8 => Held,
        9 => Import,
        10 => ImportRollback,
    }
}

pub(crate) const STACKS: Table<Stack> = Table::new(0x1701, "cloudformation/stacks");
/// By name, of stacks that are not deleted.
pub(crate) const NAMES: Table<Link> = Table::new(0x1702, "cloudformation/names");
/// Of a stack, by `now` and, during an update, `next`.
pub(crate) const BODIES: Table<Body> = Table::new(0x1703, "cloudformation/templates");
pub(crate) const RESOURCES: Table<Resource> = Table::new(0x1704, "cloudformation/resources");
/// Of a stack, the latest first.
pub(crate) const EVENTS: Table<Event> = Table::new(0x1705, "cloudformation/events");
pub(crate) const EXPORTS: Table<Export> = Table::new(0x1706, "cloudformation/exports");
/// By export and stack.
pub(crate) const IMPORTS: Table<Link> = Table::new(0x1707, "cloudformation/imports");
pub(crate) const JOBS: Table<Job> = Table::new(0x1708, "cloudformation/jobs");

/// In the order of the events.
pub(crate) const NOTES: Table<Note> = Table::new(0x170D, "cloudformation/notifications");

pub(crate) const NOW: &str = "now";
pub(crate) const NEXT: &str = "next";
pub(crate) const STABLE: &str = "stable";

/// An event that is to be written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Said<'a> {
    pub(crate) name: &'a str,
    pub(crate) kind: &'a str,
    pub(crate) physical: &'a str,
    pub(crate) status: &'a str,
    pub(crate) reason: Option<&'a str>,
    pub(crate) properties: Option<&'a str>,
}

impl Job {
    /// By which name the caller found the cloud, and whether over TLS.
    pub(crate) fn found(&self) -> Option<(&str, bool)> {
        Some((self.host.as_deref()?, self.secure == Some(true)))
    }
}

impl Stack {
    pub(crate) fn arn(&self) -> String {
        let resource = format!("stack/{}/{}", self.name, self.id);
        Arn::new("cloudformation", self.region.name(), self.account.as_str(), &resource).to_string()
    }

    pub(crate) fn key(&self) -> Key {
        Key::regional(self.account, self.region).str(&self.id)
    }

    /// The key of the stack that an ARN names.
    pub(crate) fn key_of_arn(arn: &str) -> Option<Key> {
        let arn = Arn::parse(arn)?;
        let (_, id) = arn.resource.strip_prefix("stack/")?.split_once('/')?;
        Some(Key::regional(AccountId::parse(&arn.account)?, Region::parse(&arn.region)?).str(id))
    }

    /// The last round in which it was whole: what came later is what is taken back.
    pub(crate) fn whole_at(&self) -> u32 {
        self.stable.unwrap_or_else(|| self.round.saturating_sub(1))
    }

    /// A change set of the stack around it has foreseen it, and nothing of it has been made.
    pub(crate) fn is_foreseen(&self) -> bool {
        self.parent.is_some() && self.status == "REVIEW_IN_PROGRESS"
    }

    pub(crate) fn is_busy(&self) -> bool {
        self.status.ends_with("_IN_PROGRESS")
    }

    pub(crate) fn is_deleted(&self) -> bool {
        self.status == "DELETE_COMPLETE"
    }

    pub(crate) fn save(&self, tx: &mut Tx) {
        STACKS.put(tx, &self.key(), self);
    }

    /// Writes an event, in this transaction. The stack itself is for the caller to save.
    pub(crate) fn say(&mut self, cloud: &Cloud, tx: &mut Tx, said: Said<'_>) {
        self.events += 1;
        let id = match said.kind {
            STACK if said.name == self.name => base::id::uuid(cloud.rng()),
            _ => format!("{}-{}-{}", said.name, said.status, base::id::uuid(cloud.rng())),
        };
        let event = Event {
            id,
            name: said.name.to_owned(),
            kind: said.kind.to_owned(),
            physical: said.physical.to_owned(),
            status: said.status.to_owned(),
            reason: said.reason.map(str::to_owned),
            time: cloud.clock().now(),
            properties: said.properties.map(str::to_owned),
            token: self.token.clone(),
            operation: self.operation(),
        };
        EVENTS.put(tx, &self.key().u64(u64::MAX - self.events), &event);
        super::news::happened(cloud, tx, self, &event);
        self.note(tx, &event);
    }

    /// The topics of the stack are to hear of an event, in the stead of whoever works on it.
    fn note(&self, tx: &mut Tx, event: &Event) {
        if self.notifies.is_empty() {
            return;
        }
        let job = match JOBS.get(tx, &Key::global().str(&self.id)) {
            Ok(Some(job)) => job,
            Ok(None) => return,
            Err(error) => {
                let fields = [("stack", self.arn()), ("problem", error.to_string())];
                let fields = fields.each_ref().map(|(name, text)| (*name, text.as_str()));
                kernel::log::error("the topics of a stack miss an event", &fields);
                return;
            }
        };
        let said = |text: Option<&str>| text.unwrap_or_default().replace('\'', "\\'");
        let lines = [
            ("StackId", self.arn()),
            ("Timestamp", event.time.iso8601_millis()),
            ("EventId", event.id.clone()),
            ("LogicalResourceId", event.name.clone()),
            ("Namespace", self.account.to_string()),
            ("PhysicalResourceId", said(Some(&event.physical))),
            ("PrincipalId", job.principal.clone()),
            ("ResourceProperties", said(event.properties.as_deref())),
            ("ResourceStatus", event.status.clone()),
            ("ResourceStatusReason", said(event.reason.as_deref())),
            ("ResourceType", event.kind.clone()),
            ("StackName", self.name.clone()),
            ("ClientRequestToken", event.token.clone().unwrap_or_else(|| "null".into())),
        ];
        let message: String = lines.iter().map(|(name, value)| format!("{name}='{value}'\n")).collect();
        for (place, topic) in (0u64..).zip(&self.notifies) {
            let note = Note {
                topic: topic.clone(),
                message: message.clone(),
                account: self.account,
                region: self.region,
                access_key: job.access_key.clone(),
                sealed_token: job.sealed_token.clone(),
                role: job.role.clone(),
            };
            NOTES.put(tx, &Key::global().str(&self.id).u64(self.events).u64(place), &note);
        }
    }

    /// Why its last operation failed, where it is on its way back or there.
    pub(crate) fn failure(&self, from: &dyn Read) -> Result<String, StoreError> {
        if let Some(reason) = &self.reason {
            return Ok(reason.clone());
        }
        // The latest come first.
        for entry in EVENTS.scan(from, &self.key(), Direction::Forward) {
            let (_, event) = entry?;
            let is_own = event.kind == STACK && event.name == self.name;
            if is_own && event.status.ends_with("ROLLBACK_IN_PROGRESS") {
                return Ok(event.reason.unwrap_or_default());
            }
        }
        Ok(String::new())
    }

    /// Enters a state and says so.
    pub(crate) fn enter(&mut self, cloud: &Cloud, tx: &mut Tx, status: &str, reason: Option<&str>) {
        self.status = status.to_owned();
        self.reason = reason.map(str::to_owned);
        self.move_on(cloud, tx);
        let (name, arn) = (self.name.clone(), self.arn());
        let said = Said { name: &name, kind: STACK, physical: &arn, status, reason, properties: None };
        self.say(cloud, tx, said);
        self.save(tx);
    }
}

/// A value as it is kept.
pub(crate) fn seal(cloud: &Cloud, value: &Value) -> Vec<u8> {
    cloud.sealer().seal(cloud.rng(), PURPOSE, wire::json::text(value).as_bytes())
}

/// A value that was kept; an empty map where there is none.
pub(crate) fn open(cloud: &Cloud, sealed: &[u8]) -> Value {
    let nothing = || Value::Map(Vec::new());
    if sealed.is_empty() {
        return nothing();
    }
    let text = cloud.sealer().open(PURPOSE, sealed).ok();
    let value = text.and_then(|text| wire::json::read(std::str::from_utf8(&text).ok()?));
    value.unwrap_or_else(|| {
        kernel::log::error("a value of a stack could not be opened", &[]);
        nothing()
    })
}

/// A text that was sealed by itself.
pub(crate) fn seal_text(cloud: &Cloud, text: &str) -> Vec<u8> {
    cloud.sealer().seal(cloud.rng(), PURPOSE, text.as_bytes())
}

pub(crate) fn open_text(cloud: &Cloud, sealed: &[u8]) -> Option<String> {
    let text = cloud.sealer().open(PURPOSE, sealed).ok()?;
    Some(String::from_utf8_lossy(&text).into_owned())
}

impl Resource {
    pub(crate) fn key(&self, stack: &Stack) -> Key {
        stack.key().str(&self.name)
    }

    pub(crate) fn past(&self) -> Past {
        Past {
            physical: self.physical.clone(),
            properties: self.properties.clone(),
            attributes: self.attributes.clone(),
            keep: self.keep,
            needs: self.needs.clone(),
            ending: false,
            settling: self.settling,
            policy: self.policy.clone(),
            metadata: self.metadata.clone(),
            replacement: self.replacement,
        }
    }

    /// There was something of it, and it has not ended.
    pub(crate) fn is_live(&self) -> bool {
        !matches!(self.status.as_str(), "DELETE_COMPLETE" | "DELETE_SKIPPED")
    }
}

impl Body {
    /// The template that is at work.
    pub(crate) fn template(&self) -> &str {
        self.processed.as_deref().unwrap_or(&self.text)
    }

    pub(crate) fn parameters(&self, cloud: &Cloud) -> std::collections::BTreeMap<String, String> {
        match open(cloud, &self.sealed_parameters) {
            Value::Map(entries) => {
                let pair = |(name, value): (String, Value)| Some((name, value.as_str()?.to_owned()));
                entries.into_iter().filter_map(pair).collect()
            }
            _ => std::collections::BTreeMap::new(),
        }
    }
}
