//! The embedded models hold together and say what AWS's own say.

use super::{SLOTS, format, operation, packed, service, services};
use crate::model::{Kind, MemberRef, Protocol, Service, ShapeId};

fn references(service: &Service) -> Vec<ShapeId> {
    let mut out = Vec::new();
    for op in &service.operations {
        out.extend(op.input.iter().chain(&op.output).chain(&op.errors));
    }
    let mut add = |r: &MemberRef| out.push(r.shape);
    for shape in &service.shapes {
        match &shape.kind {
            Kind::Structure(s) => s.members.iter().for_each(|m| add(&m.target)),
            Kind::List { element, .. } => add(element),
            Kind::Map { key, value, .. } => [key, value].into_iter().for_each(&mut add),
            _ => {}
        }
    }
    out
}

#[test]
fn every_model_decodes_and_its_references_resolve() {
    let listed = include_str!("../../../../models/services.txt");
    let listed: Vec<Vec<&str>> = listed.lines().map(|line| line.split(' ').collect()).collect();
    assert_eq!(
        listed.iter().map(|line| line[0]).collect::<Vec<_>>(),
        SLOTS.iter().map(|s| s.id).collect::<Vec<_>>()
    );
    assert_eq!(services().len(), SLOTS.len());
    for ((slot, entry), line) in SLOTS.iter().zip(services()).zip(listed) {
        let service = service(slot.id).unwrap_or_else(|| panic!("{} is corrupt", slot.id));
        assert_eq!((service.id, entry.id), (slot.id, slot.id));
        assert!(!service.operations.is_empty(), "{} has no operation", slot.id);
        assert!(!service.protocols.is_empty(), "{} has no protocol", slot.id);
        for id in references(service) {
            assert!((id.0 as usize) < service.shapes.len(), "{}: {id:?} does not resolve", slot.id);
        }
        for op in &service.operations {
            let found = operation(service, op.name);
            assert_eq!(found.map(|o| o.name), Some(op.name), "{}", slot.id);
            let shapes = [op.input, op.output];
            for id in shapes.iter().flatten() {
                assert!(service.structure(*id).is_some(), "{}.{}: not a structure", slot.id, op.name);
            }
        }
        let encoded = match line[1..] {
            [] => format::encode(service),
            ["packed"] => packed::encode(service),
            _ => panic!("{line:?}"),
        };
        assert_eq!(encoded, slot.file, "{} does not survive a round trip", slot.id);
    }
}

/// Id, operations, API version, signing name, target prefix, protocols.
type Facts = (&'static str, usize, &'static str, &'static str, &'static str, &'static [Protocol]);

#[test]
fn exact_facts() {
    let table: &[Facts] = &[
        ("iam", 180, "2010-05-08", "iam", "", &[Protocol::Query]),
        ("sts", 11, "2011-06-15", "sts", "", &[Protocol::Query]),
        ("ec2", 830, "2016-11-15", "ec2", "", &[Protocol::Ec2Query]),
        ("s3", 116, "2006-03-01", "s3", "", &[Protocol::RestXml]),
        ("s3control", 97, "2018-08-20", "s3", "", &[Protocol::RestXml]),
        ("sqs", 23, "2012-11-05", "sqs", "AmazonSQS", &[Protocol::Json10, Protocol::Query]),
        ("dynamodb", 62, "2012-08-10", "dynamodb", "DynamoDB_20120810", &[Protocol::Json10]),
        ("dynamodbstreams", 4, "2012-08-10", "dynamodb", "DynamoDBStreams_20120810", &[Protocol::Json10]),
        ("kms", 56, "2014-11-01", "kms", "TrentService", &[Protocol::Json11]),
        ("lambda", 91, "2015-03-31", "lambda", "", &[Protocol::RestJson]),
        ("stepfunctions", 37, "2016-11-23", "states", "AWSStepFunctions", &[Protocol::Json10]),
        (
            "cloudwatch",
            59,
            "2010-08-01",
            "monitoring",
            "GraniteServiceVersion20100801",
            &[Protocol::RpcV2Cbor, Protocol::Json10, Protocol::Query],
        ),
    ];
    for (id, operations, version, signing, target, protocols) in table {
        let s = service(id).unwrap();
        let got = (s.operations.len(), s.api_version, s.signing_name, s.target_prefix, &s.protocols[..]);
        assert_eq!(got, (*operations, *version, *signing, *target, *protocols), "{id}");
    }
    assert_eq!(services().len(), 51);
    assert!(service("nothing").is_none());
}

#[test]
fn operation_traits() {
    let op = |id: &str, name: &str| operation(service(id).unwrap(), name).unwrap();
    assert!(op("sts", "AssumeRoleWithWebIdentity").unsigned);
    assert!(!op("sts", "AssumeRole").unsigned);
    assert_eq!(op("iam", "CreateUser").result_wrapper, "CreateUserResult");
    assert_eq!(op("sqs", "SendMessage").result_wrapper, "SendMessageResult");
    assert_eq!(op("s3", "PutObject").checksum_algorithm_member, "ChecksumAlgorithm");
    assert!(op("s3", "DeleteObjects").checksum_required);
    assert_eq!(op("s3", "DeleteObject").status, 204);
    assert_eq!(op("stepfunctions", "StartSyncExecution").host_prefix, "sync-");
    assert_eq!(service("s3").unwrap().xml_namespace, "http://s3.amazonaws.com/doc/2006-03-01/");
    assert_eq!(service("route53").unwrap().xml_namespace, "https://route53.amazonaws.com/doc/2013-04-01/");
}

#[test]
fn a_corrupt_file_is_refused_at_any_length() {
    let file = SLOTS[SLOTS.binary_search_by(|s| s.id.cmp("sts")).unwrap()].file;
    for len in 0..file.len() {
        assert!(format::decode(&file[..len]).is_err(), "{len} bytes of sts decode");
    }
}
