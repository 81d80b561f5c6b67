//! Pages of lists: the records below a prefix that somebody wants, and tokens that lead on.

use crate::cx::Cx;
use store::{Key, Record, StoreError, Table};

/// How many records are looked at in one go.
const BATCH: usize = 100;

/// Why there is no page. Each service words it in its own error.
#[derive(Debug)]
pub enum NoPage {
    /// The token is not one that this list gave.
    Token,
    Store(StoreError),
}

impl From<StoreError> for NoPage {
    fn from(error: StoreError) -> NoPage {
        NoPage::Store(error)
    }
}

impl Cx<'_> {
    /// At most `limit` items of a list that is at hand, in its order, and the token of what is behind them. `list` as in
    /// [`Cx::list`].
    ///
    /// # Errors
    /// [`NoPage::Token`]
    pub fn cut<V>(
        &self,
        items: Vec<V>,
        list: &str,
        token: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<V>, Option<String>), NoPage> {
        let from = match token {
            Some(token) => {
                let bytes = self.pager().position(list, token).map_err(|_| NoPage::Token)?;
                let text = String::from_utf8(bytes).ok().and_then(|text| text.parse::<usize>().ok());
                text.ok_or(NoPage::Token)?
            }
            None => 0,
        };
        let end = from.saturating_add(limit);
        let next = (items.len() > end).then(|| self.pager().token(list, end.to_string().as_bytes()));
        Ok((items.into_iter().skip(from).take(limit).collect(), next))
    }

    /// At most `limit` records below `prefix` that `wanted` wants, in the order of their keys, and the token of what is
    /// behind them. `list` names the list with all that narrows it: a token is of no other.
    ///
    /// # Errors
    /// [`NoPage`]
    pub fn list<R: Record>(
        &self,
        table: &Table<R>,
        prefix: &Key,
        list: &str,
        token: Option<&str>,
        limit: usize,
        wanted: impl Fn(&R) -> bool,
    ) -> Result<(Vec<R>, Option<String>), NoPage> {
        let position = token.map(|token| self.pager().position(list, token)).transpose();
        let mut after = position.map_err(|_| NoPage::Token)?.map(|bytes| Key::of_stored(&bytes));
        let (mut found, mut last) = (Vec::new(), None);
        loop {
            let page = table.page(self.tx, prefix, after.as_ref(), BATCH)?;
            for (key, record) in page.items.into_iter().filter(|(_, record)| wanted(record)) {
                if found.len() == limit {
                    let token = last.map(|key: Key| self.pager().token(list, key.as_bytes()));
                    return Ok((found, token));
                }
                last = Some(key);
                found.push(record);
            }
            after = page.next;
            if after.is_none() {
                return Ok((found, None));
            }
        }
    }
}
