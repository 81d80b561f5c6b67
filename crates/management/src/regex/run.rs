//! A program is held against a text: what leads nowhere is taken back, without recursion but for programs within.

use super::parse::Place;
use super::program::{Program, Step};
use super::{Endless, STEPS_MAX};

/// What is taken back.
enum Undo {
    /// Go on there instead.
    Try(usize, usize),
    /// A slot was this.
    Slot(usize, Option<usize>),
}

struct Run<'p> {
    program: &'p Program,
    text: Vec<char>,
    slots: Vec<Option<usize>>,
    undo: Vec<Undo>,
    taken: usize,
}

pub(super) fn matches(program: &Program, text: &str) -> Result<bool, Endless> {
    let (text, slots) = (text.chars().collect(), vec![None; program.slots]);
    let mut run = Run { program, text, slots, undo: Vec::new(), taken: 0 };
    run.go(0, 0, None).map(|end| end.is_some())
}

impl Run<'_> {
    /// Where the program that begins at a step ends, from a position on; exactly at `end`, where that is told.
    fn go(&mut self, step: usize, at: usize, end: Option<usize>) -> Result<Option<usize>, Endless> {
        let base = self.undo.len();
        let (mut step, mut at) = (step, at);
        loop {
            self.taken += 1;
            if self.taken > STEPS_MAX {
                return Err(Endless);
            }
            let next = match &self.program.steps[step] {
                Step::One(set) => match self.text.get(at) {
                    Some(c) if self.program.sets[*set].has(*c) => Some((step + 1, at + 1)),
                    _ => None,
                },
                Step::At(place) => self.is_at(*place, at).then_some((step + 1, at)),
                Step::Split(first, second) => {
                    self.undo.push(Undo::Try(*second, at));
                    Some((*first, at))
                }
                Step::Jump(to) => Some((*to, at)),
                Step::Save(slot) => {
                    self.undo.push(Undo::Slot(*slot, self.slots[*slot]));
                    self.slots[*slot] = Some(at);
                    Some((step + 1, at))
                }
                Step::Moved { slot, exit } => {
                    Some((if self.slots[*slot] == Some(at) { *exit } else { step + 1 }, at))
                }
                Step::Back(slot, folds) => self.again(*slot, *folds, at).map(|at| (step + 1, at)),
                Step::Look { behind, negated, next } => {
                    let (behind, negated, next) = (*behind, *negated, *next);
                    (self.looks(step + 1, at, behind, negated)? != negated).then_some((next, at))
                }
                Step::Atomic { next } => {
                    let next = *next;
                    self.go(step + 1, at, None)?.map(|at| (next, at))
                }
                Step::Found if end.is_none_or(|end| end == at) => {
                    self.settle(base);
                    return Ok(Some(at));
                }
                Step::Found => None,
            };
            match next.or_else(|| self.back_to(base)) {
                Some(next) => (step, at) = next,
                None => return Ok(None),
            }
        }
    }

    /// The newest place to go on from; none where all has been tried.
    fn back_to(&mut self, base: usize) -> Option<(usize, usize)> {
        while self.undo.len() > base {
            match self.undo.pop()? {
                Undo::Try(step, at) => return Some((step, at)),
                Undo::Slot(slot, was) => self.slots[slot] = was,
            }
        }
        None
    }

    /// What has been found stays; what was noted down for it can be taken back with what is around.
    fn settle(&mut self, base: usize) {
        let kept = self.undo.split_off(base).into_iter().filter(|undo| matches!(undo, Undo::Slot(..)));
        self.undo.extend(kept);
    }

    /// Whether a program within fits here, or up to here. What it noted down stays only if it is to fit.
    fn looks(&mut self, step: usize, at: usize, behind: bool, negated: bool) -> Result<bool, Endless> {
        let base = self.undo.len();
        let mut found = false;
        if behind {
            for start in (0..=at).rev() {
                found = self.go(step, start, Some(at))?.is_some();
                if found {
                    break;
                }
            }
        } else {
            found = self.go(step, at, None)?.is_some();
        }
        if negated {
            self.back_to(base);
        }
        Ok(found)
    }

    /// Where the text of a group ends that stands here again.
    fn again(&self, slot: usize, folds: bool, at: usize) -> Option<usize> {
        let group = self.text.get(self.slots[slot]?..self.slots[slot + 1]?)?;
        let here = self.text.get(at..at + group.len())?;
        let same = |(one, other): (&char, &char)| one == other || folds && one.eq_ignore_ascii_case(other);
        group.iter().zip(here).all(same).then_some(at + group.len())
    }

    fn is_at(&self, place: Place, at: usize) -> bool {
        let (before, here) = (at.checked_sub(1).map(|at| self.text[at]), self.text.get(at).copied());
        let is_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        match place {
            Place::Start => before.is_none(),
            Place::End => here.is_none(),
            Place::LastLine => here.is_none() || here == Some('\n') && at + 1 == self.text.len(),
            Place::LineStart => before.is_none_or(|c| c == '\n') && (before.is_none() || here.is_some()),
            Place::LineEnd => here.is_none_or(|c| c == '\n'),
            Place::Word => is_word(before) != is_word(here),
            Place::NoWord => is_word(before) == is_word(here),
        }
    }
}
