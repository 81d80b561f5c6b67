//! Patterns in which `*` stands for any characters.

/// Whether `text` fits a pattern. Linear but for the last star, which is where a mismatch goes back to.
pub(crate) fn glob(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::glob;

    #[test]
    fn patterns() {
        for (pattern, text, hit) in [
            ("a*b*c", "aXbYc", true),
            ("a*b*c", "aXcYb", false),
            ("a*c", "abc", true),
            ("a*", "a", true),
            ("*b*", "abc", true),
            ("*", "", true),
            ("a", "ab", false),
            ("a*b", "a", false),
            // What one part has taken, another cannot take.
            ("ab*b", "ab", false),
        ] {
            assert_eq!(glob(pattern, text), hit, "{pattern} {text}");
        }
    }

    #[test]
    fn globs_take_no_more_than_linear_time() {
        let pattern = format!("{}b", "a*".repeat(500));
        assert!(!glob(&pattern, &"a".repeat(100_000)));
    }
}
