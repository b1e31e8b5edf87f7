//! Whoever no mail reached: a list for those who call, and letters that are ready to be printed. Both hold names and addresses in clear:
//! they want a purpose and a fresh proof of who asks, and each person's read is recorded at the person's tenant.

use std::collections::HashSet;

use document::{Letter, Letters, LettersError};
use jiff::tz::TimeZone;
use serde_json::json;
use sha2::{Digest, Sha256};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::model::{Audience, Language, Message, Notice, NoticeState, Reason};
use super::recipients::{Background, Reached};
use super::{store, store_messages, store_told, template};
use crate::access::{Action, Op, Scope};
use crate::audit::Event;
use crate::error::{Error, Result};
use crate::incidents::permit;

/// People of one file. Whoever has more prints tenant by tenant.
const MOST: usize = 5_000;
/// Messages that are read at once.
const PAGE: u64 = 500;

/// A file for the printer or for those who call.
pub struct Paper {
    /// ASCII; says nothing of anybody.
    pub name: String,
    pub media_type: &'static str,
    pub bytes: Zeroizing<Vec<u8>>,
    /// People in it.
    pub people: usize,
    /// Messages whose person has no postal address, or one that cannot be printed: they need another way.
    pub left_out: Vec<Uuid>,
}

struct Person {
    message: Message,
    reached: Option<Reached>,
}

/// The people of a notice whom no way has reached, as CSV: message, tenant, pseudonym, why, name, postal address, telephone.
///
/// # Errors
/// `INVALID` without a purpose, `CONFLICT` for a draft or when everybody was reached, `LIMIT_EXCEEDED`, and those of permission.
pub async fn unreached_csv(op: &Op, notice: &Notice) -> Result<Paper> {
    let (scope, _, people) = gather(op, notice, None).await?;
    let mut text = String::from("\u{feff}message,tenant,person,state,name,postal_address,telephone\r\n");
    for Person { message, reached } in &people {
        let field = |value: Option<&Zeroizing<String>>| cell(value.map_or("", |value| value.as_str()));
        let reached = reached.as_ref();
        let cells = [
            message.id.to_string(),
            cell(reached.map_or("", |reached| &reached.tenant)),
            cell(super::pseudonym_of(&message.recipient)),
            message.state.as_str().to_owned(),
            field(reached.and_then(|reached| reached.name.as_ref())),
            field(reached.and_then(|reached| reached.postal.as_ref())),
            field(reached.and_then(|reached| reached.phone.as_ref())),
        ];
        text.push_str(&cells.join(","));
        text.push_str("\r\n");
    }
    let left_out =
        people.iter().filter(|person| person.reached.is_none()).map(|person| person.message.id).collect();
    let paper = Paper {
        name: format!("not-reached-{}.csv", short(notice.id)),
        media_type: "text/csv; charset=utf-8",
        bytes: Zeroizing::new(text.into_bytes()),
        people: people.len(),
        left_out,
    };
    record(&scope, notice, &paper, "csv").await?;
    Ok(paper)
}

/// A cell that a spreadsheet neither breaks nor runs, whatever separator it takes for one.
fn cell(value: &str) -> String {
    let risky = value.starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠', '\t', '\r']);
    let mark = if risky { "'" } else { "" };
    format!("\"{mark}{}\"", value.replace('"', "\"\""))
}

/// Letters to the people of a notice whom no way has reached, of those who are written to in a language: one PDF for the printer.
///
/// # Errors
/// As [`unreached_csv`]; `CONFLICT` when nobody's letter can be printed.
pub async fn letters(op: &Op, notice: &Notice, language: Language, duplex: bool) -> Result<Paper> {
    let (scope, background, people) = gather(op, notice, Some(language)).await?;
    let zone = TimeZone::get(background.as_ref().map_or("UTC", Background::zone)).unwrap_or(TimeZone::UTC);
    let own = scope.op().app().config().mail.letter_sender.clone();
    let sender: Vec<String> = match own.trim().is_empty() {
        true => background.iter().map(|background| background.operator_name(language)).collect(),
        false => own.lines().map(str::to_owned).collect(),
    };
    let date = scope.at().to_zoned(zone.clone());
    let date = match language {
        Language::Ja => date.strftime("%Y年%-m月%-d日").to_string(),
        Language::En => date.strftime("%-d %B %Y").to_string(),
    };
    let (mut of, mut left_out, mut written) = (Vec::new(), Vec::new(), Vec::new());
    for Person { message, reached } in people {
        let Some((postal, reached)) = reached.and_then(|mut reached| Some((reached.postal.take()?, reached)))
        else {
            left_out.push(message.id);
            continue;
        };
        let text = template::render(&notice.template, language, &reached.known, &notice.variables)?;
        written.push(Letter {
            address: address(language, &postal, reached.name.as_ref().map(|name| name.as_str())),
            sender: sender.clone(),
            date: date.clone(),
            reference: short(message.id),
            subject: text.subject,
            paragraphs: text.body.split("\n\n").map(|block| block.trim_matches('\n').to_owned()).collect(),
        });
        of.push(message.id);
    }
    let stamp = date_of(scope.at(), &zone);
    let language_of = match language {
        Language::Ja => document::Language::Ja,
        Language::En => document::Language::En,
    };
    // Thousands of letters take seconds of a core.
    let print = move || -> Result<(Vec<u8>, usize, Vec<Uuid>)> {
        let mut letters = Letters { language: language_of, generated_at: stamp, duplex, letters: written };
        if let Err(LettersError::Letters(faults)) = letters.check() {
            let mut index = 0;
            letters.letters.retain(|_| {
                index += 1;
                !faults.contains_key(&(index - 1))
            });
            left_out.extend(faults.keys().filter_map(|index| of.get(*index)));
        }
        if letters.letters.is_empty() {
            return Err(Error::conflict(
                "nobody's letter can be printed: no postal address is known, or it does not fit",
            )
            .remedy("take the list (CSV) and reach these people in another way"));
        }
        // The texts name no person: places and limits alone.
        let pdf =
            letters.pdf().map_err(|error| Error::limit(format!("the letters cannot be printed: {error}")))?;
        Ok((pdf.bytes, letters.letters.len(), left_out))
    };
    let (bytes, people, left_out) =
        tokio::task::spawn_blocking(print).await.map_err(anyhow::Error::from)??;
    let paper = Paper {
        name: format!("letters-{}-{}.pdf", short(notice.id), language.as_str()),
        media_type: "application/pdf",
        bytes: Zeroizing::new(bytes),
        people,
        left_out,
    };
    record(&scope, notice, &paper, "pdf").await?;
    Ok(paper)
}

/// As the post wants it: in Japan the name below the address, elsewhere above.
fn address(language: Language, postal: &str, name: Option<&str>) -> Vec<String> {
    let mut lines: Vec<String> = postal.lines().map(str::to_owned).collect();
    match (language, name) {
        (Language::Ja, Some(name)) => lines.push(format!("{name} 様")),
        (Language::En, Some(name)) => lines.insert(0, name.to_owned()),
        (_, None) => {}
    }
    lines
}

fn date_of(at: jiff::Timestamp, zone: &TimeZone) -> document::Moment {
    let text = at.to_zoned(zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string();
    let epoch = || "1970-01-01T00:00:00Z".parse().expect("the epoch is a moment");
    text.parse().unwrap_or_else(|_| epoch())
}

/// Enough of an id to find it again by.
fn short(id: Uuid) -> String {
    id.simple().to_string()[20..].to_owned()
}

/// The people of a paper: with their telephones those whom somebody calls, else those whose letters are in one language.
async fn gather(
    op: &Op,
    notice: &Notice,
    on_paper: Option<Language>,
) -> Result<(Scope, Option<Background>, Vec<Person>)> {
    let scope = permit(op, Action::Read, "letter", "notice").await?.within(notice.tenant, "notice")?;
    op.require_fresh(Action::Read, "letter").await?;
    if op.purpose().is_none() {
        return Err(Error::invalid("purpose", "is missing").remedy("say why the addresses are needed"));
    }
    if notice.audience == Audience::Tenants {
        return Err(Error::conflict("letters are for notices to persons"));
    }
    if notice.state == NoticeState::Cancelled {
        return Err(Error::conflict("the notice was cancelled")
            .remedy("write another one; its text is what people get on paper"));
    }
    let in_force = store::approved_revision(scope.connection(), notice.tenant, notice.incident).await?;
    if in_force != Some(notice.revision) {
        return Err(Error::conflict("the list was revised since")
            .remedy("write a notice for the list in force: it names who is concerned now"));
    }
    if notice.state == NoticeState::Draft {
        return Err(Error::conflict("a draft has reached nobody yet")
            .remedy("letters are for those whom an approved notice did not reach"));
    }
    let (mut messages, mut after) = (Vec::new(), None);
    loop {
        let page = store_messages::unreached(&scope, notice.id, after, PAGE).await?;
        let full = page.len() as u64 == PAGE;
        after = page.last().map(|last| last.id);
        messages.extend(page);
        if messages.len() > MOST {
            return Err(Error::limit(format!("more than {MOST} people were not reached"))
                .remedy("try the notice again first, or write notices tenant by tenant"));
        }
        if !full {
            break;
        }
    }
    // Whoever another notice has told is told.
    let mut told = HashSet::new();
    for messages in messages.chunks(store::CHUNK) {
        let among: Vec<&str> = messages.iter().map(|message| message.recipient.as_str()).collect();
        told.extend(store_told::told_elsewhere(scope.connection(), notice, &among).await?);
    }
    messages.retain(|message| !told.contains(&message.recipient) && message.reason != Some(Reason::Revised));
    if messages.is_empty() {
        return Err(Error::conflict("everybody was reached, or is being written to"));
    }
    // What does not go onto the paper is not opened.
    messages.retain(|message| on_paper.is_none_or(|language| message.language == language));
    // People belong to other tenants than the notice.
    let everywhere = op.permit(Action::Read, "letter").await?;
    let named: Vec<&Message> = messages.iter().collect();
    let background = Background::load(&scope, notice.clone(), &named).await?;
    let mut people = Vec::with_capacity(messages.len());
    for message in messages {
        let reached = background.letter_of(&everywhere, &message, on_paper.is_none()).await?;
        people.push(Person { message, reached });
    }
    Ok((scope, Some(background), people))
}

async fn record(scope: &Scope, notice: &Notice, paper: &Paper, form: &str) -> Result<()> {
    let detail = json!({
        "form": form, "people": paper.people, "left_out": paper.left_out.len(),
        "sha256": hex::encode(Sha256::digest(&*paper.bytes)),
    });
    let event = Event::new("letter.read", format!("notice:{}", notice.id)).detail(detail);
    scope.record(scope.tenant(), vec![event]).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spreadsheet_runs_nothing() {
        for (value, cell_of) in [
            ("=1+1", "\"'=1+1\""),
            ("＠x", "\"'＠x\""),
            ("a;=1", "\"a;=1\""),
            ("a\"b\n", "\"a\"\"b\n\""),
            ("山田", "\"山田\""),
        ] {
            assert_eq!(cell(value), cell_of);
        }
    }

    #[test]
    fn the_name_stands_where_the_post_looks_for_it() {
        assert_eq!(
            address(Language::Ja, "100-0001\n東京都千代田区1-1", Some("見本 花子")),
            ["100-0001", "東京都千代田区1-1", "見本 花子 様"]
        );
        assert_eq!(
            address(Language::En, "1 Sample St\nTown", Some("H. Mihon")),
            ["H. Mihon", "1 Sample St", "Town"]
        );
    }
}
