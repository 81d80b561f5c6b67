//! Whether CloudWatch is told of an instance by the minute.
//!
//! AWS: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_MonitorInstances.html>

use crate::ec2::model::{INSTANCES, Instance};
use ec2::access::Access;
use ec2::describe;
use ec2::kind::INSTANCE;
use ec2::{Ec2Error, Plain, register};
use kernel::Cx;

kernel::ops! {
    /// Detailed monitoring.
    pub static OPS:
        MonitorInstances: monitor, "ec2:MonitorInstances", |cx, r| Access::of(cx, r).many(&INSTANCE, "InstanceIds").done();
        UnmonitorInstances: unmonitor, "ec2:UnmonitorInstances", |cx, r| Access::of(cx, r).many(&INSTANCE, "InstanceIds").done();
}

wire::shape! {
    /// Of a launch.
    #[derive(Clone, Debug)]
    pub(crate) struct Wanted { pub(crate) enabled: bool = "Enabled" }

    #[derive(Debug)]
    struct Named { ids: Vec<String> = "InstanceIds" }

    #[derive(Clone, Debug)]
    pub(crate) struct View { pub(crate) state: String = "State" }

    #[derive(Debug)]
    struct One {
        id: String = "InstanceId",
        monitoring: View = "Monitoring",
    }

    #[derive(Debug)]
    struct Changed { all: Vec<One> = "InstanceMonitorings" }
}

impl View {
    pub(super) fn of(instance: &Instance) -> View {
        View { state: if instance.monitored { "enabled" } else { "disabled" }.into() }
    }
}

/// What changes is on its way in the answer, as AWS has it, and done at the next look.
fn change(cx: &mut Cx<'_>, req: &Named, monitored: bool, word: &str) -> Result<Changed, Ec2Error> {
    if req.ids.is_empty() {
        return Err(Plain::MissingParameter("InstanceId".into()).into());
    }
    let mut all = Vec::new();
    for mut instance in describe::some(cx, &INSTANCES, &INSTANCE, &req.ids)? {
        let mut monitoring = View::of(&instance);
        if instance.monitored != monitored {
            word.clone_into(&mut monitoring.state);
            instance.monitored = monitored;
            INSTANCES.put(cx.tx, &register::key(cx.account, cx.region, &instance.id), &instance);
        }
        all.push(One { id: instance.id, monitoring });
    }
    Ok(Changed { all })
}

fn monitor(cx: &mut Cx<'_>, req: Named) -> Result<Changed, Ec2Error> {
    change(cx, &req, true, "pending")
}

fn unmonitor(cx: &mut Cx<'_>, req: Named) -> Result<Changed, Ec2Error> {
    change(cx, &req, false, "disabling")
}
