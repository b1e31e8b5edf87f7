//! A logarithmic axis: equal ratios are equal distances.

use super::PLOT;
use super::svg::Svg;
use super::words::figure;

/// From which value to which the plot reaches.
#[derive(Clone, Copy)]
pub(super) struct Axis {
    low: f64,
    high: f64,
}

/// What can stand on a logarithmic axis. The bounds keep hostile figures from making an axis of 600 decades.
pub(super) fn drawable(value: f64) -> bool {
    (1e-12..=1e18).contains(&value)
}

impl Axis {
    /// Around all values that can be drawn, with a little air; `None` when there is none.
    pub(super) fn around(values: impl Iterator<Item = f64>) -> Option<Axis> {
        let (low, high) = values
            .filter(|v| drawable(*v))
            .fold((f64::INFINITY, 0.0_f64), |(low, high), v| (low.min(v), high.max(v)));
        (high > 0.0).then(|| Axis { low: low / 1.25, high: high * 1.25 })
    }

    pub(super) fn x(self, value: f64) -> f64 {
        let share = (value / self.low).ln() / (self.high / self.low).ln();
        PLOT.0 + share.clamp(0.0, 1.0) * (PLOT.1 - PLOT.0)
    }

    /// Grid lines from `top` to `bottom` and their figures beneath.
    pub(super) fn draw(self, svg: &mut Svg, top: f64, bottom: f64) {
        for value in self.marks() {
            svg.upright(self.x(value), (top, bottom), "grid");
            svg.text((self.x(value), bottom + 16.0), "mid", &figure(value));
        }
    }

    /// Powers of ten; where less than three of them fit, twos and fives too; of many only some, so that they can be read.
    fn marks(self) -> Vec<f64> {
        let decades = self.low.log10().floor() as i32..=self.high.log10().ceil() as i32;
        let inside = |v: &f64| *v >= self.low && *v <= self.high;
        let powers: Vec<f64> = decades.clone().map(|e| 10_f64.powi(e)).filter(inside).collect();
        if powers.len() >= 3 {
            return powers.iter().copied().step_by(powers.len().div_ceil(8)).collect();
        }
        decades.flat_map(|e| [1.0, 2.0, 5.0].map(|m| m * 10_f64.powi(e))).filter(inside).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_lie_inside_and_can_be_told_apart() {
        let span = |low: f64, high: f64| Axis::around([low, high].into_iter()).map(Axis::marks);
        assert_eq!(span(30.0, 200_000.0), Some(vec![100.0, 1_000.0, 10_000.0, 100_000.0]));
        assert_eq!(span(3_000.0, 20_000.0), Some(vec![5_000.0, 10_000.0, 20_000.0]));
        assert!(span(1e-12, 1e18).is_some_and(|marks| marks.len() <= 8));
        assert_eq!(Axis::around([0.0, -1.0, f64::NAN, f64::INFINITY].into_iter()).map(Axis::marks), None);
        let one = Axis::around([7.0].into_iter()).map(|axis| axis.x(7.0));
        assert!(one.is_some_and(|x| (x - f64::midpoint(PLOT.0, PLOT.1)).abs() < 1e-9));
    }
}
