//! `/_virga/az`: which availability zones have failed, and orders to fail one or bring it back.

use super::Gateway;
use super::internal::Refusal;
use ec2::zone;
use serde_json::{Value, json};

/// The zones that are down.
pub(super) fn list(gateway: &Gateway) -> Result<Value, Refusal> {
    let all = zone::all(&gateway.cloud.store().begin()).map_err(|why| Refusal(500, why.to_string()))?;
    let failed = all.into_iter().filter(|(_, zone)| zone.down);
    let failed = failed.map(|(name, zone)| json!({ "zone": name, "since": zone.since.iso8601() }));
    Ok(json!({ "failed": failed.collect::<Vec<_>>() }))
}

/// `{"fail": "us-east-1a"}` or `{"restore": "us-east-1a"}`.
pub(super) async fn order(gateway: &Gateway, body: &[u8]) -> Result<Value, Refusal> {
    let bad = |why: String| Refusal(400, why);
    let order: Value = serde_json::from_slice(body).unwrap_or_default();
    let named = |what: &str| order.get(what).and_then(Value::as_str);
    let (name, down) = match (named("fail"), named("restore")) {
        (Some(name), None) => (name, true),
        (None, Some(name)) => (name, false),
        _ => return Err(bad("the body must name one zone to fail or to restore".into())),
    };
    if !zone::exists(name) {
        return Err(bad(format!("there is no availability zone {name:?}")));
    }
    loop {
        let mut tx = gateway.cloud.store().begin();
        let now = gateway.cloud.clock().now();
        zone::set(&mut tx, name, down, now).map_err(|why| Refusal(500, why.to_string()))?;
        if tx.is_read_only() {
            return list(gateway);
        }
        match tx.commit().await {
            Ok(_) => return list(gateway),
            // Another order came between.
            Err(store::CommitError::Conflict) => {}
            Err(why) => return Err(Refusal(500, why.to_string())),
        }
    }
}
