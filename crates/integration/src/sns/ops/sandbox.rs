//! The sandbox of text messages: numbers that prove, by a password that comes as a text message, that they are there.
//!
//! The accounts of this cloud are out of the sandbox: they may write to any number.

use super::page_of;
use crate::sns::access;
use crate::sns::errors::SnsError;
use crate::sns::model::{Letter, OPTED_OUT, SANDBOX, SandboxNumber};
use crate::sns::text;
use base::Timestamp;
use kernel::{Cx, Empty};
use std::collections::BTreeMap;
use std::time::Duration;
use store::Key;

kernel::ops! { pub(crate) static OPS:
    GetSMSSandboxAccountStatus: status, "sns:GetSMSSandboxAccountStatus", access::any;
    CreateSMSSandboxPhoneNumber: create, "sns:CreateSMSSandboxPhoneNumber", access::any;
    VerifySMSSandboxPhoneNumber: verify, "sns:VerifySMSSandboxPhoneNumber", access::any;
    DeleteSMSSandboxPhoneNumber: delete, "sns:DeleteSMSSandboxPhoneNumber", access::any;
    ListSMSSandboxPhoneNumbers: list, "sns:ListSMSSandboxPhoneNumbers", access::any;
}

const PASSWORD_CHARS: usize = 6;
/// AWS: a number may be added ten times at most before it is verified; ten numbers are what an account may have.
const NUMBERS_MAX: usize = 10;
/// AWS: what is verified stays so for a day at least.
const STAYS: Duration = Duration::from_secs(86_400);
const PAGE_MAX: i64 = 100;

wire::shape! {
    #[derive(Debug)]
    pub(crate) struct GetStatus {}

    #[derive(Debug)]
    pub(crate) struct AccountStatus { is_in_sandbox: bool = "IsInSandbox" }

    #[derive(Debug)]
    pub(crate) struct OneNumber { number: String = "PhoneNumber" }

    #[derive(Debug)]
    pub(crate) struct Verify {
        number: String = "PhoneNumber",
        password: String = "OneTimePassword",
    }

    #[derive(Debug)]
    pub(crate) struct ListNumbers {
        token: Option<String> = "NextToken",
        max: Option<i64> = "MaxResults",
    }

    #[derive(Debug)]
    pub(crate) struct View {
        number: String = "PhoneNumber",
        status: String = "Status",
    }

    #[derive(Debug)]
    pub(crate) struct Numbers {
        numbers: Vec<View> = "PhoneNumbers",
        token: Option<String> = "NextToken",
    }
}

fn status(_: &mut Cx<'_>, _: GetStatus) -> Result<AccountStatus, SnsError> {
    Ok(AccountStatus { is_in_sandbox: false })
}

fn key(cx: &Cx<'_>, number: &str) -> Key {
    Key::regional(cx.account, cx.region).str(number)
}

fn own(cx: &Cx<'_>, number: &str) -> Result<SandboxNumber, SnsError> {
    SANDBOX.get(cx.tx, &key(cx, number))?.ok_or(SnsError::NoNumber)
}

/// Sends a password, a new one each time.
fn create(cx: &mut Cx<'_>, req: OneNumber) -> Result<Empty, SnsError> {
    let number = text::number(&req.number)?.to_owned();
    if OPTED_OUT.contains(cx.tx, &text::opted_out_key(cx.account, cx.region, &number))? {
        return Err(SnsError::OptedOut);
    }
    let known = SANDBOX.get(cx.tx, &key(cx, &number))?;
    if known.as_ref().is_some_and(|known| known.verified_at.is_some()) {
        return Err(SnsError::User("The phone number is already verified.".into()));
    }
    if known.is_none() && SANDBOX.count(cx.tx, &Key::regional(cx.account, cx.region))? >= NUMBERS_MAX {
        return Err(SnsError::User(
            "The account has as many phone numbers in the SMS sandbox as it may have.".into(),
        ));
    }
    let password = cx.rng().text(b"0123456789", PASSWORD_CHARS);
    let letter = Letter {
        account: cx.account,
        region: cx.region,
        protocol: "sms".to_owned(),
        to: number.clone(),
        body: format!("Your verification code is {password}."),
        time: cx.now,
        message_id: base::id::uuid(cx.rng()),
        ..Letter::default()
    };
    text::deliver(cx.tx, letter, &BTreeMap::new(), "")?;
    let entry = SandboxNumber { number: number.clone(), password, verified_at: None };
    SANDBOX.put(cx.tx, &key(cx, &number), &entry);
    Ok(Empty)
}

fn verify(cx: &mut Cx<'_>, req: Verify) -> Result<Empty, SnsError> {
    let mut entry = own(cx, &req.number)?;
    if entry.verified_at.is_none() && entry.password != req.password {
        return Err(SnsError::Verification);
    }
    entry.verified_at.get_or_insert(cx.now);
    SANDBOX.put(cx.tx, &key(cx, &req.number), &entry);
    Ok(Empty)
}

fn delete(cx: &mut Cx<'_>, req: OneNumber) -> Result<Empty, SnsError> {
    let entry = own(cx, &req.number)?;
    let stays = |at: Timestamp| at.plus(STAYS) > cx.now;
    if entry.verified_at.is_some_and(stays) {
        return Err(SnsError::User("A verified phone number can be deleted after 24 hours.".into()));
    }
    SANDBOX.delete(cx.tx, &key(cx, &req.number));
    Ok(Empty)
}

fn list(cx: &mut Cx<'_>, req: ListNumbers) -> Result<Numbers, SnsError> {
    let all = Key::regional(cx.account, cx.region);
    let name = format!("sns:ListSMSSandboxPhoneNumbers {} {}", cx.account, cx.region.name());
    let size = usize::try_from(req.max.unwrap_or(PAGE_MAX)).unwrap_or_default();
    let position = |entry: &SandboxNumber| vec![entry.number.clone()];
    let (found, token) = page_of(cx, &SANDBOX, &all, (&name, req.token.as_deref()), size, position)?;
    let view = |entry: SandboxNumber| View {
        status: if entry.verified_at.is_some() { "Verified" } else { "Pending" }.to_owned(),
        number: entry.number,
    };
    Ok(Numbers { numbers: found.into_iter().map(view).collect(), token })
}
