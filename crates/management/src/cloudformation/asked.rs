//! What stacks ask of others, and what comes back: the requests to the providers of custom resources, the handles of
//! wait conditions, and the signals that resources wait for.
//!
//! Whoever has the address that a request or a handle carries may answer: it holds, sealed, what it is for, so that
//! nobody makes one up. AWS: <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref.html>

use super::model::{Stack, open, seal};
use base::{AccountId, Region, Timestamp};
use kernel::Cloud;
use store::{Direction, Key, Read, StoreError, Table, Tx};
use wire::Value;

store::record! {
    /// A request to a provider.
    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Asked {
        1 => pub(crate) id: String,
        /// `Create`, `Update` or `Delete`.
        2 => pub(crate) verb: String,
        /// Of what it tells, where that is there already.
        3 => pub(crate) physical: String,
        4 => pub(crate) until: Timestamp,
        /// Empty as long as there is none.
        5 => pub(crate) answer: Vec<u8>,
    }

    /// A signal, as it was given.
    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Signal {
        1 => pub(crate) id: String,
        2 => pub(crate) failed: bool,
        3 => pub(crate) reason: String,
        4 => pub(crate) data: Vec<u8>,
        /// It is among the stack's events.
        5 => pub(crate) told: bool,
    }
}

/// Of a stack and a resource, by the request's id.
pub(crate) const ASKED: Table<Asked> = Table::new(0x170B, "cloudformation/requests to providers");
/// Of a stack and a resource, by the signal's own id.
pub(crate) const SIGNALS: Table<Signal> = Table::new(0x170C, "cloudformation/signals");

/// What the addresses begin with: the buckets that AWS has for this.
pub(crate) const RESPONSES: &str = "/cloudformation-custom-resource-response-";
pub(crate) const HANDLES: &str = "/cloudformation-waitcondition-";
const SIGNATURE: &str = "Signature=";
const PURPOSE: &str = "cloudformation/response addresses";
/// Where functions find the cloud.
pub(crate) const INSIDE: &str = "127.0.0.1:4566";

/// What an address is for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Address {
    pub(crate) account: AccountId,
    pub(crate) region: Region,
    /// The stack's id.
    pub(crate) stack: String,
    /// The resource's name.
    pub(crate) name: String,
    /// The request's; of a handle its own.
    pub(crate) request: String,
}

/// `useast1`
fn squeezed(region: Region) -> String {
    region.name().replace('-', "")
}

pub(crate) fn of_resource(stack: &Stack, name: &str) -> Key {
    stack.key().str(name)
}

impl Address {
    pub(crate) fn of(stack: &Stack, name: &str, request: &str) -> Address {
        Address {
            account: stack.account,
            region: stack.region,
            stack: stack.id.clone(),
            name: name.to_owned(),
            request: request.to_owned(),
        }
    }

    /// Of the resource.
    pub(crate) fn home(&self) -> Key {
        Key::regional(self.account, self.region).str(&self.stack).str(&self.name)
    }

    fn sealed(&self, cloud: &Cloud) -> String {
        let Address { account, region, stack, name, request } = self;
        let text = format!("{account} {} {stack} {name} {request}", region.name());
        cloud.sealer().seal_compact(cloud.rng(), PURPOSE, text.as_bytes())
    }

    /// As a provider is told it.
    pub(crate) fn response_url(&self, cloud: &Cloud, origin: &str, stack: &Stack) -> String {
        let object = format!("{}|{}|{}", stack.arn(), self.name, self.request);
        let object = object.replace(':', "%3A").replace('/', "%2F").replace('|', "%7C");
        let (region, signature) = (squeezed(self.region), self.sealed(cloud));
        format!("{origin}{RESPONSES}{region}/{object}?{SIGNATURE}{signature}")
    }

    /// As `Ref` says it of a handle.
    pub(crate) fn handle_url(&self, cloud: &Cloud, origin: &str, stack: &Stack) -> String {
        let object = stack.arn().replace(':', "%3A").replace('/', "%2F");
        let (region, signature) = (self.region.name(), self.sealed(cloud));
        format!("{origin}{HANDLES}{region}/{object}/{}?{SIGNATURE}{signature}", self.name)
    }

    /// What this cloud has given the address for.
    pub(crate) fn read(cloud: &Cloud, query: &str) -> Option<Address> {
        let sealed = query.split('&').find_map(|pair| pair.strip_prefix(SIGNATURE))?;
        let text = cloud.sealer().open_compact(PURPOSE, sealed).ok()?;
        let mut words = std::str::from_utf8(&text).ok()?.split(' ');
        let mut next = || words.next().map(str::to_owned);
        Some(Address {
            account: AccountId::parse(&next()?)?,
            region: Region::parse(&next()?)?,
            stack: next()?,
            name: next()?,
            request: next()?,
        })
    }
}

impl Asked {
    /// What came back.
    pub(crate) fn answer(&self, cloud: &Cloud) -> Option<Value> {
        (!self.answer.is_empty()).then(|| open(cloud, &self.answer))
    }

    pub(crate) fn take(&mut self, cloud: &Cloud, answer: &Value) {
        self.answer = seal(cloud, answer);
    }
}

/// The requests that a resource has made, and that are not settled yet.
pub(crate) fn asked(from: &dyn Read, home: &Key) -> Result<Vec<Asked>, StoreError> {
    ASKED.scan(from, home, Direction::Forward).map(|entry| entry.map(|(_, asked)| asked)).collect()
}

pub(crate) fn signals(from: &dyn Read, home: &Key) -> Result<Vec<Signal>, StoreError> {
    SIGNALS.scan(from, home, Direction::Forward).map(|entry| entry.map(|(_, signal)| signal)).collect()
}

/// A resource begins anew: what was signalled to one before it does not count.
pub(crate) fn forget_signals(tx: &mut Tx, home: &Key) -> Result<(), StoreError> {
    for signal in signals(tx, home)? {
        SIGNALS.delete(tx, &home.clone().str(&signal.id));
    }
    Ok(())
}

/// What a resource is told to wait for, in AWS's words once it waited in vain.
pub(crate) fn tally(all: &[Signal], wanted: usize) -> Tally {
    if let Some(failed) = all.iter().find(|signal| signal.failed) {
        return Tally::Failed(failed.clone());
    }
    if all.len() >= wanted { Tally::Enough } else { Tally::Short }
}

/// What the signals so far come to.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Tally {
    Enough,
    Short,
    Failed(Signal),
}
