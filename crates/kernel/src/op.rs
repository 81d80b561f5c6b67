//! The operation table: what a service can do, and what each operation needs before it may.
//!
//! A service declares one [`Service`] with an [`Op`] for each operation that it has built; everything else that its
//! model names is answered with a clear "not built" error by the dispatcher.

use crate::access::AccessFn;
use crate::body::Body;
use crate::cx::Cx;
use crate::data::{Answer, Dx, Running};
use std::future::Future;
use wire::{Fault, FromValue, Member, ToValue, Value};

/// A service's door: which model it speaks and which operations it has.
#[derive(Debug)]
pub struct Service {
    /// The model's id (`iam`), which is also the folder of the service.
    pub id: &'static str,
    /// Global services keep their records and audit trail in us-east-1, whatever region the call names.
    pub global: bool,
    /// One table for each family of operations.
    pub ops: &'static [&'static [Op]],
}

/// One built operation.
pub struct Op {
    /// The model's name: `CreateUser`.
    pub name: &'static str,
    /// The IAM action that it needs: `iam:CreateUser`.
    pub action: &'static str,
    pub access: AccessFn,
    pub run: Run,
    /// How an operation of the data plane runs within the transaction of another, where it can: then what it has to do
    /// is only noted down, and done later.
    pub within: Option<Within>,
    /// A data event, as CloudTrail has it: frequent, and no part of the event history. It is recorded like a read, so
    /// that auditing it costs no flush.
    pub event: bool,
    /// What the handler reads and what it answers: for coverage, and to report what a request carries beyond it.
    pub input: &'static [Member],
    pub output: &'static [Member],
}

/// How a handler runs: there are these two shapes and no third.
#[derive(Clone, Copy, Debug)]
pub enum Run {
    /// In one transaction, without waiting.
    Control(fn(&mut Cx<'_>, Value) -> Result<Value, Fault>),
    /// On its own: it reads a stream, answers with one, or waits.
    Data(fn(Dx, Value, Body) -> Answering),
}

/// A handler within the transaction of another operation.
pub type Within = fn(&mut Cx<'_>, Value) -> Result<Value, Fault>;

/// A data-plane handler at work.
pub type Answering = Running<'static, Result<Answer<Value>, Fault>>;

impl std::fmt::Debug for Op {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl Service {
    pub fn ops(&self) -> impl Iterator<Item = &'static Op> {
        self.ops.iter().copied().flatten()
    }

    pub fn op(&self, name: &str) -> Option<&'static Op> {
        self.ops().find(|op| op.name == name)
    }
}

/// Joins the tables of several crates that serve one service: `join(&[network::TABLES, storage::TABLES])`. `N` is
/// how many tables they have together.
///
/// # Panics
/// When `N` is another number; in a static, that is an error of the compiler.
pub const fn join<const N: usize>(parts: &[&[&'static [Op]]]) -> [&'static [Op]; N] {
    let mut out: [&'static [Op]; N] = [&[]; N];
    let (mut part, mut at) = (0, 0);
    while part < parts.len() {
        let mut table = 0;
        while table < parts[part].len() {
            out[at] = parts[part][table];
            (at, table) = (at + 1, table + 1);
        }
        part += 1;
    }
    assert!(at == N, "the number of tables");
    out
}

/// The declared members of a handler's request and response; used by [`ops!`].
pub const fn declared<Req: FromValue, Res: ToValue, E>(
    _: for<'a, 'b> fn(&'a mut Cx<'b>, Req) -> Result<Res, E>,
) -> (&'static [Member], &'static [Member]) {
    let input = match Req::MEMBERS {
        Some(members) => members,
        None => &[],
    };
    let output = match Res::MEMBERS {
        Some(members) => members,
        None => &[],
    };
    (input, output)
}

/// As [`declared`], of a data-plane handler; used by [`ops!`].
pub const fn declared_data<Req: FromValue, Res: ToValue, E, F: Future<Output = Result<Answer<Res>, E>>>(
    _: fn(Dx, Req, Body) -> F,
) -> (&'static [Member], &'static [Member]) {
    let input = match Req::MEMBERS {
        Some(members) => members,
        None => &[],
    };
    let output = match Res::MEMBERS {
        Some(members) => members,
        None => &[],
    };
    (input, output)
}

fn read<Req: FromValue>(value: Value) -> Result<Req, Fault> {
    Req::from_value(value).map_err(|m| {
        Fault::new(400, "SerializationException", format!("{} must be {}", m.member, m.expected))
    })
}

fn written<Res: ToValue>(response: Res) -> Value {
    response.to_value().unwrap_or_else(|| Value::Struct(wire::Struct::new()))
}

/// As [`bridge`], of a data-plane handler; used by [`ops!`].
pub fn bridge_data<Req, Res, E, F>(
    handler: fn(Dx, Req, Body) -> F,
    dx: Dx,
    value: Value,
    body: Body,
) -> Answering
where
    Req: FromValue + 'static,
    Res: ToValue + 'static,
    E: Into<Fault> + 'static,
    F: Future<Output = Result<Answer<Res>, E>> + Send + 'static,
{
    let request = match read::<Req>(value) {
        Ok(request) => request,
        Err(fault) => return Box::pin(std::future::ready(Err(fault))),
    };
    // In a place of its own: in the future that awaits it, it would lie twice, and be copied there.
    let running = Box::pin(handler(dx, request, body));
    Box::pin(async move { running.await.map(|answer| answer.map(written)).map_err(Into::into) })
}

/// Reads the request, runs the handler, writes the answer; used by [`ops!`].
///
/// # Errors
/// The handler's own; `SerializationException` where a `shape!` disagrees with its model.
pub fn bridge<'b, Req: FromValue, Res: ToValue, E: Into<Fault>>(
    handler: for<'a> fn(&'a mut Cx<'b>, Req) -> Result<Res, E>,
    cx: &mut Cx<'b>,
    value: Value,
) -> Result<Value, Fault> {
    handler(cx, read(value)?).map(written).map_err(Into::into)
}

/// Declares a family's operation table, one line an operation: `Name: handler, "action", access;`. `[event]` before
/// the handler marks a data event of the control plane's shape, `[data]` a handler of the data plane (which is a data
/// event, too), `[wait]` one of the data plane's shape that is none. Behind `=>` such a handler may have another, of the
/// control plane's shape, for calls from within a transaction.
///
/// ```ignore
/// kernel::ops! { pub static OPS:
///     CreateUser: user::create_user, "iam:CreateUser", access::new_user;
///     GetItem: [event] item::get, "dynamodb:GetItem", access::item;
///     GetObject: [data] object::get, "s3:GetObject", access::object;
/// }
/// pub static IAM: kernel::Service = kernel::Service { id: "iam", global: true, ops: &[user::OPS, role::OPS] };
/// ```
#[macro_export]
macro_rules! ops {
    ($(#[$doc:meta])* $vis:vis static $name:ident :
     $( $op:ident : $([$kind:ident])? $handler:path $(=> $within:path)?, $action:literal, $access:expr; )+) => {
        $(#[$doc])*
        $vis static $name: &[$crate::Op] = &[ $( $crate::op!(
            ($($kind)?) $handler $(=> $within)?, stringify!($op), $action, $access
        ) ),+ ];
    };
}

/// One operation; used by [`ops!`].
#[macro_export]
macro_rules! op {
    (() $($rest:tt)+) => { $crate::op!(control false, $($rest)+) };
    ((event) $($rest:tt)+) => { $crate::op!(control true, $($rest)+) };
    ((data) $($rest:tt)+) => { $crate::op!(data true, $($rest)+) };
    ((wait) $($rest:tt)+) => { $crate::op!(data false, $($rest)+) };
    (control $event:literal, $handler:path, $name:expr, $action:literal, $access:expr) => {
        $crate::Op {
            name: $name,
            action: $action,
            access: $access,
            run: $crate::op::Run::Control(|cx, value| $crate::op::bridge($handler, cx, value)),
            within: None,
            event: $event,
            input: $crate::op::declared($handler).0,
            output: $crate::op::declared($handler).1,
        }
    };
    (data $event:literal, $handler:path => $within:path, $($rest:tt)+) => {
        $crate::Op {
            within: Some(|cx, value| $crate::op::bridge($within, cx, value)),
            ..$crate::op!(data $event, $handler, $($rest)+)
        }
    };
    (data $event:literal, $handler:path, $name:expr, $action:literal, $access:expr) => {
        $crate::Op {
            name: $name,
            action: $action,
            access: $access,
            run: $crate::op::Run::Data(|dx, value, body| $crate::op::bridge_data($handler, dx, value, body)),
            within: None,
            event: $event,
            input: $crate::op::declared_data($handler).0,
            output: $crate::op::declared_data($handler).1,
        }
    };
}

/// The answer of operations whose model has no output members.
#[derive(Clone, Copy, Debug)]
pub struct Empty;

impl ToValue for Empty {
    const MEMBERS: Option<&'static [Member]> = Some(&[]);

    fn to_value(self) -> Option<Value> {
        Some(Value::Struct(wire::Struct::new()))
    }
}

/// The request of operations that take nothing.
#[derive(Clone, Copy, Debug)]
pub struct Nothing;

impl FromValue for Nothing {
    const MEMBERS: Option<&'static [Member]> = Some(&[]);

    fn from_value(_: Value) -> Result<Self, wire::Mismatch> {
        Ok(Nothing)
    }
}
