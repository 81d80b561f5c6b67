"""CloudWatch with boto3 (RPC v2 CBOR) and the AWS CLI."""

import gzip
import time
import urllib.parse
import urllib.request
from datetime import UTC, datetime, timedelta

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError


def _span():
    now = datetime.now(UTC)
    return {"StartTime": now - timedelta(hours=1), "EndTime": now + timedelta(minutes=5)}


def test_data_by_boto3_and_the_command_line(account):
    watch = account.client("cloudwatch")
    for value in (1.0, 2.0, 6.0):
        watch.put_metric_data(
            Namespace="App", MetricData=[{"MetricName": "Latency", "Value": value, "Unit": "Seconds"}]
        )
    points = watch.get_metric_statistics(
        Namespace="App", MetricName="Latency", Period=3600, Statistics=["Sum", "Maximum"], **_span()
    )["Datapoints"]
    assert sum(point["Sum"] for point in points) == 9.0
    assert max(point["Maximum"] for point in points) == 6.0
    query = {"Metric": {"Namespace": "App", "MetricName": "Latency"}, "Period": 3600, "Stat": "SampleCount"}
    data = watch.get_metric_data(MetricDataQueries=[{"Id": "n", "MetricStat": query}], **_span())
    assert sum(data["MetricDataResults"][0]["Values"]) == 3.0
    listed = account.aws("cloudwatch", "list-metrics", "--namespace", "App")["Metrics"]
    assert [metric["MetricName"] for metric in listed] == ["Latency"]


def test_an_alarm_rings_by_the_clouds_clock(own_cloud, own_account):
    watch = own_account.client("cloudwatch")
    watch.put_metric_alarm(
        AlarmName="slow",
        Namespace="App",
        MetricName="Latency",
        Statistic="Maximum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=3,
        ComparisonOperator="GreaterThanThreshold",
    )
    watch.put_metric_data(Namespace="App", MetricData=[{"MetricName": "Latency", "Value": 5}])
    own_cloud.run("clock", "+90s")
    waiter = watch.get_waiter("alarm_exists")
    waiter.wait(AlarmNames=["slow"])
    for _ in range(100):
        alarm = watch.describe_alarms(AlarmNames=["slow"])["MetricAlarms"][0]
        if alarm["StateValue"] == "ALARM":
            break
        own_cloud.run("clock", "+1s")
    assert alarm["StateValue"] == "ALARM", alarm
    assert "greater than the threshold (3.0)" in alarm["StateReason"]


def test_composite_alarms_and_dashboards_survive_a_kill(own_cloud, own_account):
    watch = own_account.client("cloudwatch")
    watch.put_metric_alarm(
        AlarmName="cpu",
        Namespace="App",
        MetricName="Cpu",
        Statistic="Maximum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=3,
        ComparisonOperator="GreaterThanThreshold",
    )
    watch.put_composite_alarm(AlarmName="both", AlarmRule='ALARM("cpu") OR FALSE')
    body = '{"widgets": [{"type": "text", "width": 6, "height": 3, "properties": {"markdown": "hi"}}]}'
    watch.put_dashboard(DashboardName="web", DashboardBody=body)
    own_cloud.kill()
    own_cloud.start()
    watch = own_account.client("cloudwatch")
    assert watch.get_dashboard(DashboardName="web")["DashboardBody"] == body
    watch.set_alarm_state(AlarmName="cpu", StateValue="ALARM", StateReason="test")
    for _ in range(200):
        alarm = watch.describe_alarms(AlarmTypes=["CompositeAlarm"])["CompositeAlarms"][0]
        if alarm["StateValue"] == "ALARM":
            break
        time.sleep(0.05)
    assert alarm["StateValue"] == "ALARM", alarm
    with pytest.raises(ClientError, match="does not exist"):
        watch.get_dashboard(DashboardName="missing")


def test_much_metric_data_comes_packed(account):
    """SDKs pack what is larger than 10 KiB; so do older ones, whose protocol has the operation in the body."""
    client = account.client("cloudwatch")
    datums = [
        {"MetricName": f"m-{n % 5}", "Value": n, "Unit": "Count", "Dimensions": [{"Name": "d", "Value": "x" * 60}]}
        for n in range(1000)
    ]
    client.put_metric_data(Namespace="packed", MetricData=datums)
    names = {metric["MetricName"] for metric in client.list_metrics(Namespace="packed")["Metrics"]}
    assert names == {f"m-{n}" for n in range(5)}

    form = {"Action": "PutMetricData", "Version": "2010-08-01", "Namespace": "old"}
    for n in range(1, 301):
        form[f"MetricData.member.{n}.MetricName"] = "m"
        form[f"MetricData.member.{n}.Value"] = "1"
    body = gzip.compress(urllib.parse.urlencode(form).encode())
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
    request = AWSRequest("POST", account.cloud.endpoint + "/", data=body, headers=headers)
    SigV4Auth(Credentials(account.account, "test"), "monitoring", "us-east-1").add_auth(request)
    sent = urllib.request.Request(request.url, body, dict(request.headers), method="POST")
    with urllib.request.urlopen(sent, timeout=10) as answer:
        assert answer.status == 200
    assert [metric["MetricName"] for metric in client.list_metrics(Namespace="old")["Metrics"]] == ["m"]
