//! The same rules in the words of an edge that is already there.
//!
//! An edge reads a path in fewer ways than the engine, so an export is never laxer and often stricter: a path that is not
//! plain (any percent sign, any byte outside of ASCII, `;`, `//`, a segment that ends in a dot) is personal there. What an
//! edge cannot say becomes personal and a [`Note`]. Names and patterns reach the output only as hexadecimal escapes, JSON
//! strings or cleaned comments.

mod cloudflare;
mod cloudfront;
mod javascript;
mod native;
mod nginx;
mod terraform;
mod vcl;

pub use cloudflare::cloudflare;
pub use cloudfront::{CLOUDFRONT_FUNCTION_LIMIT, cloudfront};
pub use nginx::nginx;
pub use vcl::varnish;

use crate::error::{RuleError, shown};

/// What an export needs beside the rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Name of the system, part of every identifier: a lower-case letter, then up to 31 of `a-z`, `0-9`, `-`.
    pub name: String,
    /// Whether the edge refuses responses whose subject tag is not the viewer's. Only behind a guard that sets
    /// [`SUBJECT_TAG_HEADER`](crate::identity::SUBJECT_TAG_HEADER): without one, every personal page would be refused.
    pub identity_binding: bool,
}

/// Files to be placed side by side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    /// The files.
    pub files: Vec<File>,
    /// What the edge cannot say.
    pub notes: Vec<Note>,
}

impl Bundle {
    /// Content of the file of this name.
    pub fn file(&self, name: &str) -> Option<&str> {
        self.files.iter().find(|file| file.name == name).map(|file| file.content.as_str())
    }
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its name; begins with `suimon-`.
    pub name: String,
    /// Its text, ASCII.
    pub content: String,
}

/// Something that an edge cannot say, and what happens instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Name of the route; none for the whole.
    pub route: Option<String>,
    /// What happens instead.
    pub text: &'static str,
}

impl Options {
    fn check(&self) -> Result<(), RuleError> {
        let mut bytes = self.name.bytes();
        let is_word = bytes.next().is_some_and(|first| first.is_ascii_lowercase())
            && bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
            && self.name.len() <= 32;
        if is_word {
            return Ok(());
        }
        Err(RuleError::new(
            "name",
            format!("`{}` cannot be part of identifiers", shown(&self.name)),
            "use a lower-case letter and up to 31 of a-z, 0-9 and `-`",
        ))
    }

    /// The name as part of an identifier. `-` cannot meet `_`, which names do not have.
    fn ident(&self) -> String {
        self.name.replace('-', "_")
    }
}

/// A name for a comment: letters, digits and a few marks; everything else, line ends first of all, is a question mark.
fn comment(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, ' ' | '-' | '_' | '.' | '/') { c } else { '?' })
        .collect()
}
