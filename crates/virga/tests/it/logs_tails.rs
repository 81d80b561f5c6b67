//! Live tails: what is refused. What comes over a connection is shown end to end.

use crate::harness::Cloud;
use serde_json::json;

const ACCOUNT: &str = "123456789012";

#[test]
fn what_cannot_be_watched() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    for (name, class) in [("g", "STANDARD"), ("rare", "INFREQUENT_ACCESS")] {
        root.call("logs", "CreateLogGroup", json!({ "logGroupName": name, "logGroupClass": class })).ok();
    }
    let arn = |name: &str| format!("arn:aws:logs:us-east-1:{ACCOUNT}:log-group:{name}");
    for (asked, code, message) in [
        (
            json!({ "logGroupIdentifiers": ["g"] }),
            "InvalidParameterException",
            "Each logGroupIdentifier must be the ARN of a log group.",
        ),
        (
            json!({ "logGroupIdentifiers": [arn("none")] }),
            "ResourceNotFoundException",
            "The specified log group does not exist.",
        ),
        (
            json!({ "logGroupIdentifiers": [arn("rare")] }),
            "InvalidOperationException",
            "Live Tail is not available for log groups of the Infrequent Access class.",
        ),
        (
            json!({ "logGroupIdentifiers": [arn("g")], "logStreamNames": ["a"], "logStreamNamePrefixes": ["b"] }),
            "InvalidParameterException",
            "Only one of logStreamNames and logStreamNamePrefixes can be specified.",
        ),
        (
            json!({ "logGroupIdentifiers": [arn("g"), arn("rare")], "logStreamNames": ["a"] }),
            "InvalidParameterException",
            "logStreamNames and logStreamNamePrefixes can only be specified with a single log group.",
        ),
    ] {
        root.call("logs", "StartLiveTail", asked).refused_with(400, code, message);
    }
    let user = cloud.user(
        &root,
        "user",
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"logs:Describe*","Resource":"*"}}"#,
    );
    let asked = json!({ "logGroupIdentifiers": [arn("g")] });
    user.call("logs", "StartLiveTail", asked).refused(400, "AccessDeniedException");
}
