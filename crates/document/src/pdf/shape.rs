//! From text to glyphs with places where a line may end. One font, from left to right: what else there is, the font lacks.

use std::collections::BTreeMap;
use std::ops::Range;

use unicode_linebreak::{BreakOpportunity, linebreaks};
use unicode_normalization::char::compose;
use unicode_segmentation::UnicodeSegmentation;

use super::face::{Face, GETA, Sized};
use super::page::{Placed, Style};

/// Characters of a missing cluster that are kept: a letter may carry any number of marks.
const KEPT: usize = 16;

/// What is never torn apart: a character as a reader sees it.
#[derive(Clone, Debug)]
pub struct Atom {
    pub glyphs: Range<u32>,
    /// Bytes of the shown text.
    pub text: Range<u32>,
    /// In points.
    pub width: f32,
    /// Index of its style.
    pub style: u16,
    pub ends: Ends,
    /// White space, which may stand beyond the end of a line.
    pub space: bool,
    /// Written without spaces between words: gaps may be widened there.
    pub wide: bool,
}

/// Whether a line may end after an atom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    No,
    May,
    Must,
}

/// A shaped text.
#[derive(Default)]
pub struct Shaped {
    pub text: String,
    pub glyphs: Vec<Placed>,
    pub atoms: Vec<Atom>,
    pub styles: Vec<Style>,
}

/// What the font lacks: by the cluster, what is shown for it and how often.
pub type MissingMap = BTreeMap<String, (String, usize)>;

impl Shaped {
    /// Adds a text in a style.
    pub fn push(&mut self, face: &Face, missing: &mut MissingMap, text: &str, style: Style) {
        let index = u16::try_from(self.styles.len()).unwrap_or(u16::MAX);
        self.styles.push(style);
        for cluster in text.graphemes(true) {
            self.cluster(face, missing, cluster, style.size, index);
        }
    }

    /// Finds where lines may end. To be called once, when all text is in.
    #[must_use]
    pub fn finish(self) -> Self {
        let Self { text, glyphs, mut atoms, styles } = self;
        let mut breaks = linebreaks(&text).peekable();
        for atom in &mut atoms {
            let end = atom.text.end as usize;
            while breaks.next_if(|(at, _)| *at < end).is_some() {}
            if let Some((_, kind)) = breaks.next_if(|(at, _)| *at == end) {
                atom.ends = match kind {
                    BreakOpportunity::Mandatory => Ends::Must,
                    BreakOpportunity::Allowed => Ends::May,
                };
            }
        }
        drop(breaks);
        // The end of the text is no line end of its own.
        if let Some(last) = atoms.last_mut().filter(|_| !text.ends_with('\n')) {
            last.ends = Ends::No;
        }
        Self { text, glyphs, atoms, styles }
    }

    /// Whether nothing is seen of it.
    pub fn is_blank(&self) -> bool {
        self.atoms.iter().all(|atom| atom.space)
    }

    fn cluster(&mut self, face: &Face, missing: &mut MissingMap, cluster: &str, size: f32, style: u16) {
        let first = self.glyphs.len();
        let start = self.text.len();
        if cluster == "\n" {
            self.text.push('\n');
        } else {
            let wanted: Vec<(String, Sized)> = match glyphs_of(face, cluster) {
                Found::All(glyphs) => glyphs,
                Found::Basic(glyphs) => {
                    let shown = glyphs.iter().map(|(text, _)| text.as_str()).collect();
                    note(missing, cluster, shown);
                    glyphs
                }
                Found::None => {
                    note(missing, cluster, GETA.to_string());
                    face.glyph(GETA).map(|glyph| (GETA.to_string(), glyph)).into_iter().collect()
                }
            };
            for (text, Sized { id, advance, shift }) in wanted {
                self.text.push_str(&text);
                self.glyphs.push(Placed {
                    id,
                    advance,
                    shift,
                    length: u16::try_from(text.len()).unwrap_or(u16::MAX),
                });
            }
        }
        let width: f32 = self.glyphs[first..].iter().map(|glyph| glyph.advance * size).sum();
        let base = self.text[start..].chars().next();
        if base.is_none() {
            return; // Nothing but what is invisible by its nature.
        }
        self.atoms.push(Atom {
            // The limits of a document keep all of these far below 2³².
            glyphs: offset(first)..offset(self.glyphs.len()),
            text: offset(start)..offset(self.text.len()),
            width,
            style,
            ends: Ends::No,
            space: base.is_some_and(char::is_whitespace),
            wide: base.is_some_and(is_wide),
        });
    }
}

fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

fn note(missing: &mut MissingMap, cluster: &str, shown: String) {
    let cluster: String = cluster.chars().take(KEPT).collect();
    missing.entry(cluster).or_insert((shown, 0)).1 += 1;
}

enum Found {
    /// Everything, as text to be read from the file and glyph.
    All(Vec<(String, Sized)>),
    /// The characters, but not in the form that was asked for.
    Basic(Vec<(String, Sized)>),
    None,
}

/// Glyphs of a cluster. Composed where it carries marks, because the font has é and ガ as one; never normalised as a whole, because
/// that would replace characters of names (神 by 神).
fn glyphs_of(face: &Face, cluster: &str) -> Found {
    let mut letters: Vec<(char, Option<char>)> = Vec::new();
    for letter in cluster.chars() {
        match letters.last_mut() {
            Some((_, selector @ None)) if is_selector(letter) => *selector = Some(letter),
            _ if is_invisible(letter) => {}
            Some((base, None))
                if compose(*base, letter).is_some_and(|composed| face.glyph(composed).is_some()) =>
            {
                *base = compose(*base, letter).unwrap_or(*base);
            }
            _ => letters.push((letter, None)),
        }
    }
    let mut found = Vec::with_capacity(letters.len());
    let mut basic = false;
    for (letter, selector) in letters {
        // Shown as a space, and read as one.
        let read = if letter == '\t' { ' ' } else { letter };
        let variant =
            selector.and_then(|selector| face.variant(letter, selector).map(|glyph| (glyph, selector)));
        match (variant, face.glyph(letter)) {
            (Some((glyph, selector)), _) => found.push((format!("{read}{selector}"), glyph)),
            (None, Some(glyph)) => {
                // Selectors for text or picture (U+FE0F) say nothing of the form of a letter.
                basic |= selector.is_some_and(|selector| selector >= '\u{E0100}');
                found.push((read.to_string(), glyph));
            }
            (None, None) => return Found::None,
        }
    }
    if basic { Found::Basic(found) } else { Found::All(found) }
}

fn is_selector(letter: char) -> bool {
    matches!(letter, '\u{FE00}'..='\u{FE0F}' | '\u{E0100}'..='\u{E01EF}')
}

/// Default_Ignorable_Code_Point as far as it is assigned: nothing is seen of them, in any font.
fn is_invisible(letter: char) -> bool {
    matches!(
        letter,
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180F}'
            | '\u{200B}'..='\u{200F}' | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}'
            | '\u{FFA0}' | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}'
    )
}

/// Scripts without spaces between words, and their punctuation.
fn is_wide(letter: char) -> bool {
    matches!(letter, '\u{2E80}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{FF00}'..='\u{FFEF}' | '\u{20000}'..='\u{3FFFF}')
}
