//! Filter patterns: what `FilterLogEvents`, metric filters and live tails ask of an event's message. Pure.
//!
//! Three languages share one text: terms (`ERROR -retry "exit 1" ?WARN`), fields of a line that spaces divide
//! (`[ip, user, ..., status=4*]`), and JSON (`{ $.status >= 500 && $.path = "/api/*" }`). An empty pattern matches
//! every event. A pattern between `%` signs is a regular expression, here in the syntax of a linear-time engine.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html>

mod condition;
mod fields;
mod json;
mod reader;
mod terms;

#[cfg(test)]
mod tests;

use fields::Fields;
use json::Json;
use terms::Terms;

/// How many regular expressions one pattern may have. AWS: the page above.
const REGEXES_MAX: usize = 2;
/// Comparisons within one pattern; a pattern has at most 1,024 characters, so this only bounds the depth.
const DEPTH_MAX: u32 = 32;

/// A pattern that was understood.
#[derive(Debug)]
pub(crate) enum Pattern {
    All,
    Terms(Terms),
    Fields(Fields),
    Json(Json),
}

/// What a matched event gave: the names of fields with their texts, in the pattern's order.
pub(crate) type Extracted = Vec<(String, String)>;

impl Pattern {
    /// # Errors
    /// A sentence for `InvalidParameterException`.
    pub(crate) fn parse(text: &str) -> Result<Pattern, String> {
        let trimmed = text.trim();
        match trimmed.chars().next() {
            None => Ok(Pattern::All),
            Some('{') => Json::parse(trimmed).map(Pattern::Json),
            Some('[') => Fields::parse(trimmed).map(Pattern::Fields),
            Some(_) => Terms::parse(trimmed).map(Pattern::Terms),
        }
    }

    pub(crate) fn matches(&self, message: &str) -> bool {
        self.extract(message).is_some()
    }

    /// The fields that a message has, where it matches.
    pub(crate) fn extract(&self, message: &str) -> Option<Extracted> {
        match self {
            Pattern::All => Some(Vec::new()),
            Pattern::Terms(terms) => terms.matches(message).then(Vec::new),
            Pattern::Fields(fields) => fields.extract(message),
            Pattern::Json(json) => json.extract(message),
        }
    }
}

/// AWS's word for whatever is wrong with a pattern as a whole.
fn invalid() -> String {
    "Invalid metric filter pattern".to_owned()
}
