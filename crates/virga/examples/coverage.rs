//! Prints docs/coverage.md: what is built of each service, member by member, from the operation tables and the models.
//!
//! An example rather than a part of `xtask`, which would otherwise have to compile the whole cloud for every command.

use std::fmt::Write;
use wire::Member;
use wire::model::{Kind, Operation, Service, ShapeId};

/// Shapes may hold themselves; paths go no deeper than this.
const DEPTH_MAX: usize = 12;

const INTRO: &str = "\
# Coverage

Written by `cargo xtask coverage` from the operation tables and AWS's models; `cargo xtask ci` fails when it is stale.

An operation that is not built answers `NotImplemented`. A request member that an operation does not act on is named \
in the answer's `x-virga-ignored` header and in the log, or refused under `virga up --strict`. Paths lead through \
lists and maps: `Tags.Key` is the member `Key` of each item of `Tags`. A member that is missing with all that is in it \
is named without its parts.

| Service | Built | Modelled |
|---|---:|---:|
";

#[expect(clippy::print_stdout, reason = "its output is its purpose")]
fn main() {
    let mut out = INTRO.to_owned();
    let mut sections = String::new();
    for service in virga::wiring::services() {
        let Some(model) = wire::catalog::service(service.id) else { continue };
        let (built, modelled) = (service.ops().count(), model.operations.len());
        // Writing to a string cannot fail.
        let _ = writeln!(out, "| [{0}](#{0}) | {built} | {modelled} |", service.id);
        section(&mut sections, service, model);
    }
    print!("{out}{sections}");
}

fn section(out: &mut String, service: &kernel::Service, model: &Service) {
    let _ = writeln!(out, "\n## {}\n\n{}.\n", service.id, model.full_name);
    out.push_str("| Operation | Acts on | Does not act on | Does not answer |\n|---|---|---|---|\n");
    let mut ops: Vec<_> = service.ops().collect();
    ops.sort_by_key(|op| op.name);
    for op in &ops {
        let Some(operation) = model.operation(op.name) else { continue };
        out.push_str(&row(model, operation, op));
    }
    let built = |name: &str| ops.iter().any(|op| op.name == name);
    let mut missing: Vec<_> = model.operations.iter().map(|o| o.name).filter(|name| !built(name)).collect();
    missing.sort_unstable();
    if missing.is_empty() {
        out.push_str("\nAll operations are built.\n");
    } else {
        let _ = writeln!(out, "\nNot built: {}.", missing.join(", "));
    }
}

fn row(model: &Service, operation: &Operation, op: &kernel::Op) -> String {
    let mut request = Found::default();
    request.compare(model, operation.input, op.input, "", 0);
    let mut answer = Found::default();
    answer.compare(model, operation.output, op.output, "", 0);
    format!("| {} | {} | {} | {} |\n", op.name, list(&request.has), list(&request.lacks), list(&answer.lacks))
}

fn list(paths: &[String]) -> String {
    paths.iter().map(|path| format!("`{path}`")).collect::<Vec<_>>().join(" ")
}

/// The model's members, by whether they are declared.
#[derive(Default)]
struct Found {
    has: Vec<String>,
    lacks: Vec<String>,
}

impl Found {
    fn compare(
        &mut self,
        model: &Service,
        shape: Option<ShapeId>,
        declared: &[Member],
        path: &str,
        depth: usize,
    ) {
        let structure = shape.and_then(|shape| model.structure(content(model, shape)));
        let Some(structure) = structure.filter(|_| depth < DEPTH_MAX) else { return };
        for member in &structure.members {
            let path =
                if path.is_empty() { member.name.to_owned() } else { format!("{path}.{}", member.name) };
            // The dispatcher acts on it, for every operation of EC2's protocol.
            if path == "DryRun" && model.protocols.contains(&wire::model::Protocol::Ec2Query) {
                continue;
            }
            let Some(found) = declared.iter().find(|d| d.name == member.name) else {
                self.lacks.push(path);
                continue;
            };
            match (found.inner)() {
                Some(inner) => self.compare(model, Some(member.target.shape), inner, &path, depth + 1),
                None => self.has.push(path),
            }
        }
    }
}

/// What a list or map is made of in the end.
fn content(model: &Service, mut shape: ShapeId) -> ShapeId {
    loop {
        shape = match &model.shape(shape).kind {
            Kind::List { element, .. } => element.shape,
            Kind::Map { value, .. } => value.shape,
            _ => return shape,
        };
    }
}
