//! Who is calling: what the kernel needs to know of a caller, and the door to the service that knows it (IAM).

use crate::seal::Sealer;
use auth::policy::{Policy, PolicySource, Principal};
use auth::sigv4::Secret;
use base::tag::Tags;
use base::{AccountId, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;
use store::Tx;

/// A verified caller, with every policy that limits it already compiled. Shared between its requests.
#[derive(Clone, Debug)]
pub struct Caller {
    pub principal: Principal,
    /// The account that the caller belongs to; of an anonymous caller, the default one.
    pub account: AccountId,
    /// Empty for anonymous callers and service principals.
    pub access_key: String,
    /// The unique id (`AIDA...`, `AROA...:session`), the account id for root.
    pub user_id: String,
    /// Of the user or role: `aws:PrincipalTag/*`, with a session's own tags laid over.
    pub tags: Tags,
    pub session: Option<Session>,
    pub policies: CallerPolicies,
    /// A service that sets tags of its own, which no policy of the resource's has to let it.
    pub marks: bool,
}

/// What temporary credentials carry.
#[derive(Clone, Default, Debug)]
pub struct Session {
    pub issued: Timestamp,
    pub expires: Timestamp,
    pub mfa: Option<Timestamp>,
    pub source_identity: Option<String>,
    /// Keys of the session tags that go on into further sessions.
    pub transitive_tags: Vec<String>,
    /// The role is already an assumed one's: its next session is cut to an hour.
    pub chained: bool,
    /// Further condition keys that hold for the whole session: of federation, of the instance, ...
    pub keys: Vec<(String, String)>,
    /// The account of the product provider to whom the caller has delegated what it may do.
    pub delegate: Option<AccountId>,
    /// Which operations the credentials may be used for at all; all where there is none.
    pub reaches: Option<Reach>,
    /// By which a service that works on later finds this session again.
    pub token: SessionToken,
}

/// A session token. `Debug` does not show it.
#[derive(Clone, Default)]
pub struct SessionToken(pub String);

impl std::fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SessionToken(..)")
    }
}

/// Whether credentials of a kind reach an operation, by the ids of service and operation. What they do not reach
/// refuses them as invalid, before any policy is asked.
pub type Reach = fn(&str, &str) -> bool;

/// A compiled policy and where it hangs.
pub type Attached = (PolicySource, Arc<Policy>);

/// The layers that come with a caller, whatever the resource.
#[derive(Clone, Default, Debug)]
pub struct CallerPolicies {
    pub identity: Vec<Attached>,
    pub boundary: Option<Attached>,
    /// `None` where the session was made without a policy of its own.
    pub session: Option<Vec<Attached>>,
    /// From the organization's root down to the account; empty outside an organization.
    pub service_control: Vec<ControlLevel>,
}

/// The control policies at one level of an organization.
#[derive(Clone, Debug)]
pub struct ControlLevel {
    /// `r-ab12`, `ou-ab12-11111111` or an account id.
    pub target: String,
    pub policies: Vec<Attached>,
}

/// A caller and the secret that must have signed its request.
#[derive(Clone, Debug)]
pub struct Known {
    pub caller: Caller,
    /// `None` for an account's shared root key: whoever may open the loopback may use it.
    pub secret: Option<Secret>,
}

/// Why an access key or a session token is not known.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Unknown {
    NoSuchKey,
    InactiveKey,
    BadToken,
    ExpiredToken,
    /// The store could not be read.
    Unreadable(String),
}

/// What became of a code of an MFA device.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Proof {
    Held,
    WrongCode,
    /// There is no such device, or it is somebody else's.
    NotTheirs,
}

/// The ARNs of those whom a policy names, by their unique ids.
pub type Names = BTreeMap<String, String>;

/// A policy's text with the unique ids of the users and roles that it names, and their ARNs.
pub type Bound = (String, Names);

/// What the kernel asks of IAM.
pub trait Directory: Send + Sync + std::fmt::Debug {
    /// Finds who holds this access key. `token` is the session token that came with it.
    ///
    /// # Errors
    /// [`Unknown`]; the kernel words it for the service that was called.
    fn look_up(
        &self,
        tx: &Tx,
        access_key: &str,
        token: Option<&str>,
        now: Timestamp,
    ) -> Result<Known, Unknown>;

    /// The root user of an account, with what its organization allows it at most.
    ///
    /// # Errors
    /// The store's own.
    fn root(&self, account: AccountId, access_key: &str) -> Result<Caller, store::StoreError>;

    /// The resource control policies over an account's resources, from the organization's root down, as far as they
    /// reach the service of `action`. Asked on every request: to be answered from memory.
    ///
    /// # Errors
    /// The store's own.
    fn resource_control(
        &self,
        account: AccountId,
        action: &str,
    ) -> Result<Arc<Vec<ControlLevel>>, store::StoreError>;

    /// The organization that an account is in: id, path, and whether the account manages it. Asked on every request.
    ///
    /// # Errors
    /// The store's own.
    fn organization(&self, account: AccountId) -> Result<Option<Membership>, store::StoreError>;

    /// Notes that a caller used a service, for last-used data. Cheap: called on every request.
    fn used(
        &self,
        caller: &Caller,
        service: &'static str,
        action: &'static str,
        region: &'static str,
        at: Timestamp,
    );

    /// Whether `code` is right now the code of the caller's MFA device `serial`. A code that held never holds again, which
    /// is written with the transaction.
    ///
    /// # Errors
    /// The store's own.
    fn prove(
        &self,
        tx: &mut Tx,
        sealer: &Sealer,
        caller: &Caller,
        device: (&str, &str),
        now: Timestamp,
    ) -> Result<Proof, store::StoreError>;

    /// Binds a resource's policy to the users and roles that it names now, by their unique ids: who is deleted and made
    /// again under the same name is somebody else. The inner error is an entry that names nobody.
    ///
    /// AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html>
    ///
    /// # Errors
    /// The store's own.
    fn bind(&self, tx: &Tx, policy: &str) -> Result<Result<Bound, String>, store::StoreError>;

    /// A bound policy as it is shown: ids as ARNs, where their bearers still exist.
    ///
    /// # Errors
    /// The store's own.
    fn unbind(&self, tx: &Tx, policy: &str, names: &Names) -> Result<String, store::StoreError>;

    /// The prefixes of the tables that decide who a caller is: a change there empties the kernel's cache.
    fn watched(&self) -> Vec<Vec<u8>>;
}

/// An account's place in its organization.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Membership {
    pub organization_id: String,
    /// `o-example/r-ab12/ou-ab12-11111111/`, the value of `aws:PrincipalOrgPaths`.
    pub path: String,
    pub is_management: bool,
}

impl Caller {
    /// The root of an account.
    pub fn root(account: AccountId, access_key: &str) -> Caller {
        Caller {
            principal: Principal::Root { account },
            account,
            access_key: access_key.to_owned(),
            user_id: account.to_string(),
            tags: Tags::new(),
            session: None,
            policies: CallerPolicies::default(),
            marks: false,
        }
    }

    /// Nobody in particular: an unsigned request.
    pub fn anonymous() -> Caller {
        Caller {
            principal: Principal::Anonymous,
            user_id: "anonymous".into(),
            ..Caller::root(AccountId::DEFAULT, "")
        }
    }

    /// A service of the cloud that acts in `account`.
    pub fn service(name: &str, account: AccountId) -> Caller {
        Caller {
            principal: Principal::Service { name: name.to_owned() },
            user_id: name.to_owned(),
            ..Caller::root(account, "")
        }
    }

    /// The service that asks in its own name: `cloudformation`. No caller from outside is one.
    pub fn service_id(&self) -> Option<&str> {
        match &self.principal {
            Principal::Service { name } => name.strip_suffix(".amazonaws.com"),
            _ => None,
        }
    }

    pub fn arn(&self) -> std::borrow::Cow<'_, str> {
        self.principal.arn()
    }
}
