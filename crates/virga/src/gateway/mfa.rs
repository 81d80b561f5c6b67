//! `/_virga/mfa`: the MFA devices of root, which AWS's console gives and takes.

use super::internal::Refusal;
use kernel::Cloud;
use security::iam::root_device;
use serde_json::{Value, json};

pub(super) fn list(cloud: &Cloud) -> Result<Value, String> {
    let all = root_device::all(cloud).map_err(|why| why.to_string())?;
    Ok(json!({ "devices": all }))
}

/// `{"enable": "arn:aws:iam::123456789012:mfa/root-account-mfa-device", "codes": ["123456", "654321"]}`, or
/// `{"deactivate": "arn:…"}`
pub(super) fn order(cloud: &Cloud, body: &[u8]) -> Result<Value, Refusal> {
    let bad = |why: String| Refusal(400, why);
    let order: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |name: &str| order.get(name).and_then(Value::as_str);
    let code = |n: usize| order["codes"][n].as_str().unwrap_or_default();
    match (text("enable"), text("deactivate")) {
        (Some(serial), None) => root_device::enable(cloud, serial, (code(0), code(1))).map_err(bad)?,
        (None, Some(serial)) => root_device::deactivate(cloud, serial).map_err(bad)?,
        _ => return Err(bad("the body must name a device to enable or to deactivate".into())),
    }
    list(cloud).map_err(|why| Refusal(500, why))
}
