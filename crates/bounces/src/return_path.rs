//! A return path of its own for each message (VERP): `return+<message><mark>@domain`.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Bytes of a message's id.
pub const MESSAGE: usize = 16;
/// Bytes of the mark: one in 2^80 is guessed, and each guess is a mail.
const MARK: usize = 10;
/// Mails of one message that are told apart, from 0: those after it count as this one.
pub const LAST_MAIL: u8 = 63;
/// RFC 4648 in small letters: servers on the way may change the case of what stands before the `@`.
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
/// Characters of id and mark.
const TOKEN: usize = (MESSAGE + MARK) * 8 / 5 + 1;
/// Octets before the `@` (RFC 5321, 4.5.3.1.1).
const MAX_LOCAL: usize = 64;

/// Makes return paths, and reads them.
pub struct ReturnPath {
    key: Zeroizing<[u8; 32]>,
    prefix: String,
    domain: String,
}

/// Why no return path can be made so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadReturnPath(&'static str);

impl ReturnPath {
    /// `prefix` is what stands before the `+`, in small letters.
    ///
    /// # Errors
    /// When the address would be none: letters, digits, `.`, `-` and `_` in the prefix, at most 21 of them; a domain.
    pub fn new(key: [u8; 32], prefix: &str, domain: &str) -> Result<Self, BadReturnPath> {
        let plain = |text: &str| {
            text.bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'_'))
        };
        if prefix.is_empty()
            || !plain(prefix)
            || prefix.starts_with('.')
            || prefix.ends_with('.')
            || prefix.contains("..")
        {
            return Err(BadReturnPath("what stands before the + wants small letters, digits, ., - and _"));
        }
        if prefix.len() + 1 + TOKEN > MAX_LOCAL {
            return Err(BadReturnPath("what stands before the + is too long: at most 21 characters"));
        }
        let domain = domain.to_ascii_lowercase();
        let labels = || domain.split('.');
        let label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        if domain.len() > 253 || !labels().all(label) {
            return Err(BadReturnPath("the domain is none, such as bounces.example.jp"));
        }
        Ok(Self { key: Zeroizing::new(key), prefix: prefix.to_owned(), domain })
    }

    /// The return path of a message's mail: its first (0), or a later one.
    pub fn address(&self, message: [u8; MESSAGE], mail: u8) -> String {
        format!("{}+{}@{}", self.prefix, self.token(message, mail), self.domain)
    }

    /// What tells a mail apart in its return path, alone: small letters and digits, for a provider that is given a word to repeat.
    pub fn token(&self, message: [u8; MESSAGE], mail: u8) -> String {
        let mut token = [0; MESSAGE + MARK];
        token[..MESSAGE].copy_from_slice(&message);
        token[MESSAGE..].copy_from_slice(&self.mark(&message, Some(mail.min(LAST_MAIL))));
        encode(&token)
    }

    /// The message that an address is the return path of, and which of its mails where it says so (those of earlier versions do not);
    /// nothing for every other address.
    pub fn message_of(&self, address: &str) -> Option<([u8; MESSAGE], Option<u8>)> {
        let address = address.trim().trim_start_matches('<').trim_end_matches('>');
        let (local, domain) = address.rsplit_once('@')?;
        if !domain.eq_ignore_ascii_case(&self.domain) || !local.is_ascii() {
            return None;
        }
        let (prefix, token) = local.split_once('+')?;
        if !prefix.eq_ignore_ascii_case(&self.prefix) {
            return None;
        }
        self.message_of_token(token)
    }

    /// The message of such a word, and which of its mails; nothing for every other one.
    pub fn message_of_token(&self, token: &str) -> Option<([u8; MESSAGE], Option<u8>)> {
        let token = decode(token)?;
        let (message, mark) = token.split_at(MESSAGE);
        let message: [u8; MESSAGE] = message.try_into().ok()?;
        // The number is in the mark alone: so the address stays as long as it was, and what was made before there were numbers still leads back.
        let is_this = |mail: &Option<u8>| bool::from(self.mark(&message, *mail).ct_eq(mark));
        let mut mails = (0..=LAST_MAIL).map(Some).chain([None]);
        mails.find(is_this).map(|mail| (message, mail))
    }

    fn mark(&self, message: &[u8; MESSAGE], mail: Option<u8>) -> [u8; MARK] {
        // A key of any length is one.
        let mut mac =
            <Hmac<Sha256> as KeyInit>::new_from_slice(&*self.key).unwrap_or_else(|_| unreachable!());
        mac.update(b"suimon return path v1\x1f");
        mac.update(message);
        if let Some(mail) = mail {
            mac.update(&[mail]);
        }
        let full = mac.finalize().into_bytes();
        let mut mark = [0; MARK];
        mark.copy_from_slice(&full[..MARK]);
        mark
    }
}

fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(TOKEN);
    let (mut buffer, mut bits) = (0_u32, 0);
    for byte in bytes {
        buffer = (buffer << 8) | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            text.push(char::from(ALPHABET[(buffer >> bits) as usize & 31]));
        }
    }
    if bits > 0 {
        text.push(char::from(ALPHABET[(buffer << (5 - bits)) as usize & 31]));
    }
    text
}

/// One text for one token: bits that are left over must be nought.
fn decode(text: &str) -> Option<[u8; MESSAGE + MARK]> {
    if text.len() != TOKEN {
        return None;
    }
    let mut bytes = [0; MESSAGE + MARK];
    let (mut buffer, mut bits, mut at) = (0_u32, 0, 0);
    for letter in text.bytes() {
        let letter = letter.to_ascii_lowercase();
        let value = ALPHABET.iter().position(|known| *known == letter)?;
        buffer = (buffer << 5) | value as u32;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            *bytes.get_mut(at)? = (buffer >> bits) as u8;
            at += 1;
        }
        buffer &= (1 << bits) - 1;
    }
    (at == bytes.len() && buffer == 0).then_some(bytes)
}
