//! `suimon exposure scan`.

use std::io::IsTerminal;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use exposure::{Basis, Limits, Scan, WindowQuery, read_files};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use tokio::runtime::Handle;

use super::files::{cannot_read, collect};
use super::forms::Forms;
use super::printed::Printed;
use super::summary;
use crate::cli::{Failure, output};
use crate::logs::Source;
use crate::requirements::manifest::parse_files;

/// What puts a person on the list.
#[derive(Clone, Copy, ValueEnum)]
enum BasisWord {
    /// A login inside the window.
    Logins,
    /// A login, or a request for a personal route.
    LoginsAndPersonalRequests,
}

#[derive(Args)]
pub struct Question {
    /// Logs: files, folders, quoted patterns such as 'logs/*.gz', `-` for standard input, and objects, prefixes and patterns of stores
    /// (s3://BUCKET/PREFIX, gs://, az://; keys and endpoint from the environment) or files of a web server (https://). Plain, gzip, zstd or Parquet.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Start of the window: an instant with an offset, such as 2023-10-26T11:00:00+09:00.
    #[arg(long, value_name = "INSTANT")]
    from: Timestamp,
    /// End of the window.
    #[arg(long, value_name = "INSTANT")]
    to: Timestamp,
    /// Widens the start by so many seconds.
    #[arg(long, default_value_t = 0, value_name = "SECONDS")]
    margin_before: u32,
    /// Widens the end by so many seconds.
    #[arg(long, default_value_t = 0, value_name = "SECONDS")]
    margin_after: u32,
    /// What puts a person on the list.
    #[arg(long, value_enum, default_value = "logins-and-personal-requests")]
    basis: BasisWord,
    /// Count logins that failed, too.
    #[arg(long)]
    include_failed: bool,
    /// A route that carries personal data, such as '/mypage/**'. May be repeated.
    #[arg(long, value_name = "PATTERN")]
    personal: Vec<String>,
    /// Take the personal routes of the System in these manifests. Paths that it does not declare do not count: name them with
    /// --personal.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    manifest: Vec<PathBuf>,
    /// Name of the session cookie, when the edge logs cookies.
    #[arg(long, value_name = "NAME")]
    session_cookie: Option<String>,
    #[command(flatten)]
    forms: Forms,
    /// Threads: a large log is read by all of them, small ones each by one (default: the processors of this machine).
    #[arg(long, value_name = "NUMBER")]
    threads: Option<NonZeroUsize>,
}

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    question: Question,
    #[command(flatten)]
    printed: Printed,
}

pub fn run(arguments: Arguments, handle: &Handle) -> Result<ExitCode, Failure> {
    let result = arguments.question.read(handle)?.finish();
    arguments.printed.print(&result, &result, None)?;
    Ok(if summary::is_sound(&result) { ExitCode::SUCCESS } else { ExitCode::from(3) })
}

impl Question {
    /// Reads the logs. Must not run on a thread that drives the runtime.
    pub fn read(&self, handle: &Handle) -> Result<Scan, Failure> {
        // Before any file is opened: a wrong question is told at once.
        let scan = self.scan()?;
        let found = collect(&self.files, handle)?;
        for name in &found.left_out {
            output::complain(&format!("left out: {name}"));
        }
        let threads = self.threads.or_else(|| std::thread::available_parallelism().ok());
        let threads = threads.unwrap_or(NonZeroUsize::MIN);
        let bar = progress(found.logs.iter().map(|log| log.size).sum());
        let sizes: Vec<u64> = found.logs.iter().map(Source::weight).collect();
        let format = self.forms.forced();
        let scan =
            read_files(&scan, threads, &sizes, |scan, number, threads| match found.logs.get(number) {
                Some(log) => {
                    let counter = |bytes| bar.inc(bytes);
                    let read = log.read((scan, threads), format, handle, &counter);
                    read.map(|_| ()).map_err(|problem| Failure::usage(problem.of(&log.name)))
                }
                // The numbers are those of the sizes.
                None => Err(Failure::usage("no such log")),
            })?;
        bar.finish_and_clear();
        Ok(scan)
    }

    /// The question, and all that is said of the forms of logs.
    fn scan(&self) -> Result<Scan, Failure> {
        let declared = routes_of_manifests(&self.manifest)?;
        let mut personal_routes = self.personal.clone();
        personal_routes.extend(declared.personal);
        let query = WindowQuery {
            from: self.from,
            to: self.to,
            margin_before_seconds: self.margin_before,
            margin_after_seconds: self.margin_after,
            basis: match self.basis {
                BasisWord::Logins => Basis::Logins,
                BasisWord::LoginsAndPersonalRequests => Basis::LoginsAndPersonalRequests,
            },
            include_failed_logins: self.include_failed,
            personal_routes,
            session_cookie: self.session_cookie.clone(),
            limits: Limits::default(),
        };
        let scan = Scan::new(query).map_err(|error| Failure::usage(error.to_string()))?;
        self.forms.tell(scan.with_routes(declared.names))
    }
}

/// What manifests say of routes.
#[derive(Default)]
struct Declared {
    /// Patterns of those that show somebody's data.
    personal: Vec<String>,
    /// Patterns of all of them, by their names.
    names: Vec<(String, String)>,
}

fn routes_of_manifests(paths: &[PathBuf]) -> Result<Declared, Failure> {
    if paths.is_empty() {
        return Ok(Declared::default());
    }
    let mut files = Vec::new();
    for path in paths {
        let bytes = std::fs::read(path).map_err(|error| cannot_read(path, &error))?;
        files.push((path.display().to_string(), bytes));
    }
    let set = parse_files(files).map_err(|problems| {
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        Failure::usage(lines.join("\n"))
    })?;
    let systems = set.iter().filter_map(|manifest| manifest.as_system());
    let patterns = systems.flat_map(|system| system.exposing_patterns());
    let personal: Vec<String> = patterns.map(str::to_owned).collect();
    if personal.is_empty() {
        return Err(Failure::usage("the manifests declare no personal route; name the file of the System"));
    }
    let all = set.iter().filter_map(|manifest| manifest.as_system()).flat_map(|system| &system.routes);
    let names = all.map(|route| (route.name.clone(), route.pattern.clone())).collect();
    Ok(Declared { personal, names })
}

fn progress(bytes: u64) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:40} {bytes}/{total_bytes} {bytes_per_sec} {eta}");
    let bar = ProgressBar::new(bytes);
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
