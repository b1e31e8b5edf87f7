//! Who is concerned in the booking service, by Suimon's own record of reads, and the notice to them.

use std::collections::BTreeSet;

use anyhow::Context as _;
use serde_json::{Value, json};

use super::booking::{Leak, Place, Reads};
use super::campaign::{APPROVE_NOTICE, Campaign, Draft, refused, send};
use super::client::{number, text};
use super::lists::APPROVE;
use super::notice_words;
use super::stage::Stage;
use super::words;
use crate::cli::Failure;

const FROM_LOG: &str = "mutation($input: CreateRevisionFromEnforcementLogInput!) {
    createRevisionFromEnforcementLog(input: $input) {
        __typename ... on Revision { id number complete
            counts { persons confirmed tenants sumOverTenants countedAgain }
            reads { leftOut { allowedNow } chains { entries } } }
        ... on Problem { code field message remedy } } }";

const PEOPLE: &str = "query($id: ID!) {
    revision(id: $id) { people(first: 200) { nodes { tenant person } } } }";

const PREVIEW: &str = "query($id: ID!, $language: Language!) {
    previewNotice(noticeId: $id, language: $language) {
        __typename ... on NoticePreview { typical { subject body } } ... on Problem { code field message remedy } } }";

const LANGUAGES: &str = "query($id: ID!) {
    notice(id: $id) { messages(first: 200, state: ACCEPTED) { nodes { language } } } }";

pub async fn play(stage: &mut Stage, leak: &Leak) -> Result<(), Failure> {
    let list = list(stage, leak).await?;
    approve(stage, &list).await?;
    let sent = notice(stage, leak, &list).await?;
    let people: BTreeSet<_> =
        leak.reads.too_much.iter().filter_map(|place| place.split(' ').nth(1)).collect();
    stage.score.demand("mails to medical workers accepted, one each", people.len(), sent);
    Ok(())
}

/// The list by the record of reads; its id. What the desks did is known here, so that the list is held against it.
async fn list(stage: &mut Stage, leak: &Leak) -> Result<String, Failure> {
    let at = stage.at("2023-11-15T15:00")?;
    stage.narrator.scene(
        at,
        "Who is concerned? Each read stands in the audit log with its purpose. Those that today's rules would refuse are the list: \
         no log of the system is needed, and nobody guesses.",
    );
    let input = json!({
        "incidentId": leak.incident, "reason": words::REASON_OWN_RECORD.both(), "from": leak.from, "to": leak.to,
        "nowDenied": true,
    });
    let list = stage.cast.officer.call(FROM_LOG, json!({ "input": input })).await?;
    let id = text(&list, "/id")?;
    let count = |name: &str| number(&list, &format!("/counts/{name}"));
    let chains = list.pointer("/reads/chains").and_then(Value::as_array).context("a list without chains")?;
    let entries: u64 = chains.iter().filter_map(|chain| chain["entries"].as_u64()).sum();
    stage.narrator.result(&format!(
        "revision {}, from {entries} entries: {} persons = {} entries in {} institutions' lists - {} who are in two; {} are \
         certain; {} reads in order are left out; {}",
        number(&list, "/number")?,
        count("persons")?,
        count("sumOverTenants")?,
        count("tenants")?,
        count("countedAgain")?,
        count("confirmed")?,
        number(&list, "/reads/leftOut/allowedNow")?,
        if list["complete"] == true { "the record is whole" } else { "THE RECORD HAS GAPS" }
    ));
    let listed = people_on(stage, &id).await?;
    let Reads { too_much, in_order } = &leak.reads;
    stage.score.demand("records opened too far at a desk, on the list", too_much.len(), listed.len());
    stage.score.demand("of these missing there", 0, too_much.difference(&listed).count());
    stage.score.demand("records looked up in order, on the list", 0, in_order.intersection(&listed).count());
    stage.narrator.operation("officer", FROM_LOG).await;
    Ok(id)
}

async fn people_on(stage: &Stage, list: &str) -> Result<BTreeSet<Place>, Failure> {
    let answer = stage.cast.officer.call(PEOPLE, json!({ "id": list })).await?;
    let nodes = answer.pointer("/people/nodes").and_then(Value::as_array).context("a list without people")?;
    let places = nodes.iter().map(|one| Ok(format!("{} {}", text(one, "/tenant")?, text(one, "/person")?)));
    Ok(places.collect::<anyhow::Result<BTreeSet<_>>>()?)
}

async fn approve(stage: &mut Stage, list: &str) -> Result<(), Failure> {
    let at = stage.at("2023-11-15T15:30")?;
    stage.narrator.scene(at, "A second person freezes this list, too.");
    let variables = json!({ "id": list });
    let own = refused(stage.cast.officer.call(APPROVE, variables.clone()).await);
    let approved = stage.cast.approver.call(APPROVE, variables).await?;
    let state = text(&approved, "/state")?.to_lowercase();
    stage.narrator.result(&format!("officer: {own}; approver: the list is {state}"));
    stage.narrator.operation("approver", APPROVE).await;
    Ok(())
}

/// From the draft to the last mail; how many were accepted.
async fn notice(stage: &mut Stage, leak: &Leak, list: &str) -> Result<u64, Failure> {
    let campaign = Campaign {
        at: "2023-11-16T10:00",
        scene: "A notice to each of them, with an own page behind a link. Suimon looks through the texts for gaps, strange \
                addresses and numbers, both languages are looked at, and the author cannot release it.",
        audience: "PERSONS",
        template: "incident_notice_person",
        variables: notice_words::for_medical_workers(),
    };
    let draft = campaign.draft(stage, &leak.incident, list).await?;
    let seen = looked_at(stage, &draft).await?;
    let own = draft.approved_by_its_author(stage).await;
    stage.narrator.result(&format!(
        "{} remarks on the texts; {seen} languages looked at; officer: {own}",
        draft.remarks
    ));
    stage.score.demand("remarks on the texts of the notice", 0, draft.remarks);
    stage.score.demand("the author approves the own notice", "FORBIDDEN", own);
    let sent = send(stage, &draft).await?;
    let (ja, en) = languages(stage, &draft).await?;
    stage.narrator.result(&format!("{ja} of the mails are in Japanese, {en} in English, as each had chosen"));
    stage
        .narrator
        .result(&format!("送信済みのお知らせは{sent}通です（日本語{ja}通、英語{en}通、各人に一通）。"));
    stage.narrator.operation("approver", APPROVE_NOTICE).await;
    stage.score.demand("mails in either language, of those accepted", sent, ja + en);
    Ok(sent)
}

/// Looks at the notice as both languages will have it; in how many it has a text.
async fn looked_at(stage: &Stage, draft: &Draft) -> Result<usize, Failure> {
    let mut seen = 0;
    for language in ["JA", "EN"] {
        let variables = json!({ "id": draft.id, "language": language });
        let preview = stage.cast.officer.call(PREVIEW, variables).await?;
        seen += usize::from(!text(&preview, "/typical/body")?.is_empty());
    }
    Ok(seen)
}

/// How many mails went out in Japanese and in English.
async fn languages(stage: &Stage, draft: &Draft) -> Result<(u64, u64), Failure> {
    let answer = stage.cast.officer.call(LANGUAGES, json!({ "id": draft.id })).await?;
    let nodes = answer.pointer("/messages/nodes").and_then(Value::as_array).context("no messages")?;
    let count = |language: &str| nodes.iter().filter(|node| node["language"] == language).count() as u64;
    Ok((count("JA"), count("EN")))
}
