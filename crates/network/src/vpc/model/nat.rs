//! NAT gateways.
//!
//! ```text
//! pending ──► available ──► deleting ──► deleted ──► (forgotten after an hour)
//!    │  └──────────────────────▲                            ▲
//!    └──► failed ───────────────────────────────────────────┘
//! ```

use base::Timestamp;
use store::Table;

store::record! {
    #[derive(Clone, PartialEq, Debug)]
    pub struct Nat {
        1 => pub id: String,
        2 => pub subnet: String,
        3 => pub vpc: String,
        4 => pub private: bool,
        5 => pub state: NatState,
        6 => pub created: Timestamp,
        7 => pub deleted: Option<Timestamp>,
        /// The primary one first.
        8 => pub addresses: Vec<NatAddress>,
        9 => pub failure_code: String,
        10 => pub failure: String,
    }

    #[derive(Clone, PartialEq, Debug)]
    pub struct NatAddress {
        1 => pub private: String,
        2 => pub interface: String,
        3 => pub public: Option<String>,
        4 => pub allocation: Option<String>,
        5 => pub association: Option<String>,
    }
}

store::record_enum! {
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub enum NatState {
        1 => Pending,
        2 => Available,
        3 => Deleting,
        4 => Deleted,
        5 => Failed,
    }
}

pub const NATS: Table<Nat> = Table::new(0x2107, "vpc/nat-gateways");

impl NatState {
    pub fn word(self) -> &'static str {
        match self {
            NatState::Pending => "pending",
            NatState::Available => "available",
            NatState::Deleting => "deleting",
            NatState::Deleted => "deleted",
            NatState::Failed => "failed",
        }
    }

    /// It still uses its addresses.
    pub fn is_there(self) -> bool {
        !matches!(self, NatState::Deleted | NatState::Failed)
    }
}
