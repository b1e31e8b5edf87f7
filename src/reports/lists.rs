//! Affected lists as the report shows them. Pure.

use exposure::{Basis, WindowQuery};

use super::gather::Material;
use super::model::{Difference, Document, Kind, List, Moved, Scope};
use super::words::Words;
use crate::incidents::Revision;
use crate::incidents::affected::statement::statement;
use crate::incidents::affected::{self, ReadsQuestion, State};
use crate::requirements::manifest::SystemSpec;

/// The lists by number, and the one that holds.
pub fn scope(material: &Material, words: &Words) -> Scope {
    let lists: Vec<List> = material
        .lists
        .iter()
        .map(|(revision, difference)| list(revision, difference.as_ref(), material, words))
        .collect();
    let approved = lists.iter().rfind(|list| list.approved);
    let current = approved.or_else(|| lists.last()).cloned();
    Scope { current, lists }
}

fn list(
    revision: &Revision,
    difference: Option<&affected::Difference>,
    material: &Material,
    words: &Words,
) -> List {
    let system = material.system.as_deref();
    let counts = &revision.counts;
    List {
        number: revision.number.unwrap_or_default(),
        at: words.moment(revision.created_at),
        state: words.list_state(revision.state),
        approved: revision.state == State::Approved,
        method: words.method(revision.method),
        question: question(revision, words),
        reason: revision.reason.clone(),
        persons: counts.persons,
        tenants: counts.tenants,
        kinds: counts
            .by_kind
            .iter()
            .map(|count| Kind {
                name: kind_name(system, &count.kind, words),
                persons: count.persons,
                tenants: count.tenants,
            })
            .collect(),
        indeterminate: counts.indeterminate,
        excluded: counts.excluded,
        statement: (revision.inputs.reconstruction.is_some() || revision.inputs.reads.is_some())
            .then(|| statement(revision, words.zone(), words.lang))
            .flatten(),
        several_tenants: counts.persons_in_several_tenants,
        inputs: revision
            .inputs
            .inputs
            .iter()
            .map(|input| Document { name: input.name.clone(), sha256: input.sha256.clone() })
            .collect(),
        gaps: gaps(revision, words),
        difference: difference.map(|difference| Difference {
            from: difference.from,
            added: difference.persons_added,
            removed: difference.persons_removed,
            kinds: difference
                .by_kind
                .iter()
                .map(|moved| Moved {
                    name: kind_name(system, &moved.name, words),
                    added: moved.added,
                    removed: moved.removed,
                })
                .collect(),
        }),
        digest: revision.digest.clone(),
    }
}

/// The record type's title in the manifest, or the word of the logs.
fn kind_name(system: Option<&SystemSpec>, kind: &str, words: &Words) -> String {
    if kind.is_empty() {
        return words.say("of unknown kind", "種別不明").to_owned();
    }
    match system.and_then(|system| system.record_type(kind)) {
        Some(record_type) => words.say(&record_type.title.en, &record_type.title.ja).to_owned(),
        None => kind.to_owned(),
    }
}

/// What the record of reads was asked.
fn question_of_reads(query: &ReadsQuestion, words: &Words) -> Vec<String> {
    let mut lines = vec![format!(
        "{}{} – {}",
        words.say("reads from ", "閲覧の期間："),
        words.moment(query.from),
        words.moment(query.to)
    )];
    let readers = query.accounts.len() + query.tokens.len();
    if readers > 0 {
        lines.push(match words.lang {
            law::Lang::En => format!("by {readers} accounts or tokens that the question names"),
            law::Lang::Ja => format!("対象：指定した{readers}件のアカウントまたはトークンによる閲覧"),
        });
    }
    if query.now_denied {
        lines.push(
            words
                .say(
                    "only what the rules in force when the list was made refuse",
                    "一覧作成時点の規則で許可されない閲覧のみ",
                )
                .to_owned(),
        );
    }
    lines
}

/// What the window method or the record of reads was asked.
fn question(revision: &Revision, words: &Words) -> Vec<String> {
    if let Ok(query) = serde_json::from_value::<ReadsQuestion>(revision.parameters.clone()) {
        return question_of_reads(&query, words);
    }
    let Ok(query) = serde_json::from_value::<WindowQuery>(revision.parameters.clone()) else {
        return Vec::new();
    };
    let mut lines = vec![format!(
        "{}{} – {}",
        words.say("window: ", "時間帯："),
        words.moment(query.from),
        words.moment(query.to)
    )];
    let margins = [query.margin_before_seconds, query.margin_after_seconds];
    if margins != [0, 0] {
        let [before, after] = margins;
        lines.push(match words.lang {
            law::Lang::En => format!("widened by {before} s before and {after} s after"),
            law::Lang::Ja => format!("前に{before}秒、後に{after}秒広げて抽出"),
        });
    }
    let basis = match query.basis {
        Basis::Logins => words.say("who logged in", "ログインした人"),
        Basis::LoginsAndPersonalRequests => {
            words.say("who logged in or fetched a personal page", "ログインまたは個人のページを取得した人")
        }
    };
    lines.push(format!("{}{basis}", words.say("on the list: ", "対象：")));
    lines
}

/// What is known to be missing or damaged in the logs: it can only make the list longer.
fn gaps(revision: &Revision, words: &Words) -> Vec<String> {
    let mut gaps = Vec::new();
    for input in &revision.inputs.inputs {
        if input.bad.count + input.oversized > 0 {
            let lines = input.bad.count + input.oversized;
            gaps.push(match words.lang {
                law::Lang::En => format!("{}: {lines} lines could not be used", input.name),
                law::Lang::Ja => format!("{}：利用できない行が{lines}行", input.name),
            });
        }
        let broken = revision.inputs.completeness.iter().flat_map(|known| &known.coverage.truncated_inputs);
        let of_record = revision.inputs.reads.is_some() && broken.clone().any(|name| *name == input.name);
        if of_record {
            let text = words
                .say("damaged, or in archives that were not read", "破損、または未読の保管ファイルにある");
            gaps.push(format!("{}{}{text}", input.name, words.say(": ", "：")));
        }
        if input.truncated.is_some() {
            let text = words.say("breaks off before its end", "途中で切れている");
            gaps.push(format!("{}{}{text}", input.name, words.say(": ", "：")));
        }
    }
    gaps
}
