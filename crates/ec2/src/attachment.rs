//! What a network interface is attached to. Machines attach, networks show: the one record that both rooms write and
//! read, so it stands between them.

use base::{AccountId, Region, Timestamp};
use store::{Read, StoreError, Table};

store::record! {
    /// Under the interface's key.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Attachment {
        /// `eni-attach-…`, and `ela-attach-…` where a service has attached it.
        1 => pub id: String,
        /// Absent where a service of the cloud has attached it (a NAT gateway, an endpoint).
        2 => pub instance: Option<String>,
        /// An account, or `amazon-aws`.
        3 => pub owner: String,
        4 => pub device_index: i64,
        5 => pub card_index: i64,
        6 => pub at: Timestamp,
        7 => pub delete_on_termination: bool,
        /// `attaching`, `attached`, `detaching`.
        8 => pub status: String,
        /// A public address that was assigned at launch and lasts as long as the attachment, on the primary address.
        9 => pub public_address: Option<String>,
        /// Its machine is stopped: it is attached, and nothing is there that would take a packet.
        10 => pub rests: bool,
        /// The resolver knows its primary address by the machine's id: that of IPv4, and of IPv6.
        11 => pub named: bool,
        12 => pub named_v6: bool,
        /// Its machine is of the newer hypervisor.
        13 => pub nitro: bool,
    }
}

pub const ATTACHMENTS: Table<Attachment> = Table::new(0x1F05, "ec2/attachments");

/// Who attaches the interfaces that services of the cloud manage.
pub const CLOUD: &str = "amazon-aws";

/// The attachment to a machine that takes packets, or will in a moment.
///
/// # Errors
/// When the store cannot be read.
pub fn live(
    from: &dyn Read,
    account: AccountId,
    region: Region,
    interface: &str,
) -> Result<Option<Attachment>, StoreError> {
    Ok(of(from, account, region, interface)?.filter(|attachment| !attachment.rests))
}

/// # Errors
/// When the store cannot be read.
pub fn of(
    from: &dyn Read,
    account: AccountId,
    region: Region,
    interface: &str,
) -> Result<Option<Attachment>, StoreError> {
    ATTACHMENTS.get(from, &crate::register::key(account, region, interface))
}
