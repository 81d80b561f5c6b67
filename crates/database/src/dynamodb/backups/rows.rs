//! The rows of a past state: several layers of rows under the same keys, of which the first that knows a key decides.

use store::{Direction, KeyRange, Read, Slice, StoreError};

/// Stands, as a saved row, for an item that was not there.
pub(crate) const ABSENT: &[u8] = &[];

type Layer<'a> = std::iter::Peekable<Box<dyn Iterator<Item = Result<(Vec<u8>, Slice), StoreError>> + 'a>>;

/// Rows in the order of their keys, which come without their layer's prefix.
pub(super) struct Merged<'a>(Vec<Layer<'a>>);

impl<'a> Merged<'a> {
    /// Layers with the prefixes of their keys, the one that decides first.
    pub(super) fn new(layers: Vec<(&'a dyn Read, Vec<u8>)>) -> Merged<'a> {
        let layer = |(from, prefix): (&'a dyn Read, Vec<u8>)| -> Layer<'a> {
            let length = prefix.len();
            let rows = from.scan(KeyRange::prefix(&prefix), Direction::Forward);
            let rows = rows.map(move |pair| {
                pair.map(|(key, row)| (key.get(length..).unwrap_or_default().to_vec(), row))
            });
            let rows: Box<dyn Iterator<Item = _> + 'a> = Box::new(rows);
            rows.peekable()
        };
        Merged(layers.into_iter().map(layer).collect())
    }
}

impl Iterator for Merged<'_> {
    type Item = Result<(Vec<u8>, Slice), StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let mut least: Option<(usize, Vec<u8>)> = None;
            for (at, layer) in self.0.iter_mut().enumerate() {
                match layer.peek() {
                    Some(Err(_)) => return layer.next(),
                    Some(Ok((key, _))) if least.as_ref().is_none_or(|(_, known)| key < known) => {
                        least = Some((at, key.clone()));
                    }
                    _ => {}
                }
            }
            let (first, least) = least?;
            let mut decided = None;
            for (at, layer) in self.0.iter_mut().enumerate() {
                let same = layer.next_if(|next| next.as_ref().is_ok_and(|(key, _)| *key == least));
                if at == first {
                    decided = same;
                }
            }
            match decided {
                Some(Ok((_, row))) if *row == *ABSENT => {}
                decided => return decided,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ABSENT, Merged};
    use store::{Read, Store};

    #[test]
    fn the_first_layer_that_knows_a_key_decides() {
        let store = Store::memory();
        let mut tx = store.begin();
        for (key, row) in [("x/b", "saved b"), ("x/d", ""), ("y/b", "later b"), ("y/c", "later c")] {
            tx.put(key, row);
        }
        for key in ["a", "b", "c", "d"] {
            tx.put(format!("z/{key}"), key);
        }
        tx.commit().wait().unwrap();
        let snapshot = store.snapshot();
        let from = || &snapshot as &dyn Read;
        let layers = |names: &[&str]| names.iter().map(|name| (from(), name.as_bytes().to_vec())).collect();
        let rows = |names: &[&str]| -> Vec<String> {
            let merged = Merged::new(layers(names)).map(Result::unwrap);
            merged.map(|(key, row)| format!("{}={}", key.escape_ascii(), row.escape_ascii())).collect()
        };
        assert_eq!(rows(&["x/", "y/", "z/"]), ["a=a", "b=saved b", "c=later c"]);
        assert_eq!(rows(&["z/"]), ["a=a", "b=b", "c=c", "d=d"]);
        assert!(rows(&["none/"]).is_empty());
        assert!(ABSENT.is_empty());
    }
}
