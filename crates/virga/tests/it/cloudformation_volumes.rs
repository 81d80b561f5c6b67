//! Volumes and their attachments in stacks.

use crate::cloudformation_stacks::{ACCOUNT, created, describe, events, output, physical, settle};
use crate::harness::Cloud;
use serde_json::json;

fn template(size: u32, zone: &str, with_machine: bool) -> String {
    let machine = if with_machine {
        "
  Machine: { Type: 'AWS::EC2::Instance', Properties: { ImageId: ami-0a1f5c0de0b1a0001, InstanceType: t3.micro, AvailabilityZone: us-east-1a } }
  At: { Type: 'AWS::EC2::VolumeAttachment', Properties: { Device: /dev/sdf, InstanceId: !Ref Machine, VolumeId: !Ref Disk } }"
    } else {
        ""
    };
    format!(
        "
Resources:
  Disk: {{ Type: 'AWS::EC2::Volume', Properties: {{ AvailabilityZone: {zone}, Size: {size}, VolumeType: gp3, AutoEnableIO: true, Tags: [{{ Key: size, Value: '{size}' }}] }} }}{machine}
Outputs:
  Disk: {{ Value: !GetAtt Disk.VolumeId }}
"
    )
}

#[test]
fn a_volume_is_made_attached_grown_and_ended() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let stack = created(&cloud, &root, "v", &template(1, "us-east-1a", true));
    let disk = output(&stack, "Disk");
    assert_eq!(physical(&root, "v", "Disk"), disk);
    let shown =
        || root.call("ec2", "DescribeVolumes", json!({ "VolumeIds": [disk] })).ok()["volumeSet"][0].clone();
    assert_eq!(shown()["attachmentSet"][0]["instanceId"], physical(&root, "v", "Machine").as_str());
    let change = |template: String, outcome: &str| {
        let input = json!({ "StackName": "v", "TemplateBody": template });
        root.call("cloudformation", "UpdateStack", input).ok();
        assert_eq!(settle(&cloud, &root, "v"), outcome, "{:#?}", events(&root, "v"));
    };
    change(template(2, "us-east-1a", true), "UPDATE_COMPLETE");
    let tag = json!({ "key": "size", "value": "2" });
    assert!(shown()["size"] == "2" && shown()["tagSet"].as_array().unwrap().contains(&tag), "{}", shown());
    change(template(2, "us-east-1b", true), "UPDATE_ROLLBACK_COMPLETE");
    assert!(
        format!("{:?}", events(&root, "v"))
            .contains("Update to resource type AWS::EC2::Volume is not supported.")
    );
    change(template(2, "us-east-1a", false), "UPDATE_COMPLETE");
    assert_eq!(shown()["status"], "available");
    let id = describe(&root, "v")["StackId"].as_str().unwrap().to_owned();
    root.call("cloudformation", "DeleteStack", json!({ "StackName": "v" })).ok();
    assert_eq!(settle(&cloud, &root, &id), "DELETE_COMPLETE");
    root.call("ec2", "DescribeVolumes", json!({ "VolumeIds": [disk] }))
        .refused(400, "InvalidVolume.NotFound");
}

#[test]
fn what_was_on_a_volume_is_in_a_snapshot() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let text =
        template(1, "us-east-1a", false).replace("Properties:", "DeletionPolicy: Snapshot, Properties:");
    let stack = created(&cloud, &root, "v", &text);
    let disk = output(&stack, "Disk");
    let snapshots =
        || root.call("ec2", "DescribeSnapshots", json!({ "OwnerIds": ["self"] })).ok()["snapshotSet"].clone();
    assert_eq!(snapshots(), "");
    let id = stack["StackId"].as_str().unwrap();
    root.call("cloudformation", "DeleteStack", json!({ "StackName": "v" })).ok();
    assert_eq!(settle(&cloud, &root, id), "DELETE_COMPLETE", "{:#?}", events(&root, id));
    assert_eq!(snapshots()[0]["volumeId"], disk.as_str());
    root.call("ec2", "DescribeVolumes", json!({ "VolumeIds": [disk] }))
        .refused(400, "InvalidVolume.NotFound");
    // Of what has none, AWS refuses it.
    let queue = "Resources: { Q: { Type: 'AWS::SQS::Queue', DeletionPolicy: Snapshot } }";
    let asked = json!({ "StackName": "q", "TemplateBody": queue });
    let said = root.call("cloudformation", "CreateStack", asked).refused(400, "ValidationError");
    assert_eq!(said, "Template error: resource type of Q does not support deletion policy Snapshot");
}
