//! DescribeVolumes, DescribeVolumeStatus.

use super::{maybe, one};
use crate::ebs::model::{AVAILABLE, CREATING, ERROR, VOLUMES, Volume};
use base::Timestamp;
use ec2::access::list;
use ec2::describe::{self, Ask, Item};
use ec2::disk::{self, DiskAttachment};
use ec2::filter::{Filter, Known};
use ec2::kind::VOLUME;
use ec2::shapes::Operator;
use ec2::tags::{self, Tag};
use ec2::{Ec2Error, Plain, register};
use kernel::Cx;

kernel::ops! {
    /// Volumes, shown.
    pub(crate) static OPS:
        DescribeVolumes: describe_volumes, "ec2:DescribeVolumes", list;
        DescribeVolumeStatus: describe_status, "ec2:DescribeVolumeStatus", list;
}

wire::shape! {
    #[derive(Debug)]
    struct Describe {
        ids: Vec<String> = "VolumeIds",
        filters: Vec<Filter> = "Filters",
        next: Option<String> = "NextToken",
        max: Option<i64> = "MaxResults",
    }

    #[derive(Debug)]
    struct Volumes {
        next: Option<String> = "NextToken",
        volumes: Vec<View> = "Volumes",
    }

    #[derive(Debug)]
    pub(crate) struct View {
        zone_id: Option<String> = "AvailabilityZoneId",
        iops: Option<i64> = "Iops",
        tags: Vec<Tag> = "Tags",
        kind: String = "VolumeType",
        multi: bool = "MultiAttachEnabled",
        throughput: Option<i64> = "Throughput",
        id: String = "VolumeId",
        size: i64 = "Size",
        /// Empty where it is not of one, as AWS has it.
        snapshot: String = "SnapshotId",
        zone: String = "AvailabilityZone",
        state: String = "State",
        created: Timestamp = "CreateTime",
        /// Of these four nothing is said to who makes it.
        attachments: Option<Vec<AttachmentView>> = "Attachments",
        owner: Option<String> = "OwnerId",
        arn: Option<String> = "VolumeArn",
        operator: Option<Operator> = "Operator",
        encrypted: bool = "Encrypted",
        fast: Option<bool> = "FastRestored",
        key: Option<String> = "KmsKeyId",
    }

    #[derive(Debug)]
    pub(crate) struct AttachmentView {
        delete: bool = "DeleteOnTermination",
        volume: String = "VolumeId",
        instance: String = "InstanceId",
        device: String = "Device",
        state: String = "State",
        at: Timestamp = "AttachTime",
        /// The only one that instances have. AWS: where volumes are described.
        card: Option<i64> = "EbsCardIndex",
    }

    #[derive(Debug)]
    struct Statuses {
        next: Option<String> = "NextToken",
        statuses: Vec<StatusView> = "VolumeStatuses",
    }

    #[derive(Debug)]
    struct StatusView {
        actions: Vec<String> = "Actions",
        zone: String = "AvailabilityZone",
        zone_id: Option<String> = "AvailabilityZoneId",
        events: Vec<String> = "Events",
        id: String = "VolumeId",
        status: Health = "VolumeStatus",
        operator: Operator = "Operator",
    }

    #[derive(Debug)]
    struct Health {
        details: Vec<Detail> = "Details",
        status: String = "Status",
    }

    #[derive(Debug)]
    struct Detail {
        name: String = "Name",
        status: String = "Status",
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

impl Item for StatusView {
    fn id(&self) -> &str {
        &self.id
    }

    fn tags(&self) -> &[Tag] {
        &[]
    }
}

pub(crate) fn attachment_view(attachment: &DiskAttachment) -> AttachmentView {
    AttachmentView {
        delete: attachment.delete_on_termination,
        volume: attachment.volume.clone(),
        instance: attachment.instance.clone(),
        device: attachment.device.clone(),
        state: attachment.state.clone(),
        at: attachment.at.whole_seconds(),
        card: None,
    }
}

/// What describes it.
fn view(cx: &Cx<'_>, volume: &Volume) -> Result<View, Ec2Error> {
    let attachment = disk::of_volume(cx.tx, cx.account, cx.region, &volume.id)?;
    let in_use = attachment.is_some() && volume.state == AVAILABLE;
    let shown = made(cx, volume)?;
    let attachments = attachment.iter().map(attachment_view);
    Ok(View {
        state: if in_use { "in-use".into() } else { shown.state },
        created: volume.created,
        attachments: Some(attachments.map(|shown| AttachmentView { card: Some(0), ..shown }).collect()),
        owner: Some(cx.account.to_string()),
        arn: Some(register::arn(cx.account, cx.region, VOLUME.noun, &volume.id)),
        operator: Some(Operator::SHOWN),
        ..shown
    })
}

/// What answers whoever has made it. AWS: with the second that it was made in alone.
pub(super) fn made(cx: &Cx<'_>, volume: &Volume) -> Result<View, Ec2Error> {
    Ok(View {
        zone_id: cx.region.zone_id(&volume.zone),
        iops: volume.iops,
        tags: tags::view(&register::tags(cx, &volume.id)?),
        kind: volume.kind.clone(),
        multi: false,
        throughput: volume.throughput,
        id: volume.id.clone(),
        size: volume.size,
        snapshot: volume.snapshot.clone().unwrap_or_default(),
        zone: volume.zone.clone(),
        state: volume.state.clone(),
        created: volume.created.whole_seconds(),
        attachments: None,
        owner: None,
        arn: None,
        operator: None,
        encrypted: volume.key.is_some(),
        fast: volume.fast.then_some(true),
        key: volume.key.clone(),
    })
}

/// A value of each attachment.
fn each(view: &View, read: fn(&AttachmentView) -> String) -> Vec<String> {
    view.attachments.iter().flatten().map(read).collect()
}

static FILTERS: &Known<View> = &[
    ("attachment.attach-time", |v| each(v, |a| a.at.iso8601_millis())),
    ("attachment.delete-on-termination", |v| each(v, |a| a.delete.to_string())),
    ("attachment.device", |v| each(v, |a| a.device.clone())),
    ("attachment.instance-id", |v| each(v, |a| a.instance.clone())),
    ("attachment.status", |v| each(v, |a| a.state.clone())),
    ("availability-zone", |v| one(&v.zone)),
    ("availability-zone-id", |v| maybe(&v.zone_id)),
    ("create-time", |v| one(v.created.iso8601_millis())),
    ("encrypted", |v| one(v.encrypted)),
    ("fast-restored", |v| one(v.fast == Some(true))),
    ("multi-attach-enabled", |v| one(v.multi)),
    ("operator.managed", |_| one(false)),
    ("operator.principal", |_| Vec::new()),
    ("size", |v| one(v.size)),
    ("snapshot-id", |v| one(&v.snapshot)),
    ("status", |v| one(&v.state)),
    ("volume-id", |v| one(&v.id)),
    ("volume-type", |v| one(&v.kind)),
];

/// Whether it has the form of a volume's id. AWS: one of zeros alone has not.
pub(super) fn is_id(id: &str) -> bool {
    VOLUME.fits(id) && id.bytes().rev().take_while(|byte| *byte != b'-').any(|byte| byte != b'0')
}

/// AWS: of the tokens of these pages it says this.
fn of_page(error: Ec2Error) -> Ec2Error {
    match error.is_of_token() {
        true => Plain::InvalidParameterValue("Unable to parse pagination token".into()).into(),
        false => error,
    }
}

fn describe_volumes(cx: &mut Cx<'_>, req: Describe) -> Result<Volumes, Ec2Error> {
    describe::ids_or_pages(&req.ids, "volumeIds", req.max)?;
    describe::five_or_more(req.max)?;
    if req.ids.iter().any(String::is_empty) {
        return Err(Plain::MissingParameter("volumes".into()).into());
    }
    if let Some(id) = req.ids.iter().find(|id| !is_id(id)) {
        return Err(Ec2Error::value(id, "volumes", "Expected: 'vol-...'."));
    }
    let found = describe::some(cx, &VOLUMES, &VOLUME, &req.ids)?;
    let views = found.iter().map(|volume| view(cx, volume)).collect::<Result<_, _>>()?;
    let ask = Ask::new(&req.filters, req.max, req.next.as_ref());
    let (volumes, next) = describe::page(cx, views, ask, FILTERS).map_err(of_page)?;
    Ok(Volumes { next, volumes })
}

static STATUS_FILTERS: &Known<StatusView> = &[
    ("action.code", |_| Vec::new()),
    ("action.description", |_| Vec::new()),
    ("action.event-id", |_| Vec::new()),
    // Only volumes of several instances tell of each.
    ("attachment-status.instance-id", |_| Vec::new()),
    ("attachment-status.io-performance", |_| Vec::new()),
    ("availability-zone", |v| one(&v.zone)),
    ("availability-zone-id", |v| maybe(&v.zone_id)),
    ("event.description", |_| Vec::new()),
    ("event.event-id", |_| Vec::new()),
    ("event.event-type", |_| Vec::new()),
    ("event.not-after", |_| Vec::new()),
    ("event.not-before", |_| Vec::new()),
    ("volume-status.details-name", |v| v.status.details.iter().map(|d| d.name.clone()).collect()),
    ("volume-status.details-status", |v| v.status.details.iter().map(|d| d.status.clone()).collect()),
    ("volume-status.status", |v| one(&v.status.status)),
];

/// Whether it can be read and written; of how fast it is, only provisioned volumes tell.
fn health(volume: &Volume) -> Health {
    let (status, io, performance) = match volume.state.as_str() {
        CREATING => ("insufficient-data", "insufficient-data", "insufficient-data"),
        ERROR => ("impaired", "failed", "not-applicable"),
        _ => ("ok", "passed", "not-applicable"),
    };
    let detail = |name: &str, status: &str| Detail { name: name.into(), status: status.into() };
    let details = vec![detail("io-enabled", io), detail("io-performance", performance)];
    Health { details, status: status.into() }
}

fn describe_status(cx: &mut Cx<'_>, req: Describe) -> Result<Statuses, Ec2Error> {
    describe::ids_or_pages(&req.ids, "volumeIds", req.max)?;
    describe::five_or_more(req.max)?;
    let found = describe::some(cx, &VOLUMES, &VOLUME, &req.ids)?;
    let views = found.iter().map(|volume| StatusView {
        actions: Vec::new(),
        zone: volume.zone.clone(),
        zone_id: cx.region.zone_id(&volume.zone),
        events: Vec::new(),
        id: volume.id.clone(),
        status: health(volume),
        operator: Operator::SHOWN,
    });
    let views = views.collect();
    let ask = Ask::new(&req.filters, req.max, req.next.as_ref());
    let (statuses, next) = describe::page(cx, views, ask, STATUS_FILTERS).map_err(of_page)?;
    Ok(Statuses { next, statuses })
}
