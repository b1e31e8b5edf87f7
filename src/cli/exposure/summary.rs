//! A scan's result in words. Counts only: the people are in the JSON.

use std::fmt::Write;

use exposure::{Class, InputReport, WindowResult};

/// Whether nothing is known to be missing or damaged.
pub fn is_sound(result: &WindowResult) -> bool {
    let sound = |input: &InputReport| {
        input.truncated.is_none() && input.bad.count == 0 && (input.lines == 0 || input.format.is_some())
    };
    result.coverage.complete && result.inputs.iter().all(sound)
}

/// The result for people.
pub fn text(result: &WindowResult) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write(&mut text, result);
    text
}

fn write(text: &mut String, result: &WindowResult) -> std::fmt::Result {
    let query = &result.query;
    writeln!(text, "window      {} to {}", query.from, query.to)?;
    if (query.margin_before_seconds, query.margin_after_seconds) != (0, 0) {
        let (before, after) = (query.margin_before_seconds, query.margin_after_seconds);
        writeln!(text, "margins     {before} s before, {after} s after")?;
    }
    let counts = &result.counts;
    writeln!(text, "affected    {} persons at {} tenants", counts.total_persons, counts.total_tenants)?;
    for kind in &counts.by_kind {
        let name = kind.kind.as_deref().unwrap_or("(no kind)");
        writeln!(text, "  {name:<20} {:>6} persons at {} tenants", kind.persons, kind.tenants)?;
    }
    let sums = &counts.reconciliation;
    writeln!(
        text,
        "reconciled  {} entries over tenants - {} counted again = {} persons",
        sums.sum_over_tenants, sums.counted_again, sums.total_persons
    )?;
    if counts.indeterminate_persons > 0 {
        writeln!(
            text,
            "unknown     {} persons: the logs that could tell are missing",
            counts.indeterminate_persons
        )?;
    }
    inputs(text, result)?;
    limits(text, result)
}

fn inputs(text: &mut String, result: &WindowResult) -> std::fmt::Result {
    let lines: u64 = result.inputs.iter().map(|input| input.lines).sum();
    let used: u64 = result.inputs.iter().map(|input| input.used).sum();
    writeln!(text, "logs        {} files, {lines} lines, {used} understood", result.inputs.len())?;
    for input in &result.inputs {
        let name = &input.name;
        if let Some(original) = &input.duplicate_of {
            writeln!(text, "  {name}: the same as {original}; counted once")?;
        }
        if let Some(cut) = &input.truncated {
            let InputReport { used, .. } = input;
            writeln!(
                text,
                "  {name}: breaks off at line {} ({}); {used} lines before it were used",
                cut.at_line, cut.cause
            )?;
        }
        if input.lines > 0 && input.format.is_none() {
            writeln!(
                text,
                "  {name}: of no known format; say --as if you know it, with its template (--nginx-format and its like), its --fields or its --json-field names"
            )?;
        }
        if input.lost > 0 {
            writeln!(text, "  {name}: says itself that it lacks {} lines", input.lost)?;
        }
        if input.bad.count > 0 {
            writeln!(text, "  {name}: {} lines were not understood", input.bad.count)?;
            for bad in input.bad.samples.iter().take(3) {
                writeln!(text, "    line {}: {}", bad.line, bad.reason)?;
            }
        }
    }
    Ok(())
}

fn limits(text: &mut String, result: &WindowResult) -> std::fmt::Result {
    for gap in &result.coverage.gaps {
        let source = match gap.source {
            exposure::Source::Edge => "edge",
            exposure::Source::Origin => "origin",
        };
        let given = match gap.source {
            exposure::Source::Edge => result.coverage.edge_given,
            exposure::Source::Origin => result.coverage.origin_given,
        };
        let what = if given { "no line" } else { "no log" };
        writeln!(text, "gap         {source}: {what} from {} to {}", gap.from, gap.to)?;
    }
    let open = &result.unattributed;
    let edge = open.edge_without_session + open.edge_with_unknown_session;
    if edge + open.origin_requests + open.logins > 0 {
        writeln!(
            text,
            "nobody's    {edge} personal requests at the edge, {} at the origin and {} logins belong to nobody known",
            open.origin_requests, open.logins
        )?;
    }
    if let Some(skew) = &result.skew {
        writeln!(
            text,
            "clocks      the origin is {} ms ahead of the edge ({} requests in both logs)",
            skew.median_milliseconds, skew.pairs
        )?;
        if skew.median_milliseconds.abs() > 60_000 {
            writeln!(text, "  more than a minute: correct the times, or widen the margins by it")?;
        }
    }
    let border = &result.border;
    let (inside, outside) = (border.persons_only_inside.len(), border.persons_only_outside.len());
    if inside + outside > 0 {
        writeln!(
            text,
            "border      {inside} persons are on the list, and {outside} are not, by less than {} ms",
            border.within_milliseconds
        )?;
    }
    let possible = result.people.iter().any(|person| person.class == Class::Possible);
    let verdict = match (is_sound(result), possible) {
        (true, true) => "complete    as far as logs can tell: everybody who was there is on the list",
        (true, false) => "complete    as far as logs can tell: nobody was there",
        (false, _) => "INCOMPLETE  logs are damaged or missing: the list may lack people",
    };
    writeln!(text, "{verdict}")
}
