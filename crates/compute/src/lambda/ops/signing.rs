//! Code signing: no function has any. What would set it up is refused, and what asks for it is told that there is none.

use super::concurrency::OneFunction;
use crate::lambda::access;
use crate::lambda::errors::LambdaError;
use crate::lambda::model;
use crate::lambda::name::Named;
use kernel::{Cx, Empty};

kernel::ops! { pub(crate) static OPS:
    GetFunctionCodeSigningConfig: get, "lambda:GetFunctionCodeSigningConfig", access::function;
    DeleteFunctionCodeSigningConfig: delete, "lambda:DeleteFunctionCodeSigningConfig", access::function;
}

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct FunctionSigning {
        /// Empty, as AWS has it for functions without one.
        signing: String = "CodeSigningConfigArn",
        name: String = "FunctionName",
    }
}

/// # Errors
/// `NotImplemented` for a function whose code is to be signed.
pub(crate) fn refuse(asked: Option<&str>) -> Result<(), LambdaError> {
    match asked {
        Some(_) => Err(LambdaError::NotBuilt("Code signing (CodeSigningConfigArn)".into())),
        None => Ok(()),
    }
}

fn get(cx: &mut Cx<'_>, req: OneFunction) -> Result<FunctionSigning, LambdaError> {
    let named = Named::read(cx, &req.name, None)?;
    let function = model::function(cx.tx, &named)?;
    Ok(FunctionSigning { signing: String::new(), name: function.name })
}

fn delete(cx: &mut Cx<'_>, req: OneFunction) -> Result<Empty, LambdaError> {
    let named = Named::read(cx, &req.name, None)?;
    model::function(cx.tx, &named)?;
    Ok(Empty)
}
