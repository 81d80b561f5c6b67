//! `/_virga/spot`: the spot machines that run, and the order to interrupt one, as when its place is needed.

use super::Gateway;
use super::internal::Refusal;
use compute::ec2::spot::notice;
use serde_json::{Value, json};

/// The running ones, each with the time of its interruption where that is announced.
pub(super) fn list(gateway: &Gateway) -> Result<Value, Refusal> {
    let all = notice::running(&gateway.cloud).map_err(|why| Refusal(500, why.to_string()))?;
    let view = |instance: &compute::ec2::model::Instance| {
        let ends = instance.notice.as_ref().map(|notice| notice.at.whole_seconds().iso8601());
        json!({ "instance": instance.id, "type": instance.kind, "zone": instance.zone, "ends": ends })
    };
    Ok(json!({ "running": all.iter().map(view).collect::<Vec<_>>() }))
}

/// `{"interrupt": "i-…"}`
pub(super) async fn order(gateway: &Gateway, body: &[u8]) -> Result<Value, Refusal> {
    let order: Value = serde_json::from_slice(body).unwrap_or_default();
    let Some(id) = order.get("interrupt").and_then(Value::as_str) else {
        return Err(Refusal(400, "the body must name an instance to interrupt".into()));
    };
    loop {
        let mut tx = gateway.cloud.store().begin();
        notice::interrupt(&gateway.cloud, &mut tx, id).map_err(|why| Refusal(400, why))?;
        if tx.is_read_only() {
            return list(gateway);
        }
        match tx.commit().await {
            Ok(_) => return list(gateway),
            // A reconciler came between.
            Err(store::CommitError::Conflict) => {}
            Err(why) => return Err(Refusal(500, why.to_string())),
        }
    }
}
