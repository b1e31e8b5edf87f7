//! `--limit NAME=VALUE` and `--patience NAME=SECONDS`.

use std::fmt::{Display, Write};
use std::ops::RangeInclusive;
use std::time::Duration;

use guard::settings::{Limits, Patience};

use super::Failure;

/// Something that can be stated by its name.
struct Named<T, V> {
    name: &'static str,
    about: &'static str,
    range: RangeInclusive<V>,
    of: fn(&mut T) -> Field<'_>,
}

/// Where it stands.
enum Field<'a> {
    Size(&'a mut usize),
    Bytes(&'a mut u64),
    Number(&'a mut u32),
    Time(&'a mut Duration),
}

/// Ends of the ranges: beyond them a guard could not work, or a slip of the pen would be believed.
const LIMITS: [Named<Limits, u64>; 6] = [
    Named {
        name: "connections",
        about: "connections at once, tunnels among them; further ones wait in the system's queue",
        range: 1..=1_000_000,
        of: |limits| Field::Size(&mut limits.connections),
    },
    Named {
        name: "header-fields",
        about: "header fields of a request (431) or of an answer (502)",
        range: 16..=1_000,
        of: |limits| Field::Size(&mut limits.header_fields),
    },
    Named {
        name: "head-bytes",
        about: "bytes of a request's header fields (431), and of an answer's head (502), for which 8192 are taken always",
        range: 1_024..=1_048_576,
        of: |limits| Field::Size(&mut limits.head_bytes),
    },
    Named {
        name: "target-bytes",
        about: "bytes of a request's path and query (414)",
        // What the type of an address takes ends at 65,534.
        range: 64..=65_000,
        of: |limits| Field::Size(&mut limits.target_bytes),
    },
    Named {
        name: "body-bytes",
        about: "bytes of a request's body (413)",
        range: 0..=1_099_511_627_776,
        of: |limits| Field::Bytes(&mut limits.body_bytes),
    },
    Named {
        name: "streams",
        about: "requests at once on a connection of HTTP/2",
        range: 1..=10_000,
        of: |limits| Field::Number(&mut limits.streams),
    },
];

/// A hundredth of a second to an hour; a tunnel may be silent for a day.
const HOUR: RangeInclusive<f64> = 0.01..=3_600.0;

const PATIENCE: [Named<Patience, f64>; 6] = [
    Named {
        name: "head",
        about: "for the whole head of a request and the wait for it, between two requests too: then the connection ends",
        range: HOUR,
        of: |patience| Field::Time(&mut patience.head),
    },
    Named {
        name: "handshake",
        about: "for the handshake of TLS: then the connection ends",
        range: HOUR,
        of: |patience| Field::Time(&mut patience.handshake),
    },
    Named {
        name: "body",
        about: "for the next piece of a body to come (408), and for the client to take one: then the connection ends",
        range: HOUR,
        of: |patience| Field::Time(&mut patience.body),
    },
    Named {
        name: "connect",
        about: "for a connection to the system (503)",
        range: HOUR,
        of: |patience| Field::Time(&mut patience.connect),
    },
    Named {
        name: "answer",
        about: "for the head of the system's answer (504)",
        range: HOUR,
        of: |patience| Field::Time(&mut patience.answer),
    },
    Named {
        name: "tunnel",
        about: "for the next byte through a tunnel, such as a WebSocket: then it ends",
        range: 0.01..=86_400.0,
        of: |patience| Field::Time(&mut patience.tunnel),
    },
];

/// A limit that somebody stated, by its place among them.
#[derive(Clone, Copy)]
pub struct StatedLimit(usize, u64);

/// A patience that somebody stated, by its place among them.
#[derive(Clone, Copy)]
pub struct StatedPatience(usize, f64);

/// Reads `NAME=VALUE`.
pub fn limit(text: &str) -> Result<StatedLimit, String> {
    read(text, &LIMITS, "a whole number").map(|(place, value)| StatedLimit(place, value))
}

/// Reads `NAME=SECONDS`.
pub fn patience(text: &str) -> Result<StatedPatience, String> {
    read(text, &PATIENCE, "a number of seconds").map(|(place, value)| StatedPatience(place, value))
}

/// The limits, with what was stated.
pub fn limits(stated: &[StatedLimit]) -> Result<Limits, Failure> {
    let mut limits = Limits::default();
    once("--limit", &LIMITS, stated.iter().map(|StatedLimit(place, _)| *place))?;
    for StatedLimit(place, value) in stated {
        let Some(named) = LIMITS.get(*place) else { continue };
        match (named.of)(&mut limits) {
            // The ranges above fit.
            Field::Size(size) => *size = usize::try_from(*value).unwrap_or(usize::MAX),
            Field::Number(number) => *number = u32::try_from(*value).unwrap_or(u32::MAX),
            Field::Bytes(bytes) => *bytes = *value,
            Field::Time(time) => *time = Duration::from_secs(*value),
        }
    }
    Ok(limits)
}

/// The patience, with what was stated.
pub fn patiences(stated: &[StatedPatience]) -> Result<Patience, Failure> {
    let mut all = Patience::default();
    once("--patience", &PATIENCE, stated.iter().map(|StatedPatience(place, _)| *place))?;
    for StatedPatience(place, seconds) in stated {
        if let Some(Field::Time(time)) = PATIENCE.get(*place).map(|named| (named.of)(&mut all)) {
            *time = Duration::from_secs_f64(*seconds);
        }
    }
    Ok(all)
}

/// The names with what they are by themselves, for `--help`.
pub fn help_of_limits() -> String {
    help("How much is taken. May be repeated, once for each name.", &LIMITS)
}

/// The same of the patience.
pub fn help_of_patience() -> String {
    let first = "How long is waited, in seconds; 0.5 is half a second. May be repeated, once for each name.";
    help(first, &PATIENCE)
}

fn help<T: Default, V: Display>(first: &str, all: &[Named<T, V>]) -> String {
    let mut text = first.to_owned();
    for Named { name, about, range, of } in all {
        let by_itself = match of(&mut T::default()) {
            Field::Size(size) => size.to_string(),
            Field::Bytes(bytes) => bytes.to_string(),
            Field::Number(number) => number.to_string(),
            Field::Time(time) => time.as_secs_f64().to_string(),
        };
        // Writing to a string cannot fail.
        let _ = write!(text, "\n- {name} ({by_itself}; {} to {}): {about}", range.start(), range.end());
    }
    text
}

fn read<T, V: std::str::FromStr + PartialOrd + Display>(
    text: &str,
    all: &[Named<T, V>],
    what: &str,
) -> Result<(usize, V), String> {
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    let Some((place, Named { range, .. })) = all.iter().enumerate().find(|(_, named)| named.name == name)
    else {
        let names: Vec<_> = all.iter().map(|named| named.name).collect();
        return Err(format!("no name that is known; there are {}", names.join(", ")));
    };
    // What is no number lies in no range either.
    match value.parse::<V>() {
        Ok(value) if range.contains(&value) => Ok((place, value)),
        _ => Err(format!("write {name}=… with {what} from {} to {}", range.start(), range.end())),
    }
}

/// Each name once: of two values nobody could say which was meant.
fn once<T, V>(
    option: &str,
    all: &[Named<T, V>],
    mut places: impl Iterator<Item = usize>,
) -> Result<(), Failure> {
    let mut seen = vec![false; all.len()];
    let twice = places.find(|place| seen.get_mut(*place).is_some_and(|seen| std::mem::replace(seen, true)));
    match twice.and_then(|place| all.get(place)) {
        Some(Named { name, .. }) => {
            Err(Failure::usage(format!("{option} {name} is stated twice; leave one away")))
        }
        None => Ok(()),
    }
}
