//! Searching: who may do this, with which records, and what may be done. Each candidate is decided as a question of its own,
//! so what is found is exactly what an evaluation allows.

use serde_json::{Value, json};

use super::about::Known;
use super::model::{Found, Page, Search, Sought};
use super::setting::{self, Object, Resource, Session, Setting, Subject};
use super::{SEARCH, page};
use crate::access::Op;
use crate::error::{Error, Result};
use crate::vault;

/// Candidates decided for one answer. With few matches among many a page is short and says where to go on.
const SCAN: usize = 1000;
/// Candidates of one trip to the database.
const STEP: u64 = 200;

/// Looks for subjects, resources or actions.
///
/// # Errors
/// Those of permission, and `INVALID` for a page token of another search.
pub async fn search(op: &Op, search: &Search) -> Result<Found> {
    let mut session = Session::new(op, SEARCH);
    let setting = session.setting(&search.question.context).await?;
    let after = match &search.token {
        None => None,
        Some(token) => Some(page::after(&setting, &search.fingerprint, token)?),
    };
    match search.sought {
        Sought::Subject => subjects(&mut session, &setting, search, after).await,
        Sought::Resource => resources(&mut session, &setting, search, after).await,
        Sought::Action => actions(&mut session, &setting, search, after.as_deref()).await,
    }
}

/// A page that grows.
struct Growing<'s> {
    setting: &'s Setting,
    search: &'s Search,
    results: Vec<Value>,
    scanned: usize,
    last: Option<String>,
}

impl<'s> Growing<'s> {
    fn new(setting: &'s Setting, search: &'s Search) -> Self {
        Self { setting, search, results: Vec::new(), scanned: 0, last: None }
    }

    fn is_full(&self) -> bool {
        self.results.len() >= self.search.limit || self.scanned >= SCAN
    }

    /// Decides a candidate.
    fn take(
        &mut self,
        key: &str,
        subject: &Subject,
        resource: &Resource,
        verb: &str,
        result: Value,
    ) -> Result<()> {
        let known = Known { setting: self.setting, subject, resource };
        let attributes =
            known.attributes(&self.search.question).map_err(|fault| Error::invalid("properties", fault))?;
        if known.decide(verb, &attributes).allowed {
            self.results.push(result);
        }
        self.scanned += 1;
        self.last = Some(key.to_owned());
        Ok(())
    }

    /// `more`: whether there are candidates behind the last one.
    async fn finish(self, more: bool) -> Result<Found> {
        let Self { setting, search, results, last, .. } = self;
        let next_token = match last.filter(|_| more) {
            Some(last) => page::token(setting, &search.fingerprint, &last),
            None => String::new(),
        };
        if !results.is_empty() && search.sought != Sought::Action {
            // Logins and pseudonyms: that they were listed is recorded, as everywhere.
            let object = format!("system:{}", setting.guarded.name);
            let scope = setting.decider.scope();
            let people = std::iter::repeat_n(Some(scope.tenant()), results.len());
            scope.record_list("authzen.search", &object, people).await?;
        }
        let page = Page { next_token, count: results.len() };
        Ok(Found { results, page })
    }
}

async fn subjects(
    session: &mut Session<'_>,
    setting: &Setting,
    search: &Search,
    mut after: Option<String>,
) -> Result<Found> {
    let question = &search.question;
    let kind = &question.subject.kind;
    let mut growing = Growing::new(setting, search);
    let resource = session.resource(setting, &question.resource).await?;
    if ["account", "user"].contains(&&**kind) {
        loop {
            let rows = setting.decider.accounts(after.as_deref(), STEP).await?;
            let whole = rows.len() as u64 == STEP;
            let mut rows = rows.into_iter();
            while let Some(account) = rows.next() {
                let mut subject =
                    Subject { roles: account.roles, account: Some(account.id), ..Subject::default() };
                session.assert_roles(setting, &mut subject, &question.subject.properties);
                let result = json!({ "type": kind, "id": account.login });
                growing.take(&account.login, &subject, &resource, &question.action.name, result)?;
                if growing.is_full() {
                    let more = whole || rows.len() > 0;
                    return growing.finish(more).await;
                }
                after = Some(account.login);
            }
            if !whole {
                return growing.finish(false).await;
            }
        }
    }
    if setting.guarded.spec.record_type(kind).is_none() {
        return growing.finish(false).await;
    }
    loop {
        let rows = records(setting, kind, after.as_deref()).await?;
        let whole = rows.len() as u64 == STEP;
        let mut rows = rows.into_iter();
        while let Some(person) = rows.next() {
            let key = person.id.to_string();
            let mut subject = Subject::default();
            if person.erased_at.is_none() {
                subject.roles = setting::DATA_SUBJECT.into();
                subject.person = Some(person.id);
                session.assert_roles(setting, &mut subject, &question.subject.properties);
            }
            let result = json!({ "type": kind, "id": person.external_id });
            growing.take(&key, &subject, &resource, &question.action.name, result)?;
            if growing.is_full() {
                let more = whole || rows.len() > 0;
                return growing.finish(more).await;
            }
            after = Some(key);
        }
        if !whole {
            return growing.finish(false).await;
        }
    }
}

async fn resources(
    session: &mut Session<'_>,
    setting: &Setting,
    search: &Search,
    mut after: Option<String>,
) -> Result<Found> {
    let question = &search.question;
    let kind = &question.resource.kind;
    let mut growing = Growing::new(setting, search);
    let subject = session.subject(setting, &question.subject).await?;
    let mut resource = setting::resource_of(setting, kind);
    let record_type = setting.guarded.spec.record_type(setting::first(kind));
    let Some(record_type) = record_type.filter(|_| !matches!(resource.object, Object::Unknown)) else {
        // Objects that are no records are the system's own; Suimon does not know which there are.
        return growing.finish(false).await;
    };
    loop {
        let rows = records(setting, &record_type.name, after.as_deref()).await?;
        let whole = rows.len() as u64 == STEP;
        let mut rows = rows.into_iter();
        while let Some(record) = rows.next() {
            let key = record.id.to_string();
            resource.record = Some(setting::record_of(setting, &record, record_type).await?);
            let result = json!({ "type": kind, "id": record.external_id });
            growing.take(&key, &subject, &resource, &question.action.name, result)?;
            if growing.is_full() {
                let more = whole || rows.len() > 0;
                return growing.finish(more).await;
            }
            after = Some(key);
        }
        if !whole {
            return growing.finish(false).await;
        }
    }
}

async fn actions(
    session: &mut Session<'_>,
    setting: &Setting,
    search: &Search,
    after: Option<&str>,
) -> Result<Found> {
    let question = &search.question;
    let subject = session.subject(setting, &question.subject).await?;
    let resource = session.resource(setting, &question.resource).await?;
    let mut growing = Growing::new(setting, search);
    let verbs = setting.decider.actions(&setting.guarded.rules);
    let mut verbs = verbs.iter().filter(|verb| after.is_none_or(|after| verb.as_str() > after));
    while let Some(verb) = verbs.next() {
        growing.take(verb, &subject, &resource, verb, json!({ "name": verb }))?;
        if growing.is_full() {
            let more = verbs.next().is_some();
            return growing.finish(more).await;
        }
    }
    growing.finish(false).await
}

async fn records(setting: &Setting, record_type: &str, after: Option<&str>) -> Result<Vec<vault::Subject>> {
    let scope = setting.decider.scope();
    let after = after
        .map(|after| after.parse().map_err(|_| Error::invalid("page.token", "is none that this search gave")))
        .transpose()?;
    vault::records_of(scope, scope.tenant(), &setting.guarded.name, record_type, after, STEP).await
}
