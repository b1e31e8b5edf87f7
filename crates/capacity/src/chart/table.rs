//! An estimate as a table for a terminal or a mail: the same figures and sentences as the picture's.

use std::fmt::Write;

use super::SHOWN;
use super::words::{Words, figure, range};
use crate::estimate::{Conditioned, EstimateResult, Summary};
use crate::text::Lang;

/// What the estimate says, a line a figure.
pub fn text(result: &EstimateResult, lang: Lang) -> String {
    let words = Words(lang);
    let mut out = String::new();
    let _ = writeln!(out, "{}\n{}\n", result.scenario.get(lang), words.provenance(result));
    let _ = writeln!(out, "{}", words.ranges());
    summary(&mut out, &result.prior, lang);
    capacities(&mut out, result, words);
    for observed in &result.observed {
        let _ = writeln!(out, "\n{}", words.back_test(observed));
        match &observed.posterior {
            Some(posterior) => {
                let _ = writeln!(out, "{}", words.conditioned(observed));
                summary(&mut out, posterior, lang);
            }
            None => {
                let _ = writeln!(out, "{}", words.contradiction(observed));
            }
        }
    }
    for swing in &result.swing {
        let (label, unit) = (swing.quantity.label(lang), swing.quantity.unit_label(lang));
        let _ = writeln!(out, "\n{}", words.swing(label, swing.median, unit));
        for bar in &swing.inputs {
            let written = result.inputs.iter().find(|input| input.input == bar.input);
            let written = written.map(|input| words.input_range(input)).unwrap_or_default();
            let span = words.span(bar.at_p5, bar.at_p95);
            let _ = writeln!(out, "  {}: {written} → {span}", bar.input.label(lang));
        }
    }
    out
}

fn summary(out: &mut String, summary: &Summary, lang: Lang) {
    for quantity in SHOWN {
        let (label, unit) = (quantity.label(lang), quantity.unit_label(lang));
        let _ = writeln!(out, "  {label}: {} {unit}", range(&summary.range(quantity)));
    }
    for row in summary.waiting_room.iter().flat_map(|room| &room.rows) {
        let (rate, minutes) = (figure(row.origin_rate), range(&row.minutes_to_drain));
        let people = figure(row.admitted_per_minute);
        let _ = match lang {
            Lang::En => {
                writeln!(
                    out,
                    "  waiting room at {rate} req/s: {people} people/min in, {minutes} min until the last"
                )
            }
            Lang::Ja => {
                writeln!(out, "  待合室（{rate} 件/秒）：毎分 {people} 人を案内、最後の人まで {minutes} 分")
            }
        };
    }
}

/// The prior's tests, each with that of the first observation that agrees.
fn capacities(out: &mut String, result: &EstimateResult, words: Words) {
    let posterior = result.observed.iter().find_map(|Conditioned { posterior, .. }| posterior.as_ref());
    for (at, test) in result.prior.capacities.iter().enumerate() {
        let again = posterior.and_then(|summary| summary.capacities.get(at));
        let _ = writeln!(out, "  {}", words.capacity(test, again));
    }
}
