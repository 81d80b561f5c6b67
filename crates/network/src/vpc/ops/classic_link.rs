//! ClassicLink, which linked instances outside of any VPC to one. There are none any more, so no VPC is enabled for it;
//! that is asked all the same, by tools that look at each VPC that they have made.

use super::{item, one};
use crate::vpc::access::list;
use crate::vpc::model::VPCS;
use ec2::describe::{self, Ask};
use ec2::filter::{Filter, Known};
use ec2::kind::VPC;
use ec2::tags::{self, Tag};
use ec2::{Ec2Error, register};
use kernel::Cx;

kernel::ops! {
    pub(crate) static OPS:
        DescribeVpcClassicLink: describe_links, "ec2:DescribeVpcClassicLink", list;
        DescribeVpcClassicLinkDnsSupport: describe_support, "ec2:DescribeVpcClassicLinkDnsSupport", list;
}

wire::shape! {
    #[derive(Debug)]
    struct DescribeLinks {
        filters: Vec<Filter> = "Filters",
        ids: Vec<String> = "VpcIds",
    }

    #[derive(Debug)]
    struct Links { vpcs: Vec<LinkView> = "Vpcs" }

    #[derive(Debug)]
    struct LinkView {
        enabled: bool = "ClassicLinkEnabled",
        tags: Option<Vec<Tag>> = "Tags",
        id: String = "VpcId",
    }

    #[derive(Debug)]
    struct DescribeSupport {
        ids: Vec<String> = "VpcIds",
        next: Option<String> = "NextToken",
        max: Option<i64> = "MaxResults",
    }

    #[derive(Debug)]
    struct Supports {
        next: Option<String> = "NextToken",
        vpcs: Vec<SupportView> = "Vpcs",
    }

    #[derive(Debug)]
    struct SupportView {
        supported: bool = "ClassicLinkDnsSupported",
        id: String = "VpcId",
    }
}

item!(LinkView, id);

static FILTERS: &Known<LinkView> = &[
    ("is-classic-link-enabled", |v| one(v.enabled)),
    ("isClassicLinkEnabled", |v| one(v.enabled)),
    ("vpc-id", |v| one(&v.id)),
];

fn describe_links(cx: &mut Cx<'_>, req: DescribeLinks) -> Result<Links, Ec2Error> {
    let found = describe::some(cx, &VPCS, &VPC, &req.ids)?;
    let view =
        |id: String| Ok(LinkView { enabled: false, tags: tags::if_any(&register::tags(cx, &id)?), id });
    let views = found.into_iter().map(|vpc| view(vpc.id)).collect::<Result<Vec<_>, Ec2Error>>()?;
    let (vpcs, _) = describe::page(cx, views, Ask::new(&req.filters, None, None), FILTERS)?;
    Ok(Links { vpcs })
}

fn describe_support(cx: &mut Cx<'_>, req: DescribeSupport) -> Result<Supports, Ec2Error> {
    let found = describe::some(cx, &VPCS, &VPC, &req.ids)?;
    let views = found.into_iter().map(|vpc| SupportView { supported: false, id: vpc.id }).collect();
    let ask = Ask::new(&[], req.max, req.next.as_ref());
    let (vpcs, next) = describe::cut(cx, views, ask, |view: &SupportView| view.id.clone())?;
    Ok(Supports { next, vpcs })
}
