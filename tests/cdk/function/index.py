import os


def handler(event, context):
    return {"table": os.environ["TABLE"], "said": event["say"]}
