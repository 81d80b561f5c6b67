//! Making, finding and deleting buckets.

use super::shapes::{OfBucket, load};
use crate::s3::access;
use crate::s3::acl::document::{OwnerView, owner};
use crate::s3::acl::headers::Stated;
use crate::s3::acl::{is_public, private};
use crate::s3::buckets::{self, Bucket};
use crate::s3::configs;
use crate::s3::errors::{Denial, Refusal, S3Error, argument};
use crate::s3::model::bucket::{
    BUCKETS, BUCKETS_OF, BucketRecord, DefaultEncryption, MfaDelete, Ownership, Versioning, arn,
};
use crate::s3::model::object::{CURRENT, VERSIONS};
use crate::s3::model::upload::{PARTS, UPLOADS};
use crate::s3::tags::{self, TagView};
use crate::s3::{name, public_access, versions};
use base::{Region, Timestamp};
use kernel::{Cx, Empty};
use store::Direction;

kernel::ops! { pub(crate) static OPS:
    CreateBucket: create_bucket, "s3:CreateBucket", access::create_bucket;
    DeleteBucket: delete_bucket, "s3:DeleteBucket", access::on_bucket;
    GetBucketLocation: get_bucket_location, "s3:GetBucketLocation", access::on_bucket;
    HeadBucket: head_bucket, "s3:ListBucket", access::on_bucket;
    ListBuckets: list_buckets, "s3:ListAllMyBuckets", access::list_buckets;
}

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct CreateBucket {
        bucket: String = "Bucket",
        acl: Option<String> = "ACL",
        configuration: Option<CreateConfiguration> = "CreateBucketConfiguration",
        grant_full_control: Option<String> = "GrantFullControl",
        grant_read: Option<String> = "GrantRead",
        grant_read_acp: Option<String> = "GrantReadACP",
        grant_write: Option<String> = "GrantWrite",
        grant_write_acp: Option<String> = "GrantWriteACP",
        object_lock: Option<bool> = "ObjectLockEnabledForBucket",
        ownership: Option<String> = "ObjectOwnership",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct CreateConfiguration {
        location: Option<String> = "LocationConstraint",
        tags: Vec<TagView> = "Tags",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Created {
        location: String = "Location",
        arn: String = "BucketArn",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Headed {
        region: String = "BucketRegion",
        alias: bool = "AccessPointAlias",
        arn: String = "BucketArn",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Location { location: Option<String> = "LocationConstraint" }

    #[derive(Clone, Debug)]
    pub(crate) struct ListBuckets {
        max: Option<i64> = "MaxBuckets",
        token: Option<String> = "ContinuationToken",
        prefix: Option<String> = "Prefix",
        region: Option<String> = "BucketRegion",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct ListedBuckets {
        buckets: Vec<BucketView> = "Buckets",
        owner: OwnerView = "Owner",
        token: Option<String> = "ContinuationToken",
        prefix: Option<String> = "Prefix",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct BucketView {
        name: String = "Name",
        created: Timestamp = "CreationDate",
        region: Option<String> = "BucketRegion",
        arn: String = "BucketArn",
    }
}

/// AWS: at most this many in one page.
const PAGE_MAX: i64 = 10_000;
const TOKENS: &str = "s3 buckets";
/// What eu-west-1 was called when it was the only one in Europe.
const EU: &str = "EU";

/// The region of a new bucket: that of the request, or the one that a request to us-east-1 names.
fn location(constraint: Option<&str>, here: Region) -> Result<Region, S3Error> {
    let constraint = constraint.filter(|c| !c.is_empty());
    let there = match constraint {
        None if here == Region::US_EAST_1 => return Ok(here),
        None => return Err(Denial::LocationIllegal("unspecified".into()).into()),
        Some(EU) => Region::parse("eu-west-1"),
        Some(name) => Region::parse(name),
    };
    let text = constraint.unwrap_or_default().to_owned();
    match there {
        // Whether it is a region at all is told in us-east-1 only, where buckets of all of them are made.
        None if here == Region::US_EAST_1 => Err(Denial::LocationInvalid(text).into()),
        None => Err(Denial::LocationIllegal(text).into()),
        Some(there) if there == Region::US_EAST_1 && here == there => {
            Err(Denial::LocationInvalid(text).into())
        }
        Some(there) if here == Region::US_EAST_1 || here == there => Ok(there),
        Some(_) => Err(Denial::LocationIllegal(text).into()),
    }
}

pub(super) fn ownership(name: &str) -> Result<Ownership, S3Error> {
    match name {
        "BucketOwnerEnforced" => Ok(Ownership::BucketOwnerEnforced),
        "BucketOwnerPreferred" => Ok(Ownership::BucketOwnerPreferred),
        "ObjectWriter" => Ok(Ownership::ObjectWriter),
        other => {
            let message = format!("Invalid x-amz-object-ownership header: {other}");
            let refusal = S3Error::from(Refusal::InvalidArgument(message));
            Err(refusal.with("ArgumentName", "x-amz-object-ownership"))
        }
    }
}

fn create_bucket(cx: &mut Cx<'_>, req: CreateBucket) -> Result<Created, S3Error> {
    if cx.caller.principal.account().is_none() {
        return Err(Refusal::AccessDenied.into());
    }
    if !name::is_valid(&req.bucket) {
        return Err(Denial::BucketName(req.bucket).into());
    }
    let constraint = req.configuration.as_ref().and_then(|c| c.location.as_deref());
    let region = location(constraint, cx.region)?;
    let by_old_name = constraint == Some(EU);
    let ownership = req.ownership.as_deref().map_or(Ok(Ownership::BucketOwnerEnforced), ownership)?;
    let stated = Stated {
        canned: req.acl.as_deref(),
        full_control: req.grant_full_control.as_deref(),
        read: req.grant_read.as_deref(),
        read_acp: req.grant_read_acp.as_deref(),
        write: req.grant_write.as_deref(),
        write_acp: req.grant_write_acp.as_deref(),
    };
    let grants = stated.list(cx.account, cx.account)?.unwrap_or_else(|| private(cx.account));
    if ownership == Ownership::BucketOwnerEnforced && grants != private(cx.account) {
        return Err(Denial::AclWithOwnership.into());
    }
    // Every new bucket blocks public access.
    if is_public(&grants) {
        return Err(Denial::AclWithBlock.into());
    }
    let location = if region == Region::US_EAST_1 {
        format!("/{}", req.bucket)
    } else {
        format!("http://{}.s3.amazonaws.com/", req.bucket)
    };
    let created = Created { location, arn: arn(&req.bucket) };
    let tags = req.configuration.map(|c| c.tags).unwrap_or_default();
    if let Some(existing) = buckets::find(cx.cloud(), cx.tx, &req.bucket)? {
        return again(cx, &existing, region, !tags.is_empty()).map(|()| created);
    }
    let object_lock = req.object_lock == Some(true);
    let record = BucketRecord {
        owner: cx.account,
        number: cx.rng().u64(),
        region,
        by_old_name,
        created: cx.now,
        versioning: if object_lock { Versioning::Enabled } else { Versioning::Never },
        object_lock,
        mfa_delete: if object_lock { MfaDelete::Disabled } else { MfaDelete::Never },
        encryption: DefaultEncryption::of_new_buckets(),
        ownership,
        grants,
        public_access: Some(public_access::ALL),
        tags: tags::of_views(tags, tags::OF_BUCKET_MAX)?,
        name: req.bucket,
        ..BucketRecord::default()
    };
    BUCKETS.put(cx.tx, &BucketRecord::key(&record.name), &record);
    BUCKETS_OF.put(cx.tx, &record.owner_key(), &BucketRecord::key(&record.name));
    Ok(created)
}

/// Making what is there already: in us-east-1 an owner gets an old bucket as if it were new, but not with tags, be they
/// those that it has.
fn again(cx: &Cx<'_>, existing: &Bucket, region: Region, tagged: bool) -> Result<(), S3Error> {
    let record = &existing.record;
    if record.owner != cx.account {
        return Err(Denial::BucketExists(record.name.clone()).into());
    }
    if region == Region::US_EAST_1 && record.region == region && !tagged {
        return Ok(());
    }
    Err(Denial::BucketOwned(record.name.clone()).into())
}

fn delete_bucket(cx: &mut Cx<'_>, req: OfBucket) -> Result<Empty, S3Error> {
    let bucket = load(cx, &req.bucket)?;
    let scope = &bucket.scope;
    if VERSIONS.scan(cx.tx, scope, Direction::Forward).next().transpose()?.is_some() {
        return Err(Denial::BucketNotEmptyOfVersions(req.bucket).into());
    }
    if CURRENT.scan(cx.tx, scope, Direction::Forward).next().transpose()?.is_some() {
        let versioned = bucket.record.is_versioned();
        let refusal = if versioned { Denial::BucketNotEmptyOfVersions } else { Denial::BucketNotEmpty };
        return Err(refusal(req.bucket).into());
    }
    let parts: Vec<_> = PARTS.scan(cx.tx, scope, Direction::Forward).collect::<Result<_, _>>()?;
    for (key, part) in parts {
        versions::release_piece(cx, &part.piece)?;
        PARTS.delete(cx.tx, &key);
    }
    let uploads: Vec<_> = UPLOADS.scan(cx.tx, scope, Direction::Forward).collect::<Result<_, _>>()?;
    uploads.iter().for_each(|(key, _)| UPLOADS.delete(cx.tx, key));
    configs::delete_all(cx.tx, &bucket)?;
    let key = BucketRecord::key(&req.bucket);
    BUCKETS.delete(cx.tx, &key);
    BUCKETS_OF.delete(cx.tx, &bucket.record.owner_key(), &key);
    Ok(Empty)
}

fn head_bucket(cx: &mut Cx<'_>, req: OfBucket) -> Result<Headed, S3Error> {
    let bucket = load(cx, &req.bucket)?;
    Ok(Headed { region: bucket.record.region.name().to_owned(), alias: false, arn: arn(&req.bucket) })
}

fn get_bucket_location(cx: &mut Cx<'_>, req: OfBucket) -> Result<Location, S3Error> {
    let record = &load(cx, &req.bucket)?.record;
    let region = if record.by_old_name { EU } else { record.region.name() };
    Ok(Location { location: (record.region != Region::US_EAST_1).then(|| region.to_owned()) })
}

fn list_buckets(cx: &mut Cx<'_>, req: ListBuckets) -> Result<ListedBuckets, S3Error> {
    if cx.caller.principal.account().is_none() {
        return Err(Refusal::AccessDenied.into());
    }
    let max = req.max.unwrap_or(PAGE_MAX);
    if !(1..=PAGE_MAX).contains(&max) {
        let message = "Argument max-buckets must be an integer between 1 and 10000";
        return Err(argument(message, "max-buckets", max.to_string()));
    }
    let region = match req.region.as_deref() {
        // AWS: recorded without the argument's value.
        Some(name) => Some(Region::parse(name).ok_or_else(|| {
            let words = format!("Argument value {name} is not a valid AWS Region");
            S3Error::from(Refusal::InvalidArgument(words)).with("ArgumentName", "bucket-region")
        })?),
        None => None,
    };
    // AWS: recorded answers take an empty token for none.
    let after = match req.token.as_deref().filter(|token| !token.is_empty()) {
        Some(token) => {
            let wrong =
                |_| argument("The continuation token provided is incorrect", "continuation-token", token);
            String::from_utf8(cx.pager().position(TOKENS, token).map_err(wrong)?).unwrap_or_default()
        }
        None => String::new(),
    };
    let asked = req.max.is_some() || req.token.is_some() || req.prefix.is_some() || region.is_some();
    let prefix = store::Key::account(cx.account).str_prefix(req.prefix.as_deref().unwrap_or_default());
    let mut views = Vec::new();
    let mut token = None;
    for key in BUCKETS_OF.scan(cx.tx, &prefix, Direction::Forward) {
        let Some(record) = BUCKETS.get(cx.tx, &key?)? else { continue };
        if record.name <= after || region.is_some_and(|region| region != record.region) {
            continue;
        }
        if i64::try_from(views.len()).is_ok_and(|count| count == max) {
            let last = views.last().map(|view: &BucketView| view.name.clone()).unwrap_or_default();
            token = Some(cx.pager().token(TOKENS, last.as_bytes()));
            break;
        }
        let region = asked.then(|| record.region.name().to_owned());
        let (created, arn) = (record.created.whole_seconds(), record.arn());
        views.push(BucketView { name: record.name, created, region, arn });
    }
    Ok(ListedBuckets { buckets: views, owner: owner(cx.account), token, prefix: req.prefix })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_bucket_is_made() {
        let region = |name: &str| Region::parse(name).unwrap();
        let (east, west) = (Region::US_EAST_1, region("eu-west-1"));
        let code = |constraint, here| location(constraint, here).map_err(|e| e.code().to_owned());
        assert_eq!(code(None, east), Ok(east));
        assert_eq!(code(None, west), Err("IllegalLocationConstraintException".into()));
        assert_eq!(code(Some("EU"), east), Ok(west));
        assert_eq!(code(Some("eu-west-1"), west), Ok(west));
        assert_eq!(
            code(Some("eu-west-1"), region("eu-west-2")),
            Err("IllegalLocationConstraintException".into())
        );
        assert_eq!(code(Some("us-east-1"), east), Err("InvalidLocationConstraint".into()));
        assert_eq!(code(Some("mars-1"), east), Err("InvalidLocationConstraint".into()));
    }
}
