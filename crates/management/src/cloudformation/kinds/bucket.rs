//! S3's buckets and their policies.
//!
//! Each setting of a bucket is a property here and an operation there; what stands under other names is renamed.

use super::on::{KEYS, On, Pair, items, map, pairs, tags_as, text_at};
use super::{Attributes, BASE, Done, Kind, Made, Refusal, bucket_list, look};
use crate::cloudformation::template::get;
use wire::Value;

pub(super) const S3: &str = "s3";

const PRIVATE: &str = "Private";

pub(super) static KINDS: &[Kind] = &[
    Kind {
        name: "AWS::S3::Bucket",
        changes: &[
            "AccelerateConfiguration",
            "AccessControl",
            "AnalyticsConfigurations",
            "BucketEncryption",
            "CorsConfiguration",
            "IntelligentTieringConfigurations",
            "InventoryConfigurations",
            "LifecycleConfiguration",
            "LoggingConfiguration",
            "MetricsConfigurations",
            "NotificationConfiguration",
            "ObjectLockConfiguration",
            "ObjectLockEnabled",
            "OwnershipControls",
            "PublicAccessBlockConfiguration",
            "ReplicationConfiguration",
            "Tags",
            "VersioningConfiguration",
            "WebsiteConfiguration",
        ],
        fixed: &["BucketName"],
        attributes: &["Arn", "DomainName", "DualStackDomainName", "RegionalDomainName", "WebsiteURL"],
        named: Some("BucketName"),
        create,
        update: |on| {
            on.only(MEMBERS)?;
            on.listed(LISTS)?;
            settings(on, on.physical())?;
            relock(on)?;
            Ok(on.same())
        },
        delete: |on| on.end(S3, "DeleteBucket", map([("Bucket", on.physical())])),
        mark: Some(mark),
        look: Some(&look::bucket::BUCKET),
        taken: Some(look::bucket::owned),
        ..BASE
    },
    Kind {
        name: "AWS::S3::BucketPolicy",
        changes: &["PolicyDocument"],
        fixed: &["Bucket"],
        create: |on| {
            put_policy(on)?;
            Ok(on.made(on.text("Bucket").unwrap_or_default(), Vec::new()))
        },
        update: |on| {
            put_policy(on)?;
            Ok(on.same())
        },
        delete: |on| on.end(S3, "DeleteBucketPolicy", map([("Bucket", on.was("Bucket"))])),
        look: Some(&look::bucket::POLICY),
        taken: Some(|on| look::bucket::POLICY.taken(on)),
        ..BASE
    },
];

fn put_policy(on: &mut On<'_, '_>) -> Done<()> {
    let input = map([("Bucket", on.prop("Bucket")), ("Policy", on.document("PolicyDocument"))]);
    on.call(S3, "PutBucketPolicy", input).map(drop)
}

/// What is told to its operation member by member, so that others would be passed over.
const MEMBERS: &[(&str, &[&str])] = &[
    ("VersioningConfiguration", &["Status"]),
    ("WebsiteConfiguration", &["ErrorDocument", "IndexDocument", "RedirectAllRequestsTo", "RoutingRules"]),
    (
        "NotificationConfiguration",
        &["EventBridgeConfiguration", "LambdaConfigurations", "QueueConfigurations", "TopicConfigurations"],
    ),
    ("NotificationConfiguration.EventBridgeConfiguration", &["EventBridgeEnabled"]),
    ("NotificationConfiguration.LambdaConfigurations", &["Event", "Filter", "Function"]),
    ("NotificationConfiguration.QueueConfigurations", &["Event", "Filter", "Queue"]),
    ("NotificationConfiguration.TopicConfigurations", &["Event", "Filter", "Topic"]),
    ("NotificationConfiguration.LambdaConfigurations.Filter", &["S3Key"]),
    ("NotificationConfiguration.LambdaConfigurations.Filter.S3Key", &["Rules"]),
    ("NotificationConfiguration.QueueConfigurations.Filter", &["S3Key"]),
    ("NotificationConfiguration.QueueConfigurations.Filter.S3Key", &["Rules"]),
    ("NotificationConfiguration.TopicConfigurations.Filter", &["S3Key"]),
    ("NotificationConfiguration.TopicConfigurations.Filter.S3Key", &["Rules"]),
    ("LifecycleConfiguration", &["Rules"]),
    (
        "LifecycleConfiguration.Rules",
        &[
            "AbortIncompleteMultipartUpload",
            "ExpirationDate",
            "ExpirationInDays",
            "ExpiredObjectDeleteMarker",
            "Id",
            "NoncurrentVersionExpiration",
            "NoncurrentVersionExpirationInDays",
            "NoncurrentVersionTransition",
            "NoncurrentVersionTransitions",
            "ObjectSizeGreaterThan",
            "ObjectSizeLessThan",
            "Prefix",
            "Status",
            "TagFilters",
            "Transition",
            "Transitions",
        ],
    ),
];

/// What is read item by item.
const LISTS: &[&str] = &[
    "NotificationConfiguration.LambdaConfigurations",
    "NotificationConfiguration.QueueConfigurations",
    "NotificationConfiguration.TopicConfigurations",
    "LifecycleConfiguration.Rules",
    "LifecycleConfiguration.Rules.TagFilters",
];

fn create(on: &mut On<'_, '_>) -> Done<Made> {
    on.only(MEMBERS)?;
    on.listed(LISTS)?;
    let name = on.text("BucketName").unwrap_or_else(|| on.generated(63).to_lowercase());
    let region = on.region();
    let place = map([("LocationConstraint", Value::str(region))]);
    let ownership = text_at(&on.prop("OwnershipControls"), "Rules.0.ObjectOwnership");
    // A bucket whose owner has all of it takes no ACL, and its creation says so.
    let is_owners = ["", "BucketOwnerEnforced"].contains(&ownership.as_str());
    let acl = on.text("AccessControl").filter(|acl| is_owners && acl != PRIVATE);
    let input = map([
        ("Bucket", Value::str(&name)),
        ("ACL", acl.map_or(Value::Null, |acl| Value::Str(canned(&acl)))),
        ("CreateBucketConfiguration", if region == "us-east-1" { Value::Null } else { place }),
        ("ObjectLockEnabledForBucket", on.prop("ObjectLockEnabled")),
        ("ObjectOwnership", if ownership.is_empty() { Value::Null } else { Value::Str(ownership) }),
    ]);
    on.call(S3, "CreateBucket", input)?;
    settings(on, Value::str(&name))?;
    let attributes = names(&name, region);
    Ok(on.made(name, attributes))
}

/// The names that a bucket has, as attributes.
pub(super) fn names(bucket: &str, region: &str) -> Attributes {
    let domain = |middle: &str| Value::Str(format!("{bucket}.s3{middle}.amazonaws.com"));
    vec![
        ("Arn", Value::Str(format!("arn:aws:s3:::{bucket}"))),
        ("DomainName", domain("")),
        ("RegionalDomainName", domain(&format!(".{region}"))),
        ("DualStackDomainName", domain(&format!(".dualstack.{region}"))),
        ("WebsiteURL", Value::Str(format!("http://{bucket}.s3-website-{region}.amazonaws.com"))),
    ]
}

/// A setting: the property, the operations, the member, and how the value is written there. Where nothing deletes it, what is
/// no longer wanted (null) is written as well.
type Setting = (&'static str, &'static str, &'static str, &'static str, fn(&Value) -> Value);

static SETTINGS: &[Setting] = &[
    (
        "OwnershipControls",
        "PutBucketOwnershipControls",
        "DeleteBucketOwnershipControls",
        "OwnershipControls",
        Value::clone,
    ),
    (
        "PublicAccessBlockConfiguration",
        "PutPublicAccessBlock",
        "DeletePublicAccessBlock",
        "PublicAccessBlockConfiguration",
        Value::clone,
    ),
    (
        "BucketEncryption",
        "PutBucketEncryption",
        "DeleteBucketEncryption",
        "ServerSideEncryptionConfiguration",
        encryption,
    ),
    ("CorsConfiguration", "PutBucketCors", "DeleteBucketCors", "CORSConfiguration", cors),
    (
        "LifecycleConfiguration",
        "PutBucketLifecycleConfiguration",
        "DeleteBucketLifecycle",
        "LifecycleConfiguration",
        lifecycle,
    ),
    ("WebsiteConfiguration", "PutBucketWebsite", "DeleteBucketWebsite", "WebsiteConfiguration", website),
    (
        "ReplicationConfiguration",
        "PutBucketReplication",
        "DeleteBucketReplication",
        "ReplicationConfiguration",
        replication,
    ),
    (
        "AccelerateConfiguration",
        "PutBucketAccelerateConfiguration",
        "",
        "AccelerateConfiguration",
        accelerate,
    ),
    ("ObjectLockConfiguration", "PutObjectLockConfiguration", "", "ObjectLockConfiguration", lock),
];

fn settings(on: &mut On<'_, '_>, bucket: Value) -> Done<()> {
    let of = |bucket: &Value| ("Bucket", bucket.clone());
    if on.changed("VersioningConfiguration") {
        // AWS: versioning that was once on can only be suspended.
        let status = text_at(&on.prop("VersioningConfiguration"), "Status");
        let status = if status.is_empty() { "Suspended".to_owned() } else { status };
        let input = map([of(&bucket), ("VersioningConfiguration", map([("Status", Value::Str(status))]))]);
        on.call(S3, "PutBucketVersioning", input)?;
    }
    for (property, put, delete, member, form) in SETTINGS {
        if !on.changed(property) {
            continue;
        }
        match on.prop(property) {
            Value::Null if !delete.is_empty() => on.end(S3, delete, map([of(&bucket)]))?,
            wanted => drop(on.call(S3, put, map([of(&bucket), (member, form(&wanted))]))?),
        }
    }
    let acl = on.text("AccessControl").unwrap_or_else(|| PRIVATE.into());
    // What a bucket is anyway needs no ACL, which by default it would not take.
    let is_private_already = acl == PRIVATE && on.was("AccessControl") == Value::Null;
    if on.changed("AccessControl") && !is_private_already {
        on.call(S3, "PutBucketAcl", map([of(&bucket), ("ACL", Value::Str(canned(&acl)))]))?;
    }
    // Access logs may be delivered by the rights that the ACL gives.
    if on.changed("LoggingConfiguration") {
        let status = logging(&on.prop("LoggingConfiguration"), &bucket);
        on.call(S3, "PutBucketLogging", map([of(&bucket), ("BucketLoggingStatus", status)]))?;
    }
    bucket_list::settings(on, &bucket)?;
    if on.changed("NotificationConfiguration") {
        let wanted = notification(&on.prop("NotificationConfiguration"));
        on.call(
            S3,
            "PutBucketNotificationConfiguration",
            map([of(&bucket), ("NotificationConfiguration", wanted)]),
        )?;
    }
    if on.changed("Tags") {
        match pairs(get(on.wanted, "Tags")) {
            none if none.is_empty() => on.end(S3, "DeleteBucketTagging", map([of(&bucket)]))?,
            mut tags => {
                // What AWS has set is taken away by nobody: it has to be said as well.
                if !on.physical.is_empty() {
                    mark(on)?;
                    tags.extend(on.marks());
                }
                drop(on.call(S3, "PutBucketTagging", tagging(bucket, tags))?);
            }
        }
    }
    Ok(())
}

fn tagging(bucket: Value, tags: Vec<Pair>) -> Value {
    map([("Bucket", bucket), ("Tagging", map([("TagSet", tags_as(tags, KEYS))]))])
}

fn mark(on: &mut On<'_, '_>) -> Done<()> {
    on.mark_by(S3, "PutBucketTagging", tagging(on.physical(), on.marks()))
}

/// `PublicRead` is `public-read`.
fn canned(acl: &str) -> String {
    let mut out = String::new();
    for c in acl.chars() {
        if c.is_ascii_uppercase() && !out.is_empty() {
            out.push('-');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

/// The map with other names for some keys, all the way down through its lists.
pub(super) fn renamed(value: &Value, names: &[(&str, &str)]) -> Value {
    match value {
        Value::List(items) => Value::List(items.iter().map(|item| renamed(item, names)).collect()),
        Value::Map(entries) => {
            let name =
                |key: &str| names.iter().find(|(from, _)| *from == key).map_or(key, |(_, to)| to).to_owned();
            Value::Map(entries.iter().map(|(key, item)| (name(key), renamed(item, names))).collect())
        }
        scalar => scalar.clone(),
    }
}

fn encryption(value: &Value) -> Value {
    renamed(
        value,
        &[
            ("ServerSideEncryptionConfiguration", "Rules"),
            ("ServerSideEncryptionByDefault", "ApplyServerSideEncryptionByDefault"),
        ],
    )
}

/// AWS: recorded answers. A rule that says nothing of its age is put with the age of 0.
fn cors(value: &Value) -> Value {
    const AGE: &str = "MaxAgeSeconds";
    let names =
        [("CorsRules", "CORSRules"), ("ExposedHeaders", "ExposeHeaders"), ("Id", "ID"), ("MaxAge", AGE)];
    let mut all = renamed(value, &names);
    let Value::Map(members) = &mut all else { return all };
    for (_, rules) in members {
        let Value::List(rules) = rules else { continue };
        for rule in rules {
            if let Value::Map(rule) = rule
                && rule.iter().all(|(name, _)| name != AGE)
            {
                rule.push((AGE.to_owned(), Value::Int(0)));
            }
        }
    }
    all
}

fn replication(value: &Value) -> Value {
    renamed(value, &[("Id", "ID"), ("TagFilter", "Tag"), ("TagFilters", "Tags")])
}

fn accelerate(value: &Value) -> Value {
    let status = get(value, "AccelerationStatus").cloned().unwrap_or_else(|| Value::str("Suspended"));
    map([("Status", status)])
}

/// A bucket may get Object Lock later, and keeps it.
///
/// AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock-configure.html>
fn relock(on: &mut On<'_, '_>) -> Done<()> {
    const NAME: &str = "ObjectLockEnabled";
    match (on.changed(NAME), on.flag(NAME)) {
        (true, false) if on.was(NAME) == Value::Bool(true) => {
            Err(Refusal::of("Object Lock cannot be disabled once it is enabled for a bucket."))
        }
        // With its configuration it was enabled already.
        (true, true) if !on.changed("ObjectLockConfiguration") => {
            let wanted = lock(&on.prop("ObjectLockConfiguration"));
            let input = map([("Bucket", on.physical()), ("ObjectLockConfiguration", wanted)]);
            on.call(S3, "PutObjectLockConfiguration", input).map(drop)
        }
        _ => Ok(()),
    }
}

/// A bucket that has it keeps it, without a rule.
fn lock(value: &Value) -> Value {
    match value {
        Value::Null => map([("ObjectLockEnabled", Value::str("Enabled"))]),
        value => value.clone(),
    }
}

/// AWS: the logs of a bucket that names no other lie in itself.
fn logging(value: &Value, bucket: &Value) -> Value {
    if matches!(value, Value::Null) {
        return map([]);
    }
    let own = |member: &str| get(value, member).cloned();
    let enabled = map([
        ("TargetBucket", own("DestinationBucketName").unwrap_or_else(|| bucket.clone())),
        ("TargetPrefix", own("LogFilePrefix").unwrap_or_else(|| Value::str(""))),
        ("TargetObjectKeyFormat", own("TargetObjectKeyFormat").unwrap_or(Value::Null)),
    ]);
    map([("LoggingEnabled", enabled)])
}

fn website(value: &Value) -> Value {
    let own = |member: &str| get(value, member).cloned().unwrap_or(Value::Null);
    let within =
        |member: &str, name: &str| get(value, member).map_or(Value::Null, |v| map([(name, v.clone())]));
    map([
        ("IndexDocument", within("IndexDocument", "Suffix")),
        ("ErrorDocument", within("ErrorDocument", "Key")),
        ("RedirectAllRequestsTo", own("RedirectAllRequestsTo")),
        (
            "RoutingRules",
            renamed(
                &own("RoutingRules"),
                &[("RedirectRule", "Redirect"), ("RoutingRuleCondition", "Condition")],
            ),
        ),
    ])
}

fn notification(value: &Value) -> Value {
    let each = |member: &str, target: &str, arn: &str| match get(value, member) {
        Some(Value::List(items)) => {
            let one = |item: &Value| {
                let events =
                    get(item, "Event").cloned().map_or(Value::Null, |event| Value::List(vec![event]));
                let rules = get(item, "Filter").and_then(|filter| get(get(filter, "S3Key")?, "Rules"));
                let filter =
                    rules.map_or(Value::Null, |rules| map([("Key", map([("FilterRules", rules.clone())]))]));
                map([
                    (arn, get(item, target).cloned().unwrap_or(Value::Null)),
                    ("Events", events),
                    ("Filter", filter),
                ])
            };
            Value::List(items.iter().map(one).collect())
        }
        _ => Value::Null,
    };
    // AWS: events go to the bus once this is there, unless it says that they do not.
    let bridge = get(value, "EventBridgeConfiguration");
    let is_on = bridge.is_some_and(|bridge| text_at(bridge, "EventBridgeEnabled") != "false");
    map([
        ("EventBridgeConfiguration", if is_on { map([]) } else { Value::Null }),
        ("QueueConfigurations", each("QueueConfigurations", "Queue", "QueueArn")),
        ("TopicConfigurations", each("TopicConfigurations", "Topic", "TopicArn")),
        ("LambdaFunctionConfigurations", each("LambdaConfigurations", "Function", "LambdaFunctionArn")),
    ])
}

fn lifecycle(value: &Value) -> Value {
    let rules = match get(value, "Rules") {
        Some(Value::List(rules)) => rules.iter().map(rule).collect(),
        _ => Vec::new(),
    };
    map([("Rules", Value::List(rules))])
}

fn rule(rule: &Value) -> Value {
    let own = |member: &str| get(rule, member).cloned().unwrap_or(Value::Null);
    let list = |several: &str, one: &str| match (own(several), own(one)) {
        (Value::List(items), _) => Value::List(items),
        (_, Value::Null) => Value::Null,
        (_, item) => Value::List(vec![item]),
    };
    let some = |value: Value| {
        if matches!(&value, Value::Map(entries) if entries.is_empty()) { Value::Null } else { value }
    };
    let expiration = some(map([
        ("Days", own("ExpirationInDays")),
        ("Date", own("ExpirationDate")),
        ("ExpiredObjectDeleteMarker", own("ExpiredObjectDeleteMarker")),
    ]));
    let noncurrent = match (own("NoncurrentVersionExpiration"), own("NoncurrentVersionExpirationInDays")) {
        (Value::Null, Value::Null) => Value::Null,
        (Value::Null, days) => map([("NoncurrentDays", days)]),
        (wanted, _) => wanted,
    };
    let days = [("TransitionInDays", "Days"), ("TransitionDate", "Date")];
    map([
        ("ID", own("Id")),
        ("Status", own("Status")),
        ("Filter", filter(rule)),
        ("Expiration", expiration),
        ("Transitions", renamed(&list("Transitions", "Transition"), &days)),
        ("NoncurrentVersionExpiration", noncurrent),
        (
            "NoncurrentVersionTransitions",
            renamed(
                &list("NoncurrentVersionTransitions", "NoncurrentVersionTransition"),
                &[("TransitionInDays", "NoncurrentDays")],
            ),
        ),
        ("AbortIncompleteMultipartUpload", own("AbortIncompleteMultipartUpload")),
    ])
}

/// Which objects: one condition stands alone, several within `And`.
fn filter(rule: &Value) -> Value {
    let own = |member: &str| get(rule, member).cloned().unwrap_or(Value::Null);
    let tags = items(own("TagFilters"));
    let sizes = ["ObjectSizeGreaterThan", "ObjectSizeLessThan"];
    let count = tags.len()
        + sizes.iter().chain(["Prefix"].iter()).filter(|member| own(member) != Value::Null).count();
    match (count, tags.as_slice()) {
        (0, _) => map([("Prefix", Value::str(""))]),
        (1, [tag]) => map([("Tag", tag.clone())]),
        (1, _) => map([("Prefix", own("Prefix")), (sizes[0], own(sizes[0])), (sizes[1], own(sizes[1]))]),
        _ => map([(
            "And",
            map([
                ("Prefix", own("Prefix")),
                (sizes[0], own(sizes[0])),
                (sizes[1], own(sizes[1])),
                ("Tags", if tags.is_empty() { Value::Null } else { Value::List(tags) }),
            ]),
        )]),
    }
}

#[cfg(test)]
mod tests {
    use super::{canned, cors, lifecycle, notification, website};
    use wire::json::{read, text};

    #[test]
    fn settings_in_the_words_of_the_operations() {
        type Form = fn(&wire::Value) -> wire::Value;
        let rows: [(Form, &str, &str); 8] = [
            (
                cors,
                r#"{"CorsRules":[{"Id":"a","MaxAge":3,"ExposedHeaders":["x"]},{"AllowedMethods":["GET"]}]}"#,
                r#"{"CORSRules":[{"ID":"a","MaxAgeSeconds":3,"ExposeHeaders":["x"]},{"AllowedMethods":["GET"],"MaxAgeSeconds":0}]}"#,
            ),
            (
                lifecycle,
                r#"{"Rules":[{"Id":"a","Status":"Enabled","Prefix":"x/","ExpirationInDays":3}]}"#,
                r#"{"Rules":[{"ID":"a","Status":"Enabled","Filter":{"Prefix":"x/"},"Expiration":{"Days":3}}]}"#,
            ),
            (
                lifecycle,
                r#"{"Rules":[{"Status":"Enabled","TagFilters":[{"Key":"k","Value":"v"}],"Prefix":"p","Transitions":[{"StorageClass":"GLACIER","TransitionInDays":1}]}]}"#,
                r#"{"Rules":[{"Status":"Enabled","Filter":{"And":{"Prefix":"p","Tags":[{"Key":"k","Value":"v"}]}},"Transitions":[{"StorageClass":"GLACIER","Days":1}]}]}"#,
            ),
            (
                lifecycle,
                r#"{"Rules":[{"Status":"Enabled","NoncurrentVersionExpirationInDays":9}]}"#,
                r#"{"Rules":[{"Status":"Enabled","Filter":{"Prefix":""},"NoncurrentVersionExpiration":{"NoncurrentDays":9}}]}"#,
            ),
            (
                notification,
                r#"{"QueueConfigurations":[{"Event":"s3:ObjectCreated:*","Queue":"q","Filter":{"S3Key":{"Rules":[{"Name":"prefix","Value":"a"}]}}}]}"#,
                r#"{"QueueConfigurations":[{"QueueArn":"q","Events":["s3:ObjectCreated:*"],"Filter":{"Key":{"FilterRules":[{"Name":"prefix","Value":"a"}]}}}]}"#,
            ),
            (
                notification,
                r#"{"EventBridgeConfiguration":{"EventBridgeEnabled":true}}"#,
                r#"{"EventBridgeConfiguration":{}}"#,
            ),
            (notification, r#"{"EventBridgeConfiguration":{"EventBridgeEnabled":false}}"#, "{}"),
            (website, r#"{"IndexDocument":"i.html"}"#, r#"{"IndexDocument":{"Suffix":"i.html"}}"#),
        ];
        for (form, before, after) in rows {
            assert_eq!(text(&form(&read(before).unwrap())), after);
        }
        assert_eq!((canned("PublicRead").as_str(), canned("Private").as_str()), ("public-read", "private"));
    }
}
