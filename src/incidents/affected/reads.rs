//! Entries of the audit log as reads: what each of them shows of whom, and the people of a list that come of them. Pure.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use super::model::{Class, Evidence, Form, LoggedRead, Origin, RevisionPerson, ShownField};
use crate::audit::Entry;

/// Entries that are kept for a person at a tenant; their number is always kept.
const MAX_LINES: usize = 50;

/// What an entry of the audit log is to somebody who asks for reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// Somebody got data of people.
    Read(Shows),
    /// Somebody asked for it and got nothing.
    Refused,
    /// The service opened an address to write to it: it was shown to nobody.
    ByTheService,
    /// Somebody got a list of pseudonyms.
    List,
    Other,
}

/// What a read shows of each of its people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shows {
    /// Fields by their own names, without the record type.
    Fields(Vec<(String, Form)>),
    /// Fields whose form is not recorded: they may have been in clear.
    FormUnknown(Vec<String>),
    /// Nothing is recorded of the fields: it may have been any of them.
    Anything,
}

/// What an entry is. A document to a person (`subject.export`) is no read of its own: its values are recorded as one just before it. What
/// a program was told about permissions (`authzen.*`) holds no data.
pub fn meaning(entry: &Entry) -> Meaning {
    let read =
        matches!(&*entry.action, "subject.read" | "subject.found" | "subject.contact" | "captured_mail.read");
    if !read {
        let list = ["subject.list", "revision.people", "revision.difference", "message.list"];
        return if entry.allowed && list.contains(&&*entry.action) { Meaning::List } else { Meaning::Other };
    }
    if !entry.allowed {
        return Meaning::Refused;
    }
    if entry.actor.starts_with("system:") {
        return Meaning::ByTheService;
    }
    Meaning::Read(shows(entry))
}

fn shows(entry: &Entry) -> Shows {
    let all = |form: Form| entry.fields.iter().map(|field| (field.clone(), form)).collect();
    match &*entry.action {
        // Whoever finds somebody by the whole value knows it; by a part, that part.
        "subject.found" if !entry.fields.is_empty() => {
            let part = entry.detail["mode"].as_str().is_some_and(|mode| mode != "exact");
            Shows::Fields(all(if part { Form::Masked } else { Form::Plaintext }))
        }
        "subject.contact" if !entry.fields.is_empty() => Shows::Fields(all(Form::Plaintext)),
        // The list beside the entry is cut off where it is long; this one is not.
        "subject.read" => match (names(&entry.detail["clear"]), names(&entry.detail["masked"])) {
            (Some(clear), Some(masked)) => {
                let clear = clear.into_iter().map(|field| (field, Form::Plaintext));
                Shows::Fields(clear.chain(masked.into_iter().map(|field| (field, Form::Masked))).collect())
            }
            _ if !entry.fields.is_empty() => Shows::FormUnknown(entry.fields.clone()),
            _ => Shows::Anything,
        },
        _ => Shows::Anything,
    }
}

fn names(value: &Value) -> Option<Vec<String>> {
    value.as_array()?.iter().map(|name| name.as_str().map(str::to_owned)).collect()
}

/// Whose data an entry shows.
pub fn people(entry: &Entry) -> Vec<Uuid> {
    if entry.subjects.is_empty() { entry.subject.into_iter().collect() } else { entry.subjects.clone() }
}

/// Who somebody is on a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// Record type; empty where the record is gone.
    pub kind: String,
    /// The system's pseudonym, or the id of the record.
    pub person: String,
    pub by_record_id: bool,
}

/// People whose data was shown, at their tenants.
#[derive(Default)]
pub struct Gathered {
    seen: HashMap<(Uuid, Uuid), Seen>,
    fields: Vec<String>,
    by_name: HashMap<String, u32>,
}

struct Seen {
    name: Name,
    first: Timestamp,
    last: Timestamp,
    reads: i64,
    /// At least one read shows for certain what it shows.
    certain: bool,
    /// By number of the field: a name takes place once, however many people have it.
    fields: BTreeMap<(u32, Form), u64>,
    lines: Vec<(Timestamp, i64, Box<str>)>,
}

/// A field that an entry shows of a person.
#[derive(Clone, Debug)]
pub struct Told {
    /// Dotted, with the record type.
    pub field: String,
    pub form: Form,
    /// Whether it is certain that it was shown, and that it should not have been where that is asked.
    pub certain: bool,
}

impl Gathered {
    /// How many people at tenants.
    pub fn len(&self) -> u64 {
        self.seen.len() as u64
    }

    /// Those who are named by the id of their record.
    pub fn by_record_id(&self) -> u64 {
        self.seen.values().filter(|seen| seen.name.by_record_id).count() as u64
    }

    /// Adds what an entry shows of a person.
    pub fn note(&mut self, subject: Uuid, name: &Name, entry: &Entry, told: &[Told]) {
        let numbers: Vec<u32> = told.iter().map(|told| self.number(&told.field)).collect();
        let seen = self.seen.entry((entry.tenant, subject)).or_insert_with(|| Seen {
            name: name.clone(),
            first: entry.at,
            last: entry.at,
            reads: 0,
            certain: false,
            fields: BTreeMap::new(),
            lines: Vec::new(),
        });
        seen.first = seen.first.min(entry.at);
        seen.last = seen.last.max(entry.at);
        seen.reads += 1;
        if seen.lines.len() < MAX_LINES {
            seen.lines.push((entry.at, entry.seq, entry.action.as_str().into()));
        }
        for (told, number) in told.iter().zip(numbers) {
            seen.certain |= told.certain;
            *seen.fields.entry((number, told.form)).or_default() += 1;
        }
    }

    fn number(&mut self, field: &str) -> u32 {
        if let Some(number) = self.by_name.get(field) {
            return *number;
        }
        let number = u32::try_from(self.fields.len()).unwrap_or(u32::MAX);
        self.fields.push(field.to_owned());
        self.by_name.insert(field.to_owned(), number);
        number
    }

    /// The people of a list. `slugs` are the short names of the tenants.
    ///
    /// Whoever had a shortened value shown is as certainly affected as who had it in clear: a class says how certain it is that somebody
    /// got data, and the form of each field says how much of it.
    pub fn people(self, slugs: &BTreeMap<Uuid, String>) -> Vec<RevisionPerson> {
        let Self { seen, fields, .. } = self;
        let person = |((tenant, _), seen): ((Uuid, Uuid), Seen)| {
            let Seen { name, first, last, reads, certain, fields: shown, lines } = seen;
            let known = slugs.get(&tenant);
            let tenant_slug = slug(slugs, tenant);
            let mut shown: Vec<ShownField> = shown
                .into_iter()
                .map(|((number, form), times)| {
                    let field = fields.get(number as usize).cloned().unwrap_or_default();
                    ShownField { field, form, times }
                })
                .collect();
            shown.sort_by(|one, other| (&one.field, one.form).cmp(&(&other.field, other.form)));
            let input = input_name(&tenant_slug);
            let entry = |(at, line, action): (Timestamp, i64, Box<str>)| LoggedRead {
                at,
                action: action.into(),
                input: input.clone(),
                line,
            };
            RevisionPerson {
                tenant: known.map(|_| tenant),
                person: name.person,
                kind: name.kind,
                class: if certain { Class::Confirmed } else { Class::Possible },
                first_at: Some(first),
                last_at: Some(last),
                requests: reads,
                logins: 0,
                origin: Origin::Logs,
                reason: None,
                evidence: Evidence {
                    total: reads.unsigned_abs(),
                    fields: shown,
                    entries: lines.into_iter().map(entry).collect(),
                    ..Evidence::default()
                },
                tenant_slug,
            }
        };
        seen.into_iter().map(person).collect()
    }
}

/// Short name of a tenant; its id where nobody knows it any more.
pub fn slug(slugs: &BTreeMap<Uuid, String>, tenant: Uuid) -> String {
    slugs.get(&tenant).cloned().unwrap_or_else(|| tenant.to_string())
}

/// How a list names a chain of the audit log.
pub fn input_name(slug: &str) -> String {
    format!("audit:{slug}")
}

/// People of whom something was shown in clear, and those of whom nothing but shortened values was, each once.
pub fn by_form(people: &[RevisionPerson]) -> (u64, u64) {
    let mut clear: BTreeMap<&str, bool> = BTreeMap::new();
    for row in people {
        let in_clear = row.evidence.fields.iter().any(|field| field.form == Form::Plaintext);
        *clear.entry(&row.person).or_default() |= in_clear;
    }
    let plaintext = clear.values().filter(|clear| **clear).count() as u64;
    (plaintext, clear.len() as u64 - plaintext)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(action: &str, fields: &[&str], detail: Value) -> Entry {
        Entry {
            tenant: Uuid::from_u128(1),
            seq: 1,
            at: Timestamp::UNIX_EPOCH,
            actor: "account:x".into(),
            action: action.into(),
            object: "subject:x".into(),
            subject: None,
            subjects: Vec::new(),
            fields: fields.iter().map(|field| (*field).to_owned()).collect(),
            purpose: None,
            allowed: true,
            request_id: "r".into(),
            detail,
        }
    }

    fn fields(fields: &[(&str, Form)]) -> Meaning {
        let fields = fields.iter().map(|(field, form)| ((*field).to_owned(), *form));
        Meaning::Read(Shows::Fields(fields.collect()))
    }

    #[test]
    fn an_entry_shows_what_it_says_and_the_worst_where_it_says_nothing() {
        let (clear, masked) = (Form::Plaintext, Form::Masked);
        let read =
            entry("subject.read", &["a", "b"], json!({ "clear": ["a"], "masked": ["b"], "refused": ["c"] }));
        assert_eq!(meaning(&read), fields(&[("a", clear), ("b", masked)]));
        let found = |detail| meaning(&entry("subject.found", &["a"], detail));
        assert_eq!(found(json!({})), fields(&[("a", clear)]));
        assert_eq!(found(json!({ "mode": "prefix" })), fields(&[("a", masked)]));
        let unsaid = meaning(&entry("subject.read", &["a"], json!({})));
        assert_eq!(unsaid, Meaning::Read(Shows::FormUnknown(vec!["a".into()])));
        for action in ["subject.read", "captured_mail.read", "subject.found"] {
            assert_eq!(meaning(&entry(action, &[], json!({}))), Meaning::Read(Shows::Anything), "{action}");
        }
    }

    #[test]
    fn what_showed_nothing_to_anybody_is_no_read() {
        let read = entry("subject.read", &["a"], json!({ "clear": [], "masked": [], "refused": ["a"] }));
        assert_eq!(meaning(&Entry { allowed: false, ..read }), Meaning::Refused);
        let contact = entry("subject.contact", &["email"], json!({}));
        assert_eq!(meaning(&Entry { actor: "system:notices".into(), ..contact }), Meaning::ByTheService);
        assert_eq!(meaning(&entry("subject.list", &[], json!({ "people": 3 }))), Meaning::List);
        for other in ["subject.export", "authzen.decide", "authzen.search", "subject.search", "audit.read"] {
            assert_eq!(meaning(&entry(other, &["a"], json!({}))), Meaning::Other, "{other}");
        }
    }
}
