"""Volumes, snapshots and their bytes, by boto3 and the AWS CLI."""

import base64
import hashlib
import json
import time

import pytest
from cloudtest import refused

BLOCK = 512 << 10


def checksum(data):
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


def written(ebs, blocks, **more):
    """A completed snapshot with these blocks, by index."""
    id = ebs.start_snapshot(VolumeSize=1, **more)["SnapshotId"]
    for index, data in blocks.items():
        ebs.put_snapshot_block(
            SnapshotId=id,
            BlockIndex=index,
            BlockData=data,
            DataLength=BLOCK,
            Checksum=checksum(data),
            ChecksumAlgorithm="SHA256",
        )
    ebs.complete_snapshot(SnapshotId=id, ChangedBlocksCount=len(blocks))
    return id


def read(ebs, id):
    """All blocks of a snapshot, by index."""
    out = {}
    for block in ebs.list_snapshot_blocks(SnapshotId=id)["Blocks"]:
        index, token = block["BlockIndex"], block["BlockToken"]
        got = ebs.get_snapshot_block(SnapshotId=id, BlockIndex=index, BlockToken=token)
        out[index] = got["BlockData"].read()
        assert got["Checksum"] == checksum(out[index])
    return out


def random_blocks(*indexes):
    return {index: hashlib.shake_256(str(index).encode()).digest(BLOCK) for index in indexes}


def through_a_volume(ec2, snapshot, **more):
    """A snapshot of a volume of a snapshot."""
    volume = ec2.create_volume(AvailabilityZone="us-east-1a", SnapshotId=snapshot, **more)["VolumeId"]
    ec2.get_waiter("volume_available").wait(VolumeIds=[volume], WaiterConfig={"Delay": 1})
    taken = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    ec2.get_waiter("snapshot_completed").wait(SnapshotIds=[taken], WaiterConfig={"Delay": 1})
    return taken


def test_volumes_and_snapshots_by_waiters(account):
    ec2 = account.client("ec2")
    made = ec2.create_volume(AvailabilityZone="us-east-1b", Size=5, VolumeType="gp3")
    volume = made["VolumeId"]
    ec2.get_waiter("volume_available").wait(VolumeIds=[volume], WaiterConfig={"Delay": 1})
    snapshot = ec2.create_snapshot(VolumeId=volume, Description="mine")["SnapshotId"]
    ec2.get_waiter("snapshot_completed").wait(SnapshotIds=[snapshot], WaiterConfig={"Delay": 1})
    [shown] = ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]
    assert (shown["VolumeSize"], shown["Description"], shown["Encrypted"]) == (5, "mine", False)
    ec2.delete_volume(VolumeId=volume)
    ec2.get_waiter("volume_deleted").wait(VolumeIds=[volume], WaiterConfig={"Delay": 1})


def test_bytes_go_through_volumes_keys_and_regions(account):
    ec2, ebs = account.client("ec2"), account.client("ebs")
    blocks = random_blocks(0, 7, 2047)
    first = written(ebs, blocks)
    assert read(ebs, first) == blocks
    assert read(ebs, through_a_volume(ec2, first)) == blocks
    sealed = through_a_volume(ec2, first, Encrypted=True)
    assert read(ebs, sealed) == blocks
    there = account.client("ec2", region="eu-west-1")
    copy = there.copy_snapshot(SourceRegion="us-east-1", SourceSnapshotId=sealed)["SnapshotId"]
    there.get_waiter("snapshot_completed").wait(SnapshotIds=[copy], WaiterConfig={"Delay": 1})
    assert read(account.client("ebs", region="eu-west-1"), copy) == blocks
    child = written(ebs, random_blocks(8), ParentSnapshotId=first)
    changed = ebs.list_changed_blocks(FirstSnapshotId=first, SecondSnapshotId=child)["ChangedBlocks"]
    assert [block["BlockIndex"] for block in changed] == [8]
    assert sorted(read(ebs, child)) == [0, 7, 8, 2047]


def test_what_was_written_survives_a_kill(own_cloud, own_account):
    ec2, ebs = own_account.client("ec2"), own_account.client("ebs")
    blocks = random_blocks(*range(20))
    done = written(ebs, blocks, Encrypted=True)
    half = ebs.start_snapshot(VolumeSize=1)["SnapshotId"]
    data = blocks[3]
    put = {"DataLength": BLOCK, "Checksum": checksum(data), "ChecksumAlgorithm": "SHA256"}
    ebs.put_snapshot_block(SnapshotId=half, BlockIndex=3, BlockData=data, **put)
    # Under another key: its bytes are on their way when the cloud dies.
    key = own_account.client("kms").create_key()["KeyMetadata"]["Arn"]
    copy = {"SourceRegion": "us-east-1", "SourceSnapshotId": done}
    copied = ec2.copy_snapshot(Encrypted=True, KmsKeyId=key, **copy)["SnapshotId"]
    own_cloud.restart()
    ec2, ebs = own_account.client("ec2"), own_account.client("ebs")
    assert read(ebs, done) == blocks
    ebs.complete_snapshot(SnapshotId=half, ChangedBlocksCount=1)
    assert read(ebs, half) == {3: data}
    ec2.get_waiter("snapshot_completed").wait(SnapshotIds=[copied], WaiterConfig={"Delay": 1})
    assert read(ebs, copied) == blocks


def test_nothing_of_it_lies_readable_on_the_disk(own_cloud, own_account):
    ebs = own_account.client("ebs")
    word = b"this must not be readable on any disk. "
    data = (word * (BLOCK // len(word) + 1))[:BLOCK]
    assert read(ebs, written(ebs, {0: data}, Encrypted=True)) == {0: data}
    files = [path for path in own_cloud.data.rglob("*") if path.is_file()]
    assert files
    assert not any(word in path.read_bytes() for path in files)


def test_the_cli_speaks_of_volumes(account):
    made = account.aws("ec2", "create-volume", "--availability-zone", "us-east-1a", "--size", "2")
    shown = account.aws("ec2", "describe-volumes", "--volume-ids", made["VolumeId"])
    assert shown["Volumes"][0]["Size"] == 2


def test_limits_have_their_codes(account):
    words = (
        "The volume size is invalid for st1 volumes: 1 GiB. st1 volumes must be at least 125 GiB in size. "
        "Please specify a volume size above the minimum limit."
    )
    with refused("InvalidParameterValue", words):
        account.client("ec2").create_volume(AvailabilityZone="us-east-1a", Size=1, VolumeType="st1")


IMAGE = "ami-0a1f5c0de0b1a0001"
WAIT = {"Delay": 1, "MaxAttempts": 60}


@pytest.fixture
def disks(own_cloud):
    """For tests that plug volumes into machines: left out, visibly, where `virga doctor` says that it cannot be."""
    findings = json.loads(own_cloud.run("doctor", "--json", check=False).stdout)["findings"]
    for finding in findings:
        if finding["what"] in ("networks", "volumes") and not finding["good"]:
            pytest.skip(finding["detail"])


def launched(ec2, **more):
    made = ec2.run_instances(ImageId=IMAGE, InstanceType="t3.micro", MinCount=1, MaxCount=1, **more)
    instance = made["Instances"][0]["InstanceId"]
    ec2.get_waiter("instance_status_ok").wait(InstanceIds=[instance], WaiterConfig=WAIT)
    return instance


def attached(ec2, instance, volume, device="/dev/sdf"):
    ec2.attach_volume(VolumeId=volume, InstanceId=instance, Device=device)
    ec2.get_waiter("volume_in_use").wait(VolumeIds=[volume], WaiterConfig=WAIT)


def does(cloud, instance, script):
    """What a script in a machine says; it must succeed. Its disks are there a moment after the machine is."""
    wait = "for n in $(seq 100); do [ -e /dev/sdf ] && break; sleep 0.1; done; "
    for _ in range(100):
        done = cloud.run("exec", instance, "--", "/bin/sh", "-c", wait + script, check=False)
        # Just after a restart it is still booting.
        if "nothing can be run in it" not in done.stderr:
            break
        time.sleep(0.1)
    assert done.returncode == 0, (script, done.stdout, done.stderr)
    return done.stdout


def test_a_machine_writes_to_a_volume_that_survives_everything(disks, own_cloud):
    ec2 = own_cloud.client("ec2")
    instance = launched(ec2)
    zone = ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]["Placement"]
    zone = zone["AvailabilityZone"]
    volume = ec2.create_volume(AvailabilityZone=zone, Size=1, VolumeType="gp3", Encrypted=True)["VolumeId"]
    ec2.get_waiter("volume_available").wait(VolumeIds=[volume], WaiterConfig={"Delay": 1})
    attached(ec2, instance, volume)
    assert does(own_cloud, instance, "stat -L -c %s /dev/sdf /dev/xvdf /dev/nvme1n1") == f"{1 << 30}\n" * 3
    does(own_cloud, instance, "mkfs.ext4 -q -F /dev/sdf && debugfs -w -R 'write /etc/hostname kept' /dev/sdf")
    # A snapshot holds what was written before it, and nothing of what comes after.
    snapshot = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    does(own_cloud, instance, "printf after | dd of=/dev/sdf bs=1 seek=100000000 conv=notrunc,fsync 2>&1")
    own_cloud.restart(kill=True)
    ec2 = own_cloud.client("ec2")
    ec2.get_waiter("instance_status_ok").wait(InstanceIds=[instance], WaiterConfig=WAIT)
    name = does(own_cloud, instance, "cat /etc/hostname")
    assert does(own_cloud, instance, "debugfs -R 'cat kept' /dev/sdf 2>/dev/null") == name
    tail = "dd if=/dev/sdf bs=1 skip=100000000 count=5 2>/dev/null"
    assert does(own_cloud, instance, tail) == "after"
    ec2.stop_instances(InstanceIds=[instance])
    ec2.get_waiter("instance_stopped").wait(InstanceIds=[instance], WaiterConfig=WAIT)
    ec2.start_instances(InstanceIds=[instance])
    ec2.get_waiter("instance_status_ok").wait(InstanceIds=[instance], WaiterConfig=WAIT)
    assert does(own_cloud, instance, tail) == "after"
    assert does(own_cloud, instance, "e2fsck -fn /dev/sdf >/dev/null 2>&1; echo $?") == "0\n"
    # What the snapshot holds, in another machine.
    other = launched(
        ec2,
        Placement={"AvailabilityZone": zone},
        BlockDeviceMappings=[{"DeviceName": "/dev/sdf", "Ebs": {"SnapshotId": snapshot, "VolumeSize": 2}}],
    )
    assert does(own_cloud, other, "debugfs -R 'cat kept' /dev/sdf 2>/dev/null") == name
    assert does(own_cloud, other, tail) == "\0" * 5
    [found] = ec2.describe_instances(InstanceIds=[other])["Reservations"][0]["Instances"]
    [root, mapping] = found["BlockDeviceMappings"]
    assert (root["DeviceName"], root["Ebs"]["DeleteOnTermination"]) == ("/dev/xvda", True)
    assert (mapping["DeviceName"], mapping["Ebs"]["DeleteOnTermination"]) == ("/dev/sdf", True)
    # The end of a machine: its own volumes go with it, others stay.
    ec2.terminate_instances(InstanceIds=[instance, other])
    ec2.get_waiter("instance_terminated").wait(InstanceIds=[instance, other], WaiterConfig=WAIT)
    ec2.get_waiter("volume_deleted").wait(VolumeIds=[mapping["Ebs"]["VolumeId"]], WaiterConfig=WAIT)
    ec2.get_waiter("volume_available").wait(VolumeIds=[volume], WaiterConfig=WAIT)


def test_a_volume_is_pulled_out_when_nobody_has_it_open(disks, own_cloud):
    ec2 = own_cloud.client("ec2")
    instance = launched(ec2, Placement={"AvailabilityZone": "us-east-1a"})
    volume = ec2.create_volume(AvailabilityZone="us-east-1a", Size=1)["VolumeId"]
    ec2.get_waiter("volume_available").wait(VolumeIds=[volume], WaiterConfig={"Delay": 1})
    attached(ec2, instance, volume)
    does(own_cloud, instance, "(exec 3<>/dev/sdf; echo hello >&3; sleep 1000) >/dev/null 2>&1 &")
    ec2.detach_volume(VolumeId=volume)
    time.sleep(1)
    [shown] = ec2.describe_volumes(VolumeIds=[volume])["Volumes"]
    assert (shown["State"], shown["Attachments"][0]["State"]) == ("in-use", "detaching")
    ec2.detach_volume(VolumeId=volume, Force=True)
    ec2.get_waiter("volume_available").wait(VolumeIds=[volume], WaiterConfig={"Delay": 1})
    gone = "ls /dev/sdf /dev/nvme1n1 2>/dev/null; true"
    assert own_cloud.run("exec", instance, "--", "/bin/sh", "-c", gone).stdout == ""
    # What was written is there, and a disk grows with its volume while it is in use.
    attached(ec2, instance, volume, "/dev/xvdf")
    assert does(own_cloud, instance, "head -c 5 /dev/sdf; stat -L -c %s /dev/xvdf") == f"hello{1 << 30}\n"
    ec2.modify_volume(VolumeId=volume, Size=2)
    grown = f"for n in $(seq 50); do [ $(stat -L -c %s /dev/sdf) = {2 << 30} ] && echo yes && break; sleep 0.1; done"
    assert does(own_cloud, instance, grown) == "yes\n"
