//! DescribeImages: what machines can be made of.

use crate::ec2::image::{IMAGES, Image, architecture};
use ec2::Ec2Error;
use ec2::access::list;
use ec2::describe::{self, Ask, Item, check_id, ids_or_pages};
use ec2::filter::{Filter, Known};
use ec2::kind::IMAGE;
use ec2::tags::Tag;
use kernel::Cx;

kernel::ops! {
    /// Images.
    pub static OPS:
        DescribeImages: describe_images, "ec2:DescribeImages", list;
}

wire::shape! {
    #[derive(Debug)]
    struct DescribeImages {
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
        description: String = "Description",
        location: String = "ImageLocation",
        created: String = "CreationDate",
        state: String = "State",
        owner: String = "OwnerId",
        alias: String = "ImageOwnerAlias",
        architecture: String = "Architecture",
        kind: String = "ImageType",
        public: bool = "Public",
        platform: String = "PlatformDetails",
        tags: Vec<Tag> = "Tags",
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

fn view(image: &Image) -> View {
    View {
        id: image.id.into(),
        name: image.name.into(),
        description: image.description.into(),
        location: format!("{ALIAS}/{}", image.name),
        created: image.created.into(),
        state: "available".into(),
        owner: OWNER.into(),
        alias: ALIAS.into(),
        architecture: architecture().into(),
        kind: "machine".into(),
        public: true,
        platform: "Linux/UNIX".into(),
        tags: Vec::new(),
    }
}

static FILTERS: &Known<View> = &[
    ("architecture", |i| vec![i.architecture.clone()]),
    ("creation-date", |i| vec![i.created.clone()]),
    ("description", |i| vec![i.description.clone()]),
    ("image-id", |i| vec![i.id.clone()]),
    ("image-type", |i| vec![i.kind.clone()]),
    ("is-public", |i| vec![i.public.to_string()]),
    ("name", |i| vec![i.name.clone()]),
    ("owner-alias", |i| vec![i.alias.clone()]),
    ("owner-id", |i| vec![i.owner.clone()]),
    ("state", |i| vec![i.state.clone()]),
];

fn describe_images(cx: &mut Cx<'_>, req: DescribeImages) -> Result<Images, Ec2Error> {
    ids_or_pages(&req.ids, "imageIds", req.max)?;
    for id in &req.ids {
        check_id(&IMAGE, id)?;
        if !IMAGES.iter().any(|image| image.id == id) {
            return Err(Ec2Error::not_found(&IMAGE, id));
        }
    }
    let asked = |view: &View| {
        (req.ids.is_empty() || req.ids.contains(&view.id))
            && (req.owners.is_empty() || req.owners.iter().any(|owner| owner == OWNER || owner == ALIAS))
    };
    let items = IMAGES.iter().map(view).filter(asked).collect();
    let (images, next) =
        describe::page(cx, items, Ask::new(&req.filters, req.max, req.next.as_ref()), FILTERS)?;
    Ok(Images { images, next })
}
