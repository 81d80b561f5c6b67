//! Authorization targets of EC2's operations, from the resources that a request names or makes.
//!
//! A line of an operation table says it: `|cx, r| Access::of(cx, r).new(&SUBNET).one(&VPC, "VpcId").done()`. Every
//! target has `ec2:Region`, its resource's tags and its own condition keys, which the [`register`](crate::register)
//! holds. What is made with tags needs `ec2:CreateTags` as well, with `ec2:CreateAction`.
//!
//! AWS: <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html>

use crate::kind::Kind;
use crate::register;
use base::tag::Tags;
use kernel::{Cx, Target};
use wire::{Fault, Struct, Value};

/// Collects the targets of one request.
#[derive(Debug)]
pub struct Access<'a, 'c> {
    pub cx: &'a mut Cx<'c>,
    pub request: &'a Struct,
    targets: Vec<Target>,
    failed: Option<Fault>,
}

/// For operations that are about no resource in particular: all Describe operations.
///
/// # Errors
/// Never.
pub fn list(cx: &mut Cx<'_>, request: &Struct) -> Result<Vec<Target>, Fault> {
    Access::of(cx, request).done()
}

impl<'a, 'c> Access<'a, 'c> {
    pub fn of(cx: &'a mut Cx<'c>, request: &'a Struct) -> Access<'a, 'c> {
        Access { cx, request, targets: Vec::new(), failed: None }
    }

    fn plain(&self, noun: &str, id: &str) -> Target {
        let arn = register::arn(self.cx.account, self.cx.region, noun, id);
        Target::on(arn).key("ec2:Region", self.cx.region.name())
    }

    /// The tags that the request gives to new resources of a kind.
    fn request_tags(&self, kind: &Kind) -> Tags {
        let specifications =
            self.request.get("TagSpecifications").and_then(Value::as_list).unwrap_or_default();
        let of_kind = specifications
            .iter()
            .filter(|s| s.member("ResourceType").and_then(Value::as_str) == Some(kind.noun))
            .filter_map(|s| s.member("Tags")?.as_list());
        of_kind.flatten().filter_map(pair).collect()
    }

    /// A resource that the request makes.
    #[must_use]
    pub fn new(mut self, kind: &Kind) -> Self {
        let tags = self.request_tags(kind);
        self.targets.push(with_request_tags(self.plain(kind.noun, "*"), &tags));
        self.tagging(kind)
    }

    /// The tags of something that the request makes beside what it is about; nothing where it gives none.
    #[must_use]
    pub fn tagging(mut self, kind: &Kind) -> Self {
        let tags = self.request_tags(kind);
        if !tags.is_empty() {
            let action = self.cx.request.operation;
            let target = with_request_tags(self.plain(kind.noun, "*"), &tags);
            self.targets.push(target.doing("ec2:CreateTags").key("ec2:CreateAction", action));
        }
        self
    }

    /// The resource whose id a member holds, if it is there.
    #[must_use]
    pub fn one(self, kind: &Kind, member: &str) -> Self {
        match self.request.str(member).map(str::to_owned) {
            Some(id) => self.id(kind, &id),
            None => self,
        }
    }

    /// The resources whose ids a member lists.
    #[must_use]
    pub fn many(self, kind: &Kind, member: &str) -> Self {
        let ids = self.request.get(member).and_then(Value::as_list).unwrap_or_default();
        ids.iter().filter_map(Value::as_str).fold(self, |access, id| access.id(kind, id))
    }

    /// A resource of the account.
    #[must_use]
    pub fn id(mut self, kind: &Kind, id: &str) -> Self {
        let mut target = self.plain(kind.noun, id);
        match register::find(self.cx.tx, self.cx.account, self.cx.region, id) {
            Ok(Some(entry)) => target = entry.describe(target),
            Ok(None) => {}
            Err(error) => self.failed = Some(kernel::Failure::from(error).into()),
        }
        self.targets.push(target);
        self
    }

    /// A further condition key on the last target.
    #[must_use]
    pub fn key(mut self, name: &str, value: impl Into<String>) -> Self {
        if let Some(last) = self.targets.pop() {
            self.targets.push(last.key(name, value));
        }
        self
    }

    /// `ec2:Attribute` with the names of those members that the request sets, and `ec2:Attribute/Name` with the value
    /// of each, on the last target.
    #[must_use]
    pub fn attributes(mut self, members: &[&str]) -> Self {
        let Some(mut target) = self.targets.pop() else { return self };
        let set: Vec<&str> =
            members.iter().copied().filter(|name| self.request.get(name).is_some()).collect();
        for name in &set {
            let value = self.request.get(name).map(|value| value.member("Value").unwrap_or(value));
            if let Some(text) = value.and_then(scalar) {
                target = target.key(format!("ec2:Attribute/{name}"), text);
            }
        }
        self.targets.push(target.keys("ec2:Attribute", set.into_iter().map(str::to_owned).collect()));
        self
    }

    /// A target that was made otherwise.
    #[must_use]
    pub fn target(mut self, target: Target) -> Self {
        self.targets.push(target);
        self
    }

    /// One that there may be.
    #[must_use]
    pub fn target_if(self, target: Option<Target>) -> Self {
        target.into_iter().fold(self, Access::target)
    }

    /// The targets; `*` where there is none.
    ///
    /// # Errors
    /// When the store could not be read.
    pub fn done(self) -> Result<Vec<Target>, Fault> {
        match self.failed {
            Some(fault) => Err(fault),
            None if self.targets.is_empty() => {
                Ok(vec![Target::any().key("ec2:Region", self.cx.region.name())])
            }
            None => Ok(self.targets),
        }
    }
}

/// As a policy would write it.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::Str(text) => Some(text.clone()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Int(number) => Some(number.to_string()),
        _ => None,
    }
}

fn pair(tag: &Value) -> Option<(String, String)> {
    let key = tag.member("Key")?.as_str()?;
    Some((key.to_owned(), tag.member("Value").and_then(Value::as_str).unwrap_or_default().to_owned()))
}

fn with_request_tags(target: Target, tags: &Tags) -> Target {
    if tags.is_empty() {
        return target;
    }
    let keys = tags.keys().cloned().collect();
    let target = target.keys("aws:TagKeys", keys);
    tags.iter().fold(target, |target, (key, value)| target.key(format!("aws:RequestTag/{key}"), value))
}
