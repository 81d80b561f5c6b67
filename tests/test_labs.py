"""The labs: graded by real packets and calls, so that nothing but the solution passes."""

import json


def check(cloud, lab):
    done = cloud.run("lab", "check", lab, "--json", check=False)
    told = json.loads(done.stdout)
    assert done.returncode == (0 if told["done"] else 1)
    return told, [proof["name"] for proof in told["proofs"] if not proof["good"]]


def start(cloud, lab):
    return json.loads(cloud.run("lab", "start", lab, "--json").stdout)["outputs"]


def stop(cloud, lab):
    assert json.loads(cloud.run("lab", "stop", lab, "--json").stdout) == {"deleted": True}
    assert json.loads(cloud.run("lab", "stop", lab, "--json").stdout) == {"deleted": False}
    assert cloud.client("ec2").describe_addresses()["Addresses"] == []
    vpcs = cloud.client("ec2").describe_vpcs()["Vpcs"]
    assert [vpc for vpc in vpcs if not vpc["IsDefault"]] == []


def test_there_are_three_labs(cloud):
    names = [lab["name"] for lab in json.loads(cloud.run("lab", "--json").stdout)["labs"]]
    assert names == ["nat", "least-policy", "zone"]
    unknown = cloud.run("lab", "start", "nothing", check=False)
    assert unknown.returncode == 1
    assert "there is no lab" in unknown.stderr


def test_a_lab_that_was_not_started_cannot_be_graded(own_cloud):
    done = own_cloud.run("lab", "check", "least-policy", check=False)
    assert done.returncode == 1
    assert "virga lab start least-policy" in done.stderr


def test_a_private_subnet_reaches_the_internet(machines, own_cloud):
    lab, ec2 = start(own_cloud, "nat"), own_cloud.client("ec2")
    _, missing = check(own_cloud, "nat")
    assert missing == ["the private machine reaches the internet", "its address is not its own: it is translated"]
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    made = ec2.create_nat_gateway(SubnetId=lab["PublicSubnet"], AllocationId=address)
    gateway = made["NatGateway"]["NatGatewayId"]
    ec2.get_waiter("nat_gateway_available").wait(NatGatewayIds=[gateway], WaiterConfig={"Delay": 1})
    # A gateway without a route is half of it; one that was given up is still shown, and in nobody's way.
    ec2.delete_nat_gateway(NatGatewayId=gateway)
    ec2.get_waiter("nat_gateway_deleted").wait(NatGatewayIds=[gateway], WaiterConfig={"Delay": 1})
    made = ec2.create_nat_gateway(SubnetId=lab["PublicSubnet"], AllocationId=address)
    gateway = made["NatGateway"]["NatGatewayId"]
    ec2.get_waiter("nat_gateway_available").wait(NatGatewayIds=[gateway], WaiterConfig={"Delay": 1})
    assert check(own_cloud, "nat")[1] == missing
    ec2.create_route(RouteTableId=lab["PrivateRouteTable"], DestinationCidrBlock="0.0.0.0/0", NatGatewayId=gateway)
    told, missing = check(own_cloud, "nat")
    assert (missing, told["done"]) == ([], True)
    stop(own_cloud, "nat")


def test_a_way_in_is_no_solution(machines, own_cloud):
    lab, ec2 = start(own_cloud, "nat"), own_cloud.client("ec2")
    found = ec2.describe_internet_gateways(Filters=[{"Name": "attachment.vpc-id", "Values": [lab["Vpc"]]}])
    ec2.create_route(
        RouteTableId=lab["PrivateRouteTable"],
        DestinationCidrBlock="0.0.0.0/0",
        GatewayId=found["InternetGateways"][0]["InternetGatewayId"],
    )
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    ec2.associate_address(AllocationId=address, InstanceId=lab["PrivateMachine"])
    _, missing = check(own_cloud, "nat")
    assert missing == [
        "its address is not its own: it is translated",
        "nobody on the internet reaches the private machine",
    ]
    stop(own_cloud, "nat")


def policy(lab, own_cloud, keys):
    region, account = "us-east-1", "000000000000"
    queue = lab["Work"].rsplit("/", 1)[1]
    allow = [
        ("dynamodb:GetItem", f"arn:aws:dynamodb:{region}:{account}:table/{lab['Orders']}"),
        ("sqs:SendMessage", f"arn:aws:sqs:{region}:{account}:{queue}"),
        ("s3:PutObject", f"arn:aws:s3:::{lab['Bucket']}/{keys}"),
    ]
    statements = [{"Effect": "Allow", "Action": action, "Resource": resource} for action, resource in allow]
    own_cloud.client("iam").put_role_policy(
        RoleName=lab["WorkerRole"].rsplit("/", 1)[1],
        PolicyName="everything",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statements}),
    )


def test_the_least_policy_is_found(own_cloud):
    lab = start(own_cloud, "least-policy")
    _, missing = check(own_cloud, "least-policy")
    assert missing == [
        "it can do nothing else with the orders",
        "it can write reports, and not read or list",
        "it can do nothing elsewhere",
    ]
    policy(lab, own_cloud, "*")
    assert check(own_cloud, "least-policy")[1] == ["it can write reports, and not read or list"]
    policy(lab, own_cloud, "reports/nothing")
    assert check(own_cloud, "least-policy")[1] == ["the worker can do its work"]
    policy(lab, own_cloud, "reports/*")
    told, missing = check(own_cloud, "least-policy")
    assert (missing, told["done"]) == ([], True)
    # Each refusal says why.
    assert all(proof["why"] for proof in told["proofs"][1:])
    stop(own_cloud, "least-policy")


def test_a_service_survives_the_loss_of_a_zone(machines, own_cloud):
    lab = start(own_cloud, "zone")
    ec2, scaling = own_cloud.client("ec2"), own_cloud.client("autoscaling")
    _, missing = check(own_cloud, "zone")
    assert missing == [
        "it answers when any of its zones fails",
        "with a zone gone, the group makes up for what it has lost",
    ]
    ec2.associate_route_table(RouteTableId=lab["RouteTable"], SubnetId=lab["SubnetB"])
    scaling.update_auto_scaling_group(
        AutoScalingGroupName=lab["Group"],
        VPCZoneIdentifier=f"{lab['SubnetA']},{lab['SubnetB']}",
        MinSize=2,
        DesiredCapacity=2,
    )
    told, missing = check(own_cloud, "zone")
    assert (missing, told["done"]) == ([], True), [proof["detail"] for proof in told["proofs"]]
    # What was failed to see it is up again.
    assert json.loads(own_cloud.run("az", "--json").stdout)["failed"] == []
    stop(own_cloud, "zone")
