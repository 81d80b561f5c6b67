//! What EventBridge keeps: buses, rules, targets, and what is on its way.

use super::errors::EventsError;
use base::tag::Tags;
use base::{AccountId, Arn, Region, Timestamp};
use kernel::Cx;
use std::collections::BTreeMap;
use store::{Direction, Key, Read, StoreError, Table, Tx};

pub(super) const DEFAULT: &str = "default";

/// By account, region, name.
pub(super) const BUSES: Table<Bus> = Table::new(0x1401, "events/buses");
/// By account, region, bus, name.
pub(super) const RULES: Table<Rule> = Table::new(0x1402, "events/rules");
/// By account, region, bus, rule, id.
pub(super) const TARGETS: Table<Target> = Table::new(0x1403, "events/targets");
/// By when they are to be made, number.
pub(super) const DELIVERIES: Table<Delivery> = Table::new(0x1404, "events/deliveries");
/// Those to API destinations, likewise.
pub(super) const CALLS: Table<Delivery> = Table::new(0x140E, "events/calls");
/// Rules with a schedule, by when they are due, account, region, name.
pub(super) const DUE: Table<Due> = Table::new(0x1405, "events/due");

store::record! {
    #[derive(Clone, PartialEq, Debug)]
    pub(super) struct Bus {
        1 => pub(super) account: AccountId,
        2 => pub(super) region: Region,
        3 => pub(super) name: String,
        4 => pub(super) description: Option<String>,
        5 => pub(super) policy: Option<String>,
        6 => pub(super) tags: Tags,
        /// The default bus has none: it was always there.
        7 => pub(super) created: Option<Timestamp>,
        8 => pub(super) modified: Option<Timestamp>,
        /// As it was named.
        9 => pub(super) key: Option<String>,
        /// Where events go that this key keeps from being kept.
        10 => pub(super) dead_letters: Option<String>,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub(super) struct Rule {
        1 => pub(super) account: AccountId,
        2 => pub(super) region: Region,
        3 => pub(super) bus: String,
        4 => pub(super) name: String,
        5 => pub(super) pattern: Option<String>,
        6 => pub(super) schedule: Option<String>,
        7 => pub(super) enabled: bool,
        8 => pub(super) description: Option<String>,
        9 => pub(super) role: Option<String>,
        10 => pub(super) tags: Tags,
        /// From here a rate is counted.
        11 => pub(super) since: Timestamp,
        /// When its schedule comes due next.
        12 => pub(super) due: Option<Timestamp>,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub(super) struct Target {
        1 => pub(super) id: String,
        2 => pub(super) arn: String,
        3 => pub(super) role: Option<String>,
        4 => pub(super) input: Option<String>,
        5 => pub(super) input_path: Option<String>,
        /// Of an input transformer: names with the paths of their values.
        6 => pub(super) paths: BTreeMap<String, String>,
        7 => pub(super) template: Option<String>,
        /// Of a FIFO queue.
        8 => pub(super) group: Option<String>,
        9 => pub(super) retries: Option<u32>,
        10 => pub(super) age_seconds: Option<u32>,
        11 => pub(super) dead_letters: Option<String>,
        /// Of an API destination.
        12 => pub(super) http: Option<Http>,
    }

    /// What a target brings to a call: values, or paths of them in the event.
    #[derive(Clone, PartialEq, Eq, Debug)]
    pub(crate) struct Http {
        1 => pub(crate) path: Vec<String>,
        2 => pub(crate) headers: BTreeMap<String, String>,
        3 => pub(crate) query: BTreeMap<String, String>,
    }

    /// An event on its way to one target.
    #[derive(Clone, PartialEq, Debug)]
    pub(super) struct Delivery {
        /// Of the rule.
        1 => pub(super) account: AccountId,
        2 => pub(super) region: Region,
        3 => pub(super) rule: String,
        4 => pub(super) target: Target,
        /// The event, as JSON.
        5 => pub(super) event: String,
        /// What the target is to get.
        6 => pub(super) input: String,
        7 => pub(super) taken: Timestamp,
        8 => pub(super) attempts: u32,
        /// Over how many buses it has come.
        9 => pub(super) hops: u32,
        /// Tells those of the same instant apart.
        10 => pub(super) number: u64,
        11 => pub(super) rule_name: String,
        /// Event and input, of a bus with a key; what seals them, as KMS has encrypted it; and the bus.
        12 => pub(super) sealed: Vec<u8>,
        13 => pub(super) data_key: Vec<u8>,
        14 => pub(super) bus: String,
        /// As [`super::routing::Event`] has it.
        15 => pub(super) trace: Option<String>,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub(super) struct Due {
        1 => pub(super) account: AccountId,
        2 => pub(super) region: Region,
        3 => pub(super) name: String,
    }
}

/// A place of buses: an account's, in one region.
pub(super) type Home = (AccountId, Region);

pub(super) fn bus_arn((account, region): Home, name: &str) -> String {
    format!("arn:aws:events:{}:{account}:event-bus/{name}", region.name())
}

pub(super) fn rule_arn((account, region): Home, bus: &str, name: &str) -> String {
    let path = if bus == DEFAULT { name.to_owned() } else { format!("{bus}/{name}") };
    format!("arn:aws:events:{}:{account}:rule/{path}", region.name())
}

impl Bus {
    pub(super) fn key((account, region): Home, name: &str) -> Key {
        Key::regional(account, region).str(name)
    }

    /// The default one is always there.
    pub(super) fn load(from: &dyn Read, home: Home, name: &str) -> Result<Option<Bus>, StoreError> {
        let found = BUSES.get(from, &Bus::key(home, name))?;
        Ok(found.or_else(|| {
            let fresh = || Bus { account: home.0, region: home.1, name: DEFAULT.into(), ..Bus::default() };
            (name == DEFAULT).then(fresh)
        }))
    }

    pub(super) fn home(&self) -> Home {
        (self.account, self.region)
    }

    pub(super) fn save(&self, tx: &mut Tx) {
        BUSES.put(tx, &Bus::key(self.home(), &self.name), self);
    }

    pub(super) fn arn(&self) -> String {
        bus_arn(self.home(), &self.name)
    }
}

impl Rule {
    pub(super) fn key(home: Home, bus: &str, name: &str) -> Key {
        Bus::key(home, bus).str(name)
    }

    pub(super) fn own_key(&self) -> Key {
        Rule::key(self.home(), &self.bus, &self.name)
    }

    pub(super) fn home(&self) -> Home {
        (self.account, self.region)
    }

    pub(super) fn arn(&self) -> String {
        rule_arn(self.home(), &self.bus, &self.name)
    }

    /// Its targets, by id: a few.
    pub(super) fn targets(&self, from: &dyn Read) -> Result<Vec<Target>, StoreError> {
        let all = TARGETS.scan(from, &self.own_key(), Direction::Forward);
        all.map(|pair| pair.map(|(_, target)| target)).collect()
    }

    fn due_key(&self, at: Timestamp) -> Key {
        Key::global().time(at).str(self.account.as_str()).str(self.region.name()).str(&self.name)
    }

    /// Saves it, with its place among those that are due.
    pub(super) fn save(mut self, tx: &mut Tx, due: Option<Timestamp>) {
        if let Some(before) = self.due {
            DUE.delete(tx, &self.due_key(before));
        }
        self.due = due;
        if let Some(at) = due {
            let entry = Due { account: self.account, region: self.region, name: self.name.clone() };
            DUE.put(tx, &self.due_key(at), &entry);
        }
        RULES.put(tx, &self.own_key(), &self);
    }

    pub(super) fn delete(&self, tx: &mut Tx) {
        if let Some(before) = self.due {
            DUE.delete(tx, &self.due_key(before));
        }
        RULES.delete(tx, &self.own_key());
    }
}

/// The place and name of a bus that a request names, by its name or its ARN; the default one where it names none.
pub(super) fn named(cx: &Cx<'_>, text: Option<&str>) -> (Home, String) {
    let own = (cx.account, cx.region);
    let Some(text) = text else { return (own, DEFAULT.to_owned()) };
    let read = || {
        let arn = Arn::parse(text)?;
        let home = (AccountId::parse(&arn.account)?, Region::parse(&arn.region)?);
        Some((home, arn.resource.strip_prefix("event-bus/")?.to_owned()))
    };
    read().unwrap_or_else(|| (own, text.to_owned()))
}

/// A bus of the caller's own account and region.
///
/// # Errors
/// `ResourceNotFoundException`.
pub(super) fn own_bus(cx: &Cx<'_>, text: Option<&str>) -> Result<Bus, EventsError> {
    let (home, name) = named(cx, text);
    if home != (cx.account, cx.region) {
        return Err(EventsError::NoBus(text.unwrap_or_default().to_owned()));
    }
    Bus::load(cx.tx, home, &name)?.ok_or(EventsError::NoBus(name))
}

/// A rule of the caller's own.
///
/// # Errors
/// `ResourceNotFoundException`.
pub(super) fn own_rule(cx: &Cx<'_>, bus: Option<&str>, name: &str) -> Result<Rule, EventsError> {
    let bus = own_bus(cx, bus)?;
    let found = RULES.get(cx.tx, &Rule::key(bus.home(), &bus.name, name))?;
    found.ok_or_else(|| EventsError::NoRule(name.to_owned(), bus.name))
}
