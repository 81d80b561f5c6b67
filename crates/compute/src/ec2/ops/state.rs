//! Start, stop, reboot, terminate: what is wanted; [`crate::ec2::work`] does it.

use super::describe::{StateView, state_view};
use super::spot_rules;
use crate::ec2::kinds;
use crate::ec2::machinery::Machinery;
use crate::ec2::model::{INSTANCES, Instance, state};
use crate::ec2::news;
use crate::ec2::placement;
use crate::ec2::reservation::claim;
use ec2::access::Access;
use ec2::attachment::ATTACHMENTS;
use ec2::backing::Shelves;
use ec2::describe;
use ec2::disk::{self, ATTACHED, ATTACHING, DiskAttachment, ROOT};
use ec2::kind::INSTANCE;
use ec2::{Ec2Error, Plain, public, register, zone};
use kernel::{Cx, Empty};
use std::sync::Arc;

kernel::ops! {
    /// Changes of state.
    pub static OPS:
        StartInstances: start, "ec2:StartInstances", |cx, r| Access::of(cx, r).many(&INSTANCE, "InstanceIds").done();
        StopInstances: stop, "ec2:StopInstances", |cx, r| Access::of(cx, r).many(&INSTANCE, "InstanceIds").done();
        RebootInstances: reboot, "ec2:RebootInstances", |cx, r| Access::of(cx, r).many(&INSTANCE, "InstanceIds").done();
        TerminateInstances: terminate, "ec2:TerminateInstances", |cx, r| Access::of(cx, r).many(&INSTANCE, "InstanceIds").done();
}

wire::shape! {
    #[derive(Debug)]
    struct Named { ids: Vec<String> = "InstanceIds" }

    #[derive(Debug)]
    struct Stop {
        ids: Vec<String> = "InstanceIds",
        force: Option<bool> = "Force",
        skip: Option<bool> = "SkipOsShutdown",
        hibernate: Option<bool> = "Hibernate",
    }

    #[derive(Debug)]
    struct Terminate {
        ids: Vec<String> = "InstanceIds",
        force: Option<bool> = "Force",
        skip: Option<bool> = "SkipOsShutdown",
    }

    #[derive(Debug)]
    pub(crate) struct Change {
        id: String = "InstanceId",
        current: StateView = "CurrentState",
        previous: StateView = "PreviousState",
    }

    #[derive(Debug)]
    struct Starting { changes: Vec<Change> = "StartingInstances" }

    #[derive(Debug)]
    struct Stopping { changes: Vec<Change> = "StoppingInstances" }

    #[derive(Debug)]
    struct Terminating { changes: Vec<Change> = "TerminatingInstances" }
}

const BY_USER: (&str, &str) = ("Client.UserInitiatedShutdown", "User initiated shutdown");

fn named(cx: &Cx<'_>, ids: &[String]) -> Result<Vec<Instance>, Ec2Error> {
    if ids.is_empty() {
        return Err(Plain::MissingParameter("InstanceId".into()).into());
    }
    describe::some(cx, &INSTANCES, &INSTANCE, ids)
}

/// Writes a record, and tells of its state where that is another.
pub(crate) fn keep(cx: &mut Cx<'_>, instance: &Instance, before: i64) -> Change {
    INSTANCES.put(cx.tx, &register::key(cx.account, cx.region, &instance.id), instance);
    if instance.state != before {
        let cloud = Arc::clone(cx.cloud());
        news::entered(&cloud, cx.tx, (cx.account, cx.region), cx.now, instance);
    }
    let (current, previous) = (state_view(instance.state), state_view(before));
    Change { id: instance.id.clone(), current, previous }
}

fn wrong_state(instance: &Instance, what: &str) -> Ec2Error {
    let what = format!("The instance '{}' is not in a state from which it can be {what}.", instance.id);
    Plain::IncorrectInstanceState(what).into()
}

fn start(cx: &mut Cx<'_>, req: Named) -> Result<Starting, Ec2Error> {
    let mut changes = Vec::new();
    for mut instance in named(cx, &req.ids)? {
        let before = instance.state;
        match before {
            state::PENDING | state::RUNNING => {}
            state::STOPPED => {
                spot_rules::may_start(cx, &instance)?;
                boot(cx, &mut instance)?;
                // AWS: the call succeeds, and the machine stops at once.
                let shelf = cx.memory::<Shelves>().get()?;
                instance.locked = !shelf.unlock(cx, &instance.id)?;
            }
            _ => return Err(wrong_state(&instance, "started")),
        }
        changes.push(keep(cx, &instance, before));
    }
    Ok(Starting { changes })
}

/// A machine boots from what its root is by now: files, or a disk that boots by itself.
fn root(cx: &Cx<'_>, instance: &mut Instance) -> Result<(), Ec2Error> {
    let root = disk::root_of(cx.tx, cx.account, cx.region, &instance.id)?;
    let ready = |root: &DiskAttachment| root.state == ATTACHED || !root.files && root.state == ATTACHING;
    let Some(root) = root.filter(ready) else {
        let what = "Instance does not have a volume attached at root";
        let what = format!("Invalid value '{}' for instanceId. {what} ({ROOT})", instance.id);
        return Err(Plain::InvalidParameterValue(what).into());
    };
    instance.disk = !root.files;
    instance.virtual_machine |= instance.disk;
    Ok(())
}

/// A machine that is stopped shall run again.
///
/// # Errors
/// Where there is no capacity for it, or no public address.
pub(crate) fn boot(cx: &mut Cx<'_>, instance: &mut Instance) -> Result<(), Ec2Error> {
    if instance.rooted {
        root(cx, instance)?;
    }
    cx.memory::<Machinery>().possible_as(instance.virtual_machine)?;
    zone::capacity(cx, &instance.zone, &instance.kind)?;
    placement::take(cx, instance)?;
    instance.reserved = claim(cx, instance)?;
    instance.enter(state::PENDING, cx.now, None);
    instance.launched = cx.now;
    (instance.forced, instance.locked) = (false, false);
    instance.notice = None;
    for (at, interface) in instance.interfaces.iter().enumerate() {
        let key = register::key(cx.account, cx.region, interface);
        let Some(mut attachment) = ATTACHMENTS.get(cx.tx, &key)? else { continue };
        attachment.rests = false;
        attachment.nitro = kinds::find(&instance.kind).is_some_and(kinds::InstanceType::is_nitro);
        if instance.public && at == 0 {
            attachment.public_address = Some(public::take(cx, interface)?.to_string());
        }
        ATTACHMENTS.put(cx.tx, &key, &attachment);
    }
    Ok(())
}

fn stop(cx: &mut Cx<'_>, req: Stop) -> Result<Stopping, Ec2Error> {
    let mut changes = Vec::new();
    for mut instance in named(cx, &req.ids)? {
        if req.hibernate == Some(true) {
            // None is, here.
            let what = format!(
                "The instance can't be hibernated because it was not configured at launch for hibernation: {}",
                instance.id
            );
            return Err(Plain::UnsupportedHibernation(what).into());
        }
        let before = instance.state;
        match before {
            state::STOPPING | state::STOPPED => {}
            state::PENDING | state::RUNNING => {
                if instance.stop_protected {
                    let what = format!(
                        "The instance '{}' may not be stopped. Modify its 'disableApiStop' instance attribute and try again.",
                        instance.id
                    );
                    return Err(Plain::OperationNotPermitted(what).into());
                }
                spot_rules::may_stop(cx, &instance)?;
                instance.forced = req.force == Some(true) || req.skip == Some(true);
                instance.enter(state::STOPPING, cx.now, Some(BY_USER));
            }
            _ => return Err(wrong_state(&instance, "stopped")),
        }
        changes.push(keep(cx, &instance, before));
    }
    Ok(Stopping { changes })
}

fn reboot(cx: &mut Cx<'_>, req: Named) -> Result<Empty, Ec2Error> {
    for mut instance in named(cx, &req.ids)? {
        if instance.state != state::RUNNING {
            return Err(wrong_state(&instance, "rebooted"));
        }
        instance.reboots += 1;
        keep(cx, &instance, state::RUNNING);
    }
    Ok(Empty)
}

fn terminate(cx: &mut Cx<'_>, req: Terminate) -> Result<Terminating, Ec2Error> {
    if let Some(id) = req.ids.iter().find(|id| !INSTANCE.fits(id)) {
        return Err(Ec2Error::not_an_id(INSTANCE.malformed, "instance", id));
    }
    let found = named(cx, &req.ids)?;
    // AWS: one that is protected keeps all of the call from happening.
    if let Some(protected) = found.iter().find(|i| i.termination_protected && !i.is_over()) {
        let what = format!(
            "The instance '{}' may not be terminated. Modify its 'disableApiTermination' instance attribute and try again.",
            protected.id
        );
        return Err(Plain::OperationNotPermitted(what).into());
    }
    let mut changes = Vec::new();
    for mut instance in found {
        let before = instance.state;
        if !instance.is_over() {
            instance.forced = req.force == Some(true) || req.skip == Some(true);
            instance.enter(state::SHUTTING_DOWN, cx.now, Some(BY_USER));
        }
        changes.push(keep(cx, &instance, before));
    }
    Ok(Terminating { changes })
}
