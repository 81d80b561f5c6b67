//! The shop's stack: made, looked at while it is made, and taken away.

use super::aws::Caller;
use super::xml;
use std::collections::BTreeMap;
use std::time::Duration;

/// The template that everybody can deploy with `aws cloudformation deploy`, too.
const TEMPLATE: &str = include_str!("../../../../examples/shop/template.yaml");
const PAGE: &str = include_str!("../../../../examples/shop/site/index.html");
pub(crate) const NAME: &str = "shop";
const VERSION: &str = "2010-05-15";
/// The account of `test`/`test`.
pub(crate) const ACCOUNT: &str = "000000000000";
const LOOK: Duration = Duration::from_millis(50);

/// What was built.
#[derive(Debug)]
pub(crate) struct Shop {
    pub(crate) outputs: BTreeMap<String, String>,
    /// How many resources of each type.
    pub(crate) resources: BTreeMap<String, usize>,
}

/// Where a deployment is: how many resources are done, of how many, and which are under way.
pub(crate) type Progress<'p> = &'p dyn Fn(usize, usize, &[String]);

impl Shop {
    pub(crate) fn output(&self, name: &str) -> &str {
        self.outputs.get(name).map_or("", String::as_str)
    }
}

fn call(root: &Caller<'_>, action: &str, more: &[(&str, &str)]) -> Result<String, String> {
    let parameters = [&[("Action", action), ("StackName", NAME)], more].concat();
    root.query("cloudformation", VERSION, &parameters)?.good(action)
}

/// The stack's state; `None` where there is none.
fn status(root: &Caller<'_>) -> Result<Option<String>, String> {
    let reply =
        root.query("cloudformation", VERSION, &[("Action", "DescribeStacks"), ("StackName", NAME)])?;
    match reply.status {
        400 => Ok(None),
        _ => Ok(xml::text(&reply.good("DescribeStacks")?, "StackStatus").map(str::to_owned)),
    }
}

/// Makes the shop, or finds it made.
///
/// # Errors
/// A sentence, with the reason of what failed first.
pub(crate) fn deploy(endpoint: &str, progress: Progress<'_>) -> Result<Shop, String> {
    let root = Caller::root(endpoint, ACCOUNT);
    match status(&root)?.as_deref() {
        None => {
            let more = [("TemplateBody", TEMPLATE), ("Capabilities.member.1", "CAPABILITY_IAM")];
            call(&root, "CreateStack", &more)?;
        }
        Some("CREATE_COMPLETE") => {}
        Some(other) => {
            return Err(format!("there is a stack {NAME} already, and it is {other}: virga demo --down"));
        }
    }
    loop {
        let resources = call(&root, "DescribeStackResources", &[])?;
        let states = states(&resources);
        let done = states.iter().filter(|(_, _, state)| state == "CREATE_COMPLETE").count();
        let under_way = states.iter().filter(|(_, _, state)| state == "CREATE_IN_PROGRESS");
        let under_way: Vec<String> = under_way.map(|(name, _, _)| name.clone()).collect();
        progress(done, resource_count(), &under_way);
        match status(&root)?.as_deref() {
            Some("CREATE_IN_PROGRESS") => std::thread::sleep(LOOK),
            Some("CREATE_COMPLETE") => break,
            Some(other) => return Err(format!("the stack is {other}: {}", first_failure(&root)?)),
            None => return Err("the stack is gone".into()),
        }
    }
    let described = call(&root, "DescribeStacks", &[])?;
    let outputs = xml::all(&described, "member").filter_map(|member| {
        Some((xml::text(member, "OutputKey")?.to_owned(), xml::plain(xml::text(member, "OutputValue")?)))
    });
    let outputs = outputs.collect();
    let mut resources = BTreeMap::new();
    for (_, kind, _) in states(&call(&root, "DescribeStackResources", &[])?) {
        *resources.entry(kind).or_default() += 1;
    }
    let shop = Shop { outputs, resources };
    let path = format!("/{}/index.html", shop.output("SiteBucket"));
    root.s3("PUT", &path, &[("content-type", "text/html")], PAGE.as_bytes())?.good("PutObject")?;
    Ok(shop)
}

/// Logical name, type and state of each resource that was begun.
fn states(described: &str) -> Vec<(String, String, String)> {
    let one = |member: &str| {
        let text = |name| xml::text(member, name).unwrap_or_default().to_owned();
        (text("LogicalResourceId"), text("ResourceType"), text("ResourceStatus"))
    };
    xml::all(described, "member").map(one).collect()
}

fn resource_count() -> usize {
    TEMPLATE.lines().filter(|line| line.starts_with("    Type: AWS::")).count()
}

fn first_failure(root: &Caller<'_>) -> Result<String, String> {
    let events = call(root, "DescribeStackEvents", &[])?;
    let failed = xml::all(&events, "member")
        .filter(|event| xml::text(event, "ResourceStatus").is_some_and(|state| state == "CREATE_FAILED"));
    let told = |event: &str| {
        let text = |name| xml::text(event, name).map(xml::plain).unwrap_or_default();
        format!("{}: {}", text("LogicalResourceId"), text("ResourceStatusReason"))
    };
    Ok(failed.last().map_or_else(|| "no reason was told".into(), told))
}

/// Empties the buckets and deletes the stack; false where there is none.
///
/// # Errors
/// A sentence.
pub(crate) fn tear_down(endpoint: &str, progress: Progress<'_>) -> Result<bool, String> {
    let root = Caller::root(endpoint, ACCOUNT);
    if status(&root)?.is_none() {
        return Ok(false);
    }
    let resources = states(&call(&root, "DescribeStackResources", &[])?);
    for bucket in [format!("{NAME}-site-{ACCOUNT}"), format!("{NAME}-uploads-{ACCOUNT}")] {
        empty(&root, &bucket)?;
    }
    // A stack that is gone is found by its id only.
    let described = call(&root, "DescribeStacks", &[])?;
    let id = xml::text(&described, "StackId").unwrap_or_default().to_owned();
    call(&root, "DeleteStack", &[])?;
    loop {
        let parameters = [("Action", "DescribeStacks"), ("StackName", id.as_str())];
        let described = root.query("cloudformation", VERSION, &parameters)?.good("DescribeStacks")?;
        match xml::text(&described, "StackStatus") {
            Some("DELETE_IN_PROGRESS") => {
                let parameters = [("Action", "DescribeStackResources"), ("StackName", id.as_str())];
                let now =
                    root.query("cloudformation", VERSION, &parameters)?.good("DescribeStackResources")?;
                let gone = states(&now).iter().filter(|(_, _, state)| state == "DELETE_COMPLETE").count();
                progress(gone, resources.len(), &[]);
                std::thread::sleep(LOOK);
            }
            Some("DELETE_COMPLETE") => return Ok(true),
            other => return Err(format!("the stack is {}", other.unwrap_or("in no state"))),
        }
    }
}

fn empty(root: &Caller<'_>, bucket: &str) -> Result<(), String> {
    loop {
        let listed = root.s3("GET", &format!("/{bucket}"), &[], b"")?;
        if listed.status == 404 {
            return Ok(());
        }
        let listed = listed.good("ListObjects")?;
        let keys: Vec<String> = xml::all(&listed, "Key").map(xml::plain).collect();
        if keys.is_empty() {
            return Ok(());
        }
        for key in keys {
            root.s3("DELETE", &format!("/{bucket}/{key}"), &[], b"")?.good("DeleteObject")?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{resource_count, states};

    #[test]
    fn what_a_stack_has_is_read() {
        let xml = "<member><LogicalResourceId>A</LogicalResourceId><ResourceType>T</ResourceType><ResourceStatus>S</ResourceStatus></member>";
        assert_eq!(states(xml), [("A".into(), "T".into(), "S".into())]);
        assert!(resource_count() > 40);
    }
}
