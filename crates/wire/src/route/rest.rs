//! Finds a REST operation by method, path and query string, in tables built once per service.
//!
//! The most specific template wins: literal segments before labels before greedy labels, then the query strings
//! (and, where operations share everything else, the required members) that the request satisfies.

use crate::head::{Head, pairs};
use crate::model::{Location, Operation, Protocol, Service};
use std::cmp::{Ordering, Reverse};
use std::collections::BTreeSet;

/// More labels than any template of the catalog has (a test says so).
pub(crate) const LABELS_MAX: usize = 8;

/// The labels of a path with their undecoded values.
pub type Labels<'a> = Vec<(&'static str, &'a str)>;

/// One service's templates, most specific first.
#[derive(Debug, Default)]
pub(crate) struct Index {
    templates: Vec<Template>,
    /// What all paths begin with, where none begins with a label: S3 Control's with its version, so that what S3
    /// shares a signing name with costs S3's requests nothing.
    starts: Option<BTreeSet<&'static str>>,
}

/// The operations that share a method and a path.
#[derive(Debug)]
struct Template {
    method: &'static str,
    segments: Vec<Segment>,
    choices: Vec<Choice>,
}

/// In the order in which templates are tried.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Segment {
    Literal(&'static str),
    Label,
    Greedy,
}

#[derive(Debug)]
struct Choice {
    operation: u32,
    name: &'static str,
    /// The labels' names, in the order of the path.
    labels: Vec<&'static str>,
    /// `?acl`, `?list-type=2`: what the template itself asks of the query string.
    constants: Vec<(&'static str, &'static str)>,
    /// Required members in the query string and in headers, by their names on the wire.
    query: Vec<&'static str>,
    headers: Vec<&'static str>,
    deprecated: bool,
}

/// A found operation.
#[derive(Debug)]
pub(crate) struct Match<'a> {
    pub(crate) operation: u32,
    pub(crate) labels: Labels<'a>,
    /// Literal segments of its template: what decides between two services.
    pub(crate) literals: usize,
    /// The request has all headers and query parameters that the operation requires.
    pub(crate) complete: bool,
}

/// Why nothing was found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Miss {
    Path,
    /// The path exists, the method does not.
    Method,
}

impl Index {
    pub(crate) fn new(service: &Service) -> Index {
        let mut index = Index::default();
        if service.protocols.iter().any(|p| matches!(p, Protocol::RestJson | Protocol::RestXml)) {
            for (number, op) in service.operations.iter().enumerate() {
                index.add(service, number as u32, op);
            }
        }
        for template in &mut index.templates {
            template
                .choices
                .sort_by_key(|c| (Reverse(c.constants.len()), Reverse(c.demands()), c.deprecated));
        }
        index.templates.sort_by(|a, b| a.order(b));
        index.starts = index.templates.iter().map(Template::start).collect();
        index
    }

    fn add(&mut self, service: &Service, number: u32, op: &Operation) {
        let (path, query) = op.uri.split_once('?').unwrap_or((op.uri, ""));
        let mut labels = Vec::new();
        let mut segments = Vec::new();
        for text in path.split('/').filter(|s| !s.is_empty()) {
            let label = text.strip_prefix('{').and_then(|t| t.strip_suffix('}'));
            segments.push(match label.map(|l| l.strip_suffix('+').ok_or(l)) {
                None => Segment::Literal(text),
                Some(Ok(name)) => {
                    labels.push(name);
                    Segment::Greedy
                }
                Some(Err(name)) => {
                    labels.push(name);
                    Segment::Label
                }
            });
        }
        let choice = Choice {
            operation: number,
            name: op.name,
            labels,
            constants: pairs(query).collect(),
            query: required(service, op, Location::QueryString),
            headers: required(service, op, Location::Header),
            deprecated: op.deprecated,
        };
        let same = |t: &&mut Template| t.method == op.method && t.segments == segments;
        match self.templates.iter_mut().find(same) {
            Some(template) => template.choices.push(choice),
            None => self.templates.push(Template { method: op.method, segments, choices: vec![choice] }),
        }
    }

    /// Finds the operation. `bucket` is a first segment that came with the host name.
    ///
    /// # Errors
    /// [`Miss`] when no template matches.
    pub(crate) fn find<'a>(&self, head: &Head<'a>, bucket: Option<&'a str>) -> Result<Match<'a>, Miss> {
        let mut values = [""; LABELS_MAX];
        let trimmed = head.path.strip_prefix('/').unwrap_or(head.path);
        let first = bucket.unwrap_or_else(|| trimmed.split('/').next().unwrap_or(""));
        if self.starts.as_ref().is_some_and(|starts| !starts.contains(first)) {
            return Err(Miss::Path);
        }
        for template in self.templates.iter().filter(|t| t.method == head.method && t.begins_with(first)) {
            if !template.matches(head.path, bucket, &mut values) {
                continue;
            }
            let Some((choice, complete)) = template.choose(head) else { continue };
            let literals = template.segments.iter().filter(|s| matches!(s, Segment::Literal(_))).count();
            let labels = choice.labels.iter().copied().zip(values).collect();
            return Ok(Match { operation: choice.operation, labels, literals, complete });
        }
        let mut others = self.templates.iter().filter(|t| t.method != head.method && t.begins_with(first));
        let is_known = others.any(|t| t.matches(head.path, bucket, &mut values));
        Err(if is_known { Miss::Method } else { Miss::Path })
    }
}

impl Template {
    /// Segment by segment; of two that begin alike the longer first, since a greedy label would take its rest.
    fn order(&self, other: &Template) -> Ordering {
        let pairs = || self.segments.iter().zip(&other.segments);
        let differ = pairs().map(|(a, b)| a.cmp(b)).find(|o| o.is_ne());
        differ.unwrap_or_else(|| other.segments.len().cmp(&self.segments.len()))
    }

    /// The literal that its paths begin with: empty for the root, none for a label.
    fn start(&self) -> Option<&'static str> {
        match self.segments.first() {
            Some(Segment::Literal(text)) => Some(text),
            Some(_) => None,
            None => Some(""),
        }
    }

    /// Most paths fall here, before their segments are walked.
    fn begins_with(&self, first: &str) -> bool {
        !matches!(self.segments.first(), Some(Segment::Literal(text)) if *text != first)
    }

    /// Walks the path; fills the labels' values from the left.
    fn matches<'a>(
        &self,
        path: &'a str,
        bucket: Option<&'a str>,
        values: &mut [&'a str; LABELS_MAX],
    ) -> bool {
        let mut rest = path.strip_prefix('/').unwrap_or(path);
        let mut bucket = bucket;
        let mut label = 0;
        for (at, segment) in self.segments.iter().enumerate() {
            let text = if let Some(first) = bucket.take() {
                first
            } else if *segment == Segment::Greedy {
                let Some((text, after)) = greedy(rest, self.segments.len() - at - 1) else { return false };
                rest = after;
                text
            } else {
                let (text, after) = rest.split_once('/').unwrap_or((rest, ""));
                rest = after;
                text
            };
            match segment {
                Segment::Literal(want) if *want == text => {}
                Segment::Label | Segment::Greedy if !text.is_empty() && label < LABELS_MAX => {
                    values[label] = text;
                    label += 1;
                }
                _ => return false,
            }
        }
        // A trailing slash has already gone with the last split.
        rest.is_empty() && bucket.is_none()
    }

    fn choose(&self, head: &Head) -> Option<(&Choice, bool)> {
        let given: Vec<(&str, &str)> = head.query_pairs().collect();
        let fits = |c: &&Choice| c.constants.iter().all(|(name, value)| has_constant(&given, name, value));
        if let [only] = &self.choices[..] {
            return fits(&only).then(|| (only, only.is_complete(head)));
        }
        // Newer SDKs name the operation where the request itself leaves a doubt.
        let named = head.query_value("x-id");
        if let Some(choice) = self.choices.iter().filter(fits).find(|c| named == Some(c.name)) {
            return Some((choice, choice.is_complete(head)));
        }
        let mut last: Option<&Choice> = None;
        for choice in self.choices.iter().filter(fits) {
            // Fewer constants mean another, less specific operation: one with a missing member comes first.
            if last.is_some_and(|l| l.constants.len() > choice.constants.len()) {
                break;
            }
            if choice.is_complete(head) {
                return Some((choice, true));
            }
            last = Some(choice);
        }
        last.map(|choice| (choice, false))
    }
}

impl Choice {
    fn demands(&self) -> usize {
        self.query.len() + self.headers.len()
    }

    fn is_complete(&self, head: &Head) -> bool {
        self.query.iter().all(|name| head.query_value(name).is_some())
            && self.headers.iter().all(|name| head.headers.contains_key(*name))
    }
}

/// Splits what a greedy label takes from the `after` segments that the template has behind it.
fn greedy(rest: &str, after: usize) -> Option<(&str, &str)> {
    if after == 0 {
        return Some((rest, ""));
    }
    let trimmed = rest.strip_suffix('/').unwrap_or(rest);
    let (at, _) = trimmed.rmatch_indices('/').nth(after - 1)?;
    Some((&trimmed[..at], &trimmed[at + 1..]))
}

fn has_constant(given: &[(&str, &str)], name: &str, value: &str) -> bool {
    given.iter().any(|(n, v)| *n == name && (value.is_empty() || *v == value))
}

fn required(service: &Service, op: &Operation, place: Location) -> Vec<&'static str> {
    let members = op.input.and_then(|id| service.structure(id)).map_or(&[][..], |s| &s.members);
    let wanted = members.iter().filter(|m| m.required && m.location == place);
    wanted.map(|m| if m.target.wire_name.is_empty() { m.name } else { m.target.wire_name }).collect()
}

#[cfg(test)]
mod tests {
    use super::{LABELS_MAX, Miss, Segment};
    use crate::catalog;
    use crate::head::Head;
    use http::HeaderMap;

    #[test]
    fn every_template_is_understood() {
        for at in 0..catalog::services().len() {
            let model = catalog::model(at).unwrap();
            for template in &model.rest.templates {
                for choice in &template.choices {
                    assert!(choice.labels.len() <= LABELS_MAX, "{}", choice.name);
                }
                for segment in &template.segments {
                    if let Segment::Literal(text) = segment {
                        assert!(!text.contains(['{', '}']), "{}: {text}", model.service.id);
                    }
                }
            }
        }
    }

    #[test]
    fn what_begins_with_none_of_its_literals_is_no_path_of_a_service() {
        let named = |id: &str| {
            let at = catalog::services().iter().position(|entry| entry.id == id).unwrap();
            catalog::model(at).unwrap()
        };
        let headers = HeaderMap::new();
        let found = |id: &str, path: &str, bucket: Option<&str>| {
            let model = named(id);
            let head = Head { method: "GET", path, query: "", headers: &headers };
            let operation = model.rest.find(&head, bucket).map(|found| found.operation)?;
            Ok(model.service.operations[operation as usize].name)
        };
        assert_eq!(named("s3control").rest.starts, Some(["v20180820"].into()));
        assert_eq!(found("s3control", "/v20180820/accesspoint", None), Ok("ListAccessPoints"));
        assert_eq!(found("s3control", "/v20180820/nothing", None), Err(Miss::Path));
        assert_eq!(found("s3control", "/bucket/key", None), Err(Miss::Path));
        assert_eq!(found("s3control", "/key", Some("v20180820")), Err(Miss::Path));
        // A label may be anything, and a path may be empty.
        assert_eq!(named("s3").rest.starts, None);
        assert_eq!(found("s3", "/v20180820/key", None), Ok("GetObject"));
        assert_eq!(found("s3", "/", None), Ok("ListBuckets"));
        assert_eq!(found("apigatewayv2", "/v2/apis", None), Ok("GetApis"));
        assert_eq!(found("apigatewayv2", "/", None), Err(Miss::Path));
    }
}
