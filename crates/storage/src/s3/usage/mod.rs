//! What S3 counts, in the words of its usage reports.
//!
//! Requests by the class of the object that they are about ([`requests`]), bytes in and out and what is read from
//! classes where that costs ([`kinds`]), and what is stored, by class ([`stored`]). It is the bucket's owner who uses,
//! or who asks for it in a bucket whose requesters pay.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/aws-usage-report-understand.html>
//!
//! Not here: deletions before a class's least time, tags, which transfers stay within a region, and the bytes of lists
//! and of other documents.

pub(crate) mod kinds;
pub mod requests;
pub mod stored;

use super::model::bucket::BucketRecord;
use base::AccountId;
use kernel::Dx;
use kernel::meter::{Kind, Line};

/// A line about a bucket. `payer`: the account that asks, where requesters pay and it has said that it does.
pub(crate) fn line<'a>(
    bucket: &'a BucketRecord,
    payer: Option<AccountId>,
    kind: &'static Kind,
    operation: &'a str,
) -> Line<'a> {
    let account = payer.unwrap_or(bucket.owner);
    Line { account, region: bucket.region, kind, operation, resource: &bucket.name }
}

/// Counts bytes that have come in.
pub(crate) fn received(dx: &Dx, bucket: &BucketRecord, requester_pays: bool, operation: &str, bytes: u64) {
    // What services write comes from within the region.
    if dx.request().is_from_outside() {
        let payer = requester_pays.then_some(dx.account);
        dx.meter(&line(bucket, payer, &kinds::BYTES_IN, operation), bytes);
    }
}
