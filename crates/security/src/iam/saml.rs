//! A SAML identity provider's metadata: who it is, what signs its assertions, and until when that holds.
//!
//! Read from the elements of the metadata namespace alone. Document types are refused, and so are entities but XML's
//! own. Whether the document itself is signed, and by whom, is not looked at: who may call IAM vouches for it.
//! Specification: <https://docs.oasis-open.org/security/saml/v2.0/saml-metadata-2.0-os.pdf>

use super::IamError;
use base::Timestamp;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use quick_xml::NsReader;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::ResolveResult;

const METADATA: &str = "urn:oasis:names:tc:SAML:2.0:metadata";
const SIGNATURE: &str = "http://www.w3.org/2000/09/xmldsig#";
/// Deepest nesting that is read.
const DEPTH_MAX: usize = 64;
const CERTIFICATES_MAX: usize = 32;

#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Metadata {
    pub(crate) entity_id: String,
    /// DER in base64 without white space.
    pub(crate) certificates: Vec<String>,
    pub(crate) valid_until: Option<Timestamp>,
}

/// # Errors
/// `InvalidInput` for what is no metadata of an identity provider.
pub(crate) fn read(text: &str) -> Result<Metadata, IamError> {
    metadata(text).ok_or_else(|| IamError::InvalidInput("Could not parse metadata".into()))
}

/// What one element is, by namespace and name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Element {
    Entity,
    IdentityProvider,
    /// A key, and whether it may sign.
    Key(bool),
    Certificate,
    Other,
}

fn metadata(text: &str) -> Option<Metadata> {
    let mut reader = NsReader::from_str(text.trim_start_matches('\u{feff}'));
    reader.config_mut().expand_empty_elements = true;
    let mut found = Metadata { entity_id: String::new(), certificates: Vec::new(), valid_until: None };
    let mut open: Vec<Element> = Vec::new();
    let mut certificate = String::new();
    let (mut is_provider, mut ended) = (false, false);
    loop {
        let (namespace, event) = reader.read_resolved_event().ok()?;
        match event {
            Event::Start(start) => {
                let element = element(&namespace, &start)?;
                if open.is_empty() {
                    if ended || element != Element::Entity {
                        return None;
                    }
                    found.entity_id = attribute(&start, "entityID")?.filter(|id| !id.is_empty())?;
                    found.valid_until = match attribute(&start, "validUntil")? {
                        Some(text) => Some(Timestamp::parse_iso8601(&text)?),
                        None => None,
                    };
                }
                open.push(element);
                is_provider |= open == [Element::Entity, Element::IdentityProvider];
                if open.len() > DEPTH_MAX {
                    return None;
                }
            }
            Event::End(_) => {
                if open.pop()? == Element::Certificate {
                    let text = std::mem::take(&mut certificate);
                    if signs(&open) {
                        found.certificates.push(der(&text)?);
                    }
                }
                ended = open.is_empty();
                if found.certificates.len() > CERTIFICATES_MAX {
                    return None;
                }
            }
            Event::Text(text) if open.last() == Some(&Element::Certificate) => certificate.push_str(&text),
            Event::CData(text) if open.last() == Some(&Element::Certificate) => certificate.push_str(&text),
            Event::DocType(_) => return None,
            Event::Eof if ended => break,
            Event::Eof => return None,
            _ => {}
        }
    }
    (is_provider && !found.certificates.is_empty()).then_some(found)
}

/// Whether a certificate below these elements is one that signs for the identity provider.
fn signs(open: &[Element]) -> bool {
    let mut known = open.iter().filter(|element| **element != Element::Other);
    known.next() == Some(&Element::Entity)
        && known.next() == Some(&Element::IdentityProvider)
        && known.next() == Some(&Element::Key(true))
        && known.next().is_none()
}

fn element(namespace: &ResolveResult<'_>, start: &BytesStart<'_>) -> Option<Element> {
    let ResolveResult::Bound(namespace) = namespace else { return Some(Element::Other) };
    let name = start.local_name();
    Some(match (namespace.0, name.into_inner()) {
        (METADATA, "EntityDescriptor") => Element::Entity,
        (METADATA, "IDPSSODescriptor") => Element::IdentityProvider,
        (METADATA, "KeyDescriptor") => {
            // Without a use the key has both.
            Element::Key(attribute(start, "use")?.is_none_or(|text| text == "signing"))
        }
        (SIGNATURE, "X509Certificate") => Element::Certificate,
        _ => Element::Other,
    })
}

/// `None` when the element's attributes cannot be read.
fn attribute(start: &BytesStart<'_>, name: &str) -> Option<Option<String>> {
    let mut found = None;
    for attribute in start.attributes() {
        let attribute = attribute.ok()?;
        if attribute.key.into_inner() == name {
            found = Some(quick_xml::escape::unescape(&attribute.value).ok()?.into_owned());
        }
    }
    Some(found)
}

/// The certificate without its white space, if it is one DER sequence in base64.
fn der(text: &str) -> Option<String> {
    let text: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let bytes = STANDARD.decode(&text).ok()?;
    let (header, length) = match *bytes.get(..4)? {
        [0x30, short @ 0..=0x7f, ..] => (2, usize::from(short)),
        [0x30, 0x81, length, _] => (3, usize::from(length)),
        [0x30, 0x82, high, low] => (4, usize::from(u16::from_be_bytes([high, low]))),
        _ => return None,
    };
    (bytes.len() == header + length).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::{IamError, Metadata, read};
    use base::Timestamp;

    /// `30 03 02 01 05`: a sequence, which is all that is asked of a certificate here.
    const DER: &str = "MAMCAQU=";

    fn document(root: &str, inner: &str) -> String {
        format!(
            r#"<?xml version="1.0"?><md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata"
            xmlns:ds="http://www.w3.org/2000/09/xmldsig#" {root}>{inner}</md:EntityDescriptor>"#
        )
    }

    fn provider(usage: &str, certificate: &str) -> String {
        format!(
            "<md:IDPSSODescriptor><md:KeyDescriptor {usage}><ds:KeyInfo><ds:X509Data><ds:X509Certificate>{certificate}\
             </ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor></md:IDPSSODescriptor>"
        )
    }

    #[test]
    fn what_the_document_says() {
        let text = document(
            r#"entityID="https://idp/&amp;x" validUntil="2030-01-02T03:04:05Z""#,
            &provider("", "\n MAMC\n AQU= "),
        );
        let expected = Metadata {
            entity_id: "https://idp/&x".into(),
            certificates: vec![DER.into()],
            valid_until: Some(Timestamp::from_seconds(1_893_553_445)),
        };
        assert_eq!(read(&text), Ok(expected));
    }

    #[test]
    fn only_keys_that_sign_count() {
        let both =
            format!("{}{}", provider(r#"use="encryption""#, "MAMCAQY="), provider(r#"use="signing""#, DER));
        let read = read(&document(r#"entityID="x""#, &both)).unwrap();
        assert_eq!(read.certificates, [DER]);
    }

    #[test]
    fn what_is_no_metadata_is_refused() {
        let good = provider("", DER);
        let refused = [
            String::new(),
            "<a/>".into(),
            "not xml".into(),
            document("", &good),
            document(r#"entityID="""#, &good),
            document(r#"entityID="x" validUntil="tomorrow""#, &good),
            document(r#"entityID="x""#, ""),
            document(r#"entityID="x""#, "<md:IDPSSODescriptor/>"),
            document(r#"entityID="x""#, &provider("", "!!!")),
            document(r#"entityID="x""#, &provider("", "AAAA")),
            document(r#"entityID="x""#, &provider(r#"use="encryption""#, DER)),
            document(r#"entityID="x""#, &good.replace("IDPSSO", "SPSSO")),
            document(r#"entityID="x""#, &good).replace("SAML:2.0:metadata", "SAML:2.0:other"),
            format!("<!DOCTYPE a [<!ENTITY b \"c\">]>{}", document(r#"entityID="x""#, &good)),
            format!("{}<more/>", document(r#"entityID="x""#, &good)),
            document(r#"entityID="x""#, &format!("{good}{}", "<a>".repeat(100))),
        ];
        for text in refused {
            assert_eq!(read(&text), Err(IamError::InvalidInput("Could not parse metadata".into())), "{text}");
        }
    }
}
