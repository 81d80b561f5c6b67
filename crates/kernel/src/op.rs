//! The operation table: what a service can do, and what each operation needs before it may.
//!
//! A service declares one [`Service`] with an [`Op`] for each operation that it has built; everything else that its
//! model names is answered with a clear "not built" error by the dispatcher.

use crate::access::AccessFn;
use crate::cx::Cx;
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
    pub run: fn(&mut Cx<'_>, Value) -> Result<Value, Fault>,
    /// What the handler reads and what it answers: for coverage, and to report what a request carries beyond it.
    pub input: &'static [Member],
    pub output: &'static [Member],
}

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

/// Reads the request, runs the handler, writes the answer; used by [`ops!`].
///
/// # Errors
/// The handler's own; `SerializationException` where a `shape!` disagrees with its model.
pub fn bridge<'b, Req: FromValue, Res: ToValue, E: Into<Fault>>(
    handler: for<'a> fn(&'a mut Cx<'b>, Req) -> Result<Res, E>,
    cx: &mut Cx<'b>,
    value: Value,
) -> Result<Value, Fault> {
    let request = Req::from_value(value).map_err(|m| {
        Fault::new(400, "SerializationException", format!("{} must be {}", m.member, m.expected))
    })?;
    let response = handler(cx, request).map_err(Into::into)?;
    Ok(response.to_value().unwrap_or_else(|| Value::Struct(wire::Struct::new())))
}

/// The member that asks only whether the caller may: the dispatcher acts on it, for every operation of EC2's protocol.
///
/// AWS: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/CommonParameters.html>
pub const DRY_RUN: &str = "DryRun";

/// Whether the dispatcher itself acts on this member of a service's requests, so that no handler declares it.
pub fn acts_on(model: &wire::model::Service, member: &str) -> bool {
    member == DRY_RUN && model.protocols.contains(&wire::model::Protocol::Ec2Query)
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

/// Declares a family's operation table, one line an operation: `Name: handler, "action", access;`.
///
/// ```ignore
/// kernel::ops! { pub static OPS:
///     CreateUser: user::create_user, "iam:CreateUser", access::new_user;
/// }
/// pub static IAM: kernel::Service = kernel::Service { id: "iam", global: true, ops: &[user::OPS, role::OPS] };
/// ```
#[macro_export]
macro_rules! ops {
    ($(#[$doc:meta])* $vis:vis static $name:ident :
     $( $op:ident : $handler:path, $action:literal, $access:expr; )+) => {
        $(#[$doc])*
        $vis static $name: &[$crate::Op] = &[ $( $crate::Op {
            name: stringify!($op),
            action: $action,
            access: $access,
            run: |cx, value| $crate::op::bridge($handler, cx, value),
            input: $crate::op::declared($handler).0,
            output: $crate::op::declared($handler).1,
        } ),+ ];
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
