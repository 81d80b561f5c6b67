//! S3's buckets and their configurations.

use crate::harness::Cloud;
use crate::s3_objects::and;
use serde_json::{Value, json};

const ACCOUNT: &str = "123456789012";
const OTHER: &str = "210987654321";

fn bucket(name: &str) -> Value {
    json!({ "Bucket": name })
}

#[test]
fn a_bucket_is_made_found_and_deleted() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let made = root.call("s3", "CreateBucket", bucket("first"));
    assert_eq!(made.ok()["Location"], "/first");
    assert_eq!(root.call("s3", "HeadBucket", bucket("first")).ok()["BucketRegion"], "us-east-1");
    let listed = root.call("s3", "ListBuckets", json!({})).ok();
    assert_eq!(
        listed["Buckets"],
        json!([{ "Name": "first", "CreationDate": "2026-01-15T12:00:00.000Z", "BucketArn": "arn:aws:s3:::first" }])
    );
    assert_eq!(listed["Owner"]["ID"].as_str().unwrap().len(), 64);
    assert_eq!(root.call("s3", "DeleteBucket", bucket("first")).status, 204);
    root.call("s3", "HeadBucket", bucket("first")).refused(404, "NoSuchBucket");
    let gone = root.call("s3", "DeleteBucket", bucket("first"));
    gone.refused_with(404, "NoSuchBucket", "The specified bucket does not exist");
}

#[test]
fn names_are_of_everybody() {
    let cloud = Cloud::new();
    let (anna, ben) = (cloud.root(ACCOUNT), cloud.root(OTHER));
    anna.call("s3", "CreateBucket", bucket("shared")).ok();
    anna.call("s3", "CreateBucket", bucket("shared")).ok();
    ben.call("s3", "CreateBucket", bucket("shared")).refused_with(
        409,
        "BucketAlreadyExists",
        "The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please select a different name and try again.",
    );
    ben.call("s3", "HeadBucket", bucket("shared")).refused_with(403, "AccessDenied", "Access Denied");
    for name in ["Capital", "ab", "a..b", "192.168.5.4"] {
        let refused = anna.call("s3", "CreateBucket", bucket(name));
        refused.refused_with(400, "InvalidBucketName", "The specified bucket is not valid.");
    }
    cloud.anonymous().call("s3", "CreateBucket", bucket("nobodys")).refused_with(
        403,
        "AccessDenied",
        "Access Denied",
    );
}

#[test]
fn buckets_lie_in_regions() {
    let cloud = Cloud::new();
    let (east, west) = (cloud.root(ACCOUNT), cloud.root(ACCOUNT).in_region("eu-west-1"));
    let within = |name: &str, region: &str| json!({ "Bucket": name, "CreateBucketConfiguration": { "LocationConstraint": region } });
    let made = east.call("s3", "CreateBucket", within("west", "eu-west-1")).ok();
    assert_eq!(made["Location"], "http://west.s3.amazonaws.com/");
    west.call("s3", "CreateBucket", within("west", "eu-west-1")).refused(409, "BucketAlreadyOwnedByYou");
    west.call("s3", "CreateBucket", bucket("other")).refused_with(
        400,
        "IllegalLocationConstraintException",
        "The unspecified location constraint is incompatible for the region specific endpoint this request was sent to.",
    );
    west.call("s3", "CreateBucket", within("other", "eu-west-2"))
        .refused(400, "IllegalLocationConstraintException");
    east.call("s3", "CreateBucket", within("other", "mars-1")).refused_with(
        400,
        "InvalidLocationConstraint",
        "The specified location-constraint is not valid",
    );
    west.call("s3", "CreateBucket", within("other", "mars-1")).refused_with(
        400,
        "IllegalLocationConstraintException",
        "The mars-1 location constraint is incompatible for the region specific endpoint this request was sent to.",
    );
    assert_eq!(east.call("s3", "GetBucketLocation", bucket("west")).ok()["LocationConstraint"], "eu-west-1");
    west.call("s3", "HeadBucket", bucket("west")).ok();
    let moved = east.call("s3", "GetBucketAcl", bucket("west"));
    assert_eq!(moved.headers["x-amz-bucket-region"], "eu-west-1");
    moved.refused(301, "PermanentRedirect");
    // Those who may do nothing with it still learn where it is.
    let stranger = cloud.root("999999999999").in_region("eu-west-1").call("s3", "HeadBucket", bucket("west"));
    assert_eq!(
        (stranger.status, &stranger.headers["x-amz-bucket-region"]),
        (403, &"eu-west-1".parse().unwrap())
    );
    let listed = east.call("s3", "ListBuckets", json!({ "BucketRegion": "eu-west-1" })).ok();
    assert_eq!(listed["Buckets"][0]["BucketRegion"], "eu-west-1");
    let none = east.call("s3", "ListBuckets", json!({ "BucketRegion": "us-east-1", "MaxBuckets": 3 })).ok();
    assert_eq!(none["Buckets"], json!([]));
    // What was made in `EU` says so, and is in eu-west-1.
    east.call("s3", "CreateBucket", within("old", "EU")).ok();
    assert_eq!(east.call("s3", "GetBucketLocation", bucket("old")).ok()["LocationConstraint"], "EU");
    assert_eq!(west.call("s3", "HeadBucket", bucket("old")).ok()["BucketRegion"], "eu-west-1");
}

#[test]
fn listing_buckets_goes_on_where_it_ended() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    for name in ["bbb", "aaa", "abc"] {
        root.call("s3", "CreateBucket", bucket(name)).ok();
    }
    let names = |listed: &Value| {
        let all = listed["Buckets"].as_array().unwrap();
        all.iter().map(|b| b["Name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let first = root.call("s3", "ListBuckets", json!({ "MaxBuckets": 2 })).ok();
    assert_eq!(names(&first), ["aaa", "abc"]);
    let rest = json!({ "MaxBuckets": 2, "ContinuationToken": first["ContinuationToken"] });
    let rest = root.call("s3", "ListBuckets", rest).ok();
    assert_eq!((names(&rest), rest.get("ContinuationToken")), (vec!["bbb".to_owned()], None));
    assert_eq!(names(&root.call("s3", "ListBuckets", json!({ "Prefix": "a" })).ok()), ["aaa", "abc"]);
    assert_eq!(names(&cloud.root(OTHER).call("s3", "ListBuckets", json!({})).ok()), Vec::<String>::new());
    root.call("s3", "ListBuckets", json!({ "ContinuationToken": "x" })).refused(400, "InvalidArgument");
}

/// What a new bucket has, by AWS's defaults.
#[test]
fn defaults_of_a_new_bucket() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    root.call("s3", "CreateBucket", bucket("fresh")).ok();
    let get = |operation: &str| root.call("s3", operation, bucket("fresh"));
    assert_eq!(get("GetBucketVersioning").ok(), json!({}));
    let all = json!({
        "BlockPublicAcls": true, "IgnorePublicAcls": true, "BlockPublicPolicy": true, "RestrictPublicBuckets": true,
    });
    assert_eq!(get("GetPublicAccessBlock").ok()["PublicAccessBlockConfiguration"], all);
    let owner = json!({ "Rules": [{ "ObjectOwnership": "BucketOwnerEnforced" }] });
    assert_eq!(get("GetBucketOwnershipControls").ok()["OwnershipControls"], owner);
    let rule = json!({
        "ApplyServerSideEncryptionByDefault": { "SSEAlgorithm": "AES256" }, "BucketKeyEnabled": false,
        "BlockedEncryptionTypes": { "EncryptionType": ["SSE-C"] },
    });
    assert_eq!(get("GetBucketEncryption").ok()["ServerSideEncryptionConfiguration"]["Rules"], json!([rule]));
    let acl = get("GetBucketAcl").ok();
    assert_eq!(acl["Grants"][0]["Permission"], "FULL_CONTROL");
    assert_eq!(acl["Grants"][0]["Grantee"]["ID"], acl["Owner"]["ID"]);
    assert_eq!(get("GetBucketRequestPayment").ok(), json!({ "Payer": "BucketOwner" }));
    assert_eq!(get("GetBucketNotificationConfiguration").ok(), json!({}));
    assert_eq!(get("GetBucketLogging").ok(), json!({}));
    let missing = [
        ("GetBucketPolicy", "NoSuchBucketPolicy", "The bucket policy does not exist"),
        ("GetBucketCors", "NoSuchCORSConfiguration", "The CORS configuration does not exist"),
        ("GetBucketTagging", "NoSuchTagSet", "The TagSet does not exist"),
        (
            "GetBucketLifecycleConfiguration",
            "NoSuchLifecycleConfiguration",
            "The lifecycle configuration does not exist",
        ),
        (
            "GetBucketWebsite",
            "NoSuchWebsiteConfiguration",
            "The specified bucket does not have a website configuration",
        ),
        (
            "GetBucketReplication",
            "ReplicationConfigurationNotFoundError",
            "The replication configuration was not found",
        ),
        (
            "GetObjectLockConfiguration",
            "ObjectLockConfigurationNotFoundError",
            "Object Lock configuration does not exist for this bucket",
        ),
    ];
    for (operation, code, message) in missing {
        get(operation).refused_with(404, code, message);
    }
}

#[test]
fn acls_where_they_count() {
    let cloud = Cloud::new();
    let (root, other) = (cloud.root(ACCOUNT), cloud.root(OTHER));
    root.call("s3", "CreateBucket", json!({ "Bucket": "acls", "ACL": "public-read" })).refused_with(
        400,
        "InvalidBucketAclWithObjectOwnership",
        "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting",
    );
    let open = json!({ "Bucket": "acls", "ACL": "public-read", "ObjectOwnership": "ObjectWriter" });
    root.call("s3", "CreateBucket", open).refused(400, "InvalidBucketAclWithBlockPublicAccessError");
    root.call("s3", "CreateBucket", bucket("acls")).ok();
    let public = json!({ "Bucket": "acls", "ACL": "public-read" });
    root.call("s3", "PutBucketAcl", public.clone()).refused_with(
        400,
        "AccessControlListNotSupported",
        "The bucket does not allow ACLs",
    );
    // What is wrong with the list is told first.
    for (stated, code) in [
        (json!({ "ACL": "fake" }), "InvalidArgument"),
        (json!({ "GrantWrite": "id=\"fake\"" }), "InvalidArgument"),
        (json!({ "ACL": "private", "GrantRead": "id=\"fake\"" }), "InvalidRequest"),
        (json!({ "AccessControlPolicy": {} }), "MalformedACLError"),
        (json!({}), "MissingSecurityHeader"),
    ] {
        root.call("s3", "PutBucketAcl", and(bucket("acls"), stated)).refused(400, code);
    }
    let writer = json!({ "Rules": [{ "ObjectOwnership": "ObjectWriter" }] });
    root.call("s3", "PutBucketOwnershipControls", json!({ "Bucket": "acls", "OwnershipControls": writer }))
        .ok();
    root.call("s3", "PutBucketAcl", public.clone()).refused(403, "AccessDenied");
    root.call("s3", "DeletePublicAccessBlock", bucket("acls")).ok();
    root.call("s3", "GetPublicAccessBlock", bucket("acls"))
        .refused(404, "NoSuchPublicAccessBlockConfiguration");
    other.call("s3", "ListObjectsV2", bucket("acls")).refused(403, "AccessDenied");
    root.call("s3", "PutBucketAcl", public).ok();
    other.call("s3", "ListObjectsV2", bucket("acls")).ok();
    cloud.anonymous().call("s3", "ListObjectsV2", bucket("acls")).ok();
    root.call("s3", "PutObject", json!({ "Bucket": "acls", "Key": "k" })).ok();
    for (caller, owner) in [(&root, true), (&cloud.anonymous(), false)] {
        let listed = caller.call("s3", "ListObjects", bucket("acls")).ok();
        assert_eq!(listed["Contents"][0].get("Owner").is_some(), owner, "{listed}");
    }
    cloud.anonymous().call("s3", "GetBucketAcl", bucket("acls")).refused(403, "AccessDenied");
    let enforced = json!({ "Rules": [{ "ObjectOwnership": "BucketOwnerEnforced" }] });
    root.call("s3", "PutBucketOwnershipControls", json!({ "Bucket": "acls", "OwnershipControls": enforced }))
        .refused(400, "InvalidBucketAclWithObjectOwnership");
    let ignoring = json!({ "IgnorePublicAcls": true });
    let block = json!({ "Bucket": "acls", "PublicAccessBlockConfiguration": ignoring });
    root.call("s3", "PutPublicAccessBlock", block).ok();
    cloud.anonymous().call("s3", "ListObjectsV2", bucket("acls")).refused(403, "AccessDenied");
}

#[test]
fn explicit_grants() {
    let cloud = Cloud::new();
    let (root, other) = (cloud.root(ACCOUNT), cloud.root(OTHER));
    let create = json!({ "Bucket": "granted", "ObjectOwnership": "BucketOwnerPreferred" });
    root.call("s3", "CreateBucket", create).ok();
    let theirs = other.call("s3", "ListBuckets", json!({})).ok()["Owner"]["ID"].as_str().unwrap().to_owned();
    let mut acl = root.call("s3", "GetBucketAcl", bucket("granted")).ok();
    let grant = json!({ "Grantee": { "Type": "CanonicalUser", "ID": theirs }, "Permission": "READ_ACP" });
    acl["Grants"].as_array_mut().unwrap().push(grant);
    let twice = json!({ "Bucket": "granted", "GrantRead": "anna", "AccessControlPolicy": acl });
    root.call("s3", "PutBucketAcl", twice).refused(400, "UnexpectedContent");
    root.call("s3", "PutBucketAcl", json!({ "Bucket": "granted", "AccessControlPolicy": acl })).ok();
    let seen = other.call("s3", "GetBucketAcl", bucket("granted")).ok();
    assert_eq!(seen["Grants"], acl["Grants"]);
    other.call("s3", "ListObjects", bucket("granted")).refused(403, "AccessDenied");
    let header = json!({ "Bucket": "granted", "GrantRead": format!("id={theirs}") });
    root.call("s3", "PutBucketAcl", header).ok();
    other.call("s3", "ListObjects", bucket("granted")).ok();
    other.call("s3", "GetBucketAcl", bucket("granted")).refused(403, "AccessDenied");
    let refused = root.call("s3", "PutBucketAcl", json!({ "Bucket": "granted", "GrantRead": "id=1" }));
    refused.refused_with(400, "InvalidArgument", "Invalid id");
    root.call("s3", "PutBucketAcl", bucket("granted")).refused(400, "MissingSecurityHeader");
}

#[test]
fn policies_let_others_in_and_keep_them_out() {
    let cloud = Cloud::new();
    let (root, other) = (cloud.root(ACCOUNT), cloud.root(OTHER));
    root.call("s3", "CreateBucket", bucket("guarded")).ok();
    let policy = |principal: &str, effect: &str| {
        let statement = json!({
            "Effect": effect, "Principal": { "AWS": principal }, "Action": "s3:ListBucket",
            "Resource": "arn:aws:s3:::guarded", "Condition": { "StringEquals": { "s3:prefix": "open/" } },
        });
        let text = json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string();
        json!({ "Bucket": "guarded", "Policy": text })
    };
    let list = |prefix: &str| json!({ "Bucket": "guarded", "Prefix": prefix });
    root.call("s3", "PutBucketPolicy", policy(OTHER, "Allow")).ok();
    other.call("s3", "ListObjectsV2", list("open/")).ok();
    other.call("s3", "ListObjectsV2", list("shut/")).refused(403, "AccessDenied");
    other.call("s3", "GetBucketPolicy", bucket("guarded")).refused(403, "AccessDenied");
    let status = root.call("s3", "GetBucketPolicyStatus", bucket("guarded")).ok();
    assert_eq!(status["PolicyStatus"]["IsPublic"], false);
    root.call("s3", "PutBucketPolicy", policy("*", "Allow")).refused(403, "AccessDenied");
    root.call("s3", "DeletePublicAccessBlock", bucket("guarded")).ok();
    root.call("s3", "PutBucketPolicy", policy("*", "Allow")).ok();
    cloud.anonymous().call("s3", "ListObjectsV2", list("open/")).ok();
    let status = root.call("s3", "GetBucketPolicyStatus", bucket("guarded")).ok();
    assert_eq!(status["PolicyStatus"]["IsPublic"], true);
    let restrict = json!({ "RestrictPublicBuckets": true });
    let block = json!({ "Bucket": "guarded", "PublicAccessBlockConfiguration": restrict });
    root.call("s3", "PutPublicAccessBlock", block).ok();
    cloud.anonymous().call("s3", "ListObjectsV2", list("open/")).refused(403, "AccessDenied");
    other.call("s3", "ListObjectsV2", list("open/")).refused(403, "AccessDenied");
    root.call("s3", "PutBucketPolicy", policy("*", "Deny")).ok();
    root.call("s3", "ListObjectsV2", list("open/")).refused(403, "AccessDenied");
    root.call("s3", "DeleteBucketPolicy", bucket("guarded")).ok();
    root.call("s3", "ListObjectsV2", list("open/")).ok();
    for resource in ["arn:aws:s3:::other", "*", "arn:aws:s3:::guarded2/*"] {
        let statement = json!({ "Effect": "Allow", "Principal": { "AWS": OTHER }, "Action": "s3:*", "Resource": resource });
        let text = json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string();
        root.call("s3", "PutBucketPolicy", json!({ "Bucket": "guarded", "Policy": text })).refused_with(
            400,
            "MalformedPolicy",
            "Policy has invalid resource",
        );
    }
    let of = |action: &str, resource: &str, condition: Value| {
        let statement = json!({
            "Effect": "Allow", "Principal": { "AWS": OTHER }, "Action": action, "Resource": resource,
            "Condition": condition,
        });
        let text = json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string();
        root.call("s3", "PutBucketPolicy", json!({ "Bucket": "guarded", "Policy": text }))
    };
    let (bucket, objects) = ("arn:aws:s3:::guarded", "arn:aws:s3:::guarded/*");
    let with = |key: &str| json!({ "StringEquals": { key: "x" } });
    for (action, resource, condition, words) in [
        ("s3:Fly", objects, json!({}), "Policy has invalid action"),
        ("s3:ListBucket", objects, json!({}), "Action does not apply to any resource(s) in statement"),
        ("s3:GetObject", bucket, json!({}), "Action does not apply to any resource(s) in statement"),
        ("s3:GetObject", objects, with("s3:fly"), "Policy has an invalid condition key"),
        ("s3:GetObject", objects, with("SourceIp"), "Policy has an invalid condition key"),
        (
            "s3:GetObject",
            objects,
            with("s3:prefix"),
            "Conditions do not apply to combination of actions and resources in statement",
        ),
    ] {
        of(action, resource, condition).refused_with(400, "MalformedPolicy", words);
    }
    of("s3:ListBucket", bucket, with("s3:prefix")).ok();
    let broken = json!({ "Bucket": "guarded", "Policy": "{}" });
    root.call("s3", "PutBucketPolicy", broken).refused(400, "MalformedPolicy");
    let naming = |user: &str| {
        let statement = json!({
            "Effect": "Allow", "Principal": { "CanonicalUser": user }, "Action": "s3:GetObject", "Resource": objects,
        });
        let text = json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string();
        root.call("s3", "PutBucketPolicy", json!({ "Bucket": "guarded", "Policy": text }))
    };
    let words = "Invalid principal in policy";
    naming("anna").refused_with(400, "MalformedPolicy", words);
    naming(&"ab".repeat(32)).refused_with(400, "MalformedPolicy", words);
    let buckets = root.call("s3", "ListBuckets", json!({})).ok();
    naming(buckets["Owner"]["ID"].as_str().unwrap()).ok();
}

#[test]
fn expected_owners_and_requesters_who_pay() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    root.call("s3", "CreateBucket", bucket("owned")).ok();
    let expecting = |owner: &str| json!({ "Bucket": "owned", "ExpectedBucketOwner": owner });
    root.call("s3", "GetBucketAcl", expecting(ACCOUNT)).ok();
    root.call("s3", "GetBucketAcl", expecting(OTHER)).refused_with(403, "AccessDenied", "Access Denied");
    root.call("s3", "GetBucketAcl", expecting("anna")).refused(400, "InvalidBucketOwnerAWSAccountID");
    let payment = json!({ "Bucket": "owned", "RequestPaymentConfiguration": { "Payer": "Requester" } });
    root.call("s3", "PutBucketRequestPayment", payment).ok();
    let statement = json!({
        "Effect": "Allow", "Principal": { "AWS": OTHER }, "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::owned",
    });
    let text = json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string();
    root.call("s3", "PutBucketPolicy", json!({ "Bucket": "owned", "Policy": text })).ok();
    let other = cloud.root(OTHER);
    other.call("s3", "ListObjectsV2", bucket("owned")).refused(403, "AccessDenied");
    let paying = json!({ "Bucket": "owned", "RequestPayer": "requester" });
    assert_eq!(other.call("s3", "ListObjectsV2", paying).ok()["RequestCharged"], "requester");
}

#[test]
fn versioning_and_lock_go_together() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let versioning =
        |name: &str, status: &str| json!({ "Bucket": name, "VersioningConfiguration": { "Status": status } });
    root.call("s3", "CreateBucket", json!({ "Bucket": "locked", "ObjectLockEnabledForBucket": true })).ok();
    assert_eq!(root.call("s3", "GetBucketVersioning", bucket("locked")).ok()["Status"], "Enabled");
    root.call("s3", "PutBucketVersioning", versioning("locked", "Suspended")).refused_with(
        409,
        "InvalidBucketState",
        "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed.",
    );
    let rule = |days: i64| json!({ "ObjectLockEnabled": "Enabled", "Rule": { "DefaultRetention": { "Mode": "GOVERNANCE", "Days": days } } });
    let put = |name: &str, days| json!({ "Bucket": name, "ObjectLockConfiguration": rule(days) });
    root.call("s3", "PutObjectLockConfiguration", put("locked", 3)).ok();
    let got = root.call("s3", "GetObjectLockConfiguration", bucket("locked")).ok();
    assert_eq!(got["ObjectLockConfiguration"], rule(3));
    root.call("s3", "PutObjectLockConfiguration", put("locked", 0)).refused(400, "InvalidRetentionPeriod");
    root.call("s3", "PutObjectLockConfiguration", bucket("locked")).refused_with(
        400,
        "MissingRequestBodyError",
        "Request Body is empty",
    );
    root.call("s3", "CreateBucket", bucket("plain")).ok();
    root.call("s3", "PutObjectLockConfiguration", put("plain", 3)).refused(409, "InvalidBucketState");
    root.call("s3", "PutBucketVersioning", versioning("plain", "Enabled")).ok();
    root.call("s3", "PutObjectLockConfiguration", put("plain", 3)).ok();
    let silent = json!({ "Bucket": "plain", "VersioningConfiguration": {} });
    root.call("s3", "PutBucketVersioning", silent).refused(400, "IllegalVersioningConfigurationException");
}

#[test]
fn configurations_come_back_as_they_were_put() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    root.call("s3", "CreateBucket", bucket("kept")).ok();
    let cors = json!({ "CORSRules": [{
        "ID": "one", "AllowedMethods": ["GET"], "AllowedOrigins": ["*"], "MaxAgeSeconds": 30,
    }] });
    let lifecycle = json!({ "Rules": [{
        "ID": "old", "Filter": { "And": { "Prefix": "log/", "Tags": [{ "Key": "k", "Value": "v" }] } },
        "Status": "Enabled", "Expiration": { "Days": 90 },
        "Transitions": [{ "Days": 30, "StorageClass": "STANDARD_IA" }, { "Days": 60, "StorageClass": "GLACIER" }],
    }] });
    let website = json!({
        "IndexDocument": { "Suffix": "index.html" }, "ErrorDocument": { "Key": "error.html" },
        "RoutingRules": [{ "Condition": { "KeyPrefixEquals": "a/" }, "Redirect": { "HostName": "example.com" } }],
    });
    let tagging = json!({ "TagSet": [{ "Key": "team", "Value": "blue" }] });
    let encryption = json!({ "Rules": [{
        "ApplyServerSideEncryptionByDefault": { "SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "alias/a" },
        "BucketKeyEnabled": true, "BlockedEncryptionTypes": { "EncryptionType": ["NONE"] },
    }] });
    let table = [
        ("BucketCors", "CORSConfiguration", cors, None),
        ("BucketLifecycleConfiguration", "LifecycleConfiguration", lifecycle, None),
        ("BucketWebsite", "WebsiteConfiguration", website, None),
        ("BucketTagging", "Tagging", tagging, None),
        ("BucketEncryption", "ServerSideEncryptionConfiguration", encryption, Some(())),
    ];
    for (noun, member, configuration, nested) in table {
        let put = json!({ "Bucket": "kept", member: configuration });
        let reply = root.call("s3", &format!("Put{noun}"), put);
        assert_eq!(reply.status, if noun == "BucketTagging" { 204 } else { 200 }, "{noun}");
        reply.ok();
        let mut got = root.call("s3", &format!("Get{noun}"), bucket("kept")).ok();
        if nested.is_some() {
            got = got[member].take();
        }
        let members = got.as_object_mut().unwrap();
        members.remove("TransitionDefaultMinimumObjectSize");
        assert_eq!(got, configuration, "{noun}");
    }
    for gone in ["DeleteBucketCors", "DeleteBucketLifecycle", "DeleteBucketWebsite", "DeleteBucketTagging"] {
        assert_eq!(root.call("s3", gone, bucket("kept")).status, 204, "{gone}");
    }
    root.call("s3", "GetBucketCors", bucket("kept")).refused(404, "NoSuchCORSConfiguration");
}

#[test]
fn bad_configurations_are_refused() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    root.call("s3", "CreateBucket", bucket("strict")).ok();
    let lifecycle = |rule: Value| {
        let put = json!({ "Bucket": "strict", "LifecycleConfiguration": { "Rules": [rule] } });
        root.call("s3", "PutBucketLifecycleConfiguration", put)
    };
    lifecycle(json!({ "Status": "Enabled", "Prefix": "", "Expiration": { "Days": 0 } })).refused_with(
        400,
        "InvalidArgument",
        "'Days' for Expiration action must be a positive integer",
    );
    lifecycle(json!({ "Status": "enabled", "Prefix": "", "Expiration": { "Days": 1 } }))
        .refused(400, "MalformedXML");
    let many: Vec<Value> = (0..51).map(|n| json!({ "Key": n.to_string(), "Value": "" })).collect();
    let put = json!({ "Bucket": "strict", "Tagging": { "TagSet": many } });
    root.call("s3", "PutBucketTagging", put).refused_with(
        400,
        "BadRequest",
        "Bucket tag count cannot be greater than 50",
    );
    let tags = json!({ "TagSet": [{ "Key": "a", "Value": "" }, { "Key": "a", "Value": "" }] });
    root.call("s3", "PutBucketTagging", json!({ "Bucket": "strict", "Tagging": tags })).refused_with(
        400,
        "InvalidTag",
        "Cannot provide multiple Tags with the same key",
    );
    let queue =
        json!({ "QueueArn": "arn:aws:sqs:us-east-1:123456789012:none", "Events": ["s3:ObjectCreated:*"] });
    let told = json!({ "Bucket": "strict", "NotificationConfiguration": { "QueueConfigurations": [queue] } });
    let unreachable = root.call("s3", "PutBucketNotificationConfiguration", told);
    assert_eq!(unreachable.value["ArgumentName1"], "arn:aws:sqs:us-east-1:123456789012:none");
    assert_eq!(unreachable.value["ArgumentValue1"], "The destination queue does not exist");
    let message = "Unable to validate the following destination configurations";
    unreachable.refused_with(400, "InvalidArgument", message);
    let function = "arn:aws:lambda:us-east-1:123456789012:function:none";
    let told = json!({ "Bucket": "strict", "NotificationConfiguration": {
        "TopicConfigurations":
            [{ "TopicArn": "arn:aws:sns:us-east-1:123456789012:none", "Events": ["s3:ObjectRemoved:*"] }],
        "LambdaFunctionConfigurations":
            [{ "LambdaFunctionArn": function, "Events": ["s3:ObjectCreated:*"] }],
    } });
    let both = root.call("s3", "PutBucketNotificationConfiguration", told);
    assert_eq!(both.value["ArgumentValue1"], "The destination topic does not exist");
    assert_eq!(both.value["ArgumentName2"], format!("{function}, null"));
    assert_eq!(both.value["ArgumentValue2"], format!("Not authorized to invoke function [{function}]"));
    both.refused_with(400, "InvalidArgument", message);
    let event = json!({ "QueueArn": "arn:aws:sqs:us-east-1:123456789012:none", "Events": ["s3:Fly"] });
    let told = json!({ "Bucket": "strict", "NotificationConfiguration": { "QueueConfigurations": [event] } });
    root.call("s3", "PutBucketNotificationConfiguration", told).refused_with(
        400,
        "InvalidArgument",
        "A specified event is not supported for notifications.",
    );
    let sized = json!({
        "Bucket": "strict", "TransitionDefaultMinimumObjectSize": "none",
        "LifecycleConfiguration": { "Rules": [{ "Status": "Enabled", "Prefix": "", "Expiration": { "Days": 1 } }] },
    });
    root.call("s3", "PutBucketLifecycleConfiguration", sized).refused_with(
        400,
        "InvalidRequest",
        "Invalid TransitionDefaultMinimumObjectSize found: none",
    );
    let bridge =
        json!({ "Bucket": "strict", "NotificationConfiguration": { "EventBridgeConfiguration": {} } });
    root.call("s3", "PutBucketNotificationConfiguration", bridge).ok();
    let got = root.call("s3", "GetBucketNotificationConfiguration", bucket("strict")).ok();
    assert_eq!(got, json!({ "EventBridgeConfiguration": {} }));
    let rule = json!({
        "ID": "r", "Status": "Enabled", "Priority": 1, "Filter": { "Prefix": "" },
        "DeleteMarkerReplication": { "Status": "Disabled" }, "Destination": { "Bucket": "arn:aws:s3:::nowhere" },
    });
    let role = "arn:aws:iam::123456789012:role/copy";
    let put = json!({ "Bucket": "strict", "ReplicationConfiguration": { "Role": role, "Rules": [rule] } });
    root.call("s3", "PutBucketReplication", put.clone()).refused(400, "InvalidRequest");
    let on = json!({ "Bucket": "strict", "VersioningConfiguration": { "Status": "Enabled" } });
    root.call("s3", "PutBucketVersioning", on).ok();
    let refused = root.call("s3", "PutBucketReplication", put);
    refused.refused_with(400, "InvalidRequest", "Destination bucket must have versioning enabled.");
}
