//! The embedded models: found by id, decoded at first use, kept for the life of the process.

pub mod format;
pub mod packed;

pub use format::Entry;

use crate::model::{Operation, Protocol, Service};
use crate::route::rest::Index;
use std::sync::OnceLock;

macro_rules! slots {
    ($($id:literal,)+) => {
        [$( Slot {
            id: $id,
            file: include_bytes!(concat!("../../../models/", $id, ".bin")),
            model: OnceLock::new(),
        } ),+]
    };
}

/// Sorted by id; the same list as `models/services.txt`, which says as well whose files are [`packed`].
static SLOTS: [Slot; 51] = slots![
    "accessanalyzer",
    "acm",
    "apigateway",
    "apigatewayv2",
    "application-autoscaling",
    "autoscaling",
    "batch",
    "bedrock",
    "bedrock-runtime",
    "budgets",
    "ce",
    "cloudformation",
    "cloudfront",
    "cloudtrail",
    "cloudwatch",
    "cognito-idp",
    "dynamodb",
    "dynamodbstreams",
    "ebs",
    "ec2",
    "ecr",
    "ecr-public",
    "ecs",
    "efs",
    "elb",
    "elbv2",
    "events",
    "fis",
    "glacier",
    "iam",
    "kms",
    "lambda",
    "logs",
    "organizations",
    "pipes",
    "pricing",
    "rds",
    "resourcegroupstaggingapi",
    "route53",
    "route53resolver",
    "s3",
    "s3control",
    "scheduler",
    "secretsmanager",
    "servicediscovery",
    "sns",
    "sqs",
    "ssm",
    "sso",
    "stepfunctions",
    "sts",
];

struct Slot {
    id: &'static str,
    file: &'static [u8],
    /// `None` inside: the file is corrupt, which the tests rule out.
    model: OnceLock<Option<Model>>,
}

/// A decoded service with what routing looks up in it.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) service: Service,
    /// Numbers of the operations, by name.
    by_name: Vec<u32>,
    pub(crate) rest: Index,
}

impl Model {
    fn decode(file: &'static [u8]) -> Option<Model> {
        let service = packed::decode(file).ok()?;
        let mut by_name: Vec<u32> = (0..service.operations.len() as u32).collect();
        by_name.sort_by_key(|n| service.operations[*n as usize].name);
        let rest = Index::new(&service);
        Some(Model { service, by_name, rest })
    }

    pub(crate) fn operation(&self, name: &str) -> Option<&Operation> {
        let at = |n: &u32| &self.service.operations[*n as usize];
        let found = self.by_name.binary_search_by(|n| at(n).name.cmp(name)).ok()?;
        Some(at(&self.by_name[found]))
    }
}

/// The service with botocore's folder name `id` (`iam`, `ec2`, `elbv2`). The first call decodes it.
pub fn service(id: &str) -> Option<&'static Service> {
    let at = SLOTS.binary_search_by(|slot| slot.id.cmp(id)).ok()?;
    model(at).map(|model| &model.service)
}

/// What every model says of itself, by id; decodes no operation and no shape.
pub fn services() -> &'static [Entry] {
    static ENTRIES: OnceLock<Vec<Entry>> = OnceLock::new();
    ENTRIES.get_or_init(|| SLOTS.iter().filter_map(|slot| packed::entry(slot.file).ok()).collect())
}

/// Places in [`services`] by a name, sorted, so that those of one name are neighbours.
type Places = Vec<(&'static str, usize)>;

fn places(
    of: &'static OnceLock<Places>,
    name: fn(&Entry) -> &'static str,
) -> &'static [(&'static str, usize)] {
    of.get_or_init(|| {
        let mut all: Places = services().iter().enumerate().map(|(at, e)| (name(e), at)).collect();
        all.sort_unstable();
        all
    })
}

fn named(all: &'static [(&'static str, usize)], name: &str) -> &'static [(&'static str, usize)] {
    let start = all.partition_point(|(n, _)| *n < name);
    let count = all[start..].partition_point(|(n, _)| *n == name);
    &all[start..start + count]
}

/// The services that sign with `name`, each with its place in [`services`].
pub(crate) fn signing_as(name: &str) -> &'static [(&'static str, usize)] {
    static PLACES: OnceLock<Places> = OnceLock::new();
    named(places(&PLACES, |e| e.signing_name), name)
}

/// The services whose host names begin with `prefix`.
pub(crate) fn hosted_as(prefix: &str) -> &'static [(&'static str, usize)] {
    static PLACES: OnceLock<Places> = OnceLock::new();
    named(places(&PLACES, |e| e.endpoint_prefix), prefix)
}

/// The services with REST operations that need no signature: S3, where a policy may let everybody in, and those
/// that their models mark.
pub(crate) fn open_to_all() -> &'static [(&'static str, usize)] {
    static PLACES: OnceLock<Places> = OnceLock::new();
    PLACES.get_or_init(|| {
        let is_open = |e: &Entry| {
            let marked = || service(e.id).is_some_and(|s| s.operations.iter().any(|op| op.unsigned));
            e.id == "s3" || e.protocols.contains(&Protocol::RestJson) && marked()
        };
        services().iter().enumerate().filter(|(_, e)| is_open(e)).map(|(at, e)| (e.id, at)).collect()
    })
}

/// The model at a place in [`services`].
pub(crate) fn model(at: usize) -> Option<&'static Model> {
    let slot = SLOTS.get(at)?;
    slot.model.get_or_init(|| Model::decode(slot.file)).as_ref()
}

/// The operation `name` of `service`, by binary search.
pub fn operation(service: &Service, name: &str) -> Option<&'static Operation> {
    let at = SLOTS.binary_search_by(|slot| slot.id.cmp(service.id)).ok()?;
    model(at)?.operation(name)
}

#[cfg(test)]
mod tests;
