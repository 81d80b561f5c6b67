//! SAML 2.0 responses of an identity provider: read, and verified against the certificates of its metadata.
//!
//! - [`xml`]: a small tree of the document and its canonical form;
//! - [`signature`]: whether the provider signed the response or the assertion in it;
//! - here: what the assertion says, which is read from the very element that was verified.
//!
//! GAP: encrypted assertions (`IamError` refuses providers with private keys, so nobody can be asked to decrypt).
//! AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_saml_assertions.html> and, for the
//! words of refusals, <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_saml.html>

mod attributes;
mod signature;
mod xml;

use super::errors::StsError;
use base::Timestamp;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::time::Duration;
use xml::Element;

pub use attributes::Attributes;

const PROTOCOL: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
const ASSERTION: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
const SUCCESS: &str = "urn:oasis:names:tc:SAML:2.0:status:Success";
const BEARER: &str = "urn:oasis:names:tc:SAML:2.0:cm:bearer";
const FORMAT_PREFIX: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:";
const UNSPECIFIED: &str = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified";

/// AWS: a token is redeemed within five minutes.
const AGE_MAX: Duration = Duration::from_secs(5 * 60);

/// What a verified assertion says.
#[derive(Clone, PartialEq, Debug)]
pub struct Assertion {
    pub issuer: String,
    /// `NameID`, and its format without the prefix of SAML 2.0.
    pub subject: String,
    pub subject_type: String,
    /// Where it was presented; AWS calls it the audience.
    pub recipient: String,
    pub session_ends: Option<Timestamp>,
    pub attributes: Attributes,
}

fn invalid(what: &str) -> StsError {
    StsError::InvalidIdentityToken(what.to_owned())
}

fn expired(what: &str) -> StsError {
    StsError::ExpiredToken(what.to_owned())
}

/// The document in the base64 of a request.
///
/// # Errors
/// `InvalidIdentityToken`.
pub fn document(base64: &str) -> Result<Response, StsError> {
    let compact: String = base64.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let bytes = STANDARD.decode(compact).map_err(|_| invalid("Invalid base64 SAMLResponse"))?;
    let text = String::from_utf8(bytes).ok();
    let root = text.and_then(|text| Element::read(&text)).filter(|root| root.is(PROTOCOL, "Response"));
    root.map(Response).ok_or_else(|| invalid("Invalid SAML response: it is no SAML 2.0 response."))
}

/// A response as it was sent; nothing in it is to be believed yet.
#[derive(Debug)]
pub struct Response(Element);

impl Response {
    /// What its assertion says, if the provider with this id and these certificates (DER in base64) has signed it, and
    /// it is meant for AWS and for now.
    ///
    /// # Errors
    /// `InvalidIdentityToken`, `ExpiredTokenException`, `IDPRejectedClaim`.
    pub fn verify(
        &self,
        entity_id: &str,
        certificates: &[String],
        now: Timestamp,
    ) -> Result<Assertion, StsError> {
        self.check_status()?;
        let Some(assertion) = self.0.only(ASSERTION, "Assertion") else {
            let is_encrypted = self.0.all(ASSERTION, "EncryptedAssertion").next().is_some();
            return Err(invalid(match is_encrypted {
                true => "Encrypted SAML assertions are not built in this cloud.",
                false => "The SAML response must hold exactly one assertion.",
            }));
        };
        let issuer = text(assertion, "Issuer").unwrap_or_default();
        if issuer != entity_id {
            return Err(invalid("Issuer not present in specified provider"));
        }
        // Whatever is signed must be signed well; one of the two must be.
        let signed: Vec<&Element> =
            [&self.0, assertion].into_iter().filter(|element| signature::is_signed(element)).collect();
        if signed.is_empty() || !signed.iter().all(|element| signature::is_valid(element, certificates)) {
            return Err(invalid("Response signature invalid"));
        }
        read(assertion, issuer, now)
    }

    fn check_status(&self) -> Result<(), StsError> {
        let code = self.0.only(PROTOCOL, "Status").and_then(|status| status.only(PROTOCOL, "StatusCode"));
        match code.and_then(|code| code.attribute("Value")) {
            Some(SUCCESS) => Ok(()),
            value => Err(StsError::IdpRejectedClaim(format!(
                "The identity provider did not authenticate anybody: {}",
                value.unwrap_or("its response has no status")
            ))),
        }
    }
}

fn text(element: &Element, name: &str) -> Option<String> {
    Some(element.only(ASSERTION, name)?.text().trim().to_owned())
}

/// An attribute that holds a time; `Err` where it holds something else.
fn time(element: &Element, name: &str) -> Result<Option<Timestamp>, StsError> {
    let Some(text) = element.attribute(name) else { return Ok(None) };
    let parsed = Timestamp::parse_iso8601(text).map(Some);
    parsed.ok_or_else(|| invalid(&format!("{name} of the SAML assertion is not a time.")))
}

fn read(assertion: &Element, issuer: String, now: Timestamp) -> Result<Assertion, StsError> {
    let issued = time(assertion, "IssueInstant")?;
    if issued.is_none_or(|at| at.plus(AGE_MAX) <= now) {
        return Err(expired("Token must be redeemed within 5 minutes of issuance"));
    }
    let conditions = assertion.only(ASSERTION, "Conditions");
    check_conditions(conditions, now)?;
    let subject =
        assertion.only(ASSERTION, "Subject").ok_or_else(|| invalid("The SAML assertion has no subject."))?;
    let recipient = recipient(subject, now)?;
    let name =
        subject.only(ASSERTION, "NameID").ok_or_else(|| invalid("The SAML assertion has no NameID."))?;
    let format = name.attribute("Format").unwrap_or(UNSPECIFIED);
    let statement = assertion.all(ASSERTION, "AuthnStatement").next();
    let session_ends =
        statement.map(|statement| time(statement, "SessionNotOnOrAfter")).transpose()?.flatten();
    Ok(Assertion {
        issuer,
        subject: name.text().trim().to_owned(),
        subject_type: format.strip_prefix(FORMAT_PREFIX).unwrap_or(format).to_owned(),
        recipient,
        session_ends,
        attributes: Attributes::read(assertion)?,
    })
}

/// It is valid now, and for AWS.
fn check_conditions(conditions: Option<&Element>, now: Timestamp) -> Result<(), StsError> {
    let no_audience = || invalid("Response does not contain required audience.");
    let conditions = conditions.ok_or_else(no_audience)?;
    check_time(conditions, now)?;
    let mut is_ours = false;
    // Each restriction must be met by one of its audiences.
    for restriction in conditions.all(ASSERTION, "AudienceRestriction") {
        let mut audiences =
            restriction.all(ASSERTION, "Audience").map(|audience| audience.text().trim().to_owned());
        is_ours = audiences.any(|audience| audience == "urn:amazon:webservices" || is_endpoint(&audience));
        if !is_ours {
            break;
        }
    }
    if is_ours { Ok(()) } else { Err(no_audience()) }
}

fn check_time(element: &Element, now: Timestamp) -> Result<(), StsError> {
    if time(element, "NotBefore")?.is_some_and(|from| now < from) {
        return Err(invalid("The SAML assertion is not valid yet."));
    }
    if time(element, "NotOnOrAfter")?.is_some_and(|until| until <= now) {
        return Err(expired("The SAML assertion has expired."));
    }
    Ok(())
}

/// Where AWS takes responses: one address for all regions and one for each, with the provider's own id where it has
/// one.
fn is_endpoint(text: &str) -> bool {
    let Some((host, path)) = text.strip_prefix("https://").and_then(|rest| rest.split_once('/')) else {
        return false;
    };
    let region =
        host.strip_suffix("signin.aws.amazon.com").map(|front| front.strip_suffix('.').unwrap_or(front));
    let is_host = region.is_some_and(|region| region.is_empty() || base::Region::parse(region).is_some());
    is_host && (path == "saml" || path == "static/saml" || path.starts_with("saml/acs/"))
}

/// AWS: exactly one confirmation, with an end and a recipient that is one of its endpoints.
fn recipient(subject: &Element, now: Timestamp) -> Result<String, StsError> {
    let confirmation = subject.only(ASSERTION, "SubjectConfirmation");
    let confirmation = confirmation.filter(|own| own.attribute("Method") == Some(BEARER));
    let data = confirmation.and_then(|own| own.only(ASSERTION, "SubjectConfirmationData"));
    let data = data.filter(|data| data.attribute("NotOnOrAfter").is_some());
    let data = data.ok_or_else(|| {
        invalid(
            "The SAML assertion must have exactly one SubjectConfirmation, with NotOnOrAfter and Recipient.",
        )
    })?;
    check_time(data, now)?;
    let recipient = data.attribute("Recipient").filter(|recipient| is_endpoint(recipient));
    recipient.map(str::to_owned).ok_or_else(|| invalid("The recipient of the SAML assertion is not AWS."))
}

#[cfg(test)]
mod tests {
    use super::{document, is_endpoint};

    #[test]
    fn endpoints() {
        for (text, expected) in [
            ("https://signin.aws.amazon.com/saml", true),
            ("https://signin.aws.amazon.com/static/saml", true),
            ("https://eu-west-1.signin.aws.amazon.com/saml", true),
            ("https://us-east-1.signin.aws.amazon.com/saml/acs/SAMLSP123", true),
            ("http://signin.aws.amazon.com/saml", false),
            ("https://signin.aws.amazon.com/", false),
            ("https://evilsignin.aws.amazon.com/saml", false),
            ("https://signin.aws.amazon.com.example.com/saml", false),
            ("urn:amazon:webservices", false),
        ] {
            assert_eq!(is_endpoint(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_response() {
        let said = |text: &str| wire::Fault::from(document(text).unwrap_err()).to_string();
        assert_eq!(said("!!!!"), "InvalidIdentityToken (400): Invalid base64 SAMLResponse");
        for text in ["", "PGEvPg==", "/w=="] {
            assert!(said(text).contains("it is no SAML 2.0 response"), "{text}");
        }
    }
}
