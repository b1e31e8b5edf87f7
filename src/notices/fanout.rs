//! From an affected list to messages: who, where, in which language, and who has been told before.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use uuid::Uuid;

use super::model::{
    Affected, Audience, Channel, Message, MessageState, Notice, Reason, message_id, person_recipient,
    tenant_recipient,
};
use super::store::{self, Reachable};
use super::store_messages::{self, Told};
use crate::access::{Scope, Tx};
use crate::error::{Error, Result};

/// What approval makes.
pub struct Made {
    pub messages: Vec<Message>,
    /// How many recipients were told before and get nothing now.
    pub told: usize,
}

/// The people of a notice's revision and where they can be reached.
pub struct Directory {
    /// By person: each place at which the person stands on the list.
    people: BTreeMap<String, Vec<Affected>>,
    reachable: HashMap<String, Vec<Reachable>>,
}

impl Directory {
    /// Reads the list and the subjects behind it.
    pub async fn load(scope: &Scope, tx: &Tx, notice: &Notice) -> Result<Self> {
        let incident = store::incident(tx.connection(), scope, notice.incident)
            .await?
            .ok_or_else(|| Error::not_found("incident"))?;
        let mut people: BTreeMap<String, Vec<Affected>> = BTreeMap::new();
        for entry in store::affected(tx.connection(), notice.tenant, notice.revision).await? {
            people.entry(entry.person.clone()).or_default().push(entry);
        }
        // The filter says who; where they are known is told by the whole list.
        people.retain(|_, entries| entries.iter().any(|entry| notice.filter.takes(entry)));
        let persons: Vec<String> = people.keys().cloned().collect();
        let reachable = store::reachable(tx.connection(), &incident.system, &persons).await?;
        Ok(Self { people, reachable })
    }

    /// Tenant, record type and wished language of a person: the first place on the list where Suimon holds the person's data.
    pub fn reach(&self, person: &str) -> Option<(Uuid, &str, &str)> {
        let subjects = self.reachable.get(person)?;
        self.people.get(person)?.iter().find_map(|entry| {
            let subject = subjects
                .iter()
                .find(|subject| Some(subject.tenant) == entry.tenant && subject.record_type == entry.kind)?;
            Some((subject.tenant, subject.record_type.as_str(), subject.language.as_str()))
        })
    }
}

/// The messages of a notice.
pub async fn messages(scope: &Scope, tx: &Tx, notice: &Notice) -> Result<Made> {
    let told = store_messages::told(tx.connection(), notice.tenant, notice.incident, notice.revision).await?;
    match notice.audience {
        Audience::Persons => to_persons(scope, tx, notice, &told).await,
        Audience::Tenants => to_tenants(scope, tx, notice, &told).await,
        Audience::Cleared => to_cleared(scope, tx, notice, &told).await,
    }
}

async fn to_persons(scope: &Scope, tx: &Tx, notice: &Notice, told: &HashMap<String, Told>) -> Result<Made> {
    let directory = Directory::load(scope, tx, notice).await?;
    let mut made = Made { messages: Vec::new(), told: 0 };
    for (person, entries) in &directory.people {
        let recipient = person_recipient(person);
        if told.contains_key(&recipient) {
            made.told += 1;
            continue;
        }
        let mut message = message(scope, notice, recipient);
        match directory.reach(person) {
            Some((tenant, record_type, language)) => {
                message.recipient_tenant = tenant;
                message.record_type = Some(record_type.to_owned());
                message.language = notice.variables.choose(language);
            }
            None => {
                message.recipient_tenant =
                    entries.iter().find_map(|entry| entry.tenant).unwrap_or(notice.tenant);
                message.record_type = entries.first().map(|entry| entry.kind.clone());
                fail(&mut message, Reason::NoAddress);
            }
        }
        made.messages.push(message);
    }
    Ok(made)
}

/// Whoever was told to be concerned and is not on the list any more.
async fn to_cleared(scope: &Scope, tx: &Tx, notice: &Notice, told: &HashMap<String, Told>) -> Result<Made> {
    let listed = store::affected(tx.connection(), notice.tenant, notice.revision).await?;
    let listed: BTreeSet<String> = listed.iter().map(|entry| person_recipient(&entry.person)).collect();
    let places = store_messages::last_places(tx.connection(), notice.tenant, notice.incident).await?;
    let mut made = Made { messages: Vec::new(), told: 0 };
    let corrected = store_messages::corrected(tx.connection(), notice).await?;
    // Whoever has got nothing yet has nothing to be corrected: what waits for them is not sent any more.
    let reached = told.iter().filter(|(_, told)| told.reached).map(|(recipient, _)| recipient);
    let mut recipients: Vec<&String> =
        reached.filter(|recipient| !listed.contains(*recipient) && !corrected.contains(*recipient)).collect();
    recipients.sort_unstable();
    for recipient in recipients {
        // Of tenants there is no place: what their list is, they hear by a notice for tenants.
        let Some((tenant, record_type, language)) = places.get(recipient) else { continue };
        let mut message = message(scope, notice, recipient.clone());
        message.recipient_tenant = *tenant;
        message.record_type = Some(record_type.clone());
        message.language = notice.variables.choose(language.as_str());
        made.messages.push(message);
    }
    Ok(made)
}

async fn to_tenants(scope: &Scope, tx: &Tx, notice: &Notice, told: &HashMap<String, Told>) -> Result<Made> {
    let now = by_tenant(tx, notice, notice.revision).await?;
    let slugs: Vec<String> = now.keys().cloned().collect();
    let tenants = store::tenants_by_slug(tx.connection(), &slugs).await?;
    let mut lists_told: HashMap<Uuid, BTreeMap<String, BTreeSet<String>>> = HashMap::new();
    let mut made = Made { messages: Vec::new(), told: 0 };
    for (slug, people) in &now {
        let recipient = tenant_recipient(slug);
        if let Some(Told { revision, .. }) = told.get(&recipient) {
            if !lists_told.contains_key(revision) {
                lists_told.insert(*revision, by_tenant(tx, notice, *revision).await?);
            }
            let unchanged = lists_told.get(revision).and_then(|lists| lists.get(slug)) == Some(people);
            if *revision == notice.revision || unchanged {
                made.told += 1;
                continue;
            }
        }
        let mut message = message(scope, notice, recipient);
        match tenants.get(slug) {
            Some((tenant, has_contact)) => {
                message.recipient_tenant = *tenant;
                if !has_contact {
                    fail(&mut message, Reason::NoTenantContact);
                }
            }
            None => fail(&mut message, Reason::NoTenantContact),
        }
        made.messages.push(message);
    }
    Ok(made)
}

async fn by_tenant(tx: &Tx, notice: &Notice, revision: Uuid) -> Result<BTreeMap<String, BTreeSet<String>>> {
    let mut lists: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let entries = store::affected(tx.connection(), notice.tenant, revision).await?;
    for entry in entries.into_iter().filter(|entry| notice.filter.takes(entry)) {
        lists.entry(entry.tenant_slug).or_default().insert(entry.person);
    }
    Ok(lists)
}

fn message(scope: &Scope, notice: &Notice, recipient: String) -> Message {
    let channel = Channel::Mail;
    let from = &scope.op().app().config().mail.from_address;
    Message {
        tenant: notice.tenant,
        id: scope.new_id(),
        notice: notice.id,
        incident: notice.incident,
        revision: notice.revision,
        channel,
        message_id: message_id(notice.tenant, notice.incident, notice.revision, channel, &recipient, from),
        recipient,
        recipient_tenant: notice.tenant,
        record_type: None,
        language: notice.variables.choose("ja"),
        state: MessageState::Queued,
        attempts: 0,
        next_attempt_at: notice.delivery.from.map_or(scope.at(), |from| from.max(scope.at())),
        lease_until: None,
        reply_code: None,
        reason: None,
        created_at: scope.at(),
        accepted_at: None,
    }
}

fn fail(message: &mut Message, reason: Reason) {
    message.state = MessageState::Failed;
    message.reason = Some(reason);
}
