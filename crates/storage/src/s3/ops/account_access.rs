//! The public access block of an account, which holds for all of its buckets.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_PutPublicAccessBlock.html>

use super::public_access::{Block, BlockView};
use crate::s3::access;
use crate::s3::errors::{Denial, S3Error};
use crate::s3::public_access;
use kernel::{Cx, Empty};

kernel::ops! { pub(crate) static OPS:
    DeletePublicAccessBlock: delete_block, "s3:PutAccountPublicAccessBlock", access::on_account;
    GetPublicAccessBlock: get_block, "s3:GetAccountPublicAccessBlock", access::on_account;
    PutPublicAccessBlock: put_block, "s3:PutAccountPublicAccessBlock", access::on_account;
}

wire::shape! {
    /// The account is held against the caller's by [`access::on_account`].
    #[derive(Clone, Debug)]
    pub(crate) struct OfAccount { account: String = "AccountId" }

    #[derive(Clone, Debug)]
    pub(crate) struct PutAccountBlock {
        account: String = "AccountId",
        configuration: BlockView = "PublicAccessBlockConfiguration",
    }
}

fn put_block(cx: &mut Cx<'_>, req: PutAccountBlock) -> Result<Empty, S3Error> {
    public_access::put_of_account(cx.tx, cx.account, Some(&req.configuration.into()));
    Ok(Empty)
}

fn get_block(cx: &mut Cx<'_>, req: OfAccount) -> Result<Block, S3Error> {
    let block = public_access::of_account(cx.tx, cx.account)?;
    Ok((&block.ok_or(Denial::AccountBlockMissing(req.account))?).into())
}

fn delete_block(cx: &mut Cx<'_>, _: OfAccount) -> Result<Empty, S3Error> {
    public_access::put_of_account(cx.tx, cx.account, None);
    Ok(Empty)
}
