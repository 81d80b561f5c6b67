//! One call to an API destination, for whoever calls: whether the role may, what goes with it, and what the answer means.

use super::authorizing;
use super::connection::Connection;
use super::destination::Destination;
use super::errors::EventsError;
use super::invocation::{self, Invocation, failed};
use super::model::Http;
use crate::rates::Rates;
use base::AccountId;
use kernel::outbound::{Agent, Answer, Client, Request};
use kernel::{Cloud, Target};
use std::sync::Arc;
use std::time::Duration;
use store::{CommitError, Tx};
use wire::{Fault, Struct, Value};

/// AWS: an endpoint has so long to answer.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Between two looks whether a destination has room.
const LOOK: Duration = Duration::from_millis(5);
const SECOND: Duration = Duration::from_secs(1);

const UNAUTHORIZED: &str = "the connection of the API destination is not authorized";

/// What is to be called, and by whom.
#[derive(Debug)]
pub(crate) struct Asked<'a> {
    /// Whom the role must trust.
    pub(crate) service: &'static str,
    pub(crate) role: &'a str,
    /// For whose sake the role is assumed, where its trust policy may ask.
    pub(crate) source: Option<&'a str>,
    pub(crate) http: &'a Http,
    pub(crate) event: &'a Value,
    pub(crate) input: &'a str,
}

/// Calls, and waits for the answer, which is of success.
///
/// # Errors
/// What failed, and how long to wait at least.
pub(super) fn call(
    cloud: &Arc<Cloud>,
    client: &Client,
    destination: &Destination,
    asked: &Asked<'_>,
) -> Result<Answer, (Fault, Duration)> {
    let at_once = |fault: Fault| (fault, Duration::ZERO);
    let connection = let_through(cloud, destination, asked).map_err(at_once)?;
    let Invocation { address, headers, body } =
        prepare(cloud, client, destination, &connection, asked).map_err(at_once)?;
    let request = Request {
        agent: Agent::Destinations,
        method: &destination.method,
        address: &address,
        headers,
        body: body.as_bytes(),
        within: TIMEOUT,
    };
    let answer = client.call(&request, true);
    let answer = answer.map_err(|why| at_once(failed("CONNECTION_FAILURE", true, why)))?;
    // AWS: the next attempt goes with a fresh token.
    if matches!(answer.status, 401 | 407) {
        authorizing::forget(cloud, &connection);
    }
    invocation::judge(answer.status, answer.header("Retry-After"), cloud.wall_now())?;
    Ok(answer)
}

/// Calls the destination of an ARN, once it has room.
///
/// # Errors
/// What failed.
pub(crate) fn call_in_turn(
    cloud: &Arc<Cloud>,
    client: &Client,
    (account, arn): (AccountId, &str),
    asked: &Asked<'_>,
) -> Result<Answer, Fault> {
    let found = Destination::by_arn(&cloud.store().snapshot(), arn)?;
    let found = found.filter(|destination| destination.account == account);
    let found = found.ok_or_else(|| failed("NO_RESOURCE", false, "the API destination does not exist"))?;
    let rates = cloud.memory::<Rates>();
    while let Err(at) = rates.take(arn, found.limit(), cloud.clock().now()) {
        std::thread::sleep(at.since(cloud.clock().now()).clamp(LOOK, SECOND));
    }
    call(cloud, client, &found, asked).map_err(|(fault, _)| fault)
}

/// Whether the role may; and the connection, which is authorized.
fn let_through(
    cloud: &Arc<Cloud>,
    destination: &Destination,
    asked: &Asked<'_>,
) -> Result<Connection, Fault> {
    let internal = |error: EventsError| Fault::from(error);
    let may = |tx: &mut Tx| {
        let may = |cx: &mut kernel::Cx<'_>| -> Result<bool, EventsError> {
            // AWS: policies name a destination by its ARN, or by that without its id (`ArnForPolicy`).
            for arn in [destination.arn(), destination.policy_arn()] {
                let target = Target::on(arn).owned_by(destination.account);
                if kernel::access::allowed(cx, "events:InvokeApiDestination", &target, &Struct::new())? {
                    return Ok(true);
                }
            }
            Ok(false)
        };
        cloud.act_as_role_for(tx, asked.service, asked.role, destination.home(), asked.source, may)
    };
    let allowed = change(cloud, may).map_err(|why| failed("INTERNAL_ERROR", true, why))?;
    let allowed = allowed.map_err(|fault| failed("FAILED_TO_ASSUME_ROLE", false, fault.message))?;
    if !allowed.map_err(internal)? {
        let (role, arn) = (asked.role, destination.arn());
        let why =
            format!("{role} is not authorized to perform: events:InvokeApiDestination on resource: {arn}");
        return Err(failed("NO_PERMISSIONS", false, why));
    }
    let snapshot = cloud.store().snapshot();
    let connection = Connection::by_arn(&snapshot, &destination.connection).map_err(internal)?;
    let connection = connection.ok_or_else(|| {
        failed("NO_RESOURCE", false, "the connection of the API destination does not exist")
    })?;
    match connection.is_authorized() {
        true => Ok(connection),
        false => Err(failed("NO_PERMISSIONS", false, UNAUTHORIZED)),
    }
}

/// What is sent.
fn prepare(
    cloud: &Arc<Cloud>,
    client: &Client,
    destination: &Destination,
    connection: &Connection,
    asked: &Asked<'_>,
) -> Result<Invocation, Fault> {
    let secrets = connection.secrets(cloud.sealer()).map_err(Fault::from)?;
    let secrets = secrets.ok_or_else(|| failed("NO_PERMISSIONS", false, UNAUTHORIZED))?;
    let token = authorizing::token(cloud, client, connection, &secrets)?;
    let authorized = (connection, &secrets, token.as_deref());
    invocation::build(destination, authorized, asked.http, asked.event, asked.input)
}

/// Runs `work` until it meets no other change.
///
/// # Errors
/// The store's.
pub(super) fn change<T>(cloud: &Cloud, work: impl Fn(&mut Tx) -> T) -> Result<T, String> {
    loop {
        let mut tx = cloud.store().begin();
        let done = work(&mut tx);
        if tx.is_read_only() {
            return Ok(done);
        }
        match tx.commit().wait() {
            Ok(_) => return Ok(done),
            Err(CommitError::Conflict) => {}
            Err(error) => return Err(error.to_string()),
        }
    }
}
