//! Every built operation against every kind of caller and every kind of bad input.
//!
//! The rows are generated from the models, so an operation that a service adds is covered at once. What cannot be
//! generated, needs no permission, or answers otherwise than the rule is listed in [`tables`] by name and reason; a
//! list that has become stale fails just as a missing row does.

mod bad;
mod callers;
mod generate;
mod tables;
mod unbuilt;

use crate::harness::{Caller, Cloud};
use generate::Generator;
use serde_json::Value;
use wire::model::{Operation, Service};

const ACCOUNT: &str = "123456789012";
const OTHER_ACCOUNT: &str = "210987654321";

/// One operation with its least valid input.
struct Row {
    service: &'static Service,
    operation: &'static Operation,
    op: &'static kernel::Op,
    input: wire::value::Struct,
}

impl Row {
    fn name(&self) -> String {
        format!("{}:{}", self.service.id, self.operation.name)
    }

    fn parameters(&self) -> Value {
        json(&wire::Value::Struct(self.input.clone()), self.service)
    }

    /// The service's dialect has one code for each of these.
    fn codes(&self) -> &'static tables::Codes {
        let found = tables::CODES.iter().find(|(id, _)| *id == self.service.id);
        &found.unwrap_or_else(|| panic!("tables::CODES lacks {}", self.service.id)).1
    }
}

/// A tree as the harness takes it.
fn json(value: &wire::Value, service: &Service) -> Value {
    match value {
        wire::Value::Struct(members) => {
            members.iter().map(|(name, v)| (name.to_owned(), json(v, service))).collect()
        }
        wire::Value::List(items) => items.iter().map(|v| json(v, service)).collect(),
        wire::Value::Map(pairs) => pairs.iter().map(|(k, v)| (k.clone(), json(v, service))).collect(),
        wire::Value::Time(time) if is_json(service) => time.seconds().into(),
        wire::Value::Time(time) => time.iso8601().into(),
        scalar => serde_json::from_str(&wire::json::text(scalar)).unwrap(),
    }
}

fn is_json(service: &Service) -> bool {
    !service.target_prefix.is_empty() || service.protocols.contains(&wire::model::Protocol::RestJson)
}

/// What the rows need to be there, and those who call.
struct World<'c> {
    root: Caller<'c>,
    /// A user without any permission.
    nobody: Caller<'c>,
    /// A user whose one inline policy the rows write.
    holder: Caller<'c>,
    /// Another account's user, who may do everything there.
    stranger: Caller<'c>,
    prepared: tables::Prepared,
}

const EVERYTHING: &str =
    r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;

impl<'c> World<'c> {
    fn new(cloud: &'c Cloud) -> World<'c> {
        let (root, there) = (cloud.root(ACCOUNT), cloud.root(OTHER_ACCOUNT));
        World {
            nobody: cloud.user(&root, "nobody", ""),
            holder: cloud.user(&root, "holder", EVERYTHING),
            stranger: cloud.user(&there, "stranger", EVERYTHING),
            prepared: tables::Prepared::new(&root),
            root,
        }
    }
}

/// A row for each built operation; those for which no input can be made by name and reason.
fn rows(prepared: &tables::Prepared) -> (Vec<Row>, Vec<(String, String)>) {
    let (mut rows, mut lost) = (Vec::new(), Vec::new());
    for built in virga::wiring::services() {
        let service = wire::catalog::service(built.id).unwrap();
        for op in built.ops() {
            let operation = service.operation(op.name).unwrap();
            let known =
                |service: &str, operation: &str, member: &str| prepared.known(service, operation, member);
            match (Generator { service, operation, known: &known }).input() {
                Ok(input) => rows.push(Row { service, operation, op, input }),
                Err(why) => lost.push((format!("{}:{}", service.id, op.name), why)),
            }
        }
    }
    (rows, lost)
}

/// Tries every row and reports all that failed.
fn each_row(cloud: &Cloud, test: impl Fn(&World<'_>, &Row) -> Result<(), String> + Sync) {
    let world = World::new(cloud);
    let (rows, _) = rows(&world.prepared);
    let failed: Vec<String> = rows
        .iter()
        .filter_map(|row| test(&world, row).err().map(|why| format!("{}: {why}", row.name())))
        .collect();
    assert!(failed.is_empty(), "{} of {} rows:\n{}", failed.len(), rows.len(), failed.join("\n"));
    assert!(rows.len() > 1, "there are no rows");
}

#[test]
fn every_operation_has_a_row_or_a_reason() {
    let cloud = Cloud::new();
    let prepared = tables::Prepared::new(&cloud.root(ACCOUNT));
    let (rows, lost) = rows(&prepared);
    let listed = |name: &str| tables::NOT_GENERATED.iter().any(|(n, _)| *n == name);
    let missing: Vec<_> = lost.iter().filter(|(name, _)| !listed(name)).collect();
    assert!(missing.is_empty(), "no input can be made for {missing:#?}");
    let stale: Vec<_> =
        tables::NOT_GENERATED.iter().filter(|(name, _)| !lost.iter().any(|(n, _)| n == name)).collect();
    assert!(stale.is_empty(), "listed, but not lost: {stale:?}");
    for row in &rows {
        let violations = match row.operation.input {
            None => Vec::new(),
            Some(shape) => wire::validate::check(row.service, shape, &wire::Value::Struct(row.input.clone())),
        };
        assert_eq!(violations, [], "{}", row.name());
    }
}

/// Every operation of the three models has a row in each column of the matrix, or stands in a list that says why not. Each
/// column takes all rows: without a signature, without a permission, of another account, with bad input.
#[test]
fn the_whole_of_iam_sts_and_kms_is_tried() {
    let cloud = Cloud::new();
    let prepared = tables::Prepared::new(&cloud.root(ACCOUNT));
    let (rows, _) = rows(&prepared);
    let is_in = |list: &[(&str, &str)], name: &str| list.iter().any(|(listed, _)| *listed == name);
    let (mut wrong, mut tried) = (Vec::new(), 0);
    for service in ["iam", "sts", "kms"].map(|id| wire::catalog::service(id).unwrap()) {
        for operation in &service.operations {
            let name = format!("{}:{}", service.id, operation.name);
            let row = rows.iter().find(|row| row.name() == name);
            if row.is_some() == is_in(tables::UNBUILT, &name) {
                wrong.push(format!("{name}: built is {}", row.is_some()));
            }
            let Some(row) = row else { continue };
            tried += 1;
            if operation.unsigned != is_in(tables::UNSIGNED, &name) {
                wrong.push(format!("{name}: unsigned is {}", operation.unsigned));
            }
            if !bad::is_tried(row) {
                wrong.push(format!("{name}: nothing bad is sent"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(tried > 240, "{tried} operations");
}
