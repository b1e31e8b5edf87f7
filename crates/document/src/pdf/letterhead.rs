//! The head of a letter, which an envelope's window shows in part.
//!
//! The window is the field of DIN 5008 form B: 20 mm from the left edge of the paper, 45 mm from the top, 85 by 45 mm. What stands in
//! it keeps to less, because paper moves within an envelope:
//!
//! - folded at 105 mm as form B is, in a DL envelope (220 by 110 mm, window 20 mm from the left and 15 mm from the bottom, 90 by 45
//!   mm): 20 to 100 mm from the left and 50 to 90 mm from the top are seen wherever the paper lies;
//! - folded in three at 99 mm, in the same envelope: 50 to 84 mm from the top;
//! - folded in three, in 長形3号 (235 by 120 mm) with a window of 100 by 55 mm, the largest of JIS S 5502, 20 mm from the left and 12 mm
//!   from the bottom (as near to the edge as the post wants it): 20 to 95 mm from the left, 53 to 87 mm from the top.
//!
//! The address stands from 25 to 95 mm and from 60 to 84 mm: in all three it is seen whole. In Japan the place of a window is the
//! maker's to choose, and with the usual 90 by 45 mm the paper must lie at the bottom left: one letter should be tried before a
//! thousand are printed. Nothing else of the letter comes near a window: the sender begins at 125 mm, the subject below the fold.

use super::face::GETA;
use super::flow::{Flow, Setting};
use super::letters::{LEFT, MEASURE, MM};
use super::lines::{Line, break_lines};
use super::page::{Ink, Mark, Style};
use super::shape::Shaped;
use super::tree::{Kind, NodeId};
use crate::check::{Fault, limits};
use crate::letters::{Letter, fault, line};
use crate::model::Language;

/// Width of the address and of what stands small above it.
const WINDOW: f32 = 70.0 * MM;
const SMALL_TOP: f32 = 50.0 * MM;
const ADDRESS_TOP: f32 = 59.8 * MM;
/// Date and sender.
const RIGHT: f32 = 125.0 * MM;
const RIGHT_MEASURE: f32 = LEFT + MEASURE - RIGHT;
const RIGHT_TOP: f32 = 50.0 * MM;
/// The highest place of the subject: below the fold, wherever that is.
const SUBJECT_TOP: f32 = 104.0 * MM;
/// Lines of the sender above the address.
const BACK_LINES: usize = 2;
/// Lines of the sender at the right.
const SENDER_LINES: usize = 12;

/// How a part of the head is set.
#[derive(Clone, Copy)]
pub struct Look {
    style: Style,
    leading: f32,
    width: f32,
}

impl Look {
    /// What is not the letter's to say: the way back, and what identifies it.
    pub fn small() -> Self {
        Self { style: Style::new(6.5, Ink::Quiet), leading: 7.8, width: WINDOW }
    }

    fn address() -> Self {
        Self { style: Style::new(10.0, Ink::Text), leading: 11.5, width: WINDOW }
    }

    fn right() -> Self {
        Self { style: Style::new(9.5, Ink::Text), leading: 14.0, width: RIGHT_MEASURE }
    }

    fn subject() -> Self {
        Self { style: Style::new(13.0, Ink::Text).strong(), leading: 20.0, width: MEASURE }
    }

    fn setting(self) -> Setting {
        let Self { style, leading, width } = self;
        Setting { left: LEFT, width, leading, size: style.size, justify: false }
    }
}

/// A line of the head as it was given, broken.
pub struct Piece {
    text: String,
    shaped: Shaped,
    lines: Vec<Line>,
}

/// What stands above the text.
pub struct Head {
    /// The sender, as far as it fits above the address.
    back: Piece,
    pub reference: Piece,
    address: Vec<Piece>,
    date: Piece,
    sender: Vec<Piece>,
    pub subject: Piece,
}

impl Head {
    pub fn of(flow: &mut Flow<'_>, letter: &Letter) -> Result<Self, Fault> {
        letter.sized()?;
        // The address first: what the font lacks so far is of the address then.
        let address = flow.address(&letter.address)?;
        let reference = flow.one("reference", &letter.reference, Look::small())?;
        if reference.lines.len() > 1 {
            return Err(fault("reference", "is too long for the one small line above the address"));
        }
        let sender = flow.several("sender", &letter.sender, Look::right())?;
        if count(&sender) > SENDER_LINES {
            let problem = format!("needs {} lines, of which there are {SENDER_LINES}", count(&sender));
            return Err(fault("sender", &problem));
        }
        let back = flow.back(&sender)?;
        let date = flow.one("date", &letter.date, Look::right())?;
        let subject = flow.one("subject", &letter.subject, Look::subject())?;
        Ok(Self { back, reference, address, date, sender, subject })
    }
}

fn count(pieces: &[Piece]) -> usize {
    pieces.iter().map(|piece| piece.lines.len()).sum()
}

impl Flow<'_> {
    fn piece(&mut self, text: String, look: Look) -> Piece {
        let shaped = self.shape_plain(&text, look.style);
        let lines = break_lines(&shaped, look.width);
        Piece { text, shaped, lines }
    }

    /// A line that must be there.
    fn one(&mut self, place: &str, text: &str, look: Look) -> Result<Piece, Fault> {
        let piece = self.piece(line(place, text)?, look);
        // Characters that nobody sees make no line either.
        if piece.shaped.is_blank() { Err(fault(place, "must not be empty")) } else { Ok(piece) }
    }

    /// Lines of which one must be there.
    fn several(&mut self, place: &str, texts: &[String], look: Look) -> Result<Vec<Piece>, Fault> {
        let mut pieces = Vec::with_capacity(texts.len());
        for (index, text) in texts.iter().enumerate() {
            let piece = self.piece(line(&format!("{place}[{index}]"), text)?, look);
            if !piece.shaped.is_blank() {
                pieces.push(piece);
            }
        }
        if pieces.is_empty() { Err(fault(place, "must not be empty")) } else { Ok(pieces) }
    }

    fn address(&mut self, texts: &[String]) -> Result<Vec<Piece>, Fault> {
        let address = self.several("address", texts, Look::address())?;
        // Without the variants of which the font has the basic form: they are the same name to the post.
        let lost = self.missing.values().any(|(shown, _)| shown.starts_with(GETA));
        // A mark for what was lost may have come with the data; a control character has just become one.
        if lost || address.iter().any(|piece| piece.text.contains([GETA, '\u{FFFD}'])) {
            return Err(fault("address", "has a character that cannot be printed: it would not arrive"));
        }
        match count(&address) {
            0..=limits::ADDRESS => Ok(address),
            lines => {
                let problem = format!("needs {lines} lines in the window, which holds {}", limits::ADDRESS);
                Err(fault("address", &problem))
            }
        }
    }

    /// As many lines of the sender as fit above the address.
    fn back(&mut self, sender: &[Piece]) -> Result<Piece, Fault> {
        let between = self.language.say("　", " · ");
        for taken in (1..=sender.len()).rev() {
            let texts: Vec<_> = sender[..taken].iter().map(|piece| piece.text.as_str()).collect();
            // Shaped aside: what the font lacks was counted at the right.
            let missing = self.missing.clone();
            let piece = self.piece(texts.join(between), Look::small());
            self.missing = missing;
            if piece.lines.len() <= BACK_LINES {
                return Ok(piece);
            }
        }
        Err(fault("sender[0]", "is too long for the two small lines above the address"))
    }

    /// Lines at a place; gives the place below them.
    pub(super) fn put(
        &mut self,
        piece: &Piece,
        look: Look,
        left: f32,
        mut top: f32,
        node: Option<NodeId>,
    ) -> f32 {
        for line in &piece.lines {
            self.line(&piece.shaped, line, left, top, look.setting(), |_| node);
            top += look.leading;
        }
        top
    }

    pub(super) fn head(&mut self, head: &Head, letter: NodeId) {
        let (small, right) = (Look::small(), Look::right());
        // An ornament to readers' programs: the sender is read where it stands in full.
        let below = self.put(&head.back, small, LEFT, SMALL_TOP, None);
        let node = self.tree.add(Kind::Paragraph, Some(letter));
        self.put(&head.reference, small, LEFT, below, Some(node));
        let mut top = ADDRESS_TOP;
        for piece in &head.address {
            let node = self.tree.add(Kind::Paragraph, Some(letter));
            top = self.put(piece, Look::address(), LEFT, top, Some(node));
        }
        let node = self.tree.add(Kind::Paragraph, Some(letter));
        let mut top = self.put(&head.date, right, RIGHT, RIGHT_TOP, Some(node)) + 6.0;
        for piece in &head.sender {
            let node = self.tree.add(Kind::Paragraph, Some(letter));
            top = self.put(piece, right, RIGHT, top, Some(node));
        }
        self.y = SUBJECT_TOP.max(top + right.leading);
        // Found in the outline by its number, which says nothing of a person.
        self.marks.push(Mark { level: 1, text: head.reference.text.clone(), page: 0, top: 0.0 });
    }

    pub(super) fn subject(&mut self, subject: &Piece, letter: NodeId) {
        let look = Look::subject();
        let node = self.tree.add(Kind::Heading { level: 1, text: subject.text.clone() }, Some(letter));
        for line in &subject.lines {
            // In the middle, as Japanese letters have it.
            let slack = if self.language == Language::Ja { (MEASURE - line.width) / 2.0 } else { 0.0 };
            let top = self.y;
            self.line(&subject.shaped, line, LEFT + slack, top, look.setting(), |_| Some(node));
            self.y += look.leading;
        }
        self.y += 12.0;
    }
}
