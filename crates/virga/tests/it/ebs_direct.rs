//! The EBS direct APIs: blocks written, listed, compared and read.

use crate::ebs_volumes::key;
use crate::harness::{Caller, Cloud, Reply};
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::time::Duration;

const ACCOUNT: &str = "123456789012";
const BLOCK: usize = 512 << 10;

fn sum(bytes: &[u8]) -> String {
    STANDARD.encode(digest(&SHA256, bytes))
}

pub(crate) fn start(caller: &Caller<'_>, parameters: Value) -> String {
    let made = caller.call("ebs", "StartSnapshot", parameters).ok();
    assert_eq!((&made["Status"], &made["BlockSize"]), (&json!("pending"), &json!(BLOCK)));
    made["SnapshotId"].as_str().unwrap().to_owned()
}

/// The request that writes a block full of one byte.
fn block(id: &str, index: u32, byte: u8) -> Value {
    let bytes = vec![byte; BLOCK];
    json!({
        "SnapshotId": id, "BlockIndex": index, "BlockData": String::from_utf8(bytes.clone()).unwrap(), "DataLength": BLOCK,
        "Checksum": sum(&bytes), "ChecksumAlgorithm": "SHA256",
    })
}

pub(crate) fn put(caller: &Caller<'_>, id: &str, index: u32, byte: u8) -> Reply {
    caller.call("ebs", "PutSnapshotBlock", block(id, index, byte))
}

pub(crate) fn complete(caller: &Caller<'_>, id: &str, count: u32) {
    let done = json!({ "SnapshotId": id, "ChangedBlocksCount": count });
    assert_eq!(caller.call("ebs", "CompleteSnapshot", done).ok()["Status"], "completed");
}

fn token(caller: &Caller<'_>, id: &str, index: u32) -> Value {
    let asked = json!({ "SnapshotId": id, "StartingBlockIndex": index });
    let listed = caller.call("ebs", "ListSnapshotBlocks", asked).ok();
    let first = listed["Blocks"][0].clone();
    assert_eq!(first["BlockIndex"], index, "{listed}");
    first["BlockToken"].clone()
}

/// The first byte of a block; `None` where it cannot be read.
pub(crate) fn first_byte(caller: &Caller<'_>, id: &str, index: u32) -> Option<u8> {
    let asked = json!({ "SnapshotId": id, "BlockIndex": index, "BlockToken": token(caller, id, index) });
    let got = caller.call("ebs", "GetSnapshotBlock", asked);
    if got.status != 200 {
        return None;
    }
    assert_eq!(got.body.len(), BLOCK);
    assert_eq!(got.headers["x-amz-checksum"], sum(&got.body).as_str());
    assert_eq!(got.headers["x-amz-data-length"], BLOCK.to_string().as_str());
    Some(got.body[0])
}

fn reason(reply: &Reply) -> (u16, String, String) {
    let (code, _) = reply.error();
    (reply.status, code, reply.value["Reason"].as_str().unwrap_or_default().to_owned())
}

#[track_caller]
fn invalid(reply: &Reply, why: &str) {
    assert_eq!(reason(reply), (400, "ValidationException".into(), why.into()), "{}", reply.value);
}

#[test]
fn blocks_are_written_and_read() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let asked = json!({
        "VolumeSize": 1, "Description": "mine", "ClientToken": "once", "Tags": [{ "Key": "Name", "Value": "x" }],
    });
    let id = start(&root, asked.clone());
    assert_eq!(start(&root, asked), id);
    let other = json!({ "VolumeSize": 2, "ClientToken": "once" });
    root.call("ebs", "StartSnapshot", other).refused(409, "ConflictException");
    let tagged = json!({ "VolumeSize": 1, "Tags": [{ "Key": "aws:x", "Value": "x" }] });
    invalid(&root.call("ebs", "StartSnapshot", tagged), "INVALID_TAG");
    put(&root, &id, 3, 5).ok();
    put(&root, &id, 3, 6).ok();
    put(&root, &id, 2047, 0).ok();
    invalid(&put(&root, &id, 2048, 1), "INVALID_BLOCK");
    let mut broken = block(&id, 4, 1);
    broken["Checksum"] = json!(sum(b"something else"));
    invalid(&root.call("ebs", "PutSnapshotBlock", broken), "INVALID_BLOCK");
    let mut short = block(&id, 4, 1);
    short["BlockData"] = json!("short");
    invalid(&root.call("ebs", "PutSnapshotBlock", short), "INVALID_BLOCK");
    invalid(&root.call("ebs", "ListSnapshotBlocks", json!({ "SnapshotId": id })), "INVALID_SNAPSHOT_ID");
    let wrong = json!({ "SnapshotId": id, "ChangedBlocksCount": 1 });
    invalid(&root.call("ebs", "CompleteSnapshot", wrong), "INVALID_PARAMETER_VALUE");
    let sums: Vec<u8> =
        [6, 0].iter().flat_map(|byte| digest(&SHA256, &vec![*byte; BLOCK]).as_ref().to_vec()).collect();
    let done = json!({
        "SnapshotId": id, "ChangedBlocksCount": 2, "Checksum": sum(&sums), "ChecksumAlgorithm": "SHA256",
        "ChecksumAggregationMethod": "LINEAR",
    });
    root.call("ebs", "CompleteSnapshot", done).ok();
    invalid(&put(&root, &id, 0, 1), "INVALID_SNAPSHOT_ID");
    assert_eq!((first_byte(&root, &id, 3), first_byte(&root, &id, 2047)), (Some(6), Some(0)));
    let found = root.call("ec2", "DescribeSnapshots", json!({ "SnapshotIds": [id] })).ok();
    let found = &found["snapshotSet"][0];
    assert_eq!((&found["status"], &found["description"]), (&json!("completed"), &json!("mine")));
    assert_eq!(found["tagSet"], json!([{ "key": "Name", "value": "x" }]));
    // Tokens are for one block, and for a week.
    let good = token(&root, &id, 3);
    let read = |index: u32, token: &Value| {
        root.call(
            "ebs",
            "GetSnapshotBlock",
            json!({ "SnapshotId": id, "BlockIndex": index, "BlockToken": token }),
        )
    };
    invalid(&read(4, &good), "INVALID_BLOCK_TOKEN");
    invalid(&read(3, &json!("AAAA")), "INVALID_BLOCK_TOKEN");
    cloud.advance(Duration::from_secs(7 * 24 * 3600));
    invalid(&read(3, &good), "INVALID_BLOCK_TOKEN");
    let nobody = json!({ "SnapshotId": "snap-00000000000000000" });
    assert_eq!(
        reason(&root.call("ebs", "ListSnapshotBlocks", nobody)),
        (404, "ResourceNotFoundException".into(), "SNAPSHOT_NOT_FOUND".into())
    );
}

#[test]
fn a_child_holds_what_has_changed() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let first = start(&root, json!({ "VolumeSize": 1 }));
    for index in 0..120 {
        put(&root, &first, index, 1).ok();
    }
    complete(&root, &first, 120);
    let small = json!({ "VolumeSize": 1, "ParentSnapshotId": first, "Encrypted": true });
    invalid(&root.call("ebs", "StartSnapshot", small), "INVALID_PARAMETER_VALUE");
    let second = start(&root, json!({ "VolumeSize": 2, "ParentSnapshotId": first }));
    put(&root, &second, 5, 2).ok();
    put(&root, &second, 3000, 3).ok();
    complete(&root, &second, 2);
    let both = json!({ "FirstSnapshotId": first, "SecondSnapshotId": second });
    let changed = root.call("ebs", "ListChangedBlocks", both).ok();
    let changed = changed["ChangedBlocks"].as_array().unwrap().clone();
    let of = |n: usize| {
        let there = |name: &str| changed[n].get(name).is_some_and(Value::is_string);
        (changed[n]["BlockIndex"].as_u64().unwrap(), there("FirstBlockToken"), there("SecondBlockToken"))
    };
    assert_eq!((changed.len(), of(0), of(1)), (2, (5, true, true), (3000, false, true)));
    assert_eq!((first_byte(&root, &first, 5), first_byte(&root, &second, 5)), (Some(1), Some(2)));
    assert_eq!(first_byte(&root, &second, 119), Some(1));
    // Pages.
    let page =
        root.call("ebs", "ListSnapshotBlocks", json!({ "SnapshotId": second, "MaxResults": 100 })).ok();
    assert_eq!(page["Blocks"].as_array().unwrap().len(), 100);
    let next = json!({ "SnapshotId": second, "MaxResults": 100, "NextToken": page["NextToken"] });
    let rest = root.call("ebs", "ListSnapshotBlocks", next).ok();
    assert_eq!(rest["Blocks"].as_array().unwrap().len(), 21);
    assert!(rest.get("NextToken").is_none_or(Value::is_null));
    let bad = json!({ "SnapshotId": second, "NextToken": "AAAA" });
    invalid(&root.call("ebs", "ListSnapshotBlocks", bad), "INVALID_PAGE_TOKEN");
    let stranger = start(&root, json!({ "VolumeSize": 1 }));
    complete(&root, &stranger, 0);
    let both = json!({ "FirstSnapshotId": stranger, "SecondSnapshotId": second });
    invalid(&root.call("ebs", "ListChangedBlocks", both), "UNRELATED_SNAPSHOTS");
}

#[test]
fn what_nobody_completes_fails() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let id = start(&root, json!({ "VolumeSize": 1, "Timeout": 10 }));
    cloud.advance(Duration::from_secs(599));
    cloud.reconcile();
    put(&root, &id, 0, 1).ok();
    cloud.advance(Duration::from_secs(599));
    cloud.reconcile();
    put(&root, &id, 1, 1).ok();
    cloud.advance(Duration::from_secs(600));
    cloud.reconcile();
    invalid(&put(&root, &id, 2, 1), "INVALID_SNAPSHOT_ID");
    let found = root.call("ec2", "DescribeSnapshots", json!({ "SnapshotIds": [id] })).ok();
    assert_eq!(found["snapshotSet"][0]["status"], "error");
}

#[test]
fn the_key_decides_who_reads() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let own = key(&root);
    let id = start(&root, json!({ "VolumeSize": 1, "Encrypted": true, "KmsKeyArn": own }));
    put(&root, &id, 0, 9).ok();
    complete(&root, &id, 1);
    let reads = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"ebs:*","Resource":"arn:aws:ec2:us-east-1::snapshot/*"}}"#;
    let eva = cloud.user(&root, "eva", reads);
    let asked = json!({ "SnapshotId": id, "BlockIndex": 0, "BlockToken": token(&eva, &id, 0) });
    assert_eq!(
        reason(&eva.call("ebs", "GetSnapshotBlock", asked.clone())),
        (403, "AccessDeniedException".into(), "DEPENDENCY_ACCESS_DENIED".into())
    );
    let more = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"kms:Decrypt","Resource":"*","Condition":{"StringEquals":{"kms:ViaService":"ec2.us-east-1.amazonaws.com"}}}}"#;
    let more = json!({ "UserName": "eva", "PolicyName": "key", "PolicyDocument": more });
    root.call("iam", "PutUserPolicy", more).ok();
    assert_eq!(eva.call("ebs", "GetSnapshotBlock", asked).ok(), Value::Null);
    let nobody = cloud.user(&root, "nobody", "");
    nobody
        .call("ebs", "ListSnapshotBlocks", json!({ "SnapshotId": id }))
        .refused(403, "AccessDeniedException");
}
