//! Letters to people who cannot be told by mail: what they say, and how much one file holds.

use std::collections::BTreeMap;
use std::fmt;

use crate::check::{Fault, limits};
use crate::clean::clean_line;
use crate::model::Language;
use crate::moment::Moment;
use crate::pdf::PdfError;

/// Letters to be printed, folded and put into envelopes with a window: one PDF.
///
/// Neither these nor a [`Letter`] can be shown for debugging or kept by serde: they hold people's names and addresses, which belong
/// into no log and into no second store.
pub struct Letters {
    /// Of all of them: whoever writes in several languages makes a file of each.
    pub language: Language,
    /// When they were made, as their maker says: this crate has no clock.
    pub generated_at: Moment,
    /// Whether they are printed on both sides. A letter of an odd number of pages is followed by an empty page then, so that none
    /// begins on the back of another person's.
    pub duplex: bool,
    /// The letters, in the order in which they are printed.
    pub letters: Vec<Letter>,
}

/// A letter to one person.
pub struct Letter {
    /// Lines of the address as the post wants them: postal code, address, name with 様, or as the person's country writes them. Lines
    /// that are too long for the window are broken; blank ones are left out.
    pub address: Vec<String>,
    /// Who writes: name and postal address first, which stand small above the person's address too, so that the post can bring the
    /// letter back.
    pub sender: Vec<String>,
    /// The day, as it is to be read.
    pub date: String,
    /// Number of the notice and of the letter. It is seen through the window, so that a letter that came back is matched unopened: it
    /// must say nothing of what the letter is about.
    pub reference: String,
    /// What the letter is about.
    pub subject: String,
    /// The text, from the salutation to the closing. `\n` within a paragraph begins a new line; blank paragraphs are left out.
    pub paragraphs: Vec<String>,
}

/// Why letters cannot be printed. It never holds anything of what they say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LettersError {
    /// The file as a whole has no letters, too many, or too much text.
    File(Fault),
    /// Letters that cannot be printed, by their index, each with the first thing that is wrong with it. The others could be.
    Letters(BTreeMap<usize, Fault>),
    /// The PDF could not be written.
    Pdf(PdfError),
}

impl fmt::Display for LettersError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LettersError::File(fault) => fault.fmt(f),
            LettersError::Letters(faults) => {
                for (index, fault) in faults.values().take(limits::FAULTS).enumerate() {
                    write!(f, "{}{fault}", if index > 0 { "\n" } else { "" })?;
                }
                match faults.len().saturating_sub(limits::FAULTS) {
                    0 => Ok(()),
                    more => write!(f, "\nand {more} more"),
                }
            }
            LettersError::Pdf(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for LettersError {}

impl From<PdfError> for LettersError {
    fn from(error: PdfError) -> Self {
        LettersError::Pdf(error)
    }
}

impl Letters {
    /// What one file holds.
    pub(crate) fn sized(&self) -> Result<(), Fault> {
        if self.letters.is_empty() {
            return Err(fault("letters", "must not be empty"));
        }
        at_most("letters", self.letters.len(), limits::LETTERS, "letters")?;
        let characters = self.letters.iter().map(Letter::characters).sum();
        at_most("letters", characters, limits::ALL_LETTERS, "characters in all")
    }
}

impl Letter {
    fn characters(&self) -> usize {
        let Self { address, sender, date, reference, subject, paragraphs } = self;
        let lines = [date, reference, subject];
        let all = lines.into_iter().chain(address).chain(sender).chain(paragraphs);
        all.map(|text| text.chars().count()).sum()
    }

    /// What one letter holds, without the lines that have limits of their own.
    pub(crate) fn sized(&self) -> Result<(), Fault> {
        at_most("address", self.address.len(), limits::ADDRESS, "lines")?;
        at_most("sender", self.sender.len(), limits::SENDER, "lines")?;
        at_most("paragraphs", self.paragraphs.len(), limits::PARAGRAPHS, "paragraphs")?;
        at_most("paragraphs", self.characters(), limits::LETTER, "characters in the letter")?;
        match self.paragraphs.iter().all(|text| text.trim().is_empty()) {
            true => Err(fault("paragraphs", "must not be empty")),
            false => Ok(()),
        }
    }
}

/// A text in one line, cleaned.
pub fn line(place: &str, text: &str) -> Result<String, Fault> {
    at_most(place, text.chars().count(), limits::LETTER_LINE, "characters")?;
    Ok(clean_line(text))
}

/// With a place within a letter, or within the file.
pub fn fault(place: &str, problem: &str) -> Fault {
    Fault { place: place.to_owned(), problem: problem.to_owned() }
}

/// A fault where there is more of something than there may be.
pub fn at_most(place: &str, count: usize, limit: usize, what: &str) -> Result<(), Fault> {
    match count > limit {
        true => Err(fault(place, &format!("{count} {what}, of which there may be {limit}"))),
        false => Ok(()),
    }
}
