//! GetSessionToken.
//!
//! AWS: <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html>

use super::{Credentials, Issued, lifetime, not_with_session};
use crate::sts::errors::StsError;
use crate::sts::token::{Holder, Token};
use auth::policy::Principal;
use kernel::Cx;
use kernel::access::open;

kernel::ops! {
    /// Needs no permission.
    pub static OPS:
        GetSessionToken: get_session_token, "sts:GetSessionToken", open;
}

const DEFAULT_SECONDS: i64 = 43_200;
/// AWS: for the root user at most an hour; a longer wish is cut down.
const ROOT_SECONDS_MAX: i64 = 3600;

wire::shape! {
    #[derive(Clone, Debug)]
    pub struct GetSessionToken {
        pub duration_seconds: Option<i64> = "DurationSeconds",
        pub serial_number: Option<String> = "SerialNumber",
        pub token_code: Option<String> = "TokenCode",
        pub token_bytes_min: Option<i64> = "MinimumSessionTokenSize",
    }

    pub struct GetSessionTokenResult {
        pub credentials: Credentials = "Credentials",
        pub token_utilization: i64 = "SessionTokenUtilization",
        pub token_size: i64 = "SessionTokenSize",
    }
}

fn get_session_token(cx: &mut Cx<'_>, req: GetSessionToken) -> Result<GetSessionTokenResult, StsError> {
    not_with_session(cx.caller, "GetSessionToken")?;
    let seconds = req.duration_seconds.unwrap_or(DEFAULT_SECONDS);
    let (holder, seconds) = match &cx.caller.principal {
        Principal::Root { .. } => (Holder::Root, seconds.min(ROOT_SECONDS_MAX)),
        Principal::User { id, .. } => (Holder::User((super::user_name(cx.caller), id.clone())), seconds),
        _ => {
            return Err(StsError::AccessDenied(
                "Cannot call GetSessionToken without the keys of a user".into(),
            ));
        }
    };
    let mfa = super::mfa(cx, req.serial_number.as_deref(), req.token_code.as_deref())?;
    let (issued, expires) = lifetime(cx, seconds);
    let token = Token { mfa, ..Token::new(cx.rng(), cx.account, holder, issued, expires) };
    let given = Issued::of(cx, &token, req.token_bytes_min);
    Ok(GetSessionTokenResult {
        credentials: given.credentials,
        token_utilization: given.utilization,
        token_size: given.size,
    })
}
