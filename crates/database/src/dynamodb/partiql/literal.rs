//! Values as statements write them.

use super::parser::Parser;
use super::token::Token;
use crate::dynamodb::invalid::Invalid;
use crate::dynamodb::item::Item;
use crate::dynamodb::number::Number;
use crate::dynamodb::value::{self, AttributeValue, NESTING_MAX};

impl Parser<'_> {
    /// Whether a value begins here.
    pub(super) fn is_literal(&self) -> bool {
        match self.peek() {
            Token::Text(_) | Token::Number => true,
            Token::Sign(sign) => matches!(*sign, "?" | "-" | "+" | "[" | "{" | "<<"),
            Token::Word => ["TRUE", "FALSE", "NULL"].iter().any(|word| self.is_word(word)),
            Token::Quoted(_) | Token::End => false,
        }
    }

    /// A value; what is wrong with one inside of it names the way there from `root`.
    pub(super) fn literal(&mut self) -> Result<AttributeValue, Invalid> {
        let mut way = String::from("root");
        self.value(&mut way, 0)
    }

    fn value(&mut self, way: &mut String, depth: usize) -> Result<AttributeValue, Invalid> {
        if depth > NESTING_MAX {
            return Err(Invalid::new(format!("Nesting Levels have exceeded supported limits under {way}")));
        }
        let token = self.peek().clone();
        match token {
            Token::Text(text) => {
                self.skip();
                Ok(AttributeValue::S(text))
            }
            Token::Number => self.number("", way),
            Token::Sign("?") => self.parameter(),
            Token::Sign(sign @ ("-" | "+")) => {
                self.skip();
                if *self.peek() != Token::Number {
                    return Err(self.unexpected());
                }
                self.number(if sign == "-" { "-" } else { "" }, way)
            }
            Token::Sign("[") => self.nested(|parser| parser.list(way, depth)),
            Token::Sign("{") => self.nested(|parser| Ok(AttributeValue::M(parser.map(way, depth)?))),
            Token::Sign("<<") => self.bag(way),
            _ if self.take_word("TRUE") => Ok(AttributeValue::Bool(true)),
            _ if self.take_word("FALSE") => Ok(AttributeValue::Bool(false)),
            _ if self.take_word("NULL") => Ok(AttributeValue::Null),
            Token::Word if *self.peek_second() == Token::Sign("(") => {
                let position = self.position(self.span(0));
                Err(Invalid::new(format!(
                    "Unsupported data type: {} under key {way} at {position}",
                    self.word()
                )))
            }
            _ => Err(self.unexpected()),
        }
    }

    pub(super) fn peek_second(&self) -> &Token {
        &self.span(1).token
    }

    fn number(&mut self, sign: &str, way: &str) -> Result<AttributeValue, Invalid> {
        let number = Number::parse(&format!("{sign}{}", self.word()));
        self.skip();
        number.map(AttributeValue::N).map_err(|error| Invalid::new(format!("{error} under {way}")))
    }

    fn list(&mut self, way: &mut String, depth: usize) -> Result<AttributeValue, Invalid> {
        self.skip();
        let mut members = Vec::new();
        let length = way.len();
        while !self.take("]") {
            if !members.is_empty() {
                self.expect(",")?;
            }
            way.push_str(&format!("[{}]", members.len()));
            members.push(self.value(way, depth + 1)?);
            way.truncate(length);
        }
        Ok(AttributeValue::L(members))
    }

    /// `{'name': value, ...}`, of which the braces are still to come.
    fn map(&mut self, way: &mut String, depth: usize) -> Result<Item, Invalid> {
        self.skip();
        let mut pairs: Vec<(String, AttributeValue)> = Vec::new();
        let length = way.len();
        while !self.take("}") {
            if !pairs.is_empty() {
                self.expect(",")?;
            }
            let name = self.key()?;
            way.push('.');
            way.push_str(&name);
            let value = self.value(way, depth + 1)?;
            way.truncate(length);
            pairs.push((name, value));
        }
        unique(pairs, way)
    }

    fn key(&mut self) -> Result<String, Invalid> {
        let Token::Text(name) = self.peek() else { return Err(self.unexpected()) };
        let name = name.clone();
        self.skip();
        self.expect(":")?;
        Ok(name)
    }

    /// An INSERT's item: each attribute is a root of its own.
    pub(super) fn item(&mut self) -> Result<Item, Invalid> {
        if !self.is("{") {
            return Err(Invalid::new(
                "Unsupported format in item expression. Please use struct format {...} to express item values for insert statement.",
            ));
        }
        self.skip();
        let mut pairs: Vec<(String, AttributeValue)> = Vec::new();
        while !self.take("}") {
            if !pairs.is_empty() {
                self.expect(",")?;
            }
            let name = self.key()?;
            pairs.push((name, self.literal()?));
        }
        unique(pairs, "root")
    }

    /// `<<a, b>>`: a set of strings or of numbers.
    fn bag(&mut self, way: &mut String) -> Result<AttributeValue, Invalid> {
        self.skip();
        let mut members = Vec::new();
        while !self.take(">>") {
            if !members.is_empty() {
                self.expect(",")?;
            }
            members.push(self.value(way, NESTING_MAX)?);
        }
        let first = members.first().ok_or_else(|| Invalid::new("Empty bags are not supported"))?;
        match first {
            AttributeValue::S(_) => {
                let texts: Option<Vec<String>> = members
                    .into_iter()
                    .map(|member| if let AttributeValue::S(text) = member { Some(text) } else { None })
                    .collect();
                let texts = texts.ok_or_else(wrong_bag)?;
                let listed = texts.join(", ");
                match value::sorted(texts) {
                    (_, true) => Err(Invalid::parameter(format_args!(
                        "Input collection [{listed}] contains duplicates."
                    ))),
                    (set, false) => Ok(AttributeValue::SS(set)),
                }
            }
            AttributeValue::N(_) => {
                let numbers: Option<Vec<Number>> = members.iter().map(AttributeValue::as_n).collect();
                match value::sorted(numbers.ok_or_else(wrong_bag)?) {
                    (_, true) => Err(Invalid::new("Input collection contains duplicates")),
                    (set, false) => Ok(AttributeValue::NS(set)),
                }
            }
            _ => Err(wrong_bag()),
        }
    }
}

fn unique(pairs: Vec<(String, AttributeValue)>, way: &str) -> Result<Item, Invalid> {
    let mut names: Vec<&str> = pairs.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(Invalid::new(format!("Duplicate keys in tuple. Key: {} under {way}", pair[0])));
    }
    Ok(Item::from_pairs(pairs))
}

fn wrong_bag() -> Invalid {
    Invalid::new("Unsupported data type in Bag. DynamoDB only supports either numbers or strings in bags")
}
