//! Functions behind URLs, and answers that come as they are said. The sandboxes are simulated: they answer what they are
//! asked, and fail where a text is "fail".

use crate::harness::{Caller, Cloud, Reply};
use crate::lambda_functions::create;
use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};
use std::net::Ipv4Addr;
use wire::eventstream::{Decoder, Message};

const ACCOUNT: &str = "123456789012";
const ARN: &str = "arn:aws:lambda:us-east-1:123456789012:function:f";
const FORBIDDEN: &str = "Forbidden. For troubleshooting Function URL authorization issues, see: https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html";

fn one(caller: &Caller<'_>, operation: &str, more: Value) -> Reply {
    let mut all = json!({ "FunctionName": "f" });
    all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    caller.call("lambda", operation, all)
}

/// The host name of a URL.
fn host(made: &Value) -> String {
    let url = made["FunctionUrl"].as_str().unwrap();
    url.split_once("://").unwrap().1.trim_end_matches('/').to_owned()
}

fn request(
    method: &str,
    host: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &'static str,
) -> Request<Bytes> {
    let mut request = Request::builder().method(method).uri(path).header("host", host);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Bytes::from_static(body.as_bytes())).unwrap()
}

fn ask(cloud: &Cloud, request: Request<Bytes>) -> Reply {
    cloud.send(request, Ipv4Addr::LOCALHOST.into())
}

fn get(cloud: &Cloud, host: &str) -> Reply {
    ask(cloud, request("GET", host, "/", &[], ""))
}

#[track_caller]
fn is_forbidden(reply: &Reply) {
    assert_eq!((reply.status, &reply.value), (403, &json!({ "Message": FORBIDDEN })));
}

/// What the console adds for everybody.
fn open(root: &Caller<'_>) {
    let url = json!({
        "StatementId": "url", "Action": "lambda:InvokeFunctionUrl", "Principal": "*", "FunctionUrlAuthType": "NONE",
    });
    one(root, "AddPermission", url).ok();
    let invoke = json!({
        "StatementId": "invoke", "Action": "lambda:InvokeFunction", "Principal": "*", "InvokedViaFunctionUrl": true,
    });
    one(root, "AddPermission", invoke).ok();
}

#[test]
fn a_url_is_what_it_was_told_to_be() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    create(&root);
    let missing = one(&root, "GetFunctionUrlConfig", json!({}));
    missing.refused_with(404, "ResourceNotFoundException", "The resource you requested does not exist.");
    let cors = json!({ "AllowOrigins": ["https://a.example"], "AllowMethods": ["GET"], "MaxAge": 60 });
    let made = one(&root, "CreateFunctionUrlConfig", json!({ "AuthType": "NONE", "Cors": cors }));
    assert_eq!(made.status, 201);
    let made = made.ok();
    assert!(host(&made).contains(".lambda-url.us-east-1."), "{made}");
    assert_eq!((&made["FunctionArn"], &made["InvokeMode"]), (&json!(ARN), &json!("BUFFERED")));
    let message = one(&root, "CreateFunctionUrlConfig", json!({ "AuthType": "NONE" }));
    let message = message.refused(409, "ResourceConflictException");
    assert!(message.ends_with("FunctionUrlConfig exists for this Lambda function"), "{message}");
    let got = one(&root, "GetFunctionUrlConfig", json!({})).ok();
    assert_eq!((&got["FunctionUrl"], &got["Cors"]), (&made["FunctionUrl"], &cors));
    let change = json!({ "AuthType": "AWS_IAM", "InvokeMode": "RESPONSE_STREAM", "Cors": {} });
    let changed = one(&root, "UpdateFunctionUrlConfig", change).ok();
    assert_eq!(
        (&changed["AuthType"], &changed["InvokeMode"]),
        (&json!("AWS_IAM"), &json!("RESPONSE_STREAM"))
    );
    assert!(changed.get("Cors").is_none() && changed["FunctionUrl"] == made["FunctionUrl"], "{changed}");
    one(&root, "CreateFunctionUrlConfig", json!({ "AuthType": "NONE", "Qualifier": "live" }))
        .refused(404, "ResourceNotFoundException");
    one(&root, "PublishVersion", json!({})).ok();
    one(&root, "CreateAlias", json!({ "Name": "live", "FunctionVersion": "1" })).ok();
    let live = one(&root, "CreateFunctionUrlConfig", json!({ "AuthType": "NONE", "Qualifier": "live" })).ok();
    assert_eq!(live["FunctionArn"], format!("{ARN}:live"));
    let list = |most: u32, marker: &Value| {
        let page = json!({ "MaxItems": most, "Marker": marker });
        one(
            &root,
            "ListFunctionUrlConfigs",
            if marker.is_null() { json!({ "MaxItems": most }) } else { page },
        )
        .ok()
    };
    let first = list(1, &Value::Null);
    let second = list(1, &first["NextMarker"]);
    let urls = [&first, &second].map(|page| page["FunctionUrlConfigs"][0]["FunctionUrl"].clone());
    assert_eq!(urls, [made["FunctionUrl"].clone(), live["FunctionUrl"].clone()]);
    assert!(second.get("NextMarker").is_none(), "{second}");
    assert_eq!(one(&root, "DeleteFunctionUrlConfig", json!({})).status, 204);
    one(&root, "DeleteFunctionUrlConfig", json!({})).refused(404, "ResourceNotFoundException");
    one(&root, "DeleteAlias", json!({ "Name": "live" }));
    is_forbidden(&get(&cloud, &host(&live)));
    let snapshot = cloud.cloud.store().snapshot();
    assert_eq!(compute::lambda::model::URLS_BY_ID.count(&snapshot, &store::Key::empty()).unwrap(), 0);
}

#[test]
fn anybody_comes_where_the_policy_says_so() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    create(&root);
    let made = one(&root, "CreateFunctionUrlConfig", json!({ "AuthType": "NONE" })).ok();
    let host = host(&made);
    is_forbidden(&get(&cloud, &host));
    open(&root);
    let path = "/a/b?x=1&x=2";
    let headers = [("content-type", "application/json"), ("cookie", "a=1; b=2"), ("user-agent", "it")];
    let reply = ask(&cloud, request("POST", &host, path, &headers, "{\"a\":1}"));
    assert_eq!((reply.status, reply.headers["content-type"].to_str().unwrap()), (200, "application/json"));
    let event = &reply.value;
    assert_eq!((&event["rawPath"], &event["rawQueryString"]), (&json!("/a/b"), &json!("x=1&x=2")));
    assert_eq!((&event["body"], &event["isBase64Encoded"]), (&json!("{\"a\":1}"), &json!(false)));
    assert_eq!(event["cookies"], json!(["a=1", "b=2"]));
    let context = &event["requestContext"];
    assert_eq!((&context["http"]["method"], &context["accountId"]), (&json!("POST"), &json!(ACCOUNT)));
    assert_eq!(context["requestId"], reply.headers["x-amzn-requestid"].to_str().unwrap());
    assert!(context.get("authorizer").is_none(), "{context}");
    let (id, _) = host.split_once('.').unwrap();
    assert_eq!(get(&cloud, &format!("{id}.lambda-url.us-east-1.on.aws")).status, 200);
    is_forbidden(&get(&cloud, &format!("{id}.lambda-url.eu-west-1.on.aws")));
    is_forbidden(&get(&cloud, "nobody.lambda-url.us-east-1.on.aws"));
    let failed = ask(&cloud, request("POST", &host, "/?a=fail", &[], ""));
    assert_eq!((failed.status, &failed.body[..]), (502, &b"Internal Server Error"[..]));
    one(&root, "PutFunctionConcurrency", json!({ "ReservedConcurrentExecutions": 0 })).ok();
    let throttled = get(&cloud, &host);
    assert_eq!((throttled.status, &throttled.value["message"]), (429, &json!("Rate Exceeded.")));
    assert_eq!(throttled.value["Reason"], "ReservedFunctionConcurrentInvocationLimitExceeded");
    one(&root, "RemovePermission", json!({ "StatementId": "invoke" })).ok();
    is_forbidden(&get(&cloud, &host));
}

#[test]
fn who_signs_needs_both_permissions() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    create(&root);
    let made = one(&root, "CreateFunctionUrlConfig", json!({ "AuthType": "AWS_IAM" })).ok();
    let host = host(&made);
    let policy = |actions: Value, auth: &str| {
        let statement = json!({
            "Effect": "Allow", "Action": actions, "Resource": ARN,
            "Condition": { "StringEquals": { "lambda:FunctionUrlAuthType": auth } },
        });
        json!({ "Version": "2012-10-17", "Statement": statement }).to_string()
    };
    let both = || json!(["lambda:InvokeFunctionUrl", "lambda:InvokeFunction"]);
    let may = cloud.user(&root, "may", &policy(both(), "AWS_IAM"));
    let half = cloud.user(&root, "half", &policy(json!("lambda:InvokeFunctionUrl"), "AWS_IAM"));
    let other = cloud.user(&root, "other", &policy(both(), "NONE"));
    let signed = |caller: &Caller<'_>| {
        let mut request = request("POST", &host, "/", &[("content-type", "text/plain")], "hello");
        caller.sign(&mut request, "lambda");
        request
    };
    is_forbidden(&get(&cloud, &host));
    is_forbidden(&ask(&cloud, signed(&half)));
    is_forbidden(&ask(&cloud, signed(&other)));
    let reply = ask(&cloud, signed(&may));
    assert_eq!(reply.status, 200, "{:?}", reply.value);
    let iam = &reply.value["requestContext"]["authorizer"]["iam"];
    assert_eq!((&iam["accountId"], &iam["accessKey"]), (&json!(ACCOUNT), &json!(may.key().0)));
    assert_eq!(iam["userArn"], "arn:aws:iam::123456789012:user/may");
    cloud.reconcile();
    let used = root.call("iam", "GetAccessKeyLastUsed", json!({ "AccessKeyId": may.key().0 })).ok();
    let used = &used["AccessKeyLastUsed"];
    assert_eq!((&used["ServiceName"], &used["Region"]), (&json!("lambda"), &json!("us-east-1")));
    let mut forged = signed(&may);
    *forged.body_mut() = Bytes::from_static(b"another");
    let forged = ask(&cloud, forged);
    assert_eq!(
        (forged.status, &forged.headers["x-amzn-errortype"]),
        (403, &"InvalidSignatureException".parse().unwrap())
    );
    // Of another account the function's own policy must let it in, too.
    let stranger = cloud.root("210987654321");
    let guest = cloud.user(&stranger, "guest", &policy(both(), "AWS_IAM"));
    is_forbidden(&ask(&cloud, signed(&guest)));
    for (id, action) in [("a", "lambda:InvokeFunctionUrl"), ("b", "lambda:InvokeFunction")] {
        one(
            &root,
            "AddPermission",
            json!({ "StatementId": id, "Action": action, "Principal": "210987654321" }),
        )
        .ok();
    }
    assert_eq!(ask(&cloud, signed(&guest)).status, 200);
}

#[test]
fn who_may_make_which_urls() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    create(&root);
    let policy = json!({ "Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Action": "lambda:*FunctionUrlConfig", "Resource": ARN,
        "Condition": { "StringEquals": { "lambda:FunctionUrlAuthType": "AWS_IAM" } },
    } });
    let user = cloud.user(&root, "user", &policy.to_string());
    one(&user, "CreateFunctionUrlConfig", json!({ "AuthType": "NONE" }))
        .refused(403, "AccessDeniedException");
    one(&user, "CreateFunctionUrlConfig", json!({ "AuthType": "AWS_IAM" })).ok();
    one(&user, "UpdateFunctionUrlConfig", json!({ "AuthType": "NONE" }))
        .refused(403, "AccessDeniedException");
    one(&user, "GetFunctionUrlConfig", json!({})).ok();
    one(&root, "UpdateFunctionUrlConfig", json!({ "AuthType": "NONE" })).ok();
    one(&user, "DeleteFunctionUrlConfig", json!({})).refused(403, "AccessDeniedException");
}

#[test]
fn browsers_are_told_what_they_may() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    create(&root);
    let cors =
        json!({ "AllowOrigins": ["https://a.example"], "AllowMethods": ["PUT"], "ExposeHeaders": ["x-b"] });
    let made = one(&root, "CreateFunctionUrlConfig", json!({ "AuthType": "NONE", "Cors": cors })).ok();
    let host = host(&made);
    let asks = [("origin", "https://a.example"), ("access-control-request-method", "PUT")];
    let preflight = ask(&cloud, request("OPTIONS", &host, "/", &asks, ""));
    let header = |reply: &Reply, name: &str| reply.headers.get(name).map(|v| v.to_str().unwrap().to_owned());
    assert_eq!(
        (preflight.status, header(&preflight, "access-control-allow-methods")),
        (200, Some("PUT".into()))
    );
    open(&root);
    let reply = ask(&cloud, request("PUT", &host, "/", &asks[..1], ""));
    assert_eq!((reply.status, header(&reply, "access-control-expose-headers")), (200, Some("x-b".into())));
    assert_eq!(header(&reply, "access-control-allow-origin"), Some("https://a.example".into()));
    let elsewhere = ask(&cloud, request("PUT", &host, "/", &[("origin", "https://b.example")], ""));
    assert_eq!((elsewhere.status, header(&elsewhere, "access-control-allow-origin")), (200, None));
    one(&root, "UpdateFunctionUrlConfig", json!({ "Cors": { "AllowMethods": ["FOO"] } })).refused_with(
        400,
        "InvalidParameterValueException",
        "The method FOO of AllowMethods is none of GET, PUT, HEAD, POST, PATCH, DELETE, *.",
    );
    // Where nothing is said of origins, the function is asked.
    one(&root, "UpdateFunctionUrlConfig", json!({ "Cors": {} })).ok();
    let asked = ask(&cloud, request("OPTIONS", &host, "/", &asks, ""));
    assert_eq!(asked.value["requestContext"]["http"]["method"], "OPTIONS");
}

fn events(body: &[u8]) -> Vec<Message> {
    let mut decoder = Decoder::new();
    decoder.push(body);
    let mut all = Vec::new();
    while let Some(message) = decoder.next_message().unwrap() {
        all.push(message);
    }
    assert!(decoder.is_empty());
    all
}

#[test]
fn an_answer_comes_as_events() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let ask = |payload: &str| {
        one(&root, "InvokeWithResponseStream", json!({ "Payload": payload, "LogType": "Tail" }))
    };
    ask("{}").refused(404, "ResourceNotFoundException");
    create(&root);
    let reply = ask("[1,2]");
    assert_eq!(reply.headers["content-type"], "application/vnd.amazon.eventstream");
    assert_eq!(reply.headers["x-amz-executed-version"], "$LATEST");
    let all = events(&reply.body);
    let kinds: Vec<_> = all.iter().map(|message| message.text(":event-type").unwrap()).collect();
    assert_eq!(kinds, ["PayloadChunk", "InvokeComplete"]);
    assert_eq!(&all[0].payload[..], b"[1,2]");
    let complete: Value = serde_json::from_slice(&all[1].payload).unwrap();
    assert!(complete["LogResult"].is_string() && complete.get("ErrorCode").is_none(), "{complete}");
    let failed = events(&ask("\"fail\"").body);
    let complete: Value = serde_json::from_slice(&failed[0].payload).unwrap();
    assert_eq!((failed.len(), &complete["ErrorCode"]), (1, &json!("Unhandled")));
    assert!(complete["ErrorDetails"].as_str().unwrap().contains("Told"), "{complete}");
    let dry = one(&root, "InvokeWithResponseStream", json!({ "InvocationType": "DryRun" }));
    assert_eq!(dry.status, 204);
    ask("no json").refused(400, "InvalidRequestContentException");
}

#[test]
fn a_streaming_url_passes_on_what_does_not_stream() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    create(&root);
    let mode = json!({ "AuthType": "NONE", "InvokeMode": "RESPONSE_STREAM" });
    let made = one(&root, "CreateFunctionUrlConfig", mode).ok();
    open(&root);
    let reply = get(&cloud, &host(&made));
    assert_eq!((reply.status, &reply.value["version"]), (200, &json!("2.0")));
    let failed = ask(&cloud, request("GET", &host(&made), "/?a=fail", &[], ""));
    assert_eq!((failed.status, &failed.body[..]), (502, &b"Internal Server Error"[..]));
}
