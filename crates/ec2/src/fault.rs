//! Faults that experiments inject into EC2's own API: calls of some roles that fail, and machines for which some zones
//! have no room for a while.
//!
//! Who began an experiment writes them down and strikes them out. They hold until their time is over in any case, so a
//! crash lengthens none.

use crate::errors::{Ec2Error, Plain};
use crate::token::fingerprint;
use auth::policy::Principal;
use base::{AccountId, Region, Timestamp};
use kernel::Cx;
use kernel::gate::{Gate, Passing};
use std::collections::BTreeSet;
use store::{Direction, Key, Read, StoreError, Table, Tx};

store::record! {
    /// Under the experiment and its action.
    #[derive(Clone, PartialEq, Debug)]
    pub struct Fault {
        1 => pub kind: Kind,
        /// ARNs of roles, or of groups.
        2 => pub targets: Vec<String>,
        /// The names of operations, where it is about those.
        3 => pub operations: Vec<String>,
        /// The names of zones, where it is about those.
        4 => pub zones: Vec<String>,
        /// Of a hundred calls.
        5 => pub percentage: i64,
        6 => pub until: Timestamp,
    }
}

store::record_enum! {
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub enum Kind {
        1 => Internal,
        2 => Throttled,
        3 => Unavailable,
        /// No room for machines.
        4 => Capacity,
    }
}

const FAULTS: Table<Fault> = Table::new(0x1F21, "ec2/faults");

/// AWS's words: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html>
fn words(kind: Kind) -> Option<Plain> {
    Some(match kind {
        Kind::Internal => Plain::InternalError,
        Kind::Throttled => Plain::RequestLimitExceeded,
        Kind::Unavailable => Plain::Unavailable,
        Kind::Capacity => return None,
    })
}

fn key(account: AccountId, region: Region, source: &str) -> Key {
    Key::regional(account, region).str(source)
}

/// `source`: who injects it, by which it is lifted.
pub fn inject(tx: &mut Tx, (account, region): (AccountId, Region), source: &str, fault: &Fault) {
    FAULTS.put(tx, &key(account, region, source), fault);
}

pub fn lift(tx: &mut Tx, (account, region): (AccountId, Region), source: &str) {
    FAULTS.delete(tx, &key(account, region, source));
}

/// What of an account's faults strikes a request that `target` makes.
fn striking(
    from: &dyn Read,
    (account, region): (AccountId, Region),
    (target, request): (&str, &str),
    now: Timestamp,
) -> Result<Vec<Fault>, StoreError> {
    let mut out = Vec::new();
    for pair in FAULTS.scan(from, &Key::regional(account, region), Direction::Forward) {
        let (key, fault) = pair?;
        let is_about = now < fault.until && fault.targets.iter().any(|one| one == target);
        if is_about && strikes(&fault, request, &key) {
            out.push(fault);
        }
    }
    Ok(out)
}

/// Whether a request is one of those hundredths: the same answer for each try of it, another for another request.
fn strikes(fault: &Fault, request: &str, source: &impl std::fmt::Debug) -> bool {
    let bytes = fingerprint(&(request, source));
    let number = bytes.iter().take(4).fold(0, |number, byte| number << 8 | i64::from(*byte));
    number % 100 < fault.percentage
}

/// The role whose session calls.
fn role(principal: &Principal) -> Option<&str> {
    match principal {
        Principal::AssumedRole { role_arn, .. } => Some(role_arn),
        _ => None,
    }
}

/// The zones that have no room for the machines of whoever calls.
///
/// # Errors
/// When the store cannot be read.
pub fn shut(cx: &Cx<'_>) -> Result<BTreeSet<String>, StoreError> {
    match role(&cx.caller.principal) {
        Some(role) => shut_for(cx, role),
        None => Ok(BTreeSet::new()),
    }
}

/// The zones that have no room for the machines of a role or a group.
///
/// # Errors
/// As [`shut`].
pub fn shut_for(cx: &Cx<'_>, target: &str) -> Result<BTreeSet<String>, StoreError> {
    let all = striking(cx.tx, (cx.account, cx.region), (target, &cx.request.id), cx.now)?;
    Ok(all.into_iter().filter(|fault| fault.kind == Kind::Capacity).flat_map(|fault| fault.zones).collect())
}

/// Lets calls fail.
#[derive(Debug)]
pub struct Injected;

impl Gate for Injected {
    fn service(&self) -> &'static str {
        "ec2"
    }

    fn admits(&self, from: &dyn Read, call: &Passing<'_>) -> Result<(), wire::Fault> {
        let Some(role) = role(&call.caller.principal) else { return Ok(()) };
        let place = (call.caller.account, call.region);
        let all = striking(from, place, (role, call.request), call.now).map_err(Ec2Error::from)?;
        let met = all.iter().filter(|fault| fault.operations.iter().any(|name| name == call.operation));
        match met.filter_map(|fault| words(fault.kind)).next() {
            Some(words) => Err(words.into()),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Fault, strikes};

    #[test]
    fn a_fault_strikes_its_share_of_requests_and_each_the_same_way() {
        let struck = |percentage: i64| {
            let fault = Fault { percentage, ..Fault::default() };
            let of = |n: &u32| strikes(&fault, &n.to_string(), &"EXP/a");
            assert!((0..50).all(|n| of(&n) == of(&n)));
            (0..1000).filter(of).count()
        };
        assert_eq!((struck(0), struck(100)), (0, 1000));
        assert!((200..300).contains(&struck(25)), "{}", struck(25));
    }
}
