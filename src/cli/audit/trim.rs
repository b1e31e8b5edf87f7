//! `suimon audit trim` and `suimon audit archives`.

use std::process::ExitCode;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::{Context, Failure, Format, Whose, output, tell};
use crate::audit::{self, Due};
use crate::privacy::{self, TrimPiece};

fn instant(text: &str) -> Result<Timestamp, Failure> {
    let day = || text.parse::<Date>().ok()?.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp());
    text.parse().ok().or_else(day).ok_or_else(|| {
        Failure::usage("--before: wants a day such as 2026-01-31, or an instant such as 2026-01-31T00:00:00Z")
    })
}

pub async fn run(
    context: &Context,
    whose: Whose,
    before: Option<String>,
    dry_run: bool,
) -> Result<ExitCode, Failure> {
    let before = before.as_deref().map(instant).transpose()?;
    let (op, tenant) = whose.open(context).await?;
    let scope = privacy::permit_trim(&op, tenant).await?;
    let limit = privacy::trim_limit(&scope, before).await?;
    if let Some(held) = limit.held {
        output::line(&format!("held: an open incident reaches back to {held}; what is younger stays"));
    }
    if dry_run {
        let line = match audit::due(&scope, tenant, limit.before).await? {
            Due::Nothing => "nothing may go".to_owned(),
            Due::Rest(_) => "an earlier trim is not done; the next one goes on with it".to_owned(),
            Due::Entries(trim) => {
                let (from, to) = trim.range();
                format!("entries {from} to {to} would go")
            }
            Due::Damaged(report) => {
                tell(&report.faults);
                output::line("THE AUDIT LOG IS DAMAGED; what is damaged is not trimmed");
                return Ok(ExitCode::from(3));
            }
        };
        output::line(&line);
        return Ok(ExitCode::SUCCESS);
    }
    loop {
        let piece = privacy::prepare_trim(&scope, tenant, limit).await?;
        match &piece {
            TrimPiece::Nothing => {
                output::line("nothing more may go");
                return Ok(ExitCode::SUCCESS);
            }
            TrimPiece::Damaged(report) => {
                tell(&report.faults);
                output::line("THE AUDIT LOG IS DAMAGED; what is damaged is not trimmed");
                return Ok(ExitCode::from(3));
            }
            TrimPiece::Unwritable(why) => {
                let text = format!("the archive cannot be written, and nothing was taken away: {why}");
                return Err(anyhow::anyhow!(text).into());
            }
            TrimPiece::Archived(..) | TrimPiece::Rest(_) => {}
        }
        let tx = scope.begin().await?;
        if let Some(event) = piece.remove(&tx).await? {
            tx.commit(event).await?;
        }
        if let TrimPiece::Archived(trim, _) = &piece {
            let (file, to) = trim.file();
            output::line(&format!("entries {} to {to} are in {file}", trim.range().0));
        }
    }
}

pub async fn archives(context: &Context, whose: Whose, format: Format) -> Result<(), Failure> {
    let (op, tenant) = whose.open(context).await?;
    let archives = audit::archives(&op, tenant).await?;
    if format == Format::Json {
        return output::json(&archives);
    }
    for archive in archives {
        output::line(&format!(
            "{}  entries {} to {}, until {}",
            archive.file, archive.from, archive.to, archive.latest
        ));
    }
    Ok(())
}
