//! Input checks that several verbs share. Every message names the field and never quotes a value: values may be personal.

use jiff::{SignedDuration, Timestamp};

use crate::error::{Error, Result};

/// Longest narrative text, in characters.
pub const MAX_TEXT: usize = 10_000;

/// A text of one or more lines, 1 to `max` characters. Every kind of line end becomes `\n`, so that whoever prints the text
/// later has one kind to think of.
pub fn text(field: &str, text: &str, max: usize) -> Result<String> {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let text = text.trim();
    if !(1..=max).contains(&text.chars().count()) {
        return Err(Error::invalid(field, format!("wants 1 to {max} characters")));
    }
    // PostgreSQL cannot store U+0000, and no control character belongs into a report.
    if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t')) {
        return Err(Error::invalid(field, "has control characters").remedy("remove them"));
    }
    Ok(text.to_owned())
}

/// A text of one line, 1 to `max` characters.
pub fn line(field: &str, line: &str, max: usize) -> Result<String> {
    let line = text(field, line, max)?;
    if line.contains(['\n', '\t']) {
        return Err(Error::invalid(field, "wants one line"));
    }
    Ok(line)
}

/// The same, where it may be left out. Empty counts as left out.
pub fn optional_line(field: &str, given: Option<String>, max: usize) -> Result<Option<String>> {
    match given {
        Some(given) if !given.trim().is_empty() => line(field, &given, max).map(Some),
        _ => Ok(None),
    }
}

/// A name of a system or requirement, as manifests have it.
pub fn name(field: &str, name: &str) -> Result<String> {
    let plain = (1..=100).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    if !plain {
        return Err(Error::invalid(field, "wants 1 to 100 letters, digits or - . _")
            .remedy("use the name that the manifest gives"));
    }
    Ok(name.to_owned())
}

/// A code of a kind or a grade.
pub fn code(field: &str, word: &str) -> Result<String> {
    let plain = (1..=63).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    if plain { Ok(word.to_owned()) } else { Err(Error::invalid(field, "wants 1 to 63 of a-z and _")) }
}

/// How far ahead of the clock an instant may lie that is said to have happened: clocks and zones differ, a mistyped year
/// does not come near.
const AHEAD: SignedDuration = SignedDuration::from_hours(24);

/// An instant that is said to have happened.
pub fn past(field: &str, at: Timestamp, now: Timestamp) -> Result<Timestamp> {
    if at.duration_since(now) > AHEAD {
        return Err(Error::invalid(field, "lies more than a day in the future").remedy("check the year"));
    }
    sane(field, at)
}

/// An instant of this age of the world: anything else is a slip of the keyboard.
pub fn sane(field: &str, at: Timestamp) -> Result<Timestamp> {
    // 1990-01-01 and 2200-01-01 in UTC.
    if !(631_152_000..7_258_118_400).contains(&at.as_second()) {
        return Err(Error::invalid(field, "lies before 1990 or after 2199").remedy("check the year"));
    }
    Ok(at)
}

/// Start and end in that order.
pub fn order(field: &str, start: Option<Timestamp>, end: Option<Timestamp>) -> Result<()> {
    match (start, end) {
        (Some(start), Some(end)) if end < start => Err(Error::invalid(field, "ends before it starts")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_end_becomes_a_line_feed_and_none_fits_into_one_line() {
        assert_eq!(text("text", "\ra\rb\r\nc\n\r", 5).unwrap(), "a\nb\nc");
        assert!(line("title", "a\rb", 10).is_err());
        assert!(line("title", "a\tb", 10).is_err());
        assert!(text("text", "a\u{b}b", 10).is_err());
    }
}
