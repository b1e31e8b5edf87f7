//! What a request is decided on: the tenant's policy, the system's rules, who asks, and which record it is about. Looked up
//! once for each request, whatever the number of its questions.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use serde_json::{Map, Value};
use uuid::Uuid;

use super::about::Verdict;
use super::model::{Entity, Evaluation};
use super::{ROLES, parse, tally};
use crate::access::{Action, Decider, Op};
use crate::error::{Error, Result};
use crate::requirements::manifest::RecordType;
use crate::requirements::{self, Guarded};
use crate::vault;

/// Types under which an account of the tenant is meant.
const ACCOUNTS: [&str; 2] = ["account", "user"];
/// The role of a person about whom the system keeps a record.
pub(super) const DATA_SUBJECT: &str = "data_subject";
/// External ids of one look-up.
const CHUNK: usize = 250;
/// Roles that may be stated of one subject.
const MAX_ROLES: usize = 16;

/// Tenant and system of a question.
pub(super) struct Setting {
    pub decider: Decider,
    pub guarded: Guarded,
}

/// Who asks, as far as it is known.
#[derive(Default)]
pub(super) struct Subject {
    /// As the policy wants them.
    pub roles: Box<str>,
    pub account: Option<Uuid>,
    /// The person of the vault.
    pub person: Option<Uuid>,
    /// Roles were stated by who may not state them.
    pub roles_ignored: bool,
}

/// What it is about, as far as it is known.
#[derive(Default)]
pub(super) struct Resource {
    pub object: Object,
    /// First word of the attributes of its properties.
    pub prefix: String,
    pub record: Option<Record>,
}

/// A record of the vault.
pub(super) struct Record {
    pub tenant: Uuid,
    pub id: Uuid,
    pub record_type: String,
    pub plain: BTreeMap<String, String>,
}

/// In the words of the policy.
#[derive(Default)]
pub(super) enum Object {
    /// A field that the record type does not declare.
    #[default]
    Unknown,
    /// One object of the policy.
    One(String),
    /// A record as a whole: each of its fields.
    All(Vec<String>),
}

type Key = (Uuid, Arc<str>, String, String);

/// One request.
pub(super) struct Session<'o> {
    op: &'o Op,
    permission: &'static str,
    settings: HashMap<(Option<String>, Option<String>), Arc<Setting>>,
    refused: HashMap<(Option<String>, Option<String>), crate::error::Problem>,
    accounts: HashMap<(Uuid, String), Option<crate::access::Known>>,
    records: HashMap<Key, Option<vault::Subject>>,
    tally: tally::Counts,
}

impl<'o> Session<'o> {
    pub fn new(op: &'o Op, permission: &'static str) -> Self {
        Self {
            op,
            permission,
            settings: HashMap::new(),
            refused: HashMap::new(),
            accounts: HashMap::new(),
            records: HashMap::new(),
            tally: tally::Counts::default(),
        }
    }

    /// The tenant and the system that the context names: `tenant` (a slug; the asker's own where there is none) and `system`
    /// (the only one where there is none).
    pub async fn setting(&mut self, context: &Map<String, Value>) -> Result<Arc<Setting>> {
        let named = |key: &str| context.get(key).and_then(Value::as_str).map(str::to_owned);
        let key = (named("tenant"), named("system"));
        if let Some(setting) = self.settings.get(&key) {
            return Ok(setting.clone());
        }
        // Refused once, recorded once, whatever the number of questions.
        if let Some(problem) = self.refused.get(&key) {
            return Err(Error::Expected(problem.clone()));
        }
        let setting = async {
            let wrong = |text: &Option<String>| {
                text.as_ref().is_some_and(|text| text.len() > parse::MAX_NAME || text.contains('\0'))
            };
            if wrong(&key.0) || wrong(&key.1) {
                return Err(Error::invalid("context", "names a tenant or a system that cannot be one"));
            }
            let decider = self.op.decider(key.0.as_deref(), self.permission).await?;
            let guarded = requirements::guarded(decider.scope(), key.1.as_deref()).await?;
            Ok(Arc::new(Setting { decider, guarded }))
        };
        let setting = setting.await.inspect_err(|error| {
            if let Some(problem) = error.problem() {
                self.refused.insert(key.clone(), problem.clone());
            }
        })?;
        self.settings.insert(key, setting.clone());
        Ok(setting)
    }

    /// Looks up the records of many questions together.
    pub async fn fetch(&mut self, questions: impl Iterator<Item = &Evaluation>) -> Result<()> {
        let mut wanted: BTreeMap<(usize, String), HashSet<&str>> = BTreeMap::new();
        let mut settings: Vec<Arc<Setting>> = Vec::new();
        for question in questions {
            // A setting that is refused is told when its question is decided.
            let Ok(setting) = self.setting(&question.context).await else { continue };
            let at = settings.iter().position(|known| Arc::ptr_eq(known, &setting)).unwrap_or_else(|| {
                settings.push(setting.clone());
                settings.len() - 1
            });
            for entity in [&question.subject, &question.resource] {
                let name = first(&entity.kind);
                if setting.guarded.spec.record_type(name).is_some() && foreign(entity).is_none() {
                    wanted.entry((at, name.to_owned())).or_default().insert(&entity.id);
                }
            }
        }
        for ((at, record_type), ids) in wanted {
            let setting = &settings[at];
            let (scope, system) = (setting.decider.scope(), &setting.guarded.name);
            let ids: Vec<&str> = ids.into_iter().collect();
            for ids in ids.chunks(CHUNK) {
                let found = vault::find_by_external_ids(scope, system, &record_type, ids).await?;
                for id in ids {
                    let record = found.iter().find(|subject| subject.external_id == **id).cloned();
                    let key = (scope.tenant(), system.clone(), record_type.clone(), (*id).to_owned());
                    self.records.insert(key, record);
                }
            }
        }
        Ok(())
    }

    async fn record(
        &mut self,
        setting: &Setting,
        record_type: &str,
        id: &str,
    ) -> Result<Option<vault::Subject>> {
        let (scope, system) = (setting.decider.scope(), &setting.guarded.name);
        let key = (scope.tenant(), system.clone(), record_type.to_owned(), id.to_owned());
        if let Some(known) = self.records.get(&key) {
            return Ok(known.clone());
        }
        let found = vault::find_by_external_ids(scope, system, record_type, &[id]).await?.pop();
        self.records.insert(key, found.clone());
        Ok(found)
    }

    /// Who asks: an account of the tenant, a person of whom the system keeps a record, or somebody whom only the system knows.
    pub async fn subject(&mut self, setting: &Setting, entity: &Entity) -> Result<Subject> {
        let mut subject = Subject::default();
        let mut held: Box<str> = "".into();
        if ACCOUNTS.contains(&&*entity.kind) {
            let key = (setting.decider.scope().tenant(), entity.id.clone());
            let known = match self.accounts.get(&key) {
                Some(known) => known.clone(),
                None => {
                    let known = setting.decider.account(&entity.id).await?;
                    self.accounts.insert(key, known.clone());
                    known
                }
            };
            if let Some(known) = known {
                (subject.account, held) = (Some(known.id), known.roles);
            }
        } else if setting.guarded.spec.record_type(&entity.kind).is_some() {
            let found = self.record(setting, &entity.kind, &entity.id).await?;
            if let Some(person) = found.filter(|person| person.erased_at.is_none()) {
                (subject.person, held) = (Some(person.id), DATA_SUBJECT.into());
            }
        }
        subject.roles = held;
        self.assert_roles(setting, &mut subject, &entity.properties);
        Ok(subject)
    }

    /// Adds the roles that the system states of its own people, where the token may say so.
    pub fn assert_roles(&self, setting: &Setting, subject: &mut Subject, properties: &Map<String, Value>) {
        let stated = properties.get("role").into_iter().chain(match properties.get("roles") {
            Some(Value::Array(roles)) => &roles[..],
            _ => &[],
        });
        let stated: Vec<&str> = stated.filter_map(Value::as_str).take(MAX_ROLES).collect();
        if stated.is_empty() {
            return;
        }
        if self.op.allows(Action::Decide, ROLES) {
            let rules = &setting.guarded.rules;
            subject.roles = setting.decider.roles_with(&subject.roles, stated.into_iter(), rules);
        } else {
            subject.roles_ignored = true;
        }
    }

    /// What it is about: a record or one of its fields, or an object that only the system knows.
    pub async fn resource(&mut self, setting: &Setting, entity: &Entity) -> Result<Resource> {
        let mut resource = resource_of(setting, &entity.kind);
        let Some(record_type) = setting.guarded.spec.record_type(first(&entity.kind)) else {
            return Ok(resource);
        };
        // The operator's people ask about records of all tenants: which one is named, and within their reach.
        let other;
        let setting = match foreign(entity) {
            None => setting,
            Some(tenant) => {
                let mut named = Map::new();
                named.insert("tenant".to_owned(), tenant.into());
                named.insert("system".to_owned(), (*setting.guarded.name).into());
                other = self.setting(&named).await?;
                &other
            }
        };
        let found = self.record(setting, &record_type.name, &entity.id).await?;
        if let Some(subject) = found {
            resource.record = Some(record_of(setting, &subject, record_type).await?);
        }
        Ok(resource)
    }

    /// Counts a decision.
    pub fn note(&mut self, setting: &Setting, verdict: &Verdict) {
        self.tally.note(setting.decider.scope(), &setting.guarded.name, verdict);
    }

    /// Hands over what was counted.
    pub fn count(self) {
        self.op.app().tally().add(self.tally);
    }
}

/// The tenant of a record, where it is another one's than the subject's.
fn foreign(entity: &Entity) -> Option<&str> {
    entity.properties.get("tenant").and_then(Value::as_str)
}

/// First word of a dotted type.
pub(super) fn first(kind: &str) -> &str {
    kind.split_once('.').map_or(kind, |(first, _)| first)
}

/// A resource of this type, before its record is known.
pub(super) fn resource_of(setting: &Setting, kind: &str) -> Resource {
    let spec = &setting.guarded.spec;
    let name = first(kind);
    let Some(record_type) = spec.record_type(name) else {
        return Resource {
            object: Object::One(requirements::object_of(spec, kind)),
            prefix: kind.to_owned(),
            record: None,
        };
    };
    let of = |field: &str| format!("data.{name}.{field}");
    let object = match kind.split_once('.') {
        None => Object::All(record_type.fields.iter().map(|field| of(&field.name)).collect()),
        Some((_, field)) if record_type.field(field).is_some() => Object::One(of(field)),
        Some(_) => Object::Unknown,
    };
    Resource { object, prefix: name.to_owned(), record: None }
}

/// What is known of a record of the vault.
pub(super) async fn record_of(
    setting: &Setting,
    subject: &vault::Subject,
    record_type: &RecordType,
) -> Result<Record> {
    let plain = vault::plain_fields(setting.decider.scope(), subject, record_type).await?;
    Ok(Record { tenant: subject.tenant, id: subject.id, record_type: record_type.name.clone(), plain })
}
