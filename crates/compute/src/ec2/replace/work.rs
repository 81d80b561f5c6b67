//! Replacements carried out, a step a transaction. That the machine is off is seen to by who keeps machines.

use super::{FAILED, FAILED_DETACHED, IN_PROGRESS, SUCCEEDED, TASKS, Task, stage};
use crate::ec2::model::{INSTANCES, Instance, state};
use crate::ec2::ops::state::keep;
use crate::ec2::ops::{SELF, call, list, text, texts};
use crate::ec2::work::DISK;
use base::Timestamp;
use ec2::disk::{self, ATTACHED, ATTACHING, DETACHING, DISK_ATTACHMENTS, NewRoot, Shop};
use ec2::{Ec2Error, Plain, register};
use kernel::reconcile::Reconciler;
use kernel::steps;
use kernel::{Cloud, Cx};
use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use store::Key;
use wire::Value;

/// For how long one that is over is shown. AWS does not tell how long that is.
const SHOWN: Duration = Duration::from_secs(24 * 3600);
/// Between two looks at a volume that is being made.
const LOOK: Duration = Duration::from_secs(1);
const STEPS_MAX: usize = 8;
const LOST: (&str, &str) = ("Client.VolumeLimitExceeded", "Its root could not be replaced");

type Next = steps::Next<Infallible>;

/// Replaces roots.
#[derive(Debug)]
pub struct Replacements {
    /// Where machines keep what they write; `None` where none of them is real.
    folder: Option<PathBuf>,
}

impl Replacements {
    pub fn new(folder: Option<PathBuf>) -> Replacements {
        Replacements { folder }
    }

    fn step(&self, cx: &mut Cx<'_>, id: &str) -> Result<Next, Ec2Error> {
        let key = register::key(cx.account, cx.region, id);
        let Some(mut task) = TASKS.get(cx.tx, &key)? else { return Ok(Next::Rest(None)) };
        if let Some(ended) = task.ended {
            let then = ended.plus(SHOWN);
            if then > cx.now {
                return Ok(Next::Rest(Some(then)));
            }
            TASKS.delete(cx.tx, &key);
            register::strike(cx.tx, cx.account, cx.region, id);
            return Ok(Next::Rest(None));
        }
        let at = register::key(cx.account, cx.region, &task.instance);
        let instance = INSTANCES.get(cx.tx, &at)?.filter(|instance| !instance.is_over());
        let next = match instance {
            Some(instance) => self.go_on(cx, &mut task, instance)?,
            None if drops_volume(cx, &task)? => end(&mut task, FAILED, cx.now),
            // It can be deleted when it is there.
            None => return Ok(Next::Rest(Some(cx.now.plus(LOOK)))),
        };
        TASKS.put(cx.tx, &key, &task);
        Ok(next)
    }

    fn go_on(&self, cx: &mut Cx<'_>, task: &mut Task, instance: Instance) -> Result<Next, Ec2Error> {
        match task.stage {
            stage::MAKE => match volume_state(cx, &task.new)?.as_str() {
                "available" => {
                    (task.state, task.stage) = (IN_PROGRESS.into(), stage::HALT);
                    Ok(Next::Again)
                }
                "creating" => Ok(Next::Rest(Some(cx.now.plus(LOOK)))),
                _ => Ok(end(task, FAILED, cx.now)),
            },
            stage::HALT => Ok(Next::Rest(None)),
            stage::OFF => {
                pull(cx, task)?;
                task.stage = stage::PULL;
                Ok(Next::Again)
            }
            stage::PULL => self.swap(cx, task, instance),
            _ => finish(cx, task, instance),
        }
    }

    /// Where the old root is gone the new one comes.
    fn swap(&self, cx: &mut Cx<'_>, task: &mut Task, mut instance: Instance) -> Result<Next, Ec2Error> {
        if DISK_ATTACHMENTS.contains(cx.tx, &register::key(cx.account, cx.region, &task.old))? {
            return Ok(Next::Rest(None));
        }
        if task.is_empty
            && let Some(folder) = &self.folder
        {
            let own = folder.join(&instance.id).join(DISK);
            // It is off, and what it has written is in its volume by now, or is to go.
            if own.exists() {
                host::image::remove(&own).map_err(|why| {
                    kernel::log::error("a root cannot be emptied", &[("problem", &why.to_string())]);
                    Plain::InternalError
                })?;
            }
        }
        instance.layer = None;
        INSTANCES.put(cx.tx, &register::key(cx.account, cx.region, &instance.id), &instance);
        let root = NewRoot {
            volume: &task.new,
            instance: &task.instance,
            delete: task.goes,
            state: if task.is_empty { ATTACHED } else { ATTACHING },
            key: &task.key,
        };
        let cloud = Arc::clone(cx.cloud());
        cloud.memory::<Shop>().root(cx, &root)?;
        task.stage = stage::PLUG;
        Ok(Next::Again)
    }
}

fn end(task: &mut Task, how: &str, now: Timestamp) -> Next {
    task.state = how.into();
    task.ended = Some(now);
    Next::Again
}

fn volume_state(cx: &mut Cx<'_>, volume: &String) -> Result<String, Ec2Error> {
    let found = call(cx, "DescribeVolumes", [("VolumeIds", texts([volume]))])?;
    Ok(list(&found, "Volumes").first().map(|volume| text(volume, "State")).unwrap_or_default())
}

/// Deletes the new volume of a task whose machine is gone, unless it went with that; whether there is none any more.
fn drops_volume(cx: &mut Cx<'_>, task: &Task) -> Result<bool, Ec2Error> {
    if task.stage >= stage::PLUG {
        return Ok(true);
    }
    match volume_state(cx, &task.new).unwrap_or_default().as_str() {
        "creating" => Ok(false),
        "available" => {
            call(cx, "DeleteVolume", [("VolumeId", Value::str(&task.new))])?;
            Ok(true)
        }
        _ => Ok(true),
    }
}

/// Lets go of the old root. One that is to be deleted goes as with the end of its machine.
fn pull(cx: &mut Cx<'_>, task: &Task) -> Result<(), Ec2Error> {
    let key = register::key(cx.account, cx.region, &task.old);
    if let Some(mut old) = DISK_ATTACHMENTS.get(cx.tx, &key)? {
        old.state = DETACHING.into();
        old.over = task.deletes;
        old.delete_on_termination = task.deletes;
        DISK_ATTACHMENTS.put(cx.tx, &key, &old);
    }
    Ok(())
}

/// The machine boots again, from what its root is by now.
fn finish(cx: &mut Cx<'_>, task: &mut Task, mut instance: Instance) -> Result<Next, Ec2Error> {
    let root = disk::root_of(cx.tx, cx.account, cx.region, &task.instance)?;
    let Some(root) = root.filter(|root| root.volume == task.new) else {
        let before = instance.state;
        if before == state::RUNNING {
            instance.enter(state::STOPPING, cx.now, Some(LOST));
            keep(cx, &instance, before);
        }
        return Ok(end(task, FAILED_DETACHED, cx.now));
    };
    if root.files && root.state != ATTACHED {
        return Ok(Next::Rest(None));
    }
    instance.disk = !root.files;
    instance.virtual_machine |= instance.disk;
    if let Some(image) = &task.image {
        instance.image.clone_from(image);
    }
    let before = instance.state;
    keep(cx, &instance, before);
    Ok(end(task, SUCCEEDED, cx.now))
}

impl Reconciler for Replacements {
    fn name(&self) -> &'static str {
        "replacements of roots"
    }

    fn watches(&self) -> Vec<Vec<u8>> {
        let all = Key::empty();
        vec![TASKS.stored_key(&all), DISK_ATTACHMENTS.stored_key(&all), INSTANCES.stored_key(&all)]
    }

    fn run(&self, cloud: &Arc<Cloud>) -> Result<Option<Timestamp>, String> {
        steps::each(
            cloud,
            &TASKS,
            |task| task.id,
            |home, id| {
                let step = |cx: &mut Cx<'_>| self.step(cx, id);
                steps::bring_on(cloud, SELF, home, STEPS_MAX, step, |_, never| match *never {})
            },
        )
    }
}
