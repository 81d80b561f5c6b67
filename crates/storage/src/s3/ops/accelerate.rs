//! Transfer acceleration and who pays for requests.

use super::shapes::{OfBucket, change, load, requests};
use crate::s3::access;
use crate::s3::errors::{Refusal, S3Error};
use kernel::{Cx, Empty};

kernel::ops! { pub(crate) static OPS:
    GetBucketAccelerateConfiguration: get_accelerate, "s3:GetAccelerateConfiguration", access::on_bucket;
    GetBucketRequestPayment: get_payment, "s3:GetBucketRequestPayment", access::on_bucket;
    PutBucketAccelerateConfiguration: put_accelerate, "s3:PutAccelerateConfiguration", access::on_bucket;
    PutBucketRequestPayment: put_payment, "s3:PutBucketRequestPayment", access::on_bucket;
}

requests! {
    PutPayment { configuration: Payment = "RequestPaymentConfiguration" }
}

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct PutAccelerate {
        bucket: String = "Bucket",
        expected_owner: Option<String> = "ExpectedBucketOwner",
        checksum_algorithm: Option<String> = "ChecksumAlgorithm",
        configuration: Accelerate = "AccelerateConfiguration",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct GetAccelerate {
        bucket: String = "Bucket",
        expected_owner: Option<String> = "ExpectedBucketOwner",
        payer: Option<String> = "RequestPayer",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Accelerate { status: Option<String> = "Status" }

    #[derive(Clone, Debug)]
    pub(crate) struct Payment { payer: String = "Payer" }
}

const REQUESTER: &str = "Requester";
const STATES: [&str; 2] = ["Enabled", "Suspended"];

fn put_accelerate(cx: &mut Cx<'_>, req: PutAccelerate) -> Result<Empty, S3Error> {
    // AWS: recorded answers look at the name before the status.
    if req.bucket.contains('.') {
        let message = "S3 Transfer Acceleration is not supported for buckets with periods (.) in their names";
        return Err(Refusal::InvalidRequest(message.into()).into());
    }
    let status = req.configuration.status.filter(|status| STATES.contains(&status.as_str()));
    let status = status.ok_or(Refusal::MalformedXml)?;
    change(cx, &req.bucket, |record| {
        record.accelerate = Some(status);
        Ok(Empty)
    })
}

fn get_accelerate(cx: &mut Cx<'_>, req: GetAccelerate) -> Result<Accelerate, S3Error> {
    Ok(Accelerate { status: load(cx, &req.bucket)?.record.accelerate.clone() })
}

fn put_payment(cx: &mut Cx<'_>, req: PutPayment) -> Result<Empty, S3Error> {
    change(cx, &req.bucket, |record| {
        record.requester_pays = req.configuration.payer == REQUESTER;
        Ok(Empty)
    })
}

fn get_payment(cx: &mut Cx<'_>, req: OfBucket) -> Result<Payment, S3Error> {
    let payer = if load(cx, &req.bucket)?.record.requester_pays { REQUESTER } else { "BucketOwner" };
    Ok(Payment { payer: payer.to_owned() })
}
