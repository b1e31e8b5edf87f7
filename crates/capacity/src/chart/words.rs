//! What the chart says, in both languages.

use crate::estimate::{CapacityTest, Conditioned, EstimateResult, Input, InputRange, Range};
use crate::text::{Lang, Localized};

#[derive(Clone, Copy)]
pub(super) struct Words(pub(super) Lang);

impl Words {
    fn pick(self, en: String, ja: String) -> String {
        if self.0 == Lang::En { en } else { ja }
    }

    pub(super) fn provenance(self, result: &EstimateResult) -> String {
        let (samples, seed, method) = (separated(&result.samples.to_string()), result.seed, &result.method);
        let method = format!("{} {}", method.id, method.version);
        self.pick(
            format!("{samples} draws, seed {seed}, {method}"),
            format!("標本 {samples}、シード {seed}、{method}"),
        )
    }

    pub(super) fn ranges(self) -> String {
        self.pick("Expected load: 5 % – median – 95 %".into(), "想定負荷：5% – 中央値 – 95%".into())
    }

    /// A name for people, or the short name where there is none.
    fn name(self, label: Option<&Localized>, name: &str) -> String {
        label.map_or(name, |label| label.get(self.0)).to_owned()
    }

    pub(super) fn limit(self) -> String {
        self.pick("a capacity".into(), "処理能力".into())
    }

    pub(super) fn conditioned(self, observed: &Conditioned) -> String {
        let name = self.name(observed.label.as_ref(), &observed.name);
        self.pick(format!("if it goes as observed: {name}"), format!("実績どおりの場合：{name}"))
    }

    pub(super) fn prior(self) -> String {
        self.pick("by the assumptions alone".into(), "前提のみによる推定".into())
    }

    pub(super) fn contradiction(self, observed: &Conditioned) -> String {
        let name = self.name(observed.label.as_ref(), &observed.name);
        self.pick(
            format!("{name}: hardly any draw agrees with what was observed; look at the assumptions again"),
            format!("{name}：実績と合う標本がほとんどない。前提の見直しが必要"),
        )
    }

    pub(super) fn back_test(self, observed: &Conditioned) -> String {
        let (name, test) = (self.name(observed.label.as_ref(), &observed.name), &observed.back_test);
        let (published, percent) = (figure(test.published), percent(test.percentile));
        let unit = test.quantity.unit_label(self.0);
        let inside = match (self.0, test.inside90) {
            (Lang::En, true) => "inside the 90 % range",
            (Lang::En, false) => "outside the 90 % range",
            (Lang::Ja, true) => "90%範囲内",
            (Lang::Ja, false) => "90%範囲外",
        };
        self.pick(
            format!(
                "Back-test {name}: {published} {unit} seen, {percent} of the draws lie below it, {inside}"
            ),
            format!("検証 {name}：実績 {published} {unit}、標本の{percent}がこれを下回る（{inside}）"),
        )
    }

    pub(super) fn capacity(self, test: &CapacityTest, posterior: Option<&CapacityTest>) -> String {
        let CapacityTest { name, label, quantity, at_most, unit: _, probability_exceeded } = test;
        let name = self.name(label.as_ref(), name);
        let (at_most, unit, likely) =
            (figure(*at_most), quantity.unit_label(self.0), percent(*probability_exceeded));
        let label = quantity.label(self.0);
        let again = posterior.map_or(String::new(), |test| {
            let again = percent(test.probability_exceeded);
            self.pick(format!(" ({again} if it goes as observed)"), format!("（実績どおりなら{again}）"))
        });
        self.pick(
            format!("{name}: {at_most} {unit} – exceeded with probability {likely}{again} [{label}]"),
            format!("{name}：{at_most} {unit} — 超過確率 {likely}{again}〔{label}〕"),
        )
    }

    pub(super) fn swing(self, quantity: &str, median: f64, unit: &str) -> String {
        let median = figure(median);
        self.pick(
            format!("What it hangs on: {quantity} ({unit}); others at their medians ({median})"),
            format!("感度：{quantity}（{unit}）。前提を一つずつ動かし、他は中央値（{median}）"),
        )
    }

    pub(super) fn span(self, from: f64, to: f64) -> String {
        self.pick(format!("{} to {}", figure(from), figure(to)), format!("{}〜{}", figure(from), figure(to)))
    }

    /// An input's range as a reader would write it.
    pub(super) fn input_range(self, InputRange { input, range, .. }: &InputRange) -> String {
        let (divisor, unit) = match input {
            Input::TriesOnDayOne | Input::ComesAtOpening => (0.01, " %"),
            Input::BurstTime | Input::SessionTime if range.p95 >= 120.0 => (60.0, self.minutes()),
            Input::ServiceTime if range.p95 < 1.0 => (1e-3, " ms"),
            Input::BurstTime | Input::SessionTime | Input::ServiceTime => (1.0, " s"),
            Input::FirstPage => (1e6, " MB"),
            Input::Population | Input::RequestsPerSession | Input::RetryFactor => (1.0, ""),
        };
        format!("{}–{}{unit}", figure(range.p5 / divisor), figure(range.p95 / divisor))
    }

    fn minutes(self) -> &'static str {
        if self.0 == Lang::En { " min" } else { " 分" }
    }
}

pub(super) fn range(range: &Range) -> String {
    format!("{} – {} – {}", figure(range.p5), figure(range.p50), figure(range.p95))
}

fn percent(probability: f64) -> String {
    if !probability.is_finite() {
        return "?".to_owned();
    }
    let percent = (probability * 100.0).clamp(0.0, 100.0);
    // 99.97 % is not certainty, and must not read as such.
    match percent {
        p if p > 99.0 && p < 100.0 => "> 99 %".to_owned(),
        p if p > 0.0 && p < 1.0 => "< 1 %".to_owned(),
        p => format!("{} %", p.round()),
    }
}

/// Three significant digits, thousands separated.
pub(super) fn figure(value: f64) -> String {
    if !value.is_finite() {
        return "?".to_owned();
    }
    let magnitude = value.abs();
    if magnitude != 0.0 && !(1e-4..1e16).contains(&magnitude) {
        return format!("{value:.2e}");
    }
    let text = format!("{value:.2e}");
    let rounded: f64 = text.parse().unwrap_or(value);
    if rounded.abs() < 1_000.0 {
        return format!("{rounded}");
    }
    let digits = separated(&format!("{:.0}", rounded.abs()));
    if rounded < 0.0 { format!("-{digits}") } else { digits }
}

/// Digits in groups of three.
fn separated(digits: &str) -> String {
    let mut separated = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            separated.push(',');
        }
        separated.push(digit);
    }
    separated
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_for_people() {
        let cases = [
            (160_526.0, "161,000"),
            (6_741.2, "6,740"),
            (999.9, "1,000"),
            (95.96, "96"),
            (0.141_42, "0.141"),
            (0.0, "0"),
            (3.4e6, "3,400,000"),
            (-12_345.0, "-12,300"),
            (1e20, "1.00e20"),
            (f64::NAN, "?"),
        ];
        for (value, text) in cases {
            assert_eq!(figure(value), text);
        }
        assert_eq!(
            [0.9997, 1.0, 0.0001, 0.0, 0.33].map(percent),
            ["> 99 %", "100 %", "< 1 %", "0 %", "33 %"]
        );
    }
}
