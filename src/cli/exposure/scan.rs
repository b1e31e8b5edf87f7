//! `suimon exposure scan`.

use std::io::IsTerminal;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
<<<<<<< HEAD
use exposure::{Basis, Dialect, Limits, Scan, Template, WindowQuery, read_files};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
=======
use exposure::{Basis, Limits, Scan, WindowQuery};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use serde::Serialize;
use tokio::runtime::Handle;
>>>>>>> readers

use super::files::{cannot_read, collect};
use super::forms::Forms;
use super::source::Source;
use super::summary;
use super::written::write;
use crate::cli::{Failure, Format, output};
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
<<<<<<< HEAD
    /// What the logs are read as.
    #[arg(long, value_enum, default_value = "auto")]
    as_format: FormatWord,
    /// The form of a log of nginx: what stands in its `log_format`, without the quotes around it. Logs that begin neither as CloudFront's
    /// nor as the origin's are read so.
    #[arg(long, value_name = "TEMPLATE", conflicts_with = "apache_format")]
    nginx_format: Option<String>,
    /// The same of httpd's `LogFormat` and of `varnishncsa -F`.
    #[arg(long, value_name = "TEMPLATE")]
    apache_format: Option<String>,
    /// Threads: a large file is read by all of them, small ones each by one (default: the processors of this machine).
=======
    #[command(flatten)]
    forms: Forms,
    /// Files that are read at once (default: the processors of this machine).
>>>>>>> readers
    #[arg(long, value_name = "NUMBER")]
    threads: Option<NonZeroUsize>,
}

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    question: Question,
    /// How the result is printed.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Also write the result, as JSON, to this file.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub fn run(arguments: Arguments, handle: &Handle) -> Result<ExitCode, Failure> {
    let result = arguments.question.read(handle)?.finish();
    if let Some(path) = &arguments.out {
        write(path, &result)?;
    }
    match arguments.format {
        Format::Json => output::json(&result)?,
        Format::Text => output::print(&summary::text(&result)),
    }
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
        let work = Work { logs: &found.logs, format: self.forms.forced(), handle, bar: &bar };
        let scan = work.with(&scan, threads)?;
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
<<<<<<< HEAD
    let patterns: Vec<String> =
        systems.flat_map(|system| system.exposing_patterns()).map(str::to_owned).collect();
    if patterns.is_empty() {
=======
    // Who signs in is nobody known yet, and where nothing of a record is shown there is nothing to have seen.
    let routes = systems.flat_map(|system| {
        let signs_in = |route: &Route| {
            let named = system.sessions.iter().any(|sessions| sessions.sign_in.contains(&route.name));
            named && route.shows.is_empty()
        };
        system.routes_of(RouteClass::Personal).filter(move |route| !signs_in(route))
    });
    let personal: Vec<String> = routes.map(|route| route.pattern.clone()).collect();
    if personal.is_empty() {
>>>>>>> readers
        return Err(Failure::usage("the manifests declare no personal route; name the file of the System"));
    }
    let all = set.iter().filter_map(|manifest| manifest.as_system()).flat_map(|system| &system.routes);
    let names = all.map(|route| (route.name.clone(), route.pattern.clone())).collect();
    Ok(Declared { personal, names })
}

<<<<<<< HEAD
/// Reads the logs on several threads; neither their order nor the threads matter to the result.
fn scan_all(
    query: &WindowQuery,
    template: Option<&Template>,
    logs: &[LogFile],
    format: Option<exposure::Format>,
    threads: NonZeroUsize,
    bar: &ProgressBar,
) -> Result<Scan, Failure> {
    let mut scan = Scan::new(query.clone()).map_err(|error| Failure::usage(error.to_string()))?;
    if let Some(template) = template {
        scan = scan.with_template(template.clone());
    }
    let sizes: Vec<u64> = logs.iter().map(|log| log.size).collect();
    read_files(&scan, threads, &sizes, |number| {
        // The numbers are those of the sizes.
        let log = logs.get(number).ok_or_else(|| Failure::usage("no such log"))?;
        let file = File::open(&log.path).map_err(|error| cannot_read(&log.path, &error))?;
        Ok((log.name.clone(), format, Counted { file, bar }))
    })
}

/// Counts the bytes that are read, for the progress bar.
struct Counted<'b> {
    file: File,
    bar: &'b ProgressBar,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let got = self.file.read(buffer)?;
        self.bar.inc(got as u64);
        Ok(got)
=======
/// The logs that are read on several threads; the order does not matter to the result.
struct Work<'w> {
    logs: &'w [Source],
    format: Option<exposure::Format>,
    handle: &'w Handle,
    bar: &'w ProgressBar,
}

impl Work<'_> {
    /// Reads them all, each thread into a scan as `empty`.
    fn with(&self, empty: &Scan, threads: usize) -> Result<Scan, Failure> {
        let next = AtomicUsize::new(0);
        let work = || -> Result<Scan, Failure> {
            let mut scan = empty.clone();
            while let Some(log) = self.logs.get(next.fetch_add(1, Ordering::Relaxed)) {
                log.read(&mut scan, self.format, self.handle, self.bar)?;
            }
            Ok(scan)
        };
        let scans: Vec<_> = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(work)).collect();
            workers
                .into_iter()
                .map(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .collect()
        });
        let mut all: Option<Scan> = None;
        for scan in scans {
            let scan = scan?;
            all = Some(match all {
                None => scan,
                Some(all) => all.merge(scan).map_err(anyhow::Error::new)?,
            });
        }
        all.ok_or_else(|| Failure::usage("no logs"))
>>>>>>> readers
    }
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
