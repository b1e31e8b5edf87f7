//! Made-up medical workers for the booking example. As with the other people of the examples nothing of them exists.

use super::people::{Chance, Names};

/// A medical worker, with what the booking system shows of one.
pub struct Worker {
    /// The booking management number, by which the system knows the person.
    pub number: String,
    pub name: String,
    pub name_in_latin: String,
    pub born: String,
    /// In Japanese and in English.
    pub occupation: (&'static str, &'static str),
    pub ticket: String,
}

const OCCUPATIONS: [(&str, &str); 6] = [
    ("看護師", "Nurse"),
    ("医師", "Physician"),
    ("薬剤師", "Pharmacist"),
    ("臨床検査技師", "Clinical laboratory technician"),
    ("救急救命士", "Paramedic"),
    ("医療事務", "Medical clerk"),
];

/// So many of them. The same seed gives the same people, and more of them change nobody.
///
/// # Errors
/// When the embedded list of names is damaged.
pub fn workers(seed: u64, count: u32) -> anyhow::Result<Vec<Worker>> {
    let names = Names::embedded()?;
    let invent = |index: u32| {
        let number = format!("mw-{:05}", index + 1);
        let mut chance = Chance::of(seed, &number);
        let (family, given) = (chance.pick(&names.family), chance.pick(&names.given));
        Worker {
            name: format!("{} {}", family.kanji, given.kanji),
            name_in_latin: format!("{} {}", given.romaji, family.romaji),
            born: format!(
                "{}-{:02}-{:02}",
                1958 + chance.below(40),
                1 + chance.below(12),
                1 + chance.below(28)
            ),
            occupation: *chance.pick(&OCCUPATIONS),
            ticket: format!("{:010}", chance.below(1_000_000_000)),
            number,
        }
    };
    Ok((0..count).map(invent).collect())
}
