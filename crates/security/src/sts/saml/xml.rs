//! A small XML tree, and its exclusive canonical form.
//!
//! Enough of XML for signed SAML: elements with their namespaces, attributes, text. Comments are dropped, so that none
//! can cut a text in two between what is signed and what is read; document types and entities other than XML's own are
//! refused. Everything has a limit.
//!
//! Specification: <https://www.w3.org/TR/xml-exc-c14n/>, without comments.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

const DEPTH_MAX: usize = 64;
const ELEMENTS_MAX: usize = 4096;
const NAMESPACES_MAX: usize = 64;
const XML_NAMESPACE: &str = "http://www.w3.org/XML/1998/namespace";

/// Namespaces by prefix, the default one by the empty prefix.
type Scope = BTreeMap<String, String>;

#[derive(Debug)]
pub(crate) struct Element {
    prefix: String,
    pub(crate) name: String,
    pub(crate) namespace: String,
    attributes: Vec<Attribute>,
    children: Vec<Child>,
    /// Every namespace that is in scope here.
    scope: Rc<Scope>,
}

#[derive(Debug)]
struct Attribute {
    prefix: String,
    name: String,
    namespace: String,
    value: String,
}

#[derive(Debug)]
enum Child {
    Element(Element),
    Text(String),
    Instruction(String),
}

impl Element {
    /// The document's element; none for what is not well-formed, or goes beyond a limit.
    pub(crate) fn read(text: &str) -> Option<Element> {
        let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
        reader.config_mut().expand_empty_elements = true;
        let mut open: Vec<Element> = Vec::new();
        let (mut document, mut count) = (None, 0);
        loop {
            let event = reader.read_event().ok()?;
            let child = match event {
                Event::Start(start) => {
                    count += 1;
                    if document.is_some() || open.len() >= DEPTH_MAX || count > ELEMENTS_MAX {
                        return None;
                    }
                    open.push(element(&start, open.last().map(|parent| &parent.scope))?);
                    continue;
                }
                Event::End(_) => {
                    let closed = open.pop()?;
                    if open.is_empty() {
                        document = Some(closed);
                        continue;
                    }
                    Child::Element(closed)
                }
                Event::Text(text) => Child::Text(lines(&text)),
                Event::CData(text) => Child::Text(lines(&text)),
                Event::GeneralRef(reference) => {
                    Child::Text(quick_xml::escape::unescape(&format!("&{};", &*reference)).ok()?.into_owned())
                }
                Event::PI(instruction) => Child::Instruction(lines(&instruction)),
                Event::DocType(_) => return None,
                Event::Eof => break,
                _ => continue,
            };
            match open.last_mut() {
                Some(parent) => parent.add(child),
                // Outside of the document's element only white space may stand.
                None if matches!(&child, Child::Text(text) if !text.trim().is_empty()) => return None,
                None => {}
            }
        }
        document.filter(|_| open.is_empty())
    }

    fn add(&mut self, child: Child) {
        match (self.children.last_mut(), child) {
            (Some(Child::Text(before)), Child::Text(text)) => before.push_str(&text),
            (_, child) => self.children.push(child),
        }
    }

    pub(crate) fn is(&self, namespace: &str, name: &str) -> bool {
        self.namespace == namespace && self.name == name
    }

    /// An attribute without a namespace.
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        let own = self.attributes.iter().find(|own| own.prefix.is_empty() && own.name == name);
        own.map(|own| own.value.as_str())
    }

    pub(crate) fn elements(&self) -> impl Iterator<Item = &Element> {
        self.children.iter().filter_map(|child| match child {
            Child::Element(element) => Some(element),
            _ => None,
        })
    }

    /// Its elements of this name.
    pub(crate) fn all<'a>(&'a self, namespace: &'a str, name: &'a str) -> impl Iterator<Item = &'a Element> {
        self.elements().filter(move |element| element.is(namespace, name))
    }

    /// Its one element of this name; none also where there are several.
    pub(crate) fn only(&self, namespace: &str, name: &str) -> Option<&Element> {
        let mut found = self.elements().filter(|element| element.is(namespace, name));
        found.next().filter(|_| found.next().is_none())
    }

    /// Its own text.
    pub(crate) fn text(&self) -> String {
        let texts = self.children.iter().filter_map(|child| match child {
            Child::Text(text) => Some(text.as_str()),
            _ => None,
        });
        texts.collect()
    }

    /// The exclusive canonical form, without the element `but`; `inclusive` are the prefixes that are treated as in
    /// the inclusive form.
    pub(crate) fn canonical(&self, but: Option<&Element>, inclusive: &[&str]) -> String {
        let mut out = String::new();
        self.write(&mut out, but, inclusive, &Scope::new());
        out
    }

    fn write(&self, out: &mut String, but: Option<&Element>, inclusive: &[&str], rendered: &Scope) {
        if but.is_some_and(|but| std::ptr::eq(but, self)) {
            return;
        }
        let mut rendered = rendered.clone();
        let name = qualified(&self.prefix, &self.name);
        out.push('<');
        out.push_str(&name);
        for prefix in self.used(inclusive) {
            let uri = self.scope.get(prefix).map(String::as_str).unwrap_or_default();
            if rendered.get(prefix).map(String::as_str).unwrap_or_default() == uri {
                continue;
            }
            out.push_str(if prefix.is_empty() { " xmlns" } else { " xmlns:" });
            out.push_str(prefix);
            value(out, uri);
            rendered.insert(prefix.to_owned(), uri.to_owned());
        }
        let mut attributes: Vec<&Attribute> = self.attributes.iter().collect();
        attributes.sort_by_key(|own| (own.namespace.as_str(), own.name.as_str()));
        for own in attributes {
            out.push(' ');
            out.push_str(&qualified(&own.prefix, &own.name));
            value(out, &own.value);
        }
        out.push('>');
        for child in &self.children {
            match child {
                Child::Element(element) => element.write(out, but, inclusive, &rendered),
                Child::Text(text) => {
                    escape(out, text, &[('&', "&amp;"), ('<', "&lt;"), ('>', "&gt;"), ('\r', "&#xD;")]);
                }
                Child::Instruction(text) => {
                    out.push_str("<?");
                    out.push_str(text);
                    out.push_str("?>");
                }
            }
        }
        out.push_str("</");
        out.push_str(&name);
        out.push('>');
    }

    /// The prefixes whose namespaces the element itself makes use of, in order.
    fn used<'a>(&'a self, inclusive: &[&'a str]) -> BTreeSet<&'a str> {
        let of_attributes =
            self.attributes.iter().map(|own| own.prefix.as_str()).filter(|prefix| !prefix.is_empty());
        let asked = inclusive.iter().map(|prefix| if *prefix == "#default" { "" } else { *prefix });
        let asked = asked.filter(|prefix| self.scope.contains_key(*prefix));
        let all = std::iter::once(self.prefix.as_str()).chain(of_attributes).chain(asked);
        all.filter(|prefix| *prefix != "xml").collect()
    }
}

fn qualified(prefix: &str, name: &str) -> String {
    if prefix.is_empty() { name.to_owned() } else { format!("{prefix}:{name}") }
}

fn value(out: &mut String, text: &str) {
    out.push_str("=\"");
    let escapes =
        [('&', "&amp;"), ('<', "&lt;"), ('"', "&quot;"), ('\t', "&#x9;"), ('\n', "&#xA;"), ('\r', "&#xD;")];
    escape(out, text, &escapes);
    out.push('"');
}

fn escape(out: &mut String, text: &str, escapes: &[(char, &str)]) {
    for c in text.chars() {
        match escapes.iter().find(|(from, _)| *from == c) {
            Some((_, to)) => out.push_str(to),
            None => out.push(c),
        }
    }
}

/// XML 1.0, section 2.11: all line ends are line feeds.
fn lines(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

fn split(name: &str) -> Option<(&str, &str)> {
    let Some((prefix, local)) = name.split_once(':') else { return Some(("", name)) };
    let is_fine = !prefix.is_empty() && !local.is_empty() && !local.contains(':');
    is_fine.then_some((prefix, local))
}

fn element(start: &BytesStart<'_>, outer: Option<&Rc<Scope>>) -> Option<Element> {
    let mut scope = outer.map(Rc::clone).unwrap_or_default();
    let mut raw = Vec::new();
    for attribute in start.attributes() {
        let attribute = attribute.ok()?;
        // XML 1.0, section 3.3.3: white space that is not escaped is a space.
        let value = lines(&attribute.value).replace(['\n', '\t'], " ");
        let value = quick_xml::escape::unescape(&value).ok()?.into_owned();
        let name = attribute.key.into_inner();
        match (name, name.strip_prefix("xmlns:")) {
            ("xmlns", _) => drop(Rc::make_mut(&mut scope).insert(String::new(), value)),
            // A prefix cannot be taken back, and two cannot be given.
            (_, Some("xml" | "xmlns")) => return None,
            (_, Some(_)) if value.is_empty() => return None,
            (_, Some(prefix)) => drop(Rc::make_mut(&mut scope).insert(prefix.to_owned(), value)),
            (name, None) => raw.push((name.to_owned(), value)),
        }
    }
    if scope.len() > NAMESPACES_MAX {
        return None;
    }
    let bound = |prefix: &str| match prefix {
        "xml" => Some(XML_NAMESPACE.to_owned()),
        prefix => scope.get(prefix).cloned(),
    };
    let mut attributes: Vec<Attribute> = Vec::with_capacity(raw.len());
    for (name, value) in raw {
        let (prefix, local) = split(&name)?;
        let namespace = if prefix.is_empty() { String::new() } else { bound(prefix)? };
        if attributes.iter().any(|own| own.namespace == namespace && own.name == local) {
            return None;
        }
        attributes.push(Attribute { prefix: prefix.to_owned(), name: local.to_owned(), namespace, value });
    }
    let name = start.name().into_inner();
    let (prefix, local) = split(name)?;
    let namespace = if prefix.is_empty() { bound("").unwrap_or_default() } else { bound(prefix)? };
    let (prefix, name) = (prefix.to_owned(), local.to_owned());
    Some(Element { prefix, name, namespace, attributes, children: Vec::new(), scope })
}

#[cfg(test)]
mod tests {
    use super::Element;
    use proptest::prelude::{prop_assert_eq, proptest};

    fn inner<'a>(document: &'a Element, name: &str) -> &'a Element {
        document.elements().find(|element| element.name == name).unwrap()
    }

    /// What libxml2 makes of the same documents.
    #[test]
    fn canonical_forms() {
        for (text, expected) in [
            ("<a/>", "<a></a>"),
            (
                "<?xml version=\"1.0\"?>\r\n<a  z='1'   b = \"2\" >\r\n<!-- no --> x</a >",
                "<a b=\"2\" z=\"1\">\n x</a>",
            ),
            (
                "<a b='&lt;&quot;&#10;\t&#xD;'>&gt;&#13;<![CDATA[<&]]></a>",
                "<a b=\"&lt;&quot;&#xA; &#xD;\">&gt;&#xD;&lt;&amp;</a>",
            ),
            (
                "<a xmlns='u:1' xmlns:n='u:2'><b n:y='1' x='2'/></a>",
                "<a xmlns=\"u:1\"><b xmlns:n=\"u:2\" x=\"2\" n:y=\"1\"></b></a>",
            ),
            (
                "<n:a xmlns:n='u:2' xmlns='u:1'><n:b/><c xmlns=''/></n:a>",
                "<n:a xmlns:n=\"u:2\"><n:b></n:b><c></c></n:a>",
            ),
            ("<a xmlns='u:1'><b xmlns=''/></a>", "<a xmlns=\"u:1\"><b xmlns=\"\"></b></a>"),
            ("<a xml:lang='en'><?pi some?></a>", "<a xml:lang=\"en\"><?pi some?></a>"),
        ] {
            assert_eq!(Element::read(text).unwrap().canonical(None, &[]), expected, "{text}");
        }
    }

    #[test]
    fn a_part_carries_the_namespaces_that_it_uses() {
        let text = "<o:a xmlns:o='u:o' xmlns:p='u:p' xmlns:q='u:q'><o:b q:z='1'>é<o:s/></o:b></o:a>";
        let document = Element::read(text).unwrap();
        let part = inner(&document, "b");
        let alone = "<o:b xmlns:o=\"u:o\" xmlns:q=\"u:q\" q:z=\"1\">é<o:s></o:s></o:b>";
        assert_eq!(part.canonical(None, &[]), alone);
        assert_eq!(part.canonical(None, &["p"]), alone.replace(" xmlns:q", " xmlns:p=\"u:p\" xmlns:q"));
        assert_eq!(part.canonical(Some(inner(part, "s")), &[]), alone.replace("<o:s></o:s>", ""));
    }

    #[test]
    fn what_is_not_well_formed_or_beyond_a_limit_is_nothing() {
        let deep = format!("{}{}", "<a>".repeat(65), "</a>".repeat(65));
        let many = format!("<a>{}</a>", "<b/>".repeat(4096));
        let prefixes: String = (0..65).map(|n| format!(" xmlns:p{n}='u'")).collect();
        let declared = format!("<a{prefixes}/>");
        for text in [
            "",
            "x",
            "<a>",
            "<a></b>",
            "<a/><b/>",
            "<a/>x",
            "<!DOCTYPE a><a/>",
            "<a>&unknown;</a>",
            "<a b='&unknown;'/>",
            "<a b='1' b='2'/>",
            "<a xmlns:n='u' xmlns:m='u' n:b='1' m:b='2'/>",
            "<n:a/>",
            "<a n:b='1'/>",
            "<a xmlns:n=''/>",
            "<:a/>",
            &deep,
            &many,
            &declared,
        ] {
            assert!(Element::read(text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_comment_does_not_cut_a_text() {
        let document = Element::read("<a>eva@example.com<!-- -->.evil.example</a>").unwrap();
        assert_eq!(document.text(), "eva@example.com.evil.example");
    }

    /// Start tags with the end tags that belong to them.
    const TAGS: [(&str, &str); 6] = [
        ("<a>", "</a>"),
        ("<b y='2' x='1'>", "</b>"),
        ("<n:c xmlns:n='u:1'>", "</n:c>"),
        ("<n:d xmlns:n='u:2' xmlns='u:3' n:z='&quot;&#10;'>", "</n:d>"),
        ("<e xmlns=''>", "</e>"),
        ("<f xml:lang='en' xmlns:unused='u:4'>", "</f>"),
    ];
    const CONTENT: [&str; 8] =
        ["text", "&amp;&#13;", "\r\n", "<!-- no -->", "<?p i?>", "<![CDATA[<&]]>", "é", "<g/>"];

    proptest! {
        /// A canonical form is its own canonical form, and says the same.
        #[test]
        fn canonical_forms_are_canonical(steps in proptest::collection::vec(0..24_usize, 1..60)) {
            let (mut text, mut open) = ("<root>".to_owned(), vec!["</root>"]);
            for step in steps {
                match (TAGS.get(step), CONTENT.get(step.wrapping_sub(TAGS.len()))) {
                    (Some((start, end)), _) => {
                        text.push_str(start);
                        open.push(end);
                    }
                    (None, Some(content)) => text.push_str(content),
                    (None, None) if open.len() > 1 => text.push_str(open.pop().unwrap()),
                    (None, None) => {}
                }
            }
            open.iter().rev().for_each(|end| text.push_str(end));
            let document = Element::read(&text).unwrap();
            let canonical = document.canonical(None, &[]);
            let again = Element::read(&canonical).unwrap();
            prop_assert_eq!(again.canonical(None, &[]), canonical);
            prop_assert_eq!(again.text(), document.text());
        }

        #[test]
        fn hostile_texts_do_not_panic(text in "[<>/&;='\"a-c!?\\[\\]#x0-9: \\-]{0,80}") {
            if let Some(document) = Element::read(&text) {
                document.canonical(None, &["#default", "a"]);
            }
        }
    }
}
