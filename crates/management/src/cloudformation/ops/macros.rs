//! Whoever takes a template asks its macros, between transactions: a function may take its time.
//!
//! The transaction that takes the template runs until it meets a macro whose answer it does not have, leaves its question
//! behind and fails; the macro is asked, and the transaction begins anew.

use crate::cloudformation::errors::CfnError;
use crate::cloudformation::macros::Question;
use crate::cloudformation::model::SERVICE;
use kernel::{Body, Cx, Dx};
use std::sync::{Mutex, MutexGuard, PoisonError};
use wire::{Fault, Value};

/// What the macros of one request have been asked.
#[derive(Debug)]
pub(crate) struct Macros(Mutex<Talk>);

#[derive(Default, Debug)]
struct Talk {
    answers: Vec<(Question, Result<Value, String>)>,
    next: Option<Question>,
}

impl Macros {
    fn talk(&self) -> MutexGuard<'_, Talk> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a macro says.
    ///
    /// # Errors
    /// Why it says nothing; or that it has not been asked yet, which nobody sees but [`asking`].
    pub(super) fn said(&self, question: Question) -> Result<Value, CfnError> {
        let mut talk = self.talk();
        if let Some((_, answer)) = talk.answers.iter().find(|(asked, _)| *asked == question) {
            return answer.clone().map_err(CfnError::Transform);
        }
        talk.next = Some(question);
        Err(CfnError::Internal)
    }
}

/// Runs `work` in a transaction as [`Dx::transact`] does, as often as it takes to ask all macros that it meets.
///
/// # Errors
/// Those of `work`.
pub(super) async fn asking<T>(
    dx: &Dx,
    mut work: impl FnMut(&mut Cx<'_>, &Macros) -> Result<T, CfnError> + Send,
) -> Result<T, Fault> {
    let macros = Macros(Mutex::default());
    loop {
        let done = dx.transact(|cx| {
            macros.talk().next = None;
            work(cx, &macros)
        });
        let done = done.await;
        let Some(question) = macros.talk().next.take() else { return done };
        let answer = ask(dx, &question).await;
        macros.talk().answers.push((question, answer));
    }
}

/// AWS: the function is invoked by the caller, whatever role the stack is given.
async fn ask(dx: &Dx, question: &Question) -> Result<Value, String> {
    let id = base::id::uuid(dx.cloud().rng());
    let call = question.call(dx.account, dx.region, &id);
    let answer = dx.call(SERVICE, call, Body::empty()).await;
    question.answered(answer.map(|answer| answer.value), &id)
}
