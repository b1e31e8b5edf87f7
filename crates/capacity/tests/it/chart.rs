//! The chart: well-formed whatever stands in the result, the same bytes for the same result.

use capacity::{EstimateResult, Lang, Localized, Range, chart};
use proptest::prelude::*;

use crate::common::{run, tokyo};

/// Elements are closed in order, attributes quoted, entities known. Not a parser of XML, but of all that the chart uses.
fn assert_well_formed(svg: &str) {
    let mut open: Vec<&str> = Vec::new();
    for part in svg.split('<').skip(1) {
        let (tag, text) = part.split_once('>').expect("a tag ends");
        assert!(tag.matches('"').count() % 2 == 0, "{tag}");
        assert!(!text.contains(']') || !text.contains("]]>"));
        for entity in part.split('&').skip(1) {
            let name = entity.split(';').next().expect("something follows");
            assert!(["amp", "lt", "gt", "quot", "#39"].contains(&name), "{name}");
        }
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name));
        } else if !tag.ends_with('/') {
            open.push(tag.split(' ').next().expect("a name"));
        }
    }
    assert!(open.is_empty(), "{open:?}");
    let illegal = |c: char| (c.is_control() && c != '\n') || c == '\u{fffe}' || c == '\u{ffff}';
    assert!(!svg.contains(illegal));
    assert!(!svg.contains("NaN") && !svg.contains("inf\""));
}

#[test]
fn tokyo_in_both_languages() {
    let result = run(&tokyo());
    for lang in [Lang::En, Lang::Ja] {
        let svg = chart::svg(&result, lang);
        assert_well_formed(&svg);
        assert!(svg.contains("<title>") && svg.contains("<desc>") && svg.contains("role=\"img\""));
        assert!(!svg.contains("<script") && !svg.contains("href"));
        insta::assert_snapshot!(format!("tokyo_{lang:?}"), svg);
    }
}

/// Everything that the bars show is also said in words.
#[test]
fn the_description_says_what_is_drawn() {
    let svg = chart::svg(&run(&tokyo()), Lang::En);
    let description =
        svg.split("<desc>").nth(1).and_then(|rest| rest.split("</desc>").next()).expect("a desc");
    for said in
        ["Front door, with retries (requests/s): 1,440 – 6,7", "Reloads and retries 2–15: 2,830 to 21,200"]
    {
        assert!(description.contains(said), "{said} is not in {description}");
    }
}

#[test]
fn names_out_of_documents_stay_text() {
    let mut spec = tokyo();
    let hostile = "\"><script>alert('x')</script>&amp;\u{ffff}]]>";
    spec.scenario = Localized { ja: hostile.into(), en: "長い題名".repeat(200) };
    spec.capacities[0].label = Some(Localized { ja: hostile.into(), en: hostile.into() });
    spec.observed[0].label = Some(Localized { ja: hostile.into(), en: hostile.into() });
    let mut result = run(&spec);
    // No specification has it; a result that was read from a document may.
    result.scenario.ja.push('\u{0}');
    for lang in [Lang::En, Lang::Ja] {
        let svg = chart::svg(&result, lang);
        assert_well_formed(&svg);
        assert!(!svg.contains("<script"));
    }
    spec.scenario.en = "\u{1b}[2J".into();
    let refused = spec.check().expect_err("it would reach a terminal").to_string();
    assert_eq!(refused, "scenario.en: the text contains a control character; remove it");
}

fn wild() -> impl Strategy<Value = f64> {
    prop_oneof![
        Just(f64::NAN),
        Just(f64::INFINITY),
        Just(0.0),
        Just(-5.0),
        Just(f64::MIN_POSITIVE),
        Just(f64::MAX),
        1e-3..1e9_f64,
    ]
}

/// A result that was read from a document may hold anything.
fn damaged(mut result: EstimateResult, figures: &[f64]) -> EstimateResult {
    let mut next = figures.iter().copied().cycle();
    let mut figure = || next.next().unwrap_or(1.0);
    for quantity in &mut result.prior.quantities {
        quantity.range = Range { p5: figure(), p50: figure(), p95: figure() };
    }
    for test in &mut result.prior.capacities {
        (test.at_most, test.probability_exceeded) = (figure(), figure());
    }
    for swing in &mut result.swing {
        swing.median = figure();
        for bar in &mut swing.inputs {
            (bar.at_p5, bar.at_p95) = (figure(), figure());
        }
    }
    result
}

proptest! {
    #[test]
    fn any_figures_can_be_drawn(figures in proptest::collection::vec(wild(), 1..60), keep in 0..12_usize) {
        let mut result = damaged(run(&capacity::EstimateSpec { samples: 1_000, ..tokyo() }), &figures);
        result.prior.quantities.truncate(keep);
        result.inputs.truncate(keep);
        assert_well_formed(&chart::svg(&result, Lang::En));
    }
}
