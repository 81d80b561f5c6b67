//! What an account may have.
//!
//! Not here: how many resources may be worked on side by side, as nothing is held to that.
//!
//! AWS: <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html>

use crate::cloudformation::access;
use crate::cloudformation::errors::CfnError;
use crate::cloudformation::model::NAMES;
use crate::cloudformation::template::OUTPUTS_MAX;
use kernel::{Cx, Nothing};
use store::{Direction, Key};

kernel::ops! { pub(crate) static OPS:
    DescribeAccountLimits: describe, "cloudformation:DescribeAccountLimits", access::any;
}

const STACKS_MAX: usize = 2000;

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct Limits { limits: Vec<Limit> = "AccountLimits" }

    #[derive(Clone, Debug)]
    pub(crate) struct Limit {
        name: String = "Name",
        value: i64 = "Value",
    }
}

fn describe(_: &mut Cx<'_>, _: Nothing) -> Result<Limits, CfnError> {
    let limit = |(name, value): (&str, usize)| Limit { name: name.to_owned(), value: value as i64 };
    let all = [("StackLimit", STACKS_MAX), ("StackOutputsLimit", OUTPUTS_MAX)];
    Ok(Limits { limits: all.into_iter().map(limit).collect() })
}

/// Whether the account may have one more stack here.
pub(super) fn check(cx: &Cx<'_>) -> Result<(), CfnError> {
    let all = NAMES.scan(cx.tx, &Key::regional(cx.account, cx.region), Direction::Forward);
    match all.take(STACKS_MAX + 1).count() > STACKS_MAX {
        true => Err(CfnError::StackLimit),
        false => Ok(()),
    }
}
