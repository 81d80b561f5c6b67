//! Whose signature a function's code needs. Configurations of that are not built, so there is none that a function could
//! have; who reads a function back asks for it.

use super::concurrency::OneFunction;
use crate::lambda::access;
use crate::lambda::errors::LambdaError;
use crate::lambda::model;
use crate::lambda::name::Named;
use kernel::Cx;

kernel::ops! { pub(crate) static OPS:
    GetFunctionCodeSigningConfig: get, "lambda:GetFunctionCodeSigningConfig", access::function;
}

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct Signing { name: String = "FunctionName" }
}

fn get(cx: &mut Cx<'_>, req: OneFunction) -> Result<Signing, LambdaError> {
    let named = Named::read(cx, &req.name, None)?;
    Ok(Signing { name: model::function(cx.tx, &named)?.name })
}
