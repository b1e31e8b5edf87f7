//! The font: which glyph a character has, and how wide it is.

use krilla::text::Font;
use skrifa::charmap::{Charmap, MapVariant};
use skrifa::instance::{LocationRef, Size};
use skrifa::metrics::GlyphMetrics;
use skrifa::{FontRef, MetadataProvider};

use super::PdfError;

/// See `assets/README.md`.
static BYTES: &[u8] = include_bytes!("../../assets/BIZUDPGothic-Regular.ttf");

/// What is shown for a character without glyph: the mark that Japanese printers put where a type was missing.
pub const GETA: char = '〓';

/// The embedded font.
pub struct Face {
    font: Font,
    characters: Charmap<'static>,
    metrics: GlyphMetrics<'static>,
    units: f32,
    space: u16,
}

/// A glyph with its width in shares of the size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sized {
    pub id: u16,
    pub advance: f32,
}

impl Face {
    /// The font that this crate ships.
    pub fn embedded() -> Result<Self, PdfError> {
        let unreadable = || PdfError("the embedded font does not read".to_owned());
        let font = Font::new(BYTES.into(), 0).ok_or_else(unreadable)?;
        let reader = FontRef::new(BYTES).map_err(|_| unreadable())?;
        let characters = reader.charmap();
        let units = font.units_per_em();
        let space =
            characters.map(' ').and_then(|id| u16::try_from(id.to_u32()).ok()).ok_or_else(unreadable)?;
        let metrics = reader.glyph_metrics(Size::unscaled(), LocationRef::default());
        Ok(Self { font, characters, metrics, units, space })
    }

    /// For krilla.
    pub fn font(&self) -> Font {
        self.font.clone()
    }

    /// The glyph of a character. Spaces that the font does not have are made of the one that it has.
    pub fn glyph(&self, letter: char) -> Option<Sized> {
        match self.characters.map(letter).and_then(|id| u16::try_from(id.to_u32()).ok()) {
            Some(0) | None => space_of(letter).map(|advance| Sized { id: self.space, advance }),
            Some(id) => Some(self.sized(id)),
        }
    }

    /// The glyph of a character in the form that a variation selector asks for.
    pub fn variant(&self, letter: char, selector: char) -> Option<Sized> {
        match self.characters.map_variant(letter, selector)? {
            MapVariant::UseDefault => self.glyph(letter),
            MapVariant::Variant(id) => Some(self.sized(u16::try_from(id.to_u32()).ok()?)),
        }
    }

    fn sized(&self, id: u16) -> Sized {
        let advance = self.metrics.advance_width(skrifa::GlyphId::new(u32::from(id))).unwrap_or(self.units);
        Sized { id, advance: advance / self.units }
    }
}

/// Widths of the spaces of Unicode, in shares of the size.
fn space_of(letter: char) -> Option<f32> {
    Some(match letter {
        '\u{2001}' | '\u{2003}' | '\u{3000}' => 1.0,
        '\u{2000}' | '\u{2002}' => 0.5,
        '\u{2004}' | '\u{A0}' | '\u{1680}' => 0.33,
        '\u{2005}' | '\u{205F}' => 0.25,
        '\u{2006}' | '\u{2009}' | '\u{202F}' | '\u{2008}' => 0.2,
        '\u{200A}' => 0.1,
        '\u{2007}' => 0.6,
        '\t' => 2.0,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_font_has_what_japanese_documents_need() {
        let face = Face::embedded().unwrap();
        for letter in "あアｱ漢字髙﨑德①㈱℡〓■□※・—…、。「」ABCéßЖΩ0１".chars()
        {
            assert!(face.glyph(letter).is_some_and(|glyph| glyph.id != 0), "{letter}");
        }
        assert_eq!(face.glyph('漢').unwrap().advance, 1.0);
        assert_eq!(face.glyph('\u{2003}').unwrap().advance, 1.0);
        assert_eq!(face.glyph('😀'), None);
        assert_eq!(face.glyph('\u{E000}'), None);
    }
}
