//! The path of a request, decoded once, or the reason why no two servers would agree about it.

use std::borrow::Cow;

use super::pattern::changes_under_nfkc_into_syntax;

/// Longest path that is looked at, in bytes; CloudFront's own limit is 8,192 for the whole URL.
pub const MAX_PATH: usize = 8_192;

/// Why a path is not matched against patterns at all. Servers and caches read such a path differently, which is how a
/// personal page gets stored under a public name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Confusion {
    /// Longer than [`MAX_PATH`].
    TooLong,
    /// Does not begin with `/` (also `*` and the empty path).
    NotAbsolute,
    /// A control character or NUL, plain or encoded.
    Control,
    /// A backslash, plain or encoded: a slash to some servers.
    Backslash,
    /// A segment `.` or `..`, plain or encoded.
    DotSegment,
    /// `%` without two hexadecimal digits.
    BrokenEncoding,
    /// Bytes that are not UTF-8 once decoded; overlong forms are among them.
    NotUtf8,
    /// `?` or `#` inside the path, plain or encoded.
    QueryOrFragment,
    /// `%25`: a second encoding of any other shape.
    DoubleEncoding,
    /// `%2f`.
    EncodedSlash,
    /// `%2e` inside a name.
    EncodedDot,
    /// `;`, plain or encoded: begins a parameter to some servers.
    Parameter,
    /// `//`.
    EmptySegment,
    /// A segment that ends in a dot or a space, or begins with a space: some file systems drop them.
    TrailingDot,
    /// A character whose compatibility form is URL syntax (`／`, `．`).
    Lookalike,
}

impl Confusion {
    /// Whether no honest client sends it: the request is refused whatever it ends in.
    pub const fn is_hostile(self) -> bool {
        match self {
            Self::TooLong
            | Self::NotAbsolute
            | Self::Control
            | Self::Backslash
            | Self::DotSegment
            | Self::BrokenEncoding
            | Self::NotUtf8
            | Self::QueryOrFragment => true,
            Self::DoubleEncoding
            | Self::EncodedSlash
            | Self::EncodedDot
            | Self::Parameter
            | Self::EmptySegment
            | Self::TrailingDot
            | Self::Lookalike => false,
        }
    }
}

/// The path with percent-encoding undone; borrowed, if there was none.
///
/// # Errors
/// The first reason not to trust it, hostile ones before others.
pub fn canonical(raw: &str) -> Result<Cow<'_, str>, Confusion> {
    if raw.len() > MAX_PATH {
        return Err(Confusion::TooLong);
    }
    if !raw.starts_with('/') {
        return Err(Confusion::NotAbsolute);
    }
    if is_plain(raw) {
        return Ok(Cow::Borrowed(raw));
    }
    decode(raw).map(Cow::Owned)
}

/// Whether nothing in it can be read in two ways. One pass over bytes: this is the common path.
fn is_plain(raw: &str) -> bool {
    let mut previous = 0;
    for &byte in raw.as_bytes() {
        match byte {
            b'/' if previous == b'/' || previous == b'.' => return false,
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' | b'~' => {}
            b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b'=' | b':' | b'@' => {}
            _ => return false,
        }
        previous = byte;
    }
    previous != b'.'
}

fn decode(raw: &str) -> Result<String, Confusion> {
    let mut worst: Option<Confusion> = None;
    let mut note = |found: Confusion| {
        if worst.is_none_or(|known| !known.is_hostile() && found.is_hostile()) {
            worst = Some(found);
        }
    };
    let mut bytes = raw.bytes();
    let mut text = Vec::with_capacity(raw.len());
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            match byte {
                b'?' | b'#' => note(Confusion::QueryOrFragment),
                b';' => note(Confusion::Parameter),
                b'\\' => note(Confusion::Backslash),
                0..=0x1f | 0x7f => note(Confusion::Control),
                _ => {}
            }
            text.push(byte);
            continue;
        }
        let (Some(high), Some(low)) = (bytes.next().and_then(hex), bytes.next().and_then(hex)) else {
            return Err(Confusion::BrokenEncoding);
        };
        let byte = high << 4 | low;
        match byte {
            b'/' => note(Confusion::EncodedSlash),
            b'.' => note(Confusion::EncodedDot),
            b'%' => note(Confusion::DoubleEncoding),
            b';' => note(Confusion::Parameter),
            b'?' | b'#' => note(Confusion::QueryOrFragment),
            b'\\' => note(Confusion::Backslash),
            0..=0x1f | 0x7f => note(Confusion::Control),
            _ => {}
        }
        text.push(byte);
    }
    let Ok(text) = String::from_utf8(text) else {
        return Err(Confusion::NotUtf8);
    };
    if text.chars().any(char::is_control) {
        note(Confusion::Control);
    }
    if text.contains("//") {
        note(Confusion::EmptySegment);
    }
    for segment in text.split('/') {
        if segment == "." || segment == ".." {
            note(Confusion::DotSegment);
        } else if segment.ends_with(['.', ' ']) || segment.starts_with(' ') {
            note(Confusion::TrailingDot);
        }
    }
    if changes_under_nfkc_into_syntax(&text) {
        note(Confusion::Lookalike);
    }
    match worst {
        Some(confusion) => Err(confusion),
        None => Ok(text),
    }
}

const fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// The suffix of the last segment that is not empty: what stands after its last dot, if anything does.
pub(crate) fn suffix(path: &str) -> Option<&str> {
    let name = path.strip_suffix('/').unwrap_or(path);
    let name = name.rsplit('/').next().unwrap_or(name);
    name.rsplit_once('.').map(|(_, suffix)| suffix).filter(|suffix| !suffix.is_empty())
}

/// Whether a path that cannot be trusted ends like a file of the sort that caches keep by name: in a dot, however often
/// encoded, and one to ten letters or digits.
pub(crate) fn looks_like_file(raw: &str) -> bool {
    let mut text = Cow::Borrowed(raw);
    // Each round removes two bytes a time, so that it ends; eight encodings deep is more than any server undoes.
    for _ in 0..8 {
        if !text.contains("%25") {
            break;
        }
        text = Cow::Owned(text.replace("%25", "%"));
    }
    let text = text.to_ascii_lowercase().replace("%2e", ".").replace("%2f", "/");
    let text = text.trim_end_matches('/');
    match text.rsplit_once('.') {
        Some((_, end)) => {
            (1..=10).contains(&end.len()) && end.bytes().all(|byte| byte.is_ascii_alphanumeric())
        }
        None => false,
    }
}
