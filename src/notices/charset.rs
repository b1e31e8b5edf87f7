//! Japanese mails in ISO-2022-JP (RFC 1468), for recipients whose programs are old: headers as encoded words (RFC 2047), the text in seven
//! bits. What the set cannot say stays UTF-8, whole mails at a time: nobody's name is changed to fit.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use encoding_rs::ISO_2022_JP;
use lettre::message::Body;
use lettre::message::header::ContentTransferEncoding;

/// Bytes of an encoded word's text: 75 characters less `=?ISO-2022-JP?B?` and `?=` leave 57, so 56 of base64.
const WORD: usize = 42;
/// Longest line of a text that is sent as it is; RFC 5322, 2.1.1, allows 998.
const LINE: usize = 900;

/// The bytes of a text, which begin and end in ASCII; `None` where the set lacks a character.
fn bytes_of(text: &str) -> Option<Vec<u8>> {
    // The set's own control characters would change what follows them; half-width kana would come out as full-width ones.
    if text.contains(|letter| matches!(letter, '\u{e}' | '\u{f}' | '\u{1b}' | '\u{ff61}'..='\u{ff9f}')) {
        return None;
    }
    let (bytes, _, lacks) = ISO_2022_JP.encode(text);
    (!lacks).then(|| bytes.into_owned())
}

/// A header's value as encoded words, folded; a value of ASCII alone stays as it is. `None` where the set lacks a character.
pub fn words(value: &str) -> Option<String> {
    if value.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') && !value.contains("=?") {
        return Some(value.to_owned());
    }
    let (mut words, mut word) = (Vec::new(), String::new());
    for letter in value.chars() {
        let mut longer = word.clone();
        longer.push(letter);
        if bytes_of(&longer)?.len() > WORD {
            words.push(std::mem::replace(&mut word, letter.to_string()));
        } else {
            word = longer;
        }
    }
    words.push(word);
    let encoded = |word: &String| Some(format!("=?ISO-2022-JP?B?{}?=", STANDARD.encode(bytes_of(word)?)));
    let words: Option<Vec<String>> = words.iter().map(encoded).collect();
    Some(words?.join("\r\n "))
}

/// A text as the body of a part. `None` where the set lacks a character.
pub fn body(text: &str) -> Option<Body> {
    let text = text.replace("\r\n", "\n").replace('\n', "\r\n");
    let bytes = bytes_of(&text)?;
    // At the end of each line the text is back in ASCII (RFC 1468), because line ends are.
    if bytes.split(|byte| *byte == b'\n').all(|line| line.len() <= LINE) {
        return Some(Body::dangerous_pre_encoded(bytes, ContentTransferEncoding::SevenBit));
    }
    Body::new_with_encoding(bytes, ContentTransferEncoding::Base64).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_word(word: &str) -> String {
        let Some(text) = word.strip_prefix("=?ISO-2022-JP?B?") else { return word.to_owned() };
        let bytes = STANDARD.decode(text.strip_suffix("?=").unwrap()).unwrap();
        // The last change of set is the one back to ASCII.
        let last = bytes.iter().rposition(|byte| *byte == 0x1b);
        assert!(bytes.is_ascii() && last.is_none_or(|at| bytes[at..].starts_with(b"\x1b(B")), "{bytes:?}");
        ISO_2022_JP.decode(&bytes).0.into_owned()
    }

    #[test]
    fn headers_are_words_of_at_most_75_characters_that_read_back() {
        let long = "個人情報の取り扱いに関する重要なお知らせ（出願システム）について ABC ".repeat(3);
        for value in ["お知らせ", "Notice お知らせ", long.as_str(), "a"] {
            let encoded = words(value).unwrap();
            assert!(encoded.split("\r\n ").all(|word| word.len() <= 75), "{encoded}");
            assert!(encoded.is_ascii());
            // Each word is a text of its own, and white space between two of them is none (RFC 2047, 6.2).
            let read: String = encoded.split("\r\n ").map(read_word).collect();
            assert_eq!(read, value);
        }
        assert_eq!(words("plain ASCII").unwrap(), "plain ASCII");
        assert!(words("=?x?=").unwrap().starts_with("=?ISO-2022-JP?B?"));
    }

    #[test]
    fn what_the_set_lacks_is_not_said_in_it() {
        for value in ["𠮷野家", "Zoë", "🌊", "a\u{1b}(Jb", "한국어", "ｱｲｳ"] {
            assert_eq!(words(value), None, "{value}");
            assert!(body(value).is_none(), "{value}");
        }
    }

    #[test]
    fn a_body_is_in_seven_bits_and_every_line_ends_in_ascii() {
        let text = "山田 様\n\n■ 何が起きたか\n10月26日\n";
        let plain = body(text).unwrap();
        let bytes = plain.into_vec();
        assert!(bytes.iter().all(u8::is_ascii));
        for line in bytes.split(|byte| *byte == b'\n').filter(|line| line.contains(&0x1b)) {
            let last = line.windows(3).rposition(|window| window[0] == 0x1b).unwrap();
            assert_eq!(&line[last..last + 3], b"\x1b(B", "{line:?}");
        }
        assert_eq!(ISO_2022_JP.decode(&bytes).0, text.replace('\n', "\r\n"));
        let long = body(&"個".repeat(1000)).unwrap();
        assert_eq!(long.encoding(), ContentTransferEncoding::Base64);
    }
}
