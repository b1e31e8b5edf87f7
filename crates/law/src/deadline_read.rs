//! Reading deadlines and clocks.

use crate::{
    catalogue::{self, FactKind},
    clock::{Clock, FirstDay, From, MAX_AMOUNT, Roll, Unit},
    condition_read::condition,
    pack::{Alternative, Deadline, Nature, Suspension},
    read::{At, Errors},
};

const NATURES: &[(&str, Nature)] = &[
    ("statute", Nature::Statute),
    ("guidance", Nature::Guidance),
    ("internal", Nature::Internal),
    ("open_textured", Nature::OpenTextured),
];

/// A list of facts that are moments.
pub(crate) fn moments(at: &At<'_>, errs: &mut Errors) -> Option<Vec<String>> {
    let items = at.list(errs)?;
    let mut names = Vec::new();
    for item in &items {
        let name = item.text(errs)?;
        match catalogue::find(name) {
            Some(def) if def.kind == FactKind::Moment => names.push(name.to_owned()),
            _ => return item.fail(errs, "expected a fact of the catalogue that is an instant"),
        }
    }
    if names.is_empty() { at.fail(errs, "name at least one fact") } else { Some(names) }
}

pub(crate) fn deadline(at: &At<'_>, errs: &mut Errors) -> Option<Deadline> {
    let f = at.fields(
        &[
            "id",
            "label",
            "clause",
            "source",
            "nature",
            "when",
            "start",
            "clocks",
            "on_multiple",
            "window",
            "rounded_hour",
            "after",
            "suspended_by",
        ],
        errs,
    )?;
    let id = f.need("id", errs).and_then(|a| a.text(errs)).map(str::to_owned);
    let label = f.need("label", errs).and_then(|a| a.labels(errs));
    let clause = f.need("clause", errs).and_then(|a| a.labels(errs));
    let source = f.get("source").and_then(|a| a.text(errs)).map(str::to_owned);
    let nature = f.need("nature", errs).and_then(|a| a.choice(NATURES, errs));
    let when = f.get("when").and_then(|a| condition(&a, "deadline", errs));
    let start = f.need("start", errs).and_then(|a| moments(&a, errs));
    let mut clocks = Vec::new();
    for at in f.get("clocks").and_then(|a| a.list(errs)).unwrap_or_default() {
        clocks.extend(alternative(&at, errs));
    }
    let latest_binds = match f.get("on_multiple") {
        None => Some(true),
        Some(a) => a.choice(&[("max_of", true), ("min_of", false)], errs),
    };
    let window = f.get("window").and_then(|a| {
        let w = a.fields(&["first", "last"], errs)?;
        let first = w.need("first", errs).and_then(|a| alternative(&a, errs));
        let last = w.need("last", errs).and_then(|a| alternative(&a, errs));
        Some((first?.clock, last?.clock))
    });
    let rounded_hour = f.get("rounded_hour").and_then(|a| {
        let r = a.fields(&["label", "source"], errs)?;
        let label = r.need("label", errs).and_then(|a| a.labels(errs));
        let source = r.need("source", errs).and_then(|a| a.text(errs)).map(str::to_owned);
        label.zip(source)
    });
    let after = f.get("after").and_then(|a| {
        let text = a.text(errs)?;
        match text.split_once('/') {
            Some((duty, deadline)) => Some((duty.to_owned(), deadline.to_owned())),
            None => a.fail(errs, "expected \"duty/deadline\""),
        }
    });
    let suspended_by = f.get("suspended_by").and_then(|a| suspension(&a, errs));
    if window.is_some() && !clocks.is_empty() {
        return at.fail(errs, "a deadline has either clocks or a window");
    }
    Some(Deadline {
        id: id?,
        label: label?,
        clause: clause?,
        source,
        nature: nature?,
        when,
        start: start?,
        clocks,
        latest_binds: latest_binds?,
        window,
        rounded_hour,
        after,
        suspended_by,
    })
}

fn suspension(at: &At<'_>, errs: &mut Errors) -> Option<Suspension> {
    let f = at.fields(&["when", "text", "until"], errs)?;
    let when = f.need("when", errs).and_then(|a| condition(&a, "suspended", errs));
    let text = f.need("text", errs).and_then(|a| a.labels(errs));
    let until = match f.get("until") {
        None => None,
        Some(a) => {
            let name = a.text(errs)?;
            if !catalogue::find(name).is_some_and(|def| def.kind == FactKind::Moment) {
                return a.fail(errs, "expected a fact of the catalogue that is an instant");
            }
            Some(name.to_owned())
        }
    };
    Some(Suspension { when: when?, text: text?, until })
}

fn alternative(at: &At<'_>, errs: &mut Errors) -> Option<Alternative> {
    let f = at.fields(&["when", "amount", "unit", "first_day", "roll", "calendar", "from"], errs)?;
    let when = f.get("when").and_then(|a| condition(&a, "clock", errs));
    let amount = f.need("amount", errs).and_then(|a| match u32::try_from(a.count(errs)?) {
        Ok(n) if (1..=MAX_AMOUNT).contains(&n) => Some(n),
        _ => a.fail(errs, format!("expected a whole number from 1 to {MAX_AMOUNT}")),
    });
    let unit = f.need("unit", errs).and_then(|a| {
        let table = &[
            ("hour", Unit::Hour),
            ("day", Unit::Day),
            ("business_day", Unit::BusinessDay),
            ("month", Unit::Month),
        ];
        a.choice(table, errs)
    });
    let first_day = match (f.get("first_day"), unit) {
        (Some(a), _) => a.choice(&[("include", FirstDay::Include), ("exclude", FirstDay::Exclude)], errs),
        (None, Some(Unit::Hour)) => Some(FirstDay::Exclude),
        // The laws differ here, so the pack must say it.
        (None, _) => at.fail(errs, "say first_day: include or exclude"),
    };
    let roll = match f.get("roll") {
        None => Some(Roll::None),
        Some(a) => a.choice(&[("none", Roll::None), ("next_open_day", Roll::NextOpenDay)], errs),
    };
    let calendar = f.get("calendar").and_then(|a| a.text(errs)).map(str::to_owned);
    let from = match f.get("from") {
        None => Some(From::Start),
        Some(a) => a.choice(&[("start", From::Start), ("year_end", From::YearEnd)], errs),
    };
    let clock =
        Clock { amount: amount?, unit: unit?, first_day: first_day?, roll: roll?, calendar, from: from? };
    let needs_calendar = clock.roll == Roll::NextOpenDay || clock.unit == Unit::BusinessDay;
    if needs_calendar && clock.calendar.is_none() {
        return at.fail(errs, "name the calendar of closed days");
    }
    if clock.from == From::YearEnd && clock.unit == Unit::Hour {
        return at.fail(errs, "a period in hours cannot run from the end of a year");
    }
    if clock.roll != Roll::None && clock.unit == Unit::Hour {
        return at.fail(errs, "a period in hours does not roll over closed days");
    }
    Some(Alternative { when, clock })
}
