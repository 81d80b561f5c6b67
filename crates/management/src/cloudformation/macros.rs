//! Macros: functions of Lambda's that are given a template, or a part of it, and answer what stands there instead. The
//! words between the two are here; who asks is [`super::ops`].
//!
//! AWS: <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-macros-author.html>

use super::template::get;
use base::{AccountId, Region};
use store::{Key, Read, StoreError, Table};
use wire::Value;

store::record! {
    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Macro {
        1 => pub(crate) name: String,
        /// By whatever names it.
        2 => pub(crate) function: String,
        3 => pub(crate) description: Option<String>,
    }
}

/// By name.
pub(crate) const MACROS: Table<Macro> = Table::new(0x1711, "cloudformation/macros");

/// `123456789012::Name`
pub(crate) fn full(account: AccountId, name: &str) -> String {
    match name.contains("::") {
        true => name.to_owned(),
        false => format!("{account}::{name}"),
    }
}

/// The one of a name, by itself or with the account in front of it.
pub(crate) fn find(
    from: &dyn Read,
    account: AccountId,
    region: Region,
    name: &str,
) -> Result<Option<Macro>, StoreError> {
    let own = name.strip_prefix(account.as_str()).and_then(|rest| rest.strip_prefix("::"));
    MACROS.get(from, &Key::regional(account, region).str(own.unwrap_or(name)))
}

/// What a macro is to be asked.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Question {
    /// With the account.
    pub(crate) name: String,
    pub(crate) function: String,
    pub(crate) fragment: Value,
    pub(crate) params: Value,
    pub(crate) values: Value,
}

impl Question {
    /// As the function sees it. `id`: what it has to repeat.
    pub(crate) fn event(&self, account: AccountId, region: Region, id: &str) -> Value {
        let entries = [
            ("region", Value::str(region.name())),
            ("accountId", Value::str(account.as_str())),
            ("fragment", self.fragment.clone()),
            ("transformId", Value::str(&self.name)),
            ("params", self.params.clone()),
            ("requestId", Value::str(id)),
            ("templateParameterValues", self.values.clone()),
        ];
        Value::Map(entries.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    /// What the function's answer comes to: what stands there instead, or why nothing does.
    ///
    /// # Errors
    /// In AWS's words.
    pub(crate) fn outcome(&self, answer: Option<&str>, id: &str) -> Result<Value, String> {
        let name = &self.name;
        let malformed = || format!("Received malformed response from transform {name}");
        let Some(answer) = answer else {
            return Err(format!("Transform {name} failed without an error message."));
        };
        let answer = wire::json::read(answer).ok_or_else(malformed)?;
        let told = |member| get(&answer, member).and_then(Value::as_str);
        if told("requestId") != Some(id) {
            return Err(malformed());
        }
        if told("status").is_some_and(|status| status.eq_ignore_ascii_case("success")) {
            return get(&answer, "fragment").cloned().ok_or_else(malformed);
        }
        Err(match told("errorMessage") {
            Some(why) => format!("Transform {name} failed with: {why}"),
            None => format!("Transform {name} failed without an error message."),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Question;
    use wire::Value;

    #[test]
    fn answers() {
        let nothing = Value::Map(Vec::new());
        let asked = Question {
            name: "1::M".into(),
            function: "f".into(),
            fragment: nothing.clone(),
            params: nothing.clone(),
            values: nothing,
        };
        let malformed = Err("Received malformed response from transform 1::M");
        let silent = Err("Transform 1::M failed without an error message.");
        let rows = [
            (Some(r#"{"requestId":"i","status":"SUCCESS","fragment":{"a":1}}"#), Ok(r#"{"a":1}"#)),
            (Some(r#"{"requestId":"i","status":"success","fragment":"a"}"#), Ok(r#""a""#)),
            (Some(r#"{"requestId":"i","status":"success"}"#), malformed),
            (Some(r#"{"requestId":"other","status":"success","fragment":{}}"#), malformed),
            (Some(r#"{"status":"success","fragment":{}}"#), malformed),
            (Some("null"), malformed),
            (Some("text"), malformed),
            (Some(r#"{"requestId":"i","status":"failure"}"#), silent),
            (Some(r#"{"requestId":"i"}"#), silent),
            (
                Some(r#"{"requestId":"i","status":"no","errorMessage":"why"}"#),
                Err("Transform 1::M failed with: why"),
            ),
            (None, silent),
        ];
        for (answer, wanted) in rows {
            let told = asked.outcome(answer, "i").map(|value| wire::json::text(&value));
            assert_eq!(told.as_deref().map_err(String::as_str), wanted, "{answer:?}");
        }
    }
}
