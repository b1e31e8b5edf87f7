//! PDF/A-2a and PDF/UA-1 on A4: laid out here, written by krilla.

mod draw;
mod face;
mod flow;
mod furniture;
mod letterhead;
mod letters;
mod lines;
mod page;
mod shape;
mod table;
mod tree;

use std::fmt;

use crate::check::Sheet;

/// A PDF with what could not be shown in it.
#[derive(Clone, PartialEq, Eq)]
pub struct Pdf {
    /// The file.
    pub bytes: Vec<u8>,
    /// How many pages it has.
    pub pages: usize,
    /// What the font lacks, in the order of code points. The last page of a document says it too; letters, which go to people, do
    /// not.
    pub missing: Vec<Missing>,
}

/// Without what is in it: a log is no place for a report or for people's addresses.
impl fmt::Debug for Pdf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bytes, pages, missing } = self;
        f.debug_struct("Pdf")
            .field("bytes", &bytes.len())
            .field("pages", pages)
            .field("missing", &missing.len())
            .finish()
    }
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
        let face = face::Face::embedded(self.document().language)?;
        let mut writer = draw::Writer::new(&face, self.document().language)?;
        writer.add(flow::lay_out(self.document(), &face))?;
        writer.finish(draw::metadata(self.document()))
    }
}
