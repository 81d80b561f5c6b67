//! What an account sets for all its volumes and snapshots of a region.

use crate::ebs::key;
use crate::ebs::model::{DEFAULTS, Defaults};
use ec2::Ec2Error;
use ec2::access::list;
use kernel::{Cx, Nothing};
use store::Key;

kernel::ops! {
    /// Encryption by default, and whether snapshots may be public.
    pub(crate) static OPS:
        EnableEbsEncryptionByDefault: enable, "ec2:EnableEbsEncryptionByDefault", list;
        DisableEbsEncryptionByDefault: disable, "ec2:DisableEbsEncryptionByDefault", list;
        GetEbsEncryptionByDefault: get, "ec2:GetEbsEncryptionByDefault", list;
        GetEbsDefaultKmsKeyId: get_key, "ec2:GetEbsDefaultKmsKeyId", list;
        ModifyEbsDefaultKmsKeyId: modify_key, "ec2:ModifyEbsDefaultKmsKeyId", list;
        ResetEbsDefaultKmsKeyId: reset_key, "ec2:ResetEbsDefaultKmsKeyId", list;
        EnableSnapshotBlockPublicAccess: block, "ec2:EnableSnapshotBlockPublicAccess", list;
        DisableSnapshotBlockPublicAccess: unblock, "ec2:DisableSnapshotBlockPublicAccess", list;
        GetSnapshotBlockPublicAccessState: blocked, "ec2:GetSnapshotBlockPublicAccessState", list;
}

wire::shape! {
    #[derive(Debug)]
    struct Encryption { on: bool = "EbsEncryptionByDefault" }

    #[derive(Debug)]
    struct KeyOf { key: String = "KmsKeyId" }

    #[derive(Debug)]
    struct Block { state: String = "State" }

    #[derive(Debug)]
    struct Blocked {
        state: String = "State",
        by: String = "ManagedBy",
    }
}

fn change(cx: &mut Cx<'_>, change: impl FnOnce(&mut Defaults)) -> Result<Defaults, Ec2Error> {
    let mut defaults = key::defaults(cx)?;
    change(&mut defaults);
    DEFAULTS.put(cx.tx, &Key::regional(cx.account, cx.region), &defaults);
    Ok(defaults)
}

fn enable(cx: &mut Cx<'_>, _: Nothing) -> Result<Encryption, Ec2Error> {
    change(cx, |defaults| defaults.encrypt = true).map(|defaults| Encryption { on: defaults.encrypt })
}

fn disable(cx: &mut Cx<'_>, _: Nothing) -> Result<Encryption, Ec2Error> {
    change(cx, |defaults| defaults.encrypt = false).map(|defaults| Encryption { on: defaults.encrypt })
}

fn get(cx: &mut Cx<'_>, _: Nothing) -> Result<Encryption, Ec2Error> {
    Ok(Encryption { on: key::defaults(cx)?.encrypt })
}

fn get_key(cx: &mut Cx<'_>, _: Nothing) -> Result<KeyOf, Ec2Error> {
    Ok(KeyOf { key: key::default_key(cx)? })
}

fn modify_key(cx: &mut Cx<'_>, req: KeyOf) -> Result<KeyOf, Ec2Error> {
    let arn = key::arn(cx, &req.key)?;
    change(cx, |defaults| defaults.key = Some(arn.clone()))?;
    Ok(KeyOf { key: arn })
}

fn reset_key(cx: &mut Cx<'_>, _: Nothing) -> Result<KeyOf, Ec2Error> {
    change(cx, |defaults| defaults.key = None)?;
    let default = key::default_key(cx)?;
    Ok(KeyOf { key: cx.arn("kms", &default).to_string() })
}

fn block(cx: &mut Cx<'_>, req: Block) -> Result<Block, Ec2Error> {
    if !matches!(req.state.as_str(), "block-all-sharing" | "block-new-sharing") {
        let why = "Valid values: block-all-sharing, block-new-sharing.";
        return Err(Ec2Error::value(&req.state, "State", why));
    }
    change(cx, |defaults| defaults.block.clone_from(&req.state))?;
    Ok(req)
}

fn unblock(cx: &mut Cx<'_>, _: Nothing) -> Result<Block, Ec2Error> {
    change(cx, |defaults| defaults.block.clear())?;
    Ok(Block { state: "unblocked".into() })
}

fn blocked(cx: &mut Cx<'_>, _: Nothing) -> Result<Blocked, Ec2Error> {
    let block = key::defaults(cx)?.block;
    let state = if block.is_empty() { "unblocked".into() } else { block };
    Ok(Blocked { state, by: "account".into() })
}
