//! What happens to KMS keys in time: import and expiry, rotation, replication, and the events that tell of it.

use crate::harness::{Caller, Cloud, Reply};
use crate::services_metrics;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kernel::bus::Event;
use serde_json::{Value, json};
use std::time::Duration;
use store::Record;

const ACCOUNT: &str = "123456789012";
const START: f64 = 1_768_478_400.0;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn new_key(root: &Caller<'_>, parameters: Value) -> String {
    root.call("kms", "CreateKey", parameters).ok()["KeyMetadata"]["Arn"].as_str().unwrap().to_owned()
}

fn describe(root: &Caller<'_>, key: &str) -> Value {
    root.call("kms", "DescribeKey", json!({ "KeyId": key })).ok()["KeyMetadata"].take()
}

fn encrypt(caller: &Caller<'_>, key: &str) -> Reply {
    caller.call("kms", "Encrypt", json!({ "KeyId": key, "Plaintext": "eA==" }))
}

fn decrypt(caller: &Caller<'_>, sealed: &Value) -> Reply {
    caller.call("kms", "Decrypt", json!({ "CiphertextBlob": sealed["CiphertextBlob"] }))
}

fn rotations(root: &Caller<'_>, key: &str, include: &str) -> Vec<(Value, Value, Value)> {
    let listed =
        root.call("kms", "ListKeyRotations", json!({ "KeyId": key, "IncludeKeyMaterial": include })).ok();
    let entry =
        |r: &Value| (r["KeyMaterialState"].clone(), r["RotationType"].clone(), r["RotationDate"].clone());
    listed["Rotations"].as_array().unwrap().iter().map(entry).collect()
}

/// Wraps key material as `RSAES_OAEP_SHA_256` asks, and imports it.
#[allow(clippy::needless_pass_by_value, reason = "it is written in place")]
fn import(root: &Caller<'_>, key: &str, material: &[u8], more: Value) -> Reply {
    let parameters = root
        .call(
            "kms",
            "GetParametersForImport",
            json!({
                "KeyId": key, "WrappingAlgorithm": "RSAES_OAEP_SHA_256", "WrappingKeySpec": "RSA_2048",
            }),
        )
        .ok();
    let public = STANDARD.decode(parameters["PublicKey"].as_str().unwrap()).unwrap();
    let public = aws_lc_rs::rsa::PublicEncryptingKey::from_der(&public).unwrap();
    let public = aws_lc_rs::rsa::OaepPublicEncryptingKey::new(public).unwrap();
    let mut wrapped = vec![0; public.ciphertext_size()];
    public.encrypt(&aws_lc_rs::rsa::OAEP_SHA256_MGF1SHA256, material, &mut wrapped, None).unwrap();
    let mut all = json!({
        "KeyId": key, "ImportToken": parameters["ImportToken"], "EncryptedKeyMaterial": STANDARD.encode(wrapped),
        "ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE",
    });
    all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    root.call("kms", "ImportKeyMaterial", all)
}

#[test]
fn on_demand_rotation_keeps_old_ciphertexts_open() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let key = new_key(&root, json!({}));
    let old = encrypt(&root, &key).ok();
    let before = describe(&root, &key)["CurrentKeyMaterialId"].clone();
    assert_eq!(root.call("kms", "RotateKeyOnDemand", json!({ "KeyId": key })).ok()["KeyId"], key.as_str());
    let after = describe(&root, &key)["CurrentKeyMaterialId"].clone();
    assert_ne!(before, after);
    assert_eq!(decrypt(&root, &old).ok()["KeyMaterialId"], before);
    assert_eq!(decrypt(&root, &encrypt(&root, &key).ok()).ok()["KeyMaterialId"], after);
    assert_eq!(
        rotations(&root, &key, "ROTATIONS_ONLY"),
        [(json!("CURRENT"), json!("ON_DEMAND"), json!(START as i64))]
    );
    assert_eq!(rotations(&root, &key, "ALL_KEY_MATERIAL").len(), 2);
    for _ in 1..25 {
        root.call("kms", "RotateKeyOnDemand", json!({ "KeyId": key })).ok();
    }
    root.call("kms", "RotateKeyOnDemand", json!({ "KeyId": key })).refused_with(
        400,
        "LimitExceededException",
        "A KMS key cannot be rotated on demand more than 25 times.",
    );
    decrypt(&root, &old).ok();
}

#[test]
fn automatic_rotation_follows_the_clock() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let key = new_key(&root, json!({}));
    let status = || root.call("kms", "GetKeyRotationStatus", json!({ "KeyId": key })).ok();
    assert_eq!(status(), json!({ "KeyId": key, "KeyRotationEnabled": false }));
    root.call("kms", "EnableKeyRotation", json!({ "KeyId": key, "RotationPeriodInDays": 90 })).ok();
    let first = START as i64 + 90 * 86_400;
    assert_eq!(
        status(),
        json!({
            "KeyId": key, "KeyRotationEnabled": true, "RotationPeriodInDays": 90, "NextRotationDate": first,
        })
    );
    let old = encrypt(&root, &key).ok();
    cloud.advance(89 * DAY);
    cloud.reconcile();
    assert_eq!(rotations(&root, &key, "ROTATIONS_ONLY"), []);
    cloud.advance(92 * DAY);
    cloud.reconcile();
    let second = first + 90 * 86_400;
    assert_eq!(
        rotations(&root, &key, "ROTATIONS_ONLY"),
        [
            (json!("NON_CURRENT"), json!("AUTOMATIC"), json!(first)),
            (json!("CURRENT"), json!("AUTOMATIC"), json!(second)),
        ]
    );
    assert_eq!(status()["NextRotationDate"], second + 90 * 86_400);
    decrypt(&root, &old).ok();
    // A disabled key rests; enabled again, it makes up for what it missed.
    root.call("kms", "DisableKey", json!({ "KeyId": key })).ok();
    cloud.advance(200 * DAY);
    cloud.reconcile();
    assert_eq!(rotations(&root, &key, "ROTATIONS_ONLY").len(), 2);
    root.call("kms", "EnableKey", json!({ "KeyId": key })).ok();
    cloud.reconcile();
    assert_eq!(rotations(&root, &key, "ROTATIONS_ONLY").len(), 3);
    root.call("kms", "DisableKeyRotation", json!({ "KeyId": key })).ok();
    cloud.advance(500 * DAY);
    cloud.reconcile();
    assert_eq!(rotations(&root, &key, "ROTATIONS_ONLY").len(), 3);
}

#[test]
fn only_symmetric_keys_of_ours_rotate_by_themselves() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let hmac = new_key(&root, json!({ "KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC" }));
    for operation in [
        "EnableKeyRotation",
        "DisableKeyRotation",
        "RotateKeyOnDemand",
        "ListKeyRotations",
        "GetKeyRotationStatus",
    ] {
        root.call("kms", operation, json!({ "KeyId": hmac })).refused_with(
            400,
            "UnsupportedOperationException",
            &format!("{hmac} key spec is HMAC_256 which is not valid for this operation."),
        );
    }
    let external = new_key(&root, json!({ "Origin": "EXTERNAL" }));
    root.call("kms", "EnableKeyRotation", json!({ "KeyId": external })).refused_with(
        400,
        "UnsupportedOperationException",
        &format!("{external} origin is EXTERNAL which is not valid for this operation."),
    );
}

#[test]
fn imported_material_comes_goes_and_comes_back() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let key = new_key(&root, json!({ "Origin": "EXTERNAL" }));
    let pending = format!("{key} is pending import.");
    assert_eq!(describe(&root, &key)["KeyState"], "PendingImport");
    encrypt(&root, &key).refused_with(400, "KMSInvalidStateException", &pending);
    root.call("kms", "EnableKey", json!({ "KeyId": key })).refused_with(
        400,
        "KMSInvalidStateException",
        &pending,
    );
    import(&root, &key, &[1; 32], json!({ "ExpirationModel": "KEY_MATERIAL_EXPIRES" })).refused_with(
        400,
        "ValidationException",
        "A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES",
    );
    import(&root, &key, &[1; 31], json!({})).refused(400, "IncorrectKeyMaterialException");
    let imported = import(&root, &key, &[1; 32], json!({})).ok();
    assert_eq!(imported["KeyId"], key.as_str());
    let metadata = describe(&root, &key);
    assert_eq!(
        (&metadata["KeyState"], &metadata["ExpirationModel"]),
        (&json!("Enabled"), &json!("KEY_MATERIAL_DOES_NOT_EXPIRE"))
    );
    assert_eq!(metadata["CurrentKeyMaterialId"], imported["KeyMaterialId"]);
    let sealed = encrypt(&root, &key).ok();
    let deleted = root.call("kms", "DeleteImportedKeyMaterial", json!({ "KeyId": key })).ok();
    assert_eq!(deleted, imported);
    decrypt(&root, &sealed).refused_with(400, "KMSInvalidStateException", &pending);
    import(&root, &key, &[2; 32], json!({})).refused(400, "IncorrectKeyMaterialException");
    let valid_to = START + 86_400.0;
    let expiring = json!({ "ExpirationModel": "KEY_MATERIAL_EXPIRES", "ValidTo": valid_to });
    import(&root, &key, &[1; 32], expiring).ok();
    assert_eq!(describe(&root, &key)["ValidTo"].as_f64(), Some(valid_to));
    for _ in 0..2 {
        cloud.advance(Duration::from_secs(60));
        services_metrics::publish(&cloud);
    }
    let left = |statistic: &str| {
        let of = [("KeyId", key.rsplit('/').next().unwrap())];
        services_metrics::told(&root, "AWS/KMS", "SecondsUntilKeyMaterialExpiration", &of, statistic)
    };
    let most = left("Maximum").unwrap();
    assert_eq!(left("Minimum"), Some(most - 60.0), "it is told by the minute");
    decrypt(&root, &sealed).ok();
    cloud.advance(DAY);
    decrypt(&root, &sealed).refused_with(400, "KMSInvalidStateException", &pending);
    cloud.reconcile();
    assert_eq!(describe(&root, &key)["KeyState"], "PendingImport");
    import(&root, &key, &[1; 32], json!({})).ok();
    decrypt(&root, &sealed).ok();
}

#[test]
fn an_imported_key_rotates_to_what_was_imported_for_it() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let key = new_key(&root, json!({ "Origin": "EXTERNAL" }));
    let first = import(&root, &key, &[1; 32], json!({})).ok();
    let old = encrypt(&root, &key).ok();
    root.call("kms", "RotateKeyOnDemand", json!({ "KeyId": key })).refused(400, "KMSInvalidStateException");
    let new = json!({ "ImportType": "NEW_KEY_MATERIAL", "KeyMaterialDescription": "second" });
    let second = import(&root, &key, &[2; 32], new.clone()).ok();
    assert_eq!(describe(&root, &key)["CurrentKeyMaterialId"], first["KeyMaterialId"]);
    import(&root, &key, &[3; 32], new).refused(400, "KMSInvalidStateException");
    let states = |include: &str| rotations(&root, &key, include).into_iter().map(|r| r.0).collect::<Vec<_>>();
    assert_eq!(states("ALL_KEY_MATERIAL"), [json!("CURRENT"), json!("PENDING_ROTATION")]);
    root.call("kms", "RotateKeyOnDemand", json!({ "KeyId": key })).ok();
    assert_eq!(describe(&root, &key)["CurrentKeyMaterialId"], second["KeyMaterialId"]);
    assert_eq!(states("ALL_KEY_MATERIAL"), [json!("NON_CURRENT"), json!("CURRENT")]);
    decrypt(&root, &old).ok();
    // Every generation must be there.
    let one = json!({ "KeyId": key, "KeyMaterialId": first["KeyMaterialId"] });
    root.call("kms", "DeleteImportedKeyMaterial", one).ok();
    encrypt(&root, &key).refused(400, "KMSInvalidStateException");
    import(&root, &key, &[1; 32], json!({ "KeyMaterialId": first["KeyMaterialId"] })).ok();
    decrypt(&root, &old).ok();
}

#[test]
fn imports_are_checked() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let ours = new_key(&root, json!({}));
    let ask = |key: &str, algorithm: &str| {
        let call = json!({ "KeyId": key, "WrappingAlgorithm": algorithm, "WrappingKeySpec": "RSA_2048" });
        root.call("kms", "GetParametersForImport", call)
    };
    ask(&ours, "RSAES_OAEP_SHA_256").refused_with(
        400,
        "UnsupportedOperationException",
        &format!("{ours} origin is AWS_KMS which is not valid for this operation."),
    );
    let key = new_key(&root, json!({ "Origin": "EXTERNAL" }));
    ask(&key, "RSAES_PKCS1_V1_5").refused(400, "UnsupportedOperationException");
    let parameters = ask(&key, "RSAES_OAEP_SHA_256").ok();
    assert_eq!(parameters["ParametersValidTo"].as_f64(), Some(START + 86_400.0));
    let send = |key: &str, token: &Value| {
        root.call(
            "kms",
            "ImportKeyMaterial",
            json!({
                "KeyId": key, "ImportToken": token, "EncryptedKeyMaterial": "eA==",
                "ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE",
            }),
        )
    };
    send(&key, &json!("eA==")).refused(400, "InvalidImportTokenException");
    send(&key, &parameters["ImportToken"]).refused(400, "InvalidCiphertextException");
    let other = new_key(&root, json!({ "Origin": "EXTERNAL" }));
    send(&other, &parameters["ImportToken"]).refused(400, "InvalidImportTokenException");
    cloud.advance(DAY);
    send(&key, &parameters["ImportToken"]).refused(400, "ExpiredImportTokenException");
}

#[test]
fn related_keys_share_their_material_and_nothing_else() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let there = root.in_region("eu-west-1");
    let key = new_key(&root, json!({ "MultiRegion": true, "Description": "first" }));
    let id = key.rsplit('/').next().unwrap();
    assert!(id.starts_with("mrk-") && id.len() == 36, "{id}");
    let sealed = encrypt(&root, &key).ok();
    let replicate = |key: &str, region: &str| {
        root.call("kms", "ReplicateKey", json!({ "KeyId": key, "ReplicaRegion": region }))
    };
    let made = replicate(&key, "eu-west-1").ok();
    assert!(made.get("ReplicaTags").is_none());
    let replica = format!("arn:aws:kms:eu-west-1:{ACCOUNT}:key/{id}");
    let metadata = &made["ReplicaKeyMetadata"];
    assert_eq!((&metadata["Arn"], &metadata["Description"]), (&json!(replica), &json!("")));
    let relations = json!({
        "MultiRegionKeyType": "REPLICA", "PrimaryKey": { "Arn": key, "Region": "us-east-1" },
        "ReplicaKeys": [{ "Arn": replica, "Region": "eu-west-1" }],
    });
    assert_eq!(metadata["MultiRegionConfiguration"], relations);
    assert_eq!(describe(&root, &key)["MultiRegionConfiguration"]["MultiRegionKeyType"], "PRIMARY");
    replicate(&key, "eu-west-1").refused(400, "AlreadyExistsException");
    replicate(&key, "us-east-1").refused(400, "ValidationException");
    let single = new_key(&root, json!({}));
    replicate(&single, "eu-west-1").refused_with(
        400,
        "UnsupportedOperationException",
        &format!("{single} is not a multi-region primary key."),
    );
    let opened = decrypt(&there, &sealed).ok();
    assert_eq!((&opened["Plaintext"], &opened["KeyId"]), (&json!("eA=="), &json!(replica)));
    // Rotation is shared and belongs to the primary.
    there
        .call("kms", "RotateKeyOnDemand", json!({ "KeyId": replica }))
        .refused(400, "UnsupportedOperationException");
    root.call("kms", "RotateKeyOnDemand", json!({ "KeyId": key })).ok();
    decrypt(&there, &encrypt(&root, &key).ok()).ok();
    decrypt(&root, &encrypt(&there, &replica).ok()).ok();
    root.call("kms", "EnableKeyRotation", json!({ "KeyId": key })).ok();
    let status = there.call("kms", "GetKeyRotationStatus", json!({ "KeyId": replica })).ok();
    assert_eq!(status["RotationPeriodInDays"], 365);
    // Its own are the state, the policy, the aliases.
    there.call("kms", "DisableKey", json!({ "KeyId": replica })).ok();
    encrypt(&root, &key).ok();
    decrypt(&there, &sealed).refused(400, "DisabledException");
}

#[test]
fn the_primary_moves_and_goes_last() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let there = root.in_region("eu-west-1");
    let key = new_key(&root, json!({ "MultiRegion": true }));
    let id = key.rsplit('/').next().unwrap();
    for region in ["eu-west-1", "ap-south-1"] {
        root.call("kms", "ReplicateKey", json!({ "KeyId": key, "ReplicaRegion": region })).ok();
    }
    let update = |caller: &Caller<'_>, region: &str| {
        caller.call("kms", "UpdatePrimaryRegion", json!({ "KeyId": id, "PrimaryRegion": region }))
    };
    update(&root, "eu-north-1").refused(400, "UnsupportedOperationException");
    update(&there, "us-east-1").refused(400, "UnsupportedOperationException");
    update(&root, "eu-west-1").ok();
    let relations = describe(&there, id)["MultiRegionConfiguration"].take();
    assert_eq!(
        (&relations["MultiRegionKeyType"], &relations["PrimaryKey"]["Region"]),
        (&json!("PRIMARY"), &json!("eu-west-1"))
    );
    let seen = describe(&root.in_region("ap-south-1"), id)["MultiRegionConfiguration"].take();
    assert_eq!(
        (&seen["PrimaryKey"], &seen["ReplicaKeys"]),
        (&relations["PrimaryKey"], &relations["ReplicaKeys"])
    );
    let schedule = |caller: &Caller<'_>, days: u32| {
        caller.call("kms", "ScheduleKeyDeletion", json!({ "KeyId": id, "PendingWindowInDays": days })).ok()
    };
    let waiting = schedule(&there, 10);
    assert_eq!((&waiting["KeyState"], waiting.get("DeletionDate")), (&json!("PendingReplicaDeletion"), None));
    encrypt(&there, id).refused_with(
        400,
        "KMSInvalidStateException",
        &format!("arn:aws:kms:eu-west-1:{ACCOUNT}:key/{id} is pending replica deletion."),
    );
    schedule(&root, 7);
    schedule(&root.in_region("ap-south-1"), 8);
    cloud.advance(7 * DAY);
    cloud.reconcile();
    let metadata = describe(&there, id);
    assert_eq!(
        (&metadata["KeyState"], &metadata["PendingDeletionWindowInDays"]),
        (&json!("PendingReplicaDeletion"), &json!(10))
    );
    cloud.advance(DAY);
    cloud.reconcile();
    let metadata = describe(&there, id);
    assert_eq!(metadata["KeyState"], "PendingDeletion");
    assert_eq!(metadata["DeletionDate"].as_f64(), Some(START + 18.0 * 86_400.0));
    cloud.advance(10 * DAY);
    cloud.reconcile();
    there.call("kms", "DescribeKey", json!({ "KeyId": id })).refused(400, "NotFoundException");
}

#[test]
fn a_replica_of_an_imported_key_gets_its_material_by_import() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let there = root.in_region("eu-west-1");
    let key = new_key(&root, json!({ "Origin": "EXTERNAL", "MultiRegion": true }));
    let id = key.rsplit('/').next().unwrap();
    import(&root, &key, &[1; 32], json!({})).ok();
    let sealed = encrypt(&root, &key).ok();
    root.call("kms", "ReplicateKey", json!({ "KeyId": key, "ReplicaRegion": "eu-west-1" })).ok();
    assert_eq!(describe(&there, id)["KeyState"], "PendingImport");
    import(&there, id, &[2; 32], json!({})).refused(400, "IncorrectKeyMaterialException");
    import(&there, id, &[1; 32], json!({})).ok();
    decrypt(&there, &sealed).ok();
    // New material first goes to the primary, then to every replica; only then can be rotated.
    let new = json!({ "ImportType": "NEW_KEY_MATERIAL" });
    import(&there, id, &[3; 32], new.clone()).refused(400, "UnsupportedOperationException");
    import(&root, id, &[3; 32], new).ok();
    let states = || rotations(&root, id, "ALL_KEY_MATERIAL").into_iter().map(|r| r.0).collect::<Vec<_>>();
    assert_eq!(states(), [json!("CURRENT"), json!("PENDING_MULTI_REGION_IMPORT_AND_ROTATION")]);
    root.call("kms", "RotateKeyOnDemand", json!({ "KeyId": id })).refused(400, "KMSInvalidStateException");
    import(&there, id, &[3; 32], json!({ "ImportType": "EXISTING_KEY_MATERIAL" })).ok();
    assert_eq!(states(), [json!("CURRENT"), json!("PENDING_ROTATION")]);
    root.call("kms", "RotateKeyOnDemand", json!({ "KeyId": id })).ok();
    decrypt(&there, &encrypt(&root, id).ok()).ok();
    decrypt(&there, &sealed).ok();
}

/// What KMS's own reconciler tells the bus, before anybody takes it from there.
fn told(cloud: &Cloud) -> Vec<Event> {
    let kms = cloud.cloud.reconcilers().iter().find(|r| r.name() == "kms key life").unwrap();
    kms.run(&cloud.cloud).unwrap();
    let tx = cloud.cloud.store().begin();
    let outbox = store::KeyRange::prefix(&[0x00, 0x02]);
    let events =
        tx.scan(outbox, store::Direction::Forward).map(|pair| Event::from_bytes(&pair.unwrap().1).unwrap());
    events.filter(|event| event.source == "aws.kms").collect()
}

#[test]
fn events_tell_of_rotation_expiry_and_deletion() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let key = new_key(&root, json!({}));
    let id = key.rsplit('/').next().unwrap();
    let before = describe(&root, &key)["CurrentKeyMaterialId"].clone();
    root.call("kms", "RotateKeyOnDemand", json!({ "KeyId": key })).ok();
    let after = describe(&root, &key)["CurrentKeyMaterialId"].clone();
    let events = told(&cloud);
    assert_eq!(events.len(), 1);
    let event = &events[0];
    assert_eq!((event.detail_type.as_str(), &event.resources), ("KMS CMK Rotation", &vec![key.clone()]));
    assert_eq!((event.account.as_str(), event.region.as_str()), (ACCOUNT, "us-east-1"));
    let detail: Value = serde_json::from_str(&event.detail).unwrap();
    assert_eq!(
        detail,
        json!({
            "key-id": id, "key-origin": "AWS_KMS", "rotation-type": "ON_DEMAND",
            "previous-key-material-id": before, "current-key-material-id": after,
        })
    );
    cloud.reconcile();
    root.call("kms", "ScheduleKeyDeletion", json!({ "KeyId": key, "PendingWindowInDays": 7 })).ok();
    let external = new_key(&root, json!({ "Origin": "EXTERNAL" }));
    let expiring = json!({ "ExpirationModel": "KEY_MATERIAL_EXPIRES", "ValidTo": START + 86_400.0 });
    let imported = import(&root, &external, &[1; 32], expiring).ok();
    cloud.advance(7 * DAY);
    let events = told(&cloud);
    let seen: Vec<_> = events.iter().map(|event| event.detail_type.as_str()).collect();
    assert_eq!(seen.len(), 2, "{events:?}");
    for event in &events {
        let detail: Value = serde_json::from_str(&event.detail).unwrap();
        let expected = match event.detail_type.as_str() {
            "KMS CMK Deletion" => json!({ "key-id": id }),
            "KMS Imported Key Material Expiration" => {
                json!({ "key-id": external.rsplit('/').next(), "key-material-id": imported["KeyMaterialId"] })
            }
            other => panic!("{other}"),
        };
        assert_eq!(detail, expected);
    }
}

#[test]
fn a_key_tells_when_it_was_last_used() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    cloud.reconcile();
    let made = root.call("kms", "CreateKey", json!({})).ok()["KeyMetadata"].clone();
    let (key, arn) = (made["KeyId"].clone(), made["Arn"].clone());
    let last = || root.call("kms", "GetKeyLastUsage", json!({ "KeyId": arn })).ok();
    let unused = last();
    assert_eq!((&unused["KeyId"], &unused["KeyLastUsage"]), (&key, &json!({})));
    assert_eq!(unused["TrackingStartDate"], unused["KeyCreationDate"]);
    cloud.advance(Duration::from_secs(60));
    let request = json!({ "KeyId": key, "Plaintext": "eA==" });
    let sealed = root.call("kms", "Encrypt", request.clone()).ok();
    let used = last()["KeyLastUsage"].clone();
    assert_eq!((&used["Operation"], &used["Timestamp"]), (&json!("Encrypt"), &json!(1_768_478_460)));
    let events =
        json!({ "LookupAttributes": [{ "AttributeKey": "EventName", "AttributeValue": "Encrypt" }] });
    let event = root.call("cloudtrail", "LookupEvents", events).ok()["Events"][0].clone();
    assert_eq!(used["CloudTrailEventId"], event["EventId"]);
    let record: Value = serde_json::from_str(event["CloudTrailEvent"].as_str().unwrap()).unwrap();
    assert_eq!(used["KmsRequestId"], record["requestID"]);
    // What did not succeed, and what only tries, is no use.
    cloud.advance(Duration::from_secs(60));
    let mut dry = request;
    dry["DryRun"] = json!(true);
    root.call("kms", "Encrypt", dry).refused(400, "DryRunOperationException");
    let wrong = json!({ "CiphertextBlob": sealed["CiphertextBlob"], "EncryptionContext": { "a": "b" } });
    root.call("kms", "Decrypt", wrong).refused(400, "InvalidCiphertextException");
    assert_eq!(last()["KeyLastUsage"], used);
    // Both keys of a re-encryption are used; and what is written is the same.
    let other = root.call("kms", "CreateKey", json!({})).ok()["KeyMetadata"]["KeyId"].clone();
    let again = json!({ "CiphertextBlob": sealed["CiphertextBlob"], "DestinationKeyId": other });
    root.call("kms", "ReEncrypt", again).ok();
    let used = last()["KeyLastUsage"].clone();
    assert_eq!(used["Operation"], "ReEncrypt");
    assert_eq!(root.call("kms", "GetKeyLastUsage", json!({ "KeyId": other })).ok()["KeyLastUsage"], used);
    cloud.reconcile();
    assert_eq!(last()["KeyLastUsage"], used);
    root.call("kms", "GetKeyLastUsage", json!({ "KeyId": "alias/x" })).refused(400, "NotFoundException");
}
