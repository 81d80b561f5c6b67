//! Rules on the shape of source files: how long a file and a function may be, and that a module says what it is.
//! rustfmt's indentation tells where a function ends, so nothing has to be parsed.

use super::{Finding, Source};

pub(super) const FILE_LINES_MAX: usize = 1000;
const FILE_LINES_SMELL: usize = 600;
/// Lines of code, without comments and blank lines; the same number as in clippy.toml.
const FUNCTION_LINES_MAX: usize = 70;

pub(super) fn check(source: &Source, findings: &mut Vec<Finding>) {
    let lines = source.text.lines().count();
    if counted(&source.path) && lines > FILE_LINES_MAX {
        findings.push(Finding::new(
            source,
            0,
            format!("{lines} lines, at most {FILE_LINES_MAX}: split it by noun"),
        ));
    }
    if !source.path.ends_with(".rs") {
        return;
    }
    if !source.text.starts_with("//!") && !is_test(&source.path) {
        let what = "a module begins with `//!`: what it is, why, and what is not there";
        findings.push(Finding::new(source, 1, what.to_owned()));
    }
    long_functions(source, findings);
}

/// A file that is close to being too long, and its lines.
pub(super) fn grows_long(source: &Source) -> Option<(&str, usize)> {
    let lines = source.text.lines().count();
    (counted(&source.path) && (FILE_LINES_SMELL..=FILE_LINES_MAX).contains(&lines))
        .then_some((&source.path, lines))
}

fn counted(path: &str) -> bool {
    [".rs", ".py", ".sh"].iter().any(|end| path.ends_with(end))
}

/// The lines of code that end in the binary, with their 1-based numbers: no comments, nothing from `#[cfg(test)]` on
/// (tests close a file here), nothing of a test file.
pub(super) fn shipped(source: &Source) -> Vec<(usize, &str)> {
    if is_test(&source.path) {
        return Vec::new();
    }
    let lines = source.text.lines().enumerate().take_while(|(_, text)| text.trim_start() != "#[cfg(test)]");
    lines.map(|(index, text)| (index + 1, text)).filter(|(_, text)| is_code(text)).collect()
}

fn is_test(path: &str) -> bool {
    ["/tests/", "/benches/"].iter().any(|folder| path.contains(folder)) || path.ends_with("tests.rs")
}

fn is_code(text: &str) -> bool {
    let text = text.trim_start();
    !text.is_empty() && !text.starts_with("//")
}

fn long_functions(source: &Source, findings: &mut Vec<Finding>) {
    let lines = shipped(source);
    for (index, (line, text)) in lines.iter().enumerate() {
        let indent = text.len() - text.trim_start().len();
        if !begins_function(text.trim_start()) {
            continue;
        }
        let length =
            lines[index..].iter().position(|(_, text)| closes(text, indent)).map_or(0, |end| end + 1);
        if length > FUNCTION_LINES_MAX {
            let what = format!("a function of {length} lines of code, at most {FUNCTION_LINES_MAX}");
            findings.push(Finding::new(source, *line, what));
        }
    }
}

fn begins_function(text: &str) -> bool {
    let words = ["pub ", "pub(crate) ", "pub(super) ", "const ", "async ", "unsafe "];
    let mut rest = text;
    while let Some(word) = words.iter().find(|word| rest.starts_with(**word)) {
        rest = &rest[word.len()..];
    }
    rest.starts_with("fn ")
}

/// A brace at the function's own indentation, or a body or declaration that ends on the line it begins on.
fn closes(text: &str, indent: usize) -> bool {
    let own = text.len() - text.trim_start().len() == indent;
    own && (text.ends_with('}') || text.ends_with(';'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(text: &str) -> Vec<(usize, String)> {
        let mut findings = Vec::new();
        let source = Source { path: "crates/a/src/b.rs".to_owned(), text: format!("//! a\n{text}") };
        check(&source, &mut findings);
        findings.into_iter().map(|finding| (finding.line, finding.what)).collect()
    }

    #[test]
    fn a_function_is_measured_in_lines_of_code() {
        let body =
            |lines: usize| format!("pub fn long(\n) {{\n{}}}\n", "    a();\n    // why\n\n".repeat(lines));
        assert_eq!(findings(&body(67)), []);
        assert_eq!(findings(&body(68)), [(2, "a function of 71 lines of code, at most 70".to_owned())]);
        let after = format!("fn short() {{ a() }}\n{}", body(67));
        assert_eq!(findings(&after), [], "a function on one line ends there");
    }

    #[test]
    fn a_module_says_what_it_is() {
        let mut found = Vec::new();
        check(&Source { path: "crates/a/src/b.rs".to_owned(), text: "fn a() {}\n".to_owned() }, &mut found);
        assert_eq!(found[0].what, "a module begins with `//!`: what it is, why, and what is not there");
    }

    #[test]
    fn a_file_has_an_end() {
        assert_eq!(findings(&"a();\n".repeat(999)), []);
        let what = "1001 lines, at most 1000: split it by noun".to_owned();
        assert_eq!(findings(&"a();\n".repeat(1000)), [(0, what)]);
    }
}
