//! Functions of container images. Their sandboxes are simulated; their layers are read all the same.

use crate::ecr_images::{hash, manifest, upload};
use crate::harness::{Caller, Cloud, Reply};
use crate::lambda_functions::{ROLE, create, role, zipped};
use serde_json::{Value, json};
use std::time::Duration;

const ACCOUNT: &str = "123456789012";
const OTHER: &str = "210987654321";
const ARN: &str = "arn:aws:lambda:us-east-1:123456789012:function:f";
const HOST: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com";
const WRONG: &str = "InvalidParameterValueException";
const NOT_LET: &str = "Lambda does not have permission to access the ECR image. Check the ECR permissions.";

fn with(mut base: Value, changes: &Value) -> Value {
    base.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    base
}

fn call(root: &Caller<'_>, operation: &str, more: &Value) -> Reply {
    root.call("lambda", operation, with(json!({ "FunctionName": "f" }), more))
}

/// An archive of one file.
fn archive(name: &str, content: &[u8]) -> Vec<u8> {
    let mut header = [0_u8; 512];
    let mut field = |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
    field(0, name);
    field(100, "0000755");
    field(124, &format!("{:011o}", content.len()));
    field(148, "        ");
    field(156, "0");
    field(257, "ustar");
    let sum: u64 = header.iter().map(|byte| u64::from(*byte)).sum();
    header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    let mut out = [&header[..], content].concat();
    out.resize(out.len().next_multiple_of(512) + 1024, 0);
    out
}

fn here() -> &'static str {
    if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" }
}

/// Pushes an image of one layer; answers its digest.
fn push(root: &Caller<'_>, layer: &[u8], tag: &str, configured: &Value) -> String {
    let plain = json!({
        "os": "linux", "architecture": here(), "rootfs": { "type": "layers", "diff_ids": [hash(layer)] },
        "config": { "Entrypoint": ["/run"], "Cmd": ["app"] },
    });
    let config = upload(root, "app", with(plain, configured).to_string().as_bytes());
    let layers = upload(root, "app", layer);
    let manifest = manifest(&config, &[&layers]);
    let put = json!({ "repositoryName": "app", "imageManifest": manifest, "imageTag": tag });
    root.call("ecr", "PutImage", put).ok();
    hash(manifest.as_bytes())
}

fn repository(root: &Caller<'_>) {
    root.call("ecr", "CreateRepository", json!({ "repositoryName": "app" })).ok();
}

fn input(tag: &str) -> Value {
    json!({ "PackageType": "Image", "Role": ROLE, "Code": { "ImageUri": format!("{HOST}/app:{tag}") } })
}

fn hex(digest: &str) -> &str {
    digest.strip_prefix("sha256:").unwrap()
}

fn roots(cloud: &Cloud) -> usize {
    let snapshot = cloud.cloud.store().snapshot();
    compute::lambda::model::ROOTS.count(&snapshot, &store::Key::empty()).unwrap()
}

#[test]
fn a_function_is_of_an_image() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    role(&root);
    repository(&root);
    let digest = push(&root, &archive("run", b"1"), "v1", &json!({}));
    let told = json!({ "ImageConfig": { "Command": ["other"], "WorkingDirectory": "/w" } });
    let made = call(&root, "CreateFunction", &with(input("v1"), &told)).ok();
    assert_eq!((&made["State"], &made["StateReasonCode"]), (&json!("Pending"), &json!("Creating")));
    assert_eq!(made["StateReason"], "The function is being created.");
    let pending = "The operation cannot be performed at this time. The function is currently in the following state: Pending";
    for (operation, more) in [
        ("Invoke", json!({})),
        ("PublishVersion", json!({})),
        ("UpdateFunctionConfiguration", json!({ "Timeout": 5 })),
        ("UpdateFunctionCode", json!({ "ImageUri": format!("{HOST}/app:v1") })),
    ] {
        call(&root, operation, &more).refused_with(409, "ResourceConflictException", pending);
    }
    cloud.reconcile();
    let got = call(&root, "GetFunction", &json!({})).ok();
    let shown = &got["Configuration"];
    assert_eq!((&shown["State"], &shown["LastUpdateStatus"]), (&json!("Active"), &json!("Successful")));
    assert_eq!((&shown["PackageType"], &shown["CodeSha256"]), (&json!("Image"), &json!(hex(&digest))));
    assert_eq!((&shown["CodeSize"], shown.get("Runtime"), shown.get("Handler")), (&json!(0), None, None));
    assert_eq!(shown["ImageConfigResponse"]["ImageConfig"], told["ImageConfig"]);
    assert_eq!(
        got["Code"],
        json!({
            "RepositoryType": "ECR", "ImageUri": format!("{HOST}/app:v1"),
            "ResolvedImageUri": format!("{HOST}/app@{digest}"),
        })
    );
    let invoked = call(&root, "Invoke", &json!({ "Payload": "7" }));
    assert_eq!((invoked.status, &invoked.body[..]), (200, &b"7"[..]));
    // What is empty is as the image says.
    let none = json!({ "ImageConfig": { "Command": [], "WorkingDirectory": "" } });
    let changed = call(&root, "UpdateFunctionConfiguration", &none).ok();
    assert!(changed.get("ImageConfigResponse").is_none());
    call(&root, "DeleteFunction", &json!({})).ok();
    assert_eq!(roots(&cloud), 0, "nobody needs it");
}

#[test]
fn another_image_is_unpacked_before_it_runs() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    role(&root);
    repository(&root);
    push(&root, &archive("run", b"1"), "v1", &json!({}));
    call(&root, "CreateFunction", &input("v1")).ok();
    cloud.reconcile();
    call(&root, "PublishVersion", &json!({})).ok();
    cloud.advance(Duration::from_secs(1));
    let second = push(&root, &archive("run", b"2"), "v2", &json!({}));
    let newer = json!({ "ImageUri": format!("{HOST}/app@{second}") });
    let dry = call(&root, "UpdateFunctionCode", &with(newer.clone(), &json!({ "DryRun": true }))).ok();
    assert_eq!((&dry["CodeSha256"], roots(&cloud)), (&json!(hex(&second)), 1));
    let changed = call(&root, "UpdateFunctionCode", &newer).ok();
    assert_eq!((&changed["State"], &changed["LastUpdateStatus"]), (&json!("Active"), &json!("InProgress")));
    let message = format!(
        "The operation cannot be performed at this time. An update is in progress for resource: {ARN}"
    );
    call(&root, "UpdateFunctionCode", &newer).refused_with(409, "ResourceConflictException", &message);
    call(&root, "Invoke", &json!({})).ok();
    cloud.reconcile();
    let shown = call(&root, "GetFunctionConfiguration", &json!({})).ok();
    assert_eq!(
        (&shown["LastUpdateStatus"], &shown["CodeSha256"]),
        (&json!("Successful"), &json!(hex(&second)))
    );
    assert_eq!(roots(&cloud), 2, "version 1 is of the first");
    let published = call(&root, "PublishVersion", &json!({ "CodeSha256": hex(&second) })).ok();
    assert_eq!(published["Version"], "2");
    call(&root, "DeleteFunction", &json!({ "Qualifier": "1" })).ok();
    assert_eq!(roots(&cloud), 1);
    // One that cannot be unpacked: the old one runs on.
    let third = push(&root, b"no archive at all", "v3", &json!({}));
    let bad = json!({ "ImageUri": format!("{HOST}/app:v3") });
    call(&root, "UpdateFunctionCode", &bad).ok();
    cloud.reconcile();
    let shown = call(&root, "GetFunctionConfiguration", &json!({})).ok();
    assert_eq!((&shown["State"], &shown["LastUpdateStatus"]), (&json!("Active"), &json!("Failed")));
    assert_eq!(shown["LastUpdateStatusReasonCode"], "InvalidImage");
    assert_eq!(shown["CodeSha256"], hex(&third));
    call(&root, "Invoke", &json!({})).ok();
    call(&root, "UpdateFunctionCode", &newer).ok();
    let shown = call(&root, "GetFunctionConfiguration", &json!({})).ok();
    assert_eq!(shown["LastUpdateStatus"], "Successful", "it is there");
    assert_eq!(roots(&cloud), 1);
}

#[test]
fn what_cannot_be_unpacked_fails() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    role(&root);
    repository(&root);
    let layer = archive("../run", b"1");
    push(&root, &layer, "out", &json!({}));
    let other = json!({ "rootfs": { "diff_ids": [hash(b"other")] } });
    push(&root, &archive("run", b"1"), "other", &other);
    for (tag, why) in [
        ("out", "The image cannot be unpacked: a name leads out of the image."),
        ("other", "The image cannot be unpacked: a layer is not what the image says."),
    ] {
        call(&root, "CreateFunction", &input(tag)).ok();
        cloud.reconcile();
        let shown = call(&root, "GetFunctionConfiguration", &json!({})).ok();
        assert_eq!((&shown["State"], &shown["StateReasonCode"]), (&json!("Failed"), &json!("InvalidImage")));
        assert_eq!(shown["StateReason"], why);
        let message = "The operation cannot be performed at this time. The function is currently in the following state: Failed";
        call(&root, "Invoke", &json!({})).refused_with(409, "ResourceConflictException", message);
        call(&root, "DeleteFunction", &json!({})).ok();
    }
}

#[test]
fn what_is_no_image_for_a_function() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    create(&root);
    repository(&root);
    push(&root, &archive("run", b"1"), "v1", &json!({}));
    let other = if here() == "arm64" { "amd64" } else { "arm64" };
    push(&root, &archive("run", b"2"), "other", &json!({ "architecture": other }));
    push(&root, &archive("run", b"3"), "windows", &json!({ "os": "windows" }));
    let new = |more: &Value| {
        root.call("lambda", "CreateFunction", with(with(input("v1"), &json!({ "FunctionName": "g" })), more))
    };
    let of = |uri: &str| new(&json!({ "Code": { "ImageUri": uri } }));
    for uri in ["app:v1", &format!("{HOST}/app"), "public.ecr.aws/lambda/python:3.12"] {
        let message = format!("Source image {uri} is not valid. Provide a valid source image.");
        of(uri).refused_with(400, WRONG, &message);
    }
    for uri in [format!("{HOST}/app:none"), format!("{HOST}/none:v1")] {
        let message = format!("Source image {uri} does not exist. Provide a valid source image.");
        of(&uri).refused_with(400, WRONG, &message);
    }
    let windows = format!("{HOST}/app:windows");
    let message = format!(
        "The image manifest, config or layer media type for the source image {windows} is not supported."
    );
    of(&windows).refused_with(400, WRONG, &message);
    let message = of(&format!("{HOST}/app:other")).refused(400, WRONG);
    assert!(message.contains("is not supported: the processor of this machine is"), "{message}");
    let archives =
        "Please don't provide Handler or Runtime or Layer when the intended function PackageType is Image.";
    new(&json!({ "Handler": "app.handler" })).refused_with(400, WRONG, archives);
    new(&json!({ "Runtime": "python3.12" })).refused_with(400, WRONG, archives);
    let zip = json!({ "Code": { "ZipFile": zipped("a", "b") } });
    new(&zip).refused(400, WRONG);
    let both = json!({ "Code": { "ZipFile": zipped("a", "b"), "ImageUri": format!("{HOST}/app:v1") } });
    let message = "Please do not provide other FunctionCode parameters when providing an ImageUri.";
    new(&both).refused_with(400, WRONG, message);
    let mandatory =
        "Runtime and Handler are mandatory parameters for functions created with deployment packages.";
    new(&json!({ "PackageType": "Zip" })).refused_with(400, WRONG, mandatory);
    let source = json!({ "PackageType": "Zip", "Runtime": "python3.12", "Handler": "a.b" });
    new(&source).refused_with(400, WRONG, "Please provide a source for function code.");
    // By the cloud's own address it is the caller's registry.
    of("localhost:4566/app:v1").ok();
    // A function stays what it is.
    let zip = "Please don't provide ImageUri when updating a function with packageType Zip.";
    call(&root, "UpdateFunctionCode", &json!({ "ImageUri": format!("{HOST}/app:v1") }))
        .refused_with(400, WRONG, zip);
    let both = json!({ "ImageUri": format!("{HOST}/app:v1"), "S3Bucket": "bucket" });
    call(&root, "UpdateFunctionCode", &both).refused_with(400, WRONG, message);
    call(&root, "UpdateFunctionConfiguration", &json!({ "ImageConfig": { "Command": ["a"] } }))
        .refused(400, WRONG);
    cloud.reconcile();
    let g = |operation: &str, more: Value| {
        root.call("lambda", operation, with(json!({ "FunctionName": "g" }), &more))
    };
    let image = "Please provide ImageUri when updating a function with packageType Image.";
    g("UpdateFunctionCode", json!({ "ZipFile": zipped("a", "b") })).refused_with(400, WRONG, image);
    g("UpdateFunctionConfiguration", json!({ "Handler": "a.b" })).refused_with(400, WRONG, archives);
}

#[test]
fn whoever_makes_it_lets_lambda_read() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    role(&root);
    repository(&root);
    push(&root, &archive("run", b"1"), "v1", &json!({}));
    let may = |more: &[&str]| {
        let actions = [&["lambda:*", "iam:PassRole"], more].concat();
        let all = json!({ "Effect": "Allow", "Action": actions, "Resource": "*" });
        json!({ "Version": "2012-10-17", "Statement": [all] }).to_string()
    };
    let user = cloud.user(&root, "user", &may(&["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]));
    call(&user, "CreateFunction", &input("v1")).refused_with(403, "AccessDeniedException", NOT_LET);
    let maker = cloud.user(&root, "maker", &may(&["ecr:GetRepositoryPolicy", "ecr:SetRepositoryPolicy"]));
    call(&maker, "CreateFunction", &input("v1")).ok();
    let policy = root.call("ecr", "GetRepositoryPolicy", json!({ "repositoryName": "app" })).ok();
    let policy: Value = serde_json::from_str(policy["policyText"].as_str().unwrap()).unwrap();
    let own = &policy["Statement"][0];
    assert_eq!(own["Sid"], "LambdaECRImageRetrievalPolicy");
    let functions = format!("arn:aws:lambda:us-east-1:{ACCOUNT}:function:*");
    assert_eq!(own["Condition"]["StringLike"]["aws:sourceArn"], functions);
    // From now on nobody is asked for that any more.
    let again = with(input("v1"), &json!({ "FunctionName": "g" }));
    user.call("lambda", "CreateFunction", again).ok();
    cloud.reconcile();
    assert_eq!(call(&root, "GetFunctionConfiguration", &json!({})).ok()["State"], "Active");
    // What is taken back before the image is read is not read.
    let second = push(&root, &archive("run", b"2"), "v2", &json!({}));
    call(&root, "UpdateFunctionCode", &json!({ "ImageUri": format!("{HOST}/app@{second}") })).ok();
    let nobody = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Deny", "Principal": { "Service": "lambda.amazonaws.com" }, "Action": "ecr:*",
    }] });
    let set = json!({ "repositoryName": "app", "policyText": nobody.to_string() });
    root.call("ecr", "SetRepositoryPolicy", set).ok();
    cloud.reconcile();
    let shown = call(&root, "GetFunctionConfiguration", &json!({})).ok();
    assert_eq!(shown["LastUpdateStatusReasonCode"], "ImageAccessDenied");
    assert_eq!(shown["LastUpdateStatusReason"], NOT_LET);
}

#[test]
fn an_image_of_another_account() {
    let cloud = Cloud::new();
    let (root, owner) = (cloud.root(ACCOUNT), cloud.root(OTHER));
    role(&root);
    repository(&owner);
    push(&owner, &archive("run", b"1"), "v1", &json!({}));
    let uri = format!("{OTHER}.dkr.ecr.us-east-1.amazonaws.com/app:v1");
    let new = || call(&root, "CreateFunction", &with(input("v1"), &json!({ "Code": { "ImageUri": uri } })));
    new().refused_with(403, "AccessDeniedException", NOT_LET);
    let allow = |principal: Value, condition: Value| {
        json!({
            "Effect": "Allow", "Principal": principal, "Condition": condition,
            "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
        })
    };
    let account = allow(json!({ "AWS": format!("arn:aws:iam::{ACCOUNT}:root") }), json!({}));
    let functions = format!("arn:aws:lambda:us-east-1:{ACCOUNT}:function:*");
    let lambda = allow(
        json!({ "Service": "lambda.amazonaws.com" }),
        json!({ "StringLike": { "aws:sourceArn": functions } }),
    );
    let set = |statements: Value| {
        let policy = json!({ "Version": "2012-10-17", "Statement": statements });
        let set = json!({ "repositoryName": "app", "policyText": policy.to_string() });
        owner.call("ecr", "SetRepositoryPolicy", set).ok();
    };
    for one in [&account, &lambda] {
        set(json!([one]));
        new().refused_with(403, "AccessDeniedException", NOT_LET);
    }
    set(json!([account, lambda]));
    new().ok();
    cloud.reconcile();
    assert_eq!(call(&root, "GetFunctionConfiguration", &json!({})).ok()["State"], "Active");
}
