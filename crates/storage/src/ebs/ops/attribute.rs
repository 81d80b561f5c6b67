//! Attributes of volumes.

use crate::ebs::model::VOLUMES;
use ec2::access::Access;
use ec2::describe;
use ec2::kind::VOLUME;
use ec2::shapes::Flag;
use ec2::{Ec2Error, Plain, register};
use kernel::{Cx, Empty};

kernel::ops! {
    /// Attributes.
    pub(crate) static OPS:
        DescribeVolumeAttribute: describe_attribute, "ec2:DescribeVolumeAttribute", |cx, r| Access::of(cx, r).one(&VOLUME, "VolumeId").done();
        ModifyVolumeAttribute: modify, "ec2:ModifyVolumeAttribute", |cx, r| Access::of(cx, r).one(&VOLUME, "VolumeId").done();
        EnableVolumeIO: enable, "ec2:EnableVolumeIO", |cx, r| Access::of(cx, r).one(&VOLUME, "VolumeId").done();
}

wire::shape! {
    #[derive(Debug)]
    struct Describe {
        attribute: String = "Attribute",
        id: String = "VolumeId",
    }

    #[derive(Debug)]
    struct Attribute {
        auto_io: Option<Flag> = "AutoEnableIO",
        codes: Option<Vec<String>> = "ProductCodes",
        id: String = "VolumeId",
    }

    #[derive(Debug)]
    struct Modify {
        auto_io: Option<Flag> = "AutoEnableIO",
        id: String = "VolumeId",
    }

    #[derive(Debug)]
    struct Named { id: String = "VolumeId" }
}

fn describe_attribute(cx: &mut Cx<'_>, req: Describe) -> Result<Attribute, Ec2Error> {
    let volume = describe::get(cx, &VOLUMES, &VOLUME, &req.id)?;
    let id = volume.id;
    match req.attribute.as_str() {
        "autoEnableIO" => Ok(Attribute { auto_io: Flag::of(volume.auto_io), codes: None, id }),
        "productCodes" => Ok(Attribute { auto_io: None, codes: Some(Vec::new()), id }),
        other => Err(Ec2Error::value(other, "attribute", "Unknown attribute.")),
    }
}

fn modify(cx: &mut Cx<'_>, req: Modify) -> Result<Empty, Ec2Error> {
    let mut volume = describe::get(cx, &VOLUMES, &VOLUME, &req.id)?;
    let Some(value) = req.auto_io.and_then(|flag| flag.value) else {
        return Err(Plain::MissingParameter("AutoEnableIO".into()).into());
    };
    volume.auto_io = value;
    VOLUMES.put(cx.tx, &register::key(cx.account, cx.region, &req.id), &volume);
    Ok(Empty)
}

/// Nothing ever takes a volume's input and output away here, so it is on.
fn enable(cx: &mut Cx<'_>, req: Named) -> Result<Empty, Ec2Error> {
    let volume = describe::get(cx, &VOLUMES, &VOLUME, &req.id)?;
    Err(Plain::IncorrectState(format!("Volume {} already has IO enabled.", volume.id)).into())
}
