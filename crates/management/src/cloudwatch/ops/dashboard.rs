//! Dashboards: put, get, list, delete. What one draws is for who draws it; here its form is checked.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html>

use super::position;
use super::tag::{Tag, checked};
use crate::cloudwatch::access;
use crate::cloudwatch::errors::WatchError;
use crate::cloudwatch::model::dashboard::{DASHBOARDS, Dashboard, dashboard_arn};
use base::Timestamp;
use kernel::{Cx, Empty};
use serde_json::Value;
use store::Key;

kernel::ops! { pub(crate) static OPS:
    PutDashboard: put, "cloudwatch:PutDashboard", access::dashboard;
    GetDashboard: get, "cloudwatch:GetDashboard", access::dashboard;
    ListDashboards: list, "cloudwatch:ListDashboards", kernel::access::any;
    DeleteDashboards: delete, "cloudwatch:DeleteDashboards", access::dashboards;
}

const PAGE: usize = 1_000;
/// AWS: the page above and the service's quotas, as for the next.
const BODY_BYTES_MAX: usize = 1 << 20;
const WIDGETS_MAX: usize = 500;
const GRID: f64 = 24.0;
const KINDS: [&str; 6] = ["metric", "text", "log", "alarm", "explorer", "custom"];

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct PutDashboard {
        name: String = "DashboardName",
        body: String = "DashboardBody",
        tags: Vec<Tag> = "Tags",
    }

    #[derive(Debug)]
    pub(crate) struct Put { messages: Vec<Message> = "DashboardValidationMessages" }

    #[derive(Debug)]
    pub(crate) struct Message {
        path: String = "DataPath",
        message: String = "Message",
    }

    #[derive(Debug)]
    pub(crate) struct GetDashboard { name: String = "DashboardName" }

    #[derive(Debug)]
    pub(crate) struct Got {
        arn: String = "DashboardArn",
        body: String = "DashboardBody",
        name: String = "DashboardName",
    }

    #[derive(Debug)]
    pub(crate) struct ListDashboards {
        prefix: Option<String> = "DashboardNamePrefix",
        token: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    pub(crate) struct Listed {
        entries: Vec<Entry> = "DashboardEntries",
        token: Option<String> = "NextToken",
    }

    #[derive(Debug)]
    pub(crate) struct Entry {
        name: String = "DashboardName",
        arn: String = "DashboardArn",
        modified: Timestamp = "LastModified",
        bytes: i64 = "Size",
    }

    #[derive(Debug)]
    pub(crate) struct DeleteDashboards { names: Vec<String> = "DashboardNames" }
}

/// What keeps a widget from being drawn.
fn fault(widget: &Value) -> Option<&'static str> {
    let number = |member: &str| widget.get(member).map_or(Some(0.0), Value::as_f64);
    let side = |member: &str| number(member).filter(|size| *size >= 0.0);
    if !widget.is_object() {
        return Some("Should be object");
    }
    match widget.get("type").and_then(Value::as_str) {
        None => return Some("Should have required property 'type'"),
        Some(kind) if !KINDS.contains(&kind) => return Some("The widget's type is unknown"),
        Some(_) => {}
    }
    if !widget.get("properties").is_some_and(Value::is_object) {
        return Some("Should have required property 'properties'");
    }
    match (side("x"), side("y"), side("width"), side("height")) {
        (Some(x), Some(_), Some(width), Some(_)) if x < GRID && width <= GRID => None,
        _ => Some("The widget's place lies outside of the grid"),
    }
}

fn check(body: &str) -> Result<(), WatchError> {
    let refuse = |what: String| Err(WatchError::DashboardInput(what));
    if body.len() > BODY_BYTES_MAX {
        return refuse(format!("The dashboard's body is larger than {BODY_BYTES_MAX} bytes."));
    }
    let Ok(body) = serde_json::from_str::<Value>(body) else {
        return refuse("The field DashboardBody must be a valid JSON object".into());
    };
    let Some(widgets) = body.get("widgets").and_then(Value::as_array) else {
        return refuse("The field DashboardBody should have a property 'widgets' that is an array".into());
    };
    if widgets.len() > WIDGETS_MAX {
        return refuse(format!("A dashboard has at most {WIDGETS_MAX} widgets."));
    }
    let wrong = widgets.iter().enumerate().find_map(|(at, widget)| Some((at, fault(widget)?)));
    match wrong {
        Some((at, what)) => refuse(format!("The dashboard body is invalid: /widgets/{at}: {what}")),
        None => Ok(()),
    }
}

fn is_name(name: &str) -> bool {
    (1..=255).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
}

fn put(cx: &mut Cx<'_>, req: PutDashboard) -> Result<Put, WatchError> {
    if !is_name(&req.name) {
        let what = "A dashboard's name has 1 to 255 letters, digits, hyphens and underscores.";
        return Err(WatchError::DashboardInput(what.into()));
    }
    check(&req.body)?;
    let key = Dashboard::key(cx.account, &req.name);
    let asked = checked(req.tags)?;
    // AWS: of what is there already the tags stay what they are.
    let tags = DASHBOARDS.get(cx.tx, &key)?.map_or(asked, |there| there.tags);
    DASHBOARDS.put(cx.tx, &key, &Dashboard { name: req.name, body: req.body, modified: cx.now, tags });
    Ok(Put { messages: Vec::new() })
}

fn get(cx: &mut Cx<'_>, req: GetDashboard) -> Result<Got, WatchError> {
    let found = DASHBOARDS.get(cx.tx, &Dashboard::key(cx.account, &req.name))?;
    let found = found.ok_or_else(|| WatchError::NoDashboard(req.name.clone()))?;
    Ok(Got { arn: dashboard_arn(cx.account, &found.name), body: found.body, name: found.name })
}

fn list(cx: &mut Cx<'_>, req: ListDashboards) -> Result<Listed, WatchError> {
    let prefix = req.prefix.unwrap_or_default();
    let list = format!("cloudwatch:ListDashboards {} {prefix}", cx.account);
    let after = position(cx, &list, req.token.as_deref())?;
    let after = after.map(|name| Dashboard::key(cx.account, &String::from_utf8_lossy(&name)));
    let all = Key::account(cx.account).str_prefix(&prefix);
    let page = DASHBOARDS.page(cx.tx, &all, after.as_ref(), PAGE)?;
    let last = page.items.last().filter(|_| page.next.is_some());
    let token = last.map(|(_, last)| cx.pager().token(&list, last.name.as_bytes()));
    let entry = |(_, own): (Key, Dashboard)| Entry {
        arn: dashboard_arn(cx.account, &own.name),
        modified: own.modified,
        bytes: own.body.len() as i64,
        name: own.name,
    };
    Ok(Listed { entries: page.items.into_iter().map(entry).collect(), token })
}

/// AWS: all of them, or none where one is not there.
fn delete(cx: &mut Cx<'_>, req: DeleteDashboards) -> Result<Empty, WatchError> {
    for name in req.names {
        let key = Dashboard::key(cx.account, &name);
        if !DASHBOARDS.contains(cx.tx, &key)? {
            return Err(WatchError::NoDashboards);
        }
        DASHBOARDS.delete(cx.tx, &key);
    }
    Ok(Empty)
}
