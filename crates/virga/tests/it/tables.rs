//! Every operation table against AWS's models: each operation, each declared member, each action is AWS's.

use wire::Member;
use wire::model::{Kind, Service, ShapeId};

/// Actions that AWS's service authorization reference does not list, and why they are right all the same.
const UNLISTED_ACTIONS: &[(&str, &str)] = &[
    ("iam:GetAccountProperties", "in the model, newer than the reference"),
    ("iam:PutAccountProperties", "in the model, newer than the reference"),
    ("iam:UpdateDelegationRequest", "in the model, newer than the reference"),
    ("kms:Decapsulate", "in the model, newer than the reference"),
    ("kms:Encapsulate", "in the model, newer than the reference"),
    ("kms:GetKeyLastUsage", "in the model, newer than the reference"),
];

/// Operations that only refuse, and share one declaration of everything that they refuse.
const REFUSING: &[(&str, &str)] = &[("kms", "CustomKeyStore")];

/// A list's or map's shape stands for what is in it, as a declaration's inner members do.
fn content(model: &Service, mut shape: ShapeId) -> ShapeId {
    loop {
        shape = match &model.shape(shape).kind {
            Kind::List { element, .. } => element.shape,
            Kind::Map { value, .. } => value.shape,
            _ => return shape,
        };
    }
}

/// What S3 was seen to answer in a header that its model does not have.
const BESIDE_THE_MODEL: [&str; 4] = [
    "s3:CopyObject answer.StorageClass",
    "s3:ListObjects answer.BucketRegion",
    "s3:ListObjectsV2 answer.BucketRegion",
    "s3:PutObject answer.StorageClass",
];

/// Shapes may hold themselves (KMS has none, DynamoDB's values do); declarations are followed no deeper than this.
const DEPTH_MAX: usize = 16;

fn check(
    model: &Service,
    shape: Option<ShapeId>,
    declared: &[Member],
    path: &str,
    wrong: &mut Vec<String>,
    depth: usize,
) {
    if depth == DEPTH_MAX {
        return;
    }
    let Some(structure) = shape.and_then(|shape| model.structure(content(model, shape))) else {
        if !declared.is_empty() {
            wrong.push(format!("{path}: the model has no structure here"));
        }
        return;
    };
    for member in declared {
        let path = format!("{path}.{}", member.name);
        match structure.member(member.name) {
            None if BESIDE_THE_MODEL.contains(&path.as_str()) => {}
            None => wrong.push(format!("{path}: the model has no such member")),
            Some(modelled) => {
                if let Some(inner) = (member.inner)() {
                    check(model, Some(modelled.target.shape), inner, &path, wrong, depth + 1);
                }
            }
        }
    }
    let twice = declared.iter().enumerate().filter(|(i, m)| declared[..*i].iter().any(|o| o.name == m.name));
    wrong.extend(twice.map(|(_, member)| format!("{path}.{}: declared twice", member.name)));
}

#[test]
fn tables_and_shapes_are_the_models() {
    let mut wrong = Vec::new();
    for service in virga::wiring::services() {
        let Some(model) = wire::catalog::service(service.id) else {
            wrong.push(format!("{}: no model", service.id));
            continue;
        };
        let mut seen = Vec::new();
        for op in service.ops() {
            let path = format!("{}:{}", service.id, op.name);
            if seen.contains(&op.name) {
                wrong.push(format!("{path}: twice in the tables"));
            }
            seen.push(op.name);
            if REFUSING.iter().any(|(id, ending)| *id == service.id && op.name.ends_with(ending)) {
                continue;
            }
            match model.operation(op.name) {
                None => wrong.push(format!("{path}: the model has no such operation")),
                Some(operation) => {
                    check(model, operation.input, op.input, &format!("{path} request"), &mut wrong, 0);
                    check(model, operation.output, op.output, &format!("{path} answer"), &mut wrong, 0);
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// An answer without a member that the model requires would not be read by a strict client.
#[test]
fn answers_have_what_the_models_require() {
    let mut wrong = Vec::new();
    for service in virga::wiring::services() {
        let model = wire::catalog::service(service.id).unwrap();
        for op in service.ops() {
            let output = model.operation(op.name).and_then(|operation| operation.output);
            let Some(structure) = output.and_then(|shape| model.structure(shape)) else { continue };
            let missing = structure
                .members
                .iter()
                .filter(|m| m.required && !op.output.iter().any(|d| d.name == m.name));
            wrong.extend(missing.map(|m| format!("{}:{} answers without {}", service.id, op.name, m.name)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn actions_are_in_the_authorization_reference() {
    let mut wrong = Vec::new();
    for service in virga::wiring::services() {
        for op in service.ops() {
            let excused = UNLISTED_ACTIONS.iter().any(|(action, _)| *action == op.action);
            match auth::actions::action(op.action) {
                None if !excused => wrong.push(format!("{}:{} needs {}", service.id, op.name, op.action)),
                Some(found) if excused => wrong.push(format!("{} is listed after all", found.full_name())),
                Some(found) if found.full_name() != op.action => {
                    wrong.push(format!("{} is written {}", op.action, found.full_name()));
                }
                _ => {}
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
