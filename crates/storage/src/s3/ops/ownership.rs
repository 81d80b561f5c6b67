//! Ownership controls: who owns what others upload, and whether ACLs count.

use super::bucket::ownership;
use super::shapes::{OfBucket, change, load, requests};
use crate::s3::access;
use crate::s3::acl::private;
use crate::s3::errors::{Denial, Refusal, S3Error};
use crate::s3::model::bucket::Ownership;
use kernel::{Cx, Empty};

kernel::ops! { pub(crate) static OPS:
    DeleteBucketOwnershipControls: delete_ownership, "s3:PutBucketOwnershipControls", access::on_bucket;
    GetBucketOwnershipControls: get_ownership, "s3:GetBucketOwnershipControls", access::on_bucket;
    PutBucketOwnershipControls: put_ownership, "s3:PutBucketOwnershipControls", access::on_bucket;
}

requests! {
    PutOwnership { controls: Controls = "OwnershipControls" }
}

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct Controls { rules: Vec<Rule> = "Rules" }

    #[derive(Clone, Debug)]
    pub(crate) struct Rule { ownership: String = "ObjectOwnership" }

    #[derive(Clone, Debug)]
    pub(crate) struct ControlsView { controls: Controls = "OwnershipControls" }
}

fn put_ownership(cx: &mut Cx<'_>, req: PutOwnership) -> Result<Empty, S3Error> {
    let [rule] = &req.controls.rules[..] else { return Err(Refusal::MalformedXml.into()) };
    let wanted = ownership(&rule.ownership)?;
    change(cx, &req.bucket, |record| {
        if wanted == Ownership::BucketOwnerEnforced && record.grants != private(record.owner) {
            return Err(Denial::AclWithOwnership.into());
        }
        record.ownership = wanted;
        record.no_ownership_controls = false;
        Ok(Empty)
    })
}

fn get_ownership(cx: &mut Cx<'_>, req: OfBucket) -> Result<ControlsView, S3Error> {
    let bucket = load(cx, &req.bucket)?;
    if bucket.record.no_ownership_controls {
        return Err(Denial::OwnershipMissing(req.bucket).into());
    }
    let ownership = match bucket.record.ownership {
        Ownership::BucketOwnerEnforced => "BucketOwnerEnforced",
        Ownership::BucketOwnerPreferred => "BucketOwnerPreferred",
        Ownership::ObjectWriter => "ObjectWriter",
    };
    Ok(ControlsView { controls: Controls { rules: vec![Rule { ownership: ownership.to_owned() }] } })
}

/// Without controls, whoever uploads an object owns it.
fn delete_ownership(cx: &mut Cx<'_>, req: OfBucket) -> Result<Empty, S3Error> {
    change(cx, &req.bucket, |record| {
        record.ownership = Ownership::ObjectWriter;
        record.no_ownership_controls = true;
        Ok(Empty)
    })
}
