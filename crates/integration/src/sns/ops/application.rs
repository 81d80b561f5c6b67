//! Platform applications.

use super::page;
use crate::sns::access;
use crate::sns::errors::{SnsError, invalid};
use crate::sns::model::{APPLICATIONS, Application, ENDPOINTS, TOKENS};
use crate::sns::push::{ENABLED, Place};
use kernel::{Cx, Empty};
use store::{Direction, Key};
use wire::Pairs;

kernel::ops! { pub(crate) static OPS:
    CreatePlatformApplication: create, "sns:CreatePlatformApplication", access::new_application;
    DeletePlatformApplication: delete, "sns:DeletePlatformApplication", access::application;
    GetPlatformApplicationAttributes: get, "sns:GetPlatformApplicationAttributes", access::application;
    SetPlatformApplicationAttributes: set, "sns:SetPlatformApplicationAttributes", access::application;
    ListPlatformApplications: list, "sns:ListPlatformApplications", access::any;
}

const NAME_CHARS_MAX: usize = 256;
const PLATFORMS: [&str; 11] = [
    "ADM",
    "APNS",
    "APNS_SANDBOX",
    "APNS_VOIP",
    "APNS_VOIP_SANDBOX",
    "BAIDU",
    "GCM",
    "MACOS",
    "MACOS_SANDBOX",
    "MPNS",
    "WNS",
];
const CREDENTIAL: &str = "PlatformCredential";
const PRINCIPAL: &str = "PlatformPrincipal";

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct CreateApplication {
        name: String = "Name",
        platform: String = "Platform",
        attributes: Pairs<String> = "Attributes",
    }

    #[derive(Debug)]
    pub(crate) struct ApplicationArn { arn: String = "PlatformApplicationArn" }

    #[derive(Debug)]
    pub(crate) struct SetAttributes {
        arn: String = "PlatformApplicationArn",
        attributes: Pairs<String> = "Attributes",
    }

    #[derive(Debug)]
    pub(crate) struct Attributes { attributes: Pairs<String> = "Attributes" }

    #[derive(Debug)]
    pub(crate) struct ListApplications { token: Option<String> = "NextToken" }

    #[derive(Debug)]
    pub(crate) struct View {
        arn: String = "PlatformApplicationArn",
        attributes: Pairs<String> = "Attributes",
    }

    #[derive(Debug)]
    pub(crate) struct Applications {
        applications: Vec<View> = "PlatformApplications",
        token: Option<String> = "NextToken",
    }
}

fn check_name(name: &str) -> Result<(), SnsError> {
    let good = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    let reason = match name.len() {
        0 => "cannot be empty",
        NAME_CHARS_MAX.. if name.len() > NAME_CHARS_MAX => "must be at most 256 characters long",
        _ if name.bytes().all(good) => return Ok(()),
        _ => "must contain only characters 'a'-'z', 'A'-'Z', '0'-'9', '_', '-', and '.'",
    };
    Err(invalid(format!("{name} Reason: {reason}")))
}

/// Takes attributes over. Credentials are not kept: there is no push service to show them to.
fn take(application: &mut Application, attributes: Pairs<String>) -> Result<(), SnsError> {
    for (name, text) in attributes.0 {
        match name.as_str() {
            CREDENTIAL | PRINCIPAL => {}
            ENABLED | "ApplePlatformTeamID" | "ApplePlatformBundleID" => {
                application.attributes.insert(name, text);
            }
            "EventEndpointCreated"
            | "EventEndpointDeleted"
            | "EventEndpointUpdated"
            | "EventDeliveryFailure" => {
                return Err(SnsError::NotBuilt("Telling topics of what becomes of endpoints".into()));
            }
            "SuccessFeedbackRoleArn" | "FailureFeedbackRoleArn" | "SuccessFeedbackSampleRate" => {
                return Err(SnsError::NotBuilt("Delivery status logging".into()));
            }
            _ => return Err(invalid(format!("Attributes Reason: Invalid attribute name: {name}"))),
        }
    }
    Ok(())
}

fn create(cx: &mut Cx<'_>, req: CreateApplication) -> Result<ApplicationArn, SnsError> {
    check_name(&req.name)?;
    if !PLATFORMS.contains(&req.platform.as_str()) {
        return Err(invalid(format!("Platform Reason: {} is not supported", req.platform)));
    }
    let has = |wanted: &str| req.attributes.0.iter().any(|(name, _)| name == wanted);
    // AWS: Firebase has a key alone, the others name their principal, too.
    let wrong = match (has(CREDENTIAL), has(PRINCIPAL)) {
        (true, true) => None,
        (true, false) if req.platform == "GCM" => None,
        (true, false) => Some("PlatformCredential attribute provided without PlatformPrincipal"),
        (false, true) => Some("PlatformPrincipal attribute provided without PlatformCredential"),
        (false, false) => Some("PlatformCredential attribute is required"),
    };
    if let Some(wrong) = wrong {
        return Err(invalid(format!("Attributes Reason: {wrong}")));
    }
    let (account, region) = (cx.account, cx.region);
    let place = Place { account, region, platform: req.platform, name: req.name };
    let mut application = APPLICATIONS.get(cx.tx, &place.key())?.unwrap_or_else(|| {
        let Place { account, region, platform, name } = place.clone();
        let attributes = [(ENABLED.to_owned(), "true".to_owned())].into();
        Application { account, region, platform, name, attributes }
    });
    take(&mut application, req.attributes)?;
    APPLICATIONS.put(cx.tx, &place.key(), &application);
    Ok(ApplicationArn { arn: place.arn() })
}

/// AWS: deleting an application that is not there succeeds. Its endpoints go with it.
fn delete(cx: &mut Cx<'_>, req: ApplicationArn) -> Result<Empty, SnsError> {
    let place = Place::of_application(&req.arn)?;
    APPLICATIONS.delete(cx.tx, &place.key());
    let endpoints = ENDPOINTS.scan(cx.tx, &place.key(), Direction::Forward);
    for (key, endpoint) in endpoints.collect::<Result<Vec<_>, _>>()? {
        ENDPOINTS.delete(cx.tx, &key);
        let token = endpoint.attributes.get("Token").map_or("", String::as_str);
        TOKENS.delete(cx.tx, &place.key().str(token), &key);
    }
    Ok(Empty)
}

fn own(cx: &Cx<'_>, arn: &str) -> Result<Application, SnsError> {
    let place = Place::of_application(arn)?;
    APPLICATIONS.get(cx.tx, &place.key())?.ok_or(SnsError::NoApplication)
}

fn get(cx: &mut Cx<'_>, req: ApplicationArn) -> Result<Attributes, SnsError> {
    let application = own(cx, &req.arn)?;
    Ok(Attributes { attributes: Pairs(application.attributes.into_iter().collect()) })
}

fn set(cx: &mut Cx<'_>, req: SetAttributes) -> Result<Empty, SnsError> {
    let mut application = own(cx, &req.arn)?;
    take(&mut application, req.attributes)?;
    APPLICATIONS.put(cx.tx, &application.place().key(), &application);
    Ok(Empty)
}

fn list(cx: &mut Cx<'_>, req: ListApplications) -> Result<Applications, SnsError> {
    let all = Key::regional(cx.account, cx.region);
    let name = format!("sns:ListPlatformApplications {} {}", cx.account, cx.region.name());
    let position = |a: &Application| vec![a.platform.clone(), a.name.clone()];
    let (found, token) = page(cx, &APPLICATIONS, &all, (&name, req.token.as_deref()), position)?;
    let view = |application: Application| View {
        arn: application.place().arn(),
        attributes: Pairs(application.attributes.into_iter().collect()),
    };
    Ok(Applications { applications: found.into_iter().map(view).collect(), token })
}
