//! Head and foot of the pages, and the note on what the font lacks.

use super::face::GETA;
use super::flow::{Flow, Setting};
use super::lines::break_lines;
use super::page::{HEIGHT, Ink, MEASURE, SIDE, Style, WIDTH};
use crate::model::{Meta, Note, NoteKind, State};
use crate::rich::Rich;

/// Missing characters that the last page names; the list that is returned has all.
const NAMED: usize = 60;

impl Flow<'_> {
    /// Says on paper too what the font lacks.
    pub(super) fn missing_note(&mut self) {
        let (lost, variants): (Vec<_>, Vec<_>) =
            self.missing.iter().partition(|(_, (shown, _))| shown.starts_with(GETA));
        let named = |list: &[(&String, &(String, usize))]| {
            let mut names: Vec<String> =
                list.iter().take(NAMED).map(|(text, (_, count))| name(text, *count)).collect();
            if list.len() > NAMED {
                names.push("…".to_owned());
            }
            names.join(self.language.say("、", ", "))
        };
        let mut body: Vec<Rich> = Vec::new();
        if !lost.is_empty() {
            body.push(format!("{}{}", self.language.missing_title(), named(&lost)).into());
        }
        if !variants.is_empty() {
            body.push(format!("{}{}", self.language.variants_title(), named(&variants)).into());
        }
        if !body.is_empty() {
            self.note(&Note { kind: NoteKind::Info, body });
        }
    }

    /// Head and foot of every page.
    pub(super) fn furniture(&mut self, meta: &Meta) {
        let style = Style::new(8.5, Ink::Quiet);
        let count = self.pages.len();
        let identity = self.shape_plain(&self.language.identity(meta), style);
        let ink = if meta.state == State::Draft { Ink::Alarm } else { Ink::Accent };
        let state = self.shape_plain(self.language.state(meta.state), Style::new(9.5, ink).strong());
        let pages = std::mem::take(&mut self.pages);
        for (index, page) in pages.into_iter().enumerate() {
            self.pages.push(page);
            self.foot(&format!("{} / {count}", index + 1), style);
            let set = Setting { left: SIDE, width: MEASURE - 80.0, leading: 14.0, size: 8.5, justify: false };
            // What is longer than a line goes on in the table of the first page.
            if let Some(line) = break_lines(&identity, set.width).first() {
                self.line(&identity, line, SIDE, 40.0, set, |_| None);
            }
            if let Some(line) = break_lines(&state, 80.0).first() {
                let set = Setting { size: 9.5, ..set };
                let left = WIDTH - SIDE - line.width - 6.0;
                self.line(&state, line, left, 40.0, set, |_| None);
                self.frame(left - 6.0, 38.5, line.width + 12.0, 16.5, ink);
            }
            self.rule(SIDE, 58.0, MEASURE, 0.5, Ink::Line);
        }
    }

    /// In the middle of the foot of the last page.
    pub(super) fn foot(&mut self, words: &str, style: Style) {
        let number = self.shape_plain(words, style);
        let set = Setting { left: SIDE, width: MEASURE, leading: 14.0, size: style.size, justify: false };
        if let Some(line) = break_lines(&number, MEASURE).first() {
            self.line(&number, line, (WIDTH - line.width) / 2.0, HEIGHT - 46.0, set, |_| None);
        }
    }

    fn frame(&mut self, left: f32, top: f32, width: f32, height: f32, ink: Ink) {
        let thick = 1.0;
        self.rule(left, top, width, thick, ink);
        self.rule(left, top + height - thick, width, thick, ink);
        self.rule(left, top, thick, height, ink);
        self.rule(left + width - thick, top, thick, height, ink);
    }
}

fn name(text: &str, count: usize) -> String {
    let points: Vec<_> = text.chars().map(|letter| format!("U+{:04X}", u32::from(letter))).collect();
    format!("{} ×{count}", points.join(" "))
}
