//! Functions that are consequences of themselves, and what is no part of this cloud: signed code, snapshots. The sandboxes
//! are simulated.

use crate::harness::{Caller, Cloud, Reply};
use crate::lambda_functions::{ROLE, create, zipped};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const ACCOUNT: &str = "123456789012";
const ARN: &str = "arn:aws:lambda:us-east-1:123456789012:function:f";
const URL: &str = "https://sqs.us-east-1.amazonaws.com/123456789012/told";
const STOPPED: &str = "Lambda has detected your function being invoked in a recursive loop with other AWS resources and stopped your function's invocation.";

fn begin(cloud: &Cloud) -> Caller<'_> {
    let root = cloud.root(ACCOUNT);
    create(&root);
    root
}

/// Invokes it as a part of a chain in which it has run so often.
fn invoke(cloud: &Cloud, root: &Caller<'_>, runs: u32, kind: &str) -> Reply {
    let asked = json!({ "FunctionName": "f", "InvocationType": kind, "Payload": "7" });
    let mut request = root.request("lambda", "Invoke", &asked);
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, ARN.as_bytes());
    let mark: String = hash.as_ref()[..4].iter().map(|byte| format!("{byte:02x}")).collect();
    let chain =
        format!("Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1;Lineage=0a0a0a0a:99|{mark}:{runs}");
    request.headers_mut().insert("x-amzn-trace-id", chain.parse().unwrap());
    cloud.send(request, "127.0.0.1".parse().unwrap())
}

#[test]
fn a_loop_ends_after_sixteen_runs() {
    let cloud = Cloud::new();
    let root = begin(&cloud);
    assert_eq!(invoke(&cloud, &root, 15, "RequestResponse").status, 200);
    invoke(&cloud, &root, 16, "RequestResponse").refused_with(400, "RecursiveInvocationException", STOPPED);
    let one = json!({ "FunctionName": "f" });
    let put = |how: &str| {
        let put = json!({ "FunctionName": "f", "RecursiveLoop": how });
        root.call("lambda", "PutFunctionRecursionConfig", put)
    };
    let get = || root.call("lambda", "GetFunctionRecursionConfig", one.clone()).ok()["RecursiveLoop"].clone();
    assert_eq!(get(), "Terminate");
    assert_eq!(put("Allow").ok()["RecursiveLoop"], "Allow");
    assert_eq!(get(), "Allow");
    assert_eq!(invoke(&cloud, &root, 16, "RequestResponse").status, 200);
    put("Never").refused(400, "ValidationException");
    root.call("lambda", "GetFunctionRecursionConfig", json!({ "FunctionName": "no" }))
        .refused(404, "ResourceNotFoundException");
}

#[test]
fn an_event_that_would_go_on_is_a_failure_at_once() {
    let cloud = Cloud::new();
    let root = begin(&cloud);
    root.call("sqs", "CreateQueue", json!({ "QueueName": "told" })).ok();
    let policy = json!({ "Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*",
    } });
    let put = json!({ "RoleName": "runs", "PolicyName": "tells", "PolicyDocument": policy.to_string() });
    root.call("iam", "PutRolePolicy", put).ok();
    let queue = "arn:aws:sqs:us-east-1:123456789012:told";
    let handled =
        json!({ "FunctionName": "f", "DestinationConfig": { "OnFailure": { "Destination": queue } } });
    root.call("lambda", "PutFunctionEventInvokeConfig", handled).ok();
    assert_eq!(invoke(&cloud, &root, 16, "Event").status, 202, "it is taken, and then not run");
    let end = Instant::now() + Duration::from_secs(20);
    let told = loop {
        cloud.reconcile();
        let got = root.call("sqs", "ReceiveMessage", json!({ "QueueUrl": URL })).ok();
        if let Some(body) = got["Messages"][0]["Body"].as_str() {
            break serde_json::from_str::<Value>(body).unwrap();
        }
        assert!(Instant::now() < end, "nobody was told");
        std::thread::sleep(Duration::from_millis(10));
    };
    assert_eq!(told["requestPayload"], 7);
    assert_eq!(told["requestContext"]["approximateInvokeCount"], 0);
}

#[test]
fn no_code_is_signed_and_no_version_is_a_snapshot() {
    let cloud = Cloud::new();
    let root = begin(&cloud);
    let one = json!({ "FunctionName": "f" });
    let none = root.call("lambda", "GetFunctionCodeSigningConfig", one.clone()).ok();
    assert_eq!(none, json!({ "CodeSigningConfigArn": "", "FunctionName": "f" }));
    assert_eq!(root.call("lambda", "DeleteFunctionCodeSigningConfig", one).status, 204);
    let with = |name: &str, value: Value| {
        let mut all = json!({
            "FunctionName": "g", "Runtime": "python3.12", "Role": ROLE, "Handler": "app.handler",
            "Code": { "ZipFile": zipped("app.py", "x") },
        });
        all[name] = value;
        root.call("lambda", "CreateFunction", all)
    };
    let config = "arn:aws:lambda:us-east-1:123456789012:code-signing-config:csc-0123456789abcdef0";
    let said = "is not built in this version of Virga.";
    with("CodeSigningConfigArn", json!(config)).refused_with(
        501,
        "NotImplemented",
        &format!("Code signing (CodeSigningConfigArn) {said}"),
    );
    let snap = json!({ "ApplyOn": "PublishedVersions" });
    let refusal = format!("SnapStart {said}");
    with("SnapStart", snap.clone()).refused_with(501, "NotImplemented", &refusal);
    let update = json!({ "FunctionName": "f", "SnapStart": snap });
    root.call("lambda", "UpdateFunctionConfiguration", update).refused_with(501, "NotImplemented", &refusal);
    let shown = with("SnapStart", json!({ "ApplyOn": "None" })).ok();
    assert_eq!(shown["SnapStart"], json!({ "ApplyOn": "None", "OptimizationStatus": "Off" }));
}
