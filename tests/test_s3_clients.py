"""S3 through the tools that people use: s3cmd, rclone, restic, s3fs.

They speak as they do to AWS, in path style. s3cmd comes with the tests' requirements; the others are Debian packages,
and the tests of one that is not there are skipped.
"""

import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from cloudtest import REGION, allow

MIB = 1 << 20
# Names that are escaped in addresses, in XML, in listings, or only by some.
ODD_NAMES = [
    "plain",
    "with space",
    "a+b",
    "100%",
    "per%20cent",
    "ünï/çødé",
    "日本語",
    "a&b<c>",
    "q?x=1#y",
    "it's",
    "~tilde",
]
LARGE = 65 * MIB + 12345


@pytest.fixture
def bucket(account):
    name = f"clients-{account.account}"
    account.client("s3").create_bucket(Bucket=name)
    return name


@pytest.fixture
def tree(tmp_path):
    """A folder with odd names, an empty file and a large one."""
    root = tmp_path / "tree"
    for name in ODD_NAMES:
        path = root / "odd" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode() * 100)
    (root / "empty").touch()
    (root / "large").write_bytes(os.urandom(MIB) * 65 + os.urandom(LARGE - 65 * MIB))
    return root


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def keys(account, bucket):
    pages = account.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return {found["Key"]: found for page in pages for found in page.get("Contents", [])}


def program(name):
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


class Tool:
    """A program with the options and the environment that point it at the cloud."""

    def __init__(self, home, *command, **environment):
        self.command = command
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(home), "LC_ALL": "C.UTF-8", **environment}

    def __call__(self, *arguments, check=True):
        done = subprocess.run(
            [*self.command, *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=240,
            env=self.environment,
        )
        if check:
            assert done.returncode == 0, f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done


def s3cmd_of(caller, home):
    host = caller.cloud.endpoint.removeprefix("http://")
    config = home / "s3cfg"
    config.write_text(
        f"[default]\naccess_key = {caller.key}\nsecret_key = {caller.secret}\nbucket_location = {REGION}\n"
        f"host_base = {host}\nhost_bucket = {host}\nuse_https = False\n"
    )
    script = Path(sys.executable).parent / "s3cmd"
    return Tool(home, sys.executable, script, "--config", str(config), "--no-progress")


@pytest.fixture
def s3cmd(account, tmp_path):
    return s3cmd_of(account, tmp_path)


@pytest.fixture
def rclone(account, cloud, tmp_path):
    return Tool(
        tmp_path,
        program("rclone"),
        "--retries=1",
        "--low-level-retries=1",
        # Its default is `private`, which a bucket without ACLs refuses, as AWS does.
        "--s3-acl=bucket-owner-full-control",
        RCLONE_CONFIG_VIRGA_TYPE="s3",
        RCLONE_CONFIG_VIRGA_PROVIDER="Other",
        RCLONE_CONFIG_VIRGA_ACCESS_KEY_ID=account.key,
        RCLONE_CONFIG_VIRGA_SECRET_ACCESS_KEY=account.secret,
        RCLONE_CONFIG_VIRGA_REGION=REGION,
        RCLONE_CONFIG_VIRGA_ENDPOINT=cloud.endpoint,
        RCLONE_CONFIG_VIRGA_LIST_VERSION="2",
        RCLONE_CONFIG_VIRGA_LIST_URL_ENCODE="true",
    )


def test_s3cmd_takes_a_tree_there_and_back(account, bucket, s3cmd, tree, tmp_path):
    s3cmd("sync", f"{tree}/", f"s3://{bucket}/tree/")
    stored = keys(account, bucket)
    assert set(stored) == {f"tree/{name}" for name in contents(tree)}
    # s3cmd's parts are 15 MiB.
    assert stored["tree/large"]["ETag"].endswith('-5"')
    again = s3cmd("sync", f"{tree}/", f"s3://{bucket}/tree/")
    assert "upload:" not in again.stdout, "nothing has changed"
    listed = s3cmd("ls", "--recursive", f"s3://{bucket}/").stdout
    assert {line.split(f"s3://{bucket}/")[1] for line in listed.splitlines()} == set(stored)
    back = tmp_path / "back"
    back.mkdir()
    s3cmd("sync", f"s3://{bucket}/tree/", f"{back}/")
    assert contents(back) == contents(tree)
    (tree / "odd" / "a+b").unlink()
    s3cmd("sync", "--delete-removed", f"{tree}/", f"s3://{bucket}/tree/")
    assert set(stored) - set(keys(account, bucket)) == {"tree/odd/a+b"}
    s3cmd("del", "--recursive", "--force", f"s3://{bucket}/tree/")
    assert keys(account, bucket) == {}


def test_s3cmd_makes_copies_and_removes(account, s3cmd, tmp_path):
    bucket = f"s3cmd-{account.account}"
    s3cmd("mb", f"s3://{bucket}")
    assert f"s3://{bucket}" in s3cmd("ls").stdout
    source = tmp_path / "source"
    source.write_text("content")
    s3cmd("put", "--add-header=x-amz-meta-color:blue", "--mime-type=text/x-test", source, f"s3://{bucket}/a b+c%")
    info = s3cmd("info", f"s3://{bucket}/a b+c%").stdout
    assert "text/x-test" in info
    assert "blue" in info
    # It copies an object's ACL with it, which a bucket without ACLs refuses, as AWS does.
    refused = s3cmd("cp", f"s3://{bucket}/a b+c%", f"s3://{bucket}/copied", check=False)
    assert "AccessControlListNotSupported" in refused.stderr
    s3cmd("setownership", f"s3://{bucket}", "ObjectWriter")
    s3cmd("cp", f"s3://{bucket}/a b+c%", f"s3://{bucket}/copied")
    s3cmd("mv", f"s3://{bucket}/copied", f"s3://{bucket}/moved")
    assert set(keys(account, bucket)) == {"a b+c%", "moved"}
    refused = s3cmd("rb", f"s3://{bucket}", check=False)
    assert "BucketNotEmpty" in refused.stderr
    s3cmd("rb", "--recursive", "--force", f"s3://{bucket}")
    assert f"s3://{bucket}" not in s3cmd("ls").stdout


def test_rclone_takes_a_tree_there_and_back(account, bucket, rclone, tree, tmp_path):
    remote = f"virga:{bucket}/tree"
    rclone("sync", "--s3-upload-cutoff=16M", "--s3-chunk-size=8M", tree, remote)
    stored = keys(account, bucket)
    assert set(stored) == {f"tree/{name}" for name in contents(tree)}
    assert stored["tree/large"]["ETag"].endswith('-9"')
    rclone("check", "--download", tree, remote)
    listed = rclone("lsf", "--recursive", "--files-only", remote).stdout.splitlines()
    assert set(listed) == set(contents(tree))
    back = tmp_path / "back"
    rclone("copy", remote, back)
    assert contents(back) == contents(tree)
    rclone("moveto", f"{remote}/odd/100%", f"{remote}/odd/200%")
    (tree / "odd" / "a+b").unlink()
    rclone("sync", tree, remote)
    assert set(keys(account, bucket)) == set(stored) - {"tree/odd/a+b"}
    rclone("purge", remote)
    assert keys(account, bucket) == {}


def test_restic_backs_up_checks_and_restores(account, cloud, bucket, tree, tmp_path):
    restic = Tool(
        tmp_path,
        program("restic"),
        AWS_ACCESS_KEY_ID=account.key,
        AWS_SECRET_ACCESS_KEY=account.secret,
        AWS_DEFAULT_REGION=REGION,
        RESTIC_REPOSITORY=f"s3:{cloud.endpoint}/{bucket}/backups",
        RESTIC_PASSWORD="not guessed",
    )
    restic("init")
    restic("backup", tree)
    first = contents(tree)
    (tree / "large").write_bytes(b"overwritten")
    restic("backup", tree)
    restic("check", "--read-data")
    snapshots = restic("snapshots", "--compact").stdout
    assert "2 snapshots" in snapshots
    oldest = next(
        line.split()[0] for line in snapshots.splitlines() if line[:8].isalnum() and line[:1] in "0123456789abcdef"
    )
    back = tmp_path / "back"
    restic("restore", oldest, "--target", back)
    assert contents(back / tree.relative_to("/")) == first
    restic("forget", "--keep-last=1", "--prune")
    restic("check", "--read-data")


def mounted(point):
    return any(line.split()[1] == str(point) for line in Path("/proc/mounts").read_text().splitlines())


@pytest.fixture
def mount(account, cloud, bucket, tmp_path):
    """The bucket as a folder."""
    s3fs = program("s3fs")
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        pytest.skip("/dev/fuse is not there")
    secret, point, log = tmp_path / "secret", tmp_path / "mount", tmp_path / "s3fs.log"
    user = account.user("mounts", allow("s3:*"))
    secret.write_text(f"{user.key}:{user.secret}")
    secret.chmod(0o600)
    point.mkdir()
    options = f"passwd_file={secret},url={cloud.endpoint},use_path_request_style,endpoint={REGION},multipart_size=10"
    with log.open("wb") as out:
        process = subprocess.Popen([s3fs, bucket, str(point), "-f", "-o", options], stdout=out, stderr=out)
    deadline = time.monotonic() + 20
    while not mounted(point) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    if not mounted(point):
        process.kill()
        process.wait()
        said = log.read_text(errors="replace")
        if "fuse" in said and "permitted" in said:
            pytest.skip(f"nothing may be mounted here: {said.strip().splitlines()[-1]}")
        pytest.fail(f"s3fs did not mount:\n{said}")
    yield point
    process.terminate()
    process.wait(timeout=30)


def test_s3fs_is_a_folder(account, bucket, mount, tree):
    shutil.copytree(tree, mount / "tree", copy_function=shutil.copyfile)
    assert contents(mount / "tree") == contents(tree)
    stored = keys(account, bucket)
    assert {name for name in stored if not name.endswith("/")} == {f"tree/{name}" for name in contents(tree)}
    assert "-" in stored["tree/large"]["ETag"], "in parts"
    with (mount / "tree" / "empty").open("a") as file:
        file.write("no more")
    (mount / "tree" / "odd" / "plain").rename(mount / "renamed")
    (mount / "tree" / "odd" / "a+b").unlink()
    s3 = account.client("s3")
    assert s3.get_object(Bucket=bucket, Key="tree/empty")["Body"].read() == b"no more"
    assert s3.get_object(Bucket=bucket, Key="renamed")["Body"].read() == b"plain" * 100
    s3.put_object(Bucket=bucket, Key="from/outside", Body=b"seen")
    assert (mount / "from" / "outside").read_bytes() == b"seen"
    shutil.rmtree(mount / "tree")
    assert set(keys(account, bucket)) == {"renamed", "from/outside"}


def test_a_url_signed_by_s3cmd_needs_no_credentials(account, bucket, tmp_path):
    account.client("s3").put_object(Bucket=bucket, Key="a b+c%ü", Body=b"shared")
    s3cmd = s3cmd_of(account.user("shares", allow("s3:GetObject")), tmp_path)
    url = s3cmd("signurl", f"s3://{bucket}/a b+c%ü", "+600").stdout.strip()
    with urllib.request.urlopen(url) as answer:
        assert answer.read() == b"shared"
    for bad in (url.replace("a%20b", "other"), url.replace("Expires=1", "Expires=2")):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(bad)
        assert refused.value.code == 403
        assert b"<Code>SignatureDoesNotMatch</Code>" in refused.value.read()
