//! What machines are paid for: the hours that they run, counted by the second.
//!
//! AWS: <https://aws.amazon.com/ec2/pricing/on-demand/>. A machine that is stopped costs what its volumes and addresses do.
//!
//! Not here: that a machine is paid for a minute at least, and what a `Dedicated` one costs more. What a spot machine costs
//! moves, and is in no list ([`super::spot`]).

use super::kinds::{self, InstanceType};
use super::model::{INSTANCES, Instance, state};
use base::Timestamp;
use ec2::kind::INSTANCE;
use ec2::register;
use kernel::Cloud;
use kernel::meter::{Gauge, Kind, Line, each};
use std::sync::Arc;
use store::{Key, Tx};

/// The machines that run.
#[derive(Debug)]
pub struct Running;

/// In which words the hours of a machine are told.
fn kind(of: &'static InstanceType, instance: &Instance) -> &'static Kind {
    match instance {
        Instance { spot: Some(_), .. } => &of.spot,
        Instance { dedicated: true, .. } => &of.dedicated,
        _ => &of.used,
    }
}

impl Gauge for Running {
    fn name(&self) -> &'static str {
        "instances"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        vec![INSTANCES.stored_key(&Key::empty())]
    }

    fn look(&self, cloud: &Arc<Cloud>, tell: &mut dyn FnMut(&Line<'_>, u64)) -> Result<(), String> {
        each(cloud, &INSTANCES, |(account, region), instance| {
            if let Some(of) = kinds::find(&instance.kind).filter(|_| instance.state == state::RUNNING) {
                let resource = register::arn(account, region, INSTANCE.noun, &instance.id);
                let (kind, operation) = (kind(of, &instance), "RunInstances");
                tell(&Line { account, region, kind, operation, resource: &resource }, 1);
            }
            Ok(())
        })
    }
}

/// What CPU credits are counted in: a credit is a minute of a processor.
const CREDITS_PER_HOUR: u64 = 60 * super::credits::CREDIT.unsigned_abs();

const fn credits(usage_type: &'static str) -> Kind {
    Kind { per: CREDITS_PER_HOUR, ..Kind::new("AmazonEC2", usage_type, "vCPU-Hours").at(50_000, 1) }
}

static T2_CREDITS: Kind = credits("CPUCredits:t2");
static T3_CREDITS: Kind = credits("CPUCredits:t3");

/// Counts the credits that an unlimited T machine has spent and will not earn back.
pub(super) fn overspent(
    cloud: &Cloud,
    tx: &mut Tx,
    key: &Key,
    instance: &Instance,
    now: Timestamp,
    credits: i64,
) {
    let Some((account, region)) = key.reader().regional().filter(|_| credits > 0) else { return };
    let kind = if instance.kind.starts_with("t2.") { &T2_CREDITS } else { &T3_CREDITS };
    let resource = register::arn(account, region, INSTANCE.noun, &instance.id);
    let line = Line { account, region, kind, operation: "RunInstances", resource: &resource };
    cloud.meter().add_with(tx, now, &line, credits.unsigned_abs());
}
