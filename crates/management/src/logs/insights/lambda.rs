//! Fields of the lines that Lambda writes around each event of a function. Pure.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_AnalyzeLogData-discoverable-fields.html>

use super::value::Val;
use std::collections::BTreeMap;

const REQUEST: &str = "RequestId: ";
/// The parts of a report, with what one of their units is in the field's own: milliseconds and bytes.
const PARTS: [(&str, &str, &str, f64); 5] = [
    ("Duration: ", " ms", "@duration", 1.0),
    ("Billed Duration: ", " ms", "@billedDuration", 1.0),
    ("Memory Size: ", " MB", "@memorySize", 1_000_000.0),
    ("Max Memory Used: ", " MB", "@maxMemoryUsed", 1_000_000.0),
    ("Init Duration: ", " ms", "@initDuration", 1.0),
];

/// What a line tells, where it is one of those.
pub(super) fn fields(message: &str) -> BTreeMap<String, Val> {
    let mut out = BTreeMap::new();
    let message = message.trim_end();
    let kind = ["START", "END", "REPORT"].into_iter().find(|kind| {
        let rest = message.strip_prefix(kind).and_then(|rest| rest.strip_prefix(' '));
        rest.is_some_and(|rest| rest.starts_with(REQUEST))
    });
    let Some(kind) = kind else {
        // A line of the function's own has the request between tabs.
        let id = message.split('\t').skip(1).take(2).find(|part| is_id(part));
        out.extend(id.map(|id| ("@requestId".to_owned(), Val::text(id))));
        return out;
    };
    let id = message[kind.len() + 1 + REQUEST.len()..].split(char::is_whitespace).next();
    out.extend(id.map(|id| ("@requestId".to_owned(), Val::text(id))));
    out.insert("@type".to_owned(), Val::text(kind));
    for part in message.split('\t').map(str::trim) {
        for (name, unit, field, times) in PARTS {
            let number = part.strip_prefix(name).and_then(|rest| rest.strip_suffix(unit));
            if let Some(number) = number.and_then(|number| number.parse::<f64>().ok()) {
                out.insert(field.to_owned(), Val::Number(number * times));
            }
        }
    }
    out
}

/// Whether a text is an id as requests have them.
fn is_id(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    lengths == [8, 4, 4, 4, 12] && parts.concat().bytes().all(|byte| byte.is_ascii_hexdigit())
}
