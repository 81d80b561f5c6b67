//! The processors of an instance, changed later.
//!
//! AWS: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyInstanceCpuOptions.html>

use super::run::check_kind;
use crate::ec2::cpus::Wanted;
use crate::ec2::model::{Cpus, INSTANCES, state};
use ec2::access::Access;
use ec2::describe;
use ec2::kind::INSTANCE;
use ec2::{Ec2Error, Plain, register};
use kernel::Cx;

kernel::ops! {
    /// Processors.
    pub static OPS:
        ModifyInstanceCpuOptions: modify, "ec2:ModifyInstanceCpuOptions", |cx, r| Access::of(cx, r).one(&INSTANCE, "InstanceId").attributes(&["CoreCount", "ThreadsPerCore"]).done();
}

wire::shape! {
    #[derive(Debug)]
    struct Modify {
        id: String = "InstanceId",
        cores: Option<i64> = "CoreCount",
        threads: Option<i64> = "ThreadsPerCore",
    }

    #[derive(Debug)]
    struct Modified {
        id: String = "InstanceId",
        cores: i64 = "CoreCount",
        threads: i64 = "ThreadsPerCore",
    }
}

/// AWS: it is stopped, and has them from its next start on.
fn modify(cx: &mut Cx<'_>, req: Modify) -> Result<Modified, Ec2Error> {
    let mut instance = describe::get(cx, &INSTANCES, &INSTANCE, &req.id)?;
    let wanted = Wanted { cores: req.cores, threads: req.threads };
    let cpus = Cpus::wanted(Some(&wanted), check_kind(&instance.kind)?)?;
    if instance.state != state::STOPPED {
        let what = format!("The instance '{}' is not in the 'stopped' state.", instance.id);
        return Err(Plain::IncorrectInstanceState(what).into());
    }
    instance.cpus = cpus;
    INSTANCES.put(cx.tx, &register::key(cx.account, cx.region, &instance.id), &instance);
    Ok(Modified { id: instance.id, cores: cpus.cores, threads: cpus.threads })
}
