//! DescribeInstanceCreditSpecifications: whether a burstable instance may use more than it has saved. Machines here are not
//! slowed down when their credits would be used up, and no other option than a type's own can be had.
//!
//! AWS: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/burstable-performance-instances-unlimited-mode-concepts.html>

use crate::ec2::kinds::find;
use crate::ec2::model::{INSTANCES, Instance};
use ec2::Ec2Error;
use ec2::access;
use ec2::describe::{self, Ask, Item, ids_or_pages};
use ec2::filter::{Filter, Known};
use ec2::kind::INSTANCE;
use ec2::tags::Tag;
use kernel::Cx;

kernel::ops! {
    /// How instances burst.
    pub static OPS:
        DescribeInstanceCreditSpecifications: describe_credits, "ec2:DescribeInstanceCreditSpecifications", access::list;
}

wire::shape! {
    #[derive(Debug)]
    struct DescribeCredits {
        ids: Vec<String> = "InstanceIds",
        filters: Vec<Filter> = "Filters",
        max: Option<i64> = "MaxResults",
        next: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    struct Credits {
        credits: Vec<View> = "InstanceCreditSpecifications",
        next: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    struct View {
        id: String = "InstanceId",
        credits: String = "CpuCredits",
    }
}

const UNLIMITED: &str = "unlimited";

impl Item for View {
    fn id(&self) -> &str {
        &self.id
    }

    fn tags(&self) -> &[Tag] {
        &[]
    }
}

static FILTERS: &Known<View> = &[("instance-id", |view| vec![view.id.clone()])];

/// AWS: the burstable types since T3 begin unlimited, T2 and all others are `standard`.
fn option(kind: &str) -> &'static str {
    let is_burstable = find(kind).is_some_and(|kind| kind.is_burstable());
    if is_burstable && !kind.starts_with("t2.") { UNLIMITED } else { "standard" }
}

fn describe_credits(cx: &mut Cx<'_>, req: DescribeCredits) -> Result<Credits, Ec2Error> {
    ids_or_pages(&req.ids, "instancesSet", req.max)?;
    let view = |one: Instance| View { credits: option(&one.kind).into(), id: one.id };
    let found = describe::some(cx, &INSTANCES, &INSTANCE, &req.ids)?;
    // AWS: where none is named, those that are unlimited are told of.
    let told = |view: &View| !req.ids.is_empty() || view.credits == UNLIMITED;
    let items = found.into_iter().map(view).filter(told).collect();
    let ask = Ask::new(&req.filters, req.max, req.next.as_ref());
    let (credits, next) = describe::page(cx, items, ask, FILTERS)?;
    Ok(Credits { credits, next })
}
