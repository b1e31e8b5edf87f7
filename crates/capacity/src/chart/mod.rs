//! An estimate as a picture: what is expected, and which assumption it hangs on.
//!
//! The SVG stands alone: no script, no font, no link, no id that could meet another one of the page. It paints its own
//! ground, light or dark as the viewer's system asks, so it stays readable wherever it is put. Everything shown is said
//! in words in its `desc`.

mod axis;
mod ranges;
mod svg;
mod table;
mod tornado;
mod words;

use crate::estimate::{EstimateResult, Quantity};
use crate::text::Lang;
use svg::{Svg, shorten};
use words::Words;

const WIDTH: f64 = 960.0;
const MARGIN: f64 = 24.0;
/// Where bars begin and end; labels stand left of them, figures right.
const PLOT: (f64, f64) = (290.0, 700.0);

/// Draws the ranges of the main quantities on a logarithmic axis, and beneath them the swing (tornado) of the first
/// quantity for which the result has one. Never fails: what cannot be drawn (nothing there, not positive) is left out.
pub fn svg(result: &EstimateResult, lang: Lang) -> String {
    let words = Words(lang);
    let mut svg = Svg::new(WIDTH);
    let mut said = Vec::new();
    svg.text((MARGIN, 38.0), "title", &shorten(result.scenario.get(lang), 54.0));
    svg.text((MARGIN, 60.0), "note", &words.provenance(result));
    let mut y = ranges::draw(&mut svg, result, lang, 92.0, &mut said);
    if let Some(swing) = result.swing.first() {
        y = tornado::draw(&mut svg, swing, &result.inputs, lang, y + 34.0, &mut said);
    }
    svg.finish(y + MARGIN, lang, result.scenario.get(lang), &said.join(" "))
}

pub use table::text;

/// Those of which a reader needs the size; the day's total and the peak factor would only stretch the axis.
const SHOWN: [Quantity; 9] = [
    Quantity::UsersDayOne,
    Quantity::UsersInBurst,
    Quantity::ActiveUsers,
    Quantity::ArrivalRate,
    Quantity::UsefulRate,
    Quantity::FrontDoorRate,
    Quantity::InFlight,
    Quantity::Servers,
    Quantity::Traffic,
];
