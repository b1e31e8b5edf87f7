//! The result of a scan as a page: what may be said, the classes, everybody with the log lines that say so. For officers who have logs and
//! nothing else; it needs no database.

use exposure::{Exposure, Reconstruction, WindowResult};
use jiff::tz::TimeZone;
use law::Lang;
use serde::Serialize;

use super::render;
use super::words::Words;
use crate::error::Result;
use crate::incidents::affected::statement;

/// What the template shows.
#[derive(Serialize)]
struct Page {
    lang: &'static str,
    statement: String,
    window: String,
    persons: u64,
    tenants: u64,
    /// Of a reconstruction: classes with their numbers.
    classes: Vec<ClassRow>,
    kinds: Vec<KindRow>,
    people: Vec<PersonRow>,
    logs: Vec<LogRow>,
    /// What is known to be missing.
    gaps: Vec<String>,
}

#[derive(Serialize)]
struct ClassRow {
    name: &'static str,
    means: &'static str,
    persons: u64,
}

#[derive(Serialize)]
struct KindRow {
    name: String,
    persons: u64,
    tenants: u64,
}

#[derive(Serialize)]
struct PersonRow {
    person: String,
    kind: String,
    tenant: String,
    class: &'static str,
    first: String,
    last: String,
    routes: Vec<String>,
    seen_by: Vec<String>,
    /// `log:line`.
    lines: Vec<String>,
}

#[derive(Serialize)]
struct LogRow {
    name: String,
    lines: u64,
    bad: u64,
    truncated: bool,
    sha256: String,
}

/// The page, in one language, with times in `zone` (an IANA name; one that is not known is read as UTC).
///
/// # Errors
/// `INVALID` when window and reconstruction are not of the same logs; unexpected ones.
pub fn exposure_page(
    window: &WindowResult,
    reconstruction: Option<&Reconstruction>,
    lang: Lang,
    zone: &str,
) -> Result<String> {
    let words = Words::new(lang, zone);
    let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
    let kinds = window.counts.by_kind.iter();
    let page = Page {
        lang: words.say("en", "ja"),
        statement: statement::of_result(window, reconstruction, &zone, lang)?,
        window: format!("{} – {}", words.moment(window.query.from), words.moment(window.query.to)),
        persons: window.counts.total_persons,
        tenants: window.counts.total_tenants,
        classes: reconstruction.map_or_else(Vec::new, |found| classes(found, &words)),
        kinds: kinds
            .map(|count| KindRow {
                name: count
                    .kind
                    .clone()
                    .unwrap_or_else(|| words.say("of unknown kind", "種別不明").to_owned()),
                persons: count.persons,
                tenants: count.tenants,
            })
            .collect(),
        people: match reconstruction {
            Some(found) => people_of_reconstruction(found, &words),
            None => people_of_window(window, &words),
        },
        logs: window
            .inputs
            .iter()
            .map(|input| LogRow {
                name: input.name.clone(),
                lines: input.lines,
                bad: input.bad.count,
                truncated: input.truncated.is_some(),
                sha256: input.sha256.clone(),
            })
            .collect(),
        gaps: gaps(window, &words),
    };
    render::page("exposure.html", &page)
}

fn classes(found: &Reconstruction, words: &Words) -> Vec<ClassRow> {
    let counts = &found.counts;
    [
        (Exposure::Confirmed, counts.confirmed),
        (Exposure::Possible, counts.possible),
        (Exposure::Indeterminate, counts.indeterminate),
        (Exposure::SelfOnly, counts.self_only),
        (Exposure::Excluded, counts.excluded),
    ]
    .into_iter()
    .map(|(class, persons)| ClassRow { name: name(class), means: means(class, words), persons })
    .collect()
}

const fn name(class: Exposure) -> &'static str {
    match class {
        Exposure::Confirmed => "confirmed",
        Exposure::Possible => "possible",
        Exposure::Indeterminate => "indeterminate",
        Exposure::SelfOnly => "self_only",
        Exposure::Excluded => "excluded",
    }
}

fn means(class: Exposure, words: &Words) -> &'static str {
    let (en, ja) = match class {
        Exposure::Confirmed => (
            "a page that can only have been theirs went to somebody else",
            "本人のものでしかあり得ないページが他の方に届いた",
        ),
        Exposure::Possible => (
            "a page that may have been theirs went to somebody who may be another",
            "本人のものかもしれないページが、他の方かもしれない相手に届いた",
        ),
        Exposure::Indeterminate => ("the logs that could tell are missing", "判断に必要なログがない"),
        Exposure::SelfOnly => (
            "pages that may have been theirs went from a cache to themselves alone",
            "キャッシュからの応答は本人にだけ届いた",
        ),
        Exposure::Excluded => (
            "no page from a cache can have been theirs, if the logs are complete",
            "ログが揃っている限り、本人のものであり得るキャッシュ応答がない",
        ),
    };
    words.say(en, ja)
}

fn people_of_reconstruction(found: &Reconstruction, words: &Words) -> Vec<PersonRow> {
    let mut rows: Vec<(Exposure, PersonRow)> = Vec::new();
    for person in &found.people {
        for tenant in &person.tenants {
            let answers = tenant.answers.iter().filter(|answer| answer.says != Exposure::SelfOnly);
            rows.push((
                tenant.exposure,
                PersonRow {
                    person: person.person.clone(),
                    kind: person.kind.clone().unwrap_or_default(),
                    tenant: tenant.tenant.clone().unwrap_or_default(),
                    class: name(tenant.exposure),
                    first: tenant.first.map(|at| words.moment(at)).unwrap_or_default(),
                    last: tenant.last.map(|at| words.moment(at)).unwrap_or_default(),
                    routes: tenant.routes.clone(),
                    seen_by: tenant.seen_by.clone(),
                    lines: answers.map(|answer| format!("{}:{}", answer.input, answer.line)).collect(),
                },
            ));
        }
    }
    // The strongest first: at night nobody wants to look for them.
    rows.sort_by_key(|(class, _)| *class);
    rows.into_iter().map(|(_, row)| row).collect()
}

fn people_of_window(window: &WindowResult, words: &Words) -> Vec<PersonRow> {
    let mut rows = Vec::new();
    for person in &window.people {
        for tenant in &person.tenants {
            rows.push(PersonRow {
                person: person.person.clone(),
                kind: person.kind.clone().unwrap_or_default(),
                tenant: tenant.tenant.clone().unwrap_or_default(),
                class: match tenant.class {
                    exposure::Class::Possible => "possible",
                    exposure::Class::Indeterminate => "indeterminate",
                },
                first: tenant.first.map(|at| words.moment(at)).unwrap_or_default(),
                last: tenant.last.map(|at| words.moment(at)).unwrap_or_default(),
                routes: tenant.routes.clone(),
                seen_by: Vec::new(),
                lines: tenant.evidence.iter().map(|line| format!("{}:{}", line.input, line.line)).collect(),
            });
        }
    }
    rows
}

fn gaps(window: &WindowResult, words: &Words) -> Vec<String> {
    let gaps = window.coverage.gaps.iter();
    gaps.map(|gap| {
        let source = match gap.source {
            exposure::Source::Edge => words.say("edge", "配信網"),
            exposure::Source::Origin => words.say("origin", "サーバ"),
        };
        format!("{source}: {} – {}", words.moment(gap.from), words.moment(gap.to))
    })
    .collect()
}
