//! Kinds, forms and versions of documents. Pure.

use std::collections::BTreeMap;

use document::Value;
use jiff::Timestamp;
use law::Lang;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// A closed list of words, as stored.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$item_doc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$item_doc])* $variant),+ }

        impl $name {
            /// Each of them.
            pub const ALL: &[$name] = &[$($name::$variant),+];

            /// As stored.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl std::str::FromStr for $name {
            type Err = anyhow::Error;

            fn from_str(text: &str) -> anyhow::Result<Self> {
                Self::ALL.iter().copied().find(|word| word.as_str() == text)
                    .ok_or_else(|| anyhow::anyhow!(concat!("{:?} is no ", stringify!($name)), text))
            }
        }
    };
}

words! {
    /// What a document is for. `docs/DOCUMENTS.md` says what each is and is not.
    Kind {
        /// 速報: APPI Enforcement Rules, Rule 8(1).
        PpcPreliminary = "ppc_preliminary",
        /// 確報: Rule 8(2).
        PpcFinal = "ppc_final",
        /// To the supervisory authority: GDPR Art. 33(1) and (3).
        GdprNotification = "gdpr_notification",
        /// Of all incidents of the operator: GDPR Art. 33(5).
        GdprRegister = "gdpr_register",
        /// From a processor to one controller: GDPR Art. 33(2); APPI Art. 26(1) proviso and Rule 9.
        ProcessorNotice = "processor_notice",
        /// To the public, while the work goes on.
        InterimReport = "interim_report",
        /// To the public, at the end.
        FinalReport = "final_report",
        /// For the operator's web pages; may stand in for notices to persons (APPI guideline 3-5-4-5).
        PublicNotice = "public_notice",
        /// One page for those who decide.
        BoardSummary = "board_summary",
    }
}

impl Kind {
    /// Whether it is about one incident; else about all of them.
    pub fn of_one_incident(self) -> bool {
        self != Kind::GdprRegister
    }

    /// Whether it is written to one customer.
    pub fn has_recipient(self) -> bool {
        self == Kind::ProcessorNotice
    }
}

words! {
    /// Where a version stands.
    Standing {
        /// Says so on every page.
        Draft = "draft",
        /// Approved by somebody who did not write it.
        Final = "final",
    }
}

words! {
    /// What made a version.
    Origin {
        /// The data, as they stood.
        Data = "data",
        /// Somebody filled in a field.
        Field = "field",
        /// Somebody approved it.
        Final = "final",
    }
}

/// Form of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One page that needs nothing else.
    Html,
    /// PDF/A with embedded font.
    Pdf,
    /// For officers who edit.
    Docx,
    /// Field by field, to paste into an authority's form.
    Text,
}

impl Form {
    /// Each of them.
    pub const ALL: [Form; 4] = [Form::Html, Form::Pdf, Form::Docx, Form::Text];

    /// The end of a file's name.
    pub fn extension(self) -> &'static str {
        match self {
            Form::Html => "html",
            Form::Pdf => "pdf",
            Form::Docx => "docx",
            Form::Text => "txt",
        }
    }

    /// The media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Form::Html => "text/html; charset=utf-8",
            Form::Pdf => "application/pdf",
            Form::Docx => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            Form::Text => "text/plain; charset=utf-8",
        }
    }

    /// From the end of a file's name.
    pub fn from_extension(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|form| form.extension() == text)
    }
}

/// A document to make.
#[derive(Clone, Copy, Debug)]
pub struct NewDocument {
    /// The incident that it is about; none for a document about all of them.
    pub incident: Option<crate::incidents::RowId>,
    pub kind: Kind,
    pub lang: Lang,
    /// The customer that it is written to, of a kind that is.
    pub recipient: Option<Uuid>,
}

/// A version of a document, without what it says.
#[derive(Clone, Debug)]
pub struct Version {
    pub tenant: Uuid,
    pub id: Uuid,
    /// None for a document about all incidents.
    pub incident: Option<Uuid>,
    /// Of the document: its versions share it.
    pub number: i32,
    /// Counts from 1.
    pub version: i32,
    pub kind: Kind,
    pub lang: Lang,
    pub recipient: Option<Uuid>,
    pub standing: Standing,
    pub origin: Origin,
    /// SHA-256 of what it says, in hexadecimal.
    pub sha256: String,
    /// The assessment that it rests on.
    pub assessment: Option<Uuid>,
    /// The affected list that it rests on.
    pub revision: Option<Uuid>,
    pub author: Uuid,
    pub created_at: Timestamp,
}

impl Version {
    /// Its number on pages and in names of files. What is written to one customer has a digest of what makes it one document, and so
    /// the same over its versions: a number that counts would tell each customer how many others are written to.
    pub fn mark(&self) -> String {
        let Some(recipient) = self.recipient else { return self.number.to_string() };
        let digest = Sha256::new()
            .chain_update(self.incident.unwrap_or_default().as_bytes())
            .chain_update(recipient.as_bytes())
            .chain_update(word_of(self.lang))
            .finalize();
        hex::encode(&digest[..4])
    }

    /// ASCII name of its file without the ending. Says nothing about the incident.
    pub fn file_stem(&self) -> String {
        let kind = self.kind.as_str().replace('_', "-");
        format!("{kind}-{}-v{}-{}", self.mark(), self.version, word_of(self.lang))
    }
}

/// The language as stored.
pub fn word_of(lang: Lang) -> &'static str {
    match lang {
        Lang::Ja => "ja",
        Lang::En => "en",
    }
}

/// The language from what is stored.
pub fn lang_of(text: &str) -> anyhow::Result<Lang> {
    match text {
        "ja" => Ok(Lang::Ja),
        "en" => Ok(Lang::En),
        _ => Err(anyhow::anyhow!("{text:?} is no language of a document")),
    }
}

/// A field that was filled in by hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    pub text: String,
    /// Roles of who did it, as policies write them.
    pub roles: Vec<String>,
    pub at: Timestamp,
    pub by: Uuid,
    /// What stood there: it comes back when the text is taken back.
    pub was: Value,
}

/// Fields that were filled in by hand, by their number in the form.
pub type Entered = BTreeMap<String, Entry>;

/// A version with what it says.
#[derive(Clone, Debug)]
pub struct Stored {
    pub version: Version,
    pub document: document::Document,
    pub entered: Entered,
}

/// A field of a version, as it can be copied into a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldView {
    pub number: String,
    pub label: String,
    pub text: String,
    /// Whether an open point is in it.
    pub unknown: bool,
    /// Whether somebody filled it in by hand.
    pub entered: bool,
}

/// What a version says otherwise than the one before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Number of the field; empty for a section.
    pub number: String,
    /// Label of the field, or the heading of the section.
    pub label: String,
    /// None where the version before had no such field or section.
    pub before: Option<String>,
    /// None where it is gone.
    pub after: Option<String>,
}

/// A file of a document.
#[derive(Clone, Debug)]
pub struct File {
    pub name: String,
    pub media_type: &'static str,
    pub bytes: Vec<u8>,
    /// SHA-256 of the bytes, in hexadecimal.
    pub sha256: String,
}
