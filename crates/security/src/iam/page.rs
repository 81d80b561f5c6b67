//! IAM's pages: `Marker` in, `IsTruncated` and `Marker` out, a hundred items unless told otherwise.
//!
//! A marker belongs to the list that gave it: the operation, the account and every filter (see [`Paging::of`]).
//! It names the last item that was given, so what is added or deleted between two pages does no harm.

use super::IamError;
use kernel::Cx;
use store::{Key, Record, Table};

/// AWS: "If you do not include this parameter, the number of items defaults to 100".
const ITEMS_DEFAULT: usize = 100;

/// Which page of which list.
#[derive(Clone, Debug)]
pub struct Paging {
    list: String,
    /// Of the item that the page begins behind.
    after: Option<String>,
    max: usize,
}

/// One page, ready for the answer.
#[derive(Clone, PartialEq, Debug)]
pub struct Page<T> {
    pub items: Vec<T>,
    pub truncated: bool,
    pub marker: Option<String>,
}

impl<T> Page<T> {
    pub fn map<U>(self, change: impl FnMut(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(change).collect(),
            truncated: self.truncated,
            marker: self.marker,
        }
    }

    /// The answer's three members.
    pub fn parts(self) -> (Vec<T>, bool, Option<String>) {
        (self.items, self.truncated, self.marker)
    }
}

impl Paging {
    /// `filters` is everything beside the account that the list depends on: the user, the path prefix.
    ///
    /// # Errors
    /// `ValidationError` for a marker that this list did not give.
    pub fn of(
        cx: &Cx<'_>,
        filters: &[&str],
        marker: Option<&str>,
        max_items: Option<i32>,
    ) -> Result<Paging, IamError> {
        let list = format!("iam/{}/{}/{}", cx.request.operation, cx.account, filters.join("\u{1f}"));
        let bad = || IamError::ValidationError("Invalid Marker.".into());
        let after = match marker {
            None => None,
            Some(marker) => {
                let position = cx.pager().position(&list, marker).map_err(|_| bad())?;
                Some(String::from_utf8(position).map_err(|_| bad())?)
            }
        };
        let max = max_items.and_then(|n| usize::try_from(n).ok()).unwrap_or(ITEMS_DEFAULT).max(1);
        Ok(Paging { list, after, max })
    }

    /// A page of a list that is at hand, in the order in which it is. `position` names an item within it.
    pub fn slice<T>(&self, cx: &Cx<'_>, items: Vec<T>, position: impl Fn(&T) -> String) -> Page<T> {
        let start = match &self.after {
            None => 0,
            Some(after) => self.resume(after, &items, &position),
        };
        let truncated = items.len() - start > self.max;
        let items: Vec<T> = items.into_iter().skip(start).take(self.max).collect();
        let last = items.last().map(|item| format!("{}/{}", start + items.len(), position(item)));
        let marker =
            if truncated { last.map(|at| cx.pager().token(&self.list, at.as_bytes())) } else { None };
        Page { items, truncated, marker }
    }

    /// Where to go on: behind the named item, wherever it stands now, and where it stood if it is gone.
    fn resume<T>(&self, after: &str, items: &[T], position: impl Fn(&T) -> String) -> usize {
        let (count, name) = after.split_once('/').unwrap_or(("0", after));
        let found = items.iter().position(|item| position(item) == name);
        let count: usize = count.parse().unwrap_or(0);
        found.map_or(count.saturating_sub(1), |at| at + 1).min(items.len())
    }

    /// A page of an account's records, by name, of those that `keep` keeps.
    ///
    /// # Errors
    /// The store's own.
    pub fn table<R: Record>(
        &self,
        cx: &Cx<'_>,
        table: &Table<R>,
        name: impl Fn(&R) -> &str,
        keep: impl Fn(&R) -> bool,
    ) -> Result<Page<R>, IamError> {
        let prefix = Key::account(cx.account);
        let mut after = self.after.as_deref().map(|name| super::model::named(cx.account, name));
        let mut items = Vec::new();
        let mut truncated = false;
        'pages: loop {
            let page = table.page(cx.tx, &prefix, after.as_ref(), self.max + 1)?;
            for record in page.items.into_iter().map(|(_, record)| record).filter(&keep) {
                if items.len() == self.max {
                    truncated = true;
                    break 'pages;
                }
                items.push(record);
            }
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        let last = items.last().map(|item| cx.pager().token(&self.list, name(item).as_bytes()));
        let marker = if truncated { last } else { None };
        Ok(Page { items, truncated, marker })
    }
}
