//! What a function's answer says of the records that it was given. Pure.
//!
//! AWS: <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html#services-sqs-batchfailurereporting>,
//! <https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html>

use std::collections::BTreeSet;
use wire::Value;

/// Which records failed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    None,
    All,
    /// By their places in the batch.
    These(BTreeSet<usize>),
}

/// Reads an answer of a function that reports; `ids` are those of the batch's records, in order.
pub fn read(answer: &[u8], ids: &[&str]) -> Verdict {
    let answer = std::str::from_utf8(answer).ok().and_then(wire::json::read);
    let members = match answer {
        None => return Verdict::All,
        Some(Value::Map(members)) => members,
        Some(_) => return Verdict::None,
    };
    let failures = members.into_iter().find(|(name, _)| name == "batchItemFailures");
    let failures = match failures {
        Some((_, Value::List(failures))) => failures,
        None | Some((_, Value::Null)) => return Verdict::None,
        Some(_) => return Verdict::All,
    };
    let place = |failure: &Value| {
        let Value::Map(members) = failure else { return None };
        let id = members.iter().find(|(name, _)| name == "itemIdentifier")?.1.as_str()?;
        ids.iter().position(|known| *known == id)
    };
    match failures.iter().map(place).collect::<Option<BTreeSet<usize>>>() {
        None => Verdict::All,
        Some(places) if places.is_empty() => Verdict::None,
        Some(places) => Verdict::These(places),
    }
}

#[cfg(test)]
mod tests {
    use super::{Verdict, read};

    #[test]
    fn answers() {
        let ids = ["a", "b", "c"];
        for all_well in ["null", "{}", "1", r#"{"batchItemFailures":null}"#, r#"{"batchItemFailures":[]}"#] {
            assert_eq!(read(all_well.as_bytes(), &ids), Verdict::None, "{all_well}");
        }
        for all_failed in [
            "",
            "no json",
            r#"{"batchItemFailures":1}"#,
            r#"{"batchItemFailures":[{"itemIdentifier":""}]}"#,
            r#"{"batchItemFailures":[{"itemIdentifier":null}]}"#,
            r#"{"batchItemFailures":[{"id":"a"}]}"#,
            r#"{"batchItemFailures":[{"itemIdentifier":"a"},{"itemIdentifier":"x"}]}"#,
        ] {
            assert_eq!(read(all_failed.as_bytes(), &ids), Verdict::All, "{all_failed}");
        }
        let some = r#"{"batchItemFailures":[{"itemIdentifier":"c"},{"itemIdentifier":"b"}]}"#;
        assert_eq!(read(some.as_bytes(), &ids), Verdict::These([1, 2].into()));
    }
}
