//! Regular expressions as Java has them: what templates and parameters hold values to.
//!
//! Promises: Java's syntax with look-around, references back and possessive repeats; a text is matched whole; nobody is kept
//! busy, as a match ends after a number of steps ([`STEPS_MAX`]).
//!
//! Not here: comments (`(?x)`), names of blocks and scripts (`\p{IsGreek}`); categories of Unicode are exact for ASCII, and
//! beyond it as near as the standard library knows them.
//!
//! AWS: <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cfn-regexes.html>

mod parse;
mod program;
mod run;
mod set;

/// What a match may take: some tens of milliseconds.
pub(crate) const STEPS_MAX: usize = 2_000_000;

/// A text is no regular expression, or one of a kind that is not built.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Malformed(pub(crate) &'static str);

/// A match has taken its steps and has not ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Endless;

/// One that was read.
#[derive(Debug)]
pub(crate) struct Regex(program::Program);

impl Regex {
    /// # Errors
    /// What is wrong with the text.
    pub(crate) fn new(text: &str) -> Result<Regex, Malformed> {
        program::compile(&parse::parse(text)?).map(Regex)
    }

    /// Whether it describes the whole of a text.
    ///
    /// # Errors
    /// Nobody waits for the answer.
    pub(crate) fn matches(&self, text: &str) -> Result<bool, Endless> {
        run::matches(&self.0, text)
    }
}

#[cfg(test)]
mod tests {
    use super::{Endless, Malformed, Regex};

    #[test]
    fn texts_are_matched_whole() {
        let rows: &[(&str, &[&str], &[&str])] = &[
            ("abc", &["abc"], &["ab", "abcd", "ABC", ""]),
            ("", &[""], &["a"]),
            ("a|bc|", &["a", "bc", ""], &["b", "abc"]),
            ("a*b+c?", &["b", "aab", "bbc"], &["a", "ac"]),
            ("a{2}b{1,2}c{2,}", &["aabcc", "aabbccc"], &["abcc", "aabc", "aabbbcc"]),
            (r"(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})/(\d{1,2})", &["10.0.0.0/16"], &["10.0.0/16", "x"]),
            ("^[a-zA-Z0-9-/]*$", &["a-b/C9", ""], &["a_b"]),
            ("[^a-c]", &["d", "ü"], &["a", "dd"]),
            ("[]a]+", &["]a"], &["[a"]),
            (r"[\w+=,.@-]*", &["a+b=c,d.e@f-g_h"], &["a b"]),
            ("[a-c[x-z]]+", &["ax", "zc"], &["d"]),
            ("[a-z&&[^aeiou]]+", &["xyz"], &["xaz"]),
            (r"\p{Alpha}\p{Lu}\P{L}[\p{Digit}\p{Punct}]", &["aB1!", "aÖ-7"], &["aBc!", "äB1!"]),
            (r"\Qa.b\E+", &["a.b", "a.bb"], &["aXb"]),
            (r"\x41\u0042\x{43}\t", &["ABC\t"], &["ABC"]),
            (".", &["a", "ü"], &["\n", "ab"]),
            ("(?s).+", &["a\nb"], &[""]),
            ("(?i)eva(?-i)X", &["EvaX"], &["evax"]),
            ("(?i:a)b", &["Ab"], &["aB"]),
            ("(?m)a$\n^b", &["a\nb"], &["a b"]),
            // Passwords.
            (
                r"(?=.*[A-Z])(?=.*\d)(?!.*\s).{8,}",
                &["Passw0rd"],
                &["password1", "PASSWORD", "Pass w0rd", "Pw0"],
            ),
            ("(?!aws)[a-z]+", &["eva", "awry"], &["awsome"]),
            (r"[0-9a-z.-]*(?<!\.)", &["a.b", ""], &["a.b."]),
            (r"[a-z]+(?<=end)", &["theend"], &["theends"]),
            // A bucket's name.
            (
                r"(?=^.{3,63}$)(?!.*[.-]{2})(?!^(?:(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])(\.(?!$)|$)){4}$)(^(([a-z0-9]|[a-z0-9][a-z0-9\-]*[a-z0-9])\.)*([a-z0-9]|[a-z0-9][a-z0-9\-]*[a-z0-9])$)",
                &["my-bucket", "a.b.c"],
                &["ab", "my--bucket", "10.0.0.1", "-ab", "My-bucket"],
            ),
            (r"(\w)(\w)\2\1", &["abba"], &["abab"]),
            (r"(?<x>a|b)\k<x>", &["aa", "bb"], &["ab"]),
            ("a+?b", &["aab"], &["b"]),
            ("a*+a", &[], &["aaa"]),
            ("(?>a|ab)c", &["ac"], &["abc"]),
            ("(a*)*b", &["aab", "b"], &["aa"]),
            ("(a|b*)*c", &["abbac"], &["abd"]),
            (r"\bfoo\b", &["foo"], &["foobar"]),
            (r"\Aa\z", &["a"], &["b"]),
        ];
        for (pattern, good, bad) in rows {
            let regex = Regex::new(pattern).unwrap();
            for text in *good {
                assert_eq!(regex.matches(text), Ok(true), "{pattern} and {text:?}");
            }
            for text in *bad {
                assert_eq!(regex.matches(text), Ok(false), "{pattern} and {text:?}");
            }
        }
    }

    #[test]
    fn what_is_no_expression() {
        let rows = [
            ("(a", "a group is not closed"),
            ("a)", "a group is closed that was not opened"),
            ("[a", "a class is not closed"),
            ("[b-a]", "a range ends before it begins"),
            ("*a", "nothing is there to be repeated"),
            ("a{2,1}", "a repeat ends before it begins"),
            (r"\p{IsGreek}", "a category is not known"),
            (r"\y", "an escape is not known"),
            (r"(a)\2", "there is no such group"),
            ("(?x)a", "a flag is not known"),
            ("(((((a{9}){9}){9}){9}){9}){9}", "it is too large"),
            ("a**", "nothing is there to be repeated"),
            ("a{2", "a repeat is not closed"),
            ("\\", "an escape is not complete"),
        ];
        for (pattern, why) in rows {
            assert_eq!(Regex::new(pattern).err(), Some(Malformed(why)), "{pattern}");
        }
        let deep = "(".repeat(500) + &")".repeat(500);
        assert_eq!(Regex::new(&deep).err(), Some(Malformed("groups nest too deep")));
    }

    #[test]
    fn nobody_is_kept_busy() {
        let regex = Regex::new("(a+)+b").unwrap();
        assert_eq!(regex.matches(&"a".repeat(60)), Err(Endless));
        // A long text is no deep one.
        let long = "a".repeat(200_000);
        assert_eq!(Regex::new("a*").unwrap().matches(&long), Ok(true));
    }
}
