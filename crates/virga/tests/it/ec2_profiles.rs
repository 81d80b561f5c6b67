//! Instance profiles on instances: by name and ARN, changed while they run, and who may hand a role over.

use crate::harness::{Caller, Cloud};
use crate::vpc_networks::{ec2, items, text};
use crate::vpc_plane::cloud;
use host::Simulator;
use serde_json::{Value, json};

const ACCOUNT: &str = "123456789012";
pub(crate) const IMAGE: &str = "ami-0a1f5c0de0b1a0001";
const TRUST: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":"ec2.amazonaws.com"}}}"#;

/// A role that EC2 may assume in a profile of its own name; the profile's ARN.
pub(crate) fn profile(root: &Caller<'_>, name: &str) -> String {
    root.call("iam", "CreateRole", json!({ "RoleName": name, "AssumeRolePolicyDocument": TRUST })).ok();
    let made =
        root.call("iam", "CreateInstanceProfile", json!({ "InstanceProfileName": name, "Path": "/p/" })).ok();
    root.call("iam", "AddRoleToInstanceProfile", json!({ "InstanceProfileName": name, "RoleName": name }))
        .ok();
    text(&made["InstanceProfile"]["Arn"])
}

fn launch(profile: &Value) -> Value {
    json!({ "ImageId": IMAGE, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1, "IamInstanceProfile": profile })
}

fn run(caller: &Caller<'_>, profile: &Value) -> String {
    text(&ec2(caller, "RunInstances", launch(profile))["instancesSet"][0]["instanceId"])
}

fn held(caller: &Caller<'_>, id: &str) -> Value {
    let found = ec2(caller, "DescribeInstances", json!({ "InstanceIds": [id] }));
    found["reservationSet"][0]["instancesSet"][0]["iamInstanceProfile"].clone()
}

fn associations(caller: &Caller<'_>, parameters: Value) -> Vec<Value> {
    items(&ec2(caller, "DescribeIamInstanceProfileAssociations", parameters)["iamInstanceProfileAssociationSet"]).to_vec()
}

#[test]
fn an_instance_has_a_profile_and_may_get_another() {
    let (cloud, _plane) = cloud(Simulator::new(), None);
    let root = cloud.root(ACCOUNT);
    let (web, batch) = (profile(&root, "web"), profile(&root, "batch"));
    let id = run(&root, &json!({ "Name": "web" }));
    assert_eq!(held(&root, &id)["arn"], web.as_str());
    assert!(text(&held(&root, &id)["id"]).starts_with("AIPA"));
    let by_arn = run(&root, &json!({ "Arn": batch }));
    assert_eq!(held(&root, &by_arn)["arn"], batch.as_str());
    let filters = json!([{ "Name": "iam-instance-profile.arn", "Values": [web] }]);
    let found = ec2(&root, "DescribeInstances", json!({ "Filters": filters }));
    assert_eq!(items(&found["reservationSet"]).len(), 1);

    let filters = json!([{ "Name": "instance-id", "Values": [id] }]);
    let all = associations(&root, json!({ "Filters": filters }));
    assert_eq!((all.len(), &all[0]["state"]), (1, &json!("associated")));
    let association = text(&all[0]["associationId"]);
    assert!(association.starts_with("iip-assoc-"));
    let other = json!({ "InstanceId": id, "IamInstanceProfile": { "Name": "batch" } });
    let (code, message) = root.call("ec2", "AssociateIamInstanceProfile", other.clone()).error();
    assert_eq!(
        (code.as_str(), message),
        ("IncorrectState", format!("There is an existing association for instance {id}"))
    );
    let swap = json!({ "AssociationId": association, "IamInstanceProfile": { "Name": "batch" } });
    let replaced = ec2(&root, "ReplaceIamInstanceProfileAssociation", swap.clone());
    let now = &replaced["iamInstanceProfileAssociation"];
    assert_eq!((&now["state"], &now["iamInstanceProfile"]["arn"]), (&json!("associating"), &json!(batch)));
    assert_eq!(held(&root, &id)["arn"], batch.as_str());
    // The old association is no more.
    let gone = root.call("ec2", "ReplaceIamInstanceProfileAssociation", swap).error();
    assert_eq!(gone.0, "InvalidAssociationID.NotFound");
    let ended =
        ec2(&root, "DisassociateIamInstanceProfile", json!({ "AssociationId": now["associationId"] }));
    assert_eq!(ended["iamInstanceProfileAssociation"]["state"], "disassociating");
    assert!(held(&root, &id).is_null());
    assert_eq!(associations(&root, json!({})).len(), 1);
    let named = json!({ "AssociationIds": [now["associationId"]] });
    let gone = root.call("ec2", "DescribeIamInstanceProfileAssociations", named).error();
    assert_eq!(gone.0, "InvalidAssociationID.NotFound");
    ec2(&root, "AssociateIamInstanceProfile", other);
    assert_eq!(associations(&root, json!({ "MaxResults": 1000 })).len(), 2);
    ec2(&root, "TerminateInstances", json!({ "InstanceIds": [id] }));
    assert_eq!(associations(&root, json!({})).len(), 1);
    let late = json!({ "InstanceId": id, "IamInstanceProfile": { "Name": "web" } });
    assert_eq!(root.call("ec2", "AssociateIamInstanceProfile", late).error().0, "IncorrectInstanceState");
}

#[test]
fn a_profile_that_cannot_be_had_is_refused() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let web = profile(&root, "web");
    root.call("iam", "CreateInstanceProfile", json!({ "InstanceProfileName": "empty" })).ok();
    let none = "arn:aws:iam::123456789012:instance-profile/none";
    let unpathed = "arn:aws:iam::123456789012:instance-profile/web";
    let value = "InvalidParameterValue";
    let invalid_name =
        "Value (none) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name";
    let rows = [
        (json!({ "Name": "none" }), value, invalid_name.to_owned()),
        (json!({ "Arn": none }), value, format!("Value ({none}) for parameter iamInstanceProfile.arn is invalid. Invalid IAM Instance Profile ARN")),
        (json!({ "Arn": unpathed }), value, format!("Value ({unpathed}) for parameter iamInstanceProfile.arn is invalid. Invalid IAM Instance Profile ARN")),
        (json!({ "Name": "empty" }), value, "Value (empty) for parameter iamInstanceProfile.name is invalid. IAM Instance Profile \"arn:aws:iam::123456789012:instance-profile/empty\" has no associated IAM Roles".to_owned()),
        (json!({ "Name": "web", "Arn": web }), "InvalidParameterCombination", "The parameter 'iamInstanceProfile.name' may not be used in combination with 'iamInstanceProfile.arn'".to_owned()),
    ];
    for (given, code, message) in rows {
        assert_eq!(
            root.call("ec2", "RunInstances", launch(&given)).error(),
            (code.to_owned(), message),
            "{given}"
        );
    }
    // Clients that say all they can say send an empty name.
    let mut bare = launch(&json!({ "Name": "" }));
    let subnets = ec2(&root, "DescribeSubnets", json!({}));
    bare["SubnetId"] = subnets["subnetSet"][1]["subnetId"].clone();
    bare["Placement"] = json!({ "AvailabilityZone": "", "Tenancy": "", "GroupName": "" });
    let bare = ec2(&root, "RunInstances", bare);
    assert_eq!(bare["instancesSet"][0]["iamInstanceProfile"], Value::Null);
}

#[test]
fn a_role_is_handed_over_by_those_who_may_pass_it() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    profile(&root, "web");
    let id = run(&root, &json!({ "Name": "web" }));
    let association = text(&associations(&root, json!({}))[0]["associationId"]);
    let policy = |more: &str| {
        format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"ec2:*","Resource":"*"}}{more}]}}"#
        )
    };
    let plain = cloud.user(&root, "plain", &policy(""));
    let pass = r#",{"Effect":"Allow","Action":"iam:PassRole","Resource":"arn:aws:iam::123456789012:role/web","Condition":{"StringEquals":{"iam:PassedToService":"ec2.amazonaws.com"}}}"#;
    let passes = cloud.user(&root, "passes", &policy(pass));
    let limited = r#",{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"ArnLike":{"ec2:NewInstanceProfile":"arn:aws:iam::*:instance-profile/p/*"}}}"#;
    let limited = cloud.user(&root, "limited", &policy(&format!("{pass}{limited}")));
    let web = json!({ "Name": "web" });
    let swap = json!({ "AssociationId": association, "IamInstanceProfile": web });
    for (operation, parameters) in
        [("RunInstances", launch(&web)), ("ReplaceIamInstanceProfileAssociation", swap.clone())]
    {
        let (code, message) = plain.call("ec2", operation, parameters).error();
        assert_eq!(code, "UnauthorizedOperation", "{operation}");
        let what =
            "is not authorized to perform: iam:PassRole on resource: arn:aws:iam::123456789012:role/web";
        assert!(message.contains(what), "{message}");
    }
    run(&passes, &web);
    assert_eq!(
        limited.call("ec2", "ReplaceIamInstanceProfileAssociation", swap.clone()).error().0,
        "UnauthorizedOperation"
    );
    let now = ec2(&passes, "ReplaceIamInstanceProfileAssociation", swap);
    // Policies know what an instance has.
    let holds = r#",{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"ArnLike":{"ec2:InstanceProfile":"arn:aws:iam::*:instance-profile/p/web"}}}"#;
    let barred = cloud.user(&root, "barred", &policy(holds));
    let stop = json!({ "InstanceIds": [id] });
    assert_eq!(barred.call("ec2", "StopInstances", stop.clone()).error().0, "UnauthorizedOperation");
    let end = json!({ "AssociationId": now["iamInstanceProfileAssociation"]["associationId"] });
    assert_eq!(
        barred.call("ec2", "DisassociateIamInstanceProfile", end.clone()).error().0,
        "UnauthorizedOperation"
    );
    ec2(&plain, "DisassociateIamInstanceProfile", end);
    assert_eq!(barred.call("ec2", "StopInstances", stop).status, 200);
}
