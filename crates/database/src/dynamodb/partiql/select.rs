//! `SELECT columns FROM source WHERE condition ORDER BY attributes`.

use super::parser::Parser;
use super::token::{Token, not_well_formed};
use super::{Order, Select};
use crate::dynamodb::invalid::Invalid;
use crate::dynamodb::path::{Element, Path};

impl Parser<'_> {
    /// What follows `SELECT`.
    pub(super) fn select(&mut self) -> Result<Select, Invalid> {
        let columns = self.columns()?;
        self.expect_word("FROM")?;
        let source = self.source(&["WHERE", "ORDER"])?;
        if self.is(",") {
            return Err(Invalid::new("Only select from a single table or index is supported."));
        }
        let condition = self.where_clause()?;
        let order = self.order()?;
        if !order.is_empty() && condition.is_none() {
            if self.is_word("WHERE") {
                return Err(not_well_formed("Unexpected token after expression"));
            }
            return Err(Invalid::new("Must have WHERE clause in the statement when using ORDER BY clause."));
        }
        Ok(Select { source, columns, condition, order })
    }

    fn columns(&mut self) -> Result<Option<Vec<(String, Path)>>, Invalid> {
        if self.take("*") {
            if self.is(",") {
                return Err(star_and_others());
            }
            return Ok(None);
        }
        let mut columns: Vec<(String, Path)> = Vec::new();
        loop {
            if self.is("*") {
                return Err(star_and_others());
            }
            if *self.peek() == Token::Word && *self.peek_second() == Token::Sign("(") {
                let position = self.position(self.span(0));
                return Err(Invalid::new(format!("Unexpected path component at {position}")));
            }
            let path = self.path()?;
            let name = column_name(&path);
            if columns.iter().any(|(known, _)| *known == name) {
                return Err(Invalid::new(format!("Duplicate identifiers in select clause: {name}")));
            }
            columns.push((name, path));
            if !self.take(",") {
                return Ok(Some(columns));
            }
        }
    }

    fn order(&mut self) -> Result<Vec<Order>, Invalid> {
        let mut order = Vec::new();
        if !self.take_word("ORDER") {
            return Ok(order);
        }
        self.expect_word("BY")?;
        loop {
            let attribute = self.name()?;
            let descending = self.take_word("DESC");
            if !descending {
                self.take_word("ASC");
            }
            order.push(Order { attribute, descending });
            if !self.take(",") {
                return Ok(order);
            }
        }
    }
}

fn star_and_others() -> Invalid {
    Invalid::new("Other attributes should not be present in the projection when '*' is used.")
}

/// The last name of the path, and the indexes behind it: `m.l[0]` is returned as `l[0]`.
fn column_name(path: &Path) -> String {
    let mut name = path.attribute().to_owned();
    for element in path.rest() {
        match element {
            Element::Name(next) => name.clone_from(next),
            Element::Index(index) => name.push_str(&format!("[{index}]")),
        }
    }
    name
}
