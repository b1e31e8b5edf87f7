//! The end: the numbers compared, and how to go on with what the demo leaves.

use std::path::Path;

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
        "\n  The list of applicants and administrators is the upper bound that a time window gives. On this simulated day, as no\n  log \
         shows, {seen} people were in fact seen by another."
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
    let url = stage.app.config().server.public_url.trim_end_matches('/');
    output::line(&format!(
        "\nWhat to try\n  suimon serve --config {folder}/suimon.toml\n  {url}/graphiql, with one of these tokens as \
         header  {{\"Authorization\": \"Bearer …\"}}  ({DAYS} days):\n"
    ));
    for (login, _, name) in ACCOUNTS {
        output::line(&format!("    {login:<9} {}  {name}", stage.token(login, DAYS).await?));
    }
    output::line(&format!("  or sign in as admin with the password  {}\n", stage.password));
    for (who, operation) in TO_TRY {
        output::line(&format!("    {who:<9} {operation}"));
    }
    pages(&stage.folder);
    output::line(&format!("\n  The interim report: {folder}/report.ja.html, {folder}/report.en.html\n"));
    Ok(())
}

/// How somebody comes to the pages of those who were told. It names nobody: which mail it is, the reader sees.
fn pages(folder: &Path) {
    let show = |which: &str| {
        let folder = folder.display();
        format!("suimon notices mail {which}--config {folder}/suimon.toml --as officer --purpose 'a look'")
    };
    let (person, school, newest) = (show("2 1 "), show("1 1 "), show(""));
    output::line(&format!(
        "\n  The pages of those who were told. Their mails were captured, not sent. While the service runs, in another terminal:\n\n    \
         1. {person}\n       shows a mail to a medical worker; and one to a school:\n       {school}\n    \
         2. open the link in it and ask there for a one-time code\n    \
         3. {newest}\n       shows the newest mail: after a second or two the one with the code, to the same address\n    \
         4. type the code in: the page opens for 30 minutes\n\n  \
         お知らせを受けた方のページ。メールは送信されず、保管されています。サービスを動かしたまま、別の端末で:\n\n    \
         1. 上の 1 の命令で、医療従事者へのメール、または学校へのメールを表示する\n    \
         2. メールの中のリンクを開き、確認コードを求める\n    \
         3. 上の 3 の命令で、最新のメール（同じアドレスあて）にある確認コードを読む\n    \
         4. コードを入力すると、ページが30分間開く"
    ));
}
