//! Where a message goes and what its recipient is called: opened at the moment of sending, nowhere else, and recorded.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use envelope::Plaintext;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::json;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::model::{Affected, Audience, Language, Message, Notice, Reason, pseudonym_of, slug_of};
use super::store_outbox::Office;
use super::template::{Group, Known, List, Operator, Recipient, System, period};
use super::{portal, store, store_events, store_outbox};
use crate::access::{Action, Op, Scope};
use crate::audit::Event;
use crate::clock::from_micros;
use crate::error::{Error, Result};
use crate::requirements;
use crate::requirements::manifest::{Category, FieldKind, RecordType, SystemSpec};
use crate::vault;

/// What a tenant's contact is sealed for.
const CONTACT: &str = "tenant_contact";

/// Sets the address of a tenant's office, to which notices for the tenant go. None removes it.
///
/// # Errors
/// `NOT_FOUND`, `INVALID` when it is no address, and those of permission.
pub async fn set_tenant_contact(op: &Op, tenant: Uuid, address: Option<&str>) -> Result<()> {
    let scope = op.permit_at(tenant, Action::Update, "tenant").await?;
    let address = address.map(str::trim);
    if address.is_some_and(|address| {
        address.len() > 254 || !address.is_ascii() || address.parse::<lettre::Address>().is_err()
    }) {
        return Err(Error::invalid("address", "is not a mail address such as office@school.example"));
    }
    let tx = scope.begin().await?;
    let sealed = match address {
        None => None,
        Some(address) => {
            Some(vault::seal_for_tenant(&scope, &tx, CONTACT, tenant, address.as_bytes()).await?)
        }
    };
    let known = sealed.is_some();
    if !store::set_contact(tx.connection(), tenant, sealed).await? {
        return Err(Error::not_found("tenant"));
    }
    let event = Event::new("tenant.set_contact", format!("tenant:{tenant}"));
    tx.commit(event.detail(json!({ "known": known }))).await
}

/// Everything that the messages of one notice share, and what was read for a batch of them.
pub struct Background {
    pub notice: Notice,
    incident: store::Incident,
    number: i32,
    system: Option<Arc<SystemSpec>>,
    entries: HashMap<String, Vec<Affected>>,
    offices: BTreeMap<String, Office>,
    operator: Names,
    /// What was opened for persons, by message.
    opened: HashMap<Uuid, Opened>,
    /// How many mails of a message a server has, or may have, taken before.
    mails_before: HashMap<Uuid, u64>,
}

/// The address and the name of a person, in memory for as long as a batch is sent; or that they do not open.
type Opened = Result<(Option<Plaintext>, Option<Plaintext>)>;

/// How a person can be reached but by mail. It holds personal data, so it cannot be printed.
pub struct Reached {
    /// Short name of the tenant at which the person is on the list.
    pub tenant: String,
    pub name: Option<Zeroizing<String>>,
    pub postal: Option<Zeroizing<String>>,
    pub phone: Option<Zeroizing<String>>,
    pub known: Known,
}

struct Names {
    ja: String,
    en: String,
}

impl Names {
    fn get(&self, language: Language) -> String {
        match language {
            Language::Ja => self.ja.clone(),
            Language::En => self.en.clone(),
        }
    }
}

fn office_name(office: &Office, language: Language) -> String {
    match language {
        Language::Ja => office.name_ja.clone(),
        Language::En => office.name_en.clone(),
    }
}

impl Background {
    /// Reads it for the messages of one notice.
    ///
    /// # Errors
    /// Unexpected ones only.
    pub async fn load(scope: &Scope, notice: Notice, messages: &[&Message]) -> Result<Self> {
        let missing = |what: &str| anyhow::anyhow!("{what} of notice {} is missing", notice.id);
        let incident = store::incident(scope.connection(), scope, notice.incident)
            .await?
            .ok_or_else(|| missing("the incident"))?;
        let revision = store::revision(scope.connection(), notice.tenant, notice.revision).await?;
        let number = revision.ok_or_else(|| missing("the revision"))?.number;
        let system = requirements::system_in_force(scope, &incident.system, scope.at()).await?;
        let persons: Vec<&str> = messages
            .iter()
            .filter(|message| slug_of(&message.recipient).is_none())
            .map(|message| pseudonym_of(&message.recipient))
            .collect();
        let entries = match persons.is_empty() {
            true => HashMap::new(),
            false => store_outbox::entries_of(scope, notice.revision, &persons).await?,
        };
        let mut slugs: Vec<&str> =
            messages.iter().filter_map(|message| slug_of(&message.recipient)).collect();
        slugs.extend(entries.values().flatten().map(|entry| entry.tenant_slug.as_str()));
        slugs.sort_unstable();
        slugs.dedup();
        let offices = store_outbox::offices(scope, &slugs).await?;
        let operator = match &system {
            Some(system) => {
                Names { ja: system.operator.name.ja.clone(), en: system.operator.name.en.clone() }
            }
            None => {
                let name = scope.op().app().config().mail.from_name.clone();
                Names { ja: name.clone(), en: name }
            }
        };
        let (opened, mails_before) = (HashMap::new(), HashMap::new());
        Ok(Self { notice, incident, number, system, entries, offices, operator, opened, mails_before })
    }

    /// Opens addresses and names of the persons among these messages, in one go. Each is recorded before it is opened.
    ///
    /// # Errors
    /// Unexpected ones only. What does not open is told when its message is resolved.
    pub async fn open(&mut self, scope: &Scope, messages: &[&Message]) -> Result<()> {
        let mut by_type: BTreeMap<&str, Vec<&Message>> = BTreeMap::new();
        for message in messages.iter().filter(|message| slug_of(&message.recipient).is_none()) {
            by_type.entry(message.record_type.as_deref().unwrap_or_default()).or_default().push(message);
        }
        for (record_type, messages) in by_type {
            let declared = self.system.as_ref().and_then(|system| system.record_type(record_type));
            let Some((declared, contact)) = declared.and_then(|it| Some((it, it.contact_field.as_deref()?)))
            else {
                continue;
            };
            let fields: Vec<&str> = std::iter::once(contact).chain(name_field(declared)).collect();
            let people: Vec<&str> = messages.iter().map(|message| pseudonym_of(&message.recipient)).collect();
            let mut subjects = Vec::with_capacity(people.len());
            for people in people.chunks(store::CHUNK) {
                let system = &self.incident.system;
                subjects.extend(vault::find_by_external_ids(scope, system, record_type, people).await?);
            }
            // A pseudonym may be known at other tenants too; what is nobody's here is not opened.
            let wanted: HashMap<(Uuid, &str), Uuid> = messages
                .iter()
                .map(|message| ((message.recipient_tenant, pseudonym_of(&message.recipient)), message.id))
                .collect();
            subjects.retain(|subject| wanted.contains_key(&(subject.tenant, subject.external_id.as_str())));
            let opened = vault::open_contacts(scope, &subjects, &fields).await?;
            for (subject, values) in subjects.iter().zip(opened) {
                let Some(message) = wanted.get(&(subject.tenant, subject.external_id.as_str())) else {
                    continue;
                };
                let values = values.map(|values| {
                    let mut values = values.into_iter();
                    (values.next().flatten(), values.next().flatten())
                });
                self.opened.insert(*message, values);
            }
        }
        Ok(())
    }

    /// Reads how many mails of these messages a server has, or may have, taken.
    ///
    /// # Errors
    /// Unexpected ones only.
    pub async fn count_mails(&mut self, scope: &Scope, messages: &[&Message]) -> Result<()> {
        let ids: Vec<Uuid> = messages.iter().map(|message| message.id).collect();
        self.mails_before = store_events::mails_taken(scope.connection(), scope.tenant(), &ids).await?;
        Ok(())
    }

    /// How many mails of a message a server has, or may have, taken before.
    pub fn mails_before(&self, message: Uuid) -> u64 {
        self.mails_before.get(&message).copied().unwrap_or_default()
    }

    /// Whether the notice is sent at this hour.
    pub fn sends_at(&self, at: Timestamp) -> bool {
        let zone = TimeZone::get(&self.incident.zone).unwrap_or(TimeZone::UTC);
        self.notice.delivery.between.is_none_or(|hours| hours.contain(at, &zone))
    }

    /// Whether the list `in_force`, which has taken the place of the message's own, leaves the message as it is.
    ///
    /// # Errors
    /// Unexpected ones only.
    pub async fn still_listed(&self, scope: &Scope, message: &Message, in_force: Uuid) -> Result<bool> {
        match slug_of(&message.recipient) {
            Some(slug) => {
                let now = store_outbox::people_of(scope, in_force, slug).await?;
                Ok(!now.is_empty() && now == store_outbox::people_of(scope, message.revision, slug).await?)
            }
            None => {
                let person = pseudonym_of(&message.recipient);
                let listed = !store_outbox::entries_of(scope, in_force, &[person]).await?.is_empty();
                // Who is on the list again must not hear that they are not.
                Ok(listed != (self.notice.audience == Audience::Cleared))
            }
        }
    }

    /// Address and known facts of one message, or why there is no address. Persons' were opened before ([`Background::open`]).
    ///
    /// # Errors
    /// Unexpected ones, such as stored bytes that do not open.
    pub async fn resolve(
        &self,
        scope: &Scope,
        message: &Message,
    ) -> Result<std::result::Result<(Zeroizing<String>, Known), Reason>> {
        match slug_of(&message.recipient) {
            Some(slug) => self.resolve_tenant(scope, message, slug).await,
            None => self.resolve_person(scope, message, pseudonym_of(&message.recipient)),
        }
    }

    fn resolve_person(
        &self,
        scope: &Scope,
        message: &Message,
        person: &str,
    ) -> Result<std::result::Result<(Zeroizing<String>, Known), Reason>> {
        let (address, name) = match self.opened.get(&message.id) {
            None => return Ok(Err(Reason::NoAddress)),
            Some(Err(error)) => return Err(anyhow::anyhow!("{error}").into()),
            Some(Ok((None, _))) => return Ok(Err(Reason::NoAddress)),
            Some(Ok((Some(address), name))) => (address, name.as_ref()),
        };
        let language = message.language;
        let entries = self.entries.get(person).map(Vec::as_slice).unwrap_or_default();
        let recipient = Recipient {
            name: name.map(|name| name.expose().to_owned()),
            tenants: entries
                .iter()
                .filter_map(|entry| Some(office_name(self.offices.get(&entry.tenant_slug)?, language)))
                .collect(),
            confirmed: entries.iter().any(|entry| entry.confirmed),
        };
        let known = Known { link: self.link(scope, message), ..self.known(language, recipient, None) };
        Ok(Ok((Zeroizing::new(address.expose().to_owned()), known)))
    }

    /// What a letter to one person needs: nothing where the person is not known any more. Each field that is opened is recorded.
    ///
    /// # Errors
    /// Unexpected ones, such as stored bytes that do not open.
    pub async fn letter_of(
        &self,
        scope: &Scope,
        message: &Message,
        with_phone: bool,
    ) -> Result<Option<Reached>> {
        let record_type = message.record_type.as_deref().unwrap_or_default();
        let Some(declared) = self.system.as_ref().and_then(|system| system.record_type(record_type)) else {
            return Ok(None);
        };
        let at_tenant = scope.within(message.recipient_tenant, "subject")?;
        let person = pseudonym_of(&message.recipient);
        let found =
            vault::find_by_external_id(&at_tenant, &self.incident.system, record_type, person).await?;
        let Some(subject) = found else { return Ok(None) };
        let open = async |field: Option<&str>| -> Result<Option<Zeroizing<String>>> {
            let Some(field) = field else { return Ok(None) };
            let value = vault::open_contact(&at_tenant, &subject, field).await?;
            Ok(value
                .map(|value| Zeroizing::new(value.expose().trim().to_owned()))
                .filter(|value| !value.is_empty()))
        };
        let name = open(name_field(declared)).await?;
        let postal = open(declared.postal_field.as_deref()).await?;
        let phone = open(declared.phone_field.as_deref().filter(|_| with_phone)).await?;
        let language = message.language;
        let entries = self.entries.get(person).map(Vec::as_slice).unwrap_or_default();
        let tenants = entries
            .iter()
            .filter_map(|entry| Some(office_name(self.offices.get(&entry.tenant_slug)?, language)));
        let recipient = Recipient {
            name: name.as_ref().map(|name| name.to_string()),
            tenants: tenants.collect(),
            confirmed: entries.iter().any(|entry| entry.confirmed),
        };
        let tenant = entries.first().map(|entry| entry.tenant_slug.clone()).unwrap_or_default();
        Ok(Some(Reached { tenant, name, postal, phone, known: self.known(language, recipient, None) }))
    }

    /// The zone in which people speak about the incident.
    pub fn zone(&self) -> &str {
        &self.incident.zone
    }

    /// The operator's name.
    pub fn operator_name(&self, language: Language) -> String {
        self.operator.get(language)
    }

    async fn resolve_tenant(
        &self,
        scope: &Scope,
        message: &Message,
        slug: &str,
    ) -> Result<std::result::Result<(Zeroizing<String>, Known), Reason>> {
        let Some(office) = self.offices.get(slug) else { return Ok(Err(Reason::NoTenantContact)) };
        let Some(sealed) = &office.contact else { return Ok(Err(Reason::NoTenantContact)) };
        let at_tenant = scope.within(office.id, "tenant")?;
        let event = Event::new("tenant.read_contact", format!("tenant:{}", office.id));
        at_tenant.record(office.id, vec![event]).await?;
        let bytes = vault::open_for_tenant(&at_tenant, CONTACT, office.id, sealed).await?;
        let Ok(address) = std::str::from_utf8(&bytes) else { return Ok(Err(Reason::BadAddress)) };
        let language = message.language;
        let groups = store_outbox::groups(scope, self.notice.revision, slug).await?;
        let groups = groups.into_iter().map(|(kind, count)| {
            let declared = self.system.as_ref().and_then(|system| system.record_type(&kind));
            let kind = declared.map_or(kind, |declared| declared.title.get(language.as_str()).to_owned());
            Group { kind, count }
        });
        let list = List { number: self.number, groups: groups.collect() };
        let recipient =
            Recipient { name: Some(office_name(office, language)), tenants: Vec::new(), confirmed: false };
        let known = Known { link: self.link(scope, message), ..self.known(language, recipient, Some(list)) };
        Ok(Ok((Zeroizing::new(address.to_owned()), known)))
    }

    /// The recipient's own page. Not in letters: nobody types it in, and whom no mail reaches gets no code.
    fn link(&self, scope: &Scope, message: &Message) -> Option<String> {
        let side = portal::side_of(self.notice.audience)?;
        portal::link(scope.op().app(), side, message.id, scope.at())
    }

    fn known(&self, language: Language, recipient: Recipient, list: Option<List>) -> Known {
        let system = match &self.system {
            Some(system) => System {
                title: system.title.get(language.as_str()).to_owned(),
                tenants_kind: system.tenants_kind.get(language.as_str()).to_owned(),
            },
            None => System {
                title: self.incident.system.clone(),
                tenants_kind: match language {
                    Language::Ja => "団体".to_owned(),
                    Language::En => "organisation".to_owned(),
                },
            },
        };
        let (from, to) = (self.incident.from.map(from_micros), self.incident.to.map(from_micros));
        Known {
            recipient,
            system,
            operator: Operator { name: self.operator.get(language) },
            period: period(from, to, &self.incident.zone, language),
            list,
            link: None,
        }
    }
}

/// The field that says what to call a person: the first declared name.
fn name_field(record_type: &RecordType) -> Option<&str> {
    let field = record_type
        .fields
        .iter()
        .find(|field| field.category == Category::Name && field.kind == FieldKind::Name)?;
    Some(&field.name)
}
