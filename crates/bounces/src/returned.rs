//! Reading a mail that came back.

use mail_parser::{HeaderValue, Message, MessageParser, MessagePart, MimeHeaders, PartType};

use crate::{Code, Verdict, words};

/// What is read at most.
pub mod limits {
    /// Bytes of a mail. Reports quote the mail that they are about; a larger one is not read.
    pub const BYTES: usize = 2 << 20;
    /// Reports in one mail: one for each recipient, and each of our mails has one.
    pub const REPORTS: usize = 20;
    /// Addresses that a mail may have been returned to.
    pub const ADDRESSES: usize = 50;
}

/// A mail that came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// What it is.
    pub returned: Returned,
    /// Addresses that may be the return path it came to: what servers noted at delivery, then its recipients. They are the sender's own
    /// addresses, or nobody's.
    pub returned_to: Vec<String>,
    /// Message-ID of the mail that it is about, as the report quotes it. Anybody can write that: no proof, a help in looking.
    pub about: Option<String>,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Returned {
    /// What became of a delivery (RFC 3464).
    Reports(Vec<Report>),
    /// The recipient's provider says that the person called it unwanted (RFC 5965).
    Complaint,
    /// Written by a program for the person: "away until Monday" (RFC 3834). It says nothing about the delivery.
    AutomaticAnswer,
    /// A note that a delivery failed, in words of its own: what could be made out.
    Note(Report),
    /// Something else: perhaps a person answers.
    Other,
}

/// What became of a delivery to one recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    /// What the server did.
    pub action: Action,
    /// Its enhanced status code.
    pub code: Option<Code>,
    /// The reply code of the last server, from its quoted words.
    pub reply: Option<u16>,
}

/// What a server did (RFC 3464, 2.3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Gave up.
    Failed,
    /// Goes on trying.
    Delayed,
    /// Put it into the mailbox.
    Delivered,
    /// Handed it to a server that gives no reports.
    Relayed,
    /// Handed it to several, such as a list.
    Expanded,
}

impl Report {
    /// What it means for the address.
    pub fn verdict(&self) -> Verdict {
        match self.action {
            Action::Failed => Verdict::of_failure(self.code, self.reply),
            Action::Delayed => Verdict::Delayed,
            Action::Delivered | Action::Relayed | Action::Expanded => Verdict::Delivered,
        }
    }
}

/// Why a mail cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// Larger than [`limits::BYTES`].
    #[error("larger than {} bytes", limits::BYTES)]
    TooLarge,
    /// It has no header at all.
    #[error("is no mail: it has no header")]
    NoMail,
}

/// Reads a mail.
///
/// # Errors
/// When it is too large or no mail. Everything else is at least [`Returned::Other`].
pub fn read(bytes: &[u8]) -> Result<Mail, Unreadable> {
    if bytes.len() > limits::BYTES {
        return Err(Unreadable::TooLarge);
    }
    // The library's checks of itself end a program that was built with them; a mail that does so is none.
    let parsed = std::panic::catch_unwind(|| MessageParser::default().parse(bytes));
    let message = parsed.ok().flatten().ok_or(Unreadable::NoMail)?;
    if message.headers().is_empty() {
        return Err(Unreadable::NoMail);
    }
    Ok(Mail { returned: returned(&message), returned_to: returned_to(&message), about: about(&message) })
}

fn returned(message: &Message<'_>) -> Returned {
    let parts = &message.parts;
    let of = |subtype: &str| parts.iter().find(|part| is(part, "message", subtype));
    if of("feedback-report").is_some() {
        return Returned::Complaint;
    }
    let status = of("delivery-status").or_else(|| of("global-delivery-status"));
    if let Some(reports) = status.map(|part| reports(&text(part))).filter(|reports| !reports.is_empty()) {
        return Returned::Reports(reports);
    }
    // An answer of a program for a person says so; a report says `auto-replied` as well, and was taken above.
    let auto = raw(message, "Auto-Submitted").unwrap_or_default().to_ascii_lowercase();
    // Programs that answer for a person write from the person's address, with an empty return path as servers do.
    let from = message.from().and_then(|from| from.first()).and_then(|from| from.address());
    let is_from_a_server = from.is_some_and(|from| {
        let local = from.split('@').next().unwrap_or_default().to_ascii_lowercase();
        matches!(local.as_str(), "mailer-daemon" | "postmaster" | "mail-daemon")
    });
    let written = message.body_text(0).unwrap_or_default();
    if is_from_a_server && let Some(report) = words::note(&written) {
        return Returned::Note(report);
    }
    let precedence = raw(message, "Precedence").unwrap_or_default().to_ascii_lowercase();
    if auto.trim_start().starts_with("auto-replied")
        || precedence.trim() == "auto_reply"
        || raw(message, "X-Autoreply").is_some()
        || raw(message, "X-Auto-Response-Suppress").is_some()
    {
        return Returned::AutomaticAnswer;
    }
    Returned::Other
}

fn is(part: &MessagePart<'_>, kind: &str, subtype: &str) -> bool {
    part.content_type().is_some_and(|stated| {
        stated.ctype().eq_ignore_ascii_case(kind)
            && stated.subtype().is_some_and(|stated| stated.eq_ignore_ascii_case(subtype))
    })
}

fn text(part: &MessagePart<'_>) -> String {
    match &part.body {
        PartType::Text(text) | PartType::Html(text) => text.to_string(),
        PartType::Binary(bytes) | PartType::InlineBinary(bytes) => {
            String::from_utf8_lossy(bytes).into_owned()
        }
        PartType::Message(message) => String::from_utf8_lossy(message.raw_message()).into_owned(),
        PartType::Multipart(_) => String::new(),
    }
}

fn raw<'m>(message: &'m Message<'_>, name: &'static str) -> Option<&'m str> {
    message.header_raw(name)
}

/// The groups of a status report: the first one is about the mail, each other about a recipient.
fn reports(text: &str) -> Vec<Report> {
    let mut reports = Vec::new();
    for group in groups(text) {
        let field = |name: &str| {
            let found = group.iter().find(|(stated, _)| stated.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.trim())
        };
        let Some(action) = field("Action").and_then(action) else { continue };
        let diagnostic = field("Diagnostic-Code").map(typed).unwrap_or_default();
        let code = field("Status").and_then(Code::parse);
        // What the last server said is nearer to the truth than "5.0.0" or "5.4.7" of the one that reports.
        let (reply, said) = words::codes(diagnostic);
        let code = match (code, said) {
            (Some(own), Some(said)) if own.subject == 0 && own.class == said.class => Some(said),
            (None, said) => said,
            (own, _) => own,
        };
        reports.push(Report { action, code, reply });
        if reports.len() == limits::REPORTS {
            break;
        }
    }
    reports
}

/// `smtp; 550 5.1.1 …` without its type.
fn typed(value: &str) -> &str {
    value.split_once(';').map_or(value, |(_, value)| value).trim()
}

fn action(value: &str) -> Option<Action> {
    let word = value.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
    match word.to_ascii_lowercase().as_str() {
        "failed" => Some(Action::Failed),
        "delayed" => Some(Action::Delayed),
        "delivered" => Some(Action::Delivered),
        "relayed" => Some(Action::Relayed),
        "expanded" => Some(Action::Expanded),
        _ => None,
    }
}

/// Groups of fields, apart by blank lines; lines that begin with a space go on with the field before.
fn groups(text: &str) -> Vec<Vec<(&str, String)>> {
    let mut groups: Vec<Vec<(&str, String)>> = vec![Vec::new()];
    for line in text.lines() {
        let group = groups.last_mut().unwrap_or_else(|| unreachable!());
        if line.trim().is_empty() {
            if !group.is_empty() {
                groups.push(Vec::new());
            }
        } else if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = group.last_mut() {
                value.push(' ');
                value.push_str(line.trim());
            }
        } else if let Some((name, value)) = line.split_once(':') {
            group.push((name.trim(), value.trim().to_owned()));
        }
    }
    groups
}

fn returned_to(message: &Message<'_>) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut add = |address: &str| {
        let address = address.trim().trim_start_matches('<').trim_end_matches('>').trim();
        if found.len() < limits::ADDRESSES
            && address.contains('@')
            && address.len() <= 254
            && !found.iter().any(|known| known == address)
        {
            found.push(address.to_owned());
        }
    };
    // Servers note the recipient of the envelope in one of these when they deliver.
    for name in ["Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "X-Delivered-To"] {
        for header in
            message.headers().iter().filter(|header| header.name.as_str().eq_ignore_ascii_case(name))
        {
            match &header.value {
                HeaderValue::Text(text) => add(text),
                HeaderValue::TextList(texts) => texts.iter().for_each(|text| add(text)),
                HeaderValue::Address(addresses) => {
                    addresses.iter().filter_map(|address| address.address()).for_each(&mut add);
                }
                _ => {}
            }
        }
    }
    for list in [message.to(), message.cc()].into_iter().flatten() {
        list.iter().filter_map(|address| address.address()).for_each(&mut add);
    }
    found
}

/// The Message-ID that the quoted mail has.
fn about(message: &Message<'_>) -> Option<String> {
    let quoted = message.parts.iter().find_map(|part| match &part.body {
        PartType::Message(quoted) => quoted.message_id().map(str::to_owned),
        _ if is(part, "text", "rfc822-headers") || is(part, "message", "rfc822-headers") => {
            let text = text(part);
            let header = groups(&text).into_iter().flatten();
            let mut ids = header.filter(|(name, _)| name.eq_ignore_ascii_case("Message-ID"));
            ids.next().map(|(_, id)| id.trim_start_matches('<').trim_end_matches('>').to_owned())
        }
        _ => None,
    });
    // Answers of programs name it instead of quoting the mail.
    let named = || match message.in_reply_to() {
        HeaderValue::Text(id) => Some(id.to_string()),
        HeaderValue::TextList(ids) => ids.first().map(ToString::to_string),
        _ => None,
    };
    quoted.or_else(named).filter(|id| id.len() <= 998 && !id.chars().any(char::is_control))
}
