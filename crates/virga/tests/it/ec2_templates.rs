//! Launch templates: versions that build on each other, launches by them, and who may.

use crate::autoscaling::{asg, asked};
use crate::ec2_profiles::{IMAGE, profile};
use crate::harness::{Caller, Cloud};
use crate::vpc_networks::{ec2, filter, items, text};
use crate::vpc_plane::cloud;
use host::Simulator;
use serde_json::{Value, json};
use std::time::Duration;

const ACCOUNT: &str = "123456789012";

fn create(caller: &Caller<'_>, name: &str, data: Value) -> String {
    let made = ec2(
        caller,
        "CreateLaunchTemplate",
        json!({ "LaunchTemplateName": name, "LaunchTemplateData": data }),
    );
    text(&made["launchTemplate"]["launchTemplateId"])
}

fn version(caller: &Caller<'_>, more: Value) -> Value {
    ec2(caller, "CreateLaunchTemplateVersion", more)["launchTemplateVersion"].clone()
}

fn launch(more: Value) -> Value {
    let mut asked = json!({ "MinCount": 1, "MaxCount": 1 });
    asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    asked
}

fn run(caller: &Caller<'_>, more: Value) -> Value {
    ec2(caller, "RunInstances", launch(more))["instancesSet"][0].clone()
}

#[track_caller]
fn refused(caller: &Caller<'_>, operation: &str, parameters: Value) -> (String, String) {
    caller.call("ec2", operation, parameters).error()
}

fn numbers(answer: &Value) -> Vec<String> {
    items(&answer["launchTemplateVersionSet"]).iter().map(|v| text(&v["versionNumber"])).collect()
}

#[test]
fn versions_build_on_each_other() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let data = json!({ "ImageId": IMAGE, "InstanceType": "t3.micro", "UserData": "IyEvYmluL3NoCg==" });
    let tags = json!([{ "ResourceType": "launch-template", "Tags": [{ "Key": "a", "Value": "b" }] }]);
    let asked = json!({ "LaunchTemplateName": "web", "VersionDescription": "first", "LaunchTemplateData": data,
        "TagSpecifications": tags, "ClientToken": "once" });
    let made = ec2(&root, "CreateLaunchTemplate", asked.clone());
    assert!(made["warning"].is_null(), "{made}");
    let made = &made["launchTemplate"];
    assert_eq!(made["createdBy"], format!("arn:aws:iam::{ACCOUNT}:root"));
    assert_eq!((&made["defaultVersionNumber"], &made["latestVersionNumber"]), (&json!("1"), &json!("1")));
    assert_eq!(made["tagSet"][0], json!({ "key": "a", "value": "b" }));
    assert_eq!(made["operator"], json!({ "managed": "false" }));
    let id = text(&made["launchTemplateId"]);
    // The same token makes nothing new; without it the name is taken.
    assert_eq!(ec2(&root, "CreateLaunchTemplate", asked)["launchTemplate"]["launchTemplateId"], id.as_str());

    let more = json!({ "LaunchTemplateId": id, "SourceVersion": "1", "LaunchTemplateData": { "InstanceType": "t3.small" } });
    let second = version(&root, more);
    assert_eq!((&second["versionNumber"], &second["defaultVersion"]), (&json!("2"), &json!("false")));
    assert_eq!(second["operator"], json!({ "managed": "false" }));
    assert_eq!(second["launchTemplateData"]["imageId"], IMAGE);
    assert_eq!(second["launchTemplateData"]["instanceType"], "t3.small");
    assert_eq!(second["launchTemplateData"]["userData"], "IyEvYmluL3NoCg==");
    let bare = json!({ "LaunchTemplateName": "web", "LaunchTemplateData": { "InstanceType": "t3.large" } });
    // Nothing is shown that nobody put in.
    assert_eq!(version(&root, bare)["launchTemplateData"], json!({ "instanceType": "t3.large" }));

    let described = |more: Value| ec2(&root, "DescribeLaunchTemplateVersions", more);
    assert_eq!(numbers(&described(json!({ "LaunchTemplateId": id }))), ["3", "2", "1"]);
    let range = json!({ "LaunchTemplateId": id, "MinVersion": "2" });
    assert_eq!(numbers(&described(range)), ["3", "2"]);
    let words = described(json!({ "Versions": ["$Latest", "$Default"] }));
    assert_eq!(numbers(&words), ["3", "1"]);
    assert_eq!(words["launchTemplateVersionSet"][1]["versionDescription"], "first");
    let page = described(json!({ "LaunchTemplateId": id, "MaxResults": 2 }));
    let rest = described(json!({ "LaunchTemplateId": id, "MaxResults": 2, "NextToken": page["nextToken"] }));
    assert_eq!((numbers(&page), numbers(&rest)), (vec!["3".into(), "2".into()], vec!["1".into()]));
    let large = json!({ "LaunchTemplateId": id, "Filters": filter("instance-type", "t3.large") });
    assert_eq!(numbers(&described(large)), ["3"]);

    let modified = json!({ "LaunchTemplateName": "web", "DefaultVersion": "2" });
    assert_eq!(ec2(&root, "ModifyLaunchTemplate", modified)["launchTemplate"]["defaultVersionNumber"], "2");
    ec2(&root, "DeleteLaunchTemplate", json!({ "LaunchTemplateName": "web" }));
    assert!(items(&ec2(&root, "DescribeLaunchTemplates", json!({}))["launchTemplates"]).is_empty());
    create(&root, "web", json!({ "InstanceType": "t3.micro" }));
    // Where there are no tags, nothing is said of them.
    let again = ec2(&root, "DescribeLaunchTemplates", json!({}))["launchTemplates"][0].clone();
    assert!(again["tagSet"].is_null(), "{again}");
}

const DEFAULT_STAYS: &str = "The default version cannot be deleted. Either specify another version as default or delete the launch template.";

#[test]
fn what_is_deleted_is_not_the_latest_and_its_number_is_not_given_again() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let id = create(&root, "web", json!({ "ImageId": IMAGE, "InstanceType": "t3.micro" }));
    for kind in ["t3.small", "t3.large"] {
        let data = json!({ "ImageId": IMAGE, "InstanceType": kind });
        version(&root, json!({ "LaunchTemplateId": id, "LaunchTemplateData": data }));
    }
    let versions = |versions: Value| json!({ "LaunchTemplateId": id, "Versions": versions });
    let latest = || {
        text(&ec2(&root, "DescribeLaunchTemplates", json!({}))["launchTemplates"][0]["latestVersionNumber"])
    };
    // With the default among them nothing goes, and with what is no version neither.
    for (asked, message) in [
        (json!(["1", "3", "999"]), DEFAULT_STAYS),
        (json!(["$Latest", "$Default"]), DEFAULT_STAYS),
        (json!(["0"]), "Invalid value for version: 0"),
        (json!(["-1"]), "Invalid value for version: -1"),
        (json!(["2", "x", "1"]), "Invalid value for version: x"),
    ] {
        let said = refused(&root, "DeleteLaunchTemplateVersions", versions(asked));
        assert_eq!(said, ("InvalidParameterValue".to_owned(), message.to_owned()));
    }
    assert_eq!(latest(), "3");
    let gone = ec2(&root, "DeleteLaunchTemplateVersions", versions(json!(["3", "999"])));
    assert_eq!(gone["successfullyDeletedLaunchTemplateVersionSet"][0]["versionNumber"], "3");
    let kept = items(&gone["unsuccessfullyDeletedLaunchTemplateVersionSet"]);
    assert_eq!((kept.len(), &kept[0]["versionNumber"]), (1, &json!("999")));
    let why = json!({ "code": "launchTemplateVersionDoesNotExist", "message": "The launch template version does not exist." });
    assert_eq!(kept[0]["responseError"], why);
    assert_eq!(latest(), "2");
    assert_eq!(numbers(&ec2(&root, "DescribeLaunchTemplateVersions", versions(json!(["$Latest"])))), ["2"]);
    // A group that goes by the latest one launches by what is the latest now.
    let by = json!({ "LaunchTemplateName": "web", "Version": "$Latest" });
    asg(&root, "CreateAutoScalingGroup", asked(json!({ "LaunchTemplate": by, "DesiredCapacity": 1 })));
    cloud.reconcile();
    let there = ec2(&root, "DescribeInstances", json!({}));
    assert_eq!(there["reservationSet"][0]["instancesSet"][0]["instanceType"], "t3.small");
    let more = json!({ "LaunchTemplateId": id, "LaunchTemplateData": { "InstanceType": "t3.nano" } });
    assert_eq!(version(&root, more)["versionNumber"], "4");
    assert_eq!(latest(), "4");
}

#[test]
fn a_token_makes_what_it_has_made_and_nothing_else() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let data = json!({ "InstanceType": "t3.micro" });
    let asked = json!({ "LaunchTemplateName": "web", "LaunchTemplateData": data, "ClientToken": "once" });
    let used = |operation: &str, asked: &Value, message: &str| {
        let said = refused(&root, operation, asked.clone());
        assert_eq!(
            said,
            ("IdempotentParameterMismatch".to_owned(), message.to_owned()),
            "{operation} {asked}"
        );
    };
    let id = text(&ec2(&root, "CreateLaunchTemplate", asked.clone())["launchTemplate"]["launchTemplateId"]);
    let again = ec2(&root, "CreateLaunchTemplate", asked.clone());
    assert_eq!(again["launchTemplate"]["launchTemplateId"], id.as_str());
    let mut other = asked.clone();
    other["VersionDescription"] = json!("changed");
    used("CreateLaunchTemplate", &other, "Client token already used before.");
    let more = json!({ "LaunchTemplateId": id, "LaunchTemplateData": data, "ClientToken": "twice" });
    assert_eq!(version(&root, more.clone())["versionNumber"], "2");
    assert_eq!(version(&root, more.clone())["versionNumber"], "2");
    let mut other = more.clone();
    other["VersionDescription"] = json!("changed");
    used("CreateLaunchTemplateVersion", &other, "Client token already used before");
    // The template is no longer as it was made.
    used("CreateLaunchTemplate", &asked, "Client token already used before.");
    let modify = |to: &str| json!({ "LaunchTemplateId": id, "DefaultVersion": to, "ClientToken": "thrice" });
    ec2(&root, "ModifyLaunchTemplate", modify("2"));
    used("ModifyLaunchTemplate", &modify("1"), "The specified client token has already been used before.");
    ec2(&root, "DeleteLaunchTemplate", json!({ "LaunchTemplateId": id }));
    used("CreateLaunchTemplate", &asked, "Client token already used before.");
}

#[test]
fn some_data_is_refused_some_is_warned_of_and_some_is_nobodys_business() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let named = |data: Value| json!({ "LaunchTemplateName": "web", "LaunchTemplateData": data });
    for (data, code, message) in [
        (
            json!({ "ImageId": "nonsense", "UserData": "not base64" }),
            "InvalidAMIID.Malformed",
            "The image ID 'nonsense' is not valid. The expected format is ami-xxxxxxxx or ami-xxxxxxxxxxxxxxxxx.",
        ),
        (
            json!({ "UserData": "not base64" }),
            "InvalidUserData.Malformed",
            "Invalid BASE64 encoding of user data.",
        ),
        (
            json!({ "MetadataOptions": { "HttpPutResponseHopLimit": 999 } }),
            "InvalidParameterValue",
            "A value of ‘999’ is not valid for http-put-response-hop-limit. Specify a value between 1 and 64, and try again.",
        ),
    ] {
        let expected = (code.to_owned(), message.to_owned());
        assert_eq!(refused(&root, "CreateLaunchTemplate", named(data)), expected);
    }
    let other = json!({ "LaunchTemplateName": "web", "LaunchTemplateData": { "InstanceType": "t3.micro" },
        "TagSpecifications": [{ "ResourceType": "instance", "Tags": [{ "Key": "a", "Value": "b" }] }] });
    let words = "The value for the ResourceType member of the TagSpecification request parameter must be ‘launch-template’. Verify the ResourceType and try again.";
    assert_eq!(refused(&root, "CreateLaunchTemplate", other), ("InvalidParameterValue".into(), words.into()));
    for (image, is_one) in
        [("ami-def456", true), ("ami-hij789", false), ("ami-", false), ("ami-123456789", false)]
    {
        let asked = json!({ "LaunchTemplateName": image, "LaunchTemplateData": { "ImageId": image } });
        let made = root.call("ec2", "CreateLaunchTemplate", asked);
        match is_one {
            true => drop(made.ok()),
            false => drop(made.refused(400, "InvalidAMIID.Malformed")),
        }
    }
    // Neither the image nor the key pair is looked for.
    cloud.advance(Duration::from_millis(250));
    let quiet = json!({ "ImageId": "ami-00000000000000000", "KeyName": "nobody", "MetadataOptions": { "HttpPutResponseHopLimit": 64 } });
    let made = ec2(&root, "CreateLaunchTemplate", named(quiet));
    assert!(made["warning"].is_null(), "{made}");
    assert!(text(&made["launchTemplate"]["createTime"]).ends_with(".000Z"), "{made}");
    let id = text(&made["launchTemplate"]["launchTemplateId"]);
    let wrong = json!({ "LaunchTemplateId": id, "LaunchTemplateData": { "UserData": "not base64" } });
    assert_eq!(refused(&root, "CreateLaunchTemplateVersion", wrong).0, "InvalidUserData.Malformed");
    let large = json!({ "LaunchTemplateId": id, "LaunchTemplateData": { "InstanceType": "p5.48xlarge" } });
    let warned = ec2(&root, "CreateLaunchTemplateVersion", large)["warning"]["errorSet"].clone();
    let flaw = json!({ "code": "InvalidInstanceType",
        "message": "The following supplied instance types do not exist: [p5.48xlarge]" });
    assert_eq!(items(&warned), [flaw]);
}

const WHICH: &str = "To describe the launch template data for all your launch templates, for ‘--versions’ specify ‘$Latest’, ‘$Default’, or both, and omit ‘--launch-template-id’, ‘--launch-template-name’, and version numbers. To describe the launch template data for a specific launch template, specify ‘--launch-template-id’ or ‘--launch-template-name’, and for ‘--versions’ specify one or more of the following values: ‘$Latest’, ‘$Default’, or one or more version numbers.";

#[test]
fn what_is_not_there_or_not_valid_is_said() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let id = create(&root, "web", json!({ "ImageId": IMAGE }));
    let data = json!({ "InstanceType": "t3.micro" });
    let named = |name: &str| json!({ "LaunchTemplateName": name, "LaunchTemplateData": data });
    let rows = [
        (
            "CreateLaunchTemplate",
            named("web"),
            "InvalidLaunchTemplateName.AlreadyExistsException",
            "Launch template name already in use.".to_owned(),
        ),
        (
            "CreateLaunchTemplate",
            named("a b"),
            "InvalidLaunchTemplateName.MalformedException",
            "A launch template name must be between 3 and 128 characters, and may contain letters, numbers, and the following characters: - ( ) . / _.".to_owned(),
        ),
        (
            "DescribeLaunchTemplates",
            json!({ "LaunchTemplateNames": ["none"] }),
            "InvalidLaunchTemplateName.NotFoundException",
            "At least one of the launch templates specified in the request does not exist.".to_owned(),
        ),
        (
            "DescribeLaunchTemplateVersions",
            json!({ "LaunchTemplateName": "none" }),
            "InvalidLaunchTemplateName.NotFoundException",
            "The specified launch template, with template name none, does not exist.".to_owned(),
        ),
        ("DescribeLaunchTemplateVersions", json!({}), "MissingParameter", WHICH.to_owned()),
        ("DescribeLaunchTemplateVersions", json!({ "Versions": ["1"] }), "InvalidParameterValue", WHICH.to_owned()),
        (
            "ModifyLaunchTemplate",
            json!({ "LaunchTemplateId": id, "LaunchTemplateName": "web", "DefaultVersion": "1" }),
            "InvalidParameterCombination",
            "Either provide launch template ID or launch template name to modify the template.".to_owned(),
        ),
        (
            "ModifyLaunchTemplate",
            json!({ "LaunchTemplateId": id, "DefaultVersion": "2" }),
            "InvalidLaunchTemplateId.VersionNotFound",
            "The launch template version 2 is not found for the specified launch template.".to_owned(),
        ),
        (
            "DeleteLaunchTemplate",
            json!({ "LaunchTemplateId": "lt-00000000000000000" }),
            "InvalidLaunchTemplateId.NotFound",
            "The specified launch template, with template ID lt-00000000000000000, does not exist.".to_owned(),
        ),
        (
            "DescribeLaunchTemplateVersions",
            json!({ "LaunchTemplateId": id, "Versions": ["7"] }),
            "InvalidLaunchTemplateId.VersionNotFound",
            format!("Could not find the specified version 7 for the launch template with ID {id}."),
        ),
        (
            "DescribeLaunchTemplateVersions",
            json!({ "LaunchTemplateId": id, "LaunchTemplateName": "web" }),
            "InvalidParameterCombination",
            "Either provide launch template ID or launch template name to modify the template.".to_owned(),
        ),
        (
            "DescribeLaunchTemplateVersions",
            json!({ "LaunchTemplateId": id, "Versions": ["x"] }),
            "InvalidParameterValue",
            "Invalid launch template version: either '$Default', '$Latest', or a numeric version are allowed.".to_owned(),
        ),
        (
            "DescribeLaunchTemplateVersions",
            json!({ "LaunchTemplateId": id, "Versions": ["0"] }),
            "InvalidParameterValue",
            "Invalid launch template version: either '$Default', '$Latest', or a numeric version are allowed.".to_owned(),
        ),
        (
            "DescribeLaunchTemplateVersions",
            json!({ "LaunchTemplateId": id, "Versions": ["1"], "MinVersion": "2" }),
            "InvalidParameterCombination",
            "Minimum version filter is not applicable when given a list of versions.".to_owned(),
        ),
        (
            "DescribeLaunchTemplates",
            json!({ "LaunchTemplateIds": ["lt-00000000000000001"] }),
            "InvalidLaunchTemplateId.NotFound",
            "At least one of the launch templates specified in the request does not exist.".to_owned(),
        ),
        (
            "DescribeLaunchTemplates",
            json!({ "LaunchTemplateIds": ["oops"] }),
            "InvalidLaunchTemplateId.Malformed",
            "The following launch template ids are malformed: oops".to_owned(),
        ),
        (
            "ModifyLaunchTemplate",
            json!({ "LaunchTemplateId": id }),
            "MissingParameter",
            format!("A launch template version must be specified to set the new default version for the template with ID {id}."),
        ),
        (
            "ModifyLaunchTemplate",
            json!({ "DefaultVersion": "1" }),
            "MissingParameter",
            "The request must contain the parameter launch template ID or launch template name".to_owned(),
        ),
    ];
    for (operation, asked, code, message) in rows {
        assert_eq!(refused(&root, operation, asked), (code.to_owned(), message));
    }
    for (operation, asked, code) in [
        ("DeleteLaunchTemplate", json!({ "LaunchTemplateId": "web" }), "InvalidLaunchTemplateId.Malformed"),
        (
            "DeleteLaunchTemplate",
            json!({ "LaunchTemplateId": id, "LaunchTemplateName": "web" }),
            "InvalidParameterCombination",
        ),
        (
            "ModifyLaunchTemplate",
            json!({ "LaunchTemplateId": id, "DefaultVersion": "x" }),
            "InvalidParameterValue",
        ),
        (
            "RunInstances",
            launch(json!({ "LaunchTemplate": { "LaunchTemplateName": "none" } })),
            "InvalidLaunchTemplateName.NotFoundException",
        ),
        (
            "RunInstances",
            launch(json!({ "LaunchTemplate": { "LaunchTemplateId": id, "Version": "2" } })),
            "InvalidLaunchTemplateId.VersionNotFound",
        ),
    ] {
        assert_eq!(refused(&root, operation, asked.clone()).0, code, "{operation} {asked}");
    }
}

#[test]
fn launches_go_by_a_template_and_requests_go_first() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    profile(&root, "web");
    let id = create(
        &root,
        "web",
        json!({ "ImageId": IMAGE, "InstanceType": "t3.small", "IamInstanceProfile": { "Name": "web" },
            "Placement": { "AvailabilityZone": "us-east-1c" }, "DisableApiTermination": true,
            "MetadataOptions": { "HttpTokens": "required" },
            "TagSpecifications": [{ "ResourceType": "instance", "Tags": [{ "Key": "Name", "Value": "web" }] }] }),
    );
    let by_template = run(&root, json!({ "LaunchTemplate": { "LaunchTemplateId": id } }));
    assert_eq!(by_template["instanceType"], "t3.small");
    assert_eq!(by_template["placement"]["availabilityZone"], "us-east-1c");
    assert_eq!(by_template["metadataOptions"]["httpTokens"], "required");
    // AWS: which version that was, it says itself; nobody else may say so.
    let tags = json!([{ "key": "Name", "value": "web" }, { "key": "aws:ec2launchtemplate:id", "value": id },
        { "key": "aws:ec2launchtemplate:version", "value": "1" }]);
    assert_eq!(by_template["tagSet"], tags);
    let named = json!({ "InstanceIds": [by_template["instanceId"]] });
    let found = ec2(&root, "DescribeInstances", named);
    assert_eq!(found["reservationSet"][0]["instancesSet"][0]["tagSet"], tags);
    let resource = filter("resource-id", &text(&by_template["instanceId"]));
    assert_eq!(items(&ec2(&root, "DescribeTags", json!({ "Filters": resource }))["tagSet"]).len(), 3);
    assert!(text(&by_template["iamInstanceProfile"]["arn"]).ends_with("/web"));
    let over = json!({ "LaunchTemplate": { "LaunchTemplateName": "web", "Version": "$Latest" },
        "InstanceType": "t3.micro", "DisableApiTermination": false, "ClientToken": "once" });
    let made = run(&root, over.clone());
    assert_eq!(made["instanceType"], "t3.micro");
    assert_eq!(made["imageId"], IMAGE);
    // A token holds also when the template has changed.
    version(&root, json!({ "LaunchTemplateId": id, "LaunchTemplateData": { "InstanceType": "t3.large" } }));
    assert_eq!(run(&root, over)["instanceId"], made["instanceId"]);
    let last = launch(json!({ "LaunchTemplate": { "LaunchTemplateId": id, "Version": "2" } }));
    assert_eq!(refused(&root, "RunInstances", last).0, "MissingParameter");
    let got = ec2(&root, "GetLaunchTemplateData", json!({ "InstanceId": by_template["instanceId"] }));
    let got = &got["launchTemplateData"];
    assert_eq!((&got["imageId"], &got["instanceType"]), (&json!(IMAGE), &json!("t3.small")));
    assert_eq!(got["disableApiTermination"], "true");
    assert_eq!(got["networkInterfaceSet"][0]["deviceIndex"], "0");
    assert_eq!(got["tagSpecificationSet"][0]["tagSet"], json!([{ "key": "Name", "value": "web" }]));
    assert_eq!(got["cpuOptions"], json!({ "coreCount": "1", "threadsPerCore": "2" }));
    assert_eq!(got["maintenanceOptions"], json!({ "autoRecovery": "default" }));
    assert_eq!(got["networkPerformanceOptions"], json!({ "bandwidthWeighting": "default" }));
    assert_eq!(got["hibernationOptions"], json!({ "configured": "false" }));
}

#[test]
fn a_policy_may_ask_for_a_template_and_for_nothing_beside_it() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let id = create(&root, "web", json!({ "ImageId": IMAGE, "InstanceType": "t3.micro" }));
    let arn = format!("arn:aws:ec2:us-east-1:{ACCOUNT}:launch-template/{id}");
    let statement = json!({ "Effect": "Allow", "Action": "ec2:RunInstances", "Resource": "*", "Condition": {
        "ArnLike": { "ec2:LaunchTemplate": arn }, "Bool": { "ec2:IsLaunchTemplateResource": "true" } } });
    let user =
        cloud.user(&root, "ann", &json!({ "Version": "2012-10-17", "Statement": statement }).to_string());
    run(&user, json!({ "LaunchTemplate": { "LaunchTemplateId": id } }));
    let denied = [
        json!({ "LaunchTemplate": { "LaunchTemplateId": id }, "ImageId": IMAGE }),
        json!({ "ImageId": IMAGE, "InstanceType": "t3.micro" }),
    ];
    for asked in denied {
        assert_eq!(refused(&user, "RunInstances", launch(asked)).0, "UnauthorizedOperation");
    }
}
