//! Organizations' records.
//!
//! Quotas are AWS's where AWS has fixed ones; the number of accounts is AWS's largest.
//! AWS: <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html>

use auth::policy::PolicyKind;
use base::{AccountId, Rng, Timestamp};
use std::collections::BTreeMap;
use std::time::Duration;
use store::{Index, Key, Table};

pub const ACCOUNTS_MAX: usize = 10_000;
pub const UNITS_MAX: usize = 2_000;
/// Levels of organizational units below the root.
pub const DEPTH_MAX: usize = 5;
pub const POLICIES_PER_TYPE_MAX: usize = 1_000;
pub const ATTACHED_MAX: usize = 5;
pub const CONTENT_BYTES_MAX: usize = 5_120;

/// The prefix of all tables of this service: a change below it may change what an account is allowed at most.
pub const TABLES: [u8; 1] = [0x04];

store::record! {
    /// Key: global, id.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Organization {
        /// `o-...`
        1 => pub id: String,
        2 => pub management: AccountId,
        /// `r-...`
        3 => pub root: String,
        /// With control policies; otherwise bills only.
        4 => pub all_features: bool,
        5 => pub created: Timestamp,
        6 => pub scp_enabled: bool,
        7 => pub rcp_enabled: bool,
        8 => pub root_tags: BTreeMap<String, String>,
    }

    /// An account of an organization, the management account included. Key: global, account.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Member {
        1 => pub account: AccountId,
        2 => pub organization: String,
        3 => pub email: String,
        4 => pub name: String,
        5 => pub joined: Timestamp,
        6 => pub created_here: bool,
        /// The root or a unit.
        7 => pub parent: String,
        /// Set once it is closed.
        8 => pub closed: Option<Timestamp>,
        9 => pub tags: BTreeMap<String, String>,
    }

    /// An organizational unit. Key: global, organization, id.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Unit {
        /// `ou-...`
        1 => pub id: String,
        2 => pub name: String,
        3 => pub parent: String,
        4 => pub tags: BTreeMap<String, String>,
    }

    /// A control policy. Key: global, organization, id.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Control {
        /// `p-...`
        1 => pub id: String,
        2 => pub name: String,
        3 => pub description: String,
        4 => pub kind: Kind,
        5 => pub content: String,
        6 => pub tags: BTreeMap<String, String>,
    }

    /// The policies at one root, unit or account. Key: global, organization, target.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Attached {
        1 => pub target: String,
        /// Ids, in the order of attachment.
        2 => pub scp: Vec<String>,
        3 => pub rcp: Vec<String>,
    }

    /// The request for a new account and what has become of it. Key: global, organization, id.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Creation {
        /// `car-...`
        1 => pub id: String,
        2 => pub name: String,
        3 => pub email: String,
        4 => pub requested: Timestamp,
        5 => pub completed: Option<Timestamp>,
        6 => pub account: AccountId,
        7 => pub failure: Option<String>,
        8 => pub role: String,
        9 => pub tags: BTreeMap<String, String>,
    }
}

store::record! {
    /// An invitation of an account. Key: global, id.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Handshake {
        /// `h-...`
        1 => pub id: String,
        2 => pub organization: String,
        3 => pub account: AccountId,
        4 => pub requested: Timestamp,
        5 => pub state: Answer,
        6 => pub notes: Option<String>,
        /// For the account, once it has joined.
        7 => pub tags: BTreeMap<String, String>,
    }
}

store::record! {
    /// A service that may act for the organization. Key: global, organization, principal.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Trusted {
        /// `iam.amazonaws.com`
        1 => pub principal: String,
        2 => pub enabled: Timestamp,
    }

    /// An account that manages a service for the organization. Key: global, organization, account, principal.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Delegation {
        1 => pub account: AccountId,
        2 => pub principal: String,
        3 => pub enabled: Timestamp,
    }
}

store::record_enum! {
    /// What has become of an invitation; that it has expired is seen from its time.
    ///
    /// ```text
    /// OPEN --the account accepts--> ACCEPTED
    ///  |--the account declines--> DECLINED
    ///  |--the organization cancels--> CANCELED
    ///  \--fifteen days--> EXPIRED
    /// ```
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub enum Answer {
        1 => Open,
        2 => Accepted,
        3 => Declined,
        4 => Canceled,
    }

    /// The types of policy that authorize.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub enum Kind {
        1 => Scp,
        2 => Rcp,
    }
}

pub const ORGANIZATIONS: Table<Organization> = Table::new(0x0401, "organizations/organizations");
pub const MEMBERS: Table<Member> = Table::new(0x0402, "organizations/accounts");
/// From organization and parent to the keys of accounts.
pub const MEMBERS_OF: Index = Index::new(0x0403, "organizations/accounts-of");
pub const UNITS: Table<Unit> = Table::new(0x0404, "organizations/units");
/// From organization and parent to the keys of units.
pub const UNITS_OF: Index = Index::new(0x0405, "organizations/units-of");
pub const CONTROLS: Table<Control> = Table::new(0x0406, "organizations/policies");
pub const ATTACHED: Table<Attached> = Table::new(0x0407, "organizations/attachments");
pub const CREATIONS: Table<Creation> = Table::new(0x0408, "organizations/create-account-requests");

pub const HANDSHAKES: Table<Handshake> = Table::new(0x0409, "organizations/handshakes");
pub const TRUSTED: Table<Trusted> = Table::new(0x040a, "organizations/trusted-services");
pub const DELEGATIONS: Table<Delegation> = Table::new(0x040b, "organizations/delegated-administrators");

/// How long an invitation is open.
pub const INVITATION_LIFE: Duration = Duration::from_secs(15 * 86_400);

/// The key of whatever an organization has under an id, and the prefix of an index below a parent.
pub fn within(organization: &str, id: &str) -> Key {
    Key::global().str(organization).str(id)
}

/// All that an organization has in a table.
pub fn all(organization: &str) -> Key {
    Key::global().str(organization)
}

pub fn member_key(account: AccountId) -> Key {
    Key::global().account_number(account)
}

const LOWER: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";

/// `prefix` and `len` lower-case letters and digits.
pub fn new_id(rng: &Rng, prefix: &str, len: usize) -> String {
    format!("{prefix}{}", rng.text(LOWER, len))
}

impl Kind {
    /// `None` for the types that do not authorize.
    pub fn parse(name: &str) -> Option<Kind> {
        [Kind::Scp, Kind::Rcp].into_iter().find(|kind| kind.name() == name)
    }

    pub fn name(self) -> &'static str {
        match self {
            Kind::Scp => "SERVICE_CONTROL_POLICY",
            Kind::Rcp => "RESOURCE_CONTROL_POLICY",
        }
    }

    pub fn language(self) -> PolicyKind {
        match self {
            Kind::Scp => PolicyKind::Scp,
            Kind::Rcp => PolicyKind::Rcp,
        }
    }

    /// AWS's own policy of this type, which allows everything.
    pub fn full_access(self) -> Control {
        let (id, name, description, principal) = match self {
            Kind::Scp => (FULL_SCP, "FullAWSAccess", "Allows access to every operation", ""),
            Kind::Rcp => (
                FULL_RCP,
                "RCPFullAWSAccess",
                "Allows access to every resource",
                "\n      \"Principal\": \"*\",",
            ),
        };
        let content = format!(
            "{{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [\n    {{\n      \"Effect\": \"Allow\",{principal}\n      \
             \"Action\": \"*\",\n      \"Resource\": \"*\"\n    }}\n  ]\n}}"
        );
        Control {
            id: id.into(),
            name: name.into(),
            description: description.into(),
            kind: self,
            content,
            ..Control::default()
        }
    }
}

pub const FULL_SCP: &str = "p-FullAWSAccess";
pub const FULL_RCP: &str = "p-RCPFullAWSAccess";

impl Organization {
    /// `arn:aws:organizations::management:kind/o-.../id`
    pub fn arn(&self, kind: &str, id: &str) -> String {
        format!("arn:aws:organizations::{}:{kind}/{}/{id}", self.management, self.id)
    }

    pub fn own_arn(&self) -> String {
        format!("arn:aws:organizations::{}:organization/{}", self.management, self.id)
    }

    pub fn enabled(&self, kind: Kind) -> bool {
        match kind {
            Kind::Scp => self.scp_enabled,
            Kind::Rcp => self.rcp_enabled,
        }
    }

    pub fn enable(&mut self, kind: Kind, on: bool) {
        match kind {
            Kind::Scp => self.scp_enabled = on,
            Kind::Rcp => self.rcp_enabled = on,
        }
    }
}

impl Handshake {
    pub fn expires(&self) -> Timestamp {
        self.requested.plus(INVITATION_LIFE)
    }

    /// `HandshakeState`
    pub fn state_at(&self, now: Timestamp) -> &'static str {
        match self.state {
            Answer::Open if self.expires() <= now => "EXPIRED",
            Answer::Open => "OPEN",
            Answer::Accepted => "ACCEPTED",
            Answer::Declined => "DECLINED",
            Answer::Canceled => "CANCELED",
        }
    }
}

impl Control {
    pub fn is_aws_managed(&self) -> bool {
        self.id == FULL_SCP || self.id == FULL_RCP
    }

    pub fn arn(&self, organization: &Organization) -> String {
        let kind = self.kind.name().to_ascii_lowercase();
        if self.is_aws_managed() {
            return format!("arn:aws:organizations::aws:policy/{kind}/{}", self.id);
        }
        format!(
            "arn:aws:organizations::{}:policy/{}/{kind}/{}",
            organization.management, organization.id, self.id
        )
    }
}

impl Attached {
    /// What a new root, unit or account begins with.
    pub fn first(organization: &Organization, target: &str) -> Attached {
        let full =
            |kind: Kind, id: &str| if organization.enabled(kind) { vec![id.to_owned()] } else { Vec::new() };
        Attached { target: target.to_owned(), scp: full(Kind::Scp, FULL_SCP), rcp: full(Kind::Rcp, FULL_RCP) }
    }

    pub fn of(&self, kind: Kind) -> &[String] {
        match kind {
            Kind::Scp => &self.scp,
            Kind::Rcp => &self.rcp,
        }
    }

    pub fn of_mut(&mut self, kind: Kind) -> &mut Vec<String> {
        match kind {
            Kind::Scp => &mut self.scp,
            Kind::Rcp => &mut self.rcp,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Kind;
    use auth::policy::Policy;

    #[test]
    fn the_policies_that_allow_everything_are_policies() {
        for kind in [Kind::Scp, Kind::Rcp] {
            let policy = kind.full_access();
            assert!(policy.is_aws_managed());
            assert_eq!(Policy::parse(&policy.content, kind.language()).map(|p| p.statements().len()), Ok(1));
        }
    }
}
