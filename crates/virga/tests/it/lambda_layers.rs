//! Layers: published, shared, used.

use crate::harness::{Caller, Cloud, Reply};
use crate::lambda_functions::{ROLE, create, role, zipped};
use serde_json::{Value, json};

const ACCOUNT: &str = "123456789012";
const OTHER: &str = "210987654321";
const LAYER: &str = "arn:aws:lambda:us-east-1:123456789012:layer:l";

fn publish(caller: &Caller<'_>, name: &str, text: &str, more: Value) -> Reply {
    let mut input = json!({ "LayerName": name, "Content": { "ZipFile": zipped("python/own.py", text) } });
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    caller.call("lambda", "PublishLayerVersion", input)
}

fn one(caller: &Caller<'_>, operation: &str, version: u64, more: Value) -> Reply {
    let mut input = json!({ "LayerName": "l", "VersionNumber": version });
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    caller.call("lambda", operation, input)
}

fn with(caller: &Caller<'_>, layers: Value) -> Reply {
    caller.call("lambda", "UpdateFunctionConfiguration", json!({ "FunctionName": "f", "Layers": layers }))
}

fn contents(cloud: &Cloud) -> usize {
    blob::refs::CONTENTS.count(&cloud.cloud.store().snapshot(), &store::Key::empty()).unwrap()
}

#[test]
fn a_layer_has_versions() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let more = json!({
        "Description": "d", "CompatibleRuntimes": ["python3.12"], "LicenseInfo": "MIT",
        "CompatibleArchitectures": ["x86_64"],
    });
    let first = publish(&root, "l", "a", more);
    assert_eq!(first.status, 201);
    let first = first.ok();
    assert_eq!((&first["LayerArn"], &first["Version"]), (&json!(LAYER), &json!(1)));
    assert_eq!(first["LayerVersionArn"], format!("{LAYER}:1"));
    // Each answer has a link of its own.
    let told = |mut shown: Value| {
        let link = shown["Content"]["Location"].take();
        assert!(link.as_str().unwrap().contains("/_lambda-code/l?token="));
        shown
    };
    let arn = json!({ "Arn": format!("{LAYER}:1") });
    assert_eq!(told(one(&root, "GetLayerVersion", 1, json!({})).ok()), told(first.clone()));
    assert_eq!(told(root.call("lambda", "GetLayerVersionByArn", arn).ok()), told(first.clone()));
    let second = publish(&root, "l", "b", json!({})).ok();
    assert_eq!(second["Version"], 2);
    assert_ne!(first["Content"]["CodeSha256"], second["Content"]["CodeSha256"]);
    let list = |more: Value| {
        let mut input = json!({ "LayerName": "l" });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        root.call("lambda", "ListLayerVersions", input).ok()
    };
    let numbers = |page: &Value| -> Vec<u64> {
        page["LayerVersions"].as_array().unwrap().iter().map(|v| v["Version"].as_u64().unwrap()).collect()
    };
    assert_eq!(numbers(&list(json!({}))), [2, 1]);
    let page = list(json!({ "MaxItems": 1 }));
    assert_eq!(numbers(&page), [2]);
    let next = list(json!({ "MaxItems": 1, "Marker": page["NextMarker"] }));
    assert!(numbers(&next) == [1] && next.get("NextMarker").is_none(), "{next}");
    assert_eq!(numbers(&list(json!({ "CompatibleRuntime": "python3.12" }))), [1]);
    let all = root.call("lambda", "ListLayers", json!({})).ok();
    assert_eq!(all["Layers"][0]["LatestMatchingVersion"]["Version"], 2);
    assert_eq!(
        root.call("lambda", "ListLayers", json!({ "CompatibleRuntime": "ruby3.3" })).ok()["Layers"],
        json!([])
    );
    assert_eq!(one(&root, "DeleteLayerVersion", 2, json!({})).status, 204);
    assert_eq!(one(&root, "DeleteLayerVersion", 2, json!({})).status, 204, "what is gone is gone");
    let missing = one(&root, "GetLayerVersion", 2, json!({}));
    missing.refused_with(404, "ResourceNotFoundException", "The resource you requested does not exist.");
    assert_eq!(publish(&root, "l", "c", json!({})).ok()["Version"], 3, "numbers are given once");
    let settings = root.call("lambda", "GetAccountSettings", json!({})).ok();
    assert!(settings["AccountUsage"]["TotalCodeSize"].as_u64().unwrap() > 0, "{settings}");
    let bad = json!({ "LayerName": "l", "Content": { "ZipFile": "bm8gemlw" } });
    let words = "Could not unzip uploaded file. Please check your file, then try to upload again.";
    root.call("lambda", "PublishLayerVersion", bad).refused_with(
        400,
        "InvalidParameterValueException",
        words,
    );
}

#[test]
fn a_function_keeps_its_layers() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    create(&root);
    let before = contents(&cloud);
    for name in ["l", "m", "n", "o", "p", "q"] {
        publish(&root, name, name, json!({})).ok();
    }
    let arn = |name: &str| format!("arn:aws:lambda:us-east-1:123456789012:layer:{name}:1");
    let refused = |layers: Value, words: &str| {
        with(&root, layers).refused_with(400, "InvalidParameterValueException", words);
    };
    refused(json!([arn("none")]), &format!("Layer version {} does not exist.", arn("none")));
    refused(json!(["l", "m", "n", "o", "p", "q"].map(arn)), "Cannot reference more than 5 layers.");
    publish(&root, "l", "again", json!({})).ok();
    let two = [arn("l"), format!("{LAYER}:2")];
    let words = format!(
        "Two different versions of the same layer are not allowed to be referenced in the same function. {} and {}",
        two[0], two[1]
    );
    refused(json!(two), &words);
    let shown = with(&root, json!([arn("m"), arn("l")])).ok();
    let arns: Vec<_> = shown["Layers"].as_array().unwrap().iter().map(|layer| layer["Arn"].clone()).collect();
    assert_eq!(json!(arns), json!([arn("m"), arn("l")]));
    root.call("lambda", "PublishVersion", json!({ "FunctionName": "f" })).ok();
    let all = contents(&cloud);
    for name in ["l", "m", "n", "o", "p", "q"] {
        root.call("lambda", "DeleteLayerVersion", json!({ "LayerName": name, "VersionNumber": 1 }));
    }
    assert_eq!(contents(&cloud), all - 4, "what is used is kept");
    assert_eq!(root.call("lambda", "Invoke", json!({ "FunctionName": "f" })).status, 200);
    assert!(with(&root, json!([])).ok().get("Layers").is_none());
    assert_eq!(contents(&cloud), all - 4, "the version has them still");
    root.call("lambda", "DeleteFunction", json!({ "FunctionName": "f" })).ok();
    one(&root, "DeleteLayerVersion", 2, json!({}));
    assert_eq!(contents(&cloud), before - 1, "nothing of them is left, nor of the code");
}

#[test]
fn others_need_the_layers_word() {
    let cloud = Cloud::new();
    let (root, other) = (cloud.root(ACCOUNT), cloud.root(OTHER));
    publish(&root, "l", "a", json!({})).ok();
    create_in(&other);
    let arn = format!("{LAYER}:1");
    let policy = json!({ "Version": "2012-10-17", "Statement": { "Effect": "Allow", "Action": "lambda:*", "Resource": "*" } });
    let user = cloud.user(&other, "user", &policy.to_string());
    let get = || user.call("lambda", "GetLayerVersionByArn", json!({ "Arn": arn }));
    get().refused(403, "AccessDeniedException");
    with(&user, json!([arn])).refused(403, "AccessDeniedException");
    one(&root, "GetLayerVersionPolicy", 1, json!({})).refused(404, "ResourceNotFoundException");
    let may = json!({ "StatementId": "s", "Action": "lambda:GetLayerVersion", "Principal": OTHER });
    let added = one(&root, "AddLayerVersionPermission", 1, may.clone());
    assert_eq!(added.status, 201);
    let revision = added.ok()["RevisionId"].clone();
    one(&root, "AddLayerVersionPermission", 1, may).refused(409, "ResourceConflictException");
    let policy = one(&root, "GetLayerVersionPolicy", 1, json!({})).ok();
    assert!(
        policy["Policy"].as_str().unwrap().contains(&arn) && policy["RevisionId"] == revision,
        "{policy}"
    );
    assert_eq!(get().ok()["Version"], 1);
    assert_eq!(with(&user, json!([arn])).ok()["Layers"][0]["Arn"], arn);
    let wrong = json!({ "StatementId": "s", "RevisionId": "0" });
    one(&root, "RemoveLayerVersionPermission", 1, wrong).refused(412, "PreconditionFailedException");
    assert_eq!(one(&root, "RemoveLayerVersionPermission", 1, json!({ "StatementId": "s" })).status, 204);
    get().refused(403, "AccessDeniedException");
    let unreadable = json!({
        "Version": "2012-10-17",
        "Statement": { "Effect": "Allow", "Action": ["lambda:UpdateFunctionConfiguration"], "Resource": "*" },
    });
    role(&root);
    create_again(&root);
    let weak = cloud.user(&root, "weak", &unreadable.to_string());
    let message = with(&weak, json!([arn])).refused(403, "AccessDeniedException");
    assert!(message.contains("lambda:GetLayerVersion"), "{message}");
}

/// A function in the other account.
fn create_in(other: &Caller<'_>) {
    role(other);
    let role = ROLE.replace(ACCOUNT, OTHER);
    let input = json!({
        "FunctionName": "f", "Runtime": "python3.12", "Role": role, "Handler": "app.handler",
        "Code": { "ZipFile": zipped("app.py", "def handler(event, context): return event") },
    });
    other.call("lambda", "CreateFunction", input).ok();
}

fn create_again(root: &Caller<'_>) {
    let input = json!({
        "FunctionName": "f", "Runtime": "python3.12", "Role": ROLE, "Handler": "app.handler",
        "Code": { "ZipFile": zipped("app.py", "def handler(event, context): return event") },
    });
    root.call("lambda", "CreateFunction", input).ok();
}
