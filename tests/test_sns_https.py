"""SNS to HTTPS endpoints: whom the cloud trusts, and what it tells them at the end; across kill -9."""

import json
import time

import pytest
from cloudtest import Account, Cloud, refused
from hooks import Hooks


def test_a_trusted_endpoint_is_told_all_and_its_end_even_after_kill_9(tmp_path):
    hooks = Hooks(tmp_path)
    cloud = Cloud(tmp_path, "--trust", str(hooks.authority)).start()
    try:
        sns = Account(cloud, "111111111111").client("sns")
        topic = sns.create_topic(Name="news")["TopicArn"]
        sns.subscribe(TopicArn=topic, Protocol="https", Endpoint=f"{hooks.url}/hook")
        token = json.loads(hooks.wait(1).body)["Token"]
        arn = sns.confirm_subscription(TopicArn=topic, Token=token)["SubscriptionArn"]
        sns.publish(TopicArn=topic, Message="hello")
        assert json.loads(hooks.wait(2).body)["Message"] == "hello"
        sns.unsubscribe(SubscriptionArn=arn)
        cloud.kill()
        cloud.start()
        deadline = time.monotonic() + 30
        while len(hooks.seen) < 3 and time.monotonic() < deadline:
            time.sleep(0.02)
        # Once, or twice if it was killed between the call and the note about it.
        goodbyes = [json.loads(call.body) for call in hooks.seen[2:]]
        assert [message["Type"] for message in goodbyes] in (
            ["UnsubscribeConfirmation"],
            ["UnsubscribeConfirmation"] * 2,
        )
        sns = Account(cloud, "111111111111").client("sns")
        assert sns.list_subscriptions()["Subscriptions"] == []
        assert sns.confirm_subscription(TopicArn=topic, Token=goodbyes[0]["Token"])["SubscriptionArn"] == arn
    finally:
        cloud.kill()
        hooks.close()


def test_without_trust_nothing_is_told(account, tmp_path):
    hooks = Hooks(tmp_path)
    sns = account.client("sns")
    topic = sns.create_topic(Name="news")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="https", Endpoint=f"{hooks.url}/hook")
    time.sleep(1)
    assert hooks.seen == []
    hooks.close()


def test_the_clouds_own_authority_is_trusted(own_cloud, own_account):
    """The cloud calls itself, and refuses what it is told: but it was told."""
    sns = own_account.client("sns")
    topic = sns.create_topic(Name="news")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="https", Endpoint=f"https://localhost:{own_cloud.port}/")
    deadline = time.monotonic() + 20
    while "the endpoint answered 4" not in own_cloud.log.read_text() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert "the endpoint answered 4" in own_cloud.log.read_text()


def test_what_cannot_be_trusted_is_said_at_once(tmp_path):
    cloud = Cloud(tmp_path)
    missing = cloud.run("up", "--trust", str(tmp_path / "none.pem"), check=False)
    assert missing.returncode == 1
    assert "none.pem" in missing.stderr
    (tmp_path / "text.pem").write_text("no certificate")
    text = cloud.run("up", "--trust", str(tmp_path / "text.pem"), check=False)
    assert text.returncode == 1
    assert "there is no certificate in it" in text.stderr


def test_the_cloud_does_not_order_itself_about_for_its_users(own_cloud, own_account):
    """Its own pages answer to loopback, which is where its calls come from."""
    sns = own_account.client("sns")
    topic = sns.create_topic(Name="news")["TopicArn"]
    for path in ("_virga/reset", "_localstack/state/reset"):
        sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=f"{own_cloud.endpoint}/{path}")
        sns.subscribe(TopicArn=topic, Protocol="https", Endpoint=f"https://localhost:{own_cloud.port}/{path}")
    deadline = time.monotonic() + 20
    while own_cloud.log.read_text().count("the endpoint answered 403") < 4 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert own_cloud.log.read_text().count("the endpoint answered 403") == 4
    assert sns.list_topics()["Topics"] == [{"TopicArn": topic}]


@pytest.mark.parametrize("agent", ["Amazon Simple Notification Service Agent", "Amazon/EventBridge/ApiDestinations"])
def test_what_it_calls_is_nobody_who_needs_no_secret(account, agent):
    """The shared keys of roots are for loopback, and no user gets at them by having the cloud call itself."""
    sts = account.client("sts")
    assert sts.get_caller_identity()["Account"] == account.account

    def disguise(request, **_):
        request.headers["User-Agent"] = agent

    sts.meta.events.register("before-send", disguise)
    with refused("InvalidClientTokenId", status=403):
        sts.get_caller_identity()
