//! Names, addresses and numbers for the people of the simulated day, who are only ids there. Nothing of it exists:
//! mail goes to `.example` (RFC 2606), 090-0 is given to nobody, prefecture and towns are on no map.

use std::collections::HashMap;

use anyhow::Context as _;
use exposure::simulate::{Day, Person};
use sha2::{Digest, Sha256};

use super::embedded::NAMES;

/// A record type of the example system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordType {
    /// Somebody who applies to a school.
    Applicant,
    /// Somebody who works there.
    SchoolAdmin,
}

impl RecordType {
    /// As in the manifest and in the logs.
    pub fn name(self) -> &'static str {
        match self {
            RecordType::Applicant => "applicant",
            RecordType::SchoolAdmin => "school_admin",
        }
    }

    /// The columns after `tenant`, `external_id` and `language`: the fields of the manifest.
    pub fn fields(self) -> &'static [&'static str] {
        match self {
            RecordType::Applicant => &[
                "full_name",
                "name_kana",
                "email",
                "date_of_birth",
                "phone",
                "postal_address",
                "guardian_name",
                "choice_of_course",
            ],
            RecordType::SchoolAdmin => &["full_name", "email", "phone"],
        }
    }
}

/// The people of one record type as the import reads them, in the order of their ids. Who is with two schools has a row for
/// each. The same seed gives the same bytes.
///
/// # Errors
/// When the embedded list of names is damaged.
pub fn people_csv(day: &Day, record_type: RecordType) -> anyhow::Result<String> {
    let names = Names::embedded()?;
    let mut writer = csv::Writer::from_writer(Vec::new());
    let head = ["tenant", "external_id", "language"];
    writer.write_record(head.iter().chain(record_type.fields()))?;
    for person in day.population().people.iter().filter(|person| person.kind == record_type.name()) {
        let made_up = names.invent(day.seed(), person, record_type);
        for tenant in &person.tenants {
            let head = [tenant.as_str(), person.id.as_str(), made_up.language];
            let fields = record_type.fields().iter().map(|field| made_up.values[field].as_str());
            writer.write_record(head.into_iter().chain(fields))?;
        }
    }
    let bytes = writer.into_inner().context("the table cannot be written")?;
    String::from_utf8(bytes).context("the table is not text")
}

pub(super) struct Name {
    pub kanji: &'static str,
    pub kana: &'static str,
    pub romaji: &'static str,
}

pub(super) struct Names {
    pub family: Vec<Name>,
    pub given: Vec<Name>,
}

struct MadeUp {
    language: &'static str,
    values: HashMap<&'static str, String>,
}

const TOWNS: [&str; 12] = [
    "霧ヶ沢市",
    "月影野市",
    "星見浜市",
    "風待丘市",
    "水鏡町",
    "葦原川市",
    "白波瀬市",
    "常夜灯町",
    "雲居台市",
    "鈴音村",
    "花筏市",
    "雪明町",
];
const QUARTERS: [&str; 10] =
    ["水門前", "千鳥橋", "葭切", "朝凪町", "夕霧台", "浮島通", "渡瀬", "八重桜町", "石清水", "灯台下"];
const COURSES: [&str; 6] =
    ["普通コース", "特進コース", "国際コース", "理数コース", "芸術コース", "スポーツコース"];

impl Names {
    pub(super) fn embedded() -> anyhow::Result<Self> {
        let mut names = Self { family: Vec::new(), given: Vec::new() };
        for line in NAMES.lines().skip(1).filter(|line| !line.is_empty()) {
            let parts: Vec<&'static str> = line.split(',').collect();
            let [part, kanji, kana, romaji] = parts[..] else {
                anyhow::bail!("the embedded names want four columns")
            };
            let name = Name { kanji, kana, romaji };
            match part {
                "family" => names.family.push(name),
                _ => names.given.push(name),
            }
        }
        anyhow::ensure!(!names.family.is_empty() && !names.given.is_empty(), "the embedded names are empty");
        Ok(names)
    }

    fn invent(&self, seed: u64, person: &Person, record_type: RecordType) -> MadeUp {
        let mut chance = Chance::of(seed, &person.id);
        let (family, given) = (chance.pick(&self.family), chance.pick(&self.given));
        let guardian = chance.pick(&self.given);
        // The id makes the address unique: two people may have the same name, but not the same letter-box.
        let mail = |domain: &str| {
            let (family, given) = (family.romaji.to_lowercase(), given.romaji.to_lowercase());
            format!("{family}.{given}.{}@{domain}", person.id)
        };
        let phone = format!("090-0{:03}-{:04}", chance.below(1000), chance.below(10_000));
        let mut values =
            HashMap::from([("full_name", format!("{} {}", family.kanji, given.kanji)), ("phone", phone)]);
        match record_type {
            RecordType::Applicant => {
                values.insert("name_kana", format!("{} {}", family.kana, given.kana));
                values.insert("email", mail("mail.example"));
                // Pupils of the sixth year: born from April 2011 to March 2012.
                let (month, day) = (chance.below(12), 1 + chance.below(28));
                let (year, month) = if month < 9 { (2011, month + 4) } else { (2012, month - 8) };
                values.insert("date_of_birth", format!("{year}-{month:02}-{day:02}"));
                let address = format!(
                    "みずうみ県{}{}{}-{}-{}",
                    chance.pick(&TOWNS),
                    chance.pick(&QUARTERS),
                    1 + chance.below(9),
                    1 + chance.below(30),
                    1 + chance.below(20)
                );
                values.insert("postal_address", address);
                values.insert("guardian_name", format!("{} {}", family.kanji, guardian.kanji));
                values.insert("choice_of_course", (*chance.pick(&COURSES)).to_owned());
            }
            RecordType::SchoolAdmin => {
                let school = person.tenants.first().map_or("school", String::as_str);
                values.insert("email", mail(&format!("{school}.example")));
            }
        }
        let language = if chance.below(100) < 6 { "en" } else { "ja" };
        MadeUp { language, values }
    }
}

/// Numbers that depend on the seed and the person alone, so that another person more or less changes nobody else. A hash
/// instead of a random-number crate, because another version of such a crate would invent other people.
pub(super) struct Chance {
    key: [u8; 32],
    drawn: u32,
}

impl Chance {
    pub(super) fn of(seed: u64, id: &str) -> Self {
        let key = Sha256::new().chain_update(seed.to_be_bytes()).chain_update(id.as_bytes()).finalize();
        Self { key: key.into(), drawn: 0 }
    }

    pub(super) fn below(&mut self, bound: u32) -> u32 {
        let hash = Sha256::new().chain_update(self.key).chain_update(self.drawn.to_be_bytes()).finalize();
        self.drawn += 1;
        // The bias of the remainder is far below what an example shows.
        u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]) % bound.max(1)
    }

    pub(super) fn pick<'l, T>(&mut self, list: &'l [T]) -> &'l T {
        let bound = u32::try_from(list.len()).unwrap_or(u32::MAX);
        &list[self.below(bound) as usize]
    }
}
