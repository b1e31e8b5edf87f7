//! Going through the audit log for a list: chain after chain, page after page, from entries to people.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use exposure::{Bad, Border, Coverage, InputReport, NotCounted, Unattributed};
use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;

use super::enforcement::ReadsQuestion;
use super::judged::{Judge, Read, Today};
use super::model::{ChainRead, Completeness, Form, Inputs, LeftOut, RecordOfReads, RevisionPerson};
use super::reads::{self, Gathered, Meaning, Name, Shows, Told};
use super::{MAX_PEOPLE, input};
use crate::access::{self, Actors, KnownActor, Scope};
use crate::audit::{self, Entry, Event, Section};
use crate::error::{Error, Result};
use crate::requirements;
use crate::vault::{self, SubjectRef};

/// Entries of the log that one list may go through, those of other actions and people too.
const MAX_ENTRIES: u64 = 2_000_000;

/// What came of an entry for one of its people.
enum Outcome {
    /// The person is of another system or record type.
    OfAnother,
    AllowedNow,
    Listed,
}

/// A search of the log, tenant after tenant and page after page: memory is that of a page and of the people found.
pub struct Search<'s> {
    scope: &'s Scope,
    question: &'s ReadsQuestion,
    actors: &'s Actors,
    slugs: &'s BTreeMap<Uuid, String>,
    judge: Option<Judge>,
    gathered: Gathered,
    left_out: LeftOut,
    /// Everybody who was met; `None` where the person is of another system or record type.
    names: HashMap<(Uuid, Uuid), Option<Name>>,
    /// Names of the log; `None` where nobody knows any more whose they are.
    readers: HashMap<String, Option<KnownActor>>,
    used: HashSet<String>,
    gone_through: u64,
}

impl<'s> Search<'s> {
    /// Of a question within a scope of all tenants; `slugs` are their short names.
    ///
    /// # Errors
    /// `NOT_FOUND` when today's policy is asked about and the system is not in force; unexpected ones.
    pub async fn new(
        scope: &'s Scope,
        question: &'s ReadsQuestion,
        actors: &'s Actors,
        slugs: &'s BTreeMap<Uuid, String>,
    ) -> Result<Self> {
        let judge = match question.now_denied {
            true => Some(Judge::new(scope, &question.system).await?),
            false => None,
        };
        Ok(Self {
            scope,
            question,
            actors,
            slugs,
            judge,
            gathered: Gathered::default(),
            left_out: LeftOut::default(),
            names: HashMap::new(),
            readers: HashMap::new(),
            used: HashSet::new(),
            gone_through: 0,
        })
    }

    /// The people in no particular order, what they rest on, and the same as lists from other logs have it. That the log was read is
    /// recorded in each chain with entries of the time.
    ///
    /// # Errors
    /// `LIMIT_EXCEEDED`, `CONFLICT` when the log was trimmed meanwhile; unexpected ones.
    pub async fn run(mut self) -> Result<(Vec<RevisionPerson>, RecordOfReads, Inputs)> {
        let (mut chains, mut inputs, mut quiet_chains) = (Vec::new(), Vec::new(), 0);
        let mut events = BTreeMap::new();
        for tenant in audit::chains(self.scope).await? {
            let (section, used) = self.chain(tenant).await?;
            let name = reads::input_name(&reads::slug(self.slugs, tenant));
            if section.entries > 0 {
                let detail = json!({ "entries": section.entries, "for": "revision.create" });
                events.insert(tenant, vec![Event::new("audit.read", "audit").detail(detail)]);
                inputs.push(report(&name, &section, used));
            }
            let chain = chain(name, section, used);
            if chain.entries == 0 && chain.is_whole() {
                quiet_chains += 1;
            } else {
                chains.push(chain);
            }
        }
        self.scope.record_each(events).await?;
        chains.sort_by(|one, other| one.name.cmp(&other.name));
        inputs.sort_by(|one, other| one.name.cmp(&other.name));
        let Self { question, slugs, judge, gathered, mut left_out, used, .. } = self;
        left_out.by_record_id = gathered.by_record_id();
        let broken: Vec<String> =
            chains.iter().filter(|chain| !chain.is_whole()).map(|chain| chain.name.clone()).collect();
        let complete = broken.is_empty() && left_out.by_unknown_tokens == 0;
        let completeness = completeness(&left_out, broken, complete);
        let record = RecordOfReads {
            system: question.system.clone(),
            chains,
            quiet_chains,
            actors: used.len() as u64,
            left_out,
            judged_by: judge.map(|judge| judge.judged_by(|tenant| reads::slug(slugs, tenant))),
            ..RecordOfReads::default()
        };
        let inputs = Inputs { inputs, completeness: Some(completeness), ..Inputs::default() };
        Ok((gathered.people(slugs), record, inputs))
    }

    /// A whole chain: what it says of the time, and how many of its entries put somebody on the list.
    async fn chain(&mut self, tenant: Uuid) -> Result<(Section, u64)> {
        let mut reading = audit::reading(self.scope, tenant, self.question.from, self.question.to).await?;
        let mut used = 0;
        while let Some((entries, gone_through)) = reading.next().await? {
            self.gone_through += gone_through;
            if self.gone_through > MAX_ENTRIES {
                return Err(Error::limit(format!("the audit log has more than {MAX_ENTRIES} entries there"))
                    .remedy("ask for a shorter time, and make a list for each part of it"));
            }
            used += self.page(entries).await?;
            if self.gathered.len() > MAX_PEOPLE {
                return Err(Error::limit(format!("a list has at most {MAX_PEOPLE} entries"))
                    .remedy("ask for a shorter time, or name accounts"));
            }
        }
        Ok((reading.end().await?, used))
    }

    async fn page(&mut self, entries: Vec<Entry>) -> Result<u64> {
        let mut found = Vec::new();
        for entry in entries {
            match reads::meaning(&entry) {
                Meaning::Other => {}
                _ if !self.for_asked_purpose(&entry) => {}
                Meaning::Read(shows) => found.push((entry, shows)),
                _ if !self.is_one_of_them(&entry) => {}
                Meaning::Refused => self.left_out.refused += 1,
                Meaning::ByTheService => self.left_out.by_the_service += 1,
                Meaning::List => self.left_out.lists += 1,
            }
        }
        self.meet(&found).await?;
        let mut used = 0;
        for (entry, shows) in found {
            if !self.by_one_of_them(&entry) {
                continue;
            }
            let people = reads::people(&entry);
            if people.is_empty() {
                self.left_out.without_person += 1;
                continue;
            }
            let (mut shown, mut allowed) = (false, false);
            for subject in people {
                match self.person(&entry, &shows, subject).await? {
                    Outcome::OfAnother => {}
                    Outcome::AllowedNow => allowed = true,
                    Outcome::Listed => shown = true,
                }
            }
            used += u64::from(shown);
            self.left_out.allowed_now += u64::from(allowed && !shown);
            if shown && !self.used.contains(&entry.actor) {
                self.used.insert(entry.actor);
            }
        }
        Ok(used)
    }

    fn for_asked_purpose(&self, entry: &Entry) -> bool {
        let purposes = &self.question.purposes;
        purposes.is_empty() || entry.purpose.as_ref().is_some_and(|purpose| purposes.contains(purpose))
    }

    fn is_one_of_them(&self, entry: &Entry) -> bool {
        let labels = &self.actors.labels;
        labels.is_empty() || labels.contains(&entry.actor)
    }

    /// The same, and counts tokens that were removed: one of those may have been of an account that is asked about.
    fn by_one_of_them(&mut self, entry: &Entry) -> bool {
        if self.is_one_of_them(entry) {
            return true;
        }
        let unknown = entry.actor.starts_with("token:")
            && self.readers.get(&entry.actor).is_none_or(Option::is_none)
            && !self.actors.accounts.is_empty();
        self.left_out.by_unknown_tokens += u64::from(unknown);
        false
    }

    /// Learns who the people of some entries are, and who read.
    async fn meet(&mut self, found: &[(Entry, Shows)]) -> Result<()> {
        let mut strangers = BTreeSet::new();
        let mut readers = BTreeSet::new();
        for (entry, _) in found {
            let people = reads::people(entry).into_iter().map(|id| (entry.tenant, id));
            strangers.extend(people.filter(|place| !self.names.contains_key(place)));
            if !self.readers.contains_key(&entry.actor) {
                readers.insert(entry.actor.clone());
            }
        }
        let places: Vec<SubjectRef> =
            strangers.iter().map(|(tenant, id)| SubjectRef { tenant: *tenant, id: *id }).collect();
        for subject in vault::by_reference(self.scope, &places).await? {
            strangers.remove(&(subject.tenant, subject.id));
            let kinds = &self.question.record_types;
            let ours = subject.system == self.question.system
                && (kinds.is_empty() || kinds.contains(&subject.record_type));
            let fits = input::pseudonym("person", &subject.external_id).is_ok();
            let name = ours.then(|| Name {
                kind: subject.record_type.clone(),
                person: if fits { subject.external_id.clone() } else { subject.id.to_string() },
                by_record_id: !fits,
            });
            self.names.insert((subject.tenant, subject.id), name);
        }
        // Their records are gone: they may have been of this system.
        for (tenant, id) in strangers {
            let name = Name { kind: String::new(), person: id.to_string(), by_record_id: true };
            self.names.insert((tenant, id), Some(name));
        }
        let known = access::known_actors(self.scope, &readers).await?;
        if let Some(judge) = &mut self.judge {
            judge.know(known.values().copied()).await?;
        }
        for label in readers {
            let actor = known.get(&label).copied();
            self.readers.insert(label, actor);
        }
        Ok(())
    }

    /// Adds what an entry shows of a person.
    async fn person(&mut self, entry: &Entry, shows: &Shows, subject: Uuid) -> Result<Outcome> {
        let Some(Some(name)) = self.names.get(&(entry.tenant, subject)).cloned() else {
            return Ok(Outcome::OfAnother);
        };
        let (fields, recorded): (Vec<(String, Form)>, bool) = match shows {
            Shows::Fields(fields) => (fields.clone(), true),
            Shows::FormUnknown(fields) => {
                (fields.iter().map(|field| (field.clone(), Form::Plaintext)).collect(), false)
            }
            Shows::Anything => (self.fields_then(&name.kind, entry.at).await?, false),
        };
        let Some(told) = self.told(entry, subject, &name, fields, recorded) else {
            return Ok(Outcome::AllowedNow);
        };
        self.gathered.note(subject, &name, entry, &told);
        Ok(Outcome::Listed)
    }

    /// The fields that count; `None` where today's policy allows all of it.
    fn told(
        &mut self,
        entry: &Entry,
        subject: Uuid,
        name: &Name,
        fields: Vec<(String, Form)>,
        recorded: bool,
    ) -> Option<Vec<Told>> {
        let actor = self.readers.get(&entry.actor).copied().flatten();
        let read = Read { entry, actor, subject, kind: &name.kind };
        // Kept mails are read as they are, whatever the rules of fields say; of a record that is gone no rule speaks.
        let as_one = entry.action == "captured_mail.read" || fields.is_empty();
        let whole = self.judge.as_mut().filter(|_| as_one).map(|judge| judge.whole(read));
        if whole == Some(Today::Allowed) {
            return None;
        }
        let mut told = Vec::with_capacity(fields.len());
        for (bare, form) in &fields {
            let today = match &mut self.judge {
                None => Today::Refused,
                Some(judge) => whole.unwrap_or_else(|| judge.field(read, bare, *form)),
            };
            if today == Today::Allowed {
                continue;
            }
            // A grant for an emergency passed over the policy on purpose: that today's would refuse it does not say it was wrong.
            let in_order = self.judge.is_some() && is_emergency(entry);
            let certain = recorded && today == Today::Refused && !in_order;
            let field = if name.kind.is_empty() { bare.clone() } else { format!("{}.{bare}", name.kind) };
            told.push(Told { field, form: *form, certain });
        }
        (fields.is_empty() || !told.is_empty()).then_some(told)
    }

    /// Every field that people of a record type had at an instant: what may have been read where nobody recorded what was.
    async fn fields_then(&self, kind: &str, at: Timestamp) -> Result<Vec<(String, Form)>> {
        let spec = requirements::system_in_force(self.scope, &self.question.system, at).await?;
        let spec = spec.as_deref().and_then(|spec| spec.record_type(kind).cloned());
        let fields = spec.into_iter().flat_map(|spec| spec.fields);
        Ok(fields.map(|field| (field.name, Form::Plaintext)).collect())
    }
}

/// Read by a grant for an emergency, which passed over the policy on purpose.
fn is_emergency(entry: &Entry) -> bool {
    entry.detail["emergency"].as_array().is_some_and(|grants| !grants.is_empty())
}

impl ChainRead {
    fn is_whole(&self) -> bool {
        self.faults.is_empty() && self.archives.is_empty()
    }
}

fn chain(name: String, section: Section, used: u64) -> ChainRead {
    let Section { numbers, hash, entries, faults, archives, .. } = section;
    ChainRead {
        name,
        from: numbers.map(|(from, _)| from),
        to: numbers.map(|(_, to)| to),
        hash,
        entries,
        used,
        faults: faults.iter().map(|fault| format!("{} at {}", fault.kind.as_str(), fault.seq)).collect(),
        archives: archives.into_iter().map(|archive| archive.file).collect(),
    }
}

/// A chain as the logs of other lists are shown. The hash of its last entry is over all of them.
fn report(name: &str, section: &Section, used: u64) -> InputReport {
    InputReport {
        name: name.to_owned(),
        sha256: section.hash.clone(),
        format: None,
        compressed: false,
        bytes: 0,
        lines: section.entries,
        used,
        bad: Bad::default(),
        oversized: 0,
        truncated: None,
        first: section.instants.map(|(first, _)| first),
        last: section.instants.map(|(_, last)| last),
        duplicate_of: None,
        lost: 0,
    }
}

/// In the words in which every list says what it does not know: chains that broke off are inputs that did.
fn completeness(left_out: &LeftOut, broken: Vec<String>, complete: bool) -> Completeness {
    Completeness {
        coverage: Coverage {
            edge_given: false,
            origin_given: false,
            gaps: Vec::new(),
            truncated_inputs: broken,
            complete,
        },
        unattributed: Unattributed {
            edge_without_session: 0,
            edge_with_unknown_session: 0,
            origin_requests: left_out.without_person + left_out.by_unknown_tokens,
            logins: 0,
            shared_sessions: 0,
            by_route: Vec::new(),
            evidence: Vec::new(),
        },
        not_counted: NotCounted { failed_logins: 0, refused_requests: left_out.refused },
        skew: None,
        border: Border {
            within_milliseconds: 0,
            lines_inside: 0,
            lines_outside: 0,
            persons_only_inside: Vec::new(),
            persons_only_outside: Vec::new(),
        },
    }
}
