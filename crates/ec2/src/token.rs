//! Client tokens: a request that is sent again with the same token makes nothing new.
//!
//! AWS: <https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html>

use crate::errors::{Ec2Error, Plain};
use aws_lc_rs::digest::{SHA256, digest};
use base::Timestamp;
use kernel::reconcile::Reconciler;
use kernel::{Cloud, Cx};
use std::sync::Arc;
use std::time::Duration;
use store::{Direction, Key, Table};

store::record! {
    /// What a token has made.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Made {
        /// The SHA-256 of the request's parameters.
        1 => pub request: Vec<u8>,
        2 => pub id: String,
    }

    /// A token's end; its key says when and whose.
    #[derive(Clone, PartialEq, Debug)]
    struct End {
        1 => id: String,
    }
}

const TOKENS: Table<Made> = Table::new(0x1F02, "ec2/tokens");
/// The keys of [`TOKENS`] by their end.
const ENDS: Table<End> = Table::new(0x1F03, "ec2/token-ends");

/// How long a token is remembered.
const LIFE: Duration = Duration::from_secs(24 * 3600);
/// A token may have so many characters.
pub const TOKEN_CHARS_MAX: usize = 64;

fn key(cx: &Cx<'_>, token: &str) -> Key {
    Key::regional(cx.account, cx.region).str(cx.request.operation).str(token)
}

/// The SHA-256 of a request's parameters, by which one that is sent again is known.
pub fn fingerprint(request: &impl std::fmt::Debug) -> Vec<u8> {
    digest(&SHA256, format!("{request:?}").as_bytes()).as_ref().to_vec()
}

/// The id that the same request made before.
///
/// # Errors
/// `IdempotentParameterMismatch` where the token came with other parameters.
pub fn made(
    cx: &Cx<'_>,
    token: Option<&String>,
    request: &impl std::fmt::Debug,
) -> Result<Option<String>, Ec2Error> {
    let Some(token) = token else { return Ok(None) };
    if token.chars().count() > TOKEN_CHARS_MAX {
        return Err(Ec2Error::value(token, "clientToken", "Client tokens may have up to 64 characters."));
    }
    let Some(made) = TOKENS.get(cx.tx, &key(cx, token))? else { return Ok(None) };
    if made.request == fingerprint(request) {
        Ok(Some(made.id))
    } else {
        Err(Plain::IdempotentParameterMismatch(token.clone()).into())
    }
}

/// Remembers what a token has made.
pub fn keep(cx: &mut Cx<'_>, token: Option<&String>, request: &impl std::fmt::Debug, id: &str) {
    let Some(token) = token else { return };
    let key = key(cx, token);
    let end = Key::global().time(cx.now.plus(LIFE)).str(cx.account.as_str()).str(cx.region.name());
    let end = end.str(cx.request.operation).str(token);
    TOKENS.put(cx.tx, &key, &Made { request: fingerprint(request), id: id.to_owned() });
    ENDS.put(cx.tx, &end, &End { id: id.to_owned() });
}

/// Forgets tokens whose time is over.
#[derive(Debug)]
pub struct ForgetTokens;

/// Deleted in one transaction.
const BATCH: usize = 500;

impl Reconciler for ForgetTokens {
    fn name(&self) -> &'static str {
        "ec2 client tokens"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        Vec::new()
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        let now = cloud.clock().now();
        loop {
            let mut tx = cloud.store().begin();
            let first: Vec<Key> = ENDS
                .scan(&tx, &Key::global(), Direction::Forward)
                .take(BATCH)
                .map(|pair| pair.map(|(key, _)| key))
                .collect::<Result<_, _>>()
                .map_err(|e| e.to_string())?;
            let mut next = None;
            for end in &first {
                let Some((time, token)) = read(end) else { continue };
                if time > now {
                    next = Some(time);
                    break;
                }
                TOKENS.delete(&mut tx, &token);
                ENDS.delete(&mut tx, end);
            }
            if tx.is_read_only() {
                return Ok(next);
            }
            tx.commit().wait().map_err(|e| e.to_string())?;
        }
    }
}

fn read(end: &Key) -> Option<(Timestamp, Key)> {
    let mut reader = end.reader();
    reader.scope()?;
    let time = reader.time()?;
    let account = base::AccountId::parse(&reader.str()?)?;
    let region = reader.region()?;
    Some((time, Key::regional(account, region).str(&reader.str()?).str(&reader.str()?)))
}
