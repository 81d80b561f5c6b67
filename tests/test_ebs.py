"""Volumes, snapshots and their bytes, by boto3 and the AWS CLI."""

import base64
import hashlib

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
    copied = ec2.copy_snapshot(
        SourceRegion="us-east-1", SourceSnapshotId=done, Encrypted=True, KmsKeyId=key
    )["SnapshotId"]
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
    assert files and not any(word in path.read_bytes() for path in files)


def test_the_cli_speaks_of_volumes(account):
    made = account.aws("ec2", "create-volume", "--availability-zone", "us-east-1a", "--size", "2")
    shown = account.aws("ec2", "describe-volumes", "--volume-ids", made["VolumeId"])
    assert shown["Volumes"][0]["Size"] == 2


def test_limits_have_their_codes(account):
    with refused("InvalidParameterValue", "Volume of 1GiB is too small; minimum is 125GiB."):
        account.client("ec2").create_volume(AvailabilityZone="us-east-1a", Size=1, VolumeType="st1")
