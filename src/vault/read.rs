//! Reading: who may see which field, in which form, and the record of it that is written before any value leaves.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use anyhow::Context;
use envelope::{FieldCipher, Plaintext, RecordContext, SealedRecord, SubjectKey, SubjectKeyContext};
use serde_json::{Value, json};
use uuid::Uuid;

use super::keyring::{SUBJECT_KEY_VERSION, version};
use super::model::{FieldValue, Shown, Subject, Withheld};
use super::schema::{Schema, mask_rule, object};
use super::store;
use super::subjects::Subjects;
use crate::access::{Action, Attributes, Op, Scope, SystemRules};
use crate::audit::{Decision, Event};
use crate::emergency;
use crate::error::{Error, Result};
use crate::requirements::manifest::Field;
use crate::requirements::{self, Guarded};

/// Most field names of one request.
const MAX_NAMES: usize = 256;
/// By which alone people of one tenant and record type differ in a decision.
const SUBJECT_ATTRIBUTE: &str = "record.subject";

/// A person by id.
///
/// # Errors
/// `NOT_FOUND` and those of permission.
pub async fn subject(op: &Op, tenant: Uuid, id: Uuid) -> Result<Subject> {
    let scope = permit_person(op, tenant, id).await?;
    let row = Subjects::get(&scope, tenant, id).await?;
    row.map(Subject::from).ok_or_else(|| Error::not_found("subject"))
}

/// By the roles of who asks, or by a grant for an emergency.
async fn permit_person(op: &Op, tenant: Uuid, id: Uuid) -> Result<Scope> {
    if !op.allows(Action::Read, "subject")
        && let Some(scope) = emergency::permit_read(op, tenant, Some(id), "subject").await?
    {
        return Ok(scope);
    }
    op.permit(Action::Read, "subject").await?.within(tenant, "subject")
}

/// People of a tenant in the order of their ids; `after` is the last one of the page before. That the list was read is
/// recorded; a person by id is not, as long as no field is read: who knows the id has read it from such a list.
///
/// # Errors
/// `NOT_FOUND` and those of permission.
pub async fn list_subjects(
    op: &Op,
    tenant: Uuid,
    record_type: Option<&str>,
    after: Option<Uuid>,
    limit: u64,
) -> Result<Vec<Subject>> {
    let by_grant = match op.allows(Action::Read, "subject") {
        true => None,
        false => emergency::permit_read(op, tenant, None, "subject").await?,
    };
    let scope = match by_grant {
        Some(scope) => scope,
        None => op.permit_at(tenant, Action::Read, "subject").await?,
    };
    let rows = store::subjects_of(&scope, tenant, record_type, after, limit).await?;
    scope
        .record_list("subject.list", &format!("tenant:{tenant}"), rows.iter().map(|row| Some(row.tenant_id)))
        .await?;
    Ok(rows.into_iter().map(Subject::from).collect())
}

/// A person by the system's own id, within the scope.
///
/// # Errors
/// `CONFLICT` when several tenants of the scope know such a person: narrow the scope first.
pub async fn find_by_external_id(
    scope: &Scope,
    system: &str,
    record_type: &str,
    external_id: &str,
) -> Result<Option<Subject>> {
    let database = scope.connection();
    let mut rows = store::by_external_ids(scope, database, system, record_type, &[external_id]).await?;
    if rows.len() > 1 {
        return Err(Error::conflict("several tenants know a person of this external id")
            .remedy("name the tenant too"));
    }
    Ok(rows.pop().map(Subject::from))
}

/// The same for many at once, at most 1,000: those that exist, in no particular order.
///
/// # Errors
/// Unexpected ones only.
pub async fn find_by_external_ids(
    scope: &Scope,
    system: &str,
    record_type: &str,
    external_ids: &[&str],
) -> Result<Vec<Subject>> {
    let database = scope.connection();
    let rows = store::by_external_ids(scope, database, system, record_type, external_ids).await?;
    Ok(rows.into_iter().map(Subject::from).collect())
}

enum Form {
    Clear,
    Masked,
    Withheld(Withheld),
}

/// Fields of a person as the reader may see them: all declared ones, or those of `names`. Values are masked unless `masked`
/// is false and the reader may read in clear. What may not be read is not opened.
///
/// # Errors
/// `INVALID` for a name that the record type does not declare; unexpected ones.
pub async fn read_fields(
    op: &Op,
    subject: &Subject,
    names: Option<&[String]>,
    masked: bool,
) -> Result<Vec<FieldValue>> {
    Ok(read_fields_of(op, &[subject], names, masked).await?.pop().unwrap_or_default())
}

/// The same of several people of one record type, in their order. What a reader may see is decided once for all of whom no
/// rule tells apart, and the read of those is one entry that names each of them: "who read my data" must not depend on how it
/// was asked for.
///
/// # Errors
/// As [`read_fields`]; then no value of anybody is given.
pub async fn read_fields_of(
    op: &Op,
    subjects: &[&Subject],
    names: Option<&[String]>,
    masked: bool,
) -> Result<Vec<Vec<FieldValue>>> {
    let Some(first) = subjects.first() else { return Ok(Vec::new()) };
    let scope = match subjects {
        [only] => permit_person(op, only.tenant, only.id).await?,
        _ => op.permit(Action::Read, "subject").await?,
    };
    for subject in subjects {
        if !scope.covers(subject.tenant) {
            return Err(Error::not_found("subject"));
        }
        if (&subject.system, &subject.record_type) != (&first.system, &first.record_type) {
            return Err(anyhow::anyhow!("people of several record types are read together").into());
        }
    }
    let one_tenant = subjects.iter().all(|subject| subject.tenant == first.tenant);
    let scope = if one_tenant { scope.within(first.tenant, "subject")? } else { scope };
    let Guarded { spec, rules, .. } = requirements::guarded(&scope, Some(&first.system)).await?;
    let schema = Schema::of(spec, &first.system, &first.record_type)?;
    let fields = declared(&schema, names)?;
    let (readings, places) = readings(op, &rules, &fields, subjects, masked);
    // Each person counts, however they were asked for: a list of many is a bulk read.
    for place in &places {
        if let Some(name) = readings[*place].clear.first() {
            op.count_read_in_clear(&object(&first.record_type, name)).await?;
        }
    }
    // What only a grant for an emergency opens is counted and recorded as its use, first of all; that of a list at once.
    for (number, reading) in readings.iter().enumerate().filter(|(_, reading)| !reading.grants.is_empty()) {
        let people = subjects.iter().zip(&places).filter(|(_, place)| **place == number);
        let people: Vec<Uuid> = people.map(|(subject, _)| subject.id).collect();
        for ((grant, action), (at, objects)) in &reading.grants {
            emergency::note_uses(at, *grant, &people, *action, objects).await?;
        }
    }
    note_refusals(op, &rules, subjects, &readings, &places, masked);
    let mut together = BTreeMap::<(Uuid, usize), Vec<Uuid>>::new();
    for (subject, place) in subjects.iter().zip(&places) {
        together.entry((subject.tenant, *place)).or_default().push(subject.id);
    }
    let mut events = BTreeMap::<Uuid, Vec<Event>>::new();
    for ((tenant, place), people) in together {
        if let Some(event) = readings[place].event(&first.record_type, people) {
            events.entry(tenant).or_default().push(event);
        }
    }
    // The records are on the disk before any value leaves, and before any is opened.
    scope.record_each(events).await?;
    let mut read = Vec::with_capacity(subjects.len());
    for (subject, place) in subjects.iter().zip(places) {
        let reading = &readings[place];
        let cipher = if reading.opens() { cipher(&scope, subject).await? } else { None };
        read.push(values(subject, &fields, &reading.forms, cipher.as_ref()));
    }
    Ok(read)
}

/// Why nothing at all was shown, for who is asked later: once for all of whom no rule tells apart.
fn note_refusals(
    op: &Op,
    rules: &SystemRules,
    subjects: &[&Subject],
    readings: &[Reading],
    places: &[usize],
    masked: bool,
) {
    let action = if masked { Action::ReadMasked } else { Action::Read };
    let mut noted = BTreeSet::new();
    for (subject, place) in subjects.iter().zip(places) {
        let reading = &readings[*place];
        let Some(first) = reading.refused.first().filter(|_| !reading.opens()) else { continue };
        if noted.insert(*place) {
            let (object, about) = (object(&subject.record_type, first), attributes(op, rules, subject));
            op.note_withheld(subject.tenant, rules, action, &object, &about, &reading.refused);
        }
    }
}

/// How the fields of a person are shown, and what the record of the read says besides the person.
struct Reading {
    forms: Vec<Form>,
    clear: Vec<String>,
    shortened: Vec<String>,
    refused: Vec<String>,
    detail: Value,
    grants: Grants,
}

impl Reading {
    fn opens(&self) -> bool {
        !self.clear.is_empty() || !self.shortened.is_empty()
    }

    fn event(&self, record_type: &str, people: Vec<Uuid>) -> Option<Event> {
        let opens = self.opens();
        if !opens && self.refused.is_empty() {
            return None;
        }
        let opened = self.clear.iter().chain(&self.shortened);
        let fields: Vec<&String> = if opens { opened.collect() } else { self.refused.iter().collect() };
        let event = Event::about_people("subject.read", record_type, people)
            .fields(fields.into_iter().map(String::as_str))
            .decision(if opens { Decision::Allowed } else { Decision::Denied })
            .detail(self.detail.clone());
        Some(event)
    }
}

/// The readings and for each person which of them is its own. People of one tenant share one unless they differ in something
/// that a decision looked at.
fn readings(
    op: &Op,
    rules: &SystemRules,
    fields: &[&Field],
    subjects: &[&Subject],
    masked: bool,
) -> (Vec<Reading>, Vec<usize>) {
    let mut readings = Vec::new();
    let mut shared = HashMap::<(Uuid, bool), usize>::new();
    let places = subjects.iter().map(|subject| {
        let group = (subject.tenant, subject.erased_at.is_some());
        if let Some(place) = shared.get(&group) {
            return *place;
        }
        let mut about = attributes(op, rules, subject);
        about.watch(SUBJECT_ATTRIBUTE);
        readings.push(reading(op, rules, &about, fields, subject, masked));
        if !about.was_asked() {
            shared.insert(group, readings.len() - 1);
        }
        readings.len() - 1
    });
    let places = places.collect();
    (readings, places)
}

fn reading(
    op: &Op,
    rules: &SystemRules,
    about: &Attributes,
    fields: &[&Field],
    subject: &Subject,
    masked: bool,
) -> Reading {
    let mut grants = Grants::new();
    let forms: Vec<Form> =
        fields.iter().map(|field| form(op, rules, about, subject, field, masked, &mut grants)).collect();
    let of = |wanted: fn(&Form) -> bool| -> Vec<String> {
        let chosen = fields.iter().zip(&forms).filter(|(_, form)| wanted(form));
        chosen.map(|(field, _)| field.name.clone()).collect()
    };
    let clear = of(|form| matches!(form, Form::Clear));
    let shortened = of(|form| matches!(form, Form::Masked));
    let refused = of(|form| matches!(form, Form::Withheld(Withheld::NotAllowed)));
    // Requirements that are only watched: what they would have refused is told, not refused.
    let watched = watched(op, rules, about, subject, &clear, &shortened);
    let mut detail = json!({ "clear": clear, "masked": shortened, "refused": refused });
    if !watched.is_empty() {
        detail["watched"] = json!(watched);
    }
    if !grants.is_empty() {
        detail["emergency"] = json!(grants.keys().map(|(grant, _)| *grant).collect::<BTreeSet<_>>());
    }
    Reading { forms, clear, shortened, refused, detail, grants }
}

/// Opens what is shown.
fn values(
    subject: &Subject,
    fields: &[&Field],
    forms: &[Form],
    cipher: Option<&FieldCipher>,
) -> Vec<FieldValue> {
    let record = subject.sealed.fields.as_deref().map(SealedRecord::parse);
    let shown = |(field, form): (&&Field, &Form)| {
        let open = || {
            match (cipher, &record) {
            (Some(cipher), Some(Ok(record))) => {
                cipher.open_field(&place(subject), record, &field.name).map_err(|error| {
                    tracing::error!(%error, subject = %subject.id, field = field.name, "a field does not open");
                    Withheld::Damaged
                })
            }
            _ => Err(Withheld::Damaged),
        }
        };
        let shown = match form {
            Form::Withheld(why) => Shown::Withheld(*why),
            Form::Clear => open().map_or_else(Shown::Withheld, Shown::Clear),
            Form::Masked => open().map_or_else(Shown::Withheld, |value| {
                Shown::Masked(value.map(|value| shorten(field, &value)))
            }),
        };
        FieldValue { name: field.name.clone(), shown }
    };
    fields.iter().zip(forms).map(shown).collect()
}

fn shorten(field: &Field, value: &Plaintext) -> String {
    match mask_rule(field) {
        Some(rule) => value.masked(rule),
        None => value.expose().to_owned(),
    }
}

fn declared<'s>(schema: &'s Schema, names: Option<&[String]>) -> Result<Vec<&'s Field>> {
    let Some(names) = names else { return Ok(schema.record_type().fields.iter().collect()) };
    if names.len() > MAX_NAMES {
        return Err(Error::invalid("names", format!("wants at most {MAX_NAMES} names")));
    }
    let find = |(index, name): (usize, &String)| {
        schema.record_type().field(name).ok_or_else(|| {
            Error::invalid(&format!("names[{index}]"), "is not a field of this record type")
                .remedy("see recordTypes of the system's manifest")
        })
    };
    names.iter().enumerate().map(find).collect()
}

/// What the policy may decide on about a person's record. `record.tenant` and `record.subject` are ids.
fn attributes(op: &Op, rules: &SystemRules, subject: &Subject) -> Attributes {
    let mut attributes = op.attributes(Some(rules));
    attributes.set("record.tenant", &*subject.tenant.to_string());
    attributes.set(SUBJECT_ATTRIBUTE, &*subject.id.to_string());
    attributes.set("record.type", &*subject.record_type);
    attributes
}

/// Uses of grants for an emergency: by grant and action, the scope that it opens and the fields.
type Grants = BTreeMap<(Uuid, Action), (Scope, Vec<String>)>;

fn form(
    op: &Op,
    rules: &SystemRules,
    about: &Attributes,
    subject: &Subject,
    field: &Field,
    masked: bool,
    grants: &mut Grants,
) -> Form {
    let object = object(&subject.record_type, &field.name);
    let allows = |action| op.allows_in(Some(rules), action, &object, about);
    let granted = |action| op.granted(subject.tenant, Some(rules), action, &object, about);
    let (clear, shortened) = (allows(Action::Read), allows(Action::ReadMasked));
    let mut by_grant = None;
    let mut by = |action: Action| {
        by_grant = granted(action).map(|(grant, scope)| (grant, action, scope));
        by_grant.is_some()
    };
    let shown = if !masked && (clear || by(Action::Read)) {
        Form::Clear
    } else if shortened || by(Action::ReadMasked) {
        Form::Masked
    } else {
        return Form::Withheld(Withheld::NotAllowed);
    };
    if let Some((grant, action, scope)) =
        by_grant.filter(|_| subject.erased_at.is_none() && op.purpose().is_some())
    {
        let uses = grants.entry((grant, action)).or_insert_with(|| (scope, Vec::new()));
        uses.1.push(object);
    }
    if subject.erased_at.is_some() {
        Form::Withheld(Withheld::Erased)
    } else if op.purpose().is_none() {
        Form::Withheld(Withheld::NoPurpose)
    } else {
        shown
    }
}

/// Names of the requirements in mode `audit` that would have refused one of these fields.
fn watched(
    op: &Op,
    rules: &SystemRules,
    about: &Attributes,
    subject: &Subject,
    clear: &[String],
    shortened: &[String],
) -> BTreeSet<String> {
    let clear = clear.iter().map(|field| (Action::Read, field));
    let shortened = shortened.iter().map(|field| (Action::ReadMasked, field));
    let mut names = BTreeSet::new();
    for (action, field) in clear.chain(shortened) {
        let object = object(&subject.record_type, field);
        names.extend(op.would_refuse(rules, action, &object, about).into_iter().map(str::to_owned));
    }
    names
}

pub(super) fn place(subject: &Subject) -> RecordContext<'_> {
    RecordContext {
        tenant: subject.tenant.into_bytes(),
        record_type: &subject.record_type,
        subject: subject.id.into_bytes(),
        key_version: SUBJECT_KEY_VERSION,
    }
}

/// The cipher of the person's fields; `None` when a key was destroyed or does not open.
pub(super) async fn cipher(scope: &Scope, subject: &Subject) -> Result<Option<FieldCipher>> {
    Ok(subject_key(scope, subject).await?.map(|key| FieldCipher::new(&key)))
}

/// The person's own key; `None` when it was destroyed or does not open.
pub(super) async fn subject_key(scope: &Scope, subject: &Subject) -> Result<Option<SubjectKey>> {
    let Some(wrapped) = &subject.sealed.wrapped_key else { return Ok(None) };
    let keyring = scope.op().app().keyring();
    let tenant_key_version = subject.sealed.tenant_key_version;
    let Some(tenant_key) = keyring.key(scope, subject.tenant, tenant_key_version).await? else {
        return Ok(None);
    };
    let place = SubjectKeyContext {
        tenant: subject.tenant.into_bytes(),
        subject: subject.id.into_bytes(),
        tenant_key_version: version(tenant_key_version)?,
        key_version: SUBJECT_KEY_VERSION,
    };
    match tenant_key.unwrap_subject_key(&place, wrapped) {
        Ok(key) => Ok(Some(key)),
        Err(error) => {
            tracing::error!(%error, subject = %subject.id, "a subject key does not open");
            Ok(None)
        }
    }
}

/// Values of a person in clear, in the order of `fields`, for making index rows; whoever makes them records it with the change.
/// `None` when the record does not open.
pub(super) async fn open_for_index(
    scope: &Scope,
    subject: &Subject,
    fields: &[&str],
) -> Result<Option<Vec<Option<Plaintext>>>> {
    let Some(cipher) = cipher(scope, subject).await? else { return Ok(None) };
    let Some(Ok(record)) = subject.sealed.fields.as_deref().map(SealedRecord::parse) else { return Ok(None) };
    let place = place(subject);
    let values = fields.iter().map(|field| cipher.open_field(&place, &record, field));
    match values.collect() {
        Ok(values) => Ok(Some(values)),
        Err(error) => {
            tracing::error!(%error, subject = %subject.id, "a record does not open");
            Ok(None)
        }
    }
}

/// The contact of a person in clear, for the sender of notices. The read is recorded with the scope's reason as purpose.
/// `None` when the person has none or was erased.
///
/// # Errors
/// `NOT_FOUND` outside the scope; unexpected ones, also when the stored bytes do not open.
pub async fn open_contact(scope: &Scope, subject: &Subject, field: &str) -> Result<Option<Plaintext>> {
    let scope = scope.within(subject.tenant, "subject")?;
    if subject.sealed.fields.is_none() {
        return Ok(None);
    }
    let event = Event::new("subject.contact", format!("subject:{}", subject.id))
        .subject(subject.id.to_string())
        .fields([field]);
    scope.record(subject.tenant, vec![event]).await?;
    Ok(open_of(&scope, subject, &[field]).await?.pop().flatten())
}

/// Fields of many people of one record type in clear, for the sender of notices: those of each in the order of `fields`, or that they
/// do not open; empty ones of whoever was erased. Recorded before anything is opened.
///
/// # Errors
/// `NOT_FOUND` outside the scope; unexpected ones.
pub async fn open_contacts(
    scope: &Scope,
    subjects: &[Subject],
    fields: &[&str],
) -> Result<Vec<Result<Vec<Option<Plaintext>>>>> {
    let mut people = BTreeMap::<Uuid, Vec<Uuid>>::new();
    for subject in subjects.iter().filter(|subject| subject.sealed.fields.is_some()) {
        scope.within(subject.tenant, "subject")?;
        people.entry(subject.tenant).or_default().push(subject.id);
    }
    let record_type = subjects.first().map(|subject| subject.record_type.as_str()).unwrap_or_default();
    let event = |people: Vec<Uuid>| {
        vec![Event::about_people("subject.contact", record_type, people).fields(fields.iter().copied())]
    };
    scope.record_each(people.into_iter().map(|(tenant, people)| (tenant, event(people))).collect()).await?;
    let mut values = Vec::with_capacity(subjects.len());
    for subject in subjects {
        values.push(open_of(scope, subject, fields).await);
    }
    Ok(values)
}

async fn open_of(scope: &Scope, subject: &Subject, fields: &[&str]) -> Result<Vec<Option<Plaintext>>> {
    let Some(stored) = &subject.sealed.fields else { return Ok(fields.iter().map(|_| None).collect()) };
    let Some(cipher) = cipher(scope, subject).await? else {
        return Err(anyhow::anyhow!("the key of subject {} does not open", subject.id).into());
    };
    let record = SealedRecord::parse(stored).with_context(|| format!("record of subject {}", subject.id))?;
    let place = place(subject);
    let open = |field: &&str| {
        let opened = cipher.open_field(&place, &record, field);
        Ok(opened.with_context(|| format!("field {field} of subject {}", subject.id))?)
    };
    fields.iter().map(open).collect()
}

/// One field of many people of one record type in clear, to be counted and never shown: in their order, `None` where there is no value
/// or it does not open. The read is recorded, and names each of them, before anything is opened.
///
/// # Errors
/// `NOT_FOUND` outside the scope; unexpected ones.
pub async fn open_to_count(
    scope: &Scope,
    subjects: &[Subject],
    field: &str,
) -> Result<Vec<Option<Plaintext>>> {
    let mut people = BTreeMap::<Uuid, Vec<Uuid>>::new();
    for subject in subjects {
        scope.within(subject.tenant, "subject")?;
        people.entry(subject.tenant).or_default().push(subject.id);
    }
    let record_type = subjects.first().map(|subject| subject.record_type.as_str()).unwrap_or_default();
    let event =
        |people: Vec<Uuid>| vec![Event::about_people("subject.count", record_type, people).fields([field])];
    scope.record_each(people.into_iter().map(|(tenant, people)| (tenant, event(people))).collect()).await?;
    let mut values = Vec::with_capacity(subjects.len());
    for subject in subjects {
        values.push(
            open_for_index(scope, subject, &[field]).await?.and_then(|mut values| values.pop()).flatten(),
        );
    }
    Ok(values)
}
