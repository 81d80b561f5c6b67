//! `POST /_virga/exec`: runs a program in a machine and streams what it says.
//!
//! The answer is a sequence of frames, `kind:u8 length:u32 bytes` (big-endian), up to the one that tells how the program
//! ended. Empty ones go out every second, so that a client that has gone away is noticed: its program is killed.

use super::internal::Refusal;
use super::{Answered, response};
use bytes::{BufMut, Bytes, BytesMut};
use compute::ec2::exec::{NotStarted, Started, start};
use http::{HeaderMap, HeaderValue, Response, header};
use http_body::Frame;
use http_body_util::BodyExt;
use kernel::body::Cut;
use kernel::{Cloud, Content};
use serde_json::Value;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;
use tokio::sync::{Semaphore, SemaphorePermit, mpsc};
use tokio::time::Instant;

pub(crate) const ALIVE: u8 = 0;
pub(crate) const STDOUT: u8 = 1;
pub(crate) const STDERR: u8 = 2;
/// Four bytes: the exit code, or 128 and the signal's number.
pub(crate) const ENDED: u8 = 3;

/// What shells answer for a command that is not there, and for one that cannot be run.
const NO_PROGRAM: i32 = 127;
const NOT_RUNNABLE: i32 = 126;

/// At one time, in the whole cloud.
const PROGRAMS_MAX: usize = 64;
static SLOTS: Semaphore = Semaphore::const_new(PROGRAMS_MAX);

const PIECE_BYTES: usize = 16 << 10;
const BEAT: Duration = Duration::from_secs(1);
/// How long is listened to what a program has left running, after its own end.
const LINGER: Duration = Duration::from_millis(300);

pub(super) async fn run(cloud: &Arc<Cloud>, body: &[u8]) -> Result<Response<Answered>, Refusal> {
    let (instance, command) = order(body)?;
    let busy = || Refusal(429, format!("{PROGRAMS_MAX} programs are running; that is the most"));
    let slot = SLOTS.try_acquire().map_err(|_| busy())?;
    let (cloud, program) = (Arc::clone(cloud), command.first().cloned().unwrap_or_default());
    let started = tokio::task::spawn_blocking(move || start(&cloud, &instance, &command)).await;
    let (sender, receiver) = mpsc::channel(16);
    match started.map_err(|e| Refusal(500, e.to_string()))? {
        Ok(started) => drop(tokio::spawn(listen(started, sender, slot))),
        Err(NotStarted::Machine(why)) => return Err(Refusal(409, why)),
        Err(NotStarted::Failed(why)) => return Err(Refusal(500, why)),
        Err(NotStarted::Program { is_there }) => {
            let (why, code) =
                if is_there { ("cannot be run", NOT_RUNNABLE) } else { ("is not there", NO_PROGRAM) };
            let said = format!("{program} {why}\n");
            let _ = sender.send(frame(STDERR, said.as_bytes())).await;
            let _ = sender.send(frame(ENDED, &code.to_be_bytes())).await;
        }
    }
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    Ok(response(200, headers, Content::Stream(Frames(receiver).boxed_unsync())))
}

/// `{"instance": "i-…", "command": ["ls", "-l"]}`
fn order(body: &[u8]) -> Result<(String, Vec<String>), Refusal> {
    let order: Value = serde_json::from_slice(body).unwrap_or_default();
    let instance = order["instance"].as_str().map(str::to_owned);
    let words =
        order["command"].as_array().map(|words| words.iter().map(|word| word.as_str().map(str::to_owned)));
    let command = words.and_then(Iterator::collect::<Option<Vec<_>>>).filter(|words| !words.is_empty());
    instance.zip(command).ok_or_else(|| Refusal(400, "the body must name an instance and a command".into()))
}

fn frame(kind: u8, bytes: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(bytes.len() + 5);
    out.put_u8(kind);
    out.put_u32(u32::try_from(bytes.len()).unwrap_or(0));
    out.put_slice(bytes);
    out.freeze()
}

/// Passes on what a program says until it has ended, or nobody listens any more.
async fn listen(started: Started, sender: mpsc::Sender<Bytes>, _slot: SemaphorePermit<'static>) {
    let Started { process, stdout, stderr } = started;
    let waits = Arc::clone(&process);
    let mut end = tokio::task::spawn_blocking(move || waits.wait());
    let pipes = pipe::Receiver::from_owned_fd(stdout.into())
        .and_then(|out| Ok((out, pipe::Receiver::from_owned_fd(stderr.into())?)));
    if let Ok((mut out, mut err)) = pipes {
        let (mut from_out, mut from_err) = (vec![0; PIECE_BYTES], vec![0; PIECE_BYTES]);
        let (mut out_open, mut err_open, mut code) = (true, true, None);
        let mut beat = tokio::time::interval(BEAT);
        let mut last = Instant::now();
        loop {
            if code.is_some() && !out_open && !err_open {
                last = Instant::now();
            }
            let said = tokio::select! {
                // What it has said goes before its end.
                biased;
                read = out.read(&mut from_out), if out_open => match read {
                    Ok(length) if length > 0 => frame(STDOUT, &from_out[..length]),
                    _ => { out_open = false; continue }
                },
                read = err.read(&mut from_err), if err_open => match read {
                    Ok(length) if length > 0 => frame(STDERR, &from_err[..length]),
                    _ => { err_open = false; continue }
                },
                ended = &mut end, if code.is_none() => {
                    // A data plane that has ended has killed it.
                    code = Some(ended.ok().and_then(Result::ok).unwrap_or(128 + 9));
                    last = Instant::now() + LINGER;
                    continue
                }
                () = sender.closed() => break,
                () = tokio::time::sleep_until(last), if code.is_some() => {
                    frame(ENDED, &code.unwrap_or_default().to_be_bytes())
                }
                _ = beat.tick() => frame(ALIVE, &[]),
            };
            let over = said.first() == Some(&ENDED);
            if sender.send(said).await.is_err() || over {
                break;
            }
        }
    }
    // Where it has ended already this does nothing.
    let _ = tokio::task::spawn_blocking(move || process.signal(9)).await;
}

/// Frames as a body, which ends with the last of them.
struct Frames(mpsc::Receiver<Bytes>);

impl http_body::Body for Frames {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        self.0.poll_recv(cx).map(|said| said.map(|bytes| Ok(Frame::data(bytes))))
    }
}

#[cfg(test)]
mod tests {
    use super::order;

    #[test]
    fn orders_name_a_machine_and_a_command() {
        let read = |text: &str| order(text.as_bytes()).ok();
        let given = read(r#"{"instance":"i-1","command":["ls","-l"]}"#);
        assert_eq!(given, Some(("i-1".into(), vec!["ls".into(), "-l".into()])));
        for bad in
            ["", "{}", r#"{"instance":"i-1","command":[]}"#, r#"{"instance":"i-1","command":["ls",1]}"#]
        {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
