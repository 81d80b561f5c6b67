//! Macros: functions of Lambda's that are given a template, or a part of it, and answer what stands there instead. The
//! words between the two are here; who asks is [`super::ops`].
//!
//! AWS: <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-macros-author.html>

use super::template::get;
use base::{AccountId, Region, Timestamp};
use kernel::Call;
use store::{Key, Read, StoreError, Table};
use wire::{Fault, Value};

store::record! {
    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Macro {
        1 => pub(crate) name: String,
        /// By whatever names it.
        2 => pub(crate) function: String,
        3 => pub(crate) description: Option<String>,
    }
}

store::record! {
    /// A question that waits for its answer, or for whoever wants to know that.
    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Inquiry {
        1 => pub(crate) id: String,
        2 => pub(crate) name: String,
        3 => pub(crate) function: String,
        /// JSON, as the next two.
        4 => pub(crate) fragment: String,
        5 => pub(crate) params: String,
        6 => pub(crate) values: String,
        7 => pub(crate) account: AccountId,
        8 => pub(crate) region: Region,
        /// Who wants to know.
        9 => pub(crate) by: String,
        10 => pub(crate) access_key: String,
        11 => pub(crate) sealed_token: Option<Vec<u8>>,
        12 => pub(crate) role: Option<String>,
        13 => pub(crate) at: Timestamp,
        14 => pub(crate) answer: Option<String>,
        15 => pub(crate) why: Option<String>,
    }
}

/// Of a place, by their ids.
pub(crate) const INQUIRIES: Table<Inquiry> = Table::new(0x1719, "cloudformation/inquiries of macros");

impl Inquiry {
    pub(crate) fn of(question: &Question) -> Inquiry {
        let json = wire::json::text;
        Inquiry {
            name: question.name.clone(),
            function: question.function.clone(),
            fragment: json(&question.fragment),
            params: json(&question.params),
            values: json(&question.values),
            ..Inquiry::default()
        }
    }

    pub(crate) fn question(&self) -> Question {
        let read = |text: &str| wire::json::read(text).unwrap_or(Value::Null);
        Question {
            name: self.name.clone(),
            function: self.function.clone(),
            fragment: read(&self.fragment),
            params: read(&self.params),
            values: read(&self.values),
        }
    }

    pub(crate) fn asks(&self, question: &Question) -> bool {
        let other = Inquiry::of(question);
        let all = |own: &Inquiry| {
            [&own.name, &own.function, &own.fragment, &own.params, &own.values].map(Clone::clone)
        };
        all(self) == all(&other)
    }

    /// What the macro has said, once it has.
    pub(crate) fn said(&self) -> Option<Result<Value, String>> {
        match (&self.answer, &self.why) {
            (_, Some(why)) => Some(Err(why.clone())),
            (Some(answer), None) => Some(Ok(wire::json::read(answer).unwrap_or(Value::Null))),
            (None, None) => None,
        }
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
    /// How the function is asked. `id`: what it has to repeat.
    pub(crate) fn call(&self, account: AccountId, region: Region, id: &str) -> Call<'static> {
        let event = wire::json::text(&self.event(account, region, id));
        let input = [
            ("FunctionName", Value::str(&self.function)),
            ("InvocationType", Value::str("RequestResponse")),
            ("Payload", Value::Blob(event.into_bytes().into())),
        ];
        let value = Value::Struct(input.into_iter().collect());
        Call { service: "lambda", operation: "Invoke", value }
    }

    /// As the function sees it.
    fn event(&self, account: AccountId, region: Region, id: &str) -> Value {
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

    /// What an invocation of the function comes to.
    ///
    /// # Errors
    /// In AWS's words.
    pub(crate) fn answered(&self, answer: Result<Value, Fault>, id: &str) -> Result<Value, String> {
        let answer =
            answer.map_err(|fault| format!("Transform {} failed with: {}", self.name, fault.message))?;
        if answer.member("FunctionError").is_some() {
            return self.outcome(None, id);
        }
        let payload = match answer.member("Payload") {
            Some(Value::Blob(bytes)) => String::from_utf8_lossy(bytes).into_owned(),
            Some(Value::Str(text)) => text.clone(),
            _ => String::new(),
        };
        self.outcome(Some(&payload), id)
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
