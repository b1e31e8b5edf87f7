//! From a pack's text to outcomes and ends.

use std::collections::BTreeMap;

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde_json::Value;

use super::{
    dates::{self, End, Instant},
    logic::{May, Mind, NO, OPEN, Reading, YES},
};

/// Packs and calendars as they stand in their files.
pub struct Library {
    packs: BTreeMap<String, Value>,
    calendars: BTreeMap<String, Value>,
}

impl Library {
    pub fn load(files: &[(&str, &str)]) -> Library {
        let mut library = Library { packs: BTreeMap::new(), calendars: BTreeMap::new() };
        for (name, text) in files {
            // `strict_booleans`, because Norway's code is NO.
            let options = serde_saphyr::options! { strict_booleans: true };
            let value: Value =
                serde_saphyr::from_str_with_options(text, options).unwrap_or_else(|e| panic!("{name}: {e}"));
            let id = value["id"].as_str().expect("an id").to_owned();
            match value["kind"].as_str() {
                Some("RulePack") => library.packs.insert(id, value),
                Some("Calendar") => library.calendars.insert(id, value),
                other => panic!("{name}: {other:?}"),
            };
        }
        library
    }

    /// Ids of the packs.
    pub fn packs(&self) -> impl Iterator<Item = &str> {
        self.packs.keys().map(String::as_str)
    }

    /// The decision under one pack as lines.
    pub fn decide(&self, pack: &str, facts: &Value, at: Timestamp) -> Vec<String> {
        Case::new(self, &self.packs[pack], facts, at).decide()
    }
}

fn items<'v>(node: &'v Value, key: &str) -> impl Iterator<Item = &'v Value> {
    node[key].as_array().into_iter().flatten()
}

fn text<'v>(node: &'v Value, key: &str) -> &'v str {
    node[key].as_str().expect("text")
}

fn date(node: &Value, key: &str) -> Option<Date> {
    node.get(key).map(|d| d.as_str().expect("text").parse().expect("a date"))
}

/// Earliest and latest of a moment.
fn ends(fact: &Value) -> (Option<Instant>, Option<Instant>) {
    let read = |v: &Value| v.as_str().map(Instant::read);
    match fact["value"].get("known") {
        Some(known) => (read(known), read(known)),
        None => {
            let end = |key: &str| fact["value"].get("range").and_then(|r| r.get(key)).and_then(read);
            (end("min"), end("max"))
        }
    }
}

const STRONGEST_FIRST: &[&str] =
    &["Must", "NeedsReview", "BestEffort", "Exempt", "NotRequired", "OutOfScope"];

struct Case<'a> {
    library: &'a Library,
    pack: &'a Value,
    facts: &'a Value,
    at: Timestamp,
    zone: TimeZone,
}

/// What is needed below a version.
struct Bound<'a> {
    mind: Mind<'a>,
    version: &'a Value,
}

impl<'a> Case<'a> {
    fn new(library: &'a Library, pack: &'a Value, facts: &'a Value, at: Timestamp) -> Self {
        Case { library, pack, facts, at, zone: TimeZone::get(text(pack, "zone")).expect("a zone") }
    }

    fn decide(&self) -> Vec<String> {
        let id = text(self.pack, "id");
        let certain = Reading { suspicion: false, maximum: false };
        let outer = Mind { facts: self.facts, definitions: &[], zone: &self.zone, reading: certain };
        let place = outer.answer(&self.pack["scope"], None);
        let mut lines = Vec::new();
        let (version, basis) = self.version();
        let Some(version) = version.filter(|_| place != NO) else {
            let all = if place == NO { "OutOfScope" } else { "NeedsReview" };
            // Which version would have been chosen is told even where the law does not apply.
            let name = self.version().0.map_or("none", |v| text(v, "id"));
            lines.push(format!("{id} version {name}"));
            lines.push(format!("{id} regulator {all}"));
            lines.push(format!("{id} persons {all}"));
            return lines;
        };
        let definitions = [&version["definitions"], &self.pack["definitions"]];
        let flag = |key: &str| version["reading"][key] == true;
        let reading = Reading { suspicion: flag("suspicion_counts"), maximum: flag("count_at_maximum") };
        let mind = Mind { facts: self.facts, definitions: &definitions, zone: &self.zone, reading };
        let bound = Bound { mind, version };
        let own = version.get("scope").map_or(YES, |s| bound.mind.answer(s, None));
        let scope = May::all([place, own]);
        let mut reviews = vec![self.transition(version, basis).not()];
        reviews.extend(items(version, "review").map(|r| bound.mind.answer(&r["when"], None)));
        let review = May::any(reviews);
        let mut by_recipient: BTreeMap<&str, &str> = BTreeMap::new();
        let mut body = Vec::new();
        let duties: Vec<_> = items(version, "duties").filter(|_| scope != NO).collect();
        for duty in &duties {
            let (outcome, trigger) = self.duty(&bound, duty, scope, review);
            let best = by_recipient.entry(text(duty, "recipient")).or_insert("OutOfScope");
            *best = STRONGEST_FIRST.iter().find(|o| [*best, outcome].contains(o)).expect("one of both");
            body.push(format!("{id} duty {} {outcome}", text(duty, "id")));
            if ["Must", "BestEffort"].contains(&outcome) || (outcome == "NeedsReview" && trigger != NO) {
                body.extend(self.deadlines(&bound, duty));
            }
        }
        if duties.is_empty() && scope == OPEN {
            by_recipient.extend([("regulator", "NeedsReview"), ("persons", "NeedsReview")]);
        }
        lines.push(format!("{id} version {}", text(version, "id")));
        for who in ["regulator", "persons"] {
            lines.push(format!("{id} {who} {}", by_recipient.get(who).unwrap_or(&"OutOfScope")));
        }
        lines.extend(body);
        lines
    }

    /// The version in force on the earliest day of the basis, if it is the same on its latest; and that day.
    fn version(&self) -> (Option<&'a Value>, Option<Date>) {
        let today = self.at.to_zoned(self.zone.clone()).date();
        let within = |period: &Value, day: Date, to: &str| {
            date(period, "from").is_none_or(|f| f <= day) && date(period, to).is_none_or(|t| day <= t)
        };
        let on = |day: Date| {
            items(self.pack, "versions").find(|v| {
                v["status"] == "in_force"
                    && within(&v["known"], today, "to")
                    && within(&v["effective"], day, "to")
                    && within(&v["effective"], day, "assured_to")
            })
        };
        let mut first_day = None;
        let mut before: Option<&Value> = None;
        for v in items(self.pack, "versions") {
            let names = &v["temporal_basis"];
            if before == Some(names) {
                continue;
            }
            before = Some(names);
            let days = names.as_array().expect("a list").iter().filter_map(|n| {
                let (min, max) = ends(self.facts.get(n.as_str()?)?);
                Some((min.or(max)?.day(&self.zone), max.or(min)?.day(&self.zone)))
            });
            let Some((from, to)) = days.min() else { continue };
            first_day = first_day.or(Some(from));
            if let (Some(a), Some(b)) = (on(from), on(to))
                && a["id"] == b["id"]
                && a["temporal_basis"] == *names
            {
                return (Some(a), Some(from));
            }
        }
        (None, first_day)
    }

    /// Whether the event lies under the version that the knowledge of it chose.
    fn transition(&self, version: &Value, basis: Option<Date>) -> May {
        if self.pack.get("transition_review").is_none() {
            return YES;
        }
        let (min, max) = self.facts.get("timeline.occurred_from").map_or((None, None), ends);
        let (min, max) = (min.map(|m| m.day(&self.zone)), max.map(|m| m.day(&self.zone)).or(basis));
        let (from, to) = (date(&version["effective"], "from"), date(&version["effective"], "to"));
        let covers = |d: Date| from.is_none_or(|f| f <= d) && to.is_none_or(|t| d <= t);
        match (min, max) {
            (Some(a), Some(b)) if covers(a) && covers(b) => YES,
            (Some(a), Some(b)) if !covers(a) && !covers(b) => NO,
            (None, Some(b)) if from.is_none() && covers(b) => YES,
            (None, Some(b)) if from.is_some_and(|f| b < f) => NO,
            _ => OPEN,
        }
    }

    /// The outcome, and what the trigger answered.
    fn duty(&self, bound: &Bound<'_>, duty: &Value, scope: May, review: May) -> (&'static str, May) {
        let mind = &bound.mind;
        let trigger = mind.answer(&duty["when"], Some(true));
        let with = |effect: &str| {
            let these = items(duty, "exclusions").filter(|e| e["effect"] == effect);
            May::any(these.map(|e| mind.answer(&e["when"], Some(false))))
        };
        let (off, exempt) = (with("not_required"), with("exempt"));
        let own = May::any(items(duty, "review").map(|r| mind.answer(&r["when"], None)));
        let own = if trigger == NO { NO } else { own };
        let found = if scope == NO || (scope == YES && bound.version["effect"] == "out_of_scope") {
            "OutOfScope"
        } else if scope == OPEN || May::any([review, own]) != NO {
            "NeedsReview"
        } else if trigger == NO || off == YES {
            "NotRequired"
        } else if trigger == OPEN || off == OPEN || exempt == OPEN {
            "NeedsReview"
        } else if exempt == YES {
            "Exempt"
        } else if bound.version["effect"] == "best_effort" {
            "BestEffort"
        } else {
            "Must"
        };
        (self.settled(bound, duty, found), trigger)
    }

    /// The authority's confirmed view settles what is open.
    fn settled(&self, bound: &Bound<'_>, duty: &Value, found: &'static str) -> &'static str {
        let view = self.facts.get(format!("process.authority_view.{}", text(self.pack, "id")));
        let known =
            view.filter(|v| v["certainty"] == "confirmed").and_then(|v| v["value"].get("known")?.as_str());
        match known {
            Some(word)
                if found == "NeedsReview" && ["regulator", "persons"].contains(&text(duty, "recipient")) =>
            {
                match (word, bound.version["effect"] == "best_effort") {
                    ("reportable", true) => "BestEffort",
                    ("reportable", false) => "Must",
                    _ => "NotRequired",
                }
            }
            _ => found,
        }
    }

    fn deadlines(&self, bound: &Bound<'_>, duty: &Value) -> Vec<String> {
        let show = |end: Option<End>| end.map_or_else(|| String::from("none"), End::show);
        items(duty, "deadlines")
            .filter_map(|d| {
                let (opens, due) = self.deadline(bound, d)?;
                let (id, pack) = (text(d, "id"), text(self.pack, "id"));
                Some(format!("{pack} deadline {}/{id} {}..{}", text(duty, "id"), show(opens), show(due)))
            })
            .collect()
    }

    /// First day and end; nothing when there is no such deadline.
    fn deadline(&self, bound: &Bound<'_>, d: &Value) -> Option<(Option<End>, Option<End>)> {
        if d.get("when").is_some_and(|w| bound.mind.answer(w, Some(true)) == NO) {
            return None;
        }
        let Some(start) = self.start(bound, d) else { return Some((None, None)) };
        let run = |clock: &Value| {
            let calendar = clock.get("calendar").and_then(|c| self.library.calendars.get(c.as_str()?));
            dates::run(clock, start, &self.zone, calendar.unwrap_or(&Value::Null))
        };
        let (opens, mut due) = if let Some(window) = d.get("window") {
            (run(&window["first"]).1, run(&window["last"]).1)
        } else {
            let earliest = d["on_multiple"] == "min_of";
            let mut best: Option<(Option<i64>, Option<End>)> = None;
            for clock in items(d, "clocks") {
                let applies = clock.get("when").map_or(YES, |w| bound.mind.answer(w, Some(true)));
                // A longer period has to be certain; a shorter one counts as soon as it may apply.
                if applies == NO || (applies == OPEN && !earliest) {
                    continue;
                }
                let (raw, end) = run(clock);
                let over = raw.map(|r| r.over(&self.zone));
                if best.is_none_or(|(old, _)| if earliest { over < old } else { over > old }) {
                    best = Some((over, end));
                }
            }
            (None, best.and_then(|(_, end)| end))
        };
        if let Some(cause) = d.get("suspended_by").filter(|s| bound.mind.answer(&s["when"], None) == YES) {
            let until = cause.get("until").and_then(|u| {
                let fact = self.facts.get(u.as_str()?).filter(|f| f["certainty"] == "confirmed")?;
                ends(fact).0
            });
            if let Some(until) = until
                && due.is_none_or(|d| d.over(&self.zone) < until.second)
            {
                due = Some(End::Instant(until.second));
            }
        }
        Some((opens, due))
    }

    /// The earliest starting fact; else the end of the deadline before.
    fn start(&self, bound: &Bound<'_>, d: &Value) -> Option<Instant> {
        let mut first: Option<(Instant, &Value)> = None;
        for name in items(d, "start") {
            let Some(fact) = self.facts.get(name.as_str().expect("a name")) else { continue };
            let (min, max) = ends(fact);
            let Some(at) = min.or(max) else { continue };
            if first.is_none_or(|(old, _)| at.second < old.second) {
                first = Some((at, fact));
            }
        }
        if let Some((at, fact)) = first {
            let only_feared = fact["certainty"] == "suspected" && !bound.mind.reading.suspicion;
            if !only_feared {
                return Some(at);
            }
        }
        let (duty, id) = d.get("after")?.as_str()?.split_once('/')?;
        let duty = items(bound.version, "duties").find(|x| x["id"] == duty)?;
        let before = items(duty, "deadlines").find(|x| x["id"] == id)?;
        let end = self.deadline(bound, before)?.1?;
        Some(Instant::at(match end {
            End::Instant(second) => second,
            // The last second of that day.
            End::Day(_) => end.over(&self.zone) - 1,
        }))
    }
}
