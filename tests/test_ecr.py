"""ECR with boto3 and skopeo: images go in and come out byte for byte, survive a kill, and policies decide."""

import base64
import gzip
import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
import urllib.request
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from cloudtest import allow

OCI = "application/vnd.oci.image"


def digest_of(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


@pytest.fixture(scope="session")
def skopeo():
    path = shutil.which("skopeo")
    if not path:
        pytest.skip("skopeo is not installed")

    def run(*arguments, check=True):
        command = [path, "--insecure-policy", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, check=check, timeout=120)

    return run


@pytest.fixture
def layout(tmp_path):
    """An image as a folder in OCI's layout, with a layer that is larger than one part of an upload."""
    root = tmp_path / "image"
    blobs = root / "blobs" / "sha256"
    blobs.mkdir(parents=True)

    def blob(content, kind):
        (blobs / digest_of(content).removeprefix("sha256:")).write_bytes(content)
        return {"mediaType": f"{OCI}.{kind}", "digest": digest_of(content), "size": len(content)}

    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as archive:
        for name, content in {"hello.txt": b"hello", "large": os.urandom(22 << 20)}.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    layer = blob(gzip.compress(tar.getvalue(), 1), "layer.v1.tar+gzip")
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Cmd": ["/hello"]},
        "rootfs": {"type": "layers", "diff_ids": [digest_of(tar.getvalue())]},
    }
    config = blob(json.dumps(config).encode(), "config.v1+json")
    manifest = {"schemaVersion": 2, "mediaType": f"{OCI}.manifest.v1+json", "config": config, "layers": [layer]}
    manifest = blob(json.dumps(manifest).encode(), "manifest.v1+json")
    manifest["annotations"] = {"org.opencontainers.image.ref.name": "v1"}
    (root / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [manifest]}))
    (root / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    return root


def credentials(ecr):
    token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    return base64.b64decode(token).decode()


def push(skopeo, ecr, port, layout, name, check=True):
    return skopeo(
        "copy",
        "--preserve-digests",
        "--dest-tls-verify=false",
        f"--dest-creds={credentials(ecr)}",
        f"oci:{layout}:v1",
        f"docker://127.0.0.1:{port}/{name}:v1",
        check=check,
    )


def blobs(folder):
    return {path.name: path.read_bytes() for path in Path(folder).glob("blobs/sha256/*")}


def test_skopeo_pushes_and_pulls_across_a_kill(own_cloud, own_account, skopeo, layout, tmp_path):
    ecr = own_account.client("ecr")
    ecr.create_repository(repositoryName="team/app")
    push(skopeo, ecr, own_cloud.port, layout, "team/app")
    # What is there already is no error.
    push(skopeo, ecr, own_cloud.port, layout, "team/app")
    image = ecr.describe_images(repositoryName="team/app")["imageDetails"][0]
    assert image["imageTags"] == ["v1"]
    assert image["imageSizeInBytes"] > 20 << 20
    own_cloud.kill()
    own_cloud.start()
    ecr = own_account.client("ecr")
    source = f"docker://127.0.0.1:{own_cloud.port}/team/app"
    options = ["--src-tls-verify=false", f"--src-creds={credentials(ecr)}"]
    skopeo("copy", *options, f"{source}:v1", f"oci:{tmp_path / 'back'}:v1")
    assert blobs(tmp_path / "back") == blobs(layout)
    tags = skopeo("list-tags", "--tls-verify=false", f"--creds={credentials(ecr)}", source)
    assert json.loads(tags.stdout)["Tags"] == ["v1"]


def test_a_reader_cannot_push(cloud, account, skopeo, layout, tmp_path):
    owner = account.client("ecr")
    owner.create_repository(repositoryName="app")
    push(skopeo, owner, cloud.port, layout, "app")
    reading = ["ecr:GetAuthorizationToken", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    ecr = account.user("reader", allow(reading)).client("ecr")
    source = f"docker://127.0.0.1:{cloud.port}/app:v1"
    options = ["--src-tls-verify=false", f"--src-creds={credentials(ecr)}"]
    skopeo("copy", *options, source, f"oci:{tmp_path / 'back'}:v1")
    assert blobs(tmp_path / "back") == blobs(layout)
    refused = push(skopeo, ecr, cloud.port, layout, "app", check=False)
    assert refused.returncode != 0
    assert "403 (Forbidden)" in refused.stderr
    wrong = ["--tls-verify=false", "--creds=AWS:wrong"]
    assert skopeo("inspect", *wrong, source, check=False).returncode != 0


def test_layers_by_the_api_and_their_links(account):
    ecr = account.client("ecr")
    ecr.create_repository(repositoryName="app")
    upload = ecr.initiate_layer_upload(repositoryName="app")["uploadId"]
    content = b"a layer"
    ecr.upload_layer_part(
        repositoryName="app",
        uploadId=upload,
        partFirstByte=0,
        partLastByte=len(content) - 1,
        layerPartBlob=content,
    )
    ecr.complete_layer_upload(repositoryName="app", uploadId=upload, layerDigests=[digest_of(content)])
    link = ecr.get_download_url_for_layer(repositoryName="app", layerDigest=digest_of(content))["downloadUrl"]
    assert urllib.request.urlopen(link).read() == content
    with pytest.raises(ecr.exceptions.RepositoryNotFoundException):
        ecr.describe_repositories(repositoryNames=["none"])
    with pytest.raises(ecr.exceptions.RepositoryAlreadyExistsException):
        ecr.create_repository(repositoryName="app")


def test_the_command_line_and_what_is_not_built(account):
    made = account.aws("ecr", "create-repository", "--repository-name", "app", "--tags", "Key=a,Value=b")
    arn = made["repository"]["repositoryArn"]
    assert account.aws("ecr", "list-tags-for-resource", "--resource-arn", arn)["tags"] == [{"Key": "a", "Value": "b"}]
    ecr = account.client("ecr")
    with pytest.raises(ClientError, match="NotImplemented"):
        ecr.create_repository(repositoryName="scanned", imageScanningConfiguration={"scanOnPush": True})
