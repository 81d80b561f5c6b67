//! Refreshes the README's table, which stands between two marks; all else is left alone.

use std::path::Path;

const BEGIN: &str = "<!-- bench: begin -->";
const END: &str = "<!-- bench: end -->";

pub(crate) fn refresh(root: &Path, table: &str) -> Result<(), String> {
    let path = root.join("README.md");
    let fail = |why: std::io::Error| format!("{}: {why}", path.display());
    let text = std::fs::read_to_string(&path).map_err(fail)?;
    let text = replaced(&text, table).ok_or_else(|| format!("README.md has no `{BEGIN}` ... `{END}`"))?;
    std::fs::write(&path, text).map_err(fail)
}

fn replaced(text: &str, table: &str) -> Option<String> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{table}{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_marks_is_replaced() {
        let text = format!("a\n{BEGIN}\nold\n{END}\nb\n");
        assert_eq!(replaced(&text, "new\n").unwrap(), format!("a\n{BEGIN}\nnew\n{END}\nb\n"));
        assert_eq!(replaced("a", "new\n"), None);
    }
}
