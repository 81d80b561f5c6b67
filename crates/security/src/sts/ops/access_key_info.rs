//! GetAccessKeyInfo.
//!
//! AWS: <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetAccessKeyInfo.html>

use crate::iam::model::ACCESS_KEYS;
use crate::sts::errors::StsError;
use crate::sts::key_id;
use kernel::Cx;
use kernel::access::any;
use store::Key;

kernel::ops! {
    pub static OPS:
        GetAccessKeyInfo: get_access_key_info, "sts:GetAccessKeyInfo", any;
}

wire::shape! {
    pub struct AccessKeyId { pub id: String = "AccessKeyId" }

    pub struct Account { pub account: String = "Account" }
}

/// A key that is kept, or one whose id tells. Whether the key is active, or exists any more, is not said.
fn get_access_key_info(cx: &mut Cx<'_>, req: AccessKeyId) -> Result<Account, StsError> {
    let kept = ACCESS_KEYS.get(cx.tx, &Key::global().str(&req.id))?.map(|key| key.account);
    match kept.or_else(|| key_id::account(&req.id)) {
        Some(account) => Ok(Account { account: account.to_string() }),
        None => Err(StsError::ValidationError(format!("The access key ID {} is not valid.", req.id))),
    }
}
