//! Volumes: what is made, shown, changed and refused, and who may.

use crate::harness::{Caller, Cloud};
use crate::vpc_networks::{ec2, filter, items, text};
use serde_json::{Value, json};
use std::time::Duration;

const ACCOUNT: &str = "123456789012";

/// A new volume that is available.
pub(crate) fn volume(cloud: &Cloud, caller: &Caller<'_>, more: Value) -> String {
    let mut asked = json!({ "AvailabilityZone": "us-east-1a" });
    asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let made = ec2(caller, "CreateVolume", asked);
    assert_eq!(made["status"], "creating", "{made}");
    cloud.reconcile();
    text(&made["volumeId"])
}

pub(crate) fn shown(caller: &Caller<'_>, id: &str) -> Value {
    ec2(caller, "DescribeVolumes", json!({ "VolumeIds": [id] }))["volumeSet"][0].clone()
}

#[test]
fn a_volume_is_what_was_asked_for() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let tags = json!([{ "ResourceType": "volume", "Tags": [{ "Key": "Name", "Value": "data" }] }]);
    cloud.advance(Duration::from_millis(250));
    let asked = json!({ "Size": 10, "VolumeType": "gp3", "TagSpecifications": tags, "ClientToken": "once" });
    let id = volume(&cloud, &root, asked.clone());
    let there = shown(&root, &id);
    assert_eq!(there["status"], "available");
    assert_eq!((&there["size"], &there["iops"]), (&json!("10"), &json!("3000")));
    assert_eq!((&there["throughput"], &there["encrypted"]), (&json!("125"), &json!("false")));
    assert_eq!(there["availabilityZoneId"], "use1-az1");
    assert_eq!(there["tagSet"], json!([{ "key": "Name", "value": "data" }]));
    let nobody = json!({ "managed": "false", "hiddenByDefault": "false" });
    assert_eq!((&there["ownerId"], &there["operator"]), (&json!(ACCOUNT), &nobody));
    assert_eq!(there["volumeArn"], format!("arn:aws:ec2:us-east-1:{ACCOUNT}:volume/{id}"));
    assert!(text(&there["createTime"]).ends_with(".250Z"), "{there}");
    // The same token makes nothing new; with other parameters it is refused.
    let mut again = asked;
    again["AvailabilityZone"] = json!("us-east-1a");
    let made = ec2(&root, "CreateVolume", again.clone());
    assert_eq!(made["volumeId"], id.as_str());
    assert!(text(&made["createTime"]).ends_with(".000Z"), "{made}");
    // Who makes it is not told of what describes it.
    for name in ["attachmentSet", "ownerId", "volumeArn", "operator"] {
        assert!(made[name].is_null() && !there[name].is_null(), "{name}: {made} {there}");
    }
    again["Size"] = json!(11);
    root.call("ec2", "CreateVolume", again).refused(400, "IdempotentParameterMismatch");
    let other = volume(&cloud, &root, json!({ "Size": 4, "VolumeType": "io1", "Iops": 100 }));
    let find = |name: &str, value: &str| {
        let found = ec2(&root, "DescribeVolumes", json!({ "Filters": filter(name, value) }));
        items(&found["volumeSet"]).iter().map(|v| text(&v["volumeId"])).collect::<Vec<_>>()
    };
    for (name, value, expected) in [
        ("size", "10", vec![id.clone()]),
        ("volume-type", "io1", vec![other.clone()]),
        ("tag:Name", "data", vec![id.clone()]),
        ("status", "in-use", vec![]),
        ("availability-zone", "us-east-1b", vec![]),
        ("encrypted", "true", vec![]),
    ] {
        assert_eq!(find(name, value), expected, "{name}");
    }
    for _ in 0..5 {
        volume(&cloud, &root, json!({ "Size": 1 }));
    }
    let page = ec2(&root, "DescribeVolumes", json!({ "MaxResults": 5 }));
    let rest = ec2(&root, "DescribeVolumes", json!({ "MaxResults": 5, "NextToken": page["nextToken"] }));
    assert_ne!(page["volumeSet"][0]["volumeId"], rest["volumeSet"][0]["volumeId"]);
    // Recorded: each list has words of its own for pages that cannot be.
    let (few, none) = ("Expecting a value greater than 5.", "The token is Invalid.");
    for (operation, name, token) in [
        ("DescribeVolumes", "maxResults", "Unable to parse pagination token".to_owned()),
        ("DescribeVolumeStatus", "maxResults", "Unable to parse pagination token".to_owned()),
        (
            "DescribeVolumesModifications",
            "MaxResults",
            format!("Value ( x ) for parameter NextToken is invalid. {none}"),
        ),
    ] {
        let small = format!("Value ( 4 ) for parameter {name} is invalid. {few}");
        for (more, message) in [(json!({ "MaxResults": 4 }), small), (json!({ "NextToken": "x" }), token)] {
            root.call("ec2", operation, more).refused_with(400, "InvalidParameterValue", &message);
        }
    }
    let status = ec2(&root, "DescribeVolumeStatus", json!({ "VolumeIds": [id] }));
    assert_eq!(status["volumeStatusSet"][0]["volumeStatus"]["status"], "ok", "{status}");
    assert_eq!(status["volumeStatusSet"][0]["operator"], nobody);
    ec2(&root, "DeleteVolume", json!({ "VolumeId": id }));
    root.call("ec2", "DescribeVolumes", json!({ "VolumeIds": [id] })).refused_with(
        400,
        "InvalidVolume.NotFound",
        &format!("The volume '{id}' does not exist."),
    );
    assert!(
        items(&ec2(&root, "DescribeTags", json!({ "Filters": filter("resource-id", &id) }))["tagSet"])
            .is_empty()
    );
}

#[test]
fn what_is_wrong_is_refused() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let refused = |parameters: Value| root.call("ec2", "CreateVolume", parameters).error();
    let zone = "us-east-1a";
    let tagged = |key: &str| json!([{ "ResourceType": "volume", "Tags": [{ "Key": key, "Value": "x" }] }]);
    for (parameters, code, message) in [
        (json!({ "Size": 1 }), "MissingParameter", "The request must contain the parameter zone"),
        (
            json!({ "Size": 1, "AvailabilityZone": "" }),
            "MissingParameter",
            "The request must contain the parameter zone",
        ),
        (
            json!({ "Size": 1, "AvailabilityZone": zone, "AvailabilityZoneId": "use1-az1" }),
            "InvalidParameterCombination",
            "AvailabilityZone and AvailabilityZoneId can't be used together. Specify only one of these parameters.",
        ),
        (
            json!({ "AvailabilityZone": zone }),
            "MissingParameter",
            "The request must contain the parameter size/snapshot",
        ),
        (
            json!({ "AvailabilityZone": "eu-central-1a" }),
            "MissingParameter",
            "The request must contain the parameter size/snapshot",
        ),
        (
            json!({ "AvailabilityZone": "us-east-1z", "Size": 1 }),
            "InvalidZone.NotFound",
            "The zone 'us-east-1z' does not exist.",
        ),
        (
            json!({ "AvailabilityZone": zone, "Size": 0 }),
            "InvalidParameterValue",
            "The volume size is invalid for gp2 volumes: 0 GiB. gp2 volumes must be at least 1 GiB in size. Please specify a volume size above the minimum limit.",
        ),
        (
            json!({ "AvailabilityZone": zone, "Size": -1 }),
            "InvalidParameterValue",
            "Value (-1) for parameter size is invalid. Value must be a positive integer.",
        ),
        (
            json!({ "AvailabilityZone": zone, "Size": 65_537, "VolumeType": "gp3" }),
            "InvalidParameterValue",
            "Volume of 65537GiB is too large for volume type gp3; maximum is 65536GiB",
        ),
        (
            json!({ "AvailabilityZone": zone, "Size": 1, "VolumeType": "gp3", "Iops": 2999 }),
            "InvalidParameterValue",
            "Iops to volume size ratio of 2999.000000 is too high; maximum is 500",
        ),
        (
            json!({ "AvailabilityZone": zone, "Size": 1, "VolumeType": "gp3", "Iops": 80_001 }),
            "InvalidParameterValue",
            "Volume iops of 80001 is too high; maximum is 80000.",
        ),
        (
            json!({ "AvailabilityZone": zone, "Size": 1, "VolumeType": "standard", "Throughput": 125 }),
            "InvalidParameterCombination",
            "The throughput parameter is not supported for standard volumes.",
        ),
        (
            json!({ "AvailabilityZone": zone, "Size": 1, "VolumeType": "io2" }),
            "InvalidParameterCombination",
            "The parameter iops must be specified for io2 volumes.",
        ),
        (
            json!({ "AvailabilityZone": zone, "Size": 1, "VolumeInitializationRate": 100 }),
            "InvalidParameterCombination",
            "You can't specify VolumeInitializationRate for volumes that are not created from a snapshot.",
        ),
        (
            json!({ "AvailabilityZone": zone, "Size": 1, "TagSpecifications": tagged("aws:x") }),
            "InvalidParameterValue",
            "Tag keys starting with 'aws:' are reserved for internal use",
        ),
        (
            json!({ "AvailabilityZone": zone, "Size": 1, "TagSpecifications": tagged("") }),
            "InvalidParameterValue",
            "Tag key must have a value",
        ),
    ] {
        let expected = (code.to_owned(), message.to_owned());
        assert_eq!(refused(parameters.clone()), expected, "{parameters}");
        // Who only asks whether it would be allowed is told the same.
        let mut dry = parameters;
        dry["DryRun"] = json!(true);
        assert_eq!(refused(dry.clone()), expected, "{dry}");
    }
    let long = json!({ "AvailabilityZone": zone, "Size": 1, "ClientToken": "x".repeat(65) });
    for (parameters, code, message) in [
        (long, "InvalidParameterValue", "Client token must be less than or equal to 64 characters."),
        (
            json!({ "AvailabilityZone": zone, "SnapshotId": "snap-00000000000000000" }),
            "InvalidSnapshot.NotFound",
            "Snapshot does not exist",
        ),
        (
            json!({ "AvailabilityZone": zone, "Size": 1, "KmsKeyId": "alias/aws/ebs" }),
            "InvalidParameterDependency",
            "The parameter KmsKeyId requires the parameter Encrypted to be set.",
        ),
        (
            json!({ "AvailabilityZone": zone, "Size": 1, "DryRun": true }),
            "DryRunOperation",
            "Request would have succeeded, but DryRun flag is set.",
        ),
    ] {
        assert_eq!(refused(parameters.clone()), (code.to_owned(), message.to_owned()), "{parameters}");
    }
    let multi = json!({ "AvailabilityZone": zone, "Size": 10, "VolumeType": "io1", "Iops": 100, "MultiAttachEnabled": true });
    assert_eq!(refused(multi).0, "Unsupported");
    assert!(items(&ec2(&root, "DescribeVolumes", json!({}))["volumeSet"]).is_empty());
    for id in ["", "vol-1", "vol-00000000000000000"] {
        let what = format!("The volume ID '{id}' is malformed");
        for dry in [false, true] {
            root.call("ec2", "DeleteVolume", json!({ "VolumeId": id, "DryRun": dry })).refused_with(
                400,
                "InvalidParameterValue",
                &what,
            );
        }
    }
    let described = |id: &str| root.call("ec2", "DescribeVolumes", json!({ "VolumeIds": [id] })).error();
    for id in ["bad", "vol-00000000000000000"] {
        let what = format!("Value ({id}) for parameter volumes is invalid. Expected: 'vol-...'.");
        assert_eq!(described(id), ("InvalidParameterValue".to_owned(), what));
    }
    let what = "The request must contain the parameter volumes";
    assert_eq!(described(""), ("MissingParameter".to_owned(), what.to_owned()));
    assert_eq!(described("vol-00000000000000001").0, "InvalidVolume.NotFound");
}

#[test]
fn a_volume_that_asks_for_less_than_its_type_gives_gets_that() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let less = json!({ "Size": 1, "VolumeType": "gp3", "Iops": 500, "Throughput": 124 });
    let there = shown(&root, &volume(&cloud, &root, less));
    assert_eq!((&there["iops"], &there["throughput"]), (&json!("3000"), &json!("125")));
}

#[test]
fn a_volume_grows_and_is_changed_four_times_a_day() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let id = volume(&cloud, &root, json!({ "Size": 10 }));
    let change = json!({ "VolumeId": id, "Size": 20, "VolumeType": "gp3", "Iops": 4000 });
    let done = ec2(&root, "ModifyVolume", change)["volumeModification"].clone();
    assert_eq!((&done["originalSize"], &done["targetSize"]), (&json!("10"), &json!("20")));
    assert_eq!((&done["originalVolumeType"], &done["targetIops"]), (&json!("gp2"), &json!("4000")));
    assert_eq!(done["modificationState"], "modifying");
    let all = ec2(&root, "DescribeVolumesModifications", json!({ "VolumeIds": [id] }));
    assert_eq!(all["volumeModificationSet"][0]["modificationState"], "completed", "{all}");
    let told = &all["volumeModificationSet"][0];
    assert_eq!(told["operator"], json!({ "managed": "false", "hiddenByDefault": "false" }));
    assert_eq!((&told["startTime"], &done["operator"]), (&json!("2026-01-15T12:00:00.000Z"), &Value::Null));
    for (name, found) in [("target-multi-attach-enabled", 1), ("original-multi-attach-enabled", 1)] {
        let asked = json!({ "Filters": filter(name, "false") });
        let all = ec2(&root, "DescribeVolumesModifications", asked);
        assert_eq!(items(&all["volumeModificationSet"]).len(), found, "{name}");
    }
    root.call("ec2", "ModifyVolume", json!({ "VolumeId": id, "Size": 10 })).refused_with(
        400,
        "InvalidParameterValue",
        "New size cannot be smaller than existing size",
    );
    let done = ec2(&root, "ModifyVolume", json!({ "VolumeId": id, "Size": 30 }));
    assert_eq!(done["volumeModification"]["targetIops"], "4000");
    assert_eq!(shown(&root, &id)["size"], "30");
    // Recorded: four changes in 24 hours, also those that change nothing.
    for _ in 0..2 {
        cloud.advance(Duration::from_secs(60));
        ec2(&root, "ModifyVolume", json!({ "VolumeId": id, "Size": 30 }));
    }
    let next = json!({ "VolumeId": id, "Size": 31 });
    root.call("ec2", "ModifyVolume", next.clone()).refused_with(
        400,
        "VolumeModificationRateExceeded",
        "You've reached the maximum modification rate per volume limit. Wait until 2026-01-16T12:00:00.000Z before you can issue the next modification request for this volume.",
    );
    cloud.advance(Duration::from_secs(24 * 3600 - 120));
    ec2(&root, "ModifyVolume", next);
}

#[test]
fn attributes_are_kept() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let id = volume(&cloud, &root, json!({ "Size": 1 }));
    ec2(&root, "ModifyVolumeAttribute", json!({ "VolumeId": id, "AutoEnableIO": { "Value": true } }));
    let asked = json!({ "VolumeId": id, "Attribute": "autoEnableIO" });
    assert_eq!(ec2(&root, "DescribeVolumeAttribute", asked)["autoEnableIO"]["value"], "true");
    root.call("ec2", "EnableVolumeIO", json!({ "VolumeId": id })).refused_with(
        400,
        "IncorrectState",
        &format!("Volume {id} already has IO enabled."),
    );
}

/// A KMS key whose policy leaves everything to the account.
pub(crate) fn key(root: &Caller<'_>) -> String {
    text(&root.call("kms", "CreateKey", json!({})).ok()["KeyMetadata"]["Arn"])
}

#[test]
fn encryption_uses_the_key_that_is_named_or_the_default() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let own = key(&root);
    let id = volume(&cloud, &root, json!({ "Size": 1, "Encrypted": true, "KmsKeyId": own }));
    assert_eq!(shown(&root, &id)["kmsKeyId"], own.as_str());
    let zone = "us-east-1a";
    let asked =
        |key: &str| json!({ "AvailabilityZone": zone, "Size": 1, "Encrypted": true, "KmsKeyId": key });
    let nobody = asked("1234abcd-12ab-34cd-56ef-1234567890ab");
    root.call("ec2", "CreateVolume", nobody).refused(400, "InvalidParameterValue");
    root.call("kms", "DisableKey", json!({ "KeyId": own })).ok();
    root.call("ec2", "CreateVolume", asked(&own)).refused(400, "InvalidKmsKey.InvalidState");
    root.call("kms", "EnableKey", json!({ "KeyId": own })).ok();
    // By default.
    assert_eq!(ec2(&root, "GetEbsDefaultKmsKeyId", json!({}))["kmsKeyId"], "alias/aws/ebs");
    assert_eq!(ec2(&root, "EnableEbsEncryptionByDefault", json!({}))["ebsEncryptionByDefault"], "true");
    let id = volume(&cloud, &root, json!({ "Size": 1 }));
    let managed = text(&shown(&root, &id)["kmsKeyId"]);
    let described = root.call("kms", "DescribeKey", json!({ "KeyId": "alias/aws/ebs" })).ok();
    assert_eq!(described["KeyMetadata"]["Arn"], managed.as_str());
    assert_eq!(ec2(&root, "ModifyEbsDefaultKmsKeyId", json!({ "KmsKeyId": own }))["kmsKeyId"], own.as_str());
    let id = volume(&cloud, &root, json!({ "Size": 1 }));
    assert_eq!(shown(&root, &id)["kmsKeyId"], own.as_str());
    let reset = ec2(&root, "ResetEbsDefaultKmsKeyId", json!({}));
    assert_eq!(reset["kmsKeyId"], "arn:aws:kms:us-east-1:123456789012:alias/aws/ebs");
    assert_eq!(ec2(&root, "DisableEbsEncryptionByDefault", json!({}))["ebsEncryptionByDefault"], "false");
    // In another region nothing of this holds.
    let there = root.in_region("eu-west-1");
    let flag = ec2(&there, "GetEbsEncryptionByDefault", json!({}));
    assert_eq!((&flag["ebsEncryptionByDefault"], &flag["sseType"]), (&json!("false"), &Value::Null));
}

#[test]
fn policies_ask_about_volumes_and_kms_asks_about_callers() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let own = key(&root);
    let small = r#"{"Version":"2012-10-17","Statement":[
        {"Effect":"Allow","Action":"ec2:CreateVolume","Resource":"arn:aws:ec2:us-east-1:123456789012:volume/*",
         "Condition":{"NumericLessThanEquals":{"ec2:VolumeSize":"10"},"StringEquals":{"ec2:VolumeType":"gp3"}}},
        {"Effect":"Allow","Action":"ec2:DeleteVolume","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/team":"blue"}}}]}"#;
    let eva = cloud.user(&root, "eva", small);
    let asked =
        |size: i64, kind: &str| json!({ "AvailabilityZone": "us-east-1a", "Size": size, "VolumeType": kind });
    let id = text(&ec2(&eva, "CreateVolume", asked(10, "gp3"))["volumeId"]);
    eva.call("ec2", "CreateVolume", asked(11, "gp3")).refused(403, "UnauthorizedOperation");
    eva.call("ec2", "CreateVolume", asked(10, "gp2")).refused(403, "UnauthorizedOperation");
    eva.call("ec2", "DeleteVolume", json!({ "VolumeId": id })).refused(403, "UnauthorizedOperation");
    ec2(&root, "CreateTags", json!({ "Resources": [id], "Tags": [{ "Key": "team", "Value": "blue" }] }));
    ec2(&eva, "DeleteVolume", json!({ "VolumeId": id }));
    // Whoever may not use the key makes no volume under it.
    let mut sealed = asked(10, "gp3");
    (sealed["Encrypted"], sealed["KmsKeyId"]) = (json!(true), json!(own));
    let why = eva.call("ec2", "CreateVolume", sealed).refused(403, "UnauthorizedOperation");
    assert!(why.contains("kms:DescribeKey"), "{why}");
}
