//! The public access block of an account: what it blocks in each of the account's buckets, and who may say so.

use crate::harness::{Caller, Cloud};
use serde_json::{Value, json};

const ACCOUNT: &str = "111111111111";
const OTHER: &str = "222222222222";
const FLAGS: [&str; 4] =
    ["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"];

fn control(caller: &Caller<'_>, operation: &str, account: &str, more: Value) -> crate::harness::Reply {
    let mut asked = json!({ "AccountId": account });
    more.as_object().into_iter().flatten().for_each(|(name, value)| asked[name] = value.clone());
    caller.call("s3control", operation, asked)
}

/// Blocks these of the four, and nothing else.
fn block(root: &Caller<'_>, flags: &[&str]) -> Value {
    let of = |flag: &&str| ((*flag).to_owned(), json!(flags.contains(flag)));
    let all: Value = FLAGS.iter().map(of).collect::<serde_json::Map<_, _>>().into();
    control(root, "PutPublicAccessBlock", ACCOUNT, json!({ "PublicAccessBlockConfiguration": all })).ok();
    all
}

/// A bucket that blocks nothing by itself.
fn open(root: &Caller<'_>, name: &str) {
    root.call("s3", "CreateBucket", json!({ "Bucket": name, "ObjectOwnership": "ObjectWriter" })).ok();
    root.call("s3", "DeletePublicAccessBlock", json!({ "Bucket": name })).ok();
}

#[test]
fn a_block_is_told_as_it_was_put_and_is_none_of_a_bucket() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let get = |caller: &Caller<'_>| control(caller, "GetPublicAccessBlock", ACCOUNT, json!({}));
    let missing = |root: &Caller<'_>| {
        get(root).refused_with(
            404,
            "NoSuchPublicAccessBlockConfiguration",
            "The public access block configuration was not found",
        );
    };
    missing(&root);
    let put = block(&root, &["IgnorePublicAcls"]);
    assert_eq!(get(&root).ok()["PublicAccessBlockConfiguration"], put);
    open(&root, "own");
    root.call("s3", "GetPublicAccessBlock", json!({ "Bucket": "own" }))
        .refused(404, "NoSuchPublicAccessBlockConfiguration");
    // It is the account's wherever it is asked for, and nobody else's.
    assert_eq!(get(&root.in_region("eu-west-1")).ok()["PublicAccessBlockConfiguration"], put);
    get(&cloud.root(OTHER)).refused_with(403, "AccessDenied", "Access Denied");
    control(&root, "PutPublicAccessBlock", OTHER, json!({ "PublicAccessBlockConfiguration": {} }))
        .refused(403, "AccessDenied");
    control(&root, "DeletePublicAccessBlock", ACCOUNT, json!({})).ok();
    control(&root, "DeletePublicAccessBlock", ACCOUNT, json!({})).ok();
    missing(&root);
    // CloudTrail tells it as S3's, in names of its own.
    let by_name = json!([{ "AttributeKey": "EventName", "AttributeValue": "PutAccountPublicAccessBlock" }]);
    let told = root.call("cloudtrail", "LookupEvents", json!({ "LookupAttributes": by_name })).ok();
    let sources: Vec<&Value> = told["Events"].as_array().unwrap().iter().map(|e| &e["EventSource"]).collect();
    assert_eq!(sources, ["s3.amazonaws.com", "s3.amazonaws.com"], "one of them refused: {told}");
}

/// AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html>
#[test]
fn what_an_account_blocks_is_blocked_in_its_buckets() {
    let cloud = Cloud::new();
    let (root, nobody, other) = (cloud.root(ACCOUNT), cloud.anonymous(), cloud.root(OTHER));
    open(&root, "by-acl");
    open(&root, "by-policy");
    open(&other, "of-another");
    let statement = |bucket: &str| {
        let resource = format!("arn:aws:s3:::{bucket}/*");
        json!({ "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": resource })
    };
    let policy = |bucket: &str| {
        let text = json!({ "Version": "2012-10-17", "Statement": [statement(bucket)] }).to_string();
        json!({ "Bucket": bucket, "Policy": text })
    };
    let public = |bucket: &str| json!({ "Bucket": bucket, "Key": "k", "Body": "x", "ACL": "public-read" });
    let read = |bucket: &str| nobody.call("s3", "GetObject", json!({ "Bucket": bucket, "Key": "k" }));
    root.call("s3", "PutObject", public("by-acl")).ok();
    root.call("s3", "PutObject", json!({ "Bucket": "by-policy", "Key": "k", "Body": "x" })).ok();
    root.call("s3", "PutBucketPolicy", policy("by-policy")).ok();
    other.call("s3", "PutObject", public("of-another")).ok();
    let answers = || ["by-acl", "by-policy", "of-another"].map(|bucket| read(bucket).status);
    assert_eq!(answers(), [200, 200, 200]);
    block(&root, &["IgnorePublicAcls"]);
    assert_eq!(answers(), [403, 200, 200]);
    block(&root, &["RestrictPublicBuckets"]);
    assert_eq!(answers(), [200, 403, 200]);
    block(&root, &["BlockPublicAcls"]);
    assert_eq!(answers(), [200, 200, 200], "what is there stays");
    let acl = json!({ "Bucket": "by-acl", "ACL": "public-read" });
    root.call("s3", "PutObject", public("by-acl")).refused(403, "AccessDenied");
    root.call("s3", "PutBucketAcl", acl.clone()).refused(403, "AccessDenied");
    root.call("s3", "PutBucketPolicy", policy("by-policy")).ok();
    other.call("s3", "PutObject", public("of-another")).ok();
    block(&root, &["BlockPublicPolicy"]);
    root.call("s3", "PutBucketPolicy", policy("by-policy")).refused(403, "AccessDenied");
    root.call("s3", "PutBucketAcl", acl).ok();
    // A bucket's own block holds beside it: of the two, the stricter.
    let own = json!({ "Bucket": "by-acl", "PublicAccessBlockConfiguration": { "IgnorePublicAcls": true } });
    root.call("s3", "PutPublicAccessBlock", own).ok();
    assert_eq!(answers(), [403, 200, 200]);
    control(&root, "DeletePublicAccessBlock", ACCOUNT, json!({})).ok();
    assert_eq!(answers(), [403, 200, 200]);
}

#[test]
fn the_block_of_an_account_is_more_than_that_of_a_bucket() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let policy = |action: &str| {
        let statement = json!({ "Effect": "Allow", "Action": action, "Resource": "*" });
        json!({ "Version": "2012-10-17", "Statement": statement }).to_string()
    };
    let of_buckets = cloud.user(&root, "buckets", &policy("s3:*BucketPublicAccessBlock"));
    let reader = cloud.user(&root, "reader", &policy("s3:GetAccountPublicAccessBlock"));
    let writer = cloud.user(&root, "writer", &policy("s3:PutAccountPublicAccessBlock"));
    let put = json!({ "PublicAccessBlockConfiguration": { "BlockPublicAcls": true } });
    for (user, [gets, puts, deletes]) in
        [(&of_buckets, [403, 403, 403]), (&reader, [404, 403, 403]), (&writer, [403, 200, 200])]
    {
        assert_eq!(control(user, "GetPublicAccessBlock", ACCOUNT, json!({})).status, gets);
        assert_eq!(control(user, "PutPublicAccessBlock", ACCOUNT, put.clone()).status, puts);
        let gone = control(user, "DeletePublicAccessBlock", ACCOUNT, json!({})).status;
        assert_eq!(if gone == 204 { 200 } else { gone }, deletes);
    }
    control(&cloud.anonymous(), "GetPublicAccessBlock", ACCOUNT, json!({})).refused(403, "AccessDenied");
}
