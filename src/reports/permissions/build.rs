//! From policies, rules and manifests to the table. Pure but for the policy engine.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use law::Lang;

use super::table::{RoleRow, Row, SourceRow, Table};
use super::words::{self, say};
use crate::access::{
    Action, Attributes, Policy, Question, Role, Rule, SetRule, Standing, StandingAnswer, Tenant,
};
use crate::requirements::manifest::RequirementSpec;
use crate::requirements::{Guarded, Stated};

/// Everything that the table is made of.
pub struct Material {
    pub at: Timestamp,
    pub tenant: Tenant,
    pub policy: Arc<Policy>,
    pub holders: BTreeMap<String, u64>,
    /// The policy of the operator's people, where the tenant is another one.
    pub operator: Option<Arc<Policy>>,
    pub operator_holders: Option<BTreeMap<String, u64>>,
    pub own_rules: Vec<SetRule>,
    pub bounds: Vec<SetRule>,
    pub requirements: Vec<Stated<RequirementSpec>>,
    pub guarded: Guarded,
}

/// An object: its name for the reader, its name for people, what the engine is asked, and whether it is one of the system.
struct Asked {
    object: String,
    title: String,
    of_system: bool,
}

/// A role, whose it is, whose policy decides.
struct Asker<'m> {
    role: String,
    whose: &'static str,
    policy: &'m Policy,
    /// The operator's people at a tenant: only the system's data is that tenant's concern.
    system_only: bool,
    holders: Option<u64>,
    counted: bool,
}

impl Material {
    /// The table.
    pub fn table(&self, lang: Lang) -> Table {
        let askers = self.askers(lang);
        let mut named = BTreeSet::new();
        let mut rows = Vec::new();
        let actions = self.policy.actions(&self.guarded.rules);
        for asked in self.objects(lang) {
            for asker in askers.iter().filter(|asker| asked.of_system || !asker.system_only) {
                rows.extend(self.rows_of(lang, &asked, asker, &actions, &mut named));
            }
        }
        let spec = &self.guarded.spec;
        let zone = TimeZone::get(&spec.time_zone).unwrap_or(TimeZone::UTC);
        let at = self.at.to_zoned(zone).strftime("%Y-%m-%d %H:%M:%S %:z (%Q)").to_string();
        let tenant = say_of(lang, &self.tenant.name_en, &self.tenant.name_ja);
        let system = say_of(lang, &spec.title.en, &spec.title.ja);
        let mut head = vec![
            (say(lang, "Tenant", "組織").to_owned(), format!("{tenant} ({})", self.tenant.slug)),
            (say(lang, "System", "システム").to_owned(), format!("{system} ({})", self.guarded.name)),
            (say(lang, "As of", "基準時刻").to_owned(), at),
            (
                say(lang, "Version of the policy", "権限規則の版").to_owned(),
                self.policy.version().to_string(),
            ),
        ];
        if let Some(operator) = &self.operator {
            let name = say(lang, "Version of the operator's policy", "運営者の権限規則の版");
            head.push((name.to_owned(), operator.version().to_string()));
        }
        let text = |en, ja| say(lang, en, ja).to_owned();
        Table {
            lang: say(lang, "en", "ja"),
            title: text("Who may do what", "権限一覧表"),
            notes: vec![
                text(
                    "What is not listed is refused. Each answer is the policy engine's own.",
                    "記載のない操作はすべて不可。回答はすべて権限エンジン自身の判定による。",
                ),
                text(
                    "Access in an emergency that was granted for a time, and limits of tokens, are not part of it.",
                    "期限付きの緊急時の許可と、トークンの範囲の制限は含まない。",
                ),
            ],
            head,
            columns: [
                text("object", "対象"),
                text("name", "名称"),
                text("role", "役割"),
                text("action", "操作"),
                text("answer", "可否"),
                text("conditions", "条件"),
                text("comes from", "根拠"),
            ],
            rows,
            roles_title: text("Roles and how many hold them", "役割と人数"),
            roles_columns: [text("role", "役割"), text("whose", "所属"), text("holders", "人数")],
            roles: askers.iter().map(|asker| asker.row(lang)).collect(),
            sources_title: text("Where the rules come from", "規則の根拠"),
            sources_columns: [text("source", "根拠"), text("version", "版"), text("text", "内容")],
            sources: self.sources(lang, &named),
            bounds_title: text("What the operator lets tenants grant", "運営者が組織に委ねる範囲"),
            bounds_columns: [
                text("role", "役割"),
                text("object", "対象"),
                text("action", "操作"),
                text("reason", "理由"),
            ],
            bounds: self.bounds.iter().map(bound).collect(),
            none: text("none", "なし"),
        }
    }

    fn objects(&self, lang: Lang) -> Vec<Asked> {
        let mut objects = Vec::new();
        for record in &self.guarded.spec.record_types {
            let of = say_of(lang, &record.title.en, &record.title.ja);
            for field in &record.fields {
                let title = say_of(lang, &field.title.en, &field.title.ja);
                objects.push(Asked {
                    object: format!("data.{}.{}", record.name, field.name),
                    title: format!("{of} / {title}"),
                    of_system: true,
                });
            }
        }
        let plain = |of_system| move |object| Asked { object, title: String::new(), of_system };
        objects.extend(self.policy.system_objects(&self.guarded.rules).into_iter().map(plain(true)));
        objects.extend(self.policy.own_objects().into_iter().map(plain(false)));
        objects
    }

    fn askers(&self, lang: Lang) -> Vec<Asker<'_>> {
        let mut askers = Vec::new();
        let (here, operator) = (say(lang, "tenant", "組織"), say(lang, "operator", "運営者"));
        let own = self.operator.is_none();
        for role in
            Role::ALL.into_iter().filter(|role| role.may_be_customers() != own || *role == Role::Service)
        {
            askers.push(Asker {
                role: role.as_str().to_owned(),
                whose: if own { operator } else { here },
                policy: &self.policy,
                system_only: false,
                holders: Some(self.holders.get(role.as_str()).copied().unwrap_or(0)),
                counted: true,
            });
        }
        for role in self.policy.system_roles(&self.guarded.rules) {
            let whose = say(lang, "people of the system", "システムの利用者");
            let policy = &self.policy;
            askers.push(Asker { role, whose, policy, system_only: true, holders: None, counted: false });
        }
        if let Some(policy) = &self.operator {
            for role in Role::ALL.into_iter().filter(|role| !role.may_be_customers()) {
                let count =
                    |holders: &BTreeMap<String, u64>| holders.get(role.as_str()).copied().unwrap_or(0);
                askers.push(Asker {
                    role: role.as_str().to_owned(),
                    whose: operator,
                    policy,
                    system_only: true,
                    holders: self.operator_holders.as_ref().map(count),
                    counted: true,
                });
            }
        }
        askers
    }

    /// The rows of one role and object: actions with the same answer for the same reasons stand together.
    fn rows_of(
        &self,
        lang: Lang,
        asked: &Asked,
        asker: &Asker<'_>,
        actions: &[String],
        named: &mut BTreeSet<Named>,
    ) -> Vec<Row> {
        let mut attributes = Attributes::new();
        attributes.set("record.tenant", &*self.tenant.id.to_string());
        let system = asked.of_system.then_some(&*self.guarded.rules);
        let mut rows: Vec<Row> = Vec::new();
        let known: Vec<&str> = Action::ALL.into_iter().map(Action::as_str).collect();
        // Verbs of a system are asked of its objects only, the well-known ones first and in their order.
        let others =
            actions.iter().map(String::as_str).filter(|verb| asked.of_system && !known.contains(verb));
        for action in known.iter().copied().chain(others) {
            let question = Question { action, object: &asked.object, system, attributes: &attributes };
            let Standing { answer, allows, denies } = asker.policy.standing(&asker.role, question);
            if answer == StandingAnswer::Unmentioned {
                continue;
            }
            let rules = || allows.iter().chain(&denies);
            named.extend(rules().map(Named::of));
            let conditions = rules().filter(|rule| !rule.when.is_empty());
            let conditions = once_each(conditions.map(|rule| words::conditions(lang, rule)));
            let sources = once_each(rules().map(|rule| words::source(lang, rule)));
            let (mark, answer) = words::answer(lang, answer);
            let same = rows
                .iter_mut()
                .find(|row| row.mark == mark && row.conditions == conditions && row.sources == sources);
            match same {
                Some(row) => row.actions.push(action.to_owned()),
                None => rows.push(Row {
                    object: asked.object.clone(),
                    title: asked.title.clone(),
                    role: asker.role.clone(),
                    actions: vec![action.to_owned()],
                    answer: answer.to_owned(),
                    mark,
                    conditions,
                    sources,
                }),
            }
        }
        rows
    }

    fn sources(&self, lang: Lang, named: &BTreeSet<Named>) -> Vec<SourceRow> {
        let mut sources = Vec::new();
        for stated in &self.requirements {
            if named.contains(&Named::Requirement(stated.version.name.clone())) {
                sources.push(SourceRow {
                    name: format!("{} {}", say(lang, "requirement", "要件"), stated.version.name),
                    version: stated.version.number.to_string(),
                    text: say_of(lang, &stated.spec.statement.en, &stated.spec.statement.ja).to_owned(),
                });
            }
        }
        for rule in &self.own_rules {
            let SetRule { role, object, action, effect, reason, created_at, .. } = rule;
            sources.push(SourceRow {
                name: say(lang, "rule of the tenant", "組織の規則").to_owned(),
                version: created_at.strftime("%Y-%m-%d").to_string(),
                text: format!("{} {role} {action} {object}: {reason}", effect.as_str()),
            });
        }
        sources
    }
}

/// A source that a row names.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Named {
    Requirement(String),
    Other,
}

impl Named {
    fn of(rule: &Rule) -> Self {
        match &rule.origin {
            crate::access::Origin::Requirement(name) => Named::Requirement(name.clone()),
            _ => Named::Other,
        }
    }
}

impl Asker<'_> {
    fn row(&self, lang: Lang) -> RoleRow {
        let holders = match (self.holders, self.counted) {
            (Some(holders), _) => holders.to_string(),
            (None, true) => say(lang, "not told", "非開示").to_owned(),
            (None, false) => say(lang, "known to the system only", "システムが管理").to_owned(),
        };
        RoleRow { role: self.role.clone(), whose: self.whose.to_owned(), holders }
    }
}

fn say_of<'t>(lang: Lang, en: &'t str, ja: &'t str) -> &'t str {
    if lang == Lang::Ja { ja } else { en }
}

fn once_each(texts: impl Iterator<Item = String>) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for text in texts {
        if !all.contains(&text) {
            all.push(text);
        }
    }
    all
}

fn bound(rule: &SetRule) -> [String; 4] {
    let SetRule { role, object, action, reason, .. } = rule;
    [role.clone(), object.clone(), action.clone(), reason.clone()]
}
