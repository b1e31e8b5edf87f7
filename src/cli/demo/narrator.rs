//! What the audience reads: the simulated time, what happens, the result in numbers, the operation to try.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::super::output;

/// Tells the story step by step. Never prints a person's data: only numbers, and words of the example.
pub struct Narrator {
    zone: TimeZone,
    pause: Duration,
}

const INDENT: &str = "                  ";
const WIDTH: usize = 92;

impl Narrator {
    /// Speaks in the time of `zone` and waits `pause` after each step.
    pub fn new(zone: TimeZone, pause: Duration) -> Self {
        Self { zone, pause }
    }

    /// A headline.
    pub fn chapter(&self, title: &str) {
        output::line(&format!("\n── {title} {}", "─".repeat(WIDTH.saturating_sub(title.chars().count()))));
    }

    /// What happens at `at`.
    pub fn scene(&self, at: Timestamp, words: &str) {
        let time = at.to_zoned(self.zone.clone()).strftime("%Y-%m-%d %H:%M").to_string();
        let mut lines = wrapped(words).into_iter();
        output::line(&format!("\n{time}  {}", lines.next().unwrap_or_default()));
        for line in lines {
            output::line(&format!("{INDENT}{line}"));
        }
    }

    /// What came of it, in numbers.
    pub fn result(&self, words: &str) {
        for (index, line) in wrapped(words).into_iter().enumerate() {
            output::line(&format!("{INDENT}{} {line}", if index == 0 { "=>" } else { "  " }));
        }
    }

    /// The time of day of an instant, as people of the story say it.
    pub fn clock_time(&self, at: Timestamp) -> String {
        at.to_zoned(self.zone.clone()).strftime("%H:%M").to_string()
    }

    /// The operation, and the pause that ends a step.
    pub async fn operation(&self, who: &str, operation: &str) {
        for (index, line) in wrapped(&format!("{who}: {}", compact(operation))).into_iter().enumerate() {
            output::line(&format!("{INDENT}{} {line}", if index == 0 { "·" } else { "   " }));
        }
        if !self.pause.is_zero() {
            tokio::time::sleep(self.pause).await;
        }
    }
}

/// An operation without what every one has: the type's name and what an expected failure says.
pub fn compact(operation: &str) -> String {
    let line = operation.split_whitespace().collect::<Vec<_>>().join(" ");
    line.replace("... on Problem { code field message remedy }", "")
        .replace("__typename", "")
        .replace("  ", " ")
}

fn wrapped(words: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in words.split_whitespace() {
        let last = lines.len() - 1;
        if !lines[last].is_empty() && lines[last].chars().count() + 1 + word.chars().count() > WIDTH {
            lines.push(word.to_owned());
        } else {
            if !lines[last].is_empty() {
                lines[last].push(' ');
            }
            lines[last].push_str(word);
        }
    }
    lines
}
