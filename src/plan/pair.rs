//! Two maps walked side by side.

use std::cmp::Ordering;
use std::collections::BTreeMap;

/// All keys in order, with what each map has under them.
pub(super) fn pair<'a, K: Ord, L, R>(
    left: &'a BTreeMap<K, L>,
    right: &'a BTreeMap<K, R>,
) -> impl Iterator<Item = (&'a K, Option<&'a L>, Option<&'a R>)> {
    let (mut left, mut right) = (left.iter().peekable(), right.iter().peekable());
    std::iter::from_fn(move || {
        let order = match (left.peek(), right.peek()) {
            (Some((one, _)), Some((other, _))) => one.cmp(other),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return None,
        };
        let one = left.next_if(|_| order.is_le());
        let other = right.next_if(|_| order.is_ge());
        let key = one.map(|(key, _)| key).or(other.map(|(key, _)| key))?;
        Some((key, one.map(|(_, it)| it), other.map(|(_, it)| it)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_comes_once_in_order() {
        let left = BTreeMap::from([(1, 'a'), (2, 'b'), (4, 'd')]);
        let right = BTreeMap::from([(0, 'z'), (2, 'y'), (5, 'x')]);
        let pairs: Vec<_> = pair(&left, &right).collect();
        let expected = [
            (&0, None, Some(&'z')),
            (&1, Some(&'a'), None),
            (&2, Some(&'b'), Some(&'y')),
            (&4, Some(&'d'), None),
            (&5, None, Some(&'x')),
        ];
        assert_eq!(pairs, expected);
    }
}
