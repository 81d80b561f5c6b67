"""Code that is a folder of this machine: what is changed there runs from the next event on."""

import pytest
from cloudtest import Account, Cloud, refused
from test_lambda import invoke, make, role, runs_here, zipped  # noqa: F401

ONE = "def handler(event, context):\n    return {!r}\n"


@pytest.fixture
def place(tmp_path):
    (tmp_path / "code" / "shop").mkdir(parents=True)
    (tmp_path / "code" / "shop" / "app.py").write_text(ONE.format("first"))
    (tmp_path / "outside").mkdir()
    (tmp_path / "code" / "link").symlink_to(tmp_path / "outside")
    cloud = Cloud(tmp_path, "--hot-reload", str(tmp_path / "code")).start()
    yield tmp_path, Account(cloud, "123456789012")
    cloud.kill()


def of(path):
    return {"S3Bucket": "hot-reload", "S3Key": str(path)}


def test_what_is_changed_runs(place):
    folder, account = place
    client = make(account, ONE.format("packed"))
    client.update_function_code(FunctionName="it", **of(folder / "code" / "shop"))
    assert invoke(client)[1] == "first"
    assert "Init Duration" not in invoke(client)[2], "what has not changed is used again"
    (folder / "code" / "shop" / "app.py").write_text(ONE.format("second"))
    assert invoke(client)[1] == "second"
    (folder / "code" / "shop" / "more.py").write_text("WORD = 'third'\n")
    (folder / "code" / "shop" / "app.py").write_text("from more import WORD\nhandler = lambda event, context: WORD\n")
    assert invoke(client)[1] == "third"
    why = "A version does not change, and the folder .* may: update the function's code with an archive first."
    with pytest.raises(client.exceptions.InvalidParameterValueException, match=why):
        client.publish_version(FunctionName="it")
    account.cloud.restart()
    client = account.client("lambda")
    assert invoke(client)[1] == "third"
    client.update_function_code(FunctionName="it", ZipFile=zipped("app.py", ONE.format("packed again")))
    assert invoke(client)[1] == "packed again"
    assert client.publish_version(FunctionName="it")["Version"] == "1"


def test_other_folders_are_not_code(place):
    folder, account = place
    client = make(account, ONE.format("packed"))
    for path in ("/etc", folder / "outside", folder / "code" / "link", folder / "code" / ".." / "outside", "no"):
        why = f"{path} is no folder below {folder / 'code'}."
        with refused("InvalidParameterValueException", why, 400):
            client.update_function_code(FunctionName="it", **of(path))
    assert invoke(client)[1] == "packed"


def test_without_being_let_the_bucket_is_one_like_any_other(account):
    client = make(account, ONE.format("packed"))
    with pytest.raises(client.exceptions.InvalidParameterValueException, match="S3 Error Code: NoSuchBucket"):
        client.update_function_code(FunctionName="it", **of("/etc"))
