//! The attributes of an assertion: AWS's own, and those that become condition keys.
//!
//! AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_saml_assertions.html>. The console's
//! `SessionDuration` has no part in API calls.

use super::xml::Element;
use super::{ASSERTION, invalid};
use crate::sts::errors::StsError;

const AWS: &str = "https://aws.amazon.com/SAML/Attributes/";

#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Attributes {
    /// ARNs of a role and of its provider, as they stand in one value.
    pub roles: Vec<(String, String)>,
    pub session_name: String,
    pub source_identity: Option<String>,
    pub tags: Vec<(String, String)>,
    pub transitive: Vec<String>,
    /// `saml:cn` and its like.
    pub keys: Vec<(String, Vec<String>)>,
}

/// Names of attributes, and the condition keys that they become.
///
/// AWS: "Mapping SAML attributes to AWS trust policy context keys".
const KEYS: &[(&str, &str)] = &[
    ("urn:oid:1.3.6.1.4.1.5923.1.1.1.1", "eduPersonAffiliation"),
    ("urn:oid:1.3.6.1.4.1.5923.1.1.1.2", "eduPersonNickname"),
    ("urn:oid:1.3.6.1.4.1.5923.1.1.1.3", "eduPersonOrgDN"),
    ("urn:oid:1.3.6.1.4.1.5923.1.1.1.4", "eduPersonOrgUnitDN"),
    ("urn:oid:1.3.6.1.4.1.5923.1.1.1.5", "eduPersonPrimaryAffiliation"),
    ("urn:oid:1.3.6.1.4.1.5923.1.1.1.6", "eduPersonPrincipalName"),
    ("urn:oid:1.3.6.1.4.1.5923.1.1.1.7", "eduPersonEntitlement"),
    ("urn:oid:1.3.6.1.4.1.5923.1.1.1.8", "eduPersonPrimaryOrgUnitDN"),
    ("urn:oid:1.3.6.1.4.1.5923.1.1.1.9", "eduPersonScopedAffiliation"),
    ("urn:oid:1.3.6.1.4.1.5923.1.1.1.10", "eduPersonTargetedID"),
    ("urn:oid:1.3.6.1.4.1.5923.1.1.1.11", "eduPersonAssurance"),
    ("urn:oid:1.3.6.1.4.1.5923.1.2.1.2", "eduOrgHomePageURI"),
    ("urn:oid:1.3.6.1.4.1.5923.1.2.1.3", "eduOrgIdentityAuthNPolicyURI"),
    ("urn:oid:1.3.6.1.4.1.5923.1.2.1.4", "eduOrgLegalName"),
    ("urn:oid:1.3.6.1.4.1.5923.1.2.1.5", "eduOrgSuperiorURI"),
    ("urn:oid:1.3.6.1.4.1.5923.1.2.1.6", "eduOrgWhitePagesURI"),
    ("urn:oid:2.5.4.3", "cn"),
    ("http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name", "name"),
    ("http://schemas.xmlsoap.org/claims/CommonName", "commonName"),
    ("http://schemas.xmlsoap.org/ws/2005/05/identity/claims/givenname", "givenName"),
    ("http://schemas.xmlsoap.org/ws/2005/05/identity/claims/surname", "surname"),
    ("http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress", "mail"),
    ("http://schemas.microsoft.com/ws/2008/06/identity/claims/primarygroupsid", "uid"),
];

impl Attributes {
    /// # Errors
    /// `InvalidIdentityToken` for session names and source identities that AWS does not take.
    pub(super) fn read(assertion: &Element) -> Result<Attributes, StsError> {
        let mut out = Attributes::default();
        let mut session_name = None;
        let statements = assertion.all(ASSERTION, "AttributeStatement");
        for attribute in statements.flat_map(|statement| statement.all(ASSERTION, "Attribute")) {
            let name = attribute.attribute("Name").unwrap_or_default();
            let values =
                attribute.all(ASSERTION, "AttributeValue").map(|value| value.text().trim().to_owned());
            let mut values = values.collect::<Vec<String>>().into_iter();
            match name.strip_prefix(AWS) {
                Some("Role") => out.roles.extend(values.filter_map(|value| pair(&value))),
                Some("RoleSessionName") => session_name = values.next(),
                Some("SourceIdentity") => out.source_identity = values.next(),
                Some("TransitiveTagKeys") => out.transitive.extend(values),
                Some(other) => {
                    let tag = other.strip_prefix("PrincipalTag:").map(str::to_owned);
                    out.tags.extend(tag.zip(values.next()));
                }
                None => {
                    if let Some((_, key)) = KEYS.iter().find(|(known, _)| *known == name) {
                        out.keys.push((format!("saml:{key}"), values.collect()));
                    }
                }
            }
        }
        out.session_name =
            session_name.ok_or_else(|| invalid("RoleSessionName is required in AuthnResponse"))?;
        if !is_name(&out.session_name) {
            return Err(invalid("RoleSessionName in AuthnResponse must match [a-zA-Z_0-9+=,.@-]{2,64}"));
        }
        let is_good = |name: &String| is_name(name) && !name.to_ascii_lowercase().starts_with("aws:");
        if !out.source_identity.as_ref().is_none_or(is_good) {
            return Err(invalid(
                "Source Identity must match [a-zA-Z_0-9+=,.@-]{2,64} and not begin with \"aws:\" in Response",
            ));
        }
        Ok(out)
    }

    /// Whether the provider says that its user may take this role by this provider; in either order.
    pub fn offers(&self, role: &str, provider: &str) -> bool {
        let is = |(one, other): &(String, String)| {
            (one == role && other == provider) || (other == role && one == provider)
        };
        self.roles.iter().any(is)
    }
}

fn pair(value: &str) -> Option<(String, String)> {
    let (one, other) = value.split_once(',')?;
    Some((one.trim().to_owned(), other.trim().to_owned()))
}

fn is_name(text: &str) -> bool {
    let is_fine = |b: u8| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b);
    (2..=64).contains(&text.len()) && text.bytes().all(is_fine)
}

#[cfg(test)]
mod tests {
    use super::Attributes;
    use crate::sts::saml::xml::Element;

    fn read(attributes: &[(&str, &[&str])]) -> Result<Attributes, String> {
        let mut inner = String::new();
        for (name, values) in attributes {
            let values: String =
                values.iter().map(|value| format!("<AttributeValue>{value}</AttributeValue>")).collect();
            inner.push_str(&format!("<Attribute Name=\"{name}\">{values}</Attribute>"));
        }
        let text = format!(
            "<Assertion xmlns=\"{}\"><AttributeStatement>{inner}</AttributeStatement></Assertion>",
            super::ASSERTION
        );
        Attributes::read(&Element::read(&text).unwrap()).map_err(|error| wire::Fault::from(error).message)
    }

    const NAME: (&str, &[&str]) =
        ("https://aws.amazon.com/SAML/Attributes/RoleSessionName", &["eva@example.com"]);

    #[test]
    fn what_attributes_say() {
        let found = read(&[
            NAME,
            (
                "https://aws.amazon.com/SAML/Attributes/Role",
                &["role, provider", "other-provider,other-role", "half"],
            ),
            ("https://aws.amazon.com/SAML/Attributes/PrincipalTag:team", &["blue", "red"]),
            ("https://aws.amazon.com/SAML/Attributes/TransitiveTagKeys", &["team", "cost"]),
            ("https://aws.amazon.com/SAML/Attributes/SourceIdentity", &["eva"]),
            ("https://aws.amazon.com/SAML/Attributes/SessionDuration", &["900"]),
            ("urn:oid:1.3.6.1.4.1.5923.1.1.1.1", &["staff", "member"]),
            ("anything", &["else"]),
        ])
        .unwrap();
        assert!(found.offers("role", "provider") && found.offers("other-role", "other-provider"));
        assert!(!found.offers("role", "other-provider") && !found.offers("half", ""));
        assert_eq!(found.session_name, "eva@example.com");
        assert_eq!(found.source_identity.as_deref(), Some("eva"));
        assert_eq!(found.tags, [("team".to_owned(), "blue".to_owned())]);
        assert_eq!(found.transitive, ["team", "cost"]);
        assert_eq!(found.keys, [("saml:eduPersonAffiliation".into(), vec!["staff".into(), "member".into()])]);
    }

    #[test]
    fn names_have_rules() {
        let session = "https://aws.amazon.com/SAML/Attributes/RoleSessionName";
        let identity = "https://aws.amazon.com/SAML/Attributes/SourceIdentity";
        assert_eq!(read(&[]).unwrap_err(), "RoleSessionName is required in AuthnResponse");
        let words = "RoleSessionName in AuthnResponse must match [a-zA-Z_0-9+=,.@-]{2,64}";
        for bad in ["a", "a b", &"x".repeat(65)] {
            assert_eq!(read(&[(session, &[bad])]).unwrap_err(), words, "{bad}");
        }
        for bad in ["a", "aws:x"] {
            assert!(
                read(&[NAME, (identity, &[bad])]).unwrap_err().starts_with("Source Identity must"),
                "{bad}"
            );
        }
    }
}
