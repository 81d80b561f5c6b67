"""Images that were made elsewhere: `virga image import`, and the machines of what it makes."""

import gzip
import io
import json
import tarfile
from pathlib import Path

import pytest
from cloudtest import eventually
from test_ec2 import WAIT
from test_ecr import skopeo  # noqa: F401
from test_images import end, image_of, said, start, traces
from test_lambda_images import ARCHITECTURE, digest_of, needed

# What its machines' first process and these tests need.
PROGRAMS = ["dash", "cat", "sleep", "sed", "mkdir", "ls", "stat", "id", "rm"]
LAYER = "application/vnd.oci.image.layer.v1.tar"


def layer(files=(), links=(), folders=()):
    """A layer: names, and what is in them."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name in folders:
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(entry)
        for name, content in dict(files).items():
            content = content.read_bytes() if isinstance(content, Path) else content.encode()
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o755
            archive.addfile(entry, io.BytesIO(content))
        for name, kind, target in links:
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = kind, target
            archive.addfile(entry)
    return out.getvalue()


def small():
    """The layers of a root that is none of this machine's: its own users, a few programs, no SSH server."""
    files = {"etc/passwd": "root:x:0:0:root:/root:/bin/sh\n", "etc/os-release": "ID=small\n"}
    for name in PROGRAMS:
        program = Path("/usr/bin") / name
        files[f"bin/{name}"] = program.resolve()
        files |= {path.lstrip("/"): real for path, real in needed(str(program)).items()}
    lower = layer(
        files | {"srv/old": "old\n", "srv/gone": "gone\n", "opt/one": "the content\n"},
        [("bin/sh", tarfile.SYMTYPE, "dash"), ("opt/two", tarfile.LNKTYPE, "opt/one")],
        ["root", "var", "var/lib", "home"],
    )
    upper = layer({"srv/old": "new\n", "srv/.wh.gone": "", "opt/one": "another\n"})
    return [lower, upper]


def layout(folder, layers, architecture=ARCHITECTURE, packed=gzip.compress):
    """An OCI layout."""
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)

    def entry(content, kind):
        content = content if isinstance(content, bytes) else json.dumps(content).encode()
        digest = digest_of(content)
        (blobs / digest.removeprefix("sha256:")).write_bytes(content)
        return {"mediaType": kind, "digest": digest, "size": len(content)}

    kind = LAYER + ("+gzip" if packed is gzip.compress else "")
    parts = [entry(packed(one), kind) for one in layers]
    config = {
        "architecture": architecture,
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": [digest_of(one) for one in layers]},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": entry(config, "application/vnd.oci.image.config.v1+json"),
        "layers": parts,
    }
    listed = entry(manifest, manifest["mediaType"])
    listed["annotations"] = {"org.opencontainers.image.ref.name": "small"}
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [listed]}))
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    return folder


@pytest.fixture(scope="module", autouse=True)
def has_programs():
    missing = [name for name in PROGRAMS if not (Path("/usr/bin") / name).exists()]
    if missing or not ARCHITECTURE:
        pytest.skip(f"this machine lacks {missing}")


SHOW = (
    "cat /etc/os-release /srv/old /opt/one /opt/two; [ -e /srv/gone ] || echo gone; [ -e /usr/bin/env ] || echo alone"
)
SHOWN = "ID=small\nnew\nanother\nthe content\ngone\nalone\n"


def test_a_container_image_becomes_machines(machines, logins, own_cloud, skopeo, tmp_path):  # noqa: F811
    """By the file that skopeo writes, as docker and podman do; with a login, over kill -9, and as another image."""
    made = layout(tmp_path / "small", small())
    saved = tmp_path / "small.tar"
    skopeo("copy", f"oci:{made}:small", f"docker-archive:{saved}:small:1")
    ec2 = own_cloud.client("ec2")
    imported = json.loads(own_cloud.run("--json", "image", "import", "small", str(saved)).stdout)
    [image] = ec2.describe_images(Owners=["self"])["Images"]
    assert (image["ImageId"], image["Name"], image["State"]) == (imported["ImageId"], "small", "available")
    assert image["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"] == imported["SnapshotId"]

    key = tmp_path / "key"
    key.write_text(ec2.create_key_pair(KeyName="k", KeyType="ed25519")["KeyMaterial"])
    key.chmod(0o600)
    group = ec2.create_security_group(GroupName="ssh", Description="ssh")["GroupId"]
    ec2.authorize_security_group_ingress(GroupId=group, IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="0.0.0.0/0")
    script = "#!/bin/sh\ncat /etc/os-release > /srv/told\n"
    first = start(ec2, image["ImageId"], KeyName="k", SecurityGroupIds=[group], UserData=script)
    assert said(own_cloud, first, SHOW) == SHOWN
    assert said(own_cloud, first, "cat /srv/told") == "ID=small\n"

    def logged_in(*words):
        done = own_cloud.run("ssh", first, "-i", str(key), *words, "--", "id -u; cat /srv/old", check=False)
        return done.returncode == 0 and done.stdout == "0\nnew\n"

    eventually(logged_in)
    eventually(lambda: logged_in("-l", "root"))
    ec2.revoke_security_group_ingress(GroupId=group, IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="0.0.0.0/0")
    assert not logged_in()

    said(own_cloud, first, "echo kept > /srv/kept")
    own_cloud.restart(kill=True)
    ec2 = own_cloud.client("ec2")
    assert said(own_cloud, first, f"cat /srv/kept; {SHOW}") == f"kept\n{SHOWN}"
    again = image_of(ec2, first, "again")
    second = start(ec2, again["ImageId"])
    assert said(own_cloud, second, f"cat /srv/kept; {SHOW}") == f"kept\n{SHOWN}"
    end(ec2, first, second)
    for one in (image, again):
        ec2.deregister_image(ImageId=one["ImageId"], DeleteAssociatedSnapshots=True)
    assert ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"] == []
    eventually(lambda: traces(own_cloud) == (False, []))


def test_folders_accounts_and_regions(machines, own_cloud, tmp_path):
    """Plain layers in a folder, for another account in another region."""
    made = layout(tmp_path / "small", small(), packed=bytes)
    where = ["--account", "123123123123", "--region", "eu-west-1"]
    own_cloud.run("image", "import", "small", str(made), *where)
    ec2 = own_cloud.client("ec2", key="123123123123", region="eu-west-1")
    [image] = ec2.describe_images(Owners=["self"])["Images"]
    first = start(ec2, image["ImageId"])
    assert said(own_cloud, first, SHOW) == SHOWN
    assert own_cloud.client("ec2").describe_images(Owners=["self"])["Images"] == []
    again = own_cloud.run("image", "import", "small", str(made), *where, check=False)
    assert (again.returncode, again.stderr) == (1, f"virga: {made}: {image['ImageId']} has the name small already\n")
    # Encrypted, each machine has all of it as its own.
    copied = {"SourceImageId": image["ImageId"], "SourceRegion": "eu-west-1", "Encrypted": True}
    closed = ec2.copy_image(Name="closed", **copied)["ImageId"]
    ec2.get_waiter("image_available").wait(ImageIds=[closed], WaiterConfig=WAIT)
    second = start(ec2, closed)
    assert said(own_cloud, second, SHOW) == SHOWN
    layers = own_cloud.data / "machines" / "layers"
    [own] = [path for path in layers.iterdir() if path.name.startswith("vol-")]
    assert (own / "etc/os-release").stat().st_size == len("ID=small\n")
    assert (own / "etc/os-release").read_bytes() != b"ID=small\n"
    said(own_cloud, second, "echo kept >> /etc/os-release")
    own_cloud.restart(kill=True)
    assert said(own_cloud, second, "cat /etc/os-release") == "ID=small\nkept\n"
    ec2 = own_cloud.client("ec2", key="123123123123", region="eu-west-1")
    end(ec2, first, second)
    eventually(lambda: not own.exists())


def test_what_is_no_image_makes_nothing(own_cloud, tmp_path):
    shell = small()
    other = "arm64" if ARCHITECTURE == "amd64" else "amd64"
    broken = layout(tmp_path / "broken", shell)
    [blob, *_] = sorted((broken / "blobs" / "sha256").iterdir(), key=lambda path: path.stat().st_size)
    changed = layout(tmp_path / "changed", shell)
    largest = max((changed / "blobs" / "sha256").iterdir(), key=lambda path: path.stat().st_size)
    largest.write_bytes(largest.read_bytes() + b"x")
    blob.unlink()
    (tmp_path / "text").write_text("no image")
    (tmp_path / "empty").mkdir()
    for source, why in [
        (tmp_path / "none", "No such file or directory (os error 2)"),
        (tmp_path / "text", "it is cut off"),
        (tmp_path / "empty", "it is no container image: it has neither index.json nor manifest.json"),
        (layout(tmp_path / "far", shell, other), "it has no image for Linux on"),
        (layout(tmp_path / "bare", [layer({"a": "b"})]), "it has no /bin/sh, without which no machine boots"),
        (layout(tmp_path / "out", [*shell, layer({"../x": ""})]), "a name leads out of the image"),
        (layout(tmp_path / "zstd", [b"\x28\xb5\x2f\xfd"], packed=bytes), "compressed by Zstandard"),
        (changed, f"{digest_of(b'')[:7]}"),
        (broken, "it has no"),
    ]:
        done = own_cloud.run("image", "import", "name", str(source), check=False)
        assert (done.returncode, done.stderr.startswith(f"virga: {source}: ")) == (1, True), done.stderr
        assert why in done.stderr
    ec2 = own_cloud.client("ec2")
    assert ec2.describe_images(Owners=["self"])["Images"] == []
    assert ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"] == []
