//! `POST /_virga/path`: a packet's way from one end to another, with what decided at each step.

use super::internal::Refusal;
use compute::fis::work::experiment_of;
use kernel::Cloud;
use net::walk::{Component, Path, Walk};
use network::vpc::why::{Protocol, Question, Told, why};
use serde_json::{Value, json};
use std::collections::BTreeMap;
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
    let ask = move || {
        Ok::<_, store::StoreError>(match why(&cloud, &question)? {
            Ok(told) => {
                let experiments = experiments(&cloud, &told)?;
                Ok((told, experiments))
            }
            Err(why) => Err(why),
        })
    };
    let told = tokio::task::spawn_blocking(ask).await;
    let told = told.map_err(|e| Refusal(500, e.to_string()))?.map_err(|e| Refusal(500, e.to_string()))?;
    told.map(|(told, experiments)| shown(&told, &experiments)).map_err(|why| Refusal(404, why))
}

/// The experiments that have put network ACLs in the packet's way, by those.
type Experiments = BTreeMap<String, String>;

fn experiments(cloud: &Cloud, told: &Told) -> Result<Experiments, store::StoreError> {
    let tx = cloud.store().begin();
    let mut out = Experiments::new();
    for obstacle in told.walk.obstacles() {
        if let Component::NetworkAcl(acl) = &obstacle.component
            && let Some(experiment) = experiment_of(&tx, acl)?
        {
            out.insert(acl.clone(), experiment);
        }
    }
    Ok(out)
}

fn shown(told: &Told, experiments: &Experiments) -> Value {
    let Walk { forward, back } = &told.walk;
    json!({
        "works": told.works,
        "ends_at_instead": told.astray,
        "forward": way(told, forward, experiments),
        "back": back.as_ref().map(|path| way(told, path, experiments)),
    })
}

/// The steps of one direction, what stops the packet last.
fn way(told: &Told, path: &Path, experiments: &Experiments) -> Vec<Value> {
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
            "experiment": null,
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
            "experiment": experiments.get(obstacle.component.id()),
            "text": obstacle.to_string(),
        })
    });
    hops.chain(obstacles).collect()
}
