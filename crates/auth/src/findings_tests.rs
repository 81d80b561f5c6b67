//! Findings by exact code; messages, links and places where AWS's own output is known.

use super::*;

const IDENTITY: PolicyType = PolicyType::Identity;
const RESOURCE: PolicyType = PolicyType::Resource;
const TRUST: Option<&str> = Some("AWS::IAM::AssumeRolePolicyDocument");

fn codes(text: &str, kind: PolicyType, resource_type: Option<&str>) -> Vec<&'static str> {
    validate(text, kind, resource_type).into_iter().map(|f| f.issue_code).collect()
}

/// A policy of one statement with these members.
fn policy(statement: &str) -> String {
    format!(r#"{{"Version":"2012-10-17","Statement":[{{{statement}}}]}}"#)
}

fn details(statement: &str) -> Vec<String> {
    validate(&policy(statement), IDENTITY, None).into_iter().map(|f| f.details).collect()
}

/// The example of `aws accessanalyzer validate-policy help`, whose output AWS prints. The last value is two characters
/// longer than AWS shows it, as it was when the positions were printed.
#[test]
fn the_example_of_the_command_line_reference() {
    let text = r#"{
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "",
            "Effect": "Allow",
            "Principal": {
                "Federated": "cognito-identity.amazonaws.com"
            },
            "Action": [
                "sts:AssumeRole",
                "sts:TagSession"
            ],
            "Condition": {
                "StringEquals": {
                    "cognito-identity.amazonaws.com:aud": "us-west-2_EXAMPLE12"
                }
            }
        }
    ]
}
"#;
    let findings = validate(text, RESOURCE, None);
    let found: Vec<_> = findings.iter().map(|f| (f.finding_type.name(), f.issue_code)).collect();
    assert_eq!(
        found,
        [
            ("SUGGESTION", "EMPTY_SID_VALUE"),
            ("ERROR", "MISMATCHED_ACTION_FOR_PRINCIPAL"),
            ("ERROR", "UNSUPPORTED_ACTION_FOR_CONDITION_KEY"),
        ]
    );
    assert_eq!(findings[0].details, "Add a value to the empty string in the Sid element.");
    assert_eq!(
        findings[0].learn_more_link,
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-reference-policy-checks.html#access-analyzer-reference-policy-checks-suggestion-empty-sid-value"
    );
    assert_eq!(
        findings[0].locations,
        [Location {
            path: vec![
                PathElement::Value("Statement".to_owned()),
                PathElement::Index(0),
                PathElement::Value("Sid".to_owned())
            ],
            start: Position { line: 5, column: 19, offset: 79 },
            end: Position { line: 5, column: 21, offset: 81 },
        }]
    );
    assert_eq!(
        findings[1].details,
        "The sts:AssumeRole action is invalid with the following principal(s): cognito-identity.amazonaws.com. Use a SAML provider principal with the sts:AssumeRoleWithSAML action or use an OIDC provider principal with the sts:AssumeRoleWithWebIdentity action. Ensure the provider is Federated if you use either of the two options."
    );
    let at = |l: &Location| (l.start, l.end);
    let position = |line, column, offset| Position { line, column, offset };
    assert_eq!(at(&findings[1].locations[0]), (position(11, 16, 258), position(11, 32, 274)));
    assert_eq!(at(&findings[1].locations[1]), (position(8, 29, 170), position(8, 61, 202)));
    assert_eq!(
        findings[2].details,
        "The following actions: sts:TagSession are not supported by the condition key cognito-identity.amazonaws.com:aud. The condition will not be evaluated for these actions. We recommend that you move these actions to a different statement without this condition key."
    );
    assert_eq!(at(&findings[2].locations[0]), (position(12, 16, 292), position(12, 32, 308)));
    assert_eq!(at(&findings[2].locations[1]), (position(16, 58, 443), position(16, 79, 464)));
}

#[test]
fn messages_recorded_from_aws() {
    for (action, expected) in [
        (
            "s3:ListBuckets",
            "The action s3:ListBuckets does not exist. Did you mean s3:ListAllMyBuckets? The API called ListBuckets authorizes against the IAM action s3:ListAllMyBuckets.",
        ),
        ("sqs:DeleteMessageBatch", "The action sqs:DeleteMessageBatch does not exist."),
        ("DOES_NOT_EXIST:*", "The service DOES_NOT_EXIST:* specified in the action does not exist."),
        ("iam:CreateUsr", "The action iam:CreateUsr does not exist. Did you mean iam:CreateUser?"),
        ("iam:Nothing*", "The action iam:Nothing* does not exist."),
    ] {
        let statement = format!(r#""Effect":"Allow","Action":"{action}","Resource":"*""#);
        assert_eq!(details(&statement), [expected], "{action}");
    }
}

#[test]
fn good_policies_have_no_findings() {
    for statement in [
        r#""Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::bucket/*""#,
        r#""Effect":"Allow","Action":["ec2:Describe*","s3:Get?bject"],"Resource":"*""#,
        r#""Effect":"Deny","Action":"*","Resource":"*""#,
        r#""Effect":"Allow","Action":"iam:PassRole","Resource":"*","Condition":{"StringEquals":{"iam:PassedToService":"ec2.amazonaws.com"}}"#,
        r#""Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::${aws:username}","Condition":{"StringLike":{"s3:prefix":["a/*"]}}"#,
        r#""Effect":"Allow","Action":"sqs:SendMessage","Resource":"arn:aws:sqs:eu-west-1:123456789012:queue","Condition":{"Bool":{"aws:SecureTransport":"true"},"IpAddress":{"aws:SourceIp":"203.0.113.0/24"},"DateLessThan":{"aws:CurrentTime":"2030-01-01"}}"#,
        r#""Effect":"Allow","Action":"ec2:RunInstances","Resource":"*","Condition":{"ForAllValues:StringEquals":{"aws:TagKeys":["a"]},"StringEquals":{"aws:RequestTag/a":"b"}}"#,
        r#""Effect":"Allow","Action":"dynamodb:GetItem","Resource":["arn:aws:dynamodb:*:*:table/t","arn:aws:dynamodb:us-east-1:123456789012:table/t/index/*"]"#,
    ] {
        assert_eq!(codes(&policy(statement), IDENTITY, None), Vec::<&str>::new(), "{statement}");
    }
}

#[test]
fn whole_documents() {
    for (text, expected) in [
        ("{", vec!["JSON_SYNTAX_ERROR"]),
        ("[]", vec!["DATA_TYPE_MISMATCH"]),
        ("{}", vec!["MISSING_VERSION", "MISSING_STATEMENT"]),
        (r#"{"Version":"2012-10-17","Statement":[]}"#, vec!["MISSING_STATEMENT"]),
        (
            r#"{"Version":"2020-01-01","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}"#,
            vec!["INVALID_VERSION"],
        ),
        (
            r#"{"Version":"2012-10-17","Foo":1,"Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}"#,
            vec!["INVALID_POLICY_ELEMENT"],
        ),
        (
            r#"{"Version":"2008-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::${aws:username}"}}"#,
            vec!["VARIABLE_UNSUPPORTED_IN_VERSION"],
        ),
        (
            r#"{"Version":"2012-10-17","Statement":[{"Sid":"A","Effect":"Deny","Action":"*","Resource":"*"},{"Sid":"A","Effect":"Deny","Action":["*"],"Resource":"*"}]}"#,
            vec!["REDUNDANT_STATEMENT", "UNIQUE_SIDS_REQUIRED"],
        ),
    ] {
        assert_eq!(codes(text, IDENTITY, None), expected, "{text}");
    }
    let syntax = &validate("{\n \"a\" 1}", IDENTITY, None)[0];
    assert_eq!(syntax.details, "Fix the JSON syntax error at index 7 line 2 column 5.");
}

#[test]
fn statements_of_identity_policies() {
    for (statement, expected) in [
        (r#""Action":"*","Resource":"*""#, vec!["MISSING_EFFECT"]),
        (r#""Effect":"allow","Action":"*","Resource":"*""#, vec!["INVALID_EFFECT"]),
        (r#""Effect":"Deny","Resource":"*""#, vec!["MISSING_ACTION"]),
        (r#""Effect":"Deny","Action":"*""#, vec!["MISSING_RESOURCE"]),
        (r#""Effect":"Deny","Action":[],"Resource":[]"#, vec!["EMPTY_ARRAY_ACTION", "EMPTY_ARRAY_RESOURCE"]),
        (r#""Effect":"Deny","Action":1,"Resource":"*""#, vec!["DATA_TYPE_MISMATCH"]),
        (
            r#""Effect":"Deny","Action":"*","NotAction":"iam:*","Resource":"*""#,
            vec!["UNSUPPORTED_ELEMENT_COMBINATION"],
        ),
        (r#""Effect":"Deny","Action":"*","Resource":"*","Principal":"*""#, vec!["UNSUPPORTED_PRINCIPAL"]),
        (r#""Sid":"a b","Effect":"Deny","Action":"*","Resource":"*""#, vec!["UNSUPPORTED_SID"]),
        (r#""Effect":"Deny","Action":"s*:Get*","Resource":"*""#, vec!["WILDCARD_IN_SERVICE_NAME"]),
        (
            r#""Effect":"Deny","Action":["iam:Get*","iam:GetUser","IAM:GETUSER"],"Resource":"*""#,
            vec!["REDUNDANT_ACTION"],
        ),
        (
            r#""Effect":"Deny","Action":"s3:${aws:username}","Resource":"*""#,
            vec!["VARIABLE_UNSUPPORTED_IN_ELEMENT"],
        ),
        (
            r#""Effect":"Allow","Action":"iam:PassRole","Resource":"*""#,
            vec!["PASS_ROLE_WITH_STAR_IN_RESOURCE"],
        ),
        (
            r#""Effect":"Allow","Action":"iam:PassRole","Resource":"arn:aws:iam::123456789012:role/*""#,
            vec!["PASS_ROLE_WITH_STAR_IN_RESOURCE"],
        ),
        (
            r#""Effect":"Allow","Action":"iam:PassRole","Resource":"arn:aws:iam::123456789012:role/app""#,
            vec![],
        ),
        (
            r#""Effect":"Allow","Action":"iam:Pass*","Resource":"*""#,
            vec!["PASS_ROLE_WITH_STAR_IN_ACTION_AND_RESOURCE"],
        ),
        (
            r#""Effect":"Allow","Action":"*","Resource":"*""#,
            vec!["PASS_ROLE_WITH_STAR_IN_ACTION_AND_RESOURCE", "CREATE_SLR_WITH_STAR_IN_ACTION_AND_RESOURCE"],
        ),
        (
            r#""Effect":"Allow","NotAction":"s3:*","Resource":"*""#,
            vec![
                "PASS_ROLE_WITH_STAR_IN_RESOURCE_AND_NOT_ACTION",
                "CREATE_SLR_WITH_STAR_IN_RESOURCE_AND_NOT_ACTION",
            ],
        ),
        (r#""Effect":"Allow","NotAction":"iam:*","Resource":"*""#, vec![]),
        (
            r#""Effect":"Allow","Action":"iam:CreateServiceLinkedRole","NotResource":"arn:aws:iam::123456789012:role/a""#,
            vec!["CREATE_SLR_WITH_NOT_RESOURCE"],
        ),
    ] {
        assert_eq!(codes(&policy(statement), IDENTITY, None), expected, "{statement}");
    }
    assert_eq!(
        details(r#""Effect":"Deny","Action":["iam:Get*","iam:GetUser","iam:GetRole"],"Resource":"*""#),
        [
            "The 2 action(s) are redundant because they provide similar permissions. Update the policy to remove the redundant action such as: iam:GetUser."
        ]
    );
}

#[test]
fn resources() {
    for (resource, expected) in [
        ("bucket", vec!["INVALID_ARN_PREFIX"]),
        ("arn:aws:s3", vec!["MISSING_ARN_FIELD"]),
        ("arn:aws:*:::a", vec!["WILDCARD_IN_SERVICE_NAME"]),
        ("arn:aws:S3:::a", vec!["INVALID_ARN_SERVICE_CASE"]),
        ("arn:aws:nothing:::a", vec!["INVALID_SERVICE"]),
        ("arn:mars:s3:::a", vec!["INVALID_PARTITION"]),
        ("arn:aws:s3::123456789012:a", vec!["ARN_ACCOUNT_NOT_ALLOWED"]),
        ("arn:aws:s3:eu-west-1::a", vec!["ARN_REGION_NOT_ALLOWED"]),
        ("arn:aws:sqs::123456789012:q", vec!["MISSING_ARN_REGION"]),
        ("arn:aws:sqs:eu-west-1::q", vec!["MISSING_ARN_ACCOUNT"]),
        ("arn:aws:ssm:eu-west-1::document/AWS-RunShellScript", vec![]),
        ("arn:aws:sqs:eu-west-1:1234:q", vec!["INVALID_ARN_ACCOUNT"]),
        ("arn:aws:sqs:nowhere:123456789012:q", vec!["INVALID_ARN_REGION"]),
        ("arn:aws:iam::123456789012:nothing/a", vec!["INVALID_ARN_RESOURCE"]),
        ("arn:aws:iam::123456789012:us*", vec![]),
        ("arn:aws:iam::aws:policy/AdministratorAccess", vec![]),
        ("arn:aws:ec2:*:*:*/*", vec![]),
        ("arn:aws:s3:::${aws:username", vec!["MISSING_BRACE_IN_VARIABLE"]),
        ("arn:aws:s3:::${}", vec!["EMPTY_VARIABLE"]),
        ("arn:aws:s3:::${aws: username}", vec!["UNSUPPORTED_SPACE_IN_VARIABLE"]),
        ("arn:aws:s3:::${aws:PrincipalTag/team, 'a'}", vec![]),
        ("arn:aws:s3:::${aws:PrincipalTag/team, a}", vec!["MISSING_QUOTE_IN_VARIABLE"]),
    ] {
        let statement = format!(r#""Effect":"Deny","Action":"*","Resource":"{resource}""#);
        assert_eq!(codes(&policy(&statement), IDENTITY, None), expected, "{resource}");
    }
    assert_eq!(
        details(
            r#""Effect":"Deny","Action":"*","Resource":["arn:aws:iam::111122223333:role/jane-admin","arn:aws:iam::111122223333:role/jane-s3only","arn:aws:iam::111122223333:role/jane*"]"#
        ),
        [
            "The 2 resource ARN(s) are redundant because they reference the same resource. Review the use of wildcards (*)"
        ]
    );
}

#[test]
fn conditions() {
    for (condition, expected) in [
        (r#"{}"#, vec!["EMPTY_OBJECT_CONDITION"]),
        (r#"[]"#, vec!["DATA_TYPE_MISMATCH"]),
        (r#"{"StringIs":{"aws:username":"a"}}"#, vec!["INVALID_CONDITION_OPERATOR"]),
        (r#"{"StringEquals":{"username":"a"}}"#, vec!["INVALID_CONDITION_KEY_FORMAT"]),
        (r#"{"StringEquals":{"aws:nothing":"a"}}"#, vec!["INVALID_GLOBAL_CONDITION_KEY"]),
        (r#"{"StringEquals":{"s3:nothing":"a"}}"#, vec!["INVALID_SERVICE_CONDITION_KEY"]),
        (r#"{"StringEquals":{"nothing:key":"a"}}"#, vec!["INVALID_SERVICE"]),
        (r#"{"StringEquals":{"aws:ARN":"a"}}"#, vec!["UNSUPPORTED_GLOBAL_CONDITION_KEY"]),
        (r#"{"StringEquals":{"aws:ResourceTag":"a"}}"#, vec!["MISSING_TAG_KEY_IN_CONDITION"]),
        (
            r#"{"StringEquals":{"aws:username":"a","aws:UserName":"b"}}"#,
            vec!["DUPLICATE_KEYS_WITH_DIFFERENT_CASE"],
        ),
        (r#"{"StringEquals":{"aws:username":[]}}"#, vec!["EMPTY_ARRAY_CONDITION"]),
        (r#"{"StringEqualsIfExists":{"aws:username":[]}}"#, vec!["EMPTY_ARRAY_CONDITION_IFEXISTS"]),
        (r#"{"ForAnyValue:StringEquals":{"aws:TagKeys":[]}}"#, vec!["EMPTY_ARRAY_CONDITION_FORANYVALUE"]),
        (r#"{"ForAllValues:StringEquals":{"aws:TagKeys":[]}}"#, vec!["EMPTY_ARRAY_CONDITION_FORALLVALUES"]),
        (r#"{"StringEquals":{"aws:TagKeys":"a"}}"#, vec!["MISSING_QUALIFIER"]),
        (
            r#"{"ForAllValues:StringEquals":{"aws:username":"a"}}"#,
            vec!["FORALLVALUES_WITH_SINGLE_VALUED_KEY"],
        ),
        (r#"{"StringEquals":{"aws:username":"a*"}}"#, vec!["WILDCARD_WITHOUT_LIKE_OPERATOR"]),
        (r#"{"StringEquals":{"aws:username":["a",1]}}"#, vec!["INVALID_CONDITION_DATA_TYPE"]),
        (r#"{"Bool":{"aws:SecureTransport":["true","false"]}}"#, vec!["INVALID_CONDITION_MULTIPLE_BOOLEAN"]),
        (r#"{"Bool":{"aws:SecureTransport":"yes"}}"#, vec!["TYPE_MISMATCH_BOOLEAN"]),
        (r#"{"NumericLessThan":{"aws:MultiFactorAuthAge":"x"}}"#, vec!["TYPE_MISMATCH_NUMBER"]),
        (r#"{"DateLessThan":{"aws:CurrentTime":"soon"}}"#, vec!["TYPE_MISMATCH_DATE"]),
        (r#"{"DateLessThan":{"aws:CurrentTime":"1700000000"}}"#, vec!["INVALID_DATE_VALUE"]),
        (r#"{"StringEquals":{"aws:SecureTransport":"true"}}"#, vec!["TYPE_MISMATCH"]),
        (
            r#"{"StringLike":{"aws:SourceArn":"arn:aws:s3:::a"}}"#,
            vec!["STRING_LIKE_OPERATOR_WITH_ARN_CONDITION_KEYS"],
        ),
        (r#"{"NullIfExists":{"aws:username":"true"}}"#, vec!["NULL_WITH_IF_EXISTS"]),
        (r#"{"ForAnyValue:Null":{"aws:TagKeys":"true"}}"#, vec!["NULL_WITH_QUALIFIER"]),
        (r#"{"IpAddress":{"aws:SourceIp":"300.0.0.0/8"}}"#, vec!["TYPE_MISMATCH_IP_RANGE"]),
        (r#"{"IpAddress":{"aws:SourceIp":"203.0.113.7/24"}}"#, vec!["IMPROVE_IP_RANGE"]),
        (r#"{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}"#, vec!["PRIVATE_IP_ADDRESS"]),
        (r#"{"NotIpAddress":{"aws:SourceIp":"10.0.0.0/8"}}"#, vec!["PRIVATE_NOT_IP_ADDRESS"]),
        (
            r#"{"IpAddress":{"aws:SourceIp":["10.0.0.0/8","203.0.113.0/24"]}}"#,
            vec!["PRIVATE_IP_ADDRESS_SUBSET"],
        ),
        (
            r#"{"NotIpAddress":{"aws:SourceIp":["10.0.0.0/8","203.0.113.0/24"]}}"#,
            vec!["PRIVATE_NOT_IP_ADDRESS_SUBSET"],
        ),
        (r#"{"StringEquals":{"aws:SourceVpc":"vpc-1"}}"#, vec!["INVALID_VPC_FORMAT"]),
        (r#"{"StringEquals":{"aws:SourceVpce":"vpce-12345678"}}"#, vec![]),
        (
            r#"{"NumericEquals":{"aws:MultiFactorAuthAge":"${aws:username}"}}"#,
            vec!["INVALID_VARIABLE_FOR_OPERATOR"],
        ),
        (r#"{"StringLike":{"s3:prefix":"a"}}"#, vec!["UNSUPPORTED_ACTION_FOR_CONDITION_KEY"]),
    ] {
        let statement =
            format!(r#""Effect":"Allow","Action":"sqs:SendMessage","Resource":"*","Condition":{condition}"#);
        assert_eq!(codes(&policy(&statement), IDENTITY, None), expected, "{condition}");
    }
    assert_eq!(
        details(
            r#""Effect":"Deny","Action":"*","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"203.0.113.7/24"}}"#
        ),
        [
            "The non-zero bits in the IP address after the masked bits are ignored. Replace address with 203.0.113.0/24."
        ]
    );
}

#[test]
fn principals_of_resource_policies() {
    let base = r#""Effect":"Allow","Action":"sqs:SendMessage","Resource":"*""#;
    for (principal, expected) in [
        ("", vec!["MISSING_PRINCIPAL"]),
        (r#","Principal":"*""#, vec![]),
        (r#","Principal":"123456789012""#, vec!["INVALID_PRINCIPAL_FORMAT"]),
        (r#","Principal":{}"#, vec!["EMPTY_OBJECT_PRINCIPAL"]),
        (r#","Principal":{"AWS":[]}"#, vec!["EMPTY_ARRAY_PRINCIPAL"]),
        (r#","Principal":{"Aws":"*"}"#, vec!["INVALID_PRINCIPAL_KEY"]),
        (
            r#","Principal":{"AWS":"arn:aws:iam::123456789012:user/*"}"#,
            vec!["UNSUPPORTED_WILDCARD_IN_PRINCIPAL"],
        ),
        (r#","Principal":{"AWS":"AROAEXAMPLEEXAMPLE123"}"#, vec!["INVALID_ROLE_REFERENCE"]),
        (r#","Principal":{"AWS":"AIDAEXAMPLEEXAMPLE123"}"#, vec!["INVALID_USER_REFERENCE"]),
        (r#","Principal":{"Federated":"accounts.google.com"}"#, vec!["FEDERATED_PRINCIPAL_NOT_SUPPORTED"]),
        (r#","Principal":{"Service":"sns.amazonaws.com"}"#, vec!["RESTRICT_ACCESS_TO_SERVICE_PRINCIPAL"]),
        (
            r#","Principal":{"Service":"sns.amazonaws.com"},"Condition":{"ArnEquals":{"aws:SourceArn":"arn:aws:sns:us-east-1:123456789012:t"}}"#,
            vec![],
        ),
        (r#","NotPrincipal":{"AWS":"123456789012"}"#, vec!["ALLOW_WITH_NOT_PRINCIPAL"]),
    ] {
        let text = policy(&format!("{base}{principal}"));
        assert_eq!(codes(&text, RESOURCE, None), expected, "{principal}");
    }
}

#[test]
fn trust_policies() {
    for (statement, expected) in [
        (r#""Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":"ec2.amazonaws.com"}"#, vec![]),
        (
            r#""Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":"ec2"}"#,
            vec!["INVALID_SERVICE_PRINCIPAL_FORMAT"],
        ),
        (
            r#""Effect":"Allow","Action":"sts:AssumeRole","Resource":"*","Principal":{"Service":"ec2.amazonaws.com"}"#,
            vec!["ROLE_TRUST_POLICY_SYNTAX_ERROR_RESOURCE"],
        ),
        (
            r#""Effect":"Deny","Action":"sts:AssumeRole","NotPrincipal":{"AWS":"123456789012"}"#,
            vec!["ROLE_TRUST_POLICY_SYNTAX_ERROR_NOTPRINCIPAL"],
        ),
        (
            r#""Effect":"Allow","Action":"sts:AssumeRoleWithWebIdentity","Principal":{"Federated":"arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"}"#,
            vec!["MISSING_GITHUB_REPO_CONDITION_KEY"],
        ),
        (
            r#""Effect":"Allow","Action":"sts:AssumeRoleWithWebIdentity","Principal":{"Federated":"accounts.google.com"}"#,
            vec!["MISSING_CONDITION_KEY_FOR_OIDC_PRINCIPAL"],
        ),
        (
            r#""Effect":"Deny","Action":"sts:AssumeRoleWithWebIdentity","Principal":{"Federated":"my provider"}"#,
            vec!["INVALID_FEDERATED_PRINCIPAL_SYNTAX_IN_ROLE_TRUST_POLICY"],
        ),
    ] {
        assert_eq!(codes(&policy(statement), RESOURCE, TRUST), expected, "{statement}");
    }
}

#[test]
fn organization_policies() {
    let statement = r#""Effect":"Deny","Action":"*","Resource":"*","Principal":"*""#;
    assert_eq!(codes(&policy(statement), PolicyType::ServiceControl, None), ["SCP_SYNTAX_ERROR_PRINCIPAL"]);
    assert_eq!(codes(&policy(statement), PolicyType::ResourceControl, None), Vec::<&str>::new());
    let long =
        policy(&format!(r#""Sid":"{}","Effect":"Deny","Action":"*","Resource":"*""#, "a".repeat(5200)));
    assert_eq!(codes(&long, PolicyType::ServiceControl, None), ["POLICY_SIZE_EXCEEDS_SCP_QUOTA"]);
}

#[test]
fn findings_are_limited() {
    let actions = vec![r#""nope""#; 3000].join(",");
    let text = policy(&format!(r#""Effect":"Deny","Action":[{actions}],"Resource":"*""#));
    assert_eq!(validate(&text, PolicyType::Resource, None).len(), FINDINGS_MAX);
}

#[test]
fn patterns_overlap() {
    for (left, right, expected) in [
        ("", "", true),
        ("a", "b", false),
        ("*", "", true),
        ("a*", "*b", true),
        ("role/*", "user/*", false),
        ("us*", "user/*", true),
        ("a?c", "abc", true),
        ("a?", "a", false),
        ("*/*", "a", false),
    ] {
        assert_eq!((overlaps(left, right), overlaps(right, left)), (expected, expected), "{left} {right}");
    }
}
