//! The bytes of a request, on their way in: as they come from the connection ([`Incoming`]), and as an operation of
//! the data plane reads them ([`Body`]): decoded, and held against what was signed.
//!
//! Slices come out before all of them are verified; whoever stores them commits only after [`Body::next`] has given
//! its `None`.

use auth::sigv4::chunked::{Decoder, Finished};
use auth::sigv4::{Cause, ChecksumKind, Dialect, Payload, SigError, Verified};
use aws_lc_rs::digest;
use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use wire::Fault;
use wire::head::Head;

/// Why a body was not read to its end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cut {
    TooLarge,
    TooSlow,
    Broken,
}

impl Cut {
    /// `limit`: the bytes that would have been taken.
    pub fn fault(self, limit: usize) -> Fault {
        match self {
            Cut::TooLarge => Fault::new(
                413,
                "RequestEntityTooLarge",
                format!("The request body is larger than the {limit} bytes that this operation takes."),
            ),
            Cut::TooSlow => Fault::new(
                408,
                "RequestTimeout",
                "Your socket connection to the server was not read from or written to within the timeout period.",
            ),
            Cut::Broken => Fault::new(
                400,
                "IncompleteBody",
                "You did not provide the number of bytes specified by the Content-Length HTTP header",
            ),
        }
    }
}

impl std::fmt::Display for Cut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Cut::TooLarge => "the body is too large",
            Cut::TooSlow => "the other end does not go on",
            Cut::Broken => "the body ended too early",
        })
    }
}

impl std::error::Error for Cut {}

/// A body as the connection has it.
#[derive(Debug)]
pub enum Incoming {
    /// Read already.
    Whole(Bytes),
    /// Still to come. The connection bounds the wait for each piece.
    Stream(UnsyncBoxBody<Bytes, Cut>),
}

impl From<Bytes> for Incoming {
    fn from(bytes: Bytes) -> Incoming {
        Incoming::Whole(bytes)
    }
}

/// What the signature says about the body, and how a refusal is worded.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    pub(crate) payload: Payload,
    /// Of a body in chunks that go on from the signature; `None` for anonymous requests and root's shared keys, too, whose
    /// signatures nobody can verify.
    pub(crate) verified: Option<Verified>,
    pub(crate) dialect: Dialect,
}

/// A request's payload for an operation that reads it itself.
pub struct Body {
    incoming: Incoming,
    /// What the decoder has not taken of the last piece.
    pending: Bytes,
    decoding: Decoding,
    length: Option<u64>,
    dialect: Dialect,
    in_chunks: bool,
}

enum Decoding {
    Plain,
    Hashed(Box<digest::Context>, Payload),
    Chunked(Box<Decoder>),
    Done(Option<Finished>),
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Body({:?} bytes)", self.length)
    }
}

impl Body {
    /// The payload of a request that was not signed over the wire (a call within the cloud, a form's file).
    pub fn of(incoming: impl Into<Incoming>, length: Option<u64>) -> Body {
        let incoming = incoming.into();
        let length = match &incoming {
            Incoming::Whole(bytes) => Some(bytes.len() as u64),
            Incoming::Stream(_) => length,
        };
        Body {
            incoming,
            pending: Bytes::new(),
            decoding: Decoding::Plain,
            length,
            dialect: Dialect::S3,
            in_chunks: false,
        }
    }

    /// A payload that is all there, and has been held against its signature. Where there is none, and nobody has said so,
    /// its length is not known: S3 tells that.
    pub(crate) fn checked(bytes: Bytes, head: &Head<'_>) -> Body {
        let said = !bytes.is_empty() || head.header(CONTENT_LENGTH).is_some();
        let body = Body::of(bytes, None);
        Body { length: body.length.filter(|_| said), ..body }
    }

    pub fn empty() -> Body {
        Body::of(Bytes::new(), Some(0))
    }

    /// # Errors
    /// Those of [`Decoder::new`].
    pub(crate) fn claimed(incoming: Incoming, head: &Head<'_>, claim: &Claim) -> Result<Body, Fault> {
        let length = head.header(CONTENT_LENGTH).and_then(|text| text.parse().ok());
        let in_chunks = head.header(TRANSFER_ENCODING).is_some();
        let mut body = Body { dialect: claim.dialect, in_chunks, ..Body::of(incoming, length) };
        if claim.payload.is_chunked() {
            let decoded = head.header("x-amz-decoded-content-length");
            let trailer = head.header("x-amz-trailer");
            let decoder = match &claim.verified {
                Some(seed) => Decoder::new(seed, decoded, trailer),
                None => Decoder::unverified(claim.payload, decoded, trailer),
            };
            body.decoding = Decoding::Chunked(Box::new(decoder.map_err(fault)?));
            body.length = decoded.and_then(|text| text.parse().ok());
        } else if let Payload::Hash(_) = claim.payload {
            let context = Box::new(digest::Context::new(&digest::SHA256));
            body.decoding = Decoding::Hashed(context, claim.payload);
        }
        Ok(body)
    }

    /// How many bytes the caller has announced, without any framing; `None` where it has not said.
    pub fn length(&self) -> Option<u64> {
        self.length
    }

    /// Whether it comes in HTTP's own chunks.
    pub fn is_in_chunks(&self) -> bool {
        self.in_chunks
    }

    /// The checksum that will come behind the payload; it is held against it.
    pub fn announced(&self) -> Option<ChecksumKind> {
        match &self.decoding {
            Decoding::Chunked(decoder) => decoder.announced(),
            _ => None,
        }
    }

    /// The next piece; `None` at the end, once all that was signed or announced has been found true.
    ///
    /// # Errors
    /// `SignatureDoesNotMatch`, `XAmzContentSHA256Mismatch`, `BadDigest`, `IncompleteBody`, `RequestTimeout` and the
    /// like. After an error nothing of the body may be kept.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        loop {
            if let Decoding::Chunked(decoder) = &mut self.decoding
                && let Some(slice) = decoder.push(&mut self.pending).map_err(fault)?
            {
                return Ok(Some(slice));
            }
            match self.piece().await? {
                Some(piece) => match &mut self.decoding {
                    Decoding::Chunked(_) => self.pending = piece,
                    Decoding::Hashed(context, _) => {
                        context.update(&piece);
                        return Ok(Some(piece));
                    }
                    Decoding::Plain | Decoding::Done(_) => return Ok(Some(piece)),
                },
                None => return self.end().map(|()| None),
            }
        }
    }

    /// A piece as it came, never an empty one.
    async fn piece(&mut self) -> Result<Option<Bytes>, Fault> {
        match &mut self.incoming {
            Incoming::Whole(bytes) => {
                let bytes = std::mem::take(bytes);
                Ok((!bytes.is_empty()).then_some(bytes))
            }
            Incoming::Stream(stream) => loop {
                let Some(frame) = stream.frame().await else { return Ok(None) };
                let data = frame.map_err(|cut| cut.fault(0))?.into_data();
                if let Ok(data) = data
                    && !data.is_empty()
                {
                    return Ok(Some(data));
                }
            },
        }
    }

    fn end(&mut self) -> Result<(), Fault> {
        let finished = match std::mem::replace(&mut self.decoding, Decoding::Done(None)) {
            Decoding::Plain => None,
            Decoding::Hashed(context, payload) => {
                let mut computed = [0; 32];
                computed.copy_from_slice(context.finish().as_ref());
                payload.check(computed).map_err(|cause: Cause| fault(cause.tell(self.dialect)))?;
                None
            }
            Decoding::Chunked(decoder) => Some(decoder.finish().map_err(fault)?),
            Decoding::Done(finished) => finished,
        };
        self.decoding = Decoding::Done(finished);
        Ok(())
    }

    /// What came behind the payload; `None` before the end and where there was no such framing.
    pub fn finished(&self) -> Option<&Finished> {
        match &self.decoding {
            Decoding::Done(finished) => finished.as_ref(),
            _ => None,
        }
    }

    /// All of it, where it is small.
    ///
    /// # Errors
    /// Those of [`Body::next`]; `RequestEntityTooLarge` beyond `limit` bytes.
    pub async fn whole(&mut self, limit: usize) -> Result<Bytes, Fault> {
        let mut first = Bytes::new();
        let mut whole = BytesMut::new();
        while let Some(piece) = self.next().await? {
            if first.len() + whole.len() + piece.len() > limit {
                return Err(Cut::TooLarge.fault(limit));
            }
            // Small bodies arrive in one piece, which then needs no copy.
            if first.is_empty() && whole.is_empty() {
                first = piece;
            } else {
                if whole.is_empty() {
                    whole.extend_from_slice(&std::mem::take(&mut first));
                }
                whole.extend_from_slice(&piece);
            }
        }
        Ok(if whole.is_empty() { first } else { whole.freeze() })
    }
}

pub(crate) fn fault(error: SigError) -> Fault {
    let fault = Fault::new(error.status, error.code, error.message);
    error.members.into_iter().fold(fault, |fault, (name, text)| fault.with(name, wire::Value::Str(text)))
}
