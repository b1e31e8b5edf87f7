//! What somebody who reads a text before it goes to thousands would stumble over. Pure. Remarks stop nothing: whoever approves decides.

use super::model::{Language, Variables};

/// What is remarked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemarkKind {
    /// Something that reads like a gap: `TBD`, `○○`, `未定`.
    Unfinished,
    /// A mail address that is not the desk's: somebody's own?
    MailAddress,
    /// A long number: somebody's?
    LongNumber,
    /// A link: people are warned not to follow links in such mails.
    Link,
    /// The desk to ask has neither address nor number.
    DeskUnreachable,
}

/// A place in a text and what is to be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    pub language: Language,
    pub variable: String,
    pub kind: RemarkKind,
}

/// Words that stand where somebody meant to write something later.
const GAPS: [&str; 12] =
    ["TBD", "TODO", "XXX", "???", "○○", "〇〇", "●●", "◯◯", "△△", "未定", "要確認", "（仮）"];
/// Digits in a row that are no year, amount or time.
const LONG: usize = 8;
/// The variable that says whom to ask: numbers and addresses belong there.
const DESK: &str = "contact_desk";

/// Looks through the author's texts.
pub fn remarks(variables: &Variables) -> Vec<Remark> {
    let mut remarks = Vec::new();
    for language in variables.languages() {
        for (variable, text) in variables.of(language).into_iter().flatten() {
            let mut add = |kind| remarks.push(Remark { language, variable: variable.clone(), kind });
            if GAPS.iter().any(|gap| text.contains(gap)) {
                add(RemarkKind::Unfinished);
            }
            let is_desk = variable == DESK;
            let (address, number) = (text.contains('@'), has_long_number(text));
            if address && !is_desk {
                add(RemarkKind::MailAddress);
            }
            if number && !is_desk {
                add(RemarkKind::LongNumber);
            }
            if is_desk && !address && !number {
                add(RemarkKind::DeskUnreachable);
            }
            if text.contains("http://") || text.contains("https://") {
                add(RemarkKind::Link);
            }
        }
    }
    remarks
}

pub(super) fn has_long_number(text: &str) -> bool {
    let mut digits = 0;
    for letter in text.chars() {
        match letter {
            '0'..='9' | '０'..='９' => digits += 1,
            // Marks within a number.
            '-' | '－' | '(' | ')' | ' ' if digits > 0 => {}
            _ => digits = 0,
        }
        if digits >= LONG {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn of(variable: &str, text: &str) -> Vec<RemarkKind> {
        let texts = BTreeMap::from([(variable.to_owned(), text.to_owned())]);
        let found = remarks(&Variables { ja: Some(texts), en: None });
        found.into_iter().map(|remark| remark.kind).collect()
    }

    #[test]
    fn gaps_numbers_addresses_and_links_are_remarked() {
        assert_eq!(of("cause", "原因は未定です"), [RemarkKind::Unfinished]);
        assert_eq!(of("cause", "write to a@b.example"), [RemarkKind::MailAddress]);
        assert_eq!(of("cause", "電話 03-1234-5678"), [RemarkKind::LongNumber]);
        assert_eq!(of("measures", "https://x.example"), [RemarkKind::Link]);
        assert_eq!(of("cause", "2023年10月26日 11:00から15:41まで、1,000円"), []);
    }

    #[test]
    fn the_desk_must_be_reachable() {
        assert_eq!(of("contact_desk", "個人情報相談窓口"), [RemarkKind::DeskUnreachable]);
        assert_eq!(of("contact_desk", "０１２０-１２３-４５６"), []);
        assert_eq!(of("contact_desk", "desk@mihon.example"), []);
    }
}
