//! A tree becomes a program for [`super::run`].

use super::Malformed;
use super::parse::{Greed, Node, Place};
use super::set::Set;

/// Programs are no longer: counted repeats are written out.
const LENGTH_MAX: usize = 50_000;

#[derive(Clone, Debug)]
pub(super) enum Step {
    /// Takes a character of the set of this number.
    One(usize),
    At(Place),
    /// Goes on at the first, and at the second if that leads nowhere.
    Split(usize, usize),
    Jump(usize),
    /// Notes down the position.
    Save(usize),
    /// Leaves a round that has taken nothing since the position was noted down; goes on otherwise.
    Moved {
        slot: usize,
        exit: usize,
    },
    /// The text of a group again, by its first slot; in either case.
    Back(usize, bool),
    /// What follows, up to [`Step::Found`], has to fit here, or must not; then it goes on.
    Look {
        behind: bool,
        negated: bool,
        next: usize,
    },
    /// What follows, up to [`Step::Found`], takes what it takes at first; then it goes on.
    Atomic {
        next: usize,
    },
    Found,
}

#[derive(Debug, Default)]
pub(super) struct Program {
    pub(super) steps: Vec<Step>,
    pub(super) sets: Vec<Set>,
    /// Positions that are noted down.
    pub(super) slots: usize,
}

/// A program that matches a text as a whole.
pub(super) fn compile(node: &Node) -> Result<Program, Malformed> {
    let mut program = Program { slots: 2 * groups(node), ..Program::default() };
    program.add(node)?;
    program.push(Step::At(Place::End))?;
    program.push(Step::Found)?;
    Ok(program)
}

fn groups(node: &Node) -> usize {
    match node {
        Node::All(all) | Node::Any(all) => all.iter().map(groups).sum(),
        Node::Repeat { node, .. } | Node::Look { node, .. } | Node::Atomic(node) => groups(node),
        Node::Group(_, node) => 1 + groups(node),
        Node::One(_) | Node::At(_) | Node::Back(..) => 0,
    }
}

impl Program {
    fn push(&mut self, step: Step) -> Result<usize, Malformed> {
        if self.steps.len() >= LENGTH_MAX {
            return Err(Malformed("it is too large"));
        }
        self.steps.push(step);
        Ok(self.steps.len() - 1)
    }

    fn add(&mut self, node: &Node) -> Result<(), Malformed> {
        match node {
            Node::One(set) => {
                let known = self.sets.iter().position(|known| known == set);
                let own = known.unwrap_or_else(|| {
                    self.sets.push(set.clone());
                    self.sets.len() - 1
                });
                self.push(Step::One(own)).map(drop)
            }
            Node::At(place) => self.push(Step::At(*place)).map(drop),
            Node::All(all) => all.iter().try_for_each(|node| self.add(node)),
            Node::Any(all) => self.any(all),
            Node::Repeat { node, min, max, greed: Greed::Possessive } => {
                let greedy = Node::Repeat { node: node.clone(), min: *min, max: *max, greed: Greed::Most };
                self.within(Step::Atomic { next: 0 }, &greedy)
            }
            Node::Repeat { node, min, max, greed } => self.repeat(node, *min, *max, *greed),
            Node::Group(own, node) => {
                self.push(Step::Save(2 * (own - 1)))?;
                self.add(node)?;
                self.push(Step::Save(2 * (own - 1) + 1)).map(drop)
            }
            Node::Back(own, folds) => self.push(Step::Back(2 * (own - 1), *folds)).map(drop),
            Node::Look { behind, negated, node } => {
                self.within(Step::Look { behind: *behind, negated: *negated, next: 0 }, node)
            }
            Node::Atomic(node) => self.within(Step::Atomic { next: 0 }, node),
        }
    }

    /// A program of its own within.
    fn within(&mut self, step: Step, node: &Node) -> Result<(), Malformed> {
        let place = self.push(step)?;
        self.add(node)?;
        let end = self.push(Step::Found)? + 1;
        if let Step::Look { next, .. } | Step::Atomic { next } = &mut self.steps[place] {
            *next = end;
        }
        Ok(())
    }

    fn any(&mut self, all: &[Node]) -> Result<(), Malformed> {
        let Some((last, others)) = all.split_last() else { return Ok(()) };
        let mut ends = Vec::with_capacity(others.len());
        for node in others {
            let split = self.push(Step::Split(0, 0))?;
            self.add(node)?;
            ends.push(self.push(Step::Jump(0))?);
            self.steps[split] = Step::Split(split + 1, self.steps.len());
        }
        self.add(last)?;
        for end in ends {
            self.steps[end] = Step::Jump(self.steps.len());
        }
        Ok(())
    }

    fn repeat(&mut self, node: &Node, min: u32, max: Option<u32>, greed: Greed) -> Result<(), Malformed> {
        for _ in 0..min {
            self.add(node)?;
        }
        let choice = |on: usize, out: usize| match greed {
            Greed::Least => Step::Split(out, on),
            _ => Step::Split(on, out),
        };
        let Some(max) = max else {
            let slot = self.slots;
            self.slots += 1;
            let split = self.push(Step::Split(0, 0))?;
            self.push(Step::Save(slot))?;
            self.add(node)?;
            let moved = self.push(Step::Moved { slot, exit: 0 })?;
            let exit = self.push(Step::Jump(split))? + 1;
            self.steps[moved] = Step::Moved { slot, exit };
            self.steps[split] = choice(split + 1, exit);
            return Ok(());
        };
        let mut splits = Vec::new();
        for _ in min..max {
            splits.push(self.push(Step::Split(0, 0))?);
            self.add(node)?;
        }
        for split in splits {
            self.steps[split] = choice(split + 1, self.steps.len());
        }
        Ok(())
    }
}
