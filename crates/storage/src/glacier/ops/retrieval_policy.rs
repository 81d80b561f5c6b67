//! Data retrieval policies, of an account in a region.

use super::OfAccount;
use crate::glacier::errors::{GlacierError, Refusal, invalid};
use crate::glacier::model::{RETRIEVAL_POLICIES, RetrievalPolicy};
use crate::glacier::quota::{BYTES_PER_HOUR, FREE_TIER, NONE};
use crate::glacier::{access, vaults};
use kernel::{Cx, Empty};
use store::Key;

kernel::ops! { pub(in crate::glacier) static OPS:
    SetDataRetrievalPolicy: set, "glacier:SetDataRetrievalPolicy", access::account;
    GetDataRetrievalPolicy: get, "glacier:GetDataRetrievalPolicy", access::account;
}

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct Set {
        account: String = "accountId",
        policy: Option<Policy> = "Policy",
    }

    #[derive(Debug)]
    pub(crate) struct Policy { rules: Vec<Rule> = "Rules" }

    #[derive(Debug)]
    pub(crate) struct Rule {
        strategy: Option<String> = "Strategy",
        bytes: Option<i64> = "BytesPerHour",
    }

    #[derive(Debug)]
    pub(crate) struct Got { policy: Policy = "Policy" }
}

fn read(rules: Vec<Rule>) -> Result<RetrievalPolicy, GlacierError> {
    let [rule] = <[Rule; 1]>::try_from(rules)
        .map_err(|rules| invalid(format!("Invalid number of rules: {}. There must be one.", rules.len())))?;
    let strategy = rule.strategy.ok_or(Refusal::Missing("Strategy"))?;
    let bytes_per_hour = match (strategy.as_str(), rule.bytes) {
        (BYTES_PER_HOUR, None) => return Err(Refusal::Missing("BytesPerHour").into()),
        (BYTES_PER_HOUR, Some(bytes)) => {
            let bytes = u64::try_from(bytes).ok().filter(|bytes| *bytes > 0);
            Some(bytes.ok_or_else(|| invalid("BytesPerHour must be at least 1"))?)
        }
        (FREE_TIER | NONE, None) => None,
        (FREE_TIER | NONE, Some(_)) => {
            return Err(invalid(format!("BytesPerHour is not allowed for the strategy {strategy}")));
        }
        _ => return Err(invalid(format!("Invalid strategy: {strategy}"))),
    };
    Ok(RetrievalPolicy { strategy, bytes_per_hour })
}

fn set(cx: &mut Cx<'_>, req: Set) -> Result<Empty, GlacierError> {
    let account = vaults::owner(cx, &req.account)?;
    let policy = read(req.policy.ok_or(Refusal::Missing("Policy"))?.rules)?;
    RETRIEVAL_POLICIES.put(cx.tx, &Key::regional(account, cx.region), &policy);
    Ok(Empty)
}

fn get(cx: &mut Cx<'_>, req: OfAccount) -> Result<Got, GlacierError> {
    let account = vaults::owner(cx, &req.account)?;
    let kept = RETRIEVAL_POLICIES.get(cx.tx, &Key::regional(account, cx.region))?;
    // AWS: without one, nothing is limited.
    let rule = match kept {
        Some(policy) => Rule {
            strategy: Some(policy.strategy),
            bytes: policy.bytes_per_hour.map(|bytes| i64::try_from(bytes).unwrap_or(i64::MAX)),
        },
        None => Rule { strategy: Some(NONE.to_owned()), bytes: None },
    };
    Ok(Got { policy: Policy { rules: vec![rule] } })
}
