//! One operation: who acts, for which tenant, at what instant, for which purpose. Only an `Op` that was permitted gives a
//! `Scope`, only a `Scope` opens a read or a transaction, and a transaction ends only together with its audit entry.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use jiff::Timestamp;
use sea_orm::sea_query::{Condition, IntoCondition};
use sea_orm::{ColumnTrait, DatabaseTransaction};
use uuid::Uuid;

use super::denials::Because;
use super::model::{Action, Actor};
use super::policy::{Attributes, Policy, Question, SystemRules};
use super::store;
use crate::app::App;
use crate::audit::{self, Event};
use crate::error::{Error, Result};
use crate::storage::{Wall, Walled, Writing};

/// What is said of a tenant that is somebody else's, and of one that does not exist.
const OUT_OF_REACH: Because<'static> =
    Because::Words("refused: the tenant that was named lies outside the reach of who asked");

/// One operation of one actor.
#[derive(Clone)]
pub struct Op {
    app: Arc<App>,
    actor: Arc<Actor>,
    policy: Option<Arc<Policy>>,
    at: Timestamp,
    purpose: Option<Arc<str>>,
    request_id: Arc<str>,
    /// People whose fields this operation read in clear.
    pub(super) people: Arc<AtomicU32>,
}

/// Which rows a scope reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The rows of one tenant.
    One(Uuid),
    /// All tenants of the operator.
    All,
}

/// Proof of a permitted operation. Its fields are private: only `Op::permit` and `Scope::system` make one.
#[derive(Clone)]
pub struct Scope {
    op: Op,
    tenant: Uuid,
    reach: Reach,
    connection: Walled,
}

/// A writing transaction. Dropped without `commit`, it leaves no trace.
#[must_use = "a transaction that is not committed is rolled back"]
pub struct Tx {
    scope: Scope,
    transaction: Writing,
}

/// What is known of who asks, whenever it was.
#[derive(Clone, Copy, Debug)]
pub struct Asking<'a> {
    /// Whose account it is.
    pub tenant: Uuid,
    /// Whether that is the operator.
    pub operator: bool,
    pub account: Option<Uuid>,
    pub purpose: Option<&'a str>,
    /// With a token of the account.
    pub by_token: bool,
    pub at: Timestamp,
}

impl Asking<'_> {
    /// What the policy may decide on besides action and object.
    pub fn attributes(&self, system: Option<&SystemRules>) -> Attributes {
        let mut attributes = Attributes::new();
        attributes.set("actor.tenant", &*self.tenant.to_string());
        attributes.set("actor.operator", self.operator);
        if let Some(account) = self.account {
            attributes.set("actor.account", &*account.to_string());
        }
        if let Some(purpose) = self.purpose {
            attributes.set("purpose", purpose);
        }
        attributes.set("channel", if self.by_token { "api" } else { "web" });
        if let Some(zone) = system.and_then(SystemRules::zone) {
            let local = self.at.to_zoned(zone.clone());
            attributes.set("time.clock", &*local.strftime("%H:%M").to_string());
            attributes.set("time.date", &*local.strftime("%Y-%m-%d").to_string());
            attributes.set("time.weekday", &*local.strftime("%a").to_string().to_lowercase());
        }
        attributes
    }
}

impl Op {
    /// An operation of an authenticated actor.
    pub(crate) async fn new(app: Arc<App>, actor: Actor, request_id: &str) -> Result<Self> {
        let policy = app.policies().of(&app, actor.tenant, actor.policy_version).await?;
        let at = app.clock().now();
        Ok(Self {
            app,
            actor: Arc::new(actor),
            policy: Some(policy),
            at,
            purpose: None,
            request_id: request_id.into(),
            people: Arc::default(),
        })
    }

    /// The same operation with a stated purpose: why personal data is read. It is audited with each read.
    ///
    /// # Errors
    /// When the purpose is empty, longer than 200 characters or more than one line.
    pub fn for_purpose(&self, purpose: &str) -> Result<Self> {
        let purpose = purpose.trim();
        if purpose.is_empty() || purpose.chars().count() > 200 || purpose.chars().any(char::is_control) {
            return Err(Error::invalid("purpose", "wants 1 to 200 characters on one line")
                .remedy("say why the data is needed"));
        }
        // It stands in the audit log, which nobody can correct.
        if purpose.contains('@') {
            return Err(Error::invalid("purpose", "must not hold a mail address")
                .remedy("name the request or its number, not the person"));
        }
        Ok(Self { purpose: Some(purpose.into()), ..self.clone() })
    }

    /// Why personal data is read, where it was stated.
    pub fn purpose(&self) -> Option<&str> {
        self.purpose.as_deref()
    }

    /// The instant of the operation, read once.
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// The service.
    pub fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// Who acts.
    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    /// The policy of the actor's tenant; none for work that the service does by itself.
    pub(super) fn policy(&self) -> Option<&Arc<Policy>> {
        self.policy.as_ref()
    }

    /// The id under which this request appears in logs and in the audit log.
    pub fn request_id(&self) -> &str {
        &self.request_id
    }

    /// Roles of the acting account, as policies write them; none for work that the service does by itself.
    pub fn roles(&self) -> Vec<String> {
        let (Some(account), Some(policy)) = (self.actor.account, &self.policy) else { return Vec::new() };
        policy.roles_of(account).split(',').filter(|role| !role.is_empty()).map(str::to_owned).collect()
    }

    /// Whether the actor may do this. For choosing what to show; `permit` is what opens data.
    pub fn allows(&self, action: Action, object: &str) -> bool {
        self.allows_in(None, action, object, &Attributes::new())
    }

    /// The same within a system, whose access requirements decide too, on what is known of the request.
    pub fn allows_in(
        &self,
        system: Option<&SystemRules>,
        action: Action,
        object: &str,
        attributes: &Attributes,
    ) -> bool {
        let (Some(account), Some(policy)) = (self.actor.account, &self.policy) else {
            return false;
        };
        let question = Question { action: action.as_str(), object, system, attributes };
        self.token_covers(action, object) && policy.allows(policy.roles_of(account), question)
    }

    /// Whether the token that the actor came with, if any, is for this.
    pub(super) fn token_covers(&self, action: Action, object: &str) -> bool {
        let scopes = self.actor.token_scopes.as_ref();
        scopes.is_none_or(|scopes| scopes.iter().any(|scope| scope.covers(action, object)))
    }

    /// Tenants whose own rules refuse the operator's people what is allowed elsewhere: for lists across tenants.
    pub fn refused_at(
        &self,
        system: &SystemRules,
        action: Action,
        object: &str,
        attributes: &Attributes,
    ) -> HashSet<Uuid> {
        let Some(policy) = self.policy.as_ref().filter(|_| self.actor.operator) else {
            return HashSet::new();
        };
        let refuses = |tenant: &&str| {
            let mut about = attributes.clone();
            about.set("record.tenant", *tenant);
            !self.allows_in(Some(system), action, object, &about)
        };
        policy.refusing_tenants().filter(refuses).filter_map(|tenant| tenant.parse().ok()).collect()
    }

    /// Names of requirements in mode `audit` that would have refused what was allowed.
    pub fn would_refuse<'q>(
        &self,
        system: &'q SystemRules,
        action: Action,
        object: &'q str,
        attributes: &'q Attributes,
    ) -> Vec<&'q str> {
        let (Some(account), Some(policy)) = (self.actor.account, &self.policy) else { return Vec::new() };
        let question = Question { action: action.as_str(), object, system: Some(system), attributes };
        policy.would_refuse(policy.roles_of(account), question)
    }

    /// What is known of every request: who asks from where, why and when (in the time zone of the system, where its rules
    /// ask for the time).
    pub fn attributes(&self, system: Option<&SystemRules>) -> Attributes {
        let asking = Asking {
            tenant: self.actor.tenant,
            operator: self.actor.operator,
            account: self.actor.account,
            purpose: self.purpose.as_deref(),
            by_token: self.actor.token_scopes.is_some(),
            at: self.at,
        };
        asking.attributes(system)
    }

    /// Permission for the actor's whole reach: all tenants for the operator's people, the own one for everybody else.
    ///
    /// # Errors
    /// `FORBIDDEN`; the refusal is audited.
    pub async fn permit(&self, action: Action, object: &str) -> Result<Scope> {
        let reach = if self.actor.operator { Reach::All } else { Reach::One(self.actor.tenant) };
        self.decide(action, object, self.actor.tenant, reach).await
    }

    /// Permission within one tenant, which the client may have named.
    ///
    /// # Errors
    /// `NOT_FOUND` when that tenant is outside the actor's reach, `FORBIDDEN` when the role does not allow it.
    pub async fn permit_at(&self, tenant: Uuid, action: Action, object: &str) -> Result<Scope> {
        if !self.actor.operator && tenant != self.actor.tenant {
            self.record_denial(self.actor.tenant, action, object, OUT_OF_REACH).await?;
            return Err(Error::not_found("tenant"));
        }
        if tenant != self.actor.tenant
            && !store::tenant_exists(&self.app.database().behind(Wall::tenant(tenant)), tenant).await?
        {
            // Nothing is written down under a tenant that does not exist: a client would make audit chains at will.
            self.record_denial(self.actor.tenant, action, object, OUT_OF_REACH).await?;
            return Err(Error::not_found("tenant"));
        }
        self.decide(action, object, tenant, Reach::One(tenant)).await
    }

    /// What everybody may do to the own account, whatever the role: its sessions and second factor. Gives the scope and the
    /// account; only this part's verbs for one's own account may use it, and each names the account in its queries.
    ///
    /// # Errors
    /// `FORBIDDEN` for the service itself.
    pub(super) fn own(&self) -> Result<(Scope, Uuid)> {
        let account = self.actor.account.ok_or_else(|| Error::forbidden("use", "account"))?;
        let tenant = self.actor.tenant;
        Ok((Scope::new(self.clone(), tenant, Reach::One(tenant)), account))
    }

    /// Permission for the actor's whole reach within a system, whose access requirements decide too.
    ///
    /// # Errors
    /// `FORBIDDEN`; the refusal is audited.
    pub async fn permit_in(
        &self,
        system: &SystemRules,
        action: Action,
        object: &str,
        attributes: &Attributes,
    ) -> Result<Scope> {
        let reach = if self.actor.operator { Reach::All } else { Reach::One(self.actor.tenant) };
        if self.allows_in(Some(system), action, object, attributes) {
            return Ok(Scope::new(self.clone(), self.actor.tenant, reach));
        }
        let because = Because::Policy { system: Some(system), attributes };
        self.refuse(self.actor.tenant, action, object, because).await
    }

    /// The grant for an emergency by which the actor may do at this tenant what its roles do not allow, and the scope that it
    /// opens. Only `emergency`, which records each use, may ask for it (a test checks who does).
    pub(crate) fn granted(
        &self,
        tenant: Uuid,
        system: Option<&SystemRules>,
        action: Action,
        object: &str,
        attributes: &Attributes,
    ) -> Option<(Uuid, Scope)> {
        let (Some(account), Some(policy)) = (self.actor.account, &self.policy) else { return None };
        let reaches = self.actor.operator || tenant == self.actor.tenant;
        if !reaches || !self.token_covers(action, object) {
            return None;
        }
        let question = Question { action: action.as_str(), object, system, attributes };
        let grant = policy.grant(account, self.at.as_microsecond(), question)?;
        Some((grant, Scope::new(self.clone(), tenant, Reach::One(tenant))))
    }

    async fn decide(&self, action: Action, object: &str, tenant: Uuid, reach: Reach) -> Result<Scope> {
        let attributes = Attributes::new();
        if self.allows_in(None, action, object, &attributes) {
            return Ok(Scope::new(self.clone(), tenant, reach));
        }
        let because = Because::Policy { system: None, attributes: &attributes };
        self.refuse(tenant, action, object, because).await
    }

    pub(super) fn entry(&self, event: Event) -> audit::Draft {
        event.into_draft(self.at, &self.actor.label, self.purpose.as_deref(), &self.request_id)
    }
}

impl Scope {
    /// Work that the service does by itself, such as sending queued mail. `reason` stands in the audit log.
    /// Only jobs, the notices' worker and the door of recipients' pages, and the first set-up may use it (a test checks who does).
    pub(crate) fn system(app: &Arc<App>, tenant: Uuid, reach: Reach, reason: &'static str) -> Self {
        let actor = Actor {
            account: None,
            tenant,
            operator: reach == Reach::All,
            label: format!("system:{reason}").into(),
            token_scopes: None,
            session: None,
            policy_version: 0,
        };
        let op = Op {
            app: app.clone(),
            actor: Arc::new(actor),
            policy: None,
            at: app.clock().now(),
            purpose: Some(reason.into()),
            request_id: "system".into(),
            people: Arc::default(),
        };
        Self::new(op, tenant, reach)
    }

    /// The database lets through what the scope reaches, and no more. The operator's own rows are the exception: its incidents,
    /// lists and notices are about people of every tenant, so its people's work on them needs those too.
    fn new(op: Op, tenant: Uuid, reach: Reach) -> Self {
        let own = op.actor.operator && reach == Reach::One(op.actor.tenant);
        let wall = match reach {
            Reach::One(tenant) if !own => Wall::tenant(tenant),
            Reach::One(_) | Reach::All => Wall::None,
        };
        let connection = op.app.database().behind(wall);
        Self { op, tenant, reach, connection }
    }

    /// The operation that was permitted.
    pub fn op(&self) -> &Op {
        &self.op
    }

    /// The tenant whose rows are written: the named one, or the actor's own.
    pub fn tenant(&self) -> Uuid {
        self.tenant
    }

    /// The instant of the operation.
    pub fn at(&self) -> Timestamp {
        self.op.at
    }

    /// Microseconds of the instant, as tables store it.
    pub fn at_micros(&self) -> i64 {
        self.op.at.as_microsecond()
    }

    /// The acting account; nil for the service itself.
    pub fn author(&self) -> Uuid {
        self.op.actor.account.unwrap_or_default()
    }

    /// A new row id.
    pub fn new_id(&self) -> Uuid {
        self.op.app.entropy().id(self.op.at)
    }

    /// Narrows the scope to one tenant, such as the one of a row that the client named.
    ///
    /// # Errors
    /// `NOT_FOUND` (of `what`) when it lies outside: the caller may not learn that it exists.
    pub fn within(&self, tenant: Uuid, what: &str) -> Result<Scope> {
        match self.reach {
            Reach::One(own) if own != tenant => Err(Error::not_found(what)),
            _ => Ok(Scope::new(self.op.clone(), tenant, Reach::One(tenant))),
        }
    }

    /// Which rows may be seen. Every query of every store carries this.
    pub(crate) fn rows<C: ColumnTrait>(&self, tenant_column: C) -> Condition {
        match self.reach {
            Reach::One(tenant) => tenant_column.eq(tenant).into_condition(),
            Reach::All => Condition::all(),
        }
    }

    /// Whether rows of this tenant may be seen.
    pub fn covers(&self, tenant: Uuid) -> bool {
        match self.reach {
            Reach::One(own) => own == tenant,
            Reach::All => true,
        }
    }

    /// For reading, in a store.
    pub(crate) fn connection(&self) -> &Walled {
        &self.connection
    }

    /// Past the second wall, for what the operator keeps about a person of this scope (messages, captured mails), for who
    /// stands behind the names of a log, and for how far back open incidents reach. Such queries name the person or the
    /// accounts themselves, or give one instant.
    pub(crate) fn everywhere(&self) -> Walled {
        self.op.app.database().behind(Wall::None)
    }

    /// A writing transaction that reaches what [`Scope::everywhere`] does.
    ///
    /// # Errors
    /// Unexpected ones only.
    pub(crate) async fn begin_everywhere(&self) -> Result<Tx> {
        let transaction = self.everywhere().begin().await?;
        Ok(Tx { scope: self.clone(), transaction })
    }

    /// Begins a writing transaction.
    ///
    /// # Errors
    /// Unexpected ones only.
    pub async fn begin(&self) -> Result<Tx> {
        let transaction = self.connection.begin().await?;
        Ok(Tx { scope: self.clone(), transaction })
    }

    /// Records reads of personal data. The entries are on the disk when this returns: no value leaves before.
    ///
    /// # Errors
    /// Unexpected ones only; then the data must not be shown.
    pub async fn record(&self, tenant: Uuid, events: Vec<Event>) -> Result<()> {
        self.record_each(BTreeMap::from([(tenant, events)])).await
    }
}

impl Scope {
    /// Records reads in the chains of several tenants with one flush, as [`Scope::record`] does for one.
    ///
    /// # Errors
    /// Unexpected ones only; then the data must not be shown.
    pub async fn record_each(&self, events: BTreeMap<Uuid, Vec<Event>>) -> Result<()> {
        let drafts = |events: Vec<Event>| events.into_iter().map(|event| self.op.entry(event)).collect();
        let drafts = events.into_iter().map(|(tenant, events)| (tenant, drafts(events))).collect();
        self.op.app.audit().record(drafts).await
    }

    /// Records that a list of people was read: with its length in the chain of the scope's tenant, and in the chain of each
    /// tenant whose people were on it with their number. `people` gives each entry's tenant where it is known.
    ///
    /// # Errors
    /// Unexpected ones only; then the list must not be shown.
    pub async fn record_list(
        &self,
        action: &'static str,
        object: &str,
        people: impl IntoIterator<Item = Option<Uuid>>,
    ) -> Result<()> {
        let (mut all, mut by_tenant) = (0, BTreeMap::<Uuid, u64>::new());
        for tenant in people {
            all += 1;
            if let Some(tenant) = tenant {
                *by_tenant.entry(tenant).or_default() += 1;
            }
        }
        let event = |people: u64| Event::new(action, object).detail(serde_json::json!({ "people": people }));
        by_tenant.insert(self.tenant, all);
        self.record_each(
            by_tenant.into_iter().map(|(tenant, people)| (tenant, vec![event(people)])).collect(),
        )
        .await
    }
}

impl Tx {
    /// The scope it was begun in.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// For writing, in a store.
    pub(crate) fn connection(&self) -> &DatabaseTransaction {
        &self.transaction
    }

    /// Commits the changes together with their audit entry: there is no other way to commit.
    ///
    /// # Errors
    /// Unexpected ones only; then nothing was changed.
    pub async fn commit(self, event: Event) -> Result<()> {
        self.commit_all(vec![event]).await
    }

    /// Commits with an audit entry in the scope's own chain and further ones in those of the tenants whose rows changed.
    ///
    /// # Errors
    /// Unexpected ones only; then nothing was changed.
    pub async fn commit_each(self, event: Event, others: Vec<(Uuid, Event)>) -> Result<()> {
        let own = (self.scope.tenant, event);
        let mut drafts = BTreeMap::<Uuid, Vec<_>>::new();
        for (tenant, event) in std::iter::once(own).chain(others) {
            drafts.entry(tenant).or_default().push(self.scope.op.entry(event));
        }
        self.scope.op.app.audit().append_in(&self.transaction, drafts).await?;
        self.transaction.commit().await?;
        Ok(())
    }

    /// Commits with several audit entries (at least one).
    ///
    /// # Errors
    /// Unexpected ones only; then nothing was changed.
    pub async fn commit_all(self, events: Vec<Event>) -> Result<()> {
        if events.is_empty() {
            return Err(anyhow::anyhow!("a change without an audit entry").into());
        }
        let drafts: Vec<_> = events.into_iter().map(|event| self.scope.op.entry(event)).collect();
        let drafts = BTreeMap::from([(self.scope.tenant, drafts)]);
        self.scope.op.app.audit().append_in(&self.transaction, drafts).await?;
        self.transaction.commit().await?;
        Ok(())
    }
}
