"""The tests of objects once more, on a cloud whose contents lie in a bucket of another one."""

import pytest
from cloudtest import Account, Cloud
from test_contents import Outside, Store
from test_s3_objects import *  # noqa: F403

# It is long, and what is its own here is in test_contents.
del test_kill_loses_nothing_and_leaves_nothing_behind  # noqa: F821


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    folder = tmp_path_factory.mktemp("contents")
    there = Cloud(folder).start()
    root = Account(there, "000000000000")
    root.client("s3").create_bucket(Bucket="contents")
    cloud = Outside(folder / "outside", Store(there.endpoint, root.account, "secret")).start()
    yield cloud
    cloud.kill()
    there.kill()
