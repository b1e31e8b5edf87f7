//! Which assumption moves a quantity how far.

use super::chain::Draw;
use super::check::Model;
use super::distribution::Z95;
use super::names::{Input, Quantity};
use super::quantile::rounded;
use super::result::{Swing, SwingBar};

/// Each uncertain input at its 5th and its 95th percentile, the others at their medians.
pub(super) fn swing(model: &Model, quantity: Quantity) -> Swing {
    let medians: Draw = model.curves.each_ref().map(|curve| curve.at(0.0));
    let with = |input: Input, z: f64| {
        let mut values = medians;
        values[input as usize] = model.curves[input as usize].at(z);
        model.rules.derive(&values)[quantity.index()]
    };
    let mut bars: Vec<(f64, SwingBar)> = Input::ALL
        .into_iter()
        .filter(|&input| !model.curves[input as usize].is_fixed())
        .map(|input| {
            let (at_p5, at_p95) = (with(input, -Z95), with(input, Z95));
            let ratio = (at_p95 / at_p5).max(at_p5 / at_p95);
            (ratio, SwingBar { input, at_p5: rounded(at_p5), at_p95: rounded(at_p95) })
        })
        .collect();
    // Stable: inputs that move nothing keep the order of the chain.
    bars.sort_by(|a, b| b.0.total_cmp(&a.0));
    Swing {
        quantity,
        unit: quantity.unit().to_owned(),
        median: rounded(model.rules.derive(&medians)[quantity.index()]),
        inputs: bars.into_iter().map(|(_, bar)| bar).collect(),
    }
}
