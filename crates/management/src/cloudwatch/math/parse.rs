//! From the text of an expression to its tree.
//!
//! ```text
//! or   = and { OR and }          cmp  = sum [ (== != < <= > >=) sum ]
//! and  = cmp { AND cmp }         sum  = term { (+ -) term }
//! term = power { (* /) power }   power = unary [ ^ power ]
//! unary = [-] ( number | "text" | name | NAME(list) | (or) | [list] )
//! ```

use super::{Binary, Expression};

/// An expression has at most 2,048 characters; this bounds the stack.
const DEPTH_MAX: u32 = 64;

struct Reader<'a> {
    rest: &'a str,
    depth: u32,
}

type Parsed = Result<Expression, String>;

pub(super) fn parse(text: &str) -> Parsed {
    let mut reader = Reader { rest: text, depth: 0 };
    let expression = reader.any()?;
    reader.skip();
    if reader.rest.is_empty() { Ok(expression) } else { Err(reader.unexpected()) }
}

impl Reader<'_> {
    fn skip(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn unexpected(&self) -> String {
        match self.rest.chars().next() {
            Some(c) => format!("unexpected '{c}'"),
            None => "unexpected end of the expression".to_owned(),
        }
    }

    fn take(&mut self, text: &str) -> bool {
        self.skip();
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn take_word(&mut self, word: &str) -> bool {
        self.skip();
        let Some((head, rest)) = self.rest.split_at_checked(word.len()) else { return false };
        let ends = !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        let found = ends && head.eq_ignore_ascii_case(word);
        if found {
            self.rest = rest;
        }
        found
    }

    fn left_to_right(
        &mut self,
        next: fn(&mut Self) -> Parsed,
        operator: fn(&mut Self) -> Option<Binary>,
    ) -> Parsed {
        let mut left = next(self)?;
        while let Some(operator) = operator(self) {
            let right = next(self)?;
            left = Expression::Binary(operator, Box::new(left), Box::new(right));
        }
        Ok(left)
    }

    fn any(&mut self) -> Parsed {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err("it is nested too deeply".into());
        }
        let parsed =
            self.left_to_right(Self::all, |r| (r.take_word("OR") || r.take("||")).then_some(Binary::Or));
        self.depth -= 1;
        parsed
    }

    fn all(&mut self) -> Parsed {
        self.left_to_right(Self::comparison, |r| (r.take_word("AND") || r.take("&&")).then_some(Binary::And))
    }

    fn comparison(&mut self) -> Parsed {
        self.left_to_right(Self::sum, |r| {
            let operators = [
                ("==", Binary::Equal),
                ("!=", Binary::NotEqual),
                ("<=", Binary::LessOrEqual),
                (">=", Binary::GreaterOrEqual),
                ("<", Binary::Less),
                (">", Binary::Greater),
            ];
            operators.into_iter().find(|(text, _)| r.take(text)).map(|(_, operator)| operator)
        })
    }

    fn sum(&mut self) -> Parsed {
        self.left_to_right(Self::term, |r| {
            if r.take("+") { Some(Binary::Add) } else { r.take("-").then_some(Binary::Subtract) }
        })
    }

    fn term(&mut self) -> Parsed {
        self.left_to_right(Self::power, |r| {
            if r.take("*") { Some(Binary::Multiply) } else { r.take("/").then_some(Binary::Divide) }
        })
    }

    fn power(&mut self) -> Parsed {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err("it is nested too deeply".into());
        }
        let base = self.unary()?;
        let parsed = if self.take("^") {
            let exponent = self.power()?;
            Expression::Binary(Binary::Power, Box::new(base), Box::new(exponent))
        } else {
            base
        };
        self.depth -= 1;
        Ok(parsed)
    }

    fn unary(&mut self) -> Parsed {
        if self.take("-") {
            return self.power().map(|inner| Expression::Negative(Box::new(inner)));
        }
        if self.take("(") {
            let inner = self.any()?;
            return if self.take(")") { Ok(inner) } else { Err(self.unexpected()) };
        }
        if self.take("[") {
            return self.list("]").map(Expression::List);
        }
        self.skip();
        match self.rest.chars().next() {
            Some('"' | '\'') => self.text(),
            Some(c) if c.is_ascii_digit() || c == '.' => self.number(),
            Some(c) if c.is_ascii_alphabetic() => self.name(),
            _ => Err(self.unexpected()),
        }
    }

    fn list(&mut self, end: &str) -> Result<Vec<Expression>, String> {
        let mut parts = Vec::new();
        if self.take(end) {
            return Ok(parts);
        }
        loop {
            parts.push(self.any()?);
            if self.take(end) {
                return Ok(parts);
            }
            if !self.take(",") {
                return Err(self.unexpected());
            }
        }
    }

    fn text(&mut self) -> Parsed {
        let quote = if self.rest.starts_with('"') { '"' } else { '\'' };
        let inner = &self.rest[1..];
        let end = inner.find(quote).ok_or("a text does not end")?;
        self.rest = &inner[end + 1..];
        Ok(Expression::Text(inner[..end].to_owned()))
    }

    fn number(&mut self) -> Parsed {
        let end = self.rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(self.rest.len());
        let (digits, rest) = self.rest.split_at(end);
        let number = digits.parse().map_err(|_| format!("'{digits}' is no number"))?;
        self.rest = rest;
        Ok(Expression::Number(number))
    }

    fn name(&mut self) -> Parsed {
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let end = self.rest.find(|c| !is_part(c)).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        self.rest = rest;
        if self.take("(") {
            let parts = self.list(")")?;
            return Ok(Expression::Call(name.to_ascii_uppercase(), parts));
        }
        Ok(Expression::Name(name.to_owned()))
    }
}
