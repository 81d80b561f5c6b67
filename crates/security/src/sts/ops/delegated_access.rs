//! GetDelegatedAccessToken: credentials of whoever has approved a delegation request, for the product provider that
//! created it, limited to what it has asked for.
//!
//! They may do what the approver may by then and the request's policy allows. All that are had by one token end with it.
//!
//! AWS: <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetDelegatedAccessToken.html>. `PackedPolicySize` is not
//! answered, as AWS no longer does.

use super::Credentials;
use crate::iam::model::{self, DelegationRequest, DelegationState, ROLES, USERS};
use crate::sts::errors::StsError;
use crate::sts::token::{Holder, Token};
use crate::sts::trade_in::TradeIn;
use kernel::Cx;
use kernel::access::any;

kernel::ops! {
    pub static OPS:
        GetDelegatedAccessToken: exchange, "sts:GetDelegatedAccessToken", any;
}

wire::shape! {
    pub struct Exchange { pub token: String = "TradeInToken" }

    pub struct Exchanged {
        pub credentials: Credentials = "Credentials",
        pub principal: String = "AssumedPrincipal",
    }
}

fn exchange(cx: &mut Cx<'_>, req: Exchange) -> Result<Exchanged, StsError> {
    let invalid = || StsError::ValidationError("Invalid trade-in token".into());
    let token = TradeIn::open(cx.sealer(), &req.token).map_err(|_| invalid())?;
    if token.provider != cx.account {
        return Err(invalid());
    }
    if token.expires <= cx.now {
        return Err(StsError::ExpiredTradeIn);
    }
    let request = DelegationRequest::load(cx.tx, &token.request)?;
    let request =
        request.filter(|request| request.state == DelegationState::Finalized).ok_or_else(invalid)?;
    let approver = request.approver.ok_or_else(invalid)?;
    let principal = principal(cx, &approver)?.ok_or_else(invalid)?;
    let keys = Token::new(
        cx.rng(),
        approver.account,
        approver.holder.clone(),
        cx.now.whole_seconds(),
        token.expires,
    );
    let session = Token {
        access_key: keys.access_key,
        secret: keys.secret,
        issued: keys.issued,
        expires: keys.expires,
        policy: Some(request.policy),
        delegate: Some(request.requestor),
        ..approver
    };
    let credentials = Credentials {
        access_key_id: session.access_key.clone(),
        secret_access_key: session.secret.clone(),
        session_token: session.seal(cx.sealer(), cx.rng()),
        expiration: session.expires,
    };
    Ok(Exchanged { credentials, principal })
}

/// The ARN of the identity whose permissions are delegated; `None` once it is gone, or its name is another's.
fn principal(cx: &Cx<'_>, approver: &Token) -> Result<Option<String>, StsError> {
    let account = approver.account;
    Ok(match &approver.holder {
        Holder::Root => Some(format!("arn:aws:iam::{account}:root")),
        Holder::User((name, id)) => {
            let user = USERS.get(cx.tx, &model::named(account, name))?;
            user.filter(|user| user.id == *id).map(|user| user.arn(account))
        }
        Holder::Role((name, id)) => {
            let role = ROLES.get(cx.tx, &model::named(account, name))?;
            role.filter(|role| role.id == *id).map(|role| role.arn(account))
        }
        _ => None,
    })
}
