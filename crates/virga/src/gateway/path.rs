//! `POST /_virga/path`: a packet's way from one end to another, with what decided at each step.

use super::internal::Refusal;
use kernel::Cloud;
use net::walk::{Path, Walk};
use network::vpc::why::{Protocol, Question, Told, why};
use serde_json::{Value, json};
use std::sync::Arc;

/// `{"from": "i-…", "to": "10.0.0.5", "protocol": "tcp", "port": 443}`
fn question(body: &[u8]) -> Result<Question, Refusal> {
    let bad = |why: &str| Refusal(400, why.to_owned());
    let order: Value = serde_json::from_slice(body).map_err(|_| bad("the body must be a JSON object"))?;
    let text = |name: &str| order[name].as_str().map(str::to_owned);
    let ends = text("from").zip(text("to"));
    let (from, to) = ends.ok_or_else(|| bad("the body must say from where to where"))?;
    let port = order["port"].as_u64().and_then(|port| u16::try_from(port).ok()).filter(|port| *port > 0);
    let need = || bad("a port from 1 to 65535 is needed");
    let protocol = match order["protocol"].as_str() {
        None | Some("tcp") => Protocol::Tcp(port.ok_or_else(need)?),
        Some("udp") => Protocol::Udp(port.ok_or_else(need)?),
        Some("icmp") if port.is_none() => Protocol::Echo,
        Some("icmp") => return Err(bad("icmp has no ports")),
        Some(_) => return Err(bad("the protocol must be tcp, udp or icmp")),
    };
    Ok(Question { from, to, protocol })
}

pub(super) async fn tell(cloud: &Arc<Cloud>, body: &[u8]) -> Result<Value, Refusal> {
    let question = question(body)?;
    let cloud = Arc::clone(cloud);
    let told = tokio::task::spawn_blocking(move || why(&cloud, &question)).await;
    let told = told.map_err(|e| Refusal(500, e.to_string()))?.map_err(|e| Refusal(500, e.to_string()))?;
    told.map(|told| shown(&told)).map_err(|why| Refusal(404, why))
}

fn shown(told: &Told) -> Value {
    let Walk { forward, back } = &told.walk;
    json!({
        "works": told.works,
        "ends_at_instead": told.astray,
        "forward": way(told, forward),
        "back": back.as_ref().map(|path| way(told, path)),
    })
}

/// The steps of one direction, what stops the packet last.
fn way(told: &Told, path: &Path) -> Vec<Value> {
    let counter = |vpc: Option<&String>, name: Option<String>| {
        let count = told.count(vpc, name.as_deref()?)?;
        Some(json!({ "rule": name, "packets": count.packets, "bytes": count.bytes }))
    };
    let hops = path.hops.iter().map(|hop| {
        json!({
            "component": hop.component.id(),
            "vpc": hop.vpc,
            "decided": hop.rule.as_ref().map(ToString::to_string),
            "packet": hop.packet.to_string(),
            "counter": counter(hop.vpc.as_ref(), hop.counter()),
            "stopped": null,
            "text": hop.to_string(),
        })
    });
    let obstacles = path.obstacles.iter().map(|obstacle| {
        json!({
            "component": obstacle.component.id(),
            "vpc": obstacle.vpc,
            "decided": obstacle.rule.as_ref().map(ToString::to_string),
            "packet": obstacle.packet.to_string(),
            "counter": counter(obstacle.vpc.as_ref(), obstacle.counter()),
            "stopped": obstacle.code.as_str(),
            "text": obstacle.to_string(),
        })
    });
    hops.chain(obstacles).collect()
}
