//! `suimon exposure scan`.

use std::fs::File;
use std::io::{IsTerminal, Read};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use exposure::{Basis, Dialect, Limits, Scan, Template, WindowQuery, read_files};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;

use super::files::{LogFile, cannot_read, collect};
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

/// What a log is read as.
#[derive(Clone, Copy, ValueEnum)]
enum FormatWord {
    /// Found out from its first lines.
    Auto,
    /// CloudFront standard log.
    Cloudfront,
    /// The origin's access and login log, JSON Lines.
    Origin,
    /// The form of --nginx-format or --apache-format.
    Template,
}

#[derive(Args)]
pub struct Question {
    /// Logs, and folders of logs; plain or gzip.
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

pub fn run(arguments: Arguments) -> Result<ExitCode, Failure> {
    let result = arguments.question.read()?.finish();
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
    /// Reads the logs.
    pub fn read(&self) -> Result<Scan, Failure> {
        let query = query(self)?;
        let template = self.template()?;
        let found = collect(&self.files)?;
        for name in &found.left_out {
            output::complain(&format!("left out: {name}"));
        }
        let format = match self.as_format {
            FormatWord::Auto => None,
            FormatWord::Cloudfront => Some(exposure::Format::CloudfrontStandard),
            FormatWord::Origin => Some(exposure::Format::OriginJsonLines),
            FormatWord::Template => Some(exposure::Format::Template),
        };
        let threads = self.threads.or_else(|| std::thread::available_parallelism().ok());
        let threads = threads.unwrap_or(NonZeroUsize::MIN);
        let bar = progress(found.logs.iter().map(|log| log.size).sum());
        let scan = scan_all(&query, template.as_ref(), &found.logs, format, threads, &bar)?;
        bar.finish_and_clear();
        Ok(scan)
    }

    fn template(&self) -> Result<Option<Template>, Failure> {
        let (text, dialect, option) = match (&self.nginx_format, &self.apache_format) {
            (Some(text), _) => (text, Dialect::Nginx, "--nginx-format"),
            (None, Some(text)) => (text, Dialect::Apache, "--apache-format"),
            (None, None) if matches!(self.as_format, FormatWord::Template) => {
                return Err(Failure::usage(
                    "--as-format template: give --nginx-format or --apache-format, too",
                ));
            }
            (None, None) => return Ok(None),
        };
        let read = Template::parse(text, dialect);
        read.map(Some).map_err(|error| Failure::usage(format!("{option}: {error}")))
    }
}

fn query(arguments: &Question) -> Result<WindowQuery, Failure> {
    let mut personal_routes = arguments.personal.clone();
    if !arguments.manifest.is_empty() {
        personal_routes.extend(routes_of_manifests(&arguments.manifest)?);
    }
    let query = WindowQuery {
        from: arguments.from,
        to: arguments.to,
        margin_before_seconds: arguments.margin_before,
        margin_after_seconds: arguments.margin_after,
        basis: match arguments.basis {
            BasisWord::Logins => Basis::Logins,
            BasisWord::LoginsAndPersonalRequests => Basis::LoginsAndPersonalRequests,
        },
        include_failed_logins: arguments.include_failed,
        personal_routes,
        session_cookie: arguments.session_cookie.clone(),
        limits: Limits::default(),
    };
    // Before any file is opened: a wrong question is told at once.
    Scan::new(query.clone()).map_err(|error| Failure::usage(error.to_string()))?;
    Ok(query)
}

fn routes_of_manifests(paths: &[PathBuf]) -> Result<Vec<String>, Failure> {
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
    let patterns: Vec<String> =
        systems.flat_map(|system| system.exposing_patterns()).map(str::to_owned).collect();
    if patterns.is_empty() {
        return Err(Failure::usage("the manifests declare no personal route; name the file of the System"));
    }
    Ok(patterns)
}

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
