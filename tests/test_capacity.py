"""Capacity asked for by attributes, and reserved, by a real client."""

from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError
from test_ec2 import IMAGE, WAIT


@pytest.fixture
def ec2(account):
    return account.client("ec2")


WANTED = {
    "VCpuCount": {"Min": 2, "Max": 2},
    "MemoryMiB": {"Min": 1024},
    "MemoryGiBPerVCpu": {"Max": 2.0},
    "BurstablePerformance": "required",
    "ExcludedInstanceTypes": ["t2.*"],
}


def test_types_are_found_by_their_attributes(ec2):
    told = ec2.describe_instance_types(InstanceTypes=["t3.micro"])["InstanceTypes"][0]
    pages = ec2.get_paginator("get_instance_types_from_instance_requirements").paginate(
        ArchitectureTypes=told["ProcessorInfo"]["SupportedArchitectures"],
        VirtualizationTypes=["hvm"],
        InstanceRequirements=WANTED,
        PaginationConfig={"PageSize": 2},
    )
    found = [one["InstanceType"] for page in pages for one in page["InstanceTypes"]]
    assert found == ["t3.medium", "t3.micro", "t3.small"]
    made = ec2.create_launch_template(
        LaunchTemplateName="chosen",
        LaunchTemplateData={"ImageId": IMAGE, "InstanceRequirements": WANTED},
    )["LaunchTemplate"]
    kept = ec2.describe_launch_template_versions(LaunchTemplateId=made["LaunchTemplateId"], Versions=["1"])[
        "LaunchTemplateVersions"
    ][0]["LaunchTemplateData"]
    told = {name: value for name, value in kept["InstanceRequirements"].items() if value != []}
    assert told == WANTED


def test_a_reservation_is_used_by_a_real_machine(machines, ec2):
    end = datetime.now(UTC) + timedelta(days=2)
    made = ec2.create_capacity_reservation(
        InstanceType="t3.micro",
        InstancePlatform="Linux/UNIX",
        AvailabilityZone="us-east-1a",
        InstanceCount=1,
        InstanceMatchCriteria="targeted",
        EndDateType="limited",
        EndDate=end,
    )["CapacityReservation"]
    reservation = made["CapacityReservationId"]
    assert made["AvailableInstanceCount"] == 1
    launch = {
        "ImageId": IMAGE,
        "InstanceType": "t3.micro",
        "MinCount": 1,
        "MaxCount": 1,
        "Placement": {"AvailabilityZone": "us-east-1a"},
        "CapacityReservationSpecification": {"CapacityReservationTarget": {"CapacityReservationId": reservation}},
    }
    instance = ec2.run_instances(**launch)["Instances"][0]
    assert instance["CapacityReservationId"] == reservation
    with pytest.raises(ClientError) as refused:
        ec2.run_instances(**launch)
    assert refused.value.response["Error"]["Code"] == "ReservationCapacityExceeded"
    ids = [instance["InstanceId"]]
    ec2.get_waiter("instance_running").wait(InstanceIds=ids, WaiterConfig=WAIT)
    shown = ec2.describe_capacity_reservations(CapacityReservationIds=[reservation])["CapacityReservations"][0]
    assert (shown["TotalInstanceCount"], shown["AvailableInstanceCount"]) == (1, 0)
    ec2.terminate_instances(InstanceIds=ids)
    ec2.get_waiter("instance_terminated").wait(InstanceIds=ids, WaiterConfig=WAIT)
    shown = ec2.describe_capacity_reservations(CapacityReservationIds=[reservation])["CapacityReservations"][0]
    assert shown["AvailableInstanceCount"] == 1
    assert ec2.cancel_capacity_reservation(CapacityReservationId=reservation)["Return"] is True
