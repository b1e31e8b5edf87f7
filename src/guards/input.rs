//! What a guard may tell, checked before anything is written. Messages name the field and quote nothing.

use super::model::{GuardFinding, NewReport, NewSighting};
use crate::error::{Error, Result};
use crate::requirements::Watched;

/// Findings, sightings, and requirements that were watched, in one report.
const MOST: usize = 100;

/// Names what is wrong with a report.
pub fn check(report: &NewReport) -> Result<()> {
    let NewReport { system: _, node, rules, version, started_at: _, findings, sightings, watched } = report;
    let node_is_plain = (1..=63).contains(&node.len()) && node.bytes().all(is_of_a_name);
    wants(node_is_plain, "node", "wants 1 to 63 letters, digits or - . _")?;
    wants(rules.as_ref().is_none_or(|digest| is_hex(digest, 64)), "rules", "wants 64 digits 0-9, a-f")?;
    let version_is_plain = (1..=50).contains(&version.len()) && version.bytes().all(|b| b.is_ascii_graphic());
    wants(version_is_plain, "version", "wants 1 to 50 visible ASCII characters")?;
    let counts = [
        (findings.len(), "findings"),
        (sightings.len(), "sightings"),
        (watched.len(), "watched requirements"),
    ];
    for (count, field) in counts {
        if count > MOST {
            return Err(Error::limit(format!("a report has more than {MOST} {field}"))
                .remedy("tell the rest in a further one"));
        }
    }
    findings.iter().enumerate().try_for_each(|(at, finding)| finding_is_plain(at, finding))?;
    sightings.iter().enumerate().try_for_each(|(at, sighting)| sighting_is_plain(at, sighting))?;
    watched.iter().enumerate().try_for_each(|(at, watched)| watched_is_plain(at, watched))
}

fn watched_is_plain(at: usize, watched: &Watched) -> Result<()> {
    let Watched { id: _, requirement, fingerprint, mode: _, since, until, judged, .. } = watched;
    let Watched { noted, corrected, uncorrected, .. } = watched;
    let field = |name: &str| format!("watched[{at}].{name}");
    let plain = (1..=63).contains(&requirement.len()) && requirement.bytes().all(is_of_a_name);
    wants(plain, &field("requirement"), "wants the name of a requirement")?;
    wants(is_hex(fingerprint, 64), &field("fingerprint"), "wants 64 digits 0-9, a-f")?;
    wants(since <= until, &field("until"), "lies before `since`")?;
    let parts = noted.saturating_add(*corrected).saturating_add(*uncorrected);
    wants(parts <= *judged, &field("judged"), "is less than its parts")
}

fn finding_is_plain(at: usize, finding: &GuardFinding) -> Result<()> {
    let GuardFinding { id: _, at: _, route, kind, grade, effect } = finding;
    wants_route(&format!("findings[{at}].route"), route.as_deref())?;
    for (field, word) in [("kind", kind), ("grade", grade), ("effect", effect)] {
        let plain =
            (1..=63).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        wants(plain, &format!("findings[{at}].{field}"), "wants 1 to 63 of a-z and _")?;
    }
    Ok(())
}

fn sighting_is_plain(at: usize, sighting: &NewSighting) -> Result<()> {
    let NewSighting { response_id, route, owner, viewer, .. } = sighting;
    let field = |name: &str| format!("sightings[{at}].{name}");
    wants(is_hex(response_id, 32), &field("responseId"), "wants 32 digits 0-9, a-f")?;
    wants_route(&field("route"), route.as_deref())?;
    for (name, pseudonym) in [("owner", owner), ("viewer", viewer)] {
        let plain = pseudonym.as_ref().is_none_or(|pseudonym| is_pseudonym(pseudonym));
        wants(plain, &field(name), "wants a pseudonym of the access log, KEYID.HEX")?;
    }
    Ok(())
}

/// `KEYID.HEX`, so that nobody's name or mail address comes in by mistake.
fn is_pseudonym(text: &str) -> bool {
    text.split_once('.').is_some_and(|(key, hex)| {
        (1..=16).contains(&key.len())
            && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
            && is_hex(hex, 32)
    })
}

fn wants_route(field: &str, route: Option<&str>) -> Result<()> {
    let plain = |name: &str| (1..=100).contains(&name.len()) && name.bytes().all(is_of_a_name);
    wants(route.is_none_or(plain), field, "wants the name of a declared route")
}

fn is_of_a_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._".contains(&byte)
}

fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn wants(holds: bool, field: &str, what: &str) -> Result<()> {
    if holds { Ok(()) } else { Err(Error::invalid(field, what)) }
}

#[cfg(test)]
mod tests {
    use super::is_pseudonym;

    #[test]
    fn pseudonyms_have_one_form() {
        assert!(is_pseudonym("k1.00112233445566778899aabbccddeeff"));
        for wrong in [
            "",
            "k1.",
            ".00112233445566778899aabbccddeeff",
            "k1.00112233445566778899AABBCCDDEEFF",
            "k1.00112233445566778899aabbccddeef",
            "K1.00112233445566778899aabbccddeeff",
            "hanako.example@example.jp",
        ] {
            assert!(!is_pseudonym(wrong), "{wrong}");
        }
    }
}
