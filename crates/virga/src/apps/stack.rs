//! A stack that the program brings along: made, looked at while it is made, and taken away.

use super::aws::Caller;
use super::{ACCOUNT, xml};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// What the machines of these templates run programs by.
const PYTHON: &str = "/usr/bin/python3";
const LOOK: Duration = Duration::from_millis(50);

/// A stack and its template, which everybody can deploy with `aws cloudformation deploy`, too.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stack {
    pub(crate) name: &'static str,
    pub(crate) template: &'static str,
    /// The command that takes it away.
    pub(crate) end: &'static str,
}

/// What was built.
#[derive(Debug)]
pub(crate) struct Deployed {
    pub(crate) outputs: BTreeMap<String, String>,
    /// How many resources of each type.
    pub(crate) resources: BTreeMap<String, usize>,
}

/// Where a deployment is: how many resources are done, of how many, and which are under way.
pub(crate) type Progress<'p> = &'p dyn Fn(usize, usize, &[String]);

impl Deployed {
    pub(crate) fn output(&self, name: &str) -> &str {
        self.outputs.get(name).map_or("", String::as_str)
    }
}

impl Stack {
    fn call(self, root: &Caller<'_>, action: &str, more: &[(&str, &str)]) -> Result<String, String> {
        root.call("cloudformation", action, &[&[("StackName", self.name)], more].concat())
    }

    /// The stack's state; `None` where there is none.
    fn status(self, root: &Caller<'_>) -> Result<Option<String>, String> {
        let reply = root.query("cloudformation", "DescribeStacks", &[("StackName", self.name)])?;
        match reply.status {
            400 => Ok(None),
            _ => Ok(xml::text(&reply.good("DescribeStacks")?, "StackStatus").map(str::to_owned)),
        }
    }

    /// Makes the stack, or finds it made.
    ///
    /// # Errors
    /// A sentence, with the reason of what failed first.
    pub(crate) fn deploy(self, endpoint: &str, progress: Progress<'_>) -> Result<Deployed, String> {
        if self.template.contains("AWS::EC2::") && !Path::new(PYTHON).exists() {
            return Err("its machines run Python programs of this machine: install python3".into());
        }
        let root = Caller::root(endpoint, ACCOUNT);
        match self.status(&root)?.as_deref() {
            None => {
                let template = ("TemplateBody", self.template);
                let capability = ("Capabilities.member.1", "CAPABILITY_NAMED_IAM");
                self.call(&root, "CreateStack", &[template, capability])?;
            }
            Some("CREATE_COMPLETE" | "UPDATE_COMPLETE") => {}
            Some(other) => {
                return Err(format!(
                    "there is a stack {} already, and it is {other}: {}",
                    self.name, self.end
                ));
            }
        }
        let all = resource_count(self.template);
        loop {
            let states = states(&self.call(&root, "DescribeStackResources", &[])?);
            let done = states.iter().filter(|(_, _, state)| state == "CREATE_COMPLETE").count();
            let under_way = states.iter().filter(|(_, _, state)| state == "CREATE_IN_PROGRESS");
            let under_way: Vec<String> = under_way.map(|(name, _, _)| name.clone()).collect();
            progress(done, all, &under_way);
            match self.status(&root)?.as_deref() {
                Some("CREATE_IN_PROGRESS") => std::thread::sleep(LOOK),
                Some("CREATE_COMPLETE" | "UPDATE_COMPLETE") => break,
                Some(other) => {
                    let why = self.first_failure(&root, "CREATE_FAILED")?;
                    return Err(format!("the stack is {other}: {why}"));
                }
                None => return Err("the stack is gone".into()),
            }
        }
        self.found(endpoint)?.ok_or_else(|| "the stack is gone".into())
    }

    /// The stack as it stands, where it is there.
    ///
    /// # Errors
    /// A sentence.
    pub(crate) fn found(self, endpoint: &str) -> Result<Option<Deployed>, String> {
        let root = Caller::root(endpoint, ACCOUNT);
        if self.status(&root)?.is_none() {
            return Ok(None);
        }
        let described = self.call(&root, "DescribeStacks", &[])?;
        let outputs = xml::all(&described, "member").filter_map(|member| {
            Some((xml::text(member, "OutputKey")?.to_owned(), xml::plain(xml::text(member, "OutputValue")?)))
        });
        let outputs = outputs.collect();
        let mut resources = BTreeMap::new();
        for (_, kind, _) in states(&self.call(&root, "DescribeStackResources", &[])?) {
            *resources.entry(kind).or_default() += 1;
        }
        Ok(Some(Deployed { outputs, resources }))
    }

    /// Empties the buckets and deletes the stack; false where there is none.
    ///
    /// # Errors
    /// A sentence.
    pub(crate) fn tear_down(self, endpoint: &str, progress: Progress<'_>) -> Result<bool, String> {
        let root = Caller::root(endpoint, ACCOUNT);
        if self.status(&root)?.is_none() {
            return Ok(false);
        }
        let resources = self.call(&root, "DescribeStackResources", &[])?;
        let all = states(&resources).len();
        let buckets = xml::all(&resources, "member").filter(|member| {
            xml::text(member, "ResourceType") == Some("AWS::S3::Bucket")
                && xml::text(member, "ResourceStatus") != Some("DELETE_COMPLETE")
        });
        for bucket in buckets.filter_map(|member| xml::text(member, "PhysicalResourceId")) {
            empty(&root, bucket)?;
        }
        // A stack that is gone is found by its id only.
        let described = self.call(&root, "DescribeStacks", &[])?;
        let id = xml::text(&described, "StackId").unwrap_or_default().to_owned();
        self.call(&root, "DeleteStack", &[])?;
        loop {
            let of = [("StackName", id.as_str())];
            let described = root.call("cloudformation", "DescribeStacks", &of)?;
            match xml::text(&described, "StackStatus") {
                Some("DELETE_IN_PROGRESS") => {
                    let now = root.call("cloudformation", "DescribeStackResources", &of)?;
                    let gone = states(&now).iter().filter(|(_, _, state)| state == "DELETE_COMPLETE").count();
                    progress(gone, all, &[]);
                    std::thread::sleep(LOOK);
                }
                Some("DELETE_COMPLETE") => return Ok(true),
                other => {
                    let why = self.first_failure(&root, "DELETE_FAILED")?;
                    return Err(format!("the stack is {}: {why}", other.unwrap_or("in no state")));
                }
            }
        }
    }

    fn first_failure(self, root: &Caller<'_>, state: &str) -> Result<String, String> {
        let events = self.call(root, "DescribeStackEvents", &[])?;
        let failed =
            xml::all(&events, "member").filter(|event| xml::text(event, "ResourceStatus") == Some(state));
        let told = |event: &str| {
            let text = |name| xml::text(event, name).map(xml::plain).unwrap_or_default();
            format!("{}: {}", text("LogicalResourceId"), text("ResourceStatusReason"))
        };
        // The newest event is told first.
        Ok(failed.last().map_or_else(|| "no reason was told".into(), told))
    }
}

/// Logical name, type and state of each resource that was begun.
fn states(described: &str) -> Vec<(String, String, String)> {
    let one = |member: &str| {
        let text = |name| xml::text(member, name).unwrap_or_default().to_owned();
        (text("LogicalResourceId"), text("ResourceType"), text("ResourceStatus"))
    };
    xml::all(described, "member").map(one).collect()
}

fn resource_count(template: &str) -> usize {
    template.lines().filter(|line| line.starts_with("    Type: AWS::")).count()
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
        assert_eq!(
            resource_count("Resources:\n  A:\n    Type: AWS::SQS::Queue\n  B:\n    Type: AWS::SNS::Topic\n"),
            2
        );
    }
}
