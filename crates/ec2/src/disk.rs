//! What a volume is attached to. Volumes are stored in one room and machines run in another: the one record that both
//! read and write, so it stands between them.

use crate::{Ec2Error, Plain, register};
use base::tag::Tags;
use base::{AccountId, Region, Timestamp};
use host::disk::Switch;
use host::pace::{Burst, Common, Limit, Rate};
use kernel::Cx;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use store::{Direction, Key, Read, StoreError, Table, Tx};

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
        /// It is pulled out even where a program has it open.
        8 => pub forced: bool,
        /// Its instance has been terminated.
        9 => pub over: bool,
        /// What it holds are the files that its machine boots from, kept as files beside the machine. Its blocks are an
        /// archive of them, as old as the attachment or older: nothing is plugged in.
        10 => pub files: bool,
        /// Of the volume, in GiB, where it holds files: what the machine may fill. Absent where an older version wrote this.
        11 => pub size: Option<i64>,
        /// Of the volume, where it holds files: how fast the machine may read and write them.
        12 => pub held: Option<Held>,
    }

    /// How fast a volume may be ([`host::pace::Rate`]), in whole numbers: at best, for ever where that is less, and how much more
    /// can be saved up.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Held {
        1 => pub operations: i64,
        2 => pub operations_base: Option<i64>,
        3 => pub operations_saved: i64,
        4 => pub bytes: i64,
        5 => pub bytes_base: Option<i64>,
        6 => pub bytes_saved: i64,
    }

    /// Under a volume's key and by whom: what is read from it and written to it waits.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Pause {
        1 => pub by: String,
        2 => pub until: Timestamp,
    }

    /// Under a snapshot's key: the root of a machine, whose files are still to be packed into it.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Fill {
        1 => pub instance: String,
    }
}

#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "far below 2^52")]
impl Held {
    pub fn to(rate: &Rate) -> Held {
        let base = |limit: Limit| limit.burst.map(|burst| burst.each_second as i64);
        let saved = |limit: Limit| limit.burst.map_or(0, |burst| burst.saved_max as i64);
        let (operations, bytes) = (rate.operations, rate.bytes);
        Held {
            operations: operations.most as i64,
            operations_base: base(operations),
            operations_saved: saved(operations),
            bytes: bytes.most as i64,
            bytes_base: base(bytes),
            bytes_saved: saved(bytes),
        }
    }

    pub fn rate(&self) -> Rate {
        let limit = |most: i64, base: Option<i64>, saved: i64| Limit {
            most: most as f64,
            burst: base.map(|base| Burst { each_second: base as f64, saved_max: saved as f64 }),
        };
        Rate {
            operations: limit(self.operations, self.operations_base, self.operations_saved),
            bytes: limit(self.bytes, self.bytes_base, self.bytes_saved),
        }
    }
}

/// What all volumes of machines use together, by instance: said by who boots them, for who serves their disks.
#[derive(Debug, Default)]
pub struct Paces(Mutex<BTreeMap<String, Arc<Common>>>);

impl Paces {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Common>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn set(&self, instance: &str, pace: Option<Common>) {
        let mut all = self.lock();
        match pace {
            Some(pace) => drop(all.insert(instance.to_owned(), Arc::new(pace))),
            None => drop(all.remove(instance)),
        }
    }

    pub fn of(&self, instance: &str) -> Option<Arc<Common>> {
        self.lock().get(instance).cloned()
    }

    /// Forgets those of all machines but these.
    pub fn retain(&self, is_kept: impl Fn(&str) -> bool) {
        self.lock().retain(|instance, _| is_kept(instance));
    }
}

/// A volume that a launch asks for.
#[derive(Clone, Debug, Default)]
pub struct NewDisk {
    pub zone: String,
    pub instance: String,
    pub device: String,
    pub size: Option<i64>,
    pub kind: Option<String>,
    pub iops: Option<i64>,
    pub throughput: Option<i64>,
    pub snapshot: Option<String>,
    /// Whose image the snapshot is of that the launch may use: it needs no further permission.
    pub granted: Option<AccountId>,
    pub encrypted: Option<bool>,
    pub key: Option<String>,
    pub delete_on_termination: bool,
    pub tags: Tags,
    /// See [`DiskAttachment::files`].
    pub files: bool,
    /// A size was asked for, so that it is refused where nothing can be held to it.
    pub sized: bool,
    /// Its files are only in its snapshot, under a KMS key: they are unpacked before its machine boots.
    pub packed: bool,
}

/// A volume that was made without being attached.
#[derive(Clone, Debug)]
pub struct Made {
    pub id: String,
    /// See [`DiskAttachment::key`].
    pub key: Vec<u8>,
}

/// A volume that becomes the root of a machine.
#[derive(Clone, Copy, Debug)]
pub struct NewRoot<'a> {
    pub volume: &'a str,
    pub instance: &'a str,
    pub delete: bool,
    /// [`ATTACHED`] where there is nothing to be made ready.
    pub state: &'static str,
    /// See [`DiskAttachment::key`]: of who asked for it.
    pub key: &'a [u8],
}

/// Makes a volume for an instance and attaches it, within the caller's launch and with the caller's rights to keys.
pub type Make = fn(&mut Cx<'_>, &NewDisk) -> Result<(), Ec2Error>;
/// Only makes it.
pub type Spare = fn(&mut Cx<'_>, &NewDisk) -> Result<Made, Ec2Error>;
/// Attaches one as the root of a machine that is off and has none.
pub type Root = fn(&mut Cx<'_>, &NewRoot<'_>) -> Result<(), Ec2Error>;

/// How the room of machines has volumes made and attached; set by the wiring.
#[derive(Debug, Default)]
pub struct Shop(OnceLock<(Make, Spare, Root)>);

impl Shop {
    pub fn set(&self, make: Make, spare: Spare, root: Root) {
        let _ = self.0.set((make, spare, root));
    }

    fn get(&self) -> Result<(Make, Spare, Root), Ec2Error> {
        self.0.get().copied().ok_or_else(|| Plain::InternalError.into())
    }

    /// # Errors
    /// Those of a volume that is made and attached.
    pub fn make(&self, cx: &mut Cx<'_>, wanted: &NewDisk) -> Result<(), Ec2Error> {
        self.get()?.0(cx, wanted)
    }

    /// # Errors
    /// Those of a volume that is made.
    pub fn spare(&self, cx: &mut Cx<'_>, wanted: &NewDisk) -> Result<Made, Ec2Error> {
        self.get()?.1(cx, wanted)
    }

    /// # Errors
    /// Those of a volume that is attached.
    pub fn root(&self, cx: &mut Cx<'_>, root: &NewRoot<'_>) -> Result<(), Ec2Error> {
        self.get()?.2(cx, root)
    }
}

/// What machines' disks count: written by who serves them, read by who tells of machines.
#[derive(Debug, Default)]
pub struct Served(Mutex<BTreeMap<String, Vec<Arc<Switch>>>>);

/// What a machine has read from its disks and written to them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub read_operations: u64,
    pub write_operations: u64,
    pub read_bytes: u64,
    pub write_bytes: u64,
}

impl Served {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Vec<Arc<Switch>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A machine has one more; those that it has no more count as well.
    pub fn add(&self, instance: &str, disk: Arc<Switch>) {
        self.lock().entry(instance.to_owned()).or_default().push(disk);
    }

    /// What all of a machine's have counted; none where it never had one.
    pub fn of(&self, instance: &str) -> Option<Tally> {
        let all = self.lock().get(instance)?.clone();
        let mut sum = Tally::default();
        for done in all.iter().map(|disk| disk.done()) {
            sum.read_operations += done.read.operations;
            sum.write_operations += done.written.operations;
            sum.read_bytes += done.read.bytes;
            sum.write_bytes += done.written.bytes;
        }
        Some(sum)
    }

    /// Forgets those of all machines but these.
    pub fn retain(&self, is_kept: impl Fn(&str) -> bool) {
        self.lock().retain(|instance, _| is_kept(instance));
    }
}

pub const DISK_ATTACHMENTS: Table<DiskAttachment> = Table::new(0x1F06, "ec2/disk-attachments");
pub const FILLS: Table<Fill> = Table::new(0x1F08, "ec2/snapshots-of-roots");

pub const PAUSES: Table<Pause> = Table::new(0x1F09, "ec2/pauses-of-volumes");

/// Lets a volume pause.
pub fn pause(tx: &mut Tx, (account, region): (AccountId, Region), volume: &str, pause: &Pause) {
    PAUSES.put(tx, &register::key(account, region, volume).str(&pause.by), pause);
}

/// All that somebody has paused goes on.
///
/// # Errors
/// When the store cannot be read.
pub fn go_on(tx: &mut Tx, account: AccountId, region: Region, by: &str) -> Result<(), StoreError> {
    let own = PAUSES.scan(tx, &Key::regional(account, region), Direction::Forward);
    let own = own.collect::<Result<Vec<_>, _>>()?;
    for (at, _) in own.into_iter().filter(|(_, pause)| pause.by == by) {
        PAUSES.delete(tx, &at);
    }
    Ok(())
}

/// Whether a volume pauses.
///
/// # Errors
/// When the store cannot be read.
pub fn pauses(
    from: &dyn Read,
    (account, region): (AccountId, Region),
    volume: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let all = PAUSES.scan(from, &register::key(account, region, volume), Direction::Forward);
    Ok(all.collect::<Result<Vec<_>, _>>()?.iter().any(|(_, pause)| pause.until > now))
}

/// The device from which machines boot.
pub const ROOT: &str = "/dev/xvda";

/// Whether a device is that of the root, under any of its names.
pub fn is_root(device: &str) -> bool {
    matches!(device, ROOT | "/dev/xvda1" | "/dev/sda" | "/dev/sda1")
}

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

/// What says that a sector can be booted, and where.
const BOOTS: (usize, &[u8]) = (510, &[0x55, 0xaa]);
/// What an archive says of itself, and where.
const ARCHIVE: (usize, &[u8]) = (257, b"ustar");

/// Whether what begins so is a disk that boots by itself, and no archive.
pub fn boots(first: &[u8]) -> bool {
    let has = |(at, mark): (usize, &[u8])| first.get(at..at + mark.len()) == Some(mark);
    has(BOOTS) && !has(ARCHIVE)
}

/// The root of an instance.
///
/// # Errors
/// When the store cannot be read.
pub fn root_of(
    from: &dyn Read,
    account: AccountId,
    region: Region,
    instance: &str,
) -> Result<Option<DiskAttachment>, StoreError> {
    let all = of_instance(from, account, region, instance)?;
    Ok(all.into_iter().find(|attachment| is_root(&attachment.device)))
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

#[cfg(test)]
mod tests {
    use super::{Held, boots};
    use host::pace::{Burst, Limit, Rate};

    #[test]
    fn a_disk_is_told_apart_from_an_archive() {
        let mut disk = vec![0; 1 << 16];
        disk[510..512].copy_from_slice(&[0x55, 0xaa]);
        let mut archive = disk.clone();
        archive[257..262].copy_from_slice(b"ustar");
        assert!(boots(&disk) && !boots(&archive) && !boots(&[0; 512]) && !boots(b"short"));
    }

    #[test]
    fn a_rate_is_kept_in_whole_numbers() {
        let burst = Some(Burst { each_second: 300.0, saved_max: 5_400_000.0 });
        let rate = Rate {
            operations: Limit { most: 3000.0, burst },
            bytes: Limit { most: 134_217_728.0, burst: None },
        };
        assert_eq!(Held::to(&rate).rate(), rate);
    }
}
