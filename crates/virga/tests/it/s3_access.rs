//! Who may do what in S3: operations against kinds of callers, as a table.

use crate::harness::{Caller, Cloud, Reply};
use serde_json::{Value, json};

const ACCOUNT: &str = "123456789012";
const OTHER: &str = "210987654321";
const EVERYTHING: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["s3:*","iam:PassRole"],"Resource":"*"}}"#;

/// What lets a caller in beside its own policies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Letting {
    /// A READ and WRITE of everybody in the bucket's ACL.
    BucketRead,
    BucketWrite,
    /// A READ of everybody in the object's ACL.
    ObjectRead,
    /// Only policies.
    Nothing,
    /// Only the owner's account, whatever a policy says.
    Owner,
}

use Letting::{BucketRead, BucketWrite, Nothing, ObjectRead, Owner};

/// Operation, parameters beside bucket and key, and which ACL lets others in.
fn rows() -> Vec<(&'static str, Value, Letting)> {
    let key = |mut more: Value| {
        more["Key"] = json!("k");
        more
    };
    let none = || json!({});
    let block = json!({ "PublicAccessBlockConfiguration": { "BlockPublicAcls": false } });
    let rules =
        json!({ "Rules": [{ "ID": "r", "Prefix": "", "Status": "Enabled", "Expiration": { "Days": 9 } }] });
    let cors = json!({ "CORSRules": [{ "AllowedMethods": ["GET"], "AllowedOrigins": ["*"] }] });
    let tags = json!({ "TagSet": [{ "Key": "a", "Value": "b" }] });
    vec![
        ("HeadBucket", none(), BucketRead),
        ("ListObjects", none(), BucketRead),
        ("ListObjectsV2", none(), BucketRead),
        ("ListObjectVersions", none(), BucketRead),
        ("ListMultipartUploads", none(), BucketRead),
        ("GetObject", key(none()), ObjectRead),
        ("HeadObject", key(none()), ObjectRead),
        ("PutObject", key(json!({ "Body": "x" })), BucketWrite),
        ("DeleteObject", key(none()), BucketWrite),
        ("CreateMultipartUpload", key(none()), BucketWrite),
        ("GetObjectAcl", key(none()), Nothing),
        ("GetObjectTagging", key(none()), Nothing),
        ("PutObjectTagging", key(json!({ "Tagging": tags })), Nothing),
        ("DeleteObjectTagging", key(none()), Nothing),
        ("GetBucketAcl", none(), Nothing),
        ("GetBucketLocation", none(), Nothing),
        ("GetBucketVersioning", none(), Nothing),
        ("PutBucketVersioning", json!({ "VersioningConfiguration": { "Status": "Enabled" } }), Nothing),
        ("GetBucketPolicyStatus", none(), Nothing),
        ("GetBucketPolicy", none(), Owner),
        ("DeleteBucketPolicy", none(), Owner),
        ("GetPublicAccessBlock", none(), Nothing),
        ("PutPublicAccessBlock", block, Nothing),
        ("GetBucketOwnershipControls", none(), Nothing),
        ("PutBucketCors", json!({ "CORSConfiguration": cors }), Nothing),
        ("PutBucketLifecycleConfiguration", json!({ "LifecycleConfiguration": rules }), Nothing),
        ("PutBucketTagging", json!({ "Tagging": tags }), Nothing),
        ("GetBucketEncryption", none(), Nothing),
        ("GetBucketRequestPayment", none(), Nothing),
        ("DeleteBucket", none(), Nothing),
    ]
    .into_iter()
    .chain(parts_and_locks())
    .chain(settings())
    .chain(configurations())
    .collect()
}

/// What is left of objects, their uploads and what holds them.
fn parts_and_locks() -> Vec<(&'static str, Value, Letting)> {
    let upload = || json!({ "Key": "up", "UploadId": UPLOAD });
    let part = |mut more: Value| {
        more["Key"] = json!("up");
        more["UploadId"] = json!(UPLOAD);
        more["PartNumber"] = json!(1);
        more
    };
    let key = |name: &str, value: Value| json!({ "Key": "k", (name): value });
    let many = json!({ "Objects": [{ "Key": "k" }] });
    let parts = json!({ "Parts": [{ "PartNumber": 1, "ETag": "x" }] });
    let until = json!({ "Mode": "GOVERNANCE", "RetainUntilDate": "2030-01-01T00:00:00Z" });
    vec![
        ("GetObjectAttributes", key("ObjectAttributes", json!(["ETag"])), ObjectRead),
        ("CopyObject", json!({ "Key": "copy", "CopySource": "table/k" }), BucketWrite),
        ("DeleteObjects", json!({ "Delete": many }), BucketWrite),
        ("UploadPart", part(json!({ "Body": "x" })), BucketWrite),
        ("UploadPartCopy", part(json!({ "CopySource": "table/k" })), BucketWrite),
        (
            "CompleteMultipartUpload",
            {
                let mut input = upload();
                input["MultipartUpload"] = parts;
                input
            },
            BucketWrite,
        ),
        ("AbortMultipartUpload", upload(), Nothing),
        ("ListParts", upload(), Nothing),
        ("PutObjectAcl", key("ACL", json!("private")), Nothing),
        ("GetObjectLegalHold", json!({ "Key": "k" }), Nothing),
        ("PutObjectLegalHold", key("LegalHold", json!({ "Status": "ON" })), Nothing),
        ("GetObjectRetention", json!({ "Key": "k" }), Nothing),
        ("PutObjectRetention", key("Retention", until), Nothing),
        ("RestoreObject", key("RestoreRequest", json!({ "Days": 1 })), Nothing),
    ]
}

/// What is left of a bucket's settings.
fn settings() -> Vec<(&'static str, Value, Letting)> {
    let none = || json!({});
    let rule = json!({ "ApplyServerSideEncryptionByDefault": { "SSEAlgorithm": "AES256" } });
    let encryption = json!({ "Rules": [rule] });
    let website = json!({ "IndexDocument": { "Suffix": "index.html" } });
    let ownership = json!({ "Rules": [{ "ObjectOwnership": "ObjectWriter" }] });
    let replica =
        json!({ "Status": "Enabled", "Prefix": "", "Destination": { "Bucket": "arn:aws:s3:::other" } });
    let role = format!("arn:aws:iam::{ACCOUNT}:role/copies");
    let replication = json!({ "Role": role, "Rules": [replica] });
    let lock = json!({ "ObjectLockEnabled": "Enabled" });
    let denial = json!({ "Version": "2012-10-17", "Statement": {
        "Effect": "Deny", "Principal": { "AWS": ACCOUNT }, "Action": "s3:DeleteBucketWebsite", "Resource": "arn:aws:s3:::table",
    } });
    vec![
        ("PutBucketAcl", json!({ "ACL": "private" }), Nothing),
        (
            "PutBucketPolicy",
            json!({ "Policy": denial.to_string(), "ConfirmRemoveSelfBucketAccess": true }),
            Owner,
        ),
        ("GetBucketAccelerateConfiguration", none(), Nothing),
        (
            "PutBucketAccelerateConfiguration",
            json!({ "AccelerateConfiguration": { "Status": "Enabled" } }),
            Nothing,
        ),
        ("GetBucketCors", none(), Nothing),
        ("DeleteBucketCors", none(), Nothing),
        ("PutBucketEncryption", json!({ "ServerSideEncryptionConfiguration": encryption }), Nothing),
        ("DeleteBucketEncryption", none(), Nothing),
        ("GetBucketLifecycleConfiguration", none(), Nothing),
        ("DeleteBucketLifecycle", none(), Nothing),
        ("GetBucketLogging", none(), Nothing),
        ("PutBucketLogging", json!({ "BucketLoggingStatus": {} }), Nothing),
        ("GetBucketNotificationConfiguration", none(), Nothing),
        ("PutBucketNotificationConfiguration", json!({ "NotificationConfiguration": {} }), Nothing),
        ("PutBucketOwnershipControls", json!({ "OwnershipControls": ownership }), Nothing),
        ("DeleteBucketOwnershipControls", none(), Nothing),
        ("DeletePublicAccessBlock", none(), Nothing),
        ("GetBucketReplication", none(), Nothing),
        ("PutBucketReplication", json!({ "ReplicationConfiguration": replication }), Nothing),
        ("DeleteBucketReplication", none(), Nothing),
        (
            "PutBucketRequestPayment",
            json!({ "RequestPaymentConfiguration": { "Payer": "BucketOwner" } }),
            Nothing,
        ),
        ("GetBucketTagging", none(), Nothing),
        ("DeleteBucketTagging", none(), Nothing),
        ("GetBucketWebsite", none(), Nothing),
        ("PutBucketWebsite", json!({ "WebsiteConfiguration": website }), Nothing),
        ("DeleteBucketWebsite", none(), Nothing),
        ("GetObjectLockConfiguration", none(), Nothing),
        ("PutObjectLockConfiguration", json!({ "ObjectLockConfiguration": lock }), Nothing),
    ]
}

/// Those that a bucket has several of.
fn configurations() -> Vec<(&'static str, Value, Letting)> {
    let of = |name: &str, mut body: Value| {
        body["Id"] = json!("one");
        json!({ "Id": "one", (name): body })
    };
    let one = || json!({ "Id": "one" });
    let there = json!({ "S3BucketDestination": { "Bucket": "arn:aws:s3:::table", "Format": "CSV" } });
    let inventory = json!({
        "Destination": there, "IsEnabled": false, "IncludedObjectVersions": "All", "Schedule": { "Frequency": "Daily" },
    });
    let tiers = json!({ "Status": "Enabled", "Tierings": [{ "Days": 90, "AccessTier": "ARCHIVE_ACCESS" }] });
    vec![
        ("GetBucketAnalyticsConfiguration", one(), Nothing),
        (
            "PutBucketAnalyticsConfiguration",
            of("AnalyticsConfiguration", json!({ "StorageClassAnalysis": {} })),
            Nothing,
        ),
        ("DeleteBucketAnalyticsConfiguration", one(), Nothing),
        ("ListBucketAnalyticsConfigurations", json!({}), Nothing),
        ("GetBucketIntelligentTieringConfiguration", one(), Nothing),
        ("PutBucketIntelligentTieringConfiguration", of("IntelligentTieringConfiguration", tiers), Nothing),
        ("DeleteBucketIntelligentTieringConfiguration", one(), Nothing),
        ("ListBucketIntelligentTieringConfigurations", json!({}), Nothing),
        ("GetBucketInventoryConfiguration", one(), Nothing),
        ("PutBucketInventoryConfiguration", of("InventoryConfiguration", inventory), Nothing),
        ("DeleteBucketInventoryConfiguration", one(), Nothing),
        ("ListBucketInventoryConfigurations", json!({}), Nothing),
        ("GetBucketMetricsConfiguration", one(), Nothing),
        ("PutBucketMetricsConfiguration", of("MetricsConfiguration", json!({})), Nothing),
        ("DeleteBucketMetricsConfiguration", one(), Nothing),
        ("ListBucketMetricsConfigurations", json!({}), Nothing),
    ]
}

/// Of no bucket that is there: what policies of buckets, ACLs and blocks have no part in.
const OF_ACCOUNTS: [&str; 2] = ["CreateBucket", "ListBuckets"];

/// What stands for the id of the upload that each cloud has.
const UPLOAD: &str = "the upload";

/// A bucket `table` of the first account with an object `k`, that nobody else may touch.
fn prepared<'c>(cloud: &'c Cloud) -> Caller<'c> {
    let root = cloud.root(ACCOUNT);
    root.call("s3", "CreateBucket", json!({ "Bucket": "table", "ObjectOwnership": "ObjectWriter" })).ok();
    root.call("s3", "DeletePublicAccessBlock", json!({ "Bucket": "table" })).ok();
    root.call("s3", "PutObject", json!({ "Bucket": "table", "Key": "k", "Body": "hello" })).ok();
    root.call("s3", "CreateMultipartUpload", json!({ "Bucket": "table", "Key": "up" })).ok();
    root
}

/// What is sent: a row's parameters, with the bucket and the upload that is there.
fn filled(root: &Caller<'_>, more: &Value) -> Value {
    let mut parameters = more.clone();
    parameters["Bucket"] = json!("table");
    if parameters["UploadId"] == UPLOAD {
        let there = root.call("s3", "ListMultipartUploads", json!({ "Bucket": "table" })).ok();
        parameters["UploadId"] = there["Uploads"][0]["UploadId"].clone();
    }
    parameters
}

fn policy(root: &Caller<'_>, principal: Value) {
    let statement = json!({
        "Effect": "Allow", "Principal": principal, "Action": "s3:*",
        "Resource": ["arn:aws:s3:::table", "arn:aws:s3:::table/*"],
    });
    let text = json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string();
    root.call("s3", "PutBucketPolicy", json!({ "Bucket": "table", "Policy": text })).ok();
}

/// Let in, even if there is then nothing to be found, or nothing to be restored.
fn is_let_in(reply: &Reply) -> bool {
    let code = reply.error().0;
    // Of many objects, whether one may go stands in the answer.
    let denied = code == "AccessDenied" || reply.value["Errors"][0]["Code"] == "AccessDenied";
    !denied && reply.status != 405 && (reply.status != 403 || code == "InvalidObjectState")
}

/// Of callers with credentials only, whatever lets others in.
const NEED_CREDENTIALS: [&str; 2] = ["CopyObject", "CreateMultipartUpload"];

/// Hands over a role, which only its own account's policies may allow.
const PASSES_A_ROLE: &str = "PutBucketReplication";

/// Tries every row against a cloud of its own.
fn each(
    make: impl for<'c> Fn(&'c Cloud, &Caller<'c>) -> Caller<'c>,
    expected: impl Fn(&str, Letting) -> bool,
) {
    let mut wrong = Vec::new();
    for (operation, more, letting) in rows() {
        let cloud = Cloud::new();
        let root = prepared(&cloud);
        let parameters = filled(&root, &more);
        let reply = make(&cloud, &root).call("s3", operation, parameters);
        if is_let_in(&reply) != expected(operation, letting) {
            wrong.push(format!("{operation}: {} {:?}", reply.status, reply.error()));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_operation_is_in_the_table() {
    let rows = rows();
    let known: Vec<&str> = rows.iter().map(|(operation, ..)| *operation).chain(OF_ACCOUNTS).collect();
    let missing: Vec<&str> =
        storage::s3::S3.ops().map(|op| op.name).filter(|name| !known.contains(name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn what_is_of_no_bucket_is_up_to_the_callers_own_policies() {
    for operation in OF_ACCOUNTS {
        let cloud = Cloud::new();
        let root = cloud.root(ACCOUNT);
        let callers = [
            (root.clone(), true),
            (cloud.user(&root, "holder", EVERYTHING), true),
            (cloud.user(&root, "nobody", ""), false),
            (cloud.anonymous(), false),
        ];
        for (n, (caller, may)) in callers.into_iter().enumerate() {
            let named = json!({ "Bucket": format!("table-{n}") });
            let parameters = if operation == "CreateBucket" { named } else { json!({}) };
            let reply = caller.call("s3", operation, parameters.clone());
            assert_eq!(is_let_in(&reply), may, "{operation} {n}: {} {:?}", reply.status, reply.error());
        }
    }
}

#[test]
fn root_may_everything() {
    each(|_, root| root.clone(), |_, _| true);
}

#[test]
fn a_user_without_policies_may_nothing() {
    each(|cloud, root| cloud.user(root, "nobody", ""), |_, _| false);
}

#[test]
fn a_user_with_a_policy_may_everything() {
    each(|cloud, root| cloud.user(root, "holder", EVERYTHING), |_, _| true);
}

#[test]
fn nobody_unsigned_may_anything() {
    each(|cloud, _| cloud.anonymous(), |_, _| false);
}

#[test]
fn another_account_may_nothing() {
    each(|cloud, _| cloud.user(&cloud.root(OTHER), "far", EVERYTHING), |_, _| false);
}

#[test]
fn a_bucket_policy_lets_another_account_in() {
    each(
        |cloud, root| {
            let far = cloud.user(&cloud.root(OTHER), "far", EVERYTHING);
            policy(root, json!({ "AWS": format!("arn:aws:iam::{OTHER}:user/far") }));
            far
        },
        |operation, letting| letting != Owner && operation != PASSES_A_ROLE,
    );
}

/// Across accounts both sides must allow.
#[test]
fn a_bucket_policy_is_half_of_it() {
    each(
        |cloud, root| {
            policy(root, json!({ "AWS": OTHER }));
            cloud.user(&cloud.root(OTHER), "far", "")
        },
        |_, _| false,
    );
}

#[test]
fn a_bucket_policy_is_enough_within_the_account() {
    each(
        |cloud, root| {
            let near = cloud.user(root, "near", "");
            policy(root, json!({ "AWS": format!("arn:aws:iam::{ACCOUNT}:user/near") }));
            near
        },
        |operation, _| operation != PASSES_A_ROLE,
    );
}

fn open_acls(root: &Caller<'_>) {
    root.call("s3", "PutBucketAcl", json!({ "Bucket": "table", "ACL": "public-read-write" })).ok();
    root.call("s3", "PutObjectAcl", json!({ "Bucket": "table", "Key": "k", "ACL": "public-read" })).ok();
}

#[test]
fn acls_let_everybody_in() {
    each(
        |cloud, root| {
            open_acls(root);
            cloud.anonymous()
        },
        |operation, letting| !matches!(letting, Nothing | Owner) && !NEED_CREDENTIALS.contains(&operation),
    );
}

/// What a stranger uploads by the bucket's ACL is his, and a stranger without credentials is one user of S3's.
#[test]
fn what_strangers_upload_is_theirs() {
    const NOBODY: &str = "65a011a29cdf8ec533ec3d1ccaae921c";
    let cloud = Cloud::new();
    let root = prepared(&cloud);
    let (nobody, far) = (cloud.anonymous(), cloud.user(&cloud.root(OTHER), "far", EVERYTHING));
    root.call("s3", "PutBucketAcl", json!({ "Bucket": "table", "ACL": "public-read-write" })).ok();
    policy(&root, json!({ "AWS": ACCOUNT }));
    let of = |key: &str, more: Value| {
        let mut of = json!({ "Bucket": "table", "Key": key });
        more.as_object().into_iter().flatten().for_each(|(name, value)| of[name] = value.clone());
        of
    };
    let put = |caller: &Caller<'_>, key: &str, more: Value| {
        caller.call("s3", "PutObject", of(key, more)).ok();
    };
    let owned = |by: &Caller<'_>, key: &str| {
        let acl = by.call("s3", "GetObjectAcl", of(key, json!({}))).ok();
        let grants = acl["Grants"].as_array().unwrap().iter();
        let grant = |grant: &Value| (grant["Grantee"]["ID"].clone(), grant["Permission"].clone());
        (acl["Owner"]["ID"].clone(), grants.map(grant).collect::<Vec<_>>())
    };
    let id = |caller: &Caller<'_>| caller.call("s3", "ListBuckets", json!({})).ok()["Owner"]["ID"].clone();
    let full = |id: &Value| (id.clone(), json!("FULL_CONTROL"));
    for (who, whose) in [(&nobody, json!(NOBODY)), (&far, id(&far))] {
        put(who, "plain", json!({ "Body": "x" }));
        // Neither the bucket's policy nor the owner's own lets its owner read what is another's, but he may end it.
        for operation in ["GetObject", "GetObjectAcl"] {
            root.call("s3", operation, of("plain", json!({}))).refused(403, "AccessDenied");
        }
        assert_eq!(owned(who, "plain"), (whose.clone(), vec![full(&whose)]));
        who.call("s3", "GetObject", of("plain", json!({}))).ok();
        let listed = root.call("s3", "ListObjects", json!({ "Bucket": "table", "Prefix": "plain" })).ok();
        assert_eq!(listed["Contents"][0]["Owner"]["ID"], whose);
        root.call("s3", "DeleteObject", of("plain", json!({}))).ok();
        // Both have all of what is given to the bucket's owner, too.
        put(who, "given", json!({ "Body": "x", "ACL": "bucket-owner-full-control" }));
        root.call("s3", "GetObject", of("given", json!({}))).ok();
        assert_eq!(owned(who, "given"), (whose.clone(), vec![full(&whose), full(&id(&root))]));
    }
    // An ACL comes back as it was read.
    put(&nobody, "read", json!({ "Body": "x" }));
    let acl = nobody.call("s3", "GetObjectAcl", of("read", json!({}))).ok();
    nobody.call("s3", "PutObjectAcl", of("read", json!({ "AccessControlPolicy": acl }))).ok();
    nobody.call("s3", "PutObjectAcl", of("read", json!({ "ACL": "public-read" }))).ok();
    root.call("s3", "GetObject", of("read", json!({}))).ok();
    for (ownership, canned) in
        [("BucketOwnerPreferred", json!("bucket-owner-full-control")), ("BucketOwnerEnforced", Value::Null)]
    {
        let rules = json!({ "Rules": [{ "ObjectOwnership": ownership }] });
        if canned.is_null() {
            root.call("s3", "PutBucketAcl", json!({ "Bucket": "table", "ACL": "private" })).ok();
            policy(&root, json!("*"));
        }
        let controls = json!({ "Bucket": "table", "OwnershipControls": rules });
        root.call("s3", "PutBucketOwnershipControls", controls).ok();
        put(&nobody, "kept", if canned.is_null() { json!({}) } else { json!({ "ACL": canned }) });
        assert_eq!(owned(&root, "kept"), (id(&root), vec![full(&id(&root))]), "{ownership}");
    }
    // Where the bucket's owner owns everything, that is so of what was there, too.
    let listed = root.call("s3", "ListObjects", json!({ "Bucket": "table", "Prefix": "read" })).ok();
    assert_eq!(listed["Contents"][0]["Owner"]["ID"], id(&root));
}

/// Though ACLs let everybody write.
#[test]
fn copies_and_uploads_in_parts_need_credentials() {
    let cloud = Cloud::new();
    let root = prepared(&cloud);
    open_acls(&root);
    for (operation, more, what) in [
        ("CopyObject", json!({ "CopySource": "table/k" }), "copy objects"),
        ("CreateMultipartUpload", json!({}), "initiate multipart uploads"),
    ] {
        let mut asked = more;
        (asked["Bucket"], asked["Key"]) = (json!("table"), json!("new"));
        let words = format!("Anonymous users cannot {what}.  Please authenticate.");
        cloud.anonymous().call("s3", operation, asked).refused_with(403, "AccessDenied", &words);
    }
}

#[test]
fn ignored_acls_let_nobody_in() {
    each(
        |cloud, root| {
            open_acls(root);
            let block = json!({ "IgnorePublicAcls": true });
            let put = json!({ "Bucket": "table", "PublicAccessBlockConfiguration": block });
            root.call("s3", "PutPublicAccessBlock", put).ok();
            cloud.anonymous()
        },
        |_, _| false,
    );
}

#[test]
fn restricted_buckets_keep_the_public_out() {
    for signed in [false, true] {
        each(
            |cloud, root| {
                policy(root, json!("*"));
                let block = json!({ "RestrictPublicBuckets": true });
                let put = json!({ "Bucket": "table", "PublicAccessBlockConfiguration": block });
                root.call("s3", "PutPublicAccessBlock", put).ok();
                if signed { cloud.user(&cloud.root(OTHER), "far", EVERYTHING) } else { cloud.anonymous() }
            },
            |_, _| false,
        );
    }
}

#[test]
fn a_boundary_is_the_most_that_a_user_may() {
    let boundary =
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}}"#;
    each(
        |cloud, root| {
            let bound = cloud.user(root, "bound", EVERYTHING);
            let made = json!({ "PolicyName": "most", "PolicyDocument": boundary });
            let arn = root.call("iam", "CreatePolicy", made).ok()["Policy"]["Arn"].clone();
            let put = json!({ "UserName": "bound", "PermissionsBoundary": arn });
            root.call("iam", "PutUserPermissionsBoundary", put).ok();
            bound
        },
        |operation, _| matches!(operation, "GetObject" | "HeadObject"),
    );
}

#[test]
fn whoever_has_a_presigned_address_acts_for_its_maker() {
    for (operation, more, _) in rows() {
        for may in [true, false] {
            let cloud = Cloud::new();
            let root = prepared(&cloud);
            let maker = cloud.user(&root, "maker", if may { EVERYTHING } else { "" });
            let request = maker.presigned("s3", operation, &filled(&root, &more));
            let reply = cloud.send(request, std::net::Ipv4Addr::LOCALHOST.into());
            assert_eq!(is_let_in(&reply), may, "{operation}: {} {:?}", reply.status, reply.error());
        }
    }
}

#[test]
fn a_missing_object_is_told_to_those_who_may_list() {
    let cloud = Cloud::new();
    let root = prepared(&cloud);
    let user = |name: &str, action: &str| {
        let statement = json!({ "Effect": "Allow", "Action": action, "Resource": "*" });
        cloud.user(&root, name, &json!({ "Version": "2012-10-17", "Statement": statement }).to_string())
    };
    let missing = json!({ "Bucket": "table", "Key": "none" });
    let reader = user("reader", "s3:GetObject");
    let message = reader.call("s3", "GetObject", missing.clone()).refused(403, "AccessDenied");
    assert!(
        message.contains("is not authorized to perform: s3:ListBucket on resource: \"arn:aws:s3:::table\"")
    );
    let all = cloud.user(&root, "all", EVERYTHING);
    all.call("s3", "GetObject", missing.clone()).refused(404, "NoSuchKey");
    let lister = user("lister", "s3:ListBucket");
    for operation in ["GetObject", "HeadObject"] {
        assert_eq!(lister.call("s3", operation, missing.clone()).status, 404, "{operation}");
    }
    lister.call("s3", "GetObjectAcl", missing).refused(403, "AccessDenied");
    lister.call("s3", "GetObject", json!({ "Bucket": "table", "Key": "k" })).refused(403, "AccessDenied");
}

#[test]
fn what_is_missing_is_told_under_the_prefix_that_may_be_listed() {
    let cloud = Cloud::new();
    let root = prepared(&cloud);
    let other = cloud.root(OTHER);
    let statements = json!([
        {
            "Effect": "Allow", "Principal": "*", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::table",
            "Condition": { "StringLike": { "s3:prefix": "open/*" } },
        },
        {
            "Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::table/open/denied",
        },
    ]);
    let document = json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
    root.call("s3", "PutBucketPolicy", json!({ "Bucket": "table", "Policy": document })).ok();
    let get = |key: &str| other.call("s3", "GetObject", json!({ "Bucket": "table", "Key": key }));
    get("open/none").refused(404, "NoSuchKey");
    get("open/denied").refused(403, "AccessDenied");
    get("closed/none").refused(403, "AccessDenied");
}

#[test]
fn conditions_look_at_the_request_and_the_object() {
    let cloud = Cloud::new();
    let root = prepared(&cloud);
    let tagged = json!({ "Bucket": "table", "Key": "blue", "Body": "x", "Tagging": "colour=blue" });
    root.call("s3", "PutObject", tagged).ok();
    let statements = json!([
        {
            "Effect": "Allow", "Action": "s3:GetObject", "Resource": "*",
            "Condition": { "StringEquals": { "s3:ExistingObjectTag/colour": "blue" } },
        },
        {
            "Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*",
            "Condition": { "StringLike": { "s3:prefix": "home/*" }, "NumericLessThanEquals": { "s3:max-keys": "10" } },
        },
        { "Effect": "Allow", "Action": ["s3:PutObject", "s3:PutObjectAcl"], "Resource": "*" },
        {
            "Effect": "Deny", "Action": "s3:PutObject", "Resource": "*",
            "Condition": { "StringEquals": { "s3:x-amz-acl": "public-read" } },
        },
    ]);
    let text = json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
    let user = cloud.user(&root, "careful", &text);
    let of = |more: Value| {
        let mut all = more;
        all["Bucket"] = json!("table");
        all
    };
    user.call("s3", "GetObject", of(json!({ "Key": "blue" }))).ok();
    user.call("s3", "GetObject", of(json!({ "Key": "k" }))).refused(403, "AccessDenied");
    user.call("s3", "ListObjectsV2", of(json!({ "Prefix": "home/a", "MaxKeys": 5 }))).ok();
    user.call("s3", "ListObjectsV2", of(json!({ "Prefix": "home/a", "MaxKeys": 50 })))
        .refused(403, "AccessDenied");
    user.call("s3", "ListObjectsV2", of(json!({}))).refused(403, "AccessDenied");
    user.call("s3", "PutObject", of(json!({ "Key": "n", "Body": "x", "ACL": "private" }))).ok();
    user.call("s3", "PutObject", of(json!({ "Key": "n", "Body": "x", "ACL": "public-read" })))
        .refused(403, "AccessDenied");
    user.call("s3", "PutObject", of(json!({ "Key": "n", "Body": "x", "Tagging": "a=b" })))
        .refused(403, "AccessDenied");
}

/// AWS: comparing a tag tells of the object, so it needs what reading needs; asking whether there is any does not.
#[test]
fn deletes_that_compare_tags_need_leave_to_read() {
    let cloud = Cloud::new();
    let root = prepared(&cloud);
    let user = |name: &str, actions: Value, condition: Value| {
        let statement =
            json!({ "Effect": "Allow", "Action": actions, "Resource": "*", "Condition": condition });
        let text = json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string();
        cloud.user(&root, name, &text)
    };
    let put = || root.call("s3", "PutObject", json!({ "Bucket": "table", "Key": "k", "Body": "hello" })).ok();
    let one = |caller: &Caller<'_>, tag: &str| {
        caller.call("s3", "DeleteObject", json!({ "Bucket": "table", "Key": "k", "IfMatch": tag }))
    };
    let many = |caller: &Caller<'_>, object: Value| {
        let reply = caller.call(
            "s3",
            "DeleteObjects",
            json!({ "Bucket": "table", "Delete": { "Objects": [object] } }),
        );
        reply.value["Errors"][0]["Code"].as_str().map(str::to_owned)
    };
    let tag = "\"5d41402abc4b2a76b9719d911017c592\"";
    let blind = user("blind", json!("s3:DeleteObject"), json!({}));
    one(&blind, tag).refused(403, "AccessDenied");
    assert_eq!(many(&blind, json!({ "Key": "k", "ETag": tag })).as_deref(), Some("AccessDenied"));
    assert_eq!(one(&blind, "*").status, 204);
    put();
    assert_eq!(many(&blind, json!({ "Key": "k", "ETag": "*" })), None);
    put();
    // Policies may ask for the condition, of each object as of one.
    let held = json!({ "Null": { "s3:if-match": "false" } });
    let careful = user("careful", json!(["s3:DeleteObject", "s3:GetObject"]), held);
    careful.call("s3", "DeleteObject", json!({ "Bucket": "table", "Key": "k" })).refused(403, "AccessDenied");
    assert_eq!(many(&careful, json!({ "Key": "k" })).as_deref(), Some("AccessDenied"));
    assert_eq!(many(&careful, json!({ "Key": "k", "ETag": tag })), None);
    put();
    assert_eq!(one(&careful, tag).status, 204);
}

/// An object that another account owns is that account's affair.
#[test]
fn objects_of_others() {
    let cloud = Cloud::new();
    let root = prepared(&cloud);
    let far = cloud.root(OTHER);
    policy(&root, json!({ "AWS": OTHER }));
    far.call("s3", "PutObject", json!({ "Bucket": "table", "Key": "theirs", "Body": "x" })).ok();
    let theirs = json!({ "Bucket": "table", "Key": "theirs" });
    root.call("s3", "GetObject", theirs.clone()).refused(403, "AccessDenied");
    far.call("s3", "GetObject", theirs.clone()).ok();
    let shared = json!({ "Bucket": "table", "Key": "theirs", "ACL": "bucket-owner-full-control" });
    far.call("s3", "PutObjectAcl", shared).ok();
    root.call("s3", "GetObject", theirs.clone()).ok();
    root.call("s3", "DeleteObject", theirs).ok();
}

/// What is given to nobody but the bucket's owner needs no leave to set ACLs.
#[test]
fn full_control_for_the_owner_of_the_bucket() {
    let cloud = Cloud::new();
    let root = prepared(&cloud);
    let far = cloud.root(OTHER);
    let acl = root.call("s3", "GetBucketAcl", json!({ "Bucket": "table" })).ok();
    let id = acl["Owner"]["ID"].as_str().unwrap();
    let statement = json!({
        "Effect": "Allow", "Principal": { "AWS": OTHER }, "Action": "s3:PutObject",
        "Resource": "arn:aws:s3:::table/*",
    });
    let text = json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string();
    root.call("s3", "PutBucketPolicy", json!({ "Bucket": "table", "Policy": text })).ok();
    let put = |mut more: Value| {
        (more["Bucket"], more["Key"], more["Body"]) = (json!("table"), json!("theirs"), json!("x"));
        far.call("s3", "PutObject", more)
    };
    put(json!({ "ACL": "bucket-owner-full-control" })).ok();
    put(json!({ "GrantFullControl": format!("id={id}") })).ok();
    put(json!({ "GrantFullControl": format!("id=\"{id}\"") })).ok();
    root.call("s3", "GetObject", json!({ "Bucket": "table", "Key": "theirs" })).ok();
    put(json!({ "ACL": "public-read" })).refused(403, "AccessDenied");
    put(json!({ "GrantRead": format!("id={id}") })).refused(403, "AccessDenied");
    let both = json!({ "GrantFullControl": format!("id={id}"), "GrantRead": format!("id={id}") });
    put(both).refused(403, "AccessDenied");
    put(json!({ "GrantFullControl": format!("id={id},id={id}") })).refused(403, "AccessDenied");
}

#[test]
fn conditions_look_at_the_signature() {
    let cloud = Cloud::new();
    let root = prepared(&cloud);
    let statement = json!({
        "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": ["arn:aws:s3:::table", "arn:aws:s3:::table/*"],
        "Condition": { "StringEquals": { "s3:authType": "REST-QUERY-STRING" } },
    });
    let text = json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string();
    root.call("s3", "PutBucketPolicy", json!({ "Bucket": "table", "Policy": text })).ok();
    let one = json!({ "Bucket": "table", "Key": "k" });
    root.call("s3", "GetObject", one.clone()).ok();
    let request = root.presigned("s3", "GetObject", &one);
    cloud.send(request, std::net::Ipv4Addr::LOCALHOST.into()).refused(403, "AccessDenied");
}

/// The policies of AWS's guide: conditional writes for all that makes an object, and no inventory of what tells too much.
#[test]
fn conditions_look_at_what_is_made() {
    let cloud = Cloud::new();
    let root = prepared(&cloud);
    let of = |more: Value| {
        let mut all = json!({ "Bucket": "table", "Key": "made" });
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        all
    };
    let wanted =
        json!({ "Null": { "s3:if-none-match": "true" }, "Bool": { "s3:ObjectCreationOperation": "true" } });
    let old = json!({ "NumericLessThan": { "s3:TlsVersion": 1.3 } });
    let on = ["arn:aws:s3:::table", "arn:aws:s3:::table/*"];
    let deny = |action: &str, condition: &Value| json!({ "Effect": "Deny", "Principal": "*", "Action": action, "Resource": on, "Condition": condition });
    let fields =
        json!({ "ForAnyValue:StringEquals": { "s3:InventoryAccessibleOptionalFields": ["ObjectOwner"] } });
    let statements = [
        deny("s3:PutObject", &wanted),
        deny("s3:GetObject", &old),
        deny("s3:PutInventoryConfiguration", &fields),
    ];
    let text = json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
    root.call("s3", "PutBucketPolicy", json!({ "Bucket": "table", "Policy": text })).ok();

    root.call("s3", "PutObject", of(json!({ "Body": "x" }))).refused(403, "AccessDenied");
    root.call("s3", "CopyObject", of(json!({ "CopySource": "table/k" }))).refused(403, "AccessDenied");
    root.call("s3", "PutObject", of(json!({ "Body": "x", "IfNoneMatch": "*" }))).ok();
    let upload = root.call("s3", "CreateMultipartUpload", of(json!({}))).ok()["UploadId"].clone();
    let upload = json!({ "UploadId": upload, "Key": "made" });
    let mut part = of(upload.clone());
    part["PartNumber"] = json!(1);
    part["Body"] = json!("x");
    let part = root.call("s3", "UploadPart", part).ok();
    let mut done = of(upload);
    done["MultipartUpload"] = json!({ "Parts": [{ "PartNumber": 1, "ETag": part["ETag"] }] });
    root.call("s3", "CompleteMultipartUpload", done.clone()).refused(403, "AccessDenied");
    done["IfNoneMatch"] = json!("*");
    root.call("s3", "CompleteMultipartUpload", done).refused(412, "PreconditionFailed");

    let inventory = |fields: Value| {
        let configuration = json!({
            "Id": "all", "IsEnabled": true, "IncludedObjectVersions": "Current", "OptionalFields": fields,
            "Schedule": { "Frequency": "Daily" },
            "Destination": { "S3BucketDestination": { "Bucket": "arn:aws:s3:::table", "Format": "CSV" } },
        });
        let put = json!({ "Bucket": "table", "Id": "all", "InventoryConfiguration": configuration });
        root.call("s3", "PutBucketInventoryConfiguration", put)
    };
    inventory(json!(["Size", "ObjectOwner"])).refused(403, "AccessDenied");
    inventory(json!(["Size"])).ok();

    // In the clear there is no version to compare; then that of the connection.
    let read = |version: Option<&'static str>| {
        let request = root.presigned("s3", "GetObject", &json!({ "Bucket": "table", "Key": "k" }));
        let tls = version.map(|version| kernel::Tls { version, cipher: "TLS_AES_128_GCM_SHA256" });
        cloud.send_from(request, kernel::Peer::at(std::net::Ipv4Addr::LOCALHOST.into(), tls)).status
    };
    assert_eq!((read(None), read(Some("TLSv1.3")), read(Some("TLSv1.2"))), (200, 200, 403));
}
