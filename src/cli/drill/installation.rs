//! The throw-away installation of a drill.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;

use crate::app::App;
use crate::cli::example::toml_text;
use crate::cli::{Failure, output};
use crate::clock::Clock;
use crate::config::{self, Config, Sources};
use crate::drill::{DrillClock, Folder};
use crate::entropy::Entropy;

/// Opens the installation of a drill on its clock.
pub async fn open(path: &Path) -> Result<(Folder, Arc<App>), Failure> {
    let folder = Folder::open(path)?;
    let clock = Arc::new(DrillClock::new(folder.clone())?);
    let app = open_with(&folder, clock).await?;
    Ok((folder, app))
}

/// Opens it on a clock.
pub async fn open_with(folder: &Folder, clock: Arc<dyn Clock>) -> Result<Arc<App>, Failure> {
    let config = configuration(folder)?;
    output::start_logging(&config.log);
    Ok(App::open(config, clock, Entropy::from_os()).await?)
}

/// The drill's own configuration and nothing around it: a suimon.toml or a variable of the place where the drill is held must not lead
/// it to a real database or a mail server.
fn configuration(folder: &Folder) -> Result<Config, Failure> {
    let (file, text) = (folder.join("suimon.toml"), written(folder));
    if file.exists() {
        let found =
            std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        if found != text {
            return Err(Failure::usage(format!(
                "{} is not what the drill wrote: a drill runs with its own database and sends nothing; remove the file, and it is \
                 written anew",
                file.display()
            )));
        }
    } else {
        std::fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
    }
    let sources = Sources { file: Some(file), ..Sources::default() };
    config::load(&sources).map_err(|problems| Failure::usage(problems.to_string()))
}

/// What other commands may be given by `--config`, too.
fn written(folder: &Folder) -> String {
    let place = |name: &str| folder.join(name).display().to_string();
    let (database, key) = (format!("sqlite://{}", place("suimon.db")), place("kek.key"));
    let sources = format!("edge={}, origin={}", place("logs/edge"), place("logs/origin"));
    // Sessions and leases are measured by a clock that runs fast: they get all the time there is.
    format!(
        "# Written by suimon drill, which refuses to run with anything else. People and incident are made up.\n\
         [drill]\nfolder = {}\n\n\
         [server]\ndevelopment = true\n\n\
         [database]\nurl = {}\n\n\
         [keys]\nprovider = \"file\"\nfile = {}\n\n\
         [mail]\ntransport = \"captured\"\nfrom_name = \"DRILL 訓練 Suimon\"\n\n\
         [exposure]\nlog_sources = {}\n\n\
         [identity]\nsession_idle_minutes = 1440\nsession_absolute_hours = 168\nreauthentication_minutes = 60\n\n\
         [outbox]\nlease_seconds = 3600\npoll_milliseconds = 250\n\n\
         [jobs]\nlease_seconds = 3600\npoll_milliseconds = 250\n\n\
         [audit]\ncheckpoint_minutes = 1440\n\n\
         [retention]\nevery_hours = 0\n\n\
         [log]\nfilter = \"warn,suimon::cli=info\"\n",
        toml_text(&folder.path().display().to_string()),
        toml_text(&database),
        toml_text(&key),
        toml_text(&sources),
    )
}
