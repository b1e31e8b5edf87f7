//! The end: the numbers compared, and how to go on with what the demo leaves.

use jiff::Timestamp;

use super::stage::{ACCOUNTS, Stage};
use crate::cli::{Failure, output};
use crate::clock::{Clock, SystemClock};

/// How long the tokens last with which one goes on.
const DAYS: u32 = 30;

/// Operations that read, for whoever goes on.
const TO_TRY: [(&str, &str); 3] = [
    (
        "officer",
        "{ incident(number: 1) { title status timeline(first: 5) { nodes { occurredAt kind text } } } }",
    ),
    (
        "approver",
        "{ inForce(kind: REQUIREMENT, name: \"NFR-CACHE-001\", at: \"2023-10-26T11:00:00+09:00\") { version } }",
    ),
    ("auditor", "{ verifyAudit { entries faults { seq kind } } }"),
];

/// Prints the comparison; whether each number was the founding report's.
pub fn tell(stage: &Stage) -> bool {
    stage.narrator.chapter("The numbers, compared by the program");
    output::line("");
    let sound = stage.score.tell();
    let seen = stage.day.truth().exposed.len();
    output::line(&format!(
        "\n  The list is the upper bound that a time window gives. On this simulated day, as no log shows, {seen} people were in \
         fact\n  seen by another."
    ));
    output::line(if sound { "\n  Every number is what it must be." } else { "\n  A NUMBER DIFFERS." });
    sound
}

/// Brings the clock to the present, so that tokens are valid outside the story, and says how to go on.
pub async fn go_on(stage: &Stage) -> Result<(), Failure> {
    let folder = stage.folder.display();
    if !stage.kept {
        output::line(
            "\nWhat to try\n  The folder of this run is removed now. To look around in what it made:\n\n    \
             suimon demo --data data/example\n",
        );
        return Ok(());
    }
    let now: Timestamp = SystemClock.now();
    stage.clock.set(now);
    output::line(&format!(
        "\nWhat to try\n  suimon serve --config {folder}/suimon.toml\n  http://127.0.0.1:8480/graphiql, with one of these tokens as \
         header  {{\"Authorization\": \"Bearer …\"}}  ({DAYS} days):\n"
    ));
    for (login, _, name) in ACCOUNTS {
        output::line(&format!("    {login:<9} {}  {name}", stage.token(login, DAYS).await?));
    }
    output::line(&format!("  or sign in as admin with the password  {}\n", stage.password));
    for (who, operation) in TO_TRY {
        output::line(&format!("    {who:<9} {operation}"));
    }
    output::line(&format!("\n  The interim report: {folder}/report.ja.html, {folder}/report.en.html\n"));
    Ok(())
}
