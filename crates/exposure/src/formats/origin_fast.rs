//! The usual line of the origin's log, without a general reader of JSON: flat, without escapes. Whatever else a line has, it is left to
//! the general one (`origin`), which alone decides what is bad.

use std::borrow::Cow;

use crate::text::{find_short, parse_clock, parse_date};

/// Values of the known keys, as they stand in the line.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Fields<'a> {
    pub(crate) texts: [Option<&'a str>; KEYS.len()],
    pub(crate) status: Option<u16>,
}

pub(crate) const TIME: usize = 0;
pub(crate) const EVENT: usize = 1;
pub(crate) const OUTCOME: usize = 2;
pub(crate) const PERSON: usize = 3;
pub(crate) const KIND: usize = 4;
pub(crate) const TENANT: usize = 5;
pub(crate) const SESSION: usize = 6;
pub(crate) const PATH: usize = 7;
pub(crate) const ID: usize = 8;
const STATUS: usize = 9;
const KEYS: [&str; 9] =
    ["time", "event", "outcome", "person", "kind", "tenant", "session", "path", "edge_request_id"];

impl<'a> Fields<'a> {
    pub(crate) fn text(&self, key: usize) -> Cow<'a, str> {
        Cow::Borrowed(self.texts.get(key).copied().flatten().unwrap_or_default())
    }
}

/// `None` for any line that is not as simple as that.
pub(crate) fn read(line: &str) -> Option<Fields<'_>> {
    // Control characters are allowed in few places, and none of these is usual; without escapes each quote ends a text.
    if line.bytes().fold(u8::MAX, u8::min) < b' ' || memchr::memchr(b'\\', line.as_bytes()).is_some() {
        return None;
    }
    let mut fields = Fields::default();
    let mut seen = 0_u16;
    let mut rest = Rest { line, bytes: line.as_bytes(), at: 0 };
    rest.expect(b'{')?;
    loop {
        rest.expect(b'"')?;
        let place = place(rest.text()?);
        rest.expect(b':')?;
        if let Some(place) = place {
            // Twice the same key is an error.
            let mark = 1 << place;
            if seen & mark != 0 {
                return None;
            }
            seen |= mark;
        }
        match (rest.next()?, place) {
            (b'"', Some(STATUS)) => return None,
            (b'"', place) => {
                rest.at += 1;
                let text = rest.text()?;
                if let Some(slot) = place.and_then(|place| fields.texts.get_mut(place)) {
                    *slot = Some(text);
                }
            }
            (b'0'..=b'9', place) => {
                let number = rest.number()?;
                match place {
                    None => {}
                    Some(STATUS) => fields.status = Some(number?),
                    // Ids may be numbers, and are texts all the same.
                    Some(_) => return None,
                }
            }
            (b'n', _) => rest.word(b"null")?,
            (b't', None) => rest.word(b"true")?,
            (b'f', None) => rest.word(b"false")?,
            _ => return None,
        }
        match rest.next()? {
            b',' => rest.at += 1,
            b'}' => {
                rest.at += 1;
                return rest.next().is_none().then_some(fields);
            }
            _ => return None,
        }
    }
}

/// What was not yet read of a line.
struct Rest<'a> {
    line: &'a str,
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Rest<'a> {
    /// The next byte that is no space.
    fn next(&mut self) -> Option<u8> {
        loop {
            match self.bytes.get(self.at)? {
                b' ' => self.at += 1,
                byte => return Some(*byte),
            }
        }
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.next()? == byte).then(|| self.at += 1)
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        self.bytes.get(self.at..)?.starts_with(word).then(|| self.at += word.len())
    }

    /// Up to the quote, which is taken, too.
    fn text(&mut self) -> Option<&'a str> {
        let start = self.at;
        let length = find_short(b'"', self.bytes.get(start..)?)?;
        self.at = start + length + 1;
        self.line.get(start..start + length)
    }

    /// A whole number; `None` within for one above 65,535.
    fn number(&mut self) -> Option<Option<u16>> {
        let start = self.at;
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
        let number = self.line.get(start..self.at)?;
        // No zero before others, no fraction, no exponent; and few enough digits that no reader finds them too many.
        let usual = (number.len() == 1 || !number.starts_with('0')) && number.len() <= 18;
        let ends = !matches!(self.bytes.get(self.at), Some(b'.' | b'e' | b'E'));
        (usual && ends).then(|| number.parse().ok())
    }
}

fn place(key: &str) -> Option<usize> {
    match key {
        "time" => Some(TIME),
        "event" => Some(EVENT),
        "outcome" => Some(OUTCOME),
        "person" => Some(PERSON),
        "kind" => Some(KIND),
        "tenant" => Some(TENANT),
        "session" => Some(SESSION),
        "path" => Some(PATH),
        "edge_request_id" => Some(ID),
        "status" => Some(STATUS),
        _ => None,
    }
}

/// Milliseconds since 1970 of `2023-10-26T11:03:04.123+09:00` and the like; `None` for what is written otherwise, or is none.
pub(crate) fn time(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    let (date, rest) = bytes.split_at_checked(10)?;
    // Before that, fractions round the other way.
    if !(b"1971".as_slice()..=b"9998".as_slice()).contains(&date.get(..4)?) {
        return None;
    }
    let (clock, mut rest) = rest.strip_prefix(b"T")?.split_at_checked(8)?;
    if clock.ends_with(b":60") {
        return None;
    }
    let mut millis = parse_date(date)? * 86_400_000 + parse_clock(clock)?;
    if let Some(fraction) = rest.strip_prefix(b".") {
        let digits = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if !(1..=9).contains(&digits) {
            return None;
        }
        for (place, worth) in [(0, 100), (1, 10), (2, 1)] {
            let digit = fraction.get(place).filter(|_| place < digits);
            millis += worth * digit.map_or(0, |digit| i64::from(digit - b'0'));
        }
        rest = &fraction[digits..];
    }
    if rest == b"Z" {
        return Some(millis);
    }
    let &[sign, h1, h2, b':', m1, m2] = rest else { return None };
    let ahead = parse_clock(&[h1, h2, b':', m1, m2, b':', b'0', b'0'])?;
    match sign {
        b'+' => Some(millis - ahead),
        b'-' if ahead != 0 => Some(millis + ahead),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::super::origin;
    use super::*;

    /// Lines that are nearly usual.
    fn line() -> impl Strategy<Value = String> {
        let key = prop_oneof![
            6 => select(KEYS.to_vec()).prop_map(str::to_owned),
            3 => Just("status".to_owned()),
            2 => select(vec!["bytes", "Time", "", "time ", "ti\\u006de", "a\"b", "名"]).prop_map(str::to_owned),
        ];
        let value = prop_oneof![
            16 => select(vec!["2023-10-26T02:00:00Z", "2023-10-26T11:03:04.1239+09:00", "login", "failure", "request", "/mypage", "", "名前"])
                .prop_map(|text| format!("\"{text}\"")),
            4 => (0..70_000_u32).prop_map(|number| number.to_string()),
            4 => select(vec![
                "null", "true", "false", "nul", "-1", "01", "1.5", "1e3", "99999999999999999999", "123456789012345678", "[1]", "{}", "{\"time\":1}",
                "\"a\\n\"", "\"\\u0000\"", "\"a\tb\"", "\"", "", "\"\\\\\"", "\"a\u{7f}\"",
            ]).prop_map(str::to_owned),
        ];
        let space = || prop_oneof![20 => Just(""), 2 => Just(" "), 1 => Just("  "), 1 => select(vec!["\t", "\u{a0}"])];
        let pair = (key, value, space(), space(), space())
            .prop_map(|(key, value, one, two, three)| format!("{one}\"{key}\"{two}:{three}{value}"));
        (
            prop::collection::vec(pair, 0..8),
            space(),
            select(vec!["}", "}", "}", "", "},", ",}", "}x", "]"]),
            space(),
        )
            .prop_map(|(pairs, before, end, after)| format!("{before}{{{}{end}{after}", pairs.join(",")))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]

        #[test]
        fn says_what_the_general_reader_says(line in line()) {
            if let Some(fields) = read(&line) {
                let general = origin::raw(line.as_bytes());
                prop_assert!(general.is_some(), "{line}");
                prop_assert_eq!(general, Some(((0..KEYS.len()).map(|key| fields.text(key).into_owned()).collect(), fields.status)));
            }
        }

        #[test]
        fn damaged_lines_too(at in any::<prop::sample::Index>(), with in any::<char>()) {
            let line = r#"{"time":"2023-10-26T11:03:04.123+09:00","event":"request","person":"ap-1","tenant":"s","session":"9f","path":"/mypage","status":200,"bytes":5120,"edge_request_id":"Zj=="}"#;
            prop_assert!(read(line).is_some());
            let mut characters: Vec<char> = line.chars().collect();
            let at = at.index(characters.len());
            characters[at] = with;
            let line: String = characters.into_iter().collect();
            if let Some(fields) = read(&line) {
                let general = origin::raw(line.as_bytes());
                prop_assert_eq!(general, Some(((0..KEYS.len()).map(|key| fields.text(key).into_owned()).collect(), fields.status)));
            }
        }

        #[test]
        fn times_are_those_of_the_calendar(second in 31_600_000..253_000_000_000_i64, nano in 0..1_000_000_000_u32, digits in 0..11_usize, offset in -1_500..1_500_i32) {
            let at = Timestamp::new(second, i32::try_from(nano).unwrap()).unwrap();
            let fraction = format!("{nano:09}0000")[..digits].to_owned();
            let fraction = if digits == 0 { fraction } else { format!(".{fraction}") };
            let sign = if offset < 0 { '-' } else { '+' };
            let text = at.strftime("%Y-%m-%dT%H:%M:%S");
            let text = format!("{text}{fraction}{sign}{:02}:{:02}", offset.abs() / 60, offset.abs() % 60);
            if let Some(millis) = time(&text) {
                prop_assert_eq!(Some(millis), text.parse::<Timestamp>().ok().map(|at| at.as_millisecond()), "{}", text);
            }
        }

        #[test]
        fn nothing_else_is_a_time(text in "(1970|2023|9999|[0-9]{4})[-+ ]?[0-9]{2}-[0-9]{2}[Tt ]([0-9]{2}:){2}[0-9]{2}([.,][0-9]{0,10})?([Zz]|[-+][0-9]{2}:?[0-9]{2})?") {
            if let Some(millis) = time(&text) {
                prop_assert_eq!(Some(millis), text.parse::<Timestamp>().ok().map(|at| at.as_millisecond()), "{}", text);
            }
        }
    }

    #[test]
    fn the_documented_lines_are_usual() {
        let line = r#"{"time":"2023-10-26T11:03:04.123+09:00","event":"request","person":"ap-00123","kind":"applicant","tenant":"school-017","session":"9f3c","method":"GET","path":"/mypage","status":200,"bytes":5120,"edge_request_id":"Zj=="}"#;
        let fields = read(line).expect("usual");
        assert_eq!(
            (fields.texts[PERSON], fields.texts[ID], fields.status),
            (Some("ap-00123"), Some("Zj=="), Some(200))
        );
        assert_eq!(time(fields.texts[TIME].unwrap_or_default()), Some(1_698_285_784_123));
        assert_eq!(time("2023-10-26T02:03:04Z"), Some(1_698_285_784_000));
    }
}
