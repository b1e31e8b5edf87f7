//! Notices of the demo, from the draft to the last mail.

use serde_json::{Value, json};

use super::client::{number, text};
use super::stage::Stage;
use crate::cli::Failure;
use crate::notices::worker;

const CREATE_NOTICE: &str = "mutation($input: CreateNoticeInput!) {
    createNotice(input: $input) {
        __typename ... on Notice { id remarks { kind } } ... on Problem { code field message remedy } } }";

pub const APPROVE_NOTICE: &str = "mutation($id: ID!) {
    approveNotice(noticeId: $id) {
        __typename ... on Notice { state counts { queued } } ... on Problem { code field message remedy } } }";

const NOTICE: &str = "query($id: ID!) {
    notice(id: $id) { state counts { queued sending accepted deferred failed } } }";

/// What is written to whom.
pub struct Campaign {
    pub at: &'static str,
    pub scene: &'static str,
    pub audience: &'static str,
    pub template: &'static str,
    pub variables: Value,
}

/// A notice as its author left it.
pub struct Draft {
    pub id: String,
    /// What somebody who reads the texts would stumble over.
    pub remarks: usize,
}

impl Campaign {
    /// From the draft to the last mail; how many were accepted.
    pub async fn run(&self, stage: &mut Stage, incident: &str, list: &str) -> Result<u64, Failure> {
        let draft = self.draft(stage, incident, list).await?;
        let accepted = send(stage, &draft).await?;
        stage.narrator.operation("approver", APPROVE_NOTICE).await;
        Ok(accepted)
    }

    /// The officer writes it.
    pub async fn draft(&self, stage: &mut Stage, incident: &str, list: &str) -> Result<Draft, Failure> {
        let at = stage.at(self.at)?;
        stage.narrator.scene(at, self.scene);
        let input = json!({
            "incidentId": incident, "revisionId": list, "audience": self.audience, "template": self.template,
            "variables": self.variables,
        });
        let notice = stage.cast.officer.call(CREATE_NOTICE, json!({ "input": input })).await?;
        let remarks = notice["remarks"].as_array().map_or(0, Vec::len);
        Ok(Draft { id: text(&notice, "/id")?, remarks })
    }
}

impl Draft {
    /// What its author hears who would release it alone.
    pub async fn approved_by_its_author(&self, stage: &Stage) -> String {
        refused(stage.cast.officer.call(APPROVE_NOTICE, json!({ "id": self.id })).await)
    }
}

/// How an operation was refused: the code of its `Problem`.
pub fn refused(answer: anyhow::Result<Value>) -> String {
    match answer {
        Ok(_) => "approved".to_owned(),
        Err(error) => error.to_string().split_whitespace().nth(1).unwrap_or("refused").to_owned(),
    }
}

/// The approver releases it, the outbox sends; how many were accepted.
pub async fn send(stage: &mut Stage, draft: &Draft) -> Result<u64, Failure> {
    let approved = stage.cast.approver.call(APPROVE_NOTICE, json!({ "id": draft.id })).await?;
    let queued = number(&approved, "/counts/queued")?;
    let mut rounds = 0;
    let counts = loop {
        worker::run_once(&stage.app).await?;
        let notice = stage.cast.officer.call(NOTICE, json!({ "id": draft.id })).await?;
        let waiting = number(&notice, "/counts/queued")? + number(&notice, "/counts/sending")?;
        rounds += 1;
        if waiting == 0 || rounds == 100 {
            break notice["counts"].clone();
        }
    };
    let accepted = number(&counts, "/accepted")?;
    stage.narrator.result(&format!(
        "{queued} messages made in one transaction; {accepted} accepted, {} waiting, {} failed",
        number(&counts, "/deferred")?,
        number(&counts, "/failed")?
    ));
    Ok(accepted)
}
