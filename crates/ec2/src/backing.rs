//! Snapshots that images are made of. Images are made in the room of machines, and snapshots lie in another: here stand
//! the door between them and the record that both read, by which a snapshot that an image needs is not deleted.

use crate::disk::DiskAttachment;
use crate::{Ec2Error, Plain, register};
use base::tag::Tags;
use base::{AccountId, Region};
use host::seal::Key as FileKey;
use kernel::{Cloud, Cx};
use std::io;
use std::sync::{Arc, OnceLock};
use store::{Direction, Key, Read, StoreError, Table, Tx};

store::record! {
    /// Under a snapshot's key and an image's id: the image is made of it.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Use {
        1 => pub image: String,
    }
}

pub const USES: Table<Use> = Table::new(0x1F07, "ec2/snapshots-of-images");

/// A snapshot's place.
#[derive(Clone, Copy, Debug)]
pub struct Home {
    pub account: AccountId,
    pub region: Region,
}

/// A snapshot that was taken for an image.
#[derive(Clone, Debug)]
pub struct Taken {
    pub id: String,
    /// In GiB.
    pub size: i64,
    pub kind: String,
    pub iops: Option<i64>,
    pub throughput: Option<i64>,
    pub encrypted: bool,
}

/// Writes an archive out, of files that lie under a key where what they go to does.
pub type Pack<'a> = &'a mut dyn FnMut(&mut dyn io::Write, Option<&FileKey>) -> io::Result<()>;

/// What a volume's blocks hold, from the beginning, and under which key its files are to lie.
pub type Unpack = (Box<dyn io::Read>, Option<FileKey>);

/// A snapshot that is to be copied with its image.
#[derive(Clone, Copy, Debug)]
pub struct Copying<'a> {
    pub region: Region,
    pub snapshot: &'a str,
    pub description: &'a str,
    pub encrypted: Option<bool>,
    pub key: Option<&'a str>,
    pub tags: &'a Tags,
}

/// What the room of snapshots does for images.
pub trait Shelf: Send + Sync + std::fmt::Debug {
    /// Has what programs have written to volumes made safe. Blocks the thread.
    ///
    /// # Errors
    /// The disk's.
    fn settle(&self, cloud: &Cloud, volumes: &[String]) -> io::Result<()>;

    /// A snapshot of what a volume holds now.
    ///
    /// # Errors
    /// Those of `CreateSnapshot`.
    fn take(&self, cx: &mut Cx<'_>, volume: &str, description: &str, tags: &Tags) -> Result<Taken, Ec2Error>;

    /// A copy of a snapshot, with the caller's rights to keys.
    ///
    /// # Errors
    /// Those of `CopySnapshot`.
    fn copy(&self, cx: &mut Cx<'_>, wanted: &Copying<'_>) -> Result<Taken, Ec2Error>;

    /// A snapshot without bytes, of a volume whose bytes are files; it is pending until it is filled.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn begin(
        &self,
        cx: &mut Cx<'_>,
        volume: Option<&str>,
        description: &str,
        tags: &Tags,
    ) -> Result<Taken, Ec2Error>;

    /// Fills it from its beginning, whatever it has; how many bytes there are. Blocks the thread.
    ///
    /// # Errors
    /// The disk's; [`io::ErrorKind::NotFound`] where it waits for no bytes any more.
    fn fill(&self, cloud: &Cloud, home: Home, snapshot: &str, pack: Pack<'_>) -> io::Result<u64>;

    /// What a volume that is a disk holds now is what a snapshot of it holds that was begun.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn snap(&self, tx: &mut Tx, home: Home, snapshot: &str, volume: &str) -> Result<(), StoreError>;

    /// It has all its bytes; or there is a reason why it never will.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn end(&self, tx: &mut Tx, home: Home, snapshot: &str, how: Result<u64, &str>) -> Result<(), StoreError>;

    /// What it holds, from the beginning.
    ///
    /// # Errors
    /// The disk's; [`io::ErrorKind::NotFound`], and [`io::ErrorKind::Unsupported`] for what lies under a KMS key.
    fn open(&self, cloud: &Arc<Cloud>, home: Home, snapshot: &str) -> io::Result<Box<dyn io::Read>>;

    /// Puts an archive into a volume, in place of all that its blocks held. Blocks the thread.
    ///
    /// # Errors
    /// The disk's; [`io::ErrorKind::NotFound`] where there is no such volume any more.
    fn refill(&self, cloud: &Cloud, home: Home, volume: &str, pack: Pack<'_>) -> io::Result<()>;

    /// What the blocks of a volume hold that is attached.
    ///
    /// # Errors
    /// The disk's; [`io::ErrorKind::NotFound`], and [`io::ErrorKind::WouldBlock`] where they are still on their way.
    fn open_volume(&self, cloud: &Arc<Cloud>, home: Home, volume: &str) -> io::Result<Unpack>;

    /// Under which key the files of an attached root lie; none where it has no KMS key.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidData`] where its data key does not open.
    fn file_key(&self, cloud: &Cloud, root: &DiskAttachment) -> io::Result<Option<FileKey>>;

    /// Has the data keys of all that is attached to an instance opened anew, for who starts it; whether that may be.
    ///
    /// # Errors
    /// When the store cannot be read, or KMS fails.
    fn unlock(&self, cx: &mut Cx<'_>, instance: &str) -> Result<bool, Ec2Error>;

    /// What a snapshot begins with, for the caller of a launch or a registration.
    ///
    /// # Errors
    /// As KMS has it; when the store or the disk cannot be read.
    fn beginning(&self, cx: &mut Cx<'_>, owner: AccountId, snapshot: &str) -> Result<Vec<u8>, Ec2Error>;
}

/// How the room of machines finds it; set by the wiring.
#[derive(Debug, Default)]
pub struct Shelves(OnceLock<&'static dyn Shelf>);

impl Shelves {
    pub fn set(&self, shelf: &'static dyn Shelf) {
        let _ = self.0.set(shelf);
    }

    /// # Errors
    /// Before the wiring is done.
    pub fn get(&self) -> Result<&'static dyn Shelf, Plain> {
        self.0.get().copied().ok_or(Plain::InternalError)
    }
}

fn key(home: Home, snapshot: &str) -> Key {
    register::key(home.account, home.region, snapshot)
}

/// An image is made of a snapshot.
pub fn enter(tx: &mut Tx, home: Home, snapshot: &str, image: &str) {
    USES.put(tx, &key(home, snapshot).str(image), &Use { image: image.to_owned() });
}

/// And is no more.
pub fn strike(tx: &mut Tx, home: Home, snapshot: &str, image: &str) {
    USES.delete(tx, &key(home, snapshot).str(image));
}

/// An image that needs a snapshot.
///
/// # Errors
/// When the store cannot be read.
pub fn image_of(from: &dyn Read, home: Home, snapshot: &str) -> Result<Option<String>, StoreError> {
    let first = USES.scan(from, &key(home, snapshot), Direction::Forward).next().transpose()?;
    Ok(first.map(|(_, found)| found.image))
}

/// How many GiB so many bytes need.
pub fn gib(bytes: u64) -> i64 {
    i64::try_from(bytes.div_ceil(1 << 30)).unwrap_or(i64::MAX)
}
