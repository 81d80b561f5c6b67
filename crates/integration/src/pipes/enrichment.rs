//! Enrichments: a function or an API destination makes of what was read what the target gets.
//!
//! An empty answer (`""`, `{}`, `[]`) leaves nothing for the target; a list is as many events as it has items.
//!
//! AWS: <https://docs.aws.amazon.com/eventbridge/latest/userguide/pipes-enrichment.html>

use super::consumer::Fed;
use super::errors::{PipesError, invalid};
use super::model::{Enrichment, Http};
use super::target::{function_failed, list};
use super::template::Item;
use base::Arn;
use base::Timestamp;
use kernel::Cloud;
use std::sync::Arc;
use wire::{Fault, Value};

/// Whether it is an API destination; else it is a function.
///
/// # Errors
/// `ValidationException`, `NotImplemented`
pub(super) fn is_destination(arn: &str) -> Result<bool, PipesError> {
    let parsed = Arn::parse(arn).map(|arn| (arn.service, arn.resource));
    match parsed.as_ref().map(|(service, resource)| (service.as_str(), resource.as_str())) {
        Some(("lambda", resource)) if resource.starts_with("function:") => Ok(false),
        Some(("events", resource)) if resource.starts_with("api-destination/") => Ok(true),
        Some((service @ ("states" | "execute-api"), _)) => {
            Err(PipesError::NotBuilt(format!("An enrichment of the service {service}")))
        }
        _ => Err(invalid(format!("{arn} is not supported as an enrichment."))),
    }
}

/// What comes of the events.
///
/// # Errors
/// What failed.
pub(super) async fn enrich(
    fed: &Fed,
    cloud: &Arc<Cloud>,
    by: &Enrichment,
    items: Vec<Item>,
    now: Timestamp,
) -> Result<Vec<Item>, Fault> {
    let given: Vec<String> =
        items.iter().map(|item| item.given(&fed.pipe, by.template.as_deref(), now)).collect();
    let answer = if is_destination(&by.arn)? {
        let (Some(item), Some(input)) = (items.first(), given.first()) else { return Ok(Vec::new()) };
        let http = by.http.clone().unwrap_or_default();
        read(&fed.call_out(cloud, &by.arn, &http, item, input).await?)
    } else {
        let (payload, failed) = fed.invoke(cloud, &by.arn, "RequestResponse", list(&given)?).await?;
        match failed {
            true => return Err(function_failed(&payload)),
            false => read(&payload),
        }
    };
    Ok(events(answer).into_iter().map(Item::new).collect())
}

/// An answer: JSON, or else a text.
fn read(answer: &[u8]) -> Value {
    let text = String::from_utf8_lossy(answer);
    wire::json::read(&text).unwrap_or_else(|| Value::Str(text.into_owned()))
}

fn events(answer: Value) -> Vec<Value> {
    match answer {
        Value::List(items) => items,
        Value::Null => Vec::new(),
        Value::Str(text) if text.is_empty() => Vec::new(),
        Value::Map(members) if members.is_empty() => Vec::new(),
        one => vec![one],
    }
}

/// The parameters of a call with what they stand for in the event.
pub(super) fn resolved(http: &Http, item: &Item) -> Http {
    let value = |text: &String| item.parameter(text).unwrap_or_default();
    let values = |all: &std::collections::BTreeMap<String, String>| {
        all.iter().map(|(name, text)| (name.clone(), value(text))).collect()
    };
    Http {
        path: http.path.iter().map(value).collect(),
        headers: values(&http.headers),
        query: values(&http.query),
    }
}

#[cfg(test)]
mod tests {
    use super::{events, read};

    #[test]
    fn an_empty_answer_is_no_event() {
        for none in ["", "\"\"", "{}", "[]", "null"] {
            assert!(events(read(none.as_bytes())).is_empty(), "{none}");
        }
        for (some, count) in [("[{}]", 1), ("{\"a\":1}", 1), ("[1,2]", 2), ("plain", 1), ("0", 1)] {
            assert_eq!(events(read(some.as_bytes())).len(), count, "{some}");
        }
    }
}
