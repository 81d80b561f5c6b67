//! Passwords for the registry.

use super::super::access;
use super::repository::host;
use crate::ecr::errors::{EcrError, invalid};
use crate::ecr::login;
use base::{AccountId, Timestamp};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kernel::Cx;

kernel::ops! { pub(crate) static OPS:
    GetAuthorizationToken: get, "ecr:GetAuthorizationToken", access::any;
}

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct GetToken { registries: Vec<String> = "registryIds" }

    #[derive(Debug)]
    pub(crate) struct Token {
        token: String = "authorizationToken",
        expires: Timestamp = "expiresAt",
        endpoint: String = "proxyEndpoint",
    }

    #[derive(Debug)]
    pub(crate) struct Tokens { data: Vec<Token> = "authorizationData" }
}

fn get(cx: &mut Cx<'_>, req: GetToken) -> Result<Tokens, EcrError> {
    if cx.caller.access_key.is_empty() {
        return Err(EcrError::NotBuilt("A login in the name of a service"));
    }
    if let Some(other) = req.registries.iter().find(|id| AccountId::parse(id).is_none()) {
        return Err(invalid("registryIds", format!("{other} is no account")));
    }
    let registries = match req.registries.is_empty() {
        true => vec![cx.account.to_string()],
        false => req.registries,
    };
    let scheme = cx.request.scheme();
    let token = |account: String| {
        let (password, expires) = login::password(cx, &account);
        let endpoint = format!("{scheme}://{}", host(cx, &account));
        Token { token: STANDARD.encode(format!("AWS:{password}")), expires, endpoint }
    };
    Ok(Tokens { data: registries.into_iter().map(token).collect() })
}
