//! What a volume is attached to. Volumes are stored in one room and machines run in another: the one record that both
//! read and write, so it stands between them.

use crate::register;
use base::{AccountId, Region, Timestamp};
use store::{Direction, Key, Read, StoreError, Table};

store::record! {
    /// Under the volume's key.
    #[derive(Clone, PartialEq, Debug)]
    pub struct DiskAttachment {
        1 => pub volume: String,
        2 => pub instance: String,
        /// As the caller named it: `/dev/sdf`.
        3 => pub device: String,
        4 => pub at: Timestamp,
        5 => pub delete_on_termination: bool,
        /// `attaching`, `attached`, `detaching`.
        6 => pub state: String,
        /// The volume's data key under the cloud's seal; empty where it has no KMS key.
        7 => pub key: Vec<u8>,
    }
}

pub const DISK_ATTACHMENTS: Table<DiskAttachment> = Table::new(0x1F06, "ec2/disk-attachments");

pub const ATTACHING: &str = "attaching";
pub const ATTACHED: &str = "attached";
pub const DETACHING: &str = "detaching";

/// What is attached to an instance, by device.
///
/// # Errors
/// When the store cannot be read.
pub fn of_instance(
    from: &dyn Read,
    account: AccountId,
    region: Region,
    instance: &str,
) -> Result<Vec<DiskAttachment>, StoreError> {
    let mut out = Vec::new();
    for pair in DISK_ATTACHMENTS.scan(from, &Key::regional(account, region), Direction::Forward) {
        let (_, attachment) = pair?;
        if attachment.instance == instance {
            out.push(attachment);
        }
    }
    out.sort_by(|a, b| a.device.cmp(&b.device));
    Ok(out)
}

/// What a volume is attached to.
///
/// # Errors
/// When the store cannot be read.
pub fn of_volume(
    from: &dyn Read,
    account: AccountId,
    region: Region,
    volume: &str,
) -> Result<Option<DiskAttachment>, StoreError> {
    DISK_ATTACHMENTS.get(from, &register::key(account, region, volume))
}
