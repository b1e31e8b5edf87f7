//! The Merkle tree of RFC 6962, 2.1, over the hashes of a chain's entries. Pure.
//!
//! The chain proves a copy as a whole. The tree proves one entry: some twenty hashes show that it stands at its place under
//! a signed root, without the other entries.

use sha2::{Digest, Sha256};

/// A hash of the tree.
pub type Hash = [u8; 32];

/// RFC 6962: the root of no leaves is the hash of nothing.
fn empty() -> Hash {
    Sha256::digest(b"").into()
}

/// The hash of a leaf; the prefix keeps it apart from a node's.
pub fn leaf(data: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(data).finalize().into()
}

fn node(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

/// A tree that grows to the right and keeps only the roots of its full subtrees: one hash for each bit of its size.
#[derive(Clone, Debug, Default)]
pub struct Frontier {
    size: u64,
    /// Roots of full subtrees, the largest first.
    roots: Vec<Hash>,
}

impl Frontier {
    /// Adds a leaf by its hash.
    pub fn push(&mut self, leaf: Hash) {
        let mut hash = leaf;
        // As in adding one to a binary number: each carry joins two subtrees of one size.
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.roots.pop() {
                hash = node(&left, &hash);
            }
        }
        self.roots.push(hash);
        self.size += 1;
    }

    /// One that was written down: as many hashes as its size has ones. `None` when it is none.
    pub fn restore(size: u64, bytes: &[u8]) -> Option<Self> {
        let (roots, rest) = bytes.as_chunks::<32>();
        let whole = rest.is_empty() && roots.len() as u32 == size.count_ones();
        whole.then(|| Self { size, roots: roots.to_vec() })
    }

    /// Its hashes one behind the other, for [`Frontier::restore`].
    pub fn bytes(&self) -> Vec<u8> {
        self.roots.concat()
    }

    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root of one of its full subtrees, the one over the leaves from `from` to before `to`.
    fn subtree(&self, from: u64, to: u64) -> Option<Hash> {
        let mut start = 0;
        let sizes = (0..u64::BITS).rev().map(|bit| 1_u64 << bit).filter(|size| self.size & size != 0);
        for (size, root) in sizes.zip(&self.roots) {
            if start == from {
                return (start + size == to).then_some(*root);
            }
            start += size;
        }
        None
    }

    /// The root over all leaves.
    pub fn root(&self) -> Hash {
        let mut roots = self.roots.iter().rev();
        let Some(last) = roots.next() else { return empty() };
        roots.fold(*last, |right, left| node(left, &right))
    }
}

/// The largest power of two below `size`, which is 2 or more.
fn split(size: u64) -> u64 {
    1 << (u64::BITS - 1 - (size - 1).leading_zeros())
}

/// A tree whose first leaves may be known by their frontier only: what can still be proven of a chain whose older entries
/// lie elsewhere.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    before: Frontier,
    after: Vec<Hash>,
}

impl Tree {
    /// Goes on behind leaves that are known by their frontier.
    pub fn behind(before: Frontier) -> Self {
        Self { before, after: Vec::new() }
    }

    /// Adds a leaf by its hash.
    pub fn push(&mut self, leaf: Hash) {
        self.after.push(leaf);
    }

    /// Number of leaves, those before included.
    pub fn size(&self) -> u64 {
        self.before.size + self.after.len() as u64
    }

    /// The leaf at an index, where it is known.
    pub fn leaf(&self, index: u64) -> Option<Hash> {
        let place = usize::try_from(index.checked_sub(self.before.size)?).ok()?;
        self.after.get(place).copied()
    }

    /// The root over the leaves from `from` to before `to`; `None` for what is not known. What a path to a known leaf needs
    /// of the leaves before is always a root that the frontier keeps: what stands above it reaches beyond the frontier.
    fn root(&self, from: u64, to: u64) -> Option<Hash> {
        if let Some(start) = from.checked_sub(self.before.size) {
            let (start, end) = (usize::try_from(start).ok()?, usize::try_from(to - self.before.size).ok()?);
            let mut frontier = Frontier::default();
            self.after.get(start..end)?.iter().for_each(|leaf| frontier.push(*leaf));
            return Some(frontier.root());
        }
        if let Some(root) = self.before.subtree(from, to) {
            return Some(root);
        }
        if to - from < 2 {
            return None;
        }
        let middle = from + split(to - from);
        Some(node(&self.root(from, middle)?, &self.root(middle, to)?))
    }

    /// The proof (RFC 6962, 2.1.1) that the leaf at `index` stands in this tree; `None` beyond its end, and for a leaf that is
    /// not known.
    pub fn inclusion(&self, index: u64) -> Option<Vec<Hash>> {
        self.leaf(index)?;
        let (mut from, mut to) = (0, self.size());
        let mut path = Vec::new();
        while to - from > 1 {
            let middle = from + split(to - from);
            if index < middle {
                path.push(self.root(middle, to)?);
                to = middle;
            } else {
                path.push(self.root(from, middle)?);
                from = middle;
            }
        }
        path.reverse();
        Some(path)
    }

    /// The proof (RFC 6962, 2.1.2) that the tree over the first `first` leaves is the beginning of this one; `None` beyond its
    /// end, and where it wants what is not known. Every tree continues the one of no leaves: that needs no proof.
    pub fn consistency(&self, first: u64) -> Option<Vec<Hash>> {
        if first > self.size() {
            return None;
        }
        let mut path = Vec::new();
        if first == 0 {
            return Some(path);
        }
        let (mut from, mut to) = (0, self.size());
        // Whether these leaves are the beginning of the tree, whose root the verifier has.
        let mut whole = true;
        while first != to {
            let middle = from + split(to - from);
            if first <= middle {
                path.push(self.root(middle, to)?);
                to = middle;
            } else {
                path.push(self.root(from, middle)?);
                (from, whole) = (middle, false);
            }
        }
        if !whole {
            path.push(self.root(from, to)?);
        }
        path.reverse();
        Some(path)
    }
}

/// Whether `path` proves that `leaf` stands at `index` in the tree of `size` leaves under `root` (RFC 9162, 2.1.3.2).
pub fn includes(leaf: Hash, index: u64, size: u64, path: &[Hash], root: &Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut at, mut last, mut hash) = (index, size - 1, leaf);
    for step in path {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            hash = node(step, &hash);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            hash = node(&hash, step);
        }
        at >>= 1;
        last >>= 1;
    }
    last == 0 && hash == *root
}

/// Whether `path` proves that the tree of `second` leaves under `second_root` begins with the one of `first` leaves under
/// `first_root` (RFC 9162, 2.1.4.2).
pub fn continues(first: u64, first_root: &Hash, second: u64, second_root: &Hash, path: &[Hash]) -> bool {
    if first > second {
        return false;
    }
    if first == 0 || first == second {
        let same = if first == 0 { *first_root == empty() } else { first_root == second_root };
        return same && path.is_empty();
    }
    let mut steps = path.iter();
    let start = if first.is_power_of_two() { Some(first_root) } else { steps.next() };
    let Some(start) = start else { return false };
    let (mut at, mut last) = (first - 1, second - 1);
    let full = at.trailing_ones();
    (at, last) = (at >> full, last >> full);
    let (mut old, mut new) = (*start, *start);
    for step in steps {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            old = node(step, &old);
            new = node(step, &new);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            new = node(&new, step);
        }
        at >>= 1;
        last >>= 1;
    }
    last == 0 && old == *first_root && new == *second_root
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn root(leaves: &[Hash]) -> Hash {
        tree(leaves, 0).root(0, leaves.len() as u64).expect("all are known")
    }

    /// The tree over these leaves, of which the first `hidden` are known by their frontier only.
    fn tree(leaves: &[Hash], hidden: usize) -> Tree {
        let mut before = Frontier::default();
        leaves[..hidden].iter().for_each(|leaf| before.push(*leaf));
        let mut tree = Tree::behind(before);
        leaves[hidden..].iter().for_each(|leaf| tree.push(*leaf));
        tree
    }

    fn inclusion(leaves: &[Hash], index: usize) -> Option<Vec<Hash>> {
        tree(leaves, 0).inclusion(index as u64)
    }

    fn consistency(leaves: &[Hash], first: usize) -> Option<Vec<Hash>> {
        tree(leaves, 0).consistency(first as u64)
    }

    /// What is known by its frontier only takes no proof away from what comes after, and gives none of what it hides.
    #[test]
    fn a_frontier_proves_all_that_comes_after() {
        for size in 1..48 {
            let leaves = leaves(size);
            for hidden in 0..=size {
                let part = tree(&leaves, hidden);
                assert_eq!(part.size(), size as u64);
                for index in 0..size {
                    let expected = inclusion(&leaves, index).filter(|_| index >= hidden);
                    assert_eq!(part.inclusion(index as u64), expected, "{index} of {size}, {hidden} hidden");
                }
                for first in hidden.max(1)..=size {
                    let expected = consistency(&leaves, first);
                    assert_eq!(
                        part.consistency(first as u64),
                        expected,
                        "{first} of {size}, {hidden} hidden"
                    );
                }
            }
        }
    }

    /// The leaves and roots that implementations of Certificate Transparency share.
    #[test]
    fn roots_are_those_of_the_reference() {
        let leaves = [
            "",
            "00",
            "10",
            "2021",
            "3031",
            "40414243",
            "5051525354555657",
            "606162636465666768696a6b6c6d6e6f",
        ];
        let roots = [
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ];
        let mut frontier = Frontier::default();
        assert_eq!(
            hex::encode(frontier.root()),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        for (text, expected) in leaves.iter().zip(roots) {
            frontier.push(leaf(&hex::decode(text).unwrap()));
            assert_eq!(hex::encode(frontier.root()), expected);
        }
    }

    /// The proofs that implementations of Certificate Transparency share, over the same leaves.
    #[test]
    fn consistency_is_that_of_the_reference() {
        let leaves: Vec<Hash> = [
            "",
            "00",
            "10",
            "2021",
            "3031",
            "40414243",
            "5051525354555657",
            "606162636465666768696a6b6c6d6e6f",
        ]
        .iter()
        .map(|text| leaf(&hex::decode(text).unwrap()))
        .collect();
        let vectors: [(usize, usize, &[&str]); 4] = [
            (1, 1, &[]),
            (
                1,
                8,
                &[
                    "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
                    "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                    "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
                ],
            ),
            (
                6,
                8,
                &[
                    "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
                    "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
                ],
            ),
            (
                2,
                5,
                &[
                    "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                    "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
                ],
            ),
        ];
        for (first, second, expected) in vectors {
            let path = consistency(&leaves[..second], first).unwrap();
            assert_eq!(path.iter().map(hex::encode).collect::<Vec<_>>(), expected, "{first} to {second}");
            let (old, new) = (root(&leaves[..first]), root(&leaves[..second]));
            assert!(continues(first as u64, &old, second as u64, &new, &path));
        }
    }

    #[test]
    fn every_small_tree_continues_its_beginnings_and_no_other() {
        for second in 1..40 {
            let leaves = leaves(second);
            let new = root(&leaves);
            let mut other = leaves.clone();
            other[0] = leaf(b"another");
            for first in 0..=second {
                let (old, path) = (root(&leaves[..first]), consistency(&leaves, first).unwrap());
                let holds = |first: usize, old: &Hash, new: &Hash, path: &[Hash]| {
                    continues(first as u64, old, second as u64, new, path)
                };
                assert!(holds(first, &old, &new, &path), "{first} of {second}");
                if first > 0 {
                    assert!(!holds(first, &root(&other[..first]), &new, &path), "another beginning");
                    assert!(!holds(first, &old, &root(&other), &path), "another end");
                }
                for at in 0..path.len() {
                    let mut changed = path.clone();
                    changed[at][7] ^= 1;
                    assert!(!holds(first, &old, &new, &changed), "a changed hash");
                    let shorter = [&path[..at], &path[at + 1..]].concat();
                    assert!(!holds(first, &old, &new, &shorter), "a missing hash");
                }
                assert!(!holds(first, &old, &new, &[&path[..], &[old]].concat()), "one hash too many");
            }
            assert!(consistency(&leaves, second + 1).is_none());
        }
    }

    #[test]
    fn a_frontier_goes_on_where_it_was_written_down() {
        let leaves = leaves(41);
        let mut whole = Frontier::default();
        for (at, leaf) in leaves.iter().enumerate() {
            let again = Frontier::restore(at as u64, &whole.bytes()).unwrap();
            assert_eq!(again.root(), whole.root());
            assert!(
                Frontier::restore(at as u64 + 1, &whole.bytes())
                    .is_none_or(|other| other.root() != root(&leaves[..=at]))
            );
            whole = again;
            whole.push(*leaf);
        }
        assert_eq!(whole.root(), root(&leaves));
        assert!(Frontier::restore(1, &[0; 31]).is_none());
    }

    fn leaves(count: usize) -> Vec<Hash> {
        (0..count).map(|number| leaf(&number.to_be_bytes())).collect()
    }

    #[test]
    fn every_leaf_of_every_small_tree_is_proven() {
        for size in 1..70 {
            let leaves = leaves(size);
            let root = root(&leaves);
            for (index, leaf) in leaves.iter().enumerate() {
                let path = inclusion(&leaves, index).unwrap();
                assert!(includes(*leaf, index as u64, size as u64, &path, &root), "{index} of {size}");
            }
            assert!(inclusion(&leaves, size).is_none());
        }
    }

    proptest! {
        #[test]
        fn a_proof_proves_nothing_else(
            size in 2usize..200, index in 0usize..200, other in 0usize..200, bit in 0usize..256, step in 0usize..8,
        ) {
            let (index, other) = (index % size, other % size);
            let leaves = leaves(size);
            let (root, path) = (root(&leaves), inclusion(&leaves, index).unwrap());
            prop_assume!(other != index);
            let size = size as u64;
            prop_assert!(!includes(leaves[other], index as u64, size, &path, &root));
            prop_assert!(!includes(leaves[index], other as u64, size, &path, &root));
            let mut changed = path.clone();
            let step = step % changed.len();
            changed[step][bit / 8] ^= 1 << (bit % 8);
            prop_assert!(!includes(leaves[index], index as u64, size, &changed, &root));
            prop_assert!(!includes(leaves[index], index as u64, size, &path[1..], &root));
            let longer = [&path[..], &[root]].concat();
            prop_assert!(!includes(leaves[index], index as u64, size, &longer, &root));
        }
    }
}
