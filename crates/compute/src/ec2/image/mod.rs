//! Images: those that come with the cloud, under ids that never change, and those that are made of machines.
//!
//! ```text
//! image ──made of──▶ snapshot of a root: an archive of what a machine has changed of the cloud's own image ([`pack`])
//!   │                snapshots of volumes
//!   └──boots from──▶ layer: the same archive, unpacked once for all machines ([`lay`])
//! ```
//!
//! Where the snapshot is under a KMS key there is no layer, which would lie open: each machine has all of it as its own, under
//! the data key of its volume ([`root`]).
//!
//! Where a root is no archive but a disk that boots by itself, there is no layer: a machine, which is a virtual one, boots
//! from a volume of the snapshot.
//!
//! A machine boots from its own files over the layer over the cloud's image. A layer stays for as long as an image or a
//! machine needs it, so that neither asks for the snapshot again. [`work`] takes an image from `pending` on.
//!
//! What is no part of an image, so that its machines are new ones: what a machine was told at its launch (its user data,
//! keys that its logins go by, its name), that it has been started once, and the host key of its SSH server.

pub mod import;
pub(crate) mod lay;
pub(crate) mod pack;
pub(crate) mod root;
pub mod work;

use base::{AccountId, Region, Timestamp};
use ec2::backing::Home;
use ec2::describe::check_id;
use ec2::disk::ROOT;
use ec2::kind::IMAGE;
use ec2::{Ec2Error, Plain, register};
use kernel::Cx;
use std::collections::BTreeSet;
use store::{Direction, Key, Table};

/// Whether a file has a mark, which this reads into the room that it is given: an attribute that says `y`.
pub(crate) fn is_marked(read: impl FnOnce(&mut [u8]) -> rustix::io::Result<usize>) -> bool {
    let mut value = [0_u8; 2];
    matches!(read(&mut value), Ok(1) if value[0] == b'y')
}

/// An image that comes with the cloud.
#[derive(Debug)]
pub(crate) struct BuiltIn {
    pub(crate) id: &'static str,
    pub(crate) name: &'static str,
    pub(crate) description: &'static str,
    pub(crate) created: &'static str,
    /// Its machines have kernels of their own.
    pub(crate) virtual_machine: bool,
}

pub(crate) static IMAGES: &[BuiltIn] = &[
    BuiltIn {
        id: "ami-0a1f5c0de0b1a0001",
        name: "virga/host-userland-1",
        description: "The programs of the machine that Virga runs on, around a root of its own",
        created: "2026-01-01T00:00:00.000Z",
        virtual_machine: false,
    },
    // Older, so that whoever asks for the newest gets the other.
    BuiltIn {
        id: "ami-0a1f5c0de0b1a0002",
        name: "virga/virtual-machine-1",
        description: "The same files under a kernel of their own, in a virtual machine",
        created: "2025-12-31T00:00:00.000Z",
        virtual_machine: true,
    },
];

/// What the root of a built-in image's machines is, as AWS's own images of Linux have it; its size in GiB.
const ROOT_SIZE: i64 = 8;
const ROOT_KIND: &str = "gp3";

store::record! {
    /// Under its id.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Image {
        1 => pub id: String,
        2 => pub name: String,
        3 => pub description: String,
        4 => pub created: Timestamp,
        /// [`PENDING`], [`AVAILABLE`], [`FAILED`]
        5 => pub state: String,
        /// Why it failed: a code and a sentence.
        6 => pub why: Option<(String, String)>,
        /// The root first.
        7 => pub mappings: Vec<Mapping>,
        /// The name of its layer; empty where it has none, as its root is under a KMS key or a disk.
        8 => pub layer: String,
        9 => pub public: bool,
        /// Accounts that may launch it.
        10 => pub shared: BTreeSet<String>,
        /// The machine that it was made of.
        11 => pub instance: Option<String>,
        /// The image that it is a copy of, or that its machine was of, and that one's region.
        12 => pub source: Option<(String, String)>,
        /// [`stage`]
        13 => pub stage: i64,
        /// Its machine is off while it is made.
        14 => pub reboots: bool,
        /// The request that made it.
        15 => pub request: String,
        /// Its machines have kernels of their own.
        16 => pub virtual_machine: bool,
        /// Its root is a disk that boots by itself.
        17 => pub disk: bool,
        /// The root of the machine that it is made of.
        18 => pub volume: Option<String>,
        /// What it says of its firmware.
        19 => pub boots: Option<String>,
    }

    /// A device of an image's machines.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Mapping {
        1 => pub device: String,
        /// Absent where the volume is empty.
        2 => pub snapshot: Option<String>,
        3 => pub size: Option<i64>,
        4 => pub kind: Option<String>,
        5 => pub delete: bool,
        6 => pub iops: Option<i64>,
        7 => pub throughput: Option<i64>,
        8 => pub encrypted: Option<bool>,
    }

    /// Whose an image is, under its region and id.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Owner {
        1 => pub account: AccountId,
    }
}

pub(crate) const MADE: Table<Image> = Table::new(0x2230, "compute/images");
pub(crate) const OWNERS: Table<Owner> = Table::new(0x2231, "compute/image-owners");

pub(crate) const PENDING: &str = "pending";
pub(crate) const AVAILABLE: &str = "available";
pub(crate) const FAILED: &str = "failed";

/// What a pending image waits for.
pub(crate) mod stage {
    /// That its machine is off.
    pub(crate) const REST: i64 = 0;
    /// That its machine's files are in the snapshot.
    pub(crate) const PACK: i64 = 1;
    /// That its layer is unpacked.
    pub(crate) const LAY: i64 = 2;
    /// That all its snapshots are completed.
    pub(crate) const SNAPSHOTS: i64 = 3;
}

pub(crate) fn owner_key(region: Region, image: &str) -> Key {
    Key::global().str(region.name()).str(image)
}

/// As AWS writes it.
pub(crate) fn architecture() -> &'static str {
    if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" }
}

impl Image {
    /// Whether an account may launch it.
    pub(crate) fn is_for(&self, owner: AccountId, account: AccountId) -> bool {
        owner == account || self.public || self.shared.contains(account.as_str())
    }

    /// The machine that is off for it, or is to be.
    pub(crate) fn resting(&self) -> Option<&String> {
        let waits = self.state == PENDING && self.stage <= stage::PACK;
        self.instance.as_ref().filter(|_| waits && self.reboots)
    }

    /// Whether its root is files under a KMS key: nothing of them is unpacked but for machines, under their own keys.
    pub(crate) fn is_sealed(&self) -> bool {
        !self.disk && self.mappings.first().is_some_and(|root| root.encrypted == Some(true))
    }

    /// The snapshot of the root.
    pub(crate) fn root(&self) -> Option<&String> {
        self.mappings.first().and_then(|root| root.snapshot.as_ref())
    }
}

/// What a launch is of.
#[derive(Debug)]
pub(crate) enum Found {
    BuiltIn(&'static BuiltIn),
    Made(AccountId, Box<Image>),
}

impl Found {
    /// The devices of its machines, the root first.
    pub(crate) fn mappings(&self) -> Vec<Mapping> {
        match self {
            Found::Made(_, image) => image.mappings.clone(),
            Found::BuiltIn(_) => vec![Mapping {
                device: ROOT.into(),
                size: Some(ROOT_SIZE),
                kind: Some(ROOT_KIND.into()),
                delete: true,
                encrypted: Some(false),
                ..Mapping::default()
            }],
        }
    }

    /// See [`Image::is_sealed`].
    pub(crate) fn is_sealed(&self) -> bool {
        matches!(self, Found::Made(_, image) if image.is_sealed())
    }

    /// Whether its root is a disk that boots by itself.
    pub(crate) fn is_disk(&self) -> bool {
        matches!(self, Found::Made(_, image) if image.disk)
    }
}

/// An image that the caller's account may use, in whichever state.
///
/// # Errors
/// `InvalidAMIID.Malformed`, `InvalidAMIID.NotFound`.
pub(crate) fn find(cx: &Cx<'_>, id: &str) -> Result<Found, Ec2Error> {
    check_id(&IMAGE, id)?;
    if let Some(image) = IMAGES.iter().find(|image| image.id == id) {
        return Ok(Found::BuiltIn(image));
    }
    let not_found = || Plain::InvalidImage(format!("The image id '[{id}]' does not exist"));
    let owner = OWNERS.get(cx.tx, &owner_key(cx.region, id))?.ok_or_else(not_found)?.account;
    let found = MADE.get(cx.tx, &register::key(owner, cx.region, id))?;
    let found = found.filter(|image| image.is_for(owner, cx.account)).ok_or_else(not_found)?;
    Ok(Found::Made(owner, Box::new(found)))
}

/// One that can be launched.
///
/// # Errors
/// As [`find`]; `InvalidAMIID.Unavailable`.
pub(crate) fn launchable(cx: &Cx<'_>, id: &str) -> Result<Found, Ec2Error> {
    let found = find(cx, id)?;
    match &found {
        Found::Made(_, image) if image.state != AVAILABLE => Err(Plain::ImageUnavailable(id.into()).into()),
        _ => Ok(found),
    }
}

/// One of the caller's account.
///
/// # Errors
/// As [`find`]; `AuthFailure` for others' images.
pub(crate) fn own(cx: &Cx<'_>, id: &str) -> Result<Image, Ec2Error> {
    match find(cx, id)? {
        Found::Made(owner, image) if owner == cx.account => Ok(*image),
        _ => Err(Plain::AuthFailure(format!("Not authorized for image:{id}")).into()),
    }
}

/// All made ones that the caller's account may use.
///
/// # Errors
/// When the store cannot be read.
pub(crate) fn visible(cx: &Cx<'_>) -> Result<Vec<(AccountId, Image)>, Ec2Error> {
    let mut out = Vec::new();
    for pair in OWNERS.scan(cx.tx, &Key::global().str(cx.region.name()), Direction::Forward) {
        let (at, owner) = pair?;
        let mut reader = at.reader();
        let id = reader.scope().and_then(|_| reader.str()).and_then(|_| reader.str());
        let Some(id) = id else { continue };
        let found = MADE.get(cx.tx, &register::key(owner.account, cx.region, &id))?;
        out.extend(found.filter(|i| i.is_for(owner.account, cx.account)).map(|i| (owner.account, i)));
    }
    Ok(out)
}

/// Where the caller's snapshots and images are.
pub(crate) fn here(cx: &Cx<'_>) -> Home {
    Home { account: cx.account, region: cx.region }
}
