//! Archives that come in one piece, and go.

use super::described;
use crate::glacier::errors::{GlacierError, Refusal, invalid};
use crate::glacier::tree::{self, Hash};
use crate::glacier::{access, archives, intake, vaults};
use kernel::{Answer, Body, Cx, Dx, Empty};

kernel::ops! { pub(in crate::glacier) static OPS:
    UploadArchive: [data] upload, "glacier:UploadArchive", access::vault;
    DeleteArchive: delete, "glacier:DeleteArchive", access::archive;
}

/// AWS: an archive that comes in one request, and a part: 4 GB.
pub(super) const BYTES_MAX: u64 = 4 << 30;

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct UploadArchive {
        account: String = "accountId",
        vault: String = "vaultName",
        description: Option<String> = "archiveDescription",
        checksum: Option<String> = "checksum",
    }

    #[derive(Debug)]
    pub(crate) struct Stored {
        pub(super) location: String = "location",
        pub(super) checksum: String = "checksum",
        pub(super) id: String = "archiveId",
    }

    #[derive(Debug)]
    pub(crate) struct DeleteArchive {
        account: String = "accountId",
        vault: String = "vaultName",
        archive: String = "archiveId",
    }
}

/// The tree hash that a request states; it must.
///
/// # Errors
/// `MissingParameterValueException`, `InvalidParameterValueException`
pub(super) fn stated(checksum: Option<&str>) -> Result<Hash, GlacierError> {
    let text = checksum.ok_or(Refusal::Missing("x-amz-sha256-tree-hash"))?;
    tree::parse(text).ok_or_else(|| invalid(format!("Invalid x-amz-sha256-tree-hash: {text}")))
}

/// # Errors
/// `InvalidParameterValueException`
pub(super) fn compare(stated: &Hash, computed: &Hash) -> Result<(), GlacierError> {
    if stated == computed {
        return Ok(());
    }
    let (stated, computed) = (tree::text(stated), tree::text(computed));
    Err(invalid(format!("Checksum mismatch: expected {stated}, computed {computed}")))
}

async fn upload(dx: Dx, req: UploadArchive, body: Body) -> Result<Answer<Stored>, GlacierError> {
    let expected = stated(req.checksum.as_deref())?;
    let description = described(req.description, "archive description")?;
    let vault = dx.read(|cx| vaults::find(cx, &req.account, &req.vault))?;
    let received = intake::receive(&dx, body, BYTES_MAX).await?;
    let hash = received.hash();
    compare(&expected, &hash)?;
    let series = dx.cloud().rng().u64();
    let mut handed_over = false;
    let outcome = dx
        .transact(|cx| {
            handed_over = false;
            let vault = vaults::again(cx, &vault)?;
            received.enter(cx.tx, dx.cloud(), (vault.number, series), 0)?;
            let whole = (received.size, hash);
            let id = archives::enter(cx, &vault, series, whole, description.clone())?;
            handed_over = true;
            let location = format!("{}/archives/{id}", vault.path());
            Ok::<_, GlacierError>(Stored { location, checksum: tree::text(&hash), id })
        })
        .await;
    if handed_over {
        received.keep();
    }
    Ok(outcome?.into())
}

fn delete(cx: &mut Cx<'_>, req: DeleteArchive) -> Result<Empty, GlacierError> {
    let vault = vaults::find(cx, &req.account, &req.vault)?;
    // AWS: deleting what is deleted is no error.
    if let Some(archive) = archives::there(cx, &vault, &req.archive)? {
        archives::delete(cx, &vault, archive)?;
    }
    Ok(Empty)
}
