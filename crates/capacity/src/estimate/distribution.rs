//! Shapes of uncertain figures. Each passes exactly through the two percentiles that the specification gives.

use serde::{Deserialize, Serialize};

use super::exp::exp;

/// The standard normal distribution's 95th percentile.
pub(super) const Z95: f64 = 1.644_853_626_951_472_2;

/// Shape of a 90 % range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Distribution {
    /// The logarithm is normal. Default of all that is positive: a chain of factors stays positive, and "between a
    /// third and three times" is as likely below as above.
    LogNormal,
    /// Normal; only for ranges so narrow that it stays within what is possible.
    Normal,
    /// The logit `ln(x / (1 - x))` is normal. Default of shares: stays within 0 and 1. Preferred to a beta because its
    /// two parameters follow from the two percentiles in closed form (a beta needs a search whose stopping rule
    /// would be part of the evidence), and because the published example was drawn so: the median of 35..80 % is 59.5 %
    /// of 270,000, which is the published 160,500; a beta gives 158,700 and a lognormal 142,900.
    LogitNormal,
}

/// A distribution with its parameters, ready to be drawn from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Curve {
    form: Form,
    /// What a draw may not fall below or exceed: a factor of retries is never below 1.
    bounds: (f64, f64),
}

#[derive(Debug, Clone, Copy)]
enum Form {
    Fixed(f64),
    LogNormal(Line),
    Normal(Line),
    LogitNormal(Line),
}

/// `mean + z · deviation`
#[derive(Debug, Clone, Copy)]
struct Line {
    mean: f64,
    deviation: f64,
}

impl Line {
    fn through(p5: f64, p95: f64) -> Self {
        Line { mean: f64::midpoint(p5, p95), deviation: (p95 - p5) / (2.0 * Z95) }
    }

    fn at(self, z: f64) -> f64 {
        self.mean + z * self.deviation
    }
}

fn logit(share: f64) -> f64 {
    libm::log(share / (1.0 - share))
}

impl Curve {
    pub(super) fn fixed(value: f64) -> Self {
        Curve { form: Form::Fixed(value), bounds: (value, value) }
    }

    /// Through the 5th and the 95th percentile. The caller has made sure that both lie within the bounds and, by the
    /// shape, above 0 and below 1.
    pub(super) fn through(shape: Distribution, p5: f64, p95: f64, bounds: (f64, f64)) -> Self {
        let form = match shape {
            Distribution::LogNormal => Form::LogNormal(Line::through(libm::log(p5), libm::log(p95))),
            Distribution::Normal => Form::Normal(Line::through(p5, p95)),
            Distribution::LogitNormal => Form::LogitNormal(Line::through(logit(p5), logit(p95))),
        };
        Curve { form, bounds }
    }

    pub(super) fn is_fixed(&self) -> bool {
        matches!(self.form, Form::Fixed(_))
    }

    pub(super) fn shape(&self) -> Option<Distribution> {
        match self.form {
            Form::Fixed(_) => None,
            Form::LogNormal(_) => Some(Distribution::LogNormal),
            Form::Normal(_) => Some(Distribution::Normal),
            Form::LogitNormal(_) => Some(Distribution::LogitNormal),
        }
    }

    /// The value that stands where `z` stands in a standard normal distribution.
    pub(super) fn at(&self, z: f64) -> f64 {
        let value = match self.form {
            Form::Fixed(value) => value,
            Form::LogNormal(line) => exp(line.at(z)),
            Form::Normal(line) => line.at(z),
            Form::LogitNormal(line) => 1.0 / (1.0 + exp(-line.at(z))),
        };
        value.clamp(self.bounds.0, self.bounds.1)
    }

    /// [`Curve::at`] for a whole block. The choice of the form stands outside the loops, so that they become vector
    /// instructions; the arithmetic is the same.
    pub(super) fn at_all(&self, block: &mut [f64]) {
        let (low, high) = self.bounds;
        match self.form {
            Form::Fixed(value) => block.fill(value),
            Form::LogNormal(line) => block.iter_mut().for_each(|v| *v = exp(line.at(*v)).clamp(low, high)),
            Form::Normal(line) => block.iter_mut().for_each(|v| *v = line.at(*v).clamp(low, high)),
            Form::LogitNormal(line) => {
                block.iter_mut().for_each(|v| *v = (1.0 / (1.0 + exp(-line.at(*v)))).clamp(low, high));
            }
        }
    }

    /// 5th percentile, median, 95th percentile.
    pub(super) fn range(&self) -> [f64; 3] {
        [self.at(-Z95), self.at(0.0), self.at(Z95)]
    }
}

/// One of [`normal_quantiles`].
#[cfg(test)]
fn normal_quantile(p: f64) -> f64 {
    let mut block = [p];
    normal_quantiles(&mut block);
    block[0]
}

/// Inverse of the standard normal distribution function for `0 < p < 1`, to about 16 digits, in place: M. J. Wichura,
/// Algorithm AS 241, Applied Statistics 37 (1988), routine PPND16.
pub(super) fn normal_quantiles<const N: usize>(block: &mut [f64; N]) {
    let given = *block;
    // For all, though it holds for the middle 85 % only: without a branch the loop becomes vector instructions.
    for p in block.iter_mut() {
        let q = *p - 0.5;
        *p = q * ratio(CENTRE_WIDTH - q * q, &CENTRE);
    }
    for (z, p) in block.iter_mut().zip(given) {
        if (p - 0.5).abs() > 0.425 {
            *z = tail_quantile(p);
        }
    }
}

fn tail_quantile(p: f64) -> f64 {
    let q = p - 0.5;
    let tail = if q < 0.0 { p } else { 1.0 - p };
    let r = (-libm::log(tail)).sqrt();
    let z = if r <= 5.0 { ratio(r - 1.6, &MIDDLE) } else { ratio(r - 5.0, &FAR) };
    if q < 0.0 { -z } else { z }
}

/// 0.425 squared.
const CENTRE_WIDTH: f64 = 0.180_625;

/// Numerator and denominator, highest power first; the denominator's constant is 1.
type Rational = ([f64; 8], [f64; 7]);

fn ratio(r: f64, (numerator, denominator): &Rational) -> f64 {
    let over = numerator.iter().fold(0.0, |sum, c| sum * r + c);
    let under = denominator.iter().fold(0.0, |sum, c| sum * r + c) * r + 1.0;
    over / under
}

const CENTRE: Rational = (
    [
        2.509_080_928_730_122_6e3,
        3.343_057_558_358_813e4,
        6.726_577_092_700_87e4,
        4.592_195_393_154_987e4,
        1.373_169_376_550_946_2e4,
        1.971_590_950_306_551_4e3,
        1.331_416_678_917_843_8e2,
        3.387_132_872_796_366_6,
    ],
    [
        5.226_495_278_852_854e3,
        2.872_908_573_572_194_3e4,
        3.930_789_580_009_271e4,
        2.121_379_430_158_659_7e4,
        5.394_196_021_424_751e3,
        6.871_870_074_920_579e2,
        4.231_333_070_160_091e1,
    ],
);

const MIDDLE: Rational = (
    [
        7.745_450_142_783_414e-4,
        2.272_384_498_926_918_4e-2,
        2.417_807_251_774_506e-1,
        1.270_458_252_452_368_4,
        3.647_848_324_763_204_5,
        5.769_497_221_460_691,
        4.630_337_846_156_545,
        1.423_437_110_749_683_5,
    ],
    [
        1.050_750_071_644_416_8e-9,
        5.475_938_084_995_345e-4,
        1.519_866_656_361_645_7e-2,
        1.481_039_764_274_800_8e-1,
        6.897_673_349_851e-1,
        1.676_384_830_183_803_8,
        2.053_191_626_637_759,
    ],
);

const FAR: Rational = (
    [
        2.010_334_399_292_288_1e-7,
        2.711_555_568_743_487_6e-5,
        1.242_660_947_388_078_4e-3,
        2.653_218_952_657_612_4e-2,
        2.965_605_718_285_048_7e-1,
        1.784_826_539_917_291_3,
        5.463_784_911_164_114,
        6.657_904_643_501_103,
    ],
    [
        2.044_263_103_389_939_8e-15,
        1.421_511_758_316_446e-7,
        1.846_318_317_510_054_8e-5,
        7.868_691_311_456_133e-4,
        1.487_536_129_085_061_5e-2,
        1.369_298_809_227_358e-1,
        5.998_322_065_558_88e-1,
    ],
);

#[cfg(test)]
mod tests {
    use super::*;

    /// Φ(z) by `erfc`, an independent way to the same function.
    fn phi(z: f64) -> f64 {
        0.5 * libm::erfc(-z / std::f64::consts::SQRT_2)
    }

    #[test]
    fn the_quantile_inverts_the_distribution_function() {
        for i in 1..20_000 {
            let p = f64::from(i) / 20_000.0;
            assert!((phi(normal_quantile(p)) - p).abs() < 1e-14, "{p}");
        }
        for exponent in 5..300 {
            let p = 10_f64.powi(-exponent);
            assert!((phi(normal_quantile(p)) / p - 1.0).abs() < 1e-11, "{p}");
        }
        assert!((normal_quantile(0.95) - Z95).abs() < 1e-15);
        assert_eq!(normal_quantile(0.5), 0.0);
    }

    #[test]
    fn each_shape_passes_through_its_percentiles() {
        for shape in [Distribution::LogNormal, Distribution::Normal, Distribution::LogitNormal] {
            let [low, median, high] = Curve::through(shape, 0.35, 0.8, (0.0, 1.0)).range();
            assert!((low - 0.35).abs() < 1e-12 && (high - 0.8).abs() < 1e-12, "{shape:?} {low} {high}");
            let expected = match shape {
                Distribution::LogNormal => (0.35_f64 * 0.8).sqrt(),
                Distribution::Normal => 0.575,
                Distribution::LogitNormal => {
                    let odds = (0.35_f64 / 0.65 * 0.8 / 0.2).sqrt();
                    odds / (1.0 + odds)
                }
            };
            assert!((median - expected).abs() < 1e-12, "{shape:?} {median}");
        }
    }

    #[test]
    fn a_block_and_a_single_value_are_the_same() {
        for shape in [Distribution::LogNormal, Distribution::Normal, Distribution::LogitNormal] {
            let curve = Curve::through(shape, 0.2, 0.6, (0.01, 0.9));
            let mut block: [f64; 101] = std::array::from_fn(|i| i as f64 / 10.0 - 5.0);
            let single = block.map(|z| curve.at(z));
            curve.at_all(&mut block);
            assert_eq!(block, single);
        }
    }

    #[test]
    fn draws_stay_within_the_bounds() {
        let retries = Curve::through(Distribution::LogNormal, 2.0, 15.0, (1.0, f64::MAX));
        assert_eq!(retries.at(-5.0), 1.0);
        let share = Curve::through(Distribution::LogitNormal, 0.001, 0.999, (0.0, 1.0));
        assert!(share.at(-9.0) >= 0.0 && share.at(9.0) <= 1.0);
    }
}
