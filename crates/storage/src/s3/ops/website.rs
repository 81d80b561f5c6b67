//! The website configuration of a bucket. It acts under the website's host name: [`crate::s3::sites::website`].

use super::shapes::{OfBucket, load, requests};
use crate::s3::access;
use crate::s3::configs::WEBSITE;
use crate::s3::errors::{Denial, S3Error};
use crate::s3::website::WebsiteConfiguration;
use kernel::{Cx, Empty};

kernel::ops! { pub(crate) static OPS:
    DeleteBucketWebsite: delete_website, "s3:DeleteBucketWebsite", access::on_bucket;
    GetBucketWebsite: get_website, "s3:GetBucketWebsite", access::on_bucket;
    PutBucketWebsite: put_website, "s3:PutBucketWebsite", access::on_bucket;
}

requests! {
    PutWebsite { configuration: WebsiteConfiguration = "WebsiteConfiguration" }
}

fn put_website(cx: &mut Cx<'_>, req: PutWebsite) -> Result<Empty, S3Error> {
    let bucket = load(cx, &req.bucket)?;
    req.configuration.check()?;
    WEBSITE.put(cx.tx, &bucket.scope, &req.configuration);
    Ok(Empty)
}

fn get_website(cx: &mut Cx<'_>, req: OfBucket) -> Result<WebsiteConfiguration, S3Error> {
    let bucket = load(cx, &req.bucket)?;
    Ok(WEBSITE.get(cx.tx, &bucket.scope)?.ok_or(Denial::WebsiteMissing(req.bucket))?)
}

fn delete_website(cx: &mut Cx<'_>, req: OfBucket) -> Result<Empty, S3Error> {
    let bucket = load(cx, &req.bucket)?;
    WEBSITE.delete(cx.tx, &bucket.scope);
    Ok(Empty)
}
