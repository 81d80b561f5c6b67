//! What becomes of delegation requests by themselves: each state ends after its time, and expired requests are deleted.

use super::notice;
use crate::iam::model::{DELEGATIONS_DUE, DelegationDue, DelegationRequest, DelegationState};
use base::Timestamp;
use kernel::reconcile::Reconciler;
use kernel::{Cloud, due};
use std::sync::Arc;
use store::{Key, StoreError, Tx};

#[derive(Debug)]
pub struct DelegationLife;

impl Reconciler for DelegationLife {
    fn name(&self) -> &'static str {
        "iam delegation life"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        vec![DELEGATIONS_DUE.stored_key(&Key::empty())]
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        due::work_off(cloud, &DELEGATIONS_DUE, |tx, due, _| end(cloud, tx, due).map_err(|e| e.to_string()))
    }
}

fn end(cloud: &Arc<Cloud>, tx: &mut Tx, due: &DelegationDue) -> Result<(), StoreError> {
    let found = DelegationRequest::load(tx, &due.id)?;
    let Some(mut request) = found.filter(|request| request.expires == due.at) else { return Ok(()) };
    if request.state == DelegationState::Expired {
        request.delete(tx);
        return Ok(());
    }
    request.enter(DelegationState::Expired, due.at);
    request.save(tx, Some(due.at));
    notice::state(cloud, tx, &request);
    Ok(())
}
