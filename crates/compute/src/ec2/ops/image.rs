//! DescribeImages: what machines can be made of.

use crate::ec2::image::{self, BuiltIn, Found, IMAGES, Image, architecture};
use base::AccountId;
use ec2::access::list;
use ec2::describe::{self, Ask, Item, ids_or_pages};
use ec2::disk::ROOT;
use ec2::filter::{Filter, Known};
use ec2::register;
use ec2::tags::{self, Tag};
use ec2::{Ec2Error, Plain};
use kernel::Cx;

kernel::ops! {
    /// Images.
    pub static OPS:
        DescribeImages: describe_images, "ec2:DescribeImages", list;
}

wire::shape! {
    #[derive(Debug)]
    struct DescribeImages {
        executable: Vec<String> = "ExecutableUsers",
        ids: Vec<String> = "ImageIds",
        owners: Vec<String> = "Owners",
        filters: Vec<Filter> = "Filters",
        max: Option<i64> = "MaxResults",
        next: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    struct Images {
        images: Vec<View> = "Images",
        next: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    struct View {
        id: String = "ImageId",
        name: String = "Name",
        description: Option<String> = "Description",
        location: String = "ImageLocation",
        created: String = "CreationDate",
        state: String = "State",
        why: Option<Reason> = "StateReason",
        owner: String = "OwnerId",
        alias: Option<String> = "ImageOwnerAlias",
        architecture: String = "Architecture",
        kind: String = "ImageType",
        public: bool = "Public",
        platform: String = "PlatformDetails",
        usage: Option<String> = "UsageOperation",
        root_name: Option<String> = "RootDeviceName",
        root_kind: Option<String> = "RootDeviceType",
        virtualization: Option<String> = "VirtualizationType",
        /// AWS: of all images.
        visor: String = "Hypervisor",
        ena: bool = "EnaSupport",
        boots: Option<String> = "BootMode",
        mappings: Vec<MappingView> = "BlockDeviceMappings",
        instance: Option<String> = "SourceInstanceId",
        source: Option<String> = "SourceImageId",
        source_region: Option<String> = "SourceImageRegion",
        tags: Vec<Tag> = "Tags",
    }

    #[derive(Debug)]
    struct Reason {
        code: String = "Code",
        message: String = "Message",
    }

    #[derive(Debug)]
    pub(crate) struct MappingView {
        device: String = "DeviceName",
        ebs: EbsView = "Ebs",
    }

    #[derive(Debug)]
    struct EbsView {
        delete: bool = "DeleteOnTermination",
        iops: Option<i64> = "Iops",
        snapshot: Option<String> = "SnapshotId",
        size: Option<i64> = "VolumeSize",
        kind: Option<String> = "VolumeType",
        throughput: Option<i64> = "Throughput",
        encrypted: Option<bool> = "Encrypted",
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

/// The account of images that come with the cloud.
const OWNER: &str = "137112412989";
const ALIAS: &str = "amazon";

fn view(image: &'static BuiltIn) -> View {
    View {
        id: image.id.into(),
        name: image.name.into(),
        description: Some(image.description.into()),
        location: format!("{ALIAS}/{}", image.name),
        created: image.created.into(),
        state: "available".into(),
        why: None,
        owner: OWNER.into(),
        alias: Some(ALIAS.into()),
        architecture: architecture().into(),
        kind: "machine".into(),
        public: true,
        platform: "Linux/UNIX".into(),
        usage: Some("RunInstances".into()),
        root_name: Some(ROOT.into()),
        root_kind: Some("ebs".into()),
        virtualization: Some("hvm".into()),
        visor: "xen".into(),
        ena: true,
        boots: None,
        mappings: mappings(&Found::BuiltIn(image).mappings()),
        instance: None,
        source: None,
        source_region: None,
        tags: Vec::new(),
    }
}

/// The devices of an image's machines, as answers show them.
pub(crate) fn mappings(all: &[image::Mapping]) -> Vec<MappingView> {
    let view = |mapping: &image::Mapping| MappingView {
        device: mapping.device.clone(),
        ebs: EbsView {
            delete: mapping.delete,
            iops: mapping.iops,
            snapshot: mapping.snapshot.clone(),
            size: mapping.size,
            kind: mapping.kind.clone(),
            throughput: mapping.throughput,
            encrypted: mapping.encrypted,
        },
    };
    all.iter().map(view).collect()
}

/// One that was made here, as an account sees it: tags are the owner's alone.
fn made(cx: &Cx<'_>, owner: AccountId, image: &Image) -> Result<View, Ec2Error> {
    let tags = if owner == cx.account { tags::view(&register::tags(cx, &image.id)?) } else { Vec::new() };
    let (source, source_region) = image.source.clone().unzip();
    Ok(View {
        id: image.id.clone(),
        name: image.name.clone(),
        description: Some(image.description.clone()).filter(|text| !text.is_empty()),
        location: format!("{owner}/{}", image.name),
        created: image.created.iso8601_millis(),
        state: image.state.clone(),
        why: image.why.clone().map(|(code, message)| Reason { code, message }),
        owner: owner.to_string(),
        alias: None,
        architecture: architecture().into(),
        kind: "machine".into(),
        public: image.public,
        platform: "Linux/UNIX".into(),
        usage: Some("RunInstances".into()),
        root_name: Some(ROOT.into()),
        root_kind: Some("ebs".into()),
        virtualization: Some("hvm".into()),
        visor: "xen".into(),
        ena: true,
        boots: image.boots.clone(),
        mappings: mappings(&image.mappings),
        instance: image.instance.clone(),
        source,
        source_region,
        tags,
    })
}

fn each<T: ToString>(view: &View, read: fn(&MappingView) -> Option<T>) -> Vec<String> {
    view.mappings.iter().filter_map(read).map(|value| value.to_string()).collect()
}

fn maybe(text: &Option<String>) -> Vec<String> {
    text.iter().cloned().collect()
}

static FILTERS: &Known<View> = &[
    ("architecture", |i| vec![i.architecture.clone()]),
    ("block-device-mapping.delete-on-termination", |i| each(i, |m| Some(m.ebs.delete))),
    ("block-device-mapping.device-name", |i| each(i, |m| Some(m.device.clone()))),
    ("block-device-mapping.encrypted", |i| each(i, |m| m.ebs.encrypted)),
    ("block-device-mapping.snapshot-id", |i| each(i, |m| m.ebs.snapshot.clone())),
    ("block-device-mapping.volume-size", |i| each(i, |m| m.ebs.size)),
    ("block-device-mapping.volume-type", |i| each(i, |m| m.ebs.kind.clone())),
    ("creation-date", |i| vec![i.created.clone()]),
    ("description", |i| maybe(&i.description)),
    ("ena-support", |i| vec![i.ena.to_string()]),
    ("hypervisor", |i| vec![i.visor.clone()]),
    ("kernel-id", |_| Vec::new()),
    ("manifest-location", |i| vec![i.location.clone()]),
    // AWS: it knows Windows only.
    ("platform", |_| Vec::new()),
    ("product-code", |_| Vec::new()),
    ("product-code.type", |_| Vec::new()),
    ("ramdisk-id", |_| Vec::new()),
    ("source-image-id", |i| maybe(&i.source)),
    ("source-image-region", |i| maybe(&i.source_region)),
    ("sriov-net-support", |_| Vec::new()),
    ("image-id", |i| vec![i.id.clone()]),
    ("image-type", |i| vec![i.kind.clone()]),
    ("is-public", |i| vec![i.public.to_string()]),
    ("name", |i| vec![i.name.clone()]),
    ("owner-alias", |i| maybe(&i.alias)),
    ("owner-id", |i| vec![i.owner.clone()]),
    ("root-device-name", |i| maybe(&i.root_name)),
    ("root-device-type", |i| maybe(&i.root_kind)),
    ("source-instance-id", |i| maybe(&i.instance)),
    ("state", |i| vec![i.state.clone()]),
    ("state-reason-code", |i| i.why.iter().map(|why| why.code.clone()).collect()),
    ("state-reason-message", |i| i.why.iter().map(|why| why.message.clone()).collect()),
    ("virtualization-type", |i| maybe(&i.virtualization)),
    // What no image here has: a boot mode of its own, watermarks, types that it names, and findings.
    ("boot-mode", |_| Vec::new()),
    ("image-watermark.source-image-creation-time", |_| Vec::new()),
    ("image-watermark.source-image-id", |_| Vec::new()),
    ("image-watermark.source-image-region", |_| Vec::new()),
    ("image-watermark.watermark-creation-time", |_| Vec::new()),
    ("image-watermark.watermark-key", |_| Vec::new()),
    ("instance-type-specification.supported-instance-type", |_| Vec::new()),
    ("instance-type-specification.unsupported-instance-type", |_| Vec::new()),
    ("scan-result.critical-fix-available-since", |_| Vec::new()),
    ("scan-result.finding-scan-date", |_| Vec::new()),
    ("scan-result.high-fix-available-since", |_| Vec::new()),
    ("scan-result.highest-finding-severity-label", |_| Vec::new()),
    ("scan-result.informational-fix-available-since", |_| Vec::new()),
    ("scan-result.low-fix-available-since", |_| Vec::new()),
    ("scan-result.medium-fix-available-since", |_| Vec::new()),
];

/// Whether who may launch an image is among those that are asked about.
fn is_executable(cx: &Cx<'_>, asked: &[String], image: Option<&Image>) -> bool {
    let is = |who: &String| match (who.as_str(), image) {
        ("all", image) => image.is_none_or(|image| image.public),
        ("self", image) => image.is_some_and(|image| image.shared.contains(cx.account.as_str())),
        (other, image) => image.is_some_and(|image| image.shared.contains(other)),
    };
    asked.is_empty() || asked.iter().any(is)
}

fn describe_images(cx: &mut Cx<'_>, req: DescribeImages) -> Result<Images, Ec2Error> {
    ids_or_pages(&req.ids, "imageIds", req.max)?;
    let (mut built_in, mut others) = (Vec::new(), Vec::new());
    if req.ids.is_empty() {
        built_in.extend(IMAGES);
        others = image::visible(cx)?;
    }
    let mut missing = Vec::new();
    for id in &req.ids {
        match image::find(cx, id) {
            Ok(Found::BuiltIn(image)) => built_in.push(image),
            Ok(Found::Made(owner, image)) => others.push((owner, *image)),
            Err(error) if error.code() == "InvalidAMIID.NotFound" => missing.push((id.as_str(), error)),
            Err(error) => return Err(error),
        }
    }
    if missing.len() > 1 {
        let ids: Vec<&str> = missing.iter().map(|(id, _)| *id).collect();
        return Err(Plain::InvalidImage(format!("The image ids '[{}]' do not exist", ids.join(", "))).into());
    }
    if let Some((_, error)) = missing.pop() {
        return Err(error);
    }
    built_in.retain(|_| is_executable(cx, &req.executable, None));
    others.retain(|(_, image)| is_executable(cx, &req.executable, Some(image)));
    let mut items: Vec<View> = built_in.into_iter().map(view).collect();
    for (owner, image) in &others {
        items.push(made(cx, *owner, image)?);
    }
    let own = cx.account.to_string();
    let by = |view: &View, owner: &String| match owner.as_str() {
        "self" => view.owner == own,
        other => view.owner == other || view.alias.as_deref() == Some(other),
    };
    items.retain(|view| req.owners.is_empty() || req.owners.iter().any(|owner| by(view, owner)));
    items.dedup_by(|a, b| a.id == b.id);
    let (images, next) =
        describe::page(cx, items, Ask::new(&req.filters, req.max, req.next.as_ref()), FILTERS)?;
    Ok(Images { images, next })
}
