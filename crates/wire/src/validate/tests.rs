//! Violations in the words of each service.

use super::{Constraint, check, is_understood, violations_fault};
use crate::catalog;
use crate::input::parse;
use crate::model::Kind;
use crate::{Fault, Head, route};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};

/// The fault of a request's violations, as `code: message`; empty where there is none.
fn fault(line: &str, list: &[(&str, &str)], body: &str) -> String {
    let pair = |(n, v): &(&str, &str)| (HeaderName::try_from(*n).unwrap(), HeaderValue::from_str(v).unwrap());
    let headers: HeaderMap = list.iter().map(pair).collect();
    let (method, target) = line.split_once(' ').unwrap();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let head = Head { method, path, query, headers: &headers };
    let route = route::route(&head, body.as_bytes()).unwrap();
    let parsed = parse(&route, &head, Bytes::copy_from_slice(body.as_bytes())).unwrap();
    if parsed.violations.is_empty() {
        return String::new();
    }
    let Fault { status, code, message, .. } =
        violations_fault(route.service, &parsed.violations, &parsed.value);
    assert_eq!(status, 400);
    format!("{code}: {message}")
}

fn json(target: &str, body: &str) -> String {
    fault("POST /", &[("x-amz-target", target), ("content-type", "application/x-amz-json-1.1")], body)
}

fn signed(service: &str, line: &str, body: &str) -> String {
    let credential = format!("AWS4-HMAC-SHA256 Credential=A/20260101/us-east-1/{service}/aws4_request, x");
    let form = ("content-type", "application/x-www-form-urlencoded");
    let headers = [("authorization", &*credential), form];
    fault(line, &headers[..if line == "POST /" { 2 } else { 1 }], body)
}

#[test]
fn json_services_quote_the_value() {
    let table = [
        ("TrentService.DescribeKey", r#"{"KeyId":"x"}"#, ""),
        (
            "TrentService.DescribeKey",
            "{}",
            "ValidationException: 1 validation error detected: Value null at 'keyId' failed to satisfy constraint: Member must not be null",
        ),
        (
            "TrentService.CreateAlias",
            r#"{"AliasName":"a b"}"#,
            "ValidationException: 2 validation errors detected: Value 'a b' at 'aliasName' failed to satisfy constraint: \
             Member must satisfy regular expression pattern: ^[a-zA-Z0-9:/_-]+$; Value null at 'targetKeyId' failed to \
             satisfy constraint: Member must not be null",
        ),
        (
            "TrentService.ListKeys",
            r#"{"Limit":1001}"#,
            "ValidationException: 1 validation error detected: Value '1001' at 'limit' failed to satisfy constraint: \
             Member must have value less than or equal to 1000",
        ),
        (
            "TrentService.UntagResource",
            r#"{"KeyId":"x","TagKeys":["a",""]}"#,
            "ValidationException: 1 validation error detected: Value '[a, ]' at 'tagKeys' failed to satisfy constraint: \
             Member must satisfy constraint: [Member must have length less than or equal to 128, Member must have length \
             greater than or equal to 1]",
        ),
        (
            "TrentService.TagResource",
            r#"{"KeyId":"x","Tags":[{"TagKey":"k","TagValue":""},{"TagKey":"","TagValue":""}]}"#,
            "ValidationException: 1 validation error detected: Value '' at 'tags.2.member.tagKey' failed to satisfy \
             constraint: Member must have length greater than or equal to 1",
        ),
        (
            "TrentService.CreateKey",
            r#"{"KeyUsage":"NOTHING"}"#,
            "ValidationException: 1 validation error detected: Value 'NOTHING' at 'keyUsage' failed to satisfy constraint: \
             Member must satisfy enum value set: [SIGN_VERIFY, ENCRYPT_DECRYPT, GENERATE_VERIFY_MAC, KEY_AGREEMENT, ENCAPSULATE_DECAPSULATE]",
        ),
        (
            "Logs_20140328.CreateLogGroup",
            r#"{"logGroupName":"a b"}"#,
            "InvalidParameterException: 1 validation error detected: Value 'a b' at 'logGroupName' failed to satisfy \
             constraint: Member must satisfy regular expression pattern: [\\.\\-_/#A-Za-z0-9]+",
        ),
        (
            "AmazonSQS.SendMessage",
            r#"{"MessageBody":"x"}"#,
            "MissingParameter: The request must contain the parameter QueueUrl.",
        ),
        (
            "TrentService.UntagResource",
            r#"{"KeyId":"x","TagKeys":["a",null]}"#,
            "ValidationException: 1 validation error detected: Value null at 'tagKeys.2.member' failed to satisfy \
             constraint: Member must not be null",
        ),
        // Sensitive values are not repeated.
        (
            "secretsmanager.PutSecretValue",
            r#"{"SecretId":"s","SecretString":""}"#,
            "ValidationException: 1 validation error detected: Value at 'secretString' failed to satisfy constraint: \
             Member must have length greater than or equal to 1",
        ),
    ];
    for (target, body, want) in table {
        assert_eq!(json(target, body), want, "{target} {body}");
    }
}

#[test]
fn query_and_rest_services_have_their_own_words() {
    let table = [
        (
            "iam",
            "POST /",
            "Action=CreateUser&UserName=a+b",
            "ValidationError: The specified value for userName is invalid. It must contain only alphanumeric characters \
             and/or the following: +=,.@_-",
        ),
        (
            "iam",
            "POST /",
            "Action=CreateAccountAlias&AccountAlias=acme--two",
            "ValidationError: The specified value for accountAlias is invalid. It must be a minimum length of 3 characters \
             and maximum length of 63 characters, contain only digits, lowercase letters, and hyphens (-), but cannot \
             begin or end with a hyphen.",
        ),
        (
            "iam",
            "POST /",
            "Action=CreateUser",
            "ValidationError: 1 validation error detected: Value null at 'userName' failed to satisfy constraint: Member \
             must not be null",
        ),
        (
            "sts",
            "POST /",
            "Action=AssumeRole&RoleArn=arn:aws:iam::1:role/r&RoleSessionName=a+b",
            "ValidationError: 1 validation error detected: Value 'a b' at 'roleSessionName' failed to satisfy constraint: \
             Member must satisfy regular expression pattern: [\\w+=,.@-]*",
        ),
        (
            "ec2",
            "POST /",
            "Action=AttachVolume&InstanceId=i-1&VolumeId=vol-1",
            "MissingParameter: The request must contain the parameter Device",
        ),
        ("ec2", "POST /", "Action=DescribeInstances&MaxResults=5", ""),
        (
            "ec2",
            "POST /",
            "Action=DescribeVpcs&MaxResults=4",
            "InvalidParameterValue: Value ( 4 ) for parameter maxResults is invalid. Expecting a value greater than 5.",
        ),
        (
            "ec2",
            "POST /",
            "Action=RunInstances&MinCount=1&MaxCount=1&BlockDeviceMapping.1.Ebs.VolumeType=gp9",
            "UnknownVolumeType: Unsupported volume type 'gp9' for volume creation.",
        ),
        (
            "ec2",
            "POST /",
            "Action=CreateVolume&AvailabilityZone=us-east-1a&Size=1&VolumeType=gp9",
            "UnknownVolumeType: Unsupported volume type 'gp9' for volume creation.",
        ),
        (
            "lambda",
            "GET /2015-03-31/functions?MaxItems=0",
            "",
            "ValidationException: 1 validation error detected: Value '0' at 'maxItems' failed to satisfy constraint: \
             Member must have value greater than or equal to 1",
        ),
        (
            "s3",
            "POST /b?delete",
            "<Delete/>",
            "MalformedXML: The XML you provided was not well-formed or did not validate against our published schema",
        ),
        ("s3", "POST /b?delete", "", "MissingRequestBodyError: Request Body is empty"),
        ("s3", "PUT /b/k", "", ""),
        ("s3", "PUT /b?tagging", "<Tagging/>", ""),
        ("s3", "PUT /b/k?tagging", "<Tagging/>", ""),
        (
            "cloudfront",
            "POST /2020-05-31/distribution/d/invalidation",
            "",
            "MalformedXML: 1 validation error detected: Value null at 'invalidationBatch' failed to satisfy constraint: \
             Member must not be null",
        ),
        ("apigateway", "POST /apikeys", r#"{"stageKeys":[{}]}"#, ""),
    ];
    for (service, line, body, want) in table {
        assert_eq!(signed(service, line, body), want, "{service} {line} {body}");
    }
}

#[test]
fn api_gateway_names_the_input_shape() {
    let got = signed("apigateway", "PUT /restapis/a/resources/b/methods/GET", "{}");
    assert_eq!(
        got,
        "BadRequestException: 1 validation error detected: Value null at 'putMethodInput.authorizationType' failed to \
         satisfy constraint: Member must not be null"
    );
}

#[test]
fn unions_hold_one_member() {
    let service = catalog::service("secretsmanager").unwrap();
    assert!(service.shapes.iter().all(|s| !matches!(&s.kind, Kind::Structure(s) if s.union)));
    let service = catalog::service("ecs").unwrap();
    let op = catalog::operation(service, "CreateCluster").unwrap();
    let value = crate::Value::Struct(crate::Struct::new());
    assert_eq!(check(service, op.input.unwrap(), &value), []);
    assert_eq!(Constraint::Union.to_string(), "Member must have exactly one member set");
}

/// The patterns that let everything pass, since the engine has no look-around. No built operation asks for one of them.
#[test]
fn patterns_that_are_not_understood() {
    let mut unknown: Vec<String> = Vec::new();
    let mut count = 0;
    for entry in catalog::services() {
        for shape in &catalog::service(entry.id).unwrap().shapes {
            let Kind::String { pattern, .. } = &shape.kind else { continue };
            count += usize::from(!pattern.is_empty());
            if !is_understood(pattern) {
                unknown.push(format!("{} {}", entry.id, shape.name));
            }
        }
    }
    assert!(count > 1000);
    assert_eq!(
        unknown,
        [
            "acm DomainNameString",
            "application-autoscaling ScheduledActionName",
            "budgets BudgetName",
            "ce CostCategoryName",
            "ce CostCategoryValue",
            "ec2 SecretArn",
            "efs Path",
            "efs TagKey",
            "lambda CollectionName",
            "rds TargetDBParameterGroupName",
            "rds TargetDBClusterParameterGroupName",
            "route53resolver Name",
            "route53resolver ResolverQueryLogConfigName",
            "servicediscovery NamespaceNameHttp",
            "servicediscovery NamespaceNamePrivate",
            "servicediscovery ServiceName",
            "ssm StringDateTime",
            "stepfunctions CharacterRestrictedName"
        ]
    );
}

/// Of IAM's account aliases.
const ALIAS: &str = "^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$";
/// Of the scheduler's events.
const SOURCE: &str = r"(?=[/\.\-_A-Za-z0-9]+)((?!aws\.).*)|(\$(\.[\w_-]+(\[(\d+|\*)\])*)*)";

#[test]
fn patterns_match_as_on_aws() {
    let table = [
        (r"[\w+=,.@-]+", "eva.b", true),
        (r"[\w+=,.@-]+", "eva b", false),
        (r"[\w+=,.@-]+", "", false),
        (r"[\w+=,.@-]*", "", true),
        (r"^[0-9A-F]{2,4}$", "0A", true),
        (r"^[0-9A-F]{2,4}$", "0A0A0", false),
        (r"[\p{L}\p{Z}\p{N}_.:/=+\-@]*", "Köln 1:/=+-@_.", true),
        (r"[\p{L}\p{Z}\p{N}_.:/=+\-@]*", "a!", false),
        (r"[\u0009\u000A\u000D\u0020-\u007E\u00A1-\u00FF]+", "a\tä", true),
        (r"[\u0009\u000A\u000D\u0020-\u007E\u00A1-\u00FF]+", "a\u{1}", false),
        (r"[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\t]*", "a😀", true),
        (r"arn:.+", "arn:x", true),
        (r"arn:.+", "xarn:x", false),
        (r"^arn:", "arn:x", true),
        (r"(?!aws)\w+", "aws", true),
        (ALIAS, "acme-two", true),
        (ALIAS, "a-b-c", true),
        (ALIAS, "acme--two", false),
        (ALIAS, "acme-", false),
        (ALIAS, "-acme", false),
        (ALIAS, "Acme", false),
        (ALIAS, "acme_two", false),
        (r"(?!^[0-9]+$)([a-zA-Z0-9-_]+)", "1a", true),
        (r"(?!^[0-9]+$)([a-zA-Z0-9-_]+)", "_", true),
        (r"(?!^[0-9]+$)([a-zA-Z0-9-_]+)", "12", false),
        (r"((?!^\d+$)^[0-9a-zA-Z-_]+$)", "a1", true),
        (r"((?!^\d+$)^[0-9a-zA-Z-_]+$)", "1", false),
        (r"([a-z]+)(:((?!\d+$)[0-9a-zA-Z-_]+))?", "f:1b", true),
        (r"([a-z]+)(:((?!\d+$)[0-9a-zA-Z-_]+))?", "f:1", false),
        (r"[0-9A-Za-z\.\-_]*(?<!\.)", "a.b", true),
        (r"[0-9A-Za-z\.\-_]*(?<!\.)", "a.b.", false),
        (SOURCE, "my.app", true),
        (SOURCE, "a", true),
        (SOURCE, "awsome", true),
        (SOURCE, "aws", true),
        (SOURCE, "aws.ec2", false),
        (SOURCE, " my", false),
        (SOURCE, "$.source", true),
    ];
    for (pattern, text, want) in table {
        assert_eq!(super::pattern::matches(pattern, text), want, "{pattern} {text:?}");
    }
}
