//! Whether a function may be a consequence of itself without end.

use super::concurrency::OneFunction;
use crate::lambda::access;
use crate::lambda::errors::LambdaError;
use crate::lambda::model::{self, FUNCTIONS, Function};
use crate::lambda::name::Named;
use kernel::Cx;

kernel::ops! { pub(crate) static OPS:
    PutFunctionRecursionConfig: put, "lambda:PutFunctionRecursionConfig", access::function;
    GetFunctionRecursionConfig: get, "lambda:GetFunctionRecursionConfig", access::function;
}

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct PutRecursion {
        name: String = "FunctionName",
        recursion: String = "RecursiveLoop",
    }

    #[derive(Debug)]
    pub(crate) struct Recursion { recursion: String = "RecursiveLoop" }
}

const ALLOW: &str = "Allow";

fn shown(function: &Function) -> Recursion {
    Recursion { recursion: if function.loops { ALLOW } else { "Terminate" }.to_owned() }
}

fn put(cx: &mut Cx<'_>, req: PutRecursion) -> Result<Recursion, LambdaError> {
    let named = Named::read(cx, &req.name, None)?;
    let mut function = model::function(cx.tx, &named)?;
    function.loops = req.recursion == ALLOW;
    FUNCTIONS.put(cx.tx, &named.key(), &function);
    Ok(shown(&function))
}

fn get(cx: &mut Cx<'_>, req: OneFunction) -> Result<Recursion, LambdaError> {
    let named = Named::read(cx, &req.name, None)?;
    Ok(shown(&model::function(cx.tx, &named)?))
}
