//! [`with_room`]: room on the stack for what is nested deeply.
//!
//! AWS bounds operators and bytes of an expression, and no depth. The parsers descend into what is nested, and a stack
//! that overflows ends the process; so beyond a few levels an expression is read on a stack of its own.

use super::Kind;
use crate::dynamodb::invalid::Invalid;
use std::panic::resume_unwind;
use std::thread;

/// What every stack is good for.
const SHALLOW: usize = 12;
/// Deepest nesting of parentheses, `NOT` and function calls.
pub(super) const DEPTH_MAX: usize = 2_100;
/// Bytes for each level, also where nothing is optimized. Only what is used takes memory.
const LEVEL: usize = 48 << 10;

/// Runs `read`, which reads `text`, where the stack is large enough.
pub(super) fn with_room<T: Send>(
    kind: Kind,
    text: &str,
    read: impl FnOnce() -> Result<T, Invalid> + Send,
) -> Result<T, Invalid> {
    let depth = depth(text);
    if depth <= SHALLOW {
        return read();
    }
    let stack = (depth.min(DEPTH_MAX) + 2 * SHALLOW) * LEVEL;
    thread::scope(|scope| match thread::Builder::new().stack_size(stack).spawn_scoped(scope, read) {
        Ok(reader) => reader.join().unwrap_or_else(|panic| resume_unwind(panic)),
        Err(_) => Err(too_deep(kind)),
    })
}

pub(super) fn too_deep(kind: Kind) -> Invalid {
    kind.invalid("The expression is nested too deeply")
}

/// How deep the text is nested, or more.
fn depth(text: &str) -> usize {
    let (mut open, mut deepest) = (0_usize, 0);
    for byte in text.bytes() {
        match byte {
            b'(' => open += 1,
            b')' => open = open.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(open);
    }
    let nots = text.as_bytes().windows(3).filter(|word| word.eq_ignore_ascii_case(b"not")).count();
    deepest + nots
}

#[cfg(test)]
mod tests {
    use super::depth;

    #[test]
    fn depths() {
        for (text, expected) in
            [("", 0), ("a = b", 0), ("size(a) = b OR (c = d)", 1), ("NOT not (f(a))", 4), ("))((", 2)]
        {
            assert_eq!(depth(text), expected, "{text}");
        }
    }
}
