//! What DynamoDB says of values of the wrong type: the words of its own reader, which names Java's classes.
//!
//! AWS: public suites that were verified against the service hold these sentences, misspelt ones among them.

use super::Bad;
use crate::model::{Kind, MemberRef, Service, ShapeId};

/// Java's package of DynamoDB's shapes.
const PACKAGE: &str = "com.amazonaws.dynamodb.v20120810.";

/// What is said where a list of lists or of maps, or a map of them, has another value.
const CAST: &str = "class sun.reflect.generics.reflectiveObjects.ParameterizedTypeImpl cannot be cast to class \
                    java.lang.Class (sun.reflect.generics.reflectiveObjects.ParameterizedTypeImpl and \
                    java.lang.Class are in module java.base of loader 'bootstrap')";

/// Services that this reader reads for.
pub(super) fn reads(service: &Service) -> bool {
    matches!(service.id, "dynamodb" | "dynamodbstreams")
}

/// The words for `token`, the text of a value, where `shape` was wanted, in a structure or (`item`) in a list or map.
pub(super) fn mismatch(service: &Service, shape: ShapeId, item: bool, token: &str) -> Bad {
    let kind = &service.shape(shape).kind;
    let first = token.as_bytes().first().copied().unwrap_or_default();
    let words = match (kind, first) {
        // A list is never of the wrong type where one is wanted.
        (_, b'[') => unrecognized(service, shape),
        (_, b'{') => "Start of structure or map found where not expected".to_owned(),
        (Kind::Structure(_), _) if item => "Unexpected value type in payload".to_owned(),
        (Kind::List { .. } | Kind::Map { .. }, _) if item => CAST.to_owned(),
        (Kind::Structure(_) | Kind::List { .. } | Kind::Map { .. }, _) => "Unexpected field type".to_owned(),
        (Kind::Blob { .. }, _) => "only base-64-encoded strings are convertible to bytes".to_owned(),
        (Kind::Boolean, b'"') => "Unexpected token received from parser".to_owned(),
        (kind, _) => format!("{} cannot be converted to {}", token_name(token), simple_name(kind)),
    };
    Bad::Type(words)
}

/// The words for a text that is not base64.
pub(super) fn not_base64(text: &str) -> Bad {
    if !text.len().is_multiple_of(4) {
        let length = text.len();
        return Bad::Type(format!(
            "Base64 encoded length is expected a multiple of 4 bytes but found: {length}"
        ));
    }
    let strange = text.chars().find(|c| !c.is_ascii_alphanumeric() && !matches!(c, '+' | '/' | '='));
    Bad::Type(match strange {
        Some(strange) => format!("Invalid Base64 character: '{strange}'"),
        None => "Invalid last non-pad Base64 character dectected".to_owned(),
    })
}

fn token_name(token: &str) -> &'static str {
    match token.as_bytes().first() {
        Some(b'"') => "STRING_VALUE",
        Some(b't') => "TRUE_VALUE",
        Some(b'f') => "FALSE_VALUE",
        _ if token.contains(['.', 'e', 'E']) => "DECIMAL_VALUE",
        _ => "NUMBER_VALUE",
    }
}

fn simple_name(kind: &Kind) -> &'static str {
    match kind {
        Kind::Integer { long: false, .. } => "Integer",
        Kind::Integer { long: true, .. } => "Long",
        Kind::Float { double: false, .. } => "Float",
        Kind::Float { double: true, .. } => "Double",
        Kind::Boolean => "Boolean",
        Kind::Timestamp { .. } => "Date",
        _ => "String",
    }
}

fn unrecognized(service: &Service, shape: ShapeId) -> String {
    let class = if matches!(service.shape(shape).kind, Kind::Map { .. }) { "" } else { "class " };
    format!("Unrecognized collection type {class}{}", java(service, shape))
}

/// The Java type of a shape, in full.
fn java(service: &Service, shape: ShapeId) -> String {
    let inner = |member: &MemberRef| java(service, member.shape);
    let shape = service.shape(shape);
    match &shape.kind {
        Kind::Structure(_) => format!("{PACKAGE}{}", shape.name),
        Kind::Map { value, .. } => format!("java.util.Map<java.lang.String, {}>", inner(value)),
        Kind::List { element, .. } => format!("java.util.List<{}>", inner(element)),
        Kind::Blob { .. } => "java.nio.ByteBuffer".to_owned(),
        Kind::Timestamp { .. } => "java.util.Date".to_owned(),
        kind => format!("java.lang.{}", simple_name(kind)),
    }
}
