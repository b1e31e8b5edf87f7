//! Pages as data: what stands where, and which part of the document it belongs to.

use super::shape::MissingMap;
use super::tree::{NodeId, Tree};

/// A4, in points.
pub const WIDTH: f32 = 595.276;
pub const HEIGHT: f32 = 841.89;
/// Of the text, at the left and the right.
pub const SIDE: f32 = 62.0;
/// Where the text begins and ends.
pub const TOP: f32 = 76.0;
pub const BOTTOM: f32 = HEIGHT - 68.0;
/// Width of the text.
pub const MEASURE: f32 = WIDTH - 2.0 * SIDE;

/// Colours. All text has a contrast of at least 7 to 1 on white and on its ground.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    Text,
    Quiet,
    Accent,
    Alarm,
    Open,
    /// Grounds and lines.
    Line,
    Head,
    RowHead,
    OpenGround,
    NoteGround,
    WarningGround,
}

impl Ink {
    /// Red, green, blue.
    pub fn rgb(self) -> [u8; 3] {
        match self {
            Ink::Text => [0x16, 0x20, 0x2a],
            Ink::Quiet => [0x45, 0x50, 0x5a],
            Ink::Accent => [0x0b, 0x4f, 0x69],
            Ink::Alarm => [0x8c, 0x1d, 0x18],
            Ink::Open => [0x6b, 0x32, 0x00],
            Ink::Line => [0x9f, 0xb0, 0xba],
            Ink::Head => [0xe6, 0xee, 0xf2],
            Ink::RowHead => [0xf5, 0xf8, 0xfa],
            Ink::OpenGround => [0xff, 0xf3, 0xbf],
            Ink::NoteGround => [0xf1, 0xf7, 0xfa],
            Ink::WarningGround => [0xfd, 0xf3, 0xf2],
        }
    }
}

/// How a piece of text looks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Style {
    pub size: f32,
    pub ink: Ink,
    pub strong: bool,
    pub emphasis: Emphasis,
    /// Index of the target in `Layout::targets`.
    pub link: Option<u32>,
    /// An open point: on a ground of its own.
    pub open: bool,
}

/// How stressed text looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Emphasis {
    None,
    /// Leaning, as in Latin script.
    Slant,
    /// Dots over the characters, as in Japanese.
    Dots,
}

impl Style {
    /// Plain text.
    pub fn new(size: f32, ink: Ink) -> Self {
        Self { size, ink, strong: false, emphasis: Emphasis::None, link: None, open: false }
    }

    /// The same, heavier.
    pub fn strong(self) -> Self {
        Self { strong: true, ..self }
    }
}

/// What lies over what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layer {
    Ground,
    Mark,
    Rule,
}

/// A rectangle of one colour.
#[derive(Clone, Copy, Debug)]
pub struct Ground {
    pub layer: Layer,
    pub left: f32,
    pub top: f32,
    pub width: f32,
    pub height: f32,
    pub ink: Ink,
}

/// A glyph where it stands.
#[derive(Clone, Copy, Debug)]
pub struct Placed {
    pub id: u16,
    /// In shares of the size.
    pub advance: f32,
    pub length: u16,
}

/// A piece of text in one style on one line.
#[derive(Clone, Debug)]
pub struct Run {
    pub left: f32,
    pub baseline: f32,
    pub width: f32,
    pub style: Style,
    pub text: String,
    pub glyphs: Vec<Placed>,
    /// The part of the document that it belongs to; nothing: an ornament, which readers' programs pass over.
    pub node: Option<NodeId>,
}

/// A page.
#[derive(Default)]
pub struct Page {
    pub grounds: Vec<Ground>,
    pub runs: Vec<Run>,
}

/// An entry of the outline.
pub struct Mark {
    /// 0: the title.
    pub level: u8,
    pub text: String,
    pub page: usize,
    pub top: f32,
}

/// A document on pages.
pub struct Layout {
    pub pages: Vec<Page>,
    pub tree: Tree,
    pub marks: Vec<Mark>,
    pub targets: Vec<String>,
    pub missing: MissingMap,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn luminance(ink: Ink) -> f64 {
        let linear = |byte: u8| {
            let share = f64::from(byte) / 255.0;
            if share <= 0.04045 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
        };
        let [red, green, blue] = ink.rgb().map(linear);
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    #[test]
    fn all_text_can_be_read_on_its_ground() {
        let grounds = [Ink::Head, Ink::RowHead, Ink::OpenGround, Ink::NoteGround, Ink::WarningGround];
        for text in [Ink::Text, Ink::Quiet, Ink::Accent, Ink::Alarm, Ink::Open] {
            for ground in grounds {
                let contrast = (luminance(ground) + 0.05) / (luminance(text) + 0.05);
                assert!(contrast >= 7.0, "{text:?} on {ground:?}: {contrast:.1}");
            }
        }
    }
}
