//! The service-linked role of a group: made with the first one, by whoever may; or one that is handed over.

use crate::autoscaling::{asg, asked, group, refused, template};
use crate::ec2_profiles::IMAGE;
use crate::harness::Cloud;
use crate::vpc_networks::text;
use serde_json::{Value, json};

const ACCOUNT: &str = "123456789012";
const SERVICE: &str = "autoscaling.amazonaws.com";

fn arn(name: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:role/aws-service-role/{SERVICE}/{name}")
}

fn policy(statements: Value) -> String {
    json!({ "Version": "2012-10-17", "Statement": statements }).to_string()
}

#[test]
fn the_first_group_makes_the_role_by_which_all_act() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    template(&root, json!({ "ImageId": IMAGE, "InstanceType": "t3.micro" }));
    let scales =
        json!({ "Effect": "Allow", "Action": ["autoscaling:*", "ec2:RunInstances"], "Resource": "*" });
    let links = json!({ "Effect": "Allow", "Action": "iam:CreateServiceLinkedRole", "Resource": "*",
        "Condition": { "StringEquals": { "iam:AWSServiceName": SERVICE } } });
    let plain = cloud.user(&root, "plain", &policy(json!([scales])));
    let links = cloud.user(&root, "links", &policy(json!([scales, links])));
    let (code, message) = refused(&plain, "CreateAutoScalingGroup", asked(json!({})));
    let words = "The default Service-Linked Role for Auto Scaling could not be created. User: ";
    assert!(code == "AccessDenied" && message.starts_with(words), "{code} {message}");
    assert!(message.contains("iam:CreateServiceLinkedRole"), "{message}");
    root.call("iam", "GetRole", json!({ "RoleName": "AWSServiceRoleForAutoScaling" }))
        .refused(404, "NoSuchEntity");
    asg(&links, "CreateAutoScalingGroup", asked(json!({})));
    let role = arn("AWSServiceRoleForAutoScaling");
    assert_eq!(group(&root)["ServiceLinkedRoleARN"], role.as_str());
    let made = root.call("iam", "GetRole", json!({ "RoleName": "AWSServiceRoleForAutoScaling" })).ok();
    assert_eq!(made["Role"]["Arn"], role.as_str());
    // Once it is there, nobody needs to make it.
    asg(&root, "DeleteAutoScalingGroup", json!({ "AutoScalingGroupName": "web" }));
    asg(&plain, "CreateAutoScalingGroup", asked(json!({})));
    asg(
        &plain,
        "UpdateAutoScalingGroup",
        json!({ "AutoScalingGroupName": "web", "ServiceLinkedRoleARN": role }),
    );
}

#[test]
fn a_role_of_ones_own_is_handed_over() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    template(&root, json!({ "ImageId": IMAGE, "InstanceType": "t3.micro" }));
    let made = json!({ "AWSServiceName": SERVICE, "CustomSuffix": "keys" });
    let made = root.call("iam", "CreateServiceLinkedRole", made).ok();
    let own = text(&made["Role"]["Arn"]);
    assert_eq!(own, arn("AWSServiceRoleForAutoScaling_keys"));
    let with = |role: &str| asked(json!({ "ServiceLinkedRoleARN": role }));
    let other = format!("arn:aws:iam::{ACCOUNT}:role/AWSServiceRoleForAutoScaling_keys");
    for none in [arn("AWSServiceRoleForAutoScaling_none"), other, "role".into()] {
        assert_eq!(
            refused(&root, "CreateAutoScalingGroup", with(&none)),
            ("ValidationError".into(), "ARN specified for Service-Linked Role does not exist.".into())
        );
    }
    let scales =
        json!([{ "Effect": "Allow", "Action": ["autoscaling:*", "ec2:RunInstances"], "Resource": "*" }]);
    let plain = cloud.user(&root, "plain", &policy(scales));
    assert_eq!(refused(&plain, "CreateAutoScalingGroup", with(&own)).0, "AccessDenied");
    asg(&root, "CreateAutoScalingGroup", with(&own));
    assert_eq!(group(&root)["ServiceLinkedRoleARN"], own.as_str());
    let back =
        json!({ "AutoScalingGroupName": "web", "ServiceLinkedRoleARN": arn("AWSServiceRoleForAutoScaling") });
    asg(&root, "UpdateAutoScalingGroup", back);
    assert_eq!(group(&root)["ServiceLinkedRoleARN"], arn("AWSServiceRoleForAutoScaling"));
}
