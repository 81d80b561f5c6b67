//! GetAccountSettings: limits and what is used of them.

use crate::lambda::access;
use crate::lambda::code::{STORAGE_MAX, UNZIPPED_MAX, ZIPPED_MAX};
use crate::lambda::errors::LambdaError;
use crate::lambda::model::{FUNCTIONS, LAYER_VERSIONS, VERSIONS};
use kernel::{Cx, Nothing};
use store::{Direction, Key};

kernel::ops! { pub(crate) static OPS:
    GetAccountSettings: get, "lambda:GetAccountSettings", access::any;
}

/// AWS: how many of an account's functions run at once, in a region.
pub(crate) const CONCURRENCY: u32 = 1000;

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct Settings {
        limit: Limit = "AccountLimit",
        usage: Usage = "AccountUsage",
    }

    #[derive(Debug)]
    pub(crate) struct Limit {
        total: i64 = "TotalCodeSize",
        unzipped: i64 = "CodeSizeUnzipped",
        zipped: i64 = "CodeSizeZipped",
        concurrency: u32 = "ConcurrentExecutions",
        unreserved: u32 = "UnreservedConcurrentExecutions",
    }

    #[derive(Debug)]
    pub(crate) struct Usage {
        total: i64 = "TotalCodeSize",
        functions: i64 = "FunctionCount",
    }
}

fn long(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// The bytes of code, layers and all, and the number of functions in this account and region.
///
/// # Errors
/// The store's.
pub(crate) fn usage(cx: &Cx<'_>) -> Result<(u64, u64), LambdaError> {
    let prefix = Key::regional(cx.account, cx.region);
    let sizes = VERSIONS.scan(cx.tx, &prefix, Direction::Forward).map(|pair| pair.map(|(_, v)| v.code_size));
    let layers = LAYER_VERSIONS.scan(cx.tx, &prefix, Direction::Forward);
    let layers = layers.map(|pair| pair.map(|(_, version)| version.size)).sum::<Result<u64, _>>()?;
    let size = sizes.sum::<Result<u64, _>>()? + layers;
    Ok((size, FUNCTIONS.count(cx.tx, &prefix)? as u64))
}

/// What all functions have reserved together.
///
/// # Errors
/// The store's.
pub(crate) fn reserved(cx: &Cx<'_>) -> Result<u32, LambdaError> {
    let prefix = Key::regional(cx.account, cx.region);
    let all = FUNCTIONS.scan(cx.tx, &prefix, Direction::Forward);
    Ok(all.map(|pair| pair.map(|(_, function)| function.reserved.unwrap_or(0))).sum::<Result<u32, _>>()?)
}

fn get(cx: &mut Cx<'_>, _: Nothing) -> Result<Settings, LambdaError> {
    let (total, functions) = usage(cx)?;
    Ok(Settings {
        limit: Limit {
            total: long(STORAGE_MAX),
            unzipped: long(UNZIPPED_MAX),
            zipped: long(ZIPPED_MAX as u64),
            concurrency: CONCURRENCY,
            unreserved: CONCURRENCY.saturating_sub(reserved(cx)?),
        },
        usage: Usage { total: long(total), functions: long(functions) },
    })
}
