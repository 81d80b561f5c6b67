//! Mobile push: applications and their endpoints on devices. What is published to an endpoint stays in the mailbox, as
//! e-mails and text messages do: no push service is called.
//!
//! AWS: <https://docs.aws.amazon.com/sns/latest/dg/sns-mobile-application-as-subscriber.html>

use super::errors::{SnsError, invalid};
use super::model::{APPLICATIONS, Application, ENDPOINTS, Endpoint};
use base::{AccountId, Arn, Region};
use store::{Key, Read};

pub(crate) const ENABLED: &str = "Enabled";

/// Where an application is, whether it exists or not.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Place {
    pub(crate) account: AccountId,
    pub(crate) region: Region,
    pub(crate) platform: String,
    pub(crate) name: String,
}

/// Takes an ARN apart: of an application (`app/GCM/name`) or an endpoint (`endpoint/GCM/name/id`).
fn read<const N: usize>(
    text: &str,
    parameter: &str,
    kind: &str,
) -> Result<(AccountId, Region, [String; N]), SnsError> {
    let count = text.split(':').count();
    if count < 6 {
        return Err(invalid(format!(
            "{parameter} Reason: An ARN must have at least 6 elements, not {count}"
        )));
    }
    let bad = || invalid(format!("{parameter} Reason: {text} is not the ARN of an {kind}"));
    let arn = Arn::parse(text).filter(|arn| arn.service == "sns").ok_or_else(bad)?;
    let rest = arn.resource.strip_prefix(kind).and_then(|rest| rest.strip_prefix('/')).ok_or_else(bad)?;
    let parts: Vec<String> = rest.split('/').map(str::to_owned).collect();
    let parts = <[String; N]>::try_from(parts).map_err(|_| bad())?;
    let account = AccountId::parse(&arn.account).ok_or_else(bad)?;
    Ok((account, Region::parse(&arn.region).ok_or_else(bad)?, parts))
}

impl Place {
    /// # Errors
    /// `InvalidParameter`.
    pub(crate) fn of_application(text: &str) -> Result<Place, SnsError> {
        let (account, region, [platform, name]) = read(text, "PlatformApplicationArn", "app")?;
        Ok(Place { account, region, platform, name })
    }

    /// The application of an endpoint, and the endpoint's id.
    ///
    /// # Errors
    /// `InvalidParameter`.
    pub(crate) fn of_endpoint(text: &str, parameter: &str) -> Result<(Place, String), SnsError> {
        let (account, region, [platform, name, id]) = read(text, parameter, "endpoint")?;
        Ok((Place { account, region, platform, name }, id))
    }

    pub(crate) fn key(&self) -> Key {
        Key::regional(self.account, self.region).str(&self.platform).str(&self.name)
    }

    pub(crate) fn arn(&self) -> String {
        self.sns_arn(&format!("app/{}/{}", self.platform, self.name))
    }

    pub(crate) fn endpoint_arn(&self, id: &str) -> String {
        self.sns_arn(&format!("endpoint/{}/{}/{id}", self.platform, self.name))
    }

    fn sns_arn(&self, resource: &str) -> String {
        Arn::new("sns", self.region.name(), self.account.as_str(), resource).to_string()
    }
}

impl Application {
    pub(crate) fn place(&self) -> Place {
        let Application { account, region, platform, name, .. } = self.clone();
        Place { account, region, platform, name }
    }
}

/// Whether something is switched on.
fn is_enabled(attributes: &std::collections::BTreeMap<String, String>) -> bool {
    attributes.get(ENABLED).is_none_or(|text| text.eq_ignore_ascii_case("true"))
}

/// The endpoint, if it takes messages.
///
/// # Errors
/// `InvalidParameter` for none, `EndpointDisabled`, `PlatformApplicationDisabled`.
pub(crate) fn open(from: &dyn Read, place: &Place, id: &str) -> Result<Endpoint, SnsError> {
    let none = || invalid("TargetArn Reason: No endpoint found for the target arn specified");
    let application = APPLICATIONS.get(from, &place.key())?.ok_or_else(none)?;
    let endpoint = ENDPOINTS.get(from, &place.key().str(id))?.ok_or_else(none)?;
    if !is_enabled(&application.attributes) {
        return Err(SnsError::ApplicationDisabled);
    }
    if !is_enabled(&endpoint.attributes) {
        return Err(SnsError::EndpointDisabled);
    }
    Ok(endpoint)
}

/// What a subscription's protocol is called in a message of several bodies: that of an application is its platform.
pub(crate) fn channel<'a>(protocol: &'a str, endpoint: &'a str) -> &'a str {
    let platform = || endpoint.split('/').nth(1).filter(|_| protocol == "application");
    platform().unwrap_or(protocol)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns() {
        let app = "arn:aws:sns:us-east-1:123456789012:app/GCM/mine";
        let place = Place::of_application(app).unwrap();
        assert_eq!(
            (place.platform.as_str(), place.name.as_str(), place.arn()),
            ("GCM", "mine", app.to_owned())
        );
        let (of, id) = Place::of_endpoint(&place.endpoint_arn("7"), "EndpointArn").unwrap();
        assert_eq!((of, id.as_str()), (place, "7"));
        for bad in ["x", "arn:aws:sns:us-east-1:123456789012:t", "arn:aws:sns:us-east-1:123456789012:app/GCM"]
        {
            assert!(Place::of_application(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_applications_body_is_named_after_its_platform() {
        let endpoint = "arn:aws:sns:us-east-1:123456789012:endpoint/APNS/mine/7";
        assert_eq!(channel("application", endpoint), "APNS");
        assert_eq!(channel("http", "http://127.0.0.1/a"), "http");
    }
}
