//! Evenly spread points in as many dimensions as there are inputs.
//!
//! Sobol's sequence with the direction numbers of S. Joe and F. Y. Kuo, "Constructing Sobol sequences with better
//! two-dimensional projections", SIAM J. Sci. Comput. 30 (2008), table `new-joe-kuo-6.21201`, in Gray-code order, with
//! a random digital shift from ChaCha8 and the seed. Integers only until the last step, so the points are the same bits
//! on every machine.
//!
//! Chosen by measurement on the published example: over 24 seeds at 65,536 points its percentiles scatter 2 to 6 times
//! less than those of independent draws. A rank-1 lattice (Cools, Kuo, Nuyens 2006) was worse than independent draws
//! in one quantity, an additive recurrence in another; Owen's scrambling costs more and did no better.

use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

use super::names::Input;

/// Most samples of one estimate. It bounds the memory of one estimate to about 35 MB, and at a quarter of it the percentiles
/// of the published example already scatter by less than 0.5 %.
pub const MAX_SAMPLES: u32 = 1 << 18;

const DIMENSIONS: usize = Input::ALL.len();
const BITS: usize = 32;

/// Degree, coefficients of the primitive polynomial, and initial direction numbers, from the second dimension on.
const JOE_KUO: [(usize, u32, &[u32]); DIMENSIONS - 1] = [
    (1, 0, &[1]),
    (2, 1, &[1, 3]),
    (3, 1, &[1, 3, 1]),
    (3, 2, &[1, 1, 1]),
    (4, 1, &[1, 1, 3, 3]),
    (4, 4, &[1, 3, 5, 13]),
    (5, 2, &[1, 1, 5, 5, 17]),
    (5, 4, &[1, 1, 5, 5, 5]),
];

const DIRECTIONS: [[u32; BITS]; DIMENSIONS] = directions();

const fn directions() -> [[u32; BITS]; DIMENSIONS] {
    let mut all = [[0; BITS]; DIMENSIONS];
    let mut bit = 0;
    while bit < BITS {
        all[0][bit] = 1 << (BITS - 1 - bit);
        bit += 1;
    }
    let mut dimension = 1;
    while dimension < DIMENSIONS {
        let (degree, coefficients, initial) = JOE_KUO[dimension - 1];
        let mut bit = 0;
        while bit < BITS {
            all[dimension][bit] = if bit < degree {
                initial[bit] << (BITS - 1 - bit)
            } else {
                let mut next = all[dimension][bit - degree] ^ (all[dimension][bit - degree] >> degree);
                let mut term = 1;
                while term < degree {
                    if (coefficients >> (degree - 1 - term)) & 1 == 1 {
                        next ^= all[dimension][bit - term];
                    }
                    term += 1;
                }
                next
            };
            bit += 1;
        }
        dimension += 1;
    }
    all
}

/// The points one after the other, each coordinate above 0 and below 1.
pub(super) struct Sampler {
    /// The coming point, shifted already.
    state: [u32; DIMENSIONS],
    index: u32,
}

impl Sampler {
    pub(super) fn new(seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        Sampler { state: std::array::from_fn(|_| rng.random()), index: 0 }
    }

    /// The next points, one row for each, one column for each dimension.
    pub(super) fn fill<const N: usize>(&mut self, block: &mut [[f64; N]; DIMENSIONS]) {
        for row in 0..N {
            for (column, x) in block.iter_mut().zip(self.next_point()) {
                column[row] = x;
            }
        }
    }

    fn next_point(&mut self) -> [f64; DIMENSIONS] {
        // In the middle of its cell of 2^-32: neither 0 nor 1 can come out.
        let point = self.state.map(|bits| (f64::from(bits) + 0.5) / (1_u64 << BITS) as f64);
        self.index = self.index.wrapping_add(1);
        // After 2^32 points the count is 0 again and has 32 trailing zeros, which the last direction then stands for.
        let bit = (self.index.trailing_zeros() as usize).min(BITS - 1);
        for (state, directions) in self.state.iter_mut().zip(&DIRECTIONS) {
            *state ^= directions[bit];
        }
        point
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(seed: u64, n: usize) -> Vec<[f64; DIMENSIONS]> {
        let mut sampler = Sampler::new(seed);
        (0..n).map(|_| sampler.next_point()).collect()
    }

    #[test]
    fn each_power_of_two_of_points_has_one_in_every_cell_of_each_dimension() {
        for n in [256_usize, 4_096, 65_536] {
            let points = points(7, n);
            for dimension in 0..DIMENSIONS {
                let mut hits = vec![0_u8; n];
                for point in &points {
                    hits[(point[dimension] * n as f64) as usize] += 1;
                }
                assert!(hits.iter().all(|h| *h == 1), "dimension {dimension}, {n} points");
            }
        }
    }

    /// A wrong direction number shows as two dimensions that move together.
    #[test]
    fn each_pair_of_dimensions_is_even() {
        let (n, cells) = (65_536, 32);
        let points = points(3, n);
        for a in 0..DIMENSIONS {
            for b in 0..a {
                let mut hits = vec![0_i32; cells * cells];
                for point in &points {
                    let cell = |x: f64| (x * cells as f64) as usize;
                    hits[cell(point[a]) * cells + cell(point[b])] += 1;
                }
                // 64 a cell; the t-values of the first nine dimensions allow no more than a factor of two.
                assert!(hits.iter().all(|h| (32..=128).contains(h)), "dimensions {a} and {b}");
            }
        }
    }

    /// Evidence names the sampler: if these numbers change, the method's id must.
    #[test]
    fn the_first_points_of_seed_1() {
        let first: Vec<String> =
            points(1, 3).iter().map(|p| format!("{:.9} {:.9} {:.9}", p[0], p[1], p[8])).collect();
        insta::assert_debug_snapshot!(first, @r#"
        [
            "0.549378258 0.402485664 0.832455390",
            "0.049378258 0.902485664 0.332455390",
            "0.299378258 0.152485664 0.082455390",
        ]
        "#);
    }
}
