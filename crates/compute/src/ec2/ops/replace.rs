//! CreateReplaceRootVolumeTask and DescribeReplaceRootVolumeTasks.

use super::run::image_target;
use super::{call, list, some, text, texts};
use crate::ec2::image::{self, Found};
use crate::ec2::machinery::Machinery;
use crate::ec2::model::{INSTANCES, Instance, state};
use crate::ec2::replace::{PENDING, TASKS, Task, stage};
use base::AccountId;
use ec2::access::{Access, list as about_none};
use ec2::backing::Shelves;
use ec2::describe::{self, Ask, Item, ids_or_pages};
use ec2::disk::{self, ATTACHED, NewDisk, ROOT, Shop};
use ec2::filter::{Filter, Known};
use ec2::kind::{INSTANCE, REPLACE_ROOT_TASK, SNAPSHOT, VOLUME};
use ec2::tags::{self, Tag, TagSpecification};
use ec2::{Ec2Error, Plain, register, token};
use kernel::{Cx, Target};
use std::sync::Arc;
use wire::{Fault, Struct, Value};

kernel::ops! {
    /// Roots of machines that run.
    pub static OPS:
        CreateReplaceRootVolumeTask: create, "ec2:CreateReplaceRootVolumeTask", created;
        DescribeReplaceRootVolumeTasks: describe_tasks, "ec2:DescribeReplaceRootVolumeTasks", about_none;
}

wire::shape! {
    #[derive(Debug)]
    struct Create {
        instance: String = "InstanceId",
        snapshot: Option<String> = "SnapshotId",
        image: Option<String> = "ImageId",
        deletes: Option<bool> = "DeleteReplacedRootVolume",
        token: Option<String> = "ClientToken",
        tags: Vec<TagSpecification> = "TagSpecifications",
    }

    #[derive(Debug)]
    struct Created { task: View = "ReplaceRootVolumeTask" }

    #[derive(Debug)]
    struct View {
        id: String = "ReplaceRootVolumeTaskId",
        instance: String = "InstanceId",
        state: String = "TaskState",
        start: String = "StartTime",
        end: Option<String> = "CompleteTime",
        image: Option<String> = "ImageId",
        snapshot: Option<String> = "SnapshotId",
        deletes: bool = "DeleteReplacedRootVolume",
        tags: Vec<Tag> = "Tags",
    }

    #[derive(Debug)]
    struct Describe {
        ids: Vec<String> = "ReplaceRootVolumeTaskIds",
        filters: Vec<Filter> = "Filters",
        max: Option<i64> = "MaxResults",
        next: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    struct Described {
        tasks: Vec<View> = "ReplaceRootVolumeTasks",
        next: Option<String> = "NextToken",
    }
}

impl Item for View {
    fn id(&self) -> &str {
        &self.id
    }

    fn tags(&self) -> &[Tag] {
        &self.tags
    }
}

fn created(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    let image = request.str("ImageId").map(|id| image_target(cx, id));
    let access = Access::of(cx, request).new(&REPLACE_ROOT_TASK).one(&INSTANCE, "InstanceId");
    access.new(&VOLUME).one(&SNAPSHOT, "SnapshotId").target_if(image).done()
}

fn view(cx: &Cx<'_>, task: Task) -> Result<View, Ec2Error> {
    Ok(View {
        tags: tags::view(&register::tags(cx, &task.id)?),
        id: task.id,
        instance: task.instance,
        state: task.state,
        start: task.started.whole_seconds().iso8601(),
        end: task.ended.map(|at| at.whole_seconds().iso8601()),
        image: task.image,
        snapshot: task.snapshot,
        deletes: task.deletes,
    })
}

/// What the new root is made of: a snapshot, and whose that is where another's image brings it; nothing where it is empty.
struct Source {
    snapshot: Option<String>,
    granted: Option<AccountId>,
    size: Option<i64>,
}

fn of_image(found: &Found) -> Source {
    let root = found.mappings().into_iter().next().unwrap_or_default();
    let granted = match found {
        Found::Made(owner, _) if root.snapshot.is_some() => Some(*owner),
        _ => None,
    };
    Source { snapshot: root.snapshot, granted, size: root.size }
}

fn source(cx: &mut Cx<'_>, req: &Create, instance: &Instance, root: &Value) -> Result<Source, Ec2Error> {
    if let Some(snapshot) = &req.snapshot {
        let found = call(cx, "DescribeSnapshots", [("SnapshotIds", texts([snapshot]))])?;
        let found = list(&found, "Snapshots").first().cloned().unwrap_or(Value::Null);
        let of = text(&found, "VolumeId");
        let mut roots: Vec<String> = describe::all(cx, &TASKS)?
            .into_iter()
            .filter(|task| task.instance == instance.id)
            .flat_map(|task| [task.old, task.new])
            .collect();
        roots.push(text(root, "VolumeId"));
        if !roots.contains(&of) && text(root, "SnapshotId") != *snapshot {
            let why = format!("It is not of a root that the instance '{}' has or had.", instance.id);
            return Err(Ec2Error::value(snapshot, "snapshotId", &why));
        }
        let size = found.member("VolumeSize").and_then(Value::as_int);
        return Ok(Source { snapshot: Some(snapshot.clone()), granted: None, size });
    }
    if let Some(id) = &req.image {
        return Ok(of_image(&image::launchable(cx, id)?));
    }
    // As it was at its launch.
    let own = some(root, "SnapshotId");
    let image = image::find(cx, &instance.image).ok().map(|found| of_image(&found));
    let granted = image.filter(|image| image.snapshot == own).and_then(|image| image.granted);
    Ok(Source { snapshot: own, granted, size: None })
}

/// Whether it is files, and no disk that boots by itself.
fn is_files(cx: &mut Cx<'_>, source: &Source) -> Result<bool, Ec2Error> {
    let Some(snapshot) = &source.snapshot else { return Ok(true) };
    let shelf = cx.memory::<Shelves>().get()?;
    let owner = source.granted.unwrap_or(cx.account);
    Ok(!disk::boots(&shelf.beginning(cx, owner, snapshot)?))
}

fn create(cx: &mut Cx<'_>, req: Create) -> Result<Created, Ec2Error> {
    if let Some(id) = token::made(cx, req.token.as_ref(), &req)? {
        let task = describe::get(cx, &TASKS, &REPLACE_ROOT_TASK, &id)?;
        return Ok(Created { task: view(cx, task)? });
    }
    let own = tags::of_new(cx.caller, &req.tags, &REPLACE_ROOT_TASK, &[&REPLACE_ROOT_TASK])?;
    if req.snapshot.is_some() && req.image.is_some() {
        let what = "The parameters snapshotId and imageId cannot be used together.";
        return Err(Plain::InvalidParameterCombination(what.into()).into());
    }
    let instance = describe::get(cx, &INSTANCES, &INSTANCE, &req.instance)?;
    if instance.state != state::RUNNING {
        let what = format!("The instance '{}' is not in the 'running' state.", instance.id);
        return Err(Plain::IncorrectInstanceState(what).into());
    }
    let root = disk::root_of(cx.tx, cx.account, cx.region, &instance.id)?;
    let is_busy =
        describe::all(cx, &TASKS)?.iter().any(|task| task.instance == instance.id && !task.is_over());
    let Some(root) = root.filter(|root| root.state == ATTACHED && !is_busy) else {
        let what = format!("The root volume of instance '{}' is not 'attached'.", instance.id);
        return Err(Plain::IncorrectState(what).into());
    };
    let shown = call(cx, "DescribeVolumes", [("VolumeIds", texts([&root.volume]))])?;
    let shown = list(&shown, "Volumes").first().cloned().ok_or(Plain::InternalError)?;
    let from = source(cx, &req, &instance, &shown)?;
    let files = is_files(cx, &from)?;
    cx.memory::<Machinery>().possible_as(instance.virtual_machine || !files)?;
    let number = |name: &str| shown.member(name).and_then(Value::as_int);
    let kind = text(&shown, "VolumeType");
    let key = some(&shown, "KmsKeyId");
    let is_asked = matches!(kind.as_str(), "gp3" | "io1" | "io2");
    let wanted = NewDisk {
        zone: instance.zone.clone(),
        instance: instance.id.clone(),
        device: ROOT.into(),
        // AWS: the new one is as large as the old one, or as what it is made of, and of its type.
        size: number("Size").max(from.size),
        iops: number("Iops").filter(|_| is_asked),
        throughput: number("Throughput").filter(|_| is_asked),
        kind: Some(kind),
        // What was encrypted stays so, and where nothing else has a key under the same.
        encrypted: key.is_some().then_some(true),
        key: key.filter(|_| from.snapshot.is_none()),
        snapshot: from.snapshot.clone(),
        granted: from.granted,
        files,
        ..NewDisk::default()
    };
    let cloud = Arc::clone(cx.cloud());
    let made = cloud.memory::<Shop>().spare(cx, &wanted)?;
    let task = Task {
        id: REPLACE_ROOT_TASK.id(cx.rng()),
        instance: instance.id,
        started: cx.now,
        ended: None,
        state: PENDING.into(),
        stage: stage::MAKE,
        image: req.image.clone(),
        snapshot: req.snapshot.clone(),
        deletes: req.deletes == Some(true),
        new: made.id,
        key: made.key,
        old: root.volume,
        goes: root.delete_on_termination,
        is_empty: from.snapshot.is_none(),
    };
    TASKS.put(cx.tx, &register::key(cx.account, cx.region, &task.id), &task);
    register::enter(cx, &REPLACE_ROOT_TASK, &task.id, &own, &[]);
    token::keep(cx, req.token.as_ref(), &req, &task.id);
    Ok(Created { task: view(cx, task)? })
}

static FILTERS: &Known<View> = &[("instance-id", |task| vec![task.instance.clone()])];

fn describe_tasks(cx: &mut Cx<'_>, req: Describe) -> Result<Described, Ec2Error> {
    ids_or_pages(&req.ids, "replaceRootVolumeTaskIds", req.max)?;
    let mut views = Vec::new();
    for task in describe::some(cx, &TASKS, &REPLACE_ROOT_TASK, &req.ids)? {
        views.push(view(cx, task)?);
    }
    let ask = Ask::new(&req.filters, req.max, req.next.as_ref());
    let (tasks, next) = describe::page(cx, views, ask, FILTERS)?;
    Ok(Described { tasks, next })
}
