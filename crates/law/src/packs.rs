//! A set of rule packs and calendars, loaded and cross-checked together.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;

use crate::{
    Calendar,
    error::PackError,
    labels::Labels,
    pack::{Condition, Deadline, Duty, Op, Regime, Source, Status, Version},
    pack_read,
    read::{At, Errors},
    tree::{self, Kind, Node},
};

/// A condition with all definitions written out may not have more nodes: definitions that use one another many
/// times over would otherwise grow without bound.
const MAX_EXPANDED: u64 = 20_000;

/// Loaded rule packs. Immutable; share it freely between threads.
#[derive(Debug, Clone, Default)]
pub struct Packs {
    pub(crate) regimes: BTreeMap<String, Regime>,
    pub(crate) calendars: BTreeMap<String, Calendar>,
}

/// What a pack contains, for lists and documentation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegimeInfo<'p> {
    /// Regime id, such as `jp-appi-26`.
    pub id: &'p str,
    /// Jurisdiction code.
    pub jurisdiction: &'p str,
    /// Full title.
    pub title: &'p Labels,
    /// Short title.
    pub short: &'p Labels,
    /// Who signed the pack off; nobody, as long as it is a draft.
    pub reviewer: Option<&'p str>,
    /// Texts that the rules rest on, by id.
    pub sources: &'p BTreeMap<String, Source>,
    /// Versions in the order of the file.
    pub versions: Vec<VersionInfo<'p>>,
}

/// One version of a regime.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionInfo<'p> {
    /// Version id.
    pub id: &'p str,
    /// Title.
    pub title: &'p Labels,
    /// Where it stands.
    pub status: Status,
    /// First and last day on which it binds.
    pub effective: (Option<Date>, Option<Date>),
    /// First and last day on which it was known law.
    pub known: (Option<Date>, Option<Date>),
    /// Clauses it encodes.
    pub clauses: &'p [Labels],
}

impl Packs {
    /// Loads files given as (name, text). `kind: RulePack` and `kind: Calendar` are loaded; `kind: Cases` is skipped,
    /// so that a whole directory can be handed in.
    ///
    /// # Errors
    /// Every fault of every file: syntax, duplicate keys, unknown fields and facts, references that lead nowhere or in
    /// a circle, versions that overlap.
    pub fn load<N, T>(files: impl IntoIterator<Item = (N, T)>) -> Result<Packs, Vec<PackError>>
    where
        N: AsRef<str>,
        T: AsRef<str>,
    {
        let mut packs = Packs::default();
        let mut faults = Vec::new();
        let mut trees = Vec::new();
        for (name, text) in files {
            match tree::parse(name.as_ref(), text.as_ref()) {
                Ok(node) => trees.push((name.as_ref().to_owned(), node)),
                Err(e) => faults.push(e),
            }
        }
        // Calendars first: packs refer to them.
        for calendars in [true, false] {
            for (file, node) in &trees {
                let mut errs = Errors::new(file);
                packs.take(node, calendars, &mut errs);
                faults.append(&mut errs.list);
            }
        }
        if faults.is_empty() { Ok(packs) } else { Err(faults) }
    }

    fn take(&mut self, node: &Node, calendars: bool, errs: &mut Errors) {
        let root = At::root(node);
        let kind = match &node.kind {
            Kind::Map(map) => map.iter().find(|(k, _)| k.name == "kind").map(|(_, v)| &v.kind),
            _ => None,
        };
        match kind {
            Some(Kind::Text(k)) if k == "Calendar" => {
                if calendars && let Some(calendar) = Calendar::read(&root, errs) {
                    let id = calendar.id.clone();
                    if self.calendars.insert(id.clone(), calendar).is_some() {
                        root.fail::<()>(errs, format!("a second calendar {id:?}"));
                    }
                }
            }
            Some(Kind::Text(k)) if k == "RulePack" => {
                if !calendars && let Some(regime) = pack_read::regime(&root, errs) {
                    // A half-read pack would only add echoes of the same faults.
                    if errs.list.is_empty() {
                        check(&regime, &self.calendars, &root, errs);
                    }
                    let id = regime.id.clone();
                    if self.regimes.insert(id.clone(), regime).is_some() {
                        root.fail::<()>(errs, format!("a second rule pack {id:?}"));
                    }
                }
            }
            Some(Kind::Text(k)) if k == "Cases" => {}
            _ if calendars => {
                root.fail::<()>(errs, "expected a mapping with kind: RulePack, Calendar or Cases");
            }
            _ => {}
        }
    }

    /// What is loaded, by regime id.
    pub fn regimes(&self) -> impl Iterator<Item = RegimeInfo<'_>> {
        self.regimes.values().map(|r| RegimeInfo {
            id: &r.id,
            jurisdiction: &r.jurisdiction,
            title: &r.title,
            short: &r.short,
            reviewer: r.reviewer.as_deref(),
            sources: &r.sources,
            versions: r
                .versions
                .iter()
                .map(|v| VersionInfo {
                    id: &v.id,
                    title: &v.title,
                    status: v.status,
                    effective: (v.effective_from, v.effective_to),
                    known: (v.known_from, v.known_to),
                    clauses: &v.clauses,
                })
                .collect(),
        })
    }

    /// The reports of a regime, as `duty.deadline`, from which other deadlines of it run (`after` in the packs). Empty where
    /// none follows another.
    pub fn reports_that_start_clocks(&self, regime: &str) -> BTreeSet<String> {
        let versions = self.regimes.get(regime).into_iter().flat_map(|r| &r.versions);
        let deadlines = versions.flat_map(|v| &v.duties).flat_map(|d| &d.deadlines);
        deadlines.filter_map(|d| d.after.as_ref()).map(|(duty, id)| format!("{duty}.{id}")).collect()
    }

    /// Calendars by id, for clocks outside of a pack.
    pub fn calendars(&self) -> &BTreeMap<String, Calendar> {
        &self.calendars
    }
}

/// Cross-checks: everything that one node alone cannot show.
fn check(regime: &Regime, calendars: &BTreeMap<String, Calendar>, root: &At<'_>, errs: &mut Errors) {
    let mut told = BTreeSet::new();
    let mut fail = |place: String, message: String| {
        let place = inherited(root.node, place);
        // A definition of the file is checked once for each version, but told once.
        if !told.insert((place.clone(), message.clone())) {
            return;
        }
        let at = At { node: locate(root.node, &place), path: place };
        at.fail::<()>(errs, message);
    };
    let no_definitions = BTreeMap::new();
    let mut checker = Checker { regime, fail: &mut fail };
    checker.condition(&regime.scope, &no_definitions, "scope");
    let mut ids = BTreeSet::new();
    for (i, v) in regime.versions.iter().enumerate() {
        let place = format!("versions[{i}]");
        if !ids.insert(&v.id) {
            (checker.fail)(place.clone(), format!("a second version {:?}", v.id));
        }
        checker.version(v, calendars, &place);
        for (j, other) in regime.versions.iter().enumerate().take(i) {
            if v.status == Status::InForce && other.status == Status::InForce && overlap(v, other) {
                let message = format!("in force at the same time as versions[{j}] ({})", other.id);
                (checker.fail)(place.clone(), message);
            }
        }
    }
}

fn overlap(a: &Version, b: &Version) -> bool {
    let meet = |a_from: Option<Date>, a_to: Option<Date>, b_from: Option<Date>, b_to: Option<Date>| {
        a_from.zip(b_to).is_none_or(|(f, t)| f <= t) && b_from.zip(a_to).is_none_or(|(f, t)| f <= t)
    };
    meet(a.effective_from, a.effective_to, b.effective_from, b.effective_to)
        && meet(a.known_from, a.known_to, b.known_from, b.known_to)
}

struct Checker<'a> {
    regime: &'a Regime,
    fail: &'a mut dyn FnMut(String, String),
}

impl Checker<'_> {
    fn version(&mut self, v: &Version, calendars: &BTreeMap<String, Calendar>, place: &str) {
        self.source(Some(&v.source), &format!("{place}.source"));
        if v.dating != v.source {
            self.source(Some(&v.dating), &format!("{place}.effective.source"));
        }
        let sizes = self.definitions(v, place);
        let defs = &v.definitions;
        let see = |me: &mut Self, c: &Condition, place: String| {
            me.condition(c, defs, &place);
            if sizes.as_ref().is_some_and(|s| expanded(c, s) > MAX_EXPANDED) {
                (me.fail)(place, format!("more than {MAX_EXPANDED} conditions once written out"));
            }
        };
        if let Some(c) = &v.scope {
            see(self, c, format!("{place}.scope"));
        }
        for (i, r) in v.review.iter().enumerate() {
            see(self, &r.when, format!("{place}.review[{i}].when"));
        }
        for (i, duty) in v.duties.iter().enumerate() {
            let place = format!("{place}.duties[{i}]");
            let Duty { source, when, exclusions, review, deadlines, .. } = duty;
            self.source(source.as_ref(), &format!("{place}.source"));
            see(self, when, format!("{place}.when"));
            for (j, e) in exclusions.iter().enumerate() {
                see(self, &e.when, format!("{place}.exclusions[{j}].when"));
            }
            for (j, r) in review.iter().enumerate() {
                see(self, &r.when, format!("{place}.review[{j}].when"));
            }
            for (j, d) in deadlines.iter().enumerate() {
                let place = format!("{place}.deadlines[{j}]");
                let Deadline { source, when, clocks, window, rounded_hour, after, suspended_by, .. } = d;
                if let Some(s) = suspended_by {
                    see(self, &s.when, format!("{place}.suspended_by.when"));
                }
                if after.is_some()
                    && let Err(fault) = chain(v, d, &duty.id)
                {
                    (self.fail)(format!("{place}.after"), fault);
                }
                self.source(source.as_ref(), &format!("{place}.source"));
                self.source(rounded_hour.as_ref().map(|(_, s)| s), &format!("{place}.rounded_hour"));
                if let Some(c) = when {
                    see(self, c, format!("{place}.when"));
                }
                let both = window.iter().flat_map(|(a, b)| [a, b]);
                for (k, c) in clocks.iter().enumerate() {
                    if let Some(c) = &c.when {
                        see(self, c, format!("{place}.clocks[{k}].when"));
                    }
                }
                for clock in clocks.iter().map(|c| &c.clock).chain(both) {
                    if let Some(id) = clock.calendar.as_ref().filter(|id| !calendars.contains_key(*id)) {
                        (self.fail)(place.clone(), format!("there is no calendar {id:?}"));
                    }
                }
            }
        }
    }

    fn source(&mut self, id: Option<&String>, place: &str) {
        if let Some(id) = id.filter(|id| !self.regime.sources.contains_key(*id)) {
            (self.fail)(place.to_owned(), format!("there is no source {id:?} in sources"));
        }
    }

    /// Checks references and sources below a condition; returns nothing, faults go to `fail`.
    fn condition(&mut self, c: &Condition, defs: &BTreeMap<String, Condition>, place: &str) {
        self.source(c.source.as_ref(), &format!("{place}.source"));
        match &c.op {
            Op::All(cs) => {
                for (i, c) in cs.iter().enumerate() {
                    self.condition(c, defs, &format!("{place}.all[{i}]"));
                }
            }
            Op::Any(cs) => {
                for (i, c) in cs.iter().enumerate() {
                    self.condition(c, defs, &format!("{place}.any[{i}]"));
                }
            }
            Op::Not(c) => self.condition(c, defs, &format!("{place}.not")),
            Op::Use(name) if !defs.contains_key(name) => {
                (self.fail)(format!("{place}.use"), format!("there is no definition {name:?}"));
            }
            Op::Use(_) | Op::Test(_) => {}
        }
    }

    /// Checks a version's definitions for circles; returns how many nodes each has once written out, or nothing
    /// when there is a circle (then nobody may expand them).
    fn definitions(&mut self, v: &Version, place: &str) -> Option<BTreeMap<String, u64>> {
        let mut sizes = BTreeMap::new();
        let mut open = Vec::new();
        let mut sound = true;
        for (name, c) in &v.definitions {
            // A definition of the file stands beside the versions, one of the version stands in it.
            let local = format!("{place}.definitions.{name}");
            self.condition(c, &v.definitions, &local);
            if let Err(circle) = measure(name, &v.definitions, &mut sizes, &mut open) {
                (self.fail)(local, format!("the definitions use one another in a circle: {circle}"));
                sound = false;
                open.clear();
            }
        }
        sound.then_some(sizes)
    }
}

/// Whether the deadlines that a deadline follows exist and end somewhere.
fn chain(v: &Version, from: &Deadline, duty: &str) -> Result<(), String> {
    let mut seen = vec![format!("{duty}/{}", from.id)];
    let mut next = from.after.as_ref();
    while let Some((duty, id)) = next {
        let name = format!("{duty}/{id}");
        let Some(d) = v.deadline(duty, id) else {
            return Err(format!("there is no deadline {name:?} in this version"));
        };
        if seen.contains(&name) {
            return Err(format!(
                "the deadlines follow one another in a circle: {} → {name}",
                seen.join(" → ")
            ));
        }
        seen.push(name);
        next = d.after.as_ref();
    }
    Ok(())
}

fn measure(
    name: &str,
    defs: &BTreeMap<String, Condition>,
    sizes: &mut BTreeMap<String, u64>,
    open: &mut Vec<String>,
) -> Result<u64, String> {
    if let Some(size) = sizes.get(name) {
        return Ok(*size);
    }
    if open.iter().any(|o| o == name) || open.len() > 200 {
        let from = open.iter().position(|o| o == name).unwrap_or(0);
        return Err(format!("{} → {name}", open.get(from..).unwrap_or_default().join(" → ")));
    }
    let Some(c) = defs.get(name) else { return Ok(1) };
    open.push(name.to_owned());
    let mut names = Vec::new();
    uses(c, &mut names);
    for used in names {
        measure(used, defs, sizes, open)?;
    }
    open.pop();
    let size = expanded(c, sizes);
    sizes.insert(name.to_owned(), size);
    Ok(size)
}

fn uses<'c>(c: &'c Condition, names: &mut Vec<&'c str>) {
    match &c.op {
        Op::All(cs) | Op::Any(cs) => cs.iter().for_each(|c| uses(c, names)),
        Op::Not(c) => uses(c, names),
        Op::Use(name) => names.push(name),
        Op::Test(_) => {}
    }
}

fn expanded(c: &Condition, sizes: &BTreeMap<String, u64>) -> u64 {
    match &c.op {
        Op::All(cs) | Op::Any(cs) => cs.iter().fold(1, |n, c| n.saturating_add(expanded(c, sizes))),
        Op::Not(c) => expanded(c, sizes).saturating_add(1),
        Op::Use(name) => sizes.get(name).copied().unwrap_or(1).saturating_add(1),
        Op::Test(_) => 1,
    }
}

/// The place where a definition is written: a version that does not write it itself inherits it from the file.
fn inherited(root: &Node, place: String) -> String {
    match place.split_once(".definitions.") {
        Some((before, rest)) if before.starts_with("versions[") => {
            let name = rest.split(['.', '[']).next().unwrap_or(rest);
            if exists(root, &format!("{before}.definitions.{name}")) {
                place
            } else {
                format!("definitions.{rest}")
            }
        }
        _ => place,
    }
}

/// The deepest node that exists on a path such as `versions[1].duties[0].when`.
fn locate<'n>(root: &'n Node, path: &str) -> &'n Node {
    let mut node = root;
    for step in steps(path) {
        match child(node, step) {
            Some(next) => node = next,
            None => break,
        }
    }
    node
}

fn exists(root: &Node, path: &str) -> bool {
    steps(path).try_fold(root, child).is_some()
}

fn steps(path: &str) -> impl Iterator<Item = &str> {
    path.split(['.', '[', ']']).filter(|s| !s.is_empty())
}

fn child<'n>(node: &'n Node, step: &str) -> Option<&'n Node> {
    match &node.kind {
        Kind::Map(map) => map.iter().find(|(k, _)| k.name == step).map(|(_, v)| v),
        Kind::Seq(items) => items.get(step.parse::<usize>().ok()?),
        _ => None,
    }
}
