//! Tables for people: columns as wide as their widest cell, headings in bold where a terminal is.

use std::io::IsTerminal;

/// Text in bold on a terminal, plain elsewhere.
pub(super) fn bold(text: &str) -> String {
    paint(text, "1")
}

pub(super) fn green(text: &str) -> String {
    paint(text, "32")
}

pub(super) fn yellow(text: &str) -> String {
    paint(text, "33")
}

fn paint(text: &str, code: &str) -> String {
    if std::io::stdout().is_terminal() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
}

/// Lays out `rows` under `headings`; the last column is not padded.
pub(super) fn layout(headings: &[&str], rows: &[Vec<String>]) -> String {
    let widths: Vec<usize> = (0..headings.len())
        .map(|i| {
            let cells = rows.iter().filter_map(|row| row.get(i)).map(|cell| cell.chars().count());
            cells.chain([headings[i].len()]).max().unwrap_or(0)
        })
        .collect();
    let line = |cells: &[String]| {
        let padded: Vec<_> =
            cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        format!("{}\n", padded.join("  ").trim_end())
    };
    let headings: Vec<String> = headings.iter().map(|h| (*h).to_owned()).collect();
    let mut text = bold(line(&headings).trim_end());
    text.push('\n');
    for row in rows {
        text.push_str(&line(row));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::layout;

    #[test]
    fn columns_line_up() {
        let rows =
            vec![vec!["a".into(), "long cell".into(), "x".into()], vec!["bb".into(), "b".into(), "y".into()]];
        assert_eq!(layout(&["A", "B", "C"], &rows), "A   B          C\na   long cell  x\nbb  b          y\n");
    }
}
