"""Provisioned concurrency end to end: environments that have begun before anybody calls."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from test_lambda import doctor, eventually, invoke, logged, make, zipped

WORD = "AWS_LAMBDA_INITIALIZATION_TYPE"
SHOWS = f"""
import os, time
born = time.time()
print("begun as", os.environ["{WORD}"])
def handler(event, context):
    time.sleep(event or 0)
    return {{"kind": os.environ["{WORD}"], "born": born, "pid": os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]}}
"""


@pytest.fixture(scope="module", autouse=True)
def runs_here(cloud):
    """What this machine lacks is said, and its tests are left out."""
    if not (networks := doctor(cloud)["networks"])["good"]:
        pytest.skip(f"no sandboxes here: {networks['detail']}")


def provision(client, number, qualifier="live"):
    of = {"FunctionName": "it", "Qualifier": qualifier}
    client.put_provisioned_concurrency_config(**of, ProvisionedConcurrentExecutions=number)
    return settled(client, qualifier)


def settled(client, qualifier="live"):
    def shown():
        got = client.get_provisioned_concurrency_config(FunctionName="it", Qualifier=qualifier)
        return got["Status"] != "IN_PROGRESS" and got

    return eventually(shown)


def aliased(account, text):
    client = make(account, text)
    version = client.publish_version(FunctionName="it")["Version"]
    client.create_alias(FunctionName="it", Name="live", FunctionVersion=version)
    return client


def test_they_wait_for_events_and_the_rest_spills_over(account):
    client = aliased(account, SHOWS)
    shown = provision(client, 2)
    assert (shown["Status"], shown["AvailableProvisionedConcurrentExecutions"]) == ("READY", 2)
    assert eventually(lambda: sum("begun as provisioned" in line for line in logged(account)) == 2)
    asked = time.time()
    error, got, _ = invoke(client, Qualifier="live")
    assert (error, got["kind"]) == (None, "provisioned-concurrency")
    assert got["born"] < asked
    with ThreadPoolExecutor(3) as pool:
        all_three = [pool.submit(invoke, account.client("lambda"), 3, Qualifier="live") for _ in range(3)]
        kinds = sorted(one.result()[1]["kind"] for one in all_three)
    assert kinds == ["on-demand", "provisioned-concurrency", "provisioned-concurrency"]
    assert invoke(client)[1]["kind"] == "on-demand", "what changes has none"
    client.delete_provisioned_concurrency_config(FunctionName="it", Qualifier="live")
    gone = eventually(lambda: invoke(client, Qualifier="live")[1]["kind"] == "on-demand")
    assert gone


def test_one_that_is_lost_is_replaced(account):
    client = aliased(account, SHOWS.replace("time.sleep(event or 0)", "event and os._exit(1)"))
    provision(client, 1)
    first = invoke(client, Qualifier="live")[1]["pid"]
    assert invoke(client, 1, Qualifier="live")[0] == "Unhandled"

    def again():
        got = client.get_provisioned_concurrency_config(FunctionName="it", Qualifier="live")
        return got["AvailableProvisionedConcurrentExecutions"] == 1

    assert eventually(again)
    _, got, _ = invoke(client, Qualifier="live")
    assert got["kind"] == "provisioned-concurrency"
    assert got["pid"] != first


def test_what_cannot_begin_fails(account):
    client = aliased(account, "import os\nos._exit(3)\n")
    shown = provision(client, 1)
    assert (shown["Status"], shown["StatusReason"]) == ("FAILED", "FUNCTION_ERROR_INIT_FAILURE")
    # Another version, another try.
    client.update_function_code(FunctionName="it", ZipFile=zipped("app.py", SHOWS))
    version = client.publish_version(FunctionName="it")["Version"]
    client.update_alias(FunctionName="it", Name="live", FunctionVersion=version)
    assert settled(client)["Status"] == "READY"


def test_they_are_back_after_a_kill(own_cloud, own_account):
    client = aliased(own_account, SHOWS)
    provision(client, 1)
    own_cloud.kill()
    own_cloud.start()
    client = own_account.client("lambda")
    assert settled(client)["Status"] == "READY"
    asked = time.time()
    got = invoke(client, Qualifier="live")[1]
    assert got["kind"] == "provisioned-concurrency"
    assert got["born"] < asked
    # Before their role's credentials end, others take their place.
    own_cloud.run("clock", "+7200s")

    def another():
        now = invoke(client, Qualifier="live")[1]
        return now["kind"] == "provisioned-concurrency" and now["pid"] != got["pid"]

    assert eventually(another)


def test_a_template_waits_for_them(account):
    role = make(account, SHOWS, name="other").get_function(FunctionName="other")["Configuration"]["Role"]
    function = {"Ref": "F"}
    runtime = account.client("lambda").get_function(FunctionName="other")["Configuration"]["Runtime"]
    resources = {
        "F": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "FunctionName": "it",
                "Role": role,
                "Runtime": runtime,
                "Handler": "index.handler",
                "Code": {"ZipFile": SHOWS},
            },
        },
        "V": {"Type": "AWS::Lambda::Version", "Properties": {"FunctionName": function}},
        "A": {
            "Type": "AWS::Lambda::Alias",
            "Properties": {
                "FunctionName": function,
                "Name": "live",
                "FunctionVersion": {"Fn::GetAtt": ["V", "Version"]},
                "ProvisionedConcurrencyConfig": {"ProvisionedConcurrentExecutions": 1},
            },
        },
    }
    stacks = account.client("cloudformation")
    stacks.create_stack(StackName="warm", TemplateBody=json.dumps({"Resources": resources}))
    stacks.get_waiter("stack_create_complete").wait(StackName="warm", WaiterConfig={"Delay": 1})
    client = account.client("lambda")
    of = {"FunctionName": "it", "Qualifier": "live"}
    assert client.get_provisioned_concurrency_config(**of)["Status"] == "READY"
    assert invoke(client, Qualifier="live")[1]["kind"] == "provisioned-concurrency"
    del resources["A"]["Properties"]["ProvisionedConcurrencyConfig"]
    stacks.update_stack(StackName="warm", TemplateBody=json.dumps({"Resources": resources}))
    stacks.get_waiter("stack_update_complete").wait(StackName="warm", WaiterConfig={"Delay": 1})
    with pytest.raises(client.exceptions.ProvisionedConcurrencyConfigNotFoundException):
        client.get_provisioned_concurrency_config(**of)
    resources["F"]["Properties"]["Code"]["ZipFile"] = "raise ValueError"
    resources["W"] = resources.pop("V")
    resources["A"]["Properties"] |= {
        "FunctionVersion": {"Fn::GetAtt": ["W", "Version"]},
        "ProvisionedConcurrencyConfig": {"ProvisionedConcurrentExecutions": 1},
    }
    stacks.update_stack(StackName="warm", TemplateBody=json.dumps({"Resources": resources}))
    stacks.get_waiter("stack_rollback_complete").wait(StackName="warm", WaiterConfig={"Delay": 1})
