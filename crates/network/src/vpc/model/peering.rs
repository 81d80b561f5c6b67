//! Peering connections: between two VPCs, which may be of two accounts and regions.
//!
//! ```text
//! pending-acceptance ──► active ──► deleted
//!    │  │  └──► rejected
//!    │  └──► deleted (by the requester)
//!    └──► expired (after a week)        failed (overlapping blocks)
//! ```

use base::{AccountId, Region, Timestamp};
use store::{Key, Table};

store::record! {
    #[derive(Clone, PartialEq, Debug)]
    pub struct Peering {
        1 => pub id: String,
        2 => pub requester: PeeringSide,
        3 => pub accepter: PeeringSide,
        4 => pub state: PeeringState,
        /// Of the state.
        5 => pub since: Timestamp,
        6 => pub expires: Timestamp,
        7 => pub message: String,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub struct PeeringSide {
        1 => pub account: AccountId,
        2 => pub region: Region,
        3 => pub vpc: String,
        /// As they were when the connection was asked for or accepted.
        4 => pub cidrs: Vec<String>,
        5 => pub ipv6: Vec<String>,
    }
}

store::record_enum! {
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub enum PeeringState {
        1 => PendingAcceptance,
        2 => Active,
        3 => Deleted,
        4 => Rejected,
        5 => Expired,
        6 => Failed,
    }
}

/// By id.
pub const PEERINGS: Table<Peering> = Table::new(0x210E, "vpc/peerings");

pub fn peering_key(id: &str) -> Key {
    Key::global().str(id)
}

impl PeeringState {
    pub fn word(self) -> &'static str {
        match self {
            PeeringState::PendingAcceptance => "pending-acceptance",
            PeeringState::Active => "active",
            PeeringState::Deleted => "deleted",
            PeeringState::Rejected => "rejected",
            PeeringState::Expired => "expired",
            PeeringState::Failed => "failed",
        }
    }

    /// The connection exists or may come to exist.
    pub fn is_open(self) -> bool {
        matches!(self, PeeringState::PendingAcceptance | PeeringState::Active)
    }
}

impl Peering {
    pub fn is_side(&self, account: AccountId, region: Region) -> bool {
        [&self.requester, &self.accepter].iter().any(|s| s.account == account && s.region == region)
    }

    /// The end that is this VPC, and the other one.
    pub fn from(&self, vpc: &str) -> Option<(&PeeringSide, &PeeringSide)> {
        if self.requester.vpc == vpc {
            Some((&self.requester, &self.accepter))
        } else {
            (self.accepter.vpc == vpc).then_some((&self.accepter, &self.requester))
        }
    }
}
