//! Scalars that come as text: in query strings, forms, labels, headers and XML.

use super::{Bad, Read};
use crate::model::{Kind, Shape, TimestampFormat};
use crate::value::Value;
use base::Timestamp;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

pub(super) const INTEGER: &str = "Expected an integer.";
pub(super) const INTEGER_RANGE: &str = "Expected an integer of 32 bits.";

/// Reads `text` as `shape`; containers are not scalars and are refused.
///
/// `format` is what the place and the member say of a timestamp.
pub(super) fn read(shape: &Shape, text: &str, name: &str, format: TimestampFormat) -> Read<Value> {
    let bad = |expected| Bad::Scalar { name: name.to_owned(), value: text.to_owned(), expected };
    Ok(match &shape.kind {
        Kind::String { .. } => Value::str(text),
        Kind::Boolean => match text {
            "true" | "True" | "TRUE" | "1" => Value::Bool(true),
            "false" | "False" | "FALSE" | "0" => Value::Bool(false),
            _ => return Err(bad("Expected a boolean.")),
        },
        Kind::Integer { long, .. } => {
            let number = text.trim().parse::<i64>().map_err(|_| bad(INTEGER))?;
            if !long && i32::try_from(number).is_err() {
                return Err(bad(INTEGER_RANGE));
            }
            Value::Int(number)
        }
        Kind::Float { .. } => Value::Float(float(text.trim()).ok_or_else(|| bad("Expected a number."))?),
        Kind::Blob { .. } => Value::Blob(base64(text).ok_or_else(|| bad("Expected base64."))?),
        Kind::Timestamp { format: own } => {
            let format = if format == TimestampFormat::Default { *own } else { format };
            Value::Time(timestamp(text.trim(), format).ok_or_else(|| bad("timestamp must follow ISO8601"))?)
        }
        Kind::Structure(_) | Kind::List { .. } | Kind::Map { .. } => {
            return Err(bad("Expected a structure."));
        }
    })
}

pub(super) fn base64(text: &str) -> Option<Bytes> {
    STANDARD.decode(text).ok().map(Bytes::from)
}

/// Rust's own reader would also take `inf`, `infinity` and `nan` in any case.
pub(super) fn float(text: &str) -> Option<f64> {
    match text {
        "NaN" => Some(f64::NAN),
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        _ if text.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b)) => text.parse().ok(),
        _ => None,
    }
}

/// The wanted format first; AWS's services take the others too.
pub(super) fn timestamp(text: &str, format: TimestampFormat) -> Option<Timestamp> {
    let unix = || float(text).and_then(Timestamp::from_seconds_f64);
    let iso = || Timestamp::parse_iso8601(text).or_else(|| Timestamp::parse_sigv4(text));
    let date = || Timestamp::parse_http_date(text);
    match format {
        TimestampFormat::Default | TimestampFormat::Iso8601 => iso().or_else(unix).or_else(date),
        TimestampFormat::Unix => unix().or_else(iso).or_else(date),
        TimestampFormat::Rfc822 => date().or_else(iso).or_else(unix),
    }
}
