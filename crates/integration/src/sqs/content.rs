//! What a sender says of a message, checked: body, attributes, size.
//!
//! AWS: <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html>

use super::errors::SqsError;
use super::model::message::Attribute;
use bytes::Bytes;
use std::collections::BTreeMap;
use wire::Pairs;

const ATTRIBUTES_MAX: usize = 10;
const NAME_BYTES_MAX: usize = 256;
const TYPES: [&str; 3] = ["String", "Number", "Binary"];
const TRACE_HEADER: &str = "AWSTraceHeader";
const ID_CHARS_MAX: usize = 128;

wire::shape! {
    /// The value of a message attribute.
    #[derive(Clone, Debug)]
    pub(crate) struct AttributeValue {
        pub(crate) text: Option<String> = "StringValue",
        pub(crate) binary: Option<Bytes> = "BinaryValue",
        pub(crate) texts: Vec<String> = "StringListValues",
        pub(crate) binaries: Vec<Bytes> = "BinaryListValues",
        pub(crate) data_type: Option<String> = "DataType",
    }

    /// An attribute's value as it is answered.
    #[derive(Clone, Debug)]
    pub(crate) struct AttributeView {
        pub(crate) text: Option<String> = "StringValue",
        pub(crate) binary: Option<Bytes> = "BinaryValue",
        pub(crate) data_type: String = "DataType",
    }
}

/// A message to be sent.
#[derive(Clone, Debug)]
pub(crate) struct Parcel {
    pub(crate) body: String,
    pub(crate) attributes: BTreeMap<String, Attribute>,
    pub(crate) trace: Option<Attribute>,
    pub(crate) delay: Option<i64>,
    pub(crate) group: Option<String>,
    pub(crate) deduplication: Option<String>,
    /// Of body and attributes, in bytes.
    pub(crate) size: u64,
}

/// A message as a request has it.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub(crate) body: String,
    pub(crate) attributes: Pairs<AttributeValue>,
    pub(crate) system: Pairs<AttributeValue>,
    pub(crate) delay: Option<i64>,
    pub(crate) group: Option<String>,
    pub(crate) deduplication: Option<String>,
}

/// What XML can carry, and so a message.
fn is_allowed(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}

impl Draft {
    /// # Errors
    /// `InvalidMessageContents`, `MissingParameter`, `InvalidParameterValue`, `UnsupportedOperation`.
    pub(crate) fn check(self) -> Result<Parcel, SqsError> {
        if self.body.is_empty() {
            return Err(SqsError::Missing("MessageBody"));
        }
        if !self.body.chars().all(is_allowed) {
            return Err(SqsError::Contents);
        }
        let count = self.attributes.0.len();
        if count > ATTRIBUTES_MAX {
            return Err(SqsError::Invalid(format!(
                "Number of message attributes [{count}] exceeds the allowed maximum [{ATTRIBUTES_MAX}]."
            )));
        }
        let mut attributes = BTreeMap::new();
        for (name, value) in self.attributes.0 {
            let attribute = user_attribute(&name, value)?;
            attributes.insert(name, attribute);
        }
        let mut trace = None;
        for (name, value) in self.system.0 {
            trace = Some(system_attribute(&name, value)?);
        }
        let size = self.body.len() + attributes.iter().map(|(name, a)| name.len() + a.size()).sum::<usize>();
        let parcel = Parcel {
            body: self.body,
            attributes,
            trace,
            delay: self.delay,
            group: self.group,
            deduplication: self.deduplication,
            size: size as u64,
        };
        check_id("MessageGroupId", parcel.group.as_deref())?;
        check_id("MessageDeduplicationId", parcel.deduplication.as_deref())?;
        Ok(parcel)
    }
}

impl Attribute {
    fn size(&self) -> usize {
        let value = self.text.as_ref().map(String::len).or(self.binary.as_ref().map(Vec::len));
        self.data_type.len() + value.unwrap_or_default()
    }

    pub(crate) fn view(&self) -> AttributeView {
        AttributeView {
            text: self.text.clone(),
            binary: self.binary.clone().map(Bytes::from),
            data_type: self.data_type.clone(),
        }
    }
}

/// Group and deduplication ids, and those of receive attempts.
///
/// # Errors
/// `InvalidParameterValue`.
pub(crate) fn check_id(parameter: &str, id: Option<&str>) -> Result<(), SqsError> {
    let Some(id) = id else { return Ok(()) };
    if (1..=ID_CHARS_MAX).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic()) {
        return Ok(());
    }
    let reason =
        format!("{parameter} can only include alphanumeric and punctuation characters. 1 to 128 in length.");
    Err(SqsError::value(id, parameter, &reason))
}

fn check_name(name: &str) -> Result<(), SqsError> {
    if name.is_empty() {
        return Err(SqsError::Invalid(
            "The request must contain non-empty message (user) attribute names.".into(),
        ));
    }
    if name.len() > NAME_BYTES_MAX {
        return Err(SqsError::Invalid(
            "Message (user) attribute name must be shorter than 256 bytes.".into(),
        ));
    }
    let lower = name.to_ascii_lowercase();
    if lower.starts_with("aws.") || lower.starts_with("amazon.") {
        return Err(SqsError::Invalid(
            "You can't use message attribute names beginning with 'AWS.' or 'Amazon'. These strings are reserved for internal use."
                .into(),
        ));
    }
    let good = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
    if !name.bytes().all(good) || name.starts_with('.') || name.ends_with('.') || name.contains("..") {
        return Err(SqsError::Invalid(format!(
            "The message (user) attribute name '{name}' can contain only the characters A-Z, a-z, 0-9, underscore (_), hyphen (-) and period (.), and can't start or end with a period or have periods in succession."
        )));
    }
    Ok(())
}

fn user_attribute(name: &str, value: AttributeValue) -> Result<Attribute, SqsError> {
    check_name(name)?;
    if !value.texts.is_empty() || !value.binaries.is_empty() {
        return Err(SqsError::Unsupported(
            "Message attribute list values in SendMessage operation are not supported.".into(),
        ));
    }
    typed("(user) ", name, value)
}

fn system_attribute(name: &str, value: AttributeValue) -> Result<Attribute, SqsError> {
    if name != TRACE_HEADER {
        return Err(SqsError::Invalid(format!("Message system attribute name '{name}' is invalid.")));
    }
    if !value.texts.is_empty() || !value.binaries.is_empty() || value.data_type.as_deref() != Some("String") {
        return Err(SqsError::Invalid(format!(
            "The type of message (system) attribute '{name}' is invalid. You must use only the following supported type prefixes: String."
        )));
    }
    typed("(system) ", name, value)
}

/// Checks the value against its type.
fn typed(whose: &str, name: &str, value: AttributeValue) -> Result<Attribute, SqsError> {
    let invalid = |what: String| Err(SqsError::Invalid(what));
    let (text, binary) = (value.text, value.binary);
    if text.is_none() && binary.is_none() {
        return invalid(format!(
            "The message {whose}attribute '{name}' must contain a non-empty message attribute value."
        ));
    }
    let data_type = value.data_type.unwrap_or_default();
    if data_type.is_empty() {
        return invalid(format!(
            "The message {whose}attribute '{name}' must contain a non-empty message attribute type."
        ));
    }
    let prefix = data_type.split('.').next().unwrap_or_default();
    if !TYPES.contains(&prefix) {
        return invalid(format!(
            "The type of message {whose}attribute '{name}' is invalid. You must use only the following supported type prefixes: Binary, Number, String."
        ));
    }
    if data_type.len() >= NAME_BYTES_MAX {
        return invalid(format!("Message {whose}attribute type must be shorter than 256 bytes."));
    }
    let filled = if prefix == "Binary" {
        binary.as_ref().is_some_and(|bytes| !bytes.is_empty())
    } else {
        text.as_ref().is_some_and(|text| !text.is_empty())
    };
    if !filled {
        return invalid(format!(
            "Message {whose}attribute '{name}' must contain a non-empty value of type '{prefix}'."
        ));
    }
    if prefix == "Binary" {
        return Ok(Attribute { data_type, text: None, binary: binary.map(|bytes| bytes.to_vec()) });
    }
    let text = text.unwrap_or_default();
    if !text.chars().all(is_allowed) {
        return Err(SqsError::Contents);
    }
    if prefix == "Number" && !text.trim().parse::<f64>().is_ok_and(f64::is_finite) {
        return invalid(format!("Can't cast the value of message {whose}attribute '{name}' to a number."));
    }
    Ok(Attribute { data_type, text: Some(text), binary: None })
}
