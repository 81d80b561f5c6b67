//! What the models do not say: codes of each service's dialect, inputs that need sense, and the exceptions by name.

use crate::harness::Caller;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use wire::Value;

/// One service's codes.
pub(super) struct Codes {
    pub(super) anonymous: &'static str,
    pub(super) anonymous_status: u16,
    pub(super) anonymous_message: &'static str,
    pub(super) denied: &'static str,
    pub(super) denied_status: u16,
    /// Breaks a constraint of the model.
    pub(super) invalid: &'static str,
    /// Is of another type.
    pub(super) malformed: &'static str,
    /// The code of services that name a missing parameter in a sentence of their own.
    pub(super) missing: Option<&'static str>,
    /// Codes for bad input of a service that has sentences of its own for it; empty where the framework's are used.
    pub(super) own_words: &'static [&'static str],
}

const PARTNER_SOURCE: &str = "aws.partner/example.com/matrix";
const QUERY: Codes = Codes {
    anonymous: "MissingAuthenticationToken",
    anonymous_status: 403,
    anonymous_message: "Request is missing Authentication Token",
    denied: "AccessDenied",
    denied_status: 403,
    invalid: "ValidationError",
    malformed: "MalformedInput",
    missing: None,
    own_words: &[],
};

const JSON: Codes = Codes {
    anonymous: "MissingAuthenticationTokenException",
    anonymous_status: 400,
    anonymous_message: "Request is missing Authentication Token",
    denied: "AccessDeniedException",
    denied_status: 400,
    invalid: "ValidationException",
    malformed: "SerializationException",
    missing: None,
    own_words: &[],
};

const REST_JSON: Codes = Codes {
    anonymous_status: 403,
    anonymous_message: "Missing Authentication Token",
    denied_status: 403,
    ..JSON
};

/// AWS: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html>
const EC2: Codes = Codes {
    anonymous: "MissingParameter",
    anonymous_status: 400,
    anonymous_message: "The request must contain the parameter AWSAccessKeyId",
    denied: "UnauthorizedOperation",
    denied_status: 403,
    invalid: "InvalidParameterValue",
    malformed: "InvalidParameterValue",
    missing: None,
    own_words: &[],
};

/// Whoever is not of the account is not told why, and nobody is unknown to S3.
const S3: Codes = Codes {
    anonymous: "AccessDenied",
    anonymous_status: 403,
    anonymous_message: "Access Denied",
    denied: "AccessDenied",
    denied_status: 403,
    invalid: "InvalidArgument",
    malformed: "InvalidArgument",
    missing: None,
    own_words: &[
        "InvalidArgument",
        "InvalidRequest",
        "MalformedACLError",
        "MalformedPolicy",
        "MalformedXML",
        "MissingRequestBodyError",
        "InvalidBucketName",
    ],
};

pub(super) static CODES: &[(&str, Codes)] = &[
    ("iam", QUERY),
    ("sts", QUERY),
    ("kms", JSON),
    ("accessanalyzer", REST_JSON),
    ("autoscaling", QUERY),
    ("cloudformation", QUERY),
    ("cloudtrail", JSON),
    ("dynamodb", JSON),
    ("cloudwatch", Codes { invalid: "ValidationException", ..JSON }),
    ("logs", Codes { invalid: "InvalidParameterException", ..JSON }),
    ("sns", Codes { denied: "AuthorizationError", ..QUERY }),
    (
        "sqs",
        Codes {
            denied_status: 403,
            invalid: "InvalidParameterValueException",
            missing: Some("MissingRequiredParameterException"),
            ..JSON
        },
    ),
    ("dynamodbstreams", JSON),
    ("ec2", EC2),
    ("ebs", REST_JSON),
    ("glacier", Codes { invalid: "InvalidParameterValueException", ..REST_JSON }),
    ("s3", S3),
    ("s3control", S3),
    ("ssm", JSON),
    ("events", JSON),
    ("lambda", REST_JSON),
    ("scheduler", REST_JSON),
    ("pipes", REST_JSON),
    ("fis", REST_JSON),
    ("ecr", Codes { invalid: "InvalidParameterException", ..JSON }),
    ("organizations", Codes { invalid: "InvalidInputException", ..JSON }),
];

/// Name and reason.
type List = &'static [(&'static str, &'static str)];

/// Operations for which the generator finds no input.
pub(super) const NOT_GENERATED: List = &[];

/// Operations that every authenticated caller may use.
pub(super) const OPEN: List = &[
    ("sts:GetCallerIdentity", "AWS: no permissions are required, and an explicit deny does not stop it"),
    ("sts:GetSessionToken", "AWS: no permissions are required, since it gives none that the caller lacks"),
];

/// Operations of IAM, STS and KMS that are not built.
pub(super) const UNBUILT: List = &[
    ("iam:AcquireRole", "AWS publishes the names of its role templates, and not what is in them"),
    ("iam:GetRoleTemplateVersion", "likewise"),
];

/// Operations of IAM, STS and KMS that come without a signature: what they carry says who asks.
pub(super) const UNSIGNED: List = &[
    ("sts:AssumeRoleWithSAML", "the assertion is the proof; sts_saml tries what is wrong with one"),
    (
        "sts:AssumeRoleWithWebIdentity",
        "the token is the proof; sts_web_identity tries what is wrong with one",
    ),
];

/// Operations on many things, of which each is decided about by itself: refusals stand in the answer.
pub(super) const BY_ITEM: List = &[("s3:DeleteObjects", "AWS: an error for each object")];

/// Operations of EC2 whose resource is found by something that the least input does not name, or that is not there.
pub(super) const BY_LOOK_UP: List = &[
    ("ec2:CreateSnapshots", "the volumes are those of an instance that is there"),
    ("ec2:AcceptVpcPeeringConnection", "the VPC is the accepter of a connection that is there"),
    ("ec2:DisassociateNatGatewayAddress", "the address is that of an association which is there"),
    ("ec2:ReplaceNetworkAclAssociation", "the subnet is that of an association which is there"),
];

/// Refusals whose message ends otherwise than the rule, and how.
pub(super) const OTHER_WORDS: List = &[];

/// Operations that tell whoever has no credentials so in words of their own.
pub(super) const NOBODYS_WORDS: List = &[
    ("s3:CopyObject", "Anonymous users cannot copy objects.  Please authenticate."),
    ("s3:CreateMultipartUpload", "Anonymous users cannot initiate multipart uploads.  Please authenticate."),
];

/// Operations that succeed on what another account owns.
pub(super) const ACROSS_ACCOUNTS: List = &[];

/// Operations that tell whoever asks which account something belongs to.
pub(super) const TELLS_THE_ACCOUNT: List = &[];

/// Operations whose least request another one has, too, which is built and answers it.
pub(super) const SAME_REQUEST: List = &[
    ("s3:GetBucketLifecycle", "GetBucketLifecycleConfiguration has taken its place"),
    ("s3:GetBucketNotification", "GetBucketNotificationConfiguration has taken its place"),
    ("s3:ListDirectoryBuckets", "ListBuckets has the same path; clients find this one by a host of its own"),
    ("s3:PutBucketLifecycle", "PutBucketLifecycleConfiguration has taken its place"),
    ("s3:PutBucketNotification", "PutBucketNotificationConfiguration has taken its place"),
];

/// Resources of the account that inputs name.
#[derive(Default)]
pub(super) struct Prepared {
    pub(super) key_id: Option<String>,
    role_arn: Option<String>,
    policy_arn: Option<String>,
    access_key: Option<String>,
    ciphertext: Option<Vec<u8>>,
    key_arn: Option<String>,
    grant_id: Option<String>,
}

const POLICY: &str =
    r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:ListBucket","Resource":"*"}}"#;
const TRUST: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"arn:aws:iam::123456789012:root"}}}"#;

fn is_built(service: &str, operation: &str) -> bool {
    virga::wiring::services().iter().any(|s| s.id == service && s.op(operation).is_some())
}

impl Prepared {
    pub(super) fn new(root: &Caller<'_>) -> Prepared {
        let mut out = Prepared::default();
        if is_built("kms", "CreateKey") {
            let key = root.call("kms", "CreateKey", json!({})).ok();
            out.key_id = key["KeyMetadata"]["KeyId"].as_str().map(str::to_owned);
            out.key_arn = key["KeyMetadata"]["Arn"].as_str().map(str::to_owned);
            let encrypt = json!({ "KeyId": out.key_id, "Plaintext": "bWF0cml4" });
            let sealed = root.call("kms", "Encrypt", encrypt).ok();
            out.ciphertext = sealed["CiphertextBlob"].as_str().and_then(|text| STANDARD.decode(text).ok());
        }
        if is_built("kms", "CreateGrant") {
            let grant = json!({
                "KeyId": out.key_id, "GranteePrincipal": "arn:aws:iam::123456789012:root", "Operations": ["Decrypt"],
            });
            let made = root.call("kms", "CreateGrant", grant).ok();
            out.grant_id = made["GrantId"].as_str().map(str::to_owned);
        }
        if is_built("iam", "CreateRole") {
            let role = json!({ "RoleName": "prepared", "AssumeRolePolicyDocument": TRUST });
            let made = root.call("iam", "CreateRole", role).ok();
            out.role_arn = made["Role"]["Arn"].as_str().map(str::to_owned);
        }
        if is_built("iam", "CreateAccessKey") {
            root.call("iam", "CreateUser", json!({ "UserName": "prepared" })).ok();
            let made = root.call("iam", "CreateAccessKey", json!({ "UserName": "prepared" })).ok();
            out.access_key = made["AccessKey"]["AccessKeyId"].as_str().map(str::to_owned);
        }
        if is_built("s3", "CreateBucket") {
            for bucket in ["matrix", "matrix-deleted"] {
                root.call("s3", "CreateBucket", json!({ "Bucket": bucket })).ok();
            }
        }
        if is_built("iam", "CreatePolicy") {
            let policy = json!({ "PolicyName": "prepared", "PolicyDocument": POLICY });
            let made = root.call("iam", "CreatePolicy", policy).ok();
            out.policy_arn = made["Policy"]["Arn"].as_str().map(str::to_owned);
        }
        out
    }

    /// The value that a member must have, or may have where the model asks for nothing.
    pub(super) fn known(&self, service: &str, operation: &str, member: &str) -> Option<Value> {
        if let ("kms", "Decrypt" | "ReEncrypt", "CiphertextBlob") = (service, operation, member) {
            return self.ciphertext.clone().map(|bytes| Value::Blob(bytes.into()));
        }
        if let ("dynamodb", Some(value)) = (service, dynamodb(operation, member)) {
            return Some(value);
        }
        if let ("ec2", Some(value)) = (service, ec2(operation, member)) {
            return Some(value);
        }
        if let ("ecr", "layerDigests") = (service, member) {
            return Some(Value::List(vec![Value::str(DIGEST)]));
        }
        if let ("sts", "AssumeRoot", "TaskPolicyArn") = (service, operation, member) {
            let audit = "arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials";
            return Some(structure([("arn", Value::str(audit))]));
        }
        if let ("iam", "CreateDelegationRequest", "Permissions") = (service, operation, member) {
            let template = Value::str("arn:aws:iam:::delegation-template/matrix");
            return Some(structure([("PolicyTemplateArn", template)]));
        }
        let text = match (service, operation, member) {
            ("ebs", _, "SnapshotId" | "SecondSnapshotId") => "snap-0123456789abcdef0",
            ("cloudwatch", _, "ResourceARN") => "arn:aws:cloudwatch:us-east-1:123456789012:alarm:matrix",
            ("events", _, "ResourceARN") => "arn:aws:events:us-east-1:123456789012:rule/matrix",
            ("scheduler", _, "ResourceArn") => {
                "arn:aws:scheduler:us-east-1:123456789012:schedule-group/matrix"
            }
            ("fis", _, "resourceArn") => "arn:aws:fis:us-east-1:123456789012:experiment-template/EXTmatrix",
            ("pipes", _, "resourceArn") => "arn:aws:pipes:us-east-1:123456789012:pipe/matrix",
            ("pipes", "CreatePipe", "Source" | "Target") => "arn:aws:sqs:us-east-1:123456789012:matrix",
            ("fis", _, "roleArn") => "arn:aws:iam::123456789012:role/matrix",
            ("pipes", _, "RoleArn") => "arn:aws:iam::123456789012:role/matrix",
            ("events", "CreateArchive", "EventSourceArn") => {
                "arn:aws:events:us-east-1:123456789012:event-bus/default"
            }
            ("events", "StartReplay", "EventSourceArn") => {
                "arn:aws:events:us-east-1:123456789012:archive/matrix"
            }
            ("events", "CreateApiDestination", "ConnectionArn") => {
                "arn:aws:events:us-east-1:123456789012:connection/matrix/01234567-89ab-cdef-0123-456789abcdef"
            }
            ("events", _, "EventSourceName") => PARTNER_SOURCE,
            ("events", operation, "Name" | "NamePrefix") if operation.ends_with("EventSource") => {
                PARTNER_SOURCE
            }
            ("events", "ListPartnerEventSources", "NamePrefix") => PARTNER_SOURCE,
            ("logs", "StartQuery", "logGroupName") => "matrix",
            ("logs", "PutSubscriptionFilter", "destinationArn") => {
                "arn:aws:lambda:us-east-1:123456789012:function:matrix"
            }
            ("logs", "PutAccountPolicy", "policyType") => "SUBSCRIPTION_FILTER_POLICY",
            ("logs", "PutAccountPolicy", "policyDocument") => {
                r#"{"DestinationArn":"arn:aws:lambda:us-east-1:123456789012:function:matrix","FilterPattern":""}"#
            }
            ("dynamodb", _, "ResourceArn") => TABLE_ARN,
            ("sns", _, "TopicArn" | "ResourceArn") => "arn:aws:sns:us-east-1:123456789012:matrix",
            ("sns", _, "SubscriptionArn") => {
                "arn:aws:sns:us-east-1:123456789012:matrix:cf3b8a35-0000-4000-8000-000000000000"
            }
            ("sns", _, "PlatformApplicationArn") => "arn:aws:sns:us-east-1:123456789012:app/GCM/matrix",
            ("sns", _, "EndpointArn") => {
                "arn:aws:sns:us-east-1:123456789012:endpoint/GCM/matrix/cf3b8a35-0000-4000-8000-000000000000"
            }
            ("sqs", _, "SourceArn") => "arn:aws:sqs:us-east-1:123456789012:matrix",
            ("dynamodb", _, "BackupArn") => BACKUP_ARN,
            ("dynamodb", "DescribeExport", "ExportArn") => EXPORT_ARN,
            ("dynamodb", "DescribeImport", "ImportArn") => IMPORT_ARN,
            ("dynamodb", "ExportTableToPointInTime", "TableArn") => TABLE_ARN,
            ("dynamodb", "RestoreTableToPointInTime", "SourceTableName") => "matrix",
            ("dynamodbstreams", _, "StreamArn") => STREAM_ARN,
            ("dynamodbstreams", "GetRecords", "ShardIterator") => ITERATOR,
            ("iam", _, "AssumeRolePolicyDocument") => TRUST,
            ("iam", "UpdateAssumeRolePolicy", "PolicyDocument") => TRUST,
            ("iam", "CreatePolicy" | "CreatePolicyVersion", "PolicyDocument") => POLICY,
            ("iam", "PutUserPolicy" | "PutRolePolicy" | "PutGroupPolicy", "PolicyDocument") => POLICY,
            ("kms", "RetireGrant", "KeyId") => self.key_arn.as_deref()?,
            ("kms", "RetireGrant" | "RevokeGrant", "GrantId") => self.grant_id.as_deref()?,
            ("kms", _, "KeyId" | "TargetKeyId" | "SourceKeyId" | "DestinationKeyId")
                if is_required(service, operation, member) =>
            {
                self.key_id.as_deref()?
            }
            ("iam", _, "PolicyArn" | "PermissionsBoundary" | "PolicySourceArn")
                if is_required(service, operation, member) =>
            {
                self.policy_arn.as_deref()?
            }
            // AWS refuses whoever asks about a key that is not there.
            ("iam", "GetAccessKeyLastUsed", "AccessKeyId") => self.access_key.as_deref()?,
            ("iam", _, "EntityPath") => "o-0123456789/r-0123",
            ("iam", _, "SAMLProviderArn") => "arn:aws:iam::123456789012:saml-provider/matrix",
            ("iam", _, "OpenIDConnectProviderArn") => "arn:aws:iam::123456789012:oidc-provider/example.com",
            ("iam", _, "SerialNumber") if is_required(service, operation, member) => {
                "arn:aws:iam::123456789012:mfa/matrix"
            }
            ("lambda", _, "UUID") => "01234567-89ab-cdef-0123-456789abcdef",
            ("lambda", _, "EventSourceArn") => "arn:aws:sqs:us-east-1:123456789012:matrix",
            ("lambda", _, "FunctionName" | "Resource") => {
                "arn:aws:lambda:us-east-1:123456789012:function:matrix"
            }
            ("lambda", "AddPermission", "Action") => "lambda:InvokeFunction",
            ("lambda", "AddLayerVersionPermission", "Action") => "lambda:GetLayerVersion",
            ("lambda", "GetLayerVersionByArn", "Arn") => {
                "arn:aws:lambda:us-east-1:123456789012:layer:matrix:1"
            }
            ("lambda", _, "LayerName") => "arn:aws:lambda:us-east-1:123456789012:layer:matrix",
            ("lambda", _, "Role") => "arn:aws:iam::123456789012:role/matrix",
            ("ecr", _, "resourceArn") => "arn:aws:ecr:us-east-1:123456789012:repository/matrix",
            ("ecr", _, "layerDigest") => DIGEST,
            ("glacier", _, "accountId") => "123456789012",
            ("ecr", _, "uploadId") => "00000000-0000-4000-8000-000000000000",
            ("s3", "DeleteBucket", "Bucket") => "matrix-deleted",
            ("s3", _, "CopySource") if is_required(service, operation, member) => "matrix/matrix",
            ("sts", "AssumeRole", "RoleArn") => self.role_arn.as_deref()?,
            ("sts", "AssumeRoot", "TargetPrincipal") => "123456789012",
            _ => return None,
        };
        Some(Value::str(text))
    }
}

const DIGEST: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";
const EXPORT_ARN: &str =
    "arn:aws:dynamodb:us-east-1:123456789012:table/matrix/export/01768478400000-1a2b3c4d";
const IMPORT_ARN: &str =
    "arn:aws:dynamodb:us-east-1:123456789012:table/matrix/import/01768478400000-1a2b3c4d";
const TABLE_ARN: &str = "arn:aws:dynamodb:us-east-1:123456789012:table/matrix";
const BACKUP_ARN: &str =
    "arn:aws:dynamodb:us-east-1:123456789012:table/matrix/backup/01768478400000-1a2b3c4d";
const STREAM_ARN: &str =
    "arn:aws:dynamodb:us-east-1:123456789012:table/matrix/stream/2026-01-15T12:00:00.000";
const ITERATOR: &str =
    "arn:aws:dynamodb:us-east-1:123456789012:table/matrix/stream/2026-01-15T12:00:00.000|1|matrix";

fn structure<const N: usize>(members: [(&'static str, Value); N]) -> Value {
    Value::Struct(members.into_iter().collect())
}

/// Lists and structures that have no required member: empty ones cannot be written.
fn ec2(operation: &str, member: &str) -> Option<Value> {
    if let ("AssociateIamInstanceProfile" | "ReplaceIamInstanceProfileAssociation", "IamInstanceProfile") =
        (operation, member)
    {
        return Some(structure([("Name", Value::str("matrix"))]));
    }
    if member == "LaunchTemplateData" {
        return Some(structure([("InstanceType", Value::str("t3.micro"))]));
    }
    if member == "IamFleetRole" {
        return Some(Value::str("arn:aws:iam::123456789012:role/matrix"));
    }
    let item = match (operation, member) {
        ("CreateTags", "Tags") => structure([("Key", Value::str("matrix")), ("Value", Value::str("matrix"))]),
        ("CreateDhcpOptions", "DhcpConfigurations") => structure([
            ("Key", Value::str("domain-name")),
            ("Values", Value::List(vec![Value::str("example.com")])),
        ]),
        ("CreateFleet", "LaunchTemplateConfigs") => {
            let by = [("LaunchTemplateName", Value::str("matrix")), ("Version", Value::str("1"))];
            structure([("LaunchTemplateSpecification", structure(by))])
        }
        _ => return None,
    };
    Some(Value::List(vec![item]))
}

/// What the model leaves to the service: a table has attributes, a transaction does something.
fn dynamodb(operation: &str, member: &str) -> Option<Value> {
    Some(match (operation, member) {
        ("CreateTable", "AttributeDefinitions") => Value::List(vec![structure([
            ("AttributeName", Value::str("k")),
            ("AttributeType", Value::str("S")),
        ])]),
        ("CreateTable", "KeySchema") => Value::List(vec![structure([
            ("AttributeName", Value::str("k")),
            ("KeyType", Value::str("HASH")),
        ])]),
        ("ImportTable", "TableCreationParameters") => structure([
            ("TableName", Value::str("matrix-import")),
            ("AttributeDefinitions", dynamodb("CreateTable", "AttributeDefinitions")?),
            ("KeySchema", dynamodb("CreateTable", "KeySchema")?),
            ("BillingMode", Value::str("PAY_PER_REQUEST")),
        ]),
        ("CreateTable", "BillingMode") => Value::str("PAY_PER_REQUEST"),
        (_, "Statement") => Value::str("SELECT * FROM \"matrix\" WHERE k = 'a'"),
        ("TransactWriteItems", "TransactItems") => {
            let key = Value::Map(vec![("k".to_owned(), structure([("S", Value::str("a"))]))]);
            let put = structure([("TableName", Value::str("matrix")), ("Item", key)]);
            Value::List(vec![structure([("Put", put)])])
        }
        _ => return None,
    })
}

fn is_required(service: &str, operation: &str, member: &str) -> bool {
    let find = || {
        let service = wire::catalog::service(service)?;
        let input = service.operation(operation)?.input?;
        Some(service.structure(input)?.member(member)?.required)
    };
    find().unwrap_or(false)
}
