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

    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root over all leaves.
    pub fn root(&self) -> Hash {
        let mut roots = self.roots.iter().rev();
        let Some(last) = roots.next() else { return empty() };
        roots.fold(*last, |right, left| node(left, &right))
    }
}

/// The largest power of two below `size`, which is 2 or more.
fn split(size: usize) -> usize {
    1 << (usize::BITS - 1 - (size - 1).leading_zeros())
}

fn root(leaves: &[Hash]) -> Hash {
    let mut frontier = Frontier::default();
    leaves.iter().for_each(|leaf| frontier.push(*leaf));
    frontier.root()
}

/// The proof (RFC 6962, 2.1.1) that the leaf at `index` stands in the tree over `leaves`; `None` beyond its end.
pub fn inclusion(mut leaves: &[Hash], mut index: usize) -> Option<Vec<Hash>> {
    if index >= leaves.len() {
        return None;
    }
    let mut path = Vec::new();
    while leaves.len() > 1 {
        let (left, right) = leaves.split_at(split(leaves.len()));
        if index < left.len() {
            path.push(root(right));
            leaves = left;
        } else {
            path.push(root(left));
            index -= left.len();
            leaves = right;
        }
    }
    path.reverse();
    Some(path)
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

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
