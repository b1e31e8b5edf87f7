//! Reading a rule pack: one regime with its versions in time.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use crate::{
    catalogue,
    condition_read::condition,
    deadline_read::{deadline, moments},
    labels::Labels,
    pack::{
        Condition, Duty, Effect, Exclusion, ExclusionEffect, Grade, Reading, Regime, Review, Source, Status,
        Version,
    },
    read::{At, Errors},
};

const GRADES: &[(&str, Grade)] =
    &[("verified", Grade::Verified), ("secondary", Grade::Secondary), ("memory", Grade::Memory)];

pub(crate) fn source(at: &At<'_>, errs: &mut Errors) -> Option<Source> {
    let f = at.fields(&["title", "url", "read_at", "verification"], errs)?;
    let title = f.need("title", errs).and_then(|a| a.labels(errs));
    let url = f.get("url").and_then(|a| a.text(errs)).map(str::to_owned);
    let read_at = f.get("read_at").and_then(|a| a.date(errs));
    let verification = f.need("verification", errs).and_then(|a| a.choice(GRADES, errs));
    Some(Source { title: title?, url, read_at, verification: verification? })
}

pub(crate) fn regime(root: &At<'_>, errs: &mut Errors) -> Option<Regime> {
    let f = root.fields(
        &[
            "kind",
            "id",
            "jurisdiction",
            "title",
            "short",
            "zone",
            "show_in_fact_zone",
            "reviewer",
            "sources",
            "scope",
            "transition_review",
            "definitions",
            "versions",
        ],
        errs,
    )?;
    let id = f.need("id", errs).and_then(|a| a.text(errs)).map(str::to_owned);
    let jurisdiction = f.need("jurisdiction", errs).and_then(|a| {
        let text = a.text(errs)?;
        if catalogue::is_code(text) {
            Some(text.to_owned())
        } else {
            a.fail(errs, "expected a code such as JP")
        }
    });
    let title = f.need("title", errs).and_then(|a| a.labels(errs));
    let short = f.need("short", errs).and_then(|a| a.labels(errs));
    let zone = f.need("zone", errs).and_then(|a| {
        let name = a.text(errs)?;
        TimeZone::get(name).ok().or_else(|| a.fail(errs, "not a known IANA time zone such as Asia/Tokyo"))
    });
    let show_in_fact_zone = f.get("show_in_fact_zone").and_then(|a| a.flag(errs)).unwrap_or(false);
    let reviewer = f.get("reviewer").and_then(|a| a.text(errs)).map(str::to_owned);
    let mut sources = BTreeMap::new();
    for (name, at) in f.need("sources", errs).and_then(|a| a.entries(errs)).unwrap_or_default() {
        sources.extend(source(&at, errs).map(|s| (name.to_owned(), s)));
    }
    let scope = f.need("scope", errs).and_then(|a| condition(&a, "scope", errs));
    let transition_review = f.get("transition_review").and_then(|a| a.labels(errs));
    let shared = definitions(f.get("definitions"), errs);
    let mut versions = Vec::new();
    for at in f.need("versions", errs).and_then(|a| a.list(errs)).unwrap_or_default() {
        versions.extend(version(&at, &shared, errs));
    }
    Some(Regime {
        id: id?,
        jurisdiction: jurisdiction?,
        title: title?,
        short: short?,
        zone: zone?,
        show_in_fact_zone,
        reviewer,
        sources,
        scope: scope?,
        transition_review,
        versions,
    })
}

fn definitions(at: Option<At<'_>>, errs: &mut Errors) -> BTreeMap<String, Condition> {
    let entries = at.and_then(|a| a.entries(errs)).unwrap_or_default();
    entries
        .into_iter()
        .filter_map(|(name, at)| condition(&at, name, errs).map(|c| (name.to_owned(), c)))
        .collect()
}

fn version(at: &At<'_>, shared: &BTreeMap<String, Condition>, errs: &mut Errors) -> Option<Version> {
    let f = at.fields(
        &[
            "id",
            "title",
            "status",
            "effective",
            "known",
            "checked",
            "temporal_basis",
            "effect",
            "source",
            "clauses",
            "note",
            "reading",
            "scope",
            "review",
            "definitions",
            "duties",
        ],
        errs,
    )?;
    let id = f.need("id", errs).and_then(|a| a.text(errs)).map(str::to_owned);
    let title = f.need("title", errs).and_then(|a| a.labels(errs));
    let status = f.need("status", errs).and_then(|a| {
        let table = &[
            ("in_force", Status::InForce),
            ("enacted", Status::Enacted),
            ("proposed", Status::Proposed),
            ("repealed", Status::Repealed),
        ];
        a.choice(table, errs)
    });
    let effective = f.get("effective").and_then(|a| a.fields(&["from", "to", "assured_to", "source"], errs));
    let known = f.get("known").and_then(|a| a.fields(&["from", "to"], errs));
    let mut day = |fields: &Option<crate::read::Fields<'_>>, name: &str| {
        fields.as_ref().and_then(|e| e.get(name)).and_then(|a| a.date(errs))
    };
    let (effective_from, effective_to) = (day(&effective, "from"), day(&effective, "to"));
    let assured_to = day(&effective, "assured_to");
    let (known_from, known_to) = (day(&known, "from"), day(&known, "to"));
    for (from, to) in [(effective_from, effective_to), (effective_from, assured_to), (known_from, known_to)] {
        if let (Some(from), Some(to)) = (from, to)
            && from > to
        {
            at.fail::<()>(errs, format!("the period from {from} to {to} is upside down"));
        }
    }
    let checked = f.need("checked", errs).and_then(|a| a.date(errs));
    let basis = f.need("temporal_basis", errs).and_then(|a| moments(&a, errs));
    let effect = match f.get("effect") {
        None => Some(Effect::Mandatory),
        Some(a) => a.choice(
            &[
                ("mandatory", Effect::Mandatory),
                ("best_effort", Effect::BestEffort),
                ("out_of_scope", Effect::OutOfScope),
            ],
            errs,
        ),
    };
    let source = f.need("source", errs).and_then(|a| a.text(errs)).map(str::to_owned);
    let dating =
        effective.as_ref().and_then(|e| e.get("source")).and_then(|a| a.text(errs)).map(str::to_owned);
    let dating = dating.or_else(|| source.clone());
    let clauses = labels_list(f.get("clauses"), errs);
    let note = f.get("note").and_then(|a| a.labels(errs));
    let reading = f.get("reading").and_then(|a| reading(&a, errs)).unwrap_or_default();
    let scope = f.get("scope").and_then(|a| condition(&a, "version_scope", errs));
    let review = reviews(f.get("review"), errs);
    let mut all = shared.clone();
    all.extend(definitions(f.get("definitions"), errs));
    let mut duties = Vec::new();
    for at in f.get("duties").and_then(|a| a.list(errs)).unwrap_or_default() {
        duties.extend(duty(&at, errs));
    }
    let version = Version {
        id: id?,
        title: title?,
        status: status?,
        effective_from,
        effective_to,
        assured_to,
        known_from,
        known_to,
        checked: checked?,
        basis: basis?,
        effect: effect?,
        source: source?,
        dating: dating?,
        clauses,
        note,
        reading,
        scope,
        review,
        duties,
        definitions: all,
    };
    if version.status == Status::InForce && version.effect != Effect::OutOfScope {
        for recipient in ["regulator", "persons"] {
            if !version.duties.iter().any(|d| d.recipient == recipient) {
                at.fail::<()>(
                    errs,
                    format!("a version in force needs a duty to {recipient:?}, were it never due"),
                );
            }
        }
    }
    Some(version)
}

fn reading(at: &At<'_>, errs: &mut Errors) -> Option<Reading> {
    let f = at.fields(&["suspicion_counts", "count_at_maximum"], errs)?;
    Some(Reading {
        suspicion_counts: f.get("suspicion_counts").and_then(|a| a.flag(errs)).unwrap_or(false),
        count_at_maximum: f.get("count_at_maximum").and_then(|a| a.flag(errs)).unwrap_or(false),
    })
}

fn reviews(at: Option<At<'_>>, errs: &mut Errors) -> Vec<Review> {
    let mut reviews = Vec::new();
    for at in at.and_then(|a| a.list(errs)).unwrap_or_default() {
        let Some(r) = at.fields(&["when", "text"], errs) else { continue };
        let when = r.need("when", errs).and_then(|a| condition(&a, "review", errs));
        let text = r.need("text", errs).and_then(|a| a.labels(errs));
        reviews.extend(when.zip(text).map(|(when, text)| Review { when, text }));
    }
    reviews
}

fn labels_list(at: Option<At<'_>>, errs: &mut Errors) -> Vec<Labels> {
    let items = at.and_then(|a| a.list(errs)).unwrap_or_default();
    items.iter().filter_map(|i| i.labels(errs)).collect()
}

fn duty(at: &At<'_>, errs: &mut Errors) -> Option<Duty> {
    let f = at.fields(
        &[
            "id",
            "recipient",
            "to",
            "label",
            "clause",
            "source",
            "when",
            "exclusions",
            "review",
            "contents",
            "when_not_required",
            "deadlines",
        ],
        errs,
    )?;
    let id = f.need("id", errs).and_then(|a| a.text(errs)).map(str::to_owned);
    let recipient = f.need("recipient", errs).and_then(|a| a.text(errs)).map(str::to_owned);
    let to = f.need("to", errs).and_then(|a| a.labels(errs));
    let label = f.need("label", errs).and_then(|a| a.labels(errs));
    let clause = f.need("clause", errs).and_then(|a| a.labels(errs));
    let source = f.get("source").and_then(|a| a.text(errs)).map(str::to_owned);
    let when = f.need("when", errs).and_then(|a| condition(&a, "when", errs));
    let mut exclusions = Vec::new();
    for at in f.get("exclusions").and_then(|a| a.list(errs)).unwrap_or_default() {
        let Some(e) = at.fields(&["when", "effect"], errs) else { continue };
        let when = e.need("when", errs).and_then(|a| condition(&a, "exclusion", errs));
        let effect = e.need("effect", errs).and_then(|a| {
            let table =
                &[("not_required", ExclusionEffect::NotRequired), ("exempt", ExclusionEffect::Exempt)];
            a.choice(table, errs)
        });
        exclusions.extend(when.zip(effect).map(|(when, effect)| Exclusion { when, effect }));
    }
    let review = reviews(f.get("review"), errs);
    let contents = labels_list(f.get("contents"), errs);
    let when_not_required = f.get("when_not_required").and_then(|a| a.labels(errs));
    let mut deadlines = Vec::new();
    for at in f.get("deadlines").and_then(|a| a.list(errs)).unwrap_or_default() {
        deadlines.extend(deadline(&at, errs));
    }
    Some(Duty {
        id: id?,
        recipient: recipient?,
        to: to?,
        label: label?,
        clause: clause?,
        source,
        when: when?,
        exclusions,
        review,
        contents,
        when_not_required,
        deadlines,
    })
}
