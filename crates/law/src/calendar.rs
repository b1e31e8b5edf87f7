//! Closed days of an authority, by year. A year without a table is unknown, never free of holidays.

use std::collections::BTreeMap;

use jiff::civil::{Date, Weekday};

use crate::{
    Grade, Labels, pack_read,
    read::{At, Errors},
};

/// A named, versioned calendar of closed days.
#[derive(Debug, Clone)]
pub struct Calendar {
    /// Name under which clocks refer to it.
    pub id: String,
    /// Version of the table.
    pub version: String,
    /// Title for people.
    pub title: Labels,
    /// How well the table was checked.
    pub grade: Grade,
    weekend: Vec<Weekday>,
    every_year: Vec<Span>,
    years: BTreeMap<i16, BTreeMap<Date, Labels>>,
}

/// A yearly closure from one (month, day) to another; it may run over the new year.
#[derive(Debug, Clone)]
struct Span {
    from: (i8, i8),
    to: (i8, i8),
    name: Labels,
}

/// Why a day is closed.
pub(crate) enum Reason<'a> {
    Named(&'a Labels),
    Weekend(Weekday),
}

/// The calendar has no table for this year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the calendar has no table for the year {0}; add it to the calendar file")]
pub struct MissingYear(pub i16);

const WEEKDAYS: &[(&str, Weekday)] = &[
    ("monday", Weekday::Monday),
    ("tuesday", Weekday::Tuesday),
    ("wednesday", Weekday::Wednesday),
    ("thursday", Weekday::Thursday),
    ("friday", Weekday::Friday),
    ("saturday", Weekday::Saturday),
    ("sunday", Weekday::Sunday),
];

impl Calendar {
    /// Why the day is closed, or `None` when it is open.
    ///
    /// # Errors
    /// [`MissingYear`] when the table does not reach that year.
    pub fn closed(&self, date: Date) -> Result<Option<Labels>, MissingYear> {
        Ok(self.reason(date)?.map(|reason| match reason {
            Reason::Named(name) => name.clone(),
            Reason::Weekend(day) => weekday_label(day),
        }))
    }

    /// The same without words.
    pub(crate) fn reason(&self, date: Date) -> Result<Option<Reason<'_>>, MissingYear> {
        let year = self.years.get(&date.year()).ok_or(MissingYear(date.year()))?;
        if let Some(name) = year.get(&date) {
            return Ok(Some(Reason::Named(name)));
        }
        let day = (date.month(), date.day());
        let in_span = |s: &&Span| {
            if s.from <= s.to { s.from <= day && day <= s.to } else { day >= s.from || day <= s.to }
        };
        if let Some(span) = self.every_year.iter().find(in_span) {
            return Ok(Some(Reason::Named(&span.name)));
        }
        Ok(self.weekend.contains(&date.weekday()).then(|| Reason::Weekend(date.weekday())))
    }

    /// The years that the table covers.
    pub fn years(&self) -> impl Iterator<Item = i16> + '_ {
        self.years.keys().copied()
    }

    pub(crate) fn read(root: &At<'_>, errs: &mut Errors) -> Option<Calendar> {
        let f = root.fields(
            &["kind", "id", "version", "title", "zone", "source", "weekend", "closed_every_year", "years"],
            errs,
        )?;
        let id = f.need("id", errs).and_then(|a| a.text(errs)).map(str::to_owned);
        let version = f.need("version", errs).and_then(|a| a.text(errs)).map(str::to_owned);
        let title = f.need("title", errs).and_then(|a| a.labels(errs));
        let source = f.need("source", errs).and_then(|a| pack_read::source(&a, errs));
        let weekend = f.need("weekend", errs).and_then(|a| {
            let days = a.list(errs)?;
            days.iter().map(|d| d.choice(WEEKDAYS, errs)).collect::<Option<Vec<_>>>()
        });
        let mut every_year = Vec::new();
        for item in f.get("closed_every_year").and_then(|a| a.list(errs)).unwrap_or_default() {
            every_year.extend(read_span(&item, errs));
        }
        let mut years = BTreeMap::new();
        for (year, at) in f.need("years", errs).and_then(|a| a.entries(errs)).unwrap_or_default() {
            let Ok(number) = year.parse::<i16>() else {
                at.fail::<()>(errs, "expected a year such as 2027");
                continue;
            };
            years.insert(number, read_year(number, &at, errs).unwrap_or_default());
        }
        Some(Calendar {
            id: id?,
            version: version?,
            title: title?,
            grade: source?.verification,
            weekend: weekend?,
            every_year,
            years,
        })
    }
}

fn read_year(year: i16, at: &At<'_>, errs: &mut Errors) -> Option<BTreeMap<Date, Labels>> {
    let mut days = BTreeMap::new();
    for item in at.list(errs)? {
        let Some(f) = item.fields(&["date", "name"], errs) else { continue };
        let date = f.need("date", errs).and_then(|a| a.date(errs));
        let name = f.need("name", errs).and_then(|a| a.labels(errs));
        let (Some(date), Some(name)) = (date, name) else { continue };
        if date.year() != year {
            item.fail::<()>(errs, format!("{date} stands under the year {year}"));
        } else if days.insert(date, name).is_some() {
            item.fail::<()>(errs, format!("{date} stands here twice"));
        }
    }
    Some(days)
}

fn read_span(at: &At<'_>, errs: &mut Errors) -> Option<Span> {
    let f = at.fields(&["from", "to", "name"], errs)?;
    let mut end = |name: &str| -> Option<(i8, i8)> {
        let at = f.need(name, errs)?;
        let text = at.text(errs)?;
        // 2000 is a leap year, so that 02-29 is accepted.
        match format!("2000-{text}").parse::<Date>() {
            Ok(d) if text.len() == 5 => Some((d.month(), d.day())),
            _ => at.fail(errs, "expected month and day such as 12-29"),
        }
    };
    let (from, to) = (end("from"), end("to"));
    let name = f.need("name", errs).and_then(|a| a.labels(errs));
    Some(Span { from: from?, to: to?, name: name? })
}

pub(crate) fn weekday_label(day: Weekday) -> Labels {
    match day {
        Weekday::Monday => Labels::new("Monday", "月曜日"),
        Weekday::Tuesday => Labels::new("Tuesday", "火曜日"),
        Weekday::Wednesday => Labels::new("Wednesday", "水曜日"),
        Weekday::Thursday => Labels::new("Thursday", "木曜日"),
        Weekday::Friday => Labels::new("Friday", "金曜日"),
        Weekday::Saturday => Labels::new("Saturday", "土曜日"),
        Weekday::Sunday => Labels::new("Sunday", "日曜日"),
    }
}
