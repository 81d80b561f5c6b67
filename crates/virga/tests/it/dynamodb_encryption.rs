//! DynamoDB's tables with KMS keys: rows are sealed, whoever uses them needs the key, and it can be changed.

use crate::dynamodb_tables::{ONE, indexed, make};
use crate::harness::{Caller, Cloud};
use serde_json::{Value, json};
use std::time::Duration;
use store::{Direction, KeyRange, Read};

const SECRET: &str = "a secret that must not lie in clear";

fn key(caller: &Caller<'_>) -> String {
    let made = caller.call("kms", "CreateKey", json!({})).ok();
    made["KeyMetadata"]["Arn"].as_str().unwrap().to_owned()
}

fn encrypted(name: &str, key: &str) -> Value {
    let mut request = indexed(name, false);
    request["SSESpecification"] = json!({"Enabled": true, "SSEType": "KMS", "KMSMasterKeyId": key});
    request
}

fn put(caller: &Caller<'_>, name: &str) -> crate::harness::Reply {
    let item = json!({"pk": {"S": name}, "g": {"S": "g"}, "secret": {"S": SECRET}});
    caller.call("dynamodb", "PutItem", json!({"TableName": "vault", "Item": item}))
}

fn get(caller: &Caller<'_>, name: &str) -> crate::harness::Reply {
    caller.call("dynamodb", "GetItem", json!({"TableName": "vault", "Key": {"pk": {"S": name}}}))
}

/// How often the secret stands in DynamoDB's rows (tables 0x1002 and 0x1003).
fn in_clear(cloud: &Cloud) -> usize {
    let snapshot = cloud.cloud.store().snapshot();
    let range = KeyRange::between(&[0x10, 0x02][..], &[0x10, 0x04][..]);
    let rows = snapshot.scan(range, Direction::Forward).map(|pair| pair.unwrap().1);
    rows.filter(|row| row.windows(SECRET.len()).any(|part| part == SECRET.as_bytes())).count()
}

fn sse(caller: &Caller<'_>) -> Value {
    let out = caller.call("dynamodb", "DescribeTable", json!({"TableName": "vault"})).ok();
    json!([out["Table"]["TableStatus"], out["Table"].get("SSEDescription")])
}

#[test]
fn rows_are_sealed_and_the_key_can_be_changed() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    let (first, second) = (key(&root), key(&root));
    let made = root.call("dynamodb", "CreateTable", encrypted("vault", &first)).ok();
    let described =
        |arn: &str| json!(["ACTIVE", {"Status": "ENABLED", "SSEType": "KMS", "KMSMasterKeyArn": arn}]);
    assert_eq!(made["TableDescription"]["SSEDescription"], described(&first)[1]);
    cloud.reconcile();
    assert_eq!(sse(&root), described(&first));
    put(&root, "a").ok();
    let batch = json!({"RequestItems": {"vault": [{"PutRequest": {"Item": {"pk": {"S": "b"}, "g": {"S": "g"}, "secret": {"S": SECRET}}}}]}});
    root.call("dynamodb", "BatchWriteItem", batch).ok();
    assert_eq!(in_clear(&cloud), 0);
    let all = |label: &str| {
        assert_eq!(get(&root, "a").ok()["Item"]["secret"]["S"], SECRET, "{label}");
        let query = json!({"TableName": "vault", "IndexName": "by-g", "KeyConditionExpression": "g = :g", "ExpressionAttributeValues": {":g": {"S": "g"}}});
        let found = root.call("dynamodb", "Query", query).ok();
        assert_eq!(
            (&found["Count"], &found["Items"][1]["secret"]["S"]),
            (&json!(2), &json!(SECRET)),
            "{label}"
        );
    };
    all("at first");
    let change = |specification: Value| {
        let request = json!({"TableName": "vault", "SSESpecification": specification});
        root.call("dynamodb", "UpdateTable", request)
    };
    change(json!({"Enabled": true, "SSEType": "KMS", "KMSMasterKeyId": first})).refused_with(
        400,
        "ValidationException",
        "One or more parameter values were invalid: Table is already encrypted with given KMSMasterKeyId. Use KMSMasterKeyId parameter if you want to change Master Key",
    );
    let changed = change(json!({"Enabled": true, "SSEType": "KMS", "KMSMasterKeyId": second})).ok();
    assert_eq!(changed["TableDescription"]["SSEDescription"]["Status"], "UPDATING");
    all("while it changes");
    cloud.reconcile();
    assert_eq!(sse(&root), described(&second));
    // Nothing needs the first key any more.
    root.call("kms", "DisableKey", json!({"KeyId": first})).ok();
    cloud.advance(Duration::from_secs(301));
    all("with another key");
    assert_eq!(in_clear(&cloud), 0);
    change(json!({"Enabled": false})).ok();
    cloud.reconcile();
    assert_eq!(sse(&root), json!(["ACTIVE", null]));
    root.call("kms", "DisableKey", json!({"KeyId": second})).ok();
    cloud.advance(Duration::from_secs(301));
    all("with no key");
    assert_eq!(in_clear(&cloud), 4);
}

#[test]
fn a_key_that_cannot_be_used_closes_the_table() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    let arn = key(&root);
    make(&cloud, &root, encrypted("vault", &arn));
    put(&root, "a").ok();
    root.call("kms", "DisableKey", json!({"KeyId": arn})).ok();
    // The caller's permission is remembered for five minutes.
    get(&root, "a").ok();
    cloud.advance(Duration::from_secs(300));
    for reply in [get(&root, "a"), put(&root, "b")] {
        let message = reply.refused(400, "ValidationException");
        assert!(
            message
                .starts_with("KMS key disabled error: com.amazonaws.services.kms.model.DisabledException: "),
            "{message}"
        );
    }
    let gone = sse(&root);
    assert_eq!(gone[0], "INACCESSIBLE_ENCRYPTION_CREDENTIALS");
    assert!(gone[1]["InaccessibleEncryptionDateTime"].is_number());
    root.call("kms", "EnableKey", json!({"KeyId": arn})).ok();
    assert_eq!(sse(&root)[0], "ACTIVE");
    assert_eq!(get(&root, "a").ok()["Item"]["secret"]["S"], SECRET);
}

#[test]
fn who_may_not_use_the_key_may_not_use_the_table() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    let arn = key(&root);
    make(&cloud, &root, encrypted("vault", &arn));
    put(&root, "a").ok();
    let dynamodb =
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"dynamodb:*","Resource":"*"}]}"#;
    let eva = cloud.user(&root, "eva", dynamodb);
    let message = get(&eva, "a").refused(400, "AccessDeniedException");
    assert!(
        message
            .starts_with("KMS key access denied error: com.amazonaws.services.kms.model.AWSKMSException: "),
        "{message}"
    );
    let through = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"dynamodb:*","Resource":"*"},
        {"Effect":"Allow","Action":"kms:Decrypt","Resource":"*","Condition":{"StringEquals":{"kms:ViaService":"dynamodb.us-east-1.amazonaws.com"}}}]}"#;
    let ada = cloud.user(&root, "ada", through);
    get(&ada, "a").ok();
    ada.call("dynamodb", "CreateTable", encrypted("other", &arn)).refused(400, "AccessDeniedException");
    let missing = encrypted("other", "11111111-2222-3333-4444-555555555555");
    let message = root.call("dynamodb", "CreateTable", missing).refused(400, "ValidationException");
    assert!(
        message.starts_with("KMS validation error: com.amazonaws.services.kms.model.NotFoundException: "),
        "{message}"
    );
}

#[test]
fn keys_that_do_not_fit_are_refused_in_kmss_words() {
    let cloud = Cloud::new();
    let root = cloud.root(ONE);
    let arn = key(&root);
    make(&cloud, &root, encrypted("vault", &arn));
    let unfit =
        root.call("kms", "CreateKey", json!({"KeySpec": "RSA_2048", "KeyUsage": "ENCRYPT_DECRYPT"})).ok();
    let unfit = unfit["KeyMetadata"]["Arn"].as_str().unwrap().to_owned();
    let seal = |key: &str| {
        let sse = json!({"Enabled": true, "SSEType": "KMS", "KMSMasterKeyId": key});
        root.call("dynamodb", "UpdateTable", json!({"TableName": "vault", "SSESpecification": sse}))
    };
    for reply in [seal(&unfit), root.call("dynamodb", "CreateTable", encrypted("other", &unfit))] {
        let message = reply.refused(500, "InternalServerError");
        let start = "KMS internal error: com.amazonaws.services.kms.model.AWSKMSException: EncryptionContext is supported only when creating a grant for a symmetric encryption KMS key. (Service: AWSKMS; Status Code: 400; Error Code: ValidationException; Request ID: ";
        assert!(message.starts_with(start), "{message}");
    }
    // A key that cannot be used holds up what needs it, and says so of itself, not of another that is asked for.
    let other = key(&root);
    root.call("kms", "DisableKey", json!({"KeyId": arn})).ok();
    let ttl = json!({"Enabled": true, "AttributeName": "at"});
    for reply in [
        seal(&other),
        root.call(
            "dynamodb",
            "UpdateTimeToLive",
            json!({"TableName": "vault", "TimeToLiveSpecification": ttl}),
        ),
        root.call("dynamodb", "CreateBackup", json!({"TableName": "vault", "BackupName": "late"})),
        root.call(
            "dynamodb",
            "UpdateContributorInsights",
            json!({"TableName": "vault", "ContributorInsightsAction": "ENABLE"}),
        ),
    ] {
        let message = reply.refused(400, "ValidationException");
        let start = format!(
            "KMS key disabled error: com.amazonaws.services.kms.model.DisabledException: {arn} is disabled. (Service: AWSKMS; "
        );
        assert!(message.starts_with(&start), "{message}");
    }
    // The rest goes on.
    root.call("dynamodb", "UpdateTable", json!({"TableName": "vault", "DeletionProtectionEnabled": true}))
        .ok();
    root.call("kms", "EnableKey", json!({"KeyId": arn})).ok();
    root.call("dynamodb", "CreateBackup", json!({"TableName": "vault", "BackupName": "early"})).ok();
    let all = root.call("dynamodb", "ListBackups", json!({"TableName": "vault"})).ok();
    let backup = json!({"BackupArn": all["BackupSummaries"][0]["BackupArn"]});
    let told = root.call("dynamodb", "DescribeBackup", backup).ok();
    assert_eq!(
        told["BackupDescription"]["SourceTableFeatureDetails"]["SSEDescription"],
        json!({"Status": "ENABLED", "SSEType": "KMS", "KMSMasterKeyArn": arn})
    );
}
