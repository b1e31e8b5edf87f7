//! PDF/A-2a and PDF/UA-1 on A4: laid out here, written by krilla.

mod draw;
mod face;
mod flow;
mod furniture;
mod lines;
mod page;
mod shape;
mod table;
mod tree;

use crate::check::Sheet;

/// A PDF with what could not be shown in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pdf {
    /// The file.
    pub bytes: Vec<u8>,
    /// How many pages it has.
    pub pages: usize,
    /// What the font lacks, in the order of code points. The last page of the file says it too.
    pub missing: Vec<Missing>,
}

/// A character (with what is combined with it) that the font lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The character, with its marks and selectors; of very long ones the beginning.
    pub text: String,
    /// What is shown in its place: 〓, or the basic form of a variant.
    pub shown: String,
    /// How often it was met.
    pub count: usize,
}

/// The PDF could not be written. That is a mistake of this crate, not of the document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the PDF could not be written: {0}")]
pub struct PdfError(pub(crate) String);

impl Sheet {
    /// The document as PDF.
    ///
    /// # Errors
    /// Never for a checked document, as far as tests know; if the writer refuses something, it is told here.
    pub fn pdf(&self) -> Result<Pdf, PdfError> {
        let face = face::Face::embedded()?;
        let layout = flow::lay_out(self.document(), &face);
        let pages = layout.pages.len();
        let (bytes, missing) = draw::draw(self.document(), &face, layout)?;
        Ok(Pdf { bytes, pages, missing })
    }
}
