"""What Terraform's provider asks for: each resource is made, waited for, read back with every call that the provider
reads it by, changed, and destroyed until it is seen to be gone. (Networks are in test_vpc.py.)"""

import io
import json
import time
import zipfile

import pytest
from botocore.exceptions import ClientError
from cloudtest import allow, eventually, policy, refused

TRUST = policy({"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"})


def code_of(call):
    """The code of the refusal that the provider takes for an answer."""
    with pytest.raises(ClientError) as caught:
        call()
    return caught.value.response["Error"]["Code"]


def read_bucket(s3, bucket):
    """`aws_s3_bucket` reads all that a bucket can have, also what has resources of its own today."""
    assert s3.head_bucket(Bucket=bucket)["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert s3.get_bucket_acl(Bucket=bucket)["Grants"][0]["Permission"] == "FULL_CONTROL"
    assert "Status" not in s3.get_bucket_accelerate_configuration(Bucket=bucket)
    assert s3.get_bucket_request_payment(Bucket=bucket)["Payer"] == "BucketOwner"
    assert "LoggingEnabled" not in s3.get_bucket_logging(Bucket=bucket)
    assert s3.get_bucket_location(Bucket=bucket)["LocationConstraint"] is None
    absent = {
        s3.get_bucket_policy: "NoSuchBucketPolicy",
        s3.get_bucket_cors: "NoSuchCORSConfiguration",
        s3.get_bucket_website: "NoSuchWebsiteConfiguration",
        s3.get_bucket_lifecycle_configuration: "NoSuchLifecycleConfiguration",
        s3.get_bucket_replication: "ReplicationConfigurationNotFoundError",
        s3.get_object_lock_configuration: "ObjectLockConfigurationNotFoundError",
    }
    for read, code in absent.items():
        assert code_of(lambda read=read: read(Bucket=bucket)) == code
    encryption = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert encryption[0]["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    return s3.get_bucket_versioning(Bucket=bucket).get("Status"), s3.get_bucket_tagging(Bucket=bucket)["TagSet"]


def test_a_bucket_and_what_belongs_to_it(account):
    s3, bucket = account.client("s3"), f"terraform-{account.account}"
    with refused("404"):
        s3.head_bucket(Bucket=bucket)
    s3.create_bucket(Bucket=bucket)
    s3.get_waiter("bucket_exists").wait(Bucket=bucket)
    tags = [{"Key": "Name", "Value": "site"}]
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": tags})
    assert read_bucket(s3, bucket) == (None, tags)

    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    block = {
        "BlockPublicAcls": True,
        "BlockPublicPolicy": True,
        "IgnorePublicAcls": True,
        "RestrictPublicBuckets": True,
    }
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=block)
    assert s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"] == block
    controls = {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls=controls)
    assert s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"] == controls
    own = policy({**allow("s3:GetObject", f"arn:aws:s3:::{bucket}/*"), "Principal": {"AWS": account.account}})
    s3.put_bucket_policy(Bucket=bucket, Policy=own)
    assert json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])["Statement"][0]["Action"] == "s3:GetObject"

    made = s3.put_object(Bucket=bucket, Key="a.txt", Body=b"text", ContentType="text/plain", Tagging="k=v")
    head = s3.head_object(Bucket=bucket, Key="a.txt", ChecksumMode="ENABLED")
    assert (head["ETag"], head["VersionId"]) == (made["ETag"], made["VersionId"])
    assert s3.get_object_tagging(Bucket=bucket, Key="a.txt")["TagSet"] == [{"Key": "k", "Value": "v"}]

    # Destroyed in the order of dependencies; `force_destroy` is what empties a bucket with versions.
    for version in s3.list_object_versions(Bucket=bucket)["Versions"]:
        s3.delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])
    with refused("404"):
        s3.head_object(Bucket=bucket, Key="a.txt")
    s3.delete_bucket_policy(Bucket=bucket)
    assert code_of(lambda: s3.get_bucket_policy(Bucket=bucket)) == "NoSuchBucketPolicy"
    s3.delete_bucket_ownership_controls(Bucket=bucket)
    assert code_of(lambda: s3.get_bucket_ownership_controls(Bucket=bucket)) == "OwnershipControlsNotFoundError"
    s3.delete_public_access_block(Bucket=bucket)
    assert code_of(lambda: s3.get_public_access_block(Bucket=bucket)) == "NoSuchPublicAccessBlockConfiguration"
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    s3.delete_bucket(Bucket=bucket)
    s3.get_waiter("bucket_not_exists").wait(Bucket=bucket)


def test_a_role_its_policies_and_its_profile(account):
    iam = account.client("iam")
    with refused("NoSuchEntity"):
        iam.get_role(RoleName="app")
    role = iam.create_role(RoleName="app", AssumeRolePolicyDocument=TRUST, MaxSessionDuration=3600, Path="/")["Role"]
    iam.get_waiter("role_exists").wait(RoleName="app")
    read = iam.get_role(RoleName="app")["Role"]
    # The provider waits until this is an ARN and no id.
    assert (read["Arn"], read["RoleId"]) == (role["Arn"], role["RoleId"])
    assert iam.list_role_policies(RoleName="app")["PolicyNames"] == []
    assert iam.list_attached_role_policies(RoleName="app")["AttachedPolicies"] == []

    made = iam.create_policy(PolicyName="read", PolicyDocument=policy(allow("s3:GetObject")))["Policy"]
    read = iam.get_policy(PolicyArn=made["Arn"])["Policy"]
    version = iam.get_policy_version(PolicyArn=made["Arn"], VersionId=read["DefaultVersionId"])["PolicyVersion"]
    assert version["Document"]["Statement"][0]["Action"] == "s3:GetObject"
    iam.attach_role_policy(RoleName="app", PolicyArn=made["Arn"])
    assert iam.list_attached_role_policies(RoleName="app")["AttachedPolicies"][0]["PolicyName"] == "read"
    iam.put_role_policy(RoleName="app", PolicyName="own", PolicyDocument=policy(allow("sqs:*")))
    assert iam.get_role_policy(RoleName="app", PolicyName="own")["PolicyDocument"]["Statement"][0]["Action"] == "sqs:*"
    iam.create_instance_profile(InstanceProfileName="app")
    iam.get_waiter("instance_profile_exists").wait(InstanceProfileName="app")
    iam.add_role_to_instance_profile(InstanceProfileName="app", RoleName="app")
    profile = iam.get_instance_profile(InstanceProfileName="app")["InstanceProfile"]
    assert [r["RoleName"] for r in profile["Roles"]] == ["app"]

    # A change of a policy is another version; the oldest goes when there are five.
    iam.create_policy_version(PolicyArn=made["Arn"], PolicyDocument=policy(allow("s3:*")), SetAsDefault=True)
    assert iam.get_policy(PolicyArn=made["Arn"])["Policy"]["DefaultVersionId"] == "v2"
    iam.update_assume_role_policy(RoleName="app", PolicyDocument=TRUST)
    iam.update_role(RoleName="app", MaxSessionDuration=7200)
    assert iam.get_role(RoleName="app")["Role"]["MaxSessionDuration"] == 7200

    iam.remove_role_from_instance_profile(InstanceProfileName="app", RoleName="app")
    iam.delete_instance_profile(InstanceProfileName="app")
    iam.delete_role_policy(RoleName="app", PolicyName="own")
    iam.detach_role_policy(RoleName="app", PolicyArn=made["Arn"])
    for version in iam.list_policy_versions(PolicyArn=made["Arn"])["Versions"]:
        if not version["IsDefaultVersion"]:
            iam.delete_policy_version(PolicyArn=made["Arn"], VersionId=version["VersionId"])
    iam.delete_policy(PolicyArn=made["Arn"])
    assert iam.list_instance_profiles_for_role(RoleName="app")["InstanceProfiles"] == []
    iam.delete_role(RoleName="app")
    for gone in (lambda: iam.get_role(RoleName="app"), lambda: iam.get_policy(PolicyArn=made["Arn"])):
        assert code_of(gone) == "NoSuchEntity"


def test_a_table_and_an_item(account):
    dynamodb = account.client("dynamodb")
    key = [{"AttributeName": "id", "KeyType": "HASH"}]
    attributes = [{"AttributeName": "id", "AttributeType": "S"}]
    tags = [{"Key": "Name", "Value": "orders"}]
    made = dynamodb.create_table(
        TableName="orders", BillingMode="PAY_PER_REQUEST", KeySchema=key, AttributeDefinitions=attributes, Tags=tags
    )["TableDescription"]
    dynamodb.get_waiter("table_exists").wait(TableName="orders", WaiterConfig={"Delay": 1, "MaxAttempts": 30})
    dynamodb.update_time_to_live(
        TableName="orders", TimeToLiveSpecification={"AttributeName": "until", "Enabled": True}
    )
    dynamodb.update_continuous_backups(
        TableName="orders", PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )
    ttl = lambda: dynamodb.describe_time_to_live(TableName="orders")["TimeToLiveDescription"]  # noqa: E731
    eventually(lambda: ttl()["TimeToLiveStatus"] == "ENABLED")
    read = dynamodb.describe_table(TableName="orders")["Table"]
    assert (read["TableStatus"], read["TableArn"]) == ("ACTIVE", made["TableArn"])
    assert read["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    backups = dynamodb.describe_continuous_backups(TableName="orders")["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"
    assert dynamodb.list_tags_of_resource(ResourceArn=made["TableArn"])["Tags"] == tags

    # An item is made if there is none of its key, and read consistently.
    item = {"id": {"S": "1"}, "n": {"N": "5"}}
    names = {"#hk": "id"}
    once = {"ConditionExpression": "attribute_not_exists(#hk)", "ExpressionAttributeNames": names}
    dynamodb.put_item(TableName="orders", Item=item, **once)
    assert (
        code_of(lambda: dynamodb.put_item(TableName="orders", Item=item, **once)) == "ConditionalCheckFailedException"
    )
    found = dynamodb.get_item(
        TableName="orders",
        Key={"id": {"S": "1"}},
        ConsistentRead=True,
        ProjectionExpression="#a_id, #a_n",
        ExpressionAttributeNames={"#a_id": "id", "#a_n": "n"},
    )["Item"]
    assert found == item
    dynamodb.delete_item(TableName="orders", Key={"id": {"S": "1"}})

    dynamodb.untag_resource(ResourceArn=made["TableArn"], TagKeys=["Name"])
    assert dynamodb.list_tags_of_resource(ResourceArn=made["TableArn"])["Tags"] == []
    dynamodb.delete_table(TableName="orders")
    dynamodb.get_waiter("table_not_exists").wait(TableName="orders", WaiterConfig={"Delay": 1, "MaxAttempts": 30})


def test_a_queue_and_its_dead_letters(account):
    sqs = account.client("sqs")
    wanted = {"DelaySeconds": "5", "MessageRetentionPeriod": "86400", "VisibilityTimeout": "60"}
    dead = sqs.create_queue(QueueName="dead", tags={"Name": "dead"})["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["All"])["Attributes"]["QueueArn"]
    redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 3})
    url = sqs.create_queue(QueueName="work", Attributes={**wanted, "RedrivePolicy": redrive})["QueueUrl"]
    # The provider waits until what it set is what it reads.
    read = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert {name: read[name] for name in wanted} == wanted
    assert json.loads(read["RedrivePolicy"]) == json.loads(redrive)
    assert read["SqsManagedSseEnabled"] == "true"
    assert sqs.list_queue_tags(QueueUrl=dead)["Tags"] == {"Name": "dead"}

    statement = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage"}
    own = policy({**statement, "Resource": read["QueueArn"]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": own})
    held = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]["Policy"]
    assert json.loads(held) == json.loads(own)
    allowed = json.dumps({"redrivePermission": "byQueue", "sourceQueueArns": [read["QueueArn"]]})
    sqs.set_queue_attributes(QueueUrl=dead, Attributes={"RedriveAllowPolicy": allowed})
    held = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["RedriveAllowPolicy"])["Attributes"]
    assert json.loads(held["RedriveAllowPolicy"]) == json.loads(allowed)

    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": ""})
    assert not sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"]).get("Attributes")
    for queue in (url, dead):
        sqs.delete_queue(QueueUrl=queue)
        gone = lambda queue=queue: sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])  # noqa: E731
        assert code_of(gone) == "AWS.SimpleQueueService.NonExistentQueue"


def archive(text):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as file:
        file.writestr("index.py", text)
    return data.getvalue()


@pytest.fixture
def python(cloud):
    """The runtime of this machine; where there are no sandboxes the test is left out, visibly."""
    findings = json.loads(cloud.run("doctor", "--json", check=False).stdout)["findings"]
    of = {finding["what"]: finding for finding in findings}
    names = of["functions"]["detail"].removeprefix("runtimes: ").split(";")[0].split(", ")
    found = [name for name in names if name.startswith("python")]
    if not (of["networks"]["good"] and found):
        pytest.skip(of["networks"]["detail"] + of["functions"]["detail"])
    return found[0]


def test_a_function_with_its_permission_and_its_source(account, python):
    functions, iam, sqs = account.client("lambda"), account.client("iam"), account.client("sqs")
    role = iam.create_role(RoleName="fn", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    iam.put_role_policy(RoleName="fn", PolicyName="q", PolicyDocument=policy(allow("sqs:*")))
    first = archive("def handler(event, context): return 1")
    made = functions.create_function(
        FunctionName="fn",
        Role=role,
        Handler="index.handler",
        Runtime=python,
        Code={"ZipFile": first},
        MemorySize=128,
        Timeout=3,
        PackageType="Zip",
        Publish=False,
        Tags={"Name": "fn"},
    )
    functions.get_waiter("function_active_v2").wait(FunctionName="fn", WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    read = functions.get_function(FunctionName="fn")
    configuration = read["Configuration"]
    assert (configuration["State"], configuration["CodeSha256"]) == ("Active", made["CodeSha256"])
    assert (configuration["TracingConfig"], read["Tags"]) == ({"Mode": "PassThrough"}, {"Name": "fn"})
    assert configuration["EphemeralStorage"] == {"Size": 512}
    assert "Concurrency" not in read
    assert [v["Version"] for v in functions.list_versions_by_function(FunctionName="fn")["Versions"]] == ["$LATEST"]
    signing = functions.get_function_code_signing_config(FunctionName="fn")
    assert not signing.get("CodeSigningConfigArn")
    assert signing["FunctionName"] == "fn"

    source = {"StatementId": "events", "Action": "lambda:InvokeFunction", "Principal": "events.amazonaws.com"}
    assert code_of(lambda: functions.get_policy(FunctionName="fn")) == "ResourceNotFoundException"
    functions.add_permission(FunctionName="fn", **source)
    held = json.loads(functions.get_policy(FunctionName="fn")["Policy"])["Statement"]
    assert [s["Sid"] for s in held] == ["events"]
    url = sqs.create_queue(QueueName="fn")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    mapping = functions.create_event_source_mapping(FunctionName="fn", EventSourceArn=arn, BatchSize=5)["UUID"]
    state = lambda: functions.get_event_source_mapping(UUID=mapping)["State"]  # noqa: E731
    eventually(lambda: state() == "Enabled")

    functions.update_function_code(FunctionName="fn", ZipFile=archive("def handler(event, context): return 2"))
    functions.get_waiter("function_updated_v2").wait(FunctionName="fn", WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    functions.update_function_configuration(FunctionName="fn", Timeout=10)
    functions.get_waiter("function_updated_v2").wait(FunctionName="fn", WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    read = functions.get_function(FunctionName="fn")["Configuration"]
    assert read["Timeout"] == 10
    assert read["CodeSha256"] != made["CodeSha256"]

    functions.delete_event_source_mapping(UUID=mapping)
    deadline = time.monotonic() + 60
    with refused("ResourceNotFoundException"):
        while time.monotonic() < deadline:
            state()
    functions.remove_permission(FunctionName="fn", StatementId="events")
    functions.delete_function(FunctionName="fn")
    assert code_of(lambda: functions.get_function(FunctionName="fn")) == "ResourceNotFoundException"


def test_a_machine(account, machines):
    ec2 = account.client("ec2")
    image = ec2.describe_images(Owners=["amazon"])["Images"][0]
    types = ec2.describe_instance_types(InstanceTypes=["t3.micro"])["InstanceTypes"][0]
    assert types["BurstablePerformanceSupported"]
    named = [{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "web"}]}]
    made = ec2.run_instances(
        ImageId=image["ImageId"], InstanceType="t3.micro", MinCount=1, MaxCount=1, TagSpecifications=named
    )["Instances"][0]
    one = made["InstanceId"]
    ec2.get_waiter("instance_running").wait(InstanceIds=[one], WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    read = ec2.describe_instances(InstanceIds=[one])["Reservations"][0]["Instances"][0]
    assert (read["State"]["Name"], read["PrivateIpAddress"]) == ("running", made["PrivateIpAddress"])
    assert read["MetadataOptions"]["State"] == "applied"
    assert read["Placement"]["Tenancy"] == "default"
    primary = read["NetworkInterfaces"][0]
    assert (primary["Attachment"]["DeviceIndex"], primary["SourceDestCheck"]) == (0, True)
    for attribute in ("disableApiTermination", "disableApiStop", "instanceInitiatedShutdownBehavior", "userData"):
        held = ec2.describe_instance_attribute(InstanceId=one, Attribute=attribute)
        assert attribute[0].upper() + attribute[1:] in held
    credits = ec2.describe_instance_credit_specifications(InstanceIds=[one])["InstanceCreditSpecifications"]
    assert credits == [{"InstanceId": one, "CpuCredits": "unlimited"}]
    volumes = ec2.describe_volumes(Filters=[{"Name": "attachment.instance-id", "Values": [one]}])["Volumes"]
    assert [(one["Size"], one["Attachments"][0]["Device"]) for one in volumes] == [(8, read["RootDeviceName"])]
    owned = [{"Name": "resource-id", "Values": [one]}]
    assert [t["Value"] for t in ec2.describe_tags(Filters=owned)["Tags"]] == ["web"]

    ec2.modify_instance_attribute(InstanceId=one, DisableApiTermination={"Value": False})
    ec2.terminate_instances(InstanceIds=[one])
    ec2.get_waiter("instance_terminated").wait(InstanceIds=[one], WaiterConfig={"Delay": 1, "MaxAttempts": 60})
