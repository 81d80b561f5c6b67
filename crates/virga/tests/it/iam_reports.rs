//! Simulations, authorization details, last access.

use crate::harness::Cloud;
use serde_json::{Value, json};

const ACCOUNT: &str = "123456789012";
const READ: &str = r#"{"Version":"2012-10-17","Statement":[
    {"Effect":"Allow","Action":"s3:Get*","Resource":"*"},
    {"Effect":"Deny","Action":"s3:GetObject","Resource":"arn:aws:s3:::secret/*"}]}"#;

fn decision(result: &Value) -> (&str, &str, &str) {
    let text = |name: &str| result[name].as_str().unwrap_or_default();
    (text("EvalActionName"), text("EvalResourceName"), text("EvalDecision"))
}

#[test]
fn custom_policies_are_simulated() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let run = |request: Value| root.call("iam", "SimulateCustomPolicy", request);
    let answer =
        run(json!({"PolicyInputList": [READ], "ActionNames": ["s3:GetObject", "s3:PutObject"]})).ok();
    let results = answer["EvaluationResults"].as_array().unwrap();
    assert_eq!(decision(&results[0]), ("s3:GetObject", "*", "allowed"));
    assert_eq!(decision(&results[1]), ("s3:PutObject", "*", "implicitDeny"));
    assert_eq!(
        results[0]["MatchedStatements"],
        json!([{"SourcePolicyId": "PolicyInputList.1", "SourcePolicyType": "none",
            "StartPosition": {"Line": "2", "Column": "6"}, "EndPosition": {"Line": "2", "Column": "57"}}])
    );
    let objects = ["arn:aws:s3:::open/a", "arn:aws:s3:::secret/a"];
    let answer =
        run(json!({"PolicyInputList": [READ], "ActionNames": ["s3:GetObject"], "ResourceArns": objects}))
            .ok();
    let results = answer["EvaluationResults"].as_array().unwrap();
    assert_eq!(results.len(), 1);
    assert_eq!(
        decision(&results[0]),
        ("s3:GetObject", "arn:${Partition}:s3:::${BucketName}/${ObjectName}", "explicitDeny")
    );
    let each = results[0]["ResourceSpecificResults"].as_array().unwrap();
    let decisions: Vec<_> = each.iter().map(|one| one["EvalResourceDecision"].as_str().unwrap()).collect();
    assert_eq!(decisions, ["allowed", "explicitDeny"]);
    // Conditions: what is missing, and what is given.
    let guarded = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:*","Resource":"*",
        "Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}}}}"#;
    let ask = |entries: Value| {
        let request =
            json!({"PolicyInputList": [guarded], "ActionNames": ["iam:GetUser"], "ContextEntries": entries});
        run(request).ok()["EvaluationResults"][0].clone()
    };
    let silent = ask(json!([]));
    assert_eq!(silent["EvalDecision"], json!("implicitDeny"));
    assert_eq!(silent["MissingContextValues"], json!(["aws:MultiFactorAuthPresent"]));
    let entry = json!([{"ContextKeyName": "aws:MultiFactorAuthPresent", "ContextKeyValues": ["true"], "ContextKeyType": "boolean"}]);
    assert_eq!(ask(entry)["EvalDecision"], json!("allowed"));
    let bounded = run(json!({"PolicyInputList": [READ], "ActionNames": ["s3:GetObject"], "PermissionsBoundaryPolicyInputList": [guarded]})).ok();
    let result = &bounded["EvaluationResults"][0];
    assert_eq!(result["EvalDecision"], json!("implicitDeny"));
    assert_eq!(result["PermissionsBoundaryDecisionDetail"]["AllowedByPermissionsBoundary"], json!("false"));
    let keys =
        root.call("iam", "GetContextKeysForCustomPolicy", json!({"PolicyInputList": [guarded, READ]})).ok();
    assert_eq!(keys["ContextKeyNames"], json!(["aws:MultiFactorAuthPresent"]));
}

#[test]
fn simulations_refuse_what_makes_no_sense() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let cases = [
        (json!({"ActionNames": ["s3get"]}), "Invalid action name: s3get"),
        (json!({"ActionNames": ["s3:Get*"]}), "Invalid action name: s3:Get*"),
        (json!({"ResourceArns": ["bucket"]}), "Invalid resource ARN: bucket"),
        (json!({"PolicyInputList": ["{}"]}), "PolicyInputList.1: Syntax errors in policy."),
        (json!({"ResourcePolicy": READ}), "CallerArn is required if ResourcePolicy is given."),
        (
            json!({"ResourceHandlingOption": "EC2-Classic"}),
            "Invalid value for ResourceHandlingOption: EC2-Classic",
        ),
        (
            json!({"ResourceHandlingOption": "EC2-VPC-EBS"}),
            "ResourceHandlingOption EC2-VPC-EBS requires a resource of type instance.",
        ),
    ];
    for (more, message) in cases {
        let mut request = json!({"PolicyInputList": [READ], "ActionNames": ["s3:GetObject"]});
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        root.call("iam", "SimulateCustomPolicy", request).refused_with(400, "InvalidInput", message);
    }
}

#[test]
fn principals_are_simulated_with_all_that_they_have() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let eva = "arn:aws:iam::123456789012:user/eva";
    root.call("iam", "CreateUser", json!({"UserName": "eva"})).ok();
    root.call("iam", "CreateGroup", json!({"GroupName": "g"})).ok();
    root.call("iam", "AddUserToGroup", json!({"GroupName": "g", "UserName": "eva"})).ok();
    root.call(
        "iam",
        "PutGroupPolicy",
        json!({"GroupName": "g", "PolicyName": "read", "PolicyDocument": READ}),
    )
    .ok();
    let list_only = "arn:aws:iam::aws:policy/IAMReadOnlyAccess";
    root.call("iam", "AttachUserPolicy", json!({"UserName": "eva", "PolicyArn": list_only})).ok();
    let run = |more: Value| {
        let mut request =
            json!({"PolicySourceArn": eva, "ActionNames": ["s3:GetObject", "iam:GetUser", "iam:CreateUser"]});
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let answer = root.call("iam", "SimulatePrincipalPolicy", request).ok();
        let results = answer["EvaluationResults"].as_array().unwrap().clone();
        let decisions: Vec<String> = results.iter().map(|r| decision(r).2.to_owned()).collect();
        (decisions, results)
    };
    let (decisions, results) = run(json!({}));
    assert_eq!(decisions, ["allowed", "allowed", "implicitDeny"]);
    assert_eq!(results[0]["MatchedStatements"][0]["SourcePolicyType"], json!("group"));
    assert_eq!(results[1]["MatchedStatements"][0]["SourcePolicyId"], json!("IAMReadOnlyAccess"));
    assert_eq!(results[1]["MatchedStatements"][0]["SourcePolicyType"], json!("aws-managed"));
    let (decisions, _) = run(json!({"PolicyExclusionList": [{"PolicyType": "inline"}]}));
    assert_eq!(decisions, ["implicitDeny", "allowed", "implicitDeny"]);
    root.call(
        "iam",
        "PutUserPermissionsBoundary",
        json!({"UserName": "eva", "PermissionsBoundary": list_only}),
    )
    .ok();
    let (decisions, results) = run(json!({}));
    assert_eq!(decisions, ["implicitDeny", "allowed", "implicitDeny"]);
    assert_eq!(
        results[0]["PermissionsBoundaryDecisionDetail"]["AllowedByPermissionsBoundary"],
        json!("false")
    );
    root.call(
        "iam",
        "SimulatePrincipalPolicy",
        json!({"PolicySourceArn": "arn:aws:iam::123456789012:user/none", "ActionNames": ["s3:GetObject"]}),
    )
    .refused(404, "NoSuchEntity");
    let keys = root.call("iam", "GetContextKeysForPrincipalPolicy", json!({"PolicySourceArn": eva})).ok();
    assert_eq!(keys["ContextKeyNames"], json!(""));
}

#[test]
fn a_resource_policy_across_accounts() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let bucket = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:user/eva"},
        "Action":"s3:GetObject","Resource":"arn:aws:s3:::open/*"}}"#;
    let ask = |owner: &str, policy: &str| {
        let request = json!({
            "PolicyInputList": [policy], "ActionNames": ["s3:GetObject"], "ResourceArns": ["arn:aws:s3:::open/a"],
            "ResourcePolicy": bucket, "CallerArn": "arn:aws:iam::123456789012:user/eva", "ResourceOwner": owner,
        });
        let result = root.call("iam", "SimulateCustomPolicy", request).ok()["EvaluationResults"][0].clone();
        (result["ResourceSpecificResults"][0].clone(), result["EvalDecisionDetails"].clone())
    };
    let nothing = READ.replace("s3:Get*", "sqs:*");
    let (within, details) = ask(ACCOUNT, &nothing);
    assert_eq!(within["EvalResourceDecision"], json!("allowed"));
    assert_eq!((&within["EvalDecisionDetails"], details), (&Value::Null, json!("")), "present and empty");
    let (across, details) = ask("arn:aws:iam::999999999999:root", &nothing);
    assert_eq!(across["EvalResourceDecision"], json!("implicitDeny"));
    assert_eq!(across["EvalDecisionDetails"], details);
    let sides = |identity: &str| json!([{"key": "IAM Policy", "value": identity}, {"key": "Resource Policy", "value": "allowed"}]);
    assert_eq!(details, sides("implicitDeny"));
    let (across, details) = ask("999999999999", READ);
    assert_eq!(across["EvalResourceDecision"], json!("allowed"));
    assert_eq!(details, sides("allowed"));
}

#[test]
fn an_account_in_full() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let read = "arn:aws:iam::aws:policy/ReadOnlyAccess";
    let own = "arn:aws:iam::123456789012:policy/own";
    let trust = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}}"#;
    root.call("iam", "CreatePolicy", json!({"PolicyName": "own", "PolicyDocument": READ})).ok();
    root.call("iam", "CreateUser", json!({"UserName": "eva", "PermissionsBoundary": own})).ok();
    root.call("iam", "CreateGroup", json!({"GroupName": "g"})).ok();
    root.call("iam", "CreateRole", json!({"RoleName": "r", "AssumeRolePolicyDocument": trust})).ok();
    root.call("iam", "AttachRolePolicy", json!({"RoleName": "r", "PolicyArn": read})).ok();
    root.call("iam", "PutRolePolicy", json!({"RoleName": "r", "PolicyName": "p", "PolicyDocument": READ}))
        .ok();
    root.call("iam", "CreateInstanceProfile", json!({"InstanceProfileName": "ip"})).ok();
    root.call("iam", "AddRoleToInstanceProfile", json!({"InstanceProfileName": "ip", "RoleName": "r"})).ok();
    let get = |request: Value| root.call("iam", "GetAccountAuthorizationDetails", request).ok();
    let all = get(json!({}));
    assert_eq!(all["UserDetailList"][0]["PermissionsBoundary"]["PermissionsBoundaryArn"], json!(own));
    assert_eq!(all["GroupDetailList"][0]["GroupName"], json!("g"));
    let role = &all["RoleDetailList"][0];
    assert_eq!(role["InstanceProfileList"][0]["InstanceProfileName"], json!("ip"));
    assert_eq!(role["AttachedManagedPolicies"][0]["PolicyArn"], json!(read));
    assert_eq!(role["RolePolicyList"][0]["PolicyName"], json!("p"));
    let policies: Vec<_> = all["Policies"].as_array().unwrap().iter().map(|p| p["Arn"].clone()).collect();
    assert_eq!(policies, [json!(own), json!(read)]);
    assert_eq!(all["Policies"][0]["PolicyVersionList"][0]["VersionId"], json!("v1"));
    let roles = get(json!({"Filter": ["Role"]}));
    assert_eq!(
        (&roles["UserDetailList"], roles["RoleDetailList"].as_array().map(Vec::len)),
        (&json!(""), Some(1))
    );
    let first = get(json!({"MaxItems": 2}));
    assert_eq!((&first["IsTruncated"], &first["RoleDetailList"]), (&json!("true"), &json!("")));
    let rest = get(json!({"Marker": first["Marker"]}));
    assert_eq!((&rest["IsTruncated"], &rest["UserDetailList"]), (&json!("false"), &json!("")));
    assert_eq!(rest["RoleDetailList"][0]["RoleName"], json!("r"));
}

#[test]
fn last_access_comes_from_the_trail() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    let policy = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["iam:List*","sqs:SendMessage"],"Resource":"*"}}"#;
    let eva = cloud.user(&root, "eva", policy);
    let arn = "arn:aws:iam::123456789012:user/eva";
    let granting = root
        .call(
            "iam",
            "ListPoliciesGrantingServiceAccess",
            json!({"Arn": arn, "ServiceNamespaces": ["iam", "s3"]}),
        )
        .ok();
    assert_eq!(
        granting["PoliciesGrantingServiceAccess"],
        json!([
            {"ServiceNamespace": "iam", "Policies": [{"PolicyName": "inline", "PolicyType": "INLINE", "EntityType": "USER", "EntityName": "eva"}]},
            {"ServiceNamespace": "s3", "Policies": ""},
        ])
    );
    eva.call("iam", "ListUsers", json!({})).ok();
    cloud.advance(std::time::Duration::from_secs(60));
    eva.call("iam", "ListRoles", json!({})).ok();
    let job = root
        .call("iam", "GenerateServiceLastAccessedDetails", json!({"Arn": arn, "Granularity": "ACTION_LEVEL"}))
        .ok();
    let details = root.call("iam", "GetServiceLastAccessedDetails", job.clone()).ok();
    assert_eq!((&details["JobStatus"], &details["JobType"]), (&json!("COMPLETED"), &json!("ACTION_LEVEL")));
    let services = details["ServicesLastAccessed"].as_array().unwrap();
    let names: Vec<_> = services.iter().map(|s| s["ServiceNamespace"].as_str().unwrap()).collect();
    assert_eq!(names, ["iam", "sqs"]);
    assert_eq!(services[0]["LastAuthenticated"], json!("2026-01-15T12:01:00Z"));
    assert_eq!(services[0]["LastAuthenticatedEntity"], json!(arn));
    assert_eq!(services[0]["TotalAuthenticatedEntities"], json!("1"));
    let actions = services[0]["TrackedActionsLastAccessed"].as_array().unwrap();
    let used: Vec<_> = actions
        .iter()
        .map(|a| (a["ActionName"].as_str().unwrap(), a["LastAccessedTime"].as_str().unwrap()))
        .collect();
    assert_eq!(used, [("ListRoles", "2026-01-15T12:01:00Z"), ("ListUsers", "2026-01-15T12:00:00Z")]);
    assert_eq!(
        (&services[1]["TotalAuthenticatedEntities"], services[1].get("LastAuthenticated")),
        (&json!("0"), None)
    );
    let mut of = job.clone();
    of["ServiceNamespace"] = json!("iam");
    let entities = root.call("iam", "GetServiceLastAccessedDetailsWithEntities", of).ok();
    assert_eq!(entities["EntityDetailsList"][0]["EntityInfo"]["Name"], json!("eva"));
    // A report is for the one who asked.
    let admin = cloud.user(
        &root,
        "admin",
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#,
    );
    admin.call("iam", "GetServiceLastAccessedDetails", job.clone()).refused(404, "NoSuchEntity");
    // A group's report is of its members, and old reports are forgotten.
    root.call("iam", "CreateGroup", json!({"GroupName": "g"})).ok();
    root.call("iam", "AddUserToGroup", json!({"GroupName": "g", "UserName": "eva"})).ok();
    root.call(
        "iam",
        "PutGroupPolicy",
        json!({"GroupName": "g", "PolicyName": "p", "PolicyDocument": policy}),
    )
    .ok();
    cloud.advance(std::time::Duration::from_secs(8 * 86_400));
    let group = json!({"Arn": "arn:aws:iam::123456789012:group/g"});
    let second = root.call("iam", "GenerateServiceLastAccessedDetails", group).ok();
    let details = root.call("iam", "GetServiceLastAccessedDetails", second).ok();
    assert_eq!(details["ServicesLastAccessed"][0]["LastAuthenticatedEntity"], json!(arn));
    root.call("iam", "GetServiceLastAccessedDetails", job).refused(404, "NoSuchEntity");
}
