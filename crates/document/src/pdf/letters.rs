//! Letters on paper.

use std::collections::BTreeMap;

use super::draw::{Writer, about};
use super::face::Face;
use super::flow::{Flow, SIZE, Setting, Text};
use super::letterhead::{Head, Look, Piece};
use super::page::{HEIGHT, Ink, Page, Style, WIDTH};
use super::tree::Kind;
use super::{Pdf, PdfError};
use crate::check::{Fault, limits};
use crate::clean::clean;
use crate::letters::{Letter, Letters, LettersError, at_most};
use crate::model::Language;

/// Points of a millimetre.
pub const MM: f32 = 72.0 / 25.4;
/// Of the text, which begins where the address does.
pub const LEFT: f32 = 25.0 * MM;
/// Width of the text.
pub const MEASURE: f32 = WIDTH - LEFT - 20.0 * MM;
/// A letter is folded in three.
const FOLDS: [f32; 2] = [99.0 * MM, 198.0 * MM];

impl Letters {
    /// Whether they can be printed, without printing them.
    ///
    /// # Errors
    /// The letters that cannot, each with what is wrong.
    pub fn check(&self) -> Result<(), LettersError> {
        self.checked().map(drop)
    }

    /// The letters as PDF, each on pages of its own.
    ///
    /// # Errors
    /// The letters that cannot be printed, each with what is wrong: an address that the window does not hold or that has a character
    /// which the font lacks, because a letter to a wrong name or address does not arrive.
    pub fn pdf(&self) -> Result<Pdf, LettersError> {
        let face = self.checked()?;
        let mut writer = Writer::new(&face, self.language)?;
        for letter in &self.letters {
            let mut flow = Flow::new(self.language, &face);
            // It was checked above; a fault here would be a mistake of this crate.
            let head = Head::of(&mut flow, letter).map_err(|fault| PdfError(fault.problem))?;
            flow.letter(letter, &head);
            if self.duplex && !flow.pages.len().is_multiple_of(2) {
                flow.pages.push(Page::default());
            }
            writer.add(flow.finish())?;
            at_most("letters", writer.pages, limits::LETTER_PAGES, "pages").map_err(LettersError::File)?;
        }
        Ok(writer.finish(about(self.language.letters(), self.language, self.generated_at))?)
    }

    fn checked(&self) -> Result<Face, LettersError> {
        self.sized().map_err(LettersError::File)?;
        let face = Face::embedded(self.language)?;
        let mut faults = BTreeMap::new();
        for (index, letter) in self.letters.iter().enumerate() {
            let mut flow = Flow::new(self.language, &face);
            if let Err(Fault { place, problem }) = Head::of(&mut flow, letter) {
                faults.insert(index, Fault { place: format!("letters[{index}].{place}"), problem });
            }
        }
        if faults.is_empty() { Ok(face) } else { Err(LettersError::Letters(faults)) }
    }
}

impl Flow<'_> {
    fn letter(&mut self, letter: &Letter, head: &Head) {
        let node = self.tree.add(Kind::Letter, None);
        for fold in FOLDS {
            // Printers leave some 4 mm of the edge white.
            self.rule(4.0 * MM, fold, 5.0 * MM, 0.25, Ink::Line);
        }
        self.head(head, node);
        self.subject(&head.subject, node);
        for text in &letter.paragraphs {
            // A blank one at the end would make a page of its own.
            let shaped = self.shape_plain(clean(text).trim_end(), Style::new(SIZE, Ink::Text));
            if shaped.is_blank() {
                continue;
            }
            let part = self.tree.add(Kind::Paragraph, Some(node));
            let leading = self.leading(SIZE);
            let justify = self.language == Language::Ja;
            let set = Setting { left: LEFT, width: MEASURE, leading, size: SIZE, justify };
            self.flow_text(&Text { shaped, nodes: vec![part] }, set, None);
            self.y += 6.0;
        }
        self.numbers(&head.reference);
    }

    /// Number of the page and of the letter, where there are pages that could be mixed up.
    fn numbers(&mut self, reference: &Piece) {
        let pages = std::mem::take(&mut self.pages);
        let count = pages.len();
        for (index, page) in pages.into_iter().enumerate() {
            self.pages.push(page);
            if count > 1 {
                self.foot(&format!("{} / {count}", index + 1), Style::new(8.5, Ink::Quiet));
                // The first has it in the window.
                if index > 0 {
                    self.put(reference, Look::small(), LEFT, HEIGHT - 43.0, None);
                }
            }
        }
    }
}
