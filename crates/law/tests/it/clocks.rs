//! Clocks: hours on the UTC line, days on a calendar, and never one for the other.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp, civil::date, tz::TimeZone};
use law::{
    Calendar, Due, Moment,
    clock::{Clock, FirstDay, Roll, Unit, run},
};
use proptest::prelude::*;

use super::shipped;

fn clock(amount: u32, unit: Unit, first_day: FirstDay, roll: Roll) -> Clock {
    Clock {
        amount,
        unit,
        first_day,
        roll,
        calendar: Some("jp-administrative".into()),
        from: Default::default(),
    }
}

fn calendars() -> &'static BTreeMap<String, Calendar> {
    static ONCE: std::sync::LazyLock<BTreeMap<String, Calendar>> =
        std::sync::LazyLock::new(|| shipped().calendars().clone());
    &ONCE
}

fn at(text: &str) -> Moment {
    Moment::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"))
}

fn due(c: &Clock, start: &str) -> String {
    let start = at(start);
    let r = run(c, &start, &TimeZone::get("Asia/Tokyo").unwrap(), start.zone(), calendars());
    r.due.map_or_else(|| r.problem.unwrap().en.to_string(), |d| d.show())
}

#[test]
fn days_with_the_first_included_or_not() {
    let included = clock(30, Unit::Day, FirstDay::Include, Roll::None);
    let excluded = clock(30, Unit::Day, FirstDay::Exclude, Roll::None);
    assert_eq!(due(&included, "2023-10-26T13:15:00+09:00[Asia/Tokyo]"), "2023-11-24");
    assert_eq!(due(&excluded, "2023-10-26T13:15:00+09:00[Asia/Tokyo]"), "2023-11-25");
    // The date is the regulator's: 16:30 UTC is already the next day in Tokyo.
    assert_eq!(due(&included, "2021-04-26T16:30:00Z"), "2021-05-26");
    // A moment known by its day keeps that day.
    assert_eq!(due(&included, "2023-10-26[Asia/Tokyo]"), "2023-11-24");
}

#[test]
fn the_roll_passes_every_closed_day_and_names_it() {
    let c = clock(30, Unit::Day, FirstDay::Include, Roll::NextOpenDay);
    let start = at("2024-11-30T09:00:00+09:00[Asia/Tokyo]");
    let tokyo = TimeZone::get("Asia/Tokyo").unwrap();
    let r = run(&c, &start, &tokyo, &tokyo, calendars());
    assert_eq!(r.raw_due.unwrap().show(), "2024-12-29");
    assert_eq!(r.due.as_ref().unwrap().show(), "2025-01-06");
    assert_eq!(r.due.unwrap().ends_at().to_string(), "2025-01-06T15:00:00Z");
    let reason = r.roll_reason.unwrap();
    assert!(reason.en.contains("2025-01-01 New Year's Day"), "{}", reason.en);
    assert!(reason.en.contains("2025-01-05 Sunday"), "{}", reason.en);
    assert!(reason.ja.contains("2025-01-01 元日"), "{}", reason.ja);
}

#[test]
fn a_year_without_a_table_stops_the_computation() {
    let c = clock(30, Unit::Day, FirstDay::Include, Roll::NextOpenDay);
    assert!(due(&c, "2027-12-15T09:00:00+09:00[Asia/Tokyo]").contains("no table for 2028"));
    let b = clock(5, Unit::BusinessDay, FirstDay::Exclude, Roll::None);
    assert!(due(&b, "2027-12-28T09:00:00+09:00[Asia/Tokyo]").contains("no table for 2028"));
}

#[test]
fn the_moved_holidays_of_the_olympic_years() {
    let calendars = calendars();
    let jp = &calendars["jp-administrative"];
    let closed = |y, m, d| jp.closed(date(y, m, d)).unwrap().map(|l| l.ja.to_string());
    assert_eq!(closed(2020, 7, 23).as_deref(), Some("海の日"));
    assert_eq!(closed(2020, 7, 20), None, "the usual Marine Day was an ordinary Monday in 2020");
    assert_eq!(closed(2020, 7, 24).as_deref(), Some("スポーツの日"));
    assert_eq!(closed(2020, 10, 12), None);
    assert_eq!(closed(2021, 7, 22).as_deref(), Some("海の日"));
    assert_eq!(closed(2021, 8, 9).as_deref(), Some("振替休日"));
    assert_eq!(closed(2021, 7, 19), None);
    assert_eq!(closed(2025, 12, 29).as_deref(), Some("年末年始の休日"));
    assert_eq!(closed(2025, 12, 28).as_deref(), Some("日曜日"));
    assert_eq!(jp.years().collect::<Vec<_>>(), (2019..=2027).collect::<Vec<_>>());
}

#[test]
fn months_end_where_the_month_ends() {
    let c = clock(1, Unit::Month, FirstDay::Exclude, Roll::None);
    assert_eq!(due(&c, "2025-01-31T09:00:00+09:00[Asia/Tokyo]"), "2025-02-28");
    assert_eq!(due(&c, "2024-01-31T09:00:00+09:00[Asia/Tokyo]"), "2024-02-29");
    assert_eq!(due(&c, "2025-06-06T09:00:00+09:00[Asia/Tokyo]"), "2025-07-06");
}

#[test]
fn business_days_of_the_named_calendar() {
    let c = clock(3, Unit::BusinessDay, FirstDay::Exclude, Roll::None);
    // Fri 2024-05-02; 3rd to 6th are closed.
    assert_eq!(due(&c, "2024-05-02T09:00:00+09:00[Asia/Tokyo]"), "2024-05-09");
    let c = clock(3, Unit::BusinessDay, FirstDay::Include, Roll::None);
    assert_eq!(due(&c, "2024-05-02T09:00:00+09:00[Asia/Tokyo]"), "2024-05-08");
}

#[test]
fn hours_run_through_both_changes_of_the_clock() {
    let c = Clock { calendar: None, ..clock(72, Unit::Hour, FirstDay::Exclude, Roll::None) };
    let spring = due(&c, "2024-03-29T17:20:00+01:00[Europe/Berlin]");
    assert_eq!(spring, "2024-04-01T18:20:00+02:00[Europe/Berlin]");
    let autumn = due(&c, "2025-10-25T12:00:00+02:00[Europe/Berlin]");
    assert_eq!(autumn, "2025-10-28T11:00:00+01:00[Europe/Berlin]");
}

#[test]
fn absurd_amounts_end_in_a_problem() {
    for unit in [Unit::Hour, Unit::Day, Unit::Month] {
        let c = Clock { calendar: None, ..clock(u32::MAX, unit, FirstDay::Exclude, Roll::None) };
        assert!(due(&c, "2025-06-02T00:00:00Z").contains("range of dates"), "{unit:?}");
    }
}

proptest! {
    /// Daylight saving, weekends, holidays: 72 hours are always 259,200 seconds.
    #[test]
    fn seventy_two_hours_are_exact(second in 1_500_000_000i64..1_900_000_000, zone in 0usize..4) {
        let zone = TimeZone::get(["Europe/Berlin", "Asia/Tokyo", "America/New_York", "Australia/Lord_Howe"][zone]).unwrap();
        let start = Moment::exact(Timestamp::from_second(second).unwrap(), zone.clone());
        let c = Clock { calendar: None, ..clock(72, Unit::Hour, FirstDay::Exclude, Roll::None) };
        let end = run(&c, &start, &zone, &zone, &BTreeMap::new()).due.unwrap();
        prop_assert_eq!(end.ends_at().duration_since(start.timestamp()), SignedDuration::from_secs(72 * 3600));
    }

    /// Japan's final report: never before known + 29 days, always on an open day, and no open day is passed over.
    #[test]
    fn the_final_report_falls_on_the_first_open_day(day in 0i64..(365 * 8), hour in 0i64..24) {
        let zone = TimeZone::get("Asia/Tokyo").unwrap();
        let second = 1_546_268_400 + day * 86_400 + hour * 3_600; // from 2019-01-01 in Tokyo
        let start = Moment::exact(Timestamp::from_second(second).unwrap(), TimeZone::UTC);
        let calendars = calendars();
        let c = clock(30, Unit::Day, FirstDay::Include, Roll::NextOpenDay);
        let end = run(&c, &start, &zone, &zone, calendars).due.unwrap();
        let Due::Date { date: end, .. } = end else { panic!("a day") };
        let first = start.date_in(&zone).checked_add(jiff::Span::new().days(29)).unwrap();
        prop_assert!(end >= first);
        let calendar = &calendars["jp-administrative"];
        prop_assert_eq!(calendar.closed(end).unwrap(), None);
        let mut d = first;
        while d < end {
            prop_assert!(calendar.closed(d).unwrap().is_some());
            d = d.tomorrow().unwrap();
        }
    }
}
