//! The sentence that may be told to a regulator: what both methods say, what that rests on, and what it does not say. Pure.

use std::collections::BTreeMap;

use exposure::{Assumption, Doubt, JoinedBy, Reconstruction, WindowResult};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use law::Lang;

use super::model::{Counts, Inputs, Method, Reconstructed, RecordOfReads, Revision};
use super::{input, tally};
use crate::error::Result;

/// The statement about a list; `None` for one that no logs support.
pub fn statement(revision: &Revision, zone: &TimeZone, lang: Lang) -> Option<String> {
    let question = revision.parameters.get("question").unwrap_or(&revision.parameters);
    let instant = |name: &str| {
        let text = question.get(name)?.as_str()?;
        text.parse::<Timestamp>().ok().map(|at| at.to_zoned(zone.clone()))
    };
    let (from, to) = (instant("from")?, instant("to")?);
    let times =
        (from.strftime("%Y-%m-%d %H:%M %:z").to_string(), to.strftime("%Y-%m-%d %H:%M %:z").to_string());
    let Revision { inputs, counts, method, .. } = revision;
    let list = List { inputs, counts, method: *method };
    let parts = match (lang, &inputs.reads) {
        (Lang::Ja, Some(reads)) => reads_ja(revision, reads, &times),
        (Lang::En, Some(reads)) => reads_en(revision, reads, &times),
        (_, None) => return Some(of_list(&list, &times, lang)),
    };
    Some(parts.join(if lang == Lang::Ja { "" } else { " " }))
}

/// The statement about what a scan gave, before it is anybody's list.
///
/// # Errors
/// As `affected::store_result`: the result was changed.
pub fn of_result(
    window: &WindowResult,
    reconstruction: Option<&Reconstruction>,
    zone: &TimeZone,
    lang: Lang,
) -> Result<String> {
    let people = match reconstruction {
        None => input::people_of(window),
        Some(reconstruction) => input::people_of_both(window, reconstruction)?,
    };
    let method = if reconstruction.is_some() { Method::Reconstruction } else { Method::Window };
    let counts = tally::count(&input::rows(people, method, &BTreeMap::new())?)?;
    let inputs = input::inputs_of(window, reconstruction);
    let moment = |at: Timestamp| at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M %:z").to_string();
    let times = (moment(window.query.from), moment(window.query.to));
    Ok(of_list(&List { inputs: &inputs, counts: &counts, method }, &times, lang))
}

/// What a statement is about.
struct List<'l> {
    inputs: &'l Inputs,
    counts: &'l Counts,
    method: Method,
}

fn of_list(list: &List<'_>, times: &(String, String), lang: Lang) -> String {
    match lang {
        Lang::Ja => japanese(list, times).join(""),
        Lang::En => english(list, times).join(" "),
    }
}

fn is_complete(inputs: &Inputs) -> bool {
    let thin = inputs.reconstruction.as_ref().is_some_and(|one| !one.thin_hours.is_empty());
    inputs.completeness.as_ref().is_some_and(|known| known.coverage.complete) && !thin
}

fn without_person(inputs: &Inputs) -> u64 {
    inputs.completeness.as_ref().map_or(0, |known| {
        let lines = &known.unattributed;
        lines.edge_without_session + lines.edge_with_unknown_session + lines.origin_requests + lines.logins
    })
}

/// People of the window's list, each once.
fn in_window(inputs: &Inputs, counts: &Counts) -> u64 {
    inputs.reconstruction.as_ref().map_or(counts.persons + counts.indeterminate, |one| {
        let counts = &one.counts;
        counts.confirmed + counts.possible + counts.indeterminate + counts.self_only + counts.excluded
    })
}

/// In whole answers, upward: a part of an answer is one.
fn unseen(inputs: &Inputs) -> Option<u64> {
    let residual = inputs.reconstruction.as_ref()?.residual;
    residual.expected_unseen_thousandths.map(|thousandths| thousandths.div_ceil(1_000))
}

fn english(list: &List<'_>, (from, to): &(String, String)) -> Vec<String> {
    let List { inputs, counts, method } = list;
    let window = in_window(inputs, counts);
    let mut said = vec![format!(
        "Between {from} and {to}, by the logs, {window} people signed in or opened a page with personal data: as far as the logs name \
         people, no more than these can be concerned."
    )];
    if let Some(reconstruction) = &inputs.reconstruction {
        let joined = match reconstruction.joined_by {
            JoinedBy::RequestIds => "on the request ids that both logs have",
            JoinedBy::Sessions => "on sessions, paths and times",
            JoinedBy::Nothing => "without anything that both logs have",
        };
        let found = &reconstruction.counts;
        said.push(format!(
            "The logs of edge and origin were joined {joined}. By that the page of {} of these people reached somebody else, the page of {} \
             may have, and of {} the logs cannot tell; {} got their own page back from a cache, and for {} the logs show no answer from a \
             cache that could have been theirs.",
            found.confirmed, found.possible, found.indeterminate, found.self_only, found.excluded
        ));
        let premises: Vec<&str> =
            reconstruction.assumptions.iter().map(|assumption| premise_en(*assumption)).collect();
        said.push(format!("This rests on: {}.", premises.join("; ")));
        if let Some(unseen) = unseen(inputs).filter(|unseen| *unseen > 0) {
            said.push(format!("By the share of lines that the edge's log lost, about {unseen} more such answers are to be expected."));
        }
    }
    said.extend(inputs.reconstruction.iter().flat_map(doubts_en));
    if *method == Method::Manual {
        said.push(format!(
            "After corrections by hand, each with its reason, the list has {} people affected and {} who were taken off it or shown not to \
             be concerned.",
            counts.persons, counts.excluded
        ));
    }
    if !is_complete(inputs) {
        said.push("Logs are missing or damaged: the list may lack people.".to_owned());
    }
    if without_person(inputs) > 0 {
        said.push(format!("{} requests in that time could be given to nobody.", without_person(inputs)));
    }
    said.push(
        "A page counts as that of whoever asked for it; whom else it showed the logs do not say. Nor do they show whether anybody read what \
         they got, or what browsers and proxies kept."
            .to_owned(),
    );
    said
}

fn doubts_en(reconstruction: &Reconstructed) -> Vec<String> {
    let reasons: Vec<&str> = reconstruction
        .doubts
        .iter()
        .map(|doubt| match doubt {
            Doubt::MissingOriginHours => "hours of the origin's log are missing",
            Doubt::TruncatedInputs => "a log breaks off",
            Doubt::DamagedInputs => "a log has lines that could not be read",
            Doubt::UnexplainedAnswers => "nobody knows whose an answer from a cache was",
            Doubt::ClocksApart => "the clocks of edge and origin are more than a minute apart",
        })
        .collect();
    let mut said = Vec::new();
    if !reasons.is_empty() {
        said.push(format!(
            "Nobody could be shown not to be concerned, because {}.",
            reasons.join(" and because ")
        ));
    }
    if reconstruction.sessions_of_several_clients > 0 {
        said.push(format!(
            "{} sessions were used from more than one address with a program: somebody may have had another person's.",
            reconstruction.sessions_of_several_clients
        ));
    }
    said
}

fn premise_en(assumption: Assumption) -> &'static str {
    match assumption {
        Assumption::EdgeLogComplete => "the edge's log has each answer",
        Assumption::OriginLogComplete => "the origin's log has each request that reached it",
        Assumption::TimeToLive => "no cache kept an answer for longer than stated",
        Assumption::History => "the cache was changed and purged when stated",
        Assumption::SingleCopy => "each location keeps one copy",
        Assumption::KeyHasHostAndQuery => "host and query are part of the cache's key",
        Assumption::LengthsTellBodies => "answers of different length are different pages",
        Assumption::ClientsTellPeople => "an address with a program is the people seen behind it",
        Assumption::SessionsTellPeople => "nobody but its holder uses a session",
    }
}

/// Whether the question names accounts or tokens.
fn names_readers(revision: &Revision) -> bool {
    let named = |name: &str| revision.parameters[name].as_array().is_some_and(|all| !all.is_empty());
    named("accounts") || named("tokens")
}

fn reads_en(revision: &Revision, reads: &RecordOfReads, (from, to): &(String, String)) -> Vec<String> {
    let who = if names_readers(revision) { "by the accounts in question" } else { "by anybody" };
    let beyond = if reads.judged_by.is_some() {
        ", as far as the rules in force when this list was made refuse it"
    } else {
        ""
    };
    let mut said = vec![format!(
        "Between {from} and {to}, by this service's own record, data of {} people was read through it {who}{beyond}. Of {} of them \
         something was shown in clear, of {} nothing but shortened values.",
        revision.counts.persons, reads.plaintext, reads.masked_only
    )];
    let possible = revision.counts.persons - revision.counts.confirmed;
    if possible > 0 {
        said.push(format!(
            "Of {possible} of these people the record does not say for certain what was shown, or that it should not have been."
        ));
    }
    if !is_complete(&revision.inputs) {
        said.push(
            "Parts of the record are missing, damaged or in archives: the list may lack people.".to_owned(),
        );
    }
    if without_person(&revision.inputs) > 0 {
        said.push(format!(
            "{} reads in that time could be given to nobody.",
            without_person(&revision.inputs)
        ));
    }
    said.push("What was read past this service is not in its record.".to_owned());
    said
}

fn reads_ja(revision: &Revision, reads: &RecordOfReads, (from, to): &(String, String)) -> Vec<String> {
    let who = if names_readers(revision) { "当該アカウントにより" } else { "" };
    let beyond = if reads.judged_by.is_some() {
        "、本一覧の作成時点の規則では許可されない範囲で"
    } else {
        ""
    };
    let mut said = vec![format!(
        "本サービス自身の記録によれば、{from}から{to}までの間に{beyond}{who}{}名の情報が閲覧されました。うち{}名については平文の項目が、{}名についてはマスクされた値のみが表示されました。",
        revision.counts.persons, reads.plaintext, reads.masked_only
    )];
    let possible = revision.counts.persons - revision.counts.confirmed;
    if possible > 0 {
        said.push(format!(
            "うち{possible}名については、表示された内容又は許可の範囲外であったことを記録から断定できません。"
        ));
    }
    if !is_complete(&revision.inputs) {
        said.push(
            "記録に欠落、破損又は保管先に移された部分があり、対象者が漏れている可能性があります。".to_owned(),
        );
    }
    if without_person(&revision.inputs) > 0 {
        said.push(format!(
            "この間の閲覧のうち{}件は、どなたのものか特定できません。",
            without_person(&revision.inputs)
        ));
    }
    said.push("本サービスを通さない閲覧は、この記録にはありません。".to_owned());
    said
}

fn japanese(list: &List<'_>, (from, to): &(String, String)) -> Vec<String> {
    let List { inputs, counts, method } = list;
    let window = in_window(inputs, counts);
    let mut said = vec![format!(
        "記録によれば、{from}から{to}までの間にログインし、または個人情報を含むページを開いた方は{window}名であり、記録から本人が分かる範囲では、対象となり得るのはこの方々までです。"
    )];
    if let Some(reconstruction) = &inputs.reconstruction {
        let joined = match reconstruction.joined_by {
            JoinedBy::RequestIds => "双方の記録にある要求番号により",
            JoinedBy::Sessions => "セッション、パス及び時刻により",
            JoinedBy::Nothing => "共通の項目がないまま",
        };
        let found = &reconstruction.counts;
        said.push(format!(
            "配信網とサーバの記録を{joined}突き合わせた結果、このうち{}名のページが他の方に届き、{}名のページは届いた可能性があり、{}名については記録から判断できません。{}名は自身のページのみをキャッシュから受け取り、{}名については本人のものであり得るキャッシュからの応答が記録にありません。",
            found.confirmed, found.possible, found.indeterminate, found.self_only, found.excluded
        ));
        let premises: Vec<&str> =
            reconstruction.assumptions.iter().map(|assumption| premise_ja(*assumption)).collect();
        said.push(format!("この結果は次を前提とします：{}。", premises.join("、")));
        if let Some(unseen) = unseen(inputs).filter(|unseen| *unseen > 0) {
            said.push(format!(
                "配信網の記録から失われた行の割合から、同様の応答がほかに約{unseen}件あると見込まれます。"
            ));
        }
    }
    said.extend(inputs.reconstruction.iter().flat_map(doubts_ja));
    if *method == Method::Manual {
        said.push(format!(
            "理由を付した手作業による訂正の後、対象者は{}名、対象外とした方は{}名です。",
            counts.persons, counts.excluded
        ));
    }
    if !is_complete(inputs) {
        said.push("記録に欠落又は破損があり、対象者が漏れている可能性があります。".to_owned());
    }
    if without_person(inputs) > 0 {
        said.push(format!(
            "この間の要求のうち{}件は、どなたのものか特定できません。",
            without_person(inputs)
        ));
    }
    said.push("ページは要求した方のものとして数えており、そこに表示された他の方は記録から分かりません。届いた内容を実際に読んだかどうか、また、ブラウザや中継装置に残った写しについては、記録から分かりません。".to_owned());
    said
}

fn doubts_ja(reconstruction: &Reconstructed) -> Vec<String> {
    let reasons: Vec<&str> = reconstruction
        .doubts
        .iter()
        .map(|doubt| match doubt {
            Doubt::MissingOriginHours => "サーバの記録に欠けた時間がある",
            Doubt::TruncatedInputs => "途中で切れている記録がある",
            Doubt::DamagedInputs => "読めない行がある",
            Doubt::UnexplainedAnswers => "どなたのものか分からないキャッシュからの応答がある",
            Doubt::ClocksApart => "双方の時計が1分を超えてずれている",
        })
        .collect();
    let mut said = Vec::new();
    if !reasons.is_empty() {
        said.push(format!("{}ため、どなたも対象外とは判断できません。", reasons.join("、")));
    }
    if reconstruction.sessions_of_several_clients > 0 {
        said.push(format!(
            "{}件のセッションが複数の端末から使われており、他の方のセッションを持った方がいる可能性があります。",
            reconstruction.sessions_of_several_clients
        ));
    }
    said
}

fn premise_ja(assumption: Assumption) -> &'static str {
    match assumption {
        Assumption::EdgeLogComplete => "配信網の記録にすべての応答があること",
        Assumption::OriginLogComplete => "サーバの記録に届いた要求のすべてがあること",
        Assumption::TimeToLive => "キャッシュの保持時間が示された長さを超えないこと",
        Assumption::History => "キャッシュの設定変更と消去が示された時刻に行われたこと",
        Assumption::SingleCopy => "一拠点が一つの写しだけを持つこと",
        Assumption::KeyHasHostAndQuery => "ホスト名と問合せ文字列がキャッシュの鍵に含まれること",
        Assumption::LengthsTellBodies => "長さの異なる応答は異なるページであること",
        Assumption::ClientsTellPeople => {
            "接続元アドレスと閲覧ソフトの組合せから、そこで記録された方々と見なせること"
        }
        Assumption::SessionsTellPeople => "セッションをその持ち主だけが使うこと",
    }
}
