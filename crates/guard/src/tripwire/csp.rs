//! Whether a page's own policy lets it load the guard's script (Content Security Policy Level 3, W3C).
//!
//! The policy is read and never changed. Whatever is not understood counts as a refusal.

use http::HeaderMap;
use http::header;
use http::uri::Authority;

/// What a page's policies say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    pub script: Script,
    /// The script may report what it sees.
    pub reports: bool,
}

/// Whether the script runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Script {
    Runs,
    /// With this nonce, which the page uses for its own scripts.
    WithNonce(String),
    Refused,
}

/// Longest nonce that is taken over, in bytes.
const LONGEST_NONCE: usize = 256;

/// Where a page and the guard's script come from.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    pub host: &'a Authority,
    /// As the client speaks, as far as the guard knows.
    pub encrypted: bool,
    pub path: &'a str,
}

/// Reads the policies of an answer. All of them must agree.
pub fn read(fields: &HeaderMap, script: Place<'_>, reports: Place<'_>) -> Policy {
    let mut needed: Vec<Vec<&str>> = Vec::new();
    let mut policy = Policy { script: Script::Runs, reports: true };
    for line in fields.get_all(header::CONTENT_SECURITY_POLICY) {
        let Ok(line) = line.to_str() else {
            return Policy { script: Script::Refused, reports: false };
        };
        for one in line.split(',') {
            let directives = directives(one);
            let of = |names: &[&str]| {
                names
                    .iter()
                    .find_map(|name| directives.iter().find(|(said, _)| said == name))
                    .map(|(_, list)| list)
            };
            // Without the second it runs and may read no cookie.
            let lacks = |flags: &&Vec<&str>| !has(flags, "allow-scripts") || !has(flags, "allow-same-origin");
            if of(&["sandbox"]).as_ref().is_some_and(lacks) {
                policy.script = Script::Refused;
            }
            if let Some(list) = of(&["script-src-elem", "script-src", "default-src"])
                && (has(list, "'strict-dynamic'") || !list.iter().any(|source| matches(source, script)))
            {
                needed.push(list.iter().filter_map(|source| nonce(source)).collect());
            }
            if let Some(list) = of(&["connect-src", "default-src"]) {
                policy.reports &= list.iter().any(|source| matches(source, reports));
            }
        }
    }
    if let Some((first, others)) = needed.split_first()
        && policy.script == Script::Runs
    {
        let common = first.iter().find(|nonce| others.iter().all(|list| list.contains(nonce)));
        policy.script = common.map_or(Script::Refused, |nonce| Script::WithNonce((*nonce).to_owned()));
    }
    policy
}

/// Name and sources of each directive; of several with one name the first counts (section 2.2.1).
fn directives(policy: &str) -> Vec<(String, Vec<&str>)> {
    let mut directives: Vec<(String, Vec<&str>)> = Vec::new();
    for directive in policy.split(';') {
        let mut words = directive.split_ascii_whitespace();
        let Some(name) = words.next().map(str::to_ascii_lowercase) else { continue };
        if !directives.iter().any(|(known, _)| *known == name) {
            directives.push((name, words.collect()));
        }
    }
    directives
}

fn has(list: &[&str], keyword: &str) -> bool {
    list.iter().any(|source| source.eq_ignore_ascii_case(keyword))
}

/// A nonce that can stand in an attribute as it is: base64 in either alphabet.
fn nonce(source: &str) -> Option<&str> {
    let (prefix, rest) = source.split_at_checked("'nonce-".len())?;
    let nonce = rest.strip_suffix('\'').filter(|_| prefix.eq_ignore_ascii_case("'nonce-"))?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"+/-_=".contains(&byte);
    (1..=LONGEST_NONCE).contains(&nonce.len()).then_some(nonce).filter(|nonce| nonce.bytes().all(plain))
}

/// Section 6.7.2.8, for a URL of the page's own origin.
fn matches(source: &str, place: Place<'_>) -> bool {
    if source == "*" || source.eq_ignore_ascii_case("'self'") {
        return true;
    }
    let scheme_matches = |scheme: &str| {
        scheme.eq_ignore_ascii_case("http") || place.encrypted && scheme.eq_ignore_ascii_case("https")
    };
    if let Some(scheme) = source.strip_suffix(':') {
        return scheme_matches(scheme);
    }
    let rest = match source.split_once("://") {
        Some((scheme, rest)) if scheme_matches(scheme) => rest,
        Some(_) => return false,
        None => source,
    };
    let (host, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) => (name, Some(port)),
        None => (host, None),
    };
    let own = place.host.host();
    let named = match name.strip_prefix("*.") {
        Some(parent) => {
            let parent_at = own.len().checked_sub(parent.len()).filter(|at| *at > 1);
            parent_at.is_some_and(|at| {
                own.get(at..).is_some_and(|end| end.eq_ignore_ascii_case(parent))
                    && own.as_bytes().get(at - 1) == Some(&b'.')
            })
        }
        None => name.eq_ignore_ascii_case(own),
    };
    let default = if place.encrypted { 443 } else { 80 };
    let own_port = place.host.port_u16().unwrap_or(default);
    let reached = match port {
        Some("*") => true,
        Some(port) => port.parse() == Ok(own_port),
        None => own_port == default,
    };
    let within = path.is_empty() || path == place.path || path.ends_with('/') && place.path.starts_with(path);
    named && reached && within
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn of(lines: &[&str]) -> Policy {
        let mut fields = HeaderMap::new();
        for line in lines {
            fields.append(header::CONTENT_SECURITY_POLICY, HeaderValue::from_str(line).unwrap());
        }
        let host: Authority = "school.example".parse().unwrap();
        let place = |path| Place { host: &host, encrypted: true, path };
        read(
            &fields,
            place("/.well-known/suimon/guard/tripwire.js"),
            place("/.well-known/suimon/guard/report"),
        )
    }

    fn nonce_of(text: &str) -> Script {
        Script::WithNonce(text.to_owned())
    }

    #[test]
    fn policies() {
        for (lines, script, reports) in [
            (&[][..], Script::Runs, true),
            (&[""], Script::Runs, true),
            (&["frame-ancestors 'none'; object-src 'none'"], Script::Runs, true),
            (&["default-src 'self'"], Script::Runs, true),
            (&["default-src 'none'; script-src 'SELF'"], Script::Runs, false),
            (&["default-src 'none'; script-src 'self'; connect-src 'self'"], Script::Runs, true),
            (&["script-src 'none'"], Script::Refused, true),
            (&["script-src"], Script::Refused, true),
            (&["script-src 'self'; script-src-elem 'none'"], Script::Refused, true),
            (&["SCRIPT-SRC 'none'; script-src 'self'"], Script::Refused, true),
            (&["script-src https:"], Script::Runs, true),
            (&["script-src http:"], Script::Runs, true),
            (&["script-src ws:"], Script::Refused, true),
            (&["script-src *"], Script::Runs, true),
            (&["script-src school.example"], Script::Runs, true),
            (&["script-src https://SCHOOL.example:443"], Script::Runs, true),
            (&["script-src school.example:8443"], Script::Refused, true),
            (&["script-src school.example:*"], Script::Runs, true),
            (&["script-src *.example"], Script::Runs, true),
            (&["script-src *.school.example *.ol.example"], Script::Refused, true),
            (&["script-src school.example/assets/"], Script::Refused, true),
            (&["script-src school.example/.well-known/suimon/guard/"], Script::Runs, true),
            (&["script-src cdn.example 'unsafe-inline' 'unsafe-eval'"], Script::Refused, true),
            (&["script-src 'nonce-abc123=='"], nonce_of("abc123=="), true),
            (&["script-src 'self' 'nonce-abc' 'strict-dynamic'"], nonce_of("abc"), true),
            (&["script-src 'self' 'strict-dynamic'"], Script::Refused, true),
            (&["script-src 'nonce-a\"><b'"], Script::Refused, true),
            (&["script-src 'nonce-'"], Script::Refused, true),
            (&["script-src 'nonce-a'", "script-src 'nonce-b'"], Script::Refused, true),
            (&["script-src 'nonce-a' 'nonce-b'", "script-src 'nonce-b'"], nonce_of("b"), true),
            (&["script-src 'nonce-a', script-src 'none'"], Script::Refused, true),
            (&["default-src 'self'", "script-src 'none'"], Script::Refused, true),
            (&["sandbox allow-forms"], Script::Refused, true),
            (&["sandbox allow-scripts"], Script::Refused, true),
            (&["sandbox allow-scripts allow-same-origin"], Script::Runs, true),
            (&["connect-src 'none'"], Script::Runs, false),
        ] {
            assert_eq!(of(lines), Policy { script, reports }, "{lines:?}");
        }
    }

    #[test]
    fn what_is_no_text_refuses() {
        let mut fields = HeaderMap::new();
        let line = HeaderValue::from_bytes(b"script-src 'self' \xff").unwrap();
        fields.insert(header::CONTENT_SECURITY_POLICY, line);
        let host: Authority = "a.example".parse().unwrap();
        let place = Place { host: &host, encrypted: false, path: "/" };
        assert_eq!(read(&fields, place, place), Policy { script: Script::Refused, reports: false });
    }

    proptest! {
        /// Whatever a policy says, what goes into the page is nothing but a nonce of its own.
        #[test]
        fn no_policy_writes_into_the_page(line in "[ -~]{0,120}") {
            if let Script::WithNonce(nonce) = of(&[&line]).script {
                prop_assert!(line.contains(&nonce) && nonce.bytes().all(|byte| !b"\"'<>& ".contains(&byte)));
            }
        }
    }
}
