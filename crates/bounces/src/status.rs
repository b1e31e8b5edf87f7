//! Codes of delivery (RFC 3463, RFC 5321), and what follows from them.

use std::fmt;

/// An enhanced status code: class, subject, detail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// 2 success, 4 for now, 5 for good.
    pub class: u8,
    /// 1 address, 2 mailbox, 3 system, 4 network, 5 protocol, 6 content, 7 policy.
    pub subject: u16,
    /// See the registry.
    pub detail: u16,
}

impl Code {
    /// From `5.1.1`, also at the beginning of a longer text.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim_start();
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let mut parts = text[..end].trim_end_matches('.').split('.');
        let class = parts.next()?.parse().ok().filter(|class| matches!(class, 2 | 4 | 5))?;
        let number = |part: Option<&str>| part.filter(|part| part.len() <= 3)?.parse().ok();
        let code = Code { class, subject: number(parts.next())?, detail: number(parts.next())? };
        parts.next().is_none().then_some(code)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

/// What a report means for the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verdict {
    /// It arrived, or went on to a server that gives no reports.
    Delivered,
    /// Not yet; the server goes on trying.
    Delayed,
    /// Given up, for a reason that may pass: full, busy, refused by a policy or for its content. The address may be right.
    Soft,
    /// Given up, because there is no such address, mailbox or domain.
    Hard,
}

impl Verdict {
    /// Of a report that something was given up. What says nothing of the address itself is soft: a person is not written off because a
    /// server did not like the sender.
    pub fn of_failure(code: Option<Code>, reply: Option<u16>) -> Self {
        match (code, reply) {
            (Some(code), _) => of_code(code),
            // Without a code of its own: "no such user" is 550, and so is every refusal by policy.
            (None, Some(551 | 553)) => Verdict::Hard,
            (None, _) => Verdict::Soft,
        }
    }
}

fn of_code(code: Code) -> Verdict {
    match (code.class, code.subject, code.detail) {
        // Bad mailbox, bad system (no such domain), bad syntax, moved away, null MX (RFC 7505).
        (5, 1, 1 | 2 | 3 | 6 | 10) => Verdict::Hard,
        // 5.1.0 "other address status" is what several servers say of an unknown user.
        (5, 1, 0) => Verdict::Hard,
        // A disabled mailbox is closed for good as far as anybody outside can know.
        (5, 2, 1) => Verdict::Hard,
        // The domain has no servers that answer: 5.4.4 "unable to route".
        (5, 4, 4) => Verdict::Hard,
        _ => Verdict::Soft,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_where_they_stand() {
        let code = |class, subject, detail| Some(Code { class, subject, detail });
        assert_eq!(Code::parse("5.1.1"), code(5, 1, 1));
        assert_eq!(Code::parse(" 4.2.2 (over quota)"), code(4, 2, 2));
        assert_eq!(Code::parse("5.7.26."), code(5, 7, 26));
        for text in ["", "5", "5.1", "5.1.1.1", "3.1.1", "550 5.1.1", "5.1.1234", "x5.1.1"] {
            assert_eq!(Code::parse(text), None, "{text}");
        }
    }

    #[test]
    fn only_what_is_wrong_with_the_address_is_hard() {
        let of = |text: &str, reply| Verdict::of_failure(Code::parse(text), reply);
        for text in ["5.1.1", "5.1.2", "5.1.10", "5.2.1", "5.4.4"] {
            assert_eq!(of(text, Some(550)), Verdict::Hard, "{text}");
        }
        // Full, too large, expired, spam, DMARC, greylisted.
        for text in ["5.2.2", "5.2.3", "5.4.7", "4.4.7", "5.7.1", "5.7.26", "4.7.1", "5.0.0", "5.6.0"] {
            assert_eq!(of(text, Some(550)), Verdict::Soft, "{text}");
        }
        assert_eq!(of("", Some(550)), Verdict::Soft, "policy and unknown users have the same code");
        assert_eq!(of("", Some(551)), Verdict::Hard);
    }
}
