//! S3's uploads in parts.

use crate::harness::{Caller, Cloud, Reply};
use crate::s3_objects::{and, with_bucket};
use auth::md5::Md5;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::time::Duration;

const MIB: usize = 1 << 20;

struct Upload<'c> {
    root: &'c Caller<'c>,
    id: String,
}

impl<'c> Upload<'c> {
    fn begin(root: &'c Caller<'c>, more: Value) -> Upload<'c> {
        let begun =
            root.call("s3", "CreateMultipartUpload", and(json!({ "Bucket": "bkt", "Key": "k" }), more)).ok();
        assert_eq!((&begun["Bucket"], &begun["Key"]), (&json!("bkt"), &json!("k")));
        Upload { root, id: begun["UploadId"].as_str().unwrap().to_owned() }
    }

    fn of(&self, more: Value) -> Value {
        and(json!({ "Bucket": "bkt", "Key": "k", "UploadId": self.id }), more)
    }

    fn part(&self, number: u32, body: &str, more: Value) -> Reply {
        let part = self.of(json!({ "PartNumber": number, "Body": body }));
        self.root.call("s3", "UploadPart", and(part, more))
    }

    fn complete(&self, parts: Value, more: Value) -> Reply {
        let complete = self.of(json!({ "MultipartUpload": { "Parts": parts } }));
        self.root.call("s3", "CompleteMultipartUpload", and(complete, more))
    }
}

fn listed(number: u32, etag: &Value) -> Value {
    json!({ "PartNumber": number, "ETag": etag })
}

fn bytes(seed: u8, len: usize) -> String {
    (0..len).map(|n| char::from(b'a' + ((n / 7 + usize::from(seed)) % 26) as u8)).collect()
}

#[test]
fn parts_become_one_object() {
    let cloud = Cloud::new();
    let root = with_bucket(&cloud);
    let upload = Upload::begin(&root, json!({ "ContentType": "text/plain", "Metadata": { "x": "1" } }));
    let (first, second) = (bytes(1, 5 * MIB), bytes(2, 100));
    let one = upload.part(1, &first, json!({})).ok()["ETag"].clone();
    assert_eq!(one, format!("\"{}\"", auth::md5::hex(&Md5::of(first.as_bytes()))));
    upload.part(7, "replaced", json!({})).ok();
    let seven = upload.part(7, &second, json!({})).ok()["ETag"].clone();
    let unused = upload.part(9, "unused", json!({})).ok()["ETag"].clone();
    let parts = root.call("s3", "ListParts", upload.of(json!({ "MaxParts": 2 }))).ok();
    assert_eq!((&parts["IsTruncated"], &parts["NextPartNumberMarker"]), (&json!(true), &json!(7)));
    assert_eq!(parts["Parts"][1]["Size"], 100);
    let rest = root.call("s3", "ListParts", upload.of(json!({ "PartNumberMarker": 7 }))).ok();
    assert_eq!((&rest["Parts"][0]["ETag"], &rest["IsTruncated"]), (&unused, &json!(false)));
    let uploads = root.call("s3", "ListMultipartUploads", json!({ "Bucket": "bkt" })).ok();
    assert_eq!(uploads["Uploads"][0]["UploadId"], upload.id);
    assert_eq!(uploads.get("Prefix"), None, "one that was not asked for is not told");
    let given = json!([listed(1, &one), listed(7, &seven)]);
    let done = upload.complete(given.clone(), json!({})).ok();
    let etag = done["ETag"].as_str().unwrap().to_owned();
    assert!(etag.ends_with("-2\""), "{etag}");
    assert_eq!(done["Location"], "https://bkt.s3.us-east-1.amazonaws.com/k");
    assert_eq!(done["ChecksumType"], "FULL_OBJECT");
    let whole = [first.as_bytes(), second.as_bytes()].concat();
    let expected = auth::sigv4::Checksum::of(auth::sigv4::ChecksumKind::Crc64Nvme, &whole);
    assert_eq!(done["ChecksumCRC64NVME"], expected);
    let get = |more: Value| root.call("s3", "GetObject", and(json!({ "Bucket": "bkt", "Key": "k" }), more));
    let got = get(json!({}));
    assert!(got.body == whole);
    assert_eq!(got.headers["x-amz-meta-x"], "1");
    let range = format!("bytes={}-{}", 5 * MIB - 10, 5 * MIB + 9);
    assert!(get(json!({ "Range": range })).body == whole[5 * MIB - 10..5 * MIB + 10]);
    let part = get(json!({ "PartNumber": 7 }));
    assert_eq!((part.status, &part.headers["x-amz-mp-parts-count"]), (206, &"2".parse().unwrap()));
    assert!(part.body == second.as_bytes());
    let missing = get(json!({ "PartNumber": 3 }));
    assert_eq!(missing.value["ActualPartCount"], "2");
    missing.refused_with(416, "InvalidPartNumber", "The requested partnumber is not satisfiable");
    // Once more, as a client does that has not heard the answer.
    assert_eq!(upload.complete(given, json!({})).ok()["ETag"], etag);
    upload.part(1, "x", json!({})).refused(404, "NoSuchUpload");
}

/// As recorded of AWS.
#[test]
fn what_is_completed_is_completed_again_of_the_same_parts() {
    let cloud = Cloud::new();
    let root = with_bucket(&cloud);
    let upload = Upload::begin(&root, json!({}));
    let one = upload.part(1, "one", json!({})).ok()["ETag"].clone();
    let two = upload.part(2, "two", json!({})).ok()["ETag"].clone();
    let abort = || root.call("s3", "AbortMultipartUpload", upload.of(json!({})));
    let first = upload.complete(json!([listed(1, &one)]), json!({})).ok();
    assert_eq!(first["ChecksumType"], "FULL_OBJECT");
    for conditions in [
        json!({}),
        json!({ "IfNoneMatch": "*" }),
        json!({ "IfMatch": first["ETag"] }),
        json!({ "IfMatch": "x" }),
    ] {
        let again = upload.complete(json!([listed(1, &one)]), conditions).ok();
        assert_eq!(again["ETag"], first["ETag"]);
        assert_eq!((again.get("ChecksumCRC64NVME"), again.get("ChecksumType")), (None, None));
        assert_eq!(abort().status, 204, "which changes nothing");
    }
    upload.complete(json!([listed(2, &two)]), json!({})).refused(404, "NoSuchUpload");
    upload.complete(json!([listed(1, &two)]), json!({})).refused(404, "NoSuchUpload");
    upload.complete(json!([]), json!({})).refused(400, "MalformedXML");
    root.call("s3", "ListParts", upload.of(json!({}))).refused(404, "NoSuchUpload");
    root.call("s3", "PutObject", json!({ "Bucket": "bkt", "Key": "k", "Body": "other" })).ok();
    upload.complete(json!([listed(1, &one)]), json!({})).refused(404, "NoSuchUpload");
    abort().refused(404, "NoSuchUpload");
}

/// As recorded of AWS: an object is as old as its upload.
#[test]
fn what_was_put_since_an_upload_began_is_newer() {
    for versioning in [None, Some("Enabled"), Some("Suspended")] {
        let cloud = Cloud::new();
        let root = with_bucket(&cloud);
        let keep = |status: &str| {
            let request = json!({ "Bucket": "bkt", "VersioningConfiguration": { "Status": status } });
            root.call("s3", "PutBucketVersioning", request).ok();
        };
        if versioning.is_some() {
            keep("Enabled");
        }
        let key = json!({ "Bucket": "bkt", "Key": "k" });
        let put = |body: &str| {
            cloud.advance(Duration::from_secs(1));
            root.call("s3", "PutObject", and(key.clone(), json!({ "Body": body }))).ok()
        };
        put("oldest");
        versioning.into_iter().for_each(keep);
        cloud.advance(Duration::from_secs(1));
        let begun = cloud.cloud.clock().now();
        let older = Upload::begin(&root, json!({}));
        let part = older.part(1, "older", json!({})).ok()["ETag"].clone();
        put("between");
        cloud.advance(Duration::from_secs(1));
        let newer = Upload::begin(&root, json!({}));
        let last = newer.part(1, "newer", json!({})).ok()["ETag"].clone();
        cloud.advance(Duration::from_secs(1));
        let done = newer.complete(json!([listed(1, &last)]), json!({})).ok();
        let behind = older.complete(json!([listed(1, &part)]), json!({})).ok();
        assert_eq!(behind["ChecksumType"], "FULL_OBJECT");
        assert_eq!(root.call("s3", "GetObject", key.clone()).body, "newer");
        let repeated = older.complete(json!([listed(1, &part)]), json!({}));
        let listing = root.call("s3", "ListObjectVersions", json!({ "Bucket": "bkt" })).ok();
        let versions = listing["Versions"].as_array().unwrap();
        let sizes: Vec<_> = versions.iter().map(|version| version["ETag"].clone()).collect();
        let tag = |body: &str| json!(format!("\"{}\"", auth::md5::hex(&Md5::of(body.as_bytes()))));
        let (done, behind) = (done["ETag"].clone(), behind["ETag"].clone());
        match versioning {
            None => assert_eq!(sizes, [done]),
            Some("Suspended") => assert_eq!(sizes, [done, tag("oldest")]),
            Some(_) => {
                assert_eq!(sizes, [done, tag("between"), behind, tag("oldest")]);
                assert_eq!(versions[2]["LastModified"], begun.iso8601_millis());
                repeated.ok();
                continue;
            }
        }
        repeated.refused(404, "NoSuchUpload");
    }
}

/// A null version that is completed late has its place below newer versions that have ids.
#[test]
fn a_null_version_is_put_below_newer_ones() {
    let cloud = Cloud::new();
    let root = with_bucket(&cloud);
    let keep = |status: &str| {
        let request = json!({ "Bucket": "bkt", "VersioningConfiguration": { "Status": status } });
        root.call("s3", "PutBucketVersioning", request).ok();
        cloud.advance(Duration::from_secs(1));
    };
    let key = json!({ "Bucket": "bkt", "Key": "k" });
    root.call("s3", "PutObject", and(key.clone(), json!({ "Body": "first null" }))).ok();
    keep("Enabled");
    let upload = Upload::begin(&root, json!({}));
    let part = upload.part(1, "late", json!({})).ok()["ETag"].clone();
    cloud.advance(Duration::from_secs(1));
    root.call("s3", "PutObject", and(key.clone(), json!({ "Body": "with an id" }))).ok();
    keep("Suspended");
    upload.complete(json!([listed(1, &part)]), json!({})).ok();
    assert_eq!(root.call("s3", "GetObject", key.clone()).body, "with an id");
    let null = root.call("s3", "GetObject", and(key, json!({ "VersionId": "null" })));
    assert_eq!(null.body, "late");
    let listing = root.call("s3", "ListObjectVersions", json!({ "Bucket": "bkt" })).ok();
    assert_eq!(listing["Versions"].as_array().unwrap().len(), 2);
}

#[test]
fn every_part_is_checked() {
    let cloud = Cloud::new();
    let root = with_bucket(&cloud);
    let upload = Upload::begin(&root, json!({}));
    let small = upload.part(1, "small", json!({})).ok()["ETag"].clone();
    let last = upload.part(2, "last", json!({})).ok()["ETag"].clone();
    let too_small = upload.complete(json!([listed(1, &small), listed(2, &last)]), json!({}));
    assert_eq!(
        (
            &too_small.value["ProposedSize"],
            &too_small.value["MinSizeAllowed"],
            &too_small.value["PartNumber"]
        ),
        (&json!("5"), &json!("5242880"), &json!("1"))
    );
    too_small.refused_with(
        400,
        "EntityTooSmall",
        "Your proposed upload is smaller than the minimum allowed size",
    );
    upload.complete(json!([listed(2, &last), listed(1, &small)]), json!({})).refused_with(
        400,
        "InvalidPartOrder",
        "The list of parts was not in ascending order. Parts must be ordered by part number.",
    );
    let wrong = upload.complete(json!([listed(1, &last)]), json!({}));
    assert_eq!((&wrong.value["PartNumber"], &wrong.value["UploadId"]), (&json!("1"), &json!(upload.id)));
    wrong.refused_with(
        400,
        "InvalidPart",
        "One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.",
    );
    upload.complete(json!([listed(3, &last)]), json!({})).refused(400, "InvalidPart");
    upload.complete(json!([]), json!({})).refused(400, "MalformedXML");
    upload.complete(json!([listed(1, &small)]), json!({ "MpuObjectSize": 6 })).refused(400, "InvalidRequest");
    upload.complete(json!([listed(1, &small)]), json!({ "MpuObjectSize": -1 })).refused_with(
        400,
        "InvalidRequest",
        "Value for x-amz-mp-object-size header is less than zero: '-1'",
    );
    upload.part(10_001, "x", json!({})).refused_with(
        400,
        "InvalidArgument",
        "Part number must be an integer between 1 and 10000, inclusive",
    );
    upload.complete(json!([listed(1, &small)]), json!({ "IfMatch": "\"x\"" })).refused(404, "NoSuchKey");
    upload.complete(json!([listed(1, &small)]), json!({ "MpuObjectSize": 5 })).ok();
    let unknown = json!({ "Bucket": "bkt", "Key": "k", "UploadId": "nonsense" });
    let missing = root.call("s3", "ListParts", unknown);
    assert_eq!(missing.value["UploadId"], "nonsense");
    missing.refused_with(
        404,
        "NoSuchUpload",
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.",
    );
}

#[test]
fn checksums_of_parts_and_of_the_whole() {
    let cloud = Cloud::new();
    let root = with_bucket(&cloud);
    let sum = |kind, text: &str| auth::sigv4::Checksum::of(kind, text.as_bytes());
    use auth::sigv4::ChecksumKind::{Crc32, Sha256};
    let body = bytes(3, 10);
    let upload = Upload::begin(&root, json!({ "ChecksumAlgorithm": "SHA256" }));
    upload.part(1, &body, json!({})).refused_with(
        400,
        "InvalidRequest",
        "Checksum Type mismatch occurred, expected checksum Type: sha256, actual checksum Type: null",
    );
    let part = upload.part(1, &body, json!({ "ChecksumSHA256": sum(Sha256, &body) })).ok();
    assert_eq!(part["ChecksumSHA256"], sum(Sha256, &body));
    let etag = &part["ETag"];
    upload.complete(json!([listed(1, etag)]), json!({})).refused_with(
        400,
        "InvalidRequest",
        "The upload was created using a sha256 checksum. The complete request must include the checksum for each part. It was missing for part 1 in the request.",
    );
    let given = json!([{ "PartNumber": 1, "ETag": etag, "ChecksumSHA256": sum(Sha256, &body) }]);
    upload.complete(given.clone(), json!({ "ChecksumSHA256": sum(Sha256, "x") })).refused(400, "BadDigest");
    for (wrong, words) in [
        (json!({ "ChecksumType": "HALF" }), "Value for x-amz-checksum-type header is invalid."),
        (
            json!({ "ChecksumSHA256": format!("{}-smth", sum(Sha256, "x")) }),
            "Value for x-amz-checksum-sha256 header is invalid.",
        ),
        (
            json!({ "ChecksumSHA256": sum(Sha256, "x"), "ChecksumCRC32": sum(Crc32, "x") }),
            "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
        ),
    ] {
        upload.complete(given.clone(), wrong).refused_with(400, "InvalidRequest", words);
    }
    let done = upload.complete(given, json!({})).ok();
    let raw = STANDARD.decode(sum(Sha256, &body)).unwrap();
    let composite = auth::sigv4::Checksum::of(Sha256, &raw);
    assert_eq!(
        (&done["ChecksumSHA256"], &done["ChecksumType"]),
        (&json!(format!("{composite}-1")), &json!("COMPOSITE"))
    );
    let names = json!(["Checksum", "ObjectParts"]);
    let told = json!({ "Bucket": "bkt", "Key": "k", "ObjectAttributes": names });
    let told = root.call("s3", "GetObjectAttributes", told).ok();
    assert_eq!(told["Checksum"]["ChecksumSHA256"], composite);
    assert_eq!(told["ObjectParts"]["Parts"][0]["ChecksumSHA256"], sum(Sha256, &body));
    let part = json!({ "Bucket": "bkt", "Key": "k", "PartNumber": 1, "ChecksumMode": "ENABLED" });
    let part = root.call("s3", "HeadObject", part).ok();
    assert_eq!(
        (&part["ChecksumSHA256"], &part["ChecksumType"]),
        (&json!(sum(Sha256, &body)), &json!("COMPOSITE"))
    );
    assert_eq!(told["ObjectParts"]["TotalPartsCount"], 1);

    let upload = Upload::begin(&root, json!({ "ChecksumAlgorithm": "CRC32", "ChecksumType": "FULL_OBJECT" }));
    let (first, second) = (bytes(4, 5 * MIB), bytes(5, 9));
    let one = upload.part(1, &first, json!({ "ChecksumCRC32": sum(Crc32, &first) })).ok()["ETag"].clone();
    let two = upload.part(2, &second, json!({ "ChecksumCRC32": sum(Crc32, &second) })).ok()["ETag"].clone();
    let given = json!([listed(1, &one), listed(2, &two)]);
    let whole = sum(Crc32, &format!("{first}{second}"));
    upload.complete(given.clone(), json!({ "ChecksumType": "COMPOSITE" })).refused(400, "InvalidRequest");
    upload.complete(given.clone(), json!({ "ChecksumCRC32": "none" })).refused_with(
        400,
        "InvalidRequest",
        "Value for x-amz-checksum-crc32 header is invalid.",
    );
    let of_whole = |more: Value| and(json!({ "ChecksumType": "FULL_OBJECT" }), more);
    for bad in [json!({ "ChecksumCRC32": whole }), of_whole(json!({ "ChecksumSHA256": sum(Sha256, "x") }))] {
        upload.complete(given.clone(), bad).refused_with(
            400,
            "BadDigest",
            "The crc32 you specified did not match the calculated checksum.",
        );
    }
    let done = upload.complete(given, of_whole(json!({ "ChecksumCRC32": whole }))).ok();
    assert_eq!((&done["ChecksumCRC32"], &done["ChecksumType"]), (&json!(whole), &json!("FULL_OBJECT")));
    let part = json!({ "Bucket": "bkt", "Key": "k", "PartNumber": 2, "ChecksumMode": "ENABLED" });
    let part = root.call("s3", "HeadObject", part).ok();
    assert_eq!(
        (&part["PartsCount"], part.get("ChecksumCRC32"), part.get("ChecksumType")),
        (&json!(2), None, None)
    );
}

#[test]
fn an_upload_that_names_no_algorithm_has_none_to_be_compared() {
    let cloud = Cloud::new();
    let root = with_bucket(&cloud);
    let upload = Upload::begin(&root, json!({}));
    let one = upload.part(1, "aaa", json!({})).ok()["ETag"].clone();
    for kind in ["FULL_OBJECT", "COMPOSITE"] {
        upload.complete(json!([listed(1, &one)]), json!({ "ChecksumType": kind })).refused_with(
            400,
            "InvalidRequest",
            "The upload was created using the null checksum mode. The complete request must use the same checksum mode.",
        );
    }
    let bad = upload.part(1, "aaa", json!({ "ContentMD5": STANDARD.encode([0; 16]) }));
    assert_eq!(bad.value["ExpectedDigest"], STANDARD.encode([0; 16]), "of a part in the words of its header");
    bad.refused(400, "BadDigest");
    let done = upload.complete(json!([listed(1, &one)]), json!({ "ChecksumCRC32C": "AAAAAA==" })).ok();
    assert_eq!(
        (&done["ChecksumCRC64NVME"], &done["ChecksumType"]),
        (&json!("Rnr2/5P7Gsk="), &json!("FULL_OBJECT"))
    );
    let read = json!({ "Bucket": "bkt", "Key": "k", "PartNumber": 1, "ChecksumMode": "ENABLED" });
    assert_eq!(root.call("s3", "HeadObject", read).ok()["ChecksumCRC64NVME"], "Rnr2/5P7Gsk=");

    // Of a part it is told too, and may come back with it, but no checksum that the part was sent with.
    let upload = Upload::begin(&root, json!({}));
    let told = upload.part(1, "aaa", json!({})).ok();
    let complete = |name: &str, sum: &Value| {
        upload.complete(json!([{ "PartNumber": 1, "ETag": told["ETag"], name: sum }]), json!({}))
    };
    complete("ChecksumCRC64NVME", &json!("AAAAAAAAAAA=")).refused(400, "InvalidPart");
    let sent = upload.part(1, "aaa", json!({ "ChecksumAlgorithm": "CRC32", "ChecksumCRC32": "8AdzLQ==" }));
    complete("ChecksumCRC32", &sent.ok()["ChecksumCRC32"]).refused(400, "InvalidPart");
    assert_eq!(told["ChecksumCRC64NVME"], "Rnr2/5P7Gsk=");
    complete("ChecksumCRC64NVME", &told["ChecksumCRC64NVME"]).ok();

    // Under a key of KMS the end does not tell it, the object does.
    let upload = Upload::begin(&root, json!({ "ServerSideEncryption": "aws:kms" }));
    let one = upload.part(1, "aaa", json!({})).ok()["ETag"].clone();
    let done = upload.complete(json!([listed(1, &one)]), json!({})).ok();
    assert_eq!((&done["ServerSideEncryption"], done.get("ChecksumType")), (&json!("aws:kms"), None));
    let read = json!({ "Bucket": "bkt", "Key": "k", "ChecksumMode": "ENABLED" });
    assert_eq!(root.call("s3", "HeadObject", read).ok()["ChecksumCRC64NVME"], "Rnr2/5P7Gsk=");
}

/// Of an algorithm that does not combine, the whole has a checksum of its parts' checksums, and nothing else.
#[test]
fn newer_algorithms_are_of_the_parts() {
    let cloud = Cloud::new();
    let root = with_bucket(&cloud);
    for name in ["MD5", "XXHASH64", "XXHASH3", "XXHASH128", "SHA512"] {
        let kind = auth::sigv4::ChecksumKind::from_name(name).unwrap();
        let sum = |bytes: &[u8]| auth::sigv4::Checksum::of(kind, bytes);
        let member = format!("Checksum{name}");
        let full =
            json!({ "Bucket": "bkt", "Key": "k", "ChecksumAlgorithm": name, "ChecksumType": "FULL_OBJECT" });
        root.call("s3", "CreateMultipartUpload", full).refused_with(
            400,
            "InvalidRequest",
            &format!(
                "The FULL_OBJECT checksum type cannot be used with the {} checksum algorithm.",
                name.to_ascii_lowercase()
            ),
        );
        let upload = Upload::begin(&root, json!({ "ChecksumAlgorithm": name }));
        let (first, second) = (bytes(7, 5 * MIB), bytes(8, 11));
        let mut raw = Vec::new();
        let given = [(1, &first), (2, &second)].map(|(number, body)| {
            let own = sum(body.as_bytes());
            raw.extend(STANDARD.decode(&own).unwrap());
            let part = upload.part(number, body, json!({ member.as_str(): own })).ok();
            assert_eq!(part[&member], own);
            json!({ "PartNumber": number, "ETag": part["ETag"], member.as_str(): own })
        });
        let parts = root.call("s3", "ListParts", upload.of(json!({}))).ok();
        assert_eq!(
            (&parts["ChecksumAlgorithm"], &parts["Parts"][1][&member]),
            (&json!(name), &given[1][&member])
        );
        let done = upload.complete(json!(given), json!({})).ok();
        assert_eq!(
            (&done[&member], &done["ChecksumType"]),
            (&json!(format!("{}-2", sum(&raw))), &json!("COMPOSITE"))
        );
    }
}

#[test]
fn parts_are_copied() {
    let cloud = Cloud::new();
    let root = with_bucket(&cloud);
    let source = bytes(6, 6 * MIB);
    root.call("s3", "PutObject", json!({ "Bucket": "bkt", "Key": "source", "Body": source })).ok();
    let upload = Upload::begin(&root, json!({}));
    let copy = |number: u32, more: Value| {
        let part = upload.of(json!({ "PartNumber": number, "CopySource": "bkt/source" }));
        root.call("s3", "UploadPartCopy", and(part, more))
    };
    let one = copy(1, json!({})).ok()["CopyPartResult"]["ETag"].clone();
    let two = copy(2, json!({ "CopySourceRange": "bytes=10-19" })).ok()["CopyPartResult"]["ETag"].clone();
    copy(3, json!({ "CopySourceRange": "bytes=0-99999999" })).refused(400, "InvalidArgument");
    copy(3, json!({ "CopySourceRange": "0-9" })).refused_with(
        400,
        "InvalidArgument",
        "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy",
    );
    copy(3, json!({ "CopySourceIfMatch": "x" })).refused(412, "PreconditionFailed");
    upload.complete(json!([listed(1, &one), listed(2, &two)]), json!({})).ok();
    let got = root.call("s3", "GetObject", json!({ "Bucket": "bkt", "Key": "k" }));
    assert!(got.body == format!("{source}{}", &source[10..20]).as_bytes());
}

#[test]
fn uploads_are_listed_and_aborted() {
    let cloud = Cloud::new();
    let root = with_bucket(&cloud);
    let begin = |key: &str| {
        let begun = root.call("s3", "CreateMultipartUpload", json!({ "Bucket": "bkt", "Key": key })).ok();
        begun["UploadId"].as_str().unwrap().to_owned()
    };
    let first = begin("dir/a");
    cloud.advance(std::time::Duration::from_secs(1));
    let second = begin("dir/a");
    let third = begin("z");
    let list =
        |more: Value| root.call("s3", "ListMultipartUploads", and(json!({ "Bucket": "bkt" }), more)).ok();
    let ids = |listed: &Value| {
        let all = listed["Uploads"].as_array().cloned().unwrap_or_default();
        all.iter().map(|u| u["UploadId"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&list(json!({}))), [first.as_str(), &second, &third]);
    let page = list(json!({ "MaxUploads": 1 }));
    assert_eq!((&page["IsTruncated"], &page["NextUploadIdMarker"]), (&json!(true), &json!(first)));
    let rest =
        list(json!({ "KeyMarker": page["NextKeyMarker"], "UploadIdMarker": page["NextUploadIdMarker"] }));
    assert_eq!(ids(&rest), [second.as_str(), &third]);
    assert_eq!(ids(&list(json!({ "KeyMarker": "dir/a" }))), [third.as_str()]);
    let rolled = list(json!({ "Delimiter": "/" }));
    assert_eq!((&rolled["CommonPrefixes"][0]["Prefix"], ids(&rolled)), (&json!("dir/"), vec![third.clone()]));
    // A page that has nothing but prefixes leads nowhere, but whoever names the last one goes on behind it.
    let cut = list(json!({ "Delimiter": "/", "MaxUploads": 1 }));
    assert_eq!(
        (&cut["IsTruncated"], &cut["NextKeyMarker"], &cut["NextUploadIdMarker"]),
        (&json!(true), &json!(""), &json!(""))
    );
    assert_eq!(ids(&list(json!({ "Delimiter": "/", "KeyMarker": "dir/" }))), [third.as_str()]);
    assert_eq!(ids(&list(json!({ "Prefix": "dir" }))).len(), 2);
    for (key, id) in [("dir/a", &first), ("dir/a", &second), ("z", &third)] {
        let of = json!({ "Bucket": "bkt", "Key": key, "UploadId": id });
        root.call(
            "s3",
            "UploadPart",
            and(of.clone(), json!({ "PartNumber": 1, "Body": "x".repeat(100_000) })),
        )
        .ok();
        assert_eq!(root.call("s3", "AbortMultipartUpload", of).status, 204);
    }
    assert_eq!(ids(&list(json!({}))), Vec::<String>::new());
    let store = cloud.cloud.store().snapshot();
    assert_eq!(blob::refs::CONTENTS.count(&store, &store::Key::empty()).unwrap(), 0);
}

#[test]
fn keys_of_callers_stay_the_same() {
    let cloud = Cloud::new();
    let root = with_bucket(&cloud);
    let customer = |key: &[u8]| {
        json!({
            "SSECustomerAlgorithm": "AES256",
            "SSECustomerKey": STANDARD.encode(key),
            "SSECustomerKeyMD5": STANDARD.encode(Md5::of(key)),
        })
    };
    let rules = json!({ "Rules": [{ "BlockedEncryptionTypes": { "EncryptionType": ["NONE"] } }] });
    let allow = json!({ "Bucket": "bkt", "ServerSideEncryptionConfiguration": rules });
    root.call("s3", "PutBucketEncryption", allow).ok();
    let upload = Upload::begin(&root, customer(&[1; 32]));
    upload.part(1, "x", json!({})).refused_with(
        400,
        "InvalidRequest",
        "The multipart upload initiate requested encryption. Subsequent part requests must include the appropriate encryption parameters.",
    );
    upload.part(1, "x", customer(&[2; 32])).refused_with(
        400,
        "InvalidRequest",
        "The provided encryption parameters did not match the ones used originally.",
    );
    let one = upload.part(1, "secret", customer(&[1; 32])).ok()["ETag"].clone();
    upload.complete(json!([listed(1, &one)]), customer(&[2; 32])).refused_with(
        400,
        "InvalidRequest",
        "The provided encryption parameters did not match the ones used originally.",
    );
    let done = upload.complete(json!([listed(1, &one)]), json!({})).ok();
    assert_eq!((done.get("ChecksumCRC64NVME"), done.get("ChecksumType")), (None, None));
    let read = and(json!({ "Bucket": "bkt", "Key": "k", "ChecksumMode": "ENABLED" }), customer(&[1; 32]));
    let got = root.call("s3", "GetObject", read);
    assert_eq!(&got.body[..], b"secret");
    assert!(got.headers.get("x-amz-checksum-type").is_none());
    // Whoever wants checksums brings the key to the end as well.
    let sums = and(json!({ "ChecksumAlgorithm": "CRC64NVME" }), customer(&[1; 32]));
    let upload = Upload::begin(&root, sums);
    let one = upload.part(1, "secret", customer(&[1; 32])).ok()["ETag"].clone();
    upload.complete(json!([listed(1, &one)]), json!({})).refused(400, "InvalidRequest");
    upload.complete(json!([listed(1, &one)]), customer(&[1; 32])).ok();
}

#[test]
fn parts_that_are_not_listed_at_all() {
    let cloud = Cloud::new();
    let root = with_bucket(&cloud);
    let upload = Upload::begin(&root, json!({}));
    upload.complete(json!([]), json!({})).refused(400, "MalformedXML");
    root.call("s3", "CompleteMultipartUpload", upload.of(json!({}))).refused_with(
        400,
        "InvalidRequest",
        "You must specify at least one part",
    );
    let gone = Upload { root: &root, id: "none".to_owned() };
    root.call("s3", "CompleteMultipartUpload", gone.of(json!({}))).refused(404, "NoSuchUpload");
}

/// A rule that aborts uploads is told to whoever begins one, and to whoever lists its parts.
#[test]
fn when_an_upload_is_aborted() {
    let cloud = Cloud::new();
    let root = cloud.root("123456789012");
    root.call("s3", "CreateBucket", json!({ "Bucket": "ended" })).ok();
    let begin =
        |key: &str| root.call("s3", "CreateMultipartUpload", json!({ "Bucket": "ended", "Key": key })).ok();
    assert!(begin("log/a").get("AbortDate").is_none());
    let rule = json!({
        "ID": "a b", "Filter": { "Prefix": "log/" }, "Status": "Enabled",
        "AbortIncompleteMultipartUpload": { "DaysAfterInitiation": 7 },
    });
    let rules = json!({ "Bucket": "ended", "LifecycleConfiguration": { "Rules": [rule] } });
    root.call("s3", "PutBucketLifecycleConfiguration", rules).ok();
    let begun = begin("log/a");
    assert_eq!(
        (&begun["AbortDate"], &begun["AbortRuleId"]),
        (&json!("Fri, 23 Jan 2026 00:00:00 GMT"), &json!("a b"))
    );
    assert!(begin("b").get("AbortDate").is_none());
    let of = json!({ "Bucket": "ended", "Key": "log/a", "UploadId": begun["UploadId"] });
    let parts = root.call("s3", "ListParts", of).ok();
    assert_eq!((&parts["AbortDate"], &parts["AbortRuleId"]), (&begun["AbortDate"], &begun["AbortRuleId"]));
}
