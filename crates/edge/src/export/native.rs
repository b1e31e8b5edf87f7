//! Routes as regular expressions over the raw path, in the order in which the first match decides.

use std::fmt::Write as _;

use super::Note;
use crate::error::RuleError;
use crate::route::Route;
use crate::route::RouteTable;
use crate::route::pattern::{Pattern, Segment};
use crate::rules::{Caching, Class, Lifetime};

/// nginx reads a configuration word of less than 4,096 bytes.
const MAX_EXPRESSION: usize = 3_500;

/// A path that two servers cannot read differently; everything else is personal. The same bytes as the engine's common
/// path. Without anchors at the end, see [`End`].
pub(super) const NOT_PLAIN: &str = r"^(?!/)|[^a-zA-Z0-9/_.~!$&'()*+,=:@-]|//|\.(?:/|END)";

/// Refused whatever it ends in; ignoring case.
pub(super) const HOSTILE: &str = r"[\x00-\x20\x7f\\#]|%(?:[01][0-9a-f]|7f|5c|23|3f)|%(?![0-9a-f][0-9a-f])|(?:/|%2f)(?:\x2e|%2e)(?:\x2e|%2e)?(?:/|%2f|END)";

/// Refused because it ends like a file and servers disagree about what comes before; ignoring case.
pub(super) const CONFUSED_FILE: &str = r"^(?=.*(?:;|%3b|%2f|%2e|%25)).*(?:\x2e|%2e|%252e)[a-z0-9]{1,10}/?END";

/// Request header by which a proxy that the guard trusts names the channel of a request. What a visitor says there is thrown away: an edge
/// passes on what it does not know, and the guard would take it for the edge's word.
pub(super) const CHANNEL: &str = "X-Suimon-Channel";

/// How an engine writes the end of the text.
#[derive(Clone, Copy)]
pub(super) enum End {
    /// PCRE, where `$` also matches before a last line end.
    Pcre,
    /// JavaScript without the flag `m`.
    JavaScript,
}

impl End {
    pub(super) fn of(self, expression: &str) -> String {
        expression.replace(
            "END",
            match self {
                Self::Pcre => r"\z",
                Self::JavaScript => "$",
            },
        )
    }
}

/// One line of the ordered list.
pub(super) struct NativeRule<'t> {
    /// `r` and the position in the table.
    pub(super) id: String,
    pub(super) route: &'t Route,
    /// What to match, `END` standing for the end. Personal ones ignore case, and allow for a slash at the end and for
    /// anything after a delimiter.
    pub(super) expression: String,
    /// None for what must not be stored.
    pub(super) shared: Option<Shared<'t>>,
}

/// What a storable route declares.
#[derive(Clone, Copy)]
pub(super) enum Shared<'t> {
    Origin,
    Lifetime(&'t Lifetime, &'t str),
}

impl NativeRule<'_> {
    pub(super) fn is_personal(&self) -> bool {
        self.shared.is_none()
    }

    /// Suffixes that it allows, none included; `None` if it allows all.
    pub(super) fn suffixes(&self) -> Option<String> {
        if !self.route.is_personal() && self.route.suffixes.is_empty() {
            return None;
        }
        let declared =
            self.route.pattern.last_name().and_then(|last| last.rsplit_once('.')).map(|(_, end)| end);
        let all = self.route.suffixes.iter().map(|suffix| &**suffix).chain(declared);
        Some(all.map(|suffix| format!("|{}", literal(suffix))).collect())
    }
}

pub(super) fn rules(table: &RouteTable) -> Result<(Vec<NativeRule<'_>>, Vec<Note>), RuleError> {
    let (mut rules, mut notes) = (Vec::new(), Vec::new());
    for (at, route) in table.routes.iter().enumerate() {
        let shared = match &route.class {
            Class::Public(Caching::Origin) => Some(Shared::Origin),
            Class::Public(Caching::Shared(lifetime)) => route
                .cache_control
                .as_ref()
                .and_then(|value| value.to_str().ok())
                .map(|text| Shared::Lifetime(lifetime, text)),
            Class::Public(Caching::NoStore) | Class::Personal => None,
        };
        let shared = shared.filter(|_| route.answers(&http::Method::GET));
        let mut note = |text| notes.push(Note { route: Some(route.name.to_string()), text });
        let expression =
            if route.is_personal() { tolerant(&route.pattern.folded()) } else { exact(&route.pattern) };
        let Some(expression) = expression else {
            note(if shared.is_some() {
                "the pattern is not ASCII: the edge treats its paths as personal"
            } else {
                "the pattern is not ASCII: its paths are personal at the edge, but unknown suffixes are not refused there"
            });
            continue;
        };
        if expression.len() > MAX_EXPRESSION {
            return Err(RuleError::new(
                format!("routes.{at}.pattern"),
                "is too long for the configuration of an edge",
                "shorten it, or end it earlier in `/**`",
            ));
        }
        rules.push(NativeRule { id: format!("r{at}"), route, expression, shared });
    }
    Ok((rules, notes))
}

fn exact(pattern: &Pattern) -> Option<String> {
    let mut text = String::from("^");
    for (at, segment) in pattern.segments().iter().enumerate() {
        match segment {
            Segment::Rest if at == 0 => text.push_str("/.*"),
            Segment::Rest => text.push_str("(?:/.*)?"),
            Segment::Any => text.push_str("/[^/]+"),
            Segment::Literal(name) => {
                text.push('/');
                text.push_str(&ascii_literal(name)?);
            }
        }
    }
    text.push_str("END");
    Some(text)
}

fn tolerant(pattern: &Pattern) -> Option<String> {
    const AFTER_DELIMITER: &str = "[^a-zA-Z0-9_/-][^/]*";
    let mut text = String::from("^");
    let segments = pattern.segments();
    for (at, segment) in segments.iter().enumerate() {
        let is_last = at + 1 == segments.len();
        match segment {
            Segment::Rest if at == 0 => text.push_str("/.*"),
            Segment::Rest => text.push_str("(?:[^a-zA-Z0-9_-].*)?"),
            Segment::Any => text.push_str(if is_last { "/[^/]+/?" } else { "/[^/]+" }),
            Segment::Literal(name) if name.is_empty() && is_last => {
                // `/a/`, also as `/a`, `/a.x` and `/a/.x`; for `/` itself the slash must be there.
                if at == 0 {
                    let _ = write!(text, "/(?:{AFTER_DELIMITER}/?)?");
                } else {
                    let _ = write!(text, "(?:{AFTER_DELIMITER})?(?:/(?:{AFTER_DELIMITER}/?)?)?");
                }
            }
            Segment::Literal(name) => {
                text.push('/');
                text.push_str(&ascii_literal(name)?);
                if is_last {
                    let _ = write!(text, "(?:{AFTER_DELIMITER})?/?");
                }
            }
        }
    }
    text.push_str("END");
    Some(text)
}

fn ascii_literal(text: &str) -> Option<String> {
    text.is_ascii().then(|| literal(text))
}

/// Letters and digits as they are, everything else as `\xHH`: no byte of a name means anything to a regular expression,
/// nor to the quotes around it.
pub(super) fn literal(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out
}
