//! What can be changed of an image: who may launch it, and its description.
//!
//! AWS: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyImageAttribute.html>,
//! <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/sharingamis-explicit.html>
//!
//! Not here: organizations that an image is shared with, product codes.

use super::image::{MappingView, mappings};
use crate::ec2::image::{self, Image, MADE};
use base::AccountId;
use ec2::access::Access;
use ec2::kind::IMAGE;
use ec2::share::{self, Change, Permission};
use ec2::{Ec2Error, Plain, register};
use kernel::{Cx, Empty};

kernel::ops! {
    /// Attributes of images.
    pub static OPS:
        ModifyImageAttribute: modify, "ec2:ModifyImageAttribute", |cx, r| Access::of(cx, r).one(&IMAGE, "ImageId").done();
        DescribeImageAttribute: show, "ec2:DescribeImageAttribute", |cx, r| Access::of(cx, r).one(&IMAGE, "ImageId").done();
        ResetImageAttribute: reset, "ec2:ResetImageAttribute", |cx, r| Access::of(cx, r).one(&IMAGE, "ImageId").done();
}

wire::shape! {
    #[derive(Debug)]
    struct Modify {
        attribute: Option<String> = "Attribute",
        description: Option<Text> = "Description",
        id: String = "ImageId",
        change: Option<Change> = "LaunchPermission",
        kind: Option<String> = "OperationType",
        groups: Vec<String> = "UserGroups",
        users: Vec<String> = "UserIds",
        value: Option<String> = "Value",
    }

    #[derive(Debug)]
    struct Text { value: Option<String> = "Value" }

    #[derive(Debug)]
    struct Asked {
        attribute: String = "Attribute",
        id: String = "ImageId",
    }

    #[derive(Debug)]
    struct Attribute {
        id: String = "ImageId",
        description: Option<Text> = "Description",
        permissions: Option<Vec<Permission>> = "LaunchPermissions",
        mappings: Option<Vec<MappingView>> = "BlockDeviceMappings",
        codes: Option<Vec<String>> = "ProductCodes",
    }
}

const PERMISSION: &str = "launchPermission";
const DESCRIPTION: &str = "description";

fn permit(image: &mut Image, adds: bool, permission: Permission) -> Result<(), Ec2Error> {
    let wrong = |value: String, kind: &str| Err(Plain::ImageAttributeItem(value, kind.into()).into());
    match (permission.user, permission.group) {
        (Some(user), None) if AccountId::parse(&user).is_none() => return wrong(user, "userId"),
        (Some(user), None) if adds => drop(image.shared.insert(user)),
        (Some(user), None) => drop(image.shared.remove(&user)),
        (None, Some(group)) if group == "all" => image.public = adds,
        (_, group) => return wrong(group.unwrap_or_default(), "group"),
    }
    Ok(())
}

fn keep(cx: &mut Cx<'_>, image: &Image) -> Result<Empty, Ec2Error> {
    MADE.put(cx.tx, &register::key(cx.account, cx.region, &image.id), image);
    register::set_key(cx, &image.id, "ec2:Public", Some(image.public.to_string()))?;
    Ok(Empty)
}

fn modify(cx: &mut Cx<'_>, mut req: Modify) -> Result<Empty, Ec2Error> {
    let mut image = image::own(cx, &req.id)?;
    let by_name = req.attribute.take();
    match by_name.as_deref() {
        None | Some(PERMISSION | DESCRIPTION) => {}
        Some(other) => {
            return Err(Ec2Error::value(other, "attribute", "Valid values: description, launchPermission."));
        }
    }
    let named = req.value.take().filter(|_| by_name.as_deref() == Some(DESCRIPTION));
    let description = req.description.take().and_then(|text| text.value).or(named);
    let changes = share::changes(req.change, req.kind.as_deref(), req.users, req.groups)?;
    if description.is_none() && changes.is_empty() {
        return Err(Plain::MissingParameter("attribute".into()).into());
    }
    if image.state != image::AVAILABLE && !changes.is_empty() {
        return Err(Plain::ImageUnavailable(image.id).into());
    }
    image.description = description.unwrap_or(image.description);
    for (adds, permission) in changes {
        permit(&mut image, adds, permission)?;
    }
    keep(cx, &image)
}

fn show(cx: &mut Cx<'_>, req: Asked) -> Result<Attribute, Ec2Error> {
    let image = image::own(cx, &req.id)?;
    let mut out = Attribute { id: req.id, description: None, permissions: None, mappings: None, codes: None };
    match req.attribute.as_str() {
        DESCRIPTION => out.description = Some(Text { value: Some(image.description) }),
        PERMISSION => out.permissions = Some(share::all(image.public, image.shared)),
        "blockDeviceMapping" => out.mappings = Some(mappings(&image.mappings)),
        "productCodes" => out.codes = Some(Vec::new()),
        other => {
            let why = "Images have no such attribute in this version of Virga.";
            return Err(Ec2Error::value(other, "attribute", why));
        }
    }
    Ok(out)
}

fn reset(cx: &mut Cx<'_>, req: Asked) -> Result<Empty, Ec2Error> {
    if req.attribute != PERMISSION {
        return Err(Ec2Error::value(req.attribute, "attribute", "Only launchPermission can be reset."));
    }
    let mut image = image::own(cx, &req.id)?;
    image.shared.clear();
    image.public = false;
    keep(cx, &image)
}
