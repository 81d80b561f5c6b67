//! Connections of OAuth are authorized: their tokens are fetched, kept in memory while they are good, and fetched anew.
//!
//! A connection waits (`AUTHORIZING`) until its first token is there; where the endpoint refuses one it is `DEAUTHORIZED`, and
//! says why. A token that is over, or that a destination does not take (401, 407), is replaced with the next call.
//!
//! AWS: <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-target-connection-auth.html>

use super::connection::{CONNECTIONS, Connection, OAuth, Secrets};
use super::errors::EventsError;
use super::invocation::failed;
use super::outcall::change;
use super::token::{self, Token};
use base::Timestamp;
use kernel::outbound::{Agent, Client, Request};
use kernel::reconcile::Reconciler;
use kernel::{Cloud, due};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use store::{Direction, Key};
use wire::Fault;

/// The authorization endpoint has so long to answer.
const TIMEOUT: Duration = Duration::from_secs(5);
const REASON_MAX: usize = 512;

/// Tokens, by their connections' ARNs and when those were changed. Kept by [`Cloud::memory`].
#[derive(Debug, Default)]
struct Tokens(Mutex<HashMap<String, (Timestamp, Token)>>);

impl Tokens {
    fn with<T>(&self, work: impl FnOnce(&mut HashMap<String, (Timestamp, Token)>) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A token that a connection's calls go with.
///
/// # Errors
/// Why there is none.
pub(super) fn token(
    cloud: &Arc<Cloud>,
    client: &Client,
    connection: &Connection,
    secrets: &Secrets,
) -> Result<Option<String>, Fault> {
    let Some(oauth) = &connection.oauth else { return Ok(None) };
    let (tokens, now) = (cloud.memory::<Tokens>(), cloud.clock().now());
    let kept = tokens.with(|all| {
        let kept = all.get(&connection.arn())?;
        (kept.0 == connection.modified && kept.1.is_good(now)).then(|| kept.1.authorization.clone())
    });
    if kept.is_some() {
        return Ok(kept);
    }
    let fetched = fetch(cloud, client, connection, oauth, secrets);
    if let Err(fault) = &fetched
        && fault.is_sender()
    {
        conclude(cloud, connection, Some(&fault.message))
            .map_err(|why| failed("INTERNAL_ERROR", true, why))?;
    }
    fetched.map(Some)
}

/// A destination did not take the connection's token.
pub(super) fn forget(cloud: &Arc<Cloud>, connection: &Connection) {
    cloud.memory::<Tokens>().with(|all| all.remove(&connection.arn()));
}

fn fetch(
    cloud: &Arc<Cloud>,
    client: &Client,
    connection: &Connection,
    oauth: &OAuth,
    secrets: &Secrets,
) -> Result<String, Fault> {
    let made = token::request(connection, oauth, secrets)?;
    let request = Request {
        agent: Agent::Destinations,
        method: &oauth.method,
        address: &made.address,
        headers: made.headers,
        body: made.body.as_bytes(),
        within: TIMEOUT,
    };
    let answer = client.call(&request, true).map_err(|why| failed("CONNECTION_FAILURE", true, why))?;
    let token = token::read(&answer, cloud.clock().now())?;
    let authorization = token.authorization.clone();
    cloud.memory::<Tokens>().with(|all| all.insert(connection.arn(), (connection.modified, token)));
    Ok(authorization)
}

/// Notes down how it ended, unless the connection was changed meanwhile.
fn conclude(cloud: &Cloud, seen: &Connection, refused: Option<&str>) -> Result<(), String> {
    let done = change(cloud, |tx| -> Result<(), EventsError> {
        let found = CONNECTIONS.get(tx, &Connection::key(seen.home(), &seen.name))?;
        let same = found.filter(|found| found.id == seen.id && found.modified == seen.modified);
        let Some(mut connection) = same else { return Ok(()) };
        if let Some(oauth) = &mut connection.oauth {
            oauth.waits = false;
            oauth.refused = refused.map(|why| why.chars().take(REASON_MAX).collect());
        }
        if refused.is_none() {
            connection.authorized = Some(cloud.clock().now());
        }
        connection.save(tx);
        Ok(())
    });
    done?.map_err(|error| Fault::from(error).to_string())
}

/// Authorizes connections that wait for it.
#[derive(Debug)]
pub struct Authorize(pub Arc<Client>);

impl Reconciler for Authorize {
    fn name(&self) -> &'static str {
        "events connections"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        vec![CONNECTIONS.stored_key(&Key::empty())]
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        let (snapshot, mut again) = (cloud.store().snapshot(), None);
        for pair in CONNECTIONS.scan(&snapshot, &Key::empty(), Direction::Forward) {
            let (_, connection) = pair.map_err(|error| error.to_string())?;
            let Some(oauth) = connection.oauth.as_ref().filter(|oauth| oauth.waits) else { continue };
            let secrets =
                connection.secrets(cloud.sealer()).map_err(|error| Fault::from(error).to_string())?;
            let Some(secrets) = secrets else { continue };
            match fetch(cloud, &self.0, &connection, oauth, &secrets) {
                Ok(_) => conclude(cloud, &connection, None)?,
                Err(fault) if fault.is_sender() => conclude(cloud, &connection, Some(&fault.message))?,
                // It goes on to wait.
                Err(_) => again = Some(cloud.clock().now().plus(due::pause(0))),
            }
        }
        Ok(again)
    }
}
