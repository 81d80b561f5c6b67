//! Connections: by what API destinations are authorized, and what goes with each of their calls.
//!
//! What is secret is sealed and never shown. AWS keeps it in a secret of Secrets Manager that the connection names; there is
//! no such service here, so no connection has a `SecretArn`.
//!
//! One of OAuth has a token fetched before it is authorized ([`super::authorizing`]).
//!
//! Not here: private endpoints, keys of one's own.
//!
//! AWS: <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-target-connection.html>

use super::errors::EventsError;
use super::model::Home;
use base::{AccountId, Arn, Region, Timestamp};
use kernel::Cx;
use kernel::seal::Sealer;
use store::record::Record;
use store::{Key, Read, Table, Tx};

/// By account, region, name.
pub(super) const CONNECTIONS: Table<Connection> = Table::new(0x140C, "events/connections");

const PURPOSE: &str = "events connection";

store::record_enum! {
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub(super) enum Kind {
        1 => Basic,
        2 => ApiKey,
        3 => OAuth,
    }
}

store::record! {
    /// A header, a part of a query, or a member of a body.
    #[derive(Clone, PartialEq, Eq, Debug)]
    pub(super) struct Parameter {
        1 => pub(super) key: String,
        /// None where it is secret, and this is what is shown.
        2 => pub(super) value: Option<String>,
        3 => pub(super) is_secret: bool,
    }

    /// What goes with each call.
    #[derive(Clone, PartialEq, Eq, Debug)]
    pub(super) struct Parameters {
        1 => pub(super) headers: Option<Vec<Parameter>>,
        2 => pub(super) query: Option<Vec<Parameter>>,
        3 => pub(super) body: Option<Vec<Parameter>>,
    }

    /// Whom a client asks for tokens.
    #[derive(Clone, PartialEq, Eq, Debug)]
    pub(super) struct OAuth {
        1 => pub(super) endpoint: String,
        2 => pub(super) method: String,
        /// What goes with the request, as it is shown.
        3 => pub(super) parameters: Option<Parameters>,
        /// A token is to be fetched before it is authorized.
        4 => pub(super) waits: bool,
        /// Why none could be.
        5 => pub(super) refused: Option<String>,
    }

    /// What nobody is shown.
    #[derive(Clone, PartialEq, Eq, Debug)]
    pub(super) struct Secrets {
        /// The password, the key's value, or the client's secret.
        1 => pub(super) secret: String,
        /// All of them, with their values.
        2 => pub(super) parameters: Parameters,
        /// What goes with requests for tokens, with its values.
        3 => pub(super) oauth: Option<Parameters>,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub(super) struct Connection {
        1 => pub(super) account: AccountId,
        2 => pub(super) region: Region,
        3 => pub(super) name: String,
        /// Tells it apart from one of the same name that is gone.
        4 => pub(super) id: String,
        5 => pub(super) description: Option<String>,
        6 => pub(super) kind: Kind,
        /// The user's name, the key's, or the client's id.
        7 => pub(super) user: String,
        8 => pub(super) parameters: Option<Parameters>,
        /// [`Secrets`]; none of a connection that was deauthorized.
        9 => pub(super) sealed: Option<Vec<u8>>,
        10 => pub(super) created: Timestamp,
        11 => pub(super) modified: Timestamp,
        12 => pub(super) authorized: Option<Timestamp>,
        13 => pub(super) oauth: Option<OAuth>,
    }
}

impl Parameters {
    /// Without what is secret.
    pub(super) fn shown(&self) -> Parameters {
        let hide = |all: &Option<Vec<Parameter>>| {
            let hidden = |one: &Parameter| Parameter {
                value: one.value.clone().filter(|_| !one.is_secret),
                ..one.clone()
            };
            all.as_ref().map(|all| all.iter().map(hidden).collect())
        };
        Parameters { headers: hide(&self.headers), query: hide(&self.query), body: hide(&self.body) }
    }
}

impl Secrets {
    pub(super) fn seal(&self, cx: &Cx<'_>) -> Vec<u8> {
        cx.sealer().seal(cx.rng(), PURPOSE, &self.to_bytes())
    }
}

impl Connection {
    pub(super) fn key((account, region): Home, name: &str) -> Key {
        Key::regional(account, region).str(name)
    }

    pub(super) fn home(&self) -> Home {
        (self.account, self.region)
    }

    pub(super) fn arn(&self) -> String {
        let (region, account) = (self.region.name(), self.account);
        format!("arn:aws:events:{region}:{account}:connection/{}/{}", self.name, self.id)
    }

    pub(super) fn save(&self, tx: &mut Tx) {
        CONNECTIONS.put(tx, &Connection::key(self.home(), &self.name), self);
    }

    pub(super) fn is_authorized(&self) -> bool {
        let is_let = self.oauth.as_ref().is_none_or(|oauth| !oauth.waits && oauth.refused.is_none());
        self.sealed.is_some() && is_let
    }

    /// Where it stands, in AWS's words.
    pub(super) fn state(&self) -> &'static str {
        match self.oauth.as_ref().is_some_and(|oauth| oauth.waits) {
            true => "AUTHORIZING",
            false if self.is_authorized() => "AUTHORIZED",
            false => "DEAUTHORIZED",
        }
    }

    /// Its secrets, if it is authorized.
    ///
    /// # Errors
    /// `InternalException` for what does not open.
    pub(super) fn secrets(&self, sealer: &Sealer) -> Result<Option<Secrets>, EventsError> {
        let Some(sealed) = &self.sealed else { return Ok(None) };
        let opened = sealer.open(PURPOSE, sealed).map_err(|_| EventsError::Internal)?;
        Secrets::from_bytes(&opened).map(Some).map_err(|_| EventsError::Internal)
    }

    /// The connection of an ARN, if it is there still.
    ///
    /// # Errors
    /// The store's.
    pub(super) fn by_arn(from: &dyn Read, text: &str) -> Result<Option<Connection>, EventsError> {
        let place = || {
            let arn = Arn::parse(text)?;
            let name = arn.resource.strip_prefix("connection/")?.split('/').next()?.to_owned();
            Some(((AccountId::parse(&arn.account)?, Region::parse(&arn.region)?), name))
        };
        let Some((home, name)) = place() else { return Ok(None) };
        let found = CONNECTIONS.get(from, &Connection::key(home, &name))?;
        Ok(found.filter(|connection| connection.arn() == text))
    }
}

/// A connection of the caller's own.
///
/// # Errors
/// `ResourceNotFoundException`.
pub(super) fn own(cx: &Cx<'_>, name: &str) -> Result<Connection, EventsError> {
    let found = CONNECTIONS.get(cx.tx, &Connection::key((cx.account, cx.region), name))?;
    found.ok_or_else(|| EventsError::NoConnection(name.to_owned()))
}
