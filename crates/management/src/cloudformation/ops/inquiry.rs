//! Macros of templates that come in calls from within (nested stacks, stacks of stack sets): such a call has one transaction and
//! cannot wait for a function. So whoever is about to make it looks first what would have to be asked, puts that on a list
//! and comes again; the cloud asks meanwhile ([`crate::cloudformation::work::inquire`]).

use super::expansion::{Means, expanded, transforms};
use crate::cloudformation::errors::CfnError;
use crate::cloudformation::macros::{INQUIRIES, Inquiry, Question};
use crate::cloudformation::template::{LANGUAGE_EXTENSIONS, yaml};
use kernel::Cx;
use std::cell::RefCell;
use std::collections::BTreeMap;
use store::{Direction, Key, StoreError};
use wire::Value;

/// What came of a look at the list.
#[derive(Default, Debug)]
pub(crate) struct Looked {
    /// What is still to be asked.
    pub(super) missing: RefCell<Option<Question>>,
    /// What has been answered.
    pub(super) used: RefCell<Vec<Key>>,
}

/// By whom the macros of a call from within are invoked.
#[derive(Clone, Debug)]
pub(crate) struct Asker {
    pub(crate) access_key: String,
    pub(crate) sealed_token: Option<Vec<u8>>,
    pub(crate) role: Option<String>,
}

/// Who calls, whatever the session is called.
fn principal(cx: &Cx<'_>) -> String {
    cx.caller.user_id.split(':').next().unwrap_or_default().to_owned()
}

/// What the list says of a question.
///
/// # Errors
/// Why the macro says nothing; or that it has not been asked yet.
pub(super) fn said(cx: &Cx<'_>, question: Question, looked: &Looked) -> Result<Value, CfnError> {
    let by = principal(cx);
    for entry in INQUIRIES.scan(cx.tx, &Key::regional(cx.account, cx.region), Direction::Forward) {
        let (key, inquiry) = entry?;
        if inquiry.by != by || !inquiry.asks(&question) {
            continue;
        }
        if let Some(answer) = inquiry.said() {
            looked.used.borrow_mut().push(key);
            return answer.map_err(CfnError::Transform);
        }
    }
    looked.missing.replace(Some(question));
    Err(CfnError::NotBuilt("A macro in a call that nobody waits for".into()))
}

/// Whether a template has transforms that make something else of it.
pub(crate) fn has_transforms(text: &str) -> bool {
    let named = yaml::read(text).and_then(|root| transforms(&root));
    named.is_ok_and(|names| names.iter().any(|name| name != LANGUAGE_EXTENSIONS))
}

/// Whether macros have still to be asked before the template can be taken; those are put on the list. What is wrong with the
/// template is for whoever takes it to tell of.
pub(crate) fn waits(
    cx: &mut Cx<'_>,
    text: &str,
    given: &BTreeMap<String, String>,
    asker: &Asker,
) -> Result<bool, StoreError> {
    let looked = Looked::default();
    let means =
        Means { role: asker.role.as_deref(), given, macros: None, looked: Some(&looked), allowed: true };
    drop(expanded(cx, text, &means));
    let Some(question) = looked.missing.take() else { return Ok(false) };
    let by = principal(cx);
    let place = Key::regional(cx.account, cx.region);
    for entry in INQUIRIES.scan(cx.tx, &place, Direction::Forward) {
        let (_, inquiry) = entry?;
        if inquiry.by == by && inquiry.asks(&question) {
            return Ok(true);
        }
    }
    let id = base::id::uuid(cx.rng());
    INQUIRIES.put(
        cx.tx,
        &place.str(&id),
        &Inquiry {
            id,
            account: cx.account,
            region: cx.region,
            by,
            access_key: asker.access_key.clone(),
            sealed_token: asker.sealed_token.clone(),
            role: asker.role.clone(),
            at: cx.now,
            ..Inquiry::of(&question)
        },
    );
    Ok(true)
}
