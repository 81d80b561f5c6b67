//! What becomes of an instance whose hardware fails or is to be mended, changed later.
//!
//! AWS: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyInstanceMaintenanceOptions.html>

use crate::ec2::model::INSTANCES;
use crate::ec2::upkeep::{DISABLED, View};
use ec2::access::Access;
use ec2::describe;
use ec2::kind::INSTANCE;
use ec2::{Ec2Error, Plain, register};
use kernel::Cx;

kernel::ops! {
    /// Upkeep.
    pub static OPS:
        ModifyInstanceMaintenanceOptions: modify, "ec2:ModifyInstanceMaintenanceOptions", |cx, r| Access::of(cx, r).one(&INSTANCE, "InstanceId").attributes(&["AutoRecovery", "RebootMigration"]).done();
}

wire::shape! {
    #[derive(Debug)]
    struct Modify {
        id: String = "InstanceId",
        recovery: Option<String> = "AutoRecovery",
        migration: Option<String> = "RebootMigration",
    }

    #[derive(Debug)]
    struct Modified {
        id: String = "InstanceId",
        recovery: String = "AutoRecovery",
        migration: String = "RebootMigration",
    }
}

fn modify(cx: &mut Cx<'_>, req: Modify) -> Result<Modified, Ec2Error> {
    let mut instance = describe::get(cx, &INSTANCES, &INSTANCE, &req.id)?;
    if instance.is_over() {
        let what = format!("The instance '{}' is not in a valid state for this operation.", instance.id);
        return Err(Plain::IncorrectInstanceState(what).into());
    }
    if let Some(word) = req.recovery {
        instance.unrecovered = word == DISABLED;
    }
    if let Some(word) = req.migration {
        instance.unmoved = word == DISABLED;
    }
    let View { recovery, migration } = View::of(&instance);
    INSTANCES.put(cx.tx, &register::key(cx.account, cx.region, &instance.id), &instance);
    Ok(Modified { id: instance.id, recovery, migration })
}
