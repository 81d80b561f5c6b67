//! Inline policies of users, groups and roles.

use super::IamError;
use super::document;
use super::holder::{self, Holder};
use super::page::Paging;
use auth::policy::PolicyKind;
use kernel::Cx;

wire::shape! {
    /// The answer of `ListUserPolicies` and its like.
    #[derive(Clone, Debug)]
    pub struct NamesPage {
        pub policy_names: Vec<String> = "PolicyNames",
        pub is_truncated: bool = "IsTruncated",
        pub marker: Option<String> = "Marker",
    }
}

/// Sets the inline policy of a name, in place of one that is there.
///
/// # Errors
/// `NoSuchEntity` for the holder, `MalformedPolicyDocument`, `LimitExceeded` when all inline policies of the holder
/// together are too long.
pub fn put<H: Holder>(
    cx: &mut Cx<'_>,
    name: &str,
    policy_name: String,
    text: String,
) -> Result<(), IamError> {
    let account = cx.account;
    let mut holder: H = holder::find(cx.tx, account, name)?;
    document::check(&text, PolicyKind::Inline)?;
    holder.inline().insert(policy_name, text);
    let total: usize = holder.inline().values().map(|text| document::size(text)).sum();
    if total > H::INLINE_CHARACTERS_MAX {
        let (max, noun, name) = (H::INLINE_CHARACTERS_MAX, H::NOUN, holder.name());
        return Err(IamError::LimitExceeded(format!(
            "Maximum policy size of {max} bytes exceeded for {noun} {name}"
        )));
    }
    holder::save(cx.tx, account, &holder);
    Ok(())
}

/// The document, percent-encoded.
///
/// # Errors
/// `NoSuchEntity` for the holder or the policy.
pub fn get<H: Holder>(cx: &mut Cx<'_>, name: &str, policy_name: &str) -> Result<(String, String), IamError> {
    let mut holder: H = holder::find(cx.tx, cx.account, name)?;
    let text = holder.inline().get(policy_name).map(|text| document::encoded(text));
    let text = text.ok_or_else(|| missing::<H>(policy_name))?;
    Ok((holder.name().to_owned(), text))
}

/// # Errors
/// `NoSuchEntity` for the holder or the policy.
pub fn delete<H: Holder>(cx: &mut Cx<'_>, name: &str, policy_name: &str) -> Result<(), IamError> {
    let account = cx.account;
    let mut holder: H = holder::find(cx.tx, account, name)?;
    holder.inline().remove(policy_name).ok_or_else(|| missing::<H>(policy_name))?;
    holder::save(cx.tx, account, &holder);
    Ok(())
}

/// A page of the names of a holder's inline policies.
///
/// # Errors
/// `NoSuchEntity`, `ValidationError` for a bad marker.
pub fn list<H: Holder>(
    cx: &mut Cx<'_>,
    name: &str,
    marker: Option<&str>,
    max_items: Option<i32>,
) -> Result<NamesPage, IamError> {
    let mut holder: H = holder::find(cx.tx, cx.account, name)?;
    let paging = Paging::of(cx, &[&name.to_lowercase()], marker, max_items)?;
    let names = holder.inline().keys().cloned().collect();
    let (policy_names, is_truncated, marker) = paging.slice(cx, names, String::clone).parts();
    Ok(NamesPage { policy_names, is_truncated, marker })
}

fn missing<H: Holder>(policy_name: &str) -> IamError {
    IamError::NoSuchEntity(format!("The {} policy with name {policy_name} cannot be found.", H::NOUN))
}
