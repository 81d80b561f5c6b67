//! Endpoints of platform applications: one for each device.

use super::page;
use crate::sns::access;
use crate::sns::errors::{SnsError, invalid};
use crate::sns::model::{APPLICATIONS, ENDPOINTS, Endpoint, TOKENS};
use crate::sns::push::{ENABLED, Place};
use kernel::{Cx, Empty};
use std::collections::BTreeMap;
use store::Key;
use wire::Pairs;

kernel::ops! { pub(crate) static OPS:
    CreatePlatformEndpoint: create, "sns:CreatePlatformEndpoint", access::application;
    DeleteEndpoint: delete, "sns:DeleteEndpoint", access::endpoint;
    GetEndpointAttributes: get, "sns:GetEndpointAttributes", access::endpoint;
    SetEndpointAttributes: set, "sns:SetEndpointAttributes", access::endpoint;
    ListEndpointsByPlatformApplication: list, "sns:ListEndpointsByPlatformApplication", access::application;
}

const USER_DATA: &str = "CustomUserData";
const USER_DATA_BYTES_MAX: usize = 2048;
const TOKEN: &str = "Token";

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct CreateEndpoint {
        application: String = "PlatformApplicationArn",
        token: String = "Token",
        user_data: Option<String> = "CustomUserData",
        attributes: Pairs<String> = "Attributes",
    }

    #[derive(Debug)]
    pub(crate) struct EndpointArn { arn: String = "EndpointArn" }

    #[derive(Debug)]
    pub(crate) struct SetAttributes {
        arn: String = "EndpointArn",
        attributes: Pairs<String> = "Attributes",
    }

    #[derive(Debug)]
    pub(crate) struct Attributes { attributes: Pairs<String> = "Attributes" }

    #[derive(Debug)]
    pub(crate) struct ListEndpoints {
        application: String = "PlatformApplicationArn",
        token: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    pub(crate) struct View {
        arn: String = "EndpointArn",
        attributes: Pairs<String> = "Attributes",
    }

    #[derive(Debug)]
    pub(crate) struct Endpoints {
        endpoints: Vec<View> = "Endpoints",
        token: Option<String> = "NextToken",
    }
}

fn checked(attributes: Pairs<String>) -> Result<BTreeMap<String, String>, SnsError> {
    let of = |what: String| Err(invalid(format!("Attributes Reason: {what}")));
    for (name, text) in &attributes.0 {
        match name.as_str() {
            ENABLED | TOKEN => {}
            USER_DATA if text.len() <= USER_DATA_BYTES_MAX => {}
            USER_DATA => {
                return of(format!(
                    "Invalid value for attribute: {USER_DATA}: must be at most {USER_DATA_BYTES_MAX} bytes long in UTF-8 encoding"
                ));
            }
            _ => return of(format!("Invalid attribute name: {name}")),
        }
    }
    Ok(attributes.0.into_iter().collect())
}

/// AWS: who asks again for the same token gets the same endpoint, unless it has other attributes meanwhile.
fn create(cx: &mut Cx<'_>, req: CreateEndpoint) -> Result<EndpointArn, SnsError> {
    let place = Place::of_application(&req.application)?;
    if !APPLICATIONS.contains(cx.tx, &place.key())? {
        return Err(SnsError::NoApplication);
    }
    if req.token.is_empty() {
        return Err(invalid("Token Reason: cannot be empty"));
    }
    let given = req.user_data.map(|text| (USER_DATA.to_owned(), text));
    let mut attributes: BTreeMap<String, String> =
        [(ENABLED.to_owned(), "true".to_owned())].into_iter().chain(given).collect();
    attributes.extend(checked(req.attributes)?);
    attributes.insert(TOKEN.to_owned(), req.token.clone());
    let attributes = checked(Pairs(attributes.into_iter().collect()))?;
    let second = place.key().str(&req.token);
    if let Some(key) = TOKENS.first(cx.tx, &second)?
        && let Some(known) = ENDPOINTS.get(cx.tx, &key)?
    {
        let arn = place.endpoint_arn(&known.id);
        if known.attributes != attributes {
            return Err(invalid(format!(
                "Token Reason: Endpoint {arn} already exists with the same Token, but different attributes."
            )));
        }
        return Ok(EndpointArn { arn });
    }
    let id = base::id::uuid(cx.rng());
    let (key, arn) = (place.key().str(&id), place.endpoint_arn(&id));
    ENDPOINTS.put(cx.tx, &key, &Endpoint { id, attributes });
    TOKENS.put(cx.tx, &second, &key);
    Ok(EndpointArn { arn })
}

fn own(cx: &Cx<'_>, arn: &str) -> Result<(Place, Key, Endpoint), SnsError> {
    let (place, id) = Place::of_endpoint(arn, "EndpointArn")?;
    let key = place.key().str(&id);
    let endpoint = ENDPOINTS.get(cx.tx, &key)?.ok_or(SnsError::NoEndpoint)?;
    Ok((place, key, endpoint))
}

fn token_of(endpoint: &Endpoint) -> &str {
    endpoint.attributes.get(TOKEN).map_or("", String::as_str)
}

/// AWS: deleting an endpoint that is not there succeeds.
fn delete(cx: &mut Cx<'_>, req: EndpointArn) -> Result<Empty, SnsError> {
    match own(cx, &req.arn) {
        Ok((place, key, endpoint)) => {
            ENDPOINTS.delete(cx.tx, &key);
            TOKENS.delete(cx.tx, &place.key().str(token_of(&endpoint)), &key);
        }
        Err(SnsError::NoEndpoint) => {}
        Err(error) => return Err(error),
    }
    Ok(Empty)
}

fn get(cx: &mut Cx<'_>, req: EndpointArn) -> Result<Attributes, SnsError> {
    let (_, _, endpoint) = own(cx, &req.arn)?;
    Ok(Attributes { attributes: Pairs(endpoint.attributes.into_iter().collect()) })
}

fn set(cx: &mut Cx<'_>, req: SetAttributes) -> Result<Empty, SnsError> {
    let (place, key, mut endpoint) = own(cx, &req.arn)?;
    TOKENS.delete(cx.tx, &place.key().str(token_of(&endpoint)), &key);
    endpoint.attributes.extend(checked(req.attributes)?);
    TOKENS.put(cx.tx, &place.key().str(token_of(&endpoint)), &key);
    ENDPOINTS.put(cx.tx, &key, &endpoint);
    Ok(Empty)
}

fn list(cx: &mut Cx<'_>, req: ListEndpoints) -> Result<Endpoints, SnsError> {
    let place = Place::of_application(&req.application)?;
    if !APPLICATIONS.contains(cx.tx, &place.key())? {
        return Err(SnsError::NoApplication);
    }
    let name = format!("sns:ListEndpointsByPlatformApplication {}", place.arn());
    let asked = (name.as_str(), req.token.as_deref());
    let (found, token) = page(cx, &ENDPOINTS, &place.key(), asked, |e| vec![e.id.clone()])?;
    let view = |endpoint: Endpoint| View {
        arn: place.endpoint_arn(&endpoint.id),
        attributes: Pairs(endpoint.attributes.into_iter().collect()),
    };
    Ok(Endpoints { endpoints: found.into_iter().map(view).collect(), token })
}
