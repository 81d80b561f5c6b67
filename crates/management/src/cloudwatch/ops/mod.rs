//! Handlers, one file a noun.

pub(super) mod alarm;
pub(super) mod composite;
pub(super) mod dashboard;
pub(super) mod describe;
pub(super) mod get_data;
pub(super) mod get_statistics;
pub(super) mod history;
pub(super) mod insights;
pub(super) mod list;
pub(super) mod put;
pub(super) mod state;
pub(super) mod tag;

use super::errors::WatchError;
use super::model::metric::Dimension;
use kernel::Cx;

wire::shape! {
    #[derive(Clone, Debug)]
    pub(crate) struct NameValue {
        pub(crate) name: String = "Name",
        pub(crate) value: String = "Value",
    }
}

pub(super) fn dimensions(given: Vec<NameValue>) -> Vec<Dimension> {
    given.into_iter().map(|pair| Dimension { name: pair.name, value: pair.value }).collect()
}

pub(super) fn shown(dimensions: Vec<Dimension>) -> Vec<NameValue> {
    dimensions.into_iter().map(|own| NameValue { name: own.name, value: own.value }).collect()
}

/// What a token of this list stands for.
///
/// # Errors
/// `InvalidNextToken`.
pub(super) fn position(cx: &Cx<'_>, list: &str, token: Option<&str>) -> Result<Option<Vec<u8>>, WatchError> {
    token.map(|token| cx.pager().position(list, token).map_err(|_| WatchError::BadToken)).transpose()
}
