//! Parameter Store: values in versions, secrets through KMS, hierarchies, labels, who may.

use crate::harness::{Caller, Cloud};
use serde_json::{Value, json};
use std::time::Duration;

const ACCOUNT: &str = "123456789012";
const ARN: &str = "arn:aws:ssm:us-east-1:123456789012:parameter";

fn put(caller: &Caller<'_>, name: &str, value: &str) -> Value {
    let parameter = json!({ "Name": name, "Value": value, "Type": "String", "Overwrite": true });
    caller.call("ssm", "PutParameter", parameter).ok()
}

fn get(caller: &Caller<'_>, name: &str) -> Value {
    let found = caller.call("ssm", "GetParameter", json!({ "Name": name, "WithDecryption": true })).ok();
    found["Parameter"].clone()
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|item| item["Name"].as_str().unwrap()).collect()
}

#[test]
fn parameters_have_versions() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let first = json!({ "Name": "/app/url", "Value": "one", "Type": "String", "Description": "where" });
    let made = root.call("ssm", "PutParameter", first.clone()).ok();
    assert_eq!(made, json!({ "Version": 1, "Tier": "Standard" }));
    root.call("ssm", "PutParameter", first).refused_with(
        400,
        "ParameterAlreadyExists",
        "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.",
    );
    cloud.advance(Duration::from_secs(60));
    assert_eq!(put(&root, "/app/url", "two")["Version"], 2);
    let found = get(&root, "/app/url");
    assert_eq!((&found["Value"], &found["Version"]), (&json!("two"), &json!(2)));
    assert_eq!(found["ARN"], format!("{ARN}/app/url"));
    assert_eq!(found["DataType"], "text");
    assert_eq!(found["LastModifiedDate"], 1_768_478_460.0);
    let older = get(&root, "/app/url:1");
    assert_eq!((&older["Value"], &older["Selector"]), (&json!("one"), &json!(":1")));
    assert_eq!(get(&root, &format!("{ARN}/app/url:1"))["Value"], "one");
    root.call("ssm", "GetParameter", json!({ "Name": "/app/url:3" })).refused_with(
        400,
        "ParameterVersionNotFound",
        "Systems Manager could not find version 3 of /app/url. Verify the version and try again.",
    );
    root.call("ssm", "GetParameter", json!({ "Name": "missing" })).refused_with(400, "ParameterNotFound", "");

    let history =
        root.call("ssm", "GetParameterHistory", json!({ "Name": "/app/url", "MaxResults": 1 })).ok();
    assert_eq!(history["Parameters"][0]["Value"], "one");
    assert_eq!(history["Parameters"][0]["Description"], "where");
    assert_eq!(history["Parameters"][0]["LastModifiedUser"], format!("arn:aws:iam::{ACCOUNT}:root"));
    let rest = json!({ "Name": "/app/url", "NextToken": history["NextToken"] });
    let rest = root.call("ssm", "GetParameterHistory", rest).ok();
    assert_eq!(rest["Parameters"][0]["Value"], "two");
    // Who says nothing of it leaves the description as it is; an empty one takes it away.
    assert_eq!(rest["Parameters"][0]["Description"], "where");
    let bare = json!({ "Name": "/app/url", "Value": "two", "Overwrite": true, "Description": "" });
    root.call("ssm", "PutParameter", bare).ok();
    let described = root.call("ssm", "DescribeParameters", json!({})).ok();
    assert_eq!(described["Parameters"][0]["Description"], Value::Null);
    assert!(rest.get("NextToken").is_none());

    let asked = json!({ "Names": ["/app/url", "missing", "/app/url:9"] });
    let several = root.call("ssm", "GetParameters", asked.clone()).ok();
    assert_eq!(names(&several["Parameters"]), ["/app/url"]);
    assert_eq!(several["InvalidParameters"], json!(["missing", "/app/url:9"]));
    let gone = root.call("ssm", "DeleteParameters", asked).ok();
    assert_eq!(gone["DeletedParameters"], json!(["/app/url"]));
    root.call("ssm", "DeleteParameter", json!({ "Name": "/app/url" })).refused(400, "ParameterNotFound");
    // Nothing is left of the versions.
    assert_eq!(put(&root, "/app/url", "new")["Version"], 1);
    root.call("ssm", "GetParameter", json!({ "Name": "/app/url:2" }))
        .refused(400, "ParameterVersionNotFound");
}

#[test]
fn the_hundred_and_first_version_pushes_the_first_out_unless_a_label_holds_it() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    for n in 1..=101 {
        assert_eq!(put(&root, "p", &n.to_string())["Version"], n);
    }
    root.call("ssm", "GetParameter", json!({ "Name": "p:1" })).refused(400, "ParameterVersionNotFound");
    assert_eq!(get(&root, "p:2")["Value"], "2");
    let label = json!({ "Name": "p", "ParameterVersion": 2, "Labels": ["old"] });
    root.call("ssm", "LabelParameterVersion", label).ok();
    let more = json!({ "Name": "p", "Value": "x", "Overwrite": true });
    let said = root.call("ssm", "PutParameter", more).refused(400, "ParameterMaxVersionLimitExceeded");
    assert!(said.contains("Version 2, the oldest version"), "{said}");
    assert_eq!(get(&root, "p")["Version"], 101);
}

#[test]
fn what_cannot_be_put_has_its_error() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let long = "x".repeat(4_097);
    put(&root, "there", "x");
    for (parameter, code) in [
        (json!({ "Name": "a", "Value": "x" }), "ValidationException"),
        (json!({ "Name": "a b", "Value": "x", "Type": "String" }), "ValidationException"),
        (json!({ "Name": "awsx", "Value": "x", "Type": "String" }), "ValidationException"),
        (json!({ "Name": "/aws/x", "Value": "x", "Type": "String" }), "AccessDeniedException"),
        (json!({ "Name": "a", "Value": "", "Type": "String" }), "ValidationException"),
        (json!({ "Name": "a", "Value": long, "Type": "String" }), "ValidationException"),
        (json!({ "Name": "a", "Value": "x", "Type": "Number" }), "ValidationException"),
        (json!({ "Name": "a", "Value": "x", "Type": "String", "DataType": "json" }), "ValidationException"),
        (
            json!({ "Name": "a", "Value": "ami-0", "Type": "String", "DataType": "aws:ec2:image" }),
            "ValidationException",
        ),
        (json!({ "Name": "a", "Value": "x", "Type": "String", "KeyId": "alias/k" }), "ValidationException"),
        (
            json!({ "Name": "a", "Value": "x", "Type": "String", "AllowedPattern": "[0-9" }),
            "InvalidAllowedPatternException",
        ),
        (
            json!({ "Name": "a", "Value": "x", "Type": "String", "AllowedPattern": "[0-9]+" }),
            "ParameterPatternMismatchException",
        ),
        (json!({ "Name": "a", "Value": "x", "Type": "SecureString", "KeyId": "alias/none" }), "InvalidKeyId"),
        (
            json!({ "Name": "there", "Value": "x", "Type": "StringList", "Overwrite": true }),
            "HierarchyTypeMismatchException",
        ),
        (
            json!({ "Name": "there", "Value": "x", "Overwrite": true, "Tags": [{ "Key": "a", "Value": "b" }] }),
            "ValidationException",
        ),
    ] {
        root.call("ssm", "PutParameter", parameter).refused(400, code);
    }
    let all = root.call("ssm", "DescribeParameters", json!({})).ok();
    assert_eq!(names(&all["Parameters"]), ["there"]);
    let list = json!({ "Name": "l", "Value": "1,22", "Type": "StringList", "AllowedPattern": "[0-9]+" });
    root.call("ssm", "PutParameter", list).ok();
}

#[test]
fn larger_values_are_of_the_advanced_tier_and_stay_there() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let of = |value: String, tier: &str| json!({ "Name": "big", "Value": value, "Type": "SecureString", "Tier": tier, "Overwrite": true });
    let made = root.call("ssm", "PutParameter", of("x".repeat(8_192), "Intelligent-Tiering")).ok();
    assert_eq!(made["Tier"], "Advanced");
    assert_eq!(get(&root, "big")["Value"], "x".repeat(8_192));
    let said =
        root.call("ssm", "PutParameter", of("x".into(), "Standard")).refused(400, "ValidationException");
    assert!(said.contains("You can't downgrade"), "{said}");
    root.call("ssm", "PutParameter", of("x".repeat(8_193), "Advanced")).refused(400, "ValidationException");
}

#[test]
fn secrets_are_sealed_and_want_the_right_to_their_key() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let key =
        root.call("kms", "CreateKey", json!({})).ok()["KeyMetadata"]["Arn"].as_str().unwrap().to_owned();
    let secret = json!({ "Name": "/db/password", "Value": "hunter2", "Type": "SecureString", "KeyId": key });
    root.call("ssm", "PutParameter", secret).ok();
    let sealed = root.call("ssm", "GetParameter", json!({ "Name": "/db/password" })).ok();
    let sealed = sealed["Parameter"]["Value"].as_str().unwrap().to_owned();
    assert!(!sealed.contains("hunter2") && sealed.len() > 50, "{sealed}");
    assert_eq!(get(&root, "/db/password")["Value"], "hunter2");

    let reader = |name: &str, more: &str| {
        let statement = r#"{"Effect":"Allow","Action":"ssm:GetParameter","Resource":"*"}"#;
        let policy = format!(r#"{{"Version":"2012-10-17","Statement":[{statement}{more}]}}"#);
        cloud.user(&root, name, &policy)
    };
    let asked = json!({ "Name": "/db/password", "WithDecryption": true });
    let without = reader("without", "");
    let said = without.call("ssm", "GetParameter", asked.clone()).refused(400, "AccessDeniedException");
    assert!(said.contains("kms:Decrypt"), "{said}");
    without.call("ssm", "GetParameter", json!({ "Name": "/db/password" })).ok();
    // The documented encryption context is the parameter's ARN.
    let own = format!(
        r#",{{"Effect":"Allow","Action":"kms:Decrypt","Resource":"*","Condition":{{"StringEquals":{{"kms:EncryptionContext:PARAMETER_ARN":"{ARN}/db/password"}}}}}}"#
    );
    assert_eq!(get(&reader("own", &own), "/db/password")["Value"], "hunter2");
    let other = own.replace("/db/password", "/db/other");
    reader("other", &other).call("ssm", "GetParameter", asked).refused(400, "AccessDeniedException");

    // Who names no key gets the account's own.
    let plain = json!({ "Name": "plain", "Value": "s", "Type": "SecureString" });
    root.call("ssm", "PutParameter", plain).ok();
    let filter = json!({ "ParameterFilters": [{ "Key": "KeyId", "Values": ["alias/aws/ssm"] }] });
    let found = root.call("ssm", "DescribeParameters", filter).ok();
    assert_eq!(names(&found["Parameters"]), ["plain"]);
}

#[test]
fn hierarchies_are_read_in_pages() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    for n in 0..12 {
        put(&root, &format!("/app/p{n:02}"), "x");
    }
    for name in ["/app/deep/a", "/application", "single"] {
        put(&root, name, "x");
    }
    let asked = |more: Value| {
        let mut asked = json!({ "Path": "/app" });
        asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        root.call("ssm", "GetParametersByPath", asked)
    };
    let first = asked(json!({})).ok();
    assert_eq!(first["Parameters"].as_array().unwrap().len(), 10);
    let rest = asked(json!({ "NextToken": first["NextToken"] })).ok();
    assert_eq!(names(&rest["Parameters"]), ["/app/p10", "/app/p11"]);
    assert!(rest.get("NextToken").is_none());
    let all = asked(json!({ "Recursive": true, "MaxResults": 1 })).ok();
    assert_eq!(names(&all["Parameters"]), ["/app/deep/a"]);
    // A token is of its own list.
    asked(json!({ "NextToken": all["NextToken"] })).refused(400, "InvalidNextToken");
    asked(json!({ "Path": "app" })).refused(400, "ValidationException");
    asked(json!({ "ParameterFilters": [{ "Key": "Name", "Values": ["x"] }] }))
        .refused(400, "InvalidFilterKey");

    let label = json!({ "Name": "/app/p03", "Labels": ["prod", "1bad"] });
    let labelled = root.call("ssm", "LabelParameterVersion", label).ok();
    assert_eq!(labelled, json!({ "InvalidLabels": ["1bad"], "ParameterVersion": 1 }));
    put(&root, "/app/p03", "y");
    let prod = asked(json!({ "ParameterFilters": [{ "Key": "Label", "Values": ["prod"] }] })).ok();
    assert_eq!(names(&prod["Parameters"]), ["/app/p03"]);
    assert_eq!(prod["Parameters"][0]["Value"], "x");
    assert_eq!(get(&root, "/app/p03:prod")["Value"], "x");
    let moved = json!({ "Name": "/app/p03", "ParameterVersion": 2, "Labels": ["prod"] });
    root.call("ssm", "LabelParameterVersion", moved).ok();
    assert_eq!(get(&root, "/app/p03:prod")["Value"], "y");
    let off = json!({ "Name": "/app/p03", "ParameterVersion": 2, "Labels": ["prod", "other"] });
    let off = root.call("ssm", "UnlabelParameterVersion", off).ok();
    assert_eq!(off, json!({ "RemovedLabels": ["prod"], "InvalidLabels": ["other"] }));
    root.call("ssm", "GetParameter", json!({ "Name": "/app/p03:prod" }))
        .refused(400, "ParameterVersionNotFound");
    let labels: Vec<String> = (0..11).map(|n| format!("l{n}")).collect();
    let of = |labels: &[String]| json!({ "Name": "/app/p03", "Labels": labels });
    root.call("ssm", "LabelParameterVersion", of(&labels[..10])).ok();
    root.call("ssm", "LabelParameterVersion", of(&labels[10..]))
        .refused(400, "ParameterVersionLabelLimitExceeded");
}

#[test]
fn listings_are_filtered_and_tags_kept() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    put(&root, "/a/one", "x");
    put(&root, "/a/b/two", "x");
    let list = json!({ "Name": "three", "Value": "1,2", "Type": "StringList", "Tags": [{ "Key": "team", "Value": "x" }] });
    root.call("ssm", "PutParameter", list).ok();
    let described = |filter: Value| {
        let found = root.call("ssm", "DescribeParameters", json!({ "ParameterFilters": [filter] })).ok();
        names(&found["Parameters"]).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(described(json!({ "Key": "Type", "Values": ["StringList"] })), ["three"]);
    assert_eq!(described(json!({ "Key": "Name", "Option": "Contains", "Values": ["w"] })), ["/a/b/two"]);
    assert_eq!(described(json!({ "Key": "Path", "Values": ["/a"] })), ["/a/one"]);
    assert_eq!(
        described(json!({ "Key": "Path", "Option": "Recursive", "Values": ["/a"] })),
        ["/a/b/two", "/a/one"]
    );
    assert_eq!(described(json!({ "Key": "tag:team", "Values": ["x"] })), ["three"]);
    let older = json!({ "Filters": [{ "Key": "Name", "Values": ["three"] }] });
    assert_eq!(names(&root.call("ssm", "DescribeParameters", older).ok()["Parameters"]), ["three"]);
    let both = json!({ "Filters": [{ "Key": "Name", "Values": ["a"] }], "ParameterFilters": [{ "Key": "Tier", "Values": ["a"] }] });
    root.call("ssm", "DescribeParameters", both).refused(400, "ValidationException");
    let first = root.call("ssm", "DescribeParameters", json!({ "MaxResults": 2 })).ok();
    let rest = json!({ "NextToken": first["NextToken"] });
    assert_eq!(names(&root.call("ssm", "DescribeParameters", rest).ok()["Parameters"]), ["three"]);

    let on = |more: Value| {
        let mut asked = json!({ "ResourceType": "Parameter", "ResourceId": "three" });
        asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        asked
    };
    let more = on(json!({ "Tags": [{ "Key": "cost", "Value": "1" }] }));
    root.call("ssm", "AddTagsToResource", more).ok();
    root.call("ssm", "RemoveTagsFromResource", on(json!({ "TagKeys": ["team"] }))).ok();
    let tags = root.call("ssm", "ListTagsForResource", on(json!({}))).ok();
    assert_eq!(tags["TagList"], json!([{ "Key": "cost", "Value": "1" }]));
    let missing = on(json!({ "ResourceId": "missing" }));
    root.call("ssm", "ListTagsForResource", missing).refused(400, "InvalidResourceId");
    let document = on(json!({ "ResourceType": "Document" }));
    root.call("ssm", "ListTagsForResource", document).refused(400, "InvalidResourceType");
}

#[test]
fn policies_name_parameters_paths_and_tags() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    put(&root, "/app/a", "x");
    put(&root, "/other/b", "x");
    let policy = format!(
        r#"{{"Version":"2012-10-17","Statement":[
            {{"Effect":"Allow","Action":["ssm:GetParameter","ssm:GetParametersByPath"],"Resource":["{ARN}/app","{ARN}/app/*"]}},
            {{"Effect":"Deny","Action":"ssm:GetParametersByPath","Resource":"*","Condition":{{"StringEquals":{{"ssm:Recursive":"true"}}}}}},
            {{"Effect":"Allow","Action":"ssm:PutParameter","Resource":"*","Condition":{{"StringEquals":{{"ssm:Overwrite":"false"}}}}}}]}}"#
    );
    let eva = cloud.user(&root, "eva", &policy);
    assert_eq!(get(&eva, "/app/a")["Value"], "x");
    eva.call("ssm", "GetParameter", json!({ "Name": "/other/b" })).refused(400, "AccessDeniedException");
    eva.call("ssm", "GetParameters", json!({ "Names": ["/app/a"] })).refused(400, "AccessDeniedException");
    eva.call("ssm", "GetParametersByPath", json!({ "Path": "/app" })).ok();
    let deep = json!({ "Path": "/app", "Recursive": true });
    eva.call("ssm", "GetParametersByPath", deep).refused(400, "AccessDeniedException");
    let new = json!({ "Name": "/app/new", "Value": "x", "Type": "String" });
    eva.call("ssm", "PutParameter", new.clone()).ok();
    let mut again = new;
    again["Overwrite"] = json!(true);
    eva.call("ssm", "PutParameter", again).refused(400, "AccessDeniedException");
    let tagged =
        json!({ "Name": "t", "Value": "x", "Type": "String", "Tags": [{ "Key": "a", "Value": "b" }] });
    let said = eva.call("ssm", "PutParameter", tagged).refused(400, "AccessDeniedException");
    assert!(said.contains("ssm:AddTagsToResource"), "{said}");
}

#[test]
fn public_names_lead_to_the_images_that_run_here() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let images = root.call("ec2", "DescribeImages", json!({ "Owners": ["amazon"] })).ok();
    let arch = if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" };
    let name = format!("/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-6.1-{arch}");
    let found = get(&root, &name);
    assert!(images.to_string().contains(found["Value"].as_str().unwrap()), "{found} in {images}");
    assert_eq!(found["DataType"], "aws:ec2:image");
    let listed = json!({ "Path": "/aws/service/ami-amazon-linux-latest" });
    let listed = root.call("ssm", "GetParametersByPath", listed).ok();
    let listed = names(&listed["Parameters"]);
    assert!(listed.contains(&name.as_str()) && listed.iter().all(|name| name.contains(arch)), "{listed:?}");
    root.call("ssm", "GetParameter", json!({ "Name": "/aws/service/none" }))
        .refused(400, "ParameterNotFound");
    // A parameter of one's own may hold an image that there is.
    let own =
        json!({ "Name": "image", "Value": found["Value"], "Type": "String", "DataType": "aws:ec2:image" });
    root.call("ssm", "PutParameter", own).ok();
}
