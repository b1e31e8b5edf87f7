//! What servers write in words of their own.

use crate::{Code, Report, returned::Action};

/// Characters of a note that are looked at: what failed stands at its beginning, the mail that it is about below.
const LOOKED_AT: usize = 8_000;

/// Reply code and enhanced code at the beginning of what a server said, or somewhere in it.
pub(crate) fn codes(said: &str) -> (Option<u16>, Option<Code>) {
    let (mut reply, mut code) = (None, None);
    let words =
        said.split(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | ':' | ';' | ',' | '#' | '<' | '>'));
    for word in words {
        // `550-5.1.1` of an answer in several lines.
        let (first, rest) = match word.split_once('-') {
            Some((first, rest)) => (first, Some(rest)),
            None => (word, None),
        };
        for part in [Some(first), rest].into_iter().flatten() {
            if reply.is_none() && code.is_none() && part.len() == 3 {
                reply = part.parse().ok().filter(|reply| (400..600).contains(reply));
            }
            code = code.or_else(|| Code::parse(part).filter(|code| code.class != 2));
        }
        if code.is_some() {
            break;
        }
    }
    (reply, code)
}

/// Words by which notes say that there is no such mailbox.
const UNKNOWN: [&str; 12] = [
    "user unknown",
    "unknown user",
    "no such user",
    "unknown recipient",
    "invalid recipient",
    "recipient address rejected",
    "mailbox unavailable",
    "does not exist",
    "no mailbox here by that name",
    "host or domain name not found",
    "unrouteable address",
    "宛先のメールアドレスが存在しない",
];

/// Words by which notes say that something was not delivered.
const FAILED: [&str; 11] = [
    "could not be delivered",
    "couldn't be delivered",
    "wasn't delivered",
    "was not delivered",
    "undeliverable",
    "delivery failed",
    "delivery has failed",
    "permanent error",
    "permanent fatal errors",
    "giving up on it",
    "配信できませんでした",
];

/// Words by which notes say that a server goes on trying.
const DELAYED: [&str; 4] =
    ["delivery delayed", "will keep trying", "will be retried", "you do not need to resend"];

/// What a note says that somebody who reads it would understand; nothing where it is no note.
pub(crate) fn note(written: &str) -> Option<Report> {
    let head: String = written.chars().take(LOOKED_AT).collect::<String>().to_lowercase();
    let says = |words: &[&str]| words.iter().any(|words| head.contains(words));
    if says(&DELAYED) {
        return Some(Report { action: Action::Delayed, code: None, reply: None });
    }
    let (reply, code) = codes(&head);
    let unknown = says(&UNKNOWN);
    if !unknown && !says(&FAILED) && code.is_none() {
        return None;
    }
    // Words say what the code leaves open: "550" may be anything.
    let code = match code {
        Some(code) => Some(code),
        None if unknown => Some(Code { class: 5, subject: 1, detail: 1 }),
        None => None,
    };
    Some(Report { action: Action::Failed, code, reply })
}
