//! The policies of stacks.

use super::{changeable, existing, source};
use crate::cloudformation::access;
use crate::cloudformation::errors::{CfnError, invalid};
use kernel::{Answer, Body, Cx, Dx, Empty};
use wire::Fault;

kernel::ops! { pub(crate) static OPS:
    SetStackPolicy: [wait] set, "cloudformation:SetStackPolicy", access::stack_policy;
    GetStackPolicy: get, "cloudformation:GetStackPolicy", access::stack;
}

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct SetStackPolicy {
        stack: String = "StackName",
        body: Option<String> = "StackPolicyBody",
        url: Option<String> = "StackPolicyURL",
    }

    #[derive(Clone, Debug)]
    pub(crate) struct GetStackPolicy { stack: String = "StackName" }

    #[derive(Clone, Debug)]
    pub(crate) struct Shown { body: Option<String> = "StackPolicyBody" }
}

async fn set(dx: Dx, req: SetStackPolicy, _: Body) -> Result<Answer<Empty>, Fault> {
    let text = source::policy(&dx, req.body, req.url).await?;
    let missing = || invalid("You must specify either StackPolicyURL or StackPolicyBody.");
    let text = text.ok_or_else(missing)?;
    dx.transact(|cx| keep(cx, &req.stack, &text)).await.map(Answer::from)
}

fn keep(cx: &mut Cx<'_>, stack: &str, text: &str) -> Result<Empty, CfnError> {
    let mut stack = changeable(cx, stack)?;
    stack.policy = Some(text.to_owned());
    stack.save(cx.tx);
    Ok(Empty)
}

fn get(cx: &mut Cx<'_>, req: GetStackPolicy) -> Result<Shown, CfnError> {
    Ok(Shown { body: existing(cx, &req.stack)?.policy })
}
