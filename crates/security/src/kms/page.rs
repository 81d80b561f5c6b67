//! Pages of lists: `Limit`, `Marker`, `NextMarker`, `Truncated`.

use super::KmsError;
use kernel::Cx;

/// The page size of most lists.
pub(crate) const DEFAULT: usize = 100;
/// The page size of lists of aliases, grants, tags.
pub(crate) const SMALL: usize = 50;

/// What a request asks for: the position after which to begin, and how much.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Page {
    pub(crate) after: Option<String>,
    pub(crate) limit: usize,
}

/// # Errors
/// `InvalidMarkerException` for a marker that this list did not give.
pub(crate) fn read(
    cx: &Cx<'_>,
    list: &str,
    limit: Option<u32>,
    marker: Option<&str>,
    default: usize,
) -> Result<Page, KmsError> {
    let position = |marker: &str| {
        let bytes = cx.pager().position(list, marker).map_err(|_| KmsError::InvalidMarker)?;
        String::from_utf8(bytes).map_err(|_| KmsError::InvalidMarker)
    };
    let after = marker.map(position).transpose()?;
    Ok(Page { after, limit: limit.map_or(default, |limit| limit as usize) })
}

/// The marker of what follows `position`.
pub(crate) fn marker(cx: &Cx<'_>, list: &str, position: &str) -> String {
    cx.pager().token(list, position.as_bytes())
}

/// A page of a list that is held in memory, ordered by `position`, and the marker of the next one.
///
/// # Errors
/// As [`read`].
pub(crate) fn of<T>(
    cx: &Cx<'_>,
    list: &str,
    items: Vec<T>,
    (limit, marker_given, default): (Option<u32>, Option<&str>, usize),
    position: impl Fn(&T) -> String,
) -> Result<(Vec<T>, Option<String>), KmsError> {
    let Page { after, limit } = read(cx, list, limit, marker_given, default)?;
    let rest = items.into_iter().filter(|item| after.as_ref().is_none_or(|after| position(item) > *after));
    let mut rest: Vec<T> = rest.take(limit.saturating_add(1)).collect();
    let more = rest.len() > limit;
    rest.truncate(limit);
    let next = rest.last().filter(|_| more).map(|last| marker(cx, list, &position(last)));
    Ok((rest, next))
}
