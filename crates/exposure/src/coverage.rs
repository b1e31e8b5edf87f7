//! Whether the logs cover the window.

use std::collections::BTreeSet;

use crate::finish::timestamp;
use crate::formats::Format;
use crate::input::InputReport;
use crate::query::{Basis, Compiled};
use crate::result::{Coverage, Gap, Source};
use crate::store::Store;

const HOUR: i64 = 3_600_000;

pub(crate) fn coverage(compiled: &Compiled, store: &Store, inputs: &[InputReport]) -> Coverage {
    let given = |of_origin| {
        inputs.iter().filter_map(|input| input.format).any(|format| format.is_of_origin() == of_origin)
    };
    let (edge_given, origin_given) = (given(false), given(true));
    // A balancer's lines, or those of the origin's own server, do not stand for those of an edge before it.
    let is_edge = |format: Format| !format.is_of_origin() && !format.may_stand_beside_an_edge();
    let has_edge = inputs.iter().filter_map(|input| input.format).any(is_edge);
    let edge_hours =
        if has_edge { store.edge_hours.clone() } else { &store.edge_hours | &store.beside_hours };
    let mut gaps = Vec::new();
    for (source, hours) in [(Source::Edge, &edge_hours), (Source::Origin, &store.origin_hours)] {
        gaps.extend(missing_hours(compiled.inside, hours).into_iter().map(|(from, to)| Gap {
            source,
            from: timestamp(from),
            to: timestamp(to),
        }));
    }
    let truncated_inputs: Vec<String> = inputs
        .iter()
        .filter(|input| input.truncated.is_some() && input.duplicate_of.is_none())
        .map(|input| input.name.clone())
        .collect();
    // Who is shown by no origin line put no page into a cache, so the origin's log is what the list stands on. An
    // edge log with holes is the sign of a delivery that lost lines, and then the list should not look complete.
    let edge_matters = edge_given && compiled.query.basis == Basis::LoginsAndPersonalRequests;
    let complete = truncated_inputs.is_empty()
        && inputs.iter().all(|input| input.lost == 0)
        && !gaps.iter().any(|gap| gap.source == Source::Origin || edge_matters && gap.source == Source::Edge);
    Coverage { edge_given, origin_given, gaps, truncated_inputs, complete }
}

/// Runs of whole hours without a line, cut to the window.
fn missing_hours((from, to): (i64, i64), hours: &BTreeSet<i64>) -> Vec<(i64, i64)> {
    let mut missing: Vec<(i64, i64)> = Vec::new();
    // A window that ends on the hour does not reach into the next one.
    let last = (to - 1).max(from).div_euclid(HOUR);
    let mut next = from.div_euclid(HOUR);
    for present in hours.iter().copied().filter(|hour| *hour <= last).chain([last + 1]) {
        if present > next {
            missing.push(((next * HOUR).max(from), (present * HOUR).min(to)));
        }
        next = next.max(present + 1);
    }
    missing
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_hours_are_cut_to_the_window() {
        let window = (HOUR / 2, 5 * HOUR);
        let missing = |hours: &[i64]| missing_hours(window, &hours.iter().copied().collect());
        assert_eq!(missing(&[0, 1, 2, 3, 4]), []);
        assert_eq!(missing(&[1, 2, 4, 5]), [(HOUR / 2, HOUR), (3 * HOUR, 4 * HOUR)]);
        assert_eq!(missing(&[]), [window]);
        assert_eq!(missing_hours((7 * HOUR, 7 * HOUR), &BTreeSet::new()), [(7 * HOUR, 7 * HOUR)]);
    }
}
