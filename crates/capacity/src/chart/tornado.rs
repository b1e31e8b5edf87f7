//! The lower panel: one bar for each assumption, the one that matters most on top.

use super::axis::{Axis, drawable};
use super::svg::Svg;
use super::words::Words;
use super::{MARGIN, PLOT};
use crate::estimate::{InputRange, Swing, SwingBar};
use crate::text::Lang;

const ROW: f64 = 28.0;

/// Draws the panel from `top` on; returns where it ends. What it shows is also added to `said`.
pub(super) fn draw(
    svg: &mut Svg,
    swing: &Swing,
    inputs: &[InputRange],
    lang: Lang,
    top: f64,
    said: &mut Vec<String>,
) -> f64 {
    let words = Words(lang);
    // Assumptions that do not move the quantity are no news.
    let bars: Vec<&SwingBar> = swing
        .inputs
        .iter()
        .filter(|b| b.at_p5 != b.at_p95 && drawable(b.at_p5) && drawable(b.at_p95))
        .collect();
    let ends = bars.iter().flat_map(|bar| [bar.at_p5, bar.at_p95]);
    let Some(axis) = Axis::around(ends.chain([swing.median])) else { return top };
    let heading = words.swing(swing.quantity.label(lang), swing.median, swing.quantity.unit_label(lang));
    svg.text((MARGIN, top), "head", &heading);
    said.push(format!("{heading}."));
    let (first, bottom) = (top + 16.0, top + 16.0 + ROW * bars.len() as f64);
    axis.draw(svg, first, bottom);
    for (at, bar) in bars.into_iter().enumerate() {
        let y = first + ROW * at as f64;
        let range = inputs.iter().find(|i| i.input == bar.input).map(|i| words.input_range(i));
        let label = match range {
            Some(range) => format!("{} {range}", bar.input.label(lang)),
            None => bar.input.label(lang).to_owned(),
        };
        svg.text((PLOT.0 - 12.0, y + 19.0), "end", &label);
        let (from, to) = (bar.at_p5.min(bar.at_p95), bar.at_p5.max(bar.at_p95));
        svg.rect((axis.x(from), y + 6.0), ((axis.x(to) - axis.x(from)).max(2.0), 17.0), "bar");
        let span = words.span(bar.at_p5, bar.at_p95);
        svg.text((PLOT.1 + 14.0, y + 19.0), "", &span);
        said.push(format!("{label}: {span}."));
    }
    if drawable(swing.median) {
        svg.upright(axis.x(swing.median), (first, bottom), "centre");
    }
    bottom + 16.0
}
