//! Requests of every kind find their operation, or the refusal that AWS gives.

use super::{Reason, Route, Step, route, route_head, streams_request};
use crate::catalog;
use crate::head::Head;
use crate::model::Protocol;
use http::{HeaderMap, HeaderName, HeaderValue};

type Headers<'a> = &'a [(&'a str, &'a str)];

fn headers(list: Headers) -> HeaderMap {
    let pair = |(n, v): &(&str, &str)| (HeaderName::try_from(*n).unwrap(), HeaderValue::from_str(v).unwrap());
    list.iter().map(pair).collect()
}

/// `GET /path?query` with headers, and a body.
fn run(line: &str, list: &[(&str, &str)], body: &str) -> Result<String, (Reason, u16, String, String)> {
    let headers = headers(list);
    let (method, target) = line.split_once(' ').unwrap();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let head = Head { method, path, query, headers: &headers };
    match route(&head, body.as_bytes()) {
        Ok(Route { service, protocol, operation, labels, region, .. }) => {
            let mut out = format!("{} {protocol:?} {}", service.id, operation.name);
            labels.iter().for_each(|(name, value)| out += &format!(" {name}={value}"));
            Ok(out + &region.map(|r| format!(" in {r}")).unwrap_or_default())
        }
        Err(r) => Err((r.reason, r.fault.status, r.fault.code, r.fault.message)),
    }
}

fn scope(service: &str) -> (&'static str, String) {
    let credential = format!("AKID/20260101/eu-west-1/{service}/aws4_request");
    ("authorization", format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0"))
}

fn signed(line: &str, service: &str, more: &[(&str, &str)], body: &str) -> String {
    let (name, value) = scope(service);
    let mut list = vec![(name, value.as_str()), ("host", "localhost:4566")];
    list.extend(more);
    run(line, &list, body).unwrap_or_else(|e| format!("{e:?}"))
}

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded; charset=utf-8");

#[test]
fn json_goes_by_target() {
    let json = |target, ty| run("POST /", &[("x-amz-target", target), ("content-type", ty)], "{}");
    let table = [
        ("DynamoDB_20120810.PutItem", "dynamodb Json10 PutItem"),
        ("DynamoDBStreams_20120810.ListStreams", "dynamodbstreams Json10 ListStreams"),
        ("AmazonSQS.SendMessage", "sqs Json10 SendMessage"),
        ("TrentService.Encrypt", "kms Json10 Encrypt"),
        ("GraniteServiceVersion20100801.PutMetricData", "cloudwatch Json10 PutMetricData"),
        (
            "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents",
            "cloudtrail Json10 LookupEvents",
        ),
    ];
    for (target, want) in table {
        assert_eq!(json(target, "application/x-amz-json-1.0"), Ok(want.into()), "{target}");
    }
    assert_eq!(json("TrentService.Encrypt", "application/x-amz-json-1.1"), Ok("kms Json11 Encrypt".into()));
    let unknown = |reason, status: u16, code: &str| Err((reason, status, code.to_owned(), String::new()));
    assert_eq!(
        json("TrentService.Nothing", "application/x-amz-json-1.1"),
        unknown(Reason::UnknownOperation, 400, "UnknownOperationException")
    );
    assert_eq!(
        json("TrentService.Encrypt", "text/plain"),
        unknown(Reason::ContentType, 400, "UnknownOperationException")
    );
    let nowhere = json("Nowhere.Encrypt", "application/x-amz-json-1.1").unwrap_err();
    assert_eq!((nowhere.0, nowhere.1), (Reason::UnknownService, 404));
}

#[test]
fn cbor_goes_by_path() {
    let cbor = |line| run(line, &[("smithy-protocol", "rpc-v2-cbor")], "");
    let want = Ok("cloudwatch RpcV2Cbor PutMetricData".into());
    assert_eq!(cbor("POST /service/GraniteServiceVersion20100801/operation/PutMetricData"), want);
    assert_eq!(cbor("POST /x/service/GraniteServiceVersion20100801/operation/PutMetricData"), want);
    let table = [
        ("POST /service/GraniteServiceVersion20100801/operation/Nothing", Reason::UnknownOperation),
        ("GET /service/GraniteServiceVersion20100801/operation/PutMetricData", Reason::UnknownOperation),
        ("POST /service/TrentService/operation/Encrypt", Reason::UnknownService),
        ("POST /operation/Encrypt", Reason::UnknownService),
        ("POST /", Reason::UnknownService),
    ];
    for (line, reason) in table {
        assert_eq!(cbor(line).unwrap_err().0, reason, "{line}");
    }
}

#[test]
fn query_goes_by_scope_and_action() {
    let table = [
        ("iam", "Action=CreateUser&Version=2010-05-08", "iam Query CreateUser in eu-west-1"),
        ("ec2", "Action=RunInstances&Version=2016-11-15", "ec2 Ec2Query RunInstances in eu-west-1"),
        ("sqs", "Action=SendMessage&Version=2012-11-05", "sqs Query SendMessage in eu-west-1"),
        ("monitoring", "Action=PutMetricData", "cloudwatch Query PutMetricData in eu-west-1"),
        (
            "elasticloadbalancing",
            "Action=DescribeLoadBalancers&Version=2015-12-01",
            "elbv2 Query DescribeLoadBalancers in eu-west-1",
        ),
        (
            "elasticloadbalancing",
            "Action=DescribeLoadBalancers&Version=2012-06-01",
            "elb Query DescribeLoadBalancers in eu-west-1",
        ),
        // A query request that a load balancer or a person sends without its content type.
        (
            "iam",
            "Action=Nothing&Version=2010-05-08",
            r#"(UnknownOperation, 400, "InvalidAction", "Could not find operation Nothing for version 2010-05-08")"#,
        ),
        (
            "ec2",
            "Action=Nothing&Version=2016-11-15",
            r#"(UnknownOperation, 400, "InvalidAction", "The action Nothing is not valid for this web service.")"#,
        ),
        (
            "iam",
            "Action=Nothing&Version=1999",
            r#"(Version, 400, "InvalidAction", "Could not find operation Nothing for version 1999")"#,
        ),
        ("iam", "Version=2010-05-08", r#"(UnknownOperation, 400, "MissingAction", "Missing Action")"#),
        (
            "ec2",
            "",
            r#"(UnknownOperation, 400, "MissingParameter", "The request must contain the parameter Action")"#,
        ),
    ];
    for (service, body, want) in table {
        assert_eq!(signed("POST /", service, &[FORM], body), want, "{service} {body}");
        assert_eq!(signed(&format!("GET /?{body}"), service, &[], ""), want, "{service} {body}");
    }
    let unknown = signed("POST /", "timestream", &[FORM], "Action=X");
    assert_eq!(
        unknown,
        r#"(UnknownService, 404, "UnknownService", "The service timestream is not known here.")"#
    );
}

#[test]
fn unsigned_query_goes_by_version() {
    let body = "Action=AssumeRoleWithWebIdentity&Version=2011-06-15";
    assert_eq!(run("POST /", &[FORM], body), Ok("sts Query AssumeRoleWithWebIdentity".into()));
    let host = ("host", "sts.eu-west-1.amazonaws.com");
    let want = "sts Query AssumeRoleWithWebIdentity in eu-west-1";
    assert_eq!(run("POST /", &[FORM, host], body), Ok(want.into()));
    let neither = run("POST /", &[FORM], "Action=AssumeRoleWithWebIdentity").unwrap_err();
    assert_eq!(neither.0, Reason::UnknownService);
}

#[test]
fn rest_goes_by_method_and_path() {
    let table = [
        ("lambda", "POST /2015-03-31/functions", "lambda RestJson CreateFunction"),
        ("lambda", "POST /2015-03-31/functions/", "lambda RestJson CreateFunction"),
        ("lambda", "GET /2015-03-31/functions/", "lambda RestJson ListFunctions"),
        (
            "lambda",
            "POST /2015-03-31/functions/arn%3Aaws/invocations",
            "lambda RestJson Invoke FunctionName=arn%3Aaws",
        ),
        (
            "route53",
            "POST /2013-04-01/hostedzone/Z1/rrset/",
            "route53 RestXml ChangeResourceRecordSets Id=Z1",
        ),
        (
            "apigateway",
            "GET /restapis/a/resources/b",
            "apigateway RestJson GetResource restapi_id=a resource_id=b",
        ),
        ("apigateway", "GET /v2/apis/a", "apigatewayv2 RestJson GetApi apiId=a"),
        ("bedrock", "POST /model/m/converse", "bedrock-runtime RestJson Converse modelId=m"),
        ("bedrock", "GET /foundation-models", "bedrock RestJson ListFoundationModels"),
        ("batch", "POST /v1/submitjob", "batch RestJson SubmitJob"),
    ];
    for (service, line, want) in table {
        assert_eq!(signed(line, service, &[], ""), format!("{want} in eu-west-1"), "{line}");
    }
    let table = [
        ("lambda", "GET /nothing", r#"(UnknownOperation, 404, "UnknownOperationException", "")"#),
        (
            "lambda",
            "PATCH /2015-03-31/functions",
            r#"(MethodNotAllowed, 405, "UnknownOperationException", "")"#,
        ),
        (
            "lambda",
            "POST /2015-03-31/functions//invocations",
            r#"(UnknownOperation, 404, "UnknownOperationException", "")"#,
        ),
        ("kms", "POST /", r#"(UnknownOperation, 400, "UnknownOperationException", "")"#),
    ];
    for (service, line, want) in table {
        assert_eq!(signed(line, service, &[], ""), want, "{line}");
    }
}

#[test]
fn s3_by_path_query_and_header() {
    let table: &[(&str, Headers, &str)] = &[
        ("GET /", &[], "ListBuckets"),
        ("GET /?x-id=ListDirectoryBuckets", &[], "ListDirectoryBuckets"),
        ("PUT /b", &[], "CreateBucket Bucket=b"),
        ("GET /b", &[], "ListObjects Bucket=b"),
        ("GET /b/", &[], "ListObjects Bucket=b"),
        ("GET /b?list-type=2&prefix=a", &[], "ListObjectsV2 Bucket=b"),
        ("GET /b?acl", &[], "GetBucketAcl Bucket=b"),
        ("GET /b?lifecycle", &[], "GetBucketLifecycleConfiguration Bucket=b"),
        ("PUT /b?lifecycle=", &[], "PutBucketLifecycleConfiguration Bucket=b"),
        ("GET /b?notification", &[], "GetBucketNotificationConfiguration Bucket=b"),
        ("GET /b?analytics", &[], "ListBucketAnalyticsConfigurations Bucket=b"),
        ("GET /b?analytics&id=1", &[], "GetBucketAnalyticsConfiguration Bucket=b"),
        ("POST /b?delete", &[], "DeleteObjects Bucket=b"),
        ("HEAD /b", &[], "HeadBucket Bucket=b"),
        ("GET /b/k", &[], "GetObject Bucket=b Key=k"),
        ("GET /b/k/", &[], "GetObject Bucket=b Key=k/"),
        ("GET /b//a//b%2Fc/", &[], "GetObject Bucket=b Key=/a//b%2Fc/"),
        ("GET /b/k?versionId=3", &[], "GetObject Bucket=b Key=k"),
        ("GET /b/k?acl", &[], "GetObjectAcl Bucket=b Key=k"),
        ("GET /b/k?uploadId=7", &[], "ListParts Bucket=b Key=k"),
        ("PUT /b/k", &[], "PutObject Bucket=b Key=k"),
        ("PUT /b/k", &[("x-amz-copy-source", "/b/j")], "CopyObject Bucket=b Key=k"),
        ("PUT /b/k?partNumber=1&uploadId=7", &[], "UploadPart Bucket=b Key=k"),
        (
            "PUT /b/k?partNumber=1&uploadId=7",
            &[("x-amz-copy-source", "/b/j")],
            "UploadPartCopy Bucket=b Key=k",
        ),
        ("POST /b/k?uploads", &[], "CreateMultipartUpload Bucket=b Key=k"),
        ("POST /b/k?uploadId=7", &[], "CompleteMultipartUpload Bucket=b Key=k"),
        ("DELETE /b/k?uploadId=7", &[], "AbortMultipartUpload Bucket=b Key=k"),
        ("DELETE /b/k", &[], "DeleteObject Bucket=b Key=k"),
        ("GET /k?tagging", &[("host", "b.s3.localhost:4566")], "GetObjectTagging Bucket=b Key=k"),
        ("GET /", &[("host", "b.s3.eu-west-1.amazonaws.com")], "ListObjects Bucket=b"),
        ("GET /?acl", &[("host", "b.s3.amazonaws.com")], "GetBucketAcl Bucket=b"),
        ("PUT /a/b/c", &[("host", "my.b.s3.amazonaws.com")], "PutObject Bucket=my.b Key=a/b/c"),
    ];
    for (line, more, want) in table {
        let (name, value) = scope("s3");
        let mut list = vec![(name, value.as_str())];
        list.extend(*more);
        let got = run(line, &list, "").unwrap_or_else(|e| format!("{e:?}"));
        assert_eq!(got, format!("s3 RestXml {want} in eu-west-1"), "{line} {more:?}");
    }
    let unclear = |message: &str| format!(r#"(Malformed, 400, "InvalidArgument", "{message}")"#);
    for (line, message) in [
        ("GET /b?versioning&acl", "Conflicting query string parameters: acl, versioning"),
        ("GET /b/k?uploadId=1&uploads", "Conflicting query string parameters: uploadId, uploads"),
        ("PUT /b/k?partNumber=1", "This operation does not accept partNumber without uploadId"),
        ("GET /b?list-type=1", "Invalid List Type specified in Request"),
        ("GET /b?list-type=3", "Invalid List Type specified in Request"),
        (
            "HEAD /b/k?response-x=y",
            "response-x is not in the set of overridable response headers. Please refer to the S3 API documentation for a complete list of overridable response headers.",
        ),
    ] {
        assert_eq!(signed(line, "s3", &[], ""), unclear(message), "{line}");
    }
    let not_allowed = r#"(Malformed, 405, "MethodNotAllowed", "The specified method is not allowed against this resource.")"#;
    let of_no_key = |code: &str, message: &str| format!(r#"(Malformed, 400, "{code}", "{message}")"#);
    let versions = "There is no such thing as the ?versions sub-resource for a key";
    let uploads = "Key is not expected for the GET method ?uploads subresource";
    let logging = "There is no such thing as a logging status sub-resource for a key.";
    for (line, want) in [
        ("PUT /b/k?uploadId=7", not_allowed.to_owned()),
        ("DELETE /b/k?acl", not_allowed.to_owned()),
        ("DELETE /b?versioning", not_allowed.to_owned()),
        ("PUT /b?uploads", not_allowed.to_owned()),
        ("GET /b/k?versions", of_no_key("InvalidRequest", versions)),
        ("GET /b/k?uploads", of_no_key("InvalidRequest", uploads)),
        ("GET /b/k?logging", of_no_key("NoLoggingStatusForKey", logging)),
        ("PUT /b/k?logging", of_no_key("NoLoggingStatusForKey", logging)),
    ] {
        assert_eq!(signed(line, "s3", &[], ""), want, "{line}");
    }
    assert_eq!(
        signed("PUT /b/k", "s3", &[("x-amz-checksum-sha256a", "x")], ""),
        r#"(Malformed, 400, "InvalidRequest", "The algorithm type you specified in x-amz-checksum- header is invalid.")"#
    );
    for name in ["x-amz-checksum-crc32", "x-amz-checksum-type", "x-amz-checksum-xxhash64"] {
        let put = signed("PUT /b/k?response-x=y", "s3", &[(name, "x")], "");
        assert_eq!(put, "s3 RestXml PutObject Bucket=b Key=k in eu-west-1");
    }
    let control = signed("GET /v20180820/jobs", "s3", &[("x-amz-account-id", "1")], "");
    assert_eq!(control, "s3control RestXml ListJobs in eu-west-1");
    let policy = signed("GET /v20180820/mrap/instances/a/policy", "s3", &[("x-amz-account-id", "1")], "");
    assert_eq!(policy, "s3control RestXml GetMultiRegionAccessPointPolicy name=a in eu-west-1");
    let bucket = signed("GET /v20180820/jobs", "s3", &[], "");
    assert_eq!(bucket, "s3 RestXml GetObject Bucket=v20180820 Key=jobs in eu-west-1");
    assert_eq!(
        signed("PATCH /b", "s3", &[], ""),
        r#"(MethodNotAllowed, 405, "MethodNotAllowed", "The specified method is not allowed against this resource.")"#
    );
}

#[test]
fn presigned_and_anonymous_requests() {
    let line = "GET /b/k?X-Amz-Credential=AKID%2F20260101%2Feu-west-1%2Fs3%2Faws4_request";
    assert_eq!(run(line, &[], ""), Ok("s3 RestXml GetObject Bucket=b Key=k in eu-west-1".into()));
    let v2 = [("authorization", "AWS AKID:signature")];
    assert_eq!(run("GET /b/k", &v2, ""), Ok("s3 RestXml GetObject Bucket=b Key=k".into()));
    assert_eq!(run("GET /b/k", &[], ""), Ok("s3 RestXml GetObject Bucket=b Key=k".into()));
    let many = "AWS4-HMAC-SHA256 Credential=AKID/20260101/eu-west-1/s3/extra/things, Signature=0";
    let got = run("GET /b/k", &[("authorization", many)], "");
    assert_eq!(got, Ok("s3 RestXml GetObject Bucket=b Key=k in eu-west-1".into()));
    let sso = "GET /federation/credentials?role_name=r&account_id=1";
    let token = [("x-amz-sso_bearer_token", "t")];
    assert_eq!(run(sso, &token, ""), Ok("sso RestJson GetRoleCredentials".into()));
    let four_a = "AWS4-ECDSA-P256-SHA256 Credential=AKID/20260101/s3/aws4_request, Signature=0";
    let got = run("GET /b", &[("authorization", four_a)], "");
    assert_eq!(got, Ok("s3 RestXml ListObjects Bucket=b".into()));
    // It may be good in many regions: the host tells which is meant, or the set itself.
    let host = ("host", "s3.eu-west-1.amazonaws.com");
    for (more, region) in [
        (vec![host, ("x-amz-region-set", "*")], " in eu-west-1"),
        (vec![host, ("x-amz-region-set", "us-east-1")], " in eu-west-1"),
        (vec![("x-amz-region-set", "ap-south-1")], " in ap-south-1"),
        (vec![("x-amz-region-set", "eu-*")], ""),
        (vec![("x-amz-region-set", "eu-west-1,us-east-1")], ""),
    ] {
        let headers = [vec![("authorization", four_a)], more].concat();
        assert_eq!(run("GET /b", &headers, ""), Ok(format!("s3 RestXml ListObjects Bucket=b{region}")));
    }
}

#[test]
fn a_website_is_told_from_a_bucket() {
    let headers = headers(&[("host", "b.s3-website-us-east-1.amazonaws.com")]);
    let head = Head { method: "GET", path: "/index.html", query: "", headers: &headers };
    let Ok(Step::Ready(route)) = route_head(&head) else { panic!("no route") };
    assert!(route.website);
    assert_eq!(route.labels, [("Bucket", "b"), ("Key", "index.html")]);
}

#[test]
fn streams_are_known_from_the_model() {
    let table = [
        ("s3", "PutObject", true),
        ("s3", "UploadPart", true),
        ("s3", "CopyObject", false),
        ("s3", "DeleteObjects", false),
        ("lambda", "Invoke", false),
        ("glacier", "UploadArchive", true),
        ("ebs", "PutSnapshotBlock", true),
        ("bedrock-runtime", "InvokeModelWithBidirectionalStream", true),
        ("iam", "CreateUser", false),
    ];
    for (id, name, want) in table {
        let service = catalog::service(id).unwrap();
        let op = catalog::operation(service, name).unwrap();
        assert_eq!(streams_request(service, op), want, "{id} {name}");
    }
    assert_eq!(Protocol::RestXml, super::rest_protocol(catalog::service("s3").unwrap()));
}
