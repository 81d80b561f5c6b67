//! Sets of characters.

/// What a class is made of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Item {
    Range(char, char),
    /// A category, or all but it.
    Category(Category, bool),
    Set(Box<Set>),
}

/// A set of characters.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(super) struct Set {
    pub(super) items: Vec<Item>,
    /// `&&`: these, too.
    pub(super) and: Option<Box<Set>>,
    pub(super) negated: bool,
    /// In either case.
    pub(super) folds: bool,
}

/// A named set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Category {
    Ascii,
    AsciiAlphabetic,
    AsciiAlphanumeric,
    AsciiBlank,
    AsciiControl,
    AsciiDigit,
    AsciiGraphic,
    AsciiHexDigit,
    AsciiLowercase,
    AsciiPrintable,
    AsciiPunctuation,
    AsciiSpace,
    AsciiUppercase,
    Control,
    Horizontal,
    Letter,
    Lowercase,
    Mark,
    Number,
    Punctuation,
    Separator,
    Symbol,
    Uppercase,
    Vertical,
    Word,
}

/// Java's names of them.
const NAMES: &[(&str, Category)] = &[
    ("ASCII", Category::Ascii),
    ("Alnum", Category::AsciiAlphanumeric),
    ("Alpha", Category::AsciiAlphabetic),
    ("Blank", Category::AsciiBlank),
    ("Cc", Category::Control),
    ("Cntrl", Category::AsciiControl),
    ("Digit", Category::AsciiDigit),
    ("Graph", Category::AsciiGraphic),
    ("IsAlphabetic", Category::Letter),
    ("IsDigit", Category::Number),
    ("IsLetter", Category::Letter),
    ("IsLowercase", Category::Lowercase),
    ("IsPunctuation", Category::Punctuation),
    ("IsUppercase", Category::Uppercase),
    ("L", Category::Letter),
    ("Ll", Category::Lowercase),
    ("Lower", Category::AsciiLowercase),
    ("Lu", Category::Uppercase),
    ("M", Category::Mark),
    ("N", Category::Number),
    ("Nd", Category::Number),
    ("P", Category::Punctuation),
    ("Print", Category::AsciiPrintable),
    ("Punct", Category::AsciiPunctuation),
    ("S", Category::Symbol),
    ("Space", Category::AsciiSpace),
    ("Upper", Category::AsciiUppercase),
    ("XDigit", Category::AsciiHexDigit),
    ("Z", Category::Separator),
    ("Zs", Category::Separator),
];

/// ASCII's symbols, which `Punct` has among its own.
const SYMBOLS: &str = "$+<=>^`|~";

impl Category {
    pub(super) fn named(name: &str) -> Option<Category> {
        NAMES.iter().find(|(known, _)| *known == name).map(|(_, category)| *category)
    }

    fn has(self, c: char) -> bool {
        // Marks, punctuation and symbols beyond ASCII are one, as far as the standard library goes.
        let other = || !c.is_ascii() && !c.is_alphanumeric() && !c.is_whitespace() && !c.is_control();
        match self {
            Category::Ascii => c.is_ascii(),
            Category::AsciiAlphabetic => c.is_ascii_alphabetic(),
            Category::AsciiAlphanumeric => c.is_ascii_alphanumeric(),
            Category::AsciiBlank => matches!(c, ' ' | '\t'),
            Category::AsciiControl => c.is_ascii_control(),
            Category::AsciiDigit => c.is_ascii_digit(),
            Category::AsciiGraphic => c.is_ascii_graphic(),
            Category::AsciiHexDigit => c.is_ascii_hexdigit(),
            Category::AsciiLowercase => c.is_ascii_lowercase(),
            Category::AsciiPrintable => c.is_ascii_graphic() || c == ' ',
            Category::AsciiPunctuation => c.is_ascii_punctuation(),
            Category::AsciiSpace => matches!(c, ' ' | '\t'..='\r'),
            Category::AsciiUppercase => c.is_ascii_uppercase(),
            Category::Control => c.is_control(),
            Category::Horizontal => matches!(c, '\t' | '\u{180e}') || c.is_whitespace() && !vertical(c),
            Category::Letter => c.is_alphabetic(),
            Category::Lowercase => c.is_lowercase(),
            Category::Mark => other(),
            Category::Number => c.is_numeric(),
            Category::Punctuation => c.is_ascii_punctuation() && !SYMBOLS.contains(c) || other(),
            Category::Separator => c.is_whitespace() && !c.is_control(),
            Category::Symbol => SYMBOLS.contains(c) || other(),
            Category::Uppercase => c.is_uppercase(),
            Category::Vertical => vertical(c),
            Category::Word => c.is_ascii_alphanumeric() || c == '_',
        }
    }
}

fn vertical(c: char) -> bool {
    matches!(c, '\n'..='\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

impl Set {
    /// One character.
    pub(super) fn one(c: char, folds: bool) -> Set {
        Set { items: vec![Item::Range(c, c)], folds, ..Set::default() }
    }

    pub(super) fn of(category: Category, negated: bool) -> Set {
        Set { items: vec![Item::Category(category, negated)], ..Set::default() }
    }

    pub(super) fn has(&self, c: char) -> bool {
        let mut found = self.holds(c);
        if self.folds && !found {
            // Java folds ASCII alone, unless it is told otherwise.
            found = self.holds(c.to_ascii_lowercase()) || self.holds(c.to_ascii_uppercase());
        }
        found != self.negated
    }

    fn holds(&self, c: char) -> bool {
        let within = |item: &Item| match item {
            Item::Range(first, last) => (*first..=*last).contains(&c),
            Item::Category(category, negated) => category.has(c) != *negated,
            Item::Set(set) => set.has(c),
        };
        self.items.iter().any(within) && self.and.as_ref().is_none_or(|and| and.has(c))
    }
}
