//! How DynamoDB's bodies travel: requests may come packed by gzip, answers go packed to who takes that, with a checksum
//! of what goes and, to pages of other origins, with the leave to read it. To CloudWatch requests may come packed, too:
//! its model says so (`requestCompression`), and SDKs pack what is larger than 10 KiB.
//!
//! AWS: the guide's page on data compression, recorded answers. Of the services only DynamoDB and its streams pack answers.
//! What is signed is the body as it travels, so it is unpacked once the caller is known.

use crate::reply::{Content, Reply};
use bytes::Bytes;
use flate2::Compression;
use flate2::read::{GzEncoder, MultiGzDecoder, ZlibEncoder};
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderName, ORIGIN};
use http::{HeaderMap, HeaderValue};
use std::io::Read;
use wire::Fault;

const CRC32: HeaderName = HeaderName::from_static("x-amz-crc32");
const ALLOW_ORIGIN: HeaderName = HeaderName::from_static("access-control-allow-origin");
const EXPOSE_HEADERS: HeaderName = HeaderName::from_static("access-control-expose-headers");
/// What pages of other origins may read of an answer's head.
pub const EXPOSED: &str = "x-amzn-RequestId,x-amzn-ErrorType,x-amzn-ErrorMessage,Date";

/// Smaller answers go as they are.
const PACKED_BYTES_MIN: usize = 4096;
/// A few bytes must not become all memory.
const UNPACKED_BYTES_MAX: u64 = 64 << 20;

/// Whether a service's bodies travel so.
pub(crate) fn applies(service: &str) -> bool {
    matches!(service, "dynamodb" | "dynamodbstreams")
}

/// Whether a service takes packed requests.
pub(crate) fn unpacks(service: &str) -> bool {
    applies(service) || service == "cloudwatch"
}

/// Enough of a packed form to find the operation in, which clients write first; `None` for what is no such thing. Nobody
/// knows yet who sends it: no more is unpacked.
pub(crate) fn beginning(headers: &HeaderMap, body: &[u8]) -> Option<Vec<u8>> {
    const BYTES: u64 = 4096;
    let says = |name: &HeaderName, value: &[u8]| {
        let begins = headers.get(name).and_then(|own| own.as_bytes().get(..value.len()));
        begins.is_some_and(|begins| begins.eq_ignore_ascii_case(value))
    };
    if !says(&CONTENT_ENCODING, b"gzip") || !says(&CONTENT_TYPE, b"application/x-www-form-urlencoded") {
        return None;
    }
    let mut out = Vec::new();
    MultiGzDecoder::new(body).take(BYTES).read_to_end(&mut out).ok()?;
    Some(out)
}

/// The body of a request as its client wrote it.
///
/// # Errors
/// AWS's failure: what cannot be unpacked is told of as if it were the service's own fault.
pub(crate) fn unpacked(headers: &HeaderMap, body: Bytes) -> Result<Bytes, Fault> {
    let Some(coding) = headers.get(CONTENT_ENCODING) else { return Ok(body) };
    let failure = || Fault::new(500, "InternalFailure", "");
    match coding.as_bytes() {
        b"" => Ok(body),
        coding if coding.eq_ignore_ascii_case(b"identity") => Ok(body),
        coding if coding.eq_ignore_ascii_case(b"gzip") && !body.is_empty() => {
            let mut out = Vec::new();
            let mut packed = MultiGzDecoder::new(&body[..]).take(UNPACKED_BYTES_MAX + 1);
            let read = packed.read_to_end(&mut out).map_err(|_| failure())?;
            if read as u64 > UNPACKED_BYTES_MAX { Err(failure()) } else { Ok(out.into()) }
        }
        _ => Err(failure()),
    }
}

/// An answer as it travels to who sent `asked`.
pub(crate) fn finished(mut reply: Reply, asked: &HeaderMap) -> Reply {
    let Content::Whole(body) = &mut reply.content else { return reply };
    if body.len() >= PACKED_BYTES_MIN
        && let Some(coding) = wanted(asked)
    {
        let mut out = Vec::with_capacity(body.len() / 2);
        let packed = match coding {
            Coding::Gzip => GzEncoder::new(&body[..], Compression::fast()).read_to_end(&mut out),
            Coding::Deflate => ZlibEncoder::new(&body[..], Compression::fast()).read_to_end(&mut out),
        };
        // To read from memory never fails.
        if packed.is_ok() {
            *body = out.into();
            reply.headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
        }
    }
    let mut crc = flate2::Crc::new();
    crc.update(body);
    reply.headers.insert(CRC32, HeaderValue::from(crc.sum()));
    if asked.contains_key(ORIGIN) {
        reply.headers.insert(ALLOW_ORIGIN, HeaderValue::from_static("*"));
        reply.headers.insert(EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
    }
    reply
}

/// What answers are packed by, the one that is preferred first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Coding {
    Gzip,
    Deflate,
}

impl Coding {
    const ALL: [Coding; 2] = [Coding::Gzip, Coding::Deflate];

    fn name(self) -> &'static str {
        match self {
            Coding::Gzip => "gzip",
            Coding::Deflate => "deflate",
        }
    }
}

/// What the client wants most (RFC 9110, section 12.5.3): by weight, then what it names before what `*` stands for,
/// then in its order. To take it as it is never wins.
fn wanted(asked: &HeaderMap) -> Option<Coding> {
    let mut named: Vec<(String, f32)> = Vec::new();
    for list in asked.get_all(ACCEPT_ENCODING) {
        for part in list.to_str().unwrap_or_default().split(',') {
            let mut parameters = part.split(';');
            let name = parameters.next().unwrap_or_default().trim().to_ascii_lowercase();
            let weight = parameters.find_map(|parameter| {
                let (key, value) = parameter.split_once('=')?;
                key.trim().eq_ignore_ascii_case("q").then(|| value.trim().parse().unwrap_or(0.0))
            });
            named.push((name, weight.unwrap_or(1.0)));
        }
    }
    let of = |name: &str| named.iter().position(|(known, _)| known == name);
    let rank = |coding: Coding| {
        let own = of(coding.name());
        let place = own.or_else(|| of("*"))?;
        Some((coding, named[place].1, if own.is_some() { place } else { named.len() }))
    };
    let mut best: Option<(Coding, f32, usize)> = None;
    for found in Coding::ALL.into_iter().filter_map(rank).filter(|(_, weight, _)| *weight > 0.0) {
        let is_better =
            best.is_none_or(|(_, weight, place)| found.1 > weight || found.1 == weight && found.2 < place);
        if is_better {
            best = Some(found);
        }
    }
    best.map(|(coding, ..)| coding)
}

#[cfg(test)]
mod tests {
    use super::{Coding, finished, unpacked, wanted};
    use crate::reply::{Content, Reply};
    use bytes::Bytes;
    use flate2::Compression;
    use flate2::read::{GzDecoder, GzEncoder};
    use http::{HeaderMap, HeaderName, HeaderValue};
    use std::io::Read;

    fn headers(list: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        let mut out = HeaderMap::new();
        list.iter().map(pair).for_each(|(name, value)| {
            out.append(name, value);
        });
        out
    }

    #[test]
    fn the_client_says_what_it_takes() {
        let (gzip, deflate) = (Some(Coding::Gzip), Some(Coding::Deflate));
        for (accept, coding) in [
            ("gzip", gzip),
            ("deflate", deflate),
            ("", None),
            ("identity", None),
            ("br", None),
            ("x-gzip", None),
            ("gzip, deflate", gzip),
            ("br, identity, deflate, gzip", deflate),
            ("GZIP, identity", gzip),
            ("dog, gzip ,, cat", gzip),
            ("gzip;q=0.8, deflate;q=0.5", gzip),
            ("br, gzip;q=0, deflate; q = 0.5 , identity;q=0", deflate),
            ("*", gzip),
            ("*;q=0", None),
            ("*, deflate;q=0.5", gzip),
            ("*, deflate", deflate),
            ("*, identity", gzip),
            ("*, gzip;q=0.5", deflate),
            ("gzip ;q=0", None),
        ] {
            assert_eq!(wanted(&headers(&[("accept-encoding", accept)])), coding, "{accept}");
        }
        assert_eq!(wanted(&headers(&[("accept-encoding", "br"), ("accept-encoding", "deflate")])), deflate);
    }

    fn packed(text: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        GzEncoder::new(text, Compression::fast()).read_to_end(&mut out).unwrap();
        out
    }

    #[test]
    fn requests_are_unpacked() {
        let gzip = headers(&[("content-encoding", "gzip")]);
        let both = [packed(b"{\"a\""), packed(b":1}")].concat();
        assert_eq!(unpacked(&gzip, both.into()).unwrap(), "{\"a\":1}");
        assert_eq!(unpacked(&headers(&[]), Bytes::from_static(b"{}")).unwrap(), "{}");
        let cut = packed(b"{}");
        for (coding, body) in [
            ("gzip", Bytes::from_static(b"{}")),
            ("gzip", Bytes::new()),
            ("gzip", cut[..cut.len() - 1].to_vec().into()),
            ("garbage", Bytes::from_static(b"{}")),
            // A bomb.
            ("gzip", packed(&vec![b' '; 65 << 20]).into()),
        ] {
            let failed = unpacked(&headers(&[("content-encoding", coding)]), body).unwrap_err();
            assert_eq!((failed.status, &*failed.code), (500, "InternalFailure"), "{coding}");
        }
    }

    #[test]
    fn answers_carry_the_checksum_of_what_goes() {
        let answer = |body: String, asked: &[(&'static str, &'static str)]| {
            let reply =
                Reply { status: 200, headers: HeaderMap::new(), content: Content::Whole(body.into()) };
            let reply = finished(reply, &headers(asked));
            let Content::Whole(body) = reply.content else { panic!("a stream") };
            (reply.headers, body)
        };
        let crc = |headers: &HeaderMap| headers["x-amz-crc32"].to_str().unwrap().to_owned();
        let (plain, body) = answer("{}".to_owned(), &[("accept-encoding", "gzip")]);
        assert_eq!((crc(&plain), &body[..]), ("2745614147".to_owned(), &b"{}"[..]));
        assert!(
            !plain.contains_key("content-encoding") && !plain.contains_key("access-control-allow-origin")
        );
        let text = "x".repeat(4096);
        let (small, _) = answer("x".repeat(4095), &[("accept-encoding", "gzip")]);
        assert!(!small.contains_key("content-encoding"));
        let (large, body) =
            answer(text.clone(), &[("accept-encoding", "gzip"), ("origin", "http://a.example")]);
        let mut read = String::new();
        GzDecoder::new(&body[..]).read_to_string(&mut read).unwrap();
        let mut sum = flate2::Crc::new();
        sum.update(&body);
        assert_eq!((read, crc(&large)), (text, sum.sum().to_string()));
        assert_eq!(large["content-encoding"], "gzip");
        assert_eq!(large["access-control-allow-origin"], "*");
    }
}
