//! Roles, their trust, what hangs on them, instance profiles and service-linked roles.

use crate::harness::{Caller, Cloud};
use serde_json::{Value, json};

const ACCOUNT: &str = "123456789012";
const DOC: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;

fn trust(principal: &Value) -> String {
    json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}]})
        .to_string()
}

fn role(root: &Caller<'_>, name: &str, principal: &Value) -> Value {
    root.call("iam", "CreateRole", json!({"RoleName": name, "AssumeRolePolicyDocument": trust(principal)}))
        .ok()
}

fn decoded(text: &Value) -> Value {
    let text = text.as_str().unwrap();
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let digit = |b: Option<u8>| char::from(b.unwrap()).to_digit(16).unwrap();
        bytes.push(if byte == b'%' {
            u8::try_from(digit(rest.next()) * 16 + digit(rest.next())).unwrap()
        } else {
            byte
        });
    }
    serde_json::from_slice(&bytes).unwrap()
}

#[test]
fn a_new_role_is_shown_as_it_was_asked_for() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let made = role(&root, "r", &json!({"AWS": ACCOUNT}));
    let principal = |shown: &Value| {
        decoded(&shown["Role"]["AssumeRolePolicyDocument"])["Statement"][0]["Principal"]["AWS"].clone()
    };
    assert_eq!((principal(&made), made["Role"].get("MaxSessionDuration")), (json!(ACCOUNT), None));
    let shown = root.call("iam", "GetRole", json!({"RoleName": "r"})).ok();
    assert_eq!(principal(&shown), json!(format!("arn:aws:iam::{ACCOUNT}:root")));
    assert_eq!(shown["Role"]["MaxSessionDuration"], "3600");
}

fn trusted(root: &Caller<'_>, name: &str) -> Value {
    let shown = root.call("iam", "GetRole", json!({"RoleName": name})).ok();
    decoded(&shown["Role"]["AssumeRolePolicyDocument"])["Statement"][0]["Principal"]["AWS"].clone()
}

#[test]
fn a_role_is_made_changed_and_deleted() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let made = root
        .call(
            "iam",
            "CreateRole",
            json!({
                "RoleName": "Builder", "Path": "/ci/", "AssumeRolePolicyDocument": trust(&json!({"Service": "ec2.amazonaws.com"})),
                "Description": "builds", "MaxSessionDuration": 7200, "Tags": [{"Key": "a", "Value": "b"}],
            }),
        )
        .ok();
    assert_eq!(made["Role"]["Arn"], json!("arn:aws:iam::123456789012:role/ci/Builder"));
    assert!(made["Role"]["RoleId"].as_str().unwrap().starts_with("AROA"));
    assert_eq!(made["Role"]["MaxSessionDuration"], "7200");
    root.call(
        "iam",
        "CreateRole",
        json!({"RoleName": "builder", "AssumeRolePolicyDocument": trust(&json!({"AWS": "*"}))}),
    )
    .refused_with(409, "EntityAlreadyExists", "Role with name builder already exists.");
    root.call("iam", "UpdateRole", json!({"RoleName": "Builder", "MaxSessionDuration": 3600})).ok();
    root.call("iam", "UpdateRoleDescription", json!({"RoleName": "Builder", "Description": "still builds"}))
        .ok();
    root.call("iam", "TagRole", json!({"RoleName": "Builder", "Tags": [{"Key": "A", "Value": "c"}]})).ok();
    let shown = root.call("iam", "GetRole", json!({"RoleName": "BUILDER"})).ok();
    let role = &shown["Role"];
    assert_eq!((&role["MaxSessionDuration"], &role["Description"]), (&json!("3600"), &json!("still builds")));
    assert_eq!(role["Tags"], json!([{"Key": "A", "Value": "c"}]));
    root.call("iam", "UntagRole", json!({"RoleName": "Builder", "TagKeys": ["a"]})).ok();
    let tags = root.call("iam", "ListRoleTags", json!({"RoleName": "Builder"})).ok();
    assert_eq!(tags["IsTruncated"], json!("false"));
    let listed = root.call("iam", "ListRoles", json!({"PathPrefix": "/ci/"})).ok();
    assert_eq!(listed["Roles"].as_array().unwrap().len(), 1);
    root.call("iam", "DeleteRole", json!({"RoleName": "Builder"})).ok();
    root.call("iam", "GetRole", json!({"RoleName": "Builder"})).refused_with(
        404,
        "NoSuchEntity",
        "The role with name Builder cannot be found.",
    );
}

#[test]
fn trust_is_checked() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let create = |document: &str| {
        root.call("iam", "CreateRole", json!({"RoleName": "r", "AssumeRolePolicyDocument": document}))
    };
    let refused = [
        ("{", "This policy contains invalid Json"),
        (DOC, "Has prohibited field Resource"),
        (
            &trust(&json!({"AWS": "arn:aws:iam::123456789012:user/nobody"})),
            "Invalid principal in policy: \"AWS\":\"arn:aws:iam::123456789012:user/nobody\"",
        ),
        (
            &trust(&json!({"AWS": ["*", "arn:aws:iam::999999999999:role/nobody"]})),
            "Invalid principal in policy: \"AWS\":\"arn:aws:iam::999999999999:role/nobody\"",
        ),
        (
            &trust(&json!({"AWS": "AIDAAAAAAAAAAAAAAAAAA"})),
            "Invalid principal in policy: \"AWS\":\"AIDAAAAAAAAAAAAAAAAAA\"",
        ),
        (&trust(&json!("*")), "AssumeRolepolicy contained an invalid principal: \"STAR\":\"*\"."),
    ];
    for (document, message) in refused {
        assert_eq!(create(document).refused(400, "MalformedPolicyDocument"), message, "{document}");
    }
    let long = trust(&json!({"AWS": vec!["123456789012"; 150]}));
    create(&long).refused_with(409, "LimitExceeded", "Cannot exceed quota for ACLSizePerRole: 2048");
}

#[test]
fn trust_ends_with_the_one_who_was_trusted() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let eva = "arn:aws:iam::123456789012:user/eva";
    let made = root.call("iam", "CreateUser", json!({"UserName": "eva"})).ok();
    role(&root, "r", &json!({"AWS": [eva, "arn:aws:iam::999999999999:root"]}));
    assert_eq!(trusted(&root, "r"), json!([eva, "arn:aws:iam::999999999999:root"]));
    // A rename takes trust along.
    root.call("iam", "UpdateUser", json!({"UserName": "eva", "NewUserName": "ada"})).ok();
    assert_eq!(trusted(&root, "r")[0], json!("arn:aws:iam::123456789012:user/ada"));
    root.call("iam", "DeleteUser", json!({"UserName": "ada"})).ok();
    root.call("iam", "CreateUser", json!({"UserName": "eva"})).ok();
    assert_eq!(trusted(&root, "r")[0], made["User"]["UserId"]);
    root.call(
        "iam",
        "UpdateAssumeRolePolicy",
        json!({"RoleName": "r", "PolicyDocument": trust(&json!({"AWS": eva}))}),
    )
    .ok();
    assert_eq!(trusted(&root, "r"), json!(eva));
    // Accounts are kept as ARNs.
    role(&root, "other", &json!({"AWS": "999999999999"}));
    assert_eq!(trusted(&root, "other"), json!("arn:aws:iam::999999999999:root"));
}

#[test]
fn the_last_use_of_a_role_is_shown() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    role(&root, "r", &json!({"AWS": ACCOUNT}));
    root.call(
        "iam",
        "PutRolePolicy",
        json!({"RoleName": "r", "PolicyName": "p", "PolicyDocument": DOC.replace("s3:*", "iam:ListRoles")}),
    )
    .ok();
    let allow = DOC.replace("s3:*", "sts:AssumeRole");
    let eva = cloud.user(&root, "eva", &allow);
    let arn = "arn:aws:iam::123456789012:role/r";
    let made = eva.call("sts", "AssumeRole", json!({"RoleArn": arn, "RoleSessionName": "ci"})).ok();
    let session = cloud.session(&made["Credentials"]);
    session.in_region("eu-west-1").call("iam", "ListRoles", json!({})).ok();
    session.call("iam", "ListUsers", json!({})).refused(403, "AccessDenied");
    cloud.reconcile();
    let shown = root.call("iam", "GetRole", json!({"RoleName": "r"})).ok();
    assert_eq!(shown["Role"]["RoleLastUsed"]["LastUsedDate"], json!("2026-01-15T12:00:00Z"));
    let job = root.call("iam", "GenerateServiceLastAccessedDetails", json!({"Arn": arn})).ok();
    let details = root.call("iam", "GetServiceLastAccessedDetails", job).ok();
    assert_eq!(details["ServicesLastAccessed"][0]["LastAuthenticatedEntity"], json!(arn));
}

#[test]
fn what_hangs_on_a_role_goes_first() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    role(&root, "r", &json!({"Service": "ec2.amazonaws.com"}));
    let read = "arn:aws:iam::aws:policy/ReadOnlyAccess";
    root.call("iam", "PutRolePolicy", json!({"RoleName": "r", "PolicyName": "p", "PolicyDocument": DOC}))
        .ok();
    root.call("iam", "AttachRolePolicy", json!({"RoleName": "r", "PolicyArn": read})).ok();
    root.call("iam", "PutRolePermissionsBoundary", json!({"RoleName": "r", "PermissionsBoundary": read}))
        .ok();
    root.call("iam", "CreateInstanceProfile", json!({"InstanceProfileName": "ip"})).ok();
    let both = json!({"InstanceProfileName": "ip", "RoleName": "r"});
    root.call("iam", "AddRoleToInstanceProfile", both.clone()).ok();
    root.call("iam", "AddRoleToInstanceProfile", both.clone()).refused_with(
        409,
        "LimitExceeded",
        "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1",
    );
    let profiles = root.call("iam", "ListInstanceProfilesForRole", json!({"RoleName": "r"})).ok();
    assert_eq!(profiles["InstanceProfiles"][0]["Roles"][0]["RoleName"], json!("r"));
    let gone = |message: &str| {
        root.call("iam", "DeleteRole", json!({"RoleName": "r"})).refused_with(409, "DeleteConflict", message);
    };
    gone("Cannot delete entity, must remove roles from instance profile first.");
    root.call("iam", "DeleteInstanceProfile", json!({"InstanceProfileName": "ip"})).refused_with(
        409,
        "DeleteConflict",
        "Cannot delete entity, must remove roles from instance profile first.",
    );
    root.call("iam", "RemoveRoleFromInstanceProfile", both).ok();
    gone("Cannot delete entity, must detach all policies first.");
    root.call("iam", "DetachRolePolicy", json!({"RoleName": "r", "PolicyArn": read})).ok();
    gone("Cannot delete entity, must delete policies first.");
    root.call("iam", "DeleteRolePolicy", json!({"RoleName": "r", "PolicyName": "p"})).ok();
    let boundary = root.call("iam", "GetRole", json!({"RoleName": "r"})).ok();
    assert_eq!(boundary["Role"]["PermissionsBoundary"]["PermissionsBoundaryArn"], json!(read));
    root.call("iam", "DeleteRole", json!({"RoleName": "r"})).ok();
    let used = root.call("iam", "GetPolicy", json!({"PolicyArn": read})).ok();
    assert_eq!(used["Policy"]["PermissionsBoundaryUsageCount"], json!("0"));
    root.call("iam", "DeleteInstanceProfile", json!({"InstanceProfileName": "ip"})).ok();
    root.call("iam", "GetInstanceProfile", json!({"InstanceProfileName": "ip"})).refused_with(
        404,
        "NoSuchEntity",
        "Instance Profile ip cannot be found.",
    );
}

#[test]
fn ten_policies_and_no_more() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    role(&root, "r", &json!({"Service": "ec2.amazonaws.com"}));
    for i in 0..11 {
        root.call("iam", "CreatePolicy", json!({"PolicyName": format!("p{i}"), "PolicyDocument": DOC})).ok();
        let arn = format!("arn:aws:iam::{ACCOUNT}:policy/p{i}");
        let reply = root.call("iam", "AttachRolePolicy", json!({"RoleName": "r", "PolicyArn": arn}));
        if i < 10 {
            reply.ok();
        } else {
            reply.refused_with(409, "LimitExceeded", "Cannot exceed quota for PoliciesPerRole: 10");
        }
    }
    let none = format!("arn:aws:iam::{ACCOUNT}:policy/none");
    root.call("iam", "AttachRolePolicy", json!({"RoleName": "r", "PolicyArn": none})).refused_with(
        404,
        "NoSuchEntity",
        &format!("Policy {none} does not exist or is not attachable."),
    );
}

#[test]
fn passing_a_role_needs_permission() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    role(&root, "r", &json!({"Service": "ec2.amazonaws.com"}));
    root.call("iam", "CreateInstanceProfile", json!({"InstanceProfileName": "ip"})).ok();
    let add = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:AddRoleToInstanceProfile","Resource":"*"}
        PASS]}"#;
    let both = json!({"InstanceProfileName": "ip", "RoleName": "r"});
    let eva = cloud.user(&root, "eva", &add.replace("PASS", ""));
    let message = eva.call("iam", "AddRoleToInstanceProfile", both.clone()).refused(403, "AccessDenied");
    assert!(
        message.contains(
            "is not authorized to perform: iam:PassRole on resource: arn:aws:iam::123456789012:role/r"
        ),
        "{message}"
    );
    let pass = |service: &str| {
        add.replace(
            "PASS",
            &format!(r#",{{"Effect":"Allow","Action":"iam:PassRole","Resource":"*","Condition":{{"StringEquals":{{"iam:PassedToService":"{service}"}}}}}}"#),
        )
    };
    let lambda = cloud.user(&root, "lambda", &pass("lambda.amazonaws.com"));
    lambda.call("iam", "AddRoleToInstanceProfile", both.clone()).refused(403, "AccessDenied");
    let ec2 = cloud.user(&root, "ec2", &pass("ec2.amazonaws.com"));
    ec2.call("iam", "AddRoleToInstanceProfile", both).ok();
}

#[test]
fn service_linked_roles_are_for_aws_to_change() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let create = |more: Value| {
        let mut request = json!({"AWSServiceName": "autoscaling.amazonaws.com"});
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        root.call("iam", "CreateServiceLinkedRole", request)
    };
    let made = create(json!({})).ok();
    assert_eq!(
        made["Role"]["Arn"],
        json!(
            "arn:aws:iam::123456789012:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"
        )
    );
    // Who asks for it describes it, or nobody; and the answer is not in the form in which the policy is kept.
    assert!(made["Role"].get("Description").is_none(), "{made}");
    let service = json!({"Service": ["autoscaling.amazonaws.com"]});
    let statement = json!({"Action": ["sts:AssumeRole"], "Effect": "Allow", "Principal": service});
    assert_eq!(decoded(&made["Role"]["AssumeRolePolicyDocument"])["Statement"], json!([statement]));
    create(json!({})).refused_with(
        400,
        "InvalidInput",
        "Service role name AWSServiceRoleForAutoScaling has been taken in this account, please try a different suffix.",
    );
    create(json!({"CustomSuffix": "blue"})).ok();
    create(json!({"AWSServiceName": "ecs.amazonaws.com", "CustomSuffix": "x"})).refused_with(
        400,
        "InvalidInput",
        "Custom suffix is not allowed for ecs.amazonaws.com",
    );
    create(json!({"AWSServiceName": "nothing.amazonaws.com"})).refused(400, "InvalidInput");
    create(json!({"AWSServiceName": "elasticbeanstalk.amazonaws.com"})).ok();
    let own = json!({
        "RoleName": "AWSServiceRoleForMe", "Path": "/aws-service-role/me.amazonaws.com/",
        "AssumeRolePolicyDocument": r#"{"Version":"2012-10-17","Statement":[]}"#,
    });
    root.call("iam", "CreateRole", own).refused_with(
        400,
        "InvalidInput",
        "Path prefix '/aws-service-role/' can only be used for AWS Service linked Roles",
    );
    let name = "AWSServiceRoleForAutoScaling";
    let attached = root.call("iam", "ListAttachedRolePolicies", json!({"RoleName": name})).ok();
    assert_eq!(attached["AttachedPolicies"][0]["PolicyName"], json!("AutoScalingServiceRolePolicy"));
    let message = "Cannot perform the operation on the protected role 'AWSServiceRoleForAutoScaling' - this role is only \
                   modifiable by AWS";
    let closed = [
        ("DeleteRole", json!({})),
        ("PutRolePolicy", json!({"PolicyName": "p", "PolicyDocument": DOC})),
        ("AttachRolePolicy", json!({"PolicyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"})),
        (
            "DetachRolePolicy",
            json!({"PolicyArn": "arn:aws:iam::aws:policy/aws-service-role/AutoScalingServiceRolePolicy"}),
        ),
        ("UpdateAssumeRolePolicy", json!({"PolicyDocument": trust(&json!({"AWS": "*"}))})),
        (
            "PutRolePermissionsBoundary",
            json!({"PermissionsBoundary": "arn:aws:iam::aws:policy/ReadOnlyAccess"}),
        ),
    ];
    for (operation, mut request) in closed {
        request["RoleName"] = json!(name);
        root.call("iam", operation, request).refused_with(400, "UnmodifiableEntity", message);
    }
    let longer = json!({"RoleName": name, "MaxSessionDuration": 7200});
    root.call("iam", "UpdateRole", longer).refused_with(
        400,
        "UnmodifiableEntity",
        "AWSServiceRoleForAutoScaling is an AWS service linked role, max session duration cannot be changed.",
    );
    root.call("iam", "UpdateRole", json!({"RoleName": name, "Description": "mine"})).ok();
    let task = root.call("iam", "DeleteServiceLinkedRole", json!({"RoleName": name})).ok();
    let status = root.call("iam", "GetServiceLinkedRoleDeletionStatus", task).ok();
    assert_eq!(status["Status"], json!("SUCCEEDED"));
    let unknown = "task/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling/0";
    for (id, status, code, words) in [
        (unknown, 404, "NoSuchEntity", "Cannot find deletion status for given id."),
        ("not-a-task", 400, "InvalidInput", "Invalid task id"),
    ] {
        let asked = json!({"DeletionTaskId": id});
        root.call("iam", "GetServiceLinkedRoleDeletionStatus", asked).refused_with(status, code, words);
    }
    root.call("iam", "GetRole", json!({"RoleName": name})).refused(404, "NoSuchEntity");
    role(&root, "plain", &json!({"Service": "ec2.amazonaws.com"}));
    root.call("iam", "DeleteServiceLinkedRole", json!({"RoleName": "plain"})).refused(404, "NoSuchEntity");
}
