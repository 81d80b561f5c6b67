//! The CORS rules of a bucket. They act on every request that has an `Origin`: [`crate::s3::sites::cors`].

use super::shapes::{OfBucket, load, requests};
use crate::s3::access;
use crate::s3::configs::CORS;
use crate::s3::cors::{CorsConfiguration, CorsRule};
use crate::s3::errors::{Denial, S3Error};
use kernel::{Cx, Empty};

kernel::ops! { pub(crate) static OPS:
    DeleteBucketCors: delete_cors, "s3:PutBucketCORS", access::on_bucket;
    GetBucketCors: get_cors, "s3:GetBucketCORS", access::on_bucket;
    PutBucketCors: put_cors, "s3:PutBucketCORS", access::on_bucket;
}

requests! {
    PutCors { configuration: CorsConfiguration = "CORSConfiguration" }
}

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct CorsView { rules: Vec<CorsRule> = "CORSRules" }
}

fn put_cors(cx: &mut Cx<'_>, req: PutCors) -> Result<Empty, S3Error> {
    let bucket = load(cx, &req.bucket)?;
    req.configuration.check()?;
    CORS.put(cx.tx, &bucket.scope, &req.configuration);
    Ok(Empty)
}

fn get_cors(cx: &mut Cx<'_>, req: OfBucket) -> Result<CorsView, S3Error> {
    let bucket = load(cx, &req.bucket)?;
    let rules = CORS.get(cx.tx, &bucket.scope)?.map(|configuration| configuration.rules);
    Ok(CorsView {
        rules: rules.ok_or_else(|| S3Error::from(Denial::CorsMissing).with("BucketName", req.bucket))?,
    })
}

fn delete_cors(cx: &mut Cx<'_>, req: OfBucket) -> Result<Empty, S3Error> {
    let bucket = load(cx, &req.bucket)?;
    CORS.delete(cx.tx, &bucket.scope);
    Ok(Empty)
}
