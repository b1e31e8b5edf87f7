//! The upper panel: one row for each quantity.

use super::axis::{Axis, drawable};
use super::svg::{Svg, shorten};
use super::words::{self, Words};
use super::{MARGIN, PLOT, SHOWN};
use crate::estimate::{Conditioned, EstimateResult, QuantityRange, Range, Summary};
use crate::text::Lang;

const ROW: f64 = 42.0;
/// Longest line beneath the panel, in ems of its 12-pixel type.
const LINE: f64 = 74.0;

/// Draws the panel from `top` on; returns where it ends. What it shows is also added to `said`.
pub(super) fn draw(
    svg: &mut Svg,
    result: &EstimateResult,
    lang: Lang,
    top: f64,
    said: &mut Vec<String>,
) -> f64 {
    let words = Words(lang);
    svg.text((MARGIN, top), "head", &words.ranges());
    said.push(format!("{}.", words.ranges()));
    // The first observation that could be used is shown; more would be unreadable and stand in the result.
    let observed = result.observed.iter().find_map(|o| Some((o, o.posterior.as_ref()?)));
    let top = legend(svg, observed.map(|(o, _)| o), words, top + 22.0);
    let rows: Vec<&QuantityRange> = SHOWN
        .iter()
        .filter_map(|shown| result.prior.quantities.iter().find(|q| q.quantity == *shown))
        .collect();
    let again = |row: &QuantityRange| {
        observed.and_then(|(_, posterior)| posterior.quantities.iter().find(|q| q.quantity == row.quantity))
    };
    let values = rows.iter().flat_map(|row| {
        let limits = result.prior.capacities.iter().filter(|c| c.quantity == row.quantity).map(|c| c.at_most);
        ends(&row.range).into_iter().chain(again(row).into_iter().flat_map(|q| ends(&q.range))).chain(limits)
    });
    let mut y = top;
    if let Some(axis) = Axis::around(values) {
        let bottom = top + ROW * rows.len() as f64;
        axis.draw(svg, top, bottom);
        for row in rows {
            draw_row(svg, axis, row, again(row), lang, y, said);
            for test in result.prior.capacities.iter().filter(|c| c.quantity == row.quantity) {
                if drawable(test.at_most) {
                    svg.upright(axis.x(test.at_most), (y + 2.0, y + ROW - 6.0), "limit");
                }
            }
            y += ROW;
        }
        y = bottom + 22.0;
    }
    for line in remarks(result, observed.map(|(_, posterior)| posterior), words) {
        y += 18.0;
        svg.text((MARGIN, y), "note", &shorten(&line, LINE));
        said.push(format!("{line}."));
    }
    y
}

fn ends(range: &Range) -> [f64; 2] {
    [range.p5, range.p95]
}

/// Returns where the rows begin.
fn legend(svg: &mut Svg, observed: Option<&Conditioned>, words: Words, y: f64) -> f64 {
    svg.rect((MARGIN, y - 9.0), (22.0, 10.0), "bar");
    svg.text((MARGIN + 30.0, y), "note", &words.prior());
    svg.upright(MARGIN + 190.0, (y - 12.0, y + 3.0), "limit");
    svg.text((MARGIN + 202.0, y), "note", &words.limit());
    if let Some(observed) = observed {
        svg.rect((PLOT.0 + 30.0, y - 7.0), (22.0, 6.0), "again");
        svg.text((PLOT.0 + 60.0, y), "note", &shorten(&words.conditioned(observed), 48.0));
    }
    y + 14.0
}

fn draw_row(
    svg: &mut Svg,
    axis: Axis,
    row: &QuantityRange,
    again: Option<&QuantityRange>,
    lang: Lang,
    y: f64,
    said: &mut Vec<String>,
) {
    let label = format!("{} ({})", row.quantity.label(lang), row.quantity.unit_label(lang));
    svg.text((PLOT.0 - 12.0, y + 18.0), "end", &label);
    bar(svg, axis, &row.range, (y + 6.0, 15.0), "bar");
    let figures = words::range(&row.range);
    svg.text((PLOT.1 + 14.0, y + 18.0), "", &figures);
    said.push(format!("{label}: {figures}."));
    if let Some(again) = again {
        bar(svg, axis, &again.range, (y + 25.0, 7.0), "again");
        let figures = words::range(&again.range);
        svg.text((PLOT.1 + 14.0, y + 33.0), "note", &figures);
        said.push(format!("→ {figures}."));
    }
}

fn bar(svg: &mut Svg, axis: Axis, range: &Range, (y, height): (f64, f64), class: &str) {
    if [range.p5, range.p50, range.p95].into_iter().all(drawable) {
        let (from, to) = (axis.x(range.p5), axis.x(range.p95));
        // A fixed figure is a bar of no width; two pixels make it visible.
        svg.rect((from, y), ((to - from).max(2.0), height), class);
        svg.upright(axis.x(range.p50), (y, y + height), "tick");
    }
}

fn remarks(result: &EstimateResult, posterior: Option<&Summary>, words: Words) -> Vec<String> {
    let tests = result
        .prior
        .capacities
        .iter()
        .enumerate()
        .map(|(at, test)| words.capacity(test, posterior.and_then(|p| p.capacities.get(at))));
    let observed = result.observed.iter().flat_map(|o| {
        let contradiction = o.posterior.is_none().then(|| words.contradiction(o));
        [Some(words.back_test(o)), contradiction].into_iter().flatten()
    });
    tests.chain(observed).collect()
}
