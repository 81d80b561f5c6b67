//! Instance metadata: what is asked for at launch and later, and what a machine reads about itself.

use crate::ec2_profiles::{IMAGE, profile};
use crate::harness::{Caller, Cloud};
use crate::vpc_networks::{ec2, subnet, text, vpc};
use crate::vpc_plane::{Folder, cloud, linux};
use host::{Driver, Linux, Simulator, Spawn};
use serde_json::{Value, json};
use std::io::Read;
use std::time::{Duration, Instant};

const ACCOUNT: &str = "123456789012";

fn launch(more: &Value) -> Value {
    let mut asked = json!({ "ImageId": IMAGE, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1 });
    asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    asked
}

fn run(caller: &Caller<'_>, more: &Value) -> String {
    text(&ec2(caller, "RunInstances", launch(more))["instancesSet"][0]["instanceId"])
}

fn instance(caller: &Caller<'_>, id: &str) -> Value {
    let found = ec2(caller, "DescribeInstances", json!({ "InstanceIds": [id] }));
    found["reservationSet"][0]["instancesSet"][0].clone()
}

#[test]
fn options_are_given_at_launch_and_changed_later() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let id = run(&root, &json!({}));
    let options = |id: &str| instance(&root, id)["metadataOptions"].clone();
    let defaults = json!({ "state": "pending", "httpTokens": "optional", "httpPutResponseHopLimit": "1",
        "httpEndpoint": "enabled", "httpProtocolIpv6": "disabled", "instanceMetadataTags": "disabled" });
    assert_eq!(options(&id), defaults);
    let asked =
        json!({ "HttpTokens": "required", "HttpPutResponseHopLimit": 2, "InstanceMetadataTags": "enabled" });
    let strict = run(&root, &json!({ "MetadataOptions": asked }));
    assert_eq!(options(&strict)["httpTokens"], "required");
    assert_eq!(
        (&options(&strict)["httpPutResponseHopLimit"], &options(&strict)["instanceMetadataTags"]),
        (&json!("2"), &json!("enabled"))
    );
    let off = json!({ "InstanceId": id, "HttpEndpoint": "disabled" });
    assert_eq!(
        ec2(&root, "ModifyInstanceMetadataOptions", off)["instanceMetadataOptions"]["httpEndpoint"],
        "disabled"
    );
    let filters = json!([{ "Name": "metadata-options.http-endpoint", "Values": ["disabled"] }]);
    let found = ec2(&root, "DescribeInstances", json!({ "Filters": filters }));
    assert_eq!(found["reservationSet"][0]["instancesSet"][0]["instanceId"], id.as_str());
    let refused = |operation: &str, parameters: Value| root.call("ec2", operation, parameters).error();
    for hops in [0, 65] {
        let (code, message) = refused(
            "ModifyInstanceMetadataOptions",
            json!({ "InstanceId": id, "HttpPutResponseHopLimit": hops }),
        );
        let words = format!(
            "Value ({hops}) for parameter httpPutResponseHopLimit is invalid. Specify a value between 1 and 64."
        );
        assert_eq!((code.as_str(), message), ("InvalidParameterValue", words));
    }
    let tags = json!([{ "ResourceType": "instance", "Tags": [{ "Key": "a b", "Value": "x" }] }]);
    let readable =
        json!({ "TagSpecifications": tags, "MetadataOptions": { "InstanceMetadataTags": "enabled" } });
    let (code, message) = refused("RunInstances", launch(&readable));
    assert_eq!(code, "InvalidParameterValue");
    assert!(message.starts_with("'a b' is not a valid tag key. Tag keys must match pattern"), "{message}");
    let unknown = json!({ "InstanceId": "i-00000000000000000", "HttpTokens": "required" });
    assert_eq!(refused("ModifyInstanceMetadataOptions", unknown).0, "InvalidInstanceID.NotFound");
    ec2(&root, "TerminateInstances", json!({ "InstanceIds": [id] }));
    let late = json!({ "InstanceId": id, "HttpTokens": "required" });
    assert_eq!(refused("ModifyInstanceMetadataOptions", late).0, "IncorrectInstanceState");
}

/// A company's policy: no machine without tokens.
#[test]
fn policies_know_the_options() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let id = run(&root, &json!({}));
    let strict = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ec2:*","Resource":"*"},
        {"Effect":"Deny","Action":"ec2:RunInstances","Resource":"arn:aws:ec2:*:*:instance/*","Condition":{"StringNotEquals":{"ec2:MetadataHttpTokens":"required"}}},
        {"Effect":"Deny","Action":"ec2:StopInstances","Resource":"*","Condition":{"StringEquals":{"ec2:MetadataHttpTokens":"optional"}}},
        {"Effect":"Deny","Action":"ec2:ModifyInstanceMetadataOptions","Resource":"*","Condition":{"StringEquals":{"ec2:Attribute/HttpTokens":"optional"}}}]}"#;
    let user = cloud.user(&root, "u", strict);
    let denied = |operation: &str, parameters: Value| {
        assert_eq!(user.call("ec2", operation, parameters).error().0, "UnauthorizedOperation", "{operation}");
    };
    denied("RunInstances", launch(&json!({})));
    run(&user, &json!({ "MetadataOptions": { "HttpTokens": "required" } }));
    denied("StopInstances", json!({ "InstanceIds": [id] }));
    denied("ModifyInstanceMetadataOptions", json!({ "InstanceId": id, "HttpTokens": "optional" }));
    ec2(&user, "ModifyInstanceMetadataOptions", json!({ "InstanceId": id, "HttpTokens": "required" }));
    assert_eq!(user.call("ec2", "StopInstances", json!({ "InstanceIds": [id] })).status, 200);
}

/// What a script says in a machine.
pub(crate) fn inside(plane: &Linux, machine: &str, script: &str) -> String {
    let (mut reader, writer) = std::io::pipe().unwrap();
    let command = Spawn {
        program: "/bin/sh".into(),
        args: vec!["-c".into(), script.into()],
        env: vec![("PATH".into(), "/usr/local/bin:/usr/bin:/bin".into())],
        stdout: Some(writer.into()),
        ..Spawn::default()
    };
    let process = plane.spawn(machine, command).unwrap();
    let mut said = String::new();
    reader.read_to_string(&mut said).unwrap();
    process.wait().unwrap();
    said
}

pub(crate) fn until_running(cloud: &Cloud, caller: &Caller<'_>, id: &str) {
    let began = Instant::now();
    while instance(caller, id)["instanceState"]["name"] != "running" {
        assert!(began.elapsed() < Duration::from_secs(20), "{}", instance(caller, id));
        cloud.reconcile();
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_machine_reads_about_itself_and_acts_as_its_role() {
    let Some(linux) = linux() else { return };
    let folder = Folder::new("metadata");
    let (cloud, plane) = cloud(linux, Some(folder.to_path_buf()));
    let root = cloud.root(ACCOUNT);
    let arn = profile(&root, "app");
    ec2(&root, "CreateKeyPair", json!({ "KeyName": "mine", "KeyType": "ed25519" }));
    let network = vpc(&root);
    let there = subnet(&root, &network, "10.0.1.0/24");
    let tags = json!([{ "ResourceType": "instance", "Tags": [{ "Key": "Name", "Value": "web" }] }]);
    let id = run(
        &root,
        &json!({ "SubnetId": there, "IamInstanceProfile": { "Name": "app" }, "KeyName": "mine",
        "TagSpecifications": tags, "MetadataOptions": { "InstanceMetadataTags": "enabled" }, "UserData": "IyEvYmluL3NoCnRydWUK" }),
    );
    let other = run(&root, &json!({ "SubnetId": there, "MetadataOptions": { "HttpTokens": "required" } }));
    until_running(&cloud, &root, &id);
    until_running(&cloud, &root, &other);
    let curl = |machine: &str, more: &str| {
        inside(&plane, machine, &format!("curl -s -m 5 http://169.254.169.254{more}"))
    };
    let seen = instance(&root, &id);
    let mac = text(&seen["networkInterfaceSet"][0]["macAddress"]);
    let address = text(&seen["privateIpAddress"]);
    for (path, expected) in [
        ("instance-id", id.clone()),
        ("local-ipv4", address.clone()),
        ("placement/availability-zone", text(&seen["placement"]["availabilityZone"])),
        ("security-groups", "default".into()),
        ("tags/instance/Name", "web".into()),
        ("public-keys/", "0=mine".into()),
        ("iam/security-credentials/", "app".into()),
        (&format!("network/interfaces/macs/{mac}/vpc-id"), network.clone()),
        (&format!("network/interfaces/macs/{mac}/subnet-ipv4-cidr-block"), "10.0.1.0/24".into()),
    ] {
        assert_eq!(curl(&id, &format!("/latest/meta-data/{path}")), expected, "{path}");
    }
    assert_eq!(curl(&id, "/latest/user-data"), "#!/bin/sh\ntrue\n");
    let info: Value = serde_json::from_str(&curl(&id, "/latest/meta-data/iam/info")).unwrap();
    assert_eq!(info["InstanceProfileArn"], arn.as_str());
    // Another of its addresses is its own as well.
    let nic = text(&seen["networkInterfaceSet"][0]["networkInterfaceId"]);
    let more = json!({ "NetworkInterfaceId": nic, "PrivateIpAddresses": ["10.0.1.77"] });
    ec2(&root, "AssignPrivateIpAddresses", more);
    cloud.reconcile();
    let from_second =
        "curl -s -m 5 --interface 10.0.1.77 http://169.254.169.254/latest/meta-data/instance-id";
    assert_eq!(inside(&plane, &id, from_second), id);

    // The role's credentials work, and are renewed by the cloud's clock.
    let read = || -> Value {
        serde_json::from_str(&curl(&id, "/latest/meta-data/iam/security-credentials/app")).unwrap()
    };
    let first = read();
    assert_eq!(first["Code"], "Success");
    let session = |given: &Value| json!({ "AccessKeyId": given["AccessKeyId"], "SecretAccessKey": given["SecretAccessKey"], "SessionToken": given["Token"] });
    let me = cloud.session(&session(&first)).call("sts", "GetCallerIdentity", json!({})).ok();
    assert_eq!(me["Arn"], format!("arn:aws:sts::{ACCOUNT}:assumed-role/app/{id}"));
    assert_eq!(read()["AccessKeyId"], first["AccessKeyId"]);
    // Its policies know the instance, and whether it asked with a token.
    let with_token = format!(
        "T=$(curl -s -m 5 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' http://169.254.169.254/latest/api/token); \
         curl -s -m 5 -H \"X-aws-ec2-metadata-token: $T\" {}",
        "http://169.254.169.254/latest/meta-data/iam/security-credentials/app"
    );
    let safe: Value = serde_json::from_str(&inside(&plane, &id, &with_token)).unwrap();
    let arn = format!("arn:aws:ec2:us-east-1:{ACCOUNT}:instance/{id}");
    let (plain, safe) = (cloud.session(&session(&first)), cloud.session(&session(&safe)));
    for (key, value, caller) in [
        ("aws:Ec2InstanceSourceVpc", network.as_str(), &plain),
        ("aws:Ec2InstanceSourcePrivateIPv4", &address, &plain),
        ("ec2:SourceInstanceARN", &arn, &plain),
        ("ec2:RoleDelivery", "1.0", &plain),
        ("ec2:RoleDelivery", "2.0", &safe),
    ] {
        let lists = |value: &str| {
            let allow = json!({ "Version": "2012-10-17", "Statement": [{
                "Effect": "Allow", "Action": "iam:ListUsers", "Resource": "*",
                "Condition": { "StringEquals": { key: value } },
            }] });
            let put = json!({ "RoleName": "app", "PolicyName": "keys", "PolicyDocument": allow.to_string() });
            root.call("iam", "PutRolePolicy", put).ok();
            caller.call("iam", "ListUsers", json!({})).status
        };
        assert_eq!((lists(value), lists("another")), (200, 403), "{key}");
    }
    cloud.advance(Duration::from_secs(31 * 60));
    let second = read();
    assert_ne!(second["AccessKeyId"], first["AccessKeyId"]);
    assert_eq!(cloud.session(&session(&second)).call("sts", "GetCallerIdentity", json!({})).status, 200);
    // A role that does not trust EC2 any more.
    let trust = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":"lambda.amazonaws.com"}}}"#;
    root.call("iam", "UpdateAssumeRolePolicy", json!({ "RoleName": "app", "PolicyDocument": trust })).ok();
    cloud.advance(Duration::from_secs(31 * 60));
    assert_eq!(read()["Code"], "AssumeRoleUnauthorizedAccess");

    let status = |machine: &str, arguments: &str| {
        inside(
            &plane,
            machine,
            &format!("curl -s -m 5 -o /dev/null -w '%{{http_code}}' http://169.254.169.254{arguments}"),
        )
    };
    let token = |machine: &str, ttl: u32| {
        curl(machine, &format!("/latest/api/token -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: {ttl}'"))
    };
    let with = |token: &str| format!("/latest/meta-data/instance-id -H 'X-aws-ec2-metadata-token: {token}'");
    let (mine, others) = (token(&id, 60), token(&other, 60));
    assert_eq!(curl(&other, &with(&others)), other);
    assert_eq!(curl(&id, &with(&mine)), id);
    for (machine, arguments, expected) in [
        (&id, "/latest/nothing".to_owned(), "404"),
        (&id, "/latest/api/token -X PUT".to_owned(), "400"),
        (
            &id,
            "/latest/api/token -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' -H 'X-Forwarded-For: a'"
                .to_owned(),
            "403",
        ),
        (&id, with(&others), "401"),
        (&id, with("no token"), "401"),
        (&other, "/latest/meta-data/instance-id".to_owned(), "401"),
        (
            &other,
            "/latest/meta-data/tags/instance/Name".to_owned()
                + " -H 'X-aws-ec2-metadata-token: "
                + &others
                + "'",
            "404",
        ),
        (
            &other,
            "/latest/meta-data/iam/info -H 'X-aws-ec2-metadata-token: ".to_owned() + &others + "'",
            "404",
        ),
        (&id, format!("/latest/meta-data/instance-id -H 'a: {}'", "x".repeat(9000)), "400"),
    ] {
        assert_eq!(status(machine, &arguments), expected, "{arguments:.200}");
    }
    cloud.advance(Duration::from_secs(61));
    assert_eq!(status(&id, &with(&mine)), "401");
    ec2(&root, "ModifyInstanceMetadataOptions", json!({ "InstanceId": id, "HttpEndpoint": "disabled" }));
    assert_eq!(status(&id, "/latest/meta-data/"), "403");
    assert_eq!(status(&id, "/latest/api/token -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60'"), "403");

    ec2(&root, "TerminateInstances", json!({ "InstanceIds": [id, other] }));
    let began = Instant::now();
    while plane.inventory().unwrap() != host::Inventory::default() {
        assert!(began.elapsed() < Duration::from_secs(20));
        cloud.reconcile();
        std::thread::sleep(Duration::from_millis(10));
    }
}
