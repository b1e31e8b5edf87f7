//! The words that a document brings itself, in both languages.

use std::borrow::Cow;

use crate::model::{Language, Meta, NoteKind, State};

impl Language {
    /// The mark of an open point with its reason, the same in every form.
    pub fn unknown(self, why: &str) -> String {
        match (self, why.trim()) {
            (Language::Ja, "") => "【未確定】".to_owned(),
            (Language::Ja, why) => format!("【未確定：{why}】"),
            (Language::En, "") => "[UNKNOWN]".to_owned(),
            (Language::En, why) => format!("[UNKNOWN: {why}]"),
        }
    }

    /// `下書き`, `DRAFT`, `確定`, `FINAL`.
    pub fn state(self, state: State) -> &'static str {
        match state {
            State::Draft => self.say("下書き", "DRAFT"),
            State::Final => self.say("確定", "FINAL"),
        }
    }

    pub(crate) fn note(self, kind: NoteKind) -> &'static str {
        match kind {
            NoteKind::Info => self.say("注", "Note"),
            NoteKind::Warning => self.say("注意", "Important"),
        }
    }

    /// Title of a file of letters. It says nothing of a person: titles stand in lists of files and in queues of printers.
    pub(crate) fn letters(self) -> &'static str {
        self.say("通知書", "Letters")
    }

    pub(crate) fn contents(self) -> &'static str {
        self.say("目次", "Contents")
    }

    pub(crate) fn no_rows(self) -> &'static str {
        self.say("該当する記載なし", "No entries")
    }

    /// Headers of the columns of form fields.
    pub(crate) fn field_headers(self) -> [&'static str; 3] {
        [self.say("番号", "No."), self.say("項目", "Item"), self.say("記載内容", "Answer")]
    }

    pub(crate) fn chosen(self, chosen: bool) -> &'static str {
        match chosen {
            true => self.say("（該当）", " (ticked)"),
            false => self.say("（非該当）", " (not ticked)"),
        }
    }

    pub(crate) fn missing_title(self) -> &'static str {
        self.say(
            "本文書の書体にない文字があり、〓で示しています：",
            "Characters that the font of this file lacks are shown as 〓: ",
        )
    }

    pub(crate) fn variants_title(self) -> &'static str {
        self.say(
            "本文書の書体にない異体字があり、基本の字形で示しています：",
            "Variants that the font of this file lacks are shown in their basic form: ",
        )
    }

    /// `doc-1　第2版`, as it stands at the head of every page.
    pub(crate) fn identity(self, meta: &Meta) -> String {
        match self {
            Language::Ja => format!("{}　版 {}", meta.number, meta.version),
            Language::En => format!("{}, version {}", meta.number, meta.version),
        }
    }

    /// What identifies a document, as labels and values.
    pub(crate) fn meta(self, meta: &Meta) -> [(&'static str, Cow<'_, str>); 5] {
        let Meta { number, version, state, generated_at, source_digest } = meta;
        [
            (self.say("文書番号", "Document number"), number.into()),
            (self.say("版", "Version"), version.into()),
            (self.say("状態", "State"), self.state(*state).into()),
            (self.say("作成日時", "Generated"), generated_at.label(self).into()),
            (self.say("元データのダイジェスト", "Digest of the source data"), source_digest.into()),
        ]
    }
}
