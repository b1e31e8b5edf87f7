//! The exponential function for whole blocks at once.
//!
//! `libm::exp` takes a third of an estimate's time, because a call for each value keeps the compiler from using vector
//! instructions. This one has no call and no branch, and like `libm` nothing but additions, multiplications and bits,
//! so it gives the same result on every machine.

/// `1.5 · 2^52`: added to a small number, it leaves that number's nearest integer in the lowest bits.
const TO_INTEGER: f64 = 6_755_399_441_055_744.0;
/// ln 2 in two parts; the first has so few bits that its product with an exponent is exact (fdlibm, `e_exp.c`).
const LN2_HIGH: f64 = 6.931_471_803_691_238e-1;
const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;
/// Coefficients of the Taylor series, highest power first. With |r| ≤ ln 2 / 2 the first one left out is 4·10^-18.
const TAYLOR: [f64; 14] = [
    1.0 / 6_227_020_800.0,
    1.0 / 479_001_600.0,
    1.0 / 39_916_800.0,
    1.0 / 3_628_800.0,
    1.0 / 362_880.0,
    1.0 / 40_320.0,
    1.0 / 5_040.0,
    1.0 / 720.0,
    1.0 / 120.0,
    1.0 / 24.0,
    1.0 / 6.0,
    0.5,
    1.0,
    1.0,
];

/// `e^x`, to one unit in the last place. Beyond ±700 the result of ±700, which no curve of an estimate reaches.
#[inline]
pub(super) fn exp(x: f64) -> f64 {
    let x = x.clamp(-700.0, 700.0);
    let shifted = x * std::f64::consts::LOG2_E + TO_INTEGER;
    let power = shifted - TO_INTEGER;
    let r = (x - power * LN2_HIGH) - power * LN2_LOW;
    let series = TAYLOR.iter().fold(0.0, |sum, c| sum * r + c);
    // 2^power, put together from its exponent bits.
    series * f64::from_bits(shifted.to_bits().wrapping_add(1_023) << 52)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_libm() {
        for step in -1_400_000..=1_400_000 {
            let x = f64::from(step) / 2_000.0;
            let (ours, theirs) = (exp(x), libm::exp(x));
            assert!((ours / theirs - 1.0).abs() <= 2.0 * f64::EPSILON, "{x}: {ours} {theirs}");
        }
        assert_eq!(exp(0.0), 1.0);
        assert_eq!([exp(f64::INFINITY), exp(-1e300)], [exp(700.0), exp(-700.0)]);
    }
}
