//! `suimon packs`.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use law::{Grade, RegimeInfo};

use super::{Failure, Format, assess::Language, output};
use crate::duties;

/// Rule packs of this build. Needs no database.
#[derive(Subcommand)]
pub enum Command {
    /// Lists them: jurisdiction, regime, versions, how well their texts were checked, and who signed them off.
    List(List),
}

#[derive(Args)]
pub struct List {
    #[arg(long, value_enum, default_value = "en")]
    lang: Language,
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

pub fn run(command: Command) -> Result<ExitCode, Failure> {
    let Command::List(List { lang, format }) = command;
    let packs = duties::packs()?;
    if format == Format::Json {
        let one = |info: RegimeInfo<'_>| {
            serde_json::json!({
                "regime": info.id, "jurisdiction": info.jurisdiction, "title": info.title,
                "versions": info.versions.iter().map(|version| version.id).collect::<Vec<_>>(),
                "grade": worst(&info), "reviewer": info.reviewer,
            })
        };
        output::json(&serde_json::json!({ "packs": packs.regimes().map(one).collect::<Vec<_>>() }))?;
        return Ok(ExitCode::SUCCESS);
    }
    for info in packs.regimes() {
        let versions: Vec<&str> = info.versions.iter().map(|version| version.id).collect();
        let grade = match worst(&info) {
            Grade::Verified => "verified",
            Grade::Secondary => "secondary",
            Grade::Memory => "memory",
        };
        let reviewer = info.reviewer.unwrap_or("–");
        output::line(&format!("{:<6} {:<20} {}", info.jurisdiction, info.id, info.title.get(lang.into())));
        output::line(&format!("{:27} {} | grade {grade} | reviewer {reviewer}", "", versions.join(", ")));
    }
    Ok(ExitCode::SUCCESS)
}

/// The worst grade among the texts of a pack.
fn worst(info: &RegimeInfo<'_>) -> Grade {
    info.sources.values().map(|source| source.verification).max().unwrap_or(Grade::Memory)
}
