//! What IAM does on request and is asked about later: deletions of service-linked roles, reports of last access.

use base::{AccountId, Timestamp};
use store::{Key, Table};

store::record! {
    /// A deletion of a service-linked role that was carried out.
    #[derive(Clone, PartialEq, Debug)]
    pub struct RoleDeletion {
        /// `task/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling/uuid`
        1 => pub id: String,
        2 => pub finished: Timestamp,
    }

    /// A report of when the services were last used that an entity may use.
    #[derive(Clone, PartialEq, Debug)]
    pub struct AccessReport {
        1 => pub id: String,
        /// The user, group, role or policy that it is about.
        2 => pub arn: String,
        3 => pub by_action: bool,
        4 => pub created: Timestamp,
        5 => pub services: Vec<ServiceAccess>,
        /// The unique id of the user, role or account that asked, and may read it.
        6 => pub asked_by: String,
        /// ARNs of the users and roles that it is about.
        7 => pub entities: Vec<String>,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub struct ServiceAccess {
        /// `iam`, the prefix in actions.
        1 => pub namespace: String,
        /// Most recent first.
        2 => pub uses: Vec<EntityUse>,
        /// Only where the report is by action.
        3 => pub actions: Vec<ActionUse>,
    }

    /// The latest use of a service by a user or role.
    #[derive(Clone, PartialEq, Debug)]
    pub struct EntityUse {
        1 => pub arn: String,
        2 => pub at: Timestamp,
        3 => pub region: String,
    }

    /// The latest use of an action.
    #[derive(Clone, PartialEq, Debug)]
    pub struct ActionUse {
        /// Without the prefix: `CreateUser`.
        1 => pub name: String,
        2 => pub arn: String,
        3 => pub at: Timestamp,
        4 => pub region: String,
    }
}

pub const ROLE_DELETIONS: Table<RoleDeletion> = Table::new(0x0124, "iam/role-deletions");
pub const ACCESS_REPORTS: Table<AccessReport> = Table::new(0x0125, "iam/access-reports");

/// The key of a task or report by its id.
pub fn job_key(account: AccountId, id: &str) -> Key {
    Key::account(account).str(id)
}
