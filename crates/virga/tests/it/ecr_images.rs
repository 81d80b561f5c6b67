//! ECR: repositories, layers, images, policies and what goes by itself.

use crate::harness::{Caller, Cloud};
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::time::Duration;

const ACCOUNT: &str = "123456789012";
const OTHER: &str = "210987654321";
const DAY: Duration = Duration::from_secs(24 * 3600);

pub(crate) fn hash(bytes: &[u8]) -> String {
    digest(&SHA256, bytes).as_ref().iter().fold("sha256:".to_owned(), |text, b| text + &format!("{b:02x}"))
}

fn ecr(caller: &Caller<'_>, operation: &str, parameters: Value) -> Value {
    caller.call("ecr", operation, parameters).ok()
}

fn repository(caller: &Caller<'_>, name: &str) -> Value {
    ecr(caller, "CreateRepository", json!({ "repositoryName": name }))["repository"].clone()
}

pub(crate) fn upload(caller: &Caller<'_>, name: &str, bytes: &[u8]) -> String {
    let id = ecr(caller, "InitiateLayerUpload", json!({ "repositoryName": name }))["uploadId"].clone();
    let part = json!({
        "repositoryName": name, "uploadId": id, "partFirstByte": 0, "partLastByte": bytes.len() - 1,
        "layerPartBlob": STANDARD.encode(bytes),
    });
    ecr(caller, "UploadLayerPart", part);
    let digest = hash(bytes);
    let complete = json!({ "repositoryName": name, "uploadId": id, "layerDigests": [digest] });
    ecr(caller, "CompleteLayerUpload", complete)["layerDigest"].as_str().unwrap().to_owned()
}

pub(crate) fn manifest(config: &str, layers: &[&str]) -> String {
    let entry = |kind: &str, digest: &str| json!({ "mediaType": kind, "digest": digest, "size": 1 });
    let layers: Vec<Value> =
        layers.iter().map(|digest| entry("application/vnd.oci.image.layer.v1.tar", digest)).collect();
    json!({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": entry("application/vnd.oci.image.config.v1+json", config), "layers": layers,
    })
    .to_string()
}

/// Pushes an image of one layer; answers its digest.
pub(crate) fn push(caller: &Caller<'_>, name: &str, content: &str, tag: &str) -> String {
    let config = upload(caller, name, format!("config of {content}").as_bytes());
    let layer = upload(caller, name, content.as_bytes());
    let manifest = manifest(&config, &[&layer]);
    let put = json!({ "repositoryName": name, "imageManifest": manifest, "imageTag": tag });
    let image = ecr(caller, "PutImage", put);
    assert_eq!(image["image"]["imageId"]["imageDigest"], hash(manifest.as_bytes()));
    hash(manifest.as_bytes())
}

#[test]
fn repositories_are_made_shown_and_deleted() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let made = repository(&root, "team/app");
    assert_eq!(made["repositoryArn"], format!("arn:aws:ecr:us-east-1:{ACCOUNT}:repository/team/app"));
    assert!(made["repositoryUri"].as_str().unwrap().ends_with("/team/app"), "{made}");
    assert_eq!((&made["imageTagMutability"], &made["registryId"]), (&json!("MUTABLE"), &json!(ACCOUNT)));
    root.call("ecr", "CreateRepository", json!({ "repositoryName": "team/app" })).refused_with(
        400,
        "RepositoryAlreadyExistsException",
        &format!("The repository with name 'team/app' already exists in the registry with id '{ACCOUNT}'"),
    );
    repository(&root, "bb");
    let page = ecr(&root, "DescribeRepositories", json!({ "maxResults": 1 }));
    assert_eq!(page["repositories"][0]["repositoryName"], "bb");
    let rest = ecr(&root, "DescribeRepositories", json!({ "maxResults": 1, "nextToken": page["nextToken"] }));
    assert_eq!(rest["repositories"], json!([made]));
    assert!(rest.get("nextToken").is_none());
    root.call("ecr", "DescribeRepositories", json!({ "repositoryNames": ["none"] })).refused_with(
        400,
        "RepositoryNotFoundException",
        &format!("The repository with name 'none' does not exist in the registry with id '{ACCOUNT}'"),
    );
    let scans = json!({ "repositoryName": "cc", "imageScanningConfiguration": { "scanOnPush": true } });
    root.call("ecr", "CreateRepository", scans).refused(501, "NotImplemented");
    let keys = json!({ "repositoryName": "cc", "encryptionConfiguration": { "encryptionType": "KMS" } });
    root.call("ecr", "CreateRepository", keys).refused(501, "NotImplemented");

    push(&root, "bb", "x", "v1");
    root.call("ecr", "DeleteRepository", json!({ "repositoryName": "bb" })).refused_with(
        400,
        "RepositoryNotEmptyException",
        &format!("The repository with name 'bb' in registry with id '{ACCOUNT}' cannot be deleted because it still contains images"),
    );
    ecr(&root, "DeleteRepository", json!({ "repositoryName": "bb", "force": true }));
    repository(&root, "bb");
    assert_eq!(ecr(&root, "ListImages", json!({ "repositoryName": "bb" }))["imageIds"], json!([]));
}

#[test]
fn tags_of_repositories() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let tags = json!([{ "Key": "team", "Value": "blue" }]);
    let made = ecr(&root, "CreateRepository", json!({ "repositoryName": "aa", "tags": tags }));
    let arn = made["repository"]["repositoryArn"].clone();
    ecr(&root, "TagResource", json!({ "resourceArn": arn, "tags": [{ "Key": "env", "Value": "test" }] }));
    ecr(&root, "UntagResource", json!({ "resourceArn": arn, "tagKeys": ["team"] }));
    let listed = ecr(&root, "ListTagsForResource", json!({ "resourceArn": arn }));
    assert_eq!(listed["tags"], json!([{ "Key": "env", "Value": "test" }]));
    let reserved = json!({ "resourceArn": arn, "tags": [{ "Key": "aws:x", "Value": "" }] });
    root.call("ecr", "TagResource", reserved).refused(400, "InvalidTagParameterException");
    // A policy about the repository's tags decides.
    let policy = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "ecr:*", "Resource": "*",
        "Condition": { "StringEquals": { "aws:ResourceTag/env": "test" } } }] });
    let user = cloud.user(&root, "u", &policy.to_string());
    ecr(&user, "ListImages", json!({ "repositoryName": "aa" }));
    repository(&root, "bb");
    user.call("ecr", "ListImages", json!({ "repositoryName": "bb" })).refused(400, "AccessDeniedException");
}

#[test]
fn layers_are_held_against_their_digests() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    repository(&root, "aa");
    let begun = ecr(&root, "InitiateLayerUpload", json!({ "repositoryName": "aa" }));
    assert_eq!(begun["partSize"], 20 << 20);
    let id = begun["uploadId"].clone();
    let part = |first: usize, bytes: &[u8]| {
        json!({
            "repositoryName": "aa", "uploadId": id, "partFirstByte": first,
            "partLastByte": first + bytes.len() - 1, "layerPartBlob": STANDARD.encode(bytes),
        })
    };
    let complete = |digest: &str| json!({ "repositoryName": "aa", "uploadId": id, "layerDigests": [digest] });
    root.call("ecr", "CompleteLayerUpload", complete(&hash(b""))).refused(400, "EmptyUploadException");
    let big = vec![7; 5 << 20];
    assert_eq!(ecr(&root, "UploadLayerPart", part(0, &big))["lastByteReceived"], (5 << 20) - 1);
    root.call("ecr", "UploadLayerPart", part(0, b"x")).refused(400, "InvalidLayerPartException");
    ecr(&root, "UploadLayerPart", part(5 << 20, b"end"));
    let all = [big.as_slice(), b"end"].concat();
    root.call("ecr", "CompleteLayerUpload", complete(&hash(b"other"))).refused(400, "InvalidLayerException");
    assert_eq!(ecr(&root, "CompleteLayerUpload", complete(&hash(&all)))["layerDigest"], hash(&all));
    root.call("ecr", "UploadLayerPart", part(0, b"x")).refused(400, "UploadNotFoundException");

    let asked = json!({ "repositoryName": "aa", "layerDigests": [hash(&all), hash(b"none"), "nonsense"] });
    let checked = ecr(&root, "BatchCheckLayerAvailability", asked);
    assert_eq!(checked["layers"][0]["layerSize"], all.len());
    assert_eq!(checked["layers"][1]["layerAvailability"], "UNAVAILABLE");
    assert_eq!(checked["failures"][0]["failureCode"], "InvalidLayerDigest");
    let none = json!({ "repositoryName": "aa", "layerDigest": hash(b"none") });
    root.call("ecr", "GetDownloadUrlForLayer", none).refused(400, "LayersNotFoundException");

    // Small parts before the last one are refused, and what is not completed goes after a day.
    let id = ecr(&root, "InitiateLayerUpload", json!({ "repositoryName": "aa" }))["uploadId"].clone();
    for (first, text) in [(0, "a"), (1, "b")] {
        let part = json!({
            "repositoryName": "aa", "uploadId": id, "partFirstByte": first, "partLastByte": first,
            "layerPartBlob": STANDARD.encode(text),
        });
        ecr(&root, "UploadLayerPart", part);
    }
    let small = json!({ "repositoryName": "aa", "uploadId": id, "layerDigests": [hash(b"ab")] });
    root.call("ecr", "CompleteLayerUpload", small.clone()).refused(400, "LayerPartTooSmallException");
    cloud.advance(DAY);
    cloud.reconcile();
    root.call("ecr", "CompleteLayerUpload", small).refused(400, "UploadNotFoundException");
}

#[test]
fn images_need_their_layers_and_tags_move() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    repository(&root, "aa");
    let lonely = manifest(&hash(b"c"), &[&hash(b"l")]);
    let put = |manifest: &str, tag: &str| json!({ "repositoryName": "aa", "imageManifest": manifest, "imageTag": tag });
    root.call("ecr", "PutImage", put(&lonely, "v1")).refused_with(
        400,
        "LayersNotFoundException",
        &format!(
            "Layers with digests '[{}, {}]' required for pushing image into repository with name 'aa' in the registry with id '{ACCOUNT}' do not exist",
            hash(b"c"),
            hash(b"l")
        ),
    );
    root.call("ecr", "PutImage", put("{}", "v1")).refused(400, "InvalidParameterException");
    let one = push(&root, "aa", "one", "v1");
    let two = push(&root, "aa", "two", "v1");
    let listed =
        ecr(&root, "ListImages", json!({ "repositoryName": "aa", "filter": { "tagStatus": "UNTAGGED" } }));
    assert_eq!(listed["imageIds"], json!([{ "imageDigest": one }]));
    let ids =
        json!([{ "imageTag": "v1" }, { "imageTag": "none" }, { "imageDigest": one, "imageTag": "v1" }, {}]);
    let got = ecr(&root, "BatchGetImage", json!({ "repositoryName": "aa", "imageIds": ids }));
    assert_eq!(got["images"][0]["imageId"], json!({ "imageDigest": two, "imageTag": "v1" }));
    let codes: Vec<&str> =
        got["failures"].as_array().unwrap().iter().map(|f| f["failureCode"].as_str().unwrap()).collect();
    assert_eq!(codes, ["ImageNotFound", "ImageTagDoesNotMatchDigest", "MissingDigestAndTag"]);

    let described =
        ecr(&root, "DescribeImages", json!({ "repositoryName": "aa", "imageIds": [{ "imageTag": "v1" }] }));
    let detail = &described["imageDetails"][0];
    assert_eq!((&detail["imageDigest"], &detail["imageTags"]), (&json!(two), &json!(["v1"])));
    assert_eq!(detail["artifactMediaType"], "application/vnd.oci.image.config.v1+json");
    let none = json!({ "repositoryName": "aa", "imageIds": [{ "imageTag": "none" }] });
    root.call("ecr", "DescribeImages", none).refused_with(
        400,
        "ImageNotFoundException",
        &format!("The image with imageId {{imageDigest:'null', imageTag:'none'}} does not exist within the repository with name 'aa' in the registry with id '{ACCOUNT}'"),
    );

    // Once tags are immutable, they stay where they are.
    let fixed = json!({ "repositoryName": "aa", "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
        "imageTagMutabilityExclusionFilters": [{ "filterType": "WILDCARD", "filter": "dev*" }] });
    ecr(&root, "PutImageTagMutability", fixed);
    let text =
        ecr(&root, "BatchGetImage", json!({ "repositoryName": "aa", "imageIds": [{ "imageDigest": one }] }));
    let text = text["images"][0]["imageManifest"].as_str().unwrap().to_owned();
    root.call("ecr", "PutImage", put(&text, "v1")).refused_with(
        400,
        "ImageTagAlreadyExistsException",
        "The image tag 'v1' already exists in the 'aa' repository and cannot be overwritten because the tag is immutable.",
    );
    ecr(&root, "PutImage", put(&text, "dev-1"));
    root.call("ecr", "PutImage", put(&text, "dev-1")).refused(400, "ImageAlreadyExistsException");
    let wrong = json!({ "repositoryName": "aa", "imageManifest": text, "imageDigest": two });
    root.call("ecr", "PutImage", wrong).refused(400, "ImageDigestDoesNotMatchException");
}

#[test]
fn lists_hold_their_members_and_layers_go_with_their_last_image() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    repository(&root, "aa");
    let one = push(&root, "aa", "one", "v1");
    let list = json!({ "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [{ "mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": one, "size": 1 }] });
    let put = json!({ "repositoryName": "aa", "imageManifest": list.to_string(), "imageTag": "all" });
    let list = ecr(&root, "PutImage", put)["image"]["imageId"]["imageDigest"].clone();
    let missing = json!({ "schemaVersion": 2, "manifests": [{ "digest": hash(b"none"), "size": 1 }] });
    let missing = json!({ "repositoryName": "aa", "imageManifest": missing.to_string() });
    root.call("ecr", "PutImage", missing).refused(400, "ReferencedImagesNotFoundException");
    let delete = |id: Value| json!({ "repositoryName": "aa", "imageIds": [id] });
    let held = ecr(&root, "BatchDeleteImage", delete(json!({ "imageDigest": one })));
    assert_eq!(held["failures"][0]["failureCode"], "ImageReferencedByManifestList");
    let gone = ecr(&root, "BatchDeleteImage", delete(json!({ "imageTag": "all" })));
    assert_eq!(gone["imageIds"], json!([{ "imageDigest": list, "imageTag": "all" }]));

    // The layer of two images stays for the other.
    let config = upload(&root, "aa", b"second config");
    let second = manifest(&config, &[&hash(b"one")]);
    ecr(&root, "PutImage", json!({ "repositoryName": "aa", "imageManifest": second, "imageTag": "v2" }));
    let there = || {
        let asked = json!({ "repositoryName": "aa", "layerDigests": [hash(b"one")] });
        ecr(&root, "BatchCheckLayerAvailability", asked)["layers"][0]["layerAvailability"].clone()
    };
    ecr(&root, "BatchDeleteImage", delete(json!({ "imageDigest": one })));
    assert_eq!(there(), "AVAILABLE");
    ecr(&root, "BatchDeleteImage", delete(json!({ "imageTag": "v2" })));
    assert_eq!(there(), "UNAVAILABLE");
}

#[test]
fn lifecycle_policies_take_images_away() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    repository(&root, "aa");
    let old = push(&root, "aa", "old", "prod-1");
    cloud.advance(DAY);
    let new = push(&root, "aa", "new", "prod-2");
    let named = json!({ "repositoryName": "aa" });
    root.call("ecr", "GetLifecyclePolicy", named.clone()).refused(400, "LifecyclePolicyNotFoundException");
    let text = json!({ "rules": [{ "rulePriority": 1, "action": { "type": "expire" }, "selection": {
        "tagStatus": "tagged", "tagPrefixList": ["prod"], "countType": "imageCountMoreThan", "countNumber": 1 } }] });
    let put = json!({ "repositoryName": "aa", "lifecyclePolicyText": text.to_string() });
    ecr(&root, "StartLifecyclePolicyPreview", put.clone());
    let preview = ecr(&root, "GetLifecyclePolicyPreview", named.clone());
    assert_eq!(
        (&preview["status"], &preview["summary"]["expiringImageTotalCount"]),
        (&json!("COMPLETE"), &json!(1))
    );
    assert_eq!(preview["previewResults"][0]["imageDigest"], old);
    ecr(&root, "PutLifecyclePolicy", put);
    cloud.reconcile();
    let left = ecr(&root, "ListImages", named.clone());
    assert_eq!(left["imageIds"], json!([{ "imageDigest": new, "imageTag": "prod-2" }]));
    assert!(ecr(&root, "GetLifecyclePolicy", named.clone())["lastEvaluatedAt"].is_number());
    ecr(&root, "DeleteLifecyclePolicy", named);
    let bad = json!({ "repositoryName": "aa", "lifecyclePolicyText": json!({ "rules": [{ "rulePriority": 0 }], "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx": 1 }).to_string() });
    root.call("ecr", "PutLifecyclePolicy", bad).refused(400, "InvalidParameterException");
}

#[test]
fn policies_let_others_in() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    repository(&root, "aa");
    push(&root, "aa", "x", "v1");
    let pull = json!({ "registryId": ACCOUNT, "repositoryName": "aa", "imageIds": [{ "imageTag": "v1" }] });
    let other = cloud.root(OTHER);
    other.call("ecr", "BatchGetImage", pull.clone()).refused(400, "AccessDeniedException");
    let named = json!({ "repositoryName": "aa" });
    root.call("ecr", "GetRepositoryPolicy", named.clone()).refused(400, "RepositoryPolicyNotFoundException");
    let policy = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": { "AWS": format!("arn:aws:iam::{OTHER}:root") },
        "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"] }] });
    let set = |text: String| json!({ "repositoryName": "aa", "policyText": text });
    ecr(&root, "SetRepositoryPolicy", set(policy.to_string()));
    let got = ecr(&other, "BatchGetImage", pull.clone());
    assert_eq!(got["images"][0]["imageId"]["imageTag"], "v1");
    other.call("ecr", "BatchDeleteImage", pull.clone()).refused(400, "AccessDeniedException");
    root.call("ecr", "SetRepositoryPolicy", set("{}".into())).refused_with(
        400,
        "InvalidParameterException",
        "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid repository policy provided'",
    );
    // Nobody locks himself out unasked.
    let all = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    let user = cloud.user(&root, "u", all);
    let deny = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Deny", "Principal": "*", "Action": "ecr:SetRepositoryPolicy" }] });
    user.call("ecr", "SetRepositoryPolicy", set(deny.to_string())).refused(400, "InvalidParameterException");
    ecr(&root, "DeleteRepositoryPolicy", named);
    other.call("ecr", "BatchGetImage", pull).refused(400, "AccessDeniedException");
}
