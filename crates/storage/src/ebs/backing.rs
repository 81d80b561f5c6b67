//! Snapshots for images: of volumes, and of roots of machines.
//!
//! The root of a machine that is no disk lies as files beside it for as long as it is attached. A snapshot of it holds an
//! archive (tar, as layers of container images are) of what the machine has changed, from the first block on, and zeros
//! behind it: as the files are while they are packed, which is soon after it was asked for. So does the volume itself once
//! it is detached. That is a snapshot, and a volume, like any other: it can be read by the direct APIs, attached elsewhere,
//! shared and copied; where the volume has a KMS key it lies under that one's data key, as the files do ([`host::seal`]).

use super::blocks::{self, BLOCK, BLOCKS_PER_GIB, Written};
use super::key;
use super::model::{CREATING, ERROR, NO_VOLUME, PENDING, SNAPSHOTS, Snapshot, VOLUMES, Volume};
use super::ops::{copy, snapshot, snapshots};
use super::plug::Plugged;
use base::AccountId;
use base::tag::Tags;
use blob::cipher::Root;
use ec2::backing::{Copying, Home, Pack, Shelf, Taken, Unpack, gib};
use ec2::disk::{self, DiskAttachment};
use ec2::kind::{SNAPSHOT, VOLUME};
use ec2::{Ec2Error, Plain, describe, register};
use host::seal::Key as FileKey;
use kernel::{Cloud, Cx};
use std::io::{self, Read, Write};
use std::sync::Arc;
use store::{StoreError, Tx};

/// As AWS's own images of Linux have it, in GiB.
const SIZE_MIN: i64 = 8;
const KIND: &str = "gp2";
/// Blocks that are written between two commits.
const BATCH: usize = 32;

/// What images ask of snapshots.
#[derive(Debug)]
pub struct Backing;

fn find(from: &dyn store::Read, home: Home, id: &str) -> io::Result<Snapshot> {
    let found = SNAPSHOTS.get(from, &register::key(home.account, home.region, id));
    found.map_err(io::Error::other)?.ok_or_else(|| io::ErrorKind::NotFound.into())
}

fn find_volume(from: &dyn store::Read, home: Home, id: &str) -> io::Result<Volume> {
    let found = VOLUMES.get(from, &register::key(home.account, home.region, id));
    found.map_err(io::Error::other)?.ok_or_else(|| io::ErrorKind::NotFound.into())
}

/// What is filled, by its id.
#[derive(Clone, Copy)]
enum Vessel<'a> {
    Snapshot(&'a str),
    Volume(&'a str),
}

impl Vessel<'_> {
    /// The data key under which its bytes lie, as it was kept: a snapshot has it while it is filled, a volume while it is
    /// attached.
    fn kept(self, from: &dyn store::Read, home: Home) -> io::Result<Vec<u8>> {
        match self {
            Vessel::Snapshot(id) => Ok(find(from, home, id)?.kept),
            Vessel::Volume(id) => attached_key(from, home, id),
        }
    }

    /// The map that its bytes go to.
    fn map(self, from: &dyn store::Read, home: Home) -> io::Result<u64> {
        match self {
            Vessel::Volume(id) => Ok(find_volume(from, home, id)?.map),
            Vessel::Snapshot(id) => {
                let snapshot = find(from, home, id)?;
                if snapshot.filling { Ok(snapshot.map) } else { Err(io::ErrorKind::NotFound.into()) }
            }
        }
    }
}

fn root_of(cloud: &Cloud, kept: &[u8]) -> io::Result<Root> {
    key::root_of(cloud.sealer(), kept).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

fn attached_key(from: &dyn store::Read, home: Home, volume: &str) -> io::Result<Vec<u8>> {
    let found = disk::of_volume(from, home.account, home.region, volume).map_err(io::Error::other)?;
    Ok(found.ok_or(io::ErrorKind::NotFound)?.key)
}

/// Cuts what is written to it into blocks.
struct Filling<'a> {
    cloud: &'a Cloud,
    root: Root,
    home: Home,
    vessel: Vessel<'a>,
    buffer: Vec<u8>,
    next: u32,
    written: Vec<(u32, Written)>,
    bytes: u64,
}

impl Filling<'_> {
    fn block(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        self.buffer.resize(BLOCK, 0);
        self.written.push((self.next, blocks::write(self.cloud, &self.root, &self.buffer)?));
        self.next = self.next.checked_add(1).ok_or(io::ErrorKind::FileTooLarge)?;
        self.buffer.clear();
        if self.written.len() < BATCH { Ok(()) } else { self.commit() }
    }

    fn commit(&mut self) -> io::Result<()> {
        if self.written.is_empty() {
            return Ok(());
        }
        let mut tx = self.cloud.store().begin();
        let map = self.vessel.map(&tx, self.home)?;
        let written = std::mem::take(&mut self.written);
        for (index, block) in &written {
            block.put(self.cloud, &mut tx, map, *index).map_err(io::Error::other)?;
        }
        let done = tx.commit().wait();
        written.into_iter().for_each(|(_, block)| block.keep());
        done.map(drop).map_err(io::Error::other)
    }
}

/// Fills something from its beginning; how many bytes there are.
fn fill(cloud: &Cloud, home: Home, vessel: Vessel<'_>, pack: Pack<'_>) -> io::Result<u64> {
    let kept = vessel.kept(&cloud.store().snapshot(), home)?;
    let (root, files) = (root_of(cloud, &kept)?, key::of_files(cloud, &kept)?);
    let (buffer, written) = (Vec::with_capacity(BLOCK), Vec::new());
    let mut filling = Filling { cloud, root, home, vessel, buffer, next: 0, written, bytes: 0 };
    pack(&mut filling, files.as_ref())?;
    filling.block()?;
    filling.commit()?;
    Ok(filling.bytes)
}

impl Write for Filling<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(BLOCK - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..taken]);
        self.bytes += taken as u64;
        if self.buffer.len() == BLOCK {
            self.block()?;
        }
        Ok(taken)
    }

    /// What is left over is written at the end only: a block is written once.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads a snapshot or a volume as it was when this was made.
struct Reading {
    cloud: Arc<Cloud>,
    from: store::Snapshot,
    root: Root,
    map: u64,
    buffer: Vec<u8>,
    at: usize,
    next: u32,
    count: u64,
}

impl Read for Reading {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.at == self.buffer.len() {
            if u64::from(self.next) >= self.count {
                return Ok(0);
            }
            let block = blocks::find(&self.from, self.map, self.next).map_err(io::Error::other)?;
            self.buffer.resize(BLOCK, 0);
            blocks::read(&self.cloud, &self.root, block.as_ref(), &mut self.buffer)?;
            (self.at, self.next) = (0, self.next + 1);
        }
        let taken = out.len().min(self.buffer.len() - self.at);
        out[..taken].copy_from_slice(&self.buffer[self.at..self.at + taken]);
        self.at += taken;
        Ok(taken)
    }
}

impl Shelf for Backing {
    fn settle(&self, cloud: &Cloud, volumes: &[String]) -> io::Result<()> {
        let plugged = cloud.memory::<Plugged>();
        volumes.iter().try_for_each(|id| plugged.flush(id))
    }

    fn take(&self, cx: &mut Cx<'_>, volume: &str, description: &str, tags: &Tags) -> Result<Taken, Ec2Error> {
        let volume = describe::get(cx, &VOLUMES, &VOLUME, volume)?;
        let snapshot = snapshot::take(cx, volume.clone(), description, tags, None)?;
        Ok(taken(snapshot, Some(&volume)))
    }

    fn copy(&self, cx: &mut Cx<'_>, wanted: &Copying<'_>) -> Result<Taken, Ec2Error> {
        Ok(taken(copy::make(cx, wanted)?, None))
    }

    fn begin(
        &self,
        cx: &mut Cx<'_>,
        volume: Option<&str>,
        description: &str,
        tags: &Tags,
    ) -> Result<Taken, Ec2Error> {
        let volume = volume.map(|id| describe::get(cx, &VOLUMES, &VOLUME, id)).transpose()?;
        let snapshot = begun(cx, volume.as_ref(), description)?;
        snapshot::enter(cx, &snapshot, tags);
        Ok(taken(snapshot, volume.as_ref()))
    }

    fn fill(&self, cloud: &Cloud, home: Home, snapshot: &str, pack: Pack<'_>) -> io::Result<u64> {
        fill(cloud, home, Vessel::Snapshot(snapshot), pack)
    }

    fn refill(&self, cloud: &Cloud, home: Home, volume: &str, pack: Pack<'_>) -> io::Result<()> {
        let mut tx = cloud.store().begin();
        let mut found = find_volume(&tx, home, volume)?;
        let seal = blocks::map(&tx, found.map).map_err(io::Error::other)?.seal;
        let ground = blocks::ground(&mut tx, cloud.rng().u64(), seal);
        let before = std::mem::replace(&mut found.map, ground);
        blocks::let_go(&mut tx, before).map_err(io::Error::other)?;
        VOLUMES.put(&mut tx, &register::key(home.account, home.region, volume), &found);
        tx.commit().wait().map_err(io::Error::other)?;
        fill(cloud, home, Vessel::Volume(volume), pack).map(drop)
    }

    fn snap(&self, tx: &mut Tx, home: Home, id: &str, volume: &str) -> Result<(), StoreError> {
        let key = |id: &str| register::key(home.account, home.region, id);
        let (snapshot, volume) = (SNAPSHOTS.get(tx, &key(id))?, VOLUMES.get(tx, &key(volume))?);
        let (Some(mut snapshot), Some(mut volume)) = (snapshot.filter(|one| one.filling), volume) else {
            return Ok(());
        };
        // What was begun becomes what the volume writes to from now on.
        let taken = std::mem::replace(&mut volume.map, snapshot.map);
        blocks::onto(tx, snapshot.map, taken)?;
        (snapshot.map, snapshot.filling, snapshot.size) = (taken, false, volume.size);
        snapshot.kept = Vec::new();
        VOLUMES.put(tx, &key(&volume.id), &volume);
        SNAPSHOTS.put(tx, &key(id), &snapshot);
        Ok(())
    }

    fn end(&self, tx: &mut Tx, home: Home, id: &str, how: Result<u64, &str>) -> Result<(), StoreError> {
        let at = register::key(home.account, home.region, id);
        let Some(mut snapshot) = SNAPSHOTS.get(tx, &at)?.filter(|snapshot| snapshot.filling) else {
            return Ok(());
        };
        snapshot.filling = false;
        snapshot.kept = Vec::new();
        match how {
            Ok(bytes) => snapshot.size = snapshot.size.max(gib(bytes)),
            Err(why) => (snapshot.state, snapshot.why) = (ERROR.into(), why.into()),
        }
        SNAPSHOTS.put(tx, &at, &snapshot);
        Ok(())
    }

    fn open(&self, cloud: &Arc<Cloud>, home: Home, id: &str) -> io::Result<Box<dyn Read>> {
        let from = cloud.store().snapshot();
        let Snapshot { key, map, size, .. } = find(&from, home, id)?;
        if key.is_some() {
            return Err(io::ErrorKind::Unsupported.into());
        }
        reading(cloud, from, &[], (map, size))
    }

    fn open_volume(&self, cloud: &Arc<Cloud>, home: Home, id: &str) -> io::Result<Unpack> {
        let from = cloud.store().snapshot();
        let Volume { state, map, size, .. } = find_volume(&from, home, id)?;
        if state == CREATING {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let kept = attached_key(&from, home, id)?;
        let files = key::of_files(cloud, &kept)?;
        Ok((reading(cloud, from, &kept, (map, size))?, files))
    }

    fn file_key(&self, cloud: &Cloud, root: &DiskAttachment) -> io::Result<Option<FileKey>> {
        key::of_files(cloud, &root.key)
    }

    fn unlock(&self, cx: &mut Cx<'_>, instance: &str) -> Result<bool, Ec2Error> {
        for mut attachment in disk::of_instance(cx.tx, cx.account, cx.region, instance)? {
            let volume = describe::get(cx, &VOLUMES, &VOLUME, &attachment.volume)?;
            let Some(seal) = blocks::map(cx.tx, volume.map)?.seal else { continue };
            match key::renew(cx, &seal) {
                Ok(kept) => attachment.key = kept,
                Err(why) if why.is_ours() => return Err(why),
                Err(_) => return Ok(false),
            }
            let at = register::key(cx.account, cx.region, &volume.id);
            disk::DISK_ATTACHMENTS.put(cx.tx, &at, &attachment);
        }
        Ok(true)
    }

    fn beginning(&self, cx: &mut Cx<'_>, owner: AccountId, id: &str) -> Result<Vec<u8>, Ec2Error> {
        let map = snapshots::of(cx, owner, id)?.map;
        beginning(cx, map)
    }
}

/// What a map begins with, for the caller.
pub(super) fn beginning(cx: &mut Cx<'_>, map: u64) -> Result<Vec<u8>, Ec2Error> {
    let seal = blocks::map(cx.tx, map)?.seal;
    let root = key::open(cx, seal.as_ref())?;
    first(cx, map, &root)
}

/// Likewise, where its data key was kept for what the cloud does by itself.
pub(super) fn kept_beginning(cx: &mut Cx<'_>, map: u64, kept: &[u8]) -> Result<Vec<u8>, Ec2Error> {
    let cloud = Arc::clone(cx.cloud());
    let root = root_of(&cloud, kept).map_err(|_| Plain::InternalError)?;
    first(cx, map, &root)
}

fn first(cx: &mut Cx<'_>, map: u64, root: &Root) -> Result<Vec<u8>, Ec2Error> {
    let block = blocks::find(cx.tx, map, 0)?;
    let mut out = vec![0; BLOCK];
    let cloud = Arc::clone(cx.cloud());
    blocks::read(&cloud, root, block.as_ref(), &mut out).map_err(|_| Plain::InternalError)?;
    Ok(out)
}

fn reading(
    cloud: &Arc<Cloud>,
    from: store::Snapshot,
    kept: &[u8],
    (map, size): (u64, i64),
) -> io::Result<Box<dyn Read>> {
    let (root, count) = (root_of(cloud, kept)?, size.unsigned_abs() * BLOCKS_PER_GIB);
    let cloud = Arc::clone(cloud);
    Ok(Box::new(Reading { cloud, from, root, map, buffer: Vec::new(), at: 0, next: 0, count }))
}

/// A snapshot without bytes, of a volume if there is one, under whose data key its bytes will lie.
///
/// # Errors
/// As KMS has it.
pub(super) fn begun(
    cx: &mut Cx<'_>,
    volume: Option<&Volume>,
    description: &str,
) -> Result<Snapshot, Ec2Error> {
    let (id, number) = (SNAPSHOT.id(cx.rng()), cx.rng().u64());
    let seal = match volume {
        Some(volume) => blocks::map(cx.tx, volume.map)?.seal,
        None => None,
    };
    Ok(Snapshot {
        kept: key::keep(cx, seal.as_ref())?,
        volume: volume.map_or(NO_VOLUME, |volume| &volume.id).into(),
        size: volume.map_or(SIZE_MIN, |volume| volume.size),
        description: description.to_owned(),
        state: PENDING.into(),
        started: cx.now,
        map: blocks::ground(cx.tx, number, seal),
        key: volume.and_then(|volume| volume.key.clone()),
        lineage: volume.map_or(&id, |volume| &volume.id).clone(),
        filling: true,
        id,
        ..Snapshot::default()
    })
}

/// What an image knows of a snapshot: it, and how a volume of it is to be.
fn taken(snapshot: Snapshot, volume: Option<&Volume>) -> Taken {
    // That of the others follows from their size, and is not asked for.
    let asked = volume.filter(|volume| matches!(volume.kind.as_str(), "gp3" | "io1" | "io2"));
    Taken {
        id: snapshot.id,
        size: snapshot.size,
        kind: volume.map_or(KIND, |volume| &volume.kind).to_owned(),
        iops: asked.and_then(|volume| volume.iops),
        throughput: asked.and_then(|volume| volume.throughput),
        encrypted: snapshot.key.is_some(),
    }
}
