//! The operations on a stack, one after the other: what begins each, and how it ended. Their events have its id.
//!
//! AWS: <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events-by-operation.html>

use super::model::{Operation, Phase, Stack};
use kernel::Cloud;
use store::{Key, Table, Tx};

/// Of an account and a region, by their ids.
pub(crate) const OPERATIONS: Table<Operation> = Table::new(0x171B, "cloudformation/operations");

/// So many of the latest are told of with the stack.
const TOLD: usize = 2;
const ROLLBACK: &str = "ROLLBACK";
const DELETE: &str = "DELETE_STACK";

/// How AWS calls the operation that begins in a phase.
pub(crate) fn kind(phase: Phase) -> &'static str {
    match phase {
        Phase::Create => "CREATE_STACK",
        Phase::Delete => DELETE,
        Phase::UpdateRollback | Phase::Rollback => ROLLBACK,
        _ => "UPDATE_STACK",
    }
}

impl Stack {
    fn operation_key(&self, id: &str) -> Key {
        Key::regional(self.account, self.region).str(id)
    }

    /// An operation begins. The stack is for the caller to save.
    pub(crate) fn start(&mut self, cloud: &Cloud, tx: &mut Tx, kind: &str) {
        let operation = Operation {
            id: base::id::uuid(cloud.rng()),
            kind: kind.to_owned(),
            stack: self.id.clone(),
            started: cloud.clock().now(),
            ended: None,
            status: "IN_PROGRESS".to_owned(),
        };
        OPERATIONS.put(tx, &self.operation_key(&operation.id), &operation);
        self.operations.insert(0, operation);
        self.operations.truncate(TOLD);
    }

    /// The operation that was begun just now is of another kind than its phase says.
    pub(crate) fn call(&mut self, tx: &mut Tx, kind: &str) {
        if let Some(operation) = self.operations.first_mut() {
            operation.kind = kind.to_owned();
            let operation = operation.clone();
            OPERATIONS.put(tx, &self.operation_key(&operation.id), &operation);
        }
    }

    /// The stack has entered a state: its operation has ended by that, or another takes back what it did.
    pub(crate) fn move_on(&mut self, cloud: &Cloud, tx: &mut Tx) {
        let Some(operation) = self.operations.first().filter(|operation| operation.ended.is_none()) else {
            return;
        };
        let back = self.status.contains("ROLLBACK") && !operation.kind.ends_with(ROLLBACK);
        let gone = self.status == "DELETE_IN_PROGRESS" && operation.kind != DELETE;
        let next = if gone { Some(DELETE) } else { (back && self.is_busy()).then_some(ROLLBACK) };
        if next.is_none() && self.is_busy() {
            return;
        }
        let failed = next.is_some() || self.status.ends_with("_FAILED");
        let mut ended = operation.clone();
        ended.ended = Some(cloud.clock().now());
        ended.status = if failed { "FAILED" } else { "SUCCEEDED" }.to_owned();
        OPERATIONS.put(tx, &self.operation_key(&ended.id), &ended);
        self.operations[0] = ended;
        if let Some(kind) = next {
            self.start(cloud, tx, kind);
        }
    }

    /// The id of the operation under way, or of the last one.
    pub(crate) fn operation(&self) -> Option<String> {
        self.operations.first().map(|operation| operation.id.clone())
    }
}
