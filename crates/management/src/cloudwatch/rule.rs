//! Rules of composite alarms: which states of which other alarms make an alarm. Pure.
//!
//! ```text
//! ALARM("cpu") AND (ALARM(disk) OR NOT OK("arn:aws:cloudwatch:us-east-1:123456789012:alarm:net")) OR FALSE
//! ```
//! AWS: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm.html>, and
//! `AT_LEAST(2, ALARM, (a, b, c))` or `AT_LEAST(50%, NOT OK, (a, b))`, which the user guide has.

use super::model::alarm::State;

/// AWS: the page above, as for the next.
const ALARMS_MAX: usize = 100;
const ELEMENTS_MAX: usize = 500;
const DEPTH_MAX: usize = 64;

/// A rule that was understood.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Rule {
    Is(bool),
    /// The alarm, by its name, stands like this.
    Stands(State, String),
    Not(Box<Rule>),
    /// So many of the parts hold.
    AtLeast(usize, Vec<Rule>),
    All(Vec<Rule>),
    Any(Vec<Rule>),
}

struct Reader<'t> {
    rest: &'t str,
    elements: usize,
}

impl Rule {
    /// # Errors
    /// A sentence that says what is wrong.
    pub(super) fn parse(text: &str) -> Result<Rule, String> {
        let mut reader = Reader { rest: text, elements: 0 };
        let rule = reader.any(0)?;
        reader.skip();
        if !reader.rest.is_empty() {
            return Err(format!("unexpected text at \"{}\"", reader.near()));
        }
        if rule.alarms().len() > ALARMS_MAX {
            return Err(format!("more than {ALARMS_MAX} alarms are named"));
        }
        Ok(rule)
    }

    pub(super) fn holds(&self, state: &dyn Fn(&str) -> Option<State>) -> bool {
        match self {
            Rule::Is(truth) => *truth,
            Rule::Stands(wanted, alarm) => state(alarm) == Some(*wanted),
            Rule::Not(inner) => !inner.holds(state),
            Rule::AtLeast(count, parts) => parts.iter().filter(|part| part.holds(state)).count() >= *count,
            Rule::All(parts) => parts.iter().all(|part| part.holds(state)),
            Rule::Any(parts) => parts.iter().any(|part| part.holds(state)),
        }
    }

    /// The alarms that it names, each once.
    pub(super) fn alarms(&self) -> Vec<&str> {
        let mut found = Vec::new();
        self.gather(&mut found);
        found.sort_unstable();
        found.dedup();
        found
    }

    fn gather<'r>(&'r self, found: &mut Vec<&'r str>) {
        match self {
            Rule::Is(_) => {}
            Rule::Stands(_, alarm) => found.push(alarm),
            Rule::Not(inner) => inner.gather(found),
            Rule::AtLeast(_, parts) | Rule::All(parts) | Rule::Any(parts) => {
                parts.iter().for_each(|part| part.gather(found));
            }
        }
    }
}

impl<'t> Reader<'t> {
    fn skip(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn near(&self) -> String {
        self.rest.chars().take(20).collect()
    }

    fn take(&mut self, sign: char) -> bool {
        self.skip();
        let rest = self.rest.strip_prefix(sign);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// A word that does not go on.
    fn word(&mut self, word: &str) -> bool {
        self.skip();
        let goes_on = |c: char| c.is_alphanumeric() || c == '_';
        match self.rest.strip_prefix(word) {
            Some(rest) if !rest.starts_with(goes_on) => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    fn count(&mut self) -> Result<(), String> {
        self.elements += 1;
        if self.elements > ELEMENTS_MAX { Err(format!("more than {ELEMENTS_MAX} elements")) } else { Ok(()) }
    }

    fn any(&mut self, depth: usize) -> Result<Rule, String> {
        let mut parts = vec![self.all(depth)?];
        while self.word("OR") {
            parts.push(self.all(depth)?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Rule::Any(parts) })
    }

    fn all(&mut self, depth: usize) -> Result<Rule, String> {
        let mut parts = vec![self.one(depth)?];
        while self.word("AND") {
            parts.push(self.one(depth)?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Rule::All(parts) })
    }

    fn one(&mut self, depth: usize) -> Result<Rule, String> {
        self.count()?;
        if depth > DEPTH_MAX {
            return Err("the rule is nested too deeply".into());
        }
        if self.word("NOT") {
            return Ok(Rule::Not(Box::new(self.one(depth + 1)?)));
        }
        if self.word("TRUE") {
            return Ok(Rule::Is(true));
        }
        if self.word("FALSE") {
            return Ok(Rule::Is(false));
        }
        if let Some(state) = self.state() {
            return Ok(Rule::Stands(state, self.alarm()?));
        }
        if self.word("AT_LEAST") {
            return self.at_least();
        }
        if !self.take('(') {
            return Err(format!("unexpected text at \"{}\"", self.near()));
        }
        let inner = self.any(depth + 1)?;
        if self.take(')') { Ok(inner) } else { Err("a parenthesis is not closed".into()) }
    }

    fn state(&mut self) -> Option<State> {
        [State::InsufficientData, State::Ok, State::Alarm].into_iter().find(|state| self.word(state.name()))
    }

    fn expect(&mut self, sign: char) -> Result<(), String> {
        if self.take(sign) { Ok(()) } else { Err(format!("'{sign}' is expected at \"{}\"", self.near())) }
    }

    /// `(2, ALARM, (a, b, c))`; a part of a hundred is rounded up.
    fn at_least(&mut self) -> Result<Rule, String> {
        self.expect('(')?;
        self.skip();
        let end = self.rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(self.rest.len());
        let (digits, rest) = self.rest.split_at(end);
        self.rest = rest;
        let number: usize = digits.parse().map_err(|_| "AT_LEAST begins with a number".to_owned())?;
        let is_part = self.take('%');
        self.expect(',')?;
        let is_not = self.word("NOT");
        let state = self.state().ok_or_else(|| format!("a state is expected at \"{}\"", self.near()))?;
        self.expect(',')?;
        self.expect('(')?;
        let mut parts = Vec::new();
        loop {
            self.count()?;
            let stands = Rule::Stands(state, self.name(&[',', ')'])?);
            parts.push(if is_not { Rule::Not(Box::new(stands)) } else { stands });
            if !self.take(',') {
                break;
            }
        }
        self.expect(')')?;
        self.expect(')')?;
        let most = if is_part { 100 } else { parts.len() };
        if number == 0 || number > most {
            return Err(format!("AT_LEAST takes a number between 1 and {most}"));
        }
        Ok(Rule::AtLeast(if is_part { (number * parts.len()).div_ceil(100) } else { number }, parts))
    }

    /// `("name")`, `(name)`, or either with an ARN.
    fn alarm(&mut self) -> Result<String, String> {
        if !self.take('(') {
            return Err(format!("an alarm is expected at \"{}\"", self.near()));
        }
        let name = self.name(&[')'])?;
        if self.take(')') { Ok(name) } else { Err(format!("an alarm is expected at \"{}\"", self.near())) }
    }

    /// A name in quotation marks, or one that ends before a sign.
    fn name(&mut self, ends: &[char]) -> Result<String, String> {
        self.skip();
        let (name, rest) = match self.rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').ok_or("a quotation is not closed")?,
            None => {
                let end = self.rest.find(ends).ok_or("a parenthesis is not closed")?;
                self.rest.split_at(end)
            }
        };
        self.rest = rest;
        let name = name.trim();
        if name.is_empty() {
            return Err(format!("an alarm is expected at \"{}\"", self.near()));
        }
        let of_arn =
            base::Arn::parse(name).and_then(|arn| arn.resource.strip_prefix("alarm:").map(str::to_owned));
        Ok(of_arn.unwrap_or_else(|| name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(name: &str) -> Option<State> {
        match name {
            "a" | "x y" => Some(State::Alarm),
            "o" => Some(State::Ok),
            "i" => Some(State::InsufficientData),
            _ => None,
        }
    }

    #[test]
    fn rules_hold_by_the_states_that_they_name() {
        for (text, holds) in [
            ("TRUE", true),
            ("FALSE", false),
            ("ALARM(a)", true),
            ("ALARM(\"a\")", true),
            ("ALARM( \"x y\" )", true),
            ("ALARM(\"arn:aws:cloudwatch:us-east-1:123456789012:alarm:a\")", true),
            ("OK(a)", false),
            ("OK(o) AND INSUFFICIENT_DATA(i)", true),
            ("ALARM(gone)", false),
            ("NOT ALARM(gone)", true),
            // AND binds more than OR, NOT more than both.
            ("TRUE OR FALSE AND FALSE", true),
            ("(TRUE OR FALSE) AND FALSE", false),
            ("NOT FALSE AND FALSE", false),
            ("NOT (FALSE AND FALSE)", true),
            ("AT_LEAST(1, ALARM, (a, o, i))", true),
            ("AT_LEAST(2, ALARM, (a, o, i))", false),
            ("AT_LEAST(2, NOT OK, (\"a\", o, i)) AND TRUE", true),
            ("AT_LEAST(34%, ALARM, (a, o, i))", false),
            ("AT_LEAST(33%, ALARM, (a, o, i))", true),
            ("NOT AT_LEAST(3, INSUFFICIENT_DATA, (a, o, i))", true),
        ] {
            let rule = Rule::parse(text).unwrap_or_else(|why| panic!("{text}: {why}"));
            assert_eq!(rule.holds(&state), holds, "{text}");
        }
        assert_eq!(Rule::parse("ALARM(b) OR OK(a) OR ALARM(a)").unwrap().alarms(), ["a", "b"]);
    }

    #[test]
    fn what_is_no_rule_is_refused() {
        let deep = format!("{}TRUE{}", "(".repeat(100), ")".repeat(100));
        let wide = vec!["TRUE"; 501].join(" OR ");
        let many = (0..101).map(|n| format!("ALARM(a{n})")).collect::<Vec<_>>().join(" OR ");
        for bad in [
            "",
            "ALARM",
            "ALARM()",
            "ALARM(a",
            "(TRUE",
            "TRUE FALSE",
            "TRUE AND",
            "alarm(a)",
            "TRUEX",
            "AT_LEAST(0, ALARM, (a))",
            "AT_LEAST(2, ALARM, (a))",
            "AT_LEAST(101%, ALARM, (a))",
            "AT_LEAST(1, ALARM, ())",
            "AT_LEAST(1, TRUE, (a))",
            "AT_LEAST(1, ALARM, a)",
            &deep,
            &wide,
            &many,
        ] {
            assert!(Rule::parse(bad).is_err(), "{bad}");
        }
    }
}
