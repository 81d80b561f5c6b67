"""Spot Instances with a real client and a real machine, which reads its own notice before it ends."""

import re

from cloudtest import eventually, refused
from test_ec2 import IMAGE, WAIT, says

SPECIFICATION = {"ImageId": IMAGE, "InstanceType": "t3.micro"}
# Asks for its notice as AWS recommends, and says on the console what it finds.
WATCH = """#!/bin/sh
metadata() { curl -s -f -H "X-aws-ec2-metadata-token: $TOKEN" "http://169.254.169.254/latest/meta-data/$1"; }
TOKEN=$(curl -s -X PUT -H "X-aws-ec2-metadata-token-ttl-seconds: 600" http://169.254.169.254/latest/api/token)
echo "life cycle: $(metadata instance-life-cycle)"
metadata spot/instance-action > /dev/null || echo "no notice yet"
while ! NOTICE=$(metadata spot/instance-action); do sleep 1; done
echo "notice: $NOTICE, $(metadata spot/termination-time)"
"""


def moved(cloud, change):
    cloud.run("clock", change)


def test_an_interrupted_machine_is_warned_and_ends(machines, own_cloud):
    ec2 = own_cloud.client("ec2")
    made = ec2.run_instances(
        **SPECIFICATION,
        MinCount=1,
        MaxCount=1,
        UserData=WATCH,
        InstanceMarketOptions={"MarketType": "spot", "SpotOptions": {"SpotInstanceType": "one-time"}},
    )["Instances"][0]
    instance, request = made["InstanceId"], made["SpotInstanceRequestId"]
    assert made["InstanceLifecycle"] == "spot"
    ec2.get_waiter("spot_instance_request_fulfilled").wait(SpotInstanceRequestIds=[request], WaiterConfig=WAIT)
    ec2.get_waiter("instance_running").wait(InstanceIds=[instance], WaiterConfig=WAIT)
    says(ec2, instance, "life cycle: spot")
    says(ec2, instance, "no notice yet")
    with refused("UnsupportedOperation"):
        ec2.stop_instances(InstanceIds=[instance])
    shown = own_cloud.run("spot", "interrupt", instance).stdout
    ends = re.fullmatch(rf"{instance}  t3.micro  us-east-1.  interrupted at (\S+)\n", shown).group(1)
    says(ec2, instance, f'notice: {{"action": "terminate", "time": "{ends}"}}, {ends}')
    assert own_cloud.ask("spot")["running"][0]["ends"] == ends
    found = ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]
    assert found["State"]["Name"] == "running"
    moved(own_cloud, "+2m")
    ec2.get_waiter("instance_terminated").wait(InstanceIds=[instance], WaiterConfig=WAIT)
    found = ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]
    assert found["StateReason"]["Code"] == "Server.SpotInstanceTermination"
    closed = ec2.describe_spot_instance_requests(SpotInstanceRequestIds=[request])["SpotInstanceRequests"][0]
    assert (closed["State"], closed["Status"]["Code"]) == ("closed", "instance-terminated-no-capacity")
    assert own_cloud.run("spot").stdout == "no Spot Instance is running\n"


def test_a_persistent_request_survives_its_machine_and_the_cloud(machines, own_cloud):
    ec2 = own_cloud.client("ec2")
    request = ec2.request_spot_instances(LaunchSpecification=SPECIFICATION, Type="persistent")
    request = request["SpotInstanceRequests"][0]["SpotInstanceRequestId"]

    def current(client):
        return client.describe_spot_instance_requests(SpotInstanceRequestIds=[request])["SpotInstanceRequests"][0]

    ec2.get_waiter("spot_instance_request_fulfilled").wait(SpotInstanceRequestIds=[request], WaiterConfig=WAIT)
    first = current(ec2)["InstanceId"]
    ec2.get_waiter("instance_running").wait(InstanceIds=[first], WaiterConfig=WAIT)
    own_cloud.run("spot", "interrupt", first)
    own_cloud.restart(kill=True)
    ec2 = own_cloud.client("ec2")
    moved(own_cloud, "+2m")
    ec2.get_waiter("instance_terminated").wait(InstanceIds=[first], WaiterConfig=WAIT)
    eventually(lambda: current(ec2)["Status"]["Code"] == "capacity-not-available")
    moved(own_cloud, "+10m")
    ec2.get_waiter("spot_instance_request_fulfilled").wait(SpotInstanceRequestIds=[request], WaiterConfig=WAIT)
    second = current(ec2)["InstanceId"]
    assert second != first
    ec2.get_waiter("instance_running").wait(InstanceIds=[second], WaiterConfig=WAIT)
    answer = ec2.cancel_spot_instance_requests(SpotInstanceRequestIds=[request])
    assert answer["CancelledSpotInstanceRequests"][0]["State"] == "cancelled"
    assert current(ec2)["Status"]["Code"] == "request-canceled-and-instance-running"


def test_the_price_of_a_month_in_pages(cloud, account):
    ec2 = account.client("ec2")
    pages = ec2.get_paginator("describe_spot_price_history").paginate(
        InstanceTypes=["m5.large"], ProductDescriptions=["Linux/UNIX"], PaginationConfig={"PageSize": 50}
    )
    prices = [price for page in pages for price in page["SpotPriceHistory"]]
    assert len({price["AvailabilityZone"] for price in prices}) == 6
    assert all(0.02 < float(price["SpotPrice"]) < 0.075 for price in prices)
    with refused("SpotMaxPriceTooLow"):
        ec2.run_instances(
            **{**SPECIFICATION, "InstanceType": "m5.large"},
            MinCount=1,
            MaxCount=1,
            InstanceMarketOptions={"MarketType": "spot", "SpotOptions": {"MaxPrice": "0.002"}},
        )


def test_who_is_not_a_spot_machine_is_not_interrupted(own_cloud):
    done = own_cloud.run("spot", "interrupt", "i-00000000000000000", check=False)
    assert done.returncode != 0
    assert 'there is no instance "i-00000000000000000"' in done.stderr
