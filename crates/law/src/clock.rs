//! Typed clocks. Hours, days, business days and months are four different things and are never converted into
//! one another: 72 hours run on the UTC line, 30 days run on a calendar.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Span, Timestamp, civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};

use crate::{Calendar, Grade, Labels, Moment, Precision, calendar::weekday_label};

/// Longest period accepted, in any unit; a longer one in a pack is a slip of the pen.
pub const MAX_AMOUNT: u32 = 10_000;
/// A roll that finds no open day within this many days gives up instead of running forever.
const MAX_ROLL: usize = 370;

/// Unit of a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Elapsed hours of 3,600 seconds, whatever the wall clock does.
    Hour,
    /// Calendar days.
    Day,
    /// Open days of the named calendar.
    BusinessDay,
    /// Calendar months; a day that the month does not have becomes its last.
    Month,
}

/// Whether the day of the start counts as day 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FirstDay {
    /// The day of the start is day 1.
    Include,
    /// The day after the start is day 1.
    Exclude,
}

/// What happens when the last day is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Roll {
    /// Nothing.
    None,
    /// The next day that the named calendar has open, however many closed days lie between.
    NextOpenDay,
}

/// A period with everything that is needed to compute its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    /// How many.
    pub amount: u32,
    /// Of what.
    pub unit: Unit,
    /// Whether the first day counts; without meaning for hours.
    pub first_day: FirstDay,
    /// What happens on a closed day.
    pub roll: Roll,
    /// Calendar for business days and for the roll.
    pub calendar: Option<String>,
    /// From which day the period runs.
    #[serde(default)]
    pub from: From,
}

/// The day from which a period runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum From {
    /// The start itself.
    #[default]
    Start,
    /// 31 December of the start's year, as in 45 CFR 164.408(c).
    YearEnd,
}

/// The end of a period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Due {
    /// An instant.
    Instant {
        /// On the UTC line.
        at: Timestamp,
        /// As a local time with its zone.
        local: String,
    },
    /// A whole day, until its end.
    Date {
        /// The last day.
        date: Date,
        /// Zone in which the day ends.
        zone: String,
        /// The instant at which it ends.
        ends_at: Timestamp,
    },
}

impl Due {
    /// The last instant at which the duty is still met in time, for comparing and for reminders.
    pub fn ends_at(&self) -> Timestamp {
        match self {
            Due::Instant { at, .. } => *at,
            Due::Date { ends_at, .. } => *ends_at,
        }
    }

    /// An instant shown in a zone.
    pub fn instant(at: Timestamp, zone: &TimeZone) -> Due {
        Due::Instant { at, local: at.to_zoned(zone.clone()).to_string() }
    }

    /// A day in a zone; `None` beyond the range of dates.
    pub fn day(date: Date, zone: &TimeZone) -> Option<Due> {
        let ends_at = date.tomorrow().ok()?.to_zoned(zone.clone()).ok()?.timestamp();
        let zone = zone.iana_name().map_or_else(|| String::from("fixed offset"), str::to_owned);
        Some(Due::Date { date, zone, ends_at })
    }

    /// The end as a short text: the local time, or the date.
    pub fn show(&self) -> String {
        match self {
            Due::Instant { local, .. } => local.clone(),
            Due::Date { date, .. } => date.to_string(),
        }
    }
}

/// A computed period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// End before the roll.
    pub raw_due: Option<Due>,
    /// End after the roll; `None` when it could not be computed, then `problem` says why.
    pub due: Option<Due>,
    /// Why the end was moved.
    pub roll_reason: Option<Labels>,
    /// The steps in words.
    pub steps: Vec<Labels>,
    /// What stopped the computation.
    pub problem: Option<Labels>,
    /// How well the calendar behind the result was checked.
    pub grade: Grade,
}

/// Runs a clock from its start. Days are days of `zone`; hours are shown in `show_zone`.
pub fn run(
    clock: &Clock,
    start: &Moment,
    zone: &TimeZone,
    show_zone: &TimeZone,
    calendars: &BTreeMap<String, Calendar>,
) -> Run {
    let mut run = Run {
        raw_due: None,
        due: None,
        roll_reason: None,
        steps: Vec::new(),
        problem: None,
        grade: Grade::Verified,
    };
    let calendar = clock.calendar.as_ref().and_then(|id| calendars.get(id));
    let outcome = match clock.unit {
        Unit::Hour => hours(clock, start, show_zone, &mut run),
        _ => days(clock, start, zone, calendar, &mut run),
    };
    if let Err(problem) = outcome {
        run.steps.push(problem.clone());
        run.problem = Some(problem);
        run.due = None;
    }
    run
}

fn out_of_range() -> Labels {
    Labels::new("the end lies beyond the range of dates", "期限が扱える日付の範囲を超えます")
}

fn hours(clock: &Clock, start: &Moment, show: &TimeZone, run: &mut Run) -> Result<(), Labels> {
    let from = start.timestamp();
    if start.precision() == Precision::Day {
        run.steps.push(Labels::new(
            "only the day of the start is known: counted from its beginning",
            "開始は日のみ判明しているため、その日の始まりから計算します",
        ));
    }
    let at = hours_later(clock, from)?;
    let local = |t: Timestamp| t.to_zoned(show.clone()).to_string();
    run.steps.push(Labels::new(
        format!("{} + {} elapsed hours (UTC line) = {}", local(from), clock.amount, local(at)),
        format!("{} ＋ 経過時間{}時間（UTC上で計算）＝ {}", local(from), clock.amount, local(at)),
    ));
    run.raw_due = Some(Due::instant(at, show));
    run.due = run.raw_due.clone();
    Ok(())
}

fn days(
    clock: &Clock,
    start: &Moment,
    zone: &TimeZone,
    calendar: Option<&Calendar>,
    run: &mut Run,
) -> Result<(), Labels> {
    let first = first_day(clock, start, zone)?;
    if clock.from == From::YearEnd {
        let day = start.date_in(zone);
        run.steps.push(Labels::new(
            format!("{day}: the period runs from the end of that calendar year"),
            format!("{day}：当該暦年の末日から起算します"),
        ));
    }
    let included = clock.first_day == FirstDay::Include;
    let amount = clock.amount;
    let end = last_day(clock, first, calendar)?;
    let (unit_en, unit_ja) = match clock.unit {
        Unit::BusinessDay => ("business days", "営業日"),
        Unit::Month => ("months", "か月"),
        Unit::Hour | Unit::Day => ("days", "日"),
    };
    let (how_en, how_ja) = if included {
        ("the day of the start is day 1", "初日を1日目とする")
    } else {
        ("the day of the start does not count", "初日不算入")
    };
    run.steps.push(Labels::new(
        format!("start {first}, {amount} {unit_en}, {how_en}: {end}"),
        format!("起算 {first}、{amount}{unit_ja}、{how_ja}：{end}"),
    ));
    run.raw_due = Some(Due::day(end, zone).ok_or_else(out_of_range)?);
    let rolled = match (clock.roll, calendar) {
        (Roll::None, _) => end,
        (Roll::NextOpenDay, None) => return Err(no_calendar()),
        (Roll::NextOpenDay, Some(calendar)) => roll(end, calendar, run)?,
    };
    if let Some(calendar) = calendar {
        run.grade = run.grade.max(calendar.grade);
    }
    run.due = Some(Due::day(rolled, zone).ok_or_else(out_of_range)?);
    Ok(())
}

fn hours_later(clock: &Clock, from: Timestamp) -> Result<Timestamp, Labels> {
    from.checked_add(SignedDuration::from_hours(i64::from(clock.amount))).map_err(|_| out_of_range())
}

/// The day from which a period of days is counted.
fn first_day(clock: &Clock, start: &Moment, zone: &TimeZone) -> Result<Date, Labels> {
    let day = start.date_in(zone);
    match clock.from {
        From::Start => Ok(day),
        From::YearEnd => Date::new(day.year(), 12, 31).map_err(|_| out_of_range()),
    }
}

/// The last day of a period of days, before the roll.
fn last_day(clock: &Clock, first: Date, calendar: Option<&Calendar>) -> Result<Date, Labels> {
    let included = clock.first_day == FirstDay::Include;
    let amount = i64::from(clock.amount);
    match clock.unit {
        Unit::BusinessDay => open_days_later(first, clock, calendar),
        Unit::Month => {
            let end = Span::new()
                .try_months(amount)
                .and_then(|span| first.checked_add(span))
                .map_err(|_| out_of_range())?;
            if included { end.yesterday().map_err(|_| out_of_range()) } else { Ok(end) }
        }
        Unit::Hour | Unit::Day => {
            let add = if included { (amount - 1).max(0) } else { amount };
            Span::new().try_days(add).and_then(|span| first.checked_add(span)).map_err(|_| out_of_range())
        }
    }
}

/// The end of a period alone, as instants before and after the roll: what [`run`] computes, without its words.
/// Nothing where it cannot be computed.
pub(crate) fn ends(
    clock: &Clock,
    start: &Moment,
    zone: &TimeZone,
    calendar: Option<&Calendar>,
) -> (Option<Timestamp>, Option<Timestamp>) {
    if clock.unit == Unit::Hour {
        let at = hours_later(clock, start.timestamp()).ok();
        return (at, at);
    }
    let end_of = |day: Date| Some(day.tomorrow().ok()?.to_zoned(zone.clone()).ok()?.timestamp());
    let Ok(last) = first_day(clock, start, zone).and_then(|first| last_day(clock, first, calendar)) else {
        return (None, None);
    };
    let Some(raw) = end_of(last) else { return (None, None) };
    let rolled = match (clock.roll, calendar) {
        (Roll::None, _) => return (Some(raw), Some(raw)),
        (Roll::NextOpenDay, None) => None,
        (Roll::NextOpenDay, Some(calendar)) => open_day(last, calendar),
    };
    (Some(raw), rolled.and_then(|day| if day == last { Some(raw) } else { end_of(day) }))
}

fn open_day(from: Date, calendar: &Calendar) -> Option<Date> {
    let mut day = from;
    for _ in 0..MAX_ROLL {
        if calendar.reason(day).ok()?.is_none() {
            return Some(day);
        }
        day = day.tomorrow().ok()?;
    }
    None
}

fn no_calendar() -> Labels {
    Labels::new("the calendar of closed days is missing", "休日表がありません")
}

fn missing_year(calendar: &Calendar, year: i16) -> Labels {
    Labels::new(
        format!("{} has no table for {year}: a person must look the holidays up", calendar.title.en),
        format!("{}に{year}年の表がないため、人による確認が必要です", calendar.title.ja),
    )
}

fn roll(end: Date, calendar: &Calendar, run: &mut Run) -> Result<Date, Labels> {
    let mut day = end;
    let (mut en, mut ja) = (Vec::new(), Vec::new());
    for _ in 0..MAX_ROLL {
        let Some(reason) = calendar.closed(day).map_err(|m| missing_year(calendar, m.0))? else {
            if day != end {
                let reason =
                    Labels::new(format!("closed: {}", en.join(", ")), format!("閉庁日：{}", ja.join("、")));
                run.steps.push(Labels::new(
                    format!("{end} is closed; next open day {day} ({})", weekday_label(day.weekday()).en),
                    format!("{end} は閉庁日のため翌開庁日 {day}（{}）", weekday_label(day.weekday()).ja),
                ));
                run.roll_reason = Some(reason);
            }
            return Ok(day);
        };
        en.push(format!("{day} {}", reason.en));
        ja.push(format!("{day} {}", reason.ja));
        day = day.tomorrow().map_err(|_| out_of_range())?;
    }
    Err(Labels::new("the calendar has no open day", "開庁日が見つかりません"))
}

fn open_days_later(first: Date, clock: &Clock, calendar: Option<&Calendar>) -> Result<Date, Labels> {
    let calendar = calendar.ok_or_else(no_calendar)?;
    let open = |d: Date| calendar.reason(d).map(|c| c.is_none()).map_err(|m| missing_year(calendar, m.0));
    let mut left = clock.amount;
    let mut day = first;
    if clock.first_day == FirstDay::Include && left > 0 && open(day)? {
        left -= 1;
    }
    while left > 0 {
        day = day.tomorrow().map_err(|_| out_of_range())?;
        if open(day)? {
            left -= 1;
        }
    }
    Ok(day)
}
