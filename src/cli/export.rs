//! `suimon export`.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use edge::RouteTable;
use edge::export::{self, Bundle, Note, Options};

use super::caching::{Ruled, Stated};
use super::{Failure, output};
use crate::clock::{Clock, SystemClock};

/// Writes the caching rules of a system in the words of an edge that is already there.
#[derive(Args)]
pub struct Arguments {
    edge: Edge,
    /// Manifest files, or folders with *.yaml, *.yml and *.json.
    #[arg(long, required = true, value_name = "PATH")]
    manifests: Vec<PathBuf>,
    /// Name of the system's manifest; may be left out when there is one system.
    #[arg(long, value_name = "KEY")]
    system: Option<String>,
    /// The edge refuses answers whose person is not the viewer. Only in front of a guard that names the person of each answer:
    /// without one every personal page would be refused.
    #[arg(long)]
    identity_binding: bool,
    /// The folder for the files.
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    into: PathBuf,
    /// Replaces files that are there.
    #[arg(long)]
    replace: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Edge {
    Nginx,
    Varnish,
    Cloudfront,
    Cloudflare,
}

pub fn run(arguments: Arguments) -> Result<ExitCode, Failure> {
    let Arguments { edge, manifests, system, identity_binding, into, replace } = arguments;
    let files = Stated { paths: manifests, system }.read()?;
    let Ruled { rules, version, exceptions, until } = files.rules_at(SystemClock.now())?;
    let table = RouteTable::compile(rules).map_err(|faults| files.unfit(&faults))?;
    let options = Options { name: files.system.clone(), identity_binding };
    let export = match edge {
        Edge::Nginx => export::nginx,
        Edge::Varnish => export::varnish,
        Edge::Cloudfront => export::cloudfront,
        Edge::Cloudflare => export::cloudflare,
    };
    let Bundle { files: exported, notes } =
        export(&table, &options).map_err(|fault| files.unfit(&[fault]))?;
    fs::create_dir_all(&into)
        .map_err(|error| Failure::usage(format!("--into {}: cannot be created ({error})", into.display())))?;
    // Looked at first: all of them or none.
    for file in exported.iter().filter(|_| !replace) {
        let path = into.join(&file.name);
        if path.exists() {
            return Err(Failure::usage(format!(
                "{}: is there already; --replace replaces it",
                path.display()
            )));
        }
    }
    for export::File { name, content } in &exported {
        let path = into.join(name);
        write(&path, content, replace)
            .map_err(|error| Failure::usage(format!("{}: cannot be written ({error})", path.display())))?;
        output::line(&path.display().to_string());
    }
    for Note { route, text } in notes {
        output::line(&format!(
            "note: {}{text}",
            route.map_or_else(String::new, |route| format!("{route}: "))
        ));
    }
    for exception in exceptions {
        output::line(&format!("note: the exception {exception} holds"));
    }
    output::line(&format!("version {version}"));
    if let Some(until) = until {
        output::line(&format!("note: the rules change at {until}; export them again then"));
    }
    Ok(ExitCode::SUCCESS)
}

fn write(path: &Path, content: &str, replace: bool) -> std::io::Result<()> {
    // Without `--replace` also when somebody was faster.
    let file = if replace { File::create(path) } else { File::create_new(path) };
    file?.write_all(content.as_bytes())
}
