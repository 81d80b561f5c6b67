//! Snapshots for images: of volumes, and of roots of machines.
//!
//! A machine has no volume that it boots from. The snapshot of its root holds an archive (tar, as layers of container
//! images are) of what the machine has changed, from the first block on, and zeros behind it. It is a snapshot like any
//! other: it can be read by the direct APIs, shared and copied.

use super::blocks::{self, BLOCK, BLOCKS_PER_GIB, Written};
use super::key;
use super::model::{ERROR, NO_VOLUME, PENDING, SNAPSHOTS, Snapshot, VOLUMES};
use super::ops::snapshot;
use super::plug::Plugged;
use base::tag::Tags;
use blob::cipher::Root;
use ec2::backing::{Home, Pack, Shelf, Taken, gib};
use ec2::kind::{SNAPSHOT, VOLUME};
use ec2::{Ec2Error, describe, register};
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

fn own_root(cloud: &Cloud) -> io::Result<Root> {
    key::root_of(cloud.sealer(), &[]).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// Cuts what is written to it into the blocks of a snapshot.
struct Filling<'a> {
    cloud: &'a Cloud,
    root: Root,
    home: Home,
    snapshot: &'a str,
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
        let snapshot = find(&tx, self.home, self.snapshot)?;
        if !snapshot.filling {
            return Err(io::ErrorKind::NotFound.into());
        }
        let written = std::mem::take(&mut self.written);
        for (index, block) in &written {
            block.put(self.cloud, &mut tx, snapshot.map, *index).map_err(io::Error::other)?;
        }
        let done = tx.commit().wait();
        written.into_iter().for_each(|(_, block)| block.keep());
        done.map(drop).map_err(io::Error::other)
    }
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

/// Reads a snapshot as it was when this was made.
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
        let shape = volume.shape();
        // That of the others follows from their size, and is not asked for.
        let is_asked = matches!(shape.kind.as_str(), "gp3" | "io1" | "io2");
        let taken = snapshot::take(cx, volume, description, tags, None)?;
        Ok(Taken {
            id: taken.id,
            size: taken.size,
            kind: shape.kind,
            iops: shape.iops.filter(|_| is_asked),
            throughput: shape.throughput.filter(|_| is_asked),
            encrypted: taken.key.is_some(),
        })
    }

    fn begin(&self, cx: &mut Cx<'_>, description: &str, tags: &Tags) -> Result<Taken, Ec2Error> {
        let (id, number) = (SNAPSHOT.id(cx.rng()), cx.rng().u64());
        let snapshot = Snapshot {
            id: id.clone(),
            volume: NO_VOLUME.into(),
            size: SIZE_MIN,
            description: description.to_owned(),
            state: PENDING.into(),
            started: cx.now,
            map: blocks::ground(cx.tx, number, None),
            lineage: id.clone(),
            filling: true,
            ..Snapshot::default()
        };
        snapshot::enter(cx, &snapshot, tags);
        let kind = KIND.to_owned();
        Ok(Taken { id, size: SIZE_MIN, kind, iops: None, throughput: None, encrypted: false })
    }

    fn fill(&self, cloud: &Cloud, home: Home, snapshot: &str, pack: Pack<'_>) -> io::Result<u64> {
        let root = own_root(cloud)?;
        let (buffer, written) = (Vec::with_capacity(BLOCK), Vec::new());
        let mut filling = Filling { cloud, root, home, snapshot, buffer, next: 0, written, bytes: 0 };
        pack(&mut filling)?;
        filling.block()?;
        filling.commit()?;
        Ok(filling.bytes)
    }

    fn end(&self, tx: &mut Tx, home: Home, id: &str, how: Result<u64, &str>) -> Result<(), StoreError> {
        let at = register::key(home.account, home.region, id);
        let Some(mut snapshot) = SNAPSHOTS.get(tx, &at)?.filter(|snapshot| snapshot.filling) else {
            return Ok(());
        };
        snapshot.filling = false;
        match how {
            Ok(bytes) => snapshot.size = snapshot.size.max(gib(bytes)),
            Err(why) => (snapshot.state, snapshot.why) = (ERROR.into(), why.into()),
        }
        SNAPSHOTS.put(tx, &at, &snapshot);
        Ok(())
    }

    fn open(&self, cloud: &Arc<Cloud>, home: Home, id: &str) -> io::Result<Box<dyn Read>> {
        let from = cloud.store().snapshot();
        let snapshot = find(&from, home, id)?;
        if snapshot.key.is_some() {
            return Err(io::ErrorKind::Unsupported.into());
        }
        Ok(Box::new(Reading {
            cloud: Arc::clone(cloud),
            from,
            root: own_root(cloud)?,
            map: snapshot.map,
            buffer: Vec::new(),
            at: 0,
            next: 0,
            count: snapshot.size.unsigned_abs() * BLOCKS_PER_GIB,
        }))
    }
}
