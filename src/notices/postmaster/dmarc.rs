//! DMARC (RFC 7489): what receivers do with mails that say they come from this domain, and whether ours pass.

use super::names::Names;
use super::tags::{is_list, tag};
use super::{About, Finding, State};

/// Parents of a domain that are asked.
const MOST_LABELS: usize = 8;

/// What applies to a domain.
struct Policy {
    record: String,
    /// Whose it is: the domain's own, or that of one above it.
    at: String,
    /// The highest domain above that has one, too: what is below it belongs together.
    top: String,
}

/// What passes, as far as it was looked at.
pub struct Ways<'a> {
    /// The domain of the return path. None: a provider's own.
    pub returns: Option<&'a str>,
    /// How SPF of that domain stands.
    pub spf: State,
    /// For which domain mails are signed here.
    pub signed: Option<&'a str>,
    /// How the published key stands.
    pub dkim: State,
}

/// Looks for the policy of `from`, and whether mails pass it: by a way that works, for a domain that counts as the sender's.
pub async fn look(names: &Names, from: &str, ways: &Ways<'_>) -> Finding {
    let about = About::Dmarc;
    let Policy { record, at, top } = match policy(names, from).await {
        Ok(Some(found)) => found,
        Ok(None) => {
            return Finding::new(about, State::Warning, format!("_dmarc.{from}"), "there is no policy").remedy(
                "publish TXT \"v=DMARC1; p=none\" at least: large providers refuse many mails of domains without one",
            );
        }
        Err(None) => return Finding::unasked(about, format!("_dmarc.{from}")),
        Err(Some(problem)) => return problem,
    };
    let name = format!("_dmarc.{at}");
    if !is_list(&record) {
        let what = "the policy is no list of tags, or names one twice: none of it counts";
        return Finding::new(about, State::Warning, name, what).remedy("correct the record");
    }
    let value = |tag_name| tag(&record, tag_name).map(str::to_ascii_lowercase);
    // For a name below the one that has the policy, another may be said.
    let stated = if at == from { None } else { value("sp") };
    let policy = stated.or_else(|| value("p")).unwrap_or_default();
    if !matches!(policy.as_str(), "none" | "quarantine" | "reject") {
        return Finding::new(about, State::Warning, name, "the policy has no p= that is known")
            .remedy("publish p=none, quarantine or reject");
    }
    let counts = |domain: Option<&str>, mode| {
        domain.is_some_and(|domain| is_aligned(domain, from, &top, value(mode).as_deref() == Some("s")))
    };
    let (own_path, own_signature) = (counts(ways.returns, "aspf"), counts(ways.signed, "adkim"));
    let (by_spf, by_dkim) = (own_path && ways.spf == State::Good, own_signature && ways.dkim == State::Good);
    let by = match (by_spf, by_dkim) {
        (true, true) => "by SPF and by DKIM",
        (true, false) => "by SPF alone, which a mail that is passed on loses",
        (false, true) => "by DKIM alone",
        (false, false) => {
            let wrong_alone = |own: bool, state| !own || state == State::Wrong;
            // A provider may pass by its own signature; names that end alike may be one organisation's; what was not looked at may be well.
            let related =
                ways.returns.into_iter().chain(ways.signed).any(|domain| looks_related(domain, from));
            let certain = ways.returns.is_some()
                && wrong_alone(own_path, ways.spf)
                && wrong_alone(own_signature, ways.dkim)
                && (own_path || own_signature || !related);
            let state = if certain && policy != "none" { State::Wrong } else { State::Warning };
            let what = format!(
                "mails {} pass: return path {}, signature {}; policy {policy}",
                if certain { "do not" } else { "may not" },
                way(ways.returns.unwrap_or("of the provider"), own_path, ways.spf),
                way(ways.signed.unwrap_or("none"), own_signature, ways.dkim),
            );
            return Finding::new(about, state, name, what).remedy(
                "put SPF and DKIM right; sign for the domain of mail.from_address (mail.dkim_domain), or take a return path below it",
            );
        }
    };
    // Whose names belong together is in a list of public suffixes, which is not here: that two are below a third is no proof.
    let sure = |domain: Option<&str>| {
        domain.is_some_and(|domain| [from, &top].iter().any(|own| own.eq_ignore_ascii_case(domain)))
            || top.eq_ignore_ascii_case(from)
    };
    let proven = (by_spf && sure(ways.returns)) || (by_dkim && sure(ways.signed));
    if !proven {
        let what =
            format!("policy {policy}; mails pass {by} if all names below {top} are one organisation's");
        return Finding::new(about, State::Warning, name, what)
            .remedy("sign for the domain of mail.from_address itself: then nobody has to know that");
    }
    Finding::good(about, name, format!("policy {policy}; mails pass {by}"))
}

fn way(domain: &str, own: bool, state: State) -> String {
    match (own, state) {
        (false, _) => format!("{domain} (not the sender's)"),
        (true, State::Good) => domain.to_owned(),
        (true, state) => format!("{domain} ({})", state.as_str()),
    }
}

async fn policy(names: &Names, from: &str) -> Result<Option<Policy>, Option<Finding>> {
    let labels: Vec<&str> = from.split('.').collect();
    let first = labels.len().saturating_sub(MOST_LABELS).max(1);
    let mut nearest: Option<Policy> = None;
    for begin in std::iter::once(0).chain(first..labels.len().saturating_sub(1)) {
        let domain = labels.get(begin..).unwrap_or_default().join(".");
        let name = format!("_dmarc.{domain}");
        let mut found = names.of_version(&name, "v=DMARC1").await.map_err(|_| None)?;
        // A registry's own: what is below it belongs to many. And one that says that nothing above it is its own.
        let says = |value| found.iter().any(|record| tag(record, "psd") == Some(value));
        let (is_registry, is_highest) = (says("y"), says("n"));
        match (found.len(), &mut nearest) {
            (0, _) => {}
            (_, Some(_)) if is_registry => break,
            (_, Some(nearest)) => nearest.top = domain,
            (1, None) => {
                let record = found.remove(0);
                nearest = Some(Policy { record, at: domain.clone(), top: domain });
            }
            (number, None) => {
                let what =
                    format!("there are {number} policies: receivers take none of them (RFC 7489, 6.6.3)");
                let finding = Finding::new(About::Dmarc, State::Wrong, name, what);
                return Err(Some(finding.remedy("leave one of them")));
            }
        }
        if is_highest {
            break;
        }
    }
    Ok(nearest)
}

/// Whether a domain counts as that of the sender: the same, or below the highest one that has a policy unless the same is wanted.
fn is_aligned(domain: &str, from: &str, top: &str, strict: bool) -> bool {
    let (domain, from, top) =
        (domain.to_ascii_lowercase(), from.to_ascii_lowercase(), top.to_ascii_lowercase());
    domain == from || (!strict && (domain == top || domain.ends_with(&format!(".{top}"))))
}

/// Whether two domains end in the same two labels.
fn looks_related(one: &str, other: &str) -> bool {
    let end = |domain: &str| {
        let labels: Vec<String> = domain.rsplit('.').take(2).map(str::to_ascii_lowercase).collect();
        (labels.len() == 2).then_some(labels)
    };
    end(one).is_some() && end(one) == end(other)
}

#[cfg(test)]
mod tests {
    use super::is_aligned;

    #[test]
    fn a_domain_that_only_ends_alike_is_another_one() {
        assert!(is_aligned("Bounces.city.example", "city.example", "city.example", false));
        assert!(is_aligned("city.example", "mail.city.example", "city.example", false));
        assert!(!is_aligned("bounces.city.example", "city.example", "city.example", true));
        assert!(!is_aligned("notcity.example", "city.example", "city.example", false));
        assert!(!is_aligned("example", "city.example", "city.example", false));
    }
}
