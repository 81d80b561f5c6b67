//! Glacier's jobs: how long they take, what they answer, whom they tell, and what policies keep them from.

use crate::glacier_archives::{MIB, archive, letters, tree_hash};
use crate::glacier_vaults::{ACCOUNT, DAY, header, on, vault};
use crate::harness::{Caller, Cloud, Reply};
use serde_json::{Value, json};
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);
const MINUTE: Duration = Duration::from_secs(60);

fn ask(caller: &Caller<'_>, parameters: Value) -> Reply {
    on(caller, "InitiateJob", "v", json!({ "jobParameters": parameters }))
}

/// Its id.
fn job(caller: &Caller<'_>, parameters: Value) -> String {
    let begun = ask(caller, parameters);
    assert_eq!(begun.status, 202, "{}", begun.value);
    let id = header(&begun, "x-amz-job-id");
    assert_eq!(header(&begun, "location"), format!("/{ACCOUNT}/vaults/v/jobs/{id}"));
    id
}

fn retrieve(id: &str) -> Value {
    json!({ "Type": "archive-retrieval", "ArchiveId": id })
}

fn describe(caller: &Caller<'_>, id: &str) -> Value {
    on(caller, "DescribeJob", "v", json!({ "jobId": id })).ok()
}

fn output(caller: &Caller<'_>, id: &str, range: Option<&str>) -> Reply {
    let mut more = json!({ "jobId": id });
    if let Some(range) = range {
        more["range"] = json!(range);
    }
    on(caller, "GetJobOutput", "v", more)
}

fn pass(cloud: &Cloud, time: Duration) {
    cloud.advance(time);
    cloud.reconcile();
}

#[test]
fn an_archive_comes_back_after_hours() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    vault(&root, "v");
    let text = letters(2 * MIB + 5);
    let archive = archive(&root, "v", &text, "my archive");
    let id = job(&root, json!({ "Type": "archive-retrieval", "ArchiveId": archive, "Description": "mine" }));
    let shown = describe(&root, &id);
    let expected = json!({
        "JobId": id, "JobDescription": "mine", "Action": "ArchiveRetrieval", "ArchiveId": archive,
        "VaultARN": format!("arn:aws:glacier:us-east-1:{ACCOUNT}:vaults/v"),
        "CreationDate": "2026-01-15T12:00:00.000Z", "Completed": false,
        "StatusCode": "InProgress", "StatusMessage": "Operation in progress.",
        "ArchiveSizeInBytes": text.len(), "ArchiveSHA256TreeHash": tree_hash(text.as_bytes()),
        "SHA256TreeHash": tree_hash(text.as_bytes()), "RetrievalByteRange": format!("0-{}", text.len() - 1),
        "Tier": "Standard",
    });
    assert_eq!(shown, expected);
    pass(&cloud, 5 * HOUR - MINUTE);
    let words = format!("The job is not currently available for download: {id}");
    output(&root, &id, None).refused_with(400, "InvalidParameterValueException", &words);
    pass(&cloud, MINUTE);
    let shown = describe(&root, &id);
    assert_eq!(
        (&shown["Completed"], &shown["StatusCode"], &shown["CompletionDate"]),
        (&json!(true), &json!("Succeeded"), &json!("2026-01-15T17:00:00.000Z"))
    );
    let got = output(&root, &id, None);
    assert_eq!(got.status, 200);
    assert_eq!(got.body, text.as_bytes());
    assert_eq!(header(&got, "x-amz-sha256-tree-hash"), tree_hash(text.as_bytes()));
    assert_eq!(header(&got, "content-type"), "application/octet-stream");
    assert_eq!(header(&got, "x-amz-archive-description"), "my archive");
    assert_eq!(header(&got, "accept-ranges"), "bytes");

    // A range has a hash where the tree has one.
    let got = output(&root, &id, Some("bytes=1048576-2097151"));
    assert_eq!(got.status, 206);
    assert_eq!(got.body, &text.as_bytes()[MIB..2 * MIB]);
    assert_eq!(header(&got, "content-range"), format!("bytes 1048576-2097151/{}", text.len()));
    assert_eq!(header(&got, "x-amz-sha256-tree-hash"), tree_hash(&text.as_bytes()[MIB..2 * MIB]));
    let got = output(&root, &id, Some("bytes=0-1023"));
    assert_eq!((got.status, &got.body[..]), (206, &text.as_bytes()[..1024]));
    assert!(!got.headers.contains_key("x-amz-sha256-tree-hash"));
    output(&root, &id, Some("bytes=9999999-")).refused_with(
        400,
        "InvalidParameterValueException",
        "Invalid range: bytes=9999999-",
    );

    // It is there for a day, whatever becomes of the archive.
    on(&root, "DeleteArchive", "v", json!({ "archiveId": archive })).ok();
    let words = format!("The archive ID was not found: {archive}");
    ask(&root, retrieve(&archive)).refused_with(404, "ResourceNotFoundException", &words);
    pass(&cloud, DAY - MINUTE);
    assert_eq!(output(&root, &id, None).body, text.as_bytes());
    pass(&cloud, MINUTE);
    let words = format!("The job ID was not found: {id}");
    output(&root, &id, None).refused_with(404, "ResourceNotFoundException", &words);
    on(&root, "DescribeJob", "v", json!({ "jobId": id })).refused(404, "ResourceNotFoundException");
    let store = cloud.cloud.store().snapshot();
    assert_eq!(blob::refs::CONTENTS.count(&store, &store::Key::empty()).unwrap(), 0);
}

#[test]
fn tiers_take_their_time() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    vault(&root, "v");
    let archive = archive(&root, "v", "text", "");
    let tiers = ["Expedited", "Standard", "Bulk"];
    let jobs = tiers
        .map(|tier| job(&root, json!({ "Type": "archive-retrieval", "ArchiveId": archive, "Tier": tier })));
    let done = || jobs.each_ref().map(|id| describe(&root, id)["Completed"] == true);
    assert_eq!(done(), [false, false, false]);
    pass(&cloud, 5 * MINUTE);
    assert_eq!(done(), [true, false, false]);
    pass(&cloud, 5 * HOUR);
    assert_eq!(done(), [true, true, false]);
    pass(&cloud, 7 * HOUR);
    assert_eq!(done(), [true, true, true]);
}

#[test]
fn ranges_of_archives() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    vault(&root, "v");
    let text = letters(6 * MIB + MIB / 2);
    let bytes = text.as_bytes();
    let archive = archive(&root, "v", &text, "");
    let ranged = |range: &str| json!({ "Type": "archive-retrieval", "ArchiveId": archive, "RetrievalByteRange": range, "Tier": "Expedited" });
    for range in ["0-100", "1-1048575", "0-99999999", "x", "1048576-0"] {
        ask(&root, ranged(range)).refused_with(
            400,
            "InvalidParameterValueException",
            &format!("Invalid retrieval byte range: {range}"),
        );
    }
    let even = job(&root, ranged("4194304-6291455"));
    let odd = job(&root, ranged("5242880-6815743"));
    pass(&cloud, 5 * MINUTE);
    let part = &bytes[4 * MIB..6 * MIB];
    assert_eq!(describe(&root, &even)["SHA256TreeHash"], tree_hash(part));
    let got = output(&root, &even, None);
    assert_eq!((header(&got, "x-amz-sha256-tree-hash"), &got.body[..]), (tree_hash(part), part));
    // The range of a download is within that of the job.
    let got = output(&root, &even, Some("bytes=1048576-2097151"));
    assert_eq!(header(&got, "content-range"), "bytes 1048576-2097151/2097152");
    assert_eq!(
        (header(&got, "x-amz-sha256-tree-hash"), &got.body[..]),
        (tree_hash(&part[MIB..]), &part[MIB..])
    );

    assert!(describe(&root, &odd).get("SHA256TreeHash").is_none());
    let got = output(&root, &odd, None);
    assert_eq!(&got.body[..], &bytes[5 * MIB..]);
    assert!(!got.headers.contains_key("x-amz-sha256-tree-hash"));
}

#[test]
fn what_a_job_cannot_be() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    vault(&root, "v");
    let id = archive(&root, "v", "text", "");
    on(&root, "InitiateJob", "v", json!({})).refused_with(
        400,
        "MissingParameterValueException",
        "Required parameter missing: Type",
    );
    let invalid = "InvalidParameterValueException";
    for (parameters, status, code) in [
        (json!({ "ArchiveId": id }), 400, "MissingParameterValueException"),
        (json!({ "Type": "archive-retrieval" }), 400, "MissingParameterValueException"),
        (json!({ "Type": "anything" }), 400, invalid),
        (json!({ "Type": "select", "ArchiveId": id }), 501, "NotImplemented"),
        (json!({ "Type": "archive-retrieval", "ArchiveId": "none" }), 404, "ResourceNotFoundException"),
        (json!({ "Type": "archive-retrieval", "ArchiveId": id, "Tier": "Fast" }), 400, invalid),
        (json!({ "Type": "archive-retrieval", "ArchiveId": id, "Format": "CSV" }), 400, invalid),
        (json!({ "Type": "archive-retrieval", "ArchiveId": id, "SNSTopic": "x" }), 400, invalid),
        (json!({ "Type": "archive-retrieval", "ArchiveId": id, "Description": "ä" }), 400, invalid),
        (json!({ "Type": "inventory-retrieval", "ArchiveId": id }), 400, invalid),
        (json!({ "Type": "inventory-retrieval", "Format": "XML" }), 400, invalid),
        // There was no inventory yet.
        (json!({ "Type": "inventory-retrieval" }), 404, "ResourceNotFoundException"),
    ] {
        ask(&root, parameters).refused(status, code);
    }
}

#[test]
fn jobs_are_listed_by_how_they_stand() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    vault(&root, "v");
    let archive = archive(&root, "v", "text", "");
    let fast = job(&root, json!({ "Type": "archive-retrieval", "ArchiveId": archive, "Tier": "Expedited" }));
    let slow = job(&root, retrieve(&archive));
    pass(&cloud, 5 * MINUTE);
    let list = |more: Value| on(&root, "ListJobs", "v", more);
    let ids = |more: Value| -> Vec<String> {
        let listed = list(more).ok();
        listed["JobList"]
            .as_array()
            .unwrap()
            .iter()
            .map(|j| j["JobId"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(ids(json!({})).len(), 2);
    for more in [json!({ "completed": "true" }), json!({ "statuscode": "Succeeded" })] {
        assert_eq!(ids(more), [fast.as_str()]);
    }
    for more in [json!({ "completed": "false" }), json!({ "statuscode": "InProgress" })] {
        assert_eq!(ids(more), [slow.as_str()]);
    }
    assert!(ids(json!({ "statuscode": "Failed" })).is_empty());
    let first = list(json!({ "limit": "1" })).ok();
    let rest = list(json!({ "limit": "1", "marker": first["Marker"] })).ok();
    assert_ne!(first["JobList"][0]["JobId"], rest["JobList"][0]["JobId"]);
    assert!(rest.get("Marker").is_none());
    list(json!({ "statuscode": "finished" })).refused_with(
        400,
        "InvalidParameterValueException",
        "The job status code is not valid: finished",
    );
    list(json!({ "completed": "maybe" })).refused(400, "InvalidParameterValueException");
    list(json!({ "limit": "51" })).refused(400, "InvalidParameterValueException");
}

#[test]
fn inventories_are_of_yesterday() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    vault(&root, "v");
    let first = archive(&root, "v", "one", "first, \"best\"");
    cloud.advance(MINUTE);
    let second = archive(&root, "v", "second", "");
    pass(&cloud, DAY);
    // What comes after it is not in it; and what is deleted is still.
    let third = archive(&root, "v", "third", "");
    on(&root, "DeleteArchive", "v", json!({ "archiveId": second })).ok();
    let begun = job(&root, json!({ "Type": "inventory-retrieval" }));
    let shown = describe(&root, &begun);
    assert_eq!(
        (&shown["Action"], &shown["InventoryRetrievalParameters"]),
        (&json!("InventoryRetrieval"), &json!({ "Format": "JSON" }))
    );
    assert!(shown.get("InventorySizeInBytes").is_none());
    pass(&cloud, 5 * HOUR);
    let got = output(&root, &begun, None);
    assert_eq!(header(&got, "content-type"), "application/json");
    assert!(!got.headers.contains_key("x-amz-sha256-tree-hash"));
    assert_eq!(describe(&root, &begun)["InventorySizeInBytes"], got.body.len());
    assert_eq!(output(&root, &begun, Some("bytes=3-9")).body, got.body[3..10]);
    let read = |reply: &Reply| -> Value { serde_json::from_slice(&reply.body).unwrap() };
    let inventory = read(&got);
    assert_eq!(inventory["VaultARN"], format!("arn:aws:glacier:us-east-1:{ACCOUNT}:vaults/v"));
    assert_eq!(inventory["InventoryDate"], "2026-01-16T12:01:00Z");
    let listed = |inventory: &Value| -> Vec<String> {
        let all = inventory["ArchiveList"].as_array().unwrap().iter();
        let mut ids: Vec<String> = all.map(|a| a["ArchiveId"].as_str().unwrap().to_owned()).collect();
        ids.sort();
        ids
    };
    let sorted = |ids: &[&String]| {
        let mut ids: Vec<String> = ids.iter().map(|id| (*id).clone()).collect();
        ids.sort();
        ids
    };
    assert_eq!(listed(&inventory), sorted(&[&first, &second]));
    let own = inventory["ArchiveList"].as_array().unwrap().iter().find(|a| a["ArchiveId"] == first).unwrap();
    let expected = json!({
        "ArchiveId": first, "ArchiveDescription": "first, \"best\"", "CreationDate": "2026-01-15T12:00:00.000Z",
        "Size": 3, "SHA256TreeHash": tree_hash(b"one"),
    });
    assert_eq!(*own, expected);

    // The next one has what is there.
    pass(&cloud, DAY);
    let parameters =
        |listing: Value| json!({ "Type": "inventory-retrieval", "InventoryRetrievalParameters": listing });
    let run = |parameters: Value| {
        let id = job(&root, parameters);
        pass(&cloud, 5 * HOUR);
        id
    };
    let all = run(json!({ "Type": "inventory-retrieval" }));
    assert_eq!(listed(&read(&output(&root, &all, None))), sorted(&[&first, &third]));

    let old = run(parameters(json!({ "EndDate": "2026-01-15T12:00:30Z" })));
    assert_eq!(listed(&read(&output(&root, &old, None))), [first.as_str()]);
    let new = run(parameters(json!({ "StartDate": "2026-01-15T12:00:30Z" })));
    assert_eq!(listed(&read(&output(&root, &new, None))), [third.as_str()]);

    // Page by page.
    let page = run(parameters(json!({ "Limit": "1" })));
    let one = listed(&read(&output(&root, &page, None)));
    let marker = describe(&root, &page)["InventoryRetrievalParameters"]["Marker"].clone();
    assert_eq!(describe(&root, &page)["InventoryRetrievalParameters"]["Limit"], "1");
    let page = run(parameters(json!({ "Limit": "1", "Marker": marker })));
    let two = listed(&read(&output(&root, &page, None)));
    assert_eq!(sorted(&[&one[0], &two[0]]), sorted(&[&first, &third]));
    assert!(describe(&root, &page)["InventoryRetrievalParameters"].get("Marker").is_none());
    for listing in [json!({ "Limit": "0" }), json!({ "Marker": "x" }), json!({ "StartDate": "soon" })] {
        ask(&root, parameters(listing)).refused(400, "InvalidParameterValueException");
    }

    let csv = run(json!({ "Type": "inventory-retrieval", "Format": "CSV" }));
    let got = output(&root, &csv, None);
    assert_eq!(header(&got, "content-type"), "text/csv");
    let text = String::from_utf8(got.body.to_vec()).unwrap();
    assert!(text.starts_with("ArchiveId,ArchiveDescription,CreationDate,Size,SHA256TreeHash\n"));
    let hash = tree_hash(b"one");
    let line = format!("{first},\"first, \\\"best\\\"\",2026-01-15T12:00:00.000Z,3,{hash}\n");
    assert!(text.contains(&line), "{text}");
}

/// A queue that hears what a topic is told, and that topic's ARN.
fn heard(root: &Caller<'_>, name: &str, policy: Option<Value>) -> String {
    let arn = format!("arn:aws:sqs:us-east-1:{ACCOUNT}:{name}");
    let send = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": { "Service": "sns.amazonaws.com" }, "Action": "sqs:SendMessage", "Resource": "*" }] });
    root.call(
        "sqs",
        "CreateQueue",
        json!({ "QueueName": name, "Attributes": { "Policy": send.to_string() } }),
    )
    .ok();
    let topic = root.call("sns", "CreateTopic", json!({ "Name": name })).ok()["TopicArn"].clone();
    if let Some(policy) = policy {
        let set =
            json!({ "TopicArn": topic, "AttributeName": "Policy", "AttributeValue": policy.to_string() });
        root.call("sns", "SetTopicAttributes", set).ok();
    }
    let subscribe = json!({ "TopicArn": topic, "Protocol": "sqs", "Endpoint": arn, "Attributes": { "RawMessageDelivery": "true" } });
    root.call("sns", "Subscribe", subscribe).ok();
    topic.as_str().unwrap().to_owned()
}

/// What a queue holds, taken from it.
fn messages(root: &Caller<'_>, queue: &str) -> Vec<Value> {
    let got =
        root.call("sqs", "ReceiveMessage", json!({ "QueueUrl": queue, "MaxNumberOfMessages": 10 })).ok();
    let all = got.get("Messages").and_then(|m| m.as_array().cloned()).unwrap_or_default();
    for message in &all {
        let taken = json!({ "QueueUrl": queue, "ReceiptHandle": message["ReceiptHandle"] });
        root.call("sqs", "DeleteMessage", taken).ok();
    }
    all.iter().map(|m| serde_json::from_str(m["Body"].as_str().unwrap()).unwrap()).collect()
}

#[test]
fn topics_are_told_if_they_let_the_vault() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    vault(&root, "v");
    let vault_arn = format!("arn:aws:glacier:us-east-1:{ACCOUNT}:vaults/v");
    let lets = |source: &str| {
        json!({ "Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": { "Service": "glacier.amazonaws.com" }, "Action": "sns:Publish", "Resource": "*",
            "Condition": { "ArnEquals": { "aws:SourceArn": source } } }] })
    };
    let of_vault = heard(&root, "of-vault", Some(lets(&vault_arn)));
    let of_job = heard(&root, "of-job", Some(lets(&vault_arn)));
    let closed = heard(&root, "closed", Some(lets("arn:aws:glacier:us-east-1:123456789012:vaults/another")));
    let configuration = json!({ "SNSTopic": of_vault, "Events": ["ArchiveRetrievalCompleted"] });
    on(&root, "SetVaultNotifications", "v", json!({ "vaultNotificationConfig": configuration })).ok();
    let archive = archive(&root, "v", "text", "");
    let expedited = |topic: &str| json!({ "Type": "archive-retrieval", "ArchiveId": archive, "Tier": "Expedited", "SNSTopic": topic });
    let id = job(&root, expedited(&of_job));
    cloud.reconcile();
    assert_eq!(messages(&root, "of-job"), Vec::<Value>::new());
    pass(&cloud, 5 * MINUTE);
    cloud.reconcile();
    let told = messages(&root, "of-job");
    assert_eq!(messages(&root, "of-vault"), told);
    // What DescribeJob says, with null for what it does not.
    let mut expected = describe(&root, &id);
    for absent in ["InventoryRetrievalParameters", "InventorySizeInBytes", "JobDescription"] {
        expected[absent] = Value::Null;
    }
    assert_eq!(told, [expected]);

    // Who does not let it in hears nothing, and the job ends all the same.
    let id = job(&root, expedited(&closed));
    pass(&cloud, 5 * MINUTE);
    cloud.reconcile();
    assert_eq!(describe(&root, &id)["StatusCode"], "Succeeded");
    assert_eq!(messages(&root, "closed"), Vec::<Value>::new());
    assert_eq!(messages(&root, "of-vault").len(), 1);
    // An inventory is not what the vault was to tell of.
    pass(&cloud, DAY);
    job(&root, json!({ "Type": "inventory-retrieval", "SNSTopic": of_job }));
    pass(&cloud, 5 * HOUR);
    cloud.reconcile();
    assert_eq!(messages(&root, "of-job")[0]["Action"], "InventoryRetrieval");
    assert_eq!(messages(&root, "of-vault"), Vec::<Value>::new());
}

#[test]
fn data_retrieval_policies_limit_standard_retrievals() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    vault(&root, "v");
    let archive = archive(&root, "v", &"x".repeat(500), "");
    let limit = |rule: Value| {
        let policy = json!({ "accountId": "-", "Policy": { "Rules": [rule] } });
        root.call("glacier", "SetDataRetrievalPolicy", policy).ok();
    };
    // Five hundred bytes in five hours.
    limit(json!({ "Strategy": "BytesPerHour", "BytesPerHour": 150 }));
    job(&root, retrieve(&archive));
    ask(&root, retrieve(&archive)).refused_with(
        400,
        "PolicyEnforcedException",
        "InitiateJob request denied by current data retrieval policy.",
    );
    for tier in ["Expedited", "Bulk"] {
        job(&root, json!({ "Type": "archive-retrieval", "ArchiveId": archive, "Tier": tier }));
    }
    // Another region has another policy.
    let there = root.in_region("eu-west-1");
    vault(&there, "v");
    let other = crate::glacier_archives::archive(&there, "v", &"x".repeat(5000), "");
    job(&there, retrieve(&other));
    limit(json!({ "Strategy": "None" }));
    job(&root, retrieve(&archive));
    limit(json!({ "Strategy": "BytesPerHour", "BytesPerHour": 150 }));
    ask(&root, retrieve(&archive)).refused(400, "PolicyEnforcedException");
    // Once they are over there is room again.
    pass(&cloud, 5 * HOUR);
    job(&root, retrieve(&archive));
    limit(json!({ "Strategy": "FreeTier" }));
    job(&root, retrieve(&archive));
}

#[test]
fn an_archives_age_is_a_condition() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    vault(&root, "v");
    let archive = archive(&root, "v", "text", "");
    let statement = json!({ "Effect": "Deny", "Principal": "*", "Action": "glacier:DeleteArchive",
        "Resource": format!("arn:aws:glacier:us-east-1:{ACCOUNT}:vaults/v"),
        "Condition": { "NumericLessThan": { "glacier:ArchiveAgeInDays": "365" } } });
    let policy = json!({ "Version": "2012-10-17", "Statement": [statement] });
    let lock = on(&root, "InitiateVaultLock", "v", json!({ "policy": { "Policy": policy.to_string() } }));
    on(&root, "CompleteVaultLock", "v", json!({ "lockId": header(&lock, "x-amz-lock-id") })).ok();
    let delete = || on(&root, "DeleteArchive", "v", json!({ "archiveId": archive }));
    delete().refused(403, "AccessDeniedException");
    cloud.advance(DAY * 364);
    delete().refused(403, "AccessDeniedException");
    cloud.advance(DAY);
    assert_eq!(delete().status, 204);
}
