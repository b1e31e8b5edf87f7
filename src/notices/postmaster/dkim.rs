//! DKIM (RFC 6376): whether the key in the DNS is the one that signs.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::names::Names;
use super::tags::{is_list, tag};
use super::{About, Finding, State};
use crate::config::MailProvider;
use crate::notices::dkim::Dkim;

/// Looks at the record that receivers find by a signature of ours.
pub async fn look(names: &Names, provider: MailProvider, dkim: Option<&Dkim>) -> Finding {
    let about = About::Dkim;
    let Some(dkim) = dkim else {
        return match provider {
            MailProvider::None => Finding::new(about, State::Warning, "mail.dkim_selector", "mails are not signed")
                .remedy("make a key and name it, unless the mail server signs: large providers refuse many mails without a signature"),
            _ => Finding::new(about, State::Warning, "mail.provider", "the provider signs, or nobody does: that is seen in its own settings")
                .remedy("have it sign for the domain of mail.from_address"),
        };
    };
    let name = format!("{}._domainkey.{}", dkim.selector(), dkim.domain());
    // In the order of their use: the first is the one to publish.
    let keys = dkim.public_keys();
    let key = keys.first().map(|key| STANDARD.encode(key)).unwrap_or_default();
    let publish = format!("publish TXT \"v=DKIM1; k={}; p={key}\"", dkim.key_type());
    let wrong = |what: &str| Finding::new(about, State::Wrong, name.clone(), what).remedy(publish.clone());
    let Ok(records) = names.texts_that(&name, |_| true).await else { return Finding::unasked(about, name) };
    let record = match records.as_slice() {
        [] => return wrong("there is no key: no signature is believed"),
        [record] => record,
        _ => return wrong("there are several records: which one counts is anybody's guess"),
    };
    let found = match judge(record, dkim.key_type(), keys) {
        Ok(found) => found,
        Err(what) => return wrong(what),
    };
    let warning = |what: &str| {
        Finding::new(about, State::Warning, name.clone(), format!("the key is the one that signs, {what}"))
    };
    if found.for_trying {
        return warning("and says that it is being tried (t=y)")
            .remedy("take t=y out: until then a signature counts for nothing");
    }
    if found.is_bare {
        return warning("in a form that not all read (RSAPublicKey)").remedy(publish);
    }
    if dkim.key_type() == "ed25519" {
        return warning("of a kind that not all verify (Ed25519, RFC 8463)")
            .remedy("sign by an RSA key of 2048 bits where receivers are not known to verify Ed25519");
    }
    Finding::good(about, name, "the key is the one that signs")
}

/// A key that fits.
#[derive(Debug, PartialEq, Eq)]
struct Fits {
    for_trying: bool,
    /// In the second of its forms.
    is_bare: bool,
}

/// Whether a record fits these forms of a key, the usual one first.
fn judge(record: &str, key_type: &str, keys: &[Vec<u8>]) -> Result<Fits, &'static str> {
    if !is_list(record) {
        return Err("the record is no list of tags, or names one twice: none of it counts");
    }
    // Where it stands at all it stands first (RFC 6376, 3.6.1).
    let first = record.split('=').next().map(str::trim);
    if tag(record, "v").is_some_and(|version| version != "DKIM1" || first != Some("v")) {
        return Err("the record is no key (it does not begin with v=DKIM1)");
    }
    if tag(record, "k").unwrap_or("rsa") != key_type {
        return Err("the key is of another kind (k=)");
    }
    let listed = |name: &str, wanted: &[&str]| {
        tag(record, name).is_none_or(|list| list.split(':').any(|one| wanted.contains(&one.trim())))
    };
    if !listed("h", &["sha256"]) {
        return Err("the record does not take SHA-256 (h=)");
    }
    if !listed("s", &["*", "email"]) {
        return Err("the record is not for mail (s=)");
    }
    let key: String = tag(record, "p").unwrap_or_default().split_ascii_whitespace().collect();
    if key.is_empty() {
        return Err("the key was withdrawn (p= is empty)");
    }
    let form = STANDARD.decode(key).ok().and_then(|key| keys.iter().position(|own| *own == key));
    let form = form.ok_or("another key is published than the one that signs")?;
    let for_trying = tag(record, "t").is_some_and(|flags| flags.split(':').any(|flag| flag.trim() == "y"));
    Ok(Fits { for_trying, is_bare: form > 0 })
}

#[cfg(test)]
mod tests {
    use super::{Fits, judge};

    #[test]
    fn a_record_fits_its_key_and_no_other() {
        let keys = [b"our key".to_vec(), b"bare".to_vec()];
        let judged = |record| judge(record, "rsa", &keys);
        let fits = |for_trying, is_bare| Ok(Fits { for_trying, is_bare });
        assert_eq!(judged("v=DKIM1; k=rsa; p=b3VyIGtleQ=="), fits(false, false));
        assert_eq!(judged("p=b3Vy IGtl eQ=="), fits(false, false));
        assert_eq!(judged("p=YmFyZQ=="), fits(false, true));
        assert_eq!(judged("v=DKIM1; t=s:y; h=sha1:sha256; s=email; p=b3VyIGtleQ=="), fits(true, false));
        for wrong in [
            "v=DKIM1; p=",
            "v=DKIM1",
            "v=DKIM1; p=dGhlaXJzIQ==",
            "v=DKIM1; p=?",
            "v=DKIM2; p=b3VyIGtleQ==",
            "v=DKIM1; k=ed25519; p=b3VyIGtleQ==",
            "v=DKIM1; h=sha1; p=b3VyIGtleQ==",
            "v=DKIM1; s=other; p=b3VyIGtleQ==",
            "v=DKIM1; p=b3VyIGtleQ==; p=dGhlaXJzIQ==",
            "k=rsa; p=b3VyIGtleQ==; v=DKIM1",
        ] {
            assert!(judged(wrong).is_err(), "{wrong}");
        }
    }
}
