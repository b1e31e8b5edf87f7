//! Building the text of an SVG: escaping, shapes, the frame.

use std::fmt::Write;

use crate::text::Lang;

/// Colours in light and dark. Text has a contrast of at least 7 to its ground, bars of at least 3 (WCAG 2.2, 1.4.3,
/// 1.4.11); the two kinds of bar differ in lightness and height too, not in hue alone.
const STYLE: &str = "\
text{font-family:system-ui,'Hiragino Sans','Noto Sans JP','Noto Sans CJK JP','IPAGothic',sans-serif;font-size:13px;fill:#1f2933}\
.title{font-size:19px;font-weight:600}.head{font-size:15px;font-weight:600}.note{font-size:12px;fill:#3e4c59}\
.end{text-anchor:end}.mid{text-anchor:middle;font-size:12px;fill:#3e4c59}\
.ground{fill:#ffffff}.grid{stroke:#d3dae2;stroke-width:1}.bar{fill:#2f6fb3}.again{fill:#b45309}\
.tick{stroke:#ffffff;stroke-width:2.5}.limit{stroke:#b00020;stroke-width:2.5}.centre{stroke:#1f2933;stroke-width:1.5}\
@media (prefers-color-scheme:dark){text{fill:#e9eef3}.note,.mid{fill:#c3ccd6}.ground{fill:#14191f}\
.grid{stroke:#39434e}.bar{fill:#6ea8e5}.again{fill:#f0a048}.tick{stroke:#14191f}.limit{stroke:#ff8a94}\
.centre{stroke:#e9eef3}}";

/// An SVG under construction.
pub(super) struct Svg {
    body: String,
    width: f64,
}

/// Coordinates with one decimal: a tenth of a pixel is enough, and the text stays short.
fn short(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

impl Svg {
    pub(super) fn new(width: f64) -> Self {
        Svg { body: String::new(), width }
    }

    pub(super) fn text(&mut self, (x, y): (f64, f64), class: &str, text: &str) {
        let (x, y, text) = (short(x), short(y), escape(text));
        self.push(format_args!("<text class=\"{class}\" x=\"{x}\" y=\"{y}\">{text}</text>"));
    }

    pub(super) fn rect(&mut self, (x, y): (f64, f64), (width, height): (f64, f64), class: &str) {
        let (x, y, width, height) = (short(x), short(y), short(width), short(height));
        self.push(format_args!(
            "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"2\"/>"
        ));
    }

    /// A vertical line.
    pub(super) fn upright(&mut self, x: f64, (from, to): (f64, f64), class: &str) {
        let (x, from, to) = (short(x), short(from), short(to));
        self.push(format_args!("<line class=\"{class}\" x1=\"{x}\" x2=\"{x}\" y1=\"{from}\" y2=\"{to}\"/>"));
    }

    fn push(&mut self, element: std::fmt::Arguments<'_>) {
        self.body.write_fmt(element).expect("writing to a String cannot fail");
        self.body.push('\n');
    }

    pub(super) fn finish(self, height: f64, lang: Lang, title: &str, description: &str) -> String {
        let Svg { body, width } = self;
        let (height, title, description) = (short(height), escape(title), escape(description));
        let tag = if lang == Lang::En { "en" } else { "ja" };
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
             height=\"{height}\" role=\"img\" lang=\"{tag}\" aria-label=\"{title}\">\n<title>{title}</title>\n\
             <desc>{description}</desc>\n<style>{STYLE}</style>\n\
             <rect class=\"ground\" width=\"{width}\" height=\"{height}\"/>\n{body}</svg>\n"
        )
    }
}

/// For text and attributes. Characters that XML 1.0 cannot hold become U+FFFD, so that a name out of a document can
/// never break the picture or become part of its markup.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\t' | '\n' | '\r' => escaped.push(' '),
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            c if c.is_control() => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

/// Width of a text in ems, roughly: Japanese characters are squares, Latin ones about half as wide.
fn ems(c: char) -> f64 {
    if c >= '\u{1100}' { 1.0 } else { 0.55 }
}

/// As much of a text as fits into `width` ems, with an ellipsis where something is missing.
pub(super) fn shorten(text: &str, width: f64) -> String {
    if text.chars().map(ems).sum::<f64>() <= width {
        return text.to_owned();
    }
    let mut used = 1.0;
    let fits = text.chars().take_while(|&c| {
        used += ems(c);
        used <= width
    });
    fits.chain("…".chars()).collect()
}
