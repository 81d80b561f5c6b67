//! What services do on the wire that the published models do not say, as tables.

use super::xml;
use crate::fault::Fault;
use crate::model::{Operation, Protocol, Service};

/// S3's document roots, from the response syntax of each operation in its API reference. Only those that are not
/// the payload member's own name.
const S3_ROOTS: &[(&str, &str)] = &[
    ("CompleteMultipartUpload", "CompleteMultipartUploadResult"),
    ("CreateMultipartUpload", "InitiateMultipartUploadResult"),
    ("CreateSession", "CreateSessionResult"),
    ("DeleteObjects", "DeleteResult"),
    ("GetBucketAccelerateConfiguration", "AccelerateConfiguration"),
    ("GetBucketAcl", "AccessControlPolicy"),
    ("GetBucketCors", "CORSConfiguration"),
    ("GetBucketLifecycle", "LifecycleConfiguration"),
    ("GetBucketLifecycleConfiguration", "LifecycleConfiguration"),
    ("GetBucketLocation", "LocationConstraint"),
    ("GetBucketLogging", "BucketLoggingStatus"),
    ("GetBucketNotification", "NotificationConfiguration"),
    ("GetBucketNotificationConfiguration", "NotificationConfiguration"),
    ("GetBucketRequestPayment", "RequestPaymentConfiguration"),
    ("GetBucketTagging", "Tagging"),
    ("GetBucketVersioning", "VersioningConfiguration"),
    ("GetBucketWebsite", "WebsiteConfiguration"),
    ("GetObjectAcl", "AccessControlPolicy"),
    ("GetObjectAttributes", "GetObjectAttributesResponse"),
    ("GetObjectTagging", "Tagging"),
    ("ListBucketAnalyticsConfigurations", "ListBucketAnalyticsConfigurationResult"),
    ("ListBucketInventoryConfigurations", "ListInventoryConfigurationsResult"),
    ("ListBucketMetricsConfigurations", "ListMetricsConfigurationsResult"),
    ("ListBuckets", "ListAllMyBucketsResult"),
    ("ListDirectoryBuckets", "ListAllMyDirectoryBucketsResult"),
    ("ListMultipartUploads", "ListMultipartUploadsResult"),
    ("ListObjectVersions", "ListVersionsResult"),
    ("ListObjects", "ListBucketResult"),
    ("ListObjectsV2", "ListBucketResult"),
    ("ListParts", "ListPartsResult"),
];

/// S3's documents whose examples in its API reference have another order than the model. Listings: name and marks first,
/// then what was found. Versions and delete markers alternate there, in the order of their keys. Copies: the time first.
const S3_AS_GIVEN: &[&str] = &[
    "CopyObject",
    "ListMultipartUploads",
    "ListObjectVersions",
    "ListObjects",
    "ListObjectsV2",
    "ListParts",
    "UploadPartCopy",
];

/// Namespaces of services whose models name none for their responses, from their API references' examples.
const NAMESPACES: &[(&str, &str)] = &[
    ("cloudfront", "http://cloudfront.amazonaws.com/doc/2020-05-31/"),
    ("ec2", "http://ec2.amazonaws.com/doc/2016-11-15/"),
    ("route53", "https://route53.amazonaws.com/doc/2013-04-01/"),
    ("s3", "http://s3.amazonaws.com/doc/2006-03-01/"),
    ("s3control", "http://awss3control.amazonaws.com/doc/2018-08-20/"),
    ("sqs", "http://queue.amazonaws.com/doc/2012-11-05/"),
];

const DYNAMODB: &str = "com.amazonaws.dynamodb.v20120810#";

/// Services whose JSON errors carry a namespace before the code: the example in DynamoDB's guide to error handling,
/// and the absolute names that AWS's SDKs know SQS's errors by. The others write the code alone.
const ERROR_PREFIXES: &[(&str, &str)] =
    &[("dynamodb", DYNAMODB), ("dynamodbstreams", DYNAMODB), ("sqs", SQS)];

const SQS: &str = "com.amazonaws.sqs#";

/// Errors that no operation models come from the framework in front of the service.
const DYNAMODB_VALIDATION: &str = "com.amazon.coral.validate#";
const FRAMEWORK: &str = "com.amazon.coral.service#";

/// Errors that no operation models, and that have one name in the JSON protocol and another in the query protocol:
/// service, JSON's, query's. Recorded answers of AWS carry both (`__type` and `x-amzn-query-error`).
const TWO_NAMES: &[(&str, &str, &str)] = &[
    ("sqs", "InvalidParameterValueException", "InvalidParameterValue"),
    ("sqs", "MissingRequiredParameterException", "MissingParameter"),
    ("sqs", "SerializationException", "MalformedInput"),
    ("sqs", "AccessDeniedException", "AccessDenied"),
];

/// Messages of the query protocol that differ: service, the query protocol's code, message.
const QUERY_MESSAGES: &[(&str, &str, &str)] = &[(
    "sqs",
    "AWS.SimpleQueueService.NonExistentQueue",
    "The specified queue does not exist for this wsdl version.",
)];

/// Whether the error is DynamoDB's of a request that it cannot read.
pub(crate) fn is_dynamodbs(service: &Service, code: &str) -> bool {
    code == "SerializationException" && matches!(service.id, "dynamodb" | "dynamodbstreams")
}

/// Whether the error is a failed condition of DynamoDB's with the item that failed it, whose message AWS writes with a
/// capital although its model does not: recorded answers, read by the model, have none.
pub(crate) fn shows_item(service: &Service, fault: &Fault) -> bool {
    fault.code == "ConditionalCheckFailedException"
        && service.id == "dynamodb"
        && fault.members.get("Item").is_some()
}

/// The member in which a service tells whose fault an error was, and its word for the caller, where its model has the
/// member of the error: recorded answers of Lambda have it of all that the caller has done wrong.
pub(crate) fn side_member(service: &Service, status: u16) -> Option<(&'static str, &'static str)> {
    (service.id == "lambda" && (400..500).contains(&status)).then_some(("Type", "User"))
}

/// JSON's name of an error that no operation models.
pub(crate) fn shape_of(service: &Service, code: &str) -> Option<&'static str> {
    TWO_NAMES.iter().find(|(id, _, query)| *id == service.id && *query == code).map(|(_, shape, _)| *shape)
}

/// The query protocol's name of an error that no operation models.
pub(crate) fn code_of(service: &Service, shape: &str) -> Option<&'static str> {
    TWO_NAMES.iter().find(|(id, json, _)| *id == service.id && *json == shape).map(|(_, _, query)| *query)
}

/// What the query protocol says instead.
pub(crate) fn message(service: &Service, protocol: Protocol, code: &str) -> Option<&'static str> {
    let found = QUERY_MESSAGES.iter().find(|(id, of, _)| *id == service.id && *of == code);
    found.filter(|_| protocol == Protocol::Query).map(|(_, _, message)| *message)
}

/// Statuses that S3 answers and its model does not have, from the response syntax of its API reference.
// AWS: recorded answers, for the configurations by id.
const S3_STATUSES: &[(&str, u16)] = &[
    ("PutBucketAnalyticsConfiguration", 204),
    ("PutBucketIntelligentTieringConfiguration", 204),
    ("PutBucketInventoryConfiguration", 204),
    ("PutBucketMetricsConfiguration", 204),
    ("PutBucketPolicy", 204),
    ("PutBucketTagging", 204),
];

/// The status of an answer that went well.
pub(crate) fn status(service: &Service, op: &Operation) -> u16 {
    let of_s3 = S3_STATUSES.iter().find(|(name, _)| *name == op.name && is_s3(service));
    of_s3.map_or(op.status, |(_, status)| *status)
}

/// AWS: recorded answers of this one tell the type of a document that they do not have.
pub(crate) fn is_typed_without_body(service: &Service, op: &Operation) -> bool {
    op.name == "HeadBucket" && is_s3(service)
}

pub(crate) fn is_s3(service: &Service) -> bool {
    service.id == "s3"
}

fn find(table: &'static [(&str, &str)], key: &str) -> Option<&'static str> {
    table.iter().find(|(k, _)| *k == key).map(|(_, v)| *v)
}

pub(crate) fn namespace(service: &Service) -> &'static str {
    find(NAMESPACES, service.id).unwrap_or(service.xml_namespace)
}

/// The root of a rest-xml response without a payload member.
pub(crate) fn root(service: &Service, op: &Operation) -> &'static str {
    let from_table = if is_s3(service) { find(S3_ROOTS, op.name) } else { None };
    let Some(output) = op.output else { return op.name };
    let from_model = service.structure(output).map_or("", |s| s.xml_name);
    from_table.unwrap_or(if from_model.is_empty() { service.shape(output).name } else { from_model })
}

/// GetBucketLocation's only member is the text of the root itself.
pub(crate) fn root_is_text(service: &Service, op: &Operation) -> bool {
    is_s3(service) && op.name == "GetBucketLocation"
}

/// The members stand as the handler gives them, one member perhaps in several runs.
pub(crate) fn as_given(service: &Service, op: &Operation) -> bool {
    is_s3(service) && S3_AS_GIVEN.contains(&op.name)
}

/// What stands before a code in `__type`.
pub(crate) fn error_prefix(service: &Service, code: &str, modelled: bool) -> &'static str {
    match find(ERROR_PREFIXES, service.id) {
        Some(DYNAMODB) if !modelled => {
            if code == "ValidationException" {
                DYNAMODB_VALIDATION
            } else {
                FRAMEWORK
            }
        }
        Some(SQS) if !modelled => FRAMEWORK,
        Some(prefix) => prefix,
        None => "",
    }
}

/// Smithy's namespace of a service's shapes (`com.amazonaws.servicediscovery#`): rpc-v2-cbor wants absolute names.
/// Empty before a service is known.
pub(crate) fn shape_namespace(service: &Service) -> String {
    if service.service_id.is_empty() {
        return String::new();
    }
    let name = service.service_id.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase());
    "com.amazonaws.".chars().chain(name).chain(['#']).collect()
}

/// A service that moved from query to another protocol, and whose clients still match on the query codes.
pub(crate) fn speaks_query_too(service: &Service, protocol: Protocol) -> bool {
    protocol != Protocol::Query && service.protocols.contains(&Protocol::Query)
}

/// How an XML document begins: Route 53, CloudFront and SQS name no encoding, and the other query services have no
/// declaration at all.
pub(crate) fn declaration(service: &Service, protocol: Protocol) -> &'static [u8] {
    match (protocol, service.id) {
        (Protocol::Query, "sqs") => b"<?xml version=\"1.0\"?>",
        (Protocol::Query, _) => b"",
        (_, "cloudfront" | "route53") => b"<?xml version=\"1.0\"?>\n",
        _ => xml::DECLARATION,
    }
}

#[cfg(test)]
mod tests {
    use super::{ERROR_PREFIXES, NAMESPACES, S3_AS_GIVEN, S3_ROOTS, root};
    use crate::catalog;
    use crate::model::Protocol;

    #[test]
    fn every_entry_names_something_in_the_models() {
        for (id, _) in NAMESPACES.iter().chain(ERROR_PREFIXES) {
            assert!(catalog::service(id).is_some(), "{id}");
        }
        let s3 = catalog::service("s3").unwrap();
        for (name, _) in S3_ROOTS {
            let op = s3.operation(name).unwrap_or_else(|| panic!("S3 has no {name}"));
            let output = op.output.and_then(|id| s3.structure(id)).unwrap();
            assert_eq!(output.payload, None, "{name} has a payload, whose name is the root");
        }
        assert!(S3_AS_GIVEN.iter().all(|name| s3.operation(name).is_some()));
    }

    #[test]
    fn roots_and_namespaces() {
        let cases = [
            ("s3", "ListObjectsV2", "ListBucketResult"),
            ("s3", "ListBuckets", "ListAllMyBucketsResult"),
            ("route53", "ListHostedZones", "ListHostedZonesResponse"),
            ("s3control", "ListStorageLensConfigurations", "ListStorageLensConfigurationResult"),
        ];
        for (id, name, expected) in cases {
            let service = catalog::service(id).unwrap();
            assert_eq!(root(service, service.operation(name).unwrap()), expected);
        }
        let namespace = |id| super::shape_namespace(catalog::service(id).unwrap());
        assert_eq!(namespace("cloudwatch"), "com.amazonaws.cloudwatch#");
        assert_eq!(namespace("servicediscovery"), "com.amazonaws.servicediscovery#");
        for entry in catalog::services() {
            let service = catalog::service(entry.id).unwrap();
            let xml = |p: &Protocol| matches!(p, Protocol::Query | Protocol::Ec2Query | Protocol::RestXml);
            if service.protocols.iter().any(xml) {
                assert_ne!(super::namespace(service), "", "{}", service.id);
            }
        }
    }
}
