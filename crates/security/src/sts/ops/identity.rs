//! GetCallerIdentity.

use kernel::access::open;
use kernel::{Cx, Nothing};
use wire::Fault;

kernel::ops! {
    /// Needs no permission, and an explicit deny does not stop it.
    /// AWS: <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html>
    pub static OPS:
        GetCallerIdentity: get_caller_identity, "sts:GetCallerIdentity", open;
}

wire::shape! {
    pub struct CallerIdentity {
        pub user_id: String = "UserId",
        pub account: String = "Account",
        pub arn: String = "Arn",
    }
}

fn get_caller_identity(cx: &mut Cx<'_>, _: Nothing) -> Result<CallerIdentity, Fault> {
    Ok(CallerIdentity {
        user_id: cx.caller.user_id.clone(),
        account: cx.caller.account.to_string(),
        arn: cx.caller.arn().into_owned(),
    })
}
