//! Reads a request body whole, within a size and a time.

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use std::time::Duration;
use wire::Fault;

/// Why a body was not read to its end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Cut {
    TooLarge,
    TooSlow,
    Broken,
}

impl Cut {
    pub(crate) fn fault(self, limit: usize) -> Fault {
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

/// However steadily it comes: a byte now and then must not hold a connection for ever.
const WHOLE_TIMEOUT: Duration = Duration::from_secs(300);

/// The whole body, or why not. `idle` bounds the wait for each piece.
pub(crate) async fn read(body: Incoming, limit: usize, idle: Duration) -> Result<Bytes, Cut> {
    if body.size_hint().lower() > limit as u64 {
        return Err(Cut::TooLarge);
    }
    tokio::time::timeout(WHOLE_TIMEOUT, pieces(body, limit, idle)).await.unwrap_or(Err(Cut::TooSlow))
}

async fn pieces(mut body: Incoming, limit: usize, idle: Duration) -> Result<Bytes, Cut> {
    let mut first = Bytes::new();
    let mut whole = BytesMut::new();
    while !body.is_end_stream() {
        let frame = tokio::time::timeout(idle, body.frame()).await.map_err(|_| Cut::TooSlow)?;
        let Some(frame) = frame else { break };
        let Ok(piece) = frame.map_err(|_| Cut::Broken)?.into_data() else { continue };
        if first.len() + whole.len() + piece.len() > limit {
            return Err(Cut::TooLarge);
        }
        // Nearly every request arrives in one piece, which then needs no copy.
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
