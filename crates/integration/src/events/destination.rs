//! API destinations: HTTPS endpoints that rules call.
//!
//! AWS: <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-api-destinations.html>

use super::connection::Connection;
use super::errors::EventsError;
use super::model::Home;
use base::{AccountId, Arn, Region, Timestamp};
use kernel::Cx;
use store::{Key, Read, Table, Tx};

/// By account, region, name.
pub(super) const DESTINATIONS: Table<Destination> = Table::new(0x140D, "events/api destinations");

/// AWS: what no destination gets more of in a second, and what it gets where nothing else was said.
/// <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html>
const PER_SECOND_MAX: u32 = 300;

store::record! {
    #[derive(Clone, PartialEq, Debug)]
    pub(super) struct Destination {
        1 => pub(super) account: AccountId,
        2 => pub(super) region: Region,
        3 => pub(super) name: String,
        /// Tells it apart from one of the same name that is gone.
        4 => pub(super) id: String,
        5 => pub(super) description: Option<String>,
        6 => pub(super) connection: String,
        /// With an asterisk for each value of a path that a target brings.
        7 => pub(super) endpoint: String,
        8 => pub(super) method: String,
        9 => pub(super) per_second: Option<u32>,
        10 => pub(super) created: Timestamp,
        11 => pub(super) modified: Timestamp,
    }
}

impl Destination {
    pub(super) fn key((account, region): Home, name: &str) -> Key {
        Key::regional(account, region).str(name)
    }

    pub(super) fn home(&self) -> Home {
        (self.account, self.region)
    }

    pub(super) fn arn(&self) -> String {
        format!("{}/{}", self.policy_arn(), self.id)
    }

    /// As policies may name it: whichever it is of those that bear the name one after the other.
    pub(super) fn policy_arn(&self) -> String {
        let (region, account) = (self.region.name(), self.account);
        format!("arn:aws:events:{region}:{account}:api-destination/{}", self.name)
    }

    pub(super) fn save(&self, tx: &mut Tx) {
        DESTINATIONS.put(tx, &Destination::key(self.home(), &self.name), self);
    }

    /// As it was set, or as it is by default.
    pub(super) fn rate(&self) -> u32 {
        self.per_second.unwrap_or(PER_SECOND_MAX)
    }

    /// How many calls a second may bring.
    pub(super) fn limit(&self) -> u32 {
        self.rate().min(PER_SECOND_MAX)
    }

    /// Whether it can be called.
    ///
    /// # Errors
    /// The store's.
    pub(super) fn is_active(&self, from: &dyn Read) -> Result<bool, EventsError> {
        Ok(Connection::by_arn(from, &self.connection)?.is_some_and(|connection| connection.is_authorized()))
    }

    /// The destination of an ARN, if it is there still.
    ///
    /// # Errors
    /// The store's.
    pub(super) fn by_arn(from: &dyn Read, text: &str) -> Result<Option<Destination>, EventsError> {
        let place = || {
            let arn = Arn::parse(text)?;
            let name = arn.resource.strip_prefix("api-destination/")?.split('/').next()?.to_owned();
            Some(((AccountId::parse(&arn.account)?, Region::parse(&arn.region)?), name))
        };
        let Some((home, name)) = place() else { return Ok(None) };
        let found = DESTINATIONS.get(from, &Destination::key(home, &name))?;
        Ok(found.filter(|destination| destination.arn() == text))
    }
}

/// A destination of the caller's own.
///
/// # Errors
/// `ResourceNotFoundException`.
pub(super) fn own(cx: &Cx<'_>, name: &str) -> Result<Destination, EventsError> {
    let found = DESTINATIONS.get(cx.tx, &Destination::key((cx.account, cx.region), name))?;
    found.ok_or_else(|| EventsError::NoDestination(name.to_owned()))
}
