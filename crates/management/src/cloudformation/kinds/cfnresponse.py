"""Answers CloudFormation's request to a function whose code stands in the template."""

import http.client
import json
from urllib.parse import urlsplit

SUCCESS = "SUCCESS"
FAILED = "FAILED"


def send(event, context, responseStatus, responseData, physicalResourceId=None, noEcho=False, reason=None):
    stream = context.log_stream_name
    answer = {
        "Status": responseStatus,
        "Reason": reason or f"The log stream {stream} says more",
        "PhysicalResourceId": physicalResourceId or stream,
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
        "NoEcho": noEcho,
        "Data": responseData,
    }
    url = urlsplit(event["ResponseURL"])
    kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
    connection = kind(url.netloc, timeout=30)
    try:
        connection.request("PUT", f"{url.path}?{url.query}", json.dumps(answer).encode(), {"Content-Type": ""})
        print("CloudFormation was answered:", connection.getresponse().status)
    except OSError as problem:
        print("CloudFormation could not be answered:", problem)
    finally:
        connection.close()
