//! How a result of `scan` and `reconstruct` is printed.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use exposure::{Class, Exposure, Reconstruction, WindowResult};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::written::write;
use super::{classes, summary};
use crate::cli::assess::Language;
use crate::cli::{Failure, output};
use crate::reports::{exposure_page, spreadsheet_cell};

#[derive(Clone, Copy, ValueEnum)]
enum Form {
    /// For people: counts only.
    Text,
    /// Everything.
    Json,
    /// A line for each person in each tenant.
    Csv,
    /// A page that needs nothing else: what may be said, and everybody with the log lines that say so.
    Html,
}

#[derive(Args)]
pub struct Printed {
    /// How the result is printed.
    #[arg(long, value_enum, default_value = "text")]
    format: Form,
    /// Language of the page, and of what may be said.
    #[arg(long, value_enum, default_value = "en")]
    lang: Language,
    /// Time zone of the page, and of what may be said.
    #[arg(long, default_value = "Asia/Tokyo", value_parser = zone)]
    zone: String,
    /// Also write the result, as JSON, to this file.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

fn zone(name: &str) -> Result<String, String> {
    match TimeZone::get(name) {
        Ok(_) => Ok(name.to_owned()),
        Err(_) => Err("is no time zone; write it as Asia/Tokyo or UTC".to_owned()),
    }
}

impl Printed {
    /// Prints a result, whose JSON is `whole`.
    pub fn print(
        &self,
        whole: &impl Serialize,
        window: &WindowResult,
        reconstruction: Option<&Reconstruction>,
    ) -> Result<(), Failure> {
        if let Some(path) = &self.out {
            write(path, whole)?;
        }
        match self.format {
            Form::Json => output::json(whole)?,
            Form::Csv => output::print(&match reconstruction {
                Some(reconstruction) => csv_of_reconstruction(reconstruction)?,
                None => csv_of_window(window)?,
            }),
            Form::Html => {
                let page = exposure_page(window, reconstruction, self.lang.into(), &self.zone)?;
                output::print(&page);
            }
            Form::Text => {
                output::print(&summary::text(window));
                if let Some(reconstruction) = reconstruction {
                    output::print(&classes::text(reconstruction));
                }
            }
        }
        Ok(())
    }
}

fn csv_of_window(window: &WindowResult) -> Result<String, Failure> {
    let head =
        ["person", "kind", "tenant", "class", "requests", "logins", "first", "last", "routes", "lines"];
    let people = window.people.iter().flat_map(|person| person.tenants.iter().map(move |at| (person, at)));
    let rows = people.map(|(person, tenant)| {
        let lines: Vec<String> =
            tenant.evidence.iter().map(|line| format!("{}:{}", line.input, line.line)).collect();
        let class = match tenant.class {
            Class::Possible => "possible",
            Class::Indeterminate => "indeterminate",
        };
        [
            person.person.clone(),
            person.kind.clone().unwrap_or_default(),
            tenant.tenant.clone().unwrap_or_default(),
            class.to_owned(),
            tenant.requests.to_string(),
            tenant.logins.to_string(),
            instant(tenant.first),
            instant(tenant.last),
            tenant.routes.join(" "),
            lines.join(" "),
        ]
    });
    csv(head, rows)
}

fn csv_of_reconstruction(found: &Reconstruction) -> Result<String, Failure> {
    let head = [
        "person",
        "kind",
        "tenant",
        "exposure",
        "confirmed",
        "possible",
        "first",
        "last",
        "routes",
        "seen_by",
        "lines",
    ];
    let people = found.people.iter().flat_map(|person| person.tenants.iter().map(move |at| (person, at)));
    let rows = people.map(|(person, tenant)| {
        let exposing = tenant.answers.iter().filter(|answer| answer.says != Exposure::SelfOnly);
        let lines: Vec<String> = exposing.map(|answer| format!("{}:{}", answer.input, answer.line)).collect();
        [
            person.person.clone(),
            person.kind.clone().unwrap_or_default(),
            tenant.tenant.clone().unwrap_or_default(),
            classes::word(tenant.exposure).to_owned(),
            tenant.confirmed.to_string(),
            tenant.possible.to_string(),
            instant(tenant.first),
            instant(tenant.last),
            tenant.routes.join(" "),
            tenant.seen_by.join(" "),
            lines.join(" "),
        ]
    });
    csv(head, rows)
}

fn instant(at: Option<Timestamp>) -> String {
    at.map(|at| at.to_string()).unwrap_or_default()
}

fn csv<const N: usize>(head: [&str; N], rows: impl Iterator<Item = [String; N]>) -> Result<String, Failure> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(head).map_err(anyhow::Error::new)?;
    for row in rows {
        // Ids come from logs, which anybody can write into.
        writer.write_record(row.map(|cell| spreadsheet_cell(&cell))).map_err(anyhow::Error::new)?;
    }
    let bytes = writer.into_inner().map_err(|error| anyhow::anyhow!("{error}"))?;
    Ok(String::from_utf8(bytes).map_err(anyhow::Error::new)?)
}
