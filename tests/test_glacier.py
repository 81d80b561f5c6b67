"""Glacier's vaults, end to end: the SDK's checksums, the CLI, jobs that the clock ends, and kill -9 in between."""

import hashlib
import io
import json
import socket

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.utils import calculate_tree_hash
from cloudtest import REGION, allow, eventually, policy, refused

MIB = 1 << 20


def letters(size):
    """Bytes of which no two mebibytes are the same."""
    return b"".join(bytes([n % 251]) * min(MIB, size - n * MIB) for n in range(-(-size // MIB)))


def tree_hash(data):
    return calculate_tree_hash(io.BytesIO(data))


def completed(glacier, vault, job):
    return eventually(lambda: (shown := glacier.describe_job(vaultName=vault, jobId=job))["Completed"] and shown)


@pytest.fixture
def glacier(own_account):
    glacier = own_account.client("glacier")
    glacier.create_vault(vaultName="v")
    return glacier


def begin(glacier, **parameters):
    return glacier.initiate_job(vaultName="v", jobParameters=parameters)["jobId"]


def test_an_archive_survives_and_comes_back(own_cloud, own_account, glacier):
    data = letters(3 * MIB + 11)
    made = glacier.upload_archive(vaultName="v", archiveDescription="tapes", body=data)
    assert made["checksum"] == tree_hash(data)
    assert made["location"].endswith(f"/vaults/v/archives/{made['archiveId']}")
    own_cloud.restart()
    job = begin(glacier, Type="archive-retrieval", ArchiveId=made["archiveId"])
    with refused("InvalidParameterValueException", f"The job is not currently available for download: {job}", 400):
        glacier.get_job_output(vaultName="v", jobId=job)
    own_cloud.restart()
    own_cloud.run("clock", "+4h")
    assert glacier.describe_job(vaultName="v", jobId=job)["StatusCode"] == "InProgress"
    own_cloud.run("clock", "+2h")
    assert completed(glacier, "v", job)["SHA256TreeHash"] == tree_hash(data)
    own_cloud.restart()
    got = glacier.get_job_output(vaultName="v", jobId=job)
    assert got["body"].read() == data
    assert (got["status"], got["checksum"], got["archiveDescription"]) == (200, tree_hash(data), "tapes")
    part = glacier.get_job_output(vaultName="v", jobId=job, range=f"bytes={MIB}-{2 * MIB - 1}")
    assert part["body"].read() == data[MIB : 2 * MIB]
    assert (part["status"], part["checksum"]) == (206, tree_hash(data[MIB : 2 * MIB]))
    assert part["contentRange"] == f"bytes {MIB}-{2 * MIB - 1}/{len(data)}"


def test_parts_survive(own_cloud, glacier):
    data = letters(4 * MIB + 5)
    upload = glacier.initiate_multipart_upload(vaultName="v", partSize=str(2 * MIB))["uploadId"]
    for first in (4 * MIB, 0, 2 * MIB):
        piece = data[first : first + 2 * MIB]
        taken = glacier.upload_multipart_part(
            vaultName="v", uploadId=upload, range=f"bytes {first}-{first + len(piece) - 1}/*", body=piece
        )
        assert taken["checksum"] == tree_hash(piece)
        own_cloud.restart()
    parts = glacier.list_parts(vaultName="v", uploadId=upload)["Parts"]
    assert [part["RangeInBytes"] for part in parts] == ["0-2097151", "2097152-4194303", "4194304-4194308"]
    whole = {"vaultName": "v", "uploadId": upload, "archiveSize": str(len(data)), "checksum": tree_hash(data)}
    archive = glacier.complete_multipart_upload(**whole)["archiveId"]
    own_cloud.restart()
    assert glacier.complete_multipart_upload(**whole)["archiveId"] == archive
    job = begin(
        glacier,
        Type="archive-retrieval",
        ArchiveId=archive,
        Tier="Expedited",
        RetrievalByteRange=f"{MIB}-{3 * MIB - 1}",
    )
    own_cloud.run("clock", "+5m")
    assert "SHA256TreeHash" not in completed(glacier, "v", job)
    assert glacier.get_job_output(vaultName="v", jobId=job)["body"].read() == data[MIB : 3 * MIB]


def half_sent(cloud, account, data):
    """A connection on which the first half of an archive has been sent."""
    url = f"{cloud.endpoint}/-/vaults/v/archives"
    headers = {"x-amz-sha256-tree-hash": tree_hash(data), "x-amz-content-sha256": hashlib.sha256(data).hexdigest()}
    request = AWSRequest("POST", url, data=data, headers=headers)
    SigV4Auth(Credentials(account.key, account.secret), "glacier", REGION).add_auth(request)
    head = [f"POST /-/vaults/v/archives HTTP/1.1\r\nhost: 127.0.0.1:{cloud.port}\r\ncontent-length: {len(data)}\r\n"]
    head += [f"{name}: {value}\r\n" for name, value in request.headers.items()]
    connection = socket.create_connection(("127.0.0.1", cloud.port))
    connection.sendall("".join([*head, "\r\n"]).encode() + data[: len(data) // 2])
    return connection


def test_no_bytes_are_left_over(own_cloud, own_account, glacier):
    """What an upload that was killed has written, and what was deleted, leaves the data folder."""

    def files():
        return sum(1 for path in (own_cloud.data / "contents").rglob("*") if path.is_file())

    kept = glacier.upload_archive(vaultName="v", body=letters(2 * MIB))["archiveId"]
    assert files() == 1, list(own_cloud.data.iterdir())
    with half_sent(own_cloud, own_account, letters(8 * MIB)):
        eventually(lambda: files() == 2)
        own_cloud.restart()
    eventually(lambda: files() == 1)
    glacier.delete_archive(vaultName="v", archiveId=kept)
    own_cloud.restart()
    with refused("ResourceNotFoundException", f"The archive ID was not found: {kept}", 404):
        begin(glacier, Type="archive-retrieval", ArchiveId=kept)


def test_inventories_and_topics(own_cloud, own_account, glacier):
    sns, sqs = own_account.client("sns"), own_account.client("sqs")
    anyone = policy(
        {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": "*"}
    )
    queue = sqs.create_queue(QueueName="q", Attributes={"Policy": anyone})["QueueUrl"]
    topic = sns.create_topic(Name="t")["TopicArn"]
    vault = f"arn:aws:glacier:us-east-1:{own_account.account}:vaults/v"
    lets = {
        "Effect": "Allow",
        "Principal": {"Service": "glacier.amazonaws.com"},
        "Action": "sns:Publish",
        "Resource": topic,
        "Condition": {"ArnEquals": {"aws:SourceArn": vault}},
    }
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy(lets))
    arn = f"arn:aws:sqs:us-east-1:{own_account.account}:q"
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    configuration = {"SNSTopic": topic, "Events": ["InventoryRetrievalCompleted"]}
    glacier.set_vault_notifications(vaultName="v", vaultNotificationConfig=configuration)
    archive = glacier.upload_archive(vaultName="v", archiveDescription="one", body=b"text")["archiveId"]
    own_cloud.run("clock", "+1d")
    shown = eventually(lambda: (v := glacier.describe_vault(vaultName="v")).get("LastInventoryDate") and v)
    assert shown["NumberOfArchives"] == 1
    job = begin(glacier, Type="inventory-retrieval")
    own_cloud.restart()
    own_cloud.run("clock", "+5h")
    got = eventually(lambda: sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=5).get("Messages"))
    told = json.loads(got[0]["Body"])
    assert (told["JobId"], told["StatusCode"], told["VaultARN"]) == (job, "Succeeded", vault)
    inventory = json.loads(glacier.get_job_output(vaultName="v", jobId=job)["body"].read())
    assert [entry["ArchiveId"] for entry in inventory["ArchiveList"]] == [archive]
    with refused("InvalidParameterValueException", f"Vault not empty or recently written to: {vault}", 400):
        glacier.delete_vault(vaultName="v")
    glacier.delete_archive(vaultName="v", archiveId=archive)
    own_cloud.run("clock", "+1d")
    eventually(lambda: glacier.describe_vault(vaultName="v")["NumberOfArchives"] == 0)
    glacier.delete_vault(vaultName="v")
    assert glacier.list_vaults()["VaultList"] == []


def test_a_user_and_a_locked_vault(own_cloud, own_account, glacier):
    user = own_account.user("keeper", allow("glacier:*"))
    archive = user.client("glacier").upload_archive(vaultName="v", body=b"kept")["archiveId"]
    vault = f"arn:aws:glacier:us-east-1:{own_account.account}:vaults/v"
    forbids = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "glacier:DeleteArchive",
        "Resource": vault,
        "Condition": {"NumericLessThan": {"glacier:ArchiveAgeInDays": "365"}},
    }
    lock = glacier.initiate_vault_lock(vaultName="v", policy={"Policy": policy(forbids)})["lockId"]
    glacier.complete_vault_lock(vaultName="v", lockId=lock)
    own_cloud.restart()
    with refused("AccessDeniedException", status=403):
        user.client("glacier").delete_archive(vaultName="v", archiveId=archive)
    with refused("AccessDeniedException", status=403):
        glacier.abort_vault_lock(vaultName="v")
    own_cloud.run("clock", "+366d")
    user.client("glacier").delete_archive(vaultName="v", archiveId=archive)


def test_the_cli(own_cloud, own_account, glacier, tmp_path):
    data = letters(MIB + 3)
    file = tmp_path / "archive"
    file.write_bytes(data)
    made = own_account.aws(
        "glacier",
        "upload-archive",
        "--account-id",
        "-",
        "--vault-name",
        "v",
        "--body",
        str(file),
        "--archive-description",
        "x",
    )
    assert made["checksum"] == tree_hash(data)
    parameters = json.dumps({"Type": "archive-retrieval", "ArchiveId": made["archiveId"], "Tier": "Expedited"})
    own = ("--account-id", own_account.account, "--vault-name", "v")
    job = own_account.aws("glacier", "initiate-job", *own, "--job-parameters", parameters)["jobId"]
    own_cloud.run("clock", "+5m")
    completed(glacier, "v", job)
    listed = own_account.aws("glacier", "list-jobs", *own, "--completed", "true")
    assert [job["StatusCode"] for job in listed["JobList"]] == ["Succeeded"]
    out = tmp_path / "out"
    got = own_account.aws("glacier", "get-job-output", *own, "--job-id", job, str(out))
    assert (got["status"], out.read_bytes()) == (200, data)
