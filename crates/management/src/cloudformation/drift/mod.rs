//! Drift: how what is there differs from what its template wants.
//!
//! - Only what a template sets is compared, never what a service has filled in.
//! - What a kind does not see ([`crate::cloudformation::kinds::look::Look`]) is in no answer: it is neither said to be
//!   as it should be nor to differ. A kind that sees nothing is not checked at all.
//! - A resource that cannot be read (its service refuses) is `UNKNOWN`, with the reason.
//! - What is not echoed is compared, and shown as it is shown elsewhere.
//!
//! AWS: <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-stack-drift.html>

mod compare;
mod mask;

pub(crate) use compare::{Difference, Rules, compare, prune};
pub(crate) use mask::Mask;

use super::kinds::look::Look;
use super::model::{Job, Resource, Stack, open, seal};
use base::{AccountId, Region, Timestamp};
use kernel::Cloud;
use store::{Key, Read, StoreError, Table, Tx};
use wire::Value;

pub(crate) const IN_SYNC: &str = "IN_SYNC";
pub(crate) const MODIFIED: &str = "MODIFIED";
pub(crate) const DELETED: &str = "DELETED";
pub(crate) const UNKNOWN: &str = "UNKNOWN";
pub(crate) const NOT_CHECKED: &str = "NOT_CHECKED";
pub(crate) const DRIFTED: &str = "DRIFTED";

store::record! {
    /// What was found of one resource when it was last looked at.
    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Drift {
        1 => pub(crate) name: String,
        2 => pub(crate) kind: String,
        3 => pub(crate) physical: String,
        4 => pub(crate) status: String,
        5 => pub(crate) reason: Option<String>,
        6 => pub(crate) time: Timestamp,
        /// Expected and actual properties and their differences, as they are shown, sealed.
        7 => pub(crate) findings: Vec<u8>,
    }

    /// A look at a stack, under way or done.
    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Detection {
        1 => pub(crate) id: String,
        /// The ARN.
        2 => pub(crate) stack: String,
        3 => pub(crate) started: Timestamp,
        4 => pub(crate) status: String,
        5 => pub(crate) reason: Option<String>,
        6 => pub(crate) stack_status: Option<String>,
        7 => pub(crate) drifted: Option<u32>,
    }

    /// What is left to do of a detection.
    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Check {
        1 => pub(crate) account: AccountId,
        2 => pub(crate) region: Region,
        /// The stack's id.
        3 => pub(crate) stack: String,
        4 => pub(crate) detection: String,
        /// The resources that are still to be looked at.
        5 => pub(crate) left: Vec<String>,
        6 => pub(crate) failures: Vec<Failure>,
        /// In whose stead.
        7 => pub(crate) job: Job,
    }

    /// A resource that could not be looked at, and why.
    #[derive(Clone, PartialEq, Debug)]
    pub(crate) struct Failure {
        1 => pub(crate) name: String,
        2 => pub(crate) reason: String,
    }
}

/// Of a stack, by resource.
pub(crate) const DRIFTS: Table<Drift> = Table::new(0x170E, "cloudformation/drifts");
/// Of a place, by their ids.
pub(crate) const DETECTIONS: Table<Detection> = Table::new(0x170F, "cloudformation/drift detections");
/// Under way, by the ids of their stacks: a stack is looked at by one at a time.
pub(crate) const CHECKS: Table<Check> = Table::new(0x1710, "cloudformation/drift checks");

impl Drift {
    pub(crate) fn has_drifted(&self) -> bool {
        self.status == MODIFIED || self.status == DELETED
    }

    fn finding(&self, cloud: &Cloud, name: &str) -> Option<Value> {
        open(cloud, &self.findings).entry(name).cloned()
    }

    pub(crate) fn expected(&self, cloud: &Cloud) -> Option<String> {
        self.finding(cloud, "Expected").map(|value| wire::json::text(&value))
    }

    pub(crate) fn actual(&self, cloud: &Cloud) -> Option<String> {
        self.finding(cloud, "Actual").map(|value| wire::json::text(&value))
    }

    pub(crate) fn differences(&self, cloud: &Cloud) -> Vec<Difference> {
        match self.finding(cloud, "Differences") {
            Some(Value::List(items)) => items.iter().map(Difference::of).collect(),
            _ => Vec::new(),
        }
    }
}

/// What was found of this resource as it is now; `None` where nobody has looked at it since it became what it is.
pub(crate) fn of(from: &dyn Read, stack: &Stack, resource: &Resource) -> Result<Option<Drift>, StoreError> {
    let found = DRIFTS.get(from, &resource.key(stack))?;
    Ok(found.filter(|drift| drift.physical == resource.physical && drift.kind == resource.kind))
}

/// A resource that is looked at, and what it should be.
#[derive(Debug)]
pub(crate) struct Expected {
    /// As its template and parameters have resolved it.
    pub(crate) properties: Value,
    /// What of that is not shown.
    pub(crate) mask: Mask,
}

impl Expected {
    /// The properties that are compared: those that are set and seen.
    pub(crate) fn seen(&self, look: &Look) -> Value {
        let Value::Map(entries) = &self.properties else { return Value::Map(Vec::new()) };
        let seen = entries.iter().filter(|(name, _)| look.sees.contains(&name.as_str()));
        let mut seen = Value::Map(seen.cloned().collect());
        look.blind.iter().for_each(|place| prune(&mut seen, place));
        seen
    }
}

/// What a look has found, with what it should be.
pub(crate) fn judge(
    cloud: &Cloud,
    resource: &Resource,
    look: &Look,
    expected: &Expected,
    actual: &Value,
) -> Drift {
    let wanted = expected.seen(look);
    let there =
        |name: &String| Some((name.clone(), actual.entry(name).filter(|v| **v != Value::Null)?.clone()));
    let names = match &wanted {
        Value::Map(entries) => entries.iter().map(|(name, _)| name).collect(),
        _ => Vec::new(),
    };
    let actual = Value::Map(names.into_iter().filter_map(there).collect());
    let rules = Rules { whole: look.whole };
    let mut differences = compare(&wanted, &actual, &rules);
    let (mut shown, mut seen) = (wanted, actual);
    expected.mask.hide(&mut shown);
    expected.mask.hide(&mut seen);
    expected.mask.hide_differences(&mut differences);
    let status = if differences.is_empty() { IN_SYNC } else { MODIFIED };
    let differences = differences.iter().map(Difference::value).collect();
    let findings =
        Value::map([("Expected", shown), ("Actual", seen), ("Differences", Value::List(differences))]);
    Drift { findings: seal(cloud, &findings), ..found(cloud, resource, status, None) }
}

/// As [`judge`], of what is not there or could not be read.
pub(crate) fn found(cloud: &Cloud, resource: &Resource, status: &str, reason: Option<String>) -> Drift {
    Drift {
        name: resource.name.clone(),
        kind: resource.kind.clone(),
        physical: resource.physical.clone(),
        status: status.to_owned(),
        reason,
        time: cloud.clock().now(),
        findings: Vec::new(),
    }
}

/// Of a stack that is forgotten.
pub(crate) fn forget(tx: &mut Tx, stack: &Stack) -> Result<(), StoreError> {
    let all: Result<Vec<Key>, StoreError> = DRIFTS
        .scan(tx, &stack.key(), store::Direction::Forward)
        .map(|entry| entry.map(|(key, _)| key))
        .collect();
    all?.iter().for_each(|key| DRIFTS.delete(tx, key));
    Ok(())
}
