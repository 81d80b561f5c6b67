//! The public access block of a bucket.

use super::shapes::{OfBucket, change, load, requests};
use crate::s3::access;
use crate::s3::errors::{Denial, S3Error};
use crate::s3::model::bucket::PublicAccess;
use kernel::{Cx, Empty};

kernel::ops! { pub(crate) static OPS:
    DeletePublicAccessBlock: delete_block, "s3:PutBucketPublicAccessBlock", access::on_bucket;
    GetPublicAccessBlock: get_block, "s3:GetBucketPublicAccessBlock", access::on_bucket;
    PutPublicAccessBlock: put_block, "s3:PutBucketPublicAccessBlock", access::on_bucket;
}

requests! {
    PutBlock { configuration: BlockView = "PublicAccessBlockConfiguration" }
}

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct BlockView {
        block_acls: Option<bool> = "BlockPublicAcls",
        ignore_acls: Option<bool> = "IgnorePublicAcls",
        block_policy: Option<bool> = "BlockPublicPolicy",
        restrict: Option<bool> = "RestrictPublicBuckets",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Block { configuration: BlockView = "PublicAccessBlockConfiguration" }
}

impl From<BlockView> for PublicAccess {
    fn from(view: BlockView) -> PublicAccess {
        PublicAccess {
            block_acls: view.block_acls.unwrap_or_default(),
            ignore_acls: view.ignore_acls.unwrap_or_default(),
            block_policy: view.block_policy.unwrap_or_default(),
            restrict: view.restrict.unwrap_or_default(),
        }
    }
}

impl From<&PublicAccess> for Block {
    fn from(block: &PublicAccess) -> Block {
        Block {
            configuration: BlockView {
                block_acls: Some(block.block_acls),
                ignore_acls: Some(block.ignore_acls),
                block_policy: Some(block.block_policy),
                restrict: Some(block.restrict),
            },
        }
    }
}

fn put_block(cx: &mut Cx<'_>, req: PutBlock) -> Result<Empty, S3Error> {
    change(cx, &req.bucket, |record| {
        record.public_access = Some(req.configuration.into());
        Ok(Empty)
    })
}

fn get_block(cx: &mut Cx<'_>, req: OfBucket) -> Result<Block, S3Error> {
    let bucket = load(cx, &req.bucket)?;
    let block = bucket.record.public_access.as_ref().ok_or(Denial::PublicBlockMissing(req.bucket))?;
    Ok(block.into())
}

fn delete_block(cx: &mut Cx<'_>, req: OfBucket) -> Result<Empty, S3Error> {
    change(cx, &req.bucket, |record| {
        record.public_access = None;
        Ok(Empty)
    })
}
