"""kill -9 while many write: everything that was acknowledged is there afterwards, whole."""

import contextlib
import threading
import time

from botocore.exceptions import BotoCoreError, ClientError
from cloudtest import allow, policy

WRITERS = 4
ROUNDS = 3
SECONDS = 0.8


def write_until_cut(cloud, writer, acknowledged, cut):
    iam, kms = cloud.client("iam"), cloud.client("kms")
    document = policy(allow("iam:ListUsers"))
    number = 0
    with contextlib.suppress(BotoCoreError, ClientError):
        while not cut.is_set():
            number += 1
            name = f"{writer}-{number}"
            iam.create_user(UserName=name)
            acknowledged.append(("user", name))
            iam.put_user_policy(UserName=name, PolicyName="list", PolicyDocument=document)
            acknowledged.append(("policy", name))
            key = kms.create_key()["KeyMetadata"]["KeyId"]
            sealed = kms.encrypt(KeyId=key, Plaintext=name.encode())["CiphertextBlob"]
            acknowledged.append(("sealed", name, sealed))


def test_kill_9_among_writers_loses_nothing_that_was_acknowledged(own_cloud):
    acknowledged = []
    for round_number in range(ROUNDS):
        cut = threading.Event()
        writers = [
            threading.Thread(target=write_until_cut, args=(own_cloud, f"r{round_number}w{n}", acknowledged, cut))
            for n in range(WRITERS)
        ]
        for writer in writers:
            writer.start()
        time.sleep(SECONDS)
        own_cloud.kill()
        cut.set()
        for writer in writers:
            writer.join()
        own_cloud.start()

    iam, kms = own_cloud.client("iam"), own_cloud.client("kms")
    pages = iam.get_paginator("list_users").paginate()
    users = {user["UserName"] for page in pages for user in page["Users"]}
    kinds = {kind for kind, *_ in acknowledged}
    assert kinds == {"user", "policy", "sealed"}, "too little was written to tell anything"
    for kind, name, *rest in acknowledged:
        assert name in users
        if kind == "policy":
            assert iam.get_user_policy(UserName=name, PolicyName="list")["PolicyName"] == "list"
        if kind == "sealed":
            assert kms.decrypt(CiphertextBlob=rest[0])["Plaintext"] == name.encode()
