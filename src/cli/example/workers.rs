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
    /// Where notices go: nowhere (RFC 2606).
    pub email: String,
    pub phone: String,
    /// In which language to write: `ja` or `en`.
    pub language: &'static str,
}

/// How many medical workers there are.
pub const WORKERS: u32 = 270;

/// Medical institutions, invented, at places that are on no map: slug, and name in Japanese and in English.
pub const CLINICS: [(&str, &str, &str); 4] = [
    ("kirigasawa", "霧ヶ沢病院", "Kirigasawa Hospital"),
    ("tsukikageno", "月影野診療所", "Tsukikageno Clinic"),
    ("hoshimihama", "星見浜病院", "Hoshimihama Hospital"),
    ("kazemachioka", "風待丘診療所", "Kazemachioka Clinic"),
];

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
            // The number makes the address unique: two people may have the same name.
            email: format!(
                "{}.{}.{number}@mail.example",
                family.romaji.to_lowercase(),
                given.romaji.to_lowercase()
            ),
            phone: format!("090-0{:03}-{:04}", chance.below(1000), chance.below(10_000)),
            language: if chance.below(100) < 10 { "en" } else { "ja" },
            number,
        }
    };
    Ok((0..count).map(invent).collect())
}
