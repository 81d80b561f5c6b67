//! What CloudWatch is told of keys by the minute, in its namespace `AWS/KMS`: how soon imported material expires.
//!
//! AWS: <https://docs.aws.amazon.com/kms/latest/developerguide/monitoring-cloudwatch.html>

use super::model::{DUE, KmsKey};
use base::Timestamp;
use kernel::Cloud;
use kernel::reconcile::Reconciler;
use kernel::vitals::{Metric, Place, Source, Vitals};
use std::sync::{Arc, Mutex, PoisonError};
use store::{Direction, Key};

const SOURCE: Source = Source { service: "kms.amazonaws.com", namespace: "AWS/KMS" };
const LEFT: Metric = Metric { name: "SecondsUntilKeyMaterialExpiration", unit: "Seconds" };
const MINUTE: i64 = 60;

/// Tells of the keys whose material expires.
#[derive(Debug, Default)]
pub struct Meters {
    /// The minute that was told of last.
    last: Mutex<i64>,
}

impl Reconciler for Meters {
    fn name(&self) -> &'static str {
        "key meters"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        vec![DUE.stored_key(&Key::empty())]
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        let now = cloud.clock().now();
        let minute = now.seconds().div_euclid(MINUTE);
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = std::mem::replace(&mut *last, minute) != minute;
        drop(last);
        let tx = cloud.store().begin();
        let mut next = None;
        for pair in DUE.scan(&tx, &Key::empty(), Direction::Forward) {
            let due = pair.map_err(|error| error.to_string())?.1;
            let key = KmsKey::load(&tx, due.account, due.region, &due.id);
            let key = key.map_err(|error| error.to_string())?;
            let Some(expires) = key.and_then(|key| key.expires).filter(|at| *at > now) else { continue };
            next = Some(Timestamp::from_seconds((minute + 1) * MINUTE));
            if is_new {
                let home = (due.account, due.region);
                let place = Place { source: SOURCE, home, dimensions: vec![("KeyId", due.id)] };
                let left = expires.since(now).as_secs_f64();
                cloud.memory::<Vitals>().note(place, now, &[(LEFT, left)]);
            }
        }
        Ok(next)
    }
}
