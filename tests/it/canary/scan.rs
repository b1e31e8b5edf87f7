//! Looks for texts in bytes, in every form in which a program may write them down.

use std::path::{Path, PathBuf};

use aho_corasick::AhoCorasick;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};

/// A text that must not be found, and where it came from.
#[derive(Clone, Debug)]
pub struct Canary {
    pub name: String,
    pub text: String,
}

/// All forms of all canaries, ready to be looked for.
pub struct Scanner {
    machine: AhoCorasick,
    /// Name and form of each pattern.
    meaning: Vec<(String, &'static str)>,
}

/// Shorter ones would be found by chance.
const SHORTEST: usize = 8;

impl Scanner {
    pub fn new(canaries: &[Canary]) -> Self {
        let (mut patterns, mut meaning) = (Vec::new(), Vec::new());
        for Canary { name, text } in canaries {
            for (form, bytes) in forms(text) {
                if bytes.len() >= SHORTEST && !patterns.contains(&bytes) {
                    patterns.push(bytes);
                    meaning.push((name.clone(), form));
                }
            }
        }
        Self { machine: AhoCorasick::new(patterns).expect("patterns"), meaning }
    }

    /// What stands in these bytes: canary, form, and what surrounds it.
    pub fn scan(&self, place: &str, bytes: &[u8]) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        for hit in self.machine.find_iter(bytes) {
            let (name, form) = &self.meaning[hit.pattern().as_usize()];
            let around = &bytes[hit.start().saturating_sub(160)..(hit.end() + 60).min(bytes.len())];
            let around = String::from_utf8_lossy(around).escape_debug().to_string();
            if found.iter().filter(|line| line.contains(name.as_str())).count() < 3 {
                found.push(format!("{place}: {name} as {form} at {}: …{around}…", hit.start()));
            }
        }
        found
    }

    /// Every file below a folder; sockets and what vanishes meanwhile are passed over. Also how many bytes were read.
    pub fn scan_folder(&self, folder: &Path) -> (Vec<String>, u64) {
        let (mut found, mut read) = (Vec::new(), 0);
        for file in files(folder) {
            if let Ok(bytes) = std::fs::read(&file) {
                read += bytes.len() as u64;
                found.extend(self.scan(&file.display().to_string(), &bytes));
            }
        }
        (found, read)
    }
}

pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let Ok(entries) = std::fs::read_dir(folder) else { return files };
    for entry in entries.flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => files.extend(self::files(&entry.path())),
            Ok(kind) if kind.is_file() => files.push(entry.path()),
            _ => {}
        }
    }
    files
}

/// The text as programs write it: encodings, escapes, dumps.
fn forms(text: &str) -> Vec<(&'static str, Vec<u8>)> {
    let bytes = text.as_bytes();
    let mut forms = vec![
        ("UTF-8", bytes.to_vec()),
        ("UTF-8 in small letters", text.to_lowercase().into_bytes()),
        ("UTF-16LE", text.encode_utf16().flat_map(u16::to_le_bytes).collect()),
        ("UTF-16BE", text.encode_utf16().flat_map(u16::to_be_bytes).collect()),
        ("hexadecimal", hex::encode(bytes).into_bytes()),
        ("HEXADECIMAL", hex::encode_upper(bytes).into_bytes()),
        ("a list of numbers", bytes.iter().map(u8::to_string).collect::<Vec<_>>().join(", ").into_bytes()),
        (
            "numbers without spaces",
            bytes.iter().map(u8::to_string).collect::<Vec<_>>().join(",").into_bytes(),
        ),
        ("URL-encoded", escape(bytes, "%").into_bytes()),
        ("url-encoded in small letters", escape(bytes, "%").to_lowercase().into_bytes()),
        ("quoted-printable", escape(bytes, "=").into_bytes()),
        ("escaped bytes", bytes.escape_ascii().to_string().into_bytes()),
        ("JSON-escaped", json_escape(text).into_bytes()),
        (
            "JSON-ESCAPED",
            json_escape(text).replace("\\u", "\u{1}").to_uppercase().replace('\u{1}', "\\u").into_bytes(),
        ),
        ("Rust-escaped", text.escape_default().to_string().into_bytes()),
        ("Shift_JIS", shift_jis(text)),
    ];
    // Inside a longer text base64 begins at one of three places; the characters at both ends depend on the neighbours.
    for skip in 0..3 {
        let padded = [&vec![0; skip], bytes].concat();
        let first = [0, 2, 3][skip];
        for (name, engine) in [("base64", &STANDARD_NO_PAD), ("base64url", &URL_SAFE_NO_PAD)] {
            let whole = engine.encode(&padded);
            let last = whole.len() - usize::from(padded.len() % 3 != 0);
            forms.push((name, whole.as_bytes()[first..last].to_vec()));
        }
    }
    forms.push(("base64", STANDARD.encode(bytes).into_bytes()));
    forms.push(("base64url", URL_SAFE.encode(bytes).into_bytes()));
    forms
}

fn escape(bytes: &[u8], mark: &str) -> String {
    let one = |byte: &u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(*byte).to_string(),
        _ => format!("{mark}{byte:02X}"),
    };
    bytes.iter().map(one).collect()
}

fn json_escape(text: &str) -> String {
    let one = |unit: u16| match char::from_u32(u32::from(unit)) {
        Some(c) if c.is_ascii() => c.to_string(),
        _ => format!("\\u{unit:04x}"),
    };
    text.encode_utf16().map(one).collect()
}

fn shift_jis(text: &str) -> Vec<u8> {
    encoding_rs::SHIFT_JIS.encode(text).0.into_owned()
}

/// The scanner finds what it is made for: each form, in the middle of other bytes.
#[test]
fn every_form_is_found() {
    let text = "雛菊Canary鳥".to_owned();
    let scanner = Scanner::new(&[Canary { name: "control".into(), text: text.clone() }]);
    for (form, bytes) in forms(&text) {
        let hidden = [&b"\x00\x01before "[..], &bytes, b" behind"].concat();
        assert_eq!(scanner.scan("a place", &hidden).len(), 1, "{form}");
    }
    for skip in 0..7 {
        let hidden = STANDARD.encode([&vec![b'x'; skip], text.as_bytes(), b"behind"].concat());
        assert_eq!(scanner.scan("a place", hidden.as_bytes()).len(), 1, "in base64, {skip} bytes in");
    }
    assert!(scanner.scan("a place", b"nothing of the kind").is_empty());
}
