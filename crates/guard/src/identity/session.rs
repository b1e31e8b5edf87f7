//! Sessions in requests and answers. Where two servers could read two sessions, there is none.

use http::header::{self, HeaderMap, HeaderValue};
use zeroize::Zeroizing;

use super::declaration::Carrier;

/// Most bytes of `Cookie` that are looked at; browsers and servers stop at half of it.
pub const MAX_COOKIE_BYTES: usize = 16_384;
/// Rounds of percent-encoding that are undone. Servers undo one, some two.
pub const MAX_ROUNDS: usize = 4;

/// Whose session it is depends on who reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InDoubt;

/// A session's value, in one spelling of those that servers take for the same. Wiped when dropped, and never printed.
pub type Value = Zeroizing<Vec<u8>>;

/// The values that the carriers have in a request, in the order of the carriers; none where it has none.
///
/// # Errors
/// [`InDoubt`].
pub fn of_request(carriers: &[Carrier], fields: &HeaderMap) -> Result<Vec<Option<Value>>, InDoubt> {
    let cookies: Vec<&[u8]> = fields.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes).collect();
    let by_cookie = carriers.iter().any(|carrier| matches!(carrier, Carrier::Cookie(_)));
    if by_cookie && cookies.iter().map(|line| line.len()).sum::<usize>() > MAX_COOKIE_BYTES {
        return Err(InDoubt);
    }
    let each = carriers.iter().map(|carrier| match carrier {
        Carrier::Cookie(name) => cookie(name.as_bytes(), &cookies),
        Carrier::Bearer => bearer(fields),
    });
    each.collect()
}

/// RFC 6265 section 4.2.1: pairs between semicolons. Some servers also end a pair at a comma or a space, take names in any case,
/// decode them, or take `a.b` for `a_b` (PHP) and `a[b]` for a part of `a`: if any of that finds another cookie of this name, it is
/// in doubt which one the system takes.
fn cookie(name: &[u8], lines: &[&[u8]]) -> Result<Option<Value>, InDoubt> {
    let mut found = None;
    let mut exact = 0;
    for pair in lines.iter().flat_map(|line| line.split(|byte| *byte == b';')) {
        let mut parts = pair.trim_ascii().splitn(2, |byte| *byte == b'=');
        if let (Some(said), Some(value)) = (parts.next(), parts.next())
            && said.trim_ascii() == name
        {
            exact += 1;
            let value = bare(value.trim_ascii());
            // A space before `=` makes two words of it for some; half a quotation ends in another cookie for others.
            if said != name || value.contains(&b'"') {
                return Err(InDoubt);
            }
            found = canonical(value);
        }
    }
    let tokens = lines.iter().flat_map(|line| line.split(|byte| is_boundary(*byte)));
    let any = tokens.filter(|token| {
        let mut parts = token.splitn(2, |byte| *byte == b'=');
        let said = parts.next().unwrap_or_default();
        parts.next().is_some() && (said == name || is_taken_for(said, name))
    });
    if exact > 1 || any.count() != exact { Err(InDoubt) } else { Ok(found) }
}

fn is_boundary(byte: u8) -> bool {
    matches!(byte, b';' | b',' | b'"' | b' ') || byte.is_ascii_control()
}

/// Whether some server takes one name for the other.
fn is_taken_for(said: &[u8], name: &[u8]) -> bool {
    let folded = |byte: u8| match byte {
        b'.' | b'+' | b' ' => b'_',
        byte => byte.to_ascii_lowercase(),
    };
    let said = decoded(said);
    let said = said.split(|byte| *byte == b'[').next().unwrap_or_default();
    said.trim_ascii().iter().map(|byte| folded(*byte)).eq(name.iter().map(|byte| folded(*byte)))
}

/// `Bearer` and one token (RFC 6750 section 2.1). Another scheme carries no session of this kind.
fn bearer(fields: &HeaderMap) -> Result<Option<Value>, InDoubt> {
    let mut lines = fields.get_all(header::AUTHORIZATION).iter();
    let line = match (lines.next(), lines.next()) {
        (None, _) => return Ok(None),
        (Some(line), None) => line.as_bytes().trim_ascii(),
        (Some(_), Some(_)) => return Err(InDoubt),
    };
    let end = line.iter().position(u8::is_ascii_whitespace).unwrap_or(line.len());
    let (scheme, token) = line.split_at(end);
    if !scheme.eq_ignore_ascii_case(b"bearer") {
        return Ok(None);
    }
    let token = token.trim_ascii();
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(byte);
    match token {
        [] => Ok(None),
        token if token.iter().all(plain) => Ok(Some(Zeroizing::new(token.to_vec()))),
        _ => Err(InDoubt),
    }
}

/// One spelling for all that servers take for the same value: without quotation marks, decoded. Whoever spells a session in another
/// way must not be a stranger for it. None: there is none, it is empty.
fn canonical(value: &[u8]) -> Option<Value> {
    let mut value = Zeroizing::new(bare(value.trim_ascii()).to_vec());
    for _ in 0..MAX_ROUNDS {
        if !value.contains(&b'%') {
            break;
        }
        value = decoded(&value);
    }
    for byte in value.iter_mut().filter(|byte| **byte == b'+') {
        *byte = b' ';
    }
    (!value.is_empty()).then_some(value)
}

/// Undoes one round of percent-encoding; what is none stays.
pub fn decoded(text: &[u8]) -> Value {
    let mut out = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text;
    while let [first, after @ ..] = rest {
        rest = after;
        let digit = |at: usize| after.get(at).and_then(|digit| char::from(*digit).to_digit(16));
        match (first, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => {
                out.push(u8::try_from(high << 4 | low).unwrap_or_default()); // two digits of 16: below 256
                rest = after.get(2..).unwrap_or_default();
            }
            _ => out.push(*first),
        }
    }
    out
}

/// Without the quotation marks around it (RFC 6265 section 4.1.1 has them belong to the value, servers take them away).
fn bare(value: &[u8]) -> &[u8] {
    value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value)
}

/// What an answer does with a carrier's session.
pub enum Change {
    /// It ends.
    Ended,
    /// It has this value from now on.
    Renewed(Value),
    /// It changes, but into what depends on who reads it.
    Unclear,
}

/// What the answer's `Set-Cookie` fields do with the carriers' sessions; none where they leave it as it is.
pub fn of_answer(carriers: &[Carrier], fields: &HeaderMap) -> Vec<Option<Change>> {
    let each = carriers.iter().map(|carrier| match carrier {
        Carrier::Bearer => None,
        Carrier::Cookie(name) => change(name.as_bytes(), fields),
    });
    each.collect()
}

fn change(name: &[u8], fields: &HeaderMap) -> Option<Change> {
    let mut set = false;
    let mut live: Option<Value> = None;
    for line in fields.get_all(header::SET_COOKIE) {
        let Some((said, value, ends)) = set_cookie(line.as_bytes()) else { continue };
        if said != name {
            continue;
        }
        set = true;
        let Some(value) = canonical(value).filter(|_| !ends) else { continue };
        if live.as_ref().is_some_and(|known| *known != value) {
            return Some(Change::Unclear);
        }
        live = Some(value);
    }
    set.then(|| live.map_or(Change::Ended, Change::Renewed))
}

/// Name and value of a `Set-Cookie` field, and whether it ends the cookie (RFC 6265 section 5.2): it is empty, `deleted` as PHP
/// writes it, or has no time to live. A date in the past is not looked at: a cookie that nobody will send harms nobody here.
fn set_cookie(line: &[u8]) -> Option<(&[u8], &[u8], bool)> {
    let mut parts = line.split(|byte| *byte == b';');
    let mut pair = parts.next()?.splitn(2, |byte| *byte == b'=');
    let (name, value) = (pair.next()?.trim_ascii(), pair.next()?.trim_ascii());
    let expires = parts.any(|attribute| {
        let mut pair = attribute.splitn(2, |byte| *byte == b'=');
        let name = pair.next().unwrap_or_default().trim_ascii();
        let seconds = pair.next().unwrap_or_default().trim_ascii();
        let none =
            seconds.starts_with(b"-") || !seconds.is_empty() && seconds.iter().all(|digit| *digit == b'0');
        name.eq_ignore_ascii_case(b"max-age") && none
    });
    Some((name, value, expires || value.is_empty() || value == b"deleted"))
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
