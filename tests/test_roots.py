"""Roots of machines as volumes: snapshots of them, restored as images, and roots that go to another machine."""

import struct
import time

from cloudtest import eventually, refused
from test_ebs import disks  # noqa: F401
from test_ec2 import IMAGE, WAIT
from test_images import end, said, start, traces

ZONE = {"AvailabilityZone": "us-east-1a"}


def root_of(ec2, instance):
    [volume] = ec2.describe_volumes(
        Filters=[
            {"Name": "attachment.instance-id", "Values": [instance]},
            {"Name": "attachment.device", "Values": ["/dev/xvda"]},
        ]
    )["Volumes"]
    return volume


def stop(ec2, *instances):
    ec2.stop_instances(InstanceIds=list(instances))
    ec2.get_waiter("instance_stopped").wait(InstanceIds=list(instances), WaiterConfig=WAIT)


def run(ec2, instance):
    ec2.start_instances(InstanceIds=[instance])
    ec2.get_waiter("instance_running").wait(InstanceIds=[instance], WaiterConfig=WAIT)


def freed(ec2, volume):
    ec2.get_waiter("volume_available").wait(VolumeIds=[volume], WaiterConfig=WAIT)


def attach_root(ec2, volume, instance):
    ec2.attach_volume(VolumeId=volume, InstanceId=instance, Device="/dev/xvda")
    eventually(lambda: root_of(ec2, instance)["Attachments"][0]["State"] == "attached")


def test_a_snapshot_of_a_root_becomes_machines(machines, own_cloud):
    """Taken of one that runs; kept over kill -9, and after its machine is gone."""
    ec2 = own_cloud.client("ec2")
    first = start(ec2, BlockDeviceMappings=[{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 9}}])
    said(own_cloud, first, "echo kept > /srv/kept; rm /etc/shells")
    volume = root_of(ec2, first)
    assert (volume["Size"], volume["VolumeType"], volume["Encrypted"]) == (9, "gp3", False)
    snapshot = ec2.create_snapshot(VolumeId=volume["VolumeId"])["SnapshotId"]
    # It is of what was there, also where its machine ends at once.
    ec2.terminate_instances(InstanceIds=[first])
    ec2.get_waiter("snapshot_completed").wait(SnapshotIds=[snapshot], WaiterConfig={"Delay": 1})
    end(ec2, first)
    eventually(lambda: not (own_cloud.data / "machines" / first).exists())
    own_cloud.restart(kill=True)
    ec2 = own_cloud.client("ec2")
    ec2.get_waiter("volume_deleted").wait(VolumeIds=[volume["VolumeId"]], WaiterConfig=WAIT)
    architecture = ec2.describe_images(ImageIds=[IMAGE])["Images"][0]["Architecture"]
    image = ec2.register_image(
        Name="restored",
        Architecture=architecture,
        VirtualizationType="hvm",
        RootDeviceName="/dev/xvda",
        BlockDeviceMappings=[{"DeviceName": "/dev/xvda", "Ebs": {"SnapshotId": snapshot}}],
    )["ImageId"]
    ec2.get_waiter("image_available").wait(ImageIds=[image], WaiterConfig=WAIT)
    second = start(ec2, image, UserData="#!/bin/sh\necho told > /srv/told\n")
    assert said(own_cloud, second, "cat /srv/kept; [ -e /etc/shells ] || echo gone") == "kept\ngone\n"
    # It is another machine, and so its user data counts.
    assert said(own_cloud, second, "cat /srv/told") == "told\n"
    assert root_of(ec2, second)["SnapshotId"] == snapshot
    end(ec2, second)
    ec2.deregister_image(ImageId=image, DeleteAssociatedSnapshots=True)
    assert ec2.describe_volumes()["Volumes"] == []
    eventually(lambda: traces(own_cloud) == (False, []))


def test_a_root_goes_from_one_machine_to_another(machines, own_cloud):
    ec2 = own_cloud.client("ec2")
    told = "#!/bin/sh\necho booted >> /srv/booted\n"
    first = start(ec2, Placement=ZONE, UserData=told)
    said(own_cloud, first, "test -s /srv/booted && echo of the first > /srv/kept")
    second = start(ec2, Placement=ZONE)
    said(own_cloud, second, "echo of the second > /srv/kept")
    own, other = (root_of(ec2, instance)["VolumeId"] for instance in (first, second))
    with refused("OperationNotPermitted"):
        ec2.detach_volume(VolumeId=own)
    stop(ec2, first, second)
    for volume in (own, other):
        ec2.detach_volume(VolumeId=volume)
        freed(ec2, volume)
    with refused("InvalidParameterValue"):
        ec2.start_instances(InstanceIds=[first])
    own_cloud.restart(kill=True)
    ec2 = own_cloud.client("ec2")

    # To its own machine again it is the same root: nothing of the first boot happens again.
    attach_root(ec2, own, first)
    run(ec2, first)
    assert said(own_cloud, first, "cat /srv/kept /srv/booted") == "of the first\nbooted\n"
    stop(ec2, first)
    ec2.detach_volume(VolumeId=own)
    freed(ec2, own)

    # To another it is that one's root.
    attach_root(ec2, own, second)
    run(ec2, second)
    assert said(own_cloud, second, "cat /srv/kept; hostname") == said(own_cloud, second, "cat /srv/kept /etc/hostname")
    said(own_cloud, second, "echo changed > /srv/kept")
    own_cloud.restart(kill=True)
    ec2 = own_cloud.client("ec2")
    assert said(own_cloud, second, "cat /srv/kept") == "changed\n"

    # At the end it is kept where that was asked for, with all that was written last.
    said(own_cloud, second, "echo last > /srv/kept")
    ec2.modify_instance_attribute(
        InstanceId=second, BlockDeviceMappings=[{"DeviceName": "/dev/xvda", "Ebs": {"DeleteOnTermination": False}}]
    )
    end(ec2, second)
    freed(ec2, own)
    attach_root(ec2, own, first)
    run(ec2, first)
    assert said(own_cloud, first, "cat /srv/kept") == "last\n"
    end(ec2, first)


def test_a_root_without_a_machine_is_an_archive(machines, disks, own_cloud):  # noqa: F811
    """It is a disk for others, and what they pack into it is what its machine boots from."""
    ec2 = own_cloud.client("ec2")
    first, other = start(ec2, Placement=ZONE), start(ec2, Placement=ZONE)
    said(own_cloud, first, "mkdir /srv/own && echo broken > /srv/own/settings")
    volume = root_of(ec2, first)["VolumeId"]
    stop(ec2, first)
    ec2.detach_volume(VolumeId=volume)
    freed(ec2, volume)
    ec2.attach_volume(VolumeId=volume, InstanceId=other, Device="/dev/sdf")
    mend = """
    test -e /dev/sdf && mkdir -p /tmp/root && cd /tmp/root && tar -xpf /dev/sdf && cat srv/own/settings
    echo mended > srv/own/settings && tar -cpf /tmp/root.tar .
    dd if=/tmp/root.tar of=/dev/sdf conv=notrunc,fsync 2>/dev/null
    """
    assert said(own_cloud, other, mend) == "broken\n"
    ec2.detach_volume(VolumeId=volume)
    freed(ec2, volume)
    attach_root(ec2, volume, first)
    run(ec2, first)
    assert said(own_cloud, first, "cat /srv/own/settings") == "mended\n"
    end(ec2, first, other)


def test_a_root_is_replaced_while_its_machine_runs(machines, own_cloud):
    """As it was at its launch, and as a snapshot of it was; over kill -9. What it has beside its root stays."""
    ec2 = own_cloud.client("ec2")
    machine = start(ec2, UserData="#!/bin/sh\necho told >> /srv/told\n")
    said(own_cloud, machine, "echo kept > /srv/kept")
    old = root_of(ec2, machine)["VolumeId"]
    snapshot = ec2.create_snapshot(VolumeId=old)["SnapshotId"]
    ec2.get_waiter("snapshot_completed").wait(SnapshotIds=[snapshot], WaiterConfig={"Delay": 1})
    [before] = ec2.describe_instances(InstanceIds=[machine])["Reservations"][0]["Instances"]

    def replaced(**by):
        task = ec2.create_replace_root_volume_task(InstanceId=machine, **by)["ReplaceRootVolumeTask"]
        ids = [task["ReplaceRootVolumeTaskId"]]

        def state():
            [now] = own_cloud.client("ec2").describe_replace_root_volume_tasks(ReplaceRootVolumeTaskIds=ids)[
                "ReplaceRootVolumeTasks"
            ]
            return now["TaskState"]

        return lambda: eventually(lambda: state() == "succeeded", 60)

    replaced()()
    look = "cat /srv/kept 2>/dev/null || echo gone; cat /srv/told"
    assert said(own_cloud, machine, look) == "gone\ntold\n"
    [after] = ec2.describe_instances(InstanceIds=[machine])["Reservations"][0]["Instances"]
    for member in ("PrivateIpAddress", "PublicIpAddress", "LaunchTime", "State"):
        assert after[member] == before[member], member
    freed(ec2, old)
    # A crash on the way is none for what is asked for.
    done = replaced(SnapshotId=snapshot, DeleteReplacedRootVolume=True)
    own_cloud.restart(kill=True)
    done()
    ec2 = own_cloud.client("ec2")
    assert said(own_cloud, machine, look) == "kept\ntold\n"
    assert [one["VolumeId"] for one in ec2.describe_volumes()["Volumes"] if one["State"] == "available"] == [old]
    ec2.delete_volume(VolumeId=old)
    end(ec2, machine)
    eventually(lambda: traces(own_cloud) == (False, []))


def test_a_root_is_full_at_its_size_and_grows_with_its_volume(machines, own_cloud):
    """Held to what the launch asked for, over kill -9; a volume that grows has room at once, and keeps it."""
    ec2 = own_cloud.client("ec2")
    instance = start(ec2, BlockDeviceMappings=[{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 9}}])

    def gib():
        return int(said(own_cloud, instance, "df -B1 --output=size / | tail -1")) >> 30

    def left():
        return int(said(own_cloud, instance, "df -B1 --output=avail / | tail -1"))

    assert gib() == 9
    # Refused before anything is taken, as nothing of it is there afterwards.
    before = left()
    why = said(own_cloud, instance, f"fallocate -l {before + 4096} /more 2>&1; rm -f /more")
    assert "No space left on device" in why
    said(own_cloud, instance, "fallocate -l 64M /some && echo kept > /word")
    assert before - (65 << 20) <= left() <= before - (64 << 20)
    own_cloud.restart(kill=True)
    ec2 = own_cloud.client("ec2")
    assert said(own_cloud, instance, "cat /word") == "kept\n"
    assert gib() == 9
    assert left() <= before - (64 << 20)
    volume = root_of(ec2, instance)["VolumeId"]
    ec2.modify_volume(VolumeId=volume, Size=11)
    eventually(lambda: gib() == 11)
    stop(ec2, instance)
    run(ec2, instance)
    assert gib() == 11
    end(ec2, instance)


def test_a_root_is_as_fast_as_its_volume(machines, disks, own_cloud):  # noqa: F811
    """Over kill -9, and as fast as another as soon as it is that."""
    ec2 = own_cloud.client("ec2")
    slow = {"VolumeSize": 8, "VolumeType": "io1", "Iops": 100}
    instance = start(ec2, BlockDeviceMappings=[{"DeviceName": "/dev/xvda", "Ebs": slow}])
    volume = root_of(ec2, instance)
    assert (volume["VolumeType"], volume["Iops"]) == ("io1", 100)
    write = "n=0; while [ $n -lt 300 ]; do n=$((n+1)); echo $n > /srv/$n; done; echo done"

    def takes():
        began = time.monotonic()
        assert said(own_cloud, instance, write) == "done\n"
        return time.monotonic() - began

    # A tenth of a second may run ahead.
    assert takes() > 2.8
    own_cloud.restart(kill=True)
    ec2 = own_cloud.client("ec2")
    said(own_cloud, instance, "true")
    assert takes() > 2.8
    ec2.modify_volume(VolumeId=volume["VolumeId"], VolumeType="gp3")
    eventually(lambda: takes() < 2.5)
    end(ec2, instance)


def test_all_volumes_of_a_machine_are_as_fast_as_its_type(machines, disks, own_cloud):  # noqa: F811
    """What is written to its root and to another volume at once is told of in one place."""
    ec2 = own_cloud.client("ec2")
    mappings = [{"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 1, "VolumeType": "gp3"}}]
    instance = start(ec2, BlockDeviceMappings=mappings)
    info = ec2.describe_instance_types(InstanceTypes=["t3.micro"])["InstanceTypes"][0]["EbsInfo"]["EbsOptimizedInfo"]
    assert (info["BaselineIops"], info["MaximumIops"], info["MaximumBandwidthInMbps"]) == (500, 11800, 2085)
    path = own_cloud.data / "machines" / instance / "pace"

    def saved():
        """Bytes that it has left beyond its baseline."""
        return struct.unpack("<11d", path.read_bytes())[9]

    full = (2085 - 87) * 125_000 * 1800
    said(own_cloud, instance, "true")
    before = saved()
    assert 0.9 * full < before <= full
    mib = 1 << 20
    said(own_cloud, instance, "dd if=/dev/zero of=/srv/x bs=1M count=64 status=none")
    after_root = saved()
    assert before - after_root > 30 * mib
    write = "for n in $(seq 100); do [ -e /dev/sdf ] && break; sleep 0.1; done; "
    said(own_cloud, instance, write + "dd if=/dev/zero of=/dev/sdf bs=1M count=64 conv=notrunc,fsync status=none")
    assert after_root - saved() > 10 * mib
    # Where nothing is left it is as fast as its baseline.
    numbers = list(struct.unpack("<11d", path.read_bytes()))
    numbers[9] = 0.0
    path.write_bytes(struct.pack("<11d", *numbers))
    began = time.monotonic()
    said(own_cloud, instance, "dd if=/dev/zero of=/srv/x bs=1M count=32 conv=notrunc status=none")
    assert time.monotonic() - began > 2
    end(ec2, instance)


WORD = b"what-a-machine-has-written-under-its-key"
# In parts, so that no record of what was asked for has it.
MARK = "w=what-a-machine-has; w=$w-written-under-its-key; "


def lies(cloud):
    """Where below the data folder a word lies readable."""
    found = []
    for path in cloud.data.rglob("*"):
        if path.is_file() and not path.is_symlink() and WORD in path.read_bytes():
            found.append(path)
    return found


def test_an_encrypted_root_lies_readable_nowhere(machines, disks, own_cloud):  # noqa: F811
    """Over kill -9, in snapshots, images and copies, and with whatever machines are made of those."""
    ec2, kms = own_cloud.client("ec2"), own_cloud.client("kms")
    own, other = (kms.create_key()["KeyMetadata"]["Arn"] for _ in range(2))

    def encrypted(**more):
        return {"BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": {"Encrypted": True, **more}}]}

    first = start(ec2, Placement=ZONE, **encrypted(KmsKeyId=own, VolumeSize=9))
    write = (
        MARK + "for f in /srv/new /etc/hosts /etc/shells; do echo $w >> $f; done; mv /etc/shells /srv/moved; "
        "head -c 3000000 /dev/urandom > /srv/large; cp /srv/large /srv/same; "
        "for f in large same; do printf $w | dd of=/srv/$f seek=4090 bs=1 conv=notrunc; done; "
        "sync; cat /srv/large | sha256sum > /srv/sum"
    )
    said(own_cloud, first, write)
    look = (
        "cat /srv/new; tail -1 /srv/moved; cmp /srv/large /srv/same && sha256sum < /srv/large | cmp - /srv/sum && "
        "tail -1 /etc/hosts; dd if=/srv/same bs=1 skip=4090 count=40 2>/dev/null"
    )
    word = WORD.decode()
    shown = f"{word}\n" * 3 + word
    assert said(own_cloud, first, look) == shown
    assert lies(own_cloud) == []
    own_cloud.restart(kill=True)
    ec2, kms = own_cloud.client("ec2"), own_cloud.client("kms")
    assert said(own_cloud, first, look) == shown

    # A snapshot, an image and their machines; what replaces the root.
    volume = root_of(ec2, first)
    assert (volume["Encrypted"], volume["KmsKeyId"], volume["Size"]) == (True, own, 9)
    snapshot = ec2.create_snapshot(VolumeId=volume["VolumeId"])["SnapshotId"]
    ec2.get_waiter("snapshot_completed").wait(SnapshotIds=[snapshot], WaiterConfig={"Delay": 1})
    image = ec2.create_image(InstanceId=first, Name="of-the-encrypted")["ImageId"]
    ec2.get_waiter("image_available").wait(ImageIds=[image], WaiterConfig=WAIT)
    said(own_cloud, first, "rm -r /srv")
    task = ec2.create_replace_root_volume_task(InstanceId=first, SnapshotId=snapshot)["ReplaceRootVolumeTask"]
    ids = [task["ReplaceRootVolumeTaskId"]]

    def states():
        tasks = ec2.describe_replace_root_volume_tasks(ReplaceRootVolumeTaskIds=ids)
        return tasks["ReplaceRootVolumeTasks"][0]["TaskState"]

    eventually(lambda: states() == "succeeded", 60)
    assert said(own_cloud, first, look) == shown
    # Under its own key, and under another.
    second = start(ec2, image, Placement=ZONE)
    third = start(ec2, image, **encrypted(KmsKeyId=other))
    for machine, key in ((second, own), (third, other)):
        assert said(own_cloud, machine, look) == shown
        assert root_of(ec2, machine)["KmsKeyId"] == key
    assert lies(own_cloud) == []

    # It goes to another machine.
    stop(ec2, first, second)
    for machine in (first, second):
        ec2.detach_volume(VolumeId=(moved := root_of(ec2, machine)["VolumeId"]))
        freed(ec2, moved)
        if machine == first:
            kept = moved
    attach_root(ec2, kept, second)
    said_before = "echo changed >> /srv/new; "
    run(ec2, second)
    assert said(own_cloud, second, said_before + "cat /srv/new") == f"{word}\nchanged\n"
    assert lies(own_cloud) == []
    stop(ec2, second)
    kms.disable_key(KeyId=own)
    ec2.start_instances(InstanceIds=[second])

    def now():
        return ec2.describe_instances(InstanceIds=[second])["Reservations"][0]["Instances"][0]

    eventually(lambda: now()["State"]["Name"] == "stopped")
    assert now()["StateReason"] == {
        "Code": "Client.InternalError",
        "Message": "Client.InternalError: Client error on launch",
    }
    kms.enable_key(KeyId=own)
    run(ec2, second)
    assert said(own_cloud, second, "tail -1 /srv/new") == "changed\n"
    end(ec2, first, second, third)


def test_what_was_open_is_launched_and_copied_encrypted(machines, disks, own_cloud):  # noqa: F811
    ec2 = own_cloud.client("ec2")
    plain = start(ec2)
    said(own_cloud, plain, "echo open > /srv/open; printf tail > /srv/tail")
    image = ec2.create_image(InstanceId=plain, Name="open")["ImageId"]
    ec2.get_waiter("image_available").wait(ImageIds=[image], WaiterConfig=WAIT)
    copy = ec2.copy_image(Name="closed", SourceImageId=image, SourceRegion="us-east-1", Encrypted=True)["ImageId"]
    ec2.get_waiter("image_available").wait(ImageIds=[copy], WaiterConfig=WAIT)
    mapping = [{"DeviceName": "/dev/xvda", "Ebs": {"Encrypted": True}}]
    machines = start(ec2, image, BlockDeviceMappings=mapping), start(ec2, copy)
    for machine in machines:
        assert root_of(ec2, machine)["Encrypted"]
        script = MARK + "echo $w >> /srv/open; echo $w >> /srv/tail; chmod 600 /srv/tail; cat /srv/open /srv/tail"
        assert said(own_cloud, machine, script) == f"open\n{WORD.decode()}\ntail{WORD.decode()}\n"
    assert lies(own_cloud) == []
    own_cloud.restart(kill=True)
    ec2 = own_cloud.client("ec2")
    for machine in machines:
        assert said(own_cloud, machine, "wc -l < /srv/open; stat -c %a /srv/tail") == "2\n600\n"
    # And where nothing is encrypted it is found.
    said(own_cloud, plain, MARK + "echo $w > /srv/word")
    assert [path.name for path in lies(own_cloud)] == ["word"]
    end(ec2, plain, *machines)
    eventually(lambda: not any((own_cloud.data / "machines" / machine).exists() for machine in machines))
