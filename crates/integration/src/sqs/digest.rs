//! The MD5 digests by which clients check what was sent and received.
//!
//! AWS: <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html>,
//! "Calculating the MD5 message digest for message attributes".

use super::model::message::Attribute;
use auth::md5::{self, Md5};

const TEXT: u8 = 1;
const BINARY: u8 = 2;

/// Of a body.
pub(crate) fn of_body(body: &str) -> String {
    md5::hex(&Md5::of(body.as_bytes()))
}

/// Of attributes in the order of their names; none where there are none.
pub(crate) fn of_attributes<'a>(
    attributes: impl Iterator<Item = (&'a String, &'a Attribute)>,
) -> Option<String> {
    let mut bytes = Vec::new();
    for (name, attribute) in attributes {
        push(&mut bytes, name.as_bytes());
        push(&mut bytes, attribute.data_type.as_bytes());
        match (&attribute.text, &attribute.binary) {
            (Some(text), _) => {
                bytes.push(TEXT);
                push(&mut bytes, text.as_bytes());
            }
            (None, binary) => {
                bytes.push(BINARY);
                push(&mut bytes, binary.as_deref().unwrap_or_default());
            }
        }
    }
    (!bytes.is_empty()).then(|| md5::hex(&Md5::of(&bytes)))
}

fn push(out: &mut Vec<u8>, part: &[u8]) {
    let len = u32::try_from(part.len()).unwrap_or(u32::MAX);
    out.extend(len.to_be_bytes());
    out.extend(part);
}

#[cfg(test)]
mod tests {
    use super::{Attribute, of_attributes};
    use std::collections::BTreeMap;

    fn digest(all: &[(&str, &str, &str)]) -> Option<String> {
        let attribute = |data_type: &str, text: &str| Attribute {
            data_type: data_type.into(),
            text: Some(text.into()),
            binary: None,
        };
        let map: BTreeMap<String, Attribute> =
            all.iter().map(|(name, kind, text)| ((*name).to_owned(), attribute(kind, text))).collect();
        of_attributes(map.iter())
    }

    /// As recorded from AWS.
    #[test]
    fn digests_are_awss() {
        let all =
            [("Hello", "String", "There"), ("General", "String", "Kenobi"), ("Help.Me", "String", "Me")];
        assert_eq!(digest(&all).unwrap(), "4c360f3fdafd970e05fae2f149d997f5");
        assert_eq!(digest(&all[..2]).unwrap(), "fca026605781cb4126a1e9044df24232");
        assert_eq!(digest(&all[..1]).unwrap(), "a311262e065454b75da111d535b8dacd");
        assert_eq!(digest(&[("Foo", "String", "Bar")]).unwrap(), "ae7155c6026991b6d54b11589678bf9c");
        assert_eq!(digest(&[]), None);
        let binary = Attribute {
            data_type: "Binary".into(),
            text: None,
            binary: Some(b"traceparent\x1e00-774062d6c37081a5a0b9b5b88e30627c-2d2482211f6489da-01".to_vec()),
        };
        let map = BTreeMap::from([("attr1".to_owned(), binary)]);
        assert_eq!(of_attributes(map.iter()).unwrap(), "8cbe4db156db8a94db8b801b7addb984");
    }
}
