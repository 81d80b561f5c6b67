//! The policy of a form: what the signer lets the sender upload.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html>. Names of fields and
//! operators are compared in any case, values as they are.

use crate::s3::errors::{FormRefusal, S3Error};
use base::Timestamp;
use wire::Value;

/// A policy that has been read.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Policy {
    expiration: Timestamp,
    conditions: Vec<Condition>,
    /// The least and the most bytes of the file.
    pub(crate) sizes: Option<(u64, u64)>,
}

#[derive(Clone, PartialEq, Debug)]
struct Condition {
    prefix: bool,
    /// In lower case, without the dollar.
    field: String,
    value: String,
    /// As refusals show it.
    shown: String,
}

fn invalid(what: &str) -> S3Error {
    FormRefusal::PolicyDocument(what.to_owned()).into()
}

impl Policy {
    /// # Errors
    /// `InvalidPolicyDocument`; `AccessDenied` for sizes that are no numbers.
    pub(crate) fn read(json: &str) -> Result<Policy, S3Error> {
        let Some(Value::Map(members)) = wire::input::free_json(json) else {
            return Err(invalid("Invalid JSON."));
        };
        let (mut expiration, mut conditions) = (None, None);
        for (name, value) in members {
            match name.as_str() {
                "expiration" => expiration = Some(value),
                "conditions" => conditions = Some(value),
                other => return Err(invalid(&format!("Unexpected: '{}'", other.to_ascii_lowercase()))),
            }
        }
        let expiration = expiration.ok_or_else(|| invalid("Policy missing expiration."))?;
        let text = expiration.as_str().unwrap_or_default();
        let time = Timestamp::parse_iso8601(text).filter(|_| text.ends_with('Z') && text.contains('T'));
        let expiration = time.ok_or_else(|| invalid(&format!("Invalid 'expiration' value: '{text}'")))?;
        let conditions = conditions.ok_or_else(|| invalid("Policy missing conditions."))?;
        let Value::List(list) = conditions else {
            return Err(invalid("Invalid 'conditions' value: must be a List."));
        };
        let mut policy = Policy { expiration, conditions: Vec::new(), sizes: None };
        list.into_iter().try_for_each(|condition| policy.add(condition))?;
        Ok(policy)
    }

    fn add(&mut self, condition: Value) -> Result<(), S3Error> {
        match condition {
            Value::Map(members) => match <[(String, Value); 1]>::try_from(members) {
                Ok([(field, Value::Str(value))]) => {
                    let shown = shown("eq", &format!("${field}"), &value);
                    self.conditions.push(Condition {
                        prefix: false,
                        field: field.to_ascii_lowercase(),
                        value,
                        shown,
                    });
                    Ok(())
                }
                Ok(_) => Err(invalid("Invalid Simple-Condition: value must be a string.")),
                Err(_) => Err(invalid(
                    "Invalid Simple-Condition: Simple-Conditions must have exactly one property specified.",
                )),
            },
            Value::List(items) => self.add_list(&items),
            _ => Err(invalid("Invalid Condition: must be a List or Object.")),
        }
    }

    fn add_list(&mut self, items: &[Value]) -> Result<(), S3Error> {
        let Some(operator) = items.first().and_then(Value::as_str) else {
            return Err(invalid("Invalid Condition: missing operation identifier."));
        };
        let kind = operator.to_ascii_lowercase();
        let [_, first, second] = items else {
            let known = ["eq", "starts-with", "content-length-range"].contains(&kind.as_str());
            return Err(invalid(&if known {
                format!("Invalid {operator}: wrong number of arguments.")
            } else {
                format!("Invalid Condition: unknown operation '{operator}'.")
            }));
        };
        match kind.as_str() {
            "content-length-range" => self.add_sizes(operator, first, second),
            "eq" | "starts-with" => {
                let (Some(field), Some(value)) = (first.as_str(), second.as_str()) else {
                    return Err(invalid("Invalid JSON."));
                };
                let shown = shown(operator, field, value);
                // Without its dollar it names no field, and so never holds.
                let name = field.strip_prefix('$').map(str::to_ascii_lowercase).unwrap_or_default();
                let (prefix, value) = (kind == "starts-with", value.to_owned());
                self.conditions.push(Condition { prefix, field: name, value, shown });
                Ok(())
            }
            _ => Err(invalid(&format!("Invalid Condition: unknown operation '{operator}'."))),
        }
    }

    fn add_sizes(&mut self, operator: &str, first: &Value, second: &Value) -> Result<(), S3Error> {
        let number = |value: &Value| match value {
            Value::Int(n) => u64::try_from(*n).ok(),
            Value::Str(text) => text.parse().ok(),
            _ => None,
        };
        let text = |value: &Value| match value {
            Value::Str(text) => text.clone(),
            Value::Int(n) => n.to_string(),
            _ => String::new(),
        };
        match (number(first), number(second), first, second) {
            (Some(least), Some(most), ..) => {
                self.sizes = Some((least, most));
                Ok(())
            }
            (_, _, Value::Str(_), _) | (_, _, _, Value::Str(_)) => {
                let shown = shown(operator, &text(first), &text(second));
                Err(FormRefusal::Condition(shown).into())
            }
            _ => Err(invalid("Invalid JSON.")),
        }
    }

    /// Holds the fields of a form against the policy. Names are in lower case; `bucket` is where it is sent to.
    ///
    /// # Errors
    /// `AccessDenied`.
    pub(crate) fn check(
        &self,
        fields: &[(String, String)],
        bucket: &str,
        now: Timestamp,
    ) -> Result<(), S3Error> {
        if self.expiration <= now {
            return Err(FormRefusal::Expired.into());
        }
        let value = |name: &str| -> Option<String> {
            if name == "bucket" {
                return Some(bucket.to_owned());
            }
            let all: Vec<&str> =
                fields.iter().filter(|(field, _)| field == name).map(|(_, value)| value.as_str()).collect();
            (!all.is_empty()).then(|| all.join(","))
        };
        for condition in &self.conditions {
            if !condition.holds(value(&condition.field).as_deref()) {
                return Err(FormRefusal::Condition(condition.shown.clone()).into());
            }
        }
        let covered = |name: &str| self.conditions.iter().any(|condition| condition.field == name);
        // The bucket counts as a field, though the form need not have it.
        let names = fields.iter().map(|(name, _)| name.as_str()).chain(["bucket"]);
        match names.into_iter().find(|name| !is_exempt(name) && !covered(name)) {
            Some(name) => Err(FormRefusal::ExtraFields(name.to_owned()).into()),
            None => Ok(()),
        }
    }
}

impl Condition {
    fn holds(&self, value: Option<&str>) -> bool {
        let Some(value) = value else { return false };
        match (self.prefix, self.field.as_str()) {
            (false, _) => value == self.value,
            // Types in a list must each begin so.
            (true, "content-type") => value.split(',').all(|one| one.trim_start().starts_with(&self.value)),
            (true, _) => value.starts_with(&self.value),
        }
    }
}

/// Fields that need no condition.
fn is_exempt(name: &str) -> bool {
    let own = ["x-amz-signature", "signature", "awsaccesskeyid", "policy", "file"];
    own.contains(&name) || name.starts_with("x-ignore-") || name.starts_with("x-amz-checksum-")
}

/// A condition as refusals repeat it: `["eq", "$key", "value"]`.
fn shown(operator: &str, field: &str, value: &str) -> String {
    wire::json::text(&Value::List([operator, field, value].map(Value::str).to_vec()))
        .replace("\",\"", "\", \"")
}

#[cfg(test)]
mod tests {
    use super::Policy;
    use base::Timestamp;

    const NOW: Timestamp = Timestamp::from_seconds(1_768_478_400);

    fn said(conditions: &str, fields: &[(&str, &str)]) -> Result<(), String> {
        let json = format!("{{\"expiration\": \"2026-01-16T00:00:00Z\", \"conditions\": [{conditions}]}}");
        let fields: Vec<(String, String)> =
            fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let policy = Policy::read(&json).map_err(|e| e.message().to_owned())?;
        policy.check(&fields, "b", NOW).map_err(|e| e.message().to_owned())
    }

    #[test]
    fn conditions_hold_or_do_not() {
        let key = [("key", "foo.txt")];
        assert_eq!(said(r#"{"bucket": "b"}, ["StArTs-WiTh", "$KeY", "foo"]"#, &key), Ok(()));
        assert_eq!(
            said(r#"["eq", "$key", "bar"]"#, &key).unwrap_err(),
            r#"Invalid according to Policy: Policy Condition failed: ["eq", "$key", "bar"]"#
        );
        assert_eq!(
            said(r#"{"bucket": "b"}"#, &key).unwrap_err(),
            "Invalid according to Policy: Extra input fields: key"
        );
        assert_eq!(
            said(r#"{"key": "foo.txt"}"#, &key).unwrap_err(),
            "Invalid according to Policy: Extra input fields: bucket"
        );
        assert_eq!(
            said(r#"["eq", "key", "foo.txt"]"#, &key).unwrap_err(),
            r#"Invalid according to Policy: Policy Condition failed: ["eq", "key", "foo.txt"]"#
        );
        let types = [("content-type", "image/a,text/b")];
        assert!(said(r#"["starts-with", "$Content-Type", "image/"]"#, &types).is_err());
        assert!(said(r#"["starts-with", "$acl", ""]"#, &[]).is_err(), "it is not there");
    }

    #[test]
    fn what_is_no_policy() {
        let read = |json: &str| Policy::read(json).unwrap_err().message().to_owned();
        assert_eq!(read("{"), "Invalid Policy: Invalid JSON.");
        assert_eq!(read(r#"{"conditions": []}"#), "Invalid Policy: Policy missing expiration.");
        assert_eq!(read(r#"{"EXPIRATION": "x"}"#), "Invalid Policy: Unexpected: 'expiration'");
        let with = |expiration: &str| read(&format!(r#"{{"expiration": "{expiration}", "conditions": []}}"#));
        assert_eq!(
            with("2015-10-17 03:15:59 UTC"),
            "Invalid Policy: Invalid 'expiration' value: '2015-10-17 03:15:59 UTC'"
        );
        assert_eq!(
            said("{}", &[]).unwrap_err(),
            "Invalid Policy: Invalid Simple-Condition: Simple-Conditions must have exactly one property specified."
        );
        assert_eq!(
            said(r#"["content-length-range", 0]"#, &[]).unwrap_err(),
            "Invalid Policy: Invalid content-length-range: wrong number of arguments."
        );
        assert!(said(r#"["content-length-range", -1, 0]"#, &[]).is_err());
        assert_eq!(
            said(r#"["content-length-range", "test", "10"]"#, &[]).unwrap_err(),
            r#"Invalid according to Policy: Policy Condition failed: ["content-length-range", "test", "10"]"#
        );
    }

    #[test]
    fn it_expires() {
        let policy = Policy::read(r#"{"expiration": "2026-01-15T12:00:00.000Z", "conditions": []}"#).unwrap();
        let error = policy.check(&[], "b", NOW).unwrap_err();
        assert_eq!(error.message(), "Invalid according to Policy: Policy expired.");
    }
}
