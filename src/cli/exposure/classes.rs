//! A reconstruction in words. Counts only: the people are in the JSON.

use std::fmt::Write;

use exposure::{Assumption, Doubt, Exposure, JoinedBy, Reconstruction, WouldHelp};

/// The class, as everywhere.
pub const fn word(exposure: Exposure) -> &'static str {
    match exposure {
        Exposure::Confirmed => "confirmed",
        Exposure::Possible => "possible",
        Exposure::Indeterminate => "indeterminate",
        Exposure::SelfOnly => "self_only",
        Exposure::Excluded => "excluded",
    }
}

/// The result for people.
pub fn text(result: &Reconstruction) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write(&mut text, result);
    text
}

fn write(text: &mut String, result: &Reconstruction) -> std::fmt::Result {
    let Reconstruction {
        cache,
        joined_by,
        people: _,
        counts,
        answers,
        residual,
        thin_hours,
        doubts,
        sessions_of_several_clients,
        assumptions,
        would_help,
    } = result;
    writeln!(text)?;
    for doubt in doubts {
        writeln!(text, "NOBODY EXCLUDED  {}", doubts_because(*doubt))?;
    }
    if *sessions_of_several_clients > 0 {
        writeln!(
            text,
            "WARNING     {sessions_of_several_clients} sessions were used from several addresses or programs: a cache may have given their cookies away"
        )?;
    }
    let total =
        counts.confirmed + counts.possible + counts.indeterminate + counts.self_only + counts.excluded;
    writeln!(text, "of these {total} persons")?;
    for (count, class, means) in [
        (
            counts.confirmed,
            Exposure::Confirmed,
            "a page that can only have been theirs went to somebody else",
        ),
        (
            counts.possible,
            Exposure::Possible,
            "a page that may have been theirs went to somebody who may be another",
        ),
        (counts.indeterminate, Exposure::Indeterminate, "the logs that could tell are missing"),
        (
            counts.self_only,
            Exposure::SelfOnly,
            "pages that may have been theirs went from a cache to themselves alone",
        ),
        (
            counts.excluded,
            Exposure::Excluded,
            "no page from a cache can have been theirs, if the logs are complete",
        ),
    ] {
        writeln!(text, "  {:<14}{count:>6}  {means}", word(class))?;
    }
    let joined = match joined_by {
        JoinedBy::RequestIds => "the edge's ids of requests, in both logs",
        JoinedBy::Sessions => "session, path and time: the origin's log has no ids of the edge",
        JoinedBy::Nothing => "nothing: a miss may be the viewer's own page or another's",
    };
    writeln!(text, "joined by   {joined}")?;
    writeln!(
        text,
        "answers     {} made by the origin for who asked, {} from a cache, {} one or the other",
        answers.own, answers.kept, answers.unsure
    )?;
    writeln!(
        text,
        "  {} reached or may have reached somebody else; of {} nobody knows whose they were, of {} who got them",
        answers.exposing, answers.unexplained, answers.viewer_unknown
    )?;
    writeln!(
        text,
        "cache       kept for {} s at most, {} behind one another",
        cache.time_to_live_seconds, cache.tiers
    )?;
    match residual.expected_unseen_thousandths {
        Some(unseen) => writeln!(
            text,
            "unseen      {}.{:03} answers more are to be expected: of {} requests at the origin {} have no line at the edge",
            unseen / 1_000,
            unseen % 1_000,
            residual.origin_requests,
            residual.without_edge_line
        )?,
        None => writeln!(
            text,
            "unseen      nobody can tell how many lines of the edge are lost: no ids join the logs"
        )?,
    }
    for gap in thin_hours {
        writeln!(
            text,
            "THIN        edge: more than a quarter of the requests at the origin have no line from {} to {}",
            gap.from, gap.to
        )?;
    }
    for assumption in assumptions {
        writeln!(text, "rests on    {}", rests_on(*assumption))?;
    }
    for help in would_help {
        writeln!(text, "would help  {}", helps(*help))?;
    }
    Ok(())
}

const fn rests_on(assumption: Assumption) -> &'static str {
    match assumption {
        Assumption::EdgeLogComplete => "the edge's log has each answer",
        Assumption::OriginLogComplete => {
            "the origin's log has each request that reached it (else --origin-log-incomplete)"
        }
        Assumption::TimeToLive => "no cache gave an answer for longer than said",
        Assumption::History => "the cache was changed and purged when said",
        Assumption::SingleCopy => "each location kept one copy",
        Assumption::KeyHasHostAndQuery => "host and query were part of the key",
        Assumption::LengthsTellBodies => "answers of different length are different pages",
        Assumption::ClientsTellPeople => "an address with a program is the people seen behind it",
        Assumption::SessionsTellPeople => "nobody but its holder used a session",
    }
}

const fn helps(help: WouldHelp) -> &'static str {
    match help {
        WouldHelp::RequestIdsAtOrigin => "an origin log with the edge's id of each request",
        WouldHelp::SessionsAtEdge => "an edge log with the session's cookie",
        WouldHelp::MissingLogs => "the missing hours, or the rest of files that break off",
        WouldHelp::TimeToLive => "a shorter --time-to-live, if the cache's configuration shows one",
        WouldHelp::Tiers => "a smaller --tiers, if there was no cache behind the edge",
        WouldHelp::Lengths => "lengths of bodies in the edge's log (sc-content-len)",
    }
}

const fn doubts_because(doubt: Doubt) -> &'static str {
    match doubt {
        Doubt::MissingOriginHours => "hours of the origin's log are missing",
        Doubt::TruncatedInputs => "a file breaks off",
        Doubt::DamagedInputs => "a file has lines that could not be read",
        Doubt::UnexplainedAnswers => "answers came from a cache of which nobody knows whose they were",
        Doubt::ClocksApart => {
            "the clocks of edge and origin are more than a minute apart; correct the origin's times"
        }
    }
}
