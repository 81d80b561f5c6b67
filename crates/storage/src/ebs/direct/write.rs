//! Writing snapshots: StartSnapshot, PutSnapshotBlock, CompleteSnapshot.

use super::access;
use crate::ebs::blocks::{self, BLOCK, BLOCKS_PER_GIB};
use crate::ebs::errors::{internal, invalid, not_found, of_ec2, of_tags, store};
use crate::ebs::key;
use crate::ebs::model::{COMPLETED, Direct, NO_VOLUME, PENDING, SNAPSHOTS, Snapshot};
use crate::ebs::ops::snapshot::enter;
use crate::ebs::ops::snapshots;
use base::Timestamp;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use blob::cipher::Root;
use ec2::kind::SNAPSHOT;
use ec2::tags::{self, Tag};
use ec2::{register, token};
use kernel::{Answer, Body, Cx, Dx};
use std::time::Duration;
use wire::Fault;

kernel::ops! {
    /// Writing.
    pub(super) static OPS:
        StartSnapshot: start, "ebs:StartSnapshot", access::new;
        PutSnapshotBlock: [data] put, "ebs:PutSnapshotBlock", access::snapshot;
        CompleteSnapshot: complete, "ebs:CompleteSnapshot", access::snapshot;
}

/// AWS: in minutes.
const TIMEOUT: i64 = 60;
/// In GiB.
const SIZE_MAX: i64 = 65_536;
/// A block's coming is noted in the snapshot's record no more often.
const NOTED: Duration = Duration::from_secs(15);
const SHA256: &str = "SHA256";

wire::shape! {
    #[derive(Debug)]
    struct Start {
        size: i64 = "VolumeSize",
        parent: Option<String> = "ParentSnapshotId",
        tags: Vec<Tag> = "Tags",
        description: Option<String> = "Description",
        token: Option<String> = "ClientToken",
        encrypted: Option<bool> = "Encrypted",
        key: Option<String> = "KmsKeyArn",
        timeout: Option<i64> = "Timeout",
    }

    #[derive(Debug)]
    struct Started {
        description: Option<String> = "Description",
        id: String = "SnapshotId",
        owner: String = "OwnerId",
        status: String = "Status",
        start: Timestamp = "StartTime",
        size: i64 = "VolumeSize",
        block: i64 = "BlockSize",
        tags: Vec<Tag> = "Tags",
        parent: Option<String> = "ParentSnapshotId",
        key: Option<String> = "KmsKeyArn",
    }

    #[derive(Debug)]
    struct Put {
        id: String = "SnapshotId",
        index: i64 = "BlockIndex",
        length: i64 = "DataLength",
        progress: Option<i64> = "Progress",
        checksum: String = "Checksum",
        algorithm: String = "ChecksumAlgorithm",
    }

    #[derive(Debug)]
    struct Written {
        checksum: String = "Checksum",
        algorithm: String = "ChecksumAlgorithm",
    }

    #[derive(Debug)]
    struct Complete {
        id: String = "SnapshotId",
        count: i64 = "ChangedBlocksCount",
        checksum: Option<String> = "Checksum",
        algorithm: Option<String> = "ChecksumAlgorithm",
        method: Option<String> = "ChecksumAggregationMethod",
    }

    #[derive(Debug)]
    struct Completed { status: String = "Status" }
}

fn started(cx: &Cx<'_>, snapshot: &Snapshot) -> Result<Started, Fault> {
    let tags = register::tags(cx, &snapshot.id).map_err(of_ec2)?;
    Ok(Started {
        description: Some(snapshot.description.clone()).filter(|text| !text.is_empty()),
        id: snapshot.id.clone(),
        owner: cx.account.to_string(),
        status: snapshot.state.clone(),
        start: snapshot.started,
        size: snapshot.size,
        block: BLOCK as i64,
        tags: tags::view(&tags),
        parent: snapshot.direct.as_ref().and_then(|direct| direct.parent.clone()),
        key: snapshot.key.clone(),
    })
}

/// The snapshot that a new one stands on.
fn parent(cx: &Cx<'_>, req: &Start) -> Result<Option<Snapshot>, Fault> {
    let Some(id) = &req.parent else { return Ok(None) };
    if req.encrypted.is_some() || req.key.is_some() {
        let what = "Encrypted and KmsKeyArn cannot be specified with ParentSnapshotId.";
        return Err(invalid("INVALID_PARAMETER_VALUE", what));
    }
    let parent = snapshots::own(cx, id).map_err(of_ec2)?;
    if parent.state != COMPLETED {
        return Err(invalid("INVALID_SNAPSHOT_ID", format!("The snapshot '{id}' is not completed.")));
    }
    if req.size < parent.size {
        let what =
            format!("The volume size must be at least that of the parent snapshot: {} GiB.", parent.size);
        return Err(invalid("INVALID_VOLUME_SIZE", what));
    }
    Ok(Some(parent))
}

fn start(cx: &mut Cx<'_>, req: Start) -> Result<Started, Fault> {
    let own = tags::checked(&req.tags).map_err(|error| of_tags(&error))?;
    if let Some(id) = token::made(cx, req.token.as_ref(), &req).map_err(of_ec2)? {
        return started(cx, &snapshots::own(cx, &id).map_err(of_ec2)?);
    }
    if req.size > SIZE_MAX {
        return Err(invalid("INVALID_VOLUME_SIZE", format!("The volume size is limited to {SIZE_MAX} GiB.")));
    }
    let id = SNAPSHOT.id(cx.rng());
    let number = cx.rng().u64();
    let parent = parent(cx, &req)?;
    let (map, kms, lineage) = if let Some(parent) = parent {
        let map = blocks::on(cx.tx, number, parent.map).map_err(store)?;
        (map, parent.key, parent.lineage)
    } else {
        let by_default = key::defaults(cx).map_err(of_ec2)?.encrypt;
        if req.key.is_some() && req.encrypted != Some(true) {
            return Err(invalid("INVALID_PARAMETER_VALUE", "KmsKeyArn requires Encrypted to be true."));
        }
        let seal = if req.encrypted == Some(true) || by_default {
            let named = match &req.key {
                Some(named) => named.clone(),
                None => key::default_key(cx).map_err(of_ec2)?,
            };
            Some(key::make(cx, &named, &id).map_err(of_ec2)?)
        } else {
            None
        };
        let kms = seal.as_ref().map(|seal| seal.key.clone());
        (blocks::ground(cx.tx, number, seal), kms, id.clone())
    };
    let direct =
        Direct { parent: req.parent.clone(), timeout: req.timeout.unwrap_or(TIMEOUT), touched: cx.now };
    let snapshot = Snapshot {
        id: id.clone(),
        volume: NO_VOLUME.into(),
        size: req.size,
        description: req.description.clone().unwrap_or_default(),
        state: PENDING.into(),
        started: cx.now,
        map,
        key: kms,
        lineage,
        direct: Some(direct),
        ..Snapshot::default()
    };
    enter(cx, &snapshot, &own);
    token::keep(cx, req.token.as_ref(), &req, &id);
    started(cx, &snapshot)
}

/// A snapshot that is being written.
fn open(cx: &Cx<'_>, id: &str) -> Result<Snapshot, Fault> {
    let snapshot = SNAPSHOTS.get(cx.tx, &register::key(cx.account, cx.region, id)).map_err(store)?;
    let snapshot = snapshot.ok_or_else(|| not_found(id))?;
    if snapshot.direct.is_none() || snapshot.state != PENDING {
        return Err(invalid("INVALID_SNAPSHOT_ID", format!("The snapshot '{id}' is not pending.")));
    }
    Ok(snapshot)
}

fn begin(cx: &mut Cx<'_>, req: &Put) -> Result<(u32, Root), Fault> {
    let snapshot = open(cx, &req.id)?;
    let last = snapshot.size.unsigned_abs() * BLOCKS_PER_GIB;
    let index = u32::try_from(req.index).ok().filter(|index| u64::from(*index) < last);
    let index = index.ok_or_else(|| {
        invalid("INVALID_BLOCK", format!("The block index {} is beyond the end of the volume.", req.index))
    })?;
    if req.length != BLOCK as i64 {
        return Err(invalid("INVALID_BLOCK", format!("The data length must be {BLOCK} bytes.")));
    }
    if req.algorithm != SHA256 {
        return Err(invalid("INVALID_PARAMETER_VALUE", "Only SHA256 checksums are supported."));
    }
    let seal = blocks::map(cx.tx, snapshot.map).map_err(store)?.seal;
    Ok((index, key::open(cx, seal.as_ref()).map_err(of_ec2)?))
}

async fn receive(mut body: Body) -> Result<Vec<u8>, Fault> {
    let mut bytes = Vec::with_capacity(BLOCK);
    while let Some(piece) = body.next().await? {
        if bytes.len() + piece.len() > BLOCK {
            return Err(invalid("INVALID_BLOCK", format!("A block has {BLOCK} bytes.")));
        }
        bytes.extend_from_slice(&piece);
    }
    if bytes.len() != BLOCK {
        let what = format!("A block has {BLOCK} bytes, not {}.", bytes.len());
        return Err(invalid("INVALID_BLOCK", what));
    }
    Ok(bytes)
}

async fn put(dx: Dx, req: Put, body: Body) -> Result<Answer<Written>, Fault> {
    let (index, root) = dx.read(|cx| begin(cx, &req))?;
    let bytes = receive(body).await?;
    let checksum = STANDARD.encode(blocks::sha256(&bytes));
    if checksum != req.checksum {
        return Err(invalid("INVALID_BLOCK", "The checksum is not that of the block's data."));
    }
    let cloud = std::sync::Arc::clone(dx.cloud());
    let written = tokio::task::spawn_blocking(move || blocks::write(&cloud, &root, &bytes)).await;
    let written = written.map_err(|e| internal(&e))?.map_err(|e| internal(&e))?;
    let done = dx.transact(|cx| note(cx, &req, index, &written)).await;
    written.keep();
    done?;
    Ok(Answer::from(Written { checksum, algorithm: SHA256.into() }))
}

fn note(cx: &mut Cx<'_>, req: &Put, index: u32, written: &blocks::Written) -> Result<(), Fault> {
    let mut snapshot = open(cx, &req.id)?;
    let cloud = std::sync::Arc::clone(cx.cloud());
    written.put(&cloud, cx.tx, snapshot.map, index).map_err(store)?;
    let progress = req.progress.filter(|progress| *progress != snapshot.progress);
    let Some(direct) = snapshot.direct.as_mut() else { return Ok(()) };
    if progress.is_some() || direct.touched.plus(NOTED) < cx.now {
        direct.touched = cx.now;
        snapshot.progress = progress.unwrap_or(snapshot.progress);
        SNAPSHOTS.put(cx.tx, &register::key(cx.account, cx.region, &req.id), &snapshot);
    }
    Ok(())
}

fn complete(cx: &mut Cx<'_>, req: Complete) -> Result<Completed, Fault> {
    let mut snapshot = open(cx, &req.id)?;
    let written = blocks::own(cx.tx, snapshot.map).map_err(store)?;
    if usize::try_from(req.count) != Ok(written.len()) {
        let what = format!("{} blocks were written to the snapshot, not {}.", written.len(), req.count);
        return Err(invalid("INVALID_PARAMETER_VALUE", what));
    }
    let words = [(&req.algorithm, SHA256), (&req.method, "LINEAR")];
    if words.iter().any(|(given, known)| given.as_ref().is_some_and(|given| given != known)) {
        let what = "Only SHA256 checksums that are aggregated by LINEAR are supported.";
        return Err(invalid("INVALID_PARAMETER_VALUE", what));
    }
    if let Some(given) = &req.checksum {
        let all: Vec<u8> = written.values().flat_map(|block| block.checksum.iter().copied()).collect();
        if *given != STANDARD.encode(blocks::sha256(&all)) {
            return Err(invalid(
                "INVALID_BLOCK",
                "The checksum is not that of the blocks that were written.",
            ));
        }
    }
    snapshot.direct = None;
    snapshot.state = COMPLETED.into();
    snapshot.progress = 100;
    snapshot.completed = Some(cx.now);
    SNAPSHOTS.put(cx.tx, &register::key(cx.account, cx.region, &req.id), &snapshot);
    Ok(Completed { status: COMPLETED.into() })
}
