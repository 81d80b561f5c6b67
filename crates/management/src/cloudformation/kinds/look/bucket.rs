//! Buckets and their policies. ACLs are not seen, as what a template says of them comes back as grants, nor are rules of
//! lifecycles, which come back in other forms than they were written in, nor the keys of KMS, which have many names.

use super::{Look, PLAIN, list, own, parsed, picked, tags};
use crate::cloudformation::kinds::Done;
use crate::cloudformation::kinds::bucket::{S3, names, renamed};
use crate::cloudformation::kinds::look::Seen;
use crate::cloudformation::kinds::on::{On, map};
use crate::cloudformation::template::get;
use wire::Value;

pub(in crate::cloudformation::kinds) static BUCKET: Look = Look {
    sees: &[
        "BucketEncryption",
        "BucketName",
        "CorsConfiguration",
        "NotificationConfiguration",
        "ObjectLockEnabled",
        "OwnershipControls",
        "PublicAccessBlockConfiguration",
        "Tags",
        "VersioningConfiguration",
        "WebsiteConfiguration",
    ],
    blind: &[
        "BucketEncryption.ServerSideEncryptionConfiguration.ServerSideEncryptionByDefault.KMSMasterKeyID",
    ],
    read: bucket,
    identifiers: &["BucketName"],
    ..PLAIN
};

pub(in crate::cloudformation::kinds) static POLICY: Look = Look {
    sees: &["Bucket", "PolicyDocument"],
    whole: &["PolicyDocument"],
    read: policy,
    identifiers: &["Bucket"],
    ..PLAIN
};

fn bucket(on: &mut On<'_, '_>) -> Done<Seen> {
    let of = map([("Bucket", on.physical())]);
    // A bucket that is not there says so here; of settings that are not made the others say as much.
    let versioning = on.ask(S3, "GetBucketVersioning", of.clone())?;
    let mut all = vec![
        ("BucketName".to_owned(), on.physical()),
        ("VersioningConfiguration".to_owned(), picked(&versioning, &["Status"])),
    ];
    let mut put = |name: &str, value: Value| all.push((name.to_owned(), value));
    let encryption = on.ask_if_any(S3, "GetBucketEncryption", of.clone())?;
    put("BucketEncryption", encryption_of(&encryption));
    let cors = on.ask_if_any(S3, "GetBucketCors", of.clone())?;
    put("CorsConfiguration", cors_of(&cors));
    let lock = on.ask_if_any(S3, "GetObjectLockConfiguration", of.clone())?;
    let locks = own(&lock, "ObjectLockConfiguration.ObjectLockEnabled").as_str() == Some("Enabled");
    put("ObjectLockEnabled", Value::Bool(locks));
    let ownership = on.ask_if_any(S3, "GetBucketOwnershipControls", of.clone())?;
    put("OwnershipControls", own(&ownership, "OwnershipControls"));
    let block = on.ask_if_any(S3, "GetPublicAccessBlock", of.clone())?;
    put("PublicAccessBlockConfiguration", own(&block, "PublicAccessBlockConfiguration"));
    let website = on.ask_if_any(S3, "GetBucketWebsite", of.clone())?;
    put("WebsiteConfiguration", website_of(&website));
    let notification = on.ask(S3, "GetBucketNotificationConfiguration", of.clone())?;
    put("NotificationConfiguration", notification_of(&notification));
    let tagged = on.ask_if_any(S3, "GetBucketTagging", of)?;
    put("Tags", tags(&own(&tagged, "TagSet")));
    Ok(Seen::of(all, names(on.physical, on.region())))
}

fn policy(on: &mut On<'_, '_>) -> Done<Seen> {
    let told = on.ask(S3, "GetBucketPolicy", map([("Bucket", on.physical())]))?;
    let policy = parsed(&own(&told, "Policy"));
    Ok(Seen::of(vec![("Bucket".into(), on.physical()), ("PolicyDocument".into(), policy)], Vec::new()))
}

/// The map with its lists, where it has any.
fn some(value: Value) -> Value {
    if matches!(&value, Value::Map(entries) if entries.is_empty()) { Value::Null } else { value }
}

fn encryption_of(told: &Value) -> Value {
    let names = [("ApplyServerSideEncryptionByDefault", "ServerSideEncryptionByDefault")];
    let rules = renamed(&own(told, "ServerSideEncryptionConfiguration.Rules"), &names);
    map([("ServerSideEncryptionConfiguration", rules)])
}

fn cors_of(told: &Value) -> Value {
    let names = [("ExposeHeaders", "ExposedHeaders"), ("ID", "Id"), ("MaxAgeSeconds", "MaxAge")];
    some(map([("CorsRules", renamed(&own(told, "CORSRules"), &names))]))
}

fn website_of(told: &Value) -> Value {
    let names = [("Redirect", "RedirectRule"), ("Condition", "RoutingRuleCondition")];
    some(map([
        ("IndexDocument", own(told, "IndexDocument.Suffix")),
        ("ErrorDocument", own(told, "ErrorDocument.Key")),
        ("RedirectAllRequestsTo", own(told, "RedirectAllRequestsTo")),
        ("RoutingRules", renamed(&own(told, "RoutingRules"), &names)),
    ]))
}

/// Filter rules by the names that a template gives them; S3 begins them with a capital.
fn rules_of(told: &Value) -> Value {
    let one = |rule: &Value| {
        let name = own(rule, "Name").as_str().map(str::to_ascii_lowercase);
        map([("Name", name.map_or(Value::Null, Value::Str)), ("Value", own(rule, "Value"))])
    };
    match list(told, "Filter.Key.FilterRules") {
        rules if rules.is_empty() => Value::Null,
        rules => Value::List(rules.iter().map(one).collect()),
    }
}

/// A configuration of several events is as many of one in a template.
fn notification_of(told: &Value) -> Value {
    let each = |path: &str, arn: &str, target: &str| {
        let one = |item: &Value| {
            let filter = match rules_of(item) {
                Value::Null => Value::Null,
                rules => map([("S3Key", map([("Rules", rules)]))]),
            };
            let event =
                |event: Value| map([("Event", event), (target, own(item, arn)), ("Filter", filter.clone())]);
            list(item, "Events").into_iter().map(event).collect::<Vec<_>>()
        };
        let all: Vec<Value> = list(told, path).iter().flat_map(one).collect();
        if all.is_empty() { Value::Null } else { Value::List(all) }
    };
    let bridge = get(told, "EventBridgeConfiguration").is_some();
    map([
        ("EventBridgeConfiguration", map([("EventBridgeEnabled", Value::Bool(bridge))])),
        ("QueueConfigurations", each("QueueConfigurations", "QueueArn", "Queue")),
        ("TopicConfigurations", each("TopicConfigurations", "TopicArn", "Topic")),
        ("LambdaConfigurations", each("LambdaFunctionConfigurations", "LambdaFunctionArn", "Function")),
    ])
}

/// The bucket of this name that the account has already.
pub(in crate::cloudformation::kinds) fn owned(on: &mut On<'_, '_>) -> Done<Option<String>> {
    let Some(name) = on.text("BucketName") else { return Ok(None) };
    match on.ask(S3, "GetBucketVersioning", map([("Bucket", Value::str(&name))])) {
        Ok(_) => Ok(Some(name)),
        Err(refusal) if refusal.gone => Ok(None),
        Err(refusal) => Err(refusal),
    }
}

#[cfg(test)]
mod tests {
    use super::{cors_of, encryption_of, notification_of, website_of};
    use wire::json::{read, text};

    #[test]
    fn settings_in_the_words_of_templates() {
        type Form = fn(&wire::Value) -> wire::Value;
        let rows: [(Form, &str, &str); 4] = [
            (
                encryption_of,
                r#"{"ServerSideEncryptionConfiguration":{"Rules":[{"ApplyServerSideEncryptionByDefault":{"SSEAlgorithm":"AES256"}}]}}"#,
                r#"{"ServerSideEncryptionConfiguration":[{"ServerSideEncryptionByDefault":{"SSEAlgorithm":"AES256"}}]}"#,
            ),
            (
                cors_of,
                r#"{"CORSRules":[{"ID":"a","MaxAgeSeconds":3,"ExposeHeaders":["x"]}]}"#,
                r#"{"CorsRules":[{"Id":"a","MaxAge":3,"ExposedHeaders":["x"]}]}"#,
            ),
            (website_of, r#"{"IndexDocument":{"Suffix":"i.html"}}"#, r#"{"IndexDocument":"i.html"}"#),
            (
                notification_of,
                r#"{"QueueConfigurations":[{"Id":"1","QueueArn":"q","Events":["a","b"],"Filter":{"Key":{"FilterRules":[{"Name":"Prefix","Value":"x"}]}}}]}"#,
                r#"{"EventBridgeConfiguration":{"EventBridgeEnabled":false},"QueueConfigurations":[{"Event":"a","Queue":"q","Filter":{"S3Key":{"Rules":[{"Name":"prefix","Value":"x"}]}}},{"Event":"b","Queue":"q","Filter":{"S3Key":{"Rules":[{"Name":"prefix","Value":"x"}]}}}]}"#,
            ),
        ];
        for (form, told, written) in rows {
            assert_eq!(text(&form(&read(told).unwrap())), written);
        }
    }
}
