//! Reserved concurrency: how many of a function may run at once.

use super::account::{CONCURRENCY, reserved};
use crate::lambda::access;
use crate::lambda::errors::{LambdaError, invalid};
use crate::lambda::model::{self, FUNCTIONS};
use crate::lambda::name::Named;
use crate::lambda::provision;
use kernel::{Cx, Empty};

kernel::ops! { pub(crate) static OPS:
    PutFunctionConcurrency: put, "lambda:PutFunctionConcurrency", access::function;
    GetFunctionConcurrency: get, "lambda:GetFunctionConcurrency", access::function;
    DeleteFunctionConcurrency: delete, "lambda:DeleteFunctionConcurrency", access::function;
}

/// AWS: what all others are left with at least.
pub(crate) const UNRESERVED_MIN: u32 = 100;

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct PutConcurrency {
        name: String = "FunctionName",
        reserved: u32 = "ReservedConcurrentExecutions",
    }

    #[derive(Debug)]
    pub(crate) struct OneFunction { pub(crate) name: String = "FunctionName" }

    #[derive(Debug)]
    pub(crate) struct Concurrency { reserved: Option<u32> = "ReservedConcurrentExecutions" }
}

fn put(cx: &mut Cx<'_>, req: PutConcurrency) -> Result<Concurrency, LambdaError> {
    let named = Named::whole(cx, &req.name)?;
    let mut function = model::function(cx.tx, &named)?;
    let others = reserved(cx)?.saturating_sub(function.reserved.unwrap_or(0));
    let (own, mut provisioned) = provision::totals(cx.tx, (named.account, named.region), &named.name)?;
    if function.reserved.is_none() {
        provisioned -= own;
    }
    if others.saturating_add(provisioned).saturating_add(req.reserved) > CONCURRENCY - UNRESERVED_MIN {
        return Err(invalid(format!(
            "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [{UNRESERVED_MIN}]."
        )));
    }
    if req.reserved < own {
        return Err(invalid(format!(
            " ReservedConcurrentExecutions  {} should not be lower than function's total provisioned concurrency [{own}].",
            req.reserved
        )));
    }
    function.reserved = Some(req.reserved);
    FUNCTIONS.put(cx.tx, &named.key(), &function);
    Ok(Concurrency { reserved: function.reserved })
}

fn get(cx: &mut Cx<'_>, req: OneFunction) -> Result<Concurrency, LambdaError> {
    let named = Named::whole(cx, &req.name)?;
    Ok(Concurrency { reserved: model::function(cx.tx, &named)?.reserved })
}

fn delete(cx: &mut Cx<'_>, req: OneFunction) -> Result<Empty, LambdaError> {
    let named = Named::whole(cx, &req.name)?;
    let mut function = model::function(cx.tx, &named)?;
    function.reserved = None;
    FUNCTIONS.put(cx.tx, &named.key(), &function);
    Ok(Empty)
}
