//! The text of an expression becomes a tree.

use super::Malformed;
use super::set::{Category, Item, Set};

/// Groups and classes nest no deeper.
const DEPTH_MAX: usize = 100;
/// Counts of repeats are no higher.
const COUNT_MAX: u32 = 100_000;

/// How much a repeat takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Greed {
    Most,
    Least,
    /// And gives nothing back.
    Possessive,
}

/// What takes no character.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    Start,
    End,
    /// The end, or before the line break there.
    LastLine,
    LineStart,
    LineEnd,
    Word,
    NoWord,
}

#[derive(Clone, Debug)]
pub(super) enum Node {
    One(Set),
    At(Place),
    All(Vec<Node>),
    Any(Vec<Node>),
    Repeat {
        node: Box<Node>,
        min: u32,
        max: Option<u32>,
        greed: Greed,
    },
    Group(usize, Box<Node>),
    /// What groups took before, again; in either case.
    Back(usize, bool),
    Look {
        behind: bool,
        negated: bool,
        node: Box<Node>,
    },
    Atomic(Box<Node>),
}

#[derive(Clone, Copy, Default)]
struct Flags {
    folds: bool,
    dot_is_all: bool,
    lines: bool,
}

struct Parser<'t> {
    rest: &'t str,
    flags: Flags,
    depth: usize,
    groups: usize,
    named: Vec<(&'t str, usize)>,
    /// The highest group that is referred to.
    back: usize,
}

pub(super) fn parse(text: &str) -> Result<Node, Malformed> {
    let mut parser =
        Parser { rest: text, flags: Flags::default(), depth: 0, groups: 0, named: Vec::new(), back: 0 };
    let node = parser.choice()?;
    match parser.rest {
        "" if parser.back > parser.groups => Err(Malformed("there is no such group")),
        "" => Ok(node),
        _ => Err(Malformed("a group is closed that was not opened")),
    }
}

impl<'t> Parser<'t> {
    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.rest = &self.rest[c.len_utf8()..];
        Some(c)
    }

    fn take(&mut self, text: &str) -> bool {
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// What stands before `end`, which is taken, too.
    fn until(&mut self, end: char) -> Option<&'t str> {
        let (text, rest) = self.rest.split_once(end)?;
        self.rest = rest;
        Some(text)
    }

    fn choice(&mut self) -> Result<Node, Malformed> {
        let mut all = vec![self.sequence()?];
        while self.take("|") {
            all.push(self.sequence()?);
        }
        Ok(if all.len() == 1 { all.remove(0) } else { Node::Any(all) })
    }

    fn sequence(&mut self) -> Result<Node, Malformed> {
        let mut all = Vec::new();
        while let Some(c) = self.peek() {
            if matches!(c, '|' | ')') {
                break;
            }
            if self.take("\\Q") {
                let (text, rest) = self.rest.split_once("\\E").unwrap_or((self.rest, ""));
                self.rest = rest;
                all.extend(text.chars().map(|c| Node::One(Set::one(c, self.flags.folds))));
                // A repeat behind it is of the last character.
                if let Some(last) = all.pop() {
                    all.push(self.repeated(last)?);
                }
                continue;
            }
            if let Some(atom) = self.atom()? {
                all.push(self.repeated(atom)?);
            }
        }
        Ok(Node::All(all))
    }

    /// A node with the repeat that stands behind it, where one does.
    fn repeated(&mut self, node: Node) -> Result<Node, Malformed> {
        let (min, max) = match self.peek() {
            Some('*') => (0, None),
            Some('+') => (1, None),
            Some('?') => (0, Some(1)),
            Some('{') => self.counts()?,
            _ => return Ok(node),
        };
        self.next();
        let greed = if self.take("?") {
            Greed::Least
        } else if self.take("+") {
            Greed::Possessive
        } else {
            Greed::Most
        };
        Ok(Node::Repeat { node: Box::new(node), min, max, greed })
    }

    /// `{2}`, `{2,}` or `{2,3}`, up to its end.
    fn counts(&mut self) -> Result<(u32, Option<u32>), Malformed> {
        let inner = self.rest.split_once('}').map(|(counts, _)| &counts[1..]);
        let inner = inner.ok_or(Malformed("a repeat is not closed"))?;
        self.rest = &self.rest[inner.len() + 1..];
        let count = |text: &str| {
            let count = text.parse::<u32>().ok().filter(|count| *count <= COUNT_MAX);
            count.ok_or(Malformed("a repeat has no count"))
        };
        let (min, max) = match inner.split_once(',') {
            None => (count(inner)?, Some(count(inner)?)),
            Some((min, "")) => (count(min)?, None),
            Some((min, max)) => (count(min)?, Some(count(max)?)),
        };
        match max {
            Some(max) if max < min => Err(Malformed("a repeat ends before it begins")),
            max => Ok((min, max)),
        }
    }

    /// One thing that may be repeated; none where only flags were set.
    fn atom(&mut self) -> Result<Option<Node>, Malformed> {
        let Flags { folds, dot_is_all, lines } = self.flags;
        let place = |place| Ok(Some(Node::At(place)));
        match self.next() {
            Some('(') => self.group(),
            Some('[') => self.class().map(|set| Some(Node::One(set))),
            Some('\\') => self.escape().map(Some),
            Some('^') => place(if lines { Place::LineStart } else { Place::Start }),
            Some('$') => place(if lines { Place::LineEnd } else { Place::LastLine }),
            Some('.') if dot_is_all => Ok(Some(Node::One(Set { negated: true, ..Set::default() }))),
            Some('.') => {
                let breaks = [('\n', '\n'), ('\r', '\r'), ('\u{85}', '\u{85}'), ('\u{2028}', '\u{2029}')];
                let items = breaks.map(|(first, last)| Item::Range(first, last)).to_vec();
                Ok(Some(Node::One(Set { items, negated: true, ..Set::default() })))
            }
            Some('*' | '+' | '?' | '{') => Err(Malformed("nothing is there to be repeated")),
            Some(c) => Ok(Some(Node::One(Set::one(c, folds)))),
            None => Ok(None),
        }
    }

    fn group(&mut self) -> Result<Option<Node>, Malformed> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(Malformed("groups nest too deep"));
        }
        let before = self.flags;
        let look = |behind, negated| move |node| Node::Look { behind, negated, node: Box::new(node) };
        let node = if !self.rest.starts_with('?') {
            self.captured()?
        } else if self.take("?:") {
            self.closed()?
        } else if self.take("?=") {
            self.closed().map(look(false, false))?
        } else if self.take("?!") {
            self.closed().map(look(false, true))?
        } else if self.take("?<=") {
            self.closed().map(look(true, false))?
        } else if self.take("?<!") {
            self.closed().map(look(true, true))?
        } else if self.take("?>") {
            Node::Atomic(Box::new(self.closed()?))
        } else if self.take("?<") {
            let name = self.until('>').ok_or(Malformed("a name is not closed"))?;
            self.named.push((name, self.groups + 1));
            self.captured()?
        } else {
            self.next();
            self.set_flags()?;
            if self.take(")") {
                // They hold up to the end of the group around.
                self.depth -= 1;
                return Ok(None);
            }
            self.next();
            self.closed()?
        };
        self.flags = before;
        self.depth -= 1;
        Ok(Some(node))
    }

    fn captured(&mut self) -> Result<Node, Malformed> {
        self.groups += 1;
        let own = self.groups;
        Ok(Node::Group(own, Box::new(self.closed()?)))
    }

    fn closed(&mut self) -> Result<Node, Malformed> {
        let outer = self.flags;
        let node = self.choice()?;
        self.flags = outer;
        if self.take(")") { Ok(node) } else { Err(Malformed("a group is not closed")) }
    }

    /// `i-s` of `(?i-s)` and `(?i-s:`.
    fn set_flags(&mut self) -> Result<(), Malformed> {
        let mut on = true;
        while let Some(c) = self.peek() {
            match c {
                ')' | ':' => return Ok(()),
                '-' => on = false,
                'i' => self.flags.folds = on,
                's' => self.flags.dot_is_all = on,
                'm' => self.flags.lines = on,
                _ => return Err(Malformed("a flag is not known")),
            }
            self.next();
        }
        Err(Malformed("a group is not closed"))
    }

    /// What follows a backslash, outside of a class.
    fn escape(&mut self) -> Result<Node, Malformed> {
        let folds = self.flags.folds;
        let place = |place| Ok(Node::At(place));
        match self.peek() {
            Some('A') => self.after(place(Place::Start)),
            Some('z') => self.after(place(Place::End)),
            Some('Z') => self.after(place(Place::LastLine)),
            Some('b') => self.after(place(Place::Word)),
            Some('B') => self.after(place(Place::NoWord)),
            Some('1'..='9') => {
                let mut own = 0;
                // As many digits as there are groups for.
                while let Some(digit) = self.peek().and_then(|c| c.to_digit(10)) {
                    let longer = own * 10 + digit as usize;
                    if own > 0 && longer > self.groups {
                        break;
                    }
                    own = longer;
                    self.next();
                }
                self.back = self.back.max(own);
                Ok(Node::Back(own, folds))
            }
            Some('k') => {
                self.next();
                let name = if self.take("<") { self.until('>') } else { None };
                let own = self.named.iter().find(|(known, _)| Some(*known) == name);
                own.map(|(_, own)| Node::Back(*own, folds)).ok_or(Malformed("there is no such group"))
            }
            _ => Ok(Node::One(self.escaped()?)),
        }
    }

    fn after(&mut self, node: Result<Node, Malformed>) -> Result<Node, Malformed> {
        self.next();
        node
    }

    /// The characters that an escape stands for.
    fn escaped(&mut self) -> Result<Set, Malformed> {
        let folds = self.flags.folds;
        let one = |c| Ok(Set::one(c, folds));
        let Some(c) = self.next() else { return Err(Malformed("an escape is not complete")) };
        let category = |category| Ok(Set::of(category, c.is_ascii_uppercase()));
        match c {
            'd' | 'D' => category(Category::AsciiDigit),
            's' | 'S' => category(Category::AsciiSpace),
            'w' | 'W' => category(Category::Word),
            'h' | 'H' => category(Category::Horizontal),
            'v' | 'V' => category(Category::Vertical),
            'p' | 'P' => {
                let name = if self.take("{") {
                    self.until('}')
                } else {
                    let (name, rest) = self.rest.split_at(self.peek().map_or(0, char::len_utf8));
                    self.rest = rest;
                    Some(name)
                };
                let known = name.and_then(Category::named);
                category(known.ok_or(Malformed("a category is not known"))?)
            }
            't' => one('\t'),
            'n' => one('\n'),
            'r' => one('\r'),
            'f' => one('\u{c}'),
            'a' => one('\u{7}'),
            'e' => one('\u{1b}'),
            'x' | 'u' => {
                let digits = if c == 'x' && self.take("{") {
                    self.until('}')
                } else {
                    let count = if c == 'x' { 2 } else { 4 };
                    let digits = self.rest.get(..count);
                    self.rest = self.rest.get(count..).unwrap_or_default();
                    digits
                };
                let code = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
                one(code.and_then(char::from_u32).ok_or(Malformed("an escape is not complete"))?)
            }
            c if c.is_ascii_alphanumeric() => Err(Malformed("an escape is not known")),
            c => one(c),
        }
    }

    /// What stands within brackets, the first of which has been taken.
    fn class(&mut self) -> Result<Set, Malformed> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(Malformed("groups nest too deep"));
        }
        let folds = self.flags.folds;
        let mut set = Set { negated: self.take("^"), folds, ..Set::default() };
        let mut is_first = true;
        loop {
            if self.take("&&") {
                // All that follows is one set, whose end is this one's.
                set.and = Some(Box::new(self.class()?));
                self.depth -= 1;
                return Ok(set);
            }
            let Some(c) = self.next() else { return Err(Malformed("a class is not closed")) };
            match c {
                ']' if !is_first => {
                    self.depth -= 1;
                    return Ok(set);
                }
                '[' => set.items.push(Item::Set(Box::new(self.class()?))),
                c => {
                    let first = if c == '\\' { self.escaped()? } else { Set::one(c, false) };
                    let range = self.rest.strip_prefix('-').filter(|rest| !rest.starts_with([']', '[']));
                    match (first.items.as_slice(), range) {
                        ([Item::Range(first, _)], Some(rest)) if !rest.is_empty() => {
                            self.rest = rest;
                            let last = match self.next() {
                                Some('\\') => self.escaped()?,
                                Some(c) => Set::one(c, false),
                                None => return Err(Malformed("a class is not closed")),
                            };
                            match last.items.as_slice() {
                                [Item::Range(last, _)] if last >= first => {
                                    set.items.push(Item::Range(*first, *last));
                                }
                                [Item::Range(..)] => return Err(Malformed("a range ends before it begins")),
                                // A hyphen before a category is itself.
                                _ => {
                                    set.items.push(Item::Range(*first, *first));
                                    set.items.push(Item::Range('-', '-'));
                                    set.items.extend(last.items);
                                }
                            }
                        }
                        _ => set.items.extend(first.items),
                    }
                }
            }
            is_first = false;
        }
    }
}
