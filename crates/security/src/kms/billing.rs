//! What keys are paid for: customer managed ones for as long as they are kept.
//!
//! AWS: <https://aws.amazon.com/kms/pricing/>: keys that are disabled cost as much, those that wait for their deletion nothing.
//!
//! Not here: what the first two rotations of a key's material add.

use super::model::KEYS;
use kernel::Cloud;
use kernel::meter::{Gauge, Kind, Line};
use std::sync::Arc;
use store::{Direction, Key};

static KEY_MONTHS: Kind = Kind::months("awskms", "KMS-Keys", "Keys").at(1_000_000, 1);

/// The keys that are kept.
#[derive(Debug)]
pub struct Kept;

impl Gauge for Kept {
    fn name(&self) -> &'static str {
        "keys"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        vec![KEYS.stored_key(&Key::empty())]
    }

    fn look(&self, cloud: &Arc<Cloud>, tell: &mut dyn FnMut(&Line<'_>, u64)) -> Result<(), String> {
        for pair in KEYS.scan(&cloud.store().snapshot(), &Key::empty(), Direction::Forward) {
            let key = pair.map_err(|error| error.to_string())?.1;
            if key.managed_by_aws || key.deletion.is_some() || key.pending_days.is_some() {
                continue;
            }
            let (account, region, arn) = (key.account, key.region, key.arn());
            let line = Line { account, region, kind: &KEY_MONTHS, operation: "unknown", resource: &arn };
            tell(&line, 1);
        }
        Ok(())
    }
}
