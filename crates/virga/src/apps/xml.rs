//! Just enough of XML to read AWS's answers: the texts of elements that are known to hold no others.

/// The text of the first element of this name, as it stands.
pub(crate) fn text<'x>(xml: &'x str, name: &str) -> Option<&'x str> {
    all(xml, name).next()
}

/// What stands in the elements of this name, in their order.
pub(crate) fn all<'x>(xml: &'x str, name: &str) -> impl Iterator<Item = &'x str> {
    let (start, end) = (["<", name, ">"].concat(), ["</", name, ">"].concat());
    let mut rest = xml;
    std::iter::from_fn(move || {
        let (_, behind) = rest.split_once(&start)?;
        let (inside, after) = behind.split_once(&end)?;
        rest = after;
        Some(inside)
    })
}

/// A text with its references read.
pub(crate) fn plain(text: &str) -> String {
    let known =
        [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&apos;", "'"), ("&amp;", "&")];
    known.iter().fold(text.to_owned(), |text, (reference, character)| text.replace(reference, character))
}

#[cfg(test)]
mod tests {
    use super::{all, plain, text};

    #[test]
    fn texts_are_found() {
        let xml = "<a><m><k>1</k><v>x &amp; y</v></m><m><k>2</k></m></a>";
        assert_eq!(text(xml, "v").map(plain).as_deref(), Some("x & y"));
        assert_eq!(all(xml, "m").filter_map(|m| text(m, "k")).collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(text(xml, "none"), None);
    }
}
