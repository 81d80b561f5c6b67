//! `POST /_virga/tunnel?instance=i-…&port=22&way=internet`: a connection to a port of a machine. Its answer is `101`, and
//! from then on the bytes are the machine's.

use super::internal::{Refusal, guard, refused};
use super::{Answered, Gateway, response};
use bytes::Bytes;
use compute::ec2::exec::NotStarted;
use compute::ec2::tunnel::{Way, connect};
use http::header::{CONNECTION, UPGRADE};
use http::{HeaderMap, HeaderValue, Request, Response};
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, SemaphorePermit};

pub(crate) const PATH: &str = "/_virga/tunnel";
/// What the connection is upgraded to.
pub(crate) const PROTOCOL: &str = "virga-tunnel";
/// At one time, in the whole cloud.
const TUNNELS_MAX: usize = 256;
static SLOTS: Semaphore = Semaphore::const_new(TUNNELS_MAX);

pub(super) async fn answer(
    gateway: &Gateway,
    mut request: Request<Incoming>,
    peer: SocketAddr,
) -> Response<Answered> {
    let upgrade = hyper::upgrade::on(&mut request);
    let (parts, _) = request.into_parts();
    let asks = parts.method == http::Method::POST
        && parts.headers.get(UPGRADE).is_some_and(|to| to.as_bytes() == PROTOCOL.as_bytes());
    let opened = match guard(&parts, peer) {
        Ok(()) if !asks => Err(Refusal(400, format!("this page is asked by POST, with Upgrade: {PROTOCOL}"))),
        Ok(()) => open(gateway, parts.uri.query().unwrap_or_default(), upgrade).await,
        Err(refusal) => Err(refusal),
    };
    if let Err(refusal) = opened {
        let mut answer = refused(refusal);
        answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        return answer;
    }
    let mut headers = HeaderMap::new();
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static(PROTOCOL));
    response(101, headers, Bytes::new().into())
}

async fn open(gateway: &Gateway, query: &str, upgrade: OnUpgrade) -> Result<(), Refusal> {
    let (instance, port, way) =
        order(query).ok_or_else(|| Refusal(400, "an instance, a port and a way must be named".into()))?;
    let busy = || Refusal(429, format!("{TUNNELS_MAX} connections are open; that is the most"));
    let slot = SLOTS.try_acquire().map_err(|_| busy())?;
    let cloud = Arc::clone(&gateway.cloud);
    let connected = tokio::task::spawn_blocking(move || connect(&cloud, &instance, port, way)).await;
    let stream = match connected.map_err(|e| Refusal(500, e.to_string()))? {
        Ok(stream) => stream,
        Err(NotStarted::Machine(why)) => return Err(Refusal(409, why)),
        Err(NotStarted::Failed(why)) => return Err(Refusal(500, why)),
        Err(NotStarted::Program { .. }) => return Err(Refusal(500, "no program was asked for".into())),
    };
    let stream = stream.set_nonblocking(true).and_then(|()| TcpStream::from_std(stream));
    let stream = stream.map_err(|e| Refusal(500, e.to_string()))?;
    tokio::spawn(pass(upgrade, stream, slot));
    Ok(())
}

/// Passes bytes in both directions until both have ended. Who hangs up ends it: that is his own affair.
async fn pass(upgrade: OnUpgrade, mut machine: TcpStream, _slot: SemaphorePermit<'static>) {
    if let Ok(client) = upgrade.await {
        let _ = tokio::io::copy_bidirectional(&mut TokioIo::new(client), &mut machine).await;
    }
}

/// `instance=i-…&port=22&way=inside`
fn order(query: &str) -> Option<(String, u16, Way)> {
    let value = |name: &str| {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
    };
    let way = match value("way")? {
        "internet" => Way::Internet,
        "inside" => Way::Inside,
        _ => return None,
    };
    Some((value("instance")?.to_owned(), value("port")?.parse().ok().filter(|port| *port > 0)?, way))
}

#[cfg(test)]
mod tests {
    use super::{Way, order};

    #[test]
    fn orders_name_a_machine_a_port_and_a_way() {
        assert_eq!(order("instance=i-1&port=22&way=inside"), Some(("i-1".into(), 22, Way::Inside)));
        for bad in
            ["", "instance=i-1&port=22", "instance=i-1&port=0&way=inside", "instance=i-1&port=22&way=x"]
        {
            assert_eq!(order(bad), None, "{bad}");
        }
    }
}
