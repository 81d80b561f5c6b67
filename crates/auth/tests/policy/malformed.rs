//! Documents that AWS refuses, with its words; and odd ones that it accepts.

use auth::policy::{Effect, Policy, PolicyKind};

const SYNTAX: &str = "Syntax errors in policy.";
const LEGACY: &str = "The policy failed legacy parsing";
const VERSION: &str = "Policy document must be version 2012-10-17 or greater.";
const VENDOR: &str = "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.";
const NO_ACTION: &str = "Policy statement must contain actions.";
const NO_RESOURCE: &str = "Policy statement must contain resources.";
const SIDS: &str = "Statement IDs (SID) in a single policy must be unique.";
const PATHS: &str = "IAM resource path must either be \"*\" or start with user/, federated-user/, role/, group/, instance-profile/, mfa/, server-certificate/, policy/, sms-mfa/, saml-provider/, oidc-provider/, report/, access-report/.";

const V: &str = r#""Version":"2012-10-17""#;
const OK: &str = r#""Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::b""#;

/// Whole documents; `V` and `OK` stand for a version and the inside of a good statement.
const DOCUMENTS: &[(&str, &str)] = &[
    ("no JSON at all", SYNTAX),
    ("", SYNTAX),
    ("[]", SYNTAX),
    (r#"{"Statement":{OK}}"#, VERSION),
    (r#"{"Version":"2008-10-17","Statement":{OK}}"#, VERSION),
    (r#"{"Version":"2013-10-17","Statement":{OK}}"#, SYNTAX),
    (r#"{V}"#, SYNTAX),
    (r#"{V,"Statement":["text"]}"#, SYNTAX),
    (r#"{V,"Statement":[]}"#, SYNTAX),
    (r#"{V,"Statement":{OK},"Extra":"value"}"#, SYNTAX),
    (r#"{V,"Statement":{OK,"Extra":"value"}}"#, SYNTAX),
    (r#"{V,"Id":["a"],"Statement":{OK}}"#, SYNTAX),
    (r#"{V,V,"Statement":{OK}}"#, SYNTAX),
    (r#"{V,"Statement":{OK,"Effect":"Allow"}}"#, SYNTAX),
    (r#"{V,"Statement":{OK},"statement":{OK}}"#, SYNTAX),
    (r#"{V,"Statement":{OK,"Sid":{}}}"#, SYNTAX),
    (r#"{V,"Statement":{OK,"NotAction":"iam:x"}}"#, SYNTAX),
    (r#"{V,"Statement":{OK,"NotResource":[]}}"#, SYNTAX),
    (r#"{V,"Statement":{OK,"Condition":[]}}"#, SYNTAX),
    (r#"{V,"Statement":{OK,"Condition":"a"}}"#, SYNTAX),
    (r#"{V,"Statement":{OK,"Condition":{"a":"b"}}}"#, SYNTAX),
    (r#"{V,"Statement":{OK,"Condition":{"DateGreaterThan":[]}}}"#, SYNTAX),
    (r#"{V,"Statement":{OK,"Condition":{"DateGreaterThan":{"a":{}}}}}"#, SYNTAX),
    (r#"{V,"Statement":{OK,"Condition":{"x":{"a":"1"}}}}"#, SYNTAX),
    (r#"{V,"Statement":{OK,"Condition":{"ForAnyValue::StringEqualsIfExists":{"a":"1"}}}}"#, SYNTAX),
    (r#"{V,"Statement":{OK,"Condition":{"NullIfExists":{"a":"true"}}}}"#, SYNTAX),
    (r#"{V,"Statement":{OK,"Condition":{"StringEquals":{"a":null}}}}"#, SYNTAX),
    (r#"{V,"Statement":{OK,"Condition":{"DateGreaterThan":{"a":"someday"}}}}"#, LEGACY),
    (r#"{"Statement":{OK,"Condition":{"DateGreaterThan":{"a":"someday"}}}}"#, VERSION),
    (r#"{V,"Statement":{OK,"Condition":{"DateLessThanEquals":{"a":"234-13"}}}}"#, LEGACY),
    (
        r#"{V,"Statement":{OK,"Condition":{"DateLessThanEquals":{"a":"2016-12-13t2:00:00.593194+1"}}}}"#,
        LEGACY,
    ),
    (r#"{V,"Statement":{OK,"Condition":{"DateLessThan":{"a":"9223372036854775808"}}}}"#, LEGACY),
    (r#"{V,"Statement":[{OK,"Sid":"s"},{OK,"Sid":"s"}]}"#, SIDS),
    (r#"{V,"Statement":[{OK,"Sid":"s"},{"Sid":"s","Effect":"Allow"}]}"#, SIDS),
    (r#"{"Statement":[{OK,"Sid":"s"},{OK,"Sid":"s"}]}"#, VERSION),
    (
        r#"{V,"Statement":{OK,"Sid":"a b"}}"#,
        "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*",
    ),
    (r#"{V,"Statement":{OK,"Principal":"*"}}"#, "Policy document should not specify a principal."),
];

/// The inside of one statement of an identity policy.
const STATEMENTS: &[(&str, &str)] = &[
    (r#""Effect":"Permit","Action":"s3:x","Resource":"*""#, SYNTAX),
    (r#""Effect":["Allow"],"Action":"s3:x","Resource":"*""#, SYNTAX),
    (r#""Action":"s3:x","Resource":"*""#, SYNTAX),
    (r#""Effect":"denY","Action":"s3:x","Resource":"*""#, LEGACY),
    (r#""Effect":"Allow","Action":"ListBucket","Resource":"*""#, VENDOR),
    (r#""Effect":"Allow","NotAction":"","Resource":"*""#, VENDOR),
    (r#""Effect":"Allow","Action":["s3:x","y"],"Resource":"*""#, VENDOR),
    (r#""Effect":"Allow","Action":"a a:x","Resource":"*""#, "Vendor a a is not valid"),
    (r#""Effect":"Allow","Action":"s*:x","Resource":"*""#, "Vendor s* is not valid"),
    (
        r#""Effect":"Allow","Action":"s3:List:Bucket","Resource":"*""#,
        "Actions/Condition can contain only one colon.",
    ),
    (r#""Effect":"Allow","Action":[[]],"Resource":"*""#, SYNTAX),
    (r#""Effect":"Allow","Action":{},"Resource":"*""#, SYNTAX),
    (r#""Effect":"Allow","Action":1,"Resource":"*""#, SYNTAX),
    (r#""Effect":"Allow","Action":[],"Resource":"*""#, NO_ACTION),
    (r#""Effect":"Allow","Resource":"*""#, NO_ACTION),
    (r#""Effect":"Allow""#, NO_ACTION),
    (r#""Effect":"Allow","Action":"s3:x""#, NO_RESOURCE),
    (r#""Effect":"Allow","Action":"s3:x","Resource":[]"#, NO_RESOURCE),
    (r#""Effect":"Allow","Action":"s3:x","Resource":{"a":"*"}"#, SYNTAX),
    (r#""Effect":"Allow","Action":"s3:x","Resource":["a",{}]"#, SYNTAX),
    (
        r#""Effect":"Allow","Action":"s3:x","Resource":"my bucket""#,
        "Resource my bucket must be in ARN format or \"*\".",
    ),
    (
        r#""Effect":"Allow","Action":"s:3:x","Resource":"nonsense""#,
        "Resource nonsense must be in ARN format or \"*\".",
    ),
    (r#""Effect":"Allow","Action":"s3:x","Resource":"""#, "Resource  must be in ARN format or \"*\"."),
    (
        r#""Effect":"Allow","Action":"s3:x","Resource":"a:bsd""#,
        "Partition \"bsd\" is not valid for resource \"arn:bsd:*:*:*:*\".",
    ),
    (
        r#""Effect":"Allow","Action":"s3:x","Resource":"a:b:cad""#,
        "Partition \"b\" is not valid for resource \"arn:b:cad:*:*:*\".",
    ),
    (
        r#""Effect":"Allow","Action":"s3:x","Resource":"a:b:c:d:e:f:g:h""#,
        "Partition \"b\" is not valid for resource \"arn:b:c:d:e:f:g:h\".",
    ),
    (
        r#""Effect":"Allow","Action":"s3:x","Resource":"aws:s3:::b""#,
        "Partition \"s3\" is not valid for resource \"arn:s3:::b:*\".",
    ),
    (
        r#""Effect":"Allow","Action":"s3:x","Resource":["arn:error:s3:::b","arn:error:s3::b"]"#,
        "Partition \"error\" is not valid for resource \"arn:error:s3:::b\".",
    ),
    (
        r#""Effect":"Allow","Action":"s3:x","Resource":"arn:aws""#,
        "Resource vendor must be fully qualified and cannot contain regexes.",
    ),
    (
        r#""Effect":"Allow","Action":"s3:x","Resource":"arn:aws:s*:::b""#,
        "Resource vendor must be fully qualified and cannot contain regexes.",
    ),
    (r#""Effect":"Allow","Action":"s3:x","Resource":"arn:aws:s3::b""#, LEGACY),
    (r#""Effect":"Allow","Resource":"arn:aws:s3::b""#, LEGACY),
    (r#""Effect":"Allow","Action":"s3:x","NotResource":"arn:aws:s3::b""#, LEGACY),
    (r#""Effect":"Allow","Action":"s3:x","Resource":"arn:aws::::b""#, LEGACY),
    (r#""Effect":"Allow","Action":"s3:x","Resource":"arn:aws:iam:::b""#, PATHS),
    (r#""Effect":"Allow","Action":"s3:x","Resource":"arn:aws:iam:::rooted""#, PATHS),
    (
        r#""Effect":"Allow","Action":"s3:x","Resource":"arn:aws:iam:us-east-1::b""#,
        "IAM resource arn:aws:iam:us-east-1::b cannot contain region information.",
    ),
    (
        r#""Effect":"Allow","Action":"s3:x","Resource":"arn:aws:s3:us-east-1::b""#,
        "Resource arn:aws:s3:us-east-1::b can not contain region information.",
    ),
];

const ACCEPTED: &[&str] = &[
    r#"{V,"Statement":{"Effect":"Allow","Action":"sts:AssumeRoot","Resource":"arn:aws:iam::111122223333:root"}}"#,
    r#"{V,"Statement":{OK}}"#,
    r#"{V,"Statement":[{OK},{OK}]}"#,
    r#"{V,"Id":"x","Statement":{OK,"Sid":""}}"#,
    r#"{V,"Statement":[{OK,"Sid":""},{OK,"Sid":""}]}"#,
    r#"{V,"Statement":{"Effect":"Allow","Action":"iam: any thing at all ","Resource":"*"}}"#,
    r#"{V,"Statement":{"Effect":"Allow","Action":"*","Resource":["arn:aws:s3:::b","*"]}}"#,
    r#"{V,"Statement":{"Effect":"Allow","Action":"*:*","Resource":"arn:aws-cn:s3:::b"}}"#,
    r#"{V,"Statement":{"Effect":"Allow","Action":"s3-s:x","Resource":"arn:aws:thing"}}"#,
    r#"{V,"Statement":{"Effect":"Allow","Action":"s3.s:x","Resource":"arn:aws:iam:::user/x"}}"#,
    r#"{V,"Statement":{"Effect":"Allow","NotAction":"s3:x","NotResource":"*"}}"#,
    r#"{V,"Statement":{"Effect":"Allow","Action":"s3:x","Resource":"arn:aws:ec2:us-east-1::image/x"}}"#,
    r#"{V,"Statement":{"Effect":"Allow","Action":"s3:x","Resource":"arn:aws:s3:us-west-2:111122223333:accesspoint/x"}}"#,
    r#"{V,"Statement":{OK,"Condition":{}}}"#,
    r#"{V,"Statement":{OK,"Condition":{"x":{},"y":{}}}}"#,
    r#"{V,"Statement":{OK,"Condition":{"DateGreaterThan":{}}}}"#,
    r#"{V,"Statement":{OK,"Condition":{"DateGreaterThan":{"a":[]}}}}"#,
    r#"{V,"Statement":{OK,"Condition":{"DateGreaterThan":{"a":"01T"}}}}"#,
    r#"{V,"Statement":{OK,"Condition":{"DateLessThan":{"a":"-292275054"}}}}"#,
    r#"{V,"Statement":{OK,"Condition":{"DateLessThanEquals":{"a":"2016-12-13T21:20:37.593194+00:00"}}}}"#,
    r#"{V,"Statement":{OK,"Condition":{"DateLessThanEquals":{"a":"2016-12-13t2:00:00.593194+23"}}}}"#,
    r#"{V,"Statement":{OK,"Condition":{"ForAnyValue:StringEqualsIfExists":{"a":"v"}}}}"#,
    r#"{V,"Statement":{OK,"Condition":{"Bool":{"aws:SecureTransport":true},"NumericLessThan":{"s3:max-keys":10}}}}"#,
];

fn fill(text: &str) -> String {
    text.replace("{V", &format!("{{{V}")).replace(",V", &format!(",{V}")).replace("{OK", &format!("{{{OK}"))
}

fn refused(text: &str, kind: PolicyKind) -> (String, String) {
    let error = Policy::parse(text, kind).expect_err(text);
    (error.code.to_owned(), error.message)
}

#[test]
fn identity_policies() {
    let whole = DOCUMENTS.iter().map(|(text, message)| (fill(text), *message));
    let one = STATEMENTS
        .iter()
        .map(|(inside, message)| (fill(&format!(r#"{{V,"Statement":{{{inside}}}}}"#)), *message));
    for (text, message) in whole.chain(one) {
        for kind in [PolicyKind::Identity, PolicyKind::Boundary, PolicyKind::Session] {
            let expected = ("MalformedPolicyDocument".to_owned(), message.to_owned());
            assert_eq!(refused(&text, kind), expected, "{text}");
        }
    }
}

#[test]
fn identity_policies_that_are_accepted() {
    for text in ACCEPTED {
        let text = fill(text);
        assert_eq!(Policy::parse(&text, PolicyKind::Identity).map(|_| ()), Ok(()), "{text}");
    }
}

#[test]
fn inline_policies_may_be_of_the_older_version() {
    for version in ["", r#""Version":"2008-10-17","#] {
        let text = fill(&format!(r#"{{{version}"Statement":{{OK}}}}"#));
        assert_eq!(Policy::parse(&text, PolicyKind::Inline).map(|_| ()), Ok(()), "{text}");
        let expected = ("MalformedPolicyDocument".to_owned(), VERSION.to_owned());
        assert_eq!(refused(&text, PolicyKind::Identity), expected, "{text}");
    }
    let text = fill(r#"{"Version":"2013-10-17","Statement":{OK}}"#);
    assert_eq!(refused(&text, PolicyKind::Inline).1, SYNTAX);
    let text = fill(r#"{"Statement":{OK,"Principal":"*"}}"#);
    assert_eq!(refused(&text, PolicyKind::Inline).1, "Policy document should not specify a principal.");
}

#[test]
fn trust_policies() {
    let by = r#""Principal":{"AWS":"111122223333"}"#;
    for (inside, message) in [
        (format!(r#""Effect":"Allow",{by},"Action":"sts:AssumeRole","Resource":"*""#), "Has prohibited field Resource"),
        (format!(r#""Effect":"Allow",{by},"Action":"sts:AssumeRole","NotResource":"*""#), "Has prohibited field NotResource"),
        (r#""Effect":"Allow","Action":"sts:AssumeRole""#.into(), "Missing required field Principal"),
        (format!(r#""Effect":"Allow",{by}"#), "Missing required field Action"),
        (format!(r#"{by},"Action":"sts:AssumeRole""#), "Missing required field Effect"),
        (format!(r#""Effect":"Allow",{by},"Action":"s3:GetObject""#), "AssumeRole policy may only specify STS AssumeRole actions."),
        (format!(r#""Effect":"Allow",{by},"Action":"AssumeRole""#), VENDOR),
        (format!(r#""Effect":"Allow",{by},"Action":"sts:AssumeRole","Tags":[]"#), "Unknown field Tags"),
        (r#""Effect":"Allow","Principal":"*","Action":"sts:AssumeRole""#.into(), "AssumeRolepolicy contained an invalid principal: \"STAR\":\"*\"."),
        (r#""Effect":"Allow","Principal":{"AWS":"bob"},"Action":"sts:AssumeRole""#.into(), "Invalid principal in policy: \"AWS\":\"bob\""),
        (r#""Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:group/g"},"Action":"sts:AssumeRole""#.into(), "Invalid principal in policy: \"AWS\":\"arn:aws:iam::111122223333:group/g\""),
        (r#""Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:user/*"},"Action":"sts:AssumeRole""#.into(), "Invalid principal in policy: \"AWS\":\"arn:aws:iam::111122223333:user/*\""),
        (r#""Effect":"Allow","Principal":{"Service":"lambda"},"Action":"sts:AssumeRole""#.into(), "Invalid principal in policy: \"SERVICE\":\"lambda\""),
        (r#""Effect":"Allow","Principal":{"Federated":"google"},"Action":"sts:AssumeRoleWithWebIdentity""#.into(), "Federated principals must be valid domain names or SAML metadata ARNs"),
    ] {
        let text = fill(&format!(r#"{{V,"Statement":{{{inside}}}}}"#));
        assert_eq!(refused(&text, PolicyKind::Trust), ("MalformedPolicyDocument".into(), message.into()), "{text}");
    }
    assert_eq!(refused("{", PolicyKind::Trust).1, "This policy contains invalid Json");
    let good = fill(
        r#"{"Statement":{"Effect":"Allow","Principal":{"AWS":"*"},"Action":["sts:AssumeRole","sts:TagSession"]}}"#,
    );
    assert!(Policy::parse(&good, PolicyKind::Trust).is_ok());
}

#[test]
fn bucket_and_key_policies() {
    let s3 = PolicyKind::Resource("s3");
    for (text, message) in [
        ("x", "Policies must be valid JSON and the first byte must be '{'"),
        (r#"{"Version":"2020-01-01","Statement":{OK}}"#, "The policy must contain a valid version string"),
        (r#"{V,"Statement":{OK}}"#, "Missing required field Principal"),
        (
            r#"{V,"Statement":{"Effect":"Allow","Principal":"*","Action":"s3:*"}}"#,
            "Missing required field Resource",
        ),
        (
            r#"{V,"Statement":{"Effect":"Allow","Principal":"*","Resource":"*"}}"#,
            "Missing required field Action",
        ),
        (r#"{V,"Statement":{OK,"Principal":"*","Foo":1}}"#, "Unknown field Foo"),
        (r#"{V,"Statement":{OK,"Principal":"bob"}}"#, "Invalid principal in policy"),
        (r#"{V,"Statement":{OK,"Principal":{"AWS":"nobody"}}}"#, "Invalid principal in policy"),
        (r#"{V,"Statement":{OK,"Principal":{"Aws":"111122223333"}}}"#, "Invalid principal in policy"),
    ] {
        assert_eq!(refused(&fill(text), s3), ("MalformedPolicy".into(), message.into()), "{text}");
    }
    let identity = "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E1EXAMPLE";
    let text = fill(&format!(r#"{{V,"Statement":{{OK,"Principal":{{"AWS":"{identity}"}}}}}}"#));
    assert!(Policy::parse(&text, s3).is_ok());
    let key = fill(r#"{V,"Statement":{OK,"Principal":{"AWS":"nobody"}}}"#);
    let message = "Policy contains a statement with one or more invalid principals.";
    let expected = ("MalformedPolicyDocumentException".into(), message.into());
    assert_eq!(refused(&key, PolicyKind::Resource("kms")), expected);
}

#[test]
fn control_policies() {
    let message = "The provided policy document does not meet the requirements of the specified policy type.";
    let expected = ("MalformedPolicyDocumentException".to_owned(), message.to_owned());
    for text in [
        r#"{"Statement":{OK}}"#,
        r#"{V,"Statement":{OK,"Principal":"*"}}"#,
        r#"{V,"Statement":{"Effect":"Deny","Action":"*"}}"#,
    ] {
        assert_eq!(refused(&fill(text), PolicyKind::Scp), expected, "{text}");
    }
    for text in [
        r#"{V,"Statement":{OK}}"#,
        r#"{V,"Statement":{OK,"Principal":"*"}}"#,
        r#"{V,"Statement":{"Effect":"Deny","Principal":{"AWS":"*"},"Action":"s3:*","Resource":"*"}}"#,
        r#"{V,"Statement":{"Effect":"Deny","NotPrincipal":"*","Action":"s3:*","Resource":"*"}}"#,
        r#"{V,"Statement":{"Effect":"Deny","Principal":"*","NotAction":"s3:*","Resource":"*"}}"#,
        r#"{V,"Statement":{"Effect":"Deny","Principal":"*","Action":"s3:*"}}"#,
    ] {
        assert_eq!(refused(&fill(text), PolicyKind::Rcp), expected, "{text}");
    }
    let full = fill(r#"{V,"Statement":{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}}"#);
    assert!(Policy::parse(&full, PolicyKind::Rcp).is_ok(), "AWS's own RCPFullAWSAccess");
}

#[test]
fn queue_and_topic_policies() {
    for (service, code, message) in [
        ("sqs", "InvalidAttributeValue", "Invalid value for the parameter Policy."),
        ("sns", "InvalidParameter", "Invalid parameter: Policy Error: null"),
    ] {
        assert_eq!(refused("{}", PolicyKind::Resource(service)), (code.into(), message.into()));
    }
}

#[test]
fn a_stored_document_is_read_without_the_checks_before_storing() {
    for text in [
        r#"{"Statement":{OK}}"#,
        r#"{V,"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:iam::1:x"}}"#,
        r#"{V,"Statement":[{OK,"Sid":"s"},{OK,"Sid":"s"}]}"#,
    ] {
        let text = fill(text);
        assert!(Policy::parse(&text, PolicyKind::Identity).is_err(), "{text}");
        assert_eq!(Policy::load(&text, PolicyKind::Identity).map(|_| ()), Ok(()), "{text}");
    }
    let denies = fill(r#"{V,"Statement":{"Effect":"deny","Action":"s3:*","Resource":"*"}}"#);
    let policy = Policy::load(&denies, PolicyKind::Identity).unwrap();
    assert_eq!(policy.statements()[0].effect, Effect::Deny);
    for (text, kind, message) in [
        (r#"{V,"Statement":{OK,"Foo":1}}"#, PolicyKind::Identity, SYNTAX),
        (r#"{V,"Statement":{OK}}"#, PolicyKind::Resource("s3"), "Missing required field Principal"),
        (
            r#"{V,"Statement":{"Effect":"Allow","Action":"sts:*"}}"#,
            PolicyKind::Trust,
            "Missing required field Principal",
        ),
    ] {
        assert_eq!(Policy::load(&fill(text), kind).unwrap_err().message, message, "{text}");
    }
}
