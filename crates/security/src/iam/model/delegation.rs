//! Requests for temporary delegation, and the product providers that may make them.
//!
//! AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/temporary-delegation-building-integration.html>

use crate::sts::token::Token;
use base::{AccountId, Timestamp};
use std::time::Duration;
use store::{Key, Table, Tx};

const DAY: Duration = Duration::from_secs(24 * 3600);
/// AWS: how long a request waits for somebody who takes it up.
const UNASSIGNED_LIFE: Duration = DAY;
/// AWS: how long it stays in each further state.
const STATE_LIFE: Duration = Duration::from_secs(7 * 24 * 3600);
/// AWS deletes expired requests "eventually"; here after this time.
const RETENTION: Duration = STATE_LIFE;

store::record_enum! {
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub enum DelegationState {
        1 => Unassigned,
        2 => Assigned,
        3 => PendingApproval,
        4 => Accepted,
        5 => Finalized,
        6 => Rejected,
        7 => Expired,
    }
}

store::record! {
    /// Key: global, the id.
    #[derive(Clone, PartialEq, Debug)]
    pub struct DelegationRequest {
        1 => pub id: String,
        /// The product provider.
        2 => pub requestor: AccountId,
        3 => pub requestor_name: String,
        /// The provider's own id of it.
        4 => pub workflow_id: String,
        /// The topic that is told.
        5 => pub channel: String,
        /// The customer, where the provider or an owner has named one.
        6 => pub owner_account: Option<AccountId>,
        /// The ARN of the identity that has taken it up.
        7 => pub owner_id: Option<String>,
        /// The ARN of the identity that has accepted it.
        8 => pub approver_id: Option<String>,
        9 => pub description: String,
        10 => pub message: Option<String>,
        11 => pub template_arn: String,
        12 => pub parameters: Vec<TemplateParameter>,
        /// The filled template.
        13 => pub policy: String,
        /// The permissions boundaries that the policy asks of roles.
        14 => pub boundaries: Vec<String>,
        15 => pub state: DelegationState,
        16 => pub created: Timestamp,
        17 => pub updated: Timestamp,
        /// When the state ends; of an expired request, when it is deleted.
        18 => pub expires: Timestamp,
        19 => pub session_seconds: u32,
        20 => pub redirect_url: Option<String>,
        21 => pub notes: Option<String>,
        22 => pub rejection_reason: Option<String>,
        23 => pub only_send_by_owner: bool,
        /// Whoever has accepted it, as it was then: a session yet without keys.
        24 => pub approver: Option<Token>,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub struct TemplateParameter {
        1 => pub name: String,
        2 => pub values: Vec<String>,
        3 => pub is_list: bool,
    }

    /// A request that an account owns. Key: the account, the id.
    #[derive(Clone, PartialEq, Debug)]
    pub struct OwnedRequest {
        1 => pub id: String,
        2 => pub owner_id: String,
    }

    /// A workflow of a provider. Key: the provider's account, the workflow's id.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Workflow { 1 => pub request: String }

    /// When something happens to a request by itself. Key: global, the time, the id.
    #[derive(Clone, PartialEq, Debug)]
    pub struct DelegationDue {
        1 => pub id: String,
        2 => pub at: Timestamp,
    }

    /// A product provider. Key: its account.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Provider {
        1 => pub account: AccountId,
        2 => pub name: String,
        /// `example.com`
        3 => pub domain: String,
    }

    /// A policy that a provider has registered. Key: global, the ARN.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Registered {
        1 => pub arn: String,
        2 => pub provider: AccountId,
        3 => pub document: String,
        4 => pub created: Timestamp,
        /// `ANPA...`
        5 => pub policy_id: String,
    }
}

pub const DELEGATION_REQUESTS: Table<DelegationRequest> = Table::new(0x0127, "iam/delegation-requests");
pub const OWNED_REQUESTS: Table<OwnedRequest> = Table::new(0x0128, "iam/owned-delegation-requests");
pub const WORKFLOWS: Table<Workflow> = Table::new(0x0129, "iam/delegation-workflows");
pub const DELEGATIONS_DUE: Table<DelegationDue> = Table::new(0x012A, "iam/delegations-due");
pub const PROVIDERS: Table<Provider> = Table::new(0x012B, "iam/product-providers");
/// Policy templates.
pub const TEMPLATES: Table<Registered> = Table::new(0x012C, "iam/policy-templates");
/// Permissions boundaries that are the same for all customers.
pub const PARTNER_BOUNDARIES: Table<Registered> = Table::new(0x012D, "iam/partner-boundaries");

impl DelegationState {
    pub fn name(self) -> &'static str {
        match self {
            DelegationState::Unassigned => "UNASSIGNED",
            DelegationState::Assigned => "ASSIGNED",
            DelegationState::PendingApproval => "PENDING_APPROVAL",
            DelegationState::Accepted => "ACCEPTED",
            DelegationState::Finalized => "FINALIZED",
            DelegationState::Rejected => "REJECTED",
            DelegationState::Expired => "EXPIRED",
        }
    }

    /// Whether a request may go from here to there by what somebody does. A note on a request that is pending may be
    /// added to.
    pub fn leads_to(self, next: DelegationState) -> bool {
        use DelegationState::{Accepted, Assigned, Finalized, PendingApproval, Rejected, Unassigned};
        matches!(
            (self, next),
            (Unassigned, Assigned)
                | (Assigned | PendingApproval, Accepted | PendingApproval)
                | (Accepted, Finalized)
                | (Assigned | PendingApproval | Accepted, Rejected)
        )
    }

    fn life(self) -> Duration {
        match self {
            DelegationState::Unassigned => UNASSIGNED_LIFE,
            DelegationState::Expired => RETENTION,
            _ => STATE_LIFE,
        }
    }
}

impl DelegationRequest {
    /// `arn:aws:iam::123456789012:delegation-request/id`, as the account that looks at it names it.
    pub fn arn(account: AccountId, id: &str) -> String {
        super::arn(account, "delegation-request", "/", id)
    }

    /// # Errors
    /// The store's own.
    pub fn load(tx: &Tx, id: &str) -> Result<Option<DelegationRequest>, store::StoreError> {
        DELEGATION_REQUESTS.get(tx, &Key::global().str(id))
    }

    /// The state, whether or not its end has been written down.
    pub fn state_at(&self, now: Timestamp) -> DelegationState {
        if self.expires <= now { DelegationState::Expired } else { self.state }
    }

    /// Whether an account's identities may know of it: those of the customer, once there is one, and of nobody else.
    pub fn concerns(&self, account: AccountId) -> bool {
        self.owner_account.is_none_or(|owner| owner == account)
    }

    pub fn enter(&mut self, state: DelegationState, now: Timestamp) {
        (self.state, self.updated) = (state, now);
        self.expires = now.plus(state.life());
    }

    /// Writes it with all that leads to it. `before` is when the state that it was in would have ended.
    pub fn save(&self, tx: &mut Tx, before: Option<Timestamp>) {
        if let Some(before) = before {
            DELEGATIONS_DUE.delete(tx, &due_key(before, &self.id));
        }
        DELEGATIONS_DUE.put(
            tx,
            &due_key(self.expires, &self.id),
            &DelegationDue { id: self.id.clone(), at: self.expires },
        );
        if let (Some(account), Some(owner_id)) = (self.owner_account, &self.owner_id) {
            let owned = OwnedRequest { id: self.id.clone(), owner_id: owner_id.clone() };
            OWNED_REQUESTS.put(tx, &super::named(account, &self.id), &owned);
        }
        WORKFLOWS.put(
            tx,
            &workflow_key(self.requestor, &self.workflow_id),
            &Workflow { request: self.id.clone() },
        );
        DELEGATION_REQUESTS.put(tx, &Key::global().str(&self.id), self);
    }

    pub fn delete(&self, tx: &mut Tx) {
        DELEGATIONS_DUE.delete(tx, &due_key(self.expires, &self.id));
        if let Some(account) = self.owner_account {
            OWNED_REQUESTS.delete(tx, &super::named(account, &self.id));
        }
        WORKFLOWS.delete(tx, &workflow_key(self.requestor, &self.workflow_id));
        DELEGATION_REQUESTS.delete(tx, &Key::global().str(&self.id));
    }
}

fn due_key(at: Timestamp, id: &str) -> Key {
    Key::global().time(at).str(id)
}

pub fn workflow_key(requestor: AccountId, workflow_id: &str) -> Key {
    Key::account(requestor).str(workflow_id)
}

#[cfg(test)]
mod tests {
    use super::{DelegationRequest, DelegationState};
    use DelegationState::{Accepted, Assigned, Expired, Finalized, PendingApproval, Rejected, Unassigned};
    use base::Timestamp;
    use std::time::Duration;

    const ALL: [DelegationState; 7] =
        [Unassigned, Assigned, PendingApproval, Accepted, Finalized, Rejected, Expired];

    #[test]
    fn what_leads_where() {
        let ways = ALL.iter().flat_map(|from| ALL.iter().map(move |to| (*from, *to)));
        let ways: Vec<_> = ways.filter(|(from, to)| from.leads_to(*to)).collect();
        let expected = [
            (Unassigned, Assigned),
            (Assigned, PendingApproval),
            (Assigned, Accepted),
            (Assigned, Rejected),
            (PendingApproval, PendingApproval),
            (PendingApproval, Accepted),
            (PendingApproval, Rejected),
            (Accepted, Finalized),
            (Accepted, Rejected),
        ];
        assert_eq!(ways, expected);
    }

    #[test]
    fn each_state_ends_by_itself() {
        let now = Timestamp::from_seconds(1_768_478_400);
        let mut request = DelegationRequest::default();
        for (state, days) in [(Unassigned, 1), (Assigned, 7), (Accepted, 7), (Rejected, 7), (Finalized, 7)] {
            request.enter(state, now);
            let end = now.plus(Duration::from_secs(days * 86_400));
            assert_eq!(request.expires, end, "{state:?}");
            assert_eq!(request.state_at(end.minus(Duration::from_secs(1))), state);
            assert_eq!(request.state_at(end), Expired);
        }
    }
}
