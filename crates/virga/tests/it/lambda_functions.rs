//! Functions, versions, aliases, policies, tags and limits.

use crate::harness::{Caller, Cloud};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::io::{Cursor, Write};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

const ACCOUNT: &str = "123456789012";
const ARN: &str = "arn:aws:lambda:us-east-1:123456789012:function:f";
pub(crate) const ROLE: &str = "arn:aws:iam::123456789012:role/runs";

/// An archive of one file, in base64.
pub(crate) fn zipped(name: &str, text: &str) -> String {
    let mut out = ZipWriter::new(Cursor::new(Vec::new()));
    out.start_file(name, SimpleFileOptions::default()).unwrap();
    out.write_all(text.as_bytes()).unwrap();
    STANDARD.encode(out.finish().unwrap().into_inner())
}

/// A role that functions may have.
pub(crate) fn role(root: &Caller<'_>) {
    let trust = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": { "Service": "lambda.amazonaws.com" },
    }] });
    let role = json!({ "RoleName": "runs", "AssumeRolePolicyDocument": trust.to_string() });
    root.call("iam", "CreateRole", role).ok();
}

fn input() -> Value {
    json!({
        "FunctionName": "f", "Runtime": "python3.12", "Role": ROLE, "Handler": "app.handler",
        "Code": { "ZipFile": zipped("app.py", "def handler(event, context): return event") },
    })
}

fn with(mut base: Value, changes: Value) -> Value {
    base.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    base
}

pub(crate) fn create(root: &Caller<'_>) -> Value {
    role(root);
    root.call("lambda", "CreateFunction", input()).ok()
}

fn one(root: &Caller<'_>, operation: &str, changes: Value) -> crate::harness::Reply {
    root.call("lambda", operation, with(json!({ "FunctionName": "f" }), changes))
}

#[test]
fn a_function_is_what_it_was_told_to_be() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    role(&root);
    let more = json!({
        "Description": "d", "Timeout": 10, "MemorySize": 256, "EphemeralStorage": { "Size": 1024 },
        "Environment": { "Variables": { "KEY": "b" } }, "Tags": { "team": "x" },
    });
    let made = root.call("lambda", "CreateFunction", with(input(), more)).ok();
    assert_eq!(made["FunctionArn"], ARN);
    assert_eq!((&made["Version"], &made["State"]), (&json!("$LATEST"), &json!("Active")));
    let got = one(&root, "GetFunction", json!({})).ok();
    let shown = &got["Configuration"];
    assert_eq!(shown, &made);
    assert_eq!((&shown["Timeout"], &shown["MemorySize"]), (&json!(10), &json!(256)));
    assert_eq!(shown["Environment"]["Variables"], json!({ "KEY": "b" }));
    assert_eq!(got["Tags"], json!({ "team": "x" }));
    let hash = aws_lc_rs::digest::digest(
        &aws_lc_rs::digest::SHA256,
        &STANDARD.decode(input()["Code"]["ZipFile"].as_str().unwrap()).unwrap(),
    );
    assert_eq!(shown["CodeSha256"], STANDARD.encode(hash));
    let listed = root.call("lambda", "ListFunctions", json!({})).ok();
    assert_eq!(listed["Functions"], json!([shown]));
    assert_eq!(
        root.in_region("eu-west-1").call("lambda", "ListFunctions", json!({})).ok()["Functions"],
        json!([])
    );
    let changed = json!({ "Timeout": 900, "Environment": { "Variables": {} }, "Handler": "app.other" });
    let changed = one(&root, "UpdateFunctionConfiguration", changed).ok();
    assert_eq!((&changed["Timeout"], &changed["Handler"]), (&json!(900), &json!("app.other")));
    assert!(changed.get("Environment").is_none() && changed["RevisionId"] != made["RevisionId"]);
    let settings = root.call("lambda", "GetAccountSettings", json!({})).ok();
    assert_eq!(settings["AccountUsage"]["FunctionCount"], 1);
    assert_eq!(settings["AccountUsage"]["TotalCodeSize"], made["CodeSize"]);
    one(&root, "DeleteFunction", json!({})).ok();
    let message = one(&root, "GetFunctionConfiguration", json!({})).refused(404, "ResourceNotFoundException");
    assert_eq!(message, format!("Function not found: {ARN}"));
}

#[test]
fn what_cannot_be_a_function() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    create(&root);
    let refused = |changes: Value| root.call("lambda", "CreateFunction", with(input(), changes));
    refused(json!({})).refused_with(409, "ResourceConflictException", "Function already exist: f");
    let new = |changes: Value| refused(with(json!({ "FunctionName": "g" }), changes));
    for (changes, status, code, message) in [
        (
            json!({ "Role": "arn:aws:iam::123456789012:role/none" }),
            400,
            "InvalidParameterValueException",
            "The role defined for the function cannot be assumed by Lambda.",
        ),
        (
            json!({ "Role": "arn:aws:iam::210987654321:role/runs" }),
            403,
            "AccessDeniedException",
            "Cross-account pass role is not allowed.",
        ),
        (
            json!({ "Code": { "ZipFile": "bm8gemlw" } }),
            400,
            "InvalidParameterValueException",
            "Could not unzip uploaded file. Please check your file, then try to upload again.",
        ),
        (
            json!({ "Code": { "ImageUri": "x" } }),
            400,
            "InvalidParameterValueException",
            "Please provide a source for function code.",
        ),
    ] {
        new(changes).refused_with(status, code, message);
    }
    let reserved = json!({ "Environment": { "Variables": { "AWS_REGION": "x" } } });
    let message = new(reserved).refused(400, "InvalidParameterValueException");
    assert!(message.contains("Reserved keys used in this request: AWS_REGION"), "{message}");
    let message = new(json!({ "Runtime": "dotnet6" })).refused(400, "InvalidParameterValueException");
    assert!(message.contains("dotnet6") && message.contains("this machine has no such runtime"), "{message}");
    let other = if cfg!(target_arch = "aarch64") { "x86_64" } else { "arm64" };
    let message = new(json!({ "Architectures": [other] })).refused(400, "InvalidParameterValueException");
    assert!(message.contains("is not supported"), "{message}");
    let stale = one(&root, "UpdateFunctionCode", json!({ "ZipFile": zipped("a", "b"), "RevisionId": "old" }));
    stale.refused(412, "PreconditionFailedException");
}

#[test]
fn versions_stay_as_they_were() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let made = create(&root);
    let first = one(&root, "PublishVersion", json!({ "Description": "one" })).ok();
    assert_eq!((&first["Version"], &first["FunctionArn"]), (&json!("1"), &json!(format!("{ARN}:1"))));
    let again = one(&root, "PublishVersion", json!({})).ok();
    assert_eq!(again["Version"], "1", "nothing has changed since");
    cloud.advance(std::time::Duration::from_secs(1));
    let code = json!({ "ZipFile": zipped("app.py", "def handler(e, c): return 2"), "Publish": true });
    let second = one(&root, "UpdateFunctionCode", code).ok();
    assert_eq!(second["Version"], "2");
    assert_ne!(second["CodeSha256"], made["CodeSha256"]);
    let got = one(&root, "GetFunctionConfiguration", json!({ "Qualifier": "1" })).ok();
    assert_eq!(got["CodeSha256"], made["CodeSha256"]);
    let listed = one(&root, "ListVersionsByFunction", json!({})).ok();
    let labels: Vec<&Value> = listed["Versions"].as_array().unwrap().iter().map(|v| &v["Version"]).collect();
    assert_eq!(labels, ["$LATEST", "1", "2"]);
    let page = one(&root, "ListVersionsByFunction", json!({ "MaxItems": 2 })).ok();
    let rest = one(&root, "ListVersionsByFunction", json!({ "Marker": page["NextMarker"] })).ok();
    assert_eq!(rest["Versions"][0]["Version"], "2");
    one(&root, "CreateAlias", json!({ "Name": "live", "FunctionVersion": "1" })).ok();
    let words = "This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. Please specify either a function name or an unqualified function ARN.";
    for (operation, more) in [
        ("UpdateFunctionCode", json!({ "ZipFile": zipped("app.py", "x") })),
        ("UpdateFunctionConfiguration", json!({ "Timeout": 5 })),
        ("PutFunctionConcurrency", json!({ "ReservedConcurrentExecutions": 1 })),
        ("PublishVersion", json!({})),
    ] {
        for name in ["f:1".to_owned(), format!("{ARN}:live")] {
            let mut asked = more.clone();
            asked["FunctionName"] = json!(name);
            root.call("lambda", operation, asked).refused_with(400, "InvalidParameterValueException", words);
        }
    }
    let message =
        one(&root, "DeleteFunction", json!({ "Qualifier": "1" })).refused(409, "ResourceConflictException");
    assert!(message.contains(&format!("{ARN}:live")), "{message}");
    one(&root, "DeleteFunction", json!({ "Qualifier": "2" })).ok();
    one(&root, "GetFunction", json!({ "Qualifier": "2" })).refused(404, "ResourceNotFoundException");
}

#[test]
fn aliases_lead_to_versions() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    create(&root);
    one(&root, "PublishVersion", json!({})).ok();
    cloud.advance(std::time::Duration::from_secs(1));
    one(&root, "UpdateFunctionConfiguration", json!({ "Timeout": 5 })).ok();
    one(&root, "PublishVersion", json!({})).ok();
    let weights = json!({ "AdditionalVersionWeights": { "2": 0.25 } });
    let alias = json!({ "Name": "live", "FunctionVersion": "1", "RoutingConfig": weights });
    let made = one(&root, "CreateAlias", alias.clone()).ok();
    assert_eq!((&made["AliasArn"], &made["RoutingConfig"]), (&json!(format!("{ARN}:live")), &weights));
    one(&root, "CreateAlias", alias).refused(409, "ResourceConflictException");
    assert_eq!(one(&root, "GetAlias", json!({ "Name": "live" })).ok(), made);
    let got = one(&root, "GetFunctionConfiguration", json!({ "Qualifier": "live" })).ok();
    assert_eq!((&got["Version"], &got["FunctionArn"]), (&json!("1"), &made["AliasArn"]));
    let moved = json!({ "Name": "live", "FunctionVersion": "2", "RoutingConfig": { "AdditionalVersionWeights": {} } });
    assert_eq!(one(&root, "UpdateAlias", moved).ok()["FunctionVersion"], "2");
    assert_eq!(one(&root, "ListAliases", json!({ "FunctionVersion": "1" })).ok()["Aliases"], json!([]));
    let latest = json!({ "Name": "x", "FunctionVersion": "$LATEST",
        "RoutingConfig": { "AdditionalVersionWeights": { "1": 0.5 } } });
    one(&root, "CreateAlias", latest).refused(400, "InvalidParameterValueException");
    one(&root, "CreateAlias", json!({ "Name": "x", "FunctionVersion": "9" })).refused_with(
        404,
        "ResourceNotFoundException",
        &format!("Function not found: {ARN}:9"),
    );
    one(&root, "DeleteAlias", json!({ "Name": "live" })).ok();
    one(&root, "GetAlias", json!({ "Name": "live" })).refused(404, "ResourceNotFoundException");
}

#[test]
fn a_policy_decides_for_other_accounts() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    create(&root);
    let other = cloud.root("210987654321");
    let theirs = json!({ "FunctionName": ARN });
    other.call("lambda", "GetFunction", theirs.clone()).refused(403, "AccessDeniedException");
    let statement =
        json!({ "StatementId": "s", "Action": "lambda:GetFunction", "Principal": "210987654321" });
    let added = one(&root, "AddPermission", statement.clone()).ok();
    let text: Value = serde_json::from_str(added["Statement"].as_str().unwrap()).unwrap();
    assert_eq!(text["Principal"], json!({ "AWS": "arn:aws:iam::210987654321:root" }));
    assert_eq!(text["Resource"], ARN);
    other.call("lambda", "GetFunction", theirs.clone()).ok();
    one(&root, "AddPermission", statement).refused(409, "ResourceConflictException");
    let from = json!({
        "StatementId": "b", "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com",
        "SourceArn": "arn:aws:s3:::bucket", "SourceAccount": ACCOUNT,
    });
    one(&root, "AddPermission", from).ok();
    let policy = one(&root, "GetPolicy", json!({})).ok();
    let policy: Value = serde_json::from_str(policy["Policy"].as_str().unwrap()).unwrap();
    let conditions = json!({
        "StringEquals": { "AWS:SourceAccount": ACCOUNT }, "ArnLike": { "AWS:SourceArn": "arn:aws:s3:::bucket" },
    });
    assert_eq!(policy["Statement"][1]["Condition"], conditions);
    for id in ["s", "b"] {
        one(&root, "RemovePermission", json!({ "StatementId": id })).ok();
    }
    other.call("lambda", "GetFunction", theirs).refused(403, "AccessDeniedException");
    one(&root, "GetPolicy", json!({})).refused(404, "ResourceNotFoundException");
    let bad = json!({ "StatementId": "x", "Action": "lambda:InvokeFunction", "Principal": "nobody" });
    one(&root, "AddPermission", bad).refused(400, "InvalidParameterValueException");
    let skill = json!({
        "StatementId": "a", "Action": "lambda:InvokeFunction", "Principal": "alexa-appkit.amazon.com",
        "EventSourceToken": "skill",
    });
    let added = one(&root, "AddPermission", skill).ok();
    let text: Value = serde_json::from_str(added["Statement"].as_str().unwrap()).unwrap();
    assert_eq!(text["Condition"], json!({ "StringEquals": { "lambda:EventSourceToken": "skill" } }));
    let by_url = json!({
        "StatementId": "x", "Action": "lambda:InvokeFunction", "Principal": "*", "FunctionUrlAuthType": "NONE",
    });
    one(&root, "AddPermission", by_url).refused_with(
        400,
        "InvalidParameterValueException",
        "FunctionUrlAuthType is only supported for lambda:InvokeFunctionUrl action",
    );
}

#[test]
fn who_makes_a_function_passes_its_role() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    role(&root);
    let allow = |actions: Value, resource: &str| json!({ "Effect": "Allow", "Action": actions, "Resource": resource });
    let policy = |statements: Value| json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
    let without = cloud.user(&root, "without", &policy(json!([allow(json!("lambda:*"), "*")])));
    let message = without.call("lambda", "CreateFunction", input()).refused(403, "AccessDeniedException");
    assert!(message.contains("iam:PassRole"), "{message}");
    let pass = json!({ "Effect": "Allow", "Action": "iam:PassRole", "Resource": ROLE,
        "Condition": { "StringEquals": { "iam:PassedToService": "lambda.amazonaws.com" } } });
    let with_pass =
        cloud.user(&root, "with", &policy(json!([allow(json!("lambda:CreateFunction"), ARN), pass])));
    with_pass.call("lambda", "CreateFunction", input()).ok();
    let message = with_pass.call("lambda", "GetFunction", json!({ "FunctionName": "f" }));
    message.refused(403, "AccessDeniedException");
    one(&without, "UpdateFunctionConfiguration", json!({ "Role": ROLE, "Timeout": 4 })).ok();
}

#[test]
fn tags_and_concurrency() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    create(&root);
    root.call("lambda", "TagResource", json!({ "Resource": ARN, "Tags": { "a": "1", "b": "2" } })).ok();
    root.call("lambda", "UntagResource", json!({ "Resource": ARN, "TagKeys": ["a"] })).ok();
    assert_eq!(root.call("lambda", "ListTags", json!({ "Resource": ARN })).ok()["Tags"], json!({ "b": "2" }));
    let too_many = json!({ "ReservedConcurrentExecutions": 901 });
    one(&root, "PutFunctionConcurrency", too_many).refused(400, "InvalidParameterValueException");
    one(&root, "PutFunctionConcurrency", json!({ "ReservedConcurrentExecutions": 5 })).ok();
    assert_eq!(
        one(&root, "GetFunctionConcurrency", json!({})).ok(),
        json!({ "ReservedConcurrentExecutions": 5 })
    );
    let settings = root.call("lambda", "GetAccountSettings", json!({})).ok();
    assert_eq!(settings["AccountLimit"]["UnreservedConcurrentExecutions"], 995);
    one(&root, "DeleteFunctionConcurrency", json!({})).ok();
    assert_eq!(one(&root, "GetFunctionConcurrency", json!({})).ok(), json!({}));
    // No function can have a configuration of signatures.
    let signing = one(&root, "GetFunctionCodeSigningConfig", json!({})).ok();
    assert!(signing["FunctionName"].is_string() && signing["CodeSigningConfigArn"] == "", "{signing}");
    root.call("lambda", "GetFunctionCodeSigningConfig", json!({ "FunctionName": "none" }))
        .refused(404, "ResourceNotFoundException");
}

#[test]
fn more_than_a_function_may_have_is_refused() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    create(&root);
    let too_much = |value: u32, member: &str, most: u32| {
        format!(
            "1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: Member must have value less than or equal to {most}"
        )
    };
    let second = |changes: Value| with(with(input(), json!({ "FunctionName": "g" })), changes);
    let limits = [("Timeout", "timeout", 900), ("MemorySize", "memorySize", 10_240)];
    for (name, member, most) in limits {
        let (most_allowed, over) = (json!({ name: most }), json!({ name: most + 1 }));
        let message = too_much(most + 1, member, most);
        root.call("lambda", "CreateFunction", second(over.clone())).refused_with(
            400,
            "ValidationException",
            &message,
        );
        one(&root, "UpdateFunctionConfiguration", over).refused_with(400, "ValidationException", &message);
        assert_eq!(one(&root, "UpdateFunctionConfiguration", most_allowed).ok()[name], most);
    }
    one(&root, "CreateAlias", json!({ "Name": "12", "FunctionVersion": "$LATEST" }))
        .refused(400, "ValidationException");
    one(&root, "PublishVersion", json!({})).ok();
    one(&root, "CreateFunctionUrlConfig", json!({ "Qualifier": "1", "AuthType": "NONE" }))
        .refused(400, "ValidationException");
    let statement = json!({ "StatementId": "s", "Action": "lambda:InvokeFunction", "Principal": "*" });
    let on = |qualifier: &str| with(statement.clone(), json!({ "Qualifier": qualifier }));
    let message = "We currently do not support adding policies for $LATEST.";
    one(&root, "AddPermission", on("$LATEST")).refused_with(400, "InvalidParameterValueException", message);
    one(&root, "AddPermission", on("1")).ok();
}

#[test]
fn what_no_function_can_be_is_refused() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    create(&root);
    let second = |changes: Value| with(with(input(), json!({ "FunctionName": "g" })), changes);
    let files = json!([{
        "Arn": "arn:aws:elasticfilesystem:us-east-1:123456789012:access-point/fsap-0123456789abcdef0",
        "LocalMountPath": "/mnt/x",
    }]);
    let provider = "arn:aws:lambda:us-east-1:123456789012:capacity-provider:p";
    let capacity =
        json!({ "LambdaManagedInstancesCapacityProviderConfig": { "CapacityProviderArn": provider } });
    let both = [
        json!({ "TracingConfig": { "Mode": "Active" } }),
        json!({ "FileSystemConfigs": files }),
        json!({ "DurableConfig": { "ExecutionTimeout": 60 } }),
        json!({ "CapacityProviderConfig": capacity }),
    ];
    for said in both {
        root.call("lambda", "CreateFunction", second(said.clone())).refused(501, "NotImplemented");
        one(&root, "UpdateFunctionConfiguration", said).refused(501, "NotImplemented");
    }
    let tenancy = json!({ "TenancyConfig": { "TenantIsolationMode": "PER_TENANT" } });
    root.call("lambda", "CreateFunction", second(tenancy)).refused(501, "NotImplemented");
    one(&root, "Invoke", json!({ "TenantId": "t" })).refused(501, "NotImplemented");
    root.call("lambda", "GetFunction", json!({ "FunctionName": "g" }))
        .refused(404, "ResourceNotFoundException");
    // What clears such a setting says nothing.
    let cleared = json!({ "TracingConfig": { "Mode": "PassThrough" }, "FileSystemConfigs": [] });
    let updated = one(&root, "UpdateFunctionConfiguration", cleared).ok();
    assert_eq!(updated["TracingConfig"], json!({ "Mode": "PassThrough" }));
}
