//! Specifications are uploaded by people: no text may panic, hang, or give figures that are none.
#![no_main]

use capacity::{EstimateSpec, Lang, MAX_SAMPLES, chart, estimate};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(mut spec) = EstimateSpec::from_json(text) else { return };
    if spec.samples > 2_000 && spec.samples <= MAX_SAMPLES {
        // Long runs find nothing that short ones do not.
        spec.samples = 2_000;
    }
    match estimate(&spec) {
        Err(e) => {
            assert!(e.0.iter().all(|p| !p.path.is_empty() && !p.message.is_empty() && !p.remedy.is_empty()))
        }
        Ok(result) => {
            for quantity in &result.prior.quantities {
                let range = quantity.range;
                assert!(range.p5.is_finite() && range.p95.is_finite(), "{quantity:?}");
                assert!(0.0 < range.p5 && range.p5 <= range.p50 && range.p50 <= range.p95, "{quantity:?}");
            }
            let _ = (chart::svg(&result, Lang::En), chart::svg(&result, Lang::Ja));
            let again = EstimateSpec::from_json(&json(&spec)).expect("a written specification reads");
            assert_eq!(again, spec);
        }
    }
});

fn json(spec: &EstimateSpec) -> String {
    serde_json::to_string(spec).expect("a specification is JSON")
}
