"""Images that are made of machines: what a machine has become, others begin with."""

import subprocess
import time

from cloudtest import Account, eventually, refused
from test_ec2 import IMAGE, WAIT

CHANGES = """
set -e
echo of the image > /srv/file
mkdir -p /opt/app/bin && printf '#!/bin/sh\\necho works\\n' > /opt/app/bin/app && chmod 4755 /opt/app/bin/app
ln -s /opt/app/bin/app /srv/link
ln /srv/file /srv/other
mkdir -m 700 /srv/closed && echo secret > /srv/closed/secret && chmod 000 /srv/closed/secret
rm /etc/shells
rm -r /media && mkdir /media && echo new > /media/new
n=$(printf 'long-%.0s' $(seq 1 45)) && echo far > /srv/$n
"""
SHOW = """
cat /srv/file /srv/closed/secret /media/new /srv/long-*; /srv/link; stat -c %a /opt/app/bin/app /srv/closed
[ -e /etc/shells ] || echo gone
[ $(stat -c %i /srv/file) = $(stat -c %i /srv/other) ] && echo one
"""
SHOWN = "of the image\nsecret\nnew\nfar\nworks\n4755\n700\ngone\none\n"


def start(ec2, image=IMAGE, **more):
    """A machine that runs."""
    made = ec2.run_instances(ImageId=image, InstanceType="t3.micro", MinCount=1, MaxCount=1, **more)
    instance = made["Instances"][0]["InstanceId"]
    ec2.get_waiter("instance_running").wait(InstanceIds=[instance], WaiterConfig=WAIT)
    return instance


def said(cloud, instance, script):
    """What a script says in a machine, as soon as there is one."""
    done = []

    def run():
        done[:] = [cloud.run("exec", instance, "--", "sh", "-c", script, check=False)]
        return done[0].returncode == 0

    eventually(run)
    return done[0].stdout


def image_of(ec2, instance, name, **more):
    image = ec2.create_image(InstanceId=instance, Name=name, **more)["ImageId"]
    ec2.get_waiter("image_available").wait(ImageIds=[image], WaiterConfig=WAIT)
    return ec2.describe_images(ImageIds=[image])["Images"][0]


def end(ec2, *instances):
    ec2.terminate_instances(InstanceIds=list(instances))
    ec2.get_waiter("instance_terminated").wait(InstanceIds=list(instances), WaiterConfig=WAIT)


def traces(cloud):
    """What the machine that all runs on has of it: mounts, and layers of images."""
    mounts = subprocess.run(["cat", "/proc/self/mountinfo"], capture_output=True, text=True).stdout
    layers = cloud.data / "machines" / "layers"
    return str(cloud.data) in mounts, sorted(path.name for path in layers.iterdir()) if layers.exists() else []


def test_a_machine_becomes_an_image_and_the_image_machines(machines, own_cloud):
    """With and without a reboot, over kill -9, and of machines that are of images themselves."""
    ec2 = own_cloud.client("ec2")
    first = start(ec2, UserData="#!/bin/sh\necho first > /srv/booted\n")
    said(own_cloud, first, "test -e /srv/booted")
    said(own_cloud, first, CHANGES)
    boots = "cat /proc/sys/kernel/random/boot_id > /dev/null; stat -c %Y /proc/1"
    began = said(own_cloud, first, boots)
    live = image_of(ec2, first, "live", NoReboot=True)
    assert said(own_cloud, first, boots) == began
    whole = image_of(ec2, first, "whole", Description="all of it")
    assert ec2.describe_instances(InstanceIds=[first])["Reservations"][0]["Instances"][0]["State"]["Name"] == "running"
    eventually(lambda: said(own_cloud, first, boots) != began)
    for image in (live, whole):
        [root] = image["BlockDeviceMappings"]
        [snapshot] = ec2.describe_snapshots(SnapshotIds=[root["Ebs"]["SnapshotId"]])["Snapshots"]
        assert (snapshot["State"], snapshot["Description"]) == ("completed", f"Created by CreateImage({first})")
        assert (image["State"], image["SourceInstanceId"], root["DeviceName"]) == ("available", first, "/dev/xvda")

    second = start(ec2, live["ImageId"], UserData="#!/bin/sh\necho second > /srv/booted\n")
    assert said(own_cloud, second, SHOW) == SHOWN
    assert said(own_cloud, second, "grep second /srv/booted") == "second\n"
    own_cloud.restart(kill=True)
    ec2 = own_cloud.client("ec2")
    assert said(own_cloud, second, SHOW) == SHOWN
    third = start(ec2, whole["ImageId"])
    assert said(own_cloud, third, SHOW) == SHOWN

    # Of one that is of an image: both's changes, and what it has taken away of the first's is gone.
    said(own_cloud, third, "echo more > /srv/more; rm -r /srv/link /opt/app; mkdir /opt/app")
    ec2.stop_instances(InstanceIds=[third])
    ec2.get_waiter("instance_stopped").wait(InstanceIds=[third], WaiterConfig=WAIT)
    more = image_of(ec2, third, "more")
    ec2.deregister_image(ImageId=whole["ImageId"])
    fourth = start(ec2, more["ImageId"])
    assert said(own_cloud, fourth, "cat /srv/file /srv/more; ls /opt/app; test -e /srv/link || echo gone") == (
        "of the image\nmore\ngone\n"
    )
    # A machine of an image that is no more boots all the same.
    with refused("InvalidAMIID.NotFound"):
        start(ec2, whole["ImageId"])
    ec2.start_instances(InstanceIds=[third])
    ec2.get_waiter("instance_running").wait(InstanceIds=[third], WaiterConfig=WAIT)
    assert said(own_cloud, third, "cat /srv/more") == "more\n"

    # A snapshot is kept for as long as its image is, and what nobody needs leaves nothing behind.
    snapshot = live["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"]
    with refused("InvalidSnapshot.InUse"):
        ec2.delete_snapshot(SnapshotId=snapshot)
    end(ec2, first, second, third, fourth)
    for image in (live, more):
        ec2.deregister_image(ImageId=image["ImageId"])
    for image in (live, whole, more):
        ec2.delete_snapshot(SnapshotId=image["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"])
    eventually(lambda: traces(own_cloud) == (False, []))


def test_volumes_come_along(machines, own_cloud):
    ec2 = own_cloud.client("ec2")
    disk = {"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 1, "VolumeType": "gp3", "DeleteOnTermination": True}}
    first = start(ec2, BlockDeviceMappings=[disk])
    # Before it is plugged in, this would write a file of that name.
    said(own_cloud, first, "test -e /dev/sdf && echo data | dd of=/dev/sdf conv=notrunc 2>&1")
    tags = [{"ResourceType": kind, "Tags": [{"Key": "a", "Value": kind}]} for kind in ("image", "snapshot")]
    image = image_of(ec2, first, "with data", NoReboot=True, TagSpecifications=tags)
    assert image["Tags"] == [{"Key": "a", "Value": "image"}]
    assert [one["DeviceName"] for one in image["BlockDeviceMappings"]] == ["/dev/xvda", "/dev/sdf"]
    taken = [one["Ebs"]["SnapshotId"] for one in image["BlockDeviceMappings"]]
    shown = ec2.describe_snapshots(SnapshotIds=taken)["Snapshots"]
    assert all(one["Tags"] == [{"Key": "a", "Value": "snapshot"}] for one in shown)
    second = start(ec2, image["ImageId"])
    assert said(own_cloud, second, "head -c 5 /dev/sdf") == "data\n"
    without = start(ec2, image["ImageId"], BlockDeviceMappings=[{"DeviceName": "/dev/sdf", "NoDevice": ""}])
    assert said(own_cloud, without, "test -e /dev/sdf || echo none") == "none\n"
    end(ec2, first, second, without)


def test_others_may_launch_what_they_are_permitted(machines, own_cloud):
    ec2 = own_cloud.client("ec2")
    other = Account(own_cloud, "210987654321").client("ec2")
    first = start(ec2)
    said(own_cloud, first, "echo shared > /srv/file")
    image = image_of(ec2, first, "shared", NoReboot=True)["ImageId"]
    with refused("InvalidAMIID.NotFound"):
        other.run_instances(ImageId=image, InstanceType="t3.micro", MinCount=1, MaxCount=1)
    ec2.modify_image_attribute(ImageId=image, LaunchPermission={"Add": [{"UserId": "210987654321"}]})
    [seen] = other.describe_images(ExecutableUsers=["self"])["Images"]
    assert (seen["ImageId"], seen["Public"]) == (image, False)
    theirs = start(other, image)
    assert said(own_cloud, theirs, "cat /srv/file") == "shared\n"
    with refused("AuthFailure"):
        other.deregister_image(ImageId=image)
    # The launch permission does not reach as far as the bytes.
    with refused("InvalidRequest"):
        other.copy_image(Name="mine", SourceImageId=image, SourceRegion="us-east-1")
    [root] = ec2.describe_images(ImageIds=[image])["Images"][0]["BlockDeviceMappings"]
    ec2.modify_snapshot_attribute(
        SnapshotId=root["Ebs"]["SnapshotId"], CreateVolumePermission={"Add": [{"UserId": "210987654321"}]}
    )
    far = Account(own_cloud, "210987654321").client("ec2", region="eu-west-1")
    copy = far.copy_image(Name="mine", SourceImageId=image, SourceRegion="us-east-1")["ImageId"]
    far.get_waiter("image_available").wait(ImageIds=[copy], WaiterConfig=WAIT)
    ec2.deregister_image(ImageId=image)
    there = start(far, copy)
    assert said(own_cloud, there, "cat /srv/file") == "shared\n"
    end(ec2, first)
    end(other, theirs)
    end(far, there)


def test_groups_launch_images_by_templates(machines, own_cloud):
    ec2, autoscaling = own_cloud.client("ec2"), own_cloud.client("autoscaling")
    first = start(ec2)
    said(own_cloud, first, "echo golden > /srv/file")
    image = image_of(ec2, first, "golden")["ImageId"]
    ec2.create_launch_template(
        LaunchTemplateName="golden", LaunchTemplateData={"ImageId": image, "InstanceType": "t3.micro"}
    )
    autoscaling.create_auto_scaling_group(
        AutoScalingGroupName="golden",
        LaunchTemplate={"LaunchTemplateName": "golden"},
        MinSize=1,
        MaxSize=1,
        AvailabilityZones=["us-east-1a"],
    )

    def instances():
        return autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"][0]["Instances"]

    eventually(lambda: [one["LifecycleState"] for one in instances()] == ["InService"])
    [one] = instances()
    assert said(own_cloud, one["InstanceId"], "cat /srv/file") == "golden\n"
    autoscaling.delete_auto_scaling_group(AutoScalingGroupName="golden", ForceDelete=True)
    end(ec2, first, one["InstanceId"])


def test_a_snapshot_is_registered(machines, own_cloud):
    """Of what an image's snapshot holds another image is made; of any other bytes none is."""
    ec2 = own_cloud.client("ec2")
    first = start(ec2)
    said(own_cloud, first, "echo mine > /srv/file")
    image = image_of(ec2, first, "first", NoReboot=True)
    snapshot = image["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"]
    ec2.deregister_image(ImageId=image["ImageId"])

    def register(name, snapshot):
        return ec2.register_image(
            Name=name,
            Architecture=image["Architecture"],
            VirtualizationType="hvm",
            RootDeviceName="/dev/xvda",
            BlockDeviceMappings=[{"DeviceName": "/dev/xvda", "Ebs": {"SnapshotId": snapshot}}],
        )["ImageId"]

    again = register("again", snapshot)
    ec2.get_waiter("image_available").wait(ImageIds=[again], WaiterConfig=WAIT)
    second = start(ec2, again)
    assert said(own_cloud, second, "cat /srv/file") == "mine\n"
    volume = ec2.create_volume(AvailabilityZone="us-east-1a", Size=1)["VolumeId"]
    ec2.get_waiter("volume_available").wait(VolumeIds=[volume], WaiterConfig=WAIT)
    disk = start(ec2, Placement={"AvailabilityZone": "us-east-1a"})
    ec2.attach_volume(VolumeId=volume, InstanceId=disk, Device="/dev/sdf")
    eventually(lambda: said(own_cloud, disk, "echo no archive | dd of=/dev/sdf conv=notrunc,fsync 2>&1; echo"))
    wrong = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    ec2.get_waiter("snapshot_completed").wait(SnapshotIds=[wrong], WaiterConfig=WAIT)
    failed = register("failed", wrong)
    eventually(lambda: ec2.describe_images(ImageIds=[failed])["Images"][0]["State"] == "failed")
    why = ec2.describe_images(ImageIds=[failed])["Images"][0]["StateReason"]
    assert why["Code"] == "Client.InvalidSnapshot"
    with refused("InvalidAMIID.Unavailable"):
        ec2.run_instances(ImageId=failed, InstanceType="t3.micro", MinCount=1, MaxCount=1)
    end(ec2, first, second, disk)


def test_an_image_is_finished_after_kill_9(machines, own_cloud):
    """Whatever the cloud was at when it died: the image comes to be, and its machine is up again."""
    ec2 = own_cloud.client("ec2")
    first = start(ec2)
    said(own_cloud, first, "head -c 30000000 /dev/urandom > /srv/large; sha256sum /srv/large > /srv/sum")
    for turn, wait in enumerate((0, 0.15, 0.4)):
        image = ec2.create_image(InstanceId=first, Name=f"turn {turn}")["ImageId"]
        time.sleep(wait)
        own_cloud.restart(kill=True)
        ec2 = own_cloud.client("ec2")
        ec2.get_waiter("image_available").wait(ImageIds=[image], WaiterConfig=WAIT)
        second = start(ec2, image)
        assert said(own_cloud, second, "sha256sum -c /srv/sum") == "/srv/large: OK\n"
        assert said(own_cloud, first, "sha256sum -c /srv/sum") == "/srv/large: OK\n"
        end(ec2, second)
    end(ec2, first)
