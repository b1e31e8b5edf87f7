//! `suimon audit`.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;

use super::assess::Language;
use super::{Context, Failure, Format, output};
use crate::access::{self, Op, permission_table};
use crate::audit::{self, ChainFault, Checkpoint, FaultKind, Verifier};
use crate::reports;

mod copies;
mod trim;

/// Verifies, exports and seals the audit log; prints the table of permissions.
#[derive(Subcommand)]
pub enum Command {
    /// Proves that no entry was changed, removed or swapped. Exit code 3 when one was.
    Verify {
        /// A copy that `suimon audit export` wrote, or an archive, instead of the database: needs neither configuration nor keys.
        /// Archives and what remains are given one after the other, the oldest first.
        #[arg(long, value_name = "FILE", conflicts_with = "proof")]
        copy: Vec<PathBuf>,
        /// The proof of one entry or of two checkpoints, instead of the database. Wants --key.
        #[arg(long, value_name = "FILE", requires = "key")]
        proof: Option<PathBuf>,
        /// A checkpoint that was kept elsewhere: proves that nothing of what it sealed was rewritten or cut off since. Several
        /// may be given for the database. With --copy it wants --key.
        #[arg(long, value_name = "FILE")]
        checkpoint: Vec<PathBuf>,
        /// The public key, as `suimon audit key` prints it.
        #[arg(long, value_name = "KEY")]
        key: Option<String>,
        #[arg(long, value_enum, default_value = "text")]
        format: Format,
    },
    /// Writes the chain of a tenant as JSON Lines, and prints number and hash of its last entry.
    Export {
        #[command(flatten)]
        whose: Whose,
        /// The file; it must not exist yet.
        #[arg(long, value_name = "FILE")]
        output: PathBuf,
    },
    /// Verifies the chain of a tenant and prints a signed checkpoint of it. Keep it elsewhere.
    Checkpoint {
        #[command(flatten)]
        whose: Whose,
    },
    /// Prints the public key that verifies the checkpoints of a tenant. Hand it out once, before it is needed.
    Key {
        #[command(flatten)]
        whose: Whose,
    },
    /// Prints the checkpoints that the service has made by itself, the newest first.
    Checkpoints {
        #[command(flatten)]
        whose: Whose,
        /// At most so many.
        #[arg(long, value_name = "NUMBER", default_value = "1")]
        last: u64,
    },
    /// Prints the proof of one entry (--checkpoint, --entry), or that one checkpoint continues another (--from, --to), made
    /// from a copy: needs neither configuration nor keys.
    Prove {
        /// Archives and what remains are given one after the other, the oldest first.
        #[arg(long, value_name = "FILE", required = true)]
        copy: Vec<PathBuf>,
        #[arg(long, value_name = "FILE", requires = "entry", required_unless_present = "from")]
        checkpoint: Option<PathBuf>,
        /// Number of the entry.
        #[arg(long, value_name = "NUMBER", requires = "checkpoint")]
        entry: Option<i64>,
        /// The older checkpoint.
        #[arg(long, value_name = "FILE", requires = "to", conflicts_with = "checkpoint")]
        from: Option<PathBuf>,
        /// The newer checkpoint.
        #[arg(long, value_name = "FILE", requires = "from", conflicts_with = "checkpoint")]
        to: Option<PathBuf>,
    },
    /// Lets old entries of a tenant's chain go: into an archive that proves itself, and then out of the database.
    Trim {
        #[command(flatten)]
        whose: Whose,
        /// Entries before this day (UTC) or instant; all that audit.keep_days lets go when not given.
        #[arg(long, value_name = "DATE")]
        before: Option<String>,
        /// Only shows what would go.
        #[arg(long)]
        dry_run: bool,
    },
    /// Prints where the older entries of a tenant lie, the newest archive first.
    Archives {
        #[command(flatten)]
        whose: Whose,
        #[arg(long, value_enum, default_value = "text")]
        format: Format,
    },
    /// Prints who may do what, generated from the policy engine's own answers (権限一覧表): of the role templates, or with --as of
    /// one tenant and one system as they are now.
    Permissions {
        /// Short name of the tenant; the operator when not given.
        #[arg(long, value_name = "SLUG", requires = "login")]
        tenant: Option<String>,
        #[arg(long, value_name = "NAME", requires = "login")]
        system: Option<String>,
        /// Somebody who may read the policy.
        #[arg(long = "as", value_name = "LOGIN", requires = "system")]
        login: Option<String>,
        #[arg(long, value_enum, default_value = "markdown")]
        format: TableFormat,
        #[arg(long, value_enum, default_value = "ja")]
        language: Language,
    },
}

/// Form of the table of permissions.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub enum TableFormat {
    Csv,
    Html,
    Markdown,
}

impl From<TableFormat> for reports::TableFormat {
    fn from(format: TableFormat) -> Self {
        match format {
            TableFormat::Csv => Self::Csv,
            TableFormat::Html => Self::Html,
            TableFormat::Markdown => Self::Markdown,
        }
    }
}

/// Whose log, and who asks.
#[derive(clap::Args)]
pub struct Whose {
    /// Short name of the tenant; the operator's own log when not given.
    #[arg(long, value_name = "SLUG")]
    tenant: Option<String>,
    /// The auditor.
    #[arg(long = "as", value_name = "LOGIN")]
    login: String,
}

impl Whose {
    async fn open(self, context: &Context) -> Result<(Op, uuid::Uuid), Failure> {
        let app = context.open().await?;
        let op = access::act_locally(&app, &self.login).await?;
        let tenant = match self.tenant {
            Some(slug) => access::tenant_by_slug(&op, &slug).await?.id,
            None => app.root()?,
        };
        Ok((op, tenant))
    }
}

pub async fn run(context: &Context, command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Verify { copy, checkpoint, key, format, .. } if !copy.is_empty() => {
            return copies::verify(&copy, &checkpoint, key, format);
        }
        Command::Verify { proof: Some(file), key: Some(key), format, .. } => {
            return copies::verify_proof(&file, &key, format);
        }
        Command::Verify { checkpoint, format, .. } => return verify(context, &checkpoint, format).await,
        Command::Export { whose, output } => export(context, whose, &output).await?,
        Command::Checkpoint { whose } => {
            let (op, tenant) = whose.open(context).await?;
            output::print(&audit::checkpoint(&op, tenant).await?);
        }
        Command::Key { whose } => {
            let (op, tenant) = whose.open(context).await?;
            output::line(&audit::checkpoint_key(op.app(), tenant).to_string());
        }
        Command::Checkpoints { whose, last } => {
            let (op, tenant) = whose.open(context).await?;
            for checkpoint in audit::checkpoints(&op, tenant, None, last.min(1000)).await? {
                output::print(&checkpoint.note);
            }
        }
        Command::Prove { copy, checkpoint: Some(note), entry: Some(entry), .. } => {
            let proof = audit::prove(copies::reader(&copy)?, &text("--checkpoint", &note)?, entry);
            output::json(&proof.map_err(|error| Failure::usage(error.to_string()))?)?;
        }
        Command::Prove { copy, from: Some(from), to: Some(to), .. } => {
            let (from, to) = (text("--from", &from)?, text("--to", &to)?);
            let proof = audit::prove_consistency(copies::reader(&copy)?, &from, &to);
            output::json(&proof.map_err(|error| Failure::usage(error.to_string()))?)?;
        }
        Command::Prove { .. } => {
            return Err(Failure::usage("give --checkpoint and --entry, or --from and --to"));
        }
        Command::Trim { whose, before, dry_run } => return trim::run(context, whose, before, dry_run).await,
        Command::Archives { whose, format } => trim::archives(context, whose, format).await?,
        Command::Permissions { tenant, system: Some(system), login: Some(login), format, language } => {
            let (op, tenant) = Whose { tenant, login }.open(context).await?;
            let table =
                reports::permission_table(&op, tenant, &system, language.into(), format.into()).await?;
            output::print(&table);
        }
        Command::Permissions { .. } => output::print(&permission_table()?),
    }
    Ok(ExitCode::SUCCESS)
}

fn wrong(option: &str, file: &Path, error: &dyn std::fmt::Display) -> Failure {
    Failure::usage(format!("{option}: {}: {error}", file.display()))
}

fn text(option: &str, file: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(file).map_err(|error| wrong(option, file, &error))
}

fn key(key: &str) -> Result<Verifier, Failure> {
    key.parse().map_err(|error| Failure::usage(format!("--key: {error}")))
}

async fn verify(context: &Context, checkpoints: &[PathBuf], format: Format) -> Result<ExitCode, Failure> {
    let app = context.open().await?;
    let mut sealed = Vec::new();
    for file in checkpoints {
        let note = text("--checkpoint", file)?;
        let checkpoint = audit::own_checkpoint(&app, &note);
        sealed.push(checkpoint.map_err(|error| wrong("--checkpoint", file, &error))?);
    }
    let reports = audit::verify_all(&app, &sealed).await?;
    let sound = reports.iter().all(|report| report.faults.is_empty());
    // What lies in an archive cannot be compared here, and is not taken for proven.
    let archived = |checkpoint: &&Checkpoint| {
        reports.iter().any(|report| {
            checkpoint.origin.ends_with(&report.tenant.to_string())
                && i64::try_from(checkpoint.size).is_ok_and(|size| size < report.archived)
        })
    };
    let older: Vec<&Checkpoint> = sealed.iter().filter(archived).collect();
    if format == Format::Json {
        output::json(&reports)?;
    } else {
        for report in &reports {
            let before = match report.archived {
                0 => String::new(),
                archived => format!(", {archived} before them in archives"),
            };
            output::line(&format!("{}  {} entries{before}", report.tenant, report.entries));
            tell(&report.faults);
        }
        output::line(if sound { "the audit log is sound" } else { "THE AUDIT LOG IS DAMAGED" });
    }
    for checkpoint in &older {
        output::complain(&format!(
            "--checkpoint: the {} entries that it seals ({}) lie in archives (`suimon audit archives`) and were NOT COMPARED; \
             give them with --copy",
            checkpoint.size, checkpoint.origin
        ));
    }
    Ok(exit_code(sound && older.is_empty()))
}

fn exit_code(sound: bool) -> ExitCode {
    if sound { ExitCode::SUCCESS } else { ExitCode::from(3) }
}

fn tell(faults: &[ChainFault]) {
    for fault in faults {
        let words = match fault.kind {
            FaultKind::Changed => "was changed",
            FaultKind::Missing => "does not follow: entries before it are missing",
            FaultKind::Broken => "does not continue the entry before it: swapped or replaced",
            FaultKind::WrongEnd => "is not the end that the head names: entries were cut off or added",
            FaultKind::NotAsSealed => "and those before it are not what the checkpoint sealed: rewritten",
            FaultKind::ShorterThanSealed => {
                "is the end, but the checkpoint sealed more: entries were cut off"
            }
            FaultKind::ForgedHead => "head was not written with this key",
            FaultKind::ForgedCheckpoint => "chain has a checkpoint that this service did not sign",
            FaultKind::ForgedBeginning => {
                "is not where this service made the chain begin: entries were removed and a trim pretended"
            }
            FaultKind::Unlisted => {
                "is about several people and is not found by each of them: rows beside it were removed"
            }
        };
        output::line(&format!("  entry {} {words}", fault.seq));
    }
}

async fn export(context: &Context, whose: Whose, file: &Path) -> Result<(), Failure> {
    let (op, tenant) = whose.open(context).await?;
    // An older copy may be the only proof of what was cut off since: it is not overwritten.
    let mut options = File::options();
    options.write(true).create_new(true);
    // It tells who asked for whom and why: for its owner only, like the database.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let out = options
        .open(file)
        .map_err(|error| Failure::usage(format!("--output: cannot create {} ({error})", file.display())))?;
    let end = match audit::export(&op, tenant, &mut BufWriter::new(out)).await {
        Ok(end) => end,
        Err(error) => {
            // What is half a copy is none. That it cannot be removed is told by the file itself.
            let _ = std::fs::remove_file(file);
            return Err(error.into());
        }
    };
    output::line(&format!("{}  {} entries, the last one has the hash {}", end.tenant, end.seq, end.hash));
    Ok(())
}
