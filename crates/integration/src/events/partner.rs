//! Partners' event sources: a partner offers one to an account, which takes it by a bus of the same name.
//!
//! Any account may be a partner here. What it puts goes to the buses of all who have taken the source.
//!
//! ```text
//! PENDING ──bus of its name, activated──> ACTIVE ──partner deletes it──> DELETED, until its bus goes
//!    ▲ └─two weeks─> gone                    │
//!    └───────bus deleted, deactivated────────┘
//! ```
//!
//! AWS: <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-saas.html>

use super::errors::EventsError;
use super::model::{BUSES, Bus, Home};
use base::{AccountId, Region, Timestamp};
use std::time::Duration;
use store::{Direction, Key, Read, StoreError, Table, Tx};

/// By the account that it is offered to, region, name.
pub(super) const SOURCES: Table<Source> = Table::new(0x140F, "events/partner-sources");
/// By partner, region, name, the account that it is offered to.
pub(super) const OFFERS: Table<Offer> = Table::new(0x1410, "events/offers-of-partners");

/// AWS: for so long a source waits for its bus.
const PENDING: Duration = Duration::from_secs(14 * 86_400);

store::record! {
    #[derive(Clone, PartialEq, Debug)]
    pub(super) struct Source {
        1 => pub(super) account: AccountId,
        2 => pub(super) region: Region,
        3 => pub(super) name: String,
        4 => pub(super) partner: AccountId,
        5 => pub(super) created: Timestamp,
        /// While nobody has taken it.
        6 => pub(super) expires: Option<Timestamp>,
        /// The partner has.
        7 => pub(super) deleted: bool,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub(super) struct Offer { 1 => pub(super) account: AccountId }
}

impl Source {
    fn key((account, region): Home, name: &str) -> Key {
        Key::regional(account, region).str(name)
    }

    /// One that is there, as of now.
    pub(super) fn load(
        from: &dyn Read,
        home: Home,
        name: &str,
        now: Timestamp,
    ) -> Result<Option<Source>, StoreError> {
        let found = SOURCES.get(from, &Source::key(home, name))?;
        Ok(found.filter(|source| source.is_there(now)))
    }

    pub(super) fn save(&self, tx: &mut Tx) {
        SOURCES.put(tx, &Source::key((self.account, self.region), &self.name), self);
    }

    /// Whether it has not waited too long.
    pub(super) fn is_there(&self, now: Timestamp) -> bool {
        self.expires.is_none_or(|expires| expires > now)
    }

    pub(super) fn state(&self) -> &'static str {
        match (self.deleted, self.expires) {
            (true, _) => "DELETED",
            (false, None) => "ACTIVE",
            (false, Some(_)) => "PENDING",
        }
    }

    pub(super) fn arn(&self) -> String {
        arn(self.region, &self.name)
    }

    /// It is to be taken, for two weeks.
    pub(super) fn wait(&mut self, now: Timestamp) {
        self.expires = Some(now.plus(PENDING));
    }
}

pub(super) fn arn(region: Region, name: &str) -> String {
    format!("arn:aws:events:{}::event-source/{name}", region.name())
}

fn offers(partner: Home, name: &str) -> Key {
    Key::regional(partner.0, partner.1).str(name)
}

/// Offers a source to an account.
///
/// # Errors
/// `ResourceAlreadyExistsException`
pub(super) fn offer(
    tx: &mut Tx,
    partner: Home,
    name: &str,
    account: AccountId,
    now: Timestamp,
) -> Result<(), EventsError> {
    let home = (account, partner.1);
    if Source::load(tx, home, name, now)?.is_some() {
        return Err(EventsError::SourceExists(name.to_owned()));
    }
    let mut source = Source {
        account,
        region: partner.1,
        name: name.to_owned(),
        partner: partner.0,
        created: now,
        expires: None,
        deleted: false,
    };
    source.wait(now);
    source.save(tx);
    OFFERS.put(tx, &offers(partner, name).str(account.as_str()), &Offer { account });
    Ok(())
}

/// Takes an offer back. An account that has a bus for it sees that it is deleted.
///
/// # Errors
/// The store's.
pub(super) fn withdraw(
    tx: &mut Tx,
    partner: Home,
    name: &str,
    account: AccountId,
) -> Result<(), EventsError> {
    OFFERS.delete(tx, &offers(partner, name).str(account.as_str()));
    let home = (account, partner.1);
    let key = Source::key(home, name);
    if let Some(source) = SOURCES.get(tx, &key)?.filter(|source| source.partner == partner.0) {
        if BUSES.contains(tx, &Bus::key(home, name))? {
            Source { deleted: true, expires: None, ..source }.save(tx);
        } else {
            SOURCES.delete(tx, &key);
        }
    }
    Ok(())
}

/// Those to whom a partner offers a source, as it stands with each.
///
/// # Errors
/// The store's.
pub(super) fn offered(
    from: &dyn Read,
    partner: Home,
    name: &str,
    now: Timestamp,
) -> Result<Vec<Source>, EventsError> {
    let mut found = Vec::new();
    for pair in OFFERS.scan(from, &offers(partner, name), Direction::Forward) {
        found.extend(Source::load(from, (pair?.1.account, partner.1), name, now)?);
    }
    Ok(found)
}

/// The names that a partner offers.
///
/// # Errors
/// The store's.
pub(super) fn names(from: &dyn Read, partner: Home) -> Result<Vec<String>, EventsError> {
    let mut names = Vec::<String>::new();
    for pair in OFFERS.scan(from, &Key::regional(partner.0, partner.1), Direction::Forward) {
        let key = pair?.0;
        let mut reader = key.reader();
        let name = reader.regional().and_then(|_| reader.str()).unwrap_or_default();
        if names.last() != Some(&name) {
            names.push(name);
        }
    }
    Ok(names)
}

/// A bus of the source's name is made: events come from now on.
///
/// # Errors
/// `ResourceNotFoundException`, `InvalidStateException`
pub(super) fn take(tx: &mut Tx, home: Home, name: &str, now: Timestamp) -> Result<(), EventsError> {
    let mut source =
        Source::load(tx, home, name, now)?.ok_or_else(|| EventsError::NoSource(name.to_owned()))?;
    if source.deleted {
        return Err(EventsError::SourceState(name.to_owned(), source.state()));
    }
    source.expires = None;
    source.save(tx);
    Ok(())
}

/// It is gone: the source waits for another, if its partner still has it.
///
/// # Errors
/// The store's.
pub(super) fn leave(tx: &mut Tx, home: Home, name: &str, now: Timestamp) -> Result<(), EventsError> {
    let key = Source::key(home, name);
    let Some(mut source) = SOURCES.get(tx, &key)? else { return Ok(()) };
    if source.deleted {
        SOURCES.delete(tx, &key);
    } else {
        source.wait(now);
        source.save(tx);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use store::Store;

    const NAME: &str = "aws.partner/example.com/orders";

    #[test]
    fn a_source_is_offered_taken_left_and_withdrawn() {
        let (store, region) = (Store::memory(), Region::parse("us-east-1").unwrap());
        let account = |text: &str| AccountId::parse(text).unwrap();
        let partner = (account("111111111111"), region);
        let home = (account("222222222222"), region);
        let (now, mut tx) = (Timestamp::from_seconds(1_000), store.begin());
        let state =
            |tx: &Tx, now: Timestamp| Source::load(tx, home, NAME, now).unwrap().map(|source| source.state());
        offer(&mut tx, partner, NAME, home.0, now).unwrap();
        assert_eq!(offer(&mut tx, partner, NAME, home.0, now), Err(EventsError::SourceExists(NAME.into())));
        assert_eq!(state(&tx, now), Some("PENDING"));
        assert_eq!(state(&tx, now.plus(PENDING)), None, "it waits for two weeks");
        take(&mut tx, home, NAME, now).unwrap();
        assert_eq!(state(&tx, now.plus(PENDING)), Some("ACTIVE"));
        assert_eq!(names(&tx, partner).unwrap(), [NAME]);
        assert_eq!(offered(&tx, partner, NAME, now).unwrap().len(), 1);
        leave(&mut tx, home, NAME, now).unwrap();
        assert_eq!(state(&tx, now), Some("PENDING"));
        withdraw(&mut tx, partner, NAME, home.0).unwrap();
        assert_eq!(state(&tx, now), None);
        assert_eq!(take(&mut tx, home, NAME, now), Err(EventsError::NoSource(NAME.into())));
        assert!(names(&tx, partner).unwrap().is_empty());
    }
}
