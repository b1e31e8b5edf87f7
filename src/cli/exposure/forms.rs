//! What the caller says of the forms of logs.

use std::path::PathBuf;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use exposure::{Format, Known, Scan};

use super::files::cannot_read;
use crate::cli::Failure;
use crate::logs;

/// Bytes of a mapping, or of a list of people.
const MOST: u64 = 256 << 20;

#[derive(Args)]
pub struct Forms {
    /// What the logs are read as; `auto` finds it out from the first lines of each.
    #[arg(long = "as", alias = "as-format", default_value = "auto", value_name = "FORMAT", value_parser = formats())]
    as_format: String,
    /// The form of a log of nginx: what stands in its `log_format`, without the quotes around it. Logs that are of no other known form
    /// are read so.
    #[arg(long, value_name = "TEMPLATE", group = "template")]
    nginx_format: Option<String>,
    /// The same of httpd's `LogFormat` and of `varnishncsa -F`.
    #[arg(long, value_name = "TEMPLATE", group = "template")]
    apache_format: Option<String>,
    /// The same of Squid's `logformat`. Its native format needs none.
    #[arg(long, value_name = "TEMPLATE", group = "template")]
    squid_format: Option<String>,
    /// The same of a format of Traffic Server. What it calls squid needs none.
    #[arg(long, value_name = "TEMPLATE", group = "template")]
    trafficserver_format: Option<String>,
    /// The same of HAProxy's `log-format`. `option httplog` needs none.
    #[arg(long, value_name = "TEMPLATE", group = "template")]
    haproxy_format: Option<String>,
    /// Names of the fields of a CloudFront log that has none itself, in their order: those chosen for a real-time log, or for a standard
    /// log of version 2 that is plain or raw.
    #[arg(long, value_name = "NAMES")]
    fields: Option<String>,
    /// What a name of a JSON log means: FIELD=NAME, such as end=ts or id=headers.x_request_id. FIELD is time, start, end, duration_s, duration_ms,
    /// duration_us, duration_ns, request, method, url, path, query, host, status, content_length, id, cookie, session, cache, location, machine,
    /// address, program or at_edge. May be repeated.
    #[arg(long, value_name = "FIELD=NAME")]
    json_field: Vec<String>,
    /// The same, one a line, in a file.
    #[arg(long, value_name = "FILE")]
    json_fields: Option<PathBuf>,
    /// Where the clock stood that wrote times without an offset (HAProxy's), such as +09:00.
    #[arg(long, value_name = "OFFSET", value_parser = offset, allow_hyphen_values = true)]
    utc_offset: Option<String>,
    /// Who stands behind the pseudonyms of a guard's log: CSV with the columns pseudonym, person, and if known kind and tenant.
    #[arg(long, value_name = "FILE")]
    people: Option<PathBuf>,
}

fn formats() -> impl TypedValueParser<Value = String> {
    let names = Format::NAMES.iter().map(|(name, _)| *name);
    PossibleValuesParser::new(["auto"].into_iter().chain(names))
}

fn offset(text: &str) -> Result<String, String> {
    logs::offset(text).map(|_| text.to_owned())
}

impl Forms {
    /// The format that is forced.
    pub fn forced(&self) -> Option<Format> {
        Format::parse(&self.as_format).ok()
    }

    /// Tells the scan.
    ///
    /// # Errors
    /// A template, a mapping or a list of people cannot be used.
    pub fn tell(&self, mut scan: Scan) -> Result<Scan, Failure> {
        let file = self.json_fields.as_ref().map(|path| read(path)).transpose()?.unwrap_or_default();
        let lines = file.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let forms = logs::Forms {
            nginx: self.nginx_format.as_deref().unwrap_or_default(),
            apache: self.apache_format.as_deref().unwrap_or_default(),
            squid: self.squid_format.as_deref().unwrap_or_default(),
            trafficserver: self.trafficserver_format.as_deref().unwrap_or_default(),
            haproxy: self.haproxy_format.as_deref().unwrap_or_default(),
            fields: self.fields.as_deref().unwrap_or_default(),
            json_fields: self.json_field.iter().map(String::as_str).chain(lines).collect(),
            utc_offset: self.utc_offset.as_deref().unwrap_or_default(),
        };
        if self.forced() == Some(Format::Template) && !forms.has_template() {
            return Err(Failure::usage(
                "--as template: give --nginx-format, --apache-format, --squid-format, --trafficserver-format or --haproxy-format, too",
            ));
        }
        scan = forms.tell(scan).map_err(|(name, problem)| {
            let option = if name == "json_fields" { "json-field".to_owned() } else { name.replace('_', "-") };
            Failure::usage(format!("--{option}: {problem}"))
        })?;
        if let Some(path) = &self.people {
            scan = scan.with_people(people(path)?);
        }
        Ok(scan)
    }
}

fn read(path: &std::path::Path) -> Result<String, Failure> {
    let about = std::fs::metadata(path).map_err(|error| cannot_read(path, &error))?;
    if about.len() > MOST {
        return Err(Failure::usage(format!("{} is larger than 256 MiB", path.display())));
    }
    std::fs::read_to_string(path).map_err(|error| cannot_read(path, &error))
}

/// Places and reasons, never a line: who stands behind a pseudonym is what the file keeps.
fn people(path: &std::path::Path) -> Result<Vec<(String, Known)>, Failure> {
    let text = read(path)?;
    let wrong = |why: String| Failure::usage(format!("{}: {why}", path.display()));
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    let names = reader.headers().map_err(|_| wrong("the first line is not CSV".to_owned()))?.clone();
    let column = |name: &str| names.iter().position(|known| known.trim() == name);
    let (Some(pseudonym), Some(person)) = (column("pseudonym"), column("person")) else {
        return Err(wrong(
            "the first line names no pseudonym or no person; write pseudonym,person,kind,tenant".to_owned(),
        ));
    };
    let (kind, tenant) = (column("kind"), column("tenant"));
    let mut people = Vec::new();
    for (number, record) in reader.records().enumerate() {
        let record = record.map_err(|_| wrong(format!("line {} is not CSV", number + 2)))?;
        let of = |column: Option<usize>| {
            column.and_then(|at| record.get(at)).unwrap_or_default().trim().to_owned()
        };
        let known = Known { person: of(Some(person)), kind: of(kind), tenant: of(tenant) };
        let is_id = |text: &String| text.len() <= 256 && !text.chars().any(char::is_control);
        if of(Some(pseudonym)).is_empty() || known.person.is_empty() {
            return Err(wrong(format!("line {} lacks a pseudonym or a person", number + 2)));
        }
        if ![&known.person, &known.kind, &known.tenant].into_iter().all(is_id) {
            return Err(wrong(format!(
                "line {}: an id is longer than 256 bytes or has control characters",
                number + 2
            )));
        }
        people.push((of(Some(pseudonym)), known));
    }
    Ok(people)
}
