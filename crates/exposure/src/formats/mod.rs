//! The formats of logs, each in a file of its own, and which of them reads a line.

mod alb;
pub(crate) mod cloudfront;
mod detect;
mod edge_line;
mod format;
mod found;
mod guard;
mod haproxy;
mod instant;
mod json;
mod mapping;
mod origin;
mod origin_fast;
pub(crate) mod parquet;
mod said;
mod template;

use alb::Alb;
use cloudfront::Columns;
use haproxy::Httplog;
use json::Json;
use template::Templated;

pub(crate) use cloudfront::{Glance, NAMES_OF_PATH};
pub(crate) use edge_line::{EdgeLine, UNKNOWN, cookie_value, plain_id};
pub use format::{Format, UnknownFormat};
pub use guard::Known;
pub(crate) use guard::{GuardLine, Names};
pub use mapping::{Mapping, MappingError};
pub(crate) use origin::{OriginEvent, OriginLine};
pub use template::{Dialect, Template, TemplateError};

use crate::input::BadReason;

/// What a line tells.
#[derive(Debug)]
pub(crate) enum Event<'a> {
    Edge(EdgeLine<'a>),
    Origin(OriginLine<'a>),
    /// So many lines of the origin are lost.
    Lost(u64),
    /// A directive.
    Nothing,
}

/// What whoever asks says of the forms of logs.
#[derive(Debug, Clone, Default)]
pub(crate) struct Forms {
    pub(crate) template: Option<Template>,
    /// Names of fields of a CloudFront log that has none itself.
    pub(crate) fields: Option<String>,
    pub(crate) json: Option<Mapping>,
    /// Of times without an offset, in milliseconds.
    pub(crate) offset: Option<i64>,
    pub(crate) names: Names,
}

/// Reads the lines of one input.
#[derive(Debug, Clone)]
pub(crate) enum Reader {
    Cloudfront(Option<Columns>),
    Origin,
    Guard(Names),
    Json(Json),
    Template(Templated),
    Alb(Alb),
    Haproxy(Httplog),
}

impl Forms {
    /// Finds out what a line is.
    pub(crate) fn detect(&self, line: &[u8], session: Option<&str>) -> Option<Format> {
        detect::detect(line, self, session)
    }

    /// A reader; `None` where something is missing that the format needs, or a line is none.
    pub(crate) fn reader(&self, format: Format, session: Option<&str>) -> Option<Reader> {
        let json = |known| Reader::Json(Json::new(self.json.as_ref(), known, session, self.offset));
        let template = |template| Reader::Template(Templated::new(template, session, self.offset));
        let built_in = |text, dialect| Template::parse(text, dialect).ok().map(template);
        Some(match format {
            Format::CloudfrontStandard => {
                Reader::Cloudfront(self.fields.as_ref().map(|list| Columns::parse(list.as_bytes())))
            }
            Format::CloudfrontRealtime => Reader::Cloudfront(Some(match &self.fields {
                Some(list) => Columns::realtime_of(list.as_bytes()),
                None => Columns::realtime(),
            })),
            Format::OriginJsonLines => Reader::Origin,
            Format::Guard => Reader::Guard(self.names.clone()),
            Format::CloudfrontJson | Format::CloudfrontParquet => json(&mapping::CLOUDFRONT),
            Format::Cloudflare => json(&mapping::CLOUDFLARE),
            Format::Fastly => json(&mapping::FASTLY),
            Format::Json => json(&mapping::USUAL),
            Format::Template => template(self.template.clone()?),
            Format::Combined => template(Template::combined().ok()?),
            Format::Squid => built_in(template::SQUID, Dialect::Squid)?,
            Format::Trafficserver => built_in(template::TRAFFICSERVER, Dialect::TrafficServer)?,
            Format::Alb => Reader::Alb(Alb::default()),
            Format::Haproxy => Reader::Haproxy(Httplog::new(self.offset)),
        })
    }
}

impl Reader {
    /// Reads a line that is not empty.
    pub(crate) fn read<'a>(&'a mut self, line: &'a [u8]) -> Result<Event<'a>, BadReason> {
        match self {
            Self::Cloudfront(columns) => cloudfront(columns, line),
            Self::Origin => origin::read(line).map(Event::Origin),
            Self::Guard(names) => guard::read(line, names).map(|line| match line {
                GuardLine::Answer(line) => Event::Origin(line),
                GuardLine::Lost(records) => Event::Lost(records),
                GuardLine::Nothing => Event::Nothing,
            }),
            Self::Json(json) => json.read(line).map(Event::Edge),
            Self::Template(template) => template.read(line).map(Event::Edge),
            Self::Alb(alb) => alb.read(line).map(Event::Edge),
            Self::Haproxy(httplog) => httplog.read(line).map(Event::Edge),
        }
    }

    /// What tells whether a line matters, where that can be told before all of it is read.
    pub(crate) fn glance<'a>(&mut self, line: &'a [u8]) -> Option<Glance<'a>> {
        match self {
            Self::Cloudfront(Some(columns)) if line.first() != Some(&b'#') => columns.glance(line).ok(),
            _ => None,
        }
    }

    /// Whether the lines of an input can no longer change how it reads, but for those that say so.
    pub(crate) fn is_settled(&self) -> bool {
        match self {
            Self::Cloudfront(columns) => columns.as_ref().is_some_and(Columns::is_settled),
            _ => true,
        }
    }

    /// Whether a field of JSON means something.
    pub(crate) fn wants(&self, name: &str) -> bool {
        match self {
            Self::Json(json) => json.wants(name),
            _ => false,
        }
    }

    /// Whether it makes a line of the edge of it.
    fn reads(&mut self, line: &[u8]) -> bool {
        matches!(self.read(line), Ok(Event::Edge(_)))
    }
}

fn cloudfront<'a>(columns: &mut Option<Columns>, line: &'a [u8]) -> Result<Event<'a>, BadReason> {
    if line.first() == Some(&b'#') {
        // Files that were put together bring their own directives, perhaps in another order.
        if let Some(names) = line.strip_prefix(b"#Fields:") {
            *columns = Some(Columns::parse(names));
        }
        return Ok(Event::Nothing);
    }
    let read = match columns {
        Some(columns) => columns.read(line).map(Event::Edge),
        None => Err(BadReason::UnknownFormat),
    };
    // The same for those whose first line has the names.
    match read {
        Err(_) if let Some(header) = Columns::header(line) => {
            *columns = Some(header);
            Ok(Event::Nothing)
        }
        read => read,
    }
}
