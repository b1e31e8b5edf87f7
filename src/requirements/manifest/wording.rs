//! Wording of error texts: quoting, lists of words, the nearest word.

/// The text, shortened and [`printable`], so that it can neither flood a report nor steer a terminal.
pub(super) fn shown(text: &str) -> String {
    const SHOWN: usize = 60;
    let mut clean: String = printable(text).chars().take(SHOWN).collect();
    if text.chars().nth(SHOWN).is_some() {
        clean.push('…');
    }
    clean
}

/// The text with control characters replaced, at most 1000 characters of it.
pub(super) fn printable(text: &str) -> String {
    text.chars().take(1000).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// The value in backquotes, as [`shown`].
pub(super) fn quoted(text: &str) -> String {
    format!("`{}`", shown(text))
}

/// "did you mean `x`?", or the words to choose from when none is near.
pub(super) fn suggestion(given: &str, words: &[&str]) -> String {
    match nearest(given, words) {
        Some(word) => format!("did you mean `{word}`?"),
        None => format!("write {}", one_of(words)),
    }
}

/// "`a`", "`a` or `b`", "one of `a`, `b`, `c`".
pub(super) fn one_of(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.as_slice() {
        [one] => one.clone(),
        [one, other] => format!("{one} or {other}"),
        many => format!("one of {}", many.join(", ")),
    }
}

/// The one word that differs least, when it differs by no more than a third of its letters.
pub(super) fn nearest<'w>(given: &str, words: &[&'w str]) -> Option<&'w str> {
    let folded = fold(given);
    words
        .iter()
        .map(|word| (distance(&folded, &fold(word)), *word))
        .filter(|(distance, word)| *distance <= (word.chars().count() / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

/// Case and the choice of separator are the commonest slips (`noStore`, `no-store`), so they do not count.
fn fold(text: &str) -> Vec<char> {
    text.chars().take(80).filter(|c| !matches!(c, '-' | '_' | ' ')).flat_map(char::to_lowercase).collect()
}

/// Insertions, deletions, replacements and swaps of neighbours (optimal string alignment).
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let cost = usize::from(a[i - 1] != b[j - 1]);
            let mut best = (last[j] + 1).min(row[j - 1] + 1).min(last[j - 1] + cost);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(before[j - 2] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}
