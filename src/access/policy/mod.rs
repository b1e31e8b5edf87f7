//! The policy: role templates, the tenant's own rules, and the access requirements of a system, decided by casbin.
//!
//! A tenant's policy holds its members and its book of rules. It is built when first needed, and again when the tenant's policy
//! version has grown, so that a change takes effect with the next request. Enforcers are kept apart from it, by the content
//! of the rules ([`engine`]): tenants with the same rules share them.

mod ask;
mod attributes;
mod book;
mod engine;
mod explain;
mod grants;
mod memory;
mod places;
mod rule;
mod table;
mod templates;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use uuid::Uuid;

pub use attributes::{Attributes, MAX_ATTRIBUTES, Scalar};
pub use book::SystemRules;
pub use explain::{Explanation, RuleSeen};
pub use grants::Grant;
pub(super) use rule::matches;
pub use rule::{Against, Comparison, Condition, Effect, Origin, Rule};
pub use table::{Standing, StandingAnswer, permission_table};

use self::book::Book;
use self::engine::{Engine, Engines, Place, family};
use self::memory::Digest;
use self::places::Places;
use super::model::Role;
use super::{rules, store};
use crate::app::App;
use crate::error::Result;
use crate::storage::Wall;

/// Idle policies are dropped beyond this many: members and a list of rules each, some kilobytes.
const MAX_POLICIES: u64 = 16_384;
/// Idle enforcers are dropped beyond this many: at about 20 KB each, some 300 MB.
const MAX_ENGINES: u64 = 16_384;
/// Books of one tenant with the rules of one version of a system each.
const MAX_BOOKS: u64 = 64;

/// All policies that are in use.
pub struct Policies {
    cache: moka::future::Cache<Uuid, Arc<Policy>>,
    engines: Engines,
    templates: Arc<Book>,
}

/// The policy of one tenant at one version.
pub struct Policy {
    version: i64,
    /// Roles of each member, as [`Place`] has them.
    members: HashMap<Uuid, Box<str>>,
    /// Access in an emergency that was granted to members.
    grants: Vec<Grant>,
    book: Arc<Book>,
    /// The same book with what a tenant refuses the operator's people about its own data, by the tenant's id as attributes
    /// have it; of the operator's policy only. A decision about a tenant's record costs the same however many have such rules.
    elsewhere: HashMap<Box<str>, Arc<Book>>,
    /// The same book with the rules of a system, by fingerprint.
    books: moka::sync::Cache<[u8; 32], Arc<Book>>,
    engines: Engines,
    /// Those of them that this policy has used.
    places: Places,
}

/// What is asked of a policy.
#[derive(Clone, Copy)]
pub struct Question<'q> {
    pub action: &'q str,
    pub object: &'q str,
    /// The access requirements in force of the system whose object it is.
    pub system: Option<&'q SystemRules>,
    pub attributes: &'q Attributes,
}

impl Default for Policies {
    fn default() -> Self {
        let templates = templates::read().unwrap_or_else(|error| {
            // The file is part of the program and a test reads it: with none of it, everything is denied.
            tracing::error!(%error, "policies/access/roles.csv cannot be read; everything is denied");
            Vec::new()
        });
        Self {
            cache: moka::future::Cache::new(MAX_POLICIES),
            engines: Engines::new(MAX_ENGINES),
            templates: Arc::new(Book::new(templates)),
        }
    }
}

impl Policies {
    /// The tenant's policy, at `version` or newer.
    pub(super) async fn of(&self, app: &App, tenant: Uuid, version: i64) -> Result<Arc<Policy>> {
        if let Some(policy) = self.cache.get(&tenant).await
            && policy.version >= version
        {
            return Ok(policy);
        }
        let members = store::members(&app.database().behind(Wall::tenant(tenant)), tenant).await?;
        let mut policy = self.policy(version, &members, rules::rules_of(app, tenant).await?);
        policy.grants = store::grants(app, tenant).await?;
        policy.refused_elsewhere(rules::refusals_elsewhere(app, tenant).await?);
        let policy = Arc::new(policy);
        self.cache.insert(tenant, policy.clone()).await;
        Ok(policy)
    }

    /// A policy of these members and rules of the tenant's own, sharing enforcers with all others.
    pub fn policy(&self, version: i64, members: &[(Uuid, Role)], own: Vec<Rule>) -> Policy {
        let book = if own.is_empty() {
            self.templates.clone()
        } else {
            Arc::new(Book::new(self.templates.rules.iter().cloned().chain(own).collect()))
        };
        let mut by_account: BTreeMap<Uuid, BTreeSet<&str>> = BTreeMap::new();
        for (account, role) in members {
            by_account.entry(*account).or_default().insert(role.as_str());
        }
        Policy {
            version,
            members: by_account
                .into_iter()
                .map(|(account, roles)| (account, role_set(roles.into_iter())))
                .collect(),
            grants: Vec::new(),
            elsewhere: HashMap::new(),
            book,
            books: moka::sync::Cache::new(MAX_BOOKS),
            engines: self.engines.clone(),
            places: Places::default(),
        }
    }
}

/// Roles in the order and form in which an enforcer is looked up.
pub fn role_set<'r>(roles: impl Iterator<Item = &'r str>) -> Box<str> {
    let roles: BTreeSet<&str> = roles.collect();
    roles.into_iter().collect::<Vec<_>>().join(",").into()
}

impl Policy {
    /// Grows with each change of the tenant's rules or members.
    pub fn version(&self) -> i64 {
        self.version
    }

    /// Roles of an account, joined by commas; none for who is no member.
    pub fn roles_of(&self, account: Uuid) -> &str {
        self.members.get(&account).map_or("", |roles| roles)
    }

    /// Whether somebody with these roles ([`role_set`]) may do this. Default deny: what cannot be decided is a no.
    pub fn allows(&self, roles: &str, question: Question<'_>) -> bool {
        self.engine(roles, &question)
            .is_some_and(|engine| engine.allows(question.action, question.object, question.attributes))
    }

    /// The decision of casbin itself, without what is remembered.
    pub fn decide(&self, roles: &str, question: Question<'_>) -> bool {
        self.engine(roles, &question)
            .is_some_and(|engine| engine.decide(question.action, question.object, question.attributes))
    }

    /// Names of requirements that are only watched (`audit`) and would have refused this.
    pub fn would_refuse<'q>(&self, roles: &str, question: Question<'q>) -> Vec<&'q str> {
        let rules = question.system.map_or(&[][..], |system| &system.audited);
        ask::denies(rules, roles, question)
    }

    fn engine(&self, roles: &str, question: &Question<'_>) -> Option<Arc<Engine>> {
        // Objects and actions are names from our code, from manifests and from systems that ask: short and ASCII. Anything else
        // is somebody's invention; it is not remembered, so that nobody can fill the memory, and casbin, whose keyMatch slices
        // by bytes, never sees it.
        if roles.is_empty() || !is_object(question.object) || !is_object(question.action) {
            return None;
        }
        let system = question.system.map(SystemRules::fingerprint);
        // With the book: what a tenant refuses about its own data is remembered for that tenant alone.
        let book = self.book_about(question.attributes);
        let digest = Digest::of((book.fingerprint, system, roles, family(question.object)));
        if let Some(engine) = self.places.get(digest) {
            return Some(engine);
        }
        let place = Place {
            book: book.key_with(question.system),
            roles: roles.into(),
            family: family(question.object).into(),
        };
        let built = engine::of(&self.engines, place, || self.book_with(question));
        match built {
            Ok(engine) => {
                self.places.insert(digest, &engine);
                Some(engine)
            }
            Err(error) => {
                tracing::error!(%error, "policy engine cannot be built; denied");
                None
            }
        }
    }

    /// Adds what tenants refuse about their own data.
    pub fn refused_elsewhere(&mut self, rules: BTreeMap<Uuid, Vec<Rule>>) {
        let with = |(tenant, refused): (Uuid, Vec<Rule>)| {
            let rules = self.book.rules.iter().cloned().chain(refused).collect();
            (tenant.to_string().into(), Arc::new(Book::new(rules)))
        };
        self.elsewhere = rules.into_iter().map(with).collect();
    }

    /// Tenants that refuse something about their own data.
    pub fn refusing_tenants(&self) -> impl Iterator<Item = &str> {
        self.elsewhere.keys().map(|tenant| &**tenant)
    }

    /// The rules about a record of the tenant that the attributes name.
    fn book_about(&self, attributes: &Attributes) -> &Arc<Book> {
        if self.elsewhere.is_empty() {
            return &self.book;
        }
        match attributes.get("record.tenant") {
            Some(Scalar::Text(tenant)) => self.elsewhere.get(tenant).unwrap_or(&self.book),
            _ => &self.book,
        }
    }

    fn book_with(&self, question: &Question<'_>) -> Arc<Book> {
        let book = self.book_about(question.attributes);
        let Some(system) = question.system else { return book.clone() };
        self.books.get_with(book.key_with(Some(system)), || Arc::new(book.with(system)))
    }
}

/// Whether this can be the name of an object: what else a client sent is neither decided on nor written down.
pub(super) fn is_object(object: &str) -> bool {
    !object.is_empty()
        && object.len() <= 200
        && object
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._".contains(&byte))
}
