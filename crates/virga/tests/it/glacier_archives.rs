//! Glacier's archives: whole, in parts, deleted; and that nothing is left of what has gone.

use crate::glacier_vaults::{ACCOUNT, DAY, header, on, vault};
use crate::harness::{Caller, Cloud, Reply};
use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Value, json};

pub(crate) const MIB: usize = 1 << 20;

/// The tree hash, as the guide describes it.
pub(crate) fn tree_hash(bytes: &[u8]) -> String {
    let sha = |bytes: &[u8]| digest(&SHA256, bytes).as_ref().to_vec();
    let mut level: Vec<Vec<u8>> = bytes.chunks(MIB).map(sha).collect();
    while level.len() > 1 {
        level = level
            .chunks(2)
            .map(|pair| if pair.len() == 2 { sha(&pair.concat()) } else { pair[0].clone() })
            .collect();
    }
    auth::md5::hex(&level[0])
}

/// Letters that differ from mebibyte to mebibyte.
pub(crate) fn letters(len: usize) -> String {
    (0..len).map(|n| char::from(b'a' + ((n / MIB + n % 23) % 26) as u8)).collect()
}

pub(crate) fn send(caller: &Caller<'_>, vault: &str, text: &str, more: Value) -> Reply {
    let mut parameters = json!({ "checksum": tree_hash(text.as_bytes()), "body": text });
    parameters.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    on(caller, "UploadArchive", vault, parameters)
}

/// Its id.
pub(crate) fn archive(caller: &Caller<'_>, vault: &str, text: &str, description: &str) -> String {
    header(&send(caller, vault, text, json!({ "archiveDescription": description })), "x-amz-archive-id")
}

/// How many contents are referred to, and how many small ones there are.
fn contents(cloud: &Cloud) -> (usize, usize) {
    let (store, all) = (cloud.cloud.store().snapshot(), store::Key::empty());
    (blob::refs::CONTENTS.count(&store, &all).unwrap(), blob::inline::INLINE.count(&store, &all).unwrap())
}

#[test]
fn an_archive_comes_with_its_tree_hash() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    vault(&root, "v");
    let text = letters(3 * MIB + 7);
    let made = send(&root, "v", &text, json!({ "archiveDescription": "my archive" }));
    assert_eq!(made.status, 201);
    let id = header(&made, "x-amz-archive-id");
    assert_eq!(id.len(), 138);
    assert_eq!(header(&made, "location"), format!("/{ACCOUNT}/vaults/v/archives/{id}"));
    assert_eq!(header(&made, "x-amz-sha256-tree-hash"), tree_hash(text.as_bytes()));

    let wrong = "00".repeat(32);
    let words = format!("Checksum mismatch: expected {wrong}, computed {}", tree_hash(text.as_bytes()));
    send(&root, "v", &text, json!({ "checksum": wrong })).refused_with(
        400,
        "InvalidParameterValueException",
        &words,
    );
    send(&root, "v", &text, json!({ "checksum": "short" })).refused_with(
        400,
        "InvalidParameterValueException",
        "Invalid x-amz-sha256-tree-hash: short",
    );
    on(&root, "UploadArchive", "v", json!({ "body": "x" })).refused_with(
        400,
        "MissingParameterValueException",
        "Required parameter missing: x-amz-sha256-tree-hash",
    );
    on(&root, "UploadArchive", "v", json!({ "body": "", "checksum": wrong })).refused_with(
        400,
        "InvalidParameterValueException",
        "Invalid Content-Length: 0",
    );
    send(&root, "v", "x", json!({ "archiveDescription": "x".repeat(1025) }))
        .refused(400, "InvalidParameterValueException");
    send(&root, "none", "x", json!({})).refused(404, "ResourceNotFoundException");
    // Nothing is kept of what was refused.
    assert_eq!(contents(&cloud), (1, 0));
    send(&root, "v", "small", json!({})).ok();
    assert_eq!(contents(&cloud), (1, 1));
}

/// A body that is not what was signed is refused, whatever its tree hash: with the hash in a header and without.
#[test]
fn the_linear_hash_is_held_against_the_body() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    vault(&root, "v");
    let everything = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "glacier:*", "Resource": "*" }] });
    let user = cloud.user(&root, "u", &everything.to_string());
    let parameters = json!({
        "accountId": "-", "vaultName": "v", "checksum": tree_hash(b"other"), "body": "text!",
    });
    let plain = user.request("glacier", "UploadArchive", &parameters);
    let mut hashed = plain.clone();
    let hash = auth::md5::hex(digest(&SHA256, b"text!").as_ref());
    hashed.headers_mut().remove("authorization");
    hashed.headers_mut().insert("x-amz-content-sha256", hash.parse().unwrap());
    user.sign(&mut hashed, "glacier");
    // It is what is signed, whatever other hash is named.
    for mut request in [plain, hashed] {
        *request.body_mut() = "other".into();
        let reply = cloud.send(request, user.address);
        let told = (reply.status, reply.error().0);
        assert_eq!(told, (403, "InvalidSignatureException".to_owned()), "{}", reply.value);
    }
    assert_eq!(contents(&cloud), (0, 0));
}

#[test]
fn a_vault_is_deleted_only_when_its_last_inventory_is_empty() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    vault(&root, "v");
    let id = archive(&root, "v", "text", "");
    let refused = || {
        let words =
            format!("Vault not empty or recently written to: arn:aws:glacier:us-east-1:{ACCOUNT}:vaults/v");
        on(&root, "DeleteVault", "v", json!({})).refused_with(400, "InvalidParameterValueException", &words);
    };
    refused();
    cloud.advance(DAY);
    cloud.reconcile();
    let shown = on(&root, "DescribeVault", "v", json!({})).ok();
    assert_eq!((&shown["NumberOfArchives"], &shown["SizeInBytes"]), (&json!(1), &json!(4 + (32 << 10))));
    assert_eq!(shown["LastInventoryDate"], "2026-01-16T12:00:00.000Z");
    refused();
    assert_eq!(on(&root, "DeleteArchive", "v", json!({ "archiveId": id })).status, 204);
    assert_eq!(on(&root, "DeleteArchive", "v", json!({ "archiveId": id })).status, 204, "idempotent");
    assert_eq!(contents(&cloud), (0, 0), "its bytes go at once");
    let shown = on(&root, "DescribeVault", "v", json!({})).ok();
    assert_eq!(shown["NumberOfArchives"], 1, "as of the last inventory");
    refused();
    cloud.advance(DAY);
    cloud.reconcile();
    assert_eq!(on(&root, "DescribeVault", "v", json!({})).ok()["NumberOfArchives"], 0);
    // Without changes there is no new inventory.
    cloud.advance(DAY * 3);
    cloud.reconcile();
    assert_eq!(
        on(&root, "DescribeVault", "v", json!({})).ok()["LastInventoryDate"],
        "2026-01-17T12:00:00.000Z"
    );
    on(&root, "DeleteVault", "v", json!({})).ok();
}

fn begin(root: &Caller<'_>, size: usize) -> String {
    let more = json!({ "partSize": size.to_string(), "archiveDescription": "in parts" });
    let begun = on(root, "InitiateMultipartUpload", "v", more);
    assert_eq!(begun.status, 201);
    let id = header(&begun, "x-amz-multipart-upload-id");
    assert_eq!(header(&begun, "location"), format!("/{ACCOUNT}/vaults/v/multipart-uploads/{id}"));
    id
}

fn part(root: &Caller<'_>, id: &str, first: usize, text: &str) -> Reply {
    let range = format!("bytes {first}-{}/*", first + text.len() - 1);
    let more =
        json!({ "uploadId": id, "range": range, "checksum": tree_hash(text.as_bytes()), "body": text });
    on(root, "UploadMultipartPart", "v", more)
}

fn complete(root: &Caller<'_>, id: &str, size: usize, hash: &str) -> Reply {
    on(
        root,
        "CompleteMultipartUpload",
        "v",
        json!({ "uploadId": id, "archiveSize": size.to_string(), "checksum": hash }),
    )
}

#[test]
fn an_archive_comes_in_parts_of_any_order() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    vault(&root, "v");
    on(&root, "InitiateMultipartUpload", "v", json!({ "partSize": "3145728" })).refused_with(
        400,
        "InvalidParameterValueException",
        "Invalid part size: 3145728. Part size must not be null, must be a power of two and be between 1048576 and 4294967296 bytes.",
    );
    let text = letters(5 * MIB + 3);
    let id = begin(&root, 2 * MIB);
    for (first, end) in [(4, 5), (0, 2), (2, 4)] {
        let piece = if first == 4 { &text[4 * MIB..] } else { &text[first * MIB..end * MIB] };
        let taken = part(&root, &id, first * MIB, piece);
        assert_eq!(taken.status, 204);
        assert_eq!(header(&taken, "x-amz-sha256-tree-hash"), tree_hash(piece.as_bytes()));
    }
    // Sent again, a part takes the place of the first one.
    part(&root, &id, 2 * MIB, &"x".repeat(2 * MIB)).ok();
    assert_eq!(contents(&cloud), (3, 0));
    let listed = on(&root, "ListParts", "v", json!({ "uploadId": id, "limit": "2" })).ok();
    assert_eq!(
        (&listed["PartSizeInBytes"], &listed["ArchiveDescription"]),
        (&json!(2 * MIB), &json!("in parts"))
    );
    let ranges = |listed: &Value| -> Vec<String> {
        let parts = listed["Parts"].as_array().unwrap().iter();
        parts.map(|part| part["RangeInBytes"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ranges(&listed), ["0-2097151", "2097152-4194303"]);
    assert_eq!(listed["Parts"][0]["SHA256TreeHash"], tree_hash(&text.as_bytes()[..2 * MIB]));
    let rest = on(&root, "ListParts", "v", json!({ "uploadId": id, "marker": listed["Marker"] })).ok();
    assert_eq!(ranges(&rest), ["4194304-5242882"]);
    let hash = tree_hash(text.as_bytes());
    complete(&root, &id, text.len(), &hash).refused_with(
        400,
        "InvalidParameterValueException",
        &format!("Invalid x-amz-sha256-tree-hash: {hash}"),
    );
    part(&root, &id, 2 * MIB, &text[2 * MIB..4 * MIB]).ok();
    complete(&root, &id, text.len() - 1, &hash).refused_with(
        400,
        "InvalidParameterValueException",
        &format!("Invalid x-amz-archive-size: {}", text.len() - 1),
    );
    let uploads = on(&root, "ListMultipartUploads", "v", json!({})).ok();
    assert_eq!(uploads["UploadsList"][0]["MultipartUploadId"], id);
    let done = complete(&root, &id, text.len(), &hash);
    assert_eq!(done.status, 201);
    assert_eq!(header(&done, "x-amz-sha256-tree-hash"), hash);
    let archive = header(&done, "x-amz-archive-id");
    // Asked again, it answers the same; the upload itself is gone.
    let again = complete(&root, &id, text.len(), &hash);
    assert_eq!(header(&again, "x-amz-archive-id"), archive);
    assert_eq!(header(&again, "x-amz-sha256-tree-hash"), hash);
    // It is held against what the archive is, as at first.
    let other = tree_hash(b"other");
    complete(&root, &id, text.len(), &other).refused_with(
        400,
        "InvalidParameterValueException",
        &format!("Invalid x-amz-sha256-tree-hash: {other}"),
    );
    complete(&root, &id, 1, &hash).refused_with(
        400,
        "InvalidParameterValueException",
        "Invalid x-amz-archive-size: 1",
    );
    assert_eq!(on(&root, "ListMultipartUploads", "v", json!({})).ok()["UploadsList"], json!([]));
    let words = format!("The upload ID was not found: {id}");
    on(&root, "ListParts", "v", json!({ "uploadId": id })).refused_with(
        404,
        "ResourceNotFoundException",
        &words,
    );
    on(&root, "AbortMultipartUpload", "v", json!({ "uploadId": id }))
        .refused(404, "ResourceNotFoundException");
    part(&root, &id, 0, "x").refused(404, "ResourceNotFoundException");
    assert_eq!(contents(&cloud), (3, 0));
    // A day later only the archive is left, and goes as a whole.
    cloud.advance(DAY * 2);
    cloud.reconcile();
    complete(&root, &id, text.len(), &hash).refused(404, "ResourceNotFoundException");
    assert_eq!(contents(&cloud), (3, 0));
    on(&root, "DeleteArchive", "v", json!({ "archiveId": archive })).ok();
    assert_eq!(contents(&cloud), (0, 0));
}

#[test]
fn parts_must_fit() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    vault(&root, "v");
    let id = begin(&root, MIB);
    let send = |range: &str, text: &str, hash: &str| {
        let more = json!({ "uploadId": id, "range": range, "checksum": hash, "body": text });
        on(&root, "UploadMultipartPart", "v", more)
    };
    let hash = tree_hash(b"x");
    for (range, words) in [
        ("bytes 0-1/*", "Content-Range: bytes 0-1/* is incompatible with Content-Length: 1"),
        ("bytes 5-5/*", "Content-Range: bytes 5-5/* is incompatible with part size: 1048576"),
        ("bytes x", "Invalid Content-Range: bytes x"),
    ] {
        send(range, "x", &hash).refused_with(400, "InvalidParameterValueException", words);
    }
    let words = format!("Checksum mismatch: expected {hash}, computed {}", tree_hash(b"y"));
    send("bytes 0-0/*", "y", &hash).refused_with(400, "InvalidParameterValueException", &words);
    on(&root, "UploadMultipartPart", "v", json!({ "uploadId": id, "checksum": hash, "body": "x" }))
        .refused_with(400, "MissingParameterValueException", "Required parameter missing: Content-Range");
    send("bytes 1048576-1048576/*", "x", &hash).ok();
    complete(&root, &id, 1, &hash).refused_with(
        400,
        "InvalidParameterValueException",
        "Missing content range: 0-1048575",
    );
    on(&root, "CompleteMultipartUpload", "v", json!({ "uploadId": id, "checksum": hash })).refused_with(
        400,
        "MissingParameterValueException",
        "Required parameter missing: x-amz-archive-size",
    );
    assert_eq!(contents(&cloud), (0, 1));
    assert_eq!(on(&root, "AbortMultipartUpload", "v", json!({ "uploadId": id })).status, 204);
    assert_eq!(on(&root, "AbortMultipartUpload", "v", json!({ "uploadId": id })).status, 204, "idempotent");
    assert_eq!(contents(&cloud), (0, 0));
}

#[test]
fn an_idle_upload_goes_away_with_its_parts() {
    let cloud = Cloud::new();
    let root = cloud.root(ACCOUNT);
    vault(&root, "v");
    let id = begin(&root, MIB);
    part(&root, &id, 0, &letters(MIB)).ok();
    cloud.advance(DAY - std::time::Duration::from_secs(60));
    // It is gone on with.
    part(&root, &id, MIB, "x").ok();
    cloud.advance(DAY - std::time::Duration::from_secs(60));
    cloud.reconcile();
    on(&root, "ListParts", "v", json!({ "uploadId": id })).ok();
    // The vault may go before its uploads.
    on(&root, "DeleteVault", "v", json!({})).ok();
    cloud.advance(DAY);
    cloud.reconcile();
    assert_eq!(contents(&cloud), (0, 0));
}
