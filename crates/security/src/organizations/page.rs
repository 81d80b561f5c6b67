//! Listings: at most twenty a page, by id.

use super::errors::OrgError;
use kernel::Cx;

const PAGE: usize = 20;

/// The page of `items` (by rising id) that `token` asks for, and the token of the next.
///
/// # Errors
/// `InvalidInputException` for a token that this list did not give.
pub fn page<T>(
    cx: &Cx<'_>,
    list: &str,
    items: Vec<(String, T)>,
    token: Option<&str>,
    max: Option<i64>,
) -> Result<(Vec<T>, Option<String>), OrgError> {
    let list = format!("organizations/{list}/{}", cx.account);
    let after = match token {
        None => String::new(),
        Some(token) => {
            let bad =
                |_| OrgError::input("INVALID_NEXT_TOKEN", "The next token that you specified is not valid.");
            String::from_utf8_lossy(&cx.pager().position(&list, token).map_err(bad)?).into_owned()
        }
    };
    let size = max.and_then(|max| usize::try_from(max).ok()).unwrap_or(PAGE).clamp(1, PAGE);
    let mut rest = items.into_iter().filter(|(id, _)| *id > after).peekable();
    let (mut out, mut last) = (Vec::new(), String::new());
    while out.len() < size
        && let Some((id, item)) = rest.next()
    {
        out.push(item);
        last = id;
    }
    let next = rest.peek().map(|_| cx.pager().token(&list, last.as_bytes()));
    Ok((out, next))
}
