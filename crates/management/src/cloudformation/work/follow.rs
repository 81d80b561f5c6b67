//! Stack sets follow their organization: accounts that join a unit get its stacks, and those that leave it lose them.
//!
//! What counts is the change: an account from which somebody took the stacks by hand gets none again while it stays where
//! it is.
//!
//! AWS: <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-manage-auto-deployment.html>

use super::step::commit;
use crate::cloudformation::errors::{CfnError, invalid, is_gone};
use crate::cloudformation::ops::stack_instance::{Asked, Place, begin};
use crate::cloudformation::sets::model::{Aim, SET_JOBS, SETS, StackSet};
use crate::cloudformation::sets::organization::{MANAGEMENT, accounts_below, has_access};
use base::Timestamp;
use kernel::reconcile::Reconciler;
use kernel::{Cloud, Cx};
use std::sync::Arc;
use store::{Direction, Key};
use wire::Fault;

/// Begins operations on the sets that an organization's change is about.
#[derive(Debug)]
pub struct Follow {
    /// Where organizations are kept.
    pub organizations: Vec<u8>,
}

impl Reconciler for Follow {
    fn name(&self) -> &'static str {
        "cloudformation stack sets of organizations"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        // A set that is worked on has to wait for the end of that.
        let all = Key::empty();
        vec![self.organizations.clone(), SET_JOBS.stored_key(&all)]
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        let snapshot = cloud.store().snapshot();
        let mut problem = None;
        for entry in SETS.scan(&snapshot, &Key::empty(), Direction::Forward) {
            let set = entry.map_err(|e| e.to_string())?.1;
            let follows = set.auto.as_ref().is_some_and(|auto| auto.enabled) && !set.deleted;
            if !follows || SET_JOBS.contains(&snapshot, &set.key()).map_err(|e| e.to_string())? {
                continue;
            }
            let mut tx = cloud.store().begin();
            let begun = cloud.act(&mut tx, MANAGEMENT, set.account, set.region, |cx| follow(cx, &set));
            match begun {
                Ok(true) => drop(commit(tx)?),
                Ok(false) => {}
                // One set does not hold up the others.
                Err(why) => drop(problem.get_or_insert(Fault::from(why).message)),
            }
        }
        problem.map_or(Ok(None), Err)
    }
}

/// Whether there was something to do.
fn follow(cx: &mut Cx<'_>, set: &StackSet) -> Result<bool, CfnError> {
    let Some(mut set) = SETS.get(cx.tx, &set.key())? else { return Ok(false) };
    if SET_JOBS.contains(cx.tx, &set.key())? || !has_access(cx).unwrap_or(false) {
        return Ok(false);
    }
    let (mut came, mut went) = (Vec::new(), Vec::new());
    let before = set.aims.clone();
    for aim in &mut set.aims {
        // A unit that is gone has no accounts any more; one that cannot be read may have all of them.
        let below = match accounts_below(cx, &aim.unit) {
            Err(fault) if is_gone(&fault.code) => Vec::new(),
            other => other.map_err(|fault| invalid(fault.message))?,
        };
        let place = |account: &String, region: &String| Place {
            account: account.clone(),
            region: region.clone(),
            unit: Some(aim.unit.clone()),
        };
        let places = |accounts: &[String], known: &[String]| -> Vec<Place> {
            let new = accounts.iter().filter(|account| !known.contains(account));
            new.flat_map(|account| aim.regions.iter().map(|region| place(account, region))).collect()
        };
        came.extend(places(&below, &aim.accounts));
        went.extend(places(&aim.accounts, &below));
        aim.accounts = below;
    }
    if set.aims == before {
        return Ok(false);
    }
    let is_there = |cx: &Cx<'_>, place: &Place| set.instance(cx.tx, &place.account, &place.region);
    let mut first = Vec::new();
    for place in came {
        if is_there(cx, &place)?.is_none() {
            first.push(place);
        }
    }
    if !first.is_empty() {
        // Those that went have their turn when these are through.
        for (aim, before) in set.aims.iter_mut().zip(&before) {
            let went = before.accounts.iter().filter(|account| !aim.accounts.contains(account)).cloned();
            aim.accounts = went.chain(aim.accounts.iter().cloned()).collect();
        }
        set.save(cx.tx);
        begin(cx, &set, Asked::of("CREATE", first, None))?;
        return Ok(true);
    }
    let covers = |aim: &Aim, place: &Place| {
        aim.regions.contains(&place.region) && aim.accounts.contains(&place.account)
    };
    let mut last = Vec::new();
    for place in went {
        if is_there(cx, &place)?.is_some() && !set.aims.iter().any(|aim| covers(aim, &place)) {
            last.push(place);
        }
    }
    set.save(cx.tx);
    if !last.is_empty() {
        let retain = set.auto.as_ref().is_some_and(|auto| auto.retains);
        begin(cx, &set, Asked::of("DELETE", last, Some(retain)))?;
    }
    Ok(true)
}
