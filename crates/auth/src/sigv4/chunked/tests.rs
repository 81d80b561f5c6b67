//! The published uploads in chunks, bodies that are wrong in every way we know, and bytes by chance.

use super::{ChunkSigner, Decoder, Finished};
use crate::sigv4::sign::{Signer, sign_headers};
use crate::sigv4::{Algorithm, ChecksumKind, Dialect, Payload, Secret, SigError, Verified};
use base::Timestamp;
use bytes::Bytes;
use http::HeaderMap;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// 2013-05-24T00:00:00Z, the day of S3's examples.
const NOW: Timestamp = Timestamp::from_seconds(1_369_353_600);

fn seed(payload: Payload, algorithm: Algorithm, more: &[(&'static str, &'static str)]) -> Verified {
    let secret = Secret::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
    let signer = Signer {
        access_key: "AKIAIOSFODNN7EXAMPLE",
        secret: &secret,
        session_token: None,
        region: "us-east-1",
        service: "s3",
        dialect: Dialect::S3,
        algorithm,
    };
    let mut headers = HeaderMap::new();
    for (name, value) in more {
        headers.insert(*name, value.parse().unwrap());
    }
    sign_headers(&signer, "PUT", "/examplebucket/chunkObject.txt", "", &mut headers, payload, NOW).unwrap()
}

fn documented(payload: Payload, trailer: bool) -> Verified {
    let mut headers = vec![
        ("host", "s3.amazonaws.com"),
        ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
        ("content-encoding", "aws-chunked"),
        ("x-amz-decoded-content-length", "66560"),
    ];
    if trailer {
        headers.push(("x-amz-trailer", "x-amz-checksum-crc32c"));
    } else {
        headers.push(("content-length", "66824"));
    }
    seed(payload, Algorithm::Hmac, &headers)
}

/// Decodes a body that comes in pieces of `step` bytes.
fn decode(mut decoder: Decoder, body: &[u8], step: usize) -> Result<(Vec<u8>, Finished), SigError> {
    let mut payload = Vec::new();
    for piece in body.chunks(step.max(1)) {
        let mut piece = Bytes::copy_from_slice(piece);
        while let Some(slice) = decoder.push(&mut piece)? {
            payload.extend_from_slice(&slice);
        }
    }
    Ok((payload, decoder.finish()?))
}

#[test]
fn the_documented_upload_in_chunks() {
    // S3 API reference, "Transferring Payload in Multiple Chunks": the seed and the three chunk signatures.
    let seed = documented(Payload::SignedChunks { trailer: false }, false);
    assert_eq!(seed.signature, "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9");
    let mut body = Vec::new();
    for (size, signature, data) in [
        ("10000", "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648", vec![b'a'; 65536]),
        ("400", "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497", vec![b'a'; 1024]),
        ("0", "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9", Vec::new()),
    ] {
        body.extend_from_slice(format!("{size};chunk-signature={signature}\r\n").as_bytes());
        body.extend_from_slice(&data);
        body.extend_from_slice(b"\r\n");
    }
    assert_eq!(body.len(), 66824);
    for step in [1, 7, 4096, 1 << 20] {
        let decoder = Decoder::new(&seed, Some("66560"), None).unwrap();
        let (payload, finished) = decode(decoder, &body, step).unwrap();
        assert_eq!(payload, vec![b'a'; 66560]);
        assert_eq!(finished, Finished { length: 66560, trailers: vec![], checksum: None });
    }
    let mut own = Vec::new();
    let mut signer = ChunkSigner::new(&seed, None);
    signer.chunk(&mut own, &[b'a'; 65536]).unwrap();
    signer.chunk(&mut own, &[b'a'; 1024]).unwrap();
    signer.end(&mut own).unwrap();
    assert_eq!(own, body);
}

#[test]
fn the_documented_upload_with_a_trailer() {
    // S3 API reference, "Trailing headers": the same object with a CRC32C behind it.
    let seed = documented(Payload::SignedChunks { trailer: true }, true);
    assert_eq!(seed.signature, "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e");
    let mut own = Vec::new();
    let mut signer = ChunkSigner::new(&seed, Some(ChecksumKind::Crc32C));
    signer.chunk(&mut own, &[b'a'; 65536]).unwrap();
    signer.chunk(&mut own, &[b'a'; 1024]).unwrap();
    signer.end(&mut own).unwrap();
    let text = String::from_utf8(own.clone()).unwrap();
    for expected in [
        "10000;chunk-signature=b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2\r\n",
        "400;chunk-signature=1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7\r\n",
        "0;chunk-signature=2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992\r\n\
         x-amz-checksum-crc32c:sOO8/Q==\r\n\
         x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n",
    ] {
        assert!(text.contains(expected), "{expected} is not in {}", &text[text.len() - 400..]);
    }
    for step in [1, 13, 1 << 20] {
        let decoder = Decoder::new(&seed, Some("66560"), Some("x-amz-checksum-crc32c")).unwrap();
        let (payload, finished) = decode(decoder, &own, step).unwrap();
        assert_eq!(payload.len(), 66560);
        assert_eq!(finished.checksum, Some((ChecksumKind::Crc32C, "sOO8/Q==".to_owned())));
    }
    // The form with a line feed of its own, as the documentation prints it, is taken as well.
    let with_feed = text.replace("sOO8/Q==\r\n", "sOO8/Q==\n\r\n");
    let decoder = Decoder::new(&seed, Some("66560"), Some("x-amz-checksum-crc32c")).unwrap();
    assert!(decode(decoder, with_feed.as_bytes(), 1 << 20).is_ok());
}

#[test]
fn sigv4a_chunks_go_round() {
    for trailer in [false, true] {
        let seed = seed(
            Payload::EcdsaChunks { trailer },
            Algorithm::Ecdsa,
            &[("host", "examplebucket.s3.amazonaws.com")],
        );
        let mut body = Vec::new();
        let mut signer = ChunkSigner::new(&seed, trailer.then_some(ChecksumKind::Sha256));
        signer.chunk(&mut body, &[1; 9000]).unwrap();
        signer.chunk(&mut body, b"end").unwrap();
        signer.end(&mut body).unwrap();
        let header = trailer.then_some("x-amz-checksum-sha256");
        let decoder = Decoder::new(&seed, Some("9003"), header).unwrap();
        assert_eq!(decode(decoder, &body, 100).unwrap().0.len(), 9003);
        body[400] ^= 1;
        let decoder = Decoder::new(&seed, Some("9003"), header).unwrap();
        assert_eq!(decode(decoder, &body, 100).unwrap_err().code, "SignatureDoesNotMatch");
    }
}

const INCOMPLETE: (&str, &str) = ("IncompleteBody", "The request body terminated unexpectedly");
const TRAILER: (&str, &str) = (
    "MalformedTrailerError",
    "The request contained trailing data that was not well-formed or did not conform to our published schema.",
);
const LENGTH: (&str, &str) =
    ("IncompleteBody", "You did not provide the number of bytes specified by the Content-Length HTTP header");

#[test]
fn unsigned_bodies_that_are_wrong() {
    let long = format!("{}\r\n", "0".repeat(600));
    let many = format!("0\r\n{}\r\n", "x-amz-checksum-crc32:AAAAAA==\r\n".repeat(20));
    for (body, length, trailer, expected) in [
        ("5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n", "5", "x-amz-checksum-crc32", None),
        ("5\r\nhello\r\n0\r\n\r\n", "5", "", None),
        ("0\r\n\r\n", "0", "", None),
        ("3\r\nhello\r\n0\r\n\r\n", "5", "", Some(INCOMPLETE)),
        ("5\r\nhello0\r\n\r\n", "5", "", Some(INCOMPLETE)),
        ("5\r\nhello\r\n0\r\n", "5", "", Some(INCOMPLETE)),
        ("5\r\nhello\r\n0\r\n\rX", "5", "", Some(INCOMPLETE)),
        ("5\r\nhello\r\n", "5", "", Some(INCOMPLETE)),
        ("5\r\nhello\r\n0\r\n\r\nmore", "5", "", Some(INCOMPLETE)),
        ("", "0", "", Some(INCOMPLETE)),
        ("x\r\n", "5", "", Some(INCOMPLETE)),
        ("+5\r\nhello\r\n", "5", "", Some(INCOMPLETE)),
        ("ffffffffffffffff\r\n", "5", "", Some(INCOMPLETE)),
        ("5;chunk-signature=00\r\nhello\r\n", "5", "", Some(INCOMPLETE)),
        (long.as_str(), "5", "", Some(INCOMPLETE)),
        ("5\r\nhello\r\n0\r\n\r\n", "6", "", Some(LENGTH)),
        ("5\r\nhello\r\n0\r\n\r\n", "4", "", Some(LENGTH)),
        ("5\r\nhello\r\n0\r\n\r\n", "5", "x-amz-checksum-crc32", Some(TRAILER)),
        ("5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n", "5", "", Some(TRAILER)),
        (
            "5\r\nhello\r\n0\r\nx-amz-checksum-sha1:NhCmhg==\r\n\r\n",
            "5",
            "x-amz-checksum-crc32",
            Some(TRAILER),
        ),
        ("5\r\nhello\r\n0\r\nnonsense\r\n\r\n", "5", "x-amz-checksum-crc32", Some(TRAILER)),
        ("0\r\nx-amz-trailer-signature:00\r\n\r\n", "0", "", Some(TRAILER)),
        (many.as_str(), "0", "x-amz-checksum-crc32", Some(TRAILER)),
        (
            "5\r\nhello\r\n0\r\nx-amz-checksum-crc32:nope\r\n\r\n",
            "5",
            "x-amz-checksum-crc32",
            Some(("InvalidRequest", "Value for x-amz-checksum-crc32 trailing header is invalid.")),
        ),
        (
            "5\r\nhello\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n",
            "5",
            "x-amz-checksum-crc32",
            Some(("BadDigest", "The CRC32 you specified did not match the calculated checksum.")),
        ),
        (
            "3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
            "5",
            "",
            Some((
                "InvalidChunkSizeError",
                "Only the last chunk is allowed to have a size less than 8192 bytes",
            )),
        ),
    ] {
        for step in [1, 3, 1000] {
            let decoder = Decoder::unsigned(Some(length), Some(trailer)).unwrap();
            let outcome = decode(decoder, body.as_bytes(), step);
            let error = outcome.as_ref().err().map(|e| (e.code, e.message.as_str()));
            assert_eq!(error, expected, "{body:?} by {step}");
        }
    }
}

#[test]
fn sizes_are_told() {
    let decoder = Decoder::unsigned(Some("5"), None).unwrap();
    let error = decode(decoder, b"3\r\nhel\r\n2\r\nlo\r\n", 100).unwrap_err();
    assert_eq!(
        (error.status, error.member("Chunk"), error.member("BadChunkSize")),
        (400, Some("2"), Some("3"))
    );
}

#[test]
fn heads_that_are_wrong() {
    let code = |length, trailer| {
        let error = Decoder::unsigned(length, trailer).unwrap_err();
        (error.code, error.status, error.message)
    };
    let length = ("MissingContentLength", 411, "You must provide the Content-Length HTTP header.".to_owned());
    assert_eq!(code(None, None), length);
    assert_eq!(code(Some("-1"), None), length);
    assert_eq!(code(Some("99999999999999999999999"), None), length);
    let unsupported = (
        "InvalidRequest",
        400,
        "The value specified in the x-amz-trailer header is not supported".to_owned(),
    );
    assert_eq!(code(Some("1"), Some("x-amz-checksum-sha10")), unsupported);
    assert_eq!(code(Some("1"), Some("x-amz-checksum-sha1,x-amz-checksum-crc32")), unsupported);
    let seed = documented(Payload::SignedChunks { trailer: false }, false);
    assert_eq!(
        Decoder::new(&seed, Some("1"), Some("x-amz-checksum-crc32")).unwrap_err().code,
        "MalformedTrailerError"
    );
}

#[test]
fn a_changed_byte_is_noticed() {
    let seed = documented(Payload::SignedChunks { trailer: true }, true);
    let mut body = Vec::new();
    let mut signer = ChunkSigner::new(&seed, Some(ChecksumKind::Crc32C));
    signer.chunk(&mut body, &[b'x'; 8192]).unwrap();
    signer.chunk(&mut body, b"tail").unwrap();
    signer.end(&mut body).unwrap();
    for at in 0..body.len() {
        if (200..8000).contains(&at) && at % 100 != 0 {
            continue;
        }
        let mut changed = body.clone();
        changed[at] ^= 0x11;
        let decoder = Decoder::new(&seed, Some("8196"), Some("x-amz-checksum-crc32c")).unwrap();
        let outcome = decode(decoder, &changed, 1 << 20);
        assert!(outcome.is_err(), "byte {at} {:?}", char::from(body[at]));
    }
    let text = "The request signature we calculated does not match the signature you provided. \
                Check your key and signing method.";
    let mut changed = body.clone();
    changed[200] ^= 1;
    let decoder = Decoder::new(&seed, Some("8196"), Some("x-amz-checksum-crc32c")).unwrap();
    let error = decode(decoder, &changed, 1 << 20).unwrap_err();
    assert_eq!((error.code, error.status, error.message.as_str()), ("SignatureDoesNotMatch", 403, text));
    assert!(
        error.member("StringToSign").unwrap().starts_with("AWS4-HMAC-SHA256-PAYLOAD\n20130524T000000Z\n")
    );
}

/// The same cases in every run.
fn config() -> ProptestConfig {
    ProptestConfig {
        cases: 256,
        rng_seed: RngSeed::Fixed(4),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_bytes_and_any_pieces(body in proptest::collection::vec(any::<u8>(), 0..600), step in 1usize..50) {
        let decoder = Decoder::unsigned(Some("100"), Some("x-amz-checksum-crc32")).unwrap();
        prop_assert!(decode(decoder, &body, step).is_err());
    }

    #[test]
    fn almost_right_bytes(body in "[0-9a-f]{1,3}(;chunk-signature=[0-9a-f]{0,4})?\r\n[a-z:\r\n0-9;-]{0,80}", step in 1usize..20) {
        let decoder = Decoder::unsigned(Some("10"), None).unwrap();
        if let Ok((payload, finished)) = decode(decoder, body.as_bytes(), step) {
            prop_assert_eq!(payload.len() as u64, finished.length);
            prop_assert_eq!(finished.length, 10);
        }
    }

    #[test]
    fn what_is_signed_decodes(
        chunks in proptest::collection::vec(8192usize..9000, 0..3),
        last in 0usize..9000,
        step in 1usize..5000,
        kind in 0usize..6,
    ) {
        let seed = documented(Payload::SignedChunks { trailer: true }, true);
        let kind = ChecksumKind::ALL[kind];
        let mut body = Vec::new();
        let mut signer = ChunkSigner::new(&seed, Some(kind));
        let total = chunks.iter().sum::<usize>() + last;
        for size in chunks.into_iter().chain([last]) {
            signer.chunk(&mut body, &vec![b'z'; size]).unwrap();
        }
        signer.end(&mut body).unwrap();
        let length = total.to_string();
        let decoder = Decoder::new(&seed, Some(&length), Some(kind.header())).unwrap();
        let (payload, finished) = decode(decoder, &body, step).unwrap();
        prop_assert_eq!(payload.len(), total);
        prop_assert_eq!(finished.checksum.map(|(k, _)| k), Some(kind));
    }
}
