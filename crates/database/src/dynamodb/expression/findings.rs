//! [`Findings`]: what is wrong with an expression besides its syntax.

/// Ranks of findings. Of everything wrong with one expression AWS reports the lowest rank's first finding.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Rank {
    Operators,
    Parentheses,
    /// Of an update; conditions have [`Rank::Reserved`].
    ReservedInUpdate,
    UnknownFunction,
    MisusedFunction,
    Reserved,
    Section,
    /// What is wrong with one comparison or function, already ranked by [`Rank::Undefined`] and those below.
    Leaf,
    Undefined,
    UndefinedValue,
    Path,
    Operands,
    Distinct,
    Overlap,
    Conflict,
    SetType,
    Types,
}

/// The first finding of every rank. Costs nothing while all is well.
#[derive(Default, Debug)]
pub(super) struct Findings(Vec<(Rank, String)>);

impl Findings {
    pub(super) fn add(&mut self, rank: Rank, message: impl FnOnce() -> String) {
        if self.0.iter().all(|(known, _)| *known != rank) {
            self.0.push((rank, message()));
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The finding that AWS would report.
    pub(super) fn first(&mut self) -> Option<String> {
        let at = self.0.iter().enumerate().min_by_key(|(_, (rank, _))| *rank)?.0;
        Some(self.0.swap_remove(at).1)
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}
