//! From an affected list to messages: who, where, in which language, and who has been told before.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use uuid::Uuid;

use super::model::{
    Affected, Audience, Channel, Message, MessageState, Notice, Reason, message_id, person_recipient,
    tenant_recipient,
};
use super::store::{self, Reachable};
use super::store_told::{self, Told};
use crate::access::{Scope, Tx};
use crate::error::{Error, Result};

/// Recipients that are in memory at once.
const PIECE: usize = 2000;

/// The messages of a notice, piece by piece: a list may name hundreds of thousands of people. (Those to tenants, and corrections, are made
/// as a whole and handed out in pieces.)
pub struct Fanout<'a> {
    scope: &'a Scope,
    tx: &'a Tx,
    notice: &'a Notice,
    /// Lists whose people were written to about this incident before.
    told_of: Vec<Uuid>,
    rest: Rest,
    /// How many recipients were told before and get nothing now.
    pub told: usize,
}

/// What has not been made yet.
enum Rest {
    /// The people of the list after this one.
    After(Option<String>),
    /// Those that were made and not handed out.
    Made(std::vec::IntoIter<Message>),
}

impl<'a> Fanout<'a> {
    /// Before the first message.
    ///
    /// # Errors
    /// Unexpected ones only.
    pub async fn begin(scope: &'a Scope, tx: &'a Tx, notice: &'a Notice) -> Result<Self> {
        let told_of = store_told::lists_with_notices(tx.connection(), notice).await?;
        let (rest, told) = match notice.audience {
            Audience::Persons => (Rest::After(None), 0),
            Audience::Tenants => to_tenants(scope, tx, notice).await?,
            Audience::Cleared => (to_cleared(scope, tx, notice).await?, 0),
        };
        Ok(Self { scope, tx, notice, told_of, rest, told })
    }

    /// The next messages, which may be none; nothing once all were made.
    ///
    /// # Errors
    /// Unexpected ones only.
    pub async fn next(&mut self) -> Result<Option<Vec<Message>>> {
        let after = match &mut self.rest {
            Rest::After(after) => after.clone(),
            Rest::Made(messages) => {
                let piece: Vec<Message> = messages.take(PIECE).collect();
                return Ok((!piece.is_empty()).then_some(piece));
            }
        };
        let (database, notice) = (self.tx.connection(), self.notice);
        let people =
            store::next_affected(database, notice.tenant, notice.revision, after.as_deref(), PIECE).await?;
        let Some(last) = people.last() else {
            self.rest = Rest::Made(Vec::new().into_iter());
            return Ok(None);
        };
        self.rest = Rest::After(Some(last.person.clone()));
        Ok(Some(self.messages_to(people).await?))
    }

    async fn messages_to(&mut self, people: Vec<Affected>) -> Result<Vec<Message>> {
        let (scope, notice) = (self.scope, self.notice);
        let directory = Directory::read(scope, self.tx, notice, people).await?;
        let recipients: Vec<String> =
            directory.people.keys().map(|person| person_recipient(person)).collect();
        let among: Vec<&str> = recipients.iter().map(String::as_str).collect();
        let told = store_told::told(self.tx.connection(), notice, Some((&self.told_of, &among))).await?;
        let mut made = Vec::with_capacity(recipients.len());
        for ((person, entries), recipient) in directory.people.iter().zip(recipients) {
            if told.contains_key(&recipient) {
                self.told += 1;
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
            made.push(message);
        }
        Ok(made)
    }
}

/// People of a notice's list and where they can be reached.
pub struct Directory {
    /// By person: each place at which the person stands on the list.
    people: BTreeMap<String, Vec<Affected>>,
    reachable: HashMap<String, Vec<Reachable>>,
}

impl Directory {
    /// Reads the subjects behind places of the list; of each person all places.
    ///
    /// # Errors
    /// `NOT_FOUND` without the incident.
    pub async fn read(scope: &Scope, tx: &Tx, notice: &Notice, places: Vec<Affected>) -> Result<Self> {
        let incident = store::incident(tx.connection(), scope, notice.incident)
            .await?
            .ok_or_else(|| Error::not_found("incident"))?;
        let mut people: BTreeMap<String, Vec<Affected>> = BTreeMap::new();
        for entry in places {
            people.entry(entry.person.clone()).or_default().push(entry);
        }
        // The filter says who; where they are known is told by all places.
        people.retain(|_, entries| entries.iter().any(|entry| notice.filter.takes(entry)));
        let persons: Vec<&str> = people.keys().map(String::as_str).collect();
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

/// Whoever was told to be concerned and is not on the list any more.
async fn to_cleared(scope: &Scope, tx: &Tx, notice: &Notice) -> Result<Rest> {
    let told = store_told::told(tx.connection(), notice, None).await?;
    let mut listed = BTreeSet::new();
    store::each_affected(tx.connection(), notice.tenant, notice.revision, |entry| {
        listed.insert(person_recipient(&entry.person));
    })
    .await?;
    let places = store_told::last_places(tx.connection(), notice).await?;
    let mut made = Vec::new();
    let corrected = store_told::corrected(tx.connection(), notice).await?;
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
        made.push(message);
    }
    Ok(Rest::Made(made.into_iter()))
}

/// With how many were told before.
async fn to_tenants(scope: &Scope, tx: &Tx, notice: &Notice) -> Result<(Rest, usize)> {
    let told = store_told::told(tx.connection(), notice, None).await?;
    let now = by_tenant(tx, notice, notice.revision).await?;
    let slugs: Vec<String> = now.keys().cloned().collect();
    let tenants = store::tenants_by_slug(tx.connection(), &slugs).await?;
    let mut lists_told: HashMap<Uuid, BTreeMap<String, BTreeSet<String>>> = HashMap::new();
    let (mut made, mut told_before) = (Vec::new(), 0);
    for (slug, people) in &now {
        let recipient = tenant_recipient(slug);
        if let Some(Told { revision, .. }) = told.get(&recipient) {
            if !lists_told.contains_key(revision) {
                lists_told.insert(*revision, by_tenant(tx, notice, *revision).await?);
            }
            let unchanged = lists_told.get(revision).and_then(|lists| lists.get(slug)) == Some(people);
            if *revision == notice.revision || unchanged {
                told_before += 1;
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
        made.push(message);
    }
    Ok((Rest::Made(made.into_iter()), told_before))
}

async fn by_tenant(tx: &Tx, notice: &Notice, revision: Uuid) -> Result<BTreeMap<String, BTreeSet<String>>> {
    let mut lists: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    store::each_affected(tx.connection(), notice.tenant, revision, |entry| {
        if notice.filter.takes(&entry) {
            lists.entry(entry.tenant_slug).or_default().insert(entry.person);
        }
    })
    .await?;
    Ok(lists)
}

fn message(scope: &Scope, notice: &Notice, recipient: String) -> Message {
    let channel = Channel::Mail;
    let domain = scope.op().app().config().mail.sender_domain();
    Message {
        tenant: notice.tenant,
        id: scope.new_id(),
        notice: notice.id,
        incident: notice.incident,
        revision: notice.revision,
        channel,
        message_id: message_id(notice.tenant, notice.incident, notice.revision, channel, &recipient, domain),
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
