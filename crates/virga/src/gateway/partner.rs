//! `/_virga/partner`: the product providers that may ask for temporary delegation, and what they have registered.

use super::internal::Refusal;
use base::AccountId;
use kernel::Cloud;
use security::iam::delegation::partner::{self, Kind};
use serde_json::{Value, json};

pub(super) fn list(cloud: &Cloud) -> Result<Value, String> {
    let all = partner::all(cloud).map_err(|e| e.to_string())?;
    let shown = all.into_iter().map(|one| {
        json!({
            "account": one.provider.account.to_string(),
            "name": one.provider.name,
            "domain": one.provider.domain,
            "templates": one.templates,
            "boundaries": one.boundaries,
        })
    });
    Ok(json!({ "partners": shown.collect::<Vec<_>>() }))
}

/// `{"account": "123456789012", "name": "Example", "domain": "example.com"}` registers a provider; with `"kind"` (`template` or
/// `boundary`), `"name"` and `"document"` a policy of it.
pub(super) fn order(cloud: &Cloud, body: &[u8]) -> Result<Value, Refusal> {
    let bad = |why: String| Refusal(400, why);
    let order: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |name: &str| order.get(name).and_then(Value::as_str);
    let account = text("account").and_then(AccountId::parse);
    let account = account.ok_or_else(|| bad("an account has twelve digits".into()))?;
    let name = text("name").unwrap_or_default();
    let kind = match text("kind") {
        None => {
            partner::register(cloud, account, name, text("domain").unwrap_or_default()).map_err(bad)?;
            return Ok(json!({ "account": account.to_string() }));
        }
        Some("template") => Kind::Template,
        Some("boundary") => Kind::Boundary,
        Some(other) => return Err(bad(format!("{other:?} is neither a template nor a boundary"))),
    };
    let document = text("document").unwrap_or_default();
    let arn = partner::add(cloud, account, kind, name, document).map_err(bad)?;
    Ok(json!({ "arn": arn }))
}
