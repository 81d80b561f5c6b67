//! Key states, and which of them each kind of operation needs.
//!
//! ```text
//!              DisableKey                 ScheduleKeyDeletion
//!   Enabled ───────────────▶ Disabled ───────────────────────▶ PendingDeletion ──(time)──▶ gone
//!      ▲ ◀─────────────────────┘  ▲                               │  ▲
//!      │       EnableKey          └───────── CancelKeyDeletion ───┘  │ the last replica is gone
//!      │                                                             │
//!      │ ImportKeyMaterial                          PendingReplicaDeletion   (a primary with replicas)
//!   PendingImport ◀── DeleteImportedKeyMaterial, expiry ── Enabled, Disabled
//! ```
//!
//! `Creating` and `Updating` do not occur: here replication and the change of a primary are one transaction.
//! `Unavailable` belongs to custom key stores, which are not offered.
//!
//! AWS: <https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html>

use crate::kms::KmsError;

store::record_enum! {
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub enum KeyState {
        1 => Enabled,
        2 => Disabled,
        3 => PendingImport,
        4 => PendingDeletion,
        5 => PendingReplicaDeletion,
    }
}

/// What an operation asks of a key's state.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Needs {
    /// Cryptography, grants, rotation, replication.
    Enabled,
    /// `EnableKey`, `DisableKey`: any key that has its material and is not on its way out.
    Material,
    /// Descriptions, tags, aliases, imports: any key that is not on its way out.
    Lasting,
    /// `CancelKeyDeletion`.
    PendingDeletion,
}

impl KeyState {
    pub fn as_str(self) -> &'static str {
        match self {
            KeyState::Enabled => "Enabled",
            KeyState::Disabled => "Disabled",
            KeyState::PendingImport => "PendingImport",
            KeyState::PendingDeletion => "PendingDeletion",
            KeyState::PendingReplicaDeletion => "PendingReplicaDeletion",
        }
    }

    pub fn is_pending_deletion(self) -> bool {
        matches!(self, KeyState::PendingDeletion | KeyState::PendingReplicaDeletion)
    }

    /// # Errors
    /// `DisabledException` or `KMSInvalidStateException`, as the table of key states has it.
    pub fn check(self, needs: Needs, arn: &str) -> Result<(), KmsError> {
        let is = |what: &str| Err(KmsError::InvalidState(format!("{arn} is {what}.")));
        match (self, needs) {
            (KeyState::PendingDeletion | KeyState::PendingReplicaDeletion, Needs::PendingDeletion) => Ok(()),
            (_, Needs::PendingDeletion) => is("not pending deletion"),
            (KeyState::PendingDeletion, _) => is("pending deletion"),
            (KeyState::PendingReplicaDeletion, _) => is("pending replica deletion"),
            (KeyState::PendingImport, Needs::Enabled | Needs::Material) => is("pending import"),
            (KeyState::Disabled, Needs::Enabled) => Err(KmsError::Disabled(arn.to_owned())),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{KeyState, Needs};
    use wire::Fault;

    #[test]
    fn the_table_of_states() {
        let said = |state: KeyState, needs: Needs| match state.check(needs, "k") {
            Ok(()) => String::new(),
            Err(error) => {
                let fault = Fault::from(error);
                format!("{}: {}", fault.code, fault.message)
            }
        };
        use KeyState::*;
        let deleting = "KMSInvalidStateException: k is pending deletion.";
        let replicas = "KMSInvalidStateException: k is pending replica deletion.";
        let import = "KMSInvalidStateException: k is pending import.";
        let disabled = "DisabledException: k is disabled.";
        let not = "KMSInvalidStateException: k is not pending deletion.";
        let table = [
            (Enabled, ["", "", "", not]),
            (Disabled, [disabled, "", "", not]),
            (PendingImport, [import, import, "", not]),
            (PendingDeletion, [deleting, deleting, deleting, ""]),
            (PendingReplicaDeletion, [replicas, replicas, replicas, ""]),
        ];
        for (state, expected) in table {
            let needs = [Needs::Enabled, Needs::Material, Needs::Lasting, Needs::PendingDeletion];
            assert_eq!(needs.map(|n| said(state, n)), expected, "{state:?}");
        }
    }
}
