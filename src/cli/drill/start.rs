//! `suimon drill start`: an installation as it stood before the incident.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::ensure;
use exposure::simulate::{Day, drill_day};
use jiff::SignedDuration;

use super::{Start, briefing, installation};
use crate::access::{
    self, FirstAdmin, NewAccount, NewOperator, Op, Role, act_locally, every_scope, initialise,
    issue_token_for,
};
use crate::app::App;
use crate::cli::example::{MANIFESTS, OPERATOR_EN, OPERATOR_JA, RecordType, people_csv, schools_csv};
use crate::cli::{Failure, output};
use crate::clock::SteppedClock;
use crate::drill::{self, Folder, State};
use crate::requirements::{self, ManifestFile, Outcome};
use crate::vault::{self, Encoding, FileKind, ImportFile, Mode};

/// Login, role and name of those who work the incident.
const TEAM: [(&str, Role, &str); 4] = [
    ("officer", Role::ComplianceOfficer, "Compliance officer"),
    ("approver", Role::Approver, "Approver"),
    ("auditor", Role::Auditor, "Auditor"),
    ("admin", Role::OperatorAdmin, "Administrator"),
];

/// What stands before the operator's name in a drill: so it does in each report and mail.
const DRILL_JA: &str = "【訓練】";
const DRILL_EN: &str = "[DRILL] ";

/// Days of a token: longer than any drill.
const DAYS: u32 = 90;

pub async fn run(arguments: Start) -> Result<ExitCode, Failure> {
    let Start { dir, seed, speed } = arguments;
    let state = State::new(seed, speed)?;
    let folder = Folder::create(&dir)?;
    // The installation is some weeks old when the fault begins.
    let weeks_before = state.begins - SignedDuration::from_hours(24 * 24);
    let clock = Arc::new(SteppedClock::new(weeks_before));
    let app = installation::open_with(&folder, clock.clone()).await?;
    let day = drill_day(seed, None);
    found(&app).await?;
    let op = act_locally(&app, "admin").await?;
    load(&op, &day, &folder).await?;
    clock.set(state.begins);
    let tokens = tokens(&app).await?;
    briefing::write(&folder, &state, &day)?;
    folder.begin(&state)?;
    tell(&dir, &state, &tokens);
    Ok(ExitCode::SUCCESS)
}

/// The operator and its people.
async fn found(app: &Arc<App>) -> Result<(), Failure> {
    let operator = NewOperator {
        slug: "drill".to_owned(),
        name_ja: format!("{DRILL_JA}{OPERATOR_JA}"),
        name_en: format!("{DRILL_EN}{OPERATOR_EN}"),
    };
    let first =
        FirstAdmin { login: "admin".to_owned(), display_name: "Administrator".to_owned(), password: None };
    // Its password is told to nobody: the team has tokens.
    let root = initialise(app, operator, first).await?.operator;
    let op = act_locally(app, "admin").await?;
    let team = TEAM.into_iter().filter(|(login, ..)| *login != "admin");
    let leader = (drill::LEADER, Role::ComplianceOfficer, "訓練の進行 / Leader of the drill");
    for (login, role, name) in team.chain([leader]) {
        let account = NewAccount {
            login: login.to_owned(),
            display_name: name.to_owned(),
            roles: vec![role],
            password: None,
        };
        access::create_account(&op, root, account).await?;
    }
    Ok(())
}

/// The example's system, its schools and their people.
async fn load(op: &Op, day: &Day, folder: &Folder) -> Result<(), Failure> {
    let files = MANIFESTS.map(|(name, text)| {
        let text = text.replace(OPERATOR_JA, &format!("{DRILL_JA}{OPERATOR_JA}"));
        let text = text.replace(OPERATOR_EN, &format!("{DRILL_EN}{OPERATOR_EN}"));
        ManifestFile { name: name.to_owned(), content: text.into() }
    });
    let outcome = requirements::apply(op, files.into(), "in force before the incident", false).await?;
    if let Outcome::Refused(_) = outcome {
        return Err(anyhow::anyhow!("the manifests of the example were refused").into());
    }
    vault::import_tenants(op, schools_csv().as_bytes(), Encoding::Utf8).await?;
    for record_type in [RecordType::Applicant, RecordType::SchoolAdmin] {
        let path = folder.join("people.csv");
        std::fs::write(&path, people_csv(day, record_type)?)?;
        let imported = import(op, &path, record_type).await;
        std::fs::remove_file(&path)?;
        imported?;
    }
    Ok(())
}

async fn import(op: &Op, path: &Path, record_type: RecordType) -> Result<(), Failure> {
    let file = ImportFile {
        path: path.to_owned(),
        kind: FileKind::Csv,
        encoding: Encoding::Utf8,
        system: drill::SYSTEM.to_owned(),
        record_type: record_type.name().to_owned(),
        mode: Mode::AllOrNothing,
    };
    let report = vault::import_file(op, file, &mut |_| {}).await?;
    ensure_whole(report.rows_refused, report.failure)?;
    Ok(())
}

fn ensure_whole(refused: i64, failure: Option<String>) -> anyhow::Result<()> {
    ensure!(refused == 0 && failure.is_none(), "the people of the example were refused");
    Ok(())
}

async fn tokens(app: &Arc<App>) -> Result<Vec<(&'static str, String)>, Failure> {
    let mut tokens = Vec::new();
    for (login, ..) in TEAM {
        tokens.push((login, issue_token_for(app, login, "drill", &every_scope(), DAYS).await?.secret));
    }
    Ok(tokens)
}

fn tell(dir: &Path, state: &State, tokens: &[(&str, String)]) {
    let folder = dir.display();
    output::line("The drill is ready. Tokens of the team, told this once (Authorization: Bearer …):\n");
    for (login, token) in tokens {
        output::line(&format!("  {login:<9} {token}"));
    }
    let pace = match state.speed {
        0 => "Its clock stands; it goes on by `suimon drill advance`.".to_owned(),
        speed => format!("Its clock runs {speed} times as fast as yours while it is served."),
    };
    output::line(&format!(
        "\nWhat the team is told: {folder}/briefing.en.md, {folder}/briefing.ja.md. {pace}\n\n  \
         suimon drill serve {folder}                        begins; Ctrl-C stops the clock, too\n  \
         suimon drill advance {folder} --minutes 60         passes over a night\n  \
         suimon drill report {folder} --lang ja             how the team did, at any time\n  \
         suimon --config {folder}/suimon.toml incident list   other commands act on the drill, too"
    ));
}
