//! API destinations: create, describe, list, change, delete.

use super::page;
use crate::events::access;
use crate::events::connection::Connection;
use crate::events::destination::{self, DESTINATIONS, Destination};
use crate::events::errors::{EventsError, invalid};
use base::Timestamp;
use kernel::outbound::Address;
use kernel::{Cx, Empty};
use store::Key;

kernel::ops! { pub(crate) static OPS:
    CreateApiDestination: create, "events:CreateApiDestination", access::destination;
    DescribeApiDestination: describe, "events:DescribeApiDestination", access::destination;
    ListApiDestinations: list, "events:ListApiDestinations", access::any;
    UpdateApiDestination: update, "events:UpdateApiDestination", access::destination;
    DeleteApiDestination: delete, "events:DeleteApiDestination", access::destination;
}

/// AWS: <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html>
const DESTINATIONS_MAX: usize = 3_000;

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct CreateApiDestination {
        name: String = "Name",
        description: Option<String> = "Description",
        connection: String = "ConnectionArn",
        endpoint: String = "InvocationEndpoint",
        method: String = "HttpMethod",
        per_second: Option<i64> = "InvocationRateLimitPerSecond",
    }

    #[derive(Debug)]
    pub(crate) struct UpdateApiDestination {
        name: String = "Name",
        description: Option<String> = "Description",
        connection: Option<String> = "ConnectionArn",
        endpoint: Option<String> = "InvocationEndpoint",
        method: Option<String> = "HttpMethod",
        per_second: Option<i64> = "InvocationRateLimitPerSecond",
    }

    #[derive(Debug)]
    pub(crate) struct Put {
        arn: String = "ApiDestinationArn",
        state: String = "ApiDestinationState",
        created: Timestamp = "CreationTime",
        modified: Timestamp = "LastModifiedTime",
    }

    #[derive(Debug)]
    pub(crate) struct OneDestination { name: String = "Name" }

    #[derive(Debug)]
    pub(crate) struct Described {
        arn: String = "ApiDestinationArn",
        name: String = "Name",
        description: Option<String> = "Description",
        state: String = "ApiDestinationState",
        connection: String = "ConnectionArn",
        endpoint: String = "InvocationEndpoint",
        method: String = "HttpMethod",
        per_second: i64 = "InvocationRateLimitPerSecond",
        created: Timestamp = "CreationTime",
        modified: Timestamp = "LastModifiedTime",
    }

    #[derive(Debug)]
    pub(crate) struct ListApiDestinations {
        prefix: Option<String> = "NamePrefix",
        connection: Option<String> = "ConnectionArn",
        token: Option<String> = "NextToken",
        limit: Option<i64> = "Limit",
    }

    #[derive(Debug)]
    pub(crate) struct Destinations {
        destinations: Vec<Listed> = "ApiDestinations",
        token: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    pub(crate) struct Listed {
        arn: String = "ApiDestinationArn",
        name: String = "Name",
        state: String = "ApiDestinationState",
        connection: String = "ConnectionArn",
        endpoint: String = "InvocationEndpoint",
        method: String = "HttpMethod",
        per_second: i64 = "InvocationRateLimitPerSecond",
        created: Timestamp = "CreationTime",
        modified: Timestamp = "LastModifiedTime",
    }
}

const ENDPOINT: &str = "InvocationEndpoint";

/// AWS: endpoints are ones of HTTPS. Nothing beyond this machine is reached.
///
/// # Errors
/// `ValidationException`
pub(super) fn check_endpoint(member: &str, endpoint: &str) -> Result<(), EventsError> {
    match Address::read(endpoint).filter(|address| address.is_secure) {
        Some(address) if address.is_loopback() => Ok(()),
        Some(_) => Err(invalid(
            "Calls beyond this machine are not built: an API destination must be on its loopback address.",
        )),
        None => Err(invalid(format!(
            "Parameter {member} is not valid. Reason: It must be a URL that uses HTTPS."
        ))),
    }
}

fn check_connection(cx: &Cx<'_>, arn: &str) -> Result<(), EventsError> {
    let found = Connection::by_arn(cx.tx, arn)?;
    let own = found.filter(|connection| connection.home() == (cx.account, cx.region));
    own.map(drop).ok_or_else(|| EventsError::NoConnectionArn(arn.to_owned()))
}

fn rate(given: Option<i64>) -> Option<u32> {
    given.map(|number| u32::try_from(number).unwrap_or(u32::MAX))
}

fn state(cx: &Cx<'_>, destination: &Destination) -> Result<String, EventsError> {
    Ok(if destination.is_active(cx.tx)? { "ACTIVE" } else { "INACTIVE" }.to_owned())
}

fn put(cx: &Cx<'_>, destination: &Destination) -> Result<Put, EventsError> {
    Ok(Put {
        arn: destination.arn(),
        state: state(cx, destination)?,
        created: destination.created,
        modified: destination.modified,
    })
}

fn create(cx: &mut Cx<'_>, req: CreateApiDestination) -> Result<Put, EventsError> {
    check_endpoint(ENDPOINT, &req.endpoint)?;
    check_connection(cx, &req.connection)?;
    let home = (cx.account, cx.region);
    if DESTINATIONS.contains(cx.tx, &Destination::key(home, &req.name))? {
        return Err(EventsError::DestinationExists(req.name));
    }
    if !cx.has_room(&DESTINATIONS, &Key::regional(cx.account, cx.region), DESTINATIONS_MAX)? {
        return Err(EventsError::Limit);
    }
    let destination = Destination {
        account: cx.account,
        region: cx.region,
        name: req.name,
        id: base::id::uuid(cx.rng()),
        description: req.description,
        connection: req.connection,
        endpoint: req.endpoint,
        method: req.method,
        per_second: rate(req.per_second),
        created: cx.now,
        modified: cx.now,
    };
    destination.save(cx.tx);
    put(cx, &destination)
}

fn update(cx: &mut Cx<'_>, req: UpdateApiDestination) -> Result<Put, EventsError> {
    let mut destination = destination::own(cx, &req.name)?;
    req.endpoint.as_deref().map(|endpoint| check_endpoint(ENDPOINT, endpoint)).transpose()?;
    req.connection.as_deref().map(|arn| check_connection(cx, arn)).transpose()?;
    destination.description = req.description.or(destination.description);
    destination.connection = req.connection.unwrap_or(destination.connection);
    destination.endpoint = req.endpoint.unwrap_or(destination.endpoint);
    destination.method = req.method.unwrap_or(destination.method);
    destination.per_second = rate(req.per_second).or(destination.per_second);
    destination.modified = cx.now;
    destination.save(cx.tx);
    put(cx, &destination)
}

fn describe(cx: &mut Cx<'_>, req: OneDestination) -> Result<Described, EventsError> {
    let destination = destination::own(cx, &req.name)?;
    Ok(Described {
        arn: destination.arn(),
        state: state(cx, &destination)?,
        per_second: destination.rate().into(),
        name: destination.name,
        description: destination.description,
        connection: destination.connection,
        endpoint: destination.endpoint,
        method: destination.method,
        created: destination.created,
        modified: destination.modified,
    })
}

fn list(cx: &mut Cx<'_>, req: ListApiDestinations) -> Result<Destinations, EventsError> {
    let prefix = req.prefix.unwrap_or_default();
    let all = Key::regional(cx.account, cx.region).str_prefix(&prefix);
    let list = format!("ListApiDestinations {prefix} {:?}", req.connection);
    let wanted = |destination: &Destination| {
        req.connection.as_ref().is_none_or(|wanted| *wanted == destination.connection)
    };
    let (found, token) = page(cx, &DESTINATIONS, (&all, &list), req.token.as_deref(), req.limit, wanted)?;
    let listed = |destination: Destination| {
        Ok(Listed {
            arn: destination.arn(),
            state: state(cx, &destination)?,
            per_second: destination.rate().into(),
            name: destination.name,
            connection: destination.connection,
            endpoint: destination.endpoint,
            method: destination.method,
            created: destination.created,
            modified: destination.modified,
        })
    };
    let destinations = found.into_iter().map(listed).collect::<Result<_, EventsError>>()?;
    Ok(Destinations { destinations, token })
}

/// AWS: one that is there; rules that call it find that it is gone.
fn delete(cx: &mut Cx<'_>, req: OneDestination) -> Result<Empty, EventsError> {
    let destination = destination::own(cx, &req.name)?;
    DESTINATIONS.delete(cx.tx, &Destination::key(destination.home(), &destination.name));
    Ok(Empty)
}
