//! Where in a page the script goes: before anything that is seen or run, in the eyes of a browser.
//!
//! That is after the doctype, comments, white space, `<html>` and the start of `<head>`; before whatever comes first where one of
//! these is not there (browsers open a head for a script then). Bytes are looked at and given back as they were, so a page can
//! change by nothing but what is put into it.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use lol_html::html_content::{Doctype, TextChunk};
use lol_html::send::{self, DocumentContentHandlers, ElementContentHandlers, SendHandlerTypes};
use lol_html::{AsciiCompatibleEncoding, HtmlRewriter, MemorySettings, Selector};

/// Bytes of a page that are held back at most while the place is looked for.
pub const MOST_HELD: usize = 16 << 10;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// After it, bytes of ISO-2022 mean other characters than in ASCII.
const ESCAPE: u8 = 0x1b;

/// What became of a piece of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// Not found yet: the page begins with nothing that decides.
    Not,
    /// After so many bytes of the page.
    At(usize),
    /// There is none.
    Nowhere(Why),
}

/// Why a page has no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It goes on and on without anything to be seen.
    TooFar,
    /// Its bytes are not those of an encoding that holds ASCII as ASCII: UTF-16, or an escape of ISO-2022.
    Encoding,
    /// A piece of a page, which a script asked for.
    Fragment,
}

type Rewriter = HtmlRewriter<'static, fn(&[u8]), SendHandlerTypes>;

#[derive(Default)]
struct Seen {
    /// After a doctype, `<html>` or `<head>`.
    document: bool,
    /// A range that begins with the place, after white space.
    place: Option<(usize, usize)>,
}

/// Looks for the place.
pub struct Finder {
    rewriter: Option<Rewriter>,
    begun: bool,
    seen: Arc<Mutex<Seen>>,
    held: Vec<u8>,
    /// Of these the parser has seen so many.
    parsed: usize,
    /// Bytes of a byte order mark.
    offset: usize,
    whole_only: bool,
}

impl Finder {
    /// With `whole_only` a page counts only if it begins as a whole document does.
    pub fn new(whole_only: bool) -> Self {
        let seen = Arc::new(Mutex::new(Seen::default()));
        Self { rewriter: None, begun: false, seen, held: Vec::new(), parsed: 0, offset: 0, whole_only }
    }

    /// Looks at the next piece of the page, of which `held` gives all so far.
    pub fn push(&mut self, piece: &[u8]) -> Found {
        // However a page is cut, the parser sees no more of it than this.
        let room = MOST_HELD.saturating_sub(self.held.len());
        let (looked_at, rest) = piece.split_at(piece.len().min(room));
        self.held.extend_from_slice(looked_at);
        let found = self.look(false);
        self.held.extend_from_slice(rest);
        match found {
            Found::Not if self.held.len() >= MOST_HELD => Found::Nowhere(Why::TooFar),
            found => found,
        }
    }

    /// Looks at the end of the page. A page in which nothing decided until then shows nothing.
    pub fn end(&mut self) -> Found {
        self.look(true)
    }

    /// All that was looked at.
    pub fn held(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.held)
    }

    fn look(&mut self, end: bool) -> Found {
        if !self.begun {
            if !end && (BYTE_ORDER_MARK.starts_with(&self.held) || matches!(self.held[..], [0xfe | 0xff])) {
                return Found::Not;
            }
            if let [0xff, 0xfe, ..] | [0xfe, 0xff, ..] = self.held[..] {
                return Found::Nowhere(Why::Encoding);
            }
            self.begun = true;
            self.offset = if self.held.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
            self.parsed = self.offset;
            self.rewriter = Some(rewriter(self.seen.clone()));
        }
        let mut failed = false;
        if let Some(mut rewriter) = self.rewriter.take() {
            let new = self.held.get(self.parsed..).unwrap_or_default();
            self.parsed = self.held.len();
            failed = rewriter.write(new).is_err();
            if !failed && end {
                // A text at the very end is told of only now.
                let _ = rewriter.end();
            } else if !failed {
                self.rewriter = Some(rewriter);
            }
        }
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((from, to)) = seen.place else {
            // It stops at a place, and else only when one tag takes more memory than there is.
            return if failed { Found::Nowhere(Why::TooFar) } else { Found::Not };
        };
        let text = self.held.get(from + self.offset..to + self.offset).unwrap_or_default();
        let place = from + self.offset + text.iter().take_while(|byte| is_space(**byte)).count();
        // The byte after the next shows UTF-16 without a byte order mark.
        let Some(around) = self.held.get(..place + 2).or_else(|| end.then_some(&self.held)) else {
            return Found::Not;
        };
        if around.iter().any(|byte| matches!(*byte, 0 | ESCAPE)) {
            return Found::Nowhere(Why::Encoding);
        }
        if self.whole_only && !seen.document {
            return Found::Nowhere(Why::Fragment);
        }
        Found::At(place)
    }
}

/// White space between tags that opens no body (HTML Living Standard, section 13.2.6.4).
fn is_space(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | 0x0c | b'\r' | b' ')
}

/// Stops at the place: what comes after it is never looked at.
fn rewriter(seen: Arc<Mutex<Seen>>) -> Rewriter {
    let (of_elements, of_texts, of_doctypes) = (seen.clone(), seen.clone(), seen);
    let elements = ElementContentHandlers::default().element(move |element: &mut send::Element<'_, '_>| {
        let (name, range) = (element.tag_name(), element.source_location().bytes());
        let mut seen = of_elements.lock().unwrap_or_else(PoisonError::into_inner);
        seen.document |= matches!(name.as_str(), "html" | "head");
        match name.as_str() {
            "html" => return Ok(()),
            "head" => seen.place = Some((range.end, range.end)),
            _ => seen.place = Some((range.start, range.start)),
        }
        Err(FOUND.into())
    });
    let rest = DocumentContentHandlers::default()
        .text(move |text: &mut TextChunk<'_>| {
            if text.as_str().bytes().all(is_space) {
                return Ok(());
            }
            let range = text.source_location().bytes();
            of_texts.lock().unwrap_or_else(PoisonError::into_inner).place = Some((range.start, range.end));
            Err(FOUND.into())
        })
        .doctype(move |_: &mut Doctype<'_>| {
            of_doctypes.lock().unwrap_or_else(PoisonError::into_inner).document = true;
            Ok(())
        });
    // One byte a character: what is text counts here and not which, and no character lies across two pieces. In all encodings that
    // hold ASCII as ASCII a byte below 0x40 is what it is in ASCII.
    let encoding = AsciiCompatibleEncoding::new(encoding_rs::WINDOWS_1252);
    let settings = send::Settings::new_send()
        .append_element_content_handler((Cow::Borrowed(&*ANY), elements))
        .append_document_content_handler(rest)
        .with_encoding(encoding.unwrap_or_else(AsciiCompatibleEncoding::utf_8))
        .with_memory_settings(MemorySettings::new().with_max_allowed_memory_usage(4 * MOST_HELD))
        .with_strict(false);
    HtmlRewriter::new(settings, nowhere as fn(&[u8]))
}

/// What ends the parsing.
const FOUND: &str = "found";

/// Any element.
static ANY: LazyLock<Selector> =
    LazyLock::new(|| "*".parse().expect("the universal selector is one (Selectors Level 4, section 5.2)"));

/// Where the parser's own output goes.
fn nowhere(_: &[u8]) {}
