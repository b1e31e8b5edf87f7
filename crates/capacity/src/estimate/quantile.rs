//! Order statistics of many draws.

/// The values at the 5th, 50th and 95th percentile: the smallest value that at least so large a part of the draws does
/// not exceed. Reorders `values`; `None` when there are none.
pub(super) fn p5_p50_p95(values: &mut [f64]) -> Option<[f64; 3]> {
    let n = values.len();
    if n == 0 {
        return None;
    }
    let rank = |percent: usize| (n * percent).div_ceil(100).max(1) - 1;
    let (low, mid, high) = (rank(5), rank(50), rank(95));
    // Selection instead of sorting: after each step the sought values lie in the part that is left.
    let (below, &mut p50, above) = values.select_nth_unstable_by(mid, f64::total_cmp);
    let p5 = if low < mid { *below.select_nth_unstable_by(low, f64::total_cmp).1 } else { p50 };
    let p95 = if high > mid { *above.select_nth_unstable_by(high - mid - 1, f64::total_cmp).1 } else { p50 };
    Some([p5, p50, p95])
}

/// Part of `values` above `threshold`, 0 to 1.
pub(super) fn share_above(values: &[f64], threshold: f64) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    values.iter().filter(|v| **v > threshold).count() as f64 / values.len() as f64
}

/// Six significant digits: more than the sampling carries, and a short, stable text.
pub(super) fn rounded(value: f64) -> f64 {
    format!("{value:.5e}").parse().expect("Rust reads back every number that it writes")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn selection_agrees_with_sorting(mut values in proptest::collection::vec(-1e6..1e6_f64, 1..400)) {
            let mut sorted = values.clone();
            sorted.sort_by(f64::total_cmp);
            let got = p5_p50_p95(&mut values).expect("there are values");
            for (percent, got) in [5_usize, 50, 95].into_iter().zip(got) {
                let at_or_below = sorted.iter().filter(|v| **v <= got).count();
                let below = sorted.iter().filter(|v| **v < got).count();
                prop_assert!(at_or_below * 100 >= percent * sorted.len());
                prop_assert!(below * 100 < percent * sorted.len());
            }
        }
    }

    #[test]
    fn rounding_keeps_six_digits() {
        assert_eq!(rounded(6_741.238_472), 6_741.24);
        assert_eq!(rounded(0.000_123_456_789), 0.000_123_457);
        assert_eq!(rounded(0.0), 0.0);
        assert_eq!(p5_p50_p95(&mut []), None);
        assert_eq!(share_above(&[], 1.0), 0.0);
        assert_eq!(share_above(&[1.0, 2.0, 3.0, 4.0], 2.0), 0.5);
    }
}
