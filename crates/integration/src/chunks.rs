//! How much text a request carries: messages are counted by chunks.

use wire::Value;

/// AWS: each chunk of so many bytes is a request.
const CHUNK: u64 = 64 << 10;

/// Bytes of all texts and contents in a value.
pub(crate) fn bytes(value: &Value) -> u64 {
    match value {
        Value::Str(text) => text.len() as u64,
        Value::Blob(bytes) => bytes.len() as u64,
        Value::List(items) => items.iter().map(bytes).sum(),
        Value::Map(pairs) => pairs.iter().map(|(name, value)| name.len() as u64 + bytes(value)).sum(),
        Value::Struct(members) => members.iter().map(|(_, value)| bytes(value)).sum(),
        Value::Elements(written) => written.xml().len() as u64,
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Time(_) => 0,
    }
}

/// As how many requests so much is counted.
pub(crate) fn requests(bytes: u64) -> u64 {
    bytes.div_ceil(CHUNK).max(1)
}

#[cfg(test)]
mod tests {
    use super::{bytes, requests};
    use wire::{Struct, Value};

    #[test]
    fn each_chunk_is_a_request() {
        assert_eq!([0, 1, 65_536, 65_537, 262_144].map(requests), [1, 1, 1, 2, 4]);
    }

    #[test]
    fn all_that_is_carried_counts() {
        let attribute: Struct =
            [("DataType", Value::str("String")), ("StringValue", Value::str("é"))].into_iter().collect();
        let attributes = Value::Map(vec![("name".to_owned(), Value::Struct(attribute))]);
        assert_eq!(bytes(&Value::List(vec![attributes, Value::Int(7), Value::str("abc")])), 4 + 6 + 2 + 3);
    }
}
