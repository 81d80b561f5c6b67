//! Finding and replacing the AWS principals that a document names, in its text.
//!
//! IAM keeps users and roles in trust policies by their unique ids, so that who is deleted and made again under the
//! same name is not trusted again; it shows them as ARNs for as long as they exist. The rest of the text stays as it
//! was given.
//! AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html>

use super::json::{self, Json, Node};

/// The text with each entry of an `AWS` principal replaced by what `replace` makes of it; `None` leaves it as it is.
/// A text that is no policy comes back unchanged.
pub fn rewrite_principals(text: &str, mut replace: impl FnMut(&str) -> Option<String>) -> String {
    let Some(document) = json::read(text) else { return text.to_owned() };
    let mut out = String::with_capacity(text.len());
    let mut copied = 0;
    for node in entries(&document) {
        let Json::Text(entry) = &node.json else { continue };
        let Some(new) = replace(entry) else { continue };
        out.push_str(text.get(copied..node.span.start).unwrap_or_default());
        push_quoted(&new, &mut out);
        copied = node.span.end;
    }
    out.push_str(text.get(copied..).unwrap_or_default());
    out
}

fn push_quoted(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
}

/// The entries of all `AWS` principals, in the order of the text.
fn entries(document: &Node) -> Vec<&Node> {
    let mut out = Vec::new();
    for statement in member(document, "Statement").into_iter().flat_map(items) {
        let Json::Object(members) = &statement.json else { continue };
        for (name, principal) in members {
            if matches!(name.as_str(), "Principal" | "NotPrincipal") {
                out.extend(member(principal, "AWS").into_iter().flat_map(items));
            }
        }
    }
    out
}

fn member<'t>(node: &'t Node, name: &str) -> Option<&'t Node> {
    let Json::Object(members) = &node.json else { return None };
    members.iter().find(|(key, _)| key == name).map(|(_, value)| value)
}

/// A list's items, or the one value that stands for such a list.
fn items(node: &Node) -> &[Node] {
    match &node.json {
        Json::List(items) => items,
        _ => std::slice::from_ref(node),
    }
}

#[cfg(test)]
mod tests {
    use super::rewrite_principals;

    #[test]
    fn only_aws_principals_are_replaced() {
        let text = r#"{ "Statement": [
            {"Effect":"Allow","Principal":{"AWS":["arn:a","111122223333"],"Service":"arn:a"},"Action":"sts:AssumeRole",
             "Condition":{"ArnEquals":{"aws:PrincipalArn":"arn:a"}}},
            {"Effect":"Deny","NotPrincipal":{"AWS":"arn:a"},"Action":"sts:*"}]}"#;
        let mut seen = Vec::new();
        let out = rewrite_principals(text, |entry| {
            seen.push(entry.to_owned());
            (entry == "arn:a").then(|| "AID\"A".to_owned())
        });
        assert_eq!(seen, ["arn:a", "111122223333", "arn:a"]);
        let expected = text
            .replace(r#"{"AWS":["arn:a""#, r#"{"AWS":["AID\"A""#)
            .replace(r#"{"AWS":"arn:a"}"#, r#"{"AWS":"AID\"A"}"#);
        assert_eq!(out, expected);
        assert_eq!(rewrite_principals("{", |_| Some(String::new())), "{");
        assert_eq!(
            rewrite_principals(r#"{"Statement":{"Principal":"*"}}"#, |_| Some("x".into())),
            r#"{"Statement":{"Principal":"*"}}"#
        );
    }
}
