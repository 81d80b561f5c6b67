//! Reading snapshots: ListSnapshotBlocks, ListChangedBlocks, GetSnapshotBlock.

use super::{access, token};
use crate::ebs::blocks::{self, BLOCK, Block};
use crate::ebs::errors::{internal, invalid, of_ec2, store};
use crate::ebs::key;
use crate::ebs::model::{COMPLETED, Snapshot};
use crate::ebs::ops::snapshots;
use base::Timestamp;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use blob::cipher::Root;
use ec2::Ec2Error;
use ec2::kind::SNAPSHOT;
use kernel::{Answer, Body, Cx, Dx};
use std::sync::Arc;
use wire::Fault;

kernel::ops! {
    /// Reading.
    pub(super) static OPS:
        ListSnapshotBlocks: list, "ebs:ListSnapshotBlocks", access::snapshot;
        ListChangedBlocks: changed, "ebs:ListChangedBlocks", access::both;
        GetSnapshotBlock: [data] get, "ebs:GetSnapshotBlock", access::snapshot;
}

/// On a page where the caller names no number.
const PAGE: i64 = 10_000;
/// What tokens are sealed for.
const BLOCK_TOKEN: &str = "ebs block";
const PAGE_TOKEN: &str = "ebs page";

wire::shape! {
    #[derive(Debug)]
    struct List {
        id: String = "SnapshotId",
        next: Option<String> = "NextToken",
        max: Option<i64> = "MaxResults",
        first: Option<i64> = "StartingBlockIndex",
    }

    #[derive(Debug)]
    struct Listed {
        blocks: Vec<BlockView> = "Blocks",
        expiry: Timestamp = "ExpiryTime",
        size: i64 = "VolumeSize",
        block: i64 = "BlockSize",
        next: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    struct BlockView {
        index: i64 = "BlockIndex",
        token: String = "BlockToken",
    }

    #[derive(Debug)]
    struct Compare {
        from: Option<String> = "FirstSnapshotId",
        to: String = "SecondSnapshotId",
        next: Option<String> = "NextToken",
        max: Option<i64> = "MaxResults",
        first: Option<i64> = "StartingBlockIndex",
    }

    #[derive(Debug)]
    struct Changed {
        blocks: Vec<ChangedView> = "ChangedBlocks",
        expiry: Timestamp = "ExpiryTime",
        size: i64 = "VolumeSize",
        block: i64 = "BlockSize",
        next: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    struct ChangedView {
        index: i64 = "BlockIndex",
        first: Option<String> = "FirstBlockToken",
        second: Option<String> = "SecondBlockToken",
    }

    #[derive(Debug)]
    struct Get {
        id: String = "SnapshotId",
        index: i64 = "BlockIndex",
        token: String = "BlockToken",
    }

    #[derive(Debug)]
    struct Got {
        length: i64 = "DataLength",
        checksum: String = "Checksum",
        algorithm: String = "ChecksumAlgorithm",
    }
}

/// A snapshot that is complete and whose blocks the caller's account may read.
fn readable(cx: &Cx<'_>, id: &str) -> Result<Snapshot, Fault> {
    // What is no id is one that is not there.
    let none = || Ec2Error::not_found(&SNAPSHOT, id);
    let found = if SNAPSHOT.fits(id) { snapshots::find(cx, id) } else { Err(none()) };
    let (_, snapshot) = found.map_err(of_ec2)?;
    if snapshot.state != COMPLETED {
        return Err(invalid("INVALID_SNAPSHOT_ID", format!("The snapshot '{id}' is not completed.")));
    }
    Ok(snapshot)
}

/// Where a page begins; a token goes before an index.
fn begin(cx: &Cx<'_>, list: &str, next: Option<&String>, first: Option<i64>) -> Result<u32, Fault> {
    match next {
        Some(given) => token::take(cx, PAGE_TOKEN, list, given)
            .ok_or_else(|| invalid("INVALID_PAGE_TOKEN", "The page token is not valid.")),
        None => Ok(u32::try_from(first.unwrap_or(0)).unwrap_or(u32::MAX)),
    }
}

/// Cuts a page off: the token of the next one.
fn cut(cx: &Cx<'_>, list: &str, indexes: &mut Vec<u32>, max: Option<i64>) -> Option<String> {
    let max = usize::try_from(max.unwrap_or(PAGE)).unwrap_or(usize::MAX);
    let next = indexes.get(max).map(|index| token::give(cx, PAGE_TOKEN, list, *index));
    indexes.truncate(max);
    next
}

fn list(cx: &mut Cx<'_>, req: List) -> Result<Listed, Fault> {
    let snapshot = readable(cx, &req.id)?;
    let from = begin(cx, &req.id, req.next.as_ref(), req.first)?;
    let all = blocks::all(cx.tx, snapshot.map).map_err(store)?;
    let mut indexes: Vec<u32> = all.range(from..).map(|(index, _)| *index).collect();
    let next = cut(cx, &req.id, &mut indexes, req.max);
    let view = |index: &u32| BlockView {
        index: i64::from(*index),
        token: token::give(cx, BLOCK_TOKEN, &req.id, *index),
    };
    let blocks = indexes.iter().map(view).collect();
    Ok(Listed { blocks, expiry: token::expiry(cx.now), size: snapshot.size, block: BLOCK as i64, next })
}

fn changed(cx: &mut Cx<'_>, req: Compare) -> Result<Changed, Fault> {
    let second = readable(cx, &req.to)?;
    let first = req.from.as_ref().map(|id| readable(cx, id)).transpose()?;
    if first.as_ref().is_some_and(|first| first.lineage != second.lineage) {
        let what = "The two snapshots are not of the same volume or snapshot lineage.";
        return Err(invalid("UNRELATED_SNAPSHOTS", what));
    }
    let before = match &first {
        Some(first) => blocks::all(cx.tx, first.map).map_err(store)?,
        None => std::collections::BTreeMap::new(),
    };
    let after = blocks::all(cx.tx, second.map).map_err(store)?;
    let name = format!("{}/{}", req.from.as_deref().unwrap_or_default(), req.to);
    let from = begin(cx, &name, req.next.as_ref(), req.first)?;
    let differs = |index: &u32| {
        let same = |a: &Block, b: &Block| a.content == b.content && a.checksum == b.checksum;
        match (before.get(index), after.get(index)) {
            (Some(before), Some(after)) => !same(before, after),
            _ => true,
        }
    };
    let keys = before.range(from..).map(|(index, _)| *index);
    let all: std::collections::BTreeSet<u32> =
        keys.chain(after.range(from..).map(|(index, _)| *index)).collect();
    let mut indexes: Vec<u32> = all.into_iter().filter(differs).collect();
    let next = cut(cx, &name, &mut indexes, req.max);
    let view = |index: &u32| ChangedView {
        index: i64::from(*index),
        first: before
            .contains_key(index)
            .then(|| token::give(cx, BLOCK_TOKEN, req.from.as_deref().unwrap_or_default(), *index)),
        second: after.contains_key(index).then(|| token::give(cx, BLOCK_TOKEN, &req.to, *index)),
    };
    let blocks = indexes.iter().map(view).collect();
    Ok(Changed { blocks, expiry: token::expiry(cx.now), size: second.size, block: BLOCK as i64, next })
}

fn locate(cx: &mut Cx<'_>, req: &Get) -> Result<(Block, Root), Fault> {
    let snapshot = readable(cx, &req.id)?;
    let index =
        token::take(cx, BLOCK_TOKEN, &req.id, &req.token).filter(|index| i64::from(*index) == req.index);
    let index = index.ok_or_else(|| invalid("INVALID_BLOCK_TOKEN", "The block token is not valid."))?;
    let block = blocks::find(cx.tx, snapshot.map, index).map_err(store)?;
    let block = block.ok_or_else(|| invalid("INVALID_BLOCK_TOKEN", "The snapshot has no such block."))?;
    let seal = blocks::map(cx.tx, snapshot.map).map_err(store)?.seal;
    Ok((block, key::open(cx, seal.as_ref()).map_err(of_ec2)?))
}

async fn get(dx: Dx, req: Get, _: Body) -> Result<Answer<Got>, Fault> {
    let (block, root) = dx.read(|cx| locate(cx, &req))?;
    let checksum = STANDARD.encode(&block.checksum);
    let cloud = Arc::clone(dx.cloud());
    let read = tokio::task::spawn_blocking(move || {
        let mut bytes = vec![0; BLOCK];
        blocks::read(&cloud, &root, Some(&block), &mut bytes).map(|()| bytes)
    });
    let bytes = read.await.map_err(|e| internal(&e))?.map_err(|e| internal(&e))?;
    Ok(Answer::from(Got { length: BLOCK as i64, checksum, algorithm: "SHA256".into() }).with(bytes.into()))
}
