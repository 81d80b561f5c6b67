//! Uploads in parts: beginning, completing, aborting and listing them.
//!
//! AWS: <https://docs.aws.amazon.com/amazonglacier/latest/dev/uploading-archive-mpu.html>

use super::archive::{Stored, stated};
use super::{PAGE, described, limit};
use crate::glacier::errors::{GlacierError, Refusal, invalid};
use crate::glacier::model::{ARCHIVES, PARTS, Part, UPLOADS, Upload, UploadState, Vault};
use crate::glacier::tree::{self, Hash};
use crate::glacier::{access, archives, range, vaults, work};
use kernel::{Cx, Empty};

kernel::ops! { pub(in crate::glacier) static OPS:
    InitiateMultipartUpload: initiate, "glacier:InitiateMultipartUpload", access::vault;
    CompleteMultipartUpload: complete, "glacier:CompleteMultipartUpload", access::vault;
    AbortMultipartUpload: abort, "glacier:AbortMultipartUpload", access::vault;
    ListParts: list_parts, "glacier:ListParts", access::vault;
    ListMultipartUploads: list, "glacier:ListMultipartUploads", access::vault;
}

/// AWS: a power of two between these.
const PART_MIN: u64 = 1 << 20;
const PART_MAX: u64 = 4 << 30;
const ID_LEN: usize = 92;

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct Initiate {
        account: String = "accountId",
        vault: String = "vaultName",
        description: Option<String> = "archiveDescription",
        part_size: Option<String> = "partSize",
    }

    #[derive(Debug)]
    pub(crate) struct Initiated {
        location: String = "location",
        id: String = "uploadId",
    }

    #[derive(Debug)]
    pub(crate) struct Complete {
        account: String = "accountId",
        vault: String = "vaultName",
        upload: String = "uploadId",
        size: Option<String> = "archiveSize",
        checksum: Option<String> = "checksum",
    }

    #[derive(Debug)]
    pub(crate) struct Abort {
        account: String = "accountId",
        vault: String = "vaultName",
        upload: String = "uploadId",
    }

    #[derive(Debug)]
    pub(crate) struct ListParts {
        account: String = "accountId",
        vault: String = "vaultName",
        upload: String = "uploadId",
        marker: Option<String> = "marker",
        limit: Option<String> = "limit",
    }

    #[derive(Debug)]
    pub(crate) struct PartList {
        id: String = "MultipartUploadId",
        vault: String = "VaultARN",
        description: Option<String> = "ArchiveDescription",
        part_size: i64 = "PartSizeInBytes",
        created: String = "CreationDate",
        parts: Vec<PartView> = "Parts",
        marker: Option<String> = "Marker",
    }

    #[derive(Debug)]
    pub(crate) struct PartView {
        range: String = "RangeInBytes",
        hash: String = "SHA256TreeHash",
    }

    #[derive(Debug)]
    pub(crate) struct List {
        account: String = "accountId",
        vault: String = "vaultName",
        marker: Option<String> = "marker",
        limit: Option<String> = "limit",
    }

    #[derive(Debug)]
    pub(crate) struct Listed {
        uploads: Vec<UploadView> = "UploadsList",
        marker: Option<String> = "Marker",
    }

    #[derive(Debug)]
    pub(crate) struct UploadView {
        id: String = "MultipartUploadId",
        vault: String = "VaultARN",
        description: Option<String> = "ArchiveDescription",
        part_size: i64 = "PartSizeInBytes",
        created: String = "CreationDate",
    }
}

fn part_size(text: Option<&str>) -> Result<u64, GlacierError> {
    let size = text.and_then(|text| text.parse::<u64>().ok());
    let size = size.filter(|size| size.is_power_of_two() && (PART_MIN..=PART_MAX).contains(size));
    size.ok_or_else(|| {
        let text = text.unwrap_or("null");
        invalid(format!(
            "Invalid part size: {text}. Part size must not be null, must be a power of two and be between {PART_MIN} and {PART_MAX} bytes."
        ))
    })
}

fn initiate(cx: &mut Cx<'_>, req: Initiate) -> Result<Initiated, GlacierError> {
    let part_size = part_size(req.part_size.as_deref())?;
    let vault = vaults::find(cx, &req.account, &req.vault)?;
    let upload = Upload {
        id: vaults::id(cx, ID_LEN),
        description: described(req.description, "archive description")?,
        part_size,
        created: cx.now,
        touched: cx.now,
        series: cx.rng().u64(),
        state: UploadState::Open,
    };
    UPLOADS.put(cx.tx, &vault.scope().str(&upload.id), &upload);
    work::wait(cx.tx, vault.number, &upload);
    Ok(Initiated { location: format!("{}/multipart-uploads/{}", vault.path(), upload.id), id: upload.id })
}

fn no_upload(id: &str) -> GlacierError {
    Refusal::NoUpload(id.to_owned()).into()
}

fn find(cx: &Cx<'_>, vault: &Vault, id: &str) -> Result<Upload, GlacierError> {
    UPLOADS.get(cx.tx, &vault.scope().str(id))?.ok_or_else(|| no_upload(id))
}

/// An upload that still takes parts.
///
/// # Errors
/// `ResourceNotFoundException`
pub(super) fn open(cx: &Cx<'_>, vault: &Vault, id: &str) -> Result<Upload, GlacierError> {
    let upload = find(cx, vault, id)?;
    if upload.state == UploadState::Open { Ok(upload) } else { Err(no_upload(id)) }
}

/// What a request to complete states, held against what there is.
///
/// # Errors
/// `InvalidParameterValueException`
fn compare((size, hash): (&str, &Hash), (total, computed): (u64, &[u8])) -> Result<(), GlacierError> {
    if size.parse() != Ok(total) {
        return Err(invalid(format!("Invalid x-amz-archive-size: {size}")));
    }
    if computed != hash.as_slice() {
        let text = tree::text(hash);
        return Err(invalid(format!("Invalid x-amz-sha256-tree-hash: {text}")));
    }
    Ok(())
}

/// How much the parts are together, once they lie without gaps and all but the last one are full.
///
/// # Errors
/// `InvalidParameterValueException`
fn joined(parts: &[Part], part_size: u64) -> Result<u64, GlacierError> {
    let mut end = 0;
    for (at, part) in parts.iter().enumerate() {
        if part.first != end {
            let gap = range::text(&(end..part.first));
            return Err(invalid(format!("Missing content range: {gap}")));
        }
        let is_last = at + 1 == parts.len();
        if !is_last && part.piece.size != part_size {
            let own = range::text(&(part.first..part.first + part.piece.size));
            return Err(invalid(format!("Content-Range: {own} is incompatible with part size: {part_size}")));
        }
        end += part.piece.size;
    }
    Ok(end)
}

fn stored(vault: &Vault, id: String, hash: &[u8]) -> Stored {
    Stored { location: format!("{}/archives/{id}", vault.path()), checksum: tree::text(hash), id }
}

fn complete(cx: &mut Cx<'_>, req: Complete) -> Result<Stored, GlacierError> {
    let expected = stated(req.checksum.as_deref())?;
    let size = req.size.as_deref().ok_or(Refusal::Missing("x-amz-archive-size"))?;
    let vault = vaults::find(cx, &req.account, &req.vault)?;
    let mut upload = find(cx, &vault, &req.upload)?;
    match &upload.state {
        UploadState::Open => {}
        // AWS: completing again what was completed a short while ago answers the same.
        UploadState::Completed(id) => {
            let archive = ARCHIVES.get(cx.tx, &vault.scope().str(id))?;
            let archive = archive.ok_or_else(|| no_upload(&req.upload))?;
            compare((size, &expected), (archive.size, &archive.hash))?;
            return Ok(stored(&vault, archive.id, &archive.hash));
        }
        UploadState::Aborted => return Err(no_upload(&req.upload)),
    }
    let parts = archives::parts(cx.tx, vault.number, upload.series)?;
    let total = joined(&parts, upload.part_size)?;
    if parts.is_empty() {
        return Err(invalid(format!("Invalid x-amz-archive-size: {size}")));
    }
    let hashes: Vec<Hash> = parts.iter().filter_map(|part| part.hash.as_slice().try_into().ok()).collect();
    let hash = tree::root(&hashes);
    compare((size, &expected), (total, &hash))?;
    let id = archives::enter(cx, &vault, upload.series, (total, hash), upload.description.clone())?;
    (upload.state, upload.touched) = (UploadState::Completed(id.clone()), cx.now);
    UPLOADS.put(cx.tx, &vault.scope().str(&upload.id), &upload);
    Ok(stored(&vault, id, &hash))
}

fn abort(cx: &mut Cx<'_>, req: Abort) -> Result<Empty, GlacierError> {
    let vault = vaults::find(cx, &req.account, &req.vault)?;
    let mut upload = find(cx, &vault, &req.upload)?;
    match upload.state {
        UploadState::Open => {}
        UploadState::Aborted => return Ok(Empty),
        UploadState::Completed(_) => return Err(no_upload(&req.upload)),
    }
    let cloud = std::sync::Arc::clone(cx.cloud());
    archives::drop_series(cx.tx, &cloud, vault.number, upload.series)?;
    (upload.state, upload.touched) = (UploadState::Aborted, cx.now);
    UPLOADS.put(cx.tx, &vault.scope().str(&upload.id), &upload);
    Ok(Empty)
}

fn int(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn list_parts(cx: &mut Cx<'_>, req: ListParts) -> Result<PartList, GlacierError> {
    let most = limit(req.limit.as_deref(), PAGE)?;
    let vault = vaults::find(cx, &req.account, &req.vault)?;
    let upload = open(cx, &vault, &req.upload)?;
    let prefix = vault.scope().u64(upload.series);
    let list = format!("glacier parts {}", upload.series);
    let marker = req.marker.as_deref().filter(|marker| !marker.is_empty());
    let (parts, marker) = cx.list(&PARTS, &prefix, &list, marker, most, |_| true)?;
    let view = |part: Part| PartView {
        range: range::text(&(part.first..part.first + part.piece.size)),
        hash: tree::text(&part.hash),
    };
    Ok(PartList {
        id: upload.id,
        vault: vault.arn(),
        description: upload.description,
        part_size: int(upload.part_size),
        created: upload.created.iso8601_millis(),
        parts: parts.into_iter().map(view).collect(),
        marker,
    })
}

fn list(cx: &mut Cx<'_>, req: List) -> Result<Listed, GlacierError> {
    let most = limit(req.limit.as_deref(), PAGE)?;
    let vault = vaults::find(cx, &req.account, &req.vault)?;
    let list = format!("glacier uploads {}", vault.number);
    let marker = req.marker.as_deref().filter(|marker| !marker.is_empty());
    let is_open = |upload: &Upload| upload.state == UploadState::Open;
    let (uploads, marker) = cx.list(&UPLOADS, &vault.scope(), &list, marker, most, is_open)?;
    let view = |upload: Upload| UploadView {
        id: upload.id,
        vault: vault.arn(),
        description: upload.description,
        part_size: int(upload.part_size),
        created: upload.created.iso8601_millis(),
    };
    Ok(Listed { uploads: uploads.into_iter().map(view).collect(), marker })
}

#[cfg(test)]
mod tests {
    use super::{joined, part_size};
    use crate::glacier::model::Part;
    use crate::piece::Piece;

    #[test]
    fn sizes_of_parts() {
        assert_eq!(part_size(Some("1048576")).unwrap(), 1 << 20);
        assert_eq!(part_size(Some("4294967296")).unwrap(), 4 << 30);
        for text in ["0", "524288", "3145728", "8589934592", "-1", "x", ""] {
            let expected = format!(
                "Invalid part size: {text}. Part size must not be null, must be a power of two and be between 1048576 and 4294967296 bytes."
            );
            assert_eq!(part_size(Some(text)).unwrap_err().message(), expected);
        }
    }

    #[test]
    fn parts_lie_without_gaps() {
        let part = |first: u64, size: u64| Part {
            first,
            piece: Piece { size, ..Piece::default() },
            hash: Vec::new(),
        };
        assert_eq!(joined(&[part(0, 4), part(4, 4), part(8, 1)], 4).unwrap(), 9);
        let said = |parts: &[Part]| joined(parts, 4).unwrap_err().message().to_owned();
        assert_eq!(said(&[part(0, 4), part(8, 1)]), "Missing content range: 4-7");
        assert_eq!(said(&[part(4, 1)]), "Missing content range: 0-3");
        assert_eq!(said(&[part(0, 3), part(4, 1)]), "Content-Range: 0-2 is incompatible with part size: 4");
    }
}
