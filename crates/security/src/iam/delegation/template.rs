//! Policy templates: policies with gaps that a delegation request fills.
//!
//! `@{name}` in a value stands for a parameter. One that is a list makes an entry for each of its values, and several make
//! each combination; `"@Enabled": "name"` (or `"!name"`) keeps a statement only where the parameter is `True` (or is not).
//! Values go into the tree of the document and never into its text, so none can break out of its place.
//!
//! AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/temporary-delegation-policy-templates.html>. What AWS says of
//! parameters that are missing, left over or given twice is not documented; here they are refused.

use auth::policy::{Policy, PolicyKind};
use std::collections::BTreeSet;
use wire::Value;

/// AWS: what a filled template may have at most.
const CHARACTERS_MAX: usize = 2048;
const CONDITION: &str = "@Enabled";
const OPEN: &str = "@{";

/// What a request gives for a gap.
#[derive(Clone, Copy, Debug)]
pub struct Parameter<'a> {
    pub name: &'a str,
    pub values: &'a [String],
    pub is_list: bool,
}

/// Why a template cannot be used, or not with these parameters.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unfit(pub String);

fn unfit<T>(what: impl Into<String>) -> Result<T, Unfit> {
    Err(Unfit(what.into()))
}

/// Whether a document can be registered as a template.
///
/// # Errors
/// [`Unfit`] for what is no JSON object with statements, or has gaps where none can be filled.
pub fn check(text: &str) -> Result<(), Unfit> {
    let document = read(text)?;
    let Some(statements) = document.iter().find(|(name, _)| name == "Statement").map(|(_, value)| value)
    else {
        return unfit("The policy template has no Statement.");
    };
    for statement in listed(statements) {
        let Value::Map(members) = statement else {
            return unfit("Each statement of a policy template must be an object.");
        };
        for (name, value) in members {
            must_have_no_gap_in_names(name, value)?;
            if name == CONDITION && value.as_str().is_none() {
                return unfit("@Enabled must be the name of a parameter.");
            }
        }
    }
    Ok(())
}

fn must_have_no_gap_in_names(name: &str, value: &Value) -> Result<(), Unfit> {
    if name.contains(OPEN) {
        return unfit(format!("Parameters stand for values, not for names: {name}"));
    }
    match value {
        Value::Map(members) => {
            members.iter().try_for_each(|(name, value)| must_have_no_gap_in_names(name, value))
        }
        Value::List(items) => items.iter().try_for_each(|item| must_have_no_gap_in_names("", item)),
        Value::Str(text) => pieces(text).map(drop),
        _ => Ok(()),
    }
}

/// Fills a template.
///
/// # Errors
/// [`Unfit`] for parameters that do not fit the template, and for what is no policy when it is filled.
pub fn render(text: &str, parameters: &[Parameter<'_>]) -> Result<String, Unfit> {
    let mut filling = Filling { parameters, used: BTreeSet::new() };
    filling.check()?;
    let mut out = Vec::new();
    for (name, value) in read(text)? {
        let value = match (name.as_str(), value) {
            ("Statement", statements) => Value::List(filling.statements(statements)?),
            (_, value) => filling.value(value)?,
        };
        out.push((name, value));
    }
    if let Some(other) = parameters.iter().find(|parameter| !filling.used.contains(parameter.name)) {
        return unfit(format!("The policy template has no parameter {}.", other.name));
    }
    let rendered = wire::json::text(&Value::Map(out));
    if rendered.chars().count() > CHARACTERS_MAX {
        return unfit(format!("The rendered policy exceeds the maximum of {CHARACTERS_MAX} characters."));
    }
    match Policy::parse(&rendered, PolicyKind::Session) {
        Ok(_) => Ok(rendered),
        Err(malformed) => unfit(malformed.message),
    }
}

fn read(text: &str) -> Result<Vec<(String, Value)>, Unfit> {
    match wire::json::read(text) {
        Some(Value::Map(members)) => Ok(members),
        _ => unfit("A policy template must be a JSON object."),
    }
}

/// A list's items; what is no list stands for itself.
pub(super) fn listed(value: &Value) -> &[Value] {
    match value {
        Value::List(items) => items,
        one => std::slice::from_ref(one),
    }
}

/// A piece of a value: text, or the name of a parameter.
#[derive(Clone, Copy, Debug)]
enum Piece<'t> {
    Text(&'t str),
    Gap(&'t str),
}

fn pieces(text: &str) -> Result<Vec<Piece<'_>>, Unfit> {
    let (mut out, mut rest) = (Vec::new(), text);
    while let Some((before, behind)) = rest.split_once(OPEN) {
        let Some((name, after)) = behind.split_once('}') else {
            return unfit(format!("A parameter has no end: {text}"));
        };
        out.extend([Piece::Text(before), Piece::Gap(name)]);
        rest = after;
    }
    out.push(Piece::Text(rest));
    Ok(out)
}

struct Filling<'p> {
    parameters: &'p [Parameter<'p>],
    used: BTreeSet<&'p str>,
}

impl<'p> Filling<'p> {
    fn check(&self) -> Result<(), Unfit> {
        let mut names = BTreeSet::new();
        for parameter in self.parameters {
            if !names.insert(parameter.name) {
                return unfit(format!("The parameter {} is given twice.", parameter.name));
            }
            match (parameter.is_list, parameter.values.len()) {
                (false, 1) | (true, 1..) => {}
                (false, _) => return unfit(format!("The parameter {} must have one value.", parameter.name)),
                (true, _) => return unfit(format!("The parameter {} must have a value.", parameter.name)),
            }
        }
        Ok(())
    }

    fn find(&mut self, name: &str) -> Result<Parameter<'p>, Unfit> {
        let found = self.parameters.iter().find(|parameter| parameter.name == name).copied();
        let Some(found) = found else {
            return unfit(format!("The policy template needs the parameter {name}."));
        };
        self.used.insert(found.name);
        Ok(found)
    }

    fn statements(&mut self, statements: Value) -> Result<Vec<Value>, Unfit> {
        let all = match statements {
            Value::List(items) => items,
            one => vec![one],
        };
        let mut out = Vec::with_capacity(all.len());
        for statement in all {
            let Value::Map(mut members) = statement else {
                return unfit("Each statement of a policy template must be an object.");
            };
            let at = members.iter().position(|(name, _)| name == CONDITION);
            let condition = at.map(|at| members.remove(at).1);
            let is_wanted = match condition.as_ref().map(|name| name.as_str().unwrap_or_default()) {
                None => true,
                Some(name) => match name.strip_prefix('!') {
                    Some(name) => !self.is_true(name)?,
                    None => self.is_true(name)?,
                },
            };
            // What is left out still counts as a use of its parameters.
            let filled = self.value(Value::Map(members))?;
            if is_wanted {
                out.push(filled);
            }
        }
        Ok(out)
    }

    fn is_true(&mut self, name: &str) -> Result<bool, Unfit> {
        Ok(matches!(self.find(name)?.values, [only] if only == "True"))
    }

    fn value(&mut self, value: Value) -> Result<Value, Unfit> {
        Ok(match value {
            Value::Str(text) => match self.text(&text)? {
                Filled::One(text) => Value::Str(text),
                Filled::Many(texts) => Value::List(texts.into_iter().map(Value::Str).collect()),
            },
            Value::List(items) => {
                let mut out = Vec::with_capacity(items.len());
                for item in items {
                    match self.value(item)? {
                        Value::List(several) => out.extend(several),
                        one => out.push(one),
                    }
                }
                Value::List(out)
            }
            Value::Map(members) => {
                let mut out = Vec::with_capacity(members.len());
                for (name, value) in members {
                    out.push((name, self.value(value)?));
                }
                Value::Map(out)
            }
            other => other,
        })
    }

    fn text(&mut self, text: &str) -> Result<Filled, Unfit> {
        let (mut all, mut is_list) = (vec![String::new()], false);
        for piece in pieces(text)? {
            let parameter = match piece {
                Piece::Text(text) => {
                    all.iter_mut().for_each(|one| one.push_str(text));
                    continue;
                }
                Piece::Gap(name) => self.find(name)?,
            };
            is_list |= parameter.is_list;
            if all.len() * parameter.values.len() > CHARACTERS_MAX {
                return unfit(format!(
                    "The rendered policy exceeds the maximum of {CHARACTERS_MAX} characters."
                ));
            }
            all = all
                .iter()
                .flat_map(|before| parameter.values.iter().map(move |value| format!("{before}{value}")))
                .collect();
        }
        Ok(match (is_list, all.pop()) {
            (false, Some(only)) => Filled::One(only),
            (_, last) => {
                all.extend(last);
                Filled::Many(all)
            }
        })
    }
}

enum Filled {
    One(String),
    Many(Vec<String>),
}

/// The permissions boundaries that a policy asks of the roles which it lets make.
pub fn boundaries(policy: &str) -> Vec<String> {
    let document = read(policy).unwrap_or_default();
    let statements = document.iter().filter(|(name, _)| name == "Statement").flat_map(|(_, all)| listed(all));
    let mut out: Vec<String> = Vec::new();
    for statement in statements {
        let makes_roles = statement.entry("Effect").and_then(Value::as_str) == Some("Allow")
            && statement
                .entry("Action")
                .is_some_and(|actions| listed(actions).iter().any(covers_create_role));
        let operators = match statement.entry("Condition") {
            Some(Value::Map(operators)) if makes_roles => operators.as_slice(),
            _ => &[],
        };
        let keys = operators.iter().filter_map(|(_, keys)| match keys {
            Value::Map(keys) => Some(keys),
            _ => None,
        });
        let named = keys.flatten().filter(|(key, _)| key.eq_ignore_ascii_case("iam:PermissionsBoundary"));
        let arns = named.flat_map(|(_, values)| listed(values)).filter_map(Value::as_str);
        out.extend(arns.map(str::to_owned));
    }
    out.sort_unstable();
    out.dedup();
    out
}

fn covers_create_role(action: &Value) -> bool {
    let pattern = action.as_str().unwrap_or_default().to_ascii_lowercase();
    auth::actions::matches(&pattern, "iam:createrole")
}

#[cfg(test)]
mod tests {
    use super::{Parameter, Unfit, boundaries, check, render};

    const TEMPLATE: &str = r#"{"Version":"2012-10-17","Statement":[
        {"Effect":"Allow","Action":["s3:GetObject"],"Resource":"arn:aws:s3:::@{bucketNames}/@{prefix}/*"},
        {"@Enabled":"ENABLE_WRITE","Effect":"Allow","Action":"s3:PutObject","Resource":["*","arn:aws:s3:::@{bucketNames}"]},
        {"@Enabled":"!ENABLE_WRITE","Effect":"Deny","Action":"s3:PutObject","Resource":"*"}]}"#;

    fn given<'a>(name: &'a str, values: &'a [String], is_list: bool) -> Parameter<'a> {
        Parameter { name, values, is_list }
    }

    fn texts(values: &[&str]) -> Vec<String> {
        values.iter().map(|value| (*value).to_owned()).collect()
    }

    fn fill(buckets: &[&str], write: &str) -> Result<String, Unfit> {
        let (buckets, prefix, write) = (texts(buckets), texts(&["data"]), texts(&[write]));
        render(
            TEMPLATE,
            &[
                given("bucketNames", &buckets, true),
                given("prefix", &prefix, false),
                given("ENABLE_WRITE", &write, false),
            ],
        )
    }

    #[test]
    fn lists_make_each_combination_and_conditions_leave_statements_out() {
        assert_eq!(check(TEMPLATE), Ok(()));
        assert_eq!(
            fill(&["a", "b"], "True").unwrap(),
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject"],"Resource":["arn:aws:s3:::a/data/*","arn:aws:s3:::b/data/*"]},{"Effect":"Allow","Action":"s3:PutObject","Resource":["*","arn:aws:s3:::a","arn:aws:s3:::b"]}]}"#
        );
        assert_eq!(
            fill(&["a"], "true").unwrap(),
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject"],"Resource":["arn:aws:s3:::a/data/*"]},{"Effect":"Deny","Action":"s3:PutObject","Resource":"*"}]}"#
        );
    }

    #[test]
    fn a_value_cannot_leave_its_place() {
        let spoiled = fill(&[r#"x"],"Action":"*"#], "True").unwrap();
        assert!(spoiled.contains(r#"arn:aws:s3:::x\"],\"Action\":\"*/data/*"#), "{spoiled}");
        // Nor is it filled again.
        assert!(fill(&["@{prefix}"], "True").unwrap().contains("arn:aws:s3:::@{prefix}/data/*"));
    }

    #[test]
    fn parameters_must_fit() {
        let (one, two, none) = (texts(&["a"]), texts(&["a", "b"]), texts(&[]));
        let template = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::@{bucket}"}}"#;
        for (parameters, words) in [
            (&[][..], "The policy template needs the parameter bucket."),
            (&[given("bucket", &two, false)], "The parameter bucket must have one value."),
            (&[given("bucket", &none, true)], "The parameter bucket must have a value."),
            (
                &[given("bucket", &one, false), given("bucket", &one, false)],
                "The parameter bucket is given twice.",
            ),
            (
                &[given("bucket", &one, false), given("colour", &one, false)],
                "The policy template has no parameter colour.",
            ),
        ] {
            assert_eq!(render(template, parameters), Err(Unfit(words.into())));
        }
        let long = texts(&["x".repeat(2048).as_str()]);
        let exceeds = "The rendered policy exceeds the maximum of 2048 characters.";
        assert_eq!(render(template, &[given("bucket", &long, false)]), Err(Unfit(exceeds.into())));
        let many: Vec<String> = (0..3000).map(|n| n.to_string()).collect();
        assert_eq!(render(template, &[given("bucket", &many, true)]), Err(Unfit(exceeds.into())));
    }

    #[test]
    fn what_is_no_template() {
        for (text, words) in [
            ("[]", "A policy template must be a JSON object."),
            ("{}", "The policy template has no Statement."),
            (r#"{"Statement":["x"]}"#, "Each statement of a policy template must be an object."),
            (r#"{"Statement":{"@{name}":"x"}}"#, "Parameters stand for values, not for names: @{name}"),
            (r#"{"Statement":{"Action":"@{name"}}"#, "A parameter has no end: @{name"),
            (r#"{"Statement":{"@Enabled":1}}"#, "@Enabled must be the name of a parameter."),
        ] {
            assert_eq!(check(text), Err(Unfit(words.into())), "{text}");
        }
        // What is left of nothing is no policy.
        let one = texts(&["False"]);
        let nothing = r#"{"Version":"2012-10-17","Statement":{"@Enabled":"wanted","Effect":"Allow","Action":"s3:*","Resource":"*"}}"#;
        assert!(render(nothing, &[given("wanted", &one, false)]).is_err());
    }

    #[test]
    fn boundaries_of_roles_that_may_be_made() {
        let policy = r#"{"Version":"2012-10-17","Statement":[
            {"Effect":"Allow","Action":["iam:Create*"],"Resource":"*",
             "Condition":{"StringEquals":{"iam:permissionsboundary":["arn:b","arn:a"]}}},
            {"Effect":"Allow","Action":"iam:PutRolePolicy","Resource":"*",
             "Condition":{"StringEquals":{"iam:PermissionsBoundary":"arn:c"}}}]}"#;
        assert_eq!(boundaries(policy), ["arn:a", "arn:b"]);
        assert_eq!(boundaries("{}"), Vec::<String>::new());
    }
}
