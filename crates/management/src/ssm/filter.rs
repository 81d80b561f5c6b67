//! What a listing of parameters is narrowed to.
//!
//! AWS: <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_ParameterStringFilter.html>

use super::errors::{SsmError, invalid};
use super::model::Parameter;
use super::name::is_path;

const EQUALS: &str = "Equals";
const BEGINS_WITH: &str = "BeginsWith";
const CONTAINS: &str = "Contains";
const RECURSIVE: &str = "Recursive";
const ONE_LEVEL: &str = "OneLevel";

/// The keys of `DescribeParameters` with their options, the default first. Tags are beside them.
const DESCRIBE: &[(&str, &[&str])] = &[
    ("Path", &[ONE_LEVEL, RECURSIVE]),
    ("Name", &[EQUALS, BEGINS_WITH, CONTAINS]),
    ("Type", &[EQUALS, BEGINS_WITH]),
    ("KeyId", &[EQUALS, BEGINS_WITH]),
    ("Tier", &[EQUALS]),
    ("DataType", &[EQUALS]),
];

/// The keys of `GetParametersByPath`.
const BY_PATH: &[(&str, &[&str])] =
    &[("Type", &[EQUALS, BEGINS_WITH]), ("KeyId", &[EQUALS, BEGINS_WITH]), ("Label", &[EQUALS])];

wire::shape! {
    #[derive(Clone, Debug)]
    pub(super) struct StringFilter {
        key: String = "Key",
        option: Option<String> = "Option",
        values: Vec<String> = "Values",
    }
}

/// Filters that have been checked: a parameter passes when it passes each.
#[derive(Debug)]
pub(super) struct Filters(Vec<StringFilter>);

impl Filters {
    /// # Errors
    /// `InvalidFilterKey`, `InvalidFilterOption`, `InvalidFilterValue`, `ValidationException`.
    pub(super) fn describing(filters: Vec<StringFilter>) -> Result<Filters, SsmError> {
        Filters::checked(filters, DESCRIBE, true)
    }

    /// # Errors
    /// As [`Filters::describing`].
    pub(super) fn by_path(filters: Vec<StringFilter>) -> Result<Filters, SsmError> {
        Filters::checked(filters, BY_PATH, false)
    }

    fn checked(
        mut filters: Vec<StringFilter>,
        keys: &[(&str, &[&str])],
        tags: bool,
    ) -> Result<Filters, SsmError> {
        for at in 0..filters.len() {
            let key = filters[at].key.clone();
            if filters[..at].iter().any(|other| other.key == key) {
                return Err(SsmError::FilterKey(format!(
                    "The following filters are duplicated in the request: {key}. A request can contain only one \
                     instance of a specific filter."
                )));
            }
            let options = match keys.iter().find(|(known, _)| *known == key) {
                Some((_, options)) => *options,
                None if tags && key.starts_with("tag:") => &[EQUALS],
                None => {
                    let known: Vec<&str> = keys.iter().map(|(known, _)| *known).collect();
                    return Err(SsmError::FilterKey(format!(
                        "The following filter key is not valid: {key}. Valid filter keys include: [{}].",
                        known.join(", ")
                    )));
                }
            };
            filters[at].check(options)?;
        }
        Ok(Filters(filters))
    }

    pub(super) fn pass(&self, parameter: &Parameter) -> bool {
        self.0.iter().all(|filter| filter.passes(parameter))
    }

    /// The labels by which a listing by path takes its versions.
    pub(super) fn labels(&self) -> Option<&[String]> {
        self.0.iter().find(|filter| filter.key == "Label").map(|filter| filter.values.as_slice())
    }
}

impl StringFilter {
    pub(super) fn equals(key: String, values: Vec<String>) -> StringFilter {
        StringFilter { key, option: None, values }
    }

    fn check(&mut self, options: &[&str]) -> Result<(), SsmError> {
        let option = self.option.get_or_insert_with(|| options[0].to_owned());
        if !options.contains(&option.as_str()) {
            return Err(SsmError::FilterOption(format!(
                "The following filter option is not valid: {option}. Valid options include: [{}].",
                options.join(", ")
            )));
        }
        if self.values.is_empty() && !self.key.starts_with("tag:") {
            let key = &self.key;
            return Err(SsmError::FilterValue(format!(
                "The following filter values are missing : null for filter key {key}."
            )));
        }
        if self.key == "Path" && !self.values.iter().all(|path| is_path(path)) {
            return Err(invalid(
                "The parameter doesn't meet the parameter name requirements. The parameter name must begin with a \
                 forward slash \"/\". It can't be prefixed with \"aws\" or \"ssm\" (case-insensitive). It must use \
                 only letters, numbers, or the following symbols: . (period), - (hyphen), _ (underscore). Special \
                 characters are not allowed. All sub-paths, if specified, must use the forward slash symbol \"/\". \
                 Valid example: /get/parameters2-/by1./path0_.",
            ));
        }
        Ok(())
    }

    fn passes(&self, parameter: &Parameter) -> bool {
        let latest = &parameter.latest;
        let subject = match self.key.as_str() {
            "Path" => {
                let recursive = self.option.as_deref() == Some(RECURSIVE);
                return self.values.iter().any(|path| is_below(&parameter.name, path, recursive));
            }
            "Name" => Some(&parameter.name),
            "Type" => Some(&latest.kind),
            "KeyId" => latest.key.as_ref(),
            "Tier" => Some(&latest.tier),
            "DataType" => Some(&latest.data_type),
            "Label" => return parameter.labels.iter().any(|label| self.values.contains(&label.name)),
            tag => tag.strip_prefix("tag:").and_then(|tag| parameter.tags.get(tag)),
        };
        let Some(subject) = subject else { return false };
        let fits = |value: &String| match self.option.as_deref() {
            Some(BEGINS_WITH) => subject.starts_with(value.as_str()),
            Some(CONTAINS) => subject.contains(value.as_str()),
            _ => subject == value,
        };
        self.values.is_empty() || self.values.iter().any(fits)
    }
}

/// Whether a parameter lies below a path, or directly below it. Names without a slash lie directly below `/`.
pub(super) fn is_below(name: &str, path: &str, recursive: bool) -> bool {
    let path = path.strip_suffix('/').unwrap_or(path);
    let rest = match name.strip_prefix(path) {
        Some(rest) if rest.starts_with('/') => &rest[1..],
        Some(rest) if path.is_empty() => rest,
        _ => return false,
    };
    recursive || !rest.contains('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(key: &str, option: Option<&str>, values: &[&str]) -> StringFilter {
        let values = values.iter().map(|value| (*value).to_owned()).collect();
        StringFilter { key: key.into(), option: option.map(str::to_owned), values }
    }

    #[test]
    fn paths_hold_what_is_below() {
        for (name, path, recursive, holds) in [
            ("/a/b", "/a", false, true),
            ("/a/b", "/a/", false, true),
            ("/a/b/c", "/a", false, false),
            ("/a/b/c", "/a", true, true),
            ("/ab", "/a", true, false),
            ("/a", "/a", true, false),
            ("plain", "/", false, true),
            ("/a", "/", false, true),
            ("/a/b", "/", false, false),
        ] {
            assert_eq!(is_below(name, path, recursive), holds, "{name} below {path}, recursive {recursive}");
        }
    }

    #[test]
    fn what_is_no_filter_has_its_error() {
        let code =
            |filters: Vec<StringFilter>| wire::Fault::from(Filters::describing(filters).unwrap_err()).code;
        assert_eq!(code(vec![filter("Label", None, &["a"])]), "InvalidFilterKey");
        assert_eq!(code(vec![filter("Type", Some("Contains"), &["a"])]), "InvalidFilterOption");
        assert_eq!(code(vec![filter("Name", None, &[])]), "InvalidFilterValue");
        assert_eq!(code(vec![filter("Path", None, &["a"])]), "ValidationException");
        let twice = vec![filter("Name", None, &["a"]), filter("Name", None, &["b"])];
        assert_eq!(code(twice), "InvalidFilterKey");
        assert!(Filters::by_path(vec![filter("Name", None, &["a"])]).is_err());
    }
}
