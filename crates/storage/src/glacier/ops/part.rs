//! The parts of an upload.

use super::archive::{compare, stated};
use super::upload;
use crate::glacier::errors::{GlacierError, Refusal, invalid};
use crate::glacier::model::{UPLOADS, Upload, Vault};
use crate::glacier::{access, intake, range, tree, vaults, work};
use kernel::{Answer, Body, Cx, Dx};
use std::ops::Range;

kernel::ops! { pub(in crate::glacier) static OPS:
    UploadMultipartPart: [data] put, "glacier:UploadMultipartPart", access::vault;
}

/// AWS: of one upload.
const PARTS_MAX: u64 = 10_000;

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct Put {
        account: String = "accountId",
        vault: String = "vaultName",
        upload: String = "uploadId",
        checksum: Option<String> = "checksum",
        range: Option<String> = "range",
    }

    #[derive(Debug)]
    pub(crate) struct Taken { checksum: String = "checksum" }
}

/// Where the part goes: a slot of the upload's part size.
///
/// # Errors
/// `InvalidParameterValueException`
fn place(text: &str, upload: &Upload) -> Result<Range<u64>, GlacierError> {
    let range = range::of_part(text).ok_or_else(|| invalid(format!("Invalid Content-Range: {text}")))?;
    let (size, slot) = (range.end - range.start, range.start / upload.part_size);
    if !range.start.is_multiple_of(upload.part_size) || size > upload.part_size {
        let part_size = upload.part_size;
        return Err(invalid(format!("Content-Range: {text} is incompatible with part size: {part_size}")));
    }
    if slot >= PARTS_MAX {
        return Err(invalid(format!(
            "Invalid Content-Range: {text}. An upload has at most {PARTS_MAX} parts."
        )));
    }
    Ok(range)
}

fn begin(cx: &mut Cx<'_>, req: &Put) -> Result<(Vault, Range<u64>), GlacierError> {
    let vault = vaults::find(cx, &req.account, &req.vault)?;
    let upload = upload::open(cx, &vault, &req.upload)?;
    let text = req.range.as_deref().ok_or(Refusal::Missing("Content-Range"))?;
    let range = place(text, &upload)?;
    Ok((vault, range))
}

async fn put(dx: Dx, req: Put, body: Body) -> Result<Answer<Taken>, GlacierError> {
    let expected = stated(req.checksum.as_deref())?;
    let (vault, range) = dx.read(|cx| begin(cx, &req))?;
    let size = range.end - range.start;
    if let Some(length) = body.length().filter(|length| *length != size) {
        let text = req.range.as_deref().unwrap_or_default();
        return Err(invalid(format!("Content-Range: {text} is incompatible with Content-Length: {length}")));
    }
    let received = intake::receive(&dx, body, size).await?;
    let hash = received.hash();
    compare(&expected, &hash)?;
    let mut handed_over = false;
    let outcome = dx
        .transact(|cx| {
            handed_over = false;
            let vault = vaults::again(cx, &vault)?;
            let mut upload = upload::open(cx, &vault, &req.upload)?;
            received.enter(cx.tx, dx.cloud(), (vault.number, upload.series), range.start)?;
            if upload.touched.plus(work::NOTED) < cx.now {
                upload.touched = cx.now;
                UPLOADS.put(cx.tx, &vault.scope().str(&upload.id), &upload);
            }
            handed_over = true;
            Ok::<_, GlacierError>(())
        })
        .await;
    if handed_over {
        received.keep();
    }
    outcome?;
    Ok(Taken { checksum: tree::text(&hash) }.into())
}

#[cfg(test)]
mod tests {
    use super::place;
    use crate::glacier::model::Upload;

    #[test]
    fn parts_have_slots() {
        let upload = Upload { part_size: 4 << 20, ..Upload::default() };
        let said = |text: &str| place(text, &upload).map_err(|e| e.message().to_owned());
        assert_eq!(said("bytes 0-4194303/*"), Ok(0..4 << 20));
        assert_eq!(said("bytes 4194304-4194304/*"), Ok((4 << 20)..(4 << 20) + 1));
        assert_eq!(
            said("bytes 2097152-6291455/*").unwrap_err(),
            "Content-Range: bytes 2097152-6291455/* is incompatible with part size: 4194304"
        );
        assert!(said("bytes 0-4194304/*").unwrap_err().ends_with("part size: 4194304"));
        assert_eq!(said("bytes 9-8/*").unwrap_err(), "Invalid Content-Range: bytes 9-8/*");
        assert!(said("bytes 41943040000-41943040000/*").unwrap_err().contains("at most 10000 parts"));
    }
}
