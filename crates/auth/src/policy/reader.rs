//! From a document's text to a [`Policy`]: the elements that it may have, their types, and their compiled form.
//!
//! What every service checks is here; [`super::iam_checks`] has what IAM checks besides, and [`super::fault`] how
//! each service words what is wrong. Whether principals, buckets or keys that a document names exist is the
//! service's own question.
//!
//! AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html>

use super::arn::ArnPattern;
use super::condition::{Condition, Operation};
use super::document::{
    ActionPattern, Actions, Effect, Policy, PolicyKind, Position, Resources, Statement, Version,
};
use super::fault::Fault;
use super::iam_checks;
use super::index::Index;
use super::json::{self, Json, Node, Span};
use super::malformed::MalformedPolicy;
use super::principal::{Named, Principals};
use std::borrow::Cow;

/// One statement's elements, checked for their types only.
pub(super) struct Draft<'t> {
    pub(super) sid: Option<&'t str>,
    pub(super) effect: &'t str,
    pub(super) action: Option<Listed<'t>>,
    pub(super) resource: Option<Listed<'t>>,
    pub(super) principal: Option<(bool, &'t Node)>,
    pub(super) conditions: Vec<Block<'t>>,
    span: Span,
}

/// An element and its `Not` twin.
pub(super) struct Listed<'t> {
    pub(super) negated: bool,
    pub(super) values: Vec<&'t str>,
}

/// One operator on one key.
pub(super) struct Block<'t> {
    pub(super) operation: Operation,
    pub(super) key: &'t str,
    pub(super) values: Vec<Cow<'t, str>>,
}

/// The whole document, checked for its types only.
pub(super) struct Drafts<'t> {
    pub(super) version: Option<Version>,
    id: Option<&'t str>,
    pub(super) statements: Vec<Draft<'t>>,
}

/// Reads a document that somebody wants to store.
pub(super) fn read(text: &str, kind: PolicyKind) -> Result<Policy, MalformedPolicy> {
    read_with(text, kind, check)
}

/// Reads a document that is stored already.
pub(super) fn load(text: &str, kind: PolicyKind) -> Result<Policy, MalformedPolicy> {
    read_with(text, kind, |_, _| Ok(()))
}

fn read_with(
    text: &str,
    kind: PolicyKind,
    check: fn(&Drafts<'_>, PolicyKind) -> Result<(), Fault>,
) -> Result<Policy, MalformedPolicy> {
    let result = json::read(text).ok_or(Fault::Json).and_then(|node| {
        let drafts = drafts(&node)?;
        check(&drafts, kind)?;
        compile(text, &drafts, kind)
    });
    result.map_err(|fault| MalformedPolicy::new(kind, fault.message(kind)))
}

fn drafts(node: &Node) -> Result<Drafts<'_>, Fault> {
    let Json::Object(members) = &node.json else { return Err(Fault::Json) };
    let mut found = Drafts { version: None, id: None, statements: Vec::new() };
    let mut statements = None;
    for (name, member) in members {
        match name.as_str() {
            "Version" => {
                found.version = Some(match text_of(member)? {
                    "2008-10-17" => Version::V2008,
                    "2012-10-17" => Version::V2012,
                    _ => return Err(Fault::Version),
                });
            }
            "Id" => found.id = Some(text_of(member)?),
            "Statement" => statements = Some(member),
            other => return Err(Fault::Unknown(other.to_owned())),
        }
    }
    let statements = statements.ok_or(Fault::Missing("Statement"))?;
    found.statements = match &statements.json {
        Json::List(items) if items.is_empty() => return Err(Fault::NoStatement),
        Json::List(items) => items.iter().map(draft).collect::<Result<_, _>>()?,
        _ => vec![draft(statements)?],
    };
    Ok(found)
}

fn draft(node: &Node) -> Result<Draft<'_>, Fault> {
    let Json::Object(members) = &node.json else { return Err(Fault::Syntax) };
    let mut effect = None;
    let mut draft = Draft {
        sid: None,
        effect: "",
        action: None,
        resource: None,
        principal: None,
        conditions: Vec::new(),
        span: node.span,
    };
    for (name, member) in members {
        match name.as_str() {
            "Sid" => draft.sid = Some(text_of(member)?),
            "Effect" => effect = Some(text_of(member)?),
            "Action" => listed(&mut draft.action, false, member)?,
            "NotAction" => listed(&mut draft.action, true, member)?,
            "Resource" => listed(&mut draft.resource, false, member)?,
            "NotResource" => listed(&mut draft.resource, true, member)?,
            "Principal" | "NotPrincipal" if draft.principal.is_some() => return Err(Fault::Syntax),
            "Principal" => draft.principal = Some((false, member)),
            "NotPrincipal" => draft.principal = Some((true, member)),
            "Condition" => draft.conditions = blocks(member)?,
            other => return Err(Fault::Unknown(other.to_owned())),
        }
    }
    draft.effect = effect.ok_or(Fault::Missing("Effect"))?;
    if !["allow", "deny"].iter().any(|known| known.eq_ignore_ascii_case(draft.effect)) {
        return Err(Fault::Effect(draft.effect.to_owned()));
    }
    Ok(draft)
}

fn text_of(node: &Node) -> Result<&str, Fault> {
    match &node.json {
        Json::Text(text) => Ok(text),
        _ => Err(Fault::Syntax),
    }
}

/// A string or a list of strings.
fn texts_of(node: &Node) -> Result<Vec<&str>, Fault> {
    match &node.json {
        Json::Text(text) => Ok(vec![text]),
        Json::List(items) => items.iter().map(text_of).collect(),
        _ => Err(Fault::Syntax),
    }
}

fn listed<'t>(slot: &mut Option<Listed<'t>>, negated: bool, node: &'t Node) -> Result<(), Fault> {
    if slot.is_some() {
        return Err(Fault::Syntax);
    }
    *slot = Some(Listed { negated, values: texts_of(node)? });
    Ok(())
}

fn blocks(node: &Node) -> Result<Vec<Block<'_>>, Fault> {
    let Json::Object(operators) = &node.json else { return Err(Fault::Syntax) };
    let mut blocks = Vec::new();
    for (name, keys) in operators {
        let Json::Object(keys) = &keys.json else { return Err(Fault::Syntax) };
        // IAM accepts any operator name that has nothing under it.
        if keys.is_empty() {
            continue;
        }
        let operation = Operation::read(name).ok_or_else(|| Fault::Operator(name.clone()))?;
        for (key, values) in keys {
            let values = match &values.json {
                Json::List(items) => items.iter().map(condition_value).collect::<Result<_, _>>()?,
                _ => vec![condition_value(values)?],
            };
            blocks.push(Block { operation, key, values });
        }
    }
    Ok(blocks)
}

/// A string; numbers and Booleans count as their spelling.
fn condition_value(node: &Node) -> Result<Cow<'_, str>, Fault> {
    match &node.json {
        Json::Text(text) | Json::Number(text) => Ok(Cow::Borrowed(text)),
        Json::Bool(true) => Ok(Cow::Borrowed("true")),
        Json::Bool(false) => Ok(Cow::Borrowed("false")),
        Json::Null | Json::List(_) | Json::Object(_) => Err(Fault::Syntax),
    }
}

/// What each kind of policy asks for and forbids, in the order in which its service complains.
fn check(drafts: &Drafts<'_>, kind: PolicyKind) -> Result<(), Fault> {
    match kind {
        PolicyKind::Identity | PolicyKind::Boundary | PolicyKind::Session => {
            return iam_checks::identity(drafts, true);
        }
        PolicyKind::Inline => return iam_checks::identity(drafts, false),
        PolicyKind::Trust => iam_checks::trust(drafts)?,
        PolicyKind::Scp => iam_checks::scp(drafts)?,
        PolicyKind::Rcp => iam_checks::rcp(drafts)?,
        PolicyKind::Resource(_) => {}
    }
    for draft in &drafts.statements {
        if !matches!(draft.effect, "Allow" | "Deny") {
            return Err(Fault::Effect(draft.effect.to_owned()));
        }
        if kind.has_principals() && draft.principal.is_none() {
            return Err(Fault::Missing("Principal"));
        }
        if draft.action.as_ref().is_none_or(|list| list.values.is_empty()) {
            return Err(Fault::Missing("Action"));
        }
        let empty = draft.resource.as_ref().map(|list| list.values.is_empty());
        if empty == Some(true) || (empty.is_none() && matches!(kind, PolicyKind::Resource("s3" | "dynamodb")))
        {
            return Err(Fault::Missing("Resource"));
        }
    }
    Ok(())
}

fn compile(text: &str, drafts: &Drafts<'_>, kind: PolicyKind) -> Result<Policy, Fault> {
    let version = drafts.version.unwrap_or(Version::V2008);
    let lines = Lines::of(text);
    let statements = drafts
        .statements
        .iter()
        .enumerate()
        .map(|(index, draft)| statement(index, draft, version, kind, &lines))
        .collect::<Result<Vec<_>, _>>()?;
    let index = Index::of(&statements);
    Ok(Policy { kind, version, id: drafts.id.map(str::to_owned), statements, index })
}

fn statement(
    index: usize,
    draft: &Draft<'_>,
    version: Version,
    kind: PolicyKind,
    lines: &Lines<'_>,
) -> Result<Statement, Fault> {
    // Without the element the statement would speak of everybody.
    if kind.has_principals() && draft.principal.is_none() {
        return Err(Fault::Missing("Principal"));
    }
    let variables = version == Version::V2012;
    let actions = match &draft.action {
        Some(list) => {
            let patterns = list.values.iter().map(|text| ActionPattern::read(text)).collect();
            if list.negated { Actions::AllBut(patterns) } else { Actions::These(patterns) }
        }
        None => return Err(Fault::Missing("Action")),
    };
    let resources = match &draft.resource {
        Some(list) => {
            let patterns = list.values.iter().map(|text| ArnPattern::resource(text, variables)).collect();
            if list.negated { Resources::AllBut(patterns) } else { Resources::These(patterns) }
        }
        None => Resources::Own,
    };
    let conditions = draft
        .conditions
        .iter()
        .map(|block| Condition::read(block.operation, block.key, &block.values, variables))
        .collect();
    Ok(Statement {
        sid: draft.sid.filter(|sid| !sid.is_empty()).map(str::to_owned),
        index,
        effect: if draft.effect.eq_ignore_ascii_case("deny") { Effect::Deny } else { Effect::Allow },
        start: lines.after(draft.span.start),
        end: lines.after(draft.span.end.saturating_sub(1)),
        principals: draft.principal.map(|(negated, node)| principals(negated, node, kind)).transpose()?,
        actions,
        resources,
        conditions,
    })
}

fn principals(negated: bool, node: &Node, kind: PolicyKind) -> Result<Principals, Fault> {
    let list = match &node.json {
        Json::Text(text) if text == "*" => vec![Named::Everyone],
        Json::Text(text) => return Err(Fault::Principal("STAR", text.clone())),
        Json::Object(types) if !types.is_empty() => {
            let mut list = Vec::new();
            for (name, node) in types {
                for text in texts_of(node)? {
                    list.push(named(name, text, kind)?);
                }
            }
            list
        }
        _ => return Err(Fault::Syntax),
    };
    if list.is_empty() {
        return Err(Fault::Missing("Principal"));
    }
    Ok(if negated { Principals::AllBut(list) } else { Principals::These(list) })
}

fn named(name: &str, text: &str, kind: PolicyKind) -> Result<Named, Fault> {
    let domain = |text: &str| text.contains('.') && text.bytes().all(|b| b.is_ascii_graphic() && b != b':');
    match name {
        "AWS" => Named::aws(text).ok_or_else(|| Fault::Principal("AWS", text.to_owned())),
        "Service" if domain(text) || text == "*" => Ok(Named::Service(text.into())),
        "Service" => Err(Fault::Principal("SERVICE", text.to_owned())),
        "Federated" if domain(text) || text.starts_with("arn:") || text == "*" => {
            Ok(Named::Federated(text.into()))
        }
        "Federated" if kind == PolicyKind::Trust => Err(Fault::Federated),
        "Federated" => Err(Fault::Principal("FEDERATED", text.to_owned())),
        "CanonicalUser" => Ok(Named::CanonicalUser(text.into())),
        _ => Err(Fault::Principal("AWS", text.to_owned())),
    }
}

/// Turns places in bytes into lines and columns.
struct Lines<'t> {
    text: &'t str,
    /// Where each line begins.
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    fn of(text: &'t str) -> Lines<'t> {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Lines { text, starts: std::iter::once(0).chain(breaks).collect() }
    }

    /// The position after the character at `at`, columns in characters, from one.
    fn after(&self, at: usize) -> Position {
        let line = self.starts.partition_point(|start| *start <= at).saturating_sub(1);
        let start = self.starts.get(line).copied().unwrap_or(0);
        let before = self.text.get(start..at).map_or(0, |text| text.chars().count());
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Position { line: number(line + 1), column: number(before + 2) }
    }
}
