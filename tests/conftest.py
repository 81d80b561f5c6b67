"""Fixtures: `cloud` (shared by a worker's tests), `account` (fresh for each test), `own_cloud` (to stop and break)."""

import hashlib
import json
import shutil

import pytest
from cloudtest import Account, Cloud


@pytest.fixture(scope="session")
def cloud(tmp_path_factory):
    """A running cloud that all tests of one worker share. Don't stop it and don't move its clock."""
    cloud = Cloud(tmp_path_factory.mktemp("cloud")).start()
    yield cloud
    assert cloud.process.poll() is None, f"the cloud died during the tests:\n{cloud.log.read_text(errors='replace')}"
    assert cloud.stop() == 0


@pytest.fixture
def own_cloud(tmp_path):
    """A running cloud for one test."""
    cloud = Cloud(tmp_path).start()
    yield cloud
    cloud.kill()


def _number(request, salt=""):
    """An account number that belongs to one test, the same in each run."""
    digest = hashlib.sha256(f"{request.node.nodeid}{salt}".encode()).digest()
    return str(10**11 + int.from_bytes(digest[:8], "big") % (9 * 10**11))


@pytest.fixture
def account(cloud, request):
    return Account(cloud, _number(request))


@pytest.fixture
def other_account(cloud, request):
    return Account(cloud, _number(request, "other"))


@pytest.fixture
def own_account(own_cloud, request):
    return Account(own_cloud, _number(request))


@pytest.fixture
def machines(cloud):
    """For tests that boot machines: left out, visibly, where `virga doctor` says that there can be none."""
    findings = json.loads(cloud.run("doctor", "--json", check=False).stdout)["findings"]
    networks = next(finding for finding in findings if finding["what"] == "networks")
    if not networks["good"]:
        pytest.skip(networks["detail"])


@pytest.fixture
def logins(cloud, machines):
    """For tests that log in by SSH, likewise."""
    findings = json.loads(cloud.run("doctor", "--json", check=False).stdout)["findings"]
    found = next(finding for finding in findings if finding["what"] == "logins")
    if not found["good"]:
        pytest.skip(found["detail"])
    if not shutil.which("ssh"):
        pytest.skip("openssh-client is not installed")
