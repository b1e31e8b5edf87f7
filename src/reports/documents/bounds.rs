//! How much of what people wrote stands in one place of a document. A timeline has up to 20,000 entries of 10,000 characters, and a
//! report that cannot be written because of them helps nobody: what is left out is counted instead. Pure.

/// Entries in one field: what a reader of a form still reads.
pub const MAX_LINES: usize = 200;
/// Characters of a field. Two of them, and what else a cell says, stay below the 50,000 that a document lets into one place.
pub const MAX_FIELD: usize = 20_000;
/// Characters of one text in the register: five of them for each of 500 incidents stay below what one document holds.
pub const MAX_CELL: usize = 1_000;
/// Characters of a table with texts of the timeline: three of them and the fields stay below what one document holds.
pub const MAX_TABLE: usize = 500_000;

/// A text, cut where it would be longer, with a mark that it was.
pub fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some(_) => text.chars().take(most.saturating_sub(1)).chain(['…']).collect(),
    }
}

/// How many of these, from the first on, have together at most so many characters.
pub fn fitting(lengths: impl IntoIterator<Item = usize>, most: usize) -> usize {
    let mut sum = 0;
    lengths
        .into_iter()
        .take_while(|length| {
            sum += length;
            sum <= most
        })
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_as_long_as_it_may_be() {
        assert_eq!(cut("漢字", 2), "漢字");
        assert_eq!(cut("漢字だ", 2), "漢…");
        assert_eq!(cut("漢字だ", 1), "…");
        assert_eq!(cut("", 0), "");
    }

    #[test]
    fn the_first_that_fit_are_counted() {
        assert_eq!(fitting([3, 3, 3], 6), 2);
        assert_eq!(fitting([7, 1], 6), 0);
        assert_eq!(fitting([1, 7, 1], 6), 1, "none is taken behind one that is not");
        assert_eq!(fitting([], 6), 0);
    }
}
