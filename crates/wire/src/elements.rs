//! [`Elements`]: a long list that its handler writes in XML itself.

use crate::model::{Service, ShapeId, Structure};
use crate::output::{scalar, xml};
use crate::shape::{FromValue, Mismatch, ToValue};
use crate::value::{Struct, Value};
use base::Timestamp;

/// The elements of a flattened list of structures, or of several in one order, as they go out in REST XML.
///
/// A page of a listing has a thousand entries, each of ten members: the tree of values between them and their bytes
/// costs more than finding them. Names are those of the wire. Whoever calls from inside gets values
/// ([`Elements::read`]).
#[derive(Clone, PartialEq, Default, Debug)]
pub struct Elements {
    xml: Vec<u8>,
}

impl Elements {
    pub fn with_capacity(bytes: usize) -> Elements {
        Elements { xml: Vec::with_capacity(bytes) }
    }

    /// Begins an element of elements.
    pub fn open(&mut self, name: &'static str) {
        xml::open_tag(&mut self.xml, name);
    }

    /// Ends what [`Elements::open`] began.
    pub fn close(&mut self, name: &'static str) {
        xml::close_tag(&mut self.xml, name);
    }

    pub fn text(&mut self, name: &'static str, content: &str) {
        xml::text_element(&mut self.xml, name, content);
    }

    /// The content between quotes, as entity tags are.
    pub fn quoted(&mut self, name: &'static str, content: &str) {
        xml::open_tag(&mut self.xml, name);
        self.xml.extend_from_slice(QUOTE);
        xml::text(&mut self.xml, content);
        self.xml.extend_from_slice(QUOTE);
        xml::close_tag(&mut self.xml, name);
    }

    pub fn int(&mut self, name: &'static str, content: i64) {
        xml::open_tag(&mut self.xml, name);
        scalar::int(&mut self.xml, content);
        xml::close_tag(&mut self.xml, name);
    }

    pub fn bool(&mut self, name: &'static str, content: bool) {
        self.text(name, if content { "true" } else { "false" });
    }

    /// With milliseconds, as S3 prints all its times.
    pub fn time(&mut self, name: &'static str, content: Timestamp) {
        xml::open_tag(&mut self.xml, name);
        scalar::iso8601(&mut self.xml, content, true);
        xml::close_tag(&mut self.xml, name);
    }

    pub fn xml(&self) -> &[u8] {
        &self.xml
    }

    /// The lists that the elements are of, as values; `None` where they are not what the model says.
    pub fn read(&self, service: &'static Service, output: &'static Structure) -> Option<Struct> {
        let mut document = Vec::with_capacity(self.xml.len() + 32);
        xml::open_tag(&mut document, ROOT);
        document.extend_from_slice(&self.xml);
        xml::close_tag(&mut document, ROOT);
        crate::input::xml_structure(service, output, &document).filter(|lists| !lists.is_empty())
    }
}

const ROOT: &str = "Elements";
const QUOTE: &[u8] = b"&quot;";

impl FromValue for Elements {
    fn from_value(value: Value) -> Result<Self, Mismatch> {
        if let Value::Elements(written) = value { Ok(written) } else { Err(Mismatch::expected("elements")) }
    }

    fn from_absent() -> Result<Self, Mismatch> {
        Ok(Elements::default())
    }
}

impl ToValue for Elements {
    fn to_value(self) -> Option<Value> {
        (!self.xml.is_empty()).then_some(Value::Elements(self))
    }
}

/// Puts values where a handler has written elements, for whoever calls from inside.
///
/// # Errors
/// The name of a member whose elements are not what the model says.
pub fn read_back(
    service: &'static Service,
    output: Option<ShapeId>,
    value: &mut Value,
) -> Result<(), &'static str> {
    let Value::Struct(members) = value else { return Ok(()) };
    let written: Vec<&'static str> = members
        .iter()
        .filter(|(_, value)| matches!(value, Value::Elements(_)))
        .map(|(name, _)| name)
        .collect();
    for name in written {
        let output = output.and_then(|id| service.structure(id)).ok_or(name)?;
        if let Some(Value::Elements(elements)) = members.take(name) {
            let lists = elements.read(service, output).ok_or(name)?;
            lists.into_iter().for_each(|(name, list)| members.set(name, list));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_calls_from_inside_gets_values() {
        let s3 = crate::catalog::service("s3").unwrap();
        let output = s3.operation("ListObjectsV2").unwrap().output;
        let mut contents = Elements::default();
        contents.open("Contents");
        contents.text("Key", "a<b>&\r\u{1}\u{b}");
        contents.time("LastModified", Timestamp::from_micros(1_700_000_000_000_000));
        contents.quoted("ETag", "d41d8");
        contents.int("Size", 7);
        contents.open("RestoreStatus");
        contents.bool("IsRestoreInProgress", true);
        contents.close("RestoreStatus");
        contents.close("Contents");
        let mut value = Value::Struct([("Contents", contents.to_value().unwrap())].into_iter().collect());
        read_back(s3, output, &mut value).unwrap();
        let list = value.member("Contents").and_then(Value::as_list).unwrap();
        assert_eq!(list.len(), 1);
        assert_eq!(list[0].member("Key").and_then(Value::as_str), Some("a<b>&\r\u{1}\u{b}"));
        assert_eq!(list[0].member("ETag").and_then(Value::as_str), Some("\"d41d8\""));
        assert_eq!(list[0].member("Size").and_then(Value::as_int), Some(7));
        let time = Value::Time(Timestamp::from_micros(1_700_000_000_000_000));
        assert_eq!(list[0].member("LastModified"), Some(&time));
        assert_eq!(list[0].at(&["RestoreStatus", "IsRestoreInProgress"]), Some(&Value::Bool(true)));

        let mut unknown = Elements::default();
        unknown.text("Nothing", "that the model knows");
        let mut other = Value::Struct([("Contents", Value::Elements(unknown))].into_iter().collect());
        assert_eq!(read_back(s3, output, &mut other), Err("Contents"));
    }

    #[test]
    fn lists_that_stand_in_one_order_are_told_apart() {
        let s3 = crate::catalog::service("s3").unwrap();
        let output = s3.operation("ListObjectVersions").unwrap().output;
        let mut written = Elements::default();
        for (element, key) in [("DeleteMarker", "a"), ("Version", "a"), ("DeleteMarker", "b")] {
            written.open(element);
            written.text("Key", key);
            written.close(element);
        }
        let mut value = Value::Struct([("Versions", written.to_value().unwrap())].into_iter().collect());
        read_back(s3, output, &mut value).unwrap();
        let keys = |member: &str| -> Vec<String> {
            let list = value.member(member).and_then(Value::as_list).unwrap();
            list.iter().map(|item| item.member("Key").and_then(Value::as_str).unwrap().to_owned()).collect()
        };
        assert_eq!(
            (keys("DeleteMarkers"), keys("Versions")),
            (vec!["a".into(), "b".into()], vec!["a".to_owned()])
        );
    }
}
