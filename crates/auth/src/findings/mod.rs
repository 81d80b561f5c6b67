//! What is wrong with a policy's text, in the manner of IAM Access Analyzer's `ValidatePolicy`.
//!
//! `validate` is a pure function from a text to findings: type, issue code, message, link and the places in the text.
//! Codes and messages are those of the page "IAM policy validation check reference"; the facts about services
//! come from `actions`. One file per part of a policy: `elements` (shape, version, ids), `action`, `resource`, `principal`,
//! `condition`, `grants` (PassRole and service-linked roles).
//!
//! Not here: checks that need a whole account (external access, unused access), checks that AWS documents only by example
//! (sensitive keys, paired keys, tag keys per service, RCP keys), and translations. Findings are sorted by place.

mod action;
mod condition;
mod elements;
mod grants;
mod principal;
mod resource;

use crate::spans::{self, Json, Member, Node};

/// Most findings for one text; a text that has more is not helped by seeing them.
pub const FINDINGS_MAX: usize = 1000;

/// Most items of one list that are compared with each other, because the comparison is quadratic.
const COMPARED_MAX: usize = 1000;

/// What a policy is going to be attached to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyType {
    /// To a user, group or role.
    Identity,
    /// To a resource; the type, such as `AWS::S3::Bucket`, is given separately.
    Resource,
    /// To an organization, unit or account, limiting its principals.
    ServiceControl,
    /// To an organization, unit or account, limiting its resources.
    ResourceControl,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FindingType {
    /// A part of the policy does not work.
    Error,
    /// The policy allows more than it should.
    SecurityWarning,
    /// A matter of style.
    Suggestion,
    /// A matter of good practice.
    Warning,
}

/// One thing to say about a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub finding_type: FindingType,
    /// `INVALID_ACTION`.
    pub issue_code: &'static str,
    /// The message.
    pub details: String,
    /// The paragraph of AWS's reference page.
    pub learn_more_link: String,
    /// The places; at least one.
    pub locations: Vec<Location>,
}

/// A place in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The way from the root.
    pub path: Vec<PathElement>,
    /// First position.
    pub start: Position,
    /// Position after the last.
    pub end: Position,
}

/// A step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathElement {
    /// An item of a list.
    Index(usize),
    /// The name of a member itself.
    Key(String),
    /// The value of the member with this name.
    Value(String),
}

/// A position in the text, counted in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// From 1.
    pub line: usize,
    /// From 0.
    pub column: usize,
    /// From 0.
    pub offset: usize,
}

impl PolicyType {
    /// `IDENTITY_POLICY` and so on, as the API names them.
    pub fn name(self) -> &'static str {
        match self {
            PolicyType::Identity => "IDENTITY_POLICY",
            PolicyType::Resource => "RESOURCE_POLICY",
            PolicyType::ServiceControl => "SERVICE_CONTROL_POLICY",
            PolicyType::ResourceControl => "RESOURCE_CONTROL_POLICY",
        }
    }

    /// The type that the API calls `name`.
    pub fn parse(name: &str) -> Option<PolicyType> {
        let all = [
            PolicyType::Identity,
            PolicyType::Resource,
            PolicyType::ServiceControl,
            PolicyType::ResourceControl,
        ];
        all.into_iter().find(|kind| kind.name() == name)
    }
}

impl FindingType {
    /// `SECURITY_WARNING` and so on, as the API names them.
    pub fn name(self) -> &'static str {
        match self {
            FindingType::Error => "ERROR",
            FindingType::SecurityWarning => "SECURITY_WARNING",
            FindingType::Suggestion => "SUGGESTION",
            FindingType::Warning => "WARNING",
        }
    }

    /// How the links of the reference page name the type.
    fn anchor(self) -> &'static str {
        match self {
            FindingType::Error => "error",
            FindingType::SecurityWarning => "security-warning",
            FindingType::Suggestion => "suggestion",
            FindingType::Warning => "general-warning",
        }
    }
}

/// Everything there is to say about `text`; empty when nothing is.
///
/// `resource_type` narrows a resource policy (`AWS::IAM::AssumeRolePolicyDocument` for a role's trust policy).
pub fn validate(text: &str, kind: PolicyType, resource_type: Option<&str>) -> Vec<Finding> {
    let mut report = Report { text, kind, resource_type, findings: Vec::new() };
    match spans::parse(text) {
        Ok(root) => elements::check(&mut report, &root),
        Err(error) => report.syntax(error),
    }
    report.findings.sort_by_key(|(at, _)| *at);
    report.findings.into_iter().map(|(_, finding)| finding).collect()
}

/// What the checks write into.
struct Report<'a> {
    text: &'a str,
    kind: PolicyType,
    resource_type: Option<&'a str>,
    findings: Vec<(usize, Finding)>,
}

/// A value with the way to it.
#[derive(Clone, Debug)]
struct At<'a> {
    node: &'a Node,
    path: Vec<PathElement>,
}

/// A statement's effect where it is one of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    Allow,
    Deny,
}

/// The elements of a statement that several checks look at.
struct Statement<'a> {
    at: At<'a>,
    effect: Option<Effect>,
    /// `2012-10-17`, so that `${...}` is a variable.
    has_variables: bool,
    /// A statement of a role's trust policy.
    is_trust: bool,
}

impl Report<'_> {
    fn is_full(&self) -> bool {
        self.findings.len() >= FINDINGS_MAX
    }

    fn add(&mut self, kind: FindingType, code: &'static str, details: impl Into<String>, at: &[&At<'_>]) {
        let places = at.iter().map(|at| (at.path.clone(), at.node.start, at.node.end)).collect();
        self.push(kind, code, details.into(), places);
    }

    fn error(&mut self, code: &'static str, details: impl Into<String>, at: &At<'_>) {
        self.add(FindingType::Error, code, details, &[at]);
    }

    /// A finding about a member's name.
    fn add_key(
        &mut self,
        kind: FindingType,
        code: &'static str,
        details: impl Into<String>,
        of: &At<'_>,
        member: &Member,
    ) {
        let mut path = of.path.clone();
        path.push(PathElement::Key(member.name.clone()));
        self.push(kind, code, details.into(), vec![(path, member.start, member.end)]);
    }

    fn push(
        &mut self,
        kind: FindingType,
        code: &'static str,
        details: String,
        places: Vec<(Vec<PathElement>, usize, usize)>,
    ) {
        if self.is_full() {
            return;
        }
        let first = places.first().map_or(0, |(_, start, _)| *start);
        let locations = places
            .into_iter()
            .map(|(path, start, end)| Location { path, start: self.position(start), end: self.position(end) })
            .collect();
        let learn_more_link = format!(
            "https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-reference-policy-checks.html\
             #access-analyzer-reference-policy-checks-{}-{}",
            kind.anchor(),
            code.to_ascii_lowercase().replace('_', "-")
        );
        let finding = Finding { finding_type: kind, issue_code: code, details, learn_more_link, locations };
        self.findings.push((first, finding));
    }

    fn syntax(&mut self, error: spans::SyntaxError) {
        let at = self.position(error.at);
        let details = format!(
            "Fix the JSON syntax error at index {} line {} column {}.",
            at.offset, at.line, at.column
        );
        self.push(FindingType::Error, "JSON_SYNTAX_ERROR", details, vec![(Vec::new(), error.at, error.at)]);
    }

    fn position(&self, byte: usize) -> Position {
        let before = self.text.get(..byte).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Position {
            line: before.bytes().filter(|b| *b == b'\n').count() + 1,
            column: before[line_start..].chars().count(),
            offset: before.chars().count(),
        }
    }

    /// `DATA_TYPE_MISMATCH`.
    fn mismatch(&mut self, expected: &str, at: &At<'_>) {
        self.error(
            "DATA_TYPE_MISMATCH",
            format!("The text does not match the expected JSON data type {expected}."),
            at,
        );
    }

    /// A string or a list of strings, anything else reported.
    fn strings<'a>(&mut self, at: &At<'a>) -> Vec<(At<'a>, &'a str)> {
        let mut found = Vec::new();
        let items = match &at.node.value {
            Json::Array(_) => at.items(),
            _ => vec![at.clone()],
        };
        for item in items {
            match &item.node.value {
                Json::String(text) => found.push((item, text.as_str())),
                _ => self.mismatch("String", &item),
            }
        }
        found
    }
}

impl<'a> At<'a> {
    fn child(&self, member: &'a Member) -> At<'a> {
        let mut path = self.path.clone();
        path.push(PathElement::Value(member.name.clone()));
        At { node: &member.value, path }
    }

    fn members(&self) -> &'a [Member] {
        match &self.node.value {
            Json::Object(members) => members,
            _ => &[],
        }
    }

    fn member(&self, name: &str) -> Option<At<'a>> {
        self.members().iter().find(|m| m.name == name).map(|m| self.child(m))
    }

    fn items(&self) -> Vec<At<'a>> {
        let Json::Array(items) = &self.node.value else { return Vec::new() };
        let step = |(index, node)| {
            let mut path = self.path.clone();
            path.push(PathElement::Index(index));
            At { node, path }
        };
        items.iter().enumerate().map(step).collect()
    }

    fn is_empty_list(&self) -> bool {
        matches!(&self.node.value, Json::Array(items) if items.is_empty())
    }
}

/// Whether two patterns with `*` and `?` have a text in common; the product of the lengths in time, the second in space.
fn overlaps(left: &str, right: &str) -> bool {
    let right: Vec<char> = right.chars().collect();
    // row[j]: the rest of `left` from the current character and the rest of `right` from j have a text in common.
    let mut row: Vec<bool> = vec![false; right.len() + 1];
    row[right.len()] = true;
    for j in (0..right.len()).rev() {
        row[j] = right[j] == '*' && row[j + 1];
    }
    for l in left.chars().rev() {
        let below = row.clone();
        row[right.len()] = l == '*' && below[right.len()];
        for j in (0..right.len()).rev() {
            let r = right[j];
            row[j] = if l == '*' || r == '*' {
                below[j] || row[j + 1]
            } else {
                (l == r || l == '?' || r == '?') && below[j + 1]
            };
        }
    }
    row[0]
}

/// The text with each `${...}` replaced by `*`, for comparing shapes.
fn without_variables(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let Some(length) = rest[start..].find('}') else { break };
        out.push_str(&rest[..start]);
        out.push('*');
        rest = &rest[start + length + 1..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
#[path = "../findings_tests.rs"]
mod tests;
